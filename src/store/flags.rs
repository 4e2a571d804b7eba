//! Rules of feature flags. One a flag and place; a change names the version it was decided on.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::{
    Control, Error,
    audit::{NewAudit, audit_insert},
    control::timestamp,
    members::named,
};
use crate::model::{Flag, MembershipId, TenantId};

/// Where a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlagPlace {
    Installation,
    Tenant(TenantId),
    User(TenantId, MembershipId),
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagRule {
    pub flag: Flag,
    pub place: FlagPlace,
    /// Of how many in a hundred it holds there.
    pub percent: u8,
    pub version: i64,
    pub updated_at: Timestamp,
    /// `model::Actor` as text.
    pub updated_by: String,
}

/// What a change of a rule came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagChange {
    Done,
    /// It is at this version; 0: there is none.
    Stale(i64),
}

impl Control {
    /// Every rule.
    pub fn flag_rule_list(&self) -> Result<Vec<FlagRule>, Error> {
        self.0.read(|db| {
            let sql = "SELECT flag, tenant_id, membership_id, percent, version, updated_at, updated_by
                       FROM flag_rules ORDER BY id";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([], rule_from_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Sets a rule, or removes it where `percent` is `None`, if it is still at `version` (0: there is none yet).
    pub fn flag_rule_put(
        &self,
        flag: Flag,
        place: FlagPlace,
        percent: Option<u8>,
        version: i64,
        audit: NewAudit,
    ) -> Result<FlagChange, Error> {
        self.0.write(move |tx| flag_rule_put(tx, flag, place, percent, version, &audit))
    }
}

fn flag_rule_put(
    tx: &Transaction<'_>,
    flag: Flag,
    place: FlagPlace,
    percent: Option<u8>,
    version: i64,
    audit: &NewAudit,
) -> Result<FlagChange, Error> {
    let (tenant, member) = match place {
        FlagPlace::Installation => (None, None),
        FlagPlace::Tenant(tenant) => (Some(tenant.to_string()), None),
        FlagPlace::User(tenant, member) => (Some(tenant.to_string()), Some(member.0)),
    };
    let sql = "SELECT id, version FROM flag_rules
               WHERE flag = ?1 AND tenant_id IS ?2 AND membership_id IS ?3";
    let found: Option<(i64, i64)> = tx
        .prepare_cached(sql)?
        .query_row(params![flag.name(), tenant, member], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let now_at = found.map_or(0, |(_, version)| version);
    if now_at != version {
        return Ok(FlagChange::Stale(now_at));
    }
    match (found, percent) {
        (None, None) => return Ok(FlagChange::Done),
        (Some((id, _)), None) => {
            tx.execute("DELETE FROM flag_rules WHERE id = ?1", [id])?;
        }
        (Some((id, _)), Some(percent)) => {
            let sql =
                "UPDATE flag_rules SET percent = ?2, version = version + 1, updated_at = ?3, updated_by = ?4
                       WHERE id = ?1";
            tx.execute(sql, params![id, percent, audit.at.as_millisecond(), audit.actor.to_string()])?;
        }
        (None, Some(percent)) => {
            let sql = "INSERT INTO flag_rules (flag, tenant_id, membership_id, percent, version, updated_at, updated_by)
                       VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6)";
            let at = audit.at.as_millisecond();
            tx.execute(sql, params![flag.name(), tenant, member, percent, at, audit.actor.to_string()])?;
        }
    }
    audit_insert(tx, audit)?;
    Ok(FlagChange::Done)
}

fn rule_from_row(row: &Row<'_>) -> rusqlite::Result<FlagRule> {
    let tenant: Option<String> = row.get(1)?;
    let member: Option<i64> = row.get(2)?;
    let tenant = tenant.map(|text| {
        let parsed = text.parse::<TenantId>();
        parsed.map_err(|_| rusqlite::Error::InvalidColumnType(1, text, rusqlite::types::Type::Text))
    });
    let place = match (tenant.transpose()?, member) {
        (None, _) => FlagPlace::Installation,
        (Some(tenant), None) => FlagPlace::Tenant(tenant),
        (Some(tenant), Some(member)) => FlagPlace::User(tenant, MembershipId(member)),
    };
    Ok(FlagRule {
        flag: named(row, 0, Flag::parse)?,
        place,
        percent: row.get(3)?,
        version: row.get(4)?,
        updated_at: timestamp(row, 5)?,
        updated_by: row.get(6)?,
    })
}
