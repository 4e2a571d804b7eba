//! An appliance of this process served over TLS, and clients that know whom they trust.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use tga::{
    app::App,
    clock::{Clock as _, SystemClock},
    config::LogFormat,
    http, lifecycle,
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// A running listener; stopped when dropped.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) runtime: Option<Runtime>,
    shutdown: CancellationToken,
    pub(crate) address: SocketAddr,
}

impl Served {
    /// Serves as `tga serve` does; the certificate is looked after from then on.
    pub(crate) fn start(app: &Arc<App>) -> Self {
        lifecycle::start("error", LogFormat::Text);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let shutdown = CancellationToken::new();
        let metrics = http::Metrics::install();
        let listeners = runtime.block_on(http::bind(app)).unwrap();
        let address = listeners.address().unwrap();
        let (app, stopped) = (Arc::clone(app), shutdown.clone());
        runtime.handle().clone().block_on(async {
            lifecycle::spawn(async move {
                http::serve(&app, listeners, metrics, None, stopped).await.unwrap();
            });
        });
        Self { runtime: Some(runtime), shutdown, address }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// A client that trusts these roots (PEM) only, finds `name` at an address, and follows no redirect.
pub(crate) fn client(roots_pem: &str, name: &str, at: SocketAddr) -> reqwest::blocking::Client {
    lifecycle::start("error", LogFormat::Text);
    reqwest::blocking::Client::builder()
        .tls_certs_only(reqwest::Certificate::from_pem_bundle(roots_pem.as_bytes()).unwrap())
        .resolve(name, at)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

/// The time outside, which certificates are judged by.
pub(crate) fn now() -> jiff::Timestamp {
    SystemClock.now()
}

/// A loopback port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// An authority of a test's own.
pub(crate) struct Authority {
    params: rcgen::CertificateParams,
    key: rcgen::KeyPair,
    pub(crate) root_pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Authority of a test");
        let root_pem = params.self_signed(&key).unwrap().pem();
        Self { params, key, root_pem }
    }

    /// A certificate and its key, PEM, good for so many days around now.
    pub(crate) fn issue(&self, names: &[&str], days: i64) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_before =
            (std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(now().as_second() as u64)).into();
        params.not_after = params.not_before + Duration::from_secs(days as u64 * 86_400);
        params.not_before -= Duration::from_hours(1);
        let issuer = rcgen::Issuer::from_params(&self.params, &self.key);
        (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    }
}
