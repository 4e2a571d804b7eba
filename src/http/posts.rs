//! Posts, channels and tags: lists and single things, of the caller's channels only.

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiError, Web, caller::Caller};
use crate::{
    app::{
        posts::{POSTS_LISTED_MAX, PostPageView, PostTrace, PostView},
        search::SearchRequest,
    },
    model::PostId,
};

/// Posts on a page unless told.
const LIMIT_DEFAULT: usize = 20;
/// Tags in a list unless told, and at most.
const TAGS_DEFAULT: usize = 50;
const TAGS_MAX: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// @name, title or id.
    channel: Option<String>,
    tag: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Words: the page is then ranked by relevance.
    q: Option<String>,
    limit: Option<usize>,
    offset: Option<usize>,
}

pub(super) async fn list(
    State(web): State<Web>,
    caller: Caller,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<PostPageView>, ApiError> {
    let Query(query) = query?;
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=POSTS_LISTED_MAX).contains(&limit) {
        let message = format!("limit: is {limit}; choose from 1 to {POSTS_LISTED_MAX}");
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", message));
    }
    let offset = query.offset.unwrap_or(0);
    web.call(move |app| {
        let tenant = &caller.tenant;
        let mut channels = caller.channels;
        let mut request =
            SearchRequest { since: query.since, until: query.until, ..SearchRequest::default() };
        if let Some(channel) = &query.channel {
            let id = tenant.channel_get(channel, &channels)?.id;
            request.channel_ids.insert(id);
            channels = channels.narrow(&request.channel_ids);
        }
        match query.q.filter(|words| !words.trim().is_empty()) {
            None => {
                tenant.post_page(channels, query.tag.as_deref(), (query.since, query.until), limit, offset)
            }
            Some(words) => {
                request.query = words;
                request.tags = query.tag.into_iter().collect();
                app.post_page_ranked(tenant, &channels, &request, limit, offset)
            }
        }
    })
    .await
    .map(Json)
}

pub(super) async fn one(
    State(web): State<Web>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Json<PostView>, ApiError> {
    let Path(id) = id?;
    web.call(move |_| caller.tenant.post_get(PostId(id), &caller.channels)).await.map(Json)
}

pub(super) async fn trace(
    State(web): State<Web>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Json<PostTrace>, ApiError> {
    let Path(id) = id?;
    web.call(move |_| caller.tenant.post_trace(PostId(id), &caller.channels)).await.map(Json)
}

pub(super) async fn channels(State(web): State<Web>, caller: Caller) -> Result<Json<Value>, ApiError> {
    let channels = web.call(move |_| caller.tenant.channel_views(&caller.channels)).await?;
    Ok(Json(json!({ "total": channels.len(), "channels": channels })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TagsQuery {
    limit: Option<usize>,
}

pub(super) async fn tags(
    State(web): State<Web>,
    caller: Caller,
    query: Result<Query<TagsQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let limit = query?.limit.unwrap_or(TAGS_DEFAULT).clamp(1, TAGS_MAX);
    let tags = web.call(move |_| caller.tenant.tag_top(&caller.channels, limit)).await?;
    Ok(Json(json!({ "tags": tags })))
}
