//! `tga tags`: arguments, the commands they send, the words they answer with.

use std::fmt::Write as _;

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::Value;

use super::{
    arguments::moment,
    leaf::Show,
    output::{self, table_of},
};
use crate::app::command::{Command, ContentCommand, TagsCommand, TagsFilter};

#[derive(Debug, Subcommand)]
pub(super) enum TagCommand {
    /// The most used tags, and how many are used only once
    Top {
        #[arg(long)]
        tenant: String,
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Make tags one in the vocabulary, for all posts and all that come
    Merge {
        /// The tags that go, in any form
        #[arg(required = true)]
        from: Vec<String>,
        /// The tag that they stand for from then on
        #[arg(long)]
        into: String,
        #[arg(long)]
        tenant: String,
        /// Only say what it would do
        #[arg(long)]
        dry_run: bool,
    },
    /// Undo a merge
    Unmerge {
        /// Its id, as `tags merges` shows it
        id: i64,
        #[arg(long)]
        tenant: String,
    },
    /// Which tags may be one: on the same posts, or of the same meaning
    Suggest {
        #[arg(long)]
        tenant: String,
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// The merges so far, and the protected tags
    Merges {
        #[arg(long)]
        tenant: String,
    },
    /// Keep a tag from being merged into another
    Protect {
        tag: String,
        #[arg(long)]
        tenant: String,
        /// Let it go
        #[arg(long)]
        off: bool,
    },
    /// Tag posts anew; without a filter all of them
    Retag {
        #[arg(long)]
        tenant: String,
        /// @name, title or id
        #[arg(long)]
        channel: Option<String>,
        /// Only posts with this tag
        #[arg(long)]
        tag: Option<String>,
        /// From this day or moment (2026-11-05, 2026-11-05T12:00:00Z)
        #[arg(long, value_parser = moment)]
        since: Option<Timestamp>,
        /// Before this day or moment
        #[arg(long, value_parser = moment)]
        until: Option<Timestamp>,
        /// Only say what it would do
        #[arg(long)]
        dry_run: bool,
        /// By a language model, if the tenant uses one; a dry run says what it would cost
        #[arg(long)]
        model: bool,
        /// Go back from a model's tags to the local ones
        #[arg(long, conflicts_with_all = ["model", "dry_run"])]
        undo_model: bool,
    },
}

pub(super) fn tag_command(command: TagCommand) -> (Command, Show) {
    let (command, show): (TagsCommand, Show) = match command {
        TagCommand::Top { tenant, limit } => {
            return (Command::Content(ContentCommand::TagsTop { tenant, limit }), output::tags);
        }
        TagCommand::Merge { from, into, tenant, dry_run } => {
            (TagsCommand::Merge { tenant, from, into, dry_run }, merged)
        }
        TagCommand::Unmerge { id, tenant } => (TagsCommand::Unmerge { tenant, id }, unmerged),
        TagCommand::Suggest { tenant, limit } => (TagsCommand::Suggest { tenant, limit }, suggested),
        TagCommand::Merges { tenant } => (TagsCommand::Merges { tenant }, merges),
        TagCommand::Protect { tag, tenant, off } => {
            (TagsCommand::Protect { tenant, tag, protect: !off }, output::plain)
        }
        TagCommand::Retag { tenant, channel, tag, since, until, dry_run, model, undo_model } => {
            let filter = TagsFilter { channel, tag, since, until };
            if model {
                return (Command::Tags(TagsCommand::ModelRetag { tenant, filter, dry_run }), model_retagged);
            }
            if undo_model {
                return (Command::Tags(TagsCommand::ModelRetagUndo { tenant, filter }), output::plain);
            }
            (TagsCommand::Retag { tenant, filter, dry_run }, retagged)
        }
    };
    (Command::Tags(command), show)
}

fn merged(answer: &Value) -> String {
    let mut out = table_of(answer, "from", &["posts", "tag"], "nothing");
    let into = answer["into"].as_str().unwrap_or_default();
    if answer["dry_run"] == true {
        let _ = write!(out, "would become {into} on {} posts", answer["posts"]);
    } else {
        let id = &answer["merge_id"];
        let _ =
            write!(out, "are {into} now, on {} posts; `tga tags unmerge {id}` undoes it", answer["posts"]);
    }
    out
}

fn unmerged(answer: &Value) -> String {
    format!(
        "merge {} is undone; {} posts went back to their former tags",
        answer["merge_id"], answer["posts"]
    )
}

fn suggested(answer: &Value) -> String {
    table_of(answer, "suggestions", &["from", "into", "reason", "together"], "nothing to merge")
}

fn model_retagged(answer: &Value) -> String {
    let number = |name: &str| answer[name].as_u64().unwrap_or_default();
    let money = number("money_micros_estimate") as f64 / 1e6;
    let currency = answer["currency"].as_str().unwrap_or_default();
    let progress = &answer["progress"];
    let mut out = format!(
        "{} posts match, {} are asked about: up to {} tokens, {money:.2} {currency}",
        number("matched"),
        number("asked"),
        number("tokens_estimate")
    );
    let _ = write!(
        out,
        "\nby a model so far: {} done, {} waiting, {} too short, {} given up",
        progress["done"], progress["due"], progress["skipped"], progress["failed"]
    );
    out
}

fn merges(answer: &Value) -> String {
    let columns = ["merge_id", "into", "from", "posts", "made_at", "undone_at"];
    let protected: Vec<&str> =
        answer["protected"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut out = table_of(answer, "merges", &columns, "no merges yet");
    if !protected.is_empty() {
        let _ = write!(out, "protected: {}", protected.join(", "));
    }
    out
}

fn retagged(answer: &Value) -> String {
    let mut out = format!("{} posts match, the tags of {} differ", answer["matched"], answer["changed"]);
    for example in answer["examples"].as_array().into_iter().flatten() {
        let list = |name: &str| {
            let tags = example[name].as_array().into_iter().flatten().filter_map(Value::as_str);
            tags.collect::<Vec<_>>().join(", ")
        };
        let _ = write!(out, "\n  post {}: {} -> {}", example["post_id"], list("tags"), list("proposed"));
    }
    if answer["dry_run"] == false {
        let _ = write!(out, "\n{} are tagged anew", answer["queued"]);
    }
    out
}
