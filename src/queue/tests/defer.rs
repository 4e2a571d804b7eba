//! Work that is put off because what it needs is out of reach.

use super::{super::*, Bench, end, job};

#[test]
fn deferred_job_waits_and_keeps_its_attempts_however_often() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.queue().enqueue(vec![job(1, "a")]).unwrap();
    for _ in 0..10 {
        let claimed = bench.queue().claim(9).unwrap();
        let outcome = Outcome::Defer {
            due: bench.clock.now() + jiff::SignedDuration::from_millis(60),
            reason: "tenant.db is damaged".to_owned(),
        };
        let settled = bench.queue().settle(vec![end(&claimed[0], outcome)], vec![]).unwrap();
        assert_eq!((settled.released, settled.dead), (1, 0));
        assert_eq!(bench.queue().peek(JobId(1)).unwrap().reason, "tenant.db is damaged");
        bench.reopen();
        assert!(bench.claim(9).is_empty(), "not before it is due");
        bench.advance(60);
    }
    assert_eq!(bench.claim(9), ["a#1"]);
}
