//! Stemming: Snowball, the language chosen by the word's script.
//!
//! Knows words only. The same word always gives the same stem, in every run and every release of the index format;
//! a change here makes every full-text index out of date.

use frostem::{Algorithm, Stemmer};

/// Words longer than this, in bytes, are not words of a language; they are left as they are.
const STEM_BYTES_MAX: usize = 96;

/// The stem of one folded word: Russian for Cyrillic, English for Latin, anything else unchanged.
pub fn stem(folded: &str) -> String {
    if folded.len() > STEM_BYTES_MAX {
        return folded.to_owned();
    }
    match folded.chars().next() {
        Some('а'..='я') => Stemmer::new(Algorithm::Russian).stem(folded).into_owned(),
        Some('a'..='z') => Stemmer::new(Algorithm::English).stem(folded).into_owned(),
        Some(_) | None => folded.to_owned(),
    }
}
