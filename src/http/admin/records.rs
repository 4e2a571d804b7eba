//! The tenant's jobs and dead letters, its figures, and the records of what was done and who signed in.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{
        audit::AuditView,
        auth_events::AuthEventView,
        jobs::JobView,
        statistics::{self, TenantStatistics},
    },
    http::{
        ApiError, Web,
        caller::TenantAdmin,
        extract::{Body, Page, Params},
    },
    model::{AuditAction, AuthEventKind},
    store::{AuditFilter, AuthEventFilter},
};

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(jobs))
        .routes(routes!(dead_letters))
        .routes(routes!(requeue))
        .routes(routes!(discard))
        .routes(routes!(stats))
        .routes(routes!(audit))
        .routes(routes!(auth_events))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct JobsQuery {
    /// Only those after this job.
    after: Option<u64>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// Jobs in the order of their ids; `next` is the `after` of the next page.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobList {
    jobs: Vec<JobView>,
    next: Option<u64>,
}

async fn job_page(
    web: Web,
    admin: TenantAdmin,
    query: JobsQuery,
    dead: bool,
) -> Result<Json<JobList>, ApiError> {
    let (limit, _) = Page { limit: query.limit, offset: None }.bounds()?;
    web.call(move |app| {
        let jobs = app.tenant_job_list(admin.0.tenant.id(), dead, query.after, limit);
        let next = jobs.last().filter(|_| jobs.len() == limit).map(|job| job.id);
        Ok(JobList { jobs, next })
    })
    .await
    .map(Json)
}

/// Lists the tenant's jobs that wait or are worked on.
#[utoipa::path(
    get, path = "/api/admin/jobs", tag = "admin", security(("bearer" = ["admin"])), params(JobsQuery),
    responses((status = 200, description = "A page of jobs.", body = JobList))
)]
async fn jobs(
    State(web): State<Web>,
    admin: TenantAdmin,
    Params(query): Params<JobsQuery>,
) -> Result<Json<JobList>, ApiError> {
    job_page(web, admin, query, false).await
}

/// Lists the tenant's jobs that were given up, each with its reason.
#[utoipa::path(
    get, path = "/api/admin/dead-letters", tag = "admin", security(("bearer" = ["admin"])), params(JobsQuery),
    responses((status = 200, description = "A page of dead letters.", body = JobList))
)]
async fn dead_letters(
    State(web): State<Web>,
    admin: TenantAdmin,
    Params(query): Params<JobsQuery>,
) -> Result<Json<JobList>, ApiError> {
    job_page(web, admin, query, true).await
}

/// Which dead letters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "ids": [] }))]
pub(super) struct DeadBody {
    /// None named means all of the tenant's.
    #[schema(max_items = 1000)]
    ids: Vec<u64>,
}

/// How many dead letters it was done to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeadDone {
    count: u64,
}

/// Gives dead letters all their attempts again.
#[utoipa::path(
    post, path = "/api/admin/dead-letters/requeue", tag = "admin", security(("bearer" = ["admin"])), request_body = DeadBody,
    responses(
        (status = 200, description = "They are queued.", body = DeadDone),
        (status = 404, description = "One that is named is no dead letter of the tenant; nothing was done.")
    )
)]
async fn requeue(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    Body(body): Body<DeadBody>,
) -> Result<Json<DeadDone>, ApiError> {
    let origin = caller.origin();
    let count = web.call(move |app| app.dead_requeue(&body.ids, Some(caller.tenant.id()), &origin)).await?;
    Ok(Json(DeadDone { count }))
}

/// Throws dead letters away.
#[utoipa::path(
    post, path = "/api/admin/dead-letters/discard", tag = "admin", security(("bearer" = ["admin"])), request_body = DeadBody,
    responses(
        (status = 200, description = "They are gone.", body = DeadDone),
        (status = 404, description = "One that is named is no dead letter of the tenant; nothing was done.")
    )
)]
async fn discard(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    Body(body): Body<DeadBody>,
) -> Result<Json<DeadDone>, ApiError> {
    let origin = caller.origin();
    let count = web.call(move |app| app.dead_discard(&body.ids, Some(caller.tenant.id()), &origin)).await?;
    Ok(Json(DeadDone { count }))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StatsQuery {
    /// How many days the series by day has; 30 unless told.
    #[param(minimum = 1, maximum = 90)]
    days: Option<usize>,
    /// How many hours the series by hour has; 48 unless told.
    #[param(minimum = 1, maximum = 168)]
    hours: Option<usize>,
}

/// The tenant in figures, of now and over days and hours.
#[utoipa::path(
    get, path = "/api/admin/stats", tag = "admin", security(("bearer" = ["admin"])), params(StatsQuery),
    responses((status = 200, description = "As of now.", body = TenantStatistics))
)]
async fn stats(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    Params(query): Params<StatsQuery>,
) -> Result<Json<TenantStatistics>, ApiError> {
    let days = query.days.unwrap_or(statistics::DAYS_DEFAULT);
    let hours = query.hours.unwrap_or(statistics::HOURS_DEFAULT);
    web.call(move |app| app.tenant_statistics(&caller.tenant, days, hours)).await.map(Json)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    action: Option<AuditAction>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    offset: Option<usize>,
}

/// Lines of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditList {
    total: u64,
    limit: usize,
    offset: usize,
    entries: Vec<AuditView>,
}

/// Lists what administrators did in the tenant, newest first.
#[utoipa::path(
    get, path = "/api/admin/audit", tag = "admin", security(("bearer" = ["admin"])), params(AuditQuery),
    responses((status = 200, description = "A page of the log.", body = AuditList))
)]
async fn audit(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    Params(query): Params<AuditQuery>,
) -> Result<Json<AuditList>, ApiError> {
    let (limit, offset) = Page { limit: query.limit, offset: query.offset }.bounds()?;
    web.call(move |app| {
        let filter = AuditFilter {
            tenant_id: Some(caller.tenant.id()),
            action: query.action,
            ..AuditFilter::default()
        };
        let (entries, total) = app.audit_list(&filter, limit, offset)?;
        Ok(AuditList { total, limit, offset, entries })
    })
    .await
    .map(Json)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuthEventsQuery {
    event: Option<AuthEventKind>,
    /// Only those of one login.
    #[param(max_length = 64)]
    qr_session_id: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    offset: Option<usize>,
}

/// Steps of logins.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuthEventList {
    total: u64,
    limit: usize,
    offset: usize,
    events: Vec<AuthEventView>,
}

/// Lists the steps of logins into the tenant, newest first.
#[utoipa::path(
    get, path = "/api/admin/auth-events", tag = "admin", security(("bearer" = ["admin"])), params(AuthEventsQuery),
    responses((status = 200, description = "A page of steps.", body = AuthEventList))
)]
async fn auth_events(
    State(web): State<Web>,
    TenantAdmin(caller): TenantAdmin,
    Params(query): Params<AuthEventsQuery>,
) -> Result<Json<AuthEventList>, ApiError> {
    let (limit, offset) = Page { limit: query.limit, offset: query.offset }.bounds()?;
    web.call(move |app| {
        let filter = AuthEventFilter {
            tenant_id: Some(caller.tenant.id()),
            kind: query.event,
            login_id: query.qr_session_id,
            membership_id: None,
        };
        let (events, total) = app.auth_event_list(&filter, limit, offset)?;
        Ok(AuthEventList { total, limit, offset, events })
    })
    .await
    .map(Json)
}
