//! A wake-up that asynchronous and blocking code can wait for.
//!
//! May know nothing of jobs. Nothing is lost between looking and waiting: the waiter notes [`Wake::seen`] first, looks, and
//! then waits for a later signal than the one it noted.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

/// Counts signals and wakes whoever waits for the next one.
#[derive(Debug, Default)]
pub struct Wake {
    count: Mutex<u64>,
    blocked: Condvar,
    notify: Notify,
}

impl Wake {
    /// The number of signals so far. Take it before looking for work.
    pub fn seen(&self) -> u64 {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who waits.
    pub fn signal(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.blocked.notify_all();
        self.notify.notify_waiters();
    }

    /// Returns once there was a signal after `seen`; cancel-safe.
    pub async fn changed(&self, seen: u64) {
        loop {
            let mut notified = std::pin::pin!(self.notify.notified());
            notified.as_mut().enable();
            if self.seen() != seen {
                return;
            }
            notified.await;
        }
    }

    /// The same for a thread: true if there was a signal, false after `timeout`.
    pub fn changed_blocking(&self, seen: u64, timeout: Duration) -> bool {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, _) = self
            .blocked
            .wait_timeout_while(count, timeout, |count| *count == seen)
            .unwrap_or_else(PoisonError::into_inner);
        *count != seen
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn signal_between_looking_and_waiting_is_not_lost() {
        let wake = Wake::default();
        let seen = wake.seen();
        wake.signal();
        wake.changed(seen).await;
        assert!(wake.changed_blocking(seen, Duration::ZERO));
        assert!(!wake.changed_blocking(wake.seen(), Duration::ZERO));
    }

    #[tokio::test]
    async fn signal_from_a_thread_wakes_a_task() {
        let wake = Arc::new(Wake::default());
        let seen = wake.seen();
        let thread = std::thread::spawn({
            let wake = Arc::clone(&wake);
            move || wake.signal()
        });
        wake.changed(seen).await;
        thread.join().unwrap();
    }
}
