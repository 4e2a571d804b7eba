//! Passkeys: adding, listing and removing one's own, and signing in by one.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    ApiError, Web,
    caller::Caller,
    extract::{Body, InPath},
};
use crate::{
    app::{
        App,
        passkeys::{PasskeyChallenge, PasskeyView},
        sessions::{Device, SignedIn},
    },
    model::TenantId,
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(register_start))
        .routes(routes!(register_finish))
        .routes(routes!(login_start))
        .routes(routes!(login_finish))
        .routes(routes!(list))
        .routes(routes!(remove))
}

/// Begins to add a passkey to the caller.
#[utoipa::path(
    post, path = "/api/auth/passkeys/register/start", tag = "auth", security(("bearer" = ["member"])),
    responses(
        (status = 200, description = "What to ask of the authenticator.", body = PasskeyChallenge),
        (status = 409, description = "The caller has as many passkeys as they may."),
        (status = 503, description = "`passkeys_not_configured`: there is no public address to bind them to.")
    )
)]
async fn register_start(State(web): State<Web>, caller: Caller) -> Result<Json<PasskeyChallenge>, ApiError> {
    web.call(move |app| app.passkey_register_start(caller.member()?)).await.map(Json)
}

/// What the authenticator made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "challenge_id": "0192f0c1-2d3e-4abc-8def-0123456789ab",
    "name": "Phone",
    "credential": { "id": "AQID", "rawId": "AQID", "type": "public-key", "response": { "attestationObject": "o2M", "clientDataJSON": "e30" } }
}))]
pub(super) struct RegisterBody {
    challenge_id: Uuid,
    /// What its owner calls it.
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
    /// `PublicKeyCredential.toJSON()` of `navigator.credentials.create`.
    #[schema(value_type = Object)]
    credential: Value,
}

/// Keeps the passkey that the authenticator made.
#[utoipa::path(
    post, path = "/api/auth/passkeys/register/finish", tag = "auth", security(("bearer" = ["member"])),
    request_body = RegisterBody,
    responses(
        (status = 201, description = "The passkey.", body = PasskeyView),
        (status = 409, description = "It is registered already, or the caller has as many as they may."),
        (status = 410, description = "`passkey_challenge_over`: start again."),
        (status = 503, description = "`passkeys_not_configured`.")
    )
)]
async fn register_finish(
    State(web): State<Web>,
    caller: Caller,
    Body(body): Body<RegisterBody>,
) -> Result<(StatusCode, Json<PasskeyView>), ApiError> {
    let origin = caller.origin();
    let made = web
        .call(move |app| {
            let member = caller.member()?;
            app.passkey_register_finish(
                member,
                body.challenge_id,
                body.name.as_deref(),
                body.credential,
                &origin,
            )
        })
        .await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Begins to sign somebody in by a passkey.
#[utoipa::path(
    post, path = "/api/auth/passkeys/login/start", tag = "auth",
    responses(
        (status = 200, description = "What to ask of the authenticator.", body = PasskeyChallenge),
        (status = 503, description = "`passkeys_not_configured`: there is no public address to bind them to.")
    )
)]
async fn login_start(State(web): State<Web>) -> Result<Json<PasskeyChallenge>, ApiError> {
    web.call(App::passkey_login_start).await.map(Json)
}

/// What the authenticator answered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "challenge_id": "0192f0c1-2d3e-4abc-8def-0123456789ab",
    "credential": {
        "id": "AQID", "rawId": "AQID", "type": "public-key",
        "response": { "authenticatorData": "AQID", "clientDataJSON": "e30", "signature": "AQID", "userHandle": "AQID" }
    }
}))]
pub(super) struct LoginBody {
    challenge_id: Uuid,
    /// `PublicKeyCredential.toJSON()` of `navigator.credentials.get`.
    #[schema(value_type = Object)]
    credential: Value,
    /// Which tenant, for somebody of several.
    tenant_id: Option<TenantId>,
}

/// Signs in by a passkey.
#[utoipa::path(
    post, path = "/api/auth/passkeys/login/finish", tag = "auth", request_body = LoginBody,
    responses(
        (status = 200, description = "Signed in.", body = SignedIn),
        (status = 401, description = "`passkey_refused`."),
        (status = 404, description = "The person does not belong to the tenant."),
        (status = 409, description = "`tenant_required`: `error.tenants` lists the choices; start again with one."),
        (status = 410, description = "`passkey_challenge_over`: start again."),
        (status = 503, description = "`passkeys_not_configured`.")
    )
)]
async fn login_finish(
    State(web): State<Web>,
    device: Device,
    Body(body): Body<LoginBody>,
) -> Result<Json<SignedIn>, ApiError> {
    web.call(move |app| app.passkey_login_finish(body.challenge_id, body.credential, body.tenant_id, device))
        .await
        .map(Json)
}

/// One's passkeys.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PasskeyList {
    total: usize,
    passkeys: Vec<PasskeyView>,
}

/// Lists the caller's passkeys, the oldest first.
#[utoipa::path(
    get, path = "/api/auth/passkeys", tag = "auth", security(("bearer" = ["member"])),
    responses((status = 200, description = "All of them.", body = PasskeyList))
)]
async fn list(State(web): State<Web>, caller: Caller) -> Result<Json<PasskeyList>, ApiError> {
    let passkeys = web.call(move |app| app.passkey_list(caller.member()?)).await?;
    Ok(Json(PasskeyList { total: passkeys.len(), passkeys }))
}

/// Removes one of the caller's passkeys; sessions that it opened go on.
#[utoipa::path(
    delete, path = "/api/auth/passkeys/{id}", tag = "auth", security(("bearer" = ["member"])),
    params(("id" = i64, Path, description = "The passkey's id.", example = 1)),
    responses((status = 204, description = "It opens nothing any more."))
)]
async fn remove(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<i64>,
) -> Result<StatusCode, ApiError> {
    let origin = caller.origin();
    web.call(move |app| app.passkey_delete(caller.member()?, id, &origin)).await?;
    Ok(StatusCode::NO_CONTENT)
}
