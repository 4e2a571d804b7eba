//! A server of language models: `GigaChat`'s protocol under `/api`, `OpenAI`'s under `/v1` and `SaluteSpeech`'s under `/salute`, on
//! this machine.
//!
//! Refuses what the real ones refuse: unknown keys and scopes, tokens that have run out, missing request ids, unknown models, empty
//! conversations. What a model says is scripted, or computed by the test from the question. The official Python clients talk to it as
//! well (`tests/models`), so that it is no dialect of our own.

mod speech;
mod vectors;

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tga::clock::{Clock, SystemClock};
use vectors::embeddings;

pub(crate) use vectors::{DIMENSIONS, EMBEDDING_MODEL, inputs_of};

pub(crate) const OPENAI_KEY: &str = "sk-test-0123456789abcdef";
/// `client:secret` in base64.
pub(crate) const GIGACHAT_KEY: &str = "Y2xpZW50OnNlY3JldA==";
/// Of a `SaluteSpeech` project, which is another than `GigaChat`'s.
pub(crate) const SALUTE_KEY: &str = "c3BlZWNoOnNlY3JldA==";
pub(crate) const MODEL: &str = "test-model";
/// How long a token of the fake is good, seconds.
pub(crate) const TOKEN_S: i64 = 1800;
/// How often the server lets others work before it breaks a connection.
const YIELDS: usize = 50;

/// What the model does.
#[derive(Debug, Clone)]
pub(crate) enum Say {
    Text(String),
    /// A refusal with this status, `Retry-After` and body.
    Refuse(u16, Option<&'static str>, Value),
    /// A body that is no JSON, with status 200.
    Garbage,
    NoChoices,
    Empty,
    /// Ends for this reason.
    Finish(&'static str),
    /// Streams so much, then the connection breaks.
    CutAfter(String),
    /// Streams so much, then says that the token has run out.
    ExpireAfter(String),
    /// Nothing, for ever.
    Silence,
}

pub(crate) fn say(text: &str) -> Say {
    Say::Text(text.to_owned())
}

type Mind = dyn Fn(&Value) -> Say + Send + Sync;
type Whim = dyn Fn(&Value) -> Option<Say> + Send + Sync;

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) body: Value,
}

struct World {
    calls: Vec<Call>,
    script: VecDeque<Say>,
    mind: Arc<Mind>,
    whim: Arc<Whim>,
    /// For which of the two services, and until when.
    tokens: HashMap<String, (&'static str, i64)>,
    minted: usize,
    clock: Arc<dyn Clock>,
    scope: &'static str,
    salute_scope: &'static str,
    schema_known: bool,
    audio: Vec<u8>,
    usage: (u64, u64),
}

/// The server. Dropping it ends it.
pub(crate) struct Llm {
    address: SocketAddr,
    world: Arc<Mutex<World>>,
    _runtime: tokio::runtime::Runtime,
}

type Shared = State<Arc<Mutex<World>>>;

impl Llm {
    pub(crate) fn start() -> Self {
        tga::lifecycle::start("off", tga::config::LogFormat::Text);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let world = Arc::new(Mutex::new(World {
            calls: Vec::new(),
            script: VecDeque::new(),
            mind: Arc::new(|_| say("Да.")),
            whim: Arc::new(|_| None),
            tokens: HashMap::new(),
            minted: 0,
            clock: Arc::new(SystemClock),
            scope: "GIGACHAT_API_PERS",
            salute_scope: "SALUTE_SPEECH_PERS",
            schema_known: true,
            audio: Vec::new(),
            usage: (120, 30),
        }));
        let router = Router::new()
            .route("/oauth", post(oauth))
            .route("/api/models", get(models))
            .route("/v1/models", get(models))
            .route("/api/chat/completions", post(chat))
            .route("/v1/chat/completions", post(chat))
            .route("/api/embeddings", post(embeddings))
            .route("/v1/embeddings", post(embeddings))
            .route("/v1/audio/transcriptions", post(speech::transcribe))
            .route("/salute/speech:recognize", post(speech::recognise))
            .with_state(Arc::clone(&world));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, world, _runtime: runtime }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Tokens run out by this clock.
    pub(crate) fn watch(&self, clock: &Arc<dyn Clock>) {
        self.world().clock = Arc::clone(clock);
    }

    /// The next answers, one a question; after them the model thinks again.
    pub(crate) fn script(&self, says: impl IntoIterator<Item = Say>) {
        self.world().script.extend(says);
    }

    /// How the model answers from the question's body.
    pub(crate) fn mind(&self, mind: impl Fn(&Value) -> Say + Send + Sync + 'static) {
        self.world().mind = Arc::new(mind);
    }

    pub(crate) fn set_scope(&self, scope: &'static str) {
        self.world().scope = scope;
    }

    pub(crate) fn set_salute_scope(&self, scope: &'static str) {
        self.world().salute_scope = scope;
    }

    /// Refuses JSON schemas, as older servers do.
    pub(crate) fn forget_schemas(&self) {
        self.world().schema_known = false;
    }

    /// What every answer is billed with.
    pub(crate) fn set_usage(&self, tokens_in: u64, tokens_out: u64) {
        self.world().usage = (tokens_in, tokens_out);
    }

    /// Every token given so far is good no more.
    pub(crate) fn revoke_tokens(&self) {
        self.world().tokens.clear();
    }

    pub(crate) fn tokens_minted(&self) -> usize {
        self.world().minted
    }

    pub(crate) fn audio(&self) -> Vec<u8> {
        self.world().audio.clone()
    }

    /// What was asked at addresses that end so.
    pub(crate) fn calls(&self, path: &str) -> Vec<Call> {
        self.world().calls.iter().filter(|call| call.path.ends_with(path)).cloned().collect()
    }

    /// The words of the last question's user.
    pub(crate) fn asked(&self) -> String {
        let calls = self.calls("/chat/completions");
        user_of(&calls.last().expect("a question").body)
    }

    /// The configuration that has this server write voice messages down as `SaluteSpeech`.
    pub(crate) fn salute_environment(&self) -> Vec<(String, String)> {
        [
            ("TGA__AI__VOICE", "salutespeech".to_owned()),
            ("TGA__AI__SALUTESPEECH__BASE_URL", self.url("/salute")),
            ("TGA__AI__SALUTESPEECH__AUTH_URL", self.url("/oauth")),
            ("TGA__AI__SALUTESPEECH__CREDENTIALS", SALUTE_KEY.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The configuration that asks this server as both providers.
    pub(crate) fn environment(&self, chat: &str) -> Vec<(String, String)> {
        [
            ("TGA__AI__CHAT", chat.to_owned()),
            ("TGA__AI__OPENAI__BASE_URL", self.url("/v1")),
            ("TGA__AI__OPENAI__KEY", OPENAI_KEY.to_owned()),
            ("TGA__AI__OPENAI__MODEL", MODEL.to_owned()),
            ("TGA__AI__GIGACHAT__BASE_URL", self.url("/api")),
            ("TGA__AI__GIGACHAT__AUTH_URL", self.url("/oauth")),
            ("TGA__AI__GIGACHAT__CREDENTIALS", GIGACHAT_KEY.to_owned()),
            ("TGA__AI__GIGACHAT__MODEL", MODEL.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// What the person says in a question's body, posts included.
pub(crate) fn user_of(body: &Value) -> String {
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let user = messages.iter().filter(|message| message["role"] == "user");
    user.filter_map(|message| message["content"].as_str()).collect::<Vec<_>>().join("\n")
}

/// The posts of a question for tags: id and text.
pub(crate) fn posts_of(body: &Value) -> Vec<(u64, String)> {
    let rows = user_of(body);
    let rows = rows.lines().filter_map(|row| serde_json::from_str::<Value>(row).ok());
    rows.filter_map(|row| Some((row["id"].as_u64()?, row["text"].as_str()?.to_owned()))).collect()
}

fn refuse(status: u16, after: Option<&str>, body: Value) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
    if let Some(after) = after {
        response.headers_mut().insert(header::RETRY_AFTER, after.parse().unwrap());
    }
    response
}

fn giga(status: u16, message: &str) -> Response {
    refuse(status, None, json!({ "status": status, "message": message }))
}

fn openai(status: u16, message: &str, code: &str) -> Response {
    refuse(
        status,
        None,
        json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": code } }),
    )
}

async fn oauth(State(world): Shared, headers: HeaderMap, body: String) -> Response {
    let mut world = world.lock().unwrap();
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    world.calls.push(Call { path: "/oauth".to_owned(), body: json!(body) });
    let id = uuid::Uuid::parse_str(&header("rquid"));
    if !id.is_ok_and(|id| id.get_version_num() == 4) {
        return giga(400, "RqUID header is missing or no uuid4");
    }
    let (service, scope) = if header("authorization") == format!("Basic {GIGACHAT_KEY}") {
        ("/api", world.scope)
    } else if header("authorization") == format!("Basic {SALUTE_KEY}") {
        ("/salute", world.salute_scope)
    } else {
        return refuse(401, None, json!({ "code": 6, "message": "credentials doesn't match db data" }));
    };
    if body != format!("scope={scope}") {
        return refuse(
            400,
            None,
            json!({ "code": 7, "message": "scope from db not fully includes consumed scope" }),
        );
    }
    world.minted += 1;
    let token = format!("token-{}", world.minted);
    let expires_at = (world.clock.now().as_second() + TOKEN_S) * 1000;
    world.tokens.insert(token.clone(), (service, expires_at));
    Json(json!({ "access_token": token, "expires_at": expires_at })).into_response()
}

/// Notes the call; whoever may not ask reads why.
fn admitted(world: &mut World, path: &str, headers: &HeaderMap, body: Value) -> Option<Response> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let bearer = bearer.strip_prefix("Bearer ").unwrap_or_default().to_owned();
    world.calls.push(Call { path: path.to_owned(), body });
    if ["/api", "/salute"].iter().any(|service| path.starts_with(service)) {
        let now = world.clock.now().as_millisecond();
        return match world.tokens.get(&bearer) {
            Some((service, _)) if !path.starts_with(service) => Some(giga(401, "Unauthorized")),
            Some((_, until)) if *until > now => None,
            Some(_) => Some(giga(401, "Token has expired")),
            None => Some(giga(401, "Unauthorized")),
        };
    }
    (bearer != OPENAI_KEY)
        .then(|| openai(401, &format!("Incorrect API key provided: {bearer}."), "invalid_api_key"))
}

async fn models(State(world): Shared, request: Request) -> Response {
    let mut world = world.lock().unwrap();
    let path = request.uri().path().to_owned();
    if let Some(refused) = admitted(&mut world, &path, request.headers(), Value::Null) {
        return refused;
    }
    let model = json!({ "id": MODEL, "object": "model", "owned_by": "test", "created": 1, "type": "chat" });
    Json(json!({ "object": "list", "data": [model] })).into_response()
}

async fn chat(State(world): Shared, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let body = axum::body::to_bytes(request.into_body(), 4 << 20).await.unwrap();
    let Ok(body) = serde_json::from_slice::<Value>(&body) else { return giga(400, "not JSON") };
    let usage = world.lock().unwrap().usage;
    let said = {
        let mut world = world.lock().unwrap();
        if let Some(refused) = admitted(&mut world, &path, &headers, body.clone()) {
            return refused;
        }
        if body["messages"].as_array().is_none_or(Vec::is_empty) {
            return giga(422, "messages is empty");
        }
        if body["model"] != MODEL {
            let message =
                format!("The model `{}` does not exist", body["model"].as_str().unwrap_or_default());
            return if path.starts_with("/api") {
                giga(404, "No such model")
            } else {
                openai(404, &message, "model_not_found")
            };
        }
        if body.get("response_format").is_some() && !world.schema_known {
            return openai(400, "Unknown parameter: 'response_format'", "unknown_parameter");
        }
        if let Some(said) = world.script.pop_front() {
            said
        } else {
            let mind = Arc::clone(&world.mind);
            drop(world);
            mind(&body)
        }
    };
    said_response(said, body["stream"] == true, usage).await
}

async fn said_response(said: Say, streams: bool, (tokens_in, tokens_out): (u64, u64)) -> Response {
    let total = tokens_in + tokens_out;
    let usage = json!({ "prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": total, "precached_prompt_tokens": 0 });
    let whole = |choices: Value| {
        let object = json!({ "id": "1", "created": 1, "model": MODEL, "object": "chat.completion", "choices": choices, "usage": usage });
        Json(object).into_response()
    };
    let choice = |text: &str, finish: &str| json!([{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": finish }]);
    match said {
        Say::Refuse(status, after, body) => refuse(status, after, body),
        Say::Garbage => "<html>ok</html>".into_response(),
        Say::NoChoices => whole(json!([])),
        Say::Silence => std::future::pending().await,
        Say::Empty if !streams => whole(choice("", "stop")),
        Say::Finish(finish) if !streams => whole(choice("Не могу", finish)),
        Say::Text(text) if !streams => whole(choice(&text, "stop")),
        Say::CutAfter(_) | Say::ExpireAfter(_) if !streams => {
            let broken: Vec<Result<Bytes, std::io::Error>> =
                vec![Ok(Bytes::from("{\"choices\":[")), Err(std::io::Error::other("cut"))];
            Body::from_stream(stream::iter(broken)).into_response()
        }
        Say::Empty => events("", Some("stop"), &usage, None),
        Say::Finish(finish) => events("Не могу", Some(finish), &usage, None),
        Say::Text(text) => events(&text, Some("stop"), &usage, None),
        Say::CutAfter(text) => events(&text, None, &usage, Some(Err(std::io::Error::other("cut")))),
        Say::ExpireAfter(text) => {
            let row = format!("data: {}\n\n", json!({ "status": 401, "message": "Token has expired" }));
            events(&text, None, &usage, Some(Ok(Bytes::from(row))))
        }
    }
}

/// The text in small pieces, as models write.
fn events(
    text: &str,
    finish: Option<&str>,
    usage: &Value,
    end: Option<Result<Bytes, std::io::Error>>,
) -> Response {
    let row = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        let event = json!({ "id": "1", "created": 1, "model": MODEL, "object": "chat.completion.chunk", "choices": [choice] });
        Ok(Bytes::from(format!("data: {event}\n\n")))
    };
    let mut rows: Vec<Result<Bytes, std::io::Error>> = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    for piece in chars.chunks(7) {
        rows.push(row(
            json!({ "role": "assistant", "content": piece.iter().collect::<String>() }),
            Value::Null,
        ));
    }
    if let Some(finish) = finish {
        rows.push(row(json!({ "content": "" }), json!(finish)));
        let last = json!({ "id": "1", "created": 1, "model": MODEL, "object": "chat.completion.chunk", "choices": [], "usage": usage });
        rows.push(Ok(Bytes::from(format!("data: {last}\n\n"))));
        rows.push(Ok(Bytes::from("data: [DONE]\n\n")));
    }
    // What was written is on its way before the end comes, as with a real server.
    let end = stream::iter(end).then(|end| async {
        for _ in 0..YIELDS {
            tokio::task::yield_now().await;
        }
        end
    });
    let body = Body::from_stream(stream::iter(rows).chain(end));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}
