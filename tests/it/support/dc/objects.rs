//! Telegram's objects with everything optional left out.
//!
//! An object is read from the bytes of its required fields alone: the constructors have dozens of optional fields, and a test
//! sets the two it cares about.

use grammers_tl_types as tl;
use tl::{Deserializable, Serializable};

use super::srp;
use super::world::{Channel, User, World, now};

/// The object whose required fields are these.
fn minimal<T: Deserializable>(fields: &[&dyn Bytes]) -> T {
    let bytes: Vec<u8> = fields.iter().flat_map(|field| field.bytes()).collect();
    T::from_bytes(&bytes).unwrap()
}

trait Bytes {
    fn bytes(&self) -> Vec<u8>;
}

impl<T: Serializable> Bytes for T {
    fn bytes(&self) -> Vec<u8> {
        self.to_bytes()
    }
}

/// No optional field is there.
const NO_FLAGS: u32 = 0;

/// An error as the answer to a request.
pub(super) fn error(code: i32, message: &str) -> Vec<u8> {
    let error = tl::types::RpcError { error_code: code, error_message: message.to_owned() };
    tl::enums::RpcError::Error(error).to_bytes()
}

/// A post of a channel.
pub(crate) fn message(channel: i64, id: i32, date: i32, text: &str) -> tl::types::Message {
    let peer = tl::enums::Peer::Channel(tl::types::PeerChannel { channel_id: channel });
    let mut message: tl::types::Message =
        minimal(&[&NO_FLAGS, &NO_FLAGS, &id, &peer, &date, &text.to_owned()]);
    message.post = true;
    message.views = Some(100 + id);
    message.forwards = Some(3);
    message
}

/// Something that happened in a channel and is no post: its creation, a pinned message.
pub(super) fn service(
    channel: i64,
    id: i32,
    date: i32,
    action: &tl::enums::MessageAction,
) -> tl::enums::Message {
    let peer = tl::enums::Peer::Channel(tl::types::PeerChannel { channel_id: channel });
    let message: tl::types::MessageService = minimal(&[&NO_FLAGS, &id, &peer, &date, action]);
    tl::enums::Message::Service(message)
}

/// The answer for a message that is not there.
pub(super) fn nothing(id: i32) -> tl::enums::Message {
    tl::enums::Message::Empty(tl::types::MessageEmpty { id, peer_id: None })
}

pub(super) fn user(user: &User, is_self: bool) -> tl::enums::User {
    let mut out: tl::types::User = minimal(&[&NO_FLAGS, &NO_FLAGS, &user.id]);
    out.is_self = is_self;
    out.access_hash = Some(user.id ^ 0x5151_5151);
    out.first_name = Some(user.name.clone());
    out.phone = is_self.then(|| "79990000000".to_owned());
    tl::enums::User::User(out)
}

/// A channel as one user sees it.
pub(super) fn chat(channel: &Channel, viewer: i64) -> tl::enums::Chat {
    if channel.banned.contains(&viewer) {
        let forbidden: tl::types::ChannelForbidden =
            minimal(&[&NO_FLAGS, &channel.id, &channel.hash_for(viewer), &channel.title]);
        return tl::enums::Chat::ChannelForbidden(forbidden);
    }
    let created = 1_600_000_000_i32;
    let mut out: tl::types::Channel =
        minimal(&[&NO_FLAGS, &NO_FLAGS, &channel.id, &channel.title, &tl::enums::ChatPhoto::Empty, &created]);
    out.broadcast = !channel.megagroup;
    out.megagroup = channel.megagroup;
    out.noforwards = channel.noforwards;
    out.left = !channel.members.contains(&viewer);
    out.access_hash = Some(channel.hash_for(viewer));
    out.username.clone_from(&channel.username);
    out.participants_count = Some(channel.members.len() as i32);
    tl::enums::Chat::Channel(out)
}

fn notify_settings() -> tl::enums::PeerNotifySettings {
    tl::enums::PeerNotifySettings::Settings(minimal(&[&NO_FLAGS]))
}

pub(super) fn channel_full(channel: &Channel, viewer: i64) -> tl::enums::messages::ChatFull {
    let photo = tl::enums::Photo::Empty(tl::types::PhotoEmpty { id: 0 });
    let none = 0_i32;
    let mut full: tl::types::ChannelFull = minimal(&[
        &NO_FLAGS,
        &NO_FLAGS,
        &channel.id,
        &channel.about,
        &none,
        &none,
        &none,
        &photo,
        &notify_settings(),
        &Vec::<tl::enums::BotInfo>::new(),
        &channel.pts,
    ]);
    full.participants_count = Some(channel.members.len() as i32);
    tl::enums::messages::ChatFull::Full(tl::types::messages::ChatFull {
        full_chat: tl::enums::ChatFull::ChannelFull(full),
        chats: vec![chat(channel, viewer)],
        users: Vec::new(),
    })
}

pub(super) fn dialog(channel: &Channel) -> tl::enums::Dialog {
    let peer = tl::enums::Peer::Channel(tl::types::PeerChannel { channel_id: channel.id });
    let top = channel.posts.keys().next_back().copied().unwrap_or_default();
    let none = 0_i32;
    let mut dialog: tl::types::Dialog =
        minimal(&[&NO_FLAGS, &peer, &top, &none, &none, &none, &none, &none, &none, &notify_settings()]);
    dialog.pts = Some(channel.pts);
    tl::enums::Dialog::Dialog(dialog)
}

pub(super) fn config(world: &World, dc: i32) -> tl::enums::Config {
    let options: Vec<tl::enums::DcOption> = world
        .addresses
        .iter()
        .map(|(id, address)| {
            let ip = if world.hostile { "nowhere".to_owned() } else { address.ip().to_string() };
            let mut option: tl::types::DcOption = minimal(&[&NO_FLAGS, id, &ip, &i32::from(address.port())]);
            // Clients take over addresses that are marked as static and ignore the others.
            option.r#static = true;
            tl::enums::DcOption::Option(option)
        })
        .collect();
    let (now, later, limit) = (now(), now() + 3600, 10_000_i32);
    let (me, host) = ("https://t.me/".to_owned(), "localhost".to_owned());
    let mut bytes = Vec::new();
    for part in [&NO_FLAGS as &dyn Bytes, &now, &later, &false, &dc, &options, &host] {
        bytes.extend(part.bytes());
    }
    // Seventeen limits and four call times, where links lead, three more limits.
    bytes.extend(vec![limit.to_bytes(); 21].concat());
    bytes.extend(me.to_bytes());
    bytes.extend(vec![limit.to_bytes(); 3].concat());
    tl::enums::Config::Config(tl::types::Config::from_bytes(&bytes).unwrap())
}

/// What a client needs to prove that it knows a password, or that there is none.
pub(super) fn password(
    user: Option<&User>,
    challenge: Option<&srp::Challenge>,
) -> tl::enums::account::Password {
    let mut out: tl::types::account::Password = minimal(&[
        &NO_FLAGS,
        &tl::enums::PasswordKdfAlgo::Unknown,
        &tl::enums::SecurePasswordKdfAlgo::Unknown,
        &super::key::random::<256>().to_vec(),
    ]);
    let verifier = user.and_then(|user| user.password.as_ref());
    if let (Some(user), Some(verifier), Some(challenge)) = (user, verifier, challenge) {
        type Algo = tl::types::PasswordKdfAlgoSha256Sha256Pbkdf2Hmacsha512iter100000Sha256ModPow;
        let algo = tl::enums::PasswordKdfAlgo::Sha256Sha256Pbkdf2Hmacsha512iter100000Sha256ModPow(Algo {
            salt1: verifier.salt1.clone(),
            salt2: verifier.salt2.clone(),
            g: srp::GENERATOR,
            p: srp::prime(),
        });
        out.has_password = true;
        out.current_algo = Some(algo.clone());
        out.new_algo = algo;
        out.srp_b = Some(challenge.public.clone());
        out.srp_id = Some(challenge.id);
        out.hint = Some(user.hint.clone());
    }
    tl::enums::account::Password::Password(out)
}

pub(super) fn authorization(of: &User) -> tl::enums::auth::Authorization {
    tl::enums::auth::Authorization::Authorization(minimal(&[&NO_FLAGS, &user(of, true)]))
}

/// The state of an account's own update sequence, which nothing here moves.
pub(super) fn state() -> tl::types::updates::State {
    tl::types::updates::State { pts: 1, qts: 0, date: now(), seq: 1, unread_count: 0 }
}
