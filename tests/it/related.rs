//! Posts that belong with a post: forwards, the same page, shared tags; of channels the caller sees, and no longer than the post is
//! there.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tga::{
    app::{export::ExportFormat, related::RELATED_MAX},
    model::{ChannelSet, Role},
    store::{LINK_POSTS_MAX, Subscription},
};

use crate::support::{Line, Person, TestApp, line};

const NEWS: i64 = -1_001_000_000_001;

/// Names of ships alone, so that no two posts share a word that would be a tag.
const SHIPS: [&str; 6] = ["Фрегат", "Баркас", "Шхуна", "Бригантина", "Катамаран", "Дредноут"];

fn news(message_id: i64, text: &str) -> Line {
    line("news", message_id, text).with("channel_id", NEWS)
}

/// A post of `sport` that is a forward of a message of `news`.
fn forward(message_id: i64, of: i64, text: &str) -> Line {
    let origin = json!({ "channel": NEWS, "username": "news", "message_id": of });
    line("sport", message_id, text).with("forwarded_from", "News").with("forward_origin", origin)
}

/// What belongs with a post, as `channel/message: reasons`.
fn near(app: &TestApp, token: &str, (channel, message): (&str, i64)) -> Vec<String> {
    let id = app.post_id(channel, message);
    let list = app.get(&format!("/api/posts/{id}/related?limit=20"), token).ok();
    let shown = |found: &Value| {
        let why: Vec<&str> = found["why"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let post = &found["post"];
        format!("{}/{}: {}", post["channel_title"].as_str().unwrap(), post["message_id"], why.join(" "))
    };
    list["posts"].as_array().unwrap().iter().map(shown).collect()
}

#[test]
fn forwards_come_before_links_and_links_before_tags() {
    let mut app = TestApp::builder().tenant("other").build();
    let ship = "Ледокол «Арктика» вышел из порта Мурманск.";
    app.index_jsonl(&[
        news(1, ship)
            .with("links", json!([{ "text": "", "url": "https://example.org/a?utm_source=tg&id=1" }])),
        news(2, "Ледокол «Арктика» вернулся в порт Мурманск."),
        forward(1, 1, SHIPS[0]),
        forward(2, 1, &format!("{} https://www.example.org/a/?id=1#comments", SHIPS[1])),
        line("sport", 3, &format!("{}: http://example.org/a?yclid=7&id=1", SHIPS[2])),
        line("sport", 4, &format!("{}: https://example.org/a?id=2", SHIPS[3])),
    ]);
    app.import_jsonl_into("other", &[news(1, "Чужое https://example.org/a?id=1"), forward(1, 1, "Чужое")]);
    app.run_pending_jobs();
    let shared = |message| app.tags_of("news", message);
    assert!(shared(1).iter().any(|tag| shared(2).contains(tag)), "{:?} {:?}", shared(1), shared(2));
    let token = app.token("main");
    assert_eq!(
        near(&app, &token, ("news", 1)),
        ["sport/2: forward link", "sport/1: forward", "sport/3: link", "news/2: tags"]
    );
    assert_eq!(near(&app, &token, ("sport", 1)), ["sport/2: forward", "news/1: forward"]);
    assert_eq!(near(&app, &token, ("sport", 3)), ["sport/2: link", "news/1: link"]);
    assert_eq!(near(&app, &token, ("sport", 4)), [""; 0]);
    let path = format!("/api/posts/{}/related", app.post_id("news", 1));
    assert_eq!(app.get(&format!("{path}?limit=1"), &token).ok()["posts"].as_array().unwrap().len(), 1);
    let much = app.get(&format!("{path}?limit={}", RELATED_MAX + 1), &token);
    assert_eq!(much.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[test]
fn an_album_is_found_by_any_of_its_messages_and_shown_once() {
    let mut app = TestApp::new();
    app.index_jsonl(&[
        news(7, SHIPS[0]),
        news(8, SHIPS[1]),
        forward(1, 7, SHIPS[2]).with("grouped_id", 5),
        forward(2, 8, &format!("{} https://example.org/ship", SHIPS[3])).with("grouped_id", 5),
        line("sport", 3, &format!("{} https://example.org/ship", SHIPS[4])),
    ]);
    let token = app.token("main");
    for message in [7, 8] {
        assert_eq!(near(&app, &token, ("news", message)), ["sport/1: forward"]);
    }
    assert_eq!(near(&app, &token, ("sport", 3)), ["sport/1: link"]);
    assert_eq!(near(&app, &token, ("sport", 1)), ["news/8: forward", "news/7: forward", "sport/3: link"]);
}

fn follower(app: &TestApp, channel: &str) -> Person {
    let person = app.person("main", 1, Role::User);
    let channel = app.tenant().channel_get(channel, &ChannelSet::All).unwrap().id;
    let created_at = app.app().now();
    let follows = Subscription { membership: person.user_id, channel, depth_days: None, created_at };
    app.tenant().store().subscription_add(follows, 10).unwrap();
    person
}

#[test]
fn channels_that_are_not_followed_neither_show_nor_count() {
    let mut app = TestApp::new();
    let page = "https://example.org/page";
    let mut lines = vec![
        forward(1, 1, &format!("{} {page}", SHIPS[0])),
        forward(2, 1, SHIPS[1]),
        line("sport", 3, &format!("{} {page}", SHIPS[2])),
    ];
    lines.extend((1..=LINK_POSTS_MAX as i64).map(|id| news(id, &format!("{} {page}", SHIPS[3]))));
    app.index_jsonl(&lines);
    let anna = follower(&app, "sport");
    assert_eq!(near(&app, &anna.access, ("sport", 1)), ["sport/2: forward", "sport/3: link"]);
    let hidden = app.get(&format!("/api/posts/{}/related", app.post_id("news", 1)), &anna.access);
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
    // Whoever sees them all sees that the page stands below every post.
    let token = app.token("main");
    assert_eq!(near(&app, &token, ("sport", 3)), [""; 0]);
}

#[test]
fn a_page_that_every_post_links_to_says_nothing() {
    let mut app = TestApp::new();
    let max = LINK_POSTS_MAX as i64;
    let posts = |count: i64| {
        let footer = |id| news(id, &format!("{id} https://example.org/shop"));
        (1..=count).map(footer).collect::<Vec<_>>()
    };
    app.index_jsonl(&posts(max));
    let token = app.token("main");
    let linked = |app: &TestApp| {
        let near = near(app, &token, ("news", 1));
        near.iter().filter(|found| found.contains("link")).count()
    };
    assert_eq!(linked(&app), LINK_POSTS_MAX - 1);
    app.index_jsonl(&posts(max + 1));
    assert_eq!(linked(&app), 0);
}

#[test]
fn what_is_gone_or_edited_away_belongs_with_nothing() {
    let mut app = TestApp::new();
    let page = "https://example.org/page";
    let lines = [
        news(1, &format!("{} {page}", SHIPS[0])),
        line("sport", 3, &format!("{} {page}", SHIPS[1])),
        line("sport", 4, &format!("{} {page}", SHIPS[2])),
        forward(5, 1, SHIPS[3]),
    ];
    app.index_jsonl(&lines);
    // The same file again changes nothing.
    app.index_jsonl(&lines);
    let token = app.token("main");
    assert_eq!(near(&app, &token, ("news", 1)), ["sport/5: forward", "sport/4: link", "sport/3: link"]);
    app.index_jsonl(&[line("sport", 3, SHIPS[4]).with("edited", "2026-11-20T12:00:00Z")]);
    for message in [4, 5] {
        app.app().post_delete(&app.tenant(), app.post_id("sport", message), "test").unwrap();
    }
    assert_eq!(near(&app, &token, ("news", 1)), [""; 0]);
}

#[test]
fn the_origin_of_a_forward_is_carried_by_an_export() {
    let mut app = TestApp::new();
    app.index_jsonl(&[forward(1, 1, SHIPS[0])]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("posts.jsonl");
    app.app().export(&app.tenant(), ExportFormat::Jsonl, &file, &mut |_| {}).unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let exported: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(exported["forward_origin"], json!({ "channel": NEWS, "username": "news", "message_id": 1 }));
}
