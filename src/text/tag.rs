//! The rules a tag must keep, in one place: for the local tagger, for a model's answer, for a merge by hand.
//!
//! Knows text only. A tag that breaks a rule is dropped and reported; the post keeps the others. The banned words are the
//! file `schema/banned_tags.txt`, compared by stem.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

use super::normalise::{fold, normalise};
use super::stem::stem;
use super::stop_word::stop_word;
use super::token::{TokenKind, tokens};

/// The most tags a post keeps.
pub const TAGS_PER_POST_MAX: usize = 5;

/// The most words of a tag.
pub const TAG_WORDS_MAX: usize = 3;

/// The longest tag, in characters: three words of a language, not a line of a post.
pub const TAG_CHARS_MAX: usize = 80;

/// A tag that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    pub tag: String,
    pub reason: Rejection,
}

/// Why a tag was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// No letter or digit in it.
    Empty,
    /// Does not occur in the text.
    NotInText,
    /// More than [`TAG_WORDS_MAX`] words or [`TAG_CHARS_MAX`] characters.
    TooLong,
    /// In the banned list, by stem.
    Banned,
    /// Another tag with the same key came before it.
    Duplicate,
    /// [`TAGS_PER_POST_MAX`] tags came before it.
    TooMany,
}

impl Rejection {
    /// The reason as a metric label.
    pub fn name(self) -> &'static str {
        match self {
            Rejection::Empty => "empty",
            Rejection::NotInText => "not_in_text",
            Rejection::TooLong => "too_long",
            Rejection::Banned => "banned",
            Rejection::Duplicate => "duplicate",
            Rejection::TooMany => "too_many",
        }
    }
}

/// The candidates that keep every rule, in their order and as the text spells them, and the others with the reason.
///
/// `text` is normalised; a candidate is normalised here. Where a tag occurs several times, the spelling at words' borders wins.
pub fn tags_checked(text: &str, candidates: impl Iterator<Item = String>) -> (Vec<String>, Vec<Rejected>) {
    let lowered = Lowered::new(text);
    let mut kept: Vec<String> = Vec::new();
    let mut rejected = Vec::new();
    let mut keys = HashSet::new();
    for candidate in candidates {
        match tag_checked(&lowered, &candidate, &mut keys, kept.len()) {
            Ok(tag) => kept.push(tag),
            Err(reason) => rejected.push(Rejected { tag: candidate, reason }),
        }
    }
    (kept, rejected)
}

fn tag_checked(
    text: &Lowered<'_>,
    candidate: &str,
    keys: &mut HashSet<String>,
    kept: usize,
) -> Result<String, Rejection> {
    let normal = normalise(candidate);
    let tag = normal.trim().trim_start_matches('#').trim();
    let words = tag.split_whitespace().count();
    let key = tag_key(tag);
    if key.is_empty() {
        return Err(Rejection::Empty);
    }
    if words > TAG_WORDS_MAX || tag.chars().count() > TAG_CHARS_MAX {
        return Err(Rejection::TooLong);
    }
    if is_banned(&key) {
        return Err(Rejection::Banned);
    }
    let Some(spelling) = text.find(tag) else {
        return Err(Rejection::NotInText);
    };
    if kept >= TAGS_PER_POST_MAX {
        return Err(Rejection::TooMany);
    }
    if !keys.insert(key) {
        return Err(Rejection::Duplicate);
    }
    Ok(spelling.to_owned())
}

/// A text in lower case, with the way back to its bytes.
struct Lowered<'a> {
    text: &'a str,
    lower: String,
    /// For each byte of `lower` that begins a character: the byte of `text` it came from. Empty where both coincide.
    origin: Vec<u32>,
}

impl<'a> Lowered<'a> {
    fn new(text: &'a str) -> Self {
        let mut lower = String::with_capacity(text.len());
        let mut same = true;
        for c in text.chars() {
            let before = lower.len();
            lower.extend(c.to_lowercase());
            same &= lower.len() - before == c.len_utf8();
        }
        let mut origin = Vec::new();
        if !same {
            for (at, c) in text.char_indices() {
                let bytes: usize = c.to_lowercase().map(char::len_utf8).sum();
                origin.extend(std::iter::repeat_n(at as u32, bytes));
            }
            origin.push(text.len() as u32);
        }
        Self { text, lower, origin }
    }

    fn origin_of(&self, at: usize) -> usize {
        self.origin.get(at).map_or(at, |origin| *origin as usize)
    }

    /// The text's own spelling of the first occurrence of `tag`, whatever the case; at words' borders if it has such.
    fn find(&self, tag: &str) -> Option<&'a str> {
        let wanted = tag.to_lowercase();
        let whole = self.lower.match_indices(&wanted).find(|(at, found)| {
            let before = self.lower[..*at].chars().next_back();
            let after = self.lower[at + found.len()..].chars().next();
            !before.is_some_and(super::chars::is_word) && !after.is_some_and(super::chars::is_word)
        });
        let (at, found) = whole.or_else(|| self.lower.match_indices(&wanted).next())?;
        self.text.get(self.origin_of(at)..self.origin_of(at + found.len()))
    }
}

/// What variants of one tag share: its folded words' stems, joined by a space. `Ключевой ставки` and `ключевая ставка`
/// have one key; so have `#нейросети` and `Нейросеть`.
pub fn tag_key(tag: &str) -> String {
    let mut out = String::with_capacity(tag.len());
    for token in tokens(tag) {
        let word = match token.kind {
            TokenKind::Hashtag | TokenKind::Mention => &tag[token.start + 1..token.end],
            TokenKind::Word | TokenKind::Number | TokenKind::Url => token.of(tag),
            TokenKind::Emoji => continue,
        };
        let folded = fold(word);
        for part in folded.split('_').filter(|part| !part.is_empty()) {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(&stem(part));
        }
    }
    out
}

static BANNED: LazyLock<HashSet<String>> = LazyLock::new(|| {
    include_str!("../../schema/banned_tags.txt")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(tag_key)
        .collect()
});

/// Whether a key is banned, or made of banned and function words only.
pub(super) fn is_banned(key: &str) -> bool {
    BANNED.contains(key) || key.split(' ').all(|word| BANNED.contains(word) || stop_word(word))
}

/// The identity of a set of tags: lower-case hex SHA-256 of the JSON array of the sorted unique tags, separated by `", "`,
/// non-ASCII unescaped. Case counts, order does not; empty tags are left out.
pub fn tags_hash(tags: &[String]) -> String {
    let mut sorted: Vec<&str> = tags.iter().map(String::as_str).filter(|tag| !tag.is_empty()).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut json = String::from("[");
    for (n, tag) in sorted.into_iter().enumerate() {
        if n > 0 {
            json.push_str(", ");
        }
        json_string(tag, &mut json);
    }
    json.push(']');
    let mut out = String::with_capacity(64);
    for byte in Sha256::digest(json.as_bytes()) {
        write!(out, "{byte:02x}").expect("a String takes every write");
    }
    out
}

/// A JSON string as the old system wrote it: only what JSON demands is escaped, by the short escape where one exists.
fn json_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => write!(out, "\\u{:04x}", c as u32).expect("a String takes every write"),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests;
