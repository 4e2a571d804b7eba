//! Plain HTTP for providers: the client, bodies within bounds, what a failure of the transport means.
//!
//! No redirects: a key goes to the address it is for and nowhere else. A proxy of the environment is used for addresses that are
//! not on this machine or network.

use std::{
    error::Error as _,
    io::Read as _,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use reqwest::{
    Certificate,
    blocking::{Client, Response},
    header::{HeaderMap, RETRY_AFTER},
    redirect,
};
use url::{Host, Url};

use super::{RETRY_AFTER_MAX, RemoteFault, RemoteSettings};

/// Largest answer, bytes.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest words of a server that are shown, characters.
const WORDS_CHARS_MAX: usize = 300;
/// An answer that drips is given up after so many times the longest silence.
pub(super) const DEADLINE_TIMEOUTS: u32 = 5;
const CONNECT_TIMEOUT_MAX: Duration = Duration::from_secs(10);

pub(super) fn client(settings: &RemoteSettings) -> Result<Client, String> {
    let mut builder = Client::builder()
        .user_agent(concat!("TelegramAssistant/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(settings.timeout.min(CONNECT_TIMEOUT_MAX))
        .timeout(settings.timeout);
    if is_near(&settings.base_url) {
        builder = builder.no_proxy();
    }
    if let Some(pem) = &settings.ca_pem {
        let certificates = Certificate::from_pem_bundle(pem).map_err(|error| causes(&error))?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| causes(&error))
}

/// Whether an address is on this machine or network, where a key may go without TLS.
pub(super) fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Some(Host::Domain(name)) => {
            !name.contains('.') || [".local", ".internal", ".lan"].iter().any(|end| name.ends_with(end))
        }
        None => false,
    }
}

/// The body, unless it is too large or does not end.
pub(super) fn body(mut response: Response, deadline: Instant) -> Result<Vec<u8>, RemoteFault> {
    let mut out = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if Instant::now() > deadline {
            return Err(RemoteFault::Cut);
        }
        match response.read(&mut buffer) {
            Ok(0) => return Ok(out),
            Ok(read) => out.extend_from_slice(&buffer[..read]),
            Err(_) => return Err(RemoteFault::Cut),
        }
        if out.len() > ANSWER_BYTES_MAX {
            return Err(RemoteFault::Malformed);
        }
    }
}

/// How long a server asks to wait: seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = value.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let at = rfc2822::parse(value).ok()?.timestamp();
        let wait = at.duration_since(now).max(SignedDuration::ZERO);
        Duration::try_from(wait).ok()?
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// What a failure of the transport means. Its words name the address of the provider, which is no secret.
pub(super) fn fault_of(error: &reqwest::Error, timeout: Duration) -> (RemoteFault, String) {
    let causes = causes(error);
    if causes.contains("certificate") || causes.contains("UnknownIssuer") {
        (RemoteFault::Certificate, last(error))
    } else if error.is_timeout() && !error.is_connect() {
        (RemoteFault::Silent { seconds: timeout.as_secs() }, String::new())
    } else if error.is_connect() || error.is_builder() {
        (RemoteFault::Unreachable, last(error))
    } else {
        (RemoteFault::Cut, last(error))
    }
}

fn causes(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        cause = inner.source();
    }
    words
}

/// The innermost cause.
fn last(error: &reqwest::Error) -> String {
    let mut words = String::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = inner.to_string();
        cause = inner.source();
    }
    words
}

/// A server's words as one short line.
pub(super) fn line(words: &str) -> String {
    let words = words.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(WORDS_CHARS_MAX) {
        None => line,
        Some((cut, _)) => format!("{}…", &line[..cut]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_as_seconds_and_as_a_date() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let after = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().expect("a value"));
            retry_after(&headers, now)
        };
        assert_eq!(after("17"), Some(Duration::from_secs(17)));
        assert_eq!(after("Sat, 21 Nov 2026 12:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(after("Sat, 21 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("99999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn only_near_addresses_do_without_tls() {
        let near = |url: &str| is_near(&Url::parse(url).expect("an address"));
        assert!(
            near("http://127.0.0.1:11434/v1") && near("http://ollama:11434") && near("http://10.0.0.2/v1")
        );
        assert!(near("http://[::1]:8080") && near("http://box.local/v1"));
        assert!(!near("http://api.openai.com/v1") && !near("http://8.8.8.8/v1"));
    }

    #[test]
    fn words_of_a_server_are_one_short_line() {
        assert_eq!(line("a\n\u{0} b\t c"), "a b c");
        assert_eq!(line(&"я".repeat(900)).chars().count(), WORDS_CHARS_MAX + 1);
    }
}
