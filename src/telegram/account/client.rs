//! What the appliance asks of an account, in our words.
//!
//! The seam between what reads channels and what speaks `MTProto`. Every call is one request (or a bounded few) under a timeout;
//! none sleeps through a wait that Telegram asks for: that is an error with the method and the seconds, for the caller's budget.

use std::pin::Pin;

use grammers_tl_types as tl;

use super::{Connection, Error, login};
use crate::telegram::{ChannelReference, ServerMessage};

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

/// How an account names a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelAddress {
    /// The `-100…` id.
    pub telegram_id: i64,
    /// Differs from account to account.
    pub access_hash: i64,
}

/// A channel as an account sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedChannel {
    pub address: ChannelAddress,
    /// Without `@`; private channels have none.
    pub username: Option<String>,
    pub title: String,
    /// The account is a member: Telegram tells it what happens there.
    pub joined: bool,
}

/// What a reference turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    Channel(ResolvedChannel),
    /// A person, a bot, a small group.
    NotAChannel,
    /// An invite to a channel the account is not in.
    NotAMember,
    /// Nothing has this name, or the account may not see it.
    Unknown,
}

/// Which part of a channel's history is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistoryAsk {
    /// Only messages below this id.
    pub below: Option<i64>,
    /// Only messages above this id.
    pub above: i64,
    /// Only messages before this second since 1970.
    pub before: Option<i64>,
    /// How many at most; Telegram gives 100.
    pub limit: u32,
}

/// An account that is logged in.
pub trait TelegramClient: Send + Sync + std::fmt::Debug {
    /// Who the account belongs to.
    fn me(&self) -> Answer<'_, UserProfile>;

    /// Ends the session at Telegram; the key is worthless afterwards.
    fn log_out(&self) -> Answer<'_, ()>;

    /// Finds out which channel is meant. Joins nothing.
    fn channel_resolve(&self, reference: ChannelReference) -> Answer<'_, Resolution>;

    /// Makes the account a member, visibly to the channel's owner: only on its user's explicit wish.
    fn channel_join(&self, reference: ChannelReference) -> Answer<'_, Resolution>;

    /// A page of history, newest first. A page that is not empty tells about every id from its lowest up to `below`.
    fn history(&self, channel: ChannelAddress, ask: HistoryAsk) -> Answer<'_, Vec<ServerMessage>>;

    /// Single messages, at most 100; those that are not there come back as absent.
    fn messages(&self, channel: ChannelAddress, ids: Vec<i64>) -> Answer<'_, Vec<ServerMessage>>;
}

impl TelegramClient for Connection {
    fn me(&self) -> Answer<'_, UserProfile> {
        Box::pin(async {
            let request = tl::functions::users::GetUsers { id: vec![tl::enums::InputUser::UserSelf] };
            let mut users = self.invoke(&request).await?;
            let me = users.pop().and_then(|user| login::profile(&user));
            me.ok_or(Error::Unreadable { method: "users.getUsers" })
        })
    }

    fn log_out(&self) -> Answer<'_, ()> {
        Box::pin(async {
            self.invoke_once(&tl::functions::auth::LogOut {}).await?;
            self.close_soon();
            Ok(())
        })
    }

    fn channel_resolve(&self, reference: ChannelReference) -> Answer<'_, Resolution> {
        Box::pin(self.resolve(reference))
    }

    fn channel_join(&self, reference: ChannelReference) -> Answer<'_, Resolution> {
        Box::pin(self.join(reference))
    }

    fn history(&self, channel: ChannelAddress, ask: HistoryAsk) -> Answer<'_, Vec<ServerMessage>> {
        Box::pin(self.read_history(channel, ask))
    }

    fn messages(&self, channel: ChannelAddress, ids: Vec<i64>) -> Answer<'_, Vec<ServerMessage>> {
        Box::pin(self.read_messages(channel, ids))
    }
}
