//! What an administrator of a tenant sees at a glance: figures of now, and over days and hours.
//!
//! Series have every bucket, empty ones included, oldest first; days and hours are UTC. The queue is looked at every minute and
//! the most of each hour is kept.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{App, Error, Fields, Tenant, doctor::TenantStatus, tenants::rfc3339};
use crate::{
    model::{ChannelSet, InviteStatus, Role},
    queue::Page,
    store::MemberFilter,
};

/// Most jobs or dead letters counted exactly.
const JOBS_COUNTED_MAX: usize = 10_000;
/// Days and hours a series shows unless told, and at most.
pub const DAYS_DEFAULT: usize = 30;
pub const DAYS_MAX: usize = 90;
pub const HOURS_DEFAULT: usize = 48;
pub const HOURS_MAX: usize = 168;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A tenant in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TenantStatistics {
    pub users: u64,
    pub admins: u64,
    pub channels: usize,
    pub content: TenantStatus,
    /// Tags in use, and how many of them on one post only.
    pub tags: u64,
    pub tags_used_once: u64,
    /// Questions in the history, of everybody.
    pub questions: u64,
    pub invites_active: u64,
    /// Jobs that wait or are worked on; 10000 may be more.
    pub jobs: usize,
    pub dead_letters: usize,
    pub days: Vec<Bucket>,
    pub hours: Vec<Bucket>,
}

/// What happened within a day or an hour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Bucket {
    /// When it began, UTC.
    pub from_at: String,
    /// Users who came.
    pub users: u64,
    /// Channels that came.
    pub channels: u64,
    /// Posts by the date they were posted.
    pub posts: u64,
    pub questions: u64,
    /// Questions that found too little for an answer.
    pub abstained: u64,
    /// How long half of the answers took at most, and 95 of 100; none without questions.
    pub latency_p50_ms: Option<u64>,
    pub latency_p95_ms: Option<u64>,
    /// The most jobs that waited at once.
    pub jobs: u64,
    pub dead_letters: u64,
}

impl App {
    /// A tenant in figures, with series of so many days and hours.
    pub fn tenant_statistics(
        &self,
        tenant: &Tenant,
        days: usize,
        hours: usize,
    ) -> Result<TenantStatistics, Error> {
        let mut wrong = Fields::default();
        for (field, value, max) in [("days", days, DAYS_MAX), ("hours", hours, HOURS_MAX)] {
            if !(1..=max).contains(&value) {
                wrong.wrong(field, format!("is {value}; choose from 1 to {max}"));
            }
        }
        wrong.done()?;
        let count = |role| {
            let filter = MemberFilter { role, ..MemberFilter::default() };
            self.control.member_list(tenant.id(), &filter, 1, 0).map(|(_, total)| total)
        };
        let active = Some(InviteStatus::Active);
        let (tags, tags_used_once) = tenant.store.tag_totals()?;
        let (jobs, dead_letters) = self.jobs_count(tenant);
        Ok(TenantStatistics {
            users: count(None)?,
            admins: count(Some(Role::Admin))?,
            channels: tenant.channel_views(&ChannelSet::All)?.len(),
            content: self.tenant_status(tenant)?,
            tags,
            tags_used_once,
            questions: tenant.store.history_count()?,
            invites_active: self.control.invite_list(Some(tenant.id()), active, self.now(), 1, 0)?.1,
            jobs,
            dead_letters,
            days: self.series(tenant, days, DAY_MS)?,
            hours: self.series(tenant, hours, HOUR_MS)?,
        })
    }

    /// Notes how much waits now, of the tenants where anything does. Called every minute.
    pub fn queue_sample(&self) -> Result<(), Error> {
        let view = self.queue_view();
        if view.ready + view.scheduled + view.claimed + view.dead == 0 {
            return Ok(());
        }
        let mut samples = Vec::new();
        for row in self.control.tenant_list()? {
            let page = Page { tenant: Some(row.id.0.as_u128()), after: None, limit: JOBS_COUNTED_MAX };
            let (waiting, dead) = (self.queue.list(page).len(), self.queue.dead_list(page).len());
            if waiting + dead > 0 {
                samples.push((row.id, waiting as u64, dead as u64));
            }
        }
        let now = self.now();
        let before = now.saturating_sub(SignedDuration::from_hours(24 * DAYS_MAX as i64)).unwrap_or(now);
        Ok(self.control.queue_sample(samples, now, before)?)
    }

    fn jobs_count(&self, tenant: &Tenant) -> (usize, usize) {
        let page = Page { tenant: Some(tenant.id().0.as_u128()), after: None, limit: JOBS_COUNTED_MAX };
        (self.queue.list(page).len(), self.queue.dead_list(page).len())
    }

    fn series(&self, tenant: &Tenant, count: usize, step_ms: i64) -> Result<Vec<Bucket>, Error> {
        let last = self.now().as_millisecond().div_euclid(step_ms);
        let first = last + 1 - count as i64;
        let since = Timestamp::from_millisecond(first * step_ms).unwrap_or(Timestamp::MIN);
        let mut buckets: BTreeMap<i64, Bucket> = (first..=last)
            .map(|number| {
                let from = Timestamp::from_millisecond(number * step_ms).unwrap_or(Timestamp::MIN);
                (number, Bucket { from_at: rfc3339(from), ..Bucket::default() })
            })
            .collect();
        let mut add = |counted: Vec<(i64, u64)>, field: fn(&mut Bucket) -> &mut u64| {
            for (number, count) in counted {
                if let Some(bucket) = buckets.get_mut(&number) {
                    *field(bucket) = count;
                }
            }
        };
        add(tenant.store.post_buckets(since, step_ms)?, |bucket| &mut bucket.posts);
        add(tenant.store.channel_buckets(since, step_ms)?, |bucket| &mut bucket.channels);
        add(self.control.member_buckets(tenant.id(), since, step_ms)?, |bucket| &mut bucket.users);
        let mut latencies: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
        for answer in tenant.store.answer_figures(since)? {
            let number = answer.asked_at.as_millisecond().div_euclid(step_ms);
            let Some(bucket) = buckets.get_mut(&number) else { continue };
            bucket.questions += 1;
            bucket.abstained += u64::from(answer.abstained);
            latencies.entry(number).or_default().push(answer.took_ms);
        }
        for (number, mut took) in latencies {
            took.sort_unstable();
            if let Some(bucket) = buckets.get_mut(&number) {
                bucket.latency_p50_ms = percentile(&took, 50);
                bucket.latency_p95_ms = percentile(&took, 95);
            }
        }
        for sample in self.control.queue_sample_list(tenant.id(), since)? {
            if let Some(bucket) = buckets.get_mut(&(sample.hour * HOUR_MS).div_euclid(step_ms)) {
                bucket.jobs = bucket.jobs.max(sample.waiting);
                bucket.dead_letters = bucket.dead_letters.max(sample.dead);
            }
        }
        Ok(buckets.into_values().collect())
    }
}

/// The value that so many in a hundred do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let place = (sorted.len() * percent).div_ceil(100).checked_sub(1)?;
    sorted.get(place).copied()
}
