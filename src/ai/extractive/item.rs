//! Lists: the posts a search found, the stories a period holds.

use std::collections::BTreeSet;

use super::{
    Settings,
    lexicon::Lexicon,
    passage::Passage,
    render::{self, Line},
    select::{BACKING_MAX, says_something, widened},
    story::{Fingerprint, grouped},
};
use crate::ai::question::{Intent, Question};

/// A post belongs into a list when it covers this share of the question, or this share of what the best post covers.
const RELEVANT_MIN: f32 = 0.4;
const RELEVANT_SHARE: f32 = 0.6;

/// The cosine where a post begins to be near, and the width over which it becomes certainly so.
const NEAR_COSINE: f32 = 0.80;
const NEAR_WIDTH: f32 = 0.10;

/// The posts themselves, one line a story, in order of retrieval.
pub(super) fn posts(
    question: &Question,
    passages: &[Passage<'_>],
    lexicon: &Lexicon,
    settings: &Settings,
) -> Vec<Line> {
    let relevant = relevant(passages, lexicon);
    let mut stories = stories_of(passages, &relevant);
    stories.truncate(settings.items_max);
    stories
        .iter()
        .map(|story| {
            let mut line = story_line(passages, story, story.members[0], !lexicon.terms.is_empty());
            let source = passages[line.passage].source;
            line.frame = render::post_frame(question, source.posted_at, source.channel_title);
            line
        })
        .filter(|line| says_something(&passages[line.passage], &line.sentences))
        .collect()
}

/// What happened, one line a story: newest first, or for trends the most told first.
pub(super) fn stories(
    question: &Question,
    passages: &[Passage<'_>],
    lexicon: &Lexicon,
    settings: &Settings,
) -> Vec<Line> {
    let relevant = relevant(passages, lexicon);
    let mut stories = stories_of(passages, &relevant);
    stories.sort_by(|a, b| {
        (b.channels, b.members.len())
            .cmp(&(a.channels, a.members.len()))
            .then(b.weight.total_cmp(&a.weight))
            .then(a.members.cmp(&b.members))
    });
    stories.truncate(settings.items_max);
    match question.intent {
        Intent::Trend => {}
        Intent::Ask | Intent::Search | Intent::Recommend | Intent::Digest => {
            stories.sort_by(|a, b| b.newest.cmp(&a.newest).then(a.members.cmp(&b.members)));
        }
    }
    stories
        .iter()
        .map(|story| {
            let topical = !lexicon.terms.is_empty();
            let mut line = story_line(passages, story, story.head(passages, topical), topical);
            line.frame = render::story_frame(question, story.newest, story.channels);
            line
        })
        .filter(|line| says_something(&passages[line.passage], &line.sentences))
        .collect()
}

/// Places of the passages about the question's topic; all of them when it names none.
fn relevant(passages: &[Passage<'_>], lexicon: &Lexicon) -> Vec<usize> {
    if lexicon.terms.is_empty() {
        return (0..passages.len()).collect();
    }
    let nearness = |p: &Passage<'_>| {
        let near = p.source.cosine.map_or(0.0, |c| ((c - NEAR_COSINE) / NEAR_WIDTH).clamp(0.0, 1.0));
        p.coverage.max(0.9 * near)
    };
    let best = passages.iter().map(nearness).fold(0.0, f32::max);
    let least = RELEVANT_MIN.max(RELEVANT_SHARE * best).min(best);
    (0..passages.len()).filter(|at| nearness(&passages[*at]) >= least).collect()
}

/// Posts that tell one event.
struct Story {
    /// Places of passages, in order of retrieval.
    members: Vec<usize>,
    channels: usize,
    newest: jiff::Timestamp,
    weight: f32,
}

impl Story {
    /// The post quoted: the one most about the topic; without a topic the newest, which knows most.
    fn head(&self, passages: &[Passage<'_>], topical: bool) -> usize {
        let rank = |at: usize| {
            let best = passages[at].sentences.iter().map(|s| s.score).fold(f32::NEG_INFINITY, f32::max);
            if topical { best } else { 0.0 }
        };
        let mut head = self.members[0];
        for at in self.members.iter().copied().skip(1) {
            let newer = passages[at].source.posted_at > passages[head].source.posted_at;
            let order = rank(at).total_cmp(&rank(head));
            if order.is_gt() || (order.is_eq() && newer) {
                head = at;
            }
        }
        head
    }
}

fn stories_of(passages: &[Passage<'_>], relevant: &[usize]) -> Vec<Story> {
    let fingerprints: Vec<Fingerprint> = relevant
        .iter()
        .map(|at| Fingerprint::of(&passages[*at].pieces, passages[*at].source.posted_at))
        .collect();
    grouped(&fingerprints)
        .into_iter()
        .map(|group| {
            let members: Vec<usize> = group.into_iter().map(|at| relevant[at]).collect();
            let channels: BTreeSet<&str> =
                members.iter().map(|at| passages[*at].source.channel_title).collect();
            Story {
                channels: channels.len(),
                newest: members
                    .iter()
                    .map(|at| passages[*at].source.posted_at)
                    .max()
                    .expect("a group has a member"),
                weight: members.iter().map(|at| passages[*at].source.score).fold(0.0, f32::max),
                members,
            }
        })
        .collect()
}

fn story_line(passages: &[Passage<'_>], story: &Story, head: usize, topical: bool) -> Line {
    let passage = &passages[head];
    let best = |at_passage: usize| {
        let sentences = &passages[at_passage].sentences;
        (0..sentences.len())
            .rev()
            .max_by(|a, b| {
                // A scrap stands for its post only when there is nothing else.
                let whole = |at: usize| says_something(&passages[at_passage], &[at]);
                whole(*a).cmp(&whole(*b)).then(sentences[*a].score.total_cmp(&sentences[*b].score))
            })
            .unwrap_or(0)
    };
    let sentence = if topical { best(head) } else { 0 };
    Line {
        bullet: true,
        frame: String::new(),
        passage: head,
        sentences: widened(passage, sentence),
        backing: story
            .members
            .iter()
            .filter(|at| **at != head)
            .take(BACKING_MAX)
            .map(|at| (*at, if topical { best(*at) } else { 0 }))
            .collect(),
    }
}
