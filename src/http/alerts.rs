//! The caller's alerts: saved searches that tell of new posts.
//!
//! Somebody else's alert is 404, whether it exists or not.

use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, Web,
    caller::Caller,
    extract::{Body, InPath, Page, Params},
};
use crate::{
    app::alerts::{AlertInput, AlertMatchView, AlertPreview, AlertView, QuietHours},
    model::{AlertId, ChannelId},
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(preview))
        .routes(routes!(change, delete))
        .routes(routes!(matches))
}

/// The caller's alerts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlertList {
    total: usize,
    alerts: Vec<AlertView>,
}

/// Lists the caller's alerts, oldest first.
#[utoipa::path(
    get, path = "/api/alerts", tag = "alerts", security(("bearer" = ["member"])),
    responses((status = 200, description = "All of them.", body = AlertList))
)]
async fn list(State(web): State<Web>, caller: Caller) -> Result<Json<AlertList>, ApiError> {
    web.call(move |_| {
        let alerts = caller.tenant.alert_list(caller.user_id()?)?;
        Ok(AlertList { total: alerts.len(), alerts })
    })
    .await
    .map(Json)
}

/// What somebody wants to hear of: posts with all the words, phrases and tags, in channels they follow.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "query": "ключевая ставка", "by_meaning": false, "quiet": { "from": "23:00", "until": "08:00" },
    "zone": "Europe/Moscow", "per_day_max": 5
}))]
pub(super) struct AlertBody {
    /// Words that are all there, `"a phrase"`, `-without`, `#tag`.
    #[serde(default)]
    #[schema(max_length = 1000)]
    query: String,
    /// Also posts that mean the same in other words, where there is a model.
    #[serde(default)]
    by_meaning: bool,
    /// The post carries all of these, in any form.
    #[serde(default)]
    #[schema(max_items = 10)]
    tags: Vec<String>,
    /// None: all channels the caller follows.
    #[serde(default)]
    #[schema(max_items = 100)]
    channel_ids: Vec<ChannelId>,
    quiet: Option<QuietHours>,
    /// IANA name of the zone that days and quiet hours are of; none: the appliance's own.
    #[schema(max_length = 64)]
    zone: Option<String>,
    /// Told a day at most.
    #[schema(minimum = 1, maximum = 200, default = 10)]
    per_day_max: Option<u32>,
    /// Nothing found before is told.
    muted_until: Option<Timestamp>,
}

impl From<AlertBody> for AlertInput {
    fn from(body: AlertBody) -> Self {
        Self {
            query: body.query,
            by_meaning: body.by_meaning,
            tags: body.tags,
            channel_ids: body.channel_ids.into_iter().collect(),
            quiet: body.quiet,
            zone: body.zone,
            per_day_max: body.per_day_max,
            muted_until: body.muted_until,
        }
    }
}

/// Keeps an alert; new posts that it finds are told by the bot.
#[utoipa::path(
    post, path = "/api/alerts", tag = "alerts", security(("bearer" = ["member"])), request_body = AlertBody,
    responses(
        (status = 201, description = "It looks at every post that comes from now on.", body = AlertView),
        (status = 200, description = "The caller has the same one already; it stays as it is.", body = AlertView),
        (status = 409, description = "The caller has as many as one may have.")
    )
)]
async fn add(
    State(web): State<Web>,
    caller: Caller,
    Body(body): Body<AlertBody>,
) -> Result<(StatusCode, Json<AlertView>), ApiError> {
    let (alert, is_new) =
        web.call(move |app| app.alert_add(&caller.tenant, caller.user_id()?, body.into())).await?;
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(alert)))
}

/// Says what an alert would have found in the last seven days; nothing is kept.
#[utoipa::path(
    post, path = "/api/alerts/preview", tag = "alerts", security(("bearer" = ["member"])), request_body = AlertBody,
    responses((status = 200, description = "By words and tags; the newest posts as examples.", body = AlertPreview))
)]
async fn preview(
    State(web): State<Web>,
    caller: Caller,
    Body(body): Body<AlertBody>,
) -> Result<Json<AlertPreview>, ApiError> {
    web.call(move |app| {
        caller.user_id()?;
        app.alert_preview(&caller.tenant, &caller.channels, body.into())
    })
    .await
    .map(Json)
}

/// A whole alert in place of the one there is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "alert": { "query": "ключевая ставка", "per_day_max": 3 }, "version": 1 }))]
pub(super) struct AlertChangeBody {
    alert: AlertBody,
    /// The version that was read.
    version: i64,
}

/// Changes an alert; what it found stays.
#[utoipa::path(
    put, path = "/api/alerts/{id}", tag = "alerts", security(("bearer" = ["member"])),
    params(("id" = i64, Path, description = "The alert's id.", example = 1)), request_body = AlertChangeBody,
    responses(
        (status = 200, description = "As it is now.", body = AlertView),
        (status = 404, description = "The caller has no such alert."),
        (status = 409, description = "It was changed meanwhile, or another one is the same.")
    )
)]
async fn change(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<i64>,
    Body(body): Body<AlertChangeBody>,
) -> Result<Json<AlertView>, ApiError> {
    web.call(move |app| {
        let member = caller.user_id()?;
        app.alert_change(&caller.tenant, member, AlertId(id), body.alert.into(), Some(body.version))
    })
    .await
    .map(Json)
}

/// Deletes an alert and what it found.
#[utoipa::path(
    delete, path = "/api/alerts/{id}", tag = "alerts", security(("bearer" = ["member"])),
    params(("id" = i64, Path, description = "The alert's id.", example = 1)),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, description = "The caller has no such alert.")
    )
)]
async fn delete(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<i64>,
) -> Result<StatusCode, ApiError> {
    web.call(move |app| app.alert_delete(&caller.tenant, caller.user_id()?, AlertId(id))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Posts that an alert found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlertMatchList {
    total: u64,
    limit: usize,
    offset: usize,
    matches: Vec<AlertMatchView>,
}

/// Lists what an alert found, newest first, also what was not told.
#[utoipa::path(
    get, path = "/api/alerts/{id}/matches", tag = "alerts", security(("bearer" = ["member"])),
    params(("id" = i64, Path, description = "The alert's id.", example = 1), Page),
    responses(
        (status = 200, description = "A page; posts of channels the caller has left are not shown.", body = AlertMatchList),
        (status = 404, description = "The caller has no such alert.")
    )
)]
async fn matches(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<i64>,
    Params(page): Params<Page>,
) -> Result<Json<AlertMatchList>, ApiError> {
    let (limit, offset) = page.bounds()?;
    web.call(move |_| {
        let key = (caller.user_id()?, AlertId(id));
        let (matches, total) = caller.tenant.alert_match_list(&caller.channels, key, limit, offset)?;
        Ok(AlertMatchList { total, limit, offset, matches })
    })
    .await
    .map(Json)
}
