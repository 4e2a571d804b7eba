//! Field types that both formats share, and the parse that forgives what is not essential.
//!
//! Pure. Nothing here fails on a number that is too large or of the wrong kind; the caller decides what a missing value means.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    SkipReason,
    limits::{NESTING_DEPTH_MAX, REASON_CHARS_MAX, TEXT_CHARS_MAX},
    window::{Members, ValueScan},
};

/// A field that some writers give as a number and some as a string of digits.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum NumberOrText {
    Number(i64),
    Text(String),
}

impl NumberOrText {
    pub(super) fn number(&self) -> Option<i64> {
        match self {
            NumberOrText::Number(number) => Some(*number),
            NumberOrText::Text(text) => text.trim().parse().ok(),
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            NumberOrText::Number(number) => number.to_string(),
            NumberOrText::Text(text) => text.clone(),
        }
    }

    /// A point in time: seconds since 1970 as a number, else ISO 8601. A time without an offset is taken as UTC, because the
    /// file does not say where it was written.
    pub(super) fn timestamp(&self) -> Option<Timestamp> {
        match self {
            NumberOrText::Number(seconds) => Timestamp::from_second(*seconds).ok(),
            NumberOrText::Text(text) => timestamp_parse(text.trim()),
        }
    }
}

fn timestamp_parse(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse() {
        return Timestamp::from_second(seconds).ok();
    }
    if let Ok(timestamp) = text.parse() {
        return Some(timestamp);
    }
    let local: DateTime = text.parse().ok()?;
    Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Parses one message or line. Optional fields of an unexpected type are left out and counted, so that a change of a
/// side feature costs the feature, not the post; a bad essential field fails the whole.
pub(super) fn parse_forgiving<T>(bytes: &[u8], essential: &[&str]) -> Result<(T, u64), SkipReasonText>
where
    T: DeserializeOwned,
{
    let error = match serde_json::from_slice(bytes) {
        Ok(parsed) => return Ok((parsed, 0)),
        Err(error) => error,
    };
    let mut scan = ValueScan::default();
    scan.feed(bytes);
    if scan.depth_max() > NESTING_DEPTH_MAX {
        return Err(SkipReasonText::TooDeep);
    }
    if !error.is_data() {
        return Err(SkipReasonText::Bad(reason(&error)));
    }
    let mut object: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| SkipReasonText::Bad(reason(&error)))?;
    let before = object.len();
    object.retain(|key, value| essential.contains(&key.as_str()) || fits::<T>(key, value));
    let ignored = (before - object.len()) as u64;
    let parsed =
        serde_json::from_value(Value::Object(object)).map_err(|error| SkipReasonText::Bad(reason(&error)))?;
    Ok((parsed, ignored))
}

/// Whether this one field, alone, makes a `T`.
fn fits<T: DeserializeOwned>(key: &str, value: &Value) -> bool {
    let alone = Map::from_iter([(key.to_owned(), value.clone())]);
    serde_json::from_value::<T>(Value::Object(alone)).is_ok()
}

/// Why a message or a line cannot be taken, before it is known which of the two it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SkipReasonText {
    Bad(String),
    TooDeep,
}

impl SkipReasonText {
    pub(super) fn into_reason(self, bad: impl FnOnce(String) -> SkipReason) -> SkipReason {
        match self {
            SkipReasonText::Bad(text) => bad(text),
            SkipReasonText::TooDeep => SkipReason::TooDeep,
        }
    }
}

/// The error in words. The position is left out: it counts from the message's begin, and would be mistaken for the file's.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    text.chars().take(REASON_CHARS_MAX).collect()
}

/// The integer at `key` of an object of which perhaps only the beginning is there.
pub(super) fn id_find(object: &[u8], key: &str) -> Option<i64> {
    let (_, value) = Members::of(object)?.find(|(name, _)| *name == key.as_bytes())?;
    serde_json::from_slice::<NumberOrText>(value?).ok()?.number()
}

/// Cuts a text at [`TEXT_CHARS_MAX`]; whether it had to.
pub(super) fn text_cut(text: &mut String) -> bool {
    if text.len() <= TEXT_CHARS_MAX {
        return false;
    }
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((at, _)) => {
            text.truncate(at);
            true
        }
        None => false,
    }
}
