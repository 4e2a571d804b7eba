//! The text of a message and the links in it.
//!
//! Entities count in UTF-16 units from a server that may send anything: what points outside the text, or into the middle of a
//! character, is passed over. One table a message makes each entity a look-up, so many entities over a long text cost their sum.

use grammers_tl_types as tl;

use crate::{model::Link, telegram::export::TEXT_CHARS_MAX};

/// Links kept of one message.
const LINKS_MAX: usize = 200;

/// Everything of the message that can be searched: its text, a poll's lines, a sticker's emoji; links of text and buttons.
pub(super) fn body(message: &tl::types::Message) -> (String, Vec<Link>) {
    let mut text = message.message.clone();
    let mut links = entity_links(&text, message.entities.as_deref().unwrap_or_default());
    match &message.media {
        Some(tl::enums::MessageMedia::Poll(media)) => {
            let tl::enums::Poll::Poll(poll) = &media.poll;
            line(&mut text, "📊 ", words(&poll.question));
            for answer in &poll.answers {
                if let tl::enums::PollAnswer::Answer(answer) = answer {
                    line(&mut text, "• ", words(&answer.text));
                }
            }
        }
        Some(tl::enums::MessageMedia::ToDo(media)) => {
            let tl::enums::TodoList::List(todo) = &media.todo;
            line(&mut text, "", words(&todo.title));
            for tl::enums::TodoItem::Item(item) in &todo.list {
                line(&mut text, "• ", words(&item.title));
            }
        }
        Some(tl::enums::MessageMedia::Document(media)) if text.is_empty() => {
            text.push_str(sticker_emoji(media).unwrap_or_default());
        }
        Some(_) | None => {}
    }
    links.extend(button_links(message));
    links.truncate(LINKS_MAX);
    if let Some((at, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
        text.truncate(at);
    }
    (text, links)
}

fn line(text: &mut String, mark: &str, words: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(mark);
    text.push_str(words);
}

fn words(text: &tl::enums::TextWithEntities) -> &str {
    let tl::enums::TextWithEntities::Entities(text) = text;
    &text.text
}

fn sticker_emoji(media: &tl::types::MessageMediaDocument) -> Option<&str> {
    let Some(tl::enums::Document::Document(document)) = &media.document else { return None };
    document.attributes.iter().find_map(|attribute| {
        if let tl::enums::DocumentAttribute::Sticker(sticker) = attribute {
            Some(sticker.alt.as_str())
        } else {
            None
        }
    })
}

/// The links that entities mark, in reading order.
fn entity_links(text: &str, entities: &[tl::enums::MessageEntity]) -> Vec<Link> {
    let mut units: Option<Vec<u32>> = None;
    let mut links = Vec::new();
    for entity in entities {
        let (offset, length, target) = if let tl::enums::MessageEntity::TextUrl(entity) = entity {
            (entity.offset, entity.length, Some(&entity.url))
        } else if let tl::enums::MessageEntity::Url(entity) = entity {
            (entity.offset, entity.length, None)
        } else {
            continue;
        };
        let units = units.get_or_insert_with(|| unit_offsets(text));
        let Some(shown) = slice(text, units, offset, length) else { continue };
        let link = match target {
            Some(url) if url == shown => Link { text: String::new(), url: url.clone() },
            Some(url) => Link { text: shown.to_owned(), url: url.clone() },
            None => Link { text: String::new(), url: shown.to_owned() },
        };
        if !link.url.is_empty() && links.len() < LINKS_MAX {
            links.push(link);
        }
    }
    links
}

/// Within a character: no boundary.
const INSIDE: u32 = u32::MAX;

/// For each UTF-16 unit of the text the byte it begins at; one more for the end.
fn unit_offsets(text: &str) -> Vec<u32> {
    let mut units = Vec::with_capacity(text.len() + 1);
    for (at, c) in text.char_indices() {
        units.push(at as u32);
        if c.len_utf16() == 2 {
            units.push(INSIDE);
        }
    }
    units.push(text.len() as u32);
    units
}

fn slice<'a>(text: &'a str, units: &[u32], offset: i32, length: i32) -> Option<&'a str> {
    let begin = usize::try_from(offset).ok()?;
    let end = begin.checked_add(usize::try_from(length).ok().filter(|length| *length > 0)?)?;
    let (begin, end) = (*units.get(begin)?, *units.get(end)?);
    if begin == INSIDE || end == INSIDE {
        return None;
    }
    text.get(begin as usize..end as usize)
}

/// The links under a message.
fn button_links(message: &tl::types::Message) -> Vec<Link> {
    let Some(tl::enums::ReplyMarkup::ReplyInlineMarkup(markup)) = &message.reply_markup else {
        return Vec::new();
    };
    let rows = markup.rows.iter().map(|tl::enums::KeyboardInlineButtonRow::Row(row)| &row.buttons);
    rows.flatten()
        .filter_map(|tl::enums::KeyboardInlineButton::Button(button)| {
            let tl::enums::InlineButtonType::Url(target) = &button.r#type else { return None };
            Some(Link { text: button.text.clone(), url: target.url.clone() })
        })
        .filter(|link| !link.url.is_empty())
        .take(LINKS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_entity_is_cut_as_utf16_cuts(text in "[a-яА-Я𝔸-𝕫🎉👩‍👩‍👧 ё\n]{0,40}", offset in -3_i32..50, length in -3_i32..50) {
            let units = unit_offsets(&text);
            let utf16: Vec<u16> = text.encode_utf16().collect();
            let expected = usize::try_from(offset).ok().zip(usize::try_from(length).ok())
                .filter(|(_, length)| *length > 0)
                .and_then(|(begin, length)| utf16.get(begin..begin + length))
                .and_then(|units| String::from_utf16(units).ok());
            // A cut through a pair leaves half a character on one side, which is no text.
            prop_assert_eq!(slice(&text, &units, offset, length).map(str::to_owned), expected);
        }
    }
}
