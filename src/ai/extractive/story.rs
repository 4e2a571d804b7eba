//! Stories: posts of several channels that tell the same event.
//!
//! Pure. Two posts are one story when their words overlap nearly fully, or, within [`STORY_WINDOW`], when they share
//! enough words and enough names and numbers. A post joins the group of the first post it resembles (by time), so a chain
//! of small changes does not swallow unrelated posts. Used by answers and by search results.

use jiff::{SignedDuration, Timestamp};

use super::lexicon::{Lexicon, Piece, StemId};

/// How far apart two reports of one event may be.
pub const STORY_WINDOW: SignedDuration = SignedDuration::from_hours(72);

/// How many words of a post are compared: news says what happened at its beginning.
const WORDS_MAX: usize = 120;

/// The share of common words that makes a repost at any distance in time.
const REPOST_OVERLAP: f32 = 0.7;
/// The same inside the window.
const STORY_OVERLAP: f32 = 0.36;
/// The share of the shorter post's words found in the longer, with that many names and numbers in common.
const INSIDE_OVERLAP: f32 = 0.5;
const INSIDE_NAMES_MIN: usize = 3;
/// Fewer words are too few to say that one post is inside another.
const INSIDE_WORDS_MIN: usize = 5;
/// A post many times longer is a review of the day, not a report of this event.
const INSIDE_LONGER_MAX: usize = 5;

/// A post to be grouped; its text normalised.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    pub text: &'a str,
    pub posted_at: Timestamp,
}

/// Places in `items`, grouped: each place in exactly one group, groups in order of their first member's place, members
/// in order of place.
pub fn groups(items: &[Item<'_>]) -> Vec<Vec<usize>> {
    let mut lexicon = Lexicon::default();
    let fingerprints: Vec<Fingerprint> = items
        .iter()
        .map(|item| {
            let bounded = &item.text[..item.text.floor_char_boundary(super::SOURCE_BYTES_MAX)];
            Fingerprint::of(&lexicon.pieces(bounded), item.posted_at)
        })
        .collect();
    grouped(&fingerprints)
}

/// What is compared of a post.
#[derive(Debug)]
pub(super) struct Fingerprint {
    stems: Vec<StemId>,
    names: Vec<StemId>,
    posted_at: Timestamp,
}

impl Fingerprint {
    pub(super) fn of(pieces: &[Piece], posted_at: Timestamp) -> Self {
        let content: Vec<&Piece> = pieces.iter().filter(|p| p.content).take(WORDS_MAX).collect();
        let name =
            |(at, p): (usize, &&Piece)| (p.number || p.latin || (at > 0 && p.capital)).then_some(p.stem);
        Self {
            stems: sorted(content.iter().map(|p| p.stem).collect()),
            names: sorted(content.iter().enumerate().filter_map(name).collect()),
            posted_at,
        }
    }

    fn is_same_story(&self, other: &Self) -> bool {
        let shorter = self.stems.len().min(other.stems.len());
        if shorter == 0 {
            return false;
        }
        let common = common(&self.stems, &other.stems);
        let all = self.stems.len() + other.stems.len() - common;
        let overlap = common as f32 / all as f32;
        if overlap >= REPOST_OVERLAP {
            return true;
        }
        if self.posted_at.duration_since(other.posted_at).abs() > STORY_WINDOW {
            return false;
        }
        let inside = common as f32 / shorter as f32;
        overlap >= STORY_OVERLAP
            || (shorter >= INSIDE_WORDS_MIN
                && self.stems.len().max(other.stems.len()) <= INSIDE_LONGER_MAX * shorter
                && inside >= INSIDE_OVERLAP
                && self::common(&self.names, &other.names) >= INSIDE_NAMES_MIN)
    }
}

pub(super) fn grouped(fingerprints: &[Fingerprint]) -> Vec<Vec<usize>> {
    let mut by_time: Vec<usize> = (0..fingerprints.len()).collect();
    by_time.sort_by_key(|at| (fingerprints[*at].posted_at, *at));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in by_time {
        let post = &fingerprints[at];
        let home = groups.iter_mut().find(|group| fingerprints[group[0]].is_same_story(post));
        match home {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    for group in &mut groups {
        group.sort_unstable();
    }
    groups.sort_unstable_by_key(|group| group[0]);
    groups
}

fn sorted(mut stems: Vec<StemId>) -> Vec<StemId> {
    stems.sort_unstable();
    stems.dedup();
    stems
}

/// How many numbers two sorted lists have in common.
pub(super) fn common(a: &[StemId], b: &[StemId]) -> usize {
    let (mut i, mut j, mut count) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                count += 1;
                i += 1;
                j += 1;
            }
        }
    }
    count
}
