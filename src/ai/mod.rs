//! Language models behind small traits, and the answerer that needs none.
//!
//! [`Embedder`] turns text into vectors; [`question`] reads a question; [`extractive`] answers it from posts. May know `model`
//! and `text`, nothing else of ours. Calls are blocking unless said otherwise: the caller chooses the thread. Without an
//! installed model there is no embedder (`Option::None`); nothing here pretends to be one.

pub mod embedder;
mod error;
pub mod extractive;
pub mod question;

pub use embedder::{
    EmbedKind, Embedder, ImportedModel, InstalledModel, LocalModel, ModelId, model_import, model_list,
    model_open,
};
pub use error::Error;
