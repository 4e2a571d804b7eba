//! Broken, hostile and cut files: never a panic, everything before the break delivered, the error names the place.

use proptest::prelude::*;

use super::*;

/// Cuts the file at every byte and compares with what the whole file delivers.
fn check_cuts(bytes: &[u8], format: Format, ends: &[usize]) {
    let (whole, ended) = read_bytes(bytes, &with_format(format));
    ended.unwrap();
    let whole_posts = posts(&whole);
    for cut in 0..bytes.len() {
        let (items, ended) = read_bytes(&bytes[..cut], &with_format(format));
        let delivered = posts(&items);
        let complete = ends.iter().filter(|end| **end <= cut).count();
        assert!(delivered.len() >= complete, "cut {cut}: {} of {complete}", delivered.len());
        for (post, expected) in delivered.iter().zip(&whole_posts) {
            // An album cut in two has fewer members; all else is equal.
            let mut post = IncomingPost::clone(post);
            post.grouped_id = expected.grouped_id;
            assert_eq!(&post, *expected, "cut {cut}");
        }
        match ended {
            Err(Error::Broken { file, byte, .. }) => assert_eq!((file.as_str(), byte), ("test", cut as u64)),
            Err(Error::UnknownFormat { .. }) => assert!(delivered.is_empty()),
            Ok(summary) => assert_eq!(summary.bytes_read, cut as u64),
            Err(other) => panic!("cut {cut}: {other}"),
        }
    }
}

/// Where each object at this depth of the file ends, if it became a post.
fn post_ends(bytes: &[u8], format: Format) -> Vec<usize> {
    let mut ends = Vec::new();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let (items, _) = read_bytes(bytes, &with_format(format));
    for post in posts(&items) {
        let key = match format {
            Format::TelegramDesktop => format!("   \"id\": {},", post.message_id),
            Format::Jsonl => format!("\"message_id\":{},", post.message_id),
        };
        let close = match format {
            Format::TelegramDesktop => "\n  }",
            Format::Jsonl => "}",
        };
        let begin = text.find(&key).unwrap();
        let end = match format {
            Format::TelegramDesktop => begin + text[begin..].find(close).unwrap() + close.len(),
            Format::Jsonl => begin + text[begin..].find('\n').map_or(text.len() - begin, |at| at),
        };
        ends.push(end);
    }
    ends
}

#[test]
fn an_export_cut_at_every_byte() {
    let bytes = fixture_bytes("channel.json");
    let ends = post_ends(&bytes, Format::TelegramDesktop);
    check_cuts(&bytes, Format::TelegramDesktop, &ends);
    let bytes = fixture_bytes("account.json");
    check_cuts(&bytes, Format::TelegramDesktop, &[]);
}

#[test]
fn a_cut_export_names_the_message_being_read() {
    let bytes = fixture_bytes("channel.json");
    let text = String::from_utf8(bytes.clone()).unwrap();
    let cut = text.find("только").unwrap();
    let (items, ended) = read_bytes(&bytes[..cut], &ReadOptions::default());
    assert_eq!(posts(&items).len(), 1);
    let message = ended.unwrap_err().to_string();
    assert!(message.contains(&format!("test: broken at byte {cut}, message 3:")), "{message}");
}

#[test]
fn lines_cut_at_every_byte() {
    let bytes = fixture_bytes("posts.jsonl");
    let ends = post_ends(&bytes, Format::Jsonl);
    check_cuts(&bytes, Format::Jsonl, &ends);
}

#[test]
fn a_cut_line_names_its_message() {
    let bytes = fixture_bytes("posts.jsonl");
    let cut = bytes.len() - 3;
    let ended = read_bytes(&bytes[..cut], &ReadOptions::default()).1;
    assert!(
        matches!(&ended, Err(Error::Broken { byte, message_id: Some(7), .. }) if *byte == cut as u64),
        "{ended:?}"
    );
}

const GOOD: &str = r#"{"id":1,"date_unixtime":"1","text":"good"}"#;

/// One bad message between two good ones costs itself only.
fn check_bad(message: &str, expected: impl Fn(&SkipReason) -> bool) {
    let (items, ended) = read_bytes(&export_of(&format!("{GOOD},{message},{GOOD}")), &ReadOptions::default());
    let shown: String = message.chars().take(80).collect();
    assert_eq!(posts(&items).len(), 2, "{shown} {ended:?}");
    assert!(ended.is_ok(), "{shown}: {ended:?}");
    assert!(expected(&skips(&items)[0].reason), "{shown}: {:?}", skips(&items)[0]);
}

#[test]
fn one_bad_message_costs_itself_only() {
    let bad = |reason: &SkipReason| matches!(reason, SkipReason::BadMessage(_));
    for message in [
        "3",
        "null",
        "\"text\"",
        "[]",
        "{}",
        r#"{"id":"x","date_unixtime":"1","text":"t"}"#,
        r#"{"id":0,"date_unixtime":"1","text":"t"}"#,
        r#"{"id":-5,"date_unixtime":"1","text":"t"}"#,
        r#"{"id":99999999999999999999999,"date_unixtime":"1","text":"t"}"#,
        r#"{"id":1e400,"date_unixtime":"1","text":"t"}"#,
        r#"{"id":2,"text":"no date"}"#,
        r#"{"id":2,"date_unixtime":"99999999999999999","text":"t"}"#,
        r#"{"id":2,"date_unixtime":{},"date":[],"text":"t"}"#,
        r#"{"id":2,"date":"2024-13-41T99:00:00","text":"t"}"#,
        r#"{"id":2,"date_unixtime":"1","text":5}"#,
        r#"{"id":2,"date_unixtime":"1","text":[[]]}"#,
        r#"{"id":2,"date_unixtime":"1","text":"lone \ud83d surrogate"}"#,
        r#"{"id":2,"type":"holiday","date_unixtime":"1","text":"t"}"#,
        r#"{"id":2,"date_unixtime":"1","text":"t",}"#,
        r#"{"id":2 "date_unixtime":"1","text":"t"}"#,
    ] {
        check_bad(message, bad);
    }
    let deep = |levels: u32| {
        let (open, close) = ("[".repeat(levels as usize), "]".repeat(levels as usize));
        format!(r#"{{"id":2,"date_unixtime":"1","text":{open}{close}}}"#)
    };
    check_bad(&deep(NESTING_DEPTH_MAX - 1), bad);
    check_bad(&deep(NESTING_DEPTH_MAX), |reason| *reason == SkipReason::TooDeep);
    check_bad(&deep(100_000), |reason| *reason == SkipReason::TooDeep);
    let large = format!(r#"{{"id":2,"text":"{}"}}"#, "x".repeat(MESSAGE_BYTES_MAX));
    check_bad(&large, |reason| matches!(reason, SkipReason::TooLarge { .. }));
}

#[test]
fn a_deep_field_that_nobody_reads_does_no_harm() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let message = format!(r#"{{"id":2,"date_unixtime":"1","text":"t","later":{deep}}}"#);
    let (items, ended) = read_bytes(&export_of(&message), &ReadOptions::default());
    ended.unwrap();
    assert_eq!(posts(&items).len(), 1);
}

#[test]
fn invalid_utf8_costs_its_message() {
    let mut bytes = export_of(&format!("{GOOD},{},{GOOD}", GOOD.replace("good", "b@d")));
    let at = bytes.iter().position(|byte| *byte == b'@').unwrap();
    bytes[at] = 0xff;
    let (items, ended) = read_bytes(&bytes, &ReadOptions::default());
    assert_eq!((posts(&items).len(), ended.unwrap().skipped), (2, 1));
}

#[test]
fn a_broken_structure_ends_the_read_at_its_byte() {
    for (messages, at) in [
        (format!("{GOOD} {GOOD}"), GOOD.len() + 1),
        (format!("{GOOD},,{GOOD}"), GOOD.len() + 1),
        (format!("{GOOD}}}"), GOOD.len()),
    ] {
        let bytes = export_of(&messages);
        let begin = export_of("").len() - 2;
        let (items, ended) = read_bytes(&bytes, &ReadOptions::default());
        assert_eq!(posts(&items).len(), 1);
        let place = (begin + at) as u64;
        assert!(
            matches!(&ended, Err(Error::Broken { byte, message_id: Some(1), .. }) if *byte == place),
            "{messages}: {ended:?}"
        );
    }
    let mut bytes = export_of(GOOD);
    bytes.extend_from_slice(b" {}");
    assert!(matches!(read_bytes(&bytes, &ReadOptions::default()).1, Err(Error::Broken { .. })));
}

#[test]
fn what_is_no_export_is_refused() {
    for bytes in [&b""[..], b"  ", b"hello", b"{}", b"[]", br#"{"a":1}"#, b"\x00\x01\x02", b"<html>", b"{"] {
        let ended = read_bytes(bytes, &ReadOptions::default()).1;
        assert!(matches!(ended, Err(Error::UnknownFormat { .. })), "{bytes:?}: {ended:?}");
    }
    let ended = read_bytes(br#"{"name":"x","type":"y","id":1}"#, &ReadOptions::default()).1;
    assert!(matches!(ended, Err(Error::UnknownFormat { .. })), "{ended:?}");
    let missing = read(Path::new("/nonexistent/x.json"), &ReadOptions::default(), &mut |_| Ok(()));
    assert!(matches!(missing, Err(Error::Open { .. })));
}

#[test]
fn only_a_failing_disk_is_worth_another_try() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("disk on fire"))
        }
    }
    let bytes = export_of(GOOD);
    let mut stream = (&bytes[..bytes.len() - 3]).chain(Failing);
    let (items, ended) = collect(|sink| read_from(&mut stream, "test", &ReadOptions::default(), sink));
    let error = ended.unwrap_err();
    assert!(matches!(error, Error::Read { .. }), "{error}");
    assert_eq!(error.disposition(), Disposition::Retry { after: None });
    assert!(posts(&items).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever happens to a few bytes of a file, the reader ends in order.
    #[test]
    fn damage_never_panics(
        which in 0_usize..3,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        auto in any::<bool>(),
    ) {
        let (name, format) = [
            ("channel.json", Format::TelegramDesktop),
            ("account.json", Format::TelegramDesktop),
            ("posts.jsonl", Format::Jsonl),
        ][which];
        let mut bytes = fixture_bytes(name);
        for (index, byte) in damage {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let options = if auto { ReadOptions::default() } else { with_format(format) };
        let (items, ended) = read_bytes(&bytes, &options);
        let delivered = posts(&items).len() as u64;
        if let Ok(summary) = ended {
            prop_assert_eq!(summary.posts, delivered);
        }
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        for options in [with_format(Format::Jsonl), with_format(Format::TelegramDesktop), ReadOptions::default()] {
            let _ = read_bytes(&bytes, &options);
        }
    }
}
