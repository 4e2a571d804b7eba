//! Receipts: statements of this installation that anybody can check against its public key.
//!
//! The Ed25519 key lies in `keys/receipt.key` (0600), made when the first receipt is signed. It signs receipts and nothing else.

use std::{
    fs::OpenOptions,
    io::{Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use super::{App, Error, erasure::ErasureView};

const KEY_BYTES: usize = 32;

impl App {
    /// Signs a statement as it stands.
    pub(super) fn receipt_sign(&self, statement: String) -> Result<ErasureView, Error> {
        let key = key(&self.config().keys_dir())?;
        let signature = key.sign(statement.as_bytes());
        Ok(ErasureView {
            statement,
            signature: STANDARD.encode(signature.to_bytes()),
            public_key: STANDARD.encode(key.verifying_key().to_bytes()),
        })
    }
}

fn key(dir: &Path) -> Result<SigningKey, Error> {
    let path = dir.join("receipt.key");
    let mut seed = Zeroizing::new([0_u8; KEY_BYTES]);
    match std::fs::File::open(&path).and_then(|mut file| file.read_exact(seed.as_mut_slice())) {
        Ok(()) => return Ok(SigningKey::from_bytes(&seed)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io("read", &path, error)),
    }
    getrandom::fill(seed.as_mut_slice())
        .map_err(|error| Error::Unavailable(format!("the system's random source failed: {error}")))?;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(dir).map_err(|error| Error::io("create", dir, error))?;
    // Made new: of two first receipts at once, one is refused here and asks again.
    let written =
        OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path).and_then(|mut file| {
            file.write_all(seed.as_slice())?;
            file.sync_all()
        });
    written.map_err(|error| Error::io("write", &path, error))?;
    Ok(SigningKey::from_bytes(&seed))
}
