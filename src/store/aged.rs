//! Rows that go by their age alone: how old each kind is counted, what is old of it, figures of it.
//!
//! What is too old is found by a reader; the writer deletes by key, a small piece at a time, so that nobody waits for long. Any piece
//! may be the last before a crash; the next run finds the rest.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{Control, Error, TenantStore, database::Database};
use crate::model::{browser_family, ip_coarse};

/// Rows of one kind that go by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aged {
    /// By when they were posted; they go with all that hangs on them, see [`TenantStore::posts_expire`].
    Posts,
    Events,
    History,
    Exposures,
    Feedback,
    Notices,
    AuthEvents,
    SystemLog,
    Audit,
}

impl Aged {
    /// Of every tenant.
    pub const TENANT: [Aged; 5] =
        [Aged::Events, Aged::History, Aged::Exposures, Aged::Feedback, Aged::Notices];
    /// Of the installation.
    pub const CONTROL: [Aged; 3] = [Aged::AuthEvents, Aged::SystemLog, Aged::Audit];

    /// As reports and metrics name it.
    pub fn name(self) -> &'static str {
        match self {
            Aged::Posts => "posts",
            Aged::Events => "events",
            Aged::History => "history",
            Aged::Exposures => "exposures",
            Aged::Feedback => "feedback",
            Aged::Notices => "notices",
            Aged::AuthEvents => "auth_events",
            Aged::SystemLog => "system_log",
            Aged::Audit => "audit",
        }
    }

    /// Table, key, and the column that says how old a row is.
    fn place(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Aged::Posts => ("posts", "id", "posted_at"),
            Aged::Events => ("outbox_events", "seq", "occurred_at"),
            Aged::History => ("rag_history", "id", "asked_at"),
            Aged::Exposures => ("experiment_exposures", "query_id", "asked_at"),
            Aged::Feedback => ("feedback", "id", "created_at"),
            Aged::Notices => ("notices", "id", "sent_at"),
            Aged::AuthEvents => ("telegram_auth_events", "id", "at"),
            Aged::SystemLog => ("system_log", "id", "at"),
            Aged::Audit => ("audit_log", "id", "at"),
        }
    }
}

/// Figures of one kind of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgedStats {
    pub total: u64,
    pub last_7d: u64,
    pub last_30d: u64,
    pub last_90d: u64,
    pub oldest: Option<Timestamp>,
    /// Of the table with its indexes.
    pub bytes: u64,
}
fn older(
    db: &Database,
    what: Aged,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<rusqlite::types::Value>, Error> {
    let (table, key, at) = what.place();
    db.read(|db| {
        // Rows come in order of time, so the oldest are met first.
        let sql = format!("SELECT {key} FROM {table} WHERE {at} < ?1 ORDER BY {key} LIMIT ?2");
        let mut statement = db.prepare_cached(&sql)?;
        let rows = statement.query_map(params![before.as_millisecond(), limit as i64], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    })
}

fn older_remove(db: &Database, what: Aged, before: Timestamp, limit: usize) -> Result<u64, Error> {
    let keys = older(db, what, before, limit)?;
    if keys.is_empty() {
        return Ok(0);
    }
    let (table, key, _) = what.place();
    db.write(move |tx| {
        let mut statement = tx.prepare_cached(&format!("DELETE FROM {table} WHERE {key} = ?1"))?;
        let mut removed = 0;
        for key in keys {
            removed += statement.execute([key])?;
        }
        Ok(removed as u64)
    })
}

fn older_count(db: &Database, what: Aged, before: Timestamp) -> Result<u64, Error> {
    let (table, _, at) = what.place();
    db.read(|db| {
        number(db, &format!("SELECT count(*) FROM {table} WHERE {at} < ?1"), [before.as_millisecond()])
    })
}

fn stats(db: &Database, what: Aged, now: Timestamp) -> Result<AgedStats, Error> {
    let (table, _, at) = what.place();
    let since = |days: i64| now.as_millisecond() - days * 86_400_000;
    db.read(|db| {
        let sql = format!(
            "SELECT count(*), count(*) FILTER (WHERE {at} >= ?1), count(*) FILTER (WHERE {at} >= ?2),
                 count(*) FILTER (WHERE {at} >= ?3), min({at}) FROM {table}"
        );
        let mut stats = db.query_row(&sql, [since(7), since(30), since(90)], |row| {
            let count = |at: usize| row.get::<_, i64>(at).map(|count| count as u64);
            let oldest: Option<i64> = row.get(4)?;
            Ok(AgedStats {
                total: count(0)?,
                last_7d: count(1)?,
                last_30d: count(2)?,
                last_90d: count(3)?,
                oldest: oldest.and_then(|at| Timestamp::from_millisecond(at).ok()),
                bytes: 0,
            })
        })?;
        let sql = "SELECT coalesce(sum(pgsize), 0) FROM dbstat
                   WHERE aggregate = 1 AND name IN (SELECT name FROM sqlite_schema WHERE tbl_name = ?1)";
        stats.bytes = number(db, sql, [table])?;
        Ok(stats)
    })
}

pub(super) fn number(db: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<u64, Error> {
    let found: i64 = db.prepare_cached(sql)?.query_row(parameters, |row| row.get(0))?;
    Ok(found as u64)
}

impl Control {
    /// Removes up to `limit` rows that are older; how many. 0: there are no more.
    pub fn aged_remove(&self, what: Aged, before: Timestamp, limit: usize) -> Result<u64, Error> {
        older_remove(&self.0, what, before, limit)
    }

    pub fn aged_count(&self, what: Aged, before: Timestamp) -> Result<u64, Error> {
        older_count(&self.0, what, before)
    }

    pub fn aged_stats(&self, what: Aged, now: Timestamp) -> Result<AgedStats, Error> {
        stats(&self.0, what, now)
    }

    /// Makes up to `limit` steps of logins tell a network and a browser's family in place of an address and a browser; how many.
    pub fn auth_events_pseudonymise(
        &self,
        before: Timestamp,
        limit: usize,
        now: Timestamp,
    ) -> Result<u64, Error> {
        type Whole = (i64, Option<String>, Option<String>);
        let whole: Vec<Whole> = self.0.read(|db| {
            let sql = "SELECT id, ip, user_agent FROM telegram_auth_events
                       WHERE pseudonymised_at IS NULL AND at < ?1 ORDER BY at LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![before.as_millisecond(), limit as i64], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })?;
        if whole.is_empty() {
            return Ok(0);
        }
        let coarse: Vec<Whole> = whole
            .into_iter()
            .map(|(id, ip, agent)| {
                (id, ip.and_then(|ip| ip_coarse(&ip)), agent.map(|agent| browser_family(&agent).to_owned()))
            })
            .collect();
        self.0.write(move |tx| {
            let sql = "UPDATE telegram_auth_events SET ip = ?2, user_agent = ?3, pseudonymised_at = ?4 WHERE id = ?1";
            let mut statement = tx.prepare_cached(sql)?;
            for (id, ip, agent) in &coarse {
                statement.execute(params![id, ip, agent, now.as_millisecond()])?;
            }
            Ok(coarse.len() as u64)
        })
    }

    /// Steps of logins that still name whole addresses and are older.
    pub fn auth_events_whole_count(&self, before: Timestamp) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM telegram_auth_events WHERE pseudonymised_at IS NULL AND at < ?1";
        self.0.read(|db| number(db, sql, [before.as_millisecond()]))
    }

    pub fn auth_events_pseudonymised_count(&self) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM telegram_auth_events WHERE pseudonymised_at IS NOT NULL";
        self.0.read(|db| number(db, sql, []))
    }
}

impl TenantStore {
    /// Removes up to `limit` rows that are older; how many. 0: there are no more.
    pub fn aged_remove(&self, what: Aged, before: Timestamp, limit: usize) -> Result<u64, Error> {
        older_remove(&self.db, what, before, limit)
    }

    pub fn aged_count(&self, what: Aged, before: Timestamp) -> Result<u64, Error> {
        older_count(&self.db, what, before)
    }

    pub fn aged_stats(&self, what: Aged, now: Timestamp) -> Result<AgedStats, Error> {
        stats(&self.db, what, now)
    }
}
