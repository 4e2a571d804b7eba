//! Sending: within Telegram's pace, nothing lost, nothing twice, edits folded.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use tga::bot::{CHAT_PAUSE, PER_SECOND_MAX, Rich, UNREACHABLE_PAUSE, notice_give};

use crate::support::{
    TestApp,
    bot::{Bot, Talker},
    bot_api::{Call, Fault},
};

fn world() -> (TestApp, Bot) {
    let mut bot = Bot::start();
    let app = TestApp::builder().bot(&bot).build();
    bot.attach(&app);
    (app, bot)
}

fn notice(app: &TestApp, chat: i64, slot: &str, text: &str) -> bool {
    notice_give(app.app(), chat, slot, Rich::new().text(text)).unwrap()
}

/// No second holds more than Telegram allows, no chat gets two within a second.
fn assert_pace(calls: &[Call]) {
    let times: Vec<Timestamp> = calls.iter().map(|call| call.at.unwrap()).collect();
    for window in times.windows(PER_SECOND_MAX + 1) {
        let took = window[PER_SECOND_MAX].duration_since(window[0]);
        assert!(took >= SignedDuration::from_secs(1), "{} messages within {took:#}", PER_SECOND_MAX + 1);
    }
    let mut last: BTreeMap<i64, Timestamp> = BTreeMap::new();
    for call in calls {
        let chat = call.params["chat_id"].as_i64().unwrap();
        if let Some(before) = last.insert(chat, call.at.unwrap()) {
            let pause = call.at.unwrap().duration_since(before);
            assert!(pause >= CHAT_PAUSE, "two messages to {chat} within {pause:#}");
        }
    }
}

#[test]
fn ten_thousand_alerts_at_once_keep_the_pace_over_a_restart_and_floods() {
    const PEOPLE: i64 = 4_000;
    const ALERTS: i64 = 10_000;
    let (mut app, mut bot) = world();
    for alert in 0..ALERTS {
        assert!(notice(&app, 1 + alert % PEOPLE, &format!("alert:{alert}"), &format!("тревога {alert}")));
        assert!(alert % 1000 > 0 || !notice(&app, 1 + alert % PEOPLE, &format!("alert:{alert}"), "ещё раз"));
    }
    let started = app.app().now();
    let mut steps = 0;
    while let Some(next) = bot.send_due() {
        steps += 1;
        let now = app.app().now();
        if next > now {
            app.advance(next.duration_since(now));
        }
        match steps {
            40 => bot.api.fail("sendMessage", [Fault::Flood(7)]),
            90 => bot.api.fail("sendMessage", [Fault::Refuse(400, "Bad Gateway")]),
            150 => {
                bot.detach();
                app.restart();
                // A restarted process knows no pace of before: it may begin at once, so the clock goes on.
                app.advance(SignedDuration::from_secs(1));
                bot.attach(&app);
            }
            _ => {}
        }
    }
    let calls = bot.api.calls("sendMessage");
    assert_pace(&calls);
    let flood = calls.iter().find(|call| call.refused).unwrap().at.unwrap();
    let after = calls.iter().find(|call| call.at.unwrap() > flood).unwrap().at.unwrap();
    assert!(after.duration_since(flood) >= SignedDuration::from_secs(7), "the wait is obeyed");
    let shown: Vec<String> =
        (1..=PEOPLE).flat_map(|chat| bot.api.chat(chat)).map(|shown| shown.html).collect();
    let distinct: BTreeSet<&String> = shown.iter().collect();
    assert_eq!((shown.len(), distinct.len()), (ALERTS as usize, ALERTS as usize), "none lost, none twice");
    let took = app.app().now().duration_since(started);
    assert!(took < SignedDuration::from_secs(ALERTS / PER_SECOND_MAX as i64 + 60), "{took:#}");
    let counts = app.app().bot_counts().unwrap();
    assert_eq!((counts.messages_waiting, counts.messages_dead), (0, 0));
}

#[test]
fn an_answer_goes_before_the_alerts_that_wait() {
    let (app, mut bot) = world();
    for alert in 0..200 {
        notice(&app, 1000 + alert, "alert", "тревога");
    }
    notice(&app, 7, "alert", "тревога");
    let update = bot.message(Talker::ru(7), "/help");
    bot.deliver(&app, &update);
    bot.handle_due();
    bot.send_due();
    assert_eq!(bot.api.chat(7).len(), 1, "it is in the first second");
    assert!(bot.api.chat(7)[0].html.contains("/ask"));
    bot.settle(&app);
    assert_eq!(bot.api.chat(7).len(), 2);
}

#[test]
fn edits_that_come_while_one_waits_are_one_edit() {
    let (app, mut bot) = world();
    let anna = Talker::ru(7);
    bot.say(&app, anna, "/start");
    bot.say(&app, anna, "/help");
    let message = bot.api.chat(7).last().unwrap().clone();
    // Three buttons pressed one after another before anything is sent.
    let menu = message.markup["inline_keyboard"][0][0]["callback_data"].as_str().unwrap().to_owned();
    let person = menu.split('.').next().unwrap().to_owned();
    for what in ["priv", "help", "langs"] {
        let id = bot.next_id();
        let update = serde_json::json!({ "update_id": id, "callback_query": {
            "id": id.to_string(), "chat_instance": "1", "data": format!("{person}.{what}"),
            "from": { "id": 7, "is_bot": false, "first_name": "A", "language_code": "ru" },
            "message": { "message_id": message.id, "date": 1, "text": "x", "chat": { "id": 7, "type": "private" } },
        }});
        bot.deliver(&app, &update);
    }
    bot.handle_due();
    bot.settle(&app);
    assert_eq!(bot.api.calls("editMessageText").len(), 1);
    assert!(bot.api.chat(7).last().unwrap().html.contains("На каком языке"));
    assert_eq!(bot.api.calls("answerCallbackQuery").len(), 3);
}

#[test]
fn while_telegram_cannot_be_reached_everything_waits_and_nothing_is_counted() {
    /// More than a message is tried when it is its own fault.
    const TRIES: usize = 40;
    let (app, mut bot) = world();
    for slot in ["a", "b", "c"] {
        notice(&app, 7, slot, slot);
    }
    // First it does not know the bot, as with a token that was changed.
    bot.api.fail("sendMessage", vec![Fault::Refuse(401, "Unauthorized"); TRIES]);
    for _ in 0..TRIES {
        bot.send_due();
        app.advance(UNREACHABLE_PAUSE);
    }
    let counts = app.app().bot_counts().unwrap();
    assert_eq!((counts.messages_waiting, counts.messages_dead), (3, 0));
    bot.settle(&app);
    let shown: Vec<String> = bot.api.chat(7).into_iter().map(|shown| shown.html).collect();
    assert_eq!(shown, ["a", "b", "c"]);
    // Then there is no network.
    bot.detach();
    let mut bot = Bot::start();
    let app = TestApp::builder().bot(&bot).set("TGA__BOT__API_URL", "http://127.0.0.1:1/").build();
    bot.attach(&app);
    notice(&app, 7, "d", "d");
    for _ in 0..TRIES {
        bot.send_due();
        app.advance(UNREACHABLE_PAUSE);
    }
    let counts = app.app().bot_counts().unwrap();
    assert_eq!((counts.messages_waiting, counts.messages_dead), (1, 0));
}

#[test]
fn what_telegram_will_never_take_is_given_up_and_the_rest_goes_on() {
    let (app, bot) = world();
    bot.api.fail("sendMessage", [Fault::Refuse(400, "Bad Request: something about it")]);
    notice(&app, 7, "a", "первая");
    notice(&app, 7, "b", "вторая");
    bot.settle(&app);
    let shown = bot.api.chat(7);
    assert_eq!(shown.iter().map(|shown| shown.html.as_str()).collect::<Vec<_>>(), ["вторая"]);
    assert_eq!(app.app().bot_counts().unwrap().messages_dead, 1);
}
