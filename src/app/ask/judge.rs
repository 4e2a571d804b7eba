//! The model by which an answer judges what was found: always one that runs here.
//!
//! How sure an answer may be was calibrated on the cosines of the model here, and sentences are compared by the hundred. So where a
//! model outside found the posts, the one here looks at the best of them itself; where none is installed, the words alone must
//! carry the answer.

use std::collections::HashMap;

use super::Retrieved;
use crate::{
    ai::{EmbedKind, question::Question},
    app::{App, Error, Tenant, models::SharedEmbedder},
    model::PostId,
};

/// Posts that are looked at, the best: each takes the model some ten milliseconds of a core.
const JUDGED_POSTS_MAX: usize = 8;
/// The piece of a post that is looked at, characters.
const JUDGED_CHARS_MAX: usize = 600;

/// A model here, and what it says.
pub(super) struct Judge {
    pub(super) model: SharedEmbedder,
    /// The question's vector.
    pub(super) question: Vec<f32>,
    /// Of the question and posts.
    pub(super) cosines: HashMap<PostId, f32>,
}

impl App {
    /// The judge of a question; `None` where meanings were not compared, or no model is here.
    pub(super) fn judge(
        &self,
        tenant: &Tenant,
        question: &Question,
        found: &Retrieved,
    ) -> Result<Option<Judge>, Error> {
        if found.outside {
            return Ok(self.embedder()?.and_then(|model| judged(model, question, found)));
        }
        let Some(vector) = &found.vector else { return Ok(None) };
        let Some(active) = tenant.indexes.vectors(&tenant.store)? else { return Ok(None) };
        let model = self.embedder_open(&active.model)?;
        Ok(Some(Judge { model, question: vector.clone(), cosines: found.cosines.clone() }))
    }
}

/// A model that fails has no say.
fn judged(model: SharedEmbedder, question: &Question, found: &Retrieved) -> Option<Judge> {
    let asked = model.embed(EmbedKind::Query, &[&question.search_text]).ok()?.pop()?;
    let posts = &found.posts[..found.posts.len().min(JUDGED_POSTS_MAX)];
    let texts: Vec<String> =
        posts.iter().map(|post| post.text.chars().take(JUDGED_CHARS_MAX).collect()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = model.embed(EmbedKind::Passage, &texts).ok()?;
    let cosine = |vector: &[f32]| vector.iter().zip(&asked).map(|(a, b)| a * b).sum::<f32>();
    let cosines = posts.iter().zip(&vectors).map(|(post, vector)| (post.id, cosine(vector))).collect();
    Some(Judge { model, question: asked, cosines })
}
