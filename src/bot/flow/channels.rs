//! Channels: adding by any reference or a forwarded post, the list, one channel with its ledger, depth, leaving.
//!
//! A channel is always looked up among the person's own: an id from a button opens nothing else.

use super::{Context, Dialogue, Inside, Outcome, start};
use crate::{
    app::{
        Error, ErrorCode,
        channels::{ChannelCard, DEPTH_DEFAULT_DAYS, FollowOptions, LedgerView, ReadingState},
    },
    bot::{
        callback::Callback,
        reply::{Button, Reply},
        rich::Rich,
    },
    model::ChannelId,
};

/// Channels on one page of the list.
const PAGE: usize = 8;
/// Depths offered, days; 0 is everything.
const DEPTHS: [u32; 4] = [7, 30, 90, 0];
/// Longest title on a button, characters.
const LABEL_CHARS_MAX: usize = 32;

/// What a channel is chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chosen {
    Show,
    Remove,
}

pub(super) fn add_ask(inside: &Inside<'_>) -> Outcome {
    Outcome::reply(start::asking(inside, "channel-ask")).waiting(Dialogue::Channel)
}

/// Follows whatever the text names.
pub(super) fn add(inside: &Inside<'_>, reference: &str) -> Result<Outcome, Error> {
    let reference = reference.trim();
    let options = FollowOptions { depth_days: Some(DEPTH_DEFAULT_DAYS), join: false };
    let added = inside.app.channel_add(&inside.access.tenant, &inside.member, reference, options);
    let (card, is_new) = match added {
        Ok(added) => added,
        Err(error) => return not_added(inside, reference, error),
    };
    if !is_new {
        let words = inside.lang.tx("channel-known", &[("title", (&card.title).into())]);
        return Ok(Outcome::reply(about(inside, Rich::new().text(words), card.id)));
    }
    let used = inside.app.subscription_view(&inside.access.tenant, &inside.member)?;
    let lang = inside.lang;
    let text =
        Rich::new()
            .bold(lang.tx("channel-added", &[("title", (&card.title).into())]))
            .gap()
            .text(match card.depth_days {
                Some(days) => lang.tx("channel-added-what", &[("n", days.into())]),
                None => lang.t("channel-added-all"),
            })
            .line()
            .text(lang.tx(
                "channel-room",
                &[("used", used.channels_used.into()), ("max", used.channels_limit.into())],
            ));
    Ok(Outcome::reply(about(inside, text, card.id)))
}

/// Words with what one does next with a channel.
fn about(inside: &Inside<'_>, text: Rich, id: ChannelId) -> Reply {
    Reply::new(text)
        .row(vec![
            inside.button("button-channel", Callback::Channel(id)),
            inside.button("button-add", Callback::ChannelAdd),
        ])
        .row(vec![
            inside.button("button-channels", Callback::Channels(0)),
            inside.button("button-ask", Callback::Ask),
        ])
}

fn not_added(inside: &Inside<'_>, reference: &str, error: Error) -> Result<Outcome, Error> {
    let code = error.code();
    let number = |key: &str| {
        let Error::Refused { details: Some(details), .. } = &error else { return 0 };
        details[key].as_i64().unwrap_or_default()
    };
    let lang = inside.lang;
    let list = vec![inside.button("button-channels", Callback::Channels(0))];
    let reply = if code == ErrorCode::TierLimitExceeded {
        let words = lang.tx("channel-limit", &[("max", channels(inside, number("max")).into())]);
        Reply::new(Rich::new().text(words)).row(list)
    } else if code == ErrorCode::TelegramSessionRequired {
        let connect = inside.app_button("button-connect").into_iter().collect();
        Reply::new(Rich::new().text(lang.t("channel-account"))).row(connect)
    } else if code == ErrorCode::AccountLimited {
        let minutes = number("retry_after_s").div_euclid(60) + 1;
        Reply::new(Rich::new().text(lang.tx("channel-account-waits", &[("minutes", minutes.into())])))
            .row(list)
    } else if matches!(code, ErrorCode::InvalidRequest | ErrorCode::NotFound) {
        let words = lang.tx("channel-not-found", &[("reference", label(reference).into())]);
        let cancel = vec![inside.button("button-cancel", Callback::Cancel)];
        let reply = Reply::new(Rich::new().text(words)).row(cancel);
        return Ok(Outcome::reply(reply).waiting(Dialogue::Channel));
    } else {
        return Err(error);
    };
    Ok(Outcome::reply(reply))
}

fn channels(context: &Context<'_>, count: i64) -> String {
    context.lang.tx("count-channels", &[("n", count.into())])
}

/// A page of the followed channels.
pub(super) fn list(inside: &Inside<'_>, page: u32) -> Result<Reply, Error> {
    let cards = inside.app.channel_cards(&inside.access.tenant, inside.member.id)?;
    listed(inside, &cards, page, "channels-title", Callback::Channel)
}

fn listed(
    inside: &Inside<'_>,
    cards: &[ChannelCard],
    page: u32,
    title: &str,
    opens: fn(ChannelId) -> Callback,
) -> Result<Reply, Error> {
    let add = inside.button("button-add", Callback::ChannelAdd);
    if cards.is_empty() {
        let text = Rich::new().text(inside.t("channels-none"));
        return Ok(inside.reply(text).row(vec![add]).row(vec![inside.button("button-menu", Callback::Menu)]));
    }
    let pages = cards.len().div_ceil(PAGE);
    // A page that is gone since the button was made is the last one.
    let page = (page as usize).min(pages - 1);
    let shown = &cards[page * PAGE..cards.len().min((page + 1) * PAGE)];
    let used = inside.app.subscription_view(&inside.access.tenant, &inside.member)?;
    let lang = inside.lang;
    let mut text = Rich::new().bold(inside.t(title)).line().text(
        lang.tx("channel-room", &[("used", used.channels_used.into()), ("max", used.channels_limit.into())]),
    );
    text = text.line();
    for card in shown {
        text = text.line().text("• ");
        text = match &card.username {
            Some(name) => text.link(&card.title, &format!("https://t.me/{name}")),
            None => text.text(&card.title),
        };
        let posts = lang.tx("count-posts", &[("n", card.posts.into())]);
        text = text.text(format!(" — {posts}. {}", inside.t(reading_key(card.reading.state))));
    }
    if pages > 1 {
        let words = lang.tx("channels-page", &[("page", (page + 1).into()), ("pages", pages.into())]);
        text = text.gap().italic(words);
    }
    let mut reply = inside.reply(text);
    for pair in shown.chunks(2) {
        let button = |card: &ChannelCard| Button::call(label(&card.title), opens(card.id));
        reply = reply.row(pair.iter().map(button).collect());
    }
    let mut turn = Vec::new();
    if page > 0 {
        turn.push(Button::call("‹".to_owned(), Callback::Channels(page as u32 - 1)));
    }
    if page + 1 < pages {
        turn.push(Button::call("›".to_owned(), Callback::Channels(page as u32 + 1)));
    }
    Ok(reply.row(turn).row(vec![add, inside.button("button-menu", Callback::Menu)]))
}

/// A channel named in words, or chosen from the list.
pub(super) fn choose(inside: &Inside<'_>, named: &str, chosen: Chosen) -> Result<Outcome, Error> {
    let cards = inside.app.channel_cards(&inside.access.tenant, inside.member.id)?;
    let name = named.trim().trim_start_matches("https://t.me/").trim_start_matches('@').to_lowercase();
    let named = cards.iter().find(|card| {
        let username = card.username.as_ref().is_some_and(|username| username.to_lowercase() == name);
        !name.is_empty() && (username || card.title.to_lowercase() == name)
    });
    let only = (cards.len() == 1 && name.is_empty()).then(|| cards.first()).flatten();
    match (named.or(only), chosen) {
        (Some(card), Chosen::Show) => self::card(inside, card.id),
        (Some(card), Chosen::Remove) => remove_ask(inside, card.id),
        (None, Chosen::Show) => {
            Ok(Outcome::reply(listed(inside, &cards, 0, "channels-choose-stats", Callback::Channel)?))
        }
        (None, Chosen::Remove) => {
            Ok(Outcome::reply(listed(inside, &cards, 0, "channels-choose-remove", Callback::ChannelRemove)?))
        }
    }
}

/// The person's channel with this id.
fn own(inside: &Inside<'_>, id: ChannelId) -> Result<Option<ChannelCard>, Error> {
    let cards = inside.app.channel_cards(&inside.access.tenant, inside.member.id)?;
    Ok(cards.into_iter().find(|card| card.id == id))
}

/// What is said of a channel that is not theirs (any more).
fn gone(inside: &Inside<'_>) -> Result<Outcome, Error> {
    Ok(Outcome::reply(list(inside, 0)?).toast(inside.t("channel-gone")))
}

pub(super) fn card(inside: &Inside<'_>, id: ChannelId) -> Result<Outcome, Error> {
    let Some(card) = own(inside, id)? else { return gone(inside) };
    let ledger = inside.app.channel_ledger(&inside.access.tenant, id)?;
    let text = described(inside, &card, &ledger);
    let reply = inside
        .reply(text)
        .row(vec![
            inside.button("button-refresh", Callback::ChannelRefresh(id)),
            inside.button("button-depth", Callback::ChannelDepth(id)),
        ])
        .row(vec![
            inside.button("button-remove", Callback::ChannelRemove(id)),
            inside.button("button-back", Callback::Channels(0)),
        ]);
    Ok(Outcome::reply(reply))
}

fn described(inside: &Inside<'_>, card: &ChannelCard, ledger: &LedgerView) -> Rich {
    let lang = inside.lang;
    let mut text = Rich::new().bold(&card.title);
    if let Some(name) = &card.username {
        text = text.text(" ").link(format!("@{name}"), &format!("https://t.me/{name}"));
    }
    text = text.gap().text(inside.t(reading_key(card.reading.state))).line();
    text = text.text(lang.tx("channel-posts", &[("n", card.posts.into())])).line();
    let date =
        card.reading.checked_at.as_deref().map_or_else(|| inside.t("date-never"), |at| inside.moment(at));
    text = text.text(lang.tx("channel-last", &[("date", date.into())])).line();
    text = text.text(match card.depth_days {
        Some(days) => lang.tx("channel-depth", &[("n", days.into())]),
        None => lang.t("channel-depth-all"),
    });
    if ledger.expected == 0 {
        return text;
    }
    if ledger.complete {
        return text.line().text(inside.t("channel-complete"));
    }
    let missing = ledger.missing;
    let accounted = ledger.expected.saturating_sub(missing.not_read);
    let read = [
        ("seen", accounted.into()),
        ("expected", ledger.expected.into()),
        ("percent", (accounted * 100 / ledger.expected).into()),
    ];
    let rest = [
        ("deleted", missing.deleted.into()),
        ("service", missing.service.into()),
        ("restricted", missing.restricted.into()),
        ("left", missing.not_read.into()),
    ];
    text.line().text(lang.tx("channel-read", &read)).line().text(lang.tx("channel-missing", &rest))
}

pub(super) fn remove_ask(inside: &Inside<'_>, id: ChannelId) -> Result<Outcome, Error> {
    let Some(card) = own(inside, id)? else { return gone(inside) };
    let text = Rich::new().text(inside.lang.tx("remove-ask", &[("title", (&card.title).into())]));
    Ok(Outcome::reply(inside.reply(text).row(vec![
        inside.button("button-remove-sure", Callback::ChannelRemoveSure(id)),
        inside.button("button-cancel", Callback::Channel(id)),
    ])))
}

pub(super) fn remove(inside: &Inside<'_>, id: ChannelId) -> Result<Outcome, Error> {
    let Some(card) = own(inside, id)? else { return gone(inside) };
    inside.app.channel_remove(&inside.access.tenant, inside.member.id, id)?;
    let text = Rich::new().text(inside.lang.tx("remove-done", &[("title", (&card.title).into())]));
    Ok(Outcome::reply(inside.reply(text).row(vec![
        inside.button("button-channels", Callback::Channels(0)),
        inside.button("button-add", Callback::ChannelAdd),
    ])))
}

pub(super) fn depth_ask(inside: &Inside<'_>, id: ChannelId) -> Result<Outcome, Error> {
    let Some(card) = own(inside, id)? else { return gone(inside) };
    let text = Rich::new().text(inside.lang.tx("depth-ask", &[("title", (&card.title).into())]));
    let choose = |days: u32| {
        let label = match days {
            0 => inside.t("depth-all"),
            days => inside.lang.tx("count-days", &[("n", days.into())]),
        };
        Button::call(label, Callback::ChannelDepthSet(id, days))
    };
    let back = vec![inside.button("button-back", Callback::Channel(id))];
    Ok(Outcome::reply(inside.reply(text).row(DEPTHS.into_iter().map(choose).collect()).row(back)))
}

pub(super) fn depth(inside: &Inside<'_>, id: ChannelId, days: u32) -> Result<Outcome, Error> {
    if own(inside, id)?.is_none() {
        return gone(inside);
    }
    let days = (days > 0).then_some(days);
    inside.app.channel_depth(&inside.access.tenant, inside.member.id, id, days)?;
    Ok(card(inside, id)?.toast(inside.t("depth-done")))
}

fn reading_key(state: ReadingState) -> &'static str {
    match state {
        ReadingState::Imported => "reading-imported",
        ReadingState::NoAccount => "reading-no-account",
        ReadingState::Starting => "reading-starting",
        ReadingState::History => "reading-history",
        ReadingState::UpToDate => "reading-up-to-date",
        ReadingState::Paused => "reading-paused",
    }
}

/// Short enough for a button, or to be repeated to who wrote it.
fn label(title: &str) -> String {
    match title.char_indices().nth(LABEL_CHARS_MAX) {
        None => title.to_owned(),
        Some((cut, _)) => format!("{}…", title[..cut].trim_end()),
    }
}
