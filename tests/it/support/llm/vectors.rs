//! The server's vectors: a text's letters, counted; and whatever a test has it say instead.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::{Llm, Say, Shared, admitted, giga, openai, said_response};

/// The model that makes vectors.
pub(crate) const EMBEDDING_MODEL: &str = "Embeddings";
/// How many numbers its vectors have.
pub(crate) const DIMENSIONS: usize = 8;
/// Characters that are billed as one token of a text for vectors.
const CHARS_PER_TOKEN: usize = 4;

impl Llm {
    /// What is said instead of vectors, from the question's body; a text is the body of the answer. `None`: vectors.
    pub(crate) fn vectors(&self, whim: impl Fn(&Value) -> Option<Say> + Send + Sync + 'static) {
        self.world().whim = Arc::new(whim);
    }

    /// The texts whose vectors were asked for, in order.
    pub(crate) fn embedded(&self) -> Vec<String> {
        self.calls("/embeddings").iter().flat_map(|call| inputs_of(&call.body)).collect()
    }
}

pub(super) async fn embeddings(State(world): Shared, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let whim = {
        let mut world = world.lock().unwrap();
        if let Some(refused) = admitted(&mut world, &path, &headers, body.clone()) {
            return refused;
        }
        Arc::clone(&world.whim)
    };
    let input = inputs_of(&body);
    if input.is_empty() {
        return giga(400, "input is empty");
    }
    if body["model"] != EMBEDDING_MODEL {
        let words = format!("The model `{}` does not exist", body["model"].as_str().unwrap_or_default());
        return if path.starts_with("/api") {
            giga(404, "No such model")
        } else {
            openai(404, &words, "model_not_found")
        };
    }
    match whim(&body) {
        None => {}
        Some(Say::Text(text)) => return ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Some(said) => return said_response(said, false, (0, 0)).await,
    }
    let rows: Vec<Value> = input
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let letters = || text.chars().filter(|c| !c.is_whitespace());
            let vector: Vec<usize> =
                (0..DIMENSIONS).map(|at| letters().filter(|c| *c as usize % DIMENSIONS == at).count()).collect();
            json!({ "object": "embedding", "index": index, "embedding": vector, "usage": { "prompt_tokens": tokens(text) } })
        })
        .collect();
    let total: usize = input.iter().map(|text| tokens(text)).sum();
    let mut answer = json!({ "object": "list", "data": rows, "model": EMBEDDING_MODEL });
    if !path.starts_with("/api") {
        answer["usage"] = json!({ "prompt_tokens": total, "total_tokens": total });
    }
    Json(answer).into_response()
}

/// What vectors of a text are billed as.
fn tokens(text: &str) -> usize {
    text.chars().count() / CHARS_PER_TOKEN + 1
}

/// The texts of a question for vectors.
pub(crate) fn inputs_of(body: &Value) -> Vec<String> {
    match &body["input"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}
