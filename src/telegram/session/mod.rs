//! An account's session in memory: where it connects, its keys, the channels it may name, how far its updates are read.
//!
//! The library asks it at every request, so it answers from memory; what is written to disk is a snapshot, taken by whoever owns
//! the session when [`AccountSession::changed`] says that there is something new, and sealed before it leaves the process.
//! Memory is bounded: people and small groups are not remembered, channels up to a limit. A crash loses what changed since the
//! last snapshot: a channel's hash that is asked again, updates that are found again by their message ids.

mod snapshot;
mod string;

use std::{
    collections::HashMap,
    convert::Infallible,
    net::{Ipv6Addr, SocketAddrV6},
    sync::{Mutex, MutexGuard},
};

use grammers_session::{
    BoxFuture, Session, SessionData,
    types::{ChannelState, DcOption, PeerId, PeerInfo, UpdateState, UpdatesState},
};
use tokio::sync::watch;

pub use string::StringError;

use super::account::{AUTH_KEY_BYTES, ConnectSettings};

/// Channels a session remembers; beyond them a channel is resolved again when it is needed.
pub const PEERS_MAX: usize = 10_000;
/// The data centre a fresh session begins with, where Telegram's own are used.
const FIRST_DC: i32 = 2;

/// A session that is in use.
#[derive(Debug)]
pub struct AccountSession {
    data: Mutex<Data>,
    changes: watch::Sender<u64>,
}

/// What a session is made of.
struct Data {
    home_dc: i32,
    dcs: HashMap<i32, DcOption>,
    me: Option<PeerInfo>,
    channels: HashMap<PeerId, PeerInfo>,
    updates: UpdatesState,
}

impl std::fmt::Debug for Data {
    /// Keys stay out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Data").field("home_dc", &self.home_dc).finish_non_exhaustive()
    }
}

impl AccountSession {
    /// A session nobody is logged in with yet. `number` names its keys where they were agreed on beforehand.
    pub fn fresh(settings: &ConnectSettings, number: u64) -> Self {
        let (home_dc, dcs) = datacenters(settings, number);
        Self::new(Data { home_dc, dcs, me: None, channels: HashMap::new(), updates: UpdatesState::default() })
    }

    fn new(data: Data) -> Self {
        Self { data: Mutex::new(data), changes: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Notes that there is something to be written.
    fn mark(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Counts changes; a new value means that a new snapshot is worth taking.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub fn home_dc(&self) -> i32 {
        self.lock().home_dc
    }

    /// Whether both act with the same key: ending the one at Telegram ends the other.
    pub fn is_same_key(&self, other: &AccountSession) -> bool {
        self.home_key() == other.home_key()
    }

    /// The key of the home data centre, if there is one.
    pub(super) fn home_key(&self) -> Option<[u8; AUTH_KEY_BYTES]> {
        let data = self.lock();
        data.dcs.get(&data.home_dc)?.auth_key
    }

    /// The hash under which this account may name a channel.
    pub fn channel_hash(&self, bare_id: i64) -> Option<i64> {
        let data = self.lock();
        data.channels.get(&PeerId::channel(bare_id)?)?.auth().map(grammers_session::types::PeerAuth::hash)
    }
}

/// Telegram's own data centres, or those of the settings.
fn datacenters(settings: &ConnectSettings, number: u64) -> (i32, HashMap<i32, DcOption>) {
    if settings.datacenters.is_empty() {
        return (FIRST_DC, SessionData::default().dc_options);
    }
    let dcs = settings.datacenters.iter().map(|dc| {
        let ipv6 = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, dc.address.port(), 0, 0);
        (dc.id, DcOption { id: dc.id, ipv4: dc.address, ipv6, auth_key: dc.key(number) })
    });
    (settings.datacenters[0].id, dcs.collect())
}

type Done<'a, T> = BoxFuture<'a, Result<T, Infallible>>;

impl Session for AccountSession {
    type Error = Infallible;

    fn home_dc_id(&self) -> Result<i32, Infallible> {
        Ok(self.home_dc())
    }

    fn set_home_dc_id(&self, dc_id: i32) -> Done<'_, ()> {
        self.lock().home_dc = dc_id;
        self.mark();
        Box::pin(std::future::ready(Ok(())))
    }

    fn dc_option(&self, dc_id: i32) -> Result<Option<DcOption>, Infallible> {
        Ok(self.lock().dcs.get(&dc_id).cloned())
    }

    fn set_dc_option(&self, dc_option: &DcOption) -> Done<'_, ()> {
        let old = self.lock().dcs.insert(dc_option.id, dc_option.clone());
        if old.as_ref() != Some(dc_option) {
            self.mark();
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn peer(&self, peer: PeerId) -> Done<'_, Option<PeerInfo>> {
        let data = self.lock();
        let me = data.me.as_ref().filter(|me| peer == PeerId::self_user() || me.id() == peer);
        let found = me.or_else(|| data.channels.get(&peer)).cloned();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn cache_peer(&self, peer: PeerInfo) -> Done<'_, ()> {
        let mut data = self.lock();
        let news = match &peer {
            PeerInfo::User { is_self: Some(true), .. } => {
                let news = data.me.as_ref() != Some(&peer);
                data.me = Some(peer);
                news
            }
            PeerInfo::Channel { auth: Some(_), .. } => {
                let room = data.channels.len() < PEERS_MAX;
                match data.channels.get_mut(&peer.id()) {
                    Some(known) => {
                        let before = known.clone();
                        known.extend_info(&peer);
                        *known != before
                    }
                    None if room => data.channels.insert(peer.id(), peer).is_none(),
                    None => false,
                }
            }
            // A channel without its hash cannot be named; people and small groups are never asked for.
            PeerInfo::Channel { .. } | PeerInfo::User { .. } | PeerInfo::Chat { .. } => false,
        };
        drop(data);
        if news {
            self.mark();
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn updates_state(&self) -> Done<'_, UpdatesState> {
        let state = self.lock().updates.clone();
        Box::pin(std::future::ready(Ok(state)))
    }

    fn set_update_state(&self, update: UpdateState) -> Done<'_, ()> {
        let mut data = self.lock();
        let before = data.updates.clone();
        match update {
            UpdateState::All(state) => data.updates = state,
            UpdateState::Primary { pts, date, seq } => {
                data.updates.pts = pts;
                data.updates.date = date;
                data.updates.seq = seq;
            }
            UpdateState::Secondary { qts } => data.updates.qts = qts,
            UpdateState::Channel { id, pts } => {
                match data.updates.channels.iter_mut().find(|channel| channel.id == id) {
                    Some(channel) => channel.pts = pts,
                    None => data.updates.channels.push(ChannelState { id, pts }),
                }
            }
        }
        let news = data.updates != before;
        drop(data);
        if news {
            self.mark();
        }
        Box::pin(std::future::ready(Ok(())))
    }
}
