//! Questions, searches, tags: what is answered from the person's channels, every statement linked to its post.

use jiff::tz::TimeZone;

use super::{Dialogue, Inside, Outcome, start};
use crate::{
    app::{
        Error, ErrorCode,
        ask::{AskRequest, AskResponse, SourceView},
        search::{SearchHit, SearchRequest},
    },
    bot::{
        callback::Callback,
        markdown::markdown,
        reply::Reply,
        rich::{Rich, Style},
    },
};

/// The shortest question, characters.
const QUESTION_CHARS_MIN: usize = 3;
/// Hits and tags shown.
const HITS_SHOWN: usize = 8;
const TAGS_SHOWN: usize = 30;
/// Longest piece of a post beside its link, characters.
const PREVIEW_CHARS_MAX: usize = 160;
/// Answers below this are called inexact.
const UNSURE_BELOW: f32 = 0.5;

pub(super) fn ask_ask(inside: &Inside<'_>) -> Outcome {
    Outcome::reply(start::asking(inside, "ask-ask")).waiting(Dialogue::Question)
}

pub(super) fn search_ask(inside: &Inside<'_>) -> Outcome {
    Outcome::reply(start::asking(inside, "search-ask")).waiting(Dialogue::Search)
}

/// Answers a question.
pub(super) fn ask(inside: &Inside<'_>, text: &str) -> Result<Outcome, Error> {
    if text.chars().count() < QUESTION_CHARS_MIN {
        return Ok(Outcome::reply(Reply::new(Rich::new().text(inside.t("short-question")))));
    }
    if inside.access.channels.is_empty() {
        return Ok(no_channels(inside));
    }
    let request = AskRequest { query: text.to_owned(), ..AskRequest::default() };
    let access = &inside.access;
    let answered = inside.app.ask_as(
        &access.tenant,
        &access.channels,
        Some(&inside.member),
        &request,
        &TimeZone::system(),
    );
    match answered {
        Ok(answer) => Ok(Outcome::reply(answered_with(inside, &answer))),
        Err(error) => refused(inside, error),
    }
}

fn answered_with(inside: &Inside<'_>, answer: &AskResponse) -> Reply {
    let result = &answer.result;
    if result.abstained {
        let mut text = Rich::new().bold(inside.t("ask-nothing"));
        if !result.sources.is_empty() {
            text = text.gap().text(inside.t("ask-nearest"));
            text = sources(inside, text, &result.sources);
        }
        return next(inside, Reply::new(text));
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
    let mut text = Rich::new().bold(inside.t(header)).gap().then(cited(body, &result.sources));
    if result.confidence < UNSURE_BELOW {
        text = text.gap().italic(inside.t("ask-unsure"));
    }
    text = text.gap().bold(inside.t("ask-sources"));
    next(inside, Reply::new(sources(inside, text, &result.sources)))
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
fn next(inside: &Inside<'_>, reply: Reply) -> Reply {
    reply.row(vec![
        inside.button("button-search", Callback::Search),
        inside.button("button-tags", Callback::Tags),
        inside.button("button-menu", Callback::Menu),
    ])
}

fn no_channels(inside: &Inside<'_>) -> Outcome {
    let add = vec![inside.button("button-add", Callback::ChannelAdd)];
    Outcome::reply(Reply::new(Rich::new().text(inside.t("ask-none"))).row(add))
}

/// A refusal in the person's words; what is no refusal stays an error.
fn refused(inside: &Inside<'_>, error: Error) -> Result<Outcome, Error> {
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

/// Finds posts by words and meaning.
pub(super) fn search(inside: &Inside<'_>, query: &str) -> Result<Outcome, Error> {
    if inside.access.channels.is_empty() {
        return Ok(no_channels(inside));
    }
    let request =
        SearchRequest { query: query.to_owned(), limit: Some(HITS_SHOWN), ..SearchRequest::default() };
    let found = match inside.app.search(&inside.access.tenant, &inside.access.channels, &request) {
        Ok(found) => found,
        Err(error) => return refused(inside, error),
    };
    if found.hits.is_empty() {
        let words = inside.lang.tx("search-none", &[("query", preview(query).into())]);
        return Ok(Outcome::reply(next(inside, Reply::new(Rich::new().text(words)))));
    }
    let mut text = Rich::new().bold(inside.lang.tx("search-found", &[("n", found.total.into())])).line();
    for (place, hit) in found.hits.iter().enumerate() {
        text = text.line().text(format!("{}. ", place + 1));
        let title = format!("{}, {}", hit.channel_title, inside.day(&hit.posted_at));
        text = match &hit.permalink {
            Some(address) => text.link(title, address),
            None => text.text(title),
        };
        text = highlighted(text.text(" — "), hit);
    }
    Ok(Outcome::reply(next(inside, Reply::new(text))))
}

/// The hit's snippet on one line, its words in bold.
fn highlighted(mut text: Rich, hit: &SearchHit) -> Rich {
    for (place, c) in hit.snippet.chars().enumerate().take(PREVIEW_CHARS_MAX) {
        let bold = hit.highlights.iter().any(|(start, end)| (*start..*end).contains(&place));
        let c = if c.is_whitespace() { ' ' } else { c };
        text.push(c.encode_utf8(&mut [0; 4]), Style { bold, ..Style::default() });
    }
    text
}

/// The tags of the person's channels.
pub(super) fn tags(inside: &Inside<'_>) -> Result<Reply, Error> {
    let top = inside.access.tenant.tag_top(&inside.access.channels, TAGS_SHOWN)?;
    if top.is_empty() {
        return Ok(next(inside, inside.reply(Rich::new().text(inside.t("tags-none")))));
    }
    let mut text = Rich::new().bold(inside.t("tags-title")).line();
    for tag in top {
        text = text.line().text(format!("• {} — {}", tag.tag, tag.count));
    }
    Ok(next(inside, inside.reply(text)))
}

/// The beginning of a text on one line.
fn preview(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(PREVIEW_CHARS_MAX) {
        None => line,
        Some((cut, _)) => format!("{}…", line[..cut].trim_end()),
    }
}
