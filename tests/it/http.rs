//! The HTTP face: who gets in, how it refuses, what every answer carries.

use axum::http::{Method, StatusCode};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};
use serde_json::{Value, json};
use tga::http::{Metrics, Web, openapi};

use crate::support::{Reply, TestApp, line, send_through};

/// Files and pages; everything else is in the API's document.
const FILES: [&str; 15] = [
    "/",
    "/demo.css",
    "/demo.js",
    "/post.js",
    "/server.js",
    "/words.js",
    "/favicon.ico",
    "/openapi.json",
    "/postman.json",
    "/docs",
    "/docs/start.js",
    "/docs/swagger-ui.css",
    "/docs/swagger-ui-bundle.js",
    "/redoc",
    "/redoc/redoc.js",
];

/// Every route: the files, and the document's. `isolation` says who may use them.
fn routes() -> Vec<(String, &'static str)> {
    let mut all: Vec<_> = FILES.map(|path| ("GET".to_owned(), path)).into();
    all.extend(openapi::operations().map(|(method, path, _)| (method.to_uppercase(), path)));
    all
}

/// Routed only where the configuration says so.
const METRICS: &str = "/metrics";

/// Two tenants with a post each; the second one's has the higher id nowhere but in `main`.
fn appliance() -> TestApp {
    let mut app = TestApp::builder().tenant("other").build();
    app.import_jsonl_into("main", &[line("news", 1, "Ледокол вышел из порта")]);
    app.import_jsonl_into("other", &[line("news", 1, "Чужой пост"), line("news", 2, "Чужая тайна")]);
    app.run_pending_jobs();
    app
}

fn ask(app: &TestApp, method: &str, route: &str, token: Option<&str>, post: i64) -> Reply {
    let path = route.replace("{id}", &post.to_string());
    let mut request = app.request(Method::from_bytes(method.as_bytes()).unwrap(), &path);
    if let Some(token) = token {
        request = request.token(token);
    }
    if method == "POST" {
        request = request.json(&json!({ "query": "ледокол тайна" }));
    }
    request.send()
}

#[test]
fn every_route_is_documented_or_a_file() {
    let source = concat!(include_str!("../../src/http/routes.rs"), include_str!("../../src/http/docs.rs"));
    let routed = source.split(".route(").skip(1);
    let files: Vec<&str> =
        routed.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next()).collect();
    assert_eq!(files, FILES, "a route outside the document is a file, and stands in this table");
}

#[test]
fn every_operation_is_described_with_examples_and_refusals() {
    let mut ids = std::collections::BTreeSet::new();
    for (method, path, operation) in openapi::operations() {
        let name = format!("{method} {path}");
        assert!(
            operation["summary"].as_str().is_some_and(|words| words.ends_with('.')),
            "{name}: no summary"
        );
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}: its id is another's");
        assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{name}: no tag");
        let secured = operation.get("security").is_some();
        for status in ["401", "403"] {
            assert!(!secured || operation["responses"].get(status).is_some(), "{name}: {status}");
        }
        if let Some(body) = operation.pointer("/requestBody/content/application~1json") {
            assert!(!body["example"].is_null(), "{name}: its body has no example");
        }
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with(['2', '3'])), "{name}: never succeeds");
        for (status, response) in responses {
            if let Some(body) = response.pointer("/content/application~1json") {
                assert!(!body["example"].is_null(), "{name}: {status} has no example");
            }
        }
    }
}

#[test]
fn what_is_wrong_with_a_request_is_named() {
    let app = appliance();
    let token = app.token("main");
    let search = |body: Value| app.post("/api/search", &token, &body);
    for (reply, word) in [
        (search(json!({})), "query"),
        (search(json!({ "query": "" })), "query"),
        (search(json!({ "query": "ы".repeat(1001) })), "query"),
        (search(json!({ "query": "x", "limit": 0 })), "limit"),
        (search(json!({ "query": "x", "limit": 101 })), "limit"),
        (search(json!({ "query": "x", "limit": -1 })), "limit"),
        (search(json!({ "query": "x", "mode": "magic" })), "mode"),
        (search(json!({ "query": "x", "since": "yesterday" })), "since"),
        (search(json!({ "query": "x", "colour": "red" })), "colour"),
        (search(json!({ "query": "x", "channel_ids": ["a"] })), "channel_ids"),
        (search(json!([1, 2])), ""),
        (app.post("/api/rag/query", &token, &json!({ "query": 7 })), "query"),
        (app.post("/api/rag/query", &token, &json!({ "query": "x", "limit": 21 })), "limit"),
        (app.get("/api/posts?limit=0", &token), "limit"),
        (app.get("/api/posts?limit=101", &token), "limit"),
        (app.get("/api/posts?limit=x", &token), "limit"),
        (app.get("/api/posts?since=never", &token), "since"),
        (app.get("/api/posts?nonsense=1", &token), "nonsense"),
        (app.get("/api/tags?limit=x", &token), "limit"),
    ] {
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{word}: {}", reply.text());
        let body = reply.json();
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(word), "{word} is not named: {message}");
        assert_eq!(body["detail"], body["error"]["message"]);
        assert_eq!(body["error"]["code"], "invalid_request");
        assert_eq!(body["error"]["request_id"], reply.header("x-request-id"));
    }
}

#[test]
fn what_is_not_there_is_404_and_the_wrong_method_405() {
    let app = appliance();
    let token = app.token("main");
    for path in [
        "/api/posts/999",
        "/api/posts/x",
        "/api/posts/-1",
        "/api/posts/99999999999999999999",
        "/api/nothing",
        "/api/posts?channel=nobody",
        "/../etc/passwd",
    ] {
        let reply = app.get(path, &token);
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(reply.code(), "not_found", "{path}");
    }
    let all = routes();
    for (_, route) in &all {
        let reply = ask(&app, "TRACE", route, Some(&token), 1);
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{route}");
        assert_eq!(reply.code(), "method_not_allowed");
        for (method, _) in all.iter().filter(|(_, other)| other == route) {
            assert!(reply.header("allow").contains(method), "{route}");
        }
    }
}

#[test]
fn a_body_over_the_limit_is_413_and_one_at_it_is_read() {
    let app = TestApp::builder().set("TGA__SERVER__BODY_BYTES_MAX", "4096").build();
    let token = app.token("main");
    let body = |bytes: usize| {
        let frame = json!({ "query": "" }).to_string().len();
        json!({ "query": "x".repeat(bytes - frame) })
    };
    let post = |path: &str, bytes| app.post(path, &token, &body(bytes));
    for path in ["/api/search", "/api/rag/query"] {
        let over = post(path, 4097);
        assert_eq!(over.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert_eq!(over.code(), "body_too_large");
        // Read whole, and only then found too long a query.
        assert_eq!(post(path, 4096).status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
}

/// Once only the first wrong field was named, and a client had to ask again to learn of the next.
#[test]
fn every_wrong_field_is_named_in_one_answer() {
    let app = appliance();
    let token = app.token("main");
    let wrong = |reply: &Reply| {
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", reply.text());
        let body = reply.json();
        assert_eq!(body["error"]["message"], body["detail"]);
        let fields = body["error"]["fields"].as_array().unwrap();
        fields.iter().map(|field| field["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let body = json!({ "query": "", "limit": 1000, "mode": "guess", "channel_ids": ["x"], "colour": "red" });
    let reply = app.post("/api/search", &token, &body);
    assert_eq!(wrong(&reply), ["channel_ids[0]", "colour", "limit", "mode", "query"]);
    let reply = app.get("/api/posts?limit=0&offset=x&since=never&page=2", &token);
    assert_eq!(wrong(&reply), ["limit", "offset", "since", "page"]);
    let admin = app.token("main");
    let body =
        json!({ "uses_limit": 5_000_000, "expires_at": "soon", "notes": "x".repeat(501), "role": "king" });
    let reply = app.post("/api/admin/invites", &admin, &body);
    assert_eq!(wrong(&reply), ["expires_at", "notes", "role", "uses_limit"]);
    let reply = app.post("/api/admin/invites", &admin, &json!({ "expires_at": "2001-01-01T00:00:00Z" }));
    assert_eq!(wrong(&reply), ["expires_at"]);
    // A refusal for another reason names no field.
    let reply = app.get("/api/posts/77", &token);
    assert_eq!(reply.json()["error"].get("fields"), None);
}

/// Parameters beyond their documented bounds were once passed over.
#[test]
fn a_parameter_beyond_its_bounds_is_refused() {
    let app = appliance();
    let admin = app.token("main");
    let long = "x".repeat(300);
    for path in [
        format!("/api/admin/auth-events?qr_session_id={long}"),
        "/api/admin/jobs?after=9223372036854775808".to_owned(),
        "/api/admin/dead-letters?after=-1".to_owned(),
        format!("/api/admin/users?search={long}"),
        "/api/tags?limit=501".to_owned(),
        format!("/api/posts?tag={long}"),
    ] {
        let reply = app.get(&path, &admin);
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {}", reply.text());
        assert_eq!(reply.json()["error"]["fields"].as_array().unwrap().len(), 1, "{path}");
    }
}

#[test]
fn a_body_that_is_no_json_is_422() {
    let app = appliance();
    let token = app.token("main");
    for (kind, body) in [
        ("application/json", &b"{"[..]),
        ("application/json", b""),
        ("application/json", b"\xff\xfe"),
        ("text/plain", b"{\"query\":\"x\"}"),
    ] {
        let reply = app.request(Method::POST, "/api/search").token(&token).bytes(kind, body.to_vec()).send();
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{kind} {body:?}");
        assert_eq!(reply.code(), "invalid_request");
    }
}

#[test]
fn a_harmless_request_id_comes_back_and_a_hostile_one_is_replaced() {
    let app = TestApp::new();
    let given = |id: &str| app.request(Method::GET, "/ready").header("x-request-id", id).send();
    for id in ["abc-123_X.y", &"a".repeat(64)] {
        assert_eq!(given(id).header("x-request-id"), id);
    }
    for id in ["", &"a".repeat(65), "a b", "<script>", "a;b", "é"] {
        let reply = given(id);
        let new = reply.header("x-request-id");
        assert_ne!(new, id);
        assert_eq!(new.len(), 36, "{id:?} became {new:?}");
    }
}

#[test]
fn every_answer_has_a_request_id_and_the_security_headers() {
    let app = appliance();
    let token = app.token("main");
    let mut replies: Vec<Reply> =
        routes().iter().map(|(method, route)| ask(&app, method, route, Some(&token), 1)).collect();
    replies.push(app.get("/nowhere", &token));
    replies.push(app.request(Method::GET, "/api/posts").send());
    for reply in replies {
        assert!(!reply.header("x-request-id").is_empty());
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("x-frame-options"), "DENY");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        // The viewers of /docs and /redoc make styles as they run; no page runs a script that is not a file of ours.
        assert!(!policy.replace("style-src 'self' 'unsafe-inline'", "").contains("unsafe"), "{policy}");
        assert!(reply.header("access-control-allow-origin").is_empty());
    }
}

/// A sample line of the Prometheus text format: name, labels, value.
fn sample(text: &str) -> Option<(&str, &str, f64)> {
    let (series, value) = text.rsplit_once(' ')?;
    let value = match value {
        "NaN" => f64::NAN,
        value => value.parse().ok()?,
    };
    let (name, labels) = match series.split_once('{') {
        None => (series, ""),
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
    };
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    (!name.is_empty() && name.chars().all(word)).then_some((name, labels, value))
}

#[test]
fn metrics_are_prometheus_text_with_bounded_labels_whatever_is_asked() {
    let app = TestApp::builder()
        .set("TGA__SERVER__LISTEN", "127.0.0.1:8000")
        .set("TGA__METRICS__LISTEN", "127.0.0.1:8000")
        .build();
    let web = Web::new(app.app(), Metrics::install(), None);
    let mut runner = TestRunner::deterministic();
    let paths = "/[a-z0-9/%_-]{1,40}";
    let mut requests = Vec::new();
    for n in 0..200 {
        let path = paths.new_tree(&mut runner).map(|tree| tree.current()).unwrap();
        let path = path.replace('%', "%25");
        let method = ["GET", "POST", "BREW", "PROPFIND"][n % 4];
        let request =
            axum::http::Request::builder().method(method).uri(path).header("x-request-id", format!("id-{n}"));
        requests.push(request.body(axum::body::Body::empty()).unwrap());
    }
    let metrics = || {
        let request = axum::http::Request::builder().uri(METRICS);
        request.body(axum::body::Body::empty()).unwrap()
    };
    requests.push(metrics());
    requests.push(metrics());
    let replies = send_through(&web, requests);
    let text = replies.last().unwrap().text();
    let mut series = 0;
    for row in text.lines().filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let (name, labels, _) = sample(row).unwrap_or_else(|| panic!("not Prometheus text: {row}"));
        series += 1;
        if name == "http_requests_total" {
            let known =
                ["unmatched", METRICS].iter().any(|route| labels.contains(&format!("route=\"{route}\"")))
                    || routes().iter().any(|(_, route)| labels.contains(&format!("route=\"{route}\"")));
            assert!(known, "{row}");
            assert!(!labels.contains("BREW") && !labels.contains("id-"), "{row}");
        }
    }
    assert!(series < 200, "{series} series after 200 paths");
    assert!(text.contains("http_requests_total{"), "{text}");
    assert!(text.contains("# TYPE http_requests_total counter"), "{text}");
}

#[test]
fn metrics_are_not_on_the_main_listener_unless_it_is_theirs() {
    let app = TestApp::new();
    let reply = app.request(Method::GET, METRICS).send();
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}

#[test]
fn health_and_ready_turn_red_when_nothing_can_work() {
    let app = TestApp::new();
    let get = |path| app.request(Method::GET, path).send();
    assert_eq!(get("/health").ok()["status"], "ok");
    assert_eq!(get("/ready").ok()["ready"], true);
    app.app().halt(Some("the disk is full".to_owned()));
    let reply = get("/health");
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    let health = reply.json();
    assert_eq!(health["status"], "problem");
    assert_eq!(health["reasons"][0]["detail"], "the disk is full");
    assert_eq!(health["halted"], "the disk is full");
    let ready = get("/ready");
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.text().contains("the disk is full"));
    // Reading goes on.
    let token = app.token("main");
    assert_eq!(app.get("/api/posts", &token).status, StatusCode::OK);
    app.app().halt(None);
    assert_eq!(get("/ready").status, StatusCode::OK);
}

#[test]
fn pages_of_posts_follow_one_another_without_gap_or_overlap() {
    let mut app = TestApp::new();
    let lines: Vec<_> = (1..=25).map(|id| line("news", id, &format!("Пост слово{id}"))).collect();
    app.index_jsonl(&lines);
    let token = app.token("main");
    let mut seen = Vec::new();
    for offset in [0, 10, 20, 30] {
        let page = app.get(&format!("/api/posts?limit=10&offset={offset}"), &token).ok();
        assert_eq!(page["total"], 25);
        let ids = page["posts"].as_array().unwrap();
        seen.extend(ids.iter().map(|post| post["message_id"].as_i64().unwrap()));
    }
    assert_eq!(seen, (1..=25).rev().collect::<Vec<i64>>(), "newest first, each once");
    let ranked = app.get("/api/posts?q=%D1%81%D0%BB%D0%BE%D0%B2%D0%BE7", &token).ok();
    assert_eq!(ranked["posts"][0]["message_id"], 7);
    let filtered = app.get("/api/posts?channel=@NEWS&tag=%D1%81%D0%BB%D0%BE%D0%B2%D0%BE7", &token).ok();
    assert_eq!(filtered["total"], 1, "{filtered}");
}

#[test]
fn an_offset_beyond_all_numbers_is_an_empty_page_not_the_first() {
    let mut app = TestApp::new();
    app.index_jsonl(&[line("news", 1, "Ледокол вышел из порта")]);
    let token = app.token("main");
    for offset in [1, u64::MAX / 2 + 1, u64::MAX] {
        let page = app.get(&format!("/api/posts?offset={offset}"), &token).ok();
        assert_eq!(page["posts"], json!([]), "{offset}");
        assert_eq!(page["total"], 1);
    }
}

#[test]
fn a_streamed_answer_is_the_same_answer_in_events() {
    let app = appliance();
    let token = app.token("main");
    let body = |stream: bool| json!({ "query": "Откуда вышел ледокол?", "stream": stream });
    let whole = app.post("/api/rag/query", &token, &body(false)).json();
    let streamed = app.post("/api/rag/query", &token, &body(true));
    assert_eq!(streamed.header("content-type"), "text/event-stream");
    let mut events: Vec<(String, Value)> = Vec::new();
    for event in streamed.text().split("\n\n").filter(|event| !event.is_empty()) {
        let field = |name: &str| event.lines().find_map(|row| row.strip_prefix(name)).unwrap().trim();
        events.push((field("event:").to_owned(), serde_json::from_str(field("data:")).unwrap()));
    }
    let (tokens, rest) = events.split_at(events.len() - 2);
    let answer: String = tokens.iter().map(|(_, token)| token["text"].as_str().unwrap()).collect();
    assert!(tokens.iter().all(|(name, _)| name == "token"));
    assert_eq!(answer, whole["result"]["answer"].as_str().unwrap());
    let (sources, done) = (&rest[0], &rest[1]);
    assert_eq!((sources.0.as_str(), &sources.1), ("sources", &whole["result"]["sources"]));
    assert_eq!((done.0.as_str(), &done.1["intent"]), ("done", &whole["intent"]));
    assert!(done.1["result"].get("answer").is_none() && done.1["result"]["confidence"].is_number());
}
