//! Messages of every kind, and hostile ones, through [`super::message_read`].

use grammers_tl_types as tl;
use proptest::prelude::*;
use tl::{Deserializable as _, Identifiable as _, Serializable as _};

use super::*;
use crate::model::{Link, MediaInfo};

/// Writes a piece of a wire form.
type Part<'a> = &'a dyn Fn(&mut Vec<u8>);

/// A value from its wire form: most types have dozens of optional fields, of which a test sets few.
fn wire<T: tl::Deserializable>(parts: &[Part<'_>]) -> T {
    let mut bytes = Vec::new();
    for part in parts {
        part(&mut bytes);
    }
    T::from_bytes(&bytes).unwrap()
}

/// A post of channel 10 with nothing special about it.
fn message(id: i32, text: &str) -> tl::types::Message {
    wire(&[
        &|b| [0_u32, 0].iter().for_each(|flags| flags.serialize(b)),
        &|b| id.serialize(b),
        &|b| channel(10).serialize(b),
        &|b| 1_764_000_000_i32.serialize(b),
        &|b| text.to_owned().serialize(b),
    ])
}

fn channel(id: i64) -> tl::enums::Peer {
    tl::types::PeerChannel { channel_id: id }.into()
}

fn user(id: i64, first: &str, username: &str) -> tl::enums::User {
    wire(&[
        &|b| tl::types::User::CONSTRUCTOR_ID.serialize(b),
        &|b| [1_u32 << 1 | 1 << 3, 0].iter().for_each(|flags| flags.serialize(b)),
        &|b| id.serialize(b),
        &|b| first.to_owned().serialize(b),
        &|b| username.to_owned().serialize(b),
    ])
}

fn chat(id: i64, title: &str, username: &str) -> tl::enums::Chat {
    wire(&[
        &|b| tl::types::Channel::CONSTRUCTOR_ID.serialize(b),
        &|b| [1_u32 << 6, 0].iter().for_each(|flags| flags.serialize(b)),
        &|b| id.serialize(b),
        &|b| title.to_owned().serialize(b),
        &|b| username.to_owned().serialize(b),
        &|b| tl::enums::ChatPhoto::Empty.serialize(b),
        &|b| 0_i32.serialize(b),
    ])
}

fn names() -> PeerNames {
    PeerNames::new(&[user(7, "Анна", "anna"), user(8, "Bot", "gif")], &[chat(20, "Первоисточник", "source")])
}

fn read(message: tl::types::Message) -> IncomingPost {
    let read = message_read(&message.into(), &names()).unwrap();
    match read.content {
        MessageContent::Post(post) => *post,
        other @ (MessageContent::Service | MessageContent::Restricted | MessageContent::Absent) => {
            panic!("no post but {other:?}")
        }
    }
}

fn plain(text: &str) -> tl::enums::TextWithEntities {
    tl::types::TextWithEntities { text: text.to_owned(), entities: Vec::new() }.into()
}

fn document(
    mime_type: &str,
    size: i64,
    attributes: Vec<tl::enums::DocumentAttribute>,
) -> tl::enums::MessageMedia {
    let document = tl::types::Document {
        id: 1,
        access_hash: 2,
        file_reference: Vec::new(),
        date: 0,
        mime_type: mime_type.to_owned(),
        size,
        thumbs: None,
        video_thumbs: None,
        dc_id: 2,
        attributes,
    };
    tl::types::MessageMediaDocument {
        nopremium: false,
        spoiler: false,
        video: false,
        round: false,
        voice: false,
        document: Some(document.into()),
        alt_documents: None,
        video_cover: None,
        video_timestamp: None,
        ttl_seconds: None,
    }
    .into()
}

#[test]
fn entities_become_links_by_utf16_offsets() {
    let text = "🎉🎉 Ёлки на сайте, а 👩‍👩‍👧 тут: e.x/я";
    let offset = |of: &str| text[..text.find(of).unwrap()].encode_utf16().count() as i32;
    let mut given = message(5, text);
    given.entities = Some(vec![
        tl::types::MessageEntityBold { offset: 0, length: 4 }.into(),
        tl::types::MessageEntityTextUrl {
            offset: offset("сайте"),
            length: 5,
            url: "https://e.x/a".to_owned(),
        }
        .into(),
        tl::types::MessageEntityTextUrl {
            offset: offset("👩"), length: 8, url: "https://e.x/b".to_owned()
        }
        .into(),
        tl::types::MessageEntityUrl { offset: offset("e.x"), length: 5 }.into(),
        // Hostile: half a pair, outside, negative, nothing.
        tl::types::MessageEntityUrl { offset: 1, length: 2 }.into(),
        tl::types::MessageEntityUrl { offset: 10, length: i32::MAX }.into(),
        tl::types::MessageEntityUrl { offset: i32::MIN, length: 3 }.into(),
        tl::types::MessageEntityTextUrl { offset: 3, length: 0, url: "https://e.x/c".to_owned() }.into(),
    ]);
    let post = read(given);
    let link = |text: &str, url: &str| Link { text: text.to_owned(), url: url.to_owned() };
    let expected = [link("сайте", "https://e.x/a"), link("👩‍👩‍👧", "https://e.x/b"), link("", "e.x/я")];
    assert_eq!(post.links, expected);
    assert_eq!((post.message_id, post.text.as_str()), (5, text));
}

#[test]
fn origin_author_and_counters_are_kept() {
    let mut given = message(6, "текст");
    given.fwd_from = Some(
        tl::types::MessageFwdHeader {
            imported: false,
            saved_out: false,
            from_id: Some(channel(20)),
            from_name: None,
            date: 1_763_000_000,
            channel_post: Some(77),
            post_author: None,
            saved_from_peer: None,
            saved_from_msg_id: None,
            saved_from_id: None,
            saved_from_name: None,
            saved_date: None,
            psa_type: None,
        }
        .into(),
    );
    let mut header = reply_header(4);
    given.reply_to = Some(header.clone().into());
    given.via_bot_id = Some(8);
    given.post_author = Some("Редактор".to_owned());
    (given.views, given.forwards, given.pinned) = (Some(100), Some(3), true);
    given.edit_date = Some(1_764_000_100);
    let count = |reaction, count| tl::types::ReactionCount { chosen_order: None, reaction, count }.into();
    given.reactions = Some(
        tl::types::MessageReactions {
            min: false,
            can_see_list: false,
            reactions_as_tags: false,
            results: vec![
                count(tl::types::ReactionEmoji { emoticon: "❤".to_owned() }.into(), 5),
                count(tl::types::ReactionCustomEmoji { document_id: 9 }.into(), 2),
                count(tl::enums::Reaction::Paid, 1),
                count(tl::enums::Reaction::Empty, 1),
            ],
            recent_reactions: None,
            top_reactors: None,
        }
        .into(),
    );
    let post = read(given.clone());
    assert_eq!(post.forwarded_from.as_deref(), Some("Первоисточник"));
    let origin = post.forward_origin.unwrap();
    assert_eq!((origin.channel, origin.message_id), (Some(-1_000_000_000_020), Some(77)));
    assert_eq!(origin.username.as_deref(), Some("source"));
    assert_eq!((post.reply_to, post.reply_to_channel), (Some(4), None));
    assert_eq!(post.via_bot.as_deref(), Some("gif"));
    assert_eq!(post.author.as_deref(), Some("Редактор"));
    assert_eq!((post.views, post.forwards, post.pinned), (Some(100), Some(3), Some(true)));
    assert_eq!(post.edited_at.unwrap().as_second(), 1_764_000_100);
    let found: Vec<(&str, i64)> = post.reactions.iter().map(|r| (r.emoji.as_str(), r.count)).collect();
    assert_eq!(found, [("❤", 5), ("custom:9", 2), ("paid", 1)]);
    // A change of buttons or reactions is no edit; a reply may lead elsewhere; a person writes in a group.
    header.reply_to_peer_id = Some(channel(30));
    given.reply_to = Some(header.into());
    (given.edit_hide, given.post_author) = (true, None);
    given.from_id = Some(tl::types::PeerUser { user_id: 7 }.into());
    let post = read(given);
    assert_eq!((post.reply_to, post.reply_to_channel), (Some(4), Some(-1_000_000_000_030)));
    assert_eq!((post.edited_at, post.author.as_deref()), (None, Some("Анна")));
}

fn reply_header(id: i32) -> tl::types::MessageReplyHeader {
    tl::types::MessageReplyHeader {
        reply_to_scheduled: false,
        forum_topic: false,
        quote: false,
        reply_to_ephemeral: false,
        reply_to_msg_id: Some(id),
        reply_to_peer_id: None,
        reply_from: None,
        reply_media: None,
        reply_to_top_id: None,
        quote_text: None,
        quote_entities: None,
        quote_offset: None,
        todo_item_id: None,
        poll_option: None,
    }
}

#[test]
fn files_are_told_by_their_attributes() {
    use tl::types::{
        DocumentAttributeAudio as Audio, DocumentAttributeFilename as Filename,
        DocumentAttributeSticker as Sticker, DocumentAttributeVideo as Video,
    };
    let video = |round_message, duration| {
        Video {
            round_message,
            supports_streaming: true,
            nosound: false,
            duration,
            w: 1,
            h: 1,
            preload_prefix_size: None,
            video_start_ts: None,
            video_codec: None,
        }
        .into()
    };
    let audio = |voice| Audio { voice, duration: 61, title: None, performer: None, waveform: None }.into();
    let animated = tl::enums::DocumentAttribute::Animated;
    let sticker = Sticker {
        mask: false,
        alt: "🐢".to_owned(),
        stickerset: tl::enums::InputStickerSet::Empty,
        mask_coords: None,
    };
    let info = |mime: &str, duration_ms, name: Option<&str>| {
        Some(MediaInfo {
            mime: Some(mime.to_owned()),
            size_bytes: Some(9),
            duration_ms,
            name: name.map(str::to_owned),
        })
    };
    for (mime, attributes, kind, expected) in [
        ("video/mp4", vec![video(false, 12.5)], "video", info("video/mp4", Some(12_500), None)),
        ("video/mp4", vec![video(true, 3.0)], "video_note", info("video/mp4", Some(3_000), None)),
        ("video/mp4", vec![video(false, f64::NAN), animated], "animation", info("video/mp4", None, None)),
        ("audio/ogg", vec![audio(true)], "voice", info("audio/ogg", Some(61_000), None)),
        ("audio/mp3", vec![audio(false)], "audio", info("audio/mp3", Some(61_000), None)),
        ("image/webp", vec![sticker.into()], "sticker", info("image/webp", None, None)),
        (
            "application/pdf",
            vec![Filename { file_name: "отчёт\u{7}.pdf".to_owned() }.into()],
            "file",
            info("application/pdf", None, Some("отчёт.pdf")),
        ),
    ] {
        let mut given = message(1, "");
        given.media = Some(document(mime, 9, attributes));
        let post = read(given);
        assert_eq!((post.media.as_deref(), post.media_info), (Some(kind), expected));
        assert_eq!(post.text, if kind == "sticker" { "🐢" } else { "" });
    }
}

#[test]
fn polls_and_buttons_are_text_and_links() {
    let answer = |text: &str| {
        tl::types::PollAnswer {
            text: plain(text),
            option: Vec::new(),
            media: None,
            added_by: None,
            date: None,
        }
        .into()
    };
    let poll: tl::types::Poll = tl::types::Poll {
        id: 1,
        closed: false,
        public_voters: false,
        multiple_choice: false,
        quiz: false,
        open_answers: false,
        revoting_disabled: false,
        shuffle_answers: false,
        hide_results_until_close: false,
        creator: false,
        subscribers_only: false,
        question: plain("Какой язык?"),
        answers: vec![answer("Rust"), answer("Другой")],
        close_period: None,
        close_date: None,
        countries_iso2: None,
        hash: 0,
    };
    let results = tl::types::PollResults {
        min: false,
        has_unread_votes: false,
        can_view_stats: false,
        results: None,
        total_voters: None,
        recent_voters: None,
        solution: None,
        solution_entities: None,
        solution_media: None,
    };
    let mut given = message(1, "");
    let media =
        tl::types::MessageMediaPoll { poll: poll.into(), results: results.into(), attached_media: None };
    given.media = Some(media.into());
    let button = tl::types::KeyboardInlineButton {
        style: None,
        text: "Читать".to_owned(),
        r#type: tl::types::InlineButtonTypeUrl { url: "https://e.x/1".to_owned() }.into(),
    };
    let row = tl::types::KeyboardInlineButtonRow { buttons: vec![button.into()] };
    given.reply_markup =
        Some(tl::types::ReplyInlineMarkup { force_reply: false, rows: vec![row.into()] }.into());
    let post = read(given);
    assert_eq!(post.text, "📊 Какой язык?\n• Rust\n• Другой");
    assert_eq!(post.links, [Link { text: "Читать".to_owned(), url: "https://e.x/1".to_owned() }]);
    assert_eq!(post.media.as_deref(), Some("poll"));
}

#[test]
fn what_is_no_post_says_what_it_is() {
    let content = |message: tl::enums::Message| message_read(&message, &names()).map(|read| read.content);
    let empty = tl::types::MessageEmpty { id: 3, peer_id: Some(channel(10)) };
    assert_eq!(content(empty.into()), Some(MessageContent::Absent));
    assert_eq!(content(message(3, "").into()), Some(MessageContent::Service), "nothing to read");
    let mut restricted = message(3, "текст");
    let reason = |platform: &str| {
        tl::types::RestrictionReason {
            platform: platform.to_owned(),
            reason: "copyright".to_owned(),
            text: String::new(),
        }
        .into()
    };
    restricted.restriction_reason = Some(vec![reason("ios")]);
    assert!(matches!(content(restricted.clone().into()), Some(MessageContent::Post(_))));
    restricted.restriction_reason = Some(vec![reason("ios"), reason("all")]);
    assert_eq!(content(restricted.into()), Some(MessageContent::Restricted));
    for id in [0, -1, i32::MIN] {
        assert_eq!(content(message(id, "текст").into()), None, "no message has the id {id}");
    }
}

#[test]
fn an_albums_member_without_words_is_a_post() {
    let mut given = message(3, "");
    given.grouped_id = Some(99);
    given.media = Some(
        tl::types::MessageMediaPhoto {
            spoiler: false,
            live_photo: false,
            photo: None,
            ttl_seconds: None,
            video: None,
        }
        .into(),
    );
    let post = read(given);
    assert_eq!((post.grouped_id, post.media.as_deref()), (Some(99), Some("photo")));
}

proptest! {
    #[test]
    fn any_bytes_of_a_message_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let wire = [&tl::types::Message::CONSTRUCTOR_ID.to_le_bytes()[..], &bytes].concat();
        if let Ok(message) = tl::enums::Message::from_bytes(&wire) {
            let _ = message_read(&message, &PeerNames::default());
        }
    }

    #[test]
    fn hostile_numbers_make_no_panic(
        date in any::<i32>(), edit in any::<i32>(), count in any::<i32>(), offset in any::<i32>(),
        length in any::<i32>(), text in ".{0,30}", user_id in any::<i64>(),
    ) {
        let mut given = message(1, &text);
        (given.date, given.edit_date, given.views, given.grouped_id) = (date, Some(edit), Some(count), Some(user_id));
        given.entities = Some(vec![tl::types::MessageEntityUrl { offset, length }.into()]);
        given.via_bot_id = Some(user_id);
        given.peer_id = channel(user_id);
        given.media = Some(document("", user_id, Vec::new()));
        let _ = message_read(&given.clone().into(), &PeerNames::default());
        let _ = message_channel_id(&given.into());
    }
}
