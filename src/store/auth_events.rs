//! `telegram_auth_events`: every step of every login.

use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};

use super::{
    Control, Error,
    control::{timestamp, timestamp_maybe},
    members::named,
};
use crate::model::{AuthEventKind, MembershipId, TenantId};

/// A step that just happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuthEvent {
    pub at: Timestamp,
    pub kind: AuthEventKind,
    pub login_id: Option<String>,
    pub tenant_id: Option<TenantId>,
    pub membership_id: Option<MembershipId>,
    pub telegram_id: Option<i64>,
    /// A stable code, `ownership_mismatch`; never a password, token or code of an invite.
    pub reason: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

/// A stored step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthEvent {
    pub id: i64,
    pub at: Timestamp,
    pub kind: AuthEventKind,
    pub login_id: Option<String>,
    pub membership_id: Option<MembershipId>,
    pub telegram_id: Option<i64>,
    pub reason: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub pseudonymised_at: Option<Timestamp>,
}

/// Which steps a list shows.
#[derive(Debug, Clone, Default)]
pub struct AuthEventFilter {
    /// `None`: every tenant and the logins that reached none.
    pub tenant_id: Option<TenantId>,
    pub kind: Option<AuthEventKind>,
    pub login_id: Option<String>,
    pub membership_id: Option<MembershipId>,
}

const FILTER: &str = "(?1 IS NULL OR tenant_id = ?1) AND (?2 IS NULL OR event = ?2)
    AND (?3 IS NULL OR login_id = ?3) AND (?4 IS NULL OR membership_id = ?4)";

impl Control {
    pub fn auth_event_add(&self, event: NewAuthEvent) -> Result<(), Error> {
        self.0.write(move |tx| auth_event_insert(tx, &event))
    }

    /// A page of steps, newest first, and how many match.
    pub fn auth_event_list(
        &self,
        filter: &AuthEventFilter,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<AuthEvent>, u64), Error> {
        let tenant = filter.tenant_id.map(|id| id.to_string());
        let kind = filter.kind.map(AuthEventKind::name);
        let member = filter.membership_id.map(|id| id.0);
        self.0.read(|db| {
            let sql = format!(
                "SELECT id, at, event, login_id, membership_id, telegram_id, reason, ip, user_agent, pseudonymised_at
                 FROM telegram_auth_events WHERE {FILTER} ORDER BY id DESC LIMIT ?5 OFFSET ?6"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement
                .query_map(
                    params![tenant, kind, filter.login_id, member, limit as i64, offset as i64],
                    event_from_row,
                )?
                .collect::<rusqlite::Result<_>>()?;
            let sql = format!("SELECT count(*) FROM telegram_auth_events WHERE {FILTER}");
            let total: i64 = db
                .prepare_cached(&sql)?
                .query_row(params![tenant, kind, filter.login_id, member], |row| row.get(0))?;
            Ok((rows, total as u64))
        })
    }
}

pub(super) fn auth_event_insert(tx: &Transaction<'_>, event: &NewAuthEvent) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO telegram_auth_events
             (at, event, login_id, tenant_id, membership_id, telegram_id, reason, ip, user_agent)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        event.at.as_millisecond(),
        event.kind.name(),
        event.login_id,
        event.tenant_id.map(|id| id.to_string()),
        event.membership_id.map(|id| id.0),
        event.telegram_id,
        event.reason,
        event.ip,
        event.user_agent,
    ])?;
    Ok(())
}

fn event_from_row(row: &Row<'_>) -> rusqlite::Result<AuthEvent> {
    let membership: Option<i64> = row.get(4)?;
    Ok(AuthEvent {
        id: row.get(0)?,
        at: timestamp(row, 1)?,
        kind: named(row, 2, AuthEventKind::parse)?,
        login_id: row.get(3)?,
        membership_id: membership.map(MembershipId),
        telegram_id: row.get(5)?,
        reason: row.get(6)?,
        ip: row.get(7)?,
        user_agent: row.get(8)?,
        pseudonymised_at: timestamp_maybe(row, 9)?,
    })
}
