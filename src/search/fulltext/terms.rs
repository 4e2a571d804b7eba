//! Terms on their way through tantivy: written into one string by the caller, read back by the index's tokenizer.
//!
//! tantivy's own form for words that are already cut travels as JSON, which took a tenth of an import. Knows `text` for the term's
//! shape only. A term never holds a control character (the normaliser drops them), so two of those separate the terms.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::text::Term;

/// The tokenizer's name in the schema.
pub(super) const TERMS: &str = "terms";

/// One position on.
const NEXT: u8 = 0x1f;
/// Another term at the same position.
const SAME: u8 = 0x1e;

/// Every term with its position, as [`TermTokenizer`] reads it.
pub(super) fn joined<'a>(terms: &'a [Term], form: impl Fn(&'a Term) -> &'a str) -> String {
    let mut out = String::with_capacity(terms.len() * 12);
    // Positions are counted from one before the first.
    let mut reached = 0;
    for term in terms {
        let position = term.position + 1;
        if position == reached {
            out.push(char::from(SAME));
        }
        while reached < position {
            out.push(char::from(NEXT));
            reached += 1;
        }
        out.push_str(form(term));
    }
    out
}

/// Reads what [`joined`] wrote.
#[derive(Clone, Default)]
pub(super) struct TermTokenizer(Token);

impl Tokenizer for TermTokenizer {
    type TokenStream<'a> = TermStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> TermStream<'a> {
        self.0.reset();
        TermStream { rest: text, token: &mut self.0 }
    }
}

/// The terms of one field.
pub(super) struct TermStream<'a> {
    rest: &'a str,
    token: &'a mut Token,
}

impl TokenStream for TermStream<'_> {
    fn advance(&mut self) -> bool {
        loop {
            if self.rest.is_empty() {
                return false;
            }
            let rest = match self.rest.strip_prefix(char::from(NEXT)) {
                Some(rest) => {
                    self.token.position = self.token.position.wrapping_add(1);
                    rest
                }
                None => self.rest.strip_prefix(char::from(SAME)).unwrap_or(self.rest),
            };
            let end = memchr::memchr2(NEXT, SAME, rest.as_bytes()).unwrap_or(rest.len());
            let (term, rest) = rest.split_at(end);
            self.rest = rest;
            if !term.is_empty() {
                self.token.text.clear();
                self.token.text.push_str(term);
                return true;
            }
        }
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::terms;

    #[test]
    fn terms_arrive_with_their_positions() {
        for text in
            ["", "Банк поднял ставку", "веб-сервис на tokio 1.40, C++ и #хештег_два, https://t.me/some/7"]
        {
            let terms = terms(text);
            let written = joined(&terms, |term| &term.text);
            let mut tokenizer = TermTokenizer::default();
            let mut stream = tokenizer.token_stream(&written);
            let mut read = Vec::new();
            while stream.advance() {
                read.push((stream.token().text.clone(), stream.token().position));
            }
            let expected: Vec<_> =
                terms.iter().map(|term| (term.text.clone(), term.position as usize)).collect();
            assert_eq!(read, expected, "{text}");
        }
    }
}
