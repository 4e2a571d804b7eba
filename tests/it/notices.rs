//! What the owner of an account is told: once, not when it has mended itself, and still there after a restart.

use jiff::SignedDuration;
use tga::{
    app::{audit::Origin, notices::NoticeView},
    model::Role,
    store::{NoticeKind, TelegramSessionState},
};

use crate::{
    support::{
        BOT_TOKEN, TestApp,
        bot::Bot,
        dc::{FIRST_DC, TestDc},
        reading::{ALL, World},
        wait_for,
    },
    telegram_sessions::{IVAN, KEY_NUMBER, import, state, up, world},
};

fn due(app: &TestApp) -> Vec<(NoticeKind, String)> {
    let told = |notice: NoticeView| (notice.kind, notice.reason);
    app.app().notice_due_list().unwrap().into_iter().map(told).collect()
}

fn tell_all(app: &TestApp) {
    for notice in app.app().notice_due_list().unwrap() {
        assert!(app.app().notice_sent(&app.tenant(), notice.id).unwrap());
        assert!(!app.app().notice_sent(&app.tenant(), notice.id).unwrap(), "told once");
    }
}

fn ended(dc: &TestDc, app: &TestApp, number: u64) {
    let view = import(dc, app, number);
    dc.revoke(IVAN, 401, "SESSION_REVOKED");
    wait_for("the end to be noticed", || {
        (state(app, &view).0 == TelegramSessionState::Revoked).then_some(())
    });
}

#[test]
fn the_end_of_a_session_is_told_once_and_survives_a_restart() {
    let (dc, mut app) = world();
    assert!(due(&app).is_empty());
    ended(&dc, &app, KEY_NUMBER);
    let expected = vec![(NoticeKind::SessionEnded, "session_revoked".to_owned())];
    assert_eq!(due(&app), expected);
    let notice = app.app().notice_due_list().unwrap().remove(0);
    assert_eq!((notice.tenant_id, notice.member.profile.telegram_id), (app.tenant().id(), IVAN));
    app.restart();
    assert_eq!(due(&app), expected, "not told yet");
    tell_all(&app);
    assert!(due(&app).is_empty());
    app.restart();
    assert!(due(&app).is_empty());
}

#[test]
fn the_bot_tells_the_end_of_a_session_once() {
    let mut bot = Bot::start();
    let (dc, api) = (TestDc::start(), bot.api.url());
    let mut app = TestApp::builder()
        .telegram(&dc)
        .set("BOT_TOKEN", BOT_TOKEN)
        .set("TGA__BOT__API_URL", &api)
        .set("TGA__BOT__APP_URL", "https://assistant.example.org/tg/app/")
        .build();
    dc.add_user(IVAN, "Ivan", FIRST_DC);
    app.member("main", IVAN, Role::User);
    ended(&dc, &app, KEY_NUMBER);
    bot.attach(&app);
    assert_eq!(bot.tell_due(), 1);
    // Killed before it was sent, and looked for again.
    bot.detach();
    app.restart();
    bot.attach(&app);
    assert_eq!(bot.tell_due(), 0);
    bot.settle(&app);
    let shown = bot.api.chat(IVAN);
    assert_eq!(shown.len(), 1);
    assert!(shown[0].html.contains("завершил сеанс") || shown[0].html.contains("ended the session"));
    assert!(shown[0].markup.to_string().contains("https://assistant.example.org/tg/app"));
    assert!(due(&app).is_empty());
}

#[test]
fn what_mended_itself_is_not_told() {
    let (dc, app) = world();
    ended(&dc, &app, KEY_NUMBER);
    let view = import(&dc, &app, KEY_NUMBER + 1);
    assert!(due(&app).is_empty(), "whoever has logged in again need not be told to");
    app.app().telegram_session_pause(view.id, "paused_by_operator").unwrap();
    app.app().telegram_session_pause(view.id, "paused_by_operator").unwrap();
    assert_eq!(due(&app), [(NoticeKind::SessionPaused, "paused_by_operator".to_owned())]);
    app.app().telegram_session_resume(view.id).unwrap();
    up(&app, &view);
    assert!(due(&app).is_empty(), "it is in use again");
    app.app().telegram_session_pause(view.id, "paused_by_operator").unwrap();
    app.app().user_erase(&app.tenant(), view.user_id, &Origin::operator()).unwrap();
    assert!(due(&app).is_empty(), "whoever is erased is told nothing");
}

#[test]
fn a_channel_nobody_can_read_is_told_when_it_stays_so() {
    let mut world = World::new();
    world.dc.add_channel(10, None, "Секретный");
    world.dc.fill(10, 5, world.now_s() - 60, 60, |id| format!("Тайна {id}"));
    world.dc.set_invite(10, Some("AbCdEfGh12345678"));
    world.dc.join(10, 1);
    let account = world.account(1);
    let channel = world.follow(&account, "https://t.me/+AbCdEfGh12345678", ALL);
    world.settle(&account);
    world.dc.ban(10, 1);
    world.app.advance(SignedDuration::from_mins(6));
    world.settle(&account);
    assert!(due(&world.app).is_empty(), "the next try may go well");
    world.app.advance(SignedDuration::from_mins(61));
    world.settle(&account);
    world.app.advance(SignedDuration::from_mins(20));
    let notice = world.app.app().notice_due_list().unwrap().remove(0);
    assert_eq!((notice.kind, notice.reason.as_str()), (NoticeKind::ChannelPaused, "channel_private"));
    assert_eq!(notice.channel.map(|channel| channel.id), Some(channel));
    tell_all(&world.app);
    world.app.advance(SignedDuration::from_hours(5));
    world.settle(&account);
    assert!(due(&world.app).is_empty(), "it is no news that it still cannot be read");
    assert_eq!(account.member.role, Role::User);
    world.finish();
}
