//! The language of a text: Russian, English or another.
//!
//! Pure. Decided by script, letters and function words, which is enough for posts: a model of n-grams is not needed to tell
//! Cyrillic from Latin.

use super::chars::{is_cyrillic, is_latin};
use super::normalise::fold;
use super::stop_word::stop_word;
use super::token::{TokenKind, tokens};

/// What a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    Ru,
    En,
    /// Another language, or nothing written at all.
    Other,
}

impl Language {
    /// ISO 639-1; `und` (undetermined, ISO 639-2) for any other.
    pub fn code(self) -> &'static str {
        match self {
            Language::Ru => "ru",
            Language::En => "en",
            Language::Other => "und",
        }
    }
}

/// The share of Cyrillic letters from which a text is Cyrillic: Russian posts are full of Latin names.
const CYRILLIC_SHARE_MIN: f64 = 0.15;

/// How many words of a text are looked at.
const WORDS_MAX: usize = 400;

/// The share of letters foreign to Russian or English from which a text is in another language.
const FOREIGN_SHARE_MIN: f64 = 0.015;

/// A text with at least so many words and no function word of the language is in another one.
const WORDS_TELLING: usize = 8;

/// The language of a text. Addresses, mentions and hashtags do not count.
pub fn language(text: &str) -> Language {
    let mut cyrillic = Letters::default();
    let mut latin = Letters::default();
    let mut other = 0_usize;
    for token in tokens(text).into_iter().filter(|token| token.kind == TokenKind::Word).take(WORDS_MAX) {
        let word = fold(token.of(text));
        let Some(first) = word.chars().find(|c| c.is_alphabetic()) else {
            continue;
        };
        if is_cyrillic(first) {
            cyrillic.add(&word, |c| is_cyrillic(c) && !matches!(c, 'а'..='я'));
        } else if is_latin(first) {
            latin.add(&word, |c| is_latin(c) && !c.is_ascii());
        } else {
            other += word.chars().count();
        }
    }
    let written = cyrillic.total + latin.total;
    if written == 0 || other > written {
        Language::Other
    } else if cyrillic.total as f64 >= CYRILLIC_SHARE_MIN * written as f64 {
        cyrillic.decided(Language::Ru)
    } else {
        latin.decided(Language::En)
    }
}

#[derive(Default)]
struct Letters {
    total: usize,
    foreign: usize,
    words: usize,
    function_words: usize,
}

impl Letters {
    fn add(&mut self, word: &str, foreign: impl Fn(char) -> bool) {
        self.total += word.chars().count();
        self.foreign += word.chars().filter(|c| foreign(*c)).count();
        self.words += 1;
        self.function_words += usize::from(stop_word(word));
    }

    fn decided(&self, native: Language) -> Language {
        let foreign = self.foreign as f64 > FOREIGN_SHARE_MIN * self.total as f64;
        let mute = self.words >= WORDS_TELLING && self.function_words == 0;
        if foreign || mute { Language::Other } else { native }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages() {
        let check = |text: &str, expected| assert_eq!(language(text), expected, "{text}");
        check("ЦБ сохранил ключевую ставку", Language::Ru);
        check("Вышел Rust 1.95: async closures, let chains и edition 2024", Language::Ru);
        check("The bank kept its key rate", Language::En);
        check("Rust 1.95", Language::En);
        check("Президент України підписав закон про мобілізацію", Language::Other);
        check("Die Bank hat den Zinssatz nicht verändert und wird später entscheiden", Language::Other);
        check("今日は天気がいい", Language::Other);
        check("", Language::Other);
        check("🚀 12 https://example.com @name", Language::Other);
        check("ПОДПИСАТЬСЯ", Language::Ru);
    }
}
