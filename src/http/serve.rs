//! The listeners, and how long a connection may take over what.
//!
//! A client that is slow to send its headers is cut off, so is one that keeps a connection and asks nothing, or asks and does not
//! read; the number of connections is bounded. At shutdown the requests that run are finished.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{DemoSession, Metrics, Web, metrics_router, redirect, router};
use crate::{
    app::{App, Error},
    lifecycle::{self, systemd},
    tls,
};

/// Headers of one request, at most.
const HEADERS_MAX: usize = 64;
/// Request line and headers together, bytes; what is longer is answered 431.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// A pause after the system refused to accept: it has no file left to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long requests that run may go on after the signal to stop.
const DRAIN_MAX: Duration = Duration::from_secs(30);

/// How often it is looked whether the certificate is to be renewed or its files have changed.
const CERTIFICATE_EVERY: Duration = Duration::from_mins(1);

/// The bound listeners: the service's, the one that sends to HTTPS and, where it is apart, the metrics'.
#[derive(Debug)]
pub struct Listeners {
    main: TcpListener,
    plain: Option<TcpListener>,
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

/// Takes the configured addresses; sockets that systemd opened take the place of the first two.
pub async fn bind(app: &App) -> Result<Listeners, Error> {
    let config = app.config();
    let given = |error| Error::Unavailable(format!("take the sockets of tga.socket: {error}"));
    let sockets = systemd::sockets().map_err(given)?;
    let main = match sockets.main {
        Some(main) => TcpListener::from_std(main).map_err(given)?,
        None => listen(config.server.listen, "server.listen").await?,
    };
    let plain = match (sockets.plain, config.tls.redirect_listen) {
        // Without TLS there is nowhere to send anybody; the socket stays closed.
        (Some(_) | None, None) if !config.tls.is_on() => None,
        (Some(plain), _) => Some(TcpListener::from_std(plain).map_err(given)?),
        (None, Some(address)) => Some(listen(address, "tls.redirect_listen").await?),
        (None, None) => None,
    };
    let metrics = match config.metrics_listen.filter(|listen| *listen != config.server.listen) {
        Some(address) => Some(listen(address, "metrics.listen").await?),
        None => None,
    };
    Ok(Listeners { main, plain, metrics })
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
        lifecycle::spawn(async move { accept(listener, None, router, limits, shutdown).await });
    }
    if let Some(listener) = listeners.plain {
        let (router, shutdown, limits) = (redirect::router(&web), shutdown.clone(), Connections::of(app));
        lifecycle::spawn(async move { accept(listener, None, router, limits, shutdown).await });
    }
    let acceptor = acceptor(app, &shutdown)?;
    tracing::info!(address = ?listeners.main.local_addr().ok(), "listening");
    accept(listeners.main, acceptor, router(&web), Connections::of(app), shutdown).await;
    Ok(())
}

/// What speaks TLS on the main listener, its certificate looked after; `None`: it is plain.
fn acceptor(app: &Arc<App>, shutdown: &CancellationToken) -> Result<Option<TlsAcceptor>, Error> {
    if !app.config().tls.is_on() {
        return Ok(None);
    }
    app.certificate_load()?;
    let config = tls::server_config(app.certificates());
    let config = config.map_err(|error| Error::Unavailable(error.to_string()))?;
    let (app, shutdown) = (Arc::clone(app), shutdown.clone());
    lifecycle::spawn(async move {
        loop {
            if let Err(error) = app.certificate_step().await {
                tracing::warn!(%error, "no new certificate");
            }
            tokio::select! {
                () = tokio::time::sleep(CERTIFICATE_EVERY) => {}
                () = shutdown.cancelled() => return,
            }
        }
    });
    Ok(Some(TlsAcceptor::from(config)))
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
async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    limits: Connections,
    shutdown: CancellationToken,
) {
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
                let talk =
                    Talk { protocol: protocol.clone(), router: router.clone(), peer, permit: permit.ok() };
                let (stream, watcher) = (ready(stream, limits.write_timeout), running.watcher());
                match &acceptor {
                    None => lifecycle::spawn(talk.run(stream, watcher)),
                    Some(acceptor) => {
                        let handshake = acceptor.accept(stream);
                        let longest = limits.header_timeout;
                        lifecycle::spawn(async move {
                            match tokio::time::timeout(longest, handshake).await {
                                // The question of a certificate authority is answered by the handshake.
                                Ok(Ok(stream))
                                    if stream.get_ref().1.alpn_protocol() == Some(tls::ALPN_CHALLENGE) => {}
                                Ok(Ok(stream)) => talk.run(stream, watcher).await,
                                Ok(Err(error)) => tracing::debug!(%error, "no TLS connection"),
                                Err(_) => tracing::debug!("a TLS handshake took too long"),
                            }
                        });
                    }
                }
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

/// One connection and what answers on it.
struct Talk {
    protocol: http1::Builder,
    router: Router,
    peer: SocketAddr,
    permit: Option<OwnedSemaphorePermit>,
}

impl Talk {
    async fn run(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, watcher: Watcher) {
        let connection =
            self.protocol.serve_connection(TokioIo::new(stream), service(&self.router, self.peer));
        if let Err(error) = pin!(watcher.watch(connection)).await {
            tracing::debug!(%error, "a connection ended");
        }
        drop(self.permit);
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
