//! What is a person's own: their connected Telegram account, and what they chose for the bot and the app alike.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiError, Web, caller::Caller, extract::Body};
use crate::{app::telegram::own::AccountView, i18n::Lang, store::BotChatChange};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(account, disconnect)).routes(routes!(settings, settings_put))
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

/// What a person chose.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingsView {
    /// Nothing where they never chose: then each face guesses.
    language: Option<Lang>,
}

/// What a person chooses.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "language": "ru" }))]
pub(super) struct SettingsBody {
    language: Lang,
}

/// Says what the caller chose for the bot and the app alike, on whatever device.
#[utoipa::path(
    get, path = "/api/users/me/settings", tag = "users", security(("bearer" = ["member"])),
    responses((status = 200, description = "What they chose.", body = SettingsView))
)]
async fn settings(State(web): State<Web>, caller: Caller) -> Result<Json<SettingsView>, ApiError> {
    web.call(move |app| {
        let chat = app.bot_chat(caller.member()?.profile.telegram_id)?;
        Ok(SettingsView { language: chat.language.as_deref().and_then(Lang::parse) })
    })
    .await
    .map(Json)
}

/// Chooses the language the bot speaks and the app is read in, in every tenant of the person.
#[utoipa::path(
    put, path = "/api/users/me/settings", tag = "users", security(("bearer" = ["member"])), request_body = SettingsBody,
    responses((status = 200, description = "What they chose now.", body = SettingsView))
)]
async fn settings_put(
    State(web): State<Web>,
    caller: Caller,
    Body(body): Body<SettingsBody>,
) -> Result<Json<SettingsView>, ApiError> {
    web.call(move |app| {
        let telegram_id = caller.member()?.profile.telegram_id;
        let language = Some(body.language.code().to_owned());
        app.bot_chat_change(BotChatChange { telegram_id, language, ..BotChatChange::default() })?;
        Ok(SettingsView { language: Some(body.language) })
    })
    .await
    .map(Json)
}
