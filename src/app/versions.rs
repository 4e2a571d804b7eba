//! The schema version of every database in a data directory, read without opening the appliance.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{App, Error};
use crate::store;

/// One database file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatabaseVersion {
    pub path: PathBuf,
    pub version: i64,
    /// The newest this program knows.
    pub supported: i64,
}

impl App {
    /// Every database below `data_dir`, control.db first.
    pub fn database_versions(data_dir: &Path) -> Result<Vec<DatabaseVersion>, Error> {
        let mut found = Vec::new();
        let control = data_dir.join("control.db");
        if control.is_file() {
            found.push(version_of(control, store::CONTROL)?);
        }
        let tenants = data_dir.join("tenants");
        let mut paths: Vec<PathBuf> = match std::fs::read_dir(&tenants) {
            Ok(entries) => entries
                .flatten()
                .map(|entry| entry.path().join("tenant.db"))
                .filter(|path| path.is_file())
                .collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io("list", &tenants, error)),
        };
        paths.sort();
        for path in paths {
            found.push(version_of(path, store::TENANT)?);
        }
        Ok(found)
    }
}

fn version_of(path: PathBuf, schema: store::Schema) -> Result<DatabaseVersion, Error> {
    let version = store::version_of(&path)?;
    Ok(DatabaseVersion { path, version, supported: schema.migrations.len() as i64 })
}
