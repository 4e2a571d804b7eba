//! The state of updates and what was missed: of the account, of one channel.

use grammers_tl_types as tl;
use tl::{Identifiable as _, Serializable as _};

use super::objects;
use super::rpc::{Handled, Request, arguments};
use super::rpc_channel::channel_of;
use super::world::{Change, Channel, World, now};

/// How far behind the log of a channel reaches, events; further behind the answer is "too long".
const DIFFERENCE_REACH: i32 = 2000;

pub(super) fn handle(world: &mut World, request: &Request<'_>, user: i64) -> Option<Handled> {
    use tl::functions::updates as f;
    Some(match request.method {
        f::GetState::CONSTRUCTOR_ID => Ok(tl::enums::updates::State::State(objects::state()).to_bytes()),
        f::GetDifference::CONSTRUCTOR_ID => difference(world, request, user),
        f::GetChannelDifference::CONSTRUCTOR_ID => channel_difference(world, request, user),
        _ => return None,
    })
}

/// Names the member's channels where something happened since; what it was is asked channel by channel.
fn difference(world: &World, request: &Request<'_>, user: i64) -> Handled {
    let asked: tl::functions::updates::GetDifference = arguments(request)?;
    let moved: Vec<&Channel> = world
        .channels
        .values()
        .filter(|channel| channel.members.contains(&user) && !channel.banned.contains(&user))
        .filter(|channel| channel.events.last().is_some_and(|event| event.at >= asked.date))
        .collect();
    if moved.is_empty() {
        let empty = tl::types::updates::DifferenceEmpty { date: now(), seq: 1 };
        return Ok(tl::enums::updates::Difference::Empty(empty).to_bytes());
    }
    let too_long = |channel: &&Channel| {
        let update = tl::types::UpdateChannelTooLong { channel_id: channel.id, pts: None };
        tl::enums::Update::ChannelTooLong(update)
    };
    Ok(tl::enums::updates::Difference::Difference(tl::types::updates::Difference {
        new_messages: Vec::new(),
        new_encrypted_messages: Vec::new(),
        other_updates: moved.iter().map(too_long).collect(),
        chats: moved.iter().map(|channel| objects::chat(channel, user)).collect(),
        users: Vec::new(),
        state: tl::enums::updates::State::State(objects::state()),
    })
    .to_bytes())
}

fn channel_difference(world: &World, request: &Request<'_>, user: i64) -> Handled {
    let asked: tl::functions::updates::GetChannelDifference = arguments(request)?;
    let channel = channel_of(world, &asked.channel, user)?;
    let behind = channel.pts - asked.pts;
    if behind <= 0 {
        let empty =
            tl::types::updates::ChannelDifferenceEmpty { r#final: true, pts: channel.pts, timeout: Some(30) };
        return Ok(tl::enums::updates::ChannelDifference::Empty(empty).to_bytes());
    }
    if behind > DIFFERENCE_REACH.min(asked.limit.max(1)) {
        let last = channel.posts.values().rev().take(10).cloned().collect();
        let too_long = tl::types::updates::ChannelDifferenceTooLong {
            r#final: true,
            timeout: Some(30),
            dialog: objects::dialog(channel),
            messages: last,
            chats: vec![objects::chat(channel, user)],
            users: Vec::new(),
        };
        return Ok(tl::enums::updates::ChannelDifference::TooLong(too_long).to_bytes());
    }
    let (mut new, mut other) = (Vec::new(), Vec::new());
    for event in channel.events.iter().filter(|event| event.pts > asked.pts) {
        match &event.what {
            Change::New(id) => new.extend(channel.posts.get(id).cloned()),
            Change::Edited(_) | Change::Deleted(_) => other.extend(update(channel, event.pts, &event.what)),
        }
    }
    Ok(tl::enums::updates::ChannelDifference::Difference(tl::types::updates::ChannelDifference {
        r#final: true,
        pts: channel.pts,
        timeout: Some(30),
        new_messages: new,
        other_updates: other,
        chats: vec![objects::chat(channel, user)],
        users: Vec::new(),
    })
    .to_bytes())
}

/// A change of a channel as an update; nothing for a post that is gone meanwhile.
pub(super) fn update(channel: &Channel, pts: i32, change: &Change) -> Option<tl::enums::Update> {
    Some(match change {
        Change::New(id) => {
            let message = channel.posts.get(id)?.clone();
            let update = tl::types::UpdateNewChannelMessage { message, pts, pts_count: 1 };
            tl::enums::Update::NewChannelMessage(update)
        }
        Change::Edited(id) => {
            let message = channel.posts.get(id)?.clone();
            let update = tl::types::UpdateEditChannelMessage { message, pts, pts_count: 1 };
            tl::enums::Update::EditChannelMessage(update)
        }
        Change::Deleted(ids) => {
            let update = tl::types::UpdateDeleteChannelMessages {
                channel_id: channel.id,
                messages: ids.clone(),
                pts,
                pts_count: 1,
            };
            tl::enums::Update::DeleteChannelMessages(update)
        }
    })
}
