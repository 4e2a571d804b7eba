//! The caller's questions of the past, and how far their posts are searchable.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, Web,
    caller::Caller,
    extract::{InPath, Page, Params},
    users::member_visible,
};
use crate::app::history::HistoryView;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(status))
}

/// Questions and answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistoryList {
    total: u64,
    limit: usize,
    offset: usize,
    queries: Vec<HistoryView>,
}

/// Lists the caller's questions with their answers, newest first.
#[utoipa::path(
    get, path = "/api/rag/history", tag = "search", security(("bearer" = ["read"])), params(Page),
    responses((status = 200, description = "A page; an API token reads what was asked with tokens.", body = HistoryList))
)]
async fn list(
    State(web): State<Web>,
    caller: Caller,
    Params(page): Params<Page>,
) -> Result<Json<HistoryList>, ApiError> {
    let (limit, offset) = page.bounds()?;
    web.call(move |app| {
        let (queries, total) = app.history_list(&caller.tenant, caller.user_id().ok(), limit, offset)?;
        Ok(HistoryList { total, limit, offset, queries })
    })
    .await
    .map(Json)
}

/// How far posts are searchable.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RagStatus {
    user_id: crate::model::MembershipId,
    total_posts: u64,
    indexed_posts: u64,
    embedded_posts: u64,
    /// `indexed` when every post is, `indexing` before that, `not_indexed` where there is none.
    #[schema(example = "indexed")]
    status: &'static str,
}

/// Says how many of the posts are indexed already; for a user themself or an admin.
#[utoipa::path(
    get, path = "/api/rag/status/{id}", tag = "search", security(("bearer" = ["member"])),
    params(("id" = i64, Path, description = "The user's id, or their Telegram id.", example = 1)),
    responses((status = 200, description = "Of all the tenant's posts.", body = RagStatus))
)]
async fn status(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<i64>,
) -> Result<Json<RagStatus>, ApiError> {
    web.call(move |app| {
        let member = member_visible(app, &caller, id)?;
        let status = app.tenant_status(&caller.tenant)?;
        Ok(RagStatus {
            user_id: member.id,
            total_posts: status.posts,
            indexed_posts: status.indexed,
            embedded_posts: status.embedded,
            status: match (status.posts, status.indexed) {
                (0, _) => "not_indexed",
                (posts, indexed) if indexed < posts => "indexing",
                (_, _) => "indexed",
            },
        })
    })
    .await
    .map(Json)
}
