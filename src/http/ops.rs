//! `/health`, `/health/auth`, `/health/bot`, `/ready`, `/metrics`.
//!
//! Health says whether the last expected thing happened and names what did not; where it is a problem the status is 503. Ready is
//! a yes or no to new requests.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiError, Web, metrics::Figures};
use crate::app::{
    App, ErrorCode,
    doctor::State as HealthState,
    health::{AuthHealth, BotHealth, Health},
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(health_auth))
        .routes(routes!(health_bot))
        .routes(routes!(ready))
}

/// The status a health answer comes with.
pub(super) fn health_status(state: HealthState) -> StatusCode {
    match state {
        HealthState::Ok | HealthState::Reduced => StatusCode::OK,
        HealthState::Problem => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Says how the service is, and what keeps it from working.
#[utoipa::path(
    get, path = "/health", tag = "ops",
    responses(
        (status = 200, description = "It works; `reduced` says with what it could work better.", body = Health),
        (status = 503, description = "It does not do what it should; `reasons` says why.", body = Health)
    )
)]
async fn health(State(web): State<Web>) -> Result<(StatusCode, Json<Health>), ApiError> {
    let health = web.call(App::health).await?;
    Ok((health_status(health.status), Json(health)))
}

/// Says whether people can sign in, and by what.
#[utoipa::path(
    get, path = "/health/auth", tag = "ops",
    responses((status = 200, description = "They can, as far as it is configured.", body = AuthHealth))
)]
async fn health_auth(State(web): State<Web>) -> Result<Json<AuthHealth>, ApiError> {
    web.call(App::health_auth).await.map(Json)
}

/// Says what is known of the bot.
#[utoipa::path(
    get, path = "/health/bot", tag = "ops",
    responses((status = 200, description = "Whether there is one, what waits, what was given up.", body = BotHealth))
)]
async fn health_bot(State(web): State<Web>) -> Result<Json<BotHealth>, ApiError> {
    web.call(App::health_bot).await.map(Json)
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

pub(super) async fn metrics(State(web): State<Web>) -> Result<impl IntoResponse, ApiError> {
    let measured = web.call(|app| {
        let control = app.config().data_dir.join("control.db");
        let backup = app.backup_newest()?;
        Ok(Figures {
            health: app.health_operator()?,
            bot: app.bot_counts()?,
            certificate_until_s: app.certificate_until().map(jiff::Timestamp::as_second),
            tagging_cache: app.tagging_cache_len(),
            control_bytes: std::fs::metadata(control).map_or(0, |file| file.len()),
            tenants_open: app.tenants_open_count(),
            started_at_s: app.started_at().as_second(),
            backup,
            restorable_age_s: app.backup_restorable_age()?.map(|age| age.as_secs_f64()),
            outbox_lag_s: app.outbox_lag().as_secs_f64(),
            retention_at_s: app.retention_done_at()?.map(jiff::Timestamp::as_second),
        })
    });
    let text = web.metrics.render(&measured.await?);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}
