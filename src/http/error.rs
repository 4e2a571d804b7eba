//! The one error of the API.
//!
//! `{"error":{"code","message","request_id"},"detail"}`; `detail` repeats the message for clients of the old API. The status comes
//! with the code ([`ErrorCode`]). What is our own fault is logged with its cause and shown as "internal error".

use std::time::Duration;

use axum::{
    Json,
    extract::rejection::{JsonRejection, PathRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::app::{Error, ErrorCode, FieldProblem};

tokio::task_local! {
    /// The id of the request being answered.
    static REQUEST_ID: String;
}

/// Answers within a request of this id.
pub(super) async fn with_request_id<T>(id: String, answer: impl Future<Output = T>) -> T {
    REQUEST_ID.scope(id, answer).await
}

/// The id of the request being answered; `None` outside of one.
pub(super) fn current_request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

/// A refusal or a failure.
#[derive(Debug)]
pub struct ApiError {
    code: ErrorCode,
    message: String,
    fields: Vec<FieldProblem>,
    details: Option<Value>,
    retry_after: Option<Duration>,
}

/// A refusal as it is written.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "error": { "code": "not_found", "message": "no post 7", "request_id": "0192f0c1-2d3e-4abc-8def-0123456789ab" },
    "detail": "no post 7"
}))]
pub(super) struct ErrorBody {
    error: ErrorFields,
    /// The message again, for clients of the old API.
    detail: String,
}

/// What was refused and why.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErrorFields {
    code: ErrorCode,
    /// For people: the thing and the fix.
    message: String,
    /// The same as the header `X-Request-Id`.
    request_id: String,
    /// Of a request whose fields are wrong: every one of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldProblem>,
    #[serde(flatten)]
    #[schema(ignore)]
    details: Map<String, Value>,
}

impl ApiError {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: Vec::new(), details: None, retry_after: None }
    }

    pub(super) fn internal(cause: &str) -> Self {
        tracing::error!(cause, "request failed");
        Self::new(ErrorCode::Internal, "internal error; the log has its cause under this request id")
    }

    /// Adds `Retry-After`.
    pub(super) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let code = error.code();
        if code.status() == 500 {
            return ApiError::internal(&error.to_string());
        }
        let message = error.to_string();
        let fields = if let Error::Fields(fields) = &error { fields.list().to_vec() } else { Vec::new() };
        let details = if let Error::Refused { details, .. } = error { details } else { None };
        Self { code, message, fields, details, retry_after: None }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        let code = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::BodyTooLarge,
            _ => ErrorCode::InvalidRequest,
        };
        Self::new(code, rejection.body_text())
    }
}

impl From<PathRejection> for ApiError {
    /// An id that is no number names nothing.
    fn from(_: PathRejection) -> Self {
        Self::new(ErrorCode::NotFound, "no such thing here")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let details = match self.details {
            Some(Value::Object(details)) => details,
            _ => Map::new(),
        };
        let request_id = current_request_id().unwrap_or_default();
        let error = ErrorFields {
            code: self.code,
            message: self.message.clone(),
            request_id,
            fields: self.fields,
            details,
        };
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(ErrorBody { error, detail: self.message })).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            // Whole seconds, rounded up: a client that waits exactly this long is let in.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

pub(super) async fn not_found() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "no such address")
}

pub(super) async fn bad_method() -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed, "this address does not take that method")
}
