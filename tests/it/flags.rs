//! Feature flags and experiments, feedback and consents, figures over time: through the real router.

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tga::{
    app::{
        feedback::{COMMENT_CHARS_MAX, FEEDBACK_PER_DAY_MAX},
        search::SearchMode,
    },
    model::{ConsentPurpose, Flag, Role},
    store::{AuditFilter, Subscription},
};

use crate::support::{Person, Reply, TestApp, line};

fn put(app: &TestApp, path: &str, token: &str, body: &Value) -> Reply {
    app.request(Method::PUT, path).token(token).json(body).send()
}

fn set(app: &TestApp, token: &str, flag: Flag, body: &Value) -> Reply {
    put(app, &format!("/api/admin/flags/{}", flag.name()), token, body)
}

/// Somebody who follows the one channel there is.
fn reader(app: &TestApp, telegram_id: i64) -> Person {
    let person = app.person("main", telegram_id, Role::User);
    let tenant = app.tenant();
    let channel = tenant.channel_get("news", &tga::model::ChannelSet::All).unwrap().id;
    let follows =
        Subscription { membership: person.user_id, channel, depth_days: None, created_at: app.app().now() };
    tenant.store().subscription_add(follows, 10).unwrap();
    person
}

fn with_post() -> TestApp {
    let mut app = TestApp::builder().tenant("other").set("TGA__OPERATORS", "[5]").build();
    app.index_jsonl(&[line("news", 1, "Ледокол «Арктика» вышел из порта Мурманск в субботу утром.")]);
    app
}

fn ask(app: &TestApp, person: &Person) -> String {
    let answer = app.post("/api/rag/query", &person.access, &json!({ "query": "Где ледокол Арктика?" })).ok();
    answer["query_id"].as_str().unwrap().to_owned()
}

#[test]
fn the_nearest_rule_decides_and_changes_are_versioned_and_on_record() {
    let mut app = TestApp::builder().tenant("other").set("TGA__OPERATORS", "[5]").build();
    let admin = app.person("main", 1, Role::Admin);
    let operator = app.person("other", 5, Role::User);
    let user = app.person("main", 2, Role::User);
    let flag = Flag::StreamedAnswers;
    let tenant = app.tenant().id();
    let on = |app: &TestApp, person: &Person| app.app().flag_on(flag, Some(tenant), Some(person.user_id));
    assert!(on(&app, &user), "the default");
    let path = "/api/operator/flags/streamed_answers";
    put(&app, path, &operator.access, &json!({ "percent": 0, "version": 0 })).ok();
    assert!(!on(&app, &user), "the installation");
    let changed = set(&app, &admin.access, flag, &json!({ "percent": 100, "version": 0 })).ok();
    assert_eq!((&changed["percent"], changed["rules"].as_array().unwrap().len()), (&json!(100), 2));
    assert!(on(&app, &user), "the tenant");
    set(&app, &admin.access, flag, &json!({ "percent": 0, "version": 0, "user_id": user.user_id })).ok();
    assert!(!on(&app, &user) && on(&app, &admin), "the user");
    let other = app.tenant_named("other").id();
    assert!(
        !app.app().flag_on(flag, Some(other), None),
        "the installation's rule holds for the other tenant"
    );

    let stale = set(&app, &admin.access, flag, &json!({ "percent": 50, "version": 0 }));
    assert_eq!(stale.status, StatusCode::CONFLICT, "{}", stale.text());
    set(&app, &admin.access, flag, &json!({ "percent": 50, "version": 1 })).ok();
    app.restart();
    assert!(!on(&app, &user), "rules survive a restart");
    set(&app, &admin.access, flag, &json!({ "percent": null, "version": 1, "user_id": user.user_id })).ok();
    set(&app, &admin.access, flag, &json!({ "percent": null, "version": 2 })).ok();
    assert!(!on(&app, &user), "without its rules the tenant has the installation's");

    let refused = |body: Value, flag| set(&app, &admin.access, flag, &body).status.as_u16();
    assert_eq!(refused(json!({ "percent": 101, "version": 0 }), flag), 422);
    assert_eq!(refused(json!({ "percent": 0, "version": 0 }), Flag::OpenRegistration), 422);
    assert_eq!(refused(json!({ "percent": 0, "version": 0, "user_id": operator.user_id }), flag), 404);
    let unknown = put(&app, "/api/admin/flags/nonsense", &admin.access, &json!({ "version": 0 }));
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let filter = AuditFilter { action: Some(tga::model::AuditAction::FlagChanged), ..AuditFilter::default() };
    let (lines, total) = app.app().audit_list(&filter, 10, 0).unwrap();
    assert_eq!((total, lines[0].target.as_str()), (6, "streamed_answers"));
}

#[test]
fn each_flag_switches_what_it_says() {
    let mut app = TestApp::builder().synthetic_model().set("TGA__REGISTRATION__MODE", "open").build();
    app.index_jsonl(&[line("news", 1, "Ледокол «Арктика» вышел из порта Мурманск в субботу утром.")]);
    let admin = app.token("main");
    let search = || app.search("ледокол", SearchMode::Hybrid).degraded;
    assert_eq!(search(), None);
    set(&app, &admin, Flag::VectorSearch, &json!({ "percent": 0, "version": 0 })).ok();
    assert!(search().unwrap().contains("vector_search"));

    let body = json!({ "query": "Где ледокол?", "stream": true });
    let kind = || app.post("/api/rag/query", &admin, &body).header("content-type").to_owned();
    assert_eq!(kind(), "text/event-stream");
    set(&app, &admin, Flag::StreamedAnswers, &json!({ "percent": 0, "version": 0 })).ok();
    assert_eq!(kind(), "application/json");

    let asked = tga::app::admissions::Admittance { telegram_id: Some(70), ..Default::default() };
    assert!(app.app().admission_check(&asked).is_ok());
    let place = tga::store::FlagPlace::Installation;
    let origin = tga::app::audit::Origin::operator();
    app.app().flag_put(Flag::OpenRegistration, place, Some(0), 0, &origin).unwrap();
    assert_eq!(app.app().admission_check(&asked).unwrap_err().code().name(), "registration_closed");
}

#[test]
fn an_experiment_counts_people_and_what_they_make_of_answers() {
    let app = with_post();
    let admin = app.token("main");
    let people: Vec<Person> = (10..22).map(|id| reader(&app, id)).collect();
    ask(&app, &people[0]);
    let shown = |app: &TestApp| app.get("/api/admin/experiments", &admin).ok()["experiments"][0].clone();
    let count = |experiment: &Value, field: &str| {
        let variants = experiment["variants"].as_array().unwrap();
        variants.iter().map(|variant| variant[field].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(count(&shown(&app), "people"), [0, 0], "off by default");
    set(&app, &admin, Flag::ExperimentAnswerWeights, &json!({ "percent": 100, "version": 0 })).ok();
    let answers: Vec<String> = people.iter().map(|person| ask(&app, person)).collect();
    let experiment = shown(&app);
    let [control, treated] = count(&experiment, "people")[..] else { panic!("two variants") };
    assert_eq!(control + treated, 12);
    assert!(control > 0 && treated > 0, "{control} and {treated}");
    // Everybody rates, one asks again soon and one late.
    for (person, answer) in people.iter().zip(&answers) {
        let body = json!({ "query_id": answer, "rating": "up" });
        assert_eq!(app.post("/api/feedback", &person.access, &body).status, StatusCode::CREATED);
    }
    app.advance(SignedDuration::from_mins(5));
    ask(&app, &people[1]);
    app.advance(SignedDuration::from_mins(6));
    ask(&app, &app.person("main", 12, Role::User));
    let experiment = shown(&app);
    assert_eq!(count(&experiment, "people").iter().sum::<u64>(), 12, "a person counts once");
    assert_eq!(count(&experiment, "answers").iter().sum::<u64>(), 14);
    let outcome = |name: &str| {
        let all = experiment["variants"].as_array().unwrap().iter().flat_map(|variant| {
            variant["outcomes"].as_array().unwrap().iter().filter(|one| one["outcome"] == name)
        });
        all.map(|one| one["people"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((outcome("feedback_up"), outcome("feedback_down"), outcome("follow_up")), (12, 0, 1));
    let difference = &experiment["differences"][0]["difference"];
    assert_eq!(difference["value"], json!(0.0));
    assert!(difference["low"].as_f64().unwrap() < 0.0 && difference["high"].as_f64().unwrap() > 0.0);
}

#[test]
fn feedback_is_of_ones_own_answers_bounded_and_read_by_admins() {
    let app = with_post();
    let admin = app.person("main", 1, Role::Admin);
    let (anna, boris) = (reader(&app, 2), reader(&app, 3));
    let answer = ask(&app, &anna);
    let give =
        |person: &Person, body: Value| app.post("/api/feedback", &person.access, &body).status.as_u16();
    assert_eq!(give(&anna, json!({ "query_id": answer, "rating": "up" })), 201);
    assert_eq!(give(&anna, json!({ "query_id": answer, "rating": "down", "comment": " Мимо " })), 201);
    assert_eq!(give(&boris, json!({ "query_id": answer, "rating": "up" })), 404);
    assert_eq!(give(&boris, json!({ "comment": "Спасибо" })), 201);
    assert_eq!(give(&boris, json!({ "rating": "up" })), 422);
    assert_eq!(give(&boris, json!({ "comment": "  " })), 422);
    assert_eq!(give(&boris, json!({ "comment": "я".repeat(COMMENT_CHARS_MAX + 1) })), 422);
    let list = app.get("/api/admin/feedback", &admin.access).ok();
    assert_eq!(list["total"], json!(2));
    let down = app.get("/api/admin/feedback?rating=down", &admin.access).ok()["feedback"][0].clone();
    assert_eq!((&down["comment"], &down["query"]), (&json!("Мимо"), &json!("Где ледокол Арктика?")));
    for _ in 1..FEEDBACK_PER_DAY_MAX {
        let input = tga::app::feedback::FeedbackInput {
            comment: Some("Ещё".to_owned()),
            ..tga::app::feedback::FeedbackInput::default()
        };
        app.app().feedback_add(&app.tenant(), boris.user_id, input).unwrap();
    }
    assert_eq!(give(&boris, json!({ "comment": "Ещё" })), 429);
    let export = app.get("/api/users/me/export", &anna.access).ok();
    assert_eq!(export["feedback"][0]["comment"], "Мимо");
}

#[test]
fn consents_are_given_and_taken_back_with_their_times() {
    let app = TestApp::new();
    let admin = app.person("main", 1, Role::Admin);
    let user = app.person("main", 2, Role::User);
    let given = || app.tenant().consent_given(user.user_id, ConsentPurpose::ExternalModels).unwrap();
    let path = "/api/users/me/consents/external_models";
    let agree = |yes: bool| put(&app, path, &user.access, &json!({ "given": yes })).status;
    assert!(!given());
    for (yes, at) in [(true, 0), (true, 1), (false, 2), (false, 3), (true, 4)] {
        assert_eq!(agree(yes), StatusCode::NO_CONTENT, "{at}");
        assert_eq!(given(), yes);
        app.advance(SignedDuration::from_secs(1));
    }
    let list = app.get("/api/admin/consents", &admin.access).ok();
    assert_eq!(list["total"], json!(2), "saying the same twice is one consent");
    assert_eq!(list["consents"][0]["revoked_at"], Value::Null);
    assert_eq!(list["consents"][1]["given_at"], "2026-11-21T12:00:00Z");
    assert_eq!(list["consents"][1]["revoked_at"], "2026-11-21T12:00:02Z");
    assert_eq!(app.get("/api/users/me/consents", &admin.access).ok()["total"], json!(0));
    let nonsense = put(&app, "/api/users/me/consents/all", &user.access, &json!({ "given": true }));
    assert_eq!(nonsense.status, StatusCode::NOT_FOUND);
}

#[test]
fn figures_over_time_have_every_bucket() {
    let mut app = with_post();
    let admin = app.token("main");
    let anna = reader(&app, 2);
    ask(&app, &anna);
    app.import_jsonl(&[line("news", 2, "Ледокол вернулся в порт")]);
    app.app().queue_sample().unwrap();
    app.run_pending_jobs();
    app.app().queue_sample().unwrap();
    app.advance(SignedDuration::from_hours(1));
    ask(&app, &app.person("main", 2, Role::User));
    let stats = app.get("/api/admin/stats?days=3&hours=4", &admin).ok();
    let day = |at: usize, field: &str| stats["days"][at][field].clone();
    assert_eq!((stats["days"].as_array().unwrap().len(), stats["hours"].as_array().unwrap().len()), (3, 4));
    assert_eq!(day(0, "from_at"), "2026-11-19T00:00:00Z");
    assert_eq!((day(1, "posts"), day(2, "posts")), (json!(2), json!(0)));
    assert_eq!((day(2, "questions"), day(2, "users"), day(2, "channels")), (json!(2), json!(1), json!(1)));
    assert_eq!((day(2, "jobs"), day(1, "jobs")), (json!(1), json!(0)));
    assert!(day(2, "latency_p50_ms").is_u64() && day(1, "latency_p50_ms").is_null());
    let hour = |at: usize| stats["hours"][at]["questions"].clone();
    assert_eq!((hour(1), hour(2), hour(3)), (json!(0), json!(1), json!(1)));
    assert!(stats["tags"].as_u64().unwrap() > 0);
    for query in ["days=0", "days=91", "hours=169"] {
        let refused = app.get(&format!("/api/admin/stats?{query}"), &admin);
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
    let usual = app.get("/api/admin/stats", &admin).ok();
    assert_eq!((usual["days"].as_array().unwrap().len(), usual["hours"].as_array().unwrap().len()), (30, 48));
}
