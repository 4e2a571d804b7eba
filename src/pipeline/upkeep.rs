//! What the service does by itself once a day: backups and retention, in a thread of their own.
//!
//! Only a service has this; commands and demos do not. It looks every half a minute and at once when somebody asks. A failure is
//! logged, shown by health and tried again later; stopping gives up what is under way, which leaves nothing half done.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::app::{App, Error};

/// How often it is looked at the clock.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The running thread; stops and joins it when dropped.
#[derive(Debug)]
pub struct UpkeepThread {
    app: Arc<App>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl UpkeepThread {
    pub fn start(app: &Arc<App>) -> Result<Self, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopping) = (Arc::clone(app), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name("upkeep".to_owned())
            .spawn(move || run(&shared, &stopping))
            .map_err(|error| Error::Unavailable(format!("start thread upkeep: {error}")))?;
        Ok(Self { app: Arc::clone(app), stop, thread: Some(thread) })
    }
}

impl Drop for UpkeepThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.app.upkeep_wake().signal();
        if let Some(thread) = self.thread.take() {
            // A panic inside was already reported by its own guard.
            let _ = thread.join();
        }
    }
}

fn run(app: &App, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let seen = app.upkeep_wake().seen();
        guarded("retention", || app.retention_tick(stop));
        guarded("backup", || app.backup_tick(stop));
        app.upkeep_wake().changed_blocking(seen, LOOK_EVERY);
    }
}

/// Runs a step; a failure is logged here, once.
fn guarded(what: &str, step: impl FnOnce() -> Result<bool, Error>) {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::error!(step = what, %error, code = error.code().name(), "daily step failed");
        }
        Err(_) => tracing::error!(step = what, "daily step panicked"),
    }
}
