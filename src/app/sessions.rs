//! Signing in and staying so: sessions, access and refresh tokens.
//!
//! An access token is short-lived and says who; that its session is still in force, and what its member may do now, is read from
//! control.db each time, so ending a session or changing a role acts at once. A refresh token is good once; using one twice
//! ends its session, because one of the two who had it stole it. A crash between the two writes of a sign-in cannot be: there is one.
//! Somebody of several tenants takes their session from one to another: it takes the access token and the refresh token, which is used
//! up, and the tokens of the tenant before open nothing any more.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::{
    App, Error, ErrorCode,
    admissions::Admittance,
    audit::Origin,
    auth_events::AuthStep,
    init_data::{InitData, InitDataError, Proof},
    jwt::AccessClaims,
    members::MemberView,
    tenants::rfc3339,
    tokens::{random_hex, sha256},
};
use crate::{
    model::{AuditAction, AuthEventKind, MembershipId, Role, TenantId},
    store::{Member, Profile, Refreshed, Session, SessionMove, SignInMethod},
};

/// What every refresh token begins with, so that a leaked one is recognised by scanners.
const REFRESH_PREFIX: &str = "tgr_";
/// Longest user agent that is kept, characters.
const USER_AGENT_CHARS_MAX: usize = 200;

/// Where a sign-in comes from.
#[derive(Debug, Clone, Default)]
pub struct Device {
    pub user_agent: Option<String>,
    pub ip: Option<String>,
}

/// What the Mini App brings.
#[derive(Debug, Clone, Default)]
pub struct WebappSignIn {
    pub init_data: String,
    /// The tenant they chose, where they belong to several.
    pub tenant_id: Option<TenantId>,
    pub invite_code: Option<String>,
}

/// A member who is signed in, with what keeps them so. Shown once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SignedIn {
    #[schema(example = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjFhIn0.eyJhdWQiOiJ0Z2EtYXBpIn0.c2lnbmF0dXJl")]
    pub access_token: String,
    #[schema(example = "bearer")]
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u64,
    /// Good once; each use brings the next.
    #[schema(example = "tgr_0c9f…")]
    pub refresh_token: String,
    /// Seconds.
    pub refresh_expires_in: u64,
    pub session_id: Uuid,
    pub user: MemberView,
    /// Every tenant this person belongs to.
    pub tenants: Vec<TenantChoice>,
    /// Whether this person runs the installation.
    pub operator: bool,
}

/// A tenant somebody may sign in to.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct TenantChoice {
    pub tenant_id: TenantId,
    pub name: String,
    pub role: Role,
    pub user_id: MembershipId,
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SessionView {
    pub id: Uuid,
    pub method: SignInMethod,
    pub user_agent: Option<String>,
    pub ip: Option<String>,
    pub created_at: String,
    pub used_at: String,
    pub expires_at: String,
    /// The one that asks.
    pub current: bool,
}

impl App {
    /// What Telegram says of whoever opened the Mini App, proved and young enough.
    pub fn init_data_check(&self, raw: &str) -> Result<InitData, Error> {
        let bot = &self.config().bot;
        let proof = match (&bot.token, bot.id) {
            (Some(token), _) => Proof::Hmac { bot_token: token.expose().to_owned() },
            (None, Some(bot_id)) => Proof::Ed25519 { bot_id, key: bot.telegram_key },
            (None, None) => {
                return Err(Error::refused(
                    ErrorCode::BotNotConfigured,
                    "no bot is configured; set bot.token (or BOT_TOKEN) and restart",
                ));
            }
        };
        let age_max = SignedDuration::try_from(self.config().auth.init_data_age).unwrap_or_default();
        InitData::check(raw, &proof, self.now(), age_max).map_err(|error| {
            let (code, message) = match error {
                InitDataError::Invalid => {
                    (ErrorCode::InitDataInvalid, "init_data: was not made by Telegram for this bot")
                }
                InitDataError::Stale => {
                    (ErrorCode::InitDataStale, "init_data: is too old; open the app again")
                }
                InitDataError::Future => {
                    (ErrorCode::InitDataFuture, "init_data: is from the future; check this machine's clock")
                }
            };
            Error::refused(code, message)
        })
    }

    /// Signs in by the Mini App's `initData`, good once. A newcomer comes in by the rules of registration.
    pub fn sign_in_webapp(&self, asked: &WebappSignIn, device: Device) -> Result<SignedIn, Error> {
        let data = self.init_data_check(&asked.init_data)?;
        let profile = profile(&data);
        let known = self.memberships_of(profile.telegram_id)?;
        if asked.tenant_id.is_none() && asked.invite_code.is_none() && known.len() > 1 {
            let choices = serde_json::json!({ "tenants": self.tenant_choices(&known)? });
            return Err(Error::Refused {
                code: ErrorCode::TenantRequired,
                message: "tenant_id: you belong to several tenants; say which".to_owned(),
                details: Some(choices),
            });
        }
        // What brought them to the app may be an invite's link.
        let invite_code = asked.invite_code.clone().or_else(|| data.start_param.clone());
        let admittance = Admittance {
            telegram_id: Some(profile.telegram_id),
            tenant: asked.tenant_id,
            invite_code: invite_code.filter(|_| asked.invite_code.is_some() || known.is_empty()),
        };
        let login_id = format!("webapp:{}", super::tokens::hex(&data.fingerprint));
        let member = if let Some(member) = self.admission_check(&admittance)? {
            self.profile_update(profile)?;
            member
        } else {
            let admission = self.admit(&login_id, profile, &admittance)?;
            self.admission_confirm(&login_id)?;
            admission.member
        };
        self.session_open(&member, SignInMethod::Webapp, device, Some(data.fingerprint))
    }

    /// Signs a member in. `proof` is the fingerprint of what they brought, where that is good only once.
    pub fn session_open(
        &self,
        member: &Member,
        method: SignInMethod,
        device: Device,
        proof: Option<[u8; 32]>,
    ) -> Result<SignedIn, Error> {
        let now = self.now();
        let refresh = format!("{REFRESH_PREFIX}{}", random_hex()?);
        let session = Session {
            id: Uuid::new_v4(),
            membership_id: member.id,
            method,
            user_agent: device.user_agent.map(|agent| agent.chars().take(USER_AGENT_CHARS_MAX).collect()),
            ip: device.ip,
            created_at: now,
            used_at: now,
            expires_at: self.session_end(now),
            revoked_at: None,
        };
        // A proof is refused as too old before it is forgotten here, by however little the clocks differ.
        let age_max = self.config().auth.init_data_age.max(super::sign_in_links::LINK_TTL);
        let age_max = SignedDuration::try_from(age_max).unwrap_or_default();
        let proofs_after = now.saturating_sub(age_max + super::init_data::AHEAD_MAX * 2).unwrap_or(now);
        let stored = self.control.session_insert(session.clone(), sha256(&refresh), proof, proofs_after)?;
        if !stored && method == SignInMethod::Link {
            return Err(super::sign_in_links::link_invalid());
        }
        if !stored {
            return Err(Error::refused(
                ErrorCode::InitDataReplayed,
                "init_data: was exchanged for a session already; use that session, or open the app again",
            ));
        }
        tracing::info!(session = %session.id, member = %member.id, method = method.name(), "signed in");
        self.signed_in(&session, member, refresh)
    }

    /// Exchanges a refresh token for new tokens.
    pub fn session_refresh(&self, token: &str) -> Result<SignedIn, Error> {
        self.session_exchange(token, None)
    }

    /// Takes the session of a person over into another tenant they belong to. `token` is its refresh token: an access token
    /// alone, which lives for minutes, must not bring one that lives for weeks.
    pub fn session_move(
        &self,
        member: &Member,
        session: Uuid,
        token: &str,
        tenant: TenantId,
        device: Device,
    ) -> Result<SignedIn, Error> {
        let step = AuthStep {
            login_id: Some(format!("session:{session}")),
            tenant_id: Some(tenant),
            telegram_id: Some(member.profile.telegram_id),
            reason: Some("tenant_changed".to_owned()),
            ip: device.ip,
            user_agent: device.user_agent,
            ..AuthStep::default()
        };
        let event = self.auth_event_new(AuthEventKind::Authorized, step);
        let moved = self.session_exchange(token, Some(SessionMove { session, tenant, event }))?;
        tracing::info!(%session, from = %member.tenant_id, to = %tenant, "session went to another tenant");
        Ok(moved)
    }

    fn session_exchange(&self, token: &str, going: Option<SessionMove>) -> Result<SignedIn, Error> {
        let now = self.now();
        let next = format!("{REFRESH_PREFIX}{}", random_hex()?);
        let (given, end) = (sha256(token), self.session_end(now));
        match self.control.session_refresh(given, sha256(&next), now, end, going)? {
            Refreshed::Done(done) => self.signed_in(&done.0, &done.1, next),
            Refreshed::Stranger => Err(Error::NotFound("no such tenant among yours".to_owned())),
            Refreshed::Unknown => Err(Error::refused(
                ErrorCode::RefreshInvalid,
                "refresh_token: is unknown, expired or revoked; sign in again",
            )),
            Refreshed::Reused(session) => {
                tracing::warn!(session = %session.id, member = %session.membership_id, "refresh token used twice");
                Err(Error::refused(
                    ErrorCode::RefreshReused,
                    "refresh_token: was used before, so its session is ended; sign in again",
                ))
            }
        }
    }

    /// The sessions of a member; `current` is the one that asks.
    pub fn session_list(
        &self,
        member: MembershipId,
        current: Option<Uuid>,
    ) -> Result<Vec<SessionView>, Error> {
        let sessions = self.control.session_list(member, self.now())?;
        Ok(sessions.into_iter().map(|session| session_view(session, current)).collect())
    }

    /// Ends one session of a member.
    pub fn session_revoke(&self, member: MembershipId, id: Uuid, reason: &'static str) -> Result<(), Error> {
        if self.control.session_revoke(member, id, self.now(), reason)? {
            tracing::info!(session = %id, %member, reason, "session ended");
            return Ok(());
        }
        Err(Error::NotFound(format!("no session {id} that is in force")))
    }

    /// Ends all sessions of a member but `except`; how many.
    pub fn session_revoke_all(&self, member: MembershipId, except: Option<Uuid>) -> Result<usize, Error> {
        let ended = self.control.session_revoke_all(member, except, self.now(), "revoked", None)?;
        tracing::info!(%member, ended, "sessions ended");
        Ok(ended)
    }

    /// Ends all sessions of a member of this tenant, by one of its admins.
    pub fn session_end_all(
        &self,
        tenant: TenantId,
        member: MembershipId,
        origin: &Origin,
    ) -> Result<usize, Error> {
        let member = self.member_get(tenant, member)?.id;
        let audit =
            self.audit(origin, Some(tenant), AuditAction::SessionsEnded, format!("user:{member}"), None);
        let ended =
            self.control.session_revoke_all(member, None, self.now(), "ended_by_admin", Some(audit))?;
        tracing::info!(%member, ended, "sessions ended by an admin");
        Ok(ended)
    }

    fn session_end(&self, now: Timestamp) -> Timestamp {
        let ttl = SignedDuration::try_from(self.config().auth.session_ttl).unwrap_or_default();
        now.saturating_add(ttl).unwrap_or(Timestamp::MAX)
    }

    fn signed_in(
        &self,
        session: &Session,
        member: &Member,
        refresh_token: String,
    ) -> Result<SignedIn, Error> {
        let about = AccessClaims { tenant: member.tenant_id, role: member.role, session: session.id };
        Ok(SignedIn {
            access_token: self.access_mint(member.id, about)?,
            token_type: "bearer",
            expires_in: self.config().auth.access_ttl.as_secs(),
            refresh_token,
            refresh_expires_in: self.config().auth.session_ttl.as_secs(),
            session_id: session.id,
            user: MemberView::from(member.clone()),
            tenants: self.tenant_choices(&self.memberships_of(member.profile.telegram_id)?)?,
            operator: self.is_operator(member),
        })
    }

    pub(super) fn tenant_choices(&self, members: &[Member]) -> Result<Vec<TenantChoice>, Error> {
        let mut choices = Vec::new();
        for member in members {
            if let Some(tenant) = self.control.tenant_find(&member.tenant_id.to_string())? {
                choices.push(TenantChoice {
                    tenant_id: tenant.id,
                    name: tenant.name,
                    role: member.role,
                    user_id: member.id,
                });
            }
        }
        Ok(choices)
    }
}

fn profile(data: &InitData) -> Profile {
    let user = data.user.clone();
    Profile {
        telegram_id: user.id,
        username: user.username,
        first_name: user.first_name,
        last_name: user.last_name,
        language: user.language_code,
    }
}

fn session_view(session: Session, current: Option<Uuid>) -> SessionView {
    SessionView {
        id: session.id,
        method: session.method,
        user_agent: session.user_agent,
        ip: session.ip,
        created_at: rfc3339(session.created_at),
        used_at: rfc3339(session.used_at),
        expires_at: rfc3339(session.expires_at),
        current: current == Some(session.id),
    }
}
