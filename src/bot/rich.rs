//! Text with styles, and its form for Telegram: HTML that always parses, in messages of a bounded length.
//!
//! Tags are written from the style of each piece in one fixed order, so they are balanced in every message by construction. Code
//! bears no other style. Pure.

use std::fmt::Write as _;

/// Longest text of one message as Telegram counts it: UTF-16 units, without tags.
pub const MESSAGE_UNITS_MAX: usize = 4096;
/// Schemes a link may have; one of another kind is shown as its text alone.
const SCHEMES: [&str; 5] = ["http", "https", "tg", "mailto", "tel"];
/// Longest address a link keeps, bytes.
const LINK_BYTES_MAX: usize = 2048;
/// Longest name of a code block's language.
const LANGUAGE_CHARS_MAX: usize = 32;

/// Whether a piece is code, and of which kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Code {
    #[default]
    None,
    Inline,
    /// A block, with its language.
    Block(Option<String>),
}

/// How a piece looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Style {
    pub bold: bool,
    pub italic: bool,
    pub strike: bool,
    pub spoiler: bool,
    pub quote: bool,
    pub code: Code,
    pub link: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) text: String,
    pub(super) style: Style,
}

/// A text with styles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rich {
    pub(super) runs: Vec<Run>,
}

/// An opened tag.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tag {
    Quote,
    Block(Option<String>),
    Code,
    Link(String),
    Bold,
    Italic,
    Strike,
    Spoiler,
}

impl Rich {
    pub fn new() -> Self {
        Self::default()
    }

    /// Plain text.
    #[must_use]
    pub fn text(self, text: impl AsRef<str>) -> Self {
        self.styled(text, Style::default())
    }

    #[must_use]
    pub fn bold(self, text: impl AsRef<str>) -> Self {
        self.styled(text, Style { bold: true, ..Style::default() })
    }

    #[must_use]
    pub fn italic(self, text: impl AsRef<str>) -> Self {
        self.styled(text, Style { italic: true, ..Style::default() })
    }

    #[must_use]
    pub fn code(self, text: impl AsRef<str>) -> Self {
        self.styled(text, Style { code: Code::Inline, ..Style::default() })
    }

    /// A link; where the address is none that may be shown, its text.
    #[must_use]
    pub fn link(self, text: impl AsRef<str>, address: &str) -> Self {
        self.styled(text, Style { link: allowed(address), ..Style::default() })
    }

    /// A new line.
    #[must_use]
    pub fn line(self) -> Self {
        self.text("\n")
    }

    /// A new paragraph.
    #[must_use]
    pub fn gap(self) -> Self {
        self.text("\n\n")
    }

    /// Another text behind this one.
    #[must_use]
    pub fn then(mut self, other: Rich) -> Self {
        for run in other.runs {
            self.push(&run.text, run.style);
        }
        self
    }

    #[must_use]
    pub fn styled(mut self, text: impl AsRef<str>, style: Style) -> Self {
        self.push(text.as_ref(), style);
        self
    }

    pub fn is_empty(&self) -> bool {
        self.runs.iter().all(|run| is_blank(&run.text))
    }

    pub(super) fn push(&mut self, text: &str, style: Style) {
        let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        if text.is_empty() {
            return;
        }
        match self.runs.last_mut() {
            Some(last) if last.style == style => last.text.push_str(&text),
            Some(_) | None => self.runs.push(Run { text, style }),
        }
    }

    /// The messages that show it, in order, each at most `units_max` UTF-16 units; nothing visible makes none.
    pub fn messages(&self, units_max: usize) -> Vec<String> {
        let text: String = self.runs.iter().map(|run| run.text.as_str()).collect();
        let mut messages = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let end = at + cut(&text[at..], units_max);
            let (from, to) = trimmed(&text, at, end, self.is_block(at));
            if !is_blank(&text[from..to]) {
                messages.push(self.html(from, to));
            }
            at = end;
        }
        messages
    }

    /// Whether this place of the text is in a code block, where indentation means something.
    fn is_block(&self, at: usize) -> bool {
        let mut start = 0;
        for run in &self.runs {
            let end = start + run.text.len();
            if at < end {
                return matches!(run.style.code, Code::Block(_));
            }
            start = end;
        }
        false
    }

    /// A range of the text as HTML.
    fn html(&self, from: usize, to: usize) -> String {
        let mut out = String::new();
        let mut open: Vec<Tag> = Vec::new();
        let mut start = 0;
        for run in &self.runs {
            let end = start + run.text.len();
            let (first, last) = (from.max(start), to.min(end));
            if first < last {
                let wanted = tags(&run.style);
                let kept = open.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
                for tag in open.drain(kept..).rev() {
                    close(&mut out, &tag);
                }
                for tag in &wanted[kept..] {
                    begin(&mut out, tag);
                    open.push(tag.clone());
                }
                escape(&mut out, &run.text[first - start..last - start]);
            }
            start = end;
        }
        for tag in open.iter().rev() {
            close(&mut out, tag);
        }
        out
    }
}

/// The tags of a style, from the outside in. Always in this order, so that what two neighbours share stays open between them.
fn tags(style: &Style) -> Vec<Tag> {
    let mut tags = Vec::new();
    if let Code::Block(language) = &style.code {
        return vec![Tag::Block(language.clone())];
    }
    if style.quote {
        tags.push(Tag::Quote);
    }
    if style.code == Code::Inline {
        tags.push(Tag::Code);
        return tags;
    }
    if let Some(address) = &style.link {
        tags.push(Tag::Link(address.clone()));
    }
    let marks = [(style.bold, Tag::Bold), (style.italic, Tag::Italic), (style.strike, Tag::Strike)];
    tags.extend(marks.into_iter().filter_map(|(is, tag)| is.then_some(tag)));
    if style.spoiler {
        tags.push(Tag::Spoiler);
    }
    tags
}

fn begin(out: &mut String, tag: &Tag) {
    match tag {
        Tag::Quote => out.push_str("<blockquote>"),
        Tag::Block(None) => out.push_str("<pre><code>"),
        Tag::Block(Some(language)) => {
            let _ = write!(out, "<pre><code class=\"language-{language}\">");
        }
        Tag::Code => out.push_str("<code>"),
        Tag::Link(address) => {
            out.push_str("<a href=\"");
            escape(out, address);
            out.push_str("\">");
        }
        Tag::Bold => out.push_str("<b>"),
        Tag::Italic => out.push_str("<i>"),
        Tag::Strike => out.push_str("<s>"),
        Tag::Spoiler => out.push_str("<tg-spoiler>"),
    }
}

fn close(out: &mut String, tag: &Tag) {
    out.push_str(match tag {
        Tag::Quote => "</blockquote>",
        Tag::Block(_) => "</code></pre>",
        Tag::Code => "</code>",
        Tag::Link(_) => "</a>",
        Tag::Bold => "</b>",
        Tag::Italic => "</i>",
        Tag::Strike => "</s>",
        Tag::Spoiler => "</tg-spoiler>",
    });
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}

/// The address, if a link may lead there.
pub(super) fn allowed(address: &str) -> Option<String> {
    let address = address.trim();
    if address.len() > LINK_BYTES_MAX || address.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return None;
    }
    let url = url::Url::parse(address).ok()?;
    SCHEMES.contains(&url.scheme()).then(|| address.to_owned())
}

/// A language's name as a tag may bear it.
pub(super) fn language(info: &str) -> Option<String> {
    let name = info.split([' ', ',', '\t']).next().unwrap_or_default();
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '_' | '-' | '.');
    let fits = !name.is_empty() && name.len() <= LANGUAGE_CHARS_MAX && name.chars().all(harmless);
    fits.then(|| name.to_ascii_lowercase())
}

/// How many bytes of `text` the next message takes: up to the last paragraph, line or sentence that fits, if that is not too early,
/// else up to the last word, however short the message gets: only what has no blank is cut within.
fn cut(text: &str, units_max: usize) -> usize {
    let mut units = 0;
    let fits = text
        .char_indices()
        .find(|(_, c)| {
            units += c.len_utf16();
            units > units_max
        })
        .map(|(at, _)| at);
    let Some(fits) = fits else { return text.len() };
    let head = &text[..fits];
    let half = fits / 2;
    for (mark, keep, early) in [("\n\n", 0, half), ("\n", 0, half), (". ", 1, half), (" ", 0, 1)] {
        if let Some(at) = head.rfind(mark).filter(|at| *at >= early) {
            return at + keep.max(1);
        }
    }
    // A limit below one character would go on for ever.
    fits.max(text.chars().next().map_or(1, char::len_utf8))
}

/// The range without blanks at its ends; in code only empty lines go.
fn trimmed(text: &str, from: usize, to: usize, in_block: bool) -> (usize, usize) {
    let part = &text[from..to];
    let begins = if in_block { part.trim_start_matches('\n') } else { part.trim_start() };
    let from = to - begins.len();
    (from, from + begins.trim_end().len())
}

/// Whether Telegram would call it empty.
fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{feff}' | '\u{2800}' | '\u{3164}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}')
            || matches!(c, '\u{180b}'..='\u{180e}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}')
            || matches!(c, '\u{e0000}'..='\u{e0fff}' | '\u{34f}' | '\u{61c}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_not_cut_where_a_blank_stands_early() {
        let messages = Rich::new().text("aaaa бббббббббб вв").messages(12);
        assert_eq!(messages, ["aaaa", "бббббббббб", "вв"]);
    }

    #[test]
    fn styles_that_overlap_are_closed_and_opened_again() {
        let mut rich = Rich::new().bold("a");
        rich.push("b", Style { bold: true, italic: true, ..Style::default() });
        rich.push("c", Style { italic: true, ..Style::default() });
        assert_eq!(rich.messages(100), ["<b>a<i>b</i></b><i>c</i>"]);
    }

    #[test]
    fn a_long_text_is_cut_where_a_reader_would() {
        let rich = Rich::new().text("one two. three four\nfive");
        assert_eq!(rich.messages(12), ["one two.", "three four", "five"]);
        let emoji = Rich::new().text("😀".repeat(5));
        assert_eq!(emoji.messages(4), ["😀😀", "😀😀", "😀"], "an emoji is two units");
    }

    #[test]
    fn nothing_visible_is_no_message() {
        assert!(Rich::new().text(" \n\u{200b}").messages(100).is_empty());
    }
}
