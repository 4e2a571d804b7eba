//! Every figure the README quotes, by one command: `cargo bench` (all) or `cargo bench -- queue search` (some).
//!
//! Each section prints its own table and says what it ran on; none asserts, because a timed assertion is a flaky test.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod answer;
mod bot;
#[path = "../it/support/dc/mod.rs"]
#[expect(
    clippy::unwrap_used,
    clippy::format_collect,
    reason = "the tests' data centre, which fails as tests do"
)]
mod dc;
mod embed;
mod export;
mod live;
mod noise;
mod operations;
mod pipeline;
mod queue;
mod search;
mod tags;

/// The binary's own, so that the figures are its.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let sections: [(&str, fn()); 10] = [
        ("answer", answer::run),
        ("bot", bot::run),
        ("embed", embed::run),
        ("export", export::run),
        ("live", live::run),
        ("operations", operations::run),
        ("pipeline", pipeline::run),
        ("queue", queue::run),
        ("search", search::run),
        ("tags", tags::run),
    ];
    for (name, run) in sections {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            println!("== {name}");
            run();
        }
    }
}

/// Real posts beside the checkout, or where `TGA_SHARED_DATA` says.
fn shared_data() -> Option<std::path::PathBuf> {
    let set = std::env::var_os("TGA_SHARED_DATA").map(std::path::PathBuf::from);
    let dir = set.unwrap_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    dir.exists().then_some(dir)
}
