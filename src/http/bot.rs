//! Where Telegram delivers updates: the secret first, then a row, then 200.
//!
//! Whatever Telegram sends twice is known by its number. When too much waits it is asked to come again (503), so memory stays bounded.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiError, Web};
use crate::app::Error;

/// What Telegram sends the secret in.
const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(webhook))
}

/// Takes an update of the bot from Telegram.
#[utoipa::path(
    post, path = "/tg/bot/webhook", tag = "bot",
    security(("telegram" = [])),
    request_body(content = Object, description = "An update of the Bot API.", content_type = "application/json"),
    responses(
        (status = 200, description = "It is kept, now or since before."),
        (status = 403, description = "The secret is missing or wrong."),
        (status = 503, description = "Too many updates wait; send it again later (`queue_full`).")
    )
)]
async fn webhook(
    State(web): State<Web>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<StatusCode, ApiError> {
    let given = headers.get(SECRET_HEADER).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    let accepted = web.call(move |app| {
        app.bot_webhook_check(&given)?;
        let body =
            std::str::from_utf8(&body).map_err(|_| Error::Invalid("the update is not UTF-8".to_owned()))?;
        app.bot_update_accept(body)
    });
    let accepted = accepted.await;
    let outcome = match &accepted {
        Ok(true) => "accepted",
        Ok(false) => "known",
        Err(_) => "refused",
    };
    metrics::counter!("tg_webhook_requests_total", "outcome" => outcome).increment(1);
    accepted.map(|_| StatusCode::OK)
}
