//! Vectors by a model outside: who is asked first, what it may cost, a server that is away or answers nonsense, going there and back.

use std::sync::atomic::AtomicBool;

use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tga::{
    app::{
        Indexes,
        audit::Origin,
        embedding::POSTS_PERCENT,
        model_calls::ModelSettings,
        search::{SearchMode, SearchRequest, SearchResponse},
    },
    config::Config,
    model::{ChannelSet, ConsentPurpose, MembershipId, ModelFeature, Role},
    pipeline::{ALONE_TRIES_MAX, EmbedOutsideOutcome, OutsideVectors},
    store::{Subscription, VectorRow},
};

use crate::support::{
    Builder, Line, TestApp, line,
    llm::{DIMENSIONS, EMBEDDING_MODEL, Llm, Say, inputs_of},
};

/// Letters of the first post run together: no word of the index, and near it by the made-up models.
const RUN_TOGETHER: &str = "ледоколвышелизпорта";

/// What a server says instead of vectors.
type Whim = Box<dyn Fn(&Value) -> Option<Say> + Send + Sync>;

fn asking(llm: &Llm, provider: &str) -> Builder {
    TestApp::builder()
        .models(llm, "local")
        .set("TGA__AI__EMBEDDER", provider)
        .set("TGA__AI__OPENAI__EMBEDDING_MODEL", EMBEDDING_MODEL)
        .set("TGA__AI__TENANT_TOKENS_PER_DAY", "0")
        .set("TGA__AI__TENANT_TOKENS_PER_MONTH", "0")
}

fn switch_of(app: &TestApp, tenant: &str, embedding: bool) {
    let settings = ModelSettings { enabled: true, embedding, ..ModelSettings::default() };
    app.app().models_set(&app.tenant_named(tenant), settings, &Origin::operator()).unwrap();
}

fn switch(app: &TestApp, embedding: bool) {
    switch_of(app, "main", embedding);
}

/// An appliance whose tenant wants vectors of `openai`.
fn wanting(llm: &Llm) -> TestApp {
    let app = asking(llm, "openai").build();
    llm.watch(app.app().clock());
    switch(&app, true);
    app
}

fn post(id: i64) -> Line {
    let cities = ["Мурманск", "Певек", "Диксон", "Тикси", "Анадырь"];
    let city = cities[id as usize % cities.len()];
    line(
        "news",
        id,
        &format!("Ледокол слово{id} вышел из порта {city} и ведёт караван судов на восток, груз {id}."),
    )
}

fn tick(app: &TestApp, vectors: &mut OutsideVectors) -> EmbedOutsideOutcome {
    vectors.tick(app.app(), &AtomicBool::new(false)).unwrap()
}

/// Ticks until nothing can be asked now; when it is worth looking again.
fn make(app: &TestApp, vectors: &mut OutsideVectors) -> Option<Timestamp> {
    loop {
        if let EmbedOutsideOutcome::Idle { until } = tick(app, vectors) {
            return until;
        }
    }
}

/// The same, waiting whenever that is asked for, until nothing is left to wait for.
fn make_all(app: &TestApp, vectors: &mut OutsideVectors) {
    for _ in 0..200 {
        let Some(until) = make(app, vectors) else { return };
        app.advance(until.duration_since(app.app().now()));
    }
    panic!("it never ends: {:?}", app.app().vectors_view(&app.tenant()).unwrap());
}

fn embedded(app: &TestApp) -> u64 {
    app.app().vectors_view(&app.tenant()).unwrap().embedded
}

fn active(app: &TestApp, tenant: &str) -> String {
    Indexes::vector_model(app.tenant_named(tenant).store()).unwrap().unwrap_or_default()
}

/// How many posts have rows of a model.
fn posts_with_rows(app: &TestApp, model: &str) -> usize {
    let tenant = app.tenant();
    let Some((row, _)) = tenant.store().model_find(model).unwrap() else { return 0 };
    let mut posts = std::collections::BTreeSet::new();
    let mut note = |row: VectorRow| {
        posts.insert(row.post);
    };
    tenant.store().vectors_each(row, &mut note).unwrap();
    posts.len()
}

fn search_by(app: &TestApp, asker: Option<MembershipId>, query: &str) -> SearchResponse {
    let request =
        SearchRequest { query: query.to_owned(), mode: SearchMode::Vector, ..SearchRequest::default() };
    app.app().search(&app.tenant(), &ChannelSet::All, asker, &request).unwrap()
}

fn follow(app: &TestApp, member: MembershipId) {
    let channel = app.tenant().channel_get("news", &ChannelSet::All).unwrap();
    let created_at = app.app().now();
    let follows = Subscription { membership: member, channel: channel.id, depth_days: None, created_at };
    app.tenant().store().subscription_add(follows, 10).unwrap();
}

fn agree(app: &TestApp, member: MembershipId, given: bool) {
    app.app().consent_put(&app.tenant(), member, ConsentPurpose::ExternalModels, given).unwrap();
}

/// A row of an answer.
fn row(index: usize, vector: &Value) -> Value {
    json!({ "index": index, "embedding": vector })
}

fn refusing(status: u16) -> Say {
    Say::Refuse(status, None, json!({ "error": { "message": "later" } }))
}

#[test]
fn vectors_are_made_by_the_named_provider_and_found_by_meaning() {
    for provider in ["openai", "gigachat"] {
        let llm = Llm::start();
        let mut app = asking(&llm, provider).build();
        llm.watch(app.app().clock());
        let mut vectors = OutsideVectors::default();
        app.index_jsonl(&[
            line("news", 1, "ледокол вышел из порта"),
            line("news", 2, "why async rust blocks"),
        ]);
        assert_eq!(make(&app, &mut vectors), None);
        assert!(llm.calls("/embeddings").is_empty(), "naming a provider sends nothing");
        switch(&app, true);
        assert_eq!(make(&app, &mut vectors), None);
        let texts = llm.embedded();
        assert!(texts.contains(&"ледокол вышел из порта".to_owned()) && texts.len() == 3, "{texts:?}");
        let view = app.app().vectors_view(&app.tenant()).unwrap();
        assert_eq!((view.embedded, view.waiting, view.waits, view.denied), (2, 0, None, None));
        assert_eq!(view.model.as_deref(), Some(active(&app, "main").as_str()));
        assert!(active(&app, "main").starts_with(&format!("{provider}-embeddings@")));
        let found = search_by(&app, None, RUN_TOGETHER);
        assert_eq!((found.hits[0].message_id, found.degraded), (1, None));
        assert_eq!(llm.embedded().last().unwrap(), RUN_TOGETHER);
        let answer = app.ask("Откуда вышел ледокол?");
        assert!(answer.degraded.is_none(), "{answer:?}");
        let spent = app.app().model_spend(&app.tenant(), 1).unwrap();
        let row = spent.iter().find(|row| row.feature == ModelFeature::Embedding.name()).unwrap();
        assert_eq!((row.calls, row.model.as_str()), (llm.calls("/embeddings").len() as u64, EMBEDDING_MODEL));
        assert!(row.tokens_in > 10 && row.tokens_out == 0, "{row:?}");
        // Both outlive the process: nothing is asked again but the question.
        let calls = llm.calls("/embeddings").len();
        app.restart();
        make(&app, &mut OutsideVectors::default());
        assert_eq!(search_by(&app, None, RUN_TOGETHER).hits[0].message_id, 1);
        assert_eq!(llm.calls("/embeddings").len(), calls + 1);
        // An edit is a new text.
        app.import_jsonl(&[line("news", 1, "баржа села на мель")]);
        app.run_pending_jobs();
        make(&app, &mut vectors);
        assert_eq!(llm.embedded().last().unwrap(), "баржа села на мель");
    }
}

#[test]
fn nothing_is_sent_before_everybody_who_reads_a_channel_agreed() {
    let llm = Llm::start();
    let mut app = asking(&llm, "openai").synthetic_model().build();
    llm.watch(app.app().clock());
    let mut vectors = OutsideVectors::default();
    app.index_jsonl(&[line("news", 1, "ледокол вышел из порта"), line("news", 2, "why async rust blocks")]);
    let [anna, boris, passer] = [1, 2, 3].map(|id| app.member("main", id, Role::User).id);
    follow(&app, anna);
    follow(&app, boris);
    switch(&app, true);
    let here = active(&app, "main");
    agree(&app, anna, true);
    let quiet = |app: &TestApp, vectors: &mut OutsideVectors| {
        assert_eq!(make(app, vectors), None);
        app.embed_pending();
        assert_eq!(search_by(app, Some(anna), RUN_TOGETHER).hits[0].message_id, 1);
        assert!(llm.calls("/embeddings").is_empty());
    };
    quiet(&app, &mut vectors);
    assert_eq!(app.app().vectors_view(&app.tenant()).unwrap().denied.as_deref(), Some("no_consent"));
    agree(&app, boris, true);
    make(&app, &mut vectors);
    assert_ne!(active(&app, "main"), here);
    let outside = active(&app, "main");
    assert_eq!(search_by(&app, Some(anna), RUN_TOGETHER).hits[0].message_id, 1);
    // Somebody who agreed to nothing has no question sent.
    let calls = llm.calls("/embeddings").len();
    let words = search_by(&app, Some(passer), RUN_TOGETHER).degraded.unwrap();
    assert!(words.contains("consent"), "{words}");
    // Taken back: nothing goes out from then on, and the model here takes over from its first vectors on.
    agree(&app, boris, false);
    make(&app, &mut vectors);
    assert!(search_by(&app, Some(anna), RUN_TOGETHER).degraded.is_some());
    app.embed_pending();
    assert_eq!(active(&app, "main"), here);
    assert_eq!(search_by(&app, Some(passer), RUN_TOGETHER).hits[0].message_id, 1);
    assert_eq!(llm.calls("/embeddings").len(), calls);
    assert_eq!((posts_with_rows(&app, &here), posts_with_rows(&app, &outside)), (2, 0));
    // Switched off by the admin is the same.
    agree(&app, boris, true);
    switch(&app, false);
    assert_eq!(make(&app, &mut vectors), None);
    assert_eq!(llm.calls("/embeddings").len(), calls);
}

#[test]
fn posts_leave_a_part_of_the_cap_to_questions_and_go_on_the_next_day() {
    const CAP: u64 = 2000;
    let llm = Llm::start();
    let mut app = asking(&llm, "openai").set("TGA__AI__TENANT_TOKENS_PER_DAY", &CAP.to_string()).build();
    llm.watch(app.app().clock());
    switch(&app, true);
    app.member("main", 1, Role::Admin);
    let mut vectors = OutsideVectors::default();
    app.index_jsonl(&(1..=100).map(post).collect::<Vec<_>>());
    let until = make(&app, &mut vectors).expect("the next day");
    let used = || app.app().models_view(&app.tenant()).unwrap().used.tokens_day;
    assert!(used() > 0 && used() <= CAP * POSTS_PERCENT / 100, "{}", used());
    let made = embedded(&app);
    assert!((1..100).contains(&made), "{made}");
    let view = app.app().vectors_view(&app.tenant()).unwrap();
    assert!(view.waits.as_deref().is_some_and(|words| words.contains("tokens_day")), "{view:?}");
    let doctor = app.app().doctor().unwrap();
    let finding = doctor.iter().find(|finding| finding.check == "tenant main").unwrap();
    assert!(finding.detail.contains("tokens_day") && finding.fix.is_some(), "{finding:?}");
    assert!(app.app().notice_due_list().unwrap().is_empty(), "nobody is told that the budget is used up");
    for id in [1, 50, 100] {
        assert_eq!(app.found(&format!("слово{id}")), [id], "found by words meanwhile");
    }
    let hits = search_by(&app, None, "ледокол");
    assert!(hits.degraded.is_none() && !hits.hits.is_empty(), "a question is still paid for");
    app.advance(until.duration_since(app.app().now()));
    assert!(make(&app, &mut vectors).is_some());
    assert!(embedded(&app) > made);
    make_all(&app, &mut vectors);
    assert_eq!((embedded(&app), posts_with_rows(&app, &active(&app, "main"))), (100, 100));
    // Questions take the rest; then words must do, and it is said.
    let long = "ледокол ".repeat(100);
    let degraded = (0..100).find_map(|_| search_by(&app, None, &long).degraded).unwrap();
    assert!(degraded.contains("budget") && degraded.contains("tokens_day"), "{degraded}");
    assert!(used() <= CAP, "{}", used());
}

#[test]
fn a_server_that_is_down_for_an_hour_costs_no_post_anything() {
    let llm = Llm::start();
    let mut app = wanting(&llm);
    let mut vectors = OutsideVectors::default();
    app.index_jsonl(&[post(1000)]);
    make_all(&app, &mut vectors);
    llm.vectors(|_| Some(refusing(503)));
    let before = llm.calls("/embeddings").len();
    for id in 1..=60 {
        app.import_jsonl(&[post(id)]);
        app.run_pending_jobs();
        assert!(make(&app, &mut vectors).is_some_and(|until| until > app.app().now()));
        assert_eq!(app.found(&format!("слово{id}")), [id]);
        let found = app.search(&format!("слово{id}"), SearchMode::Hybrid);
        assert!(found.degraded.is_some_and(|words| words.contains("words only")));
        assert_eq!(found.hits[0].message_id, id);
        app.advance(SignedDuration::from_mins(1));
    }
    let tried = llm.calls("/embeddings").len() - before;
    assert!((5..60).contains(&tried), "{tried}: left alone, not hammered");
    assert_eq!(embedded(&app), 1);
    let status = app.app().vectors_view(&app.tenant()).unwrap();
    assert!(status.waiting == 60 && status.waits.is_some(), "{status:?}");
    assert_eq!(app.app().queue_view().dead, 0);
    llm.vectors(|_| None);
    make_all(&app, &mut vectors);
    assert_eq!((embedded(&app), posts_with_rows(&app, &active(&app, "main"))), (61, 61));
    assert_eq!(app.app().vectors_view(&app.tenant()).unwrap().waits, None);
    assert!(app.search("слово7", SearchMode::Hybrid).degraded.is_none());
}

#[test]
fn answers_that_are_no_vectors_are_refused_and_no_post_is_given_up_for_them() {
    let all = |vector: Value| {
        move |body: &Value| {
            let rows: Vec<Value> = (0..inputs_of(body).len()).map(|at| row(at, &vector)).collect();
            Some(Say::Text(json!({ "data": rows }).to_string()))
        }
    };
    let one_less = |body: &Value| {
        let rows: Vec<Value> =
            (1..inputs_of(body).len()).map(|at| row(at - 1, &json!(vec![1; DIMENSIONS]))).collect();
        Some(Say::Text(json!({ "data": rows }).to_string()))
    };
    let wrong: [(Whim, &str); 6] = [
        (Box::new(all(json!(vec![1; DIMENSIONS * 2]))), "vectors of 16 numbers, 8 before"),
        (Box::new(all(json!([1, 2, null, 4, 5, 6, 7, 8]))), "no number"),
        (Box::new(all(json!(vec![0; DIMENSIONS]))), "zeros"),
        (Box::new(one_less), "vectors for"),
        (
            Box::new(|_: &Value| Some(Say::Text(r#"{"data": [{"embedding": [NaN, 1]}]}"#.to_owned()))),
            "not JSON",
        ),
        (Box::new(|_: &Value| Some(Say::Garbage)), "not JSON"),
    ];
    for (whim, words) in wrong {
        let llm = Llm::start();
        let mut app = wanting(&llm);
        let mut vectors = OutsideVectors::default();
        app.index_jsonl(&[post(1)]);
        make_all(&app, &mut vectors);
        llm.vectors(whim);
        app.index_jsonl(&(2..=40).map(post).collect::<Vec<_>>());
        let mut said = Vec::new();
        for _ in 0..20 {
            let until = make(&app, &mut vectors).expect("it waits");
            said.extend(app.app().vectors_view(&app.tenant()).unwrap().waits);
            app.advance(until.duration_since(app.app().now()));
        }
        assert!(said.iter().any(|waits| waits.contains(words)), "{words}: {said:?}");
        assert_eq!((embedded(&app), posts_with_rows(&app, &active(&app, "main"))), (1, 1), "{words}");
        llm.vectors(|_| None);
        make_all(&app, &mut vectors);
        assert_eq!((embedded(&app), posts_with_rows(&app, &active(&app, "main"))), (40, 40), "{words}");
    }
}

#[test]
fn a_text_that_a_server_cannot_read_keeps_no_other_from_its_vectors() {
    for status in [500, 413] {
        let llm = Llm::start();
        let mut app = wanting(&llm);
        let mut lines: Vec<Line> = (1..=50).map(post).collect();
        lines[30] = line("news", 31, "Яд для модели");
        app.index_jsonl(&lines);
        llm.vectors(move |body| {
            inputs_of(body).iter().any(|text| text.contains("Яд")).then(|| refusing(status))
        });
        make_all(&app, &mut OutsideVectors::default());
        assert_eq!((embedded(&app), posts_with_rows(&app, &active(&app, "main"))), (50, 49));
        assert_eq!(app.found("яд"), [31]);
        let alone = llm.calls("/embeddings");
        let alone = alone.iter().filter(|call| inputs_of(&call.body) == ["Яд для модели"]).count();
        assert_eq!(alone, ALONE_TRIES_MAX as usize);
    }
}

#[test]
fn tenants_choose_for_themselves_and_nothing_mixes_on_the_way_there_and_back() {
    let llm = Llm::start();
    let mut app = asking(&llm, "openai").tenant("other").synthetic_model().build();
    llm.watch(app.app().clock());
    let lines: Vec<Line> = (1..=100).map(post).collect();
    app.index_jsonl(&lines);
    app.import_jsonl_into("other", &[line("own", 1, "Тайна другого тенанта")]);
    app.run_pending_jobs();
    app.embed_pending();
    let here = active(&app, "main");
    assert_eq!(active(&app, "other"), here);
    switch(&app, true);
    let mut vectors = OutsideVectors::default();
    tick(&app, &mut vectors);
    assert!((1..100).contains(&embedded(&app)));
    assert_eq!(active(&app, "main"), here, "the old vectors answer until the new ones are complete");
    assert!(search_by(&app, None, RUN_TOGETHER).degraded.is_none());
    // Killed on the way, it goes on where it was.
    app.crash();
    let mut vectors = OutsideVectors::default();
    llm.vectors(|_| Some(refusing(503)));
    app.import_jsonl(&[line("news", 101, "самолёт сел на льдину")]);
    app.run_pending_jobs();
    make(&app, &mut vectors);
    app.embed_pending();
    let found = search_by(&app, None, "самолётселнальдину");
    assert_eq!((found.hits[0].message_id, found.degraded), (101, None), "new posts are not kept waiting");
    llm.vectors(|_| None);
    make_all(&app, &mut vectors);
    let outside = active(&app, "main");
    assert!(outside.starts_with("openai-embeddings@"), "{outside}");
    assert_eq!((posts_with_rows(&app, &outside), posts_with_rows(&app, &here)), (101, 0));
    assert_eq!(active(&app, "other"), here, "the other tenant's choice is its own");
    assert!(llm.embedded().iter().all(|text| !text.contains("Тайна")));
    let calls = llm.calls("/embeddings").len();
    let other = app.tenant_named("other");
    let request = SearchRequest { query: "тайна".to_owned(), ..SearchRequest::default() };
    let found = app.app().search(&other, &ChannelSet::All, None, &request).unwrap();
    assert!(found.degraded.is_none() && found.hits.len() == 1);
    drop(other);
    assert_eq!(llm.calls("/embeddings").len(), calls);
    // And back.
    switch(&app, false);
    assert_eq!(make(&app, &mut vectors), None);
    assert_eq!(app.embed_pending(), 101);
    assert_eq!(active(&app, "main"), here);
    assert_eq!((posts_with_rows(&app, &outside), posts_with_rows(&app, &here)), (0, 101));
    assert_eq!(search_by(&app, None, "самолётселнальдину").hits[0].message_id, 101);
    assert_eq!(llm.calls("/embeddings").len(), calls, "nothing is sent for it");
}

#[test]
fn what_is_wrong_with_it_is_said_where_people_look() {
    let llm = Llm::start();
    let app = wanting(&llm);
    let token = app.token("main");
    let post =
        |path: &str, body: &Value| app.request(Method::POST, path).token(&token).json(body).send().ok();
    let test = || post("/api/admin/models/test", &json!({ "provider": "openai" }));
    let tried = test();
    assert_eq!(tried["ok"], json!(true));
    assert!(tried["message"].as_str().unwrap().contains("makes vectors of 8 numbers"), "{tried}");
    let view = app.get("/api/admin/models", &token).ok();
    assert_eq!(
        (&view["vectors"]["provider"], &view["settings"]["embedding"]),
        (&json!("openai"), &json!(true))
    );
    let providers = app.get("/api/admin/models/providers", &token).ok();
    let openai = providers["providers"].as_array().unwrap().iter().find(|one| one["provider"] == "openai");
    assert_eq!(openai.unwrap()["embedding_model"], json!(EMBEDDING_MODEL));
    let doctor = || {
        let found = app.app().doctor().unwrap();
        let about = |check: &str| found.iter().find(|finding| finding.check == check).unwrap().clone();
        (about("model provider openai"), about("embedding model"))
    };
    let (provider, model) = doctor();
    assert!(provider.fix.is_none() && provider.detail.contains("makes vectors"), "{provider:?}");
    assert!(model.detail.contains("openai/Embeddings"), "{model:?}");
    llm.vectors(|_| Some(refusing(402)));
    assert_eq!((test()["ok"].clone(), test()["problem"].clone()), (json!(false), json!("payment")));
    let (provider, _) = doctor();
    assert!(provider.detail.contains("vectors by Embeddings") && provider.fix.is_some(), "{provider:?}");
    assert!(provider.detail.contains("found by words"), "{provider:?}");
}

#[test]
fn a_provider_without_a_model_for_vectors_is_no_choice() {
    let dir = tempfile::TempDir::new().unwrap();
    let load = |embedder: &str, model: &str| {
        let set = [("TGA__AI__EMBEDDER", embedder), ("TGA__AI__OPENAI__EMBEDDING_MODEL", model)];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Config::load(None, &set, Some(dir.path())).map(|_| ()).map_err(|error| error.to_string())
    };
    assert!(load("openai", "").unwrap_err().contains("ai.openai.embedding_model"));
    assert!(load("mistral", "").unwrap_err().contains("ai.embedder"));
    assert_eq!(load("openai", "text-embedding-3-small"), Ok(()));
    assert_eq!(load("gigachat", ""), Ok(()));
}
