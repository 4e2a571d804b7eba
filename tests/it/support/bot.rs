//! Talking with the bot: what a person types or presses goes in by the real webhook, what they see is read from the server.

use std::{fmt::Write as _, sync::Arc};

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tga::bot::BotService;

use super::{
    Reply, TestApp,
    app::Builder,
    bot_api::{BotApi, Shown},
    people::BOT_TOKEN,
};

/// Longest time one exchange may take by the test's clock.
const EXCHANGE_MAX: SignedDuration = SignedDuration::from_hours(2);

/// The bot, its server, and what people saw so far.
pub(crate) struct Bot {
    pub(crate) api: BotApi,
    runtime: tokio::runtime::Runtime,
    service: Option<Arc<BotService>>,
    update_id: i64,
    /// Everything said and shown, for a golden file.
    pub(crate) transcript: String,
}

/// Who talks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Talker {
    pub(crate) id: i64,
    pub(crate) language: &'static str,
}

impl Builder {
    /// Gives the appliance this bot.
    pub(crate) fn bot(self, bot: &Bot) -> Self {
        self.set("BOT_TOKEN", BOT_TOKEN).set("TGA__BOT__API_URL", &bot.api.url())
    }
}

impl Bot {
    pub(crate) fn start() -> Self {
        // The crypto provider of every client.
        tga::lifecycle::start("off", tga::config::LogFormat::Text);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { api: BotApi::start(), runtime, service: None, update_id: 100, transcript: String::new() }
    }

    pub(crate) fn attach(&mut self, app: &TestApp) {
        self.api.watch(app.app().clock());
        self.service = BotService::open(app.app());
    }

    /// Lets go of the appliance, which can then be restarted.
    pub(crate) fn detach(&mut self) {
        self.service = None;
    }

    pub(crate) fn service(&self) -> &Arc<BotService> {
        self.service.as_ref().expect("attached before")
    }

    pub(crate) fn setup(&self) -> Result<(), tga::app::Error> {
        self.runtime.block_on(self.service().setup())
    }

    pub(crate) fn poll(&self) -> Result<usize, tga::app::Error> {
        self.runtime.block_on(self.service().poll())
    }

    pub(crate) fn handle_due(&self) -> usize {
        self.runtime.block_on(self.service().handle_due())
    }

    pub(crate) fn tell_due(&self) -> usize {
        self.runtime.block_on(self.service().tell_due()).unwrap()
    }

    pub(crate) fn send_due(&self) -> Option<jiff::Timestamp> {
        self.runtime.block_on(self.service().send_due()).unwrap()
    }

    /// Handles and sends until nothing is left, moving the clock over every pause.
    pub(crate) fn settle(&self, app: &TestApp) {
        let until = app.app().now().checked_add(EXCHANGE_MAX).unwrap();
        loop {
            self.handle_due();
            let next = self.send_due().into_iter().chain(app.app().bot_update_next().unwrap()).min();
            let Some(next) = next else { return };
            let now = app.app().now();
            assert!(now < until, "the bot is not done after {EXCHANGE_MAX:#}");
            if next > now {
                app.advance(next.duration_since(now));
            }
        }
    }

    /// An update as Telegram delivers it.
    #[expect(clippy::unused_self, reason = "it is the bot that is delivered to")]
    pub(crate) fn deliver(&self, app: &TestApp, update: &Value) -> Reply {
        let secret = app.app().bot_webhook_secret().unwrap();
        app.request(Method::POST, "/tg/bot/webhook")
            .header("x-telegram-bot-api-secret-token", secret.expose())
            .json(update)
            .send()
    }

    pub(crate) fn next_id(&mut self) -> i64 {
        self.update_id += 1;
        self.update_id
    }

    /// A text message as an update.
    pub(crate) fn message(&mut self, who: Talker, text: &str) -> Value {
        self.message_with(who, &json!({ "text": text }))
    }

    pub(crate) fn message_with(&mut self, who: Talker, more: &Value) -> Value {
        let id = self.next_id();
        let mut message = json!({
            "message_id": id, "date": 1_795_262_400, "from": who.json(),
            "chat": { "id": who.id, "type": "private", "first_name": "Анна" },
        });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "update_id": id, "message": message })
    }

    /// Somebody says something; what they see then that is new.
    pub(crate) fn say(&mut self, app: &TestApp, who: Talker, text: &str) -> Vec<Shown> {
        let update = self.message(who, text);
        self.exchange(app, who, text, &update)
    }

    /// Somebody forwards a post of a channel.
    pub(crate) fn forward(&mut self, app: &TestApp, who: Talker, chat: &Value) -> Vec<Shown> {
        let origin = json!({ "type": "channel", "date": 1_795_262_000, "message_id": 5, "chat": chat });
        let update = self.message_with(who, &json!({ "text": "post", "forward_origin": origin }));
        self.exchange(app, who, "(forwards a post)", &update)
    }

    /// Somebody presses the button with this label, below the newest message that has one.
    pub(crate) fn press(&mut self, app: &TestApp, who: Talker, label: &str) -> Vec<Shown> {
        let chat = self.api.chat(who.id);
        let found = chat.iter().rev().find_map(|shown| {
            let mut buttons =
                shown.markup["inline_keyboard"].as_array()?.iter().flat_map(|row| row.as_array().unwrap());
            let button = buttons.find(|button| button["text"].as_str().unwrap().contains(label))?;
            Some((shown.id, button["callback_data"].as_str()?.to_owned()))
        });
        let (message, data) = found.unwrap_or_else(|| panic!("no button {label} in {chat:#?}"));
        self.press_data(app, who, message, &data, label)
    }

    /// Somebody's client sends these bytes as a button of this message.
    pub(crate) fn press_data(
        &mut self,
        app: &TestApp,
        who: Talker,
        message: i64,
        data: &str,
        label: &str,
    ) -> Vec<Shown> {
        let id = self.next_id();
        let update = json!({ "update_id": id, "callback_query": {
            "id": id.to_string(), "from": who.json(), "chat_instance": "1", "data": data,
            "message": {
                "message_id": message, "date": 1_795_262_400, "text": "x",
                "chat": { "id": who.id, "type": "private", "first_name": "Анна" },
            },
        }});
        let shown = self.exchange(app, who, &format!("[{label}]"), &update);
        let answered = self.api.calls("answerCallbackQuery");
        let answer = answered.last().expect("every button is answered");
        assert_eq!(answer.params["callback_query_id"], json!(id.to_string()));
        if let Some(words) = answer.params["text"].as_str() {
            writeln!(self.transcript, "(toast) {words}\n").unwrap();
        }
        shown
    }

    fn exchange(&mut self, app: &TestApp, who: Talker, said: &str, update: &Value) -> Vec<Shown> {
        let before = self.api.chat(who.id);
        let reply = self.deliver(app, update);
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        self.settle(app);
        let fresh: Vec<Shown> =
            self.api.chat(who.id).into_iter().filter(|shown| !before.contains(shown)).collect();
        writeln!(self.transcript, "> {said}\n").unwrap();
        for shown in &fresh {
            let edited = if shown.edits > 0 { " (edited)" } else { "" };
            writeln!(self.transcript, "#{}{edited}\n{}", shown.id, shown.html).unwrap();
            for row in shown.markup["inline_keyboard"].as_array().into_iter().flatten() {
                let labels: Vec<String> = row.as_array().unwrap().iter().map(label).collect();
                writeln!(self.transcript, "[ {} ]", labels.join(" | ")).unwrap();
            }
            self.transcript.push('\n');
        }
        fresh
    }
}

fn label(button: &Value) -> String {
    let text = button["text"].as_str().unwrap();
    match button["web_app"]["url"].as_str() {
        Some(url) => format!("{text} → {url}"),
        None => text.to_owned(),
    }
}

impl Talker {
    pub(crate) fn ru(id: i64) -> Self {
        Self { id, language: "ru" }
    }

    pub(crate) fn en(id: i64) -> Self {
        Self { id, language: "en" }
    }

    fn json(self) -> Value {
        json!({
            "id": self.id, "is_bot": false, "first_name": "Анна", "username": format!("reader{}", self.id),
            "language_code": self.language,
        })
    }
}
