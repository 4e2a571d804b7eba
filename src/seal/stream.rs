//! Sealing and opening what is too large for memory, as age files: any `age` program with the identity opens them.
//!
//! What is written is whole only after [`Sealer::finish`]; a reader that ends early is an error, so a cut file is noticed.

use std::{
    io::{self, BufRead, Read, Write},
    path::{Path, PathBuf},
    sync::RwLock,
};

use age::{
    DecryptError, Decryptor, Encryptor,
    secrecy::ExposeSecret as _,
    stream::{StreamReader, StreamWriter},
    x25519::{Identity, Recipient},
};
use zeroize::Zeroizing;

use super::{Error, Key, Keyring, files, id_of, id_of_public, io};

/// How an identity begins.
const IDENTITY: &str = "AGE-SECRET-KEY-1";

/// Who may open a file: a public key.
#[derive(Clone)]
pub struct PublicKey(Recipient);

impl PublicKey {
    /// `age1…`
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    pub fn id(&self) -> String {
        id_of_public(&self.0)
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.to_string())
    }
}

/// An identity in words, to be written down. Whoever has it opens everything it sealed.
pub struct KeySecret {
    pub id: String,
    pub public: String,
    pub secret: Zeroizing<String>,
}

/// Takes what is to be sealed.
pub struct Sealer<W: Write>(StreamWriter<W>);

/// Gives what was sealed.
pub struct Opener<R>(StreamReader<R>);

impl Keyring {
    /// The identities in these files and in the files of these directories, to open with and not to change. Words around the
    /// identities are passed over, so a printed kit will do.
    pub fn gather(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut keys: Vec<Key> = Vec::new();
        for path in paths {
            let named = if path.is_dir() { files(path)? } else { vec![path.clone()] };
            for file in named {
                keys.extend(found_in(&file)?);
            }
        }
        let mut seen = std::collections::HashSet::new();
        keys.retain(|key| seen.insert(key.id.clone()));
        Ok(Self { dir: None, keys: RwLock::new(keys) })
    }

    /// The keys of both.
    #[must_use]
    pub fn joined(self, other: &Keyring) -> Self {
        {
            let mut keys = self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            for key in other.read_lock().iter() {
                if !keys.iter().any(|known| known.id == key.id) {
                    keys.push(Key { id: key.id.clone(), identity: key.identity.clone() });
                }
            }
        }
        self
    }

    /// The key that seals, to be given to others.
    pub fn public_key(&self) -> Option<PublicKey> {
        self.read_lock().last().map(|key| PublicKey(key.identity.to_public()))
    }

    /// All identities in words, the one that seals last.
    pub fn secrets(&self) -> Vec<KeySecret> {
        let keys = self.read_lock();
        let secret = |key: &Key| KeySecret {
            id: key.id.clone(),
            public: key.identity.to_public().to_string(),
            secret: Zeroizing::new(key.identity.to_string().expose_secret().to_owned()),
        };
        keys.iter().map(secret).collect()
    }

    /// Seals what is written into it for the newest key and for all of `others`.
    pub fn sealer<W: Write>(&self, others: &[PublicKey], out: W) -> Result<Sealer<W>, Error> {
        let own = self.public_key().ok_or_else(|| Error::KeyMissing("any".to_owned()))?;
        let all = [own].into_iter().chain(others.iter().cloned()).collect::<Vec<_>>();
        let recipients = all.iter().map(|key| &key.0 as &dyn age::Recipient);
        let failed = |error: &dyn std::fmt::Display| Error::Failed(error.to_string());
        let sealed = Encryptor::with_recipients(recipients).map_err(|error| failed(&error))?;
        sealed.wrap_output(out).map(Sealer).map_err(|error| failed(&error))
    }

    /// Opens a file that was sealed for any of the keys.
    pub fn opener<R: BufRead>(&self, input: R) -> Result<Opener<R>, Error> {
        let refused = |error: DecryptError| {
            if matches!(error, DecryptError::NoMatchingKeys | DecryptError::KeyDecryptionFailed) {
                return Error::NotForUs { keys: self.ids() };
            }
            Error::NotSealed(error.to_string())
        };
        let sealed = Decryptor::new_buffered(input).map_err(refused)?;
        let keys = self.read_lock();
        let identities = keys.iter().map(|key| &key.identity as &dyn age::Identity);
        sealed.decrypt(identities).map(Opener).map_err(refused)
    }
}

impl<W: Write> Sealer<W> {
    /// Writes the end; without it the file is no file.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

/// Every identity that stands in a file, whatever is around it.
fn found_in(path: &Path) -> Result<Vec<Key>, Error> {
    let text = std::fs::read(path).map(Zeroizing::new).map_err(|source| io("read", path, source))?;
    let text = Zeroizing::new(String::from_utf8_lossy(&text).into_owned());
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut keys = Vec::new();
    for (at, _) in text.match_indices(IDENTITY) {
        let word = text[at..].split(|c| !is_part(c)).next().unwrap_or_default();
        let identity: Identity = word.parse().map_err(|_| Error::Damaged(path.to_owned()))?;
        keys.push(Key { id: id_of(&identity), identity });
    }
    if keys.is_empty() { Err(Error::Damaged(path.to_owned())) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(ring: &Keyring, others: &[PublicKey], plain: &[u8]) -> Vec<u8> {
        let mut sealer = ring.sealer(others, Vec::new()).expect("a sealer");
        sealer.write_all(plain).expect("written");
        sealer.finish().expect("finished")
    }

    fn opened(ring: &Keyring, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let mut opener = ring.opener(bytes).map_err(|error| error.to_string())?;
        opener.read_to_end(&mut out).map_err(|error| error.to_string())?;
        Ok(out)
    }

    #[test]
    fn a_stream_is_opened_by_its_keys_whole_or_not_at_all() {
        let dirs: [_; 3] = std::array::from_fn(|_| tempfile::tempdir().expect("dir"));
        let [one, two, three] = dirs.each_ref().map(|dir| Keyring::open(dir.path(), None).expect("a ring"));
        let plain: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let bytes = sealed(&one, &[two.public_key().expect("a key")], &plain);
        assert_eq!(opened(&one, &bytes).expect("own"), plain);
        assert_eq!(opened(&two, &bytes).expect("also"), plain);
        assert!(opened(&three, &bytes).unwrap_err().contains(&three.ids()[0]));
        one.rotate().expect("rotated");
        assert_eq!(opened(&one, &bytes).expect("by the old key"), plain);
        for cut in [0, 100, bytes.len() / 2, bytes.len() - 1] {
            assert!(opened(&one, &bytes[..cut]).is_err(), "{cut}");
        }
        for at in [30, bytes.len() / 2, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(opened(&one, &flipped).is_err(), "{at}");
        }
    }

    #[test]
    fn identities_are_found_among_words() {
        let dir = tempfile::tempdir().expect("dir");
        let ring = Keyring::open(dir.path(), None).expect("a ring");
        ring.rotate().expect("rotated");
        let kit = dir.path().join("kit.txt");
        let words: Vec<String> =
            ring.secrets().iter().map(|key| format!("Key {}: <b>{}</b>", key.id, *key.secret)).collect();
        let words = words.join("\n");
        std::fs::write(&kit, words).expect("written");
        let found = Keyring::gather(&[kit]).expect("found");
        assert_eq!(found.ids(), ring.ids());
        assert_eq!(Keyring::gather(&[dir.path().to_owned()]).expect("found").ids(), ring.ids());
        let none = dir.path().join("none.txt");
        std::fs::write(&none, "nothing").expect("written");
        assert!(matches!(Keyring::gather(&[none]), Err(Error::Damaged(_))));
    }
}
