//! How accounts connect to Telegram: the application's own id and hash, the names it shows, data centres of one's own.

use std::{net::SocketAddrV4, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Check, Secret, seconds, secret::hex_32};

/// What `config print` shows of a shared secret.
const HIDDEN: &str = "***";
/// Longest name shown to Telegram, characters.
const NAME_CHARS_MAX: usize = 64;

/// The most requests a minute that may be configured: Telegram bans accounts that ask more, one's own servers do not.
const REQUESTS_PER_MINUTE_MAX: u32 = 600;
const REQUESTS_PER_MINUTE_OWN_MAX: u32 = 1_000_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTelegram {
    /// The application's id from my.telegram.org; 0 means that no account can connect.
    pub api_id: u32,
    /// Its hash.
    pub api_hash: String,
    /// The same as a file.
    pub api_hash_file: String,
    /// The device that people see in Telegram's list of sessions.
    pub device_model: String,
    /// Its system, shown there too.
    pub system_version: String,
    /// The application's version, shown there too.
    pub app_version: String,
    /// Longest wait for one answer, seconds.
    pub request_timeout_s: u32,
    /// Requests one account may make a minute; a quarter of it on the first day of a session.
    pub requests_per_minute: u32,
    /// QR logins under way at once, each with a connection of its own.
    pub logins_max: u32,
    /// Telegram-compatible servers of one's own; empty takes Telegram's.
    pub datacenters: Vec<RawDatacenter>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDatacenter {
    /// Its number.
    pub id: u8,
    /// IPv4 address and port.
    pub address: String,
    /// The secret shared with it, 64 hexadecimal digits, from which each session's key is made.
    pub auth_key: String,
}

impl Default for RawTelegram {
    fn default() -> Self {
        Self {
            api_id: 0,
            api_hash: String::new(),
            api_hash_file: String::new(),
            device_model: "Unofficial Telegram Assistant".to_owned(),
            system_version: "Server".to_owned(),
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            request_timeout_s: 30,
            requests_per_minute: 30,
            logins_max: 500,
            datacenters: Vec::new(),
        }
    }
}

/// How accounts connect.
#[derive(Debug, Clone)]
pub struct Telegram {
    /// `None`: no account can connect.
    pub application: Option<Application>,
    pub device_model: String,
    pub system_version: String,
    pub app_version: String,
    pub request_timeout: Duration,
    pub requests_per_minute: u32,
    pub logins_max: u32,
    pub datacenters: Vec<OwnDatacenter>,
}

#[derive(Debug, Clone)]
pub struct Application {
    pub id: i32,
    pub hash: Secret,
}

/// A Telegram-compatible server.
#[derive(Clone)]
pub struct OwnDatacenter {
    pub id: i32,
    pub address: SocketAddrV4,
    pub secret: [u8; 32],
}

impl std::fmt::Debug for OwnDatacenter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnDatacenter").field("id", &self.id).finish_non_exhaustive()
    }
}

pub(super) fn check(c: &mut Check<'_>, raw: &mut RawTelegram) -> Telegram {
    let hash = c.secret("telegram.api_hash", &mut raw.api_hash, &raw.api_hash_file);
    let id = i32::try_from(raw.api_id).unwrap_or(0);
    let application = match (id, hash) {
        (0, None) => None,
        (id, Some(hash)) if id > 0 => Some(Application { id, hash }),
        _ => {
            c.problem(
                "telegram.api_id",
                "api_id and api_hash belong together",
                "set both as my.telegram.org shows them, or neither",
            );
            None
        }
    };
    for (key, name) in [
        ("telegram.device_model", &raw.device_model),
        ("telegram.system_version", &raw.system_version),
        ("telegram.app_version", &raw.app_version),
    ] {
        if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX {
            c.problem(
                key,
                "is empty or too long",
                "Telegram shows it in the list of sessions; use 1 to 64 characters",
            );
        }
    }
    let datacenters: Vec<OwnDatacenter> =
        raw.datacenters.iter_mut().filter_map(|dc| check_datacenter(c, dc)).collect();
    let requests_max =
        if datacenters.is_empty() { REQUESTS_PER_MINUTE_MAX } else { REQUESTS_PER_MINUTE_OWN_MAX };
    Telegram {
        application,
        device_model: raw.device_model.clone(),
        system_version: raw.system_version.clone(),
        app_version: raw.app_version.clone(),
        request_timeout: seconds(c.within("telegram.request_timeout_s", raw.request_timeout_s, 1, 120)),
        requests_per_minute: c.within(
            "telegram.requests_per_minute",
            raw.requests_per_minute,
            1,
            requests_max,
        ) as u32,
        logins_max: c.within("telegram.logins_max", raw.logins_max, 1, 10_000) as u32,
        datacenters,
    }
}

fn check_datacenter(c: &mut Check<'_>, raw: &mut RawDatacenter) -> Option<OwnDatacenter> {
    const KEY: &str = "telegram.datacenters";
    let secret = hex_32(&raw.auth_key);
    HIDDEN.clone_into(&mut raw.auth_key);
    let Ok(address) = raw.address.parse() else {
        c.problem(
            KEY,
            format!("`{}` is no IPv4 address with a port", raw.address),
            "write it like 10.0.0.1:443",
        );
        return None;
    };
    let Some(secret) = secret else {
        c.problem(
            KEY,
            "auth_key is no shared secret",
            "write the 64 hexadecimal digits the server was given",
        );
        return None;
    };
    if raw.id == 0 {
        c.problem(KEY, "id is 0", "number data centres from 1");
        return None;
    }
    Some(OwnDatacenter { id: i32::from(raw.id), address, secret })
}
