//! The engine's threads: one takes posts through their stages and sweeps, one makes vectors.
//!
//! Plain threads, because the work is processor and disk, never the network; the async runtime stays free for the faces. A
//! thread that meets an error goes on after a pause; one that is told nothing can work says so (`/ready`, doctor) and keeps
//! looking whether it can again.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{EmbedOutcome, TickOutcome, embed_tick, sweep, tick};
use crate::{
    app::{App, Error},
    model::Disposition,
};

/// Pause after an error, and between looks when nothing can work.
const ERROR_PAUSE: Duration = Duration::from_secs(5);
/// Longest wait of an idle thread.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(30);
/// How often idle tenants are closed.
const TENANTS_CLOSE_EVERY: Duration = Duration::from_mins(1);

/// The running engine; stops and joins its threads when dropped.
#[derive(Debug)]
pub struct Engine {
    app: Arc<App>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Starts the pipeline thread and, with `embed`, the vector thread.
    pub fn start(app: &Arc<App>, embed: bool) -> Result<Self, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut engine = Self { app: Arc::clone(app), stop, threads: Vec::new() };
        engine.thread("pipeline", pipeline_loop)?;
        if embed {
            engine.thread("embed", embed_loop)?;
        }
        Ok(engine)
    }

    fn thread(&mut self, name: &str, body: fn(&App, &AtomicBool)) -> Result<(), Error> {
        let (app, stop) = (Arc::clone(&self.app), Arc::clone(&self.stop));
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || body(&app, &stop))
            .map_err(|error| Error::Unavailable(format!("start thread {name}: {error}")))?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.app.queue().waiting().signal();
        self.app.embed_wake().signal();
        for thread in self.threads.drain(..) {
            // A panic inside was already reported by its own guard.
            let _ = thread.join();
        }
    }
}

/// Works until nothing is due, in the caller's thread: how a command without a service finishes what it began.
pub fn drain(app: &App) -> Result<(), Error> {
    let mut swept = sweep(app)?;
    loop {
        match tick(app)? {
            TickOutcome::Worked(_) => {}
            TickOutcome::Idle if swept.complete => return Ok(()),
            TickOutcome::Idle => swept = sweep(app)?,
            TickOutcome::Halted(reason) => return Err(Error::Unavailable(reason)),
        }
    }
}

fn pipeline_loop(app: &App, stop: &AtomicBool) {
    let mut sweep_due = Instant::now();
    let mut close_due = Instant::now();
    // The queue could not take every unfinished post: the rest is looked for as soon as it is empty.
    let mut posts_left = false;
    while !stop.load(Ordering::Relaxed) {
        let seen = app.queue().waiting().seen();
        if app.sweep_wanted() || Instant::now() >= sweep_due {
            guarded("sweep", || {
                posts_left = !sweep(app)?.complete;
                Ok(())
            });
            sweep_due = Instant::now() + app.config().pipeline.sweep_every;
        }
        if Instant::now() >= close_due {
            app.tenants_close_idle(app.config().tenants_idle_close);
            close_due = Instant::now() + TENANTS_CLOSE_EVERY;
        }
        let (outcome, failed) = tick_guarded(app);
        let wait = match outcome {
            TickOutcome::Worked(_) => {
                app.halt(None);
                Duration::ZERO
            }
            TickOutcome::Halted(reason) => {
                app.halt(Some(reason));
                pause(app, stop);
                Duration::ZERO
            }
            TickOutcome::Idle if failed => {
                pause(app, stop);
                Duration::ZERO
            }
            TickOutcome::Idle if posts_left => {
                app.sweep_want();
                posts_left = false;
                Duration::ZERO
            }
            TickOutcome::Idle => {
                app.halt(None);
                idle_wait(app, sweep_due)
            }
        };
        if !wait.is_zero() {
            app.queue().waiting().changed_blocking(seen, wait);
        }
    }
}

/// One tick. An error that no repetition cures halts, so that those who wait for the pipeline learn of it.
fn tick_guarded(app: &App) -> (TickOutcome, bool) {
    let mut outcome = TickOutcome::Idle;
    let failed = guarded("tick", || match tick(app) {
        Ok(done) => {
            outcome = done;
            Ok(())
        }
        Err(error) => {
            if matches!(error.disposition(), Disposition::Halt) {
                outcome = TickOutcome::Halted(error.to_string());
            }
            Err(error)
        }
    });
    (outcome, failed)
}

/// Waits out an error. What signalled before does not cut it short: giving jobs back signals, too.
fn pause(app: &App, stop: &AtomicBool) {
    let seen = app.queue().waiting().seen();
    if !stop.load(Ordering::Relaxed) {
        app.queue().waiting().changed_blocking(seen, ERROR_PAUSE);
    }
}

/// Until the next job is due, the next sweep, or the longest wait.
fn idle_wait(app: &App, sweep_due: Instant) -> Duration {
    let to_sweep = sweep_due.saturating_duration_since(Instant::now());
    let to_job = app.queue().next_due().map_or(IDLE_WAIT_MAX, |due| {
        Duration::try_from(due.duration_since(app.now())).unwrap_or(Duration::ZERO)
    });
    to_sweep.min(to_job).clamp(Duration::from_millis(10), IDLE_WAIT_MAX)
}

fn embed_loop(app: &App, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let seen = app.embed_wake().seen();
        let mut outcome = EmbedOutcome::Idle;
        let failed = guarded("embed", || {
            outcome = embed_tick(app, stop)?;
            Ok(())
        });
        match outcome {
            EmbedOutcome::Embedded(_) => app.queue().room().signal(),
            EmbedOutcome::Idle | EmbedOutcome::NoModel => {
                let wait = if failed { ERROR_PAUSE } else { IDLE_WAIT_MAX };
                app.embed_wake().changed_blocking(seen, wait);
            }
        }
    }
}

/// Runs a step; says whether it failed. Logged here, once.
fn guarded(what: &str, step: impl FnOnce() -> Result<(), Error>) -> bool {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(Ok(())) => false,
        Ok(Err(error)) => {
            tracing::error!(step = what, %error, code = error.code().name(), "step failed");
            true
        }
        Err(_) => {
            tracing::error!(step = what, "step panicked");
            true
        }
    }
}
