//! How a certificate authority is asked: the HTTP client of the rest of the program, with its roots or somebody's own.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use instant_acme::{BodyWrapper, BytesResponse, Error as AcmeError, HttpClient};

use super::Error;

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(20);

pub(super) struct Client(reqwest::Client);

impl Client {
    /// `root_pem`: certificates that the authority itself is proved by; `None`: those of the system.
    pub(super) fn new(root_pem: Option<&str>) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder().timeout(TIMEOUT).https_only(true);
        if let Some(pem) = root_pem {
            let roots = reqwest::Certificate::from_pem_bundle(pem.as_bytes());
            let roots = roots.map_err(|_| Error("tls.ca_file holds no certificates as PEM".to_owned()))?;
            builder = builder.tls_certs_only(roots);
        }
        let client = builder.build();
        client.map(Self).map_err(|error| Error(format!("the HTTP client cannot be set up: {error}")))
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: http_messages::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, AcmeError>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let other = |error: reqwest::Error| AcmeError::Other(Box::new(error));
            let request = reqwest::Request::try_from(request.map(reqwest::Body::wrap)).map_err(other)?;
            let response = client.execute(request).await.map_err(other)?;
            Ok(BytesResponse::from(http_messages::Response::<reqwest::Body>::from(response)))
        })
    }
}
