//! What somebody asked, kept with its update: what the buttons below the answer refer to, also after a restart.

use serde::{Deserialize, Serialize};

use super::{Inside, ask::channel_title};
use crate::{app::Error, model::ChannelId};

/// A question or a search, and how it was narrowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::bot) struct Asked {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// Only this channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) channel: Option<ChannelId>,
    /// Only the last days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) days: Option<u32>,
    /// The channels that answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sources: Vec<ChannelId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Ask,
    Search,
}

impl Asked {
    pub(super) fn new(kind: Kind, text: &str) -> Self {
        Self { kind, text: text.to_owned(), channel: None, days: None, sources: Vec::new() }
    }

    /// What the person asked with an update; `None`: it is forgotten, or was somebody else's.
    pub(super) fn find(inside: &Inside<'_>, update_id: i64) -> Result<Option<Self>, Error> {
        let kept = inside.app.bot_asked(inside.person.telegram_id, update_id)?;
        Ok(kept.and_then(|kept| serde_json::from_str(&kept).ok()))
    }

    /// How it was narrowed, in words.
    pub(super) fn narrowed(&self, inside: &Inside<'_>) -> Option<String> {
        let channel = self.channel.and_then(|id| channel_title(inside, id));
        let channel = channel.map(|title| inside.lang.tx("asked-channel", &[("title", title.into())]));
        let days = self.days.map(|days| inside.lang.tx("asked-days", &[("n", days.into())]));
        let parts: Vec<String> = channel.into_iter().chain(days).collect();
        (!parts.is_empty()).then(|| parts.join(" · "))
    }
}
