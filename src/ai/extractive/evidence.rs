//! How well the sources carry an answer, before any sentence is chosen.
//!
//! A logistic mix of what was measured to tell answerable from unanswerable questions: how much of the question, by
//! rarity, the best post covers, whether its rarest word is there, whether several posts agree, and the best cosine.
//! Cosines of small models lie in a narrow cone (answerable 0.83–0.91, strangers 0.78–0.83), so they only shift the
//! verdict and never make it alone. Every part grows with the evidence, so the sum does.

use super::lexicon::Lexicon;
use super::passage::{Passage, joined_coverage};
use crate::ai::question::{Intent, Kind, Question};

/// The logit of no evidence at all, where vectors are off and where they have spoken.
const BIAS_WORDS: f32 = -5.4;
const BIAS_COSINE: f32 = -3.9;
/// The best post's coverage of the question.
const COVERAGE: f32 = 4.0;
/// The number of words found, by weight.
const MASS: f32 = 6.0;
const MASS_ENOUGH: f32 = 3.0;
/// The coverage of its best sentence with the opening of the post.
const SENTENCE: f32 = 0.5;
/// Whether that post has the question's weightiest word.
const RAREST: f32 = 1.0;
/// Further posts that cover the question.
const AGREEMENT: f32 = 0.6;
const AGREEMENT_POSTS_MAX: usize = 3;
const AGREEMENT_COVERAGE_MIN: f32 = 0.6;
/// The same post found by words and by vector.
const BOTH_LISTS: f32 = 0.3;

/// The cosine that says nothing either way, the logits per unit away from it, and the most it may shift.
const COSINE_MIDDLE: f32 = 0.838;
const COSINE_SLOPE: f32 = 100.0;
const COSINE_SHIFT_MAX: f32 = 3.5;

/// Question and post in different alphabets lie that much further apart for the same meaning.
const COSINE_ACROSS: f32 = 0.02;

/// Posts after which more of them add nothing, for questions without a topic.
const POSTS_ENOUGH: f32 = 3.0;

/// What is known of the sources, each between 0 and 1 and better when larger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Evidence {
    /// The best post's coverage of the question.
    pub coverage: f32,
    /// How much the best post has of the question, by weight of words, up to [`MASS_ENOUGH`] words of full weight: half of
    /// eight rare words found is no accident, one of two may be.
    pub mass: f32,
    /// The coverage of the best sentence with its post's opening.
    pub sentence: f32,
    /// How surely the question's weightiest word is found.
    pub rarest: f32,
    /// Further posts that cover the question, as a share of those that count.
    pub agreement: f32,
    /// 1 when words and vectors found the same covering post.
    pub both: f32,
    /// The best cosine, corrected across alphabets; `None` without vectors.
    pub cosine: Option<f32>,
}

impl Evidence {
    pub(super) fn of(passages: &[Passage<'_>], lexicon: &Lexicon) -> Self {
        let covering = passages.iter().filter(|p| p.coverage >= AGREEMENT_COVERAGE_MIN);
        let both = covering.clone().any(|p| p.source.cosine.is_some() && p.source.fulltext.is_some());
        let agreeing = covering.count().saturating_sub(1).min(AGREEMENT_POSTS_MAX);
        let cosine = |p: &Passage<'_>| {
            let across = if lexicon.is_foreign_to(p.script) { COSINE_ACROSS } else { 0.0 };
            p.source.cosine.map(|c| c + across).filter(|c| c.is_finite())
        };
        Self {
            coverage: passages.iter().map(|p| p.coverage).fold(0.0, f32::max),
            mass: passages.iter().map(|p| lexicon.mass(&p.found) / MASS_ENOUGH).fold(0.0, f32::max).min(1.0),
            sentence: passages.iter().map(|p| joined_coverage(p, lexicon)).fold(0.0, f32::max),
            rarest: rarest(passages, lexicon),
            agreement: agreeing as f32 / AGREEMENT_POSTS_MAX as f32,
            both: f32::from(u8::from(both)),
            cosine: passages.iter().filter_map(cosine).reduce(f32::max),
        }
    }

    /// 0 to 1, growing with every part.
    pub(super) fn confidence(&self) -> f32 {
        let words = COVERAGE * self.coverage
            + MASS * self.mass
            + SENTENCE * self.sentence
            + RAREST * self.rarest
            + AGREEMENT * self.agreement
            + BOTH_LISTS * self.both;
        let logit = words
            + match self.cosine {
                None => BIAS_WORDS,
                Some(cosine) => BIAS_COSINE + cosine_shift(cosine),
            };
        1.0 / (1.0 + (-logit).exp())
    }
}

/// 0 to 1.
pub(super) fn confidence(question: &Question, passages: &[Passage<'_>], lexicon: &Lexicon) -> f32 {
    if passages.is_empty() {
        0.0
    } else if lexicon.terms.is_empty() {
        untopical(question, passages.len())
    } else {
        Evidence::of(passages, lexicon).confidence()
    }
}

/// The strength with which the post that covers most of the question holds the weightiest word it could hold.
fn rarest(passages: &[Passage<'_>], lexicon: &Lexicon) -> f32 {
    let best = passages.iter().max_by(|a, b| a.coverage.total_cmp(&b.coverage));
    best.map_or(0.0, |passage| lexicon.weightiest(&passage.found, passage.script))
}

fn cosine_shift(cosine: f32) -> f32 {
    ((cosine - COSINE_MIDDLE) * COSINE_SLOPE).clamp(-COSINE_SHIFT_MAX, COSINE_SHIFT_MAX)
}

/// «Что нового за неделю?»: whatever the period holds is the answer. A question of function words alone asks for nothing.
fn untopical(question: &Question, posts: usize) -> f32 {
    let asks_for_whatever = match (question.intent, question.kind) {
        (Intent::Digest | Intent::Trend | Intent::Search | Intent::Recommend, _)
        | (Intent::Ask, Kind::Events) => true,
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
        ) => question.period.is_some(),
    };
    let share = posts as f32 / (posts as f32 + POSTS_ENOUGH);
    if asks_for_whatever { 0.5 + 0.5 * share } else { 0.4 * share }
}
