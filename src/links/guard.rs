//! Which addresses of the network may be asked.
//!
//! Pure but for [`own_addresses`]. A name may resolve to anything, now and a second later; so what is judged is the address
//! a connection is made to, never the name. Let through is what IANA lists as globally reachable (registries of special-purpose
//! addresses, RFC 6890) and nothing else; IPv4 inside IPv6 is judged as the IPv4 it leads to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Refusal;
use crate::model::Net;

/// IPv4 that is not globally reachable, or leads to many.
const FORBIDDEN_V4: [&str; 16] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    // A metadata service of a cloud that stands outside of link-local addresses.
    "168.63.129.16/32",
];

/// The only part of IPv6 that is given out to the net.
const GLOBAL_V6: &str = "2000::/3";
/// What of it is not: protocol assignments (Teredo, ORCHID, benchmarking), documentation, 6to4.
const FORBIDDEN_V6: [&str; 4] = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];
/// IPv4 behind a translator; its last four bytes are the address.
const NAT64: &str = "64:ff9b::/96";

/// The judge.
#[derive(Debug, Clone)]
pub struct Guard {
    forbidden: Vec<Net>,
    global_v6: Net,
    nat64: Net,
    own: Vec<IpAddr>,
    allowed: Vec<Net>,
}

impl Guard {
    /// `allowed` are networks that may be asked in spite of everything; `own` the addresses of this machine.
    pub fn new(allowed: Vec<Net>, own: Vec<IpAddr>) -> Self {
        let net = |text: &str| Net::parse(text).expect("the tables hold networks");
        Self {
            forbidden: FORBIDDEN_V4.iter().chain(&FORBIDDEN_V6).map(|text| net(text)).collect(),
            global_v6: net(GLOBAL_V6),
            nat64: net(NAT64),
            own,
            allowed,
        }
    }

    /// Whether a connection may be made to this address.
    pub fn check(&self, address: IpAddr) -> Result<(), Refusal> {
        let address = self.meant(address);
        if self.allowed.iter().any(|net| net.contains(address)) {
            return Ok(());
        }
        if self.own.iter().any(|own| self.meant(*own) == address) {
            return Err(Refusal::Own);
        }
        let global = match address {
            IpAddr::V4(_) => true,
            IpAddr::V6(_) => self.global_v6.contains(address),
        };
        if !global || self.forbidden.iter().any(|net| net.contains(address)) {
            return Err(Refusal::Forbidden);
        }
        Ok(())
    }

    /// The address that is reached in the end.
    fn meant(&self, address: IpAddr) -> IpAddr {
        let IpAddr::V6(v6) = address else { return address };
        if self.nat64.contains(address) {
            let [.., a, b, c, d] = v6.octets();
            return IpAddr::V4(Ipv4Addr::new(a, b, c, d));
        }
        v6.to_ipv4_mapped().map_or(address, IpAddr::V4)
    }
}

/// The addresses of this machine's own interfaces. Where they cannot be read, what is local is refused all the same.
pub fn own_addresses() -> Vec<IpAddr> {
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.iter().map(if_addrs::Interface::ip).collect(),
        Err(error) => {
            tracing::warn!(%error, "cannot list this machine's addresses");
            vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str) -> Result<(), Refusal> {
        Guard::new(Vec::new(), vec!["93.184.216.34".parse().unwrap()]).check(address.parse().unwrap())
    }

    #[test]
    fn only_the_public_net_is_let_through() {
        for public in [
            "1.1.1.1",
            "93.184.216.35",
            "2606:4700:4700::1111",
            "2a00:1450:4010::71",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert_eq!(check(public), Ok(()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:0:53aa:64c::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::1",
            "3fff::1",
            "4000::1",
        ] {
            assert_eq!(check(private), Err(Refusal::Forbidden), "{private}");
        }
        assert_eq!(check("93.184.216.34"), Err(Refusal::Own));
        assert_eq!(check("::ffff:93.184.216.34"), Err(Refusal::Own));
    }

    #[test]
    fn an_allowed_network_is_let_through_and_its_neighbours_are_not() {
        let guard = Guard::new(vec![Net::parse("10.7.0.0/16").unwrap()], Vec::new());
        assert_eq!(guard.check("10.7.3.4".parse().unwrap()), Ok(()));
        assert_eq!(guard.check("10.8.3.4".parse().unwrap()), Err(Refusal::Forbidden));
    }

    #[test]
    fn this_machine_knows_its_addresses() {
        assert!(own_addresses().iter().any(IpAddr::is_loopback));
    }
}
