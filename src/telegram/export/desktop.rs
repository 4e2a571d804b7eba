//! Walks `result.json`: the export of one chat (`{name, type, id, messages}`) or of an account (`chats.list[]`,
//! `left_chats.list[]` of such chats), one message in memory at a time.
//!
//! Only channels and supergroups are read; what is said in personal chats is not looked at, only counted.
//! A break in the outer structure ends the read at its byte; a message that is bad inside costs itself only.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{
    ReadOptions, SkipReason, Skipped,
    channel::{ChannelKind, ChannelRef, SourceChannel, id_marked, is_username, title_eq},
    delivery::{Delivery, Halt},
    fields::{NumberOrText, id_find},
    limits::{HEADER_VALUE_BYTES_MAX, KEY_BYTES_MAX, MESSAGE_BYTES_MAX},
    message::message_read,
    window::{Value, Window},
};

/// What a chat says of itself outside its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ChatHeader {
    name: Option<String>,
    kind: Option<String>,
    id: Option<i64>,
}

/// What is done with a chat's messages.
enum Choice {
    Read(Arc<SourceChannel>),
    /// Count them and report the chat with their number.
    Leave(fn(String, String, u64) -> SkipReason, String, String),
}

/// Where the chat stands in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is the file.
    Alone,
    InList,
}

/// One walk through a file.
pub(super) struct Walk<'w, 'r, 'd, 'a, 's> {
    window: &'w mut Window<'r>,
    options: &'w ReadOptions,
    delivery: &'d mut Delivery<'a, 's>,
    /// Headers found by an earlier walk, in file order: for files that state them behind the messages.
    known: Option<&'w [ChatHeader]>,
    /// Where headers go when this walk is the earlier one and delivers nothing.
    survey: Option<&'d mut Vec<ChatHeader>>,
    chats_seen: usize,
    messages_seen: bool,
}

impl<'w, 'r, 'd, 'a, 's> Walk<'w, 'r, 'd, 'a, 's> {
    pub(super) fn new(
        window: &'w mut Window<'r>,
        options: &'w ReadOptions,
        delivery: &'d mut Delivery<'a, 's>,
        known: Option<&'w [ChatHeader]>,
    ) -> Self {
        Self { window, options, delivery, known, survey: None, chats_seen: 0, messages_seen: false }
    }

    /// Makes this walk collect headers only.
    pub(super) fn surveying(mut self, headers: &'d mut Vec<ChatHeader>) -> Self {
        self.survey = Some(headers);
        self
    }

    /// Reads the file to its end.
    pub(super) fn run(mut self) -> Result<(), Halt> {
        self.chat(Place::Alone)?;
        if !self.messages_seen {
            return Err(Halt::Unknown);
        }
        match self.window.peek()? {
            None => Ok(()),
            Some(_) => Err(self.broken("something follows the end of the export")),
        }
    }

    /// One chat, or the file itself.
    fn chat(&mut self, place: Place) -> Result<(), Halt> {
        let mut header = ChatHeader::default();
        let index = self.chats_seen;
        self.chats_seen += 1;
        self.open(b'{')?;
        let mut first = true;
        while let Some(key) = self.member(&mut first)? {
            match key.as_str() {
                "name" => header.name = self.small()?,
                "type" => header.kind = self.small()?,
                "id" => header.id = self.small::<NumberOrText>()?.and_then(|id| id.number()),
                "messages" => {
                    self.messages_seen = true;
                    let known = self.known.and_then(|known| known.get(index));
                    let header = known.unwrap_or(&header).clone();
                    self.messages(&header, place)?;
                }
                "chats" | "left_chats" if place == Place::Alone => self.chat_list()?,
                _ => self.pass_over()?,
            }
        }
        if let Some(survey) = &mut self.survey {
            // The file's own header comes first although it ends last.
            if survey.len() <= index {
                survey.resize(index + 1, ChatHeader::default());
            }
            survey[index] = header;
        }
        Ok(())
    }

    /// `{about, list: [chat, …]}`.
    fn chat_list(&mut self) -> Result<(), Halt> {
        self.open(b'{')?;
        let mut first = true;
        while let Some(key) = self.member(&mut first)? {
            if key != "list" {
                self.pass_over()?;
                continue;
            }
            self.messages_seen = true;
            self.open(b'[')?;
            let mut first = true;
            while self.element(&mut first)? {
                self.chat(Place::InList)?;
            }
        }
        Ok(())
    }

    fn messages(&mut self, header: &ChatHeader, place: Place) -> Result<(), Halt> {
        if self.survey.is_some() {
            return self.pass_over();
        }
        // Only before the first item: a read that starts over must not deliver anything twice.
        if header.kind.is_none() && self.known.is_none() && !self.delivery.has_sent() {
            return Err(Halt::HeaderLate);
        }
        let begin = self.window.offset();
        let choice = self.choose(header, place);
        self.open(b'[')?;
        let mut first = true;
        let mut count = 0;
        while self.element(&mut first)? {
            count += 1;
            match &choice {
                Choice::Read(channel) => self.message(channel)?,
                Choice::Leave(..) => {
                    self.pass_over()?;
                    self.delivery.progress()?;
                }
            }
        }
        if let Choice::Leave(reason, title, kind) = choice {
            self.delivery.summary.chats_skipped += 1;
            self.delivery.skip(Skipped {
                message_id: None,
                reason: reason(title, kind, count),
                line: None,
                byte: begin,
            })?;
        }
        Ok(())
    }

    fn choose(&mut self, header: &ChatHeader, place: Place) -> Choice {
        let kind_text = header.kind.clone().unwrap_or_default();
        let channel = header.channel(self.options, place);
        let Some(channel) = channel else {
            let title = header.name.clone().unwrap_or_default();
            let reason = |title, kind, messages| SkipReason::ChatKind { title, kind, messages };
            return Choice::Leave(reason, title, kind_text);
        };
        if let (Place::InList, Some(wanted)) = (place, &self.options.channel)
            && !channel.is_called(wanted)
        {
            self.delivery.other(channel.label());
            let reason = |title, _kind, messages| SkipReason::NotChosen { title, messages };
            return Choice::Leave(reason, channel.title, kind_text);
        }
        self.delivery.chosen = true;
        Choice::Read(Arc::new(channel))
    }

    fn message(&mut self, channel: &Arc<SourceChannel>) -> Result<(), Halt> {
        let byte = self.window.offset();
        let (message_id, reason) = match self.window.value(MESSAGE_BYTES_MAX)? {
            Value::Whole { len } => {
                let outcome = message_read(&self.window.filled()[..len], &channel.title);
                self.window.consume(len);
                match outcome {
                    Ok(read) => {
                        self.delivery.summary.texts_cut += u64::from(read.text_was_cut);
                        self.delivery.summary.fields_ignored += read.fields_ignored;
                        return self.delivery.post_with_album(channel, read.post);
                    }
                    Err(skipped) => skipped,
                }
            }
            Value::Large { bytes, head } => {
                let limit_bytes = MESSAGE_BYTES_MAX;
                (id_find(&head, "id"), SkipReason::TooLarge { bytes, limit_bytes })
            }
            Value::Cut { begin, head } => return Err(self.cut(begin, id_find(&head, "id"))),
        };
        self.delivery.skip(Skipped { message_id, reason, line: None, byte })
    }

    /// A small value of a known type; `None` if it is of another type.
    fn small<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Halt> {
        self.value_begin()?;
        match self.window.value(HEADER_VALUE_BYTES_MAX)? {
            Value::Whole { len } => {
                let value = serde_json::from_slice(&self.window.filled()[..len]).ok();
                self.window.consume(len);
                Ok(value)
            }
            Value::Large { .. } => Ok(None),
            Value::Cut { begin, .. } => Err(self.cut(begin, None)),
        }
    }

    fn pass_over(&mut self) -> Result<(), Halt> {
        self.value_begin()?;
        match self.window.value(0)? {
            Value::Whole { len } => self.window.consume(len),
            Value::Large { .. } => {}
            Value::Cut { begin, .. } => return Err(self.cut(begin, None)),
        }
        Ok(())
    }

    /// The next member's key, with its colon read; `None` behind the object's end.
    fn member(&mut self, first: &mut bool) -> Result<Option<String>, Halt> {
        if !self.separator(first, b'}')? {
            return Ok(None);
        }
        if self.window.peek()? != Some(b'"') {
            return Err(self.broken("a key is expected here"));
        }
        let key = match self.window.value(KEY_BYTES_MAX)? {
            Value::Whole { len } => {
                let key = serde_json::from_slice(&self.window.filled()[..len]);
                let key = key.map_err(|_error| self.broken("a key is damaged"))?;
                self.window.consume(len);
                key
            }
            // Longer than any key we know.
            Value::Large { .. } => String::new(),
            Value::Cut { begin, .. } => return Err(self.cut(begin, None)),
        };
        self.open(b':')?;
        Ok(Some(key))
    }

    /// Whether another element of a list follows; stands before it.
    fn element(&mut self, first: &mut bool) -> Result<bool, Halt> {
        let more = self.separator(first, b']')?;
        if more {
            self.value_begin()?;
        }
        Ok(more)
    }

    /// Reads the comma between two members, or the closing bracket.
    fn separator(&mut self, first: &mut bool, close: u8) -> Result<bool, Halt> {
        match self.window.peek()? {
            Some(byte) if byte == close => {
                self.window.consume(1);
                Ok(false)
            }
            Some(b',') if !*first => {
                self.window.consume(1);
                Ok(true)
            }
            Some(_) if *first => {
                *first = false;
                Ok(true)
            }
            Some(_) => Err(self.broken("a comma or a closing bracket is expected here")),
            None => Err(self.cut_here()),
        }
    }

    fn open(&mut self, bracket: u8) -> Result<(), Halt> {
        match self.window.peek()? {
            Some(byte) if byte == bracket => {
                self.window.consume(1);
                Ok(())
            }
            Some(_) => Err(self.broken(&format!("{:?} is expected here", bracket as char))),
            None => Err(self.cut_here()),
        }
    }

    fn value_begin(&mut self) -> Result<(), Halt> {
        match self.window.peek()? {
            Some(b'}' | b']' | b',' | b':') => Err(self.broken("a value is expected here")),
            Some(_) => Ok(()),
            None => Err(self.cut_here()),
        }
    }

    fn broken(&self, reason: &str) -> Halt {
        Halt::Broken { byte: self.window.offset(), message_id: None, reason: reason.to_owned() }
    }

    fn cut_here(&self) -> Halt {
        self.broken("the file ends too early")
    }

    fn cut(&self, begin: u64, message_id: Option<i64>) -> Halt {
        Halt::Broken {
            byte: self.window.end_offset(),
            message_id,
            reason: format!("the file ends inside what begins at byte {begin}"),
        }
    }
}

impl ChatHeader {
    /// The channel it describes; `None` if it is no channel.
    fn channel(&self, options: &ReadOptions, place: Place) -> Option<SourceChannel> {
        let kind = match &self.kind {
            Some(kind) => ChannelKind::from_export(kind)?,
            None if place == Place::Alone => ChannelKind::Unstated,
            // One chat of an account that does not say what it is may be a personal one.
            None => return None,
        };
        let mut telegram_id = self.id.and_then(id_marked);
        let mut title = self.name.clone().filter(|name| !name.trim().is_empty());
        let mut username = None;
        if let (Place::Alone, Some(given)) = (place, &options.channel) {
            let is_title = title.as_ref().is_some_and(|title| title_eq(title, given));
            match ChannelRef::parse(given) {
                Some(ChannelRef::Name(name)) if !is_title && is_username(&name) => username = Some(name),
                Some(ChannelRef::Id(id)) => telegram_id = telegram_id.or(Some(id)),
                Some(ChannelRef::Name(_)) | None => {}
            }
            title = title.or_else(|| Some(given.trim().to_owned()).filter(|given| !given.is_empty()));
        }
        let title = title
            .or_else(|| username.clone())
            .or_else(|| telegram_id.map(|id| id.to_string()))
            .unwrap_or_else(|| "?".to_owned());
        Some(SourceChannel { telegram_id, username, title, kind })
    }
}
