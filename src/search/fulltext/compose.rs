//! From a parsed query and a filter to a tantivy query.
//!
//! Terms are built directly from `text::terms`; tantivy's own query language never sees a reader's words, so no input can
//! be a syntax error. Conditions of the filter weigh nothing.
//!
//! Invariant: at most [`QUERY_TERMS_MAX`] words reach the index, whatever is pasted into the search box.

use std::{collections::HashSet, ops::Bound};

use tantivy::{
    Searcher, Term as IndexTerm,
    query::{
        AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, FuzzyTermQuery, Occur, PhraseQuery,
        Query as IndexQuery, RangeQuery, TermQuery, TermSetQuery,
    },
    schema::{Field, IndexRecordOption},
};

use super::schema::{Fields, root};
use crate::{
    model::{ChannelSet, PostId},
    search::{Clause, Filter, Query},
    text::{self, Term},
};

/// Most words of a query that are looked up; the rest of a long paste adds nothing but time.
pub(super) const QUERY_TERMS_MAX: usize = 64;

/// Shortest word, in characters, for which a typo is considered.
pub(super) const TYPO_CHARS_MIN: usize = 5;

/// Up to this many different words a query is taken as a phrase of sorts, where order and completeness tell something.
pub(super) const SHORT_QUERY_WORDS_MAX: usize = 4;

/// How much each kind of agreement counts, relative to BM25 over stems = 1. Chosen on the even half of the judged queries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// The word in the very form asked for.
    pub exact: f32,
    /// A word that begins like the one asked for.
    pub root: f32,
    /// Two neighbouring words of the query close together in the post.
    pub nearby: f32,
    /// How many other words may stand between two such neighbours.
    pub nearby_slop: u32,
    /// Every word of the query occurs (added per word that way, so the post's score grows by this share).
    pub all_words: f32,
    pub tags: f32,
    pub links: f32,
    pub pages: f32,
    pub author: f32,
    /// By how much rare words count beyond their idf: a word's weight is idf to the power of one and this.
    pub rarity: f32,
    /// A word that differs by one letter, where the word itself occurs nowhere.
    pub typo: f32,
}

impl Default for Weights {
    fn default() -> Weights {
        Weights {
            exact: 0.05,
            root: 1.0,
            nearby: 0.2,
            nearby_slop: 1,
            all_words: 0.1,
            tags: 0.3,
            links: 0.3,
            pages: 0.3,
            author: 0.3,
            rarity: 0.5,
            typo: 1.0,
        }
    }
}

/// What BM25 makes of a word's idf in a post of common length that holds it once.
const ONCE: f32 = 1.2;

type Part = (Occur, Box<dyn IndexQuery>);

/// Builds queries over one state of the index (word frequencies decide where a typo is likely).
pub(super) struct Composer<'a> {
    pub(super) fields: &'a Fields,
    pub(super) weights: &'a Weights,
    pub(super) searcher: &'a Searcher,
}

impl Composer<'_> {
    /// `None` when nothing can match: no words, or no permitted channel.
    pub(super) fn query(&self, query: &Query, filter: &Filter) -> Option<Box<dyn IndexQuery>> {
        let mut parts: Vec<Part> = Vec::new();
        let mut budget = QUERY_TERMS_MAX;
        for clause in &query.clauses {
            self.clause(clause, &mut budget, &mut parts);
        }
        if parts.is_empty() {
            return None;
        }
        if parts.iter().all(|(occur, _)| *occur == Occur::MustNot) {
            parts.push((Occur::Must, weightless(Box::new(AllQuery))));
        }
        parts.extend(self.filter(filter)?);
        Some(Box::new(BooleanQuery::new(parts)))
    }

    /// The filter's conditions; `None` when they exclude everything.
    pub(super) fn filter(&self, filter: &Filter) -> Option<Vec<Part>> {
        let mut parts: Vec<Part> = Vec::new();
        match &filter.channels {
            ChannelSet::All => {}
            ChannelSet::Only(channels) if channels.is_empty() => return None,
            ChannelSet::Only(channels) => {
                let terms = channels.iter().map(|id| IndexTerm::from_field_i64(self.fields.channel_id, id.0));
                parts.push(must(Box::new(TermSetQuery::new(terms))));
            }
        }
        for keys in &filter.tags {
            let terms = keys.iter().map(|key| IndexTerm::from_field_text(self.fields.tag, key));
            parts.push(must(Box::new(TermSetQuery::new(terms))));
        }
        if filter.since.is_some() || filter.until.is_some() {
            let at = |seconds: i64| IndexTerm::from_field_i64(self.fields.posted_at, seconds);
            let since = filter.since.map_or(Bound::Unbounded, |s| Bound::Included(at(s)));
            let until = filter.until.map_or(Bound::Unbounded, |s| Bound::Excluded(at(s)));
            parts.push(must(Box::new(RangeQuery::new(since, until))));
        }
        Some(parts)
    }

    /// Only these posts.
    pub(super) fn posts(&self, posts: &[PostId]) -> Part {
        let terms = posts.iter().map(|id| IndexTerm::from_field_i64(self.fields.post_id, id.0));
        must(Box::new(TermSetQuery::new(terms)))
    }

    fn clause(&self, clause: &Clause, budget: &mut usize, parts: &mut Vec<Part>) {
        match clause {
            Clause::Words(words) => {
                let terms = Self::terms(words, budget);
                if let Some(query) = self.words(&terms) {
                    // Words rank; whether one is required is decided by there being nothing else to match.
                    parts.push((Occur::Must, query));
                }
            }
            Clause::Phrase(words) => {
                let terms = Self::terms(words, budget);
                if let Some(query) = self.phrase(&terms, 0) {
                    parts.push((Occur::Must, query));
                }
            }
            Clause::Without(words) => {
                let query = match words.strip_prefix('#') {
                    Some(tag) => self.tag(tag, budget),
                    None => self.phrase(&Self::terms(words, budget), 0),
                };
                parts.extend(query.map(|query| (Occur::MustNot, excluded(query))));
            }
            Clause::Tag(tag) => parts.extend(self.tag(tag, budget).map(|query| (Occur::Must, query))),
        }
    }

    fn terms(words: &str, budget: &mut usize) -> Vec<Term> {
        let mut terms = text::terms(words);
        terms.truncate(*budget);
        *budget -= terms.len();
        terms
    }

    /// Any of the words, and what makes one post better than another with the same words.
    fn words(&self, terms: &[Term]) -> Option<Box<dyn IndexQuery>> {
        let mut any: Vec<Part> = Vec::new();
        let mut better: Vec<Part> = Vec::new();
        let mut all: Vec<Part> = Vec::new();
        let mut seen = HashSet::new();
        for term in terms {
            if seen.insert(&term.text) {
                let rarity = self.rarity(self.fields.text, &term.text);
                self.word(term, rarity, &mut any);
                let exact = Self::term(self.fields.exact, &term.exact);
                Self::should(&mut better, exact, self.weights.exact * rarity);
                let root = root(&term.text);
                let rarity = self.rarity(self.fields.root, root);
                Self::should(&mut better, Self::term(self.fields.root, root), self.weights.root * rarity);
                all.push((Occur::Must, Self::term(self.fields.text, &term.text)));
            }
        }
        if any.is_empty() {
            return None;
        }
        if (2..=SHORT_QUERY_WORDS_MAX).contains(&all.len()) {
            // Measured on headlines as queries: in long ones nearness only adds noise, and time.
            for pair in terms.windows(2) {
                // A compound and its parts stand at one place; they are no neighbours.
                if pair[0].position < pair[1].position
                    && pair[0].text != pair[1].text
                    && let Some(near) = self.phrase(pair, self.weights.nearby_slop)
                {
                    Self::should(&mut better, near, self.weights.nearby);
                }
            }
            Self::should(&mut better, Box::new(BooleanQuery::new(all)), self.weights.all_words);
        }
        let mut parts: Vec<Part> = vec![(Occur::Must, Box::new(BooleanQuery::new(any)))];
        parts.append(&mut better);
        Some(Box::new(BooleanQuery::new(parts)))
    }

    fn should(parts: &mut Vec<Part>, query: Box<dyn IndexQuery>, weight: f32) {
        if weight > 0.0 {
            parts.push((Occur::Should, boosted(query, weight)));
        }
    }

    /// Where the word may be found; one of these makes a post a hit.
    fn word(&self, term: &Term, rarity: f32, any: &mut Vec<Part>) {
        let fields = self.fields;
        Self::should(any, Self::term(fields.text, &term.text), rarity);
        Self::should(any, Self::term(fields.tag_words, &term.text), self.weights.tags * rarity);
        Self::should(any, Self::term(fields.links, &term.text), self.weights.links * rarity);
        Self::should(any, Self::term(fields.pages, &term.text), self.weights.pages * rarity);
        Self::should(any, Self::term(fields.author, &term.text), self.weights.author * rarity);
        if self.may_be_typo(term) {
            for (field, form) in [(fields.text, &term.text), (fields.exact, &term.exact)] {
                let near = FuzzyTermQuery::new(IndexTerm::from_field_text(field, form), 1, true);
                Self::should(any, Box::new(near), self.weights.typo);
            }
        }
    }

    /// How much of the query a post of this score holds, roughly: 1 when it has every word once. What a reader demands (a
    /// phrase, a tag) is there whenever anything is found.
    pub(super) fn coverage(&self, query: &Query, score: f32) -> f32 {
        let mut whole = 0.0;
        let mut seen = HashSet::new();
        for clause in &query.clauses {
            match clause {
                Clause::Words(words) => {
                    for term in text::terms(words).into_iter().take(QUERY_TERMS_MAX) {
                        let root = root(&term.text).to_owned();
                        if seen.insert(term.text.clone()) {
                            whole += self.weight(self.fields.text, &term.text)
                                + self.weights.root * self.weight(self.fields.root, &root);
                        }
                    }
                }
                Clause::Without(_) => {}
                Clause::Phrase(_) | Clause::Tag(_) => return 1.0,
            }
        }
        if whole > 0.0 { (score / whole).min(1.0) } else { 1.0 }
    }

    /// The score of a post of common length for a word that stands in it once.
    fn weight(&self, field: Field, form: &str) -> f32 {
        let Ok(holding) = self.searcher.doc_freq(&IndexTerm::from_field_text(field, form)) else {
            return 0.0;
        };
        ONCE * idf(self.searcher.num_docs(), holding) * self.rarity(field, form)
    }

    /// What a word's weight is multiplied by: 1 for one that a single post holds, less for more frequent ones.
    fn rarity(&self, field: Field, form: &str) -> f32 {
        let Ok(holding) = self.searcher.doc_freq(&IndexTerm::from_field_text(field, form)) else {
            return 1.0;
        };
        let all = self.searcher.num_docs();
        (idf(all, holding.max(1)) / idf(all, 1)).powf(self.weights.rarity)
    }

    /// A word of letters, long enough, that no post contains in any field.
    fn may_be_typo(&self, term: &Term) -> bool {
        let letters =
            term.exact.chars().count() >= TYPO_CHARS_MIN && term.exact.chars().all(char::is_alphabetic);
        let absent = |field: Field, form: &str| {
            // An unreadable frequency is no reason to guess.
            matches!(self.searcher.doc_freq(&IndexTerm::from_field_text(field, form)), Ok(0))
        };
        letters
            && absent(self.fields.text, &term.text)
            && absent(self.fields.tag_words, &term.text)
            && absent(self.fields.links, &term.text)
            && absent(self.fields.pages, &term.text)
            && absent(self.fields.author, &term.text)
    }

    /// The words in this order, at most `slop` others between them. One word is itself.
    fn phrase(&self, terms: &[Term], slop: u32) -> Option<Box<dyn IndexQuery>> {
        match terms {
            [] => None,
            [one] => Some(Self::term(self.fields.text, &one.text)),
            [first, ..] => {
                let placed = terms
                    .iter()
                    .map(|term| {
                        let offset = term.position.saturating_sub(first.position) as usize;
                        (offset, IndexTerm::from_field_text(self.fields.text, &term.text))
                    })
                    .collect();
                Some(Box::new(PhraseQuery::new_with_offset_and_slop(placed, slop)))
            }
        }
    }

    /// The tag itself, or a hashtag in the text.
    fn tag(&self, tag: &str, budget: &mut usize) -> Option<Box<dyn IndexQuery>> {
        let key = text::tag_key(tag);
        if key.is_empty() {
            return None;
        }
        let mut any: Vec<Part> = vec![(Occur::Should, Self::term(self.fields.tag, &key))];
        let hashtag = Self::terms(&format!("#{tag}"), budget);
        any.extend(self.phrase(&hashtag, 0).map(|query| (Occur::Should, query)));
        Some(Box::new(BooleanQuery::new(any)))
    }

    fn term(field: Field, form: &str) -> Box<dyn IndexQuery> {
        let term = IndexTerm::from_field_text(field, form);
        Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
    }
}

/// As tantivy's BM25 counts it.
fn idf(all: u64, holding: u64) -> f32 {
    let (all, holding) = (all as f32, holding as f32);
    (1.0 + ((all - holding).max(0.0) + 0.5) / (holding + 0.5)).ln()
}

fn must(query: Box<dyn IndexQuery>) -> Part {
    (Occur::Must, weightless(query))
}

fn weightless(query: Box<dyn IndexQuery>) -> Box<dyn IndexQuery> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

/// tantivy 0.27 moves an excluded phrase past its end, which its own assertions forbid. Under a union of two it is moved
/// with care, so the phrase is given twice.
fn excluded(query: Box<dyn IndexQuery>) -> Box<dyn IndexQuery> {
    Box::new(BooleanQuery::union(vec![query.box_clone(), query]))
}

fn boosted(query: Box<dyn IndexQuery>, weight: f32) -> Box<dyn IndexQuery> {
    Box::new(BoostQuery::new(query, weight))
}
