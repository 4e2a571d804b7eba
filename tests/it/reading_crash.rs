//! Reading killed at random, and reading while posts come live: nothing lost, nothing twice, nobody waits.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::SignedDuration;
use tga::{app::reading::Step, model::ChannelId, pipeline::Engine, store::RangeKind};

use crate::{
    support::{
        reading::{ALL, World},
        wait_for,
    },
    support_faults::Random,
};

/// Channels and posts of each; the whole measure with `TGA_KILLS`.
const SIZE_DEFAULT: (i64, i32) = (4, 320);
const SIZE_WHOLE: (i64, i32) = (20, 2000);
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
            let subscription = tga::store::Subscription {
                membership: member.id,
                channel: row,
                depth_days: None,
                created_at,
            };
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
