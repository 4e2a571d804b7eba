//! Models outside the box, over HTTP: `GigaChat` and `SaluteSpeech` by their own protocols, and any server that speaks `OpenAI`'s.
//!
//! The only place where the program talks to a model provider. Blocks; knows nothing of tenants, consent or money: the caller has
//! settled these. TLS is rustls with verification always on; certificates of one's own are added to the trusted ones, never put in
//! their place of checking. A question is asked once: what can be mended at once is (a token that has run out, a word of the
//! protocol the server does not know), everything else is an error with its disposition, and the gate keeps a failing provider
//! from being asked again too soon.

mod embeddings;
mod error;
mod gate;
mod http;
mod oauth;
mod speech;
mod stream;
mod wire;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

pub use embeddings::{Embedded, QUESTION_PATIENCE, RemoteEmbedder, TEXTS_PER_CALL_MAX};
pub use error::{RemoteError, RemoteFault};
pub use gate::{FAILURES_MAX, PAUSE_FIRST, PAUSE_LIMITED, PAUSE_MAX, PAUSE_REFUSED, RETRY_AFTER_MAX};
pub use http::ANSWER_BYTES_MAX;
pub use oauth::RENEW_BEFORE;
pub use speech::{AUDIO_BYTES_MAX, audio_bytes_max};

use super::{
    Error,
    chat::{ChatAnswer, ChatModel, ChatRequest, Pieces, Usage},
};
use crate::{clock::Clock, model::Provider};
use gate::{Gate, Shut};
use oauth::OAuth;

/// How long a question waits for a free place.
const PLACE_WAIT: Duration = Duration::from_secs(20);
/// How often the words of a question are changed to those a server knows.
const DIALECT_RETRIES_MAX: u32 = 3;

/// How a server knows who asks.
pub enum RemoteAuth {
    /// It does not ask: one's own server.
    None,
    Bearer(Zeroizing<String>),
    /// A key that is exchanged for a token of half an hour: `GigaChat`, `SaluteSpeech`.
    OAuth {
        auth_url: Url,
        credentials: Zeroizing<String>,
        scope: String,
    },
}

/// A provider and how it is asked.
pub struct RemoteSettings {
    pub provider: Provider,
    /// Ends before `/chat/completions`, of `SaluteSpeech` before `/speech:recognize`.
    pub base_url: Url,
    pub auth: RemoteAuth,
    /// Certificates that are trusted beside the system's, PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// Longest silence of the server.
    pub timeout: Duration,
    pub concurrent_max: usize,
    /// Whether it is told the form of an answer as a JSON schema.
    pub json_schema: bool,
}

/// A provider that can be asked.
pub struct Remote {
    provider: Provider,
    base_url: String,
    auth: Auth,
    client: Client,
    gate: Gate,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    dialect: Dialect,
}

enum Auth {
    None,
    Bearer(Zeroizing<String>),
    OAuth(OAuth),
}

/// Words of the protocol that this server turned out not to know, or to want.
struct Dialect {
    schema: AtomicBool,
    completion_tokens: AtomicBool,
    no_temperature: AtomicBool,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Remote {
    pub fn new(settings: RemoteSettings, clock: Arc<dyn Clock>) -> Result<Self, RemoteError> {
        let provider = settings.provider;
        let client = http::client(&settings)
            .map_err(|detail| RemoteError::new(provider, RemoteFault::Certificate, &detail))?;
        Ok(Self {
            provider,
            base_url: settings.base_url.as_str().trim_end_matches('/').to_owned(),
            auth: match settings.auth {
                RemoteAuth::None => Auth::None,
                RemoteAuth::Bearer(key) => Auth::Bearer(key),
                RemoteAuth::OAuth { auth_url, credentials, scope } => {
                    Auth::OAuth(OAuth::new(auth_url, credentials, scope))
                }
            },
            client,
            gate: Gate::new(Arc::clone(&clock), settings.concurrent_max),
            clock,
            timeout: settings.timeout,
            dialect: Dialect {
                schema: AtomicBool::new(settings.json_schema),
                completion_tokens: AtomicBool::new(false),
                no_temperature: AtomicBool::new(false),
            },
        })
    }

    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Until when it is left alone, if it is.
    pub fn paused_until(&self) -> Option<Timestamp> {
        self.gate.shut_until()
    }

    /// The models the key may use.
    pub fn models(&self) -> Result<Vec<String>, RemoteError> {
        self.ask(&mut |bearer| {
            let value = self.json(self.request("GET", "/models", bearer))?;
            let models = value["data"]
                .as_array()
                .ok_or_else(|| self.error(RemoteFault::Malformed, "no list of models"))?;
            Ok(models.iter().filter_map(|model| model["id"].as_str().map(str::to_owned)).collect())
        })
    }

    /// Asks a model to write.
    pub fn chat(
        &self,
        model: &str,
        request: &ChatRequest,
        mut pieces: Option<&mut Pieces<'_>>,
    ) -> Result<ChatAnswer, RemoteError> {
        self.ask(&mut |bearer| {
            let mut tries = 0;
            loop {
                let body = wire::chat_body(self, model, request, pieces.is_some());
                let call = self.request("POST", "/chat/completions", bearer).json(&body);
                let answered = self.send(call).and_then(|response| {
                    if let Some(pieces) = &mut pieces {
                        return stream::read(self, response, request, *pieces);
                    }
                    let value = self.read_json(response)?;
                    wire::chat_answer(self, &value, request)
                });
                match answered {
                    Err(error) if tries < DIALECT_RETRIES_MAX && self.dialect_learn(&error, request) => {
                        tries += 1;
                    }
                    answered => return answered,
                }
            }
        })
    }

    /// Lets one question through, with a bearer that is good.
    fn ask<T>(&self, run: &mut dyn FnMut(Option<&str>) -> Result<T, RemoteError>) -> Result<T, RemoteError> {
        self.ask_within(PLACE_WAIT, run)
    }

    /// The same, waiting so long for a free place.
    fn ask_within<T>(
        &self,
        wait: Duration,
        run: &mut dyn FnMut(Option<&str>) -> Result<T, RemoteError>,
    ) -> Result<T, RemoteError> {
        let pass = self.gate.enter(wait).map_err(|shut| {
            let fault = match shut {
                Shut::Until(until) => RemoteFault::Paused { until },
                Shut::Full => RemoteFault::Busy,
            };
            self.error(fault, "")
        })?;
        let outcome = self.authorised(run);
        pass.settle(outcome.as_ref().map(|_| ()).map_err(|error| &error.fault));
        outcome
    }

    fn authorised<T>(
        &self,
        run: &mut dyn FnMut(Option<&str>) -> Result<T, RemoteError>,
    ) -> Result<T, RemoteError> {
        match &self.auth {
            Auth::None => run(None),
            Auth::Bearer(key) => run(Some(key)),
            Auth::OAuth(oauth) => {
                let token = oauth.token(self)?;
                match run(Some(&token)) {
                    // It ended early, or somebody revoked it: a new one is asked for, once.
                    Err(error) if error.fault == RemoteFault::KeyRefused => {
                        oauth.forget(&token);
                        let token = oauth.token(self)?;
                        run(Some(&token))
                    }
                    outcome => outcome,
                }
            }
        }
    }

    fn request(&self, method: &str, path: &str, bearer: Option<&str>) -> RequestBuilder {
        let url = format!("{}{path}", self.base_url);
        let request = if method == "GET" { self.client.get(url) } else { self.client.post(url) };
        let request = request.header("Accept", "application/json");
        match bearer {
            Some(bearer) => request.bearer_auth(bearer),
            None => request,
        }
    }

    fn json(&self, request: RequestBuilder) -> Result<Value, RemoteError> {
        let response = self.send(request)?;
        self.read_json(response)
    }

    /// Sends; an answer that is no success is an error.
    fn send(&self, request: RequestBuilder) -> Result<Response, RemoteError> {
        let response = request.send().map_err(|error| self.transport(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response)) }
    }

    fn read_json(&self, response: Response) -> Result<Value, RemoteError> {
        let body = http::body(response, Instant::now() + self.timeout * http::DEADLINE_TIMEOUTS)
            .map_err(|fault| self.error(fault, ""))?;
        serde_json::from_slice(&body).map_err(|_| self.error(RemoteFault::Malformed, "not JSON"))
    }

    fn error(&self, fault: RemoteFault, detail: &str) -> RemoteError {
        RemoteError::new(self.provider, fault, &self.cleaned(detail))
    }

    fn transport(&self, error: &reqwest::Error) -> RemoteError {
        let (fault, detail) = http::fault_of(error, self.timeout);
        self.error(fault, &detail)
    }

    fn refusal(&self, response: Response) -> RemoteError {
        let status = response.status().as_u16();
        let after = http::retry_after(response.headers(), self.clock.now());
        let deadline = Instant::now() + self.timeout;
        let body = http::body(response, deadline).unwrap_or_default();
        let words = wire::refusal_words(&body);
        let fault = wire::refusal_fault(status, after, &words);
        self.error(fault, &words)
    }

    /// A server's words without the key, which some repeat.
    fn cleaned(&self, words: &str) -> String {
        let secret: &str = match &self.auth {
            Auth::None => "",
            Auth::Bearer(key) => key,
            Auth::OAuth(oauth) => oauth.credentials(),
        };
        let words = if secret.is_empty() { words.to_owned() } else { words.replace(secret, "***") };
        http::line(&words)
    }

    /// Whether the question can be put in other words the server wants; they are used from then on.
    fn dialect_learn(&self, error: &RemoteError, request: &ChatRequest) -> bool {
        if !matches!(error.fault, RemoteFault::Refused { .. }) {
            return false;
        }
        let says = |word: &str| error.detail.contains(word);
        let dialect = &self.dialect;
        if says("max_completion_tokens") {
            !dialect.completion_tokens.swap(true, Ordering::Relaxed)
        } else if says("temperature") {
            !dialect.no_temperature.swap(true, Ordering::Relaxed)
        } else if request.schema.is_some()
            && (says("response_format") || says("json_schema") || says("schema"))
        {
            dialect.schema.swap(false, Ordering::Relaxed)
        } else {
            false
        }
    }
}

/// One model of a provider.
#[derive(Debug, Clone)]
pub struct RemoteModel {
    remote: Arc<Remote>,
    model: String,
    name: String,
}

impl RemoteModel {
    pub fn new(remote: Arc<Remote>, model: &str) -> Self {
        let name = format!("{}/{model}", remote.provider.name());
        Self { remote, model: model.to_owned(), name }
    }

    pub fn remote(&self) -> &Arc<Remote> {
        &self.remote
    }

    /// The model's own name.
    pub fn model(&self) -> &str {
        &self.model
    }
}

impl ChatModel for RemoteModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn chat(&self, request: &ChatRequest, pieces: Option<&mut Pieces<'_>>) -> Result<ChatAnswer, Error> {
        self.remote.chat(&self.model, request, pieces).map_err(Error::Remote)
    }
}

/// What a server says was billed, else what it must have been.
fn usage_of(value: &Value, request: &ChatRequest, text: &str) -> Usage {
    let count = |name: &str| value["usage"][name].as_u64();
    match (count("prompt_tokens"), count("completion_tokens")) {
        (Some(tokens_in), Some(tokens_out)) => Usage { tokens_in, tokens_out },
        (_, _) => Usage::estimate(request, text),
    }
}
