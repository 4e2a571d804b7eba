//! What the queue promises, checked through its public face. Crashes, damage and the model have files of their own.

mod crash;
mod damage;
mod disk;

use jiff::SignedDuration;
use tempfile::TempDir;

use super::*;
use crate::clock::ManualClock;

const START: i64 = 1_700_000_000_000;

/// A queue in a directory of its own, with a clock that the test moves.
struct Bench {
    dir: TempDir,
    clock: Arc<ManualClock>,
    settings: QueueSettings,
    queue: Option<Queue>,
}

impl Bench {
    fn new(settings: QueueSettings) -> Bench {
        let mut bench = Bench {
            dir: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::at(instant(START))),
            settings,
            queue: None,
        };
        bench.reopen();
        bench
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("queue.redb")
    }

    /// Drops the queue with its claims, as a crash would, and opens the file again.
    fn reopen(&mut self) {
        self.queue = None;
        self.queue = Some(Queue::open(&self.path(), self.clock.clone(), self.settings).unwrap());
    }

    fn advance(&self, ms: i64) {
        self.clock.advance(SignedDuration::from_millis(ms));
    }

    fn claim(&self, max: usize) -> Vec<String> {
        self.queue().claim(max).unwrap().iter().map(shown).collect()
    }

    fn queue(&self) -> &Queue {
        self.queue.as_ref().unwrap()
    }
}

fn shown(job: &Claimed) -> String {
    format!("{}#{}", String::from_utf8_lossy(&job.payload), job.attempt)
}

fn job(tenant: u128, name: &str) -> NewJob {
    NewJob {
        lane: Lane::Live,
        tenant,
        key: name.as_bytes().to_vec(),
        due: None,
        attempts_max: 3,
        cause: Cause::News,
        payload: name.as_bytes().to_vec(),
    }
}

fn end(job: &Claimed, outcome: Outcome) -> Settlement {
    Settlement { job: job.id, outcome }
}

#[test]
fn job_is_claimed_once_and_goes_when_complete() {
    let mut bench = Bench::new(QueueSettings::default());
    let enqueued = bench
        .queue()
        .enqueue(vec![job(1, "a"), job(1, "b"), job(1, "a")])
        .unwrap();
    assert_eq!(enqueued, Enqueued { new: 2, duplicate: 1 });
    let claimed = bench.queue().claim(10).unwrap();
    assert_eq!(claimed.iter().map(shown).collect::<Vec<_>>(), ["a#1", "b#1"]);
    assert!(bench.claim(10).is_empty());
    let ends = claimed.iter().map(|job| end(job, Outcome::Complete)).collect();
    assert_eq!(bench.queue().settle(ends, vec![]).unwrap().completed, 2);
    bench.reopen();
    assert_eq!(bench.queue().dump(), "next 3\n");
}
