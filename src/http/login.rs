//! Logging in by QR code: begin, watch, draw the code, give the password, cancel, exchange for tokens.
//!
//! The same routes under three prefixes: `/tg/qr`, and for older clients `/api/tg/qr` and `/qr-auth`. Whoever knows a login's id
//! (a random uuid) can see its status and its code; only the holder of its session token can change it.

pub(super) mod code;

use std::convert::Infallible;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{
        IntoResponse, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    ApiError, Web,
    caller::{ClientIp, SignedInAlready},
    extract::{Body, InPath, Params},
    streams::StreamReader,
};
use crate::{
    app::{
        Error, ErrorCode,
        login::{LoginAsked, LoginNow, LoginStarted, LoginView},
        sessions::{Device, SignedIn},
    },
    model::TenantId,
};

/// The prefixes the routes stand under.
const PREFIXES: [&str; 3] = ["/tg/qr", "/api/tg/qr", "/qr-auth"];
/// What keeps codes and statuses out of caches.
const NO_STORE: [(HeaderName, HeaderValue); 1] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

pub(super) fn routes() -> OpenApiRouter<Web> {
    PREFIXES.into_iter().fold(OpenApiRouter::new(), |router, prefix| router.nest(prefix, under_prefix()))
}

fn under_prefix() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(init))
        .routes(routes!(status))
        .routes(routes!(png))
        .routes(routes!(events))
        .routes(routes!(password))
        .routes(routes!(cancel))
        .routes(routes!(exchange))
}

/// Who wants to log in.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({ "telegram_user_id": 12_345_678, "invite_code": "ABCDEFGH1234" }))]
pub(super) struct StartBody {
    /// The account that will scan; another one is refused.
    telegram_user_id: Option<i64>,
    /// For somebody new.
    #[schema(max_length = 64)]
    invite_code: Option<String>,
    /// `Telegram.WebApp.initData`, which proves who asks.
    #[schema(max_length = 8192)]
    init_data: Option<String>,
    /// What the bot handed out, which proves who asks.
    #[schema(max_length = 2048)]
    session_token: Option<String>,
    /// Which tenant, for somebody of several.
    tenant_id: Option<TenantId>,
    client_meta: Option<ClientMeta>,
}

/// What the client says of itself.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ClientMeta {
    /// The user agent, where it differs from the header.
    #[schema(max_length = 256)]
    ua: Option<String>,
    /// The language.
    #[schema(max_length = 16)]
    #[serde(rename = "locale")]
    _locale: Option<String>,
}

/// How beginning a login is answered, by either name.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "says in the document what the handlers answer; nobody makes one")]
enum StartAnswers {
    /// Begun. `qr_url` comes with the code; draw `png_url`.
    #[response(status = 200)]
    Begun(LoginStarted),
    /// Somebody new needs a valid invite: `invite_required`, `invite_unknown`, …
    #[response(status = 400)]
    Invite,
    /// `init_data_invalid`, `init_data_stale`, …; or the session token is not valid.
    #[response(status = 401)]
    Unproved,
    /// `registration_closed`.
    #[response(status = 403)]
    Closed,
    /// `logins_busy`, or too many were begun from this address.
    #[response(status = 429)]
    Busy,
    /// `telegram_not_configured`: this installation cannot connect accounts yet.
    #[response(status = 503)]
    NotConfigured,
}

/// Begins a login; it lasts ten minutes.
#[utoipa::path(post, path = "/start", tag = "login", request_body = StartBody, responses(StartAnswers))]
async fn start(
    State(web): State<Web>,
    mut device: Device,
    SignedInAlready(member): SignedInAlready,
    Body(body): Body<StartBody>,
) -> Result<Json<LoginStarted>, ApiError> {
    if let Some(agent) = body.client_meta.and_then(|meta| meta.ua) {
        device.user_agent = Some(agent);
    }
    let asked = LoginAsked {
        telegram_user_id: body.telegram_user_id,
        invite_code: body.invite_code,
        init_data: body.init_data,
        session_token: body.session_token,
        tenant_id: body.tenant_id,
        member,
    };
    web.call(move |app| app.login_start(&asked, device)).await.map(Json)
}

/// The same as `start`, by its old name.
#[utoipa::path(post, path = "/init", tag = "login", request_body = StartBody, responses(StartAnswers))]
async fn init(
    web: State<Web>,
    device: Device,
    member: SignedInAlready,
    body: Body<StartBody>,
) -> Result<Json<LoginStarted>, ApiError> {
    start(web, device, member, body).await
}

/// How the answer is written.
#[derive(Debug, Deserialize)]
pub(super) struct StatusParams {
    compat: Option<u8>,
}

/// How a login stands.
#[utoipa::path(
    get, path = "/status/{qr_session_id}", tag = "login",
    params(
        ("qr_session_id" = Uuid, Path, description = "The login."),
        ("compat" = Option<u8>, Query, minimum = 0, maximum = 1, description = "1 folds the status into the five that clients of the old API know.")
    ),
    responses((status = 200, description = "Its status.", body = LoginView))
)]
async fn status(
    State(web): State<Web>,
    InPath(id): InPath<Uuid>,
    Params(params): Params<StatusParams>,
) -> Result<impl IntoResponse, ApiError> {
    if params.compat.is_some_and(|compat| compat > 1) {
        return Err(Error::Invalid("compat: is 0 or 1".to_owned()).into());
    }
    web.limits.check_login(id)?;
    let mut view = web.call(move |app| app.login_view(id)).await?;
    if params.compat == Some(1) {
        view.status = view.status.compat();
    }
    Ok((NO_STORE, Json(view)))
}

/// Draws the code that is to be scanned now; `{id}.svg` draws it as SVG.
#[utoipa::path(
    get, path = "/png/{id}", tag = "login",
    params(("id" = String, Path, description = "The login's id; with `.svg` at its end, or `.png`.")),
    responses(
        (status = 200, description = "The code; drawn anew every half minute.", content(
            (Vec<u8> = "image/png"), (String = "image/svg+xml")
        )),
        (status = 410, description = "`login_over`.")
    )
)]
async fn png(State(web): State<Web>, InPath(name): InPath<String>) -> Result<impl IntoResponse, ApiError> {
    let (id, vector) = match name.strip_suffix(".svg") {
        Some(id) => (id, true),
        None => (name.strip_suffix(".png").unwrap_or(&name), false),
    };
    let id: Uuid = id.parse().map_err(|_| ApiError::new(ErrorCode::NotFound, "no such thing here"))?;
    let url = web.call(move |app| app.login_qr_url(id)).await?;
    let drawn = if vector { code::svg(&url) } else { code::png(&url) };
    let drawn = drawn.ok_or_else(|| ApiError::internal("a login's code could not be drawn"))?;
    let kind = HeaderValue::from_static(if vector { "image/svg+xml" } else { "image/png" });
    Ok((NO_STORE, [(header::CONTENT_TYPE, kind)], drawn))
}

/// What one event says.
#[derive(Debug, Serialize)]
struct StatusEvent {
    #[serde(flatten)]
    view: LoginView,
    qr_url: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_tries_left: Option<u32>,
}

impl From<&LoginNow> for StatusEvent {
    fn from(now: &LoginNow) -> Self {
        Self {
            view: LoginView::from(&now.ticket),
            qr_url: now.qr_url.clone(),
            password_tries_left: now.password_tries_left,
        }
    }
}

/// Tells how a login stands, at once and at every step, until its end.
#[utoipa::path(
    get, path = "/events/{id}", tag = "login",
    params(("id" = Uuid, Path, description = "The login.")),
    responses(
        (status = 200, description = "Server-sent events `status`; the last one is final.", content_type = "text/event-stream", body = String),
        (status = 429, description = "Too many streams are open (`limits.streams_per_caller`, `limits.streams_max`).")
    )
)]
async fn events(
    State(web): State<Web>,
    ip: ClientIp,
    InPath(id): InPath<Uuid>,
) -> Result<impl IntoResponse, ApiError> {
    let place = web.streams.take(StreamReader::from_address(ip.0))?;
    let (view, watched) = web.call(move |app| Ok((app.login_view(id)?, app.login_watch(id)))).await?;
    let first = StatusEvent { view, qr_url: None, password_tries_left: None };
    let begin = match watched {
        None => Telling::Last(first),
        Some(mut now) => {
            now.mark_changed();
            Telling::On(now)
        }
    };
    let told = stream::unfold(begin, |telling| async {
        match telling {
            Telling::Over => None,
            Telling::Last(event) => Some((Ok::<_, Infallible>(said(&event)), Telling::Over)),
            Telling::On(mut now) => {
                now.changed().await.ok()?;
                let event = StatusEvent::from(&*now.borrow_and_update());
                let over = event.view.status.is_final();
                Some((Ok(said(&event)), if over { Telling::Over } else { Telling::On(now) }))
            }
        }
    });
    Ok((NO_STORE, Sse::new(place.hold(told)).keep_alive(KeepAlive::default())))
}

/// Where a stream of events stands.
enum Telling {
    On(tokio::sync::watch::Receiver<LoginNow>),
    Last(StatusEvent),
    Over,
}

fn said(event: &StatusEvent) -> Event {
    let event = Event::default().event("status").json_data(event);
    event.unwrap_or_else(|_| Event::default().event("status").data("{}"))
}

/// The password of two-step verification.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "session_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6IjFhIn0…", "password": "correct horse" }))]
pub(super) struct PasswordBody {
    /// Of this login.
    #[schema(max_length = 2048)]
    session_token: String,
    /// Passed on to Telegram as a proof, never kept.
    #[schema(min_length = 1, max_length = 256)]
    password: String,
}

/// Gives the password of two-step verification; five tries.
#[utoipa::path(
    post, path = "/password", tag = "login", request_body = PasswordBody,
    responses(
        (status = 202, description = "It is being checked; the status tells how it came out.", body = LoginView),
        (status = 401, description = "The session token is not valid."),
        (status = 404, description = "No such login."),
        (status = 409, description = "The login asks for no password, or one is being checked."),
        (status = 410, description = "`login_over`.")
    )
)]
async fn password(
    State(web): State<Web>,
    Body(body): Body<PasswordBody>,
) -> Result<impl IntoResponse, ApiError> {
    let password = Zeroizing::new(body.password);
    let view = web.call(move |app| app.login_password(&body.session_token, password)).await?;
    Ok((axum::http::StatusCode::ACCEPTED, NO_STORE, Json(view)))
}

/// The token of a login.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "session_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6IjFhIn0…" }))]
pub(super) struct TokenBody {
    #[schema(max_length = 2048)]
    session_token: String,
}

/// Cancels a login; one that has ended stays as it is.
#[utoipa::path(
    post, path = "/cancel", tag = "login", request_body = TokenBody,
    responses(
        (status = 202, description = "It is being ended.", body = LoginView),
        (status = 401, description = "The session token is not valid."),
        (status = 404, description = "No such login."),
        (status = 409, description = "A password is being checked; try again."),
        (status = 410, description = "`login_over`.")
    )
)]
async fn cancel(State(web): State<Web>, Body(body): Body<TokenBody>) -> Result<impl IntoResponse, ApiError> {
    let view = web.call(move |app| app.login_cancel(&body.session_token)).await?;
    Ok((axum::http::StatusCode::ACCEPTED, NO_STORE, Json(view)))
}

/// Exchanges the token of a login that succeeded for a session; good once.
#[utoipa::path(
    post, path = "/exchange", tag = "login", request_body = TokenBody,
    responses(
        (status = 200, description = "Signed in.", body = SignedIn),
        (status = 401, description = "The session token is not valid."),
        (status = 404, description = "No such login."),
        (status = 409, description = "`login_unfinished` or `login_exchanged`.")
    )
)]
async fn exchange(
    State(web): State<Web>,
    device: Device,
    Body(body): Body<TokenBody>,
) -> Result<impl IntoResponse, ApiError> {
    let signed_in = web.call(move |app| app.login_exchange(&body.session_token, device)).await?;
    Ok((NO_STORE, Json(signed_in)))
}
