//! The API's document for people: Swagger UI at `/docs`, `ReDoc` at `/redoc`, a Postman collection at `/postman.json`.
//!
//! All of it is in the binary; nothing is fetched from anywhere. The two viewers make styles as they run, so their pages allow
//! inline styles; scripts only from here, and none inline.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

use super::{ApiError, Web, openapi};
use crate::app::ErrorCode;

/// What the viewers need and nothing more.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// The viewers change with the binary only.
const CACHED: &str = "max-age=3600";

/// The bundle would fetch its maker's logo from afar; an empty picture stands there instead.
const FAR_LOGO: &str = "https://cdn.redoc.ly/redoc/logo-mini.svg";
const NO_LOGO: &str = "data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22/%3E";

/// The documents and their viewers.
pub(super) fn files() -> Router<Web> {
    Router::new()
        .route("/openapi.json", get(document))
        .route("/postman.json", get(postman))
        .route("/docs", get(swagger))
        .route("/docs/start.js", get(swagger_start))
        .route("/docs/swagger-ui.css", get(swagger_style))
        .route("/docs/swagger-ui-bundle.js", get(swagger_script))
        .route("/redoc", get(redoc))
        .route("/redoc/redoc.js", get(redoc_script))
}

async fn document() -> impl IntoResponse {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| serde_json::to_string(openapi::value()).unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], TEXT.as_str())
}

async fn postman() -> impl IntoResponse {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| serde_json::to_string(&openapi::postman::collection()).unwrap_or_default());
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"telegram-assistant.postman_collection.json\""),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, TEXT.as_str())
}

async fn swagger() -> impl IntoResponse {
    page(include_str!("../../webapp/docs/swagger.html"))
}

async fn swagger_start() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, SCRIPT), (header::CACHE_CONTROL, CACHED)],
        include_str!("../../webapp/docs/start.js"),
    )
}

async fn swagger_style() -> Response {
    bundled("swagger-ui.css", "text/css; charset=utf-8")
}

async fn swagger_script() -> Response {
    bundled("swagger-ui-bundle.js", SCRIPT)
}

async fn redoc() -> impl IntoResponse {
    page(include_str!("../../webapp/docs/redoc.html"))
}

async fn redoc_script() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        script_of(&aide::redoc::Redoc::new("/openapi.json").html()).replace(FAR_LOGO, NO_LOGO)
    });
    ([(header::CONTENT_TYPE, SCRIPT), (header::CACHE_CONTROL, CACHED)], TEXT.as_str())
}

/// The bundle comes inside a page; it is served as a file of its own, so that the page needs no inline script.
fn script_of(page: &str) -> String {
    let script = page.split_once("<script>").and_then(|(_, rest)| rest.rsplit_once("</script>"));
    script.map(|(script, _)| script.trim().to_owned()).unwrap_or_default()
}

fn page(text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}

/// A file of the Swagger UI that is compiled in.
fn bundled(name: &str, kind: &'static str) -> Response {
    static CONFIG: LazyLock<Arc<utoipa_swagger_ui::Config<'static>>> =
        LazyLock::new(|| Arc::new(utoipa_swagger_ui::Config::from("/openapi.json")));
    match utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => {
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, CACHED)], file.bytes.into_owned())
                .into_response()
        }
        Ok(None) => ApiError::new(ErrorCode::NotFound, "no such file").into_response(),
        Err(error) => ApiError::internal(&error.to_string()).into_response(),
    }
}
