//! `control.db`: tenants, API tokens, settings, the system log.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use super::{
    Error,
    audit::{NewAudit, audit_insert},
    database::{Database, lost_check},
    migrate::CONTROL,
};
use crate::model::{ChannelId, TenantId};

/// A tenant's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tenant {
    pub id: TenantId,
    pub slug: String,
    pub name: String,
    #[serde(skip)]
    pub created_at: Timestamp,
}

/// What a token may do; each includes the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    Read,
    Write,
    Admin,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Admin => "admin",
        }
    }

    pub fn parse(name: &str) -> Option<Scope> {
        [Scope::Read, Scope::Write, Scope::Admin].into_iter().find(|scope| scope.name() == name)
    }
}

/// A token's row; never the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiToken {
    pub id: i64,
    pub tenant_id: TenantId,
    pub name: String,
    pub scope: Scope,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// The only channels it shows; `None` means all of the tenant's.
    pub channels: Option<BTreeSet<ChannelId>>,
}

/// A line of the system log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SystemLogEntry {
    pub at: Timestamp,
    pub level: String,
    pub message: String,
    pub data: Option<String>,
}

/// The open control database.
#[derive(Debug)]
pub struct Control(pub(super) Database);

impl Control {
    pub fn open(path: &Path) -> Result<Self, Error> {
        if let Some(tenant) = path.parent().and_then(|dir| tenant_any(&dir.join("tenants"))) {
            lost_check(path, &tenant)?;
        }
        Database::open(path, CONTROL).map(Self)
    }

    /// Creates a tenant; its slug must be free.
    pub fn tenant_insert(&self, tenant: &Tenant, audit: NewAudit) -> Result<(), Error> {
        let tenant = tenant.clone();
        self.0.write(move |tx| {
            tenant_insert(tx, &tenant)?;
            audit_insert(tx, &audit)
        })
    }

    /// The tenant with this id or slug.
    pub fn tenant_find(&self, id_or_slug: &str) -> Result<Option<Tenant>, Error> {
        self.0.read(|db| tenant_find(db, id_or_slug))
    }

    pub fn tenant_list(&self) -> Result<Vec<Tenant>, Error> {
        self.0.read(tenant_list)
    }

    /// Forgets a tenant; its directory is the caller's to remove.
    pub fn tenant_delete(&self, id: TenantId, audit: NewAudit) -> Result<bool, Error> {
        self.0.write(move |tx| {
            let deleted = tx.execute("DELETE FROM tenants WHERE id = ?1", [id.to_string()])? > 0;
            if deleted {
                audit_insert(tx, &audit)?;
            }
            Ok(deleted)
        })
    }

    /// Stores a token by its hash (SHA-256 of the whole token) and returns its id.
    /// Stores a token and its line of the audit log, whose target becomes the token's id.
    pub fn token_insert(&self, token: ApiToken, hash: [u8; 32], audit: NewAudit) -> Result<i64, Error> {
        self.0.write(move |tx| {
            let id = token_insert(tx, &token, &hash)?;
            audit_insert(tx, &NewAudit { target: id.to_string(), ..audit.clone() })?;
            Ok(id)
        })
    }

    /// The token with this hash, revoked and expired ones included: the caller says which it was.
    pub fn token_find(&self, hash: &[u8; 32]) -> Result<Option<ApiToken>, Error> {
        self.0.read(|db| {
            let sql = format!("{TOKEN_COLUMNS} WHERE hash = ?1");
            Ok(db.prepare_cached(&sql)?.query_row([hash.as_slice()], token_from_row).optional()?)
        })
    }

    pub fn token_list(&self, tenant: Option<TenantId>) -> Result<Vec<ApiToken>, Error> {
        self.0.read(|db| {
            let sql = format!("{TOKEN_COLUMNS} WHERE ?1 IS NULL OR tenant_id = ?1 ORDER BY id");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([tenant.map(|id| id.to_string())], token_from_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Revokes a token; `false` if there is none with this id or it is revoked already.
    pub fn token_revoke(&self, id: i64, at: Timestamp, audit: NewAudit) -> Result<bool, Error> {
        self.0.write(move |tx| {
            let sql = "UPDATE api_tokens SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL
                       RETURNING tenant_id";
            let tenant =
                tx.prepare_cached(sql)?.query_row(params![id, at.as_millisecond()], |row| tenant_id(row, 0));
            let Some(tenant) = tenant.optional()? else { return Ok(false) };
            audit_insert(tx, &NewAudit { tenant_id: Some(tenant), ..audit.clone() })?;
            Ok(true)
        })
    }

    pub fn setting_find(&self, key: &str) -> Result<Option<String>, Error> {
        self.0.read(|db| {
            let sql = "SELECT value FROM settings WHERE key = ?1";
            Ok(db.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?)
        })
    }

    pub fn setting_put(&self, key: &str, value: &str, at: Timestamp) -> Result<(), Error> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.0.write(move |tx| {
            let sql = "INSERT INTO settings (key, value, updated_at) VALUES (?1, ?2, ?3)
                       ON CONFLICT (key) DO UPDATE SET value = ?2, updated_at = ?3";
            tx.execute(sql, params![key, value, at.as_millisecond()])?;
            Ok(())
        })
    }

    /// Leaves a line in the system log.
    pub fn system_log(&self, entry: SystemLogEntry) -> Result<(), Error> {
        self.0.write(move |tx| {
            let sql = "INSERT INTO system_log (at, level, message, data) VALUES (?1, ?2, ?3, ?4)";
            tx.execute(sql, params![entry.at.as_millisecond(), entry.level, entry.message, entry.data])?;
            Ok(())
        })
    }

    /// Waits until the writer comes to an empty write: that it does is the news.
    pub fn writer_reached(&self) -> Result<(), Error> {
        self.0.write(|_| Ok(()))
    }

    /// The newest lines of the system log.
    pub fn system_log_list(&self, limit: usize) -> Result<Vec<SystemLogEntry>, Error> {
        self.0.read(|db| {
            let sql = "SELECT at, level, message, data FROM system_log ORDER BY id DESC LIMIT ?1";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([limit as i64], |row| {
                Ok(SystemLogEntry {
                    at: timestamp(row, 0)?,
                    level: row.get(1)?,
                    message: row.get(2)?,
                    data: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

/// A tenant's directory, if there is any.
fn tenant_any(tenants: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(tenants).ok()?.flatten();
    let mut paths = entries.map(|entry| entry.path());
    paths.find(|path| path.join("tenant.db").is_file())
}

const TOKEN_COLUMNS: &str =
    "SELECT id, tenant_id, name, scope, created_at, expires_at, revoked_at, channels FROM api_tokens";

pub(super) fn tenant_insert(tx: &Transaction<'_>, tenant: &Tenant) -> Result<(), Error> {
    if tenant_find(tx, &tenant.slug)?.is_some() {
        return Err(Error::Conflict(format!(
            "a tenant named {} exists already; choose another name or use it with --tenant {}",
            tenant.slug, tenant.slug
        )));
    }
    tx.execute(
        "INSERT INTO tenants (id, slug, name, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![tenant.id.to_string(), tenant.slug, tenant.name, tenant.created_at.as_millisecond()],
    )?;
    Ok(())
}

fn tenant_find(db: &Connection, id_or_slug: &str) -> Result<Option<Tenant>, Error> {
    let sql = "SELECT id, slug, name, created_at FROM tenants WHERE id = ?1 OR slug = ?1";
    Ok(db.prepare_cached(sql)?.query_row([id_or_slug], tenant_from_row).optional()?)
}

pub(super) fn tenant_list(db: &Connection) -> Result<Vec<Tenant>, Error> {
    let mut statement =
        db.prepare_cached("SELECT id, slug, name, created_at FROM tenants ORDER BY created_at, id")?;
    let rows = statement.query_map([], tenant_from_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn tenant_from_row(row: &Row<'_>) -> rusqlite::Result<Tenant> {
    Ok(Tenant {
        id: tenant_id(row, 0)?,
        slug: row.get(1)?,
        name: row.get(2)?,
        created_at: timestamp(row, 3)?,
    })
}

fn token_insert(tx: &Transaction<'_>, token: &ApiToken, hash: &[u8; 32]) -> Result<i64, Error> {
    tx.execute(
        "INSERT INTO api_tokens (tenant_id, name, hash, scope, created_at, expires_at, channels)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            token.tenant_id.to_string(),
            token.name,
            hash.as_slice(),
            token.scope.name(),
            token.created_at.as_millisecond(),
            token.expires_at.map(Timestamp::as_millisecond),
            token.channels.as_ref().map(|ids| serde_json::json!(ids).to_string()),
        ],
    )?;
    Ok(tx.last_insert_rowid())
}

fn token_from_row(row: &Row<'_>) -> rusqlite::Result<ApiToken> {
    let scope: String = row.get(3)?;
    Ok(ApiToken {
        id: row.get(0)?,
        tenant_id: tenant_id(row, 1)?,
        name: row.get(2)?,
        scope: Scope::parse(&scope).ok_or(rusqlite::Error::IntegralValueOutOfRange(3, 0))?,
        created_at: timestamp(row, 4)?,
        expires_at: timestamp_maybe(row, 5)?,
        revoked_at: timestamp_maybe(row, 6)?,
        channels: row.get::<_, Option<String>>(7)?.map(|text| named_ids(&text, 7)).transpose()?,
    })
}

/// A JSON array of ids. Damage must not widen what a token shows, so it is an error.
fn named_ids(text: &str, column: usize) -> rusqlite::Result<BTreeSet<ChannelId>> {
    serde_json::from_str(text)
        .map_err(|_| rusqlite::Error::InvalidColumnType(column, text.to_owned(), rusqlite::types::Type::Text))
}

pub(super) fn tenant_id(row: &Row<'_>, column: usize) -> rusqlite::Result<TenantId> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| rusqlite::Error::InvalidColumnType(column, text, rusqlite::types::Type::Text))
}

/// A stored instant: unix milliseconds.
pub(super) fn timestamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let at: i64 = row.get(column)?;
    Timestamp::from_millisecond(at).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, at))
}

/// A stored instant that may be absent.
pub(super) fn timestamp_maybe(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let at: Option<i64> = row.get(column)?;
    at.map(|at| {
        Timestamp::from_millisecond(at).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, at))
    })
    .transpose()
}
