//! What can go wrong in an index, told apart by what the caller does about it.
//!
//! Knows the error types of tantivy so that nothing outside this module has to.

use std::io;

use tantivy::{
    TantivyError,
    directory::error::{LockError, OpenDirectoryError, OpenReadError, OpenWriteError},
};

use crate::model::Disposition;

/// Why an index operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The files are damaged or of an older format. The caller renames the directory aside and rebuilds.
    #[error("read {object}: {reason}; move it aside and rebuild it with `tga index rebuild`")]
    Corrupt { object: String, reason: String },
    /// The files were written by a newer program. The caller keeps them aside and rebuilds.
    #[error(
        "read {object}: format {found} is newer than {supported}, the newest this program reads; use the newer program or run `tga index rebuild`"
    )]
    Newer { object: String, found: u32, supported: u32 },
    /// Another process writes to this index right now.
    #[error("write {object}: another process holds it; stop the other `tga` or wait for it")]
    Busy { object: String },
    /// No room on the disk.
    #[error("write {object}: no space left on the device; free some space and start again")]
    Full { object: String },
    /// The system refused; trying again later may work.
    #[error("{operation}: {reason}")]
    Unavailable { operation: String, reason: String },
    /// A vector of another length than the index's.
    #[error("read vector: {found} dimensions instead of {expected}; re-embed with the configured model")]
    Dimension { expected: usize, found: usize },
    /// A stored vector row this program cannot decode.
    #[error("read vector row: {reason}; re-embed the post")]
    Row { reason: &'static str },
}

impl Error {
    /// What the worker does with a job that failed so.
    pub fn disposition(&self) -> Disposition {
        match self {
            Error::Corrupt { .. } | Error::Newer { .. } | Error::Busy { .. } | Error::Unavailable { .. } => {
                Disposition::Retry { after: None }
            }
            Error::Full { .. } => Disposition::Halt,
            Error::Dimension { .. } | Error::Row { .. } => Disposition::Reject,
        }
    }

    /// Whether the cure is to move the files aside and rebuild from the database.
    pub fn needs_rebuild(&self) -> bool {
        match self {
            Error::Corrupt { .. } | Error::Newer { .. } => true,
            Error::Busy { .. }
            | Error::Full { .. }
            | Error::Unavailable { .. }
            | Error::Dimension { .. }
            | Error::Row { .. } => false,
        }
    }

    pub(super) fn corrupt(object: &str, reason: impl Into<String>) -> Error {
        Error::Corrupt { object: object.to_owned(), reason: reason.into() }
    }

    pub(super) fn io(operation: &str, object: &str, source: &io::Error) -> Error {
        if source.kind() == io::ErrorKind::StorageFull || source.kind() == io::ErrorKind::QuotaExceeded {
            return Error::Full { object: object.to_owned() };
        }
        if matches!(source.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) {
            return Error::corrupt(object, source.to_string());
        }
        Error::Unavailable { operation: format!("{operation} {object}"), reason: source.to_string() }
    }

    pub(super) fn tantivy(operation: &str, object: &str, source: &TantivyError) -> Error {
        if let TantivyError::LockFailure(LockError::LockBusy, _) = source {
            return Error::Busy { object: object.to_owned() };
        }
        if let TantivyError::IoError(io)
        | TantivyError::LockFailure(LockError::IoError(io), _)
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error: io, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: io, .. })
        | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error: io, .. }) = source
        {
            return Error::io(operation, object, io);
        }
        let damaged = matches!(
            source,
            TantivyError::DataCorruption(_)
                | TantivyError::IncompatibleIndex(_)
                | TantivyError::DeserializeError(_)
                | TantivyError::SchemaError(_)
                | TantivyError::FieldNotFound(_)
                | TantivyError::OpenReadError(
                    OpenReadError::FileDoesNotExist(_) | OpenReadError::IncompatibleIndex(_)
                )
        );
        if damaged {
            return Error::corrupt(object, source.to_string());
        }
        Error::Unavailable { operation: format!("{operation} {object}"), reason: source.to_string() }
    }
}
