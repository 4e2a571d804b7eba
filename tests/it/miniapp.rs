//! The Mini App's files as they are served, and the two ways in that came with it: a link good once, a login of somebody signed in.

use std::path::Path;

use axum::http::{Method, StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tga::{
    app::{jwt::Audience, sign_in_links::LINK_TTL},
    model::Role,
    store::BotChatChange,
};

use crate::support::{BOT_TOKEN, Reply, TestApp};

/// What the first load may weigh, compressed, bytes: page, style, texts of one language and every module that is named by the page.
const FIRST_LOAD_BYTES_MAX: usize = 120 * 1024;

fn get(app: &TestApp, path: &str) -> Reply {
    app.request(Method::GET, path).send()
}

fn gzip(app: &TestApp, path: &str) -> Reply {
    app.request(Method::GET, path).header("accept-encoding", "gzip").send()
}

/// The addresses of files that the page names.
fn named(page: &str) -> Vec<String> {
    let rest = page.split("=\"/app/").skip(1);
    rest.map(|rest| format!("/app/{}", rest.split('"').next().unwrap())).collect()
}

#[test]
fn the_page_and_every_file_it_names_are_served_under_one_version() {
    let app = TestApp::new();
    let page = get(&app, "/app");
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), "no-cache");
    let names = named(&page.text());
    assert!(names.len() > 3, "{names:?}");
    let version = names.iter().find_map(|name| name.strip_prefix("/app/v/")?.split('/').next()).unwrap();
    for name in &names {
        let file = get(&app, name);
        assert_eq!(file.status, StatusCode::OK, "{name}");
        let kept = file.header("cache-control").contains("immutable");
        assert_eq!(kept, name.contains(version), "{name}: {}", file.header("cache-control"));
    }
    let script = get(&app, &format!("/app/v/{version}/main.js"));
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    // A page that was left open over an update gets nothing of the new version.
    let other = get(&app, "/app/v/000000000000/main.js");
    assert_eq!((other.status, other.code().as_str()), (StatusCode::NOT_FOUND, "not_found"));
    // Any other address is a screen's.
    for path in ["/app/", "/app/channels/5", "/app/ask?q=%D1%91", "/app/../app"] {
        assert_eq!(get(&app, path).text(), page.text(), "{path}");
    }
    let worker = get(&app, "/app/sw.js").text();
    assert!(worker.contains(version) && worker.contains("\"main.js\"") && !worker.contains("{files}"));
}

#[test]
fn the_list_of_files_is_the_directory() {
    let app = TestApp::new();
    let worker = get(&app, "/app/sw.js").text();
    let page = get(&app, "/app").text();
    let version = page.split("/app/v/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let start = get(&app, &format!("/app/v/{version}/start.js")).text();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("webapp/app");
    let mut pending = vec![root.clone()];
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            if name == "README.md" {
                continue;
            }
            // Its first row says what it is.
            let source = std::fs::read_to_string(root.join(&name)).unwrap();
            if name != "start.js" && start.contains(source.lines().next().unwrap()) {
                assert!(!worker.contains(&format!("\"{name}\"")), "{name} is sent twice");
                // What is sent together keeps to the part of the language that is read there.
                for row in source.lines().filter(|row| row.starts_with("import ")) {
                    assert!(row.ends_with(".js\";") && !row.contains(" as "), "{name}: {row}");
                }
                continue;
            }
            let at = format!("/app/v/{version}/{name}");
            assert_eq!(
                get(&app, &at).status,
                StatusCode::OK,
                "{name} is not in the list of src/http/miniapp.rs"
            );
            let lasting =
                ["index.html", "sw.js", "manifest.webmanifest", "icon.svg"].contains(&name.as_str());
            assert_eq!(worker.contains(&format!("\"{name}\"")), !lasting, "{name}");
        }
    }
}

/// Names in braces: of an import or an export, as they are there.
fn braced(row: &str) -> Vec<String> {
    let inner = row.split('{').nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    let name = |each: &str| each.trim().split(" as ").next().unwrap().to_owned();
    inner.split(',').map(name).filter(|name| !name.is_empty()).collect()
}

#[test]
fn every_name_that_a_script_imports_is_exported_by_a_file_that_is_there() {
    let app = TestApp::new();
    let worker = get(&app, "/app/sw.js").text();
    let version = worker.split("VERSION = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let list = worker.split("FILES = [").nth(1).unwrap().split(']').next().unwrap();
    let scripts = list
        .split(", ")
        .map(|name| name.trim_matches('"'))
        .filter(|name| name.rsplit('.').next() == Some("js"));
    let text = |name: &str| get(&app, &format!("/app/v/{version}/{name}")).text();
    let mut imports = 0;
    for name in scripts {
        for row in text(name).lines().filter(|row| row.starts_with("import ")) {
            let from = row.split("from \"").nth(1).unwrap().split('"').next().unwrap();
            let dir = name.rsplit_once('/').map_or("", |(dir, _)| dir);
            let other = match from.strip_prefix("../") {
                Some(other) => other.to_owned(),
                None => {
                    format!("{dir}/{}", from.strip_prefix("./").unwrap()).trim_start_matches('/').to_owned()
                }
            };
            let exporting = text(&other);
            let listed: Vec<String> =
                exporting.lines().filter(|row| row.starts_with("export {")).flat_map(braced).collect();
            for wanted in braced(row) {
                let declared = ["const", "function", "async function", "class"]
                    .iter()
                    .any(|kind| exporting.contains(&format!("export {kind} {wanted}")));
                assert!(declared || listed.contains(&wanted), "{name} imports {wanted} of {other}");
                imports += 1;
            }
        }
    }
    assert!(imports > 100, "{imports}");
}

#[test]
fn only_telegram_may_frame_the_app_and_nothing_in_it_is_inline() {
    let app = TestApp::new();
    for path in ["/app", "/app/me", "/app/sw.js"] {
        let reply = get(&app, path);
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("frame-ancestors https://web.telegram.org"), "{path}: {policy}");
        assert!(policy.contains("script-src 'self' https://telegram.org;"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(reply.header("x-frame-options"), "", "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
    }
    assert_eq!(get(&app, "/health").header("x-frame-options"), "DENY");
    let page = get(&app, "/app").text();
    assert!(!page.contains("style=") && !page.contains("onclick") && !page.contains("<style"));
    assert_eq!(page.matches("<script").count(), page.matches("<script type=\"module\" src=").count());
}

#[test]
fn the_first_load_is_small() {
    let app = TestApp::new();
    let page = gzip(&app, "/app");
    assert_eq!(page.header("content-encoding"), "gzip");
    let text = get(&app, "/app").text();
    let version = text.split("/app/v/").nth(1).unwrap().split('/').next().unwrap();
    let mut bytes = page.body.len();
    let texts = ["en", "ru"].map(|lang| gzip(&app, &format!("/app/v/{version}/texts/{lang}.ftl")).body.len());
    bytes += texts.into_iter().max().unwrap();
    for name in named(&text).iter().filter(|name| !name.ends_with("manifest")) {
        bytes += gzip(&app, name).body.len();
    }
    // A debug build packs faster and looser than what is shipped.
    assert!(bytes < FIRST_LOAD_BYTES_MAX, "{bytes}");
}

#[test]
fn the_app_is_asked_for_anew_and_sent_only_when_it_changed() {
    let app = TestApp::new();
    let etag = get(&app, "/app").header("etag").to_owned();
    let again = app.request(Method::GET, "/app").header("if-none-match", &etag).send();
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let moved = get(&app, "/tg/app/ask?q=1");
    assert_eq!((moved.status, moved.header("location")), (StatusCode::PERMANENT_REDIRECT, "/app/ask?q=1"));
}

fn link_in(app: &TestApp, token: &str) -> Reply {
    app.request(Method::POST, "/api/auth/link").json(&json!({ "token": token })).send()
}

#[test]
fn a_link_signs_in_once_and_not_for_long() {
    let app = TestApp::builder()
        .set("BOT_TOKEN", BOT_TOKEN)
        .set("TGA__SERVER__PUBLIC_URL", "https://tga.example.org")
        // Shorter than a link lives: what was used must be remembered as long as the link itself.
        .set("TGA__AUTH__INIT_DATA_AGE_S", "60")
        .build();
    let member = app.member("main", 7, Role::User);
    let link = app.app().sign_in_link(&member).unwrap().unwrap();
    let token = link.strip_prefix("https://tga.example.org/app/enter#").unwrap();
    let signed = link_in(&app, token).ok();
    assert_eq!(
        (signed["user"]["id"].as_i64(), signed["tenants"][0]["name"].is_string()),
        (Some(member.id.0), true)
    );
    let access = signed["access_token"].as_str().unwrap();
    assert_eq!(app.get("/api/auth/sessions", access).ok()["sessions"][0]["method"], "link");
    let refused = |reply: &Reply| (reply.status.as_u16(), reply.code());
    let over = (401, "link_invalid".to_owned());
    app.advance(SignedDuration::from_mins(9));
    // Other sign-ins clean up behind themselves meanwhile.
    app.sign_in(&member);
    assert_eq!(refused(&link_in(&app, token)), over, "used");
    let late = app.app().sign_in_link_mint(member.id).unwrap();
    app.advance(SignedDuration::try_from(LINK_TTL).unwrap());
    assert_eq!(refused(&link_in(&app, &late)), over, "too late");
    for foreign in [Audience::Api, Audience::TgAuth, Audience::TgLogin] {
        let token = app.app().ticket_mint(foreign, &member.id.to_string(), LINK_TTL).unwrap();
        assert_eq!(refused(&link_in(&app, &token)), over, "{foreign:?}");
    }
    // Nor does a link open anything else.
    let token = app.app().sign_in_link_mint(member.id).unwrap();
    assert_eq!(app.get("/api/users/me", &token).status, StatusCode::UNAUTHORIZED);
}

#[test]
fn there_is_no_link_where_the_app_has_no_address() {
    let app = TestApp::new();
    let member = app.member("main", 7, Role::User);
    assert_eq!(app.app().sign_in_link(&member).unwrap(), None);
}

#[test]
fn an_account_that_was_never_connected_says_so() {
    let app = TestApp::new();
    let person = app.person("main", 7, Role::User);
    let account = app.get("/api/users/me/account", &person.access).ok();
    assert_eq!(account, json!({ "state": "none", "reason": Value::Null, "since": Value::Null }));
    let gone = app.request(Method::DELETE, "/api/users/me/account").token(&person.access).send();
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[test]
fn the_language_that_is_chosen_in_the_app_or_the_bot_is_the_same() {
    let app = TestApp::new();
    let person = app.person("main", 7, Role::User);
    let read = || app.get("/api/users/me/settings", &person.access).ok()["language"].clone();
    let put = |code: &str| {
        let body = json!({ "language": code });
        let asked = app.request(Method::PUT, "/api/users/me/settings").token(&person.access).json(&body);
        asked.send().status
    };
    assert_eq!(read(), Value::Null);
    assert_eq!((put("en"), put("de")), (StatusCode::OK, StatusCode::UNPROCESSABLE_ENTITY));
    assert_eq!(app.app().bot_chat(7).unwrap().language.as_deref(), Some("en"));
    let language = Some("ru".to_owned());
    app.app()
        .bot_chat_change(BotChatChange { telegram_id: 7, language, ..BotChatChange::default() })
        .unwrap();
    assert_eq!(read(), "ru");
}

#[test]
fn a_session_says_whether_the_person_runs_the_installation() {
    for (operators, runs) in [("[]", false), ("[7]", true)] {
        let app = TestApp::builder().set("TGA__OPERATORS", operators).build();
        let member = app.member("main", 7, Role::User);
        let token = app.app().sign_in_link_mint(member.id).unwrap();
        assert_eq!(link_in(&app, &token).ok()["operator"], runs, "{operators}");
    }
}

#[test]
fn an_invite_is_handed_on_by_an_address_that_opens_the_app() {
    let address = |public_url: &str| {
        let app = TestApp::builder().set("TGA__SERVER__PUBLIC_URL", public_url).build();
        let admin = app.person("main", 7, Role::Admin);
        let made = app.post("/api/admin/invites", &admin.access, &json!({}));
        assert_eq!(made.status, StatusCode::CREATED);
        let code = made.json()["code"].as_str().unwrap().to_owned();
        (app.get(&format!("/api/admin/invites/{code}/link"), &admin.access).ok(), code)
    };
    for public_url in ["https://tga.example.org", "http://localhost:8080"] {
        let (link, code) = address(public_url);
        assert_eq!(link["url"], format!("{public_url}/app?invite={code}"));
        let drawn = link["qr"].as_str().unwrap().strip_prefix("data:image/svg+xml;base64,").unwrap();
        let svg = String::from_utf8(STANDARD.decode(drawn).unwrap()).unwrap();
        assert!(svg.contains("<svg"), "{svg}");
    }
    let (nowhere, _) = address("");
    assert_eq!(nowhere, json!({ "url": Value::Null, "qr": Value::Null }));
}
