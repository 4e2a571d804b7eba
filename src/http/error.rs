//! The one error of the API and its one table of statuses.
//!
//! `{"error":{"code","message","request_id"},"detail"}`; `detail` repeats the message for clients of the old API. What is our own
//! fault is logged with its cause and shown as "internal error".

use axum::{
    Json,
    extract::rejection::{JsonRejection, PathRejection, QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{app::Error, search, store};

tokio::task_local! {
    /// The id of the request being answered.
    static REQUEST_ID: String;
}

/// Answers within a request of this id.
pub(super) async fn with_request_id<T>(id: String, answer: impl Future<Output = T>) -> T {
    REQUEST_ID.scope(id, answer).await
}

/// A refusal or a failure.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: String,
    message: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    pub(super) fn internal(cause: &str) -> Self {
        tracing::error!(cause, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "internal error; the log has its cause under this request id",
        )
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Invalid(_) | Error::Config(_) | Error::Export(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Error::NotFound(_) | Error::Store(store::Error::NotFound(_)) => StatusCode::NOT_FOUND,
            Error::Conflict(_) | Error::Store(store::Error::Conflict(_)) => StatusCode::CONFLICT,
            Error::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Error::Forbidden(_) => StatusCode::FORBIDDEN,
            Error::Unavailable(_)
            | Error::InUse { .. }
            | Error::Service { .. }
            | Error::Store(
                store::Error::DiskFull(_)
                | store::Error::ReadOnly(_)
                | store::Error::Busy(_)
                | store::Error::Closing,
            )
            | Error::Search(search::Error::Full { .. } | search::Error::Busy { .. }) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Error::Io { .. }
            | Error::Store(_)
            | Error::Queue(_)
            | Error::Job(_)
            | Error::Search(_)
            | Error::Ai(_) => {
                return ApiError::internal(&error.to_string());
            }
        };
        Self::new(status, error.code(), error.to_string())
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        let status = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let code = if status == StatusCode::PAYLOAD_TOO_LARGE { "body_too_large" } else { "invalid_request" };
        Self::new(status, code, rejection.body_text())
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", rejection.body_text())
    }
}

impl From<PathRejection> for ApiError {
    /// An id that is no number names nothing.
    fn from(_: PathRejection) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "no such thing here")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let request_id = REQUEST_ID.try_with(Clone::clone).unwrap_or_default();
        let body = json!({
            "error": { "code": self.code, "message": self.message, "request_id": request_id },
            "detail": self.message,
        });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = axum::http::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(axum::http::header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

pub(super) async fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "no such address")
}

pub(super) async fn bad_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this address does not take that method",
    )
}
