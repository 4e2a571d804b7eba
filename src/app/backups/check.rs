//! Trying a backup: it is opened, unpacked, each database is checked and counted, and each tenant's posts are searched.
//!
//! In a scratch directory, one tenant at a time, so that the room needed is that of the largest. Nothing of the installation is
//! touched but the record of how it came out.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    App, Error, ErrorCode, Scratch, is_path, located,
    pack::{BackupManifest, Entry, IndexFile, KEY_BYTES_MAX, Member, PackedDatabase, damaged, unpack},
    stopped,
};
use crate::{
    app::indexes::Indexes,
    config::Config,
    model::{ChannelSet, Post, PostId, TenantId},
    queue,
    seal::Keyring,
    search::{Filter, Query},
    store::{BackupVerdict, CONTROL, Schema, TENANT, TenantStore, database_check},
    text,
};

/// Posts of a tenant that are indexed to ask a search.
const SEARCHED_POSTS: usize = 50;
/// Words of a post that a search is asked with.
const SEARCHED_CHARS: usize = 120;
/// Free room that stays on the disk while unpacking, bytes.
const ROOM_LEFT_BYTES: u64 = 256 * 1024 * 1024;

/// A backup that could be restored.
#[derive(Debug, Clone, Serialize)]
pub struct Verified {
    pub name: String,
    pub ok: bool,
    pub taken_at: String,
    pub tenants: u64,
    pub posts: u64,
    /// Ids of the keys that open it.
    pub keys: Vec<String>,
    /// Tenants whose indexes are in it and fit.
    pub indexes: u64,
    /// Tenants whose indexes are in it and do not fit: a restore makes them anew.
    pub indexes_unfit: Vec<String>,
    pub elapsed_ms: u64,
}

/// What a backup was found to hold.
pub(super) struct Checked {
    pub(super) manifest: BackupManifest,
    /// Whose indexes lack posts or cannot be opened.
    pub(super) unfit: Vec<TenantId>,
}

impl App {
    /// Restores a backup in scratch: a file, a name, or the newest. `keys`: to be used beside those of the installation.
    pub fn backup_verify(
        &self,
        given: Option<&str>,
        keys: Option<&Path>,
        stop: &AtomicBool,
    ) -> Result<Verified, Error> {
        let started = std::time::Instant::now();
        let _alone = self.backups.alone()?;
        let given = given.unwrap_or("latest");
        let scratch = Scratch::new(&self.config.data_dir)?;
        let gathered = keys.map(|keys| Keyring::gather(&[keys.to_owned()])).transpose()?;
        let gathered = gathered.map(|ring| ring.joined(self.keyring()));
        let ring = gathered.as_ref().unwrap_or(self.keyring());
        let (place, go_on) = (self.backup_place()?, || !stop.load(Ordering::Relaxed));
        let path = located(&place, given, &scratch.0, &self.backup_ours(ring)?, &go_on)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let checked = check(&path, ring, &scratch.0, &self.config, self.now(), stop);
        let is_verdict = checked.as_ref().map_or_else(is_damage, |_| true);
        // Another file of the same name, a stop, a full disk and a key that is not there say nothing of the one on record.
        if is_verdict && !is_path(given) && !stop.load(Ordering::Relaxed) {
            let problem = checked.as_ref().err().map(ToString::to_string);
            self.control
                .backup_verdict_put(&name, BackupVerdict { at: self.now(), problem: problem.clone() })?;
            if let Some(problem) = problem {
                self.log_system("warn", format!("backup {name} cannot be restored: {problem}"))?;
            }
        }
        let Checked { manifest, unfit } = checked?;
        let slugs = manifest.tenants.iter().filter(|tenant| unfit.contains(&tenant.id));
        let came = manifest.derived.as_ref().map_or(0, |derived| derived.indexes.len());
        Ok(Verified {
            name,
            ok: true,
            taken_at: super::rfc3339(manifest.taken_at),
            tenants: manifest.tenants.len() as u64,
            posts: manifest.posts(),
            indexes: came.saturating_sub(unfit.len()) as u64,
            indexes_unfit: slugs.map(|tenant| tenant.slug.clone()).collect(),
            keys: manifest.keys,
            elapsed_ms: started.elapsed().as_millis() as u64,
        })
    }
}

/// Reads a backup to its end and tries everything in it.
pub(super) fn check(
    path: &Path,
    keys: &Keyring,
    scratch: &Path,
    config: &Config,
    now: Timestamp,
    stop: &AtomicBool,
) -> Result<Checked, Error> {
    let mut found: BTreeMap<Member, PackedDatabase> = BTreeMap::new();
    let mut unfit = Vec::new();
    let manifest = unpack(path, keys, &mut |member, entry| {
        if stop.load(Ordering::Relaxed) {
            return Err(stopped());
        }
        let home = match member {
            Member::Tenant(id) | Member::Index(id, _) => scratch.join("try").join(id.to_string()),
            Member::Control
            | Member::Queue
            | Member::SealKey(_)
            | Member::Jwt
            | Member::Receipt
            | Member::Manifest => scratch.join("try"),
        };
        let database = match member {
            Member::Control => file_try(path, entry, &home, CONTROL)?,
            Member::Tenant(id) => {
                // Its indexes came before it.
                let came = home.join("fulltext").exists();
                let database = file_try(path, entry, &home, TENANT)?;
                let fits = search_try(&home, came, *id, config, now).map_err(|error| tried(path, error))?;
                if came && !fits {
                    unfit.push(*id);
                }
                database
            }
            Member::Index(_, file) => return index_unpack(entry, &home, file),
            Member::Queue => return queue_try(path, entry, &home),
            Member::SealKey(_) | Member::Jwt | Member::Receipt | Member::Manifest => {
                entry.content(KEY_BYTES_MAX)?;
                return Ok(());
            }
        };
        found.insert(member.clone(), database);
        std::fs::remove_dir_all(&home).map_err(|error| Error::io("delete", &home, error))
    })?;
    rows_compare(path, &manifest, &found)?;
    Ok(Checked { manifest, unfit })
}

/// Whether the databases hold what the manifest says.
pub(super) fn rows_compare(
    path: &Path,
    manifest: &BackupManifest,
    found: &BTreeMap<Member, PackedDatabase>,
) -> Result<(), Error> {
    let told = manifest.tenants.iter().map(|tenant| (Member::Tenant(tenant.id), &tenant.database));
    for (member, database) in told.chain([(Member::Control, &manifest.control)]) {
        if found.get(&member).is_some_and(|found| found != database) {
            return Err(damaged(path, format!("{} has other rows than its manifest says", member.name())));
        }
    }
    Ok(())
}

/// Whether an error says that the file is no good, wherever it is opened and with whatever room.
fn is_damage(error: &Error) -> bool {
    error.code() == ErrorCode::BackupInvalid && !matches!(error, Error::BackupKey { .. })
}

/// What was met while a database out of a backup was tried: the disk's trouble is not the backup's.
fn tried(path: &Path, error: Error) -> Error {
    if matches!(error.code(), ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::Io) {
        return error;
    }
    damaged(path, error)
}

/// Whether the disk has room for a file in scratch. A full one would stop more than what is asked for here.
pub(super) fn room_check(scratch: &Path, bytes: u64) -> Result<(), Error> {
    let stat = rustix::fs::statvfs(scratch).map_err(|error| Error::io("measure", scratch, error.into()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if bytes.saturating_add(ROOM_LEFT_BYTES) > free {
        return Err(Error::Unavailable(format!(
            "{bytes} bytes of room are needed in {}, {free} are free; free some and try again",
            scratch.display()
        )));
    }
    Ok(())
}

/// Unpacks a file into `home`, where there is room for it.
fn file_unpack(entry: &mut Entry<'_>, home: &Path, file: &Path) -> Result<PathBuf, Error> {
    let to = home.join(file);
    let parent = to.parent().unwrap_or(home);
    std::fs::create_dir_all(parent).map_err(|error| Error::io("create", parent, error))?;
    room_check(home, entry.bytes)?;
    entry.write_to(&to)?;
    Ok(to)
}

/// Unpacks a file of a tenant's indexes and keeps it on the disk, as a restore does.
pub(super) fn index_unpack(entry: &mut Entry<'_>, home: &Path, file: &IndexFile) -> Result<(), Error> {
    let to = file_unpack(entry, home, file.path())?;
    let synced = File::open(&to).and_then(|file| file.sync_all());
    synced.map_err(|error| Error::io("write", &to, error))
}

/// Unpacks the queue, reads all of it and takes it away again.
fn queue_try(path: &Path, entry: &mut Entry<'_>, home: &Path) -> Result<(), Error> {
    let file = file_unpack(entry, home, Path::new("queue.redb"))?;
    queue::file_check(&file).map_err(|error| tried(path, error.into()))?;
    std::fs::remove_file(&file).map_err(|error| Error::io("delete", &file, error))
}

/// Unpacks a database and looks at it.
fn file_try(
    path: &Path,
    entry: &mut Entry<'_>,
    home: &Path,
    schema: Schema,
) -> Result<PackedDatabase, Error> {
    let file = file_unpack(entry, home, Path::new(schema.name))?;
    let (schema_version, rows) = database_check(&file, schema).map_err(|error| tried(path, error.into()))?;
    Ok(PackedDatabase { schema_version, rows })
}

/// Opens a tenant as the service would and asks a search for one of its posts: in the index that `came` with it, or a small new one.
/// `false`: what came does not fit, which is no fault of the databases.
fn search_try(home: &Path, came: bool, id: TenantId, config: &Config, now: Timestamp) -> Result<bool, Error> {
    let store = TenantStore::open(home, id)?;
    let (indexes, _) = Indexes::open(home, &config.search, &store, now)?;
    let fits = came && indexes.restored_fit(&store)?;
    let ids = store.post_indexed_list(PostId(0), SEARCHED_POSTS)?;
    let posts = store.posts_load(&ids)?;
    let words_of = |post: &Post| post.text.chars().take(SEARCHED_CHARS).collect::<String>();
    // `— — —` is no word that could be found.
    let mut wordy = posts.iter().filter(|post| !text::terms(&words_of(post)).is_empty()).peekable();
    if wordy.peek().is_none() {
        return Ok(fits);
    }
    if !fits {
        indexes.fulltext_put(&posts)?;
    }
    let filter = Filter::channels(ChannelSet::All);
    for post in wordy {
        let found = indexes.fulltext().search(&Query::words(&words_of(post)), &filter, SEARCHED_POSTS)?;
        if found.hits.iter().any(|hit| hit.post_id == post.id) {
            return Ok(fits);
        }
    }
    Err(Error::Unavailable(format!("a search in tenant {id} finds none of its posts")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_said_before_it_is_full_and_is_no_fault_of_the_backup() {
        let dir = tempfile::tempdir().unwrap();
        room_check(dir.path(), 0).unwrap();
        let full = room_check(dir.path(), u64::MAX).unwrap_err();
        assert_eq!(full.code(), ErrorCode::Unavailable);
        assert!(!is_damage(&full));
    }
}
