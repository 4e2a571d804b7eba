//! Which backups are kept: the newest of each of the last so many days, weeks and months that have one. Pure.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::config::Keep;

/// Which day, week or month a date is of, the year first.
type Period<'a> = dyn Fn(Date) -> (i64, i64) + 'a;

/// The places, in a list of moments, of those to be kept. The newest is always among them.
pub(super) fn kept(moments: &[Timestamp], keep: Keep) -> BTreeSet<usize> {
    let mut order: Vec<usize> = (0..moments.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(moments[*at]));
    let mut kept: BTreeSet<usize> = order.first().copied().into_iter().collect();
    let day = |date: Date| (i64::from(date.year()), i64::from(date.day_of_year()));
    let week = |date: Date| {
        let week = date.iso_week_date();
        (i64::from(week.year()), i64::from(week.week()))
    };
    let month = |date: Date| (i64::from(date.year()), i64::from(date.month()));
    let rules: [(usize, &Period<'_>); 3] = [(keep.daily, &day), (keep.weekly, &week), (keep.monthly, &month)];
    for (count, period) in rules {
        let mut seen = BTreeSet::new();
        for at in &order {
            if seen.len() == count {
                break;
            }
            if seen.insert(period(moments[*at].to_zoned(TimeZone::UTC).date())) {
                kept.insert(*at);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(days: &[i64]) -> Vec<Timestamp> {
        days.iter().map(|day| Timestamp::from_second(day * 86_400 + 3 * 3600).unwrap()).collect()
    }

    #[test]
    fn the_newest_of_each_day_week_and_month_stays() {
        let all = moments(&(20_000..20_100).rev().collect::<Vec<_>>());
        let keep = Keep { daily: 7, weekly: 4, monthly: 3 };
        let days: Vec<i64> = kept(&all, keep).into_iter().map(|at| 20_099 - at as i64).collect();
        // Day 20,099 is 11 January 2025, a Saturday; Sundays are 20,093, 20,086 and 20,079, the months before end on 20,088 and 20,057.
        let expected =
            [20_099, 20_098, 20_097, 20_096, 20_095, 20_094, 20_093, 20_088, 20_086, 20_079, 20_057];
        assert_eq!(days, expected);
    }

    #[test]
    fn the_newest_stays_whatever_the_rules() {
        let keep = Keep { daily: 0, weekly: 0, monthly: 1 };
        assert_eq!(kept(&moments(&[5, 9, 7]), keep), BTreeSet::from([1]));
        assert_eq!(kept(&[], keep), BTreeSet::new());
        let twice = moments(&[5, 5]);
        assert_eq!(kept(&twice, Keep { daily: 7, weekly: 0, monthly: 0 }).len(), 1, "one a day");
    }
}
