//! Notices: what the owner of an account is to be told once, such as a session that Telegram ended.
//!
//! A notice is written in the transaction of the change it tells of, so neither is there without the other; the same thing waits
//! once. What mends itself before anybody was told is taken back. Knows nothing of how people are told.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Row, Transaction, params};
use serde::Serialize;

use super::{Error, TenantStore, control::timestamp};
use crate::model::{ChannelId, MembershipId};

/// Told notices are kept this long, so that nothing is told twice, and then forgotten.
const TOLD_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a notice tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The account's session is over: it has to log in again.
    SessionEnded,
    /// An operator paused the session.
    SessionPaused,
    /// No account can read a channel that is followed.
    ChannelPaused,
    /// So much of what models may cost the tenant is used.
    ModelBudget,
}

impl NoticeKind {
    pub const ALL: [NoticeKind; 4] = [
        NoticeKind::SessionEnded,
        NoticeKind::SessionPaused,
        NoticeKind::ChannelPaused,
        NoticeKind::ModelBudget,
    ];

    pub fn name(self) -> &'static str {
        match self {
            NoticeKind::SessionEnded => "session_ended",
            NoticeKind::SessionPaused => "session_paused",
            NoticeKind::ChannelPaused => "channel_paused",
            NoticeKind::ModelBudget => "model_budget",
        }
    }
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub id: i64,
    pub membership: MembershipId,
    pub kind: NoticeKind,
    /// The session's uuid, the channel's id, or the period of a budget.
    pub subject: String,
    /// A stable code.
    pub reason: String,
    pub created_at: Timestamp,
}

impl Notice {
    /// The channel it is about, for a notice about one.
    pub fn channel(&self) -> Option<ChannelId> {
        match self.kind {
            NoticeKind::ChannelPaused => self.subject.parse().ok().map(ChannelId),
            NoticeKind::SessionEnded | NoticeKind::SessionPaused | NoticeKind::ModelBudget => None,
        }
    }
}

impl TenantStore {
    /// What is to be told now, the oldest first, and how many wait in all, those whose time has not come included.
    pub fn notice_due(&self, now: Timestamp, limit: usize) -> Result<(Vec<Notice>, u32), Error> {
        self.db.read(|db| {
            let sql = "SELECT id, membership_id, kind, subject, reason, created_at FROM notices
                       WHERE sent_at IS NULL AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![now.as_millisecond(), limit as i64], from_row)?;
            let due = rows.collect::<rusqlite::Result<_>>()?;
            let waiting = "SELECT count(*) FROM notices WHERE sent_at IS NULL";
            Ok((due, db.prepare_cached(waiting)?.query_row([], |row| row.get(0))?))
        })
    }

    /// A notice was told; `false` if it was before, or was taken back.
    pub fn notice_sent(&self, id: i64, now: Timestamp) -> Result<bool, Error> {
        self.db.write(move |tx| {
            let forget = now.checked_sub(TOLD_KEPT).unwrap_or(Timestamp::MIN).as_millisecond();
            tx.execute("DELETE FROM notices WHERE sent_at < ?1", [forget])?;
            let sql = "UPDATE notices SET sent_at = ?2 WHERE id = ?1 AND sent_at IS NULL";
            Ok(tx.execute(sql, params![id, now.as_millisecond()])? > 0)
        })
    }
}

/// Something is to be told, not before `due_at`. Where it waits already nothing changes.
pub(super) fn notice_add(
    tx: &Transaction<'_>,
    notice: (MembershipId, NoticeKind, &str),
    reason: &str,
    (now, due_at): (Timestamp, Timestamp),
) -> Result<(), Error> {
    let (membership, kind, subject) = notice;
    let at = (now.as_millisecond(), due_at.as_millisecond());
    tx.prepare_cached(
        "INSERT INTO notices (membership_id, kind, subject, reason, created_at, due_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![membership.0, kind.name(), subject, reason, at.0, at.1])?;
    Ok(())
}

/// Something has mended itself: whoever was not told of it need not be.
pub(super) fn notice_withdraw(tx: &Transaction<'_>, kind: NoticeKind, subject: &str) -> Result<(), Error> {
    tx.prepare_cached("DELETE FROM notices WHERE kind = ?1 AND subject = ?2 AND sent_at IS NULL")?
        .execute([kind.name(), subject])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Notice> {
    let kind: String = row.get(2)?;
    let kind = NoticeKind::ALL.into_iter().find(|known| known.name() == kind).ok_or_else(|| {
        rusqlite::Error::InvalidColumnType(2, "kind".to_owned(), rusqlite::types::Type::Text)
    })?;
    Ok(Notice {
        id: row.get(0)?,
        membership: MembershipId(row.get(1)?),
        kind,
        subject: row.get(3)?,
        reason: row.get(4)?,
        created_at: timestamp(row, 5)?,
    })
}
