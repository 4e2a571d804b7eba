//! The configuration file, key by key, with the defaults.
//!
//! Plain values as they are written; what they may be is checked in the module above. The shipped `appliance.toml` says the same
//! in words, and a golden test keeps the two equal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The key of Telegram's production servers (core.telegram.org, Mini Apps, third-party use).
const TELEGRAM_KEY: &str = "e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d";

/// The file, key by key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    /// Where everything is kept. Relative paths are relative to the working directory.
    pub data_dir: String,
    /// Telegram ids of the people who run this installation: they see all tenants.
    pub operators: Vec<i64>,
    /// Where the keys of the installation lie; empty: `keys` in the data directory.
    pub keys_dir: String,
    pub server: RawServer,
    pub tls: super::RawTls,
    pub limits: RawLimits,
    pub metrics: RawMetrics,
    pub log: RawLog,
    pub tenants: RawTenants,
    pub registration: RawRegistration,
    pub auth: RawAuth,
    pub bot: RawBot,
    pub tiers: RawTiers,
    pub telegram: super::RawTelegram,
    pub pipeline: RawPipeline,
    pub search: RawSearch,
    pub links: super::RawLinks,
    pub ai: super::RawAi,
    pub backup: super::RawBackup,
    pub retention: super::RawRetention,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawServer {
    /// Address and port of the HTTP listener.
    pub listen: String,
    /// The name people reach it by: the service gets a certificate for it by ACME and speaks HTTPS on `listen`.
    pub domain: String,
    /// How browsers reach it, `https://tga.example.org`; passkeys are bound to it. Empty: not known.
    pub public_url: String,
    /// Largest request body, bytes.
    pub body_bytes_max: u32,
    /// Longest time one request may take, seconds.
    pub request_timeout_s: u32,
    /// How many requests may be worked on at once; more wait.
    pub requests_max: u32,
    /// How many connections may be open at once; more wait.
    pub connections_max: u32,
    /// How long a client may take over the headers of a request, seconds.
    pub header_timeout_s: u32,
    /// How long a client may leave an answer unread, seconds.
    pub write_timeout_s: u32,
    /// Addresses and networks of reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLimits {
    /// Requests a minute from one address.
    pub ip_per_minute: u32,
    /// Attempts to sign in a minute from one address.
    pub ip_sign_ins_per_minute: u32,
    /// QR logins begun a minute from one address.
    pub ip_qr_starts_per_minute: u32,
    /// Requests a minute of one person or token.
    pub user_per_minute: u32,
    /// Searches and questions a minute of one person or token.
    pub user_costly_per_minute: u32,
    /// Requests a minute of one tenant.
    pub tenant_per_minute: u32,
    /// Streaming answers of one person, token or address at once.
    pub streams_per_caller: u32,
    /// Streaming answers at once.
    pub streams_max: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMetrics {
    /// Address of the Prometheus listener; empty switches it off; the same as `server.listen` serves it there.
    pub listen: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLog {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,tga::search=debug`.
    pub level: String,
    /// `json` or `text`.
    pub format: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTenants {
    /// How many tenants may be open at once.
    pub open_max: u32,
    /// A tenant nobody used for this long is closed, seconds.
    pub idle_close_s: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRegistration {
    /// `invite`: newcomers need a code; `open`: each gets a tenant of their own; `closed`: nobody new.
    pub mode: String,
}

/// What each tier holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTiers {
    /// What everybody begins with.
    pub free: RawTier,
    pub basic: RawTier,
    pub premium: RawTier,
    pub pro: RawTier,
    pub enterprise: RawTier,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTier {
    /// Channels one user may follow.
    pub channels: u32,
    /// Questions one user may ask a day (UTC).
    pub questions_per_day: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAuth {
    /// Key that signs access tokens; empty takes the one made in `data_dir/keys`, which rotates.
    pub jwt_secret: String,
    /// The same as a file.
    pub jwt_secret_file: String,
    /// How long an access token is good, seconds.
    pub access_s: u32,
    /// How long a session that nobody uses stays signed in, days.
    pub session_days: u32,
    /// How old a Mini App's `initData` may be, seconds.
    pub init_data_age_s: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBot {
    /// The bot's token as Telegram gave it; empty means no bot.
    pub token: String,
    /// The same as a file.
    pub token_file: String,
    /// The bot's id where its token is not here: sign-ins are then proved by Telegram's signature. 0 means none.
    pub id: i64,
    /// Telegram's public key for that, hexadecimal.
    pub telegram_key: String,
    /// Where the Bot API is: Telegram's, or your own server of it.
    pub api_url: String,
    /// Where people and Telegram reach this service, `https`. Empty: the bot asks for updates itself.
    pub public_url: String,
    /// Address of a Mini App for the bot's buttons, `https`. Empty: there are no such buttons.
    pub app_url: String,
    /// What Telegram sends with every update. Empty: derived from the token.
    pub webhook_secret: String,
    /// The same as a file.
    pub webhook_secret_file: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPipeline {
    /// Posts worked on in one step.
    pub batch_posts: u32,
    /// An import pauses while more jobs than this wait.
    pub queue_jobs_max: u32,
    /// How often posts that were left behind are looked for, seconds.
    pub sweep_s: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSearch {
    /// Up to this many vectors every search compares all of them exactly; above it an HNSW graph helps.
    pub exact_max_chunks: u32,
    /// Share of the full-text score in the hybrid mix, 0 to 1; the rest is the vectors'.
    pub fulltext_weight: f32,
    /// Memory of the full-text writer, bytes, per tenant that is being written.
    pub writer_heap_bytes: u32,
}

impl Default for RawConfig {
    fn default() -> Self {
        Self {
            data_dir: "data".to_owned(),
            operators: Vec::new(),
            keys_dir: String::new(),
            server: RawServer {
                listen: "127.0.0.1:8000".to_owned(),
                domain: String::new(),
                public_url: String::new(),
                body_bytes_max: 1024 * 1024,
                request_timeout_s: 30,
                requests_max: 64,
                connections_max: 1024,
                header_timeout_s: 10,
                write_timeout_s: 60,
                trusted_proxies: Vec::new(),
            },
            tls: super::RawTls::default(),
            limits: RawLimits {
                ip_per_minute: 1200,
                ip_sign_ins_per_minute: 60,
                ip_qr_starts_per_minute: 5,
                user_per_minute: 600,
                user_costly_per_minute: 120,
                tenant_per_minute: 6000,
                streams_per_caller: 10,
                streams_max: 1000,
            },
            metrics: RawMetrics { listen: "127.0.0.1:9090".to_owned() },
            log: RawLog { level: "info".to_owned(), format: "json".to_owned() },
            tenants: RawTenants { open_max: 64, idle_close_s: 900 },
            registration: RawRegistration { mode: "invite".to_owned() },
            auth: RawAuth {
                jwt_secret: String::new(),
                jwt_secret_file: String::new(),
                access_s: 600,
                session_days: 30,
                init_data_age_s: 900,
            },
            bot: RawBot {
                token: String::new(),
                token_file: String::new(),
                id: 0,
                telegram_key: TELEGRAM_KEY.to_owned(),
                api_url: super::bot::API_URL.to_owned(),
                public_url: String::new(),
                app_url: String::new(),
                webhook_secret: String::new(),
                webhook_secret_file: String::new(),
            },
            tiers: RawTiers {
                free: RawTier { channels: 3, questions_per_day: 10 },
                basic: RawTier { channels: 10, questions_per_day: 50 },
                premium: RawTier { channels: 50, questions_per_day: 200 },
                pro: RawTier { channels: 100, questions_per_day: 500 },
                enterprise: RawTier { channels: 999, questions_per_day: 999 },
            },
            telegram: super::RawTelegram::default(),
            pipeline: RawPipeline { batch_posts: 1024, queue_jobs_max: 20_000, sweep_s: 600 },
            search: RawSearch {
                exact_max_chunks: 1_000_000,
                fulltext_weight: 0.3,
                writer_heap_bytes: 32 * 1024 * 1024,
            },
            links: super::RawLinks::default(),
            ai: super::RawAi::default(),
            backup: super::RawBackup::default(),
            retention: super::RawRetention::default(),
        }
    }
}
