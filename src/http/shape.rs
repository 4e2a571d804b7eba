//! Whether a request has the shape that the API's document gives it; every wrong field is named.
//!
//! The one place that does: what is documented is what is enforced, so a bound of a field stands once, at the field. Reads the
//! part of JSON Schema that the document uses; a test fails when a request's schema uses a keyword that is not read here. What
//! a field means (a date in the past, a channel that does not exist) is checked by the call itself. Values are not repeated:
//! some are secrets.

mod value;

use axum::http::Method;
use serde_json::{Map, Value};

use super::openapi;
use crate::app::Fields;

/// Wrong fields one answer names at most; who sends more has the form wrong, not a field.
const FIELDS_NAMED_MAX: usize = 32;

/// What is wrong with a JSON body.
pub(super) fn body_problems(method: &Method, route: &str, body: &Value) -> Fields {
    let mut fields = Fields::default();
    if let Some(schema) = operation(method, route)
        .and_then(|operation| operation.pointer("/requestBody/content/application~1json/schema"))
    {
        value::check(schema, body, "", &mut fields);
    }
    fields
}

/// The query as one object, its values typed as the document says, and what is wrong with it.
pub(super) fn query_read(method: &Method, route: &str, query: &str) -> (Value, Fields) {
    let mut fields = Fields::default();
    let mut read = Map::new();
    let parameters = operation(method, route).and_then(|operation| operation["parameters"].as_array());
    let parameters: Vec<&Value> =
        parameters.into_iter().flatten().filter(|parameter| parameter["in"] == "query").collect();
    for (name, text) in url::form_urlencoded::parse(query.as_bytes()) {
        let Some(parameter) = parameters.iter().find(|parameter| parameter["name"] == *name) else {
            if fields.len() < FIELDS_NAMED_MAX {
                fields.wrong(
                    shown(&name),
                    unknown(parameters.iter().filter_map(|known| known["name"].as_str())),
                );
            }
            continue;
        };
        let schema = &parameter["schema"];
        let typed = value::typed(schema, &text);
        value::check(schema, &typed, &name, &mut fields);
        if read.insert(name.clone().into_owned(), typed).is_some() {
            fields.wrong(name, "is given twice");
        }
    }
    for parameter in parameters {
        if let Some(name) = parameter["name"].as_str()
            && parameter["required"] == true
            && !read.contains_key(name)
        {
            fields.wrong(name, "is missing");
        }
    }
    (Value::Object(read), fields)
}

/// What the document says of a route.
fn operation(method: &Method, route: &str) -> Option<&'static Value> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    openapi::value()["paths"].get(route)?.get(method.as_str().to_ascii_lowercase())
}

/// Longest unknown name that is repeated, characters.
const NAME_CHARS_MAX: usize = 40;

/// An unknown name, cut where it is long.
fn shown(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

/// That a name means nothing here, and which do.
fn unknown<'a>(known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    if known.is_empty() {
        return "is not known here; nothing is".to_owned();
    }
    format!("is not known here; known are {}", known.join(", "))
}

#[cfg(test)]
mod tests;
