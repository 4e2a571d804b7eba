//! A tenant's database as a plain file that can be carried elsewhere, and one that was carried here.
//!
//! A copy is taken from one moment, without a log beside it and without what only this machine may have: sealed sessions and keys, and the
//! hashes by which an account names channels. What comes from elsewhere is looked at before it is used: a file that is damaged,
//! newer than this binary or holds anything but the tables of its version is refused. Members have other ids here; every column
//! that names one is found in the schema, so that a table added later cannot be forgotten.

use std::{collections::BTreeMap, path::Path, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction, backup::Backup};
use serde::{Deserialize, Serialize};

use super::{
    Control, Error, TenantStore,
    audit::{NewAudit, audit_insert},
    control::{Tenant, tenant_insert},
    erasure::tables_with,
    members::{Profile, member_upsert_as},
    migrate::{self, TENANT},
    snapshots::database_checked,
};
use crate::model::{MembershipId, Role, TenantId, Tier};

/// Rows of what people count, for a glance and for a check after an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveCounts {
    pub channels: u64,
    pub posts: u64,
    pub questions: u64,
}

/// A member that comes with a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedMember {
    /// Here.
    pub id: MembershipId,
    pub profile: Profile,
    pub role: Role,
    pub tier: Tier,
    pub created_at: Timestamp,
}

impl TenantStore {
    /// Writes a copy of the database into a new file. Returns its schema version and what it holds.
    pub fn copy_to(&self, path: &Path) -> Result<(i64, ArchiveCounts), Error> {
        let mut copy = open(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        self.db.read(|db| {
            // All pages in one step: a write in between would begin the copy anew.
            Backup::new(db, &mut copy)?.run_to_completion(i32::MAX, Duration::from_millis(50), None)?;
            Ok(())
        })?;
        copy.pragma_update(None, "journal_mode", "DELETE")
            .map_err(|error| Error::from_sqlite(path, &error))?;
        strip(&copy, path)?;
        let wrap = |error: rusqlite::Error| Error::from_sqlite(path, &error);
        Ok((migrate::version(&copy).map_err(wrap)?, counts(&copy)?))
    }
}

/// Takes out of a file that is no tenant's yet what only its own machine may have.
pub fn archive_strip(path: &Path) -> Result<(), Error> {
    strip(&open(path, OpenFlags::empty())?, path)
}

fn strip(db: &Connection, path: &Path) -> Result<(), Error> {
    let sql =
        "UPDATE telegram_sessions SET state = 'revoked', reason = 'exported', sealed = NULL, key_id = NULL
                   WHERE sealed IS NOT NULL;
               DELETE FROM channel_peers;
               DELETE FROM model_keys;";
    let wrap = |error: rusqlite::Error| Error::from_sqlite(path, &error);
    db.execute_batch(sql).map_err(wrap)?;
    // What was deleted must not stay in free pages.
    db.execute_batch("VACUUM").map_err(wrap)
}

/// Whether a file that came from elsewhere is a whole tenant.db of a version known here. Returns what it holds.
pub fn archive_check(path: &Path) -> Result<(i64, ArchiveCounts), Error> {
    let (version, db) = database_checked(path, TENANT)?;
    Ok((version, counts(&db)?))
}

/// Makes a checked file the database of tenant `id`, its members those of `ids` (there → here). Rows of anybody else go.
pub fn archive_adopt(
    path: &Path,
    id: TenantId,
    ids: &BTreeMap<MembershipId, MembershipId>,
) -> Result<(), Error> {
    let mut db = open(path, OpenFlags::empty())?;
    migrate::migrate(&mut db, path, TENANT)?;
    let tx = db.transaction()?;
    tx.execute_batch("CREATE TEMP TABLE member_ids (there INTEGER PRIMARY KEY, here INTEGER NOT NULL)")?;
    for (there, here) in ids {
        tx.execute("INSERT INTO member_ids (there, here) VALUES (?1, ?2)", [there.0, here.0])?;
    }
    for table in tables_with(&tx, "membership_id")? {
        members_remap(&tx, &table, "membership_id")?;
    }
    tx.execute("UPDATE channel_reading SET reader = (SELECT here FROM member_ids WHERE there = reader)", [])?;
    tx.execute(
        "UPDATE tag_merges SET made_by = coalesce(
             (SELECT 'member:' || here FROM member_ids WHERE 'member:' || there = made_by),
             CASE WHEN made_by LIKE 'member:%' OR made_by LIKE 'token:%' THEN 'system' ELSE made_by END)",
        [],
    )?;
    tx.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('tenant_id', ?1)", [id.to_string()])?;
    // Whether strangers' pages are fetched from here is decided here.
    tx.execute("DELETE FROM meta WHERE key = 'links'", [])?;
    tx.execute_batch("DROP TABLE member_ids")?;
    tx.commit()?;
    Ok(())
}

/// In two steps, since an id there may be another's here: negative ones are nobody's.
fn members_remap(tx: &Transaction<'_>, table: &str, column: &str) -> Result<(), Error> {
    tx.execute_batch(&format!(
        "DELETE FROM \"{table}\" WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT there FROM member_ids);
         UPDATE \"{table}\" SET {column} = -(SELECT here FROM member_ids WHERE there = {column})
             WHERE {column} IS NOT NULL;
         UPDATE \"{table}\" SET {column} = -{column} WHERE {column} IS NOT NULL;"
    ))?;
    Ok(())
}

impl Control {
    /// Sets so many membership ids aside, which nobody else will ever get; returns the first. Unused ones are lost, nothing else.
    pub fn membership_ids_reserve(&self, count: i64) -> Result<MembershipId, Error> {
        self.0.write(move |tx| {
            let last = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'memberships'";
            let last: i64 = tx.query_row(last, [], |row| row.get(0))?;
            let sql = "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'memberships'";
            if tx.execute(sql, [last + count])? == 0 {
                tx.execute(
                    "INSERT INTO sqlite_sequence (name, seq) VALUES ('memberships', ?1)",
                    [last + count],
                )?;
            }
            Ok(MembershipId(last + 1))
        })
    }

    /// Makes a tenant known with its members: from now on it is there. Its slug must be free.
    pub fn tenant_import(
        &self,
        tenant: &Tenant,
        members: Vec<ArchivedMember>,
        now: Timestamp,
        audit: NewAudit,
    ) -> Result<(), Error> {
        let tenant = tenant.clone();
        self.0.write(move |tx| {
            tenant_insert(tx, &tenant)?;
            for member in &members {
                member_upsert_as(tx, tenant.id, member, now)?;
            }
            audit_insert(tx, &audit)
        })
    }
}

pub(super) fn open(path: &Path, more: OpenFlags) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let wrap = |error: rusqlite::Error| Error::from_sqlite(path, &error);
    let db = Connection::open_with_flags(path, flags).map_err(wrap)?;
    // As everybody does: what is deleted is overwritten.
    db.pragma_update(None, "secure_delete", true).map_err(wrap)?;
    Ok(db)
}

fn counts(db: &Connection) -> Result<ArchiveCounts, Error> {
    let of = |table: &str| -> Result<u64, Error> {
        let count: i64 = db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        Ok(count as u64)
    };
    Ok(ArchiveCounts { channels: of("channels")?, posts: of("posts")?, questions: of("rag_history")? })
}

/// Everything the schema has, by kind and name; what runs by itself to the letter.
pub(super) fn objects(db: &Connection) -> Result<Vec<(String, String, String)>, Error> {
    let sql = "SELECT type, name, iif(type IN ('trigger', 'view'), sql, tbl_name) FROM sqlite_schema
               ORDER BY type, name";
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
