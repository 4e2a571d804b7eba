//! How far a post has come.

use serde::{Deserialize, Serialize};

use super::Event;

/// A post's stage; stored as its integer in `posts.stage`. The integers never change meaning.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Ingested = 0,
    Parsed = 1,
    Tagged = 2,
    Enriched = 3,
    Indexed = 4,
}

impl Stage {
    pub const ALL: [Stage; 5] =
        [Stage::Ingested, Stage::Parsed, Stage::Tagged, Stage::Enriched, Stage::Indexed];

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

    /// The public event that reaching this stage emits.
    pub fn event(self) -> Option<Event> {
        match self {
            Stage::Ingested => None,
            Stage::Parsed => Some(Event::PostsParsed),
            Stage::Tagged => Some(Event::PostsTagged),
            Stage::Enriched => Some(Event::PostsEnriched),
            Stage::Indexed => Some(Event::PostsIndexed),
        }
    }

    /// The wire name of reaching this stage; the only source of these names.
    pub fn event_name(self) -> Option<&'static str> {
        self.event().map(Event::name)
    }

    /// The word for the state, as people read it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Ingested => "ingested",
            Stage::Parsed => "parsed",
            Stage::Tagged => "tagged",
            Stage::Enriched => "enriched",
            Stage::Indexed => "indexed",
        }
    }

    /// Reads the stored integer.
    pub fn from_i64(value: i64) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| *stage as i64 == value)
    }
}
