//! What to do about a failure, decided once by the error that knows.

use std::time::Duration;

/// What the worker does with a job whose work failed. Each leaf error states its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Try again, not before `after` (or the job's own back-off).
    Retry { after: Option<Duration> },
    /// This input can never work: dead letter at once.
    Reject,
    /// Nothing can work until a person acts (disk full, corrupt database): stop, turn `/ready` red, keep the job.
    Halt,
}
