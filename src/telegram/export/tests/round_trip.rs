//! Random posts written in both formats come back equal.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::model::{Link, Reaction};

use super::*;

/// Any text, the awkward ones included: quotes, backslashes, brackets, newlines, emoji, controls.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[а-яёA-Za-z0-9 ,.!?\"\\\\{}\\[\\]:\n\t]{1,60}".prop_filter("blank", |text| !text.trim().is_empty()),
        "\\PC{1,40}".prop_filter("blank", |text| !text.trim().is_empty()),
        any::<String>().prop_filter("blank", |text| !text.trim().is_empty()),
    ]
}

fn any_name() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[а-яА-Яa-zA-Z]{2,12}( [0-9]{1,3})?")
}

fn any_post() -> impl Strategy<Value = IncomingPost> {
    let counts =
        (prop::option::of(0_i64..1 << 40), prop::option::of(0_i64..1 << 40), prop::option::of(0_i64..99));
    let times = (0_i64..4_000_000_000, prop::option::of(0_i64..4_000_000_000));
    let link = ("[a-zа-я]{1,9}", "https://[a-z]{1,9}\\.org/[a-z0-9?=&\"]{0,9}");
    let links = prop::collection::vec(link.prop_map(|(text, url)| Link { text, url }), 0..4);
    let reaction = prop_oneof![Just("❤".to_owned()), Just("paid".to_owned()), "custom:[0-9]{1,19}"];
    let reaction = (reaction, 0_i64..1 << 40).prop_map(|(emoji, count)| Reaction { emoji, count });
    let reactions = prop::collection::vec(reaction, 0..3);
    let origin = (any_name(), any_name(), prop::option::of(1_i64..1 << 40));
    (any_text(), times, counts, links, reactions, origin, prop::option::of(1_i64..1 << 60)).prop_map(
        |(text, (posted, edited), (views, forwards, replies), links, reactions, origin, grouped_id)| {
            IncomingPost {
                message_id: 0,
                posted_at: Timestamp::from_second(posted).unwrap(),
                edited_at: edited.map(|edited| Timestamp::from_second(edited).unwrap()),
                text,
                links,
                grouped_id,
                author: origin.0,
                views,
                forwards,
                replies,
                reply_to: origin.2,
                forwarded_from: origin.1,
                reactions,
                media: None,
                ..IncomingPost::default()
            }
        },
    )
}

fn any_posts() -> impl Strategy<Value = Vec<IncomingPost>> {
    prop::collection::vec(any_post(), 0..20).prop_map(|mut posts| {
        for (at, post) in posts.iter_mut().enumerate() {
            post.message_id = at as i64 * 3 + 1;
        }
        posts
    })
}

fn as_line(post: &IncomingPost) -> Value {
    json!({
        "channel": "round_trip", "message_id": post.message_id, "date": post.posted_at.to_string(),
        "edited": post.edited_at.map(|at| at.to_string()), "text": post.text,
        "links": post.links.iter().map(|l| json!({"text": l.text, "url": l.url})).collect::<Vec<_>>(),
        "grouped_id": post.grouped_id, "views": post.views, "forwards": post.forwards, "replies": post.replies,
        "reply_to": post.reply_to, "author": post.author, "forwarded_from": post.forwarded_from,
        "reactions": post.reactions.iter().map(|r| json!({"emoji": r.emoji, "count": r.count})).collect::<Vec<_>>(),
    })
}

/// The text in pieces: plain ones, and its links as buttons, which leave the text alone.
fn as_message(post: &IncomingPost) -> Value {
    let middle = post.text.char_indices().nth(post.text.chars().count() / 2).map_or(0, |(at, _)| at);
    let (left, right) = post.text.split_at(middle);
    let reaction = |r: &Reaction| match r.emoji.strip_prefix("custom:") {
        Some(id) => json!({"type": "custom_emoji", "count": r.count, "document_id": id}),
        None if r.emoji == "paid" => json!({"type": "paid", "count": r.count}),
        None => json!({"type": "emoji", "count": r.count, "emoji": r.emoji}),
    };
    json!({
        "id": post.message_id, "type": "message",
        "date": "1999-01-01T00:00:00", "date_unixtime": post.posted_at.as_second().to_string(),
        "edited_unixtime": post.edited_at.map(|at| at.as_second().to_string()),
        "text": [left, {"type": "italic", "text": right}],
        "inline_bot_buttons": [post.links.iter().map(|l| json!({"type": "url", "text": l.text, "data": l.url})).collect::<Vec<_>>()],
        "grouped_id": post.grouped_id, "views": post.views, "forwards": post.forwards, "replies": post.replies,
        "reply_to_message_id": post.reply_to, "author": post.author, "forwarded_from": post.forwarded_from,
        "reactions": post.reactions.iter().map(reaction).collect::<Vec<_>>(),
    })
}

fn check(bytes: &[u8], expected: &[IncomingPost]) -> Result<(), TestCaseError> {
    let (items, ended) = read_bytes(bytes, &ReadOptions::default());
    let found: Vec<IncomingPost> = posts(&items).into_iter().cloned().collect();
    prop_assert_eq!(found.as_slice(), expected);
    prop_assert_eq!(ended.unwrap().posts, expected.len() as u64);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn posts_come_back_equal(expected in any_posts(), pretty in any::<bool>()) {
        if !expected.is_empty() {
            let lines: Vec<String> = expected.iter().map(|post| as_line(post).to_string()).collect();
            check(lines.join("\n").as_bytes(), &expected)?;
        }
        let messages: Vec<Value> = expected.iter().map(as_message).collect();
        // Keys in the order of the exporter, which a `Value` would not keep.
        let messages = if pretty { format!("{:#}", Value::Array(messages)) } else { Value::Array(messages).to_string() };
        let export = format!("{{\"name\": \"Round trip\", \"type\": \"private_channel\", \"id\": 9, \"messages\": {messages}}}");
        check(export.as_bytes(), &expected)?;
    }

    /// A source that hands out few bytes at a time makes no difference.
    #[test]
    fn the_size_of_reads_does_not_matter(step in 1_usize..40) {
        struct Slow<'b>(&'b [u8], usize);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let len = self.1.min(self.0.len()).min(buffer.len());
                buffer[..len].copy_from_slice(&self.0[..len]);
                self.0 = &self.0[len..];
                Ok(len)
            }
        }
        for name in ["channel.json", "account.json", "posts.jsonl"] {
            let bytes = fixture_bytes(name);
            let whole = read_bytes(&bytes, &ReadOptions::default()).0;
            let mut slow = Slow(&bytes, step);
            let (items, ended) = collect(|sink| read_from(&mut slow, "test", &ReadOptions::default(), sink));
            prop_assert!(ended.is_ok());
            prop_assert_eq!(items, whole);
        }
    }
}
