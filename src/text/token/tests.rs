//! Tokens: how a text is cut, and that every cut is a character border.

use proptest::prelude::*;

use super::*;
use crate::text::normalise;

/// Tokens written as `kind:text`, the kind by its first letter.
fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> = tokens(text)
        .iter()
        .map(|token| {
            let kind = match token.kind {
                TokenKind::Word => 'w',
                TokenKind::Number => 'n',
                TokenKind::Hashtag => 'h',
                TokenKind::Mention => 'm',
                TokenKind::Url => 'u',
                TokenKind::Emoji => 'e',
            };
            format!("{kind}:{}", token.of(text))
        })
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn words_keep_the_signs_that_belong_to_them() {
    check(
        "Кто-то пишет на C++, C# и .NET.",
        &["w:Кто-то", "w:пишет", "w:на", "w:C++", "w:C#", "w:и", "w:.NET"],
    );
    check("GPT-4 и GPT-4.5, v1.21.0", &["w:GPT-4", "w:и", "w:GPT-4.5", "w:v1.21.0"]);
    check("т.е. так, U.S. economy", &["w:т.е.", "w:так", "w:U.S.", "w:economy"]);
    check("don't д’Артаньян AT&T R&D", &["w:don't", "w:д’Артаньян", "w:AT&T", "w:R&D"]);
    check("Node.js, main.go, ASP.NET, snake_case", &["w:Node.js", "w:main.go", "w:ASP.NET", "w:snake_case"]);
    check("конец.Начало end.Next а/б", &["w:конец", "w:Начало", "w:end", "w:Next", "w:а", "w:б"]);
    check("— слово —", &["w:слово"]);
    check("日本 и 5G, 2023-го, 1С", &["w:日", "w:本", "w:и", "w:5G", "w:2023-го", "w:1С"]);
}

#[test]
fn numbers() {
    check("1 000 рублей, 12,5% и 3.14", &["n:1 000", "w:рублей", "n:12,5%", "w:и", "n:3.14"]);
    check("в 10:30 12.05.2023.", &["w:в", "n:10:30", "n:12.05.2023"]);
    check("2023 100 человек", &["n:2023", "n:100", "w:человек"]);
    check("1 200 000 и 12 5000", &["n:1 200 000", "w:и", "n:12", "n:5000"]);
    check("№5, $100", &["n:5", "n:100"]);
}

#[test]
fn hashtags_and_mentions() {
    check("#тег_раз #1 #1С @name, @", &["h:#тег_раз", "n:1", "h:#1С", "m:@name"]);
    check("вот#не_тег", &["w:вот", "w:не_тег"]);
    check("(#go)", &["h:#go"]);
}

#[test]
fn addresses() {
    check("см. https://t.me/name/7?a=1#x.", &["w:см", "u:https://t.me/name/7?a=1#x"]);
    check("(example.com), t.me/chan!", &["u:example.com", "u:t.me/chan"]);
    check("https://ru.wikipedia.org/wiki/Go_(язык))", &["u:https://ru.wikipedia.org/wiki/Go_(язык)"]);
    check("me@mail.example.com; сайт.рф", &["u:me@mail.example.com", "u:сайт.рф"]);
    check("HTTPS://EXAMPLE.COM/A🚀", &["u:HTTPS://EXAMPLE.COM/A", "e:🚀"]);
    check("https:// пусто", &["w:https", "w:пусто"]);
}

#[test]
fn emoji_sequences_are_one_token() {
    check("👨‍👩‍👧🚀", &["e:👨‍👩‍👧", "e:🚀"]);
    check("👍🏽ok ❤️ 🇷🇺🇺🇸 1️⃣2️⃣", &["e:👍🏽", "w:ok", "e:❤️", "e:🇷🇺", "e:🇺🇸", "e:1️⃣", "e:2️⃣"]);
    check("🤷‍♂️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿", &["e:🤷‍♂️", "e:🏴󠁧󠁢󠁥󠁮󠁧󠁿"]);
}

#[test]
fn hostile_text_takes_linear_time() {
    // Each of these made a naive scanner look at the whole rest of the text from every position.
    for piece in ["a..", ")", "a-", "1 000", "http://(", "т.", "#", "👩\u{200d}"] {
        let text = piece.repeat(200_000 / piece.len());
        let _ = tokens(&text);
    }
}

proptest! {
    #[test]
    fn tokens_are_in_order_and_not_empty(text in "(\\PC|[ а-яА-Я.#@:/0-9👩\u{200d}\u{fe0f}-]){0,60}") {
        for text in [text.clone(), normalise(&text)] {
            let mut end = 0;
            for token in tokens(&text) {
                prop_assert!(token.start >= end && token.end > token.start);
                prop_assert!(text.get(token.start..token.end).is_some());
                end = token.end;
            }
        }
    }

    #[test]
    fn no_letter_is_lost(text in "[ а-яa-z0-9.,#@:/_-]{0,80}") {
        let mut kept = vec![false; text.len()];
        for token in tokens(&text) {
            kept[token.start..token.end].fill(true);
        }
        for (at, c) in text.char_indices() {
            prop_assert!(kept[at] || !c.is_alphanumeric(), "{c} at {at} of {text}");
        }
    }
}
