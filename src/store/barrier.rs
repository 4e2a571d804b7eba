//! The barrier in front of every writer of this process: closed for a moment, no transaction is under way anywhere.
//!
//! A writer passes before each group commit. Whoever wants one moment over all databases closes the barrier; if somebody is in
//! the middle of a long commit it opens again at once and is closed later, so that nobody waits for a stranger's import. Nothing
//! is stored; a crash forgets it.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long the barrier stays closed while somebody still writes, before it opens and waits for a better moment.
const CLOSING_MAX: Duration = Duration::from_millis(20);
/// Between two tries.
const RETRY_AFTER: Duration = Duration::from_millis(15);
/// Tries before it stays closed however long the writer takes: a pause that is longer is better than no backup.
const TRIES_MAX: u32 = 400;

struct State {
    writing: usize,
    closed: bool,
}

/// Where writers pass.
pub(super) struct Barrier {
    state: Mutex<State>,
    changed: Condvar,
}

/// Every database of the process; a process has one data directory.
pub(super) static BARRIER: Barrier = Barrier::new();

impl Barrier {
    const fn new() -> Self {
        Self { state: Mutex::new(State { writing: 0, closed: false }), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Counters that are changed in one step each.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the barrier is closed; a writer holds the pass until its commit is done.
    pub(super) fn pass(&self) -> Pass<'_> {
        let mut state = self.lock();
        while state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.writing += 1;
        Pass(self)
    }

    /// Runs `body` while nobody writes. Returns how long writers were held up at most, at once: the longest of its tries.
    pub(super) fn close<T>(&self, body: impl FnOnce() -> T) -> (T, Duration) {
        let mut held = Duration::ZERO;
        for round in 1.. {
            let patience = if round < TRIES_MAX { CLOSING_MAX } else { Duration::MAX };
            let since = Instant::now();
            let Some(closed) = self.try_close(patience) else {
                held = held.max(since.elapsed());
                std::thread::park_timeout(RETRY_AFTER);
                continue;
            };
            let done = body();
            drop(closed);
            return (done, held.max(since.elapsed()));
        }
        unreachable!("the last round waits for ever")
    }

    fn try_close(&self, patience: Duration) -> Option<Closed<'_>> {
        let mut state = self.lock();
        // One moment at a time.
        while state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.closed = true;
        let since = Instant::now();
        while state.writing > 0 {
            let Some(left) = patience.checked_sub(since.elapsed()) else {
                state.closed = false;
                self.changed.notify_all();
                return None;
            };
            // A wait that ends early only looks once more.
            let left = left.min(CLOSING_MAX);
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        Some(Closed(self))
    }
}

/// A writer that has passed.
pub(super) struct Pass<'a>(&'a Barrier);

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.lock().writing -= 1;
        self.0.changed.notify_all();
    }
}

struct Closed<'a>(&'a Barrier);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.lock().closed = false;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    };

    use super::*;

    #[test]
    fn nobody_writes_while_it_is_closed() {
        static BARRIER: Barrier = Barrier::new();
        let (stop, writing) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let writers: Vec<_> = (0..3)
            .map(|_| {
                let (stop, writing) = (Arc::clone(&stop), Arc::clone(&writing));
                std::thread::spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        let _pass = BARRIER.pass();
                        writing.fetch_add(1, Ordering::SeqCst);
                        std::thread::yield_now();
                        writing.fetch_sub(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for _ in 0..50 {
            let (seen, _) = BARRIER.close(|| writing.load(Ordering::SeqCst));
            assert_eq!(seen, 0);
        }
        stop.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.join().unwrap();
        }
    }

    #[test]
    fn a_long_writer_does_not_hold_up_the_others() {
        static BARRIER: Barrier = Barrier::new();
        let long = BARRIER.pass();
        assert!(BARRIER.try_close(Duration::from_millis(1)).is_none());
        drop(BARRIER.pass());
        drop(long);
        assert!(BARRIER.try_close(Duration::from_millis(1)).is_some());
    }
}
