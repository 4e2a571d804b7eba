//! Alerts: saved searches, the posts each found, and which of those were told.
//!
//! A post is found once by an alert, whatever happens in between: the pair is the key. How far the log of indexed posts was looked
//! through is written with what was found there, so a crash repeats a piece and changes nothing. What an alert searches for is not
//! known here.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{
    Connection, OptionalExtension as _, Row, Transaction, params, params_from_iter, types::Value,
};
use serde::de::DeserializeOwned;

use super::{
    Error, TenantStore,
    control::{timestamp, timestamp_maybe},
    members::named,
    posts::json_list,
};
use crate::model::{AlertId, ChannelId, ChannelSet, Event, MembershipId, PostId};

/// The key of `meta` that remembers how far the log was looked through.
const SEEN: &str = "alerts_seen";

/// What somebody wants to hear of, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertSpec {
    /// As it was typed; empty: tags alone.
    pub query: String,
    /// Also posts that mean the same in other words.
    pub by_meaning: bool,
    /// A post carries all of these.
    pub tags: BTreeSet<String>,
    /// Empty: all that the person follows.
    pub channels: BTreeSet<ChannelId>,
    /// Minutes of the day between which nothing is told; the first may be after the second.
    pub quiet: Option<(u16, u16)>,
    /// IANA name of the zone those minutes and days are of.
    pub zone: String,
    pub per_day_max: u32,
    /// Nothing found before is told.
    pub muted_until: Option<Timestamp>,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub id: AlertId,
    pub membership: MembershipId,
    pub spec: AlertSpec,
    pub version: i64,
    pub created_at: Timestamp,
    /// Posts it found.
    pub found: u64,
    pub last_found_at: Option<Timestamp>,
}

/// What became of a new alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertAdded {
    Added(Alert),
    /// The person has the same one already.
    Known(Alert),
    /// They have as many as they may.
    TooMany,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertChanged {
    Changed(Alert),
    Absent,
    /// Somebody changed it meanwhile.
    Stale(i64),
    /// Another alert of the person is the same.
    Taken,
}

/// Whether something found is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchState {
    /// Waits to be told.
    Due,
    Told,
    /// Kept to be looked at, not told: muted, too much for a day, too old.
    Held,
}

impl MatchState {
    const ALL: [MatchState; 3] = [MatchState::Due, MatchState::Told, MatchState::Held];

    pub fn name(self) -> &'static str {
        match self {
            MatchState::Due => "due",
            MatchState::Told => "told",
            MatchState::Held => "held",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        MatchState::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A post that an alert found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertMatch {
    pub alert: AlertId,
    pub post: PostId,
    pub matched_at: Timestamp,
    pub state: MatchState,
    /// Not told before.
    pub due_at: Timestamp,
}

impl TenantStore {
    /// Keeps an alert unless its owner has `max` already. The first one begins with what is indexed from now on.
    pub fn alert_add(
        &self,
        membership: MembershipId,
        spec: AlertSpec,
        max: u32,
        now: Timestamp,
    ) -> Result<AlertAdded, Error> {
        self.db.write(move |tx| {
            let same = "SELECT id FROM alerts WHERE membership_id = ?1 AND query = ?2 AND tags = ?3 AND channels = ?4";
            let key = params![membership.0, spec.query, json_list(&spec.tags), json_list(&spec.channels)];
            if let Some(id) = tx.prepare_cached(same)?.query_row(key, |row| row.get(0)).optional()? {
                return Ok(alert_get(tx, membership, AlertId(id))?.map_or(AlertAdded::TooMany, AlertAdded::Known));
            }
            let count = "SELECT count(*) FROM alerts WHERE membership_id = ?1";
            let has: u32 = tx.prepare_cached(count)?.query_row([membership.0], |row| row.get(0))?;
            if has >= max {
                return Ok(AlertAdded::TooMany);
            }
            let any: bool = tx.query_row("SELECT EXISTS (SELECT 1 FROM alerts)", [], |row| row.get(0))?;
            if !any {
                let newest = "SELECT coalesce(max(seq), 0) FROM outbox_events";
                seen_put(tx, tx.query_row(newest, [], |row| row.get(0))?)?;
            }
            let sql = "INSERT INTO alerts (membership_id, query, by_meaning, tags, channels, quiet_from, quiet_until, zone,
                           per_day_max, muted_until, created_at, updated_at)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)";
            tx.prepare_cached(sql)?.execute(params_from_iter(spec_values(membership.0, &spec, now)))?;
            let added = alert_get(tx, membership, AlertId(tx.last_insert_rowid()))?;
            Ok(added.map_or(AlertAdded::TooMany, AlertAdded::Added))
        })
    }

    /// Changes an alert that still has this version (`None`: any). What waits to be told waits for the new quiet hours' end,
    /// which `due_at` says.
    pub fn alert_change(
        &self,
        (membership, id): (MembershipId, AlertId),
        spec: AlertSpec,
        version: Option<i64>,
        due_at: Timestamp,
        now: Timestamp,
    ) -> Result<AlertChanged, Error> {
        self.db.write(move |tx| {
            let Some(found) = alert_get(tx, membership, id)? else { return Ok(AlertChanged::Absent) };
            if version.is_some_and(|version| version != found.version) {
                return Ok(AlertChanged::Stale(found.version));
            }
            let sql = "UPDATE OR IGNORE alerts SET query = ?2, by_meaning = ?3, tags = ?4, channels = ?5, quiet_from = ?6,
                           quiet_until = ?7, zone = ?8, per_day_max = ?9, muted_until = ?10, version = version + 1,
                           updated_at = ?11 WHERE id = ?1";
            let changed = tx.prepare_cached(sql)?.execute(params_from_iter(spec_values(id.0, &spec, now)))?;
            if changed == 0 {
                return Ok(AlertChanged::Taken);
            }
            let sql = "UPDATE alert_matches SET due_at = ?2 WHERE alert_id = ?1 AND state = 'due'";
            tx.prepare_cached(sql)?.execute(params![id.0, due_at.as_millisecond()])?;
            Ok(alert_get(tx, membership, id)?.map_or(AlertChanged::Absent, AlertChanged::Changed))
        })
    }

    /// Forgets an alert and what it found; `false` if the person has none such.
    pub fn alert_delete(&self, membership: MembershipId, id: AlertId) -> Result<bool, Error> {
        self.db.write(move |tx| {
            let sql = "DELETE FROM alerts WHERE id = ?1 AND membership_id = ?2";
            Ok(tx.prepare_cached(sql)?.execute([id.0, membership.0])? > 0)
        })
    }

    /// One alert of a person.
    pub fn alert_find(&self, membership: MembershipId, id: AlertId) -> Result<Option<Alert>, Error> {
        self.db.read(|db| alert_get(db, membership, id))
    }

    /// A person's alerts, oldest first.
    pub fn alert_list(&self, membership: MembershipId) -> Result<Vec<Alert>, Error> {
        self.db.read(|db| {
            let sql = format!("{COLUMNS}, {FOUND} FROM alerts a WHERE a.membership_id = ?1 ORDER BY a.id");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([membership.0], alert_from_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Everybody's alerts; what each found is not counted.
    pub fn alert_list_all(&self) -> Result<Vec<Alert>, Error> {
        self.db.read(|db| {
            let sql = format!("{COLUMNS}, {NOT_COUNTED} FROM alerts a ORDER BY a.id");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([], alert_from_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Whether anybody has an alert.
    pub fn alert_any(&self) -> Result<bool, Error> {
        self.db.read(|db| {
            let sql = "SELECT EXISTS (SELECT 1 FROM alerts)";
            Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
        })
    }

    /// Posts indexed since the log was looked through last, with their places in it, in order.
    pub fn alert_unseen_list(&self, limit: usize) -> Result<Vec<(i64, PostId, Timestamp)>, Error> {
        self.db.read(|db| {
            let sql = "SELECT seq, post_id, occurred_at FROM outbox_events
                       WHERE seq > coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?1), 0)
                         AND event = ?2 AND post_id IS NOT NULL ORDER BY seq LIMIT ?3";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement
                .query_map(params![SEEN, Event::PostsIndexed as i64, limit as i64], |row| {
                    Ok((row.get(0)?, PostId(row.get(1)?), timestamp(row, 2)?))
                })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Since when the oldest indexed post waits to be looked at; `None`: none waits, or nobody has an alert.
    pub fn alert_unseen_since(&self) -> Result<Option<Timestamp>, Error> {
        if !self.alert_any()? {
            return Ok(None);
        }
        Ok(self.alert_unseen_list(1)?.into_iter().next().map(|(_, _, at)| at))
    }

    /// Keeps what was found in the log up to `seen`; how many of the posts are new to their alert.
    pub fn alert_matches_add(&self, found: Vec<AlertMatch>, seen: i64) -> Result<usize, Error> {
        self.db.write(move |tx| {
            let mut new = 0;
            // A post or an alert that went meanwhile is none.
            let sql = "INSERT INTO alert_matches (alert_id, post_id, matched_at, state, due_at)
                       SELECT a.id, p.id, ?3, ?4, ?5 FROM alerts a, posts p WHERE a.id = ?1 AND p.id = ?2
                       ON CONFLICT DO NOTHING";
            let mut statement = tx.prepare_cached(sql)?;
            for hit in &found {
                new += statement.execute(params![
                    hit.alert.0,
                    hit.post.0,
                    hit.matched_at.as_millisecond(),
                    hit.state.name(),
                    hit.due_at.as_millisecond(),
                ])?;
            }
            seen_put(tx, seen)?;
            Ok(new)
        })
    }

    /// A page of what an alert found in these channels, newest first, and how much that is; posts that are deleted are left out.
    pub fn alert_match_list(
        &self,
        alert: AlertId,
        channels: &ChannelSet,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<AlertMatch>, u64), Error> {
        self.db.read(|db| {
            let channels = match channels {
                ChannelSet::All => None,
                ChannelSet::Only(set) => Some(json_list(set)),
            };
            let from = "FROM alert_matches AS m JOIN posts ON posts.id = m.post_id
                WHERE m.alert_id = ?1 AND lead_id IS NULL AND deleted_at IS NULL
                AND (?2 IS NULL OR channel_id IN (SELECT value FROM json_each(?2)))";
            let sql = format!(
                "SELECT m.alert_id, m.post_id, m.matched_at, m.state, m.due_at {from}
                 ORDER BY m.matched_at DESC, m.post_id DESC LIMIT ?3 OFFSET ?4"
            );
            let rows = db
                .prepare_cached(&sql)?
                .query_map(params![alert.0, channels, limit as i64, offset as i64], match_from_row)?
                .collect::<rusqlite::Result<_>>()?;
            let count = format!("SELECT count(*) {from}");
            let total: i64 =
                db.prepare_cached(&count)?.query_row(params![alert.0, channels], |row| row.get(0))?;
            Ok((rows, total as u64))
        })
    }

    /// What is to be told now, with its alert (its finds not counted), the oldest first; and how many wait in all, also those whose time has not come.
    pub fn alert_match_due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<(Vec<(Alert, AlertMatch)>, u32), Error> {
        self.db.read(|db| {
            let sql = "SELECT alert_id, post_id, matched_at, state, due_at FROM alert_matches
                       WHERE state = 'due' AND due_at <= ?1 ORDER BY due_at, alert_id, post_id LIMIT ?2";
            let rows: Vec<AlertMatch> = db
                .prepare_cached(sql)?
                .query_map(params![now.as_millisecond(), limit as i64], match_from_row)?
                .collect::<rusqlite::Result<_>>()?;
            let one = format!("{COLUMNS}, {NOT_COUNTED} FROM alerts a WHERE a.id = ?1");
            let mut statement = db.prepare_cached(&one)?;
            let mut due = Vec::with_capacity(rows.len());
            for found in rows {
                due.push((statement.query_row([found.alert.0], alert_from_row)?, found));
            }
            let waiting = "SELECT count(*) FROM alert_matches WHERE state = 'due'";
            Ok((due, db.prepare_cached(waiting)?.query_row([], |row| row.get(0))?))
        })
    }

    /// Something that waited was told, or is held from now on; `false` if it did not wait any more.
    pub fn alert_match_settle(
        &self,
        alert: AlertId,
        post: PostId,
        state: MatchState,
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.db.write(move |tx| {
            let sql = "UPDATE alert_matches SET state = ?3, told_at = CASE WHEN ?3 = 'told' THEN ?4 END
                       WHERE alert_id = ?1 AND post_id = ?2 AND state = 'due'";
            let at = now.as_millisecond();
            Ok(tx.prepare_cached(sql)?.execute(params![alert.0, post.0, state.name(), at])? > 0)
        })
    }

    /// How much an alert told since then.
    pub fn alert_told_count(&self, alert: AlertId, since: Timestamp) -> Result<u32, Error> {
        self.db.read(|db| {
            let sql = "SELECT count(*) FROM alert_matches WHERE alert_id = ?1 AND told_at >= ?2";
            let since = since.as_millisecond();
            Ok(db.prepare_cached(sql)?.query_row(params![alert.0, since], |row| row.get(0))?)
        })
    }
}

const COLUMNS: &str =
    "SELECT a.id, a.membership_id, a.query, a.by_meaning, a.tags, a.channels, a.quiet_from, a.quiet_until,
    a.zone, a.per_day_max, a.muted_until, a.version, a.created_at";
const FOUND: &str = "(SELECT count(*) FROM alert_matches m WHERE m.alert_id = a.id),
    (SELECT max(matched_at) FROM alert_matches m WHERE m.alert_id = a.id)";
/// Counting costs what an alert ever found: not where nobody looks at the figure.
const NOT_COUNTED: &str = "0, NULL";

/// The values of a row in the order of its columns, `first` before them and the time after.
fn spec_values(first: i64, spec: &AlertSpec, now: Timestamp) -> [Value; 11] {
    [
        first.into(),
        spec.query.clone().into(),
        spec.by_meaning.into(),
        json_list(&spec.tags).into(),
        json_list(&spec.channels).into(),
        spec.quiet.map(|quiet| quiet.0).into(),
        spec.quiet.map(|quiet| quiet.1).into(),
        spec.zone.clone().into(),
        spec.per_day_max.into(),
        spec.muted_until.map(Timestamp::as_millisecond).into(),
        now.as_millisecond().into(),
    ]
}

fn alert_get(db: &Connection, membership: MembershipId, id: AlertId) -> Result<Option<Alert>, Error> {
    let sql = format!("{COLUMNS}, {FOUND} FROM alerts a WHERE a.id = ?1 AND a.membership_id = ?2");
    Ok(db.prepare_cached(&sql)?.query_row([id.0, membership.0], alert_from_row).optional()?)
}

fn seen_put(tx: &Transaction<'_>, seen: i64) -> Result<(), Error> {
    // Two looks at once may end in either order; the further one counts.
    let sql = "INSERT INTO meta (key, value) VALUES (?1, CAST(?2 AS TEXT)) ON CONFLICT (key) DO UPDATE
               SET value = CAST(max(CAST(value AS INTEGER), ?2) AS TEXT)";
    tx.prepare_cached(sql)?.execute(params![SEEN, seen])?;
    Ok(())
}

fn alert_from_row(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let quiet: (Option<u16>, Option<u16>) = (row.get(6)?, row.get(7)?);
    Ok(Alert {
        id: AlertId(row.get(0)?),
        membership: MembershipId(row.get(1)?),
        spec: AlertSpec {
            query: row.get(2)?,
            by_meaning: row.get(3)?,
            tags: set(row, 4)?,
            channels: set(row, 5)?,
            quiet: quiet.0.zip(quiet.1),
            zone: row.get(8)?,
            per_day_max: row.get(9)?,
            muted_until: timestamp_maybe(row, 10)?,
        },
        version: row.get(11)?,
        created_at: timestamp(row, 12)?,
        found: row.get::<_, i64>(13)? as u64,
        last_found_at: timestamp_maybe(row, 14)?,
    })
}

fn match_from_row(row: &Row<'_>) -> rusqlite::Result<AlertMatch> {
    Ok(AlertMatch {
        alert: AlertId(row.get(0)?),
        post: PostId(row.get(1)?),
        matched_at: timestamp(row, 2)?,
        state: named(row, 3, MatchState::parse)?,
        due_at: timestamp(row, 4)?,
    })
}

/// A column of JSON that this module wrote.
fn set<T: DeserializeOwned + Ord>(row: &Row<'_>, column: usize) -> rusqlite::Result<BTreeSet<T>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}
