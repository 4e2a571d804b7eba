//! Which sentences answer: scores, and a choice without repetition.

use super::{
    Embedding, Settings, conflict,
    lexicon::{Lexicon, joined},
    passage::{Passage, Sentence},
    render::{self, Line},
};
use crate::ai::question::{Kind, Question};

/// What each property of a sentence adds.
const OWN_COVERAGE: f32 = 0.42;
const CONTEXT_COVERAGE: f32 = 0.42;
const POST_COVERAGE: f32 = 0.25;
const POST_SCORE: f32 = 0.40;
const EXPECTED_THERE: f32 = 0.18;
const EXPECTED_MISSING: f32 = -0.14;
const FIRST: f32 = 0.06;
const LEANING: f32 = -0.06;
const ASKING: f32 = -0.20;
const SHORT: f32 = -0.25;
const RECENT: f32 = 0.16;
const RECENT_FACT: f32 = 0.06;
const MEANING: f32 = 0.35;

/// Days after which a post is half as new.
const RECENT_DAYS: f32 = 5.0;

/// A sentence of fewer content words is a scrap.
const WORDS_MIN: usize = 3;

/// How many sentences are embedded: at 15 ms each more would be felt.
const EMBEDDED_MAX: usize = 24;

/// A further sentence needs this share of the best one's score, and may repeat this share of a chosen one's words.
const FURTHER_SHARE: f32 = 0.86;
const REPEATED_SHARE_MAX: f32 = 0.5;

/// A further sentence of another post must itself cover this share of the question: its post's merits are not enough.
const FURTHER_COVERAGE_MIN: f32 = 0.35;

/// Another post backs a sentence when one of its own holds this share of the sentence's words.
const BACKING_SHARE: f32 = 0.6;
/// The most posts cited for one sentence besides its own.
pub(super) const BACKING_MAX: usize = 3;

/// The longest quotation that is widened by its neighbour, in bytes.
const WIDENED_BYTES_MAX: usize = 700;

/// A heading stands among the first so many sentences.
const HEADING_AT_MAX: usize = 3;

/// The most lines of a list taken with the line that introduces it.
const LIST_LINES_MAX: usize = 5;

/// Gives every sentence its score.
pub(super) fn score(
    question: &Question,
    passages: &mut [Passage<'_>],
    lexicon: &Lexicon,
    embedding: Option<Embedding<'_>>,
) {
    for passage in passages.iter_mut() {
        let base = POST_SCORE * passage.source.score.clamp(0.0, 1.0)
            + POST_COVERAGE * passage.coverage
            + recency(question, passage);
        let opening = passage.sentences.first().map(|s| s.found.clone()).unwrap_or_default();
        let mut before = opening.clone();
        for at in 0..passage.sentences.len() {
            let context = lexicon
                .coverage(&joined(&joined(&opening, &before), &passage.sentences[at].found), passage.script);
            let sentence = &mut passage.sentences[at];
            sentence.score = base
                + OWN_COVERAGE * sentence.coverage
                + CONTEXT_COVERAGE * context
                + expected(question.kind, sentence)
                + if at == 0 { FIRST } else { 0.0 }
                + if sentence.leans && at > 0 { LEANING } else { 0.0 }
                + if sentence.asks { ASKING } else { 0.0 }
                + if sentence.content_words < WORDS_MIN { SHORT } else { 0.0 };
            before.clone_from(&sentence.found);
        }
    }
    if let Some(embedding) = embedding {
        add_meaning(passages, embedding);
    }
}

/// The later of two reports is usually the right one, even when nobody asked for news.
fn recency(question: &Question, passage: &Passage<'_>) -> f32 {
    let most = if question.wants_news { RECENT } else { RECENT_FACT };
    let age = question.asked_at.timestamp().duration_since(passage.source.posted_at);
    let days = (age.as_secs().max(0) as f32) / 86_400.0;
    most / (1.0 + days / RECENT_DAYS)
}

fn expected(kind: Kind, sentence: &Sentence) -> f32 {
    let there = match kind {
        Kind::Who | Kind::Where => sentence.has_name,
        Kind::When => sentence.has_date,
        Kind::HowMuch => sentence.has_number,
        Kind::Why => sentence.has_reason,
        Kind::How | Kind::Whether | Kind::List | Kind::What | Kind::Events => return 0.0,
    };
    if there { EXPECTED_THERE } else { EXPECTED_MISSING }
}

/// Adds what the vectors say of the best sentences so far. Cosines are spread over the candidates, because alone they
/// differ in the third digit.
fn add_meaning(passages: &mut [Passage<'_>], embedding: Embedding<'_>) {
    let mut best = ranked(passages);
    best.truncate(EMBEDDED_MAX);
    let quotes: Vec<&str> =
        best.iter().map(|(p, s)| passages[*p].quote(&passages[*p].sentences[*s])).collect();
    let Some(vectors) = (embedding.embed)(&quotes).filter(|v| v.len() == quotes.len()) else {
        return;
    };
    let cosines: Vec<f32> =
        vectors.iter().map(|v| v.iter().zip(embedding.question).map(|(a, b)| a * b).sum()).collect();
    let low = cosines.iter().copied().fold(f32::INFINITY, f32::min);
    let high = cosines.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let spread = high - low;
    if !spread.is_finite() || spread <= 0.0 {
        return;
    }
    for ((p, s), cosine) in best.into_iter().zip(cosines) {
        passages[p].sentences[s].score += MEANING * (cosine - low) / spread;
    }
}

/// All sentences as (passage, sentence), the best first; equals keep the order of retrieval.
fn ranked(passages: &[Passage<'_>]) -> Vec<(usize, usize)> {
    let mut all: Vec<(usize, usize)> = passages
        .iter()
        .enumerate()
        .flat_map(|(p, passage)| (0..passage.sentences.len()).map(move |s| (p, s)))
        .collect();
    let score = |(p, s): &(usize, usize)| passages[*p].sentences[*s].score;
    all.sort_by(|a, b| score(b).total_cmp(&score(a)).then(a.cmp(b)));
    all
}

/// The sentences that answer, in lines.
pub(super) fn sentences(question: &Question, passages: &[Passage<'_>], settings: &Settings) -> Vec<Line> {
    let ranked = ranked(passages);
    let Some(&top) = ranked.first() else {
        return Vec::new();
    };
    if let Some(lines) = conflict::lines(question, passages, &ranked) {
        return lines;
    }
    let most = settings.sentences_max.min(match question.kind {
        Kind::Who | Kind::When | Kind::HowMuch | Kind::Where | Kind::Whether => 2,
        Kind::What => 3,
        Kind::Why | Kind::How | Kind::List | Kind::Events => settings.sentences_max,
    });
    let enough = FURTHER_SHARE * passages[top.0].sentences[top.1].score;
    let mut lines: Vec<Line> = Vec::new();
    for at in ranked {
        if lines.len() >= most || passages[at.0].sentences[at.1].score < enough {
            break;
        }
        let repeated = lines.iter().any(|line| {
            line.passage == at.0 && line.sentences.contains(&at.1)
                || line.sentences.iter().any(|s| {
                    share(passages, at, (line.passage, *s)).max(share(passages, (line.passage, *s), at))
                        > REPEATED_SHARE_MAX
                })
        });
        let sentence = &passages[at.0].sentences[at.1];
        let earned = at.0 == top.0 || sentence.coverage >= FURTHER_COVERAGE_MIN;
        let line = line(passages, at);
        if earned && !repeated && says_something(&passages[at.0], &line.sentences) {
            lines.push(line);
        }
    }
    let several = lines.len() > 1;
    for line in &mut lines {
        line.bullet = several;
        let passage = &passages[line.passage];
        if question.kind == Kind::When
            || line.sentences.iter().any(|s| passage.sentences[*s].has_relative_day)
        {
            line.frame = render::day_frame(question, passage.source.posted_at);
        }
    }
    lines
}

/// Whether a quotation is more than a scrap: «Яндекс.» alone answers nothing, «5:4.» does.
pub(super) fn says_something(passage: &Passage<'_>, sentences: &[usize]) -> bool {
    let quoted = || sentences.iter().map(|at| &passage.sentences[*at]);
    quoted().map(|s| s.content_words).sum::<usize>() >= WORDS_MIN
        || quoted().any(|s| s.has_number || s.has_date)
}

/// One sentence with what it needs to be understood, and the posts that say the same.
pub(super) fn line(passages: &[Passage<'_>], (p, s): (usize, usize)) -> Line {
    Line {
        bullet: false,
        frame: String::new(),
        passage: p,
        sentences: widened(&passages[p], s),
        backing: backing(passages, (p, s)),
    }
}

/// The sentence, the one it leans on, the text under a heading, the items of the list it announces.
pub(super) fn widened(passage: &Passage<'_>, s: usize) -> Vec<usize> {
    let sentence = &passage.sentences[s];
    let quote = |at: usize| passage.quote(&passage.sentences[at]);
    let is_heading = |at: usize| !quote(at).ends_with(['.', '!', '?', '…', ':', ';', ',']);
    let fits = |from: usize, to: usize| {
        passage
            .sentences
            .get(to)
            .is_some_and(|last| last.range.end - passage.sentences[from].range.start <= WIDENED_BYTES_MAX)
    };
    let heading = is_heading(s) && s < HEADING_AT_MAX && !sentence.item;
    let scrap = sentence.content_words < WORDS_MIN;
    let mut from = s;
    let mut to = s;
    if (heading || scrap || sentence.asks) && fits(s, s + 1) {
        to = s + 1;
    } else if sentence.leans && s > 0 && fits(s - 1, s) {
        from = s - 1;
    }
    // A question or a scrap before a heading: «Не спится? Что помогает без лекарств», and then the list.
    if to > s && is_heading(to) && !passage.sentences[to].item && fits(from, to + 1) {
        to += 1;
    }
    let mut lines = 0;
    let announced = quote(to).ends_with(':') || (to > s && passage.sentences[to].item);
    while announced && lines < LIST_LINES_MAX && fits(from, to + 1) {
        let goes_on = quote(to).ends_with([':', ';']) || passage.sentences[to + 1].item;
        if !goes_on {
            break;
        }
        to += 1;
        lines += 1;
    }
    (from..=to).collect()
}

/// Sentences of other posts that say the same, at most one a post.
pub(super) fn backing(passages: &[Passage<'_>], at: (usize, usize)) -> Vec<(usize, usize)> {
    let mut out: Vec<((usize, usize), f32)> = Vec::new();
    for (p, passage) in passages.iter().enumerate().filter(|(p, _)| *p != at.0) {
        let best = (0..passage.sentences.len())
            .map(|s| ((p, s), share(passages, at, (p, s))))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        out.extend(
            best.filter(|(other, share)| *share >= BACKING_SHARE && !conflict::differs(passages, at, *other)),
        );
    }
    out.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    out.truncate(BACKING_MAX);
    out.into_iter().map(|(at, _)| at).collect()
}

/// The share of the content words of `a` that `b` holds too.
pub(super) fn share(passages: &[Passage<'_>], a: (usize, usize), b: (usize, usize)) -> f32 {
    let words = |(p, s): (usize, usize)| passages[p].words(&passages[p].sentences[s]);
    let (a, b) = (words(a), words(b));
    let all = a.iter().filter(|p| p.content).count();
    if all == 0 {
        return 0.0;
    }
    let common = a.iter().filter(|p| p.content && b.iter().any(|other| other.stem == p.stem)).count();
    common as f32 / all as f32
}
