//! What the bot does with what somebody says: one function from [`Incoming`] to [`Outcome`].
//!
//! Flows call `app` and block; they write nothing of the bot's own. Whatever was begun ends with the next thing said, unless that
//! goes on with it, so `/cancel` works everywhere. Who belongs nowhere reaches only what is for strangers.

mod account;
mod admin;
mod alerts;
mod ask;
mod asked;
mod buttons;
mod channels;
mod command;
mod models;
mod quiet;
mod search;
mod settings;
mod start;
mod voice;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(super) use self::{alerts::told as alert_told, asked::Asked};
use super::{
    callback::{Callback, Pressed, Stale},
    incoming::{Incoming, Said},
    reply::{Button, Does, Place, Reply},
    rich::Rich,
};
use crate::{
    app::{App, Error, access::Access},
    i18n::Lang,
    model::{AlertId, MembershipId, TenantId},
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
    /// What was asked, for the buttons below the answer.
    pub(super) asked: Option<Asked>,
    /// Said at once and kept nowhere: the person is gone.
    pub(super) farewell: Option<Reply>,
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
    Recommend,
    Alert,
    /// Hours for an alert, of whoever was asked: ids count within a space.
    QuietHours(AlertId, MembershipId),
    Feedback,
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
    /// Hears an answer by pieces while it is being written.
    draft: &'a dyn Fn(&str),
    /// What was recorded, for a voice message.
    audio: Option<&'a [u8]>,
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

/// What comes with what was said.
pub(super) struct Hearing<'a> {
    /// Hears an answer by pieces while it is being written.
    pub(super) draft: &'a dyn Fn(&str),
    /// What was recorded, for a voice message.
    pub(super) audio: Option<&'a [u8]>,
}

/// What is to be done with what was said.
pub(super) fn answer(app: &App, incoming: &Incoming, hearing: &Hearing<'_>) -> Result<Outcome, Error> {
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
        | Said::Voice { .. }
        | Said::Wordless
        | Said::Blocked => Place::New,
    };
    let context = Context {
        app,
        lang: language(&chat, person),
        person,
        update_id: incoming.update_id,
        draft: hearing.draft,
        audio: hearing.audio,
        place,
    };
    let (access, said_now) = opened(app, incoming, chat.tenant_id)?;
    let inside = access.and_then(|access| {
        let member = access.member.clone()?;
        Some(Inside { outer: &context, access, member })
    });
    if inside.as_ref().is_some_and(|inside| inside.member.profile != *person) {
        app.profile_update(person.clone())?;
    }
    let waited = chat.dialogue.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let mut outcome = said(&context, inside.as_ref(), &said_now, waited)?;
    if let Some(inside) = &inside {
        bound(inside, chat.tenant_id, &mut outcome)?;
    }
    if outcome.waits != waited || (waited.is_none() && chat.dialogue.is_some()) {
        let waits = outcome.waits.and_then(|dialogue| serde_json::to_string(&dialogue).ok());
        outcome.chat = Some(BotChatChange { dialogue: Some(waits), ..outcome.chat.unwrap_or_default() });
    }
    Ok(outcome)
}

/// Where it was said: a button in the space it was made for, everything else in the one that was chosen. A button of a space the
/// person is not in any more is out of date.
fn opened(app: &App, incoming: &Incoming, chosen: Option<TenantId>) -> Result<(Option<Access>, Said), Error> {
    let (person, said) = (incoming.person.telegram_id, incoming.said.clone());
    let Said::Button { asks: Ok(Pressed { member: Some(member), .. }), id, message } = &said else {
        return Ok((app.bot_access(person, chosen)?, said));
    };
    if let Some(access) = app.bot_access_as(person, *member)? {
        return Ok((Some(access), said));
    }
    let access = app.bot_access(person, chosen)?;
    if access.is_none() {
        // Who belongs nowhere any more reads what this is.
        return Ok((None, said));
    }
    let stale = Said::Button { id: id.clone(), asks: Err(Stale::Unknown), message: *message };
    Ok((access, stale))
}

/// Binds the buttons of an answer to the space it came from, and what is said next where something is waited for.
fn bound(inside: &Inside<'_>, chosen: Option<TenantId>, outcome: &mut Outcome) -> Result<(), Error> {
    let changed = outcome.chat.as_ref().and_then(|chat| chat.tenant_id);
    if changed.is_some() {
        return Ok(());
    }
    for reply in &mut outcome.replies {
        reply.member.get_or_insert(inside.member.id);
    }
    if outcome.waits.is_none() {
        return Ok(());
    }
    // Who chose none is heard in the one they have been in longest.
    let here = inside.access.tenant.id();
    let heard = inside.app.bot_access(inside.person.telegram_id, chosen)?;
    if heard.is_none_or(|access| access.tenant.id() != here) {
        outcome.chat.get_or_insert_default().tenant_id = Some(here);
    }
    Ok(())
}

/// Whether a voice message is to be fetched: somebody writes it down for this person, and it is not too long.
pub(super) fn voice_wanted(app: &App, incoming: &Incoming) -> Result<bool, Error> {
    let Said::Voice { seconds, .. } = &incoming.said else { return Ok(false) };
    let person = incoming.person.telegram_id;
    let Some(access) = app.bot_access(person, app.bot_chat(person)?.tenant_id)? else { return Ok(false) };
    let Some(member) = &access.member else { return Ok(false) };
    Ok(!voice::is_too_long(*seconds) && app.voice_denied(&access.tenant, member)?.is_none())
}

/// What an answer looks like that is still being written.
pub(super) fn draft(text: &str) -> Reply {
    Reply::new(crate::bot::markdown::markdown(text).text(" …"))
}

/// What somebody reads whose answer takes longer.
pub(super) fn working(app: &App, incoming: &Incoming) -> Reply {
    let chat = app.bot_chat(incoming.person.telegram_id).unwrap_or_default();
    Reply::new(Rich::new().italic(language(&chat, &incoming.person).t("working")))
}

/// What somebody reads who sends too much.
pub(super) fn too_fast(app: &App, incoming: &Incoming) -> Reply {
    let chat = app.bot_chat(incoming.person.telegram_id).unwrap_or_default();
    Reply::new(Rich::new().text(language(&chat, &incoming.person).t("too-fast")))
}

/// What somebody reads whose update was given up.
pub(super) fn gave_up(app: &App, incoming: &Incoming) -> Reply {
    let chat = app.bot_chat(incoming.person.telegram_id).unwrap_or_default();
    Reply::new(Rich::new().text(language(&chat, &incoming.person).t("error-gave-up")))
}

/// Something to tell a person who asked for nothing, in their language.
pub(super) fn notice(
    app: &App,
    member: &Member,
    words: impl FnOnce(&Context<'_>) -> Reply,
) -> Result<Reply, Error> {
    let person = &member.profile;
    let chat = app.bot_chat(person.telegram_id)?;
    let lang = language(&chat, person);
    let (draft, audio) = (&|_: &str| {}, None);
    let context = Context { app, lang, person, update_id: 0, draft, audio, place: Place::New };
    Ok(words(&context).of(member.id))
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
        Said::Text(text) => match inside {
            Some(inside) => texted(inside, text, waited),
            None if start::is_code(text) => start::invite(context, text),
            None => Ok(start::stranger(context)),
        },
        Said::Forwarded { reference, .. } => match inside {
            Some(inside) => channels::add(inside, reference),
            None => Ok(start::stranger(context)),
        },
        Said::Voice { seconds, mime, .. } => match inside {
            Some(inside) => voice::heard(inside, *seconds, mime, waited),
            None => Ok(start::stranger(context)),
        },
        Said::Wordless => match inside {
            Some(_) => Ok(Outcome::reply(context.reply(Rich::new().text(context.t("wordless"))))),
            None => Ok(start::stranger(context)),
        },
        Said::Button { asks, .. } => buttons::pressed(context, inside, *asks),
        Said::Blocked => Ok(Outcome::default()),
    }
}

/// A text of somebody who is in: the answer to what the bot asked, else a question.
fn texted(inside: &Inside<'_>, text: &str, waited: Option<Dialogue>) -> Result<Outcome, Error> {
    match waited {
        Some(Dialogue::Invite) => start::invite(inside, text),
        Some(Dialogue::Channel) => channels::add(inside, text),
        Some(Dialogue::Search) => search::search(inside, text),
        Some(Dialogue::Recommend) => search::recommend(inside, text),
        Some(Dialogue::Alert) => alerts::new(inside, text),
        Some(Dialogue::QuietHours(id, member)) => quiet::said(inside, (id, member), text),
        Some(Dialogue::Feedback) => account::feedback(inside, text),
        Some(Dialogue::Question) | None => ask::ask(inside, text),
    }
}

fn commanded(
    context: &Context<'_>,
    inside: Option<&Inside<'_>>,
    command: Command,
    rest: &str,
    waited: Option<Dialogue>,
) -> Result<Outcome, Error> {
    let is_bare = rest.is_empty();
    match command {
        Command::Start if is_bare => return start::start(context, inside),
        Command::Login if is_bare => return Ok(start::login(context)),
        Command::Start | Command::Login => return start::invite(context, rest),
        Command::Help => return Ok(Outcome::reply(start::help(context))),
        Command::Language => return Ok(Outcome::reply(settings::languages(context, inside.is_some()))),
        Command::Privacy => return Ok(Outcome::reply(settings::privacy(context, inside.is_some()))),
        Command::Cancel => return Ok(start::cancel(context, waited.is_some())),
        Command::Menu
        | Command::Ask
        | Command::Search
        | Command::Recommend
        | Command::Alerts
        | Command::Tags
        | Command::AddChannel
        | Command::MyChannels
        | Command::ChannelStats
        | Command::RemoveChannel
        | Command::Settings
        | Command::Subscription
        | Command::Feedback
        | Command::Export
        | Command::DeleteMe
        | Command::Admin
        | Command::AdminInvite
        | Command::AdminUsers
        | Command::AdminStats => {}
    }
    let Some(inside) = inside else { return Ok(start::stranger(context)) };
    if command.is_for_admins() && !admin::is_admin(inside) {
        return Ok(admin::only_admins(context, command));
    }
    let shown = match command {
        Command::AddChannel if is_bare => return Ok(channels::add_ask(inside)),
        Command::AddChannel => return channels::add(inside, rest),
        Command::ChannelStats => return channels::choose(inside, rest, channels::Chosen::Show),
        Command::RemoveChannel => return channels::choose(inside, rest, channels::Chosen::Remove),
        Command::Ask if is_bare => return Ok(ask::ask_ask(inside)),
        Command::Ask => return ask::ask(inside, rest),
        Command::Search if is_bare => return Ok(search::search_ask(inside)),
        Command::Search => return search::search(inside, rest),
        Command::Recommend if is_bare => return Ok(search::recommend_ask(inside)),
        Command::Recommend => return search::recommend(inside, rest),
        Command::Alerts if !is_bare => return alerts::new(inside, rest),
        Command::Feedback if is_bare => return Ok(account::feedback_ask(inside)),
        Command::Feedback => return account::feedback(inside, rest),
        Command::Export => return Ok(account::export(inside)),
        Command::Alerts => alerts::list(inside)?,
        Command::MyChannels => channels::list(inside, 0)?,
        Command::Tags => search::tags(inside)?,
        Command::Subscription => account::subscription(inside)?,
        Command::Settings => settings::settings(inside)?,
        Command::DeleteMe => account::delete_ask(inside),
        Command::Admin => admin::menu(inside),
        Command::AdminInvite => admin::invite(inside)?,
        Command::AdminUsers => admin::users(inside, 0)?,
        Command::AdminStats => admin::stats(inside)?,
        Command::Menu
        | Command::Start
        | Command::Login
        | Command::Help
        | Command::Language
        | Command::Privacy
        | Command::Cancel => start::menu(context),
    };
    Ok(Outcome::reply(shown))
}
