//! What each chat is to show: rows the sender makes true, one message after another.
//!
//! A message is named by its slot, so putting it twice shows it once; a newer body replaces one that still waits. A row is due
//! until Telegram has taken its newest body. A crash between Telegram's answer and the row's mark sends that one message again:
//! Telegram offers nothing to tell a copy by.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Control, Error};

/// Whose turn is first within a chat and among chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BotLane {
    /// Somebody waits for it.
    Answer,
    /// Nobody asked: alerts, notices.
    Notice,
}

impl BotLane {
    fn number(self) -> i64 {
        match self {
            BotLane::Answer => 0,
            BotLane::Notice => 1,
        }
    }
}

/// What a message is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBotMessage {
    pub telegram_id: i64,
    /// Names the message within its chat.
    pub slot: String,
    /// A message that is there already and is to be edited, whatever sent it.
    pub message_id: Option<i32>,
    /// Text and keyboard in the bot's own form.
    pub body: String,
    pub lane: BotLane,
}

/// The next message of a chat that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotMessage {
    pub id: i64,
    pub telegram_id: i64,
    /// It is there already: edit it.
    pub message_id: Option<i32>,
    pub body: String,
    pub revision: i64,
    /// How often it failed.
    pub attempt: u32,
}

impl Control {
    /// Says what a message is to show.
    pub fn bot_message_put(&self, message: NewBotMessage, now: Timestamp) -> Result<(), Error> {
        self.0.write(move |tx| message_put(tx, &message, now))
    }

    /// Puts a message only if its slot was never used: a notice is given once. `false` if it was.
    pub fn bot_message_put_once(&self, message: NewBotMessage, now: Timestamp) -> Result<bool, Error> {
        self.0.write(move |tx| {
            let sql = "SELECT 1 FROM bot_messages WHERE telegram_id = ?1 AND slot = ?2
                       UNION ALL SELECT 1 FROM bot_chats WHERE telegram_id = ?1 AND stopped_at IS NOT NULL";
            let known = tx.prepare_cached(sql)?.exists(params![message.telegram_id, message.slot])?;
            if !known {
                message_put(tx, &message, now)?;
            }
            Ok(!known)
        })
    }

    /// The first waiting message of each chat, where it is due, in the order of sending; chats in `resting` are left out.
    pub fn bot_message_due(
        &self,
        resting: &[i64],
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<BotMessage>, Error> {
        let resting = serde_json::to_string(resting).unwrap_or_else(|_| "[]".to_owned());
        self.0.read(|db| {
            let sql = "SELECT id, telegram_id, message_id, body, revision, attempt FROM bot_messages m
                WHERE state = 'due' AND due_at <= ?1
                  AND telegram_id NOT IN (SELECT value FROM json_each(?2))
                  AND id = (SELECT id FROM bot_messages
                            WHERE telegram_id = m.telegram_id AND state = 'due' ORDER BY lane, id LIMIT 1)
                ORDER BY lane, id LIMIT ?3";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![now.as_millisecond(), resting, limit as i64], |row| {
                Ok(BotMessage {
                    id: row.get(0)?,
                    telegram_id: row.get(1)?,
                    message_id: row.get(2)?,
                    body: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
                    revision: row.get(4)?,
                    attempt: row.get(5)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// When the next waiting message is due that is not due yet at `now`.
    pub fn bot_message_next(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        self.0.read(|db| {
            let sql = "SELECT min(due_at) FROM bot_messages WHERE state = 'due' AND due_at > ?1";
            let at: Option<i64> =
                db.prepare_cached(sql)?.query_row([now.as_millisecond()], |row| row.get(0))?;
            Ok(at.and_then(|at| Timestamp::from_millisecond(at).ok()))
        })
    }

    /// Telegram shows this revision. A newer body that came meanwhile stays due.
    pub fn bot_message_shown(
        &self,
        id: i64,
        revision: i64,
        message_id: Option<i32>,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.0.write(move |tx| {
            let sql =
                "UPDATE bot_messages SET message_id = coalesce(?3, message_id), attempt = 0, reason = NULL,
                    state = CASE WHEN revision = ?2 THEN 'shown' ELSE state END,
                    body = CASE WHEN revision = ?2 THEN NULL ELSE body END, updated_at = ?4
                WHERE id = ?1 AND state = 'due'";
            tx.prepare_cached(sql)?.execute(params![id, revision, message_id, now.as_millisecond()])?;
            Ok(())
        })
    }

    /// It failed and is tried again at `due_at`; `None` gives it up.
    pub fn bot_message_failed(
        &self,
        id: i64,
        due_at: Option<Timestamp>,
        reason: String,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.0.write(move |tx| {
            let sql = "UPDATE bot_messages SET attempt = attempt + 1, reason = ?3, updated_at = ?4,
                    due_at = coalesce(?2, due_at), state = CASE WHEN ?2 IS NULL THEN 'dead' ELSE state END
                WHERE id = ?1 AND state = 'due'";
            let due_at = due_at.map(Timestamp::as_millisecond);
            tx.prepare_cached(sql)?.execute(params![id, due_at, reason, now.as_millisecond()])?;
            Ok(())
        })
    }

    /// How many messages are due and how many were given up.
    pub fn bot_message_counts(&self) -> Result<(u64, u64), Error> {
        self.0.read(|db| {
            let sql = "SELECT count(*) FILTER (WHERE state = 'due'), count(*) FILTER (WHERE state = 'dead')
                       FROM bot_messages";
            let (due, dead): (i64, i64) =
                db.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok((due as u64, dead as u64))
        })
    }
}

pub(super) fn message_put(tx: &Transaction<'_>, new: &NewBotMessage, now: Timestamp) -> Result<(), Error> {
    let at = now.as_millisecond();
    // The message may be one of ours under its own slot; then that row is its row.
    let by_message = match new.message_id {
        None => None,
        Some(message_id) => {
            let sql = "SELECT id FROM bot_messages WHERE telegram_id = ?1 AND message_id = ?2";
            tx.prepare_cached(sql)?
                .query_row(params![new.telegram_id, message_id], |row| row.get::<_, i64>(0))
                .optional()?
        }
    };
    if let Some(id) = by_message {
        let sql = "UPDATE bot_messages SET body = ?2, revision = revision + 1, lane = ?3, state = 'due',
                attempt = 0, due_at = ?4, reason = NULL, updated_at = ?4 WHERE id = ?1";
        tx.prepare_cached(sql)?.execute(params![id, new.body, new.lane.number(), at])?;
        return Ok(());
    }
    let sql = "INSERT INTO bot_messages
            (telegram_id, slot, message_id, body, lane, state, due_at, created_at, updated_at)
        VALUES (?1, ?2, ?3, ?4, ?5, 'due', ?6, ?6, ?6)
        ON CONFLICT (telegram_id, slot) DO UPDATE SET body = ?4, revision = revision + 1, state = 'due',
            attempt = 0, due_at = ?6, reason = NULL, updated_at = ?6";
    tx.prepare_cached(sql)?.execute(params![
        new.telegram_id,
        new.slot,
        new.message_id,
        new.body,
        new.lane.number(),
        at
    ])?;
    Ok(())
}
