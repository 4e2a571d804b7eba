//! Sentences: where they end in Russian and English, and that they cover the text without overlapping.

use proptest::prelude::*;

use super::*;
use crate::text::normalise;

/// The text with its sentences parted by `|`, written as expected.
fn check(expected: &str) {
    let text = expected.replace('|', " ").replace('¶', "\n");
    let found: Vec<&str> = sentences(&text).into_iter().map(|range| &text[range]).collect();
    let wanted: Vec<&str> =
        expected.split(['|', '¶']).map(str::trim).filter(|piece| !piece.is_empty()).collect();
    assert_eq!(found, wanted);
}

#[test]
fn plain_sentences() {
    check("Первое.|Второе!|Третье?|Четвёртое…|Пятое");
    check("Он сказал: «Да.»|Потом ушёл.");
    check("Что?!|Ничего...|Ладно.");
    check("строка без точки¶другая строка");
    check("The bank kept its rate.|It will decide in May.");
    check("«Где он?» — спросил Пётр.|Никто не знал.");
    check("Он ушёл… и вернулся.");
}

#[test]
fn abbreviations_close_nothing() {
    check("В 2023 г. компания выросла, т.е. стала больше.|Дальше.");
    check("Ставка 5 млн. руб. в год.|Это много.");
    check("Живёт на ул. Ленина, д. 5, кв. 7.|Вот так.");
    check("Музей им. Пушкина, см. Рис. 2.|Конец.");
    check("Яблоки, груши и т.д.|Потом другое.");
    check("Яблоки и т.д. лежат тут.");
    check("Mr. Smith met Dr. Jones, e.g. at noon.|They left.");
    check("Это было в 1999 г.|Потом всё изменилось.");
    check("Т.к. дождь, т. е. вода.|Всё.");
}

#[test]
fn initials_numbers_addresses() {
    check("А. С. Пушкин и Дж. К. Роулинг.|Они писали.");
    check("Л.Н. Толстой родился.|Рос.");
    check("Рост 12.5 процента.|Версия 1.21 вышла.");
    check("1. Первый пункт¶2. Второй пункт");
    check("Смотрите https://example.com/a.b?c=d.|Потом t.me/name.|Всё.");
    check("Пишите на Node.js и .NET.|Или нет.");
    check("Это было в 2023.|Потом прошло.");
}

#[test]
fn emoji_bullets_begin_a_sentence() {
    check("Список:|🚀 раз.|🔥 два.");
    check("Ура 🎉 всем!");
    check("🚀 Начало.");
}

proptest! {
    #[test]
    fn nothing_visible_is_lost(text in "(\\PC|[ а-яА-Я.!?…\n«»0-9🚀т]){0,80}") {
        let text = normalise(&text);
        let mut rest = String::new();
        let mut end = 0;
        for range in sentences(&text) {
            prop_assert!(range.start >= end && range.end > range.start);
            end = range.end;
            rest.push_str(&text[range]);
        }
        let squeeze = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        prop_assert_eq!(squeeze(&rest), squeeze(&text));
    }
}
