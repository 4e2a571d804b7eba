//! Key phrases: the names and noun phrases a text is about.
//!
//! Pure; knows the corpus only through [`DocumentFrequency`], and works without one: how common a word is at large comes
//! from a small built-in table. Candidates are words, names and noun phrases of up to three words; a logistic regression
//! over what the text shows of each puts them in order.

mod background;
mod candidate;
mod score;
mod shape;

use std::collections::HashSet;

use super::tag::is_banned;
use candidate::candidates;
use score::{Scorer, Traits};

/// How many texts of the tenant hold a stem. The full-text index answers it; stems are those of [`super::terms`].
pub trait DocumentFrequency {
    /// The number of texts counted.
    fn documents(&self) -> u64;
    /// The number of texts that hold this stem.
    fn frequency(&self, stem: &str) -> u64;
}

/// A corpus of nothing: a fresh tenant.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDocuments;

impl DocumentFrequency for NoDocuments {
    fn documents(&self) -> u64 {
        0
    }

    fn frequency(&self, _stem: &str) -> u64 {
        0
    }
}

/// A phrase and how much the text is about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyphrase {
    /// An exact substring of the normalised text.
    pub text: String,
    /// Higher is better: the estimated probability that an author would choose it.
    pub score: f32,
}

/// A phrase that scores less than this share of the best one is no subject of the text: few tags that fit beat many.
const SCORE_SHARE_MIN: f32 = 0.4;

/// At most `max` key phrases of a normalised text, the best first, no two with the same key, none of them banned as a tag.
pub fn keyphrases(text: &str, corpus: &dyn DocumentFrequency, max: usize) -> Vec<Keyphrase> {
    let (found, length) = candidates(text);
    let scorer = Scorer::new(corpus, length);
    let mut scored: Vec<(f32, usize)> =
        found.iter().enumerate().map(|(n, candidate)| (Traits::of(candidate, &scorer).score(), n)).collect();
    // Of equals the earlier in the text.
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut out = Vec::with_capacity(max);
    let mut covered: HashSet<&str> = HashSet::new();
    for (score, n) in scored {
        if out.len() == max {
            break;
        }
        let candidate = &found[n];
        if out.first().is_some_and(|best: &Keyphrase| score < SCORE_SHARE_MIN * best.score) {
            break;
        }
        if !scorer.is_shared(&candidate.key) {
            continue;
        }
        let repeats = candidate.key.split(' ').all(|word| covered.contains(word));
        if repeats || is_banned(&candidate.key) {
            continue;
        }
        covered.extend(candidate.key.split(' '));
        out.push(Keyphrase { text: text[candidate.place.clone()].to_owned(), score });
    }
    out
}
