//! Bytes of a page as text.
//!
//! Pure. In the order of the HTML standard: a byte order mark, what the answer's header says, what the page says of itself in
//! its first kilobyte, and then a guess from the bytes and the host's country, as browsers do. Never fails: bytes that mean
//! nothing become U+FFFD.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How far into a page its own word for its charset is looked for, bytes (HTML standard, "prescan").
const PRESCAN_BYTES: usize = 1024;

/// `header` is the charset of the `Content-Type`, `host` where the page came from.
pub(super) fn decode<'a>(bytes: &'a [u8], header: Option<&str>, host: &str) -> Cow<'a, str> {
    let (encoding, mark) = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => (encoding, mark),
        None => (named(header).or_else(|| prescan(bytes)).unwrap_or_else(|| guess(bytes, host)), 0),
    };
    encoding.decode_without_bom_handling(&bytes[mark..]).0
}

fn named(label: Option<&str>) -> Option<&'static Encoding> {
    Encoding::for_label(label?.trim().as_bytes())
}

/// `<meta charset=…>` and `<meta http-equiv=… content="…; charset=…">` alike.
fn prescan(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(PRESCAN_BYTES)]).to_ascii_lowercase();
    let at = head
        .match_indices("charset")
        .find(|(at, _)| head[..*at].rfind('<').is_some_and(|tag| head[tag..].starts_with("<meta")));
    let rest = head[at?.0 + "charset".len()..].trim_start().strip_prefix('=')?.trim_start();
    let rest = rest.trim_start_matches(['"', '\'']);
    let label: String =
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_:.".contains(*c)).collect();
    // A page that says in single bytes that it is UTF-16 is not.
    let encoding = named(Some(&label))?;
    Some(if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
}

fn guess(bytes: &[u8], host: &str) -> &'static Encoding {
    if std::str::from_utf8(bytes).is_ok() {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let top = host.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let top = top.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-').then_some(top.as_bytes());
    detector.guess(top, Utf8Detection::Allow)
}

#[cfg(test)]
mod tests {
    use encoding_rs::{KOI8_R, WINDOWS_1251};

    use super::*;

    const TEXT: &str = "Ледокол вышел из порта Мурманск и взял курс на восток вдоль побережья";

    #[test]
    fn pages_are_read_in_the_charset_they_are_written_in() {
        let cp1251 = WINDOWS_1251.encode(TEXT).0.into_owned();
        let koi8 = KOI8_R.encode(TEXT).0.into_owned();
        assert_eq!(decode(TEXT.as_bytes(), None, "example.ru"), TEXT);
        assert_eq!(decode(&cp1251, Some("windows-1251"), "example.ru"), TEXT);
        assert_eq!(decode(&cp1251, None, "example.ru"), TEXT, "guessed");
        assert_eq!(decode(&koi8, None, "example.ru"), TEXT, "guessed");
        let own = [b"<html><head><META content='text/html; Charset=koi8-r' http-equiv=x>".as_slice(), &koi8]
            .concat();
        assert!(decode(&own, None, "example.ru").ends_with(TEXT));
        let marked = [b"\xef\xbb\xbf".as_slice(), TEXT.as_bytes()].concat();
        assert_eq!(decode(&marked, Some("windows-1251"), "example.ru"), TEXT);
        assert_eq!(decode(TEXT.as_bytes(), Some("no such charset"), "[::1]"), TEXT);
    }
}
