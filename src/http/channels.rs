//! Channels: following them, leaving them, how deep they are read, and the ledger that says what is missing and why.
//!
//! A person follows channels for themselves; a tenant's admin also for its members. A channel the caller does not see is 404.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, Web,
    caller::{Caller, Writer},
    extract::{Body, InPath, Page, Params},
};
use crate::{
    app::{
        App, Error,
        channels::{ChannelCard, DEPTH_DEFAULT_DAYS, Depth, DepthWritten, FollowOptions, LedgerView},
    },
    model::{Channel, ChannelId, MembershipId},
    store::Member,
};

/// Channels of a list at most.
const CHANNELS_LISTED_MAX: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(list, follow))
        .routes(routes!(one, change, leave))
        .routes(routes!(ledger))
        .routes(routes!(backfill))
        .routes(routes!(list_of_user, follow_for_user))
        .routes(routes!(leave_for_user))
}

/// A page of channels.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChannelList {
    total: usize,
    limit: usize,
    offset: usize,
    channels: Vec<ChannelCard>,
}

impl ChannelList {
    /// The wanted page of all channels; as many as a page holds unless told.
    fn page(all: Vec<ChannelCard>, page: Page) -> Result<Self, ApiError> {
        let wanted = Page { limit: page.limit.or(Some(CHANNELS_LISTED_MAX)), ..page };
        let (limit, offset) = wanted.bounds()?;
        let total = all.len();
        let channels = all.into_iter().skip(offset).take(limit).collect();
        Ok(Self { total, limit, offset, channels })
    }
}

/// Which channel to follow, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FollowBody {
    /// `@name`, a `t.me` link, an id that begins with `-100`, or an invite of a channel the account is in.
    #[serde(alias = "username")]
    #[schema(example = "@durov", min_length = 1, max_length = 512, extensions(("x-alias" = json!("username"))))]
    channel: String,
    /// How many days back to read, or `all`; left out = 7.
    #[schema(value_type = Option<DepthWritten>, example = 7)]
    depth_days: Option<Depth>,
    /// Makes the account a member of the channel, for all to see; Telegram then tells it of new posts at once.
    #[serde(default)]
    join: bool,
}

impl FollowBody {
    fn options(&self) -> FollowOptions {
        let depth = self.depth_days.unwrap_or(Depth::Days(DEPTH_DEFAULT_DAYS));
        FollowOptions { depth_days: depth.days(), join: self.join }
    }
}

/// What to change about a channel one follows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    /// How many days back to read, or `all`.
    #[schema(value_type = Option<DepthWritten>, example = 7)]
    depth_days: Option<Depth>,
}

/// Lists the channels one follows, oldest first; for an API token, those it sees.
#[utoipa::path(
    get, path = "/api/channels", tag = "channels", security(("bearer" = ["read"])), params(Page),
    responses((status = 200, description = "A page of channels.", body = ChannelList))
)]
async fn list(
    State(web): State<Web>,
    caller: Caller,
    Params(page): Params<Page>,
) -> Result<Json<ChannelList>, ApiError> {
    let cards = web.call(move |app| cards_seen(app, &caller)).await?;
    ChannelList::page(cards, page).map(Json)
}

fn cards_seen(app: &App, caller: &Caller) -> Result<Vec<ChannelCard>, Error> {
    if let Ok(user) = caller.user_id() {
        return app.channel_cards(&caller.tenant, user);
    }
    let channels = caller.tenant.store().channel_list()?;
    let seen = channels.into_iter().filter(|channel| caller.channels.contains(channel.id));
    seen.map(|channel| app.channel_card(&caller.tenant, channel, None)).collect()
}

/// Follows a channel.
///
/// It is looked up once, through the user's own Telegram account. 200 with the channel as it is if the user follows it already.
#[utoipa::path(
    post, path = "/api/channels", tag = "channels", security(("bearer" = ["member"])), request_body = FollowBody,
    responses(
        (status = 201, description = "Followed from now on.", body = ChannelCard),
        (status = 200, description = "Followed before.", body = ChannelCard),
        (status = 403, description = "The tier holds no more (`tier_limit_exceeded`, with `max` and `current`)."),
        (status = 404, description = "The account sees no such channel."),
        (status = 409, description = "The user's Telegram account is not connected (`telegram_session_required`)."),
        (status = 429, description = "The account must not ask now (`account_limited`, with `retry_after_s`).")
    )
)]
async fn follow(
    State(web): State<Web>,
    Writer(caller): Writer,
    Body(body): Body<FollowBody>,
) -> Result<(StatusCode, Json<ChannelCard>), ApiError> {
    let member = caller.member()?.clone();
    follow_as(&web, caller, member, body).await
}

async fn follow_as(
    web: &Web,
    caller: Caller,
    member: Member,
    body: FollowBody,
) -> Result<(StatusCode, Json<ChannelCard>), ApiError> {
    let work = move |app: &App| app.channel_add(&caller.tenant, &member, &body.channel, body.options());
    let (card, added) = web.call(work).await?;
    Ok((if added { StatusCode::CREATED } else { StatusCode::OK }, Json(card)))
}

/// One channel.
#[utoipa::path(
    get, path = "/api/channels/{id}", tag = "channels", security(("bearer" = ["read"])),
    params(("id" = ChannelId, Path, description = "The channel's id.", example = 1)),
    responses((status = 200, description = "The channel.", body = ChannelCard))
)]
async fn one(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<ChannelId>,
) -> Result<Json<ChannelCard>, ApiError> {
    let work = move |app: &App| {
        let channel = seen(&caller, id)?;
        app.channel_card(&caller.tenant, channel, caller.user_id().ok())
    };
    web.call(work).await.map(Json)
}

/// The channel's row, if the caller sees it.
fn seen(caller: &Caller, id: ChannelId) -> Result<Channel, Error> {
    let visible = caller.channels.contains(id);
    let channel = if visible { caller.tenant.store().channel_get(id)? } else { None };
    channel.ok_or_else(|| Error::NotFound(format!("no channel {id}")))
}

/// Changes how deep a channel is read.
#[utoipa::path(
    patch, path = "/api/channels/{id}", tag = "channels", security(("bearer" = ["member"])),
    request_body = ChangeBody, params(("id" = ChannelId, Path, description = "The channel's id.", example = 1)),
    responses((status = 200, description = "The channel.", body = ChannelCard))
)]
async fn change(
    State(web): State<Web>,
    Writer(caller): Writer,
    InPath(id): InPath<ChannelId>,
    Body(body): Body<ChangeBody>,
) -> Result<Json<ChannelCard>, ApiError> {
    let user = caller.user_id()?;
    let work = move |app: &App| {
        let channel = seen(&caller, id)?;
        match body.depth_days {
            Some(depth) => app.channel_depth(&caller.tenant, user, id, depth.days()),
            None => app.channel_card(&caller.tenant, channel, Some(user)),
        }
    };
    web.call(work).await.map(Json)
}

/// Stops following a channel; its posts leave the user's searches at once.
#[utoipa::path(
    delete, path = "/api/channels/{id}", tag = "channels", security(("bearer" = ["member"])),
    params(("id" = ChannelId, Path, description = "The channel's id.", example = 1)),
    responses((status = 204, description = "Not followed any more."))
)]
async fn leave(
    State(web): State<Web>,
    Writer(caller): Writer,
    InPath(id): InPath<ChannelId>,
) -> Result<StatusCode, ApiError> {
    let user = caller.user_id()?;
    web.call(move |app| app.channel_remove(&caller.tenant, user, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The account of every message id of a channel: seen, deleted, service, restricted, not read yet.
#[utoipa::path(
    get, path = "/api/channels/{id}/ledger", tag = "channels", security(("bearer" = ["read"])),
    params(("id" = ChannelId, Path, description = "The channel's id.", example = 1)),
    responses((status = 200, description = "The ledger.", body = LedgerView))
)]
async fn ledger(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<ChannelId>,
) -> Result<Json<LedgerView>, ApiError> {
    let work = move |app: &App| {
        seen(&caller, id)?;
        app.channel_ledger(&caller.tenant, id)
    };
    web.call(work).await.map(Json)
}

/// Looks at everything wanted of a channel once more, and first goes as deep as asked. `GET …/ledger` shows how far it is.
#[utoipa::path(
    post, path = "/api/channels/{id}/backfill", tag = "channels", security(("bearer" = ["write"])),
    request_body = ChangeBody, params(("id" = ChannelId, Path, description = "The channel's id.", example = 1)),
    responses(
        (status = 202, description = "It begins; the ledger as it is now.", body = LedgerView),
        (status = 409, description = "Nobody follows it, so no account reads it.")
    )
)]
async fn backfill(
    State(web): State<Web>,
    Writer(caller): Writer,
    InPath(id): InPath<ChannelId>,
    Body(body): Body<ChangeBody>,
) -> Result<(StatusCode, Json<LedgerView>), ApiError> {
    let work = move |app: &App| {
        seen(&caller, id)?;
        app.channel_backfill(&caller.tenant, id, body.depth_days)
    };
    Ok((StatusCode::ACCEPTED, Json(web.call(work).await?)))
}

/// Whose channels a path names: one's own, or as the tenant's admin a member's.
fn member_named(app: &App, caller: &Caller, user: MembershipId) -> Result<Member, Error> {
    match caller.member() {
        Ok(member) if member.id == user => Ok(member.clone()),
        Ok(_) | Err(_) if caller.is_admin() => app.member_get(caller.tenant.id(), user),
        Ok(_) | Err(_) => Err(Error::NotFound(format!("no user {user}"))),
    }
}

/// Lists the channels of a user: oneself, or a member of the tenant one manages.
#[utoipa::path(
    get, path = "/api/channels/users/{user_id}/channels", tag = "channels", security(("bearer" = ["read"])),
    params(("user_id" = MembershipId, Path, description = "The user's id.", example = 1), Page),
    responses((status = 200, description = "A page of channels.", body = ChannelList))
)]
async fn list_of_user(
    State(web): State<Web>,
    caller: Caller,
    InPath(user): InPath<MembershipId>,
    Params(page): Params<Page>,
) -> Result<Json<ChannelList>, ApiError> {
    let work = move |app: &App| {
        let member = member_named(app, &caller, user)?;
        app.channel_cards(&caller.tenant, member.id)
    };
    let cards = web.call(work).await?;
    ChannelList::page(cards, page).map(Json)
}

/// Follows a channel as a user, through that user's Telegram account.
#[utoipa::path(
    post, path = "/api/channels/users/{user_id}/channels", tag = "channels", security(("bearer" = ["write"])),
    request_body = FollowBody, params(("user_id" = MembershipId, Path, description = "The user's id.", example = 1)),
    responses(
        (status = 201, description = "Followed from now on.", body = ChannelCard),
        (status = 200, description = "Followed before.", body = ChannelCard),
        (status = 403, description = "The tier holds no more (`tier_limit_exceeded`, with `max` and `current`)."),
        (status = 409, description = "The user's Telegram account is not connected (`telegram_session_required`)."),
        (status = 429, description = "The account must not ask now (`account_limited`, with `retry_after_s`).")
    )
)]
async fn follow_for_user(
    State(web): State<Web>,
    Writer(caller): Writer,
    InPath(user): InPath<MembershipId>,
    Body(body): Body<FollowBody>,
) -> Result<(StatusCode, Json<ChannelCard>), ApiError> {
    let asks = caller.clone();
    let member = web.call(move |app| member_named(app, &asks, user)).await?;
    follow_as(&web, caller, member, body).await
}

/// Stops following as a user.
#[utoipa::path(
    delete, path = "/api/channels/users/{user_id}/channels/{channel_id}", tag = "channels",
    security(("bearer" = ["write"])),
    params(
        ("user_id" = MembershipId, Path, description = "The user's id.", example = 1),
        ("channel_id" = ChannelId, Path, description = "The channel's id.", example = 1)
    ),
    responses((status = 204, description = "Not followed any more."))
)]
async fn leave_for_user(
    State(web): State<Web>,
    Writer(caller): Writer,
    InPath((user, channel)): InPath<(MembershipId, ChannelId)>,
) -> Result<StatusCode, ApiError> {
    let work = move |app: &App| {
        let member = member_named(app, &caller, user)?;
        app.channel_remove(&caller.tenant, member.id, channel)
    };
    web.call(work).await?;
    Ok(StatusCode::NO_CONTENT)
}
