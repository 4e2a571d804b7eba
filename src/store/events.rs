//! The outbox: the public event log of one tenant.
//!
//! A row is written in the transaction of the change it tells of. It is small on purpose (a post's text is not copied); what an
//! event says about its post is read when it is delivered, so an edit shows through and a deleted post's text is gone.
//!
//! Three events of one post in one transaction (parsed, tagged, enriched: the usual way of a post) are one row, which halves the
//! log: its `event` is [`ADVANCED`] and its `seq` that of the last; the two before it have the numbers before it. Readers see
//! single events only.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::{Error, TenantStore, control::timestamp, tags};
use crate::model::{Event, PostId};

/// Stored as `event` of a row that stands for [`ADVANCED_EVENTS`].
const ADVANCED: i64 = 100;
const ADVANCED_EVENTS: [Event; 3] = [Event::PostsParsed, Event::PostsTagged, Event::PostsEnriched];

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
                       WHERE seq > ?1 AND (?2 IS NULL OR event = ?2 OR event = ?3) ORDER BY seq LIMIT ?4";
            let mut statement = db.prepare_cached(sql)?;
            let kind = event.map(|event| event as i64);
            // Where the kind is none of the three, only its own rows are asked for.
            let run =
                event.filter(|event| !ADVANCED_EVENTS.contains(event)).map_or(ADVANCED, |event| event as i64);
            let mut rows = statement.query(params![after, kind, run, limit as i64])?;
            let mut events = Vec::new();
            while let Some(row) = rows.next()? {
                events.extend(events_from_row(row)?);
            }
            events.retain(|found| found.seq > after && event.is_none_or(|event| event == found.event));
            events.truncate(limit);
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
            let mut rows = statement.query([post.0])?;
            let mut events = Vec::new();
            while let Some(row) = rows.next()? {
                events.extend(events_from_row(row)?);
            }
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

/// Logs the events of posts in their order, in the transaction of their changes.
pub(super) fn post_events_insert(
    tx: &Transaction<'_>,
    events: &[(PostId, Event)],
    now: Timestamp,
) -> Result<(), Error> {
    let mut rest = events;
    while let Some(&(post, event)) = rest.first() {
        let run = rest.get(..ADVANCED_EVENTS.len()).is_some_and(|run| {
            run.iter().zip(ADVANCED_EVENTS).all(|(&(of, event), expected)| of == post && event == expected)
        });
        if run {
            // The table's own counter, so that a number is never given twice, also after the newest rows were deleted.
            tx.prepare_cached(
                "INSERT INTO outbox_events (seq, event, occurred_at, post_id)
                 VALUES (coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox_events'), 0) + ?1, ?2, ?3, ?4)",
            )?
            .execute(params![ADVANCED_EVENTS.len() as i64, ADVANCED, now.as_millisecond(), post.0])?;
            rest = &rest[ADVANCED_EVENTS.len()..];
        } else {
            event_insert(tx, event, Some(post), None, now)?;
            rest = &rest[1..];
        }
    }
    Ok(())
}

/// The events a row stands for, in order.
fn events_from_row(row: &Row<'_>) -> rusqlite::Result<Vec<StoredEvent>> {
    let (seq, stored): (i64, i64) = (row.get(0)?, row.get(1)?);
    let events = if stored == ADVANCED {
        ADVANCED_EVENTS.to_vec()
    } else {
        vec![Event::from_i64(stored).ok_or(rusqlite::Error::IntegralValueOutOfRange(1, stored))?]
    };
    let first = seq + 1 - events.len() as i64;
    let one = |(event, seq)| {
        Ok(StoredEvent {
            seq,
            event,
            occurred_at: timestamp(row, 2)?,
            post_id: row.get::<_, Option<i64>>(3)?.map(PostId),
            tags: None,
            content_hash: None,
            data: row.get(4)?,
        })
    };
    events.into_iter().zip(first..).map(one).collect()
}
