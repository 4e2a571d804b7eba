//! Parse: the language, and the links that stand in the text itself.
//!
//! Pure. Links that the source's entities carried are stored already; this finds the bare addresses among the words.

use crate::{
    model::{Link, Post},
    store::StageOutput,
    text::{self, TokenKind},
};

/// Links kept of one post; a post with more is a link farm.
pub(super) const LINKS_PER_POST_MAX: usize = 100;

pub(super) fn parse(post: &Post) -> StageOutput {
    let mut links_found: Vec<Link> = Vec::new();
    for token in text::tokens(&post.text).iter().filter(|token| token.kind == TokenKind::Url) {
        let url = absolute(token.of(&post.text));
        let known = post.links.iter().chain(&links_found).any(|link| same_address(&link.url, &url));
        if !known && post.links.len() + links_found.len() < LINKS_PER_POST_MAX {
            links_found.push(Link { text: String::new(), url });
        }
    }
    StageOutput::Parsed { language: text::language(&post.text).code(), links_found }
}

/// A bare domain as an address that can be opened.
fn absolute(url: &str) -> String {
    if url.contains("://") { url.to_owned() } else { format!("https://{url}") }
}

fn same_address(a: &str, b: &str) -> bool {
    let bare = |url: &str| {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.trim_end_matches('/').to_lowercase()
    };
    bare(a) == bare(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelId, PostDetails, PostId, Stage};

    fn post(text: &str, links: &[&str]) -> Post {
        Post {
            id: PostId(1),
            channel_id: ChannelId(1),
            message_id: 1,
            posted_at: jiff::Timestamp::UNIX_EPOCH,
            edited_at: None,
            text: text.to_owned(),
            links: links.iter().map(|url| Link { text: String::new(), url: (*url).to_owned() }).collect(),
            author: None,
            views: None,
            media: None,
            album_size: 1,
            stage: Stage::Ingested,
            revision: 0,
            language: None,
            tags: Vec::new(),
            pages: Vec::new(),
            ingested_at: jiff::Timestamp::UNIX_EPOCH,
            details: PostDetails::default(),
        }
    }

    #[test]
    fn bare_addresses_are_found_and_known_ones_are_not_doubled() {
        let post = post(
            "Подробности: https://example.org/a?b=1 и на example.com/Новости. Ещё раз HTTPS://example.org/a?b=1",
            &["https://example.com/Новости"],
        );
        let StageOutput::Parsed { language, links_found } = parse(&post) else { panic!("parse parses") };
        assert_eq!(language, "ru");
        let urls: Vec<&str> = links_found.iter().map(|link| link.url.as_str()).collect();
        assert_eq!(urls, ["https://example.org/a?b=1"]);
    }

    #[test]
    fn a_link_farm_is_cut() {
        let text = (0..200).map(|n| format!("https://example.org/{n}")).collect::<Vec<_>>().join(" ");
        let StageOutput::Parsed { links_found, .. } = parse(&post(&text, &[])) else {
            panic!("parse parses")
        };
        assert_eq!(links_found.len(), LINKS_PER_POST_MAX);
    }
}
