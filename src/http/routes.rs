//! Every area of the API: one line each.
//!
//! An area's file has a function `routes` with its handlers, each described by `#[utoipa::path]`; the paths stand there. All of
//! them on one screen, with who may use them, are in `schema/routes.md`, which a test keeps equal to the code. What is routed
//! here is in the API's document, and nothing else is.

use axum::{Router, routing::get};
use utoipa_axum::router::OpenApiRouter;

use super::{
    Web, account, admin, alerts, auth, bot, channels, docs, feedback, history, login, miniapp, models,
    openapi, operator, ops, pages, passkeys, posts, saved_posts, search, tags, users,
};

/// The documented routes.
pub(super) fn documented() -> OpenApiRouter<Web> {
    OpenApiRouter::with_openapi(openapi::head())
        .merge(auth::routes())
        .merge(passkeys::routes())
        .merge(login::routes())
        .merge(bot::routes())
        .merge(search::routes())
        .merge(history::routes())
        .merge(account::routes())
        .merge(users::routes())
        .merge(admin::routes())
        .merge(models::routes())
        .merge(channels::routes())
        .merge(posts::routes())
        .merge(saved_posts::routes())
        .merge(tags::routes())
        .merge(feedback::routes())
        .merge(alerts::routes())
        .merge(pages::routes())
        .merge(operator::routes())
        .merge(ops::routes())
}

/// Files and pages for people; no part of the API.
pub(super) fn files() -> Router<Web> {
    Router::new()
        .route("/", get(pages::index))
        .route("/demo.css", get(pages::style))
        .route("/demo.js", get(pages::script))
        .route("/post.js", get(pages::script_post))
        .route("/server.js", get(pages::script_server))
        .route("/words.js", get(pages::script_words))
        .route("/favicon.ico", get(pages::favicon))
        .merge(docs::files())
        .merge(miniapp::files())
}
