//! The API's document (`OpenAPI` 3.1), made from the routes.
//!
//! A handler describes what is its own: words, parameters, bodies, successes and refusals of its own. What every route of a
//! kind has in common (401 behind a credential, 404 behind an id, 422 behind a parameter, …) is added here, once.
//!
//! `security(("bearer" = ["read"]))` says who may: `read`, `write`, `member` (a person, no token), `admin` (of
//! the tenant), `operator`; none is open to all.

mod example;
pub mod postman;

use std::{fmt::Write as _, sync::LazyLock};

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::{error::ErrorBody, routes};
use crate::app::ErrorCode;

/// The document as it is served.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let api = routes::documented().into_openapi();
    let mut document = serde_json::to_value(&api).unwrap_or_default();
    complete(&mut document);
    document
});

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Telegram Assistant",
        license(name = "MIT", identifier = "MIT"),
        contact(name = "The operator of this installation")
    ),
    components(schemas(ErrorBody, crate::app::login::LoginStarted)),
    tags(
        (name = "auth", description = "Signing in, staying so, and the sessions one has."),
        (name = "login", description = "Connecting one's Telegram account by a QR code."),
        (name = "search", description = "Searching posts and asking questions about them."),
        (name = "channels", description = "Following channels, and how completely they are read."),
        (name = "bot", description = "Where Telegram delivers what people tell the bot."),
        (name = "posts", description = "Posts and tags the caller may see."),
        (name = "demo", description = "The demo page's own figures."),
        (name = "alerts", description = "Saved searches of one's own that tell of new posts."),
        (name = "users", description = "Oneself, and for admins the others of the tenant."),
        (name = "admin", description = "What a tenant's admins do: people, invites, failed jobs, records."),
        (name = "operator", description = "What only those see who run the installation (`operators`)."),
        (name = "ops", description = "Whether the service can do its work."),
    )
)]
struct Head;

/// The document before any route.
pub(super) fn head() -> utoipa::openapi::OpenApi {
    Head::openapi()
}

/// The whole document.
pub fn value() -> &'static Value {
    &DOCUMENT
}

/// Methods a path of the document may have.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// Adds what all routes of a kind have in common.
fn complete(document: &mut Value) {
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    document["info"]["description"] = json!(format!(
        "One appliance's API. Send `Authorization: Bearer …` with an access token or an API token. Every answer bears \
         `X-Request-Id`; a refusal names its code.\n\n{}",
        ErrorCode::table()
    ));
    document["servers"] = json!([{ "url": "/" }]);
    document["components"]["securitySchemes"] = json!({
        "telegram": {
            "type": "apiKey",
            "in": "header",
            "name": "X-Telegram-Bot-Api-Secret-Token",
            "description": "The secret Telegram was told when the webhook was set."
        },
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token (`POST /api/auth/telegram-webapp`) or an API token (`tga token create`)."
        }
    });
    bound_integers(document);
    let components = document["components"]["schemas"].clone();
    let Some(paths) = document["paths"].as_object_mut() else {
        return;
    };
    for (path, item) in paths {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                let words: Vec<&str> =
                    path.split(['/', '{', '}', '-', '.']).filter(|word| !word.is_empty()).collect();
                operation.insert("operationId".to_owned(), json!(format!("{method}_{}", words.join("_"))));
                complete_responses(path, operation);
                complete_examples(operation, &components);
            }
        }
    }
}

/// Says how far a whole number without a sign goes where nothing narrower is said.
fn bound_integers(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let counts =
                fields.get("type").is_some_and(is_integer) && fields.get("minimum") == Some(&json!(0));
            if counts && !fields.contains_key("maximum") && !fields.contains_key("format") {
                fields.insert("maximum".to_owned(), json!(u64::MAX));
            }
            fields.values_mut().for_each(bound_integers);
        }
        Value::Array(items) => items.iter_mut().for_each(bound_integers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `integer`, or that or `null`.
fn is_integer(kind: &Value) -> bool {
    kind == "integer" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "integer"))
}

/// Gives every JSON body an example.
fn complete_examples(operation: &mut Map<String, Value>, components: &Value) {
    let content = "/content/application~1json";
    if let Some(content) = operation.get_mut("requestBody").and_then(|body| body.pointer_mut(content)) {
        show(content, components);
    }
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, response) in responses {
        if let Some(content) = response.pointer_mut(content) {
            show(content, components);
        }
    }
}

fn show(content: &mut Value, components: &Value) {
    if content.get("schema").is_some() && content.get("example").is_none() {
        content["example"] = example::example(&content["schema"], components, "", 0);
    }
}

fn complete_responses(path: &str, operation: &mut Map<String, Value>) {
    let secured = operation.get("security").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let takes = operation.contains_key("parameters") || operation.contains_key("requestBody");
    let has_body = operation.contains_key("requestBody");
    let limited = !path.starts_with("/health") && path != "/ready";
    let found_by_id = path.contains('{');
    let Some(responses) = operation.entry("responses").or_insert_with(|| json!({})).as_object_mut() else {
        return;
    };
    for (status, words, present) in [
        ("401", "No valid credential.", secured),
        ("403", "The credential does not allow this.", secured),
        ("404", "No such thing, or somebody else's.", found_by_id),
        ("413", "The body is too large.", has_body),
        ("414", "The address is too long.", takes),
        ("422", "Not understood; `error.fields` names every wrong field.", takes),
        ("429", "Too many requests; `Retry-After` says when to try again.", limited),
        ("500", "A fault of the service.", true),
        ("503", "Not now.", true),
    ] {
        if present {
            responses.entry(status).or_insert_with(|| json!({ "description": words }));
        }
    }
    for (status, response) in responses {
        if status.starts_with(['4', '5'])
            && let Some(response) = response.as_object_mut()
        {
            let body =
                json!({ "application/json": { "schema": { "$ref": "#/components/schemas/ErrorBody" } } });
            response.entry("content").or_insert(body);
        }
    }
}

/// Every route on one screen: method, path, who may, what it does.
pub fn routes_table() -> String {
    let mut out = "# Routes\n\nMade from the code; `UPDATE_GOLDEN=1` writes it anew. Who may: `open` to all, `read`, `write`, \
                   `member` (a person who has signed in, no token) and `admin` of the tenant, `operator` of the installation.\n\n| method | path | who may | what |\n|---|---|---|---|\n"
        .to_owned();
    for (method, path, operation) in operations() {
        let who = operation["security"][0]["bearer"][0].as_str().unwrap_or("open");
        let what = operation["summary"].as_str().unwrap_or_default();
        let _ = writeln!(out, "| {} | `{path}` | {who} | {what} |", method.to_uppercase());
    }
    out
}

/// Each operation of the document: method, path, description.
pub fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let paths = value()["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        METHODS.into_iter().filter_map(move |method| Some((method, path.as_str(), item.get(method)?)))
    })
}
