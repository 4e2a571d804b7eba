//! Requests straight into the router, without a socket.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Method, StatusCode, header},
};
use serde_json::Value;
use tga::http::{DemoSession, Metrics, Web, router};
use tower::ServiceExt as _;

use super::TestApp;

/// Largest answer a test reads, bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A request to be sent.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    app: &'a TestApp,
    builder: axum::http::request::Builder,
    body: Body,
    demo: Option<DemoSession>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl TestApp {
    pub(crate) fn request(&self, method: Method, path: &str) -> Request<'_> {
        Request {
            app: self,
            builder: axum::http::Request::builder().method(method).uri(path),
            body: Body::empty(),
            demo: None,
        }
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Reply {
        self.request(Method::GET, path).token(token).send()
    }

    pub(crate) fn post(&self, path: &str, token: &str, body: &Value) -> Reply {
        self.request(Method::POST, path).token(token).json(body).send()
    }
}

impl Request<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.bytes("application/json", body.to_string().into_bytes())
    }

    pub(crate) fn bytes(mut self, kind: &str, body: Vec<u8>) -> Self {
        self.builder = self.builder.header(header::CONTENT_TYPE, kind);
        self.body = Body::from(body);
        self
    }

    /// As `tga demo` serves.
    pub(crate) fn demo(mut self, session: DemoSession) -> Self {
        self.demo = Some(session);
        self
    }

    pub(crate) fn send(self) -> Reply {
        let web = Web::new(self.app.app(), Metrics::install(), self.demo);
        let request = self.builder.body(self.body).unwrap();
        send_through(&web, vec![request]).remove(0)
    }
}

/// Sends requests one after another through one router.
pub(crate) fn send_through(web: &Web, requests: Vec<axum::http::Request<Body>>) -> Vec<Reply> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut replies = Vec::new();
        for request in requests {
            let response = router(web).oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, ANSWER_BYTES_MAX).await.unwrap().to_vec();
            replies.push(Reply { status: parts.status, headers: parts.headers, body });
        }
        replies
    })
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body of a success.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        self.json()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The `error.code` of a refusal.
    pub(crate) fn code(&self) -> String {
        let body = self.json();
        body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}
