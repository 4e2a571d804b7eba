//! Invites and admissions: who may come in, and how each who did came in.
//!
//! Admitting somebody checks the invite, counts its use, makes the identity and the membership and records the admission in one
//! transaction of the one writer, so an invite is never used more often than it allows. An admission belongs to a login: asking
//! again for the same login changes nothing, and one that is not confirmed can be taken back whole.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{
    Control, Error, Tenant,
    audit::{NewAudit, audit_insert},
    control::{tenant_id, tenant_insert, timestamp, timestamp_maybe},
    members::{Member, Profile, member_find, member_of, member_remove, member_upsert, named, profile_update},
};
use crate::model::{InviteStatus, MembershipId, Refusal, Role, TenantId, Tier};

/// An invite's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    pub code: String,
    pub tenant_id: TenantId,
    pub role: Role,
    /// 0: no limit.
    pub uses_limit: u32,
    pub uses_count: u32,
    pub notes: Option<String>,
    /// `model::Actor` as text.
    pub created_by: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

impl Invite {
    pub fn status(&self, now: Timestamp) -> InviteStatus {
        if self.revoked_at.is_some() {
            InviteStatus::Revoked
        } else if self.expires_at.is_some_and(|at| at <= now) {
            InviteStatus::Expired
        } else if self.uses_limit > 0 && self.uses_count >= self.uses_limit {
            InviteStatus::Exhausted
        } else {
            InviteStatus::Active
        }
    }
}

/// One use of an invite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteUse {
    pub used_at: Timestamp,
    /// `None`: the person has left since.
    pub member: Option<(MembershipId, i64)>,
    /// The login it was used for came to its end.
    pub confirmed: bool,
}

/// By what right somebody comes in.
#[derive(Debug, Clone)]
pub enum Ticket {
    /// As a member of this tenant already.
    Member(TenantId),
    /// With the code of an invite.
    Invite(String),
    /// Open registration: into this new tenant, as its admin.
    NewTenant(Tenant),
}

/// Somebody who may log in now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    pub member: Member,
    /// Their membership was made by this login and goes again if the login is taken back.
    pub made: bool,
}

/// An admission whose login has not said how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAdmission {
    pub login_id: String,
    pub tenant_id: TenantId,
    pub membership_id: MembershipId,
}

const COLUMNS: &str =
    "SELECT code, tenant_id, role, uses_limit, uses_count, notes, created_by, created_at, expires_at,
    revoked_at, last_used_at FROM invites";

/// `?1` tenant, `?2` status, `?3` now: the conditions of [`Invite::status`], in the same order.
const FILTER: &str = "(?1 IS NULL OR tenant_id = ?1) AND (?2 IS NULL OR ?2 = CASE
        WHEN revoked_at IS NOT NULL THEN 'revoked'
        WHEN expires_at <= ?3 THEN 'expired'
        WHEN uses_limit > 0 AND uses_count >= uses_limit THEN 'exhausted'
        ELSE 'active' END)";

impl Control {
    /// Stores an invite; `false` if its code is taken.
    pub fn invite_insert(&self, invite: Invite, audit: NewAudit) -> Result<bool, Error> {
        self.0.write(move |tx| invite_insert(tx, &invite, &audit))
    }

    pub fn invite_find(&self, code: &str) -> Result<Option<Invite>, Error> {
        self.0.read(|db| invite_find(db, code))
    }

    /// A page of invites, newest first, and how many match.
    pub fn invite_list(
        &self,
        tenant: Option<TenantId>,
        status: Option<InviteStatus>,
        now: Timestamp,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<Invite>, u64), Error> {
        let tenant = tenant.map(|id| id.to_string());
        let (status, now) = (status.map(InviteStatus::name), now.as_millisecond());
        self.0.read(|db| {
            let sql = format!("{COLUMNS} WHERE {FILTER} ORDER BY id DESC LIMIT ?4 OFFSET ?5");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement
                .query_map(params![tenant, status, now, limit as i64, offset as i64], invite_from_row)?
                .collect::<rusqlite::Result<_>>()?;
            let sql = format!("SELECT count(*) FROM invites WHERE {FILTER}");
            let total: i64 =
                db.prepare_cached(&sql)?.query_row(params![tenant, status, now], |row| row.get(0))?;
            Ok((rows, total as u64))
        })
    }

    /// Revokes an invite; `false` if it is revoked already or there is none.
    pub fn invite_revoke(&self, code: &str, now: Timestamp, audit: NewAudit) -> Result<bool, Error> {
        let code = code.to_owned();
        self.0.write(move |tx| {
            let sql = "UPDATE invites SET revoked_at = ?2 WHERE code = ?1 AND revoked_at IS NULL";
            let revoked = tx.execute(sql, params![code, now.as_millisecond()])? > 0;
            if revoked {
                audit_insert(tx, &audit)?;
            }
            Ok(revoked)
        })
    }

    /// Every use of an invite, newest first.
    pub fn invite_usage(
        &self,
        code: &str,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<InviteUse>, u64), Error> {
        self.0.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT a.admitted_at, a.confirmed_at IS NOT NULL, m.id, i.telegram_id
                 FROM admissions a JOIN invites v ON v.id = a.invite_id
                 LEFT JOIN memberships m ON m.id = a.membership_id LEFT JOIN identities i ON i.id = m.identity_id
                 WHERE v.code = ?1 ORDER BY a.id DESC LIMIT ?2 OFFSET ?3",
            )?;
            let rows = statement
                .query_map(params![code, limit as i64, offset as i64], |row| {
                    let membership: Option<i64> = row.get(2)?;
                    Ok(InviteUse {
                        used_at: timestamp(row, 0)?,
                        confirmed: row.get(1)?,
                        member: membership.map(MembershipId).zip(row.get(3)?),
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            let sql = "SELECT count(*) FROM admissions a JOIN invites v ON v.id = a.invite_id WHERE v.code = ?1";
            let total: i64 = db.prepare_cached(sql)?.query_row([code], |row| row.get(0))?;
            Ok((rows, total as u64))
        })
    }

    /// Lets somebody in, or says why not.
    pub fn admit(
        &self,
        login_id: &str,
        profile: Profile,
        ticket: Ticket,
        tier: Tier,
        now: Timestamp,
    ) -> Result<Result<Admission, Refusal>, Error> {
        let login_id = login_id.to_owned();
        self.0.write(move |tx| admit(tx, &login_id, &profile, &ticket, tier, now))
    }

    /// The login of an admission came to its end: the admission stays. `false` if there is none of this login.
    pub fn admission_confirm(&self, login_id: &str, now: Timestamp) -> Result<bool, Error> {
        let login_id = login_id.to_owned();
        self.0.write(move |tx| {
            let sql = "UPDATE admissions SET confirmed_at = coalesce(confirmed_at, ?2) WHERE login_id = ?1";
            Ok(tx.execute(sql, params![login_id, now.as_millisecond()])? > 0)
        })
    }

    /// The login failed after all: what its admission made goes again, and the invite has its use back. `false` if there is no
    /// admission of this login that is not confirmed. Returns the tenant that was made for it and is gone now.
    pub fn admission_take_back(&self, login_id: &str) -> Result<(bool, Option<TenantId>), Error> {
        let login_id = login_id.to_owned();
        self.0.write(move |tx| admission_take_back(tx, &login_id))
    }

    /// Admissions older than `before` whose logins have not said how they ended: left by a crash.
    pub fn admission_open_list(&self, before: Timestamp) -> Result<Vec<OpenAdmission>, Error> {
        self.0.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT a.login_id, m.tenant_id, m.id FROM admissions a JOIN memberships m ON m.id = a.membership_id
                 WHERE a.confirmed_at IS NULL AND a.admitted_at < ?1 ORDER BY a.id",
            )?;
            let rows = statement.query_map([before.as_millisecond()], |row| {
                Ok(OpenAdmission {
                    login_id: row.get(0)?,
                    tenant_id: tenant_id(row, 1)?,
                    membership_id: MembershipId(row.get(2)?),
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn invite_insert(tx: &Transaction<'_>, invite: &Invite, audit: &NewAudit) -> Result<bool, Error> {
    let sql =
        "INSERT INTO invites (code, tenant_id, role, uses_limit, notes, created_by, created_at, expires_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (code) DO NOTHING";
    let stored = tx.execute(
        sql,
        params![
            invite.code,
            invite.tenant_id.to_string(),
            invite.role.name(),
            invite.uses_limit,
            invite.notes,
            invite.created_by,
            invite.created_at.as_millisecond(),
            invite.expires_at.map(Timestamp::as_millisecond),
        ],
    )?;
    if stored > 0 {
        audit_insert(tx, audit)?;
    }
    Ok(stored > 0)
}

fn invite_find(db: &Connection, code: &str) -> Result<Option<Invite>, Error> {
    let sql = format!("{COLUMNS} WHERE code = ?1");
    Ok(db.prepare_cached(&sql)?.query_row([code], invite_from_row).optional()?)
}

fn admit(
    tx: &Transaction<'_>,
    login_id: &str,
    profile: &Profile,
    ticket: &Ticket,
    tier: Tier,
    now: Timestamp,
) -> Result<Result<Admission, Refusal>, Error> {
    if let Some(admission) = admission_of(tx, login_id)? {
        return Ok(Ok(admission));
    }
    let (tenant, role, code) = match ticket {
        Ticket::Member(tenant) => {
            let member = member_of(tx, *tenant, profile.telegram_id)?;
            return match member {
                Some(member) => admit_again(tx, login_id, member, profile, now).map(Ok),
                None => Ok(Err(Refusal::InviteRequired)),
            };
        }
        Ticket::NewTenant(tenant) => {
            tenant_insert(tx, tenant)?;
            (tenant.id, Role::Admin, None)
        }
        Ticket::Invite(code) => {
            let Some(invite) = invite_find(tx, code)? else {
                return Ok(Err(Refusal::InviteUnknown));
            };
            // Who is in already needs no invite and uses none up.
            if let Some(member) = member_of(tx, invite.tenant_id, profile.telegram_id)? {
                return admit_again(tx, login_id, member, profile, now).map(Ok);
            }
            if let Some(refusal) = invite.status(now).refusal() {
                return Ok(Err(refusal));
            }
            let sql = "UPDATE invites SET uses_count = uses_count + 1, last_used_at = ?2 WHERE code = ?1";
            tx.prepare_cached(sql)?.execute(params![code, now.as_millisecond()])?;
            (invite.tenant_id, invite.role, Some(code.as_str()))
        }
    };
    let member = member_upsert(tx, tenant, profile, role, tier, now)?;
    admission_insert(tx, login_id, code, member.id, code.is_none(), now)?;
    Ok(Ok(Admission { member, made: true }))
}

/// A member logs in. While the login that made their membership is still open, this one shares the admission, so that the
/// failure of one does not take the membership from under the other.
fn admit_again(
    tx: &Transaction<'_>,
    login_id: &str,
    member: Member,
    profile: &Profile,
    now: Timestamp,
) -> Result<Admission, Error> {
    profile_update(tx, profile, now)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM admissions WHERE membership_id = ?1 AND confirmed_at IS NULL)";
    let open: bool = tx.prepare_cached(sql)?.query_row([member.id.0], |row| row.get(0))?;
    if open {
        admission_insert(tx, login_id, None, member.id, false, now)?;
    }
    let member = member_find(tx, member.id)?.unwrap_or(member);
    Ok(Admission { member, made: open })
}

fn admission_insert(
    tx: &Transaction<'_>,
    login_id: &str,
    code: Option<&str>,
    member: MembershipId,
    tenant_made: bool,
    now: Timestamp,
) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO admissions (login_id, invite_id, membership_id, tenant_made, admitted_at)
         VALUES (?1, (SELECT id FROM invites WHERE code = ?2), ?3, ?4, ?5)",
    )?
    .execute(params![login_id, code, member.0, tenant_made, now.as_millisecond()])?;
    Ok(())
}

fn admission_of(db: &Connection, login_id: &str) -> Result<Option<Admission>, Error> {
    let sql = "SELECT membership_id FROM admissions WHERE login_id = ?1";
    let id: Option<Option<i64>> =
        db.prepare_cached(sql)?.query_row([login_id], |row| row.get(0)).optional()?;
    let Some(id) = id.flatten() else { return Ok(None) };
    Ok(member_find(db, MembershipId(id))?.map(|member| Admission { member, made: true }))
}

fn admission_take_back(tx: &Transaction<'_>, login_id: &str) -> Result<(bool, Option<TenantId>), Error> {
    let sql = "SELECT id, invite_id, membership_id, tenant_made FROM admissions
        WHERE login_id = ?1 AND confirmed_at IS NULL";
    let found: Option<(i64, Option<i64>, Option<i64>, bool)> = tx
        .query_row(sql, [login_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((id, invite, membership, tenant_made)) = found else {
        return Ok((false, None));
    };
    let sql = "SELECT id FROM admissions WHERE membership_id = ?1 AND id <> ?2 LIMIT 1";
    let heir: Option<i64> = tx.query_row(sql, params![membership, id], |row| row.get(0)).optional()?;
    tx.execute("DELETE FROM admissions WHERE id = ?1", [id])?;
    if let Some(heir) = heir {
        let sql = "UPDATE admissions SET invite_id = coalesce(invite_id, ?2), tenant_made = max(tenant_made, ?3) WHERE id = ?1";
        tx.execute(sql, params![heir, invite, tenant_made])?;
        return Ok((true, None));
    }
    tx.execute(
        "UPDATE invites SET uses_count = uses_count - 1,
             last_used_at = (SELECT max(admitted_at) FROM admissions WHERE invite_id = ?1)
         WHERE id = ?1",
        [invite],
    )?;
    let member = membership.map(|id| member_find(tx, MembershipId(id))).transpose()?.flatten();
    let Some(member) = member else { return Ok((true, None)) };
    member_remove(tx, member.id)?;
    if !tenant_made {
        return Ok((true, None));
    }
    tx.execute("DELETE FROM tenants WHERE id = ?1", [member.tenant_id.to_string()])?;
    Ok((true, Some(member.tenant_id)))
}

fn invite_from_row(row: &Row<'_>) -> rusqlite::Result<Invite> {
    Ok(Invite {
        code: row.get(0)?,
        tenant_id: tenant_id(row, 1)?,
        role: named(row, 2, Role::parse)?,
        uses_limit: row.get(3)?,
        uses_count: row.get(4)?,
        notes: row.get(5)?,
        created_by: row.get(6)?,
        created_at: timestamp(row, 7)?,
        expires_at: timestamp_maybe(row, 8)?,
        revoked_at: timestamp_maybe(row, 9)?,
        last_used_at: timestamp_maybe(row, 10)?,
    })
}
