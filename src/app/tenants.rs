//! Tenants: making and finding them, and the registry of open ones.
//!
//! [`Tenant`] is the capability: who holds it sees that tenant's data and can name no other. Tenants are opened lazily, at most
//! `tenants.open_max` at once, and closed when nobody used them for a while. Closing loses nothing: everything acknowledged is
//! in tenant.db.

mod registry;

use std::{
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use uuid::Uuid;

pub(super) use self::registry::Registry;
pub use self::registry::Upkeep;
use self::registry::Usage;
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
    usage: Usage,
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

    /// How often the database was written to since it was opened. Taken before a round looks, for [`Tenant::upkeep_done`].
    pub fn writes(&self) -> u64 {
        self.store.writes()
    }

    /// A round found nothing to do; it holds as long as `writes` is still the number of writes.
    pub fn upkeep_done(&self, upkeep: Upkeep, writes: u64) {
        self.usage.done(upkeep, writes);
    }

    /// How common words are in this tenant, by its full-text index.
    pub fn frequency<'a>(&'a self, fulltext: &'a crate::search::FullText) -> Frequencies<'a> {
        self.frequencies.over(fulltext)
    }
}

impl App {
    /// Creates a tenant. Its slug is made from the name: lower case, words joined by `-`.
    pub fn tenant_create(&self, name: &str) -> Result<store::Tenant, Error> {
        let (slug, name) = named(name)?;
        let tenant = store::Tenant { id: TenantId(Uuid::new_v4()), slug, name, created_at: self.now() };
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

    /// Deletes a tenant and everything it owns; its accounts are logged out at Telegram first, as far as it can be reached.
    pub fn tenant_delete(&self, id_or_slug: &str) -> Result<store::Tenant, Error> {
        let row = self
            .control
            .tenant_find(id_or_slug)?
            .ok_or_else(|| Error::NotFound(format!("no tenant {id_or_slug}")))?;
        // A tenant that cannot be opened is deleted nevertheless.
        let open = self.tenant_open(&row).ok();
        let audit =
            self.audit(&Origin::operator(), Some(row.id), AuditAction::TenantDeleted, row.slug.clone(), None);
        // A crash after the deletion leaves a directory of nobody's: the next start removes what bears this mark.
        let _ = super::backups::unowned_mark(&self.tenant_directory(row.id));
        self.control.tenant_delete(row.id, audit)?;
        if let Some(tenant) = open
            && let Err(error) = self.tenant_log_out(&tenant)
        {
            tracing::warn!(%error, tenant = row.slug, "a deleted tenant's accounts could not be logged out");
        }
        self.tenant_forget(row.id)?;
        Ok(row)
    }

    /// Closes a tenant that is not in `control.db` any more and removes its jobs and its directory.
    pub(super) fn tenant_forget(&self, id: TenantId) -> Result<(), Error> {
        self.providers.forget_tenant(id);
        self.embedding_waits.forget(id);
        let dir = self.tenant_directory(id);
        let removed =
            self.tenants.delete(id, || if dir.exists() { self.directory_discard(&dir) } else { Ok(()) });
        self.queue.discard(crate::queue::Pick::Tenant(id.0.as_u128()))?;
        self.aside_forget(id)?;
        removed
    }

    pub(super) fn tenant_directory(&self, id: TenantId) -> PathBuf {
        self.config.data_dir.join("tenants").join(id.to_string())
    }

    /// Opens the tenant of a row, or hands out the one that is open.
    pub fn tenant_open(&self, row: &store::Tenant) -> Result<Arc<Tenant>, Error> {
        let now = self.now().as_millisecond();
        let dir = self.tenant_directory(row.id);
        let tenant = self.tenants.get(row.id, || self.tenant_open_at(row, &dir, now))?;
        tenant.usage.touch(now);
        Ok(tenant)
    }

    /// The tenants that a round of upkeep has to look at: those that are open, and the closed ones that may have work.
    pub fn tenant_due_list(&self, upkeep: Upkeep) -> Result<Vec<store::Tenant>, Error> {
        let mut rows = self.control.tenant_list()?;
        rows.retain(|row| self.tenants.is_due(row.id, upkeep));
        Ok(rows)
    }

    /// Opens a tenant for upkeep. Looking at one that is open does not keep it open.
    pub fn tenant_open_due(&self, row: &store::Tenant) -> Result<Arc<Tenant>, Error> {
        match self.tenants.peek(row.id) {
            Some(tenant) => Ok(tenant),
            None => self.tenant_open(row),
        }
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
        store.posts_days_default_put(self.posts_days_default())?;
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
            usage: Usage::new(now),
        })
    }

    /// The open tenant of an id that a job names; `None` if it was deleted meanwhile.
    pub fn tenant_by_id(&self, id: TenantId) -> Result<Option<Arc<Tenant>>, Error> {
        if let Some(tenant) = self.tenants.peek(id) {
            tenant.usage.touch(self.now().as_millisecond());
            return Ok(Some(tenant));
        }
        match self.control.tenant_find(&id.to_string())? {
            None => Ok(None),
            Some(row) => self.tenant_open(&row).map(Some),
        }
    }

    /// Closes tenants nobody has used for `idle`; returns how many.
    pub fn tenants_close_idle(&self, idle: Duration) -> usize {
        let horizon = self.now().as_millisecond() - idle.as_millis() as i64;
        self.tenants.close_idle(horizon)
    }

    pub fn tenants_open_count(&self) -> usize {
        self.tenants.open_count()
    }

    /// What the tagger remembers of the open tenants, entries.
    pub fn tagging_cache_len(&self) -> usize {
        self.tenants.open_list().iter().map(|tenant| tenant.frequencies.len()).sum()
    }
}

/// The slug and the name of a tenant that somebody calls so.
pub(super) fn named(name: &str) -> Result<(String, String), Error> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > TENANT_NAME_CHARS_MAX {
        return Err(Error::Invalid(format!("a tenant's name has 1 to {TENANT_NAME_CHARS_MAX} characters")));
    }
    let slug = slug(name);
    if slug.is_empty() {
        return Err(Error::Invalid("a tenant's name needs at least one letter or digit".to_owned()));
    }
    Ok((slug, name.to_owned()))
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
