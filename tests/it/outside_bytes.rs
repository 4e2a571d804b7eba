//! Every parser of bytes that come from outside, given whatever a generator thinks of: it reads or refuses, and never fails.
//!
//! Bounded by a number of cases each; there is no multipart parser, because no route takes one. Parsers that are private have
//! their cases beside them (`telegram::reference`, `telegram::session`, `text`).

use std::{cell::RefCell, io::Write as _};

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode},
};
use jiff::SignedDuration;
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any},
    prop_oneof,
    sample::{Index, select},
    test_runner::{Config, TestRunner},
};
use tga::{
    app::{
        init_data::{InitData, Proof},
        jwt::Audience,
    },
    http::{Metrics, Web, openapi, router},
    model::{ChannelSet, Role},
    telegram::export::{ReadOptions, read, read_from},
};
use tower::ServiceExt as _;

use crate::support::{BOT_TOKEN, TestApp, line};

/// Cases of a parser that is a function.
const CASES: u32 = 512;
/// Cases of one that needs a file or a whole request.
const CASES_SLOW: u32 = 128;
/// Largest answer that is read, bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Runs `body` for what `strategy` makes; a failing case is made small and printed.
fn cases<S: Strategy>(number: u32, strategy: &S, body: impl Fn(S::Value)) {
    let config = Config { cases: number, failure_persistence: None, ..Config::default() };
    let ran = TestRunner::new(config).run(strategy, |value| {
        body(value);
        Ok(())
    });
    ran.unwrap();
}

/// Bytes changed, put in, cut out or cut off.
#[derive(Debug, Clone)]
enum Damage {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Damage::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Damage::Insert(at, byte) => bytes.insert(at.index(bytes.len()), *byte),
            Damage::Remove(at) => {
                bytes.remove(at.index(bytes.len()));
            }
            Damage::Cut(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let one = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        any::<Index>().prop_map(Damage::Remove),
        any::<Index>().prop_map(Damage::Cut),
    ];
    vec(one, 1..6)
}

fn damaged(bytes: &[u8], damages: &[Damage]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for damage in damages {
        damage.apply(&mut bytes);
    }
    bytes
}

#[test]
fn init_data_is_proved_or_refused() {
    let app = TestApp::new();
    let now = app.app().now();
    let good = app.init_data(7, 0, &[("start_param", "ABCDEFGHIJ12")]);
    let check = |raw: &str, proof: &Proof| InitData::check(raw, proof, now, SignedDuration::from_mins(15));
    let hmac = Proof::Hmac { bot_token: BOT_TOKEN.to_owned() };
    let signed = Proof::Ed25519 { bot_id: 424_242, key: [7; 32] };
    let whole = check(&good, &hmac).unwrap();
    cases(CASES, &".{0,200}", |raw| {
        assert!(check(&raw, &hmac).is_err() && check(&raw, &signed).is_err(), "{raw}");
    });
    cases(CASES, &"(hash|signature|user|auth_date|&|=|%[0-9A-F]{2}|[0-9a-f]{4}){0,40}", |raw| {
        assert!(check(&raw, &hmac).is_err() && check(&raw, &signed).is_err(), "{raw}");
    });
    cases(CASES, &damages(), |damages| {
        let raw = String::from_utf8_lossy(&damaged(good.as_bytes(), &damages)).into_owned();
        // Whatever is accepted says the same: only its spelling was changed.
        if let Ok(read) = check(&raw, &hmac) {
            assert_eq!(read, whole, "{raw}");
        }
    });
}

#[test]
fn an_access_token_is_good_as_it_is_or_not_at_all() {
    let app = TestApp::new();
    let good = app.person("main", 7, Role::User).access;
    assert!(app.app().access(&good).is_ok());
    let refused = |token: &str| {
        assert!(app.app().access(token).is_err(), "{token}");
        assert!(app.app().jwt_verify(Audience::TgAuth, token).is_err(), "{token}");
    };
    cases(CASES, &".{0,120}", |token| refused(&token));
    cases(CASES, &"(tga_)?[A-Za-z0-9_-]{0,80}(\\.[A-Za-z0-9_-]{0,80}){0,3}", |token| refused(&token));
    cases(CASES, &damages(), |damages| {
        let token = String::from_utf8_lossy(&damaged(good.as_bytes(), &damages)).into_owned();
        if token != good {
            refused(&token);
        }
    });
}

#[test]
fn a_name_that_means_nothing_finds_nothing() {
    let app = TestApp::new();
    let tenant = app.tenant();
    let names =
        prop_oneof![".{0,60}", "[A-Z0-9]{12}", "(https?://)?t\\.me/[a-zA-Z0-9_/+?=-]{0,40}", "-?[0-9]{0,25}"];
    cases(CASES, &names, |name| {
        assert!(app.app().invite_get(&name, None).is_err(), "{name}");
        assert!(tenant.post_by_link(&name, &ChannelSet::All).is_err(), "{name}");
        assert!(tenant.channel_get(&name, &ChannelSet::All).is_err(), "{name}");
        assert!(app.app().tenant_get(&format!("~{name}")).is_err(), "{name}");
    });
}

/// A small export in each of the forms that are read.
fn exports() -> Vec<(&'static str, Vec<u8>)> {
    let desktop = r#"{"name":"Новости","type":"public_channel","id":1,"messages":[
        {"id":1,"type":"message","date":"2026-01-01T10:00:00","date_unixtime":"1767261600","text":["Ледокол ",{"type":"bold","text":"вышел"}]},
        {"id":2,"type":"service","date":"2026-01-01T10:00:01","action":"pin_message"},
        {"id":3,"type":"message","date":"2026-01-01T10:00:02","text":"из порта","photo":"a.jpg","grouped_id":"5"}]}"#;
    let jsonl = "{\"channel\":\"news\",\"message_id\":1,\"date\":\"2026-01-01T10:00:00Z\",\"text\":\"Ледокол\",\"links\":[{\"text\":\"x\",\"url\":\"https://example.org\"}]}\n\
                 {\"channel\":\"news\",\"message_id\":2,\"date\":\"2026-01-01T10:00:00+03:00\",\"text\":\"вышел\",\"views\":7}\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(jsonl.as_bytes()).unwrap();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("a/result.json", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(desktop.as_bytes()).unwrap();
    vec![
        ("result.json", desktop.as_bytes().to_vec()),
        ("posts.jsonl", jsonl.as_bytes().to_vec()),
        ("posts.jsonl.gz", gzip.finish().unwrap()),
        ("export.zip", zip.finish().unwrap().into_inner()),
    ]
}

#[test]
fn an_import_file_is_read_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let options = ReadOptions { channel: Some("news".to_owned()), ..ReadOptions::default() };
    let any_name = ReadOptions::default();
    for (name, whole) in exports() {
        let path = dir.path().join(name);
        std::fs::write(&path, &whole).unwrap();
        assert!(read(&path, &any_name, &mut |_| Ok(())).unwrap().posts > 0, "{name}");
        cases(CASES_SLOW, &damages(), |damages| {
            let bytes = damaged(&whole, &damages);
            std::fs::write(&path, &bytes).unwrap();
            for options in [&any_name, &options] {
                let posts = RefCell::new(0);
                let ended = read(&path, options, &mut |item| {
                    *posts.borrow_mut() +=
                        u64::from(matches!(item, tga::telegram::export::Item::Post { .. }));
                    Ok(())
                });
                if let Ok(summary) = ended {
                    assert_eq!(summary.posts, *posts.borrow(), "what is counted was delivered");
                }
            }
        });
    }
    cases(CASES_SLOW, &vec(any::<u8>(), 0..600), |bytes| {
        let _ = read_from(&mut bytes.as_slice(), "noise", &any_name, &mut |_| Ok(()));
    });
    cases(
        CASES_SLOW,
        &"(\\{|\\}|\\[|\\]|,|:|\"(messages|id|text|type|date|channel)\"|[0-9]{1,12}|\"[^\"]{0,9}\"|\n){0,60}",
        |text| {
            let _ = read_from(&mut text.as_bytes(), "noise", &any_name, &mut |_| Ok(()));
        },
    );
}

/// Any query, body and headers: an answer below 500, or a 503 that says what is not configured.
#[test]
fn any_request_is_answered_or_refused() {
    let mut app = TestApp::new();
    app.import_jsonl(&[line("news", 1, "Ледокол вышел из порта")]);
    app.run_pending_jobs();
    let token = app.token("main");
    let web = Web::new(app.app(), Metrics::install(), None);
    let router = router(&web);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let routes: Vec<(String, String)> = openapi::operations()
        // An event stream has no end.
        .filter(|(_, path, _)| !path.contains("/events"))
        .map(|(method, path, _)| (method.to_uppercase(), path.to_owned()))
        .collect();
    let part = prop_oneof![
        Just("1".to_owned()),
        "[a-zA-Z0-9_.~-]{1,20}",
        "-?[0-9]{1,25}",
        "(%[0-9A-F]{2}){1,8}",
        Just("0192f0c1-2d3e-4abc-8def-0123456789ab".to_owned()),
    ];
    let query = "((limit|offset|after|since|until|q|tag|channel|status|role|search|compat|[a-z]{1,5})(=[a-zA-Z0-9%:+-]{0,12})?&?){0,6}";
    let body = prop_oneof![
        vec(any::<u8>(), 0..80),
        "(\\{|\\}|\\[|\\]|,|:|null|true|-?[0-9.eE]{1,9}|\"(query|limit|channel_ids|depth_days|ids|telegram_id|invite_code|[a-z]{0,6})\"){0,24}"
            .prop_map(String::into_bytes),
        (select(vec!["query", "channel", "init_data", "invite_code", "session_token", "ids", "depth_days"]), ".{0,60}")
            .prop_map(|(name, value)| serde_json::json!({ name: value }).to_string().into_bytes()),
    ];
    let requests = (select(routes), part, query, body, "[ -~]{0,40}");
    cases(CASES * 2, &requests, |((method, route), part, query, body, header)| {
        let path = route.split('/').map(|word| if word.starts_with('{') { part.as_str() } else { word });
        let path = path.collect::<Vec<_>>().join("/");
        let query = query.replace('%', "%25");
        let request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("{path}?{query}"))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("x-request-id", &header)
            .header("x-forwarded-for", &header)
            .header("cookie", &header)
            .body(Body::from(body))
            .unwrap();
        let (status, text) = runtime.block_on(async {
            let response = router.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let bytes = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await.unwrap();
            (status, String::from_utf8_lossy(&bytes).into_owned())
        });
        let known = status.as_u16() < 500
            || (status == StatusCode::SERVICE_UNAVAILABLE && text.contains("not_configured"));
        assert!(known, "{method} {path}?{query}: {status} {text}");
    });
}
