//! `tga serve`: opens the appliance, starts the engine, the socket and HTTP, and ends them in the opposite order.

use std::{process::ExitCode, sync::Arc, time::Duration};

use super::{arguments::Global, configuration, owner::Owner, socket};
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

/// How long the service waits for a command that has the data directory: `tga status` asked while it starts must not end it.
const DIRECTORY_WAIT: Duration = Duration::from_secs(10);

pub(super) fn serve(global: &Global) -> Result<ExitCode, Error> {
    let config = configuration::load(global)?;
    configuration::trace(&config, global, true);
    if let Some(owner) = Owner::of(&config.data_dir) {
        owner.become_for_good()?;
    }
    let app = App::open_within(config, Arc::new(SystemClock), DIRECTORY_WAIT)?;
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
        lifecycle::systemd::notify_ready();
        watchdog(app);
        ready();
        http::serve(app, listeners, metrics, demo, shutdown).await
    });
    lifecycle::systemd::notify_stopping();
    app.telegram_stop();
    runtime.shutdown_timeout(Duration::from_secs(5));
    drop(upkeep);
    drop(engine);
    served
}

/// Tells systemd that the service is alive as long as it is. The look goes the way of every request (runtime, blocking thread,
/// database), so whatever holds those up also holds up the message, and systemd starts the service anew.
fn watchdog(app: &Arc<App>) {
    let Some(every) = lifecycle::systemd::watchdog_every() else { return };
    let app = Arc::clone(app);
    let tasks = lifecycle::Tasks::new(tokio::runtime::Handle::current());
    lifecycle::spawn(async move {
        loop {
            let looking = Arc::clone(&app);
            match tasks.spawn_blocking(move || looking.liveness()).await {
                Ok(Ok(status)) => lifecycle::systemd::notify_alive(&status),
                Ok(Err(stuck)) => {
                    tracing::error!(%stuck, "not alive");
                    lifecycle::systemd::notify_status(&stuck.to_string());
                }
                Err(_) => tracing::error!("looking whether the service is alive panicked"),
            }
            tokio::time::sleep(every).await;
        }
    });
}
