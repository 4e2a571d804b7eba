//! What operators do with Telegram sessions: list, pause, resume, revoke, import, export; and the keys that seal them.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::mpsc;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    app::{App, Error, Tenant, auth_events::AuthStep, tenants::rfc3339},
    model::{AuthEventKind, MembershipId, TenantId},
    seal,
    store::{TelegramSession, TelegramSessionState},
    telegram::{
        account::{AccountEvent, Connection, TelegramClient as _},
        session::AccountSession,
    },
};

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
        let (tenant, session) = self.telegram_session_get(id)?;
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
        let (tenant, _) = self.telegram_session_get(id)?;
        let moved =
            tenant.store().telegram_session_move(id, TelegramSessionState::Active, None, self.now())?;
        if moved && let Some(session) = tenant.store().telegram_session_find(id)? {
            self.account_open(tenant.id(), session)?;
        }
        self.telegram_session_moved(&tenant, id, moved)
    }

    /// Ends a session at Telegram, as far as Telegram can be reached, and wipes it here in any case.
    pub fn telegram_session_revoke(&self, id: Uuid, reason: &str) -> Result<TelegramSessionView, Error> {
        let (tenant, session) = self.telegram_session_get(id)?;
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

    /// Seals and stores a new session; the one the member had is closed and replaced.
    pub(in crate::app) fn session_store(
        &self,
        tenant: &Tenant,
        member: MembershipId,
        telegram_id: i64,
        login_id: Option<String>,
        session: &AccountSession,
    ) -> Result<TelegramSession, Error> {
        let sealed = self.telegram.keyring.seal(&session.snapshot())?;
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
        self.account_close(member);
        tenant.store().telegram_session_insert(row.clone(), sealed.bytes)?;
        Ok(row)
    }

    /// The sealing keys, the one in use last, and how many sessions each has sealed.
    pub fn seal_key_list(&self) -> Result<Vec<(String, usize)>, Error> {
        let mut sealed = Vec::new();
        for tenant in self.telegram_tenants(None)? {
            let in_use = tenant.store().telegram_session_list()?;
            sealed.extend(in_use.into_iter().filter_map(|session| session.key_id));
        }
        let ids = self.telegram.keyring.ids().into_iter();
        Ok(ids
            .map(|id| {
                let count = sealed.iter().filter(|key| **key == id).count();
                (id, count)
            })
            .collect())
    }

    /// Makes a new sealing key and seals every session anew. Returns the key's id and how many sessions.
    pub fn seal_key_rotate(&self) -> Result<(String, usize), Error> {
        let id = self.telegram.keyring.rotate()?;
        let mut count = 0;
        for tenant in self.telegram_tenants(None)? {
            for session in tenant.store().telegram_session_list()? {
                let Some((key_id, bytes)) = tenant.store().telegram_session_sealed(session.id)? else {
                    continue;
                };
                let plain = self.telegram.keyring.open_sealed(&seal::Sealed { key_id, bytes })?;
                let sealed = self.telegram.keyring.seal(&plain)?;
                let (store, now) = (tenant.store(), self.now());
                count += usize::from(store.telegram_session_save(
                    session.id,
                    session.dc,
                    sealed.bytes,
                    sealed.key_id,
                    now,
                )?);
            }
        }
        self.log_system(
            "info",
            format!("sessions are sealed with key {id} from now on; {count} were sealed anew"),
        )?;
        Ok((id, count))
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

    /// Closes a session's connection and ends it at Telegram; `false` if Telegram could not be told.
    fn session_log_out(&self, tenant: &Tenant, session: &TelegramSession) -> bool {
        let open = self.account_take(session.membership_id).map(|connection| (connection, None));
        let open = open.or_else(|| {
            let (connection, events) = self.connect_for_now(tenant, session.id).ok()?;
            Some((connection, Some(events)))
        });
        open.is_some_and(|(connection, _events)| {
            let Ok(tasks) = self.tasks() else { return false };
            tasks.block_on(async {
                let told = connection.log_out().await.is_ok();
                connection.close().await;
                told
            })
        })
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
