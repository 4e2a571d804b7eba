//! Hours in which nothing is told, and the day in which so much is. Pure; unknown zones are UTC.

use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned, civil::Time, tz::TimeZone};

use crate::store::AlertSpec;

/// The zone of whoever says none.
pub(super) fn own_zone() -> &'static str {
    static OWN: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    OWN.get_or_init(|| TimeZone::system().iana_name().unwrap_or("UTC").to_owned())
}

/// `HH:MM` as a minute of the day.
pub(super) fn minute_of(clock: &str) -> Option<u16> {
    let (hours, minutes) = clock.split_once(':')?;
    let two = |digits: &str| {
        (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| digits.parse::<u16>().ok())
            .flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// When something found now may be told: now, or where the quiet hours end.
pub(super) fn due_at(spec: &AlertSpec, now: Timestamp) -> Timestamp {
    let Some((from, until)) = spec.quiet else { return now };
    let here = here(spec, now);
    let minute = (here.hour() as u16) * 60 + here.minute() as u16;
    let is_quiet =
        if from < until { (from..until).contains(&minute) } else { minute >= from || minute < until };
    if !is_quiet {
        return now;
    }
    let day = if minute < until { Ok(here.date()) } else { here.date().checked_add(1.day()) };
    let time = Time::new((until / 60) as i8, (until % 60) as i8, 0, 0);
    let end = day.and_then(|day| day.to_datetime(time?).to_zoned(here.time_zone().clone()));
    end.map_or(now, |end| end.timestamp())
}

/// When the day began that `now` is in.
pub(super) fn day_began(spec: &AlertSpec, now: Timestamp) -> Timestamp {
    let began = here(spec, now).start_of_day();
    began.map_or_else(
        |_| now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now),
        |began| began.timestamp(),
    )
}

fn here(spec: &AlertSpec, now: Timestamp) -> Zoned {
    now.to_zoned(TimeZone::get(&spec.zone).unwrap_or(TimeZone::UTC))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn spec(quiet: Option<(u16, u16)>) -> AlertSpec {
        AlertSpec {
            query: String::new(),
            by_meaning: false,
            tags: BTreeSet::new(),
            channels: BTreeSet::new(),
            quiet,
            zone: "Europe/Moscow".to_owned(),
            per_day_max: 1,
            muted_until: None,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn quiet_hours_end_in_the_owners_zone_also_over_midnight() {
        let night = spec(Some((23 * 60, 8 * 60)));
        // Moscow is three hours ahead.
        for (now, due) in [
            ("2026-11-22T19:59:00Z", "2026-11-22T19:59:00Z"),
            ("2026-11-22T20:00:00Z", "2026-11-23T05:00:00Z"),
            ("2026-11-23T01:00:00Z", "2026-11-23T05:00:00Z"),
            ("2026-11-23T05:00:00Z", "2026-11-23T05:00:00Z"),
        ] {
            assert_eq!(due_at(&night, at(now)), at(due), "{now}");
        }
        let lunch = spec(Some((12 * 60, 13 * 60 + 30)));
        assert_eq!(due_at(&lunch, at("2026-11-22T09:10:00Z")), at("2026-11-22T10:30:00Z"));
        assert_eq!(due_at(&lunch, at("2026-11-22T10:30:00Z")), at("2026-11-22T10:30:00Z"));
        assert_eq!(due_at(&spec(None), at("2026-11-22T01:00:00Z")), at("2026-11-22T01:00:00Z"));
    }

    #[test]
    fn a_day_begins_in_the_owners_zone() {
        let began = day_began(&spec(None), at("2026-11-22T21:30:00Z"));
        assert_eq!(began, at("2026-11-22T21:00:00Z"));
    }

    #[test]
    fn only_times_of_a_day_are_read() {
        assert_eq!(minute_of("23:59"), Some(1439));
        assert_eq!(minute_of("00:00"), Some(0));
        for wrong in ["24:00", "7:00", "07:60", "0700", "", "ab:cd", "-1:00", "+7:00"] {
            assert_eq!(minute_of(wrong), None, "{wrong}");
        }
    }
}
