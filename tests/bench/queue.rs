//! Durable jobs a second: the queue, and Redis Streams with `appendfsync always` beside it on the same disk in the same run.
//!
//! Each line appends, claims and settles the same jobs with the same producers and batch; every step is on disk before it is
//! answered. `all` is jobs through all three steps by the time of all three. Redis (7, the Debian package `redis-server`) is
//! started here on a port of its own and left out with a message where it is not installed. It pays for a socket and we do
//! not: that is the difference an embedded queue makes, not a fault of Redis.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run says so by dying")]

mod redis;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tga::{
    clock::SystemClock,
    queue::{Cause, Lane, NewJob, Outcome, Queue, QueueSettings, Settlement},
};

use self::redis::Redis;

/// One line of the table.
#[derive(Debug, Clone, Copy)]
struct Shape {
    jobs: usize,
    payload_bytes: usize,
    batch: usize,
    producers: usize,
}

/// How long each step took for all jobs.
#[derive(Debug, Clone, Copy)]
struct Took {
    append: Duration,
    claim: Duration,
    settle: Duration,
}

pub(crate) fn run() {
    let shapes = shapes();
    let redis = Redis::start();
    if redis.is_none() {
        println!(
            "redis-server is not installed (Debian: apt-get install redis-server): its lines are left out"
        );
    }
    println!(
        "{:<7} {:>7} {:>5} {:>9} {:>9} {:>9} {:>9} {:>9}  jobs/s",
        "", "payload", "batch", "producers", "append", "claim", "settle", "all"
    );
    for shape in shapes {
        print("queue", shape, queue_run(shape));
        if let Some(redis) = &redis {
            print("redis", shape, redis.run(shape));
        }
    }
}

fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for payload_bytes in [40, 400] {
        for (batch, producers, jobs) in [
            (1, 1, 2_000),
            (1, 16, 16_000),
            (1, 64, 32_000),
            (100, 1, 64_000),
            (100, 16, 96_000),
            (100, 64, 96_000),
            (256, 1, 65_536),
            (256, 16, 98_304),
            (256, 64, 98_304),
        ] {
            shapes.push(Shape { jobs, payload_bytes, batch, producers });
        }
    }
    shapes
}

fn print(name: &str, shape: Shape, took: Took) {
    let rate = |took: Duration| (shape.jobs as f64 / took.as_secs_f64()).round();
    println!(
        "{name:<7} {:>7} {:>5} {:>9} {:>9} {:>9} {:>9} {:>9}",
        shape.payload_bytes,
        shape.batch,
        shape.producers,
        rate(took.append),
        rate(took.claim),
        rate(took.settle),
        rate(took.append + took.claim + took.settle),
    );
}

/// Runs `work` in each of the producers at once and times the whole.
fn timed<T: Send>(producers: usize, work: impl Fn(usize) -> T + Sync) -> (Duration, Vec<T>) {
    let start = Instant::now();
    let results = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..producers)
            .map(|p| {
                scope.spawn({
                    let work = &work;
                    move || work(p)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    (start.elapsed(), results)
}

/// Counts out batches to whichever producer asks first.
struct Batches {
    given: AtomicUsize,
    shape: Shape,
}

impl Batches {
    fn new(shape: Shape) -> Batches {
        Batches { given: AtomicUsize::new(0), shape }
    }

    /// First job number and size of the next batch.
    fn next(&self) -> Option<(usize, usize)> {
        let first = self.given.fetch_add(self.shape.batch, Ordering::Relaxed);
        (first < self.shape.jobs).then(|| (first, self.shape.batch.min(self.shape.jobs - first)))
    }
}

fn queue_run(shape: Shape) -> Took {
    let dir = tempfile::tempdir().unwrap();
    let queue =
        Queue::open(&dir.path().join("queue.redb"), Arc::new(SystemClock), QueueSettings::default()).unwrap();
    let batches = Batches::new(shape);
    let (append, _) = timed(shape.producers, |_| {
        while let Some((first, count)) = batches.next() {
            let jobs = (first..first + count).map(|n| new_job(n, shape.payload_bytes)).collect();
            assert_eq!(queue.enqueue(jobs).unwrap().new, count as u64);
        }
    });
    let (claim, claimed) = timed(shape.producers, |_| {
        let mut batches = Vec::new();
        loop {
            let batch = queue.claim(shape.batch).unwrap();
            if batch.is_empty() {
                return batches;
            }
            batches.push(batch);
        }
    });
    let (settle, settled) = timed(shape.producers, |producer| {
        let mut completed = 0;
        for batch in &claimed[producer] {
            let ends = batch.iter().map(|job| Settlement { job: job.id, outcome: Outcome::Complete });
            completed += queue.settle(ends.collect(), vec![]).unwrap().completed;
        }
        completed
    });
    assert_eq!(settled.iter().sum::<u64>(), shape.jobs as u64);
    Took { append, claim, settle }
}

fn new_job(n: usize, payload_bytes: usize) -> NewJob {
    let mut payload = vec![b'x'; payload_bytes];
    payload[..8].copy_from_slice(&n.to_le_bytes());
    NewJob {
        lane: Lane::Backfill,
        tenant: n as u128 % 8,
        key: payload[..8].to_vec(),
        due: None,
        attempts_max: 24,
        cause: Cause::News,
        payload,
    }
}
