//! What the bot does with what somebody says: one function from [`Incoming`] to [`Outcome`].
//!
//! Flows call `app` and block; they write nothing of the bot's own. Whatever was begun ends with the next thing said, unless that
//! goes on with it, so `/cancel` works everywhere. Who belongs nowhere reaches only what is for strangers.

mod ask;
mod channels;
mod command;
mod settings;
mod start;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    callback::{Callback, Stale},
    incoming::{Incoming, Said},
    reply::{Button, Does, Place, Reply},
    rich::Rich,
};
use crate::{
    app::{App, Error, access::Access},
    i18n::Lang,
    store::{BotChat, BotChatChange, Member, Profile},
};
use command::Command;

/// What an update comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) replies: Vec<Reply>,
    /// A few words on top of the screen, for a button.
    pub(super) toast: Option<String>,
    /// What changes of the person's choices.
    pub(super) chat: Option<BotChatChange>,
    /// What the bot waits for next.
    waits: Option<Dialogue>,
}

/// What the bot waits for: the next text is taken as that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Dialogue {
    Invite,
    Channel,
    Question,
    Search,
}

impl Outcome {
    pub(super) fn reply(reply: Reply) -> Self {
        Self { replies: vec![reply], ..Self::default() }
    }

    fn waiting(mut self, dialogue: Dialogue) -> Self {
        self.waits = Some(dialogue);
        self
    }

    fn toast(mut self, words: String) -> Self {
        self.toast = Some(words);
        self
    }
}

/// Everything a flow may look at.
pub(super) struct Context<'a> {
    app: &'a App,
    pub(super) lang: Lang,
    person: &'a Profile,
    update_id: i64,
    /// Where an answer goes: in place of the message that bore the button, or below.
    place: Place,
}

/// A flow's context once it is known that the person belongs somewhere.
struct Inside<'a> {
    outer: &'a Context<'a>,
    access: Access,
    member: Member,
}

impl Context<'_> {
    pub(super) fn t(&self, key: &str) -> String {
        self.lang.t(key)
    }

    /// Plain words below everything.
    pub(super) fn plain(text: String) -> Reply {
        Reply::new(Rich::new().text(text))
    }

    fn reply(&self, text: Rich) -> Reply {
        Reply::new(text).at(self.place)
    }

    pub(super) fn button(&self, key: &str, callback: Callback) -> Button {
        Button::call(self.t(key), callback)
    }

    /// An instant (RFC 3339) as people read it, UTC.
    fn moment(&self, at: &str) -> String {
        let Ok(at) = at.parse::<Timestamp>() else { return at.to_owned() };
        at.strftime(match self.lang {
            Lang::Ru => "%d.%m.%Y %H:%M UTC",
            Lang::En => "%-d %b %Y %H:%M UTC",
        })
        .to_string()
    }

    /// The day of an instant.
    fn day(&self, at: &str) -> String {
        let Ok(at) = at.parse::<Timestamp>() else { return at.to_owned() };
        at.strftime(match self.lang {
            Lang::Ru => "%d.%m.%Y",
            Lang::En => "%-d %b %Y",
        })
        .to_string()
    }

    /// A button that opens the Mini App, where there is one.
    pub(super) fn app_button(&self, key: &str) -> Option<Button> {
        let address = self.app.config().bot.app_url.as_ref()?;
        Some(Button { label: self.t(key), does: Does::App(address.to_string()) })
    }
}

impl Inside<'_> {
    /// Whether the person's Telegram account is connected.
    fn connected(&self) -> bool {
        self.app.account_find(self.member.id).is_some()
    }
}

impl<'a> std::ops::Deref for Inside<'a> {
    type Target = Context<'a>;

    fn deref(&self) -> &Context<'a> {
        self.outer
    }
}

/// What is to be done with what was said.
pub(super) fn answer(app: &App, incoming: &Incoming) -> Result<Outcome, Error> {
    let person = &incoming.person;
    if incoming.said == Said::Blocked {
        app.bot_chat_stop(person.telegram_id)?;
        return Ok(Outcome::default());
    }
    let chat = app.bot_chat(person.telegram_id)?;
    if chat.stopped_at.is_some() {
        app.bot_chat_resume(person.telegram_id)?;
    }
    let place = match &incoming.said {
        Said::Button { message: Some(message), .. } => Place::Instead(*message),
        Said::Button { .. }
        | Said::Command { .. }
        | Said::Text(_)
        | Said::Forwarded { .. }
        | Said::Wordless
        | Said::Blocked => Place::New,
    };
    let context =
        Context { app, lang: language(&chat, person), person, update_id: incoming.update_id, place };
    let access = app.bot_access(person.telegram_id, chat.tenant_id)?;
    let inside = access.and_then(|access| {
        let member = access.member.clone()?;
        Some(Inside { outer: &context, access, member })
    });
    if inside.as_ref().is_some_and(|inside| inside.member.profile != *person) {
        app.profile_update(person.clone())?;
    }
    let waited = chat.dialogue.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let mut outcome = said(&context, inside.as_ref(), &incoming.said, waited)?;
    if outcome.waits != waited || (waited.is_none() && chat.dialogue.is_some()) {
        let waits = outcome.waits.and_then(|dialogue| serde_json::to_string(&dialogue).ok());
        outcome.chat = Some(BotChatChange { dialogue: Some(waits), ..outcome.chat.unwrap_or_default() });
    }
    Ok(outcome)
}

/// What somebody reads whose update was given up.
pub(super) fn gave_up(app: &App, incoming: &Incoming) -> Reply {
    let chat = app.bot_chat(incoming.person.telegram_id).unwrap_or_default();
    Reply::new(Rich::new().text(language(&chat, &incoming.person).t("error-gave-up")))
}

/// Something to tell a person who asked for nothing, in their language.
pub(super) fn notice(
    app: &App,
    person: &Profile,
    words: impl FnOnce(&Context<'_>) -> Reply,
) -> Result<Reply, Error> {
    let chat = app.bot_chat(person.telegram_id)?;
    let lang = language(&chat, person);
    Ok(words(&Context { app, lang, person, update_id: 0, place: Place::New }))
}

/// Telegram's menu of commands in a language.
pub(super) fn menu(lang: Lang) -> Vec<(&'static str, String)> {
    Command::ALL.into_iter().map(|command| (command.name(), lang.t(command.key()))).collect()
}

fn language(chat: &BotChat, person: &Profile) -> Lang {
    let chosen = chat.language.as_deref().and_then(Lang::parse);
    chosen.unwrap_or_else(|| Lang::for_client(person.language.as_deref()))
}

fn said(
    context: &Context<'_>,
    inside: Option<&Inside<'_>>,
    said: &Said,
    waited: Option<Dialogue>,
) -> Result<Outcome, Error> {
    match said {
        Said::Command { name, rest } => match Command::parse(name) {
            Some(command) => commanded(context, inside, command, rest, waited),
            None => Ok(Outcome::reply(start::unknown(context, name))),
        },
        Said::Text(text) => match (inside, waited) {
            (None, _) if !start::is_code(text) => Ok(start::stranger(context)),
            (None, _) | (Some(_), Some(Dialogue::Invite)) => start::invite(context, text),
            (Some(inside), Some(Dialogue::Channel)) => channels::add(inside, text),
            (Some(inside), Some(Dialogue::Search)) => ask::search(inside, text),
            (Some(inside), Some(Dialogue::Question) | None) => ask::ask(inside, text),
        },
        Said::Forwarded { reference, .. } => match inside {
            Some(inside) => channels::add(inside, reference),
            None => Ok(start::stranger(context)),
        },
        Said::Wordless => match inside {
            Some(_) => Ok(Outcome::reply(context.reply(Rich::new().text(context.t("wordless"))))),
            None => Ok(start::stranger(context)),
        },
        Said::Button { asks, .. } => pressed(context, inside, *asks),
        Said::Blocked => Ok(Outcome::default()),
    }
}

fn commanded(
    context: &Context<'_>,
    inside: Option<&Inside<'_>>,
    command: Command,
    rest: &str,
    waited: Option<Dialogue>,
) -> Result<Outcome, Error> {
    match command {
        Command::Start if rest.is_empty() => return start::start(context, inside),
        Command::Login if rest.is_empty() => return Ok(start::login(context)),
        Command::Start | Command::Login => return start::invite(context, rest),
        Command::Help => return Ok(Outcome::reply(start::help(context))),
        Command::Language => return Ok(Outcome::reply(settings::languages(context))),
        Command::Privacy => return Ok(Outcome::reply(settings::privacy(context))),
        Command::Cancel => return Ok(start::cancel(context, waited.is_some())),
        Command::Menu
        | Command::AddChannel
        | Command::MyChannels
        | Command::ChannelStats
        | Command::RemoveChannel
        | Command::Ask
        | Command::Search
        | Command::Tags
        | Command::Settings => {}
    }
    let Some(inside) = inside else { return Ok(start::stranger(context)) };
    match command {
        Command::AddChannel if rest.is_empty() => Ok(channels::add_ask(inside)),
        Command::AddChannel => channels::add(inside, rest),
        Command::MyChannels => Ok(Outcome::reply(channels::list(inside, 0)?)),
        Command::ChannelStats => channels::choose(inside, rest, channels::Chosen::Show),
        Command::RemoveChannel => channels::choose(inside, rest, channels::Chosen::Remove),
        Command::Ask if rest.is_empty() => Ok(ask::ask_ask(inside)),
        Command::Ask => ask::ask(inside, rest),
        Command::Search if rest.is_empty() => Ok(ask::search_ask(inside)),
        Command::Search => ask::search(inside, rest),
        Command::Tags => Ok(Outcome::reply(ask::tags(inside)?)),
        Command::Settings => Ok(Outcome::reply(settings::settings(inside)?)),
        Command::Menu
        | Command::Start
        | Command::Login
        | Command::Help
        | Command::Language
        | Command::Privacy
        | Command::Cancel => Ok(Outcome::reply(start::menu(context))),
    }
}

fn pressed(
    context: &Context<'_>,
    inside: Option<&Inside<'_>>,
    asks: Result<Callback, Stale>,
) -> Result<Outcome, Error> {
    let callback = match asks {
        Ok(callback) => callback,
        Err(Stale::Foreign) => return Ok(Outcome::default().toast(context.t("button-foreign"))),
        Err(Stale::Unknown) => {
            let words = context.t("button-stale");
            return Ok(Outcome::reply(start::menu(context).at(Place::New)).toast(words));
        }
    };
    match callback {
        Callback::Help => return Ok(Outcome::reply(start::help(context))),
        Callback::Cancel => return Ok(start::cancel(context, true)),
        Callback::Languages => return Ok(Outcome::reply(settings::languages(context))),
        Callback::Language(lang) => return Ok(settings::language(context, lang)),
        Callback::Privacy => return Ok(Outcome::reply(settings::privacy(context))),
        Callback::Menu
        | Callback::ChannelAdd
        | Callback::Channels(_)
        | Callback::Channel(_)
        | Callback::ChannelRefresh(_)
        | Callback::ChannelRemove(_)
        | Callback::ChannelRemoveSure(_)
        | Callback::ChannelDepth(_)
        | Callback::ChannelDepthSet(_, _)
        | Callback::Ask
        | Callback::Search
        | Callback::Tags
        | Callback::Settings
        | Callback::Tenants
        | Callback::Tenant(_) => {}
    }
    let Some(inside) = inside else { return Ok(start::stranger(context)) };
    match callback {
        Callback::ChannelAdd => Ok(channels::add_ask(inside)),
        Callback::Channels(page) => Ok(Outcome::reply(channels::list(inside, page)?)),
        Callback::Channel(id) | Callback::ChannelRefresh(id) => channels::card(inside, id),
        Callback::ChannelRemove(id) => channels::remove_ask(inside, id),
        Callback::ChannelRemoveSure(id) => channels::remove(inside, id),
        Callback::ChannelDepth(id) => channels::depth_ask(inside, id),
        Callback::ChannelDepthSet(id, days) => channels::depth(inside, id, days),
        Callback::Ask => Ok(ask::ask_ask(inside)),
        Callback::Search => Ok(ask::search_ask(inside)),
        Callback::Tags => Ok(Outcome::reply(ask::tags(inside)?)),
        Callback::Settings => Ok(Outcome::reply(settings::settings(inside)?)),
        Callback::Tenants => Ok(Outcome::reply(settings::tenants(inside)?)),
        Callback::Tenant(id) => settings::tenant(inside, id),
        Callback::Menu
        | Callback::Help
        | Callback::Cancel
        | Callback::Languages
        | Callback::Language(_)
        | Callback::Privacy => Ok(Outcome::reply(start::menu(context))),
    }
}
