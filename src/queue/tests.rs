//! What the queue promises, checked through its public face. Crashes, damage and the model have files of their own.

mod crash;
mod damage;
mod defer;
mod disk;
mod model;

use std::time::Duration;

use jiff::SignedDuration;
use tempfile::TempDir;

use super::*;
use crate::{clock::ManualClock, model::Disposition};

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
        self.queue =
            Some(Queue::open(&self.path(), Arc::<ManualClock>::clone(&self.clock), self.settings).unwrap());
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
    let enqueued = bench.queue().enqueue(vec![job(1, "a"), job(1, "b"), job(1, "a")]).unwrap();
    assert_eq!(enqueued, Enqueued { new: 2, duplicate: 1 });
    let claimed = bench.queue().claim(10).unwrap();
    assert_eq!(claimed.iter().map(shown).collect::<Vec<_>>(), ["a#1", "b#1"]);
    assert!(bench.claim(10).is_empty());
    let ends = claimed.iter().map(|job| end(job, Outcome::Complete)).collect();
    assert_eq!(bench.queue().settle(ends, vec![]).unwrap().completed, 2);
    bench.reopen();
    assert_eq!(bench.queue().dump(), "next 3\n");
}

#[test]
fn work_that_waits_or_is_claimed_is_not_doubled_and_not_lost() {
    let bench = Bench::new(QueueSettings::default());
    let queue = bench.queue();
    let backfill = NewJob { lane: Lane::Backfill, ..job(1, "a") };
    queue.enqueue(vec![backfill.clone()]).unwrap();
    // Somebody waits for it now: it changes lanes, it is not doubled. Another tenant's key is other work.
    assert_eq!(queue.enqueue(vec![job(1, "a")]).unwrap(), Enqueued { new: 0, duplicate: 1 });
    assert_eq!(queue.enqueue(vec![job(2, "a")]).unwrap(), Enqueued { new: 1, duplicate: 0 });
    assert_eq!((queue.info().live.ready, queue.info().backfill.ready), (2, 0));
    let claimed = queue.claim(1).unwrap();
    // Claimed: news come back after it, a sweep does not.
    let sweep = NewJob { cause: Cause::Sweep, ..job(1, "a") };
    queue.enqueue(vec![sweep, backfill]).unwrap();
    let settled = queue.settle(vec![end(&claimed[0], Outcome::Complete)], vec![job(1, "a")]).unwrap();
    assert_eq!((settled.completed, settled.again, settled.next.duplicate), (1, 1, 1));
    assert_eq!(queue.claim(9).unwrap().iter().map(|job| job.tenant).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn next_job_with_the_same_key_follows_the_one_settled() {
    let bench = Bench::new(QueueSettings::default());
    let queue = bench.queue();
    queue.enqueue(vec![job(1, "a")]).unwrap();
    let claimed = queue.claim(1).unwrap();
    let settled = queue.settle(vec![end(&claimed[0], Outcome::Complete)], vec![job(1, "a")]).unwrap();
    assert_eq!(settled.next.new, 1);
    // A second settlement of the same job finds nothing to end.
    let again = queue.settle(vec![end(&claimed[0], Outcome::Complete)], vec![]).unwrap();
    assert_eq!((again.completed, again.unknown), (0, 1));
    assert_eq!(bench.claim(9), ["a#1"]);
}

#[test]
fn live_goes_before_backfill_and_tenants_take_turns() {
    let bench = Bench::new(QueueSettings { quantum: 2, ..QueueSettings::default() });
    let queue = bench.queue();
    let backfill = |tenant, name: &str| NewJob { lane: Lane::Backfill, ..job(tenant, name) };
    queue.enqueue((0..6).map(|n| backfill(1, &format!("i{n}"))).collect()).unwrap();
    queue.enqueue(vec![backfill(2, "j0"), backfill(2, "j1"), backfill(2, "j2")]).unwrap();
    assert_eq!(bench.claim(1), ["i0#1"]);
    queue.enqueue(vec![job(1, "x"), job(3, "y")]).unwrap();
    assert_eq!(bench.claim(3), ["x#1", "y#1", "i1#1"]);
    assert_eq!(bench.claim(9), ["j0#1", "j1#1", "i2#1", "i3#1", "j2#1", "i4#1", "i5#1"]);
    queue.enqueue(vec![job(1, "z"), backfill(1, "w")]).unwrap();
    assert_eq!(queue.claim_lane(Lane::Backfill, 9).unwrap().iter().map(shown).collect::<Vec<_>>(), ["w#1"]);
}

#[test]
fn import_delays_another_tenant_by_one_turn() {
    let bench = Bench::new(QueueSettings::default());
    let queue = bench.queue();
    for n in 0..10 {
        queue
            .enqueue((0..10_000).map(|k| NewJob { key: vec![], ..job(1, &format!("{n}-{k}")) }).collect())
            .unwrap();
    }
    queue.enqueue(vec![job(2, "post")]).unwrap();
    let claimed = queue.claim(100).unwrap();
    let place = claimed.iter().position(|job| job.tenant == 2);
    assert_eq!(place, Some(QueueSettings::default().quantum));
}

#[test]
fn due_times_are_kept_across_a_restart() {
    let mut bench = Bench::new(QueueSettings::default());
    let later = |ms| Some(instant(START + ms));
    let jobs = vec![
        NewJob { due: later(2_000), ..job(1, "second") },
        NewJob { due: later(1_000), ..job(1, "first") },
        NewJob { due: later(9_000), ..job(1, "moved") },
    ];
    bench.queue().enqueue(jobs).unwrap();
    bench.queue().enqueue(vec![NewJob { due: later(1_500), ..job(1, "moved") }]).unwrap();
    bench.reopen();
    assert!(bench.claim(9).is_empty());
    assert_eq!(bench.queue().next_due(), later(1_000));
    assert_eq!((bench.queue().info().live.scheduled, bench.queue().info().oldest_age_ms), (3, None));
    bench.advance(1_000);
    assert_eq!(bench.claim(9), ["first#1"]);
    bench.advance(1_000);
    assert_eq!(bench.queue().next_due(), later(2_000));
    assert_eq!(bench.queue().info().oldest_age_ms, Some(500));
    assert_eq!(bench.claim(9), ["second#1", "moved#1"]);
    assert_eq!(bench.queue().next_due(), None);
}

/// Claims the only job and ends it.
fn fail(bench: &Bench, outcome: Outcome) -> Settled {
    let claimed = bench.queue().claim(1).unwrap();
    bench.queue().settle(vec![end(&claimed[0], outcome)], vec![]).unwrap()
}

#[test]
fn retries_end_in_a_dead_letter_that_can_be_replayed() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.queue().enqueue(vec![job(1, "a")]).unwrap();
    let retry = || Outcome::Retry { due: bench.clock.now(), reason: "model is down".to_owned() };
    assert_eq!(fail(&bench, retry()).retried, 1);
    assert_eq!(fail(&bench, Outcome::Release).released, 1);
    assert_eq!(fail(&bench, retry()).retried, 1);
    bench.advance(50);
    // Back-off outlives a repeated enqueue; the reason is there to be seen.
    assert_eq!(bench.queue().peek(JobId(1)).unwrap().reason, "model is down");
    assert_eq!(fail(&bench, Outcome::Retry { due: bench.clock.now(), reason: "still".to_owned() }).dead, 1);
    bench.reopen();
    let page = Page { tenant: Some(1), after: None, limit: 10 };
    let dead = bench.queue().dead_list(page);
    assert_eq!((dead[0].attempts, dead[0].reason.as_str()), (3, "attempts exhausted: still"));
    assert_eq!((dead[0].first_at, dead[0].last_at), (instant(START), instant(START + 50)));
    // The sweep leaves it alone; replaying gives all attempts and the same number.
    let sweep = NewJob { cause: Cause::Sweep, ..job(1, "a") };
    assert_eq!(bench.queue().enqueue(vec![sweep]).unwrap().duplicate, 1);
    assert_eq!(bench.queue().requeue(Pick::Jobs(vec![JobId(1), JobId(1), JobId(9)])).unwrap(), 1);
    assert!(bench.queue().dead_list(page).is_empty());
    assert_eq!(fail(&bench, Outcome::Reject { reason: "ж".repeat(REASON_BYTES_MAX) }).dead, 1);
    assert_eq!(bench.queue().dead_list(page)[0].reason.len(), REASON_BYTES_MAX);
    // News replace it.
    assert_eq!(bench.queue().enqueue(vec![job(1, "a")]).unwrap().new, 1);
    assert!(bench.queue().dead_list(page).is_empty());
}

#[test]
fn failed_work_with_news_meanwhile_starts_afresh() {
    let bench = Bench::new(QueueSettings::default());
    bench.queue().enqueue(vec![job(1, "a")]).unwrap();
    let claimed = bench.queue().claim(1).unwrap();
    bench.queue().enqueue(vec![job(1, "a")]).unwrap();
    let reject = Outcome::Reject { reason: "old text".to_owned() };
    let settled = bench.queue().settle(vec![end(&claimed[0], reject)], vec![]).unwrap();
    assert_eq!((settled.dead, settled.again), (0, 1));
    assert_eq!(bench.claim(9), ["a#1"]);
}

#[test]
fn dead_letters_are_bounded_by_number_and_age() {
    let bench = Bench::new(QueueSettings { dead_max: 3, ..QueueSettings::default() });
    for n in 0..5 {
        bench.queue().enqueue(vec![job(n, "a")]).unwrap();
        fail(&bench, Outcome::Reject { reason: String::new() });
        bench.advance(10);
    }
    let info = bench.queue().info();
    assert_eq!((info.dead, info.dead_dropped), (3, 2));
    assert_eq!(bench.queue().dead_expire(instant(START + 40)).unwrap(), 2);
    assert_eq!(bench.queue().discard(Pick::All).unwrap(), 1);
    assert_eq!(bench.queue().dump(), "next 6\n");
}

#[test]
fn tenant_is_discarded_in_every_state() {
    let mut bench = Bench::new(QueueSettings::default());
    let later = NewJob { due: Some(instant(START + 1)), ..job(1, "later") };
    bench.queue().enqueue(vec![job(1, "claimed"), job(1, "ready"), later, job(2, "b")]).unwrap();
    let claimed = bench.queue().claim(1).unwrap();
    assert_eq!(bench.queue().discard(Pick::Tenant(1)).unwrap(), 3);
    assert_eq!(bench.queue().settle(vec![end(&claimed[0], Outcome::Complete)], vec![]).unwrap().unknown, 1);
    bench.reopen();
    assert_eq!(bench.claim(9), ["b#1"]);
}

#[test]
fn limits_are_reached_and_said() {
    let settings =
        QueueSettings { jobs_max: 3, payload_bytes_max: 8, claim_max: 2, ..QueueSettings::default() };
    let bench = Bench::new(settings);
    let queue = bench.queue();
    let too_large = |what, size, max| Error::TooLarge { what, size, max };
    let many = |n: u128| (0..n).map(|n| job(n, "a")).collect::<Vec<_>>();
    assert_eq!(queue.enqueue(many(4)).unwrap_err(), too_large("batch (jobs)", 4, 3));
    assert_eq!(queue.enqueue(vec![job(1, "123456789")]).unwrap_err(), too_large("payload (bytes)", 9, 8));
    let long = NewJob { key: vec![0; KEY_BYTES_MAX + 1], ..job(1, "a") };
    assert_eq!(queue.enqueue(vec![long]).unwrap_err(), too_large("key (bytes)", 65, 64));
    queue.enqueue(many(2)).unwrap();
    let full = Error::Full { jobs_max: 3 };
    assert_eq!(queue.enqueue(vec![job(7, "b"), job(7, "c")]).unwrap_err(), full);
    assert_eq!(queue.info().live.ready, 2, "all or none");
    // Duplicates take no room.
    queue.enqueue(vec![job(0, "a"), job(7, "b"), job(7, "b")]).unwrap();
    let claimed = queue.claim(9).unwrap();
    assert_eq!(claimed.len(), settings.claim_max);
    // What a settle brings along is let in, or the queue could not drain.
    let next = vec![job(8, "a"), job(8, "b")];
    queue.settle(vec![end(&claimed[0], Outcome::Complete)], next).unwrap();
    assert_eq!(queue.enqueue(vec![job(9, "a")]).unwrap_err(), full);
    assert_eq!(full.disposition(), Disposition::Retry { after: None });
    let seen = queue.room().seen();
    queue.settle(vec![end(&claimed[1], Outcome::Reject { reason: String::new() })], vec![]).unwrap();
    assert!(queue.room().changed_blocking(seen, Duration::ZERO));
    queue.enqueue(vec![]).unwrap();
    assert_eq!(queue.requeue(Pick::All).unwrap_err(), full);
}

#[test]
fn many_producers_share_commits_and_lose_nothing() {
    let bench = Bench::new(QueueSettings::default());
    let queue = bench.queue();
    let seen = queue.waiting().seen();
    std::thread::scope(|scope| {
        for producer in 0..8 {
            scope.spawn(move || {
                for n in 0..25 {
                    queue.enqueue(vec![job(producer, &format!("{n}"))]).unwrap();
                }
            });
        }
    });
    assert!(queue.waiting().changed_blocking(seen, Duration::ZERO));
    assert_eq!(queue.info().live.ready, 200);
    assert!(queue.info().file_bytes > 0);
    queue.compact().unwrap();
    assert_eq!(bench.claim(1_000).len(), 200);
}

#[test]
fn a_copy_opens_elsewhere_with_everything_and_one_that_is_no_queue_is_refused() {
    let bench = Bench::new(QueueSettings::default());
    let queue = bench.queue();
    for n in 0..20 {
        queue.enqueue(vec![job(1, &format!("{n}"))]).unwrap();
    }
    let claimed = bench.claim(5);
    let copy = bench.dir.path().join("copy.redb");
    queue.copy_to(&copy).unwrap();
    assert!(queue.copy_to(&bench.dir.path().join("no/where")).is_err());
    queue.enqueue(vec![job(1, "later")]).unwrap();
    assert_eq!(file_check(&copy).unwrap(), 20);
    let clock = Arc::<ManualClock>::clone(&bench.clock);
    let opened = Queue::open(&copy, clock, bench.settings).unwrap();
    assert_eq!(opened.origin(), &Origin::Existing);
    // What was claimed is due again, as after a crash.
    assert_eq!((opened.info().live.ready, claimed.len()), (20, 5));
    drop(opened);
    std::fs::write(&copy, b"no queue").unwrap();
    assert!(file_check(&copy).is_err() && copy.exists());
    assert!(file_check(&bench.dir.path().join("absent")).is_err());
}
