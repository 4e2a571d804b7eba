//! Telegram accounts of members: keeping them connected, their sessions sealed and up to date, and noticing when one is over.
//!
//! [`App::telegram_start`] gives the tasks a runtime and connects every active session; until then, and in commands that run
//! alone, connections are made for one act on a small runtime of this module. A session's row and its sealed bytes change in one
//! transaction. A crash loses what changed in a session within the last seconds: hashes that are asked again, update positions
//! that are behind, never ahead. The tasks
//! of logins and sessions hold the appliance weakly; those that read end with [`App::telegram_stop`].

mod keeper;
pub mod own;
mod sessions;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use sessions::TelegramSessionView;

use super::{App, Error, ErrorCode, reading::ReaderSettings, sealed::SealedKind};
use crate::{
    config::Config,
    lifecycle::Tasks,
    model::{MembershipId, TenantId},
    seal::{self, Keyring},
    store::TelegramSession,
    telegram::{
        account::{self, AccountEvent, ConnectSettings, Connection, Datacenter},
        session::AccountSession,
    },
};

/// What the appliance knows of Telegram.
pub(super) struct Telegram {
    /// `None`: `telegram.api_id` is not set.
    settings: Option<Arc<ConnectSettings>>,
    pub(super) keyring: Keyring,
    started: OnceLock<Started>,
    own_runtime: OnceLock<tokio::runtime::Runtime>,
    accounts: Mutex<HashMap<MembershipId, Account>>,
    pub(super) logins: super::login::Logins,
}

/// The service's runtime, and the way back to the appliance.
#[derive(Clone)]
pub(super) struct Started {
    pub(super) tasks: Tasks,
    pub(super) app: Weak<App>,
    pub(super) stop: CancellationToken,
}

/// A connected account.
struct Account {
    tenant: TenantId,
    session: TelegramSession,
    connection: Connection,
}

/// A connected account, for whoever reads channels with it.
#[derive(Debug, Clone)]
pub struct AccountHandle {
    pub tenant: TenantId,
    pub member: MembershipId,
    pub telegram_id: i64,
    /// When its session was made: a fresh one begins slowly.
    pub session_since: jiff::Timestamp,
    pub connection: Connection,
}

impl Telegram {
    pub(super) fn open(config: &Config) -> Result<Self, Error> {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
        let credential = credentials.map(|dir| Path::new(&dir).join(seal::CREDENTIAL));
        let keyring = Keyring::open(&config.keys_dir().join("seal"), credential.as_deref())?;
        Ok(Self {
            settings: settings(config).map(Arc::new),
            keyring,
            started: OnceLock::new(),
            own_runtime: OnceLock::new(),
            accounts: Mutex::new(HashMap::new()),
            logins: super::login::Logins::default(),
        })
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<MembershipId, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn settings(config: &Config) -> Option<ConnectSettings> {
    let telegram = &config.telegram;
    let application = telegram.application.as_ref()?;
    let datacenters = telegram.datacenters.iter().map(|dc| Datacenter {
        id: dc.id,
        address: dc.address,
        secret: Some(dc.secret),
    });
    Some(ConnectSettings {
        api_id: application.id,
        api_hash: application.hash.expose().to_owned(),
        device_model: telegram.device_model.clone(),
        system_version: telegram.system_version.clone(),
        app_version: telegram.app_version.clone(),
        request_timeout: telegram.request_timeout,
        datacenters: datacenters.collect(),
    })
}

impl From<seal::Error> for Error {
    fn from(error: seal::Error) -> Self {
        Error::Unavailable(error.to_string())
    }
}

impl From<account::Error> for Error {
    fn from(error: account::Error) -> Self {
        Error::Unavailable(error.to_string())
    }
}

impl App {
    /// Whether accounts are being used in this process.
    pub(super) fn telegram_is_started(&self) -> bool {
        self.telegram.started.get().is_some()
    }

    /// Connects every active session and goes on with the logins that can. Call it once; tasks run on this runtime.
    pub fn telegram_start(self: &Arc<Self>, tasks: Tasks) -> Result<(), Error> {
        let started = Started { tasks, app: Arc::downgrade(self), stop: CancellationToken::new() };
        if self.telegram.started.set(started).is_err() {
            return Err(Error::Conflict("Telegram accounts are started already".to_owned()));
        }
        if self.telegram.settings.is_none() {
            tracing::info!("telegram.api_id is not set; no account is connected");
            return Ok(());
        }
        self.logins_resume()?;
        for row in self.tenant_list()? {
            // A tenant that cannot be opened is doctor's matter; the others' accounts connect.
            let Ok(tenant) = self.tenant_open(&row) else { continue };
            for session in tenant.store().telegram_session_list()? {
                if session.state == crate::store::TelegramSessionState::Active
                    && let Err(error) = self.account_open(row.id, session)
                {
                    tracing::error!(%error, tenant = row.slug, "an account cannot be connected");
                }
            }
        }
        Ok(())
    }

    /// Ends all tasks; sessions that changed are written first. Blocks.
    pub fn telegram_stop(&self) {
        if let Some(started) = self.telegram.started.get() {
            started.stop.cancel();
        }
        let accounts: Vec<Account> = self.telegram.accounts().drain().map(|(_, account)| account).collect();
        for account in accounts {
            if let Err(error) =
                self.session_save(account.tenant, account.session.id, account.connection.session())
            {
                tracing::warn!(%error, "an account's session could not be written at the end");
            }
        }
    }

    /// The connected account of a member.
    pub fn account_find(&self, member: MembershipId) -> Option<AccountHandle> {
        self.telegram.accounts().get(&member).map(|account| handle(member, account))
    }

    /// All connected accounts.
    pub fn account_list(&self) -> Vec<AccountHandle> {
        let accounts = self.telegram.accounts();
        accounts.iter().map(|(member, account)| handle(*member, account)).collect()
    }

    /// The settings, or why there are none.
    pub(super) fn telegram_settings(&self) -> Result<&Arc<ConnectSettings>, Error> {
        self.telegram.settings.as_ref().ok_or_else(|| {
            Error::refused(
                ErrorCode::TelegramNotConfigured,
                "telegram.api_id and telegram.api_hash are not set; take them from my.telegram.org and restart",
            )
        })
    }

    /// The service's runtime; `None` outside of it.
    pub(super) fn telegram_started(&self) -> Option<&Started> {
        self.telegram.started.get()
    }

    /// A runtime: the service's, or one for a command that runs alone.
    fn tasks(&self) -> Result<Tasks, Error> {
        if let Some(started) = self.telegram.started.get() {
            return Ok(started.tasks.clone());
        }
        if self.telegram.own_runtime.get().is_none() {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .map_err(|error| Error::Unavailable(format!("start the async runtime: {error}")))?;
            // Another command may have been faster; one runtime is enough.
            let _ = self.telegram.own_runtime.set(runtime);
        }
        let runtime = self.telegram.own_runtime.get();
        let runtime = runtime.ok_or_else(|| Error::Unavailable("no async runtime".to_owned()))?;
        Ok(Tasks::new(runtime.handle().clone()))
    }

    /// Connects a session. In a command that runs alone nothing is connected.
    pub(super) fn account_open(&self, tenant: TenantId, session: TelegramSession) -> Result<(), Error> {
        let Some(started) = self.telegram_started().filter(|started| !started.stop.is_cancelled()) else {
            return Ok(());
        };
        let settings = self.telegram_settings()?;
        let member = session.membership_id;
        let live = Arc::new(self.session_unseal(tenant, session.id)?);
        let (connection, events) = Connection::account(Arc::clone(&live), settings, &started.tasks)?;
        let account = Account { tenant, session: session.clone(), connection: connection.clone() };
        self.telegram.accounts().insert(member, account);
        self.account_read(tenant, &session, connection.clone(), events, started);
        let keeper = keeper::Keeper {
            app: Weak::clone(&started.app),
            tasks: started.tasks.clone(),
            stop: started.stop.clone(),
            tenant,
            session,
        };
        started.tasks.spawn(keeper.keep(live, connection.state()));
        tracing::info!(%member, "a Telegram account is connected");
        Ok(())
    }

    /// Lets a connected account read the channels its user follows, until its events end.
    fn account_read(
        &self,
        tenant: TenantId,
        session: &TelegramSession,
        connection: Connection,
        events: mpsc::Receiver<AccountEvent>,
        started: &Started,
    ) {
        let Some(app) = started.app.upgrade() else { return };
        let settings = ReaderSettings {
            requests_per_minute: self.config.telegram.requests_per_minute,
            session_since: session.created_at,
        };
        let (member, client, tasks) = (session.membership_id, Arc::new(connection), started.tasks.clone());
        let reader = app.reader_open(tenant, member, client, tasks, settings);
        let stop = started.stop.clone();
        started.tasks.spawn(async move {
            tokio::select! { () = stop.cancelled() => app.reader_close(&reader), () = reader.run(&app, events) => {} }
        });
    }

    /// Takes a member's connection away and closes it; its session is written first. Blocks; not for the async runtime.
    pub(super) fn account_close(&self, member: MembershipId) {
        if let (Some(connection), Ok(tasks)) = (self.account_take(member), self.tasks()) {
            tasks.block_on(connection.close());
        }
    }

    /// Takes a member's connection away, still open; its session is written first, and whoever read with it writes no more.
    fn account_take(&self, member: MembershipId) -> Option<Connection> {
        let account = self.telegram.accounts().remove(&member)?;
        self.reader_shut(account.tenant, member);
        if let Err(error) =
            self.session_save(account.tenant, account.session.id, account.connection.session())
        {
            tracing::warn!(%error, "an account's session could not be written");
        }
        Some(account.connection)
    }

    /// Forgets a connection whose session is over.
    pub(super) fn account_forget(&self, member: MembershipId, session: Uuid) {
        let mut accounts = self.telegram.accounts();
        if accounts.get(&member).is_some_and(|account| account.session.id == session) {
            accounts.remove(&member);
        }
    }

    /// Seals a session's present state into its row; `false` if it is over.
    pub(super) fn session_save(
        &self,
        tenant: TenantId,
        id: Uuid,
        session: &AccountSession,
    ) -> Result<bool, Error> {
        let Some(tenant) = self.tenant_by_id(tenant)? else { return Ok(false) };
        let sealed = self.seal(SealedKind::TelegramSession, &session.snapshot())?;
        let dc = session.home_dc();
        Ok(tenant.store().telegram_session_save(id, dc, sealed.bytes, sealed.key_id, self.now())?)
    }

    fn session_unseal(&self, tenant: TenantId, id: Uuid) -> Result<AccountSession, Error> {
        let gone = || Error::NotFound(format!("no session {id} that is in use"));
        let tenant = self.tenant_by_id(tenant)?.ok_or_else(gone)?;
        let (key_id, bytes) = tenant.store().telegram_session_sealed(id)?.ok_or_else(gone)?;
        let plain = self.telegram.keyring.open_sealed(&seal::Sealed { key_id, bytes })?;
        AccountSession::restore(&plain, self.telegram_settings()?)
            .map_err(|error| Error::Unavailable(error.to_string()))
    }
}

fn handle(member: MembershipId, account: &Account) -> AccountHandle {
    AccountHandle {
        tenant: account.tenant,
        member,
        telegram_id: account.session.telegram_id,
        session_since: account.session.created_at,
        connection: account.connection.clone(),
    }
}
