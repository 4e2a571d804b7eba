//! The working state of the queue, in memory: who may run next, what is a duplicate, what a settlement means.
//!
//! May know nothing of redb, threads or clocks: it is given the time and notes in [`Dirty`] which rows no longer match the
//! file. Either a command is refused whole or it is done whole. Rebuilt from the rows at open ([`Index::load`]); a claim found
//! there was cut short by a crash, so its jobs count the attempt and are handed out singly from then on, so that the one that
//! killed the process does not drag the others to their limit.

mod dead;
mod settle;

pub use dead::ATTEMPTS_EXHAUSTED;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    Error, QueueSettings,
    record::{Record, instant},
    turns::Turns,
    types::{Cause, Claimed, Enqueued, JobId, JobState, KEY_BYTES_MAX, Lane, NewJob, Pick},
};

/// Work named within a tenant.
type Key = (u128, Arc<[u8]>);

/// Where a job stands, and in which claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    Scheduled,
    Claimed { claim: u64, again: Option<Lane> },
}

#[derive(Debug)]
pub(super) struct Job {
    pub record: Record,
    state: State,
}

impl Job {
    pub(super) fn state(&self) -> JobState {
        match self.state {
            State::Ready => JobState::Ready,
            State::Scheduled => JobState::Scheduled,
            State::Claimed { .. } => JobState::Claimed,
        }
    }

    pub(super) fn again(&self) -> bool {
        match self.state {
            State::Claimed { again, .. } => again.is_some(),
            State::Ready | State::Scheduled => false,
        }
    }
}

/// Rows that differ from the file since the last write.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    pub jobs: BTreeSet<u64>,
    pub dead: BTreeSet<u64>,
    pub claims_new: Vec<(u64, Vec<u64>)>,
    pub claims_gone: Vec<u64>,
    pub next_id: bool,
    /// Jobs came to wait (not a row; for the wake-up).
    pub came: bool,
    /// Jobs left the queue (not a row; for the wake-up).
    pub went: bool,
}

impl Dirty {
    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
            && self.dead.is_empty()
            && self.claims_new.is_empty()
            && self.claims_gone.is_empty()
            && !self.next_id
    }
}

/// What the file held.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub jobs: Vec<(u64, Record)>,
    pub dead: Vec<(u64, Record)>,
    pub claims: Vec<(u64, Vec<u64>)>,
    pub next_id: u64,
}

#[derive(Debug)]
pub(super) struct Index {
    settings: QueueSettings,
    pub(super) jobs: BTreeMap<u64, Job>,
    keys: HashMap<Key, u64>,
    lanes: [Turns; 2],
    scheduled: BTreeSet<(i64, u64)>,
    /// Open claims and how many of their jobs are unsettled.
    claims: HashMap<u64, usize>,
    pub(super) dead: BTreeMap<u64, Record>,
    dead_keys: HashMap<Key, u64>,
    pub(super) dead_dropped: u64,
    pub(super) next_id: u64,
    next_claim: u64,
    pub(super) dirty: Dirty,
}

impl Index {
    /// Rebuilds the state. Claims found in `rows` are folded into their jobs' attempts.
    pub(super) fn load(rows: Rows, settings: QueueSettings, now_ms: i64) -> Index {
        let newest_seen = rows.jobs.iter().map(|(_, job)| job.claim_seen).max();
        let newest_claim = rows.claims.iter().map(|(claim, _)| *claim).max();
        let newest_id = rows.jobs.iter().chain(&rows.dead).map(|(id, _)| *id).max();
        let mut index = Index {
            settings,
            jobs: BTreeMap::new(),
            keys: HashMap::new(),
            lanes: Default::default(),
            scheduled: BTreeSet::new(),
            claims: HashMap::new(),
            dead: BTreeMap::new(),
            dead_keys: HashMap::new(),
            dead_dropped: 0,
            next_id: rows.next_id.max(newest_id.map_or(1, |id| id.saturating_add(1))),
            next_claim: newest_seen.max(newest_claim).unwrap_or(0).saturating_add(1),
            dirty: Dirty::default(),
        };
        let mut jobs: BTreeMap<u64, Record> = rows.jobs.into_iter().collect();
        for (claim, ids) in rows.claims {
            for id in ids {
                if let Some(job) = jobs.get_mut(&id).filter(|job| job.claim_seen < claim) {
                    job.attempt = job.attempt.saturating_add(1);
                    job.claim_seen = claim;
                    job.suspect = true;
                    index.dirty.jobs.insert(id);
                }
            }
            index.dirty.claims_gone.push(claim);
        }
        for (id, record) in jobs {
            index.insert(id, record, now_ms);
        }
        for (id, record) in rows.dead {
            index.dead_insert(id, record);
        }
        index
    }

    /// Puts jobs into the queue, all or none. `bounded`: refuse what would exceed `jobs_max`.
    pub(super) fn enqueue(
        &mut self,
        jobs: Vec<NewJob>,
        now_ms: i64,
        bounded: bool,
    ) -> Result<Enqueued, Error> {
        self.check_sizes(&jobs)?;
        if bounded && self.jobs.len() + jobs.len() > self.settings.jobs_max {
            let mut unseen = HashSet::new();
            let new = jobs.iter().filter(|job| {
                self.is_new(job) && (job.key.is_empty() || unseen.insert((job.tenant, &job.key)))
            });
            if self.jobs.len() + new.count() > self.settings.jobs_max {
                return Err(Error::Full { jobs_max: self.settings.jobs_max });
            }
        }
        let mut enqueued = Enqueued::default();
        for job in jobs {
            if self.add(job, now_ms) {
                enqueued.new += 1;
            } else {
                enqueued.duplicate += 1;
            }
        }
        Ok(enqueued)
    }

    pub(super) fn check_sizes(&self, jobs: &[NewJob]) -> Result<(), Error> {
        let check = |what, size, max| {
            if size > max {
                return Err(Error::TooLarge { what, size, max });
            }
            Ok(())
        };
        check("batch (jobs)", jobs.len(), self.settings.batch_max)?;
        for job in jobs {
            check("payload (bytes)", job.payload.len(), self.settings.payload_bytes_max)?;
            check("key (bytes)", job.key.len(), KEY_BYTES_MAX)?;
        }
        Ok(())
    }

    fn is_new(&self, job: &NewJob) -> bool {
        let key: Key = (job.tenant, job.key.as_slice().into());
        let known = !job.key.is_empty()
            && (self.keys.contains_key(&key)
                || (job.cause == Cause::Sweep && self.dead_keys.contains_key(&key)));
        !known
    }

    /// Adds one job; false if it is a duplicate.
    fn add(&mut self, job: NewJob, now_ms: i64) -> bool {
        let key: Key = (job.tenant, job.key.into());
        let due_ms = job.due.map_or(now_ms, Timestamp::as_millisecond);
        if !key.1.is_empty() {
            if let Some(id) = self.keys.get(&key).copied() {
                self.meet(id, job.lane, due_ms, job.cause, now_ms);
                return false;
            }
            if let Some(id) = self.dead_keys.get(&key).copied() {
                match job.cause {
                    Cause::Sweep => return false,
                    Cause::News => {
                        self.dead_remove(id);
                    }
                }
            }
        }
        let id = self.next_id;
        self.next_id += 1;
        self.dirty.next_id = true;
        let record = Record {
            lane: job.lane,
            tenant: job.tenant,
            key: key.1,
            due_ms,
            created_ms: now_ms,
            claim_seen: 0,
            attempt: 0,
            attempts_max: job.attempts_max.max(1),
            suspect: false,
            reason: Box::default(),
            payload: job.payload.into(),
        };
        self.insert(id, record, now_ms);
        self.dirty.jobs.insert(id);
        true
    }

    /// The same work is enqueued while job `id` stands for it.
    fn meet(&mut self, id: u64, lane: Lane, due_ms: i64, cause: Cause, now_ms: i64) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let lane = lane.min(job.record.lane);
        match (&mut job.state, cause) {
            (State::Claimed { again, .. }, Cause::News) => {
                *again = Some(again.map_or(lane, |before| before.min(lane)));
            }
            (State::Claimed { .. }, Cause::Sweep) => {}
            (State::Ready | State::Scheduled, Cause::News | Cause::Sweep) => {
                // After a failed attempt the back-off stands: whoever is down is still down.
                let due_ms =
                    if job.record.attempt == 0 { due_ms.min(job.record.due_ms) } else { job.record.due_ms };
                if lane != job.record.lane || due_ms != job.record.due_ms {
                    self.unlist(id);
                    if let Some(job) = self.jobs.get_mut(&id) {
                        job.record.lane = lane;
                        job.record.due_ms = due_ms;
                    }
                    self.list(id, now_ms);
                    self.dirty.jobs.insert(id);
                }
            }
        }
    }

    /// Hands out up to `max` jobs of `lanes`, in order, counting their attempts. Nothing is ready when it returns nothing;
    /// fewer than `max` say nothing about the rest.
    pub(super) fn claim(&mut self, lanes: &[Lane], max: usize, now_ms: i64) -> Vec<Claimed> {
        self.promote(now_ms);
        let claim = self.next_claim;
        let max = max.min(self.settings.claim_max);
        let mut claimed: Vec<Claimed> = Vec::new();
        'lanes: for lane in lanes {
            while claimed.len() < max
                && let Some(id) = self.lanes[*lane as usize].front()
            {
                let Some(job) = self.jobs.get_mut(&id) else { break };
                let suspect = job.record.suspect;
                let exhausted = job.record.attempt >= job.record.attempts_max;
                if suspect && !exhausted && !claimed.is_empty() {
                    break 'lanes;
                }
                self.lanes[*lane as usize].take(self.settings.quantum);
                if exhausted {
                    let reason = dead::exhausted_reason(&job.record.reason);
                    self.bury(id, &reason, now_ms);
                    continue;
                }
                job.record.attempt += 1;
                job.state = State::Claimed { claim, again: None };
                claimed.push(Claimed {
                    id: JobId(id),
                    lane: *lane,
                    tenant: job.record.tenant,
                    attempt: job.record.attempt,
                    attempts_max: job.record.attempts_max,
                    enqueued_at: instant(job.record.created_ms),
                    payload: Arc::clone(&job.record.payload),
                });
                if suspect {
                    break 'lanes;
                }
            }
        }
        if !claimed.is_empty() {
            self.next_claim += 1;
            self.claims.insert(claim, claimed.len());
            let ids = claimed.iter().map(|job| job.id.0).collect();
            self.dirty.claims_new.push((claim, ids));
        }
        claimed
    }

    /// When the next job may be claimed: now, later, or never as things stand.
    pub(super) fn next_due_ms(&self, now_ms: i64) -> Option<i64> {
        if self.lanes.iter().any(|lane| lane.len() > 0) {
            return Some(now_ms);
        }
        self.scheduled.first().map(|(due_ms, _)| now_ms.max(*due_ms))
    }

    /// Ids of the jobs that `pick` names.
    fn picked(&self, pick: &Pick) -> Vec<u64> {
        match pick {
            Pick::Jobs(ids) => ids.iter().map(|id| id.0).filter(|id| self.jobs.contains_key(id)).collect(),
            Pick::Tenant(tenant) => {
                let own = self.jobs.iter().filter(|(_, job)| job.record.tenant == *tenant);
                own.map(|(id, _)| *id).collect()
            }
            Pick::All => self.jobs.keys().copied().collect(),
        }
    }

    fn promote(&mut self, now_ms: i64) {
        while let Some((due_ms, id)) = self.scheduled.first().copied()
            && due_ms <= now_ms
        {
            self.scheduled.pop_first();
            if let Some(job) = self.jobs.get_mut(&id) {
                job.state = State::Ready;
                self.lanes[job.record.lane as usize].insert(job.record.tenant, id);
            }
        }
    }

    fn insert(&mut self, id: u64, record: Record, now_ms: i64) {
        if !record.key.is_empty() {
            self.keys.insert((record.tenant, Arc::clone(&record.key)), id);
        }
        let state = State::Scheduled;
        self.jobs.insert(id, Job { record, state });
        self.list(id, now_ms);
    }

    /// Puts an unclaimed job among the ready or the scheduled ones.
    fn list(&mut self, id: u64, now_ms: i64) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        self.dirty.came = true;
        if job.record.due_ms <= now_ms {
            job.state = State::Ready;
            self.lanes[job.record.lane as usize].insert(job.record.tenant, id);
        } else {
            job.state = State::Scheduled;
            self.scheduled.insert((job.record.due_ms, id));
        }
    }

    /// Takes a job out of the ready, scheduled or claimed ones; its state is to be set next.
    fn unlist(&mut self, id: u64) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        match job.state {
            State::Ready => self.lanes[job.record.lane as usize].remove(job.record.tenant, id),
            State::Scheduled => {
                self.scheduled.remove(&(job.record.due_ms, id));
            }
            State::Claimed { claim, .. } => {
                job.record.claim_seen = claim;
                if let Some(open) = self.claims.get_mut(&claim) {
                    *open -= 1;
                    if *open == 0 {
                        self.claims.remove(&claim);
                        self.dirty.claims_gone.push(claim);
                    }
                }
            }
        }
    }

    /// Forgets a job.
    fn remove(&mut self, id: u64) -> Option<Record> {
        self.unlist(id);
        let record = self.jobs.remove(&id)?.record;
        if !record.key.is_empty() {
            self.keys.remove(&(record.tenant, Arc::clone(&record.key)));
        }
        self.dirty.jobs.insert(id);
        self.dirty.went = true;
        Some(record)
    }
}
