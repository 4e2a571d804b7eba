//! Figures over time: what came, was asked and waited, by hour or day.
//!
//! Counts run over indexes, never over texts. Buckets without anything have no row; whoever shows them fills the gaps.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{Control, Error, TenantStore};
use crate::model::TenantId;

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;
/// Answers one reading of latencies takes at most, the newest.
const ANSWERS_READ_MAX: i64 = 20_000;

/// An answer, for figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerFigures {
    pub asked_at: Timestamp,
    pub took_ms: u64,
    pub abstained: bool,
}

/// The most that waited within an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSample {
    pub hour: i64,
    pub waiting: u64,
    pub dead: u64,
}

impl TenantStore {
    /// Posts by the bucket they were posted in: `(posted_at / step_ms, count)`, from `since` on.
    pub fn post_buckets(&self, since: Timestamp, step_ms: i64) -> Result<Vec<(i64, u64)>, Error> {
        let sql = "SELECT posted_at / ?2, count(*) FROM posts
                   WHERE lead_id IS NULL AND deleted_at IS NULL AND posted_at >= ?1 GROUP BY 1";
        self.db.read(|db| buckets(db, sql, since, step_ms))
    }

    /// Channels by the bucket in which they came.
    pub fn channel_buckets(&self, since: Timestamp, step_ms: i64) -> Result<Vec<(i64, u64)>, Error> {
        let sql = "SELECT created_at / ?2, count(*) FROM channels WHERE created_at >= ?1 GROUP BY 1";
        self.db.read(|db| buckets(db, sql, since, step_ms))
    }

    /// The answers since `since`, the newest first, and no more than can be looked at.
    pub fn answer_figures(&self, since: Timestamp) -> Result<Vec<AnswerFigures>, Error> {
        self.db.read(|db| {
            let sql =
                "SELECT asked_at, took_ms, coalesce(json_extract(result, '$.abstained'), 0) FROM rag_history
                       WHERE asked_at >= ?1 ORDER BY asked_at DESC LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![since.as_millisecond(), ANSWERS_READ_MAX], |row| {
                Ok(AnswerFigures {
                    asked_at: super::control::timestamp(row, 0)?,
                    took_ms: row.get::<_, i64>(1)? as u64,
                    abstained: row.get(2)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

impl Control {
    /// Members by the bucket in which they came.
    pub fn member_buckets(
        &self,
        tenant: TenantId,
        since: Timestamp,
        step_ms: i64,
    ) -> Result<Vec<(i64, u64)>, Error> {
        self.0.read(|db| {
            let sql =
                "SELECT created_at / ?2, count(*) FROM memberships WHERE created_at >= ?1 AND tenant_id = ?3
                       GROUP BY 1";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement
                .query_map(params![since.as_millisecond(), step_ms, tenant.to_string()], |row| {
                    Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))
                })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Notes how much waits now: `(tenant, waiting, dead)`. Of an hour the most is kept; hours before `before` are forgotten.
    pub fn queue_sample(
        &self,
        samples: Vec<(TenantId, u64, u64)>,
        now: Timestamp,
        before: Timestamp,
    ) -> Result<(), Error> {
        self.0.write(move |tx| {
            for (tenant, waiting, dead) in &samples {
                tx.prepare_cached(
                    "INSERT INTO queue_samples (tenant_id, hour, waiting, dead)
                     SELECT id, ?2, ?3, ?4 FROM tenants WHERE id = ?1
                     ON CONFLICT (tenant_id, hour) DO UPDATE SET waiting = max(waiting, ?3), dead = max(dead, ?4)",
                )?
                .execute(params![
                    tenant.to_string(),
                    now.as_millisecond() / HOUR_MS,
                    *waiting as i64,
                    *dead as i64
                ])?;
            }
            let horizon = before.as_millisecond() / HOUR_MS;
            tx.prepare_cached("DELETE FROM queue_samples WHERE hour < ?1")?.execute([horizon])?;
            Ok(())
        })
    }

    /// What waited in a tenant, by the hour.
    pub fn queue_sample_list(&self, tenant: TenantId, since: Timestamp) -> Result<Vec<QueueSample>, Error> {
        self.0.read(|db| {
            let sql = "SELECT hour, waiting, dead FROM queue_samples WHERE tenant_id = ?1 AND hour >= ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(
                params![tenant.to_string(), since.as_millisecond() / HOUR_MS],
                |row| {
                    Ok(QueueSample {
                        hour: row.get(0)?,
                        waiting: row.get::<_, i64>(1)? as u64,
                        dead: row.get::<_, i64>(2)? as u64,
                    })
                },
            )?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn buckets(db: &Connection, sql: &str, since: Timestamp, step_ms: i64) -> Result<Vec<(i64, u64)>, Error> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params![since.as_millisecond(), step_ms], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
