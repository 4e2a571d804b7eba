//! `tga eval` on sets small enough to know by heart, and floors under the quality on real posts.
//!
//! A floor is what was measured less 0.01; it may only rise.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Binary, shared_data, test_model};

/// F1 at 5 by stem of the tags against the authors' hashtags (278 real posts).
const TAGS_F1_MIN: f64 = 0.327;
/// nDCG at 10 of full-text search on real posts' own headlines (400 queries).
const FULLTEXT_NDCG_MIN: f64 = 0.636;
/// The same of hybrid search with the real model.
const HYBRID_NDCG_MIN: f64 = 0.748;

/// Of 40 questions in the other language than their post: the share whose post comes first, and among the first five.
const CROSS_FIRST_MIN: f64 = 0.6;
const CROSS_FIVE_MIN: f64 = 0.9;

fn judged(home: &Binary) -> PathBuf {
    let documents = [
        ("d1", "Ставка", "Нацбанк снизил ключевую ставку до 13,75 процента"),
        ("d2", "", "Открылась станция метро «Тальминская» на правом берегу"),
        ("d3", "", "Async Rust: use spawn_blocking for slow calls"),
        ("d4", "", "Рецепт хлеба на закваске: мука, вода, соль"),
    ];
    let corpus: String = documents
        .iter()
        .map(|(id, title, text)| format!("{}\n", json!({ "_id": id, "title": title, "text": text })))
        .collect();
    home.file("corpus.jsonl", corpus);
    let queries = [("q1", "ключевая ставка"), ("q2", "станции метро"), ("q3", "баобаб"), ("q4", "не оценён")];
    let queries: String =
        queries.iter().map(|(id, text)| format!("{}\n", json!({ "_id": id, "text": text }))).collect();
    home.file("queries.jsonl", queries);
    home.file("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\nq3\td4\t1\n");
    home.dir().to_owned()
}

fn figure(answer: &Value, path: &str) -> f64 {
    answer.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path}: {answer}"))
}

fn near(answer: &Value, path: &str, expected: f64) {
    let given = figure(answer, path);
    assert!((given - expected).abs() < 1e-6, "{path} is {given}, not {expected}: {answer}");
}

#[test]
fn retrieval_on_a_set_known_by_heart() {
    let home = Binary::new();
    let dir = judged(&home);
    for mode in ["fulltext", "hybrid"] {
        let answer = home.ok(&["eval", "retrieval", dir.to_str().unwrap(), "--mode", mode]);
        assert_eq!(answer["queries"], 3, "only judged queries count");
        // Two of three queries have their document in the first place, the third finds nothing.
        for key in ["ndcg_at_10", "recall_at_1", "recall_at_5", "recall_at_10", "mrr_at_10"] {
            near(&answer, &format!("/{key}"), 2.0 / 3.0);
        }
        assert!(figure(&answer, "/ms_per_query_p50") <= figure(&answer, "/ms_per_query_p99"));
    }
    assert!(!home.data_dir().join("tenants").exists(), "a scratch tenant, not the real one");
}

#[test]
fn tags_on_a_set_known_by_heart() {
    let home = Binary::new();
    let rows = [
        json!({ "text": "Аккумулятор на натрии: аккумулятор не горит", "gold": ["аккумулятор"] }),
        json!({ "text": "Гроссмейстер выиграл турнир", "gold": ["баобаб"] }),
        json!({ "text": "Без оценки", "gold": [] }),
    ];
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let file = home.file("tags.jsonl", text);
    let answer = home.ok(&["eval", "tags", file.to_str().unwrap()]);
    assert_eq!(answer["documents"], 2);
    near(&answer, "/stem/at_5/recall", 0.5);
    near(&answer, "/substrings", 1.0);
    for cut in ["exact/at_5", "exact/at_10", "stem/at_5", "stem/at_10"] {
        for measure in ["precision", "recall", "f1"] {
            let given = figure(&answer, &format!("/{cut}/{measure}"));
            assert!((0.0..=1.0).contains(&given));
        }
    }
}

#[test]
fn a_set_that_cannot_be_read_is_named_with_its_line() {
    let home = Binary::new();
    judged(&home);
    home.file("qrels.tsv", "q1 d1 1\n");
    let (code, answer) = home.json(&["eval", "retrieval", home.dir().to_str().unwrap()]);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(code == 1 && message.contains("qrels.tsv line 1"), "{message}");
    let file = home.file("tags.jsonl", "{\"text\":\"x\",\"gold\":[]}\nnonsense\n");
    let (code, answer) = home.json(&["eval", "tags", file.to_str().unwrap()]);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(code == 1 && message.contains("tags.jsonl line 2"), "{message}");
}

#[test]
fn the_quality_of_tags_does_not_sink() {
    let Some(file) = shared_data("tags/telegram-hashtags-ru.jsonl") else {
        return;
    };
    let answer = Binary::new().ok(&["eval", "tags", file.to_str().unwrap()]);
    println!("{answer:#}");
    near(&answer, "/substrings", 1.0);
    let f1 = figure(&answer, "/stem/at_5/f1");
    assert!(f1 >= TAGS_F1_MIN, "F1 at 5 is {f1}");
}

fn ndcg(home: &Binary, dir: &Path, mode: &str) -> f64 {
    let answer = home.ok(&["eval", "retrieval", dir.to_str().unwrap(), "--mode", mode]);
    println!("{mode}: {answer:#}");
    figure(&answer, "/ndcg_at_10")
}

#[test]
fn the_quality_of_full_text_search_does_not_sink() {
    let (Some(dir), Some(home)) = (shared_data("retrieval/telegram-headline-ru"), Binary::released()) else {
        return;
    };
    let ndcg = ndcg(&home, &dir, "fulltext");
    assert!(ndcg >= FULLTEXT_NDCG_MIN, "nDCG at 10 is {ndcg}");
}

/// Russian questions over English posts and English ones over Russian posts, among each other: our own small set.
#[test]
fn questions_find_posts_of_the_other_language() {
    let (Some(home), Some(model)) = (Binary::released(), test_model()) else {
        return;
    };
    home.ok(&["model", "import", model.to_str().unwrap()]);
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cross-language");
    let answer = home.ok(&["eval", "retrieval", dir.to_str().unwrap(), "--mode", "hybrid"]);
    println!("{answer:#}");
    assert!(figure(&answer, "/recall_at_1") >= CROSS_FIRST_MIN, "{answer}");
    assert!(figure(&answer, "/recall_at_5") >= CROSS_FIVE_MIN, "{answer}");
}

#[test]
fn the_quality_of_hybrid_search_does_not_sink() {
    let (Some(dir), Some(home), Some(model)) =
        (shared_data("retrieval/telegram-headline-ru"), Binary::released(), test_model())
    else {
        return;
    };
    home.ok(&["model", "import", model.to_str().unwrap()]);
    let ndcg = ndcg(&home, &dir, "hybrid");
    assert!(ndcg >= HYBRID_NDCG_MIN, "nDCG at 10 is {ndcg}");
}
