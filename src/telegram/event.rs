//! What happens in channels while an account is connected, in our words.
//!
//! Pure. Updates of other kinds are nothing here. Events may come late, twice, out of order or not at all: whoever applies them
//! compares message ids, and asks the server about what is missing.

use grammers_tl_types as tl;

use super::{
    message::{PeerNames, ServerMessage, message_channel_id, message_read, peer_channel_id, reactions},
    reference::channel_id,
};
use crate::model::Reaction;

/// Something that happened in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelEvent {
    /// The channel's `-100…` id.
    pub channel: i64,
    pub change: ChannelChange,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelChange {
    Posted(ServerMessage),
    Edited(ServerMessage),
    /// These messages are gone.
    Deleted(Vec<i64>),
    Pinned {
        messages: Vec<i64>,
        pinned: bool,
    },
    /// Counters of one message; `None` = as before.
    Counted {
        message_id: i64,
        views: Option<i64>,
        forwards: Option<i64>,
        reactions: Option<Vec<Reaction>>,
    },
    /// More happened than the server tells one by one: look by message ids.
    TooMuch,
    /// The channel itself changed: renamed, made private, the account was removed.
    Status,
}

/// Reads an update; `None` if it is not about a channel's posts.
pub fn event_read(update: &tl::enums::Update, names: &PeerNames) -> Option<ChannelEvent> {
    use tl::enums::Update as U;
    let event = |channel: i64, change| channel_id(channel).map(|channel| ChannelEvent { channel, change });
    // `if let`s: the enum has 150 kinds, and a new one is nothing to us.
    if let U::NewChannelMessage(update) = update {
        return message_event(&update.message, names, ChannelChange::Posted);
    }
    if let U::EditChannelMessage(update) = update {
        return message_event(&update.message, names, ChannelChange::Edited);
    }
    if let U::DeleteChannelMessages(update) = update {
        return event(update.channel_id, ChannelChange::Deleted(ids(&update.messages)));
    }
    if let U::PinnedChannelMessages(update) = update {
        let change = ChannelChange::Pinned { messages: ids(&update.messages), pinned: update.pinned };
        return event(update.channel_id, change);
    }
    if let U::ChannelMessageViews(update) = update {
        return event(update.channel_id, counted(update.id, Some(update.views), None, None)?);
    }
    if let U::ChannelMessageForwards(update) = update {
        return event(update.channel_id, counted(update.id, None, Some(update.forwards), None)?);
    }
    if let U::MessageReactions(update) = update {
        let channel = peer_channel_id(&update.peer)?;
        let change = counted(update.msg_id, None, None, Some(reactions(&update.reactions)))?;
        return Some(ChannelEvent { channel, change });
    }
    if let U::ChannelTooLong(update) = update {
        return event(update.channel_id, ChannelChange::TooMuch);
    }
    if let U::Channel(update) = update {
        return event(update.channel_id, ChannelChange::Status);
    }
    None
}

fn message_event(
    message: &tl::enums::Message,
    names: &PeerNames,
    change: fn(ServerMessage) -> ChannelChange,
) -> Option<ChannelEvent> {
    let channel = message_channel_id(message)?;
    message_read(message, names).map(|message| ChannelEvent { channel, change: change(message) })
}

fn ids(ids: &[i32]) -> Vec<i64> {
    ids.iter().filter(|id| **id > 0).map(|id| i64::from(*id)).collect()
}

fn counted(
    id: i32,
    views: Option<i32>,
    forwards: Option<i32>,
    reactions: Option<Vec<Reaction>>,
) -> Option<ChannelChange> {
    (id > 0).then(|| ChannelChange::Counted {
        message_id: i64::from(id),
        views: views.map(i64::from),
        forwards: forwards.map(i64::from),
        reactions,
    })
}
