//! `initData`: what Telegram tells a Mini App about who opened it, and the proof that Telegram said so.
//!
//! Pure: knows no store and no clock. Two proofs exist: an HMAC with the bot's token, over every field but `hash`, and an
//! Ed25519 signature by Telegram, over every field but `hash` and `signature`, for whoever has only the bot's id.
//! Both compare in constant time. A field that comes twice is refused: two readers could choose differently.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Longest `initData` that is looked at, bytes.
pub const INIT_DATA_BYTES_MAX: usize = 8192;
/// How far ahead of ours Telegram's clock may be.
pub const AHEAD_MAX: SignedDuration = SignedDuration::from_secs(60);

/// How `initData` is proved.
#[derive(Debug, Clone)]
pub enum Proof {
    /// By the bot's token.
    Hmac { bot_token: String },
    /// By Telegram's public key.
    Ed25519 { bot_id: i64, key: [u8; 32] },
}

/// Who opened the Mini App.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InitUser {
    pub id: i64,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub first_name: Option<String>,
    #[serde(default)]
    pub last_name: Option<String>,
    #[serde(default)]
    pub language_code: Option<String>,
}

/// `initData` that Telegram made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitData {
    pub user: InitUser,
    pub auth_date: Timestamp,
    /// What the link that opened the app carried: an invite's code.
    pub start_param: Option<String>,
    /// SHA-256 of all proved fields: the same for the same `initData`, however it is written.
    pub fingerprint: [u8; 32],
}

/// Why `initData` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitDataError {
    /// Not what Telegram made, or not readable.
    Invalid,
    /// Older than allowed.
    Stale,
    /// From a time that has not come yet.
    Future,
}

impl InitData {
    /// Reads and proves; `age_max` is how old it may be.
    pub fn check(
        raw: &str,
        proof: &Proof,
        now: Timestamp,
        age_max: SignedDuration,
    ) -> Result<Self, InitDataError> {
        let mut fields = fields(raw)?;
        let hash = fields.remove("hash").ok_or(InitDataError::Invalid)?;
        let fingerprint = match proof {
            Proof::Hmac { bot_token } => {
                let text = check_string(&fields);
                hmac_verify(bot_token, &text, &hash)?;
                Sha256::digest(text.as_bytes()).into()
            }
            Proof::Ed25519 { bot_id, key } => {
                let signature = fields.remove("signature").ok_or(InitDataError::Invalid)?;
                let text = check_string(&fields);
                ed25519_verify(key, &format!("{bot_id}:WebAppData\n{text}"), &signature)?;
                Sha256::digest(text.as_bytes()).into()
            }
        };
        let seconds = fields.get("auth_date").and_then(|text| text.parse().ok());
        let auth_date = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let auth_date = auth_date.ok_or(InitDataError::Invalid)?;
        if auth_date.duration_since(now) > AHEAD_MAX {
            return Err(InitDataError::Future);
        }
        if now.duration_since(auth_date) > age_max {
            return Err(InitDataError::Stale);
        }
        let user = fields.get("user").ok_or(InitDataError::Invalid)?;
        let user: InitUser = serde_json::from_str(user).map_err(|_| InitDataError::Invalid)?;
        Ok(Self { user, auth_date, start_param: fields.remove("start_param"), fingerprint })
    }
}

/// The fields, their values decoded once.
fn fields(raw: &str) -> Result<BTreeMap<String, String>, InitDataError> {
    if raw.len() > INIT_DATA_BYTES_MAX {
        return Err(InitDataError::Invalid);
    }
    let mut fields = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(raw.as_bytes()) {
        if fields.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(InitDataError::Invalid);
        }
    }
    Ok(fields)
}

/// `name=value` lines in the order of names.
fn check_string(fields: &BTreeMap<String, String>) -> String {
    fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n")
}

fn hmac_verify(bot_token: &str, text: &str, hash: &str) -> Result<(), InitDataError> {
    let given = hex_decode(hash).ok_or(InitDataError::Invalid)?;
    let secret = hmac(b"WebAppData", bot_token.as_bytes()).finalize().into_bytes();
    // The comparison inside takes the same time wherever the two differ.
    hmac(&secret, text.as_bytes()).verify_slice(&given).map_err(|_| InitDataError::Invalid)
}

fn hmac(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("an HMAC takes a key of any length");
    hmac.update(message);
    hmac
}

fn ed25519_verify(key: &[u8; 32], text: &str, signature: &str) -> Result<(), InitDataError> {
    let bytes =
        URL_SAFE_NO_PAD.decode(signature.trim_end_matches('=')).map_err(|_| InitDataError::Invalid)?;
    let signature = Signature::from_slice(&bytes).map_err(|_| InitDataError::Invalid)?;
    let key = VerifyingKey::from_bytes(key).map_err(|_| InitDataError::Invalid)?;
    key.verify_strict(text.as_bytes(), &signature).map_err(|_| InitDataError::Invalid)
}

/// Bytes of an even number of hexadecimal digits.
pub(crate) fn hex_decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests;
