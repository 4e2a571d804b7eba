//! Reads JSONL: one post a line, as `{"channel", "channel_title"?, "channel_id"?, "message_id", "date", "text", "links"?,
//! "grouped_id"?, "views"?, "forwards"?, "author"?, "edited"?}`; also the rest of a post (`replies`, `reply_to`,
//! `forwarded_from`, `forward_origin`, `reactions`, `media`), so that an export comes back whole.
//!
//! A bad line is reported with its number and skipped. Only a last line that breaks off ends the read with an error.

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;

use crate::model::{ForwardOrigin, IncomingPost, Link, Reaction};

use super::{
    ReadOptions, SkipReason, Skipped,
    channel::{ChannelKind, ChannelRef, SourceChannel, id_marked, is_username},
    delivery::{Delivery, Halt},
    fields::{NumberOrText, id_find, parse_forgiving, text_cut},
    limits::{CHANNELS_NAMED_MAX, JSONL_LINE_BYTES_MAX},
    rich_text::RichText,
    window::{LineRead, ValueScan, Window},
};

/// Without these a line is no post; a wrong type here costs the line, elsewhere only the field.
const ESSENTIAL: [&str; 4] = ["channel", "message_id", "date", "text"];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    channel: Option<NumberOrText>,
    channel_title: Option<String>,
    channel_id: Option<NumberOrText>,
    message_id: Option<i64>,
    date: Option<NumberOrText>,
    text: Option<RichText>,
    links: Option<Vec<LinkField>>,
    grouped_id: Option<i64>,
    views: Option<i64>,
    forwards: Option<i64>,
    replies: Option<i64>,
    reply_to: Option<i64>,
    author: Option<String>,
    #[serde(alias = "edited_at")]
    edited: Option<NumberOrText>,
    forwarded_from: Option<String>,
    forward_origin: Option<ForwardOrigin>,
    reactions: Option<Vec<Reaction>>,
    media: Option<String>,
}

#[derive(Debug, Deserialize)]
struct LinkField {
    #[serde(default)]
    text: Option<String>,
    url: String,
}

/// What names the channel in a line, as written.
type ChannelKey = (Option<String>, Option<String>, Option<String>);

/// One read through a file of lines.
pub(super) struct Lines<'w, 'r, 'd, 'a, 's> {
    window: &'w mut Window<'r>,
    options: &'w ReadOptions,
    delivery: &'d mut Delivery<'a, 's>,
    number: u64,
    channels: HashMap<ChannelKey, Arc<SourceChannel>>,
}

impl<'w, 'r, 'd, 'a, 's> Lines<'w, 'r, 'd, 'a, 's> {
    pub(super) fn new(
        window: &'w mut Window<'r>,
        options: &'w ReadOptions,
        delivery: &'d mut Delivery<'a, 's>,
    ) -> Self {
        Self { window, options, delivery, number: 0, channels: HashMap::new() }
    }

    /// Reads the file to its end.
    pub(super) fn run(mut self) -> Result<(), Halt> {
        loop {
            let byte = self.window.offset();
            match self.window.line(JSONL_LINE_BYTES_MAX)? {
                LineRead::Whole { len, ended } => {
                    self.number += 1;
                    self.whole(byte, len, ended)?;
                }
                LineRead::Large { bytes, head } => {
                    self.number += 1;
                    let limit_bytes = JSONL_LINE_BYTES_MAX;
                    let id = id_find(&head, "message_id");
                    self.skip(id, SkipReason::TooLarge { bytes, limit_bytes }, byte)?;
                }
                LineRead::End => return Ok(()),
            }
        }
    }

    fn whole(&mut self, byte: u64, len: usize, ended: bool) -> Result<(), Halt> {
        let content = self.window.filled()[..len].trim_ascii();
        // Only the last line may lack its newline; if it is no whole object either, the file was cut off.
        if !ended && ends_early(content) {
            return Err(Halt::Broken {
                byte: self.window.end_offset(),
                message_id: id_find(content, "message_id"),
                reason: format!("the file ends inside line {}, which begins at byte {byte}", self.number),
            });
        }
        let parsed = (!content.is_empty()).then(|| {
            parse_forgiving::<Line>(content, &ESSENTIAL)
                .map_err(|reason| (id_find(content, "message_id"), reason))
        });
        self.window.consume(len + usize::from(ended));
        match parsed {
            None => Ok(()),
            Some(Ok((line, ignored))) => self.line(line, ignored, byte),
            Some(Err((message_id, reason))) => {
                self.skip(message_id, reason.into_reason(SkipReason::BadLine), byte)
            }
        }
    }

    fn line(&mut self, line: Line, ignored: u64, byte: u64) -> Result<(), Halt> {
        let message_id = line.message_id;
        let channel = match self.channel(&line) {
            Ok(channel) => channel,
            Err(reason) => return self.skip(message_id, reason, byte),
        };
        // A line that names its channel is chosen by it; one that does not belongs to the channel given.
        if let (Some(wanted), true) = (&self.options.channel, line.channel.is_some())
            && !channel.is_called(wanted)
        {
            self.delivery.other(channel.label());
            let title = channel.title.clone();
            return self.skip(message_id, SkipReason::NotChosen { title, messages: 1 }, byte);
        }
        match line.into_post() {
            Ok(mut post) => {
                self.delivery.chosen = true;
                self.delivery.summary.texts_cut += u64::from(text_cut(&mut post.text));
                self.delivery.summary.fields_ignored += ignored;
                self.delivery.post(&channel, post)
            }
            Err(reason) => self.skip(message_id, reason, byte),
        }
    }

    /// The channel of a line; the one given by the caller where the line names none.
    fn channel(&mut self, line: &Line) -> Result<Arc<SourceChannel>, SkipReason> {
        let key: ChannelKey = (
            line.channel.as_ref().map(NumberOrText::text),
            line.channel_title.clone(),
            line.channel_id.as_ref().map(NumberOrText::text),
        );
        if let Some(channel) = self.channels.get(&key) {
            return Ok(Arc::clone(channel));
        }
        let given = self.options.channel.as_deref();
        let channel = Arc::new(channel_of(&key, given).ok_or_else(|| {
            SkipReason::BadLine("no channel; add the field \"channel\" or give --channel".to_owned())
        })?);
        // A file with more channels than this only parses the names again.
        if self.channels.len() >= CHANNELS_NAMED_MAX {
            self.channels.clear();
        }
        self.channels.insert(key, Arc::clone(&channel));
        Ok(channel)
    }

    fn skip(&mut self, message_id: Option<i64>, reason: SkipReason, byte: u64) -> Result<(), Halt> {
        self.delivery.skip(Skipped { message_id, reason, line: Some(self.number), byte })
    }
}

/// Whether the content begins like an object that something would have to follow.
fn ends_early(content: &[u8]) -> bool {
    content.first() == Some(&b'{') && ValueScan::default().feed(content).is_none()
}

/// The channel that the line names, or the caller where the line names none.
fn channel_of((name, title, id): &ChannelKey, given: Option<&str>) -> Option<SourceChannel> {
    let stated_id = id.as_deref().and_then(|id| id.trim().parse().ok()).and_then(id_marked);
    let (telegram_id, name) = match name.as_deref().or(given).and_then(ChannelRef::parse) {
        Some(ChannelRef::Id(id)) => (stated_id.or(Some(id)), None),
        Some(ChannelRef::Name(name)) => (stated_id, Some(name)),
        None => (stated_id, None),
    };
    let title = title.as_ref().map(|title| title.trim()).filter(|title| !title.is_empty());
    let title = title.map(str::to_owned).or_else(|| name.clone());
    Some(SourceChannel {
        telegram_id,
        username: name.filter(|name| is_username(name)),
        title: title.or_else(|| telegram_id.map(|id| id.to_string()))?,
        kind: ChannelKind::Unstated,
    })
}

impl Line {
    fn into_post(self) -> Result<IncomingPost, SkipReason> {
        let bad = |what: &str| SkipReason::BadLine(what.to_owned());
        let message_id = self.message_id.filter(|id| *id > 0).ok_or_else(|| bad("no positive message_id"))?;
        let date = self.date.ok_or_else(|| bad("no date"))?;
        let posted_at = date.timestamp().ok_or_else(|| bad("date is not ISO 8601"))?;
        let RichText { text, mut links } = self.text.unwrap_or_default();
        if text.trim().is_empty() && self.media.is_none() && self.grouped_id.is_none() {
            return Err(SkipReason::Empty);
        }
        let given = self.links.unwrap_or_default().into_iter().map(|link| Link {
            // A link whose words are its own address is a bare one.
            text: link.text.filter(|text| *text != link.url).unwrap_or_default(),
            url: link.url,
        });
        links.extend(given.filter(|link| !link.url.is_empty()));
        Ok(IncomingPost {
            message_id,
            posted_at,
            edited_at: self.edited.and_then(|edited| edited.timestamp()),
            text,
            links,
            grouped_id: self.grouped_id,
            author: self.author.filter(|author| !author.trim().is_empty()),
            views: self.views,
            forwards: self.forwards,
            replies: self.replies,
            reply_to: self.reply_to,
            forwarded_from: self.forwarded_from.filter(|name| !name.is_empty()),
            forward_origin: self.forward_origin.filter(|origin| *origin != ForwardOrigin::default()),
            reactions: self.reactions.unwrap_or_default(),
            media: self.media,
            ..IncomingPost::default()
        })
    }
}
