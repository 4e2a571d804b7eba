//! Where backups lie: a directory or a bucket. A backup appears under its name when it is whole, and is named by when it was
//! taken and which key opens it.

use std::{
    collections::BTreeSet,
    fs::File,
    io::Read as _,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{App, Error, check::room_check, stopped};
pub(super) use crate::s3::GoOn;
use crate::{clock::Clock, config, s3, seal::Keyring};

const PREFIX: &str = "tga-";
const SUFFIX: &str = ".tar.zst.age";
/// What a file in the making ends with.
const PART: &str = ".part";
/// A file in the making that nobody has touched for so long belongs to nobody, seconds.
const PART_AGE_MAX_S: i64 = 86_400;

/// A backup in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// Which backups of a place are this installation's: others may keep theirs beside them.
#[derive(Debug, Default)]
pub(super) struct Ours {
    names: BTreeSet<String>,
    keys: BTreeSet<String>,
    or_any: bool,
}

impl Ours {
    /// Those whose name says one of these keys, and those of these names.
    pub(super) fn of(
        keys: impl IntoIterator<Item = String>,
        names: impl IntoIterator<Item = String>,
    ) -> Self {
        Self { names: names.into_iter().collect(), keys: keys.into_iter().collect(), or_any: false }
    }

    /// Where none is ours, the newest is that of anybody.
    pub(super) fn or_any(self) -> Self {
        Self { or_any: true, ..self }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name) || name_parse(name).is_some_and(|(_, key)| self.keys.contains(&key))
    }

    /// The newest of a place's list.
    pub(super) fn newest(&self, stored: Vec<Stored>) -> Option<Stored> {
        let at = stored.iter().position(|stored| self.has(&stored.name)).or(self.or_any.then_some(0));
        at.and_then(|at| stored.into_iter().nth(at))
    }
}

pub(super) enum Place {
    Dir(PathBuf),
    Bucket(Box<s3::Bucket>),
}

impl From<s3::Error> for Error {
    fn from(error: s3::Error) -> Self {
        match error {
            s3::Error::Absent(name) => Error::NotFound(format!("the storage has no {name}")),
            s3::Error::Stopped => stopped(),
            other @ (s3::Error::Io { .. }
            | s3::Error::Unreachable { .. }
            | s3::Error::Refused { .. }
            | s3::Error::Strange(_)
            | s3::Error::Cut { .. }
            | s3::Error::TooLarge(_)) => Error::Unavailable(other.to_string()),
        }
    }
}

/// `tga-20261123T031000Z-0123456789ab-0009f2c.tar.zst.age`: what stands last is milliseconds and chance.
pub(super) fn name_of(taken_at: Timestamp, key: &str) -> String {
    let at = taken_at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ");
    let random = uuid::Uuid::new_v4().simple().to_string();
    let ms = taken_at.subsec_millisecond();
    format!("{PREFIX}{at}-{key}-{ms:03x}{}{SUFFIX}", &random[..4])
}

/// When a backup of this name was taken and which key opens it; `None`: it is none of ours.
pub(super) fn name_parse(name: &str) -> Option<(Timestamp, String)> {
    let middle = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let mut parts = middle.split('-');
    let at = DateTime::strptime("%Y%m%dT%H%M%SZ", parts.next()?).ok()?;
    let (key, random) = (parts.next()?, parts.next()?);
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if parts.next().is_some() || !is_word(key) || !is_word(random) {
        return None;
    }
    let at = at.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some((at, key.to_owned()))
}

impl Place {
    pub(super) fn of(config: &config::Config, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let Some(s3) = &config.backup.s3 else {
            let dir = config.backup.dir.clone().unwrap_or_else(|| config.data_dir.join("backups"));
            return Ok(Place::Dir(dir));
        };
        let settings = s3::Settings {
            endpoint: s3.endpoint.clone(),
            region: s3.region.clone(),
            bucket: s3.bucket.clone(),
            prefix: s3.prefix.clone(),
            access_key: s3.access_key.clone(),
            secret_key: zeroize::Zeroizing::new(s3.secret_key.expose().to_owned()),
            part_bytes: s3.part_bytes as u64,
        };
        Ok(Place::Bucket(Box::new(s3::Bucket::new(settings, clock)?)))
    }

    /// Where a file in the making lies: on the file system where it will stay, or in `scratch` to be sent from.
    pub(super) fn part(&self, name: &str, scratch: &Path) -> Result<PathBuf, Error> {
        match self {
            Place::Dir(dir) => {
                let mut builder = std::fs::DirBuilder::new();
                builder.recursive(true).mode(0o700);
                builder.create(dir).map_err(|error| Error::io("create", dir, error))?;
                Ok(dir.join(format!("{name}{PART}")))
            }
            Place::Bucket(_) => Ok(scratch.join(name)),
        }
    }

    /// Puts a whole file into its place; `go_on` is asked all the while where it is sent.
    pub(super) fn put(&self, part: &Path, name: &str, go_on: GoOn<'_>) -> Result<(), Error> {
        match self {
            Place::Dir(dir) => {
                let to = dir.join(name);
                std::fs::rename(part, &to).map_err(|error| Error::io("move a backup to", &to, error))?;
                let synced = File::open(dir).and_then(|dir| dir.sync_all());
                synced.map_err(|error| Error::io("write", dir, error))
            }
            Place::Bucket(bucket) => Ok(bucket.put(name, part, go_on)?),
        }
    }

    /// The path of a backup on this machine, fetched into `scratch` where it lies elsewhere.
    pub(super) fn fetch(&self, name: &str, scratch: &Path, go_on: GoOn<'_>) -> Result<PathBuf, Error> {
        if name_parse(name).is_none() {
            return Err(Error::NotFound(format!("no backup is named {name}; `tga backup list` shows them")));
        }
        match self {
            Place::Dir(dir) => {
                let path = dir.join(name);
                if path.is_file() {
                    Ok(path)
                } else {
                    Err(Error::NotFound(format!("there is no backup {name} in {}", dir.display())))
                }
            }
            Place::Bucket(bucket) => {
                let path = scratch.join(name);
                room_check(scratch, bucket.bytes_of(name, go_on)?)?;
                bucket.get(name, &path, go_on)?;
                Ok(path)
            }
        }
    }

    /// The first bytes of a backup, as many of them as there are.
    pub(super) fn beginning(&self, name: &str, bytes: u64) -> Result<Vec<u8>, Error> {
        match self {
            Place::Dir(dir) => {
                let (path, mut out) = (dir.join(name), Vec::new());
                let read = File::open(&path).and_then(|file| file.take(bytes).read_to_end(&mut out));
                read.map_err(|error| Error::io("read", &path, error))?;
                Ok(out)
            }
            Place::Bucket(bucket) => Ok(bucket.beginning(name, bytes, &|| true)?),
        }
    }

    pub(super) fn delete(&self, name: &str, go_on: GoOn<'_>) -> Result<(), Error> {
        match self {
            Place::Dir(dir) => {
                let path = dir.join(name);
                std::fs::remove_file(&path).map_err(|error| Error::io("delete", &path, error))
            }
            Place::Bucket(bucket) => Ok(bucket.delete(name, go_on)?),
        }
    }

    /// Every backup here, the newest first; other files are nobody's business.
    pub(super) fn list(&self, go_on: GoOn<'_>) -> Result<Vec<Stored>, Error> {
        let mut stored = match self {
            Place::Dir(dir) => dir_list(dir)?,
            Place::Bucket(bucket) => {
                let objects = bucket.list(go_on)?.into_iter();
                objects.map(|object| Stored { name: object.name, bytes: object.bytes }).collect()
            }
        };
        stored.retain(|stored| name_parse(&stored.name).is_some());
        stored.sort_by(|a, b| b.name.cmp(&a.name));
        Ok(stored)
    }

    /// Removes what a crash or a stop left of backups in the making. `alone`: nobody else writes here, so every file is a crash's.
    pub(super) fn parts_clean(
        &self,
        alone: bool,
        keys: &Keyring,
        now: Timestamp,
        go_on: GoOn<'_>,
    ) -> Result<(), Error> {
        let dir = match self {
            Place::Dir(dir) => dir,
            Place::Bucket(bucket) => {
                return match uploads_clean(bucket, &Ours::of(keys.ids(), []), go_on) {
                    Err(s3::Error::Stopped) => Err(stopped()),
                    Err(error) => {
                        // What is left costs room there; whether a backup can be sent is seen when one is.
                        tracing::warn!(%error, "unfinished uploads of earlier backups cannot be looked for");
                        Ok(())
                    }
                    Ok(()) => Ok(()),
                };
            }
        };
        for part in dir_list(dir)? {
            if part.name.strip_suffix(PART).is_none_or(|name| name_parse(name).is_none()) {
                continue;
            }
            let path = dir.join(&part.name);
            let touched = path.metadata().and_then(|meta| meta.modified()).ok();
            let touched = touched.and_then(|at| Timestamp::try_from(at).ok());
            let is_old = touched.is_some_and(|at| now.as_second() - at.as_second() > PART_AGE_MAX_S);
            if alone || is_old {
                std::fs::remove_file(&path).map_err(|error| Error::io("delete", &path, error))?;
            }
        }
        Ok(())
    }

    /// In words.
    pub(super) fn shown(&self) -> String {
        match self {
            Place::Dir(dir) => dir.display().to_string(),
            Place::Bucket(bucket) => bucket.shown(),
        }
    }
}

impl App {
    pub(super) fn backup_place(&self) -> Result<Place, Error> {
        Place::of(&self.config, Arc::clone(&self.clock))
    }

    /// Those that are on record here, and those that the keys at hand open.
    pub(super) fn backup_ours(&self, keys: &Keyring) -> Result<Ours, Error> {
        let rows = self.control.backup_rows()?;
        Ok(Ours::of(keys.ids(), rows.into_iter().map(|row| row.name)))
    }
}

/// Takes back the uploads that were cut off; those of others in the same place are theirs.
fn uploads_clean(bucket: &s3::Bucket, ours: &Ours, go_on: GoOn<'_>) -> Result<(), s3::Error> {
    let uploads = bucket.uploads(go_on)?.into_iter();
    for upload in uploads.filter(|upload| ours.has(&upload.name)) {
        bucket.upload_abort(&upload, go_on)?;
    }
    Ok(())
}

fn dir_list(dir: &Path) -> Result<Vec<Stored>, Error> {
    let read = |error| Error::io("list", dir, error);
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(read)?,
    };
    let mut stored = Vec::new();
    for entry in entries {
        let entry = entry.map_err(read)?;
        let meta = entry.metadata().map_err(read)?;
        if let (true, Ok(name)) = (meta.is_file(), entry.file_name().into_string()) {
            stored.push(Stored { name, bytes: meta.len() });
        }
    }
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_and_by_which_key() {
        let at: Timestamp = "2026-11-23T03:10:00Z".parse().unwrap();
        let name = name_of(at, "0123456789ab");
        assert_eq!(name_parse(&name), Some((at, "0123456789ab".to_owned())), "{name}");
        for other in ["backup.tar", "tga-x-y-z.tar.zst.age", &format!("{name}{PART}"), &format!("../{name}")]
        {
            assert_eq!(name_parse(other), None, "{other}");
        }
    }
}
