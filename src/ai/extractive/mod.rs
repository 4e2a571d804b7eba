//! Answers without a model: the sentences of the posts that answer, each with its citation.
//!
//! Pure: no store, no search, no clock. The caller retrieves, this module reads what was retrieved. It states nothing in
//! its own words: every stating sentence is a quotation followed by `[n]`, where `n` is the source's place in the
//! caller's list, counted from 1. Post text is data: an instruction, a tag or a bracketed number in a post is shown as
//! the characters it is. With weak evidence the answer says so instead of guessing. Equal input, equal answer; no input
//! panics.

pub mod citation;
mod conflict;
mod evidence;
mod item;
mod lexicon;
mod likeness;
mod passage;
mod render;
mod select;
pub mod story;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

use std::ops::Range;

use jiff::Timestamp;

use crate::{
    ai::question::{Intent, Kind, Question},
    model::PostId,
    text::{DocumentFrequency, Language},
};
use lexicon::Lexicon;
pub(in crate::ai) use likeness::similarity;
pub use likeness::widened;
use passage::Passage;
use render::Line;
pub use render::month_name;

/// The longest answer, in characters.
pub const ANSWER_CHARS_MAX: usize = 3_000;

/// How many sources are read; the rest of the list is ignored.
pub const SOURCES_MAX: usize = 100;

/// How much of one post is read, in bytes (cut at a character).
pub const SOURCE_BYTES_MAX: usize = 6_000;

/// The most sentences an answer to a question quotes, corroborating citations not counted.
pub const SENTENCES_MAX: usize = 4;

/// The most stories or posts an answer lists.
pub const ITEMS_MAX: usize = 8;

/// From this confidence on the evidence carries an answer. Calibrated on headline questions over real posts against
/// trivia of no concern to them (`golden.rs` measures both errors).
pub const CONFIDENCE_MIN: f32 = 0.5;

/// One retrieved post.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub post_id: PostId,
    pub channel_title: &'a str,
    pub posted_at: Timestamp,
    /// Normalised text.
    pub text: &'a str,
    /// The fused score of retrieval, 0 to 1, comparable within one list.
    pub score: f32,
    /// Cosine of the post's nearest chunk to the question; `None` where vectors did not find it or are off.
    pub cosine: Option<f32>,
    /// The full-text score, in any unit; `None` where words did not find it.
    pub fulltext: Option<f32>,
}

/// Vectors of sentences, in order and of length 1; `None` when the model is busy or gone: the answer does without.
pub type Embed<'a> = dyn Fn(&[&str]) -> Option<Vec<Vec<f32>>> + 'a;

/// Sentence vectors, where a model is loaded.
#[derive(Clone, Copy)]
pub struct Embedding<'a> {
    /// The question's vector, of length 1.
    pub question: &'a [f32],
    pub embed: &'a Embed<'a>,
}

/// What may be configured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    pub answer_chars_max: usize,
    pub sentences_max: usize,
    pub items_max: usize,
    /// 0 to 1; see [`CONFIDENCE_MIN`].
    pub confidence_min: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            answer_chars_max: ANSWER_CHARS_MAX,
            sentences_max: SENTENCES_MAX,
            items_max: ITEMS_MAX,
            confidence_min: CONFIDENCE_MIN,
        }
    }
}

/// An answer, or the statement that there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Plain text; lists in lines that begin with `• `. No control characters but `\n`.
    pub text: String,
    /// The sources the text cites, by `n`. Empty when abstained.
    pub used: Vec<Cited>,
    /// How well the sources carry an answer, 0 to 1; grows with the evidence, also below the threshold.
    pub confidence: f32,
    pub abstained: bool,
}

/// A cited source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cited {
    /// The number in brackets: the source's place in the caller's list, from 1.
    pub n: usize,
    pub post_id: PostId,
    /// An exact piece of the source's text: `text[ranges[0]]`.
    pub quote: String,
    /// What of the source is quoted or agrees with a quotation, in bytes, best first.
    pub ranges: Vec<Range<usize>>,
}

/// Answers `question` from `sources`, best first as retrieved. Sources outside the question's period are not read.
/// `frequency` is the tenant's: without it every word counts as rare, and the confidence is too high.
pub fn answer(
    question: &Question,
    sources: &[Source<'_>],
    frequency: &dyn DocumentFrequency,
    embedding: Option<Embedding<'_>>,
    settings: &Settings,
) -> Answer {
    let mut lexicon = Lexicon::of_question(question, frequency);
    let mut passages: Vec<Passage<'_>> = sources
        .iter()
        .enumerate()
        .take(SOURCES_MAX)
        .filter(|(_, source)| question.period.is_none_or(|period| period.contains(source.posted_at)))
        .map(|(at, source)| Passage::read(at + 1, source, &mut lexicon))
        .filter(|passage| !passage.sentences.is_empty())
        .collect();
    let confidence = evidence::confidence(question, &passages, &lexicon);
    if passages.is_empty() || confidence < settings.confidence_min {
        return abstention(question.language, confidence);
    }
    select::score(question, &mut passages, &lexicon, embedding);
    let lines = lines(question, &passages, &lexicon, settings);
    let (text, used) = render::render(&lines, &passages, settings.answer_chars_max);
    if used.is_empty() {
        return abstention(question.language, confidence);
    }
    Answer { text, used, confidence, abstained: false }
}

fn lines(question: &Question, passages: &[Passage<'_>], lexicon: &Lexicon, settings: &Settings) -> Vec<Line> {
    match (question.intent, question.kind) {
        (Intent::Search | Intent::Recommend, _) => item::posts(question, passages, lexicon, settings),
        (Intent::Digest | Intent::Trend, _) | (Intent::Ask, Kind::Events) => {
            item::stories(question, passages, lexicon, settings)
        }
        (
            Intent::Ask,
            Kind::Who
            | Kind::When
            | Kind::HowMuch
            | Kind::Where
            | Kind::Why
            | Kind::How
            | Kind::Whether
            | Kind::List
            | Kind::What,
        ) => select::sentences(question, passages, settings),
    }
}

/// What is said when the evidence is weak; the caller lists the nearest posts below it.
pub fn abstention_text(language: Language) -> &'static str {
    match language {
        Language::Ru | Language::Other => "В ваших каналах об этом ничего нет",
        Language::En => "Nothing in your channels about this",
    }
}

fn abstention(language: Language, confidence: f32) -> Answer {
    Answer { text: abstention_text(language).to_owned(), used: Vec::new(), confidence, abstained: true }
}
