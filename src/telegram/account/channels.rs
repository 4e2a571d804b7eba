//! What an account asks about channels: which one is meant, its history, single messages.
//!
//! Answers are Telegram's; nothing here remembers, retries or waits.

use grammers_tl_types as tl;

use super::{ChannelAddress, Connection, Error, HistoryAsk, Resolution, ResolvedChannel};
use crate::telegram::{
    ChannelReference, PeerNames, ServerMessage,
    message::active_name,
    message_read,
    reference::{channel_bare_id, channel_id},
};

/// Dialogs asked for at once, and in how many steps a private channel is looked for among them.
const DIALOGS_PER_PAGE: i32 = 100;
const DIALOG_PAGES_MAX: u32 = 10;
/// Refusals that say that there is no such channel for this account.
const UNKNOWN: [&str; 7] = [
    "USERNAME_NOT_OCCUPIED",
    "USERNAME_INVALID",
    "CHANNEL_INVALID",
    "CHANNEL_PRIVATE",
    "INVITE_HASH_EXPIRED",
    "INVITE_HASH_INVALID",
    "INVITE_HASH_EMPTY",
];

impl ChannelReference {
    /// The methods that looking it up may take; the first is the usual one.
    pub fn lookup_methods(&self) -> &'static [&'static str] {
        match self {
            ChannelReference::Name(_) => &["contacts.resolveUsername"],
            ChannelReference::Id(_) => &["channels.getChannels", "messages.getDialogs"],
            ChannelReference::Invite(_) => &["messages.checkChatInvite"],
        }
    }

    /// The method that joins it; a look-up comes before or after.
    pub fn join_method(&self) -> &'static str {
        match self {
            ChannelReference::Name(_) | ChannelReference::Id(_) => "channels.joinChannel",
            ChannelReference::Invite(_) => "messages.importChatInvite",
        }
    }
}

impl Connection {
    pub(super) async fn resolve(&self, reference: ChannelReference) -> Result<Resolution, Error> {
        let found = match reference {
            ChannelReference::Name(name) => self.resolve_name(name).await,
            ChannelReference::Id(id) => self.resolve_id(id).await,
            ChannelReference::Invite(hash) => self.resolve_invite(hash).await,
        };
        known(found)
    }

    async fn resolve_name(&self, username: String) -> Result<Resolution, Error> {
        let request = tl::functions::contacts::ResolveUsername { username, referer: None };
        let tl::enums::contacts::ResolvedPeer::Peer(found) = self.invoke(&request).await?;
        let wanted = match found.peer {
            tl::enums::Peer::Channel(channel) => channel.channel_id,
            tl::enums::Peer::User(_) | tl::enums::Peer::Chat(_) => return Ok(Resolution::NotAChannel),
        };
        Ok(among(&found.chats, wanted))
    }

    async fn resolve_id(&self, id: i64) -> Result<Resolution, Error> {
        let Some(bare) = channel_bare_id(id) else { return Ok(Resolution::Unknown) };
        let Some(access_hash) = self.session().channel_hash(bare) else {
            return self.resolve_among_dialogs(bare).await;
        };
        let channel = tl::types::InputChannel { channel_id: bare, access_hash }.into();
        let answer = self.invoke(&tl::functions::channels::GetChannels { id: vec![channel] }).await?;
        let chats = match answer {
            tl::enums::messages::Chats::Chats(chats) => chats.chats,
            tl::enums::messages::Chats::Slice(chats) => chats.chats,
        };
        Ok(among(&chats, bare))
    }

    /// A channel this session has not met yet: the account's own list has it, if the account is in it.
    async fn resolve_among_dialogs(&self, bare: i64) -> Result<Resolution, Error> {
        let mut ask = tl::functions::messages::GetDialogs {
            exclude_pinned: false,
            folder_id: None,
            offset_date: 0,
            offset_id: 0,
            offset_peer: tl::enums::InputPeer::Empty,
            limit: DIALOGS_PER_PAGE,
            hash: 0,
        };
        for _ in 0..DIALOG_PAGES_MAX {
            let (dialogs, messages, chats, whole) = match self.invoke(&ask).await? {
                tl::enums::messages::Dialogs::Dialogs(page) => {
                    (page.dialogs, page.messages, page.chats, true)
                }
                tl::enums::messages::Dialogs::Slice(page) => (page.dialogs, page.messages, page.chats, false),
                tl::enums::messages::Dialogs::NotModified(_) => break,
            };
            let found = among(&chats, bare);
            if matches!(found, Resolution::Channel(_)) || whole || dialogs.is_empty() {
                return Ok(found);
            }
            let Some((id, date)) = messages.iter().rev().find_map(message_place) else { break };
            if (ask.offset_id, ask.offset_date) == (id, date) {
                break;
            }
            (ask.offset_id, ask.offset_date, ask.exclude_pinned) = (id, date, true);
        }
        Ok(Resolution::Unknown)
    }

    async fn resolve_invite(&self, hash: String) -> Result<Resolution, Error> {
        Ok(match self.invoke(&tl::functions::messages::CheckChatInvite { hash }).await? {
            tl::enums::ChatInvite::Already(already) => {
                resolved(&already.chat).unwrap_or(Resolution::NotAChannel)
            }
            tl::enums::ChatInvite::Invite(_) | tl::enums::ChatInvite::Peek(_) => Resolution::NotAMember,
        })
    }

    pub(super) async fn join(&self, reference: ChannelReference) -> Result<Resolution, Error> {
        let joined = match &reference {
            ChannelReference::Invite(hash) => {
                let request = tl::functions::messages::ImportChatInvite { hash: hash.clone() };
                self.invoke_once(&request).await.map(|_| ())
            }
            ChannelReference::Name(_) | ChannelReference::Id(_) => {
                let found = self.resolve(reference.clone()).await?;
                let Resolution::Channel(channel) = found else { return Ok(found) };
                let Some(channel) = input_channel(channel.address) else { return Ok(Resolution::Unknown) };
                let request = tl::functions::channels::JoinChannel { channel };
                self.invoke_once(&request).await.map(|_| ())
            }
        };
        match joined {
            Err(error) if !error.is_refusal("USER_ALREADY_PARTICIPANT") => known(Err(error)),
            Ok(()) | Err(_) => self.resolve(reference).await,
        }
    }

    pub(super) async fn read_history(
        &self,
        channel: ChannelAddress,
        ask: HistoryAsk,
    ) -> Result<Vec<ServerMessage>, Error> {
        const METHOD: &str = "messages.getHistory";
        let id = |id: i64| i32::try_from(id).map_err(|_| Error::Unreadable { method: METHOD });
        let bare = channel_bare_id(channel.telegram_id).ok_or(Error::Unreadable { method: METHOD })?;
        let peer = tl::types::InputPeerChannel { channel_id: bare, access_hash: channel.access_hash };
        let request = tl::functions::messages::GetHistory {
            peer: peer.into(),
            offset_id: id(ask.below.unwrap_or(0))?,
            offset_date: id(ask.before.unwrap_or(0))?,
            add_offset: 0,
            limit: id(i64::from(ask.limit))?,
            max_id: 0,
            min_id: id(ask.above)?,
            hash: 0,
        };
        page(self.invoke(&request).await?, METHOD)
    }

    pub(super) async fn read_messages(
        &self,
        channel: ChannelAddress,
        ids: Vec<i64>,
    ) -> Result<Vec<ServerMessage>, Error> {
        const METHOD: &str = "channels.getMessages";
        let channel = input_channel(channel).ok_or(Error::Unreadable { method: METHOD })?;
        let id = ids.iter().filter_map(|id| i32::try_from(*id).ok());
        let id = id.map(|id| tl::types::InputMessageId { id }.into()).collect();
        page(self.invoke(&tl::functions::channels::GetMessages { channel, id }).await?, METHOD)
    }
}

fn input_channel(channel: ChannelAddress) -> Option<tl::enums::InputChannel> {
    let channel_id = channel_bare_id(channel.telegram_id)?;
    Some(tl::types::InputChannel { channel_id, access_hash: channel.access_hash }.into())
}

/// "There is none" is an answer, not a failure.
fn known(found: Result<Resolution, Error>) -> Result<Resolution, Error> {
    match found {
        Err(error) if UNKNOWN.iter().any(|name| error.is_refusal(name)) => Ok(Resolution::Unknown),
        other => other,
    }
}

fn among(chats: &[tl::enums::Chat], bare: i64) -> Resolution {
    let mut wanted =
        chats.iter().filter(|chat| matches!(chat, tl::enums::Chat::Channel(channel) if channel.id == bare));
    wanted.find_map(resolved).unwrap_or(Resolution::Unknown)
}

/// A channel or large group that was described in full.
fn resolved(chat: &tl::enums::Chat) -> Option<Resolution> {
    let tl::enums::Chat::Channel(channel) = chat else { return None };
    let access_hash = channel.access_hash.filter(|_| !channel.min)?;
    Some(Resolution::Channel(ResolvedChannel {
        address: ChannelAddress { telegram_id: channel_id(channel.id)?, access_hash },
        username: channel.username.clone().or_else(|| active_name(channel.usernames.as_deref())),
        title: channel.title.clone(),
        joined: !channel.left,
    }))
}

fn message_place(message: &tl::enums::Message) -> Option<(i32, i32)> {
    match message {
        tl::enums::Message::Message(message) => Some((message.id, message.date)),
        tl::enums::Message::Service(message) => Some((message.id, message.date)),
        tl::enums::Message::Empty(_) => None,
    }
}

fn page(answer: tl::enums::messages::Messages, method: &'static str) -> Result<Vec<ServerMessage>, Error> {
    use tl::enums::messages::Messages as M;
    let (messages, users, chats) = match answer {
        M::ChannelMessages(page) => (page.messages, page.users, page.chats),
        M::Slice(page) => (page.messages, page.users, page.chats),
        M::Messages(page) => (page.messages, page.users, page.chats),
        M::NotModified(_) => return Err(Error::Unreadable { method }),
    };
    let names = PeerNames::new(&users, &chats);
    Ok(messages.iter().filter_map(|message| message_read(message, &names)).collect())
}
