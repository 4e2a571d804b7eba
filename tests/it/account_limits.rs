//! What keeps an account safe: every quota and budget is reached here, and what lies beyond it is refused or waits.

use axum::http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tga::{
    app::{
        ErrorCode,
        channels::FollowOptions,
        reading::{JOINS_PER_DAY_MAX, RESOLVES_PER_DAY_MAX, ReaderSettings, Step},
    },
    lifecycle::Tasks,
    store::LoginTicket,
    telegram::{account::Connection, session::AccountSession},
};

use crate::support::{
    TestApp,
    dc::{FIRST_DC, TestDc},
    reading::{ALL, World},
    wait_for,
};

#[test]
fn names_looked_up_a_day_are_counted_across_restarts_and_the_next_day_begins_anew() {
    let mut world = World::with(&[("TGA__TIERS__FREE__CHANNELS", "500")]);
    world.channel(10, "real_news", 3);
    let account = world.account(1);
    let member = account.member.clone();
    let look_up = |world: &World, name: &str| {
        world.app.app().channel_add(&world.app.tenant(), &member, name, ALL).map_err(|error| error.code())
    };
    for n in 0..RESOLVES_PER_DAY_MAX / 2 {
        assert_eq!(look_up(&world, &format!("nobody_{n}")).unwrap_err(), ErrorCode::NotFound);
    }
    // A restart forgives nothing.
    world.runtime.block_on(account.connection.close());
    world.app.app().reader_close(&account.reader);
    drop(account);
    world.app.restart();
    let account = world.connect(&member);
    for n in RESOLVES_PER_DAY_MAX / 2..RESOLVES_PER_DAY_MAX {
        assert_eq!(look_up(&world, &format!("nobody_{n}")).unwrap_err(), ErrorCode::NotFound);
    }
    let asked = world.dc.calls_of("contacts.resolveUsername");
    assert_eq!(asked, RESOLVES_PER_DAY_MAX as usize);
    let tenant = world.app.tenant();
    let refused = world.app.app().channel_add(&tenant, &member, "real_news", ALL).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::AccountLimited, "{refused}");
    assert_eq!(world.dc.calls_of("contacts.resolveUsername"), asked, "nothing more was asked");
    // The day is UTC's; the tests begin at noon.
    assert!(refused.to_string().contains("43200 s"), "{refused}");
    world.app.advance(SignedDuration::from_hours(12));
    look_up(&world, "real_news").unwrap();
    drop((tenant, account));
}

#[test]
fn joins_a_day_are_counted() {
    let world = World::with(&[("TGA__TIERS__FREE__CHANNELS", "500")]);
    for n in 0..=i64::from(JOINS_PER_DAY_MAX) {
        world.channel(100 + n, &format!("joined_{n}"), 1);
    }
    let account = world.account(1);
    let join = |n: i64| {
        let options = FollowOptions { join: true, ..ALL };
        let tenant = world.app.tenant();
        world.app.app().channel_add(&tenant, &account.member, &format!("joined_{n}"), options)
    };
    for n in 0..i64::from(JOINS_PER_DAY_MAX) {
        join(n).unwrap();
        assert!(world.dc.is_member(100 + n, 1));
    }
    let over = i64::from(JOINS_PER_DAY_MAX);
    assert_eq!(join(over).unwrap_err().code(), ErrorCode::AccountLimited);
    assert!(!world.dc.is_member(100 + over, 1));
}

#[test]
fn a_wait_for_one_method_is_obeyed_by_every_way_to_it_and_lets_the_others_go_on() {
    let mut world = World::new();
    world.channel(10, "known_news", 250);
    world.channel(20, "unknown_news", 5);
    world.dc.set_invite(20, Some("AbCdEfGh12345678"));
    let account = world.account(1);
    let channel = world.follow(&account, "known_news", ALL);
    let tenant = world.app.tenant();
    world.dc.flood("messages.checkChatInvite", 900);
    let invite = |world: &World| {
        let added = world.app.app().channel_add(&tenant, &account.member, "t.me/+AbCdEfGh12345678", ALL);
        added.map_err(|error| error.code())
    };
    assert_eq!(invite(&world).unwrap_err(), ErrorCode::AccountLimited);
    assert_eq!(invite(&world).unwrap_err(), ErrorCode::AccountLimited);
    assert_eq!(world.dc.calls_of("messages.checkChatInvite"), 1, "nothing is asked early");
    // A channel that has to be looked up waits; the one that is known is read meanwhile.
    world.dc.flood("contacts.resolveUsername", 900);
    let unknown = tenant.store().channel_upsert(
        None,
        Some("unknown_news".to_owned()),
        String::new(),
        world.app.app().now(),
    );
    let follows = tga::store::Subscription {
        membership: account.member.id,
        channel: unknown.unwrap(),
        depth_days: None,
        created_at: world.app.app().now(),
    };
    tenant.store().subscription_add(follows, 1000).unwrap();
    world.settle(&account);
    world.assert_equal(channel, 10);
    assert_eq!(
        world.dc.calls_of("contacts.resolveUsername"),
        2,
        "one for the user, one that was told to wait"
    );
    world.app.advance(SignedDuration::from_secs(900));
    world.settle(&account);
    world.assert_equal(follows_channel(&world, "unknown_news"), 20);
    drop(tenant);
    world.finish();
}

fn follows_channel(world: &World, name: &str) -> tga::model::ChannelId {
    world.app.tenant().store().channel_by_username(name).unwrap().unwrap().id
}

/// Requests that reach Telegram within simulated minutes, asked as early as the reader allows.
fn requests_within(minutes: i64, per_minute: u32, session_age: SignedDuration) -> usize {
    let mut world = World::new();
    world.channel(10, "long_history", 20_000);
    let member = world.person(1);
    world.dc.log_in(FIRST_DC, 900, 1);
    let settings = Arc::new(world.dc.settings(Duration::from_secs(10)));
    let session = Arc::new(AccountSession::fresh(&settings, 900));
    let tasks = Tasks::new(world.runtime.handle().clone());
    let (connection, events) =
        world.runtime.block_on(async { Connection::account(session, &settings, &tasks).unwrap() });
    let app = world.app.app();
    let session_since = app.now().checked_sub(session_age).unwrap();
    let client = Arc::new(connection.clone());
    let settings = ReaderSettings { requests_per_minute: per_minute, session_since };
    let reader = app.reader_open(member.tenant_id, member.id, client, tasks, settings);
    app.channel_add(&world.app.tenant(), &member, "long_history", ALL).unwrap();
    let before = world.dc.calls_of("messages.getHistory");
    let end = app.now() + SignedDuration::from_mins(minutes);
    loop {
        match world.runtime.block_on(reader.step(app)).unwrap() {
            Step::Worked => {}
            Step::WaitUntil(until) if until >= end => break,
            Step::WaitUntil(until) => {
                world.app.advance(until.duration_since(app.now()).max(SignedDuration::from_millis(1)));
            }
            Step::Ended(reason) => panic!("{reason:?}"),
        }
    }
    let asked = world.dc.calls_of("messages.getHistory") - before;
    world.runtime.block_on(connection.close());
    app.reader_close(&reader);
    drop((events, reader));
    world.app.allow_jobs_left();
    asked
}

#[test]
fn an_account_asks_as_often_as_allowed_and_a_fresh_session_begins_slowly() {
    let seasoned = requests_within(4, 30, SignedDuration::from_hours(48));
    assert!((118..=124).contains(&seasoned), "{seasoned} requests in 4 minutes of 30");
    let fresh = requests_within(4, 30, SignedDuration::ZERO);
    assert!((29..=33).contains(&fresh), "{fresh} requests of a fresh session in 4 minutes");
}

#[test]
fn logins_beyond_the_limit_are_refused_and_a_restart_does_not_begin_them() {
    let dc = TestDc::start();
    let now = Timestamp::from_second(i64::from(crate::support::dc::now())).unwrap();
    let mut app =
        TestApp::builder().at(&now.to_string()).set("TGA__TELEGRAM__LOGINS_MAX", "2").telegram(&dc).build();
    let code = crate::login::invite(&app, 0);
    let start = |app: &TestApp| {
        app.request(Method::POST, "/tg/qr/start").json(&json!({ "invite_code": code })).send()
    };
    let begun: Vec<String> =
        (0..2).map(|_| start(&app).ok()["qr_session_id"].as_str().unwrap().to_owned()).collect();
    let refused = start(&app);
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "logins_busy"));
    app.restart();
    let shown = |app: &TestApp, id: &str| app.app().login_watch(id.parse().unwrap());
    for id in &begun {
        wait_for("the code to be shown again", || shown(&app, id)?.borrow().qr_url.as_ref().map(|_| ()));
    }
    let open: Vec<LoginTicket> =
        begun.iter().filter_map(|id| shown(&app, id)).map(|now| now.borrow().ticket.clone()).collect();
    assert_eq!(open.len(), 2);
    assert_eq!(start(&app).code(), "logins_busy", "the two that went on fill the places");
    // One that ends makes room.
    app.app().login_watch(begun[0].parse().unwrap()).unwrap();
    app.advance(SignedDuration::from_mins(10));
    wait_for("the logins to end", || begun.iter().all(|id| shown(&app, id).is_none()).then_some(()));
    assert_eq!(start(&app).status, StatusCode::OK);
}
