//! One message of `result.json` as a post.
//!
//! Pure. Field names are those that Telegram Desktop's exporter writes (its `export_output_json.cpp`); views and forwards
//! are not among them, and are read where another writer added them.

use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};

use crate::model::{IncomingPost, Link, Reaction};

use super::{
    SkipReason,
    channel::title_eq,
    fields::{NumberOrText, id_find, parse_forgiving, text_cut},
    rich_text::RichText,
};

/// A message that became a post.
#[derive(Debug)]
pub(super) struct MessageRead {
    pub(super) post: IncomingPost,
    pub(super) text_was_cut: bool,
    pub(super) fields_ignored: u64,
}

/// Without these a message is no post; a wrong type here costs the message, elsewhere only the field.
const ESSENTIAL: [&str; 3] = ["id", "type", "text"];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    id: Option<i64>,
    #[serde(rename = "type")]
    kind: Option<String>,
    date: Option<String>,
    date_unixtime: Option<NumberOrText>,
    edited: Option<String>,
    edited_unixtime: Option<NumberOrText>,
    from: Option<String>,
    author: Option<String>,
    forwarded_from: Option<String>,
    reply_to_message_id: Option<i64>,
    /// Only there when the reply is to a message of another chat.
    reply_to_peer_id: Option<IgnoredAny>,
    photo: Option<IgnoredAny>,
    file: Option<IgnoredAny>,
    media_type: Option<String>,
    sticker_emoji: Option<String>,
    contact_information: Option<IgnoredAny>,
    location_information: Option<IgnoredAny>,
    place_name: Option<IgnoredAny>,
    game_title: Option<IgnoredAny>,
    invoice_information: Option<IgnoredAny>,
    giveaway_information: Option<IgnoredAny>,
    giveaway_results: Option<IgnoredAny>,
    paid_stars_amount: Option<IgnoredAny>,
    poll: Option<Poll>,
    text: Option<RichText>,
    text_entities: Option<RichText>,
    inline_bot_buttons: Vec<Vec<Button>>,
    reactions: Vec<ReactionEntry>,
    views: Option<i64>,
    forwards: Option<i64>,
    replies: Option<i64>,
    grouped_id: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Poll {
    question: RichText,
    #[serde(default)]
    answers: Vec<PollAnswer>,
}

#[derive(Debug, Deserialize)]
struct PollAnswer {
    text: RichText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Button {
    #[serde(rename = "type")]
    kind: String,
    text: String,
    data: String,
}

#[derive(Debug, Deserialize)]
struct ReactionEntry {
    #[serde(rename = "type")]
    kind: String,
    count: i64,
    #[serde(default)]
    emoji: Option<String>,
    #[serde(default)]
    document_id: Option<NumberOrText>,
}

/// Reads one message of the chat with that title; why not, with the message's id where it can be told.
pub(super) fn message_read(bytes: &[u8], chat_title: &str) -> Result<MessageRead, (Option<i64>, SkipReason)> {
    let (message, fields_ignored) = parse_forgiving::<Message>(bytes, &ESSENTIAL)
        .map_err(|reason| (id_find(bytes, "id"), reason.into_reason(SkipReason::BadMessage)))?;
    let message_id = message.id;
    let mut post = message.into_post(chat_title).map_err(|reason| (message_id, reason))?;
    Ok(MessageRead { text_was_cut: text_cut(&mut post.text), post, fields_ignored })
}

impl Message {
    fn into_post(self, chat_title: &str) -> Result<IncomingPost, SkipReason> {
        match self.kind.as_deref() {
            Some("message") | None => {}
            Some("service") => return Err(SkipReason::Service),
            Some("unsupported") => return Err(SkipReason::Unsupported),
            Some(other) => {
                let shown: String = other.chars().take(40).collect();
                return Err(SkipReason::BadMessage(format!("unknown type {shown:?}")));
            }
        }
        let message_id = match self.id {
            Some(id) if id > 0 => id,
            Some(_) | None => return Err(SkipReason::BadMessage("no positive id".to_owned())),
        };
        let posted_at = date_pick(self.date_unixtime.as_ref(), self.date.as_deref())
            .ok_or_else(|| SkipReason::BadMessage("no readable date".to_owned()))?;
        let media = self.media();
        let RichText { text, links } = self.body();
        if text.trim().is_empty() && media.is_none() && self.grouped_id.is_none() {
            return Err(SkipReason::Empty);
        }
        let from = self.from.filter(|from| !title_eq(from, chat_title));
        Ok(IncomingPost {
            message_id,
            posted_at,
            edited_at: date_pick(self.edited_unixtime.as_ref(), self.edited.as_deref()),
            text,
            links,
            grouped_id: self.grouped_id,
            author: self.author.or(from).filter(|author| !author.trim().is_empty()),
            views: self.views,
            forwards: self.forwards,
            replies: self.replies,
            reply_to: match self.reply_to_peer_id {
                Some(_) => None,
                None => self.reply_to_message_id,
            },
            forwarded_from: self.forwarded_from.filter(|name| !name.is_empty()),
            reactions: self.reactions.into_iter().map(ReactionEntry::into_reaction).collect(),
            media: media.map(str::to_owned),
            ..IncomingPost::default()
        })
    }

    /// What is attached, in our words.
    fn media(&self) -> Option<&'static str> {
        match self.media_type.as_deref() {
            Some("sticker") => return Some("sticker"),
            Some("video_message") => return Some("video_note"),
            Some("voice_message") => return Some("voice"),
            Some("animation") => return Some("animation"),
            Some("video_file") => return Some("video"),
            Some("audio_file") => return Some("audio"),
            Some(_) => return Some("file"),
            None => {}
        }
        let present = [
            (self.poll.is_some(), "poll"),
            (self.photo.is_some(), "photo"),
            (self.file.is_some(), "file"),
            (self.contact_information.is_some(), "contact"),
            (self.location_information.is_some() || self.place_name.is_some(), "location"),
            (self.game_title.is_some(), "game"),
            (self.invoice_information.is_some(), "invoice"),
            (self.giveaway_information.is_some() || self.giveaway_results.is_some(), "giveaway"),
            (self.paid_stars_amount.is_some(), "paid"),
        ];
        present.into_iter().find_map(|(there, name)| there.then_some(name))
    }

    /// Everything of the message that can be searched: its text, the poll's lines, a sticker's emoji; links of text and buttons.
    fn body(&self) -> RichText {
        let mut body = match (&self.text, &self.text_entities) {
            (Some(text), _) if !text.text.is_empty() => text.clone(),
            (_, Some(entities)) => entities.clone(),
            (_, None) => RichText::default(),
        };
        if let Some(poll) = &self.poll {
            if !body.text.is_empty() {
                body.text.push('\n');
            }
            body.text.push_str("📊 ");
            body.text.push_str(&poll.question.text);
            for answer in &poll.answers {
                body.text.push_str("\n• ");
                body.text.push_str(&answer.text.text);
            }
        }
        if body.text.is_empty()
            && let Some(emoji) = &self.sticker_emoji
        {
            body.text.push_str(emoji);
        }
        let buttons = self.inline_bot_buttons.iter().flatten();
        for button in buttons.filter(|button| button.kind == "url" && !button.data.is_empty()) {
            body.links.push(Link { text: button.text.clone(), url: button.data.clone() });
        }
        body
    }
}

impl ReactionEntry {
    fn into_reaction(self) -> Reaction {
        let emoji = match (self.kind.as_str(), self.emoji, self.document_id) {
            ("custom_emoji", _, Some(id)) => format!("custom:{}", id.text()),
            (_, Some(emoji), _) => emoji,
            (_, None, _) => self.kind,
        };
        Reaction { emoji, count: self.count }
    }
}

/// Seconds since 1970 where the export has them, else its local time, which states no offset and is taken as UTC.
fn date_pick(unixtime: Option<&NumberOrText>, local: Option<&str>) -> Option<Timestamp> {
    let seconds = unixtime.and_then(NumberOrText::number);
    if let Some(at) = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()) {
        return Some(at);
    }
    NumberOrText::Text(local?.to_owned()).timestamp()
}
