//! The process: tracing, crypto provider, signals, spawned tasks.
//!
//! The only caller of `tokio::spawn`. Shutdown is soft first (stop taking work, finish what runs), hard at the second signal.

mod journal;
pub mod systemd;

use std::{io, sync::Once};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::LogFormat;

static ONCE: Once = Once::new();

/// What every process needs before anything else; calling it again does nothing.
pub fn start(level: &str, format: LogFormat) {
    ONCE.call_once(|| {
        // The one crypto provider is ring; a second choice would be an error, and there is none.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
        let builder = fmt().with_env_filter(filter).with_writer(journal::Stderr::new());
        match format {
            LogFormat::Json => builder.json().flatten_event(true).init(),
            // The journal has its own time beside each line.
            LogFormat::Text if std::env::var_os("JOURNAL_STREAM").is_some() => {
                builder.with_target(false).with_ansi(false).without_time().init();
            }
            LogFormat::Text => builder.with_target(false).init(),
        }
    });
}

/// A token that is cancelled at the first SIGINT or SIGTERM; the second ends the process at once.
pub fn shutdown_token() -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let cancelled = token.clone();
    spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        tracing::info!("stopping; once more stops at once");
        cancelled.cancel();
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        std::process::exit(1);
    });
    Ok(token)
}

/// Runs a task on the runtime.
#[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// Where long-running tasks are started from code that has no runtime of its own.
#[derive(Debug, Clone)]
pub struct Tasks(tokio::runtime::Handle);

impl Tasks {
    pub fn new(runtime: tokio::runtime::Handle) -> Self {
        Self(runtime)
    }

    /// Starts a task; a panic in it is an error of whoever waits for the handle.
    pub fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.0.spawn(task)
    }

    /// Runs work that blocks, on a thread made for that.
    pub fn spawn_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.0.spawn_blocking(work)
    }

    /// Finishes a task in a thread that may block; never call it inside a task.
    pub fn block_on<T>(&self, task: impl Future<Output = T>) -> T {
        self.0.block_on(task)
    }
}
