//! Signing in, staying so, and the sessions one has.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    ApiError, Web,
    caller::{Caller, TenantAdmin},
    extract::{Body, InPath},
};
use crate::{
    app::{
        Error,
        sessions::{Device, SessionView, SignedIn, WebappSignIn},
    },
    model::{MembershipId, TenantId},
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(telegram_webapp))
        .routes(routes!(link))
        .routes(routes!(refresh))
        .routes(routes!(tenant))
        .routes(routes!(logout))
        .routes(routes!(sessions, sessions_end))
        .routes(routes!(session_end))
        .routes(routes!(sessions_of_user_end))
}

/// What the Mini App has from Telegram.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "init_data": "user=%7B%22id%22%3A7%7D&auth_date=1733509682&hash=a433…" }))]
pub(super) struct WebappBody {
    /// `Telegram.WebApp.initData`, as it is.
    #[schema(max_length = 8192)]
    init_data: String,
    /// Which tenant, for somebody of several.
    tenant_id: Option<TenantId>,
    /// For somebody new; the app's `startapp` parameter does as well.
    #[schema(max_length = 64)]
    invite_code: Option<String>,
}

/// Signs in with the Mini App's initData.
#[utoipa::path(
    post, path = "/api/auth/telegram-webapp", tag = "auth", request_body = WebappBody,
    responses(
        (status = 200, description = "Signed in.", body = SignedIn),
        (status = 400, description = "Somebody new needs a valid invite: `invite_required`, `invite_unknown`, …"),
        (status = 401, description = "`init_data_invalid`, `init_data_stale`, `init_data_future` or `init_data_replayed`."),
        (status = 403, description = "`registration_closed`."),
        (status = 409, description = "`tenant_required`: `error.tenants` lists the choices.")
    )
)]
async fn telegram_webapp(
    State(web): State<Web>,
    device: Device,
    Body(body): Body<WebappBody>,
) -> Result<Json<SignedIn>, ApiError> {
    let asked =
        WebappSignIn { init_data: body.init_data, tenant_id: body.tenant_id, invite_code: body.invite_code };
    web.call(move |app| app.sign_in_webapp(&asked, device)).await.map(Json)
}

/// What stands behind the `#` of a sign-in link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "eyJhbGciOiJIUzI1NiIsImtpZCI6IjFhIn0…" }))]
pub(super) struct LinkBody {
    #[schema(max_length = 2048)]
    token: String,
}

/// Signs in by a link that the bot handed out, good once.
#[utoipa::path(
    post, path = "/api/auth/link", tag = "auth", request_body = LinkBody,
    responses(
        (status = 200, description = "Signed in.", body = SignedIn),
        (status = 401, description = "`link_invalid`: unknown, expired or used.")
    )
)]
async fn link(
    State(web): State<Web>,
    device: Device,
    Body(body): Body<LinkBody>,
) -> Result<Json<SignedIn>, ApiError> {
    web.call(move |app| app.sign_in_link_use(&body.token, device)).await.map(Json)
}

/// The refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "refresh_token": "tgr_0c9f…" }))]
pub(super) struct RefreshBody {
    #[schema(max_length = 2048)]
    refresh_token: String,
}

/// Exchanges a refresh token, good once, for new tokens.
#[utoipa::path(
    post, path = "/api/auth/refresh", tag = "auth", request_body = RefreshBody,
    responses(
        (status = 200, description = "New tokens.", body = SignedIn),
        (status = 401, description = "`refresh_invalid`, or `refresh_reused`: its session has been ended.")
    )
)]
async fn refresh(State(web): State<Web>, Body(body): Body<RefreshBody>) -> Result<Json<SignedIn>, ApiError> {
    web.call(move |app| app.session_refresh(&body.refresh_token)).await.map(Json)
}

/// Where to, and what proves that the session is one's own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "tenant_id": "0192f0c1-2d3e-7abc-8def-0123456789ab", "refresh_token": "tgr_0c9f…" }))]
pub(super) struct TenantBody {
    /// One of `tenants` in what a sign-in answers.
    tenant_id: TenantId,
    /// The session's own, good once.
    #[schema(max_length = 2048)]
    refresh_token: String,
}

/// Takes the session that asks over into another tenant of the same person.
#[utoipa::path(
    post, path = "/api/auth/tenant", tag = "auth", security(("bearer" = ["member"])), request_body = TenantBody,
    responses(
        (status = 200, description = "Tokens for that tenant; those of the tenant before open nothing any more.", body = SignedIn),
        (status = 401, description = "No valid credential; or `refresh_invalid`, also for another session's token, or `refresh_reused`: the session has been ended."),
        (status = 404, description = "The person belongs to no such tenant; the refresh token is still good.")
    )
)]
async fn tenant(
    State(web): State<Web>,
    caller: Caller,
    device: Device,
    Body(body): Body<TenantBody>,
) -> Result<Json<SignedIn>, ApiError> {
    let member = caller.member()?.clone();
    let session = caller.session().ok_or(Error::Forbidden("this is for a session of a person"))?;
    let moved =
        web.call(move |app| app.session_move(&member, session, &body.refresh_token, body.tenant_id, device));
    moved.await.map(Json)
}

/// Ends the session that asks.
#[utoipa::path(
    post, path = "/api/auth/logout", tag = "auth", security(("bearer" = ["member"])),
    responses((status = 204, description = "Signed out."))
)]
async fn logout(State(web): State<Web>, caller: Caller) -> Result<StatusCode, ApiError> {
    let (user, session) = (caller.user_id()?, caller.session());
    web.call(move |app| match session {
        Some(session) => app.session_revoke(user, session, "logout"),
        None => Ok(()),
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sessions in force.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionList {
    total: usize,
    sessions: Vec<SessionView>,
}

/// Lists the caller's sessions, the last used first.
#[utoipa::path(
    get, path = "/api/auth/sessions", tag = "auth", security(("bearer" = ["member"])),
    responses((status = 200, description = "Those in force.", body = SessionList))
)]
async fn sessions(State(web): State<Web>, caller: Caller) -> Result<Json<SessionList>, ApiError> {
    let (user, current) = (caller.user_id()?, caller.session());
    let sessions = web.call(move |app| app.session_list(user, current)).await?;
    Ok(Json(SessionList { total: sessions.len(), sessions }))
}

/// How many sessions were ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionsEnded {
    ended: usize,
}

/// Ends every session of the caller but the one that asks.
#[utoipa::path(
    delete, path = "/api/auth/sessions", tag = "auth", security(("bearer" = ["member"])),
    responses((status = 200, description = "They are ended.", body = SessionsEnded))
)]
async fn sessions_end(State(web): State<Web>, caller: Caller) -> Result<Json<SessionsEnded>, ApiError> {
    let (user, current) = (caller.user_id()?, caller.session());
    let ended = web.call(move |app| app.session_revoke_all(user, current)).await?;
    Ok(Json(SessionsEnded { ended }))
}

/// Ends one session of the caller.
#[utoipa::path(
    delete, path = "/api/auth/sessions/{id}", tag = "auth", security(("bearer" = ["member"])),
    params(("id" = Uuid, Path, description = "The session's id.")),
    responses((status = 204, description = "It is ended."))
)]
async fn session_end(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<Uuid>,
) -> Result<StatusCode, ApiError> {
    let user = caller.user_id()?;
    web.call(move |app| app.session_revoke(user, id, "revoked")).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends every session of a user of the tenant.
#[utoipa::path(
    delete, path = "/api/admin/users/{user_id}/sessions", tag = "auth", security(("bearer" = ["admin"])),
    params(("user_id" = MembershipId, Path, description = "The user's id.", example = 1)),
    responses((status = 200, description = "They are ended; the audit log says by whom.", body = SessionsEnded))
)]
async fn sessions_of_user_end(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    InPath(user): InPath<MembershipId>,
) -> Result<Json<SessionsEnded>, ApiError> {
    let origin = caller.origin();
    let ended = web.call(move |app| app.session_end_all(caller.tenant.id(), user, &origin)).await?;
    Ok(Json(SessionsEnded { ended }))
}
