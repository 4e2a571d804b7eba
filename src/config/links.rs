//! How pages that posts link to are fetched. Whether they are is each tenant's own choice and stands in its database.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Check, seconds};
use crate::model::Net;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLinks {
    /// Longest time for one page with all its redirects, seconds.
    pub timeout_s: u32,
    /// Redirects that are followed.
    pub redirects_max: u32,
    /// Largest page, bytes, as sent and as unpacked.
    pub body_bytes_max: u32,
    /// Ports that may be asked.
    pub ports: Vec<u16>,
    /// Private networks that may be asked all the same.
    pub allowed_networks: Vec<String>,
    /// Pages read of one post.
    pub pages_per_post_max: u32,
    /// Pages asked of one site a minute.
    pub host_per_minute: u32,
    /// Pages one tenant asks for a day.
    pub tenant_per_day: u32,
    /// Pages fetched at once.
    pub concurrent_max: u32,
}

impl Default for RawLinks {
    fn default() -> Self {
        Self {
            timeout_s: 15,
            redirects_max: 3,
            body_bytes_max: 10 * 1024 * 1024,
            ports: vec![80, 443],
            allowed_networks: Vec::new(),
            pages_per_post_max: 5,
            host_per_minute: 10,
            tenant_per_day: 1_000,
            concurrent_max: 4,
        }
    }
}

/// The checked values.
#[derive(Debug, Clone)]
pub struct Links {
    pub timeout: Duration,
    pub redirects_max: u32,
    pub body_bytes_max: usize,
    pub ports: Vec<u16>,
    pub allowed_networks: Vec<Net>,
    pub pages_per_post_max: usize,
    /// Between two pages of one site.
    pub host_pause: Duration,
    pub tenant_per_day: u64,
    pub concurrent_max: usize,
}

pub(super) fn check(c: &mut Check<'_>, raw: &RawLinks) -> Links {
    if raw.ports.is_empty() {
        c.problem("links.ports", "is empty", "name the ports that may be asked, usually [80, 443]");
    }
    let per_minute = c.within("links.host_per_minute", raw.host_per_minute, 1, 6_000);
    Links {
        timeout: seconds(c.within("links.timeout_s", raw.timeout_s, 1, 60)),
        redirects_max: c.within("links.redirects_max", raw.redirects_max, 0, 10) as u32,
        body_bytes_max: c.within("links.body_bytes_max", raw.body_bytes_max, 4096, 64 * 1024 * 1024),
        ports: raw.ports.clone(),
        allowed_networks: c.nets("links.allowed_networks", &raw.allowed_networks),
        pages_per_post_max: c.within("links.pages_per_post_max", raw.pages_per_post_max, 1, 100),
        host_pause: Duration::from_mins(1) / per_minute.max(1) as u32,
        tenant_per_day: c.within("links.tenant_per_day", raw.tenant_per_day, 1, 1_000_000) as u64,
        concurrent_max: c.within("links.concurrent_max", raw.concurrent_max, 1, 64),
    }
}
