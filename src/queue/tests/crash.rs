//! The disk dies at every sync of a day's work; what it kept must open as the state after everything acknowledged, or after
//! the one operation that was under way.

use std::io::ErrorKind;

use super::{super::*, START, disk::Disk, end, job};
use crate::{clock::ManualClock, model::Disposition};

/// How many different leftovers of one death are opened.
const SEEDS: u64 = 4;
const STEPS: usize = 24;

fn open(disk: &Disk) -> Result<Queue, Error> {
    let clock = Arc::new(ManualClock::at(instant(START)));
    Queue::open_with_backend(disk.clone(), clock, QueueSettings::default())
}

/// Step `n` of the day: one commit. Needs nothing but the queue's state, so that it can be repeated.
fn step(queue: &Queue, n: usize) -> Result<(), Error> {
    let later = instant(START + 60_000);
    match n % 6 {
        0 | 1 => {
            let jobs = (0..40).map(|k| job(k % 3, &format!("{n}-{k}")));
            queue.enqueue(jobs.collect()).map(drop)
        }
        2 | 4 => queue.claim(15).map(drop),
        3 => {
            let page = Page { tenant: None, after: None, limit: usize::MAX };
            let claimed = queue.list(page).into_iter().filter(|job| job.state == JobState::Claimed);
            let ends = claimed.enumerate().map(|(k, job)| Settlement {
                job: job.id,
                outcome: match k % 4 {
                    0 => Outcome::Complete,
                    1 => Outcome::Retry { due: later, reason: "model is down".to_owned() },
                    2 => Outcome::Reject { reason: "not a post".to_owned() },
                    _ => Outcome::Release,
                },
            });
            queue.settle(ends.collect(), vec![job(7, &format!("next-{n}"))]).map(drop)
        }
        _ => queue.requeue(Pick::All).map(drop),
    }
}

/// The state after `steps` steps, seen by the next start.
fn expected(steps: usize) -> String {
    let disk = Disk::default();
    let queue = open(&disk).unwrap();
    for n in 0..steps {
        step(&queue, n).unwrap();
    }
    drop(queue);
    open(&disk).unwrap().dump()
}

#[test]
fn death_at_any_sync_loses_nothing_acknowledged() {
    let states: Vec<String> = (0..=STEPS).map(expected).collect();
    let disk = Disk::default();
    let queue = open(&disk).unwrap();
    let first = disk.syncs();
    for n in 0..STEPS {
        step(&queue, n).unwrap();
    }
    let last = disk.syncs();
    // One sync a commit, one commit a step; the file growing costs one more.
    assert!((STEPS..STEPS + 3).contains(&(last - first)), "{STEPS} steps took {} syncs", last - first);
    drop(queue);

    for death in 1..=last {
        let disk = Disk::default();
        disk.die_at_sync(death, ErrorKind::Other);
        let mut acknowledged = None;
        if let Ok(queue) = open(&disk) {
            let done = (0..STEPS).take_while(|n| step(&queue, *n).is_ok()).count();
            assert!(matches!(queue.enqueue(vec![job(1, "late")]), Err(Error::Io { .. })) || done == STEPS);
            acknowledged = Some(done);
        }
        for seed in 0..SEEDS {
            let kept = Disk::holding(disk.survivors(seed * 1_000 + death as u64));
            let dump = match open(&kept) {
                Ok(queue) => queue.dump(),
                // A file that died while it was made is put aside like any damaged one.
                Err(Error::Corrupt { .. }) if acknowledged.is_none() => continue,
                Err(other) => panic!("death at sync {death}, seed {seed}: {other}"),
            };
            let done = acknowledged.unwrap_or(0);
            let under_way = states.get(done + 1);
            assert!(
                dump == states[done] || Some(&dump) == under_way,
                "death at sync {death}, seed {seed}: {done} steps were acknowledged, found\n{dump}"
            );
        }
    }
}

#[test]
fn failed_write_answers_everything_after_it_and_says_halt() {
    for (kind, is_expected) in [
        (ErrorKind::StorageFull, (|e| matches!(e, Error::DiskFull { .. })) as fn(&Error) -> bool),
        (ErrorKind::ReadOnlyFilesystem, |e| matches!(e, Error::ReadOnly { .. })),
        (ErrorKind::Other, |e| matches!(e, Error::Io { .. })),
    ] {
        let disk = Disk::default();
        let queue = open(&disk).unwrap();
        queue.enqueue(vec![job(1, "a")]).unwrap();
        let kept = queue.dump();
        let seen = queue.waiting().seen();
        disk.die_at_sync(disk.syncs(), kind);
        let failure = queue.enqueue(vec![job(1, "b")]).unwrap_err();
        assert!(is_expected(&failure), "{kind:?} became {failure:?}");
        assert_eq!(failure.disposition(), Disposition::Halt);
        assert_eq!(queue.claim(1).unwrap_err(), failure);
        assert_eq!(queue.compact().unwrap_err(), failure);
        assert_eq!(queue.failed(), Some(failure));
        assert_ne!(queue.waiting().seen(), seen, "whoever waits must learn of it");
        drop(queue);
        assert_eq!(open(&Disk::holding(disk.durable())).unwrap().dump(), kept);
    }
}

#[test]
fn job_that_kills_the_process_reaches_its_limit_alone() {
    let disk = Disk::default();
    open(&disk).unwrap().enqueue((0..10).map(|k| job(k % 2, &format!("{k}"))).collect()).unwrap();
    let mut deaths = 0;
    let mut done = 0;
    loop {
        let queue = open(&disk).unwrap();
        let died = loop {
            let claimed = queue.claim(64).unwrap();
            if claimed.is_empty() {
                break false;
            }
            if claimed.iter().any(|job| *job.payload == *b"3") {
                break true;
            }
            done += claimed.len();
            let ends = claimed.iter().map(|job| end(job, Outcome::Complete));
            queue.settle(ends.collect(), vec![]).unwrap();
        };
        if !died {
            break;
        }
        deaths += 1;
        assert!(deaths < 10, "attempts are not counted");
    }
    let queue = open(&disk).unwrap();
    let dead = queue.dead_list(Page { tenant: None, after: None, limit: 10 });
    let dead: Vec<_> = dead.iter().map(|d| (&*d.payload, d.attempts, d.reason.as_str())).collect();
    assert_eq!(dead, [(&b"3"[..], 3, ATTEMPTS_EXHAUSTED)]);
    assert_eq!((deaths, done), (3, 9));
}
