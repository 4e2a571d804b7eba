//! The words of one question and its sources, numbered: each distinct stem is compared with the question once.
//!
//! A question's word weighs by its rarity in the tenant: what nearly every post says tells nothing.

use std::collections::HashMap;

use super::likeness::{SENSE_STRENGTH, is_cyrillic, senses_of, similarity};
use crate::{
    ai::question::Question,
    text::{self, DocumentFrequency, TokenKind},
};

/// What a question's word of the other alphabet weighs against a post that has none of that alphabet: it could not be
/// there, so its absence says less.
const FOREIGN_SHARE: f32 = 0.6;

/// The weight of a word that every post has, against 1 for one that none has.
const WEIGHT_MIN: f32 = 0.08;

/// Words of questions that no answer repeats, beyond the function words of the language.
const QUESTION_WORDS: &[&str] = &[
    "кто",
    "что",
    "когда",
    "где",
    "куда",
    "откуда",
    "почему",
    "зачем",
    "сколько",
    "какой",
    "какая",
    "какое",
    "какие",
    "каких",
    "каким",
    "какую",
    "каком",
    "каков",
    "какова",
    "ли",
    "как",
    "чем",
    "известно",
    "новости",
    "нового",
    "можно",
    "who",
    "what",
    "when",
    "where",
    "why",
    "how",
    "which",
    "much",
    "many",
    "does",
    "did",
    "is",
    "are",
    "known",
    "whose",
];

/// A distinct stem's number.
pub(super) type StemId = u32;

/// A word of a source or question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub stem: StemId,
    pub start: usize,
    pub end: usize,
    /// Neither a function word nor a single letter.
    pub content: bool,
    pub number: bool,
    /// Begins with a capital, or is Latin in Cyrillic surroundings.
    pub capital: bool,
    pub latin: bool,
}

/// A word of the question: which one a stem stands for, and how surely.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    pub term: usize,
    pub strength: f32,
}

/// A word that the answer should be about.
#[derive(Debug)]
pub(super) struct QuestionTerm {
    pub stem: StemId,
    /// Rarity, [`WEIGHT_MIN`] to 1.
    pub weight: f32,
    cyrillic: bool,
}

#[derive(Debug, Default)]
pub(super) struct Lexicon {
    ids: HashMap<String, StemId>,
    /// By raw word: its stem, and whether it is content. Posts repeat words; stemming is what costs.
    seen: HashMap<String, (StemId, bool)>,
    stems: Vec<String>,
    matches: Vec<Option<Match>>,
    pub terms: Vec<QuestionTerm>,
    /// By term: the stems of one sense with it.
    senses: Vec<Vec<String>>,
}

impl Lexicon {
    /// Holds the content words of the question's topic.
    pub(super) fn of_question(question: &Question, frequency: &dyn DocumentFrequency) -> Self {
        let mut lexicon = Self::default();
        for piece in lexicon.pieces(&question.search_text) {
            let word = text::fold(&question.search_text[piece.start..piece.end]);
            let known = lexicon.terms.iter().any(|t| t.stem == piece.stem);
            if piece.content && !known && !QUESTION_WORDS.contains(&word.as_str()) {
                let weight = weight(frequency, &lexicon.stems[piece.stem as usize]);
                lexicon.terms.push(QuestionTerm { cyrillic: is_cyrillic(&word), stem: piece.stem, weight });
            }
        }
        lexicon.senses =
            lexicon.terms.iter().map(|term| senses_of(&lexicon.stems[term.stem as usize])).collect();
        lexicon.matches = lexicon.stems.iter().map(|stem| lexicon.match_of(stem)).collect();
        lexicon
    }

    /// The words of a normalised text, in order: words with the parts of compounds, numbers and hashtags; no addresses.
    pub(super) fn pieces(&mut self, text: &str) -> Vec<Piece> {
        let mut out = Vec::with_capacity(text.len() / 10);
        for token in text::tokens(text) {
            match token.kind {
                TokenKind::Word => {
                    self.push(&mut out, text, (token.start, token.end), false);
                    let word = token.of(text);
                    if word.contains(['-', '.', '_', '&', '–']) {
                        for part in parts(word) {
                            self.push(&mut out, text, (token.start + part.0, token.start + part.1), false);
                        }
                    }
                }
                TokenKind::Number => self.push(&mut out, text, (token.start, token.end), true),
                TokenKind::Hashtag => self.push(&mut out, text, (token.start + 1, token.end), false),
                TokenKind::Mention | TokenKind::Url | TokenKind::Emoji => {}
            }
        }
        out
    }

    fn push(&mut self, out: &mut Vec<Piece>, text: &str, (start, end): (usize, usize), number: bool) {
        let Some(word) = text.get(start..end) else { return };
        let (stem, content) = self.look_up(word, number);
        let first = word.chars().next();
        out.push(Piece {
            stem,
            start,
            end,
            content,
            number: number || first.is_some_and(|c| c.is_ascii_digit()),
            capital: first.is_some_and(char::is_uppercase),
            latin: first.is_some_and(|c| c.is_ascii_alphabetic()),
        });
    }

    fn look_up(&mut self, word: &str, number: bool) -> (StemId, bool) {
        if let Some(known) = self.seen.get(word) {
            return *known;
        }
        let folded = text::fold(word);
        let (stem, content) = if number {
            (folded.replace([' ', '%'], "").replace(',', "."), true)
        } else {
            let content = folded.chars().nth(1).is_some() && !text::stop_word(&folded);
            (text::stem(&folded), content)
        };
        let id = self.id(stem);
        self.seen.insert(word.to_owned(), (id, content));
        (id, content)
    }

    fn id(&mut self, stem: String) -> StemId {
        if let Some(id) = self.ids.get(&stem) {
            return *id;
        }
        let id = StemId::try_from(self.stems.len()).expect("the texts are bounded, so are their words");
        if !self.terms.is_empty() {
            self.matches.push(self.match_of(&stem));
        }
        self.stems.push(stem.clone());
        self.ids.insert(stem, id);
        id
    }

    fn match_of(&self, stem: &str) -> Option<Match> {
        let mut best: Option<Match> = None;
        for (term, question) in self.terms.iter().enumerate() {
            let mut strength = similarity(stem, &self.stems[question.stem as usize]);
            if strength < SENSE_STRENGTH && self.senses[term].iter().any(|sense| sense == stem) {
                strength = SENSE_STRENGTH;
            }
            if strength > best.map_or(0.0, |m| m.strength) {
                best = Some(Match { term, strength });
            }
        }
        best
    }

    /// The question's word that a stem stands for.
    pub(super) fn matched(&self, stem: StemId) -> Option<Match> {
        self.matches.get(stem as usize).copied().flatten()
    }

    /// How much of the question is found, by weight, 0 to 1. `found` is each term's best strength; A word that the
    /// post's alphabet rules out weighs less.
    pub(super) fn coverage(&self, found: &[f32], script: Script) -> f32 {
        let mut sum = 0.0;
        let mut all = 0.0;
        for (term, strength) in self.terms.iter().zip(found) {
            sum += term.weight * strength;
            all += term.weight_in(script, *strength);
        }
        if all > 0.0 { (sum / all).min(1.0) } else { 0.0 }
    }

    /// The weight of the words found.
    pub(super) fn mass(&self, found: &[f32]) -> f32 {
        self.terms.iter().zip(found).map(|(t, strength)| t.weight * strength).sum()
    }

    /// The strength of the word that weighs most in a post of this alphabet; of several, the least found.
    pub(super) fn weightiest(&self, found: &[f32], script: Script) -> f32 {
        let weighed = || self.terms.iter().zip(found).map(|(t, s)| (t.weight_in(script, *s), *s));
        let most = weighed().map(|(weight, _)| weight).fold(0.0, f32::max);
        weighed()
            .filter(|(weight, _)| *weight >= most)
            .map(|(_, strength)| strength)
            .reduce(f32::min)
            .unwrap_or(0.0)
    }

    /// Whether most of the question's words are of an alphabet the post is not written in.
    pub(super) fn is_foreign_to(&self, script: Script) -> bool {
        let foreign = self.terms.iter().filter(|t| !t.is_possible(script)).count();
        foreign * 2 > self.terms.len()
    }

    /// The strengths of the question's words in a run of pieces.
    pub(super) fn strengths(&self, pieces: &[Piece]) -> Vec<f32> {
        let mut found = vec![0.0_f32; self.terms.len()];
        for hit in pieces.iter().filter_map(|p| self.matched(p.stem)) {
            found[hit.term] = found[hit.term].max(hit.strength);
        }
        found
    }
}

impl QuestionTerm {
    fn is_possible(&self, script: Script) -> bool {
        if self.cyrillic { script.cyrillic } else { script.latin }
    }

    /// What the word weighs for a post: less where it could not stand, but never less than what was found of it.
    fn weight_in(&self, script: Script, strength: f32) -> f32 {
        let share = if self.is_possible(script) { 1.0 } else { FOREIGN_SHARE };
        self.weight * share.max(strength)
    }
}

/// The alphabets of a post.
#[derive(Debug, Clone, Copy)]
pub(super) struct Script {
    pub cyrillic: bool,
    pub latin: bool,
}

impl Script {
    /// Latin names in a Russian post do not make it English: so many of its letters must be Latin.
    pub(super) fn of(text: &str) -> Self {
        let (mut cyrillic, mut latin) = (0_usize, 0_usize);
        for c in text.chars() {
            cyrillic += usize::from(('а'..='я').contains(&c));
            latin += usize::from(c.is_ascii_lowercase());
        }
        Self { cyrillic: cyrillic * 4 >= latin, latin: latin * 2 >= cyrillic }
    }
}

/// The larger strength of each word.
pub(super) fn joined(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a.max(*b)).collect()
}

fn parts(word: &str) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut from = None;
    for (at, c) in word.char_indices() {
        if c.is_alphanumeric() {
            from.get_or_insert(at);
        } else if let Some(start) = from.take() {
            out.push((start, at));
        }
    }
    out.extend(from.map(|start| (start, word.len())));
    out
}

fn weight(frequency: &dyn DocumentFrequency, stem: &str) -> f32 {
    let documents = frequency.documents() as f32;
    let with_stem = frequency.frequency(stem) as f32;
    if documents <= 0.0 {
        return 1.0;
    }
    let idf = ((documents + 1.0) / (with_stem + 0.5)).ln() / ((documents + 1.0) / 0.5).ln();
    idf.clamp(WEIGHT_MIN, 1.0)
}
