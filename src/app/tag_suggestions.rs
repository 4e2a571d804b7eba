//! Which tags may be one: those that stand on the same posts, and those that mean the same.
//!
//! Only suggestions: a person decides, by `tags_merge`. Closeness is relative: the vectors of all tags are near each other, so a pair
//! counts only if each is the other's nearest and they stand out among all pairs. Without a model only posts speak.

use serde::Serialize;

use super::{App, Error, Tenant};
use crate::{
    ai::EmbedKind,
    store::{TagPair, TagUse},
};

/// Tags that are looked at, the most used.
const TAGS_LOOKED_AT: usize = 400;
/// A tag is looked at from so many posts on.
const POSTS_MIN: u64 = 3;
/// Share of the posts with either tag that have both, from which on they may be one.
const TOGETHER_MIN: f64 = 0.6;
/// By how many standard deviations a pair's likeness stands out among all pairs.
const DEVIATIONS_MIN: f32 = 4.0;
/// Suggestions one call gives at most.
pub const SUGGESTIONS_MAX: usize = 100;

/// Why two tags may be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionReason {
    /// They stand on the same posts.
    SamePosts,
    /// They mean the same.
    SameMeaning,
}

/// Two tags that may be one.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TagSuggestion {
    /// The one that is used less.
    pub from: String,
    pub into: String,
    pub reason: SuggestionReason,
    /// Posts that have both.
    pub together: u64,
    /// Share of posts with either that have both, or how far the likeness stands out, in standard deviations.
    pub score: f64,
}

impl App {
    /// What may be merged, the surest first.
    pub fn tag_suggestion_list(&self, tenant: &Tenant, limit: usize) -> Result<Vec<TagSuggestion>, Error> {
        let (used, pairs) = tenant.store.tag_pairs(POSTS_MIN, TAGS_LOOKED_AT)?;
        let mut suggestions = same_posts(&used, &pairs);
        let known: Vec<(String, String)> =
            suggestions.iter().map(|found| (found.from.clone(), found.into.clone())).collect();
        let meaning = self.same_meaning(&used)?.into_iter();
        suggestions
            .extend(meaning.filter(|found| !known.contains(&(found.from.clone(), found.into.clone()))));
        suggestions.truncate(limit.min(SUGGESTIONS_MAX));
        Ok(suggestions)
    }

    fn same_meaning(&self, used: &[TagUse]) -> Result<Vec<TagSuggestion>, Error> {
        let Some(model) = self.embedder()? else { return Ok(Vec::new()) };
        let names: Vec<&str> = used.iter().map(|tag| tag.name.as_str()).collect();
        let vectors = model.embed(EmbedKind::Passage, &names)?;
        let cosine =
            |a: usize, b: usize| -> f32 { vectors[a].iter().zip(&vectors[b]).map(|(x, y)| x * y).sum() };
        let count = names.len();
        let all: Vec<(usize, usize, f32)> = (0..count)
            .flat_map(|a| (a + 1..count).map(move |b| (a, b)))
            .map(|(a, b)| (a, b, cosine(a, b)))
            .collect();
        if all.len() < 2 {
            return Ok(Vec::new());
        }
        let mean = all.iter().map(|(_, _, cosine)| cosine).sum::<f32>() / all.len() as f32;
        let spread = all.iter().map(|(_, _, cosine)| (cosine - mean).powi(2)).sum::<f32>() / all.len() as f32;
        let deviation = spread.sqrt().max(f32::EPSILON);
        let mut nearest: Vec<(usize, f32)> = vec![(usize::MAX, f32::MIN); count];
        for (a, b, cosine) in &all {
            for (one, other) in [(*a, *b), (*b, *a)] {
                if *cosine > nearest[one].1 {
                    nearest[one] = (other, *cosine);
                }
            }
        }
        let mut found: Vec<TagSuggestion> = all
            .into_iter()
            .filter(|(a, b, _)| nearest[*a].0 == *b && nearest[*b].0 == *a)
            .filter_map(|(a, b, cosine)| {
                let score = (cosine - mean) / deviation;
                (score >= DEVIATIONS_MIN)
                    .then(|| {
                        suggestion(&used[a], &used[b], SuggestionReason::SameMeaning, 0, f64::from(score))
                    })
                    .flatten()
            })
            .collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(found)
    }
}

fn same_posts(used: &[TagUse], pairs: &[TagPair]) -> Vec<TagSuggestion> {
    let tag = |id: i64| used.iter().find(|tag| tag.id == id);
    let mut found: Vec<TagSuggestion> = pairs
        .iter()
        .filter_map(|pair| {
            let (a, b) = (tag(pair.a)?, tag(pair.b)?);
            let either = (a.posts + b.posts).saturating_sub(pair.posts).max(1);
            let share = pair.posts as f64 / either as f64;
            (share >= TOGETHER_MIN)
                .then(|| suggestion(a, b, SuggestionReason::SamePosts, pair.posts, share))
                .flatten()
        })
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.together.cmp(&a.together)));
    found
}

/// The less used into the more used; a protected tag goes into none.
fn suggestion(
    a: &TagUse,
    b: &TagUse,
    reason: SuggestionReason,
    together: u64,
    score: f64,
) -> Option<TagSuggestion> {
    let (from, into) = match (a.protected, b.protected) {
        (true, true) => return None,
        (false, true) => (a, b),
        (false, false) if a.posts <= b.posts => (a, b),
        (true | false, false) => (b, a),
    };
    Some(TagSuggestion { from: from.name.clone(), into: into.name.clone(), reason, together, score })
}
