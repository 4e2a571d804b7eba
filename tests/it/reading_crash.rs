//! Reading killed at random, and reading while posts come live: nothing lost, nothing twice, nobody waits.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use jiff::SignedDuration;
use tga::{
    app::{admissions::Admittance, audit::Origin, invites::NewInvite, reading::Step},
    model::{ChannelId, Role},
    pipeline::{Engine, drain},
    store::{Profile, RangeKind, Subscription},
};

use crate::{
    support::{
        dc::{FIRST_DC, TestDc},
        reading::{ALL, World},
        wait_for,
    },
    support_faults::{Appliance, Random, texts},
};

/// Channels and posts of each; the whole measure with `TGA_KILLS`.
const SIZE_DEFAULT: (i64, i32) = (4, 320);
const SIZE_WHOLE: (i64, i32) = (20, 2000);
/// The same for the service, which also works on what it reads.
const SIZE_SERVICE_DEFAULT: (i64, i32) = (20, 200);
/// How often the reading dies.
const KILLS: u64 = 20;
/// Live posts whose way to a hit is measured.
const LIVE_POSTS: usize = 40;
/// A live post is found within this, in 99 of 100 cases.
const LIVE_MAX: Duration = Duration::from_secs(2);

/// What is claimed to have been read is stored: every covered id that the server has a post for is here.
fn assert_never_ahead(world: &World, channel: ChannelId, number: i64) {
    let covered = world.app.tenant().store().ledger_ranges(channel, RangeKind::Covered).unwrap();
    let here = world.app.tenant().store().messages_here(channel, (1, i64::MAX)).unwrap();
    for id in world.served(number).keys() {
        let claimed = covered.iter().any(|range| (range.0..=range.1).contains(id));
        assert!(
            !claimed || here.binary_search(id).is_ok(),
            "{id} of channel {number} is claimed and not here"
        );
    }
}

#[test]
fn twenty_kills_while_reading_lose_nothing_and_double_nothing() {
    let (channels, posts) = if std::env::var_os("TGA_KILLS").is_some() { SIZE_WHOLE } else { SIZE_DEFAULT };
    let mut world = World::new();
    let member = world.person(1);
    let tenant = world.app.tenant();
    let rows: Vec<(i64, ChannelId)> = (0..channels)
        .map(|n| {
            let (number, name) = (100 + n, format!("channel_{n}"));
            world.channel(number, &name, posts);
            // As if each had been looked up before; the tier's limit is another test's.
            let row = tenant
                .store()
                .channel_upsert(None, Some(name), String::new(), world.app.app().now())
                .unwrap();
            let created_at = world.app.app().now();
            let subscription =
                Subscription { membership: member.id, channel: row, depth_days: None, created_at };
            tenant.store().subscription_add(subscription, 1000).unwrap();
            (number, row)
        })
        .collect();
    drop(tenant);
    // A look-up, the newest page and the rest of each, told from a run that nobody disturbs.
    let steps = (channels * (2 + i64::from(posts) / 100)) as u64;
    let mut random = Random(7);
    let mut dies_after: Vec<u64> = (0..KILLS).map(|_| 1 + random.below(steps / KILLS * 2)).collect();
    let mut deaths = 0;
    let mut account = world.connect(&member);
    loop {
        let budget = dies_after.pop();
        let mut done = 0;
        let finished = loop {
            if budget.is_some_and(|budget| done >= budget) {
                break false;
            }
            match world.step(&account) {
                Step::Worked => done += 1,
                Step::WaitUntil(until) => {
                    let wait = until.duration_since(world.app.app().now());
                    if wait > SignedDuration::from_secs(10) {
                        break true;
                    }
                    world.app.advance(wait.max(SignedDuration::from_millis(1)));
                }
                Step::Ended(reason) => panic!("{reason:?}"),
            }
        };
        if finished {
            break;
        }
        // Dead: nothing is flushed; what lies on the disk is all there is.
        world.runtime.block_on(account.connection.close());
        world.app.app().reader_close(&account.reader);
        drop(account);
        world.app.crash();
        deaths += 1;
        let (number, row) = rows[(deaths % channels) as usize];
        assert_never_ahead(&world, row, number);
        account = world.connect(&member);
    }
    eprintln!("{deaths} deaths, {channels} channels of {posts} posts");
    assert!(deaths >= 15, "only {deaths} deaths hit the reading");
    for (number, row) in rows {
        world.assert_equal(row, number);
        let here = world.app.tenant().store().post_count_of_channel(row).unwrap();
        assert_eq!(here, world.served(number).len() as u64, "no post twice");
    }
    drop(account);
    if channels == SIZE_DEFAULT.0 {
        world.finish();
    } else {
        world.app.allow_jobs_left();
    }
}

#[test]
fn a_live_post_is_found_within_two_seconds_while_history_is_read() {
    // A live post waits for one batch of history at most. The default batch is cut for the optimised build; this one is not.
    let mut world = World::with(&[("TGA__PIPELINE__BATCH_POSTS", "24")]);
    world.channel(10, "live_news", 20);
    world.channel(20, "long_history", 3000);
    world.dc.join(10, 1);
    let mut account = world.account(1);
    let channel = world.follow(&account, "live_news", ALL);
    world.settle(&account);
    world.events_ready(&mut account);
    world.finish();
    world.follow(&account, "long_history", ALL);
    // The service's own threads from here on, on real time: the clock is moved along with it.
    let engine = Engine::start(world.app.app(), false).unwrap();
    let (app, reader) = (Arc::clone(world.app.app()), Arc::clone(&account.reader));
    let reading = world.runtime.handle().clone();
    let events = account.events;
    let run = std::thread::spawn(move || reading.block_on(async move { reader.run(&app, events).await }));
    let mut waits = Vec::new();
    let (mut history_left, tenant) = (0, world.app.tenant());
    for n in 0..LIVE_POSTS {
        let word = format!("молния{n}");
        let started = Instant::now();
        let id = world.dc.post(10, &format!("Срочная {word} пришла"));
        wait_for("a live post to be found", || {
            world.app.advance(SignedDuration::from_millis(20));
            (world.app.found(&word) == [i64::from(id)]).then_some(())
        });
        waits.push(started.elapsed());
        let ledger = world.app.app().channel_ledger(&tenant, ChannelId(channel.0 + 1)).unwrap();
        history_left = ledger.missing.not_read;
        if n == 0 {
            assert!(!ledger.complete, "history is still being read: {ledger:?}");
        }
    }
    waits.sort_unstable();
    let p99 = waits[(waits.len() * 99).div_ceil(100) - 1];
    eprintln!(
        "live post to hit: p50 {:?}, p99 {p99:?} of {LIVE_POSTS}; {history_left} ids of history left",
        waits[waits.len() / 2]
    );
    assert!(p99 <= LIVE_MAX, "{waits:?}");
    world.runtime.block_on(account.connection.close());
    run.join().unwrap();
    drop(engine);
    drop(tenant);
    world.finish();
}

/// A user of the service: a member with a session of the kind other tools write, who follows these channels.
fn settle_in(appliance: &Appliance, dc: &TestDc, environment: &[(&str, &str)], names: &[&str]) {
    let app = appliance.open();
    let tenant = app.tenant_get("main").unwrap();
    let invite = NewInvite { role: Role::User, uses_limit: 1, expires_at: None, notes: None };
    let code = app.invite_create(tenant.id(), &invite, &Origin::operator()).unwrap().code;
    let profile =
        Profile { telegram_id: 1, username: None, first_name: None, last_name: None, language: None };
    let asked = Admittance { invite_code: Some(code), ..Admittance::default() };
    let membership = app.admit("test", profile, &asked).unwrap().member.id;
    app.admission_confirm("test").unwrap();
    for name in names {
        let (name, now) = (Some((*name).to_owned()), app.now());
        let channel = tenant.store().channel_upsert(None, name, String::new(), now).unwrap();
        let follows = Subscription { membership, channel, depth_days: None, created_at: now };
        tenant.store().subscription_add(follows, 1000).unwrap();
    }
    drop((tenant, app));
    dc.add_user(1, "Ivan", FIRST_DC);
    let key = dc.log_in(FIRST_DC, 700, 1);
    let address = dc.address(FIRST_DC);
    let bytes = [&[FIRST_DC as u8][..], &address.ip().octets(), &address.port().to_be_bytes(), &key.data];
    let file = appliance.dir().with_file_name("session");
    std::fs::write(&file, format!("1{}", URL_SAFE.encode(bytes.concat()))).unwrap();
    let mut import =
        appliance.command(&["session", "import", "--tenant", "main", file.to_str().unwrap(), "--json"]);
    let output = import.envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{:?}", texts(&output));
}

/// No id is claimed to have been read whose post is not stored; looked at while no process holds the directory.
fn assert_not_ahead(appliance: &Appliance, dc: &TestDc, names: &[String]) {
    let app = appliance.open();
    let tenant = app.tenant_get("main").unwrap();
    for (number, name) in (100..).zip(names) {
        let channel = tenant.store().channel_by_username(name).unwrap().unwrap().id;
        let covered = tenant.store().ledger_ranges(channel, RangeKind::Covered).unwrap();
        let here = tenant.store().messages_here(channel, (1, i64::MAX)).unwrap();
        for (id, _) in dc.posts(number) {
            let id = i64::from(id);
            let claimed = covered.iter().any(|range| (range.0..=range.1).contains(&id));
            assert!(!claimed || here.binary_search(&id).is_ok(), "{id} of {name} is claimed and not here");
        }
    }
}

#[test]
fn the_service_killed_while_it_reads_goes_on_at_the_message() {
    let (channels, posts) =
        if std::env::var_os("TGA_KILLS").is_some() { SIZE_WHOLE } else { SIZE_SERVICE_DEFAULT };
    let names: Vec<String> = (0..channels).map(|n| format!("channel_{n}")).collect();
    let dc = TestDc::start();
    for (number, name) in (100..).zip(&names) {
        dc.add_channel(number, Some(name), name);
        dc.fill(number, posts, crate::support::dc::now() - 60, 60, |id| format!("Ледокол {name} слово{id}"));
    }
    let environment = dc.environment();
    let mut environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    // As fast as the data centre answers, so that every kill hits the reading.
    environment.push(("TGA__TELEGRAM__REQUESTS_PER_MINUTE", "100000"));
    let appliance = Appliance::new();
    let names_short: Vec<&str> = names.iter().map(String::as_str).collect();
    settle_in(&appliance, &dc, &environment, &names_short);
    // Dies by itself between the two stores, then at random moments.
    for point in ["after_store_commit:1", "after_store_commit:2"] {
        let armed = [&environment[..], &[("TGA_FAIL_POINT", point)]].concat();
        let mut service = appliance.serve_with(&armed);
        service.wait();
        assert_not_ahead(&appliance, &dc, &names);
    }
    let mut random = Random(3);
    let asked = |dc: &TestDc| dc.calls_of("messages.getHistory");
    // Each life ends some pages after its first one: however slow the machine, a kill hits the reading.
    let pages = (channels * (i64::from(posts) / 100 + 2)) as u64;
    let mut kills_while_reading = 0;
    for kill in 0..KILLS {
        let before = asked(&dc);
        let mut service = appliance.serve_with(&environment);
        let lives_pages = 1 + random.below(pages / KILLS * 2) as usize;
        let (started, lives_ms) = (Instant::now(), random.below(300));
        let mut last = (before, Instant::now());
        crate::support_faults::wait_for("the moment to kill", || {
            let now = asked(&dc);
            if now != last.0 {
                last = (now, Instant::now());
            }
            // Everything is read where nothing was asked for a while.
            let idle = now > before && last.1.elapsed() > Duration::from_secs(2);
            idle || (now - before >= lives_pages && started.elapsed() >= Duration::from_millis(lives_ms))
        });
        kills_while_reading += u64::from(asked(&dc) - before >= lives_pages);
        service.kill();
        if kill % 4 == 0 {
            assert_not_ahead(&appliance, &dc, &names);
        }
    }
    let mut service = appliance.serve_with(&environment);
    for name in &names {
        crate::support_faults::wait_for("the channel to be complete", || {
            let ledger = appliance.ok(&["channel", "ledger", name, "--tenant", "main", "--json"]);
            ledger["complete"] == true && ledger["reading"]["state"] == "up_to_date"
        });
    }
    service.kill();
    let app = appliance.open();
    drain(&app).unwrap();
    let tenant = app.tenant_get("main").unwrap();
    for (number, name) in (100..).zip(&names) {
        let channel = tenant.store().channel_by_username(name).unwrap().unwrap().id;
        let served: Vec<i64> = dc.posts(number).into_iter().map(|(id, _)| i64::from(id)).collect();
        assert_eq!(tenant.store().messages_here(channel, (1, i64::MAX)).unwrap(), served, "{name}");
        assert_eq!(tenant.store().post_count_of_channel(channel).unwrap(), served.len() as u64, "{name}");
    }
    let all = channels as u64 * posts as u64;
    let counts = tenant.store().post_counts().unwrap();
    assert_eq!((counts.posts, counts.indexed), (all, all), "waiting: {:?}", app.job_list(false, 9));
    assert_eq!(app.queue_view().dead, 0);
    eprintln!(
        "{kills_while_reading} of {KILLS} kills hit the reading of {channels} channels of {posts} posts"
    );
    assert!(kills_while_reading >= KILLS / 2);
}
