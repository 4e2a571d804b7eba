//! What is done once a day at a set hour: when it is due, and what became of it last.
//!
//! A machine that was off at that hour catches up. A run that failed or was killed is tried again an hour later. An installation
//! owes nothing from before its first look. Kept in control.db's settings.

use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{App, Error};

/// How long after a failed try the next one comes.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// What is done daily.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Daily {
    Backup,
    Retention,
}

impl Daily {
    fn setting(self) -> &'static str {
        match self {
            Daily::Backup => "daily:backup",
            Daily::Retention => "daily:retention",
        }
    }
}

/// What is known of a daily thing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Runs {
    /// Since when it is owed.
    pub(super) since: Option<Timestamp>,
    /// When it was last begun by itself.
    pub(super) tried_at: Option<Timestamp>,
    /// When it last came to a good end, by itself or because somebody asked.
    pub(super) done_at: Option<Timestamp>,
    /// Why it did not, the last time.
    pub(super) problem: Option<String>,
}

/// The last moment of this time of day, at or before `now`.
fn last_moment(at: Time, now: Timestamp) -> Timestamp {
    let today = now.to_zoned(TimeZone::UTC).date().to_datetime(at);
    let moment = today.to_zoned(TimeZone::UTC).map_or(now, |zoned| zoned.timestamp());
    if moment <= now { moment } else { moment.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now) }
}

impl Runs {
    /// Whether it is due.
    fn is_due(&self, at: Time, now: Timestamp) -> bool {
        let moment = last_moment(at, now);
        let owed = self.since.is_some_and(|since| since < moment);
        let rested = self.tried_at.is_none_or(|tried| now.duration_since(tried) >= AGAIN_AFTER);
        owed && rested && self.done_at.is_none_or(|done| done < moment)
    }

    /// When it is due next.
    pub(super) fn next(at: Time, now: Timestamp) -> Timestamp {
        last_moment(at, now).saturating_add(SignedDuration::from_hours(24)).unwrap_or(now)
    }
}

impl App {
    pub(super) fn runs(&self, what: Daily) -> Result<Runs, Error> {
        let text = self.control.setting_find(what.setting())?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    fn runs_put(&self, what: Daily, runs: &Runs) -> Result<(), Error> {
        let text = serde_json::to_string(runs).expect("moments and words always serialise");
        Ok(self.control.setting_put(what.setting(), &text, self.now())?)
    }

    /// Whether a daily thing is due now; then it counts as tried.
    pub(super) fn daily_take(&self, what: Daily, at: Option<Time>) -> Result<bool, Error> {
        let Some(at) = at else { return Ok(false) };
        let (mut runs, now) = (self.runs(what)?, self.now());
        if runs.since.is_none() {
            runs.since = Some(now);
            self.runs_put(what, &runs)?;
        }
        let is_due = runs.is_due(at, now);
        if is_due {
            runs.tried_at = Some(now);
            self.runs_put(what, &runs)?;
        }
        Ok(is_due)
    }

    /// Notes how it came out.
    pub(super) fn daily_done(&self, what: Daily, problem: Option<String>) -> Result<(), Error> {
        let mut runs = self.runs(what)?;
        if problem.is_none() {
            runs.done_at = Some(self.now());
        }
        runs.problem = problem;
        self.runs_put(what, &runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_once_a_day_and_again_after_a_failure() {
        let at = Time::constant(3, 10, 0, 0);
        let moment = |text: &str| -> Timestamp { text.parse().unwrap() };
        let mut runs = Runs { since: Some(moment("2026-11-20T12:00:00Z")), ..Runs::default() };
        assert!(!runs.is_due(at, moment("2026-11-21T03:09:59Z")));
        assert!(runs.is_due(at, moment("2026-11-21T03:10:00Z")));
        assert!(runs.is_due(at, moment("2026-11-21T09:00:00Z")), "the machine was off");
        runs.tried_at = Some(moment("2026-11-21T03:10:00Z"));
        assert!(!runs.is_due(at, moment("2026-11-21T04:09:59Z")));
        assert!(runs.is_due(at, moment("2026-11-21T04:10:00Z")), "it failed");
        runs.done_at = Some(moment("2026-11-21T04:12:00Z"));
        assert!(!runs.is_due(at, moment("2026-11-22T03:00:00Z")));
        assert!(runs.is_due(at, moment("2026-11-22T03:10:00Z")));
        let fresh = Runs { since: Some(moment("2026-11-21T12:00:00Z")), ..Runs::default() };
        assert!(!fresh.is_due(at, moment("2026-11-21T13:00:00Z")), "it owes nothing from before");
        assert_eq!(Runs::next(at, moment("2026-11-21T03:10:00Z")), moment("2026-11-22T03:10:00Z"));
        assert_eq!(Runs::next(at, moment("2026-11-21T01:00:00Z")), moment("2026-11-21T03:10:00Z"));
    }
}
