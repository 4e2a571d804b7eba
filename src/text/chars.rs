//! Classes of characters that the normaliser and the tokeniser must agree on.
//!
//! Pure tables; knows no other module. The pictograph ranges are the blocks in which Unicode's emoji live
//! (UTS #51, `Extended_Pictographic`), rounded outwards to whole blocks: an unassigned neighbour treated as a pictograph
//! does no harm, a missed emoji would fall apart.

/// U+200D, which ties pictographs together: 👩 + ZWJ + 💻 is one picture.
pub(super) const JOINER: char = '\u{200d}';
/// U+FE0F asks for the coloured form of the character before it.
pub(super) const COLOURED: char = '\u{fe0f}';
/// U+FE0E asks for the plain form.
pub(super) const PLAIN: char = '\u{fe0e}';
/// U+20E3, the box around a digit: 1️⃣.
pub(super) const KEYCAP: char = '\u{20e3}';

/// Begins an emoji on its own: a picture, not a modifier, not a digit, not a letter-like sign (©, ™).
pub(super) fn is_pictograph(c: char) -> bool {
    if c < '\u{2190}' {
        return matches!(c, '\u{203c}' | '\u{2049}');
    }
    matches!(c,
        '\u{2194}'..='\u{2199}'
        | '\u{21a9}' | '\u{21aa}'
        | '\u{231a}' | '\u{231b}' | '\u{2328}' | '\u{23cf}' | '\u{23e9}'..='\u{23fa}'
        | '\u{24c2}' | '\u{25aa}' | '\u{25ab}' | '\u{25b6}' | '\u{25c0}' | '\u{25fb}'..='\u{25fe}'
        | '\u{2600}'..='\u{27bf}'
        | '\u{2934}' | '\u{2935}' | '\u{2b05}'..='\u{2b07}' | '\u{2b1b}' | '\u{2b1c}' | '\u{2b50}' | '\u{2b55}'
        | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1f0ff}' | '\u{1f170}'..='\u{1f171}' | '\u{1f17e}' | '\u{1f17f}' | '\u{1f18e}'
        | '\u{1f191}'..='\u{1f19a}' | '\u{1f201}'..='\u{1f265}'
        | '\u{1f300}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1f64f}' | '\u{1f680}'..='\u{1faff}')
}

/// Half of a flag: 🇷 + 🇺.
pub(super) fn is_flag_half(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// A skin tone, which colours the picture before it.
pub(super) fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

/// An invisible tag character; legitimate only inside a flag such as 🏴󠁧󠁢󠁥󠁮󠁧󠁿 (elsewhere a way to smuggle text past a reader).
pub(super) fn is_flag_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}

/// May stand in a picture before a joiner.
pub(super) fn is_picture_part(c: char) -> bool {
    is_pictograph(c) || is_skin_tone(c) || c == COLOURED
}

/// May stand inside a word: letters, digits, marks that belong to the letter before them.
pub(super) fn is_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    // Most of what is read; the tables of Unicode cost ten times as much a letter.
    if matches!(c, 'А'..='я' | 'ё' | 'Ё') {
        return true;
    }
    c.is_alphanumeric() || is_mark(c)
}

/// A combining mark of the scripts seen in posts (accents, Arabic and Hebrew points, Indic signs are letters to Rust).
pub(super) fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5bd}' | '\u{64b}'..='\u{65f}')
}

/// A script written without spaces, where one character is the best word there is without a dictionary.
pub(super) fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{309f}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// A hyphen that joins parts of one word.
pub(super) fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}' | '\u{2011}')
}

pub(super) fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52f}')
}

pub(super) fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '\u{c0}'..='\u{24f}')
}
