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
    bring: Option<(PathBuf, PathBuf)>,
}

impl Errand {
    /// Carries the file that a command reads, and makes room for what it writes. The command then names those places.
    pub(super) fn prepare(
        command: &mut Command,
        data_dir: &Path,
        owner: Option<Owner>,
    ) -> Result<Self, Error> {
        let Some(owner) = owner else { return Ok(Self::default()) };
        match command.file_use() {
            FileUse::Nothing => Ok(Self::default()),
            FileUse::Reads(path) => {
                let errand = Self::with_scratch(data_dir, owner)?;
                let name = path.file_name().unwrap_or_default();
                let carried = errand.dir().join(name);
                fs::copy(&*path, &carried).map_err(|error| Error::io("read", path, error))?;
                owner.give(&carried)?;
                *path = carried;
                Ok(errand)
            }
            FileUse::Writes(path) => {
                if path.symlink_metadata().is_ok() {
                    return Err(Error::Conflict(format!(
                        "{} is there already; name a new file",
                        path.display()
                    )));
                }
                let mut errand = Self::with_scratch(data_dir, owner)?;
                let made = errand.dir().join(path.file_name().unwrap_or_default());
                errand.bring = Some((made.clone(), path.clone()));
                *path = made;
                Ok(errand)
            }
        }
    }

    fn with_scratch(data_dir: &Path, owner: Owner) -> Result<Self, Error> {
        let scratch = data_dir.join(format!("{SCRATCH}{}", uuid::Uuid::new_v4()));
        let made = fs::DirBuilder::new().mode(0o700).create(&scratch);
        made.map_err(|error| Error::io("create", &scratch, error))?;
        let errand = Self { scratch: Some(scratch), bring: None };
        owner.give(errand.dir())?;
        Ok(errand)
    }

    fn dir(&self) -> &Path {
        self.scratch.as_deref().unwrap_or(Path::new("."))
    }

    /// Whether there is something to bring back.
    pub(super) fn brings(&self) -> bool {
        self.bring.is_some()
    }

    /// Brings what the command wrote to its place, and names that place in the answer.
    pub(super) fn finish(&self, answer: &mut Value) -> Result<(), Error> {
        let Some((made, wanted)) = &self.bring else { return Ok(()) };
        carry(made, wanted)?;
        rename_in(answer, &made.display().to_string(), &wanted.display().to_string());
        Ok(())
    }
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
            .map(|_| ())
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
