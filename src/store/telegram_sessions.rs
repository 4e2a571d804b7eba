//! Telegram sessions: their state and their sealed bytes, changed together.
//!
//! Sees sealed bytes only. A session that is over keeps its row and loses its bytes in the same transaction.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};
use serde::Serialize;
use uuid::Uuid;

use super::{
    Error, TenantStore,
    control::timestamp,
    notices::{NoticeKind, notice_add, notice_withdraw},
};
use crate::model::MembershipId;

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TelegramSessionState {
    Active,
    /// Kept, and not connected until somebody resumes it.
    Paused,
    Revoked,
    /// A newer one took its place.
    Replaced,
}

impl TelegramSessionState {
    pub const ALL: [TelegramSessionState; 4] = [
        TelegramSessionState::Active,
        TelegramSessionState::Paused,
        TelegramSessionState::Revoked,
        TelegramSessionState::Replaced,
    ];

    pub fn name(self) -> &'static str {
        match self {
            TelegramSessionState::Active => "active",
            TelegramSessionState::Paused => "paused",
            TelegramSessionState::Revoked => "revoked",
            TelegramSessionState::Replaced => "replaced",
        }
    }
}

/// A session's row, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TelegramSession {
    pub id: Uuid,
    pub membership_id: MembershipId,
    pub telegram_id: i64,
    pub dc: i32,
    pub state: TelegramSessionState,
    pub reason: Option<String>,
    pub login_id: Option<String>,
    pub key_id: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

const COLUMNS: &str =
    "SELECT id, membership_id, telegram_id, dc, state, reason, login_id, key_id, created_at, updated_at
    FROM telegram_sessions";

impl TenantStore {
    /// Stores a new session; one the member had is replaced and loses its bytes. Storing one twice changes nothing.
    pub fn telegram_session_insert(&self, session: TelegramSession, sealed: Vec<u8>) -> Result<(), Error> {
        self.db.write(move |tx| {
            let known = "SELECT 1 FROM telegram_sessions WHERE id = ?1";
            if tx.query_row(known, [session.id.to_string()], |_| Ok(())).optional()?.is_some() {
                return Ok(());
            }
            let now = session.updated_at.as_millisecond();
            tx.execute(
                "UPDATE telegram_sessions SET state = 'replaced', reason = 'replaced', sealed = NULL, updated_at = ?2
                 WHERE membership_id = ?1 AND state IN ('active', 'paused')",
                params![session.membership_id.0, now],
            )?;
            // Whoever has logged in again need not be told to.
            let former = "DELETE FROM notices WHERE membership_id = ?1 AND kind IN (?2, ?3) AND sent_at IS NULL";
            let kinds = (NoticeKind::SessionEnded.name(), NoticeKind::SessionPaused.name());
            tx.execute(former, params![session.membership_id.0, kinds.0, kinds.1])?;
            tx.execute(
                "INSERT INTO telegram_sessions
                 (id, membership_id, telegram_id, dc, state, reason, login_id, sealed, key_id, created_at, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                params![
                    session.id.to_string(),
                    session.membership_id.0,
                    session.telegram_id,
                    session.dc,
                    session.state.name(),
                    session.reason,
                    session.login_id,
                    sealed,
                    session.key_id,
                    session.created_at.as_millisecond(),
                    now
                ],
            )?;
            Ok(())
        })
    }

    /// Stores newer bytes of a session in use; `false` if it is over meanwhile.
    pub fn telegram_session_save(
        &self,
        id: Uuid,
        dc: i32,
        sealed: Vec<u8>,
        key_id: String,
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.db.write(move |tx| {
            let sql = "UPDATE telegram_sessions SET sealed = ?2, key_id = ?3, dc = ?4, updated_at = ?5
                       WHERE id = ?1 AND state IN ('active', 'paused')";
            let values = params![id.to_string(), sealed, key_id, dc, now.as_millisecond()];
            Ok(tx.execute(sql, values)? > 0)
        })
    }

    /// The same session under another seal; `false` if it was saved or ended meanwhile.
    pub fn telegram_session_reseal(
        &self,
        id: Uuid,
        old: Vec<u8>,
        (key_id, sealed): (String, Vec<u8>),
    ) -> Result<bool, Error> {
        self.db.write(move |tx| {
            let sql = "UPDATE telegram_sessions SET key_id = ?2, sealed = ?3 WHERE id = ?1 AND sealed = ?4";
            Ok(tx.execute(sql, params![id.to_string(), key_id, sealed, old])? > 0)
        })
    }

    /// Moves a session in use to another state; one that is over loses its bytes, and its owner is to be told that it is paused or
    /// over. `false` if it was over already.
    pub fn telegram_session_move(
        &self,
        id: Uuid,
        to: TelegramSessionState,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let over = matches!(to, TelegramSessionState::Revoked | TelegramSessionState::Replaced);
        self.db.write(move |tx| {
            let id = id.to_string();
            let sql = "SELECT membership_id, state FROM telegram_sessions
                       WHERE id = ?1 AND state IN ('active', 'paused')";
            let found = tx.query_row(sql, [&id], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).optional()?;
            let Some((membership, before)) = found else { return Ok(false) };
            let sql = "UPDATE telegram_sessions
                       SET state = ?2, reason = ?3, updated_at = ?4, sealed = CASE WHEN ?5 THEN NULL ELSE sealed END
                       WHERE id = ?1";
            tx.execute(sql, params![id, to.name(), reason, now.as_millisecond(), over])?;
            let kind = match to {
                TelegramSessionState::Paused => Some(NoticeKind::SessionPaused),
                TelegramSessionState::Revoked => Some(NoticeKind::SessionEnded),
                TelegramSessionState::Active | TelegramSessionState::Replaced => None,
            };
            if before != to.name() {
                notice_withdraw(tx, NoticeKind::SessionPaused, &id)?;
                if let Some(kind) = kind {
                    let reason = reason.as_deref().unwrap_or(to.name());
                    notice_add(tx, (MembershipId(membership), kind, &id), reason, (now, now))?;
                }
            }
            Ok(true)
        })
    }

    /// The session a member uses, paused ones included.
    pub fn telegram_session_of(&self, member: MembershipId) -> Result<Option<TelegramSession>, Error> {
        self.db.read(|db| {
            let sql = format!("{COLUMNS} WHERE membership_id = ?1 AND state IN ('active', 'paused')");
            Ok(db.prepare_cached(&sql)?.query_row([member.0], from_row).optional()?)
        })
    }

    pub fn telegram_session_find(&self, id: Uuid) -> Result<Option<TelegramSession>, Error> {
        self.db.read(|db| {
            let sql = format!("{COLUMNS} WHERE id = ?1");
            Ok(db.prepare_cached(&sql)?.query_row([id.to_string()], from_row).optional()?)
        })
    }

    /// The session a login stored.
    pub fn telegram_session_by_login(&self, login_id: &str) -> Result<Option<TelegramSession>, Error> {
        self.db.read(|db| {
            let sql = format!("{COLUMNS} WHERE login_id = ?1");
            Ok(db.prepare_cached(&sql)?.query_row([login_id], from_row).optional()?)
        })
    }

    /// Every session, newest first.
    pub fn telegram_session_list(&self) -> Result<Vec<TelegramSession>, Error> {
        self.db.read(|db| {
            let sql = format!("{COLUMNS} ORDER BY created_at DESC, id");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([], from_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The sealed bytes of a session in use, and the key that sealed them.
    pub fn telegram_session_sealed(&self, id: Uuid) -> Result<Option<(String, Vec<u8>)>, Error> {
        self.db.read(|db| {
            let sql = "SELECT key_id, sealed FROM telegram_sessions WHERE id = ?1 AND sealed IS NOT NULL";
            let found =
                db.prepare_cached(sql)?.query_row([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)));
            Ok(found.optional()?)
        })
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<TelegramSession> {
    let state: String = row.get(4)?;
    let id: String = row.get(0)?;
    let broken =
        |column| rusqlite::Error::InvalidColumnType(column, String::new(), rusqlite::types::Type::Text);
    Ok(TelegramSession {
        id: id.parse().map_err(|_| broken(0))?,
        membership_id: MembershipId(row.get(1)?),
        telegram_id: row.get(2)?,
        dc: row.get(3)?,
        state: TelegramSessionState::ALL
            .into_iter()
            .find(|known| known.name() == state)
            .ok_or_else(|| broken(4))?,
        reason: row.get(5)?,
        login_id: row.get(6)?,
        key_id: row.get(7)?,
        created_at: timestamp(row, 8)?,
        updated_at: timestamp(row, 9)?,
    })
}
