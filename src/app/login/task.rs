//! The task of one login: from the first code to the stored session, or to a reason why not.
//!
//! Owns the connection; whatever the end, it is closed, and a key that Telegram let in but nobody stored is logged out again.
//! Every step is durable before it is published. Works by the appliance's clock, looked at every second.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use zeroize::Zeroizing;

use super::{LoginCommand, LoginNow, PASSWORD_TRIES_MAX};
use crate::{
    app::{App, Error, admissions::Admittance, telegram::Started},
    model::LoginStatus,
    store::{LoginTicket, Profile},
    telegram::account::{self, LoginClient, LoginStep, UserProfile},
};

/// How often the clock is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A code is drawn anew this long before Telegram's token expires.
const REFRESH_BEFORE_S: i64 = 5;
/// A token is never believed to last longer than this, nor shorter than a second.
const TOKEN_LIFE_MAX_S: i64 = 30;
/// Pause after a broken connection.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

pub(in crate::app) struct Login {
    pub(in crate::app) started: Started,
    pub(in crate::app) client: LoginClient,
    pub(in crate::app) ticket: LoginTicket,
    pub(in crate::app) publish: watch::Sender<LoginNow>,
    pub(in crate::app) commands: mpsc::Receiver<LoginCommand>,
    /// Telegram said, or a broken connection may have hidden, that the code was scanned: the key may be let in.
    pub(in crate::app) maybe_scanned: bool,
}

/// How a login ended without success.
enum Stop {
    Failed(&'static str),
    Expired,
    Cancelled,
    /// The service stops: the ticket stays as it is and goes on after the restart, as far as it can.
    Shutdown,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        tracing::error!(%error, "a login could not go on");
        Stop::Failed("internal")
    }
}

/// News while waiting.
enum Waited {
    /// Scanned, or time for a new code: ask Telegram.
    Ask,
    Password(Zeroizing<String>),
}

impl Login {
    pub(in crate::app) async fn run(mut self) {
        let id = self.ticket.id;
        let ended = self.go().await;
        let (to, reason) = match ended {
            Ok(()) | Err(Stop::Shutdown) => (None, None),
            Err(Stop::Failed(reason)) => (Some(LoginStatus::Failed), Some(reason)),
            Err(Stop::Expired) => (Some(LoginStatus::Expired), None),
            Err(Stop::Cancelled) => (Some(LoginStatus::Cancelled), None),
        };
        if let Some(to) = to {
            // A key that was let in must not be left behind; one that was not has nothing to lose.
            let untouched = matches!(self.ticket.status, LoginStatus::Pending | LoginStatus::AwaitingScan);
            if self.maybe_scanned || !untouched {
                // Refused where nobody was let in, which is as good.
                let _ = self.client.log_out().await;
            }
            if let Err(error) = self.moved(to, reason).await {
                tracing::error!(%error, "the end of a login could not be written");
            }
        }
        self.client.close().await;
        if self.ticket.status == LoginStatus::Authorized {
            self.connect().await;
        }
        if let Some(app) = self.started.app.upgrade() {
            app.login_gone(id);
        }
    }

    async fn go(&mut self) -> Result<(), Stop> {
        loop {
            self.check_time()?;
            match self.client.step().await {
                Ok(LoginStep::Show { token, expires_at_s }) => {
                    let refresh = self.show(&token, expires_at_s).await?;
                    self.wait(Some(refresh), false).await?;
                }
                Ok(LoginStep::Done(profile)) => return self.complete(profile).await,
                Ok(LoginStep::PasswordNeeded) => {
                    let profile = self.password().await?;
                    return self.complete(profile).await;
                }
                Err(error) => self.refused(error).await?,
            }
        }
    }

    /// Goes on after an error where that makes sense.
    async fn refused(&mut self, error: account::Error) -> Result<(), Stop> {
        let pause = if let account::Error::FloodWait { seconds, .. } = error {
            Duration::from_secs(u64::from(seconds))
        } else if error.is_refusal("AUTH_TOKEN_EXPIRED") {
            // Telegram's token ended between the scan and our question: a new code is shown.
            Duration::ZERO
        } else if error.is_broken_connection()
            || matches!(error, account::Error::Refused { code, .. } if code >= 500)
        {
            RETRY_PAUSE
        } else {
            tracing::warn!(%error, "Telegram refused a login");
            let known = error.is_refusal("API_ID_INVALID") || error.is_refusal("API_ID_PUBLISHED_FLOOD");
            return Err(Stop::Failed(if known { "api_id_refused" } else { "telegram_refused" }));
        };
        if pause > Duration::ZERO {
            tracing::info!(%error, pause_ms = pause.as_millis() as u64, "a login waits");
            self.wait(Some(Instant::now() + pause), true).await?;
        }
        Ok(())
    }

    /// Publishes a code; says when it is to be drawn anew.
    async fn show(&mut self, token: &[u8], expires_at_s: i64) -> Result<Instant, Stop> {
        let url = Zeroizing::new(format!("tg://login?token={}", URL_SAFE_NO_PAD.encode(token)));
        let first = self.ticket.status == LoginStatus::Pending;
        self.publish.send_modify(|now| now.qr_url = Some(url));
        if first {
            self.moved(LoginStatus::AwaitingScan, None).await?;
        }
        let now_s = self.app()?.now().as_second();
        let life = (expires_at_s - now_s).clamp(1, TOKEN_LIFE_MAX_S);
        let refresh = (life - REFRESH_BEFORE_S).max(1);
        Ok(Instant::now() + Duration::from_secs(refresh.unsigned_abs()))
    }

    /// Waits for a scan, a password, the end of the ticket, or `until`. `deaf` leaves the scan out.
    async fn wait(&mut self, until: Option<Instant>, deaf: bool) -> Result<Waited, Stop> {
        loop {
            self.check_time()?;
            let look = Instant::now() + LOOK_EVERY;
            let wake = until.map_or(look, |until| until.min(look));
            tokio::select! {
                () = self.started.stop.cancelled() => return Err(Stop::Shutdown),
                () = self.client.scanned(), if !deaf => {
                    self.maybe_scanned = true;
                    return Ok(Waited::Ask);
                }
                command = self.commands.recv() => match command {
                    Some(LoginCommand::Cancel) => return Err(Stop::Cancelled),
                    Some(LoginCommand::Password(password)) => return Ok(Waited::Password(password)),
                    None => return Err(Stop::Shutdown),
                },
                () = tokio::time::sleep_until(wake) => {
                    if until.is_some_and(|until| Instant::now() >= until) {
                        return Ok(Waited::Ask);
                    }
                }
            }
        }
    }

    fn check_time(&self) -> Result<(), Stop> {
        if self.app()?.now() >= self.ticket.expires_at { Err(Stop::Expired) } else { Ok(()) }
    }

    /// Asks for the password until it is right, the tries are used up or the time is over.
    async fn password(&mut self) -> Result<UserProfile, Stop> {
        self.scanned().await?;
        self.ticket.password_hint = self.client.password_hint().await.ok().flatten();
        self.moved(LoginStatus::PasswordRequired, None).await?;
        let mut left = PASSWORD_TRIES_MAX;
        loop {
            let Waited::Password(password) = self.wait(None, true).await? else { continue };
            let reason = match self.client.password(password).await {
                Ok(profile) => return Ok(profile),
                Err(account::Error::PasswordWrong) => {
                    left -= 1;
                    "password_wrong"
                }
                Err(error) => {
                    self.refused(error).await?;
                    "password_unchecked"
                }
            };
            if left == 0 {
                return Err(Stop::Failed("password_tries_used_up"));
            }
            // Each try is a step of its own in the log, and whoever waits hears that they are asked again.
            self.step_put(LoginStatus::PasswordRequired, Some(reason), Some(left)).await?;
        }
    }

    async fn scanned(&mut self) -> Result<(), Stop> {
        self.publish.send_modify(|now| now.qr_url = None);
        Ok(self.moved(LoginStatus::Scanned, None).await?)
    }

    /// Lets the account in: the right person, the invite used, the session stored.
    async fn complete(&mut self, profile: UserProfile) -> Result<(), Stop> {
        if self.ticket.status != LoginStatus::PasswordRequired {
            self.scanned().await?;
        }
        if self.ticket.telegram_id.is_some_and(|expected| expected != profile.telegram_id) {
            return Err(Stop::Failed("ownership_mismatch"));
        }
        let login_id = self.ticket.id.to_string();
        let asked = Admittance {
            telegram_id: Some(profile.telegram_id),
            tenant: self.ticket.tenant_id,
            invite_code: self.ticket.invite_code.clone(),
        };
        let telegram_id = profile.telegram_id;
        let profile = Profile {
            telegram_id,
            username: profile.username,
            first_name: profile.first_name,
            last_name: profile.last_name,
            language: profile.language,
        };
        let id = login_id.clone();
        let admitted = self.blocking(move |app| match app.admit(&id, profile, &asked) {
            Ok(admission) => Ok(Ok(admission)),
            Err(Error::Admission(refusal)) => Ok(Err(refusal)),
            Err(error) => Err(error),
        });
        let member = match admitted.await? {
            Ok(admission) => admission.member,
            Err(refusal) => return Err(Stop::Failed(refusal.code())),
        };
        self.ticket.telegram_id = Some(telegram_id);
        self.ticket.tenant_id = Some(member.tenant_id);
        self.ticket.membership_id = Some(member.id);
        let (ticket, session) = (self.ticket.clone(), std::sync::Arc::clone(self.client.session()));
        let id = login_id.clone();
        let stored = self.blocking(move |app| {
            // Written first: after a crash this says in which tenant to look for the session.
            app.control.login_put(ticket)?;
            let tenant = app.tenant_by_id(member.tenant_id)?;
            let tenant = tenant.ok_or_else(|| Error::NotFound("the tenant was deleted".to_owned()))?;
            app.session_store(&tenant, member.id, telegram_id, Some(id.clone()), &session)?;
            app.admission_confirm(&id)
        });
        if let Err(error) = stored.await {
            tracing::error!(%error, "a login's session could not be stored");
            self.ticket.membership_id = None;
            self.blocking(move |app| app.admission_take_back(&login_id).map(drop)).await?;
            return Err(Stop::Failed("session_not_stored"));
        }
        Ok(self.moved(LoginStatus::Authorized, None).await?)
    }

    /// Connects the account, now that the login's own connection is closed.
    async fn connect(&self) {
        let (tenant, login_id) = (self.ticket.tenant_id, self.ticket.id.to_string());
        let opened = self.blocking(move |app| {
            let Some(tenant) = tenant.map(|id| app.tenant_by_id(id)).transpose()?.flatten() else {
                return Ok(());
            };
            match tenant.store().telegram_session_by_login(&login_id)? {
                Some(session) if session.state == crate::store::TelegramSessionState::Active => {
                    app.account_open(tenant.id(), session)
                }
                Some(_) | None => Ok(()),
            }
        });
        if let Err(error) = opened.await {
            tracing::error!(%error, "an account could not be connected after its login");
        }
    }

    async fn moved(&mut self, to: LoginStatus, reason: Option<&'static str>) -> Result<(), Error> {
        self.step_put(to, reason, None).await
    }

    /// Writes and publishes a step.
    async fn step_put(
        &mut self,
        to: LoginStatus,
        reason: Option<&'static str>,
        password_tries_left: Option<u32>,
    ) -> Result<(), Error> {
        let mut ticket = self.ticket.clone();
        self.ticket = self
            .blocking(move |app| {
                app.login_moved(&mut ticket, to, reason)?;
                Ok(ticket)
            })
            .await?;
        let ticket = self.ticket.clone();
        self.publish.send_modify(|now| {
            if ticket.status.is_final() {
                now.qr_url = None;
            }
            now.ticket = ticket;
            now.password_tries_left = password_tries_left;
        });
        Ok(())
    }

    fn app(&self) -> Result<std::sync::Arc<App>, Stop> {
        self.started.app.upgrade().ok_or(Stop::Shutdown)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let gone = || Error::Unavailable("the service stops".to_owned());
        let app = self.started.app.upgrade().ok_or_else(gone)?;
        let done = self.started.tasks.spawn_blocking(move || work(&app)).await;
        done.map_err(|_| Error::Unavailable("a login's work panicked".to_owned()))?
    }
}
