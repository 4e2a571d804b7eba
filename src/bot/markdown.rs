//! Markdown, as language models write it, to text with styles.
//!
//! Whatever comes in, something readable comes out: a form Telegram does not have is shown by its text. `||…||` is a spoiler.
//! Pure.

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::rich::{Code, Rich, Style, allowed, language};

/// How deep lists are indented at most.
const INDENT_LEVELS_MAX: usize = 5;
/// Between the cells of a table's row.
const CELL_GAP: &str = " | ";
const RULE: &str = "———";

/// Reads Markdown.
pub fn markdown(text: &str) -> Rich {
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    let mut writer = Writer::default();
    for event in Parser::new_ext(text, options) {
        writer.event(event);
    }
    let from = writer.block;
    writer.spoilers(from);
    writer.out
}

#[derive(Default)]
struct Writer {
    out: Rich,
    /// Newlines due before the next text.
    due: usize,
    /// The lists we are in; the number of the next item in an ordered one.
    lists: Vec<Option<u64>>,
    /// A bullet was just written: what follows stands beside it.
    fresh: bool,
    bold: usize,
    italic: usize,
    strike: usize,
    quote: usize,
    block_code: Option<Code>,
    links: Vec<Option<String>>,
    cells: usize,
    /// Where the current block's runs begin.
    block: usize,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                let style = Style { code: Code::Inline, ..self.style() };
                self.push(&text, style);
            }
            Event::FootnoteReference(name) => self.text(&format!("[{name}]")),
            Event::SoftBreak | Event::HardBreak => self.text("\n"),
            Event::Rule => {
                self.gap(2);
                self.text(RULE);
                self.gap(2);
            }
            Event::TaskListMarker(done) => self.text(if done { "☑ " } else { "☐ " }),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.block_begin(),
            Tag::Heading { .. } => {
                self.block_begin();
                self.bold += 1;
            }
            Tag::BlockQuote(_) => {
                self.block_begin();
                self.quote += 1;
            }
            Tag::CodeBlock(kind) => {
                self.block_begin();
                let language = match &kind {
                    CodeBlockKind::Fenced(info) => language(info),
                    CodeBlockKind::Indented => None,
                };
                self.block_code = Some(Code::Block(language));
            }
            Tag::List(first) => {
                self.gap(if self.lists.is_empty() { 2 } else { 1 });
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Table(_) => {
                self.gap(2);
            }
            Tag::TableHead | Tag::TableRow => {
                self.gap(1);
                self.cells = 0;
                self.bold += usize::from(tag == Tag::TableHead);
            }
            Tag::TableCell => {
                if self.cells > 0 {
                    self.text(CELL_GAP);
                }
                self.cells += 1;
            }
            Tag::Emphasis => self.italic += 1,
            Tag::Strong => self.bold += 1,
            Tag::Strikethrough => self.strike += 1,
            Tag::Link { link_type, dest_url, .. } => {
                let address = match link_type {
                    LinkType::Email => allowed(&format!("mailto:{dest_url}")),
                    LinkType::Inline
                    | LinkType::Reference
                    | LinkType::ReferenceUnknown
                    | LinkType::Collapsed
                    | LinkType::CollapsedUnknown
                    | LinkType::Shortcut
                    | LinkType::ShortcutUnknown
                    | LinkType::Autolink
                    | LinkType::WikiLink { .. } => allowed(&dest_url),
                };
                self.links.push(address);
            }
            Tag::Image { dest_url, .. } => self.links.push(allowed(&dest_url)),
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.block_end(),
            TagEnd::Heading(_) => {
                self.bold = self.bold.saturating_sub(1);
                self.block_end();
            }
            TagEnd::BlockQuote(_) => {
                self.quote = self.quote.saturating_sub(1);
                self.block_end();
            }
            TagEnd::CodeBlock => {
                self.block_code = None;
                self.block_end();
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.gap(if self.lists.is_empty() { 2 } else { 1 });
            }
            TagEnd::Item => {
                self.fresh = false;
                self.block_end();
            }
            TagEnd::Table => {
                self.block_end();
            }
            TagEnd::Emphasis => self.italic = self.italic.saturating_sub(1),
            TagEnd::TableHead | TagEnd::Strong => self.bold = self.bold.saturating_sub(1),
            TagEnd::Strikethrough => self.strike = self.strike.saturating_sub(1),
            TagEnd::Link | TagEnd::Image => {
                self.links.pop();
            }
            TagEnd::TableRow
            | TagEnd::TableCell
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    fn item(&mut self) {
        self.gap(1);
        let level = self.lists.len().saturating_sub(1).min(INDENT_LEVELS_MAX);
        let bullet = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}) ", *number - 1)
            }
            Some(None) | None => "• ".to_owned(),
        };
        let style = Style { quote: self.quote > 0, ..Style::default() };
        self.push(&format!("{}{bullet}", "  ".repeat(level)), style);
        self.block = self.out.runs.len();
        self.fresh = true;
    }

    fn block_begin(&mut self) {
        if std::mem::take(&mut self.fresh) {
            return;
        }
        self.gap(if self.lists.is_empty() { 2 } else { 1 });
        let from = self.block;
        self.spoilers(from);
    }

    fn block_end(&mut self) {
        let from = self.block;
        self.spoilers(from);
        self.gap(if self.lists.is_empty() { 2 } else { 1 });
    }

    fn gap(&mut self, lines: usize) {
        self.due = self.due.max(lines);
    }

    fn text(&mut self, text: &str) {
        self.fresh = false;
        match self.block_code.clone() {
            Some(code) => self.push(text, Style { code, ..Style::default() }),
            None => self.push(text, self.style()),
        }
    }

    fn push(&mut self, text: &str, style: Style) {
        let due = std::mem::take(&mut self.due);
        if due > 0 && !self.out.runs.is_empty() {
            // Within one quotation the lines between its paragraphs belong to it.
            let quote = style.quote && self.out.runs.last().is_some_and(|run| run.style.quote);
            let had =
                self.out.runs.last().map_or(0, |run| run.text.len() - run.text.trim_end_matches('\n').len());
            self.out.push(&"\n".repeat(due.saturating_sub(had)), Style { quote, ..Style::default() });
        }
        self.out.push(text, style);
    }

    fn style(&self) -> Style {
        Style {
            bold: self.bold > 0,
            italic: self.italic > 0,
            strike: self.strike > 0,
            spoiler: false,
            quote: self.quote > 0,
            code: Code::None,
            link: self.links.iter().rev().flatten().next().cloned(),
        }
    }

    /// Makes spoilers of what stands between pairs of `||` in the runs from `from` on.
    fn spoilers(&mut self, from: usize) {
        let from = from.min(self.out.runs.len());
        let runs = self.out.runs.split_off(from);
        let marks: usize = runs
            .iter()
            .filter(|run| run.style.code == Code::None)
            .map(|run| run.text.matches("||").count())
            .sum();
        let (mut left, mut hidden) = (marks & !1, false);
        for run in runs {
            if run.style.code != Code::None {
                self.out.push(&run.text, run.style);
                continue;
            }
            let mut pieces = run.text.split("||").peekable();
            while let Some(piece) = pieces.next() {
                let spoiler = hidden || run.style.spoiler;
                self.out.push(piece, Style { spoiler, ..run.style.clone() });
                if pieces.peek().is_some() {
                    if left > 0 {
                        left -= 1;
                        hidden = !hidden;
                    } else {
                        self.out.push("||", run.style.clone());
                    }
                }
            }
        }
        self.block = self.out.runs.len();
    }
}
