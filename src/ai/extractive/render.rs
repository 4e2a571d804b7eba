//! The answer as plain text. The only place that puts post text and citations together.
//!
//! Invariants: every sentence ends with its citations; a bracketed number that a post itself contains is written with
//! round brackets, so it cannot pass for one; no control characters; never longer than the limit, because whole lines are
//! left out rather than cut.

use std::{collections::BTreeSet, fmt::Write as _};

use jiff::{Timestamp, civil::Date};

use super::{Cited, citation, passage::Passage};
use crate::{
    ai::question::Question,
    text::{self, Language},
};

/// One line of an answer: consecutive sentences of one post, and the posts that say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub bullet: bool,
    /// Words of ours before the quotation: a date, a channel.
    pub frame: String,
    /// The quoted passage's place.
    pub passage: usize,
    /// Its sentences, in order.
    pub sentences: Vec<usize>,
    /// (passage, sentence) of the posts cited besides.
    pub backing: Vec<(usize, usize)>,
}

/// The text and what it cites; both without the lines that no longer fit.
pub(super) fn render(lines: &[Line], passages: &[Passage<'_>], chars_max: usize) -> (String, Vec<Cited>) {
    let mut out = String::new();
    let mut used = Vec::new();
    let mut chars = 0;
    for line in lines {
        let text = line_text(line, passages);
        let length = text.chars().count() + usize::from(!out.is_empty());
        if text.is_empty() || chars + length > chars_max {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&text);
        chars += length;
        for sentence in &line.sentences {
            cite(&mut used, passages, (line.passage, *sentence));
        }
        for at in &line.backing {
            cite(&mut used, passages, *at);
        }
    }
    (out, used)
}

fn line_text(line: &Line, passages: &[Passage<'_>]) -> String {
    let passage = &passages[line.passage];
    let mut quoted = String::new();
    let mut listed = false;
    for at in &line.sentences {
        let sentence = &passage.sentences[*at];
        if !quoted.is_empty() {
            // Neither a heading nor a list item has a full stop of its own.
            let joint = if listed { "; " } else { ". " };
            quoted.push_str(if is_closed(&quoted) { " " } else { joint });
        }
        push_plain(&mut quoted, passage.quote(sentence));
        listed |= quoted.ends_with(':');
        if sentence.cut {
            quoted.push('…');
        }
    }
    let mut numbers = vec![passage.n];
    numbers.extend(line.backing.iter().map(|(p, _)| passages[*p].n));
    let marks = numbers.iter().fold(String::new(), |mut out, n| {
        let _ = write!(out, "[{n}]");
        out
    });
    let mut framed = String::new();
    push_plain(&mut framed, &line.frame);
    framed.push_str(&quoted);
    let mut out = String::from(if line.bullet { "• " } else { "" });
    let mut first = true;
    for range in text::sentences(&framed) {
        let sentence = &framed[range];
        if !sentence.contains(char::is_alphanumeric) {
            continue;
        }
        if !first {
            out.push(' ');
        }
        let _ = write!(out, "{sentence} {marks}");
        first = false;
    }
    // Joined, the sentences may part elsewhere than alone; the check has the last word.
    let numbers: BTreeSet<usize> = numbers.into_iter().collect();
    let checked = citation::check(&out, &numbers);
    if checked.cited.len() == numbers.len() { checked.text } else { String::new() }
}

fn is_closed(text: &str) -> bool {
    text.ends_with(['.', '!', '?', '…', ':', ';', ','])
}

/// Appends with every run of white space and control characters as one space, and `[7]` as `(7)`.
fn push_plain(out: &mut String, text: &str) {
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        if c.is_whitespace() || c.is_control() {
            if !out.ends_with(' ') && !out.is_empty() {
                out.push(' ');
            }
        } else if c == '['
            && let Some(length) = bracketed(&text[at..])
        {
            out.push('(');
            out.push_str(&text[at + 1..at + length - 1]);
            out.push(')');
            while rest.peek().is_some_and(|(next, _)| *next < at + length) {
                rest.next();
            }
        } else {
            out.push(c);
        }
    }
}

/// The length of what a reader (or the citation check) could take for a citation: brackets around digits.
fn bracketed(text: &str) -> Option<usize> {
    let end = text.find(']')?;
    let inner = &text[1..end];
    let like = inner.chars().any(|c| c.is_ascii_digit())
        && inner.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | ',' | '-' | '–' | ';'));
    like.then_some(end + 1)
}

fn cite(used: &mut Vec<Cited>, passages: &[Passage<'_>], (p, s): (usize, usize)) {
    let passage = &passages[p];
    let range = passage.sentences[s].range.clone();
    match used.iter_mut().find(|cited| cited.n == passage.n) {
        Some(cited) if cited.ranges.contains(&range) => {}
        Some(cited) => cited.ranges.push(range),
        None => used.push(Cited {
            n: passage.n,
            post_id: passage.source.post_id,
            quote: passage.source.text[range.clone()].to_owned(),
            ranges: vec![range],
        }),
    }
}

/// «На 12 ноября: ».
pub(super) fn as_of(question: &Question, at: Timestamp) -> String {
    let date = date(question, at);
    match question.language {
        Language::Ru | Language::Other => format!("На {date}: "),
        Language::En => format!("As of {date}: "),
    }
}

/// «Ранее, 5 ноября: ».
pub(super) fn earlier(question: &Question, at: Timestamp) -> String {
    let date = date(question, at);
    match question.language {
        Language::Ru | Language::Other => format!("Ранее, {date}: "),
        Language::En => format!("Earlier, {date}: "),
    }
}

/// «12 ноября: ».
pub(super) fn day_frame(question: &Question, at: Timestamp) -> String {
    format!("{}: ", date(question, at))
}

/// «12 ноября, Канал: ».
pub(super) fn post_frame(question: &Question, at: Timestamp, channel: &str) -> String {
    // A title may hold anything; marks that end sentences would part the frame from its quotation.
    let title: String = channel
        .chars()
        .map(|c| if matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？') { ' ' } else { c })
        .collect();
    let title = title.trim();
    let date = date(question, at);
    if title.is_empty() { format!("{date}: ") } else { format!("{date}, {title}: ") }
}

/// «12 ноября, 3 канала: ».
pub(super) fn story_frame(question: &Question, at: Timestamp, channels: usize) -> String {
    let date = date(question, at);
    if channels < 2 {
        return format!("{date}: ");
    }
    let word = match question.language {
        Language::En => "channels",
        Language::Ru | Language::Other => match (channels % 10, channels % 100) {
            (_, 11..=14) => "каналов",
            (1, _) => "канал",
            (2..=4, _) => "канала",
            _ => "каналов",
        },
    };
    format!("{date}, {channels} {word}: ")
}

/// The name of a month, from 1, as it stands in a date.
pub fn month_name(language: Language, month: i8) -> &'static str {
    const RUSSIAN: [&str; 12] = [
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ];
    const ENGLISH: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let months = match language {
        Language::Ru | Language::Other => RUSSIAN,
        Language::En => ENGLISH,
    };
    usize::try_from(month - 1).ok().and_then(|at| months.get(at).copied()).unwrap_or_default()
}

/// The civil date in the asker's zone; with the year unless it is the asker's.
fn date(question: &Question, at: Timestamp) -> String {
    let day: Date = at.to_zoned(question.asked_at.time_zone().clone()).date();
    let month = month_name(question.language, day.month());
    if day.year() == question.asked_at.year() {
        format!("{} {month}", day.day())
    } else {
        format!("{} {month} {}", day.day(), day.year())
    }
}
