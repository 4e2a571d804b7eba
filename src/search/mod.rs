//! Search over one tenant's posts: full text, vectors, and the mix of both.
//!
//! Knows `model` and `text` and nothing else of ours: no SQL, no clock, no queue, no threads of its own. What is here is
//! derived: every directory this module writes may be deleted and is rebuilt by the application from `tenant.db`.
//!
//! Invariants: a word is cut, folded and stemmed by `text::terms` on both sides, so what the index stores a question finds;
//! the caller's channels are part of every filter; a list never holds one post twice; scores are only comparable within one
//! list until [`fuse`] has put them on one scale.
//!
//! Crash behaviour: [`FullText`] shows the state of its last commit after any kill; [`Vectors`] lives in memory and is
//! refilled at start, its graph dump is used only when its checksums match.

mod drift;
mod error;
mod filter;
mod fulltext;
mod fusion;
mod link;
mod percolator;
mod query;
mod vectors;

pub use drift::Drift;
pub use error::Error;
pub use filter::{Filter, VectorFilter};
pub use fulltext::{Document, FullText, FullTextSettings, HITS_MAX, Weights};
pub use fusion::{CANDIDATES, Fused, FusionSettings, Recency, fuse, fuse_rrf, trust};
pub use link::{fulltext_link, graphs_link};
pub use percolator::{Fit, Percolator, PostWords};
pub use query::{Clause, QUERY_CHARS_MAX, Query};
pub use vectors::{BuildOutcome, Encoding, VECTOR_HITS_MAX, VectorRow, VectorSettings, Vectors};

use crate::model::PostId;

/// A post in a result list. Higher is better; what the number means depends on the list (BM25 sum, cosine).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    pub post_id: PostId,
    pub score: f32,
}

/// A page of results and how many posts match in all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Best first; ties by post id, newest first.
    pub hits: Vec<Hit>,
    /// Posts that match at all, not only those in `hits`.
    pub total: u64,
    /// How much of the query the best post holds, by weight of words, 0 to 1.
    pub coverage: f32,
}

/// Best first, ties by post id, newest first: one order everywhere, so that a page never depends on how an index is laid out.
fn best_first(a: &Hit, b: &Hit) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then_with(|| b.post_id.cmp(&a.post_id))
}
