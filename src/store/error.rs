//! What can go wrong with a database, in the words a caller acts on.

use std::path::{Path, PathBuf};

use crate::model::Disposition;

/// A failed store operation. Never contains post text, tokens or bound values.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("{0} not found")]
    NotFound(String),
    #[error("{0}")]
    Conflict(String),
    #[error("disk is full while writing {}; free some space, nothing acknowledged is lost", .0.display())]
    DiskFull(PathBuf),
    #[error("{} is not writable; check its owner and permissions, and whether the file system is mounted read-only", .0.display())]
    ReadOnly(PathBuf),
    #[error("{} is damaged ({reason}); stop the service and put the file back from a backup", .path.display())]
    Corrupt { path: PathBuf, reason: String },
    #[error(
        "{} has schema version {found}, this binary knows up to {supported}; run the newer `tga` again, \
         or put back the copy of the file made before the upgrade",
        .path.display()
    )]
    Newer { path: PathBuf, found: i64, supported: i64 },
    #[error("{} belongs to tenant {stored}, its directory is named {named}; move the directory back to where it was", .path.display())]
    Moved { path: PathBuf, stored: String, named: String },
    /// The file is gone or empty where there was one: opening it would silently begin with nothing.
    #[error(
        "{} is missing or empty, but {} shows that it held data; put the file back from a backup, or move {} away to begin with nothing",
        .path.display(), .witness.display(), .witness.display()
    )]
    Missing { path: PathBuf, witness: PathBuf },
    #[error("open {}: {reason}", .path.display())]
    Open { path: PathBuf, reason: String },
    #[error("read or write {}: {reason}; check the disk, its free space and its cables", .path.display())]
    Io { path: PathBuf, reason: String },
    #[error("database is busy: {0}")]
    Busy(String),
    #[error("database is closing")]
    Closing,
    #[error("store operation failed: {0}")]
    Internal(String),
}

impl Error {
    pub fn disposition(&self) -> Disposition {
        match self {
            Error::Busy(_) | Error::Closing | Error::Internal(_) => Disposition::Retry { after: None },
            Error::NotFound(_) | Error::Conflict(_) => Disposition::Reject,
            Error::DiskFull(_)
            | Error::ReadOnly(_)
            | Error::Corrupt { .. }
            | Error::Newer { .. }
            | Error::Moved { .. }
            | Error::Missing { .. }
            | Error::Open { .. }
            | Error::Io { .. } => Disposition::Halt,
        }
    }

    /// Puts `SQLite`'s answer into our words; `path` is the database it came from.
    pub(super) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let path = path.to_owned();
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Error::DiskFull(path),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Error::ReadOnly(path),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Corrupt { path, reason },
            Some(ErrorCode::CannotOpen) => Error::Open { path, reason },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy(reason),
            Some(ErrorCode::ConstraintViolation) => Error::Conflict(reason),
            // The shared index of the log cannot grow: what a full disk refuses first when a database is opened.
            Some(ErrorCode::SystemIoFailure)
                if error.sqlite_error().map(|e| e.extended_code)
                    == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) =>
            {
                Error::DiskFull(path)
            }
            Some(ErrorCode::SystemIoFailure) => Error::Io { path, reason },
            _ if matches!(error, rusqlite::Error::QueryReturnedNoRows) => Error::NotFound("row".to_owned()),
            _ => Error::Internal(format!("{}: {reason}", path.display())),
        }
    }
}

impl From<rusqlite::Error> for Error {
    /// For errors inside a read or write closure; the database adds its path when it hands the error on.
    fn from(error: rusqlite::Error) -> Self {
        Error::from_sqlite(Path::new("database"), &error)
    }
}
