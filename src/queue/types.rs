//! What goes into the queue and what comes out: plain values.
//!
//! May know nothing of storage or of what a payload means. Times are instants in UTC, kept to the millisecond. The integers
//! of [`Lane`] are stored and never change meaning.

use std::{fmt, path::PathBuf, sync::Arc};

use jiff::Timestamp;

/// Longest deduplication key, bytes.
pub const KEY_BYTES_MAX: usize = 64;
/// Longest reason kept with a job or a dead letter, bytes; longer ones are cut at a character.
pub const REASON_BYTES_MAX: usize = 1024;

/// A job's number: given at enqueue, kept through every attempt and into the dead letters, never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which of the two rows a job stands in. Everything ready in `Live` is claimed before anything in `Backfill`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Somebody waits for it: a post that has just appeared.
    Live = 0,
    /// Imports, history, sweeps.
    Backfill = 1,
}

impl Lane {
    pub const ALL: [Lane; 2] = [Lane::Live, Lane::Backfill];

    pub fn name(self) -> &'static str {
        match self {
            Lane::Live => "live",
            Lane::Backfill => "backfill",
        }
    }

    /// Reads the stored integer.
    pub fn from_u8(value: u8) -> Option<Lane> {
        Lane::ALL.into_iter().find(|lane| *lane as u8 == value)
    }
}

/// Why a job is enqueued; decides what happens when the same work is already being done or was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Something happened (a post came or was edited). While the work is claimed: it is queued again after that. Among the
    /// dead letters: the dead letter goes, the job comes.
    News,
    /// Somebody merely noticed that the work is not done. While the work is claimed, or dead: nothing.
    Sweep,
}

/// A job to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    pub lane: Lane,
    /// Whose turn it takes; the tenant's UUID as an integer.
    pub tenant: u128,
    /// Names the work within the tenant: equal keys mean equal payloads, and such work is never queued twice. At most
    /// [`KEY_BYTES_MAX`] bytes; empty: never a duplicate.
    pub key: Vec<u8>,
    /// Not before this; `None`: at once.
    pub due: Option<Timestamp>,
    /// Claims allowed before it is dead; 0 counts as 1.
    pub attempts_max: u16,
    pub cause: Cause,
    /// At most [`super::QueueSettings::payload_bytes_max`] bytes.
    pub payload: Vec<u8>,
}

/// What became of the jobs of one enqueue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enqueued {
    pub new: u64,
    /// Already waiting, or being worked on (see [`Cause`]), or dead and passed over.
    pub duplicate: u64,
}

/// A job handed to a worker. Its attempt is already durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub id: JobId,
    pub lane: Lane,
    pub tenant: u128,
    /// 1 at the first claim.
    pub attempt: u16,
    pub attempts_max: u16,
    /// When the job was first enqueued.
    pub enqueued_at: Timestamp,
    pub payload: Arc<[u8]>,
}

/// How a claimed job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done: the job goes.
    Complete,
    /// Not now: waits until `due`; dead letter if this was its last attempt.
    Retry { due: Timestamp, reason: String },
    /// Never: dead letter at once.
    Reject { reason: String },
    /// Not worked on (shutdown, or nothing can work now): waits again, the attempt is given back.
    Release,
    /// Not worked on, because what it needs is out of reach (one tenant's database): waits until `due`, the attempt is given
    /// back, however often.
    Defer { due: Timestamp, reason: String },
}

/// One claimed job's end. A job that is no longer claimed (discarded meanwhile) is passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub job: JobId,
    pub outcome: Outcome,
}

/// What became of one settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    pub completed: u64,
    pub retried: u64,
    pub released: u64,
    /// Became dead letters.
    pub dead: u64,
    /// Were not claimed (any more).
    pub unknown: u64,
    /// Queued afresh, whatever the outcome, because the same work was enqueued meanwhile.
    pub again: u64,
    pub next: Enqueued,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// May be claimed now.
    Ready,
    /// Waits for its due time.
    Scheduled,
    /// With a worker.
    Claimed,
}

impl JobState {
    pub fn name(self) -> &'static str {
        match self {
            JobState::Ready => "ready",
            JobState::Scheduled => "scheduled",
            JobState::Claimed => "claimed",
        }
    }
}

/// A job as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    pub id: JobId,
    pub lane: Lane,
    pub tenant: u128,
    pub state: JobState,
    pub attempt: u16,
    pub attempts_max: u16,
    pub enqueued_at: Timestamp,
    pub due_at: Timestamp,
    /// Why its last attempt failed; empty if none did.
    pub reason: String,
    pub payload: Arc<[u8]>,
}

/// Work that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: JobId,
    pub lane: Lane,
    pub tenant: u128,
    pub attempts: u16,
    pub attempts_max: u16,
    /// When the job was first enqueued.
    pub first_at: Timestamp,
    /// When it was given up.
    pub last_at: Timestamp,
    pub reason: String,
    pub payload: Arc<[u8]>,
}

/// Which jobs or dead letters an operation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    Jobs(Vec<JobId>),
    Tenant(u128),
    All,
}

/// A page of jobs or dead letters, in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Only this tenant's.
    pub tenant: Option<u128>,
    /// Only ids after this one.
    pub after: Option<JobId>,
    pub limit: usize,
}

/// One lane's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneInfo {
    pub ready: u64,
    pub scheduled: u64,
    pub claimed: u64,
    /// How long the longest waiting ready job could have been claimed; `None` when none is ready.
    pub oldest_age_ms: Option<i64>,
}

/// The queue's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueInfo {
    pub live: LaneInfo,
    pub backfill: LaneInfo,
    pub dead: u64,
    /// Dead letters thrown away since the start because there were more than `dead_max`.
    pub dead_dropped: u64,
    /// The older of the two lanes' `oldest_age_ms`.
    pub oldest_age_ms: Option<i64>,
    /// Size of the file; 0 without a file.
    pub file_bytes: u64,
}

/// What the queue was opened from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Existing,
    Created,
    /// The file was damaged or not ours; it lies at `aside` and the sweep must refill the queue.
    Replaced {
        aside: PathBuf,
        reason: String,
    },
}
