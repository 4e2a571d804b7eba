//! The part of a post that shows why it was found.
//!
//! Pure. A snippet is an exact piece of the post's text (whitespace joined), cut at words, with the places of the matched words
//! as character offsets, so that a page can mark them without trusting any markup.

use std::collections::HashSet;

use crate::text;

/// Longest snippet, characters.
pub(super) const SNIPPET_CHARS_MAX: usize = 240;

/// A piece of text and what matched in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snippet {
    pub text: String,
    /// `[start, end)` in characters of `text`.
    pub highlights: Vec<(usize, usize)>,
}

/// The densest window of `text` around the words of `query`.
pub(super) fn snippet(text: &str, query: &str) -> Snippet {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted: HashSet<String> = text::terms(query)
        .into_iter()
        .filter(|term| !text::stop_word(&term.exact))
        .map(|term| term.text)
        .collect();
    let mut matches: Vec<(usize, usize)> = text::terms(&flat)
        .into_iter()
        .filter(|term| wanted.contains(&term.text))
        .map(|term| (term.start, term.end))
        .collect();
    matches.sort_unstable();
    matches.dedup();
    let (start, end) = window(&flat, &matches);
    let mut out = String::new();
    if start > 0 {
        out.push('…');
    }
    let lead = out.chars().count();
    out.push_str(&flat[start..end]);
    if end < flat.len() {
        out.push('…');
    }
    let chars = |byte: usize| lead + flat[start..byte].chars().count();
    let mut highlights: Vec<(usize, usize)> = Vec::new();
    for (from, to) in matches.into_iter().filter(|(from, to)| *from >= start && *to <= end) {
        let span = (chars(from), chars(to));
        match highlights.last_mut() {
            // Parts of one hyphenated word overlap with the whole.
            Some(last) if span.0 < last.1 => last.1 = last.1.max(span.1),
            Some(_) | None => highlights.push(span),
        }
    }
    Snippet { text: out, highlights }
}

/// The byte range of the window that holds most matches; from the beginning where nothing matched.
fn window(text: &str, matches: &[(usize, usize)]) -> (usize, usize) {
    let total = text.chars().count();
    if total <= SNIPPET_CHARS_MAX {
        return (0, text.len());
    }
    // Cyrillic takes two bytes a character; counting bytes there keeps this linear and errs towards shorter windows.
    let span = SNIPPET_CHARS_MAX * text.len() / total;
    let best = (0..matches.len())
        .max_by_key(|&first| {
            let inside = matches[first..].iter().take_while(|(_, to)| *to <= matches[first].0 + span).count();
            (inside, std::cmp::Reverse(first))
        })
        .map_or(0, |first| matches[first].0);
    let wanted_start = best.saturating_sub(span / 6);
    let start = if wanted_start == 0 { 0 } else { word_start(text, wanted_start) };
    let end = word_end(text, (start + span).min(text.len()));
    (start, end)
}

fn word_start(text: &str, at: usize) -> usize {
    let at = text.ceil_char_boundary(at);
    text[at..].find(' ').map_or(at, |space| at + space + 1)
}

fn word_end(text: &str, at: usize) -> usize {
    let at = text.floor_char_boundary(at);
    if at == text.len() { at } else { text[..at].rfind(' ').filter(|end| *end > 0).unwrap_or(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, query: &str) -> Snippet {
        let found = snippet(text, query);
        let chars: Vec<char> = found.text.chars().collect();
        assert!(chars.len() <= SNIPPET_CHARS_MAX + 2);
        for (start, end) in &found.highlights {
            assert!(start < end && *end <= chars.len());
        }
        found
    }

    #[test]
    fn a_short_text_is_whole_and_marked_in_any_inflection() {
        let found = check("Банк повысил ключевую ставку", "ключевой ставки");
        assert_eq!(found.text, "Банк повысил ключевую ставку");
        assert_eq!(found.highlights, [(13, 21), (22, 28)]);
    }

    #[test]
    fn a_long_text_is_cut_around_the_matches() {
        let text = format!("{} комета прилетит {}", "начало текста ".repeat(60), "конец текста ".repeat(60));
        let found = check(&text, "комета");
        assert!(found.text.contains("комета") && found.text.starts_with('…') && found.text.ends_with('…'));
    }

    #[test]
    fn nothing_matched_shows_the_beginning() {
        assert!(check(&"слово ".repeat(100), "другое").text.starts_with("слово"));
        assert_eq!(check("", "x").text, "");
    }
}
