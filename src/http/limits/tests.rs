//! Buckets, their bound, and who is believed about where a request comes from.

use std::{net::IpAddr, sync::Arc};

use axum::http::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp};

use super::{COSTLY, Class, KEYS_MAX, Key, Limit, LimitClock, class, client_address, network};
use crate::{
    clock::{Clock, ManualClock},
    http::openapi,
    model::Net,
};

fn limit(per_minute: u32) -> (Limit, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap()));
    let limit = Limit::new(per_minute, &LimitClock(Arc::clone(&clock) as Arc<dyn Clock>));
    (limit, clock)
}

#[test]
fn a_bucket_holds_a_minute_and_refills_steadily() {
    let (limit, clock) = limit(60);
    let passed = |key| (0..200).filter(|_| limit.check(key).is_ok()).count();
    assert_eq!(passed(Key::Address(1)), 60);
    assert_eq!(passed(Key::Address(2)), 60, "another has a bucket of their own");
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(passed(Key::Address(1)), 1);
    clock.advance(SignedDuration::from_hours(1));
    assert_eq!(passed(Key::Address(1)), 60, "never more than a minute's worth");
}

#[test]
fn no_limit_is_no_limit() {
    let (limit, _) = limit(0);
    assert!((0..10_000).all(|_| limit.check(Key::Others).is_ok()));
}

#[test]
fn memory_is_bounded_and_freed_when_the_flood_is_over() {
    let (limit, clock) = limit(1);
    for address in 0..KEYS_MAX as u128 + 1000 {
        let _ = limit.check(Key::Address(address));
    }
    let kept = |limit: &Limit| limit.0.as_ref().unwrap().limiter.len();
    assert!(kept(&limit) <= KEYS_MAX + 1, "{}", kept(&limit));
    clock.advance(SignedDuration::from_mins(2));
    assert!(limit.check(Key::Address(7)).is_ok());
    assert!(kept(&limit) <= 1, "{}", kept(&limit));
}

#[test]
fn the_costly_routes_exist() {
    for (method, route) in COSTLY {
        let known =
            openapi::operations().any(|(other, path, _)| other.eq_ignore_ascii_case(method) && path == route);
        assert!(known, "{method} {route}");
    }
    assert_eq!(class(&Method::GET, "/health"), Class::Free);
    assert_eq!(class(&Method::POST, "/api/auth/refresh"), Class::SignIn);
    assert_eq!(class(&Method::POST, "/api/auth/tenant"), Class::SignIn);
    assert_eq!(class(&Method::GET, "/api/auth/sessions"), Class::Plain);
    assert_eq!(class(&Method::GET, "unmatched"), Class::Plain);
}

#[test]
fn an_address_is_believed_only_from_a_trusted_proxy() {
    let trusted: Vec<Net> = ["127.0.0.1", "10.0.0.0/8"].iter().map(|net| Net::parse(net).unwrap()).collect();
    for (peer, forwarded, expected) in [
        ("9.9.9.9", &[][..], "9.9.9.9"),
        ("9.9.9.9", &["1.1.1.1"], "9.9.9.9"),
        ("127.0.0.1", &["1.1.1.1"], "1.1.1.1"),
        ("127.0.0.1", &["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
        ("127.0.0.1", &["6.6.6.6, 1.1.1.1, 10.1.2.3"], "1.1.1.1"),
        ("127.0.0.1", &["6.6.6.6", "1.1.1.1", "10.1.2.3"], "1.1.1.1"),
        ("127.0.0.1", &["nonsense"], "127.0.0.1"),
        ("127.0.0.1", &["1.1.1.1, nonsense"], "127.0.0.1"),
        ("::ffff:127.0.0.1", &["2001:db8::1"], "2001:db8::1"),
        ("127.0.0.1", &["10.0.0.1"], "10.0.0.1"),
    ] {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let found = client_address(peer.parse().unwrap(), &headers, &trusted);
        assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
    }
}

#[test]
fn one_customers_addresses_are_one() {
    let of = |text: &str| network(text.parse().unwrap());
    assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
    assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    assert_ne!(of("1.2.3.4"), of("1.2.3.5"));
    assert_eq!(of("1.2.3.4"), of("::ffff:1.2.3.4"));
}
