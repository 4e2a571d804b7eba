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
    out.push(Word { folded: text::fold(&text[start..end]).replace('’', "'"), start, end, gap });
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

/// The text of the kept words (given by their start): unbroken runs keep their punctuation inside, and at their end
/// what clings to the last word (`C++`, a closing quote) but no sentence mark.
pub(super) fn join(text: &str, words: &[Word], kept: &[usize]) -> String {
    let mut out = String::new();
    let mut run: Option<(usize, usize)> = None;
    for word in words {
        if kept.contains(&word.start) {
            run = Some((run.map_or(word.start, |(start, _)| start), word.end));
        } else if let Some((start, end)) = run.take() {
            push_run(&mut out, text, start, end);
        }
    }
    if let Some((start, end)) = run {
        push_run(&mut out, text, start, end);
    }
    out
}

fn push_run(out: &mut String, text: &str, start: usize, end: usize) {
    if !out.is_empty() {
        out.push(' ');
    }
    let after = &text[end..];
    let cling = &after[..after.find(char::is_whitespace).unwrap_or(after.len())];
    // A dash or a bracket leads on to what was cut away.
    let cling = cling.trim_end_matches(['?', '!', '.', ',', '…', ':', ';', '-', '–', '—', '(']);
    let whole = cling.chars().all(|c| !c.is_alphanumeric());
    out.push_str(&text[start..end + if whole { cling.len() } else { 0 }]);
}

/// Whether a folded word is one of `forms`; a form that ends in `*` stands for every word that begins so.
pub(super) fn is_any(folded: &str, forms: &[&str]) -> bool {
    forms.iter().any(|form| match form.strip_suffix('*') {
        Some(prefix) => folded.starts_with(prefix),
        None => folded == *form,
    })
}
