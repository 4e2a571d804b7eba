//! What the appliance asks of an account, in our words.
//!
//! The seam between what reads channels and what speaks `MTProto`. Every call is one request (or a bounded few) under a timeout;
//! none sleeps through a wait that Telegram asks for: that is an error with the method and the seconds, for the caller's budget.

use std::pin::Pin;

use super::Error;

/// An answer that is on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Who an account belongs to, as Telegram says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserProfile {
    pub telegram_id: i64,
    /// Without `@`.
    pub username: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub language: Option<String>,
}

/// An account that is logged in.
pub trait TelegramClient: Send + Sync + std::fmt::Debug {
    /// Who the account belongs to.
    fn me(&self) -> Answer<'_, UserProfile>;

    /// Ends the session at Telegram; the key is worthless afterwards.
    fn log_out(&self) -> Answer<'_, ()>;
}
