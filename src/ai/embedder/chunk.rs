//! Where to cut a text that is longer than the model's window: at the ends of sentences, else between words.
//!
//! Pure. The promise is on the tokens of the cut piece itself, prefix included: it is counted again after cutting,
//! because a piece may be tokenised differently alone than inside its text.

use std::ops::Range;

use super::{EmbedKind, local::prefix, tokenizer::Tokenizer};

/// Text looked at for one window, in bytes a token; real text has 3 to 8. It bounds the work of each round.
const BYTES_PER_TOKEN_MAX: usize = 32;

/// Byte ranges of at most `window` tokens each; see [`super::Embedder::chunks`]. A single character that alone is longer
/// than a window is kept whole.
pub(super) fn chunks(tokenizer: &Tokenizer, window: usize, text: &str) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let mut start = skip_space(text, 0);
    while start < text.len() {
        let (len, next) = first_chunk(tokenizer, window, &text[start..]);
        chunks.push(start..start + len);
        start = skip_space(text, start + next);
    }
    chunks
}

/// Length of the first chunk of a text that begins with something other than space, and where the rest begins.
fn first_chunk(tokenizer: &Tokenizer, window: usize, rest: &str) -> (usize, usize) {
    let prefix = prefix(EmbedKind::Passage);
    let least = rest.chars().next().map_or(0, char::len_utf8);
    let look = rest.floor_char_boundary(window.saturating_mul(BYTES_PER_TOKEN_MAX)).max(least);
    let tokens = tokenizer.tokens(prefix, &rest[..look]);
    let mut limit = tokens.get(window).map_or(look, |token| token.start);
    loop {
        let end = if limit == rest.len() { limit } else { cut(rest, limit.max(least)) };
        let len = rest[..end].trim_end().len();
        if end <= least || tokenizer.tokens(prefix, &rest[..len]).len() <= window {
            return (len, end);
        }
        limit = rest.floor_char_boundary(limit - limit.div_ceil(16));
    }
}

fn skip_space(text: &str, from: usize) -> usize {
    text.len() - text[from..].trim_start().len()
}

/// The best place to cut at or before `limit`, in bytes, never 0: `limit` is a character's border and the text begins with
/// something other than space. A sentence's end in the second half wins over a word's end, which wins over none.
fn cut(text: &str, limit: usize) -> usize {
    let mut sentence = 0;
    let mut word = 0;
    let mut before = None;
    for (at, character) in text[..limit].char_indices() {
        if character.is_whitespace() {
            word = at;
            if character == '\n' || matches!(before, Some('.' | '!' | '?' | '…')) {
                sentence = at;
            }
        }
        before = Some(character);
    }
    if sentence > limit / 2 {
        sentence
    } else if word > 0 {
        word
    } else {
        limit
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use proptest::prelude::*;

    use super::super::{Embedder as _, LocalModel, SyntheticShape, synthetic_model};
    use crate::ai::EmbedKind;

    fn model(positions: usize) -> LocalModel {
        let bytes = synthetic_model(SyntheticShape { positions, heads: 1, ..SyntheticShape::default() });
        LocalModel::from_bytes(bytes, "test", NonZeroUsize::MIN).unwrap()
    }

    /// Chunks of `text` as strings, with every promise about them checked.
    fn check(model: &LocalModel, positions: usize, text: &str) -> Vec<String> {
        let chunks = model.chunks(text);
        let mut end = 0;
        for chunk in &chunks {
            assert!(text[end..chunk.start].trim().is_empty(), "only space is left out");
            assert!(chunk.start < chunk.end, "no empty chunk");
            end = chunk.end;
            let part = &text[chunk.clone()];
            let count = model.tokens_count(EmbedKind::Passage, part);
            assert!(count <= positions || part.chars().count() == 1, "{count} tokens in {part:?}");
        }
        assert!(text[end..].trim().is_empty(), "nothing is lost at the end");
        chunks.into_iter().map(|chunk| text[chunk].to_owned()).collect()
    }

    #[test]
    fn cuts_at_sentences_then_words_then_anywhere() {
        let model = model(32);
        assert_eq!(check(&model, 32, ""), Vec::<String>::new());
        assert_eq!(check(&model, 32, " \n\t "), Vec::<String>::new());
        assert_eq!(check(&model, 32, " привет, мир "), ["привет, мир"]);
        assert_eq!(
            check(&model, 32, "один два три пять. четыре шесть семь"),
            ["один два три пять.", "четыре шесть семь"]
        );
        assert_eq!(check(&model, 32, "раз два три четыре пять шесть"), ["раз два три четыре пять", "шесть"]);
        assert!(check(&model, 32, &"ж".repeat(1000)).len() > 40);
    }

    #[test]
    fn a_text_far_beyond_one_look_is_cut_throughout() {
        let text = "слово ".repeat(20_000);
        assert!(check(&model(64), 64, &text).len() > 1000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_chunk_fits_and_nothing_is_lost(text in "[ \\PCа-яё.!\n]{0,300}", positions in 16usize..80) {
            check(&model(positions), positions, &text);
        }
    }
}
