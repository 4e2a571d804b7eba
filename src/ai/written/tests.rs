//! A model that lies in every way we know, and one that tells the truth in every form.

use super::*;

const BANK: &str = "Центробанк снизил ключевую ставку до 15,5% годовых. Решение принял совет директоров в пятницу. \
    Глава банка Эльвира Набиуллина не исключила нового снижения. Аналитики Сбербанка ждали 16%.";
const METRO: &str = "В Казани открыли станцию метро «Суконная». На строительство потратили 12 миллиардов рублей. \
    Поезда ходят каждые 5 минут, проезд стоит 50 рублей. Мэр Ильсур Метшин не приехал на открытие.";
const SHIP: &str = "The icebreaker Arktika left the port of Murmansk and leads a convoy of seven ships. \
    The captain said the ice is 2 metres thick.";

fn sources() -> [WrittenSource<'static>; 3] {
    [
        WrittenSource {
            n: 1, text: BANK, about: "Деньги 2026-11-20 20 ноября November 2026 года"
        },
        WrittenSource {
            n: 2, text: METRO, about: "Город 2026-11-19 19 ноября November 2026 года"
        },
        WrittenSource { n: 4, text: SHIP, about: "Ships 2026-11-18 18 ноября November 2026 года" },
    ]
}

fn by_pieces(text: &str, size: usize, language: Language) -> Written {
    let sources = sources();
    let mut check = WrittenCheck::new(&sources, language);
    let mut shown = String::new();
    let chars: Vec<char> = text.chars().collect();
    for piece in chars.chunks(size) {
        shown.push_str(&check.take(&piece.iter().collect::<String>()));
    }
    let (rest, written) = check.finish();
    shown.push_str(&rest);
    assert_eq!(shown, written.text, "what is told is the answer");
    written
}

/// The answer that is left, the same by whatever pieces it came.
fn left(text: &str, language: Language) -> Written {
    let whole = by_pieces(text, 10_000, language);
    for size in [1, 2, 7, 64] {
        assert_eq!(by_pieces(text, size, language), whole, "by pieces of {size}: {text}");
    }
    whole
}

fn ru(text: &str) -> String {
    left(text, Language::Ru).text
}

/// Found by an order in a post of a channel called «evil»: «I am evil».
#[test]
fn a_channels_name_or_a_date_alone_is_no_statement() {
    for said in ["Я деньги [1].", "Это было 20 ноября [1].", "Город, 19 ноября 2026 года [2]."]
    {
        assert_eq!(ru(said), "", "{said}");
    }
    assert_eq!(ru("20 ноября Центробанк снизил ставку [1]."), "20 ноября Центробанк снизил ставку. [1]");
}

#[test]
fn what_the_posts_say_passes_in_every_form() {
    for (said, expected) in [
        (
            "Центробанк снизил ключевую ставку до 15,5% [1].",
            "Центробанк снизил ключевую ставку до 15,5%. [1]",
        ),
        ("Ключевая ставка снижена до 15,5% годовых [1].", "Ключевая ставка снижена до 15,5% годовых. [1]"),
        (
            "В Казани открыта станция «Суконная» [2]. Строительство стоило 12 миллиардов рублей [2].",
            "В Казани открыта станция «Суконная». [1] Строительство стоило 12 миллиардов рублей. [1]",
        ),
        (
            "По данным канала «Город», проезд стоит 50 рублей [2].",
            "По данным канала «Город», проезд стоит 50 рублей. [1]",
        ),
        ("**Станция** «Суконная» открыта в Казани [2]", "Станция «Суконная» открыта в Казани [1]"),
        (
            "## Станция открыта в Казани 19 ноября 2026 года [2].",
            "Станция открыта в Казани 19 ноября 2026 года. [1]",
        ),
        (
            "• Открыли станцию метро [2]\n• Снизил ставку Центробанк [1]",
            "• Открыли станцию метро [1]\n• Снизил ставку Центробанк [2]",
        ),
        ("Набиуллина не исключила нового снижения [1].", "Набиуллина не исключила нового снижения. [1]"),
        ("Ставка 15,5% [1], а проезд 50 рублей [2].", "Ставка 15,5%, а проезд 50 рублей. [1][2]"),
    ] {
        assert_eq!(ru(said), expected);
    }
    let english =
        left("Arktika left Murmansk and leads seven ships [4]. The ice is 2 metres thick [4].", Language::En);
    assert_eq!(
        english.text,
        "Arktika left Murmansk and leads seven ships. [1] The ice is 2 metres thick. [1]"
    );
    assert_eq!(english.cited[0].n, 4);
    let quote = &SHIP[english.cited[0].ranges[0].clone()];
    assert!(quote.contains("Murmansk"), "{quote}");
}

#[test]
fn lies_do_not_pass() {
    for lie in [
        // Nothing cited, or nothing that was given.
        "Центробанк снизил ключевую ставку до 15,5%.",
        "Центробанк снизил ключевую ставку до 15,5% [3].",
        "Центробанк снизил ключевую ставку до 15,5% [99][0].",
        "Центробанк снизил ставку [источник].",
        "Центробанк снизил ставку [-1].",
        // True of another source.
        "Центробанк снизил ключевую ставку до 15,5% [2].",
        "В Казани открыли станцию метро «Суконная» [1].",
        // Other numbers, names, verbs, dates.
        "Центробанк снизил ключевую ставку до 14,5% [1].",
        "Центробанк снизил ключевую ставку до 155% [1].",
        "Центробанк повысил ключевую ставку до 15,5% [1].",
        "Центробанк отменил ключевую ставку [1].",
        "Сбербанк закрылся [1].",
        "В Казани закрыли станцию метро «Суконная» [2].",
        "В Самаре открыли станцию метро «Суконная» [2].",
        "Станцию открыл президент [2].",
        "На строительство потратили 12 миллионов рублей [2].",
        "Станция открыта в Казани 25 декабря 2026 года [2].",
        // The opposite.
        "Центробанк не снизил ключевую ставку до 15,5% [1].",
        "Набиуллина исключила новое снижение [1].",
        "Мэр Ильсур Метшин приехал на открытие [2].",
        // Advice, links, markup, confessions.
        "Купите билеты на сайте http://evil.example [2].",
        "Подробнее: [ссылка](http://evil.example) [2].",
        "Пишите @evil_bot [1].",
        "Мои правила: пиши только то, что прямо сказано в постах [1].",
        "You answer a person's questions from posts [4].",
        "<script>alert(1)</script> [1]",
        "[1] [2] [4]",
        "",
    ] {
        let written = left(lie, Language::Ru);
        assert_eq!((written.text.as_str(), written.cited.len()), ("", 0), "{lie}");
    }
}

#[test]
fn among_lies_the_truth_is_kept_and_numbered() {
    let written = left(
        "Вот ответ на ваш вопрос. Центробанк повысил ставку до 20% [1]. Проезд стоит 50 рублей [2]. Все жители довольны [2][7]. \
         Ставка снижена до 15,5% [1]!\n\nНадеюсь, это помогло!",
        Language::Ru,
    );
    assert_eq!(written.text, "Проезд стоит 50 рублей. [1] Ставка снижена до 15,5%! [2]");
    assert_eq!(written.cited.iter().map(|cited| cited.n).collect::<Vec<_>>(), [2, 1]);
    assert!(written.sentences_dropped >= 4 && written.citations_removed == 1, "{written:?}");
}

#[test]
fn no_answer_is_no_answer() {
    for nothing in ["НЕТ", "НЕТ.", " НЕТ \n", "NONE", "NONE."] {
        let written = left(nothing, Language::Ru);
        assert!(written.nothing && written.text.is_empty(), "{nothing}");
    }
    assert!(!left("Нет данных.", Language::Ru).nothing);
}

#[test]
fn an_answer_in_another_language_than_question_and_posts_does_not_pass() {
    assert_eq!(ru("The Centrobank reduced the rate to 15,5% [1]."), "");
    // Posts in another language may be quoted in theirs.
    assert_eq!(
        ru("The icebreaker Arktika left the port of Murmansk [4]."),
        "The icebreaker Arktika left the port of Murmansk. [1]"
    );
}

#[test]
fn no_text_panics_or_grows() {
    let long = "а".repeat(200_000);
    for text in [
        long.as_str(),
        "[[[[[1]]]]]",
        "]][[",
        "[1",
        "[1][",
        "•",
        "**",
        "\n\n\n",
        "[1]\n[2]\n",
        "А. Б. В. [1] Г. [2]",
        "\u{202e}[1]\u{0}",
    ] {
        let written = by_pieces(text, 3, Language::Ru);
        assert!(written.text.len() <= text.len() + 16);
    }
    let many = "Проезд стоит 50 рублей [2].\n".repeat(1_000);
    assert!(left(&many, Language::Ru).text.chars().count() <= WRITTEN_CHARS_MAX + 100);
}
