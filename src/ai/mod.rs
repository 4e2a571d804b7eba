//! Language models behind small traits, and the answerer that needs none.
//!
//! [`Embedder`] turns text into vectors; [`question`] reads a question; [`extractive`] answers it from posts; [`ChatModel`] writes,
//! and [`remote`] is whoever does that outside the box. May know `model`, `text` and `clock`, nothing else of ours. Calls are blocking unless said otherwise: the caller chooses the thread. Without an
//! installed model there is no embedder (`Option::None`); nothing here pretends to be one.

pub mod chat;
pub mod embedder;
mod error;
pub mod extractive;
pub mod prompt;
pub mod question;
pub mod remote;
pub mod tagging;
pub mod written;

pub use chat::{AnswerSchema, ChatAnswer, ChatMessage, ChatModel, ChatRequest, ChatRole, Pieces, Usage};
pub use embedder::{
    EmbedKind, Embedder, ImportedModel, InstalledModel, LocalModel, ModelId, model_import, model_list,
    model_open,
};
pub use error::Error;
pub use remote::{Remote, RemoteAuth, RemoteError, RemoteFault, RemoteModel, RemoteSettings};
