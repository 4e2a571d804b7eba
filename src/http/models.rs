//! Models outside the box: a tenant's choice, what it cost, keys, trying a provider out. For its admins, and for operators.
//!
//! A key goes in and never comes out: lists say where it comes from and who entered it.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, Web,
    caller::{Caller, Operator, TenantAdmin},
    extract::{Body, InPath, Params},
};
use crate::{
    app::{
        model_calls::{ModelSettings, ModelsView},
        model_spending::SpendView,
        model_tags::ModelRetagReport,
        providers::{ProviderTest, ProviderView},
        tags::RetagFilter,
    },
    model::{ChannelId, Provider},
};

/// Days a report of spending shows unless told.
const SPEND_DAYS_DEFAULT: i64 = 30;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(models_get, models_put))
        .routes(routes!(spend))
        .routes(routes!(providers))
        .routes(routes!(key_put, key_delete))
        .routes(routes!(test))
        .routes(routes!(retag))
        .routes(routes!(retag_undo))
        .routes(routes!(operator_providers))
        .routes(routes!(operator_key_put, operator_key_delete))
        .routes(routes!(operator_test))
}

/// Says whether models outside are used, what they may cost and what is used of that.
#[utoipa::path(
    get, path = "/api/admin/models", tag = "admin", security(("bearer" = ["admin"])),
    responses((status = 200, description = "The tenant's choice, caps and what is used.", body = ModelsView))
)]
async fn models_get(State(web): State<Web>, admin: TenantAdmin) -> Result<Json<ModelsView>, ApiError> {
    web.call(move |app| app.models_view(&admin.0.tenant)).await.map(Json)
}

/// Switches models outside on or off, as a whole and for each purpose, and sets what they may cost.
///
/// On, answers are written for members who agreed (`PUT /api/users/me/consents/external_models`), and posts are tagged of channels whose
/// followers all agreed. With `embedding`, off at first, vectors of all posts are made by the provider that the configuration names, once
/// everybody who follows a channel agreed; a change makes them anew.
#[utoipa::path(
    put, path = "/api/admin/models", tag = "admin", security(("bearer" = ["admin"])), request_body = ModelSettings,
    responses((status = 200, description = "The choice as it is now.", body = ModelsView))
)]
async fn models_put(
    State(web): State<Web>,
    admin: TenantAdmin,
    Body(body): Body<ModelSettings>,
) -> Result<Json<ModelsView>, ApiError> {
    let origin = admin.0.origin();
    web.call(move |app| app.models_set(&admin.0.tenant, body, &origin)).await.map(Json)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SpendParams {
    /// Of so many days, today included.
    #[param(minimum = 1, maximum = 366)]
    days: Option<i64>,
}

/// What was used, the newest day first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SpendList {
    currency: String,
    rows: Vec<SpendView>,
}

/// Lists what models were used for and what it cost: by day, purpose and model.
#[utoipa::path(
    get, path = "/api/admin/models/spend", tag = "admin", security(("bearer" = ["admin"])), params(SpendParams),
    responses((status = 200, description = "The newest day first.", body = SpendList))
)]
async fn spend(
    State(web): State<Web>,
    admin: TenantAdmin,
    Params(params): Params<SpendParams>,
) -> Result<Json<SpendList>, ApiError> {
    web.call(move |app| {
        let rows = app.model_spend(&admin.0.tenant, params.days.unwrap_or(SPEND_DAYS_DEFAULT))?;
        Ok(SpendList { currency: app.config().ai.currency.clone(), rows })
    })
    .await
    .map(Json)
}

/// Providers and where their keys come from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderList {
    providers: Vec<ProviderView>,
}

/// Lists the providers as this tenant asks them.
#[utoipa::path(
    get, path = "/api/admin/models/providers", tag = "admin", security(("bearer" = ["admin"])),
    responses((status = 200, description = "Never a key.", body = ProviderList))
)]
async fn providers(State(web): State<Web>, admin: TenantAdmin) -> Result<Json<ProviderList>, ApiError> {
    web.call(move |app| Ok(ProviderList { providers: app.provider_list(Some(&admin.0.tenant))? }))
        .await
        .map(Json)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyBody {
    /// As the provider gave it.
    #[schema(min_length = 1, max_length = 4096, pattern = r"\S", write_only)]
    key: String,
}

/// Keeps the tenant's own key of a provider, sealed. It comes before the installation's.
#[utoipa::path(
    put, path = "/api/admin/models/keys/{provider}", tag = "admin", security(("bearer" = ["admin"])),
    params(("provider" = Provider, Path, description = "Whose key.", example = "gigachat")), request_body = KeyBody,
    responses((status = 204, description = "Kept."))
)]
async fn key_put(
    State(web): State<Web>,
    admin: TenantAdmin,
    InPath(provider): InPath<Provider>,
    Body(body): Body<KeyBody>,
) -> Result<StatusCode, ApiError> {
    let origin = admin.0.origin();
    web.call(move |app| app.provider_key_put(Some(&admin.0.tenant), provider, &body.key, &origin)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets the tenant's own key of a provider.
#[utoipa::path(
    delete, path = "/api/admin/models/keys/{provider}", tag = "admin", security(("bearer" = ["admin"])),
    params(("provider" = Provider, Path, description = "Whose key.", example = "gigachat")),
    responses((status = 204, description = "Forgotten."))
)]
async fn key_delete(
    State(web): State<Web>,
    admin: TenantAdmin,
    InPath(provider): InPath<Provider>,
) -> Result<StatusCode, ApiError> {
    let origin = admin.0.origin();
    web.call(move |app| app.provider_key_delete(Some(&admin.0.tenant), provider, &origin)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TestBody {
    provider: Provider,
    /// A key that is to be entered; none: the one there is.
    #[schema(min_length = 1, max_length = 4096, pattern = r"\S", write_only)]
    key: Option<String>,
}

/// Tries a provider out: whether the key is taken, which models there are, whether the configured one answers. No post is sent.
#[utoipa::path(
    post, path = "/api/admin/models/test", tag = "admin", security(("bearer" = ["admin"])), request_body = TestBody,
    responses(
        (status = 200, description = "What is wrong, and what to do about it.", body = ProviderTest),
        (status = 404, description = "This provider is not configured.")
    )
)]
async fn test(
    State(web): State<Web>,
    admin: TenantAdmin,
    Body(body): Body<TestBody>,
) -> Result<Json<ProviderTest>, ApiError> {
    let tenant = admin.0.tenant;
    web.call(move |app| app.provider_test(Some(&tenant), body.provider, body.key.as_deref())).await.map(Json)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelRetagBody {
    /// Only posts of this channel.
    channel_id: Option<ChannelId>,
    /// Only posts with this tag.
    tag: Option<String>,
    since: Option<jiff::Timestamp>,
    /// Exclusive.
    until: Option<jiff::Timestamp>,
    /// Only say what it would cost.
    #[serde(default)]
    dry_run: bool,
}

impl ModelRetagBody {
    fn filter(self) -> RetagFilter {
        RetagFilter { channel: self.channel_id, tag: self.tag, since: self.since, until: self.until }
    }
}

/// Has a model tag posts anew; with `dry_run` says how many and what it would cost. Asking again shows the progress.
#[utoipa::path(
    post, path = "/api/admin/models/retag", tag = "admin", security(("bearer" = ["admin"])), request_body = ModelRetagBody,
    responses(
        (status = 200, description = "How many, the estimate, and how far it is.", body = ModelRetagReport),
        (status = 409, description = "Models may not tag this tenant's posts.")
    )
)]
async fn retag(
    State(web): State<Web>,
    admin: TenantAdmin,
    Body(body): Body<ModelRetagBody>,
) -> Result<Json<ModelRetagReport>, ApiError> {
    let origin = admin.0.origin();
    let dry_run = body.dry_run;
    web.call(move |app| app.model_retag(&admin.0.tenant, &body.filter(), dry_run, &origin)).await.map(Json)
}

/// How many posts have their local tags again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Undone {
    posts: u64,
}

/// Goes back to the local tags, for posts of a filter.
#[utoipa::path(
    post, path = "/api/admin/models/retag/undo", tag = "admin", security(("bearer" = ["admin"])), request_body = ModelRetagBody,
    responses((status = 200, description = "How many posts.", body = Undone))
)]
async fn retag_undo(
    State(web): State<Web>,
    admin: TenantAdmin,
    Body(body): Body<ModelRetagBody>,
) -> Result<Json<Undone>, ApiError> {
    let origin = admin.0.origin();
    web.call(move |app| Ok(Undone { posts: app.model_retag_undo(&admin.0.tenant, &body.filter(), &origin)? }))
        .await
        .map(Json)
}

/// Lists the installation's providers and where their keys come from.
#[utoipa::path(
    get, path = "/api/operator/models/providers", tag = "operator", security(("bearer" = ["operator"])),
    responses((status = 200, description = "Never a key.", body = ProviderList))
)]
async fn operator_providers(State(web): State<Web>, _: Operator) -> Result<Json<ProviderList>, ApiError> {
    web.call(|app| Ok(ProviderList { providers: app.provider_list(None)? })).await.map(Json)
}

/// Keeps the installation's key of a provider, sealed. A key in the configuration comes before it.
#[utoipa::path(
    put, path = "/api/operator/models/keys/{provider}", tag = "operator", security(("bearer" = ["operator"])),
    params(("provider" = Provider, Path, description = "Whose key.", example = "gigachat")), request_body = KeyBody,
    responses((status = 204, description = "Kept."))
)]
async fn operator_key_put(
    State(web): State<Web>,
    _: Operator,
    caller: Caller,
    InPath(provider): InPath<Provider>,
    Body(body): Body<KeyBody>,
) -> Result<StatusCode, ApiError> {
    let origin = caller.origin();
    web.call(move |app| app.provider_key_put(None, provider, &body.key, &origin)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets the installation's key of a provider.
#[utoipa::path(
    delete, path = "/api/operator/models/keys/{provider}", tag = "operator", security(("bearer" = ["operator"])),
    params(("provider" = Provider, Path, description = "Whose key.", example = "gigachat")),
    responses((status = 204, description = "Forgotten."))
)]
async fn operator_key_delete(
    State(web): State<Web>,
    _: Operator,
    caller: Caller,
    InPath(provider): InPath<Provider>,
) -> Result<StatusCode, ApiError> {
    let origin = caller.origin();
    web.call(move |app| app.provider_key_delete(None, provider, &origin)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries a provider out with the installation's key, or one that is to be entered.
#[utoipa::path(
    post, path = "/api/operator/models/test", tag = "operator", security(("bearer" = ["operator"])), request_body = TestBody,
    responses(
        (status = 200, description = "What is wrong, and what to do about it.", body = ProviderTest),
        (status = 404, description = "This provider is not configured.")
    )
)]
async fn operator_test(
    State(web): State<Web>,
    _: Operator,
    Body(body): Body<TestBody>,
) -> Result<Json<ProviderTest>, ApiError> {
    web.call(move |app| app.provider_test(None, body.provider, body.key.as_deref())).await.map(Json)
}
