//! Channels and posts, as they arrive and as they are stored.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ChannelId, PostId, Stage};

/// A link in a post: what is shown and where it leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Link {
    /// The visible words; empty when the URL itself is shown.
    pub text: String,
    pub url: String,
}

/// What was read on a page that a post links to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LinkedPage {
    /// Where its redirects ended.
    pub url: String,
    pub title: String,
    pub description: String,
    /// The name of the site.
    pub site: String,
    /// The beginning of its text; not shown, it counts for tags and search.
    #[serde(skip)]
    #[schema(ignore)]
    pub text: String,
}

/// A reaction and how many people left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reaction {
    /// The emoji itself, or `custom:<document id>`, or `paid`.
    pub emoji: String,
    pub count: i64,
}

/// The measures of an attached file, as far as its message tells them; nothing is downloaded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MediaInfo {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// The file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Where a forwarded post first stood, as far as its source allows to tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ForwardOrigin {
    /// The channel's `-100…` id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub posted_at: Option<Timestamp>,
}

/// A post as a source delivers it, before it has a row. The same whether it comes from an export file or from Telegram.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncomingPost {
    pub message_id: i64,
    pub posted_at: Timestamp,
    pub edited_at: Option<Timestamp>,
    /// Plain text: entities flattened, their addresses in `links`.
    pub text: String,
    pub links: Vec<Link>,
    /// Telegram's album id, or the first message's id where an export leaves the id out.
    pub grouped_id: Option<i64>,
    pub author: Option<String>,
    pub views: Option<i64>,
    pub forwards: Option<i64>,
    pub replies: Option<i64>,
    pub reply_to: Option<i64>,
    /// The channel (`-100…`) that `reply_to` stands in, where it is another one.
    pub reply_to_channel: Option<i64>,
    /// Where it was forwarded from, in words.
    pub forwarded_from: Option<String>,
    pub forward_origin: Option<ForwardOrigin>,
    pub reactions: Vec<Reaction>,
    /// `photo`, `video`, `file`, `audio`, `voice`, `sticker`, `animation`, `poll`, ….
    pub media: Option<String>,
    pub media_info: Option<MediaInfo>,
    /// The bot, without `@`, by whose help it was written.
    pub via_bot: Option<String>,
    /// `None`: the source does not say.
    pub pinned: Option<bool>,
}

/// A channel's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Channel {
    pub id: ChannelId,
    /// Telegram's id in the `-100…` form, where known.
    pub telegram_id: Option<i64>,
    /// Without `@`, in the case Telegram shows; unique without case.
    pub username: Option<String>,
    pub title: String,
}

impl Channel {
    /// The address of one of its posts, where it has one: `t.me/name/7` or, private, `t.me/c/123/7`.
    pub fn permalink(&self, message_id: i64) -> Option<String> {
        if let Some(name) = &self.username {
            return Some(format!("https://t.me/{name}/{message_id}"));
        }
        let id = self.telegram_id?;
        // Bot-API ids of channels are -100 followed by the bare id (core.telegram.org/api/bots/ids).
        let bare = if id <= -1_000_000_000_000 { -id - 1_000_000_000_000 } else { id.abs() };
        Some(format!("https://t.me/c/{bare}/{message_id}"))
    }
}

/// A post's row, the album's members folded in: `text` is the text of all members in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    pub id: PostId,
    pub channel_id: ChannelId,
    pub message_id: i64,
    pub posted_at: Timestamp,
    pub edited_at: Option<Timestamp>,
    pub text: String,
    pub links: Vec<Link>,
    pub author: Option<String>,
    pub views: Option<i64>,
    pub media: Option<String>,
    /// How many messages the album has; 1 for a post on its own.
    pub album_size: u32,
    pub stage: Stage,
    /// Grows when the content changes; work done on an older revision is dropped.
    pub revision: i64,
    pub language: Option<String>,
    pub tags: Vec<String>,
    /// What was read behind its links.
    pub pages: Vec<LinkedPage>,
    pub ingested_at: Timestamp,
    pub details: PostDetails,
}

/// What is known of a post beside its words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
pub struct PostDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwards: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replies: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<i64>,
    /// The channel (`-100…`) that `reply_to` stands in, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to_channel: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarded_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward_origin: Option<ForwardOrigin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_info: Option<MediaInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via_bot: Option<String>,
    pub pinned: bool,
}

/// The channels a caller may see. A parameter of every read, not an optional filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelSet {
    /// Every channel of the tenant: the operator at the console.
    All,
    /// Only these.
    Only(BTreeSet<ChannelId>),
}

impl ChannelSet {
    /// How many are in it; `None`: all there are.
    pub fn count(&self) -> Option<usize> {
        match self {
            ChannelSet::All => None,
            ChannelSet::Only(channels) => Some(channels.len()),
        }
    }

    /// Whether nothing can be in it.
    pub fn is_empty(&self) -> bool {
        match self {
            ChannelSet::All => false,
            ChannelSet::Only(channels) => channels.is_empty(),
        }
    }

    pub fn contains(&self, id: ChannelId) -> bool {
        match self {
            ChannelSet::All => true,
            ChannelSet::Only(set) => set.contains(&id),
        }
    }

    /// The set narrowed to `wanted`; what the caller may not see drops out silently, as if it did not exist.
    #[must_use]
    pub fn narrow(&self, wanted: &BTreeSet<ChannelId>) -> ChannelSet {
        match self {
            ChannelSet::All => ChannelSet::Only(wanted.clone()),
            ChannelSet::Only(set) => ChannelSet::Only(set.intersection(wanted).copied().collect()),
        }
    }
}
