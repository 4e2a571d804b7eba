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
                backoff: Backoff { first_ms: 2_000, max_ms: 15 * 60_000 },
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
            Job::Advance { tenant, post } => {
                [&[VERSION, KIND_ADVANCE][..], tenant.0.as_bytes(), &post.0.to_le_bytes()].concat()
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn advance(post: i64) -> Job {
        Job::Advance { tenant: TenantId(Uuid::from_u128(0x0123_4567_89ab_cdef)), post: PostId(post) }
    }

    #[test]
    fn job_reads_back_and_its_stored_form_stands() {
        for post in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(Job::decode(&advance(post).encode()), Ok(advance(post)));
        }
        let stored =
            [&[1, 1][..], &[0; 8], &[1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef], &[7, 0, 0, 0, 0, 0, 0, 0]];
        assert_eq!(advance(7).encode(), stored.concat());
    }

    #[test]
    fn unknown_or_broken_payload_is_an_error() {
        let unknown = |version, kind| Err(Error::Unknown { version, kind });
        assert_eq!(Job::decode(&[2, 1, 0]), unknown(2, 1));
        assert_eq!(Job::decode(&[1, 9]), unknown(1, 9));
        let whole = advance(7).encode();
        for bytes in (0..whole.len()).filter(|bytes| *bytes != 0) {
            assert_eq!(Job::decode(&whole[..bytes]), Err(Error::Malformed { bytes }));
        }
        assert_eq!(Job::decode(&[]), Err(Error::Malformed { bytes: 0 }));
        assert_eq!(Job::decode(&[&whole[..], &[0]].concat()), Err(Error::Malformed { bytes: 27 }));
        assert_eq!(Error::Malformed { bytes: 0 }.disposition(), Disposition::Reject);
    }

    #[test]
    fn key_names_the_post_within_the_tenant() {
        assert_ne!(advance(1).key(), advance(2).key());
        let new = advance(1).to_new(Cause::Sweep);
        assert_eq!((new.tenant, new.key, new.lane), (0x0123_4567_89ab_cdef, advance(1).key(), Lane::Live));
        assert!(new.payload.len() <= 40);
    }

    #[test]
    fn backoff_doubles_up_to_its_limit() {
        let backoff = advance(1).policy().backoff;
        let waits: Vec<u64> =
            [0, 1, 2, 3, 9, 10, u16::MAX].map(|n| backoff.after(n).as_millis() as u64).into();
        assert_eq!(waits, [2_000, 2_000, 4_000, 8_000, 512_000, 900_000, 900_000]);
    }
}
