//! Health: whether the last expected thing happened, not whether a process is up.
//!
//! Three views: of the installation (open to all, so it names no tenant and no figure of one), of signing in and of the bot, and
//! the operator's with everything. Each says `ok`, `reduced` or `problem` and names every reason; `problem` is what a face
//! answers 503 with. Cheap enough to be asked every few seconds: it opens no tenant that is not open for reading anyway. `doctor`
//! looks deeper.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    App, Error,
    bot::BotCounts,
    certificates::CertificateView,
    doctor::{Finding, State},
    jobs::QueueView,
    telegram::AccountHandle,
    tenants::rfc3339,
};
use crate::{store::TelegramSessionState, telegram::account::ConnectionState};

/// Below this the disk is a problem: a full one refuses every write. Bytes.
const DISK_FREE_PROBLEM_BYTES: u64 = 256 * 1024 * 1024;
/// Below this somebody should look. Bytes.
const DISK_FREE_REDUCED_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Every followed channel is asked for news at least every five minutes; one that was not for so long is overdue.
const READ_OVERDUE: SignedDuration = SignedDuration::from_mins(15);

/// How the installation is; open to all.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Health {
    pub status: State,
    /// What keeps it from being `ok`, each with its fix.
    pub reasons: Vec<Finding>,
    /// Why nothing can work until a person acts.
    pub halted: Option<String>,
    pub queue: QueueView,
    pub tenants_open: usize,
    /// Embedding models in memory.
    pub models_open: Vec<String>,
    pub uptime_s: i64,
    pub version: &'static str,
}

/// Whether people can sign in, and by what.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AuthHealth {
    pub status: State,
    pub reasons: Vec<Finding>,
    /// Whether the Mini App's `initData` can be proved.
    pub init_data: Configured,
    /// Whether accounts can be connected by a QR code.
    pub qr_login: Configured,
}

/// What is known of the bot.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BotHealth {
    /// `configured`: its token proves who signs in.
    pub status: Configured,
    pub bot_id: Option<i64>,
    /// Its name in Telegram, once Telegram has said it; none: it could not be reached yet.
    pub username: Option<String>,
    #[serde(flatten)]
    pub counts: BotCounts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Configured {
    Configured,
    NotConfigured,
}

/// Everything, for whoever runs the installation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OperatorHealth {
    #[serde(flatten)]
    pub installation: Health,
    pub disk: DiskView,
    /// The certificate of the listener.
    pub certificate: CertificateView,
    pub telegram: TelegramHealth,
    pub auth: AuthHealth,
    pub bot: BotHealth,
    /// When the newest backup on record was made; absent = there is none.
    pub last_backup_at: Option<String>,
    pub tenants: usize,
}

/// The file system of the data directory.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct DiskView {
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// Accounts and what they read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TelegramHealth {
    /// Sessions by state; of each member the newest.
    pub sessions_active: usize,
    pub sessions_paused: usize,
    pub sessions_ended: usize,
    /// Active sessions whose connection is up.
    pub connected: usize,
    pub channels_followed: usize,
    /// Those that no account may read now.
    pub channels_refused: usize,
    /// Those that were not asked for news when they should have been.
    pub channels_overdue: usize,
    /// When Telegram last told how a channel stands.
    pub last_update_at: Option<String>,
}

impl App {
    /// How the installation is.
    pub fn health(&self) -> Result<Health, Error> {
        let disk = self.disk_view()?;
        Ok(self.health_with(vec![
            self.check_pipeline(),
            self.check_queue(),
            check_disk(disk),
            self.check_backups()?,
        ]))
    }

    /// Whether people can sign in.
    pub fn health_auth(&self) -> Result<AuthHealth, Error> {
        // Who signs in is looked up there; what cannot be read lets nobody in.
        self.tenant_list()?;
        let configured = |is: bool| if is { Configured::Configured } else { Configured::NotConfigured };
        let init_data = configured(self.config.bot.id.is_some());
        let qr_login = configured(self.telegram_settings().is_ok());
        let mut findings = Vec::new();
        if init_data == Configured::NotConfigured && qr_login == Configured::NotConfigured {
            findings.push(Finding::not_ok(
                "sign-in",
                State::Reduced,
                "neither a bot nor Telegram's application id is configured: only API tokens open the API",
                "set bot.token, or telegram.api_id and telegram.api_hash",
            ));
        }
        let (status, reasons) = judged(findings);
        Ok(AuthHealth { status, reasons, init_data, qr_login })
    }

    /// What is known of the bot.
    pub fn health_bot(&self) -> Result<BotHealth, Error> {
        let bot_id = self.config.bot.id;
        let status = if bot_id.is_some() { Configured::Configured } else { Configured::NotConfigured };
        let username = self.bot_username()?.filter(|_| bot_id.is_some());
        Ok(BotHealth { status, bot_id, username, counts: self.bot_counts()? })
    }

    /// Everything, for whoever runs the installation.
    pub fn health_operator(&self) -> Result<OperatorHealth, Error> {
        let disk = self.disk_view()?;
        let telegram = self.telegram_health()?;
        let mut findings =
            vec![self.check_pipeline(), self.check_queue(), self.check_dead_letters(), self.check_model()];
        findings.push(check_disk(disk));
        findings.push(self.check_backups()?);
        findings.push(self.check_certificate());
        findings.extend(check_accounts(&telegram));
        Ok(OperatorHealth {
            installation: self.health_with(findings),
            disk,
            certificate: self.certificate_view(),
            telegram,
            auth: self.health_auth()?,
            bot: self.health_bot()?,
            last_backup_at: self.backup_newest()?.map(|row| rfc3339(row.created_at)),
            tenants: self.tenant_list()?.len(),
        })
    }

    fn health_with(&self, findings: Vec<Finding>) -> Health {
        let (status, reasons) = judged(findings);
        Health {
            status,
            reasons,
            halted: self.halted(),
            queue: self.queue_view(),
            tenants_open: self.tenants_open_count(),
            models_open: self.models().open_ids(),
            uptime_s: self.now().as_second() - self.started_at().as_second(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// Room on the file system of the data directory.
    pub fn disk_view(&self) -> Result<DiskView, Error> {
        let dir = &self.config.data_dir;
        let stat = rustix::fs::statvfs(dir).map_err(|error| Error::io("measure", dir, error.into()))?;
        Ok(DiskView {
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }

    fn telegram_health(&self) -> Result<TelegramHealth, Error> {
        let mut health = TelegramHealth::default();
        let mut seen = std::collections::HashSet::new();
        // The newest session of each member says how they stand; older ones are history.
        for session in self.telegram_session_list(None)? {
            if !seen.insert((session.tenant_id, session.user_id)) {
                continue;
            }
            match session.state {
                TelegramSessionState::Active => health.sessions_active += 1,
                TelegramSessionState::Paused => health.sessions_paused += 1,
                TelegramSessionState::Revoked | TelegramSessionState::Replaced => health.sessions_ended += 1,
            }
        }
        let accounts = self.account_list();
        let is_up = |account: &&AccountHandle| *account.connection.state().borrow() == ConnectionState::Up;
        health.connected = accounts.iter().filter(is_up).count();
        let tenants: std::collections::BTreeSet<_> = accounts.iter().map(|account| account.tenant).collect();
        let mut last: Option<Timestamp> = None;
        for tenant in tenants {
            let Some(tenant) = self.tenant_by_id(tenant)? else { continue };
            for reading in tenant.store().reading_list()? {
                health.channels_followed += 1;
                last = last.max(reading.checked_at);
                if reading.problem.is_some() {
                    health.channels_refused += 1;
                } else if self.is_overdue(reading.checked_at) {
                    health.channels_overdue += 1;
                }
            }
        }
        health.last_update_at = last.map(rfc3339);
        Ok(health)
    }

    /// Whether a channel should have been asked for news by now; a service that has just started owes nothing yet.
    fn is_overdue(&self, checked_at: Option<Timestamp>) -> bool {
        let since = checked_at.map_or(self.started_at(), |at| at.max(self.started_at()));
        self.now().duration_since(since) > READ_OVERDUE
    }
}

/// The worst of all findings, and those that are not ok.
fn judged(findings: Vec<Finding>) -> (State, Vec<Finding>) {
    let reasons: Vec<Finding> = findings.into_iter().filter(|finding| finding.state != State::Ok).collect();
    let status = reasons.iter().map(|finding| finding.state).max().unwrap_or(State::Ok);
    (status, reasons)
}

pub(super) fn check_disk(disk: DiskView) -> Finding {
    const CHECK: &str = "disk";
    let free_mb = disk.free_bytes / (1024 * 1024);
    let state = match disk.free_bytes {
        free if free < DISK_FREE_PROBLEM_BYTES => State::Problem,
        free if free < DISK_FREE_REDUCED_BYTES => State::Reduced,
        _ => return Finding::ok(CHECK, format!("{free_mb} MB free")),
    };
    Finding::not_ok(
        CHECK,
        state,
        format!("{free_mb} MB free"),
        "free some space; a full disk refuses every write",
    )
}

fn check_accounts(telegram: &TelegramHealth) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut reduced = |detail: String, fix: &str| {
        findings.push(Finding::not_ok("telegram", State::Reduced, detail, fix));
    };
    let TelegramHealth { sessions_active, connected, .. } = *telegram;
    if connected < sessions_active {
        let detail = format!("{connected} of {sessions_active} active sessions are connected");
        reduced(detail, "see `tga session list` and the log; connections are tried again by themselves");
    }
    if telegram.sessions_paused > 0 {
        let detail = format!("{} sessions are paused", telegram.sessions_paused);
        reduced(detail, "`tga session list` says why; `tga session resume ID`");
    }
    if telegram.channels_overdue > 0 {
        let detail = format!(
            "{} of {} followed channels were not asked for news for {} min",
            telegram.channels_overdue,
            telegram.channels_followed,
            READ_OVERDUE.as_mins()
        );
        reduced(detail, "`tga doctor` names them and what they wait for");
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{DiskView, State, TelegramHealth, check_accounts, check_disk, judged};

    #[test]
    fn a_disk_that_runs_full_is_told_before_it_is() {
        let state = |free_bytes| check_disk(DiskView { free_bytes, total_bytes: 1 << 40 }).state;
        assert_eq!(state(0), State::Problem);
        assert_eq!(state(256 * 1024 * 1024 - 1), State::Problem);
        assert_eq!(state(256 * 1024 * 1024), State::Reduced);
        assert_eq!(state(2 * 1024 * 1024 * 1024), State::Ok);
    }

    #[test]
    fn accounts_that_read_as_expected_are_no_reason() {
        let well = TelegramHealth {
            sessions_active: 2,
            sessions_ended: 1,
            connected: 2,
            channels_followed: 5,
            channels_refused: 1,
            ..TelegramHealth::default()
        };
        assert_eq!(judged(check_accounts(&well)), (State::Ok, Vec::new()));
        let ill = TelegramHealth { connected: 1, sessions_paused: 1, channels_overdue: 2, ..well };
        let (status, reasons) = judged(check_accounts(&ill));
        assert_eq!((status, reasons.len()), (State::Reduced, 3));
    }
}
