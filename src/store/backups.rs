//! The record of backups: what was made, and whether it could be restored when that was last tried.

use jiff::Timestamp;
use rusqlite::params;

use super::{
    Control, Error,
    control::{timestamp, timestamp_maybe},
};

/// A backup that was made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupRow {
    /// The file's name.
    pub name: String,
    pub created_at: Timestamp,
    pub bytes: u64,
    pub tenants: u64,
    pub posts: u64,
    /// How long writers were held up, microseconds.
    pub pause_us: u64,
    pub elapsed_ms: u64,
    pub verdict: Option<BackupVerdict>,
}

/// How the last try to restore it came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupVerdict {
    pub at: Timestamp,
    /// Why it could not be restored; `None`: it could.
    pub problem: Option<String>,
}

impl Control {
    pub fn backup_insert(&self, row: BackupRow) -> Result<(), Error> {
        self.0.write(move |tx| {
            let sql = "INSERT OR REPLACE INTO backups
                    (name, created_at, bytes, tenants, posts, pause_us, elapsed_ms, verified_at, problem)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            let verdict = row.verdict.as_ref();
            tx.prepare_cached(sql)?.execute(params![
                row.name,
                row.created_at.as_millisecond(),
                row.bytes as i64,
                row.tenants as i64,
                row.posts as i64,
                row.pause_us as i64,
                row.elapsed_ms as i64,
                verdict.map(|verdict| verdict.at.as_millisecond()),
                verdict.and_then(|verdict| verdict.problem.as_deref()),
            ])?;
            Ok(())
        })
    }

    /// How a try to restore came out; a backup without a row has none to note it in.
    pub fn backup_verdict_put(&self, name: &str, verdict: BackupVerdict) -> Result<(), Error> {
        let name = name.to_owned();
        self.0.write(move |tx| {
            let sql = "UPDATE backups SET verified_at = ?2, problem = ?3 WHERE name = ?1";
            tx.prepare_cached(sql)?.execute(params![name, verdict.at.as_millisecond(), verdict.problem])?;
            Ok(())
        })
    }

    pub fn backup_forget(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        self.0.write(move |tx| {
            tx.prepare_cached("DELETE FROM backups WHERE name = ?1")?.execute([name])?;
            Ok(())
        })
    }

    /// The newest first.
    pub fn backup_rows(&self) -> Result<Vec<BackupRow>, Error> {
        self.0.read(|db| {
            let sql =
                "SELECT name, created_at, bytes, tenants, posts, pause_us, elapsed_ms, verified_at, problem
                       FROM backups ORDER BY created_at DESC, name DESC";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                let problem: Option<String> = row.get(8)?;
                Ok(BackupRow {
                    name: row.get(0)?,
                    created_at: timestamp(row, 1)?,
                    bytes: row.get::<_, i64>(2)? as u64,
                    tenants: row.get::<_, i64>(3)? as u64,
                    posts: row.get::<_, i64>(4)? as u64,
                    pause_us: row.get::<_, i64>(5)? as u64,
                    elapsed_ms: row.get::<_, i64>(6)? as u64,
                    verdict: timestamp_maybe(row, 7)?.map(|at| BackupVerdict { at, problem }),
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}
