//! The vocabulary: merging tags, undoing that, protecting them, and having posts tagged anew.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, Web,
    caller::TenantAdmin,
    extract::{Body, InPath, Page, Params},
};
use crate::{
    app::{
        tag_suggestions::{SUGGESTIONS_MAX, TagSuggestion},
        tags::{MergeRecord, MergeView, RetagView},
    },
    model::PostId,
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(merge))
        .routes(routes!(merges))
        .routes(routes!(undo))
        .routes(routes!(suggestions))
        .routes(routes!(protected, protect))
        .routes(routes!(retag))
}

/// Which tags become one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "from": ["ЦБ РФ", "банк России"], "into": "Центробанк", "dry_run": true }))]
pub(super) struct MergeBody {
    /// In any form: case and endings do not matter.
    #[schema(min_items = 1, max_items = 100)]
    from: Vec<String>,
    /// What the vocabulary calls them from then on; it need not stand in any text.
    #[schema(min_length = 1, max_length = 80)]
    into: String,
    /// Only say what it would do.
    #[serde(default)]
    dry_run: bool,
}

/// Makes tags one in the vocabulary, for all posts of the tenant and all that come. Lists and filters count and find them by any of
/// the names; each post goes on showing the form that its own text has.
#[utoipa::path(
    post, path = "/api/tags/merge", tag = "posts", security(("bearer" = ["admin"])), request_body = MergeBody,
    responses(
        (status = 200, description = "What it did.", body = MergeView),
        (status = 409, description = "One is protected, or merged already, or there is nothing to merge.")
    )
)]
async fn merge(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    Body(body): Body<MergeBody>,
) -> Result<Json<MergeView>, ApiError> {
    let origin = caller.origin();
    web.call(move |app| app.tags_merge(&caller.tenant, &body.from, &body.into, body.dry_run, &origin))
        .await
        .map(Json)
}

/// Merges of the past.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MergeList {
    total: u64,
    limit: usize,
    offset: usize,
    merges: Vec<MergeRecord>,
}

/// Lists the merges of tags, newest first.
#[utoipa::path(
    get, path = "/api/tags/merges", tag = "posts", security(("bearer" = ["admin"])), params(Page),
    responses((status = 200, description = "A page of merges, undone ones included.", body = MergeList))
)]
async fn merges(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    Params(page): Params<Page>,
) -> Result<Json<MergeList>, ApiError> {
    let (limit, offset) = page.bounds()?;
    web.call(move |_| {
        let (merges, total) = caller.tenant.tag_merge_list(limit, offset)?;
        Ok(MergeList { total, limit, offset, merges })
    })
    .await
    .map(Json)
}

/// Tags that may be one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SuggestionList {
    suggestions: Vec<TagSuggestion>,
}

/// Suggests which tags to merge: those on the same posts, and those that mean the same.
#[utoipa::path(
    get, path = "/api/tags/suggestions", tag = "posts", security(("bearer" = ["admin"])),
    responses((status = 200, description = "The surest first.", body = SuggestionList))
)]
async fn suggestions(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
) -> Result<Json<SuggestionList>, ApiError> {
    web.call_costly(move |app| {
        let suggestions = app.tag_suggestion_list(&caller.tenant, SUGGESTIONS_MAX)?;
        Ok(SuggestionList { suggestions })
    })
    .await
    .map(Json)
}

/// How many posts went back to their former tags.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MergeUndone {
    posts: usize,
}

/// Undoes a merge: each form stands for itself again.
#[utoipa::path(
    delete, path = "/api/tags/merges/{id}", tag = "posts", security(("bearer" = ["admin"])),
    params(("id" = i64, Path, description = "The merge's id.", example = 1)),
    responses(
        (status = 200, description = "It is undone.", body = MergeUndone),
        (status = 409, description = "It was undone already.")
    )
)]
async fn undo(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    InPath(id): InPath<i64>,
) -> Result<Json<MergeUndone>, ApiError> {
    let origin = caller.origin();
    let posts = web.call(move |app| app.tags_merge_undo(&caller.tenant, id, &origin)).await?;
    Ok(Json(MergeUndone { posts }))
}

/// Tags that cannot be merged into others.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProtectedTags {
    total: usize,
    tags: Vec<String>,
}

/// Lists the tags that cannot be merged into others.
#[utoipa::path(
    get, path = "/api/tags/protected", tag = "posts", security(("bearer" = ["admin"])),
    responses((status = 200, description = "All of them.", body = ProtectedTags))
)]
async fn protected(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
) -> Result<Json<ProtectedTags>, ApiError> {
    let tags = web.call(move |_| caller.tenant.tag_protected_list()).await?;
    Ok(Json(ProtectedTags { total: tags.len(), tags }))
}

/// A tag, and whether it is protected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "tag": "метро", "protected": true }))]
pub(super) struct ProtectBody {
    #[schema(min_length = 1, max_length = 80)]
    tag: String,
    protected: bool,
}

/// Keeps a tag from being merged into another, or lets it go.
#[utoipa::path(
    put, path = "/api/tags/protected", tag = "posts", security(("bearer" = ["admin"])), request_body = ProtectBody,
    responses((status = 204, description = "So it is, whatever it was before."))
)]
async fn protect(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    Body(body): Body<ProtectBody>,
) -> Result<StatusCode, ApiError> {
    let origin = caller.origin();
    web.call(move |app| app.tag_protect(&caller.tenant, &body.tag, body.protected, &origin)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether to do it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "dry_run": false }))]
pub(super) struct RetagBody {
    /// Only say which tags it would get.
    #[serde(default)]
    dry_run: bool,
}

/// Has a post tagged anew.
#[utoipa::path(
    post, path = "/api/posts/{id}/retag", tag = "posts", security(("bearer" = ["admin"])),
    params(("id" = PostId, Path, description = "The post's id.", example = 1)), request_body = RetagBody,
    responses((
        status = 202,
        description = "It is on its way; `…/trace` shows how far. Nothing is told of it unless its tags change.",
        body = RetagView
    ))
)]
async fn retag(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    InPath(id): InPath<PostId>,
    Body(body): Body<RetagBody>,
) -> Result<(StatusCode, Json<RetagView>), ApiError> {
    let origin = caller.origin();
    let view = web
        .call(move |app| app.post_retag(&caller.tenant, &caller.channels, id, body.dry_run, &origin))
        .await?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}
