//! Stemming: Snowball, the language chosen by the word's script.
//!
//! Knows words only. The same word always gives the same stem, in every run and every release of the index format;
//! a change here makes every full-text index out of date.

use frostem::{Algorithm, Stemmer};

/// Words longer than this, in bytes, are not words of a language; they are left as they are.
const STEM_BYTES_MAX: usize = 96;

/// A stem of fewer characters says nothing any more; `ии` (the Russian AI) must not become `и` (and).
const STEM_CHARS_MIN: usize = 2;

/// The stem of one folded word: Russian for Cyrillic, English for Latin, anything else unchanged.
pub fn stem(folded: &str) -> String {
    if folded.len() > STEM_BYTES_MAX {
        return folded.to_owned();
    }
    let algorithm = match folded.chars().next() {
        Some('а'..='я') => Algorithm::Russian,
        Some('a'..='z') => Algorithm::English,
        Some(_) | None => return folded.to_owned(),
    };
    let stem = Stemmer::new(algorithm).stem(folded).into_owned();
    if stem.chars().nth(STEM_CHARS_MIN - 1).is_some() { stem } else { folded.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems() {
        let check = |word: &str, expected: &str| assert_eq!(stem(word), expected, "{word}");
        check("новостями", "новост");
        check("releases", "releas");
        check("ии", "ии");
        check("2024", "2024");
        check("日", "日");
        check(&"я".repeat(STEM_BYTES_MAX), &"я".repeat(STEM_BYTES_MAX));
    }
}
