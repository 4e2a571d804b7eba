//! Carrying a tenant to another installation: one zip with its database, its members and a manifest that has the SHA-256 of each.
//!
//! An import looks at everything before it changes anything: the names in the zip, the hashes, the database itself. The files are
//! made ready beside the data, then moved to their place, and the transaction in control.db comes last: until it, the tenant is
//! not there, and after it, all of it is. What a crash in between leaves is removed at the next start. The tenant gets an id of its own, its members ids of their own; Telegram sessions, API tokens, invites
//! and flags stay behind. Indexes are derived and filled by the sweep.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
    fs::File,
    io::{Read, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::{
    App, Error, Tenant,
    audit::Origin,
    backups::{sync_dir, unowned_mark, unowned_unmark},
};
use crate::{
    fail::{FailPoint, fail_point},
    model::{AuditAction, MembershipId, Role, TenantId, Tier},
    store::{self, ArchiveCounts, ArchivedMember, MemberFilter, Profile, archive_adopt, archive_check},
};

/// The shape of the zip that this binary writes, and the newest it reads.
const FORMAT: u64 = 1;
const MANIFEST: &str = "manifest.json";
const MEMBERS: &str = "members.json";
const DATABASE: &str = "tenant.db";
/// Longest manifest and longest list of members that are read, bytes.
const JSON_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes read at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// Members one page of the list has.
const MEMBERS_PAGE: usize = 1000;
/// How scratch directories in the data directory begin.
pub(super) const SCRATCH: &str = ".transfer-";

/// What a zip holds, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u64,
    /// Version of the program that wrote it.
    pub program: String,
    pub schema_version: i64,
    pub exported_at: Timestamp,
    pub tenant: ManifestTenant,
    pub members: u64,
    pub counts: ArchiveCounts,
    pub files: BTreeMap<String, ManifestFile>,
}

/// The tenant's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestTenant {
    pub slug: String,
    pub name: String,
    pub created_at: Timestamp,
}

/// A file of the zip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    pub bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
}

/// A member as the zip has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MemberLine {
    pub(super) id: MembershipId,
    telegram_id: i64,
    username: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    language: Option<String>,
    role: Role,
    tier: Tier,
    created_at: Timestamp,
}

impl From<store::Member> for MemberLine {
    fn from(member: store::Member) -> Self {
        let profile = member.profile;
        Self {
            id: member.id,
            telegram_id: profile.telegram_id,
            username: profile.username,
            first_name: profile.first_name,
            last_name: profile.last_name,
            language: profile.language,
            role: member.role,
            tier: member.tier,
            created_at: member.created_at,
        }
    }
}

impl MemberLine {
    /// Every member of a tenant.
    pub(super) fn all(control: &store::Control, tenant: TenantId) -> Result<Vec<Self>, Error> {
        let mut lines: Vec<Self> = Vec::new();
        loop {
            let (page, _) =
                control.member_list(tenant, &MemberFilter::default(), MEMBERS_PAGE, lines.len())?;
            let is_last = page.len() < MEMBERS_PAGE;
            lines.extend(page.into_iter().map(Self::from));
            if is_last {
                return Ok(lines);
            }
        }
    }

    fn archived(self, id: MembershipId) -> ArchivedMember {
        ArchivedMember {
            id,
            profile: Profile {
                telegram_id: self.telegram_id,
                username: self.username,
                first_name: self.first_name,
                last_name: self.last_name,
                language: self.language,
            },
            role: self.role,
            tier: self.tier,
            created_at: self.created_at,
        }
    }
}

/// A directory of ours that goes when we are done.
struct Scratch(PathBuf);

impl Scratch {
    fn new(data_dir: &Path) -> Result<Self, Error> {
        let dir = data_dir.join(format!("{SCRATCH}{}", Uuid::new_v4()));
        let made = std::fs::DirBuilder::new().mode(0o700).create(&dir);
        made.map_err(|error| Error::io("create", &dir, error))?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may have been moved to its place; what is left is removed at the next start.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl App {
    /// Writes a tenant into a new file.
    pub fn tenant_export(&self, tenant: &Tenant, path: &Path, origin: &Origin) -> Result<Manifest, Error> {
        not_there(path)?;
        let scratch = Scratch::new(&self.config.data_dir)?;
        let database = scratch.0.join(DATABASE);
        let (schema_version, counts) = tenant.store.copy_to(&database)?;
        let members = MemberLine::all(&self.control, tenant.id())?;
        let list = scratch.0.join(MEMBERS);
        let text = serde_json::to_vec(&members).expect("members always serialise");
        std::fs::write(&list, text).map_err(|error| Error::io("write", &list, error))?;
        let mut files = BTreeMap::new();
        for (name, path) in [(DATABASE, &database), (MEMBERS, &list)] {
            files.insert(name.to_owned(), facts(path)?);
        }
        let row = tenant.row();
        let manifest = Manifest {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            schema_version,
            exported_at: self.now(),
            tenant: ManifestTenant {
                slug: row.slug.clone(),
                name: row.name.clone(),
                created_at: row.created_at,
            },
            members: members.len() as u64,
            counts,
            files,
        };
        zip_write(path, &manifest, &[(DATABASE, &database), (MEMBERS, &list)])?;
        let data = json!({ "members": manifest.members, "counts": manifest.counts });
        let line =
            self.audit(origin, Some(row.id), AuditAction::TenantExported, row.slug.clone(), Some(data));
        self.control.audit_add(line)?;
        Ok(manifest)
    }

    /// Makes a tenant of an exported file; `name` instead of the name it had.
    pub fn tenant_import(
        &self,
        path: &Path,
        name: Option<&str>,
        origin: &Origin,
    ) -> Result<store::Tenant, Error> {
        let mut zip = zip_open(path)?;
        let manifest = manifest_read(path, &mut zip)?;
        let tenant = self.tenant_named(name.unwrap_or(&manifest.tenant.name))?;
        if self.control.tenant_find(&tenant.slug)?.is_some() {
            return Err(Error::Conflict(format!(
                "there is a tenant {} already; import it under another name with --name",
                tenant.slug
            )));
        }
        let scratch = Scratch::new(&self.config.data_dir)?;
        let home = scratch.0.join("tenant");
        let made = std::fs::DirBuilder::new().mode(0o700).create(&home);
        made.map_err(|error| Error::io("create", &home, error))?;
        let (database, list) = (home.join(DATABASE), scratch.0.join(MEMBERS));
        for (name, to) in [(DATABASE, &database), (MEMBERS, &list)] {
            file_extract(path, &mut zip, &manifest, name, to)?;
        }
        let members: Vec<MemberLine> = json_read(path, MEMBERS, File::open(&list))?;
        members_checked(path, &members)?;
        let found = archive_check(&database)?;
        if found != (manifest.schema_version, manifest.counts) {
            return Err(damaged(path, "the database is not the one its manifest tells of"));
        }
        // Everything was looked at; from here on things are made.
        let data = json!({ "counts": manifest.counts, "exported_at": manifest.exported_at });
        let line =
            self.audit(origin, Some(tenant.id), AuditAction::TenantImported, tenant.slug.clone(), Some(data));
        self.tenant_take(&tenant, &home, members, line)?;
        Ok(tenant)
    }

    /// Makes a checked directory the home of a new tenant, with ids of this installation. control.db comes last: until then the
    /// directory is marked as nobody's and goes at the next start.
    pub(super) fn tenant_take(
        &self,
        tenant: &store::Tenant,
        home: &Path,
        members: Vec<MemberLine>,
        line: store::NewAudit,
    ) -> Result<(), Error> {
        let first = self.control.membership_ids_reserve(members.len() as i64)?.0;
        let ids: BTreeMap<MembershipId, MembershipId> =
            members.iter().zip(first..).map(|(member, here)| (member.id, MembershipId(here))).collect();
        archive_adopt(&home.join(DATABASE), tenant.id, &ids)?;
        let to = self.tenant_directory(tenant.id);
        unowned_mark(home)?;
        self.directory_place(home, &to)?;
        fail_point(FailPoint::TenantPlaced);
        let members = members.into_iter().zip(first..);
        let members = members.map(|(member, here)| member.archived(MembershipId(here))).collect();
        if let Err(error) = self.control.tenant_import(tenant, members, self.now(), line) {
            // Nobody knows of it; what cannot be removed now goes at the next start.
            let _ = std::fs::remove_dir_all(&to);
            return Err(error.into());
        }
        unowned_unmark(&to)?;
        self.tenant_open(tenant)?;
        Ok(())
    }

    /// Moves a directory under `tenants/`, durably.
    pub(super) fn directory_place(&self, from: &Path, to: &Path) -> Result<(), Error> {
        let parent = self.config.data_dir.join("tenants");
        std::fs::create_dir_all(&parent).map_err(|error| Error::io("create", &parent, error))?;
        directory_move(from, to)
    }

    pub(super) fn tenant_named(&self, name: &str) -> Result<store::Tenant, Error> {
        let (slug, name) = super::tenants::named(name)?;
        Ok(store::Tenant { id: TenantId(Uuid::new_v4()), slug, name, created_at: self.now() })
    }
}

/// Moves a tenant's directory to where there is none yet, durably.
pub(super) fn directory_move(from: &Path, to: &Path) -> Result<(), Error> {
    let database = from.join(DATABASE);
    for path in [&database, from] {
        let synced = File::open(path).and_then(|file| file.sync_all());
        synced.map_err(|error| Error::io("write", path, error))?;
    }
    std::fs::rename(from, to).map_err(|error| Error::io("move a tenant to", to, error))?;
    sync_dir(to.parent().unwrap_or(to))
}

fn not_there(path: &Path) -> Result<(), Error> {
    match path.symlink_metadata() {
        Ok(_) => Err(Error::Conflict(format!("{} is there already; name a new file", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("look at", path, error)),
    }
}

fn damaged(path: &Path, what: &str) -> Error {
    Error::Invalid(format!("{}: {what}; nothing was imported. Export the tenant again", path.display()))
}

fn zip_damaged(path: &Path, error: &zip::result::ZipError) -> Error {
    damaged(path, &format!("cut or damaged, or no export of a tenant ({error})"))
}

/// The file appears under its name when it is whole.
fn zip_write(path: &Path, manifest: &Manifest, files: &[(&str, &PathBuf)]) -> Result<(), Error> {
    let mut part = path.as_os_str().to_owned();
    // A name that nobody can have laid there: what is there is never written into, nor a link of somebody's followed.
    part.push(format!(".part-{}", Uuid::new_v4().simple()));
    let part = PathBuf::from(part);
    let write = |error: std::io::Error| Error::io("write", &part, error);
    let zipped = |error: zip::result::ZipError| Error::io("write", &part, error.into());
    let file = File::options().write(true).create_new(true).mode(0o600).open(&part);
    let done = file.map_err(write).and_then(|file| {
        let mut zip = ZipWriter::new(file);
        let options = SimpleFileOptions::default().large_file(true).unix_permissions(0o600);
        zip.start_file(MANIFEST, options).map_err(zipped)?;
        zip.write_all(&serde_json::to_vec_pretty(manifest).expect("a manifest always serialises"))
            .map_err(write)?;
        for (name, from) in files {
            zip.start_file(*name, options).map_err(zipped)?;
            let mut file = File::open(from).map_err(|error| Error::io("read", from, error))?;
            std::io::copy(&mut file, &mut zip).map_err(write)?;
        }
        zip.finish().map_err(zipped)?.sync_all().map_err(write)?;
        not_there(path)?;
        std::fs::rename(&part, path).map_err(write)
    });
    if done.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    done
}

fn zip_open(path: &Path) -> Result<ZipArchive<File>, Error> {
    let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    let zip = ZipArchive::new(file).map_err(|error| zip_damaged(path, &error))?;
    // Names are compared, never made into paths, so none can lead anywhere.
    let known = [MANIFEST, MEMBERS, DATABASE].map(str::as_bytes);
    let strange = zip.file_names_raw().find(|name| !known.contains(name));
    let strange = strange.map(|name| String::from_utf8_lossy(name).into_owned());
    match strange {
        Some(name) => Err(damaged(path, &format!("it holds {name:?}, which no export has"))),
        None => Ok(zip),
    }
}

fn manifest_read(path: &Path, zip: &mut ZipArchive<File>) -> Result<Manifest, Error> {
    let entry = zip.by_name(MANIFEST).map_err(|error| zip_damaged(path, &error))?;
    let value: Value = json_read(path, MANIFEST, Ok(entry))?;
    let format = value["format"].as_u64().unwrap_or(0);
    if format > FORMAT {
        return Err(Error::Invalid(format!(
            "{} has format {format}, this binary knows up to {FORMAT}; import it with a newer `tga`",
            path.display()
        )));
    }
    serde_json::from_value(value).map_err(|error| damaged(path, &format!("{MANIFEST}: {error}")))
}

fn json_read<T: DeserializeOwned>(
    path: &Path,
    name: &str,
    from: std::io::Result<impl Read>,
) -> Result<T, Error> {
    let mut text = Vec::new();
    let read = from.and_then(|from| from.take(JSON_BYTES_MAX).read_to_end(&mut text));
    read.map_err(|error| damaged(path, &format!("{name}: {error}")))?;
    serde_json::from_slice(&text).map_err(|error| damaged(path, &format!("{name}: {error}")))
}

/// Takes a file out of the zip, no more of it than the manifest tells of.
fn file_extract(
    path: &Path,
    zip: &mut ZipArchive<File>,
    manifest: &Manifest,
    name: &str,
    to: &Path,
) -> Result<(), Error> {
    let Some(told) = manifest.files.get(name) else {
        return Err(damaged(path, &format!("its manifest does not name {name}")));
    };
    let mut entry = zip.by_name(name).map_err(|error| zip_damaged(path, &error))?;
    let mut file = File::create_new(to).map_err(|error| Error::io("create", to, error))?;
    let mut hash = Sha256::new();
    let (mut chunk, mut bytes) = (vec![0; CHUNK_BYTES], 0);
    loop {
        let count = entry.read(&mut chunk).map_err(|error| damaged(path, &format!("{name}: {error}")))?;
        let Some(read) = chunk.get(..count).filter(|read| !read.is_empty()) else { break };
        bytes += count as u64;
        if bytes > told.bytes {
            return Err(damaged(path, &format!("{name} is longer than its manifest says")));
        }
        hash.update(read);
        file.write_all(read).map_err(|error| Error::io("write", to, error))?;
    }
    if (bytes, hex(hash)) != (told.bytes, told.sha256.clone()) {
        return Err(damaged(path, &format!("{name} is not what its manifest says")));
    }
    Ok(())
}

fn facts(path: &Path) -> Result<ManifestFile, Error> {
    let mut file = File::open(path).map_err(|error| Error::io("read", path, error))?;
    let (mut hash, mut chunk, mut bytes) = (Sha256::new(), vec![0; CHUNK_BYTES], 0);
    loop {
        let count = file.read(&mut chunk).map_err(|error| Error::io("read", path, error))?;
        let Some(read) = chunk.get(..count).filter(|read| !read.is_empty()) else { break };
        bytes += count as u64;
        hash.update(read);
    }
    Ok(ManifestFile { bytes, sha256: hex(hash) })
}

fn hex(hash: Sha256) -> String {
    let mut out = String::new();
    for byte in hash.finalize() {
        write!(out, "{byte:02x}").expect("a String takes every write");
    }
    out
}

/// Each member once, and each a possible one.
fn members_checked(path: &Path, members: &[MemberLine]) -> Result<(), Error> {
    let ids: HashSet<MembershipId> = members.iter().map(|member| member.id).collect();
    let people: HashSet<i64> = members.iter().map(|member| member.telegram_id).collect();
    let is_possible = members.iter().all(|member| member.id.0 > 0 && member.telegram_id > 0);
    if ids.len() != members.len() || people.len() != members.len() || !is_possible {
        return Err(damaged(path, "its list of members names somebody twice or nobody"));
    }
    Ok(())
}
