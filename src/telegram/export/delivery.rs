//! Between the readers and the caller's sink: counts, keeps the order, finds albums, reports progress.
//!
//! Knows no format. Invariant: items reach the sink in file order; a held album is delivered before anything after it and
//! before an error.

use std::sync::Arc;

use crate::model::IncomingPost;

use super::{
    Item, ReadSummary, Sink, SkipReason, Skipped,
    album::AlbumBuffer,
    channel::SourceChannel,
    limits::{CHANNELS_NAMED_MAX, PROGRESS_STEP_BYTES},
    source::Meter,
};

/// Why a read ends before the file does.
#[derive(Debug)]
pub(super) enum Halt {
    /// The sink wants no more.
    Stop,
    /// The stream failed.
    Io(std::io::Error),
    /// The structure is broken at `byte`.
    Broken { byte: u64, message_id: Option<i64>, reason: String },
    /// The content is of no known format.
    Unknown,
    /// A chat states its name and type behind its messages; the file has to be read once for these before the posts.
    HeaderLate,
}

impl From<std::io::Error> for Halt {
    fn from(error: std::io::Error) -> Self {
        Halt::Io(error)
    }
}

/// The way of items to the sink.
pub(super) struct Delivery<'a, 's> {
    sink: &'a mut Sink<'s>,
    meter: &'a Meter,
    progress_next: u64,
    album: AlbumBuffer,
    /// The last explicit album, to count each once.
    album_last: Option<(i64, bool)>,
    pub(super) summary: ReadSummary,
    /// The last message that was seen, delivered or not.
    pub(super) last_id: Option<i64>,
    /// Whether anything matched the channel that was asked for.
    pub(super) chosen: bool,
    /// Channels that were left out because another one was asked for.
    pub(super) others: Vec<String>,
}

impl<'a, 's> Delivery<'a, 's> {
    pub(super) fn new(sink: &'a mut Sink<'s>, meter: &'a Meter) -> Self {
        Self {
            sink,
            meter,
            progress_next: PROGRESS_STEP_BYTES,
            album: AlbumBuffer::default(),
            album_last: None,
            summary: ReadSummary::default(),
            last_id: None,
            chosen: false,
            others: Vec::new(),
        }
    }

    /// A post of a file that leaves album ids out: held until it is clear whether it belongs to one.
    pub(super) fn post_with_album(
        &mut self,
        channel: &Arc<SourceChannel>,
        post: IncomingPost,
    ) -> Result<(), Halt> {
        self.last_id = Some(post.message_id);
        if !self.album.fits(channel, &post) {
            self.flush()?;
        }
        self.album.push(Arc::clone(channel), post);
        self.progress()
    }

    /// A post whose album id, if any, is in the file.
    pub(super) fn post(&mut self, channel: &Arc<SourceChannel>, post: IncomingPost) -> Result<(), Halt> {
        self.last_id = Some(post.message_id);
        self.flush()?;
        self.send_post(Arc::clone(channel), post)?;
        self.progress()
    }

    pub(super) fn skip(&mut self, skipped: Skipped) -> Result<(), Halt> {
        self.flush()?;
        if skipped.message_id.is_some() {
            self.last_id = skipped.message_id;
        }
        self.summary.skipped += match &skipped.reason {
            SkipReason::ChatKind { messages, .. } | SkipReason::NotChosen { messages, .. } => *messages,
            SkipReason::Service
            | SkipReason::Unsupported
            | SkipReason::Empty
            | SkipReason::BadMessage(_)
            | SkipReason::BadLine(_)
            | SkipReason::TooLarge { .. }
            | SkipReason::TooDeep => 1,
        };
        self.send(Item::Skipped(skipped))?;
        self.progress()
    }

    /// Remembers a channel that was not asked for, to name it if the one asked for is not there.
    pub(super) fn other(&mut self, label: String) {
        if self.others.len() < CHANNELS_NAMED_MAX && !self.others.contains(&label) {
            self.others.push(label);
        }
    }

    /// Whether a channel was asked for that is not there, while others are.
    pub(super) fn misses_channel(&self) -> bool {
        !self.chosen && (self.summary.chats_skipped > 0 || !self.others.is_empty())
    }

    /// Whether the sink has been handed a post or a skip, or soon will be.
    pub(super) fn has_sent(&self) -> bool {
        self.last_id.is_some() || self.summary.skipped > 0 || self.summary.chats_skipped > 0
    }

    /// Delivers what is held.
    pub(super) fn flush(&mut self) -> Result<(), Halt> {
        let Some((channel, posts)) = self.album.take() else {
            return Ok(());
        };
        for post in posts {
            self.send_post(Arc::clone(&channel), post)?;
        }
        Ok(())
    }

    /// Tells the sink how far it is, when the next step is reached.
    pub(super) fn progress(&mut self) -> Result<(), Halt> {
        let bytes_read = self.meter.read.get();
        if bytes_read < self.progress_next {
            return Ok(());
        }
        self.progress_next = bytes_read + PROGRESS_STEP_BYTES;
        self.send(Item::Progress { bytes_read, bytes_total: self.meter.total })
    }

    fn send_post(&mut self, channel: Arc<SourceChannel>, post: IncomingPost) -> Result<(), Halt> {
        self.album_count(post.grouped_id);
        self.send(Item::Post { channel, post: Box::new(post) })?;
        self.summary.posts += 1;
        Ok(())
    }

    /// Counts an album at its second member.
    fn album_count(&mut self, grouped_id: Option<i64>) {
        self.album_last = match (grouped_id, self.album_last) {
            (Some(id), Some((last, counted))) if id == last => {
                self.summary.albums += u64::from(!counted);
                Some((id, true))
            }
            (Some(id), _) => Some((id, false)),
            (None, _) => None,
        };
    }

    fn send(&mut self, item: Item) -> Result<(), Halt> {
        (self.sink)(item).map_err(|_stop| Halt::Stop)
    }
}
