//! Sealed keys of model providers: the installation's in control.db, a tenant's own in tenant.db.
//!
//! Bytes that only the sealing key opens; knows nothing of what is in them.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::{
    Control, Error, TenantStore,
    audit::{NewAudit, audit_insert},
    control::timestamp,
};
use crate::model::Provider;

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedKey {
    pub provider: Provider,
    /// The sealing key.
    pub key_id: String,
    pub sealed: Vec<u8>,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

impl Control {
    pub fn model_key_list(&self) -> Result<Vec<SealedKey>, Error> {
        self.0.read(key_list)
    }

    /// Keeps a key, with its line in the audit log.
    pub fn model_key_put(&self, key: SealedKey, audit: NewAudit) -> Result<(), Error> {
        self.0.write(move |tx| {
            key_put(tx, &key)?;
            audit_insert(tx, &audit)
        })
    }

    /// Forgets a key; `false` if there was none.
    pub fn model_key_delete(&self, provider: Provider, audit: NewAudit) -> Result<bool, Error> {
        self.0.write(move |tx| {
            let gone = key_delete(tx, provider)?;
            if gone {
                audit_insert(tx, &audit)?;
            }
            Ok(gone)
        })
    }

    /// The same key under another seal; `false` if it was changed or forgotten meanwhile.
    pub fn model_key_reseal(
        &self,
        key: SealedKey,
        (key_id, sealed): (String, Vec<u8>),
    ) -> Result<bool, Error> {
        self.0.write(move |tx| key_reseal(tx, &key, &key_id, &sealed))
    }
}

impl TenantStore {
    pub fn model_key_list(&self) -> Result<Vec<SealedKey>, Error> {
        self.db.read(key_list)
    }

    pub fn model_key_put(&self, key: SealedKey) -> Result<(), Error> {
        self.db.write(move |tx| key_put(tx, &key))
    }

    pub fn model_key_delete(&self, provider: Provider) -> Result<bool, Error> {
        self.db.write(move |tx| key_delete(tx, provider))
    }

    /// The same key under another seal; `false` if it was changed or forgotten meanwhile.
    pub fn model_key_reseal(
        &self,
        key: SealedKey,
        (key_id, sealed): (String, Vec<u8>),
    ) -> Result<bool, Error> {
        self.db.write(move |tx| key_reseal(tx, &key, &key_id, &sealed))
    }
}

fn key_list(db: &Connection) -> Result<Vec<SealedKey>, Error> {
    let sql = "SELECT provider, key_id, sealed, updated_at, updated_by FROM model_keys ORDER BY provider";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let provider: String = row.get(0)?;
        Ok((provider, row.get(1)?, row.get(2)?, timestamp(row, 3)?, row.get(4)?))
    })?;
    let mut keys = Vec::new();
    for row in rows {
        let (provider, key_id, sealed, updated_at, updated_by) = row?;
        // A provider of a newer version is none of this one's.
        if let Some(provider) = Provider::parse(&provider) {
            keys.push(SealedKey { provider, key_id, sealed, updated_at, updated_by });
        }
    }
    Ok(keys)
}

fn key_put(tx: &Transaction<'_>, key: &SealedKey) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO model_keys (provider, key_id, sealed, updated_at, updated_by) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (provider) DO UPDATE SET key_id = ?2, sealed = ?3, updated_at = ?4, updated_by = ?5",
    )?
    .execute(params![
        key.provider.name(),
        key.key_id,
        key.sealed,
        key.updated_at.as_millisecond(),
        key.updated_by
    ])?;
    Ok(())
}

fn key_reseal(tx: &Transaction<'_>, key: &SealedKey, key_id: &str, sealed: &[u8]) -> Result<bool, Error> {
    let sql = "UPDATE model_keys SET key_id = ?2, sealed = ?3 WHERE provider = ?1 AND sealed = ?4";
    Ok(tx.prepare_cached(sql)?.execute(params![key.provider.name(), key_id, sealed, key.sealed])? > 0)
}

fn key_delete(tx: &Transaction<'_>, provider: Provider) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM model_keys WHERE provider = ?1", [provider.name()])? > 0)
}
