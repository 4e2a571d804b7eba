//! A session as bytes and back, for sealing.
//!
//! The bytes hold the keys in the clear: they are wiped when dropped and go nowhere but into the seal.

use grammers_session::types::{DcOption, PeerInfo, UpdatesState};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{AccountSession, Data};
use crate::telegram::account::{AUTH_KEY_BYTES, ConnectSettings};

/// The layout of the bytes.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Snapshot {
    version: u32,
    home_dc: i32,
    dcs: Vec<DcOption>,
    me: Option<PeerInfo>,
    channels: Vec<PeerInfo>,
    updates: UpdatesState,
}

/// Why stored bytes are no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored session cannot be read: {0}")]
pub struct SnapshotError(pub &'static str);

impl AccountSession {
    /// Everything that is needed to go on later, to be sealed.
    pub fn snapshot(&self) -> Zeroizing<Vec<u8>> {
        let data = self.lock();
        let snapshot = Snapshot {
            version: VERSION,
            home_dc: data.home_dc,
            dcs: data.dcs.values().cloned().collect(),
            me: data.me.clone(),
            channels: data.channels.values().cloned().collect(),
            updates: data.updates.clone(),
        };
        // Room for everything beforehand: growing would leave copies of the keys behind.
        let room = 4096 + snapshot.dcs.len() * AUTH_KEY_BYTES * 4 + snapshot.channels.len() * 128;
        let room = room + snapshot.updates.channels.len() * 64;
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        serde_json::to_writer(&mut *bytes, &snapshot).expect("plain values are JSON");
        bytes
    }

    /// The session that a snapshot was taken of. Where the settings name data centres of one's own, their addresses hold.
    pub fn restore(bytes: &[u8], settings: &ConnectSettings) -> Result<Self, SnapshotError> {
        let snapshot: Snapshot = serde_json::from_slice(bytes)
            .map_err(|_| SnapshotError("it is damaged or of another version"))?;
        if snapshot.version != VERSION {
            return Err(SnapshotError("it is of another version"));
        }
        let mut data = Data {
            home_dc: snapshot.home_dc,
            dcs: snapshot.dcs.into_iter().map(|dc| (dc.id, dc)).collect(),
            me: snapshot.me,
            channels: snapshot.channels.into_iter().map(|peer| (peer.id(), peer)).collect(),
            updates: snapshot.updates,
        };
        for dc in &settings.datacenters {
            if let Some(known) = data.dcs.get_mut(&dc.id) {
                known.ipv4 = dc.address;
            }
        }
        if data.dcs.get(&data.home_dc).and_then(|dc| dc.auth_key).is_none() {
            return Err(SnapshotError("it has no key"));
        }
        Ok(Self::new(data))
    }
}
