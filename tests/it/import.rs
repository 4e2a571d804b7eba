//! Importing files: what is stored, what is said about it, and what a second import changes.

use serde_json::json;
use tga::{app::search::SearchMode, model::ChannelSet};

use crate::support::{TestApp, line, shared_data};

#[test]
fn the_same_file_twice_changes_nothing_and_emits_no_event() {
    let mut app = TestApp::new();
    let lines = [
        line("news", 1, "Нацбанк снизил ключевую ставку до 13,75 процента"),
        line("news", 2, "Открылась станция метро «Тальминская»"),
    ];
    let first = app.index_jsonl(&lines);
    assert_eq!((first.imported, first.updated, first.duplicates), (2, 0, 0));
    let events = app.events();
    let second = app.index_jsonl(&lines);
    assert_eq!((second.imported, second.updated, second.duplicates), (0, 0, 2));
    assert_eq!(app.events(), events);
    assert_eq!(app.queue_dump().lines().count(), 1, "only the next id");
}

#[test]
fn an_edit_updates_retags_reindexes_and_reembeds() {
    let mut app = TestApp::builder().synthetic_model().build();
    app.index_jsonl(&[line(
        "news",
        1,
        "Аккумулятор на натрии показал стартап «Тепловоз Энерджи»: аккумулятор не горит",
    )]);
    let before = app.tags_of("news", 1);
    assert_eq!(app.found("аккумулятор"), [1]);
    let report = app.import_jsonl(&[line(
        "news",
        1,
        "Гроссмейстер выиграл шахматный турнир: гроссмейстер играл белыми",
    )]);
    assert_eq!((report.imported, report.updated, report.duplicates), (0, 1, 0));
    app.run_pending_jobs();
    assert_eq!(app.embed_pending(), 1, "the old vector is of the old text");
    assert_eq!(app.found("аккумулятор"), [0_i64; 0]);
    assert_eq!(app.found("гроссмейстер"), [1]);
    let after = app.tags_of("news", 1);
    assert!(before.iter().all(|tag| !after.contains(tag)), "{before:?} {after:?}");
    let names: Vec<&str> = app.event_names().into_iter().map(|(name, _)| name).collect();
    let round = ["posts.parsed", "posts.tagged", "posts.enriched", "posts.indexed"];
    assert_eq!(names, [round, round].concat());
}

#[test]
fn new_counters_are_no_edit() {
    let mut app = TestApp::new();
    app.index_jsonl(&[line("news", 1, "Текст про метро").with("views", 10)]);
    let report = app.import_jsonl(&[line("news", 1, "Текст про метро").with("views", 99)]);
    assert_eq!((report.updated, report.duplicates), (0, 1));
    let id = app.post_id("news", 1);
    let post = app.tenant().post_get(id, &ChannelSet::All).unwrap();
    assert_eq!(post.views, Some(99));
}

#[test]
fn an_album_is_one_post_and_one_hit() {
    let mut app = TestApp::new();
    let member = |id, text: &str| line("photo", id, text).with("grouped_id", 77).at("2026-11-20T10:00:00Z");
    let report =
        app.index_jsonl(&[member(1, "Ледокол вышел из порта"), member(2, ""), member(3, "ледокол на рейде")]);
    assert_eq!(report.albums, 1);
    assert_eq!(app.found("ледокол"), [1]);
    let id = app.post_id("photo", 3);
    let post = app.tenant().post_get(id, &ChannelSet::All).unwrap();
    assert_eq!((post.message_id, post.text.lines().count()), (1, 2));
    let page = app.tenant().post_page(ChannelSet::All, None, (None, None), 10, 0);
    assert_eq!(page.unwrap().total, 1);
}

#[test]
fn album_members_of_separate_imports_are_one_post() {
    let mut app = TestApp::new();
    let member = |id, text: &str| line("photo", id, text).with("grouped_id", 77).at("2026-11-20T10:00:00Z");
    app.index_jsonl(&[member(1, "Ледокол вышел из порта")]);
    let report = app.index_jsonl(&[member(2, "на рейде стоит баржа")]);
    assert_eq!(report.albums, 0, "the album is known");
    assert_eq!(app.found("баржа"), [1]);
    assert_eq!(app.found("ледокол"), [1]);
    let all = app.search("ледокол баржа", SearchMode::Fulltext);
    assert_eq!((all.hits.len(), all.total), (1, 1));
    // The members come again the other way round: nothing is left to do.
    let events = app.events().len();
    app.index_jsonl(&[member(2, "на рейде стоит баржа"), member(1, "Ледокол вышел из порта")]);
    assert_eq!(app.events().len(), events);
}

#[test]
fn a_truncated_export_keeps_what_was_read_and_says_where_it_broke() {
    let mut app = TestApp::new();
    let texts = ["Ледокол вышел из порта", "Баржа ждёт погоды у мыса", "Маяк снова светит"];
    let message = |id: usize| {
        json!({ "id": id, "type": "message", "date": "2026-11-20T10:00:00", "date_unixtime": "1795168800",
                "text": texts[id - 1], "text_entities": [] })
    };
    let whole = json!({ "name": "Флот", "type": "public_channel", "id": 1_234_567_890,
                        "messages": [message(1), message(2), message(3)] })
    .to_string();
    let cut = whole.rfind("Маяк").unwrap();
    let error = app.import_text("main", "json", &whole.as_bytes()[..cut]).unwrap_err().to_string();
    assert!(error.contains("import-1.json"), "no file: {error}");
    assert!(error.contains("byte"), "no byte: {error}");
    assert!(error.contains('2') || error.contains('3'), "no message: {error}");
    app.run_pending_jobs();
    assert_eq!(app.found("ледокол"), [1]);
    assert_eq!(app.found("баржа"), [2]);
    assert_eq!(app.found("маяк"), [0_i64; 0]);
    // The whole file later brings only what was missing.
    let report = app.import_text("main", "json", whole.as_bytes()).unwrap();
    assert_eq!((report.imported, report.duplicates), (1, 2));
    app.run_pending_jobs();
}

#[test]
fn a_bad_line_is_reported_with_its_number_and_the_others_are_kept() {
    let mut app = TestApp::new();
    let text = format!(
        "{}\nnot json\n{}\n{}\n",
        line("news", 1, "первая").0,
        json!({ "channel": "news", "message_id": 2, "date": "yesterday", "text": "bad" }),
        line("news", 3, "третья").0
    );
    let report = app.import_text("main", "jsonl", text.as_bytes()).unwrap();
    assert_eq!((report.imported, report.skipped), (2, 2));
    let [second, third] = report.skipped_examples.as_slice() else { panic!("{:?}", report.skipped_examples) };
    assert!(second.starts_with("line 2: "), "{second}");
    assert!(third.starts_with("line 3: "), "{third}");
    app.run_pending_jobs();
}

#[test]
fn an_export_of_telegram_desktop_is_recognised_and_searchable() {
    let app = TestApp::new();
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/export/channel.json");
    let report = app.import_file("main", &file).unwrap();
    assert!(report.imported > 0, "{report:?}");
    app.run_pending_jobs();
    assert_eq!(app.found("\"выпуск о мостах\""), [2]);
    let id = app.post_id("-1001234567890", 2);
    let post = app.tenant().post_get(id, &ChannelSet::All).unwrap();
    assert_eq!(post.permalink.as_deref(), Some("https://t.me/c/1234567890/2"));
    let again = app.import_file("main", &file).unwrap();
    assert_eq!((again.imported, again.updated), (0, 0));
}

#[test]
fn a_real_export_comes_in_whole() {
    let Some(file) = shared_data("telegram-desktop/result.json") else {
        return;
    };
    let app = TestApp::new();
    let report = app.import_file("main", &file).unwrap();
    assert!(report.imported > 0 && report.albums == 1, "{report:?}");
    app.run_pending_jobs();
}

#[test]
fn a_username_in_two_cases_is_one_channel() {
    let mut app = TestApp::new();
    app.index_jsonl(&[line("RustNews", 1, "Первый пост")]);
    app.index_jsonl(&[line("@rustnews", 2, "Второй пост")]);
    app.index_jsonl(&[line("https://t.me/RUSTNEWS", 1, "Первый пост")]);
    let channels = app.tenant().channel_views(&ChannelSet::All).unwrap();
    assert_eq!(channels.len(), 1, "{channels:?}");
    assert_eq!(channels[0].posts, 2);
}

#[test]
fn a_file_that_is_nothing_we_know_is_refused_with_its_name() {
    let mut app = TestApp::new();
    for bytes in [&b""[..], b"\x00\x01\x02", b"<html></html>", b"PK\x03\x04"] {
        let outcome = app.import_text("main", "bin", bytes);
        // An empty file is an export of nothing; anything else must be named.
        match outcome {
            Ok(report) => assert_eq!(report.imported, 0),
            Err(error) => assert!(error.to_string().contains("import-"), "{error}"),
        }
    }
}
