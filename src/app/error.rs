//! What the application answers when it cannot: one enum for every face, each variant with a stable code.

use crate::{ai, config, job, model::Disposition, queue, search, store, telegram::export};

/// A failed operation. Messages are for people: a lowercase fragment that names the thing and the fix.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Conflict(String),
    /// Nobody who may ask: missing, unknown, expired or revoked.
    #[error("{0}")]
    Unauthorized(&'static str),
    #[error("{0}")]
    Forbidden(&'static str),
    /// Not now; it will be possible again.
    #[error("{0}")]
    Unavailable(String),
    /// Another process has the data directory.
    #[error(
        "data directory {dir} is in use by another tga process; stop it, or use this command while `tga serve` runs"
    )]
    InUse { dir: String },
    /// What the running service answered to a command sent to it.
    #[error("{message}")]
    Service { code: String, message: String },
    #[error("{action} {path}: {source}{}", io_fix(.source))]
    Io { action: &'static str, path: String, source: std::io::Error },
    #[error(transparent)]
    Config(#[from] config::Problems),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Queue(#[from] queue::Error),
    #[error(transparent)]
    Job(#[from] job::Error),
    #[error(transparent)]
    Search(#[from] search::Error),
    #[error(transparent)]
    Ai(#[from] ai::Error),
    #[error(transparent)]
    Export(#[from] export::Error),
}

impl Error {
    pub fn io(action: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Error::Io { action, path: path.display().to_string(), source }
    }

    /// The stable name of this kind of failure, in API answers, JSON output and metrics.
    pub fn code(&self) -> &str {
        match self {
            Error::Invalid(_) => "invalid_request",
            Error::NotFound(_) | Error::Store(store::Error::NotFound(_)) => "not_found",
            Error::Conflict(_) | Error::Store(store::Error::Conflict(_)) => "conflict",
            Error::Unauthorized(_) => "unauthorized",
            Error::Forbidden(_) => "forbidden",
            Error::Unavailable(_) => "unavailable",
            Error::InUse { .. } => "data_dir_in_use",
            Error::Service { code, .. } => code,
            Error::Io { .. } => "io",
            Error::Config(_) => "config_invalid",
            Error::Store(store::Error::DiskFull(_))
            | Error::Queue(queue::Error::DiskFull { .. })
            | Error::Search(search::Error::Full { .. }) => "disk_full",
            Error::Store(store::Error::ReadOnly(_)) | Error::Queue(queue::Error::ReadOnly { .. }) => {
                "read_only"
            }
            Error::Store(store::Error::Corrupt { .. }) => "database_damaged",
            Error::Store(store::Error::Newer { .. }) => "database_newer",
            Error::Store(store::Error::Moved { .. }) => "tenant_moved",
            Error::Store(store::Error::Missing { .. }) => "database_missing",
            Error::Store(
                store::Error::Open { .. }
                | store::Error::Io { .. }
                | store::Error::Busy(_)
                | store::Error::Closing
                | store::Error::Internal(_),
            ) => "store",
            Error::Queue(queue::Error::Full { .. }) => "queue_full",
            Error::Queue(
                queue::Error::Locked { .. }
                | queue::Error::TooLarge { .. }
                | queue::Error::Io { .. }
                | queue::Error::Corrupt { .. }
                | queue::Error::Closed,
            )
            | Error::Job(_) => "queue",
            Error::Search(_) => "index",
            Error::Ai(_) => "model",
            Error::Export(_) => "import_failed",
        }
    }

    /// Whether only one tenant suffers from this, and the others can go on.
    pub fn is_one_tenants(&self) -> bool {
        matches!(
            self,
            Error::Store(
                store::Error::Corrupt { .. }
                    | store::Error::Newer { .. }
                    | store::Error::Moved { .. }
                    | store::Error::Missing { .. }
                    | store::Error::Open { .. }
            )
        )
    }

    /// What the worker does with a job that met this.
    pub fn disposition(&self) -> Disposition {
        match self {
            Error::Invalid(_)
            | Error::NotFound(_)
            | Error::Conflict(_)
            | Error::Unauthorized(_)
            | Error::Forbidden(_)
            | Error::Config(_) => Disposition::Reject,
            Error::InUse { .. } => Disposition::Halt,
            Error::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => Disposition::Halt,
            Error::Io { .. } | Error::Unavailable(_) | Error::Service { .. } => {
                Disposition::Retry { after: None }
            }
            Error::Store(error) => error.disposition(),
            Error::Queue(error) => error.disposition(),
            Error::Job(error) => error.disposition(),
            Error::Search(error) => error.disposition(),
            Error::Ai(error) => error.disposition(),
            Error::Export(error) => error.disposition(),
        }
    }
}

/// What to do about a file the system refused.
fn io_fix(source: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    let kind = source.kind();
    if matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        "; free some space, nothing acknowledged is lost"
    } else if matches!(kind, ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied) {
        "; check its owner and permissions, and whether the file system is mounted read-only"
    } else {
        ""
    }
}
