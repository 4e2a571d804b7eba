//! Posts that belong with a post, and why: forwards of the same original, links to the same page, shared tags.
//!
//! Of the caller's channels only, like every list.

use std::collections::HashMap;

use serde::Serialize;

use super::{
    Error, Tenant,
    posts::{PostView, post_view},
};
use crate::{
    model::{ChannelSet, PostId},
    store::{Related, Relation},
};

/// Posts one list has at most.
pub const RELATED_MAX: usize = 20;

/// A post that belongs with another.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RelatedView {
    /// The strongest reason first, each once.
    pub why: Vec<Relation>,
    pub post: PostView,
}

impl Tenant {
    /// The posts that belong with a post: forwards first, then those that link to the same page, then those that share tags; of equals
    /// the newer.
    pub fn post_related(
        &self,
        id: PostId,
        channels: &ChannelSet,
        limit: usize,
    ) -> Result<Vec<RelatedView>, Error> {
        self.store.post_find(id, channels)?.ok_or_else(|| Error::NotFound(format!("no post {id}")))?;
        let related = self.store.related_list(id, channels, limit.clamp(1, RELATED_MAX))?;
        let ids: Vec<PostId> = related.iter().map(|related| related.post).collect();
        let mut why: HashMap<PostId, Vec<Relation>> =
            related.into_iter().map(|Related { post, why }| (post, why)).collect();
        let map = self.channel_map()?;
        let posts =
            self.store.posts_load(&ids)?.into_iter().filter(|post| channels.contains(post.channel_id));
        Ok(posts
            .map(|post| RelatedView {
                why: why.remove(&post.id).unwrap_or_default(),
                post: post_view(post, &map),
            })
            .collect())
    }
}
