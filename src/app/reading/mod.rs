//! Reading channels through the accounts of their followers.
//!
//! One [`Reader`] an account. Each channel is read by one of its followers' accounts, whoever else follows it; when that account's
//! session ends, the next follower's goes on at the same message. A reader does one request at a time, and beside it takes what
//! Telegram tells by itself; both end in one transaction of tenant.db, then one of the queue. The position is the ledger, so a
//! reader may die at any point and goes on exactly where the stored posts end.
//!
//! Async only around the requests; everything else blocks and runs on blocking threads.

mod apply;
mod budget;
mod event;
mod outcome;
mod page;
mod plan;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, mpsc};

use super::{App, Error, Tenant};
use crate::{
    lifecycle::Tasks,
    model::{Channel, ChannelId, MembershipId, TenantId},
    store::{ChannelPeer, FloodWait, Reading},
    telegram::{
        ChannelReference,
        account::{self, AccountEvent, ChannelAddress, EndReason, HistoryAsk, TelegramClient},
    },
};
use budget::Budget;
use outcome::Denial;
pub(super) use outcome::flood_note;
use plan::{Class, REVISIT_IDS_MAX, Work};

/// What reading a page may take: the page itself, and what it leaves out, asked for by name.
pub(super) const READ_METHODS: [&str; 2] = ["messages.getHistory", "channels.getMessages"];
/// Messages asked for at once; Telegram gives no more.
const PAGE_MESSAGES: u32 = 100;
/// An account that may not read a channel is not asked for it again for so long.
const DENIED_FOR: SignedDuration = SignedDuration::from_hours(1);
/// After being away for longer than this, what is known is looked at once more.
const REVISIT_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// What is counted by the day, as rows of `account_usage` name it.
pub(super) const RESOLVES: &str = "resolve";
pub(super) const JOINS: &str = "join";
/// Names an account may look up a day: Telegram punishes more.
pub const RESOLVES_PER_DAY_MAX: u32 = 150;
/// Channels an account may join a day.
pub const JOINS_PER_DAY_MAX: u32 = 10;
/// Pause after an error, and while the queue has no room.
const ERROR_PAUSE: SignedDuration = SignedDuration::from_secs(2);
/// Longest wait of an idle reader.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(30);
/// Events taken in one step.
const EVENTS_PER_STEP_MAX: usize = 64;

/// Whose account reads, and how.
#[derive(Debug, Clone, Copy)]
pub struct ReaderSettings {
    /// Requests an account may make a minute once its session is a day old.
    pub requests_per_minute: u32,
    /// When the session began.
    pub session_since: Timestamp,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Worked,
    /// Nothing may or need be asked before this moment.
    WaitUntil(Timestamp),
    /// The session is over: another account takes its channels.
    Ended(EndReason),
}

/// The accounts that read, of all tenants.
#[derive(Debug, Default)]
pub(super) struct Readers(Mutex<HashMap<(TenantId, MembershipId), Arc<Reader>>>);

impl Readers {
    fn lock(&self) -> MutexGuard<'_, HashMap<(TenantId, MembershipId), Arc<Reader>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, tenant: TenantId) -> Vec<Arc<Reader>> {
        let readers = self.lock();
        readers.iter().filter(|((of, _), _)| *of == tenant).map(|(_, reader)| Arc::clone(reader)).collect()
    }
}

/// One account that reads.
pub struct Reader {
    tenant: TenantId,
    membership: MembershipId,
    client: Arc<dyn TelegramClient>,
    tasks: Tasks,
    state: Mutex<State>,
    wake: Notify,
    /// Held while something is written for this account; `true`: no more is.
    shut: RwLock<bool>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("membership", &self.membership).finish_non_exhaustive()
    }
}

struct State {
    connected_at: Timestamp,
    /// This process has not been connected with this account before.
    first_connection: bool,
    budget: Budget,
    /// When each channel had its last turn.
    turns: HashMap<ChannelId, u64>,
    turn: u64,
    /// Channels this account may not read, until when.
    denied: HashMap<ChannelId, Timestamp>,
    pause_until: Option<Timestamp>,
}

/// A request that was decided on.
struct Task {
    channel: Channel,
    reading: Reading,
    ask: Ask,
}

enum Ask {
    /// The account does not know the channel yet.
    Resolve(ChannelReference),
    Read {
        address: ChannelAddress,
        work: Work,
    },
}

impl Ask {
    /// The methods of Telegram's that it may take; the first is the usual one.
    fn methods(&self) -> Vec<&'static str> {
        match self {
            Ask::Resolve(reference) => reference.lookup_methods().to_vec(),
            Ask::Read { .. } => READ_METHODS.to_vec(),
        }
    }
}

/// What planning came to.
enum Plan {
    Do(Box<Task>),
    WaitUntil(Timestamp),
}

impl App {
    /// Registers an account that is connected, to read its share of the channels its user follows.
    pub fn reader_open(
        &self,
        tenant: TenantId,
        membership: MembershipId,
        client: Arc<dyn TelegramClient>,
        tasks: Tasks,
        settings: ReaderSettings,
    ) -> Arc<Reader> {
        let now = self.now();
        let state = State {
            connected_at: now,
            first_connection: true,
            budget: Budget::new(settings.requests_per_minute, settings.session_since),
            turns: HashMap::new(),
            turn: 0,
            denied: HashMap::new(),
            pause_until: None,
        };
        let reader = Arc::new(Reader {
            tenant,
            membership,
            client,
            tasks,
            state: Mutex::new(state),
            wake: Notify::new(),
            shut: RwLock::new(false),
        });
        self.readers.lock().insert((tenant, membership), Arc::clone(&reader));
        self.readers_wake(tenant);
        reader
    }

    /// Takes an account out; its channels go to their other followers.
    pub fn reader_close(&self, reader: &Reader) {
        let key = (reader.tenant, reader.membership);
        let mut readers = self.readers.lock();
        // Its successor may be here already.
        if readers.get(&key).is_some_and(|known| std::ptr::eq(Arc::as_ptr(known), reader)) {
            readers.remove(&key);
        }
        drop(readers);
        self.readers_wake(reader.tenant);
    }

    /// Takes a user's account out for good: when this returns, nothing is being written for it, and nothing will be.
    pub(super) fn reader_shut(&self, tenant: TenantId, membership: MembershipId) {
        if let Some(reader) = self.reader_of(tenant, membership) {
            *reader.shut.write().unwrap_or_else(PoisonError::into_inner) = true;
            self.reader_close(&reader);
        }
    }

    /// The account of a user, if it is connected.
    pub fn reader_of(&self, tenant: TenantId, membership: MembershipId) -> Option<Arc<Reader>> {
        self.readers.lock().get(&(tenant, membership)).cloned()
    }

    /// Something changed in what a tenant's accounts have to read.
    pub(super) fn readers_wake(&self, tenant: TenantId) {
        for reader in self.readers.of(tenant) {
            reader.wake.notify_one();
        }
    }

    fn reader_tenant(&self, tenant: TenantId) -> Result<Arc<Tenant>, Error> {
        self.tenant_by_id(tenant)?.ok_or_else(|| Error::NotFound(format!("no tenant {tenant}")))
    }
}

impl Reader {
    pub fn membership(&self) -> MembershipId {
        self.membership
    }

    pub(super) fn client(&self) -> &Arc<dyn TelegramClient> {
        &self.client
    }

    pub(super) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads until the session is over or the account's events end.
    pub async fn run(self: &Arc<Self>, app: &Arc<App>, events: mpsc::Receiver<AccountEvent>) {
        tokio::select! {
            () = self.listen(app, events) => {}
            () = self.work(app) => {}
        }
        app.reader_close(self);
    }

    async fn listen(self: &Arc<Self>, app: &Arc<App>, mut events: mpsc::Receiver<AccountEvent>) {
        let mut batch = Vec::new();
        while events.recv_many(&mut batch, EVENTS_PER_STEP_MAX).await > 0 {
            let taken = std::mem::take(&mut batch);
            if let Err(error) = self.take(app, taken).await {
                // What was not stored is found again by its message id.
                tracing::error!(membership = %self.membership, %error, "news of an account could not be stored");
            }
        }
    }

    async fn work(self: &Arc<Self>, app: &Arc<App>) {
        loop {
            let until = match self.step(app).await {
                Ok(Step::Worked) => continue,
                Ok(Step::WaitUntil(until)) => until,
                Ok(Step::Ended(reason)) => {
                    tracing::warn!(membership = %self.membership, reason = reason.code(), "an account's session is over");
                    return;
                }
                Err(error) => {
                    tracing::error!(membership = %self.membership, %error, "reading failed");
                    later(app.now(), ERROR_PAUSE)
                }
            };
            let wait = Duration::try_from(until.duration_since(app.now())).unwrap_or(Duration::ZERO);
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(wait.clamp(Duration::from_millis(10), IDLE_WAIT_MAX)) => {}
            }
        }
    }

    /// Stores what Telegram told.
    pub async fn take(self: &Arc<Self>, app: &Arc<App>, events: Vec<AccountEvent>) -> Result<(), Error> {
        let reader = Arc::clone(self);
        self.blocking(app, move |app| reader.events_apply(app, events)).await
    }

    /// Does the most urgent request there is.
    pub async fn step(self: &Arc<Self>, app: &Arc<App>) -> Result<Step, Error> {
        let reader = Arc::clone(self);
        let task = match self.blocking(app, move |app| reader.plan(app)).await? {
            Plan::Do(task) => task,
            Plan::WaitUntil(until) => return Ok(Step::WaitUntil(until)),
        };
        match self.ask(app, &task).await {
            Ok(()) => Ok(Step::Worked),
            Err(Failure::App(error)) => Err(error),
            Err(Failure::Telegram(account::Error::Ended(reason))) => {
                app.reader_close(self);
                Ok(Step::Ended(reason))
            }
            Err(Failure::Telegram(error)) => {
                let reader = Arc::clone(self);
                self.blocking(app, move |app| reader.failed(app, &task, &error)).await?;
                Ok(Step::Worked)
            }
        }
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        app: &Arc<App>,
        work: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (app, reader) = (Arc::clone(app), Arc::clone(self));
        let done = self.tasks.spawn_blocking(move || {
            let shut = reader.shut.read().unwrap_or_else(PoisonError::into_inner);
            if *shut {
                return Err(Error::Unavailable("the account was taken away from its reader".to_owned()));
            }
            work(&app)
        });
        let done = done.await;
        done.unwrap_or_else(|_| Err(Error::Unavailable("a step of the reader panicked".to_owned())))
    }

    async fn ask(self: &Arc<Self>, app: &Arc<App>, task: &Task) -> Result<(), Failure> {
        let (channel, reader) = (task.channel.clone(), Arc::clone(self));
        match &task.ask {
            Ask::Resolve(reference) => {
                let found = self.client.channel_resolve(reference.clone()).await?;
                self.blocking(app, move |app| reader.resolved(app, &channel, found)).await?;
            }
            Ask::Read { address, work: Work::Floor { before } } => {
                let ask = HistoryAsk { before: Some(*before), limit: 1, ..HistoryAsk::default() };
                let found = self.client.history(*address, ask).await?;
                let floor = found.first().map_or(1, |message| message.message_id + 1);
                let depth_days = task.reading.depth_days;
                self.blocking(app, move |app| {
                    let tenant = app.reader_tenant(reader.tenant)?;
                    Ok(tenant.store.reading_floor_put(channel.id, depth_days, floor)?)
                })
                .await?;
            }
            Ask::Read { address, work } => self.read_page(app, task, *address, *work).await?,
        }
        Ok(())
    }

    /// Chooses the next request.
    fn plan(&self, app: &App) -> Result<Plan, Error> {
        let now = app.now();
        if let Some(until) = self.state().pause_until.filter(|until| *until > now) {
            return Ok(Plan::WaitUntil(until));
        }
        let tenant = app.reader_tenant(self.tenant)?;
        let floods = tenant.store.flood_wait_list(now)?;
        let room = app.queue_has_room();
        let mut until = later(now, SignedDuration::from_mins(5));
        let mut wanted: Vec<(Class, u64, Reading, Work)> = Vec::new();
        for reading in self.share(app, &tenant, now)? {
            let connected_at = self.state().connected_at;
            let (class, work) = match plan::work(&reading, connected_at, now) {
                Ok(found) => found,
                Err(at) => {
                    until = until.min(at);
                    continue;
                }
            };
            if !room && class >= Class::Backfill {
                until = until.min(later(now, ERROR_PAUSE));
                continue;
            }
            let turn = self.state().turns.get(&reading.channel).copied().unwrap_or(0);
            wanted.push((class, turn, reading, work));
        }
        wanted.sort_by_key(|(class, turn, _, _)| (*class, *turn));
        for (_, _, reading, work) in wanted {
            let Some(channel) = tenant.store.channel_get(reading.channel)? else { continue };
            let ask = self.ask_for(&tenant, &channel, work)?;
            let methods = ask.methods();
            // What one method may not do yet, others need not wait for.
            if let Some(at) = flooded_until(&floods, self.membership, &methods) {
                until = until.min(at);
                continue;
            }
            return self.take_turn(app, &tenant, Task { channel, reading, ask }, methods[0]);
        }
        Ok(Plan::WaitUntil(until))
    }

    /// Counts a request that was decided on, unless the account has asked often enough.
    fn take_turn(&self, app: &App, tenant: &Tenant, task: Task, method: &'static str) -> Result<Plan, Error> {
        let now = app.now();
        let mut state = self.state();
        if let Err(at) = state.budget.take(now) {
            return Ok(Plan::WaitUntil(at));
        }
        state.turn += 1;
        let turn = state.turn;
        state.turns.insert(task.reading.channel, turn);
        drop(state);
        if matches!(task.ask, Ask::Resolve(_))
            && !tenant.store.usage_take(self.membership, RESOLVES, RESOLVES_PER_DAY_MAX, now)?
        {
            self.deny(app, tenant, &task.channel, Denial::LookupsUsedUp)?;
            return Ok(Plan::WaitUntil(now));
        }
        metrics::counter!("telegram_requests_total", "method" => method).increment(1);
        Ok(Plan::Do(Box::new(task)))
    }

    fn ask_for(&self, tenant: &Tenant, channel: &Channel, work: Work) -> Result<Ask, Error> {
        let peer = match channel.telegram_id {
            Some(id) => tenant.store.peer_find(self.membership, id)?,
            None => None,
        };
        Ok(match (peer, &channel.username, channel.telegram_id) {
            (Some(peer), _, _) => Ask::Read { address: address(&peer), work },
            (None, Some(name), _) => Ask::Resolve(ChannelReference::Name(name.clone())),
            (None, None, Some(id)) => Ask::Resolve(ChannelReference::Id(id)),
            (None, None, None) => {
                return Err(Error::Conflict(format!(
                    "channel {} has neither a name nor an id",
                    channel.title
                )));
            }
        })
    }

    /// The channels this account reads now.
    fn share(&self, app: &App, tenant: &Tenant, now: Timestamp) -> Result<Vec<Reading>, Error> {
        let live: HashMap<MembershipId, Arc<Reader>> =
            app.readers.of(self.tenant).into_iter().map(|reader| (reader.membership, reader)).collect();
        let mut followers: HashMap<ChannelId, Vec<MembershipId>> = HashMap::new();
        for (channel, membership) in tenant.store.subscription_pairs()? {
            followers.entry(channel).or_default().push(membership);
        }
        let mut share = tenant.store.reading_list()?;
        share.retain(|reading| {
            let able = |member: &&MembershipId| {
                live.get(member).is_some_and(|reader| !reader.is_denied(reading.channel, now))
            };
            let of = followers.get(&reading.channel).map(Vec::as_slice).unwrap_or_default();
            let current = reading.reader.as_ref().filter(|reader| of.contains(reader)).filter(able);
            current.or_else(|| of.iter().find(able)) == Some(&self.membership)
        });
        Ok(share)
    }

    fn is_denied(&self, channel: ChannelId, now: Timestamp) -> bool {
        self.state().denied.get(&channel).is_some_and(|until| *until > now)
    }
}

fn address(peer: &ChannelPeer) -> ChannelAddress {
    ChannelAddress { telegram_id: peer.telegram_id, access_hash: peer.access_hash }
}

/// Until when an account is to leave one of these methods alone; `None`: it may call them all.
pub(super) fn flooded_until(
    floods: &[FloodWait],
    membership: MembershipId,
    methods: &[&str],
) -> Option<Timestamp> {
    let mine = floods.iter().filter(|wait| wait.membership == membership);
    mine.filter(|wait| methods.contains(&wait.method.as_str())).map(|wait| wait.until).max()
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(now)
}

/// Why a request came to nothing.
enum Failure {
    App(Error),
    Telegram(account::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::App(error)
    }
}

impl From<account::Error> for Failure {
    fn from(error: account::Error) -> Self {
        Failure::Telegram(error)
    }
}
