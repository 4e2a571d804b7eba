//! What a search may return: channels, tags, dates.
//!
//! Pure. The caller's channels are not optional here, so that no search can forget them.

use std::collections::BTreeSet;

use crate::model::{ChannelSet, PostId};

/// Limits a full-text search. Conditions add up: a post must meet all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// The channels the caller may see, already narrowed to those asked for.
    pub channels: ChannelSet,
    /// The post carries each of these tags under at least one of its names, given as keys (`text::tag_key`).
    pub tags: Vec<Vec<String>>,
    /// Unix seconds, inclusive.
    pub since: Option<i64>,
    /// Unix seconds, exclusive.
    pub until: Option<i64>,
}

impl Filter {
    /// All posts of these channels.
    pub fn channels(channels: ChannelSet) -> Filter {
        Filter { channels, tags: Vec::new(), since: None, until: None }
    }

    /// The same limits for the vectors. Vectors know no tags: with tags in the filter, `posts` must be what
    /// `FullText::posts_matching` returned for it.
    pub fn vectors(&self, posts: Option<BTreeSet<PostId>>) -> VectorFilter {
        VectorFilter { channels: self.channels.clone(), since: self.since, until: self.until, posts }
    }
}

/// Limits a vector search. Conditions add up.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorFilter {
    /// The channels the caller may see, already narrowed to those asked for.
    pub channels: ChannelSet,
    /// Unix seconds, inclusive.
    pub since: Option<i64>,
    /// Unix seconds, exclusive.
    pub until: Option<i64>,
    /// Only these posts (how a tag filter reaches the vectors); `None` is no limit.
    pub posts: Option<BTreeSet<PostId>>,
}

impl VectorFilter {
    /// All posts of these channels.
    pub fn channels(channels: ChannelSet) -> VectorFilter {
        VectorFilter { channels, since: None, until: None, posts: None }
    }
}
