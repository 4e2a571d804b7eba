//! Posts for tests, as lines of the import format; and where the data lies that is not in the repository.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// A line of the import format.
#[derive(Debug, Clone)]
pub(crate) struct Line(pub(crate) Value);

/// A post of `channel` with a date that grows with its number.
pub(crate) fn line(channel: &str, message_id: i64, text: &str) -> Line {
    let minute = message_id % 60;
    let hour = (message_id / 60) % 24;
    let date = format!("2026-11-20T{hour:02}:{minute:02}:00Z");
    Line(json!({ "channel": channel, "message_id": message_id, "date": date, "text": text }))
}

impl Line {
    /// The same with one field set.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0[key] = value.into();
        self
    }

    pub(crate) fn at(self, date: &str) -> Self {
        self.with("date", date)
    }
}

/// A file or directory of the shared test data; `None`, with a message, where there is none.
pub(crate) fn shared_data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TGA_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not here; set TGA_SHARED_DATA", path.display());
    None
}

/// The wheel or file of the real embedding model; `None`, with a message, where none is named.
pub(crate) fn test_model() -> Option<PathBuf> {
    let path = std::env::var_os("TGA_TEST_MODEL").map(PathBuf::from);
    if path.is_none() {
        eprintln!("skipped: TGA_TEST_MODEL names no model");
    }
    path
}
