//! `POST /api/search` and `POST /api/rag/query`.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;

use super::{ApiError, Web, caller::Caller};
use crate::{
    app::{
        ask::{AskRequest, AskResponse},
        search::{SearchMode, SearchRequest, SearchResponse},
    },
    model::ChannelId,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchBody {
    query: String,
    #[serde(default)]
    mode: SearchMode,
    #[serde(default)]
    channel_ids: BTreeSet<ChannelId>,
    #[serde(default)]
    tags: Vec<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    limit: Option<usize>,
}

pub(super) async fn search(
    State(web): State<Web>,
    caller: Caller,
    body: Result<Json<SearchBody>, JsonRejection>,
) -> Result<Json<SearchResponse>, ApiError> {
    let Json(body) = body?;
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskBody {
    query: String,
    #[serde(default)]
    channel_ids: BTreeSet<ChannelId>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    limit: Option<usize>,
}

pub(super) async fn ask(
    State(web): State<Web>,
    caller: Caller,
    body: Result<Json<AskBody>, JsonRejection>,
) -> Result<Json<AskResponse>, ApiError> {
    let Json(body) = body?;
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
