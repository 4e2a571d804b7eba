//! Every figure the README quotes, by one command: `cargo bench` (all) or `cargo bench -- queue search` (some).
//!
//! Each section prints its own table and says what it ran on; none asserts, because a timed assertion is a flaky test.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod answer;
mod embed;
mod export;
mod queue;
mod search;
mod tags;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let sections: [(&str, fn()); 6] = [
        ("answer", answer::run),
        ("embed", embed::run),
        ("export", export::run),
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
