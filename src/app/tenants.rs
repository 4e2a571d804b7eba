//! Tenants: making and finding them, and the registry of open ones.
//!
//! [`Tenant`] is the capability: who holds it sees that tenant's data and can name no other. Tenants are opened lazily, at most
//! `tenants.open_max` at once, and closed when nobody used them for a while. Closing loses nothing: everything acknowledged is
//! in tenant.db.

use std::{
    collections::HashMap,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    App, Error,
    audit::Origin,
    frequency::{Frequencies, FrequencyCache},
    indexes::Indexes,
};
use crate::{
    model::{AuditAction, TenantId},
    store::{self, TenantStore},
};

/// Longest tenant name, characters.
pub const TENANT_NAME_CHARS_MAX: usize = 64;

/// An open tenant.
pub struct Tenant {
    pub(super) row: store::Tenant,
    pub(super) store: TenantStore,
    pub(super) indexes: Indexes,
    pub(super) frequencies: FrequencyCache,
    last_used_ms: AtomicI64,
}

impl std::fmt::Debug for Tenant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tenant").field("id", &self.row.id).finish_non_exhaustive()
    }
}

impl Tenant {
    pub fn id(&self) -> TenantId {
        self.row.id
    }

    pub fn row(&self) -> &store::Tenant {
        &self.row
    }

    pub fn store(&self) -> &TenantStore {
        &self.store
    }

    pub fn indexes(&self) -> &Indexes {
        &self.indexes
    }

    /// Fills a full-text index that lacks posts; nothing to do for a whole one.
    pub fn indexes_fill(&self, progress: &mut dyn FnMut(super::command::Progress)) -> Result<(), Error> {
        if self.indexes.rebuild_due() {
            self.indexes.rebuild(&self.store, &mut |done, total| {
                progress(super::command::Progress::Index { done, total });
            })?;
        }
        Ok(())
    }

    /// How common words are in this tenant, by its full-text index.
    pub fn frequency<'a>(&'a self, fulltext: &'a crate::search::FullText) -> Frequencies<'a> {
        self.frequencies.over(fulltext)
    }
}

/// The open tenants.
pub(super) struct Registry {
    dir: PathBuf,
    open_max: usize,
    open: Mutex<HashMap<TenantId, Arc<Tenant>>>,
}

impl Registry {
    pub(super) fn new(dir: PathBuf, open_max: usize) -> Self {
        Self { dir, open_max, open: Mutex::new(HashMap::new()) }
    }

    fn directory(&self, id: TenantId) -> PathBuf {
        self.dir.join(id.to_string())
    }
}

impl App {
    /// Creates a tenant. Its slug is made from the name: lower case, words joined by `-`.
    pub fn tenant_create(&self, name: &str) -> Result<store::Tenant, Error> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > TENANT_NAME_CHARS_MAX {
            return Err(Error::Invalid(format!(
                "a tenant's name has 1 to {TENANT_NAME_CHARS_MAX} characters"
            )));
        }
        let slug = slug(name);
        if slug.is_empty() {
            return Err(Error::Invalid("a tenant's name needs at least one letter or digit".to_owned()));
        }
        let tenant = store::Tenant {
            id: TenantId(Uuid::new_v4()),
            slug,
            name: name.to_owned(),
            created_at: self.now(),
        };
        let audit = self.audit(
            &Origin::operator(),
            Some(tenant.id),
            AuditAction::TenantCreated,
            tenant.slug.clone(),
            None,
        );
        self.control.tenant_insert(&tenant, audit)?;
        self.tenant_open(&tenant)?;
        Ok(tenant)
    }

    pub fn tenant_list(&self) -> Result<Vec<store::Tenant>, Error> {
        Ok(self.control.tenant_list()?)
    }

    /// The tenant named by id or slug, open.
    pub fn tenant_get(&self, id_or_slug: &str) -> Result<Arc<Tenant>, Error> {
        let row = self.control.tenant_find(id_or_slug)?.ok_or_else(|| {
            Error::NotFound(format!("no tenant {id_or_slug}; `tga tenant list` shows those there are"))
        })?;
        self.tenant_open(&row)
    }

    /// Deletes a tenant and everything it owns.
    pub fn tenant_delete(&self, id_or_slug: &str) -> Result<store::Tenant, Error> {
        let row = self
            .control
            .tenant_find(id_or_slug)?
            .ok_or_else(|| Error::NotFound(format!("no tenant {id_or_slug}")))?;
        let audit =
            self.audit(&Origin::operator(), Some(row.id), AuditAction::TenantDeleted, row.slug.clone(), None);
        self.control.tenant_delete(row.id, audit)?;
        self.tenant_forget(row.id)?;
        Ok(row)
    }

    /// Closes a tenant that is not in `control.db` any more and removes its jobs and its directory.
    pub(super) fn tenant_forget(&self, id: TenantId) -> Result<(), Error> {
        let mut open = self.tenants.open.lock().expect("no panic holds the registry");
        open.remove(&id);
        self.queue.discard(crate::queue::Pick::Tenant(id.0.as_u128()))?;
        let dir = self.tenants.directory(id);
        match std::fs::remove_dir_all(&dir) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io("delete", &dir, error)),
        }
    }

    /// Opens the tenant of a row, or hands out the one that is open.
    pub fn tenant_open(&self, row: &store::Tenant) -> Result<Arc<Tenant>, Error> {
        let now = self.now().as_millisecond();
        let mut open = self.tenants.open.lock().expect("no panic holds the registry");
        if let Some(tenant) = open.get(&row.id) {
            tenant.last_used_ms.store(now, Ordering::Relaxed);
            return Ok(Arc::clone(tenant));
        }
        if open.len() >= self.tenants.open_max {
            close_longest_idle(&mut open)?;
        }
        let dir = self.tenants.directory(row.id);
        let tenant = Arc::new(self.tenant_open_at(row, &dir, now)?);
        open.insert(row.id, Arc::clone(&tenant));
        Ok(tenant)
    }

    /// Sets a full-text index aside that turned out damaged in use; the next sweep fills the new one.
    pub fn fulltext_repair(&self, tenant: &Tenant, damage: &crate::search::Error) -> Result<(), Error> {
        let aside = tenant.indexes.fulltext_replace(self.now())?;
        let message =
            format!("tenant {}: {damage}; it lies at {} and is rebuilt", tenant.row.slug, aside.display());
        self.sweep_want();
        self.log_system("warn", message)
    }

    fn tenant_open_at(&self, row: &store::Tenant, dir: &Path, now: i64) -> Result<Tenant, Error> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(dir).map_err(|error| Error::io("create tenant directory", dir, error))?;
        let store = TenantStore::open(dir, row.id)?;
        let (indexes, repaired) = Indexes::open(dir, &self.config.search, &store, self.now())?;
        if let Some(what) = repaired {
            self.log_system("warn", format!("tenant {}: {what}", row.slug))?;
        }
        if indexes.rebuild_due() {
            self.sweep_want();
        }
        Ok(Tenant {
            row: row.clone(),
            store,
            indexes,
            frequencies: FrequencyCache::default(),
            last_used_ms: AtomicI64::new(now),
        })
    }

    /// The open tenant of an id that a job names; `None` if it was deleted meanwhile.
    pub fn tenant_by_id(&self, id: TenantId) -> Result<Option<Arc<Tenant>>, Error> {
        if let Some(tenant) = self.tenants.open.lock().expect("no panic holds the registry").get(&id) {
            tenant.last_used_ms.store(self.now().as_millisecond(), Ordering::Relaxed);
            return Ok(Some(Arc::clone(tenant)));
        }
        match self.control.tenant_find(&id.to_string())? {
            None => Ok(None),
            Some(row) => self.tenant_open(&row).map(Some),
        }
    }

    /// Closes tenants nobody has used for `idle`; returns how many.
    pub fn tenants_close_idle(&self, idle: Duration) -> usize {
        let horizon = self.now().as_millisecond() - idle.as_millis() as i64;
        let mut open = self.tenants.open.lock().expect("no panic holds the registry");
        let before = open.len();
        open.retain(|_, tenant| {
            Arc::strong_count(tenant) > 1 || tenant.last_used_ms.load(Ordering::Relaxed) > horizon
        });
        before - open.len()
    }

    pub fn tenants_open_count(&self) -> usize {
        self.tenants.open.lock().expect("no panic holds the registry").len()
    }
}

/// Makes room for one more, or says that everything is in use.
fn close_longest_idle(open: &mut HashMap<TenantId, Arc<Tenant>>) -> Result<(), Error> {
    let idle = open
        .values()
        .filter(|tenant| Arc::strong_count(tenant) == 1)
        .min_by_key(|tenant| tenant.last_used_ms.load(Ordering::Relaxed))
        .map(|tenant| tenant.id());
    match idle {
        Some(id) => {
            open.remove(&id);
            Ok(())
        }
        None => Err(Error::Unavailable(
            "all open tenants are in use; try again, or raise tenants.open_max".to_owned(),
        )),
    }
}

/// `Мой дом №1` → `мой-дом-1`.
fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// A moment as the API writes it: RFC 3339, UTC, whole seconds or milliseconds.
pub(super) fn rfc3339(at: Timestamp) -> String {
    at.to_string()
}
