//! Normalised text: what is stripped, what is kept, and that doing it twice changes nothing.

use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: &str) {
    assert_eq!(normalise(text), expected, "{text:?}");
}

#[test]
fn invisible_characters_go() {
    check("\u{200b}Как\u{ad} чи\u{200d}тать\u{feff}", "Как читать");
    check("a\u{202e}b\u{2066}c\u{2069}", "abc");
    check("раз\r\nдва\rтри\u{2028}четыре", "раз\nдва\nтри\nчетыре");
    check("1\u{a0}000\u{202f}₽", "1 000 ₽");
    check("a\0b\u{1b}", "ab");
    // Tag characters spell a hidden text; only a flag may carry them.
    check("да\u{e0068}\u{e0069}", "да");
}

#[test]
fn emoji_stay_whole() {
    for emoji in ["👨‍👩‍👧", "❤️", "🤷🏽‍♂️", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏳️‍🌈"]
    {
        check(emoji, emoji);
    }
    check("👩\u{200d}а", "👩а");
    check("а\u{fe0f}", "а");
}

#[test]
fn letters_and_their_marks_are_composed() {
    check("и\u{306}", "й");
    // The zero-width space stood between a letter and its mark.
    check("е\u{200b}\u{308}", "ё");
}

#[test]
fn folding() {
    let check = |text: &str, expected: &str| assert_eq!(fold(text), expected, "{text}");
    check("Ёлки ЩЁЛК Straße İ", "елки щелк straße i\u{307}");
    check("за\u{301}мок", "замок");
    check("É", "é");
}

proptest! {
    #[test]
    fn both_are_idempotent(text in "(\\PC|[👩🏽\u{200d}\u{fe0f}\u{e0067}\u{200b}\u{301}\u{308}\u{306}иеЁ\r\n1\u{20e3}]){0,40}") {
        let once = normalise(&text);
        prop_assert_eq!(&normalise(&once), &once);
        let folded = fold(&once);
        prop_assert_eq!(&fold(&folded), &folded);
    }

    #[test]
    fn letters_survive(text in "[a-zA-Zа-яА-ЯёЁ0-9 .,!?#@]{0,60}") {
        prop_assert_eq!(normalise(&text), text);
    }
}
