//! A Postman collection (format 2.1), made from the document: one folder a tag, one request an operation.
//!
//! `base_url` and `token` are variables of the collection; the bodies are the document's examples, so a request can be sent as
//! it comes.

use serde_json::{Map, Value, json};

const SCHEMA: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
const BASE: &str = "{{base_url}}";

/// The collection.
pub fn collection() -> Value {
    let document = super::value();
    let tags = document["tags"].as_array().into_iter().flatten();
    let folders: Vec<Value> = tags
        .map(|tag| {
            let items: Vec<Value> = super::operations()
                .filter(|(_, _, operation)| operation["tags"][0] == tag["name"])
                .map(|(method, path, operation)| request(method, path, operation))
                .collect();
            json!({ "name": tag["name"], "description": tag["description"], "item": items })
        })
        .collect();
    json!({
        "info": {
            "name": document["info"]["title"],
            "description": "Made from /openapi.json. Set `base_url` and `token` in the collection's variables.",
            "version": document["info"]["version"],
            "schema": SCHEMA,
        },
        "auth": { "type": "bearer", "bearer": [{ "key": "token", "value": "{{token}}", "type": "string" }] },
        "variable": [
            { "key": "base_url", "value": "http://127.0.0.1:8000", "type": "string" },
            { "key": "token", "value": "", "type": "string" },
        ],
        "item": folders,
    })
}

fn request(method: &str, path: &str, operation: &Value) -> Value {
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| segment.replace('{', ":").replace('}', ""))
        .collect();
    let within = |place: &'static str| parameters.iter().filter(move |parameter| parameter["in"] == place);
    let variables: Vec<Value> = within("path").map(|parameter| field(parameter, false)).collect();
    let query: Vec<Value> =
        within("query").map(|parameter| field(parameter, parameter["required"] != true)).collect();
    let mut request = Map::new();
    request.insert("method".to_owned(), json!(method.to_uppercase()));
    request.insert("description".to_owned(), operation["summary"].clone());
    request.insert(
        "url".to_owned(),
        json!({
            "raw": format!("{BASE}/{}", segments.join("/")),
            "host": [BASE],
            "path": segments,
            "variable": variables,
            "query": query,
        }),
    );
    if operation.get("security").is_none() {
        request.insert("auth".to_owned(), json!({ "type": "noauth" }));
    }
    let mut headers = vec![json!({ "key": "Accept", "value": "application/json" })];
    if let Some(example) = operation.pointer("/requestBody/content/application~1json/example") {
        headers.push(json!({ "key": "Content-Type", "value": "application/json" }));
        let raw = serde_json::to_string_pretty(example).unwrap_or_default();
        let body = json!({ "mode": "raw", "raw": raw, "options": { "raw": { "language": "json" } } });
        request.insert("body".to_owned(), body);
    }
    request.insert("header".to_owned(), Value::Array(headers));
    json!({ "name": format!("{} {path}", method.to_uppercase()), "request": request, "response": [] })
}

/// A parameter; those one may leave out are switched off.
fn field(parameter: &Value, disabled: bool) -> Value {
    let example = match &parameter["example"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    };
    let mut field =
        json!({ "key": parameter["name"], "value": example, "description": parameter["description"] });
    if disabled {
        field["disabled"] = json!(true);
    }
    field
}
