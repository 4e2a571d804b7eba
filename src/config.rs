//! Configuration: defaults < file < environment < flags, checked as a whole.
//!
//! [`RawConfig`] mirrors `appliance.toml`; [`Config`] is what the program uses and has no invalid states. The step between
//! collects every problem (key path, what is wrong, what to do) and reports them together. The shipped `appliance.toml` is
//! these defaults, annotated; a golden test keeps the two equal. Reads files and the environment, writes nothing.

mod ai;
mod backup;
mod bot;
mod limits;
mod links;
mod public_url;
mod raw;
mod retention;
mod secret;
mod telegram;
mod tls;

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

pub use ai::{Ai, MICROS, ProviderConfig, RawAi};
pub use backup::{Backup, BackupS3, Keep, RawBackup, RawBackupS3};
pub use bot::Bot;
pub use limits::Limits;
pub use links::{Links, RawLinks};
pub use raw::{
    RawAuth, RawBot, RawConfig, RawLimits, RawLog, RawMetrics, RawPipeline, RawRegistration, RawSearch,
    RawServer, RawTenants, RawTier, RawTiers,
};

pub use retention::{RETENTION_DAYS_MAX, RawRetention, Retention};
pub use secret::Secret;
pub use telegram::{Application, OwnDatacenter, RawDatacenter, RawTelegram, Telegram};
pub use tls::{Acme, AcmeChallenge, RawTls, Tls, TlsSource};

use crate::model::{Net, Provider};

/// Where vectors come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedderKind {
    Local,
    Off,
    /// From this provider for tenants that want and may, for the others from here.
    Outside(Provider),
}

/// Who may come in without a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    Invite,
    Open,
    Closed,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

/// The checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    pub data_dir: PathBuf,
    pub server: Server,
    pub tls: Tls,
    /// How browsers reach the service, where that is known.
    pub public_url: Option<url::Url>,
    /// Proxies whose word is taken on who asks.
    pub trusted_proxies: Vec<Net>,
    pub limits: Limits,
    pub metrics_listen: Option<SocketAddr>,
    pub log_level: String,
    pub log_format: LogFormat,
    pub tenants_open_max: usize,
    pub tenants_idle_close: Duration,
    pub registration: Registration,
    /// Telegram ids of those who see all tenants.
    pub operators: Vec<i64>,
    pub auth: Auth,
    pub bot: Bot,
    pub tiers: RawTiers,
    pub telegram: Telegram,
    pub pipeline: Pipeline,
    pub search: Search,
    pub links: Links,
    pub ai: Ai,
    pub backup: Backup,
    pub retention: Retention,
    /// Where keys lie, if not in the data directory.
    pub keys_dir: Option<PathBuf>,
    /// Where embedding models are, if not in the data directory: scratch appliances borrow the real one's.
    pub models_dir: Option<PathBuf>,
    /// What it was made from, for `config print`.
    pub raw: RawConfig,
}

#[derive(Debug, Clone, Copy)]
pub struct Server {
    pub listen: SocketAddr,
    pub body_bytes_max: usize,
    pub request_timeout: Duration,
    pub requests_max: usize,
    pub connections_max: usize,
    pub header_timeout: Duration,
    pub write_timeout: Duration,
}

#[derive(Debug, Clone)]
pub struct Auth {
    /// Signs access tokens in place of the keys of the data directory.
    pub jwt_secret: Option<Secret>,
    pub access_ttl: Duration,
    pub session_ttl: Duration,
    pub init_data_age: Duration,
}

#[derive(Debug, Clone, Copy)]
pub struct Pipeline {
    pub batch_posts: usize,
    pub queue_jobs_max: usize,
    pub sweep_every: Duration,
}

#[derive(Debug, Clone, Copy)]
pub struct Search {
    pub exact_max_chunks: usize,
    pub fulltext_weight: f32,
    pub writer_heap_bytes: usize,
}

/// One thing wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key's path, `server.listen`.
    pub key: String,
    pub problem: String,
    pub hint: String,
}

/// Everything wrong with the configuration, all at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} problem(s):", self.0.len())?;
        for Problem { key, problem, hint } in &self.0 {
            write!(f, "\n  {key}: {problem}; {hint}")?;
        }
        Ok(())
    }
}

/// Names of the environment that the system this one replaces gave to what is a key here.
const OLD_NAMES: [(&str, &[&str]); 14] = [
    ("LOG_LEVEL", &["log", "level"]),
    ("JWT_SECRET", &["auth", "jwt_secret"]),
    ("BOT_TOKEN", &["bot", "token"]),
    ("BOT_PUBLIC_URL", &["bot", "public_url"]),
    ("BOT_WEBHOOK_SECRET", &["bot", "webhook_secret"]),
    ("MASTER_API_ID", &["telegram", "api_id"]),
    ("TELEGRAM_API_ID", &["telegram", "api_id"]),
    ("MASTER_API_HASH", &["telegram", "api_hash"]),
    ("TELEGRAM_API_HASH", &["telegram", "api_hash"]),
    ("GIGACHAT_CREDENTIALS", &["ai", "gigachat", "credentials"]),
    ("GIGACHAT_SCOPE", &["ai", "gigachat", "scope"]),
    ("GIGACHAT_BASE_URL", &["ai", "gigachat", "base_url"]),
    ("OPENAI_API_BASE", &["ai", "openai", "base_url"]),
    ("OPENAI_API_KEY", &["ai", "openai", "key"]),
];

/// Stores of the system this one replaces; somebody's old environment may still name them.
const NOT_NEEDED: [&str; 3] = ["DATABASE_URL", "REDIS_URL", "QDRANT_URL"];

impl Config {
    /// Reads the file (if there is one), lays the environment over it and checks the whole. Also returns remarks that are no
    /// problems, for the log.
    pub fn load(
        file: Option<&Path>,
        environment: &[(String, String)],
        data_dir: Option<&Path>,
    ) -> Result<(Self, Vec<String>), Problems> {
        let mut problems = Vec::new();
        let mut table = table_of(&RawConfig::default());
        if let Some(file) = file {
            match read_file(file) {
                Ok(given) => overlay(&mut table, given, "", &mut problems),
                Err(problem) => problems.push(problem),
            }
        }
        let mut remarks = Vec::new();
        for (name, value) in environment {
            if NOT_NEEDED.contains(&name.as_str()) {
                remarks
                    .push(format!("{name} is set and not needed any more: everything is kept in data_dir"));
            } else if let Some((_, path)) = OLD_NAMES.iter().find(|(old, _)| old == name) {
                let number =
                    path.last().is_some_and(|key| *key == "api_id").then(|| value.trim().parse().ok());
                let leaf = number.flatten().map_or_else(|| value.clone().into(), toml::Value::Integer);
                overlay(&mut table, at_path(path, leaf), "", &mut problems);
            } else if let Some(path) = name.strip_prefix("TGA__") {
                let path = path.to_lowercase();
                overlay(&mut table, nested(&path.split("__").collect::<Vec<_>>(), value), "", &mut problems);
            }
        }
        if let Some(dir) = data_dir {
            table.insert("data_dir".to_owned(), toml::Value::String(dir.to_string_lossy().into_owned()));
        }
        match table.try_into::<RawConfig>() {
            Ok(raw) => {
                let config = check(raw, &mut problems);
                if problems.is_empty() { Ok((config, remarks)) } else { Err(Problems(problems)) }
            }
            Err(error) => {
                problems.push(Problem {
                    key: "appliance.toml".to_owned(),
                    problem: error.message().to_owned(),
                    hint: "compare with `tga config example`".to_owned(),
                });
                Err(Problems(problems))
            }
        }
    }

    /// Where embedding models are.
    pub fn models_dir(&self) -> PathBuf {
        self.models_dir.clone().unwrap_or_else(|| self.data_dir.join("models"))
    }

    /// Where keys lie.
    pub fn keys_dir(&self) -> PathBuf {
        self.keys_dir.clone().unwrap_or_else(|| self.data_dir.join("keys"))
    }

    /// The JSON Schema of `appliance.toml`.
    pub fn schema() -> serde_json::Value {
        serde_json::to_value(schemars::schema_for!(RawConfig)).expect("a schema is plain JSON")
    }
}

fn table_of(raw: &RawConfig) -> toml::Table {
    toml::Table::try_from(raw).expect("the defaults are plain values")
}

fn read_file(file: &Path) -> Result<toml::Table, Problem> {
    let problem = |problem: String, hint: &str| Problem {
        key: file.display().to_string(),
        problem,
        hint: hint.to_owned(),
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| problem(format!("cannot be read: {error}"), "check the path and its permissions"))?;
    text.parse::<toml::Table>().map_err(|error| {
        problem(
            format!("is not valid TOML: {}", error.to_string().trim_end()),
            "compare with `tga config example`",
        )
    })
}

/// A table with one value at a path, read as a TOML literal where it is one (`8`, `true`), else as a string.
fn nested(path: &[&str], value: &str) -> toml::Table {
    let leaf = format!("v = {value}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    at_path(path, leaf)
}

fn at_path(path: &[&str], leaf: toml::Value) -> toml::Table {
    let mut table = toml::Table::new();
    if let Some((first, rest)) = path.split_first() {
        let inner = if rest.is_empty() { leaf } else { toml::Value::Table(at_path(rest, leaf)) };
        table.insert((*first).to_owned(), inner);
    }
    table
}

/// Lays `given` over `base`, whose keys are all the keys there are.
fn overlay(base: &mut toml::Table, given: toml::Table, prefix: &str, problems: &mut Vec<Problem>) {
    for (name, value) in given {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let known = base.keys().cloned().collect::<Vec<_>>().join(", ");
        let Some(slot) = base.get_mut(&name) else {
            problems.push(Problem {
                key,
                problem: "unknown key".to_owned(),
                hint: format!("known here: {known}"),
            });
            continue;
        };
        match (slot, value) {
            (toml::Value::Table(inner), toml::Value::Table(given)) => overlay(inner, given, &key, problems),
            (slot @ toml::Value::Float(_), toml::Value::Integer(number)) => {
                *slot = toml::Value::Float(number as f64);
            }
            (slot, value) if slot.same_type(&value) => *slot = value,
            (slot, value) => problems.push(Problem {
                key,
                problem: format!("is a {}, not a {}", value.type_str(), slot.type_str()),
                hint: format!("write it like `{slot}`"),
            }),
        }
    }
}

/// Collects what is wrong while turning raw values into checked ones.
struct Check<'a>(&'a mut Vec<Problem>);

impl Check<'_> {
    fn problem(&mut self, key: &str, problem: impl Into<String>, hint: &str) {
        self.0.push(Problem { key: key.to_owned(), problem: problem.into(), hint: hint.to_owned() });
    }

    fn address(&mut self, key: &str, value: &str) -> SocketAddr {
        value.parse().unwrap_or_else(|_| {
            self.problem(
                key,
                format!("`{value}` is not an address with a port"),
                "write it like 127.0.0.1:8000 or [::1]:8000",
            );
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    fn within(&mut self, key: &str, value: u32, min: u32, max: u32) -> usize {
        if !(min..=max).contains(&value) {
            self.problem(key, format!("is {value}"), &format!("choose from {min} to {max}"));
        }
        value as usize
    }

    fn one_of<T: Copy>(&mut self, key: &str, value: &str, choices: &[(&str, T)]) -> T {
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == value) {
            return *choice;
        }
        let names = choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        self.problem(key, format!("`{value}` is not a choice"), &format!("choose from {names}"));
        choices[0].1
    }
}

fn check(mut raw: RawConfig, problems: &mut Vec<Problem>) -> Config {
    let mut c = Check(problems);
    if raw.data_dir.is_empty() {
        c.problem("data_dir", "is empty", "name a directory the service may write to");
    }
    if raw.log.level.parse::<tracing_subscriber::filter::EnvFilter>().is_err() {
        c.problem(
            "log.level",
            format!("`{}` is not a filter", raw.log.level),
            "choose error, warn, info, debug or trace",
        );
    }
    let server = check_server(&mut c, &raw.server);
    let metrics_listen =
        (!raw.metrics.listen.is_empty()).then(|| c.address("metrics.listen", &raw.metrics.listen));
    let tls = tls::check(&mut c, &raw.server.domain, &raw.tls);
    let public_url = c.public_url("server.public_url", &raw.server.public_url);
    let public_url = public_url.or_else(|| origin_of(&tls, server.listen));
    Config {
        data_dir: PathBuf::from(&raw.data_dir),
        server,
        tls,
        trusted_proxies: c.nets("server.trusted_proxies", &raw.server.trusted_proxies),
        limits: c.limits(&raw.limits),
        metrics_listen,
        log_level: raw.log.level.clone(),
        log_format: c.one_of(
            "log.format",
            &raw.log.format,
            &[("json", LogFormat::Json), ("text", LogFormat::Text)],
        ),
        tenants_open_max: c.within("tenants.open_max", raw.tenants.open_max, 1, 10_000),
        tenants_idle_close: seconds(c.within("tenants.idle_close_s", raw.tenants.idle_close_s, 1, 86_400)),
        registration: c.one_of(
            "registration.mode",
            &raw.registration.mode,
            &[
                ("invite", Registration::Invite),
                ("open", Registration::Open),
                ("closed", Registration::Closed),
            ],
        ),
        operators: raw.operators.clone(),
        auth: check_auth(&mut c, &mut raw.auth),
        bot: bot::check(&mut c, &mut raw.bot, public_url.as_ref()),
        public_url,
        tiers: check_tiers(&mut c, &raw.tiers),
        telegram: telegram::check(&mut c, &mut raw.telegram),
        pipeline: Pipeline {
            batch_posts: c.within("pipeline.batch_posts", raw.pipeline.batch_posts, 1, 4096),
            queue_jobs_max: c.within("pipeline.queue_jobs_max", raw.pipeline.queue_jobs_max, 1000, 1_000_000),
            sweep_every: seconds(c.within("pipeline.sweep_s", raw.pipeline.sweep_s, 10, 86_400)),
        },
        search: check_search(&mut c, &raw.search),
        links: links::check(&mut c, &raw.links),
        ai: ai::check(&mut c, &mut raw.ai),
        backup: backup::check(&mut c, &mut raw.backup),
        retention: retention::check(&mut c, &raw.retention),
        keys_dir: (!raw.keys_dir.is_empty()).then(|| PathBuf::from(&raw.keys_dir)),
        models_dir: None,
        raw,
    }
}

fn check_server(c: &mut Check<'_>, raw: &RawServer) -> Server {
    Server {
        listen: c.address("server.listen", &raw.listen),
        body_bytes_max: c.within("server.body_bytes_max", raw.body_bytes_max, 4096, 64 * 1024 * 1024),
        request_timeout: seconds(c.within("server.request_timeout_s", raw.request_timeout_s, 1, 600)),
        requests_max: c.within("server.requests_max", raw.requests_max, 1, 4096),
        connections_max: c.within("server.connections_max", raw.connections_max, 8, 100_000),
        header_timeout: seconds(c.within("server.header_timeout_s", raw.header_timeout_s, 1, 300)),
        write_timeout: seconds(c.within("server.write_timeout_s", raw.write_timeout_s, 1, 3600)),
    }
}

fn check_auth(c: &mut Check<'_>, raw: &mut RawAuth) -> Auth {
    let days = c.within("auth.session_days", raw.session_days, 1, 365);
    Auth {
        jwt_secret: c.secret("auth.jwt_secret", &mut raw.jwt_secret, &raw.jwt_secret_file),
        access_ttl: seconds(c.within("auth.access_s", raw.access_s, 60, 3600)),
        session_ttl: seconds(days * 86_400),
        init_data_age: seconds(c.within("auth.init_data_age_s", raw.init_data_age_s, 30, 86_400)),
    }
}

fn check_search(c: &mut Check<'_>, raw: &RawSearch) -> Search {
    if !(0.0..=1.0).contains(&raw.fulltext_weight) {
        c.problem("search.fulltext_weight", format!("is {}", raw.fulltext_weight), "choose from 0 to 1");
    }
    Search {
        exact_max_chunks: c.within("search.exact_max_chunks", raw.exact_max_chunks, 0, 10_000_000),
        fulltext_weight: raw.fulltext_weight,
        writer_heap_bytes: c.within("search.writer_heap_bytes", raw.writer_heap_bytes, 16 << 20, 1 << 30),
    }
}

/// Most channels or questions a tier may hold.
const TIER_MAX: u32 = 1_000_000;

fn check_tiers(c: &mut Check<'_>, raw: &RawTiers) -> RawTiers {
    let tiers = [
        ("free", raw.free),
        ("basic", raw.basic),
        ("premium", raw.premium),
        ("pro", raw.pro),
        ("enterprise", raw.enterprise),
    ];
    for (name, tier) in tiers {
        c.within(&format!("tiers.{name}.channels"), tier.channels, 1, TIER_MAX);
        c.within(&format!("tiers.{name}.questions_per_day"), tier.questions_per_day, 1, TIER_MAX);
    }
    raw.clone()
}

/// How browsers reach a service that has a name and speaks TLS itself.
fn origin_of(tls: &Tls, listen: SocketAddr) -> Option<url::Url> {
    let domain = tls.domain.as_ref().filter(|_| tls.is_on())?;
    url::Url::parse(&format!("https://{domain}:{}", listen.port())).ok()
}

fn seconds(count: usize) -> Duration {
    Duration::from_secs(count as u64)
}
