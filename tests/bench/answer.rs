//! Time to read a question and to answer it from twenty posts without vectors, over real posts.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use tga::{
    ai::{extractive, question},
    model::PostId,
    text::NoDocuments,
};

const SOURCES: usize = 20;

struct Post {
    channel: String,
    at: Timestamp,
    text: String,
}

pub(crate) fn run() {
    let fallback = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let dir = std::env::var_os("TGA_SHARED_DATA").map_or(fallback, PathBuf::from);
    let Some(posts) = posts(&dir.join("telegram-posts-ru.jsonl.gz")) else {
        println!("skipped: no posts in {}", dir.display());
        return;
    };
    let now = posts.iter().map(|post| post.at).max().expect("the file has posts");
    println!("{} posts; {SOURCES} neighbouring posts a question; milliseconds", posts.len());
    println!("{:<44} {:>7} {:>7} {:>7}", "question", "p50", "p99", "max");
    for text in [
        "Сколько человек пострадало при пожаре в Москве?",
        "Что нового за последний год про Telegram?",
        "Дай дайджест за последние 3 года",
        "Найди посты про Python",
        "Who won the election in the United States?",
    ] {
        let mut times = Vec::new();
        for window in posts.chunks_exact(SOURCES) {
            let begun = Instant::now();
            let question = question::analyse(text, now, &TimeZone::UTC);
            let sources: Vec<_> = window.iter().enumerate().map(source).collect();
            let settings = extractive::Settings { confidence_min: 0.0, ..extractive::Settings::default() };
            let answer = extractive::answer(&question, &sources, &NoDocuments, None, &settings);
            std::hint::black_box(answer);
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let ms = |at: usize| times.get(at).map_or(0.0, Duration::as_secs_f64) * 1e3;
        let (p50, p99) = (times.len() / 2, times.len() * 99 / 100);
        println!("{text:<44} {:>7.2} {:>7.2} {:>7.2}", ms(p50), ms(p99), ms(times.len() - 1));
    }
    stories(&posts);
}

fn source((at, post): (usize, &Post)) -> extractive::Source<'_> {
    extractive::Source {
        post_id: PostId(at as i64),
        channel_title: &post.channel,
        posted_at: post.at,
        text: &post.text,
        score: 1.0 - at as f32 / SOURCES as f32,
        cosine: None,
        fulltext: Some(1.0),
    }
}

/// Groups of a hundred posts by time, as a search result would be grouped.
fn stories(posts: &[Post]) {
    let mut by_time: Vec<&Post> = posts.iter().collect();
    by_time.sort_by_key(|post| post.at);
    let mut times = Vec::new();
    let mut merged = 0;
    for window in by_time.chunks_exact(100) {
        let items: Vec<_> = window
            .iter()
            .map(|post| extractive::story::Item { text: &post.text, posted_at: post.at })
            .collect();
        let begun = Instant::now();
        let groups = extractive::story::groups(&items);
        times.push(begun.elapsed());
        for group in groups.iter().filter(|group| group.len() > 1) {
            merged += group.len() - 1;
            if std::env::var_os("TGA_BENCH_SHOW").is_some() {
                for at in group {
                    println!(
                        "  {} {}: {:.160}",
                        window[*at].at,
                        window[*at].channel,
                        window[*at].text.replace('\n', " ")
                    );
                }
                println!();
            }
        }
    }
    times.sort_unstable();
    let p50 = times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64) * 1e3;
    println!(
        "stories of 100 posts: p50 {p50:.2} ms; {merged} of {} posts merged into an earlier one",
        posts.len()
    );
}

fn posts(path: &PathBuf) -> Option<Vec<Post>> {
    let file = std::fs::File::open(path).ok()?;
    let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines();
    let mut out = Vec::new();
    for line in lines {
        let row: serde_json::Value = serde_json::from_str(&line.ok()?).ok()?;
        out.push(Post {
            channel: row["channel_title"].as_str()?.to_owned(),
            at: row["date"].as_str()?.parse().ok()?,
            text: tga::text::normalise(row["text"].as_str()?),
        });
    }
    Some(out)
}
