//! The queue as people see it, and how posts get into it.

use serde::Serialize;

use super::{App, Error, Tenant, audit::Origin, tenants::rfc3339};
use crate::{
    job::Job,
    model::{AuditAction, PostId, TenantId},
    queue::{self, Cause, JobId, Lane, Page, Pick},
};

/// Jobs or dead letters one list shows at most.
pub const JOBS_LISTED_MAX: usize = 1000;
/// Jobs one line of the audit log names at most.
const JOBS_AUDITED_MAX: usize = 100;

/// The queue's figures.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct QueueView {
    pub ready: u64,
    pub scheduled: u64,
    pub claimed: u64,
    pub dead: u64,
    pub oldest_age_ms: Option<i64>,
    pub file_bytes: u64,
}

/// A job or a dead letter.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct JobView {
    pub id: u64,
    pub lane: &'static str,
    pub state: &'static str,
    pub tenant_id: String,
    pub job: String,
    pub attempt: u16,
    pub attempts_max: u16,
    pub enqueued_at: String,
    pub reason: String,
}

impl App {
    /// Queues posts for their next stage. Waits while the backfill lane is over its limit, so memory and disk stay bounded.
    pub fn posts_enqueue(
        &self,
        tenant: &Tenant,
        posts: &[PostId],
        lane: Lane,
        cause: Cause,
    ) -> Result<(), Error> {
        for chunk in posts.chunks(queue::QueueSettings::default().batch_max) {
            let jobs: Vec<_> = chunk
                .iter()
                .map(|post| {
                    let mut job = Job::Advance { tenant: tenant.id(), post: *post }.to_new(cause);
                    job.lane = lane;
                    job
                })
                .collect();
            self.queue.enqueue(jobs)?;
        }
        Ok(())
    }

    /// Blocks while more backfill jobs wait than `pipeline.queue_jobs_max`; `false` if `stop` turned true meanwhile.
    pub fn queue_wait_room(&self, stop: &dyn Fn() -> bool) -> bool {
        loop {
            let seen = self.queue.room().seen();
            if self.queue_has_room() {
                return true;
            }
            if stop() || self.halted().is_some() {
                return false;
            }
            self.queue.room().changed_blocking(seen, std::time::Duration::from_millis(200));
        }
    }

    /// Whether backfill may queue more.
    pub fn queue_has_room(&self) -> bool {
        let backfill = self.queue.info().backfill;
        backfill.ready + backfill.scheduled + backfill.claimed <= self.config.pipeline.queue_jobs_max as u64
    }

    pub fn queue_view(&self) -> QueueView {
        let info = self.queue.info();
        QueueView {
            ready: info.live.ready + info.backfill.ready,
            scheduled: info.live.scheduled + info.backfill.scheduled,
            claimed: info.live.claimed + info.backfill.claimed,
            dead: info.dead,
            oldest_age_ms: info.oldest_age_ms,
            file_bytes: info.file_bytes,
        }
    }

    /// Waiting jobs (or, with `dead`, dead letters), in the order of their ids.
    pub fn job_list(&self, dead: bool, limit: usize) -> Vec<JobView> {
        let page = Page { tenant: None, after: None, limit: limit.min(JOBS_LISTED_MAX) };
        if dead {
            return self.queue.dead_list(page).into_iter().map(dead_view).collect();
        }
        self.queue.list(page).into_iter().map(job_view).collect()
    }

    /// One job or dead letter.
    pub fn job_get(&self, id: u64) -> Result<JobView, Error> {
        if let Some(job) = self.queue.peek(JobId(id)) {
            return Ok(job_view(job));
        }
        let after = id.checked_sub(1).map(JobId);
        let page = Page { tenant: None, after, limit: 1 };
        let dead = self.queue.dead_list(page).into_iter().find(|letter| letter.id == JobId(id));
        dead.map(dead_view).ok_or_else(|| Error::NotFound(format!("no job or dead letter {id}")))
    }

    /// Waiting jobs or dead letters of one tenant, in the order of their ids.
    pub fn tenant_job_list(
        &self,
        tenant: TenantId,
        dead: bool,
        after: Option<u64>,
        limit: usize,
    ) -> Vec<JobView> {
        let page = Page {
            tenant: Some(tenant.0.as_u128()),
            after: after.map(JobId),
            limit: limit.min(JOBS_LISTED_MAX),
        };
        if dead {
            return self.queue.dead_list(page).into_iter().map(dead_view).collect();
        }
        self.queue.list(page).into_iter().map(job_view).collect()
    }

    /// Gives dead letters another life; none named means all. With a tenant, its own only.
    pub fn dead_requeue(&self, ids: &[u64], tenant: Option<TenantId>, origin: &Origin) -> Result<u64, Error> {
        let picked = self.dead_named(ids, tenant)?;
        let requeued = self.queue.requeue(Pick::Jobs(picked.clone()))?;
        self.dead_audit(AuditAction::DeadLettersRequeued, &picked, tenant, origin)?;
        Ok(requeued)
    }

    /// Throws dead letters away; none named means all. With a tenant, its own only. Jobs that wait are left alone.
    pub fn dead_discard(&self, ids: &[u64], tenant: Option<TenantId>, origin: &Origin) -> Result<u64, Error> {
        let picked = self.dead_named(ids, tenant)?;
        let discarded = self.queue.discard(Pick::Jobs(picked.clone()))?;
        self.dead_audit(AuditAction::DeadLettersDiscarded, &picked, tenant, origin)?;
        Ok(discarded)
    }

    /// The dead letters meant; one that is named and is none (or another tenant's) is an error.
    fn dead_named(&self, ids: &[u64], tenant: Option<TenantId>) -> Result<Vec<JobId>, Error> {
        let mut dead: Vec<JobId> = Vec::new();
        loop {
            let page = Page {
                tenant: tenant.map(|id| id.0.as_u128()),
                after: dead.last().copied(),
                limit: JOBS_LISTED_MAX,
            };
            let letters = self.queue.dead_list(page);
            if letters.is_empty() {
                break;
            }
            dead.extend(letters.into_iter().map(|letter| letter.id));
        }
        if ids.is_empty() {
            return Ok(dead);
        }
        if let Some(absent) = ids.iter().find(|id| !dead.contains(&JobId(**id))) {
            return Err(Error::NotFound(format!("no dead letter {absent}")));
        }
        Ok(ids.iter().copied().map(JobId).collect())
    }

    /// The queue is another file, so the line comes after the act; nothing to say about nothing.
    fn dead_audit(
        &self,
        action: AuditAction,
        picked: &[JobId],
        tenant: Option<TenantId>,
        origin: &Origin,
    ) -> Result<(), Error> {
        let Some(first) = picked.first() else { return Ok(()) };
        let target =
            if picked.len() == 1 { format!("job:{}", first.0) } else { format!("{} jobs", picked.len()) };
        let shown: Vec<u64> = picked.iter().take(JOBS_AUDITED_MAX).map(|id| id.0).collect();
        let data = serde_json::json!({ "count": picked.len(), "jobs": shown });
        Ok(self.control.audit_add(self.audit(origin, tenant, action, target, Some(data)))?)
    }
}

fn describe(payload: &[u8]) -> String {
    match Job::decode(payload) {
        Ok(Job::Advance { post, .. }) => format!("advance post {post}"),
        Err(error) => error.to_string(),
    }
}

fn job_view(job: queue::JobView) -> JobView {
    JobView {
        id: job.id.0,
        lane: job.lane.name(),
        state: job.state.name(),
        tenant_id: uuid::Uuid::from_u128(job.tenant).to_string(),
        job: describe(&job.payload),
        attempt: job.attempt,
        attempts_max: job.attempts_max,
        enqueued_at: rfc3339(job.enqueued_at),
        reason: job.reason,
    }
}

fn dead_view(letter: queue::DeadLetter) -> JobView {
    JobView {
        id: letter.id.0,
        lane: letter.lane.name(),
        state: "dead",
        tenant_id: uuid::Uuid::from_u128(letter.tenant).to_string(),
        job: describe(&letter.payload),
        attempt: letter.attempts,
        attempts_max: letter.attempts_max,
        enqueued_at: rfc3339(letter.first_at),
        reason: letter.reason,
    }
}
