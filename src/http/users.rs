//! Users: oneself, and for admins the others of the tenant.
//!
//! Somebody else's user is 404 for whoever may not see them, whether they exist or not.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    ApiError, Web,
    caller::{Caller, Operator},
    extract::{Body, InPath},
};
use crate::{
    app::{
        App, Error, admissions::Admittance, erasure::ErasureView, members::MemberView,
        tiers::SubscriptionView,
    },
    model::{MembershipId, Role},
    store::{Member, Profile},
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(me, leave))
        .routes(routes!(export))
        .routes(routes!(one))
        .routes(routes!(create))
        .routes(routes!(subscription))
}

/// The member meant by an id (the user's, else Telegram's), if the caller is that member or an admin of the tenant.
pub(super) fn member_visible(app: &App, caller: &Caller, id: i64) -> Result<Member, Error> {
    let asks = caller.member()?;
    let tenant = caller.tenant.id();
    let found = match app.member_get(tenant, MembershipId(id)) {
        Err(Error::NotFound(_)) => app.member_by_telegram_id(tenant, id)?,
        other => other?,
    };
    if found.id == asks.id || asks.role == Role::Admin {
        return Ok(found);
    }
    Err(Error::NotFound(format!("no user with Telegram id {id}")))
}

/// Whoever asks.
#[utoipa::path(
    get, path = "/api/users/me", tag = "users", security(("bearer" = ["member"])),
    responses((status = 200, description = "The caller in this tenant.", body = MemberView))
)]
async fn me(State(web): State<Web>, caller: Caller) -> Result<Json<MemberView>, ApiError> {
    web.call(move |_| caller.member().cloned()).await.map(|member| Json(member.into()))
}

/// The caller's own Telegram id, as a confirmation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "confirm": 7 }))]
pub(super) struct LeaveBody {
    confirm: i64,
}

/// Erases the caller with everything that is kept of them, and the channels that nobody else follows. There is no way back.
#[utoipa::path(
    delete, path = "/api/users/me", tag = "users", security(("bearer" = ["member"])), request_body = LeaveBody,
    responses(
        (status = 200, description = "It is done: a signed receipt.", body = ErasureView),
        (status = 409, description = "The only admin among others makes somebody else admin first.")
    )
)]
async fn leave(
    State(web): State<Web>,
    caller: Caller,
    Body(body): Body<LeaveBody>,
) -> Result<Json<ErasureView>, ApiError> {
    let origin = caller.origin();
    web.call(move |app| {
        let member = caller.member()?;
        if body.confirm != member.profile.telegram_id {
            return Err(Error::field("confirm", "is not your own Telegram id"));
        }
        app.user_erase(&caller.tenant, member.id, &origin)
    })
    .await
    .map(Json)
}

/// Pieces of an export that wait for a slow reader at most.
const EXPORT_PIECES_WAITING_MAX: usize = 16;

/// Everything that is kept of the caller, as one JSON document.
#[utoipa::path(
    get, path = "/api/users/me/export", tag = "users", security(("bearer" = ["member"])),
    responses((status = 200, description = "Profile, usage, subscriptions, sessions, records, alerts with their finds, choices in the bot, questions with answers.",
        body = serde_json::Value, content_type = "application/json",
        example = json!({
            "exported_at": "2026-11-21T12:00:00Z", "user": { "id": 1, "telegram_id": 7 }, "usage": {}, "subscriptions": [],
            "sessions": [], "auth_events": [], "audit": [], "bot": { "language": "en" }, "alerts": [], "questions": []
        })))
)]
async fn export(State(web): State<Web>, caller: Caller) -> Result<Response, ApiError> {
    let member = caller.member()?.clone();
    let (sender, receiver) =
        tokio::sync::mpsc::channel::<Result<String, std::io::Error>>(EXPORT_PIECES_WAITING_MAX);
    let app = Arc::clone(&web.app);
    // Written as fast as it is read; a reader that leaves ends it.
    tokio::task::spawn_blocking(move || {
        let gone = || Error::Unavailable("whoever asked has left".to_owned());
        let written = app.user_export(&caller.tenant, &member, &mut |piece| {
            sender.blocking_send(Ok(piece)).map_err(|_| gone())
        });
        if let Err(error) = written {
            tracing::warn!(%error, "an export was not finished");
            // The document breaks off, so nobody takes it for whole.
            let _ = sender.blocking_send(Err(std::io::Error::other("the export was not finished")));
        }
    });
    let body = axum::body::Body::from_stream(ReceiverStream::new(receiver));
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"telegram-assistant.json\""),
    ];
    Ok((headers, body).into_response())
}

/// One user, by the Telegram id: oneself, or for admins anybody of the tenant.
#[utoipa::path(
    get, path = "/api/users/{id}", tag = "users", security(("bearer" = ["member"])),
    params(("id" = i64, Path, description = "The Telegram id.", example = 7)),
    responses((status = 200, description = "The user.", body = MemberView))
)]
async fn one(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<i64>,
) -> Result<Json<MemberView>, ApiError> {
    web.call(move |app| {
        let asks = caller.member()?;
        if asks.profile.telegram_id == id {
            return Ok(asks.clone());
        }
        if asks.role != Role::Admin {
            return Err(Error::NotFound(format!("no user with Telegram id {id}")));
        }
        app.member_by_telegram_id(caller.tenant.id(), id)
    })
    .await
    .map(|member| Json(member.into()))
}

/// Somebody who comes in by an invite before they sign in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "telegram_id": 7, "first_name": "Анна", "invite_code": "ABCDEFGHIJ12" }))]
pub(super) struct NewUser {
    #[schema(minimum = 1)]
    telegram_id: i64,
    #[schema(max_length = 64)]
    username: Option<String>,
    #[schema(max_length = 256)]
    first_name: Option<String>,
    #[schema(max_length = 256)]
    last_name: Option<String>,
    /// Left out by operators, whose word is enough.
    #[schema(max_length = 64)]
    invite_code: Option<String>,
}

/// Registers somebody by an invite, which is used up by it. They still have to prove who they are to sign in.
///
/// An operator who has signed in needs no invite: without one the new user comes into the tenant the operator is signed in to.
#[utoipa::path(
    post, path = "/api/users/", tag = "users", request_body = NewUser,
    responses(
        (status = 201, description = "They are in; asking again changes nothing.", body = MemberView),
        (status = 400, description = "`invite_required`, `invite_unknown`, `invite_expired`, `invite_revoked`, `invite_exhausted`.")
    )
)]
async fn create(
    State(web): State<Web>,
    operator: Result<Operator, ApiError>,
    caller: Result<Caller, ApiError>,
    Body(body): Body<NewUser>,
) -> Result<(StatusCode, Json<MemberView>), ApiError> {
    let login_id = format!("registration-{}", Uuid::new_v4());
    let profile = Profile {
        telegram_id: body.telegram_id,
        username: body.username,
        first_name: body.first_name,
        last_name: body.last_name,
        language: None,
    };
    let operator = operator.and(caller).map(|caller| (caller.tenant.id(), caller.origin()));
    let invite_code = body.invite_code;
    let member = web
        .call(move |app| match (operator, invite_code) {
            (Ok((tenant, origin)), None) => app.register_by_operator(profile, tenant, &origin, &login_id),
            (_, invite_code) => {
                let telegram_id = Some(profile.telegram_id);
                app.register(profile, &Admittance { telegram_id, tenant: None, invite_code }, &login_id)
            }
        })
        .await?;
    Ok((StatusCode::CREATED, Json(member.into())))
}

/// A user's tier, what it holds and how much of it is used; for the user or an admin.
#[utoipa::path(
    get, path = "/api/users/{id}/subscription", tag = "users", security(("bearer" = ["member"])),
    params(("id" = i64, Path, description = "The user's id, or their Telegram id.", example = 1)),
    responses((status = 200, description = "What is shown is what is enforced.", body = SubscriptionView))
)]
async fn subscription(
    State(web): State<Web>,
    caller: Caller,
    InPath(id): InPath<i64>,
) -> Result<Json<SubscriptionView>, ApiError> {
    web.call(move |app| {
        let member = member_visible(app, &caller, id)?;
        app.subscription_view(&caller.tenant, &member)
    })
    .await
    .map(Json)
}
