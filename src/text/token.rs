//! Tokens: words, numbers, hashtags, mentions, addresses, emoji, as a reader would count them.
//!
//! Pure; one pass over the text, no table larger than a page. Offsets are bytes of the normalised text and always fall on
//! character boundaries; tokens come in order and never overlap. Any input gives tokens, none panics.

use super::address;
use super::chars::{
    COLOURED, JOINER, KEYCAP, PLAIN, is_flag_half, is_flag_tag, is_hyphen, is_ideograph, is_mark,
    is_pictograph, is_skin_tone, is_word,
};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A word with its hyphens, apostrophes and the signs that belong to it: `кто-то`, `C++`, `.NET`, `т.е.`, `GPT-4`.
    Word,
    /// Digits with separators and a percent sign: `1 000`, `12,5%`, `10:30`, `12.05.2023`.
    Number,
    /// Includes the `#`.
    Hashtag,
    /// Includes the `@`.
    Mention,
    /// An address: with a scheme, a bare domain, or e-mail.
    Url,
    /// A whole emoji sequence: skin tones, joined families, flags, keycaps.
    Emoji,
}

/// A piece of normalised text, by byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub start: usize,
    pub end: usize,
    pub kind: TokenKind,
}

impl Token {
    /// The token's text, given the text it was cut from.
    pub fn of<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start..self.end]
    }
}

/// The tokens of a normalised text, in order, without punctuation and space.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::with_capacity(text.len() / 10 + 1);
    let mut at = 0;
    let mut previous = ' ';
    while let Some(c) = text[at..].chars().next() {
        let found = if c == ' ' { None } else { token_at(text, at, c, previous) };
        let end = match found {
            Some((length, kind)) => {
                out.push(Token { start: at, end: at + length, kind });
                at + length
            }
            None => at + c.len_utf8(),
        };
        previous = text[at..end].chars().next_back().unwrap_or(' ');
        at = end;
    }
    out
}

/// The token that begins at byte `at`, where character `c` stands: its length in bytes and its kind.
fn token_at(text: &str, at: usize, c: char, previous: char) -> Option<(usize, TokenKind)> {
    let rest = &text[at..];
    if let Some(length) = emoji_length(rest) {
        return Some((length, TokenKind::Emoji));
    }
    let fresh = !is_word(previous);
    match c {
        '#' if fresh => hashtag_length(rest).map(|length| (length, TokenKind::Hashtag)),
        '@' if fresh => mention_length(rest).map(|length| (length, TokenKind::Mention)),
        '.' if previous.is_whitespace() || matches!(previous, '(' | '/' | '«' | '"') => {
            // `.NET`, `.gitignore`: a name that begins with its dot.
            let follows = rest[1..].starts_with(|c: char| c.is_ascii_alphabetic());
            follows.then(|| (1 + word_length(&rest[1..]), TokenKind::Word))
        }
        c if is_ideograph(c) => Some((c.len_utf8(), TokenKind::Word)),
        c if is_word(c) => {
            if let Some(length) = address::length(rest) {
                return Some((length, TokenKind::Url));
            }
            if c.is_ascii_digit() {
                let length = number_length(rest);
                let glued =
                    rest[length..].chars().next().is_some_and(|next| is_word(next) || is_hyphen(next))
                        && word_length(rest) > length;
                if !glued {
                    return Some((length, TokenKind::Number));
                }
            }
            Some((word_length(rest), TokenKind::Word))
        }
        _ => None,
    }
}

/// Letters, digits and `_` after `#`, with at least one letter: `#1` is a rank, not a tag.
fn hashtag_length(rest: &str) -> Option<usize> {
    let body = &rest[1..];
    let length = body.find(|c| !is_word(c) && c != '_').unwrap_or(body.len());
    body[..length].contains(char::is_alphabetic).then_some(1 + length)
}

/// Telegram user names are Latin letters, digits and `_` (core.telegram.org/method/account.checkUsername).
fn mention_length(rest: &str) -> Option<usize> {
    let body = &rest[1..];
    let length = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(body.len());
    let ends = body[length..].chars().next().is_none_or(|c| !is_word(c));
    (length > 0 && ends).then_some(1 + length)
}

/// The length of the number at the beginning: groups by space, fractions, times and dates, a percent sign.
fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let first = digits(0);
    let mut end = first;
    if (1..=3).contains(&first) && bytes[0] != b'0' {
        while bytes.get(end) == Some(&b' ') && digits(end + 1) == 3 {
            end += 4;
        }
    }
    while matches!(bytes.get(end), Some(b'.' | b',' | b':')) {
        let run = digits(end + 1);
        if run == 0 {
            break;
        }
        end += 1 + run;
    }
    end + usize::from(bytes.get(end) == Some(&b'%'))
}

/// The length of the word at the beginning.
fn word_length(rest: &str) -> usize {
    if let Some(length) = abbreviation_length(rest) {
        return length;
    }
    let mut end = 0;
    let mut previous = ' ';
    let mut inner = rest.chars();
    while let Some(c) = inner.next() {
        let next = inner.as_str().chars().next();
        let joins = (is_word(c) && !is_ideograph(c)) || next.is_some_and(|next| connects(previous, c, next));
        if !joins {
            break;
        }
        end += c.len_utf8();
        previous = c;
    }
    end + sign_length(&rest[..end], &rest[end..])
}

/// Whether `c` between two characters holds one word together.
fn connects(previous: char, c: char, next: char) -> bool {
    if !is_word(previous) || !is_word(next) {
        return false;
    }
    match c {
        '\'' | '’' | 'ʼ' => previous.is_alphabetic() && next.is_alphabetic(),
        '_' => true,
        // `node.js`, `main.go`, `ASP.NET`; but a sentence without its space, `end.Next`, is two words.
        '.' => {
            (previous.is_ascii_digit() && next.is_ascii_digit())
                || previous.is_ascii_alphanumeric()
                    && (next.is_ascii_lowercase()
                        || (previous.is_ascii_uppercase() && next.is_ascii_uppercase()))
        }
        '&' => previous.is_uppercase() && next.is_uppercase(),
        c => is_hyphen(c),
    }
}

/// Signs that end a name: `C++`, `C#`, `g++`.
fn sign_length(word: &str, rest: &str) -> usize {
    let length = if rest.starts_with("++") && word.is_ascii() {
        2
    } else if rest.starts_with('#')
        && word.chars().count() == 1
        && !word.starts_with(|c: char| c.is_ascii_digit())
    {
        1
    } else {
        return 0;
    };
    let ends = rest[length..].chars().next().is_none_or(|c| !is_word(c));
    if ends { length } else { 0 }
}

/// `т.е.`, `т.д.`, `U.S.`: two or more single letters, each with its dot.
fn abbreviation_length(rest: &str) -> Option<usize> {
    let mut end = 0;
    let mut letters = 0;
    let mut inner = rest.chars().peekable();
    while let Some(letter) = inner.next_if(|c| c.is_alphabetic()) {
        if inner.next_if_eq(&'.').is_none() {
            if letters > 0 && !inner.peek().is_some_and(|c| is_word(*c)) && letter.is_uppercase() {
                // `U.S` at the end of a sentence or clause.
                return Some(end + letter.len_utf8());
            }
            break;
        }
        end += letter.len_utf8() + 1;
        letters += 1;
    }
    (letters >= 2).then_some(end)
}

/// The length of the emoji at the beginning, if one begins here.
fn emoji_length(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    if first.is_ascii() {
        return keycap_length(rest, first);
    }
    if is_flag_half(first) {
        let pair = rest[first.len_utf8()..].chars().next().filter(|c| is_flag_half(*c));
        return Some(first.len_utf8() + pair.map_or(0, char::len_utf8));
    }
    if !is_pictograph(first) && !is_skin_tone(first) {
        return None;
    }
    let mut end = first.len_utf8();
    let mut inner = rest[end..].chars().peekable();
    while let Some(c) = inner.next() {
        let belongs =
            matches!(c, COLOURED | PLAIN | KEYCAP) || is_skin_tone(c) || is_flag_tag(c) || is_mark(c);
        if c == JOINER && inner.peek().is_some_and(|next| is_pictograph(*next)) {
            end += c.len_utf8();
            end += inner.next().map_or(0, char::len_utf8);
        } else if belongs {
            end += c.len_utf8();
        } else {
            break;
        }
    }
    Some(end)
}

/// `1️⃣`, `#️⃣`: a digit, `#` or `*`, the coloured selector (often left out), the box.
fn keycap_length(rest: &str, first: char) -> Option<usize> {
    if !matches!(first, '0'..='9' | '#' | '*') {
        return None;
    }
    let after = &rest[1..];
    let boxed = after.strip_prefix(COLOURED).unwrap_or(after);
    boxed.starts_with(KEYCAP).then(|| rest.len() - boxed.len() + KEYCAP.len_utf8())
}

#[cfg(test)]
mod tests;
