//! Taking out posts that are too old, a small piece at a time, so that writers wait for milliseconds and memory stays small.
//!
//! What is too old is found by a reader; the writer deletes by key, in one short transaction a piece. With a post goes all that hangs
//! on it, its words in answers, and the wish to read it again: the channel's floor rises above it and the ledger forgets what lies
//! below. Any piece may be the last before a crash; the next run finds the rest.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, Transaction, params};
use serde_json::Value;

use super::{
    Error, TenantStore,
    aged::number,
    events::event_insert,
    ledger::{RangeKind, range_cut},
    posts::json_list,
};
use crate::model::{ChannelId, Event, PostId};

/// Days a channel's posts are kept: its own, the tenant's, the installation's; 0 is for ever. For a row with a `channel_id`.
pub(super) const KEEP_DAYS: &str = "coalesce(
    (SELECT retention_days FROM channels WHERE channels.id = channel_id),
    (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'posts_days'),
    (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'posts_days_default'), 0)";
/// The tenant's own days, and the installation's as this tenant was last told.
const DAYS_META: &str = "posts_days";
const DEFAULT_META: &str = "posts_days_default";

/// A post that is too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldPost {
    pub id: PostId,
    posted_at: i64,
}

/// How long a channel's posts are kept, days; `None`: nothing is said there, 0: for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelKeep {
    pub id: ChannelId,
    pub title: String,
    pub own_days: Option<u32>,
    pub posts: u64,
    /// Posts that are too old now.
    pub due: u64,
}

/// What makes a post old enough beside its age: neither pinned nor saved by anybody, nor any message of its album.
const OLD: &str = "lead_id IS NULL AND pinned = 0
    AND NOT EXISTS (SELECT 1 FROM posts member WHERE member.lead_id = posts.id AND member.pinned = 1)
    AND NOT EXISTS (SELECT 1 FROM saved_posts WHERE post_id = posts.id
                    OR post_id IN (SELECT member.id FROM posts member WHERE member.lead_id = posts.id))";

/// What makes a message that was deleted old enough at the moment `?1`.
fn tombstone_is_old() -> String {
    format!(
        "deleted_at IS NOT NULL AND lead_id IS NULL
         AND NOT EXISTS (SELECT 1 FROM posts member WHERE member.lead_id = posts.id AND member.deleted_at IS NULL)
         AND {KEEP_DAYS} > 0 AND posted_at < ?1 - {KEEP_DAYS} * 86400000"
    )
}

impl TenantStore {
    /// Tells the database how long the installation keeps posts, days; 0: for ever.
    pub fn posts_days_default_put(&self, days: u32) -> Result<(), Error> {
        let days = days.to_string();
        if self.meta_find(DEFAULT_META)?.as_deref() == Some(&days) {
            return Ok(());
        }
        self.db.write(move |tx| {
            days_put(tx, DEFAULT_META, Some(&days))?;
            floors_forget(tx, None)
        })
    }

    /// How long the tenant keeps posts, days, where it says so itself; 0: for ever.
    pub fn posts_days(&self) -> Result<Option<u32>, Error> {
        Ok(self.meta_find(DAYS_META)?.and_then(|days| days.parse().ok()))
    }

    /// Sets how long the tenant keeps posts, or one of its channels; `None`: as the installation, or the tenant, has it. Whether
    /// there is such a channel.
    pub fn posts_days_put(&self, channel: Option<ChannelId>, days: Option<u32>) -> Result<bool, Error> {
        self.db.write(move |tx| {
            let changed = match channel {
                None => {
                    days_put(tx, DAYS_META, days.map(|days| days.to_string()).as_deref())?;
                    true
                }
                Some(channel) => {
                    let sql = "UPDATE channels SET retention_days = ?2 WHERE id = ?1";
                    tx.execute(sql, params![channel.0, days])? > 0
                }
            };
            floors_forget(tx, channel)?;
            Ok(changed)
        })
    }

    /// Keeps the posts of these channels for ever, where nobody said how long and one that was posted then would be too old.
    /// Returns those channels with their titles.
    pub fn channels_keep(
        &self,
        oldest: Vec<(ChannelId, Timestamp)>,
        now: Timestamp,
    ) -> Result<Vec<(ChannelId, String)>, Error> {
        self.db.write(move |tx| {
            let sql = format!(
                "UPDATE channels SET retention_days = 0 WHERE retention_days IS NULL AND id =
                     (SELECT channel_id FROM (SELECT ?1 channel_id)
                      WHERE {KEEP_DAYS} > 0 AND ?2 < ?3 - {KEEP_DAYS} * 86400000)
                 RETURNING title"
            );
            let mut statement = tx.prepare_cached(&sql)?;
            let mut kept = Vec::new();
            for (channel, posted_at) in oldest {
                let row = params![channel.0, posted_at.as_millisecond(), now.as_millisecond()];
                if let Some(title) = statement.query_row(row, |row| row.get(0)).optional()? {
                    floors_forget(tx, Some(channel))?;
                    kept.push((channel, title));
                }
            }
            Ok(kept)
        })
    }

    /// Every channel, how long its posts are kept, and how many are too old.
    pub fn channel_keep_list(&self, now: Timestamp) -> Result<Vec<ChannelKeep>, Error> {
        self.db.read(|db| {
            let due = format!(
                "SELECT count(*) FROM posts WHERE channel_id = channels.id AND deleted_at IS NULL AND {OLD}
                     AND {KEEP_DAYS} > 0 AND posted_at < ?1 - {KEEP_DAYS} * 86400000"
            );
            let sql = format!(
                "SELECT id, title, retention_days, ({due}), (SELECT count(*) FROM posts
                     WHERE channel_id = channels.id AND lead_id IS NULL AND deleted_at IS NULL)
                 FROM channels ORDER BY title, id"
            );
            let mut statement = db.prepare(&sql)?;
            let rows = statement.query_map([now.as_millisecond()], |row| {
                Ok(ChannelKeep {
                    id: ChannelId(row.get(0)?),
                    title: row.get(1)?,
                    own_days: row.get(2)?,
                    due: row.get::<_, i64>(3)? as u64,
                    posts: row.get::<_, i64>(4)? as u64,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Up to `limit` posts that are too old, after `after`, the oldest first. Those that stay are passed over for good by it.
    pub fn posts_old(
        &self,
        after: Option<OldPost>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<OldPost>, Error> {
        self.db.read(|db| {
            // One scan by date: nothing is older than the shortest keep, and each channel's own is looked up on the way.
            let sql = format!(
                "SELECT id, posted_at FROM posts
                 WHERE deleted_at IS NULL AND {OLD} AND (posted_at, id) > (?1, ?2)
                   AND posted_at < ?3 - (SELECT min(days) FROM
                       (SELECT {KEEP_DAYS} days FROM (SELECT id channel_id FROM channels)) WHERE days > 0) * 86400000
                   AND {KEEP_DAYS} > 0 AND posted_at < ?3 - {KEEP_DAYS} * 86400000
                 ORDER BY posted_at, id LIMIT ?4"
            );
            let (at, id) = after.map_or((i64::MIN, i64::MIN), |post| (post.posted_at, post.id.0));
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map(params![at, id, now.as_millisecond(), limit as i64], |row| {
                Ok(OldPost { id: PostId(row.get(0)?), posted_at: row.get(1)? })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// How many tombstones are as old as the posts that go.
    pub fn tombstones_count(&self, now: Timestamp) -> Result<u64, Error> {
        let sql = format!("SELECT count(*) FROM posts WHERE {}", tombstone_is_old());
        self.db.read(|db| number(db, &sql, [now.as_millisecond()]))
    }

    /// Tombstones as old as the posts that go: with the floor above them nothing brings those back. How many went.
    pub fn tombstones_remove(&self, limit: usize, now: Timestamp) -> Result<u64, Error> {
        let ids: Vec<i64> = self.db.read(|db| {
            let sql = format!("SELECT id FROM posts WHERE {} LIMIT ?2", tombstone_is_old());
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map(params![now.as_millisecond(), limit as i64], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })?;
        if ids.is_empty() {
            return Ok(0);
        }
        self.db.write(move |tx| {
            floors_raise(tx, &json_list(&ids))?;
            let sql = "DELETE FROM posts WHERE id IN (SELECT value FROM json_each(?1))";
            Ok(tx.prepare_cached(sql)?.execute([json_list(&ids)])? as u64)
        })
    }

    /// Removes posts that are too old with all that hangs on them; the caller takes them out of the indexes. `mark`: a key of the
    /// database's facts that says until then that the indexes may hold what is gone.
    pub fn posts_expire(
        &self,
        posts: &[OldPost],
        mark: &'static str,
        now: Timestamp,
    ) -> Result<Vec<PostId>, Error> {
        let ids: Vec<PostId> = posts.iter().map(|post| post.id).collect();
        self.db.write(move |tx| {
            // One that was pinned or saved since it was found stays, and those of a channel that is kept longer by now.
            let list = json_list(&ids);
            let sql = format!(
                "SELECT id FROM posts WHERE id IN (SELECT value FROM json_each(?1)) AND {OLD}
                     AND {KEEP_DAYS} > 0 AND posted_at < ?2 - {KEEP_DAYS} * 86400000"
            );
            let mut statement = tx.prepare_cached(&sql)?;
            let rows =
                statement.query_map(params![list, now.as_millisecond()], |row| row.get(0).map(PostId))?;
            let ids: Vec<PostId> = rows.collect::<rusqlite::Result<_>>()?;
            days_put(tx, mark, Some("1"))?;
            posts_expire(tx, &ids, now)?;
            Ok(ids)
        })
    }
}

fn days_put(tx: &Transaction<'_>, key: &str, value: Option<&str>) -> Result<(), Error> {
    match value {
        None => tx.execute("DELETE FROM meta WHERE key = ?1", [key])?,
        Some(value) => tx.execute(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
            [key, value],
        )?,
    };
    Ok(())
}

/// Where the depth begins is looked up again: more or less of it is kept now.
fn floors_forget(tx: &Transaction<'_>, channel: Option<ChannelId>) -> Result<(), Error> {
    let sql = "UPDATE channel_reading SET floor_id = NULL WHERE ?1 IS NULL OR channel_id = ?1";
    tx.execute(sql, [channel.map(|channel| channel.0)])?;
    Ok(())
}

fn posts_expire(tx: &Transaction<'_>, ids: &[PostId], now: Timestamp) -> Result<(), Error> {
    let list = json_list(ids);
    let here = "(SELECT value FROM json_each(?1))";
    for id in ids {
        event_insert(tx, Event::PostsDeleted, Some(*id), Some("{\"reason\":\"retention\"}"), now)?;
    }
    answers_withdraw(tx, ids)?;
    floors_raise(tx, &list)?;
    let sql = format!("SELECT DISTINCT tag_id FROM post_tags WHERE post_id IN {here}");
    let mut statement = tx.prepare_cached(&sql)?;
    let tags: Vec<i64> = statement.query_map([&list], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let sql = "SELECT id FROM posts WHERE lead_id = ?1";
    let mut members = tx.prepare_cached(sql)?;
    // Leads last: a member points to its lead.
    let mut delete = tx.prepare_cached("DELETE FROM posts WHERE id = ?1")?;
    for id in ids {
        let under: Vec<i64> =
            members.query_map([id.0], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        for member in under {
            delete.execute([member])?;
        }
        delete.execute([id.0])?;
    }
    let sql = "DELETE FROM tags WHERE id IN (SELECT value FROM json_each(?1))
               AND NOT EXISTS (SELECT 1 FROM post_tags WHERE tag_id = tags.id)";
    tx.prepare_cached(sql)?.execute([json_list(&tags)])?;
    Ok(())
}

/// Nothing at or below these posts is wanted any more, and that it was asked for once is forgotten.
fn floors_raise(tx: &Transaction<'_>, list: &str) -> Result<(), Error> {
    let sql = "SELECT channel_id, max(message_id) FROM posts
               WHERE id IN (SELECT value FROM json_each(?1)) OR lead_id IN (SELECT value FROM json_each(?1)) GROUP BY channel_id";
    let mut statement = tx.prepare_cached(sql)?;
    let tops = statement.query_map([list], |row| Ok((ChannelId(row.get(0)?), row.get::<_, i64>(1)?)))?;
    let tops: Vec<(ChannelId, i64)> = tops.collect::<rusqlite::Result<_>>()?;
    for (channel, top) in tops {
        let sql = "UPDATE channel_reading SET floor_id = max(floor_id, ?2 + 1),
                       revisit_until = CASE WHEN revisit_until IS NULL THEN NULL ELSE max(revisit_until, ?2 + 1) END
                   WHERE channel_id = ?1 AND floor_id IS NOT NULL";
        tx.prepare_cached(sql)?.execute(params![channel.0, top])?;
        for kind in [RangeKind::Covered, RangeKind::Service, RangeKind::Restricted] {
            range_cut(tx, channel, kind, (1, top))?;
        }
    }
    Ok(())
}

/// Takes the words of these posts out of answers that quote them: those sources go, and the answer, which is made of quotations.
pub(super) fn answers_withdraw(tx: &Transaction<'_>, ids: &[PostId]) -> Result<(), Error> {
    let sql = "SELECT DISTINCT history_id FROM rag_history_posts WHERE post_id IN (SELECT value FROM json_each(?1))";
    let list = json_list(ids);
    let mut statement = tx.prepare_cached(sql)?;
    let answers: Vec<i64> =
        statement.query_map([&list], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for answer in answers {
        let sql = "SELECT result FROM rag_history WHERE id = ?1";
        let result: Option<String> =
            tx.prepare_cached(sql)?.query_row([answer], |row| row.get(0)).optional()?;
        let mut result: Value = result.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let gone = |source: &Value| source["post_id"].as_i64().is_some_and(|id| ids.contains(&PostId(id)));
        if let Some(fields) = result.as_object_mut() {
            if let Some(sources) = fields.get_mut("sources").and_then(Value::as_array_mut) {
                sources.retain(|source| !gone(source));
            }
            fields.insert("answer".to_owned(), Value::from(""));
            // Nothing else of an answer is kept: whatever it holds may quote.
            fields.retain(|name, _| ["answer", "sources", "confidence"].contains(&name.as_str()));
            fields.insert("withdrawn".to_owned(), Value::from(true));
        }
        tx.prepare_cached("UPDATE rag_history SET result = ?2 WHERE id = ?1")?
            .execute(params![answer, result.to_string()])?;
    }
    let sql = "DELETE FROM rag_history_posts WHERE post_id = ?1";
    let mut statement = tx.prepare_cached(sql)?;
    for id in ids {
        statement.execute([id.0])?;
    }
    Ok(())
}

/// So long before a moment.
pub fn days_before(now: Timestamp, days: u32) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
}
