//! `[ai]`: the embedding model, who writes answers and tags, and the providers outside the box.
//!
//! Naming a provider here permits it to the installation; whether a tenant uses it is the tenant's own choice, made in the admin
//! page and off at first. Keys may stand here or be entered later, sealed.

mod voice;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{Check, EmbedderKind, Secret, seconds};
use crate::model::{Caps, Provider};
use voice::{RawSaluteSpeech, RawSpeech};

/// Scopes of `GigaChat`'s keys.
const SCOPES: [(&str, &str); 3] = [
    ("GIGACHAT_API_PERS", "GIGACHAT_API_PERS"),
    ("GIGACHAT_API_B2B", "GIGACHAT_API_B2B"),
    ("GIGACHAT_API_CORP", "GIGACHAT_API_CORP"),
];
/// Largest file of certificates, bytes.
const CA_BYTES_MAX: u64 = 1024 * 1024;
/// Millionths of the currency.
pub const MICROS: f64 = 1_000_000.0;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAi {
    /// Who makes vectors: `local` an installed model (`tga model import`), `gigachat` or `openai` for tenants that want it; `off`
    /// searches by words alone.
    pub embedder: String,
    /// Name of the embedding model; empty takes the one chosen with `tga model use`, else the newest installed.
    pub model: String,
    /// Threads of the embedding model; 0 takes one per core.
    pub threads: u32,
    /// Who writes answers and better tags: `local`, `gigachat`, `openai`, or several in the order in which they are tried.
    pub chat: String,
    /// Who writes voice messages down: `speech`, where its address is given, or `salutespeech`.
    pub voice: String,
    /// What money is counted in.
    pub currency: String,
    /// Tokens one tenant may use a day (UTC); 0 means no ceiling.
    pub tenant_tokens_per_day: u32,
    /// Tokens one tenant may use a month.
    pub tenant_tokens_per_month: u32,
    /// Money one tenant may spend a day; 0 means no ceiling.
    pub tenant_money_per_day: f64,
    /// Money one tenant may spend a month.
    pub tenant_money_per_month: f64,
    pub gigachat: RawGigaChat,
    pub openai: RawOpenAi,
    pub speech: RawSpeech,
    pub salutespeech: RawSaluteSpeech,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawGigaChat {
    /// The authorization key of a project; empty where it is entered in the admin page.
    pub credentials: String,
    /// The same as a file.
    pub credentials_file: String,
    /// The key's scope.
    pub scope: String,
    /// Where keys are exchanged for tokens.
    pub auth_url: String,
    /// Where models are asked.
    pub base_url: String,
    /// The model that writes.
    pub model: String,
    /// Further trusted certificates, PEM.
    pub ca_file: String,
    /// Longest silence, seconds.
    pub timeout_s: u32,
    /// Questions at once.
    pub concurrent_max: u32,
    /// Whether the model is told the form of an answer as a JSON schema.
    pub json_schema: bool,
    /// Price of a million tokens of questions.
    pub price_in_per_million: f64,
    /// Price of a million tokens of answers.
    pub price_out_per_million: f64,
    /// The model that makes vectors, with `ai.embedder = "gigachat"`.
    pub embedding_model: String,
    /// Price of a million tokens of texts for vectors.
    pub price_embedding_per_million: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOpenAi {
    /// The key; empty for a server of one's own that asks for none, or where it is entered in the admin page.
    pub key: String,
    /// The same as a file.
    pub key_file: String,
    /// The API's address.
    pub base_url: String,
    /// The model that writes; empty means none.
    pub model: String,
    /// Further trusted certificates, PEM.
    pub ca_file: String,
    /// Longest silence, seconds.
    pub timeout_s: u32,
    /// Questions at once.
    pub concurrent_max: u32,
    /// Whether the model is told the form of an answer as a JSON schema.
    pub json_schema: bool,
    /// Price of a million tokens of questions.
    pub price_in_per_million: f64,
    /// Price of a million tokens of answers.
    pub price_out_per_million: f64,
    /// The model that makes vectors, with `ai.embedder = "openai"`.
    pub embedding_model: String,
    /// Price of a million tokens of texts for vectors.
    pub price_embedding_per_million: f64,
}

impl Default for RawAi {
    fn default() -> Self {
        Self {
            embedder: "local".to_owned(),
            model: String::new(),
            threads: 0,
            chat: "local".to_owned(),
            voice: "speech".to_owned(),
            currency: "RUB".to_owned(),
            tenant_tokens_per_day: 200_000,
            tenant_tokens_per_month: 3_000_000,
            tenant_money_per_day: 0.0,
            tenant_money_per_month: 0.0,
            gigachat: RawGigaChat {
                credentials: String::new(),
                credentials_file: String::new(),
                scope: "GIGACHAT_API_PERS".to_owned(),
                auth_url: "https://ngw.devices.sberbank.ru:9443/api/v2/oauth".to_owned(),
                base_url: "https://gigachat.devices.sberbank.ru/api/v1".to_owned(),
                model: "GigaChat-2".to_owned(),
                ca_file: String::new(),
                timeout_s: 60,
                concurrent_max: 1,
                json_schema: false,
                price_in_per_million: 0.0,
                price_out_per_million: 0.0,
                embedding_model: "Embeddings".to_owned(),
                price_embedding_per_million: 0.0,
            },
            openai: RawOpenAi {
                key: String::new(),
                key_file: String::new(),
                base_url: "https://api.openai.com/v1".to_owned(),
                model: String::new(),
                ca_file: String::new(),
                timeout_s: 60,
                concurrent_max: 4,
                json_schema: true,
                price_in_per_million: 0.0,
                price_out_per_million: 0.0,
                embedding_model: String::new(),
                price_embedding_per_million: 0.0,
            },
            speech: RawSpeech::default(),
            salutespeech: RawSaluteSpeech::default(),
        }
    }
}

/// The checked values.
#[derive(Debug, Clone)]
pub struct Ai {
    pub embedder: EmbedderKind,
    pub model: Option<String>,
    pub threads: usize,
    /// The providers that write, in the order in which they are tried; none: answers and tags are made here.
    pub chat: Vec<Provider>,
    pub currency: String,
    pub ceilings: Caps,
    pub gigachat: ProviderConfig,
    pub openai: ProviderConfig,
    /// Who writes voice messages down, where it is configured.
    pub voice: Provider,
    /// `None`: it has no address.
    pub speech: Option<ProviderConfig>,
    /// `None`: it is not the one that writes voice messages down.
    pub salutespeech: Option<ProviderConfig>,
}

/// A provider as it is asked.
#[derive(Debug, Clone)]
pub struct ProviderConfig {
    pub provider: Provider,
    pub base_url: Url,
    /// Where keys are exchanged for tokens; of `GigaChat` and `SaluteSpeech`.
    pub auth_url: Option<Url>,
    pub scope: String,
    pub key: Option<Secret>,
    /// Empty: no model is named.
    pub model: String,
    pub ca_pem: Option<Vec<u8>>,
    pub timeout: Duration,
    pub concurrent_max: usize,
    pub json_schema: bool,
    /// Millionths of the currency for a million tokens (of speech: in the first, for a minute).
    pub price_in_micros: u64,
    pub price_out_micros: u64,
    /// The model that makes vectors; empty: none is named.
    pub embedding_model: String,
    pub price_embedding_micros: u64,
}

impl ProviderConfig {
    /// Whether it may be asked without a key: a server of one's own.
    pub fn keyless(&self) -> bool {
        self.key.is_none() && self.auth_url.is_none() && is_near(&self.base_url)
    }
}

impl Ai {
    /// The provider that makes vectors, where one does.
    pub fn embedder_outside(&self) -> Option<&ProviderConfig> {
        match self.embedder {
            EmbedderKind::Outside(provider) => self.provider(provider),
            EmbedderKind::Local | EmbedderKind::Off => None,
        }
    }

    pub fn provider(&self, provider: Provider) -> Option<&ProviderConfig> {
        match provider {
            Provider::GigaChat => Some(&self.gigachat),
            Provider::OpenAi => Some(&self.openai),
            Provider::Speech => self.speech.as_ref(),
            Provider::SaluteSpeech => self.salutespeech.as_ref(),
        }
    }

    /// Who writes voice messages down; `None`: nobody.
    pub fn voice(&self) -> Option<&ProviderConfig> {
        self.provider(self.voice)
    }
}

pub(super) fn check(c: &mut Check<'_>, raw: &mut RawAi) -> Ai {
    let ceilings = Caps {
        tokens_per_day: u64::from(raw.tenant_tokens_per_day),
        tokens_per_month: u64::from(raw.tenant_tokens_per_month),
        money_micros_per_day: c.money("ai.tenant_money_per_day", raw.tenant_money_per_day),
        money_micros_per_month: c.money("ai.tenant_money_per_month", raw.tenant_money_per_month),
    };
    let currency_fits = raw.currency.len() == 3 && raw.currency.bytes().all(|byte| byte.is_ascii_uppercase());
    if !currency_fits {
        c.problem(
            "ai.currency",
            format!("`{}` is no currency", raw.currency),
            "write its three letters: RUB, USD, EUR",
        );
    }
    let (gigachat, openai) = (gigachat(c, &mut raw.gigachat), openai(c, &mut raw.openai));
    let chat = order(c, &raw.chat);
    let voice = c.one_of("ai.voice", &raw.voice, &voice::CHOICES);
    let salutespeech = voice::salutespeech(c, &mut raw.salutespeech);
    if chat.contains(&Provider::OpenAi) && openai.model.is_empty() {
        c.problem(
            "ai.openai.model",
            "is empty",
            "name the model that writes, for example gpt-4o-mini or llama3.1",
        );
    }
    let embedder = embedder(c, &raw.embedder, [&gigachat, &openai]);
    Ai {
        embedder,
        model: (!raw.model.is_empty()).then(|| raw.model.clone()),
        threads: c.within("ai.threads", raw.threads, 0, 256),
        chat,
        currency: raw.currency.clone(),
        ceilings,
        gigachat,
        openai,
        voice,
        speech: voice::speech(c, &mut raw.speech),
        salutespeech: (voice == Provider::SaluteSpeech).then_some(salutespeech),
    }
}

/// Who makes vectors; a provider must be told which of its models does.
fn embedder(c: &mut Check<'_>, name: &str, providers: [&ProviderConfig; 2]) -> EmbedderKind {
    let kinds = [
        ("local", EmbedderKind::Local),
        ("off", EmbedderKind::Off),
        ("gigachat", EmbedderKind::Outside(Provider::GigaChat)),
        ("openai", EmbedderKind::Outside(Provider::OpenAi)),
    ];
    let kind = c.one_of("ai.embedder", name, &kinds);
    let unnamed = providers.into_iter().find(|config| {
        kind == EmbedderKind::Outside(config.provider) && config.embedding_model.trim().is_empty()
    });
    if let Some(config) = unnamed {
        c.problem(
            &format!("ai.{}.embedding_model", config.provider.name()),
            "is empty",
            "name the model that makes vectors, for example Embeddings or text-embedding-3-small",
        );
    }
    kind
}

fn order(c: &mut Check<'_>, names: &str) -> Vec<Provider> {
    let mut order = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| *name != "local") {
        match Provider::parse(name) {
            Some(provider @ (Provider::GigaChat | Provider::OpenAi)) if !order.contains(&provider) => {
                order.push(provider);
            }
            Some(_) | None => c.problem(
                "ai.chat",
                format!("`{name}` is not a choice here"),
                "write local, gigachat, openai, or an order of them: \"gigachat, openai\"",
            ),
        }
    }
    order
}

fn gigachat(c: &mut Check<'_>, raw: &mut RawGigaChat) -> ProviderConfig {
    let key = c.provider_key("ai.gigachat.credentials", &mut raw.credentials, &raw.credentials_file);
    ProviderConfig {
        provider: Provider::GigaChat,
        base_url: c.model_url("ai.gigachat.base_url", &raw.base_url),
        auth_url: Some(c.model_url("ai.gigachat.auth_url", &raw.auth_url)),
        scope: c.one_of("ai.gigachat.scope", &raw.scope, &SCOPES).to_owned(),
        key,
        model: raw.model.clone(),
        ca_pem: c.certificates("ai.gigachat.ca_file", &raw.ca_file),
        timeout: seconds(c.within("ai.gigachat.timeout_s", raw.timeout_s, 1, 600)),
        concurrent_max: c.within("ai.gigachat.concurrent_max", raw.concurrent_max, 1, 64),
        json_schema: raw.json_schema,
        price_in_micros: c.money("ai.gigachat.price_in_per_million", raw.price_in_per_million),
        price_out_micros: c.money("ai.gigachat.price_out_per_million", raw.price_out_per_million),
        embedding_model: raw.embedding_model.clone(),
        price_embedding_micros: c
            .money("ai.gigachat.price_embedding_per_million", raw.price_embedding_per_million),
    }
}

fn openai(c: &mut Check<'_>, raw: &mut RawOpenAi) -> ProviderConfig {
    ProviderConfig {
        provider: Provider::OpenAi,
        base_url: c.model_url("ai.openai.base_url", &raw.base_url),
        auth_url: None,
        scope: String::new(),
        key: c.provider_key("ai.openai.key", &mut raw.key, &raw.key_file),
        model: raw.model.clone(),
        ca_pem: c.certificates("ai.openai.ca_file", &raw.ca_file),
        timeout: seconds(c.within("ai.openai.timeout_s", raw.timeout_s, 1, 600)),
        concurrent_max: c.within("ai.openai.concurrent_max", raw.concurrent_max, 1, 64),
        json_schema: raw.json_schema,
        price_in_micros: c.money("ai.openai.price_in_per_million", raw.price_in_per_million),
        price_out_micros: c.money("ai.openai.price_out_per_million", raw.price_out_per_million),
        embedding_model: raw.embedding_model.clone(),
        price_embedding_micros: c
            .money("ai.openai.price_embedding_per_million", raw.price_embedding_per_million),
    }
}

/// Whether a host is on this machine or network: there a key may go without TLS.
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Some(Host::Domain(name)) => {
            !name.contains('.') || [".local", ".internal", ".lan"].iter().any(|end| name.ends_with(end))
        }
        None => false,
    }
}

impl Check<'_> {
    /// The address of a model's API. Without TLS only on this machine or network.
    fn model_url(&mut self, key: &str, value: &str) -> Url {
        let Some(url) = self.base_url(key, value) else {
            return Url::parse("http://127.0.0.1/").expect("an address");
        };
        if url.scheme() != "https" && !is_near(&url) {
            self.problem(key, "is not https", "keys and posts go to other machines over https only");
        }
        if !url.username().is_empty() || url.password().is_some() {
            self.problem(key, "holds a name or password", "give the key as the key");
        }
        url
    }

    fn money(&mut self, key: &str, value: f64) -> u64 {
        if !(0.0..=1e9).contains(&value) {
            self.problem(key, format!("is {value}"), "choose from 0 to 1000000000");
            return 0;
        }
        (value * MICROS).round() as u64
    }

    fn certificates(&mut self, key: &str, file: &str) -> Option<Vec<u8>> {
        if file.is_empty() {
            return None;
        }
        let read = std::fs::metadata(file).and_then(|meta| {
            if meta.len() > CA_BYTES_MAX {
                return Err(std::io::Error::other("is too large to be certificates"));
            }
            std::fs::read(file)
        });
        match read {
            Ok(pem) if pem.windows(11).any(|part| part == b"BEGIN CERTI") => Some(pem),
            Ok(_) => {
                self.problem(key, format!("{file} holds no certificate"), "save the root certificate as PEM");
                None
            }
            Err(error) => {
                self.problem(
                    key,
                    format!("{file} cannot be read: {error}"),
                    "check the path and its permissions",
                );
                None
            }
        }
    }
}
