//! HTTP: the routes (`routes`; all on one screen in `schema/routes.md`), the listeners, and what stands in front of each request.
//!
//! Calls `app` only. A handler gets its tenant from an extractor made of a verified token; there is no other way to one. App calls
//! block, so each runs on a blocking thread, at most `server.requests_max` at a time: a slow search never holds the runtime.

mod auth;
mod caller;
mod error;
mod extract;
mod metrics;
pub mod openapi;
mod operator;
mod ops;
mod pages;
mod posts;
mod routes;
mod search;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use tracing::Instrument as _;

pub use caller::DemoSession;
pub use error::ApiError;
pub use metrics::Metrics;

use crate::{
    app::{App, Error, ErrorCode},
    lifecycle,
};

/// What every handler can reach.
#[derive(Clone)]
pub struct Web {
    app: Arc<App>,
    metrics: Metrics,
    demo: Option<Arc<DemoSession>>,
    blocking: Arc<Semaphore>,
}

impl Web {
    pub fn new(app: &Arc<App>, metrics: Metrics, demo: Option<DemoSession>) -> Self {
        let blocking = Arc::new(Semaphore::new(app.config().server.requests_max));
        Self { app: Arc::clone(app), metrics, demo: demo.map(Arc::new), blocking }
    }

    /// Runs a blocking application call where it may block.
    async fn call<T: Send + 'static>(
        &self,
        body: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = Arc::clone(&self.blocking).acquire_owned().await;
        let app = Arc::clone(&self.app);
        let span = tracing::Span::current();
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            span.in_scope(|| body(&app))
        });
        match done.await {
            Ok(result) => result.map_err(ApiError::from),
            Err(_) => Err(ApiError::internal("a request's work panicked")),
        }
    }
}

/// Everything that is served, behind what stands in front of each request.
pub fn router(web: &Web) -> Router {
    let config = web.app.config();
    let (documented, _) = routes::documented().split_for_parts();
    let mut router = documented.merge(routes::files());
    if config.metrics_listen == Some(config.server.listen) {
        router = router.route("/metrics", get(ops::metrics));
    }
    router
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::bad_method)
        .layer(DefaultBodyLimit::max(config.server.body_bytes_max))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(web.clone(), around))
        .with_state(web.clone())
}

/// The metrics listener's only route.
fn metrics_router(web: &Web) -> Router {
    Router::new().route("/metrics", get(ops::metrics)).fallback(error::not_found).with_state(web.clone())
}

/// Longest request id taken over from a client, characters.
const REQUEST_ID_CHARS_MAX: usize = 64;
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Request id, security headers, log line and figures of every request.
async fn around(State(web): State<Web>, request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or("unmatched", axum::extract::MatchedPath::as_str)
        .to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("http", request_id = %id, %method, route);
    let started = std::time::Instant::now();
    let answered = error::with_request_id(id.clone(), answer(&web, request, next));
    let mut response = answered.instrument(span.clone()).await;
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    web.metrics.request(&method, &route, status, elapsed);
    span.in_scope(|| tracing::info!(status, duration_ms = elapsed.as_secs_f64() * 1000.0, "request"));
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID.clone(), value);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
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
    let longest = web.app.config().server.request_timeout;
    tokio::time::timeout(longest, next.run(request)).await.unwrap_or_else(|_| {
        let message = format!("this took longer than {} s; try again or ask for less", longest.as_secs());
        ApiError::new(ErrorCode::Unavailable, message).into_response()
    })
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

/// The bound listeners: the service's and, where it is apart, the metrics'.
#[derive(Debug)]
pub struct Listeners {
    main: TcpListener,
    metrics: Option<TcpListener>,
}

impl Listeners {
    /// Where the main listener really listens (port 0 in the configuration takes a free one).
    pub fn address(&self) -> Result<SocketAddr, Error> {
        self.main
            .local_addr()
            .map_err(|error| Error::Unavailable(format!("read the listener's address: {error}")))
    }
}

/// Takes the configured addresses.
pub async fn bind(app: &App) -> Result<Listeners, Error> {
    let config = app.config();
    let main = listen(config.server.listen, "server.listen").await?;
    let metrics = match config.metrics_listen.filter(|listen| *listen != config.server.listen) {
        Some(address) => Some(listen(address, "metrics.listen").await?),
        None => None,
    };
    Ok(Listeners { main, metrics })
}

async fn listen(address: SocketAddr, key: &str) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|error| {
        Error::Unavailable(format!(
            "listen on {address}: {error}; stop what uses it, or choose another address in {key}"
        ))
    })
}

/// Serves until `shutdown`, then finishes the requests that run.
pub async fn serve(
    app: &Arc<App>,
    listeners: Listeners,
    metrics: Metrics,
    demo: Option<DemoSession>,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let web = Web::new(app, metrics, demo);
    if let Some(listener) = listeners.metrics {
        let router = metrics_router(&web);
        lifecycle::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the metrics listener ended");
            }
        });
    }
    let router = router(&web);
    tracing::info!(address = ?listeners.main.local_addr().ok(), "listening");
    axum::serve(listeners.main, router)
        .with_graceful_shutdown(async move { shutdown.cancelled().await })
        .await
        .map_err(|error| Error::Unavailable(format!("serve: {error}")))
}
