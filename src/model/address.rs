//! What is left of an address and a browser's name when they must not tell of one person any more.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network of an address: IPv4 /24, IPv6 /56. `None` for what is no address, which is not kept.
pub fn ip_coarse(text: &str) -> Option<String> {
    let address: IpAddr = text.trim().parse().ok()?;
    Some(match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            Ipv4Addr::new(a, b, c, 0).to_string()
        }
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 72 << 72).to_string(),
    })
}

/// Which family of browsers a user agent is of; those that call themselves several things go by the narrowest.
pub fn browser_family(user_agent: &str) -> &'static str {
    const FAMILIES: [(&str, &str); 14] = [
        ("telegram", "Telegram"),
        ("yabrowser", "Yandex Browser"),
        ("edg", "Edge"),
        ("opr/", "Opera"),
        ("opera", "Opera"),
        ("samsungbrowser", "Samsung Internet"),
        ("firefox", "Firefox"),
        ("fxios", "Firefox"),
        ("crios", "Chrome"),
        ("chrome", "Chrome"),
        ("chromium", "Chrome"),
        ("safari", "Safari"),
        ("curl", "curl"),
        ("bot", "bot"),
    ];
    let agent = user_agent.to_lowercase();
    FAMILIES.iter().find(|(mark, _)| agent.contains(mark)).map_or("other", |(_, family)| family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_its_network() {
        for (address, network) in [
            ("203.0.113.77", Some("203.0.113.0")),
            ("::ffff:203.0.113.77", Some("203.0.113.0")),
            ("2001:db8:1234:5678:9abc:def0:1234:5678", Some("2001:db8:1234:5600::")),
            ("2001:DB8::1", Some("2001:db8::")),
            ("::1", Some("::")),
            ("unknown", None),
            ("", None),
        ] {
            assert_eq!(ip_coarse(address).as_deref(), network, "{address}");
        }
    }

    #[test]
    fn a_browser_becomes_its_family() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36";
        for (agent, family) in [
            (chrome.to_owned(), "Chrome"),
            (format!("{chrome} Edg/126.0"), "Edge"),
            (format!("{chrome} OPR/111.0"), "Opera"),
            (format!("{chrome} YaBrowser/24.6"), "Yandex Browser"),
            ("Mozilla/5.0 (Macintosh) AppleWebKit/605 (KHTML) Version/17.5 Safari/605".to_owned(), "Safari"),
            ("Mozilla/5.0 (X11; rv:127.0) Gecko/20100101 Firefox/127.0".to_owned(), "Firefox"),
            ("something of my own".to_owned(), "other"),
        ] {
            assert_eq!(browser_family(&agent), family, "{agent}");
        }
    }
}
