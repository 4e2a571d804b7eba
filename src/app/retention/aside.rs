//! What was set aside: whole tenants that a restore replaced, full-text indexes that were damaged.
//!
//! Somebody may want to look at them, so they stay for a while; they hold people's posts, so not for ever. When it was is part of the
//! name. Doing it again after a crash goes on.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{App, Error};
use crate::{
    app::{backups::SHELF, indexes::DAMAGED},
    model::TenantId,
    store::days_before,
};

/// How long what was set aside stays, days.
const ASIDE_DAYS: u32 = 30;

/// Entries of a directory whose name begins so and ends with the second it was set aside. None where there is no directory.
fn entries(dir: &Path, begin: &str) -> Result<Vec<(PathBuf, i64)>, Error> {
    let read = |error| Error::io("list", dir, error);
    let listed = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(read)?,
    };
    let mut found = Vec::new();
    for entry in listed {
        let entry = entry.map_err(read)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let at_s = name.strip_prefix(begin).and_then(|_| name.rsplit_once('-')?.1.parse().ok());
        // Anything else was put there by a person.
        found.extend(at_s.map(|at_s| (entry.path(), at_s)));
    }
    Ok(found)
}

fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("delete", path, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

impl App {
    /// What has lain aside for too long.
    pub(super) fn aside_old(&self, now: Timestamp) -> Result<Vec<PathBuf>, Error> {
        let mut found = entries(&self.config.data_dir.join(SHELF), "")?;
        for row in self.tenant_list()? {
            found.extend(entries(&self.tenant_directory(row.id), DAMAGED)?);
        }
        let before_s = days_before(now, ASIDE_DAYS).as_second();
        Ok(found.into_iter().filter(|(_, at_s)| *at_s < before_s).map(|(path, _)| path).collect())
    }

    /// Removes it; how many.
    pub(super) fn aside_remove(&self, now: Timestamp) -> Result<u64, Error> {
        let old = self.aside_old(now)?;
        for path in &old {
            remove(path)?;
            let what = format!("{} was set aside more than {ASIDE_DAYS} days ago; removed", path.display());
            self.log_system("info", what)?;
        }
        Ok(old.len() as u64)
    }

    /// Removes what was set aside of a tenant that is deleted.
    pub(in crate::app) fn aside_forget(&self, id: TenantId) -> Result<(), Error> {
        let found = entries(&self.config.data_dir.join(SHELF), &format!("{id}-"))?;
        found.iter().try_for_each(|(path, _)| remove(path))
    }

    /// Removes a tenant's damaged indexes, which hold the words of posts that must leave nothing behind.
    pub(in crate::app) fn damaged_forget(&self, id: TenantId) -> Result<(), Error> {
        let found = entries(&self.tenant_directory(id), DAMAGED)?;
        found.iter().try_for_each(|(path, _)| remove(path))
    }
}
