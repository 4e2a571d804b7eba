//! Channels read through accounts, against the test data centre: complete by the ledger, equal to the server after any absence,
//! within what Telegram and the tier allow.

use std::sync::{Arc, Barrier};

use jiff::SignedDuration;
use tga::{
    app::{
        ErrorCode,
        channels::{FollowOptions, ReadingState},
        reading::Step,
        search::{SearchMode, SearchRequest},
    },
    model::ChannelSet,
};

use crate::support::reading::{ALL, World};

#[test]
fn a_channel_with_holes_is_read_whole_and_the_ledger_says_why_ids_are_missing() {
    let mut world = World::new();
    world.channel(10, "rust_news", 130);
    world.dc.skip_ids(10, 40);
    world.dc.post_service(10);
    world.dc.fill(10, 30, world.now_s() - 30, 1, |id| format!("Новое слово{id}"));
    world.dc.post_with(10, "нельзя показать", |message| {
        let reason = grammers_tl_types::types::RestrictionReason {
            platform: "all".to_owned(),
            reason: "copyright".to_owned(),
            text: String::new(),
        };
        message.restriction_reason = Some(vec![reason.into()]);
    });
    let account = world.account(1);
    let channel = world.follow(&account, "https://t.me/Rust_News/5", ALL);
    world.settle(&account);
    let ledger = world.app.app().channel_ledger(&world.app.tenant(), channel).unwrap();
    assert_eq!((ledger.first_message_id, ledger.last_message_id, ledger.expected), (Some(1), 203, 203));
    assert_eq!((ledger.seen, ledger.missing.deleted), (160, 40), "{ledger:?}");
    assert_eq!((ledger.missing.service, ledger.missing.restricted, ledger.missing.not_read), (2, 1, 0));
    assert!(ledger.complete);
    assert_eq!(ledger.reading.state, ReadingState::UpToDate);
    // Named in another way it is the same channel, and costs nothing.
    let calls = world.dc.calls_of("contacts.resolveUsername");
    let tenant = world.app.tenant();
    for name in ["@RUST_news", "t.me/s/rust_news", "-1000000000010"] {
        let (card, added) = world.app.app().channel_add(&tenant, &account.member, name, ALL).unwrap();
        assert_eq!((card.id, added), (channel, false), "{name}");
    }
    assert_eq!(world.dc.calls_of("contacts.resolveUsername"), calls);
    drop(tenant);
    world.finish();
    assert_eq!(world.app.found("слово200"), [200]);
}

#[test]
fn depth_is_what_was_asked_and_can_grow() {
    let mut world = World::new();
    // A post an hour for twenty days.
    world.dc.add_channel(10, Some("hourly"), "hourly");
    world.dc.fill(10, 480, world.now_s() - 60, 3600, |id| format!("Час {id}"));
    let account = world.account(1);
    let week = FollowOptions { depth_days: Some(7), join: false };
    let channel = world.follow(&account, "hourly", week);
    world.settle(&account);
    let ledger = |world: &World| world.app.app().channel_ledger(&world.app.tenant(), channel).unwrap();
    let seven = ledger(&world);
    assert!(seven.complete && (167..=169).contains(&seven.expected), "{seven:?}");
    let deeper =
        world.app.app().channel_depth(&world.app.tenant(), account.member.id, channel, Some(14)).unwrap();
    assert_eq!(deeper.depth_days, Some(14));
    world.settle(&account);
    let fourteen = ledger(&world);
    assert!(fourteen.complete && (335..=337).contains(&fourteen.expected), "{fourteen:?}");
    world.app.app().channel_depth(&world.app.tenant(), account.member.id, channel, None).unwrap();
    world.settle(&account);
    assert_eq!(ledger(&world).expected, 481);
    world.assert_equal(channel, 10);
    world.finish();
}

#[test]
fn after_an_absence_holes_edits_and_deletions_are_the_servers() {
    let mut world = World::new();
    world.channel(10, "changing", 250);
    let mut account = world.account(1);
    world.dc.join(10, 1);
    let channel = world.follow(&account, "changing", ALL);
    world.settle(&account);
    world.assert_equal(channel, 10);
    world.finish();
    // Away. More happens than the server's log of updates tells.
    let member = account.member.clone();
    world.runtime.block_on(account.connection.close());
    world.app.app().reader_close(&account.reader);
    drop(account);
    world.dc.edit_silently(10, 20, |message| message.message = "исправлено давно".to_owned());
    world.dc.edit_silently(10, 240, |message| message.message = "исправлено недавно".to_owned());
    world.dc.delete_silently(10, &[5, 6, 7, 100, 251]);
    world.dc.skip_ids(10, 15);
    world.dc.fill(10, 150, world.now_s() + 600, 1, |id| format!("Пока никого не было слово{id}"));
    world.dc.post_service(10);
    world.dc.delete_silently(10, &[300]);
    world.app.advance(SignedDuration::from_hours(1));
    account = world.connect(&member);
    world.settle(&account);
    world.events_ready(&mut account);
    world.settle(&account);
    world.assert_equal(channel, 10);
    world.finish();
    assert_eq!(world.app.found("исправлено").len(), 2);
    // What is said while connected: new, edited, gone.
    let id = world.dc.post(10, "Срочно: маяк погас");
    world.event(&mut account);
    world.finish();
    assert_eq!(world.app.found("маяк"), [i64::from(id)]);
    world.dc.edit(10, id, "Срочно: буй погас");
    world.event(&mut account);
    world.finish();
    assert_eq!((world.app.found("маяк"), world.app.found("буй")), (vec![], vec![i64::from(id)]));
    world.dc.delete(10, &[id]);
    world.event(&mut account);
    assert_eq!(world.app.found("буй"), [0_i64; 0], "gone at once");
    // A post nobody told of shows as a gap with the next one, and is asked for.
    world.dc.post_silently(10, "о нём никто не сказал");
    world.dc.post(10, "а об этом сказали");
    world.event(&mut account);
    world.events_ready(&mut account);
    world.settle(&account);
    world.assert_equal(channel, 10);
    world.finish();
}

#[test]
fn an_account_in_a_flood_wait_asks_nothing_early_while_others_go_on() {
    let mut world = World::new();
    world.channel(10, "first_news", 500);
    world.channel(20, "second_news", 500);
    let (one, two) = (world.account(1), world.account(2));
    let (first, second) = (world.follow(&one, "first_news", ALL), world.follow(&two, "second_news", ALL));
    world.dc.flood("messages.getHistory", 300);
    let asked = |world: &World, user| {
        let calls = world.dc.calls();
        calls.iter().filter(|call| call.method == "messages.getHistory" && call.user == Some(user)).count()
    };
    let began = world.app.app().now();
    assert_eq!(world.step(&one), Step::Worked);
    let flooded = asked(&world, 1);
    assert_eq!(flooded, 1);
    world.settle(&one);
    world.settle(&two);
    world.assert_equal(second, 20);
    assert_eq!(asked(&world, 1), flooded, "the other account's work is its own");
    let card = world.app.app().channel_ledger(&world.app.tenant(), first).unwrap();
    assert_eq!(card.reading.state, ReadingState::Paused, "{card:?}");
    // The wait survives a restart, with a new connection of the same account.
    let member = one.member.clone();
    for account in [one, two] {
        world.runtime.block_on(account.connection.close());
        world.app.app().reader_close(&account.reader);
    }
    world.app.run_pending_jobs();
    world.app.restart();
    let one = world.connect(&member);
    let until = began + SignedDuration::from_secs(300);
    loop {
        let now = world.app.app().now();
        match world.step(&one) {
            Step::Worked => {
                assert!(now >= until, "asked {} s early", until.duration_since(now).as_secs());
                break;
            }
            Step::WaitUntil(at) => {
                assert_eq!(asked(&world, 1), flooded, "asked early at {now}");
                let wait = at.duration_since(now).min(SignedDuration::from_secs(20));
                world.app.advance(wait.max(SignedDuration::from_millis(1)));
            }
            Step::Ended(reason) => panic!("{reason:?}"),
        }
    }
    world.settle(&one);
    world.assert_equal(first, 10);
    world.finish();
}

#[test]
fn two_followers_share_one_copy_and_the_second_takes_over() {
    let mut world = World::new();
    world.channel(10, "shared_news", 350);
    let (one, two) = (world.account(1), world.account(2));
    let channel = world.follow(&one, "shared_news", ALL);
    assert_eq!(world.follow(&two, "@SHARED_NEWS", ALL), channel, "one row, and no second look-up");
    assert_eq!(world.dc.calls_of("contacts.resolveUsername"), 1);
    // The first reads; the second has nothing to do.
    for _ in 0..3 {
        assert_eq!(world.step(&one), Step::Worked);
        world.app.advance(SignedDuration::from_secs(1));
    }
    assert_eq!(world.settle(&two), 0, "the second account asks nothing");
    let half = world.stored(channel).len();
    assert!((1..350).contains(&half), "{half} posts");
    // The session of the first dies.
    world.dc.revoke(1, 401, "SESSION_REVOKED");
    world.app.advance(SignedDuration::from_secs(5));
    let ended = loop {
        match world.step(&one) {
            Step::Ended(reason) => break reason.code(),
            Step::Worked => {}
            Step::WaitUntil(_) => world.app.advance(SignedDuration::from_secs(3)),
        }
    };
    assert_eq!(ended, "session_revoked");
    world.settle(&two);
    world.assert_equal(channel, 10);
    // The first's own list still has it; without an account nothing is read, and the words say so.
    world.app.app().channel_remove(&world.app.tenant(), two.member.id, channel).unwrap();
    let card = &world.app.app().channel_cards(&world.app.tenant(), one.member.id).unwrap()[0];
    assert_eq!(card.reading.state, ReadingState::NoAccount, "{card:?}");
    world.finish();
}

#[test]
fn leaving_hides_at_once_and_the_last_one_stops_the_reading() {
    let mut world = World::new();
    world.channel(10, "left_news", 50);
    let account = world.account(1);
    let channel = world.follow(&account, "left_news", ALL);
    world.settle(&account);
    world.finish();
    let hits = |world: &World| {
        let tenant = world.app.tenant();
        let set = ChannelSet::Only(tenant.store().subscription_channels(account.member.id).unwrap());
        let request = SearchRequest {
            query: "ледокол".to_owned(),
            mode: SearchMode::Fulltext,
            ..SearchRequest::default()
        };
        world.app.app().search(&tenant, &set, None, &request).unwrap().hits.len()
    };
    assert!(hits(&world) > 0);
    world.app.app().channel_remove(&world.app.tenant(), account.member.id, channel).unwrap();
    assert_eq!(hits(&world), 0, "with the next search");
    let again = world.app.app().channel_remove(&world.app.tenant(), account.member.id, channel).unwrap_err();
    assert_eq!(again.code(), ErrorCode::NotFound);
    world.app.advance(SignedDuration::from_hours(2));
    assert_eq!(world.settle(&account), 0, "nobody follows it, nobody asks for it");
    // Following again goes on where it ended.
    world.dc.post(10, "Снова слово");
    world.follow(&account, "left_news", ALL);
    world.settle(&account);
    world.assert_equal(channel, 10);
    let names: Vec<&str> = world.app.event_names().into_iter().map(|(name, _)| name).collect();
    let count = |name| names.iter().filter(|seen| **seen == name).count();
    assert_eq!((count("channels.subscribed"), count("channels.unsubscribed")), (2, 1));
    world.finish();
}

#[test]
fn fifty_adds_at_once_stop_at_the_tier() {
    let world = World::new();
    for n in 0..50 {
        world.dc.add_channel(100 + n, Some(&format!("channel_{n}")), &format!("Channel {n}"));
    }
    let account = world.account(1);
    let barrier = Barrier::new(50);
    let results: Vec<Result<bool, ErrorCode>> = std::thread::scope(|scope| {
        let (app, barrier, member) = (world.app.app(), &barrier, &account.member);
        let tenant = world.app.tenant();
        let threads: Vec<_> = (0..50)
            .map(|n| {
                let tenant = Arc::clone(&tenant);
                scope.spawn(move || {
                    barrier.wait();
                    let added = app.channel_add(&tenant, member, &format!("@channel_{n}"), ALL);
                    added.map(|(_, added)| added).map_err(|error| error.code())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|result| **result == Ok(true)).count(), 3, "{results:?}");
    let refused = results.iter().filter(|result| **result == Err(ErrorCode::TierLimitExceeded)).count();
    assert_eq!(refused, 47, "{results:?}");
    assert_eq!(world.app.tenant().store().subscription_count(account.member.id).unwrap(), 3);
}

#[test]
fn a_private_channel_opens_to_its_members_only() {
    let mut world = World::new();
    world.dc.add_channel(10, None, "Секретный");
    world.dc.set_invite(10, Some("AbCdEfGh12345678"));
    world.dc.fill(10, 20, world.now_s() - 60, 60, |id| format!("Тайна {id}"));
    world.dc.join(10, 1);
    let (one, two) = (world.account(1), world.account(2));
    let tenant = world.app.tenant();
    let channel = world.follow(&one, "https://t.me/+AbCdEfGh12345678", ALL);
    world.settle(&one);
    world.assert_equal(channel, 10);
    for name in ["-1000000000010", "t.me/c/10/5"] {
        let refused = world.app.app().channel_add(&tenant, &two.member, name, ALL).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::NotFound, "{refused}");
    }
    let refused =
        world.app.app().channel_add(&tenant, &two.member, "t.me/+AbCdEfGh12345678", ALL).unwrap_err();
    assert!(refused.to_string().contains("not in the channel"), "{refused}");
    assert!(!world.dc.is_member(10, 2), "nothing is joined unasked");
    let join = FollowOptions { join: true, ..ALL };
    let (card, added) =
        world.app.app().channel_add(&tenant, &two.member, "t.me/+AbCdEfGh12345678", join).unwrap();
    assert_eq!((card.id, added, world.dc.is_member(10, 2)), (channel, true, true));
    // Thrown out: the reading pauses, with the reason on the card, and the other follower goes on.
    world.dc.ban(10, 1);
    world.app.advance(SignedDuration::from_mins(6));
    world.settle(&one);
    world.dc.fill(10, 3, world.now_s(), 1, |id| format!("Ещё тайна {id}"));
    world.app.advance(SignedDuration::from_mins(6));
    world.settle(&two);
    world.assert_equal(channel, 10);
    drop(tenant);
    world.finish();
}
