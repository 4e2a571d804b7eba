//! Tokens: words, numbers, hashtags, mentions, addresses, emoji.

use unicode_segmentation::UnicodeSegmentation as _;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    Word,
    Number,
    /// Includes the `#`.
    Hashtag,
    /// Includes the `@`.
    Mention,
    Url,
    Emoji,
}

/// A piece of normalised text, by byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub start: usize,
    pub end: usize,
    pub kind: TokenKind,
}

impl Token {
    /// The token's text, given the text it was cut from.
    pub fn of<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start..self.end]
    }
}

/// The tokens of a normalised text, in order, without punctuation and space.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::with_capacity(text.len() / 8);
    for (start, word) in text.unicode_word_indices() {
        let kind = if word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',')) {
            TokenKind::Number
        } else {
            TokenKind::Word
        };
        out.push(Token {
            start,
            end: start + word.len(),
            kind,
        });
    }
    out
}
