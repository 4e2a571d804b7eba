//! What Telegram sent to the bot: accepted before Telegram hears of it, handled once.
//!
//! An update's number is its key, so a copy changes nothing, also after a crash. The effects of handling it (what is to be shown,
//! what the bot waits for) and its mark as done are one transaction.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{
    Control, Error,
    bot_chats::{BotChatChange, chat_change},
    bot_messages::{NewBotMessage, message_put},
};

/// An update that is to be handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotUpdate {
    pub update_id: i64,
    /// Who caused it; 0 where it is nobody in particular.
    pub telegram_id: i64,
    /// As Telegram sent it.
    pub body: String,
    /// Which try this is, from 1.
    pub attempt: u32,
}

/// An update that could not be handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotDead {
    pub update_id: i64,
    pub reason: String,
    pub received_at: Timestamp,
}

/// What handling an update comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BotSettled {
    pub messages: Vec<NewBotMessage>,
    pub chat: Option<BotChatChange>,
    /// Who asked, and what, in the bot's own form: what the buttons below the answer refer to.
    pub asked: Option<(i64, String)>,
}

impl Control {
    /// Keeps an update; `false` if it is here already.
    pub fn bot_update_insert(
        &self,
        update_id: i64,
        telegram_id: i64,
        body: String,
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.0.write(move |tx| {
            let sql = "INSERT INTO bot_updates (update_id, telegram_id, body, state, due_at, received_at)
                       VALUES (?1, ?2, ?3, 'due', ?4, ?4) ON CONFLICT (update_id) DO NOTHING";
            let at = now.as_millisecond();
            Ok(tx.prepare_cached(sql)?.execute(params![update_id, telegram_id, body, at])? > 0)
        })
    }

    /// The oldest due update of each person who is not in `busy`, the oldest first; the try is counted.
    pub fn bot_update_claim(
        &self,
        busy: Vec<i64>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<BotUpdate>, Error> {
        self.0.write(move |tx| {
            let busy = serde_json::to_string(&busy).unwrap_or_else(|_| "[]".to_owned());
            let sql = "UPDATE bot_updates SET attempt = attempt + 1 WHERE update_id IN (
                           SELECT min(update_id) FROM bot_updates
                           WHERE state = 'due' AND due_at <= ?1
                             AND telegram_id NOT IN (SELECT value FROM json_each(?2))
                           GROUP BY telegram_id ORDER BY 1 LIMIT ?3)
                       RETURNING update_id, telegram_id, body, attempt";
            let mut statement = tx.prepare_cached(sql)?;
            let rows = statement.query_map(params![now.as_millisecond(), busy, limit as i64], |row| {
                Ok(BotUpdate {
                    update_id: row.get(0)?,
                    telegram_id: row.get(1)?,
                    body: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                    attempt: row.get(3)?,
                })
            })?;
            let mut claimed: Vec<BotUpdate> = rows.collect::<rusqlite::Result<_>>()?;
            claimed.sort_by_key(|update| update.update_id);
            Ok(claimed)
        })
    }

    /// The update is handled: its effects and its mark, at once. `false`, and no effects, if it was over already.
    pub fn bot_update_settle(
        &self,
        update_id: i64,
        settled: BotSettled,
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.0.write(move |tx| {
            let sql = "UPDATE bot_updates SET state = 'done', body = NULL, reason = NULL
                       WHERE update_id = ?1 AND state = 'due'";
            if tx.prepare_cached(sql)?.execute([update_id])? == 0 {
                return Ok(false);
            }
            effects(tx, update_id, &settled, now)?;
            Ok(true)
        })
    }

    /// The update is tried again later.
    pub fn bot_update_retry(&self, update_id: i64, due_at: Timestamp, reason: String) -> Result<(), Error> {
        self.0.write(move |tx| {
            let sql =
                "UPDATE bot_updates SET due_at = ?2, reason = ?3 WHERE update_id = ?1 AND state = 'due'";
            tx.prepare_cached(sql)?.execute(params![update_id, due_at.as_millisecond(), reason])?;
            Ok(())
        })
    }

    /// The update is given up; what the person is told about it goes with it. It keeps its body for whoever looks.
    pub fn bot_update_dead(
        &self,
        update_id: i64,
        reason: String,
        settled: BotSettled,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.0.write(move |tx| {
            let sql =
                "UPDATE bot_updates SET state = 'dead', reason = ?2 WHERE update_id = ?1 AND state = 'due'";
            if tx.prepare_cached(sql)?.execute(params![update_id, reason])? > 0 {
                effects(tx, update_id, &settled, now)?;
            }
            Ok(())
        })
    }

    /// What a person asked with an update, as long as it is kept.
    pub fn bot_asked_find(&self, telegram_id: i64, update_id: i64) -> Result<Option<String>, Error> {
        self.0.read(|db| {
            let sql = "SELECT asked FROM bot_asked WHERE update_id = ?1 AND telegram_id = ?2";
            Ok(db
                .prepare_cached(sql)?
                .query_row(params![update_id, telegram_id], |row| row.get(0))
                .optional()?)
        })
    }

    /// How many updates are due, also those that wait for their next try, and how many were given up.
    pub fn bot_update_counts(&self) -> Result<(u64, u64), Error> {
        self.0.read(|db| {
            let sql = "SELECT count(*) FILTER (WHERE state = 'due'), count(*) FILTER (WHERE state = 'dead')
                       FROM bot_updates";
            let (due, dead): (i64, i64) =
                db.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok((due as u64, dead as u64))
        })
    }

    /// When the next update is due that is not due yet at `now`.
    pub fn bot_update_next(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        self.0.read(|db| {
            let sql = "SELECT min(due_at) FROM bot_updates WHERE state = 'due' AND due_at > ?1";
            let at: Option<i64> =
                db.prepare_cached(sql)?.query_row([now.as_millisecond()], |row| row.get(0))?;
            Ok(at.and_then(|at| Timestamp::from_millisecond(at).ok()))
        })
    }

    /// The newest updates that were given up.
    pub fn bot_update_dead_list(&self, limit: usize) -> Result<Vec<BotDead>, Error> {
        self.0.read(|db| {
            let sql = "SELECT update_id, coalesce(reason, ''), received_at FROM bot_updates
                       WHERE state = 'dead' ORDER BY update_id DESC LIMIT ?1";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([limit as i64], |row| {
                Ok(BotDead {
                    update_id: row.get(0)?,
                    reason: row.get(1)?,
                    received_at: super::control::timestamp(row, 2)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Forgets what was handled before `done_before`, and what was given up or asked before `dead_before`; how many rows.
    pub fn bot_prune(&self, done_before: Timestamp, dead_before: Timestamp) -> Result<usize, Error> {
        self.0.write(move |tx| {
            tx.execute("DELETE FROM bot_asked WHERE created_at < ?1", [dead_before.as_millisecond()])?;
            let (done, dead) = (done_before.as_millisecond(), dead_before.as_millisecond());
            let sql = "DELETE FROM bot_updates WHERE received_at < ?1 AND state = 'done'
                       OR received_at < ?2 AND state = 'dead'";
            let updates = tx.execute(sql, params![done, dead])?;
            let sql = "DELETE FROM bot_messages WHERE updated_at < ?1 AND state IN ('shown', 'dropped')
                       OR updated_at < ?2 AND state = 'dead'";
            Ok(updates + tx.execute(sql, params![done, dead])?)
        })
    }
}

fn effects(tx: &Transaction<'_>, update_id: i64, settled: &BotSettled, now: Timestamp) -> Result<(), Error> {
    for message in &settled.messages {
        message_put(tx, message, now)?;
    }
    if let Some(change) = &settled.chat {
        chat_change(tx, change, now)?;
    }
    if let Some((telegram_id, asked)) = &settled.asked {
        let sql = "INSERT OR REPLACE INTO bot_asked (update_id, telegram_id, asked, created_at) VALUES (?1, ?2, ?3, ?4)";
        tx.prepare_cached(sql)?.execute(params![update_id, telegram_id, asked, now.as_millisecond()])?;
    }
    Ok(())
}
