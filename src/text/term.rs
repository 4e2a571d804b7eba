//! Terms: what the full-text index stores and what a query looks up. Both call [`terms`], so a word found by one is found
//! by both.
//!
//! Pure; built on tokens, folding and stems. Positions grow by one for each simple word, so that a phrase query over the
//! parts of a compound works; the whole compound stands at the position of its first part.

use super::address;
use super::chars::{is_hyphen, is_skin_tone, is_word};
use super::normalise::{fold, fold_into};
use super::stem::stem;
use super::token::{Token, TokenKind, tokens};

/// The longest term, in bytes; what is longer is cut there, in the index and in the query alike.
pub const TERM_BYTES_MAX: usize = 256;

/// The most words taken from the path of one address.
const PATH_WORDS_MAX: usize = 24;

/// One entry of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Folded and stemmed; what inflected forms share.
    pub text: String,
    /// Folded only; what an exact phrase compares.
    pub exact: String,
    /// Where it stands in the normalised text, in bytes.
    pub start: usize,
    pub end: usize,
    /// The number of simple words before it.
    pub position: u32,
}

/// The terms of a normalised text, in order of position.
///
/// A word gives its stem. A compound (`кто-то`, `GPT-4`, `node.js`) gives the whole and its parts. A hashtag gives itself
/// with the `#`, and its words (split at `_` and where the case changes); a mention itself and its name; an address its
/// whole without scheme, its host, and the words of host and path; a number one spelling for all (`1 000` = `1000`,
/// `12,5` = `12.5`).
pub fn terms(text: &str) -> Vec<Term> {
    let mut writer = Writer { text, out: Vec::with_capacity(text.len() / 9 + 1), position: 0 };
    for token in tokens(text) {
        writer.token(token);
    }
    writer.out
}

struct Writer<'a> {
    text: &'a str,
    out: Vec<Term>,
    position: u32,
}

impl Writer<'_> {
    fn token(&mut self, token: Token) {
        match token.kind {
            TokenKind::Word => self.word(token),
            TokenKind::Number => self.number(token),
            TokenKind::Hashtag => self.hashtag(token),
            TokenKind::Mention => {
                self.push_plain(fold(token.of(self.text)), token.start, token.end);
                self.push_plain(fold(&self.text[token.start + 1..token.end]), token.start + 1, token.end);
                self.position += 1;
            }
            TokenKind::Url => self.address(token),
            TokenKind::Emoji => {
                let bare: String = token
                    .of(self.text)
                    .chars()
                    .filter(|c| !is_skin_tone(*c) && *c != super::chars::COLOURED)
                    .collect();
                // A lone skin tone is its own picture.
                let bare = if bare.is_empty() { token.of(self.text).to_owned() } else { bare };
                self.push_plain(bare, token.start, token.end);
                self.position += 1;
            }
        }
    }

    fn push(&mut self, text: String, exact: String, start: usize, end: usize) {
        self.out.push(Term { text: cut(text), exact: cut(exact), start, end, position: self.position });
    }

    /// A term that has no stem.
    fn push_plain(&mut self, text: String, start: usize, end: usize) {
        self.push(text.clone(), text, start, end);
    }

    /// One simple word, and on to the next position.
    fn push_word(&mut self, start: usize, end: usize) {
        let exact = fold(&self.text[start..end]);
        self.push(stem(&exact), exact, start, end);
        self.position += 1;
    }

    fn word(&mut self, token: Token) {
        let word = token.of(self.text);
        let parts = compound_parts(word);
        if word.ends_with('.') || is_abbreviation(word) {
            // `т.е.`, `U.S.`: found with and without its dots.
            let exact = fold(word).replace('.', "");
            self.push_plain(exact, token.start, token.end);
            self.position += 1;
            return;
        }
        if parts.len() < 2 {
            // `C++`, `.NET`: the signs are part of the name, and the bare name is not the same word.
            self.push_word(token.start, token.end);
            return;
        }
        let exact = whole(word);
        let stemmed = parts.last().map_or_else(String::new, |(start, end)| {
            // The ending is on the last part: `интернет-магазинах`.
            let head = whole(&word[..*start]);
            head + &stem(&fold(&word[*start..*end])) + &whole(&word[*end..])
        });
        self.push(stemmed, exact, token.start, token.end);
        for (start, end) in parts {
            self.push_word(token.start + start, token.start + end);
        }
    }

    fn number(&mut self, token: Token) {
        let number = token.of(self.text);
        let exact = number_canonical(number);
        let dotted = number.matches(['.', ':']).count();
        self.push_plain(exact, token.start, token.end);
        if let Some(bare) = number.strip_suffix('%') {
            self.push_plain(number_canonical(bare), token.start, token.end - 1);
        }
        if dotted >= 2 {
            // A date or a version: its year or its parts are looked for too.
            let mut from = token.start;
            for part in number.split(['.', ':']) {
                let end = from + part.len();
                self.push_plain(part.to_owned(), from, end);
                self.position += 1;
                from = end + 1;
            }
        } else {
            self.position += 1;
        }
    }

    fn hashtag(&mut self, token: Token) {
        let body = &self.text[token.start + 1..token.end];
        self.push_plain(fold(token.of(self.text)), token.start, token.end);
        let parts = hashtag_parts(body);
        if parts.len() > 1 && !body.contains('_') {
            // `#БольшиеДанные` is also looked for as one word.
            let exact = fold(body);
            self.push(stem(&exact), exact, token.start + 1, token.end);
        }
        for (start, end) in parts {
            self.push_word(token.start + 1 + start, token.start + 1 + end);
        }
    }

    fn address(&mut self, token: Token) {
        let url = token.of(self.text);
        let host_start = address::host_start(url);
        let bare = &url[host_start..];
        let whole = fold(bare.trim_end_matches('/'));
        let host_end = bare.find(['/', '?', '#']).unwrap_or(bare.len());
        let host = fold(&bare[..host_end]);
        let base = token.start + host_start;
        if host != whole {
            self.push_plain(whole, token.start, token.end);
        }
        self.push_plain(host, base, base + host_end);
        let labels = &bare[..host_end];
        // The top-level domain says nothing.
        let name_end = labels.rfind('.').unwrap_or(labels.len());
        for (start, end) in word_runs(&labels[..name_end]) {
            self.push_word(base + start, base + end);
        }
        let path_end = bare[host_end..].find('?').map_or(bare.len(), |at| host_end + at);
        let path = &bare[host_end..path_end];
        if path.contains("%D") || path.contains("%d") {
            // Percent-encoded Cyrillic: its words have no place of their own in the text.
            for word in word_runs_owned(&percent_decoded(path)) {
                let exact = fold(&word);
                self.push(stem(&exact), exact, token.start, token.end);
                self.position += 1;
            }
        } else {
            for (start, end) in word_runs(path).into_iter().take(PATH_WORDS_MAX) {
                self.push_word(base + host_end + start, base + host_end + end);
            }
        }
        if name_end == 0 && path.is_empty() {
            self.position += 1;
        }
    }
}

/// At most [`TERM_BYTES_MAX`] bytes of a term.
fn cut(mut term: String) -> String {
    term.truncate(term.floor_char_boundary(TERM_BYTES_MAX));
    term
}

/// A compound's spelling: folded, every hyphen the same, every apostrophe the same.
fn whole(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    fold_into(word, &mut out);
    if out.is_ascii() {
        return out;
    }
    out.chars()
        .map(|c| match c {
            c if is_hyphen(c) => '-',
            '’' | 'ʼ' => '\'',
            c => c,
        })
        .collect()
}

/// The parts of a compound word; one part for a simple word. Apostrophes do not part a word.
fn compound_parts(word: &str) -> Vec<(usize, usize)> {
    let joined = |c: char| is_hyphen(c) || matches!(c, '.' | '_' | '&');
    let inner = word.trim_start_matches('.');
    if !inner.contains(joined) {
        return Vec::new();
    }
    let offset = word.len() - inner.len();
    word_runs(inner).into_iter().map(|(start, end)| (start + offset, end + offset)).collect()
}

/// `т.е.`: letters with dots, of which no single one is worth finding.
fn is_abbreviation(word: &str) -> bool {
    word.contains('.') && !word.starts_with('.') && word.split('.').all(|part| part.chars().nth(1).is_none())
}

/// Runs of word characters, as byte ranges.
fn word_runs(text: &str) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        match (is_word(c), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                out.push((from, at));
                start = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    out.extend(start.map(|from| (from, text.len())));
    out
}

fn word_runs_owned(text: &str) -> Vec<String> {
    word_runs(text).into_iter().take(PATH_WORDS_MAX).map(|(start, end)| text[start..end].to_owned()).collect()
}

/// The words of a hashtag's body: parted by `_` and where a small letter meets a capital one.
fn hashtag_parts(body: &str) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    for (start, end) in word_runs(body) {
        let mut from = start;
        let mut small = false;
        for (at, c) in body[start..end].char_indices() {
            if small && c.is_uppercase() {
                out.push((from, start + at));
                from = start + at;
            }
            small = c.is_lowercase();
        }
        out.push((from, end));
    }
    out
}

/// One spelling for a number: no group separators, a dot before the fraction.
fn number_canonical(number: &str) -> String {
    let bare: String = number.chars().filter(|c| *c != ' ').collect();
    let mut groups = bare.trim_end_matches('%').split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = bare.contains(',')
        && (1..=3).contains(&first.len())
        && first != "0"
        && groups.all(|group| group.len() == 3 || group.find('.') == Some(3));
    // `1,000` is a thousand in English; three digits after a Russian decimal comma are rare.
    if grouped { bare.replace(',', "") } else { bare.replace(',', ".") }
}

/// Percent escapes undone where they are UTF-8; else the input.
fn percent_decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) = escaped {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests;
