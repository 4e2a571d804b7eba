//! One tenant out of a backup, into an installation that has others.
//!
//! As a new tenant beside what is there: with ids of its own, like an import, without Telegram sessions, which would otherwise be
//! used twice. Or in place of one whose database is damaged or was spoiled: under its own id, with the people it has now; what
//! was there is set aside, not deleted. Everything is checked before anything changes.

use std::{
    collections::BTreeMap,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    App, BackupManifest, Error, Scratch,
    check::{index_unpack, room_check, rows_compare},
    located,
    pack::{Member, PackedDatabase, damaged, unpack},
    restore::{ring, sync_dir},
};
use crate::{
    app::{
        audit::Origin,
        tenants::rfc3339,
        transfer::{MemberLine, directory_move},
    },
    fail::{FailPoint, fail_point},
    model::{AuditAction, MembershipId, TenantId},
    seal::Keyring,
    store::{self, CONTROL, Control, TENANT, archive_adopt, archive_strip, database_check},
};

/// Where directories lie that a restore replaced, in the data directory: `ID-SECONDS`.
pub(in crate::app) const SHELF: &str = "aside";

/// Which tenant of which backup, and where it goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TenantRestore {
    /// A file, a name in the place of backups, or `latest`.
    pub backup: String,
    /// Id or slug, as it was then.
    pub tenant: String,
    /// Instead of the name it had; for a new tenant.
    pub name: Option<String>,
    /// In place of the tenant that is there.
    pub replace: bool,
    pub keys: Option<PathBuf>,
}

/// What was restored.
#[derive(Debug, Clone, Serialize)]
pub struct TenantRestored {
    pub id: TenantId,
    pub slug: String,
    pub name: String,
    pub taken_at: String,
    pub posts: u64,
    pub members: usize,
    /// Where the directory lies that was replaced; absent: there was none.
    pub set_aside: Option<String>,
    /// Its indexes came along and fit; if not, they are made anew by themselves.
    pub indexes_kept: bool,
}

/// What was found in the backup, in scratch.
struct Found {
    manifest: BackupManifest,
    tenant: TenantId,
    name: String,
    home: PathBuf,
    control: PathBuf,
}

impl App {
    /// Restores one tenant.
    pub fn tenant_restore(&self, wanted: &TenantRestore, origin: &Origin) -> Result<TenantRestored, Error> {
        let _alone = self.backups.alone()?;
        let scratch = Scratch::new(&self.config.data_dir)?;
        let keys = ring(&self.config, wanted.keys.as_deref())?.joined(self.keyring());
        let ours = self.backup_ours(&keys)?;
        let path = located(&self.backup_place()?, &wanted.backup, &scratch.0, &ours, &|| true)?;
        let found = found_in(&path, &keys, &wanted.tenant, &scratch.0)?;
        if wanted.replace {
            self.tenant_replace(&found, origin)
        } else {
            self.tenant_add(&found, wanted, origin)
        }
    }

    fn tenant_add(
        &self,
        found: &Found,
        wanted: &TenantRestore,
        origin: &Origin,
    ) -> Result<TenantRestored, Error> {
        let tenant = self.tenant_named(wanted.name.as_deref().unwrap_or(&found.name))?;
        if self.control.tenant_find(&tenant.slug)?.is_some() {
            return Err(Error::Conflict(format!(
                "there is a tenant {} already; restore it under another name with --name, or in its place with --replace",
                tenant.slug
            )));
        }
        let then = Control::open(&found.control)?;
        let members = MemberLine::all(&then, found.tenant)?;
        drop(then);
        archive_strip(&found.home.join("tenant.db"))?;
        let (count, posts) = (members.len(), found.posts());
        let data = json!({ "backup": found.manifest.taken_at, "posts": posts });
        let line =
            self.audit(origin, Some(tenant.id), AuditAction::TenantRestored, tenant.slug.clone(), Some(data));
        self.tenant_take(&tenant, &found.home, members, line)?;
        let indexes_kept = self.tenant_indexes_settle(&tenant, found)?;
        Ok(TenantRestored {
            id: tenant.id,
            slug: tenant.slug,
            name: tenant.name,
            taken_at: rfc3339(found.manifest.taken_at),
            posts,
            members: count,
            set_aside: None,
            indexes_kept,
        })
    }

    fn tenant_replace(&self, found: &Found, origin: &Origin) -> Result<TenantRestored, Error> {
        let row = self.control.tenant_find(&found.tenant.to_string())?.ok_or_else(|| {
            Error::NotFound("there is no such tenant to replace any more; leave --replace out".to_owned())
        })?;
        if self.telegram_is_started() {
            let what = "stop the service first: a tenant cannot be replaced while it is in use";
            return Err(Error::Unavailable(what.to_owned()));
        }
        let members = MemberLine::all(&self.control, row.id)?;
        let ids: BTreeMap<MembershipId, MembershipId> =
            members.iter().map(|member| (member.id, member.id)).collect();
        archive_adopt(&found.home.join("tenant.db"), row.id, &ids)?;
        let at = self.now();
        let data = json!({ "backup": found.manifest.taken_at, "posts": found.posts(), "replaced": true });
        let line =
            self.audit(origin, Some(row.id), AuditAction::TenantRestored, row.slug.clone(), Some(data));
        let aside = self.tenant_swap(&found.home, row.id, at.as_second())?;
        self.queue.discard(crate::queue::Pick::Tenant(row.id.0.as_u128()))?;
        self.control.audit_add(line)?;
        let indexes_kept = self.tenant_indexes_settle(&row, found)?;
        Ok(TenantRestored {
            id: row.id,
            slug: row.slug,
            name: row.name,
            taken_at: rfc3339(found.manifest.taken_at),
            posts: found.posts(),
            members: members.len(),
            set_aside: aside.map(|aside| aside.display().to_string()),
            indexes_kept,
        })
    }

    /// Opens a restored tenant; whether the indexes that came with it are kept. If not, they are made anew.
    fn tenant_indexes_settle(&self, row: &store::Tenant, found: &Found) -> Result<bool, Error> {
        let tenant = self.tenant_open(row)?;
        let came = found.manifest.derived.as_ref();
        if !came.is_some_and(|derived| derived.indexes.contains(&found.tenant)) {
            return Ok(false);
        }
        let fits = tenant.indexes.restored_fit(&tenant.store)?;
        if !fits {
            tenant.indexes.rebuild_from_nothing(&tenant.store, &mut |_, _| {})?;
        }
        Ok(fits)
    }

    /// Puts a directory in the place of a tenant's in one step; returns where that one lies now, if there was one.
    ///
    /// What lies in scratch goes with the next start, so the one that was there is never in it: the new one moves beside it first,
    /// and the two change places there.
    fn tenant_swap(&self, home: &Path, id: TenantId, at_s: i64) -> Result<Option<PathBuf>, Error> {
        let (place, shelf) = (self.tenant_directory(id), self.config.data_dir.join(SHELF));
        let aside = shelf.join(format!("{id}-{at_s}"));
        self.tenants.delete(id, || {
            if !place.exists() {
                self.directory_place(home, &place)?;
                return Ok(None);
            }
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&shelf);
            made.map_err(|error| Error::io("create", &shelf, error))?;
            sync_dir(&self.config.data_dir)?;
            directory_move(home, &aside)?;
            fail_point(FailPoint::TenantBeside);
            let swap = rustix::fs::RenameFlags::EXCHANGE;
            let swapped = rustix::fs::renameat_with(rustix::fs::CWD, &aside, rustix::fs::CWD, &place, swap);
            if let Err(error) = swapped {
                // It holds what came out of the backup, nothing of what was there.
                let _ = std::fs::remove_dir_all(&aside);
                return Err(Error::io("swap in", &place, error.into()));
            }
            fail_point(FailPoint::TenantSwapped);
            sync_dir(place.parent().unwrap_or(&place))?;
            sync_dir(&shelf)?;
            Ok(Some(aside))
        })
    }
}

impl Found {
    fn posts(&self) -> u64 {
        let tenant = self.manifest.tenants.iter().find(|tenant| tenant.id == self.tenant);
        tenant.and_then(|tenant| tenant.database.rows.get("posts").copied()).unwrap_or(0)
    }
}

/// Takes control.db and one tenant out of a backup, which is read and checked to its end.
fn found_in(path: &Path, keys: &Keyring, wanted: &str, scratch: &Path) -> Result<Found, Error> {
    let (home, then) = (scratch.join("tenant"), scratch.join("then"));
    for dir in [&home, &then] {
        let made = std::fs::DirBuilder::new().mode(0o700).create(dir);
        made.map_err(|error| Error::io("create", dir, error))?;
    }
    let control = then.join("control.db");
    let mut tenant = None;
    let mut rows: BTreeMap<Member, PackedDatabase> = BTreeMap::new();
    let manifest = unpack(path, keys, &mut |member, entry| {
        let (to, schema) = match member {
            Member::Control => (&control, CONTROL),
            // control.db comes first and says which tenant is meant.
            Member::Tenant(id) if tenant.as_ref().is_some_and(|(wanted, _)| wanted == id) => {
                (&home.join("tenant.db"), TENANT)
            }
            Member::Index(id, file) if tenant.as_ref().is_some_and(|(wanted, _)| wanted == id) => {
                return index_unpack(entry, &home, file);
            }
            Member::Tenant(_)
            | Member::Index(..)
            | Member::Queue
            | Member::SealKey(_)
            | Member::Jwt
            | Member::Receipt
            | Member::Manifest => return Ok(()),
        };
        room_check(scratch, entry.bytes)?;
        entry.write_to(to)?;
        let (schema_version, counts) = database_check(to, schema).map_err(|error| damaged(path, error))?;
        rows.insert(member.clone(), PackedDatabase { schema_version, rows: counts });
        if *member == Member::Control {
            let row = Control::open(to)?.tenant_find(wanted)?;
            let row = row.ok_or_else(|| Error::NotFound(format!("the backup holds no tenant {wanted}")))?;
            tenant = Some((row.id, row.name));
        }
        Ok(())
    })?;
    rows_compare(path, &manifest, &rows)?;
    let (tenant, name) = tenant.ok_or_else(|| damaged(path, "it names no tenants"))?;
    Ok(Found { manifest, tenant, name, home, control })
}
