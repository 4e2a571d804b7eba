//! How much one may ask, and which proxies are believed about who asks.

use super::{Check, RawLimits};
use crate::model::Net;

/// Requests a minute, and streams at once; 0 means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub ip: u32,
    pub ip_sign_ins: u32,
    pub ip_qr_starts: u32,
    pub user: u32,
    pub user_costly: u32,
    pub tenant: u32,
    pub streams_per_caller: u32,
    pub streams: u32,
}

impl Check<'_> {
    pub(super) fn limits(&mut self, raw: &RawLimits) -> Limits {
        let mut within =
            |key: &str, value| self.within(&format!("limits.{key}"), value, 0, 10_000_000) as u32;
        Limits {
            ip: within("ip_per_minute", raw.ip_per_minute),
            ip_sign_ins: within("ip_sign_ins_per_minute", raw.ip_sign_ins_per_minute),
            ip_qr_starts: within("ip_qr_starts_per_minute", raw.ip_qr_starts_per_minute),
            user: within("user_per_minute", raw.user_per_minute),
            user_costly: within("user_costly_per_minute", raw.user_costly_per_minute),
            tenant: within("tenant_per_minute", raw.tenant_per_minute),
            streams_per_caller: within("streams_per_caller", raw.streams_per_caller),
            streams: within("streams_max", raw.streams_max),
        }
    }

    pub(super) fn nets(&mut self, key: &str, given: &[String]) -> Vec<Net> {
        let mut nets = Vec::new();
        for text in given {
            match Net::parse(text) {
                Some(net) => nets.push(net),
                None => self.problem(
                    key,
                    format!("`{text}` is no address or network"),
                    "write it like 127.0.0.1 or 10.0.0.0/8",
                ),
            }
        }
        nets
    }
}
