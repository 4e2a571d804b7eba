//! The tenant's invites.

use axum::{Json, extract::State, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::invites::{InviteUseView, InviteView, NewInvite},
    http::{
        ApiError, Web,
        caller::TenantAdmin,
        extract::{Body, InPath, Page, Params},
        login::code,
    },
    model::{InviteStatus, Role},
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one))
        .routes(routes!(revoke))
        .routes(routes!(usage))
        .routes(routes!(link))
}

/// What an invite shall be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role": "user", "uses_limit": 10, "expires_at": "2999-12-31T23:59:59Z", "notes": "friends" }))]
pub(super) struct InviteBody {
    /// `user` unless told.
    role: Option<Role>,
    /// How many people it lets in: 1 unless told, 0 any number.
    #[schema(minimum = 0, maximum = 1_000_000)]
    uses_limit: Option<u32>,
    expires_at: Option<Timestamp>,
    #[schema(max_length = 500)]
    notes: Option<String>,
}

/// Makes an invite into the tenant.
#[utoipa::path(
    post, path = "/api/admin/invites", tag = "admin", security(("bearer" = ["admin"])), request_body = InviteBody,
    responses((status = 201, description = "The invite with its code.", body = InviteView))
)]
async fn create(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    Body(body): Body<InviteBody>,
) -> Result<(StatusCode, Json<InviteView>), ApiError> {
    let origin = caller.origin();
    let new = NewInvite {
        role: body.role.unwrap_or(Role::User),
        uses_limit: body.uses_limit.unwrap_or(1),
        expires_at: body.expires_at,
        notes: body.notes,
    };
    let made = web.call(move |app| app.invite_create(caller.tenant.id(), &new, &origin)).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct InvitesQuery {
    status: Option<InviteStatus>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    offset: Option<usize>,
}

/// Invites of the tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InviteList {
    total: u64,
    limit: usize,
    offset: usize,
    invites: Vec<InviteView>,
}

/// Lists the tenant's invites, newest first.
#[utoipa::path(
    get, path = "/api/admin/invites", tag = "admin", security(("bearer" = ["admin"])), params(InvitesQuery),
    responses((status = 200, description = "A page of invites.", body = InviteList))
)]
async fn list(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    Params(query): Params<InvitesQuery>,
) -> Result<Json<InviteList>, ApiError> {
    let (limit, offset) = Page { limit: query.limit, offset: query.offset }.bounds()?;
    web.call(move |app| {
        let (invites, total) = app.invite_list(Some(caller.tenant.id()), query.status, limit, offset)?;
        Ok(InviteList { total, limit, offset, invites })
    })
    .await
    .map(Json)
}

/// One invite of the tenant, whatever became of it.
#[utoipa::path(
    get, path = "/api/admin/invites/{code}", tag = "admin", security(("bearer" = ["admin"])),
    params(("code" = String, Path, description = "The invite's code.", example = "ABCDEFGHIJ12")),
    responses((status = 200, description = "The invite.", body = InviteView))
)]
async fn one(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    InPath(code): InPath<String>,
) -> Result<Json<InviteView>, ApiError> {
    web.call(move |app| app.invite_get(&code, Some(caller.tenant.id()))).await.map(Json)
}

/// Makes an invite worthless; who came in by it stays.
#[utoipa::path(
    post, path = "/api/admin/invites/{code}/revoke", tag = "admin", security(("bearer" = ["admin"])),
    params(("code" = String, Path, description = "The invite's code.", example = "ABCDEFGHIJ12")),
    responses(
        (status = 200, description = "It is revoked.", body = InviteView),
        (status = 409, description = "It was revoked already.")
    )
)]
async fn revoke(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    InPath(code): InPath<String>,
) -> Result<Json<InviteView>, ApiError> {
    let origin = caller.origin();
    web.call(move |app| app.invite_revoke(&code, Some(caller.tenant.id()), &origin)).await.map(Json)
}

/// Uses of an invite.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UsageList {
    code: String,
    total: u64,
    usage: Vec<InviteUseView>,
}

/// Lists every use of an invite, newest first.
#[utoipa::path(
    get, path = "/api/admin/invites/{code}/usage", tag = "admin", security(("bearer" = ["admin"])),
    params(("code" = String, Path, description = "The invite's code.", example = "ABCDEFGHIJ12"), Page),
    responses((status = 200, description = "A page of uses.", body = UsageList))
)]
async fn usage(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    InPath(code): InPath<String>,
    Params(page): Params<Page>,
) -> Result<Json<UsageList>, ApiError> {
    let (limit, offset) = page.bounds()?;
    web.call(move |app| {
        let (usage, total) = app.invite_usage(&code, Some(caller.tenant.id()), limit, offset)?;
        Ok(UsageList { code, total, usage })
    })
    .await
    .map(Json)
}

/// How an invite is handed on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InviteLink {
    /// Opens the Mini App with the code; none where `server.public_url` is not set.
    #[schema(example = "https://tga.example.org/app?invite=ABCDEFGHIJ12")]
    url: Option<String>,
    /// The address as a QR code, an SVG within a `data:` address.
    #[schema(example = "data:image/svg+xml;base64,PHN2Zy8+")]
    qr: Option<String>,
}

/// Says by which address an invite is shared, with that as a QR code.
#[utoipa::path(
    get, path = "/api/admin/invites/{code}/link", tag = "admin", security(("bearer" = ["admin"])),
    params(("code" = String, Path, description = "The invite's code.", example = "ABCDEFGHIJ12")),
    responses((status = 200, description = "The address and the code to scan.", body = InviteLink))
)]
async fn link(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    InPath(code): InPath<String>,
) -> Result<Json<InviteLink>, ApiError> {
    let url = web.call(move |app| app.invite_link(&code, caller.tenant.id())).await?;
    let drawn = url.as_deref().and_then(code::svg);
    let qr = drawn.map(|svg| format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)));
    Ok(Json(InviteLink { url, qr }))
}
