//! How often one may ask: per address, per person or token, per tenant; stricter where an answer is costly.
//!
//! In memory and of this process only: a restart forgives. Who asks without a valid credential is counted by address, so
//! guessing is slow. A bucket refills steadily over the minute. Memory is bounded: beyond [`KEYS_MAX`] callers of one kind
//! within a minute, new ones share one bucket. `/health`, `/ready` and files are not counted.

use std::{
    cell::Cell,
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::{HeaderMap, HeaderValue, Method};
use governor::{
    Quota, RateLimiter, clock, middleware::StateInformationMiddleware, state::keyed::DashMapStateStore,
};

use super::ApiError;
use crate::{
    app::ErrorCode,
    clock::Clock,
    config,
    model::{Actor, Net},
};

/// Callers of one kind that are counted apart.
const KEYS_MAX: usize = 50_000;
/// What a limit is per.
const MINUTE: Duration = Duration::from_mins(1);
/// Routes whose answer costs much more than a read: the model, the whole index, a file.
const COSTLY: [(&str, &str); 3] =
    [("POST", "/api/search"), ("POST", "/api/rag/query"), ("GET", "/api/users/me/export")];
/// Where QR logins begin, under each of their prefixes.
const QR_STARTS: [&str; 2] = ["/start", "/init"];
/// How often one login's status may be read a minute; watching its events is better.
const LOGIN_READS_PER_MINUTE: u32 = 30;
/// Telegram's own deliveries: they bring a secret, come from few addresses, and are bounded by what may wait.
const DELIVERIES: &str = "/tg/bot/webhook";
/// Where credentials are tried.
const SIGN_INS: &str = "/api/auth/";
/// Where invite codes could be guessed.
const REGISTRATION: &str = "/api/users/";

tokio::task_local! {
    /// The limit of this request that is nearest to being reached.
    static NEAREST: Cell<Option<Allowance>>;
}

/// What is left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowance {
    limit: u32,
    remaining: u32,
}

impl Allowance {
    /// `X-RateLimit-Limit`, `-Remaining`, and `-Reset`: seconds until all of it is there again.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        let missing = u64::from(self.limit.saturating_sub(self.remaining));
        let reset = (missing * MINUTE.as_secs()).div_ceil(u64::from(self.limit.max(1)));
        for (name, value) in [
            ("x-ratelimit-limit", u64::from(self.limit)),
            ("x-ratelimit-remaining", u64::from(self.remaining)),
            ("x-ratelimit-reset", reset),
        ] {
            headers.insert(name, HeaderValue::from(value));
        }
    }
}

/// Answers a request and says which limit it came nearest to.
pub(super) async fn counted<T>(answer: impl Future<Output = T>) -> (T, Option<Allowance>) {
    NEAREST
        .scope(Cell::new(None), async {
            let answer = answer.await;
            (answer, NEAREST.with(Cell::get))
        })
        .await
}

/// A kind of route, by what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Free,
    Plain,
    Costly,
    SignIn,
    QrStart,
}

fn class(method: &Method, route: &str) -> Class {
    if route == DELIVERIES {
        Class::Free
    } else if COSTLY.contains(&(method.as_str(), route)) {
        Class::Costly
    } else if (route.starts_with(SIGN_INS) || route == REGISTRATION) && *method == Method::POST {
        Class::SignIn
    } else if route.contains("/qr") && QR_STARTS.iter().any(|end| route.ends_with(end)) {
        Class::QrStart
    } else if route.starts_with("/api/")
        || route.starts_with("/tg/")
        || route.starts_with("/qr-auth/")
        || route == "unmatched"
    {
        Class::Plain
    } else {
        Class::Free
    }
}

/// Whoever is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// An address; of IPv6 the network of 64 bits that one customer has.
    Address(u128),
    Actor(Actor),
    Tenant(u128),
    Login(u128),
    /// Everybody who came after the table was full.
    Others,
}

/// The application's clock, as the limiter wants it: time since 1970.
#[derive(Debug, Clone)]
struct LimitClock(Arc<dyn Clock>);

impl clock::Clock for LimitClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::try_from(self.0.now().as_duration()).unwrap_or_default()
    }
}

type Limiter = RateLimiter<Key, DashMapStateStore<Key>, LimitClock, StateInformationMiddleware>;

/// How often a full table is looked through for buckets that are full again: looking costs as much as the table is long.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// One limit, or none.
struct Limit(Option<Buckets>);

struct Buckets {
    limiter: Limiter,
    clock: LimitClock,
    /// When the full table was looked through last, milliseconds since 1970.
    swept_ms: AtomicU64,
}

impl Buckets {
    /// The key to count by: the caller's own while there is room.
    fn key(&self, key: Key) -> Key {
        if self.limiter.len() < KEYS_MAX {
            return key;
        }
        let now_ms = clock::Clock::now(&self.clock).as_millis() as u64;
        let swept_ms = self.swept_ms.load(Ordering::Relaxed);
        if now_ms.abs_diff(swept_ms) >= SWEEP_EVERY.as_millis() as u64 {
            self.swept_ms.store(now_ms, Ordering::Relaxed);
            // Those whose bucket is full again are forgotten; only then is anybody lumped together.
            self.limiter.retain_recent();
        }
        if self.limiter.len() < KEYS_MAX { key } else { Key::Others }
    }
}

impl Limit {
    fn new(per_minute: u32, clock: &LimitClock) -> Self {
        let quota = NonZeroU32::new(per_minute).map(Quota::per_minute);
        Self(quota.map(|quota| {
            let limiter = RateLimiter::dashmap_with_clock(quota, clock.clone()).with_middleware();
            Buckets { limiter, clock: clock.clone(), swept_ms: AtomicU64::new(0) }
        }))
    }

    fn check(&self, key: Key) -> Result<(), ApiError> {
        let Some(buckets) = &self.0 else { return Ok(()) };
        match buckets.limiter.check_key(&buckets.key(key)) {
            Ok(state) => {
                let limit = state.quota().burst_size().get();
                note(Allowance { limit, remaining: state.remaining_burst_capacity() });
                Ok(())
            }
            Err(refused) => {
                note(Allowance { limit: refused.quota().burst_size().get(), remaining: 0 });
                let wait = refused.wait_time_from(clock::Clock::now(&buckets.clock));
                let message = format!("too many requests; try again in {} s", wait.as_secs() + 1);
                Err(ApiError::new(ErrorCode::RateLimited, message).retry_after(wait))
            }
        }
    }
}

/// Keeps the tighter of two.
fn note(allowance: Allowance) {
    // Outside of a request there is nobody to tell.
    let _ = NEAREST.try_with(|nearest| {
        if nearest.get().is_none_or(|before| allowance.remaining < before.remaining) {
            nearest.set(Some(allowance));
        }
    });
}

/// All limits.
pub(super) struct Limits {
    ip: Limit,
    ip_sign_ins: Limit,
    ip_qr_starts: Limit,
    login_reads: Limit,
    user: Limit,
    user_costly: Limit,
    tenant: Limit,
}

impl Limits {
    pub(super) fn new(config: config::Limits, clock: &Arc<dyn Clock>) -> Self {
        let clock = LimitClock(Arc::clone(clock));
        let limit = |per_minute| Limit::new(per_minute, &clock);
        Self {
            ip: limit(config.ip),
            ip_sign_ins: limit(config.ip_sign_ins),
            ip_qr_starts: limit(config.ip_qr_starts),
            login_reads: limit(LOGIN_READS_PER_MINUTE),
            user: limit(config.user),
            user_costly: limit(config.user_costly),
            tenant: limit(config.tenant),
        }
    }

    /// Before anybody is known: by address.
    pub(super) fn check_address(
        &self,
        address: IpAddr,
        method: &Method,
        route: &str,
    ) -> Result<(), ApiError> {
        let key = Key::Address(network(address));
        match class(method, route) {
            Class::Free => Ok(()),
            Class::Plain | Class::Costly => self.ip.check(key),
            Class::SignIn => {
                self.ip.check(key)?;
                self.ip_sign_ins.check(key)
            }
            Class::QrStart => {
                self.ip.check(key)?;
                self.ip_qr_starts.check(key)
            }
        }
    }

    /// Before the status of one login is read.
    pub(super) fn check_login(&self, id: uuid::Uuid) -> Result<(), ApiError> {
        self.login_reads.check(Key::Login(id.as_u128()))
    }

    /// Once it is known who asks.
    pub(super) fn check_caller(
        &self,
        actor: Actor,
        tenant: u128,
        method: &Method,
        route: &str,
    ) -> Result<(), ApiError> {
        self.user.check(Key::Actor(actor))?;
        if class(method, route) == Class::Costly {
            self.user_costly.check(Key::Actor(actor))?;
        }
        self.tenant.check(Key::Tenant(tenant))
    }
}

/// What of an address is one customer: an IPv4 address, or 64 bits of IPv6.
pub(super) fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

/// Who really asks: the nearest address that is no proxy of ours. `forwarded` are the values of `X-Forwarded-For`, which
/// each proxy appends to; what stands left of an address that is not trusted is the client's own invention.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Net]) -> IpAddr {
    let is_proxy = |address: IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut nearest = peer.to_canonical();
    let values: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for hop in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        if !is_proxy(nearest) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(address) => nearest = address.to_canonical(),
            Err(_) => break,
        }
    }
    nearest
}

#[cfg(test)]
mod tests;
