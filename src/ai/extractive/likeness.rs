//! When two stems mean the same: equal, of one beginning, one name in two alphabets, or of one sense.
//!
//! Pure. The lists of senses (`senses.txt`) hold words of the common language only; names and topics are the posts' business.

use std::sync::LazyLock;

use crate::text::{self, DocumentFrequency, TokenKind};

/// Words of the same beginning («взлом», «взломщик») count as half found.
const SIMILAR_STRENGTH: f32 = 0.5;

/// A name in the other alphabet («Странник», "Strannik").
const TRANSLITERATED_STRENGTH: f32 = 0.8;

/// Groups of words of one sense that questions and answers seldom share, in one language or across: a group a line.
static SENSES: LazyLock<Vec<Group>> = LazyLock::new(|| {
    include_str!("senses.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().map(|word| (text::stem(word), word)).collect())
        .collect()
});

/// Words with their stems.
type Group = Vec<(String, &'static str)>;

/// How surely a word of the same sense stands for another.
pub(super) const SENSE_STRENGTH: f32 = 0.6;

/// The shortest word that may be a name in the other alphabet, in letters.
const NAME_CHARS_MIN: usize = 3;

/// The shortest common beginning, in characters, and its least share of the longer stem.
const SIMILAR_CHARS_MIN: usize = 5;
const SIMILAR_SHARE_MIN: f32 = 0.62;

/// How surely one stem stands for another, 0 to 1.
pub(in crate::ai) fn similarity(a: &str, b: &str) -> f32 {
    if a == b {
        return 1.0;
    }
    if a.starts_with(|c: char| c.is_ascii_digit()) {
        return 0.0;
    }
    if is_cyrillic(a) != is_cyrillic(b) {
        let (russian, other) = if is_cyrillic(a) { (a, b) } else { (b, a) };
        return transliterated(russian, other);
    }
    let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    if common < SIMILAR_CHARS_MIN {
        return 0.0;
    }
    let longer = a.chars().count().max(b.chars().count());
    if common as f32 >= SIMILAR_SHARE_MIN * longer as f32 { SIMILAR_STRENGTH } else { 0.0 }
}

fn transliterated(russian: &str, other: &str) -> f32 {
    if other.len() < 3 || !other.bytes().all(|b| b.is_ascii_lowercase()) {
        return 0.0;
    }
    // Stemmers cut the two differently: what one has more must be an ending.
    let latin: String = russian.chars().map(latin_of).collect();
    let common = latin.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let longer = latin.len().max(other.len());
    let enough = if longer < 5 { common == longer } else { common + 2 >= longer && common >= 4 };
    if enough { TRANSLITERATED_STRENGTH } else { 0.0 }
}

fn latin_of(c: char) -> &'static str {
    const LATIN: [&str; 32] = [
        "a", "b", "v", "g", "d", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u",
        "f", "kh", "ts", "ch", "sh", "shch", "", "y", "", "e", "yu", "ya",
    ];
    let at = (c as usize).wrapping_sub('а' as usize);
    LATIN.get(at).copied().unwrap_or("")
}

/// Whether a folded word has Cyrillic letters.
pub(super) fn is_cyrillic(folded: &str) -> bool {
    folded.chars().any(|c| ('а'..='я').contains(&c))
}

/// The stems of one sense with this one, itself included.
pub(super) fn senses_of(stem: &str) -> Vec<String> {
    groups_of(stem).map(|(sense, _)| sense.clone()).collect()
}

fn groups_of(stem: &str) -> impl Iterator<Item = &'static (String, &'static str)> {
    SENSES.iter().filter(move |group| group.iter().any(|(sense, _)| sense == stem)).flatten()
}

/// The words that posts of this tenant may use where the question says something else: of one sense, and names in the other
/// alphabet. For a search by words alone; a model needs none of it. Empty where there are none.
pub fn widened(search_text: &str, frequency: &dyn DocumentFrequency) -> String {
    let mut words: Vec<String> = Vec::new();
    for token in text::tokens(search_text).iter().filter(|token| token.kind == TokenKind::Word) {
        let folded = text::fold(token.of(search_text));
        if text::stop_word(&folded) {
            continue;
        }
        let stem = text::stem(&folded);
        let senses = groups_of(&stem).filter(|(sense, _)| *sense != stem).map(|(_, word)| (*word).to_owned());
        for word in senses.chain(russian_of(&folded)) {
            if !words.contains(&word) && frequency.frequency(&text::stem(&word)) > 0 {
                words.push(word);
            }
        }
    }
    words.join(" ")
}

/// A Latin word in Russian letters, as names are usually written; `None` for what is no plain Latin word.
fn russian_of(folded: &str) -> Option<String> {
    const RUSSIAN: [(&str, &str); 35] = [
        ("shch", "щ"),
        ("zh", "ж"),
        ("kh", "х"),
        ("ts", "ц"),
        ("ch", "ч"),
        ("sh", "ш"),
        ("yu", "ю"),
        ("ya", "я"),
        ("yo", "е"),
        ("a", "а"),
        ("b", "б"),
        ("c", "к"),
        ("d", "д"),
        ("e", "е"),
        ("f", "ф"),
        ("g", "г"),
        ("h", "х"),
        ("i", "и"),
        ("j", "й"),
        ("k", "к"),
        ("l", "л"),
        ("m", "м"),
        ("n", "н"),
        ("o", "о"),
        ("p", "п"),
        ("q", "к"),
        ("r", "р"),
        ("s", "с"),
        ("t", "т"),
        ("u", "у"),
        ("v", "в"),
        ("w", "в"),
        ("x", "кс"),
        ("y", "ы"),
        ("z", "з"),
    ];
    if folded.len() < NAME_CHARS_MIN || !folded.bytes().all(|b| b.is_ascii_lowercase()) {
        return None;
    }
    let mut out = String::with_capacity(2 * folded.len());
    let mut rest = folded;
    while let Some((latin, russian)) = RUSSIAN.iter().find(|(latin, _)| rest.starts_with(latin)) {
        rest = &rest[latin.len()..];
        let after_vowel = out.ends_with(['а', 'е', 'и', 'о', 'у', 'ы']);
        match (*latin, rest.is_empty()) {
            ("y", _) if after_vowel => out.push('й'),
            ("y", true) => out.push_str("ый"),
            _ => out.push_str(russian),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Every;

    impl DocumentFrequency for Every {
        fn documents(&self) -> u64 {
            1
        }

        fn frequency(&self, _stem: &str) -> u64 {
            1
        }
    }

    #[test]
    fn a_question_is_widened_by_senses_and_alphabets() {
        let check = |question: &str, expected: &[&str]| {
            let words = widened(question, &Every);
            let words: Vec<&str> = words.split(' ').collect();
            assert!(expected.iter().all(|word| words.contains(word)), "{question}: {words:?}");
        };
        check("train to Kamenny Mys", &["поезд", "каменный", "мыс"]);
        check("сколько стоит билет", &["price"]);
        check("Strannik", &["странник"]);
        assert_eq!(widened("Кот", &Every), "");
        assert_eq!(widened("train", &text::NoDocuments), "", "only words that some post has");
    }

    #[test]
    fn no_word_is_in_a_group_twice() {
        for group in SENSES.iter() {
            assert!(group.len() > 1, "{group:?}");
            let mut words: Vec<&str> = group.iter().map(|(_, word)| *word).collect();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), group.len(), "{group:?}");
        }
    }
}
