//! Accounts of members against the test data centre, driven step by step under a clock that tests move.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::SignedDuration;
use tga::{
    app::{
        channels::FollowOptions,
        reading::{Reader, ReaderSettings, Step},
    },
    lifecycle::Tasks,
    model::{ChannelId, ChannelSet, Role},
    store::Member,
    telegram::{
        account::{AccountEvent, Connection},
        session::AccountSession,
    },
};

use super::{
    TestApp,
    dc::{FIRST_DC, TestDc},
};

/// Longest wait for the test data centre.
const PATIENCE: Duration = Duration::from_secs(30);
/// A wait that a test sits out by moving the clock; longer ones are what it is about.
const SHORT_WAIT: SignedDuration = SignedDuration::from_secs(10);
/// Everything there is.
pub(crate) const ALL: FollowOptions = FollowOptions { depth_days: None, join: false };

pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) dc: TestDc,
    pub(crate) runtime: tokio::runtime::Runtime,
    keys: std::cell::Cell<u64>,
}

/// A user whose account is connected.
pub(crate) struct Account {
    pub(crate) member: Member,
    pub(crate) reader: Arc<Reader>,
    pub(crate) events: tokio::sync::mpsc::Receiver<AccountEvent>,
    pub(crate) connection: Connection,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// With keys of the configuration, named as in the environment.
    pub(crate) fn with(keys: &[(&str, &str)]) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut app = TestApp::builder()
            .set("TGA__PIPELINE__QUEUE_JOBS_MAX", "200000")
            // Depth decides here, not age.
            .set("TGA__RETENTION__POSTS_DAYS", "0");
        for (name, value) in keys {
            app = app.set(name, value);
        }
        let app = app.build();
        Self { app, dc: TestDc::start(), runtime, keys: std::cell::Cell::new(0) }
    }

    pub(crate) fn now_s(&self) -> i32 {
        self.app.app().now().as_second() as i32
    }

    /// A public channel with posts `1 + 1 ..= 1 + count`, one a minute, the last of them now.
    pub(crate) fn channel(&self, id: i64, name: &str, count: i32) {
        self.dc.add_channel(id, Some(name), name);
        self.dc.fill(id, count, self.now_s() - 60, 60, |id| format!("Ледокол {name} номер слово{id}"));
    }

    pub(crate) fn person(&self, telegram_id: i64) -> Member {
        self.dc.add_user(telegram_id, "Ivan", FIRST_DC);
        self.app.member("main", telegram_id, Role::User)
    }

    /// Connects a member's account, as after a login.
    pub(crate) fn connect(&self, member: &Member) -> Account {
        let number = self.keys.get() + 1;
        self.keys.set(number);
        self.dc.log_in(FIRST_DC, number, member.profile.telegram_id);
        let settings = Arc::new(self.dc.settings(Duration::from_secs(10)));
        let session = Arc::new(AccountSession::fresh(&settings, number));
        let tasks = Tasks::new(self.runtime.handle().clone());
        let (connection, events) =
            self.runtime.block_on(async { Connection::account(session, &settings, &tasks).unwrap() });
        let since = self.app.app().now().checked_sub(SignedDuration::from_hours(48)).unwrap();
        let settings = ReaderSettings { requests_per_minute: 100_000, session_since: since };
        let client = Arc::new(connection.clone());
        let reader = self.app.app().reader_open(member.tenant_id, member.id, client, tasks, settings);
        let mut account = Account { member: member.clone(), reader, events, connection };
        self.event(&mut account);
        account
    }

    pub(crate) fn account(&self, telegram_id: i64) -> Account {
        self.connect(&self.person(telegram_id))
    }

    /// Waits for the next news and stores it.
    pub(crate) fn event(&self, account: &mut Account) {
        let event =
            self.runtime.block_on(async { tokio::time::timeout(PATIENCE, account.events.recv()).await });
        let event = event.expect("news in time").expect("a connection");
        self.runtime.block_on(account.reader.take(self.app.app(), vec![event])).unwrap();
    }

    /// Stores what has come meanwhile.
    pub(crate) fn events_ready(&self, account: &mut Account) {
        while let Ok(event) = account.events.try_recv() {
            self.runtime.block_on(account.reader.take(self.app.app(), vec![event])).unwrap();
        }
    }

    pub(crate) fn step(&self, account: &Account) -> Step {
        self.runtime.block_on(account.reader.step(self.app.app())).unwrap()
    }

    /// Steps until there is nothing to do for a while; how many requests that took.
    pub(crate) fn settle(&self, account: &Account) -> usize {
        let mut steps = 0;
        loop {
            match self.step(account) {
                Step::Worked => steps += 1,
                Step::WaitUntil(until) => {
                    let wait = until.duration_since(self.app.app().now());
                    if wait > SHORT_WAIT {
                        return steps;
                    }
                    self.app.advance(wait.max(SignedDuration::from_millis(1)));
                }
                Step::Ended(reason) => panic!("the session ended: {reason:?}"),
            }
        }
    }

    pub(crate) fn follow(&self, account: &Account, name: &str, options: FollowOptions) -> ChannelId {
        let tenant = self.app.tenant();
        self.app.app().channel_add(&tenant, &account.member, name, options).unwrap().0.id
    }

    /// The texts that are here, by message.
    pub(crate) fn stored(&self, channel: ChannelId) -> BTreeMap<i64, String> {
        let tenant = self.app.tenant();
        let store = tenant.store();
        let texts = store.messages_here(channel, (1, i64::MAX)).unwrap().into_iter().map(|id| {
            let post = store.post_by_message(channel, id).unwrap().unwrap();
            (id, store.post_find(post, &ChannelSet::All).unwrap().unwrap().text)
        });
        texts.collect()
    }

    /// The texts the server has.
    pub(crate) fn served(&self, channel: i64) -> BTreeMap<i64, String> {
        self.dc.posts(channel).into_iter().map(|(id, text)| (i64::from(id), text)).collect()
    }

    pub(crate) fn assert_equal(&self, channel: ChannelId, number: i64) {
        let (stored, served) = (self.stored(channel), self.served(number));
        let differ: Vec<_> =
            served.iter().filter(|(id, text)| stored.get(id) != Some(text)).take(5).collect();
        assert!(differ.is_empty(), "channel {number} lacks or differs in {differ:?}");
        assert_eq!(stored.len(), served.len(), "channel {number} has posts the server has not");
        let ledger = self.app.app().channel_ledger(&self.app.tenant(), channel).unwrap();
        assert!(ledger.complete, "{ledger:?}");
        assert_eq!(ledger.seen, served.len() as u64, "{ledger:?}");
        assert_eq!(
            ledger.expected,
            ledger.seen + ledger.missing.deleted + ledger.missing.service + ledger.missing.restricted,
            "every id has its reason: {ledger:?}"
        );
    }

    pub(crate) fn finish(&mut self) {
        self.app.run_pending_jobs();
    }
}
