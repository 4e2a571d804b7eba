//! Formatted text as Telegram Desktop writes it: a string, or a list of strings and `{type, text, href}` pieces.
//!
//! Pure. Formatting is flattened, addresses are kept as links, everything visible stays in the text and in order.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use crate::model::Link;

/// Flattened text and the addresses in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RichText {
    pub(super) text: String,
    pub(super) links: Vec<Link>,
}

/// One formatted piece; kinds other than links carry nothing but their text.
#[derive(Deserialize)]
struct Piece {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    href: Option<String>,
}

impl RichText {
    fn push(&mut self, piece: Piece) {
        let shown = piece.text.unwrap_or_default();
        self.text.push_str(&shown);
        match (piece.kind.as_deref(), piece.href) {
            (Some("text_link"), Some(url)) if !url.is_empty() => {
                // A link whose words are its own address is a bare one.
                let text = if shown == url { String::new() } else { shown };
                self.links.push(Link { text, url });
            }
            (Some("link"), _) if !shown.is_empty() => {
                self.links.push(Link { text: String::new(), url: shown });
            }
            _ => {}
        }
    }
}

impl<'de> Deserialize<'de> for RichText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RichTextVisitor(RichText::default()))
    }
}

struct RichTextVisitor(RichText);

impl<'de> Visitor<'de> for RichTextVisitor {
    type Value = RichText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text: a string or a list of pieces")
    }

    fn visit_str<E: de::Error>(mut self, text: &str) -> Result<RichText, E> {
        self.0.text.push_str(text);
        Ok(self.0)
    }

    fn visit_unit<E: de::Error>(self) -> Result<RichText, E> {
        Ok(self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut pieces: A) -> Result<RichText, A::Error> {
        while let Some(element) = pieces.next_element::<Element>()? {
            match element {
                Element::Plain(text) => self.0.text.push_str(&text),
                Element::Piece(piece) => self.0.push(piece),
            }
        }
        Ok(self.0)
    }
}

enum Element {
    Plain(String),
    Piece(Piece),
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a piece of text: a string or an object")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Element, E> {
        Ok(Element::Plain(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Element, E> {
        Ok(Element::Plain(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Element, A::Error> {
        Piece::deserialize(MapAccessDeserializer::new(map)).map(Element::Piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, text: &str, links: &[(&str, &str)]) {
        let rich: RichText = serde_json::from_str(json).unwrap();
        let found: Vec<(&str, &str)> = rich.links.iter().map(|l| (l.text.as_str(), l.url.as_str())).collect();
        assert_eq!((rich.text.as_str(), found.as_slice()), (text, links), "{json}");
    }

    #[test]
    fn pieces_are_flattened_and_links_kept() {
        check(r#""plain""#, "plain", &[]);
        check("null", "", &[]);
        check("[]", "", &[]);
        check(r#"["a",{"type":"bold","text":"b"},"c"]"#, "abc", &[]);
        check(
            r#"["see ",{"type":"text_link","text":"this","href":"https://e.x"},"!"]"#,
            "see this!",
            &[("this", "https://e.x")],
        );
        check(r#"[{"type":"link","text":"e.x/1"}]"#, "e.x/1", &[("", "e.x/1")]);
        check(
            r#"[{"type":"text_link","text":"https://e.x","href":"https://e.x"}]"#,
            "https://e.x",
            &[("", "https://e.x")],
        );
        check(
            r##"[{"type":"custom_emoji","text":"📹","document_id":"s/1.webp"},{"type":"hashtag","text":"#тег"},
               {"type":"mention","text":"@x"},{"type":"spoiler","text":"s"},{"type":"text_link","text":"no href"}]"##,
            "📹#тег@xsno href",
            &[],
        );
    }

    #[test]
    fn wrong_types_are_errors() {
        for json in ["3", "true", "{}", "[3]", "[[\"x\"]]", r#"[{"type":"bold","text":{}}]"#] {
            assert!(serde_json::from_str::<RichText>(json).is_err(), "{json}");
        }
    }
}
