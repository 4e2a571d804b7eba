//! Addresses in running text: with a scheme, bare domains, e-mail.
//!
//! Pure. A bare domain counts only under a top-level domain from [`TOP_LEVEL`], because `main.go` and `т.е` look like
//! domains too; an address with a scheme counts always.

use super::chars::{COLOURED, is_pictograph, is_word};

/// Schemes after which everything up to a space is an address.
const SCHEMES: [&str; 5] = ["https://", "http://", "tg://", "ftp://", "ton://"];

/// Top-level domains under which a bare `name.tld` is taken for an address; common in Russian and English posts.
const TOP_LEVEL: [&str; 52] = [
    "ai", "app", "biz", "blog", "by", "cc", "club", "cn", "co", "com", "de", "dev", "edu", "eu", "fm", "fr",
    "gg", "gl", "gov", "host", "info", "io", "is", "kz", "link", "ly", "me", "media", "name", "net", "news",
    "nl", "online", "org", "page", "pro", "ru", "sh", "shop", "site", "space", "store", "su", "tech", "to",
    "tv", "ua", "uk", "us", "xyz", "бел", "рф",
];

/// The longest host that is looked for, in bytes; DNS allows 253, Cyrillic takes two bytes a letter.
const HOST_BYTES_MAX: usize = 512;

/// The longest address taken whole, in bytes; what is longer ends there. Keeps the scan linear on hostile text.
pub(super) const ADDRESS_BYTES_MAX: usize = 2048;

/// The length in bytes of the address at the beginning of `rest`, if one begins here.
///
/// `rest` begins with a letter or digit that no other word character precedes.
pub(super) fn length(rest: &str) -> Option<usize> {
    for scheme in SCHEMES {
        if starts_with_ascii(rest, scheme) {
            let end = tail_end(rest, scheme.len());
            return (end > scheme.len()).then_some(end);
        }
    }
    bare_length(rest)
}

/// `www.example.org/path`, `t.me/name`, `user@host.tld`.
fn bare_length(rest: &str) -> Option<usize> {
    let near = &rest[..rest.floor_char_boundary(HOST_BYTES_MAX)];
    let host_end =
        near.find(|c: char| !is_word(c) && !matches!(c, '.' | '-' | '_' | '+')).unwrap_or(near.len());
    let mut host = &rest[..host_end];
    let mut begin = 0;
    if rest[host_end..].starts_with('@') && host.is_ascii() {
        // E-mail: the host stands after the `@`.
        begin = host_end + 1;
        let after = &rest[begin..rest.floor_char_boundary(begin + HOST_BYTES_MAX)];
        let end = after.find(|c: char| !is_word(c) && !matches!(c, '.' | '-')).unwrap_or(after.len());
        host = &after[..end];
    }
    let host = host.trim_end_matches(['.', '-', '_', '+']);
    let (name, top) = host.rsplit_once('.')?;
    if name.is_empty() || !is_top_level(top) || name.contains("..") || host.contains('+') {
        return None;
    }
    let end = begin + host.len();
    match rest[end..].chars().next() {
        Some('/' | '?' | '#') => Some(tail_end(rest, end)),
        Some(':') if rest[end + 1..].starts_with(|c: char| c.is_ascii_digit()) => Some(tail_end(rest, end)),
        _ => Some(end),
    }
}

/// Bare domains are written in small letters; `ASP.NET` is not one.
fn is_top_level(top: &str) -> bool {
    TOP_LEVEL.binary_search(&top).is_ok()
}

/// Where the address that begins at 0 and is sure up to `from` ends: at a space or quote, without closing punctuation.
fn tail_end(rest: &str, from: usize) -> usize {
    let rest = &rest[..rest.floor_char_boundary(ADDRESS_BYTES_MAX.max(from))];
    let stop = rest[from..]
        .find(|c: char| {
            c.is_whitespace()
                || c.is_control()
                || matches!(c, '<' | '>' | '"' | '«' | '»' | '“' | '”' | '„' | '`' | '|')
        })
        .map_or(rest.len(), |at| from + at);
    let mut end = stop;
    while let Some(last) = rest[from..end].chars().next_back() {
        let drop = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '’' | '…' | '*' | '—' | '–' => true,
            // A bracket stays only if the address opened it: `…/Go_(language)`.
            ')' => rest[..end].matches('(').count() < rest[..end].matches(')').count(),
            ']' => rest[..end].matches('[').count() < rest[..end].matches(']').count(),
            last => is_pictograph(last) || last == COLOURED,
        };
        if !drop {
            break;
        }
        end -= last.len_utf8();
    }
    end
}

/// Whether `text` begins with an ASCII prefix, whatever its case.
pub(super) fn starts_with_ascii(text: &str, prefix: &str) -> bool {
    text.as_bytes().get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// Where scheme and `www.` end: the byte at which the host begins.
pub(super) fn host_start(url: &str) -> usize {
    let scheme = SCHEMES.into_iter().find(|scheme| starts_with_ascii(url, scheme)).map_or(0, str::len);
    scheme + if starts_with_ascii(&url[scheme..], "www.") { 4 } else { 0 }
}
