//! Backups: one moment of the whole installation in one sealed file that was restored before it counts.
//!
//! Every database is copied from the same moment while the work goes on (`store::Snapshots`), packed (`pack`), restored in a scratch
//! directory (`check`), and only then put into its place (`place`) and on record. What is derived stays out: models always, queue and
//! indexes unless somebody asks (`derived`). A crash at any point leaves no backup that is not whole: a file gets its name last. One is made at a time.

mod check;
mod derived;
mod keep;
mod kit;
mod list;
mod pack;
mod place;
mod restore;
mod tenant;

use std::{
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{
        Mutex, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

pub use self::{
    check::Verified,
    derived::{IndexRebuilt, IndexesRestored},
    kit::{KIT_FILES, KitView},
    list::{BackupList, BackupView},
    pack::{BackupManifest, PackedDatabase, PackedDerived, PackedFile, PackedTenant},
    restore::{RestoreReport, restore},
    tenant::{TenantRestore, TenantRestored},
};
use self::{
    derived::Derived,
    list::Lying,
    pack::{Member, Packer},
    place::{GoOn, Ours, Place, name_of},
};
pub(super) use self::{
    restore::{interrupted, sync_dir, unowned_mark, unowned_unmark},
    tenant::SHELF,
};
use super::{App, Error, ErrorCode, audit::Origin, command::Progress, schedule::Daily, tenants::rfc3339};
use crate::{
    config::Config,
    model::AuditAction,
    queue::Wake,
    store::{BackupRow, BackupVerdict, Snapshot},
};

/// How scratch directories in the data directory begin.
pub(super) const SCRATCH: &str = ".backup-";
/// A backup that was restored in scratch within this time need not be again tonight.
const VERDICT_FRESH: SignedDuration = SignedDuration::from_hours(20);

/// What the appliance knows of backups while it runs.
#[derive(Default)]
pub(super) struct Backups {
    /// One is made or restored at a time.
    running: Mutex<()>,
    is_running: AtomicBool,
    /// Somebody asked for one.
    wanted: AtomicBool,
    /// What lay in the directory when it was last looked into.
    lying: Lying,
    /// Signalled when there is something for the upkeep thread.
    pub(super) wake: Wake,
}

/// What somebody wants of a backup; `None`: as the configuration says.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct BackupWanted {
    /// Restore it in scratch before it counts.
    pub verify: Option<bool>,
    /// With the queue and the indexes.
    pub indexes: Option<bool>,
}

/// A backup that was made.
#[derive(Debug, Clone, Serialize)]
pub struct BackupMade {
    pub name: String,
    /// Where it lies.
    pub path: String,
    pub bytes: u64,
    pub tenants: u64,
    pub posts: u64,
    /// How long writers were held up.
    pub pause_ms: f64,
    pub elapsed_ms: u64,
    /// Whether it was restored in a scratch directory.
    pub verified: bool,
    /// Ids of the keys that open it.
    pub keys: Vec<String>,
    /// What of the queue and the indexes is in it; absent where it was not asked for.
    pub derived: Option<PackedDerived>,
}

/// A directory of ours that goes when we are done.
struct Scratch(PathBuf);

impl Scratch {
    fn new(data_dir: &Path) -> Result<Self, Error> {
        let dir = data_dir.join(format!("{SCRATCH}{}", Uuid::new_v4()));
        let made = std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&dir);
        made.map_err(|error| Error::io("create", &dir, error))?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now goes at the next start.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Holds the one place of whoever makes or restores a backup.
struct Alone<'a> {
    backups: &'a Backups,
    _running: std::sync::MutexGuard<'a, ()>,
}

impl Backups {
    fn alone(&self) -> Result<Alone<'_>, Error> {
        let running = match self.running.try_lock() {
            Ok(running) => running,
            // It guards no data.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Conflict("a backup is being made or restored already".to_owned()));
            }
        };
        self.is_running.store(true, Ordering::SeqCst);
        Ok(Alone { backups: self, _running: running })
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.backups.is_running.store(false, Ordering::SeqCst);
    }
}

fn stopped() -> Error {
    Error::Unavailable("the backup was given up because the service stops; nothing was kept of it".to_owned())
}

impl App {
    /// Makes a backup, restores it in scratch where that is wanted, and puts it into its place.
    pub fn backup_create(
        &self,
        wanted: BackupWanted,
        origin: &Origin,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<BackupMade, Error> {
        let alone = self.backups.alone()?;
        let made = self.backup_make(wanted, stop, progress);
        self.backups.lying.forget();
        let made = match made {
            Ok(made) => made,
            Err(error) => {
                metrics::counter!("backup_runs_total", "status" => "failed").increment(1);
                self.daily_done(Daily::Backup, Some(error.to_string()))?;
                return Err(error);
            }
        };
        metrics::counter!("backup_runs_total", "status" => "success").increment(1);
        self.daily_done(Daily::Backup, None)?;
        let data = json!({ "bytes": made.bytes, "verified": made.verified });
        let line = self.audit(origin, None, AuditAction::BackupCreated, made.name.clone(), Some(data));
        self.control.audit_add(line)?;
        let (bytes, pause) = (made.bytes, made.pause_ms);
        self.log_system(
            "info",
            format!("backup {} made: {bytes} bytes, writers paused {pause:.1} ms", made.name),
        )?;
        drop(alone);
        Ok(made)
    }

    fn backup_make(
        &self,
        wanted: BackupWanted,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<BackupMade, Error> {
        let started = Instant::now();
        let verify = wanted.verify.unwrap_or(self.config.backup.verify);
        let indexes = wanted.indexes.unwrap_or(self.config.backup.indexes);
        let go_on = || !stop.load(Ordering::Relaxed);
        let (place, taken_at) = (self.backup_place()?, self.now());
        let keys = self.keyring();
        place.parts_clean(self.config.backup.dir.is_none(), keys, taken_at, &go_on)?;
        let scratch = Scratch::new(&self.config.data_dir)?;
        let key = keys.ids().last().cloned().unwrap_or_default();
        let name = name_of(taken_at, &key);
        let part = place.part(&name, &scratch.0)?;
        let done = (|| {
            let derived = Derived::new(&scratch.0, indexes);
            let packed = self.backup_pack(&part, derived, taken_at, stop, progress)?;
            let (manifest, bytes, pause) = packed;
            let mut verdict = None;
            if verify {
                progress(Progress::BackupVerify);
                let checked = check::check(&part, keys, &scratch.0, &self.config, taken_at, stop)?;
                if checked.manifest != manifest {
                    return Err(pack::damaged(&part, "what was written is not what is read"));
                }
                verdict = Some(BackupVerdict { at: self.now(), problem: None });
            }
            place.put(&part, &name, &go_on)?;
            Ok((manifest, bytes, pause, verdict))
        })();
        let (manifest, bytes, pause, verdict) = done.inspect_err(|_| {
            // Gone already where it was put; a rest goes with the next backup.
            let _ = std::fs::remove_file(&part);
        })?;
        let row = BackupRow {
            name: name.clone(),
            created_at: taken_at,
            bytes,
            tenants: manifest.tenants.len() as u64,
            posts: manifest.posts(),
            pause_us: pause.as_micros() as u64,
            elapsed_ms: started.elapsed().as_millis() as u64,
            verdict,
        };
        self.control.backup_insert(row.clone())?;
        Ok(BackupMade {
            path: format!("{}/{name}", place.shown().trim_end_matches('/')),
            name,
            bytes,
            tenants: row.tenants,
            posts: row.posts,
            pause_ms: pause.as_secs_f64() * 1000.0,
            elapsed_ms: row.elapsed_ms,
            verified: verify,
            keys: manifest.keys,
            derived: manifest.derived,
        })
    }

    /// Writes one moment of everything into a file.
    fn backup_pack(
        &self,
        part: &Path,
        mut derived: Derived,
        taken_at: Timestamp,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(BackupManifest, u64, std::time::Duration), Error> {
        let scratch = derived.scratch().to_owned();
        let path_of = |tenant: &crate::store::Tenant| self.tenant_directory(tenant.id).join("tenant.db");
        let snapshots = self.control.snapshots_take(&path_of, &mut |tenant| {
            derived.link(tenant.id, &self.tenant_directory(tenant.id));
        })?;
        let pause = snapshots.pause;
        let mut total = snapshots.control.bytes()?;
        for (_, snapshot) in &snapshots.tenants {
            total += snapshot.bytes()?;
        }
        let mut packer = Packer::new(part, self.keyring(), &self.config.backup.recipients)?;
        let mut done = 0;
        let mut pack = |packer: &mut Packer<'_>, member: &Member, snapshot: &Snapshot| {
            let copy = scratch.join("copy.db");
            check::room_check(&scratch, snapshot.bytes()?)?;
            if !snapshot.copy_to(&copy, &mut || !stop.load(Ordering::Relaxed))? {
                return Err(stopped());
            }
            let database =
                PackedDatabase { schema_version: snapshot.schema_version()?, rows: snapshot.row_counts()? };
            packer.add(member, &copy)?;
            std::fs::remove_file(&copy).map_err(|error| Error::io("delete", &copy, error))?;
            done += snapshot.bytes()?;
            progress(Progress::Backup { done, total });
            Ok(database)
        };
        let control = pack(&mut packer, &Member::Control, &snapshots.control)?;
        drop(snapshots.control);
        derived.queue_pack(&self.queue, &mut packer)?;
        let mut tenants = Vec::new();
        for (tenant, snapshot) in snapshots.tenants {
            // Before the database, so that whoever unpacks has both when the database comes.
            derived.indexes_pack(&tenant, &mut packer)?;
            let database = pack(&mut packer, &Member::Tenant(tenant.id), &snapshot)?;
            // The moment is let go of: the log of this database may be cut again.
            drop(snapshot);
            tenants.push(PackedTenant { id: tenant.id, slug: tenant.slug, name: tenant.name, database });
        }
        if self.config.backup.keys {
            for (member, path) in key_files(&self.config)? {
                packer.add(&member, &path)?;
            }
        }
        let mut manifest = BackupManifest::new(taken_at, control, tenants);
        manifest.keys = self.keyring().public_key().iter().map(crate::seal::PublicKey::id).collect();
        manifest.derived = derived.done();
        manifest.keys.extend(self.config.backup.recipients.iter().map(crate::seal::PublicKey::id));
        let (manifest, bytes) = packer.finish(manifest)?;
        Ok((manifest, bytes, pause))
    }

    /// Asks the upkeep thread for a backup; refused while one is made.
    pub fn backup_want(&self) -> Result<(), Error> {
        if self.backups.is_running.load(Ordering::SeqCst) || self.backups.wanted.swap(true, Ordering::SeqCst)
        {
            return Err(Error::Conflict("a backup is being made or restored already".to_owned()));
        }
        self.backups.wake.signal();
        Ok(())
    }

    /// Signalled when there is something for the upkeep thread.
    pub fn upkeep_wake(&self) -> &Wake {
        &self.backups.wake
    }

    /// Makes the backup that is due or asked for, and looks at the newest again. Returns whether there was anything to do.
    pub fn backup_tick(&self, stop: &AtomicBool) -> Result<bool, Error> {
        let wanted = self.backups.wanted.swap(false, Ordering::SeqCst);
        let due = self.daily_take(Daily::Backup, self.config.backup.at)?;
        if !wanted && !due {
            return Ok(false);
        }
        let done = self.backup_round(due, stop);
        // It read the files as they were, so whoever left meanwhile is in them still.
        self.erasures_resume()?;
        done.map(|()| true)
    }

    fn backup_round(&self, due: bool, stop: &AtomicBool) -> Result<(), Error> {
        let made = self.backup_create(BackupWanted::default(), &Origin::system(), stop, &mut |_| {})?;
        if !made.verified {
            self.backup_verify_newest(stop)?;
        } else if due {
            // What somebody made by hand stays until the night, and only one that can be restored lets others go.
            let pruned = self.backup_prune_until(false, &|| !stop.load(Ordering::Relaxed))?;
            if !pruned.is_empty() {
                self.log_system("info", format!("the keep rules let go of {}", pruned.join(", ")))?;
            }
        }
        Ok(())
    }

    fn backup_verify_newest(&self, stop: &AtomicBool) -> Result<(), Error> {
        let rows = self.control.backup_rows()?;
        let Some(newest) = rows.first() else { return Ok(()) };
        let fresh = newest
            .verdict
            .as_ref()
            .is_some_and(|verdict| self.now().duration_since(verdict.at) < VERDICT_FRESH);
        if !fresh {
            self.backup_verify(Some(&newest.name), None, stop)?;
        }
        Ok(())
    }
}

/// The files of the keys, as far as they lie on this disk.
fn key_files(config: &Config) -> Result<Vec<(Member, PathBuf)>, Error> {
    let dir = config.keys_dir();
    let mut files = vec![(Member::Jwt, dir.join("jwt.json")), (Member::Receipt, dir.join("receipt.key"))];
    let seal = dir.join("seal");
    if seal.is_dir() {
        let read = |error| Error::io("list", &seal, error);
        for entry in std::fs::read_dir(&seal).map_err(read)? {
            let entry = entry.map_err(read)?;
            let name = format!("keys/seal/{}", entry.file_name().to_string_lossy());
            files.extend(Member::parse(&name).map(|member| (member, entry.path())));
        }
    }
    files.retain(|(_, path)| path.is_file());
    files.sort();
    Ok(files)
}

/// Whether somebody named a file of this machine, not one in the place where backups lie.
fn is_path(given: &str) -> bool {
    let path = Path::new(given);
    path.components().count() > 1 || path.is_file()
}

/// A backup's file on this machine: the path itself, or a name in the place where backups lie, fetched as long as `go_on` says so.
fn located(
    place: &Place,
    given: &str,
    scratch: &Path,
    ours: &Ours,
    go_on: GoOn<'_>,
) -> Result<PathBuf, Error> {
    if is_path(given) {
        return Ok(PathBuf::from(given));
    }
    let name = if given == "latest" {
        let newest = ours.newest(place.list(go_on)?);
        newest.ok_or_else(|| Error::NotFound(format!("there is no backup in {}", place.shown())))?.name
    } else {
        given.to_owned()
    };
    place.fetch(&name, scratch, go_on)
}
