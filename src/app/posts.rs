//! Posts as faces show them, their lists, their way through the stages.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{App, Error, Tenant, tenants::rfc3339};
use crate::{
    model::{Channel, ChannelId, ChannelSet, Link, LinkedPage, Post, PostDetails, PostId, Stage},
    store::{PostFilter, TagCount},
};

/// Posts one page shows at most.
pub const POSTS_LISTED_MAX: usize = 100;

/// A post as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PostView {
    pub id: PostId,
    pub channel_id: ChannelId,
    pub channel: Option<String>,
    pub channel_title: String,
    pub message_id: i64,
    pub permalink: Option<String>,
    pub posted_at: String,
    pub edited_at: Option<String>,
    pub text: String,
    pub links: Vec<Link>,
    /// What was read behind the links, where the tenant wants that.
    pub pages: Vec<LinkedPage>,
    pub tags: Vec<String>,
    pub author: Option<String>,
    pub views: Option<i64>,
    pub media: Option<String>,
    pub album_size: u32,
    pub language: Option<String>,
    pub stage: Stage,
    #[serde(flatten)]
    pub details: PostDetails,
}

/// A page of posts.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PostPageView {
    pub posts: Vec<PostView>,
    pub total: u64,
    pub limit: usize,
    pub offset: usize,
}

/// A channel with its size.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ChannelView {
    pub id: ChannelId,
    pub username: Option<String>,
    pub title: String,
    pub telegram_id: Option<i64>,
    pub posts: u64,
}

/// One step of a post's way.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TraceStep {
    pub event: &'static str,
    pub at: String,
    /// Since the step before.
    pub elapsed_ms: i64,
}

/// A post's way through the stages and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PostTrace {
    pub post_id: PostId,
    pub permalink: Option<String>,
    pub ingested_at: String,
    pub stage: Stage,
    pub steps: Vec<TraceStep>,
    /// Who made its tags: `local`, or provider and model.
    pub tags_provider: Option<String>,
    /// What it waits for; `None` when it has arrived.
    pub stuck: Option<String>,
}

/// The tenant's channels by id.
pub(super) type ChannelMap = HashMap<ChannelId, Channel>;

impl Tenant {
    pub(super) fn channel_map(&self) -> Result<ChannelMap, Error> {
        Ok(self.store.channel_list()?.into_iter().map(|channel| (channel.id, channel)).collect())
    }

    /// The channels the caller may see, with their sizes.
    pub fn channel_views(&self, channels: &ChannelSet) -> Result<Vec<ChannelView>, Error> {
        let counts: HashMap<ChannelId, u64> = self.store.post_counts_by_channel()?.into_iter().collect();
        let visible = self.store.channel_list()?.into_iter().filter(|channel| channels.contains(channel.id));
        Ok(visible
            .map(|channel| ChannelView {
                posts: counts.get(&channel.id).copied().unwrap_or(0),
                id: channel.id,
                username: channel.username,
                title: channel.title,
                telegram_id: channel.telegram_id,
            })
            .collect())
    }

    /// The channel a person named, if the caller may see it.
    pub fn channel_get(&self, reference: &str, channels: &ChannelSet) -> Result<Channel, Error> {
        self.store.channel_find(reference)?.filter(|channel| channels.contains(channel.id)).ok_or_else(|| {
            Error::NotFound(format!("no channel {reference}; `tga channel list` shows those there are"))
        })
    }

    /// The channel of this id, if the caller may see it.
    pub fn channel_of(&self, id: ChannelId, channels: &ChannelSet) -> Result<Channel, Error> {
        let found = self.store.channel_get(id)?.filter(|channel| channels.contains(channel.id));
        found.ok_or_else(|| Error::NotFound(format!("no channel {id}")))
    }

    pub fn post_get(&self, id: PostId, channels: &ChannelSet) -> Result<PostView, Error> {
        let post =
            self.store.post_find(id, channels)?.ok_or_else(|| Error::NotFound(format!("no post {id}")))?;
        Ok(post_view(post, &self.channel_map()?))
    }

    /// A page of posts, newest first. `tag` is matched in any form.
    pub fn post_page(
        &self,
        channels: ChannelSet,
        tag: Option<&str>,
        period: (Option<Timestamp>, Option<Timestamp>),
        limit: usize,
        offset: usize,
    ) -> Result<PostPageView, Error> {
        let limit = limit.clamp(1, POSTS_LISTED_MAX);
        let filter = PostFilter { channels, tag_key: self.tag_key(tag)?, since: period.0, until: period.1 };
        let page = self.store.post_list(&filter, limit, offset)?;
        let channels = self.channel_map()?;
        let posts = page.posts.into_iter().map(|post| post_view(post, &channels)).collect();
        Ok(PostPageView { posts, total: page.total, limit, offset })
    }

    /// The most used tags.
    pub fn tag_top(&self, channels: &ChannelSet, limit: usize) -> Result<Vec<TagCount>, Error> {
        Ok(self.store.tag_top(channels, limit)?)
    }

    /// The post a `t.me` link points to.
    pub fn post_by_link(&self, link: &str, channels: &ChannelSet) -> Result<PostId, Error> {
        let (channel, message) = link_parts(link).ok_or_else(|| {
            Error::Invalid(format!(
                "`{link}` is not a link to a post; write it like https://t.me/name/7 or t.me/c/123/7"
            ))
        })?;
        let channel = self.channel_get(&channel, channels)?;
        self.store
            .post_by_message(channel.id, message)?
            .ok_or_else(|| Error::NotFound(format!("post {message} of {} is not here", channel.title)))
    }

    /// A post's way through the stages.
    pub fn post_trace(&self, id: PostId, channels: &ChannelSet) -> Result<PostTrace, Error> {
        let post =
            self.store.post_find(id, channels)?.ok_or_else(|| Error::NotFound(format!("no post {id}")))?;
        let mut before = post.ingested_at;
        let mut steps = Vec::new();
        for (event, at) in self.store.post_trace(id)? {
            let elapsed_ms = at.as_millisecond() - before.as_millisecond();
            steps.push(TraceStep { event: event.name(), at: rfc3339(at), elapsed_ms });
            before = at;
        }
        let stuck = post.stage.next().map(|next| {
            format!(
                "waits to be {}; `tga queue list` shows its job, `tga queue list --dead` why it was given up",
                next.name()
            )
        });
        let channels = self.channel_map()?;
        let permalink = channels.get(&post.channel_id).and_then(|channel| channel.permalink(post.message_id));
        Ok(PostTrace {
            post_id: id,
            permalink,
            ingested_at: rfc3339(post.ingested_at),
            stage: post.stage,
            steps,
            tags_provider: self.store.post_tags_provider(id)?,
            stuck,
        })
    }
}

impl App {
    /// Takes a post out of every list, index and answer.
    pub fn post_delete(&self, tenant: &Tenant, id: PostId, reason: &'static str) -> Result<(), Error> {
        if !tenant.store.post_delete(id, reason, self.now())? {
            return Err(Error::NotFound(format!("no post {id}")));
        }
        tenant.indexes.remove(&[id])
    }
}

/// `https://t.me/name/7?single` → `(name, 7)`, `t.me/c/123/7` → `(-100123, 7)`.
fn link_parts(link: &str) -> Option<(String, i64)> {
    let rest = link.trim().trim_start_matches("https://").trim_start_matches("http://");
    let path = rest.strip_prefix("t.me/").or_else(|| rest.strip_prefix("telegram.me/"))?;
    let path = path.split(['?', '#']).next()?;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["c", id, message] => Some((format!("-100{id}"), message.parse().ok()?)),
        ["s", name, message] | [name, message] => Some(((*name).to_owned(), message.parse().ok()?)),
        _ => None,
    }
}

/// A row as the API shows it.
pub(super) fn post_view(post: Post, channels: &ChannelMap) -> PostView {
    let channel = channels.get(&post.channel_id);
    PostView {
        id: post.id,
        channel_id: post.channel_id,
        channel: channel.and_then(|channel| channel.username.clone()),
        channel_title: channel.map(|channel| channel.title.clone()).unwrap_or_default(),
        message_id: post.message_id,
        permalink: channel.and_then(|channel| channel.permalink(post.message_id)),
        posted_at: rfc3339(post.posted_at),
        edited_at: post.edited_at.map(rfc3339),
        text: post.text,
        links: post.links,
        pages: post.pages,
        tags: post.tags,
        author: post.author,
        views: post.views,
        media: post.media,
        album_size: post.album_size,
        language: post.language,
        stage: post.stage,
        details: post.details,
    }
}

#[cfg(test)]
mod tests {
    use super::link_parts;

    #[test]
    fn links_to_posts_are_read_in_every_form() {
        for (link, expected) in [
            ("https://t.me/rust_news/7", Some(("rust_news", 7))),
            ("t.me/s/rust_news/7?before=9", Some(("rust_news", 7))),
            ("http://t.me/c/1465826763/12", Some(("-1001465826763", 12))),
            ("https://t.me/rust_news", None),
            ("https://example.org/a/7", None),
            ("t.me/a/x", None),
        ] {
            let expected = expected.map(|(name, id)| (name.to_owned(), id));
            assert_eq!(link_parts(link), expected, "{link}");
        }
    }
}
