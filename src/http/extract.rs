//! What a request carries, read with our own errors: handlers never see a rejection.

use axum::{
    extract::{FromRequest, FromRequestParts},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::{ApiError, Web};

/// A JSON body.
#[derive(Debug, FromRequest)]
#[from_request(via(axum::Json), rejection(ApiError))]
pub(super) struct Body<T>(pub(super) T);

/// The query's parameters.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub(super) struct Params<T>(pub(super) T);

/// The path's variables. One that cannot be read names nothing: 404.
#[derive(Debug)]
pub(super) struct InPath<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Web> for InPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiError> {
        let axum::extract::Path(value) = axum::extract::Path::from_request_parts(parts, web).await?;
        Ok(Self(value))
    }
}
