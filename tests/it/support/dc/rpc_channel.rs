//! Channels: finding them by name or invitation, their history, single messages, membership.

use grammers_tl_types as tl;
use tl::{Identifiable as _, Serializable as _};

use super::objects;
use super::rpc::{Handled, Request, arguments};
use super::world::{Channel, World, now};

/// Most messages one page holds.
const PAGE_MAX: i32 = 100;

pub(super) fn handle(world: &mut World, request: &Request<'_>, user: i64) -> Option<Handled> {
    use tl::functions as f;
    Some(match request.method {
        f::contacts::ResolveUsername::CONSTRUCTOR_ID => resolve_username(world, request, user),
        f::channels::GetFullChannel::CONSTRUCTOR_ID => get_full_channel(world, request, user),
        f::channels::GetChannels::CONSTRUCTOR_ID => get_channels(world, request, user),
        f::channels::GetMessages::CONSTRUCTOR_ID => get_messages(world, request, user),
        f::channels::JoinChannel::CONSTRUCTOR_ID => join_channel(world, request, user),
        f::channels::LeaveChannel::CONSTRUCTOR_ID => leave_channel(world, request, user),
        f::messages::GetHistory::CONSTRUCTOR_ID => get_history(world, request, user),
        f::messages::GetDialogs::CONSTRUCTOR_ID => Ok(get_dialogs(world, user)),
        f::messages::CheckChatInvite::CONSTRUCTOR_ID => check_invite(world, request, user),
        f::messages::ImportChatInvite::CONSTRUCTOR_ID => import_invite(world, request, user),
        f::messages::GetMessagesViews::CONSTRUCTOR_ID => get_views(world, request, user),
        _ => return None,
    })
}

fn visible(world: &World, id: i64, hash: i64, user: i64) -> Result<&Channel, (i32, &'static str)> {
    let channel = world.channels.get(&id).ok_or((400, "CHANNEL_INVALID"))?;
    if hash != channel.hash_for(user) {
        return Err((400, "CHANNEL_INVALID"));
    }
    if channel.readable_by(user) { Ok(channel) } else { Err((400, "CHANNEL_PRIVATE")) }
}

/// The channel a client names, if this user may see it and knows its hash.
pub(super) fn channel_of<'a>(
    world: &'a World,
    named: &tl::enums::InputChannel,
    user: i64,
) -> Result<&'a Channel, (i32, &'static str)> {
    let tl::enums::InputChannel::Channel(named) = named else { return Err((400, "CHANNEL_INVALID")) };
    visible(world, named.channel_id, named.access_hash, user)
}

fn peer_of<'a>(
    world: &'a World,
    named: &tl::enums::InputPeer,
    user: i64,
) -> Result<&'a Channel, (i32, &'static str)> {
    let tl::enums::InputPeer::Channel(named) = named else { return Err((400, "PEER_ID_INVALID")) };
    visible(world, named.channel_id, named.access_hash, user)
}

fn resolve_username(world: &World, request: &Request<'_>, user: i64) -> Handled {
    let asked: tl::functions::contacts::ResolveUsername = arguments(request)?;
    let wanted = asked.username.to_lowercase();
    let channel = world
        .channels
        .values()
        .find(|channel| channel.username.as_ref().is_some_and(|name| name.to_lowercase() == wanted))
        .ok_or((400, "USERNAME_NOT_OCCUPIED"))?;
    let peer = tl::enums::Peer::Channel(tl::types::PeerChannel { channel_id: channel.id });
    Ok(tl::enums::contacts::ResolvedPeer::Peer(tl::types::contacts::ResolvedPeer {
        peer,
        chats: vec![objects::chat(channel, user)],
        users: Vec::new(),
    })
    .to_bytes())
}

fn get_full_channel(world: &World, request: &Request<'_>, user: i64) -> Handled {
    let asked: tl::functions::channels::GetFullChannel = arguments(request)?;
    let channel = channel_of(world, &asked.channel, user)?;
    Ok(objects::channel_full(channel, user).to_bytes())
}

fn get_channels(world: &World, request: &Request<'_>, user: i64) -> Handled {
    let asked: tl::functions::channels::GetChannels = arguments(request)?;
    let found = asked.id.iter().map(|named| channel_of(world, named, user));
    let chats = found.map(|channel| channel.map(|channel| objects::chat(channel, user)));
    let chats = chats.collect::<Result<Vec<_>, _>>()?;
    Ok(tl::enums::messages::Chats::Chats(tl::types::messages::Chats { chats }).to_bytes())
}

fn messages(channel: &Channel, user: i64, messages: Vec<tl::enums::Message>) -> Vec<u8> {
    tl::enums::messages::Messages::ChannelMessages(tl::types::messages::ChannelMessages {
        inexact: false,
        pts: channel.pts,
        count: channel.posts.len() as i32,
        offset_id_offset: None,
        messages,
        topics: Vec::new(),
        chats: vec![objects::chat(channel, user)],
        users: Vec::new(),
    })
    .to_bytes()
}

fn get_messages(world: &World, request: &Request<'_>, user: i64) -> Handled {
    let asked: tl::functions::channels::GetMessages = arguments(request)?;
    let channel = channel_of(world, &asked.channel, user)?;
    if asked.id.len() > PAGE_MAX as usize {
        return Err((400, "LIMIT_INVALID"));
    }
    let found = asked.id.iter().map(|wanted| match wanted {
        tl::enums::InputMessage::Id(wanted) => {
            channel.posts.get(&wanted.id).cloned().unwrap_or_else(|| objects::nothing(wanted.id))
        }
        tl::enums::InputMessage::ReplyTo(_)
        | tl::enums::InputMessage::Pinned
        | tl::enums::InputMessage::CallbackQuery(_) => objects::nothing(0),
    });
    let found = found.collect();
    Ok(messages(channel, user, found))
}

/// A page of history, newest first: below `offset_id` (or before `offset_date`), shifted by `add_offset`, within the bounds.
fn get_history(world: &World, request: &Request<'_>, user: i64) -> Handled {
    let asked: tl::functions::messages::GetHistory = arguments(request)?;
    let channel = peer_of(world, &asked.peer, user)?;
    let newest_first: Vec<(&i32, &tl::enums::Message)> = channel.posts.iter().rev().collect();
    let date = |message: &tl::enums::Message| match message {
        tl::enums::Message::Message(message) => message.date,
        tl::enums::Message::Service(message) => message.date,
        tl::enums::Message::Empty(_) => 0,
    };
    let start = newest_first
        .iter()
        .position(|(id, message)| {
            (asked.offset_id == 0 || **id < asked.offset_id)
                && (asked.offset_date == 0 || date(message) < asked.offset_date)
        })
        .unwrap_or(newest_first.len()) as i64
        + i64::from(asked.add_offset);
    // With a negative shift the page may begin above the newest post; those places are empty.
    let limit = i64::from(asked.limit.clamp(1, PAGE_MAX));
    let (from, to) = (start.max(0) as usize, (start + limit).max(0) as usize);
    let page = newest_first
        .into_iter()
        .skip(from)
        .take(to.saturating_sub(from))
        .filter(|(id, _)| (asked.max_id == 0 || **id < asked.max_id) && **id > asked.min_id)
        .map(|(_, message)| message.clone())
        .collect();
    Ok(messages(channel, user, page))
}

fn get_views(world: &World, request: &Request<'_>, user: i64) -> Handled {
    let asked: tl::functions::messages::GetMessagesViews = arguments(request)?;
    let channel = peer_of(world, &asked.peer, user)?;
    let views = asked.id.iter().map(|id| {
        let found = channel.posts.get(id).and_then(|message| match message {
            tl::enums::Message::Message(message) => Some((message.views, message.forwards)),
            tl::enums::Message::Service(_) | tl::enums::Message::Empty(_) => None,
        });
        let (views, forwards) = found.unwrap_or_default();
        tl::enums::MessageViews::Views(tl::types::MessageViews { views, forwards, replies: None })
    });
    Ok(tl::enums::messages::MessageViews::Views(tl::types::messages::MessageViews {
        views: views.collect(),
        chats: Vec::new(),
        users: Vec::new(),
    })
    .to_bytes())
}

/// All dialogs in one page: the channels the user is a member of.
fn get_dialogs(world: &World, user: i64) -> Vec<u8> {
    let own: Vec<&Channel> =
        world.channels.values().filter(|channel| channel.members.contains(&user)).collect();
    tl::enums::messages::Dialogs::Dialogs(tl::types::messages::Dialogs {
        dialogs: own.iter().map(|channel| objects::dialog(channel)).collect(),
        messages: own.iter().filter_map(|channel| channel.posts.values().next_back().cloned()).collect(),
        chats: own.iter().map(|channel| objects::chat(channel, user)).collect(),
        users: Vec::new(),
    })
    .to_bytes()
}

fn invited<'a>(world: &'a World, hash: &str) -> Result<&'a Channel, (i32, &'static str)> {
    let channel = world.channels.values().find(|channel| channel.invite.as_deref() == Some(hash));
    channel.ok_or((400, "INVITE_HASH_EXPIRED"))
}

fn check_invite(world: &World, request: &Request<'_>, user: i64) -> Handled {
    let asked: tl::functions::messages::CheckChatInvite = arguments(request)?;
    let channel = invited(world, &asked.hash)?;
    if channel.members.contains(&user) {
        let already = tl::types::ChatInviteAlready { chat: objects::chat(channel, user) };
        return Ok(tl::enums::ChatInvite::Already(already).to_bytes());
    }
    Ok(tl::enums::ChatInvite::Invite(tl::types::ChatInvite {
        channel: true,
        broadcast: !channel.megagroup,
        public: channel.username.is_some(),
        megagroup: channel.megagroup,
        request_needed: false,
        verified: false,
        scam: false,
        fake: false,
        can_refulfill_subscription: false,
        title: channel.title.clone(),
        about: Some(channel.about.clone()),
        photo: tl::enums::Photo::Empty(tl::types::PhotoEmpty { id: 0 }),
        participants_count: channel.members.len() as i32,
        participants: None,
        color: 0,
        subscription_pricing: None,
        subscription_form_id: None,
        bot_verification: None,
    })
    .to_bytes())
}

/// The answer to joining: the channel, now as a member sees it.
fn joined(world: &mut World, id: i64, user: i64) -> Handled {
    let channel = world.channels.get_mut(&id).ok_or((400, "CHANNEL_INVALID"))?;
    if channel.banned.contains(&user) {
        return Err((400, "USER_BANNED_IN_CHANNEL"));
    }
    channel.members.insert(user);
    let updates = tl::enums::Updates::Updates(tl::types::Updates {
        updates: vec![tl::enums::Update::Channel(tl::types::UpdateChannel { channel_id: id })],
        users: Vec::new(),
        chats: vec![objects::chat(channel, user)],
        date: now(),
        seq: 0,
    });
    let result = tl::types::messages::ChatInviteJoinResultOk { updates };
    Ok(tl::enums::messages::ChatInviteJoinResult::Ok(result).to_bytes())
}

fn import_invite(world: &mut World, request: &Request<'_>, user: i64) -> Handled {
    let asked: tl::functions::messages::ImportChatInvite = arguments(request)?;
    let id = invited(world, &asked.hash)?.id;
    if world.channels[&id].members.contains(&user) {
        return Err((400, "USER_ALREADY_PARTICIPANT"));
    }
    joined(world, id, user)
}

fn join_channel(world: &mut World, request: &Request<'_>, user: i64) -> Handled {
    let asked: tl::functions::channels::JoinChannel = arguments(request)?;
    let id = channel_of(world, &asked.channel, user)?.id;
    joined(world, id, user)
}

fn leave_channel(world: &mut World, request: &Request<'_>, user: i64) -> Handled {
    let asked: tl::functions::channels::LeaveChannel = arguments(request)?;
    let id = channel_of(world, &asked.channel, user)?.id;
    let channel = world.channels.get_mut(&id).ok_or((400, "CHANNEL_INVALID"))?;
    channel.members.remove(&user);
    let updates = tl::types::Updates {
        updates: vec![tl::enums::Update::Channel(tl::types::UpdateChannel { channel_id: id })],
        users: Vec::new(),
        chats: vec![objects::chat(channel, user)],
        date: now(),
        seq: 0,
    };
    Ok(tl::enums::Updates::Updates(updates).to_bytes())
}
