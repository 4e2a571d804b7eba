//! The harness: an appliance in a temporary directory, and the real binary beside it.
//!
//! [`TestApp`] is the application layer in this process with a clock that tests move; [`Binary`] is `tga` as a person runs it.

mod app;
mod authenticator;
mod binary;
pub(crate) mod bot;
pub(crate) mod bot_api;
pub(crate) mod dc;
mod http;
pub(crate) mod https;
pub(crate) mod llm;
mod people;
mod posts;
pub(crate) mod reading;
pub(crate) mod s3;
pub(crate) mod telegram_html;

pub(crate) use app::{Builder, TestApp};
pub(crate) use authenticator::Authenticator;
pub(crate) use binary::{Binary, Service as BinaryService};
pub(crate) use http::{Reply, send_through};
pub(crate) use people::{BOT_TOKEN, Person};
pub(crate) use posts::{Line, line, shared_data, test_model};

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Longest wait for something that happens in another process or thread.
const WAIT_MAX: Duration = Duration::from_mins(1);
/// How often it is looked at.
const WAIT_STEP: Duration = Duration::from_millis(20);

/// Waits until `look` finds something; the only loop in the tests that waits for time to pass.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < WAIT_MAX, "waited {} s for {what}", WAIT_MAX.as_secs());
        std::thread::park_timeout(WAIT_STEP);
    }
}

/// Every file under a directory with its bytes. A socket cannot be read, and a file may go while a service runs: both are left out.
pub(crate) fn files_under(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut pending = vec![dir.to_owned()];
    let mut files = Vec::new();
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                files.push((path, bytes));
            }
        }
    }
    files
}
