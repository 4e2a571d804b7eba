//! The durable queue: enqueue, claim, settle, due times, two lanes, turns between tenants, dead letters.
//!
//! It moves bytes: it may know the clock and nothing of ours beside it, not what a payload means. One process owns the file.
//!
//! Invariants: what an operation acknowledged is on disk. A job is settled once or still here. Work with one key is queued at
//! most once. `attempt` is durable before the job is handed out. Everything in `Live` that is ready goes before `Backfill`;
//! inside a lane tenants take turns of `quantum` jobs.
//!
//! After a crash every unsettled claim is void: its jobs are due again, their attempt counted, and each of them is handed out
//! in a claim of its own until it is settled, so that one which kills the process reaches its limit alone. The file is derived
//! data: a damaged one is put aside and the sweep refills the new one ([`Queue::origin`]).
//!
//! All operations block for a commit (about a millisecond, more on slow disks); asynchronous code calls them from a blocking
//! task. Many callers share commits.

mod error;
mod index;
mod log;
mod record;
mod turns;
mod types;
mod view;
mod wake;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use jiff::Timestamp;
pub use redb::StorageBackend;

pub use self::{
    error::Error,
    index::ATTEMPTS_EXHAUSTED,
    log::file_check,
    types::{
        Cause, Claimed, DeadLetter, Enqueued, JobId, JobState, JobView, KEY_BYTES_MAX, Lane, LaneInfo,
        NewJob, Origin, Outcome, Page, Pick, QueueInfo, REASON_BYTES_MAX, Settled, Settlement,
    },
    wake::Wake,
};
use self::{
    index::{Index, Rows},
    log::Log,
    record::instant,
    writer::{Command, Shared},
};
use crate::clock::Clock;

/// Commands that wait for the writer before callers wait to hand theirs over.
const COMMANDS_MAX: usize = 256;

/// The queue's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSettings {
    /// Jobs in any state; an enqueue beyond answers [`Error::Full`]. What a settle brings along is let in regardless.
    pub jobs_max: usize,
    /// Bytes of one payload.
    pub payload_bytes_max: usize,
    /// Jobs in one enqueue.
    pub batch_max: usize,
    /// Jobs in one claim.
    pub claim_max: usize,
    /// Jobs a tenant may take before the next tenant's turn.
    pub quantum: usize,
    /// Dead letters kept; above it the oldest are dropped.
    pub dead_max: usize,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            jobs_max: 200_000,
            payload_bytes_max: 4096,
            batch_max: 10_000,
            claim_max: 1024,
            quantum: 64,
            dead_max: 10_000,
        }
    }
}

/// The open queue. Share it in an [`Arc`]; dropping it finishes what was handed over and closes the file.
#[derive(Debug)]
pub struct Queue {
    shared: Arc<Shared>,
    /// `None` only while dropping.
    commands: Option<SyncSender<Command>>,
    writer: Option<JoinHandle<()>>,
    path: Option<PathBuf>,
    origin: Origin,
}

impl Queue {
    /// Opens or makes the queue at `path`. A damaged or foreign file is renamed to `<path>.corrupt-<unix seconds>` and a new
    /// one is made; [`Queue::origin`] tells.
    pub fn open(path: &Path, clock: Arc<dyn Clock>, settings: QueueSettings) -> Result<Queue, Error> {
        let (log, rows, origin) =
            Log::open(path, clock.now().as_second()).map_err(|error| error.at(Some(path)))?;
        Queue::start(log, rows, clock, settings, Some(path.to_owned()), origin)
    }

    /// The same over storage of the caller's own: how tests break it. A damaged one is [`Error::Corrupt`].
    pub fn open_with_backend(
        backend: impl StorageBackend,
        clock: Arc<dyn Clock>,
        settings: QueueSettings,
    ) -> Result<Queue, Error> {
        let (log, rows) = Log::open_with_backend(backend)?;
        Queue::start(log, rows, clock, settings, None, Origin::Existing)
    }

    fn start(
        log: Log,
        rows: Rows,
        clock: Arc<dyn Clock>,
        mut settings: QueueSettings,
        path: Option<PathBuf>,
        origin: Origin,
    ) -> Result<Queue, Error> {
        // A batch that can never fit would be waited for without end.
        settings.batch_max = settings.batch_max.min(settings.jobs_max);
        let mut index = Index::load(rows, settings, clock.now().as_millisecond());
        if !index.dirty.is_empty() {
            log.stage(&mut index)?.commit()?;
        }
        let shared = Arc::new(Shared {
            index: Mutex::new(index),
            clock,
            waiting: Wake::default(),
            failure: Mutex::new(None),
            room: Wake::default(),
        });
        let (commands, receiver) = sync_channel(COMMANDS_MAX);
        let writer = std::thread::Builder::new().name("queue".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            let reopen = writer::Reopen { path: path.clone(), settings };
            move || writer::run(log, &reopen, &shared, &receiver)
        })?;
        Ok(Queue { shared, commands: Some(commands), writer: Some(writer), path, origin })
    }

    /// What the queue was opened from: after [`Origin::Created`] and [`Origin::Replaced`] a sweep is due.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Puts jobs into the queue, all or none, durable on return.
    pub fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Enqueued, Error> {
        self.change(|index, now_ms| index.enqueue(jobs, now_ms, true))
    }

    /// Hands out up to `max` jobs that are due, `Live` first. Empty: nothing is ready. Fewer than `max`: ask again.
    pub fn claim(&self, max: usize) -> Result<Vec<Claimed>, Error> {
        self.change(move |index, now_ms| Ok(index.claim(&Lane::ALL, max, now_ms)))
    }

    /// The same from one lane only.
    pub fn claim_lane(&self, lane: Lane, max: usize) -> Result<Vec<Claimed>, Error> {
        self.change(move |index, now_ms| Ok(index.claim(&[lane], max, now_ms)))
    }

    /// Ends claimed jobs and enqueues what follows from them, in one transaction. `next` may exceed `jobs_max`.
    pub fn settle(&self, settlements: Vec<Settlement>, next: Vec<NewJob>) -> Result<Settled, Error> {
        self.change(move |index, now_ms| {
            index.check_sizes(&next)?;
            let mut settled = index.settle(settlements, now_ms);
            settled.next = index.enqueue(next, now_ms, false)?;
            Ok(settled)
        })
    }

    /// When the next job may be claimed: now or a later instant; `None` when no job waits.
    pub fn next_due(&self) -> Option<Timestamp> {
        let now_ms = self.shared.now_ms();
        self.shared.index().next_due_ms(now_ms).map(instant)
    }

    /// Signalled when jobs came to wait, and when the queue failed. Due times passing are not signalled: see
    /// [`Queue::next_due`].
    pub fn waiting(&self) -> &Wake {
        &self.shared.waiting
    }

    /// Signalled when jobs left the queue, and when the queue failed: what to wait for after [`Error::Full`].
    pub fn room(&self) -> &Wake {
        &self.shared.room
    }

    /// The write that failed, if one did. Every operation answers with it until the file could be opened again, which each
    /// operation tries.
    pub fn failed(&self) -> Option<Error> {
        self.shared.failed()
    }

    /// The figures. Walks all jobs (some ms for 100,000).
    pub fn info(&self) -> QueueInfo {
        let now_ms = self.shared.now_ms();
        let mut info = self.shared.index().info(now_ms);
        let meta = self.path.as_deref().and_then(|path| std::fs::metadata(path).ok());
        info.file_bytes = meta.map_or(0, |meta| meta.len());
        info
    }

    /// Jobs in every state.
    pub fn list(&self, page: Page) -> Vec<JobView> {
        let now_ms = self.shared.now_ms();
        self.shared.index().job_list(page, now_ms)
    }

    pub fn peek(&self, id: JobId) -> Option<JobView> {
        let now_ms = self.shared.now_ms();
        self.shared.index().job_get(id, now_ms)
    }

    pub fn dead_list(&self, page: Page) -> Vec<DeadLetter> {
        self.shared.index().dead_list(page)
    }

    /// Gives dead letters all their attempts again; how many. All or none.
    pub fn requeue(&self, pick: Pick) -> Result<u64, Error> {
        self.change(move |index, now_ms| index.requeue(&pick, now_ms))
    }

    /// Throws away jobs in any state and dead letters; how many. `Pick::All` empties the queue.
    pub fn discard(&self, pick: Pick) -> Result<u64, Error> {
        self.change(move |index, _| Ok(index.discard(&pick)))
    }

    /// Throws away dead letters given up before `before`; how many.
    pub fn dead_expire(&self, before: Timestamp) -> Result<u64, Error> {
        self.change(move |index, _| Ok(index.dead_expire(before.as_millisecond())))
    }

    /// How many dead letters were given up before `before`.
    pub fn dead_older(&self, before: Timestamp) -> u64 {
        self.shared.index().dead_older(before.as_millisecond()).count() as u64
    }

    /// The whole state as text, the same for the same state: for snapshots in tests.
    pub fn dump(&self) -> String {
        let now_ms = self.shared.now_ms();
        self.shared.index().dump(now_ms)
    }

    /// Gives unused file pages back. Nothing else is written meanwhile.
    pub fn compact(&self) -> Result<(), Error> {
        let (reply, answer) = sync_channel(1);
        self.send(Command::Compact(reply))?;
        answer.recv().unwrap_or_else(|_| Err(self.stopped()))
    }

    /// Writes all of it into a new file, which may be opened elsewhere like one that a crash left. Nothing else is written meanwhile.
    pub fn copy_to(&self, path: &Path) -> Result<(), Error> {
        let (reply, answer) = sync_channel(1);
        self.send(Command::Copy(path.to_owned(), reply))?;
        answer.recv().unwrap_or_else(|_| Err(self.stopped()))
    }

    /// Has the writer apply `change`, waits until it is durable.
    fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Index, i64) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = sync_channel(1);
        self.send(Command::Change(Box::new(move |index, now_ms| {
            let changed = change(index, now_ms);
            Box::new(move |committed| {
                // A receiver that is gone needs no answer.
                let _ = reply.send(committed.and(changed));
            })
        })))?;
        answer.recv().unwrap_or_else(|_| Err(self.stopped())).map_err(|error| error.at(self.path.as_deref()))
    }

    fn send(&self, command: Command) -> Result<(), Error> {
        let sent = self.commands.as_ref().map(|commands| commands.send(command));
        sent.and_then(Result::ok).ok_or_else(|| self.stopped())
    }

    fn stopped(&self) -> Error {
        self.shared.failed().unwrap_or(Error::Closed)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // Without a sender the writer ends after what it was given; joined, so that the file is free when this returns.
        self.commands = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has nothing left to close.
            let _ = writer.join();
        }
    }
}
