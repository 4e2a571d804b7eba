//! JSONL, line by line.

use super::*;

#[test]
fn lines_good_and_bad() {
    let (items, ended) = read_bytes(&fixture_bytes("posts.jsonl"), &ReadOptions::default());
    let summary = ended.unwrap();
    assert_eq!((summary.posts, summary.skipped, summary.fields_ignored), (3, 5, 1));
    let posts = posts(&items);
    let first = posts[0];
    assert_eq!(first.posted_at.to_string(), "2024-02-01T07:00:00Z");
    assert_eq!(first.edited_at.unwrap().to_string(), "2024-02-01T10:05:00Z");
    assert_eq!((first.views, first.forwards, first.author.as_deref()), (Some(10), Some(2), Some("Аня")));
    let links: Vec<(&str, &str)> = first.links.iter().map(|l| (l.text.as_str(), l.url.as_str())).collect();
    assert_eq!(links, [("тут", "https://example.org/1"), ("", "https://e.org")]);
    assert_eq!(posts[1].posted_at.to_string(), "2024-02-01T11:00:00Z", "a time without offset is UTC");
    assert_eq!(posts[1].grouped_id, Some(77));
    assert_eq!((posts[2].message_id, posts[2].views), (7, None));
    let bad: Vec<(u64, Option<i64>)> =
        skips(&items).iter().map(|skip| (skip.line.unwrap(), skip.message_id)).collect();
    assert_eq!(bad, [(4, None), (5, Some(3)), (6, Some(4)), (7, None), (8, Some(6))]);
    assert_eq!(skips(&items)[2].reason, SkipReason::Empty);
}

#[test]
fn who_the_channel_is() {
    let (items, _) = read_bytes(&fixture_bytes("posts.jsonl"), &ReadOptions::default());
    let channels = channels(&items);
    let named = SourceChannel {
        telegram_id: Some(-1_001_234_567_890),
        username: Some("quiet_news".into()),
        title: "Тихие новости".into(),
        kind: ChannelKind::Unstated,
    };
    assert_eq!(channels[0], named);
    assert_eq!(
        (channels[1].username.as_deref(), channels[1].title.as_str()),
        (Some("quiet_news"), "quiet_news")
    );
}

fn line(channel: &str) -> String {
    format!(r#"{{{channel}"message_id":1,"date":"2024-02-01T10:00:00Z","text":"x"}}"#)
}

#[test]
fn the_callers_channel_fills_in_or_chooses() {
    let file = [
        line(""),
        line(r#""channel":"one_x","#),
        line(r#""channel":"two_x","#),
        line(r#""channel":-1000000000007,"#),
    ];
    let read_with = |options: &ReadOptions| read_bytes(file.join("\n").as_bytes(), options);
    let (items, ended) = read_with(&with_channel("@one_x"));
    assert_eq!((ended.unwrap().posts, posts(&items).len()), (2, 2));
    let (items, _) = read_with(&with_channel("7"));
    assert_eq!(channels(&items).last().unwrap().telegram_id, Some(-1_000_000_000_007));
    let (items, ended) = read_with(&with_channel("t.me/+abc"));
    assert_eq!((ended.unwrap().posts, posts(&items).len()), (1, 1));
    let (_, ended) = read_bytes(line(r#""channel":"one_x","#).as_bytes(), &with_channel("three"));
    assert!(ended.unwrap_err().to_string().contains("\"one_x\""));
}

#[test]
fn a_line_too_long_is_passed_over() {
    let long = format!(r#"{{"message_id":9,"channel":"c","text":"{}"}}"#, "x".repeat(JSONL_LINE_BYTES_MAX));
    let file = format!("{}\n{long}\n{}", line(r#""channel":"one_x","#), line(r#""channel":"two_x","#));
    let (items, ended) = read_bytes(file.as_bytes(), &ReadOptions::default());
    assert_eq!(ended.unwrap().posts, 2);
    let skipped = skips(&items)[0];
    assert_eq!((skipped.message_id, skipped.line), (Some(9), Some(2)));
    let limit_bytes = JSONL_LINE_BYTES_MAX;
    let bytes = long.len() as u64;
    assert_eq!(skipped.reason, SkipReason::TooLarge { bytes, limit_bytes });
}

#[test]
fn the_real_posts() {
    let Some(path) = shared_data("telegram-posts-ru.jsonl.gz") else {
        return;
    };
    let (items, ended) = collect(|sink| read(&path, &ReadOptions::default(), sink));
    let summary = ended.unwrap();
    assert_eq!((summary.posts, summary.skipped, summary.bytes_read), (11_615, 0, 11_847_119));
    assert_eq!(channels(&items).len(), 12);
}
