//! The Redis Streams of the system this one replaces, as a file for `redis-cli --pipe`.
//!
//! One `XADD` an event: `stream:posts:parsed` of every message, `stream:posts:tagged` and `stream:posts:indexed` of those that
//! came so far. An entry has one field, `data`, with the envelope's JSON; ids of posts are those of the `PostgreSQL` export. Entry
//! ids rise, from the moment a message came here, so loading the file twice is refused by Redis instead of doubling anything.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Counts, Error, Export, Out, channel_uuid, post_uuid, uuid_of};
use crate::{
    app::tenants::rfc3339,
    model::Channel,
    store::{ExportedEnrichment, ExportedMessage},
    text,
};

/// The streams, with the count each is told under.
const STREAMS: [(&str, &str); 3] = [
    ("stream:posts:parsed", "posts.parsed"),
    ("stream:posts:tagged", "posts.tagged"),
    ("stream:posts:indexed", "posts.indexed"),
];

pub(super) fn write(export: &mut Export<'_>, out: &mut Out<'_>) -> Result<Counts, Error> {
    let mut counts: Counts = STREAMS.iter().map(|(_, name)| (*name, 0)).collect();
    let tenant = export.tenant.id().to_string();
    let mut ids = Ids::default();
    export.messages(&mut |channel, message| {
        let tagged = message.enrichments.iter().find(|found| found.kind == "tags");
        let events = [
            Some(parsed(&tenant, channel, message)),
            tagged.and_then(|found| tags(&tenant, channel, message, found)),
            message.is_indexed.then(|| indexed(&tenant, channel, message)),
        ];
        let id = ids.next(message.ingested_at);
        for ((stream, name), event) in STREAMS.into_iter().zip(events) {
            if let Some(event) = event {
                out.text(&command(&["XADD", stream, &id, "data", &event.to_string()]))?;
                *counts.entry(name).or_default() += 1;
            }
        }
        Ok(())
    })?;
    Ok(counts)
}

/// Entry ids that only rise, whatever the clock said.
#[derive(Default)]
struct Ids {
    ms: i64,
    number: u64,
}

impl Ids {
    fn next(&mut self, at: Timestamp) -> String {
        if at.as_millisecond() > self.ms {
            (self.ms, self.number) = (at.as_millisecond(), 0);
        } else {
            self.number += 1;
        }
        format!("{}-{}", self.ms, self.number)
    }
}

fn envelope(kind: &str, message: &ExportedMessage, post: &str, mut data: Value) -> Value {
    data["schema_version"] = json!("v1");
    data["trace_id"] = json!(uuid_of("trace", post));
    data["occurred_at"] = json!(rfc3339(message.ingested_at));
    data["idempotency_key"] = json!(format!("{post}:{kind}:v1"));
    data["post_id"] = json!(post);
    if let Value::Object(fields) = &mut data {
        fields.retain(|_, value| !value.is_null());
    }
    data
}

fn parsed(tenant: &str, channel: &Channel, message: &ExportedMessage) -> Value {
    let post = post_uuid(channel, message.message_id).to_string();
    let urls: Vec<&str> = message.links.iter().map(|link| link.url.as_str()).collect();
    let mut event = envelope(
        "parsed",
        message,
        &post,
        json!({
            "tenant_id": tenant,
            "channel_id": channel_uuid(channel),
            "tg_channel_id": channel.telegram_id,
            "text": message.text,
            "urls": urls,
            "link_count": urls.len(),
            "posted_at": rfc3339(message.posted_at),
            "media_sha256_list": [],
            "content_hash": message.content_hash,
            "tg_message_id": message.message_id,
            "telegram_message_id": message.message_id,
            "telegram_post_url": channel.permalink(message.message_id),
            "has_media": message.media.is_some(),
            "is_edited": message.edited_at.is_some(),
            "views_count": message.views,
            "forwards_count": message.forwards,
            "reply_to_message_id": message.reply_to,
            "forward_from_name": message.forwarded_from,
            "author_name": message.author,
        }),
    );
    event["idempotency_key"] = json!(format!("{tenant}:{}:{}", channel_uuid(channel), message.message_id));
    event
}

fn tags(
    tenant: &str,
    channel: &Channel,
    message: &ExportedMessage,
    found: &ExportedEnrichment,
) -> Option<Value> {
    let tags: Vec<String> = serde_json::from_str(&found.data).ok()?;
    let post = post_uuid(channel, message.message_id).to_string();
    let hash = text::tags_hash(&tags);
    let mut event = envelope(
        "tagged",
        message,
        &post,
        json!({
            "tenant_id": tenant,
            "channel_id": channel_uuid(channel),
            "tags": tags,
            "tags_hash": hash,
            "topics": [],
            "provider": found.provider,
            "trigger": "initial",
        }),
    );
    // By what was found, so that tagging anew is another event.
    event["idempotency_key"] = json!(format!("{post}:tagged:{hash}"));
    Some(event)
}

fn indexed(tenant: &str, channel: &Channel, message: &ExportedMessage) -> Value {
    let post = post_uuid(channel, message.message_id).to_string();
    let at = rfc3339(message.ingested_at);
    envelope("indexed", message, &post, json!({ "tenant_id": tenant, "vector_id": post, "indexed_at": at }))
}

/// A command as Redis reads it (RESP): an array of strings, each with its length in bytes.
fn command(words: &[&str]) -> String {
    let mut out = format!("*{}\r\n", words.len());
    for word in words {
        let _ = write!(out, "${}\r\n{word}\r\n", word.len());
    }
    out
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Ids, command};

    #[test]
    fn lengths_are_in_bytes() {
        assert_eq!(command(&["XADD", "ё"]), "*2\r\n$4\r\nXADD\r\n$2\r\nё\r\n");
    }

    #[test]
    fn ids_rise_even_if_time_goes_back() {
        let at = |ms| Timestamp::from_millisecond(ms).expect("a moment");
        let mut ids = Ids::default();
        let got: Vec<String> = [5, 5, 4, 6].into_iter().map(|ms| ids.next(at(ms))).collect();
        assert_eq!(got, ["5-0", "5-1", "5-2", "6-0"]);
    }
}
