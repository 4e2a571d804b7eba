//! Alert rules and dashboard against what `/metrics` really says; doctor's reasons; the one-screen status.

use std::collections::BTreeSet;

use serde_json::Value;
use tga::ai::embedder::{SyntheticShape, synthetic_model};

use crate::support::{Binary, line};

const RULES: &str = include_str!("../../systemd/monitoring/tga-alerts.yml");
const DASHBOARD: &str = include_str!("../../systemd/monitoring/tga-dashboard.json");
/// Words of the query language that stand where a metric could.
const LANGUAGE: [&str; 18] = [
    "sum",
    "by",
    "on",
    "or",
    "and",
    "rate",
    "increase",
    "changes",
    "time",
    "topk",
    "predict_linear",
    "up",
    "job",
    "status",
    "route",
    "reason",
    "method",
    "state",
];
/// What needs a certificate or an account to be seen; the tests of those see it, here it is enough that the code names it.
const SEEN_ELSEWHERE: [&str; 3] =
    ["tls_certificate_expiry_timestamp_seconds", "telegram_requests_total", "auth_qr_duration_seconds"];
/// The names that dashboards of before know, and those of the process and of `SQLite`.
const PROMISED: [&str; 28] = [
    "tags_persisted_total",
    "tagging_cache_size",
    "tagging_requests_total",
    "tagging_latency_seconds",
    "posts_parsed_total",
    "posts_processed_total",
    "indexing_processed_total",
    "stream_depth",
    "stream_pending_size",
    "stream_dlq_total",
    "auth_qr_start_total",
    "auth_qr_success_total",
    "auth_qr_fail_total",
    "auth_qr_expired_total",
    "auth_qr_duration_seconds",
    "rag_queries_total",
    "rag_processing_duration_seconds",
    "http_requests_total",
    "http_request_duration_seconds",
    "tg_webhook_requests_total",
    "telegram_floodwait_total",
    "embedding_latency_seconds",
    "outbox_lag_seconds",
    "backup_last_success_timestamp_seconds",
    "backup_restorable_age_seconds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "sqlite_control_bytes",
];

/// The names of an expression that must be metrics: words outside of quotes and braces' labels.
fn names(expression: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut word, mut quoted, mut in_labels) = (String::new(), false, false);
    for c in expression.chars().chain([' ']) {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => continue,
            '{' | '[' => in_labels = true,
            '}' | ']' => in_labels = false,
            _ => {}
        }
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        let starts_well = word.starts_with(|first: char| first.is_ascii_alphabetic());
        // A number in scientific form is no name.
        if starts_well
            && !quoted
            && (!in_labels || c == '{' || c == '[')
            && !LANGUAGE.contains(&word.as_str())
        {
            found.insert(word.clone());
        }
        word.clear();
    }
    found
}

fn expressions() -> Vec<String> {
    // The value of `expr:`, on its line or folded over the deeper ones below it.
    let mut found = Vec::new();
    let mut rows = RULES.lines().peekable();
    while let Some(row) = rows.next() {
        let Some(rest) = row.trim_start().strip_prefix("expr:") else { continue };
        let indent = row.len() - row.trim_start().len();
        let mut expression = rest.trim().trim_start_matches(">-").to_owned();
        while let Some(next) = rows.peek().filter(|next| next.len() - next.trim_start().len() > indent) {
            expression.push(' ');
            expression.push_str(next.trim());
            rows.next();
        }
        found.push(expression);
    }
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            found.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    found
}

#[test]
fn every_metric_that_rules_and_dashboard_name_is_there() {
    assert_eq!(
        names("sum(rate(a_total{x=~\"5..\"}[5m])) / time() > 1e9"),
        BTreeSet::from(["a_total".to_owned()])
    );
    let home = Binary::new();
    home.ok(&["init"]);
    let model = home.file("tiny.bin", synthetic_model(SyntheticShape::default()));
    home.ok(&["model", "import", model.to_str().unwrap()]);
    let service = home.serve();
    let file = home.jsonl("posts.jsonl", &[line("news", 1, "Ледокол «Арктика» вышел из порта Мурманск")]);
    home.ok(&["import", file.to_str().unwrap(), "--tenant", "main", "--wait"]);
    let token = home.ok(&["token", "create", "--tenant", "main"])["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let asked =
        service.send("POST", "/api/rag/query", &headers, "{\"query\":\"Что вышло из порта?\"}").unwrap();
    assert_eq!(asked.0, 200, "{}", asked.1);
    let (_, text) = service.get("/metrics").unwrap();
    let there: BTreeSet<&str> = text
        .lines()
        .filter(|row| !row.starts_with('#'))
        .map(|row| row.split(['{', ' ']).next().unwrap_or_default())
        .collect();
    let expressions = expressions();
    assert!(expressions.len() > 40, "the files are not read as they are: {}", expressions.len());
    let is_seen = |name: &str| {
        // A histogram shows its parts.
        let parts = ["", "_count"].map(|part| format!("{name}{part}"));
        parts.iter().any(|name| there.contains(name.as_str())) || SEEN_ELSEWHERE.contains(&name)
    };
    for expression in expressions {
        for name in names(&expression) {
            assert!(is_seen(&name), "{name} of `{expression}` is no metric:\n{text}");
        }
    }
    for name in PROMISED {
        assert!(is_seen(name), "{name} is promised and is no metric:\n{text}");
    }
    for name in SEEN_ELSEWHERE {
        let quoted = format!("\"{name}\"");
        let named = crate::layering::sources(&["src"]).iter().any(|(_, text)| text.contains(&quoted));
        assert!(named, "nothing counts {name}");
    }
    assert_eq!(service.stop(), 0);
}

#[test]
fn the_files_are_written_once_and_changes_of_somebody_are_kept() {
    let home = Binary::new();
    let dir = home.dir().join("monitoring");
    let written = home.ok(&["monitoring", "export", dir.to_str().unwrap()]);
    assert_eq!(written["files"].as_array().unwrap().len(), 3);
    assert_eq!(std::fs::read_to_string(dir.join("tga-alerts.yml")).unwrap(), RULES);
    home.ok(&["monitoring", "export", dir.to_str().unwrap()]);
    std::fs::write(dir.join("tga-alerts.yml"), "groups: []").unwrap();
    let (code, refused) = home.json(&["monitoring", "export", dir.to_str().unwrap()]);
    assert_eq!((code, &refused["error"]["code"]), (1, &"conflict".into()));
    assert_eq!(std::fs::read_to_string(dir.join("tga-alerts.yml")).unwrap(), "groups: []");
}

#[test]
fn every_check_of_doctor_says_why_it_matters_and_what_is_wrong_how_to_mend_it() {
    let home = Binary::new();
    home.ok(&["init"]);
    let found = home.ok(&["doctor"]);
    let findings = found["findings"].as_array().unwrap();
    assert!(findings.len() >= 10, "{found}");
    for finding in findings {
        assert!(finding["why"].as_str().is_some_and(|why| why.len() > 20), "{finding}");
        assert_eq!(finding["state"] != "ok", finding["fix"].is_string(), "{finding}");
    }
    let text = home.run(&["doctor"]).stdout;
    assert!(text.contains("why: without one search finds the words") && text.contains("fix: "), "{text}");
}

#[test]
fn status_is_one_screen_with_and_without_a_service() {
    let home = Binary::new();
    home.ok(&["init"]);
    let alone = home.ok(&["status"]);
    assert_eq!(alone["running"], false);
    assert!(home.run(&["status"]).stdout.contains("not running"));
    let service = home.serve();
    let file = home.jsonl("posts.jsonl", &[line("news", 1, "Ледокол вышел из порта Мурманск с грузом")]);
    home.ok(&["import", file.to_str().unwrap(), "--tenant", "main", "--wait"]);
    let there = home.ok(&["status"]);
    assert_eq!(there["running"], true);
    assert_eq!(
        (&there["tenant_list"][0]["slug"], &there["tenant_list"][0]["posts"]),
        (&"main".into(), &1.into())
    );
    assert!(there["memory_bytes"].as_u64().unwrap() > 1_000_000);
    let screen = home.run(&["status"]).stdout;
    assert!(screen.lines().count() <= 40 && screen.contains("running for"), "{screen}");
    for word in ["queue", "disk", "accounts", "TLS", "backup", "main"] {
        assert!(screen.contains(word), "{word}: {screen}");
    }
    assert_eq!(service.stop(), 0);
}
