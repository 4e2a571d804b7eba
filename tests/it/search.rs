//! Search as readers meet it: words in their forms, signs, filters, stories, and vectors of a model that changes.

use std::{collections::BTreeSet, sync::atomic::AtomicBool};

use jiff::Timestamp;
use tga::{
    ai::embedder::SyntheticShape,
    app::{
        Indexes,
        search::{SearchMode, SearchRequest},
    },
    model::{ChannelId, ChannelSet},
    pipeline::embed_tick,
};

use crate::support::{TestApp, line};

fn appliance() -> TestApp {
    let mut app = TestApp::new();
    app.index_jsonl(&[
        line("money", 1, "Нацбанк снизил ключевую ставку до 13,75 процента").at("2026-11-01T09:00:00Z"),
        line("money", 2, "Ипотека под 8 процентов: кому дадут кредит").at("2026-11-05T09:00:00Z"),
        line("city", 1, "Ёлку на площади поставят первого декабря").at("2026-11-10T09:00:00Z"),
        line("city", 2, "Метро: станция «Тальминская» открылась #метро").at("2026-11-12T09:00:00Z"),
        line("code", 1, "Why async Rust blocks the runtime: use spawn_blocking #rust")
            .at("2026-11-15T09:00:00Z"),
    ]);
    app
}

#[test]
fn words_are_found_in_every_form_and_spelling() {
    let app = appliance();
    for (query, expected) in [
        ("ставка", vec![1]),
        ("ставку", vec![1]),
        ("ставками", vec![1]),
        ("СТАВКА", vec![1]),
        ("елка", vec![1]),
        ("ёлка", vec![1]),
        ("ЁЛКИ", vec![1]),
        ("кредиты", vec![2]),
        ("blocking", vec![1]),
        ("runtimes", vec![1]),
        ("spawn_blocking", vec![1]),
        ("ста\u{ad}вка", vec![1]),
        ("баобаб", vec![]),
    ] {
        assert_eq!(app.found(query), expected, "{query}");
    }
}

#[test]
fn signs_narrow_a_search() {
    let app = appliance();
    for (query, expected) in [
        ("#метро", vec![2]),
        ("#rust", vec![1]),
        ("\"ключевую ставку\"", vec![1]),
        ("процентов -ипотека", vec![1]),
        ("процентов -ставка", vec![2]),
        ("\"станция открылась Тальминская\"", vec![2]),
    ] {
        assert_eq!(app.found(query), expected, "{query}");
    }
}

#[test]
fn filters_hold_for_channels_tags_and_dates() {
    let mut app = TestApp::builder().synthetic_model().build();
    app.index_jsonl(&[
        line("one", 1, "Ледокол «Арктика» вышел из порта Мурманск").at("2026-11-01T09:00:00Z"),
        line("two", 2, "Ледокол встретил белого медведя на льдине").at("2026-11-10T09:00:00Z"),
        line("two", 3, "Атомный ледокол построят к весне").at("2026-11-19T23:59:59Z"),
    ]);
    let tenant = app.tenant();
    let channel = |name: &str| tenant.channel_get(name, &ChannelSet::All).unwrap().id;
    let date = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let check = |request: SearchRequest, expected: &[i64]| {
        for mode in SearchMode::ALL {
            let request = SearchRequest { query: "ледокол".to_owned(), mode, ..request.clone() };
            let mut found: Vec<i64> =
                app.search_request(&request).hits.iter().map(|hit| hit.message_id).collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{request:?}");
        }
    };
    check(SearchRequest::default(), &[1, 2, 3]);
    let only =
        |name| SearchRequest { channel_ids: BTreeSet::from([channel(name)]), ..SearchRequest::default() };
    check(only("one"), &[1]);
    check(only("two"), &[2, 3]);
    check(
        SearchRequest {
            since: date("2026-11-10T09:00:00Z"),
            until: date("2026-11-19T23:59:59Z"),
            ..SearchRequest::default()
        },
        &[2],
    );
    let tag = app.tags_of("one", 1).first().cloned().unwrap();
    let tagged = SearchRequest { tags: vec![tag.to_uppercase()], ..SearchRequest::default() };
    let found: Vec<i64> = app
        .search_request(&SearchRequest { query: "порт ледокол".to_owned(), ..tagged.clone() })
        .hits
        .iter()
        .map(|hit| hit.message_id)
        .collect();
    assert!(found.contains(&1), "{tag}: {found:?}");
    for id in found {
        let name = if id == 1 { "one" } else { "two" };
        let tags: Vec<String> = app.tags_of(name, id).iter().map(|tag| tga::text::tag_key(tag)).collect();
        assert!(tags.contains(&tga::text::tag_key(&tag)), "{id} has {tags:?}, not {tag}");
    }
}

#[test]
fn channels_the_caller_may_not_see_yield_nothing() {
    let mut app = TestApp::builder().synthetic_model().build();
    app.index_jsonl(&[
        line("open", 1, "Ледокол вышел из порта"),
        line("closed", 2, "Тайна ледокола раскрыта"),
    ]);
    let tenant = app.tenant();
    let channel = |name: &str| tenant.channel_get(name, &ChannelSet::All).unwrap().id;
    let visible = ChannelSet::Only(BTreeSet::from([channel("open")]));
    for mode in SearchMode::ALL {
        for (wanted, expected) in [
            (vec![], 1),
            (vec![channel("open")], 1),
            (vec![channel("closed")], 0),
            (vec![channel("open"), channel("closed")], 1),
            (vec![ChannelId(i64::MAX), ChannelId(-1)], 0),
        ] {
            let request = SearchRequest {
                query: "ледокол".to_owned(),
                mode,
                channel_ids: wanted.into_iter().collect(),
                ..SearchRequest::default()
            };
            let response = app.app().search(&tenant, &visible, None, &request).unwrap();
            assert_eq!(response.hits.len(), expected, "{request:?}");
            assert!(response.hits.iter().all(|hit| hit.message_id == 1));
            assert!(response.total <= 1, "the count tells of a closed channel: {response:?}");
        }
    }
}

#[test]
fn near_duplicates_are_one_hit_that_names_the_others() {
    let mut app = TestApp::new();
    let text =
        "Стартап «Тепловоз Энерджи» показал домашний аккумулятор на натрии: 9,6 кВт·ч, 20 лет гарантии";
    app.index_jsonl(&[
        line("one", 1, text),
        line("two", 2, &format!("{text}!")),
        line("three", 3, "Аккумулятор телефона садится на морозе быстрее"),
    ]);
    let hits = app.search("аккумулятор на натрии гарантии", SearchMode::Fulltext).hits;
    assert_eq!(hits.len(), 2, "{hits:#?}");
    assert_eq!(hits[0].similar.len(), 1);
    assert!(hits[1].similar.is_empty());
}

#[test]
fn without_vectors_a_hybrid_search_says_that_it_searched_by_words() {
    let app = appliance();
    let response = app.search("ставка", SearchMode::Hybrid);
    assert_eq!(response.hits[0].message_id, 1);
    assert!(response.degraded.is_some());
    assert!(app.search("ставка", SearchMode::Fulltext).degraded.is_none());
    let vector = app.search("ставка", SearchMode::Vector);
    assert!(vector.hits.is_empty() && vector.degraded.is_some());
}

#[test]
fn a_search_finds_by_vector_what_no_word_says() {
    let mut app = TestApp::builder().synthetic_model().build();
    app.index_jsonl(&[line("one", 1, "ледокол вышел из порта"), line("one", 2, "why async rust blocks")]);
    // The made-up model knows letters only: a word run together is near what it was made of, and no word of the index.
    let hits = app.search("ледоколвышелизпорта", SearchMode::Vector).hits;
    assert_eq!(hits[0].message_id, 1);
    let hybrid = app.search("ледоколвышелизпорта", SearchMode::Hybrid).hits;
    assert_eq!(hybrid[0].message_id, 1);
}

#[test]
fn limits_of_a_search_are_kept_and_named() {
    let app = appliance();
    let tenant = app.tenant();
    for (query, limit, word) in [
        ("", None, "query"),
        ("  ", None, "query"),
        (&*"ы".repeat(1001), None, "query"),
        ("x", Some(0), "limit"),
        ("x", Some(101), "limit"),
    ] {
        let request = SearchRequest { query: query.to_owned(), limit, ..SearchRequest::default() };
        let error = app.app().search(&tenant, &ChannelSet::All, None, &request).unwrap_err().to_string();
        assert!(error.starts_with(word), "{error}");
    }
    let longest = SearchRequest { query: "ы".repeat(1000), limit: Some(100), ..SearchRequest::default() };
    app.search_request(&longest);
}

#[test]
fn search_goes_on_while_another_model_takes_over() {
    let mut app = TestApp::builder().synthetic_model().build();
    let lines: Vec<_> =
        (1..=150).map(|id| line("news", id, &format!("Пост слово{id} про город{id} и груз{id}"))).collect();
    app.index_jsonl(&lines);
    let first = app.app().model_list().unwrap()[0].id.clone();
    let second = app.model_install(SyntheticShape { seed: 2, heads: 1, ..SyntheticShape::default() });
    assert_ne!(first, second);
    app.app().model_use(&second).unwrap();
    let mut steps = 0;
    loop {
        let response = app.search("слово7", SearchMode::Hybrid);
        assert!(response.degraded.is_none(), "step {steps}: {response:?}");
        assert_eq!(response.hits.len(), 10, "step {steps}: {response:?}");
        assert_eq!(app.found("слово7"), [7], "step {steps}");
        let active = Indexes::vector_model(app.tenant().store()).unwrap().unwrap();
        let status = app.app().tenant_status(&app.tenant()).unwrap();
        if active == second {
            assert_eq!(status.embedded, 150, "complete before it answers");
            break;
        }
        embed_tick(app.app(), &AtomicBool::new(false)).unwrap();
        steps += 1;
        assert!(steps < 20, "the new model never takes over");
    }
    assert!(steps > 2, "it took several steps, and search answered in each");
    assert_eq!(app.app().models().open_ids(), [second], "the old model is let go");
    // The hand-over outlives a restart.
    app.restart();
    assert!(app.search("слово7", SearchMode::Vector).degraded.is_none());
}

#[test]
fn a_search_in_a_period_counts_only_it() {
    let app = appliance();
    let request = SearchRequest {
        query: "процент".to_owned(),
        mode: SearchMode::Fulltext,
        since: Some("2026-11-04T00:00:00Z".parse().unwrap()),
        ..SearchRequest::default()
    };
    let response = app.search_request(&request);
    assert_eq!((response.hits.len(), response.total), (1, 1));
    assert_eq!(response.hits[0].message_id, 2);
}

#[test]
fn hits_show_where_they_match() {
    let app = appliance();
    let hits = app.search("ставка", SearchMode::Fulltext).hits;
    let hit = &hits[0];
    let chars: Vec<char> = hit.snippet.chars().collect();
    let marked: Vec<String> =
        hit.highlights.iter().map(|(start, end)| chars[*start..*end].iter().collect()).collect();
    assert_eq!(marked, ["ставку"], "{}", hit.snippet);
    assert_eq!(hit.permalink.as_deref(), Some("https://t.me/money/1"));
}
