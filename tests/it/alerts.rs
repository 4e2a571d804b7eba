//! Alerts: what is found as posts are indexed, by whom it is read, and what the bot says of it.

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tga::{
    app::alerts::{ALERTS_PER_DAY_MAX, ALERTS_PER_MEMBER_MAX},
    model::{ChannelSet, Role},
    store::Subscription,
};

use crate::support::{
    Person, TestApp,
    bot::{Bot, Talker},
    line,
};

const ANNA: i64 = 7001;
const BORIS: i64 = 7002;

/// Makes somebody of `main` follow channels that are there.
fn follow(app: &TestApp, telegram_id: i64, names: &[&str]) {
    let tenant = app.tenant();
    let member = app.app().member_by_telegram_id(tenant.id(), telegram_id).unwrap();
    for name in names {
        let channel = tenant.channel_get(name, &ChannelSet::All).unwrap().id;
        let follows =
            Subscription { membership: member.id, channel, depth_days: None, created_at: app.app().now() };
        tenant.store().subscription_add(follows, 100).unwrap();
    }
}

/// Two channels with an old post each, and Anna who follows both.
fn world() -> (TestApp, Person) {
    let mut app = TestApp::builder().at("2026-11-20T00:00:00Z").tenant("other").build();
    app.index_jsonl(&[post("news", 1, "Старый пост про ставку"), post("sport", 1, "Матч")]);
    let anna = app.person("main", ANNA, Role::User);
    follow(&app, ANNA, &["news", "sport"]);
    // What comes from now on is dated later than the alerts that are made now.
    (app, anna)
}

fn post(channel: &str, id: i64, text: &str) -> crate::support::Line {
    line(channel, id, text)
}

fn alert(app: &TestApp, who: &Person, body: &Value) -> Value {
    let reply = app.post("/api/alerts", &who.access, body);
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text());
    reply.json()
}

/// The texts of the posts an alert found, newest first, each with whether it is told.
fn found(app: &TestApp, who: &Person, alert: &Value) -> Vec<(String, String)> {
    let path = format!("/api/alerts/{}/matches", alert["id"]);
    let list = app.get(&path, &who.access).ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let matches = list["matches"].as_array().unwrap().clone();
    matches.iter().map(|hit| (text(&hit["post"]["text"]), text(&hit["state"]))).collect()
}

#[test]
fn an_alert_finds_each_new_post_with_all_its_words_once() {
    let (mut app, anna) = world();
    let rate = alert(&app, &anna, &json!({ "query": "ключевая ставка" }));
    let tag = alert(&app, &anna, &json!({ "tags": ["метро"] }));
    let without = alert(&app, &anna, &json!({ "query": "\"ключевую ставку\" -ипотека" }));
    let lines = [
        post("news", 2, "ЦБ поднял ключевую ставку до 20 %"),
        post("news", 3, "Ставка на спорт"),
        post("news", 4, "Ипотека: ключевую ставку подняли"),
        post("sport", 5, "Новая станция #метро открыта"),
    ];
    app.index_jsonl(&lines);
    // The same file again, and an edit, find nothing twice.
    app.index_jsonl(&lines);
    app.index_jsonl(&[post("news", 2, "ЦБ поднял ключевую ставку до 21 %, исправлено").with("edited", 1)]);
    app.restart();
    let texts = |alert: &Value| found(&app, &anna, alert).into_iter().map(|hit| hit.0).collect::<Vec<_>>();
    let mut rates = texts(&rate);
    rates.sort();
    assert_eq!(rates.len(), 2, "{rates:?}");
    assert!(rates[0].starts_with("Ипотека") && rates[1].starts_with("ЦБ"), "{rates:?}");
    assert_eq!(texts(&tag).len(), 1);
    assert_eq!(texts(&without).len(), 1);
    let list = app.get("/api/alerts", &anna.access).ok();
    assert_eq!(list["alerts"][0]["found"], 2);
}

#[test]
fn old_posts_and_channels_one_does_not_follow_are_nobodys_news() {
    let (mut app, anna) = world();
    let rate = alert(&app, &anna, &json!({ "query": "ставка" }));
    app.index_jsonl(&[
        post("news", 2, "Ставка год назад").at("2025-11-20T00:00:00Z"),
        post("other_news", 1, "Ставка не для Анны"),
    ]);
    assert_eq!(found(&app, &anna, &rate), []);
    // Who leaves a channel hears of it no more, and reads no more of what was found there.
    app.index_jsonl(&[post("news", 3, "Ставка сегодня")]);
    assert_eq!(found(&app, &anna, &rate).len(), 1);
    let news = app.tenant().channel_get("news", &ChannelSet::All).unwrap().id;
    app.app().channel_remove(&app.tenant(), anna.user_id, news).unwrap();
    assert_eq!(found(&app, &anna, &rate), []);
}

#[test]
fn what_one_may_not_read_takes_no_place_on_a_page_of_finds() {
    let (mut app, anna) = world();
    let rate = alert(&app, &anna, &json!({ "query": "ставка" }));
    app.index_jsonl(&[post("sport", 2, "Ставка игрока")]);
    app.index_jsonl(&[post("news", 2, "Ставка банка")]);
    let page = || app.get(&format!("/api/alerts/{}/matches?limit=1", rate["id"]), &anna.access).ok();
    assert_eq!(
        (&page()["total"], &page()["matches"][0]["post"]["text"]),
        (&json!(2), &json!("Ставка банка"))
    );
    let news = app.tenant().channel_get("news", &ChannelSet::All).unwrap().id;
    app.app().channel_remove(&app.tenant(), anna.user_id, news).unwrap();
    assert_eq!(
        (&page()["total"], &page()["matches"][0]["post"]["text"]),
        (&json!(1), &json!("Ставка игрока"))
    );
}

#[test]
fn one_story_told_by_several_channels_is_told_once() {
    let (mut app, anna) = world();
    let crane = alert(&app, &anna, &json!({ "query": "кран" }));
    let story = "Башенный кран упал на жилой дом на улице Ленина в Казани утром 20 ноября, сообщили в МЧС Татарстана.";
    app.index_jsonl(&[post("news", 2, story)]);
    app.index_jsonl(&[post("sport", 3, &format!("{story} Подробности уточняются."))]);
    let states: Vec<String> = found(&app, &anna, &crane).into_iter().map(|hit| hit.1).collect();
    assert_eq!(states, ["held", "due"]);
}

#[test]
fn alerts_are_checked_limited_versioned_and_ones_own() {
    let (app, anna) = world();
    let boris = app.person("main", BORIS, Role::Admin);
    let wrong = |body: Value, field: &str| {
        let reply = app.post("/api/alerts", &anna.access, &body);
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", reply.text());
        assert!(reply.text().contains(field), "{body}: {}", reply.text());
    };
    wrong(json!({ "query": "-только" }), "query");
    wrong(json!({ "query": "x", "per_day_max": ALERTS_PER_DAY_MAX + 1 }), "per_day_max");
    wrong(json!({ "query": "x", "zone": "Nowhere/City" }), "zone");
    wrong(json!({ "query": "x", "quiet": { "from": "7", "until": "08:00" } }), "quiet");
    wrong(json!({ "query": "x", "quiet": { "from": "08:00", "until": "08:00" } }), "quiet");
    wrong(json!({ "tags": vec!["t"; 11] }), "tags");
    wrong(json!({ "tags": ["—"] }), "tags");
    let body = json!({ "query": "  ключевая   ставка ", "quiet": { "from": "23:00", "until": "08:00" },
        "zone": "Europe/Moscow", "tags": ["экономика"] });
    let first = alert(&app, &anna, &body);
    assert_eq!(first["query"], "ключевая ставка");
    let again = app.post("/api/alerts", &anna.access, &body);
    assert_eq!((again.status, &again.json()["id"]), (StatusCode::OK, &first["id"]));
    let path = format!("/api/alerts/{}", first["id"]);
    let change = |who: &Person, version: i64| {
        let body = json!({ "alert": { "query": "ставка", "per_day_max": 3 }, "version": version });
        app.request(Method::PUT, &path).token(&who.access).json(&body).send().status.as_u16()
    };
    assert_eq!((change(&anna, 1), change(&anna, 1), change(&boris, 2)), (200, 409, 404));
    assert_eq!(app.get(&format!("{path}/matches"), &boris.access).status, StatusCode::NOT_FOUND);
    for n in 1..ALERTS_PER_MEMBER_MAX {
        alert(&app, &anna, &json!({ "query": format!("слово{n}") }));
    }
    let more = app.post("/api/alerts", &anna.access, &json!({ "query": "ещё" }));
    assert_eq!(
        (more.status, more.code().as_str()),
        (StatusCode::FORBIDDEN, "tier_limit_exceeded"),
        "{}",
        more.text()
    );
    let delete = |who: &Person| app.request(Method::DELETE, &path).token(&who.access).send().status.as_u16();
    assert_eq!((delete(&boris), delete(&anna), delete(&anna)), (404, 204, 404));
}

#[test]
fn a_preview_says_what_the_last_week_would_have_brought() {
    let (mut app, anna) = world();
    let lines: Vec<_> = (2..40).map(|id| post("news", id, &format!("Ставка номер {id}"))).collect();
    app.index_jsonl(&lines);
    app.advance(SignedDuration::from_hours(24));
    let anna = app.sign_in(&app.app().member_find(anna.user_id).unwrap().unwrap());
    let preview = app.post("/api/alerts/preview", &anna.access, &json!({ "query": "ставка номер" })).ok();
    assert_eq!((&preview["found"], preview["examples"].as_array().unwrap().len()), (&json!(38), 3));
    assert_eq!(app.get("/api/alerts", &anna.access).ok()["total"], 0);
}

#[test]
fn an_alert_by_meaning_looks_at_meanings_where_there_is_a_model() {
    let Some(model) = crate::support::test_model() else { return };
    let (mut app, anna) = world();
    app.app().model_import(&model).unwrap();
    let metro = alert(&app, &anna, &json!({ "query": "открытие станций метро", "by_meaning": true }));
    let words = alert(&app, &anna, &json!({ "query": "станции метро: открытие" }));
    app.index_jsonl(&[
        post("news", 2, "Станция метро «Рыбацкая» откроется в среду: комиссия подписала акт"),
        post("news", 3, "Рецепт яблочного пирога с корицей: три яблока, мука и немного терпения."),
        post("sport", 4, "Сборная проиграла со счётом 1:3, тренер подал в отставку."),
    ]);
    let texts: Vec<String> = found(&app, &anna, &metro).into_iter().map(|hit| hit.0).collect();
    assert!(texts.len() == 1 && texts[0].starts_with("Станция метро"), "{texts:?}");
    assert_eq!(found(&app, &anna, &words), []);
}

/// An appliance with a bot; Anna follows one channel.
fn with_bot() -> (TestApp, Bot) {
    let mut bot = Bot::start();
    let mut app = TestApp::builder().at("2026-11-20T00:00:00Z").bot(&bot).build();
    app.index_jsonl(&[post("news", 1, "Старый пост")]);
    app.member("main", ANNA, Role::User);
    follow(&app, ANNA, &["news"]);
    bot.attach(&app);
    (app, bot)
}

fn alerts_shown(bot: &Bot) -> Vec<String> {
    let chat = bot.api.chat(ANNA).into_iter().map(|shown| shown.html);
    chat.filter(|html| html.starts_with("🔔") && html.contains("t.me/")).collect()
}

#[test]
fn the_bot_tells_a_find_once_whatever_happens_in_between() {
    let (mut app, mut bot) = with_bot();
    bot.say(&app, Talker::ru(ANNA), "/alerts ледокол");
    app.index_jsonl(&[post("news", 2, "Ледокол «Арктика» вышел <b>из порта</b> & ушёл на север")]);
    assert_eq!(bot.tell_due(), 1);
    bot.detach();
    app.crash();
    bot.attach(&app);
    assert_eq!(bot.tell_due(), 0);
    bot.settle(&app);
    let told = alerts_shown(&bot);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("<b>Ледокол</b>") && told[0].contains("&lt;b&gt;из порта"), "{}", told[0]);
}

#[test]
fn quiet_hours_and_the_days_limit_are_kept() {
    let (mut app, mut bot) = with_bot();
    let anna = Talker::ru(ANNA);
    let member = app.app().memberships_of(ANNA).unwrap().remove(0);
    bot.say(&app, anna, "/alerts пост");
    let id = app.tenant().alert_list(member.id).unwrap()[0].id;
    let adjusted = app.app().alert_adjust(&app.tenant(), member.id, id, |input| {
        input.per_day_max = Some(2);
        input.zone = Some("UTC".to_owned());
        input.quiet = Some(tga::app::alerts::QuietHours { from: "23:00".into(), until: "08:00".into() });
    });
    assert_eq!(adjusted.unwrap().per_day_max, 2);
    // It is past midnight: nothing is told before eight.
    for (id, text) in [(2, "Первый пост о рыбах"), (3, "Второй пост про горы"), (4, "Третий пост: реки")]
    {
        app.index_jsonl(&[post("news", id, text)]);
    }
    assert_eq!(bot.tell_due(), 0);
    app.advance(SignedDuration::from_hours(9));
    assert_eq!(bot.tell_due(), 2);
    bot.settle(&app);
    let told = alerts_shown(&bot);
    assert!(told.len() == 2 && told[1].contains("последнее"), "{told:?}");
    app.advance(SignedDuration::from_hours(24));
    assert_eq!(bot.tell_due(), 0, "what was too much for its day is not told the next");
    let states = app.tenant().alert_match_list(&ChannelSet::All, (member.id, id), 10, 0).unwrap().0;
    let held = states.iter().filter(|hit| hit.state == "held").count();
    assert_eq!((states.len(), held), (3, 1));
}

#[test]
fn a_muted_alert_and_one_of_somebody_who_left_tell_nothing() {
    let (mut app, mut bot) = with_bot();
    let anna = Talker::ru(ANNA);
    bot.say(&app, anna, "/alerts пост");
    bot.press(&app, anna, "Молчать день");
    app.index_jsonl(&[post("news", 2, "Новый пост о рыбах")]);
    assert_eq!(bot.tell_due(), 0);
    bot.press(&app, anna, "Снова сообщать");
    app.index_jsonl(&[post("news", 3, "Ещё пост, уже про горы")]);
    assert_eq!(bot.tell_due(), 1);
    bot.settle(&app);
    app.index_jsonl(&[post("news", 4, "Третий пост, он о реках")]);
    bot.say(&app, anna, "/delete_me");
    bot.press(&app, anna, "Да, удалить всё");
    assert_eq!(bot.tell_due(), 0);
    assert!(app.app().memberships_of(ANNA).unwrap().is_empty());
}
