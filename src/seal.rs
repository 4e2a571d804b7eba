//! Sealing of what must not lie in the clear: Telegram sessions, later keys of providers and backups.
//!
//! age with X25519 identities. An identity is a file of its own under `<data_dir>/keys/seal/` (0600), or comes from systemd
//! (`LoadCredential=tga-seal.key`), one identity a line, the newest last. The newest seals; all open. Rotating adds one;
//! whoever owns sealed data seals it anew. A crash while rotating leaves a whole file or none. Knows nothing of what it seals.

mod stream;

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use age::{secrecy::ExposeSecret as _, x25519::Identity};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

pub use stream::{KeySecret, Opener, PublicKey, Sealer};

/// The credential's name under `CREDENTIALS_DIRECTORY`.
pub const CREDENTIAL: &str = "tga-seal.key";
/// What identity files end with.
const EXTENSION: &str = "key";

/// Why something cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{action} {path}: {source}")]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{0} can be read by others; `chmod 600` it, and `tga key rotate` if somebody may have read it")]
    Exposed(PathBuf),
    #[error("{0} holds no age identity; restore it from a backup of the keys")]
    Damaged(PathBuf),
    #[error("sealing key {0} is not here; restore keys/seal from where it was kept, or log in again")]
    KeyMissing(String),
    #[error("what was sealed with key {0} is damaged; restore the database from a backup, or log in again")]
    Unreadable(String),
    #[error("the sealing key comes from systemd: add a line to its credential and restart")]
    Credential,
    #[error("none of the keys here opens it ({}); name those it was sealed for", if .keys.is_empty() { "there is none".to_owned() } else { .keys.join(", ") })]
    NotForUs { keys: Vec<String> },
    #[error("it is no sealed file, or its beginning is damaged: {0}")]
    NotSealed(String),
    #[error("sealing failed: {0}")]
    Failed(String),
}

/// Something sealed, and the key that did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub key_id: String,
    pub bytes: Vec<u8>,
}

struct Key {
    id: String,
    identity: Identity,
}

/// The identities of this installation.
pub struct Keyring {
    /// `None`: they come from systemd.
    dir: Option<PathBuf>,
    /// The newest last.
    keys: RwLock<Vec<Key>>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("keys", &self.ids()).finish_non_exhaustive()
    }
}

impl Keyring {
    /// Reads the identities, making the first one. `credential` is the file systemd hands over, where it does.
    pub fn open(dir: &Path, credential: Option<&Path>) -> Result<Self, Error> {
        if let Some(path) = credential.filter(|path| path.exists()) {
            let keys = read(path)?;
            return Ok(Self { dir: None, keys: RwLock::new(keys) });
        }
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(dir).map_err(|source| io("create", dir, source))?;
        let mut keys = Vec::new();
        for path in files(dir)? {
            keys.extend(read(&path)?);
        }
        let ring = Self { dir: Some(dir.to_owned()), keys: RwLock::new(keys) };
        if ring.ids().is_empty() {
            ring.rotate()?;
        }
        Ok(ring)
    }

    /// The keys' ids, the one that seals last.
    pub fn ids(&self) -> Vec<String> {
        self.read_lock().iter().map(|key| key.id.clone()).collect()
    }

    /// Seals with the newest key.
    pub fn seal(&self, plain: &[u8]) -> Result<Sealed, Error> {
        let keys = self.read_lock();
        let key = keys.last().ok_or_else(|| Error::KeyMissing("any".to_owned()))?;
        let bytes = age::encrypt(&key.identity.to_public(), plain)
            .map_err(|error| Error::Failed(error.to_string()))?;
        Ok(Sealed { key_id: key.id.clone(), bytes })
    }

    /// Opens what one of the keys sealed.
    pub fn open_sealed(&self, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Error> {
        let keys = self.read_lock();
        let key = keys.iter().find(|key| key.id == sealed.key_id);
        let key = key.ok_or_else(|| Error::KeyMissing(sealed.key_id.clone()))?;
        age::decrypt(&key.identity, &sealed.bytes)
            .map(Zeroizing::new)
            .map_err(|_| Error::Unreadable(sealed.key_id.clone()))
    }

    /// Adds a key that seals from now on; returns its id.
    pub fn rotate(&self) -> Result<String, Error> {
        let dir = self.dir.as_ref().ok_or(Error::Credential)?;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let identity = Identity::generate();
        let id = id_of(&identity);
        let path = dir.join(format!("{:04}-{id}.{EXTENSION}", keys.len() + 1));
        write(&path, identity.to_string().expose_secret())?;
        keys.push(Key { id: id.clone(), identity });
        Ok(id)
    }

    fn read_lock(&self) -> std::sync::RwLockReadGuard<'_, Vec<Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Io { action, path: path.to_owned(), source }
}

/// A short name of an identity that tells nothing of it.
fn id_of(identity: &Identity) -> String {
    id_of_public(&identity.to_public())
}

fn id_of_public(key: &age::x25519::Recipient) -> String {
    let digest = Sha256::digest(key.to_string().as_bytes());
    digest[..6].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(dir).map_err(|source| io("read", dir, source))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| io("read", dir, source))?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<Key>, Error> {
    let meta = std::fs::metadata(path).map_err(|source| io("read", path, source))?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(Error::Exposed(path.to_owned()));
    }
    let text =
        std::fs::read_to_string(path).map(Zeroizing::new).map_err(|source| io("read", path, source))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Vec<Key> = lines
        .map(|line| {
            let identity: Identity = line.parse().map_err(|_| Error::Damaged(path.to_owned()))?;
            Ok(Key { id: id_of(&identity), identity })
        })
        .collect::<Result<_, Error>>()?;
    if keys.is_empty() { Err(Error::Damaged(path.to_owned())) } else { Ok(keys) }
}

/// Writes the file beside and moves it into place.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    let beside = path.with_extension("new");
    let written = (|| {
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        path.parent().map_or(Ok(()), |dir| std::fs::File::open(dir)?.sync_all())
    })();
    written.map_err(|source| io("write", path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_by_the_same_installation_only() {
        let (one, two) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
        let ring = Keyring::open(one.path(), None).expect("a ring");
        let sealed = ring.seal(b"secret").expect("sealed");
        assert!(!sealed.bytes.windows(6).any(|part| part == b"secret"));
        assert_eq!(&**ring.open_sealed(&sealed).expect("opened"), b"secret");
        let other = Keyring::open(two.path(), None).expect("a ring");
        assert!(matches!(other.open_sealed(&sealed), Err(Error::KeyMissing(_))));
        let mut damaged = sealed.clone();
        *damaged.bytes.last_mut().expect("bytes") ^= 1;
        assert!(matches!(ring.open_sealed(&damaged), Err(Error::Unreadable(_))));
    }

    #[test]
    fn old_keys_still_open_after_rotating_and_reopening() {
        let dir = tempfile::tempdir().expect("dir");
        let ring = Keyring::open(dir.path(), None).expect("a ring");
        let old = ring.seal(b"old").expect("sealed");
        let id = ring.rotate().expect("rotated");
        let new = ring.seal(b"new").expect("sealed");
        assert_eq!(new.key_id, id);
        let again = Keyring::open(dir.path(), None).expect("a ring");
        assert_eq!(again.ids(), ring.ids());
        assert_eq!(&**again.open_sealed(&old).expect("opened"), b"old");
        assert_eq!(again.seal(b"x").expect("sealed").key_id, id);
        for path in files(dir.path()).expect("files") {
            assert_eq!(std::fs::metadata(path).expect("meta").permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_key_others_can_read_and_a_broken_one_are_refused() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("0001-x.key");
        write(&path, "nonsense").expect("written");
        assert!(matches!(Keyring::open(dir.path(), None), Err(Error::Damaged(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("set");
        assert!(matches!(Keyring::open(dir.path(), None), Err(Error::Exposed(_))));
    }

    #[test]
    fn a_credential_of_systemd_is_used_and_not_rotated() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(CREDENTIAL);
        write(&path, Identity::generate().to_string().expose_secret()).expect("written");
        let ring = Keyring::open(&dir.path().join("unused"), Some(&path)).expect("a ring");
        assert!(ring.open_sealed(&ring.seal(b"x").expect("sealed")).is_ok());
        assert!(matches!(ring.rotate(), Err(Error::Credential)));
        assert!(!dir.path().join("unused").exists());
    }
}
