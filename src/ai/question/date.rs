//! Days named in words: «12 ноября», «в прошлом месяце», "last Monday", «три дня назад».
//!
//! Whole civil days only, no instants. A date without a year is the latest one that is not in the future.

use jiff::{ToSpan as _, civil::Date};

use super::{
    measure::{Unit, month_number, number, unit, weekday_of},
    word::{Gap, Word, is_any},
};

/// Days from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    pub first: Date,
    pub last: Date,
}

impl Days {
    pub(super) fn one(day: Date) -> Self {
        Self { first: day, last: day }
    }
}

/// How many words were read, and the days they name.
pub(super) type Found = Option<(usize, Days)>;

/// The days named by the words at the beginning of `words`. `anchored`: a preposition of time stands before them,
/// without which a bare weekday, month, year or `24.04` is too likely something else.
pub(super) fn days_at(words: &[Word], today: Date, anchored: bool) -> Found {
    iso(words)
        .or_else(|| dotted(words, today, anchored))
        .or_else(|| day_month(words, today))
        .or_else(|| month_day(words, today))
        .or_else(|| month_part(words, today))
        .or_else(|| month(words, today, anchored))
        .or_else(|| relative(words, today))
        .or_else(|| ago(words, today))
        .or_else(|| calendar(words, today))
        .or_else(|| weekday(words, today, anchored))
        .or_else(|| weekend(words, today, anchored))
        .or_else(|| year(words, anchored))
}

fn small(word: &Word, digits: std::ops::RangeInclusive<usize>) -> Option<i16> {
    let text = word.folded.as_str();
    let plain = digits.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn date(year: i16, month: i16, day: i16) -> Option<Date> {
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// `2026-11-12`
fn iso(words: &[Word]) -> Found {
    let [y, m, d, ..] = words else { return None };
    if m.gap != Gap::Tight || d.gap != Gap::Tight {
        return None;
    }
    let day = date(small(y, 4..=4)?, small(m, 1..=2)?, small(d, 1..=2)?)?;
    Some((3, Days::one(day)))
}

/// `12.11.2026`, `12.11.26`; `12.11` only after a preposition.
fn dotted(words: &[Word], today: Date, anchored: bool) -> Found {
    let mut parts = words.first()?.folded.split('.');
    let day: i16 = parts.next()?.parse().ok()?;
    let month: i16 = parts.next()?.parse().ok()?;
    let year = parts.next();
    if parts.next().is_some() {
        return None;
    }
    let day = match year {
        Some(year) if year.len() == 4 => date(year.parse().ok()?, month, day)?,
        Some(year) if year.len() == 2 => date(2000 + year.parse::<i16>().ok()?, month, day)?,
        None if anchored => latest(today, month, day)?,
        Some(_) | None => return None,
    };
    Some((1, Days::one(day)))
}

/// The latest such day that is not after today.
fn latest(today: Date, month: i16, day: i16) -> Option<Date> {
    // Eight years back is enough even for 29 February across 2100.
    (0..=8).filter_map(|back| date(today.year() - back, month, day)).find(|date| *date <= today)
}

/// A year after a date: `2026`, «2026 года», `, 2026`.
fn year_after(words: &[Word]) -> (usize, Option<i16>) {
    let Some(year) = words.first().and_then(|w| small(w, 4..=4)) else {
        return (0, None);
    };
    let named = words.get(1).is_some_and(|w| is_any(&w.folded, &["год", "года", "году", "г"]));
    (1 + usize::from(named), Some(year))
}

fn dated(today: Date, year: Option<i16>, month: i8, day: i16) -> Option<Date> {
    match year {
        Some(year) => date(year, i16::from(month), day),
        None => latest(today, i16::from(month), day),
    }
}

fn of_month(word: &Word) -> Option<i16> {
    number(word)
        .filter(|_| word.folded.starts_with(|c: char| c.is_ascii_digit()))
        .and_then(|n| i16::try_from(n).ok())
        .filter(|n| (1..=31).contains(n))
}

/// «5 ноября», «5–10 ноября 2026 года», "5th of November".
fn day_month(words: &[Word], today: Date) -> Found {
    let first = of_month(words.first()?)?;
    let mut at = 1;
    if words.get(at).is_some_and(|w| matches!(w.folded.as_str(), "го" | "е") && w.gap == Gap::Tight) {
        at += 1;
    }
    let mut last = first;
    if let Some(word) = words.get(at).filter(|w| matches!(w.gap, Gap::Tight | Gap::Dash)) {
        last = of_month(word)?;
        at += 1;
    }
    if words.get(at).is_some_and(|w| w.folded == "of") {
        at += 1;
    }
    let month = month_number(words.get(at)?)?;
    at += 1;
    let (more, year) = year_after(&words[at..]);
    let last = dated(today, year, month, last)?;
    let first = date(last.year(), i16::from(month), first).filter(|first| *first <= last)?;
    Some((at + more, Days { first, last }))
}

/// "November 5", "Nov 5-10, 2026".
fn month_day(words: &[Word], today: Date) -> Found {
    let month = month_number(words.first()?)?;
    let first = of_month(words.get(1)?)?;
    let mut at = 2;
    let mut last = first;
    if let Some(word) = words.get(at).filter(|w| matches!(w.gap, Gap::Tight | Gap::Dash)) {
        last = of_month(word)?;
        at += 1;
    }
    let (more, year) = year_after(&words[at..]);
    let last = dated(today, year, month, last)?;
    let first = date(last.year(), i16::from(month), first).filter(|first| *first <= last)?;
    Some((at + more, Days { first, last }))
}

fn whole_month(first: Date) -> Days {
    Days { first, last: first.last_of_month() }
}

/// «октябре», «октябрь 2026 года», "October 2026".
fn month(words: &[Word], today: Date, anchored: bool) -> Found {
    let word = words.first()?;
    let month = month_number(word)?;
    let (more, year) = year_after(&words[1..]);
    // «события октября» is a month without a preposition; "may" and "march" alone are English words.
    let genitive = word.folded.ends_with('я') || matches!(word.folded.as_str(), "марта" | "августа");
    if !(anchored || year.is_some() || genitive) {
        return None;
    }
    let first = dated(today, year, month, 1)?;
    Some((1 + more, whole_month(first)))
}

/// «начале октября», «в конце ноября», "early October": a third of the month.
fn month_part(words: &[Word], today: Date) -> Found {
    let [part, rest @ ..] = words else { return None };
    let third = [
        &["начале", "начала", "начало", "early"][..],
        &["середине", "середины", "середина", "mid"],
        &["конце", "конца", "конец", "late"],
    ]
    .iter()
    .position(|forms| forms.contains(&part.folded.as_str()))?;
    let (used, days) = month(rest, today, true)?;
    let day = |n| date(days.first.year(), i16::from(days.first.month()), n);
    let days = match third {
        0 => Days { first: days.first, last: day(10)? },
        1 => Days { first: day(11)?, last: day(20)? },
        _ => Days { first: day(21)?, last: days.last },
    };
    Some((used + 1, days))
}

/// «сегодня», «вчера», «позавчера», «вчерашний день».
fn relative(words: &[Word], today: Date) -> Found {
    let word = &words.first()?.folded;
    let before_yesterday =
        words.len() >= 4 && ["day", "before", "yesterday"].iter().zip(words).all(|(a, b)| *a == b.folded);
    let the_before = words.len() >= 4
        && ["the", "day", "before", "yesterday"].iter().zip(words).all(|(a, b)| *a == b.folded);
    let back = |n: i32| today.checked_sub(n.days()).ok().map(Days::one);
    if the_before {
        return Some((4, back(2)?));
    }
    if before_yesterday || is_phrase(words, &["day", "before", "yesterday"]) {
        return Some((3, back(2)?));
    }
    let days = if is_any(word, &["позавчера*"]) {
        back(2)?
    } else if is_any(word, &["вчера*", "yesterday", "yesterday's"]) {
        back(1)?
    } else if is_any(word, &["сегодня*", "today", "today's"]) {
        Days::one(today)
    } else {
        return None;
    };
    let named = words.get(1).is_some_and(|w| matches!(w.folded.as_str(), "день" | "дня" | "дню"))
        && !matches!(word.as_str(), "сегодня" | "вчера" | "позавчера");
    Some((1 + usize::from(named), days))
}

pub(super) fn is_phrase(words: &[Word], phrase: &[&str]) -> bool {
    words.len() >= phrase.len() && phrase.iter().zip(words).all(|(form, word)| is_any(&word.folded, &[form]))
}

/// «три дня назад», «неделю назад», "2 weeks ago": that day, that week, that month.
fn ago(words: &[Word], today: Date) -> Found {
    let (count, at) = match words.first().and_then(number) {
        Some(n) => (n, 1),
        None if words.first().is_some_and(|w| matches!(w.folded.as_str(), "a" | "an")) => (1, 1),
        None => (1, 0),
    };
    let unit = unit(words.get(at)?)?;
    if !matches!(words.get(at + 1)?.folded.as_str(), "назад" | "ago") {
        return None;
    }
    let days = match unit {
        Unit::Hour => Days::one(today),
        Unit::Day => Days::one(today.checked_sub(count.days()).ok()?),
        Unit::Week => week_of(today.checked_sub(count.weeks()).ok()?)?,
        Unit::Month => whole_month(today.checked_sub(count.months()).ok()?.first_of_month()),
        Unit::Quarter => {
            whole_month(today.checked_sub(count.checked_mul(3)?.months()).ok()?.first_of_month())
        }
        Unit::HalfYear => whole_month(today.checked_sub(6.months()).ok()?.first_of_month()),
        Unit::Year => whole_year(today.year().checked_sub(i16::try_from(count).ok()?)?)?,
    };
    Some((at + 2, days))
}

fn week_of(day: Date) -> Option<Days> {
    let first = monday_of(day)?;
    let last = first.checked_add(6.days()).ok()?;
    Some(Days { first, last })
}

fn monday_of(day: Date) -> Option<Date> {
    let back = i32::from(day.weekday().to_monday_zero_offset());
    day.checked_sub(back.days()).ok()
}

fn whole_year(year: i16) -> Option<Days> {
    Some(Days { first: date(year, 1, 1)?, last: date(year, 12, 31)? })
}

fn quarter_of(day: Date) -> Option<Days> {
    let month = i16::from((day.month() - 1) / 3 * 3 + 1);
    let first = date(day.year(), month, 1)?;
    let last = date(day.year(), month + 2, 1)?.last_of_month();
    Some(Days { first, last })
}

const PREVIOUS: &[&str] = &["прошл*", "предыдущ*", "last", "previous"];
const CURRENT: &[&str] =
    &["эта", "эту", "этой", "этот", "этом", "этого", "эти", "этих", "текущ*", "this", "current"];

/// «на прошлой неделе», «в этом месяце», "last year", and «начала недели» (its days up to today).
fn calendar(words: &[Word], today: Date) -> Found {
    let [first, second, ..] = words else { return None };
    if matches!(first.folded.as_str(), "начала" | "начало") {
        return Some((2, current(unit(second)?, today)?));
    }
    let unit = unit(second)?;
    if is_any(&first.folded, CURRENT) {
        return Some((2, current(unit, today)?));
    }
    if !is_any(&first.folded, PREVIOUS) {
        return None;
    }
    let before = |days: Days| days.first.checked_sub(1.day()).ok();
    let days = current(unit, before(current(unit, today)?)?)?;
    Some((2, days))
}

fn current(unit: Unit, today: Date) -> Option<Days> {
    match unit {
        Unit::Hour => None,
        Unit::Day => Some(Days::one(today)),
        Unit::Week => week_of(today),
        Unit::Month => Some(whole_month(today.first_of_month())),
        Unit::Quarter => quarter_of(today),
        Unit::HalfYear => {
            let (from, to) = if today.month() <= 6 { (1, 6) } else { (7, 12) };
            Some(Days {
                first: date(today.year(), from, 1)?,
                last: date(today.year(), to, 1)?.last_of_month(),
            })
        }
        Unit::Year => whole_year(today.year()),
    }
}

/// «в понедельник», "last Friday": the latest one; after "last" not today.
fn weekday(words: &[Word], today: Date, anchored: bool) -> Found {
    let (previous, at) = match words.first() {
        Some(w) if is_any(&w.folded, PREVIOUS) => (true, 1),
        Some(w) if is_any(&w.folded, CURRENT) => (false, 1),
        Some(_) | None => (false, 0),
    };
    let day = weekday_of(words.get(at)?)?;
    if !(anchored || at == 1) {
        return None;
    }
    let back = i32::from(today.weekday().since(day));
    let back = if previous && back == 0 { 7 } else { back };
    Some((at + 1, Days::one(today.checked_sub(back.days()).ok()?)))
}

/// «в выходные», "last weekend": the latest Saturday and Sunday that began; after «прошлые» one that ended.
fn weekend(words: &[Word], today: Date, anchored: bool) -> Found {
    let (previous, at) = match words.first() {
        Some(w) if is_any(&w.folded, PREVIOUS) => (true, 1),
        Some(w) if is_any(&w.folded, CURRENT) || w.folded == "the" => (false, 1),
        Some(_) | None => (false, 0),
    };
    if !is_any(&words.get(at)?.folded, &["выходные", "выходных", "уикенд*", "weekend"])
        || !(anchored || at == 1)
    {
        return None;
    }
    let saturday = monday_of(today)?.checked_add(5.days()).ok()?;
    let first = if saturday > today || previous { saturday.checked_sub(7.days()).ok()? } else { saturday };
    let last = first.checked_add(1.day()).ok()?;
    Some((at + 1, Days { first, last }))
}

/// «2025 год», "in 2025".
fn year(words: &[Word], anchored: bool) -> Found {
    let (used, year) = year_after(words);
    let year = year.filter(|_| used == 2 || anchored)?;
    Some((used, whole_year(year)?))
}
