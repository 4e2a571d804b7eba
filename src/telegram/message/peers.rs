//! The names that come along with messages: channels, groups and people, by id.
//!
//! Answers carry every peer they mention once, beside the messages. A peer that is not among them has no name here.

use std::collections::HashMap;

use grammers_tl_types as tl;

/// Names of the peers that an answer mentions.
#[derive(Debug, Clone, Default)]
pub struct PeerNames {
    users: HashMap<i64, Name>,
    chats: HashMap<i64, Name>,
}

#[derive(Debug, Clone, Default)]
struct Name {
    title: String,
    username: Option<String>,
}

impl PeerNames {
    pub fn new(users: &[tl::enums::User], chats: &[tl::enums::Chat]) -> Self {
        Self {
            users: users.iter().filter_map(user).collect(),
            chats: chats.iter().filter_map(chat).collect(),
        }
    }

    /// What people call the peer.
    pub(super) fn title(&self, peer: &tl::enums::Peer) -> Option<String> {
        self.find(peer).map(|name| name.title.clone()).filter(|title| !title.trim().is_empty())
    }

    /// Its public name, without `@`.
    pub(super) fn username(&self, peer: &tl::enums::Peer) -> Option<String> {
        self.find(peer)?.username.clone()
    }

    pub(super) fn username_of_user(&self, id: i64) -> Option<String> {
        self.users.get(&id)?.username.clone()
    }

    fn find(&self, peer: &tl::enums::Peer) -> Option<&Name> {
        match peer {
            tl::enums::Peer::User(user) => self.users.get(&user.user_id),
            tl::enums::Peer::Chat(chat) => self.chats.get(&chat.chat_id),
            tl::enums::Peer::Channel(channel) => self.chats.get(&channel.channel_id),
        }
    }
}

fn user(user: &tl::enums::User) -> Option<(i64, Name)> {
    let tl::enums::User::User(user) = user else { return None };
    let parts = [user.first_name.as_deref(), user.last_name.as_deref()];
    let title = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let username = user.username.clone().or_else(|| active(user.usernames.as_deref()));
    Some((user.id, Name { title, username }))
}

fn chat(chat: &tl::enums::Chat) -> Option<(i64, Name)> {
    match chat {
        tl::enums::Chat::Channel(channel) => {
            let username = channel.username.clone().or_else(|| active(channel.usernames.as_deref()));
            Some((channel.id, Name { title: channel.title.clone(), username }))
        }
        tl::enums::Chat::ChannelForbidden(channel) => {
            Some((channel.id, Name { title: channel.title.clone(), username: None }))
        }
        tl::enums::Chat::Chat(chat) => Some((chat.id, Name { title: chat.title.clone(), username: None })),
        tl::enums::Chat::Forbidden(chat) => {
            Some((chat.id, Name { title: chat.title.clone(), username: None }))
        }
        tl::enums::Chat::Empty(_)
        | tl::enums::Chat::Community(_)
        | tl::enums::Chat::CommunityForbidden(_) => None,
    }
}

/// The first active one of several public names.
pub(in crate::telegram) fn active(names: Option<&[tl::enums::Username]>) -> Option<String> {
    names?.iter().find_map(|tl::enums::Username::Username(name)| name.active.then(|| name.username.clone()))
}
