//! Questions: understand, retrieve, answer from what was found, each statement cited.
//!
//! The default answerer quotes; a model may write instead where the tenant and the asker want that (`written`). An answer cites only
//! posts of the caller's channels.

mod judge;
mod written;

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    ops::Range,
    time::Instant,
};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use written::{Outcome, Writing, view_written};

use super::{
    App, Error, Tenant,
    posts::ChannelMap,
    search::{Ranked, Ranking, SearchMode, SearchRequest, asked_checked, filter_of},
    snippet,
    tenants::rfc3339,
};
use crate::{
    ai::{
        EmbedKind,
        extractive::{self, Answer, Embedding, Source},
        question::{self, Question},
    },
    model::{ChannelId, ChannelSet, MembershipId, Post, PostId},
    search::{Fused, Query, Recency},
    store::PostFilter,
};

/// Posts an answer is made from at most.
const SOURCES_READ: usize = 30;
/// Posts read for a question about a whole period.
const PERIOD_SOURCES_READ: usize = extractive::SOURCES_MAX;
/// Sources (or nearest posts, when there is no answer) shown unless told, and at most.
pub const SOURCES_SHOWN_DEFAULT: usize = 5;
pub const SOURCES_SHOWN_MAX: usize = 20;
/// How a question about news prefers the new: a post this old gets half the bonus.
const RECENCY_HALF_LIFE_S: i64 = 3 * 86_400;
const RECENCY_WEIGHT: f32 = 0.2;
/// Longest piece of a post shown with a source, characters.
const CONTENT_CHARS_MAX: usize = 1500;

/// What to ask.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AskRequest {
    pub query: String,
    pub channel_ids: BTreeSet<ChannelId>,
    pub since: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
    pub limit: Option<usize>,
    /// What the same person asked before, oldest first: «а почему?» is then looked for with it.
    #[serde(default)]
    pub previous: Vec<String>,
}

/// A post an answer cites; when there is no answer, a post that lies near.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SourceView {
    pub n: usize,
    pub post_id: PostId,
    pub channel_id: ChannelId,
    pub channel_title: String,
    pub channel_username: Option<String>,
    pub posted_at: String,
    pub permalink: Option<String>,
    pub content: String,
    pub score: f32,
    /// The exact words the answer took, in the order of the post, ` … ` between pieces that do not adjoin; empty for a post
    /// that is only near.
    pub quote: String,
}

/// The answer proper.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AnswerView {
    pub answer: String,
    pub sources: Vec<SourceView>,
    pub confidence: f32,
    /// The evidence was too weak for an answer; `sources` are the nearest posts.
    pub abstained: bool,
}

/// The answer with its circumstances.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AskResponse {
    pub query_id: Uuid,
    pub query: String,
    pub intent: &'static str,
    pub result: AnswerView,
    pub provider: &'static str,
    pub processing_time_ms: u64,
    /// What was looked for, where the question goes on from the one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// Why the search behind it, or the answer, was less than it could be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degraded: Option<String>,
    /// A model was to write it and did not, or not to the end; `degraded` says why.
    #[serde(skip)]
    pub model_failed: bool,
}

impl App {
    /// Answers a question from the channels of `visible`, by quoting. `zone` is the asker's: it says when «вчера» was.
    pub fn ask(
        &self,
        tenant: &Tenant,
        visible: &ChannelSet,
        request: &AskRequest,
        zone: &TimeZone,
    ) -> Result<AskResponse, Error> {
        let mut asking = Asking { member: None, fulltext_weight: None, writes: false, told: &mut |_| {} };
        self.ask_by(tenant, visible, request, zone, &mut asking)
    }

    /// The same as it is asked: who asks, whether a model may write, who hears it as it comes.
    pub(super) fn ask_by(
        &self,
        tenant: &Tenant,
        visible: &ChannelSet,
        request: &AskRequest,
        zone: &TimeZone,
        asking: &mut Asking<'_>,
    ) -> Result<AskResponse, Error> {
        let started = Instant::now();
        let shown = request.limit.unwrap_or(SOURCES_SHOWN_DEFAULT);
        asked_checked(&request.query, shown, SOURCES_SHOWN_MAX)?;
        let mut question = question::analyse(&request.query, self.now(), zone);
        let follows = followed(&question, &request.previous, self.now(), zone);
        if let Some(looked_for) = &follows {
            question.search_text.clone_from(looked_for);
        }
        period_narrow(&mut question, request);
        let mut found = self.retrieve(tenant, visible, &question, request, asking)?;
        let channels = tenant.channel_map()?;
        let answer = self.answer(tenant, &question, &found, &channels)?;
        let mut provider = LOCAL;
        let (mut written, mut model_failed) = (None, false);
        if asking.writes {
            let previous = if follows.is_some() { request.previous.as_slice() } else { &[] };
            let writing = Writing {
                question: &question,
                found: &found,
                channels: &channels,
                previous,
                member: asking.member,
            };
            match self.answer_write(tenant, &writing, &answer, asking.told)? {
                Outcome::Written { written: text, provider: by, cut } => {
                    provider = by.name();
                    model_failed = cut;
                    if cut {
                        found.degraded = Some("the model's answer was cut off".to_owned());
                    }
                    written = Some(text);
                }
                Outcome::Quoted { words } => {
                    model_failed = words.is_some();
                    found.degraded = words.or(found.degraded);
                }
            }
        }
        let result = if let Some(written) = written {
            view_written(&question, &answer, &written, &found, &channels)
        } else {
            let view = view(&question, &answer, &found, &channels, shown);
            view.answer.split_inclusive('\n').for_each(|line| (asking.told)(line));
            view
        };
        Ok(AskResponse {
            query_id: Uuid::new_v4(),
            query: request.query.clone(),
            intent: question.intent.name(),
            result,
            provider,
            processing_time_ms: started.elapsed().as_millis() as u64,
            follows,
            degraded: found.degraded,
            model_failed,
        })
    }

    fn retrieve(
        &self,
        tenant: &Tenant,
        visible: &ChannelSet,
        question: &Question,
        request: &AskRequest,
        asking: &Asking<'_>,
    ) -> Result<Retrieved, Error> {
        let period = question.period;
        let limits = SearchRequest {
            channel_ids: request.channel_ids.clone(),
            since: period.map(|period| period.since).or(request.since),
            until: period.map(|period| period.until).or(request.until),
            ..SearchRequest::default()
        };
        let filter = filter_of(tenant, visible, &limits)?;
        if question.search_text.trim().is_empty() {
            // «Что нового за неделю?» names no topic: whatever the period holds.
            let filter = PostFilter {
                channels: filter.channels,
                tag_key: None,
                since: limits.since,
                until: limits.until,
            };
            let page = tenant.store.post_list(&filter, PERIOD_SOURCES_READ, 0)?;
            let count = page.posts.len().max(1) as f32;
            let ranked = page.posts.iter().enumerate().map(|(place, post)| Fused {
                post_id: post.id,
                score: 1.0 - place as f32 / count,
                fulltext_score: None,
                likeness: None,
            });
            return Ok(Retrieved {
                ranked: ranked.collect(),
                posts: page.posts,
                degraded: None,
                vector: None,
                cosines: HashMap::new(),
                outside: false,
            });
        }
        let recency = question.wants_news.then(|| Recency {
            now: self.now().as_second(),
            half_life_s: RECENCY_HALF_LIFE_S,
            weight: RECENCY_WEIGHT,
        });
        let query = Query::words(&question.search_text);
        let ranking = Ranking {
            query: &query,
            text: &question.search_text,
            mode: SearchMode::Hybrid,
            asker: asking.member,
            filter,
            recency,
            fulltext_weight: asking.fulltext_weight,
        };
        let ranked = self.rank_widely(tenant, ranking)?;
        let best: Vec<Fused> = ranked.candidates.into_iter().take(SOURCES_READ).collect();
        let ids: Vec<PostId> = best.iter().map(|hit| hit.post_id).collect();
        let posts: Vec<Post> = tenant
            .store
            .posts_load(&ids)?
            .into_iter()
            .filter(|post| visible.contains(post.channel_id))
            .collect();
        // A post deleted between index and store drops out of both lists, so that places agree.
        let ranked_now =
            best.into_iter().filter(|hit| posts.iter().any(|post| post.id == hit.post_id)).collect();
        Ok(Retrieved {
            ranked: ranked_now,
            posts,
            degraded: ranked.degraded,
            vector: ranked.vector,
            cosines: ranked.cosines,
            outside: ranked.outside,
        })
    }

    /// Ranks posts for a question. Without vectors words are all there is: those the posts may use instead are looked for as well.
    fn rank_widely(&self, tenant: &Tenant, ranking: Ranking<'_>) -> Result<Ranked, Error> {
        let ranked = self.rank(tenant, &ranking)?;
        let Some(degraded) = &ranked.degraded else { return Ok(ranked) };
        let fulltext = tenant.indexes.fulltext();
        let wider = extractive::widened(ranking.text, &tenant.frequencies.over(&fulltext));
        if wider.is_empty() {
            return Ok(ranked);
        }
        let query = Query::words(&format!("{} {wider}", ranking.text));
        // Nobody is asked for the question's vector a second time.
        let widely = Ranking { query: &query, mode: SearchMode::Fulltext, ..ranking };
        Ok(Ranked { degraded: Some(degraded.clone()), ..self.rank(tenant, &widely)? })
    }

    fn answer(
        &self,
        tenant: &Tenant,
        question: &Question,
        found: &Retrieved,
        channels: &ChannelMap,
    ) -> Result<Answer, Error> {
        let judge = self.judge(tenant, question, found)?;
        let sources: Vec<Source<'_>> = found
            .posts
            .iter()
            .zip(&found.ranked)
            .map(|(post, hit)| Source {
                post_id: post.id,
                channel_title: channels.get(&post.channel_id).map_or("", |channel| channel.title.as_str()),
                posted_at: post.posted_at,
                text: &post.text,
                score: hit.score,
                cosine: judge.as_ref().and_then(|judge| judge.cosines.get(&post.id).copied()),
                fulltext: hit.fulltext_score,
            })
            .collect();
        let fulltext = tenant.indexes.fulltext();
        let frequency = tenant.frequencies.over(&fulltext);
        let embed = |sentences: &[&str]| {
            judge.as_ref().and_then(|judge| judge.model.embed(EmbedKind::Passage, sentences).ok())
        };
        let embedding = judge.as_ref().map(|judge| Embedding { question: &judge.question, embed: &embed });
        Ok(extractive::answer(question, &sources, &frequency, embedding, &extractive::Settings::default()))
    }
}

/// What made an answer that no model wrote.
const LOCAL: &str = "local";

/// How a question is asked.
pub(super) struct Asking<'a> {
    /// Who asks; `None`: a token of the tenant, or the operator.
    pub(super) member: Option<MembershipId>,
    /// Words count so much in choosing the posts; `None`: as configured.
    pub(super) fulltext_weight: Option<f32>,
    /// Whether a model may write.
    pub(super) writes: bool,
    /// Hears the answer by pieces, as it comes; joined they are the answer.
    pub(super) told: &'a mut dyn FnMut(&str),
}

/// What a question looks for that goes on from those before it.
fn followed(question: &Question, previous: &[String], now: Timestamp, zone: &TimeZone) -> Option<String> {
    let mut looked_for = String::new();
    for before in previous {
        let before = question::analyse(before, now, zone);
        looked_for = question::followed(&before, &looked_for).unwrap_or(before.search_text);
    }
    question::followed(question, &looked_for)
}

/// What was found, best first; `ranked` and `posts` agree place by place.
struct Retrieved {
    ranked: Vec<Fused>,
    posts: Vec<Post>,
    degraded: Option<String>,
    vector: Option<Vec<f32>>,
    cosines: HashMap<PostId, f32>,
    /// By a model outside.
    outside: bool,
}

/// The caller's own limits hold beside those the question names.
fn period_narrow(question: &mut Question, request: &AskRequest) {
    if let Some(period) = &mut question.period {
        period.since = request.since.map_or(period.since, |since| since.max(period.since));
        period.until = request.until.map_or(period.until, |until| until.min(period.until));
    }
}

/// The source at a place among those found, shown under a number.
fn source_view(found: &Retrieved, channels: &ChannelMap, n: usize, place: usize, quote: &str) -> SourceView {
    let post = &found.posts[place];
    let channel = channels.get(&post.channel_id);
    SourceView {
        n,
        post_id: post.id,
        channel_id: post.channel_id,
        channel_title: channel.map(|channel| channel.title.clone()).unwrap_or_default(),
        channel_username: channel.and_then(|channel| channel.username.clone()),
        posted_at: rfc3339(post.posted_at),
        permalink: channel.and_then(|channel| channel.permalink(post.message_id)),
        content: content(&post.text),
        score: found.ranked[place].score,
        quote: quote.to_owned(),
    }
}

fn view(
    question: &Question,
    answer: &Answer,
    found: &Retrieved,
    channels: &ChannelMap,
    shown: usize,
) -> AnswerView {
    let source = |n: usize, place: usize, quote: &str| source_view(found, channels, n, place, quote);
    if answer.abstained {
        let nearest = (0..found.posts.len().min(shown)).map(|place| source(place + 1, place, ""));
        return AnswerView {
            answer: answer.text.clone(),
            sources: nearest.collect(),
            confidence: answer.confidence,
            abstained: true,
        };
    }
    let (text, order) = renumber(&answer.text, &answer.used.iter().map(|cited| cited.n).collect());
    let sources = order
        .iter()
        .enumerate()
        .filter_map(|(place, n)| {
            let cited = answer.used.iter().find(|cited| cited.n == *n)?;
            let mut view = source(place + 1, n - 1, &quoted(&found.posts[n - 1].text, &cited.ranges));
            if view.quote.is_empty() {
                view.quote = snippet::snippet(&found.posts[n - 1].text, &question.search_text).text;
            }
            Some(view)
        })
        .collect();
    AnswerView { answer: text, sources, confidence: answer.confidence, abstained: false }
}

/// The pieces of a text in its order; those with nothing but blanks between them are one.
fn quoted(text: &str, ranges: &[Range<usize>]) -> String {
    let mut ranges = ranges.to_vec();
    ranges.sort_by_key(|range| range.start);
    let mut pieces: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match pieces.last_mut() {
            Some(last)
                if range.start <= last.end
                    || text.get(last.end..range.start).is_some_and(|gap| gap.trim().is_empty()) =>
            {
                last.end = last.end.max(range.end);
            }
            Some(_) | None => pieces.push(range),
        }
    }
    pieces.into_iter().filter_map(|piece| text.get(piece)).collect::<Vec<_>>().join(" … ")
}

/// Numbers the citations from 1 in the order in which the text shows them; returns the old numbers in the new order.
fn renumber(text: &str, known: &BTreeSet<usize>) -> (String, Vec<usize>) {
    let mut order: Vec<usize> = Vec::new();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        out.push_str(&rest[..open]);
        let after = &rest[open + 1..];
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let number: Option<usize> = after[..digits].parse().ok();
        if let Some(n) = number.filter(|n| known.contains(n) && after[digits..].starts_with(']')) {
            let place = order.iter().position(|seen| *seen == n).unwrap_or_else(|| {
                order.push(n);
                order.len() - 1
            });
            let _ = write!(out, "[{}]", place + 1);
            rest = &after[digits + 1..];
        } else {
            out.push('[');
            rest = after;
        }
    }
    out.push_str(rest);
    (out, order)
}

fn content(text: &str) -> String {
    match text.char_indices().nth(CONTENT_CHARS_MAX) {
        None => text.to_owned(),
        Some((cut, _)) => format!("{}…", text[..cut].trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_holds_every_piece_the_answer_took() {
        let text = "Один. Два. Три. Четыре.";
        let at = |word: &str| {
            let start = text.find(word).unwrap();
            start..start + word.len()
        };
        assert_eq!(quoted(text, &[at("Четыре."), at("Два."), at("Один.")]), "Один. Два. … Четыре.");
        assert_eq!(quoted(text, &[at("Три.")]), "Три.");
        assert_eq!(quoted(text, &[]), "");
    }

    #[test]
    fn citations_are_numbered_as_they_appear() {
        let (text, order) = renumber("• Б [7][3]\n• А [3] и [x] и [99]", &[3, 7].into());
        assert_eq!(text, "• Б [1][2]\n• А [2] и [x] и [99]");
        assert_eq!(order, [7, 3]);
    }
}
