//! How well the sources carry an answer, before any sentence is chosen.
//!
//! A logistic mix of what was measured to tell answerable from unanswerable questions: how much of the question, by
//! rarity, the best post covers, whether its rarest word is there, whether several posts agree, and the best cosine.
//! Cosines of small models lie in a narrow cone (answerable 0.83–0.91, strangers 0.78–0.83), so they only shift the
//! verdict and never make it alone. Every part grows with the evidence, so the sum does.

use super::lexicon::Lexicon;
use super::passage::{Passage, joined_coverage};
use crate::ai::question::{Intent, Kind, Question};

/// Where the curve crosses one half with full words and nothing else.
const BIAS: f32 = -5.2;
/// The best post's coverage of the question.
const COVERAGE: f32 = 5.0;
/// The coverage of its best sentence with the opening of the post.
const SENTENCE: f32 = 2.2;
/// Whether the question's weightiest word is found.
const RAREST: f32 = 1.4;
/// Further posts that cover the question.
const AGREEMENT: f32 = 0.3;
const AGREEMENT_POSTS_MAX: usize = 3;
const AGREEMENT_COVERAGE_MIN: f32 = 0.6;
/// The same post found by words and by vector.
const BOTH_LISTS: f32 = 0.3;

/// The cosine that says nothing either way, the logits per unit away from it, and the most it may shift.
const COSINE_MIDDLE: f32 = 0.845;
const COSINE_SLOPE: f32 = 55.0;
const COSINE_SHIFT_MAX: f32 = 3.0;

/// Posts after which more of them add nothing, for questions without a topic.
const POSTS_ENOUGH: f32 = 3.0;

/// 0 to 1.
pub(super) fn confidence(question: &Question, passages: &[Passage<'_>], lexicon: &Lexicon) -> f32 {
    if passages.is_empty() {
        return 0.0;
    }
    if lexicon.terms.is_empty() {
        return untopical(question, passages.len());
    }
    let best = passages.iter().map(|p| p.coverage).fold(0.0, f32::max);
    let sentence = passages
        .iter()
        .map(|p| joined_coverage(p, lexicon))
        .fold(0.0, f32::max);
    let agreeing = passages
        .iter()
        .filter(|p| p.coverage >= AGREEMENT_COVERAGE_MIN)
        .count()
        .saturating_sub(1)
        .min(AGREEMENT_POSTS_MAX);
    let both = passages.iter().any(|p| {
        p.coverage >= AGREEMENT_COVERAGE_MIN && p.source.cosine.is_some() && p.source.fulltext.is_some()
    });
    let logit = BIAS
        + COVERAGE * best
        + SENTENCE * sentence
        + RAREST * rarest(passages, lexicon)
        + AGREEMENT * agreeing as f32
        + if both { BOTH_LISTS } else { 0.0 }
        + cosine_shift(passages);
    1.0 / (1.0 + (-logit).exp())
}

/// The strength with which any one post holds the question's weightiest word.
fn rarest(passages: &[Passage<'_>], lexicon: &Lexicon) -> f32 {
    let weightiest = lexicon.terms.iter().map(|t| t.weight).fold(0.0, f32::max);
    let mut least: f32 = 1.0;
    for (at, _) in lexicon
        .terms
        .iter()
        .enumerate()
        .filter(|(_, t)| t.weight >= weightiest)
    {
        least = least.min(passages.iter().map(|p| p.found[at]).fold(0.0, f32::max));
    }
    least
}

fn cosine_shift(passages: &[Passage<'_>]) -> f32 {
    let best = passages
        .iter()
        .filter_map(|p| p.source.cosine)
        .fold(None, |best: Option<f32>, c| {
            Some(best.map_or(c, |best| best.max(c)))
        });
    best.map_or(0.0, |cosine| {
        ((cosine - COSINE_MIDDLE) * COSINE_SLOPE).clamp(-COSINE_SHIFT_MAX, COSINE_SHIFT_MAX)
    })
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
    if asks_for_whatever {
        0.5 + 0.5 * share
    } else {
        0.4 * share
    }
}
