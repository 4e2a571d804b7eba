//! How good tags are, against an author's own.
//!
//! Pure arithmetic over texts, gold tags and a tagger given as a function; knows nothing of stores and models, so the same
//! figures come out for the appliance, a baseline and a test. No input fails.

use std::collections::HashSet;

use serde::Serialize;

use crate::text::{fold, tag_key};

/// What `tga eval tags` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TagsReport {
    /// How many texts had at least one gold tag and were counted.
    pub documents: usize,
    /// Tags equal without case (and ё = е).
    pub exact: AtCuts,
    /// Tags equal by [`tag_key`].
    pub stem: AtCuts,
    /// The share of proposed tags that occur in their text, whatever the case.
    pub substrings: f64,
}

/// The scores of the first 5 and the first 10 tags.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AtCuts {
    pub at_5: Score,
    pub at_10: Score,
}

/// Precision and recall are means over documents; `f1` is their harmonic mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// Runs `tagger(text, max)` over `(text, gold)` pairs, `max` being 10, and scores its first 5 and 10 tags.
///
/// Documents without gold are left out. With nothing to count every figure is 0, `substrings` 1.
pub fn tags_eval(
    items: &[(String, Vec<String>)],
    tagger: &mut dyn FnMut(&str, usize) -> Vec<String>,
) -> TagsReport {
    let mut exact = [Sums::default(); 2];
    let mut stem = [Sums::default(); 2];
    let mut documents = 0;
    let mut proposed = 0_usize;
    let mut found_in_text = 0_usize;
    for (text, gold) in items.iter().filter(|(_, gold)| !gold.is_empty()) {
        let mut tags = tagger(text, CUTS[1]);
        tags.truncate(CUTS[1]);
        let lowered = text.to_lowercase();
        documents += 1;
        proposed += tags.len();
        found_in_text += tags.iter().filter(|tag| lowered.contains(&tag.to_lowercase())).count();
        for (n, cut) in CUTS.into_iter().enumerate() {
            exact[n].add(&tags, gold, cut, fold);
            stem[n].add(&tags, gold, cut, tag_key);
        }
    }
    TagsReport {
        documents,
        exact: AtCuts::from_sums(exact, documents),
        stem: AtCuts::from_sums(stem, documents),
        substrings: if proposed == 0 { 1.0 } else { found_in_text as f64 / proposed as f64 },
    }
}

/// Where the lists of tags are cut.
const CUTS: [usize; 2] = [5, 10];

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    precision: f64,
    recall: f64,
}

impl Sums {
    fn add(&mut self, tags: &[String], gold: &[String], cut: usize, form: fn(&str) -> String) {
        let wanted: HashSet<String> = gold.iter().map(|tag| form(tag)).collect();
        let given: HashSet<String> = tags.iter().take(cut).map(|tag| form(tag)).collect();
        let hits = given.intersection(&wanted).count() as f64;
        if !given.is_empty() {
            self.precision += hits / given.len() as f64;
        }
        self.recall += hits / wanted.len() as f64;
    }
}

impl AtCuts {
    fn from_sums([five, ten]: [Sums; 2], documents: usize) -> Self {
        Self { at_5: Score::from_sums(five, documents), at_10: Score::from_sums(ten, documents) }
    }
}

impl Score {
    fn from_sums(sums: Sums, documents: usize) -> Self {
        let count = documents.max(1) as f64;
        let (precision, recall) = (sums.precision / count, sums.recall / count);
        let both = precision + recall;
        Self { precision, recall, f1: if both > 0.0 { 2.0 * precision * recall / both } else { 0.0 } }
    }
}
