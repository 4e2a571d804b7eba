//! The plain listener beside HTTPS: sends browsers there, and answers a certificate authority's question over HTTP.
//!
//! Knows no tenant and no caller; it serves nothing else.

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

use super::Web;

/// Longest name taken from a request, characters.
const HOST_CHARS_MAX: usize = 253;
/// Longest path sent on, bytes.
const PATH_BYTES_MAX: usize = 8 * 1024;

pub(super) fn router(web: &Web) -> Router {
    Router::new()
        .route("/.well-known/acme-challenge/{token}", get(proof))
        .fallback(to_https)
        .with_state(web.clone())
}

async fn proof(State(web): State<Web>, Path(token): Path<String>) -> Response {
    match web.app.certificates().token_answer(&token) {
        Some(answer) => ([(header::CONTENT_TYPE, "application/octet-stream")], answer).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// 308 keeps the method and the body, so a client of the API that asks the wrong port is led right, too.
async fn to_https(State(web): State<Web>, headers: HeaderMap, uri: Uri) -> Response {
    let config = web.app.config();
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = config.tls.domain.clone().or_else(|| asked.and_then(host_of)) else {
        return (StatusCode::BAD_REQUEST, "ask by https\n").into_response();
    };
    // Behind a forwarding the port people use is not the one that is listened on.
    let listened = config.server.listen.port();
    let port = config.public_url.as_ref().map_or(listened, |url| url.port_or_known_default().unwrap_or(443));
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') && path.len() <= PATH_BYTES_MAX { path } else { "/" };
    match HeaderValue::from_str(&format!("https://{host}{port}{path}")) {
        Ok(location) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// The name in a Host header, where it is one and nothing else.
fn host_of(header: &str) -> Option<String> {
    let name = header.rsplit_once(':').map_or(header, |(name, _)| name);
    let good = !name.is_empty()
        && name.len() <= HOST_CHARS_MAX
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    good.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn only_a_name_is_sent_on() {
        assert_eq!(host_of("tga.example.org:80").as_deref(), Some("tga.example.org"));
        assert_eq!(host_of("tga.example.org").as_deref(), Some("tga.example.org"));
        for bad in ["", "a/b", "a@b", "[::1]", "a\\b", "a b"] {
            assert_eq!(host_of(bad), None, "{bad}");
        }
    }
}
