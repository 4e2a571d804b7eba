//! Identities and memberships: who belongs to which tenant, with what role and tier.
//!
//! A change of role or tier names the version it was decided on; a stale one changes nothing. A tenant that has an admin keeps
//! one: taking the role from the last is refused here, inside the transaction, where no second request can slip between.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{
    ArchivedMember, Control, Error,
    audit::{NewAudit, audit_insert},
    control::{tenant_id, timestamp, timestamp_maybe},
};
use crate::{
    model::{MembershipId, Role, TenantId, Tier},
    text,
};

/// A Telegram user as Telegram last described them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub telegram_id: i64,
    /// Without @.
    pub username: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub language: Option<String>,
}

impl Profile {
    fn search_key(&self) -> String {
        let names = [&self.username, &self.first_name, &self.last_name].into_iter().flatten();
        names.map(|name| text::fold(name)).collect::<Vec<_>>().join(" ")
    }
}

/// One identity in one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: MembershipId,
    pub tenant_id: TenantId,
    pub profile: Profile,
    pub role: Role,
    pub tier: Tier,
    /// Grows with every change of role or tier.
    pub version: i64,
    pub created_at: Timestamp,
    pub last_active_at: Option<Timestamp>,
}

/// Which members a list shows.
#[derive(Debug, Clone, Default)]
pub struct MemberFilter {
    pub role: Option<Role>,
    pub tier: Option<Tier>,
    /// A part of username, first or last name; case does not matter.
    pub search: Option<String>,
}

/// What a change of role or tier came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberChange {
    Done(Member),
    /// No such member in this tenant.
    Absent,
    /// Somebody else was faster; the member as they are now.
    Stale(Member),
    /// The tenant would be left without an admin.
    LastAdmin,
}

/// The new role or tier of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberUpdate {
    Role(Role),
    Tier(Tier),
}

const COLUMNS: &str = "SELECT m.id, m.tenant_id, m.role, m.tier, m.version, m.created_at, m.last_active_at,
           i.telegram_id, i.username, i.first_name, i.last_name, i.language
    FROM memberships m JOIN identities i ON i.id = m.identity_id";

const FILTER: &str = "m.tenant_id = ?1 AND (?2 IS NULL OR m.role = ?2) AND (?3 IS NULL OR m.tier = ?3)
    AND (?4 IS NULL OR instr(i.search_key, ?4) > 0)";

impl Control {
    pub fn member_find(&self, id: MembershipId) -> Result<Option<Member>, Error> {
        self.0.read(|db| member_find(db, id))
    }

    /// The membership of a Telegram user in a tenant.
    pub fn member_of(&self, tenant: TenantId, telegram_id: i64) -> Result<Option<Member>, Error> {
        self.0.read(|db| member_of(db, tenant, telegram_id))
    }

    /// Every membership of a Telegram user, the oldest first.
    pub fn memberships_of(&self, telegram_id: i64) -> Result<Vec<Member>, Error> {
        self.0.read(|db| memberships_of(db, telegram_id))
    }

    /// A page of a tenant's members, newest first, and how many match.
    pub fn member_list(
        &self,
        tenant: TenantId,
        filter: &MemberFilter,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<Member>, u64), Error> {
        let search = filter.search.as_deref().map(text::fold);
        let (role, tier) = (filter.role.map(Role::name), filter.tier.map(Tier::name));
        self.0.read(|db| {
            let tenant = tenant.to_string();
            let sql = format!("{COLUMNS} WHERE {FILTER} ORDER BY m.id DESC LIMIT ?5 OFFSET ?6");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement
                .query_map(params![tenant, role, tier, search, limit as i64, offset as i64], member_from_row)?
                .collect::<rusqlite::Result<_>>()?;
            let sql = format!(
                "SELECT count(*) FROM memberships m JOIN identities i ON i.id = m.identity_id WHERE {FILTER}"
            );
            let total: i64 =
                db.prepare_cached(&sql)?.query_row(params![tenant, role, tier, search], |row| row.get(0))?;
            Ok((rows, total as u64))
        })
    }

    /// Takes over what Telegram says of somebody who is known already; `false` if they are not.
    pub fn profile_update(&self, profile: Profile, now: Timestamp) -> Result<bool, Error> {
        self.0.write(move |tx| Ok(profile_update(tx, &profile, now)? > 0))
    }

    /// Notes that a member was there.
    pub fn member_touch(&self, id: MembershipId, now: Timestamp) -> Result<(), Error> {
        self.0.write(move |tx| {
            let sql = "UPDATE memberships SET last_active_at = ?2 WHERE id = ?1";
            tx.prepare_cached(sql)?.execute(params![id.0, now.as_millisecond()])?;
            Ok(())
        })
    }

    /// Changes a member's role or tier if they are still at `version` (`None`: whatever it is), with its line in the audit log.
    pub fn member_update(
        &self,
        tenant: TenantId,
        id: MembershipId,
        update: MemberUpdate,
        version: Option<i64>,
        audit: NewAudit,
    ) -> Result<MemberChange, Error> {
        self.0.write(move |tx| member_update(tx, tenant, id, update, version, audit))
    }
}

fn member_update(
    tx: &Transaction<'_>,
    tenant: TenantId,
    id: MembershipId,
    update: MemberUpdate,
    version: Option<i64>,
    audit: NewAudit,
) -> Result<MemberChange, Error> {
    let Some(before) = member_find(tx, id)?.filter(|member| member.tenant_id == tenant) else {
        return Ok(MemberChange::Absent);
    };
    if version.is_some_and(|version| version != before.version) {
        return Ok(MemberChange::Stale(before));
    }
    let (column, old, new) = match update {
        MemberUpdate::Role(role) => ("role", before.role.name(), role.name()),
        MemberUpdate::Tier(tier) => ("tier", before.tier.name(), tier.name()),
    };
    if update == MemberUpdate::Role(Role::User) && admin_is_last(tx, &before)? {
        return Ok(MemberChange::LastAdmin);
    }
    let sql = format!("UPDATE memberships SET {column} = ?2, version = version + 1 WHERE id = ?1");
    tx.prepare_cached(&sql)?.execute(params![id.0, new])?;
    let data = serde_json::json!({ "from": old, "to": new, "version": before.version + 1 });
    audit_insert(tx, &NewAudit { data: Some(data), ..audit })?;
    Ok(member_find(tx, id)?.map_or(MemberChange::Absent, MemberChange::Done))
}

/// Whether this member is the only admin of their tenant.
pub(super) fn admin_is_last(db: &Connection, member: &Member) -> Result<bool, Error> {
    if member.role != Role::Admin {
        return Ok(false);
    }
    let sql = "SELECT count(*) FROM memberships WHERE tenant_id = ?1 AND role = 'admin' AND id <> ?2";
    let others: i64 = db
        .prepare_cached(sql)?
        .query_row(params![member.tenant_id.to_string(), member.id.0], |row| row.get(0))?;
    Ok(others == 0)
}

pub(super) fn member_find(db: &Connection, id: MembershipId) -> Result<Option<Member>, Error> {
    let sql = format!("{COLUMNS} WHERE m.id = ?1");
    Ok(db.prepare_cached(&sql)?.query_row([id.0], member_from_row).optional()?)
}

pub(super) fn member_of(
    db: &Connection,
    tenant: TenantId,
    telegram_id: i64,
) -> Result<Option<Member>, Error> {
    let sql = format!("{COLUMNS} WHERE m.tenant_id = ?1 AND i.telegram_id = ?2");
    let found = db
        .prepare_cached(&sql)?
        .query_row(params![tenant.to_string(), telegram_id], member_from_row)
        .optional()?;
    Ok(found)
}

pub(super) fn memberships_of(db: &Connection, telegram_id: i64) -> Result<Vec<Member>, Error> {
    let sql = format!("{COLUMNS} WHERE i.telegram_id = ?1 ORDER BY m.id");
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map([telegram_id], member_from_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Makes the membership (and the identity, where it is new) or finds it.
pub(super) fn member_upsert(
    tx: &Transaction<'_>,
    tenant: TenantId,
    profile: &Profile,
    role: Role,
    tier: Tier,
    now: Timestamp,
) -> Result<Member, Error> {
    let at = now.as_millisecond();
    tx.prepare_cached(
        "INSERT INTO identities (telegram_id, created_at, updated_at) VALUES (?1, ?2, ?2)
         ON CONFLICT (telegram_id) DO NOTHING",
    )?
    .execute(params![profile.telegram_id, at])?;
    profile_update(tx, profile, now)?;
    tx.prepare_cached(
        "INSERT INTO memberships (tenant_id, identity_id, role, tier, created_at, last_active_at)
         SELECT ?1, id, ?3, ?4, ?5, ?5 FROM identities WHERE telegram_id = ?2
         ON CONFLICT (tenant_id, identity_id) DO NOTHING",
    )?
    .execute(params![tenant.to_string(), profile.telegram_id, role.name(), tier.name(), at])?;
    member_of(tx, tenant, profile.telegram_id)?
        .ok_or_else(|| Error::Internal("a membership just made is not there".to_owned()))
}

/// Makes a membership under an id that was set aside for it. Who is known here keeps the names known here.
pub(super) fn member_upsert_as(
    tx: &Transaction<'_>,
    tenant: TenantId,
    member: &ArchivedMember,
    now: Timestamp,
) -> Result<(), Error> {
    let telegram_id = member.profile.telegram_id;
    let sql = "INSERT INTO identities (telegram_id, created_at, updated_at) VALUES (?1, ?2, ?2)
               ON CONFLICT (telegram_id) DO NOTHING";
    if tx.prepare_cached(sql)?.execute(params![telegram_id, now.as_millisecond()])? > 0 {
        profile_update(tx, &member.profile, now)?;
    }
    let sql = "INSERT INTO memberships (id, tenant_id, identity_id, role, tier, created_at)
               SELECT ?1, ?2, id, ?4, ?5, ?6 FROM identities WHERE telegram_id = ?3";
    tx.prepare_cached(sql)?.execute(params![
        member.id.0,
        tenant.to_string(),
        telegram_id,
        member.role.name(),
        member.tier.name(),
        member.created_at.as_millisecond()
    ])?;
    Ok(())
}

pub(super) fn profile_update(
    tx: &Transaction<'_>,
    profile: &Profile,
    now: Timestamp,
) -> Result<usize, Error> {
    let sql = "UPDATE identities SET username = ?2, first_name = ?3, last_name = ?4,
            language = coalesce(?5, language), search_key = ?6, updated_at = ?7
        WHERE telegram_id = ?1";
    Ok(tx.prepare_cached(sql)?.execute(params![
        profile.telegram_id,
        profile.username,
        profile.first_name,
        profile.last_name,
        profile.language,
        profile.search_key(),
        now.as_millisecond(),
    ])?)
}

/// Removes a membership, and the identity when it was its last.
pub(super) fn member_remove(tx: &Transaction<'_>, id: MembershipId) -> Result<(), Error> {
    let identity: Option<i64> = tx
        .prepare_cached("DELETE FROM memberships WHERE id = ?1 RETURNING identity_id")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    tx.prepare_cached(
        "DELETE FROM identities WHERE id = ?1
         AND NOT EXISTS (SELECT 1 FROM memberships WHERE identity_id = ?1)",
    )?
    .execute([identity])?;
    Ok(())
}

fn member_from_row(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member {
        id: MembershipId(row.get(0)?),
        tenant_id: tenant_id(row, 1)?,
        role: named(row, 2, Role::parse)?,
        tier: named(row, 3, Tier::parse)?,
        version: row.get(4)?,
        created_at: timestamp(row, 5)?,
        last_active_at: timestamp_maybe(row, 6)?,
        profile: Profile {
            telegram_id: row.get(7)?,
            username: row.get(8)?,
            first_name: row.get(9)?,
            last_name: row.get(10)?,
            language: row.get(11)?,
        },
    })
}

/// A stored name of a closed set.
pub(super) fn named<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let name: String = row.get(column)?;
    parse(&name).ok_or(rusqlite::Error::InvalidColumnType(column, name, rusqlite::types::Type::Text))
}
