//! Threads of their own for calls that keep a processor busy: searches, answers without a model, suggestions.
//!
//! A few at a time, always on the same few threads: a thread that has searched keeps megabytes of the allocator's, so spread over
//! all of the runtime's blocking threads a crowd of readers made the process grow to 900 MiB. Whoever waits for a turn and gives up
//! leaves no work behind; what has begun is computed to its end.

use std::sync::Arc;

use tokio::{
    runtime::{Builder, Runtime},
    sync::Semaphore,
    task::JoinError,
};

/// Costly calls at a time, for each processor: one computes while another reads.
const PER_PROCESSOR: usize = 2;

#[derive(Debug)]
pub(super) struct Costly {
    turns: Arc<Semaphore>,
    /// Only its blocking threads are used. `None`: they cannot be made, and the runtime's own do.
    threads: Option<Runtime>,
}

impl Costly {
    pub(super) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let count = PER_PROCESSOR * processors;
        let threads = Builder::new_current_thread().max_blocking_threads(count).thread_name("costly").build();
        Self { turns: Arc::new(Semaphore::new(count)), threads: threads.ok() }
    }

    /// Runs `body` when it is its turn; an error if it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let work = move || {
            // It goes with the work: a request that was given up still computes until it is done.
            let _turn = turn;
            body()
        };
        match &self.threads {
            Some(threads) => threads.spawn_blocking(work).await,
            None => tokio::task::spawn_blocking(work).await,
        }
    }
}

impl Drop for Costly {
    /// Not waited for: a runtime may not be waited for inside another.
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        sync::{Barrier, Mutex, PoisonError},
    };

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn as_many_as_there_are_turns_work_at_once_always_on_the_same_threads() {
        let costly = Costly::new();
        let turns = costly.turns.available_permits();
        // Each round of calls waits until all of it work at the same time; there are no more threads than that.
        let (met, threads) = (Arc::new(Barrier::new(turns)), Arc::new(Mutex::new(BTreeSet::new())));
        let calls = (0..turns * 8).map(|call| {
            let (met, threads) = (Arc::clone(&met), Arc::clone(&threads));
            costly.run(move || {
                met.wait();
                let thread = format!("{:?}", std::thread::current().id());
                threads.lock().unwrap_or_else(PoisonError::into_inner).insert(thread);
                call
            })
        });
        let answers: Vec<usize> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, (0..turns * 8).collect::<Vec<_>>());
        assert_eq!(threads.lock().unwrap().len(), turns);
        assert_eq!(costly.turns.available_permits(), turns);
    }

    #[tokio::test]
    async fn a_call_that_panics_is_an_error_and_gives_its_turn_back() {
        let costly = Costly::new();
        let turns = costly.turns.available_permits();
        assert!(costly.run(|| -> () { std::panic::resume_unwind(Box::new("it")) }).await.is_err());
        assert_eq!(costly.run(|| 1).await.unwrap(), 1);
        assert_eq!(costly.turns.available_permits(), turns);
    }
}
