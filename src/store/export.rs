//! Everything a tenant owns, read in order and in pages, for those who carry it elsewhere.
//!
//! Unlike the reads of faces these know every message of an album as a row of its own, because that is what other systems store.
//! Deleted posts are not there.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::{
    Error, TenantStore,
    control::{timestamp, timestamp_maybe},
};
use crate::model::{ChannelId, Link, MembershipId, PostId};

/// A message with everything that is stored of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedMessage {
    pub id: PostId,
    pub channel: ChannelId,
    pub message_id: i64,
    pub posted_at: Timestamp,
    pub edited_at: Option<Timestamp>,
    pub ingested_at: Timestamp,
    pub text: String,
    pub author: Option<String>,
    pub language: Option<String>,
    pub media: Option<String>,
    pub grouped_id: Option<i64>,
    /// Led by another message of its album.
    pub is_member: bool,
    pub is_indexed: bool,
    pub pinned: bool,
    pub views: Option<i64>,
    pub forwards: Option<i64>,
    pub replies: Option<i64>,
    pub reply_to: Option<i64>,
    pub forwarded_from: Option<String>,
    /// JSON [`crate::model::ForwardOrigin`].
    pub forward_origin: Option<String>,
    /// JSON `[{emoji, count}]`.
    pub reactions: Option<String>,
    /// Lower-case hex.
    pub content_hash: String,
    pub links: Vec<Link>,
    pub enrichments: Vec<ExportedEnrichment>,
}

/// A result of the pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedEnrichment {
    pub kind: String,
    pub provider: String,
    pub params_hash: Option<String>,
    /// JSON, by kind.
    pub data: String,
    pub status: String,
    pub error: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Who follows which channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedSubscription {
    pub member: MembershipId,
    pub channel: ChannelId,
    pub created_at: Timestamp,
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedQuestion {
    pub id: i64,
    pub query_id: String,
    pub member: Option<MembershipId>,
    pub asked_at: Timestamp,
    pub query: String,
    pub intent: String,
    /// JSON.
    pub result: String,
    pub took_ms: i64,
}

const MESSAGE: &str = "SELECT id, channel_id, message_id, posted_at, edited_at, ingested_at, text, author, language, media,
    grouped_id, lead_id IS NOT NULL, stage = 4, pinned, views, forwards, replies, reply_to, forwarded_from, reactions,
    lower(hex(content_hash)), forward_origin FROM posts";

impl TenantStore {
    /// Messages with ids above `after`, in order.
    pub fn message_export(&self, after: PostId, limit: usize) -> Result<Vec<ExportedMessage>, Error> {
        self.db.read(|db| {
            let sql = format!("{MESSAGE} WHERE id > ?1 AND deleted_at IS NULL ORDER BY id LIMIT ?2");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map(params![after.0, limit as i64], message_from_row)?;
            let mut messages = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            for message in &mut messages {
                message.links = links(db, message.id)?;
                message.enrichments = enrichments(db, message.id)?;
            }
            Ok(messages)
        })
    }

    /// How many messages there are.
    pub fn message_export_count(&self) -> Result<u64, Error> {
        self.db.read(|db| {
            let sql = "SELECT count(*) FROM posts WHERE deleted_at IS NULL";
            Ok(db.query_row(sql, [], |row| row.get::<_, i64>(0))? as u64)
        })
    }

    /// The posts of a channel by the time they were posted, albums as one.
    pub fn post_places(&self, channel: ChannelId) -> Result<Vec<(PostId, Timestamp)>, Error> {
        self.db.read(|db| {
            let sql = "SELECT id, posted_at FROM posts WHERE channel_id = ?1 AND lead_id IS NULL AND deleted_at IS NULL
                       ORDER BY posted_at, id";
            let mut statement = db.prepare_cached(sql)?;
            let rows =
                statement.query_map([channel.0], |row| Ok((PostId(row.get(0)?), timestamp(row, 1)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    pub fn subscription_export(&self) -> Result<Vec<ExportedSubscription>, Error> {
        self.db.read(|db| {
            let sql = "SELECT membership_id, channel_id, created_at FROM subscriptions ORDER BY 1, 2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(ExportedSubscription {
                    member: MembershipId(row.get(0)?),
                    channel: ChannelId(row.get(1)?),
                    created_at: timestamp(row, 2)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Questions with ids above `after`, in order.
    pub fn question_export(&self, after: i64, limit: usize) -> Result<Vec<ExportedQuestion>, Error> {
        self.db.read(|db| {
            let sql = "SELECT id, query_id, membership_id, asked_at, query, intent, result, took_ms
                       FROM rag_history WHERE id > ?1 ORDER BY id LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![after, limit as i64], |row| {
                Ok(ExportedQuestion {
                    id: row.get(0)?,
                    query_id: row.get(1)?,
                    member: row.get::<_, Option<i64>>(2)?.map(MembershipId),
                    asked_at: timestamp(row, 3)?,
                    query: row.get(4)?,
                    intent: row.get(5)?,
                    result: row.get(6)?,
                    took_ms: row.get(7)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn message_from_row(row: &Row<'_>) -> rusqlite::Result<ExportedMessage> {
    Ok(ExportedMessage {
        id: PostId(row.get(0)?),
        channel: ChannelId(row.get(1)?),
        message_id: row.get(2)?,
        posted_at: timestamp(row, 3)?,
        edited_at: timestamp_maybe(row, 4)?,
        ingested_at: timestamp(row, 5)?,
        text: row.get(6)?,
        author: row.get(7)?,
        language: row.get(8)?,
        media: row.get(9)?,
        grouped_id: row.get(10)?,
        is_member: row.get(11)?,
        is_indexed: row.get(12)?,
        pinned: row.get(13)?,
        views: row.get(14)?,
        forwards: row.get(15)?,
        replies: row.get(16)?,
        reply_to: row.get(17)?,
        forwarded_from: row.get(18)?,
        reactions: row.get(19)?,
        content_hash: row.get(20)?,
        forward_origin: row.get(21)?,
        links: Vec::new(),
        enrichments: Vec::new(),
    })
}

fn links(db: &Connection, post: PostId) -> Result<Vec<Link>, Error> {
    let sql = "SELECT shown, url FROM post_links WHERE post_id = ?1 ORDER BY position";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([post.0], |row| Ok(Link { text: row.get(0)?, url: row.get(1)? }))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn enrichments(db: &Connection, post: PostId) -> Result<Vec<ExportedEnrichment>, Error> {
    let sql = "SELECT kind, provider, params_hash, data, status, error, created_at, updated_at
               FROM post_enrichment WHERE post_id = ?1 ORDER BY kind";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([post.0], |row| {
        Ok(ExportedEnrichment {
            kind: row.get(0)?,
            provider: row.get(1)?,
            params_hash: row.get(2)?,
            data: row.get(3)?,
            status: row.get(4)?,
            error: row.get(5)?,
            created_at: timestamp(row, 6)?,
            updated_at: timestamp(row, 7)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
