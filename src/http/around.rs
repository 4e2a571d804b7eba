//! What stands in front of each request and behind each answer: request id, log line, figures, limits, security headers.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tracing::Instrument as _;

use super::{ApiError, Web, caller::ClientIp, error, limits, miniapp};
use crate::app::ErrorCode;

/// Longest request id taken over from a client, characters.
const REQUEST_ID_CHARS_MAX: usize = 64;
/// Longest path with its query, bytes.
const URI_BYTES_MAX: usize = 8 * 1024;
/// Routes that may wait for a model of somebody else's.
const ASKING_MODELS: [&str; 3] = ["/api/rag/query", "/api/admin/models/test", "/api/operator/models/test"];
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The route of a request as it is written in the router: a bounded set.
pub(super) fn route_of(extensions: &axum::http::Extensions) -> &str {
    extensions.get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str)
}

pub(super) async fn around(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let route = route_of(request.extensions()).to_owned();
    let method = request.method().clone();
    let ip = client_ip(&web, &request);
    request.extensions_mut().insert(ClientIp(ip));
    let span = tracing::info_span!("http", request_id = %id, %method, route);
    let started = Instant::now();
    let answered = async {
        if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > URI_BYTES_MAX) {
            let message = format!("the address is longer than {URI_BYTES_MAX} bytes");
            return ApiError::new(ErrorCode::UriTooLong, message).into_response();
        }
        match web.limits.check_address(ip, &method, &route) {
            Ok(()) => answer(&web, request, next).await,
            Err(refused) => refused.into_response(),
        }
    };
    let answered = error::with_request_id(id.clone(), limits::counted(answered));
    let (mut response, allowance) = answered.instrument(span.clone()).await;
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    web.metrics.request(&method, &route, status, elapsed);
    span.in_scope(|| tracing::info!(status, duration_ms = elapsed.as_secs_f64() * 1000.0, "request"));
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID.clone(), value);
    }
    if let Some(allowance) = allowance {
        allowance.write(headers);
    }
    // The Mini App is shown inside Telegram's page; its own policy says who may frame it.
    if !miniapp::is_route(&route) {
        headers.entry(header::X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    }
    let tls = &web.app.config().tls;
    if let Some(hsts) = tls.hsts.filter(|_| tls.is_on())
        && let Ok(value) = HeaderValue::from_str(&format!("max-age={}", hsts.as_secs()))
    {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The answer, or that it took too long; what was begun goes on and is dropped.
async fn answer(web: &Web, request: Request, next: Next) -> Response {
    let mut longest = web.app.config().server.request_timeout;
    if ASKING_MODELS.contains(&route_of(request.extensions())) {
        longest += web.app.model_patience();
    }
    tokio::time::timeout(longest, next.run(request)).await.unwrap_or_else(|_| {
        let message = format!("this took longer than {} s; try again or ask for less", longest.as_secs());
        ApiError::new(ErrorCode::Unavailable, message).into_response()
    })
}

/// Where the request comes from; within the process, from nowhere.
fn client_ip(web: &Web, request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    limits::client_address(peer, request.headers(), &web.app.config().trusted_proxies)
}

/// The client's request id where it is harmless, else a new one.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let harmless = |id: &&str| {
        !id.is_empty()
            && id.len() <= REQUEST_ID_CHARS_MAX
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    given.filter(harmless).map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}
