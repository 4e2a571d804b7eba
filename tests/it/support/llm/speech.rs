//! Writing down speech: `OpenAI`'s form, and `SaluteSpeech`'s bare recording as developers.sber.ru describes it.

use axum::{
    Json,
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::{Say, Shared, admitted, giga, openai, refuse};

/// What `SaluteSpeech` takes at once, bytes.
const RECORDING_BYTES_MAX: usize = 2_000_000;
const FORMATS: [&str; 4] =
    ["audio/ogg;codecs=opus", "audio/mpeg", "audio/flac", "audio/x-pcm;bit=16;rate=16000"];

pub(super) async fn transcribe(State(world): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let mut world = world.lock().unwrap();
    if let Some(refused) = admitted(&mut world, "/v1/audio/transcriptions", &headers, Value::Null) {
        return refused;
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(boundary) = kind.strip_prefix("multipart/form-data; boundary=") else {
        return openai(400, "not a form", "invalid_request");
    };
    let text = String::from_utf8_lossy(&body).into_owned();
    let part = |name: &str| {
        let named = format!("name=\"{name}\"");
        text.split(&format!("--{boundary}")).find(|part| part.contains(&named)).map(str::to_owned)
    };
    let (Some(file), Some(model)) = (part("file"), part("model")) else {
        return openai(400, "file and model are required", "invalid_request");
    };
    if !file.contains("filename=") || !text.trim_end().ends_with(&format!("--{boundary}--")) {
        return openai(400, "the form is broken", "invalid_request");
    }
    assert!(model.contains("whisper"));
    world.audio = file.split("\r\n\r\n").nth(1).unwrap_or_default().trim_end().as_bytes().to_vec();
    let said = world.script.pop_front().unwrap_or_else(|| (world.mind)(&Value::Null));
    match said {
        Say::Text(text) => Json(json!({ "text": text })).into_response(),
        Say::Refuse(status, after, body) => refuse(status, after, body),
        Say::Garbage
        | Say::NoChoices
        | Say::Empty
        | Say::Finish(_)
        | Say::CutAfter(_)
        | Say::ExpireAfter(_)
        | Say::Silence => Json(json!({ "text": "" })).into_response(),
    }
}

/// The words come as a list of sentences.
pub(super) async fn recognise(
    State(world): Shared,
    Query(query): Query<std::collections::BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let said = {
        let mut world = world.lock().unwrap();
        let told = json!({ "query": query, "type": kind, "bytes": body.len() });
        if let Some(refused) = admitted(&mut world, "/salute/speech:recognize", &headers, told) {
            return refused;
        }
        let id = headers.get("x-request-id").and_then(|value| value.to_str().ok());
        if id.is_some_and(|id| uuid::Uuid::parse_str(id).is_err()) {
            return giga(400, "X-Request-ID is no uuid");
        }
        let one_of =
            |name: &str, known: &[&str]| query.get(name).is_none_or(|value| known.contains(&value.as_str()));
        if !one_of("language", &["ru-RU", "en-US", "kk-KZ"]) || !one_of("model", &["general", "callcenter"]) {
            return giga(400, "bad parameter");
        }
        if !FORMATS.contains(&kind) {
            return giga(415, "Unsupported Media Type");
        }
        if body.is_empty() {
            return giga(400, "audio is empty");
        }
        if body.len() > RECORDING_BYTES_MAX {
            return giga(413, "Payload Too Large");
        }
        world.audio = body.to_vec();
        world.script.pop_front().unwrap_or_else(|| (world.mind)(&Value::Null))
    };
    match said {
        Say::Text(text) => {
            let sentences: Vec<&str> = text.split_inclusive(['.', '?', '!']).map(str::trim).collect();
            let emotions = json!([{ "negative": 0.01, "neutral": 0.98, "positive": 0.01 }]);
            Json(json!({ "result": sentences, "emotions": emotions, "status": 200 })).into_response()
        }
        Say::Refuse(status, after, body) => refuse(status, after, body),
        Say::Garbage => "<html>ok</html>".into_response(),
        Say::NoChoices => Json(json!({ "status": 200 })).into_response(),
        Say::Silence => std::future::pending().await,
        Say::Empty | Say::Finish(_) | Say::CutAfter(_) | Say::ExpireAfter(_) => {
            Json(json!({ "result": [""], "emotions": [], "status": 200 })).into_response()
        }
    }
}
