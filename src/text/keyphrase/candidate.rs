//! Candidates for key phrases.

use std::collections::HashMap;

use super::Keyphrase;
use crate::text::{TokenKind, fold, stem, stop_word, tokens};

pub(super) fn candidates(text: &str) -> Vec<Keyphrase> {
    let mut found: HashMap<String, Keyphrase> = HashMap::new();
    for (n, token) in tokens(text).into_iter().enumerate() {
        let word = token.of(text);
        let folded = fold(word);
        if token.kind != TokenKind::Word || stop_word(&folded) || word.chars().count() < 2 {
            continue;
        }
        let capital = word.starts_with(char::is_uppercase);
        let score = if capital { 1.0 } else { 0.2 } / (1.0 + n as f32 / 50.0);
        found
            .entry(stem(&folded))
            .and_modify(|phrase| phrase.score += score)
            .or_insert_with(|| Keyphrase {
                text: word.to_owned(),
                score,
            });
    }
    found.into_values().collect()
}
