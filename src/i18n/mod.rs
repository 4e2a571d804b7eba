//! What people read, in Russian and English: one catalogue for the bot and the Mini App.
//!
//! A text is named by its key and knows no markup; whoever shows it adds bold and links. Both languages hold the same keys with the
//! same variables, and every key is used: tests see to that, and a debug build stops at a key that is not there. Pure; knows
//! nothing of who reads.

use std::{borrow::Cow, fmt::Write as _, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use serde::{Deserialize, Serialize};
use unic_langid::LanguageIdentifier;

/// A language people can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    Ru,
    En,
}

impl Lang {
    pub const ALL: [Lang; 2] = [Lang::Ru, Lang::En];

    /// As it is stored and as Telegram writes it: ISO 639-1.
    pub fn code(self) -> &'static str {
        match self {
            Lang::Ru => "ru",
            Lang::En => "en",
        }
    }

    /// What the language calls itself.
    pub fn name(self) -> &'static str {
        match self {
            Lang::Ru => "Русский",
            Lang::En => "English",
        }
    }

    pub fn parse(code: &str) -> Option<Lang> {
        Lang::ALL.into_iter().find(|lang| lang.code() == code)
    }

    /// The language for a client that reports `code` (`ru`, `pt-br`): English where we do not speak it.
    pub fn for_client(code: Option<&str>) -> Lang {
        let base = code.and_then(|code| code.split(['-', '_']).next()).unwrap_or_default();
        Lang::parse(&base.to_ascii_lowercase()).unwrap_or(Lang::En)
    }

    /// The text of this key.
    pub fn t(self, key: &str) -> String {
        self.tx(key, &[])
    }

    /// The text of this key with its variables.
    pub fn tx(self, key: &str, values: &[(&str, Value<'_>)]) -> String {
        let bundle = bundle(self);
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            debug_assert!(false, "no text is named {key}");
            tracing::error!(key, lang = self.code(), "a text is missing");
            return key.to_owned();
        };
        let mut arguments = FluentArgs::with_capacity(values.len());
        for (name, value) in values {
            arguments.set(*name, value.fluent());
        }
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&arguments), &mut errors).into_owned();
        debug_assert!(errors.is_empty(), "{key}: {errors:?}");
        text
    }

    /// A part of the catalogue as Fluent's own source.
    pub fn source(self, part: Part) -> &'static str {
        match (part, self) {
            (Part::Bot, Lang::Ru) => include_str!("ru.ftl"),
            (Part::Bot, Lang::En) => include_str!("en.ftl"),
            (Part::App, Lang::Ru) => include_str!("app.ru.ftl"),
            (Part::App, Lang::En) => include_str!("app.en.ftl"),
            (Part::Admin, Lang::Ru) => include_str!("admin.ru.ftl"),
            (Part::Admin, Lang::En) => include_str!("admin.en.ftl"),
        }
    }

    /// A part as the Mini App reads it: the app's own comes with what all parts share.
    pub fn part_source(self, part: Part) -> String {
        self.with_shared(part, self.source(part))
    }

    /// `text`, which is this part, with what all parts share before it.
    pub fn with_shared(self, part: Part, text: &str) -> String {
        let shared = self.source(Part::Bot).split("\n## ").nth(1).unwrap_or_default();
        match part {
            Part::App => format!("## {shared}\n{text}"),
            Part::Bot | Part::Admin => text.to_owned(),
        }
    }
}

/// Who shows the texts of a file. The first section of the bot's file is shared by all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Bot,
    App,
    Admin,
}

impl Part {
    pub const ALL: [Part; 3] = [Part::Bot, Part::App, Part::Admin];

    /// The part's file among the sources.
    pub fn file_name(self, lang: Lang) -> String {
        let of = match self {
            Part::Bot => "",
            Part::App => "app.",
            Part::Admin => "admin.",
        };
        format!("{of}{}.ftl", lang.code())
    }
}

/// A variable of a text. A count chooses the plural form.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Text(Cow<'a, str>),
    Count(i64),
}

impl Value<'_> {
    fn fluent(&self) -> FluentValue<'_> {
        match self {
            Value::Text(text) => FluentValue::from(text.as_ref()),
            Value::Count(count) => FluentValue::from(*count),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Value::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Value::Text(Cow::Owned(text))
    }
}

impl From<i64> for Value<'_> {
    fn from(count: i64) -> Self {
        Value::Count(count)
    }
}

impl From<u32> for Value<'_> {
    fn from(count: u32) -> Self {
        Value::Count(i64::from(count))
    }
}

impl From<u64> for Value<'_> {
    fn from(count: u64) -> Self {
        Value::Count(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value<'_> {
    fn from(count: usize) -> Self {
        Value::Count(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// A number of four digits or more in groups of three, with a space that does not break: it is longer than the eye counts.
fn grouped(value: &FluentValue<'_>) -> Option<String> {
    let FluentValue::Number(number) = value else { return None };
    let digits = number.value.abs();
    if digits < 10_000.0 || digits.fract() != 0.0 {
        return None;
    }
    let text = format!("{digits:.0}");
    let mut out = if number.value < 0.0 { "-".to_owned() } else { String::new() };
    for (place, digit) in text.char_indices() {
        if place > 0 && (text.len() - place).is_multiple_of(3) {
            out.push('\u{a0}');
        }
        let _ = write!(out, "{digit}");
    }
    Some(out)
}

type Bundle = FluentBundle<FluentResource>;

fn bundle(lang: Lang) -> &'static Bundle {
    static RU: LazyLock<Bundle> = LazyLock::new(|| built(Lang::Ru));
    static EN: LazyLock<Bundle> = LazyLock::new(|| built(Lang::En));
    match lang {
        Lang::Ru => &RU,
        Lang::En => &EN,
    }
}

/// What cannot be read of a catalogue is left out here and fails the test of the catalogues.
fn built(lang: Lang) -> Bundle {
    let id: LanguageIdentifier = lang.code().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Telegram and browsers order mixed directions by themselves; the marks would be counted as characters.
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(|value, _| grouped(value)));
    for part in Part::ALL {
        let source = lang.source(part).to_owned();
        let resource = FluentResource::try_new(source).unwrap_or_else(|(resource, errors)| {
            debug_assert!(errors.is_empty(), "{}: {errors:?}", lang.code());
            resource
        });
        if let Err(errors) = bundle.add_resource(resource) {
            debug_assert!(errors.is_empty(), "{}: {errors:?}", lang.code());
        }
    }
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_choose_their_form_in_both_languages() {
        let ru = |n: i64| Lang::Ru.tx("count-posts", &[("n", n.into())]);
        assert_eq!([ru(1), ru(3), ru(11), ru(25)], ["1 пост", "3 поста", "11 постов", "25 постов"]);
        let en = |n: i64| Lang::En.tx("count-posts", &[("n", n.into())]);
        assert_eq!([en(1), en(2)], ["1 post", "2 posts"]);
        assert_eq!(ru(1_234_567), "1\u{a0}234\u{a0}567 постов");
    }

    #[test]
    fn a_client_reads_its_language_or_english() {
        assert_eq!(Lang::for_client(Some("ru-RU")), Lang::Ru);
        assert_eq!(Lang::for_client(Some("pt-br")), Lang::En);
        assert_eq!(Lang::for_client(None), Lang::En);
    }
}
