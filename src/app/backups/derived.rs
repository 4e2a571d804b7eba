//! The queue and the indexes in a backup: derived, so only where somebody asks, and made anew wherever they do not fit.
//!
//! Index files get second names while nobody writes: what they hold then is what the databases of that moment say, or newer work that
//! the databases do not know as done and have done again. The queue is copied a little later: a job names what is to be done
//! and nothing else, so one that is late, doubled or foreign does no harm. What cannot be had is left out and said.

use std::{
    collections::BTreeMap,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::{
    App, Error,
    pack::{IndexFile, Member, PackedDerived, Packer},
};
use crate::{
    app::{command::Progress, indexes::indexes_link},
    model::TenantId,
    queue::Queue,
    search::{FullText, FullTextSettings},
    store,
};

/// What of the derived data is being packed.
pub(super) struct Derived {
    scratch: PathBuf,
    wanted: bool,
    /// What became of each tenant's files at the moment.
    linked: BTreeMap<TenantId, Result<(), String>>,
    packed: PackedDerived,
}

impl Derived {
    pub(super) fn new(scratch: &Path, wanted: bool) -> Self {
        let (linked, packed) = (BTreeMap::new(), PackedDerived::default());
        Self { scratch: scratch.to_owned(), wanted, linked, packed }
    }

    /// Where it is made ready, and what is packed beside it.
    pub(super) fn scratch(&self) -> &Path {
        &self.scratch
    }

    fn home(&self, tenant: TenantId) -> PathBuf {
        self.scratch.join("indexes").join(tenant.to_string())
    }

    /// Gives the files of a tenant's indexes second names. Called while everybody waits.
    pub(super) fn link(&mut self, tenant: TenantId, directory: &Path) {
        if !self.wanted {
            return;
        }
        let home = self.home(tenant);
        // Of a moment that was none.
        let _ = std::fs::remove_dir_all(&home);
        let made = std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&home);
        let made = made.map_err(|error| Error::io("create", &home, error));
        let linked = made.and_then(|()| indexes_link(directory, &home));
        self.linked.insert(tenant, linked.map_err(|error| error.to_string()));
    }

    /// Packs the queue as it is now.
    pub(super) fn queue_pack(&mut self, queue: &Queue, packer: &mut Packer<'_>) -> Result<(), Error> {
        if !self.wanted {
            return Ok(());
        }
        let copy = self.scratch.join("queue.redb");
        match queue.copy_to(&copy) {
            Ok(()) => {
                packer.add(&Member::Queue, &copy)?;
                self.packed.queue = true;
                std::fs::remove_file(&copy).map_err(|error| Error::io("delete", &copy, error))
            }
            Err(error) => {
                self.packed.left_out.push(format!("the queue: {error}"));
                Ok(())
            }
        }
    }

    /// Packs what was linked of a tenant, if it is whole.
    pub(super) fn indexes_pack(
        &mut self,
        tenant: &store::Tenant,
        packer: &mut Packer<'_>,
    ) -> Result<(), Error> {
        let Some(linked) = self.linked.remove(&tenant.id) else { return Ok(()) };
        let home = self.home(tenant.id);
        let is_whole = linked.and_then(|()| {
            // Every checksum is looked at.
            let opened = FullText::open(&home.join("fulltext"), FullTextSettings::default());
            opened.map(|_| ()).map_err(|error| error.to_string())
        });
        match is_whole {
            Ok(()) => {
                for (member, path) in index_files(tenant.id, &home)? {
                    packer.add(&member, &path)?;
                }
                self.packed.indexes.push(tenant.id);
            }
            Err(why) => self.packed.left_out.push(format!("the indexes of {}: {why}", tenant.slug)),
        }
        std::fs::remove_dir_all(&home).map_err(|error| Error::io("delete", &home, error))
    }

    /// What the manifest says of it.
    pub(super) fn done(self) -> Option<PackedDerived> {
        self.wanted.then_some(self.packed)
    }
}

/// The files of a tenant's indexes that a backup carries, in order.
fn index_files(tenant: TenantId, home: &Path) -> Result<Vec<(Member, PathBuf)>, Error> {
    let mut files = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(below) = pending.pop() {
        let dir = home.join(&below);
        let read = |error| Error::io("list", &dir, error);
        for entry in std::fs::read_dir(&dir).map_err(read)? {
            let entry = entry.map_err(read)?;
            let inside = below.join(entry.file_name());
            if entry.path().is_dir() {
                pending.push(inside);
            } else if let Some(file) = inside.to_str().and_then(IndexFile::parse) {
                files.push((Member::Index(tenant, file), entry.path()));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// What became of the indexes after a restore.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct IndexesRestored {
    /// Tenants whose indexes came along and fit.
    pub kept: Vec<String>,
    /// Those whose indexes were made anew, and how many posts are in them.
    pub rebuilt: Vec<IndexRebuilt>,
}

/// A full-text index that was made anew.
#[derive(Debug, Clone, serde::Serialize)]
pub struct IndexRebuilt {
    pub tenant: String,
    pub posts: u64,
}

impl App {
    /// After a restore of everything: takes the indexes that came along into use where they fit, and makes all others anew.
    pub fn indexes_restored(
        &self,
        came: &[TenantId],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<IndexesRestored, Error> {
        let mut restored = IndexesRestored::default();
        for row in self.tenant_list()? {
            let tenant = self.tenant_open(&row)?;
            if came.contains(&row.id) && tenant.indexes.restored_fit(&tenant.store)? {
                restored.kept.push(row.slug);
                continue;
            }
            let mut report = |done, total| progress(Progress::Index { done, total });
            let posts = tenant.indexes.rebuild_from_nothing(&tenant.store, &mut report)?;
            restored.rebuilt.push(IndexRebuilt { tenant: row.slug, posts });
        }
        Ok(restored)
    }
}
