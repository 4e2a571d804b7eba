//! The sender: makes true what the rows say each chat shows.
//!
//! Takes the next waiting message of each chat, answers before notices, within Telegram's pace; sends it, or edits it where it is
//! there already. Edits that came meanwhile are one edit, because the row holds the newest body only. A failure that may pass is
//! tried again with growing pauses and then given up, visibly; somebody who blocked the bot is written to no more. While Telegram
//! cannot be reached at all, everything waits and nothing is counted as tried. A crash between Telegram's answer and the row's mark
//! shows that one message twice; nothing is lost.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{
    api::{Api, Failure},
    call,
    pace::Pace,
    reply::{Body, Document},
    sleep_until,
};
use crate::{
    app::{App, Error},
    model::Disposition,
    store::BotMessage,
};

/// How often a message is tried.
const ATTEMPTS_MAX: u32 = 8;
/// The pause after the first failure; each further one is twice as long.
const RETRY_PAUSE: SignedDuration = SignedDuration::from_secs(2);
const RETRY_PAUSE_MAX: SignedDuration = SignedDuration::from_mins(5);
/// Largest file a bot may send: 50 MB (core.telegram.org/bots/api#senddocument), and some room for the form around it.
const FILE_BYTES_MAX: usize = 49_000_000;
/// How long nothing is tried after Telegram could not be reached.
pub const UNREACHABLE_PAUSE: SignedDuration = SignedDuration::from_secs(15);
/// A silence Telegram asks for is believed up to this.
const SILENCE_MAX: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug)]
pub(super) struct Outbox {
    app: Arc<App>,
    api: Api,
    pace: Mutex<Pace>,
}

impl Outbox {
    pub(super) fn new(app: Arc<App>, api: Api) -> Self {
        Self { app, api, pace: Mutex::default() }
    }

    /// Sends until stopped.
    pub(super) async fn run(&self, stop: CancellationToken) {
        loop {
            let seen = self.app.bot_messages_wake().seen();
            let next = self.step().await.unwrap_or_else(|error| {
                tracing::error!(%error, "the bot's messages cannot be read");
                self.app.now().checked_add(RETRY_PAUSE).ok()
            });
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.app.bot_messages_wake().changed(seen) => {}
                () = sleep_until(&self.app, next) => {}
            }
        }
    }

    /// Sends what may be sent now. When to look again; `None`: when there is something new.
    pub(super) async fn step(&self) -> Result<Option<Timestamp>, Error> {
        let now = self.app.now();
        let (room, resting) = {
            let mut pace = self.pace();
            (pace.room(now), pace.resting(now))
        };
        // One more than there is room for tells whether something is left.
        let mut due = call(&self.app, move |app| app.bot_message_due(&resting, room + 1)).await?;
        let left = due.len() > room;
        due.truncate(room);
        let wrote = !due.is_empty();
        {
            let mut pace = self.pace();
            for message in &due {
                pace.note(message.telegram_id, now);
            }
        }
        let mut going: FuturesUnordered<_> = due.into_iter().map(|message| self.show(message)).collect();
        while let Some(done) = going.next().await {
            done?;
        }
        if left || wrote {
            return Ok(Some(self.pace().next(now)));
        }
        let resting = !self.pace().resting(now).is_empty();
        let retry = call(&self.app, App::bot_message_next).await?;
        let free = resting.then(|| self.pace().next(now));
        Ok(retry.into_iter().chain(free).min())
    }

    async fn show(&self, message: BotMessage) -> Result<(), Error> {
        let shown = match serde_json::from_str::<Body>(&message.body) {
            Err(error) => Err(Failure::Refused(format!("the message's row cannot be read: {error}"))),
            Ok(body) => match (body.document, message.message_id) {
                (Some(document), _) => self.send_file(message.telegram_id, &body, document).await.map(Some),
                (None, Some(id)) => self.api.edit(message.telegram_id, id, &body).await.map(|()| None),
                (None, None) => self.api.send(message.telegram_id, &body).await.map(Some),
            },
        };
        let outcome = match &shown {
            Ok(_) => "success",
            Err(Failure::Wait(_)) => "wait",
            Err(Failure::Unreachable(_)) => "unreachable",
            Err(Failure::Later(_)) => "retry",
            Err(Failure::Stopped) => "stopped",
            Err(Failure::Over) => "over",
            Err(Failure::Refused(_)) => "refused",
        };
        metrics::counter!("tg_bot_messages_total", "outcome" => outcome).increment(1);
        match shown {
            Ok(id) => call(&self.app, move |app| app.bot_message_shown(&message, id)).await,
            Err(Failure::Over) => call(&self.app, move |app| app.bot_message_shown(&message, None)).await,
            Err(Failure::Wait(wait)) => {
                let wait = SignedDuration::try_from(wait).unwrap_or(SILENCE_MAX).min(SILENCE_MAX);
                tracing::warn!(wait_s = wait.as_secs(), "Telegram asks the bot to wait");
                self.pace().silence(self.app.now().saturating_add(wait).unwrap_or(Timestamp::MAX));
                Ok(())
            }
            Err(Failure::Unreachable(reason)) => {
                tracing::warn!(reason, "the bot's messages wait");
                self.pace()
                    .silence(self.app.now().saturating_add(UNREACHABLE_PAUSE).unwrap_or(Timestamp::MAX));
                Ok(())
            }
            Err(Failure::Stopped) => call(&self.app, move |app| app.bot_chat_stop(message.telegram_id)).await,
            Err(Failure::Later(reason)) => {
                let pause = (message.attempt + 1 < ATTEMPTS_MAX).then(|| pause(message.attempt));
                call(&self.app, move |app| app.bot_message_failed(&message, pause, reason)).await
            }
            Err(Failure::Refused(reason)) => {
                call(&self.app, move |app| app.bot_message_failed(&message, None, reason)).await
            }
        }
    }

    /// Makes the file and sends it.
    async fn send_file(&self, person: i64, body: &Body, document: Document) -> Result<i32, Failure> {
        let Document::Export { tenant } = document;
        let made = call(&self.app, move |app| app.bot_export(person, tenant, FILE_BYTES_MAX)).await;
        match made {
            Ok(Some(file)) => self.api.send_file(person, body, "telegram-assistant.json", file).await,
            // They left that space; the chat is as good as before.
            Ok(None) => Err(Failure::Over),
            Err(error) if error.disposition() == Disposition::Reject => {
                Err(Failure::Refused(error.to_string()))
            }
            Err(error) => Err(Failure::Later(error.to_string())),
        }
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause after a failure.
pub(super) fn pause(attempt: u32) -> SignedDuration {
    RETRY_PAUSE.checked_mul(1 << attempt.min(16)).unwrap_or(RETRY_PAUSE_MAX).min(RETRY_PAUSE_MAX)
}
