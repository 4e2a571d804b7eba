//! What can go wrong with the queue, by what the caller does about it.
//!
//! Storage failures are kept as text, because one failed commit answers many callers and every later one.

use std::path::{Path, PathBuf};

use crate::model::Disposition;

/// A failed queue operation. Nothing of the operation has happened, except where the disk itself failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("open the queue {}: another process holds it; stop that process or ask it over its socket", .path.display())]
    Locked { path: PathBuf },
    /// Wait on [`super::Queue::room`] and try again.
    #[error("enqueue: the queue holds its {jobs_max} jobs; wait until some are settled")]
    Full { jobs_max: usize },
    #[error("enqueue: {what} of {size} is over the limit of {max}; split or shorten it")]
    TooLarge { what: &'static str, size: usize, max: usize },
    #[error("write the queue: the disk is full ({message}); free some space, nothing acknowledged is lost")]
    DiskFull { message: String },
    #[error(
        "write the queue: read-only or forbidden ({message}); mend the permissions or the mount and restart"
    )]
    ReadOnly { message: String },
    #[error("use the queue's storage: {message}; check the disk and restart")]
    Io { message: String },
    /// Found while running; the next start puts the file aside and begins a new one.
    #[error("read the queue: the file is damaged ({message}); restart to have it put aside and rebuilt")]
    Corrupt { message: String },
    #[error("use the queue: it is closed")]
    Closed,
}

impl Error {
    /// Names the file where the disk refused, so that a person knows which disk.
    pub(super) fn at(self, path: Option<&Path>) -> Self {
        let Some(path) = path else { return self };
        let place = path.display();
        let named = |message: String| {
            if message.starts_with(&place.to_string()) { message } else { format!("{place}: {message}") }
        };
        match self {
            Error::DiskFull { message } => Error::DiskFull { message: named(message) },
            Error::ReadOnly { message } => Error::ReadOnly { message: named(message) },
            Error::Io { message } => Error::Io { message: named(message) },
            Error::Corrupt { message } => Error::Corrupt { message: named(message) },
            other @ (Error::Locked { .. } | Error::Full { .. } | Error::TooLarge { .. } | Error::Closed) => {
                other
            }
        }
    }

    pub fn disposition(&self) -> Disposition {
        match self {
            Error::Full { .. } => Disposition::Retry { after: None },
            Error::TooLarge { .. } => Disposition::Reject,
            Error::Locked { .. }
            | Error::DiskFull { .. }
            | Error::ReadOnly { .. }
            | Error::Io { .. }
            | Error::Corrupt { .. }
            | Error::Closed => Disposition::Halt,
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let message = error.to_string();
        let kind = error.kind();
        if matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge) {
            Error::DiskFull { message }
        } else if matches!(kind, ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied) {
            Error::ReadOnly { message }
        } else if matches!(kind, ErrorKind::InvalidData | ErrorKind::UnexpectedEof) {
            Error::Corrupt { message }
        } else {
            Error::Io { message }
        }
    }
}

impl From<redb::Error> for Error {
    fn from(error: redb::Error) -> Self {
        // A file that is not redb's, or whose pages contradict each other, shows itself in many ways; what is left is the disk.
        if let redb::Error::Io(io) = error {
            return io.into();
        }
        let message = error.to_string();
        let storage =
            matches!(error, redb::Error::PreviousIo | redb::Error::Backend(_) | redb::Error::DatabaseClosed);
        if storage { Error::Io { message } } else { Error::Corrupt { message } }
    }
}
