//! Who writes voice messages down: a server that speaks `OpenAI`'s protocol, or `SaluteSpeech`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Check, Provider, ProviderConfig, seconds};

/// Who can be asked.
pub(super) const CHOICES: [(&str, Provider); 2] =
    [("speech", Provider::Speech), ("salutespeech", Provider::SaluteSpeech)];
/// Scopes of `SaluteSpeech`'s keys.
const SCOPES: [(&str, &str); 3] = [
    ("SALUTE_SPEECH_PERS", "SALUTE_SPEECH_PERS"),
    ("SALUTE_SPEECH_B2B", "SALUTE_SPEECH_B2B"),
    ("SALUTE_SPEECH_CORP", "SALUTE_SPEECH_CORP"),
];
/// Its models.
const MODELS: [(&str, &str); 2] = [("general", "general"), ("callcenter", "callcenter")];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSpeech {
    /// The key; empty where none is needed or it is entered in the admin page.
    pub key: String,
    /// The same as a file.
    pub key_file: String,
    /// The API's address; empty means that voice messages are not written down.
    pub base_url: String,
    /// The model.
    pub model: String,
    /// Further trusted certificates, PEM.
    pub ca_file: String,
    /// Longest silence, seconds.
    pub timeout_s: u32,
    /// Recordings at once.
    pub concurrent_max: u32,
    /// Price of a minute.
    pub price_per_minute: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSaluteSpeech {
    /// The authorization key of a project; empty where it is entered in the admin page.
    pub credentials: String,
    /// The same as a file.
    pub credentials_file: String,
    /// The key's scope.
    pub scope: String,
    /// Where keys are exchanged for tokens.
    pub auth_url: String,
    /// Where recordings are written down.
    pub base_url: String,
    /// The model: `general` or `callcenter`.
    pub model: String,
    /// Further trusted certificates, PEM.
    pub ca_file: String,
    /// Longest silence, seconds.
    pub timeout_s: u32,
    /// Recordings at once.
    pub concurrent_max: u32,
    /// Price of a minute.
    pub price_per_minute: f64,
}

impl Default for RawSpeech {
    fn default() -> Self {
        Self {
            key: String::new(),
            key_file: String::new(),
            base_url: String::new(),
            model: "whisper-1".to_owned(),
            ca_file: String::new(),
            timeout_s: 60,
            concurrent_max: 2,
            price_per_minute: 0.0,
        }
    }
}

impl Default for RawSaluteSpeech {
    fn default() -> Self {
        Self {
            credentials: String::new(),
            credentials_file: String::new(),
            scope: "SALUTE_SPEECH_PERS".to_owned(),
            auth_url: "https://ngw.devices.sberbank.ru:9443/api/v2/oauth".to_owned(),
            base_url: "https://smartspeech.sber.ru/rest/v1".to_owned(),
            model: "general".to_owned(),
            ca_file: String::new(),
            timeout_s: 60,
            concurrent_max: 2,
            price_per_minute: 0.0,
        }
    }
}

pub(super) fn speech(c: &mut Check<'_>, raw: &mut RawSpeech) -> Option<ProviderConfig> {
    let key = c.provider_key("ai.speech.key", &mut raw.key, &raw.key_file);
    if raw.base_url.is_empty() {
        return None;
    }
    Some(ProviderConfig {
        provider: Provider::Speech,
        base_url: c.model_url("ai.speech.base_url", &raw.base_url),
        auth_url: None,
        scope: String::new(),
        key,
        model: raw.model.clone(),
        ca_pem: c.certificates("ai.speech.ca_file", &raw.ca_file),
        timeout: seconds(c.within("ai.speech.timeout_s", raw.timeout_s, 1, 600)),
        concurrent_max: c.within("ai.speech.concurrent_max", raw.concurrent_max, 1, 64),
        json_schema: false,
        price_in_micros: c.money("ai.speech.price_per_minute", raw.price_per_minute),
        price_out_micros: 0,
        embedding_model: String::new(),
        price_embedding_micros: 0,
    })
}

pub(super) fn salutespeech(c: &mut Check<'_>, raw: &mut RawSaluteSpeech) -> ProviderConfig {
    let key = c.provider_key("ai.salutespeech.credentials", &mut raw.credentials, &raw.credentials_file);
    ProviderConfig {
        provider: Provider::SaluteSpeech,
        base_url: c.model_url("ai.salutespeech.base_url", &raw.base_url),
        auth_url: Some(c.model_url("ai.salutespeech.auth_url", &raw.auth_url)),
        scope: c.one_of("ai.salutespeech.scope", &raw.scope, &SCOPES).to_owned(),
        key,
        model: c.one_of("ai.salutespeech.model", &raw.model, &MODELS).to_owned(),
        ca_pem: c.certificates("ai.salutespeech.ca_file", &raw.ca_file),
        timeout: seconds(c.within("ai.salutespeech.timeout_s", raw.timeout_s, 1, 600)),
        concurrent_max: c.within("ai.salutespeech.concurrent_max", raw.concurrent_max, 1, 64),
        json_schema: false,
        price_in_micros: c.money("ai.salutespeech.price_per_minute", raw.price_per_minute),
        price_out_micros: 0,
        embedding_model: String::new(),
        price_embedding_micros: 0,
    }
}
