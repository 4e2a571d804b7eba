//! Posts that are gone.
//!
//! A tombstone stays: it keeps a post that is imported or read again from coming back. An album loses its members one by one; if
//! the member that led it goes, the next one leads, as a post of its own.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Error, TenantStore, events::event_insert, ingest::stage_reset, retention::answers_withdraw};
use crate::model::{ChannelId, Event, PostId};

/// What deletions changed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// Gone: to be removed from the indexes.
    pub gone: Vec<PostId>,
    /// Albums that lost a member: to be worked on again.
    pub advance: Vec<PostId>,
}

impl TenantStore {
    /// Tombstones a post and its album and logs the event; the caller removes it from the indexes. `false` if it was gone.
    pub fn post_delete(&self, id: PostId, reason: &'static str, now: Timestamp) -> Result<bool, Error> {
        self.db.write(move |tx| post_delete(tx, id, reason, now))
    }

    /// Tombstones single messages of a channel; those that are not here are passed over.
    pub fn messages_delete(
        &self,
        channel: ChannelId,
        ids: Vec<i64>,
        now: Timestamp,
    ) -> Result<Deleted, Error> {
        self.db.write(move |tx| {
            let mut deleted = Deleted::default();
            for id in ids {
                message_delete(tx, channel, id, now, &mut deleted)?;
            }
            Ok(deleted)
        })
    }
}

fn post_delete(tx: &Transaction<'_>, id: PostId, reason: &str, now: Timestamp) -> Result<bool, Error> {
    let mut statement =
        tx.prepare_cached("SELECT id FROM posts WHERE (id = ?1 OR lead_id = ?1) AND deleted_at IS NULL")?;
    let rows: Vec<i64> = statement.query_map([id.0], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for row in &rows {
        row_clear(tx, *row, now)?;
    }
    if !rows.is_empty() {
        event_deleted(tx, id, reason, now)?;
    }
    Ok(!rows.is_empty())
}

/// Tombstones one message in the transaction that learned of it.
pub(super) fn message_delete(
    tx: &Transaction<'_>,
    channel: ChannelId,
    message_id: i64,
    now: Timestamp,
    deleted: &mut Deleted,
) -> Result<(), Error> {
    let sql =
        "SELECT id, lead_id FROM posts WHERE channel_id = ?1 AND message_id = ?2 AND deleted_at IS NULL";
    let found: Option<(i64, Option<i64>)> = tx
        .prepare_cached(sql)?
        .query_row(params![channel.0, message_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((id, lead)) = found else { return Ok(()) };
    row_clear(tx, id, now)?;
    if let Some(lead) = lead {
        stage_reset(tx, lead)?;
        deleted.advance.push(PostId(lead));
        return Ok(());
    }
    deleted.gone.push(PostId(id));
    event_deleted(tx, PostId(id), "deleted in Telegram", now)?;
    let sql = "SELECT id FROM posts WHERE lead_id = ?1 AND deleted_at IS NULL ORDER BY message_id LIMIT 1";
    let heir: Option<i64> = tx.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?;
    if let Some(heir) = heir {
        tx.prepare_cached("UPDATE posts SET lead_id = NULL WHERE id = ?1")?.execute([heir])?;
        tx.prepare_cached("UPDATE posts SET lead_id = ?2 WHERE lead_id = ?1 AND deleted_at IS NULL")?
            .execute([id, heir])?;
        stage_reset(tx, heir)?;
        deleted.advance.push(PostId(heir));
    }
    Ok(())
}

/// Empties a row and everything that hangs on it.
fn row_clear(tx: &Transaction<'_>, id: i64, now: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE posts SET deleted_at = ?2, text = '', revision = revision + 1 WHERE id = ?1";
    tx.prepare_cached(sql)?.execute(params![id, now.as_millisecond()])?;
    for table in ["post_links", "post_pages", "post_enrichment", "post_tags", "post_vectors"] {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE post_id = ?1"))?.execute([id])?;
    }
    answers_withdraw(tx, &[PostId(id)])
}

fn event_deleted(tx: &Transaction<'_>, id: PostId, reason: &str, now: Timestamp) -> Result<(), Error> {
    let data = serde_json::json!({ "reason": reason }).to_string();
    event_insert(tx, Event::PostsDeleted, Some(id), Some(&data), now)
}
