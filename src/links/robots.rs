//! What a site asks of robots: `/robots.txt` (RFC 9309).
//!
//! Pure. A file that is not there forbids nothing; a site that cannot say what it forbids (5xx, no answer) is not read for now.

use robotstxt::matcher::{RobotsMatchStrategy, RobotsMatcher};
use url::Url;

/// Most of a robots.txt that is read, bytes; RFC 9309 asks for at least 500 KiB.
pub const ROBOTS_BYTES_MAX: usize = 512 * 1024;
/// Longest line that is read, bytes: far below where the parser cuts a line, because there it counts letters for bytes and panics.
const LINE_BYTES_MAX: usize = 4 * 1024;
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
}

impl Robots {
    /// From what the site answered.
    pub fn read(status: u16, body: &[u8]) -> Self {
        match status {
            200..=299 => {
                let body = String::from_utf8_lossy(&body[..body.len().min(ROBOTS_BYTES_MAX)]);
                let lines = body.trim_start_matches('\u{feff}').split(['\n', '\r']);
                let lines = lines.filter(|line| !line.is_empty());
                Robots::Rules(
                    lines
                        .flat_map(|line| [&line[..line.floor_char_boundary(LINE_BYTES_MAX)], "\n"])
                        .collect(),
                )
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
            Robots::Rules(text) => Some(RobotsMatcher::<LongestRule>::default().one_agent_allowed_by_robots(
                text,
                AGENT,
                url.as_str(),
            )),
        }
    }

    /// Bytes it takes in memory.
    pub fn size(&self) -> usize {
        match self {
            Robots::Free | Robots::Unknown => 0,
            Robots::Rules(text) => text.len(),
        }
    }
}

/// Of the rules that match the longest counts (RFC 9309 §2.2.2). The library's own way of matching costs the square of the
/// wildcards and tries only the first place of what follows one.
#[derive(Debug, Default)]
struct LongestRule;

impl RobotsMatchStrategy for LongestRule {
    fn match_allow(&self, path: &str, rule: &str) -> i32 {
        if is_match(path, rule) { rule.len() as i32 } else { -1 }
    }

    fn match_disallow(&self, path: &str, rule: &str) -> i32 {
        self.match_allow(path, rule)
    }
}

/// In the time of one pass: of what stands between wildcards the leftmost place leaves most to the rest.
fn is_match(path: &str, rule: &str) -> bool {
    let (rule, to_the_end) = rule.strip_suffix('$').map_or((rule, false), |rule| (rule, true));
    let mut pieces = rule.split('*').peekable();
    let Some(mut rest) = path.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    if pieces.peek().is_none() {
        return !to_the_end || rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if to_the_end && pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    true
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
    fn a_wildcard_stands_for_anything_and_a_dollar_for_the_end() {
        for (rule, yes, no) in [
            ("/*/private", "/a/b/private", "/private"),
            ("/*.pdf", "/a.b.pdf", "/pdf"),
            ("/*/x$", "/ab/ac/x", "/ab/x/y"),
            ("/a*b*c$", "/a1b2c1c", "/a1c2b"),
            ("/a**", "/abc", "/b"),
            ("/page$", "/page", "/page2"),
            ("*ключ", "/%D0%BA%D0%BB%D1%8E%D1%87", "/a"),
        ] {
            let rules = format!("User-agent: *\nDisallow: {rule}\n");
            assert_eq!(allows(&rules, yes), Some(false), "{rule} {yes}");
            assert_eq!(allows(&rules, no), Some(true), "{rule} {no}");
        }
    }

    /// Rules full of wildcards used to take hours, and a line longer than 16 KB to panic.
    #[test]
    fn hostile_rules_cost_little() {
        let rule = format!("Disallow: /{}$\n", "*a".repeat(2_000));
        let rules = format!("User-agent: *\n{}", rule.repeat(ROBOTS_BYTES_MAX / rule.len()));
        let path = format!("/{}b", "a".repeat(1_900));
        let started = std::time::Instant::now();
        assert_eq!(allows(&rules, &path), Some(true));
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
        let long = format!("User-agent: *\nDisallow: /{}{}\nDisallow: /b\n", "a".repeat(16_660), "яяяя");
        assert_eq!(allows(&long, "/b"), Some(false));
        assert_eq!(
            allows("\u{feff}User-agent: *\nDisallow: /b\n", "/b"),
            Some(false),
            "after a byte order mark"
        );
    }
}
