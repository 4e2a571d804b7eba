//! Where to cut a text that is longer than the model's window: at the ends of sentences, else between words.
//!
//! Pure. The promise is on the tokens of the cut piece itself, prefix included: it is counted again after cutting,
//! because a piece may be tokenised differently alone than inside its text.

use std::ops::Range;

use super::{EmbedKind, local::prefix, tokenizer::Tokenizer};

/// Byte ranges of at most `window` tokens each; see [`super::Embedder::chunks`].
pub(super) fn chunks(tokenizer: &Tokenizer, window: usize, text: &str) -> Vec<Range<usize>> {
    let prefix = prefix(EmbedKind::Passage);
    let mut chunks = Vec::new();
    let mut start = skip_space(text, 0);
    while start < text.len() {
        let rest = &text[start..];
        // No token is shorter than nothing, but a window rarely holds more than this: it bounds the work of each round.
        let look = rest.floor_char_boundary(window * BYTES_PER_TOKEN_MAX);
        let tokens = tokenizer.tokens(prefix, &rest[..look]);
        let mut limit = match tokens.get(window) {
            Some(token) => token.start,
            None => look,
        };
        loop {
            let end = if limit == rest.len() { limit } else { cut(rest, limit) };
            let len = rest[..end].trim_end().len();
            if len <= 1 || tokenizer.tokens(prefix, &rest[..len]).len() <= window {
                if len > 0 {
                    chunks.push(start..start + len);
                }
                start = skip_space(text, start + end);
                break;
            }
            limit = rest.floor_char_boundary(limit - limit.div_ceil(16).min(limit - 1));
        }
    }
    chunks
}

/// Text looked at for one window. Real text has 3 to 8 bytes a token.
const BYTES_PER_TOKEN_MAX: usize = 32;

fn skip_space(text: &str, from: usize) -> usize {
    text.len() - text[from..].trim_start().len()
}

/// The best place to cut at or before `limit`, in bytes; positive for a non-empty text. A sentence's end in the second
/// half wins over a word's end, which wins over none.
fn cut(text: &str, limit: usize) -> usize {
    let limit = limit.max(text.chars().next().map_or(0, char::len_utf8));
    let limit = text.floor_char_boundary(limit);
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
