//! Opens what the caller names: plain, gzipped or zipped, recognised by content; guards against archives that unpack to
//! more than any real export; turns every end of a read into a summary or an [`Error`].
//!
//! Knows files, not messages. Names inside an archive are compared and shown, never used as paths.

use std::{
    cell::Cell,
    fmt,
    fs::File,
    io::{self, BufReader, Read, Seek as _, SeekFrom},
    path::Path,
};

use super::{
    Error, Format, ReadOptions, ReadSummary, Sink, archive,
    delivery::{Delivery, Halt},
    desktop::{ChatHeader, Walk},
    jsonl::Lines,
    limits::{DETECT_BYTES, READ_BYTES, UNPACKED_BYTES_MAX, UNPACKED_FREE_BYTES, UNPACKED_RATIO_MAX},
    window::{Members, Window},
};
use flate2::bufread::MultiGzDecoder;

/// First bytes of gzip (RFC 1952, 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// First bytes of a zip: a local file header, or the end record of an empty one (PKWARE APPNOTE 4.3.7, 4.3.16).
const ZIP_MAGICS: [[u8; 4]; 2] = [*b"PK\x03\x04", *b"PK\x05\x06"];
/// UTF-8's byte order mark.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How much of the source has been read.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) read: Cell<u64>,
    pub(super) total: Option<u64>,
}

impl Meter {
    pub(super) fn of(total: Option<u64>) -> Self {
        Self { read: Cell::new(0), total }
    }
}

/// Counts what passes into a meter.
struct Metered<'m, R> {
    inner: R,
    meter: &'m Meter,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.meter.read.set(self.meter.read.get() + read as u64);
        Ok(read)
    }
}

/// How far a packed source may unpack.
pub(super) struct Bound<'m> {
    pub(super) unpacked: Cell<u64>,
    /// The packed size, where the file's length is known; else what has been read so far.
    pub(super) packed: Packed<'m>,
}

pub(super) enum Packed<'m> {
    Known(u64),
    SoFar(&'m Meter),
}

/// Refuses to go on past a bound.
pub(super) struct Bounded<'b, R> {
    pub(super) inner: R,
    pub(super) bound: &'b Bound<'b>,
}

/// Travels through `io::Error` to the place that names the file.
#[derive(Debug)]
struct BoundReached(String);

impl fmt::Display for BoundReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BoundReached {}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let unpacked = self.bound.unpacked.get() + read as u64;
        self.bound.unpacked.set(unpacked);
        let packed = match self.bound.packed {
            Packed::Known(packed) => packed,
            Packed::SoFar(meter) => meter.read.get(),
        };
        bound_check(unpacked, packed).map_err(|reason| io::Error::other(BoundReached(reason)))?;
        Ok(read)
    }
}

/// Whether a packed file of that size may have unpacked to that much.
pub(super) fn bound_check(unpacked: u64, packed: u64) -> Result<(), String> {
    if unpacked > UNPACKED_BYTES_MAX {
        return Err(format!("it unpacks to more than {UNPACKED_BYTES_MAX} bytes"));
    }
    if unpacked > UNPACKED_FREE_BYTES && unpacked > packed.saturating_mul(UNPACKED_RATIO_MAX) {
        return Err(format!("it unpacks to more than {UNPACKED_RATIO_MAX} times its size"));
    }
    Ok(())
}

/// See [`super::read`].
pub(super) fn read_path(
    path: &Path,
    options: &ReadOptions,
    sink: &mut Sink<'_>,
) -> Result<ReadSummary, Error> {
    let inside = path.join("result.json");
    let path = if path.is_dir() { inside.as_path() } else { path };
    let name = path.display().to_string();
    let mut file = open(path, &name)?;
    let magic = magic_read(&mut file).map_err(|source| Error::Open { file: name.clone(), source })?;
    let len = file.metadata().ok().map(|metadata| metadata.len());
    if ZIP_MAGICS.iter().any(|zip| magic.starts_with(zip)) {
        return archive::read_zip(&file, len.unwrap_or(0), &name, options, sink);
    }
    let meter = Meter::of(len);
    let mut delivery = Delivery::new(sink, &meter);
    let halt = match unpacked_read(&mut file, &meter, options, &mut delivery, None) {
        Err((Halt::HeaderLate, _)) => {
            let headers = survey(&mut open(path, &name)?, options);
            meter.read.set(0);
            unpacked_read(&mut open(path, &name)?, &meter, options, &mut delivery, Some(&headers))
        }
        halt => halt,
    };
    finish(halt, delivery, &name, options)
}

/// See [`super::read_from`].
pub(super) fn read_stream(
    stream: &mut dyn Read,
    name: &str,
    options: &ReadOptions,
    sink: &mut Sink<'_>,
) -> Result<ReadSummary, Error> {
    let meter = Meter::of(None);
    let mut delivery = Delivery::new(sink, &meter);
    // A stream cannot be read twice: names behind the messages come too late, and the chat is read without them.
    let halt = unpacked_read(stream, &meter, options, &mut delivery, Some(&[]));
    finish(halt, delivery, name, options)
}

fn open(path: &Path, name: &str) -> Result<File, Error> {
    File::open(path).map_err(|source| Error::Open { file: name.to_owned(), source })
}

fn magic_read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut magic = Vec::new();
    file.take(4).read_to_end(&mut magic)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(magic)
}

/// The headers of all chats, from a walk that delivers nothing. What breaks here breaks again in the walk that counts.
pub(super) fn survey(stream: &mut dyn Read, options: &ReadOptions) -> Vec<ChatHeader> {
    let meter = Meter::of(None);
    let mut nowhere = |_item| Ok(());
    let mut delivery = Delivery::new(&mut nowhere, &meter);
    let mut headers = Vec::new();
    let _ = with_unpacked(stream, &meter, |window| {
        Walk::new(window, options, &mut delivery, None).surveying(&mut headers).run()
    });
    headers
}

/// Where and why a read ended; the position counts unpacked bytes.
pub(super) type Ended = Result<u64, (Halt, u64)>;

/// Reads one unpacked or gzipped stream in whatever format it is.
pub(super) fn unpacked_read(
    stream: &mut dyn Read,
    meter: &Meter,
    options: &ReadOptions,
    delivery: &mut Delivery<'_, '_>,
    known: Option<&[ChatHeader]>,
) -> Ended {
    with_unpacked(stream, meter, |window| {
        let format = match options.format {
            Some(format) => format,
            None => format_detect(window)?.ok_or(Halt::Unknown)?,
        };
        match format {
            Format::TelegramDesktop => Walk::new(window, options, delivery, known).run(),
            Format::Jsonl => Lines::new(window, options, delivery).run(),
        }
    })
}

/// Lays a window over the stream, unpacking gzip on the way and leaving out a byte order mark.
fn with_unpacked(
    stream: &mut dyn Read,
    meter: &Meter,
    work: impl FnOnce(&mut Window<'_>) -> Result<(), Halt>,
) -> Ended {
    let mut metered = Metered { inner: stream, meter };
    let mut magic = Vec::new();
    if let Err(error) = (&mut metered).take(GZIP_MAGIC.len() as u64).read_to_end(&mut magic) {
        return Err((Halt::Io(error), 0));
    }
    let packed = magic == GZIP_MAGIC;
    let mut whole = io::Cursor::new(magic).chain(metered);
    if packed {
        let bound =
            Bound { unpacked: Cell::new(0), packed: meter.total.map_or(Packed::SoFar(meter), Packed::Known) };
        let mut unpacked = Bounded {
            inner: MultiGzDecoder::new(BufReader::with_capacity(READ_BYTES, whole)),
            bound: &bound,
        };
        in_window(&mut unpacked, work)
    } else {
        in_window(&mut whole, work)
    }
}

fn in_window(stream: &mut dyn Read, work: impl FnOnce(&mut Window<'_>) -> Result<(), Halt>) -> Ended {
    let mut window = Window::new(stream);
    let result = mark_skip(&mut window).map_err(Halt::Io).and_then(|()| work(&mut window));
    match result {
        Ok(()) => Ok(window.offset()),
        Err(Halt::Io(error)) => Err((Halt::Io(error), window.end_offset())),
        Err(halt) => Err((halt, window.offset())),
    }
}

fn mark_skip(window: &mut Window<'_>) -> io::Result<()> {
    while window.filled().len() < BYTE_ORDER_MARK.len() && window.more()? {}
    if window.filled().starts_with(BYTE_ORDER_MARK) {
        window.consume(BYTE_ORDER_MARK.len());
    }
    Ok(())
}

/// Tells the formats apart by the keys of the first object.
fn format_detect(window: &mut Window<'_>) -> io::Result<Option<Format>> {
    while window.filled().len() < DETECT_BYTES && window.more()? {}
    let head = window.filled();
    // A first line that is no object does not hide the format of the others.
    let mut rest = head;
    while let Some(at) = rest.iter().position(|byte| *byte == b'{') {
        rest = &rest[at..];
        if let Some(format) = Members::of(rest).and_then(format_of) {
            return Ok(Some(format));
        }
        let line = rest.iter().position(|byte| *byte == b'\n');
        rest = line.map_or(&[], |at| &rest[at..]);
    }
    Ok(None)
}

/// `id`, `date` and `text` are keys of both worlds and decide nothing.
fn format_of(mut members: Members<'_>) -> Option<Format> {
    members.find_map(|(key, _)| match key {
        b"channel" | b"channel_id" | b"channel_title" | b"message_id" => Some(Format::Jsonl),
        b"name" | b"type" | b"messages" | b"about" | b"chats" | b"left_chats" | b"personal_information" => {
            Some(Format::TelegramDesktop)
        }
        _ => None,
    })
}

/// Delivers what is held and says how it ended.
pub(super) fn finish(
    ended: Ended,
    mut delivery: Delivery<'_, '_>,
    name: &str,
    options: &ReadOptions,
) -> Result<ReadSummary, Error> {
    let (ended, bytes) = match ended {
        Ok(bytes) => (Ok(()), bytes),
        Err((halt, bytes)) => (Err(halt), bytes),
    };
    let flushed = if matches!(ended, Err(Halt::Stop)) { Ok(()) } else { delivery.flush() };
    delivery.summary.bytes_read = bytes;
    let last_id = delivery.last_id;
    let file = || name.to_owned();
    match flushed.and(ended) {
        Ok(()) => match &options.channel {
            Some(wanted) if delivery.misses_channel() => Err(Error::ChannelNotFound {
                file: file(),
                wanted: wanted.clone(),
                found: std::mem::take(&mut delivery.others),
            }),
            Some(_) | None => Ok(delivery.summary),
        },
        Err(Halt::Stop) => {
            delivery.summary.stopped = true;
            Ok(delivery.summary)
        }
        Err(Halt::Unknown | Halt::HeaderLate) => Err(Error::UnknownFormat { file: file() }),
        Err(Halt::Broken { byte, message_id, reason }) => {
            Err(Error::Broken { file: file(), byte, message_id: message_id.or(last_id), reason })
        }
        Err(Halt::Io(error)) => Err(io_error(error, name, bytes, last_id)),
    }
}

/// A failing read: a bound of ours, damaged packed data, or the disk.
fn io_error(error: io::Error, name: &str, byte: u64, message_id: Option<i64>) -> Error {
    let file = name.to_owned();
    if let Some(reached) = error.get_ref().and_then(|inner| inner.downcast_ref::<BoundReached>()) {
        let reason = reached.to_string();
        return Error::UnpackedTooLarge { file, reason };
    }
    // What the unpackers answer to bad data; a disk never does.
    let of_unpacking =
        [io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput];
    if of_unpacking.contains(&error.kind()) {
        return Error::Broken {
            file,
            byte,
            message_id,
            reason: format!("the packed data is damaged or cut off ({error})"),
        };
    }
    Error::Read { file, byte, source: error }
}
