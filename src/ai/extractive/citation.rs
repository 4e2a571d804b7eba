//! The check every answer passes, a model's above all: no citation of what was not retrieved, no statement without one.
//!
//! Pure. Works on plain text of lines and sentences. What it cannot assign to a source it removes; it adds nothing but
//! the spaces between what stays.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::text;

/// The longest text checked, in bytes; the rest is dropped.
pub const CHECKED_BYTES_MAX: usize = 64 * 1024;

/// What is left of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Every sentence that states something ends with at least one `[n]`, each `n` allowed. May be empty.
    pub text: String,
    /// The sources cited, in order of first appearance.
    pub cited: Vec<usize>,
    /// Citations of what is not allowed, removed.
    pub citations_removed: usize,
    /// Sentences without support, dropped.
    pub sentences_dropped: usize,
}

/// Whether a sentence (without its citations) stands, given the sources it cites.
pub type Stands<'a> = dyn Fn(&str, &[usize]) -> bool + 'a;

/// Checks `answer` against the numbers of the sources it was given. `[1, 3]` and `[1-3]` are read as `[1][3]`, `[1][2][3]`.
pub fn check(answer: &str, allowed: &BTreeSet<usize>) -> Checked {
    check_with(answer, allowed, &|_, _| true)
}

/// The same, and drops what does not stand.
pub fn check_with(answer: &str, allowed: &BTreeSet<usize>, stands: &Stands<'_>) -> Checked {
    let answer = text::normalise(&answer[..answer.floor_char_boundary(CHECKED_BYTES_MAX)]);
    let mut out = Checked {
        text: String::with_capacity(answer.len()),
        cited: Vec::new(),
        citations_removed: 0,
        sentences_dropped: 0,
    };
    for line in answer.lines() {
        let kept = line_settled(line, allowed, stands, &mut out);
        if kept.is_empty() {
            continue;
        }
        if !out.text.is_empty() {
            out.text.push('\n');
        }
        out.text.push_str(&kept);
    }
    out
}

/// A cluster of citations: where it stood in the line without citations, and whom it names.
struct Mark {
    at: usize,
    numbers: Vec<usize>,
}

/// How often one line is read again before it is given up.
const ROUNDS_MAX: usize = 4;

/// The line as it stays when checked again: where a sentence ends may change once its neighbours are gone. A line that
/// does not settle is dropped.
fn line_settled(line: &str, allowed: &BTreeSet<usize>, stands: &Stands<'_>, out: &mut Checked) -> String {
    let mut kept = line_checked(line, allowed, stands, out);
    for _ in 0..ROUNDS_MAX {
        let again = line_checked(&kept, allowed, stands, out);
        if again == kept {
            for n in numbers_of(&kept, allowed) {
                if !out.cited.contains(&n) {
                    out.cited.push(n);
                }
            }
            return kept;
        }
        kept = again;
    }
    out.sentences_dropped += 1;
    String::new()
}

fn numbers_of(line: &str, allowed: &BTreeSet<usize>) -> Vec<usize> {
    line.match_indices('[')
        .filter_map(|(at, _)| citation(&line[at..]))
        .flat_map(|(_, numbers)| numbers)
        .filter(|n| allowed.contains(n))
        .collect()
}

fn line_checked(line: &str, allowed: &BTreeSet<usize>, stands: &Stands<'_>, out: &mut Checked) -> String {
    let (bullet, body) = bullet(line);
    let (bare, marks) = parted(body, allowed, out);
    let sentences: Vec<_> = text::sentences(&bare)
        .into_iter()
        .filter(|range| bare[range.clone()].contains(char::is_alphanumeric))
        .collect();
    let mut kept = String::new();
    for (at, range) in sentences.iter().enumerate() {
        // A mark belongs to the sentence it stands in or after; before the first one, to the first.
        let from = if at == 0 { 0 } else { range.start + 1 };
        let to = sentences.get(at + 1).map_or(usize::MAX, |next| next.start);
        let mut numbers: Vec<usize> = Vec::new();
        for n in marks.iter().filter(|m| from <= m.at && m.at <= to).flat_map(|m| &m.numbers) {
            if !numbers.contains(n) {
                numbers.push(*n);
            }
        }
        if numbers.is_empty() || !stands(bare[range.clone()].trim(), &numbers) {
            out.sentences_dropped += 1;
            continue;
        }
        kept.push_str(if kept.is_empty() { bullet } else { " " });
        kept.push_str(bare[range.clone()].trim());
        kept.push(' ');
        for n in numbers {
            let _ = write!(kept, "[{n}]");
        }
    }
    kept
}

/// The mark of a list item, and the rest.
fn bullet(line: &str) -> (&str, &str) {
    let body = line.trim_start();
    for mark in ["• ", "- ", "* ", "– ", "— "] {
        if let Some(rest) = body.strip_prefix(mark) {
            return (mark, rest);
        }
    }
    ("", body)
}

/// The line without citations (and control characters), and the marks with those allowed.
fn parted(body: &str, allowed: &BTreeSet<usize>, out: &mut Checked) -> (String, Vec<Mark>) {
    let mut bare = String::with_capacity(body.len());
    let mut marks: Vec<Mark> = Vec::new();
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        if let Some((length, numbers)) = citation(rest) {
            let known: Vec<usize> = numbers.iter().copied().filter(|n| allowed.contains(n)).collect();
            out.citations_removed += numbers.len() - known.len();
            let at = bare.trim_end().len();
            marks.push(Mark { at, numbers: known });
            // The mark stood where a space may be missing now: `word[1]next`.
            if !bare.is_empty() && !bare.ends_with(' ') {
                bare.push(' ');
            }
            rest = &rest[length..];
        } else {
            if c.is_control() || c.is_whitespace() {
                if !bare.ends_with(' ') {
                    bare.push(' ');
                }
            } else {
                // A space left by a mark before closing punctuation: `word [1].`
                if matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '…')
                    && bare.ends_with(' ')
                    && !marks.is_empty()
                {
                    bare.pop();
                }
                bare.push(c);
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    (bare, marks)
}

/// The most numbers one range in brackets may stand for.
const RANGE_MAX: usize = 20;

/// A citation at the beginning: its length in bytes and its numbers. Numbers too large to be a place are kept as
/// `usize::MAX`, which nothing allows.
fn citation(text: &str) -> Option<(usize, Vec<usize>)> {
    let inner = &text.strip_prefix('[')?[..text.find(']')?.checked_sub(1)?];
    if !inner.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut numbers = Vec::new();
    for part in inner.split([',', ';']) {
        let mut ends = part.split(['-', '–']).map(str::trim);
        let number = |s: &str| -> Option<usize> {
            let digits = !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| s.parse().unwrap_or(usize::MAX))
        };
        let first = number(ends.next()?)?;
        let last = match ends.next() {
            Some(last) => number(last)?,
            None => first,
        };
        if ends.next().is_some() {
            return None;
        }
        if first <= last && last - first < RANGE_MAX {
            numbers.extend(first..=last);
        } else {
            numbers.extend([first, last]);
        }
    }
    Some((inner.len() + 2, numbers))
}
