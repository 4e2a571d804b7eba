//! The bot: a face in Telegram. Calls `app` only; the Bot API's types stay here.
//!
//! ```text
//! webhook (http) or polling ─► bot_updates row ─► inbox ─► flow: Incoming -> Outcome ─► rows: messages, dialogue, end of the update
//!                                                                                       └► outbox: sends or edits, within the pace
//! ```
//!
//! A flow is a plain function: it reads, calls `app` and says what to show. Everything that must survive is a row of control.db, so
//! this module holds no state worth keeping but the pace. Telegram's word on who writes is taken: the Bot API authenticates.

mod alerts;
mod api;
mod callback;
mod draft;
mod flow;
mod inbox;
mod incoming;
mod markdown;
mod notices;
mod outbox;
mod pace;
mod polling;
mod reply;
mod rich;
mod setup;

use std::{sync::Arc, time::Duration};

pub use inbox::UPDATES_PER_MINUTE_MAX;
use jiff::Timestamp;
pub use markdown::markdown;
pub use outbox::UNREACHABLE_PAUSE;
pub use pace::{CHAT_PAUSE, PER_SECOND_MAX};
pub use rich::{MESSAGE_UNITS_MAX, Rich};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, Error},
    lifecycle::Tasks,
};

/// The running bot.
#[derive(Debug)]
pub struct BotService {
    app: Arc<App>,
    api: api::Api,
    inbox: inbox::Inbox,
    outbox: outbox::Outbox,
}

impl BotService {
    /// The bot of this installation; `None` without a token.
    pub fn open(app: &Arc<App>) -> Option<Arc<Self>> {
        let bot = &app.config().bot;
        let api = api::Api::new(bot.token.as_ref()?.expose(), &bot.api_url);
        Some(Arc::new(Self {
            app: Arc::clone(app),
            inbox: inbox::Inbox::new(Arc::clone(app), api.clone()),
            outbox: outbox::Outbox::new(Arc::clone(app), api.clone()),
            api,
        }))
    }

    /// Starts handling, sending, telling notices and, without a webhook, asking for updates; all end with `stop`.
    pub fn start(self: &Arc<Self>, tasks: &Tasks, stop: &CancellationToken) {
        let (bot, until) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move { bot.inbox.run(until).await });
        let (bot, until) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move { bot.outbox.run(until).await });
        let (bot, until) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move { notices::run(&bot.app, until).await });
        let (bot, until) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = until.cancelled() => return,
                () = setup::until_done(&bot.app, &bot.api) => {}
            }
            if bot.app.config().bot.public_url.is_none() {
                polling::run(&bot.app, until).await;
            }
        });
    }

    /// Tells Telegram where updates go and what the menu holds, where it does not know that yet.
    pub async fn setup(&self) -> Result<(), Error> {
        setup::setup(&self.app, &self.api).await
    }

    /// Asks for updates once and accepts them; how many came.
    pub async fn poll(&self) -> Result<usize, Error> {
        polling::Polling::new()?.step(&self.app, Duration::ZERO).await
    }

    /// Handles every update that is due; how many.
    pub async fn handle_due(&self) -> usize {
        self.inbox.drain().await
    }

    /// Puts the notices and the finds of alerts that are due as messages; how many.
    pub async fn tell_due(&self) -> Result<usize, Error> {
        call(&self.app, |app| Ok(notices::tell(app)? + alerts::tell(app)?)).await
    }

    /// Sends what may be sent now. When to look again; `None`: when there is something new.
    pub async fn send_due(&self) -> Result<Option<Timestamp>, Error> {
        self.outbox.step().await
    }
}

/// Gives a person a notice, once for each `slot`; `false` if they have it already or blocked the bot. Longer than one message is cut.
pub fn notice_give(app: &App, telegram_id: i64, slot: &str, text: Rich) -> Result<bool, Error> {
    notices::put(app, telegram_id, slot.to_owned(), &reply::Reply::new(text))
}

/// Runs an application call where it may block. What it begins is finished even if nobody waits for it any more.
async fn call<T: Send + 'static>(
    app: &Arc<App>,
    body: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let app = Arc::clone(app);
    let span = tracing::Span::current();
    let done = tokio::task::spawn_blocking(move || span.in_scope(|| body(&app))).await;
    done.map_err(|_| Error::Unavailable("the bot's work panicked".to_owned()))?
}

/// Until the appliance's clock says so; for ever without a time.
async fn sleep_until(app: &App, at: Option<Timestamp>) {
    /// However far away, the clock is looked at again after this: it may be set.
    const LOOK_EVERY: Duration = Duration::from_mins(1);
    let Some(at) = at else { return std::future::pending().await };
    let left = Duration::try_from(at.duration_since(app.now())).unwrap_or_default();
    tokio::time::sleep(left.min(LOOK_EVERY)).await;
}
