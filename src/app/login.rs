//! Logging in by a QR code that the user's phone scans.
//!
//! A login is a ticket of ten minutes with a task of its own and a connection of its own. Its steps are written to control.db
//! before anybody hears of them, and to the log of auth events. The invite is used when Telegram has said who scanned, and the
//! use is given back if the session cannot be stored. After a restart a login nobody has scanned yet goes on with a new code; one
//! that was further says that it failed, and what it had used is given back.

mod task;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    App, Error, ErrorCode,
    admissions::Admittance,
    auth_events::AuthStep,
    jwt::Audience,
    sessions::{Device, SignedIn},
    tenants::rfc3339,
};
use crate::{
    model::{AuthEventKind, LoginStatus, MembershipId, TenantId},
    store::{LoginTicket, Member, SignInMethod},
    telegram::{account::LoginClient, session::AccountSession},
};

/// How long a login may take.
pub const LOGIN_TTL: Duration = Duration::from_mins(10);
/// How often the password may be tried.
pub const PASSWORD_TRIES_MAX: u32 = 5;
/// Longest password that is passed on, characters.
pub const PASSWORD_CHARS_MAX: usize = 256;
/// How long an ended login is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// What somebody who wants to log in brings.
#[derive(Debug, Clone, Default)]
pub struct LoginAsked {
    /// Who they say they are; believed only as far as the scan proves it.
    pub telegram_user_id: Option<i64>,
    pub invite_code: Option<String>,
    pub init_data: Option<String>,
    /// From the bot: a token for one Telegram user.
    pub session_token: Option<String>,
    pub tenant_id: Option<TenantId>,
    /// Whoever is signed in already and connects an account.
    pub member: Option<Member>,
}

/// A login that was begun.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct LoginStarted {
    pub qr_session_id: Uuid,
    /// Opens this login to its owner, and nothing else.
    pub session_token: String,
    /// Where the code is drawn.
    pub png_url: String,
    /// The code's content, where it is there already.
    pub qr_url: Option<String>,
    /// Seconds.
    pub expires_in: u64,
    pub expires_at: String,
}

/// How a login stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LoginView {
    pub status: LoginStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<MembershipId>,
    pub updated_at: String,
    pub expires_at: String,
    /// Why it did not succeed, as a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_hint: Option<String>,
}

/// A login as its task sees it, published at every step.
#[derive(Debug, Clone)]
pub struct LoginNow {
    pub ticket: LoginTicket,
    /// `tg://login?token=…`, while there is something to scan.
    pub qr_url: Option<Zeroizing<String>>,
    /// The last password was wrong; this many tries are left.
    pub password_tries_left: Option<u32>,
}

/// What a login is told from outside.
pub(super) enum LoginCommand {
    Password(Zeroizing<String>),
    Cancel,
}

struct Open {
    now: watch::Receiver<LoginNow>,
    commands: mpsc::Sender<LoginCommand>,
}

/// A Telegram id that is proved, and the fingerprint of what proved it, where that is good once.
type Proved = (i64, Option<[u8; 32]>);

/// The logins under way.
#[derive(Default)]
pub(super) struct Logins(Mutex<HashMap<Uuid, Open>>);

impl Logins {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<&LoginTicket> for LoginView {
    fn from(ticket: &LoginTicket) -> Self {
        let authorized = ticket.status == LoginStatus::Authorized;
        Self {
            status: ticket.status,
            user_id: ticket.membership_id.filter(|_| authorized),
            updated_at: rfc3339(ticket.updated_at),
            expires_at: rfc3339(ticket.expires_at),
            reason: ticket.reason.clone(),
            password_hint: ticket.password_hint.clone(),
        }
    }
}

impl App {
    /// Begins a login. Whoever has a session that works is told so at once, if they proved who they are.
    pub fn login_start(&self, asked: &LoginAsked, device: Device) -> Result<LoginStarted, Error> {
        self.telegram_settings()?;
        let proved = self.login_proof(asked)?;
        if proved.is_none() && asked.invite_code.as_deref().is_none_or(|code| code.trim().is_empty()) {
            return Err(crate::model::Refusal::InviteRequired.into());
        }
        let telegram_id = proved.map(|(id, _)| id).or(asked.telegram_user_id);
        let own_tenant = asked.member.as_ref().map(|member| member.tenant_id);
        let admittance = Admittance {
            telegram_id,
            tenant: asked.tenant_id.or(own_tenant),
            invite_code: asked.invite_code.clone(),
        };
        let member = self.admission_check(&admittance)?;
        let now = self.now();
        let expires_at = now + SignedDuration::try_from(LOGIN_TTL).unwrap_or_default();
        let mut ticket = LoginTicket {
            id: Uuid::new_v4(),
            status: LoginStatus::Pending,
            reason: None,
            telegram_id,
            tenant_id: member.as_ref().map(|member| member.tenant_id).or(asked.tenant_id),
            membership_id: None,
            invite_code: asked.invite_code.clone(),
            password_hint: None,
            ip: device.ip,
            user_agent: device.user_agent,
            proof: None,
            created_at: now,
            updated_at: now,
            expires_at,
            exchanged_at: None,
        };
        metrics::counter!("auth_qr_start_total").increment(1);
        let reusable = member.filter(|member| proved.is_some() && self.session_works(member));
        if let Some(member) = reusable {
            ticket.status = LoginStatus::Authorized;
            ticket.reason = Some("session_reused".to_owned());
            ticket.membership_id = Some(member.id);
            ticket.proof = proved.and_then(|(_, proof)| proof);
            self.control.login_put(ticket.clone())?;
            self.login_event(AuthEventKind::QrStarted, &ticket)?;
            self.login_event(AuthEventKind::Authorized, &ticket)?;
        } else {
            self.control.login_put(ticket.clone())?;
            self.login_event(AuthEventKind::QrStarted, &ticket)?;
            if let Err(error) = self.login_spawn(ticket.clone()) {
                // Nobody will hear of it again: a restart is not to begin what was refused.
                self.login_moved(&mut ticket, LoginStatus::Failed, Some("not_started"))?;
                return Err(error);
            }
        }
        Ok(LoginStarted {
            qr_session_id: ticket.id,
            session_token: self.ticket_mint(Audience::TgAuth, &ticket.id.to_string(), LOGIN_TTL)?,
            png_url: format!("/tg/qr/png/{}", ticket.id),
            qr_url: None,
            expires_in: LOGIN_TTL.as_secs(),
            expires_at: rfc3339(expires_at),
        })
    }

    /// How a login stands.
    pub fn login_view(&self, id: Uuid) -> Result<LoginView, Error> {
        if let Some(open) = self.telegram.logins.lock().get(&id) {
            return Ok(LoginView::from(&open.now.borrow().ticket));
        }
        let ticket = self.control.login_find(id)?;
        ticket.as_ref().map(LoginView::from).ok_or_else(|| Error::NotFound(format!("no login {id}")))
    }

    /// How a login stands, now and at every step; `None` where nothing will follow.
    pub fn login_watch(&self, id: Uuid) -> Option<watch::Receiver<LoginNow>> {
        self.telegram.logins.lock().get(&id).map(|open| open.now.clone())
    }

    /// What is to be drawn as a code now.
    pub fn login_qr_url(&self, id: Uuid) -> Result<Zeroizing<String>, Error> {
        let shown = self.login_watch(id).and_then(|now| now.borrow().qr_url.clone());
        if let Some(url) = shown {
            return Ok(url);
        }
        let view = self.login_view(id)?;
        if view.status.is_final() {
            return Err(Error::refused(
                ErrorCode::LoginOver,
                format!("login {id} is {}", view.status.name()),
            ));
        }
        Err(Error::NotFound(format!(
            "login {id} has no code to show now; its status is {}",
            view.status.name()
        )))
    }

    /// Gives the password of two-step verification to the login this token opens.
    pub fn login_password(
        &self,
        session_token: &str,
        password: Zeroizing<String>,
    ) -> Result<LoginView, Error> {
        if password.is_empty() || password.chars().count() > PASSWORD_CHARS_MAX {
            return Err(Error::field("password", format!("has 1 to {PASSWORD_CHARS_MAX} characters")));
        }
        let id = self.login_of(session_token)?;
        let view = self.login_view(id)?;
        if view.status != LoginStatus::PasswordRequired {
            return Err(Error::Conflict(format!(
                "login {id} asks for no password; it is {}",
                view.status.name()
            )));
        }
        self.login_tell(id, LoginCommand::Password(password))?;
        Ok(view)
    }

    /// Cancels the login this token opens.
    pub fn login_cancel(&self, session_token: &str) -> Result<LoginView, Error> {
        let id = self.login_of(session_token)?;
        let view = self.login_view(id)?;
        if !view.status.is_final() {
            self.login_tell(id, LoginCommand::Cancel)?;
        }
        Ok(view)
    }

    /// Signs in whoever holds the token of a login that succeeded; good once.
    pub fn login_exchange(&self, session_token: &str, device: Device) -> Result<SignedIn, Error> {
        let id = self.login_of(session_token)?;
        let absent = || Error::NotFound(format!("no login {id}"));
        let ticket = self.control.login_find(id)?.ok_or_else(absent)?;
        let member = ticket.membership_id.filter(|_| ticket.status == LoginStatus::Authorized);
        let member = member.ok_or_else(|| {
            Error::refused(ErrorCode::LoginUnfinished, format!("login {id} is {}", ticket.status.name()))
        })?;
        let member = self.member_find(member)?.ok_or_else(absent)?;
        if !self.control.login_exchange(id, self.now())? {
            let message = "session_token: was exchanged already; use the tokens it brought, or log in again";
            return Err(Error::refused(ErrorCode::LoginExchanged, message));
        }
        self.session_open(&member, SignInMethod::Qr, device, ticket.proof)
    }

    /// Goes on with the logins a restart has interrupted, as far as they can.
    pub(super) fn logins_resume(self: &Arc<Self>) -> Result<(), Error> {
        let now = self.now();
        self.control.login_forget(now.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN))?;
        for mut ticket in self.control.login_open_list()? {
            let stored = match ticket.tenant_id.map(|id| self.tenant_by_id(id)).transpose()?.flatten() {
                Some(tenant) => tenant.store().telegram_session_by_login(&ticket.id.to_string())?,
                None => None,
            };
            if let Some(session) = stored {
                self.admission_confirm(&ticket.id.to_string())?;
                ticket.membership_id = Some(session.membership_id);
                self.login_moved(&mut ticket, LoginStatus::Authorized, None)?;
                continue;
            }
            self.admission_take_back(&ticket.id.to_string())?;
            let unscanned = matches!(ticket.status, LoginStatus::Pending | LoginStatus::AwaitingScan);
            if ticket.expires_at <= now {
                self.login_moved(&mut ticket, LoginStatus::Expired, None)?;
            } else if unscanned {
                self.login_spawn(ticket)?;
            } else {
                self.login_moved(&mut ticket, LoginStatus::Failed, Some("service_restarted"))?;
            }
        }
        // Admissions of logins whose tickets are gone.
        for open in self.admission_open_list(REMEMBERED)? {
            self.admission_take_back(&open.login_id)?;
        }
        Ok(())
    }

    /// Whether a member has a session that is connected.
    fn session_works(&self, member: &Member) -> bool {
        self.account_find(member.id).is_some_and(|account| {
            account.tenant == member.tenant_id
                && *account.connection.state().borrow() == crate::telegram::account::ConnectionState::Up
        })
    }

    /// Who asks, where they prove it: the Telegram id, and the fingerprint of what is good once.
    fn login_proof(&self, asked: &LoginAsked) -> Result<Option<Proved>, Error> {
        if let Some(raw) = asked.init_data.as_deref().filter(|raw| !raw.is_empty()) {
            let data = self.init_data_check(raw)?;
            return Ok(Some((data.user.id, Some(data.fingerprint))));
        }
        if let Some(member) = &asked.member {
            return Ok(Some((member.profile.telegram_id, None)));
        }
        let Some(token) = asked.session_token.as_deref().filter(|token| !token.is_empty()) else {
            return Ok(None);
        };
        let claims = self.jwt_verify(Audience::TgLogin, token)?;
        let id = claims.sub.parse().map_err(|_| Error::Unauthorized("the token names no Telegram user"))?;
        Ok(Some((id, None)))
    }

    /// The login a session token opens.
    fn login_of(&self, session_token: &str) -> Result<Uuid, Error> {
        let claims = self.jwt_verify(Audience::TgAuth, session_token)?;
        claims.sub.parse().map_err(|_| Error::Unauthorized("the token is of another kind"))
    }

    fn login_tell(&self, id: Uuid, command: LoginCommand) -> Result<(), Error> {
        let commands = self.telegram.logins.lock().get(&id).map(|open| open.commands.clone());
        let over = || Error::refused(ErrorCode::LoginOver, format!("login {id} has come to its end"));
        commands.ok_or_else(over)?.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                Error::Conflict("the last password is still being checked".to_owned())
            }
            mpsc::error::TrySendError::Closed(_) => over(),
        })
    }

    fn login_spawn(&self, ticket: LoginTicket) -> Result<(), Error> {
        let started = self.telegram_started().cloned();
        let started =
            started.ok_or_else(|| Error::Unavailable("logins need a running `tga serve`".to_owned()))?;
        let settings = self.telegram_settings()?;
        let busy = || Error::refused(ErrorCode::LoginsBusy, "too many logins are under way; try again soon");
        let logins_max = self.config.telegram.logins_max as usize;
        // Looked at before a connection is made, and once more under the lock that lets it in.
        if self.telegram.logins.lock().len() >= logins_max {
            return Err(busy());
        }
        let number =
            if settings.keys_are_numbered() { self.control.key_number_next(self.now())? } else { 0 };
        let session = Arc::new(AccountSession::fresh(settings, number));
        let client = LoginClient::start(session, settings, &started.tasks)?;
        let (commands, received) = mpsc::channel(1);
        let id = ticket.id;
        let (publish, now) =
            watch::channel(LoginNow { ticket: ticket.clone(), qr_url: None, password_tries_left: None });
        {
            let mut logins = self.telegram.logins.lock();
            if logins.len() >= logins_max {
                return Err(busy());
            }
            logins.insert(id, Open { now, commands });
        }
        let tasks = started.tasks.clone();
        let login =
            task::Login { started, client, ticket, publish, commands: received, maybe_scanned: false };
        tasks.spawn(login.run());
        Ok(())
    }

    /// Writes a login's new status, counts it and records it as an auth event.
    fn login_moved(
        &self,
        ticket: &mut LoginTicket,
        to: LoginStatus,
        reason: Option<&'static str>,
    ) -> Result<(), Error> {
        ticket.status = to;
        ticket.reason = reason.map(str::to_owned);
        ticket.updated_at = self.now();
        self.control.login_put(ticket.clone())?;
        let kind = match to {
            LoginStatus::Pending => return Ok(()),
            LoginStatus::AwaitingScan => AuthEventKind::QrShown,
            LoginStatus::Scanned => AuthEventKind::QrScanned,
            LoginStatus::PasswordRequired => AuthEventKind::PasswordRequired,
            LoginStatus::Authorized => AuthEventKind::Authorized,
            LoginStatus::Failed => AuthEventKind::Failed,
            LoginStatus::Expired => AuthEventKind::Expired,
            LoginStatus::Cancelled => AuthEventKind::Cancelled,
        };
        if to.is_final() {
            let took = ticket.updated_at.duration_since(ticket.created_at).as_secs_f64();
            metrics::histogram!("auth_qr_duration_seconds").record(took);
        }
        match to {
            LoginStatus::Authorized => metrics::counter!("auth_qr_success_total").increment(1),
            LoginStatus::Expired => metrics::counter!("auth_qr_expired_total").increment(1),
            LoginStatus::Failed | LoginStatus::Cancelled => {
                metrics::counter!("auth_qr_fail_total", "reason" => reason.unwrap_or("cancelled"))
                    .increment(1);
            }
            LoginStatus::Pending
            | LoginStatus::AwaitingScan
            | LoginStatus::Scanned
            | LoginStatus::PasswordRequired => {}
        }
        self.login_event(kind, ticket)
    }

    fn login_event(&self, kind: AuthEventKind, ticket: &LoginTicket) -> Result<(), Error> {
        self.auth_event(
            kind,
            AuthStep {
                login_id: Some(ticket.id.to_string()),
                tenant_id: ticket.tenant_id,
                membership_id: ticket.membership_id,
                telegram_id: ticket.telegram_id,
                reason: ticket.reason.clone(),
                ip: ticket.ip.clone(),
                user_agent: ticket.user_agent.clone(),
            },
        )
    }

    /// A login's task is at its end.
    fn login_gone(&self, id: Uuid) {
        self.telegram.logins.lock().remove(&id);
    }
}
