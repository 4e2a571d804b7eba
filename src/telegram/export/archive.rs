//! Reads the exports in a zip, one after the other, as if they were one file.
//!
//! Knows the archive's directory, not messages. Names inside are compared and shown, never used as paths; what is unpacked
//! goes through the same bound for the whole archive, so entries that share their packed data gain nothing.

use std::{cell::Cell, fs::File, io::BufReader};

use zip::ZipArchive;

use super::{
    Error, ReadOptions, ReadSummary, Sink,
    delivery::{Delivery, Halt},
    desktop::ChatHeader,
    limits::ZIP_ENTRIES_MAX,
    source::{Bound, Bounded, Meter, Packed, finish, survey, unpacked_read},
};

/// Reads the entries of a zip one after the other, as if they were one file.
pub(super) fn read_zip(
    file: &File,
    len: u64,
    name: &str,
    options: &ReadOptions,
    sink: &mut Sink<'_>,
) -> Result<ReadSummary, Error> {
    let archive_error = |reason: String| Error::Archive { file: name.to_owned(), reason };
    let mut archive = ZipArchive::new(BufReader::new(file))
        .map_err(|error| archive_error(format!("{error}; pack it again")))?;
    entries_check(archive.len()).map_err(archive_error)?;
    let names = archive.file_names().filter_map(Result::ok).map(std::borrow::Cow::into_owned);
    let entries = entries_pick(names.collect());
    if entries.is_empty() {
        return Err(archive_error("it holds neither a result.json nor *.jsonl".to_owned()));
    }
    let bound = Bound { unpacked: Cell::new(0), packed: Packed::Known(len) };
    let mut total = 0_u64;
    for entry in &entries {
        total = total.saturating_add(archive.by_name(entry).map_or(0, |entry| entry.size()));
    }
    let meter = Meter::of(Some(total));
    let mut delivery = Delivery::new(sink, &meter);
    let mut bytes = 0;
    for entry in &entries {
        let label = format!("{name}: {entry}");
        let mut headers: Option<Vec<ChatHeader>> = None;
        let begin = meter.read.get();
        let ended = loop {
            let opened =
                archive.by_name(entry).map_err(|error| archive_error(format!("{entry}: {error}")))?;
            let mut bounded = Bounded { inner: opened, bound: &bound };
            let ended = unpacked_read(&mut bounded, &meter, options, &mut delivery, headers.as_deref());
            drop(bounded);
            if !matches!(ended, Err((Halt::HeaderLate, _))) || headers.is_some() {
                break ended;
            }
            meter.read.set(begin);
            let again = archive.by_name(entry);
            headers = Some(survey(
                &mut again.map_err(|error| archive_error(format!("{entry}: {error}")))?,
                options,
            ));
        };
        match ended {
            Ok(read) => bytes += read,
            halted => return finish(halted, delivery, &label, options),
        }
    }
    finish(Ok(bytes), delivery, name, options)
}

/// Whether a zip may hold that many files.
pub(super) fn entries_check(entries: usize) -> Result<(), String> {
    if entries > ZIP_ENTRIES_MAX {
        return Err(format!("it holds more than {ZIP_ENTRIES_MAX} files; unpack it by hand"));
    }
    Ok(())
}

/// The entries worth reading, by name: every export and every JSONL, else a single JSON file of another name.
fn entries_pick(names: Vec<String>) -> Vec<String> {
    let mut wanted = Vec::new();
    let mut others = Vec::new();
    for name in names {
        let base = name.rsplit(['/', '\\']).next().unwrap_or(&name).to_lowercase();
        // macOS puts a shadow of every file beside it, as `._name`.
        if base.starts_with("._") {
            continue;
        }
        if base == "result.json" || has_ending(&base, &["jsonl", "ndjson"]) {
            wanted.push(name);
        } else if has_ending(&base, &["json"]) {
            others.push(name);
        }
    }
    if wanted.is_empty() && others.len() == 1 {
        wanted = others;
    }
    wanted.sort();
    wanted
}

fn has_ending(name: &str, endings: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))
}
