//! One account's connection: supervised, under timeouts, made again when it breaks.
//!
//! A task owns the library's pool. It makes the pool, asks for a sign of life, and replaces the pool when a request times out,
//! the library panics or the connection stays silent; between tries it waits longer and longer, with jitter. The library connects
//! inside its request loop and has no timeouts of its own, so every request here has one. A key is used by one connection of
//! this process at most (Telegram ends sessions that are used twice). When the last handle is dropped the task ends.

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use grammers_client::Client;
use grammers_mtsender::{ConnectionParams, NoRetries, SenderPool};
use grammers_tl_types as tl;
use sha2::{Digest as _, Sha256};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    ConnectSettings, EndReason, Error, error, login,
    updates::{self, AccountEvent},
};
use crate::{lifecycle::Tasks, telegram::session::AccountSession};

/// Longest pause between two tries to connect.
const PAUSE_MAX: Duration = Duration::from_mins(5);
/// The first pause; each failure in a row doubles it.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// A connection that lasted this long counts as one that worked.
const STEADY_AFTER: Duration = Duration::from_mins(1);
/// How often a silent connection is asked for a sign of life.
const HEALTH_EVERY: Duration = Duration::from_mins(1);
/// How often a request is sent over a fresh connection after its connection broke.
const TRIES_MAX: u32 = 3;
/// How often in a row the server may not know the key before the session counts as over.
const KEY_UNKNOWN_MAX: u32 = 3;
/// Updates the library holds for us; more are dropped by it and found again by their message ids.
const UPDATES_HELD_MAX: usize = 4096;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    Connecting,
    Up,
    /// It broke; the next try comes after a pause.
    Waiting,
    /// The session is over for good.
    Ended(EndReason),
    Closed,
}

/// A handle to a connection. The connection closes when the last handle is gone.
#[derive(Debug, Clone)]
pub struct Connection {
    inner: Arc<Inner>,
    _close: Arc<DropGuard>,
}

pub(super) struct Inner {
    pub(super) session: Arc<AccountSession>,
    pub(super) settings: Arc<ConnectSettings>,
    pub(super) tasks: Tasks,
    state: watch::Sender<ConnectionState>,
    live: Mutex<Option<Live>>,
    /// Asks the task to replace the pool.
    renew: Notify,
    /// Telegram said that the code was scanned.
    pub(super) scanned: Notify,
    close: CancellationToken,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("state", &*self.state.borrow()).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Live {
    client: Client,
    generation: u64,
}

/// What a connection is for.
enum Purpose {
    /// Nobody is logged in yet; updates are only looked through for the scanned code.
    Login,
    Account(mpsc::Sender<AccountEvent>),
}

/// How one pool ended.
enum Served {
    Closed,
    Ended(EndReason),
    KeyUnknown,
    /// Telegram asks to wait, seconds.
    FloodWait(u32),
    Broken(String),
}

/// A claim on a key for as long as a connection uses it.
struct KeyClaim([u8; 32]);

static KEYS_IN_USE: LazyLock<Mutex<HashSet<[u8; 32]>>> = LazyLock::new(Mutex::default);

impl KeyClaim {
    fn take(session: &AccountSession) -> Result<Option<Self>, Error> {
        let Some(key) = session.home_key() else { return Ok(None) };
        let digest: [u8; 32] = Sha256::digest(key).into();
        let free = KEYS_IN_USE.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
        if free { Ok(Some(Self(digest))) } else { Err(Error::InUse) }
    }
}

impl Drop for KeyClaim {
    fn drop(&mut self) {
        KEYS_IN_USE.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

impl Connection {
    /// Connects an account that is logged in. What happens in its channels comes through the receiver, after
    /// [`AccountEvent::Connected`] each time a connection is made.
    pub fn account(
        session: Arc<AccountSession>,
        settings: &Arc<ConnectSettings>,
        tasks: &Tasks,
    ) -> Result<(Self, mpsc::Receiver<AccountEvent>), Error> {
        let (events, receiver) = mpsc::channel(updates::EVENTS_WAITING_MAX);
        Self::start(session, settings, tasks, Purpose::Account(events)).map(|handle| (handle, receiver))
    }

    /// Connects a session nobody is logged in with.
    pub(super) fn login(
        session: Arc<AccountSession>,
        settings: &Arc<ConnectSettings>,
        tasks: &Tasks,
    ) -> Result<Self, Error> {
        Self::start(session, settings, tasks, Purpose::Login)
    }

    fn start(
        session: Arc<AccountSession>,
        settings: &Arc<ConnectSettings>,
        tasks: &Tasks,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        let claim = KeyClaim::take(&session)?;
        let close = CancellationToken::new();
        let inner = Arc::new(Inner {
            session,
            settings: Arc::clone(settings),
            tasks: tasks.clone(),
            state: watch::Sender::new(ConnectionState::Connecting),
            live: Mutex::new(None),
            renew: Notify::new(),
            scanned: Notify::new(),
            close: close.clone(),
        });
        let task = Arc::clone(&inner);
        tasks.spawn(async move {
            task.supervise(purpose).await;
            // The key is free again before anybody hears that the connection is closed.
            drop(claim);
            task.state.send_modify(|state| {
                if !matches!(state, ConnectionState::Ended(_)) {
                    *state = ConnectionState::Closed;
                }
            });
        });
        Ok(Self { inner, _close: Arc::new(close.drop_guard()) })
    }

    /// What the connection is doing, now and later.
    pub fn state(&self) -> watch::Receiver<ConnectionState> {
        self.inner.state.subscribe()
    }

    pub fn session(&self) -> &Arc<AccountSession> {
        &self.inner.session
    }

    /// Closes the connection and waits until its key is free again.
    pub async fn close(&self) {
        self.inner.close.cancel();
        let mut state = self.inner.state.subscribe();
        // An error would mean that the task is gone, which is what is waited for.
        let _ = state
            .wait_for(|state| matches!(state, ConnectionState::Closed | ConnectionState::Ended(_)))
            .await;
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// Begins to close, without waiting.
    pub(super) fn close_soon(&self) {
        self.inner.close.cancel();
    }

    /// Sends a request that may be sent twice, and again over a fresh connection when its connection breaks.
    pub(in crate::telegram) async fn invoke<R>(&self, request: &R) -> Result<R::Return, Error>
    where
        R: tl::RemoteCall + tl::Identifiable,
    {
        let mut tries = 1;
        loop {
            match self.invoke_once(request).await {
                Err(Error::Disconnected(_)) if tries < TRIES_MAX => {
                    tokio::time::sleep(jittered(PAUSE_MIN * tries)).await;
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Sends a request once.
    pub(in crate::telegram) async fn invoke_once<R>(&self, request: &R) -> Result<R::Return, Error>
    where
        R: tl::RemoteCall + tl::Identifiable,
    {
        self.inner.invoke_once(request).await
    }
}

impl Inner {
    pub(super) async fn invoke_once<R>(&self, request: &R) -> Result<R::Return, Error>
    where
        R: tl::RemoteCall + tl::Identifiable,
    {
        let method = tl::name_for_id(R::CONSTRUCTOR_ID);
        let patience = self.settings.request_timeout;
        let late = || Error::Timeout { method, seconds: patience.as_secs() };
        let live = timeout(patience, self.live()).await.map_err(|_| late())??;
        match timeout(patience, live.client.invoke(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let error = error::read(error, method);
                if let Error::Ended(reason) = error {
                    self.end(reason);
                }
                Err(error)
            }
            Err(_) => {
                tracing::warn!(method, "Telegram did not answer in time; connecting again");
                self.renew(live.generation);
                Err(late())
            }
        }
    }

    /// The client of a connection that is up, waiting for one where there is none.
    async fn live(&self) -> Result<Live, Error> {
        let mut state = self.state.subscribe();
        loop {
            let now = *state.borrow_and_update();
            match now {
                ConnectionState::Ended(reason) => return Err(Error::Ended(reason)),
                ConnectionState::Closed => return Err(Error::Disconnected("it is closed".to_owned())),
                ConnectionState::Connecting | ConnectionState::Waiting | ConnectionState::Up => {}
            }
            if let Some(live) = self.lock_live().clone() {
                return Ok(live);
            }
            if state.changed().await.is_err() {
                return Err(Error::Disconnected("it is closed".to_owned()));
            }
        }
    }

    /// The library's client, for the one thing only it can do.
    pub(super) async fn client(&self) -> Result<Client, Error> {
        timeout(self.settings.request_timeout, self.live())
            .await
            .map_err(|_| Error::Disconnected("it is not up".to_owned()))?
            .map(|live| live.client)
    }

    fn lock_live(&self) -> std::sync::MutexGuard<'_, Option<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a new pool instead of this one; somebody else may have asked already.
    fn renew(&self, generation: u64) {
        let mut live = self.lock_live();
        if live.as_ref().is_some_and(|live| live.generation == generation) {
            *live = None;
            self.renew.notify_one();
        }
    }

    /// The session is over: every waiting and later request hears of it.
    pub(super) fn end(&self, reason: EndReason) {
        let news = self.state.send_if_modified(|state| {
            let news = !matches!(state, ConnectionState::Ended(_));
            *state = ConnectionState::Ended(reason);
            news
        });
        if news {
            self.close.cancel();
        }
    }

    fn set_state(&self, to: ConnectionState) {
        self.state.send_if_modified(|state| {
            let open = !matches!(state, ConnectionState::Ended(_)) && *state != to;
            if open {
                *state = to;
            }
            open
        });
    }

    async fn supervise(self: &Arc<Self>, purpose: Purpose) {
        let (mut failures, mut unknown, mut generation) = (0_u32, 0_u32, 0_u64);
        while !self.close.is_cancelled() {
            generation += 1;
            self.set_state(ConnectionState::Connecting);
            let started = tokio::time::Instant::now();
            let served = self.serve(&purpose, generation).await;
            *self.lock_live() = None;
            if started.elapsed() >= STEADY_AFTER {
                failures = 0;
            }
            let mut pause = jittered(PAUSE_MAX.min(PAUSE_MIN * 2_u32.saturating_pow(failures.min(16))));
            let why = match served {
                Served::Closed => return,
                Served::Ended(reason) => return self.end(reason),
                Served::KeyUnknown => {
                    unknown += 1;
                    if unknown >= KEY_UNKNOWN_MAX {
                        return self.end(EndReason::Unregistered);
                    }
                    "Telegram does not know the key".to_owned()
                }
                Served::FloodWait(seconds) => {
                    pause = Duration::from_secs(u64::from(seconds));
                    "Telegram asks to wait".to_owned()
                }
                Served::Broken(why) => {
                    unknown = 0;
                    why
                }
            };
            failures += 1;
            tracing::warn!(why, pause_ms = pause.as_millis() as u64, "an account lost its connection");
            self.set_state(ConnectionState::Waiting);
            tokio::select! { () = tokio::time::sleep(pause) => {}, () = self.close.cancelled() => return }
        }
    }

    /// Makes a pool and keeps it until it is of no more use.
    async fn serve(self: &Arc<Self>, purpose: &Purpose, generation: u64) -> Served {
        let params = ConnectionParams {
            device_model: self.settings.device_model.clone(),
            system_version: self.settings.system_version.clone(),
            app_version: self.settings.app_version.clone(),
            system_lang_code: "en".to_owned(),
            lang_code: "en".to_owned(),
            // Waits that Telegram asks for are the caller's to keep.
            retry_policy: Box::new(NoRetries),
            updates_channel_capacity: std::num::NonZeroUsize::new(UPDATES_HELD_MAX)
                .unwrap_or(std::num::NonZeroUsize::MIN),
            ..ConnectionParams::default()
        };
        let session = Arc::clone(&self.session);
        let pool = SenderPool::with_configuration(session, self.settings.api_id, params);
        let handle = pool.handle.thin.clone();
        let client = Client::new(pool.handle.clone());
        let mut runner = Stopped(self.tasks.spawn(pool.runner.run()));
        if let Err(served) = self.first_sign(purpose, &client, &mut runner).await {
            return served;
        }
        *self.lock_live() = Some(Live { client: client.clone(), generation });
        self.set_state(ConnectionState::Up);
        let reading = match purpose {
            Purpose::Login => self.tasks.spawn(updates::wait_for_scan(Arc::clone(self), pool.updates)),
            Purpose::Account(events) => {
                let reader = updates::Reader {
                    handle,
                    session: pool.handle.session,
                    connection: Arc::clone(self),
                    events: events.clone(),
                };
                self.tasks.spawn(reader.read(pool.updates))
            }
        };
        let mut reading = Stopped(reading);
        let served = self.watch(&client, &mut runner, &mut reading).await;
        client.disconnect();
        served
    }

    /// Connects by asking for a sign of life; an account also makes sure that it is logged in.
    async fn first_sign(
        &self,
        purpose: &Purpose,
        client: &Client,
        runner: &mut Stopped<()>,
    ) -> Result<(), Served> {
        let known = async {
            self.alive(client).await?;
            match purpose {
                Purpose::Login => Ok(()),
                Purpose::Account(_) => login::resume(self, client).await,
            }
        };
        tokio::select! {
            () = self.close.cancelled() => Err(Served::Closed),
            _ = &mut runner.0 => Err(Served::Broken("the library failed while connecting".to_owned())),
            () = self.renew.notified() => Err(Served::Broken("a request was not answered".to_owned())),
            known = known => match known {
                Ok(()) => Ok(()),
                Err(Error::KeyUnknown) => Err(Served::KeyUnknown),
                Err(Error::Ended(reason)) => Err(Served::Ended(reason)),
                Err(Error::FloodWait { seconds, .. }) => Err(Served::FloodWait(seconds)),
                Err(error) => Err(Served::Broken(error.to_string())),
            },
        }
    }

    /// Waits for the end of a pool.
    async fn watch(&self, client: &Client, runner: &mut Stopped<()>, reading: &mut Stopped<Error>) -> Served {
        loop {
            tokio::select! {
                () = self.close.cancelled() => return Served::Closed,
                () = self.renew.notified() => return Served::Broken("a request was not answered".to_owned()),
                ended = &mut runner.0 => {
                    let panicked = ended.is_err_and(|error| error.is_panic());
                    let why = if panicked { "the library panicked" } else { "the library stopped" };
                    return Served::Broken(why.to_owned());
                }
                ended = &mut reading.0 => return match ended {
                    Ok(Error::Ended(reason)) => Served::Ended(reason),
                    Ok(error) => Served::Broken(error.to_string()),
                    Err(_) => Served::Broken("reading updates panicked".to_owned()),
                },
                () = tokio::time::sleep(jittered(HEALTH_EVERY)) => match self.alive(client).await {
                    Ok(()) => {}
                    Err(Error::Ended(reason)) => return Served::Ended(reason),
                    Err(error) => return Served::Broken(error.to_string()),
                },
            }
        }
    }

    async fn alive(&self, client: &Client) -> Result<(), Error> {
        self.ask(client, &tl::functions::Ping { ping_id: 1 }).await.map(drop)
    }

    /// Sends a request over a client that is not everybody's yet.
    pub(super) async fn ask<R>(&self, client: &Client, request: &R) -> Result<R::Return, Error>
    where
        R: tl::RemoteCall + tl::Identifiable,
    {
        let method = tl::name_for_id(R::CONSTRUCTOR_ID);
        let patience = self.settings.request_timeout;
        match timeout(patience, client.invoke(request)).await {
            Ok(answer) => answer.map_err(|error| error::read(error, method)),
            Err(_) => Err(Error::Timeout { method, seconds: patience.as_secs() }),
        }
    }
}

/// A task that is stopped when this is dropped.
struct Stopped<T>(JoinHandle<T>);

impl<T> Drop for Stopped<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A time around the given one, so that many accounts do not act in step: half to one and a half of it.
fn jittered(around: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    around.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX))
}
