//! An account's connection against the test data centre: it comes back by itself, waits for nothing for ever, and ends when the
//! session is over.

use std::{sync::Arc, time::Duration};

use tga::{
    lifecycle::Tasks,
    telegram::{
        account::{AccountEvent, Connection, ConnectionState, EndReason, Error, TelegramClient as _},
        session::AccountSession,
    },
};

use crate::support::dc::{FIRST_DC, Fault, TestDc};

const IVAN: i64 = 100_200_300;
/// How long one request may take here.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait for something in this process.
const PATIENCE: Duration = Duration::from_secs(30);

/// A data centre with one user who is logged in with key number 1, and a runtime.
fn world() -> (TestDc, tokio::runtime::Runtime) {
    let dc = TestDc::start();
    dc.add_user(IVAN, "Ivan", FIRST_DC);
    dc.log_in(FIRST_DC, 1, IVAN);
    (dc, tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

type Account = (Connection, tokio::sync::mpsc::Receiver<AccountEvent>);

fn account(dc: &TestDc, number: u64) -> Result<Account, Error> {
    let settings = Arc::new(dc.settings(REQUEST_TIMEOUT));
    let session = Arc::new(AccountSession::fresh(&settings, number));
    Connection::account(session, &settings, &Tasks::new(tokio::runtime::Handle::current()))
}

/// The profile, tried again while the connection is being made anew.
async fn me_eventually(connection: &Connection) -> i64 {
    let asked = async {
        loop {
            match connection.me().await {
                Ok(me) => return me.telegram_id,
                Err(error) => assert!(error.is_broken_connection(), "{error}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("an answer")
}

#[test]
fn a_connection_comes_back_after_being_killed() {
    let (dc, runtime) = world();
    runtime.block_on(async {
        let (connection, mut events) = account(&dc, 1).unwrap();
        let me = connection.me().await.unwrap();
        assert_eq!((me.telegram_id, me.first_name.as_deref()), (IVAN, Some("Ivan")));
        assert_eq!(events.recv().await, Some(AccountEvent::Connected));
        for _ in 0..5 {
            dc.kill_connections();
            assert_eq!(me_eventually(&connection).await, IVAN);
        }
        dc.fault("users.getUsers", Fault::Kill);
        assert_eq!(connection.me().await.map(|me| me.telegram_id), Ok(IVAN), "sent again by itself");
    });
    let names = &dc.clients()[0];
    assert_eq!(
        (names.api_id, names.device_model.as_str(), names.app_version.as_str()),
        (12345, "Test device", "2")
    );
}

#[test]
fn a_request_without_an_answer_ends_in_time_and_the_connection_is_renewed() {
    let (dc, runtime) = world();
    runtime.block_on(async {
        let (connection, _events) = account(&dc, 1).unwrap();
        connection.me().await.unwrap();
        let (_, before) = dc.connections();
        dc.fault("users.getUsers", Fault::NoAnswer);
        let timed_out = connection.me().await;
        assert_eq!(timed_out, Err(Error::Timeout { method: "users.getUsers", seconds: 2 }));
        assert_eq!(me_eventually(&connection).await, IVAN);
        assert!(dc.connections().1 > before, "over a new connection");
    });
}

#[test]
fn a_server_that_is_not_there_is_waited_for() {
    let (dc, runtime) = world();
    let settings = Arc::new(dc.settings(REQUEST_TIMEOUT));
    drop(dc);
    runtime.block_on(async {
        let session = Arc::new(AccountSession::fresh(&settings, 1));
        let tasks = Tasks::new(tokio::runtime::Handle::current());
        let (connection, _events) = Connection::account(session, &settings, &tasks).unwrap();
        let asked = connection.me().await.unwrap_err();
        assert!(asked.is_broken_connection(), "{asked}");
        let mut state = connection.state();
        state.wait_for(|state| *state == ConnectionState::Waiting).await.unwrap();
    });
}

#[test]
fn a_wait_that_telegram_asks_for_is_the_callers() {
    let (dc, runtime) = world();
    runtime.block_on(async {
        let (connection, _events) = account(&dc, 1).unwrap();
        connection.me().await.unwrap();
        let before = dc.calls_of("users.getUsers");
        dc.flood("users.getUsers", 300);
        let refused = connection.me().await;
        assert_eq!(refused, Err(Error::FloodWait { method: "users.getUsers", seconds: 300 }));
        assert_eq!(dc.calls_of("users.getUsers"), before + 1, "nothing was tried on its own");
    });
}

#[test]
fn a_server_that_makes_the_library_panic_costs_one_connection_only() {
    let (dc, runtime) = world();
    runtime.block_on(async {
        dc.turn_hostile();
        let (connection, _events) = account(&dc, 1).unwrap();
        assert!(connection.me().await.unwrap_err().is_broken_connection());
        dc.heal();
        assert_eq!(me_eventually(&connection).await, IVAN);
    });
}

#[test]
fn a_session_that_is_over_says_why_and_stops() {
    for (code, name, reason) in [
        (401, "SESSION_REVOKED", EndReason::Revoked),
        (401, "AUTH_KEY_UNREGISTERED", EndReason::Unregistered),
        (401, "USER_DEACTIVATED_BAN", EndReason::Deactivated),
        (406, "AUTH_KEY_DUPLICATED", EndReason::Duplicated),
    ] {
        let (dc, runtime) = world();
        runtime.block_on(async {
            let (connection, mut events) = account(&dc, 1).unwrap();
            connection.me().await.unwrap();
            // Nobody asks anything: the account notices by itself when its connection is made again.
            dc.revoke(IVAN, code, name);
            let mut state = connection.state();
            let ended = state.wait_for(|state| matches!(state, ConnectionState::Ended(_)));
            let ended = *tokio::time::timeout(PATIENCE, ended).await.expect("noticed").unwrap();
            assert_eq!(ended, ConnectionState::Ended(reason), "{name}");
            assert_eq!(connection.me().await, Err(Error::Ended(reason)));
            while events.recv().await.is_some() {}
        });
    }
}

#[test]
fn an_unknown_key_is_no_session() {
    let (dc, runtime) = world();
    let other = TestDc::start();
    runtime.block_on(async {
        let settings = Arc::new(dc.settings(REQUEST_TIMEOUT));
        let foreign = AccountSession::fresh(&other.settings(REQUEST_TIMEOUT), 1);
        let session = AccountSession::restore(&foreign.snapshot(), &settings).unwrap();
        let tasks = Tasks::new(tokio::runtime::Handle::current());
        let (connection, _events) = Connection::account(Arc::new(session), &settings, &tasks).unwrap();
        let mut state = connection.state();
        let ended = state.wait_for(|state| matches!(state, ConnectionState::Ended(_)));
        let ended = *tokio::time::timeout(PATIENCE, ended).await.expect("noticed").unwrap();
        assert_eq!(ended, ConnectionState::Ended(EndReason::Unregistered));
    });
}

#[test]
fn a_key_is_used_by_one_connection_at_a_time() {
    let (dc, runtime) = world();
    runtime.block_on(async {
        let (connection, _events) = account(&dc, 1).unwrap();
        connection.me().await.unwrap();
        assert_eq!(account(&dc, 1).err(), Some(Error::InUse));
        connection.close().await;
        let (again, _events) = account(&dc, 1).unwrap();
        assert_eq!(again.me().await.unwrap().telegram_id, IVAN);
        drop(again);
    });
}

#[test]
fn a_snapshot_goes_on_where_the_session_stood() {
    let (dc, runtime) = world();
    runtime.block_on(async {
        let (connection, _events) = account(&dc, 1).unwrap();
        connection.me().await.unwrap();
        let settings = Arc::new(dc.settings(REQUEST_TIMEOUT));
        let snapshot = connection.session().snapshot();
        connection.close().await;
        let session = Arc::new(AccountSession::restore(&snapshot, &settings).unwrap());
        let tasks = Tasks::new(tokio::runtime::Handle::current());
        let (again, _events) = Connection::account(session, &settings, &tasks).unwrap();
        assert_eq!(again.me().await.unwrap().telegram_id, IVAN);
        again.log_out().await.unwrap();
        assert_eq!(dc.logins(IVAN), 0);
    });
}
