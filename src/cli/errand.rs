//! Files that a command names, carried to where the service can reach them, and back.
//!
//! A service of its own user sees neither homes nor what is root's. So root copies the file a command reads into a scratch
//! directory of the data directory, and brings what the command wrote from there to its place. Without that difference of users
//! nothing is carried. A scratch directory that a crash left is removed at the service's next start.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::owner::Owner;
use crate::app::{
    Error,
    command::{Command, FileUse},
};

/// As the scratch directories of `app::transfer`, so that they are cleaned up alike.
const SCRATCH: &str = ".transfer-";

/// What is carried for one command.
#[derive(Debug, Default)]
pub(super) struct Errand {
    scratch: Option<PathBuf>,
    /// Where the command writes, and where that is wanted.
    bring: Vec<(PathBuf, PathBuf)>,
}

impl Errand {
    /// Carries what a command reads, and makes room for what it writes. The command then names those places.
    pub(super) fn prepare(command: &mut Command, data_dir: &Path, owner: Owner) -> Result<Self, Error> {
        let mut errand = Self::default();
        for file in command.file_uses() {
            match file {
                FileUse::Reads(path) => *path = errand.fetch(path, data_dir, owner)?,
                FileUse::ReadsNamed(name) => {
                    let path = PathBuf::from(&*name);
                    if path.is_absolute() {
                        *name = errand.fetch(&path, data_dir, owner)?.display().to_string();
                    }
                }
                FileUse::Writes(path) => {
                    absent(path)?;
                    let made = errand.room(data_dir, owner)?.join(path.file_name().unwrap_or_default());
                    errand.bring.push((made.clone(), path.clone()));
                    *path = made;
                }
                FileUse::WritesInto { dir, files } => {
                    if !dir.is_dir() {
                        let what = format!("{} is no directory; make it first", dir.display());
                        return Err(Error::Invalid(what));
                    }
                    let room = errand.room(data_dir, owner)?;
                    for file in files {
                        absent(&dir.join(file))?;
                        errand.bring.push((room.join(file), dir.join(file)));
                    }
                    *dir = room;
                }
            }
        }
        Ok(errand)
    }

    /// A copy of what the command reads. What lies in the data directory is the owner's already.
    fn fetch(&mut self, path: &Path, data_dir: &Path, owner: Owner) -> Result<PathBuf, Error> {
        if path.starts_with(data_dir) {
            return Ok(path.to_owned());
        }
        let source = fs::canonicalize(path).map_err(|error| Error::io("read", path, error))?;
        let carried = self.room(data_dir, owner)?.join(path.file_name().unwrap_or_default());
        carry(&source, &carried)?;
        owner.give_all(&carried)?;
        Ok(carried)
    }

    /// A directory for one of the files, so that two of one name do not meet.
    fn room(&mut self, data_dir: &Path, owner: Owner) -> Result<PathBuf, Error> {
        let make = |dir: &Path| {
            let made = fs::DirBuilder::new().mode(0o700).create(dir);
            made.map_err(|error| Error::io("create", dir, error))?;
            owner.give(dir)
        };
        let scratch = if let Some(scratch) = &self.scratch {
            scratch.clone()
        } else {
            let scratch = data_dir.join(format!("{SCRATCH}{}", uuid::Uuid::new_v4()));
            // From here on it is removed, also when what follows fails.
            self.scratch = Some(scratch.clone());
            make(&scratch)?;
            scratch
        };
        let room = scratch.join(uuid::Uuid::new_v4().to_string());
        make(&room)?;
        Ok(room)
    }

    /// Whether there is something to bring back.
    pub(super) fn brings(&self) -> bool {
        !self.bring.is_empty()
    }

    /// Brings what the command wrote to its place, and names that place in the answer.
    pub(super) fn finish(&self, answer: &mut Value) -> Result<(), Error> {
        for (at, (made, wanted)) in self.bring.iter().enumerate() {
            if let Err(error) = carry(made, wanted) {
                // Half of what belongs together helps nobody, and it may be secret.
                for (_, brought) in self.bring.iter().take(at) {
                    let _ = fs::remove_file(brought);
                }
                return Err(error);
            }
            rename_in(answer, &made.display().to_string(), &wanted.display().to_string());
        }
        Ok(())
    }
}

fn absent(path: &Path) -> Result<(), Error> {
    if path.symlink_metadata().is_ok() {
        return Err(Error::Conflict(format!("{} is there already; name a new file", path.display())));
    }
    Ok(())
}

impl Drop for Errand {
    fn drop(&mut self) {
        if let Some(scratch) = &self.scratch {
            // What cannot be removed now is removed at the service's next start.
            let _ = fs::remove_dir_all(scratch);
        }
    }
}

/// A file or a directory with what is in it, as whoever runs this, readable for them only.
fn carry(from: &Path, to: &Path) -> Result<(), Error> {
    let meta = fs::symlink_metadata(from).map_err(|error| Error::io("read", from, error))?;
    if !meta.is_dir() {
        // What lies there is the service's word: a link must not lead root to a file of somebody else.
        let mut source = fs::File::options()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(from)
            .map_err(|error| Error::io("read", from, error))?;
        let mut target = fs::File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)
            .map_err(|error| Error::io("write", to, error))?;
        return std::io::copy(&mut source, &mut target)
            .and_then(|_| target.sync_all())
            .map_err(|error| Error::io("write", to, error));
    }
    fs::create_dir(to).map_err(|error| Error::io("create", to, error))?;
    for entry in fs::read_dir(from).map_err(|error| Error::io("list", from, error))? {
        let entry = entry.map_err(|error| Error::io("list", from, error))?;
        carry(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn rename_in(answer: &mut Value, from: &str, to: &str) {
    match answer {
        Value::String(text) if text == from => to.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| rename_in(item, from, to)),
        Value::Object(map) => map.values_mut().for_each(|value| rename_in(value, from, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
