//! Channels: identity without regard to case, one row whatever way the channel was named.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{Error, TenantStore};
use crate::model::{Channel, ChannelId};

const COLUMNS: &str = "SELECT id, telegram_id, username, title FROM channels";

impl TenantStore {
    /// The row of a channel, made or completed as needed. Telegram's id decides where it is known, else the username.
    pub fn channel_upsert(
        &self,
        telegram_id: Option<i64>,
        username: Option<String>,
        title: String,
        now: Timestamp,
    ) -> Result<ChannelId, Error> {
        self.db.write(move |tx| channel_upsert(tx, telegram_id, username.as_deref(), &title, now))
    }

    pub fn channel_list(&self) -> Result<Vec<Channel>, Error> {
        self.db.read(|db| {
            let mut statement = db.prepare_cached(&format!("{COLUMNS} ORDER BY title, id"))?;
            let rows = statement.query_map([], channel_from_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    pub fn channel_get(&self, id: ChannelId) -> Result<Option<Channel>, Error> {
        self.db.read(|db| {
            let sql = format!("{COLUMNS} WHERE id = ?1");
            Ok(db.prepare_cached(&sql)?.query_row([id.0], channel_from_row).optional()?)
        })
    }

    /// The channel with this `-100…` id.
    pub fn channel_by_telegram_id(&self, telegram_id: i64) -> Result<Option<Channel>, Error> {
        self.db.read(|db| {
            let sql = format!("{COLUMNS} WHERE telegram_id = ?1");
            Ok(db.prepare_cached(&sql)?.query_row([telegram_id], channel_from_row).optional()?)
        })
    }

    /// The channel with this public name, in any case.
    pub fn channel_by_username(&self, username: &str) -> Result<Option<Channel>, Error> {
        self.db.read(|db| {
            let sql = format!("{COLUMNS} WHERE username = ?1");
            Ok(db.prepare_cached(&sql)?.query_row([username], channel_from_row).optional()?)
        })
    }

    /// The channel named by `@name`, a title, a row id or Telegram's id.
    pub fn channel_find(&self, reference: &str) -> Result<Option<Channel>, Error> {
        self.db.read(|db| channel_find(db, reference))
    }
}

fn channel_upsert(
    tx: &Transaction<'_>,
    telegram_id: Option<i64>,
    username: Option<&str>,
    title: &str,
    now: Timestamp,
) -> Result<ChannelId, Error> {
    let by_id = "SELECT id FROM channels WHERE telegram_id = ?1";
    let by_name = "SELECT id FROM channels WHERE username = ?1 AND (telegram_id IS NULL OR ?2 IS NULL OR telegram_id = ?2)";
    let by_title = "SELECT id FROM channels WHERE title = ?1 AND telegram_id IS NULL AND username IS NULL";
    let mut found: Option<i64> = None;
    if telegram_id.is_some() {
        found = tx.prepare_cached(by_id)?.query_row([telegram_id], |row| row.get(0)).optional()?;
    }
    if found.is_none() && username.is_some() {
        found = tx
            .prepare_cached(by_name)?
            .query_row(params![username, telegram_id], |row| row.get(0))
            .optional()?;
    }
    if found.is_none() && telegram_id.is_none() && username.is_none() {
        found = tx.prepare_cached(by_title)?.query_row([title], |row| row.get(0)).optional()?;
    }
    // A username moves: whoever had it before keeps their posts under their own id.
    tx.prepare_cached("UPDATE channels SET username = NULL WHERE username = ?1 AND id IS NOT ?2")?
        .execute(params![username, found])?;
    if let Some(id) = found {
        tx.prepare_cached(
            "UPDATE channels SET telegram_id = coalesce(?2, telegram_id), username = coalesce(?3, username),
                 title = CASE WHEN ?4 = '' THEN title ELSE ?4 END
             WHERE id = ?1",
        )?
        .execute(params![id, telegram_id, username, title])?;
        return Ok(ChannelId(id));
    }
    let title = if title.is_empty() { username.unwrap_or("untitled channel") } else { title };
    tx.prepare_cached(
        "INSERT INTO channels (telegram_id, username, title, created_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![telegram_id, username, title, now.as_millisecond()])?;
    Ok(ChannelId(tx.last_insert_rowid()))
}

fn channel_find(db: &Connection, reference: &str) -> Result<Option<Channel>, Error> {
    let name = reference.trim().trim_start_matches('@');
    let number: Option<i64> = name.parse().ok();
    let sql = format!(
        "{COLUMNS} WHERE username = ?1 OR telegram_id = ?2 OR id = ?2 OR title = ?3
         ORDER BY username = ?1 DESC, telegram_id = ?2 DESC LIMIT 1"
    );
    Ok(db
        .prepare_cached(&sql)?
        .query_row(params![name, number, reference.trim()], channel_from_row)
        .optional()?)
}

fn channel_from_row(row: &Row<'_>) -> rusqlite::Result<Channel> {
    Ok(Channel {
        id: ChannelId(row.get(0)?),
        telegram_id: row.get(1)?,
        username: row.get(2)?,
        title: row.get(3)?,
    })
}
