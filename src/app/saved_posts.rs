//! Posts that people keep: only their own, only of channels they may see.
//!
//! A post that leaves (deleted, its channel no longer followed) leaves the list too; followed again, it is back.

use super::{
    Error, Tenant,
    posts::{PostPageView, PostView},
};
use crate::{
    model::{ChannelSet, MembershipId, PostId},
    store::PostSaved,
};

/// Posts one person may keep.
pub const SAVED_POSTS_MAX: usize = 2000;

impl Tenant {
    /// Keeps a post for a person; the post.
    pub fn post_save(
        &self,
        member: MembershipId,
        post: PostId,
        channels: &ChannelSet,
        now: jiff::Timestamp,
    ) -> Result<PostView, Error> {
        let view = self.post_get(post, channels)?;
        match self.store.saved_post_add(member, view.id, now, SAVED_POSTS_MAX)? {
            PostSaved::Kept => Ok(view),
            PostSaved::TooMany => {
                Err(Error::Conflict(format!("you keep {SAVED_POSTS_MAX} posts, the most; let one go first")))
            }
        }
    }

    /// Lets a post go. One that was not kept is gone already.
    pub fn post_unsave(&self, member: MembershipId, post: PostId) -> Result<(), Error> {
        self.store.saved_post_remove(member, post)?;
        Ok(())
    }

    /// A page of the posts a person keeps, the last kept first.
    pub fn saved_page(
        &self,
        member: MembershipId,
        channels: &ChannelSet,
        limit: usize,
        offset: usize,
    ) -> Result<PostPageView, Error> {
        let (ids, total) = self.store.saved_post_list(member, channels, limit, offset)?;
        let mut posts = Vec::with_capacity(ids.len());
        for id in ids {
            match self.post_get(id, channels) {
                Ok(post) => posts.push(post),
                // Deleted between the two reads.
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(PostPageView { posts, total, limit, offset })
    }

    /// Every post a person keeps, by id and address, for an export.
    pub(super) fn saved_links(&self, member: MembershipId) -> Result<Vec<serde_json::Value>, Error> {
        let page = self.saved_page(member, &ChannelSet::All, SAVED_POSTS_MAX, 0)?;
        let link = |post: PostView| serde_json::json!({ "post_id": post.id, "permalink": post.permalink });
        Ok(page.posts.into_iter().map(link).collect())
    }
}
