//! How long the tenant keeps its posts.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::retention::RetentionView,
    http::{ApiError, Web, caller::TenantAdmin, extract::Body},
    model::ChannelId,
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(retention_get, retention_put))
}

/// Says how long posts are kept, and what the next run removes.
#[utoipa::path(
    get, path = "/api/admin/retention", tag = "admin", security(("bearer" = ["admin"])),
    responses((status = 200, description = "Days, and how many posts are too old now.", body = RetentionView))
)]
async fn retention_get(State(web): State<Web>, admin: TenantAdmin) -> Result<Json<RetentionView>, ApiError> {
    web.call(move |app| app.retention_view(&admin.0.tenant)).await.map(Json)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionBody {
    /// Absent: the whole tenant.
    channel_id: Option<ChannelId>,
    /// Days, 0 keeps for ever; null: as the installation has it, or for a channel as the tenant has it.
    #[schema(maximum = 36500)]
    posts_days: Option<u32>,
}

/// Sets how long posts are kept; the next run removes what is older.
#[utoipa::path(
    put, path = "/api/admin/retention", tag = "admin", security(("bearer" = ["admin"])), request_body = RetentionBody,
    responses(
        (status = 200, description = "As it is now.", body = RetentionView),
        (status = 404, description = "There is no such channel.")
    )
)]
async fn retention_put(
    State(web): State<Web>,
    admin: TenantAdmin,
    Body(body): Body<RetentionBody>,
) -> Result<Json<RetentionView>, ApiError> {
    let origin = admin.0.origin();
    web.call(move |app| app.retention_set(&admin.0.tenant, body.channel_id, body.posts_days, &origin))
        .await
        .map(Json)
}
