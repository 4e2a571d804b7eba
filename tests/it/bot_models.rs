//! Agreeing to models outside in the bot, and taking it back: what is said, what is kept, and that it counts at once.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tga::{
    app::{audit::Origin, model_calls::ModelSettings},
    model::Role,
};

use crate::{
    bot::{each_set, follow},
    support::{
        Person, TestApp,
        bot::{Bot, Talker},
        llm::{Llm, OPENAI_KEY, say},
    },
};

const ANNA: i64 = 7001;

fn switch_on(app: &TestApp, settings: ModelSettings) {
    let settings = ModelSettings { enabled: true, ..settings };
    app.app().models_set(&app.tenant(), settings, &Origin::operator()).unwrap();
}

/// The consents that an address shows.
fn consents(app: &TestApp, who: &Person, path: &str) -> Vec<Value> {
    let reply = app.request(Method::GET, path).token(&who.access).send();
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    reply.json()["consents"].as_array().unwrap().clone()
}

#[test]
fn a_person_reads_what_is_sent_to_whom_agrees_and_takes_it_back() {
    let llm = Llm::start();
    let mut settings = llm.environment("gigachat, openai");
    settings.push(("TGA__AI__SPEECH__BASE_URL".to_owned(), "https://speech.example.org/v1".to_owned()));
    settings.push(("TGA__AI__SPEECH__KEY".to_owned(), OPENAI_KEY.to_owned()));
    each_set("models", &settings, |app, bot, who| {
        app.member("main", ANNA, Role::User);
        let (models, agree, withdraw) = match who.language {
            "ru" => ("Внешние модели", "Согласиться", "Забрать согласие"),
            _ => ("External models", "Agree", "Take the consent back"),
        };
        // The tenant has them off.
        bot.say(app, who, "/settings");
        bot.press(app, who, models);
        bot.press(app, who, agree);
        bot.press(app, who, withdraw);
        switch_on(app, ModelSettings::default());
        bot.say(app, who, "/settings");
        bot.press(app, who, models);
        bot.press(app, who, agree);
        bot.say(app, who, "/settings");
        // Less is sent than could be.
        switch_on(app, ModelSettings { answers: false, tags: false, ..ModelSettings::default() });
        bot.say(app, who, "/privacy");
        bot.press(app, who, models);
        bot.press(app, who, withdraw);
        let (kept, total) = app.tenant().consent_list(None, 10, 0).unwrap();
        assert!(total == 2 && kept.iter().all(|consent| consent.revoked_at.is_some()), "{kept:?}");
    });
}

#[test]
fn what_is_agreed_in_the_bot_counts_at_once_and_is_listed_where_the_app_lists_it() {
    let llm = Llm::start();
    llm.mind(|_| say("Метро в Казани откроют в мае [1]."));
    let mut bot = Bot::start();
    let mut app = TestApp::builder().bot(&bot).models(&llm, "openai").build();
    bot.attach(&app);
    let anna = Talker::ru(ANNA);
    let member = app.member("main", ANNA, Role::Admin);
    let person = app.sign_in(&member);
    follow(&mut app, ANNA, 1);
    switch_on(&app, ModelSettings { tags: false, ..ModelSettings::default() });
    let asked = |bot: &mut Bot, app: &TestApp| {
        bot.say(app, anna, "когда откроют метро в Казани?");
        llm.calls("/chat/completions").len()
    };
    assert_eq!(asked(&mut bot, &app), 0);
    bot.say(&app, anna, "/settings");
    bot.press(&app, anna, "Внешние модели");
    bot.press(&app, anna, "Согласиться");
    assert_eq!(asked(&mut bot, &app), 1);
    for path in ["/api/users/me/consents", "/api/admin/consents"] {
        let listed = consents(&app, &person, path);
        assert!(listed.len() == 1 && listed[0]["revoked_at"].is_null(), "{path}: {listed:?}");
        assert_eq!(
            (&listed[0]["purpose"], &listed[0]["user_id"]),
            (&"external_models".into(), &member.id.0.into())
        );
    }
    // To whom, as the bot's card says it.
    let own = app.request(Method::GET, "/api/users/me/consents").token(&person.access).send().json();
    assert_eq!(own["sent"], json!([{ "feature": "answers", "to": ["127.0.0.1"] }]));
    bot.press(&app, anna, "Забрать согласие");
    assert_eq!(asked(&mut bot, &app), 1);
    assert!(!consents(&app, &person, "/api/users/me/consents")[0]["revoked_at"].is_null());
}

#[test]
fn a_stranger_has_nothing_to_agree_to() {
    let mut bot = Bot::start();
    let app = TestApp::builder().bot(&bot).build();
    bot.attach(&app);
    let anna = Talker::ru(ANNA);
    let shown = bot.say(&app, anna, "/privacy");
    assert!(!shown[0].markup.to_string().contains("Внешние модели"), "{shown:?}");
    let shown = bot.press_data(&app, anna, shown[0].id, &format!("{ANNA:x}.mody:1"), "Согласиться");
    assert!(shown[0].html.contains("приглашения"), "{shown:?}");
}
