//! The bot as a process: `tga serve` against a Bot API server over TCP, by webhook and by long polling, killed where it hurts.
//!
//! Time is real here, because the process has its own clock; everything is waited for. What was done is looked at by the command line
//! and in what the server shows.

use serde_json::{Value, json};

use crate::support::{
    BOT_TOKEN, Binary, BinaryService,
    bot::{Bot, Talker},
    bot_api::Fault,
    wait_for,
};

const ANNA: i64 = 7001;
const PUBLIC: &str = "https://assistant.example.org";

/// A home with a tenant, its bot, and an invite that lets two people in.
fn home(webhook: bool) -> (Binary, Bot, String) {
    let bot = Bot::start();
    let mut home = Binary::new();
    home.set("BOT_TOKEN", BOT_TOKEN);
    home.set("TGA__BOT__API_URL", &bot.api.url());
    if webhook {
        home.set("BOT_PUBLIC_URL", PUBLIC);
    }
    home.ok(&["init"]);
    let invite = home.ok(&["invite", "create", "--tenant", "main", "--limit", "2"]);
    let code = invite["code"].as_str().unwrap().to_owned();
    (home, bot, code)
}

/// Telegram delivers an update; the status, where somebody answered.
fn deliver(service: &BinaryService, bot: &Bot, update: &Value) -> Option<u16> {
    let secret = wait_for("the webhook", || bot.api.webhook()).1;
    let headers =
        [("Content-Type", "application/json"), ("X-Telegram-Bot-Api-Secret-Token", secret.as_str())];
    Some(service.send("POST", "/tg/bot/webhook", &headers, &update.to_string())?.0)
}

/// Waits until the chat shows so many messages; the newest.
fn shown(bot: &Bot, count: usize) -> String {
    wait_for("the bot's words", || {
        let chat = bot.api.chat(ANNA);
        (chat.len() >= count).then(|| chat.last().unwrap().html.clone())
    })
}

fn uses(home: &Binary, code: &str) -> Value {
    home.ok(&["invite", "get", "--code", code])["uses_count"].clone()
}

fn wait_dead(service: BinaryService) {
    wait_for("the process to die", || service.get("/ready").is_none().then_some(()));
    service.kill();
}

#[test]
fn a_webhook_is_set_and_a_talk_goes_through_it() {
    let (home, mut bot, code) = home(true);
    let service = home.serve();
    let anna = Talker::ru(ANNA);
    let (url, secret) = wait_for("the webhook", || bot.api.webhook());
    assert_eq!(url, format!("{PUBLIC}/tg/bot/webhook"));
    let start = bot.message(anna, &format!("/start {code}"));
    let wrong = [("Content-Type", "application/json"), ("X-Telegram-Bot-Api-Secret-Token", "wrong")];
    let refused = service.send("POST", "/tg/bot/webhook", &wrong, &start.to_string());
    assert_eq!(refused.unwrap().0, 403);
    assert_eq!(deliver(&service, &bot, &start), Some(200));
    assert!(shown(&bot, 1).contains("Приглашение принято"));
    let question = bot.message(anna, "когда откроют метро?");
    assert_eq!(deliver(&service, &bot, &question), Some(200));
    assert!(shown(&bot, 2).contains("нет каналов"), "{}", shown(&bot, 2));
    let menu = wait_for("the menu", || Some(bot.api.commands("ru")).filter(Value::is_array));
    assert!(menu.as_array().unwrap().iter().any(|command| command["command"] == "ask"), "{menu}");
    assert_eq!(service.stop(), 0);
    assert!(!home.log().contains(secret.as_str()) && !home.log().contains(BOT_TOKEN));
}

#[test]
fn without_an_address_the_bot_asks_for_updates_itself() {
    let (home, mut bot, code) = home(false);
    let anna = Talker::ru(ANNA);
    let start = bot.message(anna, &format!("/start {code}"));
    bot.api.queue_update(start);
    let service = home.serve();
    assert!(shown(&bot, 1).contains("Приглашение принято"));
    let help = bot.message(anna, "/help");
    bot.api.queue_update(help);
    assert!(shown(&bot, 2).contains("/add_channel"));
    assert_eq!(service.stop(), 0, "a question that is held does not hold up the end");
    assert_eq!(uses(&home, &code), json!(1));
}

#[test]
fn killed_before_and_after_the_work_an_update_has_one_effect() {
    for point in ["after_bot_claim", "before_bot_settle"] {
        let (mut home, mut bot, code) = home(true);
        home.set("TGA_FAIL_POINT", &format!("{point}:1"));
        let service = home.serve();
        let start = bot.message(Talker::ru(ANNA), &format!("/start {code}"));
        // It may die before it has answered; Telegram sends again then.
        deliver(&service, &bot, &start);
        wait_dead(service);
        assert!(bot.api.chat(ANNA).is_empty(), "{point}");
        home.set("TGA_FAIL_POINT", "none");
        let service = home.serve();
        assert!(shown(&bot, 1).contains("внутри"), "{point}");
        assert_eq!(deliver(&service, &bot, &start), Some(200), "{point}");
        let help = bot.message(Talker::ru(ANNA), "/help");
        deliver(&service, &bot, &help);
        assert!(shown(&bot, 2).contains("/add_channel"), "{point}");
        assert_eq!(service.stop(), 0);
        assert_eq!((uses(&home, &code), bot.api.chat(ANNA).len()), (json!(1), 2), "{point}");
    }
}

#[test]
fn killed_while_it_sends_it_sends_again_after_the_restart() {
    let (home, mut bot, code) = home(true);
    bot.api.fail("sendMessage", [Fault::Silence]);
    let service = home.serve();
    let start = bot.message(Talker::ru(ANNA), &format!("/start {code}"));
    assert_eq!(deliver(&service, &bot, &start), Some(200));
    wait_for("the message to be on its way", || bot.api.calls("sendMessage").pop());
    service.kill();
    let service = home.serve();
    assert!(shown(&bot, 1).contains("Приглашение принято"));
    assert_eq!(service.stop(), 0);
    assert_eq!((uses(&home, &code), bot.api.chat(ANNA).len()), (json!(1), 1));
}
