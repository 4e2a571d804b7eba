//! The handler of updates: claims what was accepted, asks the flows what to do, settles it.
//!
//! One update of a person at a time, several people side by side. What a flow decides is written together with the update's end, so
//! a crash anywhere repeats the update or finds it done. An error is tried again with growing pauses; after that the person is
//! told, and the update is a dead letter that doctor names. Flows run on blocking threads; a panic in one is an error.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio_util::sync::CancellationToken;

use super::{
    api::Api,
    call,
    flow::{self, Outcome},
    incoming::{Incoming, Said},
    outbox::pause,
    reply::{Place, Reply},
    sleep_until,
};
use crate::{
    app::{App, Error},
    model::Disposition,
    store::{BotChatChange, BotLane, BotSettled, BotUpdate, NewBotMessage},
};

/// People whose updates are handled at once.
const SIDE_BY_SIDE: usize = 16;
/// How often an update is tried.
const ATTEMPTS_MAX: u32 = 5;
/// An answer that takes longer than this is announced.
const WORKING_AFTER: Duration = Duration::from_secs(1);
/// Old rows are forgotten this often.
const PRUNE_EVERY: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

#[derive(Debug)]
pub(super) struct Inbox {
    app: Arc<App>,
    api: Api,
    busy: Mutex<HashSet<i64>>,
}

impl Inbox {
    pub(super) fn new(app: Arc<App>, api: Api) -> Self {
        Self { app, api, busy: Mutex::default() }
    }

    /// Handles until stopped; what is under way is finished.
    pub(super) async fn run(&self, stop: CancellationToken) {
        let mut running = FuturesUnordered::new();
        let mut prune_at = self.app.now();
        loop {
            let seen = self.app.bot_updates_wake().seen();
            if self.app.now() >= prune_at {
                prune_at = self.app.now().saturating_add(PRUNE_EVERY).unwrap_or(prune_at);
                if let Err(error) = call(&self.app, App::bot_prune).await {
                    tracing::warn!(%error, "the bot's old rows cannot be forgotten");
                }
            }
            let claimed = self.claim(SIDE_BY_SIDE - running.len()).await;
            for update in claimed {
                running.push(self.handle(update));
            }
            let next = call(&self.app, App::bot_update_next).await.ok().flatten();
            let next = next.into_iter().chain([prune_at]).min();
            tokio::select! {
                () = stop.cancelled() => break,
                Some(()) = running.next(), if !running.is_empty() => {}
                () = self.app.bot_updates_wake().changed(seen), if running.len() < SIDE_BY_SIDE => {}
                () = sleep_until(&self.app, next), if running.len() < SIDE_BY_SIDE => {}
            }
        }
        while running.next().await.is_some() {}
    }

    /// Handles everything that is due; how many.
    pub(super) async fn drain(&self) -> usize {
        let mut handled = 0;
        loop {
            let claimed = self.claim(SIDE_BY_SIDE).await;
            if claimed.is_empty() {
                return handled;
            }
            handled += claimed.len();
            let mut running: FuturesUnordered<_> =
                claimed.into_iter().map(|update| self.handle(update)).collect();
            while running.next().await.is_some() {}
        }
    }

    async fn claim(&self, limit: usize) -> Vec<BotUpdate> {
        if limit == 0 {
            return Vec::new();
        }
        let busy: Vec<i64> = self.busy().iter().copied().collect();
        let claimed = call(&self.app, move |app| app.bot_update_claim(busy, limit)).await;
        let claimed = claimed.unwrap_or_else(|error| {
            tracing::error!(%error, "the bot's updates cannot be read");
            Vec::new()
        });
        self.busy().extend(claimed.iter().map(|update| update.telegram_id));
        claimed
    }

    async fn handle(&self, update: BotUpdate) {
        let started = std::time::Instant::now();
        let person = update.telegram_id;
        let (update_id, attempt) = (update.update_id, update.attempt);
        let worked = if attempt > ATTEMPTS_MAX {
            // Its last try never came to an end, so it took the process with it; one more would do the same.
            Err(Error::Unavailable("handling it ended the process".to_owned()))
        } else {
            self.work(&update).await
        };
        let outcome = match worked {
            Ok(()) => "success",
            Err(error) => {
                let ended = self.failed(&update, &error).await;
                ended.unwrap_or_else(|error| {
                    // The row is due still; it comes again after the restart at the latest.
                    tracing::error!(%error, update_id, "an update's failure cannot be written");
                    "error"
                })
            }
        };
        metrics::counter!("tg_bot_updates_total", "outcome" => outcome).increment(1);
        let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
        tracing::info!(update_id, attempt, outcome, duration_ms, "bot.update");
        self.busy().remove(&person);
    }

    async fn work(&self, update: &BotUpdate) -> Result<(), Error> {
        let update_id = update.update_id;
        let Some(incoming) = Incoming::read(&update.body, update_id) else {
            return call(&self.app, move |app| app.bot_update_settle(update_id, BotSettled::default())).await;
        };
        let (person, button) = (incoming.person.telegram_id, incoming.button_id());
        let question = matches!(incoming.said, Said::Text(_));
        let answering = call(&self.app, move |app| {
            let outcome = flow::answer(app, &incoming)?;
            let words = outcome.toast.clone();
            app.bot_update_settle(update_id, settled(update_id, incoming.person.telegram_id, outcome))?;
            Ok(words)
        });
        let mut answering = std::pin::pin!(answering);
        let words = tokio::select! {
            done = &mut answering => done?,
            () = tokio::time::sleep(WORKING_AFTER), if question => {
                // The sign that the bot is at work lasts some seconds; the answer comes by itself.
                if let Err(failure) = self.api.typing(person).await {
                    tracing::debug!(?failure, "no sign of work could be shown");
                }
                answering.await?
            }
        };
        if let Some(button) = button
            && let Err(failure) = self.api.answer_callback(&button, words.as_deref()).await
        {
            tracing::debug!(?failure, "a button could not be answered");
        }
        Ok(())
    }

    /// Tries again later, or gives up and says so.
    async fn failed(&self, update: &BotUpdate, error: &Error) -> Result<&'static str, Error> {
        let (update_id, attempt) = (update.update_id, update.attempt);
        let reason = error.to_string();
        tracing::warn!(update_id, attempt, reason, "an update could not be handled");
        let hopeless = matches!(error.disposition(), Disposition::Reject);
        if attempt < ATTEMPTS_MAX && !hopeless {
            let pause = pause(attempt - 1);
            call(&self.app, move |app| app.bot_update_retry(update_id, pause, reason)).await?;
            return Ok("retry");
        }
        let incoming = Incoming::read(&update.body, update_id);
        call(&self.app, move |app| {
            let told = incoming.map(|incoming| {
                let outcome = Outcome::reply(flow::gave_up(app, &incoming));
                settled(update_id, incoming.person.telegram_id, outcome)
            });
            app.bot_update_dead(update_id, reason, told.unwrap_or_default())
        })
        .await?;
        Ok("dead")
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashSet<i64>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a flow decided, as rows. A message's slot is its place in the update's answer, so a repeated update shows nothing twice.
fn settled(update_id: i64, telegram_id: i64, outcome: Outcome) -> BotSettled {
    let mut messages = Vec::new();
    for (at, reply) in outcome.replies.iter().enumerate() {
        messages.extend(rows(update_id, telegram_id, at, reply));
    }
    let chat = outcome.chat.map(|change| BotChatChange { telegram_id, ..change });
    BotSettled { messages, chat }
}

fn rows(update_id: i64, telegram_id: i64, at: usize, reply: &Reply) -> Vec<NewBotMessage> {
    let row = |(part, body)| {
        let message_id = match reply.place {
            Place::Instead(message_id) if part == 0 => Some(message_id),
            Place::Instead(_) | Place::New => None,
        };
        let slot = match message_id {
            Some(message_id) => format!("message:{message_id}"),
            None => format!("update:{update_id}:{at}:{part}"),
        };
        let body = serde_json::to_string(&body).unwrap_or_default();
        NewBotMessage { telegram_id, slot, message_id, body, lane: BotLane::Answer }
    };
    reply.bodies(telegram_id).into_iter().enumerate().map(row).collect()
}
