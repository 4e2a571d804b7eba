//! How often, how much and how slowly one may ask.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use axum::{body::Body, http::Request};
use serde_json::json;
use tga::{
    http::{Metrics, Web, bind, serve},
    model::Role,
};
use tokio_util::sync::CancellationToken;

use crate::support::{Reply, TestApp, send_through, wait_for};

fn get(path: &str, token: &str, from: &str) -> Request<Body> {
    let request = Request::builder().uri(path).header("authorization", format!("Bearer {token}"));
    request.header("x-forwarded-for", from).body(Body::empty()).unwrap()
}

fn search(token: &str, from: &str) -> Request<Body> {
    let request = Request::builder().method("POST").uri("/api/search");
    let request = request.header("authorization", format!("Bearer {token}")).header("x-forwarded-for", from);
    let body = json!({ "query": "x", "mode": "fulltext" }).to_string();
    request.header("content-type", "application/json").body(Body::from(body)).unwrap()
}

/// An appliance that believes the test about where requests come from.
fn appliance(limits: &[(&str, &str)]) -> TestApp {
    let builder = TestApp::builder().set("TGA__SERVER__TRUSTED_PROXIES", "['0.0.0.0']");
    let set = |builder: crate::support::Builder, (name, value): &(&str, &str)| {
        builder.set(&format!("TGA__LIMITS__{name}"), value)
    };
    limits.iter().fold(builder, set).build()
}

fn statuses(replies: &[Reply]) -> Vec<u16> {
    replies.iter().map(|reply| reply.status.as_u16()).collect()
}

#[test]
fn who_asks_too_often_reads_when_to_come_again_and_others_go_on() {
    let app = appliance(&[("USER_PER_MINUTE", "3")]);
    let (anna, boris) = (app.person("main", 1, Role::User), app.person("main", 2, Role::User));
    let web = Web::new(app.app(), Metrics::install(), None);
    let replies =
        send_through(&web, (0..5).map(|n| get("/api/tags", &anna.access, &format!("1.1.1.{n}"))).collect());
    assert_eq!(statuses(&replies), [200, 200, 200, 429, 429]);
    let header = |n: usize, name: &str| replies[n].header(name).to_owned();
    assert_eq!(header(0, "x-ratelimit-limit"), "3");
    assert_eq!([0, 1, 2, 3].map(|n| header(n, "x-ratelimit-remaining")), ["2", "1", "0", "0"]);
    assert_eq!(header(0, "x-ratelimit-reset"), "20");
    assert_eq!((replies[3].code().as_str(), header(3, "retry-after").as_str()), ("rate_limited", "20"));
    assert_eq!(statuses(&send_through(&web, vec![get("/api/tags", &boris.access, "1.1.1.1")])), [200]);
    app.advance(jiff::SignedDuration::from_secs(20));
    let again = send_through(&web, (0..2).map(|_| get("/api/tags", &anna.access, "1.1.1.1")).collect());
    assert_eq!(statuses(&again), [200, 429]);
}

#[test]
fn costly_routes_are_counted_more_strictly() {
    let app = appliance(&[("USER_COSTLY_PER_MINUTE", "2")]);
    let anna = app.person("main", 1, Role::User);
    let web = Web::new(app.app(), Metrics::install(), None);
    let replies = send_through(&web, (0..3).map(|_| search(&anna.access, "1.1.1.1")).collect());
    assert_eq!(statuses(&replies), [200, 200, 429]);
    assert_eq!(statuses(&send_through(&web, vec![get("/api/tags", &anna.access, "1.1.1.1")])), [200]);
}

#[test]
fn a_tenants_people_share_a_limit_and_another_tenant_has_its_own() {
    let app = TestApp::builder().tenant("other").set("TGA__LIMITS__TENANT_PER_MINUTE", "3").build();
    let mine: Vec<_> = (1..=4).map(|id| app.person("main", id, Role::User)).collect();
    let theirs = app.person("other", 9, Role::User);
    let web = Web::new(app.app(), Metrics::install(), None);
    let replies = send_through(&web, mine.iter().map(|who| get("/api/tags", &who.access, "")).collect());
    assert_eq!(statuses(&replies), [200, 200, 200, 429]);
    assert_eq!(statuses(&send_through(&web, vec![get("/api/tags", &theirs.access, "")])), [200]);
}

#[test]
fn guesses_are_counted_by_address_and_sign_ins_more_strictly() {
    let app = appliance(&[("IP_PER_MINUTE", "5"), ("IP_SIGN_INS_PER_MINUTE", "2")]);
    let web = Web::new(app.app(), Metrics::install(), None);
    let guesses = (0..6).map(|n| get("/api/tags", &format!("tga_{n}"), "6.6.6.6")).collect();
    assert_eq!(statuses(&send_through(&web, guesses)), [401, 401, 401, 401, 401, 429]);
    assert_eq!(statuses(&send_through(&web, vec![get("/nowhere", "", "6.6.6.6")])), [429]);
    assert_eq!(statuses(&send_through(&web, vec![get("/api/tags", "tga_0", "7.7.7.7")])), [401]);
    let refresh = || {
        let request = Request::builder().method("POST").uri("/api/auth/refresh");
        let request = request.header("content-type", "application/json").header("x-forwarded-for", "8.8.8.8");
        request.body(Body::from(r#"{"refresh_token":"tgr_x"}"#)).unwrap()
    };
    assert_eq!(statuses(&send_through(&web, (0..3).map(|_| refresh()).collect())), [401, 401, 429]);
    // Whether the service lives is asked by machines, and often.
    let health = (0..20).map(|_| get("/health", "", "6.6.6.6")).collect();
    assert!(statuses(&send_through(&web, health)).iter().all(|status| *status == 200));
}

#[test]
fn an_address_that_is_too_long_is_414() {
    let app = TestApp::new();
    let token = app.token("main");
    let path = |length: usize| format!("/api/posts?q={}", "x".repeat(length - "/api/posts?q=".len()));
    let over = app.get(&path(8 * 1024 + 1), &token);
    assert_eq!((over.status.as_u16(), over.code().as_str()), (414, "uri_too_long"));
    assert_ne!(app.get(&path(8 * 1024), &token).status.as_u16(), 414);
}

/// Serves a real socket while `body` runs.
fn listening(app: &TestApp, body: impl FnOnce(SocketAddr)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listeners = runtime.block_on(bind(app.app())).unwrap();
    let address = listeners.address().unwrap();
    let stop = CancellationToken::new();
    std::thread::scope(|scope| {
        let (app, token) = (app.app(), stop.clone());
        let server = scope.spawn(|| runtime.block_on(serve(app, listeners, Metrics::install(), None, token)));
        body(address);
        stop.cancel();
        server.join().unwrap().unwrap();
    });
}

fn socket_app() -> TestApp {
    TestApp::builder()
        .set("TGA__SERVER__LISTEN", "127.0.0.1:0")
        .set("TGA__METRICS__LISTEN", "")
        .set("TGA__SERVER__HEADER_TIMEOUT_S", "1")
        .set("TGA__SERVER__CONNECTIONS_MAX", "8")
        .build()
}

/// What a client reads until the service hangs up.
fn read_all(mut stream: &TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut out = Vec::new();
    let _ = stream.read_to_end(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn a_client_that_drips_its_headers_or_asks_nothing_is_cut_off() {
    let app = socket_app();
    listening(&app, |address| {
        for start in ["", "GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
            let started = Instant::now();
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(start.as_bytes()).unwrap();
            read_all(&stream);
            let held = started.elapsed();
            assert!(held < Duration::from_secs(10), "{start:?} held its connection for {held:?}");
        }
        // After an answer as well.
        let started = Instant::now();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let answer = read_all(&stream);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(started.elapsed() < Duration::from_secs(10));
    });
}

#[test]
fn a_client_that_asks_and_never_reads_is_cut_off() {
    let app = TestApp::builder()
        .set("TGA__SERVER__LISTEN", "127.0.0.1:0")
        .set("TGA__METRICS__LISTEN", "")
        .set("TGA__SERVER__WRITE_TIMEOUT_S", "1")
        .set("TGA__LIMITS__IP_PER_MINUTE", "0")
        .build();
    listening(&app, |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        // Some hundred documents of half a megabyte: more than both ends of a connection hold.
        let asks = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(300);
        stream.write_all(asks.as_bytes()).unwrap();
        stream.set_nonblocking(true).unwrap();
        wait_for("the connection to be ended", || match stream.write(b"G") {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            Err(_) => Some(()),
            Ok(_) => None,
        });
    });
}

#[test]
fn headers_too_long_or_too_many_are_431_and_the_service_lives_on() {
    let app = socket_app();
    listening(&app, |address| {
        let ask = |headers: &str| {
            let mut stream = TcpStream::connect(address).unwrap();
            let request = format!("GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
            // The service may hang up before it has read all of it.
            let _ = stream.write_all(request.as_bytes());
            read_all(&stream).lines().next().unwrap_or_default().to_owned()
        };
        let many: String = (0..65).map(|n| format!("X-{n}: 1\r\n")).collect();
        assert!(ask(&many).contains("431"), "{}", ask(&many));
        let long = ask(&format!("X-Long: {}\r\n", "x".repeat(64 * 1024)));
        assert!(long.is_empty() || long.contains("431"), "{long}");
        assert!(ask("").contains("200"));
    });
}

#[test]
fn connections_beyond_the_limit_wait_and_are_served_when_one_leaves() {
    let app = socket_app();
    listening(&app, |address| {
        let idle: Vec<TcpStream> = (0..8).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut waiting = TcpStream::connect(address).unwrap();
        waiting.write_all(b"GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        drop(idle);
        let answer = wait_for("an answer", || Some(read_all(&waiting)).filter(|answer| !answer.is_empty()));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    });
}

/// The answer to a request, its body not read yet.
fn held(runtime: &tokio::runtime::Runtime, web: &Web, request: Request<Body>) -> axum::response::Response {
    runtime.block_on(tower::ServiceExt::oneshot(tga::http::router(web), request)).unwrap()
}

#[test]
fn streams_are_counted_while_they_last_by_caller_and_in_all() {
    let dc = crate::support::dc::TestDc::start();
    let app = TestApp::builder()
        .set("TGA__SERVER__TRUSTED_PROXIES", "['0.0.0.0']")
        .set("TGA__LIMITS__STREAMS_PER_CALLER", "2")
        .set("TGA__LIMITS__STREAMS_MAX", "3")
        .telegram(&dc)
        .build();
    let code = crate::login::invite(&app, 0);
    let started = app.request(axum::http::Method::POST, "/tg/qr/start").json(&json!({ "invite_code": code }));
    let id = started.send().ok()["qr_session_id"].as_str().unwrap().to_owned();
    let anna = app.person("main", 1, Role::User);
    let web = Web::new(app.app(), Metrics::install(), None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let events = |from: &str| held(&runtime, &web, get(&format!("/tg/qr/events/{id}"), "", from));
    let ask = |stream: bool| {
        let body = json!({ "query": "Что нового?", "stream": stream }).to_string();
        let request = Request::builder().method("POST").uri("/api/rag/query");
        let request = request.header("authorization", format!("Bearer {}", anna.access));
        let request = request.header("content-type", "application/json").body(Body::from(body)).unwrap();
        held(&runtime, &web, request)
    };
    let (first, second) = (events("1.1.1.1"), events("1.1.1.1"));
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
    let refused = events("1.1.1.1");
    assert_eq!(refused.status().as_u16(), 429);
    assert_eq!(refused.headers()["retry-after"], "10");
    let third = ask(true);
    assert_eq!(third.status().as_u16(), 200, "another caller has places of their own");
    assert_eq!(ask(true).status().as_u16(), 429, "all places are taken");
    assert_eq!(events("2.2.2.2").status().as_u16(), 429);
    assert_eq!(ask(false).status().as_u16(), 200, "what does not stream is not counted");
    drop(first);
    assert_eq!(events("2.2.2.2").status().as_u16(), 200, "whoever leaves makes room");
    drop((second, third));
    let again: Vec<u16> = (0..3).map(|_| ask(true).status().as_u16()).collect();
    assert_eq!(again, [200, 200, 200], "answers that were dropped unread hold nothing");
}
