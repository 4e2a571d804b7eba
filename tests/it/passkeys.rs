//! Passkeys through the real router, by an authenticator in software that makes the real bytes.

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tga::{
    app::{
        auth_events::AuthEventView,
        passkeys::{CHALLENGE_TTL, CHALLENGES_MAX, PASSKEYS_PER_PERSON_MAX},
    },
    model::Role,
    store::{AuditFilter, AuthEventFilter},
};

use crate::support::{Authenticator, Person, Reply, TestApp};

const ORIGIN: &str = "https://tga.example.org";

fn app() -> TestApp {
    TestApp::builder().tenant("other").set("TGA__SERVER__PUBLIC_URL", ORIGIN).build()
}

fn post(app: &TestApp, path: &str, token: Option<&str>, body: &Value) -> Reply {
    let request = app.request(Method::POST, path).json(body);
    match token {
        Some(token) => request.token(token).send(),
        None => request.send(),
    }
}

fn register_start(app: &TestApp, person: &Person) -> Value {
    post(app, "/api/auth/passkeys/register/start", Some(&person.access), &json!({})).ok()
}

fn register_finish(app: &TestApp, person: &Person, started: &Value, credential: &Value) -> Reply {
    let body = json!({ "challenge_id": started["challenge_id"], "name": "Phone", "credential": credential });
    post(app, "/api/auth/passkeys/register/finish", Some(&person.access), &body)
}

/// Gives somebody a passkey and returns its id.
fn register(app: &TestApp, person: &Person, authenticator: &mut Authenticator) -> i64 {
    let started = register_start(app, person);
    let made = register_finish(app, person, &started, &authenticator.create(&started["public_key"]));
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()["id"].as_i64().unwrap()
}

fn login_start(app: &TestApp) -> Value {
    post(app, "/api/auth/passkeys/login/start", None, &json!({})).ok()
}

fn login_finish(app: &TestApp, started: &Value, credential: &Value, tenant: Option<&Value>) -> Reply {
    let mut body = json!({ "challenge_id": started["challenge_id"], "credential": credential });
    if let Some(tenant) = tenant {
        body["tenant_id"] = tenant.clone();
    }
    post(app, "/api/auth/passkeys/login/finish", None, &body)
}

fn login(app: &TestApp, authenticator: &mut Authenticator) -> Reply {
    let started = login_start(app);
    login_finish(app, &started, &authenticator.get(&started["public_key"]), None)
}

fn auth_events(app: &TestApp) -> Vec<AuthEventView> {
    app.app().auth_event_list(&AuthEventFilter::default(), 100, 0).unwrap().0
}

#[test]
fn a_passkey_signs_its_owner_in_and_nobody_after_it_is_removed() {
    let app = app();
    let person = app.person("main", 1, Role::Admin);
    let mut phone = Authenticator::new(7, ORIGIN);
    let started = register_start(&app, &person);
    assert_eq!(started["public_key"]["rp"]["id"], "tga.example.org");
    assert_eq!(started["public_key"]["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(started["public_key"]["authenticatorSelection"]["userVerification"], "required");
    let id = register(&app, &person, &mut phone);
    let signed = login(&app, &mut phone).ok();
    assert_eq!(signed["user"]["id"], json!(person.user_id));
    let access = signed["access_token"].as_str().unwrap();
    let listed = app.get("/api/auth/passkeys", access).ok();
    assert_eq!((&listed["total"], &listed["passkeys"][0]["name"]), (&json!(1), &json!("Phone")));
    assert!(listed["passkeys"][0]["used_at"].is_string() && listed["passkeys"][0]["suspended"] == false);
    let methods = app.get("/api/auth/sessions", access).ok()["sessions"].to_string();
    assert!(methods.contains("\"passkey\""), "{methods}");
    let event = &auth_events(&app)[0];
    assert_eq!((event.event.name(), event.reason.as_deref()), ("authorized", Some("passkey")));

    // What the authenticator already holds is not offered again.
    let excluded = register_start(&app, &person)["public_key"]["excludeCredentials"].clone();
    assert_eq!(excluded.as_array().unwrap().len(), 1);

    let stranger = app.person("main", 2, Role::User);
    let path = format!("/api/auth/passkeys/{id}");
    let remove = |token: &str| app.request(Method::DELETE, &path).token(token).send().status;
    assert_eq!(remove(&stranger.access), StatusCode::NOT_FOUND);
    assert_eq!(remove(access), StatusCode::NO_CONTENT);
    let refused = login(&app, &mut phone);
    assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "passkey_refused".to_owned()));
    assert_eq!(auth_events(&app)[0].reason.as_deref(), Some("passkey_unknown"));
    let (lines, _) = app.app().audit_list(&AuditFilter::default(), 10, 0).unwrap();
    let acts: Vec<(&str, &str)> =
        lines.iter().map(|line| (line.action.name(), line.target.as_str())).collect();
    let target = format!("passkey:{id}");
    assert!(acts.contains(&("passkey_added", &target)) && acts.contains(&("passkey_removed", &target)));
}

#[test]
fn an_answer_that_is_not_to_this_challenge_proves_nothing() {
    let app = app();
    let person = app.person("main", 1, Role::User);
    let mut phone = Authenticator::new(7, ORIGIN);
    register(&app, &person, &mut phone);
    let refused = |reply: &Reply| (reply.status.as_u16(), reply.code());
    let unproved = (401, "passkey_refused".to_owned());
    let over = (410, "passkey_challenge_over".to_owned());

    let mut phish = phone.clone();
    phish.origin = "https://tga.example.org.evil.example".to_owned();
    assert_eq!(refused(&login(&app, &mut phish)), unproved, "another origin");
    phish.origin = "https://tga.example.org:8443".to_owned();
    assert_eq!(refused(&login(&app, &mut phish)), unproved, "another port");
    let mut elsewhere = phone.clone();
    elsewhere.rp_id = "evil.example".to_owned();
    assert_eq!(refused(&login(&app, &mut elsewhere)), unproved, "another host");
    let mut absent = phone.clone();
    absent.verifies_user = false;
    assert_eq!(refused(&login(&app, &mut absent)), unproved, "nobody was verified");

    let (one, two) = (login_start(&app), login_start(&app));
    let crossed = phone.get(&one["public_key"]);
    assert_eq!(refused(&login_finish(&app, &two, &crossed, None)), unproved, "another challenge");
    assert_eq!(refused(&login_finish(&app, &two, &crossed, None)), over, "a challenge is good for one try");
    login_finish(&app, &one, &phone.get(&one["public_key"]), None).ok();
    assert_eq!(refused(&login_finish(&app, &one, &phone.get(&one["public_key"]), None)), over, "replay");

    let late = login_start(&app);
    app.advance(SignedDuration::try_from(CHALLENGE_TTL).unwrap());
    assert_eq!(refused(&login_finish(&app, &late, &phone.get(&late["public_key"]), None)), over, "too late");
    let unknown = json!({ "challenge_id": "0192f0c1-2d3e-4abc-8def-0123456789ab" });
    assert_eq!(refused(&login_finish(&app, &unknown, &crossed, None)), over);
    let started = login_start(&app);
    let nonsense = login_finish(&app, &started, &json!({ "id": 5 }), None);
    assert_eq!(refused(&nonsense), (422, "invalid_request".to_owned()));

    // A flipped bit of the signature.
    let started = login_start(&app);
    let mut answer = phone.get(&started["public_key"]);
    let other = phone.get(&json!({ "challenge": "AAAA" }));
    answer["response"]["signature"] = other["response"]["signature"].clone();
    assert_eq!(refused(&login_finish(&app, &started, &answer, None)), unproved);
    login(&app, &mut phone).ok();
}

#[test]
fn somebody_elses_credential_opens_nothing() {
    let app = app();
    let (anna, boris) = (app.person("main", 1, Role::User), app.person("main", 2, Role::User));
    let (mut phone, mut key) = (Authenticator::new(7, ORIGIN), Authenticator::new(8, ORIGIN));
    register(&app, &anna, &mut phone);
    register(&app, &boris, &mut key);
    // Boris's key with Anna's name on it, and with her credential's id.
    let mut named = key.clone();
    named.user_handle.clone_from(&phone.user_handle);
    assert_eq!(login(&app, &mut named).code(), "passkey_refused");
    assert_eq!(auth_events(&app)[0].reason.as_deref(), Some("passkey_of_another"));
    named.id.clone_from(&phone.id);
    assert_eq!(login(&app, &mut named).code(), "passkey_refused");
    assert_eq!(auth_events(&app)[0].reason.as_deref(), Some("passkey_unproved"));
    // A registration begun by one is not ended by another, and a credential is registered once.
    let started = register_start(&app, &anna);
    let made = Authenticator::new(9, ORIGIN).create(&started["public_key"]);
    let theirs = register_finish(&app, &boris, &started, &made);
    assert_eq!((theirs.status.as_u16(), theirs.code()), (410, "passkey_challenge_over".to_owned()));
    let started = register_start(&app, &boris);
    let again = register_finish(&app, &boris, &started, &phone.clone().create(&started["public_key"]));
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text());
    // A challenge to sign in does not add a passkey.
    let started = login_start(&app);
    let mixed = register_finish(&app, &anna, &started, &made);
    assert_eq!(mixed.code(), "passkey_challenge_over");
}

#[test]
fn a_counter_that_goes_back_suspends_the_passkey() {
    let app = app();
    let person = app.person("main", 1, Role::User);
    let mut phone = Authenticator::new(7, ORIGIN);
    register(&app, &person, &mut phone);
    let mut copy = phone.clone();
    login(&app, &mut phone).ok();
    login(&app, &mut phone).ok();
    assert_eq!(login(&app, &mut copy).code(), "passkey_refused");
    assert_eq!(auth_events(&app)[0].reason.as_deref(), Some("passkey_counter_regressed"));
    assert_eq!(
        login(&app, &mut phone).code(),
        "passkey_refused",
        "nobody knows which of the two is the copy"
    );
    assert_eq!(auth_events(&app)[0].reason.as_deref(), Some("passkey_suspended"));
    let listed = app.get("/api/auth/passkeys", &person.access).ok();
    assert_eq!(listed["passkeys"][0]["suspended"], true);
    // One that is synchronised between devices counts nothing, and that is no copy.
    let mut synced = Authenticator::new(8, ORIGIN);
    synced.counts = false;
    register(&app, &person, &mut synced);
    login(&app, &mut synced).ok();
    login(&app, &mut synced).ok();
}

#[test]
fn who_belongs_to_several_tenants_says_which() {
    let app = app();
    let person = app.person("main", 1, Role::Admin);
    app.member("other", 1, Role::User);
    let mut phone = Authenticator::new(7, ORIGIN);
    register(&app, &person, &mut phone);
    let asked = login(&app, &mut phone);
    assert_eq!((asked.status.as_u16(), asked.code()), (409, "tenant_required".to_owned()));
    let choices = asked.json()["error"]["tenants"].clone();
    assert_eq!(choices.as_array().unwrap().len(), 2);
    for choice in choices.as_array().unwrap() {
        let started = login_start(&app);
        let answer = phone.get(&started["public_key"]);
        let signed = login_finish(&app, &started, &answer, Some(&choice["tenant_id"])).ok();
        assert_eq!(signed["user"]["tenant_id"], choice["tenant_id"]);
    }
    let started = login_start(&app);
    let answer = phone.get(&started["public_key"]);
    let nowhere = json!("0192f0c1-2d3e-4abc-8def-0123456789ab");
    assert_eq!(login_finish(&app, &started, &answer, Some(&nowhere)).status, StatusCode::NOT_FOUND);
}

#[test]
fn passkeys_leave_with_their_owner() {
    let app = app();
    let person = app.person("main", 1, Role::User);
    let mut phone = Authenticator::new(7, ORIGIN);
    register(&app, &person, &mut phone);
    let export = app.get("/api/users/me/export", &person.access).ok();
    assert_eq!(export["passkeys"][0]["name"], "Phone");
    let body = json!({ "confirm": 1 });
    app.request(Method::DELETE, "/api/users/me").token(&person.access).json(&body).send().ok();
    assert_eq!(login(&app, &mut phone).code(), "passkey_refused");
}

#[test]
fn without_an_address_that_can_be_trusted_there_are_no_passkeys() {
    for (url, says) in [("", "server.public_url"), ("https://192.0.2.7", "numbers")] {
        let app = TestApp::builder().set("TGA__SERVER__PUBLIC_URL", url).build();
        let refused = post(&app, "/api/auth/passkeys/login/start", None, &json!({}));
        assert_eq!((refused.status.as_u16(), refused.code()), (503, "passkeys_not_configured".to_owned()));
        assert!(refused.text().contains(says), "{}", refused.text());
    }
    let local = "http://localhost:8000";
    let app = TestApp::builder().set("TGA__SERVER__PUBLIC_URL", local).build();
    let person = app.person("main", 1, Role::User);
    let mut phone = Authenticator::new(7, local);
    register(&app, &person, &mut phone);
    login(&app, &mut phone).ok();
}

#[test]
fn challenges_and_passkeys_are_bounded() {
    let app = app();
    let first = login_start(&app);
    app.advance(SignedDuration::from_secs(1));
    for _ in 0..CHALLENGES_MAX {
        app.app().passkey_login_start().unwrap();
    }
    let mut phone = Authenticator::new(200, ORIGIN);
    let answer = phone.get(&first["public_key"]);
    assert_eq!(login_finish(&app, &first, &answer, None).code(), "passkey_challenge_over");

    let person = app.person("main", 1, Role::User);
    let waiting = register_start(&app, &person);
    for number in 1..=PASSKEYS_PER_PERSON_MAX {
        register(&app, &person, &mut Authenticator::new(number as u8, ORIGIN));
    }
    let more = post(&app, "/api/auth/passkeys/register/start", Some(&person.access), &json!({}));
    assert_eq!(more.status, StatusCode::CONFLICT);
    let late = register_finish(&app, &person, &waiting, &phone.create(&waiting["public_key"]));
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.text());
    let mut long = json!({ "challenge_id": waiting["challenge_id"], "credential": {} });
    long["name"] = json!("я".repeat(65));
    let long = post(&app, "/api/auth/passkeys/register/finish", Some(&person.access), &long);
    assert_eq!(long.status, StatusCode::UNPROCESSABLE_ENTITY);
}
