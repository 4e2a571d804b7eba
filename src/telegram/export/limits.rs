//! Every limit of the readers, with its unit. Each is reached by a test.

/// Bytes of one message in `result.json`. Telegram's texts end at 4,096 characters; the rest is room for entities.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// Bytes of one JSONL line.
pub const JSONL_LINE_BYTES_MAX: usize = 4 << 20;
/// Characters of one text; what is longer is cut and counted.
pub const TEXT_CHARS_MAX: usize = 65_536;
/// Levels of brackets in one message.
pub const NESTING_DEPTH_MAX: u32 = 64;
/// Messages of one album; Telegram's own limit.
pub const ALBUM_MESSAGES_MAX: usize = 10;
/// How far two neighbours of one album may be apart in message ids; a deleted member leaves a gap.
pub const ALBUM_ID_GAP_MAX: i64 = 10;
/// Files in a zip. Exports with media hold one for every photo.
pub const ZIP_ENTRIES_MAX: usize = 1_000_000;
/// Bytes that a packed file may unpack to whatever its own size.
pub const UNPACKED_FREE_BYTES: u64 = 16 << 20;
/// Unpacked bytes for one packed byte, above [`UNPACKED_FREE_BYTES`]. Real exports pack 10 to 40 times.
pub const UNPACKED_RATIO_MAX: u64 = 200;
/// Bytes that a packed file may unpack to at all.
pub const UNPACKED_BYTES_MAX: u64 = 256 << 30;
/// Bytes between two progress items.
pub const PROGRESS_STEP_BYTES: u64 = 1 << 20;

/// Bytes looked at to recognise the format.
pub(super) const DETECT_BYTES: usize = 64 << 10;
/// Bytes of an object's key in the outer structure; a longer key is unknown to us anyway.
pub(super) const KEY_BYTES_MAX: usize = 1 << 10;
/// Bytes of a chat's name, type or id.
pub(super) const HEADER_VALUE_BYTES_MAX: usize = 64 << 10;
/// Bytes kept of a message that is too large or cut off, to find its id.
pub(super) const HEAD_BYTES: usize = 4 << 10;
/// Bytes asked from the source at once.
pub(super) const READ_BYTES: usize = 256 << 10;
/// Characters of a reason that quotes the file.
pub(super) const REASON_CHARS_MAX: usize = 200;
/// Channels named in "not found" and remembered in a JSONL file.
pub(super) const CHANNELS_NAMED_MAX: usize = 50;
