//! What chats are to show: put by the bot and by whatever has something to say, made true by the bot's sender.

use jiff::{SignedDuration, Timestamp};

use super::super::{App, Error};
use crate::store::{BotMessage, NewBotMessage};

/// What waits and what was given up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct BotCounts {
    pub updates_waiting: u64,
    pub updates_dead: u64,
    pub messages_waiting: u64,
    pub messages_dead: u64,
}

impl App {
    /// Says what a message is to show.
    pub fn bot_message_put(&self, message: NewBotMessage) -> Result<(), Error> {
        self.control.bot_message_put(message, self.now())?;
        self.bot.messages.signal();
        Ok(())
    }

    /// Gives a notice once, whatever happens in between; `false` if it was given before or the person blocked the bot.
    pub fn bot_notice_put(&self, message: NewBotMessage) -> Result<bool, Error> {
        let put = self.control.bot_message_put_once(message, self.now())?;
        if put {
            self.bot.messages.signal();
        }
        Ok(put)
    }

    /// The next message of each chat that is not in `resting`.
    pub fn bot_message_due(&self, resting: &[i64], limit: usize) -> Result<Vec<BotMessage>, Error> {
        Ok(self.control.bot_message_due(resting, limit, self.now())?)
    }

    /// When the next message is due that waits for another try.
    pub fn bot_message_next(&self) -> Result<Option<Timestamp>, Error> {
        Ok(self.control.bot_message_next(self.now())?)
    }

    /// Telegram shows this revision of a message.
    pub fn bot_message_shown(&self, message: &BotMessage, message_id: Option<i32>) -> Result<(), Error> {
        Ok(self.control.bot_message_shown(message.id, message.revision, message_id, self.now())?)
    }

    /// A message failed; it is tried again after `pause`, or given up.
    pub fn bot_message_failed(
        &self,
        message: &BotMessage,
        pause: Option<SignedDuration>,
        reason: String,
    ) -> Result<(), Error> {
        if pause.is_none() {
            self.log_system("error", format!("the bot gave up a message: {reason}"))?;
        }
        let due_at = pause.map(|pause| self.now().saturating_add(pause).unwrap_or(Timestamp::MAX));
        Ok(self.control.bot_message_failed(message.id, due_at, reason, self.now())?)
    }

    /// What waits and what was given up.
    pub fn bot_counts(&self) -> Result<BotCounts, Error> {
        let (messages_waiting, messages_dead) = self.control.bot_message_counts()?;
        let (updates_waiting, updates_dead) = self.control.bot_update_counts()?;
        Ok(BotCounts { updates_waiting, updates_dead, messages_waiting, messages_dead })
    }
}
