//! What operators do with Telegram sessions: list, pause, resume, revoke, import, export.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::mpsc;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    app::{App, Error, Tenant, auth_events::AuthStep, sealed::SealedKind, tenants::rfc3339},
    model::{AuthEventKind, MembershipId, TenantId},
    store::{TelegramSession, TelegramSessionState},
    telegram::{
        account::{AccountEvent, Connection, TelegramClient as _},
        session::AccountSession,
    },
};

/// Longest wait for Telegram to take note that a session is over; the key is wiped here in any case.
const LOG_OUT_WAIT_MAX: Duration = Duration::from_secs(10);

/// A connection for one last act; its events are kept open as long as nobody else takes them.
type Open = (Connection, Option<mpsc::Receiver<AccountEvent>>);

/// A session as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TelegramSessionView {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub user_id: MembershipId,
    pub telegram_id: i64,
    pub state: TelegramSessionState,
    pub reason: Option<String>,
    pub dc: i32,
    /// Whether it is connected at this moment.
    pub connected: bool,
    pub created_at: String,
    pub updated_at: String,
}

impl App {
    /// Sessions of one tenant or of all, newest first.
    pub fn telegram_session_list(&self, tenant: Option<&str>) -> Result<Vec<TelegramSessionView>, Error> {
        let mut views = Vec::new();
        for tenant in self.telegram_tenants(tenant)? {
            for session in tenant.store().telegram_session_list()? {
                views.push(self.telegram_session_view(&tenant, session));
            }
        }
        Ok(views)
    }

    /// Keeps a session and stops using it.
    pub fn telegram_session_pause(&self, id: Uuid, reason: &str) -> Result<TelegramSessionView, Error> {
        let (tenant, session) = self.telegram_session_in_use(id)?;
        self.account_close(session.membership_id);
        let moved = tenant.store().telegram_session_move(
            id,
            TelegramSessionState::Paused,
            Some(reason.to_owned()),
            self.now(),
        )?;
        self.telegram_session_moved(&tenant, id, moved)
    }

    /// Pauses every active session: the panic stop. Returns how many.
    pub fn telegram_session_pause_all(&self, tenant: Option<&str>, reason: &str) -> Result<usize, Error> {
        let active = self.telegram_session_list(tenant)?;
        let active: Vec<Uuid> = active
            .iter()
            .filter(|view| view.state == TelegramSessionState::Active)
            .map(|view| view.id)
            .collect();
        for id in &active {
            self.telegram_session_pause(*id, reason)?;
        }
        Ok(active.len())
    }

    /// Uses a paused session again.
    pub fn telegram_session_resume(&self, id: Uuid) -> Result<TelegramSessionView, Error> {
        let (tenant, session) = self.telegram_session_in_use(id)?;
        if session.state == TelegramSessionState::Active && self.account_find(session.membership_id).is_some()
        {
            return Ok(self.telegram_session_view(&tenant, session));
        }
        let moved =
            tenant.store().telegram_session_move(id, TelegramSessionState::Active, None, self.now())?;
        if moved && let Some(session) = tenant.store().telegram_session_find(id)? {
            self.account_open(tenant.id(), session)?;
        }
        self.telegram_session_moved(&tenant, id, moved)
    }

    /// Ends a session at Telegram, as far as Telegram can be reached, and wipes it here in any case.
    pub fn telegram_session_revoke(&self, id: Uuid, reason: &str) -> Result<TelegramSessionView, Error> {
        let (tenant, session) = self.telegram_session_in_use(id)?;
        let told = self.session_log_out(&tenant, &session);
        let why = if told { reason.to_owned() } else { format!("{reason}_offline") };
        let moved = tenant.store().telegram_session_move(
            id,
            TelegramSessionState::Revoked,
            Some(why.clone()),
            self.now(),
        )?;
        if moved {
            let step = AuthStep {
                tenant_id: Some(tenant.id()),
                membership_id: Some(session.membership_id),
                telegram_id: Some(session.telegram_id),
                reason: Some(why),
                ..AuthStep::default()
            };
            self.auth_event(AuthEventKind::Revoked, step)?;
        }
        self.telegram_session_moved(&tenant, id, moved)
    }

    /// Takes over a session written by Telethon, for the member of this tenant it belongs to.
    pub fn telegram_session_import(&self, tenant: &Tenant, line: &str) -> Result<TelegramSessionView, Error> {
        let settings = self.telegram_settings()?;
        let session = AccountSession::from_string(line, settings)
            .map_err(|error| Error::Invalid(format!("session: {error}")))?;
        let session = Arc::new(session);
        let tasks = self.tasks()?;
        let (connection, _events) = Connection::account(Arc::clone(&session), settings, &tasks)?;
        let me = tasks.block_on(async {
            let me = connection.me().await;
            connection.close().await;
            me
        });
        let me = me.map_err(|error| Error::Invalid(format!("session: was refused: {error}")))?;
        let member = self.member_by_telegram_id(tenant.id(), me.telegram_id).map_err(|_| {
            Error::NotFound(format!(
                "the session belongs to Telegram user {}, who is no member of {}; let them in with an invite first",
                me.telegram_id,
                tenant.row().slug
            ))
        })?;
        let row = self.session_store(tenant, member.id, me.telegram_id, None, &session)?;
        self.account_open(tenant.id(), row.clone())?;
        Ok(self.telegram_session_view(tenant, row))
    }

    /// A session as Telethon writes it: whoever has this line has the account.
    pub fn telegram_session_export(&self, id: Uuid) -> Result<Zeroizing<String>, Error> {
        let (tenant, _) = self.telegram_session_get(id)?;
        let session = self.session_unseal(tenant.id(), id)?;
        let line = session.to_string_session();
        self.log_system("warn", format!("the Telegram session {id} was exported"))?;
        line.ok_or_else(|| Error::Unavailable("the session has no key".to_owned()))
    }

    /// Seals and stores a new session; the one the member had is closed, replaced, and ended at Telegram.
    pub(in crate::app) fn session_store(
        &self,
        tenant: &Tenant,
        member: MembershipId,
        telegram_id: i64,
        login_id: Option<String>,
        session: &AccountSession,
    ) -> Result<TelegramSession, Error> {
        let sealed = self.seal(SealedKind::TelegramSession, &session.snapshot())?;
        let now = self.now();
        let row = TelegramSession {
            id: Uuid::new_v4(),
            membership_id: member,
            telegram_id,
            dc: session.home_dc(),
            state: TelegramSessionState::Active,
            reason: None,
            login_id,
            key_id: Some(sealed.key_id),
            created_at: now,
            updated_at: now,
        };
        let old = self.session_replaced(tenant, member, session);
        tenant.store().telegram_session_insert(row.clone(), sealed.bytes)?;
        if let Some(old) = old
            && !self.log_out_all(vec![old])
        {
            tracing::warn!(%member, "Telegram could not be told that a replaced session is over; it stays in the list of devices");
        }
        Ok(row)
    }

    /// The connection of the session a new one takes the place of, to be logged out; `None` where there is none, or it is of the
    /// same key (an import of what is here already), which must live on.
    fn session_replaced(&self, tenant: &Tenant, member: MembershipId, new: &AccountSession) -> Option<Open> {
        let old = tenant.store().telegram_session_of(member).ok().flatten()?;
        let known = self.session_unseal(tenant.id(), old.id).ok();
        if known.is_none_or(|known| known.is_same_key(new)) {
            self.account_close(member);
            return None;
        }
        self.session_connection(tenant, &old)
    }

    /// Ends a member's session at Telegram before everything of them is deleted here.
    pub(in crate::app) fn member_log_out(&self, tenant: &Tenant, member: MembershipId) -> Result<(), Error> {
        if let Some(session) = tenant.store().telegram_session_of(member)?
            && !self.session_log_out(tenant, &session)
        {
            tracing::warn!(%member, "Telegram could not be told that a session is over; its key is deleted all the same");
        }
        Ok(())
    }

    /// Ends every session of a tenant at Telegram before the tenant's directory goes.
    pub(in crate::app) fn tenant_log_out(&self, tenant: &Tenant) -> Result<(), Error> {
        let sessions = tenant.store().telegram_session_list()?.into_iter().filter(|session| {
            matches!(session.state, TelegramSessionState::Active | TelegramSessionState::Paused)
        });
        let open = sessions.filter_map(|session| self.session_connection(tenant, &session)).collect();
        if !self.log_out_all(open) {
            tracing::warn!(tenant = %tenant.id(), "Telegram could not be told of all sessions that are over; their keys are deleted all the same");
        }
        Ok(())
    }

    /// Closes a session's connection and ends it at Telegram; `false` if Telegram could not be told.
    fn session_log_out(&self, tenant: &Tenant, session: &TelegramSession) -> bool {
        let open = self.session_connection(tenant, session);
        open.is_some_and(|open| self.log_out_all(vec![open]))
    }

    /// A session's connection: the one that is up, taken away from whoever reads with it, or one for this act.
    fn session_connection(&self, tenant: &Tenant, session: &TelegramSession) -> Option<Open> {
        if let Some(connection) = self.account_take(session.membership_id) {
            return Some((connection, None));
        }
        let (connection, events) = self.connect_for_now(tenant, session.id).ok()?;
        Some((connection, Some(events)))
    }

    /// Logs sessions out, all at the same time, and closes their connections; `false` if Telegram did not hear of one.
    fn log_out_all(&self, open: Vec<Open>) -> bool {
        let Ok(tasks) = self.tasks() else { return open.is_empty() };
        let ends = open.into_iter().map(|open| async move {
            // Bound in here: outside the block they would be dropped at once, and a connection that nobody listens to ends itself.
            let (connection, _events) = open;
            let told = tokio::time::timeout(LOG_OUT_WAIT_MAX, connection.log_out()).await;
            connection.close().await;
            told.is_ok_and(|told| told.is_ok())
        });
        tasks.block_on(join_all(ends)).into_iter().all(|told| told)
    }

    /// A connection for one act; its events are kept open as long as it is.
    fn connect_for_now(
        &self,
        tenant: &Tenant,
        id: Uuid,
    ) -> Result<(Connection, mpsc::Receiver<AccountEvent>), Error> {
        let session = Arc::new(self.session_unseal(tenant.id(), id)?);
        Ok(Connection::account(session, self.telegram_settings()?, &self.tasks()?)?)
    }

    fn telegram_session_get(&self, id: Uuid) -> Result<(Arc<Tenant>, TelegramSession), Error> {
        for tenant in self.telegram_tenants(None)? {
            if let Some(session) = tenant.store().telegram_session_find(id)? {
                return Ok((tenant, session));
            }
        }
        Err(Error::NotFound(format!("no Telegram session {id}; `tga session list` shows them")))
    }

    /// A session that is in use or paused: what is over has no connection, and its member may have another session.
    fn telegram_session_in_use(&self, id: Uuid) -> Result<(Arc<Tenant>, TelegramSession), Error> {
        let (tenant, session) = self.telegram_session_get(id)?;
        match session.state {
            TelegramSessionState::Active | TelegramSessionState::Paused => Ok((tenant, session)),
            TelegramSessionState::Revoked | TelegramSessionState::Replaced => {
                Err(Error::Conflict(format!("session {id} is over: {}", session.state.name())))
            }
        }
    }

    fn telegram_session_moved(
        &self,
        tenant: &Tenant,
        id: Uuid,
        moved: bool,
    ) -> Result<TelegramSessionView, Error> {
        let session = tenant.store().telegram_session_find(id)?;
        let session = session.ok_or_else(|| Error::NotFound(format!("no Telegram session {id}")))?;
        if !moved {
            return Err(Error::Conflict(format!("session {id} is over: {}", session.state.name())));
        }
        Ok(self.telegram_session_view(tenant, session))
    }

    fn telegram_tenants(&self, tenant: Option<&str>) -> Result<Vec<Arc<Tenant>>, Error> {
        match tenant {
            Some(tenant) => Ok(vec![self.tenant_get(tenant)?]),
            None => self.tenant_list()?.iter().map(|row| self.tenant_open(row)).collect(),
        }
    }

    fn telegram_session_view(&self, tenant: &Tenant, session: TelegramSession) -> TelegramSessionView {
        let handle = self.account_find(session.membership_id);
        TelegramSessionView {
            connected: session.state == TelegramSessionState::Active
                && handle.is_some_and(|handle| {
                    *handle.connection.state().borrow() == crate::telegram::account::ConnectionState::Up
                }),
            id: session.id,
            tenant_id: tenant.id(),
            user_id: session.membership_id,
            telegram_id: session.telegram_id,
            state: session.state,
            reason: session.reason,
            dc: session.dc,
            created_at: rfc3339(session.created_at),
            updated_at: rfc3339(session.updated_at),
        }
    }
}
