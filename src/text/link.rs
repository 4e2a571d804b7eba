//! What of a link names the page, and what only tells who clicked it.
//!
//! Two posts link to the same page when their links have the same key. The key is a digest of the address without scheme, `www.`,
//! fragment, tracking parameters and a slash at its end; of a link to a post in Telegram, channel and number. A channel, an invite
//! or a bot is no page: such links stand below every post and say nothing of it.

use sha2::{Digest as _, Sha256};
use url::{Host, Url};

/// Bytes of a key.
pub const LINK_KEY_BYTES: usize = 8;
/// Longest address that has a key, bytes.
const LINK_BYTES_MAX: usize = 2048;

/// Query parameters that tell who clicked where and never which page.
const TRACKING: [&str; 27] = [
    "_hsenc",
    "_hsmi",
    "_openstat",
    "dclid",
    "erid",
    "fbclid",
    "gbraid",
    "gclid",
    "gclsrc",
    "igshid",
    "li_fat_id",
    "mc_cid",
    "mc_eid",
    "mkt_tok",
    "msclkid",
    "oly_anon_id",
    "oly_enc_id",
    "rb_clickid",
    "roistat",
    "s_cid",
    "ttclid",
    "twclid",
    "vero_id",
    "wbraid",
    "yclid",
    "ymclid",
    "ysclid",
];
/// Families of them, by how the name begins.
const TRACKING_PREFIXES: [&str; 4] = ["utm_", "ga_", "pk_", "mtm_"];

/// Hosts whose addresses are channels and posts.
const TELEGRAM_HOSTS: [&str; 3] = ["t.me", "telegram.me", "telegram.dog"];

/// Takes the tracking parameters off an address.
pub fn link_untrack(url: &mut Url) {
    if url.query().is_none() {
        return;
    }
    let is_tracking = |name: &str| {
        let name = name.to_ascii_lowercase();
        TRACKING.contains(&name.as_str()) || TRACKING_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    };
    // The others stay as they were written: some sites sign their query to the letter.
    let kept: Vec<&str> = url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !is_tracking(pair.split('=').next().unwrap_or_default()))
        .collect();
    let kept = kept.join("&");
    url.set_query((!kept.is_empty()).then_some(kept.as_str()));
}

/// The key of the page behind a link; `None` where the link leads to no page of its own.
pub fn link_key(link: &str) -> Option<[u8; LINK_KEY_BYTES]> {
    let digest = Sha256::digest(page(link)?.as_bytes());
    let mut key = [0; LINK_KEY_BYTES];
    key.copy_from_slice(&digest[..LINK_KEY_BYTES]);
    Some(key)
}

/// The one form of a page's address.
fn page(link: &str) -> Option<String> {
    if link.len() > LINK_BYTES_MAX {
        return None;
    }
    let mut url = Url::parse(link.trim()).ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    if let Host::Domain(name) = url.host()?
        && TELEGRAM_HOSTS.contains(&name.strip_prefix("www.").unwrap_or(name))
    {
        return telegram_post(url.path());
    }
    link_untrack(&mut url);
    let host = url.host_str()?;
    let host = host.strip_prefix("www.").unwrap_or(host);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{host}{port}{path}{query}"))
}

/// `/name/7`, `/s/name/7` and `/c/123/7`; further numbers name a comment.
fn telegram_post(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (channel, message) = match parts.as_slice() {
        ["c", id, message, ..] => (format!("c/{id}"), message),
        ["c", ..] => return None,
        ["s", name, message, ..] | [name, message, ..] => (name.to_lowercase(), message),
        _ => return None,
    };
    let message: u32 = message.parse().ok().filter(|id| *id > 0)?;
    Some(format!("t.me/{channel}/{message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_page_has_one_key_however_it_was_linked() {
        let same = [
            "https://example.org/news/7?id=3&utm_source=tg",
            "http://www.Example.org/news/7/?utm_medium=x&id=3&yclid=9#comments",
            " https://example.org:443/news/7?id=3 ",
        ];
        for link in same {
            assert_eq!(page(link).as_deref(), Some("example.org/news/7?id=3"), "{link}");
            assert_eq!(link_key(link), link_key(same[0]));
        }
        for other in [
            "https://example.org/news/7",
            "https://example.org/News/7?id=3",
            "https://example.org:81/news/7?id=3",
        ] {
            assert_ne!(link_key(other), link_key(same[0]), "{other}");
        }
        assert_eq!(page("https://example.org").as_deref(), Some("example.org"));
    }

    #[test]
    fn of_telegram_only_posts_are_pages() {
        for (link, expected) in [
            ("https://t.me/Rust_News/7?single", Some("t.me/rust_news/7")),
            ("https://telegram.me/s/rust_news/7", Some("t.me/rust_news/7")),
            ("https://t.me/c/123/7/9", Some("t.me/c/123/7")),
            ("https://t.me/rust_news", None),
            ("https://t.me/c/123", None),
            ("https://t.me/+AbCdEf", None),
            ("https://t.me/addstickers/Cats", None),
            ("https://t.me/some_bot?start=1", None),
        ] {
            assert_eq!(page(link).as_deref(), expected, "{link}");
        }
    }

    #[test]
    fn what_leads_nowhere_has_no_key() {
        let long = format!("https://example.org/{}", "a".repeat(LINK_BYTES_MAX));
        for link in [
            "",
            "example.org",
            "tg://resolve?domain=a",
            "mailto:a@example.org",
            "https://a:b@example.org/",
            &long,
        ] {
            assert_eq!(link_key(link), None, "{link}");
        }
    }
}
