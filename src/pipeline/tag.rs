//! Tag: what a post is about, by the local tagger.
//!
//! Pure besides asking the index how common a word is. Tags keep every rule of `text::tags_checked`; those that break one are
//! dropped and counted, the post keeps the others.

use std::time::Instant;

use crate::{
    model::Post,
    store::{StageOutput, TagForm},
    text::{self, DocumentFrequency, TAGS_PER_POST_MAX},
};

/// Who made the tags, as stored and shown.
pub(super) const PROVIDER: &str = "local";
/// Candidates drawn before the rules are applied.
const CANDIDATES_MAX: usize = TAGS_PER_POST_MAX * 2;

pub(super) fn tag(post: &Post, frequency: &dyn DocumentFrequency) -> StageOutput {
    let started = Instant::now();
    let tags = tags_of(&post.text, frequency, TAGS_PER_POST_MAX);
    metrics::histogram!("tagging_latency_seconds").record(started.elapsed().as_secs_f64());
    metrics::counter!("tagging_requests_total", "provider" => PROVIDER, "success" => "true").increment(1);
    let tags = tags.into_iter().map(|form| TagForm { key: text::tag_key(&form), form }).collect();
    StageOutput::Tagged { tags, provider: PROVIDER.to_owned() }
}

/// The tags of a text, best first.
fn tags_of(text: &str, frequency: &dyn DocumentFrequency, max: usize) -> Vec<String> {
    let candidates = text::keyphrases(text, frequency, CANDIDATES_MAX.max(max));
    let (mut tags, rejected) = text::tags_checked(text, candidates.into_iter().map(|phrase| phrase.text));
    for rejection in rejected {
        metrics::counter!("tags_rejected_total", "reason" => rejection.reason.name()).increment(1);
    }
    tags.truncate(max);
    tags
}
