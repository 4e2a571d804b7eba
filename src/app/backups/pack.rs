//! The file of a backup: tar, zstd, age, in that order, so that `age -d | zstd -d | tar x` opens it anywhere.
//!
//! Entries: `control.db`, `tenants/ID/tenant.db`, keys, on request the queue and before its database each tenant's indexes, and last the
//! manifest with the length and BLAKE3 of each. Names are held against what there can be, so none can lead anywhere. Whatever is cut, changed, missing, doubled or
//! strange is refused with its reason. Writing ends with a durable file; a crash before leaves one without an end, which is refused.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, BufWriter, Read, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Error, ErrorCode, place::name_parse};
use crate::{
    model::TenantId,
    seal::{self, Keyring, PublicKey, Sealer},
    store::RowCounts,
};

/// The shape of a backup without what is derived.
const FORMAT_BARE: u64 = 1;
/// The shape of one with the queue and the indexes, and the newest that this binary reads.
const FORMAT: u64 = 2;
/// How hard zstd tries: 3 is its default, about as fast as a disk.
const ZSTD_LEVEL: i32 = 3;
/// Bytes read at a time.
const CHUNK_BYTES: usize = 256 * 1024;
/// Longest manifest, bytes: thousands of tenants.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Longest name of an index's file, characters.
const INDEX_NAME_CHARS_MAX: usize = 128;
/// Longest file of a key, bytes.
pub(super) const KEY_BYTES_MAX: u64 = 64 * 1024;

/// What a backup can hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Member {
    Control,
    Tenant(TenantId),
    /// A file of a tenant's indexes, below its directory.
    Index(TenantId, IndexFile),
    Queue,
    /// A file of `keys/seal`.
    SealKey(String),
    Jwt,
    Receipt,
    Manifest,
}

/// Where a file of an index lies in its tenant's directory: `fulltext/FILE` or `vectors/graph-N/FILE`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IndexFile(String);

impl IndexFile {
    pub(super) fn parse(path: &str) -> Option<Self> {
        let plain = |name: &str| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            let is_name =
                !name.is_empty() && name.len() <= INDEX_NAME_CHARS_MAX && name.chars().all(is_plain);
            is_name && name != "." && name != ".."
        };
        let parts: Vec<&str> = path.split('/').collect();
        let is_one = match parts.as_slice() {
            ["fulltext", file] => plain(file),
            ["vectors", graph, file] => graph.starts_with("graph-") && plain(graph) && plain(file),
            _ => false,
        };
        is_one.then(|| Self(path.to_owned()))
    }

    /// Its place below the tenant's directory.
    pub(super) fn path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl Member {
    pub(super) fn name(&self) -> String {
        match self {
            Member::Control => "control.db".to_owned(),
            Member::Tenant(id) => format!("tenants/{id}/tenant.db"),
            Member::Index(id, file) => format!("tenants/{id}/{}", file.0),
            Member::Queue => "queue.redb".to_owned(),
            Member::SealKey(file) => format!("keys/seal/{file}"),
            Member::Jwt => "keys/jwt.json".to_owned(),
            Member::Receipt => "keys/receipt.key".to_owned(),
            Member::Manifest => "manifest.json".to_owned(),
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let is_file = |text: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            text.strip_suffix(".key").is_some_and(|stem| !stem.is_empty() && stem.chars().all(plain))
        };
        let member = match name {
            "control.db" => Member::Control,
            "queue.redb" => Member::Queue,
            "keys/jwt.json" => Member::Jwt,
            "keys/receipt.key" => Member::Receipt,
            "manifest.json" => Member::Manifest,
            _ => match name.strip_prefix("keys/seal/") {
                Some(file) if is_file(file) => Member::SealKey(file.to_owned()),
                Some(_) => return None,
                None => {
                    let (id, file) = name.strip_prefix("tenants/")?.split_once('/')?;
                    let id = TenantId(Uuid::try_parse(id).ok()?);
                    if file == "tenant.db" {
                        Member::Tenant(id)
                    } else {
                        Member::Index(id, IndexFile::parse(file)?)
                    }
                }
            },
        };
        // One way to write each.
        (member.name() == name).then_some(member)
    }
}

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    pub format: u64,
    /// Version of the program that wrote it.
    pub program: String,
    /// The moment all of it is of.
    pub taken_at: Timestamp,
    pub control: PackedDatabase,
    pub tenants: Vec<PackedTenant>,
    /// Ids of the keys that open it.
    pub keys: Vec<String>,
    /// What of the derived data is in it; absent where it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<PackedDerived>,
    /// Every file but this one.
    pub files: BTreeMap<String, PackedFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedDatabase {
    pub schema_version: i64,
    /// Rows by table.
    pub rows: RowCounts,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedTenant {
    pub id: TenantId,
    pub slug: String,
    pub name: String,
    #[serde(flatten)]
    pub database: PackedDatabase,
}

/// The queue and the indexes, as far as they are in a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedDerived {
    pub queue: bool,
    /// Tenants whose indexes are in it.
    pub indexes: Vec<TenantId>,
    /// Why others are not.
    pub left_out: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedFile {
    pub bytes: u64,
    /// Lower-case hex.
    pub blake3: String,
}

impl BackupManifest {
    pub(super) fn new(taken_at: Timestamp, control: PackedDatabase, tenants: Vec<PackedTenant>) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        let (format, keys, files) = (FORMAT_BARE, Vec::new(), BTreeMap::new());
        Self { format, program, taken_at, control, tenants, keys, derived: None, files }
    }

    /// Posts of all tenants.
    pub fn posts(&self) -> u64 {
        let of = |tenant: &PackedTenant| tenant.database.rows.get("posts").copied().unwrap_or(0);
        self.tenants.iter().map(of).sum()
    }
}

/// A refusal of a backup.
pub(super) fn damaged(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::refused(ErrorCode::BackupInvalid, format!("{}: {what}; nothing was changed", path.display()))
}

/// What a file that could not be opened is: one for other keys, or none of ours.
fn not_opened(path: &Path, error: seal::Error) -> Error {
    if !matches!(error, seal::Error::NotForUs { .. }) {
        return damaged(path, error);
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let sealed_for = name.and_then(|name| name_parse(&name)).map(|(_, key)| key);
    Error::BackupKey { path: path.display().to_string(), source: error, sealed_for }
}

/// Reads through, hashing.
struct Hashing<R> {
    inner: R,
    hash: blake3::Hasher,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, chunk: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(chunk)?;
        self.hash.update(&chunk[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

impl<R> Hashing<R> {
    fn new(inner: R) -> Self {
        Self { inner, hash: blake3::Hasher::new(), bytes: 0 }
    }

    fn facts(&self) -> PackedFile {
        PackedFile { bytes: self.bytes, blake3: self.hash.finalize().to_hex().to_string() }
    }
}

/// A backup being written.
pub(super) struct Packer<'a> {
    path: &'a Path,
    tar: tar::Builder<zstd::Encoder<'static, Sealer<BufWriter<File>>>>,
    files: BTreeMap<String, PackedFile>,
}

impl<'a> Packer<'a> {
    pub(super) fn new(path: &'a Path, keys: &Keyring, others: &[PublicKey]) -> Result<Self, Error> {
        let write = |error: std::io::Error| Error::io("write", path, error);
        let file = File::options().write(true).create_new(true).mode(0o600).open(path).map_err(write)?;
        let sealed = keys.sealer(others, BufWriter::with_capacity(CHUNK_BYTES, file))?;
        let mut packed = zstd::Encoder::new(sealed, ZSTD_LEVEL).map_err(write)?;
        packed.include_checksum(true).map_err(write)?;
        Ok(Self { path, tar: tar::Builder::new(packed), files: BTreeMap::new() })
    }

    /// Adds a file as it is now.
    pub(super) fn add(&mut self, member: &Member, from: &Path) -> Result<(), Error> {
        let read = |error: std::io::Error| Error::io("read", from, error);
        let file = File::open(from).map_err(read)?;
        let bytes = file.metadata().map_err(read)?.len();
        let mut hashing = Hashing::new(file);
        self.append(member, bytes, &mut hashing)?;
        if hashing.bytes != bytes {
            return Err(read(std::io::Error::other("it changed while it was read")));
        }
        self.files.insert(member.name(), hashing.facts());
        Ok(())
    }

    fn append(&mut self, member: &Member, bytes: u64, from: &mut dyn Read) -> Result<(), Error> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(0);
        let appended = self.tar.append_data(&mut header, member.name(), from);
        appended.map_err(|error| Error::io("write", self.path, error))
    }

    /// Writes the manifest and the end; returns the manifest with its files, and the backup's length.
    pub(super) fn finish(mut self, mut manifest: BackupManifest) -> Result<(BackupManifest, u64), Error> {
        manifest.files = std::mem::take(&mut self.files);
        if manifest.derived.is_some() {
            manifest.format = FORMAT;
        }
        let text = serde_json::to_vec_pretty(&manifest).expect("a manifest always serialises");
        self.append(&Member::Manifest, text.len() as u64, &mut &*text)?;
        let path = self.path;
        let done = (|| {
            let sealed = self.tar.into_inner()?.finish()?;
            let mut buffer = sealed.finish()?;
            buffer.flush()?;
            let file = buffer.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            file.sync_all()?;
            Ok(file.metadata()?.len())
        })();
        let bytes = done.map_err(|error| Error::io("write", path, error))?;
        Ok((manifest, bytes))
    }
}

/// One file of a backup that is being read.
pub(super) struct Entry<'a> {
    path: &'a Path,
    name: String,
    pub(super) bytes: u64,
    reader: &'a mut dyn Read,
}

impl Entry<'_> {
    /// Writes it into a new file.
    pub(super) fn write_to(&mut self, to: &Path) -> Result<(), Error> {
        let write = |error: std::io::Error| Error::io("write", to, error);
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(to).map_err(write)?;
        self.each(&mut |chunk| file.write_all(chunk).map_err(write))
    }

    /// Its content, where it may be this long.
    pub(super) fn content(&mut self, bytes_max: u64) -> Result<Vec<u8>, Error> {
        if self.bytes > bytes_max {
            return Err(damaged(self.path, format!("{} is longer than any such file is", self.name)));
        }
        let mut out = Vec::new();
        self.each(&mut |chunk| {
            out.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(out)
    }

    fn each(&mut self, take: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = self.reader.read(&mut chunk);
            let count = count.map_err(|error| cut(self.path, &error))?;
            let Some(read) = chunk.get(..count).filter(|read| !read.is_empty()) else { return Ok(()) };
            take(read)?;
        }
    }
}

fn cut(path: &Path, error: &std::io::Error) -> Error {
    damaged(path, format!("it is cut or damaged ({error})"))
}

/// Reads a backup from beginning to end and hands out each file but the manifest. What is handed out counts only when this
/// returns: the manifest comes last.
pub(super) fn unpack(
    path: &Path,
    keys: &Keyring,
    take: &mut dyn FnMut(&Member, &mut Entry<'_>) -> Result<(), Error>,
) -> Result<BackupManifest, Error> {
    let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    let opened = keys.opener(BufReader::with_capacity(CHUNK_BYTES, file));
    let opened = opened.map_err(|error| not_opened(path, error))?;
    let unpacked = zstd::Decoder::new(opened).map_err(|error| cut(path, &error))?;
    let mut tar = tar::Archive::new(unpacked);
    let mut found: BTreeMap<String, PackedFile> = BTreeMap::new();
    let mut manifest = None;
    for entry in tar.entries().map_err(|error| cut(path, &error))? {
        let entry = entry.map_err(|error| cut(path, &error))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let member = Member::parse(&name).filter(|_| entry.header().entry_type() == tar::EntryType::Regular);
        let Some(member) = member else {
            return Err(damaged(path, format!("it holds {name:?}, which no backup has")));
        };
        if manifest.is_some() || found.contains_key(&name) {
            return Err(damaged(path, format!("it holds {name:?} out of its place")));
        }
        let bytes = entry.size();
        let mut hashing = Hashing::new(entry);
        let mut handed = Entry { path, name: name.clone(), bytes, reader: &mut hashing };
        if member == Member::Manifest {
            manifest = Some(manifest_read(path, &handed.content(MANIFEST_BYTES_MAX)?)?);
            continue;
        }
        take(&member, &mut handed)?;
        // What was not looked at is hashed all the same.
        handed.each(&mut |_| Ok(()))?;
        found.insert(name, hashing.facts());
    }
    // To the very end: the seal of the last piece says that it is the last.
    let mut rest = tar.into_inner();
    std::io::copy(&mut rest, &mut std::io::sink()).map_err(|error| cut(path, &error))?;
    let manifest = manifest.ok_or_else(|| damaged(path, "it has no manifest, so it was never finished"))?;
    compare(path, &manifest, &found)?;
    Ok(manifest)
}

fn manifest_read(path: &Path, text: &[u8]) -> Result<BackupManifest, Error> {
    let strange = |error: serde_json::Error| damaged(path, format!("its manifest cannot be read ({error})"));
    let value: serde_json::Value = serde_json::from_slice(text).map_err(strange)?;
    let format = value["format"].as_u64().unwrap_or(0);
    if format > FORMAT {
        return Err(damaged(
            path,
            format!("it has format {format}, this binary knows up to {FORMAT}: use a newer tga"),
        ));
    }
    serde_json::from_value(value).map_err(strange)
}

/// Whether the files are those of the manifest, each as it says.
fn compare(
    path: &Path,
    manifest: &BackupManifest,
    found: &BTreeMap<String, PackedFile>,
) -> Result<(), Error> {
    let tenants = manifest.tenants.iter().map(|tenant| Member::Tenant(tenant.id).name());
    let needed: Vec<String> = tenants.chain([Member::Control.name()]).collect();
    let is_foreign = |name: &&String| match Member::parse(name) {
        Some(Member::Index(id, _)) => !manifest.tenants.iter().any(|tenant| tenant.id == id),
        Some(_) | None => false,
    };
    if let Some(name) = found.keys().find(is_foreign) {
        return Err(damaged(path, format!("{name} belongs to no tenant in it")));
    }
    if let Some(name) = needed.iter().chain(manifest.files.keys()).find(|name| !found.contains_key(*name)) {
        return Err(damaged(path, format!("{name} is missing")));
    }
    for (name, facts) in found {
        match manifest.files.get(name) {
            Some(told) if told == facts => {}
            Some(_) => return Err(damaged(path, format!("{name} is not what its manifest says"))),
            None => return Err(damaged(path, format!("its manifest does not know {name}"))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{INDEX_NAME_CHARS_MAX, Member};

    #[test]
    fn names_that_lead_elsewhere_are_no_members() {
        let id = "11111111-1111-4111-8111-111111111111";
        for name in [
            "control.db",
            "queue.redb",
            "keys/jwt.json",
            "keys/seal/0001-abc.key",
            &format!("tenants/{id}/tenant.db"),
            &format!("tenants/{id}/fulltext/.managed.json"),
            &format!("tenants/{id}/vectors/graph-7/keys"),
        ] {
            assert_eq!(Member::parse(name).map(|member| member.name()).as_deref(), Some(name));
        }
        for name in [
            "../control.db",
            "/control.db",
            "./control.db",
            "tenants/../control.db",
            "tenants/../../etc/tenant.db",
            "keys/seal/../../x.key",
            "keys/seal/.key",
            "keys/seal/a/b.key",
            &format!("tenants/{}/tenant.db", id.to_uppercase().replace('1', "A")),
            &format!("tenants/{}/tenant.db", id.replace('-', "")),
            &format!("tenants/{id}/fulltext/.."),
            &format!("tenants/{id}/fulltext/a/b"),
            &format!("tenants/{id}/fulltext/a b"),
            &format!("tenants/{id}/fulltext/{}", "a".repeat(INDEX_NAME_CHARS_MAX + 1)),
            &format!("tenants/{id}/vectors/keys"),
            &format!("tenants/{id}/vectors/graph-7/../keys"),
            &format!("tenants/{id}/other/keys"),
            "queue.redb/x",
            "",
        ] {
            assert_eq!(Member::parse(name), None, "{name}");
        }
    }
}
