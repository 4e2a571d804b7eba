//! The public event log with its envelope (contracts: `event_id`, `event`, `version`, `tenant_id`, `occurred_at`, `trace_id`,
//! `data`).
//!
//! The envelope's id is made from the tenant and the event's place, so reading the log twice gives the same ids and a consumer
//! can drop what it has seen.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{App, Error, Tenant, tenants::rfc3339};
use crate::{
    model::{ChannelSet, Event, Post, TenantId},
    store::StoredEvent,
    text,
};

/// Events one read returns at most.
pub const EVENTS_LISTED_MAX: usize = 1000;
/// Version of every event's data.
const EVENT_VERSION: u32 = 1;

/// An event as it is delivered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventView {
    /// Place in the log; where to go on reading.
    pub seq: i64,
    pub event_id: Uuid,
    pub event: &'static str,
    pub version: u32,
    pub tenant_id: TenantId,
    pub occurred_at: String,
    pub trace_id: Uuid,
    pub data: Map<String, Value>,
}

impl App {
    /// How long the oldest event waits that the appliance itself is to read: alerts look through the log. A tenant that is closed has
    /// none waiting, and one that cannot be read is told of elsewhere.
    pub fn outbox_lag(&self) -> SignedDuration {
        let waiting = |tenant: &std::sync::Arc<Tenant>| tenant.store.alert_unseen_since().ok().flatten();
        let oldest = self.tenants.open_list().iter().filter_map(waiting).min();
        oldest.map_or(SignedDuration::ZERO, |at| self.now().duration_since(at).max(SignedDuration::ZERO))
    }
}

impl Tenant {
    /// Events after `after`, oldest first.
    pub fn event_list(
        &self,
        after: i64,
        event: Option<Event>,
        limit: usize,
    ) -> Result<Vec<EventView>, Error> {
        let events = self.store.event_list(after, event, limit.min(EVENTS_LISTED_MAX))?;
        events.iter().map(|event| self.event_view(event)).collect()
    }

    /// The place of the newest event.
    pub fn event_last(&self) -> Result<i64, Error> {
        Ok(self.store.event_last()?)
    }

    fn event_view(&self, stored: &StoredEvent) -> Result<EventView, Error> {
        let post = match (stored.event, stored.post_id) {
            (Event::PostsParsed, Some(id)) => self.store.post_find(id, &ChannelSet::All)?,
            (
                Event::PostsTagged
                | Event::PostsEnriched
                | Event::PostsIndexed
                | Event::PostsDeleted
                | Event::PostsParsed
                | Event::ChannelsSubscribed
                | Event::ChannelsUnsubscribed,
                _,
            ) => None,
        };
        let place = format!("event {}", stored.seq);
        let trace = stored.post_id.map_or_else(|| place.clone(), |id| format!("post {id}"));
        Ok(EventView {
            seq: stored.seq,
            event_id: uuid_v7(self.id(), &place, stored.occurred_at),
            event: stored.event.name(),
            version: EVENT_VERSION,
            tenant_id: self.id(),
            occurred_at: rfc3339(stored.occurred_at),
            trace_id: uuid_v7(self.id(), &trace, Timestamp::UNIX_EPOCH),
            data: data(stored, post.as_ref()),
        })
    }
}

fn data(stored: &StoredEvent, post: Option<&Post>) -> Map<String, Value> {
    let mut data = Map::new();
    if stored.post_id.is_some() {
        data.insert("post_id".to_owned(), json!(stored.post_id));
    }
    match stored.event {
        Event::PostsParsed => {
            if let Some(post) = post {
                data.insert("channel_id".to_owned(), json!(post.channel_id));
                data.insert("message_id".to_owned(), json!(post.message_id));
                data.insert("text".to_owned(), json!(post.text));
                data.insert("urls".to_owned(), post.links.iter().map(|link| json!(link.url)).collect());
                data.insert("posted_at".to_owned(), json!(rfc3339(post.posted_at)));
            }
            data.insert("content_hash".to_owned(), json!(stored.content_hash));
        }
        Event::PostsTagged => {
            let (tags, provider) = stored.tags.clone().unwrap_or_default();
            data.insert("tags".to_owned(), json!(tags));
            data.insert("tags_hash".to_owned(), json!(text::tags_hash(&tags)));
            data.insert("provider".to_owned(), json!(provider));
            data.insert("trigger".to_owned(), json!("initial"));
            if let Some(Ok(Value::Object(fixed))) = stored.data.as_deref().map(serde_json::from_str) {
                data.extend(fixed);
            }
        }
        Event::PostsEnriched | Event::PostsIndexed => {}
        Event::PostsDeleted | Event::ChannelsSubscribed | Event::ChannelsUnsubscribed => {
            if let Some(Ok(Value::Object(fixed))) = stored.data.as_deref().map(serde_json::from_str) {
                data.extend(fixed);
            }
        }
    }
    data
}

/// A version 7 UUID (RFC 9562) whose random part is a hash, so that the same thing always has the same id.
fn uuid_v7(tenant: TenantId, what: &str, at: Timestamp) -> Uuid {
    let digest = Sha256::new().chain_update(tenant.0.as_bytes()).chain_update(what.as_bytes()).finalize();
    let mut random = [0_u8; 10];
    random.copy_from_slice(&digest[..10]);
    uuid::Builder::from_unix_timestamp_millis(at.as_millisecond().max(0) as u64, &random).into_uuid()
}
