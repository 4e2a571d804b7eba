//! What only those see who run the installation.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiError, Web, caller::Operator, ops::health_status};
use crate::{
    app::{App, backups::BackupList, health::OperatorHealth},
    model::TenantId,
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(tenants))
        .routes(routes!(health))
        .routes(routes!(backups, backup_start))
}

/// A tenant of the installation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TenantRow {
    id: TenantId,
    slug: String,
    name: String,
    created_at: String,
}

/// Every tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TenantList {
    total: usize,
    tenants: Vec<TenantRow>,
}

/// Lists every tenant of the installation.
#[utoipa::path(
    get, path = "/api/operator/tenants", tag = "operator", security(("bearer" = ["operator"])),
    responses((status = 200, description = "The oldest first.", body = TenantList))
)]
async fn tenants(State(web): State<Web>, _: Operator) -> Result<Json<TenantList>, ApiError> {
    let tenants = web.call(App::tenant_list).await?;
    let tenants: Vec<TenantRow> = tenants
        .into_iter()
        .map(|tenant| TenantRow {
            id: tenant.id,
            slug: tenant.slug,
            name: tenant.name,
            created_at: tenant.created_at.to_string(),
        })
        .collect();
    Ok(Json(TenantList { total: tenants.len(), tenants }))
}

/// Says how the installation is: queue, disk, accounts, what they read, the last backup.
#[utoipa::path(
    get, path = "/api/operator/health", tag = "operator", security(("bearer" = ["operator"])),
    responses(
        (status = 200, description = "It works; `reduced` says with what it could work better.", body = OperatorHealth),
        (status = 503, description = "It does not do what it should; `reasons` says why.", body = OperatorHealth)
    )
)]
async fn health(State(web): State<Web>, _: Operator) -> Result<(StatusCode, Json<OperatorHealth>), ApiError> {
    let health = web.call(App::health_operator).await?;
    Ok((health_status(health.installation.status), Json(health)))
}

/// Lists the backups, with when each could last be restored.
#[utoipa::path(
    get, path = "/api/operator/backups", tag = "operator", security(("bearer" = ["operator"])),
    responses((status = 200, description = "The newest first.", body = BackupList))
)]
async fn backups(State(web): State<Web>, _: Operator) -> Result<Json<BackupList>, ApiError> {
    web.call(App::backup_list).await.map(Json)
}

/// A backup was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BackupStarted {
    #[schema(example = true)]
    started: bool,
}

/// Begins a backup; the list says when it is there.
#[utoipa::path(
    post, path = "/api/operator/backups", tag = "operator", security(("bearer" = ["operator"])),
    responses(
        (status = 202, description = "It is being made.", body = BackupStarted),
        (status = 409, description = "One is being made or restored already.")
    )
)]
async fn backup_start(
    State(web): State<Web>,
    _: Operator,
) -> Result<(StatusCode, Json<BackupStarted>), ApiError> {
    web.call(App::backup_want).await?;
    Ok((StatusCode::ACCEPTED, Json(BackupStarted { started: true })))
}
