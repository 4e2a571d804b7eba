//! How common a stem is in a tenant, answered by the full-text index and remembered for a while.
//!
//! Derived and approximate on purpose: a frequency is asked once and reused until the index has grown by a fifth.

use std::{collections::HashMap, sync::Mutex};

use crate::{search::FullText, text::DocumentFrequency};

/// Stems remembered at most.
const STEMS_MAX: usize = 200_000;

/// Remembered frequencies of one tenant.
#[derive(Debug, Default)]
pub(super) struct FrequencyCache(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    documents: u64,
    by_stem: HashMap<String, u64>,
}

impl FrequencyCache {
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
