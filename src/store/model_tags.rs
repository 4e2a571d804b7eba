//! Tags that a model made of posts, beside those the local tagger makes: which are wanted, what came of it.
//!
//! A result sends its post back to tagging, where it is preferred to the local tags while the post's content is the same. Posts
//! of a channel are handed out only where everybody who follows it agreed. Undoing keeps the row, so that it is not made again.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};

use super::{Error, TenantStore, posts::json_list, tags::TagForm};
use crate::model::{ConsentPurpose, PostId, Stage};

/// A tag and where the text has it, bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedTag {
    pub form: String,
    pub key: String,
    pub start: usize,
    pub end: usize,
}

impl PlacedTag {
    pub fn to_form(&self) -> TagForm {
        TagForm { form: self.form.clone(), key: self.key.clone() }
    }
}

/// A post's tags by a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelTags {
    /// `provider/model`.
    pub model: String,
    pub tags: Vec<PlacedTag>,
}

/// What came of asking about a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelTagOutcome {
    /// Its tags; none: the local ones stay.
    Done(ModelTags),
    /// It is not asked about.
    Skipped { reason: &'static str },
    /// Asked about again.
    Later { reason: &'static str, due: Timestamp },
    /// Given up.
    Failed { reason: &'static str },
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ModelTagCounts {
    pub due: u64,
    pub done: u64,
    pub skipped: u64,
    pub failed: u64,
}

/// Posts that may be asked about now: those asked for, those that changed, and new ones.
const CANDIDATE: &str = "posts.lead_id IS NULL AND posts.deleted_at IS NULL AND posts.stage = ?1
    AND ((m.post_id IS NULL AND posts.posted_at >= ?2) OR (m.state IN ('done', 'skipped', 'failed') AND m.revision <> posts.revision)
         OR (m.state = 'due' AND m.due_at <= ?3))
    AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.channel_id = posts.channel_id AND NOT EXISTS (
        SELECT 1 FROM consents c WHERE c.membership_id = s.membership_id AND c.purpose = ?4 AND c.revoked_at IS NULL))";

impl TenantStore {
    /// Posts to ask about, newest first, and how often each was tried.
    pub fn model_tag_due_list(
        &self,
        since: Timestamp,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(PostId, u32)>, Error> {
        self.db.read(|db| {
            let sql = format!(
                "SELECT posts.id, coalesce(iif(m.revision = posts.revision, m.attempts, 0), 0) FROM posts
                 LEFT JOIN model_tags m ON m.post_id = posts.id WHERE {CANDIDATE} ORDER BY posts.posted_at DESC LIMIT ?5"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map(
                params![
                    Stage::Indexed as i64,
                    since.as_millisecond(),
                    now.as_millisecond(),
                    ConsentPurpose::ExternalModels.name(),
                    limit as i64
                ],
                |row| Ok((PostId(row.get(0)?), row.get(1)?)),
            )?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// When the next post is due that waits for its time.
    pub fn model_tag_next_due(&self) -> Result<Option<Timestamp>, Error> {
        self.db.read(|db| {
            let sql = "SELECT min(due_at) FROM model_tags WHERE state = 'due'";
            let due: Option<i64> = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
            Ok(due.and_then(|ms| Timestamp::from_millisecond(ms).ok()))
        })
    }

    /// What a model said of an equal text since then.
    pub fn model_tags_known(
        &self,
        text_hash: &[u8],
        model: &str,
        prompt_version: &str,
        since: Timestamp,
    ) -> Result<Option<ModelTags>, Error> {
        self.db.read(|db| {
            let sql = "SELECT tags FROM model_tags WHERE text_hash = ?1 AND state = 'done' AND model = ?2
                       AND prompt_version = ?3 AND made_at >= ?4 LIMIT 1";
            let tags: Option<String> = db
                .prepare_cached(sql)?
                .query_row(params![text_hash, model, prompt_version, since.as_millisecond()], |row| {
                    row.get(0)
                })
                .optional()?;
            tags.map(|tags| read(model.to_owned(), &tags)).transpose()
        })
    }

    /// The tags models made of these posts as they are now; posts without are absent.
    pub fn model_tags_load(&self, ids: &[PostId]) -> Result<HashMap<PostId, ModelTags>, Error> {
        self.db.read(|db| {
            let sql = "SELECT m.post_id, m.model, m.tags FROM model_tags m JOIN posts ON posts.id = m.post_id
                       WHERE m.state IN ('done', 'due', 'failed') AND m.revision = posts.revision AND m.tags <> '[]'
                       AND m.post_id IN (SELECT value FROM json_each(?1))";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([json_list(ids)], |row| {
                Ok((PostId(row.get(0)?), row.get::<_, String>(1)?, row.get::<_, String>(2)?))
            })?;
            let mut out = HashMap::new();
            for row in rows {
                let (post, model, tags) = row?;
                out.insert(post, read(model, &tags)?);
            }
            Ok(out)
        })
    }

    /// Keeps what came of asking; returns the posts to be tagged again. `revision` is the post's when it was asked about.
    pub fn model_tags_settle(
        &self,
        outcomes: Vec<(PostId, i64, Vec<u8>, ModelTagOutcome)>,
        prompt_version: &'static str,
        now: Timestamp,
    ) -> Result<Vec<PostId>, Error> {
        self.db.write(move |tx| {
            let mut advance = Vec::new();
            for (post, revision, hash, outcome) in &outcomes {
                settle(tx, (*post, *revision, hash), outcome, prompt_version, now)?;
                if matches!(outcome, ModelTagOutcome::Done(made) if !made.tags.is_empty())
                    && retag(tx, *post, *revision)?
                {
                    advance.push(*post);
                }
            }
            Ok(advance)
        })
    }

    /// Has these posts asked about, also those that were before.
    pub fn model_tags_want(&self, posts: Vec<PostId>, now: Timestamp) -> Result<usize, Error> {
        self.db.write(move |tx| {
            let mut wanted = 0;
            for post in &posts {
                let sql = "INSERT INTO model_tags (post_id, revision, state, text_hash, due_at, made_at)
                           SELECT id, revision, 'due', x'', ?2, ?2 FROM posts WHERE id = ?1
                           ON CONFLICT (post_id) DO UPDATE SET state = 'due', attempts = 0, due_at = ?2, reason = NULL";
                wanted += tx.prepare_cached(sql)?.execute(params![post.0, now.as_millisecond()])?;
            }
            Ok(wanted)
        })
    }

    /// Goes back to the local tags of these posts; returns those to be tagged again.
    pub fn model_tags_undo(&self, posts: Vec<PostId>) -> Result<Vec<PostId>, Error> {
        self.db.write(move |tx| {
            let mut advance = Vec::new();
            for post in &posts {
                let sql = "UPDATE model_tags SET state = 'undone', due_at = NULL, tags = NULL WHERE post_id = ?1 AND state <> 'undone'
                           RETURNING revision";
                let revision: Option<i64> =
                    tx.prepare_cached(sql)?.query_row([post.0], |row| row.get(0)).optional()?;
                if let Some(revision) = revision
                    && retag(tx, *post, revision)?
                {
                    advance.push(*post);
                }
            }
            Ok(advance)
        })
    }

    pub fn model_tag_counts(&self) -> Result<ModelTagCounts, Error> {
        self.db.read(|db| {
            let sql = "SELECT count(*) FILTER (WHERE state = 'due'), count(*) FILTER (WHERE state = 'done'),
                count(*) FILTER (WHERE state = 'skipped'), count(*) FILTER (WHERE state = 'failed') FROM model_tags";
            Ok(db.prepare_cached(sql)?.query_row([], |row| {
                let count = |column| row.get::<_, i64>(column).map(|n| n as u64);
                Ok(ModelTagCounts { due: count(0)?, done: count(1)?, skipped: count(2)?, failed: count(3)? })
            })?)
        })
    }
}

fn read(model: String, tags: &str) -> Result<ModelTags, Error> {
    let tags = serde_json::from_str(tags)
        .map_err(|error| Error::Internal(format!("tags by {model} are unreadable: {error}")))?;
    Ok(ModelTags { model, tags })
}

fn settle(
    tx: &Transaction<'_>,
    (post, revision, hash): (PostId, i64, &[u8]),
    outcome: &ModelTagOutcome,
    prompt_version: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let (state, model, tags, reason, due) = match outcome {
        ModelTagOutcome::Done(made) => {
            let tags = serde_json::to_string(&made.tags).unwrap_or_default();
            ("done", Some(made.model.as_str()), Some(tags), None, None)
        }
        ModelTagOutcome::Skipped { reason } => ("skipped", None, None, Some(*reason), None),
        ModelTagOutcome::Later { reason, due } => {
            ("due", None, None, Some(*reason), Some(due.as_millisecond()))
        }
        ModelTagOutcome::Failed { reason } => ("failed", None, None, Some(*reason), None),
    };
    let attempts =
        i64::from(matches!(outcome, ModelTagOutcome::Later { .. } | ModelTagOutcome::Failed { .. }));
    // The post may be gone meanwhile, and what was undone meanwhile stays so. Asking again in vain leaves the tags there were.
    let kept = "?3 IN ('due', 'failed') AND revision = ?2";
    tx.prepare_cached(&format!(
        "INSERT INTO model_tags (post_id, revision, state, text_hash, model, prompt_version, tags, attempts, due_at, reason, made_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 WHERE EXISTS (SELECT 1 FROM posts WHERE id = ?1)
         ON CONFLICT (post_id) DO UPDATE SET attempts = iif(revision = ?2, attempts, 0) + ?8, revision = ?2, state = ?3, text_hash = ?4,
             model = iif({kept}, model, ?5), prompt_version = iif({kept}, prompt_version, ?6), tags = iif({kept}, tags, ?7),
             due_at = ?9, reason = ?10, made_at = ?11
         WHERE state <> 'undone'"
    ))?
    .execute(params![
        post.0,
        revision,
        state,
        hash,
        model,
        prompt_version,
        tags,
        attempts,
        due,
        reason,
        now.as_millisecond()
    ])?;
    Ok(())
}

/// Sends a post back to tagging, if it is past it and has not changed.
fn retag(tx: &Transaction<'_>, post: PostId, revision: i64) -> Result<bool, Error> {
    let sql =
        "UPDATE posts SET stage = ?2 WHERE id = ?1 AND stage > ?2 AND revision = ?3 AND deleted_at IS NULL";
    Ok(tx.prepare_cached(sql)?.execute(params![post.0, Stage::Parsed as i64, revision])? > 0)
}
