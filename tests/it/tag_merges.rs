//! Merging tags, undoing that, protecting them, and tagging posts anew: in the database, searches, the events, the API, the CLI.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tga::{
    app::{
        audit::Origin,
        search::{SearchMode, SearchRequest},
        tags::RetagFilter,
    },
    model::{ChannelSet, Event, PostId},
    text,
};

use crate::support::{Binary, TestApp, line};

/// Posts whose tags are words of their own, so that a test knows them.
fn app() -> TestApp {
    let mut app = TestApp::new();
    app.index_jsonl(&[
        line("news", 1, "Ледокол Арктика вышел из порта Мурманск, ледокол идёт на север к зимовщикам."),
        line("news", 2, "Атомоход Арктика вернулся в порт Мурманск после рейса, атомоход ждёт ремонта."),
        line("news", 3, "Урожай пшеницы в области вырос, пшеница ушла на экспорт в соседние страны."),
    ]);
    app
}

/// A tag of a message that others do not have.
fn own_tag(app: &TestApp, message: i64, others: &[i64]) -> String {
    let keys =
        |message| app.tags_of("news", message).iter().map(|tag| text::tag_key(tag)).collect::<Vec<_>>();
    let others: Vec<String> = others.iter().flat_map(|other| keys(*other)).collect();
    let mine = app.tags_of("news", message);
    mine.into_iter().find(|tag| !others.contains(&text::tag_key(tag))).unwrap()
}

fn with_tag(app: &TestApp, tag: &str) -> Vec<i64> {
    let page = app.tenant().post_page(ChannelSet::All, Some(tag), (None, None), 100, 0).unwrap();
    let mut ids: Vec<i64> = page.posts.iter().map(|post| post.message_id).collect();
    ids.sort_unstable();
    ids
}

/// The messages that a search with a tag filter finds, those of one story among them.
fn found_with(app: &TestApp, words: &str, tag: &str) -> Vec<i64> {
    let request = SearchRequest {
        query: words.to_owned(),
        mode: SearchMode::Fulltext,
        tags: vec![tag.to_owned()],
        ..SearchRequest::default()
    };
    let hits = app.search_request(&request).hits;
    let posts: Vec<PostId> =
        hits.iter().flat_map(|hit| std::iter::once(hit.post_id).chain(hit.similar.clone())).collect();
    let posts = app.tenant().store().posts_load(&posts).unwrap();
    let mut messages: Vec<i64> = posts.iter().map(|post| post.message_id).collect();
    messages.sort_unstable();
    messages
}

/// On how many posts the vocabulary has a tag.
fn used(app: &TestApp, tag: &str) -> Option<u64> {
    let top = app.tenant().tag_top(&ChannelSet::All, 100).unwrap();
    top.iter().find(|count| text::tag_key(&count.tag) == text::tag_key(tag)).map(|count| count.count)
}

fn tagged_events(app: &TestApp) -> Vec<(i64, String)> {
    let events = app.tenant().event_list(0, Some(Event::PostsTagged), 1000).unwrap();
    events
        .iter()
        .map(|event| {
            (event.data["post_id"].as_i64().unwrap(), event.data["trigger"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[test]
fn a_merge_reaches_posts_index_and_what_comes_and_is_undone() {
    let mut app = app();
    let admin = app.token("main");
    let (one, two) = (own_tag(&app, 1, &[2, 3]), own_tag(&app, 2, &[1, 3]));
    let before = [1, 2, 3].map(|message| app.tags_of("news", message));
    let events = tagged_events(&app).len();
    let body = |dry_run: bool| json!({ "from": [one.to_uppercase(), one], "into": two, "dry_run": dry_run });

    let dry = app.post("/api/tags/merge", &admin, &body(true)).ok();
    assert_eq!((&dry["merge_id"], &dry["posts"], &dry["dry_run"]), (&Value::Null, &json!(1), &json!(true)));
    assert_eq!(app.tags_of("news", 1), before[0]);

    let merged = app.post("/api/tags/merge", &admin, &body(false)).ok();
    assert_eq!([1, 2, 3].map(|message| app.tags_of("news", message)), before, "a post shows its own forms");
    assert_eq!((used(&app, &one), used(&app, &two)), (None, Some(2)), "the vocabulary has one of them");
    assert_eq!(with_tag(&app, &two), [1, 2]);
    assert_eq!(with_tag(&app, &one), [1, 2], "the old name leads to the new one");
    assert_eq!(found_with(&app, "порт Мурманск", &two).len(), 2);
    assert_eq!(found_with(&app, "порт Мурманск", &one).len(), 2);
    assert_eq!(tagged_events(&app).len(), events, "no post changed");
    let again = app.post("/api/tags/merge", &admin, &body(false));
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text());

    // The tagger finds the old form in new posts, and they join the new tag. The fifth tells what the first tells.
    app.index_jsonl(&[
        line("news", 4, &format!("{one} стоит в доке Кронштадта, потому что {one} ждёт винтов и краски.")),
        line("news", 5, "Ледокол Арктика вышел из порта Мурманск, ледокол идёт на север к рыбакам."),
    ]);
    let new = app.tags_of("news", 4);
    assert!(new.iter().any(|tag| text::tag_key(tag) == text::tag_key(&one)), "{new:?}");
    assert_eq!(with_tag(&app, &two), [1, 2, 4, 5]);

    let list = app.get("/api/tags/merges", &admin).ok();
    assert_eq!(list["merges"][0]["from"], json!([text::normalise(&one.to_uppercase())]));
    let path = format!("/api/tags/merges/{}", merged["merge_id"]);
    let undo = || app.request(Method::DELETE, &path).token(&admin).send();
    assert_eq!(undo().ok()["posts"], 3);
    assert_eq!([1, 2, 3].map(|message| app.tags_of("news", message)), before);
    assert_eq!((used(&app, &one), used(&app, &two)), (Some(3), Some(1)));
    assert_eq!((with_tag(&app, &one), with_tag(&app, &two)), (vec![1, 4, 5], vec![2]));
    assert_eq!(found_with(&app, "порт Мурманск", &one), [1, 5]);
    assert_eq!(found_with(&app, "док Кронштадта", &one), [4]);
    assert_eq!(found_with(&app, "порт Мурманск", &two), [2]);
    assert_eq!(undo().status, StatusCode::CONFLICT);
}

#[test]
fn merges_chain_without_circles_and_come_apart_in_any_order() {
    let app = app();
    let (app_, tenant, origin) = (app.app(), app.tenant(), Origin::operator());
    let (a, b, c) = (own_tag(&app, 1, &[2, 3]), own_tag(&app, 2, &[1, 3]), own_tag(&app, 3, &[1, 2]));
    let before = [1, 2, 3].map(|message| app.tags_of("news", message));
    let merge = |from: &str, into: &str| app_.tags_merge(&tenant, &[from.to_owned()], into, false, &origin);
    let first = merge(&a, &b).unwrap().merge_id.unwrap();
    let second = merge(&b, &c).unwrap().merge_id.unwrap();
    assert_eq!(with_tag(&app, &a), [1, 2, 3]);
    assert_eq!(merge(&c, &a).unwrap_err().code().name(), "conflict", "a circle");
    assert_eq!(merge(&a, &c).unwrap_err().code().name(), "conflict");
    app_.tags_merge_undo(&tenant, first, &origin).unwrap();
    assert_eq!((with_tag(&app, &a), with_tag(&app, &b)), (vec![1], vec![2, 3]));
    assert_eq!(found_with(&app, "порт", &c), [2]);
    app_.tags_merge_undo(&tenant, second, &origin).unwrap();
    assert_eq!([&a, &b, &c].map(|tag| with_tag(&app, tag)), [vec![1], vec![2], vec![3]]);
    assert_eq!([1, 2, 3].map(|message| app.tags_of("news", message)), before);
    assert_eq!(app_.tags_merge_undo(&tenant, 99, &origin).unwrap_err().code().name(), "not_found");
    for into in ["", "новости", "четыре слова это много"] {
        assert_eq!(merge(&a, into).unwrap_err().code().name(), "invalid_request", "{into}");
    }
}

#[test]
fn a_protected_tag_is_not_merged_away() {
    let app = app();
    let admin = app.token("main");
    let (one, two) = (own_tag(&app, 1, &[2, 3]), own_tag(&app, 2, &[1, 3]));
    let protect = |on: bool| {
        let body = json!({ "tag": one, "protected": on });
        app.request(Method::PUT, "/api/tags/protected").token(&admin).json(&body).send().status
    };
    let merge = || app.post("/api/tags/merge", &admin, &json!({ "from": [one], "into": two }));
    assert_eq!(protect(true), StatusCode::NO_CONTENT);
    assert_eq!(app.get("/api/tags/protected", &admin).ok()["tags"], json!([one]));
    assert_eq!(merge().status, StatusCode::CONFLICT);
    protect(false);
    merge().ok();
}

#[test]
fn tagging_anew_tells_only_of_what_changed() {
    let app = app();
    let admin = app.token("main");
    let id = app.post_id("news", 1).0;
    let (tags, events) = (app.tags_of("news", 1), tagged_events(&app).len());
    let retag = |dry_run: bool| {
        let reply = app.post(&format!("/api/posts/{id}/retag"), &admin, &json!({ "dry_run": dry_run }));
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.text());
        reply.json()
    };
    assert_eq!(retag(true)["queued"], false);
    assert_eq!(retag(false)["queued"], true);
    app.run_pending_jobs();
    let made = app.tags_of("news", 1);
    let told = tagged_events(&app).len() - events;
    assert_eq!(told, usize::from(text::tags_hash(&tags) != text::tags_hash(&made)));
    assert!(found_with(&app, "ледокол", &made[0]).contains(&1), "it is in the index again");
    // Once the tags are what the tagger finds now, nothing is left to tell.
    let before = tagged_events(&app).len();
    retag(false);
    app.run_pending_jobs();
    assert_eq!(tagged_events(&app).len(), before);
}

#[test]
fn a_filter_says_which_posts_are_tagged_anew() {
    let app = app();
    let (tenant, origin) = (app.tenant(), Origin::operator());
    let count = |filter: &RetagFilter| app.app().posts_retag(&tenant, filter, true, &origin).unwrap().matched;
    assert_eq!(count(&RetagFilter::default()), 3);
    let tag = Some(own_tag(&app, 3, &[1, 2]));
    assert_eq!(count(&RetagFilter { tag, ..RetagFilter::default() }), 1);
    let since = Some("2026-11-20T00:02:00Z".parse().unwrap());
    assert_eq!(count(&RetagFilter { since, ..RetagFilter::default() }), 2);
    assert_eq!(count(&RetagFilter { until: since, ..RetagFilter::default() }), 1);
    let done = app.app().posts_retag(&tenant, &RetagFilter::default(), false, &origin).unwrap();
    assert_eq!((done.matched, done.queued), (3, 3));
    app.run_pending_jobs();
    assert_eq!(tenant.store().post_counts().unwrap().indexed, 3);
}

#[test]
fn the_command_line_merges_shows_and_undoes() {
    let tga = Binary::new();
    tga.ok(&["tenant", "create", "main"]);
    let text = "Ледокол Арктика вышел из порта Мурманск, ледокол идёт на север к зимовщикам.";
    let file = tga.jsonl("posts.jsonl", &[line("news", 1, text)]);
    tga.ok(&["import", file.to_str().unwrap(), "--tenant", "main"]);
    let top = tga.ok(&["tags", "top", "--tenant", "main"]);
    let tag = top["tags"][0]["tag"].as_str().unwrap().to_owned();
    let dry = tga.ok(&["tags", "merge", &tag, "--into", "атомоход", "--tenant", "main", "--dry-run"]);
    assert_eq!((&dry["posts"], &dry["merge_id"]), (&json!(1), &Value::Null));
    let run = tga.run(&["tags", "merge", &tag, "--into", "атомоход", "--tenant", "main"]);
    assert!(run.code == 0 && run.stdout.contains("tga tags unmerge 1"), "{}{}", run.stdout, run.stderr);
    let hits = tga.ok(&["search", "порт", "--tag", &tag, "--tenant", "main"])["hits"].clone();
    assert!(hits[0]["tags"].as_array().unwrap().contains(&json!(tag)), "{hits}");
    let hits = tga.ok(&["search", "порт", "--tag", "Атомоходы", "--tenant", "main"])["hits"].clone();
    assert_eq!(hits.as_array().unwrap().len(), 1, "{hits}");
    assert_eq!(tga.ok(&["tags", "merges", "--tenant", "main"])["total"], json!(1));
    assert_eq!(tga.ok(&["tags", "unmerge", "1", "--tenant", "main"])["posts"], json!(1));
    let report = tga.ok(&["tags", "retag", "--tenant", "main", "--channel", "news", "--dry-run"]);
    assert_eq!((&report["matched"], &report["dry_run"]), (&json!(1), &json!(true)));
    assert_eq!(tga.ok(&["tags", "protect", &tag, "--tenant", "main"])["protected"], json!(true));
    assert_eq!(tga.json(&["tags", "merge", &tag, "--into", "порт", "--tenant", "main"]).0, 1);
}
