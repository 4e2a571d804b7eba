//! Posts coming in: one transaction takes a batch, decides new, updated or duplicate, folds albums and logs the events.
//!
//! Idempotent: the unique key is (channel, message), the content hash says whether anything changed. The same batch twice
//! changes nothing.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Error, TenantStore};
use crate::model::{ChannelId, IncomingPost, PostId, Stage};

/// A post with the hash of what an edit can change, computed by the caller off the writer thread.
#[derive(Debug, Clone)]
pub struct HashedPost {
    pub channel: ChannelId,
    pub post: IncomingPost,
    pub content_hash: [u8; 16],
}

/// What a batch did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ingested {
    pub imported: u64,
    pub updated: u64,
    pub duplicates: u64,
    /// Albums that a post of this batch opened.
    pub albums: u64,
    /// The posts that have work ahead, album leads in place of their members; each once.
    pub advance: Vec<PostId>,
}

/// What became of one post.
enum Outcome {
    New,
    Updated,
    Duplicate,
}

impl TenantStore {
    /// Takes a batch of posts, of any channels.
    pub fn posts_ingest(&self, posts: Vec<HashedPost>, now: Timestamp) -> Result<Ingested, Error> {
        self.db.write(move |tx| {
            let mut ingested = Ingested::default();
            for post in &posts {
                post_ingest(tx, post, now, &mut ingested)?;
            }
            ingested.advance.sort_unstable();
            ingested.advance.dedup();
            Ok(ingested)
        })
    }
}

fn post_ingest(
    tx: &Transaction<'_>,
    hashed: &HashedPost,
    now: Timestamp,
    ingested: &mut Ingested,
) -> Result<(), Error> {
    let known: Option<(i64, Vec<u8>, Option<i64>)> = tx
        .prepare_cached(
            "SELECT id, content_hash, lead_id FROM posts WHERE channel_id = ?1 AND message_id = ?2",
        )?
        .query_row(params![hashed.channel.0, hashed.post.message_id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let (outcome, lead) = match known {
        Some((id, hash, lead)) if hash == hashed.content_hash => {
            counters_update(tx, id, &hashed.post)?;
            (Outcome::Duplicate, lead.unwrap_or(id))
        }
        Some((id, _, lead)) => {
            post_update(tx, id, lead, hashed)?;
            (Outcome::Updated, lead.unwrap_or(id))
        }
        None => (Outcome::New, post_insert(tx, hashed, now, ingested)?),
    };
    match outcome {
        Outcome::Duplicate => {
            ingested.duplicates += 1;
            return Ok(());
        }
        Outcome::New => ingested.imported += 1,
        Outcome::Updated => ingested.updated += 1,
    }
    ingested.advance.push(PostId(lead));
    Ok(())
}

/// Inserts a post and returns the row that has work ahead: its own, or its album's lead.
fn post_insert(
    tx: &Transaction<'_>,
    hashed: &HashedPost,
    now: Timestamp,
    ingested: &mut Ingested,
) -> Result<i64, Error> {
    let post = &hashed.post;
    let lead: Option<i64> = match post.grouped_id {
        None => None,
        Some(group) => tx
            .prepare_cached(
                "SELECT coalesce(lead_id, id) FROM posts WHERE channel_id = ?1 AND grouped_id = ?2 ORDER BY lead_id IS NULL DESC LIMIT 1",
            )?
            .query_row(params![hashed.channel.0, group], |row| row.get(0))
            .optional()?,
    };
    if post.grouped_id.is_some() && lead.is_none() {
        ingested.albums += 1;
    }
    // A member has no life of its own: it is at the end at once, and sends its lead round again.
    let stage = if lead.is_some() { Stage::Indexed } else { Stage::Ingested };
    tx.prepare_cached(
        "INSERT INTO posts (channel_id, message_id, posted_at, stage, content_hash, text, media, author, grouped_id, lead_id,
             reply_to, forwarded_from, views, forwards, replies, reactions, edited_at, ingested_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    )?
    .execute(params![
        hashed.channel.0,
        post.message_id,
        post.posted_at.as_millisecond(),
        stage as i64,
        hashed.content_hash.as_slice(),
        post.text,
        post.media,
        post.author,
        post.grouped_id,
        lead,
        post.reply_to,
        post.forwarded_from,
        post.views,
        post.forwards,
        post.replies,
        reactions_json(post),
        post.edited_at.map(Timestamp::as_millisecond),
        now.as_millisecond(),
    ])?;
    let id = tx.last_insert_rowid();
    links_put(tx, id, post)?;
    if let Some(lead) = lead {
        stage_reset(tx, lead)?;
    }
    Ok(lead.unwrap_or(id))
}

/// Stores an edit: the text and what hangs on it are new, so the post (or its album) starts again.
fn post_update(tx: &Transaction<'_>, id: i64, lead: Option<i64>, hashed: &HashedPost) -> Result<(), Error> {
    let post = &hashed.post;
    tx.prepare_cached(
        "UPDATE posts SET posted_at = ?2, content_hash = ?3, text = ?4, media = ?5, author = ?6, edited_at = ?7, deleted_at = NULL
         WHERE id = ?1",
    )?
    .execute(params![
        id,
        post.posted_at.as_millisecond(),
        hashed.content_hash.as_slice(),
        post.text,
        post.media,
        post.author,
        post.edited_at.map(Timestamp::as_millisecond),
    ])?;
    counters_update(tx, id, post)?;
    tx.prepare_cached("DELETE FROM post_links WHERE post_id = ?1")?.execute([id])?;
    links_put(tx, id, post)?;
    stage_reset(tx, lead.unwrap_or(id))
}

/// Views and the like change without an edit and cost no new tags or vectors; an unknown count leaves the known one.
fn counters_update(tx: &Transaction<'_>, id: i64, post: &IncomingPost) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE posts SET views = coalesce(?2, views), forwards = coalesce(?3, forwards), replies = coalesce(?4, replies),
             reactions = coalesce(?5, reactions)
         WHERE id = ?1
           AND (views IS NOT coalesce(?2, views) OR forwards IS NOT coalesce(?3, forwards)
                OR replies IS NOT coalesce(?4, replies) OR reactions IS NOT coalesce(?5, reactions))",
    )?
    .execute(params![id, post.views, post.forwards, post.replies, reactions_json(post)])?;
    Ok(())
}

/// Sends a post back to the beginning; its old tags and vectors stay until the new ones replace them.
fn stage_reset(tx: &Transaction<'_>, id: i64) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE posts SET stage = ?2, revision = revision + 1, vector_model = 0 WHERE id = ?1",
    )?
    .execute(params![id, Stage::Ingested as i64])?;
    Ok(())
}

fn links_put(tx: &Transaction<'_>, id: i64, post: &IncomingPost) -> Result<(), Error> {
    let mut insert =
        tx.prepare_cached("INSERT INTO post_links (post_id, position, shown, url) VALUES (?1, ?2, ?3, ?4)")?;
    for (position, link) in post.links.iter().enumerate() {
        insert.execute(params![id, position as i64, link.text, link.url])?;
    }
    Ok(())
}

fn reactions_json(post: &IncomingPost) -> Option<String> {
    (!post.reactions.is_empty())
        .then(|| serde_json::to_string(&post.reactions).expect("strings and numbers always serialise"))
}
