//! Tags of posts and the vocabulary they make up.
//!
//! A post bears the forms its own text has (`post_enrichment`). `post_tags` joins it to the vocabulary: one row for each tag that
//! its forms stand for, merges applied. Both change in one transaction, and so do all rows that a merge touches.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::Serialize;

use super::{Error, TenantStore, posts::json_list};
use crate::model::{ChannelSet, PostId};

/// A tag as it stands in a post's text, and the key by which its variants are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagForm {
    pub form: String,
    pub key: String,
}

/// A tag of the vocabulary and on how many posts it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TagCount {
    pub tag: String,
    pub count: u64,
}

/// What storing a post's tags came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagsChange {
    /// It had none before.
    First,
    Changed,
    /// The same set as before.
    Same,
}

/// Merges of merges that are followed; the store makes no circles.
const ALIASES_FOLLOWED_MAX: usize = 64;

impl TenantStore {
    /// The most used tags among the posts of these channels.
    pub fn tag_top(&self, channels: &ChannelSet, limit: usize) -> Result<Vec<TagCount>, Error> {
        let only = match channels {
            ChannelSet::All => None,
            ChannelSet::Only(set) => Some(json_list(set)),
        };
        self.db.read(|db| {
            let sql = "SELECT name, count(*) AS used FROM post_tags JOIN tags ON tags.id = tag_id
                       JOIN posts ON posts.id = post_id
                       WHERE ?1 IS NULL OR channel_id IN (SELECT value FROM json_each(?1))
                       GROUP BY tag_id ORDER BY used DESC, name LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![only, limit as i64], |row| {
                Ok(TagCount { tag: row.get(0)?, count: row.get::<_, i64>(1)? as u64 })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The key of the vocabulary's tag that this key stands for: itself unless it was merged.
    pub fn tag_target(&self, key: &str) -> Result<String, Error> {
        let tag = TagForm { form: String::new(), key: key.to_owned() };
        self.db.read(|db| Ok(alias_target(db, &tag)?.key))
    }

    /// All keys that stand for the same tag as this one, the tag's own first.
    pub fn tag_keys_joined(&self, key: &str) -> Result<Vec<String>, Error> {
        let tag = TagForm { form: String::new(), key: key.to_owned() };
        self.db.read(|db| keys_joined(db, alias_target(db, &tag)?.key))
    }

    /// Who made a post's tags.
    pub fn post_tags_provider(&self, post: PostId) -> Result<Option<String>, Error> {
        self.db.read(|db| Ok(post_tags_provided(db, post)?.map(|(_, provider)| provider)))
    }

    /// How many distinct tags are in use, and how many of them on one post only.
    pub fn tag_totals(&self) -> Result<(u64, u64), Error> {
        self.db.read(|db| {
            let sql = "SELECT count(*), count(*) FILTER (WHERE used = 1)
                       FROM (SELECT count(*) AS used FROM post_tags GROUP BY tag_id)";
            Ok(db
                .prepare_cached(sql)?
                .query_row([], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))?)
        })
    }
}

/// The tags of a post as its text spells them, in order of weight.
pub(super) fn post_tags(db: &Connection, post: PostId) -> Result<Vec<String>, Error> {
    Ok(post_tags_provided(db, post)?.map(|(tags, _)| tags).unwrap_or_default())
}

/// The tags of a post and who made them.
pub(super) fn post_tags_provided(
    db: &Connection,
    post: PostId,
) -> Result<Option<(Vec<String>, String)>, Error> {
    let row: Option<(String, String)> = db
        .prepare_cached("SELECT data, provider FROM post_enrichment WHERE post_id = ?1 AND kind = 'tags'")?
        .query_row([post.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((data, provider)) = row else { return Ok(None) };
    let tags = serde_json::from_str(&data)
        .map_err(|error| Error::Internal(format!("tags of post {post} are unreadable: {error}")))?;
    Ok(Some((tags, provider)))
}

/// The tag that a tag stands for: itself unless it was merged.
pub(super) fn alias_target(db: &Connection, tag: &TagForm) -> Result<TagForm, Error> {
    let sql = "SELECT target_key, target_name FROM tag_aliases JOIN tag_merges ON tag_merges.id = merge_id
               WHERE key = ?1";
    let mut target = tag.clone();
    for _ in 0..ALIASES_FOLLOWED_MAX {
        let next = db
            .prepare_cached(sql)?
            .query_row([&target.key], |row| Ok(TagForm { key: row.get(0)?, form: row.get(1)? }));
        match next.optional()? {
            Some(next) => target = next,
            None => break,
        }
    }
    Ok(target)
}

/// A tag's key and every key whose merges lead to it.
fn keys_joined(db: &Connection, target: String) -> Result<Vec<String>, Error> {
    // UNION drops what is there already, so even a circle would end.
    let sql = "WITH RECURSIVE joined(key) AS (
                   VALUES (?1)
                   UNION
                   SELECT tag_aliases.key FROM joined JOIN tag_merges ON target_key = joined.key
                   JOIN tag_aliases ON merge_id = tag_merges.id)
               SELECT key FROM joined";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([target], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Replaces a post's tags; an equal result does not touch `updated_at`.
pub(super) fn post_tags_put(
    tx: &Transaction<'_>,
    post: PostId,
    tags: &[TagForm],
    provider: &str,
    now: Timestamp,
) -> Result<TagsChange, Error> {
    let forms: BTreeSet<&str> = tags.iter().map(|tag| tag.form.as_str()).collect();
    let change = match post_tags_provided(tx, post)? {
        None => TagsChange::First,
        // Order and repetition do not count, as in `tags_hash`.
        Some((before, _)) if before.iter().map(String::as_str).collect::<BTreeSet<_>>() == forms => {
            TagsChange::Same
        }
        Some(_) => TagsChange::Changed,
    };
    let data = json_list(tags.iter().map(|tag| &tag.form));
    let changed = tx
        .prepare_cached(
            "INSERT INTO post_enrichment (post_id, kind, provider, data, status, created_at, updated_at)
             VALUES (?1, 'tags', ?2, ?3, 'ok', ?4, ?4)
             ON CONFLICT (post_id, kind) DO UPDATE SET provider = ?2, data = ?3, status = 'ok', error = NULL, updated_at = ?4
             WHERE provider IS NOT ?2 OR data IS NOT ?3 OR status IS NOT 'ok'",
        )?
        .execute(params![post.0, provider, data, now.as_millisecond()])?;
    if changed > 0 {
        post_tags_join(tx, post, tags)?;
    }
    Ok(change)
}

/// Joins a post to the tags of the vocabulary that its forms stand for now; `false` if it was so already.
pub(super) fn post_tags_join(tx: &Transaction<'_>, post: PostId, tags: &[TagForm]) -> Result<bool, Error> {
    let mut targets = BTreeMap::new();
    for tag in tags {
        let target = alias_target(tx, tag)?;
        targets.entry(target.key).or_insert(target.form);
    }
    let before: BTreeSet<String> = tx
        .prepare_cached("SELECT key FROM post_tags JOIN tags ON tags.id = tag_id WHERE post_id = ?1")?
        .query_map([post.0], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if before.iter().eq(targets.keys()) {
        return Ok(false);
    }
    tx.prepare_cached("DELETE FROM post_tags WHERE post_id = ?1")?.execute([post.0])?;
    for (key, name) in &targets {
        let known: Option<i64> = tx
            .prepare_cached("SELECT id FROM tags WHERE key = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => tx
                .prepare_cached("INSERT INTO tags (key, name) VALUES (?1, ?2)")?
                .insert(params![key, name])?,
        };
        tx.prepare_cached("INSERT INTO post_tags (post_id, tag_id) VALUES (?1, ?2)")?
            .execute(params![post.0, id])?;
    }
    Ok(true)
}
