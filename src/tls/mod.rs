//! TLS of the service's own listener: the certificate in use, and getting one by ACME (RFC 8555).
//!
//! A leaf: knows no configuration, no files of the appliance and no clock; whoever calls keeps what is got here and says when it
//! is time for another. The certificate is exchanged while connections run. A private key leaves this module only as PEM for its
//! keeper, never in a message.

mod acme;
mod client;
mod pem;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

pub use acme::{Challenge, Issued, Order};
use jiff::Timestamp;
use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

/// The protocol by which a certificate authority proves a name on port 443 (RFC 8737).
pub const ALPN_CHALLENGE: &[u8] = b"acme-tls/1";
/// What browsers speak here.
const ALPN_HTTP: &[u8] = b"http/1.1";

/// Why there is no certificate. The text names the cause and the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

/// A certificate with its key, as PEM.
#[derive(Clone)]
pub struct Pair {
    /// The certificate first, then those that lead to its root.
    pub chain_pem: String,
    pub key_pem: Zeroizing<String>,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub names: Vec<String>,
    pub issuer: String,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// The certificate in use and answers to a certificate authority's questions.
#[derive(Default)]
pub struct Certificates {
    current: RwLock<Option<(Arc<CertifiedKey>, Facts)>>,
    /// Certificates that prove a name, by name.
    proofs: RwLock<BTreeMap<String, Arc<CertifiedKey>>>,
    /// Answers over plain HTTP, by token.
    tokens: RwLock<BTreeMap<String, String>>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("facts", &self.facts()).finish_non_exhaustive()
    }
}

impl Certificates {
    /// What the certificate in use says of itself; `None`: there is none yet.
    pub fn facts(&self) -> Option<Facts> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().map(|(_, facts)| facts.clone())
    }

    /// Uses this certificate from the next connection on.
    pub fn use_pair(&self, pair: &Pair) -> Result<Facts, Error> {
        let (key, facts) = pem::certified(pair)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some((Arc::new(key), facts.clone()));
        Ok(facts)
    }

    /// What is to be answered at `/.well-known/acme-challenge/{token}`.
    pub fn token_answer(&self, token: &str) -> Option<String> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    fn proof_put(&self, name: &str, proof: CertifiedKey) {
        let mut proofs = self.proofs.write().unwrap_or_else(PoisonError::into_inner);
        proofs.insert(name.to_owned(), Arc::new(proof));
    }

    fn token_put(&self, token: &str, answer: &str) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(token.to_owned(), answer.to_owned());
    }

    /// Forgets the answers of an order that is over.
    fn answers_forget(&self) {
        self.proofs.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.tokens.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let challenged = hello.alpn().is_some_and(|mut names| names.any(|name| name == ALPN_CHALLENGE));
        if challenged {
            let proofs = self.proofs.read().unwrap_or_else(PoisonError::into_inner);
            return proofs.get(hello.server_name()?).map(Arc::clone);
        }
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().map(|(key, _)| Arc::clone(key))
    }
}

/// How connections are spoken with: TLS 1.2 and 1.3, the certificate looked up for each.
pub fn server_config(certificates: &Arc<Certificates>) -> Result<Arc<ServerConfig>, Error> {
    let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(certificates) as _;
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let mut config = builder
        .with_safe_default_protocol_versions()
        .map_err(|error| Error(format!("TLS cannot be set up: {error}")))?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![ALPN_HTTP.to_vec(), ALPN_CHALLENGE.to_vec()];
    Ok(Arc::new(config))
}

/// What a pair says of itself, checked as if it were to be used.
pub fn pair_facts(pair: &Pair) -> Result<Facts, Error> {
    pem::certified(pair).map(|(_, facts)| facts)
}
