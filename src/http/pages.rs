//! The demo page and its status; without `tga demo` there is no page, and `/` says where to look.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{ApiError, Web, caller::Caller};
use crate::app::demo::questions_to_try;

/// Tags the page offers.
const TAGS_SHOWN: usize = 24;
const SCRIPT_TYPE: &str = "text/javascript; charset=utf-8";

pub(super) async fn index(State(web): State<Web>, headers: HeaderMap) -> Response {
    let Some(demo) = &web.demo else {
        return ApiError::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "the service runs; `tga demo` has a page here",
        )
        .into_response();
    };
    if !names_loopback(&headers) {
        // A name that was made to point here (DNS rebinding) must not get the cookie.
        return ApiError::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "open the demo by its address, http://127.0.0.1",
        )
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

/// How far the demo has come, what it knows, what to ask.
pub(super) async fn status(State(web): State<Web>, caller: Caller) -> Result<Json<Value>, ApiError> {
    web.call(move |app| {
        let status = app.tenant_status(&caller.tenant)?;
        Ok(json!({
            "posts": status.posts,
            "indexed": status.indexed,
            "embedded": status.embedded,
            "model": status.model,
            "tags_top": caller.tenant.tag_top(&caller.channels, TAGS_SHOWN)?,
            "channels": caller.tenant.channel_views(&caller.channels)?,
            "questions": questions_to_try(),
        }))
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
