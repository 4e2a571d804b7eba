//! Lines of JSON as `tga import --format jsonl` reads them: every message that is here, with everything an import takes.

use serde_json::{Map, Value, json};

use super::{Counts, Error, Export, Out};
use crate::{app::tenants::rfc3339, model::Channel, store::ExportedMessage};

pub(super) fn write(export: &mut Export<'_>, out: &mut Out<'_>) -> Result<Counts, Error> {
    let posts = export.messages(&mut |channel, message| {
        out.text(&format!("{}\n", Value::Object(line(channel, message))))
    })?;
    Ok(Counts::from([("posts", posts), ("channels", export.channels.len() as u64)]))
}

fn line(channel: &Channel, message: &ExportedMessage) -> Map<String, Value> {
    let mut line = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            line.insert(name.to_owned(), value);
        }
    };
    put("channel", json!(channel.username.as_ref().unwrap_or(&channel.title)));
    put("channel_title", json!(channel.title));
    put("channel_id", json!(channel.telegram_id));
    put("message_id", json!(message.message_id));
    put("date", json!(rfc3339(message.posted_at)));
    put("edited", json!(message.edited_at.map(rfc3339)));
    put("text", json!(message.text));
    if !message.links.is_empty() {
        put("links", json!(message.links));
    }
    put("grouped_id", json!(message.grouped_id));
    put("views", json!(message.views));
    put("forwards", json!(message.forwards));
    put("replies", json!(message.replies));
    put("reply_to", json!(message.reply_to));
    put("author", json!(message.author));
    put("forwarded_from", json!(message.forwarded_from));
    put("media", json!(message.media));
    let stored = |text: Option<&str>| -> Value {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    put("forward_origin", stored(message.forward_origin.as_deref()));
    put("reactions", stored(message.reactions.as_deref()));
    line
}
