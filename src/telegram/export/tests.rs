//! Tests of the readers through their public API.

use super::*;

/// Reads bytes as a stream; everything delivered, and how it ended.
fn read_bytes(bytes: &[u8], options: &ReadOptions) -> (Vec<Item>, Result<ReadSummary, Error>) {
    let mut items = Vec::new();
    let mut stream = bytes;
    let ended = read_from(&mut stream, "test", options, &mut |item| {
        items.push(item);
        Ok(())
    });
    (items, ended)
}
