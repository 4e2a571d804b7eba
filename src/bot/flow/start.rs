//! Coming in: the first words, invites, the menu, help, cancelling.

use super::{Command, Context, Dialogue, Inside, Outcome};
use crate::{
    app::Error,
    bot::{
        callback::Callback,
        reply::{Place, Reply},
        rich::Rich,
    },
    config::Registration,
    model::Refusal,
};

/// Length of an invite's code.
const CODE_CHARS: usize = 12;

/// `/start` without anything.
pub(super) fn start(context: &Context<'_>, inside: Option<&Inside<'_>>) -> Result<Outcome, Error> {
    match inside {
        Some(inside) => Ok(Outcome::reply(welcome(inside, Rich::new())?)),
        None if context.app.bot_registration_open() => admit(context, None),
        None => Ok(stranger(context)),
    }
}

/// What somebody reads who belongs nowhere.
pub(super) fn stranger(context: &Context<'_>) -> Outcome {
    let closed = context.app.config().registration == Registration::Closed;
    let next = context.t(if closed { "stranger-closed" } else { "stranger-next" });
    let text = Rich::new().bold(context.t("stranger-title")).gap().text(context.t("stranger-what"));
    let reply = context.reply(text.gap().text(next));
    if closed {
        return Outcome::reply(reply);
    }
    Outcome::reply(reply).waiting(Dialogue::Invite)
}

/// `/login` without a code.
pub(super) fn login(context: &Context<'_>) -> Outcome {
    Outcome::reply(asking(context, "invite-ask")).waiting(Dialogue::Invite)
}

/// A code was sent, or something that should be one.
pub(super) fn invite(context: &Context<'_>, text: &str) -> Result<Outcome, Error> {
    let code = text.trim().to_uppercase();
    admit(context, Some(&code))
}

/// Whether a text could be an invite's code; a stranger's other words are answered with what this is.
pub(super) fn is_code(text: &str) -> bool {
    let text = text.trim();
    text.len() == CODE_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn admit(context: &Context<'_>, code: Option<&str>) -> Result<Outcome, Error> {
    let login_id = format!("bot:{}", context.update_id);
    let before = context.app.memberships_of(context.person.telegram_id)?.len();
    match context.app.bot_admit(&login_id, context.person.clone(), code) {
        Ok(access) => {
            let Some(member) = access.member.clone() else { return Ok(stranger(context)) };
            let is_new = context.app.memberships_of(context.person.telegram_id)?.len() > before;
            let tenant_id = Some(access.tenant.id());
            let inside = Inside { outer: context, access, member };
            let words = context.t(if is_new { "invite-accepted" } else { "invite-member" });
            let mut outcome = Outcome::reply(welcome(&inside, Rich::new().text(words).gap())?);
            outcome.chat = Some(crate::store::BotChatChange { tenant_id, ..Default::default() });
            Ok(outcome)
        }
        Err(Error::Admission(refusal)) => Ok(refused(context, refusal)),
        Err(error) => Err(error),
    }
}

fn refused(context: &Context<'_>, refusal: Refusal) -> Outcome {
    let key = match refusal {
        Refusal::InviteRequired | Refusal::RegistrationClosed => return stranger(context),
        Refusal::InviteUnknown => "invite-unknown",
        Refusal::InviteExpired => "invite-expired",
        Refusal::InviteRevoked => "invite-revoked",
        Refusal::InviteExhausted => "invite-exhausted",
    };
    Outcome::reply(asking(context, key)).waiting(Dialogue::Invite)
}

/// Who is in reads what the bot is for and what to do next.
fn welcome(inside: &Inside<'_>, first: Rich) -> Result<Reply, Error> {
    let text =
        first.then(Rich::new().bold(inside.t("welcome-title")).gap().text(inside.t("welcome-what")).gap());
    let connect = inside.app_button("button-connect");
    let channels = inside.app.channel_cards(&inside.access.tenant, inside.member.id)?.len();
    let connected = inside.connected();
    let next = if channels > 0 {
        inside.lang.tx("welcome-next-ask", &[("n", channels.into())])
    } else if connected {
        inside.t("welcome-next-channel")
    } else if connect.is_some() {
        inside.t("welcome-next-account")
    } else {
        inside.t("welcome-next-account-later")
    };
    let mut reply = Reply::new(text.text(next)).at(inside.place);
    if !connected {
        reply = reply.row(connect.into_iter().collect());
    }
    Ok(with_menu(inside, reply))
}

pub(super) fn menu(context: &Context<'_>) -> Reply {
    let text = Rich::new().bold(context.t("menu-title")).gap().text(context.t("menu-what"));
    let reply = context.reply(text).row(context.app_button("button-app").into_iter().collect());
    with_menu(context, reply)
}

fn with_menu(context: &Context<'_>, reply: Reply) -> Reply {
    reply
        .row(vec![
            context.button("button-ask", Callback::Ask),
            context.button("button-search", Callback::Search),
        ])
        .row(vec![
            context.button("button-add", Callback::ChannelAdd),
            context.button("button-channels", Callback::Channels(0)),
        ])
        .row(vec![
            context.button("button-alerts", Callback::Alerts),
            context.button("button-tags", Callback::Tags),
        ])
        .row(vec![
            context.button("button-settings", Callback::Settings),
            context.button("button-help", Callback::Help),
        ])
}

pub(super) fn help(context: &Context<'_>) -> Reply {
    let text = Rich::new().bold(context.t("help-title")).gap().text(context.t("help-ask")).gap();
    commands(context, text.bold(context.t("help-commands")))
}

/// A command that does not exist.
pub(super) fn unknown(context: &Context<'_>, name: &str) -> Reply {
    commands(context, Rich::new().text(context.lang.tx("unknown-command", &[("name", name.into())])))
}

fn commands(context: &Context<'_>, mut text: Rich) -> Reply {
    for command in Command::ALL {
        text = text.line().text(format!("/{} — {}", command.name(), context.t(command.key())));
    }
    context.reply(text).row(vec![context.button("button-menu", Callback::Menu)])
}

pub(super) fn cancel(context: &Context<'_>, had: bool) -> Outcome {
    let words = context.t(if had { "cancel-done" } else { "cancel-nothing" });
    let menu = vec![context.button("button-menu", Callback::Menu)];
    Outcome::reply(context.reply(Rich::new().text(words)).row(menu))
}

/// A question to the person that can be cancelled; below what was said, so that it stays where they look.
pub(super) fn asking(context: &Context<'_>, key: &str) -> Reply {
    asking_words(context, context.t(key))
}

/// The same, in these words.
pub(super) fn asking_words(context: &Context<'_>, words: String) -> Reply {
    let cancel = vec![context.button("button-cancel", Callback::Cancel)];
    context.reply(Rich::new().text(words)).at(Place::New).row(cancel)
}
