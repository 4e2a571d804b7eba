//! What the bot knows of a person: the language and tenant they chose, what it waits for, whether they blocked it.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{Control, Error, control::timestamp_maybe};
use crate::model::TenantId;

/// A person's chat with the bot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BotChat {
    /// The language they chose, as a code.
    pub language: Option<String>,
    /// The tenant they chose.
    pub tenant_id: Option<TenantId>,
    /// What the bot waits for, in the bot's own words.
    pub dialogue: Option<String>,
    /// They blocked the bot.
    pub stopped_at: Option<Timestamp>,
}

/// What changes of a chat; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BotChatChange {
    pub telegram_id: i64,
    pub language: Option<String>,
    pub tenant_id: Option<TenantId>,
    /// `Some(None)`: the bot waits for nothing any more.
    pub dialogue: Option<Option<String>>,
}

impl Control {
    /// A person's chat; one that was never seen is empty.
    pub fn bot_chat_get(&self, telegram_id: i64) -> Result<BotChat, Error> {
        self.0.read(|db| {
            let sql =
                "SELECT language, tenant_id, dialogue, stopped_at FROM bot_chats WHERE telegram_id = ?1";
            let found = db.prepare_cached(sql)?.query_row([telegram_id], |row| {
                let tenant: Option<String> = row.get(1)?;
                Ok(BotChat {
                    language: row.get(0)?,
                    tenant_id: tenant.and_then(|id| id.parse().ok()),
                    dialogue: row.get(2)?,
                    stopped_at: timestamp_maybe(row, 3)?,
                })
            });
            Ok(found.optional()?.unwrap_or_default())
        })
    }

    pub fn bot_chat_change(&self, change: BotChatChange, now: Timestamp) -> Result<(), Error> {
        self.0.write(move |tx| chat_change(tx, &change, now))
    }

    /// The person blocked the bot: what still waits for them is dropped.
    pub fn bot_chat_stop(&self, telegram_id: i64, now: Timestamp) -> Result<(), Error> {
        self.0.write(move |tx| {
            let at = now.as_millisecond();
            tx.execute(
                "INSERT INTO bot_chats (telegram_id, stopped_at, updated_at) VALUES (?1, ?2, ?2)
                 ON CONFLICT (telegram_id) DO UPDATE SET stopped_at = ?2, updated_at = ?2",
                params![telegram_id, at],
            )?;
            tx.execute(
                "UPDATE bot_messages SET state = 'dropped', body = NULL, reason = 'stopped', updated_at = ?2
                 WHERE telegram_id = ?1 AND state = 'due'",
                params![telegram_id, at],
            )?;
            Ok(())
        })
    }

    /// They wrote again, so they can be written to.
    pub fn bot_chat_resume(&self, telegram_id: i64, now: Timestamp) -> Result<(), Error> {
        self.0.write(move |tx| {
            let sql = "UPDATE bot_chats SET stopped_at = NULL, updated_at = ?2 WHERE telegram_id = ?1";
            tx.execute(sql, params![telegram_id, now.as_millisecond()])?;
            Ok(())
        })
    }
}

pub(super) fn chat_change(tx: &Transaction<'_>, change: &BotChatChange, now: Timestamp) -> Result<(), Error> {
    let (dialogue_changes, dialogue) = match &change.dialogue {
        None => (false, None),
        Some(dialogue) => (true, dialogue.as_deref()),
    };
    let sql = "INSERT INTO bot_chats (telegram_id, language, tenant_id, dialogue, updated_at)
               VALUES (?1, ?2, ?3, ?4, ?6)
               ON CONFLICT (telegram_id) DO UPDATE SET
                   language = coalesce(?2, language), tenant_id = coalesce(?3, tenant_id),
                   dialogue = CASE WHEN ?5 THEN ?4 ELSE dialogue END, updated_at = ?6";
    tx.prepare_cached(sql)?.execute(params![
        change.telegram_id,
        change.language,
        change.tenant_id.map(|id| id.to_string()),
        dialogue,
        dialogue_changes,
        now.as_millisecond(),
    ])?;
    Ok(())
}
