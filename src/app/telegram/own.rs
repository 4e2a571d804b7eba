//! A person's own connected account: how it is, and taking it away again.

use serde::Serialize;

use crate::{
    app::{App, Error, Tenant, tenants::rfc3339},
    store::{Member, TelegramSessionState},
};

/// How a person's Telegram account is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// None was ever connected, or it was taken away.
    None,
    /// Connected; its channels are read.
    Connected,
    /// Being connected again.
    Connecting,
    /// An operator has paused it.
    Paused,
    /// Telegram has ended its session; it has to be connected anew.
    Ended,
}

/// A person's connected account, as they see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AccountView {
    pub state: AccountState,
    /// Why it is paused or ended, as it was noted.
    pub reason: Option<String>,
    /// Since when the session is here.
    pub since: Option<String>,
}

/// What is noted where the owner took the account away.
const BY_OWNER: &str = "by_owner";

/// Whether it was the owner; where Telegram could not be told, the note says that too.
fn taken_away(reason: &str) -> bool {
    reason.starts_with(BY_OWNER)
}

impl App {
    /// How a member's account is.
    pub fn account_view(&self, tenant: &Tenant, member: &Member) -> Result<AccountView, Error> {
        let sessions = tenant.store().telegram_session_list()?;
        let Some(last) = sessions.into_iter().find(|session| session.membership_id == member.id) else {
            return Ok(AccountView { state: AccountState::None, reason: None, since: None });
        };
        let state = match last.state {
            TelegramSessionState::Active if self.account_find(member.id).is_some() => AccountState::Connected,
            TelegramSessionState::Active => AccountState::Connecting,
            TelegramSessionState::Paused => AccountState::Paused,
            TelegramSessionState::Revoked if last.reason.as_deref().is_some_and(taken_away) => {
                AccountState::None
            }
            TelegramSessionState::Revoked | TelegramSessionState::Replaced => AccountState::Ended,
        };
        Ok(AccountView { state, reason: last.reason, since: Some(rfc3339(last.created_at)) })
    }

    /// Logs a member's account out at Telegram and wipes its session. Their channels stay; others' accounts may read them on.
    pub fn account_disconnect(&self, tenant: &Tenant, member: &Member) -> Result<(), Error> {
        let absent = || Error::NotFound("no Telegram account is connected".to_owned());
        let session = tenant.store().telegram_session_of(member.id)?.ok_or_else(absent)?;
        self.telegram_session_revoke(session.id, BY_OWNER).map(drop)
    }
}
