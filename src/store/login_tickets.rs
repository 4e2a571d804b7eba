//! QR logins, in control.db: what was asked and how far they came.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::{
    Control, Error,
    control::{timestamp, timestamp_maybe},
};
use crate::model::{LoginStatus, MembershipId, TenantId};

/// A login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginTicket {
    pub id: Uuid,
    pub status: LoginStatus,
    pub reason: Option<String>,
    /// Who must scan; `None`: whoever has the invite.
    pub telegram_id: Option<i64>,
    pub tenant_id: Option<TenantId>,
    pub membership_id: Option<MembershipId>,
    pub invite_code: Option<String>,
    pub password_hint: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    /// The fingerprint of what proved who asked, where an existing session was reused.
    pub proof: Option<[u8; 32]>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub expires_at: Timestamp,
    pub exchanged_at: Option<Timestamp>,
}

const COLUMNS: &str =
    "SELECT id, status, reason, telegram_id, tenant_id, membership_id, invite_code, password_hint, ip,
        user_agent, proof, created_at, updated_at, expires_at, exchanged_at
    FROM login_tickets";

impl Control {
    /// Stores how a login stands; a new one is made.
    pub fn login_put(&self, ticket: LoginTicket) -> Result<(), Error> {
        self.0.write(move |tx| {
            let sql = "INSERT INTO login_tickets (id, status, reason, telegram_id, tenant_id, membership_id, invite_code,
                           password_hint, ip, user_agent, proof, created_at, updated_at, expires_at)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
                       ON CONFLICT (id) DO UPDATE SET status = ?2, reason = ?3, tenant_id = ?5, membership_id = ?6,
                           password_hint = ?8, updated_at = ?13";
            tx.prepare_cached(sql)?.execute(params![
                ticket.id.to_string(),
                ticket.status.name(),
                ticket.reason,
                ticket.telegram_id,
                ticket.tenant_id.map(|id| id.to_string()),
                ticket.membership_id.map(|id| id.0),
                ticket.invite_code,
                ticket.password_hint,
                ticket.ip,
                ticket.user_agent,
                ticket.proof.map(|proof| proof.to_vec()),
                ticket.created_at.as_millisecond(),
                ticket.updated_at.as_millisecond(),
                ticket.expires_at.as_millisecond(),
            ])?;
            Ok(())
        })
    }

    pub fn login_find(&self, id: Uuid) -> Result<Option<LoginTicket>, Error> {
        self.0.read(|db| {
            let sql = format!("{COLUMNS} WHERE id = ?1");
            Ok(db.prepare_cached(&sql)?.query_row([id.to_string()], from_row).optional()?)
        })
    }

    /// Logins that have not come to their end.
    pub fn login_open_list(&self) -> Result<Vec<LoginTicket>, Error> {
        self.0.read(|db| {
            let sql = format!("{COLUMNS} ORDER BY created_at, id");
            let mut statement = db.prepare_cached(&sql)?;
            let rows: Vec<LoginTicket> =
                statement.query_map([], from_row)?.collect::<rusqlite::Result<_>>()?;
            Ok(rows.into_iter().filter(|ticket| !ticket.status.is_final()).collect())
        })
    }

    /// Uses a login's session token up; `false` if it was used before.
    pub fn login_exchange(&self, id: Uuid, now: Timestamp) -> Result<bool, Error> {
        self.0.write(move |tx| {
            let sql = "UPDATE login_tickets SET exchanged_at = ?2 WHERE id = ?1 AND exchanged_at IS NULL";
            Ok(tx.execute(sql, params![id.to_string(), now.as_millisecond()])? > 0)
        })
    }

    /// Forgets logins that ended before this.
    pub fn login_forget(&self, before: Timestamp) -> Result<usize, Error> {
        self.0.write(move |tx| {
            Ok(tx.execute("DELETE FROM login_tickets WHERE expires_at < ?1", [before.as_millisecond()])?)
        })
    }

    /// The next number of keys agreed on beforehand.
    pub fn key_number_next(&self, now: Timestamp) -> Result<u64, Error> {
        self.0.write(move |tx| {
            let sql = "INSERT INTO settings (key, value, updated_at) VALUES ('telegram.key_number', '1', ?1)
                       ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1, updated_at = ?1
                       RETURNING CAST(value AS INTEGER)";
            let number: i64 = tx.query_row(sql, [now.as_millisecond()], |row| row.get(0))?;
            Ok(number.unsigned_abs())
        })
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<LoginTicket> {
    let broken =
        |column| rusqlite::Error::InvalidColumnType(column, String::new(), rusqlite::types::Type::Text);
    let (id, status): (String, String) = (row.get(0)?, row.get(1)?);
    let tenant: Option<String> = row.get(4)?;
    let proof: Option<Vec<u8>> = row.get(10)?;
    Ok(LoginTicket {
        id: id.parse().map_err(|_| broken(0))?,
        status: LoginStatus::parse(&status).ok_or_else(|| broken(1))?,
        reason: row.get(2)?,
        telegram_id: row.get(3)?,
        tenant_id: tenant.map(|id| id.parse().map_err(|_| broken(4))).transpose()?,
        membership_id: row.get::<_, Option<i64>>(5)?.map(MembershipId),
        invite_code: row.get(6)?,
        password_hint: row.get(7)?,
        ip: row.get(8)?,
        user_agent: row.get(9)?,
        proof: proof.map(|proof| proof.try_into().map_err(|_| broken(10))).transpose()?,
        created_at: timestamp(row, 11)?,
        updated_at: timestamp(row, 12)?,
        expires_at: timestamp(row, 13)?,
        exchanged_at: timestamp_maybe(row, 14)?,
    })
}
