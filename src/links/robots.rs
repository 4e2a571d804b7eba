//! What a site asks of robots: `/robots.txt` (RFC 9309).
//!
//! Pure. A file that is not there forbids nothing; a site that cannot say what it forbids (5xx, no answer) is not read for now.

use url::Url;

/// Most of a robots.txt that is read, bytes; RFC 9309 asks for at least 500 KiB.
pub const ROBOTS_BYTES_MAX: usize = 512 * 1024;
/// Rules with a wildcard that are tried, and how long such a rule may be, bytes: each costs its length times the path's. A site
/// with more of them is taken at its word that it wants no robots.
const WILD_RULES_MAX: usize = 500;
const WILD_RULE_BYTES_MAX: usize = 256;
/// The word robots.txt calls us by.
const AGENT: &str = "TelegramAssistant";

/// One site's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Robots {
    /// There are none.
    Free,
    /// They cannot be learned now.
    Unknown,
    Rules(String),
    /// They forbid everything, or cannot be tried at a bearable price.
    Closed,
}

impl Robots {
    /// From what the site answered.
    pub fn read(status: u16, body: &[u8]) -> Self {
        match status {
            200..=299 => {
                let body = String::from_utf8_lossy(&body[..body.len().min(ROBOTS_BYTES_MAX)]);
                let mut wild = body.lines().filter(|line| line.contains('*') && line.contains('/'));
                let bearable =
                    wild.by_ref().take(WILD_RULES_MAX).all(|line| line.len() <= WILD_RULE_BYTES_MAX);
                if bearable && wild.next().is_none() {
                    Robots::Rules(body.into_owned())
                } else {
                    Robots::Closed
                }
            }
            // Any other answer of the site itself says that there are no rules.
            300..=499 if status != 429 => Robots::Free,
            _ => Robots::Unknown,
        }
    }

    /// Whether a page may be asked for; `None` while the site cannot say.
    pub fn allows(&self, url: &Url) -> Option<bool> {
        match self {
            Robots::Free => Some(true),
            Robots::Unknown => None,
            Robots::Closed => Some(false),
            Robots::Rules(text) => Some(robotstxt::DefaultMatcher::default().one_agent_allowed_by_robots(
                text,
                AGENT,
                url.as_str(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(rules: &str, path: &str) -> Option<bool> {
        Robots::read(200, rules.as_bytes())
            .allows(&Url::parse(&format!("https://example.org{path}")).unwrap())
    }

    #[test]
    fn rules_for_everybody_and_for_us_are_kept() {
        let all = "User-agent: *\nDisallow: /private\nAllow: /private/open$\n";
        assert_eq!(allows(all, "/a"), Some(true));
        assert_eq!(allows(all, "/private/x"), Some(false));
        assert_eq!(allows(all, "/private/open"), Some(true));
        let ours = "User-agent: *\nDisallow:\n\nUser-agent: telegramassistant\nDisallow: /*.pdf\n";
        assert_eq!(allows(ours, "/a.pdf"), Some(false));
        assert_eq!(allows(ours, "/a"), Some(true));
        assert_eq!(allows("\u{feff}<html>not rules at all", "/a"), Some(true));
    }

    #[test]
    fn no_rules_forbid_nothing_and_a_broken_site_is_left_alone() {
        let url = Url::parse("https://example.org/").unwrap();
        assert_eq!(Robots::read(404, b"").allows(&url), Some(true));
        assert_eq!(Robots::read(403, b"User-agent: *\nDisallow: /").allows(&url), Some(true));
        for status in [429, 500, 503] {
            assert_eq!(Robots::read(status, b"").allows(&url), None, "{status}");
        }
    }

    #[test]
    fn rules_that_cost_too_much_to_try_close_the_site() {
        let rule = |wildcards: usize| format!("Disallow: /{}$\n", "*a".repeat(wildcards));
        let most = format!("User-agent: *\n{}", rule(100).repeat(WILD_RULES_MAX));
        assert!(matches!(Robots::read(200, most.as_bytes()), Robots::Rules(_)));
        for hostile in [format!("{most}{}", rule(1)), format!("User-agent: *\n{}", rule(200))] {
            assert_eq!(allows(&hostile, "/a"), Some(false));
        }
        let long = format!("User-agent: *\nDisallow: /{}\nDisallow: /b\n", "x".repeat(400_000));
        assert_eq!(allows(&long, "/b"), Some(false));
        assert_eq!(allows(&long, "/a"), Some(true));
    }
}
