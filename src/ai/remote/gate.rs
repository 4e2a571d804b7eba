//! In front of a provider: how many questions at once, and leaving it alone when it fails.
//!
//! Counts failures in a row. After [`FAILURES_MAX`] the gate shuts for a while that doubles with each time; then one question is
//! let through to try, and the others wait for what becomes of it. A wait the provider asks for shuts the gate at once. Time is the
//! clock's; only waiting for a free place waits really, and not for long. In memory: a restart tries again.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::RemoteFault;
use crate::clock::Clock;

/// Failures in a row after which the provider is left alone.
pub const FAILURES_MAX: u32 = 5;
/// How long it is left alone the first time, and at most.
pub const PAUSE_FIRST: Duration = Duration::from_mins(1);
pub const PAUSE_MAX: Duration = Duration::from_mins(15);
/// After a refusal that a person has to mend.
pub const PAUSE_REFUSED: Duration = Duration::from_mins(5);
/// After 429 without a word of how long: the first time, doubling up to [`PAUSE_MAX`].
pub const PAUSE_LIMITED: Duration = Duration::from_secs(2);
/// Longest `Retry-After` that is obeyed.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// The gate of one provider with one key.
#[derive(Debug)]
pub(super) struct Gate {
    clock: Arc<dyn Clock>,
    places: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    /// In a row.
    failures: u32,
    /// How often it was shut since the last success.
    shut: u32,
    shut_until: Option<Timestamp>,
    /// The one question that tries after a pause.
    trying: bool,
}

/// Why a question is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shut {
    Until(Timestamp),
    /// No place became free in time.
    Full,
}

/// A question that was let through; give it back with what came of it. Dropped without that it counts as nothing.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    trial: bool,
}

impl Gate {
    pub(super) fn new(clock: Arc<dyn Clock>, places: usize) -> Self {
        Self { clock, places: places.max(1), state: Mutex::default(), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when the provider is left alone.
    pub(super) fn shut_until(&self) -> Option<Timestamp> {
        self.lock().shut_until.filter(|until| *until > self.clock.now())
    }

    /// Waits at most so long for a free place.
    pub(super) fn enter(&self, wait: Duration) -> Result<Pass<'_>, Shut> {
        let mut state = self.lock();
        let mut left = wait;
        loop {
            let now = self.clock.now();
            if let Some(until) = state.shut_until {
                if until > now {
                    return Err(Shut::Until(until));
                }
                if state.trying {
                    return Err(Shut::Until(plus(now, PAUSE_LIMITED)));
                }
            }
            if state.running < self.places {
                break;
            }
            if left.is_zero() {
                return Err(Shut::Full);
            }
            let began = std::time::Instant::now();
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            left = left.saturating_sub(began.elapsed().max(Duration::from_millis(1)));
        }
        state.running += 1;
        let trial = state.shut_until.is_some();
        state.trying |= trial;
        Ok(Pass { gate: self, trial })
    }
}

impl Pass<'_> {
    /// What came of the question.
    pub(super) fn settle(self, outcome: Result<(), &RemoteFault>) {
        let now = self.gate.clock.now();
        let mut state = self.gate.lock();
        match outcome.err().filter(|fault| fault.is_providers()) {
            None => {
                // An answer, or a refusal of this one question: the provider works.
                (state.failures, state.shut) = (0, 0);
                // A wait that was asked for while this one was under way holds.
                if self.trial || state.shut_until.is_none_or(|until| until <= now) {
                    state.shut_until = None;
                }
            }
            Some(fault) => {
                state.failures += 1;
                if let Some(pause) = pause_of(fault, &state, self.trial) {
                    state.shut += 1;
                    let until = plus(now, pause);
                    state.shut_until = Some(state.shut_until.map_or(until, |before| before.max(until)));
                }
            }
        }
    }
}

fn pause_of(fault: &RemoteFault, state: &State, trial: bool) -> Option<Duration> {
    let doubled = |first: Duration| first.saturating_mul(1 << state.shut.min(16)).min(PAUSE_MAX);
    match fault {
        RemoteFault::RateLimited { after: Some(after) } => {
            Some((*after).clamp(Duration::from_secs(1), RETRY_AFTER_MAX))
        }
        RemoteFault::RateLimited { after: None } => Some(doubled(PAUSE_LIMITED)),
        RemoteFault::KeyRefused
        | RemoteFault::ScopeRefused
        | RemoteFault::Forbidden
        | RemoteFault::Payment
        | RemoteFault::NotFound
        | RemoteFault::Certificate => Some(PAUSE_REFUSED),
        RemoteFault::TooLong
        | RemoteFault::Refused { .. }
        | RemoteFault::Failed { .. }
        | RemoteFault::Silent { .. }
        | RemoteFault::Cut
        | RemoteFault::Unreachable
        | RemoteFault::Malformed
        | RemoteFault::Empty
        | RemoteFault::Filtered
        | RemoteFault::Paused { .. }
        | RemoteFault::Busy => (trial || state.failures >= FAILURES_MAX).then(|| doubled(PAUSE_FIRST)),
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        state.running -= 1;
        if self.trial {
            state.trying = false;
        }
        drop(state);
        // All: one that wakes to a shut gate would keep the place from the next.
        self.gate.freed.notify_all();
    }
}

pub(super) fn plus(at: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| at.checked_add(wait).ok()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn gate(places: usize) -> (Arc<ManualClock>, Gate) {
        let clock = Arc::new(ManualClock::at("2026-11-21T12:00:00Z".parse().expect("a time")));
        (Arc::clone(&clock), Gate::new(clock, places))
    }

    fn fail(gate: &Gate, fault: &RemoteFault) {
        gate.enter(Duration::ZERO).expect("open").settle(Err(fault));
    }

    #[test]
    fn it_shuts_after_failures_in_a_row_and_then_lets_one_try() {
        let (clock, gate) = gate(4);
        for _ in 0..FAILURES_MAX {
            assert_eq!(gate.shut_until(), None);
            fail(&gate, &RemoteFault::Failed { status: 503 });
        }
        assert_eq!(gate.shut_until(), Some(plus(clock.now(), PAUSE_FIRST)));
        assert!(matches!(gate.enter(Duration::ZERO), Err(Shut::Until(_))));
        clock.advance(SignedDuration::from_secs(60));
        let trial = gate.enter(Duration::ZERO).expect("one tries");
        assert!(matches!(gate.enter(Duration::ZERO), Err(Shut::Until(_))), "no herd behind it");
        trial.settle(Err(&RemoteFault::Cut));
        assert_eq!(gate.shut_until(), Some(plus(clock.now(), PAUSE_FIRST * 2)));
        clock.advance(SignedDuration::from_secs(120));
        gate.enter(Duration::ZERO).expect("one tries").settle(Ok(()));
        let several: Vec<_> = (0..4).map(|_| gate.enter(Duration::ZERO).expect("open again")).collect();
        assert_eq!(gate.enter(Duration::ZERO).err(), Some(Shut::Full));
        drop(several);
        assert!(gate.enter(Duration::ZERO).is_ok());
    }

    #[test]
    fn a_wait_that_is_asked_for_is_waited() {
        let (clock, gate) = gate(1);
        fail(&gate, &RemoteFault::RateLimited { after: Some(Duration::from_secs(7)) });
        assert_eq!(gate.shut_until(), Some(plus(clock.now(), Duration::from_secs(7))));
        clock.advance(SignedDuration::from_secs(7));
        fail(&gate, &RemoteFault::RateLimited { after: None });
        assert_eq!(gate.shut_until(), Some(plus(clock.now(), PAUSE_LIMITED * 2)));
        clock.advance(SignedDuration::from_secs(4));
        fail(&gate, &RemoteFault::KeyRefused);
        assert_eq!(gate.shut_until(), Some(plus(clock.now(), PAUSE_REFUSED)));
    }

    #[test]
    fn an_answer_that_was_under_way_does_not_end_a_wait() {
        let (clock, gate) = gate(2);
        let (early, late) =
            (gate.enter(Duration::ZERO).expect("open"), gate.enter(Duration::ZERO).expect("open"));
        late.settle(Err(&RemoteFault::RateLimited { after: Some(Duration::from_mins(1)) }));
        early.settle(Ok(()));
        assert_eq!(gate.shut_until(), Some(plus(clock.now(), Duration::from_mins(1))));
    }

    #[test]
    fn a_refused_question_is_no_failure_of_the_provider() {
        let (_, gate) = gate(1);
        for _ in 0..20 {
            fail(&gate, &RemoteFault::Filtered);
        }
        assert_eq!(gate.shut_until(), None);
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        let (clock, gate) = gate(1);
        for _ in 0..40 {
            fail(&gate, &RemoteFault::Failed { status: 500 });
            if let Some(until) = gate.shut_until() {
                assert!(until <= plus(clock.now(), PAUSE_MAX));
                clock.advance(until.duration_since(clock.now()));
            }
        }
    }
}
