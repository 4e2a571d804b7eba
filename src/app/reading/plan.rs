//! What to ask next about a channel. Pure: the rows decide.
//!
//! The order: what is newest first, then where the depth ends, then what was missed lately, then history from new to old, and last
//! another look at what is known. Within one kind channels take turns.

use jiff::{SignedDuration, Timestamp};

use crate::store::Reading;

/// How often a channel the account is not in is asked for news: Telegram tells of it only when asked.
const POLL_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// How often a channel the account is in is asked although Telegram tells of it.
const RECHECK_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// Message ids that a second look goes down from the top.
pub(super) const REVISIT_IDS_MAX: i64 = 3000;

/// One request about a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// The newest page.
    Newest,
    /// The message before the depth's beginning (seconds since 1970).
    Floor { before: i64 },
    /// A page of ids nobody asked about, between these two.
    History { below: i64, above: i64, fresh: bool },
    /// A page of ids that are known, once more.
    Revisit { below: i64, above: i64 },
}

/// How urgent a request is; smaller goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Opening,
    Floor,
    Missed,
    Poll,
    Backfill,
    Revisit,
}

/// The most urgent request about a channel, or when there will be one.
pub(super) fn work(
    reading: &Reading,
    connected_at: Timestamp,
    now: Timestamp,
) -> Result<(Class, Work), Timestamp> {
    let after = |at: Timestamp, wait: SignedDuration| at.saturating_add(wait).unwrap_or(at);
    let Some(checked_at) = reading.checked_at.filter(|at| *at >= connected_at) else {
        return Ok((Class::Opening, Work::Newest));
    };
    let Some(floor) = reading.floor_id else {
        let depth = reading.depth_days.min(reading.keep_days.unwrap_or(u32::MAX));
        let days = SignedDuration::from_hours(24 * i64::from(depth));
        let before = now.checked_sub(days).map_or(1, |at| at.as_second().max(1));
        return Ok((Class::Floor, Work::Floor { before }));
    };
    let newest = reading.gaps.first().copied();
    let page = |gap: (i64, i64), fresh| Work::History { below: gap.1 + 1, above: gap.0 - 1, fresh };
    // Whatever lies above something known was missed; the gap that reaches down to the floor is what was never read.
    if let Some(gap) = newest.filter(|gap| gap.0 > floor) {
        return Ok((Class::Missed, page(gap, true)));
    }
    let due = after(checked_at, if reading.joined { RECHECK_EVERY } else { POLL_EVERY });
    if due <= now {
        return Ok((Class::Poll, Work::Newest));
    }
    if let Some(gap) = newest {
        return Ok((Class::Backfill, page(gap, false)));
    }
    if let Some(below) = reading.revisit_below {
        return Ok((Class::Revisit, Work::Revisit { below, above: reading.revisit_until.max(1) - 1 }));
    }
    Err(due)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + second).unwrap()
    }

    #[test]
    fn what_is_new_comes_before_what_is_old() {
        let mut reading = Reading { depth_days: 7, top_id: 0, revisit_until: 1, ..Reading::default() };
        let next = |reading: &Reading, now| work(reading, at(0), at(now));
        assert_eq!(next(&reading, 1), Ok((Class::Opening, Work::Newest)));
        (reading.checked_at, reading.top_id) = (Some(at(1)), 500);
        let before = at(2).as_second() - 7 * 86_400;
        assert_eq!(next(&reading, 2), Ok((Class::Floor, Work::Floor { before })));
        (reading.floor_id, reading.gaps) = (Some(100), vec![(100, 400)]);
        let history = |below, above, fresh| Work::History { below, above, fresh };
        assert_eq!(next(&reading, 3), Ok((Class::Backfill, history(401, 99, false))));
        assert_eq!(next(&reading, 70), Ok((Class::Poll, Work::Newest)), "news before history");
        reading.joined = true;
        assert_eq!(next(&reading, 70), Ok((Class::Backfill, history(401, 99, false))));
        reading.gaps = vec![(450, 460), (100, 200)];
        assert_eq!(next(&reading, 70), Ok((Class::Missed, history(461, 449, true))));
        reading.gaps = Vec::new();
        assert_eq!(next(&reading, 70), Err(at(301)));
        reading.revisit_below = Some(300);
        assert_eq!(next(&reading, 70), Ok((Class::Revisit, Work::Revisit { below: 300, above: 0 })));
        // A new connection begins at the top again.
        assert_eq!(work(&reading, at(60), at(70)), Ok((Class::Opening, Work::Newest)));
    }
}
