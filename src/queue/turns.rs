//! Whose turn it is in one lane.
//!
//! May know nothing of jobs but their ids. Tenants stand in a circle; each takes up to a quantum of its own ready jobs, oldest
//! id first, then the next one does. A tenant that runs dry leaves the circle and joins again at its end.

use std::collections::{BTreeSet, HashMap, VecDeque};

/// The ready jobs of one lane.
#[derive(Debug, Default)]
pub(super) struct Turns {
    ready: HashMap<u128, BTreeSet<u64>>,
    /// Every key of `ready` once; the front one's turn it is.
    circle: VecDeque<u128>,
    /// How many jobs the front one has taken in this turn.
    taken: usize,
    len: usize,
}

impl Turns {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, tenant: u128, id: u64) {
        let ids = self.ready.entry(tenant).or_insert_with(|| {
            self.circle.push_back(tenant);
            BTreeSet::new()
        });
        self.len += usize::from(ids.insert(id));
    }

    pub(super) fn remove(&mut self, tenant: u128, id: u64) {
        // An emptied tenant leaves the circle when its turn comes: finding it now would walk the circle.
        let removed = self.ready.get_mut(&tenant).is_some_and(|ids| ids.remove(&id));
        self.len -= usize::from(removed);
    }

    /// The job to be claimed next.
    pub(super) fn front(&mut self) -> Option<u64> {
        while let Some(tenant) = self.circle.front() {
            if let Some(id) = self.ready.get(tenant).and_then(BTreeSet::first) {
                return Some(*id);
            }
            self.ready.remove(tenant);
            self.circle.pop_front();
            self.taken = 0;
        }
        None
    }

    /// Takes what [`Turns::front`] shows and passes the turn on after `quantum` jobs.
    pub(super) fn take(&mut self, quantum: usize) -> Option<u64> {
        let id = self.front()?;
        let tenant = *self.circle.front()?;
        self.remove(tenant, id);
        self.taken += 1;
        if self.taken >= quantum {
            self.circle.rotate_left(1);
            self.taken = 0;
        }
        Some(id)
    }
}
