//! The engine: takes posts through their stages, fills gaps, makes vectors, reads pages behind links, has models tag.
//!
//! May know `app` and through it the leaves; nothing of http, bot or cli. Stages compute, the worker commits: a stage never
//! writes, never touches the queue and never decides about retries.
//!
//! Crash behaviour: every step may be lost at any point. tenant.db is committed first, the queue second, so what a crash leaves
//! is a job whose work is done (a no-op) or a post without a job (the sweep).

mod embed;
mod embed_outside;
mod engine;
mod enrich;
mod index;
mod links;
mod model_tags;
mod parse;
mod sweep;
mod tag;
mod upkeep;
mod worker;

pub use embed::{EmbedOutcome, embed_tick};
pub use embed_outside::{ALONE_TRIES_MAX, EmbedOutsideOutcome, OutsideVectors};
pub use engine::{Engine, drain};
pub use links::{LinkReader, LinksOutcome};
pub use model_tags::{ModelTagsOutcome, model_tags_tick};
pub use sweep::{Swept, sweep};
pub use upkeep::UpkeepThread;
pub use worker::{TickOutcome, tick};
