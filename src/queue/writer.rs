//! The one thread that changes the queue: takes the commands that have piled up, applies them to the index, makes them
//! durable in one commit, then answers all of them.
//!
//! May know nothing of what a command means (the index does) or how rows are stored (the log does). Nothing is answered
//! before it is durable. After a failed write the index may be ahead of the file, so every later command gets the same error
//! until the file is opened again: by the next command, where it is a file, so that a disk that was full goes on when there is
//! room.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender},
    },
};

use super::{
    Error, QueueSettings,
    index::Index,
    log::{Log, Staged},
    wake::Wake,
};
use crate::clock::Clock;

/// Commands applied in one commit at most.
const GROUP_COMMANDS_MAX: usize = 256;
/// Changed rows after which a group is closed.
const GROUP_ROWS_MAX: usize = 8192;

/// A change to the index; returns how to answer, given the commit's result.
pub(super) type Apply = Box<dyn FnOnce(&mut Index, i64) -> Answer + Send>;
pub(super) type Answer = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// What the writer can be asked.
pub(super) enum Command {
    Change(Apply),
    Compact(SyncSender<Result<(), Error>>),
    Copy(PathBuf, SyncSender<Result<(), Error>>),
}

/// What the writer shares with the handle.
#[derive(Debug)]
pub(super) struct Shared {
    pub index: Mutex<Index>,
    pub clock: Arc<dyn Clock>,
    /// Jobs came to wait.
    pub waiting: Wake,
    /// The write that failed, until the file could be opened again.
    pub failure: Mutex<Option<Error>>,
    /// Jobs left the queue.
    pub room: Wake,
}

impl Shared {
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        // A panic under the lock would be a bug; readers may still look at what there is.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn failed(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fail(&self, result: &Result<(), Error>) {
        if let Err(error) = result {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
            // Whoever waits would otherwise wait for ever.
            self.waiting.signal();
            self.room.signal();
        }
    }

    fn mend(&self) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.waiting.signal();
        self.room.signal();
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }
}

/// How a failed queue is opened again.
pub(super) struct Reopen {
    /// `None`: the storage is not a file, and stays failed.
    pub path: Option<PathBuf>,
    pub settings: QueueSettings,
}

impl Reopen {
    /// Opens the file and puts its state in place of the one that ran ahead of it. Claims are void, as after a restart.
    fn open(&self, shared: &Shared) -> Option<Log> {
        let path = self.path.as_deref()?;
        let now_ms = shared.now_ms();
        let opened = Log::open(path, now_ms.div_euclid(1000)).and_then(|(log, rows, _)| {
            let mut index = Index::load(rows, self.settings, now_ms);
            if !index.dirty.is_empty() {
                log.stage(&mut index)?.commit()?;
            }
            Ok((log, index))
        });
        match opened {
            Ok((log, index)) => {
                *shared.index() = index;
                shared.mend();
                Some(log)
            }
            Err(error) => {
                // Said once, when the write failed; signalled no more, or those who wait would never rest.
                tracing::debug!(%error, "the queue cannot be opened again yet");
                None
            }
        }
    }
}

/// Runs until the handle is gone.
pub(super) fn run(log: Log, reopen: &Reopen, shared: &Shared, commands: &Receiver<Command>) {
    let mut open = Some(log);
    let mut next = None;
    while let Some(command) = next.take().or_else(|| commands.recv().ok()) {
        if shared.failed().is_some() {
            // Closed first: the file takes one handle only.
            drop(open.take());
            open = reopen.open(shared);
        }
        // Dropped unanswered when it is still failed: the caller finds the failure itself.
        let Some(log) = open.as_mut() else { continue };
        match command {
            Command::Compact(reply) => {
                let result = log.compact();
                shared.fail(&result);
                // A receiver that is gone needs no answer.
                let _ = reply.send(result);
            }
            // Another file, so a failure there is none of this one's.
            Command::Copy(path, reply) => {
                // A receiver that is gone needs no answer.
                let _ = reply.send(log.copy_to(&path));
            }
            Command::Change(first) => {
                let (answers, result) = group(log, shared, first, commands, &mut next);
                shared.fail(&result);
                for answer in answers {
                    answer(result.clone());
                }
            }
        }
    }
}

/// Applies `first` and whatever is waiting behind it; `next` receives the command that ended the group.
fn group(
    log: &Log,
    shared: &Shared,
    first: Apply,
    commands: &Receiver<Command>,
    next: &mut Option<Command>,
) -> (Vec<Answer>, Result<(), Error>) {
    let now_ms = shared.now_ms();
    let mut index = shared.index();
    let mut answers = vec![first(&mut index, now_ms)];
    while answers.len() < GROUP_COMMANDS_MAX && index.dirty.jobs.len() < GROUP_ROWS_MAX {
        match commands.try_recv() {
            Ok(Command::Change(apply)) => answers.push(apply(&mut index, now_ms)),
            Ok(other @ (Command::Compact(_) | Command::Copy(..))) => {
                *next = Some(other);
                break;
            }
            Err(_) => break,
        }
    }
    if index.dirty.is_empty() {
        return (answers, Ok(()));
    }
    let (came, went) = (index.dirty.came, index.dirty.went);
    let staged = log.stage(&mut index);
    // Readers need not wait for the disk.
    drop(index);
    let result = staged.and_then(Staged::commit);
    if came {
        shared.waiting.signal();
    }
    if went {
        shared.room.signal();
    }
    (answers, result)
}
