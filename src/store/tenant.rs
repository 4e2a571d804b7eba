//! One tenant's database: opening it, and the check that it lies where it belongs.

use std::path::Path;

use rusqlite::{OptionalExtension as _, params};

use super::{
    Error,
    database::{Database, lost_check},
    migrate::TENANT,
};
use crate::model::TenantId;

/// The open database of one tenant. Whoever holds it sees that tenant's data and can name no other.
#[derive(Debug)]
pub struct TenantStore {
    pub(super) db: Database,
}

impl TenantStore {
    /// Opens `<directory>/tenant.db`, creating it on first use. Refused when the file says it belongs to another tenant: a
    /// directory that was moved or copied would otherwise show one tenant's posts to another.
    pub fn open(directory: &Path, id: TenantId) -> Result<Self, Error> {
        let path = directory.join("tenant.db");
        // The index directory is made after the database; where it is, the database was.
        lost_check(&path, &directory.join("fulltext"))?;
        let db = Database::open(&path, TENANT)?;
        let named = id.to_string();
        let stored = db.write({
            let named = named.clone();
            move |tx| {
                tx.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('tenant_id', ?1)", [&named])?;
                Ok(tx.query_row("SELECT value FROM meta WHERE key = 'tenant_id'", [], |row| {
                    row.get::<_, String>(0)
                })?)
            }
        })?;
        if stored != named {
            return Err(Error::Moved { path, stored, named });
        }
        Ok(Self { db })
    }

    pub fn path(&self) -> &Path {
        self.db.path()
    }

    /// How often it was written to since it was opened.
    pub fn writes(&self) -> u64 {
        self.db.writes()
    }

    pub fn meta_find(&self, key: &str) -> Result<Option<String>, Error> {
        self.db.read(|db| {
            let sql = "SELECT value FROM meta WHERE key = ?1";
            Ok(db.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?)
        })
    }

    pub fn meta_put(&self, key: &'static str, value: String) -> Result<(), Error> {
        self.db.write(move |tx| {
            let sql =
                "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2";
            tx.execute(sql, params![key, value])?;
            Ok(())
        })
    }

    pub fn meta_delete(&self, key: &'static str) -> Result<(), Error> {
        self.db.write(move |tx| {
            tx.execute("DELETE FROM meta WHERE key = ?1", [key])?;
            Ok(())
        })
    }
}
