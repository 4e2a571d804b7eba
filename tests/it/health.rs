//! Health: it turns red when the last expected thing did not happen, and says which.

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::Value;
use tga::{
    model::{PostId, Role},
    queue::{Cause, Lane},
};

use crate::support::{BOT_TOKEN, Person, TestApp, line};

const OPERATOR: i64 = 900;

fn get(app: &TestApp, path: &str) -> (StatusCode, Value) {
    let reply = app.request(Method::GET, path).send();
    (reply.status, reply.json())
}

fn operator_health(app: &TestApp, operator: &Person) -> (StatusCode, Value) {
    let reply = app.get("/api/operator/health", &operator.access);
    (reply.status, reply.json())
}

fn checks(health: &Value) -> Vec<&str> {
    let reasons = health["reasons"].as_array().unwrap().iter();
    reasons.map(|reason| reason["check"].as_str().unwrap()).collect()
}

#[test]
fn a_queue_that_nobody_works_on_is_a_problem() {
    let mut app = TestApp::builder().set("TGA__OPERATORS", &format!("[{OPERATOR}]")).build();
    let member = app.member("main", OPERATOR, Role::User);
    app.import_jsonl(&[line("news", 1, "Ледокол вышел из порта")]);
    app.run_pending_jobs();
    let (status, health) = get(&app, "/health");
    assert_eq!((status, health["status"].as_str()), (StatusCode::OK, Some("ok")), "{health}");
    app.app().posts_enqueue(&app.tenant(), &[PostId(1)], Lane::Live, Cause::News).unwrap();
    app.advance(SignedDuration::from_mins(11));
    let (status, health) = get(&app, "/health");
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(checks(&health), ["queue"]);
    assert!(health["reasons"][0]["fix"].as_str().unwrap().contains("tga serve"));
    let operator = app.sign_in(&member);
    let (status, health) = operator_health(&app, &operator);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(checks(&health).contains(&"queue"), "{health}");
    app.run_pending_jobs();
    assert_eq!(get(&app, "/health").0, StatusCode::OK);
}

#[test]
fn an_operator_sees_the_disk_the_backups_and_what_is_configured() {
    let app = TestApp::builder().set("TGA__OPERATORS", &format!("[{OPERATOR}]")).build();
    let operator = app.person("main", OPERATOR, Role::User);
    let (status, health) = operator_health(&app, &operator);
    assert_eq!(status, StatusCode::OK, "{health}");
    assert!(health["disk"]["total_bytes"].as_u64().unwrap() > health["disk"]["free_bytes"].as_u64().unwrap());
    assert_eq!(health["last_backup_at"], Value::Null);
    assert_eq!(health["tenants"], 1);
    assert_eq!(health["telegram"]["sessions_active"], 0);
    assert_eq!(health["bot"]["status"], "not_configured");
    assert_eq!(health["auth"]["status"], "reduced");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let wanted = tga::app::backups::BackupWanted::default();
    app.app().backup_create(wanted, &tga::app::audit::Origin::operator(), &stop, &mut |_| {}).unwrap();
    assert!(operator_health(&app, &operator).1["last_backup_at"].is_string());
    assert_eq!(get(&app, "/health/bot").1["status"], "not_configured");
    assert_eq!(get(&app, "/health/auth").1["init_data"], "not_configured");
    let app = TestApp::builder().set("BOT_TOKEN", BOT_TOKEN).build();
    let (status, health) = get(&app, "/health/bot");
    assert_eq!((status, health["status"].as_str()), (StatusCode::OK, Some("configured")));
    assert_eq!((&health["updates_waiting"], &health["messages_dead"]), (&0.into(), &0.into()));
    assert!(!health.to_string().contains(BOT_TOKEN));
    let (status, health) = get(&app, "/health/auth");
    assert_eq!((status, health["status"].as_str()), (StatusCode::OK, Some("ok")));
    assert_eq!(health["qr_login"], "not_configured");
}
