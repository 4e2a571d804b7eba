//! A sliding window over a byte stream, and the scan that finds where a JSON value ends.
//!
//! Knows JSON's brackets and strings, nothing of Telegram. The scan tracks only what is needed to cut one value out of the
//! stream, so a value that is bad inside does not take the rest of the file with it; serde judges the inside.
//! Invariant: the buffer never holds more than the caller's limit plus one read.

use std::io::{self, Read};

use memchr::{memchr, memchr2};

use super::limits::{HEAD_BYTES, READ_BYTES};

/// What the scan for one value came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// The value is the first `len` bytes of [`Window::filled`].
    Whole { len: usize },
    /// The value was larger than allowed and has been passed over.
    Large { bytes: u64, head: Vec<u8> },
    /// The stream ended inside the value, which began at `begin`.
    Cut { begin: u64, head: Vec<u8> },
}

/// One line of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineRead {
    /// The line is the first `len` bytes of [`Window::filled`]; its newline, if `ended`, is the byte after them.
    Whole { len: usize, ended: bool },
    /// The line was longer than allowed and has been passed over, newline included.
    Large { bytes: u64, head: Vec<u8> },
    /// No line is left.
    End,
}

/// The part of the stream that is in memory.
pub(super) struct Window<'r> {
    source: &'r mut dyn Read,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
}

impl<'r> Window<'r> {
    pub(super) fn new(source: &'r mut dyn Read) -> Self {
        Self { source, buffer: vec![0; READ_BYTES], start: 0, end: 0, offset: 0 }
    }

    /// Offset in the stream of the next byte.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Offset in the stream of the first byte that has not been read yet.
    pub(super) fn end_offset(&self) -> u64 {
        self.offset + (self.end - self.start) as u64
    }

    /// The bytes in memory, from the next one on.
    pub(super) fn filled(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Passes over `len` bytes that are in memory.
    pub(super) fn consume(&mut self, len: usize) {
        debug_assert!(len <= self.end - self.start);
        self.start += len;
        self.offset += len as u64;
    }

    /// Reads more behind what is in memory; `false` at the end of the stream.
    pub(super) fn more(&mut self) -> io::Result<bool> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        if self.end == self.buffer.len() {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            } else {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    self.end += read;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next byte that is not white space; `None` at the end of the stream.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            let filled = self.filled();
            if let Some(at) = filled.iter().position(|byte| !is_space(*byte)) {
                let byte = filled[at];
                self.consume(at);
                return Ok(Some(byte));
            }
            self.consume(filled.len());
            if !self.more()? {
                return Ok(None);
            }
        }
    }

    /// Finds the end of the value that begins at the next byte, which must not be white space.
    /// A value of more than `bytes_max` bytes is passed over in constant memory.
    pub(super) fn value(&mut self, bytes_max: usize) -> io::Result<Value> {
        let begin = self.offset;
        let mut scan = ValueScan::default();
        let mut len = 0;
        let mut discarded: Option<Vec<u8>> = None;
        loop {
            let ended = scan.feed(&self.filled()[len..]);
            len = ended.map_or(self.filled().len(), |at| len + at);
            if discarded.is_some() || len > bytes_max {
                if discarded.is_none() {
                    discarded = Some(self.head(len));
                }
                self.consume(len);
                len = 0;
            }
            let at_end = ended.is_some() || (!self.more()? && scan.is_scalar());
            if at_end {
                return Ok(match discarded {
                    None => Value::Whole { len },
                    Some(head) => Value::Large { bytes: self.offset - begin, head },
                });
            }
            if self.filled().len() == len {
                let head = discarded.unwrap_or_else(|| self.head(len));
                return Ok(Value::Cut { begin, head });
            }
        }
    }

    /// Finds the end of the line that begins at the next byte.
    /// A line of more than `bytes_max` bytes is passed over in constant memory.
    pub(super) fn line(&mut self, bytes_max: usize) -> io::Result<LineRead> {
        let begin = self.offset;
        let mut len = 0;
        let mut discarded: Option<Vec<u8>> = None;
        loop {
            let newline = memchr(b'\n', &self.filled()[len..]);
            len = newline.map_or(self.filled().len(), |at| len + at);
            if discarded.is_some() || len > bytes_max {
                if discarded.is_none() {
                    discarded = Some(self.head(len));
                }
                self.consume(len);
                len = 0;
            }
            let ended = newline.is_some();
            if ended || !self.more()? {
                let Some(head) = discarded else {
                    let nothing = len == 0 && !ended;
                    return Ok(if nothing { LineRead::End } else { LineRead::Whole { len, ended } });
                };
                let bytes = self.offset - begin;
                self.consume(usize::from(ended));
                return Ok(LineRead::Large { bytes, head });
            }
        }
    }

    fn head(&self, len: usize) -> Vec<u8> {
        self.filled()[..len.min(HEAD_BYTES)].to_vec()
    }
}

/// JSON's white space (RFC 8259, section 2).
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// Finds the end of one JSON value that arrives in pieces.
#[derive(Debug, Default)]
pub(super) struct ValueScan {
    depth: u32,
    depth_max: u32,
    state: ScanState,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum ScanState {
    /// Nothing has been seen.
    #[default]
    Begin,
    /// Inside brackets, outside strings.
    Structure,
    InString,
    /// Behind a backslash in a string.
    Escaped,
    /// A number, `true`, `false` or `null` that is the whole value.
    Scalar,
}

impl ValueScan {
    /// Whether the value so far is one that only its surroundings end.
    pub(super) fn is_scalar(&self) -> bool {
        self.state == ScanState::Scalar
    }

    /// The deepest level of brackets so far.
    pub(super) fn depth_max(&self) -> u32 {
        self.depth_max
    }

    /// Takes the next piece; answers how many of its bytes belong to the value once the end is known.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                ScanState::InString => {
                    at += memchr2(b'"', b'\\', &bytes[at..])?;
                    if bytes[at] == b'\\' {
                        self.state = ScanState::Escaped;
                    } else if self.depth == 0 {
                        return Some(at + 1);
                    } else {
                        self.state = ScanState::Structure;
                    }
                }
                ScanState::Escaped => self.state = ScanState::InString,
                ScanState::Begin | ScanState::Structure => {
                    if self.structural(bytes[at]) {
                        return Some(at + 1);
                    }
                }
                ScanState::Scalar => {
                    if matches!(bytes[at], b',' | b'}' | b']' | b':') || is_space(bytes[at]) {
                        return Some(at);
                    }
                }
            }
            at += 1;
        }
        None
    }

    /// One byte outside strings; `true` when it ends the value.
    fn structural(&mut self, byte: u8) -> bool {
        match byte {
            b'"' => self.state = ScanState::InString,
            b'{' | b'[' => {
                self.state = ScanState::Structure;
                self.depth = self.depth.saturating_add(1);
                self.depth_max = self.depth_max.max(self.depth);
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ if self.state == ScanState::Begin => self.state = ScanState::Scalar,
            _ => {}
        }
        false
    }
}

/// The members of one JSON object of which perhaps only the beginning is there, as far as they can be told apart.
pub(super) struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Members<'a> {
    /// `None` if the bytes do not begin like an object.
    pub(super) fn of(object: &'a [u8]) -> Option<Self> {
        let rest = object.trim_ascii_start().strip_prefix(b"{")?;
        Some(Self { rest })
    }
}

impl<'a> Iterator for Members<'a> {
    /// The key between its quotes, as written, and the value if all of it is there.
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim_ascii_start();
        let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        if rest.first() != Some(&b'"') {
            return None;
        }
        let key_len = ValueScan::default().feed(rest)?;
        let key = &rest[1..key_len - 1];
        let value = rest[key_len..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let value_len = ValueScan::default().feed(value);
        self.rest = value_len.map_or(&[], |len| &value[len..]);
        Some((key, value_len.map(|len| &value[..len])))
    }
}
