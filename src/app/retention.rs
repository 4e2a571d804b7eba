//! Retention: what is too old goes, everywhere it is, once a day.
//!
//! In small pieces, so that writers never wait for long and memory does not grow with what is removed; each piece is whole, so a
//! crash or a stop leaves less to do and nothing half done. Posts leave tenant.db first; until they have left the indexes too a
//! mark in tenant.db says so, and the next run finishes that. A second run finds nothing.

mod aside;
mod view;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

pub use self::view::{ChannelRetention, KindStats, RetentionView};
use super::{App, Error, Indexes, Tenant, audit::Origin, schedule::Daily};
use crate::{
    config::RETENTION_DAYS_MAX,
    fail::{FailPoint, fail_point},
    model::{AuditAction, ChannelId, PostId},
    store::{Aged, OldPost, days_before},
};

/// The key of tenant.db's facts that says that the indexes may hold posts that are gone.
const MARK: &str = "retention";
/// Rows removed in one transaction: begun with, at least, at most.
const ROWS: (usize, usize, usize) = (500, 50, 5_000);
/// The same of posts, on each of which a dozen rows hang.
const POSTS: (usize, usize, usize) = (64, 8, 1_000);
/// A transaction that took longer makes the next smaller, …
const SLOW: Duration = Duration::from_millis(12);
/// … one that took less makes it larger.
const FAST: Duration = Duration::from_millis(5);
/// Posts taken out of the indexes together: each commit of the full-text index costs a disk's patience.
const INDEX_POSTS: usize = 2_000;

/// How many rows went, by kind.
pub type Removed = BTreeMap<&'static str, u64>;

/// What a run did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RetentionReport {
    pub dry_run: bool,
    /// Of the installation and all tenants.
    pub removed: Removed,
    pub tenants: Vec<TenantRemoved>,
    /// Tenants that could not be worked on, each with the reason.
    pub problems: Vec<String>,
    pub elapsed_ms: u64,
}

/// What went from one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TenantRemoved {
    pub tenant: String,
    pub removed: Removed,
}

/// What the appliance knows of retention while it runs: one run at a time.
#[derive(Default)]
pub(super) struct RetentionRuns(Mutex<()>);

/// How much is done in one transaction: as much as takes little time.
struct Pace {
    now: usize,
    min: usize,
    max: usize,
}

impl Pace {
    fn new((now, min, max): (usize, usize, usize)) -> Self {
        Self { now, min, max }
    }

    fn took(&mut self, elapsed: Duration) {
        if elapsed > SLOW {
            self.now = (self.now / 2).max(self.min);
        } else if elapsed < FAST {
            self.now = (self.now * 2).min(self.max);
        }
    }
}

/// Removes piece after piece until there is nothing left; returns how many.
fn all(
    stop: &AtomicBool,
    removed: &mut u64,
    piece: &mut dyn FnMut(usize) -> Result<u64, Error>,
) -> Result<(), Error> {
    let mut pace = Pace::new(ROWS);
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(stopped());
        }
        let started = Instant::now();
        let count = piece(pace.now)?;
        pace.took(started.elapsed());
        *removed += count;
        if count == 0 {
            return Ok(());
        }
    }
}

fn stopped() -> Error {
    Error::Unavailable("retention was stopped because the service stops; the next run goes on".to_owned())
}

impl App {
    /// How long rows of a kind are kept, days.
    fn keep_days(&self, what: Aged) -> Option<u32> {
        let keep = &self.config.retention;
        match what {
            Aged::Posts => keep.posts_days,
            Aged::Events => keep.events_days,
            Aged::History | Aged::Exposures => keep.history_days,
            Aged::Feedback => keep.feedback_days,
            Aged::Notices => keep.notices_days,
            Aged::AuthEvents => keep.auth_days,
            Aged::SystemLog => keep.system_log_days,
            Aged::Audit => keep.audit_days,
        }
    }

    /// Days posts are kept where nobody says otherwise; 0: for ever, also where nothing runs by itself.
    pub(super) fn posts_days_default(&self) -> u32 {
        self.config.retention.posts_days.unwrap_or(0)
    }

    /// Removes what is too old; with `dry_run` only counts it.
    pub fn retention_run(&self, dry_run: bool, stop: &AtomicBool) -> Result<RetentionReport, Error> {
        let _running = match self.retention.0.try_lock() {
            Ok(running) => running,
            // It guards no data.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Conflict("retention is running already".to_owned()));
            }
        };
        let started = Instant::now();
        let mut report = RetentionReport { dry_run, ..RetentionReport::default() };
        let now = self.now();
        let done = if dry_run {
            self.retention_count(now, &mut report)
        } else {
            self.retention_do(now, stop, &mut report)
        };
        report.elapsed_ms = started.elapsed().as_millis() as u64;
        if dry_run {
            done?;
            return Ok(report);
        }
        for (kind, count) in &report.removed {
            metrics::counter!("retention_removed_total", "kind" => *kind).increment(*count);
        }
        let problem =
            done.as_ref().err().map(ToString::to_string).or_else(|| report.problems.first().cloned());
        let status = if problem.is_none() { "success" } else { "failed" };
        metrics::counter!("retention_runs_total", "status" => status).increment(1);
        let words: Vec<String> = report
            .removed
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let words = if words.is_empty() { "nothing was too old".to_owned() } else { words.join(", ") };
        let level = if problem.is_none() { "info" } else { "warn" };
        let problem_words = problem.as_ref().map_or(String::new(), |problem| format!("; not all: {problem}"));
        self.log_system(level, format!("retention: {words}{problem_words}"))?;
        self.daily_done(Daily::Retention, problem)?;
        done?;
        Ok(report)
    }

    /// Runs when it is due. Returns whether it was.
    pub fn retention_tick(&self, stop: &AtomicBool) -> Result<bool, Error> {
        if !self.daily_take(Daily::Retention, self.config.retention.at)? {
            return Ok(false);
        }
        self.bot_prune()?;
        // Whoever left while a reader held a file has waited since.
        self.erasures_resume()?;
        self.retention_run(false, stop)?;
        Ok(true)
    }

    /// When it last came to a good end.
    pub fn retention_done_at(&self) -> Result<Option<Timestamp>, Error> {
        Ok(self.runs(Daily::Retention)?.done_at)
    }

    fn retention_do(
        &self,
        now: Timestamp,
        stop: &AtomicBool,
        report: &mut RetentionReport,
    ) -> Result<(), Error> {
        for row in self.tenant_list()? {
            // One tenant that cannot be read must not keep the others' data.
            let mut removed = Removed::new();
            let done = self
                .tenant_open_due(&row)
                .and_then(|tenant| self.tenant_expire(&tenant, now, stop, &mut removed));
            for (kind, count) in &removed {
                *report.removed.entry(kind).or_default() += count;
            }
            if removed.values().any(|count| *count > 0) {
                report.tenants.push(TenantRemoved { tenant: row.slug.clone(), removed });
            }
            if let Err(error) = done {
                if stop.load(Ordering::Relaxed) {
                    return Err(error);
                }
                report.problems.push(format!("tenant {}: {error}", row.slug));
            }
        }
        for what in Aged::CONTROL {
            if let Some(days) = self.keep_days(what) {
                let before = days_before(now, days);
                let removed = report.removed.entry(what.name()).or_default();
                all(stop, removed, &mut |limit| Ok(self.control.aged_remove(what, before, limit)?))?;
            }
        }
        if let Some(days) = self.config.retention.auth_pseudonymise_days {
            let before = days_before(now, days);
            let removed = report.removed.entry("auth_events_pseudonymised").or_default();
            all(stop, removed, &mut |limit| {
                Ok(self.control.auth_events_pseudonymise(before, limit, now)?)
            })?;
        }
        if let Some(days) = self.config.retention.dead_letters_days {
            let expired = self.queue.dead_expire(days_before(now, days))?;
            report.removed.insert("dead_letters", expired);
        }
        report.removed.insert("set_aside", self.aside_remove(now)?);
        Ok(())
    }

    /// Everything of one tenant that is too old.
    fn tenant_expire(
        &self,
        tenant: &Tenant,
        now: Timestamp,
        stop: &AtomicBool,
        removed: &mut Removed,
    ) -> Result<(), Error> {
        if tenant.store.meta_find(MARK)?.is_some() {
            // A crash came between the database and the indexes.
            indexes_clean(tenant)?;
        }
        let posts = removed.entry("posts").or_default();
        let gone = posts_expire(tenant, now, stop, posts);
        // What is out of the database leaves the indexes, also when the rest has to wait.
        if *posts > 0 && gone.is_ok() {
            tenant.store.meta_delete(MARK)?;
        }
        gone?;
        let tombstones = removed.entry("tombstones").or_default();
        all(stop, tombstones, &mut |limit| Ok(tenant.store.tombstones_remove(limit, now)?))?;
        for what in Aged::TENANT {
            if let Some(days) = self.keep_days(what) {
                let before = days_before(now, days);
                let removed = removed.entry(what.name()).or_default();
                all(stop, removed, &mut |limit| Ok(tenant.store.aged_remove(what, before, limit)?))?;
            }
        }
        Ok(())
    }

    fn retention_count(&self, now: Timestamp, report: &mut RetentionReport) -> Result<(), Error> {
        for row in self.tenant_list()? {
            let tenant = self.tenant_open_due(&row)?;
            let mut due = Removed::new();
            let posts = tenant.store.channel_keep_list(now)?.iter().map(|channel| channel.due).sum();
            due.insert("posts", posts);
            due.insert("tombstones", tenant.store.tombstones_count(now)?);
            for what in Aged::TENANT {
                if let Some(days) = self.keep_days(what) {
                    due.insert(what.name(), tenant.store.aged_count(what, days_before(now, days))?);
                }
            }
            for (kind, count) in &due {
                *report.removed.entry(kind).or_default() += count;
            }
            report.tenants.push(TenantRemoved { tenant: row.slug, removed: due });
        }
        for what in Aged::CONTROL {
            if let Some(days) = self.keep_days(what) {
                report.removed.insert(what.name(), self.control.aged_count(what, days_before(now, days))?);
            }
        }
        if let Some(days) = self.config.retention.auth_pseudonymise_days {
            let mut whole = self.control.auth_events_whole_count(days_before(now, days))?;
            if let Some(days) = self.keep_days(Aged::AuthEvents) {
                // Those that go need not be made coarse before.
                let gone = self.control.auth_events_whole_count(days_before(now, days))?;
                whole = whole.saturating_sub(gone);
            }
            report.removed.insert("auth_events_pseudonymised", whole);
        }
        if let Some(days) = self.config.retention.dead_letters_days {
            report.removed.insert("dead_letters", self.queue.dead_older(days_before(now, days)));
        }
        report.removed.insert("set_aside", self.aside_old(now)?.len() as u64);
        Ok(())
    }

    /// Keeps channels for ever of which posts as old as these come in that would be removed: whoever brings an archive wants to have
    /// it. Returns their titles.
    pub(super) fn retention_keep(
        &self,
        tenant: &Tenant,
        oldest: BTreeMap<ChannelId, Timestamp>,
    ) -> Result<Vec<String>, Error> {
        let kept = tenant.store.channels_keep(oldest.into_iter().collect(), self.now())?;
        for (channel, _) in &kept {
            self.retention_audit(tenant, Some(*channel), Some(0), &Origin::system())?;
        }
        Ok(kept.into_iter().map(|(_, title)| title).collect())
    }

    /// Sets how long a tenant keeps its posts, or one of its channels; `None`: as the installation, or the tenant, has it.
    pub fn retention_set(
        &self,
        tenant: &Tenant,
        channel: Option<ChannelId>,
        days: Option<u32>,
        origin: &Origin,
    ) -> Result<RetentionView, Error> {
        if let Some(days) = days.filter(|days| *days > RETENTION_DAYS_MAX) {
            return Err(Error::field(
                "posts_days",
                format!("is {days}; choose from 0 (for ever) to {RETENTION_DAYS_MAX}"),
            ));
        }
        if !tenant.store.posts_days_put(channel, days)? {
            return Err(Error::NotFound("there is no such channel".to_owned()));
        }
        self.retention_audit(tenant, channel, days, origin)?;
        self.retention_view(tenant)
    }

    fn retention_audit(
        &self,
        tenant: &Tenant,
        channel: Option<ChannelId>,
        days: Option<u32>,
        origin: &Origin,
    ) -> Result<(), Error> {
        let target = channel.map_or("posts".to_owned(), |channel| format!("channel:{channel}"));
        let data = json!({ "posts_days": days });
        let line = self.audit(origin, Some(tenant.id()), AuditAction::RetentionChanged, target, Some(data));
        Ok(self.control.audit_add(line)?)
    }
}

/// Removes the posts that are too old from the database, and, a few thousand at a time, from the indexes.
fn posts_expire(tenant: &Tenant, now: Timestamp, stop: &AtomicBool, removed: &mut u64) -> Result<(), Error> {
    let mut pace = Pace::new(POSTS);
    let mut after: Option<OldPost> = None;
    let mut gone: Vec<PostId> = Vec::new();
    let done = loop {
        if stop.load(Ordering::Relaxed) {
            break Err(stopped());
        }
        let old = tenant.store.posts_old(after, pace.now, now)?;
        let Some(last) = old.last() else { break Ok(()) };
        after = Some(*last);
        let started = Instant::now();
        let ids = tenant.store.posts_expire(&old, MARK, now)?;
        pace.took(started.elapsed());
        fail_point(FailPoint::RetentionRowsGone);
        *removed += ids.len() as u64;
        gone.extend(ids);
        if gone.len() >= INDEX_POSTS {
            tenant.indexes.remove(&std::mem::take(&mut gone))?;
        }
    };
    if !gone.is_empty() {
        tenant.indexes.remove(&gone)?;
    }
    done
}

/// Takes out of the indexes what the database does not have, and unmarks.
fn indexes_clean(tenant: &Tenant) -> Result<(), Error> {
    let (fulltext, vectors) = tenant.indexes.verify(&tenant.store)?;
    let extra: Vec<PostId> = fulltext.extra.into_iter().chain(vectors.extra).collect();
    let extra = Indexes::absent(&tenant.store, extra)?;
    if !extra.is_empty() {
        tenant.indexes.remove(&extra)?;
    }
    Ok(tenant.store.meta_delete(MARK)?)
}
