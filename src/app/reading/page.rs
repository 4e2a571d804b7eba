//! An answer of Telegram's as a page of the ledger. Pure.
//!
//! A server may send anything: ids outside what was asked for are dropped, so a page never claims more than was asked.

use crate::{
    model::IncomingPost,
    store::IdRange,
    telegram::{MessageContent, ServerMessage},
};

/// What a page of history says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ReadPage {
    /// The ids it tells everything about.
    pub(super) covered: Option<IdRange>,
    /// Lowest first, so that the first of an album leads it.
    pub(super) posts: Vec<IncomingPost>,
    pub(super) service: Vec<i64>,
    pub(super) restricted: Vec<i64>,
    pub(super) highest: Option<i64>,
}

/// Reads a page of the ids above `above` and, where a bound was asked for, below `below`.
pub(super) fn page_read(below: Option<i64>, above: i64, messages: Vec<ServerMessage>) -> ReadPage {
    let inside = |id: i64| id > above && below.is_none_or(|below| id < below);
    let mut messages: Vec<ServerMessage> =
        messages.into_iter().filter(|message| inside(message.message_id)).collect();
    messages.sort_by_key(|message| message.message_id);
    messages.dedup_by_key(|message| message.message_id);
    let highest = messages.last().map(|message| message.message_id);
    let Some(last) = below.map(|below| below - 1).or(highest) else { return ReadPage::default() };
    messages.drain(..album_cut(&messages, above));
    // None at all: there is nothing between the bounds.
    let first = messages.first().map_or(above + 1, |message| message.message_id);
    let mut page = ReadPage { covered: Some((first, last)), highest, ..ReadPage::default() };
    for message in messages {
        match message.content {
            MessageContent::Post(post) => page.posts.push(*post),
            MessageContent::Service => page.service.push(message.message_id),
            MessageContent::Restricted => page.restricted.push(message.message_id),
            MessageContent::Absent => {}
        }
    }
    page
}

/// How many of the lowest messages are an album that may go on below this page: they wait for the next one, so that an album is
/// stored at once and led by its first.
fn album_cut(messages: &[ServerMessage], above: i64) -> usize {
    let group = |message: &ServerMessage| match &message.content {
        MessageContent::Post(post) => post.grouped_id,
        MessageContent::Service | MessageContent::Restricted | MessageContent::Absent => None,
    };
    let Some(lowest) = messages.first().filter(|message| message.message_id > above + 1).and_then(group)
    else {
        return 0;
    };
    let members = messages.iter().take_while(|message| group(message) == Some(lowest)).count();
    if members < messages.len() { members } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(id: i64, group: Option<i64>) -> ServerMessage {
        let post = IncomingPost { message_id: id, grouped_id: group, ..IncomingPost::default() };
        ServerMessage { message_id: id, content: MessageContent::Post(Box::new(post)) }
    }

    fn ids(page: &ReadPage) -> Vec<i64> {
        page.posts.iter().map(|post| post.message_id).collect()
    }

    #[test]
    fn a_page_covers_what_it_tells_about() {
        let page = page_read(Some(10), 0, vec![message(9, None), message(6, None)]);
        assert_eq!((page.covered, ids(&page)), (Some((6, 9)), vec![6, 9]));
        assert_eq!(page_read(Some(10), 3, Vec::new()).covered, Some((4, 9)), "nothing is there");
        assert_eq!(page_read(None, 0, Vec::new()), ReadPage::default(), "an empty channel");
        let page = page_read(None, 0, vec![message(9, None)]);
        assert_eq!((page.covered, page.highest), (Some((9, 9)), Some(9)));
    }

    #[test]
    fn an_album_at_the_lower_edge_waits_for_the_next_page() {
        let page = page_read(Some(10), 0, vec![message(9, None), message(8, Some(1)), message(7, Some(1))]);
        assert_eq!((page.covered, ids(&page)), (Some((9, 9)), vec![9]));
        let page = page_read(Some(9), 6, vec![message(8, Some(1)), message(7, Some(1))]);
        assert_eq!((page.covered, ids(&page)), (Some((7, 8)), vec![7, 8]), "it ends at the bound");
        let page = page_read(Some(9), 0, vec![message(8, Some(1)), message(7, Some(1))]);
        assert_eq!(page.covered, Some((7, 8)), "a page of one album goes on nevertheless");
    }

    proptest! {
        #[test]
        fn a_page_never_claims_more_than_was_asked(
            sent in prop::collection::vec((-5_i64..60, prop::option::of(1_i64..3)), 0..30),
            below in prop::option::of(1_i64..60), above in 0_i64..40,
        ) {
            let page = page_read(below, above, sent.iter().map(|(id, group)| message(*id, *group)).collect());
            if let Some((first, last)) = page.covered {
                prop_assert!(first > above && below.is_none_or(|below| last < below));
                prop_assert!(ids(&page).iter().all(|id| (first..=last).contains(id)));
                // It moves on: a page that has anything covers something.
                prop_assert!(first <= last || below.is_some_and(|below| below <= above + 1));
            }
        }
    }
}
