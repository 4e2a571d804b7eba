//! Gzip and zip, honest and hostile.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{super::source::bound_check, *};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Reads the bytes as a file, under a name that says nothing.
fn read_file(bytes: &[u8]) -> (Vec<Item>, Result<ReadSummary, Error>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("upload.bin");
    std::fs::write(&path, bytes).unwrap();
    collect(|sink| read(&path, &ReadOptions::default(), sink))
}

fn texts(items: &[Item]) -> Vec<String> {
    posts(items).iter().map(|post| post.text.clone()).collect()
}

fn lines(texts: &[&str]) -> Vec<u8> {
    let line = |(at, text): (usize, &&str)| {
        format!(
            "{{\"channel\":\"news\",\"message_id\":{},\"date\":\"2024-01-01T00:00:00Z\",\"text\":\"{text}\"}}\n",
            at + 1
        )
    };
    texts.iter().enumerate().map(line).collect::<String>().into_bytes()
}

#[test]
fn packed_files_read_like_plain_ones() {
    for name in ["channel.json", "posts.jsonl"] {
        let bytes = fixture_bytes(name);
        let (plain, _) = read_file(&bytes);
        assert!(!plain.is_empty());
        let inside = if name == "channel.json" { "ChatExport/result.json" } else { "a/b/posts.jsonl" };
        let (half, rest) = bytes.split_at(bytes.len() / 2);
        for packed in [
            gzip(&bytes),
            [gzip(half), gzip(rest)].concat(),
            zip(&[("photos/1.jpg", b"not a photo"), (inside, &bytes), ("messages.html", b"<html>")]),
        ] {
            let (items, ended) = read_file(&packed);
            assert_eq!(items, plain, "{name}");
            assert_eq!(ended.unwrap().bytes_read, bytes.len() as u64);
        }
    }
}

#[test]
fn the_entries_of_a_zip_are_read_in_the_order_of_their_names() {
    let packed = zip(&[
        ("b.jsonl", &lines(&["three"])),
        ("__MACOSX/._a.jsonl", b"junk"),
        ("a.jsonl", &lines(&["one", "two"])),
        ("settings.json", b"{}"),
    ]);
    assert_eq!(texts(&read_file(&packed).0), ["one", "two", "three"]);
    let renamed =
        zip(&[("../../backup of my channel.json", &export_of(r#"{"id":1,"date_unixtime":"1","text":"x"}"#))]);
    assert_eq!(texts(&read_file(&renamed).0), ["x"], "a name that climbs is only a name");
}

#[test]
fn a_cut_gzip_keeps_what_was_read() {
    let many: Vec<String> = (0..20_000).map(|n| format!("post number {n} {}", n * 7919 % 1013)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let packed = gzip(&lines(&many));
    let (items, ended) = read_file(&packed[..packed.len() / 2]);
    let delivered = posts(&items);
    assert!(delivered.len() > 1000, "{}", delivered.len());
    assert!(delivered.iter().zip(&many).all(|(post, text)| post.text == **text));
    assert!(matches!(ended, Err(Error::Broken { message_id: Some(_), .. })), "{ended:?}");
    let mut damaged = packed.clone();
    let middle = packed.len() / 2;
    damaged[middle..middle + 64].fill(0x55);
    assert!(matches!(read_file(&damaged).1, Err(Error::Broken { .. })));
}

#[test]
fn a_zip_cut_anywhere_is_refused_or_read() {
    let packed = zip(&[("result.json", &fixture_bytes("channel.json"))]);
    for cut in 0..packed.len() {
        assert!(read_file(&packed[..cut]).1.is_err(), "cut {cut}");
    }
}

#[test]
fn a_zip_with_nothing_to_read_says_so() {
    for packed in [zip(&[]), zip(&[("photo.jpg", b"x")]), zip(&[("a.json", b"{}"), ("b.json", b"{}")])] {
        let error = read_file(&packed).1.unwrap_err();
        assert!(matches!(error, Error::Archive { .. }), "{error}");
    }
}

#[test]
fn damage_inside_a_zip_names_the_entry() {
    let bytes = fixture_bytes("channel.json");
    let packed = zip(&[("x/result.json", &bytes[..bytes.len() - 10])]);
    let (items, ended) = read_file(&packed);
    assert_eq!(posts(&items).len(), 9);
    assert!(ended.unwrap_err().to_string().contains("upload.bin: x/result.json: broken at byte"));
}

#[test]
fn a_bomb_is_put_down() {
    // One line of spaces: cheap to scan, and packs a thousand times.
    let len = UNPACKED_FREE_BYTES + (1 << 20);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    io::copy(&mut io::repeat(b' ').take(len), &mut encoder).unwrap();
    let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
    writer.start_file("result.json", SimpleFileOptions::default()).unwrap();
    io::copy(&mut io::repeat(b' ').take(len), &mut writer).unwrap();
    for packed in [encoder.finish().unwrap(), writer.finish().unwrap().into_inner()] {
        let error = collect_with_format(&packed).unwrap_err();
        assert!(matches!(error, Error::UnpackedTooLarge { .. }), "{error}");
        assert_eq!(error.disposition(), Disposition::Reject);
    }
}

fn collect_with_format(packed: &[u8]) -> Result<ReadSummary, Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bomb");
    std::fs::write(&path, packed).unwrap();
    collect(|sink| read(&path, &with_format(Format::Jsonl), sink)).1
}

#[test]
fn bounds_of_unpacking() {
    assert!(bound_check(UNPACKED_FREE_BYTES, 1).is_ok());
    assert!(bound_check(UNPACKED_FREE_BYTES + 1, 1).is_err());
    let packed = UNPACKED_FREE_BYTES;
    assert!(bound_check(packed * UNPACKED_RATIO_MAX, packed).is_ok());
    assert!(bound_check(packed * UNPACKED_RATIO_MAX + 1, packed).is_err());
    assert!(bound_check(UNPACKED_BYTES_MAX, u64::MAX).is_ok());
    assert!(bound_check(UNPACKED_BYTES_MAX + 1, u64::MAX).is_err());
}
