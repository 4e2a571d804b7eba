//! HTTP: the routes (`routes`; all on one screen in `schema/routes.md`), the listeners, and what stands in front of each request.
//!
//! Calls `app` only. A handler gets its tenant from an extractor made of a verified token; there is no other way to one. App calls
//! block, so each runs on a blocking thread, at most `server.requests_max` at a time: a slow search never holds the runtime. Those
//! that keep a processor busy (searches, answers) wait for one another first, so that a flood of them leaves room for the rest.

mod account;
mod admin;
mod alerts;
mod around;
mod auth;
mod bot;
mod caller;
mod channels;
mod costly;
mod docs;
mod error;
mod extract;
mod feedback;
mod history;
mod limits;
mod login;
mod metrics;
mod miniapp;
mod models;
pub mod openapi;
mod operator;
mod ops;
mod pages;
mod passkeys;
mod posts;
mod redirect;
mod routes;
mod saved_posts;
mod search;
mod serve;
mod shape;
mod streams;
mod tags;
mod users;

use std::sync::{Arc, LazyLock};

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::get};
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;

pub use caller::DemoSession;
pub use error::ApiError;
pub use metrics::Metrics;
pub use serve::{Listeners, bind, serve};

use self::costly::Costly;
use crate::app::{App, Error};

/// What every handler can reach.
#[derive(Clone)]
pub struct Web {
    app: Arc<App>,
    metrics: Metrics,
    demo: Option<Arc<DemoSession>>,
    limits: Arc<limits::Limits>,
    streams: Arc<streams::Streams>,
    blocking: Arc<Semaphore>,
    costly: Arc<Costly>,
}

impl Web {
    pub fn new(app: &Arc<App>, metrics: Metrics, demo: Option<DemoSession>) -> Self {
        let blocking = Arc::new(Semaphore::new(app.config().server.requests_max));
        let costly = Arc::new(Costly::new());
        let limits = Arc::new(limits::Limits::new(app.config().limits, app.clock()));
        let streams = Arc::new(streams::Streams::new(app.config().limits));
        Self { app: Arc::clone(app), metrics, demo: demo.map(Arc::new), limits, streams, blocking, costly }
    }

    /// Runs an application call that keeps a processor busy; a few at a time.
    async fn call_costly<T: Send + 'static>(
        &self,
        body: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let app = Arc::clone(&self.app);
        let span = tracing::Span::current();
        done(self.costly.run(move || span.in_scope(|| body(&app))).await)
    }

    /// Runs a blocking application call where it may block.
    async fn call<T: Send + 'static>(
        &self,
        body: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = Arc::clone(&self.blocking).acquire_owned().await;
        let app = Arc::clone(&self.app);
        let span = tracing::Span::current();
        let working = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            span.in_scope(|| body(&app))
        });
        done(working.await)
    }
}

fn done<T>(worked: Result<Result<T, Error>, tokio::task::JoinError>) -> Result<T, ApiError> {
    match worked {
        Ok(result) => result.map_err(ApiError::from),
        Err(_) => Err(ApiError::internal("a request's work panicked")),
    }
}

/// All routes, without their document, which takes longest to make: tests make a router for each request.
static ROUTES: LazyLock<Router<Web>> =
    LazyLock::new(|| routes::documented().split_for_parts().0.merge(routes::files()));

/// Everything that is served, behind what stands in front of each request.
pub fn router(web: &Web) -> Router {
    let config = web.app.config();
    let mut router = ROUTES.clone();
    if config.metrics_listen == Some(config.server.listen) {
        router = router.route("/metrics", get(ops::metrics));
    }
    router
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::bad_method)
        .layer(DefaultBodyLimit::max(config.server.body_bytes_max))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(web.clone(), around::around))
        .with_state(web.clone())
}

/// The metrics listener's only route.
fn metrics_router(web: &Web) -> Router {
    Router::new().route("/metrics", get(ops::metrics)).fallback(error::not_found).with_state(web.clone())
}
