//! The audit log: one line an administrative act, written in the transaction of the act where that is in `control.db`.

use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};
use serde_json::Value;

use super::{Control, Error, control::timestamp, members::named};
use crate::model::{Actor, AuditAction, TenantId};

/// What is about to be done.
#[derive(Debug, Clone)]
pub struct NewAudit {
    pub at: Timestamp,
    /// `None`: the installation.
    pub tenant_id: Option<TenantId>,
    pub actor: Actor,
    pub action: AuditAction,
    pub target: String,
    /// What it was and what it became. Never a secret.
    pub data: Option<Value>,
    pub request_id: Option<String>,
    pub ip: Option<String>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    pub id: i64,
    pub at: Timestamp,
    pub tenant_id: Option<String>,
    pub actor: String,
    pub action: AuditAction,
    pub target: String,
    pub data: Option<Value>,
    pub request_id: Option<String>,
    pub ip: Option<String>,
}

/// Which lines a list shows.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// `None`: every tenant and the installation.
    pub tenant_id: Option<TenantId>,
    pub action: Option<AuditAction>,
    pub actor: Option<Actor>,
}

const FILTER: &str =
    "(?1 IS NULL OR tenant_id = ?1) AND (?2 IS NULL OR action = ?2) AND (?3 IS NULL OR actor = ?3)";

impl Control {
    /// Leaves a line about an act that happened outside `control.db`.
    pub fn audit_add(&self, audit: NewAudit) -> Result<(), Error> {
        self.0.write(move |tx| audit_insert(tx, &audit))
    }

    /// A page of the log, newest first, and how many lines match.
    pub fn audit_list(
        &self,
        filter: &AuditFilter,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<AuditEntry>, u64), Error> {
        let tenant = filter.tenant_id.map(|id| id.to_string());
        let action = filter.action.map(AuditAction::name);
        let actor = filter.actor.map(|actor| actor.to_string());
        self.0.read(|db| {
            let sql = format!(
                "SELECT id, at, tenant_id, actor, action, target, data, request_id, ip FROM audit_log
                 WHERE {FILTER} ORDER BY id DESC LIMIT ?4 OFFSET ?5"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement
                .query_map(params![tenant, action, actor, limit as i64, offset as i64], entry_from_row)?
                .collect::<rusqlite::Result<_>>()?;
            let sql = format!("SELECT count(*) FROM audit_log WHERE {FILTER}");
            let total: i64 =
                db.prepare_cached(&sql)?.query_row(params![tenant, action, actor], |row| row.get(0))?;
            Ok((rows, total as u64))
        })
    }
}

pub(super) fn audit_insert(tx: &Transaction<'_>, audit: &NewAudit) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO audit_log (at, tenant_id, actor, action, target, data, request_id, ip)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        audit.at.as_millisecond(),
        audit.tenant_id.map(|id| id.to_string()),
        audit.actor.to_string(),
        audit.action.name(),
        audit.target,
        audit.data.as_ref().map(Value::to_string),
        audit.request_id,
        audit.ip,
    ])?;
    Ok(())
}

fn entry_from_row(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    let data: Option<String> = row.get(6)?;
    Ok(AuditEntry {
        id: row.get(0)?,
        at: timestamp(row, 1)?,
        tenant_id: row.get(2)?,
        actor: row.get(3)?,
        action: named(row, 4, AuditAction::parse)?,
        target: row.get(5)?,
        data: data.and_then(|data| serde_json::from_str(&data).ok()),
        request_id: row.get(7)?,
        ip: row.get(8)?,
    })
}
