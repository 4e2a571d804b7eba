//! Tenants: who holds one names no other; and they are opened and closed within bounds.

use std::{sync::Mutex, time::Duration};

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::json;
use tga::{ai::embedder::SyntheticShape, app::Error, model::Role, pipeline::sweep};

use crate::support::{Line, TestApp, line};

#[test]
fn a_moved_directory_is_refused() {
    let mut app = TestApp::builder().tenant("other").build();
    app.index_jsonl(&[line("news", 1, "Тайна первого")]);
    let ids = [app.tenant().id(), app.tenant_named("other").id()];
    let paths = ids.map(|id| app.data_dir().join("tenants").join(id.to_string()));
    app.close();
    std::fs::remove_dir_all(&paths[1]).unwrap();
    std::fs::rename(&paths[0], &paths[1]).unwrap();
    app.open();
    let Err(error) = app.app().tenant_get("other") else {
        panic!("one tenant's posts are shown as another's")
    };
    assert_eq!(error.code().name(), "tenant_moved");
    assert!(error.to_string().contains(&ids[0].to_string()), "{error}");
    // The owner's directory is gone, which is an empty tenant, not somebody else's.
    assert_eq!(app.tenant().store().post_counts().unwrap().posts, 0);
    let findings = app.app().doctor().unwrap();
    assert!(
        findings
            .iter()
            .any(|finding| finding.check == "tenant other"
                && finding.state == tga::app::doctor::State::Problem)
    );
}

#[test]
fn at_most_open_max_tenants_are_open() {
    let app = TestApp::builder().tenant("b").tenant("c").set("TGA__TENANTS__OPEN_MAX", "2").build();
    assert_eq!(app.app().tenants_open_count(), 2);
    let (one, two) = (app.tenant_named("main"), app.tenant_named("b"));
    let Err(Error::Unavailable(message)) = app.app().tenant_get("c") else {
        panic!("a third tenant was opened while both places are in use")
    };
    assert!(message.contains("tenants.open_max"), "{message}");
    drop(one);
    assert!(app.app().tenant_get("c").is_ok());
    assert_eq!(app.app().tenants_open_count(), 2);
    drop(two);
}

#[test]
fn the_pipeline_works_with_more_tenants_than_places() {
    let mut app = TestApp::builder()
        .tenant("b")
        .tenant("c")
        .synthetic_model()
        .set("TGA__TENANTS__OPEN_MAX", "1")
        .build();
    for (tenant, text) in [("main", "Ледокол"), ("b", "Маяк на мысе"), ("c", "Баржа у причала")]
    {
        app.import_jsonl_into(tenant, &[line("news", 1, text)]);
    }
    app.run_pending_jobs();
    assert_eq!(app.embed_pending(), 3);
    for tenant in ["main", "b", "c"] {
        let status = app.app().tenant_status(&app.tenant_named(tenant)).unwrap();
        assert_eq!((status.indexed, status.embedded), (1, 1), "{tenant}");
    }
}

/// Regression: the sweep and the vector thread opened every tenant in turn, so none was ever closed.
#[test]
fn upkeep_leaves_idle_tenants_closed() {
    let mut app = TestApp::builder().tenant("b").synthetic_model().build();
    app.index_jsonl(&[line("news", 1, "Ледокол вышел")]);
    let upkeep = |app: &TestApp| {
        sweep(app.app()).unwrap();
        app.embed_pending();
    };
    upkeep(&app);
    app.advance(SignedDuration::from_secs(61));
    // Looking after open tenants is no use of them.
    upkeep(&app);
    assert_eq!(app.app().tenants_close_idle(Duration::from_mins(1)), 2);
    upkeep(&app);
    assert_eq!(app.app().tenants_open_count(), 0, "what has no work stays closed");
    app.model_install(SyntheticShape { seed: 9, ..SyntheticShape::default() });
    upkeep(&app);
    assert_eq!(app.app().tenants_open_count(), 2, "another model is work for every tenant");
}

#[test]
fn idle_tenants_are_closed_and_open_again_when_needed() {
    let mut app = TestApp::builder().tenant("b").build();
    app.index_jsonl(&[line("news", 1, "Ледокол вышел")]);
    let held = app.tenant_named("b");
    assert_eq!(app.app().tenants_close_idle(Duration::from_mins(1)), 0);
    app.advance(SignedDuration::from_secs(61));
    assert_eq!(app.app().tenants_close_idle(Duration::from_mins(1)), 1);
    assert_eq!(app.app().tenants_open_count(), 1, "the one in use stays");
    drop(held);
    assert_eq!(app.found("ледокол"), [1]);
}

#[test]
fn names_of_tenants_are_checked_and_unique_without_case() {
    let app = TestApp::new();
    for name in ["", "   ", "№!", &"я".repeat(65)] {
        assert_eq!(app.app().tenant_create(name).unwrap_err().code().name(), "invalid_request", "{name}");
    }
    assert_eq!(app.app().tenant_create("MAIN").unwrap_err().code().name(), "conflict");
    assert_eq!(app.app().tenant_create(&"я".repeat(64)).unwrap().slug.chars().count(), 64);
    assert_eq!(app.app().tenant_create("Мой дом №1").unwrap().slug, "мой-дом-1");
}

#[test]
fn a_deleted_tenant_leaves_nothing() {
    let mut app = TestApp::builder().tenant("b").build();
    app.import_jsonl_into("b", &[line("news", 1, "Тайна удалённого")]);
    let token = app.token("b");
    let dir = app.data_dir().join("tenants").join(app.tenant_named("b").id().to_string());
    app.app().tenant_delete("b").unwrap();
    assert!(!dir.exists());
    assert_eq!(app.app().queue_view().ready, 0, "{}", app.queue_dump());
    assert_eq!(app.get("/api/posts", &token).status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.app().tenant_delete("b").unwrap_err().code().name(), "not_found");
    // The name is free again and has nothing of the old one.
    app.app().tenant_create("b").unwrap();
    assert_eq!(app.tenant_named("b").store().post_counts().unwrap().posts, 0);
}

/// Log lines of this process, as JSON.
static LOGS: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct LogWriter;

impl std::io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGS.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Begins to keep every log line; doing it again changes nothing.
fn logs_capture() {
    let started =
        tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(|| LogWriter);
    // A second case of the property finds the first one's subscriber.
    let _ = started.try_init();
}

/// Everything an admin of a tenant can read of it, as one text.
fn administered(app: &TestApp, token: &str) -> String {
    let mut told = String::new();
    for path in [
        "/api/users/me",
        "/api/users/me/export",
        "/api/rag/history",
        "/api/admin/users",
        "/api/admin/invites",
        "/api/admin/audit",
        "/api/admin/auth-events",
        "/api/admin/jobs",
        "/api/admin/dead-letters",
        "/api/admin/stats",
    ] {
        let reply = app.get(path, token);
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text());
        told.push_str(&reply.text());
    }
    for id in 1..4 {
        told.push_str(&app.get(&format!("/api/admin/users/{id}"), token).text());
        told.push_str(&app.get(&format!("/api/users/{id}/subscription"), token).text());
    }
    told
}

/// Everything a tenant's token can read, as one text.
fn everything(app: &TestApp, tenant: &str, token: &str, words: &[String]) -> String {
    let mut told = String::new();
    for path in ["/api/posts?limit=100", "/api/channels", "/api/tags?limit=500"] {
        told.push_str(&app.get(path, token).text());
    }
    for id in 1..12 {
        told.push_str(&app.get(&format!("/api/posts/{id}"), token).text());
        told.push_str(&app.get(&format!("/api/posts/{id}/trace"), token).text());
    }
    for word in words {
        for mode in ["hybrid", "fulltext", "vector"] {
            let body = json!({ "query": word, "mode": mode, "limit": 100 });
            let mut answer = app.post("/api/search", token, &body).ok();
            // The query itself comes back.
            answer["query"] = json!(null);
            told.push_str(&answer.to_string());
        }
        let mut answer =
            app.post("/api/rag/query", token, &json!({ "query": format!("Что известно про {word}?") })).ok();
        answer["query"] = json!(null);
        told.push_str(&answer.to_string());
    }
    let events = app.tenant_named(tenant).event_list(0, None, 1000).unwrap();
    told.push_str(&serde_json::to_string(&events).unwrap());
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// Whatever two tenants hold, nothing that one can read holds a marker of the other.
    #[test]
    fn no_answer_to_one_tenant_holds_anything_of_another(
        shared in "[а-я]{4,9}",
        counts in (1_i64..6, 1_i64..6),
        seed in 0_u32..1_000_000,
    ) {
        logs_capture();
        let mut app = TestApp::builder()
            .tenant("b")
            .synthetic_model()
            .set("TGA__METRICS__LISTEN", "127.0.0.1:8000")
            .build();
        let posts = |who: &str, count: i64| -> Vec<Line> {
            (1..=count)
                .map(|id| {
                    let marker = format!("{who}{seed}n{id}");
                    line(&format!("{who}chan{seed}"), id, &format!("{shared} про метка{marker} и #{marker} https://{marker}.example.org"))
                        .with("channel_title", format!("Канал {who}{seed}"))
                        .with("author", format!("Автор {who}{seed}"))
                })
                .collect()
        };
        app.import_jsonl_into("main", &posts("qq", counts.0));
        app.import_jsonl_into("b", &posts("zz", counts.1));
        app.run_pending_jobs();
        app.embed_pending();
        let markers = |who: &str, count: i64| (1..=count).map(|id| format!("метка{who}{seed}n{id}")).collect::<Vec<_>>();
        let mut words = vec![shared.clone(), "метка".to_owned()];
        words.extend(markers("qq", counts.0));
        words.extend(markers("zz", counts.1));
        // Each tenant's people, known by their Telegram ids.
        let ids = [710_000_000_000 + i64::from(seed), 720_000_000_000 + i64::from(seed)];
        let admins = [app.person("main", ids[0], Role::Admin), app.person("b", ids[1], Role::Admin)];
        for (at, (tenant, own, foreign)) in [("main", "qq", "zz"), ("b", "zz", "qq")].into_iter().enumerate() {
            // What the tenant's own admin asks is about the other's markers as well; it is kept in their own history alone.
            let asked = json!({ "query": format!("метка{own}{seed}n1 и {shared}") });
            app.post("/api/rag/query", &admins[at].access, &asked).ok();
            let seen = administered(&app, &admins[at].access);
            prop_assert!(seen.contains(&ids[at].to_string()) && !seen.contains(&ids[1 - at].to_string()));
            prop_assert!(seen.contains(&format!("{own}{seed}")), "the history is the admin's own");
            prop_assert!(!seen.contains(&format!("{foreign}{seed}")), "{tenant}'s admin was told of the other");
            let token = app.token(tenant);
            let told = everything(&app, tenant, &token, &words);
            prop_assert!(told.contains(&format!("{own}{seed}")), "a tenant must see its own");
            prop_assert!(!told.contains(&format!("{foreign}{seed}")), "{tenant} was told of the other");
            let foreign_id = app.tenant_named(if tenant == "main" { "b" } else { "main" }).id().to_string();
            prop_assert!(!told.contains(&foreign_id));
        }
        // What is for the operator of both holds the content of neither.
        let metrics = app.get("/metrics", "").text();
        prop_assert!(metrics.contains("http_requests_total"));
        let logs = String::from_utf8_lossy(&LOGS.lock().unwrap()).into_owned();
        let whole = logs.lines().count() > 10 && logs.lines().all(|row| row.starts_with('{'));
        prop_assert!(whole, "log lines are JSON");
        for who in ["qq", "zz"] {
            for (kind, text) in [("metrics", &metrics), ("logs", &logs)] {
                let row = text.lines().find(|row| row.contains(&format!("{who}{seed}")));
                prop_assert!(row.is_none(), "{kind}: {row:?}");
            }
        }
    }
}

#[test]
fn a_foreign_post_does_not_exist() {
    let mut app = TestApp::builder().tenant("b").build();
    app.import_jsonl_into("main", &[line("news", 1, "Один"), line("news", 2, "Два")]);
    app.import_jsonl_into("b", &[line("news", 1, "Тайна")]);
    app.run_pending_jobs();
    let token = app.token("b");
    assert_eq!(app.get("/api/posts/1", &token).status, StatusCode::OK);
    for path in ["/api/posts/2", "/api/posts/2/trace"] {
        let foreign = app.get(path, &token);
        let absent = app.get(&path.replace('2', "999"), &token);
        assert_eq!(foreign.status, StatusCode::NOT_FOUND);
        assert_eq!(foreign.code(), absent.code(), "the two must look the same");
    }
    let head = app.request(Method::HEAD, "/api/posts/2").token(&token).send();
    assert_eq!(head.status, StatusCode::NOT_FOUND);
}
