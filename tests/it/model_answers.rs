//! Answers that a model writes: as they come, checked, with what stands in when it fails; questions that go on.

use serde_json::{Value, json};
use tga::{
    app::{ask::AskRequest, audit::Origin, model_calls::ModelSettings},
    model::{ChannelSet, ConsentPurpose, Role},
    store::Subscription,
};

use crate::support::{
    Person, TestApp, line,
    llm::{Llm, Say, say},
};

const QUESTION: &str = "Какую станцию метро открыли в Казани?";

fn app_with(llm: &Llm) -> TestApp {
    app_with_set(llm, &[])
}

fn app_with_set(llm: &Llm, settings: &[(&str, &str)]) -> TestApp {
    let builder = TestApp::builder().models(llm, "openai").set("TGA__AI__TENANT_TOKENS_PER_DAY", "0");
    let mut app = settings.iter().fold(builder, |builder, (name, value)| builder.set(name, value)).build();
    llm.watch(app.app().clock());
    let settings = ModelSettings { enabled: true, tags: false, ..ModelSettings::default() };
    app.app().models_set(&app.tenant(), settings, &Origin::operator()).unwrap();
    app.index_jsonl(&[
        line(
            "news",
            1,
            "В Казани открыли станцию метро «Суконная». На строительство потратили 12 миллиардов рублей.",
        ),
        line("news", 2, "В Самаре открыли станцию метро «Театральная», её ждали десять лет."),
        line(
            "news",
            3,
            "Матч в Лиссабоне выиграл «Спортинг» со счётом 3:1, матч в Мадриде отложили из-за дождя.",
        ),
    ]);
    app
}

/// Somebody who follows everything and agreed.
fn reader(app: &TestApp) -> Person {
    let member = app.member("main", 7, Role::User);
    let tenant = app.tenant();
    for channel in tenant.store().channel_list().unwrap() {
        let follows = Subscription {
            membership: member.id,
            channel: channel.id,
            depth_days: None,
            created_at: app.app().now(),
        };
        tenant.store().subscription_add(follows, 10).unwrap();
    }
    app.app().consent_put(&tenant, member.id, ConsentPurpose::ExternalModels, true).unwrap();
    app.sign_in(&member)
}

/// The events of a streamed answer: name and data.
fn streamed(app: &TestApp, token: &str, query: &str) -> Vec<(String, Value)> {
    let reply = app.post("/api/rag/query", token, &json!({ "query": query, "stream": true }));
    assert_eq!(reply.header("content-type"), "text/event-stream", "{}", reply.text());
    let text = reply.text();
    text.split("\n\n")
        .filter_map(|event| {
            let field = |name: &str| event.lines().find_map(|row| row.strip_prefix(name)).map(str::trim);
            Some((field("event:")?.to_owned(), serde_json::from_str(field("data:")?).unwrap()))
        })
        .collect()
}

fn joined(events: &[(String, Value)]) -> String {
    events.iter().filter(|(name, _)| name == "token").filter_map(|(_, data)| data["text"].as_str()).collect()
}

#[test]
fn an_answer_streams_sentence_by_sentence_and_only_what_is_right() {
    let llm = Llm::start();
    let app = app_with(&llm);
    let token = app.token("main");
    llm.mind(|_| {
        say("В Казани открыли станцию метро «Суконная» [1]. Её открыл президент [1]. На строительство потратили 12 миллиардов рублей [1]. \
             Мэр доволен [9].")
    });
    let events = streamed(&app, &token, QUESTION);
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["token", "token", "sources", "done"]);
    assert_eq!(
        joined(&events),
        "В Казани открыли станцию метро «Суконная». [1] На строительство потратили 12 миллиардов рублей. [1]"
    );
    let sources = events[2].1.as_array().unwrap();
    assert_eq!(sources.len(), 1);
    assert!(sources[0]["quote"].as_str().unwrap().contains("Суконная"));
    assert_eq!(events[3].1["provider"], "openai");
    // The same answer as one document.
    let whole = app.post("/api/rag/query", &token, &json!({ "query": QUESTION })).ok();
    assert_eq!(whole["result"]["answer"].as_str().unwrap(), joined(&events));
    assert!(whole["result"]["confidence"].as_f64().unwrap() > 0.4);
    let history = app.tenant().store().history_list(None, 10, 0).unwrap().0;
    assert_eq!(history[0].provider, "openai");
}

/// The server's limit for a request is not a model's: a slow one used to make the answer an error.
#[test]
fn an_answer_may_take_as_long_as_the_model_may() {
    let llm = Llm::start();
    let app = app_with_set(&llm, &[("TGA__SERVER__REQUEST_TIMEOUT_S", "1")]);
    llm.mind(|_| {
        std::thread::park_timeout(std::time::Duration::from_millis(1_500));
        say("В Казани открыли станцию метро «Суконная» [1].")
    });
    let whole = app.post("/api/rag/query", &app.token("main"), &json!({ "query": QUESTION })).ok();
    assert_eq!(whole["provider"], "openai", "{whole}");
}

#[test]
fn whatever_the_model_does_there_is_an_answer_that_quotes() {
    let llm = Llm::start();
    let app = app_with(&llm);
    let token = app.token("main");
    let quoting = app.ask(QUESTION).result.answer;
    for said in [
        say("Я не знаю, но думаю, что это «Сокольники»."),
        say("НЕТ"),
        say("Открыли станцию «Сокольники» [1]."),
        Say::Empty,
        Say::Garbage,
        Say::NoChoices,
        Say::Finish("content_filter"),
        Say::CutAfter("В Каз".to_owned()),
        Say::Refuse(402, None, json!({})),
    ] {
        llm.script([said.clone()]);
        let events = streamed(&app, &token, QUESTION);
        assert_eq!(joined(&events), quoting, "{said:?}");
        assert_eq!(events.last().unwrap().1["provider"], "local");
        // Left alone after a refusal; a later time it is asked again.
        app.advance(jiff::SignedDuration::from_mins(20));
    }
    // What was told is right and stays, and the answer says that it is not whole.
    llm.script([Say::CutAfter(
        "В Казани открыли станцию метро «Суконная» [1]. На строительство пот".to_owned(),
    )]);
    let events = streamed(&app, &token, QUESTION);
    assert_eq!(joined(&events), "В Казани открыли станцию метро «Суконная». [1]");
    let done = &events.last().unwrap().1;
    assert_eq!(
        (done["provider"].as_str(), done["degraded"].as_str()),
        (Some("openai"), Some("the model's answer was cut off"))
    );
}

#[test]
fn without_evidence_no_model_is_asked_and_posts_are_listed_without_one() {
    let llm = Llm::start();
    let app = app_with(&llm);
    let token = app.token("main");
    let ask = |query: &str| app.post("/api/rag/query", &token, &json!({ "query": query })).ok();
    let nothing = ask("Сколько лун у Юпитера?");
    assert_eq!(nothing["result"]["abstained"], json!(true));
    let listed = ask("Найди посты про станцию метро");
    assert_eq!(listed["intent"], "search");
    assert!(llm.calls("/chat/completions").is_empty());
}

#[test]
fn a_question_goes_on_from_the_one_before() {
    let llm = Llm::start();
    let app = app_with(&llm);
    let anna = reader(&app);
    llm.mind(|body| {
        let user = crate::support::llm::user_of(body);
        if user.contains("А в Самаре?") {
            say("В Самаре открыли станцию метро «Театральная» [1][2].")
        } else {
            say("НЕТ")
        }
    });
    let ask = |query: &str| app.post("/api/rag/query", &anna.access, &json!({ "query": query })).ok();
    let first = ask(QUESTION);
    assert_eq!(first.get("follows"), None);
    app.advance(jiff::SignedDuration::from_mins(5));
    let again = ask("А в Самаре?");
    let follows = again["follows"].as_str().unwrap_or_else(|| panic!("{again}"));
    assert!(follows.contains("станцию") && follows.contains("Самаре"), "{follows}");
    assert!(again["result"]["answer"].as_str().unwrap().contains("Театральная"), "{again}");
    assert!(llm.asked().contains(QUESTION), "the model hears what was asked before: {}", llm.asked());
    let other = ask("Кто выиграл матч в Лиссабоне?");
    assert_eq!(other.get("follows"), None, "{other}");
    assert!(!llm.asked().contains("Спрашивали раньше"));
    app.advance(jiff::SignedDuration::from_hours(25));
    let fresh = app.sign_in(&app.app().member_get(app.tenant().id(), anna.user_id).unwrap());
    let late = app.post("/api/rag/query", &fresh.access, &json!({ "query": "А в Самаре?" })).ok();
    assert_eq!(late.get("follows"), None, "a day later it stands for itself");
}

#[test]
fn a_face_may_say_itself_what_was_asked_before() {
    let app = app_with(&Llm::start());
    let request = AskRequest {
        query: "А в Мадриде?".to_owned(),
        previous: vec!["Кто выиграл матч в Лиссабоне?".to_owned()],
        ..AskRequest::default()
    };
    let answer = app.app().ask(&app.tenant(), &ChannelSet::All, &request, &jiff::tz::TimeZone::UTC).unwrap();
    assert!(answer.follows.is_some_and(|follows| follows.contains("Мадриде") && follows.contains("матч")));
}
