//! Fetching one page.
//!
//! Knows reqwest. One request after the other by hand: each hop's address is parsed and judged anew, each name is resolved once
//! and the connection is made to exactly the addresses that were judged. No proxy, no cookies, no credentials, no referer; bodies
//! are read up to a limit as sent and again as unpacked. The whole of it, redirects included, has one deadline.

use std::{
    fmt::Write as _,
    io::Read as _,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use reqwest::{
    Client, Response, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{
        ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER,
    },
    redirect,
};
use url::Host;

use super::{Address, Error, Guard, ROBOTS_BYTES_MAX, Refusal, Robots};

/// How we introduce ourselves; the first word is the one robots.txt knows.
const USER_AGENT: &str =
    concat!("TelegramAssistant/", env!("CARGO_PKG_VERSION"), " (personal reader; respects robots.txt)");
/// Most headers of an answer.
const HEADERS_MAX: usize = 100;
/// Longest `Retry-After` that is believed.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);
/// What can be read, besides plain text.
const HTML: [&str; 2] = ["text/html", "application/xhtml+xml"];

/// How pages are fetched.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For one page with all its redirects.
    pub timeout: Duration,
    pub redirects_max: u32,
    /// As sent and as unpacked, each.
    pub body_bytes_max: usize,
    pub ports: Vec<u16>,
}

/// Turns a name into addresses; the system's resolver outside of tests.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Fetches pages; shared by all who do.
pub struct Fetcher {
    client: Client,
    guard: Arc<Guard>,
    settings: Settings,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A page as it arrived, unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where the redirects ended.
    pub address: Address,
    pub html: bool,
    pub charset: Option<String>,
    pub body: Vec<u8>,
}

impl Fetcher {
    pub fn new(settings: Settings, guard: Guard) -> Result<Self, Error> {
        let system: Lookup = Arc::new(|name| {
            Box::pin(async move {
                Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.map(|found| found.ip()).collect())
            })
        });
        Self::with_lookup(settings, guard, system)
    }

    /// With a resolver of one's own.
    pub fn with_lookup(settings: Settings, guard: Guard, lookup: Lookup) -> Result<Self, Error> {
        let guard = Arc::new(guard);
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .http1_max_headers(HEADERS_MAX)
            // A connection is good for the host it was judged for, once.
            .pool_max_idle_per_host(0)
            .dns_resolver(Guarded { guard: Arc::clone(&guard), lookup })
            .build()
            .map_err(|error| Error::Unreachable(causes(&error)))?;
        Ok(Self { client, guard, settings })
    }

    pub fn ports(&self) -> &[u16] {
        &self.settings.ports
    }

    /// A page, following its redirects. `robots` is asked about every address before it is fetched.
    pub async fn page(&self, address: &Address, robots: &dyn RobotsBook) -> Result<Fetched, Error> {
        let followed = async {
            let mut address = address.clone();
            for _ in 0..=self.settings.redirects_max {
                match robots.rules(self, &address).await.allows(address.url()) {
                    Some(true) => {}
                    Some(false) => return Err(Refusal::Robots.into()),
                    None => return Err(Error::Later { status: 503, after: None }),
                }
                let response = self.ask(&address).await?;
                if !response.status().is_redirection() {
                    return self.read(address, response).await;
                }
                let location = header(response.headers(), &LOCATION);
                let location = location.ok_or(Error::Status(response.status().as_u16()))?;
                address = address.join(&location, &self.settings.ports)?;
            }
            Err(Refusal::Redirects.into())
        };
        tokio::time::timeout(self.settings.timeout, followed).await.unwrap_or(Err(Error::Timeout))
    }

    /// A site's rules for robots.
    pub async fn robots(&self, address: &Address) -> Robots {
        let fetched = async {
            let mut at = Address::parse(address.robots().as_str(), &self.settings.ports)?;
            for _ in 0..=self.settings.redirects_max {
                let response = self.ask(&at).await?;
                let status = response.status();
                if !status.is_redirection() {
                    // What is beyond the limit is not read and does not count (RFC 9309, 2.5).
                    let body = if status.is_success() {
                        self.body(response, ROBOTS_BYTES_MAX, true).await?
                    } else {
                        Vec::new()
                    };
                    return Ok(Robots::read(status.as_u16(), &body));
                }
                let Some(location) = header(response.headers(), &LOCATION) else { return Ok(Robots::Free) };
                at = at.join(&location, &self.settings.ports)?;
            }
            Ok::<_, Error>(Robots::Free)
        };
        match tokio::time::timeout(self.settings.timeout, fetched).await {
            Ok(Ok(robots)) => robots,
            // Where the rules may not be asked for, the page may not either, and says why.
            Ok(Err(Error::Refused(_))) => Robots::Free,
            Ok(Err(_)) | Err(_) => Robots::Unknown,
        }
    }

    /// One request.
    async fn ask(&self, address: &Address) -> Result<Response, Error> {
        // A name is judged when it is resolved; an address in the URL is not resolved, so it is judged here.
        match address.url().host() {
            Some(Host::Ipv4(ip)) => self.guard.check(IpAddr::V4(ip))?,
            Some(Host::Ipv6(ip)) => self.guard.check(IpAddr::V6(ip))?,
            Some(Host::Domain(_)) | None => {}
        }
        self.client
            .get(address.url().clone())
            .header(ACCEPT, "text/html,application/xhtml+xml,text/plain;q=0.8")
            .header(ACCEPT_ENCODING, "gzip")
            .send()
            .await
            .map_err(|error| failed(&error))
    }

    async fn read(&self, address: Address, response: Response) -> Result<Fetched, Error> {
        let status = response.status();
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            let after = header(response.headers(), &RETRY_AFTER).and_then(|text| text.trim().parse().ok());
            let after = after.map(|s| Duration::from_secs(s).min(RETRY_AFTER_MAX));
            return Err(Error::Later { status: status.as_u16(), after });
        }
        if !status.is_success() {
            return Err(Error::Status(status.as_u16()));
        }
        let (kind, charset) = content_type(response.headers());
        let html = HTML.contains(&kind.as_str());
        if !html && kind != "text/plain" {
            return Err(Refusal::ContentType.into());
        }
        let body = self.body(response, self.settings.body_bytes_max, false).await?;
        Ok(Fetched { address, html, charset, body })
    }

    /// The body, unpacked. With `cut` what is beyond the limit is left, else it is refused.
    async fn body(&self, mut response: Response, bytes_max: usize, cut: bool) -> Result<Vec<u8>, Error> {
        let packed = match header(response.headers(), &CONTENT_ENCODING)
            .map(|name| name.to_ascii_lowercase())
            .as_deref()
        {
            None | Some("" | "identity") => false,
            Some("gzip" | "x-gzip") => true,
            Some(_) => return Err(Refusal::Encoding.into()),
        };
        if !cut && response.content_length().is_some_and(|bytes| bytes > bytes_max as u64) {
            return Err(Refusal::TooLarge.into());
        }
        let mut sent = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            sent.extend_from_slice(&chunk);
            if sent.len() > bytes_max {
                if !cut {
                    return Err(Refusal::TooLarge.into());
                }
                sent.truncate(bytes_max);
                break;
            }
        }
        if !packed {
            return Ok(sent);
        }
        let mut body = Vec::new();
        let unpacked =
            flate2::read::MultiGzDecoder::new(&sent[..]).take(bytes_max as u64 + 1).read_to_end(&mut body);
        if body.len() > bytes_max {
            if !cut {
                return Err(Refusal::TooLarge.into());
            }
            body.truncate(bytes_max);
        } else if unpacked.is_err() && !cut {
            return Err(Refusal::Encoding.into());
        }
        Ok(body)
    }
}

/// Who knows the rules of sites: asked before each request, so that an answer may be remembered.
pub trait RobotsBook: Sync {
    fn rules<'a>(&'a self, fetcher: &'a Fetcher, address: &'a Address) -> BoxFuture<'a, Robots>;
}

/// Resolves a name once and lets only judged addresses through.
struct Guarded {
    guard: Arc<Guard>,
    lookup: Lookup,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, found) = (Arc::clone(&self.guard), (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let found = found.await?;
            // One forbidden address among good ones is an attempt, not a mistake.
            for address in &found {
                guard.check(*address)?;
            }
            let addresses: Addrs = Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}

/// What went wrong with a request; a refusal from within the resolver comes out as one.
fn failed(error: &reqwest::Error) -> Error {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(inner) = cause {
        if let Some(refusal) = inner.downcast_ref::<Refusal>() {
            return Error::Refused(*refusal);
        }
        cause = inner.source();
    }
    if error.is_timeout() { Error::Timeout } else { Error::Unreachable(causes(error)) }
}

/// An error with its causes and without the address, which is stored beside it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let separator = if text.is_empty() { "" } else { ": " };
        let _ = write!(text, "{separator}{inner}");
        cause = inner.source();
    }
    if text.is_empty() { "the request failed".to_owned() } else { text }
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    // Locations are often raw UTF-8.
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// `text/html; charset="utf-8"` → (`text/html`, `utf-8`). No type at all counts as HTML, as browsers have it.
fn content_type(headers: &HeaderMap) -> (String, Option<String>) {
    let value = header(headers, &CONTENT_TYPE).unwrap_or_else(|| "text/html".to_owned()).to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_owned();
    let charset = parts
        .find_map(|part| part.strip_prefix("charset="))
        .map(|name| name.trim_matches(['"', '\'']).to_owned());
    (kind, charset)
}
