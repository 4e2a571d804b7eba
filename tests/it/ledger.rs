//! The ledger and the transaction that moves it: ranges against a plain set, posts that change, albums that lose members.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tempfile::TempDir;
use tga::{
    app::imports::prepare,
    model::{ChannelId, ChannelSet, IncomingPost, MembershipId, TenantId},
    store::{Page, RangeKind, Subscription, TenantStore},
};

use crate::support::TestApp;

fn post(message_id: i64, text: &str) -> IncomingPost {
    IncomingPost { message_id, text: text.to_owned(), ..IncomingPost::default() }
}

fn page(channel: ChannelId, covered: (i64, i64), posts: impl IntoIterator<Item = IncomingPost>) -> Page {
    Page {
        channel,
        covered: Some(covered),
        posts: posts.into_iter().map(|post| prepare(channel, post)).collect(),
        top_id: Some(covered.1),
        checked: true,
        ..Page::default()
    }
}

fn followed(app: &TestApp, depth_days: Option<u32>) -> ChannelId {
    let tenant = app.tenant();
    let now = app.app().now();
    let channel = tenant.store().channel_upsert(None, Some("news".to_owned()), String::new(), now).unwrap();
    let subscription = Subscription { membership: MembershipId(1), channel, depth_days, created_at: now };
    tenant.store().subscription_add(subscription, 10).unwrap();
    channel
}

#[test]
fn the_ledger_accounts_for_every_id() {
    let app = TestApp::builder().set("TGA__RETENTION__POSTS_DAYS", "0").build();
    let tenant = app.tenant();
    let (store, now) = (tenant.store(), app.app().now());
    let channel = followed(&app, None);
    let ledger = store.ledger_get(channel).unwrap().unwrap();
    assert_eq!((ledger.first_id, ledger.complete), (Some(1), false), "nobody asked yet");
    let mut first =
        page(channel, (61, 100), (61..=100).filter(|id| id % 10 != 5).map(|id| post(id, "текст")));
    (first.service, first.restricted) = (vec![65], vec![75]);
    store.page_apply(first.clone(), now).unwrap();
    let ledger = store.ledger_get(channel).unwrap().unwrap();
    assert_eq!((ledger.expected, ledger.seen, ledger.service, ledger.restricted), (100, 36, 1, 1));
    assert_eq!((ledger.deleted, ledger.not_read), (2, 60));
    assert_eq!(ledger.gaps, [(1, 60)]);
    assert!(!ledger.complete);
    let again = store.page_apply(first, now).unwrap();
    assert_eq!((again.ingested.duplicates, again.ingested.imported), (36, 0), "a page twice changes nothing");
    store.page_apply(page(channel, (1, 60), [post(30, "один")]), now).unwrap();
    let ledger = store.ledger_get(channel).unwrap().unwrap();
    assert_eq!((ledger.seen, ledger.deleted, ledger.not_read), (37, 61, 0));
    assert!(ledger.complete);
    assert_eq!(
        store.ledger_ranges(channel, RangeKind::Covered).unwrap(),
        [(1, 100)],
        "one row for a whole channel"
    );
    // A deletion moves an id from one account to the other.
    let deleted = store.messages_delete(channel, vec![30, 30, 2], now).unwrap();
    assert_eq!(deleted.gone.len(), 1);
    let ledger = store.ledger_get(channel).unwrap().unwrap();
    assert_eq!((ledger.seen, ledger.deleted, ledger.complete), (36, 62, true));
    app.app().queue().discard(tga::queue::Pick::All).unwrap();
}

#[test]
fn a_deeper_wish_looks_for_a_new_floor_and_a_shallower_one_changes_nothing() {
    let app = TestApp::new();
    let tenant = app.tenant();
    let store = tenant.store();
    let channel = followed(&app, Some(7));
    assert_eq!(store.reading_get(channel).unwrap().unwrap().floor_id, None);
    store.reading_floor_put(channel, 7, 40).unwrap();
    store.page_apply(page(channel, (40, 50), [post(50, "текст")]), app.app().now()).unwrap();
    assert!(store.ledger_get(channel).unwrap().unwrap().complete);
    assert!(store.subscription_depth_put(MembershipId(1), channel, Some(3)).unwrap());
    assert_eq!(store.reading_get(channel).unwrap().unwrap().floor_id, Some(40));
    assert!(store.subscription_depth_put(MembershipId(1), channel, Some(30)).unwrap());
    let reading = store.reading_get(channel).unwrap().unwrap();
    assert_eq!((reading.floor_id, reading.depth_days), (None, 30));
    // An answer that was on its way for the old depth does not count.
    store.reading_floor_put(channel, 7, 40).unwrap();
    assert_eq!(store.reading_get(channel).unwrap().unwrap().floor_id, None);
    store.reading_floor_put(channel, 30, 20).unwrap();
    let reading = store.reading_get(channel).unwrap().unwrap();
    assert_eq!(reading.gaps, [(20, 39)], "only what is new is read");
    assert!(!store.subscription_depth_put(MembershipId(2), channel, None).unwrap(), "somebody else's wish");
}

#[test]
fn an_older_copy_changes_no_text_and_the_deleted_stay_deleted() {
    let app = TestApp::new();
    let tenant = app.tenant();
    let (store, now) = (tenant.store(), app.app().now());
    let channel = followed(&app, None);
    let edited = IncomingPost { edited_at: Some(now), views: Some(5), ..post(1, "правка") };
    store.page_apply(page(channel, (1, 2), [edited, post(2, "уйдёт")]), now).unwrap();
    let stale = IncomingPost { views: Some(9), ..post(1, "до правки") };
    store.page_apply(page(channel, (1, 2), [stale]), now).unwrap();
    let id = store.post_by_message(channel, 1).unwrap().unwrap();
    let found = store.post_find(id, &ChannelSet::All).unwrap().unwrap();
    assert_eq!((found.text.as_str(), found.views), ("правка", Some(9)));
    store.messages_delete(channel, vec![2], now).unwrap();
    store.page_apply(page(channel, (1, 2), [post(2, "вернулось, другое")]), now).unwrap();
    assert_eq!(store.messages_here(channel, (1, 9)).unwrap(), [1]);
}

#[test]
fn an_album_loses_members_and_leaders_one_by_one() {
    let app = TestApp::new();
    let tenant = app.tenant();
    let (store, now) = (tenant.store(), app.app().now());
    let channel = followed(&app, None);
    let member = |id, text: &str| IncomingPost {
        grouped_id: Some(7),
        media: Some("photo".to_owned()),
        ..post(id, text)
    };
    let applied = store
        .page_apply(page(channel, (1, 3), [member(1, "а"), member(2, "б"), member(3, "в")]), now)
        .unwrap();
    let lead = applied.ingested.advance[0];
    let text = |id| store.post_find(id, &ChannelSet::All).unwrap().map(|post| (post.text, post.album_size));
    assert_eq!(text(lead), Some(("а\nб\nв".to_owned(), 3)));
    let deleted = store.messages_delete(channel, vec![2], now).unwrap();
    assert_eq!((deleted.gone, deleted.advance), (vec![], vec![lead]));
    assert_eq!(text(lead), Some(("а\nв".to_owned(), 2)));
    let deleted = store.messages_delete(channel, vec![1], now).unwrap();
    assert_eq!(deleted.gone, [lead]);
    let heir = deleted.advance[0];
    assert_eq!((text(lead), text(heir)), (None, Some(("в".to_owned(), 1))));
    // A late member joins the album that is left, not the tombstone.
    store.page_apply(page(channel, (4, 4), [member(4, "г")]), now).unwrap();
    assert_eq!(text(heir), Some(("в\nг".to_owned(), 2)));
    store.messages_delete(channel, vec![3, 4], now).unwrap();
    assert_eq!(store.messages_here(channel, (1, 9)).unwrap(), [0_i64; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn ranges_are_what_a_plain_set_says(
        pages in prop::collection::vec((1_i64..60, 0_i64..12, prop::collection::btree_set(0_i64..12, 0..4)), 1..25)
    ) {
        let dir = TempDir::new().unwrap();
        let store = TenantStore::open(dir.path(), TenantId(uuid::Uuid::nil())).unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let channel = store.channel_upsert(None, Some("news".to_owned()), String::new(), now).unwrap();
        let (mut covered, mut service) = (BTreeSet::new(), BTreeSet::new());
        for (first, more, offsets) in pages {
            let range = (first, first + more);
            let ids: Vec<i64> = offsets.iter().map(|offset| first + offset).filter(|id| *id <= range.1).collect();
            covered.extend(range.0..=range.1);
            service.retain(|id| *id < range.0 || *id > range.1);
            service.extend(ids.iter().copied());
            let page = Page { channel, covered: Some(range), service: ids, ..Page::default() };
            store.page_apply(page, now).unwrap();
            for (kind, expected) in [(RangeKind::Covered, &covered), (RangeKind::Service, &service)] {
                let ranges = store.ledger_ranges(channel, kind).unwrap();
                let found: BTreeSet<i64> = ranges.iter().flat_map(|range| range.0..=range.1).collect();
                prop_assert_eq!(&found, expected);
                prop_assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "neighbours are merged: {:?}", ranges);
            }
        }
    }
}
