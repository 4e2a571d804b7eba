//! Search: full text, vectors, or the mix of both, over the channels the caller may see.
//!
//! One hit per album and per near-duplicate story. Without vectors (no model, none made yet) a hybrid search is a full-text
//! search and says so in `degraded`.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Instant,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    App, Error, Fields, Tenant,
    embedding::words_only,
    indexes::ActiveVectors,
    posts::{POSTS_LISTED_MAX, PostPageView, post_view},
    snippet,
    tenants::rfc3339,
};
use crate::{
    ai::{EmbedKind, extractive::story},
    model::{ChannelId, ChannelSet, Flag, MembershipId, Post, PostId},
    search::{Filter, Fused, FusionSettings, Hit, Query, Recency, fuse, trust},
};

/// Hits one search returns at most.
pub const HITS_MAX: usize = 100;
/// Hits a search returns unless told.
pub const HITS_DEFAULT: usize = 10;
/// Longest query, characters.
pub const QUERY_CHARS_MAX: usize = 1000;
/// How many candidates each side contributes to the mix.
const CANDIDATES: usize = crate::search::CANDIDATES;
/// How many hits beyond the wanted ones are looked at for near-duplicates.
const STORY_MARGIN: usize = 10;

/// Which index answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SearchMode {
    #[default]
    Hybrid,
    Fulltext,
    Vector,
}

impl SearchMode {
    pub const ALL: [SearchMode; 3] = [SearchMode::Hybrid, SearchMode::Fulltext, SearchMode::Vector];

    pub fn name(self) -> &'static str {
        match self {
            SearchMode::Hybrid => "hybrid",
            SearchMode::Fulltext => "fulltext",
            SearchMode::Vector => "vector",
        }
    }

    pub fn parse(name: &str) -> Option<SearchMode> {
        SearchMode::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// What to search for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SearchRequest {
    pub query: String,
    pub mode: SearchMode,
    /// Only these channels; empty means all the caller may see.
    pub channel_ids: BTreeSet<ChannelId>,
    /// Only posts that carry all of these tags.
    pub tags: Vec<String>,
    pub since: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
    pub limit: Option<usize>,
}

/// A post that was found.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SearchHit {
    pub post_id: PostId,
    pub channel_id: ChannelId,
    pub channel: Option<String>,
    pub channel_title: String,
    pub message_id: i64,
    pub permalink: Option<String>,
    pub posted_at: String,
    pub score: f32,
    pub snippet: String,
    /// `[start, end)` in characters of the snippet.
    pub highlights: Vec<(usize, usize)>,
    pub tags: Vec<String>,
    /// Posts that tell the same story and are not listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub similar: Vec<PostId>,
}

/// A page of hits.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SearchResponse {
    pub query: String,
    pub mode: SearchMode,
    pub hits: Vec<SearchHit>,
    /// Posts that match at all, where that can be counted.
    pub total: u64,
    pub took_ms: f64,
    /// Why the search was less than asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degraded: Option<String>,
}

/// Ranked candidates before they become hits.
pub(super) struct Ranked {
    pub(super) candidates: Vec<Fused>,
    pub(super) total: u64,
    pub(super) degraded: Option<String>,
    /// The question's vector, where one was made here, and its cosine to the candidates.
    pub(super) vector: Option<Vec<f32>>,
    pub(super) cosines: HashMap<PostId, f32>,
    /// Meanings were compared by a model outside.
    pub(super) outside: bool,
}

/// A question as a vector, and the vectors it is compared with.
struct AskedVector {
    active: Arc<ActiveVectors>,
    vector: Vec<f32>,
    /// A model outside made it: its cosines mean something else than those of the model here.
    outside: bool,
}

/// What ranks: the words, the limits, the side.
pub(super) struct Ranking<'a> {
    pub(super) query: &'a Query,
    /// What is embedded: the words without signs.
    pub(super) text: &'a str,
    pub(super) mode: SearchMode,
    /// Who asks and must have agreed where the question goes outside; `None`: a token of the tenant, or the operator.
    pub(super) asker: Option<MembershipId>,
    pub(super) filter: Filter,
    pub(super) recency: Option<Recency>,
    /// How much words count beside meanings; `None`: as configured.
    pub(super) fulltext_weight: Option<f32>,
}

impl<'a> Ranking<'a> {
    /// As a search asks: time counts nothing, words and meanings as configured.
    fn of(request: &'a SearchRequest, query: &'a Query, asker: Option<MembershipId>, filter: Filter) -> Self {
        let (text, mode) = (request.query.as_str(), request.mode);
        Self { query, text, mode, asker, filter, recency: None, fulltext_weight: None }
    }
}

impl App {
    /// Finds posts in the channels of `visible`. `asker`: the person who asks; `None`: a token of the tenant, or the operator.
    pub fn search(
        &self,
        tenant: &Tenant,
        visible: &ChannelSet,
        asker: Option<MembershipId>,
        request: &SearchRequest,
    ) -> Result<SearchResponse, Error> {
        let started = Instant::now();
        let limit = request.limit.unwrap_or(HITS_DEFAULT);
        asked_checked(&request.query, limit, HITS_MAX)?;
        let filter = filter_of(tenant, visible, request)?;
        let query = Query::parse(&request.query);
        let ranking = Ranking::of(request, &query, asker, filter);
        let ranked = self.rank(tenant, &ranking)?;
        let wanted: Vec<Fused> = ranked.candidates.into_iter().take(limit + STORY_MARGIN).collect();
        let hits = Self::hits(tenant, visible, &wanted, &request.query, limit)?;
        Ok(SearchResponse {
            query: request.query.clone(),
            mode: request.mode,
            total: ranked.total.max(hits.len() as u64),
            hits,
            took_ms: (started.elapsed().as_secs_f64() * 1e6).round() / 1e3,
            degraded: ranked.degraded,
        })
    }

    /// Ranks posts by the words, the vectors, or both.
    pub(super) fn rank(&self, tenant: &Tenant, ranking: &Ranking<'_>) -> Result<Ranked, Error> {
        let fulltext = tenant.indexes.fulltext();
        let mut by_words = Vec::new();
        let mut total = 0;
        let mut trusted = 1.0;
        if ranking.mode != SearchMode::Vector {
            let found = fulltext.search(ranking.query, &ranking.filter, CANDIDATES)?;
            by_words = found.hits;
            total = found.total;
            trusted = trust(found.coverage);
        }
        let mut by_meaning = Vec::new();
        let mut degraded = None;
        let mut asked = None;
        if ranking.mode != SearchMode::Fulltext {
            match self.question_vector(tenant, ranking)? {
                Err(reason) => degraded = Some(reason),
                Ok(question) => {
                    let posts = if ranking.filter.tags.is_empty() {
                        None
                    } else {
                        Some(fulltext.posts_matching(&ranking.filter)?)
                    };
                    let vectors = &question.active.vectors;
                    by_meaning =
                        vectors.search(&question.vector, &ranking.filter.vectors(posts), CANDIDATES)?;
                    if ranking.mode == SearchMode::Hybrid {
                        let missing = absent(&by_words, &by_meaning);
                        let scored = vectors.score(&question.vector, &missing)?;
                        let missing = absent(&by_meaning, &by_words);
                        by_words.extend(fulltext.score(ranking.query, &ranking.filter, &missing)?);
                        by_meaning.extend(scored);
                    }
                    asked = Some(question);
                }
            }
        }
        let settings = FusionSettings {
            fulltext_weight: ranking.fulltext_weight.unwrap_or(self.config.search.fulltext_weight) * trusted,
            recency: ranking.recency,
        };
        let dates = match ranking.recency {
            None => HashMap::new(),
            Some(_) => posted_at_of(tenant, by_words.iter().chain(&by_meaning))?,
        };
        let candidates = fuse(&by_words, &by_meaning, &settings, |id| dates.get(&id).copied());
        let outside = asked.as_ref().is_some_and(|question| question.outside);
        let mut cosines = HashMap::new();
        let asked = asked.filter(|_| !outside);
        if let Some(question) = &asked {
            let posts: Vec<PostId> = candidates.iter().map(|candidate| candidate.post_id).collect();
            let hits = question.active.vectors.cosines(&question.vector, &posts)?;
            cosines.extend(hits.into_iter().map(|hit| (hit.post_id, hit.score)));
        }
        let (total, vector) = (total.max(candidates.len() as u64), asked.map(|question| question.vector));
        Ok(Ranked { candidates, total, degraded, vector, cosines, outside })
    }

    /// The question as a vector of the model whose vectors answer; or why there is none.
    fn question_vector(
        &self,
        tenant: &Tenant,
        ranking: &Ranking<'_>,
    ) -> Result<Result<AskedVector, String>, Error> {
        if !self.flag_on(Flag::VectorSearch, Some(tenant.id()), None) {
            return Ok(Err("the flag vector_search is off: searched by words only".to_owned()));
        }
        let Some(active) = tenant.indexes.vectors(&tenant.store)? else {
            return Ok(Err("no vectors yet: searched by words only; `tga doctor` says why".to_owned()));
        };
        if active.vectors.posts() == 0 {
            return Ok(Err("no vectors yet: searched by words only".to_owned()));
        }
        if self.is_outside(&active.model) {
            let made = self.outside_question(tenant, ranking.asker, ranking.text)?;
            return Ok(made
                .map(|vector| AskedVector { active, vector, outside: true })
                .map_err(|denied| words_only(&denied)));
        }
        let model = match self.embedder_open(&active.model) {
            Ok(model) => model,
            Err(error) => return Ok(Err(format!("searched by words only: {error}"))),
        };
        let mut vectors = model.embed(EmbedKind::Query, &[ranking.text])?;
        match vectors.pop() {
            Some(vector) => Ok(Ok(AskedVector { active, vector, outside: false })),
            None => Ok(Err("the model gave no vector: searched by words only".to_owned())),
        }
    }

    /// Makes hits of the best candidates, one for each story.
    fn hits(
        tenant: &Tenant,
        visible: &ChannelSet,
        ranked: &[Fused],
        query: &str,
        limit: usize,
    ) -> Result<Vec<SearchHit>, Error> {
        let scores: HashMap<PostId, f32> = ranked.iter().map(|hit| (hit.post_id, hit.score)).collect();
        let ids: Vec<PostId> = ranked.iter().map(|hit| hit.post_id).collect();
        let posts: Vec<Post> = tenant
            .store
            .posts_load(&ids)?
            .into_iter()
            .filter(|post| visible.contains(post.channel_id))
            .collect();
        let items: Vec<story::Item<'_>> =
            posts.iter().map(|post| story::Item { text: &post.text, posted_at: post.posted_at }).collect();
        let channels = tenant.channel_map()?;
        let mut hits = Vec::with_capacity(limit);
        for group in story::groups(&items).into_iter().take(limit) {
            let (Some(first), rest) = (group.first(), group.get(1..).unwrap_or_default()) else {
                continue;
            };
            let post = &posts[*first];
            let shown = snippet::snippet(&post.text, query);
            let channel = channels.get(&post.channel_id);
            hits.push(SearchHit {
                post_id: post.id,
                channel_id: post.channel_id,
                channel: channel.and_then(|channel| channel.username.clone()),
                channel_title: channel.map(|channel| channel.title.clone()).unwrap_or_default(),
                message_id: post.message_id,
                permalink: channel.and_then(|channel| channel.permalink(post.message_id)),
                posted_at: rfc3339(post.posted_at),
                score: scores.get(&post.id).copied().unwrap_or(0.0),
                snippet: shown.text,
                highlights: shown.highlights,
                tags: post.tags.clone(),
                similar: rest.iter().map(|place| posts[*place].id).collect(),
            });
        }
        Ok(hits)
    }

    /// A page of posts ranked by words, as rows.
    pub fn post_page_ranked(
        &self,
        tenant: &Tenant,
        (visible, asker): (&ChannelSet, Option<MembershipId>),
        request: &SearchRequest,
        limit: usize,
        offset: usize,
    ) -> Result<PostPageView, Error> {
        asked_checked(&request.query, limit, POSTS_LISTED_MAX)?;
        let filter = filter_of(tenant, visible, request)?;
        let query = Query::parse(&request.query);
        let ranking = Ranking::of(request, &query, asker, filter);
        let ranked = self.rank(tenant, &ranking)?;
        let ids: Vec<PostId> =
            ranked.candidates.iter().skip(offset).take(limit).map(|hit| hit.post_id).collect();
        let posts = tenant.store.posts_load(&ids)?;
        let channels = tenant.channel_map()?;
        let visible = posts.into_iter().filter(|post| visible.contains(post.channel_id));
        let posts = visible.map(|post| post_view(post, &channels)).collect();
        Ok(PostPageView { posts, total: ranked.total, limit, offset })
    }

    /// The bare ranking of a query, best first: what `eval retrieval` measures is what search shows.
    pub fn search_ranking(
        &self,
        tenant: &Tenant,
        text: &str,
        mode: SearchMode,
    ) -> Result<Vec<PostId>, Error> {
        let query = Query::words(text);
        let filter = Filter::channels(ChannelSet::All);
        let ranked = self.rank(
            tenant,
            &Ranking { query: &query, text, mode, asker: None, filter, recency: None, fulltext_weight: None },
        )?;
        Ok(ranked.candidates.into_iter().map(|candidate| candidate.post_id).collect())
    }
}

/// The request's limits on the caller's channels.
pub(super) fn filter_of(
    tenant: &Tenant,
    visible: &ChannelSet,
    request: &SearchRequest,
) -> Result<Filter, Error> {
    let channels =
        if request.channel_ids.is_empty() { visible.clone() } else { visible.narrow(&request.channel_ids) };
    Ok(Filter {
        channels,
        tags: tenant.tags_joined(&request.tags)?,
        since: request.since.map(Timestamp::as_second),
        until: request.until.map(Timestamp::as_second),
    })
}

/// What is wrong with a query and how many answers to it are wanted.
pub(super) fn asked_checked(query: &str, limit: usize, limit_max: usize) -> Result<(), Error> {
    let mut wrong = Fields::default();
    let chars = query.chars().count();
    if query.trim().is_empty() {
        wrong.wrong("query", "is empty; say what to look for");
    } else if chars > QUERY_CHARS_MAX {
        wrong.wrong("query", format!("has {chars} characters; at most {QUERY_CHARS_MAX} are read"));
    }
    if !(1..=limit_max).contains(&limit) {
        wrong.wrong("limit", format!("is {limit}; choose from 1 to {limit_max}"));
    }
    wrong.done()
}

/// What `list` has and `other` lacks.
fn absent(list: &[Hit], other: &[Hit]) -> Vec<PostId> {
    let known: BTreeSet<PostId> = other.iter().map(|hit| hit.post_id).collect();
    list.iter().map(|hit| hit.post_id).filter(|id| !known.contains(id)).collect()
}

fn posted_at_of<'a>(
    tenant: &Tenant,
    hits: impl Iterator<Item = &'a Hit>,
) -> Result<HashMap<PostId, i64>, Error> {
    let ids: BTreeSet<PostId> = hits.map(|hit| hit.post_id).collect();
    Ok(tenant.store.posted_at_list(&ids)?.into_iter().collect())
}
