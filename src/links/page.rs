//! What a person would read on a page: its title, what it says of itself, its running text.
//!
//! Pure. Works on the stream of tags and never builds a tree: a tree built by the rules of HTML takes quadratic time on some
//! pages, and walking one that is nested a hundred thousand deep overflows the stack, which no caller can catch. Here memory is
//! a few counters and the text.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

use super::{Fetched, Refusal, charset};

/// Letters of text kept of one page.
pub const TEXT_CHARS_MAX: usize = 20_000;
/// Letters of the title and of the description.
const LINE_CHARS_MAX: usize = 500;
/// Letters an article must have; with fewer, what stands around it is read as well.
const ARTICLE_CHARS_MIN: usize = 250;
/// Letters a block needs to be a paragraph and not a label or a button.
const BLOCK_CHARS_MIN: usize = 40;
/// Share of a block's letters that may be links, in hundredths; above it is a list of other pages.
const LINKED_PERCENT_MAX: usize = 50;

/// A page that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pub title: String,
    pub description: String,
    /// The name of the site.
    pub site: String,
    pub text: String,
    /// ISO 639-1 as the page says.
    pub language: Option<String>,
}

/// Reads a page; [`Refusal::Empty`] where there is nothing to read.
pub fn page_read(fetched: &Fetched) -> Result<Page, Refusal> {
    let host = fetched.address.url().host_str().unwrap_or_default();
    let source = charset::decode(&fetched.body, fetched.charset.as_deref(), host);
    let page = if fetched.html {
        html_read(&source)
    } else {
        Page { text: clipped(source.trim(), TEXT_CHARS_MAX), ..Page::default() }
    };
    if page.title.is_empty() && page.text.is_empty() && page.description.is_empty() {
        return Err(Refusal::Empty);
    }
    Ok(page)
}

fn html_read(source: &str) -> Page {
    let mut emitter = DefaultEmitter::default();
    // The content of scripts and styles is not markup.
    emitter.naively_switch_states(true);
    let mut reader = Reader::default();
    for Ok(token) in Tokenizer::new_with_emitter(source, emitter) {
        match token {
            Token::StartTag(tag) => reader.open(&tag),
            Token::EndTag(tag) => reader.close(&tag.name),
            Token::String(text) => reader.text(&String::from_utf8_lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    reader.page()
}

/// A run of text between two tags that break lines.
#[derive(Debug, Default)]
struct Block {
    text: String,
    linked_chars: usize,
    in_article: bool,
    heading: bool,
}

#[derive(Debug, Default)]
struct Reader {
    blocks: Vec<Block>,
    block: Block,
    chars: usize,
    title: String,
    og_title: String,
    first_heading: String,
    description: String,
    og_description: String,
    site: String,
    language: Option<String>,
    in_title: bool,
    /// The title was read; a second one is a mistake of the page.
    titled: bool,
    /// The tag whose content is passed over, and how often it is open.
    passing: Option<(Vec<u8>, u32)>,
    /// How many `article` and `main` are open.
    articles: u32,
    links: u32,
    heading: bool,
}

impl Reader {
    fn open(&mut self, tag: &StartTag<()>) {
        let name: &[u8] = &tag.name;
        if let Some((passed, depth)) = &mut self.passing {
            *depth += u32::from(passed == name && !tag.self_closing);
            return;
        }
        match name {
            b"html" => self.language = attribute(tag, b"lang").and_then(|lang| language(&lang)),
            b"meta" => self.meta(tag),
            b"title" => self.in_title = true,
            b"article" | b"main" => {
                self.flush();
                self.articles += 1;
            }
            b"a" => self.links += 1,
            b"h1" | b"h2" | b"h3" | b"h4" => {
                self.flush();
                self.heading = true;
            }
            _ if is_passed(name) && !tag.self_closing => {
                self.flush();
                self.passing = Some((name.to_owned(), 1));
            }
            _ if is_breaking(name) => self.flush(),
            _ => {}
        }
    }

    fn close(&mut self, name: &[u8]) {
        if let Some((passed, depth)) = &mut self.passing {
            if passed == name {
                *depth -= 1;
                if *depth == 0 {
                    self.passing = None;
                }
            }
            return;
        }
        match name {
            b"title" => {
                self.in_title = false;
                self.titled = !self.title.is_empty();
            }
            b"article" | b"main" => {
                self.flush();
                self.articles = self.articles.saturating_sub(1);
            }
            b"a" => self.links = self.links.saturating_sub(1),
            b"h1" | b"h2" | b"h3" | b"h4" => {
                self.flush();
                self.heading = false;
            }
            _ if is_breaking(name) => self.flush(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_title {
            if !self.titled {
                append(&mut self.title, text);
            }
        } else if self.passing.is_none() && self.chars < TEXT_CHARS_MAX * 2 {
            let added = append(&mut self.block.text, text);
            self.chars += added;
            self.block.linked_chars += if self.links > 0 { added } else { 0 };
        }
    }

    fn meta(&mut self, tag: &StartTag<()>) {
        let Some(content) = attribute(tag, b"content") else { return };
        let name = attribute(tag, b"property").or_else(|| attribute(tag, b"name")).unwrap_or_default();
        let slot = match name.to_ascii_lowercase().as_str() {
            "og:title" => &mut self.og_title,
            "og:description" => &mut self.og_description,
            "og:site_name" => &mut self.site,
            "description" => &mut self.description,
            _ => return,
        };
        if slot.is_empty() {
            append(slot, &content);
        }
    }

    /// Ends the block.
    fn flush(&mut self) {
        let mut block = std::mem::take(&mut self.block);
        block.text.truncate(block.text.trim_end().len());
        if block.text.is_empty() {
            return;
        }
        block.in_article = self.articles > 0;
        block.heading = self.heading;
        if self.heading && self.first_heading.is_empty() {
            self.first_heading.clone_from(&block.text);
        }
        self.blocks.push(block);
    }

    fn page(mut self) -> Page {
        self.flush();
        let article = joined(&self.blocks, |block| block.in_article);
        let text = if article.chars().count() >= ARTICLE_CHARS_MIN {
            article
        } else {
            joined(&self.blocks, |_| true)
        };
        let first = |choices: [&str; 3]| {
            choices.into_iter().find(|text| !text.is_empty()).map(|text| clipped(text, LINE_CHARS_MAX))
        };
        Page {
            title: first([&self.og_title, self.title.trim(), &self.first_heading]).unwrap_or_default(),
            description: first([&self.og_description, &self.description, ""]).unwrap_or_default(),
            site: clipped(&self.site, LINE_CHARS_MAX),
            text,
            language: self.language,
        }
    }
}

/// The paragraphs among the blocks, each on a line of its own; a heading stays where a paragraph follows it.
fn joined(blocks: &[Block], wanted: impl Fn(&Block) -> bool) -> String {
    let mut text = String::new();
    let mut heading: Option<&str> = None;
    for block in blocks.iter().filter(|block| wanted(block)) {
        if block.heading {
            heading = Some(&block.text);
            continue;
        }
        let chars = block.text.chars().count();
        if chars < BLOCK_CHARS_MIN || block.linked_chars * 100 > chars * LINKED_PERCENT_MAX {
            continue;
        }
        for line in heading.take().into_iter().chain([block.text.as_str()]) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line);
        }
        if text.len() > TEXT_CHARS_MAX * 4 {
            break;
        }
    }
    clipped(&text, TEXT_CHARS_MAX)
}

/// Appends with every run of white space as one space; says how many letters came.
fn append(to: &mut String, text: &str) -> usize {
    let mut added = 0;
    for c in text.chars() {
        let c = if c.is_whitespace() || c.is_control() { ' ' } else { c };
        if c == ' ' && (to.is_empty() || to.ends_with(' ')) {
            continue;
        }
        to.push(c);
        added += 1;
    }
    added
}

fn clipped(text: &str, chars: usize) -> String {
    text.trim().chars().take(chars).collect()
}

fn attribute(tag: &StartTag<()>, name: &[u8]) -> Option<String> {
    tag.attributes.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
}

/// `ru-RU` → `ru`.
fn language(tag: &str) -> Option<String> {
    let code = tag.split(['-', '_']).next()?.trim().to_ascii_lowercase();
    (code.len() == 2 && code.bytes().all(|b| b.is_ascii_lowercase())).then_some(code)
}

/// Tags whose content nobody reads as text.
fn is_passed(name: &[u8]) -> bool {
    matches!(
        name,
        b"script"
            | b"style"
            | b"noscript"
            | b"template"
            | b"svg"
            | b"math"
            | b"nav"
            | b"footer"
            | b"aside"
            | b"form"
            | b"button"
            | b"select"
            | b"textarea"
            | b"iframe"
            | b"object"
            | b"video"
            | b"audio"
            | b"canvas"
            | b"dialog"
            | b"menu"
    )
}

/// Tags that break a line.
fn is_breaking(name: &[u8]) -> bool {
    matches!(
        name,
        b"p" | b"div"
            | b"section"
            | b"header"
            | b"li"
            | b"ul"
            | b"ol"
            | b"dl"
            | b"dt"
            | b"dd"
            | b"table"
            | b"tr"
            | b"td"
            | b"th"
            | b"blockquote"
            | b"pre"
            | b"figure"
            | b"figcaption"
            | b"br"
            | b"hr"
            | b"h5"
            | b"h6"
            | b"body"
            | b"head"
            | b"address"
    )
}

#[cfg(test)]
mod tests;
