//! What people read, and what programs read.
//!
//! The only place in the crate that prints to stdout. With `--json` an answer is printed as it is; otherwise the command's own
//! rendering makes text of the same document, so the two can never disagree.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    process::ExitCode,
};

use serde_json::{Value, json};

use super::arguments::Global;
use crate::app::Error;

/// How this run talks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    pub(super) fn new(global: &Global) -> Self {
        Self { json: global.json, quiet: global.quiet }
    }

    /// Whether progress bars are wanted.
    pub(super) fn progress(self) -> bool {
        !self.quiet
    }

    /// Prints an answer.
    pub(super) fn show(self, answer: &Value, text: fn(&Value) -> String) {
        if self.json {
            say(&serde_json::to_string_pretty(answer).unwrap_or_default());
        } else {
            say(text(answer).trim_end());
        }
    }

    /// One JSON line of a stream that goes on.
    pub(super) fn line(self, answer: &Value, text: fn(&Value) -> String) {
        if self.json {
            say(&answer.to_string());
        } else {
            say(text(answer).trim_end());
        }
    }

    /// Prints a failure in words of the command's own, on stdout, where the old tool had them; with `--json` the document.
    pub(super) fn error_worded(self, error: &Error, words: &str) {
        if self.json {
            let body = json!({ "error": { "code": error.code().name(), "message": error.to_string() } });
            say(&serde_json::to_string_pretty(&body).unwrap_or_default());
        } else {
            say(words);
        }
    }

    /// Prints a failure: words on stderr, and with `--json` a document on stdout.
    #[expect(clippy::print_stderr, reason = "the one place where a command fails")]
    pub(super) fn error(self, error: &Error) {
        if self.json {
            let body = json!({ "error": { "code": error.code(), "message": error.to_string() } });
            say(&serde_json::to_string_pretty(&body).unwrap_or_default());
        }
        eprintln!("tga: {error}");
    }
}

/// Writes a line of the answer. A reader that went away (`tga … | head`) has what it wanted: the command ends there, in peace.
#[expect(clippy::print_stderr, reason = "where stdout cannot be written this is all that is left")]
fn say(line: &str) {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("tga: write the answer: {error}");
            std::process::exit(1)
        }
    }
}

/// Prints what is wrong with the arguments as the document that `--json` promises; the words go to stderr as always.
pub(super) fn usage(message: &str) {
    let body = json!({ "error": { "code": "usage", "message": message.trim_end() } });
    say(&serde_json::to_string_pretty(&body).unwrap_or_default());
}

/// 1 when a check found a problem, so that scripts notice.
pub(super) fn exit_code(answer: &Value) -> ExitCode {
    let problem = rows(answer, "findings").iter().any(|finding| finding["state"] == "problem");
    let drift = rows(answer, "indexes").iter().any(|index| index["ok"] == false);
    if problem || drift { ExitCode::from(1) } else { ExitCode::SUCCESS }
}

fn rows<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A value as a word: strings bare, nothing as `-`.
fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Lines of cells, each column as wide as its widest.
pub(super) fn table(head: &[&str], lines: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = String::new();
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    for line in std::iter::once(&head).chain(lines) {
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(out, "{cell:<width$}  ");
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

pub(super) fn table_of(answer: &Value, name: &str, columns: &[&str], empty: &str) -> String {
    let lines: Vec<Vec<String>> = rows(answer, name)
        .iter()
        .map(|row| columns.iter().map(|column| word(&row[*column])).collect())
        .collect();
    if lines.is_empty() { empty.to_owned() } else { table(columns, &lines) }
}

pub(super) fn plain(answer: &Value) -> String {
    match answer {
        Value::Object(map) => map.iter().fold(String::new(), |mut out, (name, value)| {
            let shown = match value {
                Value::Array(_) | Value::Object(_) => serde_json::to_string_pretty(value).unwrap_or_default(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => word(value),
            };
            let _ = writeln!(out, "{name}: {shown}");
            out
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => word(answer),
    }
}

pub(super) fn version(answer: &Value) -> String {
    format!("tga {}", word(&answer["version"]))
}

pub(super) fn tenant(answer: &Value) -> String {
    format!("tenant {} created (id {})", word(&answer["slug"]), word(&answer["id"]))
}

pub(super) fn exported(answer: &Value) -> String {
    let counts = answer["counts"].as_object().into_iter().flatten();
    let counts: Vec<String> = counts.map(|(name, count)| format!("{count} {name}")).collect();
    format!("{}: {} ({} bytes)", word(&answer["path"]), counts.join(", "), answer["bytes"])
}

pub(super) fn tenant_exported(answer: &Value) -> String {
    let manifest = &answer["manifest"];
    format!(
        "{}: {} posts of {} channels, {} members; the file is not encrypted",
        word(&answer["file"]),
        manifest["counts"]["posts"],
        manifest["counts"]["channels"],
        manifest["members"]
    )
}

pub(super) fn tenants(answer: &Value) -> String {
    table_of(answer, "tenants", &["slug", "name", "id"], "no tenants; make one with `tga tenant create NAME`")
}

pub(super) fn token(answer: &Value) -> String {
    format!(
        "token {} ({} scope), shown only now:\n{}",
        answer["id"],
        word(&answer["scope"]),
        word(&answer["token"])
    )
}

pub(super) fn tokens(answer: &Value) -> String {
    table_of(
        answer,
        "tokens",
        &["id", "name", "scope", "tenant_id", "created_at", "expires_at", "revoked_at"],
        "no tokens",
    )
}

pub(super) fn sessions(answer: &Value) -> String {
    table_of(
        answer,
        "sessions",
        &["id", "user_id", "telegram_id", "state", "reason", "connected", "updated_at"],
        "no Telegram sessions yet",
    )
}

pub(super) fn session_line(answer: &Value) -> String {
    word(&answer["session"])
}

pub(super) fn keys(answer: &Value) -> String {
    table_of(answer, "keys", &["id", "sessions", "sealed", "in_use"], "no keys")
}

pub(super) fn jobs(answer: &Value) -> String {
    let columns = ["id", "state", "lane", "job", "attempt", "enqueued_at", "reason"];
    table_of(answer, "jobs", &columns, "none")
}

pub(super) fn models(answer: &Value) -> String {
    table_of(
        answer,
        "models",
        &["id", "bytes", "active"],
        "no model is installed; `tga model import <wheel>` installs one",
    )
}

pub(super) fn model(answer: &Value) -> String {
    let already = if answer["already_installed"] == true { " (was there already)" } else { "" };
    let notice = answer["notice"].as_str().map(|notice| format!("\nnote: {notice}")).unwrap_or_default();
    format!("model {} installed, {} bytes{already}{notice}", word(&answer["id"]), answer["bytes"])
}

pub(super) fn tags(answer: &Value) -> String {
    let share = answer["used_once_share"].as_f64().unwrap_or(0.0) * 100.0;
    let list = table_of(answer, "tags", &["count", "tag"], "no tags yet");
    format!("{list}{} tags, {share:.0} % of them used once", answer["distinct"])
}

pub(super) fn verify(answer: &Value) -> String {
    rows(answer, "indexes").iter().fold(String::new(), |mut out, index| {
        let state =
            if index["ok"] == true { "agrees with the database" } else { "differs; run `tga index rebuild`" };
        let _ = writeln!(
            out,
            "{}: {state} (full text: {} missing, {} extra; vectors: {} missing, {} extra)",
            word(&index["tenant"]),
            index["fulltext"]["missing"],
            index["fulltext"]["extra"],
            index["vectors"]["missing"],
            index["vectors"]["extra"]
        );
        out
    })
}

pub(super) fn import(answer: &Value) -> String {
    let mut out = format!(
        "imported {}, updated {}, duplicates {}, skipped {}, albums {} in {:.1} s",
        answer["imported"],
        answer["updated"],
        answer["duplicates"],
        answer["skipped"],
        answer["albums"],
        answer["elapsed_ms"].as_f64().unwrap_or(0.0) / 1000.0
    );
    for example in rows(answer, "skipped_examples") {
        let _ = write!(out, "\n  skipped {}", word(example));
    }
    for channel in rows(answer, "kept_channels") {
        let _ = write!(out, "\n  kept for ever: {} (`tga retention set` changes that)", word(channel));
    }
    out
}

pub(super) fn search(answer: &Value) -> String {
    let mut out = String::new();
    for (place, hit) in rows(answer, "hits").iter().enumerate() {
        let tags: Vec<String> = rows(hit, "tags").iter().map(word).collect();
        let _ = writeln!(
            out,
            "{}. {} · {} · {:.3}\n   {}\n   {}  {}",
            place + 1,
            word(&hit["channel_title"]),
            day(&hit["posted_at"]),
            hit["score"].as_f64().unwrap_or(0.0),
            word(&hit["snippet"]),
            word(&hit["permalink"]),
            tags.iter().map(|tag| format!("#{}", tag.replace(' ', "_"))).collect::<Vec<_>>().join(" ")
        );
    }
    if out.is_empty() {
        out.push_str("nothing found\n");
    }
    let _ = writeln!(out, "{} posts match, {} ms", answer["total"], answer["took_ms"]);
    if let Some(why) = answer["degraded"].as_str() {
        let _ = writeln!(out, "note: {why}");
    }
    out
}

pub(super) fn ask(answer: &Value) -> String {
    let result = &answer["result"];
    let mut out = format!("{}\n\n", word(&result["answer"]));
    if result["abstained"] == true && !rows(result, "sources").is_empty() {
        out.push_str("nearest:\n");
    }
    for source in rows(result, "sources") {
        let _ = writeln!(
            out,
            "[{}] {} · {} · {}",
            source["n"],
            word(&source["channel_title"]),
            day(&source["posted_at"]),
            word(&source["permalink"])
        );
    }
    let _ = writeln!(out, "confidence {:.2}", result["confidence"].as_f64().unwrap_or(0.0));
    if let Some(why) = answer["degraded"].as_str() {
        let _ = writeln!(out, "note: {why}");
    }
    out
}

fn day(at: &Value) -> String {
    word(at).get(..10).unwrap_or_default().to_owned()
}

pub(super) fn events(answer: &Value) -> String {
    rows(answer, "events").iter().fold(String::new(), |mut out, event| {
        let _ = writeln!(
            out,
            "{} {} {} {}",
            event["seq"],
            word(&event["occurred_at"]),
            word(&event["event"]),
            event["data"]
        );
        out
    })
}

pub(super) fn doctor(answer: &Value) -> String {
    rows(answer, "findings").iter().fold(String::new(), |mut out, finding| {
        let sign = match finding["state"].as_str() {
            Some("ok") => "ok     ",
            Some("reduced") => "reduced",
            Some(_) | None => "PROBLEM",
        };
        let _ = writeln!(out, "{sign}  {}: {}", word(&finding["check"]), word(&finding["detail"]));
        if finding["fix"].is_string()
            && let Some(why) = finding["why"].as_str()
        {
            let _ = writeln!(out, "         why: {why}");
        }
        if let Some(fix) = finding["fix"].as_str() {
            let _ = writeln!(out, "         fix: {fix}");
        }
        out
    })
}

pub(super) fn trace(answer: &Value) -> String {
    let mut out = format!("post {} {}\n", answer["post_id"], word(&answer["permalink"]));
    let _ = writeln!(out, "  ingested       {}", word(&answer["ingested_at"]));
    for step in rows(answer, "steps") {
        let _ =
            writeln!(out, "  {:<14} {}  +{} ms", word(&step["event"]), word(&step["at"]), step["elapsed_ms"]);
    }
    match answer["stuck"].as_str() {
        Some(stuck) => {
            let _ = writeln!(out, "  stuck: {stuck}");
        }
        None => out.push_str("  arrived: it is indexed and searchable\n"),
    }
    out
}
