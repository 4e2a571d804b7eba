//! Leaving: nothing of a member is found in the files afterwards, others keep theirs, the receipt is signed, a crash changes nothing.

use std::path::Path;

use axum::http::{Method, StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};
use tga::{
    app::{admissions::Admittance, audit::Origin, auth_events::AuthStep, invites::NewInvite},
    model::{AuthEventKind, ChannelSet, Role},
    store::{BotChatChange, Member, Profile, Subscription},
};

use crate::support::{TestApp, files_under, line};

/// Words that stand for the one who leaves, wherever they may have got to.
const MARKS: [&str; 8] = [
    "7700000000077",
    "uhodyaschij_user",
    "Уходящевич",
    "Фамилиева",
    "198.51.100.77",
    "AgentMark/7",
    "тайнослово",
    "закрытослово",
];

fn member(app: &TestApp, telegram_id: i64, names: [&str; 3], role: Role) -> Member {
    let new = NewInvite { role, uses_limit: 1, expires_at: None, notes: None };
    let code = app.app().invite_create(app.tenant().id(), &new, &Origin::operator()).unwrap().code;
    let [username, first, last] = names.map(|name| Some(name.to_owned()));
    let profile = Profile { telegram_id, username, first_name: first, last_name: last, language: None };
    let login = uuid::Uuid::new_v4().to_string();
    let asked = Admittance { invite_code: Some(code), ..Admittance::default() };
    let admission = app.app().admit(&login, profile, &asked).unwrap();
    app.app().admission_confirm(&login).unwrap();
    admission.member
}

fn follow(app: &TestApp, member: &Member, channel: &str) {
    let channel = app.tenant().channel_get(channel, &ChannelSet::All).unwrap().id;
    let created_at = app.app().now();
    let follows = Subscription { membership: member.id, channel, depth_days: None, created_at };
    app.tenant().store().subscription_add(follows, 10).unwrap();
}

/// Somebody who leaves and somebody who stays, in one tenant with three channels.
fn filled() -> (TestApp, Member, Member) {
    let mut app = TestApp::builder().synthetic_model().build();
    app.index_jsonl(&[
        line("own", 1, "Закрытослово вышло утром из гавани закрытослово"),
        line("own", 2, "Ещё одно закрытослово вечером"),
        line("both", 1, "Ледокол вышел из порта в среду"),
        line("nobody", 1, "Маяк погас на мысе"),
    ]);
    let leaves = member(&app, 7_700_000_000_077, ["uhodyaschij_user", "Уходящевич", "Фамилиева"], Role::User);
    let stays = member(&app, 8, ["ostalsya", "Остающийся", "Другой"], Role::Admin);
    for channel in ["own", "both"] {
        follow(&app, &leaves, channel);
    }
    follow(&app, &stays, "both");
    let step = AuthStep {
        login_id: Some("x".to_owned()),
        tenant_id: Some(leaves.tenant_id),
        membership_id: Some(leaves.id),
        telegram_id: Some(leaves.profile.telegram_id),
        ip: Some("198.51.100.77".to_owned()),
        user_agent: Some("AgentMark/7".to_owned()),
        ..AuthStep::default()
    };
    app.app().auth_event(AuthEventKind::Authorized, step.clone()).unwrap();
    // A step of a login that led to no membership is theirs as well.
    let stray = AuthStep { tenant_id: None, membership_id: None, ..step };
    app.app().auth_event(AuthEventKind::Failed, stray).unwrap();
    (app, leaves, stays)
}

/// Files of the data directory that hold one of these words, in any case.
fn files_with(dir: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, bytes) in files_under(dir) {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        for word in words {
            if text.contains(&word.to_lowercase()) {
                found.push(format!("{word} in {}", path.display()));
            }
        }
    }
    found
}

fn ask(app: &TestApp, token: &str, query: &str) -> Value {
    app.post("/api/rag/query", token, &json!({ "query": query })).ok()
}

#[test]
fn nothing_of_a_member_is_in_the_files_after_they_left() {
    let (mut app, leaves, stays) = filled();
    let token = app.sign_in(&leaves).access;
    let other = app.sign_in(&stays).access;
    ask(&app, &token, "Где тайнослово и закрытослово?");
    ask(&app, &other, "Откуда вышел ледокол?");
    let seen = files_with(app.data_dir(), &MARKS);
    for mark in ["uhodyaschij_user", "Уходящевич", "198.51.100.77", "тайнослово", "закрытослово"]
    {
        assert!(seen.iter().any(|place| place.contains(mark)), "the test must see {mark}: {seen:?}");
    }
    let leave = |confirm: i64| {
        app.request(Method::DELETE, "/api/users/me").token(&token).json(&json!({ "confirm": confirm })).send()
    };
    assert_eq!(leave(8).status, StatusCode::UNPROCESSABLE_ENTITY);
    let receipt = leave(7_700_000_000_077).ok();
    assert_eq!(files_with(app.data_dir(), &MARKS), Vec::<String>::new());

    // The receipt stands on its own, and says nothing of who it was.
    let bytes = |name: &str| STANDARD.decode(receipt[name].as_str().unwrap()).unwrap();
    let key = VerifyingKey::from_bytes(&bytes("public_key").try_into().unwrap()).unwrap();
    let signature = Signature::from_slice(&bytes("signature")).unwrap();
    let statement = receipt["statement"].as_str().unwrap();
    key.verify_strict(statement.as_bytes(), &signature).unwrap();
    let said: Value = serde_json::from_str(statement).unwrap();
    assert_eq!((&said["posts"], &said["channels"]), (&json!(2), &json!(1)));
    assert!(MARKS.iter().all(|mark| !statement.contains(mark)));

    // Who stays has everything; a channel that nobody followed is none of the leaver's.
    assert_eq!(app.get("/api/users/me", &token).status, StatusCode::UNAUTHORIZED);
    assert_eq!((app.found("ледокол"), app.found("маяк")), (vec![1], vec![1]));
    assert_eq!(app.get("/api/rag/history", &other).ok()["total"], json!(1));
    assert!(app.tenant().channel_get("own", &ChannelSet::All).is_err());
    app.restart();
    assert_eq!(files_with(app.data_dir(), &MARKS), Vec::<String>::new());
    assert_eq!((app.found("ледокол"), app.found("закрытослово")), (vec![1], vec![]));
}

#[test]
fn an_erasure_that_a_crash_interrupted_is_finished_at_the_next_start() {
    let (mut app, leaves, _) = filled();
    let id = app.tenant().id();
    // The first step alone: the membership is gone, the tenant's file still full.
    {
        let control = rusqlite::Connection::open(app.data_dir().join("control.db")).unwrap();
        control.execute("PRAGMA foreign_keys = ON", []).ok();
        let key = format!("erasure_due:{id}:{}", leaves.id);
        control.execute("INSERT INTO settings VALUES (?1, '', 0)", [key]).unwrap();
        control.execute("DELETE FROM memberships WHERE id = ?1", [leaves.id.0]).unwrap();
    }
    assert_eq!(app.found("закрытослово").len(), 2);
    app.crash();
    assert_eq!(app.found("закрытослово"), [0_i64; 0]);
    assert_eq!(files_with(app.data_dir(), &["закрытослово"]), Vec::<String>::new());
    app.restart();
    assert_eq!(app.found("ледокол"), [1]);
}

#[test]
fn the_only_admin_among_others_stays_until_there_is_another() {
    let (app, leaves, stays) = filled();
    let refused = app.app().user_erase(&app.tenant(), stays.id, &Origin::operator()).unwrap_err();
    assert_eq!(refused.code().name(), "conflict");
    app.app().user_erase(&app.tenant(), leaves.id, &Origin::operator()).unwrap();
    app.app().user_erase(&app.tenant(), stays.id, &Origin::operator()).unwrap();
    let again = app.app().user_erase(&app.tenant(), stays.id, &Origin::operator()).unwrap_err();
    assert_eq!(again.code().name(), "not_found");
}

#[test]
fn an_export_holds_everything_of_the_member_and_nothing_of_others() {
    const FINDS: usize = 103;
    let (mut app, leaves, stays) = filled();
    let (token, other) = (app.sign_in(&leaves).access, app.sign_in(&stays).access);
    for query in ["ледокол", "маяк"] {
        app.post("/api/alerts", &token, &json!({ "query": query }));
    }
    let at = app.app().now().to_string();
    let found: Vec<_> =
        (0..FINDS as i64).map(|n| line("both", 100 + n, &format!("Ледокол номер {n}")).at(&at)).collect();
    app.index_jsonl(&found);
    let both = app.tenant().channel_get("both", &ChannelSet::All).unwrap().id;
    app.app().channel_remove(&app.tenant(), leaves.id, both).unwrap();
    let chat = BotChatChange {
        telegram_id: leaves.profile.telegram_id,
        language: Some("en".to_owned()),
        tenant_id: Some(app.tenant().id()),
        ..BotChatChange::default()
    };
    app.app().bot_chat_change(chat).unwrap();
    for n in 0..3 {
        ask(&app, &token, &format!("Где тайнослово {n}?"));
    }
    let export = app.get("/api/users/me/export", &token);
    assert!(export.header("content-disposition").contains("attachment"));
    let export = export.ok();
    assert_eq!(export["user"]["telegram_id"], json!(7_700_000_000_077_i64));
    assert_eq!(export["questions"].as_array().unwrap().len(), 3);
    assert_eq!(export["subscriptions"].as_array().unwrap().len(), 1);
    assert_eq!(export["auth_events"][0]["ip"], json!("198.51.100.77"));
    assert_eq!(export["sessions"].as_array().unwrap().len(), 1);
    let alerts = export["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 2);
    assert_eq!(alerts[0]["alert"]["query"], json!("ледокол"));
    let finds: Vec<_> = alerts.iter().map(|alert| alert["finds"].as_array().unwrap().len()).collect();
    assert_eq!(finds, [FINDS, 0], "also of a channel that was left, and more than one page");
    assert!(alerts[0]["finds"][0]["post_id"].is_i64(), "{}", alerts[0]);
    assert_eq!(export["bot"]["language"], json!("en"));
    assert_eq!(export["bot"]["space"], json!(app.tenant().id()));
    assert!(!export.to_string().contains("ostalsya"), "{export}");
    let theirs = app.get("/api/users/me/export", &other).ok().to_string();
    for mark in MARKS {
        assert!(!theirs.to_lowercase().contains(&mark.to_lowercase()), "{mark} in {theirs}");
    }
}

/// A backup reads the files as they were: who left meanwhile read 503, and the rest waited for the next start.
#[test]
fn who_leaves_while_a_backup_reads_is_erased_when_it_is_done() {
    let (app, leaves, _) = filled();
    let reader = rusqlite::Connection::open(app.tenant().store().path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM posts;").unwrap();
    let receipt = app.app().user_erase(&app.tenant(), leaves.id, &Origin::operator()).unwrap();
    let said: Value = serde_json::from_str(&receipt.statement).unwrap();
    assert_eq!((&said["posts"], &said["files_rewritten"]), (&json!(2), &json!(false)), "{said}");
    let due = || -> i64 {
        let control = rusqlite::Connection::open(app.data_dir().join("control.db")).unwrap();
        let sql = "SELECT count(*) FROM settings WHERE key LIKE 'erasure_due:%'";
        control.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(due(), 1);
    drop(reader);
    // The service's next backup brings the rest.
    app.app().backup_want().unwrap();
    assert!(app.app().backup_tick(&std::sync::atomic::AtomicBool::new(false)).unwrap());
    assert_eq!(due(), 0);
    std::fs::remove_dir_all(app.data_dir().join("backups")).unwrap();
    assert_eq!(files_with(app.data_dir(), &MARKS), Vec::<String>::new());
}

/// After a death between the rows and the indexes nobody knew any more which posts were to leave the full text.
#[test]
fn an_erasure_cut_short_before_the_indexes_leaves_no_word_in_them() {
    let (mut app, leaves, _) = filled();
    let id = app.tenant().id();
    {
        let control = rusqlite::Connection::open(app.data_dir().join("control.db")).unwrap();
        let key = format!("erasure_due:{id}:{}", leaves.id);
        control.execute("INSERT INTO settings VALUES (?1, '', 0)", [key]).unwrap();
        control.execute("DELETE FROM memberships WHERE id = ?1", [leaves.id.0]).unwrap();
        let erased = app.tenant().store().member_erase(leaves.id, app.app().now()).unwrap();
        assert_eq!(erased.posts.len(), 2);
    }
    app.crash();
    assert_eq!(files_with(app.data_dir(), &["закрытослово"]), Vec::<String>::new());
    assert_eq!((app.found("закрытослово"), app.found("ледокол")), (vec![], vec![1]));
}
