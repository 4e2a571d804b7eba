//! Quiet hours of an alert in the bot: chosen or written, kept, and obeyed.

use jiff::SignedDuration;
use tga::{app::alerts::AlertView, model::Role, store::Member};

use crate::{
    bot::{each, follow},
    support::{
        TestApp,
        bot::{Bot, Talker},
        line,
    },
};

const ANNA: i64 = 7001;
/// As much of what was written is said back, characters.
const SAID_CHARS_MAX: usize = 40;

/// Anna has an alert whose hours are of this zone, and follows one channel.
fn with_alert(zone: &str) -> (TestApp, Bot, Member) {
    let mut bot = Bot::start();
    let mut app = TestApp::builder().at("2026-11-20T00:00:00Z").bot(&bot).build();
    bot.attach(&app);
    let anna = app.member("main", ANNA, Role::User);
    follow(&mut app, ANNA, 1);
    bot.say(&app, Talker::ru(ANNA), "/alerts ледокол");
    zone_put(&app, &anna, zone);
    (app, bot, anna)
}

/// The machine's own zone may be any.
fn zone_put(app: &TestApp, member: &Member, zone: &str) {
    let id = alert(app, member).id;
    let zone = Some(zone.to_owned());
    app.app().alert_adjust(&app.tenant(), member.id, id, |input| input.zone = zone).unwrap();
}

fn alert(app: &TestApp, member: &Member) -> AlertView {
    app.tenant().alert_list(member.id).unwrap().remove(0)
}

fn quiet(app: &TestApp, member: &Member) -> Option<String> {
    alert(app, member).quiet.map(|quiet| format!("{}-{}", quiet.from, quiet.until))
}

#[test]
fn quiet_hours_are_chosen_written_and_dropped() {
    each("quiet", |app, bot, who| {
        let member = app.member("main", ANNA, Role::User);
        follow(app, ANNA, 1);
        let (new, hours, other, none, cancel, found) = match who.language {
            "ru" => ("Новое", "Тихие часы", "Другие", "Без тихих", "Отмена", "Что нашлось"),
            _ => ("New", "Quiet hours", "Others", "No quiet", "Cancel", "What it found"),
        };
        bot.say(app, who, "/alerts");
        bot.press(app, who, new);
        bot.say(app, who, "метро");
        zone_put(app, &member, "Europe/Moscow");
        bot.press(app, who, hours);
        bot.press(app, who, "22–7");
        assert_eq!(quiet(app, &member).as_deref(), Some("22:00-07:00"));
        bot.press(app, who, hours);
        bot.press(app, who, other);
        for wrong in ["10pm <b>", "22-25:00", "7:00-7"] {
            bot.say(app, who, wrong);
            assert_eq!(quiet(app, &member).as_deref(), Some("22:00-07:00"), "{wrong}");
        }
        bot.say(app, who, "22:30 – 7");
        assert_eq!(quiet(app, &member).as_deref(), Some("22:30-07:00"));
        bot.press(app, who, hours);
        bot.press(app, who, none);
        assert_eq!(quiet(app, &member), None);
        bot.press(app, who, hours);
        bot.press(app, who, other);
        bot.press(app, who, cancel);
        bot.say(app, who, "/alerts");
        bot.press(app, who, "метро");
        bot.press(app, who, found);
    });
}

#[test]
fn what_is_found_in_chosen_hours_is_told_when_they_end_or_are_dropped() {
    let (mut app, mut bot, _) = with_alert("UTC");
    let anna = Talker::ru(ANNA);
    bot.press(&app, anna, "Тихие часы");
    bot.press(&app, anna, "0–9");
    app.index_jsonl(&[line("channel00", 10, "Ледокол вышел из порта")]);
    app.advance(SignedDuration::from_hours(8));
    assert_eq!(bot.tell_due(), 0);
    app.advance(SignedDuration::from_hours(1));
    assert_eq!(bot.tell_due(), 1);
    bot.settle(&app);
    bot.press(&app, anna, "Тихие часы");
    bot.press(&app, anna, "Другие");
    bot.say(&app, anna, "9:00 - 21");
    app.index_jsonl(&[line("channel00", 11, "На верфи заложили новый ледокол, четвёртый в серии")]);
    assert_eq!(bot.tell_due(), 0);
    bot.press(&app, anna, "Тихие часы");
    bot.press(&app, anna, "Без тихих часов");
    assert_eq!(bot.tell_due(), 1);
    bot.settle(&app);
}

#[test]
fn the_bot_waits_for_hours_over_a_restart_and_until_it_can_read_them() {
    let (mut app, mut bot, member) = with_alert("UTC");
    let anna = Talker::ru(ANNA);
    bot.press(&app, anna, "Тихие часы");
    bot.press(&app, anna, "Другие");
    bot.detach();
    app.crash();
    bot.attach(&app);
    let shown = bot.say(&app, anna, &"ж".repeat(4000));
    assert_eq!(shown[0].html.matches('ж').count(), SAID_CHARS_MAX, "{shown:?}");
    bot.say(&app, anna, "23-6:30");
    assert_eq!(quiet(&app, &member).as_deref(), Some("23:00-06:30"));
    // Hours were said: the next words are a question again.
    bot.say(&app, anna, "22-7");
    assert_eq!(quiet(&app, &member).as_deref(), Some("23:00-06:30"));
    bot.press(&app, anna, "Тихие часы");
    bot.press(&app, anna, "Другие");
    bot.say(&app, anna, "/cancel");
    bot.say(&app, anna, "22-7");
    assert_eq!(quiet(&app, &member).as_deref(), Some("23:00-06:30"));
}

#[test]
fn hours_of_an_alert_that_went_meanwhile_change_nothing() {
    let (app, mut bot, member) = with_alert("UTC");
    let anna = Talker::ru(ANNA);
    let screen = bot.press(&app, anna, "Тихие часы").remove(0);
    bot.press(&app, anna, "Другие");
    app.app().alert_delete(&app.tenant(), member.id, alert(&app, &member).id).unwrap();
    let shown = bot.say(&app, anna, "22-7");
    assert!(shown[0].html.contains("Такого оповещения больше нет"), "{shown:?}");
    let rows = screen.markup["inline_keyboard"].as_array().unwrap().iter();
    for key in rows.flat_map(|row| row.as_array().unwrap()) {
        bot.press_data(&app, anna, screen.id, key["callback_data"].as_str().unwrap(), "x");
        assert!(
            bot.transcript.ends_with("(toast) Такого оповещения больше нет.\n\n"),
            "{key} {}",
            bot.transcript
        );
    }
}
