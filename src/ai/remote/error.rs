//! What goes wrong with a model outside the box: the cause, in the words of whoever must mend it, and what was spent.
//!
//! No message holds a key, a token or a prompt: a server's own words are cut short and cleaned of the key.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    ai::chat::Usage,
    model::{Disposition, Provider},
};

/// Why a provider did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteFault {
    /// 401: the key is not known, or not any more.
    KeyRefused,
    /// The key is good for another scope.
    ScopeRefused,
    /// 403: the key may not do this.
    Forbidden,
    /// 402: no tokens or money left.
    Payment,
    /// 429; for how long, where it says.
    RateLimited { after: Option<Duration> },
    /// 404: no such model or address.
    NotFound,
    /// 413, or the server says that the question is too long.
    TooLong,
    /// Another refusal of the question: it will not go better a second time.
    Refused { status: u16 },
    /// 5xx.
    Failed { status: u16 },
    /// No word for so long.
    Silent { seconds: u64 },
    /// The connection ended before the answer did.
    Cut,
    /// No connection.
    Unreachable,
    /// The certificate is not one we trust.
    Certificate,
    /// The answer is not what the protocol says.
    Malformed,
    /// There is no answer in the answer.
    Empty,
    /// The provider's own rules forbid to answer.
    Filtered,
    /// It failed too often: it is left alone until then.
    Paused { until: Timestamp },
    /// Too many questions are under way.
    Busy,
}

impl RemoteFault {
    /// As a label of metrics and in answers.
    pub fn name(&self) -> &'static str {
        match self {
            RemoteFault::KeyRefused => "key_refused",
            RemoteFault::ScopeRefused => "scope_refused",
            RemoteFault::Forbidden => "forbidden",
            RemoteFault::Payment => "payment",
            RemoteFault::RateLimited { .. } => "rate_limited",
            RemoteFault::NotFound => "not_found",
            RemoteFault::TooLong => "too_long",
            RemoteFault::Refused { .. } => "refused",
            RemoteFault::Failed { .. } => "failed",
            RemoteFault::Silent { .. } => "silent",
            RemoteFault::Cut => "cut",
            RemoteFault::Unreachable => "unreachable",
            RemoteFault::Certificate => "certificate",
            RemoteFault::Malformed => "malformed",
            RemoteFault::Empty => "empty",
            RemoteFault::Filtered => "filtered",
            RemoteFault::Paused { .. } => "paused",
            RemoteFault::Busy => "busy",
        }
    }

    /// What happened.
    pub fn words(&self) -> String {
        match self {
            RemoteFault::KeyRefused => "the key was refused".to_owned(),
            RemoteFault::ScopeRefused => "the key is for another scope".to_owned(),
            RemoteFault::Forbidden => "the key may not do this".to_owned(),
            RemoteFault::Payment => "the account has no tokens or money left".to_owned(),
            RemoteFault::RateLimited { after: Some(after) } => {
                format!("asks to wait {} s", after.as_secs())
            }
            RemoteFault::RateLimited { after: None } => "asks to wait".to_owned(),
            RemoteFault::NotFound => "knows no such model or address".to_owned(),
            RemoteFault::TooLong => "the question is too long for the model".to_owned(),
            RemoteFault::Refused { status } => format!("refused the question ({status})"),
            RemoteFault::Failed { status } => format!("failed ({status})"),
            RemoteFault::Silent { seconds } => format!("was silent for {seconds} s"),
            RemoteFault::Cut => "the connection was cut".to_owned(),
            RemoteFault::Unreachable => "cannot be reached".to_owned(),
            RemoteFault::Certificate => "shows a certificate that is not trusted".to_owned(),
            RemoteFault::Malformed => "answered with something that is no answer".to_owned(),
            RemoteFault::Empty => "gave an empty answer".to_owned(),
            RemoteFault::Filtered => "does not answer this by its own rules".to_owned(),
            RemoteFault::Paused { until } => format!("failed too often and is left alone until {until}"),
            RemoteFault::Busy => "has too many questions under way".to_owned(),
        }
    }

    /// What a person can do about it.
    pub fn fix(&self, provider: Provider) -> &'static str {
        match self {
            RemoteFault::KeyRefused => match provider {
                Provider::GigaChat | Provider::SaluteSpeech => {
                    "take the authorization key (not the client secret) from the project's page and enter it anew"
                }
                Provider::OpenAi | Provider::Speech => "make a new key at the provider and enter it",
            },
            RemoteFault::ScopeRefused if provider.is_voice() => {
                "set ai.salutespeech.scope to the key's: SALUTE_SPEECH_PERS, SALUTE_SPEECH_B2B or SALUTE_SPEECH_CORP; \
                 a key of a GigaChat project is none for SaluteSpeech"
            }
            RemoteFault::ScopeRefused => {
                "set ai.gigachat.scope to the key's: GIGACHAT_API_PERS, GIGACHAT_API_B2B or GIGACHAT_API_CORP"
            }
            RemoteFault::Forbidden => "give the key the right to use this model, or choose another model",
            RemoteFault::Payment if provider.is_voice() => {
                "top the account up; voice messages are not written down meanwhile"
            }
            RemoteFault::Payment => "top the account up; answers and tags are made locally meanwhile",
            RemoteFault::RateLimited { .. } | RemoteFault::Busy => "wait, or lower concurrent_max",
            RemoteFault::NotFound | RemoteFault::Malformed | RemoteFault::Empty
                if provider == Provider::SaluteSpeech =>
            {
                "check ai.salutespeech.base_url: it ends before /speech:recognize"
            }
            RemoteFault::NotFound => {
                "check the model's name and base_url; `tga model test` lists the models there are"
            }
            RemoteFault::TooLong if provider.is_voice() => "send a shorter recording",
            RemoteFault::TooLong => "choose a model with a larger window",
            RemoteFault::Refused { .. } => "check the model's name and base_url",
            RemoteFault::Failed { .. } | RemoteFault::Paused { .. } => "wait: it is asked again by itself",
            RemoteFault::Silent { .. } | RemoteFault::Cut | RemoteFault::Unreachable => {
                "check base_url, DNS and the firewall; local answers and tags go on meanwhile"
            }
            RemoteFault::Certificate => {
                "GigaChat and SaluteSpeech need the root certificate of the Russian Ministry of Digital Development: save it \
                 as PEM and name the file in ca_file; a server of your own needs its own authority's"
            }
            RemoteFault::Malformed | RemoteFault::Empty => {
                "check that base_url is the API's address, usually ending in /v1"
            }
            RemoteFault::Filtered => "nothing: the local answer is used",
        }
    }

    /// Whether the question may have been worked on and is paid for, although nothing came of it.
    pub(crate) fn may_be_billed(&self) -> bool {
        matches!(
            self,
            RemoteFault::Silent { .. } | RemoteFault::Cut | RemoteFault::Malformed | RemoteFault::Empty
        )
    }

    /// Whether the provider as a whole suffers from it, and not this one question.
    pub(super) fn is_providers(&self) -> bool {
        match self {
            RemoteFault::KeyRefused
            | RemoteFault::ScopeRefused
            | RemoteFault::Forbidden
            | RemoteFault::Payment
            | RemoteFault::RateLimited { .. }
            | RemoteFault::NotFound
            | RemoteFault::Failed { .. }
            | RemoteFault::Silent { .. }
            | RemoteFault::Cut
            | RemoteFault::Unreachable
            | RemoteFault::Certificate
            | RemoteFault::Malformed
            | RemoteFault::Paused { .. }
            | RemoteFault::Busy => true,
            RemoteFault::TooLong
            | RemoteFault::Refused { .. }
            | RemoteFault::Empty
            | RemoteFault::Filtered => false,
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            RemoteFault::RateLimited { after } => Disposition::Retry { after: *after },
            RemoteFault::Failed { .. }
            | RemoteFault::Silent { .. }
            | RemoteFault::Cut
            | RemoteFault::Unreachable
            | RemoteFault::Malformed
            | RemoteFault::Empty
            | RemoteFault::Paused { .. }
            | RemoteFault::Busy => Disposition::Retry { after: None },
            RemoteFault::TooLong | RemoteFault::Refused { .. } | RemoteFault::Filtered => Disposition::Reject,
            RemoteFault::KeyRefused
            | RemoteFault::ScopeRefused
            | RemoteFault::Forbidden
            | RemoteFault::Payment
            | RemoteFault::NotFound
            | RemoteFault::Certificate => Disposition::Halt,
        }
    }
}

/// A provider that did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}{}", .provider.name(), .fault.words(), if .detail.is_empty() { String::new() } else { format!(" ({})", .detail) })]
pub struct RemoteError {
    pub provider: Provider,
    pub fault: RemoteFault,
    /// The server's own words, short and without secrets.
    pub detail: String,
    /// What was billed before it went wrong.
    pub spent: Usage,
}

impl RemoteError {
    pub(super) fn new(provider: Provider, fault: RemoteFault, detail: &str) -> Self {
        Self { provider, fault, detail: detail.to_owned(), spent: Usage::default() }
    }

    pub fn fix(&self) -> &'static str {
        self.fault.fix(self.provider)
    }

    /// Whether other questions would fare as badly now.
    pub fn is_providers(&self) -> bool {
        self.fault.is_providers()
    }

    pub fn disposition(&self) -> Disposition {
        self.fault.disposition()
    }
}
