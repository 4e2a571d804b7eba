//! Posts coming in: one transaction takes a batch, decides new, updated or duplicate, folds albums and logs the events.
//!
//! Idempotent: the unique key is (channel, message), the content hash says whether anything changed. The same batch twice
//! changes nothing. Sources may be behind one another: what is older than the stored edit changes no text, and what is deleted
//! stays deleted.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Error, TenantStore, links::links_append};
use crate::model::{ChannelId, IncomingPost, PostId, Reaction, Stage};

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
        self.db.write(move |tx| posts_ingest(tx, &posts, now))
    }
}

/// Takes a batch in the transaction that also moves the source's position.
pub(super) fn posts_ingest(
    tx: &Transaction<'_>,
    posts: &[HashedPost],
    now: Timestamp,
) -> Result<Ingested, Error> {
    let mut ingested = Ingested::default();
    for post in posts {
        post_ingest(tx, post, now, &mut ingested)?;
    }
    ingested.advance.sort_unstable();
    ingested.advance.dedup();
    Ok(ingested)
}

/// What is stored of a message already.
struct Known {
    id: i64,
    content_hash: Vec<u8>,
    lead: Option<i64>,
    edited_at: Option<i64>,
    deleted: bool,
}

impl Known {
    /// Whether the stored text is newer than the one that comes in.
    fn is_newer_than(&self, post: &IncomingPost) -> bool {
        self.edited_at > post.edited_at.map(Timestamp::as_millisecond)
    }
}

fn post_ingest(
    tx: &Transaction<'_>,
    hashed: &HashedPost,
    now: Timestamp,
    ingested: &mut Ingested,
) -> Result<(), Error> {
    let known = tx
        .prepare_cached(
            "SELECT id, content_hash, lead_id, edited_at, deleted_at IS NOT NULL FROM posts
             WHERE channel_id = ?1 AND message_id = ?2",
        )?
        .query_row(params![hashed.channel.0, hashed.post.message_id], |row| {
            Ok(Known {
                id: row.get(0)?,
                content_hash: row.get(1)?,
                lead: row.get(2)?,
                edited_at: row.get(3)?,
                deleted: row.get(4)?,
            })
        })
        .optional()?;
    let (outcome, lead) = match known {
        Some(known) if known.deleted => (Outcome::Duplicate, known.id),
        Some(known) if known.content_hash == hashed.content_hash || known.is_newer_than(&hashed.post) => {
            details_update(tx, known.id, &hashed.post)?;
            (Outcome::Duplicate, known.lead.unwrap_or(known.id))
        }
        Some(known) => {
            post_update(tx, known.id, known.lead, hashed)?;
            (Outcome::Updated, known.lead.unwrap_or(known.id))
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
                "SELECT coalesce(lead_id, id) FROM posts WHERE channel_id = ?1 AND grouped_id = ?2 AND deleted_at IS NULL
                 ORDER BY lead_id IS NULL DESC LIMIT 1",
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
        reactions_json(&post.reactions),
        post.edited_at.map(Timestamp::as_millisecond),
        now.as_millisecond(),
    ])?;
    let id = tx.last_insert_rowid();
    details_update(tx, id, post)?;
    links_append(tx, PostId(id), &post.links)?;
    if let Some(lead) = lead {
        stage_reset(tx, lead)?;
    }
    Ok(lead.unwrap_or(id))
}

/// Stores an edit: the text and what hangs on it are new, so the post (or its album) starts again.
fn post_update(tx: &Transaction<'_>, id: i64, lead: Option<i64>, hashed: &HashedPost) -> Result<(), Error> {
    let post = &hashed.post;
    tx.prepare_cached(
        "UPDATE posts SET posted_at = ?2, content_hash = ?3, text = ?4, media = ?5, author = ?6, edited_at = ?7
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
    details_update(tx, id, post)?;
    tx.prepare_cached("DELETE FROM post_links WHERE post_id = ?1")?.execute([id])?;
    links_append(tx, PostId(id), &post.links)?;
    stage_reset(tx, lead.unwrap_or(id))
}

/// What hangs on a post beside its words changes without an edit and costs no new tags or vectors; what a source does not know
/// leaves what is known.
fn details_update(tx: &Transaction<'_>, id: i64, post: &IncomingPost) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE posts SET views = coalesce(?2, views), forwards = coalesce(?3, forwards), replies = coalesce(?4, replies),
             reactions = coalesce(?5, reactions)
         WHERE id = ?1
           AND (views IS NOT coalesce(?2, views) OR forwards IS NOT coalesce(?3, forwards)
                OR replies IS NOT coalesce(?4, replies) OR reactions IS NOT coalesce(?5, reactions))",
    )?
    .execute(params![id, post.views, post.forwards, post.replies, reactions_json(&post.reactions)])?;
    let media_info = post.media_info.as_ref().map(json);
    let origin = post.forward_origin.as_ref().map(json);
    tx.prepare_cached(
        "UPDATE posts SET media_info = coalesce(?2, media_info), via_bot = coalesce(?3, via_bot),
             forward_origin = coalesce(?4, forward_origin), reply_to_channel = coalesce(?5, reply_to_channel),
             pinned = coalesce(?6, pinned)
         WHERE id = ?1
           AND (media_info IS NOT coalesce(?2, media_info) OR via_bot IS NOT coalesce(?3, via_bot)
                OR forward_origin IS NOT coalesce(?4, forward_origin)
                OR reply_to_channel IS NOT coalesce(?5, reply_to_channel) OR pinned IS NOT coalesce(?6, pinned))",
    )?
    .execute(params![id, media_info, post.via_bot, origin, post.reply_to_channel, post.pinned])?;
    Ok(())
}

/// New counts of one message; `None` = as before.
pub(super) fn counters_put(
    tx: &Transaction<'_>,
    channel: ChannelId,
    message_id: i64,
    (views, forwards): (Option<i64>, Option<i64>),
    reactions: Option<&[Reaction]>,
) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE posts SET views = coalesce(?3, views), forwards = coalesce(?4, forwards), reactions = CASE WHEN ?5 THEN ?6 ELSE reactions END
         WHERE channel_id = ?1 AND message_id = ?2",
    )?
    .execute(params![
        channel.0,
        message_id,
        views,
        forwards,
        reactions.is_some(),
        reactions.and_then(reactions_json)
    ])?;
    Ok(())
}

pub(super) fn pinned_put(
    tx: &Transaction<'_>,
    channel: ChannelId,
    message_id: i64,
    pinned: bool,
) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE posts SET pinned = ?3 WHERE channel_id = ?1 AND message_id = ?2 AND pinned <> ?3",
    )?
    .execute(params![channel.0, message_id, pinned])?;
    Ok(())
}

/// Sends a post back to the beginning; its old tags and vectors stay until the new ones replace them.
pub(super) fn stage_reset(tx: &Transaction<'_>, id: i64) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE posts SET stage = ?2, revision = revision + 1, vector_model = 0 WHERE id = ?1",
    )?
    .execute(params![id, Stage::Ingested as i64])?;
    Ok(())
}

fn reactions_json(reactions: &[Reaction]) -> Option<String> {
    (!reactions.is_empty()).then(|| json(reactions))
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("strings and numbers always serialise")
}
