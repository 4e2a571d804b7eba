//! Stemming: Snowball, the language chosen by the token's script.

use std::sync::LazyLock;

use frostem::{Algorithm, Stemmer};

static RUSSIAN: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::new(Algorithm::Russian));
static ENGLISH: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::new(Algorithm::English));

/// The stem of one folded word: Russian for Cyrillic, English for Latin, anything else unchanged.
pub fn stem(folded: &str) -> String {
    match folded.chars().next() {
        Some('а'..='я') => RUSSIAN.stem(folded).into_owned(),
        Some('a'..='z') => ENGLISH.stem(folded).into_owned(),
        _ => folded.to_owned(),
    }
}
