//! `/health`, `/ready`, `/metrics`.
//!
//! Health answers whether the process can do its work and names what keeps it from it; ready is the same as a yes or no.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde_json::{Value, json};

use super::{ApiError, Web};

pub(super) async fn health(State(web): State<Web>) -> Result<Json<Value>, ApiError> {
    let started = web.app.started_at();
    web.call(move |app| {
        let halted = app.halted();
        Ok(json!({
            "status": if halted.is_some() { "halted" } else { "ok" },
            "halted": halted,
            "queue": app.queue_view(),
            "tenants_open": app.tenants_open_count(),
            "models_open": app.models().open_ids(),
            "uptime_s": app.now().as_second() - started.as_second(),
            "version": env!("CARGO_PKG_VERSION"),
        }))
    })
    .await
    .map(Json)
}

pub(super) async fn ready(State(web): State<Web>) -> Result<Json<Value>, ApiError> {
    let halted = web
        .call(|app| {
            // A read of control.db: a database that cannot be read makes nothing ready.
            app.tenant_list()?;
            Ok(app.halted())
        })
        .await?;
    match halted {
        None => Ok(Json(json!({ "ready": true }))),
        Some(reason) => Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", reason)),
    }
}

pub(super) async fn metrics(State(web): State<Web>) -> impl IntoResponse {
    let queue = web.app.queue_view();
    let text = web.metrics.render(&queue);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
