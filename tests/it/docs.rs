//! The API's document for people: the two viewers and the Postman collection.

use axum::http::{Method, StatusCode};
use serde_json::Value;
use tga::http::openapi;

use crate::support::TestApp;

#[test]
fn the_viewers_are_whole_and_bring_everything_themselves() {
    let app = TestApp::new();
    let get = |path: &str| app.request(Method::GET, path).send();
    for (path, kind, holds) in [
        ("/docs", "text/html", "/docs/swagger-ui-bundle.js"),
        ("/docs/start.js", "text/javascript", "/openapi.json"),
        ("/docs/swagger-ui.css", "text/css", ".swagger-ui"),
        ("/docs/swagger-ui-bundle.js", "text/javascript", "SwaggerUIBundle"),
        ("/redoc", "text/html", "/redoc/redoc.js"),
        ("/redoc/redoc.js", "text/javascript", "Redoc.init(\"/openapi.json\""),
        ("/openapi.json", "application/json", "\"openapi\":\"3.1.0\""),
    ] {
        let reply = get(path);
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        assert!(reply.header("content-type").starts_with(kind), "{path}: {}", reply.header("content-type"));
        assert!(reply.text().contains(holds), "{path} lacks {holds}");
    }
    // The viewer's maker has a logo, which it once fetched from afar.
    assert!(!get("/redoc/redoc.js").text().contains("https://cdn."));
    for path in ["/docs", "/redoc"] {
        let page = get(path).text();
        assert!(
            !page.contains("<script>") && !page.contains("//"),
            "{path} has a script of its own or a foreign address"
        );
        let quoted = page.split('"').skip(1).step_by(2).filter(|word| word.starts_with('/'));
        for source in quoted {
            assert_eq!(get(source).status, StatusCode::OK, "{path} names {source}");
        }
    }
}

#[test]
fn the_postman_collection_has_every_operation_once() {
    let app = TestApp::new();
    let collection = app.request(Method::GET, "/postman.json").send().ok();
    let schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
    assert_eq!(collection["info"]["schema"], schema);
    let folders = collection["item"].as_array().unwrap();
    let items: Vec<&Value> = folders.iter().flat_map(|folder| folder["item"].as_array().unwrap()).collect();
    let mut named: Vec<&str> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
    let mut documented: Vec<String> =
        openapi::operations().map(|(method, path, _)| format!("{} {path}", method.to_uppercase())).collect();
    named.sort_unstable();
    documented.sort_unstable();
    assert_eq!(named, documented, "a tag of an operation is missing in the document's list of tags");
    for item in items {
        let request = &item["request"];
        let raw = request["url"]["raw"].as_str().unwrap();
        assert!(raw.starts_with("{{base_url}}/") && !raw.replace("{{base_url}}", "").contains('{'), "{raw}");
        if let Some(body) = request["body"]["raw"].as_str() {
            serde_json::from_str::<Value>(body).unwrap();
        }
        let variables = request["url"]["variable"].as_array().unwrap().len();
        assert_eq!(raw.matches("/:").count(), variables, "{raw}");
    }
}

/// Was: a body shared by two routes was named in the document and described nowhere.
#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn follow(value: &Value, whole: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(path)) = fields.get("$ref") {
                    let found = whole.pointer(path.trim_start_matches('#'));
                    assert!(found.is_some(), "{path} is described nowhere");
                }
                fields.values().for_each(|value| follow(value, whole));
            }
            Value::Array(items) => items.iter().for_each(|value| follow(value, whole)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    follow(openapi::value(), openapi::value());
}
