//! Tags: quality against authors' hashtags and two baselines, speed of the text layer, how far the vocabulary converges.
//!
//! Reads `tags/telegram-hashtags-ru.jsonl` and `telegram-posts-ru.jsonl.gz` of the shared data; the YAKE baseline is read
//! from the file named by `TGA_YAKE_TAGS` (made by `tests/bench/yake_tags.py`). What is absent is skipped with a line.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;
use tga::app::eval::tags::{TagsReport, tags_eval};
use tga::text::{
    DocumentFrequency, NoDocuments, TAGS_PER_POST_MAX, TokenKind, fold, keyphrases, normalise, stop_word,
    tag_key, tags_checked, terms, tokens,
};

pub(crate) fn run() {
    let data = std::env::var_os("TGA_SHARED_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")), PathBuf::from);
    let Ok(tagged) = std::fs::read_to_string(data.join("tags/telegram-hashtags-ru.jsonl")) else {
        println!("skipped: no shared data");
        return;
    };
    let tagged: Vec<Value> = lines(&tagged);
    let held_out: HashSet<String> = tagged.iter().map(|post| string(&post["id"])).collect();
    let mut packed = String::new();
    if let Ok(file) = std::fs::File::open(data.join("telegram-posts-ru.jsonl.gz")) {
        let _ = flate2::read::GzDecoder::new(file).read_to_string(&mut packed);
    }
    let posts: Vec<(String, String)> = lines(&packed)
        .iter()
        .map(|post| {
            let id = format!("{}/{}", string(&post["channel"]), post["message_id"]);
            (id, normalise(&string(&post["text"])))
        })
        .collect();
    // The tagged posts themselves are not counted, or their hashtags would be known beforehand.
    let others =
        Counted::new(posts.iter().filter(|(id, _)| !held_out.contains(id)).map(|(_, text)| text.as_str()));
    quality(&tagged, &others);
    let texts: Vec<&str> = posts.iter().map(|(_, text)| text.as_str()).collect();
    if !texts.is_empty() {
        vocabulary(&texts);
        speed(&texts);
    }
}

fn quality(tagged: &[Value], others: &Counted) {
    let items: Vec<(String, Vec<String>)> = tagged
        .iter()
        .map(|post| {
            let gold = post["gold"].as_array().map(|gold| gold.iter().map(string).collect());
            (normalise(&string(&post["text"])), gold.unwrap_or_default())
        })
        .collect();
    println!("{:<34} {:>6} {:>6} {:>6} {:>6} {:>6}", "tagger", "F1@5", "F1@10", "stem@5", "stem10", "substr");
    let mut ours = |text: &str, max: usize| spelled(keyphrases(text, &NoDocuments, max));
    row("key phrases, fresh tenant", &tags_eval(&items, &mut ours));
    let mut ours = |text: &str, max: usize| spelled(keyphrases(text, others, max));
    row("key phrases, 11,337 other posts", &tags_eval(&items, &mut ours));
    row("capitalised names", &tags_eval(&items, &mut capitalised));
    let Some(path) = std::env::var_os("TGA_YAKE_TAGS") else {
        println!("YAKE skipped: set TGA_YAKE_TAGS to the output of tests/bench/yake_tags.py");
        return;
    };
    let by_text: HashMap<String, Vec<String>> = lines(&std::fs::read_to_string(path).unwrap_or_default())
        .iter()
        .zip(&items)
        .map(|(line, (text, _))| {
            let tags = line["tags"].as_array().map(|tags| tags.iter().map(string).collect());
            (text.clone(), tags.unwrap_or_default())
        })
        .collect();
    let mut yake = |text: &str, _max: usize| by_text.get(text).cloned().unwrap_or_default();
    row("YAKE, single words", &tags_eval(&items, &mut yake));
}

fn row(name: &str, report: &TagsReport) {
    println!(
        "{name:<34} {:>6.3} {:>6.3} {:>6.3} {:>6.3} {:>6.3}",
        report.exact.at_5.f1,
        report.exact.at_10.f1,
        report.stem.at_5.f1,
        report.stem.at_10.f1,
        report.substrings
    );
}

/// The baseline: words with a capital letter, the most frequent first, of equals the earlier.
fn capitalised(text: &str, max: usize) -> Vec<String> {
    let mut found: Vec<(String, &str, usize)> = Vec::new();
    for token in tokens(text) {
        let word = token.of(text);
        let folded = fold(word);
        let name =
            token.kind == TokenKind::Word && word.starts_with(char::is_uppercase) && !stop_word(&folded);
        if !name || word.chars().nth(1).is_none() {
            continue;
        }
        let key = tag_key(word);
        match found.iter_mut().find(|(known, ..)| *known == key) {
            Some((.., count)) => *count += 1,
            None => found.push((key, word, 1)),
        }
    }
    found.sort_by_key(|(.., count)| std::cmp::Reverse(*count));
    found.into_iter().take(max).map(|(_, word, _)| word.to_owned()).collect()
}

fn vocabulary(texts: &[&str]) {
    let corpus = Counted::new(texts.iter().copied());
    let mut uses: HashMap<String, u32> = HashMap::new();
    let mut tags_total = 0;
    for text in texts {
        let found = spelled(keyphrases(text, &corpus, TAGS_PER_POST_MAX));
        let (kept, _rejected) = tags_checked(text, found.into_iter());
        tags_total += kept.len();
        for tag in kept {
            *uses.entry(tag_key(&tag)).or_default() += 1;
        }
    }
    let once = uses.values().filter(|count| **count == 1).count();
    println!(
        "{} posts: {tags_total} tags, {} distinct, {once} used once ({:.1} %)",
        texts.len(),
        uses.len(),
        100.0 * once as f64 / uses.len().max(1) as f64
    );
}

fn speed(texts: &[&str]) {
    let megabytes = texts.iter().map(|text| text.len()).sum::<usize>() as f64 / 1e6;
    let start = Instant::now();
    let total: usize = texts.iter().map(|text| tokens(text).len()).sum();
    println!("tokens:      {:>8.1} MB/s ({total} tokens)", megabytes / start.elapsed().as_secs_f64());
    let start = Instant::now();
    let total: usize = texts.iter().map(|text| terms(text).len()).sum();
    println!("terms:       {:>8.1} MB/s ({total} terms)", megabytes / start.elapsed().as_secs_f64());
    let corpus = Counted::new(texts.iter().copied());
    let start = Instant::now();
    let total: usize = texts.iter().map(|text| keyphrases(text, &corpus, TAGS_PER_POST_MAX).len()).sum();
    println!(
        "key phrases: {:>8.0} posts/s on one core ({total} phrases)",
        texts.len() as f64 / start.elapsed().as_secs_f64()
    );
}

/// Document frequencies of some texts.
struct Counted {
    documents: u64,
    by_stem: HashMap<String, u64>,
}

impl Counted {
    fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut counted = Self { documents: 0, by_stem: HashMap::new() };
        for text in texts {
            counted.documents += 1;
            let stems: HashSet<String> = terms(text).into_iter().map(|term| term.text).collect();
            for stem in stems {
                *counted.by_stem.entry(stem).or_default() += 1;
            }
        }
        counted
    }
}

impl DocumentFrequency for Counted {
    fn documents(&self) -> u64 {
        self.documents
    }

    fn frequency(&self, stem: &str) -> u64 {
        self.by_stem.get(stem).copied().unwrap_or(0)
    }
}

fn spelled(found: Vec<tga::text::Keyphrase>) -> Vec<String> {
    found.into_iter().map(|phrase| phrase.text).collect()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
