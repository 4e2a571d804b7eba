//! Vectors by a model outside: the same reconciler, for tenants that have theirs made there.
//!
//! A thread of its own: nobody's vectors that are made here wait for a server that is silent. One batch after the other, so that a
//! provider that comes back meets no herd. A failure costs no post anything: the posts are as they were, the provider's gate and the
//! wait say when to try again, and words find them meanwhile. A batch that fails is tried smaller, down to one post; a post that
//! fails alone, while the model answers a word of ours, stays without vectors until it is edited, or one text a server cannot read
//! would keep all others from theirs. Such a post is tried in smaller pieces first.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use jiff::Timestamp;

use super::embed::{due, encode, put};
use crate::{
    ai::{RemoteFault, remote::TEXTS_PER_CALL_MAX},
    app::{App, Error, Tenant, Upkeep, embedding::VectorMaker, model_calls::Denied},
    model::TenantId,
};

/// Posts of one batch: mostly one call.
const BATCH_POSTS: usize = TEXTS_PER_CALL_MAX;
/// How often a post fails alone before it is left without vectors.
pub const ALONE_TRIES_MAX: u32 = 3;

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedOutsideOutcome {
    /// Settled so many posts; there may be more.
    Embedded(usize),
    /// Nothing can be asked before then.
    Idle { until: Option<Timestamp> },
}

/// Makes vectors outside, and remembers how much may be asked at once. Lost with the process, which costs a few tries.
#[derive(Debug, Default)]
pub struct OutsideVectors {
    paces: HashMap<TenantId, Pace>,
}

/// How a tenant's batches fare.
#[derive(Debug, Clone, Copy)]
struct Pace {
    posts: usize,
    /// How often the one post of a batch failed.
    alone: u32,
    /// After a failure it is left alone until then, whatever others do meanwhile.
    until: Option<Timestamp>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { posts: BATCH_POSTS, alone: 0, until: None }
    }
}

/// What became of a batch.
enum Step {
    /// So many posts are settled.
    Settled(usize),
    /// The batch is tried again, smaller or once more.
    Again,
    /// There is nothing to do.
    Complete,
    /// This tenant's vectors are made here, or by nobody.
    Here,
    Waits(Denied),
}

impl OutsideVectors {
    /// One batch for every tenant whose vectors are made outside.
    pub fn tick(&mut self, app: &App, stop: &AtomicBool) -> Result<EmbedOutsideOutcome, Error> {
        let (mut settled, mut again, mut until) = (0, false, None::<Timestamp>);
        if !app.embeds_outside() {
            return Ok(EmbedOutsideOutcome::Idle { until });
        }
        for row in app.tenant_due_list(Upkeep::EmbedOutside)? {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            if let Some(due) = self.left_alone_until(row.id).filter(|due| *due > app.now()) {
                until = Some(until.map_or(due, |before| before.min(due)));
                continue;
            }
            // A tenant that cannot be opened is the sweep's and doctor's concern.
            let Ok(tenant) = app.tenant_open_due(&row) else { continue };
            let writes = tenant.writes();
            let step = match self.step(app, &tenant) {
                Err(error) if error.is_one_tenants() => {
                    tracing::error!(tenant = %row.id, %error, "tenant cannot be embedded");
                    continue;
                }
                step => step?,
            };
            let denied = match step {
                Step::Settled(posts) => {
                    settled += posts;
                    app.outside_settled(&tenant, None)?;
                    continue;
                }
                Step::Again => {
                    again = true;
                    continue;
                }
                Step::Complete => {
                    tenant.indexes().graph_build_if_due(stop)?;
                    None
                }
                Step::Here => None,
                Step::Waits(denied) => Some(denied),
            };
            let failed = matches!(denied, Some(Denied::Failed(_)));
            match app.outside_settled(&tenant, denied)? {
                Some(due) => {
                    self.paces.entry(row.id).or_default().until = Some(due).filter(|_| failed);
                    until = Some(until.map_or(due, |before| before.min(due)));
                }
                None => tenant.upkeep_done(Upkeep::EmbedOutside, writes),
            }
        }
        let worked = settled > 0 || again;
        Ok(if worked { EmbedOutsideOutcome::Embedded(settled) } else { EmbedOutsideOutcome::Idle { until } })
    }

    fn left_alone_until(&self, tenant: TenantId) -> Option<Timestamp> {
        self.paces.get(&tenant)?.until
    }

    fn step(&mut self, app: &App, tenant: &Tenant) -> Result<Step, Error> {
        let VectorMaker::Outside(model) = app.vectors_maker(tenant)? else {
            self.paces.remove(&tenant.id());
            return Ok(Step::Here);
        };
        let pace = self.paces.entry(tenant.id()).or_default();
        let Some(posts) = due(app, tenant, model.as_str(), pace.posts)? else {
            return Ok(Step::Complete);
        };
        let mut embedder = match app.outside_open(tenant)? {
            Ok(embedder) => embedder,
            Err(denied) => return Ok(Step::Waits(denied)),
        };
        if pace.is_alone() {
            // What is asked first tells whether it is the post or the provider.
            if let Err(denied) = app.outside_answers(tenant, &embedder)? {
                return Ok(Step::Waits(denied));
            }
            embedder = embedder.with_small_pieces();
        }
        let made = encode(&embedder, &posts, &mut |texts| app.outside_posts(tenant, &embedder, texts))?;
        match made {
            Ok(encoded) => {
                pace.grow();
                Ok(Step::Settled(put(app, tenant, &embedder, &posts, &encoded)?))
            }
            Err(Denied::Failed(error)) if may_be_the_texts(&error.fault) => {
                if pace.shrink() {
                    let bare: Vec<_> =
                        posts.iter().map(|post| (post.id, post.revision, Vec::new())).collect();
                    for post in &posts {
                        tracing::warn!(tenant = %tenant.id(), post = %post.id, %error, "a post stays without vectors");
                    }
                    return Ok(Step::Settled(put(app, tenant, &embedder, &posts, &bare)?));
                }
                // What other texts would suffer from as well is waited out.
                Ok(if error.is_providers() { Step::Waits(Denied::Failed(error)) } else { Step::Again })
            }
            Err(denied) => Ok(Step::Waits(denied)),
        }
    }
}

impl Pace {
    /// Whether the batch is one post because larger ones failed.
    fn is_alone(self) -> bool {
        self.posts == 1
    }

    fn grow(&mut self) {
        *self = Self { posts: (self.posts * 2).min(BATCH_POSTS), alone: 0, until: None };
    }

    /// A batch failed; `true`: its one post is not tried again.
    fn shrink(&mut self) -> bool {
        if !self.is_alone() {
            self.posts /= 2;
            return false;
        }
        self.alone += 1;
        let given_up = self.alone >= ALONE_TRIES_MAX;
        if given_up {
            self.alone = 0;
        }
        given_up
    }
}

/// Whether a failure may be of these texts, and smaller batches fare better. A connection that breaks or a server that is silent may
/// have been asked for too much at once.
fn may_be_the_texts(fault: &RemoteFault) -> bool {
    match fault {
        RemoteFault::TooLong
        | RemoteFault::Refused { .. }
        | RemoteFault::Failed { .. }
        | RemoteFault::Silent { .. }
        | RemoteFault::Cut
        | RemoteFault::Malformed
        | RemoteFault::Empty
        | RemoteFault::Filtered => true,
        RemoteFault::KeyRefused
        | RemoteFault::ScopeRefused
        | RemoteFault::Forbidden
        | RemoteFault::Payment
        | RemoteFault::RateLimited { .. }
        | RemoteFault::NotFound
        | RemoteFault::Unreachable
        | RemoteFault::Certificate
        | RemoteFault::Paused { .. }
        | RemoteFault::Busy => false,
    }
}
