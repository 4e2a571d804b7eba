//! Text to unit vectors. One trait, one bundled implementation: a 4-bit BERT-style encoder read from a file. Those of providers are
//! in `remote`.
//!
//! Vectors of two models, or of two versions of one model, must never be compared; [`ModelId`] therefore carries the
//! content hash of the weights and is stored beside each vector.

mod attention;
mod chunk;
mod encoder;
mod files;
mod float;
mod format;
mod kernel;
mod local;
mod matrix;
mod synthetic;
mod tokenizer;

use std::{fmt, ops::Range};

pub use files::{ImportedModel, InstalledModel, model_import, model_list, model_open};
pub use local::LocalModel;
pub use synthetic::{SyntheticShape, synthetic_model};

use super::Error;

/// Which side of a search a text is on. The model was trained to tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedKind {
    /// A question, or anything that is compared with passages.
    Query,
    /// A post or a part of one.
    Passage,
}

/// Name and version of a model, e.g. `e5-small-q4@1571fc982750`: the version is the start of the file's SHA-256; of a provider's
/// model that of its address and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId(String);

impl ModelId {
    /// Hex digits of the file's SHA-256 kept as version: 48 bits.
    pub const VERSION_LEN: usize = 12;

    /// Reads `name@version`; `None` if it is not of that form (lower-case letters, digits, `-`, `_`, `.` in the name).
    pub fn parse(id: &str) -> Option<Self> {
        let (name, version) = id.split_once('@')?;
        let name_ok = !name.is_empty()
            && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'));
        let version_ok = version.len() == Self::VERSION_LEN
            && version.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (name_ok && version_ok).then(|| Self(id.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before `@`.
    pub fn name(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Turns texts into vectors whose dot product is their likeness.
pub trait Embedder: Send + Sync {
    /// What the vectors must be stored under.
    fn model(&self) -> &ModelId;

    /// Length of each vector.
    fn dimensions(&self) -> usize;

    /// One unit vector a text, in order. Blocks for milliseconds a text: call it on a blocking thread.
    ///
    /// A text longer than the model's window gives the mean over its windows, weighted by their tokens; use
    /// [`Embedder::chunks`] first where the parts should be found separately.
    fn embed(&self, kind: EmbedKind, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error>;

    /// Byte ranges of `text`, in order and without overlap, each of which fits the model's window as a passage.
    /// Cut at the ends of sentences where there are any, else between words. Most posts give one; a blank text none.
    fn chunks(&self, text: &str) -> Vec<Range<usize>>;
}
