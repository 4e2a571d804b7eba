//! The commands that the old README promised, and the metrics that the contract names, through the real binary.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::{
    Binary, BinaryService,
    dc::{FIRST_DC, TestDc},
    line, wait_for,
};

const IVAN: i64 = 100_200_300;

/// Metrics that are there once the service has worked on a post, a search and a question, with their labels.
const METRICS: [(&str, &[&str]); 22] = [
    ("backup_last_success_timestamp_seconds", &[]),
    ("tags_persisted_total", &["status"]),
    ("tagging_cache_size", &[]),
    ("tagging_requests_total", &["provider", "success"]),
    ("tagging_latency_seconds", &[]),
    ("posts_parsed_total", &[]),
    ("posts_processed_total", &["stage", "success"]),
    ("indexing_processed_total", &[]),
    ("stream_depth", &["stream"]),
    ("stream_pending_size", &["stream"]),
    ("auth_qr_start_total", &[]),
    ("auth_qr_success_total", &[]),
    ("auth_qr_expired_total", &[]),
    ("auth_qr_fail_total", &["reason"]),
    ("rag_queries_total", &["intent", "status"]),
    ("rag_processing_duration_seconds", &[]),
    ("http_requests_total", &["method", "route", "status"]),
    ("http_request_duration_seconds", &["route"]),
    ("process_resident_memory_bytes", &[]),
    ("sqlite_control_bytes", &[]),
    ("tg_webhook_requests_total", &["outcome"]),
    ("outbox_lag_seconds", &[]),
];
/// Those that show when it happens: a job given up, a login's end, a flood wait, a model at work.
const WHEN_IT_HAPPENS: [&str; 4] =
    ["stream_dlq_total", "auth_qr_duration_seconds", "telegram_floodwait_total", "embedding_latency_seconds"];

struct World {
    _dc: TestDc,
    tga: Binary,
    service: BinaryService,
    token: String,
    invite: String,
}

fn world() -> World {
    let dc = TestDc::start();
    dc.add_user(IVAN, "Ivan", FIRST_DC);
    let mut tga = Binary::new();
    for (name, value) in dc.environment() {
        tga.set(&name, &value);
    }
    let made = tga.ok(&["init"]);
    let word = |name: &str| made[name].as_str().unwrap().to_owned();
    let (token, invite) = (word("token"), word("invite"));
    let service = tga.serve();
    let file =
        tga.jsonl("posts.jsonl", &[line("news", 1, "Ледокол «Арктика» вышел из порта Мурманск с грузом")]);
    tga.ok(&["import", file.to_str().unwrap(), "--tenant", "main", "--wait"]);
    World { _dc: dc, tga, service, token, invite }
}

impl World {
    /// As curl would send it.
    fn post(&self, path: &str, bearer: Option<&str>, body: &Value) -> (u16, Value) {
        let bearer = bearer.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
        let (status, text) = self.service.send("POST", path, &headers, &body.to_string()).unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.service.get(path).unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    fn metrics(&self) -> String {
        let (status, text) = self.service.get("/metrics").unwrap();
        assert_eq!(status, 200);
        text
    }
}

#[test]
fn the_old_readmes_commands_work() {
    let world = world();
    let body = json!({ "telegram_user_id": IVAN, "invite_code": world.invite });
    let (status, started) = world.post("/api/tg/qr/start", None, &body);
    assert_eq!(status, 200, "{started}");
    assert_eq!(started["expires_in"], 600);
    let id: uuid::Uuid = started["qr_session_id"].as_str().unwrap().parse().unwrap();
    let view = wait_for("the code to be shown", || {
        let (status, view) = world.get(&format!("/api/tg/qr/status/{id}"));
        assert_eq!(status, 200, "{view}");
        (view["status"] == "awaiting_scan").then_some(view)
    });
    assert!(view["expires_at"].is_string(), "{view}");
    let question = json!({ "query": "Какой ледокол вышел из порта?" });
    let (status, answer) = world.post("/api/rag/query", Some(&world.token), &question);
    assert_eq!(status, 200, "{answer}");
    assert!(answer["result"]["answer"].as_str().unwrap().contains("Арктика"), "{answer}");
    assert_eq!(answer["result"]["sources"][0]["channel_username"], "news");
    assert_eq!(world.post("/api/rag/query", None, &question).0, 401);
    let text = world.metrics();
    let value = |name: &str| {
        let row =
            text.lines().find(|row| row.starts_with(name)).unwrap_or_else(|| panic!("no {name}:\n{text}"));
        row.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert!(value("tags_persisted_total") >= 1.0);
    assert!(value("tagging_cache_size") >= 1.0);
    let cancel = json!({ "session_token": started["session_token"] });
    assert_eq!(world.post("/api/tg/qr/cancel", None, &cancel).0, 202);
    assert_eq!(world.service.stop(), 0);
}

#[test]
fn every_metric_of_the_contract_is_there_with_bounded_labels() {
    let world = world();
    let (_, started) = world.post(
        "/api/tg/qr/start",
        None,
        &json!({ "telegram_user_id": IVAN, "invite_code": world.invite }),
    );
    let cancel = json!({ "session_token": started["session_token"] });
    assert_eq!(world.post("/api/tg/qr/cancel", None, &cancel).0, 202);
    for number in 0..30 {
        world.post("/api/search", Some(&world.token), &json!({ "query": format!("ледокол {number}") }));
        world.get(&format!("/nowhere/{number}"));
        world.get(&format!("/api/posts/{number}"));
    }
    world.post("/api/rag/query", Some(&world.token), &json!({ "query": "Что вышло из порта?" }));
    let text = wait_for("the login's end to be counted", || {
        let text = world.metrics();
        text.contains("auth_qr_fail_total").then_some(text)
    });
    let found = series(&text);
    for (name, labels) in METRICS {
        let rows = found.get(name).unwrap_or_else(|| panic!("no {name}:\n{text}"));
        assert!(rows.len() <= 120, "{name} has {} series", rows.len());
        for row in rows {
            let names: BTreeSet<&str> =
                row.keys().map(String::as_str).filter(|name| *name != "quantile").collect();
            assert_eq!(names, labels.iter().copied().collect(), "{name}");
            for value in row.values() {
                assert!(
                    value.len() <= 64 && !value.contains(&world.token) && !value.contains("nowhere"),
                    "{value}"
                );
            }
        }
    }
    // What nothing in this test brings about is at least in the code.
    for name in WHEN_IT_HAPPENS {
        let named =
            crate::layering::sources(&["src"]).iter().any(|(_, text)| text.contains(&format!("\"{name}\"")));
        assert!(named, "nothing counts {name}");
    }
    assert!(!text.contains(&world.token) && !text.contains(&world.invite));
    assert_eq!(world.service.stop(), 0);
    drop(world.tga);
}

/// Labels of every series by the metric's name; the parts of a histogram go with it.
fn series(text: &str) -> BTreeMap<String, Vec<BTreeMap<String, String>>> {
    let mut found: BTreeMap<String, Vec<BTreeMap<String, String>>> = BTreeMap::new();
    for row in text.lines().filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let (head, _) = row.rsplit_once(' ').unwrap();
        let (name, labels) = head.split_once('{').unwrap_or((head, ""));
        let name = name.strip_suffix("_sum").or_else(|| name.strip_suffix("_count")).unwrap_or(name);
        let labels = labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty());
        let labels = labels.map(|label| {
            let (name, value) = label.split_once("=\"").unwrap();
            (name.to_owned(), value.trim_end_matches('"').to_owned())
        });
        found.entry(name.to_owned()).or_default().push(labels.collect());
    }
    found
}
