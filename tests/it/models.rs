//! Models outside: who decides, what it may cost, keys that never come out, voice; through the real router.

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::time::Duration;
use tga::{
    app::voice::Voice,
    model::{Provider, Role},
    store::{NoticeKind, Subscription},
};

use crate::support::{
    Person, Reply, TestApp, line,
    llm::{Llm, OPENAI_KEY, Say, say},
};

const QUESTION: &str = "Какую станцию метро открыли в Казани?";

fn put(app: &TestApp, path: &str, token: &str, body: &Value) -> Reply {
    app.request(Method::PUT, path).token(token).json(body).send()
}

fn ask(app: &TestApp, person: &Person) -> Value {
    app.post("/api/rag/query", &person.access, &json!({ "query": QUESTION })).ok()
}

fn agree(app: &TestApp, person: &Person, yes: bool) {
    let path = "/api/users/me/consents/external_models";
    assert_eq!(put(app, path, &person.access, &json!({ "given": yes })).status, StatusCode::NO_CONTENT);
}

/// An appliance that follows a channel with a post to ask about, and somebody who follows it.
fn with_post(llm: &Llm, more: &[(&str, &str)]) -> (TestApp, Person) {
    let mut builder = TestApp::builder().models(llm, "openai");
    for (name, value) in more {
        builder = builder.set(name, value);
    }
    let mut app = builder.build();
    llm.watch(app.app().clock());
    app.index_jsonl(&[
        line(
            "news",
            1,
            "В Казани открыли станцию метро «Суконная». На строительство потратили 12 миллиардов рублей.",
        ),
        line("news", 2, "Погода на выходных: снег и метель, водителей просят быть осторожнее на дорогах."),
    ]);
    let admin = app.person("main", 1, Role::Admin);
    let channel = app.tenant().channel_get("news", &tga::model::ChannelSet::All).unwrap();
    let created_at = app.app().now();
    let follows =
        Subscription { membership: admin.user_id, channel: channel.id, depth_days: None, created_at };
    app.tenant().store().subscription_add(follows, 10).unwrap();
    (app, admin)
}

fn switch(app: &TestApp, admin: &Person, enabled: bool) -> Value {
    put(app, "/api/admin/models", &admin.access, &json!({ "enabled": enabled })).ok()
}

#[test]
fn nothing_leaves_before_the_admin_and_the_person_said_yes() {
    let llm = Llm::start();
    llm.mind(|_| say("В Казани открыли станцию метро «Суконная» [1]."));
    let (app, admin) = with_post(&llm, &[]);
    let asked = || llm.calls("/chat/completions").len();
    assert_eq!(ask(&app, &admin)["provider"], "local");
    assert_eq!(app.get("/api/admin/models", &admin.access).ok()["settings"]["enabled"], json!(false));
    switch(&app, &admin, true);
    assert_eq!(
        (ask(&app, &admin)["provider"].clone(), asked()),
        (json!("local"), 0),
        "the person did not agree"
    );
    agree(&app, &admin, true);
    let answer = ask(&app, &admin);
    assert_eq!((answer["provider"].clone(), asked()), (json!("openai"), 1));
    assert_eq!(answer["result"]["answer"], "В Казани открыли станцию метро «Суконная». [1]");
    assert_eq!(app.get("/api/admin/models", &admin.access).ok()["consents"], json!(1));
    agree(&app, &admin, false);
    assert_eq!((ask(&app, &admin)["provider"].clone(), asked()), (json!("local"), 1), "taken back");
    agree(&app, &admin, true);
    switch(&app, &admin, false);
    assert_eq!((ask(&app, &admin)["provider"].clone(), asked()), (json!("local"), 1), "switched off");
    let audit = app.get("/api/admin/audit?limit=10", &admin.access).ok();
    assert!(audit.to_string().contains("models_switched"));
}

/// A token of the tenant asks over the channels of everybody: what those follow who did not agree stays here.
#[test]
fn a_token_sends_no_post_of_somebody_who_did_not_agree() {
    let llm = Llm::start();
    llm.mind(|_| say("В Казани открыли станцию метро «Суконная» [1]."));
    let (app, admin) = with_post(&llm, &[]);
    switch(&app, &admin, true);
    let token = app.token("main");
    let ask = || app.post("/api/rag/query", &token, &json!({ "query": QUESTION })).ok();
    assert_eq!(ask()["provider"], "local");
    assert!(llm.calls("/chat/completions").is_empty());
    agree(&app, &admin, true);
    assert_eq!(ask()["provider"], "openai");
}

/// Trying a provider out is paid for like everything else.
#[test]
fn trying_a_provider_is_counted_and_capped() {
    let llm = Llm::start();
    llm.mind(|_| say("yes"));
    let (app, admin) = with_post(&llm, &[("TGA__AI__TENANT_TOKENS_PER_DAY", "400")]);
    let test = || app.post("/api/admin/models/test", &admin.access, &json!({ "provider": "openai" }));
    assert_eq!(test().ok()["ok"], json!(true));
    let spend = app.get("/api/admin/models/spend", &admin.access).ok();
    assert_eq!((&spend["rows"][0]["feature"], &spend["rows"][0]["calls"]), (&json!("test"), &json!(1)));
    let refused = (0..10).map(|_| test()).find(|reply| reply.status != StatusCode::OK).unwrap();
    assert_eq!(refused.json()["error"]["code"], "budget_exceeded", "{}", refused.text());
}

/// The caps of before say nothing of the new ones.
#[test]
fn raised_caps_are_warned_of_anew() {
    let llm = Llm::start();
    llm.mind(|_| say("В Казани открыли станцию метро «Суконная» [1]."));
    let (app, admin) = with_post(&llm, &[("TGA__TIERS__FREE__QUESTIONS_PER_DAY", "200")]);
    agree(&app, &admin, true);
    let caps = |tokens: u64| {
        let body = json!({ "enabled": true, "caps": {
            "tokens_per_day": tokens, "tokens_per_month": 0, "money_micros_per_day": 0, "money_micros_per_month": 0 } });
        put(&app, "/api/admin/models", &admin.access, &body).ok();
    };
    let told = || {
        let due = app.app().notice_due_list().unwrap();
        due.iter().filter(|notice| notice.kind == NoticeKind::ModelBudget).count()
    };
    caps(3_000);
    while ask(&app, &admin)["provider"] == "openai" {}
    let before = told();
    assert!(before > 0);
    caps(6_000);
    while ask(&app, &admin)["provider"] == "openai" {}
    assert!(told() > before, "{before}");
}

#[test]
fn a_purpose_can_be_switched_alone() {
    let llm = Llm::start();
    let (app, admin) = with_post(&llm, &[]);
    agree(&app, &admin, true);
    let body = json!({ "enabled": true, "answers": false, "tags": true, "voice": true });
    put(&app, "/api/admin/models", &admin.access, &body).ok();
    assert_eq!(ask(&app, &admin)["provider"], "local");
    assert!(llm.calls("/chat/completions").is_empty());
    let wrong = put(&app, "/api/admin/models", &admin.access, &json!({ "enabled": 3 }));
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[test]
fn tokens_and_money_are_counted_warned_of_and_capped() {
    let llm = Llm::start();
    llm.mind(|_| say("В Казани открыли станцию метро «Суконная» [1]."));
    // A question takes 150 tokens; beforehand about 2,000 are held.
    let prices = [
        ("TGA__AI__OPENAI__PRICE_IN_PER_MILLION", "100.0"),
        ("TGA__AI__OPENAI__PRICE_OUT_PER_MILLION", "200.0"),
        ("TGA__AI__TENANT_TOKENS_PER_DAY", "4000"),
        ("TGA__TIERS__FREE__QUESTIONS_PER_DAY", "100"),
    ];
    let (app, admin) = with_post(&llm, &prices);
    switch(&app, &admin, true);
    agree(&app, &admin, true);
    let mut providers = Vec::new();
    for _ in 0..40 {
        let answer = ask(&app, &admin);
        providers.push(answer["provider"].as_str().unwrap().to_owned());
        if answer["provider"] == "local" {
            assert!(answer["degraded"].as_str().unwrap().contains("budget"), "{answer}");
            break;
        }
    }
    let spend = app.get("/api/admin/models/spend", &admin.access).ok();
    let calls = llm.calls("/chat/completions").len() as u64;
    assert_eq!(providers.last().unwrap(), "local");
    let row = &spend["rows"][0];
    assert_eq!((row["feature"].clone(), row["provider"].clone()), (json!("answers"), json!("openai")));
    assert_eq!(row["calls"], json!(calls));
    assert_eq!(
        (row["tokens_in"].clone(), row["tokens_out"].clone()),
        (json!(120 * calls), json!(30 * calls))
    );
    assert_eq!(row["money_micros"], json!(calls * (120 * 100 + 30 * 200)), "millionths of the currency");
    let used = app.get("/api/admin/models", &admin.access).ok()["used"].clone();
    assert_eq!(used["tokens_day"], json!(150 * calls));
    assert!(calls > 3 && 150 * calls <= 4000, "{calls}");
    let notices = app.app().notice_due_list().unwrap();
    let reasons: Vec<&str> = notices
        .iter()
        .filter(|notice| notice.kind == NoticeKind::ModelBudget)
        .map(|notice| notice.reason.as_str())
        .collect();
    assert!(reasons.contains(&"budget_100"), "{reasons:?}");
    app.advance(SignedDuration::from_hours(24));
    let admin = app.sign_in(&app.app().member_get(app.tenant().id(), admin.user_id).unwrap());
    assert_eq!(ask(&app, &admin)["provider"], "openai", "a new day");
}

#[test]
fn shares_of_a_cap_are_told_once_a_period() {
    let llm = Llm::start();
    llm.mind(|_| say("В Казани открыли станцию метро «Суконная» [1]."));
    let none = [("TGA__AI__TENANT_TOKENS_PER_DAY", "0"), ("TGA__AI__TENANT_TOKENS_PER_MONTH", "0")];
    let (app, admin) = with_post(&llm, &none);
    agree(&app, &admin, true);
    let caps = json!({ "tokens_per_day": 100_000, "tokens_per_month": 0, "money_micros_per_day": 0, "money_micros_per_month": 0 });
    put(&app, "/api/admin/models", &admin.access, &json!({ "enabled": true, "caps": caps })).ok();
    let told = || {
        let notices = app.app().notice_due_list().unwrap();
        notices.into_iter().map(|notice| notice.reason).collect::<Vec<_>>()
    };
    let mut expected: Vec<&str> = Vec::new();
    for (used, warned) in [
        (49_000, None),
        (2_000, Some("budget_50")),
        (1_000, None),
        (24_000, Some("budget_75")),
        (15_000, Some("budget_90")),
        (100, None),
    ] {
        llm.set_usage(used, 0);
        assert_eq!(ask(&app, &admin)["provider"], "openai");
        expected.extend(warned);
        assert_eq!(told(), expected, "after {used} more");
    }
}

#[test]
fn when_the_first_provider_fails_the_second_answers_and_then_the_box_itself() {
    let llm = Llm::start();
    let mut app = TestApp::builder().models(&llm, "gigachat, openai").build();
    llm.watch(app.app().clock());
    app.index_jsonl(&[line("news", 1, "В Казани открыли станцию метро «Суконная».")]);
    let token = app.token("main");
    put(&app, "/api/admin/models", &token, &json!({ "enabled": true })).ok();
    let asked = |provider: &str| {
        let answer = app.post("/api/rag/query", &token, &json!({ "query": QUESTION })).ok();
        assert_eq!(answer["provider"], provider, "{answer}");
        answer
    };
    let good = || say("В Казани открыли станцию метро «Суконная» [1].");
    llm.script([good()]);
    asked("gigachat");
    llm.script([Say::Refuse(500, None, json!({})), good()]);
    asked("openai");
    llm.script([Say::Refuse(402, None, json!({})), Say::CutAfter(String::new())]);
    let answer = asked("local");
    assert!(answer["degraded"].as_str().unwrap().contains("does not answer"), "{answer}");
    assert!(!answer["result"]["abstained"].as_bool().unwrap());
    // GigaChat has no tokens left: it is not asked again at once.
    llm.script([good()]);
    asked("openai");
}

#[test]
fn keys_go_in_sealed_and_never_come_out() {
    let llm = Llm::start();
    let mut app = TestApp::builder()
        .models(&llm, "openai")
        .set("TGA__AI__OPENAI__KEY", "")
        .set("TGA__OPERATORS", "[99]")
        .build();
    llm.watch(app.app().clock());
    app.index_jsonl(&[line("news", 1, "В Казани открыли станцию метро «Суконная».")]);
    let admin = app.person("main", 1, Role::Admin);
    let operator = app.person("main", 99, Role::User);
    let user = app.person("main", 2, Role::User);
    let key = |person: &Person| {
        put(&app, "/api/admin/models/keys/openai", &person.access, &json!({ "key": OPENAI_KEY }))
    };
    assert_eq!(key(&user).status, StatusCode::FORBIDDEN);
    assert_eq!(key(&admin).status, StatusCode::NO_CONTENT);
    let listed = app.get("/api/admin/models/providers", &admin.access).ok();
    let openai =
        listed["providers"].as_array().unwrap().iter().find(|row| row["provider"] == "openai").unwrap();
    assert_eq!(openai["key"], "tenant");
    assert!(!listed.to_string().contains(OPENAI_KEY));
    let test = app.post("/api/admin/models/test", &admin.access, &json!({ "provider": "openai" })).ok();
    assert_eq!(test["ok"], json!(true), "{test}");
    let test = app
        .post("/api/admin/models/test", &admin.access, &json!({ "provider": "openai", "key": "sk-nonsense" }))
        .ok();
    assert_eq!((test["problem"].clone(), test["ok"].clone()), (json!("key_refused"), json!(false)));
    assert!(!test.to_string().contains("sk-nonsense"), "{test}");

    let path = "/api/operator/models/keys/openai";
    assert_eq!(put(&app, path, &admin.access, &json!({ "key": OPENAI_KEY })).status, StatusCode::FORBIDDEN);
    assert_eq!(
        put(&app, path, &operator.access, &json!({ "key": OPENAI_KEY })).status,
        StatusCode::NO_CONTENT
    );
    let listed = app.get("/api/operator/models/providers", &operator.access).ok();
    assert!(listed.to_string().contains("\"operator\"") && !listed.to_string().contains(OPENAI_KEY));
    let rotated = app.app().seal_key_rotate().unwrap();
    assert_eq!((rotated.sealed_anew, rotated.left), (2, 0), "the tenant's key and the operator's");
    app.restart();
    for (path, bytes) in app.files() {
        let found = bytes.windows(OPENAI_KEY.len()).any(|part| part == OPENAI_KEY.as_bytes());
        assert!(!found, "{} holds the key", path.display());
    }
    let test = app.post("/api/admin/models/test", &admin.access, &json!({ "provider": "openai" })).ok();
    assert_eq!(test["ok"], json!(true));
    let gone = app.request(Method::DELETE, "/api/admin/models/keys/openai").token(&admin.access).send();
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let gone = app.request(Method::DELETE, "/api/admin/models/keys/openai").token(&admin.access).send();
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    let test = app.post("/api/admin/models/test", &admin.access, &json!({ "provider": "openai" })).ok();
    assert_eq!(test["ok"], json!(true), "the operator's is left");
}

#[test]
fn doctor_names_what_is_wrong_with_a_provider() {
    let llm = Llm::start();
    let app = TestApp::builder()
        .models(&llm, "gigachat")
        .set("TGA__AI__GIGACHAT__SCOPE", "GIGACHAT_API_CORP")
        .build();
    let finding = |app: &TestApp| {
        let findings = app.app().doctor().unwrap();
        findings.into_iter().find(|finding| finding.check == "model provider gigachat").unwrap()
    };
    let found = finding(&app);
    assert!(found.detail.contains("another scope") && found.fix.unwrap().contains("GIGACHAT_API_PERS"));
    llm.set_scope("GIGACHAT_API_CORP");
    assert_eq!(finding(&app).fix, None);
}

#[test]
fn a_voice_message_is_written_down_once_for_who_agreed() {
    let llm = Llm::start();
    llm.mind(|_| say("  Что нового\nв метро?  "));
    let app = TestApp::builder()
        .models(&llm, "openai")
        .set("TGA__AI__SPEECH__BASE_URL", &llm.url("/v1"))
        .set("TGA__AI__SPEECH__KEY", OPENAI_KEY)
        .set("TGA__AI__SPEECH__PRICE_PER_MINUTE", "0.5")
        .build();
    let member = app.member("main", 1, Role::Admin);
    let person = app.sign_in(&member);
    let voice = |seconds| Voice {
        audio: b"OggS a voice",
        mime: "audio/ogg",
        length: Duration::from_secs(seconds),
        language: Some("ru"),
    };
    let tenant = app.tenant();
    let code = |seconds| {
        app.app().voice_transcribe(&tenant, &member, voice(seconds)).map_err(|error| error.code().name())
    };
    assert_eq!(code(5), Err("voice_off"));
    switch(&app, &person, true);
    assert_eq!(code(5), Err("voice_off"), "nobody agreed");
    agree(&app, &person, true);
    assert_eq!(code(61), Err("voice_too_long"));
    for _ in 0..3 {
        assert_eq!(code(60).unwrap(), "Что нового\nв метро?");
    }
    assert_eq!(llm.calls("/audio/transcriptions").len(), 1, "the same recording costs once");
    assert_eq!(llm.audio(), b"OggS a voice");
    let spend = app.get("/api/admin/models/spend", &person.access).ok();
    assert_eq!(
        (spend["rows"][0]["feature"].clone(), spend["rows"][0]["money_micros"].clone()),
        (json!("voice"), json!(500_000))
    );
    llm.script([Say::Refuse(401, None, json!({}))]);
    let other = Voice { audio: b"OggS another", ..voice(3) };
    let error = app.app().voice_transcribe(&tenant, &member, other).unwrap_err();
    assert_eq!(error.code().name(), "model");
    assert_eq!(app.app().provider_list(None).unwrap().last().unwrap().provider, Provider::Speech);
}
