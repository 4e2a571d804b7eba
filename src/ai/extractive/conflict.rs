//! Two posts that say the same sentence with another number: both are shown, the newer first, each with its date.

use super::{
    passage::Passage,
    render::{self, Line},
    select::{line, share},
};
use crate::ai::question::{Kind, Question};

/// The share of words that two statements of one fact have in common, numbers included: of the shorter, of the longer.
const SAME_FACT_SHARE: f32 = 0.6;
const SAME_FACT_SHARE_LONGER: f32 = 0.35;

/// The same where the newer statement repeats the older number beside its own («с 18 900 до 16 400 рублей»).
const CORRECTION_SHARE: f32 = 0.2;

/// How many of the best sentences are compared.
const COMPARED_MAX: usize = 40;

/// How far below the best the contradicting sentence may lie, as a share of its score.
const CONTRADICTING_SHARE: f32 = 0.55;

/// The newer statement and the older one, when the best sentence is contradicted.
pub(super) fn lines(
    question: &Question,
    passages: &[Passage<'_>],
    ranked: &[(usize, usize)],
) -> Option<Vec<Line>> {
    match question.kind {
        Kind::HowMuch | Kind::When | Kind::What | Kind::Whether => {}
        Kind::Who | Kind::Where | Kind::Why | Kind::How | Kind::List | Kind::Events => return None,
    }
    let top = *ranked.first()?;
    let score = |(p, s): (usize, usize)| passages[p].sentences[s].score;
    let other = ranked.iter().skip(1).take(COMPARED_MAX).copied().find(|at| {
        at.0 != top.0
            && passages[at.0].source.posted_at != passages[top.0].source.posted_at
            && score(*at) >= CONTRADICTING_SHARE * score(top)
            && contradict(passages, top, *at)
    })?;
    let at = |(p, _): (usize, usize)| passages[p].source.posted_at;
    let (newer, older) = if at(top) > at(other) { (top, other) } else { (other, top) };
    let mut out = vec![line(passages, newer), line(passages, older)];
    out[0].frame = render::as_of(question, at(newer));
    out[1].frame = render::earlier(question, at(older));
    for line in &mut out {
        line.bullet = true;
    }
    Some(out)
}

fn contradict(passages: &[Passage<'_>], a: (usize, usize), b: (usize, usize)) -> bool {
    let (left, right) = (share(passages, a, b), share(passages, b, a));
    let (less, more) = (left.min(right), left.max(right));
    let newer_is_a = passages[a.0].source.posted_at > passages[b.0].source.posted_at;
    let (newer, older) = if newer_is_a { (a, b) } else { (b, a) };
    (more >= SAME_FACT_SHARE && less >= SAME_FACT_SHARE_LONGER && differs(passages, a, b))
        || (less >= CORRECTION_SHARE && corrects(passages, newer, older))
}

/// Whether the newer sentence holds all the older one's numbers of some unit and one more.
fn corrects(passages: &[Passage<'_>], newer: (usize, usize), older: (usize, usize)) -> bool {
    let newer = measures(passages, newer);
    let older = measures(passages, older);
    older.iter().any(|(unit, _)| {
        let (after, before) = (values(&newer, *unit), values(&older, *unit));
        before.iter().all(|value| after.contains(value)) && after.iter().any(|value| !before.contains(value))
    })
}

fn values(measures: &[(u32, u32)], unit: u32) -> Vec<u32> {
    measures.iter().filter(|m| m.0 == unit).map(|m| m.1).collect()
}

/// Whether two sentences give different numbers of the same thing: the word after (or before) each number is the same.
pub(super) fn differs(passages: &[Passage<'_>], a: (usize, usize), b: (usize, usize)) -> bool {
    let a = measures(passages, a);
    let b = measures(passages, b);
    a.iter().any(|(unit, _)| {
        let (left, right) = (values(&a, *unit), values(&b, *unit));
        !right.is_empty() && !left.iter().any(|value| right.contains(value))
    })
}

/// Pairs of unit and number.
fn measures(passages: &[Passage<'_>], (p, s): (usize, usize)) -> Vec<(u32, u32)> {
    let words = passages[p].words(&passages[p].sentences[s]);
    let mut out = Vec::new();
    for (at, piece) in words.iter().enumerate().filter(|(_, piece)| piece.number) {
        let next = words[at + 1..].iter().find(|w| w.content && !w.number);
        let before = words[..at].iter().rev().find(|w| w.content && !w.number);
        if let Some(unit) = next.or(before) {
            out.push((unit.stem, piece.stem));
        }
    }
    out
}
