//! Telegram Desktop's `result.json`, feature by feature.

use crate::model::{Link, Reaction};

use super::*;

fn link(text: &str, url: &str) -> Link {
    Link { text: text.into(), url: url.into() }
}

#[test]
fn a_channel_with_every_feature() {
    let (items, ended) = read_bytes(&fixture_bytes("channel.json"), &ReadOptions::default());
    let summary = ended.unwrap();
    assert_eq!((summary.posts, summary.skipped, summary.albums, summary.fields_ignored), (9, 4, 1, 2));
    let posts = posts(&items);
    let ids: Vec<i64> = posts.iter().map(|post| post.message_id).collect();
    assert_eq!(ids, [2, 3, 4, 5, 6, 8, 9, 10, 13]);

    let forward = posts[1];
    assert_eq!(forward.text, "только сущности");
    assert_eq!((forward.forwarded_from.as_deref(), forward.reply_to), (Some("Соседи"), Some(2)));
    assert_eq!(forward.author, None, "the channel itself is no author");

    let poll = posts[2];
    assert_eq!(poll.text, "📊 Какой мост старше?\n• Каменный\n• Дворцовый");
    assert_eq!(poll.media.as_deref(), Some("poll"));

    let album: Vec<Option<i64>> = posts[3..7].iter().map(|post| post.grouped_id).collect();
    assert_eq!(album, [Some(5), Some(5), Some(5), None], "a second later is another post");

    let sticker = posts[7];
    assert_eq!((sticker.text.as_str(), sticker.media.as_deref()), ("😺", Some("sticker")));
    assert_eq!((sticker.author.as_deref(), sticker.reply_to), (Some("Гость"), None));
    assert_eq!(sticker.posted_at.as_second(), 1_706_796_000, "without unixtime the local time counts as UTC");

    let reasons: Vec<(Option<i64>, SkipReason)> =
        skips(&items).iter().map(|skip| (skip.message_id, skip.reason.clone())).collect();
    assert_eq!(reasons[0], (Some(1), SkipReason::Service));
    assert_eq!(reasons[1], (Some(11), SkipReason::Empty));
    assert!(matches!(&reasons[2], (Some(12), SkipReason::BadMessage(_))), "{reasons:?}");
    assert_eq!(reasons[3], (Some(14), SkipReason::Unsupported));
}

#[test]
fn a_message_with_formatting_links_buttons_and_reactions() {
    let (items, _) = read_bytes(&fixture_bytes("channel.json"), &ReadOptions::default());
    let posts = posts(&items);
    let rich = posts[0];
    assert_eq!(rich.text, "Новый выпуск о мостах: example.org/more #мосты 🌉 @quiet");
    let links = [
        link("мостах", "https://example.org/bridges"),
        link("", "example.org/more"),
        link("Читать", "https://example.org/read"),
    ];
    assert_eq!(rich.links, links);
    assert_eq!(rich.posted_at.as_second(), 1_706_781_600);
    assert_eq!(rich.edited_at.unwrap().as_second(), 1_706_781_900);
    assert_eq!(rich.author.as_deref(), Some("Аня"));
    let reaction = |emoji: &str, count| Reaction { emoji: emoji.into(), count };
    let reactions = [reaction("❤", 7), reaction("custom:5368324170671202286", 2), reaction("paid", 1)];
    assert_eq!(rich.reactions, reactions);
    assert_eq!((rich.views, rich.media.as_deref(), rich.grouped_id), (None, None, None));
}

#[test]
fn who_the_channel_is() {
    let bytes = fixture_bytes("channel.json");
    let channel = |options: &ReadOptions| channels(&read_bytes(&bytes, options).0).remove(0);
    let mut expected = SourceChannel {
        telegram_id: Some(-1_001_234_567_890),
        username: None,
        title: "Тихий канал".into(),
        kind: ChannelKind::PublicChannel,
    };
    assert_eq!(channel(&ReadOptions::default()), expected);
    assert_eq!(channel(&with_channel("тихий канал")), expected);
    expected.username = Some("quiet".into());
    for name in ["quiet", "@quiet", "https://t.me/quiet/5"] {
        assert_eq!(channel(&with_channel(name)), expected, "{name}");
    }
}

#[test]
fn a_file_that_lacks_names_takes_the_callers() {
    let bytes = br#"{"messages":[{"id":1,"date_unixtime":"1","text":"x"}]}"#;
    let (items, ended) = read_bytes(bytes, &with_channel("Мой канал"));
    assert_eq!(ended.unwrap().posts, 1);
    assert_eq!(channels(&items)[0].title, "Мой канал");
    let (items, _) = read_bytes(bytes, &with_channel("-1000000000005"));
    assert_eq!(channels(&items)[0].telegram_id, Some(-1_000_000_000_005));
}

#[test]
fn an_account_yields_its_channels_only() {
    let (items, ended) = read_bytes(&fixture_bytes("account.json"), &ReadOptions::default());
    let summary = ended.unwrap();
    assert_eq!((summary.posts, summary.skipped, summary.chats_skipped), (3, 2, 1));
    let titles: Vec<String> = channels(&items).into_iter().map(|channel| channel.title).collect();
    assert_eq!(titles, ["Первый", "Группа", "Покинутый"]);
    assert_eq!(channels(&items)[1].kind, ChannelKind::PrivateSupergroup);
    let personal =
        SkipReason::ChatKind { title: "Мария".into(), kind: "personal_chat".into(), messages: 2 };
    assert_eq!(skips(&items)[0].reason, personal);
}

#[test]
fn one_channel_of_an_account() {
    let bytes = fixture_bytes("account.json");
    for wanted in ["Покинутый", "покинутый", "300", "-1000000000300", "t.me/c/300/9"] {
        let (items, ended) = read_bytes(&bytes, &with_channel(wanted));
        assert_eq!(ended.unwrap().chats_skipped, 3, "{wanted}");
        let texts: Vec<&str> = posts(&items).iter().map(|post| post.text.as_str()).collect();
        assert_eq!(texts, ["из покинутого"], "{wanted}");
    }
    let (items, ended) = read_bytes(&bytes, &with_channel("Мария"));
    assert!(posts(&items).is_empty(), "a personal chat stays out even when named");
    let message = ended.unwrap_err().to_string();
    assert!(message.contains("\"Первый\" (-1000000000100)"), "{message}");
}

#[test]
fn names_behind_the_messages_are_still_found() {
    let personal = r#"{"id":5,"messages":[{"id":1,"date_unixtime":"1","text":"secret"}],"name":"M","type":"personal_chat"}"#;
    let channel = r#"{"id":6,"messages":[{"id":2,"date_unixtime":"1","text":"open"}],"name":"C","type":"public_channel"}"#;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("result.json");
    for list in [format!("{personal},{channel}"), format!("{channel},{personal}")] {
        std::fs::write(&file, format!(r#"{{"chats":{{"list":[{list}]}}}}"#)).unwrap();
        let (items, ended) = collect(|sink| read(directory.path(), &ReadOptions::default(), sink));
        assert_eq!(ended.unwrap().posts, 1);
        assert_eq!(posts(&items)[0].text, "open");
        assert_eq!(channels(&items)[0].title, "C");
    }
    // A stream cannot be read twice: what does not say that it is a channel is left alone.
    let bytes = format!(r#"{{"chats":{{"list":[{channel}]}}}}"#);
    let (items, ended) = read_bytes(bytes.as_bytes(), &ReadOptions::default());
    assert_eq!((posts(&items).len(), ended.unwrap().chats_skipped), (0, 1));
}

fn photo(id: i64, caption: &str) -> String {
    format!(r#"{{"id":{id},"type":"message","date_unixtime":"1","photo":"p","text":"{caption}"}}"#)
}

fn groups(messages: &[String]) -> Vec<Option<i64>> {
    let (items, ended) = read_bytes(&export_of(&messages.join(",")), &ReadOptions::default());
    ended.unwrap();
    posts(&items).iter().map(|post| post.grouped_id).collect()
}

#[test]
fn albums_end_where_they_must() {
    let eleven: Vec<String> = (1..=11).map(|id| photo(id, "")).collect();
    let mut expected = vec![Some(1); ALBUM_MESSAGES_MAX];
    expected.push(None);
    assert_eq!(groups(&eleven), expected);
    assert_eq!(
        groups(&[photo(1, "a"), photo(2, ""), photo(3, "b"), photo(4, "")]),
        [Some(1), Some(1), Some(3), Some(3)]
    );
    let far = 1 + ALBUM_ID_GAP_MAX;
    assert_eq!(groups(&[photo(1, ""), photo(far, "")]), [Some(1), Some(1)]);
    assert_eq!(groups(&[photo(1, ""), photo(far + 1, "")]), [None, None]);
    assert_eq!(groups(&[photo(2, ""), photo(1, "")]), [None, None], "ids go up in an album");
    let explicit = r#"{"id":2,"date_unixtime":"1","photo":"p","text":"","grouped_id":55}"#.to_owned();
    assert_eq!(groups(&[photo(1, ""), explicit]), [None, Some(55)]);
    let voice = |id| {
        format!(r#"{{"id":{id},"date_unixtime":"1","file":"f","media_type":"voice_message","text":""}}"#)
    };
    assert_eq!(groups(&[voice(1), voice(2)]), [None, None]);
    let service = r#"{"id":2,"type":"service"}"#.to_owned();
    assert_eq!(groups(&[photo(1, ""), service, photo(3, "")]), [None, None]);
}

#[test]
fn media_have_names() {
    for (fields, media) in [
        (r#""photo":"p""#, "photo"),
        (r#""file":"f""#, "file"),
        (r#""file":"f","media_type":"video_file""#, "video"),
        (r#""file":"f","media_type":"video_message""#, "video_note"),
        (r#""file":"f","media_type":"voice_message""#, "voice"),
        (r#""file":"f","media_type":"audio_file""#, "audio"),
        (r#""file":"f","media_type":"animation""#, "animation"),
        (r#""file":"f","media_type":"hologram""#, "file"),
        (r#""contact_information":{}"#, "contact"),
        (r#""location_information":{"latitude":1,"longitude":2}"#, "location"),
        (r#""game_title":"g""#, "game"),
        (r#""invoice_information":{}"#, "invoice"),
        (r#""giveaway_information":{}"#, "giveaway"),
        (r#""paid_stars_amount":3"#, "paid"),
    ] {
        let message = format!(r#"{{"id":1,"date_unixtime":"1",{fields},"text":""}}"#);
        let (items, _) = read_bytes(&export_of(&message), &ReadOptions::default());
        assert_eq!(posts(&items)[0].media.as_deref(), Some(media), "{fields}");
    }
}

#[test]
fn a_text_too_long_is_cut_and_counted() {
    let message = |chars: usize| format!(r#"{{"id":1,"date_unixtime":"1","text":"{}"}}"#, "ж".repeat(chars));
    for (chars, cut) in [(TEXT_CHARS_MAX, 0), (TEXT_CHARS_MAX + 1, 1)] {
        let (items, ended) = read_bytes(&export_of(&message(chars)), &ReadOptions::default());
        assert_eq!(ended.unwrap().texts_cut, cut);
        assert_eq!(posts(&items)[0].text.chars().count(), TEXT_CHARS_MAX);
    }
}

#[test]
fn the_sink_can_stop() {
    let mut taken = 0;
    let bytes = fixture_bytes("channel.json");
    let ended = read_from(&mut bytes.as_slice(), "test", &ReadOptions::default(), &mut |_item| {
        taken += 1;
        if taken == 3 { Err(Stop) } else { Ok(()) }
    });
    assert!(ended.unwrap().stopped);
    assert_eq!(taken, 3);
}

#[test]
fn the_real_sample() {
    let Some(path) = shared_data("telegram-desktop/result.json") else {
        return;
    };
    let (items, ended) = collect(|sink| read(&path, &ReadOptions::default(), sink));
    let summary = ended.unwrap();
    assert_eq!((summary.posts, summary.skipped, summary.albums), (6, 0, 1));
    let posts = posts(&items);
    assert!(posts.iter().all(|post| post.grouped_id == Some(3858)));
    assert_eq!(posts[0].links.len(), 3);
    assert!(posts[0].text.contains("#КиноСтрим #ОСД"));
    assert_eq!(posts[0].posted_at.as_second(), 1_781_868_410);
}
