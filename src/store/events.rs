//! The outbox: the public event log of one tenant.
//!
//! A row is written in the transaction of the change it tells of. It is small on purpose (a post's text is not copied); what an
//! event says about its post is read when it is delivered, so an edit shows through and a deleted post's text is gone.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::{Error, TenantStore, control::timestamp, tags};
use crate::model::{Event, PostId};

/// An event with what its post says now.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its place in the log, rising by time.
    pub seq: i64,
    pub event: Event,
    pub occurred_at: Timestamp,
    pub post_id: Option<PostId>,
    /// `(tags, provider)` of the post now.
    pub tags: Option<(Vec<String>, String)>,
    /// The post's content hash, hex.
    pub content_hash: Option<String>,
    /// Fixed facts, JSON.
    pub data: Option<String>,
}

impl TenantStore {
    /// Events after `after`, in order, of one kind or of all.
    pub fn event_list(
        &self,
        after: i64,
        event: Option<Event>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, Error> {
        self.db.read(|db| {
            let sql = "SELECT seq, event, occurred_at, post_id, data FROM outbox_events
                       WHERE seq > ?1 AND (?2 IS NULL OR event = ?2) ORDER BY seq LIMIT ?3";
            let mut statement = db.prepare_cached(sql)?;
            let kind = event.map(|event| event as i64);
            let rows = statement.query_map(params![after, kind, limit as i64], event_from_row)?;
            let mut events: Vec<StoredEvent> = rows.collect::<rusqlite::Result<_>>()?;
            for event in &mut events {
                let Some(post) = event.post_id else { continue };
                event.tags = tags::post_tags_provided(db, post)?;
                event.content_hash = db
                    .prepare_cached("SELECT lower(hex(content_hash)) FROM posts WHERE id = ?1")?
                    .query_row([post.0], |row| row.get(0))
                    .optional()?;
            }
            Ok(events)
        })
    }

    /// The place of the newest event; 0 when there is none.
    pub fn event_last(&self) -> Result<i64, Error> {
        self.db.read(|db| {
            Ok(db
                .prepare_cached("SELECT coalesce(max(seq), 0) FROM outbox_events")?
                .query_row([], |row| row.get(0))?)
        })
    }

    /// The events of one post, oldest first: its way through the stages.
    pub fn post_trace(&self, post: PostId) -> Result<Vec<(Event, Timestamp)>, Error> {
        self.db.read(|db| {
            let sql = "SELECT seq, event, occurred_at, post_id, data FROM outbox_events WHERE post_id = ?1 ORDER BY seq";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([post.0], event_from_row)?;
            let events: Vec<StoredEvent> = rows.collect::<rusqlite::Result<_>>()?;
            Ok(events.into_iter().map(|event| (event.event, event.occurred_at)).collect())
        })
    }
}

/// Logs an event in the transaction of its change.
pub(super) fn event_insert(
    tx: &Transaction<'_>,
    event: Event,
    post: Option<PostId>,
    data: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO outbox_events (event, occurred_at, post_id, data) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![event as i64, now.as_millisecond(), post.map(|id| id.0), data])?;
    Ok(())
}

fn event_from_row(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let event: i64 = row.get(1)?;
    Ok(StoredEvent {
        seq: row.get(0)?,
        event: Event::from_i64(event).ok_or(rusqlite::Error::IntegralValueOutOfRange(1, event))?,
        occurred_at: timestamp(row, 2)?,
        post_id: row.get::<_, Option<i64>>(3)?.map(PostId),
        tags: None,
        content_hash: None,
        data: row.get(4)?,
    })
}
