//! Updates: only Telegram may bring them, each has one effect whatever is repeated, killed or fails.

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::json;
use tga::{
    app::bot::UPDATES_WAITING_MAX,
    http::{Metrics, Web, router},
    model::Role,
};
use tower::ServiceExt as _;

use crate::support::{
    TestApp,
    bot::{Bot, Talker},
    bot_api::Fault,
};

const ANNA: i64 = 7001;

fn world() -> (TestApp, Bot) {
    let mut bot = Bot::start();
    let app = TestApp::builder().bot(&bot).build();
    bot.attach(&app);
    (app, bot)
}

#[test]
fn only_who_knows_the_secret_delivers() {
    let (app, mut bot) = world();
    let update = bot.message(Talker::ru(ANNA), "/start");
    let right = app.app().bot_webhook_secret().unwrap();
    let right = right.expose();
    let half = &right[..right.len() / 2];
    for secret in [None, Some(""), Some("nonsense"), Some(half), Some(&right.to_uppercase())] {
        let mut request = app.request(Method::POST, "/tg/bot/webhook").json(&update);
        if let Some(secret) = secret {
            request = request.header("x-telegram-bot-api-secret-token", secret);
        }
        let reply = request.send();
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::FORBIDDEN, "forbidden"), "{secret:?}");
    }
    assert_eq!(app.app().bot_counts().unwrap().updates_waiting, 0);
    assert_eq!(bot.deliver(&app, &update).status, StatusCode::OK);
    for nonsense in [json!({}), json!([]), json!({ "update_id": "7" })] {
        assert_eq!(bot.deliver(&app, &nonsense).status, StatusCode::UNPROCESSABLE_ENTITY, "{nonsense}");
    }
    bot.settle(&app);
    assert_eq!(bot.api.chat(ANNA).len(), 1);
}

#[test]
fn without_a_bot_nobody_delivers() {
    let app = TestApp::new();
    let reply = app
        .request(Method::POST, "/tg/bot/webhook")
        .header("x-telegram-bot-api-secret-token", "")
        .json(&json!({ "update_id": 1 }))
        .send();
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
}

#[test]
fn fifty_copies_at_once_and_again_after_a_kill_have_one_effect() {
    let (mut app, mut bot) = world();
    let update = bot.message(Talker::ru(ANNA), "/help");
    let web = Web::new(app.app(), Metrics::install(), None);
    let secret = app.app().bot_webhook_secret().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let statuses: Vec<StatusCode> = runtime.block_on(async {
        let mut copies = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let request = axum::http::Request::builder()
                .method(Method::POST)
                .uri("/tg/bot/webhook")
                .header("x-telegram-bot-api-secret-token", secret.expose())
                .body(axum::body::Body::from(update.to_string()))
                .unwrap();
            let router = router(&web);
            copies.spawn(async move { router.oneshot(request).await.unwrap().status() });
        }
        copies.join_all().await
    });
    assert!(statuses.iter().all(|status| *status == StatusCode::OK), "{statuses:?}");
    drop((web, runtime));
    assert_eq!(app.app().bot_counts().unwrap().updates_waiting, 1);
    // Killed before it was handled, after it was handled, and after the answer was shown.
    for step in 0..3 {
        bot.detach();
        app.crash();
        bot.attach(&app);
        assert_eq!(bot.deliver(&app, &update).status, StatusCode::OK);
        match step {
            0 => assert_eq!(bot.handle_due(), 1),
            1 => {
                assert_eq!(bot.handle_due(), 0, "it is handled already");
                bot.settle(&app);
            }
            _ => bot.settle(&app),
        }
    }
    assert_eq!(bot.api.chat(ANNA).len(), 1);
    assert_eq!(bot.api.calls("sendMessage").len(), 1);
}

#[test]
fn an_update_that_fails_is_tried_again_then_given_up_visibly() {
    let (mut app, mut bot) = world();
    let member = app.member("main", ANNA, Role::User);
    let other = app.member("main", ANNA + 1, Role::User);
    assert_ne!(member.id, other.id);
    // The tenant's database cannot be opened, so whatever needs it fails.
    let tenant = app.tenant();
    let file = app.data_dir().join("tenants").join(tenant.id().to_string()).join("tenant.db");
    drop(tenant);
    bot.detach();
    app.close();
    let good = std::fs::read(&file).unwrap();
    std::fs::write(&file, b"no database at all, however one looks at it").unwrap();
    app.open();
    bot.attach(&app);
    let update = bot.message(Talker::ru(ANNA), "/my_channels");
    assert_eq!(bot.deliver(&app, &update).status, StatusCode::OK);
    assert_eq!(bot.handle_due(), 1);
    assert_eq!(bot.handle_due(), 0, "it waits for its next try");
    assert_eq!(app.app().bot_counts().unwrap().updates_waiting, 1);
    // Meanwhile it is mended: the next try answers.
    bot.detach();
    app.close();
    std::fs::write(&file, &good).unwrap();
    app.open();
    bot.attach(&app);
    bot.settle(&app);
    assert_eq!(bot.api.chat(ANNA).len(), 1);
    assert!(bot.api.chat(ANNA)[0].html.contains("ни одного канала"), "{:?}", bot.api.chat(ANNA));
    // It stays broken: the person is told, and the operator sees it.
    bot.detach();
    app.close();
    std::fs::write(&file, b"no database at all, however one looks at it").unwrap();
    app.open();
    bot.attach(&app);
    let update = bot.message(Talker::ru(ANNA), "/my_channels");
    bot.deliver(&app, &update);
    bot.settle(&app);
    let shown = bot.api.chat(ANNA);
    assert!(shown.last().unwrap().html.contains("Не получилось ответить"), "{shown:?}");
    let dead = app.app().bot_dead_list(10).unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].update_id, update["update_id"].as_i64().unwrap());
    assert_eq!(app.app().bot_counts().unwrap().updates_dead, 1);
    bot.detach();
    app.close();
    std::fs::write(&file, &good).unwrap();
    app.open();
}

#[test]
fn an_update_that_ends_the_process_again_and_again_is_given_up() {
    let (mut app, mut bot) = world();
    let update = bot.message(Talker::en(ANNA), "/start");
    assert_eq!(bot.deliver(&app, &update).status, StatusCode::OK);
    for attempt in 1..=5 {
        let claimed = app.app().bot_update_claim(Vec::new(), 1).unwrap();
        assert_eq!(claimed[0].attempt, attempt);
        bot.detach();
        app.crash();
        bot.attach(&app);
    }
    bot.settle(&app);
    assert_eq!(app.app().bot_counts().unwrap().updates_dead, 1);
    let chat = bot.api.chat(ANNA);
    assert_eq!(chat.len(), 1, "the person is told, once");
}

#[test]
fn beyond_what_may_wait_telegram_is_asked_to_come_again() {
    let (app, mut bot) = world();
    for _ in 0..UPDATES_WAITING_MAX {
        let id = bot.next_id();
        // Nobody in particular: they take no turn.
        assert!(app.app().bot_update_accept(&format!(r#"{{"update_id":{id},"poll":{{}}}}"#)).unwrap());
    }
    let update = bot.message(Talker::ru(ANNA), "/start");
    let reply = bot.deliver(&app, &update);
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "queue_full"));
    assert_eq!(bot.handle_due(), UPDATES_WAITING_MAX);
    assert_eq!(bot.deliver(&app, &update).status, StatusCode::OK);
    bot.settle(&app);
    assert_eq!(bot.api.chat(ANNA).len(), 1);
    // Their numbers are known for two days, then forgotten.
    assert_eq!(app.app().bot_prune().unwrap(), 0);
    app.advance(SignedDuration::from_hours(49));
    assert!(app.app().bot_prune().unwrap() > UPDATES_WAITING_MAX);
}

#[test]
fn the_webhook_and_the_menu_are_set_only_where_they_differ() {
    let mut bot = Bot::start();
    let mut app =
        TestApp::builder().bot(&bot).set("BOT_PUBLIC_URL", "https://assistant.example.org/base/").build();
    bot.attach(&app);
    bot.setup().unwrap();
    let secret = app.app().bot_webhook_secret().unwrap();
    let url = "https://assistant.example.org/base/tg/bot/webhook".to_owned();
    assert_eq!(bot.api.webhook(), Some((url, secret.expose().to_owned())));
    assert_eq!(bot.api.commands("ru")[0]["description"], "Начать");
    assert_eq!(bot.api.commands("")[0]["description"], "Begin");
    let told = |bot: &Bot| (bot.api.calls("setWebhook").len(), bot.api.calls("setMyCommands").len());
    assert_eq!(told(&bot), (1, 2));
    bot.detach();
    app.restart();
    bot.attach(&app);
    bot.setup().unwrap();
    assert_eq!(told(&bot), (1, 2), "nothing differs");
    let call = &bot.api.calls("setWebhook")[0];
    assert_eq!(call.params["allowed_updates"], json!(["message", "callback_query", "my_chat_member"]));
}

#[test]
fn without_an_address_the_bot_asks_and_confirms_only_what_is_kept() {
    let (mut app, mut bot) = world();
    bot.setup().unwrap();
    let updates: Vec<_> = (0..3).map(|_| bot.message(Talker::en(ANNA), "/help")).collect();
    for update in &updates {
        bot.api.queue_update(update.clone());
    }
    assert_eq!(bot.poll().unwrap(), 3);
    // Killed before it could confirm: they come again and are known.
    bot.detach();
    app.crash();
    bot.attach(&app);
    assert_eq!(bot.poll().unwrap(), 3);
    bot.settle(&app);
    assert_eq!(bot.api.chat(ANNA).len(), 3);
    bot.api.fail("getUpdates", [Fault::Refuse(401, "Unauthorized")]);
    let error = bot.poll().unwrap_err().to_string();
    assert!(error.contains("Unauthorized") && !error.contains(crate::support::BOT_TOKEN), "{error}");
}

#[test]
fn who_blocks_the_bot_is_left_alone_until_they_write_again() {
    let (app, mut bot) = world();
    let anna = Talker::ru(ANNA);
    bot.say(&app, anna, "/start");
    bot.api.block(ANNA, true);
    bot.say(&app, anna, "/help");
    let sent = bot.api.calls("sendMessage").len();
    let notice = |slot: &str| {
        tga::bot::notice_give(app.app(), ANNA, slot, tga::bot::Rich::new().text("новость")).unwrap()
    };
    assert!(!notice("a"), "they blocked the bot");
    bot.settle(&app);
    assert_eq!(bot.api.calls("sendMessage").len(), sent);
    bot.api.block(ANNA, false);
    assert_eq!(bot.say(&app, anna, "/help").len(), 1);
    assert!(notice("b"));
    bot.settle(&app);
    assert!(bot.api.chat(ANNA).last().unwrap().html.contains("новость"));
}
