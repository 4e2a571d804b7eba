//! The handler of updates: claims what was accepted, asks the flows what to do, settles it.
//!
//! One update of a person at a time, several people side by side. What a flow decides is written together with the update's end, so
//! a crash anywhere repeats the update or finds it done. An error is tried again with growing pauses; after that the person is
//! told, and the update is a dead letter that doctor names. Flows run on blocking threads; a panic in one is an error.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{
    api::{Api, Failure},
    call,
    draft::Draft,
    flow::{self, Hearing, Outcome},
    incoming::{Incoming, Said},
    outbox::pause,
    reply::{Body, Place, Reply},
    sleep_until,
};
use crate::{
    app::{App, Error, voice::AUDIO_BYTES_MAX},
    model::Disposition,
    store::{BotChatChange, BotLane, BotSettled, BotUpdate, NewBotMessage},
};

/// People whose updates are handled at once.
const SIDE_BY_SIDE: usize = 16;
/// How often an update is tried.
const ATTEMPTS_MAX: u32 = 5;
/// An answer that takes longer than this is announced.
const WORKING_AFTER: Duration = Duration::from_secs(1);
/// Updates of one person within a minute; what comes beyond is not handled.
pub const UPDATES_PER_MINUTE_MAX: u32 = 60;
/// How often the words to whoever left are tried, and the pause after the first failure; each further one is twice as long.
const FAREWELL_TRIES: u32 = 5;
const FAREWELL_PAUSE: Duration = Duration::from_secs(2);
/// What Telegram asks to wait is waited up to this.
const FAREWELL_PAUSE_MAX: Duration = Duration::from_mins(1);
/// People whose updates are counted before those of the minute before are forgotten.
const COUNTED_MAX: usize = 10_000;
/// Old rows are forgotten this often.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug)]
pub(super) struct Inbox {
    app: Arc<App>,
    api: Api,
    busy: Mutex<HashSet<i64>>,
    /// How many updates a person sent since that minute began.
    counted: Mutex<HashMap<i64, (Timestamp, u32)>>,
}

/// Whether a person may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Haste {
    Fine,
    /// The first that is too much: they are told once.
    Told,
    Silent,
}

impl Inbox {
    pub(super) fn new(app: Arc<App>, api: Api) -> Self {
        Self { app, api, busy: Mutex::default(), counted: Mutex::default() }
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
        let started = Instant::now();
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
        if update.attempt == 1 && incoming.said != Said::Blocked {
            let haste = self.haste(person);
            if haste != Haste::Fine {
                self.too_fast(update_id, incoming, haste).await?;
                self.release(button, None).await;
                return Ok(());
            }
        }
        let asks = matches!(incoming.said, Said::Text(_) | Said::Command { .. } | Said::Voice { .. });
        let asked = incoming.clone();
        let audio = self.recording(&incoming).await?;
        let answering = call(&self.app, move |app| {
            let draft = Mutex::new(Draft::new(Instant::now()));
            let show = |piece: &str| drafted(app, &incoming, &draft, piece);
            let hearing = Hearing { draft: &show, audio: audio.as_deref() };
            let mut outcome = flow::answer(app, &incoming, &hearing)?;
            let (words, farewell) = (outcome.toast.take(), outcome.farewell.take());
            app.bot_update_settle(update_id, settled(update_id, incoming.person.telegram_id, outcome))?;
            Ok((words, farewell))
        });
        let mut answering = std::pin::pin!(answering);
        let (words, farewell) = tokio::select! {
            done = &mut answering => done?,
            () = tokio::time::sleep(WORKING_AFTER), if asks => {
                self.working(update_id, asked).await;
                answering.await?
            }
        };
        // Whoever has left reads it once, and no row of it stays.
        for body in farewell.into_iter().flat_map(|reply| reply.bodies(person)) {
            self.farewell(person, &body).await;
        }
        self.release(button, words.as_deref()).await;
        Ok(())
    }

    /// Ends the waiting sign of a button.
    async fn release(&self, button: Option<String>, words: Option<&str>) {
        if let Some(button) = button
            && let Err(failure) = self.api.answer_callback(&button, words).await
        {
            tracing::debug!(?failure, "a button could not be answered");
        }
    }

    /// Says the last words, which stand nowhere else: tried a few times here and now.
    async fn farewell(&self, person: i64, body: &Body) {
        for tried in 0..FAREWELL_TRIES {
            let wait = match self.api.send(person, body).await {
                Ok(_) | Err(Failure::Stopped | Failure::Over) => return,
                Err(Failure::Wait(wait)) => wait.min(FAREWELL_PAUSE_MAX),
                Err(Failure::Unreachable(_) | Failure::Later(_)) => FAREWELL_PAUSE * (1 << tried),
                Err(Failure::Refused(reason)) => {
                    tracing::warn!(reason, "whoever left could not be told so");
                    return;
                }
            };
            if tried + 1 < FAREWELL_TRIES {
                tokio::time::sleep(wait).await;
            }
        }
        tracing::warn!("whoever left could not be told so");
    }

    /// What a voice message holds, where it is to be written down.
    async fn recording(&self, incoming: &Incoming) -> Result<Option<Vec<u8>>, Error> {
        let Said::Voice { file, .. } = &incoming.said else { return Ok(None) };
        let asked = incoming.clone();
        if !call(&self.app, move |app| flow::voice_wanted(app, &asked)).await? {
            return Ok(None);
        }
        match self.api.file(file, AUDIO_BYTES_MAX).await {
            Ok(audio) => Ok(Some(audio)),
            Err(Failure::Refused(reason)) => Err(Error::Invalid(reason)),
            Err(failure) => Err(Error::Unavailable(format!("the recording cannot be fetched: {failure:?}"))),
        }
    }

    /// Counts an update of a person.
    fn haste(&self, person: i64) -> Haste {
        let now = self.app.now();
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |began: Timestamp| now.duration_since(began) < SignedDuration::from_mins(1);
        if counted.len() >= COUNTED_MAX {
            counted.retain(|_, (began, _)| fresh(*began));
        }
        let (began, count) = counted.entry(person).or_insert((now, 0));
        if !fresh(*began) {
            (*began, *count) = (now, 0);
        }
        *count += 1;
        match *count {
            ..=UPDATES_PER_MINUTE_MAX => Haste::Fine,
            count if count == UPDATES_PER_MINUTE_MAX + 1 => Haste::Told,
            _ => Haste::Silent,
        }
    }

    /// Ends an update of somebody who sends too many.
    async fn too_fast(&self, update_id: i64, incoming: Incoming, haste: Haste) -> Result<(), Error> {
        call(&self.app, move |app| {
            let outcome = match haste {
                Haste::Told => Outcome::reply(flow::too_fast(app, &incoming)),
                Haste::Fine | Haste::Silent => Outcome::default(),
            };
            app.bot_update_settle(update_id, settled(update_id, incoming.person.telegram_id, outcome))
        })
        .await
    }

    /// Shows that an answer is being worked on, in the place where it will stand.
    async fn working(&self, update_id: i64, incoming: Incoming) {
        let shown = call(&self.app, move |app| {
            let person = incoming.person.telegram_id;
            let first = rows(update_id, person, 0, &flow::working(app, &incoming)).into_iter().next();
            first.map_or(Ok(false), |message| app.bot_notice_put(message))
        });
        if let Err(error) = shown.await {
            tracing::debug!(%error, "no sign of work could be shown");
        }
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
        let button = incoming.as_ref().and_then(Incoming::button_id);
        call(&self.app, move |app| {
            let told = incoming.map(|incoming| {
                let outcome = Outcome::reply(flow::gave_up(app, &incoming));
                settled(update_id, incoming.person.telegram_id, outcome)
            });
            app.bot_update_dead(update_id, reason, told.unwrap_or_default())
        })
        .await?;
        self.release(button, None).await;
        Ok("dead")
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashSet<i64>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows an answer as far as it is written, in the place where it will stand. What cannot be shown now is shown with the rest.
fn drafted(app: &App, incoming: &Incoming, draft: &Mutex<Draft>, piece: &str) {
    let mut draft = draft.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(text) = draft.push(piece, Instant::now()) else { return };
    let person = incoming.person.telegram_id;
    let first = rows(incoming.update_id, person, 0, &flow::draft(text)).into_iter().next();
    if let Some(message) = first
        && let Err(error) = app.bot_message_put(message)
    {
        tracing::debug!(%error, "a draft cannot be shown");
    }
}

/// What a flow decided, as rows. A message's slot is its place in the update's answer, so a repeated update shows nothing twice.
fn settled(update_id: i64, telegram_id: i64, outcome: Outcome) -> BotSettled {
    let mut messages = Vec::new();
    for (at, reply) in outcome.replies.iter().enumerate() {
        messages.extend(rows(update_id, telegram_id, at, reply));
    }
    let chat = outcome.chat.map(|change| BotChatChange { telegram_id, ..change });
    let asked = outcome.asked.and_then(|asked| serde_json::to_string(&asked).ok());
    BotSettled { messages, chat, asked: asked.map(|asked| (telegram_id, asked)) }
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
