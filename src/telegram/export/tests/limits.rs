//! The limits that no other test reaches.

use super::{
    super::{
        archive::entries_check,
        limits::{
            CHANNELS_NAMED_MAX, DETECT_BYTES, HEAD_BYTES, HEADER_VALUE_BYTES_MAX, KEY_BYTES_MAX,
            REASON_CHARS_MAX,
        },
    },
    *,
};

const MESSAGE: &str = r#"{"id":1,"date_unixtime":"1","text":"x"}"#;

fn line(channel: &str) -> String {
    format!(
        "{{\"channel\":\"{channel}\",\"message_id\":1,\"date\":\"2024-01-01T00:00:00Z\",\"text\":\"x\"}}\n"
    )
}

#[test]
fn a_zip_of_too_many_files() {
    assert!(entries_check(ZIP_ENTRIES_MAX).is_ok());
    assert!(entries_check(ZIP_ENTRIES_MAX + 1).is_err());
}

#[test]
fn a_long_key_is_an_unknown_one() {
    for len in [KEY_BYTES_MAX - 2, KEY_BYTES_MAX - 1, 10 * KEY_BYTES_MAX] {
        let export = format!(
            r#"{{"name":"n","{}":[1],"type":"public_channel","messages":[{MESSAGE}]}}"#,
            "k".repeat(len)
        );
        let (items, ended) = read_bytes(export.as_bytes(), &ReadOptions::default());
        assert_eq!((posts(&items).len(), ended.unwrap().posts), (1, 1), "{len}");
    }
}

#[test]
fn a_chat_name_too_long_is_left_out() {
    for (len, kept) in [(HEADER_VALUE_BYTES_MAX - 2, true), (HEADER_VALUE_BYTES_MAX - 1, false)] {
        let name = "n".repeat(len);
        let export = format!(r#"{{"name":"{name}","type":"public_channel","id":5,"messages":[{MESSAGE}]}}"#);
        let (items, _) = read_bytes(export.as_bytes(), &with_format(Format::TelegramDesktop));
        let title = if kept { name } else { "-1000000000005".to_owned() };
        assert_eq!(channels(&items)[0].title, title);
    }
}

#[test]
fn the_format_is_looked_for_in_the_beginning_only() {
    let junk = |len: usize| format!("{}\n{}", "#".repeat(len), line("news"));
    assert_eq!(read_bytes(junk(DETECT_BYTES / 2).as_bytes(), &ReadOptions::default()).1.unwrap().posts, 1);
    let far = junk(2 * super::super::limits::READ_BYTES);
    let ended = read_bytes(far.as_bytes(), &ReadOptions::default()).1;
    assert!(matches!(ended, Err(Error::UnknownFormat { .. })));
    assert_eq!(read_bytes(far.as_bytes(), &with_format(Format::Jsonl)).1.unwrap().posts, 1);
}

#[test]
fn the_id_of_a_large_message_is_found_near_its_beginning() {
    let padding = |len: usize| format!(r#""pad":"{}""#, "p".repeat(len));
    let large = padding(MESSAGE_BYTES_MAX);
    for (before, id) in [(HEAD_BYTES / 2, Some(8)), (HEAD_BYTES, None)] {
        let message = format!(r#"{{{},"id":8,{large}}}"#, padding(before));
        let (items, _) = read_bytes(&export_of(&message), &ReadOptions::default());
        assert_eq!(skips(&items)[0].message_id, id);
    }
}

#[test]
fn a_reason_quotes_little_of_the_file() {
    let message =
        format!(r#"{{"id":"{}","date_unixtime":"1","text":"t"}}"#, "x".repeat(5 * REASON_CHARS_MAX));
    let (items, _) = read_bytes(&export_of(&message), &ReadOptions::default());
    let SkipReason::BadMessage(reason) = &skips(&items)[0].reason else { panic!("{:?}", skips(&items)) };
    assert_eq!(reason.chars().count(), REASON_CHARS_MAX);
}

#[test]
fn more_channels_than_are_remembered() {
    let file: String = (0..3 * CHANNELS_NAMED_MAX).map(|n| line(&format!("channel_{n}"))).collect();
    let (items, ended) = read_bytes(file.as_bytes(), &ReadOptions::default());
    assert_eq!(ended.unwrap().posts as usize, 3 * CHANNELS_NAMED_MAX);
    assert_eq!(channels(&items).len(), 3 * CHANNELS_NAMED_MAX);
    let ended = read_bytes(file.as_bytes(), &with_channel("none_of_these")).1;
    assert!(matches!(&ended, Err(Error::ChannelNotFound { found, .. }) if found.len() == CHANNELS_NAMED_MAX));
}

#[test]
fn progress_is_told_in_steps() {
    let file = line("news").repeat(50_000);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("posts");
    std::fs::write(&path, &file).unwrap();
    let (items, _) = collect(|sink| read(&path, &ReadOptions::default(), sink));
    let steps: Vec<u64> = items
        .iter()
        .filter_map(|item| match item {
            Item::Progress { bytes_read, bytes_total } => {
                assert_eq!(*bytes_total, Some(file.len() as u64));
                Some(*bytes_read)
            }
            Item::Post { .. } | Item::Skipped(_) => None,
        })
        .collect();
    assert!(steps.len() >= 2, "{steps:?}");
    assert!(steps.is_sorted_by(|left, right| left + PROGRESS_STEP_BYTES <= *right), "{steps:?}");
    assert!(*steps.last().unwrap() <= file.len() as u64);
}
