//! `tga channel`: arguments, the commands they send, the words they answer with.

use std::fmt::Write as _;

use clap::Subcommand;
use serde_json::Value;

use super::{leaf::Show, output::table_of};
use crate::{
    app::{
        channels::{Depth, FollowOptions},
        command::{ChannelsCommand, Command},
    },
    model::MembershipId,
};

#[derive(Debug, Subcommand)]
pub(super) enum ChannelCommand {
    /// Follow a channel as a user, through that user's Telegram account (needs `tga serve`)
    Add {
        /// @name, a t.me link, an id that begins with -100, or an invite of a channel the account is in
        #[arg(allow_hyphen_values = true)]
        channel: String,
        #[arg(long)]
        tenant: String,
        /// The user's id; may be left out where the tenant has one user
        #[arg(long, value_name = "ID")]
        user: Option<i64>,
        /// How many days back to read, or all
        #[arg(long, value_name = "DAYS", default_value = "7", value_parser = str::parse::<Depth>)]
        depth: Depth,
        /// Become a member of the channel, for all to see: its posts then come at once
        #[arg(long)]
        join: bool,
    },
    /// Channels with their sizes; of one user, with where their reading stands
    List {
        #[arg(long)]
        tenant: String,
        #[arg(long, value_name = "ID")]
        user: Option<i64>,
    },
    /// Stop following a channel as a user
    Remove {
        /// @name, title or id
        #[arg(allow_hyphen_values = true)]
        channel: String,
        #[arg(long)]
        tenant: String,
        #[arg(long, value_name = "ID")]
        user: Option<i64>,
    },
    /// What of a channel is here, what is missing, and why
    Ledger {
        /// @name, title or id
        #[arg(allow_hyphen_values = true)]
        channel: String,
        #[arg(long)]
        tenant: String,
    },
    /// Look at a channel once more, and deeper
    Backfill {
        /// @name, title or id
        #[arg(allow_hyphen_values = true)]
        channel: String,
        #[arg(long)]
        tenant: String,
        /// How many days back to read, or all
        #[arg(long, value_name = "DAYS", value_parser = str::parse::<Depth>)]
        depth: Option<Depth>,
    },
}

pub(super) fn channel_command(command: ChannelCommand) -> (Command, Show) {
    let user = |user: Option<i64>| user.map(MembershipId);
    let (command, show): (ChannelsCommand, Show) = match command {
        ChannelCommand::Add { channel, tenant, user: of, depth, join } => {
            let options = FollowOptions { depth_days: depth.days(), join };
            (ChannelsCommand::Add { tenant, user: user(of), channel, options }, added)
        }
        ChannelCommand::List { tenant, user: of } => {
            (ChannelsCommand::List { tenant, user: user(of) }, channels)
        }
        ChannelCommand::Remove { channel, tenant, user: of } => {
            (ChannelsCommand::Remove { tenant, user: user(of), channel }, removed)
        }
        ChannelCommand::Ledger { channel, tenant } => (ChannelsCommand::Ledger { tenant, channel }, ledger),
        ChannelCommand::Backfill { channel, tenant, depth } => {
            (ChannelsCommand::Backfill { tenant, channel, depth }, ledger)
        }
    };
    (Command::Channels(command), show)
}

fn channels(answer: &Value) -> String {
    let columns = ["id", "username", "posts", "title"];
    table_of(
        answer,
        "channels",
        &columns,
        "no channels yet; `tga import` brings some, `tga channel add` follows one",
    )
}

fn added(answer: &Value) -> String {
    let card = &answer["channel"];
    let title = card["title"].as_str().unwrap_or_default();
    let begin = if answer["added"] == true { "follows" } else { "followed before:" };
    format!("{begin} {title} (channel {}); {}", card["id"], words(&card["reading"]))
}

fn removed(answer: &Value) -> String {
    format!("channel {} is not followed any more", answer["channel_id"])
}

fn words(reading: &Value) -> &str {
    reading["words"].as_str().unwrap_or_default()
}

fn ledger(answer: &Value) -> String {
    let missing = &answer["missing"];
    let mut out = String::new();
    let first = answer["first_message_id"].as_i64().map_or_else(|| "?".to_owned(), |id| id.to_string());
    let _ = writeln!(out, "messages {first} to {}: {} ids", answer["last_message_id"], answer["expected"]);
    let _ = writeln!(out, "  seen        {}", answer["seen"]);
    for reason in ["deleted", "service", "restricted", "not_read"] {
        let _ = writeln!(out, "  {:<11} {}", reason.replace('_', " "), missing[reason]);
    }
    let state = if answer["complete"] == true { "complete" } else { "not complete yet" };
    let _ = writeln!(out, "{state}; {}", words(&answer["reading"]));
    out
}
