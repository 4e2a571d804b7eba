//! Going on from an answer, one's own account, and what an administrator does in passing: by the bot, in both languages.

use serde_json::json;
use tga::{bot::UPDATES_PER_MINUTE_MAX, model::Role};

use crate::{
    bot::{each, follow, follow_all},
    support::{
        TestApp,
        bot::{Bot, Talker},
        bot_api::Fault,
        line,
    },
};

const ANNA: i64 = 7001;
const BORIS: i64 = 7002;

#[test]
fn a_search_is_paged_narrowed_and_kept_as_an_alert() {
    each("refine", |app, bot, who| {
        app.member("main", ANNA, Role::User);
        let told = [
            "Метро: станция «Рыбацкая» закрыта на ремонт эскалатора до весны.",
            "У станции метро построят рынок с крышей из стекла и дерева.",
            "Художник расписал станцию метро совами, прохожие фотографируют.",
            "Станция метро осталась без света на два часа: сгорел кабель.",
            "Кот Пушок живёт на станции метро и встречает первый поезд.",
            "Проезд подорожает: билет на любой станции метро будет стоить сорок рублей.",
            "Музей метро показал чертежи станции тридцать пятого года.",
            "Археологи нашли под станцией метро мостовую древнего города.",
            "Хор пенсионеров спел на станции метро и собрал деньги приюту.",
            "Станцию метро переименуют в честь космонавта, решили депутаты.",
            "Дожди подмыли насыпь у станции метро, поезда идут медленно.",
            "На станции метро открыли библиотеку: книги можно взять без карточки.",
            "Сборная проиграла со счётом один три, тренер подал в отставку.",
            "Пирог с яблоками: мука, корица и сорок минут в печи.",
            "Рубль окреп к юаню, биржа закрылась ростом.",
            "В заповеднике родились тигрята, их назовут голосованием.",
            "Учёные измерили возраст кометы по пыли на зонде.",
            "Фермеры собрали рекордный урожай гречихи.",
            "Поэт выпустил сборник стихов о тундре.",
            "Хоккейный клуб подписал вратаря из Швеции.",
            "Врачи пересадили мальчику роговицу, выращенную в пробирке.",
            "Программисты нашли уязвимость в библиотеке сжатия.",
        ];
        let channel = |at: usize| if at.is_multiple_of(2) { "even_news" } else { "odd_news" };
        let lines: Vec<_> =
            told.iter().enumerate().map(|(at, text)| line(channel(at), at as i64 + 1, text)).collect();
        app.index_jsonl(&lines);
        follow_all(app, ANNA);
        let (more, only, week, save, found) = match who.language {
            "ru" => ("Ещё", "Только этот канал", "За неделю", "Сообщать", "Что нашлось"),
            _ => ("More", "Only this channel", "Last week", "Tell me", "What it found"),
        };
        bot.say(app, who, "/search метро станция");
        bot.press(app, who, more);
        bot.press(app, who, "‹");
        bot.press(app, who, only);
        bot.press(app, who, "odd_news");
        bot.press(app, who, week);
        bot.press(app, who, save);
        app.index_jsonl(&[line(
            "odd_news",
            77,
            "Инженеры запустили станцию метро без машинистов: поездами правит автомат.",
        )
        .at("2026-11-21T14:00:00Z")]);
        bot.tell_due();
        bot.settle(app);
        bot.press(app, who, found);
        bot.say(app, who, "/recommend метро");
        bot.say(app, who, "/alerts");
        // A button of something long forgotten.
        bot.press_data(app, who, 1, &format!("{ANNA:x}.q:1:w"), week);
    });
}

#[test]
fn an_account_is_shown_exported_and_deleted() {
    each("account", |app, bot, who| {
        app.member("main", ANNA, Role::User);
        follow(app, ANNA, 1);
        let (up, cancel, sure) = match who.language {
            "ru" => ("👍", "Отмена", "Да, удалить всё"),
            _ => ("👍", "Cancel", "Yes, delete everything"),
        };
        bot.say(app, who, "/subscription");
        bot.say(app, who, "когда откроют метро в Казани?");
        bot.press(app, who, up);
        bot.say(app, who, "/feedback");
        bot.say(app, who, "Отвечает быстро, спасибо");
        bot.say(app, who, "/export");
        let sent = bot.api.calls("senddocument").pop().unwrap();
        assert!(sent.params.to_string().contains("subscriptions"), "{}", sent.params);
        bot.say(app, who, "/admin");
        bot.say(app, who, "/delete_me");
        bot.press(app, who, cancel);
        bot.say(app, who, "/delete_me");
        let asked = bot.api.chat(ANNA).last().unwrap().clone();
        let before = bot.transcript.len();
        bot.press(app, who, sure);
        // The receipt is of this minute and of random bytes.
        let receipt = bot.transcript.split_off(before);
        assert!(receipt.contains("receipt_id") && receipt.contains("<code>"), "{receipt}");
        assert!(app.app().memberships_of(ANNA).unwrap().is_empty());
        let data = asked.markup["inline_keyboard"][1][0]["callback_data"].as_str().unwrap();
        bot.press_data(app, who, asked.id, data, sure);
    });
}

#[test]
fn the_browser_is_let_in_by_a_link_once() {
    for (who, open) in [(Talker::ru(ANNA), "в браузере"), (Talker::en(ANNA), "in a browser")] {
        let mut bot = Bot::start();
        let app = TestApp::builder()
            .bot(&bot)
            .set("TGA__BOT__APP_URL", "https://assistant.example.org/app")
            .build();
        bot.attach(&app);
        app.member("main", ANNA, Role::User);
        bot.say(&app, who, "/settings");
        let shown = bot.press(&app, who, open);
        let link = shown[0].html.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
        let (address, token) = link.split_once('#').unwrap();
        assert_eq!(address, "https://assistant.example.org/app/enter");
        let device = tga::app::sessions::Device::default;
        app.app().sign_in_link_use(token, device()).unwrap();
        assert!(app.app().sign_in_link_use(token, device()).is_err(), "good once");
    }
}

#[test]
fn an_admin_invites_looks_and_counts() {
    each("admin", |app, bot, who| {
        bot.setup().unwrap();
        app.member("main", ANNA, Role::Admin);
        app.member("main", BORIS, Role::User);
        follow(app, ANNA, 1);
        let (invite, people, figures, back) = match who.language {
            "ru" => ("Пригласить", "Люди", "Цифры", "Назад"),
            _ => ("Invite", "People", "Figures", "Back"),
        };
        bot.say(app, who, "/admin");
        bot.press(app, who, people);
        bot.press(app, who, back);
        bot.press(app, who, figures);
        bot.press(app, who, back);
        let shown = bot.press(app, who, invite);
        let code = shown[0].html.split("<code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
        assert!(shown[0].html.contains(&format!("https://t.me/assistant_bot?start={code}")));
        bot.transcript = bot.transcript.replace(&code, "CODE");
        // Its own invite lets somebody in.
        let clara = Talker { id: 7003, ..who };
        bot.deliver(app, &bot_start(clara, &code));
        bot.settle(app);
        assert_eq!(app.app().memberships_of(7003).unwrap().len(), 1);
        // Boris is no admin: there is no such command, and no such button.
        let boris = Talker { id: BORIS, ..who };
        bot.say(app, boris, "/admin_stats");
        bot.press_data(app, boris, 1, &format!("{BORIS:x}.admi"), invite);
        let (_, invites) = app.app().invite_list(Some(app.tenant().id()), None, 1, 0).unwrap();
        assert_eq!(invites, 3, "two members of the test, one of Anna's");
    });
}

/// `/start CODE` as an update of its own number.
fn bot_start(who: Talker, code: &str) -> serde_json::Value {
    json!({ "update_id": 90_001, "message": {
        "message_id": 90_001, "date": 1_795_262_400, "text": format!("/start {code}"),
        "from": { "id": who.id, "is_bot": false, "first_name": "Клара", "language_code": who.language },
        "chat": { "id": who.id, "type": "private", "first_name": "Клара" },
    }})
}

#[test]
fn nobody_is_deleted_twice_by_one_button() {
    let mut bot = Bot::start();
    let app = TestApp::builder().bot(&bot).tenant("other").build();
    bot.attach(&app);
    let anna = Talker::ru(ANNA);
    app.member("main", ANNA, Role::User);
    app.member("other", ANNA, Role::User);
    bot.say(&app, anna, "/delete_me");
    let asked = bot.api.chat(ANNA).last().unwrap().clone();
    let data = asked.markup["inline_keyboard"][1][0]["callback_data"].as_str().unwrap().to_owned();
    bot.press_data(&app, anna, asked.id, &data, "Да");
    assert_eq!(app.app().memberships_of(ANNA).unwrap().len(), 1);
    // Pressed again, it is the button of a membership that is gone; the other one stays.
    bot.press_data(&app, anna, asked.id, &data, "Да");
    assert_eq!(app.app().memberships_of(ANNA).unwrap().len(), 1);
}

#[test]
fn the_receipt_reaches_who_left_though_telegram_asks_to_wait() {
    let mut bot = Bot::start();
    let app = TestApp::builder().bot(&bot).build();
    bot.attach(&app);
    let anna = Talker::ru(ANNA);
    app.member("main", ANNA, Role::User);
    bot.say(&app, anna, "/delete_me");
    // It asks to wait no time at all, so the test does not either.
    bot.api.fail("sendMessage", [Fault::Flood(0), Fault::Flood(0), Fault::Flood(0)]);
    let shown = bot.press(&app, anna, "Да, удалить всё");
    assert!(app.app().memberships_of(ANNA).unwrap().is_empty());
    assert!(shown.iter().any(|shown| shown.html.contains("receipt_id")), "{shown:?}");
}

#[test]
fn who_sends_too_much_is_told_once_and_others_go_on() {
    let mut bot = Bot::start();
    let app = TestApp::builder().bot(&bot).build();
    bot.attach(&app);
    let (anna, boris) = (Talker::ru(ANNA), Talker::ru(BORIS));
    app.member("main", ANNA, Role::User);
    app.member("main", BORIS, Role::User);
    let updates: Vec<_> = (0..UPDATES_PER_MINUTE_MAX + 5).map(|_| bot.message(anna, "/language")).collect();
    for update in &updates {
        bot.deliver(&app, update);
    }
    bot.handle_due();
    bot.settle(&app);
    let chat = bot.api.chat(ANNA);
    assert_eq!(chat.len() as u32, UPDATES_PER_MINUTE_MAX + 1);
    assert!(chat.last().unwrap().html.contains("Слишком быстро"), "{:?}", chat.last());
    assert!(bot.say(&app, boris, "/menu")[0].html.contains("меню"));
    app.advance(jiff::SignedDuration::from_mins(1));
    assert!(bot.say(&app, anna, "/menu")[0].html.contains("меню"));
}

#[test]
fn every_answer_of_the_demo_is_a_message_that_telegram_takes() {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/src/app/demo");
    let mut bot = Bot::start();
    let app = TestApp::builder().bot(&bot).set("TGA__TIERS__FREE__QUESTIONS_PER_DAY", "1000").build();
    bot.attach(&app);
    app.import_file("main", std::path::Path::new(&format!("{demo}/posts.jsonl"))).unwrap();
    app.run_pending_jobs();
    app.member("main", ANNA, Role::User);
    follow_all(&app, ANNA);
    let text = std::fs::read_to_string(format!("{demo}/questions.json")).unwrap();
    let questions: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut asked = 0;
    for question in strings(&questions).filter(|text| text.ends_with('?')) {
        let shown = bot.say(&app, Talker::ru(ANNA), question);
        assert!(!shown.is_empty() && !shown[0].html.contains("сломалось"), "{question}: {shown:?}");
        asked += 1;
        if asked % 20 == 0 {
            app.advance(jiff::SignedDuration::from_mins(1));
        }
    }
    assert!(asked >= 10, "{asked} questions");
    // The posts themselves as Markdown, which a model might quote.
    let posts = std::fs::read_to_string(format!("{demo}/posts.jsonl")).unwrap();
    for line in posts.lines() {
        let post: serde_json::Value = serde_json::from_str(line).unwrap();
        for html in tga::bot::markdown(post["text"].as_str().unwrap_or_default()).messages(4096) {
            crate::support::telegram_html::visible(&html).unwrap();
        }
    }
}

/// Every text in a document.
fn strings(value: &serde_json::Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        serde_json::Value::String(text) => Box::new(std::iter::once(text.as_str())),
        serde_json::Value::Array(items) => Box::new(items.iter().flat_map(strings)),
        serde_json::Value::Object(fields) => Box::new(fields.values().flat_map(strings)),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
            Box::new(std::iter::empty())
        }
    }
}
