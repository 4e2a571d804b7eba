//! Why a page was not fetched or read, and whether to try again.

use std::time::Duration;

use crate::model::Disposition;

/// A page that is not asked for, because of what its address is. Trying again changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    #[error("the address cannot be read")]
    Unreadable,
    #[error("the address is longer than {} bytes", super::URL_BYTES_MAX)]
    TooLong,
    #[error("only http and https are fetched")]
    Scheme,
    #[error("an address with a user name or password is not followed")]
    Credentials,
    #[error("its port is not among `links.ports`")]
    Port,
    #[error("the address names no host")]
    Host,
    #[error("its name belongs to a local network")]
    LocalName,
    #[error("Telegram's own pages are not fetched")]
    Telegram,
    #[error("it leads to a private, local or reserved address")]
    Forbidden,
    #[error("it leads to this machine")]
    Own,
    #[error("the site asks robots not to read it")]
    Robots,
    #[error("it redirects more often than `links.redirects_max`")]
    Redirects,
    #[error("what it answers is not a page of text")]
    ContentType,
    #[error("its answer is packed in a way that is not read")]
    Encoding,
    #[error("its answer is larger than `links.body_bytes_max`")]
    TooLarge,
    #[error("nothing on the page can be read")]
    Empty,
}

impl Refusal {
    pub const ALL: [Refusal; 16] = [
        Refusal::Unreadable,
        Refusal::TooLong,
        Refusal::Scheme,
        Refusal::Credentials,
        Refusal::Port,
        Refusal::Host,
        Refusal::LocalName,
        Refusal::Telegram,
        Refusal::Forbidden,
        Refusal::Own,
        Refusal::Robots,
        Refusal::Redirects,
        Refusal::ContentType,
        Refusal::Encoding,
        Refusal::TooLarge,
        Refusal::Empty,
    ];

    /// As stored and counted.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::Unreadable => "unreadable",
            Refusal::TooLong => "too_long",
            Refusal::Scheme => "scheme",
            Refusal::Credentials => "credentials",
            Refusal::Port => "port",
            Refusal::Host => "host",
            Refusal::LocalName => "local_name",
            Refusal::Telegram => "telegram",
            Refusal::Forbidden => "forbidden_address",
            Refusal::Own => "own_address",
            Refusal::Robots => "robots",
            Refusal::Redirects => "redirects",
            Refusal::ContentType => "content_type",
            Refusal::Encoding => "encoding",
            Refusal::TooLarge => "too_large",
            Refusal::Empty => "empty",
        }
    }
}

/// A page that was not fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the site answered {0}")]
    Status(u16),
    #[error("the site asks to come back later ({status})")]
    Later { status: u16, after: Option<Duration> },
    #[error("no answer within `links.timeout_s`")]
    Timeout,
    /// Name not found, connection refused or broken, certificate not valid, an answer that is no HTTP.
    #[error("the site cannot be reached: {0}")]
    Unreachable(String),
}

impl Error {
    /// As stored and counted.
    pub fn name(&self) -> &'static str {
        match self {
            Error::Refused(refusal) => refusal.name(),
            Error::Status(_) => "status",
            Error::Later { .. } => "later",
            Error::Timeout => "timeout",
            Error::Unreachable(_) => "unreachable",
        }
    }

    pub fn disposition(&self) -> Disposition {
        match self {
            Error::Refused(_) | Error::Status(_) => Disposition::Reject,
            Error::Later { after, .. } => Disposition::Retry { after: *after },
            Error::Timeout | Error::Unreachable(_) => Disposition::Retry { after: None },
        }
    }
}
