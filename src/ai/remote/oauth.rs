//! Sber's tokens, of `GigaChat` and `SaluteSpeech` alike: a key is exchanged for a token of half an hour, which is renewed before it
//! ends.
//!
//! One exchange at a time: whoever needs a token meanwhile waits for it. A token lives in memory only.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Remote, RemoteError, RemoteFault, gate::plus};

/// A token is renewed so long before its end: longer than a question takes.
pub const RENEW_BEFORE: Duration = Duration::from_mins(3);
/// How long a token is good where the server does not say.
const TOKEN_TTL: Duration = Duration::from_mins(30);
/// Numbers from here on are milliseconds.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

pub(super) struct OAuth {
    url: Url,
    credentials: Zeroizing<String>,
    scope: String,
    token: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    access: Zeroizing<String>,
    expires_at: Timestamp,
}

impl OAuth {
    pub(super) fn new(url: Url, credentials: Zeroizing<String>, scope: String) -> Self {
        Self { url, credentials, scope, token: Mutex::new(None) }
    }

    pub(super) fn credentials(&self) -> &str {
        &self.credentials
    }

    fn lock(&self) -> MutexGuard<'_, Option<Token>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token that is good for a while yet.
    pub(super) fn token(&self, remote: &Remote) -> Result<Zeroizing<String>, RemoteError> {
        let mut held = self.lock();
        let now = remote.clock.now();
        if let Some(token) = held.as_ref().filter(|token| plus(now, RENEW_BEFORE) < token.expires_at) {
            return Ok(token.access.clone());
        }
        let token = self.exchange(remote, now)?;
        let access = token.access.clone();
        *held = Some(token);
        Ok(access)
    }

    /// The server does not take this token any more.
    pub(super) fn forget(&self, access: &str) {
        let mut held = self.lock();
        if held.as_ref().is_some_and(|token| token.access.as_str() == access) {
            *held = None;
        }
    }

    fn exchange(&self, remote: &Remote, now: Timestamp) -> Result<Token, RemoteError> {
        let request = remote
            .client
            .post(self.url.clone())
            .header("Authorization", format!("Basic {}", self.credentials.as_str()))
            .header("RqUID", Uuid::new_v4().to_string())
            .header("Accept", "application/json")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(format!("scope={}", self.scope));
        let value = remote.json(request).map_err(refusal)?;
        let access =
            value["access_token"].as_str().or(value["tok"].as_str()).filter(|token| !token.is_empty());
        let access = access.ok_or_else(|| remote.error(RemoteFault::Malformed, "no token in the answer"))?;
        let expires_at = value["expires_at"].as_i64().or(value["exp"].as_i64()).and_then(moment);
        Ok(Token {
            access: Zeroizing::new(access.to_owned()),
            expires_at: expires_at.unwrap_or_else(|| plus(now, TOKEN_TTL)),
        })
    }
}

/// 400 names the scope where the key is for another.
fn refusal(mut error: RemoteError) -> RemoteError {
    if matches!(error.fault, RemoteFault::Refused { .. }) && error.detail.contains("scope") {
        error.fault = RemoteFault::ScopeRefused;
    } else if matches!(error.fault, RemoteFault::Refused { status: 400 }) {
        // A key that is no base64 reads 400 as well.
        error.fault = RemoteFault::KeyRefused;
    }
    error
}

fn moment(number: i64) -> Option<Timestamp> {
    if number >= MILLISECONDS_FROM {
        Timestamp::from_millisecond(number).ok()
    } else {
        Timestamp::from_second(number).ok()
    }
}
