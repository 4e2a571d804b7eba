//! Words of a question with their place in it. Its own cutting, finer than the index's: dates live from dots and dashes.

use crate::text;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub folded: String,
    pub start: usize,
    pub end: usize,
    /// What stands between the word before and this one.
    pub gap: Gap,
}

/// What separates a word from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    Space,
    /// A dash with nothing around it.
    Tight,
    /// A dash between spaces.
    Dash,
    /// Other punctuation.
    Mark,
}

/// Letters and digits in a row. Dots and colons stay between digits (`12.11.2026`), apostrophes between letters.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::new();
    let mut start = None;
    let mut chars = text.char_indices().peekable();
    let mut before: Option<char> = None;
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        if is_inside(before, c, next) {
            start.get_or_insert(at);
        } else if let Some(from) = start.take() {
            push(&mut out, text, from, at);
        }
        before = Some(c);
    }
    if let Some(from) = start {
        push(&mut out, text, from, text.len());
    }
    out
}

fn is_inside(before: Option<char>, c: char, next: Option<char>) -> bool {
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    match c {
        '.' | ':' => digit(before) && digit(next),
        '\'' | '’' => letter(before) && letter(next),
        c => c.is_alphanumeric(),
    }
}

fn push(out: &mut Vec<Word>, text: &str, start: usize, end: usize) {
    let gap = match out.last() {
        None => Gap::Space,
        Some(last) => gap(&text[last.end..start]),
    };
    out.push(Word {
        folded: text::fold(&text[start..end]).replace('’', "'"),
        start,
        end,
        gap,
    });
}

fn gap(between: &str) -> Gap {
    if between.chars().all(char::is_whitespace) {
        return Gap::Space;
    }
    match between.trim() {
        "-" | "–" | "—" | "−" => {
            if between.contains(char::is_whitespace) {
                Gap::Dash
            } else {
                Gap::Tight
            }
        }
        _ => Gap::Mark,
    }
}

/// The text of the kept words (given by their start), with the punctuation inside unbroken runs and none at the ends.
pub(super) fn join(text: &str, words: &[Word], kept: &[usize]) -> String {
    let mut out = String::new();
    let mut run: Option<(usize, usize)> = None;
    for word in words {
        if kept.contains(&word.start) {
            run = Some((run.map_or(word.start, |(start, _)| start), word.end));
        } else if let Some((start, end)) = run.take() {
            push_run(&mut out, &text[start..end]);
        }
    }
    if let Some((start, end)) = run {
        // The last run keeps what clings to it: «C++», «C#», a closing quote.
        let tail = text[end..]
            .trim_end()
            .trim_end_matches(['?', '!', '.', ',', '…', ':', ';']);
        let cling = tail.split(char::is_whitespace).next().unwrap_or_default().len();
        push_run(&mut out, &text[start..end + cling]);
    }
    out
}

fn push_run(out: &mut String, run: &str) {
    if !out.is_empty() {
        out.push(' ');
    }
    out.push_str(run);
}

/// Whether a folded word is one of `forms`; a form that ends in `*` stands for every word that begins so.
pub(super) fn is_any(folded: &str, forms: &[&str]) -> bool {
    forms.iter().any(|form| match form.strip_suffix('*') {
        Some(prefix) => folded.starts_with(prefix),
        None => folded == *form,
    })
}
