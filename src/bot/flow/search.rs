//! Searches and tags: posts by words and meaning, page by page.

use jiff::SignedDuration;

use super::{
    Dialogue, Inside, Outcome,
    ask::{further, next, no_channels, refused},
    asked::{Asked, Kind},
    start,
};
use crate::{
    app::{
        Error,
        search::{HITS_MAX, SearchHit, SearchRequest, SearchResponse},
    },
    bot::{
        callback::{Callback, Refine},
        reply::{Button, Place, Reply},
        rich::{Rich, Style},
    },
};

/// Hits and tags shown at once.
const HITS_SHOWN: usize = 8;
const TAGS_SHOWN: usize = 30;
/// Posts recommended, from how many of the best, and of one channel at most.
const PICKED: usize = 6;
const PICKED_FROM: usize = 30;
const PICKED_PER_CHANNEL: usize = 2;
/// Longest piece of a post beside its link, characters.
const PREVIEW_CHARS_MAX: usize = 160;

pub(super) fn recommend_ask(inside: &Inside<'_>) -> Outcome {
    Outcome::reply(start::asking(inside, "recommend-ask")).waiting(Dialogue::Recommend)
}

pub(super) fn search_ask(inside: &Inside<'_>) -> Outcome {
    Outcome::reply(start::asking(inside, "search-ask")).waiting(Dialogue::Search)
}

fn found_by(inside: &Inside<'_>, request: &SearchRequest) -> Result<SearchResponse, Error> {
    let (tenant, channels) = (&inside.access.tenant, &inside.access.channels);
    inside.app.search(tenant, channels, Some(inside.member.id), request)
}

/// Finds posts by words and meaning.
pub(super) fn search(inside: &Inside<'_>, query: &str) -> Result<Outcome, Error> {
    searched(inside, Asked::new(Kind::Search, query), inside.update_id, 0)
}

/// Names what is worth reading on a topic: the best posts, each story once, several channels rather than one.
pub(super) fn recommend(inside: &Inside<'_>, topic: &str) -> Result<Outcome, Error> {
    if inside.access.channels.is_empty() {
        return Ok(no_channels(inside));
    }
    let request =
        SearchRequest { query: topic.to_owned(), limit: Some(PICKED_FROM), ..SearchRequest::default() };
    let found = match found_by(inside, &request) {
        Ok(found) => found,
        Err(error) => return refused(inside, error),
    };
    let mut picked: Vec<&SearchHit> = Vec::new();
    for hit in &found.hits {
        let same = picked.iter().filter(|other| other.channel_id == hit.channel_id).count();
        if same < PICKED_PER_CHANNEL && picked.len() < PICKED {
            picked.push(hit);
        }
    }
    if picked.is_empty() {
        return search(inside, topic);
    }
    let mut asked = Asked::new(Kind::Search, topic);
    for hit in &picked {
        if !asked.sources.contains(&hit.channel_id) {
            asked.sources.push(hit.channel_id);
        }
    }
    let text = hits(inside, Rich::new().bold(inside.t("answer-recommend")).line(), &picked, 0);
    let more = vec![inside.button("button-more", Callback::Asked(inside.update_id, Refine::More(0)))];
    let reply = Reply::new(text).row(more).row(further(inside, &asked, inside.update_id));
    Ok(Outcome { asked: Some(asked), ..Outcome::reply(next(inside, reply)) })
}

/// A page of what is found for something asked with `update_id`, from 0.
pub(super) fn searched(
    inside: &Inside<'_>,
    mut asked: Asked,
    update_id: i64,
    page: u32,
) -> Result<Outcome, Error> {
    if inside.access.channels.is_empty() {
        return Ok(no_channels(inside));
    }
    let from = (page as usize).saturating_mul(HITS_SHOWN).min(HITS_MAX - HITS_SHOWN);
    let days = asked.days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
    let request = SearchRequest {
        query: asked.text.clone(),
        channel_ids: asked.channel.into_iter().collect(),
        since: days.and_then(|days| inside.app.now().checked_sub(days).ok()),
        // One more than is shown tells whether there is a next page.
        limit: Some((from + HITS_SHOWN + 1).min(HITS_MAX)),
        ..SearchRequest::default()
    };
    let found = match found_by(inside, &request) {
        Ok(found) => found,
        Err(error) => return refused(inside, error),
    };
    let shown: Vec<&SearchHit> = found.hits.iter().skip(from).take(HITS_SHOWN).collect();
    // What was asked by this update is what its buttons mean; a page of an earlier one keeps meaning the earlier.
    let is_new = update_id == inside.update_id;
    if is_new {
        for hit in &shown {
            if !asked.sources.contains(&hit.channel_id) {
                asked.sources.push(hit.channel_id);
            }
        }
    }
    let reply = if shown.is_empty() {
        let words = inside.lang.tx("search-none", &[("query", preview(&asked.text).into())]);
        let mut text = Rich::new().text(words);
        if let Some(words) = asked.narrowed(inside) {
            text = text.line().italic(words);
        }
        Reply::new(text)
            .row(vec![inside.button("button-save-alert", Callback::Asked(update_id, Refine::Alert))])
    } else {
        let mut reply = Reply::new(listed(inside, &asked, &shown, found.total, from));
        reply = reply.row(turns(inside, update_id, page, found.hits.len() > from + HITS_SHOWN));
        reply.row(further(inside, &asked, update_id))
    };
    // Turning a page changes the list; a list that begins below something else stands for itself.
    let place = if !is_new && (page > 0 || asked.kind == Kind::Search) { inside.place } else { Place::New };
    let outcome = Outcome::reply(next(inside, reply).at(place));
    Ok(if is_new { Outcome { asked: Some(asked), ..outcome } } else { outcome })
}

fn listed(inside: &Inside<'_>, asked: &Asked, shown: &[&SearchHit], total: u64, from: usize) -> Rich {
    let mut text = Rich::new().bold(inside.lang.tx("search-found", &[("n", total.into())]));
    if let Some(words) = asked.narrowed(inside) {
        text = text.line().italic(words);
    }
    hits(inside, text.line(), shown, from)
}

fn hits(inside: &Inside<'_>, mut text: Rich, shown: &[&SearchHit], from: usize) -> Rich {
    for (place, hit) in shown.iter().enumerate() {
        text = text.line().text(format!("{}. ", from + place + 1));
        let title = format!("{}, {}", hit.channel_title, inside.day(&hit.posted_at));
        text = match &hit.permalink {
            Some(address) => text.link(title, address),
            None => text.text(title),
        };
        text = highlighted(text.text(" — "), &hit.snippet, &hit.highlights);
    }
    text
}

fn turns(inside: &Inside<'_>, update_id: i64, page: u32, more: bool) -> Vec<Button> {
    let turn = |page| Callback::Asked(update_id, Refine::More(page));
    let mut row = Vec::new();
    if page > 0 {
        row.push(Button::call("‹".to_owned(), turn(page - 1)));
    }
    if more {
        row.push(inside.button("button-more", turn(page + 1)));
    }
    row
}

/// A snippet on one line, the words looked for in bold; `highlights` are `[start, end)` in its characters.
pub(super) fn highlighted(mut text: Rich, snippet: &str, highlights: &[(usize, usize)]) -> Rich {
    for (place, c) in snippet.chars().enumerate().take(PREVIEW_CHARS_MAX) {
        let bold = highlights.iter().any(|(start, end)| (*start..*end).contains(&place));
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
pub(super) fn preview(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(PREVIEW_CHARS_MAX) {
        None => line,
        Some((cut, _)) => format!("{}…", line[..cut].trim_end()),
    }
}
