//! The worker: one step takes a batch of posts as far as they can go.
//!
//! claim (attempt durable) → load the posts → the pure stages, one after the other → one tenant.db transaction: results, stages,
//! events → full-text commit → one tenant.db transaction: indexed → one queue transaction: settle all. A stage that needs somebody
//! outside the box would end the step there and queue the next; there is none yet. Where to begin is read from the row, so a late
//! or doubled job does no harm.
//! The only place that settles jobs, and the only reader of dispositions.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use jiff::SignedDuration;

use super::{
    enrich::{EnrichPlan, enrich},
    index::index,
    parse::parse,
    tag::tag,
};
use crate::{
    app::{App, BatchFrequencies, Error, Tenant},
    fail::{FailPoint, fail_point},
    job::Job,
    model::{Disposition, Event, Post, PostId, Stage, TenantId},
    queue::{Claimed, Outcome, Settlement},
    store::{ModelTags, StageOutput, StageResult},
    text::DocumentFrequency,
};

/// How long the jobs of a tenant that cannot be opened wait: a person has to act, the other tenants go on.
const TENANT_RETRY: Duration = Duration::from_mins(1);

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
    let mut step = Step { app, settlements: Vec::with_capacity(count), halted: None };
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
    app.queue().settle(step.settlements, Vec::new())?;
    match step.halted {
        None => Ok(TickOutcome::Worked(count)),
        Some(reason) => Ok(TickOutcome::Halted(reason)),
    }
}

/// What one step collects for its settle.
struct Step<'a> {
    app: &'a App,
    settlements: Vec<Settlement>,
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
        metrics::counter!("stream_dlq_total", "stream" => Event::PostsParsed.name(), "reason" => error.code().name())
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
        let (mut ready, mut results) = (Vec::with_capacity(posts.len()), Vec::new());
        let plan = match self.enrich_plan(&tenant) {
            Ok(plan) => plan,
            Err(error) => return jobs.values().for_each(|job| self.fail(job, &error)),
        };
        let made = match tenant.store().model_tags_load(&ids) {
            Ok(made) => made,
            Err(error) => {
                return jobs.values().for_each(|job| self.fail(job, &Error::Store(error.clone())));
            }
        };
        for computed in Self::compute(&tenant, posts, &plan, &made) {
            match computed {
                Ok(done) => {
                    results.extend(done.results);
                    ready.push(done.post);
                }
                Err((post, error)) => {
                    if let Some(job) = jobs.remove(&post) {
                        self.fail(&job, &error);
                    }
                }
            }
        }
        if let Err(error) = self.commit(&tenant, &ready, results) {
            if let Error::Search(damage) = &error
                && damage.needs_rebuild()
                && let Err(error) = self.app.fulltext_repair(&tenant, damage)
            {
                tracing::error!(tenant = %tenant.id(), %error, "full-text index cannot be set aside");
            }
            return jobs.values().for_each(|job| self.fail(job, &error));
        }
        // Deleted posts and those that became an album's member had nothing to do; the others have arrived.
        for job in jobs.values() {
            self.complete(job);
        }
    }

    /// What of the posts' links is to be read.
    fn enrich_plan(&self, tenant: &Tenant) -> Result<EnrichPlan, Error> {
        let config = &self.app.config().links;
        let pages_per_post_max = if tenant.links_enabled()? { config.pages_per_post_max } else { 0 };
        Ok(EnrichPlan { ports: config.ports.clone(), pages_per_post_max })
    }

    /// What the pure stages make of the posts. A post on which one panics fails alone, and the process lives on.
    fn compute(
        tenant: &Tenant,
        posts: Vec<Post>,
        plan: &EnrichPlan,
        made: &HashMap<PostId, ModelTags>,
    ) -> Vec<Result<Computed, (PostId, Error)>> {
        let fulltext = tenant.indexes().fulltext();
        let indexed = tenant.frequency(&fulltext);
        let frequency = BatchFrequencies::over(&indexed, &posts);
        let one = |post: Post| {
            let id = post.id;
            catch_unwind(AssertUnwindSafe(|| computed(post, &frequency, plan, made.get(&id))))
                .map_err(|_| (id, Error::Unavailable(format!("a stage panicked on post {id}"))))
        };
        posts.into_iter().map(one).collect()
    }

    /// Commits what was computed, then indexes. A post that changed meanwhile is left where it is: its edit has queued it again.
    fn commit(&self, tenant: &Tenant, posts: &[Post], results: Vec<StageResult>) -> Result<(), Error> {
        let links = |result: &StageResult| matches!(&result.output, StageOutput::Enriched { pages } if !pages.is_empty());
        let linking: HashSet<PostId> =
            results.iter().filter(|result| links(result)).map(|result| result.post).collect();
        if !results.is_empty() {
            let reached = reached_of(&results);
            tenant.store().stages_apply(results, self.app.now())?;
            counted(&reached);
        }
        let mut unindexed: Vec<Post> =
            posts.iter().filter(|post| post.stage == Stage::Enriched).cloned().collect();
        for post in &mut unindexed {
            // A page that another post links to as well may have been read long ago.
            if linking.contains(&post.id) {
                post.pages = tenant.store().post_pages(post.id)?;
            }
        }
        if unindexed.is_empty() {
            return Ok(());
        }
        let outputs = index(tenant, &unindexed)?;
        let indexed: Vec<StageResult> =
            unindexed.iter().zip(outputs).map(|(post, output)| result_of(post, output)).collect();
        let reached = reached_of(&indexed);
        tenant.store().stages_apply(indexed, self.app.now())?;
        counted(&reached);
        self.app.embed_wake().signal();
        self.app.links_wake().signal();
        // What is not looked at now is in the log and is looked at with the next posts, or by the sweep.
        if let Err(error) = self.app.alerts_match(tenant) {
            tracing::warn!(tenant = %tenant.id(), %error, "alerts cannot be matched now");
        }
        self.app.model_wake().signal();
        Ok(())
    }
}

/// A post as the pure stages leave it, and what each of them found.
struct Computed {
    post: Post,
    results: Vec<StageResult>,
}

/// Takes a post through every stage that needs nothing but the post.
fn computed(
    mut post: Post,
    frequency: &dyn DocumentFrequency,
    plan: &EnrichPlan,
    made: Option<&ModelTags>,
) -> Computed {
    let mut results = Vec::new();
    loop {
        let output = match post.stage {
            Stage::Ingested => parse(&post),
            Stage::Parsed => tag(&post, frequency, made),
            Stage::Tagged => enrich(&post, plan),
            Stage::Enriched | Stage::Indexed => return Computed { post, results },
        };
        let result = result_of(&post, output);
        post.stage = result.output.reached();
        match &result.output {
            StageOutput::Parsed { language, links_found } => {
                post.language = Some((*language).to_owned());
                post.links.extend(links_found.iter().cloned());
            }
            StageOutput::Tagged { tags, .. } => post.tags = tags.iter().map(|tag| tag.form.clone()).collect(),
            StageOutput::Enriched { .. } | StageOutput::Indexed => {}
        }
        results.push(result);
    }
}

fn result_of(post: &Post, output: StageOutput) -> StageResult {
    StageResult { post: post.id, from: post.stage, revision: post.revision, output }
}

/// The stages that results lead to.
fn reached_of(results: &[StageResult]) -> Vec<Stage> {
    results.iter().map(|result| result.output.reached()).collect()
}

/// Counts posts that have arrived at a stage, once that is on disk.
fn counted(reached: &[Stage]) {
    for stage in reached {
        metrics::counter!("posts_processed_total", "stage" => stage.name(), "success" => "true").increment(1);
        match stage {
            Stage::Ingested | Stage::Enriched => {}
            Stage::Parsed => metrics::counter!("posts_parsed_total").increment(1),
            Stage::Tagged => metrics::counter!("tags_persisted_total", "status" => "success").increment(1),
            Stage::Indexed => metrics::counter!("indexing_processed_total").increment(1),
        }
    }
}
