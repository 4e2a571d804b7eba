//! A Bot API server for one bot: speaks its wire protocol over HTTP, keeps the chats, refuses what Telegram refuses.
//!
//! Takes JSON, multipart and form bodies, methods in any case. Faults are set by a method's name and used up one a call. Every call
//! is kept with the time of the test's clock; a question for updates waits as it asks. Works on a thread of its own until it is dropped.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tga::clock::Clock;

use super::{
    people::BOT_TOKEN,
    telegram_html::{units, visible},
};

/// What every file holds.
pub(crate) const VOICE: &[u8] = b"OggS a voice";

/// What a method answers instead, once.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// A refusal with this code and description.
    Refuse(u16, &'static str),
    /// Too many requests: wait so many seconds.
    Flood(u32),
    /// The call is noted, nothing is done, and no answer ever comes.
    Silence,
}

/// A call as it came.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// In lower case.
    pub(crate) method: String,
    pub(crate) params: Value,
    pub(crate) at: Option<Timestamp>,
    /// Whether it was refused.
    pub(crate) refused: bool,
}

/// A message as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    pub(crate) id: i64,
    pub(crate) html: String,
    pub(crate) markup: Value,
    /// How often it was edited.
    pub(crate) edits: u32,
}

#[derive(Default)]
struct World {
    calls: Vec<Call>,
    faults: HashMap<String, VecDeque<Fault>>,
    blocked: HashSet<i64>,
    chats: BTreeMap<i64, BTreeMap<i64, Shown>>,
    messages: i64,
    webhook: Option<(String, String)>,
    commands: BTreeMap<String, Value>,
    updates: VecDeque<Value>,
    clock: Option<Arc<dyn Clock>>,
}

/// The server.
pub(crate) struct BotApi {
    address: SocketAddr,
    world: Arc<Mutex<World>>,
    _runtime: tokio::runtime::Runtime,
}

impl BotApi {
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let world = Arc::new(Mutex::new(World::default()));
        let router = Router::new()
            .route("/{bot}/{method}", post(handle).get(handle))
            .route("/file/{bot}/{*path}", get(|| async { VOICE }))
            .with_state(Arc::clone(&world));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, world, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Notes calls by this clock.
    pub(crate) fn watch(&self, clock: &Arc<dyn Clock>) {
        self.world().clock = Some(Arc::clone(clock));
    }

    /// The next calls of this method meet these faults.
    pub(crate) fn fail(&self, method: &str, faults: impl IntoIterator<Item = Fault>) {
        self.world().faults.entry(method.to_lowercase()).or_default().extend(faults);
    }

    /// The person blocks the bot, or lets it write again.
    pub(crate) fn block(&self, chat: i64, blocked: bool) {
        let mut world = self.world();
        if blocked {
            world.blocked.insert(chat);
        } else {
            world.blocked.remove(&chat);
        }
    }

    /// An update waits to be asked for.
    pub(crate) fn queue_update(&self, update: Value) {
        self.world().updates.push_back(update);
    }

    pub(crate) fn calls(&self, method: &str) -> Vec<Call> {
        let method = method.to_lowercase();
        self.world().calls.iter().filter(|call| call.method == method).cloned().collect()
    }

    /// What a chat shows, oldest first.
    pub(crate) fn chat(&self, chat: i64) -> Vec<Shown> {
        let world = self.world();
        world.chats.get(&chat).map(|messages| messages.values().cloned().collect()).unwrap_or_default()
    }

    pub(crate) fn webhook(&self) -> Option<(String, String)> {
        self.world().webhook.clone()
    }

    /// The menu of a language; the empty one is everybody else's.
    pub(crate) fn commands(&self, language: &str) -> Value {
        self.world().commands.get(language).cloned().unwrap_or_default()
    }

    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

async fn handle(
    State(world): State<Arc<Mutex<World>>>,
    Path((bot, method)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if bot != format!("bot{BOT_TOKEN}") {
        return refuse(401, "Unauthorized", json!(null));
    }
    let method = method.to_lowercase();
    let params = read(&headers, &body);
    if method == "getupdates" {
        held(&world, &params).await;
    }
    match answered(&world, method, params) {
        Some(response) => response,
        None => std::future::pending().await,
    }
}

/// A question for updates waits as long as it says, or until there is one.
async fn held(world: &Mutex<World>, params: &Value) {
    let until = Instant::now() + Duration::from_secs(params["timeout"].as_u64().unwrap_or_default());
    while Instant::now() < until && world.lock().unwrap().is_idle(params) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The answer to a call; `None`: there is none.
fn answered(world: &Mutex<World>, method: String, params: Value) -> Option<Response> {
    let mut world = world.lock().unwrap();
    let at = world.clock.as_ref().map(|clock| clock.now());
    let answer = match world.faults.get_mut(&method).and_then(VecDeque::pop_front) {
        Some(Fault::Refuse(code, words)) => Err((code, words.to_owned(), json!(null))),
        Some(Fault::Flood(seconds)) => {
            Err((429, format!("Too Many Requests: retry after {seconds}"), json!({ "retry_after": seconds })))
        }
        Some(Fault::Silence) => {
            world.calls.push(Call { method, params, at, refused: true });
            return None;
        }
        None => world.answer(&method, &params).map_err(|(code, words)| (code, words, json!(null))),
    };
    world.calls.push(Call { method, params, at, refused: answer.is_err() });
    Some(match answer {
        Ok(result) => axum::Json(json!({ "ok": true, "result": result })).into_response(),
        Err((code, words, parameters)) => refuse(code, &words, parameters),
    })
}

fn refuse(code: u16, words: &str, parameters: Value) -> Response {
    let mut answer = json!({ "ok": false, "error_code": code, "description": words });
    if !parameters.is_null() {
        answer["parameters"] = parameters;
    }
    (StatusCode::from_u16(code).unwrap(), axum::Json(answer)).into_response()
}

/// The parameters, whichever way they were sent. Values of forms that are JSON are read as such.
fn read(headers: &HeaderMap, body: &Bytes) -> Value {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") {
        return serde_json::from_slice(body).unwrap_or_default();
    }
    let mut fields = Map::new();
    let mut put = |name: &str, value: &str| {
        let read = serde_json::from_str(value).ok().filter(|read: &Value| !read.is_string());
        fields.insert(name.to_owned(), read.unwrap_or_else(|| json!(value)));
    };
    if let Some((_, boundary)) = kind.split_once("boundary=") {
        let text = String::from_utf8_lossy(body).into_owned();
        for part in text.split(&format!("--{}", boundary.trim_matches('"'))) {
            let Some((head, value)) = part.split_once("\r\n\r\n") else { continue };
            let name = head.split("name=\"").nth(1).and_then(|rest| rest.split('"').next());
            put(name.unwrap_or_default(), value.trim_end_matches("\r\n"));
        }
    } else {
        for (name, value) in url::form_urlencoded::parse(body) {
            put(&name, &value);
        }
    }
    Value::Object(fields)
}

type Answer = Result<Value, (u16, String)>;

fn bad(words: &str) -> (u16, String) {
    (400, format!("Bad Request: {words}"))
}

impl World {
    fn answer(&mut self, method: &str, params: &Value) -> Answer {
        match method {
            "getme" => Ok(json!({
                "id": 424_242, "is_bot": true, "first_name": "Assistant", "username": "assistant_bot",
                "can_join_groups": false, "can_read_all_group_messages": false, "supports_inline_queries": false,
                "can_connect_to_business": false, "has_main_web_app": false,
            })),
            "getwebhookinfo" => {
                let url = self.webhook.as_ref().map_or("", |(url, _)| url);
                Ok(json!({ "url": url, "has_custom_certificate": false, "pending_update_count": 0 }))
            }
            "setwebhook" => {
                let url = text(params, "url");
                if !url.starts_with("https://") {
                    return Err(bad("bad webhook: an HTTPS URL must be provided for webhook"));
                }
                self.webhook = Some((url.to_owned(), text(params, "secret_token").to_owned()));
                Ok(json!(true))
            }
            "deletewebhook" => {
                self.webhook = None;
                Ok(json!(true))
            }
            "setmycommands" => {
                self.commands.insert(text(params, "language_code").to_owned(), params["commands"].clone());
                Ok(json!(true))
            }
            "getupdates" => self.updates(params),
            "sendmessage" => self.send(params),
            "getfile" => Ok(json!({
                "file_id": params["file_id"], "file_unique_id": "u", "file_size": VOICE.len(), "file_path": "voice/1.oga",
            })),
            "senddocument" => self.send_document(params),
            "editmessagetext" => self.edit(params),
            "answercallbackquery" | "sendchataction" => Ok(json!(true)),
            _ => Err((404, "Not Found".to_owned())),
        }
    }

    fn is_idle(&self, params: &Value) -> bool {
        let offset = params["offset"].as_i64().unwrap_or_default();
        let is_new = |update: &Value| update["update_id"].as_i64().unwrap() >= offset;
        self.webhook.is_none() && !self.faults.contains_key("getupdates") && !self.updates.iter().any(is_new)
    }

    fn updates(&mut self, params: &Value) -> Answer {
        if self.webhook.is_some() {
            let words = "Conflict: can't use getUpdates method while webhook is active";
            return Err((409, words.to_owned()));
        }
        let offset = params["offset"].as_i64().unwrap_or_default();
        self.updates.retain(|update| update["update_id"].as_i64().unwrap() >= offset);
        let limit = params["limit"].as_u64().unwrap_or(100) as usize;
        Ok(self.updates.iter().take(limit).cloned().collect())
    }

    fn send(&mut self, params: &Value) -> Answer {
        let chat = self.writable(params)?;
        check_text(params)?;
        self.messages += 1;
        let id = self.messages;
        let shown = Shown { id, html: text(params, "text").to_owned(), markup: markup(params)?, edits: 0 };
        let answer = as_message(chat, &shown);
        self.chats.entry(chat).or_default().insert(id, shown);
        Ok(answer)
    }

    /// A file is shown as its caption and kept as it came.
    fn send_document(&mut self, params: &Value) -> Answer {
        let chat = self.writable(params)?;
        let html = text(params, "caption").to_owned();
        let caption = visible(&html).map_err(|error| bad(&format!("can't parse entities: {error}")))?;
        if params["parse_mode"] != "HTML" || units(&caption) > 1024 {
            return Err(bad("message caption is too long"));
        }
        self.messages += 1;
        let id = self.messages;
        let shown = Shown { id, html, markup: markup(params)?, edits: 0 };
        let mut answer = as_message(chat, &shown);
        answer.as_object_mut().unwrap().remove("text");
        answer["caption"] = json!(caption);
        answer["document"] = json!({ "file_id": "f", "file_unique_id": "u", "file_size": 1 });
        self.chats.entry(chat).or_default().insert(id, shown);
        Ok(answer)
    }

    fn edit(&mut self, params: &Value) -> Answer {
        let chat = self.writable(params)?;
        check_text(params)?;
        let id = params["message_id"].as_i64().unwrap_or_default();
        let (html, markup) = (text(params, "text").to_owned(), markup(params)?);
        let shown = self.chats.entry(chat).or_default().get_mut(&id);
        let shown = shown.ok_or_else(|| bad("message to edit not found"))?;
        if shown.html == html && shown.markup == markup {
            return Err(bad(
                "message is not modified: specified new message content and reply markup are exactly the same as a \
                 current content and reply markup of the message",
            ));
        }
        *shown = Shown { id, html, markup, edits: shown.edits + 1 };
        Ok(as_message(chat, shown))
    }

    fn writable(&self, params: &Value) -> Result<i64, (u16, String)> {
        let chat = params["chat_id"].as_i64().ok_or_else(|| bad("chat not found"))?;
        if self.blocked.contains(&chat) {
            return Err((403, "Forbidden: bot was blocked by the user".to_owned()));
        }
        Ok(chat)
    }
}

fn text<'a>(params: &'a Value, name: &str) -> &'a str {
    params[name].as_str().unwrap_or_default()
}

fn check_text(params: &Value) -> Result<(), (u16, String)> {
    if params["parse_mode"] != "HTML" || params["link_preview_options"]["is_disabled"] != true {
        return Err(bad("every message is HTML without previews"));
    }
    let seen =
        visible(text(params, "text")).map_err(|error| bad(&format!("can't parse entities: {error}")))?;
    if seen.trim().is_empty() {
        return Err(bad("message text is empty"));
    }
    if units(&seen) > 4096 {
        return Err(bad("message is too long"));
    }
    Ok(())
}

fn markup(params: &Value) -> Result<Value, (u16, String)> {
    let markup = params["reply_markup"].clone();
    for row in markup["inline_keyboard"].as_array().into_iter().flatten() {
        for button in row.as_array().into_iter().flatten() {
            if button["text"].as_str().is_none_or(str::is_empty) {
                return Err(bad("inline keyboard button text is empty"));
            }
            if button["callback_data"].as_str().is_some_and(|data| data.is_empty() || data.len() > 64) {
                return Err(bad("BUTTON_DATA_INVALID"));
            }
            if button["web_app"]["url"].as_str().is_some_and(|url| !url.starts_with("https://")) {
                return Err(bad(
                    "inline keyboard button Web App URL is invalid: Only HTTPS links are allowed",
                ));
            }
        }
    }
    Ok(markup)
}

fn as_message(chat: i64, shown: &Shown) -> Value {
    let mut message = json!({
        "message_id": shown.id, "date": 1_795_262_400,
        "chat": { "id": chat, "type": "private", "first_name": "A" },
        "from": { "id": 424_242, "is_bot": true, "first_name": "Assistant", "username": "assistant_bot" },
        "text": visible(&shown.html).unwrap_or_default(),
    });
    if !shown.markup.is_null() {
        message["reply_markup"] = shown.markup.clone();
    }
    message
}
