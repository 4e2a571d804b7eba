//! `tga serve`: opens the appliance, starts the engine, the socket and HTTP, and ends them in the opposite order.

use std::{process::ExitCode, sync::Arc};

use super::{arguments::Global, configuration, socket};
use crate::{
    app::{App, Error},
    bot::BotService,
    clock::SystemClock,
    http, lifecycle,
    pipeline::{Engine, UpkeepThread},
};

/// Blocking threads beside those that answer requests: for accounts, exports, files. Without a bound the runtime's pool grows to
/// hundreds under load, and each thread keeps memory of its own.
const BLOCKING_THREADS_BESIDE: usize = 32;

pub(super) fn serve(global: &Global) -> Result<ExitCode, Error> {
    let config = configuration::load(global)?;
    configuration::trace(&config, global, true);
    let app = App::open(config, Arc::new(SystemClock))?;
    run(&app, None, &mut || {})?;
    Ok(ExitCode::SUCCESS)
}

/// Serves until a signal; `ready` is called when the listener takes requests.
pub(super) fn run(
    app: &Arc<App>,
    demo: Option<http::DemoSession>,
    ready: &mut dyn FnMut(),
) -> Result<(), Error> {
    let metrics = http::Metrics::install();
    socket::listen(app)?;
    let engine = Engine::start(app, true)?;
    // A demo keeps what it shows.
    let upkeep = if demo.is_none() { Some(UpkeepThread::start(app)?) } else { None };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(app.config().server.requests_max + BLOCKING_THREADS_BESIDE)
        .build()
        .map_err(|error| Error::Unavailable(format!("start the async runtime: {error}")))?;
    let served = runtime.block_on(async {
        let shutdown = lifecycle::shutdown_token()
            .map_err(|error| Error::Unavailable(format!("listen for signals: {error}")))?;
        let listeners = http::bind(app).await?;
        let tasks = lifecycle::Tasks::new(tokio::runtime::Handle::current());
        if let Some(bot) = BotService::open(app) {
            bot.start(&tasks, &shutdown);
        }
        let starting = Arc::clone(app);
        // Opening tenants and unsealing sessions blocks.
        let started = tasks.clone().spawn_blocking(move || starting.telegram_start(tasks)).await;
        started.map_err(|_| Error::Unavailable("starting Telegram accounts panicked".to_owned()))??;
        lifecycle::notify_ready();
        ready();
        http::serve(app, listeners, metrics, demo, shutdown).await
    });
    lifecycle::notify_stopping();
    app.telegram_stop();
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    drop(upkeep);
    drop(engine);
    served
}
