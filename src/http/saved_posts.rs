//! The posts a person keeps.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, Web,
    caller::Caller,
    extract::{InPath, Page, Params},
};
use crate::{
    app::posts::{PostPageView, PostView},
    model::PostId,
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(save, unsave))
}

/// Lists the posts the caller keeps, the last kept first.
#[utoipa::path(
    get, path = "/api/saved", tag = "posts", security(("bearer" = ["member"])), params(Page),
    responses((status = 200, description = "A page of them.", body = PostPageView))
)]
async fn list(
    State(web): State<Web>,
    caller: Caller,
    Params(page): Params<Page>,
) -> Result<Json<PostPageView>, ApiError> {
    let (limit, offset) = page.bounds()?;
    let user = caller.user_id()?;
    web.call(move |_| caller.tenant.saved_page(user, &caller.channels, limit, offset)).await.map(Json)
}

/// Keeps a post for the caller; keeping it twice changes nothing.
#[utoipa::path(
    put, path = "/api/posts/{id}/saved", tag = "posts", security(("bearer" = ["member"])),
    params(("id" = PostId, Path, description = "The post's id.", example = 1)),
    responses(
        (status = 200, description = "The post.", body = PostView),
        (status = 409, description = "The caller keeps as many as they may.")
    )
)]
async fn save(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<PostId>,
) -> Result<Json<PostView>, ApiError> {
    let user = caller.user_id()?;
    web.call(move |app| caller.tenant.post_save(user, id, &caller.channels, app.now())).await.map(Json)
}

/// Lets a post go.
#[utoipa::path(
    delete, path = "/api/posts/{id}/saved", tag = "posts", security(("bearer" = ["member"])),
    params(("id" = PostId, Path, description = "The post's id.", example = 1)),
    responses((status = 204, description = "It is not kept any more."))
)]
async fn unsave(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<PostId>,
) -> Result<StatusCode, ApiError> {
    let user = caller.user_id()?;
    web.call(move |_| caller.tenant.post_unsave(user, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
