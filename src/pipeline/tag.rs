//! Tag: what a post is about, by the local tagger, or by a model that was asked about it before.
//!
//! Pure besides asking the index how common a word is. Which tag of the vocabulary a form joins is decided where tags are stored.

use std::time::Instant;

use crate::{
    app::tags::tags_made,
    model::Post,
    store::{ModelTags, PlacedTag, StageOutput},
    text::DocumentFrequency,
};

/// Who made the tags, as stored and shown.
pub(super) const PROVIDER: &str = "local";

pub(super) fn tag(post: &Post, frequency: &dyn DocumentFrequency, made: Option<&ModelTags>) -> StageOutput {
    if let Some(made) = made {
        let tags = made.tags.iter().map(PlacedTag::to_form).collect();
        return StageOutput::Tagged { tags, provider: made.model.clone() };
    }
    let started = Instant::now();
    let tags = tags_made(post, frequency);
    metrics::histogram!("tagging_latency_seconds").record(started.elapsed().as_secs_f64());
    metrics::counter!("tagging_requests_total", "provider" => PROVIDER, "success" => "true").increment(1);
    StageOutput::Tagged { tags, provider: PROVIDER.to_owned() }
}
