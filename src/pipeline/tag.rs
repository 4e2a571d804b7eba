//! Tag: what a post is about, by the local tagger.
//!
//! Pure besides asking the index how common a word is. Which tag of the vocabulary a form joins is decided where tags are stored.

use std::time::Instant;

use crate::{app::tags::tags_made, model::Post, store::StageOutput, text::DocumentFrequency};

/// Who made the tags, as stored and shown.
pub(super) const PROVIDER: &str = "local";

pub(super) fn tag(post: &Post, frequency: &dyn DocumentFrequency) -> StageOutput {
    let started = Instant::now();
    let tags = tags_made(post, frequency);
    metrics::histogram!("tagging_latency_seconds").record(started.elapsed().as_secs_f64());
    metrics::counter!("tagging_requests_total", "provider" => PROVIDER, "success" => "true").increment(1);
    StageOutput::Tagged { tags, provider: PROVIDER.to_owned() }
}
