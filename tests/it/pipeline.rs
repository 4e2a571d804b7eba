//! A post's way from import to a search hit: every stage once, nothing lost, nobody in front of anybody for long.

use jiff::SignedDuration;
use tga::{
    app::{
        audit::Origin,
        command::{Command, ContentCommand, OperationsCommand},
        search::SearchMode,
    },
    job::Job,
    model::{ChannelSet, TenantId},
    pipeline::{TickOutcome, sweep, tick},
    queue::{Cause, Lane, Pick},
};

use crate::support::{Line, TestApp, line};

/// The events of one post's way, in order.
const WAY: [&str; 4] = ["posts.parsed", "posts.tagged", "posts.enriched", "posts.indexed"];

fn posts(channel: &str, range: std::ops::Range<i64>) -> Vec<Line> {
    let text = |id| format!("Ледокол номер слово{id} вышел из порта город{id} груз{id} рейс{id}");
    range.map(|id| line(channel, id, &text(id))).collect()
}

#[test]
fn a_post_goes_from_import_to_a_hit_through_every_stage_once() {
    let mut app = TestApp::builder().synthetic_model().build();
    app.import_jsonl(&posts("news", 1..4));
    assert_eq!(app.found("ледокол"), [0_i64; 0], "nothing is found before its stage");
    assert_eq!(app.event_names(), []);
    app.run_pending_jobs();
    for id in 1..4 {
        let post = app.post_id("news", id).0;
        let events = app.event_names();
        let way: Vec<&str> =
            events.iter().filter(|(_, of)| *of == Some(post)).map(|(name, _)| *name).collect();
        assert_eq!(way, WAY, "post {post}");
    }
    assert_eq!(app.found("слово2"), [2]);
    assert_eq!(app.embed_pending(), 3);
    let hits = app.search("Ледокол слово2 вышел из порта", SearchMode::Vector).hits;
    assert_eq!(hits.len(), 3);
}

#[test]
fn a_crash_between_two_steps_loses_no_post_and_repeats_no_event() {
    let mut app = TestApp::builder().set("TGA__PIPELINE__BATCH_POSTS", "1").build();
    app.import_jsonl(&posts("news", 1..6));
    for _ in 0..4 {
        assert!(matches!(tick(app.app()).unwrap(), TickOutcome::Worked(_)));
        app.crash();
    }
    app.run_pending_jobs();
    let names: Vec<&str> = app.event_names().into_iter().map(|(name, _)| name).collect();
    for name in WAY {
        assert_eq!(names.iter().filter(|seen| **seen == name).count(), 5, "{name}");
    }
    assert_eq!(app.found("слово5"), [5]);
}

#[test]
fn jobs_left_by_a_stop_are_finished_after_the_start() {
    let mut app = TestApp::new();
    app.import_jsonl(&posts("news", 1..3));
    app.restart();
    assert_eq!(app.app().queue_view().ready, 2);
    app.run_pending_jobs();
    assert_eq!(app.found("слово1"), [1]);
}

#[test]
fn the_sweep_queues_what_a_lost_queue_had() {
    let mut app = TestApp::new();
    app.import_jsonl(&posts("news", 1..8));
    app.close();
    std::fs::remove_file(app.data_dir().join("queue.redb")).unwrap();
    app.open();
    assert_eq!(app.queue_dump().lines().count(), 1, "an empty queue");
    assert_eq!(sweep(app.app()).unwrap().posts, 7);
    assert_eq!(sweep(app.app()).unwrap().posts, 7, "looked at again");
    assert_eq!(app.app().queue_view().ready, 7, "and not queued again");
    app.run_pending_jobs();
    assert_eq!(app.found("слово7"), [7]);
}

#[test]
fn a_poison_job_becomes_a_dead_letter_with_its_reason() {
    let mut app = TestApp::new();
    app.index_jsonl(&posts("news", 1..2));
    let mut job =
        Job::Advance { tenant: app.tenant().id(), post: app.post_id("news", 1) }.to_new(Cause::News);
    job.payload = vec![99, 1, 2, 3];
    app.app().queue().enqueue(vec![job]).unwrap();
    app.run_pending_jobs();
    app.expect_dead(1);
    let dead = app.app().job_list(true, 10);
    assert_eq!(dead.len(), 1);
    assert!(dead[0].reason.contains("version 99"), "{}", dead[0].reason);
    // It gets its new life and comes to the same end.
    assert_eq!(app.app().dead_requeue(&[], None, &Origin::operator()).unwrap(), 1);
    assert_eq!(app.app().queue_view().dead, 0);
    app.run_pending_jobs();
    let again = app.app().job_list(true, 10);
    assert_eq!((again.len(), again[0].attempt), (1, 1));
    // A job that waits is no dead letter, and another tenant's is none of this one's.
    app.import_jsonl(&posts("news", 2..3));
    let (waiting, other) = (app.app().job_list(false, 1)[0].id, TenantId(uuid::Uuid::from_u128(7)));
    let origin = Origin::operator();
    assert_eq!(app.app().dead_discard(&[waiting], None, &origin).unwrap_err().code().name(), "not_found");
    assert_eq!(
        app.app().dead_discard(&[again[0].id], Some(other), &origin).unwrap_err().code().name(),
        "not_found"
    );
    assert_eq!(app.app().dead_discard(&[], Some(other), &origin).unwrap(), 0);
    app.run_pending_jobs();
    assert_eq!(app.post_id("news", 2).0, 2, "the waiting job was done");
    assert_eq!(app.app().dead_discard(&[again[0].id], None, &Origin::operator()).unwrap(), 1);
    app.expect_dead(0);
}

/// Puts `one`'s directory where `other`'s is and the other way round.
fn swap_tenants(app: &TestApp, one: &str, other: &str) {
    let tenants = app.data_dir().join("tenants");
    let aside = tenants.join("aside");
    std::fs::rename(tenants.join(one), &aside).unwrap();
    std::fs::rename(tenants.join(other), tenants.join(one)).unwrap();
    std::fs::rename(aside, tenants.join(other)).unwrap();
}

#[test]
fn a_post_of_a_tenant_out_of_reach_waits_and_is_never_given_up() {
    let mut app = TestApp::builder().tenant("other").build();
    app.import_jsonl(&posts("news", 1..2));
    let (main, other) = (app.tenant().id().to_string(), app.tenant_named("other").id().to_string());
    app.close();
    swap_tenants(&app, &main, &other);
    app.open();
    for _ in 0..40 {
        app.run_pending_jobs();
        app.advance(SignedDuration::from_mins(10));
    }
    let waiting = app.app().job_list(false, 10);
    assert_eq!((waiting.len(), app.app().job_list(true, 10).len()), (1, 0), "{}", app.queue_dump());
    assert!(waiting[0].reason.contains("belongs to"), "{}", waiting[0].reason);
    app.close();
    swap_tenants(&app, &main, &other);
    app.open();
    app.advance(SignedDuration::from_mins(10));
    app.run_pending_jobs();
    assert_eq!(app.found("ледокол"), [1]);
}

#[test]
fn a_deleted_post_leaves_every_list_index_and_answer() {
    let mut app = TestApp::builder().synthetic_model().build();
    app.index_jsonl(&[
        line("news", 1, "Гран-при кинофестиваля получил фильм «Соль на подоконнике»"),
        line("news", 2, "Нацбанк снизил ключевую ставку"),
    ]);
    let id = app.post_id("news", 1);
    let tags = app.tags_of("news", 1);
    assert!(!tags.is_empty());
    app.app().post_delete(&app.tenant(), id, "retention").unwrap();
    let tenant = app.tenant();
    for mode in SearchMode::ALL {
        let hits = app.search("фильм «Соль на подоконнике»", mode).hits;
        assert!(hits.iter().all(|hit| hit.post_id != id), "{mode:?}: {hits:?}");
    }
    assert!(tenant.post_get(id, &ChannelSet::All).is_err());
    let page = tenant.post_page(ChannelSet::All, None, (None, None), 10, 0).unwrap();
    assert_eq!((page.total, page.posts.len()), (1, 1));
    let top = tenant.tag_top(&ChannelSet::All, 100).unwrap();
    assert!(top.iter().all(|count| !tags.contains(&count.tag)), "{top:?}");
    let answer = app.ask("Какой фильм получил гран-при?");
    assert!(answer.result.sources.iter().all(|source| source.post_id != id));
    assert!(!answer.result.answer.contains("подоконнике"));
    assert_eq!(app.event_names().last(), Some(&("posts.deleted", Some(id.0))), "it is told");
    let told = serde_json::to_string(&app.events()).unwrap();
    assert!(!told.contains("подоконнике"), "its text is gone from the log");
    // Again is an error, and so is a link to it.
    assert!(app.app().post_delete(&tenant, id, "retention").is_err());
    let trace =
        Command::Content(ContentCommand::Trace { tenant: None, link: "https://t.me/news/1".to_owned() });
    assert!(app.app().execute(trace, &mut |_| {}).is_err());
    // It stays away after a rebuild, after a restart, and when its file is imported again.
    drop(tenant);
    let rebuild = Command::Operations(OperationsCommand::IndexRebuild { tenant: None });
    app.app().execute(rebuild, &mut |_| {}).unwrap();
    app.restart();
    app.index_jsonl(&[line("news", 1, "Гран-при кинофестиваля получил фильм «Соль на подоконнике»")]);
    assert_eq!(app.found("подоконнике"), [0_i64; 0]);
    let verify =
        app.app().execute(Command::Operations(OperationsCommand::IndexVerify { tenant: None }), &mut |_| {});
    assert_eq!(verify.unwrap()["indexes"][0]["ok"], true);
}

#[test]
fn a_large_import_holds_no_other_tenant_up() {
    let mut app = TestApp::builder().tenant("small").set("TGA__PIPELINE__BATCH_POSTS", "128").build();
    app.import_jsonl(&posts("news", 1..301));
    app.import_jsonl_into("small", &posts("news", 1..5));
    let small = app.tenant_named("small");
    let mut ticks = 0;
    while small.store().post_counts().unwrap().indexed < 4 {
        tick(app.app()).unwrap();
        ticks += 1;
        assert!(ticks < 8, "the small tenant waits behind the large one");
    }
    assert!(app.tenant().store().post_counts().unwrap().indexed < 300);
    app.run_pending_jobs();
}

#[test]
fn a_live_post_passes_an_import() {
    let mut app = TestApp::builder().set("TGA__PIPELINE__BATCH_POSTS", "8").build();
    app.import_jsonl(&posts("news", 1..101));
    let last = app.post_id("news", 100);
    // As when Telegram says that this post has just changed.
    let tenant = app.tenant();
    app.import_jsonl(&[line("news", 101, "Срочно: маяк погас")]);
    let live = app.post_id("news", 101);
    app.app().queue().discard(Pick::All).unwrap();
    let mut job = Job::Advance { tenant: tenant.id(), post: live }.to_new(Cause::News);
    job.lane = Lane::Live;
    app.app().queue().enqueue(vec![job]).unwrap();
    for _ in 0..5 {
        tick(app.app()).unwrap();
    }
    assert_eq!(app.found("маяк"), [101], "{}", app.queue_dump());
    let unfinished = tenant.store().post_unfinished_list(last, 10).unwrap();
    assert_eq!(unfinished, []);
    app.run_pending_jobs();
}

#[test]
fn more_posts_than_the_queue_holds_come_through_in_sweeps() {
    let mut app = TestApp::new();
    app.import_jsonl(&posts("news", 1..30));
    app.close();
    std::fs::remove_file(app.data_dir().join("queue.redb")).unwrap();
    app.open();
    app.run_pending_jobs();
    assert_eq!(app.tenant().store().post_counts().unwrap().indexed, 29);
}
