//! The period a question names: days with their prepositions, and windows that end now.

use std::collections::BTreeSet;

use jiff::{
    Timestamp, ToSpan as _, Zoned,
    civil::{Date, Time},
};

use super::{
    Period,
    date::{Days, days_at, is_phrase},
    measure::{Unit, month_number, number, unit},
    word::{Gap, Word, is_any},
};

/// No Telegram channel has an earlier post: an older date is part of the topic («9 мая 1945»), not a period.
const TELEGRAM_SINCE: Date = jiff::civil::date(2013, 8, 14);

/// The longest window «за последние N …» may span, in its units.
const WINDOW_MAX: i32 = 1_000;

/// A period and the positions of the words that name it.
#[derive(Debug)]
pub(super) struct Found {
    pub period: Period,
    pub words: BTreeSet<usize>,
}

/// The first period named; a second one joined to it («вчера и сегодня») widens it.
pub(super) fn find(words: &[Word], now: &Zoned) -> Option<Found> {
    let mut at = 0;
    while at < words.len() {
        if let Some((used, period)) = span_at(&words[at..], now) {
            let mut found = Found { period, words: (at..at + used).collect() };
            widen(&mut found, words, at + used, now);
            return Some(found);
        }
        // «31 февраля» is no day, and no February either.
        let misdated =
            number(&words[at]).is_some() && words.get(at + 1).is_some_and(|w| month_number(w).is_some());
        at += if misdated { 2 } else { 1 };
    }
    None
}

fn widen(found: &mut Found, words: &[Word], next: usize, now: &Zoned) {
    if !words.get(next).is_some_and(|w| matches!(w.folded.as_str(), "и" | "and")) {
        return;
    }
    if let Some((used, more)) = span_at(&words[next + 1..], now) {
        found.period.since = found.period.since.min(more.since);
        found.period.until = found.period.until.max(more.until);
        found.words.extend(next..=next + used);
    }
}

type Spanned = Option<(usize, Period)>;

fn span_at(words: &[Word], now: &Zoned) -> Spanned {
    let spanned = window(words, now)
        .or_else(|| part_first(words, now))
        .or_else(|| between(words, now))
        .or_else(|| from(words, now))
        .or_else(|| bounded(words, now))
        .or_else(|| plain(words, now));
    spanned.filter(|(_, period)| {
        let oldest = midnight(TELEGRAM_SINCE, now);
        period.since < period.until
            && oldest.is_some_and(|oldest| period.until > oldest)
            && period.since <= now.timestamp()
    })
}

/// The first instant of a civil day: midnight, or later where the clock skips it.
fn midnight(day: Date, now: &Zoned) -> Option<Timestamp> {
    Some(day.to_zoned(now.time_zone().clone()).ok()?.timestamp())
}

fn whole(days: Days, now: &Zoned) -> Option<Period> {
    Some(Period { since: midnight(days.first, now)?, until: midnight(days.last.tomorrow().ok()?, now)? })
}

/// From some instant to the end of today: what ends "now" must not lose the post of this very second.
fn until_tonight(since: Timestamp, now: &Zoned) -> Option<Period> {
    Some(Period { since, until: midnight(now.date().tomorrow().ok()?, now)? })
}

/// «за неделю», «за последние 3 дня», «последние два месяца», "in the past 24 hours".
fn window(words: &[Word], now: &Zoned) -> Spanned {
    let mut at = 0;
    let za = is_any(&words.first()?.folded, &["за"]);
    let lead = za || is_any(&words[0].folded, &["в", "во", "in", "over", "during", "for", "within", "from"]);
    at += usize::from(lead);
    let the = words.get(at).is_some_and(|w| w.folded == "the");
    at += usize::from(the);
    let past = words
        .get(at)
        .is_some_and(|w| is_any(&w.folded, &["последн*", "прошедш*", "минувш*", "past", "last"]));
    let calendar = past && words[at].folded == "last" && !lead && !the;
    at += usize::from(past);
    if words.get(at).is_some_and(|w| matches!(w.folded.as_str(), "a" | "весь" | "всю")) {
        at += 1;
    }
    let count = words.get(at).and_then(number);
    at += usize::from(count.is_some());
    if words.get(at).is_some_and(|w| w.folded == "of") {
        at += 1;
    }
    let word = words.get(at)?;
    let unit = unit(word)?;
    let followed =
        words.get(at + 1).is_some_and(|w| matches!(w.folded.as_str(), "до" | "before" | "назад" | "ago"));
    if followed || !(za || past) || (calendar && count.is_none()) {
        return None;
    }
    let vague = matches!(
        word.folded.as_str(),
        "дни" | "days" | "недели" | "weeks" | "часы" | "hours" | "месяцы" | "months"
    );
    let count = count.unwrap_or(if vague { 3 } else { 1 });
    if !(1..=WINDOW_MAX).contains(&count) {
        return None;
    }
    let since = match unit {
        Unit::Hour => now.checked_sub(count.hours()),
        Unit::Day => now.checked_sub(count.days()),
        Unit::Week => now.checked_sub(count.weeks()),
        Unit::Month => now.checked_sub(count.months()),
        Unit::Quarter => now.checked_sub((count * 3).months()),
        Unit::HalfYear => now.checked_sub(6.months()),
        Unit::Year => now.checked_sub(count.years()),
    };
    Some((at + 1, until_tonight(since.ok()?.timestamp(), now)?))
}

/// «между 5 и 10 ноября», "between 1 November and today".
fn between(words: &[Word], now: &Zoned) -> Spanned {
    if !is_any(&words.first()?.folded, &["между", "between"]) {
        return None;
    }
    range(words, now, &["и", "and"])
}

/// «с понедельника», «с 5 по 10 ноября», "since Monday", "from Nov 5 to Nov 10".
fn from(words: &[Word], now: &Zoned) -> Spanned {
    if !is_any(&words.first()?.folded, &["с", "со", "от", "since", "from", "начиная"]) {
        return None;
    }
    let skip = usize::from(words[0].folded == "начиная" && words.get(1).is_some_and(|w| w.folded == "с"));
    let (used, period) = range(&words[skip..], now, &["по", "до", "to", "till", "until", "through"])
        .or_else(|| {
            let (used, days) = days_at(&words[skip + 1..], now.date(), true)?;
            Some((used + 1, until_tonight(midnight(days.first, now)?, now)?))
        })?;
    Some((used + skip, period))
}

/// Two days joined by one of `joints` (or a dash); the month may stand on one side only.
fn range(words: &[Word], now: &Zoned, joints: &[&str]) -> Spanned {
    let today = now.date();
    let joint = |at: usize| -> Option<usize> {
        let word = words.get(at)?;
        if is_any(&word.folded, joints) {
            Some(at + 1)
        } else {
            matches!(word.gap, Gap::Tight | Gap::Dash).then_some(at)
        }
    };
    let left = days_at(&words[1..], today, true).filter(|(used, _)| joint(used + 1).is_some());
    if let Some((used, first)) = left {
        let at = joint(used + 1)?;
        if let Some((more, last)) = days_at(&words[at..], today, true) {
            let first = if first.first > last.last {
                Days::one(first.first.checked_sub(1.year()).ok()?)
            } else {
                first
            };
            let days = Days { first: first.first, last: last.last };
            return Some((at + more, whole(days, now)?));
        }
        let day = i8::try_from(number(words.get(at)?)?).ok()?;
        let last = first.first.with().day(day).build().ok()?;
        let days = Days { first: first.first, last };
        return Some((at + 1, whole(days, now)?));
    }
    let day = i8::try_from(number(words.get(1)?)?).ok()?;
    let mut at = 2;
    if words.get(at).is_some_and(|w| matches!(w.folded.as_str(), "го" | "е") && w.gap == Gap::Tight) {
        at += 1;
    }
    let at = joint(at)?;
    let (more, last) = days_at(&words[at..], today, true)?;
    let first = last.first.with().day(day).build().ok()?;
    let days = Days { first, last: last.last };
    Some((at + more, whole(days, now)?))
}

/// «до 5 ноября», "before Monday", «после 5 ноября», "after Friday".
fn bounded(words: &[Word], now: &Zoned) -> Spanned {
    let before = is_any(&words.first()?.folded, &["до", "before", "until"]);
    let after = is_any(&words[0].folded, &["после", "after"]);
    if !before && !after {
        return None;
    }
    let (used, days) = days_at(&words[1..], now.date(), true)?;
    let period = if before {
        Period { since: midnight(TELEGRAM_SINCE, now)?, until: midnight(days.first, now)? }
    } else {
        until_tonight(midnight(days.last.tomorrow().ok()?, now)?, now)?
    };
    Some((used + 1, period))
}

/// Days with or without «в», «за», «на», "on", "in", and the part of the day after them.
fn plain(words: &[Word], now: &Zoned) -> Spanned {
    let lead = usize::from(is_any(
        &words.first()?.folded,
        &["в", "во", "за", "на", "on", "in", "during", "for", "over", "from"],
    ));
    let the = usize::from(words.get(lead).is_some_and(|w| w.folded == "the"));
    let dashed = dashed(&words[lead..], now);
    if let Some((used, period)) = dashed {
        return Some((used + lead, period));
    }
    let (used, days) = days_at(&words[lead..], now.date(), lead > 0).or_else(|| {
        days_at(&words[lead + the..], now.date(), lead > 0).map(|(used, days)| (used + the, days))
    })?;
    let used = used + lead;
    if days.first == days.last
        && let Some((more, part)) = part_of(&words[used..])
    {
        return Some((used + more, hours(days.first, part, now)?));
    }
    Some((used, whole(days, now)?))
}

/// «28 октября – 3 ноября», `01.11–05.11.2026`: two full dates with only a dash between.
fn dashed(words: &[Word], now: &Zoned) -> Spanned {
    let today = now.date();
    let (used, first) = days_at(words, today, true)?;
    let joint = words.get(used)?;
    if !matches!(joint.gap, Gap::Tight | Gap::Dash) {
        return None;
    }
    let (more, last) = days_at(&words[used..], today, false)
        .or_else(|| joint.folded.contains('.').then(|| days_at(&words[used..], today, true)).flatten())?;
    let first = if first.first > last.last { first.first.checked_sub(1.year()).ok()? } else { first.first };
    let days = Days { first, last: last.last };
    Some((used + more, whole(days, now)?))
}

/// Hours of a day, `from` included, `to` excluded; 24 is the next midnight.
#[derive(Debug, Clone, Copy)]
struct Part {
    from: i8,
    to: i8,
}

fn part_of(words: &[Word]) -> Option<(usize, Part)> {
    let (skip, word) = match words.first()? {
        word if matches!(word.folded.as_str(), "in" | "at") => {
            let the = usize::from(words.get(1).is_some_and(|w| w.folded == "the"));
            (1 + the, words.get(1 + the)?)
        }
        word => (0, word),
    };
    let part = match word.folded.as_str() {
        "утром" | "утра" | "morning" => Part { from: 5, to: 12 },
        "днем" | "afternoon" => Part { from: 12, to: 18 },
        "вечером" | "вечера" | "evening" => Part { from: 18, to: 24 },
        "ночью" | "night" => Part { from: 0, to: 6 },
        _ => return None,
    };
    Some((skip + 1, part))
}

fn hours(day: Date, part: Part, now: &Zoned) -> Option<Period> {
    let at = |hour: i8| -> Option<Timestamp> {
        if hour == 24 {
            return midnight(day.tomorrow().ok()?, now);
        }
        let time = Time::new(hour, 0, 0, 0).ok()?;
        let zoned = day.to_datetime(time).to_zoned(now.time_zone().clone()).ok()?;
        Some(zoned.timestamp())
    };
    Some(Period { since: at(part.from)?, until: at(part.to)? })
}

/// «утром в понедельник», "this morning", "last night". A part of the day alone is too likely the topic.
fn part_first(words: &[Word], now: &Zoned) -> Spanned {
    let today = now.date();
    if is_phrase(words, &["last", "night"]) {
        let evening = hours(today.yesterday().ok()?, Part { from: 21, to: 24 }, now)?;
        let night = hours(today, Part { from: 0, to: 6 }, now)?;
        return Some((2, Period { since: evening.since, until: night.until }));
    }
    if words.first()?.folded == "this"
        && let Some((used, part)) = part_of(&words[1..])
    {
        return Some((1 + used, hours(today, part, now)?));
    }
    let (used, part) = part_of(words)?;
    let rest = &words[used..];
    let lead = usize::from(is_any(&rest.first()?.folded, &["в", "во", "on"]));
    let (more, days) = days_at(&rest[lead..], today, lead > 0)?;
    let one = days.first == days.last;
    one.then(|| hours(days.first, part, now)).flatten().map(|period| (used + lead + more, period))
}
