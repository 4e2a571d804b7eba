//! An answer that a model wrote, checked as it comes: only sentences pass that a cited post supports.
//!
//! Pure. Text goes in by pieces, checked sentences come out with citations numbered in their order; nothing that came out is taken
//! back. A sentence passes if it cites sources that were given, says nothing those do not say (`support`), and is in the language of the
//! question or of its sources. What speaks to a model in a post supports nothing (`suspicion`). Markup is taken off. The model's instructions cannot come out: no post holds them.

mod support;
mod suspicion;

use std::{collections::BTreeSet, fmt::Write as _, ops::Range};

use super::extractive::citation::{self, CHECKED_BYTES_MAX};
use crate::text::{self, Language};
use support::Evidence;

/// The longest answer, characters.
pub const WRITTEN_CHARS_MAX: usize = 3_000;
/// What a model writes that found no answer.
const NOTHING: [&str; 2] = ["НЕТ", "NONE"];

/// A source a model was given.
#[derive(Debug, Clone, Copy)]
pub struct WrittenSource<'a> {
    /// Its number in the prompt.
    pub n: usize,
    /// As much of its text as the model was given.
    pub text: &'a str,
    /// Words beside the text that an answer may use: the channel's title, the date in figures and words.
    pub about: &'a str,
}

/// A source that the answer cites, and what of it carries the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenCitation {
    /// Its number in the prompt.
    pub n: usize,
    /// Bytes of its text.
    pub ranges: Vec<Range<usize>>,
}

/// What is left of what a model wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Checked, with citations numbered from 1; empty if nothing passed.
    pub text: String,
    /// What `[1]`, `[2]`, … stand for.
    pub cited: Vec<WrittenCitation>,
    /// The model says that the sources hold no answer.
    pub nothing: bool,
    /// Citations of what was not given.
    pub citations_removed: usize,
    /// Sentences that nothing supports.
    pub sentences_dropped: usize,
}

/// The check, fed with pieces.
#[derive(Debug)]
pub struct WrittenCheck<'a> {
    evidence: Vec<Evidence<'a>>,
    allowed: BTreeSet<usize>,
    language: Language,
    /// What has come and is not whole yet.
    buffer: String,
    received_bytes: usize,
    /// The line that is written has something in it.
    line_open: bool,
    /// A line has ended since the last thing that came out.
    line_due: bool,
    any_text: bool,
    written: Written,
}

impl<'a> WrittenCheck<'a> {
    pub fn new(sources: &[WrittenSource<'a>], language: Language) -> Self {
        Self {
            evidence: sources.iter().map(Evidence::new).collect(),
            allowed: sources.iter().map(|source| source.n).collect(),
            language,
            buffer: String::new(),
            received_bytes: 0,
            line_open: false,
            line_due: false,
            any_text: false,
            written: Written::default(),
        }
    }

    /// Takes a piece; returns what may be shown now, which is often nothing.
    pub fn take(&mut self, piece: &str) -> String {
        self.received_bytes += piece.len();
        if self.received_bytes > CHECKED_BYTES_MAX {
            return String::new();
        }
        self.buffer.push_str(piece);
        let mut shown = String::new();
        while let Some(end) = whole(&self.buffer) {
            let part: String = self.buffer.drain(..end).collect();
            self.part(&part, &mut shown);
        }
        shown
    }

    /// The end; returns what is still to be shown, and the whole.
    pub fn finish(mut self) -> (String, Written) {
        let mut shown = String::new();
        let rest = std::mem::take(&mut self.buffer);
        self.part(&rest, &mut shown);
        (shown, self.written)
    }

    fn part(&mut self, part: &str, shown: &mut String) {
        let ends_line = part.ends_with('\n');
        let bare = plain(part.trim_end_matches('\n'));
        if !self.any_text && NOTHING.contains(&bare.trim().trim_end_matches('.')) {
            self.written.nothing = true;
            return;
        }
        self.any_text |= !bare.trim().is_empty();
        self.checked(&bare, shown);
        if ends_line {
            self.line_due |= self.line_open;
            self.line_open = false;
        }
    }

    fn checked(&mut self, part: &str, shown: &mut String) {
        let (evidence, language) = (&self.evidence, self.language);
        let stands = |sentence: &str, numbers: &[usize]| {
            let cited: Vec<&Evidence<'_>> =
                evidence.iter().filter(|source| numbers.contains(&source.n)).collect();
            support::stands(sentence, &cited, language)
        };
        let checked = citation::check_with(part, &self.allowed, &stands);
        self.written.citations_removed += checked.citations_removed;
        self.written.sentences_dropped += checked.sentences_dropped;
        if checked.text.is_empty() || self.written.text.chars().count() >= WRITTEN_CHARS_MAX {
            return;
        }
        let mut out = String::new();
        if !self.written.text.is_empty() {
            out.push(if self.line_due || !self.line_open { '\n' } else { ' ' });
        }
        let body = self.numbered(&checked.text);
        out.push_str(&body);
        (self.line_open, self.line_due) = (true, false);
        self.written.text.push_str(&out);
        shown.push_str(&out);
    }

    /// The text with citations numbered as they appear in the whole answer.
    fn numbered(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut rest, mut sentence) = (text, 0);
        while let Some(open) = rest.find('[') {
            out.push_str(&rest[..open]);
            let after = &rest[open + 1..];
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let number = after[..digits].parse::<usize>().ok().filter(|n| self.allowed.contains(n));
            if let Some(n) = number.filter(|_| after[digits..].starts_with(']')) {
                let said = out[sentence..].trim().trim_end_matches(|c: char| "[]0123456789".contains(c));
                let place = self.cite(n, said);
                let _ = write!(out, "[{}]", place + 1);
                rest = &after[digits + 1..];
                if !rest.starts_with('[') {
                    sentence = out.len();
                }
            } else {
                out.push('[');
                rest = after;
            }
        }
        out.push_str(rest);
        out
    }

    fn cite(&mut self, n: usize, said: &str) -> usize {
        let place = self.written.cited.iter().position(|cited| cited.n == n).unwrap_or_else(|| {
            self.written.cited.push(WrittenCitation { n, ranges: Vec::new() });
            self.written.cited.len() - 1
        });
        let range = self.evidence.iter().find(|source| source.n == n).and_then(|source| source.carries(said));
        if let Some(range) = range
            && !self.written.cited[place].ranges.contains(&range)
        {
            self.written.cited[place].ranges.push(range);
        }
        place
    }
}

/// Up to where the text is whole sentences: a line's end, or a citation after which another sentence begins.
fn whole(text: &str) -> Option<usize> {
    let line = text.find('\n').map(|at| at + 1);
    let mut from = 0;
    while let Some(close) = text[from..].find(']') {
        let after = from + close + 1;
        from = after;
        let rest = &text[after..];
        let closed = rest.trim_start_matches(['.', '!', '?', '…', '»', '"', ')']);
        let begins = closed.trim_start_matches(' ');
        let spaced = begins.len() < closed.len();
        if spaced && begins.starts_with(|c: char| c.is_uppercase() || matches!(c, '•' | '«' | '—' | '-'))
        {
            let end = text.len() - begins.len();
            return Some(line.map_or(end, |line| line.min(end)));
        }
    }
    line
}

/// A line without the markup that models like.
fn plain(line: &str) -> String {
    let line = line.trim_start_matches(['#', '>']);
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '*' | '`' | '_' | '~' | '|' => {
                if !out.is_empty() && !out.ends_with(' ') && c == '|' {
                    out.push(' ');
                }
                if c == '*' && out.is_empty() && line.trim_start().starts_with("* ") {
                    out.push('•');
                }
            }
            '<' | '>' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Whether a text is in a language, where that can be told.
fn speaks(text: &str, language: Language) -> bool {
    let found = text::language(text);
    found == language || found == Language::Other || language == Language::Other
}

#[cfg(test)]
mod tests;
