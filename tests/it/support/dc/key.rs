//! `MTProto` 2.0 encryption as a server does it, with keys agreed on beforehand.
//!
//! Knows bytes only. A key is derived from the installation's shared secret, the data centre and a number, by the rule of
//! `telegram.datacenters` in the configuration; it is written here a second time on purpose, so that a change of the rule is
//! noticed.

use grammers_crypto::aes::{ige_decrypt, ige_encrypt};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};

/// Length of an authorization key, bytes.
const KEY_BYTES: usize = 256;

/// SHA-256 of parts laid end to end.
pub(super) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// Random bytes.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// An authorization key and its id.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) data: [u8; KEY_BYTES],
    pub(super) id: [u8; 8],
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({:02x?})", self.id)
    }
}

impl Key {
    pub(super) fn derive(secret: &[u8; 32], dc: i32, number: u64) -> Self {
        let mut data = Vec::with_capacity(KEY_BYTES);
        for block in 0_u8..4 {
            let mut mac = Hmac::<Sha512>::new_from_slice(secret).unwrap();
            mac.update(b"tga auth key");
            mac.update(&dc.to_be_bytes());
            mac.update(&number.to_be_bytes());
            mac.update(&[block]);
            data.extend_from_slice(&mac.finalize().into_bytes());
        }
        Self::new(data.try_into().unwrap())
    }

    fn new(data: [u8; KEY_BYTES]) -> Self {
        let hash: [u8; 20] = sha1::Sha1::digest(data).into();
        Self { data, id: hash[12..20].try_into().unwrap() }
    }

    /// The AES key and vector of one message; `x` is 0 from client to server and 8 back.
    fn key_iv(&self, message_key: &[u8; 16], x: usize) -> ([u8; 32], [u8; 32]) {
        let a = sha256(&[message_key, &self.data[x..x + 36]]);
        let b = sha256(&[&self.data[40 + x..76 + x], message_key]);
        let (mut key, mut iv) = ([0; 32], [0; 32]);
        key[..8].copy_from_slice(&a[..8]);
        key[8..24].copy_from_slice(&b[8..24]);
        key[24..].copy_from_slice(&a[24..]);
        iv[..8].copy_from_slice(&b[..8]);
        iv[8..24].copy_from_slice(&a[8..24]);
        iv[24..].copy_from_slice(&b[24..]);
        (key, iv)
    }

    /// Opens a packet from the client: salt, session, message id, sequence, length, body, padding.
    pub(super) fn open(&self, packet: &[u8]) -> Result<Vec<u8>, &'static str> {
        if packet.len() < 24 + 32 || !(packet.len() - 24).is_multiple_of(16) {
            return Err("a packet of a length no packet has");
        }
        let message_key: [u8; 16] = packet[8..24].try_into().unwrap();
        let (key, iv) = self.key_iv(&message_key, 0);
        let mut body = packet[24..].to_vec();
        ige_decrypt(&mut body, &key, &iv);
        if sha256(&[&self.data[88..120], &body])[8..24] != message_key {
            return Err("the message key does not match");
        }
        let length = i32::from_le_bytes(body[28..32].try_into().unwrap()) as usize;
        if !length.is_multiple_of(4) || 32 + length > body.len() {
            return Err("an inner length that does not fit");
        }
        if !(12..=1024).contains(&(body.len() - 32 - length)) {
            return Err("padding of a length that is not allowed");
        }
        Ok(body)
    }

    /// Seals a message to the client.
    pub(super) fn seal(&self, mut plain: Vec<u8>) -> Vec<u8> {
        let padding = 12 + (16 - (plain.len() + 12) % 16) % 16;
        plain.extend_from_slice(&random::<32>()[..padding]);
        let message_key: [u8; 16] = sha256(&[&self.data[96..128], &plain])[8..24].try_into().unwrap();
        let (key, iv) = self.key_iv(&message_key, 8);
        ige_encrypt(&mut plain, &key, &iv);
        [&self.id[..], &message_key, &plain].concat()
    }
}
