//! What the servers know: users, channels, posts, login tokens, connections, faults.
//!
//! One lock around all of it. A user lives on one data centre; an authorization belongs to a key of one data centre, as at
//! Telegram. Access hashes differ from user to user, so a client that mixes them up is refused.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use grammers_tl_types as tl;
use tokio::sync::mpsc;

use super::key::Key;
use super::srp::{Challenge, Verifier};

/// How many keys of a data centre are derived at once when an unknown one appears.
const KEYS_AHEAD: u64 = 256;
/// Highest key number that is looked for.
const KEYS_MAX: u64 = 4096;
/// How long a login token is good, seconds, unless a test says otherwise.
const TOKEN_LIFETIME_S: i32 = 30;

/// Seconds since 1970, as Telegram dates everything.
pub(crate) fn now() -> i32 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i32
}

/// What a key may do.
#[derive(Debug, Clone, Default)]
pub(super) struct Authorization {
    pub(super) user: Option<i64>,
    pub(super) needs_password: bool,
    /// The error every request of this key gets, once it was revoked.
    pub(super) revoked: Option<(i32, String)>,
    pub(super) challenge: Option<Challenge>,
}

impl Authorization {
    /// Who is logged in with this key.
    pub(super) fn signed_in(&self) -> Option<i64> {
        self.user.filter(|_| !self.needs_password)
    }
}

/// A Telegram user.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) home_dc: i32,
    pub(super) password: Option<Verifier>,
    pub(super) hint: String,
}

/// A channel with its posts and the log of what happened to them.
#[derive(Debug, Clone)]
pub(super) struct Channel {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) username: Option<String>,
    pub(super) about: String,
    pub(super) megagroup: bool,
    pub(super) noforwards: bool,
    pub(super) invite: Option<String>,
    pub(super) members: BTreeSet<i64>,
    pub(super) banned: BTreeSet<i64>,
    pub(super) posts: BTreeMap<i32, tl::enums::Message>,
    pub(super) last_id: i32,
    pub(super) pts: i32,
    pub(super) events: Vec<ChannelEvent>,
}

/// Something that moved a channel's pts by one.
#[derive(Debug, Clone)]
pub(super) struct ChannelEvent {
    pub(super) pts: i32,
    pub(super) at: i32,
    pub(super) what: Change,
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    New(i32),
    Edited(i32),
    Deleted(Vec<i32>),
}

impl Channel {
    /// The hash under which one user may name this channel.
    pub(super) fn hash_for(&self, user: i64) -> i64 {
        self.id.wrapping_mul(0x9e37_79b9) ^ user.wrapping_mul(0x85eb_ca6b)
    }

    /// Whether a user may read it.
    pub(super) fn readable_by(&self, user: i64) -> bool {
        !self.banned.contains(&user) && (self.username.is_some() || self.members.contains(&user))
    }
}

/// A QR login token.
#[derive(Debug, Clone)]
pub(super) struct LoginToken {
    pub(super) token: Vec<u8>,
    pub(super) key_id: [u8; 8],
    pub(super) expires: i32,
    pub(super) accepted_by: Option<i64>,
}

/// A connection that has shown its key.
pub(super) struct Connection {
    pub(super) key_id: [u8; 8],
    pub(super) push: mpsc::UnboundedSender<Push>,
}

/// What a connection is told from outside.
pub(super) enum Push {
    Update(Vec<u8>),
    Kill,
}

/// How a method misbehaves.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Answers with this error (`420`, `FLOOD_WAIT_17`).
    Error(i32, String),
    /// Never answers.
    NoAnswer,
    /// Closes the connection instead of answering.
    Kill,
    /// Does what it was asked and closes the connection before the answer: the client cannot know.
    KillAfter,
}

/// A request that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) dc: i32,
    pub(crate) method: String,
    pub(crate) user: Option<i64>,
    pub(crate) at: SystemTime,
}

/// What a client said about itself when it connected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClientNames {
    pub(crate) api_id: i32,
    pub(crate) device_model: String,
    pub(crate) system_version: String,
    pub(crate) app_version: String,
}

pub(super) struct World {
    pub(super) secret: [u8; 32],
    pub(super) addresses: BTreeMap<i32, SocketAddrV4>,
    keys: HashMap<[u8; 8], (i32, Key)>,
    keys_derived: u64,
    pub(super) authorizations: HashMap<[u8; 8], Authorization>,
    pub(super) tokens: Vec<LoginToken>,
    pub(super) token_lifetime_s: i32,
    pub(super) users: BTreeMap<i64, User>,
    pub(super) channels: BTreeMap<i64, Channel>,
    pub(super) connections: Vec<Connection>,
    pub(super) faults: HashMap<String, VecDeque<Fault>>,
    /// Faults that hold until they are taken away, for one user or all.
    pub(super) lasting: Vec<(String, Option<i64>, Fault)>,
    pub(super) calls: Vec<Call>,
    pub(super) clients: Vec<ClientNames>,
    pub(super) connections_seen: u64,
    /// Tells clients addresses that are none, on which their library panics.
    pub(super) hostile: bool,
}

/// The world behind its lock.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(super) fn new(secret: [u8; 32], addresses: BTreeMap<i32, SocketAddrV4>) -> Self {
        Self(Arc::new(Mutex::new(World {
            secret,
            addresses,
            keys: HashMap::new(),
            keys_derived: 0,
            authorizations: HashMap::new(),
            tokens: Vec::new(),
            token_lifetime_s: TOKEN_LIFETIME_S,
            users: BTreeMap::new(),
            channels: BTreeMap::new(),
            connections: Vec::new(),
            faults: HashMap::new(),
            lasting: Vec::new(),
            calls: Vec::new(),
            clients: Vec::new(),
            connections_seen: 0,
            hostile: false,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl World {
    /// The key with this id, if it is one of this data centre's.
    pub(super) fn key(&mut self, dc: i32, id: [u8; 8]) -> Option<Key> {
        while !self.keys.contains_key(&id) && self.keys_derived < KEYS_MAX {
            for number in self.keys_derived..self.keys_derived + KEYS_AHEAD {
                for dc in self.addresses.keys() {
                    let key = Key::derive(&self.secret, *dc, number);
                    self.keys.insert(key.id, (*dc, key));
                }
            }
            self.keys_derived += KEYS_AHEAD;
        }
        self.keys.get(&id).filter(|(of, _)| *of == dc).map(|(_, key)| key.clone())
    }

    /// Sends an update to every connection whose key passes.
    pub(super) fn push(&self, update: &[u8], wanted: impl Fn([u8; 8]) -> bool) {
        for connection in self.connections.iter().filter(|connection| wanted(connection.key_id)) {
            // A connection that is just closing needs no update.
            let _ = connection.push.send(Push::Update(update.to_vec()));
        }
    }

    /// Whether the key belongs to somebody who is logged in and passes.
    pub(super) fn signed_in(&self, key_id: [u8; 8]) -> Option<i64> {
        self.authorizations.get(&key_id).filter(|state| state.revoked.is_none())?.signed_in()
    }

    /// The fault the next call of a method meets.
    pub(super) fn fault(&mut self, method: &str, user: Option<i64>) -> Option<Fault> {
        if let Some(fault) = self.faults.get_mut(method).and_then(VecDeque::pop_front) {
            return Some(fault);
        }
        self.lasting
            .iter()
            .find(|(name, who, _)| (name == method || name == "*") && (who.is_none() || *who == user))
            .map(|(_, _, fault)| fault.clone())
    }
}
