//! Whether posts support a sentence: each of its words that says something stands in what it cites.
//!
//! Pure and strict: a word that the cited posts do not have, in any form or in the other alphabet, drops the sentence, for one word is
//! enough to lie; a word of the same sense is not the same word. Numbers must be the same, addresses literally there, and what is denied in one is denied in
//! the other. Words must stand near each other, so that a claim is not put together from the ends of a post. What this cannot see
//! is who did what to whom: names in other places of the same words.

use std::{collections::HashSet, ops::Range, sync::LazyLock};

use super::{WrittenSource, speaks, suspicion::speaks_to_models};
use crate::{
    ai::extractive::similarity,
    text::{self, Language, TokenKind},
};

/// Sentences of a post that together may carry one of the answer.
const NEAR_SENTENCES: usize = 3;
/// A likeness that only the same name in the other alphabet has, of words that are not equal.
const OTHER_ALPHABET_MIN: f32 = 0.75;
/// Shortest stem that others are derived from, letters.
const STEM_CHARS_MIN: usize = 4;
/// Endings of derived stems, and letters that turn.
const DERIVING: &[&str] = &[
    "", "ен", "енн", "ени", "ан", "ани", "т", "ти", "ыт", "ыти", "ыва", "ива", "ива", "л", "ing", "ed", "er",
    "ion", "e",
];
const TURNING: &[&str] = &["зжгд", "сшхщ", "кчтцщ"];
/// How far before a word its denial may stand.
const DENIAL_WORDS: usize = 2;
/// A sentence that says less is no statement.
const WORDS_MIN: usize = 1;

/// Words that tell of telling, and join: they may be the answer's own.
const JOINING_WORDS: &str = "сообщает сообщают сообщил сообщается пишет пишут написал отмечает отметил отмечается рассказал \
    рассказывает говорит говорится сказал сказано уточняет уточнил добавил добавляет пост посте посты канал канала каналу источник \
    источника данные данным согласно словам слов также кроме однако поэтому следующий является являются составляет составила составил \
    состоит находится числе report reports reported say says said according also post posts channel note noted added state stated tell \
    tells told however moreover additionally source sources write writes mention mentions while whose which";

static JOINING: LazyLock<HashSet<String>> =
    LazyLock::new(|| JOINING_WORDS.split_whitespace().map(text::stem).collect());

/// What denies the word after it, folded.
const DENIALS: &[&str] = &[
    "не",
    "нет",
    "ни",
    "никогда",
    "без",
    "нельзя",
    "никто",
    "ничего",
    "not",
    "no",
    "never",
    "without",
    "cannot",
    "can't",
    "won't",
    "nobody",
    "nothing",
];

/// A word that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    stem: String,
    kind: TokenKind,
    denied: bool,
}

/// A source as sentences are held against it.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) n: usize,
    text: &'a str,
    sentences: Vec<(Range<usize>, Vec<Word>)>,
    about: Vec<Word>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(source: &WrittenSource<'a>) -> Self {
        let ranges = text::sentences(source.text);
        // An order to a model, what leads to it and what follows it is nobody's evidence.
        let order = ranges.iter().position(|range| speaks_to_models(&source.text[range.clone()]));
        let clean = order.map_or(ranges.len(), |order| order.saturating_sub(1));
        let sentences =
            ranges.into_iter().take(clean).map(|range| (range.clone(), words(&source.text[range]))).collect();
        Self { n: source.n, text: source.text, sentences, about: words(source.about) }
    }

    /// The sentence of the source that has most of these words.
    pub(super) fn carries(&self, said: &str) -> Option<Range<usize>> {
        let said = words(said);
        let shared =
            |words: &[Word]| said.iter().filter(|word| words.iter().any(|other| alike(word, other))).count();
        let best = self
            .sentences
            .iter()
            .max_by_key(|(range, words)| (shared(words), std::cmp::Reverse(range.start)))?;
        (shared(&best.1) > 0).then(|| best.0.clone())
    }

    /// Whether the post itself has the word, not only its channel or date.
    fn says(&self, word: &Word) -> bool {
        self.sentences
            .iter()
            .flat_map(|(_, words)| words)
            .any(|other| alike(word, other) && other.denied == word.denied)
    }

    /// The words of neighbouring sentences, which may carry one statement together.
    fn windows(&self) -> impl Iterator<Item = Vec<&Word>> {
        let starts = 0..self.sentences.len().saturating_sub(NEAR_SENTENCES - 1).max(1);
        starts.map(|start| {
            let near = self.sentences.iter().skip(start).take(NEAR_SENTENCES);
            near.flat_map(|(_, words)| words).chain(&self.about).collect()
        })
    }
}

/// Whether the cited posts say what the sentence says.
pub(super) fn stands(sentence: &str, cited: &[&Evidence<'_>], language: Language) -> bool {
    let said = words(sentence);
    if said.len() < WORDS_MIN || cited.is_empty() {
        return false;
    }
    // Who asks in Russian reads Russian, unless the posts themselves are in another language.
    if !speaks(sentence, language) && cited.iter().any(|source| speaks(source.text, language)) {
        return false;
    }
    let claims: Vec<&Word> = said.iter().filter(|word| !JOINING.contains(&word.stem)).collect();
    // A channel's name and a date alone are what no post says: «I am evil» of a post of the channel «Evil».
    if !claims.iter().any(|word| cited.iter().any(|source| source.says(word))) {
        return false;
    }
    // Together the sources carry all of it, and one of them most.
    let missing_in = |window: &[&Word]| -> Vec<usize> {
        let carried =
            |word: &Word| window.iter().any(|other| alike(word, other) && other.denied == word.denied);
        claims.iter().enumerate().filter(|(_, word)| !carried(word)).map(|(place, _)| place).collect()
    };
    let mut best: Vec<Vec<usize>> = Vec::new();
    for source in cited {
        let least = source.windows().map(|window| missing_in(&window)).min_by_key(Vec::len);
        best.extend(least);
    }
    best.sort_by_key(Vec::len);
    let Some((first, others)) = best.split_first() else { return false };
    first.len() * 2 <= claims.len()
        && first.iter().all(|place| others.iter().any(|missing| !missing.contains(place)))
}

fn alike(a: &Word, b: &Word) -> bool {
    match (a.kind, b.kind) {
        (TokenKind::Word, TokenKind::Word) => {
            a.stem == b.stem
                || is_derived(&a.stem, &b.stem)
                || similarity(&a.stem, &b.stem) >= OTHER_ALPHABET_MIN
        }
        // Numbers, addresses and names of people are the same or they are not.
        (_, _) => a.stem == b.stem,
    }
}

/// Whether one stem is the other's with an ending that makes a participle or a noun of a verb: «сниз» and «снижен», «откр» and «открыт».
/// The last letter may have changed as it does before these endings.
fn is_derived(a: &str, b: &str) -> bool {
    let (short, long): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if short.len() <= long.len() { (short, long) } else { (long, short) };
    if short.len() < STEM_CHARS_MIN {
        return false;
    }
    let last = short.len() - 1;
    let ending: String = long[short.len()..].iter().collect();
    short[..last] == long[..last] && is_turned(short[last], long[last]) && DERIVING.contains(&ending.as_str())
}

/// Letters that turn into one another at the end of a stem.
fn is_turned(a: char, b: char) -> bool {
    a == b || TURNING.iter().any(|group| group.contains(a) && group.contains(b))
}

/// The words of a text that say something.
fn words(sentence: &str) -> Vec<Word> {
    let normal = text::normalise(sentence);
    let mut out: Vec<Word> = Vec::new();
    let mut since_denial = usize::MAX;
    for token in text::tokens(&normal) {
        let raw = token.of(&normal);
        let folded = text::fold(raw);
        since_denial = since_denial.saturating_add(1);
        if DENIALS.contains(&folded.as_str()) || folded.ends_with("n't") {
            since_denial = 0;
            continue;
        }
        let denied = since_denial <= DENIAL_WORDS;
        let mut push = |stem: String, kind| out.push(Word { stem, kind, denied });
        match token.kind {
            TokenKind::Emoji => {}
            TokenKind::Url | TokenKind::Mention => push(folded, token.kind),
            TokenKind::Number => {
                for term in text::terms(raw) {
                    push(term.text, TokenKind::Number);
                }
            }
            TokenKind::Word | TokenKind::Hashtag => {
                if text::stop_word(&folded) {
                    continue;
                }
                let word = folded.trim_start_matches('#');
                // The whole compound or its parts: a text may spell it either way.
                for part in word.split(['-', '_']).filter(|part| !part.is_empty() && !text::stop_word(part)) {
                    push(text::stem(part), TokenKind::Word);
                }
            }
        }
    }
    out
}
