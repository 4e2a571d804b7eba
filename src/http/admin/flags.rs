//! The tenant's feature flags and experiments, what its people say, and what they agreed to; the installation's flags for operators.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{experiments::ExperimentView, feedback::FeedbackView, flags::FlagView},
    http::{
        ApiError, Web,
        caller::{Caller, Operator, TenantAdmin},
        extract::{Body, InPath, Page, Params},
        feedback::ConsentList,
    },
    model::{Flag, MembershipId, Rating},
    store::FlagPlace,
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(put))
        .routes(routes!(installation))
        .routes(routes!(installation_put))
        .routes(routes!(experiments))
        .routes(routes!(feedback))
        .routes(routes!(consents))
}

/// Feature flags.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FlagList {
    total: usize,
    flags: Vec<FlagView>,
}

impl FlagList {
    fn of(flags: Vec<FlagView>) -> Json<Self> {
        Json(Self { total: flags.len(), flags })
    }
}

/// Lists every feature flag with the rules that concern the tenant.
///
/// The nearest rule decides: a user's before the tenant's before the installation's; without any the default.
#[utoipa::path(
    get, path = "/api/admin/flags", tag = "admin", security(("bearer" = ["admin"])),
    responses((status = 200, description = "All of them.", body = FlagList))
)]
async fn list(State(web): State<Web>, TenantAdmin(caller): TenantAdmin) -> Result<Json<FlagList>, ApiError> {
    web.call(move |app| Ok(app.flag_list(Some(caller.tenant.id())))).await.map(FlagList::of)
}

/// A rule of a flag.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "percent": 50, "version": 0 }))]
pub(super) struct FlagBody {
    /// Of how many in a hundred it holds: 0 is off, 100 is on. None removes the rule.
    #[schema(minimum = 0, maximum = 100)]
    percent: Option<u8>,
    /// The version the decision was made on; 0 where there is no rule yet.
    #[schema(minimum = 0)]
    version: i64,
    /// Only for this user of the tenant.
    user_id: Option<MembershipId>,
}

/// Sets a feature flag for the tenant, a share of its people, or one of them.
#[utoipa::path(
    put, path = "/api/admin/flags/{flag}", tag = "admin", security(("bearer" = ["admin"])),
    params(("flag" = Flag, Path, description = "The flag.", example = "streamed_answers")), request_body = FlagBody,
    responses(
        (status = 200, description = "The flag as it is now.", body = FlagView),
        (status = 409, description = "Somebody changed the rule meanwhile.")
    )
)]
async fn put(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    InPath(flag): InPath<Flag>,
    Body(body): Body<FlagBody>,
) -> Result<Json<FlagView>, ApiError> {
    let origin = caller.origin();
    let tenant = caller.tenant.id();
    let place = body.user_id.map_or(FlagPlace::Tenant(tenant), |user| FlagPlace::User(tenant, user));
    web.call(move |app| app.flag_put(flag, place, body.percent, body.version, &origin)).await.map(Json)
}

/// Lists every feature flag with the rules of the installation.
#[utoipa::path(
    get, path = "/api/operator/flags", tag = "operator", security(("bearer" = ["operator"])),
    responses((status = 200, description = "All of them.", body = FlagList))
)]
async fn installation(State(web): State<Web>, _: Operator) -> Result<Json<FlagList>, ApiError> {
    web.call(|app| Ok(app.flag_list(None))).await.map(FlagList::of)
}

/// A rule of the installation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "percent": 0, "version": 0 }))]
pub(super) struct InstallationFlagBody {
    /// Of how many in a hundred it holds: 0 is off, 100 is on. None removes the rule.
    #[schema(minimum = 0, maximum = 100)]
    percent: Option<u8>,
    /// The version the decision was made on; 0 where there is no rule yet.
    #[schema(minimum = 0)]
    version: i64,
}

/// Sets a feature flag for the installation.
#[utoipa::path(
    put, path = "/api/operator/flags/{flag}", tag = "operator", security(("bearer" = ["operator"])),
    params(("flag" = Flag, Path, description = "The flag.", example = "streamed_answers")),
    request_body = InstallationFlagBody,
    responses(
        (status = 200, description = "The flag as it is now.", body = FlagView),
        (status = 409, description = "Somebody changed the rule meanwhile.")
    )
)]
async fn installation_put(
    State(web): State<Web>,
    _: Operator,
    caller: Caller,
    InPath(flag): InPath<Flag>,
    Body(body): Body<InstallationFlagBody>,
) -> Result<Json<FlagView>, ApiError> {
    let origin = caller.origin();
    let place = FlagPlace::Installation;
    web.call(move |app| app.flag_put(flag, place, body.percent, body.version, &origin)).await.map(Json)
}

/// Experiments of the tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExperimentList {
    total: usize,
    experiments: Vec<ExperimentView>,
}

/// Lists the experiments with what people made of each variant.
///
/// Rates are of people, each with the interval that holds the true one in 95 of 100 cases. A difference is one where its
/// interval does not hold 0.
#[utoipa::path(
    get, path = "/api/admin/experiments", tag = "admin", security(("bearer" = ["admin"])),
    responses((status = 200, description = "As of now.", body = ExperimentList))
)]
async fn experiments(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
) -> Result<Json<ExperimentList>, ApiError> {
    let experiments = web.call(move |app| app.experiment_list(&caller.tenant)).await?;
    Ok(Json(ExperimentList { total: experiments.len(), experiments }))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FeedbackQuery {
    rating: Option<Rating>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    offset: Option<usize>,
}

/// What people said.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FeedbackList {
    total: u64,
    limit: usize,
    offset: usize,
    feedback: Vec<FeedbackView>,
}

/// Lists what the tenant's people said, newest first.
#[utoipa::path(
    get, path = "/api/admin/feedback", tag = "admin", security(("bearer" = ["admin"])), params(FeedbackQuery),
    responses((status = 200, description = "A page of it.", body = FeedbackList))
)]
async fn feedback(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    Params(query): Params<FeedbackQuery>,
) -> Result<Json<FeedbackList>, ApiError> {
    let (limit, offset) = Page { limit: query.limit, offset: query.offset }.bounds()?;
    web.call(move |_| {
        let (feedback, total) = caller.tenant.feedback_list(query.rating, limit, offset)?;
        Ok(FeedbackList { total, limit, offset, feedback })
    })
    .await
    .map(Json)
}

/// Lists what the tenant's people agreed to, newest first.
#[utoipa::path(
    get, path = "/api/admin/consents", tag = "admin", security(("bearer" = ["admin"])), params(Page),
    responses((status = 200, description = "A page; those that were taken back say when.", body = ConsentList))
)]
async fn consents(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    Params(page): Params<Page>,
) -> Result<Json<ConsentList>, ApiError> {
    let (limit, offset) = page.bounds()?;
    web.call(move |_| {
        let (consents, total) = caller.tenant.consent_list(None, limit, offset)?;
        Ok(ConsentList { total, limit, offset, consents })
    })
    .await
    .map(Json)
}
