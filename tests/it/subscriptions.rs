//! Who follows which channel: the limit holds whatever happens at once, and what one user follows no other sees.

use std::sync::Barrier;

use jiff::Timestamp;
use tga::{
    model::{ChannelId, MembershipId},
    store::{Subscribed, Subscription},
};

use crate::support::{TestApp, line};

fn subscription(membership: i64, channel: ChannelId) -> Subscription {
    Subscription {
        membership: MembershipId(membership),
        channel,
        depth_days: Some(7),
        created_at: Timestamp::UNIX_EPOCH,
    }
}

/// Rows of this many channels.
fn channels(app: &TestApp, count: usize) -> Vec<ChannelId> {
    let tenant = app.tenant();
    let channel =
        |n| tenant.store().channel_upsert(None, Some(format!("channel{n}")), String::new(), app.app().now());
    (0..count).map(|n| channel(n).unwrap()).collect()
}

#[test]
fn fifty_adds_at_once_do_not_pass_the_limit() {
    const MAX: u32 = 10;
    let app = TestApp::new();
    let channels = channels(&app, 50);
    let tenant = app.tenant();
    let barrier = Barrier::new(channels.len());
    let results: Vec<Subscribed> = std::thread::scope(|scope| {
        let threads: Vec<_> = channels
            .iter()
            .map(|channel| {
                scope.spawn(|| {
                    barrier.wait();
                    tenant.store().subscription_add(subscription(1, *channel), MAX).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let added = results.iter().filter(|result| **result == Subscribed::Added).count();
    assert_eq!(added, MAX as usize, "{results:?}");
    let refused = |result: &&Subscribed| **result == Subscribed::OverLimit { current: MAX };
    assert_eq!(results.iter().filter(refused).count(), 40, "{results:?}");
    assert_eq!(tenant.store().subscription_count(MembershipId(1)).unwrap(), MAX);
}

#[test]
fn a_followed_channel_is_existing_even_at_the_limit_and_users_are_apart() {
    let mut app = TestApp::new();
    app.index_jsonl(&[line("news", 1, "Ледокол")]);
    let ids = channels(&app, 3);
    let tenant = app.tenant();
    let store = tenant.store();
    assert_eq!(store.subscription_add(subscription(1, ids[0]), 1).unwrap(), Subscribed::Added);
    assert_eq!(store.subscription_add(subscription(1, ids[0]), 1).unwrap(), Subscribed::Existing);
    let over = store.subscription_add(subscription(1, ids[1]), 1).unwrap();
    assert_eq!(over, Subscribed::OverLimit { current: 1 });
    assert_eq!(store.subscription_add(subscription(2, ids[0]), 5).unwrap(), Subscribed::Added);
    assert_eq!(store.subscription_add(subscription(2, ids[2]), 5).unwrap(), Subscribed::Added);
    assert_eq!(store.subscription_channels(MembershipId(1)).unwrap(), [ids[0]].into());
    assert_eq!(store.subscription_channels(MembershipId(2)).unwrap(), [ids[0], ids[2]].into());
    assert_eq!(store.subscription_channels(MembershipId(3)).unwrap(), [].into());
    assert_eq!(store.subscription_list_of_channel(ids[0]).unwrap().len(), 2);
    let now = app.app().now();
    // Leaving: one of two, then the last; then there is nothing to leave.
    assert_eq!(store.subscription_delete(MembershipId(1), ids[0], now).unwrap(), Some(1));
    assert_eq!(store.subscription_delete(MembershipId(1), ids[0], now).unwrap(), None);
    assert_eq!(store.subscriptions_delete(MembershipId(2), now).unwrap(), [ids[0], ids[2]]);
    assert_eq!(store.subscription_list(MembershipId(2)).unwrap(), []);
}
