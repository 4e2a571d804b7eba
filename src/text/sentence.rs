//! Sentences: where one ends and the next begins, in Russian and English posts.
//!
//! Pure. A boundary is a line break, a closing sign followed by something that can begin a sentence, or an emoji used as a
//! bullet. A dot closes nothing after an abbreviation, an initial, inside a number or an address. The ranges are trimmed
//! of white space, never empty, in order, and cover every visible character. Any input gives ranges, none panics.

use std::ops::Range;

use super::chars::{is_pictograph, is_word};
use super::normalise::fold;
use super::token::{Token, TokenKind, tokens};

/// Abbreviations after which a sentence goes on, whatever follows.
const BEFORE_NAME: [&str; 62] = [
    "акад",
    "бульв",
    "в",
    "гг",
    "ген",
    "гл",
    "гор",
    "гос",
    "гр",
    "д",
    "деп",
    "дир",
    "доц",
    "др.-греч",
    "ед",
    "зам",
    "им",
    "инж",
    "ист",
    "кв",
    "корп",
    "лат",
    "мин",
    "млн",
    "млрд",
    "мр",
    "напр",
    "наст",
    "нач",
    "обл",
    "оз",
    "ок",
    "пер",
    "пл",
    "пос",
    "пр",
    "пр-т",
    "преп",
    "прим",
    "проф",
    "р",
    "рис",
    "рт",
    "с",
    "св",
    "см",
    "сокр",
    "соч",
    "ср",
    "ст",
    "стр",
    "т",
    "таб",
    "тел",
    "трлн",
    "тыс",
    "ул",
    "ум",
    "ф",
    "физ",
    "экз",
    "юр",
];

/// Abbreviations after which a sentence goes on unless a capital letter follows.
const BEFORE_SMALL: [&str; 24] = [
    "г", "гг", "др", "ж", "коп", "кг", "км", "куб", "л", "м", "мм", "н.э", "нед", "п", "пп", "руб", "сек",
    "см", "т.д", "т.п", "ч", "чел", "шт", "эт",
];

/// English ones, after which a sentence goes on.
const ENGLISH: [&str; 20] = [
    "approx", "capt", "cf", "col", "dr", "e.g", "fig", "gen", "gov", "i.e", "lt", "mr", "mrs", "ms", "no",
    "prof", "rep", "sen", "st", "vs",
];

/// The sentences of a normalised text, as byte ranges.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let tokens = tokens(text);
    let mut out = Vec::new();
    let mut start = 0;
    let mut next_token = 0;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        while tokens.get(next_token).is_some_and(|token| token.end <= at) {
            next_token += 1;
        }
        let inside = tokens.get(next_token).filter(|token| token.start <= at);
        if let Some(token) = inside {
            if token.kind == TokenKind::Emoji && is_bullet(text, token, start) {
                push_trimmed(text, start..at, &mut out);
                start = at;
            }
            // `т.е.` holds its last dot inside; a sentence may still end with it.
            let end = token.end;
            if text[..end].ends_with('.')
                && token.kind == TokenKind::Word
                && closes(text, &tokens[..next_token], start, end - 1)
            {
                let stop = closing_end(text, end);
                push_trimmed(text, start..stop, &mut out);
                start = stop;
                at = stop;
            } else {
                at = end;
            }
            continue;
        }
        let after = at + c.len_utf8();
        let ends = match c {
            '\n' => true,
            '!' | '?' | '…' | '。' | '！' | '？' => opens(&text[closing_end(text, after)..]),
            '.' => closes(text, &tokens[..next_token], start, at),
            _ => false,
        };
        at = if ends && c != '\n' { closing_end(text, after) } else { after };
        if ends {
            push_trimmed(text, start..at, &mut out);
            start = at;
        }
    }
    push_trimmed(text, start..text.len(), &mut out);
    out
}

/// Whether an emoji stands where a list item begins: after closing punctuation or another item's text, before a space.
fn is_bullet(text: &str, token: &Token, sentence_start: usize) -> bool {
    let before = text[sentence_start..token.start].trim_end();
    let closed = before.ends_with(['.', '!', '?', '…', ':', ';']);
    let follows = text[token.end..].trim_start_matches(is_pictograph);
    closed && follows.starts_with([' ', '\u{fe0f}']) && !follows.trim_start().is_empty()
}

/// Past the closing signs, quotes, brackets that belong to the sentence that ends before byte `from`.
fn closing_end(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    let closing = |c: char| {
        matches!(c, '.' | '!' | '?' | '…' | '»' | '”' | '"' | '\'' | ')' | ']' | '。' | '！' | '？')
    };
    from + rest.find(|c| !closing(c)).unwrap_or(rest.len())
}

/// Whether what follows can begin a sentence (or nothing does).
fn opens(rest: &str) -> bool {
    let mut follow = rest.chars().skip_while(|c| *c == ' ' || *c == '\t').peekable();
    match follow.peek() {
        None | Some('\n') => true,
        Some(_) if !rest.starts_with([' ', '\t']) => {
            // No space after the sign: `end.Next` by a hasty author, but not `1.5` or `v2.0`.
            rest.starts_with(|c: char| c.is_uppercase() || is_pictograph(c))
        }
        Some(c) => {
            !c.is_lowercase() && !matches!(c, ',' | ';' | ':' | ')' | '–' | '—' | '-') || is_pictograph(*c)
        }
    }
}

/// Whether the dot at byte `dot` closes the sentence that began at `start`. `before` are the tokens that begin before it.
fn closes(text: &str, before: &[Token], start: usize, dot: usize) -> bool {
    let end = closing_end(text, dot + 1);
    let rest = &text[end..];
    if !opens(rest) {
        return false;
    }
    if rest.trim_start_matches([' ', '\t']).is_empty()
        || rest.trim_start_matches([' ', '\t']).starts_with('\n')
    {
        return true;
    }
    if end > dot + 1 {
        // `...`, `.»`: more than one sign closes whatever stood before.
        return true;
    }
    let word_start = text[start..dot]
        .rfind(|c: char| !is_word(c) && c != '.' && c != '-')
        .map_or(start, |at| start + at + text[start + at..].chars().next().map_or(1, char::len_utf8));
    let word = &text[word_start..dot];
    let numbered = before.last().is_some_and(|token| token.kind == TokenKind::Number && token.end == dot);
    if numbered {
        // `1. Item` at the beginning of a line is an item's number.
        return !text[start..word_start].trim().is_empty();
    }
    if is_initial(word) {
        return false;
    }
    let folded = fold(word);
    let folded = folded.trim_start_matches('.');
    let capital = rest.trim_start().starts_with(char::is_uppercase);
    let goes_on = BEFORE_NAME.contains(&folded)
        || ENGLISH.contains(&folded)
        || (BEFORE_SMALL.contains(&folded) && !capital);
    !goes_on
}

/// `А`, `А.С`, `Дж`: capital letters of a name given shortly.
fn is_initial(word: &str) -> bool {
    !word.is_empty()
        && word.split('.').all(|part| {
            let mut letters = part.chars();
            letters.next().is_some_and(char::is_uppercase)
                && (letters.next().is_none() || matches!(part, "Дж" | "Ю" | "Св"))
        })
}

fn push_trimmed(text: &str, range: Range<usize>, out: &mut Vec<Range<usize>>) {
    let piece = &text[range.clone()];
    let trimmed = piece.trim();
    if !trimmed.is_empty() {
        let start = range.start + (piece.len() - piece.trim_start().len());
        out.push(start..start + trimmed.len());
    }
}

#[cfg(test)]
mod tests;
