//! How fast exports are read: real posts, repeated, as JSONL and as Telegram Desktop writes them.

use std::{
    io::{self, Read, Write as _},
    path::PathBuf,
    time::Instant,
};

use serde_json::{Value, json};
use tga::telegram::export::{Item, ReadOptions, read, read_from};

/// Bytes read in each row.
const BYTES: usize = 512 << 20;

/// The body over and over between a head and a tail.
struct Repeated<'b> {
    parts: Vec<&'b [u8]>,
    at: usize,
}

impl Read for Repeated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(part) = self.parts.last() else {
            return Ok(0);
        };
        let len = (part.len() - self.at).min(buffer.len());
        buffer[..len].copy_from_slice(&part[self.at..self.at + len]);
        self.at += len;
        if self.at == part.len() {
            self.parts.pop();
            self.at = 0;
        }
        Ok(len)
    }
}

fn row(name: &str, bytes: u64, posts: u64, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{name:<28} {megabytes:>8.0} MB {:>8.0} MB/s {:>10.0} posts/s",
        megabytes / seconds,
        posts as f64 / seconds
    );
}

fn streamed(name: &str, head: &[u8], body: &[u8], tail: &[u8]) {
    let mut parts = vec![tail];
    parts.extend(std::iter::repeat_n(body, BYTES / body.len()));
    parts.push(head);
    parts.retain(|part| !part.is_empty());
    let started = Instant::now();
    let mut posts = 0;
    let summary = read_from(&mut Repeated { parts, at: 0 }, name, &ReadOptions::default(), &mut |item| {
        posts += u64::from(matches!(item, Item::Post { .. }));
        Ok(())
    });
    match summary {
        Ok(summary) => row(name, summary.bytes_read, posts, started),
        Err(error) => println!("{name}: {error}"),
    }
}

/// One line's post as Telegram Desktop writes it, the text once plain and once in entities.
fn as_message(line: &Value) -> Value {
    let text = &line["text"];
    json!({
        "id": line["message_id"], "type": "message", "date": "2024-01-01T00:00:00", "date_unixtime": "1704067200",
        "from": line["channel_title"], "from_id": "channel1", "photo": "(File not included.)", "width": 1280, "height": 720,
        "text": [text, {"type": "text_link", "text": " ↗", "href": "https://example.org/a"}],
        "text_entities": [{"type": "plain", "text": text}, {"type": "text_link", "text": " ↗", "href": "https://example.org/a"}],
        "reactions": [{"type": "emoji", "count": 12, "emoji": "🔥"}, {"type": "emoji", "count": 3, "emoji": "👍"}],
    })
}

pub(crate) fn run() {
    let root = std::env::var_os("TGA_SHARED_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let packed = root.join("telegram-posts-ru.jsonl.gz");
    let mut lines = Vec::new();
    let opened = std::fs::File::open(&packed);
    if opened.and_then(|file| flate2::read::GzDecoder::new(file).read_to_end(&mut lines)).is_err() {
        println!("skipped: no {}", packed.display());
        return;
    }
    streamed("JSONL", b"", &lines, b"");
    let mut messages = Vec::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line: Value = serde_json::from_slice(line).expect("the real posts are JSON");
        writeln!(messages, "  {:#},", as_message(&line)).expect("writing to memory does not fail");
    }
    let head = br#"{"name": "bench", "type": "public_channel", "id": 1, "messages": ["#;
    streamed("result.json", head, &messages, br#"{"id": 1, "type": "service"}]}"#);
    let started = Instant::now();
    let mut posts = 0;
    let summary = read(&packed, &ReadOptions::default(), &mut |item| {
        posts += u64::from(matches!(item, Item::Post { .. }));
        Ok(())
    });
    match summary {
        Ok(summary) => row("JSONL, gzip (unpacked bytes)", summary.bytes_read, posts, started),
        Err(error) => println!("{}: {error}", packed.display()),
    }
}
