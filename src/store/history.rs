//! Questions: what was asked and answered, and how many of today's are used.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};
use serde_json::Value;

use super::{Error, TenantStore, control::timestamp};
use crate::model::{MembershipId, PostId};

/// A question and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    pub query_id: String,
    /// `None`: asked with an API token.
    pub membership: Option<MembershipId>,
    pub asked_at: Timestamp,
    pub query: String,
    pub intent: String,
    pub provider: String,
    /// The answer as it was given.
    pub result: Value,
    pub took_ms: u64,
}

impl TenantStore {
    /// Keeps an answer; `posts` are those it quotes.
    pub fn history_add(&self, entry: HistoryEntry, posts: Vec<PostId>) -> Result<(), Error> {
        self.db.write(move |tx| {
            tx.prepare_cached(
                "INSERT INTO rag_history (query_id, membership_id, asked_at, query, intent, provider, result, took_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                entry.query_id,
                entry.membership.map(|id| id.0),
                entry.asked_at.as_millisecond(),
                entry.query,
                entry.intent,
                entry.provider,
                entry.result.to_string(),
                entry.took_ms as i64,
            ])?;
            let id = tx.last_insert_rowid();
            let mut statement = tx.prepare_cached(
                "INSERT OR IGNORE INTO rag_history_posts (history_id, post_id) VALUES (?1, ?2)",
            )?;
            for post in posts {
                statement.execute(params![id, post.0])?;
            }
            Ok(())
        })
    }

    /// A page of one asker's questions, newest first, and how many there are.
    pub fn history_list(
        &self,
        membership: Option<MembershipId>,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<HistoryEntry>, u64), Error> {
        let asker = membership.map(|id| id.0);
        self.db.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT query_id, membership_id, asked_at, query, intent, provider, result, took_ms
                 FROM rag_history WHERE membership_id IS ?1 ORDER BY id DESC LIMIT ?2 OFFSET ?3",
            )?;
            let rows = statement
                .query_map(params![asker, limit as i64, offset as i64], entry_from_row)?
                .collect::<rusqlite::Result<_>>()?;
            let sql = "SELECT count(*) FROM rag_history WHERE membership_id IS ?1";
            let total: i64 = db.prepare_cached(sql)?.query_row([asker], |row| row.get(0))?;
            Ok((rows, total as u64))
        })
    }

    /// How many questions are kept, of everybody.
    pub fn history_count(&self) -> Result<u64, Error> {
        self.db.read(|db| {
            let count: i64 =
                db.prepare_cached("SELECT count(*) FROM rag_history")?.query_row([], |row| row.get(0))?;
            Ok(count as u64)
        })
    }

    /// How many questions a user has asked on this day.
    pub fn question_count(&self, membership: MembershipId, day: i64) -> Result<u32, Error> {
        self.db.read(|db| {
            let sql = "SELECT count FROM question_counts WHERE membership_id = ?1 AND day = ?2";
            let count = db.prepare_cached(sql)?.query_row(params![membership.0, day], |row| row.get(0));
            Ok(count.optional()?.unwrap_or(0))
        })
    }

    /// Counts one more question of a user on this day; `false` if that would be more than `max`.
    pub fn question_take(&self, membership: MembershipId, day: i64, max: u32) -> Result<bool, Error> {
        self.db.write(move |tx| {
            let sql = "INSERT INTO question_counts (membership_id, day, count) VALUES (?1, ?2, 1)
                ON CONFLICT (membership_id) DO UPDATE
                SET count = CASE WHEN day = ?2 THEN count + 1 ELSE 1 END, day = ?2
                WHERE day <> ?2 OR count < ?3";
            Ok(max > 0 && tx.prepare_cached(sql)?.execute(params![membership.0, day, max])? > 0)
        })
    }

    /// Gives a question back that was not answered.
    pub fn question_return(&self, membership: MembershipId, day: i64) -> Result<(), Error> {
        self.db.write(move |tx| {
            let sql = "UPDATE question_counts SET count = count - 1 WHERE membership_id = ?1 AND day = ?2 AND count > 0";
            tx.prepare_cached(sql)?.execute(params![membership.0, day])?;
            Ok(())
        })
    }
}

fn entry_from_row(row: &Row<'_>) -> rusqlite::Result<HistoryEntry> {
    let result: String = row.get(6)?;
    let membership: Option<i64> = row.get(1)?;
    Ok(HistoryEntry {
        query_id: row.get(0)?,
        membership: membership.map(MembershipId),
        asked_at: timestamp(row, 2)?,
        query: row.get(3)?,
        intent: row.get(4)?,
        provider: row.get(5)?,
        result: serde_json::from_str(&result).unwrap_or(Value::Null),
        took_ms: row.get::<_, i64>(7)? as u64,
    })
}
