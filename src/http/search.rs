//! `POST /api/search` and `POST /api/rag/query`.

use std::collections::BTreeSet;

use axum::{Json, extract::State};
use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiError, Web, caller::Caller, extract::Body};
use crate::{
    app::{
        ask::{AskRequest, AskResponse},
        search::{SearchMode, SearchRequest, SearchResponse},
    },
    model::ChannelId,
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(search)).routes(routes!(ask))
}

/// What to search for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "query": "открытие метро", "mode": "hybrid", "limit": 5 }))]
pub(super) struct SearchBody {
    /// Words, "phrases", -excluded words.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    query: String,
    #[serde(default)]
    mode: SearchMode,
    /// Only these channels; none means all the caller may see.
    #[serde(default)]
    channel_ids: BTreeSet<ChannelId>,
    /// Only posts that bear all of these.
    #[serde(default)]
    tags: Vec<String>,
    since: Option<Timestamp>,
    /// Exclusive.
    until: Option<Timestamp>,
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// Finds posts by words, by meaning, or both.
#[utoipa::path(
    post, path = "/api/search", tag = "search", security(("bearer" = ["read"])), request_body = SearchBody,
    responses((status = 200, description = "The best posts, best first.", body = SearchResponse))
)]
async fn search(
    State(web): State<Web>,
    caller: Caller,
    Body(body): Body<SearchBody>,
) -> Result<Json<SearchResponse>, ApiError> {
    let request = SearchRequest {
        query: body.query,
        mode: body.mode,
        channel_ids: body.channel_ids,
        tags: body.tags,
        since: body.since,
        until: body.until,
        limit: body.limit,
    };
    web.call(move |app| app.search(&caller.tenant, &caller.channels, &request)).await.map(Json)
}

/// What to ask.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "query": "Что нового в метро на этой неделе?", "limit": 5 }))]
pub(super) struct AskBody {
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    query: String,
    /// Only these channels; none means all the caller may see.
    #[serde(default)]
    channel_ids: BTreeSet<ChannelId>,
    since: Option<Timestamp>,
    /// Exclusive.
    until: Option<Timestamp>,
    /// Sources shown.
    #[schema(minimum = 1, maximum = 20)]
    limit: Option<usize>,
}

/// Answers a question from the caller's channels, each statement cited.
#[utoipa::path(
    post, path = "/api/rag/query", tag = "search", security(("bearer" = ["read"])), request_body = AskBody,
    responses((status = 200, description = "The answer with its sources.", body = AskResponse))
)]
async fn ask(
    State(web): State<Web>,
    caller: Caller,
    Body(body): Body<AskBody>,
) -> Result<Json<AskResponse>, ApiError> {
    let request = AskRequest {
        query: body.query,
        channel_ids: body.channel_ids,
        since: body.since,
        until: body.until,
        limit: body.limit,
    };
    let started = std::time::Instant::now();
    let answered =
        web.call(move |app| app.ask(&caller.tenant, &caller.channels, &request, &TimeZone::system())).await;
    metrics::histogram!("rag_processing_duration_seconds").record(started.elapsed().as_secs_f64());
    let (intent, status) = match &answered {
        Ok(answer) if answer.result.abstained => (answer.intent, "empty"),
        Ok(answer) => (answer.intent, "success"),
        Err(_) => ("ask", "error"),
    };
    metrics::counter!("rag_queries_total", "intent" => intent, "status" => status).increment(1);
    answered.map(Json)
}
