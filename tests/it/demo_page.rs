//! The demo page: who gets its cookie, what the cookie may, and that the API answers what the page reads.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tga::http::{DemoSession, Metrics, Web};

use crate::support::{Reply, TestApp, line, send_through};

fn demo(app: &TestApp) -> DemoSession {
    DemoSession::new(app.tenant()).unwrap()
}

fn front(app: &TestApp, host: &str) -> Reply {
    app.request(Method::GET, "/").header("host", host).demo(demo(app)).send()
}

#[test]
fn the_demo_page_gives_its_cookie_to_loopback_names_only() {
    let app = TestApp::new();
    for host in ["127.0.0.1:8000", "localhost:8000", "localhost", "[::1]:8000", "[::1]"] {
        let reply = front(&app, host);
        assert_eq!(reply.status, StatusCode::OK, "{host}");
        let cookie = reply.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    }
    for host in [
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "",
        "10.0.0.1",
        "localhost:80:80",
    ] {
        let reply = front(&app, host);
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{host}");
        assert_eq!(reply.header("set-cookie"), "", "{host}");
    }
}

#[test]
fn the_demo_cookie_reads_and_needs_a_header_to_post() {
    let mut app = TestApp::new();
    app.index_jsonl(&[line("news", 1, "Ледокол вышел из порта")]);
    let web = Web::new(app.app(), Metrics::install(), Some(demo(&app)));
    let request = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        let mut builder = axum::http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let request = builder.body(axum::body::Body::from(body.to_owned())).unwrap();
        send_through(&web, vec![request]).remove(0)
    };
    let page = request("GET", "/", &[("host", "localhost")], "");
    let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
    let json = ("content-type", "application/json");
    let query = r#"{"query":"ледокол"}"#;
    let own = ("cookie", cookie.as_str());
    assert_eq!(
        request("POST", "/api/search", &[own, json], query).status,
        StatusCode::FORBIDDEN,
        "another site's form could have sent it"
    );
    let asked = ("x-requested-with", "demo");
    let reply = request("POST", "/api/search", &[own, json, asked], query);
    assert_eq!(reply.ok()["hits"][0]["message_id"], 1);
    let status = request("GET", "/api/demo/status", &[own], "").ok();
    assert_eq!(status["posts"], 1);
    let shown: Value = serde_json::from_str(include_str!("../fixtures/demo/status.json")).unwrap();
    for key in shown.as_object().unwrap().keys() {
        assert!(status.get(key).is_some(), "the page reads `{key}`: {status}");
    }
    for cookie in ["tga_demo=", "tga_demo=00", "tga_demox=1", &format!("x{cookie}")] {
        let reply = request("GET", "/api/posts", &[("cookie", cookie)], "");
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{cookie}");
    }
    // A cookie among others still counts.
    let among = format!("a=b; {cookie}; c=d");
    assert_eq!(request("GET", "/api/posts", &[("cookie", &among)], "").status, StatusCode::OK);
}

#[test]
fn what_the_demo_page_reads_is_what_the_api_answers() {
    let mut app = TestApp::new();
    app.index_jsonl(&[line("news", 1, "Нацбанк снизил ключевую ставку до 13,75 процента в пятницу")]);
    let token = app.token("main");
    let query = json!({ "query": "Какая ключевая ставка Нацбанка?" });
    let rag = app.post("/api/rag/query", &token, &query).ok();
    let search = app.post("/api/search", &token, &query).ok();
    let error = app.request(Method::GET, "/api/posts").send().json();
    for (answer, fixture) in [
        (&rag, include_str!("../fixtures/demo/rag.json")),
        (&search, include_str!("../fixtures/demo/search.json")),
        (&error, include_str!("../fixtures/demo/error.json")),
    ] {
        let fixture: Value = serde_json::from_str(fixture).unwrap();
        same_keys(&fixture, answer, "");
    }
}

/// Every key of the fixture is in the answer, with the same kind of value.
fn same_keys(fixture: &Value, answer: &Value, path: &str) {
    match (fixture, answer) {
        (Value::Object(fixture), Value::Object(answer)) => {
            for (key, value) in fixture {
                let path = format!("{path}.{key}");
                let given = answer.get(key).unwrap_or_else(|| panic!("the page reads {path}"));
                same_keys(value, given, &path);
            }
        }
        (Value::Array(fixture), Value::Array(answer)) => {
            if let (Some(fixture), Some(answer)) = (fixture.first(), answer.first()) {
                same_keys(fixture, answer, &format!("{path}[0]"));
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (fixture, answer) => {
            assert_eq!(std::mem::discriminant(fixture), std::mem::discriminant(answer), "{path}: {answer}");
        }
    }
}
