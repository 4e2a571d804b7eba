//! What follows from an answer that is no page: a channel's address, a wait, a refusal.

use jiff::SignedDuration;

use super::{App, DENIED_FOR, ERROR_PAUSE, Error, Reader, Task, Tenant, later};
use crate::{
    model::{Channel, MembershipId},
    store::{ChannelPeer, FloodWait},
    telegram::account::{self, Resolution},
    text,
};

/// How long a channel may be unreadable before its followers are told: one more try has failed by then.
const TELL_AFTER: SignedDuration = SignedDuration::from_mins(75);

/// Why an account cannot read a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    Private,
    Unknown,
    Banned,
    Refused,
    NotFound,
    LookupsUsedUp,
}

impl Denial {
    /// The stable name, in notices.
    fn code(self) -> &'static str {
        match self {
            Denial::Private => "channel_private",
            Denial::Unknown => "channel_unknown",
            Denial::Banned => "account_banned",
            Denial::Refused => "telegram_refuses",
            Denial::NotFound => "channel_not_found",
            Denial::LookupsUsedUp => "lookups_used_up",
        }
    }

    /// For the channel's card.
    fn words(self) -> &'static str {
        match self {
            Denial::Private => "it is private, and the account is not in it any more",
            Denial::Unknown => "Telegram does not know it under the name this account has",
            Denial::Banned => "the account is banned there",
            Denial::Refused => "Telegram refuses to show it to this account",
            Denial::NotFound => "the account cannot find it: it was renamed, deleted or made private",
            Denial::LookupsUsedUp => "its account has looked up as many names today as is wise",
        }
    }
}

impl Reader {
    /// Remembers how this account names a channel, or that it cannot.
    pub(super) fn resolved(&self, app: &App, channel: &Channel, found: Resolution) -> Result<(), Error> {
        let tenant = app.reader_tenant(self.tenant)?;
        match found {
            Resolution::Channel(found)
                if channel.telegram_id.is_none_or(|id| id == found.address.telegram_id) =>
            {
                let id = Some(found.address.telegram_id);
                tenant.store.channel_upsert(id, found.username, text::normalise(&found.title), app.now())?;
                let peer = ChannelPeer {
                    telegram_id: found.address.telegram_id,
                    access_hash: found.address.access_hash,
                    joined: found.joined,
                    resolved_at: app.now(),
                };
                Ok(tenant.store.peer_put(self.membership, peer)?)
            }
            Resolution::Channel(_)
            | Resolution::NotAChannel
            | Resolution::NotAMember
            | Resolution::Unknown => self.deny(app, &tenant, channel, Denial::NotFound),
        }
    }

    /// This account cannot read a channel for now; if nobody else can, its card says why, and in the end its followers are told.
    pub(super) fn deny(
        &self,
        app: &App,
        tenant: &Tenant,
        channel: &Channel,
        why: Denial,
    ) -> Result<(), Error> {
        let now = app.now();
        self.state().denied.insert(channel.id, later(now, DENIED_FOR));
        // Told only where the next try fails, too.
        tenant.store.reading_problem_put(channel.id, (why.code(), why.words()), now, TELL_AFTER)?;
        tracing::warn!(channel = %channel.id, membership = %self.membership, why = why.code(), "a channel cannot be read");
        app.readers_wake(self.tenant);
        Ok(())
    }

    /// Draws the consequences of a request that Telegram did not answer as hoped.
    pub(super) fn failed(&self, app: &App, task: &Task, error: &account::Error) -> Result<(), Error> {
        let tenant = app.reader_tenant(self.tenant)?;
        let now = app.now();
        match error {
            account::Error::FloodWait { method, seconds } => {
                flood_note(app, &tenant, self.membership, method, *seconds)?;
            }
            account::Error::Refused { name, .. } => {
                let why = match name.as_str() {
                    "CHANNEL_PRIVATE" => Denial::Private,
                    "CHANNEL_INVALID" => Denial::Unknown,
                    "USER_BANNED_IN_CHANNEL" => Denial::Banned,
                    _ => Denial::Refused,
                };
                if let Some(id) = task.channel.telegram_id.filter(|_| name == "CHANNEL_INVALID") {
                    tenant.store.peer_delete(self.membership, id)?;
                }
                self.deny(app, &tenant, &task.channel, why)?;
            }
            account::Error::Ended(_)
            | account::Error::PasswordNeeded
            | account::Error::PasswordWrong
            | account::Error::KeyUnknown
            | account::Error::Timeout { .. }
            | account::Error::Disconnected(_)
            | account::Error::Unreadable { .. }
            | account::Error::InUse => {
                tracing::info!(membership = %self.membership, %error, "a request of the reader failed; trying again");
                self.state().pause_until = Some(later(now, ERROR_PAUSE));
            }
        }
        Ok(())
    }
}

/// Notes a wait that Telegram asks for, so that it is obeyed after a restart, too.
pub(in crate::app) fn flood_note(
    app: &App,
    tenant: &Tenant,
    membership: MembershipId,
    method: &'static str,
    seconds: u32,
) -> Result<(), Error> {
    metrics::counter!("telegram_floodwait_total", "method" => method).increment(1);
    let until = later(app.now(), SignedDuration::from_secs(i64::from(seconds)));
    tracing::warn!(%membership, method, seconds, "Telegram asks an account to wait");
    Ok(tenant.store.flood_wait_put(FloodWait { membership, method: method.to_owned(), until })?)
}
