//! The listeners, and how long a connection may take over what.
//!
//! A client that is slow to send its headers is cut off, so is one that keeps a connection and asks nothing, or asks and does not
//! read; the number of connections is bounded. At shutdown the requests that run are finished.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{DemoSession, Metrics, Web, metrics_router, router};
use crate::{
    app::{App, Error},
    lifecycle,
};

/// Headers of one request, at most.
const HEADERS_MAX: usize = 64;
/// Request line and headers together, bytes; what is longer is answered 431.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// A pause after the system refused to accept: it has no file left to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long requests that run may go on after the signal to stop.
const DRAIN_MAX: Duration = Duration::from_secs(30);

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
        let (router, shutdown, limits) = (metrics_router(&web), shutdown.clone(), Connections::of(app));
        lifecycle::spawn(async move { accept(listener, router, limits, shutdown).await });
    }
    tracing::info!(address = ?listeners.main.local_addr().ok(), "listening");
    accept(listeners.main, router(&web), Connections::of(app), shutdown).await;
    Ok(())
}

/// How connections are treated.
struct Connections {
    /// One permit a connection.
    open: Arc<Semaphore>,
    header_timeout: Duration,
    write_timeout: Duration,
}

impl Connections {
    fn of(app: &App) -> Self {
        let server = app.config().server;
        Self {
            open: Arc::new(Semaphore::new(server.connections_max)),
            header_timeout: server.header_timeout,
            write_timeout: server.write_timeout,
        }
    }
}

/// Takes connections until `shutdown`, then waits for the requests that run.
async fn accept(listener: TcpListener, router: Router, limits: Connections, shutdown: CancellationToken) {
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    let running = GracefulShutdown::new();
    loop {
        // The permit comes first: beyond the limit, connections wait in the system's queue.
        let next = async {
            let permit = Arc::clone(&limits.open).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = protocol.serve_connection(
                    TokioIo::new(ready(stream, limits.write_timeout)),
                    service(&router, peer),
                );
                let connection = running.watch(connection);
                lifecycle::spawn(async move {
                    if let Err(error) = pin!(connection).await {
                        tracing::debug!(%error, "a connection ended");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_MAX, running.shutdown()).await.is_err() {
        tracing::warn!("requests still ran {} s after the signal to stop", DRAIN_MAX.as_secs());
    }
}

/// Small answers go out at once; the system ends a connection whose client has read nothing for so long.
fn ready(stream: TcpStream, write_timeout: Duration) -> TcpStream {
    let set = stream.set_nodelay(true);
    let set = set.and_then(|()| SockRef::from(&stream).set_tcp_user_timeout(Some(write_timeout)));
    if let Err(error) = set {
        tracing::debug!(%error, "cannot set the connection's options");
    }
    stream
}

/// The router, told who is at the other end.
fn service(
    router: &Router,
    peer: SocketAddr,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send,
> + use<> {
    let router = router.clone();
    service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    })
}
