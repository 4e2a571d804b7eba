//! Whether the pages are read that the tenant's posts link to.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::links::LinksView,
    http::{ApiError, Web, caller::TenantAdmin, extract::Body},
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(links_get, links_put))
}

/// Says whether pages behind links are read, and how many were.
#[utoipa::path(
    get, path = "/api/admin/links", tag = "admin", security(("bearer" = ["admin"])),
    responses((status = 200, description = "The switch and the pages so far.", body = LinksView))
)]
async fn links_get(State(web): State<Web>, admin: TenantAdmin) -> Result<Json<LinksView>, ApiError> {
    web.call(move |_| admin.0.tenant.links_view()).await.map(Json)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinksBody {
    enabled: bool,
}

/// Switches the reading of pages on or off; on begins with the links of the last 30 days.
#[utoipa::path(
    put, path = "/api/admin/links", tag = "admin", security(("bearer" = ["admin"])), request_body = LinksBody,
    responses((status = 200, description = "The switch as it is now.", body = LinksView))
)]
async fn links_put(
    State(web): State<Web>,
    admin: TenantAdmin,
    Body(body): Body<LinksBody>,
) -> Result<Json<LinksView>, ApiError> {
    let origin = admin.0.origin();
    web.call(move |app| app.links_set(&admin.0.tenant, body.enabled, &origin)).await.map(Json)
}
