//! Single words of time: counts, units, months, weekdays. Knows the forms of words, not the calendar.

use jiff::civil::Weekday;

use super::word::{Word, is_any};

const COUNTS: [(i32, &[&str]); 10] = [
    (1, &["один", "одну", "одного", "one"]),
    (2, &["два", "две", "двух", "пару", "пара", "two", "couple"]),
    (3, &["три", "трех", "несколько", "three", "few", "several"]),
    (4, &["четыре", "четырех", "four"]),
    (5, &["пять", "пяти", "five"]),
    (6, &["шесть", "шести", "six"]),
    (7, &["семь", "семи", "seven"]),
    (8, &["восемь", "восьми", "eight"]),
    (9, &["девять", "девяти", "nine"]),
    (10, &["десять", "десяти", "ten"]),
];

/// A count in digits or words, up to 9999.
pub(super) fn number(word: &Word) -> Option<i32> {
    let text = word.folded.as_str();
    let digits = ["st", "nd", "rd", "th", "го", "е"]
        .iter()
        .find_map(|suffix| text.strip_suffix(suffix))
        .filter(|rest| !rest.is_empty())
        .unwrap_or(text);
    if digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_digit()) {
        return digits.parse().ok();
    }
    COUNTS.iter().find(|(_, forms)| forms.contains(&text)).map(|(n, _)| *n)
}

/// A measure of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    HalfYear,
    Year,
}

/// The unit a word names.
pub(super) fn unit(word: &Word) -> Option<Unit> {
    const UNITS: [(Unit, &[&str]); 7] = [
        (Unit::Hour, &["час", "часа", "часов", "часы", "hour", "hours"]),
        (Unit::Day, &["день", "дня", "дней", "дни", "днем", "сутки", "суток", "day", "days"]),
        (Unit::Week, &["недел*", "week", "weeks"]),
        (Unit::Month, &["месяц", "месяца", "месяцев", "месяцы", "месяце", "month", "months"]),
        (Unit::Quarter, &["квартал", "квартала", "квартале", "кварталов", "quarter", "quarters"]),
        (Unit::HalfYear, &["полгода", "полугодие", "полугодии"]),
        (Unit::Year, &["год", "года", "году", "годы", "лет", "year", "years"]),
    ];
    UNITS.iter().find(|(_, forms)| is_any(&word.folded, forms)).map(|(unit, _)| *unit)
}

/// The month a word names, 1 to 12, in any of its cases or short.
pub(super) fn month_number(word: &Word) -> Option<i8> {
    const STEMS: [(&str, &str); 12] = [
        ("январ", "january"),
        ("феврал", "february"),
        ("март", "march"),
        ("апрел", "april"),
        ("ма", "may"),
        ("июн", "june"),
        ("июл", "july"),
        ("август", "august"),
        ("сентябр", "september"),
        ("октябр", "october"),
        ("ноябр", "november"),
        ("декабр", "december"),
    ];
    let text = word.folded.as_str();
    let at = STEMS.iter().position(|(russian, english)| {
        let ending = text.strip_prefix(russian);
        let russian_form = match *russian {
            "ма" => ending.is_some_and(|e| matches!(e, "й" | "я" | "е" | "ю" | "ем")),
            "март" | "август" => ending.is_some_and(|e| matches!(e, "" | "а" | "е" | "у" | "ом")),
            _ => ending.is_some_and(|e| matches!(e, "ь" | "я" | "е" | "ю" | "ем")),
        };
        russian_form
            || text == *english
            || text == &english[..3]
            || (text == "sept" && *english == "september")
    })?;
    i8::try_from(at + 1).ok()
}

pub(super) fn weekday_of(word: &Word) -> Option<Weekday> {
    const DAYS: [(Weekday, &[&str]); 7] = [
        (Weekday::Monday, &["понедельник*", "monday"]),
        (Weekday::Tuesday, &["вторник*", "tuesday"]),
        (Weekday::Wednesday, &["среда", "среду", "среды", "wednesday"]),
        (Weekday::Thursday, &["четверг*", "thursday"]),
        (Weekday::Friday, &["пятниц*", "friday"]),
        (Weekday::Saturday, &["суббот*", "saturday"]),
        (Weekday::Sunday, &["воскресень*", "sunday"]),
    ];
    DAYS.iter().find(|(_, forms)| is_any(&word.folded, forms)).map(|(day, _)| *day)
}
