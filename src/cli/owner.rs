//! Root acts as the owner of the data directory.
//!
//! An installed service has a user of its own, and people type `sudo tga …`. A file that root made in the data directory could
//! not be written by the service, so a command takes the owner's identity for as long as it works there. What only root can reach
//! (a file in somebody's home) is fetched before and brought back after, see `errand`. Identities are set for the first thread
//! before there is another: threads take over those of the thread that starts them.

use std::{
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::fs::MetadataExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Dir, Mode, OFlags, chownat, openat},
    io::Errno,
    path::Arg,
    process::{Gid, Uid, geteuid},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

use crate::app::Error;

/// Somebody else than root, whose the data directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Owner {
    /// The owner of the data directory, where we are root and it is not; `None`: nothing is to be done.
    pub(super) fn of(data_dir: &Path) -> Option<Self> {
        if !geteuid().is_root() {
            return None;
        }
        let meta = std::fs::metadata(data_dir).ok()?;
        (meta.uid() != 0).then_some(Self { uid: meta.uid(), gid: meta.gid() })
    }

    /// Works as the owner from here on, and can be root again.
    pub(super) fn enter(self) -> Result<(), Error> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        set_thread_groups(&[gid])
            .and_then(|()| set_thread_res_gid(None, Some(gid), None))
            .and_then(|()| set_thread_res_uid(None, Some(uid), None))
            .map_err(|error| self.failed(error))
    }

    /// Root again.
    pub(super) fn leave(self) -> Result<(), Error> {
        set_thread_res_uid(None, Some(Uid::ROOT), None)
            .and_then(|()| set_thread_res_gid(None, Some(Gid::ROOT), None))
            .map_err(|error| self.failed(error))
    }

    /// The owner for good: for a service that runs on.
    pub(super) fn become_for_good(self) -> Result<(), Error> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        set_thread_groups(&[gid])
            .and_then(|()| set_thread_res_gid(Some(gid), Some(gid), Some(gid)))
            .and_then(|()| set_thread_res_uid(Some(uid), Some(uid), Some(uid)))
            .map_err(|error| self.failed(error))
    }

    /// Gives a path to the owner.
    pub(super) fn give(self, path: &Path) -> Result<(), Error> {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
            .map_err(|error| Error::io("give to the service's user", path, error))
    }

    /// Gives a path and all that is in it to the owner. No link is followed, not even one that is laid there meanwhile.
    pub(super) fn give_all(self, path: &Path) -> Result<(), Error> {
        let given = self.give_at(CWD, path);
        given.map_err(|error| Error::io("give to the service's user", path, error.into()))
    }

    fn give_at(self, parent: BorrowedFd<'_>, name: impl Arg + Copy) -> Result<(), Errno> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = match openat(parent, name, flags, Mode::empty()) {
            // No directory: that was all of it.
            Err(Errno::NOTDIR | Errno::LOOP) => return Ok(()),
            other => other?,
        };
        for entry in Dir::read_from(&dir)? {
            let entry = entry?;
            if ![c".", c".."].contains(&entry.file_name()) {
                self.give_at(dir.as_fd(), entry.file_name())?;
            }
        }
        Ok(())
    }

    fn failed(self, error: Errno) -> Error {
        Error::io(
            "act as the owner of the data directory, user",
            &PathBuf::from(self.uid.to_string()),
            error.into(),
        )
    }
}
