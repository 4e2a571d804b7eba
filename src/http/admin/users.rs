//! The tenant's users, their roles and tiers.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::members::MemberView,
    http::{
        ApiError, Web,
        caller::TenantAdmin,
        extract::{Body, InPath, Page, Params},
    },
    model::{MembershipId, Role, Tier},
    store::{MemberFilter, MemberUpdate},
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(set_role))
        .routes(routes!(set_tier))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UsersQuery {
    role: Option<Role>,
    tier: Option<Tier>,
    /// A part of username, first or last name; case does not matter.
    #[param(max_length = 200)]
    search: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    offset: Option<usize>,
}

/// Users of the tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserList {
    total: u64,
    limit: usize,
    offset: usize,
    users: Vec<MemberView>,
}

/// Lists the tenant's users, newest first.
#[utoipa::path(
    get, path = "/api/admin/users", tag = "admin", security(("bearer" = ["admin"])), params(UsersQuery),
    responses((status = 200, description = "A page of users.", body = UserList))
)]
async fn list(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    Params(query): Params<UsersQuery>,
) -> Result<Json<UserList>, ApiError> {
    let (limit, offset) = Page { limit: query.limit, offset: query.offset }.bounds()?;
    web.call(move |app| {
        let filter = MemberFilter { role: query.role, tier: query.tier, search: query.search };
        let (users, total) = app.member_list(caller.tenant.id(), &filter, limit, offset)?;
        Ok(UserList { total, limit, offset, users })
    })
    .await
    .map(Json)
}

/// One user of the tenant.
#[utoipa::path(
    get, path = "/api/admin/users/{user_id}", tag = "admin", security(("bearer" = ["admin"])),
    params(("user_id" = MembershipId, Path, description = "The user's id.", example = 1)),
    responses((status = 200, description = "The user.", body = MemberView))
)]
async fn one(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    InPath(id): InPath<MembershipId>,
) -> Result<Json<MemberView>, ApiError> {
    web.call(move |app| app.member_get(caller.tenant.id(), id)).await.map(|member| Json(member.into()))
}

/// The new role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role": "admin", "version": 1 }))]
pub(super) struct RoleBody {
    role: Role,
    /// The version the decision was made on.
    version: i64,
}

/// Makes a user admin or user.
#[utoipa::path(
    put, path = "/api/admin/users/{user_id}/role", tag = "admin", security(("bearer" = ["admin"])),
    params(("user_id" = MembershipId, Path, description = "The user's id.", example = 1)), request_body = RoleBody,
    responses(
        (status = 200, description = "The user as they are now.", body = MemberView),
        (status = 409, description = "Somebody changed the user meanwhile, or they are the last admin.")
    )
)]
async fn set_role(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    InPath(id): InPath<MembershipId>,
    Body(body): Body<RoleBody>,
) -> Result<Json<MemberView>, ApiError> {
    let origin = caller.origin();
    let update = MemberUpdate::Role(body.role);
    web.call(move |app| app.member_update(caller.tenant.id(), id, update, Some(body.version), &origin))
        .await
        .map(Json)
}

/// The new tier.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "tier": "basic", "version": 1 }))]
pub(super) struct TierBody {
    tier: Tier,
    /// The version the decision was made on.
    version: i64,
}

/// Changes how much a user may use.
#[utoipa::path(
    put, path = "/api/admin/users/{user_id}/tier", tag = "admin", security(("bearer" = ["admin"])),
    params(("user_id" = MembershipId, Path, description = "The user's id.", example = 1)), request_body = TierBody,
    responses(
        (status = 200, description = "The user as they are now.", body = MemberView),
        (status = 409, description = "Somebody changed the user meanwhile.")
    )
)]
async fn set_tier(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    InPath(id): InPath<MembershipId>,
    Body(body): Body<TierBody>,
) -> Result<Json<MemberView>, ApiError> {
    let origin = caller.origin();
    let update = MemberUpdate::Tier(body.tier);
    web.call(move |app| app.member_update(caller.tenant.id(), id, update, Some(body.version), &origin))
        .await
        .map(Json)
}
