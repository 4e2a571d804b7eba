//! What a model answered when asked for tags: read however it was written.
//!
//! Pure. Models put JSON into fences, wrap it in words, leave out the ids, use other quotes; all of that is mended. What cannot be read
//! gives nothing for its post, never a guess. Whether a tag may be a tag is `text::tags_checked`'s matter.

use serde_json::Value;

/// Tags that are read of one post; the rules keep five of them.
const TAGS_READ_MAX: usize = 200;

/// The tags by post, in the order in which the posts were asked about; `None`: the answer does not tell.
pub fn tags_read(answer: &str, posts: usize) -> Vec<Option<Vec<String>>> {
    let mut out = vec![None; posts];
    let Some(value) = json_within(answer) else { return out };
    let rows = match &value {
        Value::Object(object) => match object.get("posts").or_else(|| object.get("result")) {
            Some(rows) => rows,
            None => &value,
        },
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => &value,
    };
    match rows {
        // One post, and its tags as they are.
        Value::Array(list) if posts == 1 && list.iter().all(Value::is_string) => out[0] = Some(strings(list)),
        Value::Array(list) => {
            for (place, row) in list.iter().enumerate() {
                let (id, tags) = match row {
                    Value::Object(row) => {
                        (row.get("id").and_then(number), row.get("tags").and_then(Value::as_array))
                    }
                    Value::Array(tags) => (None, Some(tags)),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (None, None),
                };
                put(&mut out, id.unwrap_or(place as u64 + 1), tags);
            }
        }
        Value::Object(object) if posts == 1 && object.get("tags").is_some_and(Value::is_array) => {
            put(&mut out, 1, object.get("tags").and_then(Value::as_array));
        }
        // {"1": ["…"], "2": ["…"]}
        Value::Object(object) => {
            for (id, tags) in object {
                if let Ok(id) = id.parse() {
                    put(&mut out, id, tags.as_array());
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    out
}

fn put(out: &mut [Option<Vec<String>>], id: u64, tags: Option<&Vec<Value>>) {
    let place = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
    if let (Some(slot), Some(tags)) = (place.and_then(|place| out.get_mut(place)), tags)
        && slot.is_none()
    {
        *slot = Some(strings(tags));
    }
}

fn number(id: &Value) -> Option<u64> {
    id.as_u64().or_else(|| id.as_str()?.trim().parse().ok())
}

fn strings(list: &[Value]) -> Vec<String> {
    list.iter().filter_map(Value::as_str).take(TAGS_READ_MAX).map(str::to_owned).collect()
}

/// The JSON in an answer: as it is, without a fence, or the largest piece that begins and ends like JSON.
fn json_within(answer: &str) -> Option<Value> {
    let parse = |text: &str| {
        serde_json::from_str::<Value>(text).ok().filter(|value| value.is_array() || value.is_object())
    };
    let bare =
        answer.trim().trim_start_matches("```json").trim_start_matches("```").trim_end_matches("```").trim();
    parse(bare).or_else(|| {
        ['{', '['].into_iter().find_map(|open| {
            let close = if open == '{' { '}' } else { ']' };
            let piece = answer.get(answer.find(open)?..=answer.rfind(close)?)?;
            parse(piece).or_else(|| parse(&mended(piece)))
        })
    })
}

/// Other quotes made plain, commas before a closing bracket taken out.
fn mended(piece: &str) -> String {
    let plain: String =
        piece.chars().map(|c| if matches!(c, '«' | '»' | '“' | '”' | '„') { '"' } else { c }).collect();
    let mut out = String::with_capacity(plain.len());
    for (at, c) in plain.char_indices() {
        let closes = plain[at + c.len_utf8()..].trim_start().starts_with([']', '}']);
        if !(c == ',' && closes) {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::tags_read;

    fn one(answer: &str) -> Option<Vec<String>> {
        tags_read(answer, 1).remove(0)
    }

    fn tags(list: &[&str]) -> Vec<String> {
        list.iter().map(|tag| (*tag).to_owned()).collect()
    }

    #[test]
    fn answers_are_read_however_they_are_written() {
        for answer in [
            r#"{"posts":[{"id":1,"tags":["а","б"]}]}"#,
            r#"[{"id":"1","tags":["а","б"]}]"#,
            r#"["а","б"]"#,
            r#"{"tags":["а","б"]}"#,
            r#"{"1":["а","б"]}"#,
            "```json\n{\"posts\":[{\"id\":1,\"tags\":[\"а\",\"б\"]}]}\n```",
            "Вот теги:\n{\"posts\":[{\"id\":1,\"tags\":[\"а\",\"б\"]}]}\nГотово!",
            "{\"posts\":[{\"id\":1,\"tags\":[«а», «б»,]},]}",
        ] {
            assert_eq!(one(answer), Some(tags(&["а", "б"])), "{answer}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_nothing() {
        for answer in [
            "",
            "нет",
            "{",
            "[1, 2",
            "\"а\"",
            "null",
            r#"{"posts":[{"id":7,"tags":["а"]}]}"#,
            r#"{"posts":"а"}"#,
        ] {
            assert_eq!(one(answer), None, "{answer}");
        }
        assert_eq!(one(r#"{"posts":[{"id":1,"tags":[]}]}"#), Some(tags(&[])));
        assert_eq!(one(r#"{"posts":[{"id":1,"tags":["а",3,null,"б"]}]}"#), Some(tags(&["а", "б"])));
    }

    #[test]
    fn posts_are_told_apart_by_their_numbers() {
        let read =
            tags_read(r#"{"posts":[{"id":3,"tags":["в"]},{"id":1,"tags":["а"]},{"id":1,"tags":["б"]}]}"#, 3);
        assert_eq!(read, [Some(tags(&["а"])), None, Some(tags(&["в"]))]);
    }
}
