//! The kept proof of who gets in: every route, asked by everybody, with the status each must read.
//!
//! A route of the API's document that has no row here fails the test, so nobody adds a route without saying who may use it.
//! A row is asked in a world of its own (two tenants, one marked post each); whoever may not see the post must not read
//! its mark, whatever the status is.

use axum::http::Method;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tga::{
    app::jwt::Audience,
    http::openapi,
    model::{ChannelSet, Role},
    store::{Member, Scope, Subscription},
};

use crate::support::{BOT_TOKEN, Person, Reply, TestApp, line};

/// Stands in the one post of `main` and nowhere else.
const MARK: &str = "ледокол";

/// A route, how it is asked, and what each reads.
struct Row {
    method: &'static str,
    /// As in the document.
    route: &'static str,
    /// As it is asked; `{post}`, `{user}`, `{session}`, `{invite}` are those of the user who follows the marked channel.
    path: &'static str,
    body: fn() -> Value,
    /// Read by: user who follows the channel, user who does not, admin, admin of another tenant, operator.
    people: [u16; 5],
    /// Read by API tokens of scope read, write, admin.
    tokens: [u16; 3],
}

const fn row(
    route: (&'static str, &'static str, &'static str),
    body: fn() -> Value,
    people: [u16; 5],
    tokens: [u16; 3],
) -> Row {
    Row { method: route.0, route: route.1, path: route.2, body, people, tokens }
}

fn none() -> Value {
    Value::Null
}

fn query() -> Value {
    json!({ "query": "ледокол порт" })
}

fn news() -> Value {
    json!({ "channel": "@NEWS" })
}

fn week() -> Value {
    json!({ "depth_days": 7 })
}

fn no_init_data() -> Value {
    json!({ "init_data": "hash=00" })
}

/// A login begun without anything; here no account can connect, which is said first.
fn none_of_all() -> Value {
    json!({})
}

fn qr_token() -> Value {
    json!({ "session_token": "nonsense" })
}

fn qr_password() -> Value {
    json!({ "session_token": "nonsense", "password": "nonsense" })
}

fn no_refresh() -> Value {
    json!({ "refresh_token": "tgr_00" })
}

fn no_invite() -> Value {
    json!({ "telegram_id": 99, "invite_code": "ABCDEFGHIJ12" })
}

fn not_me() -> Value {
    json!({ "confirm": 77 })
}

fn new_invite() -> Value {
    json!({ "uses_limit": 3 })
}

fn stale_role() -> Value {
    json!({ "role": "admin", "version": 77 })
}

fn stale_tier() -> Value {
    json!({ "tier": "pro", "version": 77 })
}

fn no_ids() -> Value {
    json!({ "ids": [] })
}

/// Everybody the same.
const fn all(status: u16) -> [u16; 5] {
    [status; 5]
}

/// What is asked for by its id and belongs to a channel: others of the tenant and other tenants find nothing.
const OF_CHANNEL: [u16; 5] = [200, 404, 404, 404, 404];
const TOKENS: [u16; 3] = [200, 200, 200];
const NO_TOKENS: [u16; 3] = [403, 403, 403];

/// A user by their id: themself and admins of the tenant; for the others there is none.
const OF_USER: [u16; 5] = [200, 404, 200, 404, 404];
/// A tenant's list: each admin reads their own tenant's.
const OF_ADMIN: [u16; 5] = [403, 403, 200, 200, 403];
/// One thing of the tenant, for admins.
const OF_USER_ADMIN: [u16; 5] = [403, 403, 200, 404, 403];
const ADMIN_TOKEN: [u16; 3] = [403, 403, 200];

const ROWS: &[Row] = &[
    row(("GET", "/health", "/health"), none, all(200), TOKENS),
    row(("GET", "/ready", "/ready"), none, all(200), TOKENS),
    row(
        ("POST", "/api/auth/telegram-webapp", "/api/auth/telegram-webapp"),
        no_init_data,
        all(401),
        [401, 401, 401],
    ),
    row(("POST", "/api/auth/refresh", "/api/auth/refresh"), no_refresh, all(401), [401, 401, 401]),
    row(("POST", "/api/auth/logout", "/api/auth/logout"), none, all(204), NO_TOKENS),
    row(("GET", "/api/auth/sessions", "/api/auth/sessions"), none, all(200), NO_TOKENS),
    row(("DELETE", "/api/auth/sessions", "/api/auth/sessions"), none, all(200), NO_TOKENS),
    row(
        ("DELETE", "/api/auth/sessions/{id}", "/api/auth/sessions/{session}"),
        none,
        [204, 404, 404, 404, 404],
        NO_TOKENS,
    ),
    row(
        ("DELETE", "/api/admin/users/{user_id}/sessions", "/api/admin/users/{user}/sessions"),
        none,
        [403, 403, 200, 404, 403],
        [403, 403, 200],
    ),
    row(
        ("GET", "/api/operator/tenants", "/api/operator/tenants"),
        none,
        [403, 403, 403, 403, 200],
        NO_TOKENS,
    ),
    row(("GET", "/api/users/me", "/api/users/me"), none, all(200), NO_TOKENS),
    row(("DELETE", "/api/users/me", "/api/users/me"), not_me, all(422), NO_TOKENS),
    row(("GET", "/api/users/me/export", "/api/users/me/export"), none, all(200), NO_TOKENS),
    // The user who follows the channel has the Telegram id 1.
    row(("GET", "/api/users/{id}", "/api/users/1"), none, OF_USER, NO_TOKENS),
    row(("GET", "/api/users/{id}/subscription", "/api/users/{user}/subscription"), none, OF_USER, NO_TOKENS),
    row(("POST", "/api/users/", "/api/users/"), no_invite, all(400), [400, 400, 400]),
    row(("GET", "/api/admin/users", "/api/admin/users"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/users/{user_id}", "/api/admin/users/{user}"), none, OF_USER_ADMIN, ADMIN_TOKEN),
    row(
        ("PUT", "/api/admin/users/{user_id}/role", "/api/admin/users/{user}/role"),
        stale_role,
        [403, 403, 409, 404, 403],
        [403, 403, 409],
    ),
    row(
        ("PUT", "/api/admin/users/{user_id}/tier", "/api/admin/users/{user}/tier"),
        stale_tier,
        [403, 403, 409, 404, 403],
        [403, 403, 409],
    ),
    row(("GET", "/api/admin/invites", "/api/admin/invites"), none, OF_ADMIN, ADMIN_TOKEN),
    row(
        ("POST", "/api/admin/invites", "/api/admin/invites"),
        new_invite,
        [403, 403, 201, 201, 403],
        [403, 403, 201],
    ),
    row(
        ("GET", "/api/admin/invites/{code}", "/api/admin/invites/{invite}"),
        none,
        OF_USER_ADMIN,
        ADMIN_TOKEN,
    ),
    row(
        ("GET", "/api/admin/invites/{code}/usage", "/api/admin/invites/{invite}/usage"),
        none,
        OF_USER_ADMIN,
        ADMIN_TOKEN,
    ),
    row(
        ("POST", "/api/admin/invites/{code}/revoke", "/api/admin/invites/{invite}/revoke"),
        none,
        [403, 403, 409, 404, 403],
        ADMIN_TOKEN,
    ),
    row(("GET", "/api/admin/jobs", "/api/admin/jobs"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/dead-letters", "/api/admin/dead-letters"), none, OF_ADMIN, ADMIN_TOKEN),
    row(
        ("POST", "/api/admin/dead-letters/requeue", "/api/admin/dead-letters/requeue"),
        no_ids,
        OF_ADMIN,
        ADMIN_TOKEN,
    ),
    row(
        ("POST", "/api/admin/dead-letters/discard", "/api/admin/dead-letters/discard"),
        no_ids,
        OF_ADMIN,
        ADMIN_TOKEN,
    ),
    row(("GET", "/api/admin/stats", "/api/admin/stats"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/audit", "/api/admin/audit"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/admin/auth-events", "/api/admin/auth-events"), none, OF_ADMIN, ADMIN_TOKEN),
    row(("GET", "/api/rag/history", "/api/rag/history"), none, all(200), TOKENS),
    row(("GET", "/api/rag/status/{id}", "/api/rag/status/{user}"), none, OF_USER, NO_TOKENS),
    row(("POST", "/tg/qr/start", "/tg/qr/start"), none_of_all, all(503), [503; 3]),
    row(("POST", "/tg/qr/init", "/tg/qr/init"), none_of_all, all(503), [503; 3]),
    row(("POST", "/tg/qr/password", "/tg/qr/password"), qr_password, all(401), [401; 3]),
    row(("POST", "/tg/qr/cancel", "/tg/qr/cancel"), qr_token, all(401), [401; 3]),
    row(("POST", "/tg/qr/exchange", "/tg/qr/exchange"), qr_token, all(401), [401; 3]),
    row(("GET", "/tg/qr/status/{qr_session_id}", "/tg/qr/status/{session}"), none, all(404), [404; 3]),
    row(("GET", "/tg/qr/png/{id}", "/tg/qr/png/{session}"), none, all(404), [404; 3]),
    row(("GET", "/tg/qr/events/{id}", "/tg/qr/events/{session}"), none, all(404), [404; 3]),
    row(("POST", "/api/tg/qr/start", "/api/tg/qr/start"), none_of_all, all(503), [503; 3]),
    row(("POST", "/api/tg/qr/init", "/api/tg/qr/init"), none_of_all, all(503), [503; 3]),
    row(("POST", "/api/tg/qr/password", "/api/tg/qr/password"), qr_password, all(401), [401; 3]),
    row(("POST", "/api/tg/qr/cancel", "/api/tg/qr/cancel"), qr_token, all(401), [401; 3]),
    row(("POST", "/api/tg/qr/exchange", "/api/tg/qr/exchange"), qr_token, all(401), [401; 3]),
    row(
        ("GET", "/api/tg/qr/status/{qr_session_id}", "/api/tg/qr/status/{session}"),
        none,
        all(404),
        [404; 3],
    ),
    row(("GET", "/api/tg/qr/png/{id}", "/api/tg/qr/png/{session}"), none, all(404), [404; 3]),
    row(("GET", "/api/tg/qr/events/{id}", "/api/tg/qr/events/{session}"), none, all(404), [404; 3]),
    row(("POST", "/qr-auth/start", "/qr-auth/start"), none_of_all, all(503), [503; 3]),
    row(("POST", "/qr-auth/init", "/qr-auth/init"), none_of_all, all(503), [503; 3]),
    row(("POST", "/qr-auth/password", "/qr-auth/password"), qr_password, all(401), [401; 3]),
    row(("POST", "/qr-auth/cancel", "/qr-auth/cancel"), qr_token, all(401), [401; 3]),
    row(("POST", "/qr-auth/exchange", "/qr-auth/exchange"), qr_token, all(401), [401; 3]),
    row(("GET", "/qr-auth/status/{qr_session_id}", "/qr-auth/status/{session}"), none, all(404), [404; 3]),
    row(("GET", "/qr-auth/png/{id}", "/qr-auth/png/{session}"), none, all(404), [404; 3]),
    row(("GET", "/qr-auth/events/{id}", "/qr-auth/events/{session}"), none, all(404), [404; 3]),
    row(("POST", "/api/search", "/api/search"), query, all(200), TOKENS),
    row(("POST", "/api/rag/query", "/api/rag/query"), query, all(200), TOKENS),
    row(("GET", "/api/posts", "/api/posts"), none, all(200), TOKENS),
    row(("GET", "/api/posts/{id}", "/api/posts/{post}"), none, OF_CHANNEL, TOKENS),
    row(("GET", "/api/posts/{id}/trace", "/api/posts/{post}/trace"), none, OF_CHANNEL, TOKENS),
    row(("GET", "/api/channels", "/api/channels"), none, all(200), TOKENS),
    row(("POST", "/api/channels", "/api/channels"), news, [200, 409, 409, 409, 409], NO_TOKENS),
    // Channel 2 is the marked one; the other tenant has no such.
    row(("GET", "/api/channels/{id}", "/api/channels/2"), none, OF_CHANNEL, TOKENS),
    row(("PATCH", "/api/channels/{id}", "/api/channels/2"), week, OF_CHANNEL, NO_TOKENS),
    row(("DELETE", "/api/channels/{id}", "/api/channels/2"), none, [204, 404, 404, 404, 404], NO_TOKENS),
    row(("GET", "/api/channels/{id}/ledger", "/api/channels/2/ledger"), none, OF_CHANNEL, TOKENS),
    row(
        ("POST", "/api/channels/{id}/backfill", "/api/channels/2/backfill"),
        week,
        [202, 404, 404, 404, 404],
        [403, 202, 202],
    ),
    row(
        ("GET", "/api/channels/users/{user_id}/channels", "/api/channels/users/{user}/channels"),
        none,
        [200, 404, 200, 404, 404],
        [404, 404, 200],
    ),
    row(
        ("POST", "/api/channels/users/{user_id}/channels", "/api/channels/users/{user}/channels"),
        news,
        [200, 404, 200, 404, 404],
        [403, 404, 200],
    ),
    // The admin's token, asked first, ends what the user's own request would end.
    row(
        (
            "DELETE",
            "/api/channels/users/{user_id}/channels/{channel_id}",
            "/api/channels/users/{user}/channels/2",
        ),
        none,
        all(404),
        [403, 404, 204],
    ),
    row(("GET", "/api/tags", "/api/tags"), none, all(200), TOKENS),
    row(("GET", "/api/demo/status", "/api/demo/status"), none, all(200), TOKENS),
];

/// Two tenants with people of every kind. `main` has the marked post, of a channel that one user follows.
struct World {
    app: TestApp,
    post: i64,
    /// Follows the channel, does not, admin, admin of another tenant, operator: a member of `other` who is listed.
    people: [Member; 5],
    /// The code of an invite into `main`.
    invite: String,
}

impl World {
    fn new() -> Self {
        let mut app = TestApp::builder()
            .tenant("other")
            .set("BOT_TOKEN", BOT_TOKEN)
            .set("TGA__OPERATORS", "[5]")
            .build();
        // Ids of `other` are those of `main` and others: an id that passes by chance would show.
        app.import_jsonl_into("other", &[line("news", 1, "Чужой пост"), line("news", 2, "Чужая тайна")]);
        app.index_jsonl(&[
            line("sport", 1, "Матч"),
            line("sport", 2, "Ещё матч"),
            line("news", 1, "Ледокол вышел из порта"),
        ]);
        let people = [
            app.member("main", 1, Role::User),
            app.member("main", 2, Role::User),
            app.member("main", 3, Role::Admin),
            app.member("other", 4, Role::Admin),
            app.member("other", 5, Role::User),
        ];
        let tenant = app.tenant();
        let channel = tenant.channel_get("news", &ChannelSet::All).unwrap().id;
        let follows =
            Subscription { membership: people[0].id, channel, depth_days: None, created_at: app.app().now() };
        tenant.store().subscription_add(follows, 10).unwrap();
        let post = app.post_id("news", 1).0;
        let (invites, _) = app.app().invite_list(Some(app.tenant().id()), None, 1, 0).unwrap();
        let invite = invites[0].code.clone();
        Self { app, post, people, invite }
    }

    fn ask(&self, row: &Row, owner: &Person, token: Option<&str>) -> Reply {
        let path = row
            .path
            .replace("{post}", &self.post.to_string())
            .replace("{user}", &self.people[0].id.to_string())
            .replace("{session}", &owner.session_id)
            .replace("{invite}", &self.invite);
        let method = Method::from_bytes(row.method.as_bytes()).unwrap();
        let mut request = self.app.request(method, &path);
        if let Some(token) = token {
            request = request.token(token);
        }
        let body = (row.body)();
        if !body.is_null() {
            request = request.json(&body);
        }
        request.send()
    }

    /// Credentials that are none, by what is wrong with them.
    fn refused(&self) -> Vec<(&'static str, Option<String>)> {
        let admin = &self.people[2];
        let app = self.app.app();
        let old = self.app.sign_in(admin).access;
        let short = app.now().checked_add(SignedDuration::from_secs(1)).unwrap();
        let token_expired = app.token_create(&self.app.tenant(), "short", Scope::Admin, Some(short)).unwrap();
        // Access tokens live for ten minutes. What follows is made after that, so that it fails for its own reason only.
        self.app.advance(SignedDuration::from_mins(10));
        let good = self.app.sign_in(admin).access;
        let parts: Vec<&str> = good.split('.').collect();
        let header = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
        let none = URL_SAFE_NO_PAD.encode(header.replace("HS256", "none"));
        let mut signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        signature[0] ^= 1;
        let wrong = URL_SAFE_NO_PAD.encode(signature);
        let ended = self.app.sign_in(admin);
        app.session_revoke(admin.id, ended.session_id.parse().unwrap(), "test").unwrap();
        let revoked = app.token_create(&self.app.tenant(), "revoked", Scope::Admin, None).unwrap();
        app.token_revoke(revoked.id).unwrap();
        let ticket = |audience| {
            app.ticket_mint(audience, &admin.id.to_string(), std::time::Duration::from_hours(1)).unwrap()
        };
        vec![
            ("anonymous", None),
            ("empty", Some(String::new())),
            ("nonsense", Some("nonsense".to_owned())),
            ("injection", Some("tga_' OR 1=1 --".to_owned())),
            ("expired", Some(old)),
            ("expired API token", Some(token_expired.token)),
            ("wrong signature", Some(format!("{}.{}.{wrong}", parts[0], parts[1]))),
            ("no algorithm", Some(format!("{none}.{}.", parts[1]))),
            ("no algorithm, signed", Some(format!("{none}.{}.{}", parts[1], parts[2]))),
            ("audience tg-auth", Some(ticket(Audience::TgAuth))),
            ("audience tg-login", Some(ticket(Audience::TgLogin))),
            ("refresh token", Some(self.app.sign_in(admin).refresh)),
            ("ended session", Some(ended.access)),
            ("revoked API token", Some(revoked.token)),
        ]
    }
}

#[test]
fn the_table_names_every_route_of_the_document() {
    let mut asked: Vec<(String, &str)> =
        ROWS.iter().map(|row| (row.method.to_lowercase(), row.route)).collect();
    let mut documented: Vec<(String, &str)> =
        openapi::operations().map(|(method, route, _)| (method.to_owned(), route)).collect();
    asked.sort_unstable();
    documented.sort_unstable();
    assert_eq!(asked, documented, "left: rows of tests/it/isolation.rs, right: routes");
}

/// What the document says of who may use a route.
fn door(row: &Row) -> &'static str {
    let (_, _, operation) = openapi::operations()
        .find(|(method, route, _)| method.eq_ignore_ascii_case(row.method) && *route == row.route)
        .unwrap();
    operation["security"][0]["bearer"][0].as_str().unwrap_or("open")
}

#[test]
fn the_document_says_the_same_of_who_may_as_the_table() {
    for row in ROWS {
        let name = format!("{} {}", row.method, row.route);
        let [user, _, admin, _, operator] = row.people;
        let [read, write, admin_token] = row.tokens;
        let may = |status: u16| status != 403;
        let expected = match door(row) {
            "open" | "read" => [true; 6],
            "write" => [true, true, true, false, true, true],
            "member" => [true, true, true, false, false, false],
            "admin" => [false, true, false, false, false, true],
            "operator" => [false, false, true, false, false, false],
            other => panic!("{name}: who is {other}?"),
        };
        let found = [user, admin, operator, read, write, admin_token].map(may);
        assert_eq!(found, expected, "{name} is for `{}`; user, admin, operator, tokens", door(row));
    }
}

#[test]
fn every_route_answers_each_caller_as_the_table_says() {
    let mut wrong = Vec::new();
    for row in ROWS {
        let world = World::new();
        let name = format!("{} {}", row.method, row.path);
        let mut check = |who: &str, reply: &Reply, expected: u16, sees: bool| {
            if reply.status.as_u16() != expected {
                wrong.push(format!(
                    "{name}, {who}: {} instead of {expected}: {}",
                    reply.status,
                    reply.text()
                ));
            }
            // A question is shown again to whoever asked it.
            let shown = reply.text().to_lowercase().replace("\"query\":\"ледокол порт\"", "");
            if !sees && shown.contains(MARK) {
                wrong.push(format!("{name}, {who} reads the mark: {shown}"));
            }
        };
        let open = door(row) == "open";
        for (who, token) in world.refused() {
            let owner = world.app.sign_in(&world.people[0]);
            let reply = world.ask(row, &owner, token.as_deref());
            check(who, &reply, if open { row.people[0] } else { 401 }, false);
        }
        for (scope, expected) in [Scope::Read, Scope::Write, Scope::Admin].into_iter().zip(row.tokens) {
            let owner = world.app.sign_in(&world.people[0]);
            let token = world.app.app().token_create(&world.app.tenant(), "t", scope, None).unwrap();
            check(scope.name(), &world.ask(row, &owner, Some(&token.token)), expected, true);
        }
        let names = ["user", "user who does not follow", "admin", "admin of another tenant", "operator"];
        // Backwards: who may do it comes after those who may not.
        for at in (0..names.len()).rev() {
            let owner = world.app.sign_in(&world.people[0]);
            let asks = if at == 0 { owner.clone() } else { world.app.sign_in(&world.people[at]) };
            check(names[at], &world.ask(row, &owner, Some(&asks.access)), row.people[at], at == 0);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
