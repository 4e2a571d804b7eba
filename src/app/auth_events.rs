//! What happened at logins: written by the login at each step, read by administrators.

use serde::Serialize;

use super::{App, Error, tenants::rfc3339};
use crate::{
    model::{AuthEventKind, MembershipId, TenantId},
    store::{AuthEvent, AuthEventFilter, Member, NewAuthEvent},
};

/// Longest user agent kept, characters; the rest is cut.
pub const USER_AGENT_CHARS_MAX: usize = 256;

/// Steps of logins an export holds at most, the newest: they are deleted after 90 days anyway.
const AUTH_EVENTS_EXPORTED_MAX: usize = 100_000;

/// One step of a login, told by whoever runs it. What is unknown at that step stays empty.
#[derive(Debug, Clone, Default)]
pub struct AuthStep {
    pub login_id: Option<String>,
    pub tenant_id: Option<TenantId>,
    pub membership_id: Option<MembershipId>,
    pub telegram_id: Option<i64>,
    /// A stable code, `ownership_mismatch`; never a password, a token or an invite's code.
    pub reason: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

/// A step as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AuthEventView {
    pub id: i64,
    pub at: String,
    pub event: AuthEventKind,
    pub qr_session_id: Option<String>,
    pub user_id: Option<MembershipId>,
    pub telegram_id: Option<i64>,
    pub reason: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

impl From<AuthEvent> for AuthEventView {
    fn from(event: AuthEvent) -> Self {
        Self {
            id: event.id,
            at: rfc3339(event.at),
            event: event.kind,
            qr_session_id: event.login_id,
            user_id: event.membership_id,
            telegram_id: event.telegram_id,
            reason: event.reason,
            ip: event.ip,
            user_agent: event.user_agent,
        }
    }
}

impl App {
    /// Records a step of a login.
    pub fn auth_event(&self, kind: AuthEventKind, step: AuthStep) -> Result<(), Error> {
        Ok(self.control.auth_event_add(self.auth_event_new(kind, step))?)
    }

    /// The record of a step; store functions write it in the transaction of what happened.
    pub(super) fn auth_event_new(&self, kind: AuthEventKind, step: AuthStep) -> NewAuthEvent {
        let user_agent = step.user_agent.map(|agent| agent.chars().take(USER_AGENT_CHARS_MAX).collect());
        NewAuthEvent {
            at: self.now(),
            kind,
            login_id: step.login_id,
            tenant_id: step.tenant_id,
            membership_id: step.membership_id,
            telegram_id: step.telegram_id,
            reason: step.reason,
            ip: step.ip,
            user_agent,
        }
    }

    /// The newest steps of one member's logins.
    pub(super) fn auth_events_of(&self, member: &Member) -> Result<Vec<AuthEventView>, Error> {
        let filter = AuthEventFilter { membership_id: Some(member.id), ..AuthEventFilter::default() };
        Ok(self.auth_event_list(&filter, AUTH_EVENTS_EXPORTED_MAX, 0)?.0)
    }

    /// A page of steps, newest first, and how many match.
    pub fn auth_event_list(
        &self,
        filter: &AuthEventFilter,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<AuthEventView>, u64), Error> {
        let (events, total) = self.control.auth_event_list(filter, limit, offset)?;
        Ok((events.into_iter().map(AuthEventView::from).collect(), total))
    }
}
