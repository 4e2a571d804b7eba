//! One message as Telegram's servers send it, in our words.
//!
//! Pure, and total: whatever a server sends becomes a post, a reason why there is none, or nothing; it never panics, and no
//! text, list or number of a message is trusted to fit. Types of the wire end here.

mod body;
mod media;
mod peers;
#[cfg(test)]
mod tests;

use grammers_tl_types as tl;
use jiff::Timestamp;
pub use peers::PeerNames;
pub(super) use peers::active as active_name;

use super::reference::channel_id;
use crate::model::{ForwardOrigin, IncomingPost, Reaction};

/// Reactions kept of one message.
const REACTIONS_MAX: usize = 100;

/// What stands at one message id of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerMessage {
    pub message_id: i64,
    pub content: MessageContent,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageContent {
    Post(Box<IncomingPost>),
    /// Something happened in the channel (a new title, a pinned message): there is nothing to read.
    Service,
    /// Telegram forbids clients to show it.
    Restricted,
    /// Deleted, or never there.
    Absent,
}

/// The channel of a peer in the `-100…` form; other peers are no channels.
pub(super) fn peer_channel_id(peer: &tl::enums::Peer) -> Option<i64> {
    match peer {
        tl::enums::Peer::Channel(channel) => channel_id(channel.channel_id),
        tl::enums::Peer::User(_) | tl::enums::Peer::Chat(_) => None,
    }
}

/// The channel a message stands in; a message that is not there does not always say.
pub fn message_channel_id(message: &tl::enums::Message) -> Option<i64> {
    match message {
        tl::enums::Message::Message(message) => peer_channel_id(&message.peer_id),
        tl::enums::Message::Service(message) => peer_channel_id(&message.peer_id),
        tl::enums::Message::Empty(message) => message.peer_id.as_ref().and_then(peer_channel_id),
    }
}

/// Reads a message. `None` for an id that no message can have.
pub fn message_read(message: &tl::enums::Message, names: &PeerNames) -> Option<ServerMessage> {
    let (id, content) = match message {
        tl::enums::Message::Empty(empty) => (empty.id, MessageContent::Absent),
        tl::enums::Message::Service(service) => (service.id, MessageContent::Service),
        tl::enums::Message::Message(message) => (message.id, content(message, names)),
    };
    (id > 0).then(|| ServerMessage { message_id: i64::from(id), content })
}

fn content(message: &tl::types::Message, names: &PeerNames) -> MessageContent {
    let everywhere = |reason: &tl::enums::RestrictionReason| {
        let tl::enums::RestrictionReason::Reason(reason) = reason;
        reason.platform.eq_ignore_ascii_case("all")
    };
    if message.restriction_reason.iter().flatten().any(everywhere) {
        return MessageContent::Restricted;
    }
    match post(message, names) {
        Some(post) => MessageContent::Post(Box::new(post)),
        // Without text, attachment or album there is nothing to read either.
        None => MessageContent::Service,
    }
}

fn post(message: &tl::types::Message, names: &PeerNames) -> Option<IncomingPost> {
    let media = message.media.as_ref().and_then(media::media);
    let (text, links) = body::body(message);
    let (kind, media_info) = media.map_or((None, None), |(kind, info)| (Some(kind.to_owned()), info));
    if text.trim().is_empty() && kind.is_none() && message.grouped_id.is_none() {
        return None;
    }
    let (reply_to, reply_to_channel) = reply(message);
    let (forwarded_from, forward_origin) = forward(message, names);
    Some(IncomingPost {
        message_id: i64::from(message.id),
        posted_at: at(message.date)?,
        edited_at: message.edit_date.filter(|_| !message.edit_hide).and_then(at),
        text,
        links,
        grouped_id: message.grouped_id,
        author: author(message, names),
        views: message.views.map(i64::from),
        forwards: message.forwards.map(i64::from),
        replies: message
            .replies
            .as_ref()
            .map(|tl::enums::MessageReplies::Replies(replies)| i64::from(replies.replies)),
        reply_to,
        reply_to_channel,
        forwarded_from,
        forward_origin,
        reactions: message.reactions.as_ref().map(reactions).unwrap_or_default(),
        media: kind,
        media_info,
        via_bot: message.via_bot_id.and_then(|bot| names.username_of_user(bot)),
        pinned: Some(message.pinned),
    })
}

/// A second of the wire as a moment.
fn at(seconds: i32) -> Option<Timestamp> {
    Timestamp::from_second(i64::from(seconds)).ok()
}

/// Who signed the post; in a group, who wrote it.
fn author(message: &tl::types::Message, names: &PeerNames) -> Option<String> {
    let signed = message.post_author.clone().filter(|author| !author.trim().is_empty());
    signed.or_else(|| {
        let from = message.from_id.as_ref().filter(|from| **from != message.peer_id)?;
        names.title(from)
    })
}

/// Which message this one answers, and the other channel it stands in, where it is another.
fn reply(message: &tl::types::Message) -> (Option<i64>, Option<i64>) {
    let Some(tl::enums::MessageReplyHeader::Header(header)) = &message.reply_to else {
        return (None, None);
    };
    let id = header.reply_to_msg_id.filter(|id| *id > 0).map(i64::from);
    match &header.reply_to_peer_id {
        Some(peer) if *peer != message.peer_id => match peer_channel_id(peer) {
            Some(channel) => (id, Some(channel)),
            None => (None, None),
        },
        Some(_) | None => (id, None),
    }
}

/// Where a message was forwarded from, in words and as an address.
fn forward(message: &tl::types::Message, names: &PeerNames) -> (Option<String>, Option<ForwardOrigin>) {
    let Some(tl::enums::MessageFwdHeader::Header(header)) = &message.fwd_from else {
        return (None, None);
    };
    let title = header.from_id.as_ref().and_then(|peer| names.title(peer));
    let words = title.or_else(|| header.from_name.clone()).filter(|name| !name.trim().is_empty());
    let origin = ForwardOrigin {
        channel: header.from_id.as_ref().and_then(peer_channel_id),
        username: header.from_id.as_ref().and_then(|peer| names.username(peer)),
        message_id: header.channel_post.filter(|id| *id > 0).map(i64::from),
        posted_at: at(header.date),
    };
    // A forward whose source hides itself is a forward all the same.
    (Some(words.unwrap_or_else(|| "unknown".to_owned())), Some(origin))
}

/// The counts of a message's reactions.
pub(super) fn reactions(reactions: &tl::enums::MessageReactions) -> Vec<Reaction> {
    let tl::enums::MessageReactions::Reactions(reactions) = reactions;
    let one = |count: &tl::enums::ReactionCount| {
        let tl::enums::ReactionCount::Count(count) = count;
        let emoji = match &count.reaction {
            tl::enums::Reaction::Emoji(reaction) => reaction.emoticon.clone(),
            tl::enums::Reaction::CustomEmoji(reaction) => format!("custom:{}", reaction.document_id),
            tl::enums::Reaction::Paid => "paid".to_owned(),
            tl::enums::Reaction::Empty => return None,
        };
        Some(Reaction { emoji, count: i64::from(count.count) })
    };
    reactions.results.iter().take(REACTIONS_MAX).filter_map(one).collect()
}
