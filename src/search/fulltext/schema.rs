//! The fields of the full-text index and how a post becomes a document.
//!
//! Knows tantivy and `text`. Words reach tantivy already cut and stemmed, so one pass over the text feeds the stemmed, the exact
//! and the root field, on the caller's thread; `terms` carries them through tantivy's document.
//!
//! Invariant: [`FORMAT`] grows with every change that makes old documents differ from new ones: a field, the way words are
//! cut, a stemmer. Nothing of a post can be read back from the index except its id, channel and date.

use tantivy::{
    TantivyDocument,
    schema::{FAST, INDEXED},
    schema::{Field, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions},
};

use super::terms::{TERMS, joined};
use crate::{
    model::{ChannelId, Link, LinkedPage, PostId},
    text::{self, Term},
};

/// Version of the documents' shape, stored beside the index.
pub(super) const FORMAT: u32 = 3;

/// Longest text of one field that is indexed, in bytes; Telegram's own limit is 4,096 characters a message.
pub(super) const FIELD_BYTES_MAX: usize = 256 * 1024;

/// Letters of a stem that count as its root. Chosen on real posts among 4 to 6.
const ROOT_CHARS: usize = 5;

/// One post as the index takes it. Text is normalised (`text::normalise`).
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    pub post_id: PostId,
    pub channel_id: ChannelId,
    /// Unix seconds.
    pub posted_at: i64,
    pub text: &'a str,
    pub links: &'a [Link],
    /// What was read behind them.
    pub pages: &'a [LinkedPage],
    pub tags: &'a [String],
    pub author: Option<&'a str>,
    /// ISO 639-1, where known.
    pub language: Option<&'a str>,
}

/// Handles of the fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// Stems with positions.
    pub(super) text: Field,
    /// Folded forms: tells `ставки` from `ставка` where both match.
    pub(super) exact: Field,
    /// Beginnings of the stems: what words of one root share where stems differ (`взлом`, `взломщик`).
    pub(super) root: Field,
    /// Stems of the tags' words.
    pub(super) tag_words: Field,
    /// Keys of the tags, for filters.
    pub(super) tag: Field,
    /// Stems of link titles and addresses.
    pub(super) links: Field,
    /// Stems of what was read on the pages behind the links.
    pub(super) pages: Field,
    pub(super) author: Field,
    pub(super) language: Field,
    pub(super) post_id: Field,
    pub(super) channel_id: Field,
    pub(super) posted_at: Field,
}

pub(super) const POST_ID: &str = "post_id";

/// The schema and its handles.
pub(super) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let words = |option| {
        TextOptions::default()
            .set_indexing_options(TextFieldIndexing::default().set_tokenizer(TERMS).set_index_option(option))
    };
    let fields = Fields {
        text: builder.add_text_field("text", words(IndexRecordOption::WithFreqsAndPositions)),
        exact: builder.add_text_field("exact", words(IndexRecordOption::WithFreqs)),
        root: builder.add_text_field("root", words(IndexRecordOption::WithFreqs)),
        tag_words: builder.add_text_field("tag_words", words(IndexRecordOption::WithFreqs)),
        tag: builder.add_text_field("tag", STRING),
        links: builder.add_text_field("links", words(IndexRecordOption::WithFreqs)),
        pages: builder.add_text_field("pages", words(IndexRecordOption::WithFreqs)),
        author: builder.add_text_field("author", words(IndexRecordOption::WithFreqs)),
        language: builder.add_text_field("language", STRING),
        post_id: builder.add_i64_field(POST_ID, INDEXED | FAST),
        channel_id: builder.add_i64_field("channel_id", INDEXED | FAST),
        posted_at: builder.add_i64_field("posted_at", FAST),
    };
    (builder.build(), fields)
}

impl Fields {
    pub(super) fn document(&self, post: &Document<'_>) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_i64(self.post_id, post.post_id.0);
        document.add_i64(self.channel_id, post.channel_id.0);
        document.add_i64(self.posted_at, post.posted_at);
        let terms = text::terms(bounded(post.text));
        document.add_text(self.text, stems(&terms));
        document.add_text(self.exact, exact_forms(&terms));
        document.add_text(self.root, joined(&terms, |term| root(&term.text)));
        for tag in post.tags {
            document.add_text(self.tag, text::tag_key(tag));
            document.add_text(self.tag_words, stems(&text::terms(bounded(tag))));
        }
        for link in post.links {
            for part in [&link.text, &link.url] {
                document.add_text(self.links, stems(&text::terms(bounded(part))));
            }
        }
        for page in post.pages {
            for part in [&page.title, &page.description, &page.text] {
                document.add_text(self.pages, stems(&text::terms(bounded(part))));
            }
        }
        if let Some(author) = post.author {
            document.add_text(self.author, stems(&text::terms(bounded(author))));
        }
        if let Some(language) = post.language {
            document.add_text(self.language, language);
        }
        document
    }
}

/// The first letters of a stem.
pub(super) fn root(stem: &str) -> &str {
    stem.char_indices().nth(ROOT_CHARS).map_or(stem, |(end, _)| &stem[..end])
}

/// Cut at a character border.
fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(FIELD_BYTES_MAX)]
}

fn stems(terms: &[Term]) -> String {
    joined(terms, |term| &term.text)
}

fn exact_forms(terms: &[Term]) -> String {
    joined(terms, |term| &term.exact)
}
