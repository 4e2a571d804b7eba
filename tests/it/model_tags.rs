//! Tags by a model: rules, batches, equal texts, consent, going back; and a model that is down for an hour.

use std::sync::atomic::AtomicBool;

use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tga::{
    app::{
        audit::Origin,
        model_calls::ModelSettings,
        model_tags::{ATTEMPTS_MAX, POSTS_PER_CALL},
        tags::RetagFilter,
    },
    model::{ChannelSet, ConsentPurpose, Role},
    pipeline::{ModelTagsOutcome, model_tags_tick},
    store::Subscription,
};

use crate::support::{
    Line, TestApp, line,
    llm::{Llm, Say, posts_of, say},
};

/// A post long enough to be asked about; its number makes it its own.
fn post(channel: &str, id: i64) -> Line {
    let text = format!(
        "Ледокол «Арктика-{id}» вышел из порта Мурманск и ведёт караван судов по Северному морскому пути, сообщил капитан Петров."
    );
    line(channel, id, &text)
}

/// Answers with tags of each post: its ship and two phrases of the text.
fn honest(body: &Value) -> Say {
    let rows: Vec<Value> = posts_of(body)
        .into_iter()
        .map(|(id, text)| {
            let ship = text.split(['«', '»']).nth(1).unwrap_or("Мурманск").to_owned();
            json!({ "id": id, "tags": [ship, "капитан Петров", "Северному морскому пути"] })
        })
        .collect();
    say(&json!({ "posts": rows }).to_string())
}

fn app_with(llm: &Llm) -> TestApp {
    let app = TestApp::builder()
        .models(llm, "openai")
        .set("TGA__AI__TENANT_TOKENS_PER_DAY", "0")
        .set("TGA__AI__TENANT_TOKENS_PER_MONTH", "0")
        .build();
    llm.watch(app.app().clock());
    switch(&app, true);
    app
}

fn switch(app: &TestApp, enabled: bool) {
    let settings = ModelSettings { enabled, ..ModelSettings::default() };
    app.app().models_set(&app.tenant(), settings, &Origin::operator()).unwrap();
}

fn tick(app: &TestApp) -> ModelTagsOutcome {
    model_tags_tick(app.app(), &AtomicBool::new(false)).unwrap()
}

/// Ticks until nothing can be asked now; when it is worth looking again.
fn tag_all(app: &TestApp) -> Option<Timestamp> {
    loop {
        match tick(app) {
            ModelTagsOutcome::Asked(_) => {}
            ModelTagsOutcome::Idle { until } => {
                app.run_pending_jobs();
                return until;
            }
        }
    }
}

fn provider_of(app: &TestApp, channel: &str, id: i64) -> String {
    let trace = app.tenant().post_trace(app.post_id(channel, id), &ChannelSet::All).unwrap();
    json!(trace)["tags_provider"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn local_tags_come_first_and_better_ones_when_the_model_has_answered() {
    let llm = Llm::start();
    llm.mind(honest);
    let mut app = app_with(&llm);
    app.index_jsonl(&(1..=23).map(|id| post("news", id)).collect::<Vec<_>>());
    let local = app.tags_of("news", 1);
    assert!(!local.is_empty() && provider_of(&app, "news", 1) == "local");
    assert!(llm.calls("/chat/completions").is_empty(), "indexing waits for nobody");
    assert_eq!(tag_all(&app), None);
    assert_eq!(
        llm.calls("/chat/completions").len(),
        23_usize.div_ceil(POSTS_PER_CALL),
        "several posts a call"
    );
    assert_eq!(app.tags_of("news", 7), ["Арктика-7", "капитан Петров", "Северному морскому пути"]);
    assert_eq!(provider_of(&app, "news", 7), "openai/test-model");
    let tagged: Vec<Value> = app
        .events()
        .iter()
        .filter(|event| event.event == "posts.tagged" && event.data.get("trigger") == Some(&json!("retag")))
        .map(|event| event.data.get("provider").cloned().unwrap_or_default())
        .collect();
    assert_eq!(tagged.len(), 23);
    let stored = app.tenant().store().model_tags_load(&[app.post_id("news", 7)]).unwrap();
    let made = &stored[&app.post_id("news", 7)];
    let text = app.tenant().post_get(app.post_id("news", 7), &ChannelSet::All).unwrap().text;
    for tag in &made.tags {
        assert_eq!(&text[tag.start..tag.end], tag.form, "where it stands is kept");
    }
    // An edit is a new post to a tagger.
    app.import_jsonl(&[line(
        "news",
        7,
        "Ледокол «Сибирь-7» встал на ремонт в порту Певек, рейс отложен до весны, сообщили в пресс-службе.",
    )]);
    app.run_pending_jobs();
    assert_eq!(provider_of(&app, "news", 7), "local");
    tag_all(&app);
    assert_eq!(app.tags_of("news", 7)[0], "Сибирь-7");
}

#[test]
fn answers_that_break_the_rules_lose_the_tag_and_not_the_post() {
    let answers = [
        // What stands, what does not stand, what is banned, too long, twice; and prompt text as tags.
        (
            json!({ "posts": [{ "id": 1, "tags": ["мурманск", "Мурманск", "экономика", "новости", "Владивосток",
                "караван судов по Северному", "Тег — слово", "дословно", "капитан Петров"] }] }).to_string(),
            vec!["Мурманск", "капитан Петров"],
        ),
        (format!("```json\n{}\n```", json!({ "posts": [{ "id": 1, "tags": ["Мурманск"] }] })), vec!["Мурманск"]),
        (
            json!({ "posts": [{ "id": 1, "tags": (0..90).map(|n| ["порта", "Мурманск", "караван", "судов", "капитан", "Петров", "ледокол"][n % 7])
                .collect::<Vec<_>>() }] }).to_string(),
            vec!["порта", "Мурманск", "караван", "судов", "капитан"],
        ),
    ];
    for (answer, expected) in answers {
        let llm = Llm::start();
        let mut app = app_with(&llm);
        app.index_jsonl(&[post("news", 1)]);
        llm.script([say(&answer)]);
        tag_all(&app);
        assert_eq!(app.tags_of("news", 1), expected);
    }
    // Nothing that keeps the rules: the local tags stay.
    let llm = Llm::start();
    let mut app = app_with(&llm);
    app.index_jsonl(&[post("news", 1)]);
    let local = app.tags_of("news", 1);
    llm.script([say(r#"{"posts":[{"id":1,"tags":["технологии","Луна"]}]}"#)]);
    tag_all(&app);
    assert_eq!((app.tags_of("news", 1), provider_of(&app, "news", 1)), (local, "local".to_owned()));
}

#[test]
fn what_cannot_be_read_is_asked_again_alone_and_then_left() {
    let llm = Llm::start();
    llm.mind(|body| {
        // Never a word about the second ship.
        let posts = posts_of(body);
        if posts.iter().any(|(_, text)| text.contains("Арктика-2»")) {
            say("не знаю")
        } else {
            honest(body)
        }
    });
    let mut app = app_with(&llm);
    app.index_jsonl(&[post("news", 1), post("news", 2), post("news", 3)]);
    let local = app.tags_of("news", 2);
    for _ in 0..12 {
        tag_all(&app);
        app.advance(SignedDuration::from_mins(30));
    }
    let counts = app.tenant().store().model_tag_counts().unwrap();
    assert_eq!((counts.done, counts.failed, counts.due), (2, 1, 0));
    assert_eq!(app.tags_of("news", 2), local, "never a made-up tag");
    let alone =
        llm.calls("/chat/completions").into_iter().filter(|call| posts_of(&call.body).len() == 1).count();
    assert!(alone >= ATTEMPTS_MAX as usize - 1 + 2, "{alone}");
    assert!(llm.calls("/chat/completions").len() < 10);
}

/// While posts wait to be asked about again, and when that is in vain, the tags of before stay.
#[test]
fn asking_again_does_not_throw_good_tags_away() {
    let llm = Llm::start();
    llm.mind(honest);
    let mut app = app_with(&llm);
    app.index_jsonl(&[post("news", 1)]);
    tag_all(&app);
    let made = app.tags_of("news", 1);
    assert_eq!(provider_of(&app, "news", 1), "openai/test-model");
    let filter = RetagFilter::default();
    app.app().model_retag(&app.tenant(), &filter, false, &Origin::operator()).unwrap();
    app.app().posts_retag(&app.tenant(), &filter, false, &Origin::operator()).unwrap();
    app.run_pending_jobs();
    assert_eq!(
        (app.tags_of("news", 1), provider_of(&app, "news", 1).as_str()),
        (made.clone(), "openai/test-model")
    );
    llm.mind(|_| Say::Garbage);
    for _ in 0..=ATTEMPTS_MAX {
        tag_all(&app);
        app.advance(SignedDuration::from_hours(24));
    }
    app.app().posts_retag(&app.tenant(), &filter, false, &Origin::operator()).unwrap();
    app.run_pending_jobs();
    assert_eq!((app.tags_of("news", 1), provider_of(&app, "news", 1).as_str()), (made, "openai/test-model"));
    // Taken back, they do not come again by themselves.
    app.app().model_retag_undo(&app.tenant(), &filter, &Origin::operator()).unwrap();
    app.run_pending_jobs();
    assert_eq!(provider_of(&app, "news", 1), "local");
}

/// Billed and refused by the first, the second not to be reached: that used to be asked every 15 s for ever.
#[test]
fn a_post_that_a_provider_refuses_is_given_up_though_the_next_one_is_down() {
    let llm = Llm::start();
    llm.mind(|_| Say::Finish("blacklist"));
    let builder = TestApp::builder().models(&llm, "gigachat, openai");
    let mut app = builder.set("TGA__AI__OPENAI__BASE_URL", "http://127.0.0.1:9/v1").build();
    llm.watch(app.app().clock());
    switch(&app, true);
    app.index_jsonl(&[post("news", 1)]);
    for _ in 0..20 {
        tag_all(&app);
        app.advance(SignedDuration::from_hours(2));
    }
    let counts = app.tenant().store().model_tag_counts().unwrap();
    assert_eq!((counts.due, counts.failed), (0, 1), "{counts:?}");
}

#[test]
fn equal_texts_are_asked_about_once_and_short_ones_never() {
    let llm = Llm::start();
    llm.mind(honest);
    let mut app = app_with(&llm);
    let text = post("news", 1).0["text"].as_str().unwrap().to_owned();
    app.index_jsonl(&[line("news", 1, &text), line("copy", 1, &text), line("news", 2, "Коротко: метель.")]);
    tag_all(&app);
    let calls = llm.calls("/chat/completions");
    assert_eq!((calls.len(), posts_of(&calls[0].body).len()), (1, 1), "both copies by one question");
    assert_eq!(app.tags_of("copy", 1), app.tags_of("news", 1));
    app.index_jsonl(&[line("third", 1, &text)]);
    tag_all(&app);
    assert_eq!(llm.calls("/chat/completions").len(), 1, "known for a day");
    assert_eq!(provider_of(&app, "third", 1), "openai/test-model");
    let counts = app.tenant().store().model_tag_counts().unwrap();
    assert_eq!((counts.done, counts.skipped), (3, 1));
}

#[test]
fn posts_go_out_only_where_every_follower_of_the_channel_agreed() {
    let llm = Llm::start();
    llm.mind(honest);
    let mut app = app_with(&llm);
    app.index_jsonl(&[post("news", 1), post("other", 2)]);
    let (anna, boris) = (app.member("main", 1, Role::Admin), app.member("main", 2, Role::User));
    let tenant = app.tenant();
    let channel = tenant.channel_get("news", &ChannelSet::All).unwrap().id;
    for member in [&anna, &boris] {
        let follows =
            Subscription { membership: member.id, channel, depth_days: None, created_at: app.app().now() };
        tenant.store().subscription_add(follows, 10).unwrap();
    }
    let agree = |member: &tga::store::Member, given| {
        app.app().consent_put(&tenant, member.id, ConsentPurpose::ExternalModels, given).unwrap();
    };
    tag_all(&app);
    agree(&anna, true);
    tag_all(&app);
    assert_eq!(
        (provider_of(&app, "news", 1), provider_of(&app, "other", 2)),
        ("local".into(), "openai/test-model".into())
    );
    for call in llm.calls("/chat/completions") {
        assert!(
            !posts_of(&call.body).iter().any(|(_, text)| text.contains("Арктика-1»")),
            "one of them did not agree"
        );
    }
    agree(&boris, true);
    tag_all(&app);
    assert_eq!(provider_of(&app, "news", 1), "openai/test-model");
    agree(&boris, false);
    app.import_jsonl(&[post("news", 5)]);
    app.run_pending_jobs();
    tag_all(&app);
    assert_eq!(provider_of(&app, "news", 5), "local", "taken back");
    drop(tenant);
}

#[test]
fn a_filter_is_tagged_anew_with_an_estimate_and_taken_back() {
    let llm = Llm::start();
    llm.mind(honest);
    let mut app = app_with(&llm);
    // Older than what is tagged by itself.
    let old: Vec<Line> = (1..=12).map(|id| post("old", id).at("2026-01-05T10:00:00Z")).collect();
    app.index_jsonl(&old);
    tag_all(&app);
    assert!(llm.calls("/chat/completions").is_empty());
    let token = app.token("main");
    let retag = |body: Value| app.post("/api/admin/models/retag", &token, &body).ok();
    let dry = retag(json!({ "dry_run": true }));
    assert_eq!((dry["matched"].clone(), dry["asked"].clone()), (json!(12), json!(12)));
    assert!(dry["tokens_estimate"].as_u64().unwrap() > 1000);
    tag_all(&app);
    assert!(llm.calls("/chat/completions").is_empty(), "a dry run asks nobody");
    let local = app.tags_of("old", 3);
    let begun = retag(json!({ "until": "2026-02-01T00:00:00Z" }));
    assert_eq!(begun["progress"]["due"], json!(12));
    tag_all(&app);
    assert_eq!(retag(json!({ "dry_run": true }))["progress"]["done"], json!(12));
    assert_eq!(app.tags_of("old", 3)[0], "Арктика-3");
    let undone =
        app.request(Method::POST, "/api/admin/models/retag/undo").token(&token).json(&json!({})).send().ok();
    assert_eq!(undone["posts"], json!(12));
    app.run_pending_jobs();
    assert_eq!(app.tags_of("old", 3), local);
    tag_all(&app);
    assert_eq!(app.tags_of("old", 3), local, "what was undone stays so");
    let all = RetagFilter::default();
    let report = app.app().model_retag(&app.tenant(), &all, false, &Origin::operator()).unwrap();
    assert_eq!(report.asked, 12);
    tag_all(&app);
    assert_eq!(app.tags_of("old", 3)[0], "Арктика-3", "asked for again");
}

#[test]
fn tags_of_the_same_posts_are_suggested_for_a_merge_unless_both_are_protected() {
    let llm = Llm::start();
    llm.mind(honest);
    let mut app = app_with(&llm);
    app.index_jsonl(&(1..=5).map(|id| post("news", id)).collect::<Vec<_>>());
    tag_all(&app);
    let token = app.token("main");
    let suggested =
        || app.get("/api/tags/suggestions", &token).ok()["suggestions"].as_array().unwrap().clone();
    let found = suggested();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["reason"], &found[0]["together"]), (&json!("same_posts"), &json!(5)));
    for tag in ["капитан Петров", "Северному морскому пути"] {
        app.app().tag_protect(&app.tenant(), tag, true, &Origin::operator()).unwrap();
    }
    assert!(suggested().is_empty());
}

/// Down for an hour on the test's clock, while 5,000 posts arrive.
#[test]
fn an_hour_without_the_model_loses_no_post_and_ends_without_a_herd() {
    const POSTS: i64 = 5_000;
    const STEP_S: i64 = 60;
    let llm = Llm::start();
    let mut app = app_with(&llm);
    llm.mind(|_| Say::Refuse(503, None, json!({ "error": { "message": "down" } })));
    let mut next = 1;
    let mut wait_until = app.app().now();
    for _ in 0..(3600 / STEP_S) {
        let batch: Vec<Line> = (next..)
            .take((POSTS * STEP_S / 3600) as usize + 1)
            .take_while(|id| *id <= POSTS)
            .map(|id| post("news", id))
            .collect();
        next += batch.len() as i64;
        if !batch.is_empty() {
            app.import_jsonl(&batch);
            app.run_pending_jobs();
        }
        if app.app().now() >= wait_until {
            wait_until = tag_all(&app).unwrap_or(wait_until);
        }
        app.advance(SignedDuration::from_secs(STEP_S));
    }
    assert_eq!(next, POSTS + 1);
    let asked_while_down = llm.calls("/chat/completions").len();
    assert!((2..=20).contains(&asked_while_down), "{asked_while_down} questions to a model that was down");
    let status = app.app().tenant_status(&app.tenant()).unwrap();
    assert_eq!((status.posts, status.indexed), (POSTS as u64, POSTS as u64), "all are found meanwhile");
    assert_eq!(app.found("Арктика-4321").len(), 1);
    assert!(!app.tags_of("news", 4321).is_empty(), "with local tags");

    llm.mind(honest);
    app.advance(SignedDuration::from_mins(15));
    assert_eq!(tag_all(&app), None);
    let counts = app.tenant().store().model_tag_counts().unwrap();
    assert_eq!((counts.done, counts.due, counts.failed), (POSTS as u64, 0, 0));
    assert_eq!(app.tags_of("news", 4321)[0], "Арктика-4321");
    let calls = llm.calls("/chat/completions").len() - asked_while_down;
    assert_eq!(calls, (POSTS as usize).div_ceil(POSTS_PER_CALL), "each post is asked about once");
    let status = app.app().tenant_status(&app.tenant()).unwrap();
    assert_eq!(status.indexed, POSTS as u64, "and indexed with its new tags");
}

#[test]
fn a_used_up_budget_leaves_the_local_tags_until_the_next_day() {
    let llm = Llm::start();
    llm.mind(honest);
    let mut app =
        TestApp::builder().models(&llm, "openai").set("TGA__AI__TENANT_TOKENS_PER_DAY", "5000").build();
    llm.watch(app.app().clock());
    llm.set_usage(4000, 800);
    switch(&app, true);
    app.index_jsonl(&(1..=25).map(|id| post("news", id)).collect::<Vec<_>>());
    let until = tag_all(&app).expect("it waits for a new day");
    assert_eq!(until.to_string(), "2026-11-22T00:00:00Z");
    assert_eq!(llm.calls("/chat/completions").len(), 1);
    app.advance(until.duration_since(app.app().now()));
    tag_all(&app);
    assert_eq!(llm.calls("/chat/completions").len(), 2);
}
