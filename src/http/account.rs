//! A person's own connected Telegram account.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiError, Web, caller::Caller};
use crate::app::telegram::own::AccountView;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(account, disconnect))
}

/// Says whether the caller's Telegram account is connected, and if not, why.
#[utoipa::path(
    get, path = "/api/users/me/account", tag = "users", security(("bearer" = ["member"])),
    responses((status = 200, description = "How it is.", body = AccountView))
)]
async fn account(State(web): State<Web>, caller: Caller) -> Result<Json<AccountView>, ApiError> {
    web.call(move |app| app.account_view(&caller.tenant, caller.member()?)).await.map(Json)
}

/// Logs the caller's Telegram account out and wipes its session. Channels and posts stay; `DELETE /api/users/me` removes those.
#[utoipa::path(
    delete, path = "/api/users/me/account", tag = "users", security(("bearer" = ["member"])),
    responses((status = 204, description = "It is connected no more."), (status = 404, description = "None is connected."))
)]
async fn disconnect(State(web): State<Web>, caller: Caller) -> Result<StatusCode, ApiError> {
    web.call(move |app| app.account_disconnect(&caller.tenant, caller.member()?)).await?;
    Ok(StatusCode::NO_CONTENT)
}
