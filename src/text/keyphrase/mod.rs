//! Key phrases: the names and noun phrases a text is about.
//!
//! Pure; knows the corpus only through [`DocumentFrequency`], and works without one.

mod candidate;

use candidate::candidates;

/// How many texts of the tenant hold a stem. The full-text index answers it; stems are those of [`super::stem`].
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
    /// Higher is better; comparable within one text only.
    pub score: f32,
}

/// At most `max` key phrases of a normalised text, the best first, no two with the same key.
pub fn keyphrases(text: &str, corpus: &dyn DocumentFrequency, max: usize) -> Vec<Keyphrase> {
    let _ = corpus;
    let mut found = candidates(text);
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(max);
    found
}
