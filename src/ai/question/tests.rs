//! Tables of questions at a fixed now: Thursday, 12 November 2026, 15:30 in Moscow (UTC+3, no clock changes).

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn moscow() -> TimeZone {
    TimeZone::posix("MSK-3").unwrap()
}

fn at(zoned: &str, tz: &TimeZone) -> Timestamp {
    let datetime: jiff::civil::DateTime = zoned.parse().unwrap();
    datetime.to_zoned(tz.clone()).unwrap().timestamp()
}

fn asked(text: &str) -> Question {
    analyse(text, at("2026-11-12T15:30", &moscow()), &moscow())
}

/// The period as civil datetimes in Moscow, `""` for none; `until` excluded.
fn check_period(text: &str, since: &str, until: &str) {
    let question = asked(text);
    let shown = question.period.map(|p| {
        let civil = |t: Timestamp| t.to_zoned(moscow()).strftime("%Y-%m-%dT%H:%M").to_string();
        (civil(p.since), civil(p.until))
    });
    let wanted = (!since.is_empty()).then(|| (full(since), full(until)));
    assert_eq!(shown, wanted, "{text}");
}

/// `11-12` is this year's, and a date alone its midnight.
fn full(short: &str) -> String {
    let (day, time) = short.split_once(' ').unwrap_or((short, "00:00"));
    let day = if day.len() == 5 { format!("2026-{day}") } else { day.to_owned() };
    format!("{day}T{time}")
}

#[test]
fn days() {
    check_period("Что нового сегодня?", "11-12", "11-13");
    check_period("что было вчера", "11-11", "11-12");
    check_period("а позавчера?", "11-10", "11-11");
    check_period("Что вчера вечером произошло в Омске?", "11-11 18:00", "11-12");
    check_period("что случилось сегодня утром", "11-12 05:00", "11-12 12:00");
    check_period("вчера ночью", "11-11", "11-11 06:00");
    check_period("Вчерашние новости", "11-11", "11-12");
    check_period("за вчерашний день", "11-11", "11-12");
    check_period("новости за сегодня", "11-12", "11-13");
    check_period("what happened yesterday?", "11-11", "11-12");
    check_period("the day before yesterday", "11-10", "11-11");
    check_period("what's new today", "11-12", "11-13");
    check_period("news this morning", "11-12 05:00", "11-12 12:00");
    check_period("what happened last night", "11-11 21:00", "11-12 06:00");
    check_period("что писали в понедельник", "11-09", "11-10");
    check_period("что было в четверг", "11-12", "11-13");
    check_period("last Thursday", "11-05", "11-06");
    check_period("в прошлую пятницу", "11-06", "11-07");
    check_period("on Friday", "11-06", "11-07");
    check_period("что было в выходные", "11-07", "11-09");
    check_period("last weekend", "11-07", "11-09");
    check_period("три дня назад", "11-09", "11-10");
    check_period("a week ago", "11-02", "11-09");
    check_period("2 months ago", "09-01", "10-01");
    check_period("вчера и сегодня", "11-11", "11-13");
}

#[test]
fn windows() {
    check_period("что нового за неделю", "11-05 15:30", "11-13");
    check_period("что нового за последнюю неделю?", "11-05 15:30", "11-13");
    check_period("за месяц", "10-12 15:30", "11-13");
    check_period("за последние 3 дня", "11-09 15:30", "11-13");
    check_period("за пять дней", "11-07 15:30", "11-13");
    check_period("за сутки", "11-11 15:30", "11-13");
    check_period("за последние 24 часа", "11-11 15:30", "11-13");
    check_period("за день", "11-11 15:30", "11-13");
    check_period("за последние два месяца", "09-12 15:30", "11-13");
    check_period("за полгода", "05-12 15:30", "11-13");
    check_period("в последние дни", "11-09 15:30", "11-13");
    check_period("past 3 days", "11-09 15:30", "11-13");
    check_period("in the last two weeks", "10-29 15:30", "11-13");
    check_period("over the past month", "10-12 15:30", "11-13");
    check_period("for the last 24 hours", "11-11 15:30", "11-13");
    check_period("на прошлой неделе", "11-02", "11-09");
    check_period("за прошлую неделю", "11-02", "11-09");
    check_period("на этой неделе", "11-09", "11-16");
    check_period("в прошлом месяце", "10-01", "11-01");
    check_period("в этом году", "01-01", "2027-01-01");
    check_period("last week", "11-02", "11-09");
    check_period("this week", "11-09", "11-16");
    check_period("last month", "10-01", "11-01");
    check_period("с начала недели", "11-09", "11-13");
    check_period("с начала года", "01-01", "11-13");
}

#[test]
fn ranges() {
    check_period("что произошло с понедельника", "11-09", "11-13");
    check_period("с 5 ноября", "11-05", "11-13");
    check_period("since Monday", "11-09", "11-13");
    check_period("since 5 November", "11-05", "11-13");
    check_period("since November 5", "11-05", "11-13");
    check_period("со вчерашнего дня", "11-11", "11-13");
    check_period("начиная с 1 ноября", "11-01", "11-13");
    check_period("в октябре", "10-01", "11-01");
    check_period("за октябрь 2025", "2025-10-01", "2025-11-01");
    check_period("за октябрь 2026 года", "10-01", "11-01");
    check_period("in October", "10-01", "11-01");
    check_period("в декабре", "2025-12-01", "2026-01-01");
    check_period("в начале октября", "10-01", "10-11");
    check_period("late October", "10-21", "11-01");
    check_period("события октября", "10-01", "11-01");
    check_period("5–10 ноября", "11-05", "11-11");
    check_period("5-10 November", "11-05", "11-11");
    check_period("с 5 по 10 ноября", "11-05", "11-11");
    check_period("с 28 октября по 3 ноября", "10-28", "11-04");
    check_period("28 октября – 3 ноября", "10-28", "11-04");
    check_period("с 28 декабря по 3 января", "2025-12-28", "2026-01-04");
    check_period("между 5 и 10 ноября", "11-05", "11-11");
    check_period("between November 5 and November 10", "11-05", "11-11");
    check_period("between 1 November and today", "11-01", "11-13");
    check_period("from November 5 to 10", "11-05", "11-11");
    check_period("от понедельника до среды", "11-09", "11-12");
    check_period("12.11.2026", "11-12", "11-13");
    check_period("что было 12.10.26?", "10-12", "10-13");
    check_period("за 05.11", "11-05", "11-06");
    check_period("с 01.11.2026 по 05.11.2026", "11-01", "11-06");
    check_period("01.11–05.11.2026", "11-01", "11-06");
    check_period("2026-11-05", "11-05", "11-06");
    check_period("до 5 ноября", "2013-08-14", "11-05");
    check_period("after 5 November", "11-06", "11-13");
    check_period("November 5th, 2026", "11-05", "11-06");
    check_period("5-го ноября", "11-05", "11-06");
    check_period("в 2025 году", "2025-01-01", "2026-01-01");
    check_period("in 2025", "2025-01-01", "2026-01-01");
    check_period("30 ноября", "2025-11-30", "2025-12-01");
    check_period("29 февраля", "2024-02-29", "2024-03-01");
}

#[test]
fn not_a_period() {
    for text in [
        "Что такое Python 3.12?",
        "Как обновить Ubuntu 24.04?",
        "Что было 9 мая 1945 года?",
        "Какие планы на 2028 год?",
        "Что умеет среда разработки?",
        "What may happen to Go?",
        "Кто выиграл марш протеста?",
        "за 5 дней до выборов",
        "Что будет завтра?",
        "встреча 31 февраля",
        "99.99.9999",
        "Почему вырос курс доллара?",
        "Что случилось с рейсом 2026",
    ] {
        check_period(text, "", "");
    }
}

/// The day the clock jumps is a whole day, of 23 or 25 hours, and a window of days keeps the time of day.
#[test]
fn clock_changes() {
    let tz = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
    let hours = |now: &str, text: &str| {
        let period = analyse(text, at(now, &tz), &tz).period.unwrap();
        period.until.duration_since(period.since).as_hours()
    };
    assert_eq!(hours("2026-03-09T12:00", "yesterday"), 23);
    assert_eq!(hours("2026-11-02T12:00", "yesterday"), 25);
    let week = analyse("за неделю", at("2026-11-03T12:00", &tz), &tz).period.unwrap();
    assert_eq!(week.since, at("2026-10-27T12:00", &tz));
}

#[test]
fn today_is_the_askers_day() {
    let now: Timestamp = "2026-11-11T22:30:00Z".parse().unwrap();
    let question = analyse("сегодня", now, &moscow());
    assert_eq!(question.asked_at.date(), date(2026, 11, 12));
    assert_eq!(question.period.unwrap().since, at("2026-11-12T00:00", &moscow()));
}

#[test]
fn topics() {
    let check = |text: &str, topic: &str| assert_eq!(asked(text).search_text, topic, "{text}");
    check("Что нового в AI?", "AI");
    check("Что нового за неделю?", "");
    check("Что нового в AI за неделю?", "AI");
    check("Найди посты про машинное обучение", "машинное обучение");
    check("Покажи мне посты про C++ за прошлую неделю", "C++");
    check("Порекомендуй похожие новости", "");
    check("Какие сейчас тренды?", "");
    check("Дай дайджест", "");
    check("Дай дайджест по криптовалютам за вчера", "криптовалютам");
    check("Что такое Rust?", "Что такое Rust");
    check("Сколько стоит подписка на «Яндекс Плюс»?", "Сколько стоит подписка на «Яндекс Плюс»");
    check("Расскажи, пожалуйста, про выборы в США", "выборы в США");
    check("Когда 5 ноября запустили ракету?", "Когда запустили ракету");
    check("OpenAI последние новости", "OpenAI");
    check("А что нового у Яндекса?", "Яндекса");
    check("What's new in AI this week?", "AI");
    check("What’s new with Rust?", "Rust");
    check("Find posts about machine learning", "machine learning");
    check("New York weather", "New York weather");
    check("Who is the CEO of OpenAI?", "Who is the CEO of OpenAI");
    check("Что случилось с рублём?", "рублём");
    check("", "");
    check("???", "");
    check("🚀", "");
}

#[test]
fn intents() {
    let check = |text: &str, intent: Intent| assert_eq!(asked(text).intent, intent, "{text}");
    check("Что нового в AI?", Intent::Ask);
    check("Найди посты про машинное обучение", Intent::Search);
    check("Порекомендуй похожие новости", Intent::Recommend);
    check("Какие сейчас тренды?", Intent::Trend);
    check("Дай дайджест", Intent::Digest);
    check("Сводка за вчера", Intent::Digest);
    check("Главное за неделю", Intent::Digest);
    check("Итоги дня", Intent::Digest);
    check("О чём сейчас чаще всего пишут?", Intent::Ask);
    check("Что сейчас обсуждают?", Intent::Trend);
    check("Поищи про Kubernetes", Intent::Search);
    check("посты о выборах", Intent::Search);
    check("Что посоветуете почитать? Посоветуй", Intent::Recommend);
    check("Кто нашёл уязвимость в ядре?", Intent::Ask);
    check("Почему врачи рекомендуют спать?", Intent::Ask);
    check("Give me a digest for today", Intent::Digest);
    check("What's trending?", Intent::Trend);
    check("Recommend something similar", Intent::Recommend);
    check("Search for posts on Go", Intent::Search);
    check("Who won the election?", Intent::Ask);
}

#[test]
fn kinds() {
    let check = |text: &str, kind: Kind| assert_eq!(asked(text).kind, kind, "{text}");
    check("Кто возглавил Минфин?", Kind::Who);
    check("Когда выйдет Go 1.24?", Kind::When);
    check("В каком году основали компанию?", Kind::When);
    check("Какого числа концерт?", Kind::When);
    check("Сколько стоит iPhone?", Kind::HowMuch);
    check("Какова цена подписки?", Kind::HowMuch);
    check("How much does it cost?", Kind::HowMuch);
    check("Где пройдёт саммит?", Kind::Where);
    check("Почему упали акции?", Kind::Why);
    check("Как установить Rust?", Kind::How);
    check("Правда ли, что Telegram заблокируют?", Kind::Whether);
    check("Выросла ли ставка?", Kind::Whether);
    check("Is Rust faster than Go?", Kind::Whether);
    check("Какие страны вступили в БРИКС?", Kind::List);
    check("Что такое eBPF?", Kind::What);
    check("Что нового в Go?", Kind::Events);
    check("Что произошло вчера?", Kind::Events);
    check("Which company bought Figma?", Kind::What);
}

#[test]
fn news_and_languages() {
    let check = |text: &str, news: bool, language: Language| {
        let question = asked(text);
        assert_eq!((question.wants_news, question.language), (news, language), "{text}");
    };
    check("Что нового в AI?", true, Language::Ru);
    check("Что было сегодня?", true, Language::Ru);
    check("Кто выиграл выборы в октябре?", false, Language::Ru);
    check("Какая последняя версия Go?", true, Language::Ru);
    check("latest news about Go", true, Language::En);
    check("Who founded Telegram?", false, Language::En);
}

#[test]
fn a_long_question_is_cut() {
    let question = asked(&"ю".repeat(QUESTION_BYTES_MAX));
    assert!(question.original.len() <= QUESTION_BYTES_MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_read(text in "\\PC{0,80}") {
        let question = asked(&text);
        prop_assert!(question.period.is_none_or(|p| p.since < p.until));
    }

    /// Words of time in any order: nothing overflows, nothing panics.
    #[test]
    fn any_words_of_time_are_read(words in proptest::collection::vec(proptest::sample::select(vec![
        "с", "по", "за", "до", "между", "и", "5", "31", "9999", "0", "ноября", "мая", "2026", "12.11", "-", "–", "last",
        "week", "недель", "назад", "прошлой", "понедельника", "вчера", "утром", "the", "of", "началa", "года", "31.12.9999",
        "9999-12-31", "полгода", "лет", "в", "-9999-01-01", "1", "января", "from", "to", "Nov",
    ]), 0..9)) {
        let question = asked(&words.join(" "));
        prop_assert!(question.period.is_none_or(|p| p.since < p.until));
    }
}
