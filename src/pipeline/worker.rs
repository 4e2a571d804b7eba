//! The worker: one step takes a batch of jobs through one stage each.
//!
//! claim (attempt durable) → load the posts → stage functions → one tenant.db transaction: results, stage, events → one queue
//! transaction: settle all, queue the next stage. The stage to run is read from the row, so a late or doubled job does no harm.
//! The only place that settles jobs, and the only reader of dispositions.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use jiff::SignedDuration;

use super::{enrich::enrich, index::index, parse::parse, tag::tag};
use crate::{
    app::{App, Error, Tenant},
    fail::{FailPoint, fail_point},
    job::Job,
    model::{Disposition, Post, PostId, Stage, TenantId},
    queue::{Cause, Claimed, NewJob, Outcome, Settlement},
    store::{StageOutput, StageResult},
};

/// How long the jobs of a tenant that cannot be opened wait: a person has to act, the other tenants go on.
const TENANT_RETRY: Duration = Duration::from_mins(1);
/// Fewer posts than this are not worth a second thread.
const PARALLEL_POSTS_MIN: usize = 32;

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TickOutcome {
    /// Worked on this many jobs; there may be more.
    Worked(usize),
    /// Nothing is due.
    Idle,
    /// Nothing can work until a person acts.
    Halted(String),
}

/// One step.
pub fn tick(app: &App) -> Result<TickOutcome, Error> {
    let claimed = app.queue().claim(app.config().pipeline.batch_posts)?;
    if claimed.is_empty() {
        return Ok(TickOutcome::Idle);
    }
    fail_point(FailPoint::AfterClaim);
    let count = claimed.len();
    let mut step =
        Step { app, settlements: Vec::with_capacity(count), next: Vec::with_capacity(count), halted: None };
    let mut by_tenant: BTreeMap<TenantId, Vec<(PostId, Claimed)>> = BTreeMap::new();
    for job in claimed {
        match Job::decode(&job.payload) {
            Ok(Job::Advance { tenant, post }) => by_tenant.entry(tenant).or_default().push((post, job)),
            Err(error) => step.fail(&job, &error.into()),
        }
    }
    for (tenant, jobs) in by_tenant {
        step.tenant(tenant, jobs);
    }
    fail_point(FailPoint::BeforeSettle);
    app.queue().settle(step.settlements, step.next)?;
    match step.halted {
        None => Ok(TickOutcome::Worked(count)),
        Some(reason) => Ok(TickOutcome::Halted(reason)),
    }
}

/// What one step collects for its settle.
struct Step<'a> {
    app: &'a App,
    settlements: Vec<Settlement>,
    next: Vec<NewJob>,
    halted: Option<String>,
}

impl Step<'_> {
    fn complete(&mut self, job: &Claimed) {
        self.settlements.push(Settlement { job: job.id, outcome: Outcome::Complete });
    }

    /// Settles a job that failed by what its error says; logged here, once.
    fn fail(&mut self, job: &Claimed, error: &Error) {
        let reason = error.to_string();
        let outcome = match error.disposition() {
            Disposition::Reject => Outcome::Reject { reason: reason.clone() },
            // Not an attempt: however long the tenant's database is out of reach, its jobs do not become dead letters.
            Disposition::Halt if error.is_one_tenants() => {
                Outcome::Defer { due: self.due_after(TENANT_RETRY), reason: reason.clone() }
            }
            Disposition::Halt => {
                self.halted = Some(reason.clone());
                Outcome::Release
            }
            Disposition::Retry { after } => {
                let backoff = Job::decode(&job.payload).map(|kind| kind.policy().backoff.after(job.attempt));
                Outcome::Retry {
                    due: self.due_after(after.or(backoff.ok()).unwrap_or_default()),
                    reason: reason.clone(),
                }
            }
        };
        metrics::counter!("stream_dlq_total", "stream" => "posts", "reason" => error.code().to_owned())
            .increment(u64::from(matches!(outcome, Outcome::Reject { .. })));
        tracing::warn!(job = job.id.0, attempt = job.attempt, error = %reason, "job failed");
        self.settlements.push(Settlement { job: job.id, outcome });
    }

    fn due_after(&self, wait: Duration) -> jiff::Timestamp {
        let now = self.app.now();
        SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok()).unwrap_or(now)
    }

    fn tenant(&mut self, id: TenantId, jobs: Vec<(PostId, Claimed)>) {
        let tenant = match self.app.tenant_by_id(id) {
            Ok(Some(tenant)) => tenant,
            // The tenant was deleted: its jobs have nothing to do.
            Ok(None) => return jobs.iter().for_each(|(_, job)| self.complete(job)),
            Err(error) => return jobs.iter().for_each(|(_, job)| self.fail(job, &error)),
        };
        let ids: Vec<PostId> = jobs.iter().map(|(post, _)| *post).collect();
        let posts = match tenant.store().posts_load(&ids) {
            Ok(posts) => posts,
            Err(error) => {
                return jobs.iter().for_each(|(_, job)| self.fail(job, &Error::Store(error.clone())));
            }
        };
        let mut jobs: BTreeMap<PostId, Claimed> = jobs.into_iter().collect();
        let mut by_stage: BTreeMap<Stage, Vec<Post>> = BTreeMap::new();
        for post in posts {
            by_stage.entry(post.stage).or_default().push(post);
        }
        for (stage, posts) in by_stage {
            let claimed: Vec<Claimed> = posts.iter().filter_map(|post| jobs.remove(&post.id)).collect();
            self.stage(&tenant, stage, &posts, &claimed);
        }
        // Deleted posts and those that became an album's member have nothing left to do.
        for job in jobs.values() {
            self.complete(job);
        }
    }

    /// Takes posts that stand at the same stage one further.
    fn stage(&mut self, tenant: &Tenant, from: Stage, posts: &[Post], jobs: &[Claimed]) {
        let Some(reached) = from.next() else {
            return jobs.iter().for_each(|job| self.complete(job));
        };
        // A stage that panics on one post must not take the process, or the claims, with it.
        let advanced = catch_unwind(AssertUnwindSafe(|| self.advance(tenant, from, posts)))
            .unwrap_or_else(|_| Err(Error::Unavailable(format!("stage {} panicked", reached.name()))));
        if let Err(error) = advanced {
            if let Error::Search(damage) = &error
                && damage.needs_rebuild()
                && let Err(error) = self.app.fulltext_repair(tenant, damage)
            {
                tracing::error!(tenant = %tenant.id(), %error, "full-text index cannot be set aside");
            }
            for job in jobs {
                self.fail(job, &error);
            }
            return;
        }
        metrics::counter!("posts_processed_total", "stage" => reached.name(), "success" => "true")
            .increment(posts.len() as u64);
        for (post, job) in posts.iter().zip(jobs) {
            self.complete(job);
            if reached.next().is_some() {
                let mut next = Job::Advance { tenant: tenant.id(), post: post.id }.to_new(Cause::News);
                next.lane = job.lane;
                self.next.push(next);
            }
        }
        if reached == Stage::Indexed {
            metrics::counter!("indexing_processed_total").increment(posts.len() as u64);
            self.app.embed_wake().signal();
        }
    }

    /// Computes and commits one stage. A post that changed meanwhile is left where it is: its edit has queued it again.
    fn advance(&self, tenant: &Tenant, from: Stage, posts: &[Post]) -> Result<(), Error> {
        let outputs: Vec<StageOutput> = match from {
            Stage::Ingested => in_parallel(posts, parse),
            Stage::Parsed => {
                let fulltext = tenant.indexes().fulltext();
                let frequency = tenant.frequency(&fulltext);
                in_parallel(posts, |post| tag(post, &frequency))
            }
            Stage::Tagged => posts.iter().map(|_| enrich()).collect(),
            Stage::Enriched => index(tenant, posts)?,
            Stage::Indexed => return Ok(()),
        };
        let results = posts.iter().zip(outputs).map(|(post, output)| StageResult {
            post: post.id,
            from,
            revision: post.revision,
            output,
        });
        tenant.store().stages_apply(results.collect(), self.app.now())?;
        Ok(())
    }
}

/// Applies a pure function to every post, on as many threads as there are cores.
fn in_parallel(posts: &[Post], stage: impl Fn(&Post) -> StageOutput + Sync) -> Vec<StageOutput> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if threads == 1 || posts.len() < PARALLEL_POSTS_MIN {
        return posts.iter().map(stage).collect();
    }
    let share = posts.len().div_ceil(threads);
    let stage = &stage;
    std::thread::scope(|scope| {
        let parts: Vec<_> = posts
            .chunks(share)
            .map(|part| scope.spawn(move || part.iter().map(stage).collect::<Vec<_>>()))
            .collect();
        parts
            .into_iter()
            .flat_map(|part| match part.join() {
                Ok(outputs) => outputs,
                // Hands the panic on to the guard around the stage.
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}
