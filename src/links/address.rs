//! The address of a page in its one form, or the reason why it is not fetched.
//!
//! Pure. Parsing is WHATWG's, so a host in decimal, octal or hexadecimal (`http://2130706433/`, `http://0x7f.1/`) arrives as the
//! IP address a browser would open and is judged as that.

use url::{Host, Url};

use super::Refusal;
use crate::text::link_untrack;

/// Longest address that is followed, bytes.
pub const URL_BYTES_MAX: usize = 2048;

/// Telegram's own pages: what they show comes from Telegram itself.
const TELEGRAM_HOSTS: [&str; 5] = ["t.me", "telegram.me", "telegram.dog", "telegram.org", "telegra.ph"];
/// Of them the one whose pages are articles.
const TELEGRAM_ARTICLES: &str = "telegra.ph";

/// An address that may be asked: http or https, a usual port, no credentials, without fragment and tracking parameters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address(Url);

impl Address {
    /// Reads an address as a post or a redirect writes it. `ports` are those that may be asked.
    pub fn parse(text: &str, ports: &[u16]) -> Result<Self, Refusal> {
        if text.len() > URL_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        let url = Url::parse(text.trim()).map_err(|_| Refusal::Unreadable)?;
        Self::of(url, ports)
    }

    /// Where a redirect leads from here.
    pub fn join(&self, location: &str, ports: &[u16]) -> Result<Self, Refusal> {
        if location.len() > URL_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        Self::of(self.0.join(location.trim()).map_err(|_| Refusal::Unreadable)?, ports)
    }

    fn of(mut url: Url, ports: &[u16]) -> Result<Self, Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        if !url.port_or_known_default().is_some_and(|port| ports.contains(&port)) {
            return Err(Refusal::Port);
        }
        match url.host() {
            None => return Err(Refusal::Host),
            Some(Host::Domain(name)) => domain_check(name)?,
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => {}
        }
        url.set_fragment(None);
        link_untrack(&mut url);
        if url.as_str().len() > URL_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        Ok(Self(url))
    }

    pub fn url(&self) -> &Url {
        &self.0
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host as pace and robots are kept by: with its port where it is not the usual one.
    pub fn authority(&self) -> &str {
        self.0.authority()
    }

    /// Where this host keeps its rules for robots.
    pub fn robots(&self) -> Url {
        let mut url = self.0.clone();
        url.set_path("/robots.txt");
        url.set_query(None);
        url
    }
}

/// A name that only a local network knows has no dot or ends in one of the names kept for that (RFC 6761, 6762, 8375, 9476).
fn domain_check(name: &str) -> Result<(), Refusal> {
    let name = name.trim_end_matches('.');
    let last = name.rsplit('.').next().unwrap_or_default();
    let local = !name.contains('.')
        || ["localhost", "local", "internal", "intranet", "lan", "home", "test", "invalid", "onion", "alt"]
            .contains(&last)
        || name.ends_with("home.arpa");
    if local {
        return Err(Refusal::LocalName);
    }
    let is_host =
        |host: &str| name == host || name.strip_suffix(host).is_some_and(|rest| rest.ends_with('.'));
    if name != TELEGRAM_ARTICLES && TELEGRAM_HOSTS.iter().any(|host| is_host(host)) {
        return Err(Refusal::Telegram);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: [u16; 2] = [80, 443];

    fn parse(text: &str) -> Result<String, Refusal> {
        Address::parse(text, &PORTS).map(|address| address.as_str().to_owned())
    }

    #[test]
    fn one_page_has_one_address() {
        for (text, expected) in [
            ("https://Example.org/a?b=1&utm_source=tg&c=%20#top", "https://example.org/a?b=1&c=%20"),
            ("http://example.org:80", "http://example.org/"),
            ("https://example.org/?yclid=1&UTM_Medium=2", "https://example.org/"),
            (
                "https://пример.рф/новости",
                "https://xn--e1afmkfd.xn--p1ai/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8",
            ),
            ("https://telegra.ph/Statya-11-20", "https://telegra.ph/Statya-11-20"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_page_of_the_net_is_refused_with_its_reason() {
        let long = format!("https://example.org/{}", "a".repeat(URL_BYTES_MAX));
        for (text, refusal) in [
            ("ftp://example.org/a", Refusal::Scheme),
            ("file:///etc/passwd", Refusal::Scheme),
            ("javascript:alert(1)", Refusal::Scheme),
            ("gopher://127.0.0.1:6379/_FLUSHALL", Refusal::Scheme),
            ("https://user:secret@example.org/", Refusal::Credentials),
            ("https://user@example.org/", Refusal::Credentials),
            ("http://example.org:22/", Refusal::Port),
            ("https://example.org:8443/", Refusal::Port),
            ("http://localhost/", Refusal::LocalName),
            ("http://localhost./", Refusal::LocalName),
            ("http://a.localhost/", Refusal::LocalName),
            ("http://router/", Refusal::LocalName),
            ("http://printer.local/", Refusal::LocalName),
            ("http://metadata.google.internal/", Refusal::LocalName),
            ("http://a.home.arpa/", Refusal::LocalName),
            ("https://t.me/name/7", Refusal::Telegram),
            ("https://web.telegram.org/", Refusal::Telegram),
            ("not an address", Refusal::Unreadable),
            ("http://", Refusal::Unreadable),
            ("http://[::1", Refusal::Unreadable),
            (&long, Refusal::TooLong),
        ] {
            assert_eq!(parse(text), Err(refusal), "{text}");
        }
    }

    #[test]
    fn a_redirect_is_read_from_where_it_stands() {
        let from = Address::parse("https://example.org/a/b", &PORTS).unwrap();
        assert_eq!(from.join("../c?utm_source=x", &PORTS).unwrap().as_str(), "https://example.org/c");
        assert_eq!(from.join("//example.com/d", &PORTS).unwrap().as_str(), "https://example.com/d");
        assert_eq!(from.join("file:///etc/passwd", &PORTS), Err(Refusal::Scheme));
        assert_eq!(from.join("http://localhost/", &PORTS), Err(Refusal::LocalName));
    }
}
