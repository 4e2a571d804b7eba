//! Tags of posts and the vocabulary they make up.

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

/// The tags of a post, in order of weight.
pub(super) fn post_tags(db: &Connection, post: PostId) -> Result<Vec<String>, Error> {
    let data: Option<String> = db
        .prepare_cached("SELECT data FROM post_enrichment WHERE post_id = ?1 AND kind = 'tags'")?
        .query_row([post.0], |row| row.get(0))
        .optional()?;
    match data {
        None => Ok(Vec::new()),
        Some(data) => tags_read(post, &data),
    }
}

/// `post_enrichment.data` of kind `tags`: a JSON array of the forms, in order of weight.
fn tags_read(post: PostId, data: &str) -> Result<Vec<String>, Error> {
    serde_json::from_str(data)
        .map_err(|error| Error::Internal(format!("tags of post {post} are unreadable: {error}")))
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
    let Some((data, provider)) = row else {
        return Ok(None);
    };
    Ok(Some((tags_read(post, &data)?, provider)))
}

/// Replaces a post's tags; an equal result does not touch `updated_at`.
pub(super) fn post_tags_put(
    tx: &Transaction<'_>,
    post: PostId,
    tags: &[TagForm],
    provider: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let data = json_list(tags.iter().map(|tag| &tag.form));
    let changed = tx
        .prepare_cached(
            "INSERT INTO post_enrichment (post_id, kind, provider, data, status, created_at, updated_at)
             VALUES (?1, 'tags', ?2, ?3, 'ok', ?4, ?4)
             ON CONFLICT (post_id, kind) DO UPDATE SET provider = ?2, data = ?3, status = 'ok', error = NULL, updated_at = ?4
             WHERE provider IS NOT ?2 OR data IS NOT ?3 OR status IS NOT 'ok'",
        )?
        .execute(params![post.0, provider, data, now.as_millisecond()])?;
    if changed == 0 {
        return Ok(());
    }
    tx.prepare_cached("DELETE FROM post_tags WHERE post_id = ?1")?.execute([post.0])?;
    for tag in tags {
        let known: Option<i64> = tx
            .prepare_cached("SELECT id FROM tags WHERE key = ?1")?
            .query_row([&tag.key], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => tx
                .prepare_cached("INSERT INTO tags (key, name) VALUES (?1, ?2)")?
                .insert(params![tag.key, tag.form])?,
        };
        tx.prepare_cached("INSERT OR IGNORE INTO post_tags (post_id, tag_id) VALUES (?1, ?2)")?
            .execute(params![post.0, id])?;
    }
    Ok(())
}
