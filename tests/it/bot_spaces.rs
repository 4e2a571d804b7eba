//! Somebody in two spaces: ids count within a space, so a button acts where it was made, whatever was chosen since.

use serde_json::json;
use tga::{
    app::{Tenant, alerts::AlertInput, audit::Origin},
    model::{ChannelSet, ConsentPurpose, Role},
    store::{Member, Subscription},
};

use crate::support::{
    TestApp,
    bot::{Bot, Talker},
    line,
};

const ANNA: i64 = 7001;
const BORIS: i64 = 7002;
const STALE: &str = "Эта кнопка устарела. Вот свежее меню.";

/// Anna belongs to `main`, which she works in, and to `other`; both have one channel, which she follows.
fn world() -> (TestApp, Bot, [Member; 2]) {
    let mut bot = Bot::start();
    let mut app = TestApp::builder().at("2026-11-20T00:00:00Z").bot(&bot).tenant("other").build();
    bot.attach(&app);
    app.index_jsonl(&[line("news", 1, "Старый пост")]);
    app.import_jsonl_into("other", &[line("sport", 1, "Старый матч")]);
    app.run_pending_jobs();
    let members = [("main", "news"), ("other", "sport")].map(|(name, channel)| {
        let member = app.member(name, ANNA, Role::User);
        let tenant = app.tenant_named(name);
        let channel = tenant.channel_get(channel, &ChannelSet::All).unwrap().id;
        let follows =
            Subscription { membership: member.id, channel, depth_days: None, created_at: app.app().now() };
        tenant.store().subscription_add(follows, 100).unwrap();
        member
    });
    (app, bot, members)
}

fn choose(bot: &mut Bot, app: &TestApp, name: &str) {
    bot.say(app, Talker::ru(ANNA), "/settings");
    bot.press(app, Talker::ru(ANNA), "Пространство");
    bot.press(app, Talker::ru(ANNA), name);
}

/// The newest message and what the button with this label on it carries.
fn button(bot: &Bot, label: &str) -> (i64, String) {
    let shown = bot.api.chat(ANNA).last().unwrap().clone();
    let rows = shown.markup["inline_keyboard"].as_array().unwrap();
    let mut buttons = rows.iter().flat_map(|row| row.as_array().unwrap());
    let found = buttons.find(|button| button["text"].as_str().unwrap().contains(label)).unwrap();
    (shown.id, found["callback_data"].as_str().unwrap().to_owned())
}

fn toast(bot: &Bot) -> String {
    bot.api.calls("answerCallbackQuery").last().unwrap().params["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn a_button_of_one_space_changes_nothing_in_another() {
    let (app, mut bot, [here, there]) = world();
    let anna = Talker::ru(ANNA);
    let counts = |app: &TestApp| {
        [("main", &here), ("other", &there)].map(|(name, member)| {
            let tenant = app.tenant_named(name);
            let alerts = tenant.alert_list(member.id).unwrap().len();
            (alerts, app.app().channel_cards(&tenant, member.id).unwrap().len())
        })
    };
    bot.say(&app, anna, "/alerts ледокол");
    let (card, delete) = button(&bot, "Удалить");
    bot.say(&app, anna, "/remove_channel news");
    let (asked, remove) = button(&bot, "Да, убрать");
    choose(&mut bot, &app, "other");
    bot.say(&app, anna, "/alerts матч");
    // In both spaces the first alert and the first channel have the same number.
    assert_eq!(counts(&app), [(1, 1), (1, 1)]);
    bot.press_data(&app, anna, card, &delete, "Удалить");
    assert_eq!(counts(&app), [(0, 1), (1, 1)]);
    bot.press_data(&app, anna, asked, &remove, "Да");
    assert_eq!(counts(&app), [(0, 0), (1, 1)]);
    assert_eq!(app.app().bot_chat(ANNA).unwrap().tenant_id, Some(there.tenant_id), "what was chosen stays");
    // Buttons of a version that named no space, and of somebody else's membership, reach nothing.
    let boris = app.member("other", BORIS, Role::User);
    for data in [format!("{ANNA:x}.ald:1"), format!("{ANNA:x}-{:x}.ald:1", boris.id.0)] {
        bot.press_data(&app, anna, card, &data, "Удалить");
        assert_eq!(toast(&bot), STALE, "{data}");
    }
    assert_eq!(counts(&app), [(0, 0), (1, 1)]);
}

#[test]
fn a_button_of_a_space_one_has_left_is_out_of_date() {
    let (app, mut bot, [_, there]) = world();
    let anna = Talker::ru(ANNA);
    bot.say(&app, anna, "/alerts ледокол");
    let (card, delete) = button(&bot, "Удалить");
    choose(&mut bot, &app, "other");
    bot.say(&app, anna, "/alerts матч");
    let main = app.tenant();
    let left = app.app().memberships_of(ANNA).unwrap();
    let left = left.iter().find(|member| member.tenant_id == main.id()).unwrap();
    app.app().user_erase(&main, left.id, &Origin::operator()).unwrap();
    bot.press_data(&app, anna, card, &delete, "Удалить");
    assert_eq!(toast(&bot), STALE);
    assert_eq!(app.tenant_named("other").alert_list(there.id).unwrap().len(), 1);
}

#[test]
fn what_a_button_of_another_space_waits_for_belongs_to_that_space() {
    let (app, mut bot, [here, there]) = world();
    let anna = Talker::ru(ANNA);
    bot.say(&app, anna, "/alerts");
    let (list, new) = button(&bot, "Нов");
    choose(&mut bot, &app, "other");
    bot.press_data(&app, anna, list, &new, "Новый");
    bot.say(&app, anna, "ледокол");
    let alerts = |name: &str, member: &Member| app.tenant_named(name).alert_list(member.id).unwrap().len();
    assert_eq!((alerts("main", &here), alerts("other", &there)), (1, 0));
}

#[test]
fn hours_in_words_are_of_the_space_that_asked() {
    let (mut app, mut bot, [here, there]) = world();
    let anna = Talker::ru(ANNA);
    let other = app.tenant_named("other");
    bot.say(&app, anna, "/alerts ледокол");
    let words = AlertInput { query: "матч".to_owned(), ..AlertInput::default() };
    app.app().alert_add(&other, there.id, words).unwrap();
    let quiet = |tenant: &Tenant, member: &Member| {
        let alert = tenant.alert_list(member.id).unwrap().remove(0);
        alert.quiet.map(|quiet| format!("{}-{}", quiet.from, quiet.until))
    };
    // She never chose a space, so what she says is heard in `main`; the find is of the other one.
    app.import_jsonl_into("other", &[line("sport", 2, "Матч отложили").at("2026-11-20T01:00:00Z")]);
    app.run_pending_jobs();
    assert_eq!(bot.tell_due(), 1);
    bot.settle(&app);
    bot.press(&app, anna, "Это оповещение");
    bot.press(&app, anna, "Тихие часы");
    let (screen, asks) = button(&bot, "Другие");
    bot.press_data(&app, anna, screen, &asks, "Другие");
    let shown = bot.say(&app, anna, "22-7");
    assert!(shown[0].html.contains("с 22:00 до 07:00"), "{shown:?}");
    assert_eq!(quiet(&other, &there).as_deref(), Some("22:00-07:00"));
    assert_eq!(quiet(&app.tenant(), &here), None, "it has the same number");
    // She is asked once more, and is not in that space any more when she answers.
    bot.press_data(&app, anna, screen, &asks, "Другие");
    app.app().user_erase(&other, there.id, &Origin::operator()).unwrap();
    let shown = bot.say(&app, anna, "1-2");
    assert!(shown[0].html.contains("Такого оповещения больше нет"), "{shown:?}");
    assert_eq!(quiet(&app.tenant(), &here), None);
}

#[test]
fn a_find_stays_to_be_read_whatever_is_pressed_below_it() {
    let (mut app, mut bot, [here, _]) = world();
    let anna = Talker::ru(ANNA);
    bot.say(&app, anna, "/alerts ледокол");
    choose(&mut bot, &app, "other");
    app.index_jsonl(&[line("news", 2, "Ледокол вышел из порта").at("2026-11-20T01:00:00Z")]);
    assert_eq!(bot.tell_due(), 1);
    bot.settle(&app);
    let find = bot.api.chat(ANNA).last().unwrap().clone();
    assert!(find.html.contains("вышел из порта"), "{find:?}");
    let (message, hush) = button(&bot, "Молчать день");
    let (_, settings) = button(&bot, "⚙");
    assert!(
        bot.press_data(&app, anna, message, &hush, "Молчать день").is_empty(),
        "words on top, nothing else"
    );
    assert!(!toast(&bot).is_empty());
    assert!(app.tenant().alert_list(here.id).unwrap()[0].muted_until.is_some());
    let shown = bot.press_data(&app, anna, message, &settings, "⚙");
    assert_eq!(shown.len(), 1);
    assert!(shown[0].id > message && shown[0].edits == 0, "{shown:?}");
    assert!(bot.api.chat(ANNA).contains(&find));
    // Its alert is gone since.
    let id = app.tenant().alert_list(here.id).unwrap()[0].id;
    app.app().alert_delete(&app.tenant(), here.id, id).unwrap();
    for data in [hush, settings] {
        assert!(bot.press_data(&app, anna, message, &data, "x").is_empty());
    }
    assert!(bot.api.chat(ANNA).contains(&find));
}

#[test]
fn a_consent_is_given_in_the_space_it_was_asked_in() {
    let (app, mut bot, [here, there]) = world();
    let anna = Talker::ru(ANNA);
    bot.say(&app, anna, "/settings");
    let shown = bot.press(&app, anna, "Внешние модели");
    assert!(shown[0].html.contains("Пространство: main"), "{shown:?}");
    let (screen, agree) = button(&bot, "Согласиться");
    choose(&mut bot, &app, "other");
    bot.press_data(&app, anna, screen, &agree, "Согласиться");
    let given = |name: &str, member: &Member| {
        app.tenant_named(name).consent_given(member.id, ConsentPurpose::ExternalModels).unwrap()
    };
    assert_eq!([given("main", &here), given("other", &there)], [true, false]);
}

#[test]
fn a_button_that_came_too_fast_is_answered_as_well() {
    let (app, mut bot, _) = world();
    let anna = Talker::ru(ANNA);
    bot.say(&app, anna, "/menu");
    let (message, menu) = button(&bot, "Помощь");
    let press = |bot: &mut Bot| {
        let id = bot.next_id();
        json!({ "update_id": id, "callback_query": {
            "id": id.to_string(), "chat_instance": "1", "data": menu,
            "from": { "id": ANNA, "is_bot": false, "first_name": "A", "language_code": "ru" },
            "message": { "message_id": message, "date": 1, "text": "x", "chat": { "id": ANNA, "type": "private" } },
        }})
    };
    let pressed = tga::bot::UPDATES_PER_MINUTE_MAX + 3;
    for _ in 0..pressed {
        let update = press(&mut bot);
        bot.deliver(&app, &update);
    }
    bot.handle_due();
    assert_eq!(bot.api.calls("answerCallbackQuery").len() as u32, pressed);
}
