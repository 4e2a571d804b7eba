//! What Telegram must know: where updates go, and the menu of commands in each language.
//!
//! Told only where it differs: what was told last is remembered as a fingerprint in the settings, and the webhook is looked at too,
//! because somebody else may have changed it. Nothing here is secret: a fingerprint is a hash.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::{
    api::{Api, Failure},
    call,
    flow::menu,
};
use crate::{
    app::{App, Error},
    i18n::Lang,
};

/// Where Telegram sends updates, under `bot.public_url`.
const WEBHOOK_PATH: &str = "tg/bot/webhook";
/// Pauses between tries, the last one again and again.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_mins(5)];
const WEBHOOK_TOLD: &str = "bot.webhook.told";
const COMMANDS_TOLD: &str = "bot.commands.told";

/// Sets up, again and again until it is done.
pub(super) async fn until_done(app: &Arc<App>, api: &Api) {
    for pause in PAUSES.into_iter().chain(std::iter::repeat(PAUSES[PAUSES.len() - 1])) {
        match setup(app, api).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "the bot cannot be set up yet"),
        }
        tokio::time::sleep(pause).await;
    }
}

pub(super) async fn setup(app: &Arc<App>, api: &Api) -> Result<(), Error> {
    let name = api.me().await.map_err(said)?;
    let known = name.clone();
    call(app, move |app| app.bot_username_put(&known)).await?;
    webhook(app, api).await?;
    commands(app, api).await?;
    tracing::info!(bot = name, webhook = app.config().bot.public_url.is_some(), "the bot is ready");
    Ok(())
}

async fn webhook(app: &Arc<App>, api: &Api) -> Result<(), Error> {
    let known = api.webhook().await.map_err(said)?;
    if let Some(error) = &known.last_error {
        tracing::warn!(error, pending = known.pending, "Telegram could not deliver updates");
    }
    let Some(base) = &app.config().bot.public_url else {
        if !known.url.is_empty() {
            api.webhook_delete().await.map_err(said)?;
        }
        return Ok(());
    };
    let secret = app.bot_webhook_secret();
    let secret = secret.ok_or_else(|| Error::Unavailable("the bot has no token".to_owned()))?;
    let url = url::Url::parse(&format!("{}/{WEBHOOK_PATH}", base.as_str().trim_end_matches('/')));
    let url = url.map_err(|error| Error::Invalid(format!("bot.public_url: {error}")))?;
    let told = fingerprint(&[url.as_str(), secret.expose()]);
    if known.url != url.as_str() || remembered(app, WEBHOOK_TOLD).await? != Some(told.clone()) {
        api.webhook_set(&url, secret.expose()).await.map_err(said)?;
        remember(app, WEBHOOK_TOLD, told).await?;
    }
    Ok(())
}

async fn commands(app: &Arc<App>, api: &Api) -> Result<(), Error> {
    let menus = [(None, menu(Lang::En)), (Some(Lang::Ru.code()), menu(Lang::Ru))];
    let words: Vec<&str> =
        menus.iter().flat_map(|(_, menu)| menu.iter().flat_map(|(name, words)| [*name, words])).collect();
    let token = app.config().bot.token.as_ref();
    let bot = token.and_then(|token| token.expose().split(':').next()).unwrap_or_default();
    let told = fingerprint(&[&[bot], words.as_slice()].concat());
    if remembered(app, COMMANDS_TOLD).await? == Some(told.clone()) {
        return Ok(());
    }
    for (language, menu) in &menus {
        api.commands_set(*language, menu).await.map_err(said)?;
    }
    remember(app, COMMANDS_TOLD, told).await
}

async fn remembered(app: &Arc<App>, key: &'static str) -> Result<Option<String>, Error> {
    call(app, move |app| app.bot_setting(key)).await
}

async fn remember(app: &Arc<App>, key: &'static str, value: String) -> Result<(), Error> {
    call(app, move |app| app.bot_setting_put(key, &value)).await
}

fn fingerprint(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

fn said(failure: Failure) -> Error {
    Error::Unavailable(match failure {
        Failure::Wait(wait) => format!("Telegram asks the bot to wait {} s", wait.as_secs()),
        Failure::Unreachable(reason) | Failure::Later(reason) | Failure::Refused(reason) => reason,
        Failure::Stopped => "Telegram forbids it".to_owned(),
        Failure::Over => "Telegram says there is nothing to do".to_owned(),
    })
}
