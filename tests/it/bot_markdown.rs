//! Markdown to Telegram's HTML: the examples people know, and whatever else comes in, it parses and fits.

use proptest::prelude::*;
use tga::bot::{MESSAGE_UNITS_MAX, markdown};

use crate::support::telegram_html::{units, visible};

fn html(text: &str) -> String {
    markdown(text).messages(MESSAGE_UNITS_MAX).join("\n---\n")
}

#[test]
fn the_examples_of_the_system_before_this_one() {
    for (given, wanted) in [
        ("**жирный *курсив***", "<b>жирный <i>курсив</i></b>"),
        ("3. Первый\n4. Второй\n5. Третий", "3) Первый\n4) Второй\n5) Третий"),
        (
            "```json\n{\"a\": \"<b>\"}\n```",
            "<pre><code class=\"language-json\">{&quot;a&quot;: &quot;&lt;b&gt;&quot;}</code></pre>",
        ),
        ("```\nx < y\n```", "<pre><code>x &lt; y</code></pre>"),
        ("[Пример](https://example.com?q=1&x=2)", "<a href=\"https://example.com?q=1&amp;x=2\">Пример</a>"),
        ("[плохо](javascript:alert(1))", "плохо"),
        ("[бот](tg://resolve?domain=test)", "<a href=\"tg://resolve?domain=test\">бот</a>"),
        ("||секрет||", "<tg-spoiler>секрет</tg-spoiler>"),
    ] {
        assert_eq!(html(given), wanted, "{given}");
    }
}

#[test]
fn what_models_write_reads_well() {
    let given = "# Итог\n\nПервый абзац,\nвторая строка.\n\n- раз\n- два\n  - внутри\n- три\n\n> мысль\n>\n> вторая\n\n~~нет~~ `let x = 1;` __да__\n\n---\n\n| а | б |\n|---|---|\n| 1 | 2 |\n\n- [x] готово\n\n![фото](https://example.com/a.png) <b>сырой</b> a || b";
    let wanted = "<b>Итог</b>\n\nПервый абзац,\nвторая строка.\n\n• раз\n• два\n  • внутри\n• три\n\n\
        <blockquote>мысль\n\nвторая</blockquote>\n\n<s>нет</s> <code>let x = 1;</code> <b>да</b>\n\n———\n\n\
        <b>а | б</b>\n1 | 2\n\n• ☑ готово\n\n\
        <a href=\"https://example.com/a.png\">фото</a> &lt;b&gt;сырой&lt;/b&gt; a || b";
    assert_eq!(html(given), wanted);
}

#[test]
fn long_code_becomes_several_whole_blocks() {
    let code = "let слово = 1;\n".repeat(400);
    let messages = markdown(&format!("до\n\n```rust\n{code}```\n\nпосле")).messages(MESSAGE_UNITS_MAX);
    assert!(messages.len() >= 2);
    for message in &messages {
        assert_eq!(message.matches("<pre><code class=\"language-rust\">").count(), 1, "{message}");
        assert_eq!(message.matches("</code></pre>").count(), 1);
        assert!(units(&visible(message).unwrap()) <= MESSAGE_UNITS_MAX);
    }
    let lines: usize = messages.iter().map(|message| message.matches("let слово = 1;").count()).sum();
    assert_eq!(lines, 400, "no line is lost");
}

/// Pieces that mean something in Markdown, in HTML or to Telegram, and plain words between them.
fn fragment() -> impl Strategy<Value = String> {
    let signs = prop::sample::select(vec![
        "*",
        "**",
        "***",
        "_",
        "__",
        "~~",
        "||",
        "`",
        "```",
        "```rust\n",
        "\n```\n",
        "[",
        "](",
        ")",
        "](https://a.b/?x=1&y=\"2\")",
        "](javascript:x)",
        "![",
        "<b>",
        "</b>",
        "<script>",
        "&",
        "&amp;",
        "&#0;",
        ">",
        "\n> ",
        "\n>> ",
        "\n- ",
        "\n  - ",
        "\n1. ",
        "\n3) ",
        "\n# ",
        "\n\n",
        "\n",
        "\n---\n",
        "\n|a|b|\n|-|-|\n|",
        "|",
        "\\",
        "\u{200b}",
        "\u{0}",
        "\t",
        "    ",
        "<https://x.y>",
        "<a@b.cd>",
        "😀",
        "\u{202e}",
        "- [x] ",
        "$",
        "[^1]",
        "\r\n",
        "](tg://resolve?domain=a)",
        "\u{feff}",
        "`` ` ``",
        "<pre>",
        "</code>",
        "\n<div>\n",
    ]);
    prop_oneof![
        4 => signs.prop_map(str::to_owned),
        3 => "[a-zа-я ]{1,12}",
        1 => "\\PC{0,20}",
        1 => (1_usize..60).prop_map(|times| "слово ".repeat(times)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_markdown_parses_and_fits(pieces in prop::collection::vec(fragment(), 0..60), limit in 40_usize..600) {
        let text = pieces.concat();
        for units_max in [limit, MESSAGE_UNITS_MAX] {
            for message in markdown(&text).messages(units_max) {
                let seen = visible(&message).map_err(|error| TestCaseError::fail(format!("{error}: {message}")))?;
                prop_assert!(units(&seen) <= units_max, "{} units: {message}", units(&seen));
                prop_assert!(!seen.trim().is_empty(), "an empty message of {text:?}");
            }
        }
    }

    #[test]
    fn no_word_is_lost(words in prop::collection::vec("[a-zа-я]{3,9}", 1..200), limit in 20_usize..200) {
        let text = words.join(" ");
        let messages = markdown(&text).messages(limit);
        let seen: Vec<String> = messages.iter().map(|message| visible(message).unwrap()).collect();
        prop_assert_eq!(seen.join(" "), text);
    }
}
