//! Reading the index: figures, lists, the text form for snapshots.
//!
//! Changes nothing. What is shown may be a few milliseconds ahead of the file, never behind it.

use std::{fmt::Write as _, ops::Bound, sync::Arc};

use super::{
    index::{Index, Job},
    record::{Record, instant},
    types::{DeadLetter, JobId, JobState, JobView, Lane, LaneInfo, Page, QueueInfo},
};

impl Index {
    /// All figures but the file's size. Walks the jobs: for people and metrics, not for every tick.
    pub(super) fn info(&self, now_ms: i64) -> QueueInfo {
        let mut info = QueueInfo {
            dead: self.dead.len() as u64,
            dead_dropped: self.dead_dropped,
            ..QueueInfo::default()
        };
        for job in self.jobs.values() {
            let lane = match job.record.lane {
                Lane::Live => &mut info.live,
                Lane::Backfill => &mut info.backfill,
            };
            match state_at(job, now_ms) {
                JobState::Ready => {
                    lane.ready += 1;
                    let age_ms = now_ms.saturating_sub(job.record.due_ms).max(0);
                    lane.oldest_age_ms = lane.oldest_age_ms.max(Some(age_ms));
                }
                JobState::Scheduled => lane.scheduled += 1,
                JobState::Claimed => lane.claimed += 1,
            }
        }
        let lanes: [LaneInfo; 2] = [info.live, info.backfill];
        info.oldest_age_ms = lanes.iter().filter_map(|lane| lane.oldest_age_ms).max();
        info
    }

    pub(super) fn job_list(&self, page: Page, now_ms: i64) -> Vec<JobView> {
        self.jobs
            .range(after(page))
            .filter(|(_, job)| page.tenant.is_none_or(|tenant| tenant == job.record.tenant))
            .take(page.limit)
            .map(|(id, job)| view(*id, job, now_ms))
            .collect()
    }

    pub(super) fn job_get(&self, id: JobId, now_ms: i64) -> Option<JobView> {
        self.jobs.get(&id.0).map(|job| view(id.0, job, now_ms))
    }

    pub(super) fn dead_list(&self, page: Page) -> Vec<DeadLetter> {
        self.dead
            .range(after(page))
            .filter(|(_, letter)| page.tenant.is_none_or(|tenant| tenant == letter.tenant))
            .take(page.limit)
            .map(|(id, letter)| dead_view(*id, letter))
            .collect()
    }

    /// The whole state as text, one line a job: what is stored, in the order of ids.
    pub(super) fn dump(&self, now_ms: i64) -> String {
        let mut text = format!("next {}\n", self.next_id);
        for (id, job) in &self.jobs {
            let again = if job.again() { " again" } else { "" };
            let state = state_at(job, now_ms).name();
            line(&mut text, &format!("job {id} {state}{again}"), &job.record);
        }
        for (id, letter) in &self.dead {
            line(&mut text, &format!("dead {id}"), letter);
        }
        text
    }
}

fn line(text: &mut String, head: &str, record: &Record) {
    let suspect = if record.suspect { " suspect" } else { "" };
    let written = writeln!(
        text,
        "{head}{suspect} {} tenant={:x} key={} created={} due={} attempt={}/{} reason={:?} payload={}",
        record.lane.name(),
        record.tenant,
        record.key.escape_ascii(),
        record.created_ms,
        record.due_ms,
        record.attempt,
        record.attempts_max,
        record.reason,
        record.payload.escape_ascii(),
    );
    written.expect("writing to a string cannot fail");
}

fn after(page: Page) -> (Bound<u64>, Bound<u64>) {
    let after = page.after.map_or(Bound::Unbounded, |id| Bound::Excluded(id.0));
    (after, Bound::Unbounded)
}

/// A job whose time has come is ready, whether or not a claim has noticed.
fn state_at(job: &Job, now_ms: i64) -> JobState {
    match job.state() {
        JobState::Scheduled if job.record.due_ms <= now_ms => JobState::Ready,
        other @ (JobState::Ready | JobState::Scheduled | JobState::Claimed) => other,
    }
}

fn view(id: u64, job: &Job, now_ms: i64) -> JobView {
    let record = &job.record;
    JobView {
        id: JobId(id),
        lane: record.lane,
        tenant: record.tenant,
        state: state_at(job, now_ms),
        attempt: record.attempt,
        attempts_max: record.attempts_max,
        enqueued_at: instant(record.created_ms),
        due_at: instant(record.due_ms),
        reason: record.reason.to_string(),
        payload: Arc::clone(&record.payload),
    }
}

fn dead_view(id: u64, letter: &Record) -> DeadLetter {
    DeadLetter {
        id: JobId(id),
        lane: letter.lane,
        tenant: letter.tenant,
        attempts: letter.attempt,
        attempts_max: letter.attempts_max,
        first_at: instant(letter.created_ms),
        last_at: instant(letter.due_ms),
        reason: letter.reason.to_string(),
        payload: Arc::clone(&letter.payload),
    }
}
