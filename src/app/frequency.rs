//! How common a stem is in a tenant, answered by the full-text index and remembered for a while.
//!
//! Derived and approximate on purpose: a frequency is asked once and reused until the index has grown by a fifth. While the
//! index is small it tells nothing of a large import's first posts, so these are counted among themselves.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use crate::{
    model::Post,
    search::FullText,
    text::{self, DocumentFrequency},
};

/// Stems remembered at most.
const STEMS_MAX: usize = 200_000;

/// From so many posts on the index alone tells how common a word is.
const DOCUMENTS_TELLING: u64 = 2_000;

/// Remembered frequencies of one tenant.
#[derive(Debug, Default)]
pub(super) struct FrequencyCache(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    documents: u64,
    by_stem: HashMap<String, u64>,
}

impl FrequencyCache {
    /// Stems that are remembered.
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).by_stem.len()
    }

    /// The view of this moment.
    pub(super) fn over<'a>(&'a self, fulltext: &'a FullText) -> Frequencies<'a> {
        let documents = fulltext.documents();
        let mut remembered = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let stale =
            documents > remembered.documents + remembered.documents / 5 || documents < remembered.documents;
        if stale || remembered.by_stem.len() > STEMS_MAX {
            remembered.by_stem.clear();
            remembered.documents = documents;
        }
        Frequencies { cache: self, fulltext, documents }
    }
}

/// Document frequencies as the tagger and the answerer ask for them.
pub struct Frequencies<'a> {
    cache: &'a FrequencyCache,
    fulltext: &'a FullText,
    documents: u64,
}

impl DocumentFrequency for Frequencies<'_> {
    fn documents(&self) -> u64 {
        self.documents
    }

    fn frequency(&self, stem: &str) -> u64 {
        let mut remembered = self.cache.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = remembered.by_stem.get(stem) {
            return *known;
        }
        // An index that cannot answer makes every stem look new, which is how a fresh tenant looks.
        let found = self.fulltext.document_frequency(stem).unwrap_or(0);
        remembered.by_stem.insert(stem.to_owned(), found);
        found
    }
}

/// The frequencies in the index and in the posts that are on their way into it together. Without it thousands of posts, all
/// tagged before the first of them is indexed, would each bring tags of their own.
pub struct BatchFrequencies<'a> {
    index: &'a Frequencies<'a>,
    posts: u64,
    by_stem: HashMap<String, u64>,
}

impl<'a> BatchFrequencies<'a> {
    /// Counts the posts' stems where the index is too small to tell.
    pub fn over(index: &'a Frequencies<'a>, posts: &[Post]) -> Self {
        let mut batch = Self { index, posts: 0, by_stem: HashMap::new() };
        if index.documents() >= DOCUMENTS_TELLING {
            return batch;
        }
        for post in posts {
            let stems: HashSet<String> = text::terms(&post.text).into_iter().map(|term| term.text).collect();
            for stem in stems {
                *batch.by_stem.entry(stem).or_default() += 1;
            }
        }
        batch.posts = posts.len() as u64;
        batch
    }
}

impl DocumentFrequency for BatchFrequencies<'_> {
    /// The others: a post does not make its own words common.
    fn documents(&self) -> u64 {
        self.index.documents() + self.posts.saturating_sub(1)
    }

    fn frequency(&self, stem: &str) -> u64 {
        let others = self.by_stem.get(stem).map_or(0, |count| count.saturating_sub(1));
        self.index.frequency(stem) + others
    }
}
