//! What is attached to a message: its kind in the words that exports use, and its measures.
//!
//! Nothing is downloaded: all of this stands in the message.

use grammers_tl_types as tl;

use crate::model::MediaInfo;

/// Longest file name kept, characters.
const NAME_CHARS_MAX: usize = 255;

/// The kind and, for files, the measures. `None` for a link's preview, which is no attachment.
pub(super) fn media(media: &tl::enums::MessageMedia) -> Option<(&'static str, Option<MediaInfo>)> {
    use tl::enums::MessageMedia as M;
    match media {
        M::Empty | M::WebPage(_) => None,
        M::Photo(photo) => Some(("photo", photo.photo.as_ref().and_then(photo_info))),
        M::Document(document) => Some(document_media(document)),
        M::Poll(_) => Some(("poll", None)),
        M::Contact(_) => Some(("contact", None)),
        M::Geo(_) | M::GeoLive(_) | M::Venue(_) => Some(("location", None)),
        M::Game(_) => Some(("game", None)),
        M::Invoice(_) => Some(("invoice", None)),
        M::Giveaway(_) | M::GiveawayResults(_) => Some(("giveaway", None)),
        M::PaidMedia(_) => Some(("paid", None)),
        M::Story(_) => Some(("story", None)),
        M::Dice(_) => Some(("dice", None)),
        M::ToDo(_) => Some(("todo", None)),
        M::VideoStream(_) => Some(("stream", None)),
        M::Unsupported => Some(("unsupported", None)),
    }
}

/// The size of a photo is that of its largest form.
fn photo_info(photo: &tl::enums::Photo) -> Option<MediaInfo> {
    let tl::enums::Photo::Photo(photo) = photo else { return None };
    let size = |size: &tl::enums::PhotoSize| match size {
        tl::enums::PhotoSize::Size(size) => Some(i64::from(size.size)),
        tl::enums::PhotoSize::Progressive(size) => size.sizes.iter().copied().max().map(i64::from),
        tl::enums::PhotoSize::Empty(_)
        | tl::enums::PhotoSize::PhotoCachedSize(_)
        | tl::enums::PhotoSize::PhotoStrippedSize(_)
        | tl::enums::PhotoSize::PhotoPathSize(_) => None,
    };
    let size_bytes = photo.sizes.iter().filter_map(size).max().filter(|bytes| *bytes >= 0);
    Some(MediaInfo { mime: Some("image/jpeg".to_owned()), size_bytes, ..MediaInfo::default() })
}

fn document_media(media: &tl::types::MessageMediaDocument) -> (&'static str, Option<MediaInfo>) {
    let Some(tl::enums::Document::Document(document)) = &media.document else {
        return ("file", None);
    };
    let mut info = MediaInfo {
        mime: Some(document.mime_type.chars().take(NAME_CHARS_MAX).collect::<String>())
            .filter(|mime| !mime.is_empty()),
        size_bytes: Some(document.size).filter(|bytes| *bytes >= 0),
        ..MediaInfo::default()
    };
    let (mut audio, mut video, mut animated, mut sticker) = (None, None, false, false);
    for attribute in &document.attributes {
        use tl::enums::DocumentAttribute as A;
        match attribute {
            A::Audio(attribute) => {
                audio = Some(attribute.voice);
                info.duration_ms = milliseconds(f64::from(attribute.duration));
            }
            A::Video(attribute) => {
                video = Some(attribute.round_message);
                info.duration_ms = milliseconds(attribute.duration);
            }
            A::Filename(attribute) => {
                info.name = Some(
                    attribute.file_name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect(),
                )
                .filter(|name: &String| !name.is_empty());
            }
            A::Animated => animated = true,
            A::Sticker(_) | A::CustomEmoji(_) => sticker = true,
            A::ImageSize(_) | A::HasStickers => {}
        }
    }
    let kind = match (sticker, audio, animated, video) {
        (true, _, _, _) => "sticker",
        (_, Some(true), _, _) => "voice",
        (_, Some(false), _, _) => "audio",
        (_, _, true, _) => "animation",
        (_, _, _, Some(true)) => "video_note",
        (_, _, _, Some(false)) => "video",
        (false, None, false, None) => "file",
    };
    (kind, Some(info))
}

/// Seconds of the wire, which may be anything.
fn milliseconds(seconds: f64) -> Option<i64> {
    (seconds.is_finite() && seconds >= 0.0).then_some((seconds * 1000.0) as i64)
}
