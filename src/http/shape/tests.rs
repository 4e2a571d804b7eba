//! Shapes against the real document: whatever is wrong is named, nothing else is, and no keyword of it is passed over.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::{body_problems, query_read, value};
use crate::http::openapi;

fn wrong(route: &str, body: &Value) -> Vec<String> {
    let fields = body_problems(&Method::POST, route, body);
    fields.list().iter().map(ToString::to_string).collect()
}

#[test]
fn every_wrong_field_of_a_body_is_named() {
    let body = json!({
        "query": " ", "mode": "guess", "limit": 0, "since": "yesterday", "channel_ids": [1, "2", 3.5], "colour": 1,
        "tags": null
    });
    assert_eq!(
        wrong("/api/search", &body),
        [
            "channel_ids[1]: is a text; write a whole number",
            "channel_ids[2]: is a number with a fraction; write a whole number",
            "colour: is not known here; known are channel_ids, limit, mode, query, since, tags, until",
            "limit: is 0; choose from 1 to 100",
            "mode: is none of the words that are known; write one of hybrid, fulltext, vector",
            "query: is empty",
            "since: cannot be read; write a moment such as 2026-01-31T09:00:00Z",
            "tags: is null; write a list",
        ]
    );
    assert_eq!(wrong("/api/search", &json!([])), ["body: is a list; write an object"]);
    assert_eq!(wrong("/api/search", &json!({})), ["query: is missing"]);
    assert!(
        wrong("/api/search", &json!({ "query": "x", "limit": null, "since": "2026-01-01T00:00:00+03:00" }))
            .is_empty()
    );
}

#[test]
fn a_choice_is_measured_by_the_type_that_was_written() {
    let wrong = |depth: Value| wrong("/api/channels", &json!({ "channel": "@x", "depth_days": depth }));
    assert!(wrong(json!(7)).is_empty());
    assert!(wrong(json!("all")).is_empty());
    assert!(wrong(json!(null)).is_empty());
    assert_eq!(wrong(json!("")), ["depth_days: is none of the words that are known; write all"]);
    assert_eq!(wrong(json!(36_501)), ["depth_days: is 36501; choose from 0 to 36500"]);
    assert_eq!(wrong(json!(1e300)), ["depth_days: is 1e+300; choose from 0 to 36500"]);
    assert_eq!(wrong(json!([])), ["depth_days: is a list; write a whole number, or all"]);
}

#[test]
fn the_old_name_of_a_field_is_taken() {
    assert!(wrong("/api/channels", &json!({ "username": "@x" })).is_empty());
    assert_eq!(wrong("/api/channels", &json!({})), ["channel: is missing"]);
}

#[test]
fn a_form_that_is_wrong_all_over_gets_a_short_answer() {
    let ids: Vec<&str> = vec!["x"; 100_000];
    assert_eq!(
        wrong("/api/search", &json!({ "query": "x", "channel_ids": ids })).len(),
        super::FIELDS_NAMED_MAX
    );
}

#[test]
fn every_wrong_parameter_of_a_query_is_named() {
    let read = |query: &str| {
        let (value, fields) = query_read(&Method::GET, "/api/posts", query);
        (value, fields.list().iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let (_, wrong) = read("limit=500&offset=-1&since=%00&q=a&q=b&page=2");
    assert_eq!(
        wrong,
        [
            "limit: is 500; choose from 1 to 100",
            "offset: is -1; choose from 0 to 18446744073709551615",
            "since: cannot be read; write a moment such as 2026-01-31T09:00:00Z",
            "q: is given twice",
            "page: is not known here; known are channel, tag, since, until, q, limit, offset",
        ]
    );
    let (value, wrong) = read("limit=5&q=%D0%B4%D0%BE%D0%BC&offset=18446744073709551615");
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(value, json!({ "limit": 5, "q": "дом", "offset": u64::MAX }));
    assert_eq!(read("limit=five").1, ["limit: is a text; write a whole number"]);
    assert_eq!(read("limit=").1, ["limit: is a text; write a whole number"]);
}

/// Gives every schema of requests to `look`.
fn walk(schema: &Value, seen: &mut BTreeSet<String>, look: &mut dyn FnMut(&Value)) {
    if let Some(target) = schema["$ref"].as_str()
        && seen.insert(target.to_owned())
    {
        walk(openapi::value().pointer(&target[1..]).unwrap(), seen, look);
    }
    look(schema);
    for property in schema["properties"].as_object().into_iter().flat_map(serde_json::Map::values) {
        walk(property, seen, look);
    }
    for choice in schema["oneOf"].as_array().into_iter().flatten() {
        walk(choice, seen, look);
    }
    if schema["items"].is_object() {
        walk(&schema["items"], seen, look);
    }
}

/// A keyword that the document uses and this module does not read would be a promise that nobody keeps.
#[test]
fn every_keyword_of_the_documents_requests_is_read() {
    const DESCRIBES: [&str; 5] = ["description", "example", "default", "writeOnly", "x-alias"];
    let mut look = |schema: &Value| {
        for (keyword, written) in schema.as_object().unwrap() {
            let known = value::READ.contains(&keyword.as_str()) || DESCRIBES.contains(&keyword.as_str());
            assert!(known, "{keyword} is not read: {schema}");
            match keyword.as_str() {
                "pattern" => assert_eq!(written, value::PATTERN_VISIBLE),
                "format" => assert!(value::FORMATS.contains(&written.as_str().unwrap()), "{schema}"),
                "additionalProperties" => assert_eq!(written, &json!(false)),
                _ => {}
            }
        }
    };
    let mut seen = BTreeSet::new();
    for (_, _, operation) in openapi::operations() {
        if let Some(body) = operation.pointer("/requestBody/content/application~1json/schema") {
            walk(body, &mut seen, &mut look);
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" {
                walk(&parameter["schema"], &mut seen, &mut look);
                if parameter["name"] == "limit" {
                    assert!(parameter["schema"]["maximum"].as_u64().unwrap() <= 500, "{parameter}");
                }
            }
        }
    }
    assert!(seen.len() > 10);
}

/// The document's own examples have the shape it asks for.
#[test]
fn the_documents_examples_are_right() {
    for (method, path, operation) in openapi::operations() {
        if let Some(example) = operation.pointer("/requestBody/content/application~1json/example") {
            let method: Method = method.to_uppercase().parse().unwrap();
            let wrong = body_problems(&method, path, example);
            assert!(wrong.is_empty(), "{method} {path}: {wrong}");
        }
    }
}
