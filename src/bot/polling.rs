//! Asking Telegram for updates, where it cannot reach us.
//!
//! Updates are kept as Telegram wrote them. The next question confirms what came before it, so it is asked only after those updates are
//! rows: a crash in between brings them again, and the rows know them.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{api::wanted, call};
use crate::app::{App, Error};

/// How long Telegram holds a question without an answer.
const HOLD: Duration = Duration::from_secs(25);
/// How long beyond that the answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Updates asked for at once.
const BATCH: usize = 100;
/// The pause after a failure, and after updates that could not be kept.
const PAUSE: Duration = Duration::from_secs(3);

pub(super) struct Polling {
    client: reqwest::Client,
    /// The first update that is not confirmed yet; 0: whatever Telegram holds.
    offset: i64,
}

/// An answer of the Bot API.
#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    result: Vec<Value>,
    description: Option<String>,
}

impl Polling {
    pub(super) fn new() -> Result<Self, Error> {
        let client = reqwest::Client::builder().timeout(HOLD + ANSWER_MAX).build();
        let client = client.map_err(|_| Error::Unavailable("no HTTP client could be made".to_owned()))?;
        Ok(Self { client, offset: 0 })
    }

    /// Asks once and accepts what came; how many updates.
    pub(super) async fn step(&mut self, app: &Arc<App>, hold: Duration) -> Result<usize, Error> {
        let bot = &app.config().bot;
        let token =
            bot.token.as_ref().ok_or_else(|| Error::Unavailable("the bot has no token".to_owned()))?;
        let base = bot.api_url.as_str().trim_end_matches('/');
        let url = format!("{base}/bot{}/getUpdates", token.expose());
        let question = json!({
            "offset": self.offset, "timeout": hold.as_secs(), "limit": BATCH, "allowed_updates": wanted(),
        });
        let answer = self.client.post(url).json(&question).send().await.map_err(unreachable)?;
        let answer: Answer = answer.json().await.map_err(unreachable)?;
        if !answer.ok {
            let words = answer.description.unwrap_or_default();
            return Err(Error::Unavailable(format!("Telegram gives no updates: {words}")));
        }
        let count = answer.result.len();
        for update in answer.result {
            let id = update.get("update_id").and_then(Value::as_i64);
            let accepted = call(app, move |app| app.bot_update_accept(&update.to_string())).await;
            match accepted {
                // What is no update will be none the next time either.
                Ok(_) | Err(Error::Invalid(_)) => {}
                Err(error) => return Err(error),
            }
            self.offset = self.offset.max(id.map_or(0, |id| id + 1));
        }
        Ok(count)
    }
}

/// Asks until stopped.
pub(super) async fn run(app: &Arc<App>, stop: CancellationToken) {
    let mut polling = match Polling::new() {
        Ok(polling) => polling,
        Err(error) => return tracing::error!(%error, "the bot cannot ask for updates"),
    };
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            asked = polling.step(app, HOLD) => asked,
        };
        if let Err(error) = asked {
            tracing::warn!(%error, "the bot gets no updates");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

/// The cause without the address, which holds the token.
fn unreachable(error: reqwest::Error) -> Error {
    Error::Unavailable(format!("Telegram cannot be asked for updates: {}", error.without_url()))
}
