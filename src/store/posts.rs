//! Reading posts: by id with their album folded in, as filtered pages, as counts.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};
use serde::Serialize;

use super::{
    Error, TenantStore,
    control::{timestamp, timestamp_maybe},
    pages, tags,
};
use crate::model::{ChannelId, ChannelSet, Link, Post, PostDetails, PostId, Stage};

/// Which posts a list asks for.
#[derive(Debug, Clone)]
pub struct PostFilter {
    pub channels: ChannelSet,
    /// A tag's key.
    pub tag_key: Option<String>,
    pub since: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
}

/// One page of a list, newest first, and how long the whole list is.
#[derive(Debug, Clone, PartialEq)]
pub struct PostPage {
    pub posts: Vec<Post>,
    pub total: u64,
}

/// How many posts there are and how far they have come. An album counts as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PostCounts {
    pub posts: u64,
    pub indexed: u64,
}

impl TenantStore {
    /// The posts with these ids, in the order asked for; absent, deleted and album members drop out.
    pub fn posts_load(&self, ids: &[PostId]) -> Result<Vec<Post>, Error> {
        self.db.read(|db| {
            let mut posts = Vec::with_capacity(ids.len());
            for id in ids {
                posts.extend(post_find(db, *id)?);
            }
            Ok(posts)
        })
    }

    /// When these posts were posted, Unix seconds, for ranking: reads no text. Absent ones drop out.
    pub fn posted_at_list(&self, ids: &BTreeSet<PostId>) -> Result<Vec<(PostId, i64)>, Error> {
        self.db.read(|db| {
            let sql = "SELECT id, posted_at / 1000 FROM posts WHERE id IN (SELECT value FROM json_each(?1))";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([json_list(ids)], |row| Ok((PostId(row.get(0)?), row.get(1)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// One post, if the caller may see its channel.
    pub fn post_find(&self, id: PostId, channels: &ChannelSet) -> Result<Option<Post>, Error> {
        self.db.read(|db| Ok(post_find(db, id)?.filter(|post| channels.contains(post.channel_id))))
    }

    /// The post (or the lead of the album) a message belongs to.
    pub fn post_by_message(&self, channel: ChannelId, message_id: i64) -> Result<Option<PostId>, Error> {
        self.db.read(|db| {
            let sql = "SELECT coalesce(lead_id, id) FROM posts WHERE channel_id = ?1 AND message_id = ?2";
            let id = db
                .prepare_cached(sql)?
                .query_row(params![channel.0, message_id], |row| row.get(0))
                .optional()?;
            Ok(id.map(PostId))
        })
    }

    /// A page of posts, newest first.
    pub fn post_list(&self, filter: &PostFilter, limit: usize, offset: usize) -> Result<PostPage, Error> {
        self.db.read(|db| post_list(db, filter, limit, offset))
    }

    /// The ids of all posts that carry one of these tag keys, for the vector side of a filtered search.
    pub fn post_ids_with_tags(&self, keys: &[String]) -> Result<BTreeSet<PostId>, Error> {
        self.db.read(|db| {
            let sql = "SELECT post_id FROM post_tags JOIN tags ON tags.id = tag_id
                       WHERE key IN (SELECT value FROM json_each(?1))";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([json_list(keys)], |row| row.get(0).map(PostId))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Posts whose way through the stages is not finished, for the sweep; ids above `after`, in order.
    pub fn post_unfinished_list(&self, after: PostId, limit: usize) -> Result<Vec<PostId>, Error> {
        self.db.read(|db| {
            let sql = "SELECT id FROM posts WHERE stage < 4 AND deleted_at IS NULL AND id > ?1 ORDER BY id LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![after.0, limit as i64], |row| row.get(0).map(PostId))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The posts of a filter; ids above `after`, in order.
    pub fn post_id_list(
        &self,
        filter: &PostFilter,
        after: PostId,
        limit: usize,
    ) -> Result<Vec<PostId>, Error> {
        self.db.read(|db| {
            let channels = match &filter.channels {
                ChannelSet::All => None,
                ChannelSet::Only(set) => Some(json_list(set)),
            };
            let (since, until) =
                (filter.since.map(Timestamp::as_millisecond), filter.until.map(Timestamp::as_millisecond));
            let sql = format!("SELECT id FROM posts WHERE {MATCHING} AND id > :after ORDER BY id LIMIT :limit");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map(
                named_params! {":channels": channels, ":tag": filter.tag_key, ":since": since, ":until": until,
                ":after": after.0, ":limit": limit as i64},
                |row| row.get(0).map(PostId),
            )?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Posts that belong in the full-text index, for verify and rebuild; ids above `after`, in order.
    pub fn post_indexed_list(&self, after: PostId, limit: usize) -> Result<Vec<PostId>, Error> {
        self.db.read(|db| {
            let sql =
                "SELECT id FROM posts WHERE stage = 4 AND lead_id IS NULL AND deleted_at IS NULL AND id > ?1
                       ORDER BY id LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![after.0, limit as i64], |row| row.get(0).map(PostId))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    pub fn post_counts(&self) -> Result<PostCounts, Error> {
        self.db.read(|db| {
            // Each count runs over one small partial index, never over the texts.
            let posts: i64 = db
                .prepare_cached("SELECT count(*) FROM posts WHERE lead_id IS NULL AND deleted_at IS NULL")?
                .query_row([], |row| row.get(0))?;
            let unfinished: i64 = db
                .prepare_cached("SELECT count(*) FROM posts WHERE stage < 4 AND deleted_at IS NULL")?
                .query_row([], |row| row.get(0))?;
            Ok(PostCounts { posts: posts as u64, indexed: (posts - unfinished).max(0) as u64 })
        })
    }

    /// How many posts one channel has.
    pub fn post_count_of_channel(&self, channel: ChannelId) -> Result<u64, Error> {
        self.db.read(|db| {
            let sql =
                "SELECT count(*) FROM posts WHERE channel_id = ?1 AND lead_id IS NULL AND deleted_at IS NULL";
            let count: i64 = db.prepare_cached(sql)?.query_row([channel.0], |row| row.get(0))?;
            Ok(count as u64)
        })
    }

    /// How many posts each channel has.
    pub fn post_counts_by_channel(&self) -> Result<Vec<(ChannelId, u64)>, Error> {
        self.db.read(|db| {
            let sql = "SELECT channel_id, count(*) FROM posts WHERE lead_id IS NULL AND deleted_at IS NULL GROUP BY 1";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| Ok((ChannelId(row.get(0)?), row.get::<_, i64>(1)? as u64)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

const COLUMNS: &str =
    "SELECT id, channel_id, message_id, posted_at, edited_at, text, author, views, media, grouped_id,
    stage, revision, language, ingested_at, forwards, replies, reactions, reply_to, reply_to_channel, forwarded_from,
    forward_origin, media_info, via_bot, pinned FROM posts";

/// The post with this id unless it is deleted or an album's member.
fn post_find(db: &Connection, id: PostId) -> Result<Option<Post>, Error> {
    let sql = format!("{COLUMNS} WHERE id = ?1 AND lead_id IS NULL AND deleted_at IS NULL");
    let found = db.prepare_cached(&sql)?.query_row([id.0], post_from_row).optional()?;
    let Some((mut post, grouped)) = found else {
        return Ok(None);
    };
    if grouped {
        album_fold(db, &mut post)?;
    }
    let mut links =
        db.prepare_cached("SELECT shown, url FROM post_links WHERE post_id = ?1 ORDER BY position")?;
    let rows = links.query_map([id.0], link_from_row)?;
    for link in rows {
        post.links.push(link?);
    }
    post.tags = tags::post_tags(db, id)?;
    post.pages = pages::post_pages(db, id)?;
    Ok(Some(post))
}

/// Adds the members' texts and links to their lead.
fn album_fold(db: &Connection, lead: &mut Post) -> Result<(), Error> {
    let sql = "SELECT text, id FROM posts WHERE lead_id = ?1 AND deleted_at IS NULL ORDER BY message_id";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([lead.id.0])?;
    while let Some(row) = rows.next()? {
        lead.album_size += 1;
        let text: String = row.get(0)?;
        if !text.is_empty() {
            if !lead.text.is_empty() {
                lead.text.push('\n');
            }
            lead.text.push_str(&text);
        }
        let mut links =
            db.prepare_cached("SELECT shown, url FROM post_links WHERE post_id = ?1 ORDER BY position")?;
        for link in links.query_map([row.get::<_, i64>(1)?], link_from_row)? {
            lead.links.push(link?);
        }
    }
    Ok(())
}

/// The posts of a filter.
const MATCHING: &str = "lead_id IS NULL AND deleted_at IS NULL
        AND (:channels IS NULL OR channel_id IN (SELECT value FROM json_each(:channels)))
        AND (:tag IS NULL OR id IN (SELECT post_id FROM post_tags JOIN tags ON tags.id = tag_id WHERE key = :tag))
        AND (:since IS NULL OR posted_at >= :since) AND (:until IS NULL OR posted_at < :until)";

fn post_list(db: &Connection, filter: &PostFilter, limit: usize, offset: usize) -> Result<PostPage, Error> {
    let channels = match &filter.channels {
        ChannelSet::All => None,
        ChannelSet::Only(set) => Some(json_list(set)),
    };
    let (since, until) =
        (filter.since.map(Timestamp::as_millisecond), filter.until.map(Timestamp::as_millisecond));
    let total: i64 = db.prepare_cached(&format!("SELECT count(*) FROM posts WHERE {MATCHING}"))?.query_row(
        named_params! {":channels": channels, ":tag": filter.tag_key, ":since": since, ":until": until},
        |row| row.get(0),
    )?;
    let sql = format!(
        "SELECT id FROM posts WHERE {MATCHING} ORDER BY posted_at DESC, id DESC LIMIT :limit OFFSET :offset"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let ids: Vec<i64> = statement
        .query_map(
            named_params! {":channels": channels, ":tag": filter.tag_key, ":since": since, ":until": until,
            ":limit": limit as i64, ":offset": i64::try_from(offset).unwrap_or(i64::MAX)},
            |row| row.get(0),
        )?
        .collect::<rusqlite::Result<_>>()?;
    let mut posts = Vec::with_capacity(ids.len());
    for id in ids {
        posts.extend(post_find(db, PostId(id))?);
    }
    Ok(PostPage { posts, total: total as u64 })
}

/// A list of plain values as the JSON that `json_each` reads.
pub(super) fn json_list<T: Serialize>(values: impl IntoIterator<Item = T>) -> String {
    serde_json::to_string(&values.into_iter().collect::<Vec<_>>()).expect("plain values always serialise")
}

fn link_from_row(row: &Row<'_>) -> rusqlite::Result<Link> {
    Ok(Link { text: row.get(0)?, url: row.get(1)? })
}

/// A column of JSON that this module wrote; one that cannot be read is as good as none.
fn json_maybe<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

fn post_from_row(row: &Row<'_>) -> rusqlite::Result<(Post, bool)> {
    let stage: i64 = row.get(10)?;
    let post = Post {
        id: PostId(row.get(0)?),
        channel_id: ChannelId(row.get(1)?),
        message_id: row.get(2)?,
        posted_at: timestamp(row, 3)?,
        edited_at: timestamp_maybe(row, 4)?,
        text: row.get(5)?,
        links: Vec::new(),
        author: row.get(6)?,
        views: row.get(7)?,
        media: row.get(8)?,
        album_size: 1,
        stage: Stage::from_i64(stage).ok_or(rusqlite::Error::IntegralValueOutOfRange(10, stage))?,
        revision: row.get(11)?,
        language: row.get(12)?,
        tags: Vec::new(),
        pages: Vec::new(),
        ingested_at: timestamp(row, 13)?,
        details: PostDetails {
            forwards: row.get(14)?,
            replies: row.get(15)?,
            reactions: json_maybe(row, 16)?.unwrap_or_default(),
            reply_to: row.get(17)?,
            reply_to_channel: row.get(18)?,
            forwarded_from: row.get(19)?,
            forward_origin: json_maybe(row, 20)?,
            media_info: json_maybe(row, 21)?,
            via_bot: row.get(22)?,
            pinned: row.get(23)?,
        },
    };
    Ok((post, row.get::<_, Option<i64>>(9)?.is_some()))
}
