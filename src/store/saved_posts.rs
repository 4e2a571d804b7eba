//! Posts that people keep. One row a person and post: keeping twice changes nothing.

use jiff::Timestamp;
use rusqlite::params;

use super::{Error, TenantStore, posts::json_list};
use crate::model::{ChannelSet, MembershipId, PostId};

/// What became of keeping a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostSaved {
    Kept,
    /// They keep as many as they may.
    TooMany,
}

impl TenantStore {
    /// Keeps a post for a person who keeps fewer than `max`.
    pub fn saved_post_add(
        &self,
        member: MembershipId,
        post: PostId,
        now: Timestamp,
        max: usize,
    ) -> Result<PostSaved, Error> {
        self.db.write(move |tx| {
            let others = "SELECT count(*) FROM saved_posts WHERE membership_id = ?1 AND post_id <> ?2";
            let count: i64 =
                tx.prepare_cached(others)?.query_row(params![member.0, post.0], |row| row.get(0))?;
            if count as usize >= max {
                return Ok(PostSaved::TooMany);
            }
            let sql =
                "INSERT OR IGNORE INTO saved_posts (membership_id, post_id, saved_at) VALUES (?1, ?2, ?3)";
            tx.prepare_cached(sql)?.execute(params![member.0, post.0, now.as_millisecond()])?;
            Ok(PostSaved::Kept)
        })
    }

    /// Lets a post go; whether it was kept.
    pub fn saved_post_remove(&self, member: MembershipId, post: PostId) -> Result<bool, Error> {
        self.db.write(move |tx| {
            let sql = "DELETE FROM saved_posts WHERE membership_id = ?1 AND post_id = ?2";
            Ok(tx.prepare_cached(sql)?.execute(params![member.0, post.0])? > 0)
        })
    }

    /// A page of the posts a person keeps, of these channels, the last kept first; and how many there are.
    pub fn saved_post_list(
        &self,
        member: MembershipId,
        channels: &ChannelSet,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<PostId>, u64), Error> {
        self.db.read(|db| {
            let channels = match channels {
                ChannelSet::All => None,
                ChannelSet::Only(set) => Some(json_list(set)),
            };
            let from = "FROM saved_posts JOIN posts ON posts.id = post_id
                WHERE membership_id = ?1 AND lead_id IS NULL AND deleted_at IS NULL
                AND (?2 IS NULL OR channel_id IN (SELECT value FROM json_each(?2)))";
            let total: i64 = db
                .prepare_cached(&format!("SELECT count(*) {from}"))?
                .query_row(params![member.0, channels], |row| row.get(0))?;
            let sql =
                format!("SELECT post_id {from} ORDER BY saved_at DESC, post_id DESC LIMIT ?3 OFFSET ?4");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement
                .query_map(params![member.0, channels, limit as i64, offset as i64], |row| {
                    row.get(0).map(PostId)
                })?;
            Ok((rows.collect::<rusqlite::Result<_>>()?, total as u64))
        })
    }
}
