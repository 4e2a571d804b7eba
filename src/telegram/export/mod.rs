//! Reads exported posts: Telegram Desktop's `result.json` (one chat or the whole account) and our JSONL, plain, gzipped or
//! zipped, as a stream of [`Item`]s.
//!
//! A pure reader: it knows neither the store nor a clock, and hands out raw text (whoever stores it normalises it).
//! Invariants: memory does not grow with the file (one message and one album are held at a time); a message that cannot be
//! read is skipped, counted and reported, never dropped silently; when the file itself breaks off, everything before the
//! break has been delivered, in file order, before [`Error::Broken`] is returned.
//! Nothing is written, so a crash loses nothing: the file is read again from its beginning.

mod album;
mod archive;
mod channel;
mod delivery;
mod desktop;
mod fields;
mod jsonl;
mod limits;
mod message;
mod rich_text;
mod source;
mod window;

#[cfg(test)]
mod tests;

use std::{io, io::Read, path::Path, sync::Arc};

use crate::model::{Disposition, IncomingPost};

pub use channel::{ChannelKind, SourceChannel};
pub use limits::{
    ALBUM_ID_GAP_MAX, ALBUM_MESSAGES_MAX, JSONL_LINE_BYTES_MAX, MESSAGE_BYTES_MAX, NESTING_DEPTH_MAX,
    PROGRESS_STEP_BYTES, TEXT_CHARS_MAX, UNPACKED_BYTES_MAX, UNPACKED_FREE_BYTES, UNPACKED_RATIO_MAX,
    ZIP_ENTRIES_MAX,
};

/// The two kinds of file that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Telegram Desktop's machine-readable export, `result.json`.
    TelegramDesktop,
    /// One JSON object a line, as in the documented import line.
    Jsonl,
}

/// What the caller knows about the file beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Found by looking at the content when not given.
    pub format: Option<Format>,
    /// For a file with several channels: the only one to read, by title, name or id. For a file that lacks a name: the name
    /// (`@name`, `name`, `t.me/name`; for the export of a single chat, which never states the public name, it supplies it).
    pub channel: Option<String>,
}

/// What the reader hands out, in file order.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    Post {
        channel: Arc<SourceChannel>,
        post: Box<IncomingPost>,
    },
    Skipped(Skipped),
    /// How much of the file has been read, about every [`PROGRESS_STEP_BYTES`]. Packed bytes for gzip, unpacked ones for zip.
    Progress {
        bytes_read: u64,
        /// `None` for a stream of unknown length.
        bytes_total: Option<u64>,
    },
}

/// Something that was not delivered as a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    pub message_id: Option<i64>,
    pub reason: SkipReason,
    /// Line in a JSONL file, from 1.
    pub line: Option<u64>,
    /// Where it begins in the unpacked file.
    pub byte: u64,
}

/// Why something was not delivered as a post.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    #[error("service message")]
    Service,
    #[error("message that Telegram Desktop could not export")]
    Unsupported,
    #[error("neither text nor media")]
    Empty,
    /// A whole chat that is neither a channel nor a supergroup.
    #[error("chat {title:?} of kind {kind:?} is not a channel ({messages} messages)")]
    ChatKind { title: String, kind: String, messages: u64 },
    /// Posts of a channel other than the one asked for: a whole chat of an export, or one line.
    #[error("channel {title:?} is not the one asked for ({messages} messages)")]
    NotChosen { title: String, messages: u64 },
    #[error("bad message: {0}")]
    BadMessage(String),
    #[error("bad line: {0}")]
    BadLine(String),
    #[error("larger than {limit_bytes} bytes ({bytes} bytes)")]
    TooLarge { bytes: u64, limit_bytes: usize },
    #[error("nested deeper than {NESTING_DEPTH_MAX} levels")]
    TooDeep,
}

/// The sink's answer when it wants no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// What a finished read came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadSummary {
    pub posts: u64,
    /// Skipped messages and lines; a skipped chat counts all its messages.
    pub skipped: u64,
    /// Whole chats left out because of their kind or because another one was asked for.
    pub chats_skipped: u64,
    /// Groups of two and more messages with one `grouped_id`, as far as they stand together in the file.
    pub albums: u64,
    /// Texts longer than [`TEXT_CHARS_MAX`], delivered cut.
    pub texts_cut: u64,
    /// Optional fields of an unexpected type that were left out while their message was kept.
    pub fields_ignored: u64,
    /// Unpacked bytes.
    pub bytes_read: u64,
    /// The sink answered [`Stop`].
    pub stopped: bool,
}

/// Why a file could not be read, or not to its end. What was delivered before stays valid.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("open {file}: {source}; check the path and its permissions")]
    Open { file: String, source: io::Error },
    /// The disk or the network file system failed while reading.
    #[error("read {file} at byte {byte}: {source}; what came before is kept, import the file again")]
    Read { file: String, byte: u64, source: io::Error },
    #[error(
        "recognise {file}: neither a Telegram Desktop result.json nor JSONL; export as \"Machine-readable JSON\", \
         or name the format with --format"
    )]
    UnknownFormat { file: String },
    /// A zip file that cannot be opened or holds nothing to read.
    #[error("unpack {file}: {reason}")]
    Archive { file: String, reason: String },
    /// A packed file that unpacks to more than any real export.
    #[error("unpack {file}: {reason}; unpack it by hand and import the result if it is what you expect")]
    UnpackedTooLarge { file: String, reason: String },
    #[error("find channel {wanted:?} in {file}: {}", found_text(.found))]
    ChannelNotFound {
        file: String,
        wanted: String,
        /// Titles with ids; the first fifty.
        found: Vec<String>,
    },
    #[error(
        "read {file}: broken at byte {byte}{}: {reason}; what came before is kept, export the rest again",
        .message_id.map(|id| format!(", message {id}")).unwrap_or_default()
    )]
    Broken {
        file: String,
        /// In the unpacked file.
        byte: u64,
        /// The message being read, or the last one before the break.
        message_id: Option<i64>,
        reason: String,
    },
}

impl Error {
    /// Only a failing disk may work the next time; a file does not mend itself.
    pub fn disposition(&self) -> Disposition {
        match self {
            Error::Read { .. } => Disposition::Retry { after: None },
            Error::Open { .. }
            | Error::UnknownFormat { .. }
            | Error::Archive { .. }
            | Error::UnpackedTooLarge { .. }
            | Error::ChannelNotFound { .. }
            | Error::Broken { .. } => Disposition::Reject,
        }
    }
}

fn found_text(found: &[String]) -> String {
    if found.is_empty() {
        return "it holds no channels, only other chats".to_owned();
    }
    format!("it holds {}; name one of these by title or id", found.join(", "))
}

/// Where items go.
pub type Sink<'s> = dyn FnMut(Item) -> Result<(), Stop> + 's;

/// Reads the file at `path` (or `result.json` in the directory at `path`) and hands every post to `sink`.
///
/// Gzip and zip are recognised by their first bytes, not by name. In a zip every `result.json` and `*.jsonl` is read, in the
/// order of their names; failing these, a single `*.json`. Names inside a zip are never used as paths.
pub fn read(path: &Path, options: &ReadOptions, sink: &mut Sink<'_>) -> Result<ReadSummary, Error> {
    source::read_path(path, options, sink)
}

/// Reads a stream, plain or gzipped. `name` stands for the file in errors.
pub fn read_from(
    stream: &mut dyn Read,
    name: &str,
    options: &ReadOptions,
    sink: &mut Sink<'_>,
) -> Result<ReadSummary, Error> {
    source::read_stream(stream, name, options, sink)
}
