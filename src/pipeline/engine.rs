//! The engine's threads: some take posts through their stages, the first of them also sweeps, one makes vectors, one has vectors
//! made outside, one reads pages behind links, one has models tag.
//!
//! Plain threads, because the work is processor and disk (pages have a runtime of their own); the async runtime of the service stays free for the faces. While
//! one worker waits for a disk or a commit, another computes; a job is claimed by one of them only. A sweep runs when no step
//! does: it may rebuild an index, and must not put an older text over a newer one. A thread that meets an error goes on after a
//! pause; one that is told nothing can work says so (`/ready`, doctor) and keeps looking whether it can again.

use std::{
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    EmbedOutcome, EmbedOutsideOutcome, LinkReader, LinksOutcome, ModelTagsOutcome, OutsideVectors,
    TickOutcome, embed_tick, model_tags_tick, sweep, tick,
};
use crate::{
    app::{App, Error},
    model::Disposition,
};

/// Pause after an error, and between looks when nothing can work.
const ERROR_PAUSE: Duration = Duration::from_secs(5);
/// Longest wait of an idle thread.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(30);
/// Most threads that take posts through their stages: beyond that the one writer of each store is what they wait for.
const WORKERS_MAX: usize = 4;
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
    /// Starts a worker a core (at most `WORKERS_MAX`) and, with `embed`, the threads that make vectors.
    pub fn start(app: &Arc<App>, embed: bool) -> Result<Self, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut engine = Self { app: Arc::clone(app), stop, threads: Vec::new() };
        let workers = std::thread::available_parallelism().map_or(1, NonZero::get).min(WORKERS_MAX);
        let gate = Arc::new(RwLock::new(()));
        for number in 0..workers {
            let gate = Arc::clone(&gate);
            engine.thread(&format!("pipeline-{number}"), move |app, stop| {
                Worker { number, app, stop, gate: &gate }.run(number == 0);
            })?;
        }
        if embed {
            engine.thread("embed", embed_loop)?;
            engine.thread("embed-outside", embed_outside_loop)?;
        }
        engine.thread("links", links_loop)?;
        engine.thread("model-tags", model_tags_loop)?;
        Ok(engine)
    }

    fn thread(
        &mut self,
        name: &str,
        body: impl FnOnce(&App, &AtomicBool) + Send + 'static,
    ) -> Result<(), Error> {
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
        self.app.links_wake().signal();
        self.app.model_wake().signal();
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

/// A thread that works off the queue.
struct Worker<'a> {
    number: usize,
    app: &'a App,
    stop: &'a AtomicBool,
    /// Shared by steps, held alone by a sweep. It guards no data, so a poisoned one is as good as any.
    gate: &'a RwLock<()>,
}

impl Worker<'_> {
    /// Works until told to stop; with `sweeps` it also finds what was left behind and closes idle tenants.
    fn run(&self, sweeps: bool) {
        let mut housekeeping = sweeps.then(Housekeeping::new);
        let name = format!("pipeline-{}", self.number);
        while !self.stop.load(Ordering::Relaxed) {
            self.app.pulse(&name);
            let seen = self.app.queue().waiting().seen();
            if let Some(due) = &mut housekeeping {
                due.run(self.app, self.gate);
            }
            let (outcome, failed) = {
                let _step = self.gate.read().unwrap_or_else(PoisonError::into_inner);
                tick_guarded(self.app)
            };
            match outcome {
                TickOutcome::Worked(_) => self.app.halt(None),
                TickOutcome::Halted(reason) => {
                    self.app.halt(Some(reason));
                    pause(self.app, self.stop);
                }
                TickOutcome::Idle if failed => pause(self.app, self.stop),
                TickOutcome::Idle => {
                    self.app.halt(None);
                    let wait = match &mut housekeeping {
                        Some(due) if due.posts_left => {
                            due.sweep_at = Instant::now();
                            continue;
                        }
                        Some(due) => idle_wait(self.app, Some(due.sweep_at)),
                        None => idle_wait(self.app, None),
                    };
                    self.app.queue().waiting().changed_blocking(seen, wait);
                }
            }
        }
    }
}

/// What the first worker does beside the queue.
struct Housekeeping {
    sweep_at: Instant,
    close_at: Instant,
    /// The queue could not take every unfinished post: the rest is looked for as soon as it is empty.
    posts_left: bool,
}

impl Housekeeping {
    fn new() -> Self {
        Self { sweep_at: Instant::now(), close_at: Instant::now(), posts_left: false }
    }

    fn run(&mut self, app: &App, gate: &RwLock<()>) {
        if app.sweep_wanted() || Instant::now() >= self.sweep_at {
            let _alone = gate.write().unwrap_or_else(PoisonError::into_inner);
            guarded("sweep", || {
                self.posts_left = !sweep(app)?.complete;
                Ok(())
            });
            self.sweep_at = Instant::now() + app.config().pipeline.sweep_every;
        }
        if Instant::now() >= self.close_at {
            app.tenants_close_idle(app.config().tenants_idle_close);
            guarded("queue sample", || app.queue_sample());
            self.close_at = Instant::now() + TENANTS_CLOSE_EVERY;
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

/// Until the next job is due, the next sweep (for the thread that does it), or the longest wait.
fn idle_wait(app: &App, sweep_at: Option<Instant>) -> Duration {
    let to_sweep = sweep_at.map_or(IDLE_WAIT_MAX, |at| at.saturating_duration_since(Instant::now()));
    let to_job = app.queue().next_due().map_or(IDLE_WAIT_MAX, |due| {
        Duration::try_from(due.duration_since(app.now())).unwrap_or(Duration::ZERO)
    });
    to_sweep.min(to_job).clamp(Duration::from_millis(10), IDLE_WAIT_MAX)
}

fn embed_loop(app: &App, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        app.pulse("embed");
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

fn embed_outside_loop(app: &App, stop: &AtomicBool) {
    let mut vectors = OutsideVectors::default();
    while !stop.load(Ordering::Relaxed) {
        let seen = app.embed_wake().seen();
        let mut outcome = EmbedOutsideOutcome::Idle { until: None };
        let failed = guarded("embed outside", || {
            outcome = vectors.tick(app, stop)?;
            Ok(())
        });
        // Whoever waits for vectors also hears that none come now.
        app.queue().room().signal();
        if let EmbedOutsideOutcome::Idle { until } = outcome {
            let due = until.map_or(IDLE_WAIT_MAX, |due| {
                Duration::try_from(due.duration_since(app.now())).unwrap_or(Duration::ZERO)
            });
            let wait = if failed { ERROR_PAUSE } else { due.clamp(Duration::from_millis(50), IDLE_WAIT_MAX) };
            app.embed_wake().changed_blocking(seen, wait);
        }
    }
}

fn links_loop(app: &App, stop: &AtomicBool) {
    let mut reader = LinkReader::default();
    while !stop.load(Ordering::Relaxed) {
        app.pulse("links");
        let seen = app.links_wake().seen();
        let mut outcome = LinksOutcome::Idle { until: None };
        let failed = guarded("links", || {
            outcome = reader.tick(app, stop)?;
            Ok(())
        });
        if let LinksOutcome::Idle { until } = outcome {
            let due = until.map_or(IDLE_WAIT_MAX, |due| {
                Duration::try_from(due.duration_since(app.now())).unwrap_or(Duration::ZERO)
            });
            let wait = if failed { ERROR_PAUSE } else { due.clamp(Duration::from_millis(50), IDLE_WAIT_MAX) };
            app.links_wake().changed_blocking(seen, wait);
        }
    }
}

fn model_tags_loop(app: &App, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let seen = app.model_wake().seen();
        let mut outcome = ModelTagsOutcome::Idle { until: None };
        let failed = guarded("model tags", || {
            outcome = model_tags_tick(app, stop)?;
            Ok(())
        });
        if let ModelTagsOutcome::Idle { until } = outcome {
            let due = until.map_or(IDLE_WAIT_MAX, |due| {
                Duration::try_from(due.duration_since(app.now())).unwrap_or(Duration::ZERO)
            });
            let wait = if failed { ERROR_PAUSE } else { due.clamp(Duration::from_millis(50), IDLE_WAIT_MAX) };
            app.model_wake().changed_blocking(seen, wait);
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
