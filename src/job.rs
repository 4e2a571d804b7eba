//! Everything that can be queued, and how each kind is treated: on one screen.
//!
//! May know the ids and the queue's own types; not what a job does. Jobs carry ids, never content: what is to be done is read
//! from the row, so a late or doubled job does no harm. Stored form: `version, kind, …` (little-endian); what this version does
//! not know is an error and becomes a dead letter, never a guess.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    model::{Disposition, PostId, TenantId},
    queue::{Cause, Lane, NewJob},
};

/// Version byte of every payload.
const VERSION: u8 = 1;
const KIND_ADVANCE: u8 = 1;

/// A piece of durable work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Job {
    /// Take a post through the stage it stands before.
    Advance { tenant: TenantId, post: PostId },
}

/// How a kind of job is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobPolicy {
    /// The lane it stands in unless the caller knows better (imports and sweeps are backfill).
    pub lane: Lane,
    /// Claims before it is dead.
    pub attempts_max: u16,
    pub backoff: Backoff,
    /// How long one attempt may take before the worker gives it up as failed.
    pub timeout_ms: u64,
}

/// Waiting between attempts: doubles from `first_ms` up to `max_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub first_ms: u64,
    pub max_ms: u64,
}

impl Job {
    pub fn policy(&self) -> JobPolicy {
        match self {
            // A model that is down for a night must not kill posts: 2 s, 4 s, … 15 min, together about 4 hours.
            Job::Advance { .. } => JobPolicy {
                lane: Lane::Live,
                attempts_max: 24,
                backoff: Backoff {
                    first_ms: 2_000,
                    max_ms: 15 * 60_000,
                },
                timeout_ms: 120_000,
            },
        }
    }

    pub fn tenant(&self) -> TenantId {
        match self {
            Job::Advance { tenant, .. } => *tenant,
        }
    }

    /// Names the work within its tenant; see [`NewJob::key`].
    pub fn key(&self) -> Vec<u8> {
        match self {
            Job::Advance { post, .. } => [&[KIND_ADVANCE][..], &post.0.to_le_bytes()].concat(),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        match self {
            Job::Advance { tenant, post } => [
                &[VERSION, KIND_ADVANCE][..],
                tenant.0.as_bytes(),
                &post.0.to_le_bytes(),
            ]
            .concat(),
        }
    }

    pub fn decode(payload: &[u8]) -> Result<Job, Error> {
        let Some(([version, kind], rest)) = payload.split_first_chunk::<2>() else {
            return Err(Error::Malformed { bytes: payload.len() });
        };
        match (*version, *kind) {
            (VERSION, KIND_ADVANCE) => advance(rest).ok_or(Error::Malformed { bytes: payload.len() }),
            (version, kind) => Err(Error::Unknown { version, kind }),
        }
    }

    /// As the queue takes it, in the lane and due time of the policy.
    pub fn to_new(&self, cause: Cause) -> NewJob {
        let policy = self.policy();
        NewJob {
            lane: policy.lane,
            tenant: self.tenant().0.as_u128(),
            key: self.key(),
            due: None,
            attempts_max: policy.attempts_max,
            cause,
            payload: self.encode(),
        }
    }
}

fn advance(rest: &[u8]) -> Option<Job> {
    let (tenant, post) = rest.split_first_chunk::<16>()?;
    Some(Job::Advance {
        tenant: TenantId(Uuid::from_bytes(*tenant)),
        post: PostId(i64::from_le_bytes(post.try_into().ok()?)),
    })
}

impl Backoff {
    /// How long to wait after failed attempt `attempt` (1 is the first).
    pub fn after(self, attempt: u16) -> Duration {
        let doublings = u32::from(attempt.saturating_sub(1)).min(32);
        Duration::from_millis(self.first_ms.saturating_mul(1 << doublings).min(self.max_ms))
    }
}

/// A payload that is not a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "read job: version {version} kind {kind} is unknown; it was queued by a newer tga, upgrade or discard it"
    )]
    Unknown { version: u8, kind: u8 },
    #[error("read job: {bytes} bytes do not make one; discard it")]
    Malformed { bytes: usize },
}

impl Error {
    pub fn disposition(&self) -> Disposition {
        match self {
            Error::Unknown { .. } | Error::Malformed { .. } => Disposition::Reject,
        }
    }
}
