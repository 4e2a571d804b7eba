//! Updates: accepted, claimed, settled.

use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::{App, Error, ErrorCode};
use crate::{
    fail::{FailPoint, fail_point},
    store::{BotDead, BotSettled, BotUpdate},
};

/// Updates that may wait; beyond that Telegram is asked to send again later.
pub const UPDATES_WAITING_MAX: usize = 5_000;
/// Longest update, bytes; Telegram's own are far shorter.
pub const UPDATE_BYTES_MAX: usize = 256 * 1024;
/// Telegram repeats an update for a day at most; numbers are remembered twice as long.
const HANDLED_KEPT: SignedDuration = SignedDuration::from_hours(48);
/// What was given up can be looked at for so long.
const DEAD_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

impl App {
    /// Keeps an update as Telegram sent it; durable when it returns. `false`: it is known already.
    pub fn bot_update_accept(&self, body: &str) -> Result<bool, Error> {
        if body.len() > UPDATE_BYTES_MAX {
            return Err(Error::Invalid(format!("the update is longer than {UPDATE_BYTES_MAX} bytes")));
        }
        let (update_id, person) = peek(body)?;
        if self.bot.waiting.load(Ordering::Relaxed) >= UPDATES_WAITING_MAX {
            let message = format!("{UPDATES_WAITING_MAX} updates wait already; send it again later");
            return Err(Error::refused(ErrorCode::QueueFull, message));
        }
        let is_new = self.control.bot_update_insert(update_id, person, body.to_owned(), self.now())?;
        if is_new {
            self.bot.waiting.fetch_add(1, Ordering::Relaxed);
            self.bot.updates.signal();
        }
        Ok(is_new)
    }

    /// The next updates to handle, one a person; `busy` are those whose update is being handled.
    pub fn bot_update_claim(&self, busy: Vec<i64>, limit: usize) -> Result<Vec<BotUpdate>, Error> {
        let claimed = self.control.bot_update_claim(busy, limit, self.now())?;
        if !claimed.is_empty() {
            fail_point(FailPoint::AfterBotClaim);
        }
        Ok(claimed)
    }

    /// An update is handled: its effects become durable together with its end.
    pub fn bot_update_settle(&self, update_id: i64, settled: BotSettled) -> Result<(), Error> {
        fail_point(FailPoint::BeforeBotSettle);
        let shows = !settled.messages.is_empty();
        if self.control.bot_update_settle(update_id, settled, self.now())? {
            self.bot_update_over();
        }
        if shows {
            self.bot.messages.signal();
        }
        Ok(())
    }

    /// An update is handled again after `pause`.
    pub fn bot_update_retry(
        &self,
        update_id: i64,
        pause: SignedDuration,
        reason: String,
    ) -> Result<(), Error> {
        let due_at = self.now().saturating_add(pause).unwrap_or(Timestamp::MAX);
        Ok(self.control.bot_update_retry(update_id, due_at, reason)?)
    }

    /// An update is given up. Doctor and `/health/bot` show it.
    pub fn bot_update_dead(&self, update_id: i64, reason: String, settled: BotSettled) -> Result<(), Error> {
        self.log_system("error", format!("the bot gave up update {update_id}: {reason}"))?;
        self.control.bot_update_dead(update_id, reason, settled, self.now())?;
        self.bot_update_over();
        self.bot.messages.signal();
        Ok(())
    }

    /// What a person asked with an update: what the buttons below its answer mean.
    pub fn bot_asked(&self, telegram_id: i64, update_id: i64) -> Result<Option<String>, Error> {
        Ok(self.control.bot_asked_find(telegram_id, update_id)?)
    }

    /// When the next update is due that waits for another try.
    pub fn bot_update_next(&self) -> Result<Option<Timestamp>, Error> {
        Ok(self.control.bot_update_next(self.now())?)
    }

    /// The newest updates that were given up.
    pub fn bot_dead_list(&self, limit: usize) -> Result<Vec<BotDead>, Error> {
        Ok(self.control.bot_update_dead_list(limit)?)
    }

    /// Forgets what is old enough, and counts anew what waits. Call it at start and once an hour.
    pub fn bot_prune(&self) -> Result<usize, Error> {
        let before = |age| self.now().checked_sub(age).unwrap_or(Timestamp::MIN);
        let pruned = self.control.bot_prune(before(HANDLED_KEPT), before(DEAD_KEPT))?;
        let (waiting, _) = self.control.bot_update_counts()?;
        self.bot.waiting.store(waiting as usize, Ordering::Relaxed);
        Ok(pruned)
    }

    fn bot_update_over(&self) {
        let less = |waiting: usize| Some(waiting.saturating_sub(1));
        let _ = self.bot.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// The update's number and who caused it, whatever kind it is of.
fn peek(body: &str) -> Result<(i64, i64), Error> {
    let broken = || Error::Invalid("this is no update of the Bot API".to_owned());
    let value: Value = serde_json::from_str(body).map_err(|_| broken())?;
    let fields = value.as_object().ok_or_else(broken)?;
    let update_id = fields.get("update_id").and_then(Value::as_i64).ok_or_else(broken)?;
    let person = fields.values().filter(|field| field.is_object()).find_map(|field| {
        ["/from/id", "/user/id", "/chat/id"].iter().find_map(|path| field.pointer(path)?.as_i64())
    });
    Ok((update_id, person.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::peek;

    #[test]
    fn number_and_person_are_found_in_every_kind_of_update() {
        let message = r#"{"update_id":5,"message":{"from":{"id":7},"chat":{"id":8}}}"#;
        assert_eq!(peek(message).unwrap(), (5, 7));
        let member = r#"{"update_id":6,"my_chat_member":{"chat":{"id":8},"from":{"id":9}}}"#;
        assert_eq!(peek(member).unwrap(), (6, 9));
        assert_eq!(peek(r#"{"update_id":6,"poll":{"id":"1"}}"#).unwrap(), (6, 0));
        for broken in ["", "7", "{}", r#"{"update_id":"x"}"#, "[1]"] {
            assert!(peek(broken).is_err(), "{broken}");
        }
    }
}
