//! The demo page and its status; without `tga demo` there is no page, and `/` says where to look.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiError, Web, caller::Caller};
use crate::{
    app::{ErrorCode, demo::questions_to_try, posts::ChannelView},
    store::TagCount,
};

/// Tags the page offers.
const TAGS_SHOWN: usize = 24;
const SCRIPT_TYPE: &str = "text/javascript; charset=utf-8";

pub(super) async fn index(State(web): State<Web>, headers: HeaderMap) -> Response {
    let Some(demo) = &web.demo else {
        return ApiError::new(ErrorCode::NotFound, "the service runs; `tga demo` has a page here")
            .into_response();
    };
    if !names_loopback(&headers) {
        // A name that was made to point here (DNS rebinding) must not get the cookie.
        return ApiError::new(ErrorCode::Forbidden, "open the demo by its address, http://127.0.0.1")
            .into_response();
    }
    let page = include_str!("../../webapp/demo/index.html");
    (
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")],
        [(header::SET_COOKIE, demo.cookie())],
        page,
    )
        .into_response()
}

pub(super) async fn style() -> impl IntoResponse {
    asset("text/css; charset=utf-8", include_str!("../../webapp/demo/demo.css"))
}

pub(super) async fn script() -> impl IntoResponse {
    asset(SCRIPT_TYPE, include_str!("../../webapp/demo/demo.js"))
}

pub(super) async fn script_post() -> impl IntoResponse {
    asset(SCRIPT_TYPE, include_str!("../../webapp/demo/post.js"))
}

pub(super) async fn script_server() -> impl IntoResponse {
    asset(SCRIPT_TYPE, include_str!("../../webapp/demo/server.js"))
}

pub(super) async fn script_words() -> impl IntoResponse {
    asset(SCRIPT_TYPE, include_str!("../../webapp/demo/words.js"))
}

fn asset(kind: &'static str, body: &'static str) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], body)
}

pub(super) async fn favicon() -> StatusCode {
    StatusCode::NO_CONTENT
}

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(status))
}

/// How far the demo has come, what it knows, what to ask.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DemoStatus {
    posts: u64,
    indexed: u64,
    embedded: u64,
    model: Option<String>,
    tags_top: Vec<TagCount>,
    channels: Vec<ChannelView>,
    questions: Vec<String>,
}

/// Says how far the demo has come, what it knows, what to ask.
#[utoipa::path(
    get, path = "/api/demo/status", tag = "demo", security(("bearer" = ["read"])),
    responses((status = 200, description = "Figures of the caller's tenant.", body = DemoStatus))
)]
async fn status(State(web): State<Web>, caller: Caller) -> Result<Json<DemoStatus>, ApiError> {
    web.call(move |app| {
        let status = app.tenant_status(&caller.tenant)?;
        Ok(DemoStatus {
            posts: status.posts,
            indexed: status.indexed,
            embedded: status.embedded,
            model: status.model,
            tags_top: caller.tenant.tag_top(&caller.channels, TAGS_SHOWN)?,
            channels: caller.tenant.channel_views(&caller.channels)?,
            questions: questions_to_try(),
        })
    })
    .await
    .map(Json)
}

fn names_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
    });
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}
