//! Who asks: the only way from a request to a tenant.
//!
//! A handler takes one of four: [`Caller`] may read, [`Writer`] change what is theirs, [`TenantAdmin`] the whole tenant,
//! [`Operator`] the installation. Each exists only for a valid credential with that right (or, to read, for the demo page's
//! own session on loopback), so a handler that has one need not ask again.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, header, request::Parts},
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{ApiError, Web, around::route_of, error, streams::StreamReader};
use crate::{
    app::{Error, Tenant, access::Access, audit::Origin, sessions::Device, tokens::random_hex},
    model::{Actor, ChannelSet, MembershipId},
    store::{Member, Scope},
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
    scope: Scope,
    actor: Actor,
    member: Option<Member>,
    session: Option<Uuid>,
    ip: Option<IpAddr>,
}

/// A caller who may change what is theirs: any member, or a token of scope `write`.
#[derive(Debug, Clone)]
pub(super) struct Writer(pub(super) Caller);

/// A caller who manages the tenant: a member of role `admin`, or a token of scope `admin`.
#[derive(Debug, Clone)]
pub(super) struct TenantAdmin(pub(super) Caller);

/// A person who runs the installation; no token ever is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operator(());

/// Where the request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientIp(pub(super) IpAddr);

impl Caller {
    /// The person who asks; an API token is none.
    pub(super) fn member(&self) -> Result<&Member, Error> {
        self.member
            .as_ref()
            .ok_or(Error::Forbidden("this is for a person who has signed in, not for a token"))
    }

    /// The id of the person who asks.
    pub(super) fn user_id(&self) -> Result<MembershipId, Error> {
        self.member().map(|member| member.id)
    }

    /// Whether the caller manages the tenant.
    pub(super) fn is_admin(&self) -> bool {
        self.scope >= Scope::Admin
    }

    /// Who is counted when this caller reads a stream.
    pub(super) fn stream_reader(&self) -> StreamReader {
        StreamReader::Actor(self.actor)
    }

    pub(super) fn session(&self) -> Option<Uuid> {
        self.session
    }

    /// Who acts, for the audit log.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            actor: self.actor,
            request_id: error::current_request_id(),
            ip: self.ip.map(|ip| ip.to_string()),
        }
    }

    fn new(access: Access, ip: Option<IpAddr>) -> Self {
        Self {
            tenant: access.tenant,
            channels: access.channels,
            scope: access.scope,
            actor: access.actor,
            member: access.member,
            session: access.session,
            ip,
        }
    }
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
        let ip = parts.extensions.get::<ClientIp>().map(|ip| ip.0);
        if let Some(token) = bearer(&parts.headers) {
            let token = token.to_owned();
            let access = web.call(move |app| app.access(&token)).await?;
            let (actor, tenant) = (access.actor, access.tenant.id().0.as_u128());
            web.limits.check_caller(actor, tenant, &parts.method, route_of(&parts.extensions))?;
            return Ok(Caller::new(access, ip));
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
                actor: Actor::System,
                member: None,
                session: None,
                ip,
            });
        }
        Err(Error::Unauthorized(
            "sign in, or send an API token as `Authorization: Bearer …`; `tga token create` makes one",
        )
        .into())
    }
}

impl FromRequestParts<Web> for Writer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, web).await?;
        if caller.scope < Scope::Write {
            return Err(Error::Forbidden("this changes something; it takes a token of scope write").into());
        }
        Ok(Self(caller))
    }
}

impl FromRequestParts<Web> for TenantAdmin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, web).await?;
        if caller.scope < Scope::Admin {
            return Err(Error::Forbidden("this is for the tenant's admins").into());
        }
        Ok(Self(caller))
    }
}

impl FromRequestParts<Web> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, web).await?;
        if !caller.member.as_ref().is_some_and(|member| web.app.is_operator(member)) {
            return Err(Error::Forbidden("this is for those who run the installation (`operators`)").into());
        }
        Ok(Self(()))
    }
}

/// Whoever has signed in already, where a route is open to all; a credential that is no good makes nobody.
#[derive(Debug)]
pub(super) struct SignedInAlready(pub(super) Option<Member>);

impl FromRequestParts<Web> for SignedInAlready {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiError> {
        if bearer(&parts.headers).is_none() {
            return Ok(Self(None));
        }
        let caller = Caller::from_request_parts(parts, web).await.ok();
        Ok(Self(caller.and_then(|caller| caller.member)))
    }
}

impl FromRequestParts<Web> for ClientIp {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Web) -> Result<Self, Self::Rejection> {
        let from_nowhere = ClientIp(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Ok(parts.extensions.get::<ClientIp>().copied().unwrap_or(from_nowhere))
    }
}

/// Where a request comes from, for those who have not signed in yet.
impl FromRequestParts<Web> for Device {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Web) -> Result<Self, Self::Rejection> {
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let ip = parts.extensions.get::<ClientIp>().map(|ip| ip.0.to_string());
        Ok(Self { user_agent: agent.map(str::to_owned), ip })
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
