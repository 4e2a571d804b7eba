//! The bot's durable side: updates accepted, messages to show, what a person chose.
//!
//! Knows nothing of the Bot API's types or of texts; the bot above does. An update is a row before Telegram hears that it arrived, and
//! its effects are written with its mark, so a crash anywhere handles it once. What is to be shown is a row too.

mod messages;
mod people;
mod updates;

use std::sync::atomic::AtomicUsize;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
pub use messages::BotCounts;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
pub use updates::{UPDATE_BYTES_MAX, UPDATES_WAITING_MAX};

use super::{App, Error};
use crate::{config::Secret, queue::Wake};

/// What the derived webhook secret is derived for.
const SECRET_PURPOSE: &[u8] = b"tga bot webhook";

/// What the bot shares within the process.
#[derive(Debug, Default)]
pub(super) struct BotState {
    /// Updates that are due, about: bounds what is accepted.
    waiting: AtomicUsize,
    updates: Wake,
    messages: Wake,
    alerts: Wake,
}

impl App {
    /// Signalled when an update was accepted.
    pub fn bot_updates_wake(&self) -> &Wake {
        &self.bot.updates
    }

    /// Signalled when there is something to show.
    pub fn bot_messages_wake(&self) -> &Wake {
        &self.bot.messages
    }

    /// Signalled when an alert found something.
    pub fn bot_alerts_wake(&self) -> &Wake {
        &self.bot.alerts
    }

    /// What Telegram must send with every update: as configured, else derived from the bot's token, so that it changes with it.
    pub fn bot_webhook_secret(&self) -> Option<Secret> {
        let bot = &self.config.bot;
        if bot.webhook_secret.is_some() {
            return bot.webhook_secret.clone();
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(bot.token.as_ref()?.expose().as_bytes()).ok()?;
        mac.update(SECRET_PURPOSE);
        let bytes = mac.finalize().into_bytes();
        Some(Secret::new(&URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Refuses whoever does not bring the webhook's secret, in a time that says nothing of it.
    pub fn bot_webhook_check(&self, given: &[u8]) -> Result<(), Error> {
        let secret = self.bot_webhook_secret();
        let right = secret.is_some_and(|secret| secret.expose().as_bytes().ct_eq(given).into());
        if right { Ok(()) } else { Err(Error::Forbidden("this address is for Telegram")) }
    }
}
