//! Talking with the bot, as people do: every command and button, in both languages, against a Bot API server.
//!
//! What is said and shown is kept in `tests/fixtures/golden/bot`, one file a scene and language, so a change of any text is read.

use serde_json::json;
use tga::{
    app::{audit::Origin, invites::NewInvite},
    model::Role,
    store::{Member, Subscription},
};

use crate::{
    golden::check,
    support::{
        TestApp,
        bot::{Bot, Talker},
        line,
        reading::World,
    },
};

const ANNA: i64 = 7001;
const BORIS: i64 = 7002;
const PUBLIC: &str = "https://assistant.example.org";
const APP: &str = "https://assistant.example.org/tg/app";

/// An appliance with a bot, and one talker a language.
pub(crate) fn each(name: &str, scene: impl Fn(&mut TestApp, &mut Bot, Talker)) {
    each_set(name, &[], scene);
}

/// The same with more keys of the configuration.
pub(crate) fn each_set(
    name: &str,
    settings: &[(String, String)],
    scene: impl Fn(&mut TestApp, &mut Bot, Talker),
) {
    for who in [Talker::ru(ANNA), Talker::en(ANNA)] {
        let mut bot = Bot::start();
        let builder = TestApp::builder()
            .bot(&bot)
            .set("BOT_PUBLIC_URL", PUBLIC)
            .set("TGA__BOT__APP_URL", APP)
            .tenant("other");
        let mut app = settings.iter().fold(builder, |builder, (key, value)| builder.set(key, value)).build();
        bot.attach(&app);
        scene(&mut app, &mut bot, who);
        bot.detach();
        check(&format!("tests/fixtures/golden/bot/{name}.{}.txt", who.language), &bot.transcript);
    }
}

fn invite(app: &TestApp, tenant: &str, uses_limit: u32) -> String {
    let tenant = app.tenant_named(tenant).id();
    let new = NewInvite { role: Role::User, uses_limit, expires_at: None, notes: None };
    app.app().invite_create(tenant, &new, &Origin::operator()).unwrap().code
}

/// Channels with posts that the person follows, without an account that reads them.
pub(crate) fn follow(app: &mut TestApp, telegram_id: i64, channels: usize) {
    let lines: Vec<_> = (0..channels)
        .flat_map(|channel| {
            let name = format!("channel{channel:02}");
            (1..=3).map(move |id| {
                let text =
                    format!("Метро в Казани откроют в мае, сообщил мэр. Участок номер {channel}{id} готов.");
                line(&name, id, &text)
            })
        })
        .collect();
    app.index_jsonl(&lines);
    follow_all(app, telegram_id);
}

/// Makes the person follow every channel there is.
pub(crate) fn follow_all(app: &TestApp, telegram_id: i64) {
    let member = app.app().memberships_of(telegram_id).unwrap().remove(0);
    let tenant = app.tenant();
    for channel in tenant.store().channel_list().unwrap() {
        let subscription = Subscription {
            membership: member.id,
            channel: channel.id,
            depth_days: Some(7),
            created_at: app.app().now(),
        };
        tenant.store().subscription_add(subscription, 1000).unwrap();
    }
}

#[test]
fn a_stranger_comes_in_by_an_invite() {
    each("invite", |app, bot, who| {
        bot.say(app, who, "/start");
        bot.say(app, who, "что это такое?");
        bot.say(app, who, "/my_channels");
        bot.say(app, who, "/login");
        let code = invite(app, "main", 1);
        bot.say(app, who, &code.to_lowercase());
        assert_eq!(app.app().memberships_of(ANNA).unwrap().len(), 1);
        // The code is used up, for others.
        let boris = Talker { id: BORIS, ..who };
        bot.say(app, boris, &format!("/start {code}"));
        assert!(app.app().memberships_of(BORIS).unwrap().is_empty());
        bot.say(app, who, &format!("/start {code}"));
        bot.transcript = bot.transcript.replace(&code, "CODE").replace(&code.to_lowercase(), "code");
    });
}

#[test]
fn an_invite_is_used_once_however_often_its_update_comes() {
    let mut bot = Bot::start();
    let mut app = TestApp::builder().bot(&bot).build();
    bot.attach(&app);
    let code = invite(&app, "main", 2);
    let update = bot.message(Talker::ru(ANNA), &format!("/start {code}"));
    for _ in 0..3 {
        bot.deliver(&app, &update);
        bot.settle(&app);
        bot.detach();
        app.crash();
        bot.attach(&app);
    }
    assert_eq!(app.app().invite_get(&code, None).unwrap().uses_count, 1);
    assert_eq!(bot.api.chat(ANNA).len(), 1);
}

#[test]
fn the_menu_leads_everywhere_and_back() {
    each("menu", |app, bot, who| {
        app.member("main", ANNA, Role::User);
        bot.say(app, who, "/start");
        bot.say(app, who, "/menu");
        let (settings, language, privacy) = match who.language {
            "ru" => ("Настройки", "Язык", "хранится"),
            _ => ("Settings", "Language", "kept"),
        };
        bot.press(app, who, settings);
        bot.press(app, who, privacy);
        bot.say(app, who, "/help");
        bot.say(app, who, "/nonsense");
        bot.say(app, who, "/cancel");
        bot.say(app, who, "/settings");
        bot.press(app, who, language);
        bot.press(app, who, "English");
        bot.say(app, who, "/menu");
        bot.say(app, who, "/language");
        bot.press(app, who, "Русский");
        let wordless = bot.message_with(who, &json!({ "sticker": 7 }));
        bot.deliver(app, &wordless);
        bot.settle(app);
        assert!(bot.api.chat(ANNA).last().unwrap().html.contains("пересланные"));
    });
}

#[test]
fn channels_are_listed_shown_and_left() {
    each("channels", |app, bot, who| {
        let member = app.member("main", ANNA, Role::User);
        bot.say(app, who, "/my_channels");
        follow(app, ANNA, 10);
        let (depth, remove, sure, menu) = match who.language {
            "ru" => ("Глубина", "Убрать", "Да, убрать", "Меню"),
            _ => ("Depth", "Remove", "Yes, remove", "Menu"),
        };
        bot.say(app, who, "/my_channels");
        bot.press(app, who, "›");
        bot.press(app, who, "channel09");
        bot.press(app, who, depth);
        bot.press(app, who, "30");
        bot.press(app, who, remove);
        let asked = bot.api.chat(ANNA).last().unwrap().clone();
        bot.press(app, who, sure);
        assert_eq!(app.app().channel_cards(&app.tenant(), member.id).unwrap().len(), 9);
        // The same button once more: the channel is gone already.
        let data = asked.markup["inline_keyboard"][0][0]["callback_data"].as_str().unwrap();
        bot.press_data(app, who, asked.id, data, sure);
        bot.say(app, who, "/channel_stats @Channel03");
        bot.say(app, who, "/channel_stats");
        bot.say(app, who, "/remove_channel");
        bot.say(app, who, "/remove_channel channel02");
        bot.say(app, who, "/cancel");
        bot.press(app, who, menu);
        assert_eq!(app.app().channel_cards(&app.tenant(), member.id).unwrap().len(), 9);
    });
}

#[test]
fn questions_are_answered_with_links_and_searches_with_posts() {
    each("questions", |app, bot, who| {
        app.member("main", ANNA, Role::User);
        bot.say(app, who, "когда откроют метро?");
        follow(app, ANNA, 2);
        let answer = bot.say(app, who, "когда откроют метро в Казани?");
        assert!(answer[0].html.contains("<a href=\"https://t.me/channel0"), "{}", answer[0].html);
        bot.say(app, who, "/ask");
        bot.say(app, who, "сколько стоит слон в Антарктиде?");
        bot.say(app, who, "/search");
        bot.say(app, who, "метро Казани");
        bot.say(app, who, "/search тираннозавр");
        bot.say(app, who, "/tags");
        bot.say(app, who, "а");
    });
}

#[test]
fn the_questions_of_a_day_end_politely() {
    let mut bot = Bot::start();
    let mut app = TestApp::builder().bot(&bot).set("TGA__TIERS__FREE__QUESTIONS_PER_DAY", "1").build();
    bot.attach(&app);
    let anna = Talker::ru(ANNA);
    app.member("main", ANNA, Role::User);
    follow(&mut app, ANNA, 1);
    bot.say(&app, anna, "когда откроют метро в Казани?");
    let refused = bot.say(&app, anna, "когда откроют метро в Казани?");
    assert!(refused[0].html.contains("закончились"), "{}", refused[0].html);
}

#[test]
fn a_dialogue_goes_on_after_a_restart_and_ends_with_anything_else() {
    let mut bot = Bot::start();
    let mut app = TestApp::builder().bot(&bot).build();
    bot.attach(&app);
    let anna = Talker::ru(ANNA);
    app.member("main", ANNA, Role::User);
    follow(&mut app, ANNA, 1);
    bot.say(&app, anna, "/search");
    bot.detach();
    app.crash();
    bot.attach(&app);
    let found = bot.say(&app, anna, "метро");
    assert!(found[0].html.contains("Нашлось"), "{}", found[0].html);
    bot.say(&app, anna, "/search");
    bot.say(&app, anna, "/cancel");
    let answered = bot.say(&app, anna, "когда откроют метро в Казани?");
    assert!(answered[0].html.contains("Ответ"), "{}", answered[0].html);
    let nothing = bot.say(&app, anna, "/cancel");
    assert!(nothing[0].html.contains("нечего"), "{}", nothing[0].html);
}

#[test]
fn a_button_obeys_only_whom_it_was_made_for() {
    let mut bot = Bot::start();
    let mut app = TestApp::builder().bot(&bot).build();
    bot.attach(&app);
    let (anna, boris) = (Talker::ru(ANNA), Talker::ru(BORIS));
    let member = app.member("main", ANNA, Role::User);
    let other = app.member("main", BORIS, Role::User);
    follow(&mut app, ANNA, 1);
    bot.say(&app, anna, "/remove_channel");
    let asked = bot.api.chat(ANNA).last().unwrap().clone();
    let data = asked.markup["inline_keyboard"][0][0]["callback_data"].as_str().unwrap().to_owned();
    bot.say(&app, boris, "/menu");
    assert!(bot.press_data(&app, boris, 1, &data, "x").is_empty());
    assert!(bot.transcript.ends_with("(toast) Эта кнопка не ваша.\n\n"), "{}", bot.transcript);
    // With their own mark they reach only their own channels.
    let mark = |person: i64, member: &Member| format!("{person:x}-{:x}.", member.id.0);
    assert!(data.starts_with(&mark(ANNA, &member)), "{data}");
    let own = data.replacen(&mark(ANNA, &member), &mark(BORIS, &other), 1);
    bot.press_data(&app, boris, 1, &own, "x");
    assert!(
        bot.transcript.ends_with("(toast) Этого канала среди ваших больше нет.\n\n"),
        "{}",
        bot.transcript
    );
    assert_eq!(app.app().channel_cards(&app.tenant(), member.id).unwrap().len(), 1);
    let stale = bot.press_data(&app, boris, 1, "channel:view:77", "x");
    assert!(stale.iter().any(|shown| shown.html.contains("Главное меню")), "{stale:?}");
}

#[test]
fn who_belongs_to_two_spaces_works_in_the_one_they_chose() {
    let mut bot = Bot::start();
    let mut app = TestApp::builder().bot(&bot).tenant("other").build();
    bot.attach(&app);
    let anna = Talker::ru(ANNA);
    app.member("main", ANNA, Role::User);
    app.member("other", ANNA, Role::User);
    app.member("other", BORIS, Role::User);
    follow(&mut app, ANNA, 1);
    assert!(bot.say(&app, anna, "/my_channels")[0].html.contains("channel00"));
    bot.say(&app, anna, "/settings");
    bot.press(&app, anna, "Пространство");
    bot.press(&app, anna, "other");
    bot.detach();
    app.restart();
    bot.attach(&app);
    assert!(bot.say(&app, anna, "/my_channels")[0].html.contains("ни одного"));
    // Somebody else cannot choose a space they are not in.
    let main = app.tenant().id();
    bot.say(&app, Talker::ru(BORIS), "/menu");
    bot.press_data(&app, Talker::ru(BORIS), 1, &format!("{BORIS:x}.space:{}", main.0.simple()), "x");
    assert_eq!(app.app().bot_chat(BORIS).unwrap().tenant_id, None);
}

#[test]
fn where_registration_is_open_everybody_gets_a_space_and_where_it_is_closed_nobody() {
    for (mode, words, memberships) in [("open", "Приглашение принято", 1), ("closed", "не принимает", 0)]
    {
        let mut bot = Bot::start();
        let app = TestApp::builder().bot(&bot).set("TGA__REGISTRATION__MODE", mode).build();
        bot.attach(&app);
        let shown = bot.say(&app, Talker::ru(ANNA), "/start");
        assert!(shown[0].html.contains(words), "{mode}: {}", shown[0].html);
        assert_eq!(app.app().memberships_of(ANNA).unwrap().len(), memberships);
        bot.detach();
    }
}

#[test]
fn channels_are_added_by_any_reference_and_by_a_forwarded_post() {
    let mut bot = Bot::start();
    let url = bot.api.url();
    let token = crate::support::BOT_TOKEN;
    let mut world = World::with(&[
        ("BOT_TOKEN", token),
        ("TGA__BOT__API_URL", &url),
        ("TGA__TIERS__FREE__CHANNELS", "3"),
    ]);
    bot.attach(&world.app);
    for (id, name) in [(10, "rust_news"), (11, "metro"), (12, "third"), (13, "fourth")] {
        world.channel(id, name, 3);
    }
    let account = world.account(1);
    let anna = Talker::ru(account.member.profile.telegram_id);
    let say = |bot: &mut Bot, world: &World, text: &str| bot.say(&world.app, anna, text)[0].html.clone();
    assert!(say(&mut bot, &world, "/add_channel https://t.me/Rust_News/5").contains("добавлен"));
    assert!(say(&mut bot, &world, "/add_channel @RUST_NEWS").contains("уже читаете"));
    say(&mut bot, &world, "/add_channel");
    assert!(say(&mut bot, &world, "совсем не канал").contains("не нашёлся"));
    assert!(say(&mut bot, &world, "nobody_has_this_name").contains("не нашёлся"));
    assert!(say(&mut bot, &world, "t.me/s/metro").contains("добавлен"));
    let forwarded =
        json!({ "id": -1_000_000_000_012_i64, "type": "channel", "title": "third", "username": "third" });
    assert!(bot.forward(&world.app, anna, &forwarded)[0].html.contains("добавлен"));
    assert!(say(&mut bot, &world, "/add_channel fourth").contains("все места заняты"));
    let cards = world.app.app().channel_cards(&world.app.tenant(), account.member.id).unwrap();
    assert_eq!(cards.len(), 3);
    world.settle(&account);
    bot.detach();
    world.finish();
}
