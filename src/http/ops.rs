//! `/health`, `/ready`, `/metrics`.
//!
//! Health answers whether the process can do its work and names what keeps it from it; ready is the same as a yes or no.

use axum::{Json, extract::State, http::header, response::IntoResponse};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiError, Web};
use crate::app::{ErrorCode, jobs::QueueView};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(ready))
}

/// Whether the service can do its work.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok` or `halted`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Why nothing can work until a person acts.
    halted: Option<String>,
    queue: QueueView,
    tenants_open: usize,
    /// Embedding models in memory.
    models_open: Vec<String>,
    uptime_s: i64,
    version: &'static str,
}

/// Says how the service is, and what keeps it from working.
#[utoipa::path(
    get, path = "/health", tag = "ops",
    responses((status = 200, description = "How it is.", body = Health))
)]
async fn health(State(web): State<Web>) -> Result<Json<Health>, ApiError> {
    let started = web.app.started_at();
    web.call(move |app| {
        let halted = app.halted();
        Ok(Health {
            status: if halted.is_some() { "halted" } else { "ok" },
            halted,
            queue: app.queue_view(),
            tenants_open: app.tenants_open_count(),
            models_open: app.models().open_ids(),
            uptime_s: app.now().as_second() - started.as_second(),
            version: env!("CARGO_PKG_VERSION"),
        })
    })
    .await
    .map(Json)
}

/// The service takes work.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ready {
    #[schema(example = true)]
    ready: bool,
}

/// Says whether the service takes work: 200 or 503 with the reason.
#[utoipa::path(
    get, path = "/ready", tag = "ops",
    responses((status = 200, description = "It does.", body = Ready))
)]
async fn ready(State(web): State<Web>) -> Result<Json<Ready>, ApiError> {
    let halted = web
        .call(|app| {
            // A read of control.db: a database that cannot be read makes nothing ready.
            app.tenant_list()?;
            Ok(app.halted())
        })
        .await?;
    match halted {
        None => Ok(Json(Ready { ready: true })),
        Some(reason) => Err(ApiError::new(ErrorCode::Unavailable, reason)),
    }
}

pub(super) async fn metrics(State(web): State<Web>) -> impl IntoResponse {
    let queue = web.app.queue_view();
    let text = web.metrics.render(&queue);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
