//! What a request carries, read with our own errors: handlers never see a rejection.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ApiError, Web, around::route_of, shape};
use crate::app::{Error, Fields};

/// A JSON body of the shape that the document gives it. `5.0` is a whole number, as JSON Schema has it.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Web> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, ApiError> {
        let (method, route) = (request.method().clone(), route_of(request.extensions()).to_owned());
        let axum::Json(mut value) = axum::Json::<Value>::from_request(request, web).await?;
        make_whole(&mut value);
        let wrong = shape::body_problems(&method, &route, &value);
        read(value, wrong).map(Self)
    }
}

/// The request's own type of what has the right shape.
fn read<T: DeserializeOwned>(value: Value, wrong: Fields) -> Result<T, ApiError> {
    wrong.done()?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "body" } else { &path };
        Error::field(field, error.inner().to_string()).into()
    })
}

/// Writes numbers that are whole without their fraction.
fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            // Up to 2^53 a float is exactly the number that was written.
            let whole = number.as_f64().filter(|_| number.is_f64());
            let whole = whole.filter(|float| float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0);
            if let Some(float) = whole {
                *value = Value::from(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(fields) => fields.values_mut().for_each(make_whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The query's parameters, as the document has them.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Web> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Web) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let (value, wrong) = shape::query_read(&parts.method, route_of(&parts.extensions), query);
        read(value, wrong).map(Self)
    }
}

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

/// Rows on a page unless told, and at most.
const PAGE_DEFAULT: usize = 50;
const PAGE_MAX: usize = 100;

/// Which page of a list.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    #[param(minimum = 1, maximum = 100)]
    pub(super) limit: Option<usize>,
    pub(super) offset: Option<usize>,
}

impl Page {
    /// Limit and offset within their bounds.
    pub(super) fn bounds(self) -> Result<(usize, usize), ApiError> {
        let limit = self.limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Error::field("limit", format!("is {limit}; choose from 1 to {PAGE_MAX}")).into());
        }
        Ok((limit, self.offset.unwrap_or(0)))
    }
}
