//! The one normaliser: the form in which text is stored and shown, and the form in which words are compared.
//!
//! Knows characters only. Both functions are idempotent and never fail.

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::chars::{
    COLOURED, JOINER, KEYCAP, PLAIN, is_cyrillic, is_flag_tag, is_pictograph, is_picture_part,
};

/// The stored and shown form: NFC; no zero-width, bidi or other invisible characters; every line break `\n`;
/// every fixed-width space a plain one.
///
/// Emoji stay whole: variation selectors, the joiner between two pictographs and the tag characters of a flag survive,
/// and nowhere else.
pub fn normalise(text: &str) -> String {
    let visible = without_invisible(text);
    // Taking a zero-width character out can bring a letter and its accent together, so composition comes last.
    if is_nfc(&visible) { visible } else { visible.nfc().collect() }
}

fn without_invisible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut previous = '\n';
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let keep = match c {
            '\n' | '\t' => Some(c),
            '\r' => (!rest.as_str().starts_with('\n')).then_some('\n'),
            '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{2800}' => {
                Some(' ')
            }
            JOINER => (is_picture_part(previous) && rest.as_str().starts_with(is_pictograph)).then_some(c),
            COLOURED | PLAIN => takes_variation(previous).then_some(c),
            '\u{e0000}'..='\u{e007f}' => {
                (is_flag_tag(c) && (is_pictograph(previous) || is_flag_tag(previous))).then_some(c)
            }
            '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0d}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' => None,
            visible => Some(visible),
        };
        if let Some(c) = keep {
            out.push(c);
            previous = c;
        }
    }
    out
}

/// Whether a variation selector after this character means anything.
fn takes_variation(c: char) -> bool {
    is_pictograph(c)
        || matches!(c, '0'..='9' | '#' | '*' | '©' | '®' | '™' | 'ℹ' | '←'..='⇿' | '⤀'..='⥿' | '⬀'..='⯿')
        || c == KEYCAP
}

/// The compared form: lower case, ё→е, stress marks over Cyrillic dropped. Call it on normalised text.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold_into(text, &mut out);
    out
}

/// [`fold`], appended to a buffer.
pub(super) fn fold_into(text: &str, out: &mut String) {
    let mut after_cyrillic = false;
    for c in text.chars() {
        match c {
            'a'..='z' | '0'..='9' | 'а'..='я' => out.push(c),
            'A'..='Z' => out.push(c.to_ascii_lowercase()),
            // The upper-case block lies 32 below the lower-case one.
            'А'..='Я' => out.push(char::from_u32(c as u32 + 32).unwrap_or(c)),
            'ё' | 'Ё' => out.push('е'),
            '\u{300}' | '\u{301}' if after_cyrillic => continue,
            c => out.extend(c.to_lowercase()),
        }
        after_cyrillic = is_cyrillic(c);
    }
}

#[cfg(test)]
mod tests;
