//! Backups as people see them: the list, what the keep rules let go of, and the line of health.

use std::sync::{Mutex, PoisonError, atomic::Ordering};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    App, Error, keep,
    place::{self, GoOn, name_parse},
};
use crate::{
    app::{
        doctor::{Finding, State},
        schedule::{Daily, Runs},
        tenants::rfc3339,
    },
    store::BackupRow,
};

/// With a schedule and no good backup for so long something is wrong.
const OVERDUE: SignedDuration = SignedDuration::from_hours(49);

/// How long what lay in the directory counts as what lies there: health is asked every few seconds, and a directory may be on a
/// slow disk.
const LYING_FRESH: SignedDuration = SignedDuration::from_secs(10);

/// As health and doctor name this.
const CHECK: &str = "backups";

/// A backup as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BackupView {
    pub name: String,
    pub created_at: String,
    pub bytes: u64,
    /// Id of the installation's key that opens it.
    pub key: String,
    /// Absent for one that was made elsewhere.
    pub tenants: Option<u64>,
    pub posts: Option<u64>,
    /// How long writers were held up.
    pub pause_ms: Option<f64>,
    pub elapsed_ms: Option<u64>,
    /// When it was last restored in a scratch directory; absent: never here.
    pub verified_at: Option<String>,
    /// Why that failed.
    pub problem: Option<String>,
}

/// All backups, and how the making of them goes.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BackupList {
    /// The newest first.
    pub backups: Vec<BackupView>,
    pub total: usize,
    /// Where they lie.
    pub place: String,
    /// One is being made, checked or restored now.
    pub running: bool,
    /// When the next is made; absent: only when somebody asks.
    pub next_at: Option<String>,
    pub last_success_at: Option<String>,
    /// Why the last try failed; absent: it did not.
    pub last_problem: Option<String>,
    /// The newest moment that is known to be restorable.
    pub last_restorable_at: Option<String>,
}

/// What lay in the directory of backups when it was last looked into.
#[derive(Debug, Default)]
pub(super) struct Lying(Mutex<Option<(Timestamp, Vec<String>)>>);

impl Lying {
    /// The names, from a look that is fresh.
    fn names(&self, now: Timestamp, look: impl FnOnce() -> Vec<String>) -> Vec<String> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was put back makes nothing fresh for ever.
        let is_fresh = |at: Timestamp| (SignedDuration::ZERO..LYING_FRESH).contains(&now.duration_since(at));
        match seen.as_ref().filter(|(at, _)| is_fresh(*at)) {
            Some((_, names)) => names.clone(),
            None => seen.insert((now, look())).1.clone(),
        }
    }

    /// Something came or went.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl App {
    /// All backups in their place.
    pub fn backup_list(&self) -> Result<BackupList, Error> {
        let (place, now) = (self.backup_place()?, self.now());
        let rows = self.control.backup_rows()?;
        let view = |stored: place::Stored| {
            let (created_at, key) = name_parse(&stored.name)?;
            let row = rows.iter().find(|row| row.name == stored.name);
            let verdict = row.and_then(|row| row.verdict.as_ref());
            Some(BackupView {
                created_at: rfc3339(created_at),
                bytes: stored.bytes,
                key,
                tenants: row.map(|row| row.tenants),
                posts: row.map(|row| row.posts),
                pause_ms: row.map(|row| row.pause_us as f64 / 1000.0),
                elapsed_ms: row.map(|row| row.elapsed_ms),
                verified_at: verdict.map(|verdict| rfc3339(verdict.at)),
                problem: verdict.and_then(|verdict| verdict.problem.clone()),
                name: stored.name,
            })
        };
        let backups: Vec<BackupView> = place.list(&|| true)?.into_iter().filter_map(view).collect();
        let runs = self.runs(Daily::Backup)?;
        let restorable =
            backups.iter().find(|backup| backup.verified_at.is_some() && backup.problem.is_none());
        Ok(BackupList {
            total: backups.len(),
            place: place.shown(),
            running: self.backups.is_running.load(Ordering::SeqCst),
            next_at: self.config.backup.at.map(|at| rfc3339(Runs::next(at, now))),
            last_success_at: runs.done_at.map(rfc3339),
            last_problem: runs.problem,
            last_restorable_at: restorable.map(|backup| backup.created_at.clone()),
            backups,
        })
    }

    /// Deletes the backups that no keep rule wants; with `dry_run` only names them.
    pub fn backup_prune(&self, dry_run: bool) -> Result<Vec<String>, Error> {
        self.backup_prune_until(dry_run, &|| true)
    }

    /// The same, until `go_on` says no.
    pub(super) fn backup_prune_until(&self, dry_run: bool, go_on: GoOn<'_>) -> Result<Vec<String>, Error> {
        let _alone = self.backups.alone()?;
        let pruned = self.backup_prune_in(&self.backup_place()?, dry_run, go_on);
        self.backups.lying.forget();
        pruned
    }

    fn backup_prune_in(
        &self,
        place: &place::Place,
        dry_run: bool,
        go_on: GoOn<'_>,
    ) -> Result<Vec<String>, Error> {
        let ours = self.backup_ours(self.keyring())?;
        let mut stored = place.list(go_on)?;
        // Others may keep theirs in the same place, by rules of their own.
        stored.retain(|stored| ours.has(&stored.name));
        let moments: Vec<Timestamp> =
            stored.iter().filter_map(|stored| name_parse(&stored.name)).map(|(at, _)| at).collect();
        let kept = keep::kept(&moments, self.config.backup.keep);
        let rows = self.control.backup_rows()?;
        let good = |name: &str| {
            let row = rows.iter().find(|row| row.name == name);
            row.and_then(|row| row.verdict.as_ref()).is_some_and(|verdict| verdict.problem.is_none())
        };
        // Whatever the rules say, the newest that could be restored stays.
        let newest_good = stored.iter().position(|stored| good(&stored.name));
        let mut pruned = Vec::new();
        for (at, stored) in stored.iter().enumerate() {
            if kept.contains(&at) || newest_good == Some(at) {
                continue;
            }
            if !dry_run {
                place.delete(&stored.name, go_on)?;
                self.control.backup_forget(&stored.name)?;
            }
            pruned.push(stored.name.clone());
        }
        Ok(pruned)
    }

    /// What there is to say of backups, in one line of health.
    pub(in crate::app) fn check_backups(&self) -> Result<Finding, Error> {
        let (runs, mut rows) = (self.runs(Daily::Backup)?, self.control.backup_rows()?);
        if let Some(problem) = &runs.problem {
            let fix = "follow the reason, then `tga backup create`";
            return Ok(Finding::not_ok(
                CHECK,
                State::Reduced,
                format!("the last one failed: {problem}"),
                fix,
            ));
        }
        if let Some(gone) = self.backups_gone(&mut rows)? {
            return Ok(gone);
        }
        let newest = rows.first();
        if let Some(problem) = newest.and_then(|row| row.verdict.as_ref()?.problem.as_deref()) {
            let fix = "`tga backup create` makes a new one; see whether the disk is sound";
            return Ok(Finding::not_ok(
                CHECK,
                State::Problem,
                format!("the newest cannot be restored: {problem}"),
                fix,
            ));
        }
        let owed = runs.since.max(newest.map(|row| row.created_at));
        let overdue = owed.is_some_and(|at| self.now().duration_since(at) > OVERDUE);
        if self.config.backup.at.is_some() && overdue {
            let fix = "see the log; `tga backup create` makes one now";
            return Ok(Finding::not_ok(CHECK, State::Reduced, "there was none for two days", fix));
        }
        Ok(match newest {
            None => Finding::ok(CHECK, "none yet"),
            Some(row) if row.verdict.is_some() => {
                Finding::ok(CHECK, format!("last restorable: {}", rfc3339(row.created_at)))
            }
            Some(row) => Finding::ok(CHECK, format!("last: {}, not tried yet", rfc3339(row.created_at))),
        })
    }

    /// Leaves the records of those that still lie in a directory; a finding where all are gone. A bucket is not asked so often.
    fn backups_gone(&self, rows: &mut Vec<BackupRow>) -> Result<Option<Finding>, Error> {
        if self.config.backup.s3.is_some() || rows.is_empty() {
            return Ok(None);
        }
        let known = rows.len();
        let place = self.backup_place()?;
        let names = self.backups.lying.names(self.now(), || {
            // A directory that cannot be looked into holds nothing that could be restored.
            place.list(&|| true).unwrap_or_default().into_iter().map(|stored| stored.name).collect()
        });
        rows.retain(|row| names.contains(&row.name));
        Ok(rows.is_empty().then(|| {
            let fix = "mount the disk of backup.dir, or make a new one with `tga backup create`";
            let what = format!("none of the {known} on record lies where it was put");
            Finding::not_ok(CHECK, State::Problem, what, fix)
        }))
    }

    /// How old what could be restored is: since when the newest backup that was restored in scratch was taken, or without one since when
    /// one is owed by the schedule. `None`: there is none, and none is owed yet.
    pub fn backup_restorable_age(&self) -> Result<Option<SignedDuration>, Error> {
        let mut rows = self.control.backup_rows()?;
        self.backups_gone(&mut rows)?;
        let is_good = |row: &BackupRow| row.verdict.as_ref().is_some_and(|verdict| verdict.problem.is_none());
        let taken = rows.into_iter().find(is_good).map(|row| row.created_at);
        let since = match (taken, self.config.backup.at) {
            (None, Some(_)) => self.runs(Daily::Backup)?.since,
            (taken, _) => taken,
        };
        Ok(since.map(|at| self.now().duration_since(at)))
    }

    /// The newest backup that is on record.
    pub fn backup_newest(&self) -> Result<Option<BackupRow>, Error> {
        Ok(self.control.backup_rows()?.into_iter().next())
    }
}
