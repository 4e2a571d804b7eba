//! Posts and tags: lists, single things and what belongs with them, of the caller's channels only.

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, Web,
    caller::Caller,
    extract::{InPath, Params},
};
use crate::{
    app::{
        posts::{PostPageView, PostTrace, PostView},
        related::RelatedView,
        search::SearchRequest,
    },
    model::PostId,
    store::TagCount,
};

/// Posts on a page unless told.
const LIMIT_DEFAULT: usize = 20;
/// Tags in a list unless told.
const TAGS_DEFAULT: usize = 50;
/// Posts that belong with one, unless told.
const RELATED_DEFAULT: usize = 5;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(trace))
        .routes(routes!(related))
        .routes(routes!(tags))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// @name, title or id.
    #[param(max_length = 256)]
    channel: Option<String>,
    /// In any form.
    #[param(max_length = 256)]
    tag: Option<String>,
    since: Option<Timestamp>,
    /// Exclusive.
    until: Option<Timestamp>,
    /// Words: the page is then ranked by relevance.
    #[param(max_length = 1000)]
    q: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    offset: Option<usize>,
}

/// Lists posts, newest first.
#[utoipa::path(
    get, path = "/api/posts", tag = "posts", security(("bearer" = ["read"])), params(ListQuery),
    responses(
        (status = 200, description = "A page of posts.", body = PostPageView),
        (status = 404, description = "No such channel here.")
    )
)]
async fn list(
    State(web): State<Web>,
    caller: Caller,
    Params(query): Params<ListQuery>,
) -> Result<Json<PostPageView>, ApiError> {
    let (limit, offset) = (query.limit.unwrap_or(LIMIT_DEFAULT), query.offset.unwrap_or(0));
    let asker = caller.user_id().ok();
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
                app.post_page_ranked(tenant, (&channels, asker), &request, limit, offset)
            }
        }
    })
    .await
    .map(Json)
}

/// One post.
#[utoipa::path(
    get, path = "/api/posts/{id}", tag = "posts", security(("bearer" = ["read"])),
    params(("id" = PostId, Path, description = "The post's id.", example = 1)),
    responses((status = 200, description = "The post.", body = PostView))
)]
async fn one(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<PostId>,
) -> Result<Json<PostView>, ApiError> {
    web.call(move |_| caller.tenant.post_get(id, &caller.channels)).await.map(Json)
}

/// A post's way through the stages, and where it is stuck.
#[utoipa::path(
    get, path = "/api/posts/{id}/trace", tag = "posts", security(("bearer" = ["read"])),
    params(("id" = PostId, Path, description = "The post's id.", example = 1)),
    responses((status = 200, description = "Its steps with their timings.", body = PostTrace))
)]
async fn trace(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<PostId>,
) -> Result<Json<PostTrace>, ApiError> {
    web.call(move |_| caller.tenant.post_trace(id, &caller.channels)).await.map(Json)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RelatedQuery {
    #[param(minimum = 1, maximum = 20)]
    limit: Option<usize>,
}

/// Posts that belong with a post, the nearest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RelatedList {
    posts: Vec<RelatedView>,
}

/// Lists the posts that belong with one, and why: forwards of the same original, links to the same page, shared tags.
#[utoipa::path(
    get, path = "/api/posts/{id}/related", tag = "posts", security(("bearer" = ["read"])),
    params(("id" = PostId, Path, description = "The post's id.", example = 1), RelatedQuery),
    responses((status = 200, description = "The nearest first.", body = RelatedList))
)]
async fn related(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<PostId>,
    Params(query): Params<RelatedQuery>,
) -> Result<Json<RelatedList>, ApiError> {
    let limit = query.limit.unwrap_or(RELATED_DEFAULT);
    let posts = web.call(move |_| caller.tenant.post_related(id, &caller.channels, limit)).await?;
    Ok(Json(RelatedList { posts }))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TagsQuery {
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// The most used tags.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TagList {
    tags: Vec<TagCount>,
}

/// Lists the most used tags of the caller's channels.
#[utoipa::path(
    get, path = "/api/tags", tag = "posts", security(("bearer" = ["read"])), params(TagsQuery),
    responses((status = 200, description = "Most used first.", body = TagList))
)]
async fn tags(
    State(web): State<Web>,
    caller: Caller,
    Params(query): Params<TagsQuery>,
) -> Result<Json<TagList>, ApiError> {
    let limit = query.limit.unwrap_or(TAGS_DEFAULT);
    let tags = web.call(move |_| caller.tenant.tag_top(&caller.channels, limit)).await?;
    Ok(Json(TagList { tags }))
}
