//! The words of the protocol: what a question and an answer look like as JSON, and what refusals mean.
//!
//! `GigaChat` and `OpenAI` differ in a few words only; what a server does not know is learned (`Dialect`).

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};

use super::{Remote, RemoteError, RemoteFault, usage_of};
use crate::{
    ai::chat::{ChatAnswer, ChatRequest},
    model::Provider,
};

pub(super) fn chat_body(remote: &Remote, model: &str, request: &ChatRequest, stream: bool) -> Value {
    let messages: Vec<Value> = request
        .messages
        .iter()
        .map(|message| json!({ "role": message.role.name(), "content": message.content }))
        .collect();
    let mut body = json!({ "model": model, "messages": messages, "stream": stream });
    let dialect = &remote.dialect;
    let limit = if dialect.completion_tokens.load(Ordering::Relaxed) {
        "max_completion_tokens"
    } else {
        "max_tokens"
    };
    body[limit] = json!(request.tokens_max);
    if !dialect.no_temperature.load(Ordering::Relaxed) {
        // As written in decimals, not with the digits of a float.
        body["temperature"] = json!((f64::from(request.temperature) * 100.0).round() / 100.0);
    }
    let schema = request.schema.as_ref().filter(|_| dialect.schema.load(Ordering::Relaxed));
    match remote.provider {
        Provider::GigaChat => {
            if let Some(schema) = schema {
                body["response_format"] =
                    json!({ "type": "json_schema", "schema": schema.schema, "strict": true });
            }
        }
        Provider::OpenAi | Provider::Speech | Provider::SaluteSpeech => {
            if stream {
                body["stream_options"] = json!({ "include_usage": true });
            }
            if let Some(schema) = schema {
                let schema = json!({ "name": schema.name, "schema": schema.schema, "strict": true });
                body["response_format"] = json!({ "type": "json_schema", "json_schema": schema });
            }
        }
    }
    body
}

/// The answer of a call without streaming.
pub(super) fn chat_answer(
    remote: &Remote,
    value: &Value,
    request: &ChatRequest,
) -> Result<ChatAnswer, RemoteError> {
    let choice = value["choices"]
        .as_array()
        .ok_or_else(|| remote.error(RemoteFault::Malformed, "no choices"))?
        .first();
    let text = choice.and_then(|choice| choice["message"]["content"].as_str()).unwrap_or_default();
    let usage = usage_of(value, request, text);
    let fail = |fault| {
        let mut error = remote.error(fault, "");
        error.spent = usage;
        error
    };
    let finish = choice.and_then(|choice| choice["finish_reason"].as_str()).unwrap_or_default();
    if is_filtered(finish) {
        return Err(fail(RemoteFault::Filtered));
    }
    if text.trim().is_empty() {
        return Err(fail(RemoteFault::Empty));
    }
    Ok(ChatAnswer { text: text.to_owned(), usage, cut: finish == "length" })
}

/// Whether a model stopped because its provider does not let it answer.
pub(super) fn is_filtered(finish: &str) -> bool {
    matches!(finish, "blacklist" | "content_filter")
}

/// What a server says of its refusal.
pub(super) fn refusal_words(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        // A page of a proxy says nothing to people.
        return String::new();
    };
    let error = &value["error"];
    let words = [&error["message"], &value["message"], error, &value["detail"], &value["error_description"]];
    let mut words = words.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned();
    if let Some(code) = error["code"].as_str().filter(|code| !words.contains(code)) {
        words = format!("{words} [{code}]");
    }
    words
}

pub(super) fn refusal_fault(status: u16, after: Option<Duration>, words: &str) -> RemoteFault {
    let says = |parts: &[&str]| {
        let words = words.to_lowercase();
        parts.iter().any(|part| words.contains(part))
    };
    match status {
        401 => RemoteFault::KeyRefused,
        402 => RemoteFault::Payment,
        403 => RemoteFault::Forbidden,
        404 => RemoteFault::NotFound,
        413 => RemoteFault::TooLong,
        429 if says(&["insufficient_quota"]) => RemoteFault::Payment,
        429 => RemoteFault::RateLimited { after },
        400 | 422
            if says(&["context length", "maximum context", "context_length", "too long", "too large"]) =>
        {
            RemoteFault::TooLong
        }
        408 => RemoteFault::Failed { status },
        status if status >= 500 => after
            .map_or(RemoteFault::Failed { status }, |after| RemoteFault::RateLimited { after: Some(after) }),
        status => RemoteFault::Refused { status },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        let fault = |status, words| refusal_fault(status, None, words);
        assert_eq!(fault(401, ""), RemoteFault::KeyRefused);
        assert_eq!(fault(429, "You exceeded your quota [insufficient_quota]"), RemoteFault::Payment);
        assert_eq!(fault(429, ""), RemoteFault::RateLimited { after: None });
        assert_eq!(fault(400, "This model's maximum context length is 8192"), RemoteFault::TooLong);
        assert_eq!(fault(400, "nonsense"), RemoteFault::Refused { status: 400 });
        assert_eq!(fault(503, ""), RemoteFault::Failed { status: 503 });
        let wait = Some(Duration::from_secs(9));
        assert_eq!(refusal_fault(503, wait, ""), RemoteFault::RateLimited { after: wait });
    }

    #[test]
    fn words_are_found_wherever_a_server_puts_them() {
        let words = |body: &str| refusal_words(body.as_bytes());
        assert_eq!(words(r#"{"status":401,"message":"Token has expired"}"#), "Token has expired");
        assert_eq!(words(r#"{"error":{"message":"no","code":"model_not_found"}}"#), "no [model_not_found]");
        assert_eq!(words(r#"{"error":"model 'x' not found"}"#), "model 'x' not found");
        assert_eq!(words("<html>502</html>"), "");
    }
}
