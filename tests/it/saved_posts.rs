//! The posts a person keeps: theirs alone, of channels they may see, gone with the post or with them.

use axum::http::{Method, StatusCode};
use serde_json::Value;
use tga::{
    app::saved_posts::SAVED_POSTS_MAX,
    model::{ChannelSet, Role},
    store::{PostSaved, Subscription},
};

use crate::support::{Person, TestApp, line};

fn world() -> (TestApp, Person, Person) {
    let mut app = TestApp::new();
    app.index_jsonl(&[
        line("news", 1, "Ледокол вышел из порта"),
        line("news", 2, "Ледокол вернулся"),
        line("sport", 1, "Матч окончен"),
    ]);
    let (anna, boris) = (app.person("main", 1, Role::User), app.person("main", 2, Role::User));
    for (person, name) in [(&anna, "news"), (&boris, "sport")] {
        let tenant = app.tenant();
        let channel = tenant.channel_get(name, &ChannelSet::All).unwrap().id;
        let created_at = app.app().now();
        let follows = Subscription { membership: person.user_id, channel, depth_days: None, created_at };
        tenant.store().subscription_add(follows, 10).unwrap();
    }
    (app, anna, boris)
}

fn ids(app: &TestApp, person: &Person, query: &str) -> Vec<i64> {
    let page = app.get(&format!("/api/saved{query}"), &person.access).ok();
    page["posts"].as_array().unwrap().iter().map(|post| post["id"].as_i64().unwrap()).collect()
}

fn save(app: &TestApp, person: &Person, method: Method, post: i64) -> StatusCode {
    app.request(method, &format!("/api/posts/{post}/saved")).token(&person.access).send().status
}

#[test]
fn posts_are_kept_once_listed_last_kept_first_and_let_go() {
    let (app, anna, boris) = world();
    let (one, two) = (app.post_id("news", 1).0, app.post_id("news", 2).0);
    for post in [one, two, one] {
        app.advance(jiff::SignedDuration::from_secs(1));
        assert_eq!(save(&app, &anna, Method::PUT, post), StatusCode::OK);
    }
    assert_eq!(ids(&app, &anna, ""), [two, one], "keeping it again moves nothing");
    assert_eq!(ids(&app, &anna, "?limit=1&offset=1"), [one]);
    assert_eq!(ids(&app, &boris, ""), Vec::<i64>::new());
    // What one may not see one cannot keep.
    assert_eq!(save(&app, &boris, Method::PUT, one), StatusCode::NOT_FOUND);
    assert_eq!(save(&app, &anna, Method::DELETE, two), StatusCode::NO_CONTENT);
    assert_eq!(save(&app, &anna, Method::DELETE, two), StatusCode::NO_CONTENT);
    assert_eq!(ids(&app, &anna, ""), [one]);
    let exported: Value =
        serde_json::from_str(&app.get("/api/users/me/export", &anna.access).text()).unwrap();
    assert_eq!(exported["saved_posts"][0]["post_id"], one);
}

#[test]
fn a_kept_post_is_not_seen_while_its_channel_is_not_followed() {
    let (app, anna, _) = world();
    let post = app.post_id("news", 1);
    save(&app, &anna, Method::PUT, post.0);
    let channel = app.tenant().channel_get("news", &ChannelSet::All).unwrap().id;
    app.tenant().store().subscription_delete(anna.user_id, channel, app.app().now()).unwrap();
    assert_eq!(ids(&app, &anna, ""), Vec::<i64>::new());
}

#[test]
fn a_person_keeps_only_so_many() {
    let (app, anna, _) = world();
    let tenant = app.tenant();
    let post = |n| app.post_id("news", n);
    let now = app.app().now();
    let add = |post, max| tenant.store().saved_post_add(anna.user_id, post, now, max).unwrap();
    assert_eq!(add(post(1), 1), PostSaved::Kept);
    assert_eq!(add(post(1), 1), PostSaved::Kept, "what is kept already is no more");
    assert_eq!(add(post(2), 1), PostSaved::TooMany);
    const { assert!(SAVED_POSTS_MAX >= 100) };
}
