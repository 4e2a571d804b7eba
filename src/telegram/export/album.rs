//! Finds albums in Telegram Desktop's exports, which leave the album's id out.
//!
//! Pure. An album shows as messages that follow each other with media of one family, one date to the second, one author and
//! neighbouring ids, at most one of them with a caption. Invariant: at most [`ALBUM_MESSAGES_MAX`] posts are held.

use std::sync::Arc;

use crate::model::IncomingPost;

use super::{
    channel::SourceChannel,
    limits::{ALBUM_ID_GAP_MAX, ALBUM_MESSAGES_MAX},
};

/// The posts that may still turn out to be one album.
#[derive(Debug, Default)]
pub(super) struct AlbumBuffer {
    held: Vec<IncomingPost>,
    channel: Option<Arc<SourceChannel>>,
}

/// Kinds that Telegram lets stand in one album together (core.telegram.org/bots/api#sendmediagroup).
#[derive(Debug, PartialEq, Eq)]
enum Family {
    Visual,
    Audio,
    File,
}

fn family(post: &IncomingPost) -> Option<Family> {
    match post.media.as_deref()? {
        "photo" | "video" => Some(Family::Visual),
        "audio" => Some(Family::Audio),
        "file" => Some(Family::File),
        _ => None,
    }
}

fn has_caption(post: &IncomingPost) -> bool {
    !post.text.is_empty()
}

impl AlbumBuffer {
    /// Whether `next` may stand in one album with what is held.
    pub(super) fn fits(&self, channel: &Arc<SourceChannel>, next: &IncomingPost) -> bool {
        let (Some(first), Some(last)) = (self.held.first(), self.held.last()) else {
            return false;
        };
        let captions = self.held.iter().filter(|post| has_caption(post)).count();
        // Saturating, because a file may hold any ids.
        let gap = next.message_id.saturating_sub(last.message_id);
        self.held.len() < ALBUM_MESSAGES_MAX
            && self.channel.as_ref().is_some_and(|held| Arc::ptr_eq(held, channel))
            && next.grouped_id.is_none()
            && first.grouped_id.is_none()
            && family(first).is_some()
            && family(first) == family(next)
            && first.posted_at == next.posted_at
            && first.author == next.author
            && first.forwarded_from == next.forwarded_from
            && first.reply_to == next.reply_to
            && (1..=ALBUM_ID_GAP_MAX).contains(&gap)
            && captions + usize::from(has_caption(next)) <= 1
    }

    pub(super) fn push(&mut self, channel: Arc<SourceChannel>, post: IncomingPost) {
        self.channel = Some(channel);
        self.held.push(post);
    }

    /// Everything held, in order, with its album's id if it is one.
    pub(super) fn take(&mut self) -> Option<(Arc<SourceChannel>, Vec<IncomingPost>)> {
        let channel = self.channel.take()?;
        let mut posts = std::mem::take(&mut self.held);
        if let [first, _, ..] = posts.as_slice() {
            let album = first.message_id;
            for post in &mut posts {
                post.grouped_id = Some(album);
            }
        }
        Some((channel, posts))
    }
}
