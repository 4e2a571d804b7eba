//! Questions: what is answered from the person's channels, every statement linked to its post; and how one goes on from there.

use jiff::{SignedDuration, tz::TimeZone};

use super::{
    Dialogue, Inside, Outcome,
    asked::{Asked, Kind},
    search::{preview, searched},
    start,
};
use crate::{
    app::{
        Error, ErrorCode,
        ask::{AskRequest, AskResponse, SourceView},
    },
    bot::{
        callback::{Callback, Refine},
        markdown::markdown,
        reply::{Button, Reply},
        rich::{Rich, Style},
    },
    model::ChannelId,
};

/// The shortest question, characters.
const QUESTION_CHARS_MIN: usize = 3;
/// Answers below this are called inexact.
const UNSURE_BELOW: f32 = 0.5;
/// Longest label of a button with a channel's title, characters.
const LABEL_CHARS_MAX: usize = 32;
/// What "the last week" is.
const WEEK_DAYS: u32 = 7;

pub(super) fn ask_ask(inside: &Inside<'_>) -> Outcome {
    Outcome::reply(start::asking(inside, "ask-ask")).waiting(Dialogue::Question)
}

/// Answers a question.
pub(super) fn ask(inside: &Inside<'_>, text: &str) -> Result<Outcome, Error> {
    answer(inside, Asked::new(Kind::Ask, text))
}

/// Goes on from what the person asked with an earlier update.
pub(super) fn refine(inside: &Inside<'_>, update_id: i64, how: Refine) -> Result<Outcome, Error> {
    let Some(mut asked) = Asked::find(inside, update_id)? else {
        return Ok(Outcome::default().toast(inside.t("ask-forgotten")));
    };
    match how {
        Refine::More(page) => searched(inside, asked, update_id, page),
        Refine::Channels => Ok(channels(inside, &asked, update_id)),
        Refine::Channel(channel) => {
            asked.channel = Some(channel);
            again(inside, asked)
        }
        Refine::Week => {
            asked.days = Some(WEEK_DAYS);
            again(inside, asked)
        }
        Refine::Alert => super::alerts::save(inside, &asked),
    }
}

fn again(inside: &Inside<'_>, asked: Asked) -> Result<Outcome, Error> {
    if asked.channel.is_some_and(|channel| !inside.access.channels.contains(channel)) {
        return Ok(Outcome::default().toast(inside.t("channel-gone")));
    }
    match asked.kind {
        Kind::Ask => answer(inside, asked),
        Kind::Search => searched(inside, asked, inside.update_id, 0),
    }
}

fn answer(inside: &Inside<'_>, mut asked: Asked) -> Result<Outcome, Error> {
    if asked.text.chars().count() < QUESTION_CHARS_MIN {
        return Ok(Outcome::reply(Reply::new(Rich::new().text(inside.t("short-question")))));
    }
    if inside.access.channels.is_empty() {
        return Ok(no_channels(inside));
    }
    let days = asked.days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
    let request = AskRequest {
        query: asked.text.clone(),
        channel_ids: asked.channel.into_iter().collect(),
        since: days.and_then(|days| inside.app.now().checked_sub(days).ok()),
        ..AskRequest::default()
    };
    let access = &inside.access;
    let (zone, mut told) = (TimeZone::system(), |piece: &str| (inside.draft)(piece));
    let answered = inside.app.ask_told(
        &access.tenant,
        &access.channels,
        Some(&inside.member),
        &request,
        (&zone, &mut told),
    );
    match answered {
        Ok(answer) => {
            for source in &answer.result.sources {
                if !asked.sources.contains(&source.channel_id) {
                    asked.sources.push(source.channel_id);
                }
            }
            let reply = answered_with(inside, &asked, &answer);
            Ok(Outcome { asked: Some(asked), ..Outcome::reply(reply) })
        }
        Err(error) => refused(inside, error),
    }
}

fn answered_with(inside: &Inside<'_>, asked: &Asked, answer: &AskResponse) -> Reply {
    let result = &answer.result;
    let narrowed = asked.narrowed(inside);
    if result.abstained {
        let mut text = Rich::new().bold(inside.t("ask-nothing"));
        if let Some(words) = narrowed {
            text = text.line().italic(words);
        }
        if !result.sources.is_empty() {
            text = text.gap().text(inside.t("ask-nearest"));
            text = sources(inside, text, &result.sources);
        }
        return next(inside, Reply::new(text).row(further(inside, asked, inside.update_id)));
    }
    let header = match answer.intent {
        "search" => "answer-search",
        "recommend" => "answer-recommend",
        "trend" => "answer-trend",
        "digest" => "answer-digest",
        _ => "answer-ask",
    };
    // Our own answers quote posts, whose stars and underlines mean nothing; a language model writes Markdown.
    let body = match answer.provider {
        "local" => Rich::new().text(&result.answer),
        _ => markdown(&result.answer),
    };
    let mut text = Rich::new().bold(inside.t(header));
    if let Some(words) = narrowed {
        text = text.line().italic(words);
    }
    text = text.gap().then(cited(body, &result.sources));
    if result.confidence < UNSURE_BELOW {
        text = text.gap().italic(inside.t("ask-unsure"));
    }
    if answer.model_failed {
        text = text.gap().italic(inside.t("ask-degraded"));
    }
    text = sources(inside, text.gap().bold(inside.t("ask-sources")), &result.sources);
    let rate = vec![
        Button::call("👍".to_owned(), Callback::Rate(answer.query_id, true)),
        Button::call("👎".to_owned(), Callback::Rate(answer.query_id, false)),
        inside.button("button-more", Callback::Asked(inside.update_id, Refine::More(0))),
    ];
    next(inside, Reply::new(text).row(rate).row(further(inside, asked, inside.update_id)))
}

/// How the same is asked more narrowly.
pub(super) fn further(inside: &Inside<'_>, asked: &Asked, update_id: i64) -> Vec<Button> {
    let of = |how| Callback::Asked(update_id, how);
    let mut row = Vec::new();
    if asked.channel.is_none() && inside.access.channels.count().is_none_or(|count| count > 1) {
        match asked.sources.as_slice() {
            [] => {}
            [only] => row.push(inside.button("button-only-channel", of(Refine::Channel(*only)))),
            [_, _, ..] => row.push(inside.button("button-only-channel", of(Refine::Channels))),
        }
    }
    if asked.days.is_none() {
        row.push(inside.button("button-week", of(Refine::Week)));
    }
    row.push(inside.button("button-save-alert", of(Refine::Alert)));
    row
}

/// Which of the channels that answered.
fn channels(inside: &Inside<'_>, asked: &Asked, update_id: i64) -> Outcome {
    let mut reply = Reply::new(Rich::new().text(inside.t("ask-which-channel")));
    for id in &asked.sources {
        if let Some(title) = channel_title(inside, *id) {
            let title: String = title.chars().take(LABEL_CHARS_MAX).collect();
            let only = Callback::Asked(update_id, Refine::Channel(*id));
            reply = reply.row(vec![Button::call(title, only)]);
        }
    }
    Outcome::reply(reply)
}

/// The title of a channel that the person may see.
pub(super) fn channel_title(inside: &Inside<'_>, id: ChannelId) -> Option<String> {
    let channel = inside.access.tenant.channel_of(id, &inside.access.channels).ok()?;
    Some(channel.title)
}

/// Makes each `[n]` a link to its source.
fn cited(text: Rich, sources: &[SourceView]) -> Rich {
    let mut out = Rich::new();
    for run in text.runs {
        let mut rest = run.text.as_str();
        while let Some(open) = rest.find('[') {
            let digits = rest[open + 1..].bytes().take_while(u8::is_ascii_digit).count();
            let end = open + 1 + digits;
            let number: Option<usize> = rest[open + 1..end].parse().ok();
            let source = number.and_then(|n| sources.iter().find(|source| source.n == n));
            let link = source.and_then(|source| source.permalink.clone());
            if rest[end..].starts_with(']') && link.is_some() && run.style.link.is_none() {
                out.push(&rest[..open], run.style.clone());
                out.push(&rest[open..=end], Style { link, ..run.style.clone() });
                rest = &rest[end + 1..];
            } else {
                out.push(&rest[..=open], run.style.clone());
                rest = &rest[open + 1..];
            }
        }
        out.push(rest, run.style.clone());
    }
    out
}

fn sources(inside: &Inside<'_>, mut text: Rich, sources: &[SourceView]) -> Rich {
    for source in sources {
        let title = format!("{}, {}", source.channel_title, inside.day(&source.posted_at));
        text = text.line().text(format!("{}. ", source.n));
        text = match &source.permalink {
            Some(address) => text.link(title, address),
            None => text.text(title),
        };
        let words = if source.quote.is_empty() { &source.content } else { &source.quote };
        text = text.text(format!(" — {}", preview(words)));
    }
    text
}

/// What one does after an answer.
pub(super) fn next(inside: &Inside<'_>, reply: Reply) -> Reply {
    reply.row(vec![
        inside.button("button-search", Callback::Search),
        inside.button("button-tags", Callback::Tags),
        inside.button("button-menu", Callback::Menu),
    ])
}

pub(super) fn no_channels(inside: &Inside<'_>) -> Outcome {
    let add = vec![inside.button("button-add", Callback::ChannelAdd)];
    Outcome::reply(Reply::new(Rich::new().text(inside.t("ask-none"))).row(add))
}

/// A refusal in the person's words; what is no refusal stays an error.
pub(super) fn refused(inside: &Inside<'_>, error: Error) -> Result<Outcome, Error> {
    let code = error.code();
    let words = if code == ErrorCode::TierLimitExceeded {
        let max = inside.app.tier_limits(inside.member.tier).questions_per_day_max;
        inside.lang.tx("ask-limit", &[("max", max.into())])
    } else if code == ErrorCode::InvalidRequest {
        inside.lang.tx("error-refused", &[("reason", error.to_string().into())])
    } else {
        return Err(error);
    };
    let menu = vec![inside.button("button-menu", Callback::Menu)];
    Ok(Outcome::reply(Reply::new(Rich::new().text(words)).row(menu)))
}
