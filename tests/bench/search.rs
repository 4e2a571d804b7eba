//! Search: quality on judged real posts, recall against brute force, latency, sizes.
//!
//! Posts come from `TGA_SHARED_DATA`. Vectors are those of the shipped model, as little-endian f32 of 384 components in
//! `TGA_BENCH_VECTORS` (`headline_corpus.f32`, `headline_queries.f32`, `posts.f32`, in the order of the data files); files that
//! are not there are made (see `make`), and without a directory the vector rows are left out. Larger sets are the real ones repeated with changes, which makes near-duplicates and
//! so a harder test of recall than as many different posts. `TGA_BENCH_LARGE=1` adds the scan of a million rows,
//! `TGA_BENCH_GRAPH=1` graphs of 100,000 and 200,000 rows, which take minutes to build. `TGA_BENCH_PART` (`quality`, `latency`, `recall`, `scan`, `graph`) runs one part alone.
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

mod make;
mod rows;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Instant,
};

use self::rows::{posts_real, recall_of, truth, vectors_grown, vectors_of, vectors_read};
use crate::{noise::Noise, shared_data};
use tga::{
    app::eval::retrieval::{JudgedSet, Metrics, Run, percentile},
    model::{ChannelId, ChannelSet, PostId},
    search::{
        BuildOutcome, CANDIDATES, Document, Filter, FullText, FullTextSettings, FusionSettings, Hit, Query,
        VectorFilter, VectorSettings, Vectors, fuse, fuse_rrf,
    },
    text,
};

pub(crate) fn run() {
    let Some(data) = shared_data() else {
        println!("skipped: no posts; set TGA_SHARED_DATA");
        return;
    };
    let vectors_dir = std::env::var_os("TGA_BENCH_VECTORS").map(PathBuf::from);
    let part = std::env::var("TGA_BENCH_PART").ok();
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    if let Some(dir) = &vectors_dir {
        make::vectors_make(&data, dir);
    }
    if wanted("quality") {
        quality(&data, vectors_dir.as_deref());
    }
    if wanted("latency") {
        fulltext_latency(&data, vectors_dir.as_deref());
    }
    let Some(dir) = &vectors_dir else {
        println!("vector rows skipped: set TGA_BENCH_VECTORS");
        return;
    };
    if wanted("recall") {
        recall(dir);
    }
    if wanted("scan") {
        scan_latency(dir);
    }
    if wanted("graph") {
        crossover(dir);
    }
}

fn flag(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| value == "1")
}

fn document(id: i64, text: &str) -> Document<'_> {
    Document {
        post_id: PostId(id),
        channel_id: ChannelId(id % 100),
        posted_at: id,
        text,
        links: &[],
        pages: &[],
        tags: &[],
        author: None,
        language: None,
    }
}

fn everything() -> Filter {
    Filter::channels(ChannelSet::All)
}

fn channels(count: i64) -> ChannelSet {
    ChannelSet::Only((0..count).map(ChannelId).collect())
}

/// Both lists and their mix, with the missing scores filled in, as the application does it.
fn hybrid(
    index: &FullText,
    vectors: &Vectors,
    question: &str,
    vector: &[f32],
    filter: &Filter,
) -> [Vec<Hit>; 2] {
    let query = Query::words(question);
    let mut by_text = index.search(&query, filter, CANDIDATES).unwrap().hits;
    let mut by_vector = vectors.search(vector, &filter.vectors(None), CANDIDATES).unwrap();
    let known = |list: &[Hit]| list.iter().map(|hit| hit.post_id).collect::<BTreeSet<_>>();
    let (in_text, in_vector) = (known(&by_text), known(&by_vector));
    let only_text: Vec<PostId> = in_text.difference(&in_vector).copied().collect();
    let only_vector: Vec<PostId> = in_vector.difference(&in_text).copied().collect();
    by_vector.extend(vectors.score(vector, &only_text).unwrap());
    by_text.extend(index.score(&query, filter, &only_vector).unwrap());
    [by_text, by_vector]
}

struct Judged {
    set: JudgedSet,
    index: FullText,
    vectors: Option<(Vectors, Vec<Vec<f32>>)>,
    _dir: tempfile::TempDir,
}

fn judged(data: &Path, vectors_dir: Option<&Path>, settings: FullTextSettings) -> Judged {
    let set = JudgedSet::read(&data.join("retrieval/telegram-headline-ru")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let index = FullText::open(dir.path(), settings).unwrap();
    let texts: Vec<String> = set.corpus.iter().map(|d| text::normalise(&d.post_text())).collect();
    let documents: Vec<Document<'_>> = texts.iter().zip(0..).map(|(text, id)| document(id, text)).collect();
    index.upsert(&documents).unwrap();
    index.commit(None).unwrap();
    let vectors = vectors_dir.map(|dir| {
        let corpus = vectors_read(&dir.join("headline_corpus.f32"));
        let questions = vectors_read(&dir.join("headline_queries.f32"));
        (vectors_of(corpus.into_iter(), VectorSettings::default()), questions)
    });
    Judged { set, index, vectors, _dir: dir }
}

impl Judged {
    /// Measures over all queries, then over the even and the odd ones (weights were chosen on the even half).
    fn measure(&self, name: &str, mut list: impl FnMut(usize, &str) -> Vec<PostId>) {
        let mut halves: [Vec<Run>; 2] = Default::default();
        for (i, query) in self.set.queries.iter().enumerate() {
            let start = Instant::now();
            let ranked = list(i, &query.text);
            halves[i % 2].push(Run {
                query_id: query.id.clone(),
                elapsed_ms: start.elapsed().as_secs_f64() * 1e3,
                ranked: ranked.iter().take(10).map(|id| self.set.corpus[id.0 as usize].id.clone()).collect(),
            });
        }
        let half = |runs: &[Run]| Metrics::of(runs, &self.set.judgements).ndcg_at_10;
        let (even, odd) = (half(&halves[0]), half(&halves[1]));
        let all = Metrics::of(&halves.concat(), &self.set.judgements);
        println!(
            "{name:<26} nDCG@10 {:.3} (even {even:.3}, odd {odd:.3})  R@1 {:.3}  R@5 {:.3}  R@10 {:.3}  MRR@10 {:.3}  p50 {:.2} ms  p99 {:.2} ms",
            all.ndcg_at_10,
            all.recall_at_1,
            all.recall_at_5,
            all.recall_at_10,
            all.mrr_at_10,
            all.ms_per_query_p50,
            all.ms_per_query_p99
        );
    }
}

fn ids(hits: &[Hit]) -> Vec<PostId> {
    hits.iter().map(|hit| hit.post_id).collect()
}

fn quality(data: &Path, vectors_dir: Option<&Path>) {
    let judged = judged(data, vectors_dir, FullTextSettings::default());
    println!(
        "quality, telegram-headline-ru: {} posts, {} queries",
        judged.set.corpus.len(),
        judged.set.queries.len()
    );
    let fulltext = |question: &str| {
        judged.index.search(&Query::words(question), &everything(), CANDIDATES).unwrap().hits
    };
    judged.measure("full text", |_, question| ids(&fulltext(question)));
    let Some((vectors, questions)) = &judged.vectors else {
        return;
    };
    let all = VectorFilter::channels(ChannelSet::All);
    let by_vector = |i: usize| vectors.search(&questions[i], &all, CANDIDATES).unwrap();
    judged.measure("vectors", |i, _| ids(&by_vector(i)));
    judged.measure("rank fusion, k 60", |i, question| {
        let fused = fuse_rrf(&fulltext(question), &by_vector(i), 60.0);
        fused.iter().map(|f| f.post_id).collect()
    });
    for fulltext_weight in [0.2, 0.25, 0.3, 0.35, 0.4] {
        let settings = FusionSettings { fulltext_weight, recency: None };
        judged.measure(&format!("mix, {fulltext_weight} full text"), |i, question| {
            let [by_text, by_vector] = hybrid(&judged.index, vectors, question, &questions[i], &everything());
            let fused = fuse(&by_text, &by_vector, &settings, |_| None);
            fused.iter().map(|f| f.post_id).collect()
        });
    }
}

/// The real posts, then repeats with three words of another post mixed in.
fn posts_grown(data: &Path, count: usize) -> Vec<String> {
    let real = posts_real(data);
    let mut noise = Noise(42);
    (0..count)
        .map(|i| {
            let mut text = real[i % real.len()].clone();
            if i >= real.len() {
                let other = &real[noise.next() as usize % real.len()];
                for word in other.split_whitespace().step_by(7).take(3) {
                    text.push(' ');
                    text.push_str(word);
                }
            }
            text
        })
        .collect()
}

fn timed(name: &str, rounds: usize, mut work: impl FnMut(usize)) {
    for i in 0..rounds.min(20) {
        work(i);
    }
    let mut times: Vec<f64> = (0..rounds)
        .map(|i| {
            let start = Instant::now();
            work(i);
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    let p50 = percentile(&mut times, 0.5);
    let p99 = percentile(&mut times, 0.99);
    println!("{name:<44} least {least:>6.2} ms  p50 {p50:>7.2} ms  p99 {p99:>7.2} ms");
}

const POSTS: usize = 100_000;

fn fulltext_latency(data: &Path, vectors_dir: Option<&Path>) {
    let texts = posts_grown(data, POSTS);
    let dir = tempfile::tempdir().unwrap();
    let index = FullText::open(dir.path(), FullTextSettings::default()).unwrap();
    let start = Instant::now();
    for (batch, texts) in texts.chunks(1_000).enumerate() {
        let at = (batch * 1_000) as i64;
        let documents: Vec<Document<'_>> =
            texts.iter().zip(at..).map(|(text, id)| document(id, text)).collect();
        index.upsert(&documents).unwrap();
        if batch % 10 == 9 {
            index.commit(None).unwrap();
        }
    }
    index.commit(None).unwrap();
    println!(
        "full text, {POSTS} posts: indexed in {:.1} s, {:.1} MB on disk, text {:.1} MB, process {} MB",
        start.elapsed().as_secs_f64(),
        index.bytes_on_disk().unwrap() as f64 / 1e6,
        texts.iter().map(String::len).sum::<usize>() as f64 / 1e6,
        resident_mb()
    );
    let one = document(7, "новый пост о погоде");
    timed("upsert of one post and commit", 50, |_| {
        index.upsert(&[one]).unwrap();
        index.commit(None).unwrap();
    });
    index.close_writer();
    let start = Instant::now();
    drop(index);
    let index = FullText::open(dir.path(), FullTextSettings::default()).unwrap();
    println!("open with checksums {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    hybrid_latency(data, vectors_dir, &index);
}

fn hybrid_latency(data: &Path, vectors_dir: Option<&Path>, index: &FullText) {
    let set = JudgedSet::read(&data.join("retrieval/telegram-headline-ru")).unwrap();
    let questions: Vec<&str> = set.queries.iter().map(|q| q.text.as_str()).collect();
    let question = |i: usize| questions[i % questions.len()];
    let week = Filter { since: Some(90_000), until: Some(95_000), ..everything() };
    let filters = [
        ("all", everything()),
        ("30 of 100 channels", Filter::channels(channels(30))),
        ("1 of 100 channels", Filter::channels(channels(1))),
        ("5 % of the dates", week),
    ];
    for (name, filter) in &filters {
        timed(&format!("full text, {name}"), 400, |i| {
            index.search(&Query::parse(question(i)), filter, 20).unwrap();
        });
    }
    timed("full text, two words", 400, |i| {
        let two: Vec<&str> = question(i).split_whitespace().take(2).collect();
        index.search(&Query::parse(&two.join(" ")), &everything(), 20).unwrap();
    });
    let Some(dir) = vectors_dir else { return };
    let real = vectors_read(&dir.join("posts.f32"));
    let asked = vectors_read(&dir.join("headline_queries.f32"));
    let vectors = vectors_of(vectors_grown(&real, POSTS), VectorSettings::default());
    println!("vectors, {POSTS} rows: {:.1} MB in memory", vectors.memory_bytes() as f64 / 1e6);
    for (name, filter) in &filters {
        timed(&format!("hybrid, {name}"), 400, |i| {
            let [by_text, by_vector] = hybrid(index, &vectors, question(i), &asked[i % asked.len()], filter);
            fuse(&by_text, &by_vector, &FusionSettings::default(), |_| None);
        });
    }
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let kb: Option<u64> = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    kb.unwrap_or(0) / 1024
}

fn filters() -> [(&'static str, VectorFilter); 3] {
    [
        ("all", VectorFilter::channels(ChannelSet::All)),
        ("30 %", VectorFilter::channels(channels(30))),
        ("1 %", VectorFilter::channels(channels(1))),
    ]
}

fn recall(dir: &Path) {
    let real = vectors_read(&dir.join("posts.f32"));
    let mut questions = vectors_read(&dir.join("headline_queries.f32"));
    questions.truncate(200);
    let sizes: &[usize] = if flag("TGA_BENCH_LARGE") { &[0, 100_000, 1_000_000] } else { &[0, 100_000] };
    for count in sizes {
        let count = (*count).max(real.len());
        if count > 100_000 {
            questions.truncate(50);
        }
        let rows: Vec<Vec<f32>> = vectors_grown(&real, count).collect();
        let truth = truth(&rows, &questions);
        for (way, sketch_min_chunks) in [("all codes", usize::MAX), ("sketches first", 0)] {
            let settings = VectorSettings {
                exact_max_chunks: usize::MAX,
                sketch_min_chunks,
                ..VectorSettings::default()
            };
            let vectors = vectors_of(rows.iter().cloned(), settings);
            for ((name, filter), truth) in filters().iter().zip(&truth) {
                let recall = recall_of(&vectors, &questions, truth, filter);
                println!("recall@10 of the scan, {way}, {count} rows, filter {name:<5} {recall:.4}");
            }
        }
    }
}

fn scan_latency(dir: &Path) {
    let real = vectors_read(&dir.join("posts.f32"));
    let questions = vectors_read(&dir.join("headline_queries.f32"));
    let sizes: &[usize] =
        if flag("TGA_BENCH_LARGE") { &[10_000, 100_000, 500_000, 1_000_000] } else { &[10_000, 100_000] };
    for count in sizes {
        let settings = VectorSettings { exact_max_chunks: usize::MAX, ..VectorSettings::default() };
        let vectors = vectors_of(vectors_grown(&real, *count), settings);
        println!("vectors, {count} rows: {:.0} MB in memory", vectors.memory_bytes() as f64 / 1e6);
        for (name, filter) in filters() {
            timed(&format!("scan of {count}, filter {name}"), 100, |i| {
                vectors.search(&questions[i % questions.len()], &filter, 10).unwrap();
            });
        }
    }
}

/// Scan against graph: where does the graph begin to pay, and does it find the same.
fn crossover(dir: &Path) {
    let real = vectors_read(&dir.join("posts.f32"));
    let mut questions = vectors_read(&dir.join("headline_queries.f32"));
    questions.truncate(200);
    let sizes: &[usize] = if flag("TGA_BENCH_GRAPH") { &[20_000, 100_000, 200_000] } else { &[20_000] };
    for count in sizes {
        let rows: Vec<Vec<f32>> = vectors_grown(&real, *count).collect();
        let truth = truth(&rows, &questions);
        let settings = VectorSettings { exact_max_chunks: 0, ..VectorSettings::default() };
        let vectors = vectors_of(rows.into_iter(), settings);
        let before = resident_mb();
        let start = Instant::now();
        let outcome = vectors.graph_build(&AtomicBool::new(false));
        assert!(matches!(outcome, BuildOutcome::Built { .. }));
        let built = start.elapsed().as_secs_f64();
        let dump = tempfile::tempdir().unwrap();
        vectors.graph_dump(dump.path()).unwrap();
        println!("graph of {count}: built in {built:.0} s, +{} MB", resident_mb().saturating_sub(before));
        for ((name, filter), truth) in filters().iter().zip(&truth) {
            let recall = recall_of(&vectors, &questions, truth, filter);
            println!("recall@10 of the graph, {count} rows, filter {name:<5} {recall:.4}");
            timed(&format!("graph of {count}, filter {name}"), 200, |i| {
                vectors.search(&questions[i % questions.len()], filter, 10).unwrap();
            });
        }
    }
}
