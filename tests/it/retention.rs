//! Retention: what is too old goes everywhere in one run, what is not stays, a second run changes nothing; in small pieces.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tga::{
    app::retention::RetentionReport,
    model::{AuthEventKind, ChannelSet, Role},
    store::{AuditFilter, AuthEventFilter, NewAuthEvent},
};

use crate::support::{Binary, TestApp, line};

fn run(app: &TestApp) -> RetentionReport {
    app.app().retention_run(false, &AtomicBool::new(false)).unwrap()
}

fn count(report: &RetentionReport, kind: &str) -> u64 {
    report.removed.get(kind).copied().unwrap_or(0)
}

/// A day so many days before the tests' clock.
fn ago(app: &TestApp, days: i64) -> Timestamp {
    app.app().now().checked_sub(SignedDuration::from_hours(24 * days)).unwrap()
}

fn at(app: &TestApp, days: i64) -> String {
    ago(app, days).to_string()
}

fn rows(app: &TestApp, sql: &str) -> i64 {
    let db = rusqlite::Connection::open(app.tenant().store().path()).unwrap();
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_post_of_91_days_is_gone_everywhere_in_one_run_and_one_of_89_stays() {
    let mut app = TestApp::builder().synthetic_model().build();
    let (old, young) = (at(&app, 91), at(&app, 89));
    app.index_jsonl(&[
        line("news", 1, "Ледокол Арктика вышел из порта Мурманск, ледокол идёт на север к зимовщикам.")
            .at(&old),
        line("news", 2, "Комета пролетела над обсерваторией, астрономы видели комету в телескоп.").at(&young),
        line("news", 3, "Ледокол в альбоме, первая картинка.").at(&old).with("grouped_id", 7),
        line("news", 4, "Ледокол в альбоме, вторая картинка.").at(&old).with("grouped_id", 7),
    ]);
    let gone = app.post_id("news", 1);
    let token = app.token("main");
    app.post("/api/rag/query", &token, &json!({ "query": "Где ледокол Арктика?" })).ok();
    app.post("/api/rag/query", &token, &json!({ "query": "Что с кометой в телескоп?" })).ok();
    assert_eq!(rows(&app, "SELECT count(*) FROM rag_history WHERE result LIKE '%Арктика%'"), 1);
    let dry = app.app().retention_run(true, &AtomicBool::new(false)).unwrap();
    assert_eq!((dry.dry_run, count(&dry, "posts")), (true, 2), "{dry:?}");
    assert_eq!(rows(&app, "SELECT count(*) FROM posts"), 4, "a dry run removes nothing");

    let report = run(&app);
    assert_eq!(count(&report, "posts"), 2, "{report:?}");
    assert_eq!(rows(&app, "SELECT count(*) FROM posts"), 1);
    for table in ["post_tags", "post_links", "post_enrichment", "post_vectors"] {
        let left = format!("SELECT count(*) FROM {table} WHERE post_id NOT IN (SELECT id FROM posts)");
        assert_eq!(rows(&app, &left), 0, "{table}");
    }
    assert_eq!(rows(&app, "SELECT count(*) FROM tags WHERE id NOT IN (SELECT tag_id FROM post_tags)"), 0);
    assert_eq!(app.found("ледокол"), Vec::<i64>::new());
    assert_eq!(app.found("комета"), [2]);
    let tenant = app.tenant();
    let active = tenant.indexes().vectors(tenant.store()).unwrap().unwrap();
    assert!(!active.vectors.contains(gone) && active.vectors.posts() == 1);
    drop(active);
    // The words are out of the answer that quoted them; the other answer stands.
    assert_eq!(rows(&app, "SELECT count(*) FROM rag_history WHERE result LIKE '%Арктика%'"), 0);
    assert_eq!(rows(&app, "SELECT count(*) FROM rag_history"), 2);
    assert_eq!(rows(&app, "SELECT count(*) FROM rag_history WHERE result LIKE '%комет%'"), 1);
    let deleted = app.events().into_iter().filter(|event| event.event == "posts.deleted").count();
    assert_eq!(deleted, 2);

    let again = run(&app);
    assert!(again.removed.values().all(|count| *count == 0), "{again:?}");
    let log = app.app().health().map(|_| ()).and_then(|()| app.app().retention_done_at()).unwrap();
    assert!(log.is_some());
    drop(tenant);
    // A day later the other one has 90 days, another day later it goes.
    app.advance(SignedDuration::from_hours(24));
    assert_eq!(count(&run(&app), "posts"), 0);
    app.advance(SignedDuration::from_hours(25));
    assert_eq!(count(&run(&app), "posts"), 1);
}

#[test]
fn tenants_channels_and_pins_have_their_own_say() {
    let mut app = TestApp::builder().tenant("other").build();
    let old = at(&app, 100);
    let posts = [
        line("news", 1, "Старая новость о погоде в Мурманске.").at(&old),
        line("news", 2, "Закреплённая новость о погоде в Мурманске.").at(&old),
        line("news", 3, "Сохранённая заметка о ледоколах.").at(&old),
        line("archive", 1, "Старая запись, которую хранят вечно.").at(&old),
        line("short", 1, "Запись, которую хранят неделю, пока не пройдёт.").at(&at(&app, 8)),
    ];
    app.index_jsonl(&posts);
    app.import_jsonl_into("other", &posts);
    app.run_pending_jobs();
    let tenant = app.tenant();
    let channel = |name: &str| tenant.channel_get(name, &ChannelSet::All).unwrap().id;
    let (news, archive, short) = (channel("news"), channel("archive"), channel("short"));
    tenant.store().messages_pin(news, vec![2], true).unwrap();
    // A post that somebody saved stays as well.
    let saved = app.post_id("news", 3);
    let db = rusqlite::Connection::open(tenant.store().path()).unwrap();
    db.execute("INSERT INTO saved_posts (membership_id, post_id, saved_at) VALUES (1, ?1, 1)", [saved.0])
        .unwrap();
    drop(db);
    let admin = app.person("main", 1, Role::Admin);
    let put = |body: &serde_json::Value| {
        app.request(axum::http::Method::PUT, "/api/admin/retention").token(&admin.access).json(body).send()
    };
    put(&json!({ "channel_id": archive, "posts_days": 0 })).ok();
    let view = put(&json!({ "channel_id": short, "posts_days": 7 })).ok();
    assert_eq!(
        (&view["posts_days"], &view["posts_due"], &view["own"]),
        (&json!(90), &json!(2), &json!(false)),
        "{view}"
    );
    assert_eq!(put(&json!({ "posts_days": 36_501 })).status, 422);
    assert_eq!(put(&json!({ "channel_id": 999, "posts_days": 1 })).status, 404);
    drop(tenant);
    // The other tenant keeps everything.
    let other = app.tenant_named("other");
    app.app().retention_set(&other, None, Some(0), &tga::app::audit::Origin::operator()).unwrap();
    let report = run(&app);
    assert_eq!(count(&report, "posts"), 2, "{report:?}");
    assert_eq!(app.found("новость"), [2]);
    assert_eq!(app.found("вечно"), [1]);
    assert_eq!(other.store().post_counts().unwrap().posts, 5);
    assert_eq!(app.found("сохранённая"), [3]);
    drop(other);
    let view = put(&json!({ "posts_days": 30 })).ok();
    assert_eq!((&view["posts_days"], &view["own"]), (&json!(30), &json!(true)), "{view}");
}

/// What was let go of must not be fetched again: neither by going deeper, nor by an edit of an old message.
#[test]
fn the_floor_rises_above_what_is_gone() {
    let mut app = TestApp::new();
    let (old, young) = (at(&app, 91), at(&app, 5));
    app.index_jsonl(&[
        line("news", 10, "Старая новость о погоде в Мурманске.").at(&old),
        line("news", 20, "Новая новость о погоде в Мурманске.").at(&young),
    ]);
    let tenant = app.tenant();
    let id = tenant.channel_get("news", &ChannelSet::All).unwrap().id;
    tenant.store().reading_deepen(id, 365).unwrap();
    let reading = tenant.store().reading_get(id).unwrap().unwrap();
    assert_eq!((reading.depth_days, reading.keep_days, reading.floor_id), (365, Some(90), None));
    tenant.store().reading_floor_put(id, 365, 5).unwrap();
    let page = tga::store::Page {
        channel: id,
        covered: Some((5, 20)),
        top_id: Some(20),
        checked: true,
        ..Default::default()
    };
    tenant.store().page_apply(page, app.app().now()).unwrap();
    run(&app);
    let reading = tenant.store().reading_get(id).unwrap().unwrap();
    assert_eq!((reading.floor_id, reading.gaps.clone()), (Some(11), vec![]), "{reading:?}");
    let ledger = tenant.store().ledger_get(id).unwrap().unwrap();
    assert_eq!((ledger.first_id, ledger.expected, ledger.seen), (Some(11), 10, 1), "{ledger:?}");
    // All of a channel is what is kept of it.
    tenant.store().reading_deepen(id, tga::store::DEPTH_ALL_DAYS).unwrap();
    assert_eq!(tenant.store().reading_get(id).unwrap().unwrap().floor_id, None, "looked up, not everything");
    // Who keeps more looks for more, also for what was once asked about.
    tenant.store().reading_floor_put(id, tga::store::DEPTH_ALL_DAYS, 11).unwrap();
    app.app().retention_set(&tenant, None, Some(0), &tga::app::audit::Origin::operator()).unwrap();
    let reading = tenant.store().reading_get(id).unwrap().unwrap();
    assert_eq!((reading.floor_id, reading.keep_days), (None, None));
    tenant.store().reading_floor_put(id, tga::store::DEPTH_ALL_DAYS, 1).unwrap();
    assert_eq!(tenant.store().reading_get(id).unwrap().unwrap().gaps, [(1, 10)]);
}

fn auth_event(app: &TestApp, days: i64, ip: &str) {
    let event = NewAuthEvent {
        at: ago(app, days),
        kind: AuthEventKind::QrStarted,
        login_id: None,
        tenant_id: Some(app.tenant().id()),
        membership_id: None,
        telegram_id: Some(7),
        reason: Some(format!("{days}")),
        ip: Some(ip.to_owned()),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64) Firefox/127.0".to_owned()),
    };
    // Events are written as they happen; these happened earlier.
    let db = rusqlite::Connection::open(app.data_dir().join("control.db")).unwrap();
    db.execute(
        "INSERT INTO telegram_auth_events (at, event, tenant_id, telegram_id, reason, ip, user_agent)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        rusqlite::params![
            event.at.as_millisecond(),
            event.kind.name(),
            event.tenant_id.unwrap().to_string(),
            event.telegram_id,
            event.reason,
            event.ip,
            event.user_agent
        ],
    )
    .unwrap();
}

#[test]
fn steps_of_logins_become_coarse_at_30_days_and_go_at_90() {
    let app = TestApp::new();
    for (days, ip) in [
        (29, "203.0.113.77"),
        (31, "203.0.113.77"),
        (32, "2001:db8:1234:5678:9abc:def0:1234:5678"),
        (89, "198.51.100.9"),
        (91, "198.51.100.9"),
    ] {
        auth_event(&app, days, ip);
    }
    let report = run(&app);
    assert_eq!(
        (count(&report, "auth_events"), count(&report, "auth_events_pseudonymised")),
        (1, 3),
        "{report:?}"
    );
    let (events, _) = app.app().auth_event_list(&AuthEventFilter::default(), 10, 0).unwrap();
    let found: Vec<(String, String, String)> = events
        .into_iter()
        .map(|event| (event.reason.unwrap(), event.ip.unwrap(), event.user_agent.unwrap()))
        .collect();
    let row = |days: &str, ip: &str, agent: &str| (days.to_owned(), ip.to_owned(), agent.to_owned());
    assert_eq!(
        found,
        [
            row("89", "198.51.100.0", "Firefox"),
            row("32", "2001:db8:1234:5600::", "Firefox"),
            row("31", "203.0.113.0", "Firefox"),
            row("29", "203.0.113.77", "Mozilla/5.0 (X11; Linux x86_64) Firefox/127.0"),
        ]
    );
    let stats = app.app().retention_stats().unwrap();
    let auth = stats.iter().find(|kind| kind.kind == "auth_events").unwrap();
    assert_eq!(
        (auth.total, auth.last_30d, auth.last_90d, auth.pseudonymised),
        (4, 1, 4, Some(3)),
        "{auth:?}"
    );
    assert!(auth.bytes > 0 && auth.oldest.is_some());
    let again = run(&app);
    assert!(again.removed.values().all(|count| *count == 0), "{again:?}");
}

#[test]
fn logs_events_and_answers_go_at_their_age() {
    let mut app = TestApp::new();
    app.index_jsonl(&[line("news", 1, "Ледокол вышел из порта Мурманск на север.")]);
    let person = app.person("main", 1, Role::Admin);
    let answer = app.post("/api/rag/query", &person.access, &json!({ "query": "Где ледокол?" })).ok();
    app.app().log_system("info", "a line".to_owned()).unwrap();
    let body = json!({ "query_id": answer["query_id"], "rating": "up" });
    app.post("/api/feedback", &person.access, &body);
    let events = rows(&app, "SELECT count(*) FROM outbox_events");
    assert!(events > 0);
    app.advance(SignedDuration::from_hours(24 * 8));
    assert_eq!(count(&run(&app), "events"), events as u64);
    app.advance(SignedDuration::from_hours(24 * 23));
    assert!(count(&run(&app), "system_log") > 0);
    app.advance(SignedDuration::from_hours(24 * 60));
    let report = run(&app);
    assert_eq!((count(&report, "history"), count(&report, "feedback")), (1, 0), "{report:?}");
    app.advance(SignedDuration::from_hours(24 * 300));
    assert_eq!(rows(&app, "SELECT count(*) FROM rag_history"), 0);
    let report = run(&app);
    assert_eq!(count(&report, "feedback"), 1, "{report:?}");
    assert!(
        count(&report, "audit") > 0 || app.app().audit_list(&AuditFilter::default(), 1, 0).unwrap().1 == 0
    );
}

/// A kill between the database and the indexes left posts to be found that are gone.
#[test]
fn killed_between_database_and_indexes_the_next_run_finishes() {
    let tga = Binary::new();
    tga.ok(&["init"]);
    let lines: Vec<_> = (1..300)
        .map(|id| {
            line("news", id, &format!("Пост {id} о ледоколах в порту Мурманск.")).at("2020-01-01T00:00:00Z")
        })
        .collect();
    let posts = tga.jsonl("posts.jsonl", &lines);
    tga.ok(&["import", posts.to_str().unwrap(), "--tenant", "main"]);
    // What an import brings is kept for ever, unless somebody says otherwise.
    tga.ok(&["retention", "set", "--tenant", "main", "--channel", "news", "--posts-days", "90"]);
    let output =
        tga.command(&["retention", "run"]).env("TGA_FAIL_POINT", "retention_rows_gone:2").output().unwrap();
    assert_eq!(output.status.code(), None, "it was to die");
    let report = tga.ok(&["retention", "run"]);
    assert!(report["removed"]["posts"].as_u64().unwrap() < 299, "{report}");
    assert_eq!(tga.ok(&["index", "verify"])["indexes"][0]["ok"], true);
    assert_eq!(tga.ok(&["search", "ледокол", "--tenant", "main"])["total"], 0);
    let again = tga.ok(&["retention", "run"]);
    assert_eq!(again["tenants"], json!([]), "{again}");
    let shown = tga.ok(&["retention", "set", "--tenant", "main", "--posts-days", "0"]);
    assert_eq!(shown["posts_days"], 0, "{shown}");
    assert_eq!(tga.ok(&["retention", "set", "--tenant", "main", "--default"])["posts_days"], 90);
    assert!(tga.ok(&["retention", "stats"])["kinds"].as_array().unwrap().len() > 5);
}

/// Many events in small pieces: writers wait for milliseconds. The bench does it with a million.
#[test]
fn writers_go_on_while_many_events_go() {
    let app = TestApp::new();
    let mut db = rusqlite::Connection::open(app.data_dir().join("control.db")).unwrap();
    let tx = db.transaction().unwrap();
    for id in 0..60_000_i64 {
        let days = if id < 30_000 { 100 } else { 40 };
        let sql = "INSERT INTO telegram_auth_events (at, event, ip, user_agent) VALUES (?1, 'qr_started', '203.0.113.77', 'curl/8')";
        tx.prepare_cached(sql).unwrap().execute([ago(&app, days).as_millisecond() + id]).unwrap();
    }
    tx.commit().unwrap();
    drop(db);
    let done = AtomicBool::new(false);
    let longest = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !done.load(Ordering::SeqCst) {
                let started = Instant::now();
                app.app().log_system("info", "beside".to_owned()).unwrap();
                longest = longest.max(started.elapsed());
            }
            longest
        });
        let report = run(&app);
        done.store(true, Ordering::SeqCst);
        assert_eq!(count(&report, "auth_events"), 30_000);
        assert_eq!(count(&report, "auth_events_pseudonymised"), 30_000);
        writer.join().unwrap()
    });
    println!("a writer beside waited {} ms at most", longest.as_millis());
    // Shared machines: far above what is meant, far below what holding the writer would take.
    assert!(longest < Duration::from_secs(2), "{longest:?}");
}

/// An import that died was kept for ever only if it came to its end: repeated, all of it was too old already, and went.
#[test]
fn an_archive_whose_import_was_cut_short_is_kept() {
    let tga = Binary::new();
    tga.ok(&["init"]);
    let lines: Vec<_> = (1..40)
        .map(|id| line("archive", id, &format!("Станция {id}, которой давно нет")).at("2019-05-01T10:00:00Z"))
        .collect();
    let posts = tga.jsonl("posts.jsonl", &lines);
    let import = ["import", posts.to_str().unwrap(), "--tenant", "main"];
    let output = tga.command(&import).env("TGA_FAIL_POINT", "after_store_commit").output().unwrap();
    assert_eq!(output.status.code(), None, "it was to die");
    let due = |report: &serde_json::Value| report["removed"]["posts"].as_u64().unwrap();
    assert_eq!(due(&tga.ok(&["retention", "run"])), 0, "between the two");
    tga.ok(&import);
    assert_eq!(due(&tga.ok(&["retention", "run"])), 0);
    // A channel that had posts due before is one whose archive somebody brings now; one with a rule of its own keeps that.
    tga.ok(&["retention", "set", "--tenant", "main", "--channel", "archive", "--default"]);
    assert_eq!(tga.ok(&import)["kept_channels"], json!(["archive"]));
    tga.ok(&["retention", "set", "--tenant", "main", "--channel", "archive", "--posts-days", "90"]);
    assert_eq!(tga.ok(&import).get("kept_channels"), None);
    assert_eq!(due(&tga.ok(&["retention", "run"])), 39);
}

/// Whoever was told "for ever" between the look and the removal lost what had been found.
#[test]
fn a_channel_that_is_kept_by_now_loses_nothing_that_was_found_before() {
    let mut app = TestApp::new();
    let old = at(&app, 100);
    app.index_jsonl(&[line("news", 1, "Старая новость о погоде в Мурманске.").at(&old)]);
    let (tenant, now) = (app.tenant(), app.app().now());
    let store = tenant.store();
    let found = store.posts_old(None, 10, now).unwrap();
    assert_eq!(found.len(), 1);
    let news = tenant.channel_get("news", &ChannelSet::All).unwrap().id;
    store.posts_days_put(Some(news), Some(0)).unwrap();
    assert_eq!(store.posts_expire(&found, "test", now).unwrap(), []);
    store.posts_days_put(Some(news), Some(120)).unwrap();
    assert_eq!(store.posts_expire(&found, "test", now).unwrap(), []);
    store.posts_days_put(Some(news), None).unwrap();
    assert_eq!(store.posts_expire(&found, "test", now).unwrap().len(), 1);
    tenant.indexes().remove(&[found[0].id]).unwrap();
}

/// What a worker commits while an index is compared with a list of before was taken for something extra.
#[test]
fn what_is_indexed_while_the_indexes_are_looked_through_stays() {
    let mut app = TestApp::builder().synthetic_model().build();
    app.index_jsonl(&[
        line("news", 1, "Ледокол Арктика вышел из порта Мурманск."),
        line("news", 2, "Комета пролетела над обсерваторией."),
    ]);
    let late = app.post_id("news", 1);
    let tenant = app.tenant();
    let stage = |stage: i64| {
        let db = rusqlite::Connection::open(tenant.store().path()).unwrap();
        db.execute("UPDATE posts SET stage = ?1 WHERE id = ?2", [stage, late.0]).unwrap();
    };
    // The list passes before the post is indexed, the index is asked after it.
    stage(0);
    tenant.indexes().rebuild(tenant.store(), &mut |_, _| stage(4)).unwrap();
    assert_eq!(app.found("ледокол"), [1]);
    stage(0);
    let db = rusqlite::Connection::open(tenant.store().path()).unwrap();
    db.execute("INSERT INTO meta (key, value) VALUES ('retention', '1')", []).unwrap();
    drop(db);
    run(&app);
    stage(4);
    assert_eq!(app.found("ледокол"), [1]);
    assert!(tenant.indexes().vectors(tenant.store()).unwrap().unwrap().vectors.contains(late));
    // What the database does not have goes all the same.
    let db = rusqlite::Connection::open(tenant.store().path()).unwrap();
    db.execute("UPDATE posts SET deleted_at = 1 WHERE id = ?1", [late.0]).unwrap();
    drop(db);
    tenant.indexes().rebuild(tenant.store(), &mut |_, _| {}).unwrap();
    assert_eq!(app.found("ледокол"), Vec::<i64>::new());
}

#[test]
fn a_dry_run_counts_what_a_run_removes() {
    let mut app = TestApp::new();
    let old = at(&app, 100);
    app.index_jsonl(&[
        line("news", 1, "Старая новость о погоде в Мурманске.").at(&old),
        line("news", 2, "Удалённая новость о погоде в Мурманске.").at(&old),
    ]);
    let db = rusqlite::Connection::open(app.tenant().store().path()).unwrap();
    db.execute("UPDATE posts SET deleted_at = 1 WHERE message_id = 2", []).unwrap();
    drop(db);
    // Coarse already and to go, whole and to go, whole and to become coarse, young.
    for days in [100, 101, 102, 40, 41, 1] {
        auth_event(&app, days, "203.0.113.77");
    }
    let db = rusqlite::Connection::open(app.data_dir().join("control.db")).unwrap();
    let sql = "UPDATE telegram_auth_events SET pseudonymised_at = 1 WHERE reason IN ('100', '101')";
    db.execute(sql, []).unwrap();
    drop(db);
    let counted = |report: RetentionReport| -> Vec<(&'static str, u64)> {
        report.removed.into_iter().filter(|(_, count)| *count > 0).collect()
    };
    let dry = counted(app.app().retention_run(true, &AtomicBool::new(false)).unwrap());
    assert!(dry.contains(&("auth_events_pseudonymised", 2)) && dry.contains(&("tombstones", 1)), "{dry:?}");
    assert_eq!(dry, counted(run(&app)));
}

/// Whole tenants and indexes that were set aside stayed for ever, also when their tenant was deleted.
#[test]
fn what_was_set_aside_goes_after_a_while_and_with_its_tenant() {
    let app = TestApp::builder().tenant("other").build();
    let (main, other) = (app.tenant().id(), app.tenant_named("other").id());
    let (shelf, tenants) = (app.data_dir().join("aside"), app.data_dir().join("tenants"));
    let second = |days: i64| ago(&app, days).as_second();
    let make = |path: std::path::PathBuf| {
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("file"), b"x").unwrap();
        path
    };
    let old = [
        make(shelf.join(format!("{main}-{}", second(31)))),
        make(tenants.join(main.to_string()).join(format!("fulltext.damaged-{}", second(31)))),
    ];
    let young = [
        make(shelf.join(format!("{main}-{}", second(29)))),
        make(tenants.join(main.to_string()).join(format!("fulltext.damaged-{}", second(29)))),
        make(shelf.join("mine")),
        make(shelf.join(format!("{other}-{}", second(2)))),
    ];
    let dry = app.app().retention_run(true, &AtomicBool::new(false)).unwrap();
    assert_eq!((count(&dry, "set_aside"), old[0].exists()), (2, true));
    assert_eq!(count(&run(&app), "set_aside"), 2);
    assert!(old.iter().all(|path| !path.exists()) && young.iter().all(|path| path.exists()));
    app.app().tenant_delete("other").unwrap();
    assert!(!young[3].exists() && young[0].exists());
    assert_eq!(count(&run(&app), "set_aside"), 0);
}
