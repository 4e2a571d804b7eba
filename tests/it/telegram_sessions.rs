//! Stored sessions: sealed, moved between states, wiped when they are over, taken over and handed out; nothing of them leaks.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use tga::{
    app::telegram::TelegramSessionView,
    model::{AuthEventKind, Role},
    store::{AuthEventFilter, TelegramSessionState},
    telegram::account::ConnectionState,
};

use crate::support::{
    TestApp,
    dc::{FIRST_DC, TestDc},
    wait_for,
};

pub(crate) const IVAN: i64 = 100_200_300;
/// A key number no login takes here.
pub(crate) const KEY_NUMBER: u64 = 700;

pub(crate) fn world() -> (TestDc, TestApp) {
    let dc = TestDc::start();
    dc.add_user(IVAN, "Ivan", FIRST_DC);
    let app = TestApp::builder().telegram(&dc).build();
    app.member("main", IVAN, Role::User);
    (dc, app)
}

/// A session as Telethon would write it.
fn line(dc: &TestDc, number: u64) -> String {
    line_of(dc, number, IVAN)
}

fn line_of(dc: &TestDc, number: u64, user: i64) -> String {
    let key = dc.log_in(FIRST_DC, number, user);
    let address = dc.address(FIRST_DC);
    let mut bytes = vec![FIRST_DC as u8];
    bytes.extend(address.ip().octets());
    bytes.extend(address.port().to_be_bytes());
    bytes.extend(key.data);
    format!("1{}", URL_SAFE.encode(bytes))
}

pub(crate) fn import(dc: &TestDc, app: &TestApp, number: u64) -> TelegramSessionView {
    import_of(dc, app, number, IVAN)
}

fn import_of(dc: &TestDc, app: &TestApp, number: u64, user: i64) -> TelegramSessionView {
    let view = app.app().telegram_session_import(&app.tenant(), &line_of(dc, number, user)).unwrap();
    up(app, &view);
    view
}

pub(crate) fn up(app: &TestApp, view: &TelegramSessionView) {
    wait_for("the account to be connected", || {
        let account = app.app().account_find(view.user_id)?;
        (*account.connection.state().borrow() == ConnectionState::Up).then_some(())
    });
}

pub(crate) fn state(app: &TestApp, view: &TelegramSessionView) -> (TelegramSessionState, Option<String>) {
    let row = app.tenant().store().telegram_session_find(view.id).unwrap().unwrap();
    (row.state, row.reason)
}

#[test]
fn a_session_is_taken_over_paused_resumed_and_revoked() {
    let (dc, app) = world();
    let view = import(&dc, &app, KEY_NUMBER);
    app.app().telegram_session_pause(view.id, "paused_by_operator").unwrap();
    assert!(app.app().account_find(view.user_id).is_none());
    assert_eq!(state(&app, &view).0, TelegramSessionState::Paused);
    app.app().telegram_session_resume(view.id).unwrap();
    up(&app, &view);
    assert_eq!(app.app().telegram_session_pause_all(None, "paused_by_operator").unwrap(), 1);
    app.app().telegram_session_resume(view.id).unwrap();
    up(&app, &view);
    app.app().telegram_session_revoke(view.id, "revoked_by_operator").unwrap();
    assert_eq!(dc.logins(IVAN), 0, "Telegram was told");
    assert_eq!(state(&app, &view), (TelegramSessionState::Revoked, Some("revoked_by_operator".to_owned())));
    assert!(app.tenant().store().telegram_session_sealed(view.id).unwrap().is_none(), "wiped");
    assert!(app.app().telegram_session_resume(view.id).is_err());
    assert!(app.app().telegram_session_export(view.id).is_err());
}

#[test]
fn health_counts_the_sessions_and_says_when_one_rests() {
    let (dc, app) = world();
    let view = import(&dc, &app, KEY_NUMBER);
    let health = app.app().health_operator().unwrap().telegram;
    assert_eq!((health.sessions_active, health.connected, health.sessions_paused), (1, 1, 0));
    app.app().telegram_session_pause(view.id, "paused_by_operator").unwrap();
    let health = app.app().health_operator().unwrap();
    assert_eq!((health.telegram.sessions_active, health.telegram.sessions_paused), (0, 1));
    assert!(health.installation.reasons.iter().any(|reason| reason.check == "telegram"), "{health:?}");
}

#[test]
fn a_session_that_telegram_ends_is_wiped_and_said() {
    for (code, name, reason) in
        [(401, "SESSION_REVOKED", "session_revoked"), (406, "AUTH_KEY_DUPLICATED", "session_duplicated")]
    {
        let (dc, app) = world();
        let view = import(&dc, &app, KEY_NUMBER);
        dc.revoke(IVAN, code, name);
        wait_for("the end to be noticed", || {
            (state(&app, &view).0 == TelegramSessionState::Revoked).then_some(())
        });
        assert_eq!(state(&app, &view).1.as_deref(), Some(reason));
        assert!(app.tenant().store().telegram_session_sealed(view.id).unwrap().is_none());
        let recorded = wait_for("the end to be recorded", || {
            let (events, _) = app.app().auth_event_list(&AuthEventFilter::default(), 10, 0).unwrap();
            events.into_iter().find(|event| event.event == AuthEventKind::Revoked)
        });
        assert_eq!(recorded.reason.as_deref(), Some(reason));
        let findings = app.app().doctor().unwrap();
        assert!(findings.iter().any(|finding| finding.detail.contains(reason)), "{findings:?}");
    }
}

#[test]
fn whoever_is_erased_is_logged_out_first() {
    let (dc, app) = world();
    let view = import(&dc, &app, KEY_NUMBER);
    app.app().user_erase(&app.tenant(), view.user_id, &tga::app::audit::Origin::operator()).unwrap();
    assert_eq!(dc.logins(IVAN), 0, "Telegram was told");
    assert!(app.app().account_find(view.user_id).is_none());
    assert!(app.tenant().store().telegram_session_list().unwrap().is_empty());
}

/// Was: ending a session that was replaced logged its member's present one out.
#[test]
fn what_is_done_to_a_former_session_leaves_the_present_one_alone() {
    let (dc, app) = world();
    let former = import(&dc, &app, KEY_NUMBER);
    let present = import(&dc, &app, KEY_NUMBER + 1);
    assert_eq!(dc.logins(IVAN), 1, "the replaced one was ended at Telegram");
    assert_eq!(state(&app, &former).0, TelegramSessionState::Replaced);
    assert!(app.app().telegram_session_revoke(former.id, "revoked_by_operator").is_err());
    assert!(app.app().telegram_session_pause(former.id, "paused_by_operator").is_err());
    up(&app, &present);
    assert_eq!(dc.logins(IVAN), 1);
    assert!(
        app.app().telegram_session_resume(present.id).unwrap().connected,
        "in use already, which is fine"
    );
}

#[test]
fn a_deleted_tenants_accounts_are_logged_out_the_paused_ones_too() {
    let (dc, app) = world();
    import(&dc, &app, KEY_NUMBER);
    dc.add_user(IVAN + 1, "Pjotr", FIRST_DC);
    app.member("main", IVAN + 1, Role::User);
    let paused = import_of(&dc, &app, KEY_NUMBER + 1, IVAN + 1);
    app.app().telegram_session_pause(paused.id, "paused_by_operator").unwrap();
    assert_eq!(dc.logins(IVAN) + dc.logins(IVAN + 1), 2);
    app.app().tenant_delete("main").unwrap();
    assert_eq!(dc.logins(IVAN) + dc.logins(IVAN + 1), 0);
    assert!(app.app().account_list().is_empty());
}

#[test]
fn whoever_is_erased_while_telegram_cannot_be_reached_is_gone_here() {
    let (dc, app) = world();
    let view = import(&dc, &app, KEY_NUMBER);
    dc.fault("auth.logOut", crate::support::dc::Fault::Kill);
    app.app().user_erase(&app.tenant(), view.user_id, &tga::app::audit::Origin::operator()).unwrap();
    assert_eq!(dc.logins(IVAN), 1, "Telegram was not told");
    assert!(app.app().account_find(view.user_id).is_none());
    assert!(app.tenant().store().telegram_session_list().unwrap().is_empty());
}

#[test]
fn what_is_no_session_is_refused_with_the_reason() {
    let (dc, app) = world();
    let refused =
        |line: &str| app.app().telegram_session_import(&app.tenant(), line).unwrap_err().to_string();
    assert!(refused("nonsense").contains("begins with `1`"));
    let good = line(&dc, KEY_NUMBER);
    assert!(refused(&good[..200]).contains("cut"));
    let other = TestDc::start();
    other.add_user(IVAN, "Ivan", FIRST_DC);
    assert!(refused(&line(&other, KEY_NUMBER)).contains("refused"), "a key this server does not know");
    dc.add_user(IVAN + 1, "Stranger", FIRST_DC);
    dc.log_in(FIRST_DC, KEY_NUMBER, IVAN + 1);
    assert!(refused(&good).contains("no member"), "of somebody else");
    assert!(app.tenant().store().telegram_session_list().unwrap().is_empty());
}

#[test]
fn rotating_the_key_seals_every_session_anew() {
    let (dc, mut app) = world();
    let view = import(&dc, &app, KEY_NUMBER);
    let before = app.tenant().store().telegram_session_sealed(view.id).unwrap().unwrap();
    let rotated = app.app().seal_key_rotate().unwrap();
    let (key, count) = (rotated.id, rotated.sealed_anew);
    assert_eq!((count, rotated.left), (1, 0));
    let after = app.tenant().store().telegram_session_sealed(view.id).unwrap().unwrap();
    assert_eq!(after.0, key);
    assert_ne!(before, after);
    app.restart();
    up(&app, &view);
    assert_eq!(app.app().telegram_session_export(view.id).unwrap().len(), 353);
}

#[test]
fn nothing_of_a_session_lies_in_the_clear() {
    let (dc, mut app) = world();
    let line = line(&dc, KEY_NUMBER);
    let view = app.app().telegram_session_import(&app.tenant(), &line).unwrap();
    up(&app, &view);
    app.restart();
    up(&app, &view);
    let key = dc.key(FIRST_DC, KEY_NUMBER).data;
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    // Parts long enough not to be there by chance, so that a piece of it is found as well.
    let secrets: [&[u8]; 5] = [
        &key[..16],
        &key[200..216],
        &line.as_bytes()[20..60],
        &hex.as_bytes()[..32],
        &hex.as_bytes()[400..440],
    ];
    let files = app.files();
    for (path, bytes) in &files {
        for secret in secrets {
            let found = memchr::memmem::find(bytes, secret).is_some();
            assert!(!found, "{} holds a part of the session", path.display());
        }
    }
    assert!(files.len() > 5);
    assert!(!format!("{:?}", app.app().account_find(view.user_id)).contains(&hex[..16]));
}
