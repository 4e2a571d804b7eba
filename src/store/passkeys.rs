//! Passkeys: the public halves of keys that people sign in with.
//!
//! A row belongs to a person, not to a membership. The counter moves in one direction: the write that would take it back
//! changes nothing and says so. Signing in and removing a passkey meet on the one writer, so a removed one opens nothing.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::{
    Control, Error,
    audit::{NewAudit, audit_insert},
    control::{timestamp, timestamp_maybe},
    members::named,
};

/// A passkey's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    pub id: i64,
    pub telegram_id: i64,
    /// What the authenticator knows the person by.
    pub user_handle: Uuid,
    pub credential_id: Vec<u8>,
    /// JSON of the verifier.
    pub credential: String,
    pub counter: u32,
    pub name: String,
    pub created_at: Timestamp,
    pub used_at: Option<Timestamp>,
    /// Since when it opens nothing, because there may be a copy of it.
    pub suspended_at: Option<Timestamp>,
}

/// A passkey about to be kept.
#[derive(Debug, Clone)]
pub struct NewPasskey {
    pub telegram_id: i64,
    pub user_handle: Uuid,
    pub credential_id: Vec<u8>,
    pub credential: String,
    pub name: String,
    pub created_at: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasskeyAdded {
    Added(Passkey),
    /// This very passkey is kept already, by whomever.
    Known,
    /// The person has as many as they may.
    OverLimit,
}

const COLUMNS: &str =
    "SELECT id, telegram_id, user_handle, credential_id, credential, counter, name, created_at, used_at,
    suspended_at FROM passkeys";

impl Control {
    /// Keeps a passkey unless the person has `max` already.
    pub fn passkey_add(
        &self,
        new: NewPasskey,
        max: usize,
        mut audit: NewAudit,
    ) -> Result<PasskeyAdded, Error> {
        self.0.write(move |tx| {
            let sql = "SELECT count(*) FROM passkeys WHERE telegram_id = ?1";
            let count: i64 = tx.prepare_cached(sql)?.query_row([new.telegram_id], |row| row.get(0))?;
            if count as usize >= max {
                return Ok(PasskeyAdded::OverLimit);
            }
            let added = tx
                .prepare_cached(
                    "INSERT INTO passkeys (telegram_id, user_handle, credential_id, credential, counter, name, created_at)
                     VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6) ON CONFLICT (credential_id) DO NOTHING",
                )?
                .execute(params![
                    new.telegram_id,
                    new.user_handle.to_string(),
                    new.credential_id,
                    new.credential,
                    new.name,
                    new.created_at.as_millisecond(),
                ])?;
            if added == 0 {
                return Ok(PasskeyAdded::Known);
            }
            let sql = format!("{COLUMNS} WHERE id = ?1");
            let row = tx.prepare_cached(&sql)?.query_row([tx.last_insert_rowid()], from_row)?;
            audit.target = format!("passkey:{}", row.id);
            audit_insert(tx, &audit)?;
            Ok(PasskeyAdded::Added(row))
        })
    }

    /// A person's passkeys, the oldest first.
    pub fn passkey_list(&self, telegram_id: i64) -> Result<Vec<Passkey>, Error> {
        self.0.read(|db| {
            let sql = format!("{COLUMNS} WHERE telegram_id = ?1 ORDER BY id");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([telegram_id], from_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The passkey with this credential id.
    pub fn passkey_find(&self, credential_id: &[u8]) -> Result<Option<Passkey>, Error> {
        self.0.read(|db| {
            let sql = format!("{COLUMNS} WHERE credential_id = ?1");
            Ok(db.prepare_cached(&sql)?.query_row([credential_id], from_row).optional()?)
        })
    }

    /// Notes a use with what the verifier keeps now; `false` if the passkey is gone or suspended meanwhile, or its counter
    /// would not move on (a counter of 0 does not count).
    pub fn passkey_use(
        &self,
        id: i64,
        credential: String,
        counter: u32,
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.0.write(move |tx| {
            let sql = "UPDATE passkeys SET credential = ?2, counter = ?3, used_at = ?4
                       WHERE id = ?1 AND suspended_at IS NULL AND (counter < ?3 OR (counter = 0 AND ?3 = 0))";
            let used =
                tx.prepare_cached(sql)?.execute(params![id, credential, counter, now.as_millisecond()])?;
            Ok(used > 0)
        })
    }

    /// Lets a passkey open nothing any more; its owner sees that and removes it.
    pub fn passkey_suspend(&self, id: i64, now: Timestamp) -> Result<(), Error> {
        self.0.write(move |tx| {
            let sql = "UPDATE passkeys SET suspended_at = ?2 WHERE id = ?1 AND suspended_at IS NULL";
            tx.prepare_cached(sql)?.execute(params![id, now.as_millisecond()])?;
            Ok(())
        })
    }

    /// Forgets a person's passkey; `false` if it is not theirs.
    pub fn passkey_delete(&self, telegram_id: i64, id: i64, audit: NewAudit) -> Result<bool, Error> {
        self.0.write(move |tx| {
            let sql = "DELETE FROM passkeys WHERE id = ?1 AND telegram_id = ?2";
            let deleted = tx.prepare_cached(sql)?.execute(params![id, telegram_id])? > 0;
            if deleted {
                audit_insert(tx, &audit)?;
            }
            Ok(deleted)
        })
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Passkey> {
    Ok(Passkey {
        id: row.get(0)?,
        telegram_id: row.get(1)?,
        user_handle: named(row, 2, |text| Uuid::parse_str(text).ok())?,
        credential_id: row.get(3)?,
        credential: row.get(4)?,
        counter: row.get(5)?,
        name: row.get(6)?,
        created_at: timestamp(row, 7)?,
        used_at: timestamp_maybe(row, 8)?,
        suspended_at: timestamp_maybe(row, 9)?,
    })
}
