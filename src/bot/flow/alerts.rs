//! Alerts: making them from words or from what was asked, their settings, what they found, and the words that tell of a find.

use jiff::SignedDuration;

use super::{
    Context, Dialogue, Inside, Outcome,
    ask::channel_title,
    asked::{Asked, Kind},
    search::{highlighted, preview},
    start,
};
use crate::{
    app::{
        Error, ErrorCode,
        alerts::{ALERTS_PER_MEMBER_MAX, AlertDue, AlertInput, AlertView},
    },
    bot::{
        callback::Callback,
        reply::{Button, Place, Reply},
        rich::Rich,
    },
    model::AlertId,
};

/// Finds shown at once.
const FOUND_SHOWN: usize = 8;
/// Longest label of a button, characters.
const LABEL_CHARS_MAX: usize = 40;

/// The person's alerts.
pub(super) fn list(inside: &Inside<'_>) -> Result<Reply, Error> {
    let alerts = inside.access.tenant.alert_list(inside.member.id)?;
    let text = Rich::new().bold(inside.t("alerts-title")).gap().text(inside.t("alerts-what")).gap();
    let text = text.text(inside.t(if alerts.is_empty() { "alerts-none" } else { "alerts-legend" }));
    let mut reply = inside.reply(text);
    for alert in &alerts {
        let sign = if is_muted(inside, alert) { "🔕" } else { "🔔" };
        let label: String = name(alert).chars().take(LABEL_CHARS_MAX).collect();
        let label = format!("{sign} {label} · {}", alert.found);
        reply = reply.row(vec![Button::call(label, Callback::Alert(alert.id))]);
    }
    Ok(reply.row(vec![
        inside.button("button-alert-new", Callback::AlertNew),
        inside.button("button-menu", Callback::Menu),
    ]))
}

pub(super) fn new_ask(inside: &Inside<'_>) -> Outcome {
    Outcome::reply(start::asking(inside, "alert-ask")).waiting(Dialogue::Alert)
}

/// An alert in words.
pub(super) fn new(inside: &Inside<'_>, text: &str) -> Result<Outcome, Error> {
    let outcome = add(inside, AlertInput { query: text.to_owned(), ..AlertInput::default() })?;
    // Words that ask for nothing can be said again.
    Ok(if outcome.asked_again { outcome.outcome.waiting(Dialogue::Alert) } else { outcome.outcome })
}

/// An alert from what was asked: a search's words as they are, a question's topic.
pub(super) fn save(inside: &Inside<'_>, asked: &Asked) -> Result<Outcome, Error> {
    let query = match asked.kind {
        Kind::Search => asked.text.clone(),
        Kind::Ask => inside.app.alert_words(&asked.text),
    };
    let by_meaning = asked.kind == Kind::Ask;
    let channel_ids = asked.channel.into_iter().collect();
    Ok(add(inside, AlertInput { query, by_meaning, channel_ids, ..AlertInput::default() })?.outcome)
}

struct Added {
    outcome: Outcome,
    asked_again: bool,
}

fn add(inside: &Inside<'_>, input: AlertInput) -> Result<Added, Error> {
    let preview = inside.app.alert_preview(&inside.access.tenant, &inside.access.channels, input.clone());
    match inside.app.alert_add(&inside.access.tenant, inside.member.id, input) {
        Ok((alert, is_new)) => {
            let key = if is_new { "alert-added" } else { "alert-known" };
            let mut first = Rich::new().text(inside.t(key));
            if let (true, Ok(preview)) = (is_new, preview) {
                first =
                    first.text(" ").text(inside.lang.tx("alert-last-week", &[("n", preview.found.into())]));
            }
            let reply = described(inside, &alert, first.gap()).at(Place::New);
            Ok(Added { outcome: Outcome::reply(reply), asked_again: false })
        }
        Err(error) if error.code() == ErrorCode::TierLimitExceeded => {
            let words = inside.lang.tx("alerts-limit", &[("max", ALERTS_PER_MEMBER_MAX.into())]);
            let list = vec![inside.button("button-alerts", Callback::Alerts)];
            let reply = Reply::new(Rich::new().text(words)).row(list);
            Ok(Added { outcome: Outcome::reply(reply), asked_again: false })
        }
        Err(error) if error.code() == ErrorCode::InvalidRequest => {
            let reply = start::asking(inside, "alert-empty");
            Ok(Added { outcome: Outcome::reply(reply), asked_again: true })
        }
        Err(error) => Err(error),
    }
}

/// One alert with its settings.
pub(super) fn card(inside: &Inside<'_>, id: AlertId) -> Result<Outcome, Error> {
    match inside.access.tenant.alert_get(inside.member.id, id) {
        Ok(alert) => Ok(Outcome::reply(described(inside, &alert, Rich::new()))),
        Err(Error::NotFound(_)) => gone(inside),
        Err(error) => Err(error),
    }
}

/// The alerts there are, for the button of one that is none of them any more.
pub(super) fn gone(inside: &Inside<'_>) -> Result<Outcome, Error> {
    Ok(Outcome::reply(list(inside)?).toast(inside.t("alert-gone")))
}

pub(super) fn described(inside: &Inside<'_>, alert: &AlertView, first: Rich) -> Reply {
    let lang = inside.lang;
    let mut text = first.text("🔔 ").bold(name(alert)).gap();
    text = text.text(inside.t(if alert.by_meaning { "alert-by-meaning" } else { "alert-by-words" })).line();
    let titles: Vec<String> = alert.channel_ids.iter().filter_map(|id| channel_title(inside, *id)).collect();
    text = text.text(if titles.is_empty() {
        inside.t("alert-all-channels")
    } else {
        lang.tx("alert-channels", &[("titles", titles.join(", ").into())])
    });
    text = text.line().text(lang.tx("alert-per-day", &[("n", alert.per_day_max.into())]));
    if let Some(quiet) = &alert.quiet {
        let hours = [
            ("from", (&quiet.from).into()),
            ("until", (&quiet.until).into()),
            ("zone", (&alert.zone).into()),
        ];
        text = text.line().text(lang.tx("alert-quiet", &hours));
    }
    let muted = is_muted(inside, alert);
    if let Some(until) = alert.muted_until.as_deref().filter(|_| muted) {
        text = text.line().text(lang.tx("alert-muted", &[("until", inside.moment(until).into())]));
    }
    text = text.line().text(lang.tx("alert-found", &[("n", alert.found.into())]));
    let id = alert.id;
    let mute = if muted {
        vec![inside.button("button-unmute", Callback::AlertMute(id, 0))]
    } else {
        vec![
            inside.button("button-mute-day", Callback::AlertMute(id, 1)),
            inside.button("button-mute-week", Callback::AlertMute(id, 7)),
        ]
    };
    let meaning = if alert.by_meaning { "button-meaning-off" } else { "button-meaning-on" };
    inside
        .reply(text)
        .row(vec![inside.button("button-alert-found", Callback::AlertFound(id))])
        .row(mute)
        .row(vec![
            inside.button("button-quiet", Callback::AlertQuiet(id)),
            inside.button(meaning, Callback::AlertMeaning(id, !alert.by_meaning)),
        ])
        .row(vec![
            inside.button("button-alert-delete", Callback::AlertDelete(id)),
            inside.button("button-alerts", Callback::Alerts),
        ])
}

pub(super) fn mute(inside: &Inside<'_>, id: AlertId, days: u32) -> Result<Outcome, Error> {
    let pause = SignedDuration::from_hours(24 * i64::from(days.min(366)));
    let until = (days > 0).then(|| inside.app.now().checked_add(pause).ok()).flatten();
    let toast = if days > 0 { "alert-muted-toast" } else { "alert-unmuted-toast" };
    adjust(inside, id, toast, |input| input.muted_until = until)
}

/// Tells nothing for a day. The find it was pressed below stays to be read.
pub(super) fn hush(inside: &Inside<'_>, id: AlertId) -> Result<Outcome, Error> {
    Ok(Outcome { replies: Vec::new(), ..mute(inside, id, 1)? })
}

/// The settings, below the find they were asked for from.
pub(super) fn below(inside: &Inside<'_>, id: AlertId) -> Result<Outcome, Error> {
    match inside.access.tenant.alert_get(inside.member.id, id) {
        Ok(alert) => Ok(Outcome::reply(described(inside, &alert, Rich::new()).at(Place::New))),
        Err(Error::NotFound(_)) => Ok(Outcome::default().toast(inside.t("alert-gone"))),
        Err(error) => Err(error),
    }
}

pub(super) fn meaning(inside: &Inside<'_>, id: AlertId, by_meaning: bool) -> Result<Outcome, Error> {
    adjust(inside, id, "alert-changed", |input| input.by_meaning = by_meaning)
}

/// Changes some of an alert, and shows it.
pub(super) fn adjust(
    inside: &Inside<'_>,
    id: AlertId,
    toast: &str,
    change: impl FnOnce(&mut AlertInput),
) -> Result<Outcome, Error> {
    match inside.app.alert_adjust(&inside.access.tenant, inside.member.id, id, change) {
        Ok(_) => Ok(card(inside, id)?.toast(inside.t(toast))),
        Err(Error::NotFound(_)) => Ok(Outcome::default().toast(inside.t("alert-gone"))),
        Err(error) => Err(error),
    }
}

pub(super) fn delete(inside: &Inside<'_>, id: AlertId) -> Result<Outcome, Error> {
    match inside.app.alert_delete(&inside.access.tenant, inside.member.id, id) {
        Ok(()) => Ok(Outcome::reply(list(inside)?).toast(inside.t("alert-deleted"))),
        Err(Error::NotFound(_)) => gone(inside),
        Err(error) => Err(error),
    }
}

/// What an alert found lately.
pub(super) fn found(inside: &Inside<'_>, id: AlertId) -> Result<Outcome, Error> {
    let key = (inside.member.id, id);
    let tenant = &inside.access.tenant;
    let (matches, total) = match tenant.alert_match_list(&inside.access.channels, key, FOUND_SHOWN, 0) {
        Ok(found) => found,
        Err(Error::NotFound(_)) => return Ok(Outcome::default().toast(inside.t("alert-gone"))),
        Err(error) => return Err(error),
    };
    let mut text = Rich::new().bold(inside.lang.tx("alert-found", &[("n", total.into())])).line();
    if total == 0 {
        text = text.line().text(inside.t("alert-found-none"));
    }
    for hit in &matches {
        let post = &hit.post;
        let title = format!("{}, {}", post.channel_title, inside.day(&post.posted_at));
        text = text.line().text("• ");
        text = match &post.permalink {
            Some(address) => text.link(title, address),
            None => text.text(title),
        };
        text = text.text(format!(" — {}", preview(&post.text)));
    }
    Ok(Outcome::reply(Reply::new(text).row(vec![
        inside.button("button-alert", Callback::Alert(id)),
        inside.button("button-alerts", Callback::Alerts),
    ])))
}

/// What an alert says of a post it found.
pub(in crate::bot) fn told(context: &Context<'_>, due: &AlertDue) -> Reply {
    let post = &due.post;
    let title = format!("{}, {}", post.channel_title, context.moment(&post.posted_at));
    let mut text = Rich::new().text("🔔 ").bold(name(&due.alert)).line();
    text = match &post.permalink {
        Some(address) => text.link(title, address),
        None => text.text(title),
    };
    let (snippet, highlights) = context.app.snippet_of(&post.text, &due.alert.query);
    text = highlighted(text.gap(), &snippet, &highlights);
    if due.last_today {
        text = text.gap().italic(context.t("alert-last-today"));
    }
    let id = due.alert.id;
    Reply::new(text).row(vec![
        context.button("button-mute-day", Callback::AlertHush(id)),
        context.button("button-alert", Callback::AlertBelow(id)),
    ])
}

/// What an alert is called: its words, else its tags.
pub(super) fn name(alert: &AlertView) -> String {
    let tags = alert.tags.iter().map(|tag| format!("#{tag}"));
    let words = (!alert.query.is_empty()).then(|| alert.query.clone());
    words.into_iter().chain(tags).collect::<Vec<_>>().join(" ")
}

fn is_muted(inside: &Inside<'_>, alert: &AlertView) -> bool {
    let until = alert.muted_until.as_deref().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    until.is_some_and(|until| until > inside.app.now())
}
