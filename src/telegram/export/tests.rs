//! Tests of the readers through their public API: fixtures, breaks, packed files, round trips, memory.

mod broken;
mod desktop;
mod jsonl;
mod limits;
mod memory;
mod packed;
mod round_trip;

use std::path::PathBuf;

use super::*;

/// Reads bytes as a stream; everything delivered, and how it ended.
fn read_bytes(bytes: &[u8], options: &ReadOptions) -> (Vec<Item>, Result<ReadSummary, Error>) {
    let mut stream = bytes;
    collect(|sink| read_from(&mut stream, "test", options, sink))
}

/// What a read handed to its sink, and how it ended.
fn collect(
    work: impl FnOnce(&mut Sink<'_>) -> Result<ReadSummary, Error>,
) -> (Vec<Item>, Result<ReadSummary, Error>) {
    let mut items = Vec::new();
    let ended = work(&mut |item| {
        items.push(item);
        Ok(())
    });
    (items, ended)
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/export").join(name)
}

fn fixture_bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

fn posts(items: &[Item]) -> Vec<&IncomingPost> {
    items
        .iter()
        .filter_map(|item| if let Item::Post { post, .. } = item { Some(&**post) } else { None })
        .collect()
}

fn skips(items: &[Item]) -> Vec<&Skipped> {
    items
        .iter()
        .filter_map(|item| if let Item::Skipped(skipped) = item { Some(skipped) } else { None })
        .collect()
}

fn channels(items: &[Item]) -> Vec<SourceChannel> {
    let mut found: Vec<SourceChannel> = Vec::new();
    for item in items {
        if let Item::Post { channel, .. } = item
            && !found.contains(channel)
        {
            found.push(SourceChannel::clone(channel));
        }
    }
    found
}

fn with_channel(name: &str) -> ReadOptions {
    ReadOptions { channel: Some(name.to_owned()), ..ReadOptions::default() }
}

fn with_format(format: Format) -> ReadOptions {
    ReadOptions { format: Some(format), ..ReadOptions::default() }
}

/// An export of one channel around the given messages.
fn export_of(messages: &str) -> Vec<u8> {
    format!(r#"{{"name":"n","type":"public_channel","id":1,"messages":[{messages}]}}"#).into_bytes()
}

/// A file of the team's shared data; `None`, with a note, where that is not at hand.
fn shared_data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TGA_SHARED_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: no {}", path.display());
    None
}
