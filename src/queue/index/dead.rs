//! Dead letters: work that was given up, kept with its reason until somebody decides or it is old.
//!
//! One dead letter a key at most; above `dead_max` the oldest are dropped and counted (the sweep finds their posts again).

use std::sync::Arc;

use super::{
    super::{
        Error,
        record::{Record, reason_cut},
        types::Pick,
    },
    Index,
};

/// How the reason of a dead letter begins whose job used up its attempts.
pub const ATTEMPTS_EXHAUSTED: &str = "attempts exhausted";

pub(super) fn exhausted_reason(last: &str) -> String {
    if last.is_empty() { ATTEMPTS_EXHAUSTED.to_owned() } else { format!("{ATTEMPTS_EXHAUSTED}: {last}") }
}

impl Index {
    /// Turns a job into a dead letter.
    pub(super) fn bury(&mut self, id: u64, reason: &str, now_ms: i64) {
        let Some(mut record) = self.remove(id) else { return };
        record.reason = reason_cut(reason).into();
        record.due_ms = now_ms;
        self.dead_insert(id, record);
        self.dirty.dead.insert(id);
        while self.dead.len() > self.settings.dead_max
            && let Some(oldest) = self.dead.first_key_value().map(|(id, _)| *id)
        {
            self.dead_remove(oldest);
            self.dead_dropped += 1;
        }
    }

    pub(super) fn dead_insert(&mut self, id: u64, record: Record) {
        if !record.key.is_empty() {
            self.dead_keys.insert((record.tenant, Arc::clone(&record.key)), id);
        }
        self.dead.insert(id, record);
    }

    pub(super) fn dead_remove(&mut self, id: u64) -> Option<Record> {
        let record = self.dead.remove(&id)?;
        if !record.key.is_empty() {
            self.dead_keys.remove(&(record.tenant, Arc::clone(&record.key)));
        }
        self.dirty.dead.insert(id);
        Some(record)
    }

    /// Queues dead letters again with all their attempts; how many. All or none.
    pub(in super::super) fn requeue(&mut self, pick: &Pick, now_ms: i64) -> Result<u64, Error> {
        let ids = self.dead_picked(pick);
        if self.jobs.len() + ids.len() > self.settings.jobs_max {
            return Err(Error::Full { jobs_max: self.settings.jobs_max });
        }
        for id in &ids {
            let Some(mut record) = self.dead_remove(*id) else {
                continue;
            };
            record.due_ms = now_ms;
            record.created_ms = now_ms;
            record.attempt = 0;
            record.suspect = false;
            record.reason = Box::default();
            // An older claim that is still open may list this id; it must not count again.
            record.claim_seen = self.next_claim - 1;
            self.insert(*id, record, now_ms);
            self.dirty.jobs.insert(*id);
        }
        Ok(ids.len() as u64)
    }

    /// Throws away jobs in any state and dead letters; how many.
    pub(in super::super) fn discard(&mut self, pick: &Pick) -> u64 {
        let jobs = self.picked(pick);
        let dead = self.dead_picked(pick);
        let removed = jobs.iter().filter_map(|id| self.remove(*id)).count()
            + dead.iter().filter_map(|id| self.dead_remove(*id)).count();
        removed as u64
    }

    /// The dead letters given up before `before_ms`.
    pub(in super::super) fn dead_older(&self, before_ms: i64) -> impl Iterator<Item = u64> {
        self.dead.iter().filter(move |(_, letter)| letter.due_ms < before_ms).map(|(id, _)| *id)
    }

    /// Throws away the dead letters given up before `before_ms`; how many.
    pub(in super::super) fn dead_expire(&mut self, before_ms: i64) -> u64 {
        let old: Vec<u64> = self.dead_older(before_ms).collect();
        old.iter().filter_map(|id| self.dead_remove(*id)).count() as u64
    }

    fn dead_picked(&self, pick: &Pick) -> Vec<u64> {
        match pick {
            // A set: an id named twice is one dead letter.
            Pick::Jobs(ids) => {
                let ids: std::collections::BTreeSet<u64> = ids.iter().map(|id| id.0).collect();
                ids.into_iter().filter(|id| self.dead.contains_key(id)).collect()
            }
            Pick::Tenant(tenant) => {
                let own = self.dead.iter().filter(|(_, letter)| letter.tenant == *tenant);
                own.map(|(id, _)| *id).collect()
            }
            Pick::All => self.dead.keys().copied().collect(),
        }
    }
}
