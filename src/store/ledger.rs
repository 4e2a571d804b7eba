//! The ledger: which message ids of a channel were asked about, and what stands at those that have no post.
//!
//! Ranges of ids, never overlapping within a kind, neighbours merged: a channel that was read without a break is one row, however
//! many ids it has. That an id is deleted is not stored but follows: it was asked about and nothing else stands there. A range
//! is added in the transaction that stores its posts, so it never claims more than is stored.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{Error, TenantStore, control::timestamp_maybe};
use crate::model::ChannelId;

/// Gaps described one by one; the rest is counted.
const GAPS_LISTED_MAX: usize = 20;

/// Message ids from the first to the last, both included.
pub type IdRange = (i64, i64);

/// What a range says of its ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeKind {
    /// The server was asked about every id, and what it has is stored.
    Covered = 0,
    /// Service messages.
    Service = 1,
    /// Messages Telegram forbids to show.
    Restricted = 2,
}

/// How much of a channel is here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The oldest message wanted; `None` = not looked up yet.
    pub first_id: Option<i64>,
    /// The newest message the server told of; 0 = never asked.
    pub last_id: i64,
    /// Ids from the first to the last.
    pub expected: u64,
    pub seen: u64,
    pub deleted: u64,
    pub service: u64,
    pub restricted: u64,
    /// Ids nobody has asked about yet.
    pub not_read: u64,
    /// The newest gaps.
    pub gaps: Vec<IdRange>,
    /// Every id is accounted for.
    pub complete: bool,
    /// When the server was last asked for the newest message.
    pub checked_at: Option<Timestamp>,
}

impl TenantStore {
    /// The account of a channel; `None` for one that is not read through an account.
    pub fn ledger_get(&self, channel: ChannelId) -> Result<Option<Ledger>, Error> {
        self.db.read(|db| ledger_get(db, channel))
    }

    /// The stored ranges of a kind, lowest first.
    pub fn ledger_ranges(&self, channel: ChannelId, kind: RangeKind) -> Result<Vec<IdRange>, Error> {
        self.db.read(|db| ranges(db, channel, kind))
    }
}

fn ledger_get(db: &Connection, channel: ChannelId) -> Result<Option<Ledger>, Error> {
    let found = db
        .prepare_cached("SELECT floor_id, top_id, checked_at FROM channel_reading WHERE channel_id = ?1")?
        .query_row([channel.0], |row| {
            Ok(Ledger {
                first_id: row.get(0)?,
                last_id: row.get(1)?,
                checked_at: timestamp_maybe(row, 2)?,
                ..Ledger::default()
            })
        })
        .optional()?;
    let Some(mut ledger) = found else { return Ok(None) };
    let Some(first) = ledger.first_id.filter(|_| ledger.checked_at.is_some()) else {
        return Ok(Some(ledger));
    };
    let wanted = (first, ledger.last_id);
    let covered = ranges(db, channel, RangeKind::Covered)?;
    let inside: Vec<IdRange> = covered.iter().filter_map(|range| overlap(*range, wanted)).collect();
    ledger.expected = width(wanted);
    let read: u64 = inside.iter().map(|range| width(*range)).sum();
    ledger.not_read = ledger.expected.saturating_sub(read);
    for range in &inside {
        ledger.seen += posts_within(db, channel, *range)?;
    }
    for (kind, count) in
        [(RangeKind::Service, &mut ledger.service), (RangeKind::Restricted, &mut ledger.restricted)]
    {
        let ids = ranges(db, channel, kind)?;
        *count = ids.iter().filter_map(|range| overlap(*range, wanted)).map(width).sum();
    }
    ledger.deleted = read.saturating_sub(ledger.seen + ledger.service + ledger.restricted);
    ledger.gaps = gaps(&covered, wanted);
    ledger.complete = ledger.gaps.is_empty();
    ledger.gaps.truncate(GAPS_LISTED_MAX);
    Ok(Some(ledger))
}

fn width(range: IdRange) -> u64 {
    (range.1 - range.0 + 1).max(0) as u64
}

fn overlap(a: IdRange, b: IdRange) -> Option<IdRange> {
    let both = (a.0.max(b.0), a.1.min(b.1));
    (both.0 <= both.1).then_some(both)
}

/// What of `wanted` is in none of the ranges (lowest first, apart); the newest gap first.
pub(super) fn gaps(ranges: &[IdRange], wanted: IdRange) -> Vec<IdRange> {
    let mut found = Vec::new();
    let mut next = wanted.0;
    for range in ranges {
        if range.0 > wanted.1 || next > wanted.1 {
            break;
        }
        if range.0 > next {
            found.push((next, range.0 - 1));
        }
        next = next.max(range.1 + 1);
    }
    if next <= wanted.1 {
        found.push((next, wanted.1));
    }
    found.reverse();
    found
}

/// Posts that are here, of an id range.
fn posts_within(db: &Connection, channel: ChannelId, range: IdRange) -> Result<u64, Error> {
    let all = "SELECT count(*) FROM posts WHERE channel_id = ?1 AND message_id BETWEEN ?2 AND ?3";
    let deleted = format!("{all} AND deleted_at IS NOT NULL");
    let count = |sql: &str| -> Result<i64, Error> {
        let mut statement = db.prepare_cached(sql)?;
        Ok(statement.query_row(params![channel.0, range.0, range.1], |row| row.get(0))?)
    };
    Ok((count(all)? - count(&deleted)?).max(0) as u64)
}

pub(super) fn ranges(db: &Connection, channel: ChannelId, kind: RangeKind) -> Result<Vec<IdRange>, Error> {
    let sql =
        "SELECT first_id, last_id FROM ledger_ranges WHERE channel_id = ?1 AND kind = ?2 ORDER BY first_id";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params![channel.0, kind as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The stored ranges that share an id with `range`.
fn ranges_touching(
    tx: &Transaction<'_>,
    channel: ChannelId,
    kind: RangeKind,
    range: IdRange,
) -> Result<Vec<IdRange>, Error> {
    // Ranges do not overlap, so those that reach into this one are the last that begins before it and those that begin in it.
    let sql = "SELECT first_id, last_id FROM ledger_ranges
               WHERE channel_id = ?1 AND kind = ?2 AND first_id <= ?4 AND last_id >= ?3
                 AND first_id >= coalesce((SELECT max(first_id) FROM ledger_ranges
                                           WHERE channel_id = ?1 AND kind = ?2 AND first_id <= ?3), ?3)";
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement
        .query_map(params![channel.0, kind as i64, range.0, range.1], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Adds ids to a kind, merging what touches or adjoins.
pub(super) fn range_add(
    tx: &Transaction<'_>,
    channel: ChannelId,
    kind: RangeKind,
    range: IdRange,
) -> Result<(), Error> {
    if range.0 > range.1 {
        return Ok(());
    }
    let mut union = range;
    for known in ranges_touching(tx, channel, kind, (range.0 - 1, range.1 + 1))? {
        if known.0 <= range.0 && known.1 >= range.1 {
            return Ok(());
        }
        union = (union.0.min(known.0), union.1.max(known.1));
        range_delete(tx, channel, kind, known)?;
    }
    range_insert(tx, channel, kind, union)
}

/// Takes ids out of a kind.
pub(super) fn range_cut(
    tx: &Transaction<'_>,
    channel: ChannelId,
    kind: RangeKind,
    range: IdRange,
) -> Result<(), Error> {
    for known in ranges_touching(tx, channel, kind, range)? {
        range_delete(tx, channel, kind, known)?;
        for rest in [(known.0, range.0 - 1), (range.1 + 1, known.1)] {
            if rest.0 <= rest.1 {
                range_insert(tx, channel, kind, rest)?;
            }
        }
    }
    Ok(())
}

fn range_delete(
    tx: &Transaction<'_>,
    channel: ChannelId,
    kind: RangeKind,
    range: IdRange,
) -> Result<(), Error> {
    tx.prepare_cached("DELETE FROM ledger_ranges WHERE channel_id = ?1 AND kind = ?2 AND first_id = ?3")?
        .execute(params![channel.0, kind as i64, range.0])?;
    Ok(())
}

fn range_insert(
    tx: &Transaction<'_>,
    channel: ChannelId,
    kind: RangeKind,
    range: IdRange,
) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO ledger_ranges (channel_id, kind, first_id, last_id) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![channel.0, kind as i64, range.0, range.1])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::gaps;

    #[test]
    fn gaps_are_what_nobody_asked_about_newest_first() {
        assert_eq!(gaps(&[], (1, 9)), [(1, 9)]);
        assert_eq!(gaps(&[(1, 9)], (1, 9)), []);
        assert_eq!(gaps(&[(3, 4), (7, 7)], (1, 9)), [(8, 9), (5, 6), (1, 2)]);
        assert_eq!(gaps(&[(1, 3), (8, 20)], (2, 9)), [(4, 7)]);
        assert_eq!(gaps(&[(20, 30)], (1, 9)), [(1, 9)]);
        assert_eq!(gaps(&[(1, 100)], (20, 30)), []);
        assert_eq!(gaps(&[], (5, 4)), [], "nothing is wanted");
    }
}
