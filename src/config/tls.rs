//! `server.domain` and `[tls]`: whether the listener speaks TLS, and where its certificate comes from.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Check;

/// The directory of Let's Encrypt.
const DIRECTORY_URL: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Longest name a certificate may have (RFC 1035), characters.
const DOMAIN_CHARS_MAX: usize = 253;

/// The section as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTls {
    /// A certificate of one's own with its chain, PEM, in place of ACME.
    pub certificate_file: String,
    /// Its private key, PEM.
    pub key_file: String,
    /// Where plain HTTP is answered with the way to HTTPS; empty: nowhere.
    pub redirect_listen: String,
    /// `tls-alpn-01` proves the name on `server.listen` (port 443), `http-01` on `tls.redirect_listen` (port 80).
    pub challenge: String,
    /// E-mail address the authority may write to.
    pub contact: String,
    /// The authority's ACME directory.
    pub directory_url: String,
    /// Root certificates, PEM, of an authority of one's own; empty takes the system's.
    pub ca_file: String,
    /// For how many days browsers are told to use HTTPS only; 0 tells them nothing.
    pub hsts_days: u32,
}

impl Default for RawTls {
    fn default() -> Self {
        Self {
            certificate_file: String::new(),
            key_file: String::new(),
            redirect_listen: String::new(),
            challenge: "tls-alpn-01".to_owned(),
            contact: String::new(),
            directory_url: DIRECTORY_URL.to_owned(),
            ca_file: String::new(),
            hsts_days: 365,
        }
    }
}

/// How a name is proved to the authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcmeChallenge {
    TlsAlpn,
    Http,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    pub domain: String,
    pub directory_url: String,
    pub contact: Option<String>,
    pub challenge: AcmeChallenge,
    pub ca_file: Option<PathBuf>,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// The listener speaks plain HTTP: on this machine only, or behind a proxy.
    Off,
    Files {
        certificate: PathBuf,
        key: PathBuf,
    },
    Acme(Acme),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    pub source: TlsSource,
    /// The name people use, where it is known.
    pub domain: Option<String>,
    pub redirect_listen: Option<SocketAddr>,
    pub hsts: Option<Duration>,
}

impl Tls {
    pub fn is_on(&self) -> bool {
        self.source != TlsSource::Off
    }
}

pub(super) fn check(c: &mut Check<'_>, domain: &str, raw: &RawTls) -> Tls {
    let hsts_days = c.within("tls.hsts_days", raw.hsts_days, 0, 3650);
    let redirect_listen =
        (!raw.redirect_listen.is_empty()).then(|| c.address("tls.redirect_listen", &raw.redirect_listen));
    let challenge = c.one_of(
        "tls.challenge",
        &raw.challenge,
        &[("tls-alpn-01", AcmeChallenge::TlsAlpn), ("http-01", AcmeChallenge::Http)],
    );
    if !domain.is_empty() && !is_host_name(domain) {
        c.problem(
            "server.domain",
            format!("`{domain}` is no name of a host"),
            "write it like assistant.example.org, without https:// and port",
        );
    }
    let domain = (!domain.is_empty()).then(|| domain.to_lowercase());
    let files = (!raw.certificate_file.is_empty(), !raw.key_file.is_empty());
    let source = match (files, &domain) {
        ((true, true), _) => TlsSource::Files {
            certificate: PathBuf::from(&raw.certificate_file),
            key: PathBuf::from(&raw.key_file),
        },
        ((true, false) | (false, true), _) => {
            let hint = "name both tls.certificate_file and tls.key_file, or neither";
            c.problem("tls.certificate_file", "stands without its key or the other way round", hint);
            TlsSource::Off
        }
        ((false, false), None) => TlsSource::Off,
        ((false, false), Some(domain)) => {
            if challenge == AcmeChallenge::Http && redirect_listen.is_none() {
                let hint = "set tls.redirect_listen = \"0.0.0.0:80\", or choose tls-alpn-01";
                c.problem("tls.challenge", "is http-01 without a plain listener to answer on", hint);
            }
            if !raw.directory_url.starts_with("https://") {
                let hint = "write the https address of the authority's directory";
                c.problem("tls.directory_url", format!("`{}` is not https", raw.directory_url), hint);
            }
            if !raw.contact.is_empty() && !raw.contact.contains('@') {
                let problem = format!("`{}` is no e-mail address", raw.contact);
                c.problem("tls.contact", problem, "write it like you@example.org, or leave it empty");
            }
            TlsSource::Acme(Acme {
                domain: domain.clone(),
                directory_url: raw.directory_url.clone(),
                contact: (!raw.contact.is_empty()).then(|| raw.contact.clone()),
                challenge,
                ca_file: (!raw.ca_file.is_empty()).then(|| PathBuf::from(&raw.ca_file)),
            })
        }
    };
    if source == TlsSource::Off && redirect_listen.is_some() {
        let hint = "set server.domain or tls.certificate_file, or leave it empty";
        c.problem("tls.redirect_listen", "sends to HTTPS, which nothing speaks here", hint);
    }
    let hsts = (hsts_days > 0).then(|| super::seconds(hsts_days * 86_400));
    Tls { source, domain, redirect_listen, hsts }
}

/// Letters, digits and hyphens in labels, at least two of them (RFC 1123); no address and no wildcard.
fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= DOMAIN_CHARS_MAX
        && name.contains('.')
        && name.split('.').all(label)
        && name.parse::<std::net::IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::is_host_name;

    #[test]
    fn only_names_a_certificate_can_have_are_taken() {
        for good in ["assistant.example.org", "a-b.xn--p1ai", "tga.localhost", "1.example"] {
            assert!(is_host_name(good), "{good}");
        }
        for bad in
            ["", "localhost", "https://a.b", "a.b:443", "*.example.org", "-a.b", "a..b", "10.0.0.1", "a b.c"]
        {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
