//! Logging in by QR code through the real routes, against the test data centre.

use axum::http::{Method, StatusCode};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tga::{
    app::{audit::Origin, invites::NewInvite},
    model::Role,
    store::{AuthEventFilter, TelegramSessionState},
};

use crate::support::{
    Reply, TestApp,
    dc::{FIRST_DC, Fault, OTHER_DC, TestDc},
    wait_for,
};

const IVAN: i64 = 100_200_300;
const STRANGER: i64 = 100_200_301;
const PASSWORD: &str = "пароль-который-нигде-не-лежит";

/// A data centre with two people, and an appliance with an invite of this many uses.
fn world(home: i32, uses: u32) -> (TestDc, TestApp, String) {
    let dc = TestDc::start();
    dc.add_user(IVAN, "Ivan", home);
    dc.add_user(STRANGER, "Mallory", home);
    // Told in the time of the machine, as tokens are dated by it.
    let now = jiff::Timestamp::from_second(i64::from(crate::support::dc::now())).unwrap();
    let app = TestApp::builder().at(&now.to_string()).telegram(&dc).build();
    let code = invite(&app, uses);
    (dc, app, code)
}

pub(crate) fn invite(app: &TestApp, uses_limit: u32) -> String {
    let new = NewInvite { role: Role::User, uses_limit, expires_at: None, notes: None };
    let tenant = app.tenant().id();
    app.app().invite_create(tenant, &new, &Origin::operator()).unwrap().code
}

fn uses(app: &TestApp, code: &str) -> u32 {
    app.app().invite_get(code, None).unwrap().uses_count
}

fn post(app: &TestApp, path: &str, body: &Value) -> Reply {
    app.request(Method::POST, path).json(body).send()
}

fn get(app: &TestApp, path: &str) -> Reply {
    app.request(Method::GET, path).send()
}

/// A login under way.
struct Login {
    id: String,
    token: String,
}

impl Login {
    fn start(app: &TestApp, body: &Value) -> Self {
        let started = post(app, "/tg/qr/start", body).ok();
        assert_eq!(started["expires_in"], 600);
        assert_eq!(started["qr_url"], Value::Null);
        let id = started["qr_session_id"].as_str().unwrap().to_owned();
        assert_eq!(started["png_url"], format!("/tg/qr/png/{id}"));
        Self { id, token: started["session_token"].as_str().unwrap().to_owned() }
    }

    fn view(&self, app: &TestApp) -> Value {
        get(app, &format!("/tg/qr/status/{}", self.id)).ok()
    }

    fn until(&self, app: &TestApp, wanted: &str) -> Value {
        wait_for(&format!("the login to be {wanted}"), || {
            let view = self.view(app);
            let status = view["status"].as_str().unwrap().to_owned();
            let over = ["authorized", "failed", "expired", "cancelled"].contains(&status.as_str());
            assert!(status == wanted || !over, "wanted {wanted}: {view}");
            (status == wanted).then_some(view)
        })
    }

    /// The token in the code that is shown now.
    fn shown(&self, app: &TestApp) -> Vec<u8> {
        self.until(app, "awaiting_scan");
        let url = app.app().login_qr_url(self.id.parse().unwrap()).unwrap();
        URL_SAFE_NO_PAD.decode(url.strip_prefix("tg://login?token=").unwrap()).unwrap()
    }

    fn password(&self, app: &TestApp, password: &str) -> Reply {
        post(app, "/tg/qr/password", &json!({ "session_token": self.token, "password": password }))
    }

    /// Gives a wrong password and waits until that was noticed for the `nth` time.
    fn password_wrong(&self, app: &TestApp, nth: u32) {
        assert_eq!(self.password(app, "not it").status, StatusCode::ACCEPTED);
        let id = self.id.parse().unwrap();
        wait_for("the password to be refused", || match app.app().login_watch(id) {
            Some(now) => now.borrow().password_tries_left.is_some_and(|left| left == 5 - nth).then_some(()),
            None => Some(()),
        });
    }
}

fn events(app: &TestApp, login: &Login) -> Vec<String> {
    steps(app, login).into_iter().map(|(name, _)| name).collect()
}

/// The steps of a login as the log of auth events has them, with their reasons.
fn steps(app: &TestApp, login: &Login) -> Vec<(String, Option<String>)> {
    let filter = AuthEventFilter::default();
    let (events, _) = app.app().auth_event_list(&filter, 100, 0).unwrap();
    let mine = events.into_iter().filter(|event| event.qr_session_id.as_deref() == Some(&login.id));
    let mut steps: Vec<_> = mine.map(|event| (event.event.name().to_owned(), event.reason)).collect();
    steps.reverse();
    steps
}

/// What the login met on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Accepted,
    Refreshed,
    Cancelled,
    OtherAccount,
    AcceptedAlready,
}

/// What the account asks for and gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Factor {
    None,
    Right,
    WrongOnce,
    WrongAlways,
}

fn matrix(home: i32, factor: Factor) {
    for way in [Way::Accepted, Way::Refreshed, Way::Cancelled, Way::OtherAccount, Way::AcceptedAlready] {
        let (dc, app, code) = world(home, 1);
        if factor != Factor::None {
            for user in [IVAN, STRANGER] {
                dc.set_password(user, Some(PASSWORD), "кличка");
            }
        }
        if way == Way::Refreshed {
            dc.set_token_lifetime_s(2);
        }
        let login = Login::start(&app, &json!({ "telegram_user_id": IVAN, "invite_code": code }));
        let mut token = login.shown(&app);
        if way == Way::Refreshed {
            let first = token.clone();
            token = wait_for("a new code", || {
                let now = login.shown(&app);
                (now != first).then_some(now)
            });
            assert!(!dc.accept_login(&first, IVAN), "the old code is good for nothing");
        }
        let scanner = if way == Way::OtherAccount { STRANGER } else { IVAN };
        assert!(dc.accept_login(&token, scanner), "{way:?} {factor:?}");
        if way == Way::AcceptedAlready {
            assert!(!dc.accept_login(&token, STRANGER), "the code is used");
        }
        if factor != Factor::None {
            let view = login.until(&app, "password_required");
            assert_eq!(view["password_hint"], "кличка");
        }
        let cancelled = way == Way::Cancelled && factor != Factor::None;
        if cancelled {
            let reply = post(&app, "/tg/qr/cancel", &json!({ "session_token": login.token }));
            assert_eq!(reply.status, StatusCode::ACCEPTED);
        } else {
            match factor {
                Factor::None => {}
                Factor::Right => assert_eq!(login.password(&app, PASSWORD).status, StatusCode::ACCEPTED),
                Factor::WrongOnce => {
                    login.password_wrong(&app, 1);
                    assert_eq!(login.view(&app)["reason"], "password_wrong");
                    assert_eq!(login.password(&app, PASSWORD).status, StatusCode::ACCEPTED);
                }
                Factor::WrongAlways => (1..=5).for_each(|nth| login.password_wrong(&app, nth)),
            }
        }
        let context = format!("{way:?} {factor:?} home {home}");
        let tenant = app.tenant();
        if factor == Factor::WrongOnce || (factor == Factor::WrongAlways && !cancelled) {
            let told = steps(&app, &login);
            let wrong = told.iter().filter(|(name, reason)| {
                name == "password_required" && reason.as_deref() == Some("password_wrong")
            });
            let tries = if factor == Factor::WrongOnce { usize::from(!cancelled) } else { 4 };
            assert_eq!(wrong.count(), tries, "{context}: each wrong password is a step of the log: {told:?}");
        }
        if cancelled {
            login.until(&app, "cancelled");
        } else if factor == Factor::WrongAlways {
            assert_eq!(login.until(&app, "failed")["reason"], "password_tries_used_up", "{context}");
        } else if way == Way::OtherAccount {
            assert_eq!(login.until(&app, "failed")["reason"], "ownership_mismatch", "{context}");
            wait_for("the stranger to be logged out", || (dc.logins(STRANGER) == 0).then_some(()));
        } else {
            let view = login.until(&app, "authorized");
            assert_eq!(uses(&app, &code), 1, "{context}");
            let stored = tenant.store().telegram_session_list().unwrap();
            assert_eq!(stored.len(), 1);
            assert_eq!(stored[0].state, TelegramSessionState::Active);
            assert_eq!(stored[0].dc, home);
            assert_eq!(view["user_id"], stored[0].membership_id.0);
            assert_eq!(dc.logins(IVAN), 1);
            let names = events(&app, &login);
            assert_eq!(names.first().map(String::as_str), Some("qr_started"));
            assert_eq!(names.last().map(String::as_str), Some("authorized"), "{names:?}");
            assert_eq!(names.contains(&"password_required".to_owned()), factor != Factor::None);
            continue;
        }
        assert_eq!(uses(&app, &code), 0, "{context}: the invite is as it was");
        assert!(tenant.store().telegram_session_list().unwrap().is_empty(), "{context}");
        assert_eq!(dc.logins(IVAN) + dc.logins(STRANGER), 0, "{context}");
        assert!(app.app().memberships_of(IVAN).unwrap().is_empty(), "{context}");
    }
}

#[test]
fn a_login_on_the_same_data_centre_without_a_password() {
    matrix(FIRST_DC, Factor::None);
}

#[test]
fn a_login_on_the_same_data_centre_with_the_right_password() {
    matrix(FIRST_DC, Factor::Right);
}

#[test]
fn a_login_on_the_same_data_centre_with_a_wrong_password() {
    matrix(FIRST_DC, Factor::WrongOnce);
}

#[test]
fn a_login_on_the_same_data_centre_with_five_wrong_passwords() {
    matrix(FIRST_DC, Factor::WrongAlways);
}

#[test]
fn a_login_that_moves_to_another_data_centre_without_a_password() {
    matrix(OTHER_DC, Factor::None);
}

#[test]
fn a_login_that_moves_to_another_data_centre_with_the_right_password() {
    matrix(OTHER_DC, Factor::Right);
}

#[test]
fn a_login_that_moves_to_another_data_centre_with_a_wrong_password() {
    matrix(OTHER_DC, Factor::WrongOnce);
}

#[test]
fn a_login_that_moves_to_another_data_centre_with_five_wrong_passwords() {
    matrix(OTHER_DC, Factor::WrongAlways);
}

#[test]
fn a_login_can_be_cancelled_and_runs_out_before_anybody_scans() {
    let (_dc, app, code) = world(FIRST_DC, 1);
    let login = Login::start(&app, &json!({ "invite_code": code }));
    login.shown(&app);
    let reply = post(&app, "/api/tg/qr/cancel", &json!({ "session_token": login.token }));
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    login.until(&app, "cancelled");
    assert_eq!(get(&app, &format!("/tg/qr/png/{}", login.id)).status, StatusCode::GONE);
    assert_eq!(events(&app, &login), ["qr_started", "qr_shown", "cancelled"]);

    let login = Login::start(&app, &json!({ "invite_code": code }));
    login.shown(&app);
    app.advance(SignedDuration::from_mins(10));
    login.until(&app, "expired");
    assert_eq!(uses(&app, &code), 0);
}

#[test]
fn every_alias_and_both_drawings_work() {
    let (dc, app, code) = world(FIRST_DC, 1);
    let started = post(&app, "/qr-auth/init", &json!({ "invite_code": code })).ok();
    let id = started["qr_session_id"].as_str().unwrap().to_owned();
    let login = Login { id, token: started["session_token"].as_str().unwrap().to_owned() };
    let token = login.shown(&app);
    for prefix in ["/tg/qr", "/api/tg/qr", "/qr-auth"] {
        let png = get(&app, &format!("{prefix}/png/{}", login.id));
        assert_eq!((png.status, png.header("content-type")), (StatusCode::OK, "image/png"));
        assert!(png.body.starts_with(b"\x89PNG") && png.header("cache-control").contains("no-store"));
        let svg = get(&app, &format!("{prefix}/png/{}.svg", login.id));
        assert_eq!(svg.header("content-type"), "image/svg+xml");
        assert!(svg.text().contains("<svg"));
        let view = get(&app, &format!("{prefix}/status/{}?compat=1", login.id)).ok();
        assert_eq!(view["status"], "pending", "folded into the old five");
    }
    assert!(dc.accept_login(&token, IVAN));
    login.until(&app, "authorized");
    let told = get(&app, &format!("/tg/qr/events/{}", login.id)).text();
    assert!(told.contains("event: status") && told.contains("authorized"), "{told}");
    let unknown = get(&app, &format!("/tg/qr/status/{}", uuid::Uuid::new_v4()));
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[test]
fn the_session_token_is_exchanged_once_and_opens_nothing_else() {
    let (dc, app, code) = world(FIRST_DC, 1);
    let login = Login::start(&app, &json!({ "invite_code": code }));
    let token = json!({ "session_token": login.token });
    assert_eq!(post(&app, "/tg/qr/exchange", &token).code(), "login_unfinished");
    assert!(dc.accept_login(&login.shown(&app), IVAN));
    login.until(&app, "authorized");
    let signed_in = post(&app, "/tg/qr/exchange", &token).ok();
    let access = signed_in["access_token"].as_str().unwrap();
    assert_eq!(app.get("/api/channels", access).status, StatusCode::OK);
    assert_eq!(post(&app, "/tg/qr/exchange", &token).code(), "login_exchanged");
    assert_eq!(app.get("/api/channels", &login.token).status, StatusCode::UNAUTHORIZED);
    let wrong = post(&app, "/tg/qr/exchange", &json!({ "session_token": access }));
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED, "an access token is no login's token");
}

#[test]
fn without_a_right_to_come_in_nothing_is_shown() {
    let (_dc, app, code) = world(FIRST_DC, 1);
    for (body, refusal) in [
        (json!({}), "invite_required"),
        (json!({ "telegram_user_id": IVAN }), "invite_required"),
        (json!({ "invite_code": "AAAAAAAAAAAA" }), "invite_unknown"),
    ] {
        assert_eq!(post(&app, "/tg/qr/start", &body).code(), refusal);
    }
    app.app().invite_revoke(&code, None, &Origin::operator()).unwrap();
    assert_eq!(post(&app, "/tg/qr/start", &json!({ "invite_code": code })).code(), "invite_revoked");
}

#[test]
fn an_invite_of_one_use_lets_one_of_many_in() {
    let (dc, app, code) = world(FIRST_DC, 1);
    let logins: Vec<Login> = (0..5).map(|_| Login::start(&app, &json!({ "invite_code": code }))).collect();
    for (user, login) in (500..).zip(&logins) {
        dc.add_user(user, "Somebody", FIRST_DC);
        assert!(dc.accept_login(&login.shown(&app), user));
    }
    let ended: Vec<String> = logins
        .iter()
        .map(|login| {
            wait_for("the login to end", || {
                let view = login.view(&app);
                let reason = view["reason"].as_str().unwrap_or_default().to_owned();
                match view["status"].as_str() {
                    Some("authorized") => Some("in".to_owned()),
                    Some("failed") => Some(reason),
                    _ => None,
                }
            })
        })
        .collect();
    assert_eq!(ended.iter().filter(|end| *end == "in").count(), 1, "{ended:?}");
    assert_eq!(ended.iter().filter(|end| *end == "invite_exhausted").count(), 4, "{ended:?}");
    assert_eq!(uses(&app, &code), 1);
    let inside: usize = (500..505).map(|user| dc.logins(user)).sum();
    assert_eq!(inside, 1, "who was not let in is logged out at Telegram");
}

#[test]
fn a_login_outlives_broken_connections_and_a_wait() {
    let (dc, app, code) = world(FIRST_DC, 1);
    dc.flood("auth.exportLoginToken", 1);
    let login = Login::start(&app, &json!({ "invite_code": code }));
    login.shown(&app);
    dc.kill_connections();
    dc.fault("auth.exportLoginToken", Fault::Error(500, "RPC_CALL_FAIL".to_owned()));
    wait_for("a code that can be scanned", || {
        let token = login.shown(&app);
        dc.accept_login(&token, IVAN).then_some(())
    });
    login.until(&app, "authorized");
}

#[test]
fn a_restart_in_the_middle_goes_on_or_says_that_it_failed() {
    let (dc, mut app, code) = world(FIRST_DC, 2);
    dc.set_password(IVAN, Some(PASSWORD), "");
    let unscanned = Login::start(&app, &json!({ "invite_code": code }));
    let old = unscanned.shown(&app);
    let halfway = Login::start(&app, &json!({ "invite_code": code }));
    assert!(dc.accept_login(&halfway.shown(&app), IVAN));
    halfway.until(&app, "password_required");

    app.restart();

    assert_eq!(halfway.until(&app, "failed")["reason"], "service_restarted");
    let token = wait_for("a new code", || {
        let watched = app.app().login_watch(unscanned.id.parse().unwrap())?;
        let _ = watched.borrow().qr_url.as_ref()?;
        let token = unscanned.shown(&app);
        (token != old).then_some(token)
    });
    assert!(dc.accept_login(&token, IVAN));
    unscanned.until(&app, "password_required");
    unscanned.password(&app, PASSWORD);
    unscanned.until(&app, "authorized");
    assert_eq!(uses(&app, &code), 1);

    app.restart();
    let member = app.app().memberships_of(IVAN).unwrap()[0].id;
    wait_for("the account to be connected again", || {
        let account = app.app().account_find(member)?;
        let up = *account.connection.state().borrow() == tga::telegram::account::ConnectionState::Up;
        up.then_some(())
    });
}

#[test]
fn fifty_logins_at_once() {
    let (dc, app, code) = world(OTHER_DC, 0);
    for user in 1000..1050 {
        dc.add_user(user, "Somebody", OTHER_DC);
    }
    let started = std::time::Instant::now();
    let logins: Vec<Login> = (0..50).map(|_| Login::start(&app, &json!({ "invite_code": code }))).collect();
    for (user, login) in (1000..).zip(&logins) {
        assert!(dc.accept_login(&login.shown(&app), user));
    }
    for login in &logins {
        login.until(&app, "authorized");
    }
    println!("50 logins, each moved to another data centre: {:.1} s", started.elapsed().as_secs_f64());
    assert_eq!(uses(&app, &code), 50);
    assert_eq!(app.tenant().store().telegram_session_list().unwrap().len(), 50);
}

#[test]
fn whoever_logged_in_follows_a_channel_and_its_posts_come() {
    let (dc, app, code) = world(FIRST_DC, 1);
    dc.add_channel(1_234_567, Some("testnews"), "Test news");
    dc.fill(1_234_567, 20, crate::support::dc::now() - 3600, 60, |id| {
        format!("Ледокол номер {id} вышел из порта")
    });
    let login = Login::start(&app, &json!({ "invite_code": code }));
    assert!(dc.accept_login(&login.shown(&app), IVAN));
    login.until(&app, "authorized");
    let signed_in = post(&app, "/tg/qr/exchange", &json!({ "session_token": login.token })).ok();
    let access = signed_in["access_token"].as_str().unwrap();
    let member = app.app().memberships_of(IVAN).unwrap()[0].id;
    wait_for("the account to be connected", || {
        let account = app.app().account_find(member)?;
        let up = *account.connection.state().borrow() == tga::telegram::account::ConnectionState::Up;
        up.then_some(())
    });
    let followed = app.post("/api/channels", access, &json!({ "channel": "https://t.me/TestNews" }));
    assert!(followed.status.is_success(), "{}", followed.text());
    wait_for("the posts to be stored", || {
        // Requests of an account are rationed by the appliance's clock.
        app.advance(SignedDuration::from_secs(5));
        (app.tenant().store().post_counts().unwrap().posts == 20).then_some(())
    });
    app.run_pending_jobs();
    assert!(!app.found("ледокол").is_empty(), "the posts are found; alike ones are shown as one");
}
