//! `tga status`: the installation on one screen, once or again and again.
//!
//! Asks the running service; without one it reads the data directory and says that nothing runs. While it watches it holds
//! nothing between two looks, so a service can start meanwhile.

use std::{fmt::Write as _, process::ExitCode, time::Duration};

use serde_json::{Value, json};

use super::{
    arguments::{Global, StatusOptions},
    output::{self, Output},
    session::Session,
};
use crate::app::{
    Error,
    command::{Command, OperationsCommand},
};

/// Puts the cursor at the top and clears what is below it (ECMA-48).
const CLEAR: &str = "\x1b[H\x1b[J";
const MB: f64 = 1024.0 * 1024.0;

pub(super) fn status(global: &Global, options: &StatusOptions, output: Output) -> Result<ExitCode, Error> {
    let Some(every_s) = options.watch else {
        let answer = look(global, output)?;
        let is_problem = answer["status"] == "problem";
        output.show(&answer, show);
        return Ok(if is_problem { ExitCode::from(1) } else { ExitCode::SUCCESS });
    };
    loop {
        match look(global, output) {
            Ok(answer) => output.line(&answer, |answer| format!("{CLEAR}{}", show(answer))),
            // A service that is being restarted comes back.
            Err(error) => {
                output.line(&json!({ "error": error.to_string() }), |answer| {
                    format!("{CLEAR}{}", answer["error"].as_str().unwrap_or_default())
                });
            }
        }
        std::thread::park_timeout(Duration::from_secs(u64::from(every_s)));
    }
}

fn look(global: &Global, output: Output) -> Result<Value, Error> {
    let mut command = Command::Operations(OperationsCommand::Status);
    let mut session = Session::open(global, &mut command)?;
    let mut answer = session.execute(command, output)?;
    answer["running"] = json!(session.is_service());
    Ok(answer)
}

fn show(answer: &Value) -> String {
    let number = |value: &Value| value.as_f64().unwrap_or(0.0);
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut out = String::new();
    let running = answer["running"] == true;
    let up = if running {
        format!("running for {}, {}", span(answer["uptime_s"].as_i64().unwrap_or(0)), word(&answer["listen"]))
    } else {
        "not running; figures from the data directory".to_owned()
    };
    let _ =
        writeln!(out, "tga {}  {}  {up}", word(&answer["version"]), word(&answer["status"]).to_uppercase());
    let (queue, disk, telegram) = (&answer["queue"], &answer["disk"], &answer["telegram"]);
    let oldest = queue["oldest_age_ms"].as_i64().map_or("-".to_owned(), |ms| span(ms / 1000));
    let _ = writeln!(
        out,
        "\nqueue     {} ready, {} scheduled, {} in work, {} given up; oldest {oldest}",
        queue["ready"], queue["scheduled"], queue["claimed"], queue["dead"],
    );
    let _ = writeln!(
        out,
        "disk      {:.0} MB free of {:.0} MB; memory {:.0} MB",
        number(&disk["free_bytes"]) / MB,
        number(&disk["total_bytes"]) / MB,
        number(&answer["memory_bytes"]) / MB,
    );
    let _ = writeln!(
        out,
        "accounts  {} active, {} connected, {} paused; {} channels followed, {} refused, {} overdue; last update {}",
        telegram["sessions_active"],
        telegram["connected"],
        telegram["sessions_paused"],
        telegram["channels_followed"],
        telegram["channels_refused"],
        telegram["channels_overdue"],
        word(&telegram["last_update_at"]),
    );
    let certificate = &answer["certificate"];
    let secured = match certificate["source"].as_str() {
        Some("off") | None => "none here".to_owned(),
        Some(source) => format!("by {source}, until {}", word(&certificate["until_at"])),
    };
    let _ = writeln!(out, "TLS       {secured}");
    let _ = writeln!(out, "backup    {}", word(&answer["last_backup_at"]));
    let tenants: Vec<Vec<String>> =
        answer["tenant_list"].as_array().into_iter().flatten().map(tenant).collect();
    let _ = write!(
        out,
        "\n{}",
        output::table(&["tenant", "posts", "to index", "without vectors", "model"], &tenants)
    );
    for reason in answer["reasons"].as_array().into_iter().flatten() {
        let sign = if reason["state"] == "problem" { "PROBLEM" } else { "reduced" };
        let _ = writeln!(out, "\n{sign}  {}: {}", word(&reason["check"]), word(&reason["detail"]));
        let _ = writeln!(out, "         fix: {}", word(&reason["fix"]));
    }
    out
}

fn tenant(row: &Value) -> Vec<String> {
    let slug = row["slug"].as_str().unwrap_or("-").to_owned();
    let Some(posts) = row["posts"].as_u64() else {
        return vec![slug, "cannot be opened".to_owned()];
    };
    let left = |name: &str| posts.saturating_sub(row[name].as_u64().unwrap_or(0)).to_string();
    let model = row["model"].as_str().map_or("-", |name| name.split('@').next().unwrap_or(name));
    vec![slug, posts.to_string(), left("indexed"), left("embedded"), model.to_owned()]
}

/// Seconds as people say them: `3 d 4 h`, `5 min`, `12 s`.
fn span(seconds: i64) -> String {
    match seconds {
        s if s >= 86_400 => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
        s if s >= 3600 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        s if s >= 60 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_said_in_two_units_at_most() {
        assert_eq!([5, 65, 3700, 90_000].map(span), ["5 s", "1 min", "1 h 1 min", "1 d 1 h"]);
    }
}
