//! One value against one schema.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use super::{FIELDS_NAMED_MAX, shown, unknown};
use crate::{app::Fields, http::openapi};

/// Keywords that say something about a value; the others only describe.
#[cfg(test)]
pub(super) const READ: [&str; 16] = [
    "$ref",
    "type",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "oneOf",
];
/// A name that clients of the old API use for a field.
const ALIAS: &str = "x-alias";
/// The one pattern there is: something that is not white space.
pub(super) const PATTERN_VISIBLE: &str = r"\S";
/// Formats that are checked.
#[cfg(test)]
pub(super) const FORMATS: [&str; 4] = ["int32", "int64", "date-time", "uuid"];

/// Notes what is wrong with `value`, which stands at `path` (empty = the whole).
pub(super) fn check(schema: &Value, value: &Value, path: &str, fields: &mut Fields) {
    if fields.len() >= FIELDS_NAMED_MAX {
        return;
    }
    if let Some(target) = schema["$ref"].as_str() {
        let found = target.strip_prefix('#').and_then(|pointer| openapi::value().pointer(pointer));
        return check(found.unwrap_or(&Value::Null), value, path, fields);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return check_choices(choices, value, path, fields);
    }
    if !types(schema).is_empty() && !types(schema).iter().any(|kind| is_of(kind, value)) {
        wrong(fields, path, format!("is {}; write {}", kind_of(value), expected(schema)));
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        wrong(fields, path, format!("is none of the words that are known; write {}", expected(schema)));
        return;
    }
    match value {
        Value::Number(number) => check_number(schema, number, path, fields),
        Value::String(text) => check_text(schema, text, path, fields),
        Value::Array(items) => check_items(schema, items, path, fields),
        Value::Object(object) => check_object(schema, object, path, fields),
        Value::Null | Value::Bool(_) => {}
    }
}

/// A value that may be one of several: the choices of its own type are what it is measured by.
fn check_choices(choices: &[Value], value: &Value, path: &str, fields: &mut Fields) {
    let mut nearest = None;
    for choice in choices {
        let mut found = Fields::default();
        check(choice, value, path, &mut found);
        if found.is_empty() {
            return;
        }
        if suits(choice, value) {
            nearest.get_or_insert(found);
        }
    }
    if let Some(nearest) = nearest {
        for problem in nearest.list() {
            fields.wrong(problem.field.clone(), problem.problem.clone());
        }
        return;
    }
    let expected: Vec<_> = choices.iter().map(expected).filter(|choice| choice != "nothing").collect();
    wrong(fields, path, format!("is {}; write {}", kind_of(value), expected.join(", or ")));
}

/// Whether a schema is about values of this type.
fn suits(schema: &Value, value: &Value) -> bool {
    let schema = resolved(schema);
    match schema["oneOf"].as_array() {
        Some(choices) => choices.iter().any(|choice| suits(choice, value)),
        None => types(schema).iter().any(|kind| is_of(kind, value)),
    }
}

fn resolved(schema: &Value) -> &Value {
    let target = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
    target.and_then(|pointer| openapi::value().pointer(pointer)).unwrap_or(schema)
}

/// The types a schema allows; none means any.
fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => kind == "number" || (kind == "integer" && is_whole(number)),
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    }
}

fn is_whole(number: &Number) -> bool {
    number.as_f64().is_some_and(|float| float.fract() == 0.0)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if is_whole(number) => "a number",
        Value::Number(_) => "a number with a fraction",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// What a schema wants, in words.
fn expected(schema: &Value) -> Cow<'static, str> {
    let schema = resolved(schema);
    if let Some(allowed) = schema["enum"].as_array() {
        let words: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        return Cow::Owned(if words.len() == 1 {
            words[0].to_owned()
        } else {
            format!("one of {}", words.join(", "))
        });
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let expected: Vec<_> = choices.iter().map(expected).filter(|choice| choice != "nothing").collect();
        return Cow::Owned(expected.join(", or "));
    }
    let format = schema["format"].as_str().unwrap_or_default();
    Cow::Borrowed(match types(schema).into_iter().find(|kind| *kind != "null").unwrap_or("nothing") {
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "string" if format == "date-time" => "a moment such as 2026-01-31T09:00:00Z",
        "string" if format == "uuid" => "a uuid",
        "string" => "a text",
        "array" => "a list",
        "object" => "an object",
        _ => "nothing",
    })
}

fn check_number(schema: &Value, number: &Number, path: &str, fields: &mut Fields) {
    let format = schema["format"].as_str().unwrap_or_default();
    let least = whole(&schema["minimum"]).unwrap_or(match format {
        "int32" => i128::from(i32::MIN),
        _ => i128::from(i64::MIN),
    });
    let most = whole(&schema["maximum"]).unwrap_or(match format {
        "int32" => i128::from(i32::MAX),
        _ => i128::from(i64::MAX),
    });
    // What is beyond 64 bits was read as a float; no bound is as far out.
    let given = number.as_i128();
    if !given.is_some_and(|given| (least..=most).contains(&given)) {
        wrong(fields, path, format!("is {number}; choose from {least} to {most}"));
    }
}

fn whole(bound: &Value) -> Option<i128> {
    bound.as_number()?.as_i128()
}

fn check_text(schema: &Value, text: &str, path: &str, fields: &mut Fields) {
    let chars = text.chars().count();
    if let Some(most) = size(&schema["maxLength"])
        && chars > most
    {
        wrong(fields, path, format!("has {chars} characters; at most {most} are taken"));
    } else if size(&schema["minLength"]).is_some_and(|least| chars < least)
        || (schema["pattern"] == PATTERN_VISIBLE && text.trim().is_empty())
    {
        wrong(fields, path, "is empty".to_owned());
    } else if !is_in_format(schema["format"].as_str().unwrap_or_default(), text) {
        wrong(fields, path, format!("cannot be read; write {}", expected(schema)));
    }
}

fn is_in_format(format: &str, text: &str) -> bool {
    match format {
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "uuid" => uuid::Uuid::parse_str(text).is_ok(),
        _ => true,
    }
}

fn size(bound: &Value) -> Option<usize> {
    bound.as_u64().and_then(|bound| usize::try_from(bound).ok())
}

fn check_items(schema: &Value, items: &[Value], path: &str, fields: &mut Fields) {
    if let Some(most) = size(&schema["maxItems"])
        && items.len() > most
    {
        wrong(fields, path, format!("has {} entries; at most {most} are taken", items.len()));
        return;
    }
    if let Some(least) = size(&schema["minItems"])
        && items.len() < least
    {
        wrong(fields, path, format!("has {} entries; at least {least} are needed", items.len()));
    }
    for (at, item) in items.iter().enumerate() {
        check(&schema["items"], item, &format!("{path}[{at}]"), fields);
    }
}

fn check_object(schema: &Value, object: &Map<String, Value>, path: &str, fields: &mut Fields) {
    let Some(known) = schema["properties"].as_object() else { return };
    let inside = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for (name, value) in object {
        let property = known.get(name).or_else(|| known.values().find(|property| property[ALIAS] == **name));
        match property {
            Some(property) => check(property, value, &inside(name), fields),
            None if schema["additionalProperties"] == false => {
                wrong(fields, &inside(&shown(name)), unknown(known.keys().map(String::as_str)));
            }
            None => {}
        }
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let given = |name: &str| {
        let alias = known.get(name).and_then(|property| property[ALIAS].as_str());
        object.contains_key(name) || alias.is_some_and(|alias| object.contains_key(alias))
    };
    for name in required.filter(|name| !given(name)) {
        wrong(fields, &inside(name), "is missing".to_owned());
    }
}

fn wrong(fields: &mut Fields, path: &str, problem: String) {
    if fields.len() < FIELDS_NAMED_MAX {
        fields.wrong(if path.is_empty() { "body" } else { path }, problem);
    }
}

/// A parameter's text as a value of the type it is to have; one that cannot be read stays a text.
pub(super) fn typed(schema: &Value, text: &str) -> Value {
    let schema = resolved(schema);
    let as_text = || Value::String(text.to_owned());
    match types(schema).into_iter().find(|kind| *kind != "null") {
        Some("integer") => match text.parse::<i64>() {
            Ok(number) => Value::from(number),
            // Beyond 63 bits, or no number at all.
            Err(_) => text.parse::<u64>().map_or_else(|_| as_text(), Value::from),
        },
        Some("boolean") => text.parse::<bool>().map_or_else(|_| as_text(), Value::Bool),
        Some(_) | None => as_text(),
    }
}
