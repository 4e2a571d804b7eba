//! Buttons: which flow each one leads to.

use super::{
    Context, Inside, Outcome, account, admin, alerts, ask, channels, command::Command, models, quiet, search,
    settings, start,
};
use crate::{
    app::Error,
    bot::{
        callback::{Callback, Pressed, Stale},
        reply::Place,
    },
};

pub(super) fn pressed(
    context: &Context<'_>,
    inside: Option<&Inside<'_>>,
    asks: Result<Pressed, Stale>,
) -> Result<Outcome, Error> {
    let callback = match asks {
        Ok(pressed) => pressed.asks,
        Err(Stale::Foreign) => return Ok(Outcome::default().toast(context.t("button-foreign"))),
        Err(Stale::Unknown) => {
            let words = context.t("button-stale");
            return Ok(Outcome::reply(start::menu(context).at(Place::New)).toast(words));
        }
    };
    match (callback, inside) {
        (Callback::Help, _) => Ok(Outcome::reply(start::help(context))),
        (Callback::Cancel, _) => Ok(start::cancel(context, true)),
        (Callback::Languages, _) => Ok(Outcome::reply(settings::languages(context, inside.is_some()))),
        (Callback::Language(lang), _) => Ok(settings::language(context, lang)),
        (Callback::Privacy, _) => Ok(Outcome::reply(settings::privacy(context, inside.is_some()))),
        (_, None) => Ok(start::stranger(context)),
        (_, Some(inside)) => pressed_inside(inside, callback),
    }
}

fn pressed_inside(inside: &Inside<'_>, callback: Callback) -> Result<Outcome, Error> {
    let shown = match callback {
        Callback::ChannelAdd => return Ok(channels::add_ask(inside)),
        Callback::Channel(id) | Callback::ChannelRefresh(id) => return channels::card(inside, id),
        Callback::ChannelRemove(id) => return channels::remove_ask(inside, id),
        Callback::ChannelRemoveSure(id) => return channels::remove(inside, id),
        Callback::ChannelDepth(id) => return channels::depth_ask(inside, id),
        Callback::ChannelDepthSet(id, days) => return channels::depth(inside, id, days),
        Callback::Ask => return Ok(ask::ask_ask(inside)),
        Callback::Search => return Ok(search::search_ask(inside)),
        Callback::Asked(update, how) => return ask::refine(inside, update, how),
        Callback::Rate(query, good) => return account::rate(inside, query, good),
        Callback::AlertNew => return Ok(alerts::new_ask(inside)),
        Callback::Alert(id) => return alerts::card(inside, id),
        Callback::AlertFound(id) => return alerts::found(inside, id),
        Callback::AlertMute(id, days) => return alerts::mute(inside, id, days),
        Callback::AlertQuiet(id) => return quiet::choose(inside, id),
        Callback::AlertQuietSet(id, hours) => return quiet::set(inside, id, hours),
        Callback::AlertQuietAsk(id) => return quiet::ask(inside, id),
        Callback::AlertMeaning(id, on) => return alerts::meaning(inside, id, on),
        Callback::AlertDelete(id) => return alerts::delete(inside, id),
        Callback::AlertHush(id) => return alerts::hush(inside, id),
        Callback::AlertBelow(id) => return alerts::below(inside, id),
        Callback::Feedback => return Ok(account::feedback_ask(inside)),
        Callback::Export => return Ok(account::export(inside)),
        Callback::DeleteMeSure(id) => return account::delete(inside, id),
        Callback::Tenant(id) => return settings::tenant(inside, id),
        Callback::ModelsAgree(given) => return models::agree(inside, given),
        Callback::Admin | Callback::AdminInvite | Callback::AdminUsers(_) | Callback::AdminStats
            if !admin::is_admin(inside) =>
        {
            return Ok(admin::only_admins(inside, Command::Admin));
        }
        Callback::Channels(page) => channels::list(inside, page)?,
        Callback::Alerts => alerts::list(inside)?,
        Callback::Tags => search::tags(inside)?,
        Callback::Settings => settings::settings(inside)?,
        Callback::Browser => account::browser(inside)?,
        Callback::Subscription => account::subscription(inside)?,
        Callback::Tenants => settings::tenants(inside)?,
        Callback::Models => models::card(inside)?,
        Callback::DeleteMe => account::delete_ask(inside),
        Callback::Admin => admin::menu(inside),
        Callback::AdminInvite => admin::invite(inside)?,
        Callback::AdminUsers(page) => admin::users(inside, page)?,
        Callback::AdminStats => admin::stats(inside)?,
        Callback::Menu
        | Callback::Help
        | Callback::Cancel
        | Callback::Languages
        | Callback::Language(_)
        | Callback::Privacy => start::menu(inside),
    };
    Ok(Outcome::reply(shown))
}
