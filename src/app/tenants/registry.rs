//! The open tenants, at most so many, and what is known of the closed ones.
//!
//! The registry's lock is held for moments only: a tenant that is slow to open (a large index to check, a damaged one to replace)
//! delays those who want that tenant and nobody else. Each tenant has a slot whose own lock stands for its directory, so one is
//! never opened twice.
//!
//! The upkeep (sweep, vectors) has to see every tenant once after a start, because a crash may have left work behind, and then
//! only those that changed. A tenant that was looked at and not written to since is remembered as quiet when it closes, and is
//! left closed. Lost with the process, which costs one more look.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use super::Tenant;
use crate::{app::Error, model::TenantId};

/// A round that looks at every tenant that may have work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Upkeep {
    Sweep,
    Embed,
    EmbedOutside,
    Notices,
    Links,
    Alerts,
    ModelTags,
}

impl Upkeep {
    const ALL: [Upkeep; 7] = [
        Upkeep::Sweep,
        Upkeep::Embed,
        Upkeep::EmbedOutside,
        Upkeep::Notices,
        Upkeep::Links,
        Upkeep::Alerts,
        Upkeep::ModelTags,
    ];
}

/// When a tenant was last used and last found without work.
#[derive(Debug)]
pub(super) struct Usage {
    last_used_ms: AtomicI64,
    /// By [`Upkeep`]: how many writes tenant.db had seen when the round found nothing to do.
    done_at: [AtomicU64; Upkeep::ALL.len()],
}

impl Usage {
    pub(super) fn new(now_ms: i64) -> Self {
        Self {
            last_used_ms: AtomicI64::new(now_ms),
            done_at: [u64::MAX; Upkeep::ALL.len()].map(AtomicU64::new),
        }
    }

    pub(super) fn touch(&self, now_ms: i64) {
        self.last_used_ms.store(now_ms, Ordering::Relaxed);
    }

    pub(super) fn done(&self, upkeep: Upkeep, writes: u64) {
        self.done_at[upkeep as usize].store(writes, Ordering::Relaxed);
    }

    fn is_done(&self, upkeep: Upkeep, writes: u64) -> bool {
        self.done_at[upkeep as usize].load(Ordering::Relaxed) == writes
    }
}

/// One tenant's place. Its lock is held while the tenant is being opened.
#[derive(Default)]
struct Slot(Mutex<Option<Arc<Tenant>>>);

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<Tenant>>> {
        // A panic while opening leaves the slot empty, which is a state like any other.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Places {
    slots: HashMap<TenantId, Arc<Slot>>,
    /// Closed tenants that the round need not open.
    quiet: HashSet<(TenantId, Upkeep)>,
}

impl Places {
    /// The tenant in a slot that nobody is opening.
    fn peek(&self, id: TenantId) -> Option<Arc<Tenant>> {
        let slot = self.slots.get(&id)?;
        slot.0.try_lock().ok()?.clone()
    }

    /// Whether only the registry holds what is in the slot.
    fn is_idle(slot: &Arc<Slot>) -> bool {
        Arc::strong_count(slot) == 1
            && slot.lock().as_ref().is_none_or(|tenant| Arc::strong_count(tenant) == 1)
    }

    fn last_used_ms(slot: &Slot) -> i64 {
        slot.lock().as_ref().map_or(i64::MIN, |tenant| tenant.usage.last_used_ms.load(Ordering::Relaxed))
    }

    fn close(&mut self, id: TenantId) {
        let tenant = self.slots.remove(&id).and_then(|slot| slot.lock().take());
        if let Some(tenant) = tenant {
            let writes = tenant.store.writes();
            let done = Upkeep::ALL.into_iter().filter(|upkeep| tenant.usage.is_done(*upkeep, writes));
            self.quiet.extend(done.map(|upkeep| (id, upkeep)));
        }
    }
}

/// The open tenants.
pub(in crate::app) struct Registry {
    open_max: usize,
    places: Mutex<Places>,
}

impl Registry {
    pub(in crate::app) fn new(open_max: usize) -> Self {
        Self { open_max, places: Mutex::default() }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().expect("no panic holds the registry")
    }

    /// The tenant, opened with `open` if it is not. Makes room by closing the longest idle one.
    pub(super) fn get(
        &self,
        id: TenantId,
        open: impl FnOnce() -> Result<Tenant, Error>,
    ) -> Result<Arc<Tenant>, Error> {
        let slot = {
            let mut places = self.places();
            if !places.slots.contains_key(&id) && places.slots.len() >= self.open_max {
                Self::close_longest_idle(&mut places)?;
            }
            Arc::clone(places.slots.entry(id).or_default())
        };
        let mut place = slot.lock();
        if let Some(tenant) = place.as_ref() {
            return Ok(Arc::clone(tenant));
        }
        let tenant = Arc::new(open()?);
        *place = Some(Arc::clone(&tenant));
        self.places().quiet.retain(|(quiet, _)| *quiet != id);
        Ok(tenant)
    }

    /// The tenant if it is open; does not count as use.
    pub(super) fn peek(&self, id: TenantId) -> Option<Arc<Tenant>> {
        self.places().peek(id)
    }

    /// Whether a round has to look at this tenant.
    pub(super) fn is_due(&self, id: TenantId, upkeep: Upkeep) -> bool {
        let places = self.places();
        places.slots.contains_key(&id) || !places.quiet.contains(&(id, upkeep))
    }

    /// Every tenant may have work for this round again.
    pub(in crate::app) fn stir(&self, upkeep: Upkeep) {
        self.places().quiet.retain(|(_, quiet)| *quiet != upkeep);
    }

    /// Forgets a tenant that is being deleted. Nobody can open it while `delete` runs.
    pub(in crate::app) fn delete<T>(&self, id: TenantId, delete: impl FnOnce() -> T) -> T {
        let mut places = self.places();
        places.slots.remove(&id);
        places.quiet.retain(|(quiet, _)| *quiet != id);
        delete()
    }

    /// Closes tenants not used since `horizon_ms`; returns how many.
    pub(super) fn close_idle(&self, horizon_ms: i64) -> usize {
        let mut places = self.places();
        let idle = |slot: &Arc<Slot>| Places::is_idle(slot) && Places::last_used_ms(slot) <= horizon_ms;
        let idle: Vec<TenantId> =
            places.slots.iter().filter(|(_, slot)| idle(slot)).map(|(id, _)| *id).collect();
        for id in &idle {
            places.close(*id);
        }
        idle.len()
    }

    /// Those that are open; does not count as use.
    pub(in crate::app) fn open_list(&self) -> Vec<Arc<Tenant>> {
        let places = self.places();
        places.slots.keys().filter_map(|id| places.peek(*id)).collect()
    }

    pub(super) fn open_count(&self) -> usize {
        self.places().slots.len()
    }

    /// Makes room for one more, or says that everything is in use.
    fn close_longest_idle(places: &mut Places) -> Result<(), Error> {
        let idle = places
            .slots
            .iter()
            .filter(|(_, slot)| Places::is_idle(slot))
            .min_by_key(|(_, slot)| Places::last_used_ms(slot))
            .map(|(id, _)| *id);
        match idle {
            Some(id) => {
                places.close(id);
                Ok(())
            }
            None => Err(Error::Unavailable(
                "all open tenants are in use; try again, or raise tenants.open_max".to_owned(),
            )),
        }
    }
}
