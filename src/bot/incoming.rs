//! What somebody said to the bot, read from an update of the Bot API.
//!
//! The one place that knows the update's form. What the bot does not talk about (groups, channels, edits) reads as nothing. Pure.

use teloxide::types::{CallbackQuery, ChatMemberUpdated, Message, MessageOrigin, Update, UpdateKind, User};

use super::callback::{Callback, Pressed, Stale};
use crate::store::Profile;

/// An update that asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Incoming {
    pub(super) update_id: i64,
    pub(super) person: Profile,
    pub(super) said: Said,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// `/name rest`, the name in lower case.
    Command {
        name: String,
        rest: String,
    },
    Text(String),
    /// A post of a channel was forwarded: its reference and title.
    Forwarded {
        reference: String,
        title: String,
    },
    /// A voice message: a question, where somebody writes it down.
    Voice {
        file: String,
        seconds: u32,
        mime: String,
    },
    /// Something without words the bot could use: a picture, a sticker.
    Wordless,
    Button {
        id: String,
        asks: Result<Pressed, Stale>,
        message: Option<i32>,
    },
    /// They blocked the bot.
    Blocked,
}

impl Incoming {
    /// Reads an update; `None` is one that asks for nothing.
    pub(super) fn read(body: &str, update_id: i64) -> Option<Self> {
        let update: Update = serde_json::from_str(body).ok()?;
        let (user, said) = match update.kind {
            UpdateKind::Message(message) => message_said(message)?,
            UpdateKind::CallbackQuery(query) => button(query),
            UpdateKind::MyChatMember(change) => membership(change)?,
            UpdateKind::EditedMessage(_)
            | UpdateKind::ChannelPost(_)
            | UpdateKind::EditedChannelPost(_)
            | UpdateKind::BusinessConnection(_)
            | UpdateKind::BusinessMessage(_)
            | UpdateKind::EditedBusinessMessage(_)
            | UpdateKind::DeletedBusinessMessages(_)
            | UpdateKind::MessageReaction(_)
            | UpdateKind::MessageReactionCount(_)
            | UpdateKind::InlineQuery(_)
            | UpdateKind::ChosenInlineResult(_)
            | UpdateKind::ShippingQuery(_)
            | UpdateKind::PreCheckoutQuery(_)
            | UpdateKind::PurchasedPaidMedia(_)
            | UpdateKind::Poll(_)
            | UpdateKind::PollAnswer(_)
            | UpdateKind::ChatMember(_)
            | UpdateKind::ChatJoinRequest(_)
            | UpdateKind::ChatBoost(_)
            | UpdateKind::RemovedChatBoost(_)
            | UpdateKind::Error(_) => return None,
        };
        Some(Self { update_id, person: profile(user), said })
    }

    /// The button to be answered.
    pub(super) fn button_id(&self) -> Option<String> {
        match &self.said {
            Said::Button { id, .. } => Some(id.clone()),
            Said::Command { .. }
            | Said::Text(_)
            | Said::Forwarded { .. }
            | Said::Voice { .. }
            | Said::Wordless
            | Said::Blocked => None,
        }
    }
}

fn message_said(message: Message) -> Option<(User, Said)> {
    if !message.chat.is_private() {
        return None;
    }
    let said = match message.forward_origin() {
        Some(MessageOrigin::Channel { chat, .. }) => {
            let reference = chat.username().map_or_else(|| chat.id.0.to_string(), |name| format!("@{name}"));
            Said::Forwarded { reference, title: chat.title().unwrap_or_default().to_owned() }
        }
        Some(MessageOrigin::User { .. } | MessageOrigin::HiddenUser { .. } | MessageOrigin::Chat { .. })
        | None => match (message.text(), message.voice()) {
            (Some(text), _) => words(text),
            (None, Some(voice)) => Said::Voice {
                file: voice.file.id.to_string(),
                seconds: voice.duration.seconds(),
                mime: voice.mime_type.as_ref().map_or_else(|| "audio/ogg".to_owned(), ToString::to_string),
            },
            (None, None) => Said::Wordless,
        },
    };
    Some((message.from.filter(|user| !user.is_bot)?, said))
}

/// `/Name@bot rest` is a command, whatever the bot's name: in a private chat nobody else is meant.
fn words(text: &str) -> Said {
    let text = text.trim();
    let Some(command) = text.strip_prefix('/') else { return Said::Text(text.to_owned()) };
    let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let name = name.split('@').next().unwrap_or_default().to_lowercase();
    Said::Command { name, rest: rest.trim().to_owned() }
}

fn button(query: CallbackQuery) -> (User, Said) {
    let person = query.from.id.0 as i64;
    let asks = query.data.as_deref().map_or(Err(Stale::Unknown), |data| Callback::decode(data, person));
    let message = query.message.as_ref().map(|message| message.id().0);
    (query.from, Said::Button { id: query.id.0, asks, message })
}

fn membership(change: ChatMemberUpdated) -> Option<(User, Said)> {
    let blocked = change.chat.is_private() && change.new_chat_member.is_banned();
    blocked.then_some((change.from, Said::Blocked))
}

fn profile(user: User) -> Profile {
    Profile {
        telegram_id: user.id.0 as i64,
        username: user.username,
        first_name: Some(user.first_name).filter(|name| !name.is_empty()),
        last_name: user.last_name,
        language: user.language_code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &str) -> Option<Said> {
        let body = format!(
            r#"{{"update_id":7,"message":{{"message_id":1,"date":1700000000,
                "from":{{"id":5,"is_bot":false,"first_name":"A"}},"chat":{{"id":5,"type":"private"}},{message}}}}}"#
        );
        Incoming::read(&body, 7).map(|incoming| incoming.said)
    }

    #[test]
    fn commands_are_read_as_people_write_them() {
        let command = |name: &str, rest: &str| Some(Said::Command { name: name.into(), rest: rest.into() });
        assert_eq!(said(r#""text":"/start""#), command("start", ""));
        assert_eq!(said(r#""text":"/Add_Channel@my_bot  @news ""#), command("add_channel", "@news"));
        assert_eq!(said(r#""text":"/ask\nчто нового?""#), command("ask", "что нового?"));
        assert_eq!(said(r#""text":"что нового?""#), Some(Said::Text("что нового?".into())));
        assert_eq!(said(r#""sticker":7"#), Some(Said::Wordless));
    }

    #[test]
    fn a_forwarded_post_names_its_channel() {
        let origin = |chat: &str| {
            format!(
                r#""forward_origin":{{"type":"channel","date":1700000000,"message_id":3,"chat":{chat}}},"text":"x""#
            )
        };
        let forwarded = |reference: &str| {
            Some(Said::Forwarded { reference: reference.into(), title: "Новости".into() })
        };
        let public = r#"{"id":-1001,"type":"channel","title":"Новости","username":"news"}"#;
        assert_eq!(said(&origin(public)), forwarded("@news"));
        let private = r#"{"id":-1001234567890,"type":"channel","title":"Новости"}"#;
        assert_eq!(said(&origin(private)), forwarded("-1001234567890"));
    }

    #[test]
    fn what_the_bot_does_not_talk_about_is_nothing() {
        for body in [
            r#"{"update_id":7}"#,
            r#"{"update_id":7,"unheard_of":{"id":1}}"#,
            r#"{"update_id":7,"message":{"message_id":1,"date":1,"text":"hi",
                "from":{"id":5,"is_bot":false,"first_name":"A"},"chat":{"id":-5,"type":"group","title":"g"}}}"#,
        ] {
            assert_eq!(Incoming::read(body, 7), None, "{body}");
        }
    }
}
