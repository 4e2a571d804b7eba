//! Two posts that say the same sentence with another number: both are shown, the newer first, each with its date.

use super::{
    passage::Passage,
    render::{self, Line},
    select::{line, share},
};
use crate::ai::question::{Kind, Question};

/// The share of words that two statements of one fact have in common, numbers included.
const SAME_FACT_SHARE: f32 = 0.45;

/// How many of the best sentences are compared.
const COMPARED_MAX: usize = 12;

/// How far below the best the contradicting sentence may lie, as a share of its score.
const CONTRADICTING_SHARE: f32 = 0.75;

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
            && share(passages, top, *at).min(share(passages, *at, top)) >= SAME_FACT_SHARE
            && differs(passages, top, *at)
    })?;
    let at = |(p, _): (usize, usize)| passages[p].source.posted_at;
    let (newer, older) = if at(top) > at(other) {
        (top, other)
    } else {
        (other, top)
    };
    let mut out = vec![line(passages, newer), line(passages, older)];
    out[0].frame = render::as_of(question, at(newer));
    out[1].frame = render::earlier(question, at(older));
    for line in &mut out {
        line.bullet = true;
    }
    Some(out)
}

/// Whether two sentences give different numbers of the same thing: the word after (or before) each number is the same.
pub(super) fn differs(passages: &[Passage<'_>], a: (usize, usize), b: (usize, usize)) -> bool {
    let a = measures(passages, a);
    let b = measures(passages, b);
    a.iter().any(|(unit, _)| {
        let values =
            |of: &[(u32, u32)]| -> Vec<u32> { of.iter().filter(|m| m.0 == *unit).map(|m| m.1).collect() };
        let (left, right) = (values(&a), values(&b));
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
