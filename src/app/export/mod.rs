//! A tenant's posts in forms that other programs read: lines of JSON, Markdown, a web site, `PostgreSQL`, Redis Streams.
//!
//! Written beside its place and moved there when whole, so a crash leaves nothing that looks finished. Deleted posts are in none of
//! them. What a form holds is said where it is made; `tga tenant export` is the one that comes back as it was.

mod jsonl;
mod markdown;
mod postgres;
mod redis;
mod site;
mod site_search;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{App, Error, Tenant, command::Progress};
use crate::{
    model::{Channel, ChannelId, PostId},
    store::ExportedMessage,
};

/// Rows read at a time.
const PAGE: usize = 1000;

/// The forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    Jsonl,
    Markdown,
    Site,
    Postgres,
    Redis,
}

impl ExportFormat {
    pub const ALL: [ExportFormat; 5] = [
        ExportFormat::Jsonl,
        ExportFormat::Markdown,
        ExportFormat::Site,
        ExportFormat::Postgres,
        ExportFormat::Redis,
    ];

    pub fn name(self) -> &'static str {
        match self {
            ExportFormat::Jsonl => "jsonl",
            ExportFormat::Markdown => "markdown",
            ExportFormat::Site => "site",
            ExportFormat::Postgres => "postgres",
            ExportFormat::Redis => "redis",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    pub format: ExportFormat,
    pub path: PathBuf,
    /// Rows by what they are: `posts`, `channels`, ….
    pub counts: BTreeMap<&'static str, u64>,
    pub bytes: u64,
}

/// Rows by what they are.
type Counts = BTreeMap<&'static str, u64>;

/// One export under way.
struct Export<'a> {
    app: &'a App,
    tenant: &'a Tenant,
    channels: BTreeMap<ChannelId, Channel>,
    progress: &'a mut dyn FnMut(Progress),
    total: u64,
}

impl App {
    /// Writes a tenant's posts to a new file or directory.
    pub fn export(
        &self,
        tenant: &Tenant,
        format: ExportFormat,
        path: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<ExportReport, Error> {
        if path.symlink_metadata().is_ok() {
            return Err(Error::Conflict(format!("{} is there already; name a new one", path.display())));
        }
        let channels =
            tenant.store.channel_list()?.into_iter().map(|channel| (channel.id, channel)).collect();
        let total = tenant.store.message_export_count()?;
        let mut export = Export { app: self, tenant, channels, progress, total };
        let mut part = path.as_os_str().to_owned();
        part.push(format!(".part-{}", Uuid::new_v4().simple()));
        let part = PathBuf::from(part);
        let made = export.write(format, &part).and_then(|counts| {
            let bytes = size_bytes(&part).map_err(|error| Error::io("measure", &part, error))?;
            std::fs::rename(&part, path).map_err(|error| Error::io("move to its place", path, error))?;
            Ok(ExportReport { format, path: path.to_owned(), counts, bytes })
        });
        if made.is_err() {
            // It is one of the two, or was never made.
            let _ = std::fs::remove_file(&part);
            let _ = std::fs::remove_dir_all(&part);
        }
        made
    }
}

impl Export<'_> {
    fn write(&mut self, format: ExportFormat, part: &Path) -> Result<Counts, Error> {
        match format {
            ExportFormat::Jsonl => to_file(part, |out| jsonl::write(self, out)),
            ExportFormat::Postgres => to_file(part, |out| postgres::write(self, out)),
            ExportFormat::Redis => to_file(part, |out| redis::write(self, out)),
            ExportFormat::Markdown => {
                dir_make(part)?;
                markdown::write(self, part)
            }
            ExportFormat::Site => {
                dir_make(part)?;
                site::write(self, part)
            }
        }
    }

    /// Hands over every message, pages of them read at a time.
    fn messages(
        &mut self,
        visit: &mut dyn FnMut(&Channel, &ExportedMessage) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let (mut after, mut done) = (PostId(0), 0);
        loop {
            let page = self.tenant.store.message_export(after, PAGE)?;
            let Some(last) = page.last() else { return Ok(done) };
            after = last.id;
            for message in &page {
                if let Some(channel) = self.channels.get(&message.channel) {
                    visit(channel, message)?;
                    done += 1;
                }
            }
            (self.progress)(Progress::Export { done, total: self.total });
        }
    }
}

/// The name of a channel in paths: its username, or its number.
fn channel_slug(channel: &Channel) -> String {
    match &channel.username {
        Some(name) => name.to_lowercase(),
        None => format!("channel-{}", channel.id.0),
    }
}

/// The same thing has the same id in every export, whoever's tenant it is exported from.
fn uuid_of(kind: &str, what: &str) -> Uuid {
    let digest = Sha256::new().chain_update(kind.as_bytes()).chain_update([0]).chain_update(what.as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Channels are the same for everybody: by Telegram's id where it is known, else by name.
fn channel_uuid(channel: &Channel) -> Uuid {
    match (channel.telegram_id, &channel.username) {
        (Some(id), _) => uuid_of("channel", &id.to_string()),
        (None, Some(name)) => uuid_of("channel name", &name.to_lowercase()),
        (None, None) => uuid_of("channel title", &channel.title),
    }
}

fn post_uuid(channel: &Channel, message_id: i64) -> Uuid {
    uuid_of("post", &format!("{} {message_id}", channel_uuid(channel)))
}

/// `2026-11` in UTC.
fn month_of(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m").to_string()
}

/// `2026-11-05 12:30` in UTC.
fn minute_of(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
}

fn dir_make(path: &Path) -> Result<(), Error> {
    let made = std::fs::DirBuilder::new().mode(0o700).recursive(true).create(path);
    made.map_err(|error| Error::io("create", path, error))
}

/// A new file for its owner only, whole on disk when this returns.
fn to_file<T>(path: &Path, body: impl FnOnce(&mut Out<'_>) -> Result<T, Error>) -> Result<T, Error> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    let mut writer = BufWriter::new(file.map_err(|error| Error::io("create", path, error))?);
    let done = body(&mut Out { path, writer: &mut writer })?;
    let finished = writer.into_inner().map_err(std::io::IntoInnerError::into_error);
    finished.and_then(|file| file.sync_all()).map_err(|error| Error::io("write", path, error))?;
    Ok(done)
}

/// Where an export is written, naming the file when it cannot be.
struct Out<'a> {
    path: &'a Path,
    writer: &'a mut dyn Write,
}

impl Out<'_> {
    fn text(&mut self, text: &str) -> Result<(), Error> {
        self.writer.write_all(text.as_bytes()).map_err(|error| Error::io("write", self.path, error))
    }
}

fn size_bytes(path: &Path) -> std::io::Result<u64> {
    let meta = std::fs::symlink_metadata(path)?;
    if !meta.is_dir() {
        return Ok(meta.len());
    }
    std::fs::read_dir(path)?.map(|entry| size_bytes(&entry?.path())).sum()
}
