//! Signing in: by the Mini App's `initData`, staying so by refresh tokens, and the ways it ends.

use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tga::{
    app::{audit::Origin, invites::NewInvite, jwt::Audience, sessions::Device},
    model::{Actor, AuthEventKind, Role},
    store::{AuditFilter, AuthEventFilter, MemberUpdate, Scope, Subscription},
};

use crate::support::{BOT_TOKEN, Person, Reply, TestApp, line};

fn appliance() -> TestApp {
    TestApp::builder().set("BOT_TOKEN", BOT_TOKEN).build()
}

fn sign_in(app: &TestApp, body: &Value) -> Reply {
    app.request(Method::POST, "/api/auth/telegram-webapp").json(body).send()
}

fn refresh(app: &TestApp, token: &str) -> Reply {
    app.request(Method::POST, "/api/auth/refresh").json(&json!({ "refresh_token": token })).send()
}

fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (status, code), "{}", reply.text());
}

#[test]
fn init_data_of_a_member_signs_them_in_once() {
    let app = appliance();
    let member = app.member("main", 7, Role::Admin);
    let init_data = app.init_data(7, 5, &[]);
    let signed = sign_in(&app, &json!({ "init_data": init_data })).ok();
    assert_eq!(signed["user"]["id"], member.id.0);
    assert_eq!(signed["user"]["first_name"], "Анна");
    assert_eq!((signed["token_type"].as_str(), signed["expires_in"].as_u64()), (Some("bearer"), Some(600)));
    assert_eq!(signed["tenants"][0]["role"], "admin");
    let access = signed["access_token"].as_str().unwrap();
    assert_eq!(app.get("/api/posts", access).status, StatusCode::OK);
    refused(&sign_in(&app, &json!({ "init_data": init_data })), 401, "init_data_replayed");
    // The refused one opened nothing.
    assert_eq!(app.get("/api/auth/sessions", access).ok()["total"], 1);
}

#[test]
fn init_data_that_is_stale_future_tampered_or_of_nobody_is_refused_with_its_code() {
    let app = appliance();
    app.member("main", 7, Role::User);
    let with = |init_data: &str| sign_in(&app, &json!({ "init_data": init_data }));
    refused(&with(&app.init_data(7, 901, &[])), 401, "init_data_stale");
    refused(&with(&app.init_data(7, -61, &[])), 401, "init_data_future");
    refused(
        &with(&app.init_data(7, 0, &[]).replace("query_id=AAH1", "query_id=AAH2")),
        401,
        "init_data_invalid",
    );
    refused(&with(""), 401, "init_data_invalid");
    refused(&with(&"x=1&".repeat(5000)), 422, "invalid_request");
    refused(&with(&app.init_data(8, 0, &[])), 400, "invite_required");
    assert_eq!(with(&app.init_data(7, 900, &[])).status, StatusCode::OK);
    let without_a_bot = TestApp::new();
    refused(&sign_in(&without_a_bot, &json!({ "init_data": "hash=00" })), 503, "bot_not_configured");
}

#[test]
fn an_invite_in_the_body_or_in_the_link_lets_a_newcomer_in() {
    let app = appliance();
    let new = NewInvite { role: Role::User, uses_limit: 2, expires_at: None, notes: None };
    let code = app.app().invite_create(app.tenant().id(), &new, &Origin::operator()).unwrap().code;
    let by_body = sign_in(&app, &json!({ "init_data": app.init_data(7, 0, &[]), "invite_code": code }));
    assert_eq!(by_body.ok()["user"]["role"], "user");
    let by_link = sign_in(&app, &json!({ "init_data": app.init_data(8, 0, &[("start_param", &code)]) }));
    assert_eq!(by_link.ok()["user"]["telegram_id"], 8);
    let third = sign_in(&app, &json!({ "init_data": app.init_data(9, 0, &[]), "invite_code": code }));
    refused(&third, 400, "invite_exhausted");
    // Who is in needs no invite any more, whatever link brought them.
    let again = sign_in(&app, &json!({ "init_data": app.init_data(8, 1, &[("start_param", &code)]) }));
    assert_eq!(again.status, StatusCode::OK, "{}", again.text());
}

#[test]
fn who_belongs_to_several_tenants_says_which() {
    let app = TestApp::builder().set("BOT_TOKEN", BOT_TOKEN).tenant("other").build();
    app.member("main", 7, Role::User);
    let there = app.member("other", 7, Role::Admin);
    let init_data = app.init_data(7, 0, &[]);
    let asked = sign_in(&app, &json!({ "init_data": init_data }));
    refused(&asked, 409, "tenant_required");
    let choices = asked.json()["error"]["tenants"].clone();
    assert_eq!(choices.as_array().unwrap().len(), 2, "{choices}");
    // The question did not use the proof up.
    let signed = sign_in(&app, &json!({ "init_data": init_data, "tenant_id": there.tenant_id })).ok();
    assert_eq!(signed["user"]["tenant_id"], there.tenant_id.to_string());
    assert_eq!(signed["user"]["role"], "admin");
}

#[test]
fn a_refresh_token_is_good_once_and_its_reuse_ends_the_session() {
    let app = appliance();
    let person = app.person("main", 7, Role::User);
    let second = refresh(&app, &person.refresh).ok();
    let (access, token) =
        (second["access_token"].as_str().unwrap(), second["refresh_token"].as_str().unwrap());
    assert_eq!(second["session_id"], person.session_id);
    assert_eq!(app.get("/api/posts", access).status, StatusCode::OK);
    refused(&refresh(&app, &person.refresh), 401, "refresh_reused");
    // Whoever of the two is the thief, both are out.
    refused(&refresh(&app, token), 401, "refresh_invalid");
    refused(&app.get("/api/posts", access), 401, "unauthorized");
    refused(&refresh(&app, "tgr_nonsense"), 401, "refresh_invalid");
    refused(&refresh(&app, access), 401, "refresh_invalid");
}

/// Asks to take a session over into another tenant.
fn go_over(app: &TestApp, person: &Person, refresh_token: &str, tenant: &str) -> Reply {
    let body = json!({ "tenant_id": tenant, "refresh_token": refresh_token });
    app.post("/api/auth/tenant", &person.access, &body)
}

#[test]
fn somebody_of_two_tenants_goes_from_one_to_the_other_and_back_without_signing_in_again() {
    let mut app = TestApp::builder().tenant("other").build();
    app.index_jsonl(&[line("news", 1, "Ледокол вышел из порта")]);
    let person = app.person("main", 7, Role::Admin);
    let there = app.member("other", 7, Role::User);
    let moved = go_over(&app, &person, &person.refresh, &there.tenant_id.to_string()).ok();
    assert_eq!((&moved["user"]["id"], &moved["user"]["role"]), (&json!(there.id.0), &json!("user")));
    assert_eq!(moved["tenants"].as_array().unwrap().len(), 2);
    // It is the same session, and what opened the tenant before opens nothing any more.
    assert_eq!(moved["session_id"], person.session_id);
    refused(&app.get("/api/posts", &person.access), 401, "unauthorized");
    let access = moved["access_token"].as_str().unwrap();
    assert_eq!(app.get("/api/users/me", access).ok()["tenant_id"], there.tenant_id.to_string());
    refused(&app.get("/api/admin/users", access), 403, "forbidden");
    let listed = app.get("/api/auth/sessions", access).ok();
    assert_eq!((&listed["total"], &listed["sessions"][0]["id"]), (&json!(1), &json!(person.session_id)));
    assert!(app.app().session_list(person.user_id, None).unwrap().is_empty());
    // The login is on record where they came to, with how they came.
    let filter = AuthEventFilter { tenant_id: Some(there.tenant_id), ..AuthEventFilter::default() };
    let (events, _) = app.app().auth_event_list(&filter, 1, 0).unwrap();
    let event = &events[0];
    assert_eq!((event.event, event.reason.as_deref()), (AuthEventKind::Authorized, Some("tenant_changed")));
    assert_eq!((event.user_id, event.telegram_id), (Some(there.id), Some(7)));
    // Renewing stays there; the way back is the same.
    let next = refresh(&app, moved["refresh_token"].as_str().unwrap()).ok();
    assert_eq!(next["user"]["id"], there.id.0);
    let now = Person { access: next["access_token"].as_str().unwrap().to_owned(), ..person };
    let home = app.tenant().id().to_string();
    let back = go_over(&app, &now, next["refresh_token"].as_str().unwrap(), &home).ok();
    assert_eq!((&back["user"]["id"], &back["user"]["role"]), (&json!(person.user_id.0), &json!("admin")));
}

#[test]
fn a_session_goes_only_where_its_person_belongs_and_by_its_own_token() {
    let app = TestApp::builder().tenant("other").tenant("third").build();
    let person = app.person("main", 7, Role::Admin);
    let there = app.member("other", 7, Role::User);
    let stranger = app.person("third", 8, Role::Admin);
    let third = app.tenant_named("third").id().to_string();
    let other = there.tenant_id.to_string();
    // A tenant that is not theirs reads like one that is not there, and costs no token.
    let nowhere = "0192f0c1-2d3e-7abc-8def-0123456789ab";
    let refusals = [&third[..], nowhere].map(|tenant| go_over(&app, &person, &person.refresh, tenant));
    for reply in &refusals {
        refused(reply, 404, "not_found");
    }
    assert_eq!(refusals[0].json()["error"]["message"], refusals[1].json()["error"]["message"]);
    // An access token alone, one's other session's token or somebody else's are not enough, and nothing is used up by trying.
    let desk = app.sign_in(&app.app().member_by_telegram_id(app.tenant().id(), 7).unwrap());
    for token in [person.access.as_str(), "tgr_nonsense", &desk.refresh, &stranger.refresh] {
        refused(&go_over(&app, &person, token, &other), 401, "refresh_invalid");
    }
    refused(&go_over(&app, &person, &"x".repeat(2049), &other), 422, "invalid_request");
    let body = json!({ "tenant_id": other, "refresh_token": person.refresh });
    refused(&app.request(Method::POST, "/api/auth/tenant").json(&body).send(), 401, "unauthorized");
    refused(&app.post("/api/auth/tenant", &app.token("main"), &body), 403, "forbidden");
    assert_eq!(refresh(&app, &desk.refresh).status, StatusCode::OK);
    assert_eq!(refresh(&app, &stranger.refresh).status, StatusCode::OK);
    assert_eq!(go_over(&app, &person, &person.refresh, &other).status, StatusCode::OK);
}

#[test]
fn a_refresh_token_that_was_used_to_go_over_ends_the_session_where_it_went() {
    let app = TestApp::builder().tenant("other").build();
    let person = app.person("main", 7, Role::User);
    let there = app.member("other", 7, Role::User);
    let moved = go_over(&app, &person, &person.refresh, &there.tenant_id.to_string()).ok();
    let access = moved["access_token"].as_str().unwrap();
    refused(&refresh(&app, &person.refresh), 401, "refresh_reused");
    refused(&app.get("/api/posts", access), 401, "unauthorized");
    refused(&refresh(&app, moved["refresh_token"].as_str().unwrap()), 401, "refresh_invalid");
    // The same where the used one is brought to go over once more.
    let again = app.sign_in(&there);
    let next = refresh(&app, &again.refresh).ok();
    let now = Person { access: next["access_token"].as_str().unwrap().to_owned(), ..again.clone() };
    refused(&go_over(&app, &now, &again.refresh, &app.tenant().id().to_string()), 401, "refresh_reused");
    refused(&app.get("/api/posts", &now.access), 401, "unauthorized");
}

#[test]
fn of_a_hundred_who_renew_and_go_over_by_one_token_at_once_one_gets_through() {
    let app = TestApp::builder().tenant("other").build();
    let person = app.person("main", 7, Role::User);
    let there = app.member("other", 7, Role::User).tenant_id;
    let member = app.app().member_by_telegram_id(app.tenant().id(), 7).unwrap();
    let session = person.session_id.parse().unwrap();
    let outcomes: Vec<bool> = std::thread::scope(|scope| {
        let (app, member, token) = (app.app(), &member, person.refresh.as_str());
        let go = move || app.session_move(member, session, token, there, Device::default()).is_ok();
        let renew = move || app.session_refresh(token).is_ok();
        let calls: Vec<_> = (0..50).flat_map(|_| [scope.spawn(renew), scope.spawn(go)]).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|good| **good).count(), 1);
}

#[test]
fn of_two_hundred_who_use_one_refresh_token_at_once_one_gets_through() {
    let app = appliance();
    let person = app.person("main", 7, Role::User);
    let outcomes: Vec<bool> = std::thread::scope(|scope| {
        let (app, token) = (app.app(), person.refresh.as_str());
        let calls: Vec<_> =
            (0..200).map(|_| scope.spawn(move || app.session_refresh(token).is_ok())).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|good| **good).count(), 1);
}

#[test]
fn a_session_moves_its_end_with_each_refresh_and_dies_when_nobody_uses_it() {
    let app = appliance();
    let person = app.person("main", 7, Role::User);
    app.advance(SignedDuration::from_hours(24 * 29));
    refused(&app.get("/api/posts", &person.access), 401, "unauthorized");
    let next = refresh(&app, &person.refresh).ok();
    app.advance(SignedDuration::from_hours(24 * 29));
    let next = refresh(&app, next["refresh_token"].as_str().unwrap()).ok();
    app.advance(SignedDuration::from_hours(24 * 30));
    refused(&refresh(&app, next["refresh_token"].as_str().unwrap()), 401, "refresh_invalid");
}

#[test]
fn sessions_are_listed_and_ended_by_their_owner_only() {
    let app = appliance();
    let member = app.member("main", 7, Role::User);
    let (phone, desk) = (app.sign_in(&member), app.sign_in(&member));
    let stranger = app.person("main", 8, Role::User);
    let listed = app.get("/api/auth/sessions", &phone.access).ok();
    assert_eq!(listed["total"], 2);
    let current: Vec<bool> =
        listed["sessions"].as_array().unwrap().iter().map(|s| s["current"].as_bool().unwrap()).collect();
    assert_eq!(current.iter().filter(|current| **current).count(), 1);
    let end = |token: &str, id: &str| {
        app.request(Method::DELETE, &format!("/api/auth/sessions/{id}")).token(token).send()
    };
    refused(&end(&stranger.access, &desk.session_id), 404, "not_found");
    refused(&end(&phone.access, "not-an-id"), 404, "not_found");
    assert_eq!(end(&phone.access, &desk.session_id).status, StatusCode::NO_CONTENT);
    refused(&end(&phone.access, &desk.session_id), 404, "not_found");
    refused(&app.get("/api/posts", &desk.access), 401, "unauthorized");
    refused(&refresh(&app, &desk.refresh), 401, "refresh_invalid");
    let third = app.sign_in(&member);
    let all = app.request(Method::DELETE, "/api/auth/sessions").token(&phone.access).send().ok();
    assert_eq!(all["ended"], 1);
    refused(&app.get("/api/posts", &third.access), 401, "unauthorized");
    let out = app.request(Method::POST, "/api/auth/logout").token(&phone.access).send();
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    refused(&app.get("/api/posts", &phone.access), 401, "unauthorized");
    assert_eq!(app.get("/api/posts", &stranger.access).status, StatusCode::OK);
}

#[test]
fn an_admin_ends_the_sessions_of_a_user_of_their_tenant_and_it_is_on_record() {
    let app = TestApp::builder().tenant("other").build();
    let (admin, user) = (app.person("main", 1, Role::Admin), app.person("main", 2, Role::User));
    let foreign = app.person("other", 3, Role::Admin);
    let end = |token: &str| {
        app.request(Method::DELETE, &format!("/api/admin/users/{}/sessions", user.user_id))
            .token(token)
            .send()
    };
    refused(&end(&user.access), 403, "forbidden");
    refused(&end(&foreign.access), 404, "not_found");
    assert_eq!(end(&admin.access).ok()["ended"], 1);
    refused(&app.get("/api/posts", &user.access), 401, "unauthorized");
    let (audit, _) = app.app().audit_list(&AuditFilter::default(), 1, 0).unwrap();
    assert_eq!(audit[0].action.name(), "sessions_ended");
    assert_eq!(audit[0].actor, Actor::Member(admin.user_id).to_string());
    assert!(audit[0].request_id.is_some());
}

#[test]
fn only_operators_see_all_tenants_and_no_token_is_one() {
    let app = TestApp::builder().tenant("other").set("TGA__OPERATORS", "[5]").build();
    let (operator, admin) = (app.person("main", 5, Role::User), app.person("main", 6, Role::Admin));
    let listed = app.get("/api/operator/tenants", &operator.access).ok();
    assert_eq!(listed["total"], 2);
    for token in [admin.access.clone(), app.token("main")] {
        refused(&app.get("/api/operator/tenants", &token), 403, "forbidden");
    }
}

#[test]
fn an_operator_registers_without_an_invite_and_nobody_else_does() {
    let app = TestApp::builder().set("TGA__OPERATORS", "[5]").build();
    let (operator, admin) = (app.person("main", 5, Role::User), app.person("main", 6, Role::Admin));
    let body = json!({ "telegram_id": 77, "first_name": "Борис" });
    refused(&app.post("/api/users/", &admin.access, &body), 400, "invite_required");
    refused(&app.request(Method::POST, "/api/users/").json(&body).send(), 400, "invite_required");
    let reply = app.post("/api/users/", &operator.access, &body);
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text());
    let made = reply.json();
    assert_eq!((&made["telegram_id"], &made["role"]), (&json!(77), &json!("user")));
    // Once more changes nothing; that an invite was made for it stands in the audit log, with the operator's name.
    assert_eq!(app.post("/api/users/", &operator.access, &body).json()["id"], made["id"]);
    let (audit, total) = app.app().audit_list(&AuditFilter::default(), 10, 0).unwrap();
    let by_operator = audit.iter().filter(|line| line.actor == Actor::Member(operator.user_id).to_string());
    assert_eq!(by_operator.map(|line| line.action.name()).collect::<Vec<_>>(), ["invite_created"], "{total}");
}

#[test]
fn a_token_is_made_and_revoked_on_record() {
    let app = appliance();
    let tenant = app.tenant();
    let token = app.app().token_create(&tenant, "feed", Scope::Read, None).unwrap();
    app.app().token_revoke(token.id).unwrap();
    let (audit, _) = app.app().audit_list(&AuditFilter::default(), 2, 0).unwrap();
    let names: Vec<&str> = audit.iter().map(|line| line.action.name()).collect();
    assert_eq!(names, ["token_revoked", "token_created"]);
    for line in audit {
        assert_eq!(line.target, token.id.to_string());
        assert_eq!(line.tenant_id, Some(tenant.id().to_string()));
        assert!(!format!("{line:?}").contains(&token.token));
    }
}

#[test]
fn a_changed_role_acts_at_once_and_a_member_who_is_gone_is_out() {
    let app = appliance();
    let (admin, user) = (app.person("main", 1, Role::Admin), app.person("main", 2, Role::User));
    let tenant = app.tenant().id();
    let path = format!("/api/admin/users/{}/sessions", user.user_id);
    let end = |token: &str| app.request(Method::DELETE, &path).token(token).send();
    refused(&end(&user.access), 403, "forbidden");
    let update = MemberUpdate::Role(Role::Admin);
    app.app().member_update(tenant, user.user_id, update, None, &Origin::operator()).unwrap();
    assert_eq!(end(&user.access).status, StatusCode::OK);
    assert_eq!(app.get("/api/posts", &admin.access).status, StatusCode::OK);
    app.app().tenant_delete("main").unwrap();
    refused(&app.get("/api/posts", &admin.access), 401, "unauthorized");
}

#[test]
fn a_token_of_another_audience_opens_nothing() {
    let app = appliance();
    let person = app.person("main", 7, Role::Admin);
    let ttl = std::time::Duration::from_mins(10);
    for audience in [Audience::TgAuth, Audience::TgLogin] {
        let ticket = app.app().ticket_mint(audience, &person.user_id.to_string(), ttl).unwrap();
        refused(&app.get("/api/posts", &ticket), 401, "unauthorized");
        assert_eq!(app.app().jwt_verify(audience, &ticket).unwrap().sub, person.user_id.to_string());
        assert!(app.app().jwt_verify(audience, &person.access).is_err());
    }
}

#[test]
fn tokens_outlive_a_rotation_and_a_restart() {
    let mut app = appliance();
    let person = app.person("main", 7, Role::User);
    app.app().jwt_key_rotate().unwrap();
    assert_eq!(app.get("/api/posts", &person.access).status, StatusCode::OK);
    app.restart();
    assert_eq!(app.get("/api/posts", &person.access).status, StatusCode::OK);
    assert_eq!(refresh(&app, &person.refresh).status, StatusCode::OK);
}

#[test]
fn a_member_sees_the_channels_they_follow_and_a_narrow_token_the_named_ones() {
    let mut app = TestApp::new();
    app.index_jsonl(&[line("news", 1, "Ледокол вышел из порта"), line("sport", 1, "Матч окончен")]);
    let (tenant, person) = (app.tenant(), app.person("main", 7, Role::Admin));
    let listed = |token: &str| app.get("/api/posts", token).ok()["total"].as_u64().unwrap();
    assert_eq!(listed(&person.access), 0, "an admin is a reader like others");
    let news = tenant.channel_get("news", &tga::model::ChannelSet::All).unwrap().id;
    let follows = Subscription {
        membership: person.user_id,
        channel: news,
        depth_days: None,
        created_at: app.app().now(),
    };
    tenant.store().subscription_add(follows, 10).unwrap();
    assert_eq!(listed(&person.access), 1);
    assert_eq!(listed(&app.token("main")), 2);
    let only = Some([news].into());
    let narrow = app.app().token_create_narrow(&tenant, "narrow", Scope::Read, None, only).unwrap();
    assert_eq!(listed(&narrow.token), 1);
    let none = Some(std::collections::BTreeSet::new());
    let blind = app.app().token_create_narrow(&tenant, "blind", Scope::Read, None, none).unwrap();
    assert_eq!(listed(&blind.token), 0);
}

#[test]
fn nothing_that_opens_a_door_is_in_the_files() {
    let app = appliance();
    let person = app.person("main", 7, Role::User);
    let token = app.token("main");
    for secret in [&person.access, &person.refresh, &token, &BOT_TOKEN.to_owned()] {
        for (path, bytes) in app.files() {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a credential", path.display());
        }
    }
}
