//! What people say of answers, and what they agree to.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, Web,
    caller::Caller,
    extract::{Body, InPath, Page, Params},
};
use crate::{
    app::{
        feedback::{ConsentView, FeedbackInput},
        model_calls::Recipient,
    },
    model::{ConsentPurpose, ModelFeature, Rating},
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(add)).routes(routes!(consents)).routes(routes!(consent))
}

/// What somebody says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "query_id": "0192f0c1-2d3e-4abc-8def-0123456789ab", "rating": "up", "comment": "Точно." }))]
pub(super) struct FeedbackBody {
    /// The answer it is about; none: in general.
    #[schema(max_length = 64)]
    query_id: Option<String>,
    /// Of an answer.
    rating: Option<Rating>,
    #[schema(max_length = 2000)]
    comment: Option<String>,
}

/// The feedback that is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FeedbackKept {
    id: i64,
}

/// Keeps what somebody says of an answer of theirs, or in general. Admins of the tenant read it with the question.
#[utoipa::path(
    post, path = "/api/feedback", tag = "users", security(("bearer" = ["member"])), request_body = FeedbackBody,
    responses(
        (status = 201, description = "It is kept; said again of the same answer, it replaces the first.", body = FeedbackKept),
        (status = 404, description = "No such answer in the caller's history.")
    )
)]
async fn add(
    State(web): State<Web>,
    caller: Caller,
    Body(body): Body<FeedbackBody>,
) -> Result<(StatusCode, Json<FeedbackKept>), ApiError> {
    let input = FeedbackInput { query_id: body.query_id, rating: body.rating, comment: body.comment };
    let id = web
        .call(move |app| {
            let user = caller.user_id()?;
            app.feedback_add(&caller.tenant, user, input)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(FeedbackKept { id })))
}

/// Consents, also revoked ones.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConsentList {
    pub(super) total: u64,
    pub(super) limit: usize,
    pub(super) offset: usize,
    pub(super) consents: Vec<ConsentView>,
}

/// What the caller agreed to, and what follows from it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OwnConsents {
    #[serde(flatten)]
    list: ConsentList,
    /// What goes to models outside now, of those who agreed.
    sent: Vec<Sent>,
}

/// Something that goes outside.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sent {
    feature: ModelFeature,
    /// Who gets it, in the order in which they are asked.
    #[schema(example = json!(["GigaChat (gigachat.devices.sberbank.ru)"]))]
    to: Vec<String>,
}

/// Lists what the caller agreed to, newest first, and what goes outside now of those who agreed.
#[utoipa::path(
    get, path = "/api/users/me/consents", tag = "users", security(("bearer" = ["member"])), params(Page),
    responses((status = 200, description = "A page; those that were taken back say when.", body = OwnConsents))
)]
async fn consents(
    State(web): State<Web>,
    caller: Caller,
    Params(page): Params<Page>,
) -> Result<Json<OwnConsents>, ApiError> {
    let (limit, offset) = page.bounds()?;
    web.call(move |app| {
        let user = caller.user_id()?;
        let recipients = app.model_recipients(&caller.tenant)?;
        let sent = recipients
            .iter()
            .map(|(feature, to)| Sent { feature: *feature, to: to.iter().map(Recipient::called).collect() });
        let (consents, total) = caller.tenant.consent_list(Some(user), limit, offset)?;
        Ok(OwnConsents { list: ConsentList { total, limit, offset, consents }, sent: sent.collect() })
    })
    .await
    .map(Json)
}

/// Whether the caller agrees.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "given": true }))]
pub(super) struct ConsentBody {
    given: bool,
}

/// Gives a consent or takes it back.
#[utoipa::path(
    put, path = "/api/users/me/consents/{purpose}", tag = "users", security(("bearer" = ["member"])),
    params(("purpose" = ConsentPurpose, Path, description = "What for.", example = "external_models")),
    request_body = ConsentBody,
    responses((status = 204, description = "So it is from now on."))
)]
async fn consent(
    State(web): State<Web>,
    caller: Caller,
    InPath(purpose): InPath<ConsentPurpose>,
    Body(body): Body<ConsentBody>,
) -> Result<StatusCode, ApiError> {
    web.call(move |app| {
        let user = caller.user_id()?;
        app.consent_put(&caller.tenant, user, purpose, body.given)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
