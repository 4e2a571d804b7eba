//! How far a post has come.

use serde::{Deserialize, Serialize};

/// A post's stage; stored as its integer in `posts.stage`. The integers never change meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Ingested = 0,
    Parsed = 1,
    Tagged = 2,
    Enriched = 3,
    Indexed = 4,
}

impl Stage {
    pub const ALL: [Stage; 5] = [
        Stage::Ingested,
        Stage::Parsed,
        Stage::Tagged,
        Stage::Enriched,
        Stage::Indexed,
    ];

    /// The stage that comes after this one; `None` at the end.
    pub fn next(self) -> Option<Stage> {
        match self {
            Stage::Ingested => Some(Stage::Parsed),
            Stage::Parsed => Some(Stage::Tagged),
            Stage::Tagged => Some(Stage::Enriched),
            Stage::Enriched => Some(Stage::Indexed),
            Stage::Indexed => None,
        }
    }

    /// The public event that reaching this stage emits; the only source of these names.
    pub fn event_name(self) -> Option<&'static str> {
        match self {
            Stage::Ingested => None,
            Stage::Parsed => Some("posts.parsed"),
            Stage::Tagged => Some("posts.tagged"),
            Stage::Enriched => Some("posts.enriched"),
            Stage::Indexed => Some("posts.indexed"),
        }
    }

    /// Reads the stored integer.
    pub fn from_i64(value: i64) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| *stage as i64 == value)
    }
}
