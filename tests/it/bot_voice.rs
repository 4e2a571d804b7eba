//! Voice messages to the bot: written down where that is wanted, agreed to and short enough, and answered like words.

use serde_json::{Value, json};
use tga::model::Role;

use crate::{
    bot::follow,
    support::{
        TestApp,
        bot::{Bot, Talker},
        bot_api::VOICE,
        llm::{Llm, OPENAI_KEY, say},
    },
};

const ANNA: i64 = 7001;

fn voice(seconds: u32) -> Value {
    json!({ "voice": {
        "file_id": "voice-1", "file_unique_id": "u", "file_size": VOICE.len(), "duration": seconds, "mime_type": "audio/ogg",
    }})
}

/// What the bot says to a voice message of so many seconds.
fn spoken(bot: &mut Bot, app: &TestApp, who: Talker, seconds: u32) -> Vec<String> {
    let before = bot.api.chat(ANNA).len();
    let update = bot.message_with(who, &voice(seconds));
    bot.deliver(app, &update);
    bot.settle(app);
    bot.api.chat(ANNA).into_iter().skip(before).map(|shown| shown.html).collect()
}

#[test]
fn a_voice_message_is_a_question_for_who_agreed() {
    let llm = Llm::start();
    llm.mind(|_| say("когда откроют метро в Казани?"));
    let mut bot = Bot::start();
    let mut app = TestApp::builder()
        .bot(&bot)
        .models(&llm, "openai")
        .set("TGA__AI__SPEECH__BASE_URL", &llm.url("/v1"))
        .set("TGA__AI__SPEECH__KEY", OPENAI_KEY)
        .build();
    bot.attach(&app);
    let anna = Talker::ru(ANNA);
    let member = app.member("main", ANNA, Role::Admin);
    let person = app.sign_in(&member);
    follow(&mut app, ANNA, 1);
    let written = || llm.calls("/audio/transcriptions").len();
    assert!(spoken(&mut bot, &app, anna, 5)[0].contains("не расшифровываются"));
    let switched = json!({ "enabled": true, "answers": false, "tags": false, "voice": true });
    let put = |path: &str, body: &Value| {
        app.request(axum::http::Method::PUT, path).token(&person.access).json(body).send()
    };
    put("/api/admin/models", &switched).ok();
    assert!(spoken(&mut bot, &app, anna, 5)[0].contains("согласие"));
    assert_eq!((written(), bot.api.calls("getfile").len()), (0, 0), "nothing is fetched before");
    bot.press(&app, anna, "Внешние модели");
    bot.press(&app, anna, "Согласиться");
    assert!(spoken(&mut bot, &app, anna, 61)[0].contains("слишком длинное"));
    assert_eq!((written(), bot.api.calls("getfile").len()), (0, 0));
    let shown = spoken(&mut bot, &app, anna, 7);
    assert!(shown[0].contains("🎤 <i>когда откроют метро в Казани?</i>"), "{shown:?}");
    assert!(shown[1].contains("Метро в Казани откроют в мае"), "{shown:?}");
    assert_eq!((written(), llm.audio()), (1, VOICE.to_vec()));
    // The same recording again, now as what was asked for.
    bot.say(&app, anna, "/search");
    assert!(spoken(&mut bot, &app, anna, 7)[1].contains("Нашлось"));
    assert_eq!(written(), 1);
}

#[test]
fn a_stranger_who_speaks_reads_what_this_is() {
    let mut bot = Bot::start();
    let app = TestApp::builder().bot(&bot).build();
    bot.attach(&app);
    assert!(spoken(&mut bot, &app, Talker::ru(ANNA), 5)[0].contains("приглашен"));
    assert!(bot.api.calls("getfile").is_empty());
}
