//! Where the reading of each channel stands, and the one transaction that moves it.
//!
//! A page of history, a live post, an edit and a deletion all come through [`TenantStore::page_apply`]: posts, tombstones and the
//! ledger change together or not at all, so after a crash the position is exactly what is stored.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{
    Error, TenantStore,
    control::timestamp_maybe,
    deletions::{Deleted, message_delete},
    ingest::{HashedPost, Ingested, counters_put, pinned_put, posts_ingest},
    ledger::{IdRange, RangeKind, gaps, range_add, range_cut, ranges},
    notices::{NoticeKind, notice_add, notice_withdraw},
    retention::KEEP_DAYS,
};
use crate::model::{ChannelId, MembershipId, Reaction};

/// A depth that reaches behind Telegram's beginning: everything there is.
pub const DEPTH_ALL_DAYS: u32 = 1_000_000;

/// How far a channel is read and what is left to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    pub channel: ChannelId,
    /// The deepest that any follower wanted, days.
    pub depth_days: u32,
    /// How long its posts are kept, days; `None` = for ever. What is older is not wanted, however deep a follower wants to read.
    pub keep_days: Option<u32>,
    /// The oldest message wanted; `None` = not looked up yet.
    pub floor_id: Option<i64>,
    /// The newest message the server told of; 0 = never asked or an empty channel.
    pub top_id: i64,
    /// A second look goes on below this id, down to `revisit_until`.
    pub revisit_below: Option<i64>,
    pub revisit_until: i64,
    /// When the server was last asked for the newest message.
    pub checked_at: Option<Timestamp>,
    /// The reading account is a member: the server tells it of new posts.
    pub joined: bool,
    /// Whose account read it last.
    pub reader: Option<MembershipId>,
    /// Why it cannot be read.
    pub problem: Option<String>,
    pub problem_at: Option<Timestamp>,
    /// Somebody follows it.
    pub is_followed: bool,
    /// What of the wanted ids nobody asked about, newest first.
    pub gaps: Vec<IdRange>,
}

/// News of a channel, to be stored as one.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub channel: ChannelId,
    /// Every id in here was asked about: what is not among the posts, service and restricted messages is not there.
    pub covered: Option<IdRange>,
    pub posts: Vec<HashedPost>,
    pub service: Vec<i64>,
    pub restricted: Vec<i64>,
    /// Messages that the server says are gone.
    pub deleted: Vec<i64>,
    /// The newest message there is, if the page tells.
    pub top_id: Option<i64>,
    /// The server was asked for the newest message.
    pub checked: bool,
    /// A second look has come down to here; at or below its end it is over.
    pub revisited_to: Option<i64>,
}

/// What a page changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageApplied {
    pub ingested: Ingested,
    pub deleted: Deleted,
}

impl TenantStore {
    /// Stores a page, its deletions and its place in the ledger.
    pub fn page_apply(&self, page: Page, now: Timestamp) -> Result<PageApplied, Error> {
        self.db.write(move |tx| page_apply(tx, &page, now))
    }

    /// Counters of one message that changed without an edit; `None` = as before.
    pub fn message_count(
        &self,
        channel: ChannelId,
        message_id: i64,
        views: Option<i64>,
        forwards: Option<i64>,
        reactions: Option<Vec<Reaction>>,
    ) -> Result<(), Error> {
        self.db
            .write(move |tx| counters_put(tx, channel, message_id, (views, forwards), reactions.as_deref()))
    }

    pub fn messages_pin(&self, channel: ChannelId, ids: Vec<i64>, pinned: bool) -> Result<(), Error> {
        self.db.write(move |tx| {
            for id in ids {
                pinned_put(tx, channel, id, pinned)?;
            }
            Ok(())
        })
    }

    /// Messages of a range that are here and not deleted, lowest first.
    pub fn messages_here(&self, channel: ChannelId, range: IdRange) -> Result<Vec<i64>, Error> {
        self.db.read(|db| {
            let sql = "SELECT message_id FROM posts
                       WHERE channel_id = ?1 AND message_id BETWEEN ?2 AND ?3 AND deleted_at IS NULL ORDER BY message_id";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![channel.0, range.0, range.1], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Where the reading of a channel stands.
    pub fn reading_get(&self, channel: ChannelId) -> Result<Option<Reading>, Error> {
        self.db.read(|db| reading_get(db, channel))
    }

    /// Every channel somebody follows, with where its reading stands.
    pub fn reading_list(&self) -> Result<Vec<Reading>, Error> {
        self.db.read(|db| {
            let sql = format!(
                "{} WHERE channel_id IN (SELECT channel_id FROM subscriptions) ORDER BY channel_id",
                columns()
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([], reading_from_row)?;
            let mut list: Vec<Reading> = rows.collect::<rusqlite::Result<_>>()?;
            for reading in &mut list {
                reading_gaps(db, reading)?;
            }
            Ok(list)
        })
    }

    /// The oldest wanted message was found for the depth it was looked up for; a depth that changed meanwhile needs another look.
    pub fn reading_floor_put(&self, channel: ChannelId, depth_days: u32, floor_id: i64) -> Result<(), Error> {
        self.db.write(move |tx| {
            let sql = "UPDATE channel_reading SET floor_id = ?3 WHERE channel_id = ?1 AND depth_days = ?2";
            tx.prepare_cached(sql)?.execute(params![channel.0, depth_days, floor_id])?;
            Ok(())
        })
    }

    /// Asks for a second look at the ids from `until` to the top.
    pub fn reading_revisit(&self, channel: ChannelId, until: i64) -> Result<(), Error> {
        self.db.write(move |tx| {
            let sql = "UPDATE channel_reading SET revisit_below = top_id + 1,
                           revisit_until = min(?2, CASE WHEN revisit_below IS NULL THEN ?2 ELSE revisit_until END)
                       WHERE channel_id = ?1";
            tx.prepare_cached(sql)?.execute(params![channel.0, until])?;
            Ok(())
        })
    }

    /// Who reads a channel now, and whether the server tells that account of new posts.
    pub fn reading_reader_put(
        &self,
        channel: ChannelId,
        reader: MembershipId,
        joined: bool,
    ) -> Result<(), Error> {
        self.db.write(move |tx| {
            let sql = "UPDATE channel_reading SET reader = ?2, joined = ?3, problem = NULL, problem_at = NULL WHERE channel_id = ?1";
            tx.prepare_cached(sql)?.execute(params![channel.0, reader.0, joined])?;
            notice_withdraw(tx, NoticeKind::ChannelPaused, &channel.0.to_string())
        })
    }

    /// Something about the channel itself changed: the server is asked soon, whatever was known.
    pub fn reading_recheck(&self, channel: ChannelId) -> Result<(), Error> {
        self.db.write(move |tx| {
            let sql = "UPDATE channel_reading SET checked_at = NULL, problem_at = NULL WHERE channel_id = ?1";
            tx.prepare_cached(sql)?.execute([channel.0])?;
            Ok(())
        })
    }

    /// Notes why a channel cannot be read: in words for its card, and as a code for the notice to its followers, which is due
    /// where it still cannot be read after `tell_after`.
    pub fn reading_problem_put(
        &self,
        channel: ChannelId,
        (code, words): (&'static str, &'static str),
        now: Timestamp,
        tell_after: SignedDuration,
    ) -> Result<(), Error> {
        self.db.write(move |tx| {
            let sql = "SELECT problem IS NULL FROM channel_reading WHERE channel_id = ?1";
            let is_new: bool =
                tx.prepare_cached(sql)?.query_row([channel.0], |row| row.get(0)).optional()?.unwrap_or(false);
            let sql = "UPDATE channel_reading SET problem = ?2, problem_at = ?3 WHERE channel_id = ?1";
            tx.prepare_cached(sql)?.execute(params![channel.0, words, now.as_millisecond()])?;
            if !is_new {
                return Ok(());
            }
            let sql = "SELECT membership_id FROM subscriptions WHERE channel_id = ?1";
            let mut statement = tx.prepare_cached(sql)?;
            let followers: Vec<i64> =
                statement.query_map([channel.0], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            let due_at = now.checked_add(tell_after).unwrap_or(now);
            for follower in followers {
                let notice = (MembershipId(follower), NoticeKind::ChannelPaused, &*channel.0.to_string());
                notice_add(tx, notice, code, (now, due_at))?;
            }
            Ok(())
        })
    }

    /// Wants a channel at least this deep.
    pub fn reading_deepen(&self, channel: ChannelId, depth_days: u32) -> Result<(), Error> {
        self.db.write(move |tx| reading_want(tx, channel, depth_days))
    }
}

/// Begins reading a channel, or goes deeper; never shallower, what is here stays wanted.
pub(super) fn reading_want(tx: &Transaction<'_>, channel: ChannelId, depth_days: u32) -> Result<(), Error> {
    let sql = format!("SELECT {KEEP_DAYS} FROM (SELECT ?1 channel_id)");
    let keep_days: i64 = tx.prepare_cached(&sql)?.query_row([channel.0], |row| row.get(0))?;
    let is_all = depth_days >= DEPTH_ALL_DAYS && keep_days == 0;
    tx.prepare_cached(
        "INSERT INTO channel_reading (channel_id, depth_days, floor_id) VALUES (?1, ?2, ?3)
         ON CONFLICT (channel_id) DO UPDATE SET depth_days = ?2, floor_id = ?3, problem = NULL, problem_at = NULL
         WHERE depth_days < ?2",
    )?
    .execute(params![channel.0, depth_days, is_all.then_some(1)])?;
    Ok(())
}

/// The posts of a page that are wanted: those from the floor on, and older ones that are here all the same. An old post that
/// was let go of does not come back because somebody edited it.
fn posts_wanted(tx: &Transaction<'_>, page: &Page, floor: Option<i64>) -> Result<Vec<HashedPost>, Error> {
    let mut wanted = Vec::with_capacity(page.posts.len());
    for post in &page.posts {
        let message = post.post.message_id;
        let is_below = floor.is_some_and(|floor| message < floor);
        let sql = "SELECT 1 FROM posts WHERE channel_id = ?1 AND message_id = ?2";
        if !is_below || tx.prepare_cached(sql)?.exists(params![page.channel.0, message])? {
            wanted.push(post.clone());
        }
    }
    Ok(wanted)
}

fn page_apply(tx: &Transaction<'_>, page: &Page, now: Timestamp) -> Result<PageApplied, Error> {
    let channel = page.channel;
    let sql = "SELECT floor_id FROM channel_reading WHERE channel_id = ?1";
    let floor: Option<Option<i64>> =
        tx.prepare_cached(sql)?.query_row([channel.0], |row| row.get(0)).optional()?;
    let floor = floor.flatten();
    let wanted = posts_wanted(tx, page, floor)?;
    let mut applied = PageApplied { ingested: posts_ingest(tx, &wanted, now)?, deleted: Deleted::default() };
    for id in &page.deleted {
        message_delete(tx, channel, *id, now, &mut applied.deleted)?;
    }
    // What lies below the floor was not kept, so nothing is claimed of it.
    let covered = page.covered.map(|(first, last)| (first.max(floor.unwrap_or(first)), last));
    if let Some(range) = covered.filter(|range| range.0 <= range.1) {
        range_cut(tx, channel, RangeKind::Service, range)?;
        range_cut(tx, channel, RangeKind::Restricted, range)?;
        range_add(tx, channel, RangeKind::Covered, range)?;
        for (kind, ids) in [(RangeKind::Service, &page.service), (RangeKind::Restricted, &page.restricted)] {
            for id in ids {
                range_add(tx, channel, kind, (*id, *id))?;
            }
        }
    }
    tx.prepare_cached(
        "UPDATE channel_reading
         SET top_id = max(top_id, coalesce(?2, 0)),
             checked_at = CASE WHEN ?3 THEN ?4 ELSE checked_at END,
             revisit_below = CASE WHEN ?5 IS NULL OR revisit_below IS NULL THEN revisit_below
                                  WHEN ?5 <= revisit_until THEN NULL ELSE min(revisit_below, ?5) END
         WHERE channel_id = ?1",
    )?
    .execute(params![channel.0, page.top_id, page.checked, now.as_millisecond(), page.revisited_to])?;
    Ok(applied)
}

fn columns() -> String {
    format!(
        "SELECT channel_id, depth_days, floor_id, top_id, revisit_below, revisit_until, checked_at, joined, reader, problem,
             problem_at, EXISTS (SELECT 1 FROM subscriptions WHERE subscriptions.channel_id = channel_reading.channel_id),
             {KEEP_DAYS}
         FROM channel_reading"
    )
}

fn reading_get(db: &Connection, channel: ChannelId) -> Result<Option<Reading>, Error> {
    let found = db
        .prepare_cached(&format!("{} WHERE channel_id = ?1", columns()))?
        .query_row([channel.0], reading_from_row)
        .optional()?;
    let Some(mut reading) = found else { return Ok(None) };
    reading_gaps(db, &mut reading)?;
    Ok(Some(reading))
}

fn reading_gaps(db: &Connection, reading: &mut Reading) -> Result<(), Error> {
    if let Some(floor) = reading.floor_id {
        let covered = ranges(db, reading.channel, RangeKind::Covered)?;
        reading.gaps = gaps(&covered, (floor, reading.top_id));
    }
    Ok(())
}

fn reading_from_row(row: &Row<'_>) -> rusqlite::Result<Reading> {
    Ok(Reading {
        channel: ChannelId(row.get(0)?),
        depth_days: row.get(1)?,
        floor_id: row.get(2)?,
        top_id: row.get(3)?,
        revisit_below: row.get(4)?,
        revisit_until: row.get::<_, Option<i64>>(5)?.unwrap_or(1),
        checked_at: timestamp_maybe(row, 6)?,
        joined: row.get(7)?,
        reader: row.get::<_, Option<i64>>(8)?.map(MembershipId),
        problem: row.get(9)?,
        problem_at: timestamp_maybe(row, 10)?,
        is_followed: row.get(11)?,
        keep_days: Some(row.get(12)?).filter(|days| *days > 0),
        gaps: Vec::new(),
    })
}
