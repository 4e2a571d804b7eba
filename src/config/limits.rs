//! How much one may ask, and which proxies are believed about who asks.

use std::net::IpAddr;

use super::{Check, RawLimits};

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

/// A network: an address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    bits: u128,
    mask: u128,
}

impl Net {
    /// `10.0.0.0/8`, `fd00::/8`, or one address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        // An IPv4 address is the last 32 bits of its IPv6 form, so its networks have 96 bits more.
        let (more, most) = if address.is_ipv4() { (96, 32) } else { (0, 128) };
        let length = length.unwrap_or(most);
        if length > most {
            return None;
        }
        let mask = u128::MAX.checked_shl(128 - (more + length)).unwrap_or(0);
        Some(Self { bits: bits(address) & mask, mask })
    }

    pub fn contains(self, address: IpAddr) -> bool {
        bits(address) & self.mask == self.bits
    }
}

/// Any address as IPv6 writes it.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
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

#[cfg(test)]
mod tests {
    use super::Net;

    #[test]
    fn networks_hold_their_addresses() {
        for (net, inside, outside) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.1.2.3/8", "10.9.9.9", "9.0.0.1"),
            ("0.0.0.0/0", "8.8.8.8", "2001:db8::1"),
            ("::1", "::1", "::2"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::1"),
        ] {
            let parsed = Net::parse(net).unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{net} {inside}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{net} {outside}");
        }
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "host", "10.0.0.0/x", "10.0.0.0/-1"] {
            assert_eq!(Net::parse(text), None, "{text}");
        }
    }
}
