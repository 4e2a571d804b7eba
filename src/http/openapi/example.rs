//! Examples for bodies that bring none: put together from the schema and, for words, from the field's name.
//!
//! A type's own `#[schema(example = …)]` always wins; this only fills what is missing.

use serde_json::{Map, Value, json};

/// How deep a schema is followed; a type that holds itself ends here.
const DEPTH_MAX: usize = 8;

/// What a field of this name looks like, whatever type it is in.
const BY_NAME: &[(&str, &str)] = &[
    ("answer", "Новая станция метро открылась в субботу [1]."),
    ("channel", "rust_news"),
    ("channel_title", "Rust news"),
    ("channel_username", "rust_news"),
    ("code", "not_found"),
    ("content", "В субботу открылась новая станция метро."),
    ("event", "posts.tagged"),
    ("intent", "search"),
    ("language", "ru"),
    ("message", "no post 7"),
    ("model", "e5-small-q4"),
    ("name", "Main"),
    ("permalink", "https://t.me/rust_news/7"),
    ("provider", "local"),
    ("query", "открытие метро"),
    ("quote", "открылась новая станция метро"),
    ("role", "user"),
    ("slug", "main"),
    ("snippet", "В субботу открылась новая станция метро."),
    ("status", "ok"),
    ("tag", "метро"),
    ("tags", "метро"),
    ("text", "В субботу открылась новая станция метро."),
    ("tier", "free"),
    ("title", "Rust news"),
    ("url", "https://example.org/a"),
    ("username", "rust_news"),
    ("version", "0.1.0"),
];
const MOMENT: &str = "2026-11-21T12:00:00Z";
const UUID: &str = "0192f0c1-2d3e-4abc-8def-0123456789ab";

/// An example of a schema; `components` are the document's named ones.
pub(super) fn example(schema: &Value, components: &Value, name: &str, depth: usize) -> Value {
    if let Some(own) = schema.get("example").or_else(|| schema.get("examples")?.get(0)) {
        return own.clone();
    }
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let target = target.rsplit('/').next().unwrap_or_default();
        return example(&components[target], components, name, depth + 1);
    }
    if let Some(first) = schema.pointer("/enum/0").or_else(|| schema.get("const")) {
        return first.clone();
    }
    if let Some(choices) = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key)?.as_array()) {
        // `null` or the thing itself: the thing says more.
        let choice = choices.iter().find(|choice| choice["type"] != "null");
        return choice.map_or(Value::Null, |choice| example(choice, components, name, depth + 1));
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let parts = parts.iter().map(|part| example(part, components, name, depth + 1));
        return Value::Object(parts.filter_map(|part| part.as_object().cloned()).flatten().collect());
    }
    match kind(schema) {
        "object" => object(schema, components, depth),
        "array" => match schema.get("prefixItems").and_then(Value::as_array) {
            Some(items) => items.iter().map(|item| example(item, components, name, depth + 1)).collect(),
            None => json!([example(&schema["items"], components, name, depth + 1)]),
        },
        "integer" => schema.get("minimum").filter(|minimum| **minimum != 0).cloned().unwrap_or(json!(1)),
        "number" => json!(0.5),
        "boolean" => json!(true),
        "string" => string(schema, name),
        _ => Value::Null,
    }
}

/// The schema's type; of a type or `null`, the type.
fn kind(schema: &Value) -> &str {
    let kind = &schema["type"];
    let several = kind.as_array().into_iter().flatten();
    let named = several.filter_map(Value::as_str).find(|kind| *kind != "null");
    kind.as_str().or(named).unwrap_or_default()
}

fn object(schema: &Value, components: &Value, depth: usize) -> Value {
    let fields = schema["properties"].as_object().into_iter().flatten();
    let shown: Map<String, Value> =
        fields.map(|(name, field)| (name.clone(), example(field, components, name, depth + 1))).collect();
    Value::Object(shown)
}

fn string(schema: &Value, name: &str) -> Value {
    let format = schema["format"].as_str().unwrap_or_default();
    if format == "uuid" {
        return json!(UUID);
    }
    if format == "date-time" || name.ends_with("_at") {
        return json!(MOMENT);
    }
    let known = BY_NAME.iter().find(|(known, _)| *known == name);
    json!(known.map_or("text", |(_, example)| example))
}
