//! Applying what the stages computed: results, the post's stage and the public event in one transaction.
//!
//! The only writer of `posts.stage` besides ingest. A result counts only if the post is still at the stage and the revision it
//! was computed from; a late or doubled job changes nothing.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::{
    Error, TenantStore,
    events::{event_insert, post_events_insert},
    links::links_append,
    pages::post_pages_put,
    tags::{TagForm, TagsChange, post_tags_put},
};
use crate::model::{Event, Link, PostId, Stage};

/// What one stage found out about one post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageOutput {
    /// Parse: the language and the links that only the text shows.
    Parsed { language: &'static str, links_found: Vec<Link> },
    /// Tag: tags in order of weight.
    Tagged { tags: Vec<TagForm>, provider: String },
    /// Enrich: the addresses of the pages it links to that are to be read, in order; none where that is switched off.
    Enriched { pages: Vec<String> },
    /// Index: the post is in the full-text index.
    Indexed,
}

impl StageOutput {
    /// The stage this takes a post to.
    pub fn reached(&self) -> Stage {
        match self {
            StageOutput::Parsed { .. } => Stage::Parsed,
            StageOutput::Tagged { .. } => Stage::Tagged,
            StageOutput::Enriched { .. } => Stage::Enriched,
            StageOutput::Indexed => Stage::Indexed,
        }
    }
}

/// One post's result and what it was computed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageResult {
    pub post: PostId,
    pub from: Stage,
    pub revision: i64,
    pub output: StageOutput,
}

impl TenantStore {
    /// Applies a batch; returns how many counted.
    pub fn stages_apply(&self, results: Vec<StageResult>, now: Timestamp) -> Result<usize, Error> {
        self.db.write(move |tx| {
            let mut applied = 0;
            let mut events = Vec::with_capacity(results.len());
            for result in &results {
                match stage_apply(tx, result, now)? {
                    Applied::Not => continue,
                    Applied::Untold => {}
                    Applied::Told => {
                        events.extend(result.output.reached().event().map(|event| (result.post, event)));
                    }
                    Applied::Retagged => {
                        // Its row says more than the others', so those before it are written first.
                        post_events_insert(tx, &std::mem::take(&mut events), now)?;
                        event_insert(tx, Event::PostsTagged, Some(result.post), Some(RETAGGED), now)?;
                    }
                }
                applied += 1;
            }
            post_events_insert(tx, &events, now)?;
            Ok(applied)
        })
    }
}

/// What a result came to.
enum Applied {
    /// The post has gone on or changed meanwhile.
    Not,
    /// It counts, and there is nothing to tell of it.
    Untold,
    Told,
    /// Its tags are others now.
    Retagged,
}

/// What the event of a post says that had tags before.
const RETAGGED: &str = r#"{"trigger":"retag"}"#;

fn stage_apply(tx: &Transaction<'_>, result: &StageResult, now: Timestamp) -> Result<Applied, Error> {
    let reached = result.output.reached();
    let moved = tx
        .prepare_cached("UPDATE posts SET stage = ?2 WHERE id = ?1 AND stage = ?3 AND revision = ?4 AND deleted_at IS NULL")?
        .execute(params![result.post.0, reached as i64, result.from as i64, result.revision])?;
    if moved == 0 {
        return Ok(Applied::Not);
    }
    match &result.output {
        StageOutput::Parsed { language, links_found } => {
            tx.prepare_cached("UPDATE posts SET language = ?2 WHERE id = ?1 AND language IS NOT ?2")?
                .execute(params![result.post.0, language])?;
            links_append(tx, result.post, links_found)?;
        }
        StageOutput::Tagged { tags, provider } => {
            match post_tags_put(tx, result.post, tags, provider, now)? {
                TagsChange::First => {}
                TagsChange::Changed => return Ok(Applied::Retagged),
                TagsChange::Same => return Ok(Applied::Untold),
            }
        }
        StageOutput::Enriched { pages } => post_pages_put(tx, result.post, pages, now)?,
        StageOutput::Indexed => {}
    }
    Ok(Applied::Told)
}
