//! Importing an export file into a tenant: read, normalise, store, queue.
//!
//! Order per batch: tenant.db first, queue second. A crash between the two leaves posts that the sweep queues. The same file
//! twice changes nothing; an edited post is updated. When the file breaks off, what was read is kept and the error says where.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
    time::Instant,
};

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{App, Error, Tenant};
use crate::{
    fail::{FailPoint, fail_point},
    model::{ChannelId, IncomingPost},
    queue::{Cause, Lane},
    store::HashedPost,
    telegram::export::{self, Format, Item, ReadOptions, SkipReason, SourceChannel, Stop},
    text,
};

/// Skipped messages described one by one; the rest is counted.
const SKIPPED_DESCRIBED_MAX: usize = 20;

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    pub imported: u64,
    pub updated: u64,
    pub duplicates: u64,
    pub skipped: u64,
    pub albums: u64,
    pub elapsed_ms: u64,
    /// The first skipped messages that were not merely service messages, each with its reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped_examples: Vec<String>,
    /// Channels whose posts are kept for ever from now on, because the import brought some that retention would remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept_channels: Vec<String>,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct ImportProgress {
    pub bytes_read: u64,
    pub bytes_total: Option<u64>,
    pub posts: u64,
}

/// What to import and how.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    pub format: Option<Format>,
    pub channel: Option<String>,
    /// Channels are kept for ever of which the file brings posts that retention would remove.
    pub keep_archives: bool,
}

impl App {
    /// Imports a file. A file that breaks off gives the error after everything before the break is stored.
    pub fn import(
        &self,
        tenant: &Tenant,
        path: &Path,
        options: &ImportOptions,
        progress: &mut dyn FnMut(ImportProgress),
    ) -> Result<ImportReport, Error> {
        let read = ReadOptions { format: options.format, channel: options.channel.clone() };
        let mut import = Import {
            app: self,
            tenant,
            channels: HashMap::new(),
            batch: Vec::new(),
            keep_archives: options.keep_archives,
            oldest: BTreeMap::new(),
            report: ImportReport::default(),
            failed: None,
        };
        let started = Instant::now();
        let mut posts = 0;
        let summary = export::read(path, &read, &mut |item| {
            let stored = match item {
                Item::Post { channel, post } => {
                    posts += 1;
                    import.post(&channel, *post)
                }
                Item::Skipped(skipped) => {
                    import.skipped(&skipped);
                    Ok(())
                }
                Item::Progress { bytes_read, bytes_total } => {
                    progress(ImportProgress { bytes_read, bytes_total, posts });
                    Ok(())
                }
            };
            stored.map_err(|error| {
                import.failed = Some(error);
                Stop
            })
        });
        if let Some(error) = import.failed.take() {
            return Err(error);
        }
        // What was read before a break is kept, the last, unfinished batch included.
        import.flush()?;
        let summary = summary?;
        let mut report = import.report;
        report.skipped = summary.skipped;
        report.elapsed_ms = started.elapsed().as_millis() as u64;
        Ok(report)
    }
}

struct Import<'a> {
    app: &'a App,
    tenant: &'a Tenant,
    channels: HashMap<Arc<SourceChannel>, ChannelId>,
    batch: Vec<HashedPost>,
    keep_archives: bool,
    /// The oldest post of each channel so far, as far as retention was asked about it.
    oldest: BTreeMap<ChannelId, Timestamp>,
    report: ImportReport,
    failed: Option<Error>,
}

impl Import<'_> {
    fn post(&mut self, channel: &Arc<SourceChannel>, post: IncomingPost) -> Result<(), Error> {
        let id = self.channel_id(channel)?;
        if self.batch.len() >= self.app.config.pipeline.batch_posts {
            self.flush()?;
        }
        self.batch.push(prepare(id, post));
        Ok(())
    }

    fn channel_id(&mut self, channel: &Arc<SourceChannel>) -> Result<ChannelId, Error> {
        if let Some(id) = self.channels.get(channel) {
            return Ok(*id);
        }
        let id = self.tenant.store.channel_upsert(
            channel.telegram_id,
            channel.username.clone(),
            text::normalise(&channel.title),
            self.app.now(),
        )?;
        self.channels.insert(Arc::clone(channel), id);
        Ok(id)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.batch.is_empty() {
            return Ok(());
        }
        if !self.app.queue_wait_room(&|| false) {
            let reason = self.app.halted().unwrap_or_default();
            return Err(Error::Unavailable(format!(
                "the pipeline has stopped: {reason}; what was read so far is kept"
            )));
        }
        if self.keep_archives {
            self.archives_keep()?;
        }
        let stored = self.tenant.store.posts_ingest(std::mem::take(&mut self.batch), self.app.now())?;
        fail_point(FailPoint::AfterStoreCommit);
        self.app.posts_enqueue(self.tenant, &stored.advance, Lane::Backfill, Cause::News)?;
        self.report.imported += stored.imported;
        self.report.updated += stored.updated;
        self.report.duplicates += stored.duplicates;
        self.report.albums += stored.albums;
        Ok(())
    }

    /// Keeps the channels for ever whose posts in this batch retention would remove. Before the posts are stored: neither a run of it
    /// nor a crash comes in between.
    fn archives_keep(&mut self) -> Result<(), Error> {
        let mut oldest: BTreeMap<ChannelId, Timestamp> = BTreeMap::new();
        for HashedPost { channel, post, .. } in &self.batch {
            let known = oldest.get(channel).or(self.oldest.get(channel));
            if known.is_none_or(|known| post.posted_at < *known) {
                oldest.insert(*channel, post.posted_at);
            }
        }
        if oldest.is_empty() {
            return Ok(());
        }
        let kept = self.app.retention_keep(self.tenant, oldest.clone())?;
        self.report.kept_channels.extend(kept);
        self.oldest.extend(oldest);
        Ok(())
    }

    fn skipped(&mut self, skipped: &export::Skipped) {
        let ordinary =
            matches!(skipped.reason, SkipReason::Service | SkipReason::Empty | SkipReason::Unsupported);
        if ordinary || self.report.skipped_examples.len() >= SKIPPED_DESCRIBED_MAX {
            return;
        }
        let place = match (skipped.line, skipped.message_id) {
            (Some(line), _) => format!("line {line}"),
            (None, Some(id)) => format!("message {id}"),
            (None, None) => format!("byte {}", skipped.byte),
        };
        self.report.skipped_examples.push(format!("{place}: {}", skipped.reason));
    }
}

/// Brings a post into the stored form and hashes what an edit can change.
pub fn prepare(channel: ChannelId, mut post: IncomingPost) -> HashedPost {
    text::normalise(&post.text).trim().clone_into(&mut post.text);
    for link in &mut post.links {
        link.text = text::normalise(&link.text);
    }
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        // Lengths keep neighbouring fields apart.
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(post.text.as_bytes());
    for link in &post.links {
        part(link.text.as_bytes());
        part(link.url.as_bytes());
    }
    part(post.media.as_deref().unwrap_or_default().as_bytes());
    part(post.author.as_deref().unwrap_or_default().as_bytes());
    part(&post.posted_at.as_second().to_le_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let mut content_hash = [0; 16];
    content_hash.copy_from_slice(&digest[..16]);
    HashedPost { channel, post, content_hash }
}
