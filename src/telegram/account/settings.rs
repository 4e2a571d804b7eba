//! How accounts connect: the application, the names it shows, the data centres.
//!
//! Keys agreed on beforehand: an installation that points at its own Telegram-compatible servers shares a secret with them, and
//! key number `n` of a data centre is four blocks of HMAC-SHA-512 over the data centre and the number. Each login takes a
//! number of its own, so that servers can tell logins apart.

use std::{net::SocketAddrV4, time::Duration};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha512;

/// Length of an authorization key, bytes.
pub const AUTH_KEY_BYTES: usize = 256;
/// Length of the secret of a data centre with keys agreed on beforehand, bytes.
pub const SECRET_BYTES: usize = 32;

/// A data centre of one's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Datacenter {
    pub id: i32,
    pub address: SocketAddrV4,
    /// The shared secret; `None` agrees on a key with the server, which only Telegram's own servers can do.
    pub secret: Option<[u8; SECRET_BYTES]>,
}

impl std::fmt::Debug for Datacenter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Datacenter")
            .field("id", &self.id)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Datacenter {
    /// The key with this number; `None` where keys are agreed on with the server.
    pub(in crate::telegram) fn key(&self, number: u64) -> Option<[u8; AUTH_KEY_BYTES]> {
        let secret = self.secret.as_ref()?;
        let mut key = [0; AUTH_KEY_BYTES];
        for (block, part) in (0_u8..).zip(key.chunks_exact_mut(64)) {
            let mut mac = Hmac::<Sha512>::new_from_slice(secret).ok()?;
            mac.update(b"tga auth key");
            mac.update(&self.id.to_be_bytes());
            mac.update(&number.to_be_bytes());
            mac.update(&[block]);
            part.copy_from_slice(&mac.finalize().into_bytes());
        }
        Some(key)
    }
}

/// How every account of this installation connects.
#[derive(Clone)]
pub struct ConnectSettings {
    pub api_id: i32,
    pub api_hash: String,
    /// Shown to the user in Telegram's list of devices.
    pub device_model: String,
    pub system_version: String,
    pub app_version: String,
    /// Longest wait for one answer, the connecting included.
    pub request_timeout: Duration,
    /// Empty: Telegram's own.
    pub datacenters: Vec<Datacenter>,
}

impl std::fmt::Debug for ConnectSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectSettings")
            .field("device_model", &self.device_model)
            .field("datacenters", &self.datacenters)
            .finish_non_exhaustive()
    }
}

impl ConnectSettings {
    /// Whether logins take a number for their keys.
    pub fn keys_are_numbered(&self) -> bool {
        self.datacenters.iter().any(|dc| dc.secret.is_some())
    }
}
