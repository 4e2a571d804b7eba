//! What the end of a claimed job means.

use super::{
    super::{
        record::reason_cut,
        types::{Lane, Outcome, Settled, Settlement},
    },
    Index, State,
    dead::exhausted_reason,
};

impl Index {
    /// Ends claimed jobs.
    pub(in super::super) fn settle(&mut self, settlements: Vec<Settlement>, now_ms: i64) -> Settled {
        let mut settled = Settled::default();
        for Settlement { job, outcome } in settlements {
            self.settle_one(job.0, outcome, now_ms, &mut settled);
        }
        settled
    }

    fn settle_one(&mut self, id: u64, outcome: Outcome, now_ms: i64, settled: &mut Settled) {
        let Some(job) = self.jobs.get(&id) else {
            settled.unknown += 1;
            return;
        };
        let State::Claimed { again, .. } = job.state else {
            settled.unknown += 1;
            return;
        };
        let last = job.record.attempt >= job.record.attempts_max;
        match outcome {
            Outcome::Complete => {
                settled.completed += 1;
                if let Some(lane) = again {
                    settled.again += 1;
                    self.renew(id, lane, now_ms);
                } else {
                    self.remove(id);
                }
            }
            Outcome::Retry { due, reason } if !last => {
                settled.retried += 1;
                self.unlist(id);
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.record.due_ms = due.as_millisecond();
                    job.record.reason = reason_cut(&reason).into();
                    job.record.suspect = false;
                }
                self.list(id, now_ms);
            }
            Outcome::Retry { reason, .. } => {
                self.give_up(id, &exhausted_reason(&reason), again, now_ms, settled);
            }
            Outcome::Reject { reason } => self.give_up(id, &reason, again, now_ms, settled),
            Outcome::Release => {
                settled.released += 1;
                self.unlist(id);
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.record.attempt = job.record.attempt.saturating_sub(1);
                }
                self.list(id, now_ms);
            }
            Outcome::Defer { due, reason } => {
                settled.released += 1;
                self.unlist(id);
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.record.attempt = job.record.attempt.saturating_sub(1);
                    job.record.due_ms = due.as_millisecond();
                    job.record.reason = reason_cut(&reason).into();
                    job.record.suspect = false;
                }
                self.list(id, now_ms);
            }
        }
        self.dirty.jobs.insert(id);
    }

    fn give_up(&mut self, id: u64, reason: &str, again: Option<Lane>, now_ms: i64, settled: &mut Settled) {
        if let Some(lane) = again {
            settled.again += 1;
            self.renew(id, lane, now_ms);
        } else {
            settled.dead += 1;
            self.bury(id, reason, now_ms);
        }
    }

    /// Queues a claimed job as if it were new, because its work was enqueued again meanwhile.
    fn renew(&mut self, id: u64, lane: Lane, now_ms: i64) {
        self.unlist(id);
        if let Some(job) = self.jobs.get_mut(&id) {
            job.record.lane = lane;
            job.record.due_ms = now_ms;
            job.record.created_ms = now_ms;
            job.record.attempt = 0;
            job.record.suspect = false;
            job.record.reason = Box::default();
        }
        self.list(id, now_ms);
    }
}
