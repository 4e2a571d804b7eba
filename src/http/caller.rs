//! Who asks: the only way from a request to a tenant.
//!
//! A [`Caller`] exists only for a valid API token, or for the demo page's own session on loopback.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, header, request::Parts},
};
use sha2::{Digest as _, Sha256};

use super::{ApiError, Web};
use crate::{
    app::{Error, Tenant, tokens::random_hex},
    model::ChannelSet,
    store::Scope,
};

/// The demo page's cookie.
const DEMO_COOKIE: &str = "tga_demo";
/// A header that another site's form cannot set; with `SameSite=Strict` the second lock against cross-site requests.
const REQUESTED_WITH: &str = "x-requested-with";

/// Whoever asks, with the tenant and the channels they may see.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) tenant: Arc<Tenant>,
    pub(super) channels: ChannelSet,
    #[expect(dead_code, reason = "routes that write ask for it; there are none yet")]
    pub(super) scope: Scope,
}

/// The session of the demo page: made anew at each start, handed out as a cookie, good for the demo tenant only.
#[derive(Debug)]
pub struct DemoSession {
    secret: String,
    tenant: Arc<Tenant>,
}

impl DemoSession {
    pub fn new(tenant: Arc<Tenant>) -> Result<Self, Error> {
        Ok(Self { secret: random_hex()?, tenant })
    }

    /// The cookie that opens the demo.
    pub(super) fn cookie(&self) -> String {
        format!("{DEMO_COOKIE}={}; HttpOnly; SameSite=Strict; Path=/", self.secret)
    }

    pub(super) fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    fn opened_by(&self, headers: &HeaderMap) -> bool {
        let given = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .find_map(|cookie| cookie.trim().strip_prefix(DEMO_COOKIE)?.strip_prefix('='));
        // Comparing digests takes the same time wherever the two differ.
        given.is_some_and(|given| Sha256::digest(given.as_bytes()) == Sha256::digest(self.secret.as_bytes()))
    }
}

impl FromRequestParts<Web> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiError> {
        if let Some(token) = bearer(&parts.headers) {
            let token = token.to_owned();
            let (tenant, scope) = web.call(move |app| app.token_authenticate(&token)).await?;
            return Ok(Caller { tenant, channels: ChannelSet::All, scope });
        }
        if let Some(demo) = web.demo.as_ref().filter(|demo| demo.opened_by(&parts.headers)) {
            let changes = parts.method != Method::GET && parts.method != Method::HEAD;
            if changes && !parts.headers.contains_key(REQUESTED_WITH) {
                return Err(
                    Error::Forbidden("a request with the demo's cookie also needs X-Requested-With").into()
                );
            }
            return Ok(Caller {
                tenant: Arc::clone(demo.tenant()),
                channels: ChannelSet::All,
                scope: Scope::Read,
            });
        }
        Err(Error::Unauthorized(
            "send an API token as `Authorization: Bearer …`; `tga token create` makes one",
        )
        .into())
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
