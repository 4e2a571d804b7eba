//! How the installation is, on one screen: what `tga status` shows and the metrics measure.
//!
//! Also whether it is alive at all, which the service manager asks. Opens no tenant longer than it takes to count.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{App, Error, doctor::TenantStatus, health::OperatorHealth};

/// An engine thread that did not come round for so long is stuck. The longest single step is building a full-text index anew.
const STUCK_AFTER: Duration = Duration::from_mins(30);

/// Everything one screen shows.
#[derive(Debug, Serialize)]
pub struct StatusView {
    #[serde(flatten)]
    pub health: OperatorHealth,
    /// Resident memory of the process that answered, bytes.
    pub memory_bytes: u64,
    pub listen: String,
    pub tenant_list: Vec<StatusTenant>,
}

/// A tenant on that screen.
#[derive(Debug, Serialize)]
pub struct StatusTenant {
    pub slug: String,
    /// Absent when it cannot be opened; doctor says why.
    #[serde(flatten)]
    pub content: Option<TenantStatus>,
}

/// When each thread of the engine last came round.
#[derive(Debug, Default)]
pub(super) struct Pulses(Mutex<BTreeMap<String, Instant>>);

impl App {
    /// Everything one screen shows.
    pub fn status(&self) -> Result<StatusView, Error> {
        let mut tenants = Vec::new();
        for row in self.tenant_list()? {
            let content = self.tenant_open(&row).and_then(|tenant| self.tenant_status(&tenant)).ok();
            tenants.push(StatusTenant { slug: row.slug, content });
        }
        Ok(StatusView {
            health: self.health_operator()?,
            memory_bytes: resident_bytes(),
            listen: self.config.server.listen.to_string(),
            tenant_list: tenants,
        })
    }

    /// A thread of the engine came round; called each time.
    pub fn pulse(&self, thread: &str) {
        let mut pulses = self.pulses.0.lock().unwrap_or_else(PoisonError::into_inner);
        match pulses.get_mut(thread) {
            Some(at) => *at = Instant::now(),
            None => {
                pulses.insert(thread.to_owned(), Instant::now());
            }
        }
    }

    /// Whether what only a restart can mend is still moving, and how it goes in words: control.db answers a read and takes a
    /// write, and every thread of the engine came round lately. An error of a disk is no reason to restart; silence is, and then
    /// this call does not return.
    pub fn liveness(&self) -> Result<String, Error> {
        let read = self.tenant_list();
        let written = self.control.writer_reached();
        self.pulses_check(Instant::now())?;
        let queue = self.queue_view();
        let waiting = queue.ready + queue.scheduled + queue.claimed;
        Ok(match (self.halted(), read.and(written.map_err(Error::from))) {
            (Some(reason), _) => format!("halted: {reason}"),
            (None, Err(error)) => format!("control.db: {error}"),
            (None, Ok(())) => format!("serving; {waiting} jobs wait, {} given up", queue.dead),
        })
    }

    fn pulses_check(&self, now: Instant) -> Result<(), Error> {
        let pulses = self.pulses.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stuck = pulses.iter().find(|(_, at)| now.duration_since(**at) > STUCK_AFTER);
        match stuck {
            None => Ok(()),
            Some((thread, at)) => Err(Error::Unavailable(format!(
                "thread {thread} has not moved for {} min",
                now.duration_since(*at).as_secs() / 60
            ))),
        }
    }

    /// As [`App::liveness`], so much later: for tests, which cannot wait.
    #[cfg(debug_assertions)]
    pub fn liveness_after(&self, later: Duration) -> Result<(), Error> {
        self.pulses_check(Instant::now() + later)
    }
}

/// Resident memory: field 2 of /proc/self/statm, in pages of 4096 bytes (proc(5)).
pub fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}
