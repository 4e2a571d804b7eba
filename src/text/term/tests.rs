//! Terms: what a text is found by, in order and position.

use proptest::prelude::*;

use super::*;
use crate::text::normalise;

/// Terms written as `position:text`.
fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> =
        terms(text).iter().map(|term| format!("{}:{}", term.position, term.text)).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn words_are_stemmed_by_script() {
    check("Новостями о releases", &["0:новост", "1:о", "2:releas"]);
    check("Ёлка", &["0:елк"]);
    let term = &terms("  Новостями")[0];
    assert_eq!((term.exact.as_str(), term.start, term.end), ("новостями", 2, 20));
}

#[test]
fn compounds_give_whole_and_parts() {
    check("модель GPT-4 вышла", &["0:модел", "1:gpt-4", "1:gpt", "2:4", "3:вышл"]);
    check("в интернет-магазинах", &["0:в", "1:интернет-магазин", "1:интернет", "2:магазин"]);
    check("Node.js", &["0:node.js", "0:node", "1:js"]);
    check("C++ и .NET", &["0:c++", "1:и", "2:.net"]);
    check("т.е. U.S.", &["0:те", "1:us"]);
}

#[test]
fn hashtags_are_found_with_and_without_the_sign() {
    check("#тег", &["0:#тег", "0:тег"]);
    check("#большие_данные", &["0:#большие_данные", "0:больш", "1:дан"]);
    check("#NewYear", &["0:#newyear", "0:newyear", "0:new", "1:year"]);
    check("@Durov пишет", &["0:@durov", "0:durov", "1:пишет"]);
}

#[test]
fn addresses_give_host_path_and_whole() {
    check(
        "https://www.Habr.com/ru/articles/12345/?utm=x далее",
        &[
            "0:habr.com/ru/articles/12345/?utm=x",
            "0:habr.com",
            "0:habr",
            "1:ru",
            "2:articl",
            "3:12345",
            "4:дал",
        ],
    );
    check("example.com", &["0:example.com", "0:exampl"]);
    check(
        "https://x.ru/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8",
        &["0:x.ru/%d0%bd%d0%be%d0%b2%d0%be%d1%81%d1%82%d0%b8", "0:x.ru", "0:x", "1:новост"],
    );
}

#[test]
fn numbers_have_one_spelling() {
    check("1 000", &["0:1000"]);
    check("1,000", &["0:1000"]);
    check("12,5%", &["0:12.5%", "0:12.5"]);
    check("0,125", &["0:0.125"]);
    check("12.05.2023", &["0:12.05.2023", "0:12", "1:05", "2:2023"]);
}

#[test]
fn emoji_are_terms_whatever_their_tone() {
    check("🚀 👍🏽 ❤️", &["0:🚀", "1:👍", "2:❤"]);
}

#[test]
fn a_term_has_a_limit() {
    let long = "я".repeat(TERM_BYTES_MAX);
    let found = terms(&long);
    assert_eq!(found[0].exact.len(), TERM_BYTES_MAX);
}

proptest! {
    #[test]
    fn terms_point_into_the_text(text in "(\\PC|[ а-яА-Я.#@:/0-9_%-]){0,60}") {
        let text = normalise(&text);
        let mut position = 0;
        for term in terms(&text) {
            prop_assert!(text.get(term.start..term.end).is_some_and(|piece| !piece.is_empty()));
            prop_assert!(!term.text.is_empty() && !term.exact.is_empty(), "{text}");
            prop_assert!(term.position >= position);
            position = term.position;
        }
    }

    #[test]
    fn case_does_not_matter(word in "[a-zа-я]{1,12}") {
        let upper = word.to_uppercase();
        prop_assert_eq!(&terms(&upper)[0].text, &terms(&word)[0].text);
    }
}
