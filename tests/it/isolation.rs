//! The kept proof of who gets in: every route, asked by everybody, with the status each must read.
//!
//! A route of the API's document that has no row here fails the test, so nobody adds a route without saying who may use it.
//! A row is asked in a world of its own (two tenants, one marked post each); whoever may not see the post must not read
//! its mark, whatever the status is.

mod bodies;
mod rows;

use axum::http::Method;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use tga::{
    app::{alerts::AlertInput, jwt::Audience},
    http::openapi,
    model::{AlertId, ChannelSet, Role},
    store::{Member, Scope, Subscription},
};

use self::rows::{ROWS, Row};
use crate::support::{BOT_TOKEN, Person, Reply, TestApp, line};

/// Stands in the one post of `main` and nowhere else.
const MARK: &str = "ледокол";

/// Two tenants with people of every kind. `main` has the marked post, of a channel that one user follows.
struct World {
    app: TestApp,
    post: i64,
    /// Follows the channel, does not, admin, admin of another tenant, operator: a member of `other` who is listed.
    people: [Member; 5],
    /// The code of an invite into `main`.
    invite: String,
    /// An alert of the one who follows.
    alert: AlertId,
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
        let looks_for = AlertInput { query: "ледокол море".to_owned(), ..AlertInput::default() };
        let (alert, _) = app.app().alert_add(&app.tenant(), people[0].id, looks_for).unwrap();
        Self { alert: alert.id, app, post, people, invite }
    }

    fn ask(&self, row: &Row, owner: &Person, token: Option<&str>) -> Reply {
        let path = row
            .path
            .replace("{post}", &self.post.to_string())
            .replace("{user}", &self.people[0].id.to_string())
            .replace("{session}", &owner.session_id)
            .replace("{invite}", &self.invite)
            .replace("{alert}", &self.alert.to_string());
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
    assert_eq!(asked, documented, "left: rows of tests/it/isolation/rows.rs, right: routes");
}

/// What the document says of who may use a route.
fn door(row: &Row) -> &'static str {
    let (_, _, operation) = openapi::operations()
        .find(|(method, route, _)| method.eq_ignore_ascii_case(row.method) && *route == row.route)
        .unwrap();
    let door = &operation["security"][0];
    if door["telegram"].is_array() { "telegram" } else { door["bearer"][0].as_str().unwrap_or("open") }
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
            "telegram" => [false; 6],
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

/// Asks every fourth row as everybody, from `first` on: a world a row takes its time, and four tests run side by side.
fn rows_answer_each_caller(first: usize) {
    let mut wrong = Vec::new();
    for row in ROWS.iter().skip(first).step_by(4) {
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
        // Telegram itself is told by a secret of its own: whoever lacks it is refused alike.
        let open = matches!(door(row), "open" | "telegram");
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

#[test]
fn every_route_answers_each_caller_as_the_table_says() {
    rows_answer_each_caller(0);
}

#[test]
fn every_route_answers_each_caller_as_the_table_says_second_part() {
    rows_answer_each_caller(1);
}

#[test]
fn every_route_answers_each_caller_as_the_table_says_third_part() {
    rows_answer_each_caller(2);
}

#[test]
fn every_route_answers_each_caller_as_the_table_says_last_part() {
    rows_answer_each_caller(3);
}
