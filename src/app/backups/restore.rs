//! Putting a backup into an empty data directory: checked whole first, then moved to its place.
//!
//! Everything is unpacked into `.restore` in the data directory and checked there; the mark `whole` says so, durably. From then
//! on the rest is moves: the tenants, the keys that are not there yet, control.db and the queue last. A crash before the mark leaves a
//! directory that nothing starts on until the restore is done again; after it, the next start finishes the moves.

use std::{
    collections::BTreeMap,
    fs::File,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::Serialize;

use super::{
    App, Error, Scratch,
    check::{index_unpack, room_check, rows_compare},
    located,
    pack::{KEY_BYTES_MAX, Member, PackedDatabase, damaged, unpack},
    place::{Ours, Place},
};
use crate::{
    app::{command::Progress, lock, tenants::rfc3339},
    clock::Clock,
    config::Config,
    model::TenantId,
    queue,
    seal::{self, Keyring},
    store::{CONTROL, Schema, TENANT, database_check},
};

/// Where a restore is made ready, in the data directory.
const READY: &str = ".restore";
/// The file in it that says that all of it was checked.
const WHOLE: &str = "whole";
/// A file in a tenant's directory that is to go if control.db knows no such tenant.
pub(in crate::app) const UNOWNED: &str = "unowned";

/// What was restored.
#[derive(Debug, Clone, Serialize)]
pub struct RestoreReport {
    pub data_dir: String,
    /// The moment all of it is of; absent where an interrupted restore was only finished.
    pub taken_at: Option<String>,
    pub tenants: u64,
    pub posts: u64,
    /// Keys of the installation that came with it or were given.
    pub keys: Vec<String>,
    /// Ids of the keys that open the backup.
    pub opened_by: Vec<String>,
    /// Whether its queue came along.
    pub queue: bool,
    /// Tenants whose indexes came along; whether they fit is seen when they are opened.
    pub indexes: Vec<TenantId>,
}

/// Restores a backup (a file, a name in its place, or `latest`) into the data directory of the configuration, which must hold
/// no data. `keys`: a kit, a file or a directory of identities.
pub fn restore(
    config: &Config,
    given: &str,
    keys: Option<&Path>,
    clock: &Arc<dyn Clock>,
    progress: &mut dyn FnMut(Progress),
) -> Result<RestoreReport, Error> {
    let dir = &config.data_dir;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(dir).map_err(|error| Error::io("create data directory", dir, error))?;
    let _lock = lock(dir, Duration::ZERO)?;
    let ready = dir.join(READY);
    if ready.join(WHOLE).is_file() {
        place_all(dir, &config.keys_dir())?;
        return Ok(report(config, None));
    }
    remove(&ready)?;
    target_check(dir)?;
    let ring = ring(config, keys)?;
    let scratch = Scratch::new(dir)?;
    let place = Place::of(config, Arc::clone(clock))?;
    // Nothing is on record here: the keys at hand say which are this installation's, unless they are those of a further recipient,
    // which no name tells.
    let ours = Ours::of(ring.ids(), []).or_any();
    let path = located(&place, given, &scratch.0, &ours, &|| true)?;
    builder.create(&ready).map_err(|error| Error::io("create", &ready, error))?;
    let manifest = unpack_all(&path, &ring, &ready, progress).inspect_err(|_| {
        // Nothing of it is in its place; what cannot be removed is refused by the next start.
        let _ = std::fs::remove_dir_all(&ready);
    })?;
    if let Some(keys) = keys {
        keys_ready(&Keyring::gather(&[keys.to_owned()])?, &ready)?;
    }
    let whole = File::create_new(ready.join(WHOLE)).and_then(|file| file.sync_all());
    whole.map_err(|error| Error::io("write", &ready, error))?;
    sync_dir(&ready)?;
    crate::fail::fail_point(crate::fail::FailPoint::RestoreWhole);
    place_all(dir, &config.keys_dir())?;
    Ok(report(config, Some(&manifest)))
}

fn report(config: &Config, manifest: Option<&super::BackupManifest>) -> RestoreReport {
    let seal = config.keys_dir().join("seal");
    let keys = if seal.is_dir() { Keyring::gather(&[seal]).ok() } else { None };
    let derived = manifest.and_then(|manifest| manifest.derived.as_ref());
    RestoreReport {
        data_dir: config.data_dir.display().to_string(),
        taken_at: manifest.map(|manifest| rfc3339(manifest.taken_at)),
        tenants: manifest.map_or(0, |manifest| manifest.tenants.len() as u64),
        posts: manifest.map_or(0, super::BackupManifest::posts),
        keys: keys.map(|keys| keys.ids()).unwrap_or_default(),
        opened_by: manifest.map(|manifest| manifest.keys.clone()).unwrap_or_default(),
        queue: derived.is_some_and(|derived| derived.queue),
        indexes: derived.map(|derived| derived.indexes.clone()).unwrap_or_default(),
    }
}

/// The keys at hand: those given, those of the directory, systemd's.
pub(super) fn ring(config: &Config, keys: Option<&Path>) -> Result<Keyring, Error> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
    let credential = credentials.map(|dir| PathBuf::from(dir).join(seal::CREDENTIAL));
    let seal = config.keys_dir().join("seal");
    let mut paths: Vec<PathBuf> = keys.map(Path::to_owned).into_iter().collect();
    paths.extend(credential.filter(|path| path.is_file()));
    paths.extend(Some(seal).filter(|path| path.is_dir()));
    if paths.is_empty() {
        let what = "there is no key here that could open it; give the emergency kit or the keys with --keys";
        return Err(Error::Invalid(what.to_owned()));
    }
    Ok(Keyring::gather(&paths)?)
}

/// Refuses a directory that holds data.
fn target_check(dir: &Path) -> Result<(), Error> {
    let tenants = dir.join("tenants");
    let has_tenants = std::fs::read_dir(&tenants).is_ok_and(|mut entries| entries.next().is_some());
    let held = if dir.join("control.db").exists() {
        dir.join("control.db")
    } else if has_tenants {
        tenants
    } else {
        return Ok(());
    };
    Err(Error::Conflict(format!(
        "{} holds data: {} is there. Move it away, or restore into another directory with --data-dir; \
         one tenant alone is restored with --tenant",
        dir.display(),
        held.display()
    )))
}

fn unpack_all(
    path: &Path,
    ring: &Keyring,
    ready: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<super::BackupManifest, Error> {
    let mut found: BTreeMap<Member, PackedDatabase> = BTreeMap::new();
    let mut done = 0;
    let total = std::fs::metadata(path).map_err(|error| Error::io("open", path, error))?.len();
    let manifest = unpack(path, ring, &mut |member, entry| {
        let to = ready.join(member.name());
        let parent = to.parent().unwrap_or(ready);
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent);
        made.map_err(|error| Error::io("create", parent, error))?;
        room_check(ready, entry.bytes)?;
        let schema: Schema = match member {
            Member::Control => CONTROL,
            Member::Tenant(_) => TENANT,
            Member::Index(id, file) => {
                let home = ready.join("tenants").join(id.to_string());
                done += entry.bytes;
                return index_unpack(entry, &home, file);
            }
            Member::Queue => {
                entry.write_to(&to)?;
                queue::file_check(&to).map_err(|error| damaged(path, error))?;
                return file_sync(&to);
            }
            Member::SealKey(_) | Member::Jwt | Member::Receipt | Member::Manifest => {
                let content = zeroize::Zeroizing::new(entry.content(KEY_BYTES_MAX)?);
                return file_write(&to, &content);
            }
        };
        entry.write_to(&to)?;
        let (schema_version, rows) = database_check(&to, schema).map_err(|error| damaged(path, error))?;
        file_sync(&to)?;
        sync_dir(parent)?;
        found.insert(member.clone(), PackedDatabase { schema_version, rows });
        done += entry.bytes;
        // How much a packed file becomes is not known beforehand.
        progress(Progress::Backup { done, total: total.max(done) });
        Ok(())
    })?;
    rows_compare(path, &manifest, &found)?;
    Ok(manifest)
}

/// Puts identities beside those that came with the backup.
fn keys_ready(given: &Keyring, ready: &Path) -> Result<(), Error> {
    let dir = ready.join("keys/seal");
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir);
    made.map_err(|error| Error::io("create", &dir, error))?;
    let known = if std::fs::read_dir(&dir).is_ok_and(|mut entries| entries.next().is_some()) {
        Keyring::gather(std::slice::from_ref(&dir))?.ids()
    } else {
        Vec::new()
    };
    for (number, key) in given.secrets().iter().enumerate() {
        if !known.contains(&key.id) {
            // Before those of the backup: which of them seals was decided there.
            file_write(
                &dir.join(format!("0000-{number:04}-{}.key", key.id)),
                format!("{}\n", &*key.secret).as_bytes(),
            )?;
        }
    }
    Ok(())
}

fn file_sync(path: &Path) -> Result<(), Error> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| Error::io("write", path, error))
}

fn file_write(path: &Path, content: &[u8]) -> Result<(), Error> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let written = (|| {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(content)?;
        file.sync_all()
    })();
    written.map_err(|error| Error::io("write", path, error))
}

/// Moves what is ready to its place; doing it again goes on where it stopped.
fn place_all(dir: &Path, keys_dir: &Path) -> Result<(), Error> {
    let ready = dir.join(READY);
    keys_place(&ready.join("keys"), keys_dir)?;
    let (from, to) = (ready.join("tenants"), dir.join("tenants"));
    if from.is_dir() {
        if to.is_dir() {
            // Empty, or this fails and nothing is lost.
            std::fs::remove_dir(&to).map_err(|error| Error::io("replace", &to, error))?;
        }
        rename(&from, &to)?;
        sync_dir(dir)?;
    }
    crate::fail::fail_point(crate::fail::FailPoint::RestoreTenantsPlaced);
    let (from, to) = (ready.join("control.db"), dir.join("control.db"));
    if from.is_file() {
        // What was beside an older control.db would be taken for part of this one, and its queue is about other posts.
        for stale in ["control.db-wal", "control.db-shm", "queue.redb"] {
            remove_file(&dir.join(stale))?;
        }
        rename(&from, &to)?;
        sync_dir(dir)?;
    }
    let (from, to) = (ready.join("queue.redb"), dir.join("queue.redb"));
    if from.is_file() {
        rename(&from, &to)?;
        sync_dir(dir)?;
    }
    remove(&ready)
}

/// Puts keys where there are none yet; a key that is there stays.
fn keys_place(from: &Path, to: &Path) -> Result<(), Error> {
    if !from.is_dir() {
        return Ok(());
    }
    let mut pending = vec![PathBuf::new()];
    while let Some(below) = pending.pop() {
        let (here, there) = (from.join(&below), to.join(&below));
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&there);
        made.map_err(|error| Error::io("create", &there, error))?;
        let read = |error| Error::io("list", &here, error);
        for entry in std::fs::read_dir(&here).map_err(read)? {
            let entry = entry.map_err(read)?;
            let target = there.join(entry.file_name());
            if entry.path().is_dir() {
                pending.push(below.join(entry.file_name()));
            } else if !target.exists() {
                let content = std::fs::read(entry.path()).map(zeroize::Zeroizing::new).map_err(read)?;
                // Beside first: the directory may be on another file system, and half a key is none.
                let beside = there.join(format!("{}.new", entry.file_name().to_string_lossy()));
                remove_file(&beside)?;
                file_write(&beside, &content)?;
                rename(&beside, &target)?;
            }
        }
        sync_dir(&there)?;
    }
    Ok(())
}

/// What a start does about a restore that was interrupted: finishes one that was whole, refuses to begin with nothing on another.
pub(in crate::app) fn interrupted(dir: &Path, keys_dir: &Path) -> Result<(), Error> {
    let ready = dir.join(READY);
    if !ready.exists() {
        return Ok(());
    }
    if ready.join(WHOLE).is_file() {
        tracing::warn!("a restore was interrupted after it was checked; it is finished now");
        return place_all(dir, keys_dir);
    }
    if dir.join("control.db").exists() {
        // It can only be left over from before there was data here.
        return remove(&ready);
    }
    Err(Error::Unavailable(format!(
        "a restore into {} was interrupted; run `tga backup restore` again, or delete {} to begin with nothing",
        dir.display(),
        ready.display()
    )))
}

impl App {
    /// Deletes a directory under `tenants/` in one step: what a crash leaves of it is scratch.
    pub(in crate::app) fn directory_discard(&self, dir: &Path) -> Result<(), Error> {
        let gone = self.config.data_dir.join(format!("{}{}", super::SCRATCH, uuid::Uuid::new_v4()));
        rename(dir, &gone)?;
        remove(&gone)
    }

    /// Removes directories that a crash left in the middle of an import or a deletion; others that no tenant has are named.
    pub(in crate::app) fn unowned_clean(&self) -> Result<(), Error> {
        let dir = self.config.data_dir.join("tenants");
        let read = |error| Error::io("list", &dir, error);
        let tenants = self.tenant_list()?;
        for entry in std::fs::read_dir(&dir).map_err(read)? {
            let entry = entry.map_err(read)?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let is_known = tenants.iter().any(|tenant| tenant.id.to_string() == name);
            let mark = path.join(UNOWNED);
            match (is_known, mark.is_file()) {
                (true, true) => remove_file(&mark)?,
                (true, false) => {}
                (false, true) => {
                    self.directory_discard(&path)?;
                    self.log_system(
                        "warn",
                        format!("tenants/{name} was left by an import or deletion cut short; removed"),
                    )?;
                }
                (false, false) => {
                    tracing::warn!("{} belongs to no tenant; move it away or delete it", path.display());
                }
            }
        }
        Ok(())
    }
}

/// Marks a directory as nobody's until control.db says otherwise.
pub(in crate::app) fn unowned_mark(dir: &Path) -> Result<(), Error> {
    let mark = dir.join(UNOWNED);
    let marked = File::create(&mark).and_then(|file| file.sync_all());
    marked.map_err(|error| Error::io("write", &mark, error))?;
    sync_dir(dir)
}

pub(in crate::app) fn unowned_unmark(dir: &Path) -> Result<(), Error> {
    remove_file(&dir.join(UNOWNED))
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::rename(from, to).map_err(|error| Error::io("move to", to, error))
}

pub(in crate::app) fn sync_dir(dir: &Path) -> Result<(), Error> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|error| Error::io("write", dir, error))
}

fn remove(dir: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("delete", dir, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn remove_file(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("delete", path, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
