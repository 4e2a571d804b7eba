//! What a word's ending tells about its part of speech, without a dictionary.
//!
//! Knows one folded word. A cue, not a verdict: the scorer weighs it.

use crate::text::chars::{is_cyrillic, is_latin};

/// The part of speech that a word's ending suggests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Russian, with an ending that nouns have: `-ция`, `-ость`, `-ние`.
    Noun,
    /// Russian, with an adjective's ending.
    Adjective,
    /// Russian, with a verb's, participle's or adverb's ending.
    Verb,
    /// Russian, with no telling ending; mostly nouns.
    Plain,
    /// Latin letters.
    Latin,
    /// Neither Cyrillic nor Latin.
    Other,
}

const NOUN: [&str; 34] = [
    "ция",
    "ции",
    "цию",
    "цией",
    "ций",
    "ость",
    "ости",
    "остью",
    "ение",
    "ения",
    "ению",
    "ением",
    "ений",
    "ание",
    "ания",
    "анию",
    "анием",
    "аний",
    "тель",
    "теля",
    "тели",
    "телей",
    "изм",
    "изма",
    "ика",
    "ики",
    "логия",
    "логии",
    "ство",
    "ства",
    "тор",
    "торы",
    "торов",
    "торий",
];

const ADJECTIVE: [&str; 23] = [
    "ый", "ая", "яя", "ое", "ые", "ого", "ому", "ым", "ыми", "ых", "ую", "юю", "ский", "ские", "ских",
    "ской", "ским", "ними", "ний", "ние", "них", "ной", "ный",
];

const VERB: [&str; 46] = [
    "ться", "тся", "лся", "лась", "лось", "лись", "ить", "ать", "ять", "еть", "уть", "чь", "ил", "ал", "ял",
    "ила", "ала", "яла", "или", "али", "яли", "ило", "ало", "яло", "ует", "ает", "яет", "еет", "ают", "яют",
    "уют", "ишь", "ешь", "ете", "ите", "йте", "щий", "щая", "щие", "щих", "вший", "вшие", "ясь", "нно",
    "ски", "ено",
];

/// Words shorter than this, in letters, show no ending.
const ENDING_CHARS_MIN: usize = 4;

pub(super) fn shape(folded: &str) -> Shape {
    let Some(first) = folded.chars().find(|c| c.is_alphabetic()) else {
        return Shape::Other;
    };
    if is_latin(first) {
        return Shape::Latin;
    }
    if !is_cyrillic(first) {
        return Shape::Other;
    }
    // A Cyrillic letter is two bytes.
    if folded.len() < 2 * ENDING_CHARS_MIN {
        return Shape::Plain;
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| folded.ends_with(ending));
    if ends(&NOUN) {
        Shape::Noun
    } else if ends(&VERB) {
        Shape::Verb
    } else if ends(&ADJECTIVE) {
        Shape::Adjective
    } else {
        Shape::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings() {
        let check = |word: &str, expected| assert_eq!(shape(word), expected, "{word}");
        check("искусственный", Shape::Adjective);
        check("ключевая", Shape::Adjective);
        check("безопасность", Shape::Noun);
        check("решение", Shape::Noun);
        check("объявила", Shape::Verb);
        check("ставка", Shape::Plain);
        check("дом", Shape::Plain);
        check("python", Shape::Latin);
        check("123", Shape::Other);
    }
}
