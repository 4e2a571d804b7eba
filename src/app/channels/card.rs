//! Channels as faces show them, and how deep they are to be read as people write it.

use serde::{Deserialize, Serialize};

use utoipa::openapi::{Object, OneOf, RefOr, Schema, Type};

use super::{DEPTH_DAYS_MAX, DEPTH_DEFAULT_DAYS};
use crate::model::ChannelId;

/// How far back to read, as people write it: a number of days, or `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "DepthWritten", into = "DepthWritten")]
pub enum Depth {
    Days(u32),
    All,
}

/// The wire's form of a [`Depth`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DepthWritten {
    Days(u32),
    Word(String),
}

impl utoipa::PartialSchema for DepthWritten {
    fn schema() -> RefOr<Schema> {
        let days =
            Object::builder().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(DEPTH_DAYS_MAX));
        let word = Object::builder().schema_type(Type::String).enum_values(Some(["all"]));
        OneOf::builder().item(days).item(word).into()
    }
}

impl utoipa::ToSchema for DepthWritten {}

impl Depth {
    /// `None` = everything there is.
    pub fn days(self) -> Option<u32> {
        match self {
            Depth::Days(days) => Some(days),
            Depth::All => None,
        }
    }
}

impl std::str::FromStr for Depth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Depth::All);
        }
        let days = text.parse().map(Depth::Days);
        days.map_err(|_| format!("write a number of days, such as {DEPTH_DEFAULT_DAYS}, or all"))
    }
}

impl TryFrom<DepthWritten> for Depth {
    type Error = String;

    fn try_from(written: DepthWritten) -> Result<Self, String> {
        match written {
            DepthWritten::Days(days) => Ok(Depth::Days(days)),
            DepthWritten::Word(word) => word.parse(),
        }
    }
}

impl From<Depth> for DepthWritten {
    fn from(depth: Depth) -> Self {
        match depth {
            Depth::Days(days) => DepthWritten::Days(days),
            Depth::All => DepthWritten::Word("all".to_owned()),
        }
    }
}

/// A channel as its follower sees it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ChannelCard {
    pub id: ChannelId,
    pub username: Option<String>,
    pub title: String,
    pub telegram_id: Option<i64>,
    /// Posts that are here; an album counts as one.
    pub posts: u64,
    /// When the user began to follow it; absent for whoever sees it without following.
    pub followed_at: Option<String>,
    /// How far back the user wants to read; absent = everything.
    pub depth_days: Option<u32>,
    pub reading: ReadingView,
}

/// Where the reading of a channel stands, in words and numbers.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ReadingView {
    pub state: ReadingState,
    /// What it does or why it rests, for people.
    pub words: String,
    /// When the server was last asked for the newest post.
    pub checked_at: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadingState {
    /// Came from a file; no account reads it.
    Imported,
    /// Nobody who follows it is connected.
    NoAccount,
    Starting,
    /// Older posts are still on their way.
    History,
    UpToDate,
    /// Telegram or the channel stops it; `words` says why.
    Paused,
}

/// The ledger of a channel: an account of every message id.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LedgerView {
    pub channel_id: ChannelId,
    /// The oldest message wanted; absent while it is being looked up.
    pub first_message_id: Option<i64>,
    /// The newest message Telegram told of.
    pub last_message_id: i64,
    /// Ids from the first to the last.
    pub expected: u64,
    pub seen: u64,
    pub missing: MissingView,
    /// Every id is accounted for.
    pub complete: bool,
    /// The newest gaps, first and last id.
    #[schema(value_type = Vec<Vec<i64>>)]
    pub gaps: Vec<(i64, i64)>,
    pub checked_at: Option<String>,
    pub reading: ReadingView,
}

/// Ids without a post, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MissingView {
    pub deleted: u64,
    /// Something happened in the channel; there is nothing to read.
    pub service: u64,
    /// Telegram forbids to show it.
    pub restricted: u64,
    pub not_read: u64,
}
