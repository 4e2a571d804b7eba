//! What the browser tests (`tests/e2e`) have for Telegram: the test data centre and the Bot API server, as a process.
//!
//! No test of its own: it is started by name, prints one JSON line with the environment that points `tga` at it, then carries out one
//! JSON command a line from its input, each answered by one line, and ends with its input. Nothing here knows of the browser.

use std::io::{BufRead as _, Write as _};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{
    BOT_TOKEN,
    bot_api::BotApi,
    dc::{OTHER_DC, TestDc, now},
};

/// Seconds between the posts that fill a channel.
const POST_EVERY_S: i32 = 600;

#[test]
#[ignore = "the outside world of the browser tests; run by them"]
fn e2e_world() {
    let (dc, bot) = (TestDc::start(), BotApi::start());
    let mut environment = dc.environment();
    environment.push(("BOT_TOKEN".to_owned(), BOT_TOKEN.to_owned()));
    environment.push(("TGA__BOT__API_URL".to_owned(), bot.url()));
    let environment: serde_json::Map<String, Value> =
        environment.into_iter().map(|(name, value)| (name, value.into())).collect();
    say(&json!({ "environment": environment, "bot_token": BOT_TOKEN }));
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        let command: Value = serde_json::from_str(&line).unwrap();
        say(&carried_out(&dc, &bot, &command));
    }
}

/// One line of the conversation; what the test runner prints around it is no JSON.
fn say(value: &Value) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{value}").unwrap();
    out.flush().unwrap();
}

fn carried_out(dc: &TestDc, bot: &BotApi, command: &Value) -> Value {
    let text = |name: &str| command[name].as_str().unwrap_or_default();
    let id = |name: &str| command[name].as_i64().unwrap_or_default();
    match text("do") {
        "user" => {
            dc.add_user(id("user"), text("name"), OTHER_DC);
            dc.set_password(id("user"), command["password"].as_str(), text("hint"));
            json!({})
        }
        "channel" => {
            dc.add_channel(id("channel"), Some(text("username")), text("title"));
            let posts = command["posts"].as_array().cloned().unwrap_or_default();
            let count = i32::try_from(posts.len()).unwrap();
            // The first message of a channel is the one about its creation.
            dc.fill(id("channel"), count, now() - POST_EVERY_S, POST_EVERY_S, |n| {
                posts[usize::try_from(n - 2).unwrap()].as_str().unwrap().to_owned()
            });
            json!({})
        }
        "join" => {
            dc.join(id("channel"), id("user"));
            json!({})
        }
        "post" => json!({ "message_id": dc.post(id("channel"), text("text")) }),
        "scan" => {
            let token = URL_SAFE_NO_PAD.decode(text("token")).unwrap_or_default();
            json!({ "accepted": dc.accept_login(&token, id("user")) })
        }
        "logins" => json!({ "logins": dc.logins(id("user")) }),
        "revoke" => {
            dc.revoke(id("user"), 401, "SESSION_REVOKED");
            json!({})
        }
        "update" => {
            bot.queue_update(command["update"].clone());
            json!({})
        }
        "chat" => {
            let shown: Vec<String> = bot.chat(id("user")).into_iter().map(|message| message.html).collect();
            json!({ "messages": shown })
        }
        other => json!({ "error": format!("no command {other}") }),
    }
}
