//! Where backups go, when they are made, and how long they are kept.

use std::path::PathBuf;

use jiff::civil::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Check, Secret};
use crate::seal::PublicKey;

/// Most backups a rule keeps.
const KEPT_MAX: u32 = 1_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBackup {
    /// Where backups lie; empty: `backups` in the data directory.
    pub dir: String,
    /// When one is made every day, `03:10` (UTC); empty: only when somebody asks.
    pub at: String,
    /// Whether each is restored in a scratch directory before it counts.
    pub verify: bool,
    /// Whether the keys of the installation are in it.
    pub keys: bool,
    /// Whether the queue and the indexes are in it; without them they are made anew after a restore.
    pub indexes: bool,
    /// How many are kept: the newest of each of so many days, …
    pub keep_daily: u32,
    /// … weeks …
    pub keep_weekly: u32,
    /// … and months.
    pub keep_monthly: u32,
    /// Further age public keys that open backups.
    pub recipients: Vec<String>,
    pub s3: RawBackupS3,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBackupS3 {
    /// Address of an S3-compatible storage; empty: backups lie in `backup.dir`.
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    /// What the names of its objects begin with.
    pub prefix: String,
    pub access_key: String,
    pub secret_key: String,
    /// The same as a file.
    pub secret_key_file: String,
    /// Larger files are sent in parts of this size, bytes.
    pub part_bytes: u32,
}

impl Default for RawBackup {
    fn default() -> Self {
        Self {
            dir: String::new(),
            at: "03:10".to_owned(),
            verify: true,
            keys: true,
            indexes: false,
            keep_daily: 7,
            keep_weekly: 4,
            keep_monthly: 6,
            recipients: Vec::new(),
            s3: RawBackupS3 {
                endpoint: String::new(),
                region: "us-east-1".to_owned(),
                bucket: String::new(),
                prefix: String::new(),
                access_key: String::new(),
                secret_key: String::new(),
                secret_key_file: String::new(),
                part_bytes: 64 * 1024 * 1024,
            },
        }
    }
}

/// The checked values.
#[derive(Debug, Clone)]
pub struct Backup {
    /// `None`: `backups` in the data directory.
    pub dir: Option<PathBuf>,
    /// `None`: only when somebody asks.
    pub at: Option<Time>,
    pub verify: bool,
    pub keys: bool,
    pub indexes: bool,
    pub keep: Keep,
    pub recipients: Vec<PublicKey>,
    /// In place of the directory.
    pub s3: Option<BackupS3>,
}

/// How many are kept of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    pub daily: usize,
    pub weekly: usize,
    pub monthly: usize,
}

#[derive(Debug, Clone)]
pub struct BackupS3 {
    pub endpoint: url::Url,
    pub region: String,
    pub bucket: String,
    pub prefix: String,
    pub access_key: String,
    pub secret_key: Secret,
    pub part_bytes: usize,
}

pub(super) fn check(c: &mut Check<'_>, raw: &mut RawBackup) -> Backup {
    let recipients = raw.recipients.iter().filter_map(|text| {
        let key = PublicKey::parse(text);
        if key.is_none() {
            let problem = format!("`{text}` is no age public key");
            c.problem("backup.recipients", problem, "write keys like age1…, as age-keygen shows them");
        }
        key
    });
    let recipients = recipients.collect();
    if raw.keep_daily + raw.keep_weekly + raw.keep_monthly == 0 {
        c.problem("backup.keep_daily", "nothing would be kept", "keep at least one");
    }
    Backup {
        dir: (!raw.dir.is_empty()).then(|| PathBuf::from(&raw.dir)),
        at: c.time_of_day("backup.at", &raw.at),
        verify: raw.verify,
        keys: raw.keys,
        indexes: raw.indexes,
        keep: Keep {
            daily: c.within("backup.keep_daily", raw.keep_daily, 0, KEPT_MAX),
            weekly: c.within("backup.keep_weekly", raw.keep_weekly, 0, KEPT_MAX),
            monthly: c.within("backup.keep_monthly", raw.keep_monthly, 0, KEPT_MAX),
        },
        recipients,
        s3: check_s3(c, &mut raw.s3),
    }
}

fn check_s3(c: &mut Check<'_>, raw: &mut RawBackupS3) -> Option<BackupS3> {
    let secret_key = c.secret("backup.s3.secret_key", &mut raw.secret_key, &raw.secret_key_file);
    if raw.endpoint.is_empty() {
        return None;
    }
    let endpoint = url::Url::parse(&raw.endpoint).ok();
    let endpoint = endpoint.filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    if endpoint.is_none() {
        let problem = format!("`{}` is no address", raw.endpoint);
        c.problem("backup.s3.endpoint", problem, "write it like https://s3.example.org");
    }
    for (key, value) in [
        ("backup.s3.bucket", &raw.bucket),
        ("backup.s3.region", &raw.region),
        ("backup.s3.access_key", &raw.access_key),
    ] {
        if value.is_empty() || value.contains(|ch: char| ch.is_whitespace() || ch == '/') {
            c.problem(key, "is empty or no name", "take it from your storage");
        }
    }
    if secret_key.is_none() {
        c.problem("backup.s3.secret_key", "is missing", "name it here or in backup.s3.secret_key_file");
    }
    // What S3 takes: parts from 5 MiB.
    let part_bytes = c.within("backup.s3.part_bytes", raw.part_bytes, 5 << 20, 1 << 30);
    Some(BackupS3 {
        endpoint: endpoint?,
        region: raw.region.clone(),
        bucket: raw.bucket.clone(),
        prefix: raw.prefix.clone(),
        access_key: raw.access_key.clone(),
        secret_key: secret_key?,
        part_bytes,
    })
}

impl Check<'_> {
    /// A time of day; empty is none.
    pub(super) fn time_of_day(&mut self, key: &str, text: &str) -> Option<Time> {
        if text.is_empty() {
            return None;
        }
        let time = Time::strptime("%H:%M", text).ok();
        if time.is_none() {
            self.problem(
                key,
                format!("`{text}` is no time of day"),
                "write it like 03:10 (UTC), or leave it empty",
            );
        }
        time
    }
}
