//! `tga retention`: its leaves and the words of its answers.

use std::fmt::Write as _;

use clap::Subcommand;
use serde_json::Value;

use super::{leaf::Show, output};
use crate::app::command::{Command, OperationsCommand};

#[derive(Debug, Subcommand)]
pub(super) enum RetentionCommand {
    /// How much there is of everything that goes by age, and how old it is
    Stats,
    /// Remove what is too old now
    Run {
        /// Only count it
        #[arg(long)]
        dry_run: bool,
    },
    /// How long a tenant and its channels keep posts, and what the next run removes
    Show {
        #[arg(long)]
        tenant: String,
    },
    /// Set how long a tenant, or one of its channels, keeps posts
    Set {
        #[arg(long)]
        tenant: String,
        /// Only this channel (@name, title or id)
        #[arg(long)]
        channel: Option<String>,
        /// Days, by when a post was posted; 0 keeps for ever
        #[arg(long, value_name = "DAYS", required_unless_present = "default")]
        posts_days: Option<u32>,
        /// As the installation has it, or for a channel as its tenant has it
        #[arg(long, conflicts_with = "posts_days")]
        default: bool,
    },
}

pub(super) fn retention_command(command: RetentionCommand) -> (Command, Show) {
    let (command, show): (OperationsCommand, Show) = match command {
        RetentionCommand::Stats => (OperationsCommand::RetentionStats, stats),
        RetentionCommand::Run { dry_run } => (OperationsCommand::RetentionRun { dry_run }, ran),
        RetentionCommand::Show { tenant } => (OperationsCommand::RetentionShow { tenant }, show),
        RetentionCommand::Set { tenant, channel, posts_days, .. } => {
            (OperationsCommand::RetentionSet { tenant, channel, days: posts_days }, show)
        }
    };
    (Command::Operations(command), show)
}

fn stats(answer: &Value) -> String {
    let columns = [
        "kind",
        "tenant",
        "keep_days",
        "total",
        "last_7d",
        "last_30d",
        "last_90d",
        "pseudonymised",
        "oldest",
        "bytes",
    ];
    output::table_of(answer, "kinds", &columns, "nothing yet")
}

fn ran(answer: &Value) -> String {
    let counts = |removed: &Value| {
        let fields = removed.as_object().into_iter().flatten();
        let some = fields.filter(|(_, count)| count.as_u64().unwrap_or(0) > 0);
        some.map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
    };
    let removed = counts(&answer["removed"]);
    let mut out = match (removed.is_empty(), answer["dry_run"] == true) {
        (true, _) => "nothing is too old".to_owned(),
        (false, true) => format!("would remove {removed}"),
        (false, false) => format!("removed {removed}"),
    };
    for tenant in answer["tenants"].as_array().into_iter().flatten() {
        let removed = counts(&tenant["removed"]);
        if !removed.is_empty() {
            let _ = write!(out, "\n  {}: {removed}", tenant["tenant"].as_str().unwrap_or_default());
        }
    }
    for problem in answer["problems"].as_array().into_iter().flatten() {
        let _ = write!(out, "\nnot done: {}", problem.as_str().unwrap_or_default());
    }
    out
}

fn show(answer: &Value) -> String {
    let days = |days: &Value| match days.as_u64() {
        Some(0) => "for ever".to_owned(),
        Some(days) => format!("{days} days"),
        None => "-".to_owned(),
    };
    let own = if answer["own"] == true { "" } else { ", as the installation has it" };
    let mut out = format!(
        "posts are kept {}{own}; {} are too old now\n",
        days(&answer["posts_days"]),
        answer["posts_due"]
    );
    let rows: Vec<Vec<String>> = answer["channels"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|channel| {
            let title = channel["title"].as_str().unwrap_or_default().to_owned();
            vec![
                title,
                days(&channel["posts_days"]),
                channel["posts"].to_string(),
                channel["posts_due"].to_string(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        out.push_str(&output::table(&["channel", "kept", "posts", "too old"], &rows));
    }
    out
}
