//! What the application answers when it cannot: one enum for every face, each variant with a stable code.

use serde_json::Value;

use super::{Fields, error_code::ErrorCode};
use crate::{
    ai, config, job,
    model::{Disposition, Refusal},
    queue, seal, search, store,
    telegram::export,
};

/// A failed operation. Messages are for people: a lowercase fragment that names the thing and the fix.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Invalid(String),
    /// Fields of a request are wrong: all of them.
    #[error("{0}")]
    Fields(Fields),
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Conflict(String),
    /// Nobody who may ask: missing, unknown, expired or revoked.
    #[error("{0}")]
    Unauthorized(&'static str),
    #[error("{0}")]
    Forbidden(&'static str),
    /// Somebody without a membership is not let in.
    #[error(transparent)]
    Admission(#[from] Refusal),
    /// Not now; it will be possible again.
    #[error("{0}")]
    Unavailable(String),
    /// Another process has the data directory.
    #[error(
        "data directory {dir} is in use by another tga process; stop it, or use this command while `tga serve` runs"
    )]
    InUse { dir: String },
    /// A refusal with a code of its own; `details` are further fields of the answer's `error` object.
    #[error("{message}")]
    Refused { code: ErrorCode, message: String, details: Option<Value> },
    /// No key at hand opens a backup; that says nothing of the backup. `sealed_for`: the key its name says.
    #[error("{path}: {source}; nothing was changed{}", key_fix(.sealed_for.as_deref()))]
    BackupKey { path: String, source: seal::Error, sealed_for: Option<String> },
    /// What the running service answered to a command sent to it.
    #[error("{message}")]
    Service { code: ErrorCode, message: String },
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

    /// A refusal with a code of its own.
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Error::Refused { code, message: message.into(), details: None }
    }

    /// A refusal of one field.
    pub fn field(name: &str, problem: impl Into<String>) -> Self {
        let mut fields = Fields::default();
        fields.wrong(name, problem);
        Error::Fields(fields)
    }

    /// The stable name of this kind of failure, in API answers, JSON output and metrics.
    pub fn code(&self) -> ErrorCode {
        match self {
            Error::Invalid(_) | Error::Fields(_) => ErrorCode::InvalidRequest,
            Error::NotFound(_) | Error::Store(store::Error::NotFound(_)) => ErrorCode::NotFound,
            Error::Conflict(_) | Error::Store(store::Error::Conflict(_)) => ErrorCode::Conflict,
            Error::Unauthorized(_) => ErrorCode::Unauthorized,
            Error::Forbidden(_) => ErrorCode::Forbidden,
            Error::Admission(refusal) => refusal_code(*refusal),
            Error::Unavailable(_)
            | Error::Store(store::Error::Busy(_) | store::Error::Closing)
            | Error::Search(search::Error::Busy { .. }) => ErrorCode::Unavailable,
            Error::InUse { .. } => ErrorCode::DataDirInUse,
            Error::Refused { code, .. } | Error::Service { code, .. } => *code,
            Error::BackupKey { .. } => ErrorCode::BackupInvalid,
            Error::Io { .. } => ErrorCode::Io,
            Error::Config(_) => ErrorCode::ConfigInvalid,
            Error::Store(store::Error::DiskFull(_))
            | Error::Queue(queue::Error::DiskFull { .. })
            | Error::Search(search::Error::Full { .. }) => ErrorCode::DiskFull,
            Error::Store(store::Error::ReadOnly(_)) | Error::Queue(queue::Error::ReadOnly { .. }) => {
                ErrorCode::ReadOnly
            }
            Error::Store(store::Error::Corrupt { .. }) => ErrorCode::DatabaseDamaged,
            Error::Store(store::Error::Newer { .. }) => ErrorCode::DatabaseNewer,
            Error::Store(store::Error::Moved { .. }) => ErrorCode::TenantMoved,
            Error::Store(store::Error::Missing { .. }) => ErrorCode::DatabaseMissing,
            Error::Store(store::Error::Open { .. } | store::Error::Io { .. } | store::Error::Internal(_)) => {
                ErrorCode::Store
            }
            Error::Queue(queue::Error::Full { .. }) => ErrorCode::QueueFull,
            Error::Queue(
                queue::Error::Locked { .. }
                | queue::Error::TooLarge { .. }
                | queue::Error::Io { .. }
                | queue::Error::Corrupt { .. }
                | queue::Error::Closed,
            )
            | Error::Job(_) => ErrorCode::Queue,
            Error::Search(_) => ErrorCode::Index,
            Error::Ai(_) => ErrorCode::Model,
            Error::Export(_) => ErrorCode::ImportFailed,
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
            | Error::Fields(_)
            | Error::NotFound(_)
            | Error::Conflict(_)
            | Error::Unauthorized(_)
            | Error::Forbidden(_)
            | Error::Refused { .. }
            | Error::BackupKey { .. }
            | Error::Admission(_)
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

/// The code a login's refusal has in answers; its name is the same in auth events.
fn refusal_code(refusal: Refusal) -> ErrorCode {
    match refusal {
        Refusal::InviteRequired => ErrorCode::InviteRequired,
        Refusal::InviteUnknown => ErrorCode::InviteUnknown,
        Refusal::InviteExpired => ErrorCode::InviteExpired,
        Refusal::InviteRevoked => ErrorCode::InviteRevoked,
        Refusal::InviteExhausted => ErrorCode::InviteExhausted,
        Refusal::RegistrationClosed => ErrorCode::RegistrationClosed,
    }
}

/// What to do about a backup that needs another key.
fn key_fix(sealed_for: Option<&str>) -> String {
    sealed_for.map_or_else(String::new, |key| {
        format!(". Its name says key {key}: give the kit or the keys with --keys")
    })
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
