//! Random work against a model that is a plain map: nothing lost, nothing doubled, attempts counted across crashes, lanes and
//! turns kept.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::{super::*, START, disk::Disk, job};
use crate::clock::ManualClock;

const QUANTUM: usize = 3;
const ATTEMPTS_MAX: u16 = 3;
const ALL: Page = Page { tenant: None, after: None, limit: usize::MAX };

type Key = (u128, String);

#[derive(Debug, Clone)]
enum Op {
    Enqueue(Vec<(u128, u8, Lane, i64, Cause)>),
    Claim(usize),
    Settle(Vec<(usize, End)>),
    Advance(i64),
    Crash,
    Requeue,
    Discard(u128),
}

#[derive(Debug, Clone, Copy)]
enum End {
    Complete,
    Retry(i64),
    Reject,
    Release,
}

#[derive(Debug, Clone)]
struct Work {
    lane: Lane,
    due_ms: i64,
    attempt: u16,
    suspect: bool,
    claimed: bool,
    again: Option<Lane>,
}

/// What the queue should hold, by the words of its documentation and without its structures.
#[derive(Default)]
struct Model {
    work: BTreeMap<Key, Work>,
    dead: BTreeMap<Key, u16>,
    now_ms: i64,
}

impl Model {
    fn enqueue(&mut self, key: Key, lane: Lane, due_ms: i64, cause: Cause) -> bool {
        if let Some(work) = self.work.get_mut(&key) {
            let lane = lane.min(work.lane);
            if !work.claimed {
                work.lane = lane;
                if work.attempt == 0 {
                    work.due_ms = work.due_ms.min(due_ms);
                }
            } else if cause == Cause::News {
                work.again = Some(work.again.unwrap_or(lane).min(lane));
            }
            return false;
        }
        if self.dead.contains_key(&key) && cause == Cause::Sweep {
            return false;
        }
        self.dead.remove(&key);
        let fresh = Work { lane, due_ms, attempt: 0, suspect: false, claimed: false, again: None };
        self.work.insert(key, fresh);
        true
    }

    fn ready(&self, work: &Work) -> bool {
        !work.claimed && work.due_ms <= self.now_ms
    }

    /// Checks a claim and takes it over.
    fn claimed(&mut self, claimed: &[Claimed], max: usize, dead: &BTreeMap<Key, u16>) {
        for (key, attempts) in dead {
            if !self.dead.contains_key(key) {
                let work = self.work.remove(key).unwrap();
                assert!(!work.claimed && work.due_ms <= self.now_ms && work.attempt >= ATTEMPTS_MAX);
                self.dead.insert(key.clone(), *attempts);
            }
        }
        assert!(claimed.len() <= max);
        self.check_order(claimed);
        for job in claimed {
            let key = key_of(job.tenant, &job.payload);
            let now_ms = self.now_ms;
            let work = self.work.get_mut(&key).unwrap();
            assert!(!work.claimed && work.due_ms <= now_ms && work.attempt < ATTEMPTS_MAX);
            assert!(!work.suspect || claimed.len() == 1, "handed out with others");
            work.attempt += 1;
            work.claimed = true;
            assert_eq!((job.attempt, job.lane), (work.attempt, work.lane));
        }
        let left = self.work.values().any(|work| self.ready(work));
        assert!(!claimed.is_empty() || !left || max == 0, "claims nothing while jobs are ready");
    }

    /// Nothing of backfill while live is ready; no tenant past its quantum while another one of the lane is ready.
    fn check_order(&self, claimed: &[Claimed]) {
        let key = |job: &Claimed| key_of(job.tenant, &job.payload);
        for (place, job) in claimed.iter().enumerate() {
            let taken: Vec<Key> = claimed[..place].iter().map(key).collect();
            let mut open = self.work.iter().filter(|(key, work)| self.ready(work) && !taken.contains(key));
            if job.lane == Lane::Backfill {
                assert!(open.clone().all(|(_, work)| work.lane != Lane::Live), "backfill before live");
            }
            let run = claimed[..place]
                .iter()
                .rev()
                .take_while(|before| before.tenant == job.tenant && before.lane == job.lane);
            if run.count() >= QUANTUM {
                let other = open.any(|((tenant, _), work)| *tenant != job.tenant && work.lane == job.lane);
                assert!(!other, "tenant {} goes past its turn", job.tenant);
            }
        }
    }

    fn settle(&mut self, key: &Key, end: End) {
        let Some(work) = self.work.get_mut(key).filter(|work| work.claimed) else {
            return;
        };
        work.claimed = false;
        let again = work.again.take();
        let last = work.attempt >= ATTEMPTS_MAX;
        match end {
            End::Retry(ms) if !last => {
                work.due_ms = self.now_ms + ms;
                work.suspect = false;
            }
            End::Release => work.attempt -= 1,
            End::Complete | End::Retry(_) | End::Reject => {
                let attempt = work.attempt;
                if let Some(lane) = again {
                    let due_ms = self.now_ms;
                    *work = Work { lane, due_ms, attempt: 0, suspect: false, claimed: false, again: None };
                } else {
                    self.work.remove(key);
                    if !matches!(end, End::Complete) {
                        self.dead.insert(key.clone(), attempt);
                    }
                }
            }
        }
    }

    fn crash(&mut self) {
        for work in self.work.values_mut().filter(|work| work.claimed) {
            (work.claimed, work.suspect, work.again) = (false, true, None);
        }
    }

    fn check(&self, queue: &Queue) {
        let found: Vec<_> = queue
            .list(ALL)
            .into_iter()
            .map(|job| (key_of(job.tenant, &job.payload), (job.lane, job.due_at, job.attempt, job.state)))
            .collect();
        let count = found.len();
        let found: BTreeMap<_, _> = found.into_iter().collect();
        assert_eq!(found.len(), count, "doubled");
        let expected = self.work.iter().map(|(key, work)| {
            let state = match (work.claimed, work.due_ms <= self.now_ms) {
                (true, _) => JobState::Claimed,
                (false, true) => JobState::Ready,
                (false, false) => JobState::Scheduled,
            };
            (key.clone(), (work.lane, instant(work.due_ms), work.attempt, state))
        });
        assert_eq!(found, expected.collect());
        assert_eq!(dead_of(queue), self.dead);
    }
}

fn key_of(tenant: u128, payload: &[u8]) -> Key {
    (tenant, String::from_utf8(payload.to_vec()).unwrap())
}

fn dead_of(queue: &Queue) -> BTreeMap<Key, u16> {
    let dead = queue.dead_list(ALL).into_iter();
    dead.map(|letter| (key_of(letter.tenant, &letter.payload), letter.attempts)).collect()
}

/// The queue and its model, driven together.
struct Pair {
    disk: Disk,
    clock: Arc<ManualClock>,
    queue: Option<Queue>,
    model: Model,
}

impl Pair {
    fn open(&mut self) {
        self.queue = None;
        let settings = QueueSettings { quantum: QUANTUM, ..QueueSettings::default() };
        self.queue = Some(
            Queue::open_with_backend(self.disk.clone(), Arc::<ManualClock>::clone(&self.clock), settings)
                .unwrap(),
        );
    }

    fn run(&mut self, op: Op) {
        let queue = self.queue.as_ref().unwrap();
        match op {
            Op::Enqueue(jobs) => {
                let now_ms = self.model.now_ms;
                let new = jobs.iter().filter(|(tenant, name, lane, delay_ms, cause)| {
                    self.model.enqueue((*tenant, name.to_string()), *lane, now_ms + delay_ms, *cause)
                });
                let new = new.count() as u64;
                let jobs = jobs.iter().map(|(tenant, name, lane, delay_ms, cause)| NewJob {
                    lane: *lane,
                    due: Some(instant(now_ms + delay_ms)),
                    attempts_max: ATTEMPTS_MAX,
                    cause: *cause,
                    ..job(*tenant, &name.to_string())
                });
                assert_eq!(queue.enqueue(jobs.collect()).unwrap().new, new);
            }
            Op::Claim(max) => {
                let claimed = queue.claim(max).unwrap();
                self.model.claimed(&claimed, max, &dead_of(queue));
            }
            Op::Settle(ends) => self.settle(&ends),
            Op::Advance(ms) => {
                self.clock.advance(SignedDuration::from_millis(ms));
                self.model.now_ms += ms;
            }
            Op::Crash => {
                self.open();
                self.model.crash();
            }
            Op::Requeue => {
                assert_eq!(queue.requeue(Pick::All).unwrap(), self.model.dead.len() as u64);
                for (key, _) in std::mem::take(&mut self.model.dead) {
                    // The lane it died in is not modelled: asked back.
                    let job = queue.list(ALL).into_iter().find(|job| key_of(job.tenant, &job.payload) == key);
                    self.model.enqueue(key, job.unwrap().lane, self.model.now_ms, Cause::News);
                }
            }
            Op::Discard(tenant) => {
                queue.discard(Pick::Tenant(tenant)).unwrap();
                self.model.work.retain(|key, _| key.0 != tenant);
                self.model.dead.retain(|key, _| key.0 != tenant);
            }
        }
        self.model.check(self.queue.as_ref().unwrap());
    }

    fn settle(&mut self, ends: &[(usize, End)]) {
        let queue = self.queue.as_ref().unwrap();
        let mut claimed: Vec<JobView> = queue.list(ALL);
        claimed.retain(|job| job.state == JobState::Claimed);
        let mut settlements = Vec::new();
        for (which, end) in ends {
            if claimed.is_empty() {
                break;
            }
            let job = claimed.swap_remove(which % claimed.len());
            self.model.settle(&key_of(job.tenant, &job.payload), *end);
            let reason = "because".to_owned();
            let outcome = match end {
                End::Complete => Outcome::Complete,
                End::Retry(ms) => Outcome::Retry { due: instant(self.model.now_ms + ms), reason },
                End::Reject => Outcome::Reject { reason },
                End::Release => Outcome::Release,
            };
            settlements.push(Settlement { job: job.id, outcome });
        }
        queue.settle(settlements, vec![]).unwrap();
    }

    /// Completes everything there is, so that what was forgotten shows.
    fn drain(&mut self) {
        self.run(Op::Crash);
        self.run(Op::Advance(1_000_000));
        while !self.model.work.is_empty() {
            self.run(Op::Claim(5));
            let all = vec![(0, End::Complete); 5];
            self.settle(&all);
        }
    }
}

fn op() -> impl Strategy<Value = Op> {
    let lane = prop::sample::select(&Lane::ALL[..]);
    let cause = prop::sample::select(&[Cause::News, Cause::Sweep][..]);
    let delay_ms = prop_oneof![3 => Just(0_i64), 1 => 1..200_i64];
    let new = (0..3_u128, 0..8_u8, lane, delay_ms, cause);
    let end = prop_oneof![
        3 => Just(End::Complete),
        2 => (0..100_i64).prop_map(End::Retry),
        1 => Just(End::Reject),
        1 => Just(End::Release),
    ];
    prop_oneof![
        6 => prop::collection::vec(new, 0..12).prop_map(Op::Enqueue),
        6 => (0..12_usize).prop_map(Op::Claim),
        6 => prop::collection::vec((0..64_usize, end), 0..8).prop_map(Op::Settle),
        3 => (0..150_i64).prop_map(Op::Advance),
        2 => Just(Op::Crash),
        1 => Just(Op::Requeue),
        1 => (0..3_u128).prop_map(Op::Discard),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn queue_does_what_the_model_does(ops in prop::collection::vec(op(), 1..60)) {
        let clock = Arc::new(ManualClock::at(instant(START)));
        let model = Model { now_ms: START, ..Model::default() };
        let mut pair = Pair { disk: Disk::default(), clock, queue: None, model };
        pair.open();
        for op in ops {
            pair.run(op);
        }
        pair.drain();
    }
}
