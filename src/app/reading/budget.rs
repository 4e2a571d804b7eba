//! How often an account may ask Telegram: a bucket that fills with time.
//!
//! Pure; time is an argument. A bucket begins nearly empty, so a process that is restarted again and again asks no more often
//! than one that runs on.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Requests that may come at once after a quiet time.
const BURST_MAX: f64 = 10.0;
/// What a new bucket holds.
const FILL_AT_START: f64 = 2.0;
/// A session is fresh for so long after its login …
const FRESH_FOR: SignedDuration = SignedDuration::from_hours(24);
/// … and meanwhile asks this many times less often.
const FRESH_DIVISOR: f64 = 4.0;

#[derive(Debug)]
pub(super) struct Budget {
    per_minute: u32,
    session_since: Timestamp,
    filled: f64,
    at: Option<Timestamp>,
}

impl Budget {
    pub(super) fn new(per_minute: u32, session_since: Timestamp) -> Self {
        Self { per_minute: per_minute.max(1), session_since, filled: FILL_AT_START, at: None }
    }

    /// Takes one request, or says when there will be one.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let fresh = now.duration_since(self.session_since) < FRESH_FOR;
        let divisor = if fresh { FRESH_DIVISOR } else { 1.0 };
        let per_second = f64::from(self.per_minute) / 60.0 / divisor;
        // A clock that was set back fills nothing and takes nothing away.
        let passed = self.at.map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0));
        self.at = Some(now);
        self.filled = (self.filled + passed * per_second).min(BURST_MAX.max(per_second));
        if self.filled >= 1.0 {
            self.filled -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - self.filled) / per_second);
        Err(now.checked_add(wait).unwrap_or(now))
    }

    /// Counts a request that could not be foreseen; what it is over is waited for before the next.
    pub(super) fn spend(&mut self) {
        self.filled -= 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many requests pass in a time, asked as early as allowed.
    fn passed(per_minute: u32, age: SignedDuration, within: SignedDuration) -> u32 {
        let start: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let end = start.checked_add(within).unwrap();
        let mut budget = Budget::new(per_minute, start.checked_sub(age).unwrap());
        let (mut now, mut count) = (start, 0);
        while now < end {
            match budget.take(now) {
                Ok(()) => count += 1,
                Err(at) => now = at.max(now.checked_add(SignedDuration::from_millis(1)).unwrap()),
            }
        }
        count
    }

    #[test]
    fn a_minute_holds_what_was_allowed_and_a_fresh_session_a_quarter() {
        let minute = SignedDuration::from_mins(1);
        assert!((30..=32).contains(&passed(30, SignedDuration::from_hours(48), minute)));
        assert!((7..=10).contains(&passed(30, SignedDuration::from_hours(1), minute)));
        let ten = passed(30, SignedDuration::from_hours(48), minute * 10);
        assert!((299..=303).contains(&ten), "{ten}");
    }

    #[test]
    fn a_quiet_hour_saves_up_no_more_than_a_burst() {
        let start: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let mut budget = Budget::new(30, start.checked_sub(SignedDuration::from_hours(48)).unwrap());
        budget.take(start).unwrap();
        let later = start.checked_add(SignedDuration::from_hours(1)).unwrap();
        let burst = (0..100).take_while(|_| budget.take(later).is_ok()).count();
        assert_eq!(burst, BURST_MAX as usize);
        // What was spent beyond the budget is made up for first.
        budget.spend();
        let wait = budget.take(later).unwrap_err().duration_since(later);
        assert_eq!(wait, SignedDuration::from_secs(4));
        // A clock that goes back gives nothing.
        assert!(budget.take(start).is_err());
    }
}
