//! A Telegram of one's own: data centres on loopback that speak `MTProto`, driven by plain Rust calls.
//!
//! Runs in threads of its own, so that tests without a runtime can use it and the real binary can connect to it. Knows nothing of
//! the product: it is written after Telegram's documentation, and an independent client checks it. Keys are agreed on beforehand
//! (`telegram.datacenters`), because a client only trusts Telegram's own public keys for agreeing on new ones.

#![expect(
    clippy::disallowed_methods,
    reason = "another machine stands here for Telegram: it has its own time and tasks"
)]
#![allow(dead_code, reason = "a toolbox: not every test run uses every tool of it")]

mod connection;
mod frame;
mod key;
mod objects;
mod rpc;
mod rpc_auth;
mod rpc_channel;
mod rpc_updates;
mod srp;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

use grammers_tl_types as tl;
use tga::telegram::account::{ConnectSettings, Datacenter};
use tl::Serializable as _;
use tokio::net::TcpListener;

pub(crate) use key::Key;
pub(crate) use world::{Call, ClientNames, Fault, now};

use world::{Change, Channel, ChannelEvent, Push, Shared, User, World};

/// The data centres there are.
const DATACENTERS: [i32; 2] = [2, 4];
/// The one a client begins with.
pub(crate) const FIRST_DC: i32 = 2;
/// The other one.
pub(crate) const OTHER_DC: i32 = 4;

/// Running data centres; they end when this is dropped.
pub(crate) struct TestDc {
    world: Shared,
    secret: [u8; 32],
    addresses: BTreeMap<i32, SocketAddrV4>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl std::fmt::Debug for TestDc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestDc").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Drop for TestDc {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Not waiting: a test may drop this inside another runtime.
            runtime.shutdown_background();
        }
    }
}

/// Starting, and what a client must know to connect.
impl TestDc {
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let secret = key::random();
        let mut addresses = BTreeMap::new();
        let mut listeners = Vec::new();
        for dc in DATACENTERS {
            let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
            listener.set_nonblocking(true).unwrap();
            let std::net::SocketAddr::V4(address) = listener.local_addr().unwrap() else {
                unreachable!("bound to an IPv4 address")
            };
            addresses.insert(dc, address);
            listeners.push((dc, listener));
        }
        let world = Shared::new(secret, addresses.clone());
        let guard = runtime.enter();
        for (dc, listener) in listeners {
            let listener = TcpListener::from_std(listener).unwrap();
            runtime.spawn(connection::serve(world.clone(), dc, listener));
        }
        drop(guard);
        Self { world, secret, addresses, runtime: Some(runtime) }
    }

    /// What makes the product connect here, as environment variables.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let secret: String = self.secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let rows = self.addresses.iter().map(|(id, address)| {
            format!("{{ id = {id}, address = \"{address}\", auth_key = \"{secret}\" }}")
        });
        let rows = rows.collect::<Vec<_>>().join(", ");
        vec![
            ("TGA__TELEGRAM__DATACENTERS".to_owned(), format!("[{rows}]")),
            ("TELEGRAM_API_ID".to_owned(), "12345".to_owned()),
            ("TELEGRAM_API_HASH".to_owned(), "0123456789abcdef0123456789abcdef".to_owned()),
        ]
    }

    /// The same for code that connects without a configuration.
    pub(crate) fn settings(&self, request_timeout: std::time::Duration) -> ConnectSettings {
        let datacenters = self.addresses.iter().map(|(id, address)| Datacenter {
            id: *id,
            address: *address,
            secret: Some(self.secret),
        });
        ConnectSettings {
            api_id: 12345,
            api_hash: "0123456789abcdef0123456789abcdef".to_owned(),
            device_model: "Test device".to_owned(),
            system_version: "1".to_owned(),
            app_version: "2".to_owned(),
            request_timeout,
            datacenters: datacenters.collect(),
        }
    }

    pub(crate) fn address(&self, dc: i32) -> SocketAddrV4 {
        self.addresses[&dc]
    }

    /// The agreed key with this number.
    pub(crate) fn key(&self, dc: i32, number: u64) -> Key {
        Key::derive(&self.secret, dc, number)
    }
}

/// Users and their logins.
impl TestDc {
    pub(crate) fn add_user(&self, id: i64, name: &str, home_dc: i32) {
        let user = User { id, name: name.to_owned(), home_dc, password: None, hint: String::new() };
        self.world.lock().users.insert(id, user);
    }

    /// Switches two-step verification on, or off.
    pub(crate) fn set_password(&self, user: i64, password: Option<&str>, hint: &str) {
        let verifier = password.map(srp::Verifier::new);
        let mut world = self.world.lock();
        let user = world.users.get_mut(&user).unwrap();
        user.password = verifier;
        hint.clone_into(&mut user.hint);
    }

    /// A phone scans the code: `false` if the token is unknown, expired or used.
    pub(crate) fn accept_login(&self, token: &[u8], user: i64) -> bool {
        let mut world = self.world.lock();
        assert!(world.users.contains_key(&user), "no user {user}");
        let now = now();
        let token = world.tokens.iter_mut().find(|known| known.token == token);
        let Some(token) = token.filter(|token| token.expires > now && token.accepted_by.is_none()) else {
            return false;
        };
        token.accepted_by = Some(user);
        let key_id = token.key_id;
        let update = tl::types::UpdateShort { update: tl::enums::Update::LoginToken, date: now };
        let update = tl::enums::Updates::UpdateShort(update).to_bytes();
        world.push(&update, |key| key == key_id);
        true
    }

    /// How long login tokens given out from now on are good.
    pub(crate) fn set_token_lifetime_s(&self, seconds: i32) {
        self.world.lock().token_lifetime_s = seconds;
    }

    /// Makes every token that was given out expire now.
    pub(crate) fn expire_tokens(&self) {
        let now = now();
        for token in &mut self.world.lock().tokens {
            token.expires = now;
        }
    }

    /// Logs a key in without the ceremony, as for an imported session.
    pub(crate) fn log_in(&self, dc: i32, number: u64, user: i64) -> Key {
        let key = self.key(dc, number);
        let state = world::Authorization { user: Some(user), ..world::Authorization::default() };
        self.world.lock().authorizations.insert(key.id, state);
        key
    }

    /// Ends all logins of a user with this error (`401`, `SESSION_REVOKED`), as from the phone's list of devices.
    pub(crate) fn revoke(&self, user: i64, code: i32, message: &str) {
        let mut world = self.world.lock();
        let ids = keys_of(&world, user);
        for id in &ids {
            if let Some(state) = world.authorizations.get_mut(id) {
                state.revoked = Some((code, message.to_owned()));
            }
            rpc::disconnect(&mut world, *id);
        }
    }

    /// How many keys are logged in as a user, password given.
    pub(crate) fn logins(&self, user: i64) -> usize {
        let world = self.world.lock();
        keys_of(&world, user).iter().filter(|id| world.signed_in(**id).is_some()).count()
    }
}

fn keys_of(world: &World, user: i64) -> Vec<[u8; 8]> {
    let of_user = world.authorizations.iter().filter(|(_, state)| state.user == Some(user));
    of_user.map(|(id, _)| *id).collect()
}

/// Channels and posts.
impl TestDc {
    /// A channel; public if it has a name. Its first message is the one about its creation, as everywhere.
    pub(crate) fn add_channel(&self, id: i64, username: Option<&str>, title: &str) {
        let created = tl::types::MessageActionChannelCreate { title: title.to_owned() };
        let first = objects::service(id, 1, 1_600_000_000, &tl::enums::MessageAction::ChannelCreate(created));
        let channel = Channel {
            id,
            title: title.to_owned(),
            username: username.map(str::to_owned),
            about: format!("About {title}"),
            megagroup: false,
            noforwards: false,
            invite: None,
            members: BTreeSet::new(),
            banned: BTreeSet::new(),
            posts: BTreeMap::from([(1, first)]),
            last_id: 1,
            pts: 2,
            events: Vec::new(),
        };
        self.world.lock().channels.insert(id, channel);
    }

    /// Changes a channel's name, invitation, members and so on.
    pub(crate) fn set_username(&self, channel: i64, username: Option<&str>) {
        self.channel(channel, |channel| channel.username = username.map(str::to_owned));
    }

    pub(crate) fn set_invite(&self, channel: i64, hash: Option<&str>) {
        self.channel(channel, |channel| channel.invite = hash.map(str::to_owned));
    }

    pub(crate) fn set_noforwards(&self, channel: i64, noforwards: bool) {
        self.channel(channel, |channel| channel.noforwards = noforwards);
    }

    pub(crate) fn join(&self, channel: i64, user: i64) {
        self.channel(channel, |channel| channel.members.insert(user));
    }

    pub(crate) fn is_member(&self, channel: i64, user: i64) -> bool {
        self.channel(channel, |channel| channel.members.contains(&user))
    }

    pub(crate) fn ban(&self, channel: i64, user: i64) {
        self.channel(channel, |channel| {
            channel.members.remove(&user);
            channel.banned.insert(user);
        });
    }

    fn channel<T>(&self, id: i64, change: impl FnOnce(&mut Channel) -> T) -> T {
        change(self.world.lock().channels.get_mut(&id).expect("a channel of this number"))
    }

    /// A post now; members who are connected hear of it. Returns its id.
    pub(crate) fn post(&self, channel: i64, text: &str) -> i32 {
        self.post_with(channel, text, |_| ())
    }

    /// A post with whatever fields a test needs.
    pub(crate) fn post_with(
        &self,
        channel: i64,
        text: &str,
        change: impl FnOnce(&mut tl::types::Message),
    ) -> i32 {
        let mut world = self.world.lock();
        let id = insert(&mut world, channel, now(), text, change);
        announce(&world, channel);
        id
    }

    /// A post nobody is told about: the update is lost, and the next one shows a gap.
    pub(crate) fn post_silently(&self, channel: i64, text: &str) -> i32 {
        insert(&mut self.world.lock(), channel, now(), text, |_| ())
    }

    /// Many old posts, one a step of `every_s` seconds, the last of them at `until`; nobody is told.
    pub(crate) fn fill(
        &self,
        channel: i64,
        count: i32,
        until: i32,
        every_s: i32,
        text: impl Fn(i32) -> String,
    ) {
        let mut world = self.world.lock();
        for n in 0..count {
            let id = world.channels[&channel].last_id + 1;
            insert(&mut world, channel, until - (count - 1 - n) * every_s, &text(id), |_| ());
        }
    }

    /// Leaves out message ids, as posts that were deleted long ago.
    pub(crate) fn skip_ids(&self, channel: i64, count: i32) {
        self.channel(channel, |channel| channel.last_id += count);
    }

    /// A message about something that happened (a pinned post), not a post.
    pub(crate) fn post_service(&self, channel: i64) -> i32 {
        let mut world = self.world.lock();
        let of = world.channels.get_mut(&channel).expect("a channel of this number");
        of.last_id += 1;
        let id = of.last_id;
        let message = objects::service(channel, id, now(), &tl::enums::MessageAction::PinMessage);
        of.posts.insert(id, message);
        record(of, Change::New(id));
        announce(&world, channel);
        id
    }

    /// Changes a post; members hear of it.
    pub(crate) fn edit(&self, channel: i64, id: i32, text: &str) {
        self.edit_with(channel, id, |message| text.clone_into(&mut message.message));
    }

    pub(crate) fn edit_with(&self, channel: i64, id: i32, change: impl FnOnce(&mut tl::types::Message)) {
        self.edit_silently(channel, id, change);
        announce(&self.world.lock(), channel);
    }

    /// Changes a post without telling anybody.
    pub(crate) fn edit_silently(&self, channel: i64, id: i32, change: impl FnOnce(&mut tl::types::Message)) {
        self.channel(channel, |channel| {
            if let Some(tl::enums::Message::Message(message)) = channel.posts.get_mut(&id) {
                change(message);
                message.edit_date = Some(now());
            }
            record(channel, Change::Edited(id));
        });
    }

    /// Counters grow without a trace in the channel's log, as at Telegram.
    pub(crate) fn set_views(&self, channel: i64, id: i32, views: i32, forwards: i32) {
        self.channel(channel, |channel| {
            if let Some(tl::enums::Message::Message(message)) = channel.posts.get_mut(&id) {
                message.views = Some(views);
                message.forwards = Some(forwards);
            }
        });
    }

    /// Deletes posts; members hear of it.
    pub(crate) fn delete(&self, channel: i64, ids: &[i32]) {
        self.delete_silently(channel, ids);
        announce(&self.world.lock(), channel);
    }

    pub(crate) fn delete_silently(&self, channel: i64, ids: &[i32]) {
        self.channel(channel, |channel| {
            for id in ids {
                channel.posts.remove(id);
            }
            record(channel, Change::Deleted(ids.to_vec()));
        });
    }

    /// What the server has: id and text, posts only, oldest first.
    pub(crate) fn posts(&self, channel: i64) -> Vec<(i32, String)> {
        self.channel(channel, |channel| {
            let texts = channel.posts.iter().filter_map(|(id, message)| match message {
                tl::enums::Message::Message(message) => Some((*id, message.message.clone())),
                tl::enums::Message::Service(_) | tl::enums::Message::Empty(_) => None,
            });
            texts.collect()
        })
    }
}

fn insert(
    world: &mut World,
    channel: i64,
    date: i32,
    text: &str,
    change: impl FnOnce(&mut tl::types::Message),
) -> i32 {
    let channel = world.channels.get_mut(&channel).expect("a channel of this number");
    channel.last_id += 1;
    let id = channel.last_id;
    let mut message = objects::message(channel.id, id, date, text);
    change(&mut message);
    channel.posts.insert(id, tl::enums::Message::Message(message));
    record(channel, Change::New(id));
    id
}

fn record(channel: &mut Channel, what: Change) {
    channel.pts += 1;
    channel.events.push(ChannelEvent { pts: channel.pts, at: now(), what });
}

/// Tells the members of a channel about its last event.
fn announce(world: &World, channel: i64) {
    let channel = &world.channels[&channel];
    let Some(event) = channel.events.last() else { return };
    let Some(update) = rpc_updates::update(channel, event.pts, &event.what) else { return };
    for member in &channel.members {
        let updates = tl::enums::Updates::Updates(tl::types::Updates {
            updates: vec![update.clone()],
            users: Vec::new(),
            chats: vec![objects::chat(channel, *member)],
            date: now(),
            seq: 0,
        });
        world.push(&updates.to_bytes(), |key| world.signed_in(key) == Some(*member));
    }
}

/// Faults, and what came in.
impl TestDc {
    /// The next call of `method` (`messages.getHistory`) meets this.
    pub(crate) fn fault(&self, method: &str, fault: Fault) {
        let mut world = self.world.lock();
        world.faults.entry(method.to_owned()).or_default().push_back(fault);
    }

    /// The next call of `method` is told to wait.
    pub(crate) fn flood(&self, method: &str, seconds: u32) {
        self.fault(method, Fault::Error(420, format!("FLOOD_WAIT_{seconds}")));
    }

    /// Every call of `method` (`*` for all), by one user or by all, meets this until [`TestDc::heal`].
    pub(crate) fn fault_lasting(&self, method: &str, user: Option<i64>, fault: Fault) {
        self.world.lock().lasting.push((method.to_owned(), user, fault));
    }

    /// Tells clients that connect addresses on which their library panics.
    pub(crate) fn turn_hostile(&self) {
        self.world.lock().hostile = true;
    }

    /// Takes all faults away.
    pub(crate) fn heal(&self) {
        let mut world = self.world.lock();
        world.hostile = false;
        world.faults.clear();
        world.lasting.clear();
    }

    /// Closes every connection.
    pub(crate) fn kill_connections(&self) {
        for connection in self.world.lock().connections.drain(..) {
            // It may be closing already.
            let _ = connection.push.send(Push::Kill);
        }
    }

    /// How many connections are open, and how many there have been.
    pub(crate) fn connections(&self) -> (usize, u64) {
        let world = self.world.lock();
        (world.connections.len(), world.connections_seen)
    }

    /// Every request so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.world.lock().calls.clone()
    }

    /// How often a method was called.
    pub(crate) fn calls_of(&self, method: &str) -> usize {
        self.world.lock().calls.iter().filter(|call| call.method == method).count()
    }

    /// What clients said about themselves, connection by connection.
    pub(crate) fn clients(&self) -> Vec<ClientNames> {
        self.world.lock().clients.clone()
    }
}
