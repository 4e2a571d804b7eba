//! The one normaliser.

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// NFC, without zero-width characters, bidi controls, soft hyphens and other invisible marks; `\r\n` → `\n`; NBSP → space.
///
/// Emoji keep their variation selectors and joiners (U+FE0F, U+200D between pictographs), else `👨‍👩‍👧` would fall apart.
pub fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut push = |c: char| match c {
        '\r'
        | '\u{ad}'
        | '\u{200b}'
        | '\u{200c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2060}'..='\u{2064}'
        | '\u{feff}' => {}
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\0' => {}
        '\u{a0}' | '\u{202f}' | '\u{2007}' => out.push(' '),
        c => out.push(c),
    };
    if is_nfc(text) {
        text.chars().for_each(&mut push)
    } else {
        text.nfc().for_each(&mut push)
    }
    out
}

/// The form in which words are compared: lower case, ё→е. Call it on normalised text.
pub fn fold(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'ё' { 'е' } else { c })
        .collect()
}
