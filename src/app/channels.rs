//! Following channels: adding, leaving, how deep to read, and what the ledger says.
//!
//! A channel is looked up once, through the account of the user who names it; a public one that the tenant knows already costs no
//! request. A private channel is opened only by an account that is in it: knowing its id is not enough. The tier's limit is kept
//! by the store, in the transaction that adds.

mod card;

pub use card::{ChannelCard, Depth, DepthWritten, LedgerView, MissingView, ReadingState, ReadingView};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    App, Error, ErrorCode, Fields, Tenant,
    reading::{
        JOINS, JOINS_PER_DAY_MAX, READ_METHODS, RESOLVES, RESOLVES_PER_DAY_MAX, Reader, flood_note,
        flooded_until,
    },
    tenants::rfc3339,
};
use crate::{
    model::{Channel, ChannelId, MembershipId},
    store::{ChannelPeer, DEPTH_ALL_DAYS, Member, Reading, Subscribed, Subscription},
    telegram::{
        ChannelReference,
        account::{self, Resolution, ResolvedChannel},
    },
    text,
};

/// How far back a channel is read unless its user says otherwise, days.
pub const DEPTH_DEFAULT_DAYS: u32 = 7;
/// The deepest that can be asked for as a number; what is deeper is "everything".
pub const DEPTH_DAYS_MAX: u32 = 36_500;
/// A public name that was looked up this recently is believed.
const NAME_BELIEVED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// How a channel is to be followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowOptions {
    /// How far back to read, days; `None` = everything there is.
    pub depth_days: Option<u32>,
    /// Make the account a member: Telegram then tells it of new posts at once.
    pub join: bool,
}

impl App {
    /// Follows a channel; `false` beside the card if the user followed it before.
    pub fn channel_add(
        &self,
        tenant: &Tenant,
        member: &Member,
        reference: &str,
        options: FollowOptions,
    ) -> Result<(ChannelCard, bool), Error> {
        let reference = followed_checked(reference, options.depth_days)?;
        let known = known_channel(tenant, member.id, &reference, self.now())?;
        if let Some((channel, true)) = &known
            && !options.join
        {
            return Ok((self.channel_card(tenant, channel.clone(), Some(member.id))?, false));
        }
        let channels_max = self.tier_limits(member.tier).channels_max;
        let followed = tenant.store.subscription_count(member.id)?;
        let channel = match known {
            Some((channel, _)) if !options.join => channel,
            // No request is spent on what would be refused; an invite may lead to a channel that is followed already.
            _ if followed >= channels_max && !matches!(reference, ChannelReference::Invite(_)) => {
                return Err(over_limit(channels_max, followed));
            }
            _ => self.channel_lookup(tenant, member.id, &reference, options.join)?,
        };
        let subscription = Subscription {
            membership: member.id,
            channel: channel.id,
            depth_days: options.depth_days,
            created_at: self.now(),
        };
        let added = match tenant.store.subscription_add(subscription, channels_max)? {
            Subscribed::Added => true,
            Subscribed::Existing => false,
            Subscribed::OverLimit { current } => return Err(over_limit(channels_max, current)),
        };
        self.readers_wake(tenant.id());
        Ok((self.channel_card(tenant, channel, Some(member.id))?, added))
    }

    /// Finds a channel through the user's own account.
    fn channel_lookup(
        &self,
        tenant: &Tenant,
        membership: MembershipId,
        reference: &ChannelReference,
        join: bool,
    ) -> Result<Channel, Error> {
        let reader = self.reader_of(tenant.id(), membership).ok_or_else(|| {
            Error::refused(
                ErrorCode::TelegramSessionRequired,
                "your Telegram account is not connected; log in with the QR code first",
            )
        })?;
        let (kind, max) = if join { (JOINS, JOINS_PER_DAY_MAX) } else { (RESOLVES, RESOLVES_PER_DAY_MAX) };
        let mut methods = reference.lookup_methods().to_vec();
        if join {
            methods.insert(0, reference.join_method());
        }
        let now = self.now();
        let waits = tenant.store.flood_wait_list(now)?;
        if let Some(until) = flooded_until(&waits, membership, &methods) {
            return Err(limited(now, until, "Telegram asks your account to wait"));
        }
        if !tenant.store.usage_take(membership, kind, max, now)? {
            let message =
                format!("your account may {kind} {max} channels a day, so that Telegram does not block it");
            return Err(limited(now, next_day(now), &message));
        }
        metrics::counter!("telegram_requests_total", "method" => methods[0]).increment(1);
        let found = ask(&reader, reference, join);
        let resolution = found.map_err(|error| self.lookup_failed(tenant, membership, error))?;
        let found = match resolution {
            Resolution::Channel(found) => found,
            Resolution::NotAChannel => {
                return Err(Error::field("channel", format!("{reference} is not a channel or group")));
            }
            Resolution::NotAMember => {
                return Err(Error::field(
                    "channel",
                    "your account is not in the channel of that invite; join it in Telegram first, or ask to join",
                ));
            }
            Resolution::Unknown => {
                return Err(Error::NotFound(format!("your Telegram account sees no channel {reference}")));
            }
        };
        self.channel_remember(tenant, membership, found)
    }

    fn channel_remember(
        &self,
        tenant: &Tenant,
        membership: MembershipId,
        found: ResolvedChannel,
    ) -> Result<Channel, Error> {
        let (now, id) = (self.now(), found.address.telegram_id);
        let title = text::normalise(&found.title);
        let row = tenant.store.channel_upsert(Some(id), found.username, title, now)?;
        let peer = ChannelPeer {
            telegram_id: id,
            access_hash: found.address.access_hash,
            joined: found.joined,
            resolved_at: now,
        };
        tenant.store.peer_put(membership, peer)?;
        tenant.store.channel_get(row)?.ok_or_else(|| Error::NotFound("the channel".to_owned()))
    }

    fn lookup_failed(&self, tenant: &Tenant, membership: MembershipId, error: account::Error) -> Error {
        match error {
            account::Error::FloodWait { method, seconds } => {
                if let Err(error) = flood_note(self, tenant, membership, method, seconds) {
                    return error;
                }
                let until = self.now().saturating_add(SignedDuration::from_secs(i64::from(seconds)));
                limited(self.now(), until.unwrap_or(self.now()), "Telegram asks your account to wait")
            }
            account::Error::Ended(reason) => {
                Error::refused(ErrorCode::TelegramSessionRequired, reason.words())
            }
            account::Error::Refused { name, .. } => Error::Invalid(format!("Telegram refuses this: {name}")),
            other @ (account::Error::PasswordNeeded
            | account::Error::PasswordWrong
            | account::Error::KeyUnknown
            | account::Error::Timeout { .. }
            | account::Error::Disconnected(_)
            | account::Error::Unreadable { .. }
            | account::Error::InUse) => Error::Unavailable(other.to_string()),
        }
    }

    /// Stops following. Its posts leave the user's searches with the next request; when nobody follows it, nobody reads it.
    pub fn channel_remove(
        &self,
        tenant: &Tenant,
        membership: MembershipId,
        channel: ChannelId,
    ) -> Result<(), Error> {
        if tenant.store.subscription_delete(membership, channel, self.now())?.is_none() {
            return Err(Error::NotFound(format!("you do not follow channel {channel}")));
        }
        self.readers_wake(tenant.id());
        Ok(())
    }

    /// Reads deeper (or less, for the next time).
    pub fn channel_depth(
        &self,
        tenant: &Tenant,
        membership: MembershipId,
        channel: ChannelId,
        depth_days: Option<u32>,
    ) -> Result<ChannelCard, Error> {
        if let Some(problem) = depth_problem(depth_days) {
            return Err(Error::field("depth_days", problem));
        }
        if !tenant.store.subscription_depth_put(membership, channel, depth_days)? {
            return Err(Error::NotFound(format!("you do not follow channel {channel}")));
        }
        self.readers_wake(tenant.id());
        self.channel_card(tenant, channel_row(tenant, channel)?, Some(membership))
    }

    /// Looks at everything wanted of a channel once more, and first goes as deep as asked.
    pub fn channel_backfill(
        &self,
        tenant: &Tenant,
        channel: ChannelId,
        depth: Option<Depth>,
    ) -> Result<LedgerView, Error> {
        if let Some(problem) = depth_problem(depth.and_then(Depth::days)) {
            return Err(Error::field("depth_days", problem));
        }
        if let Some(depth) = depth {
            tenant.store.reading_deepen(channel, depth.days().unwrap_or(DEPTH_ALL_DAYS))?;
        }
        let reading = tenant.store.reading_get(channel)?.filter(|reading| reading.is_followed);
        let reading = reading.ok_or_else(|| {
            Error::Conflict(format!("channel {channel} is followed by nobody, so no account reads it"))
        })?;
        if reading.top_id > 0 {
            tenant.store.reading_revisit(channel, reading.floor_id.unwrap_or(1))?;
        }
        self.readers_wake(tenant.id());
        self.channel_ledger(tenant, channel)
    }

    /// The account of every message id of a channel.
    pub fn channel_ledger(&self, tenant: &Tenant, channel: ChannelId) -> Result<LedgerView, Error> {
        let row = channel_row(tenant, channel)?;
        let ledger = tenant.store.ledger_get(channel)?.unwrap_or_default();
        Ok(LedgerView {
            channel_id: row.id,
            first_message_id: ledger.first_id,
            last_message_id: ledger.last_id,
            expected: ledger.expected,
            seen: ledger.seen,
            missing: MissingView {
                deleted: ledger.deleted,
                service: ledger.service,
                restricted: ledger.restricted,
                not_read: ledger.not_read,
            },
            complete: ledger.complete,
            gaps: ledger.gaps,
            checked_at: ledger.checked_at.map(rfc3339),
            reading: self.reading_view(tenant, channel)?,
        })
    }

    /// The channels a user follows, oldest first.
    pub fn channel_cards(
        &self,
        tenant: &Tenant,
        membership: MembershipId,
    ) -> Result<Vec<ChannelCard>, Error> {
        let mut cards = Vec::new();
        for subscription in tenant.store.subscription_list(membership)? {
            let row = channel_row(tenant, subscription.channel)?;
            cards.push(self.channel_card(tenant, row, Some(membership))?);
        }
        Ok(cards)
    }

    /// One channel, with what a user wants of it.
    pub fn channel_card(
        &self,
        tenant: &Tenant,
        channel: Channel,
        membership: Option<MembershipId>,
    ) -> Result<ChannelCard, Error> {
        let subscription = match membership {
            Some(membership) => tenant.store.subscription_find(membership, channel.id)?,
            None => None,
        };
        Ok(ChannelCard {
            posts: tenant.store.post_count_of_channel(channel.id)?,
            reading: self.reading_view(tenant, channel.id)?,
            id: channel.id,
            username: channel.username,
            title: channel.title,
            telegram_id: channel.telegram_id,
            followed_at: subscription.as_ref().map(|subscription| rfc3339(subscription.created_at)),
            depth_days: subscription.and_then(|subscription| subscription.depth_days),
        })
    }

    /// Every followed channel with where its reading stands.
    pub(super) fn channel_readings(&self, tenant: &Tenant) -> Result<Vec<(Channel, ReadingView)>, Error> {
        let mut found = Vec::new();
        for reading in tenant.store.reading_list()? {
            found.push((channel_row(tenant, reading.channel)?, self.reading_view(tenant, reading.channel)?));
        }
        Ok(found)
    }

    fn reading_view(&self, tenant: &Tenant, channel: ChannelId) -> Result<ReadingView, Error> {
        let reading = tenant.store.reading_get(channel)?.filter(|reading| reading.is_followed);
        let (state, words) = match &reading {
            None => (ReadingState::Imported, "nobody follows it, so no account reads it".to_owned()),
            Some(reading) => self.reading_words(tenant, reading)?,
        };
        let checked_at = reading.and_then(|reading| reading.checked_at).map(rfc3339);
        Ok(ReadingView { state, words, checked_at })
    }

    fn reading_words(&self, tenant: &Tenant, reading: &Reading) -> Result<(ReadingState, String), Error> {
        if let Some(problem) = &reading.problem {
            let words = format!("paused: {problem}; it is tried again every hour");
            return Ok((ReadingState::Paused, words));
        }
        let followers = tenant.store.subscription_list_of_channel(reading.channel)?;
        let live: Vec<MembershipId> = followers
            .iter()
            .map(|follower| follower.membership)
            .filter(|member| self.reader_of(tenant.id(), *member).is_some())
            .collect();
        if live.is_empty() {
            let words =
                "no follower's Telegram account is connected; it goes on where it stopped after a login";
            return Ok((ReadingState::NoAccount, words.to_owned()));
        }
        let waits = tenant.store.flood_wait_list(self.now())?;
        let wait = |member: &MembershipId| flooded_until(&waits, *member, &READ_METHODS);
        let reader = reading.reader.filter(|reader| live.contains(reader)).or_else(|| live.first().copied());
        if let Some(until) = reader.as_ref().and_then(wait) {
            let words = format!("paused: Telegram asks the account to wait until {}", rfc3339(until));
            return Ok((ReadingState::Paused, words));
        }
        if reading.checked_at.is_none() || reading.floor_id.is_none() {
            return Ok((ReadingState::Starting, "the first posts are on their way".to_owned()));
        }
        let left: i64 = reading.gaps.iter().map(|gap| gap.1 - gap.0 + 1).sum();
        if left > 0 {
            let words = format!("reading older posts, newest first: {left} message ids to go");
            return Ok((ReadingState::History, words));
        }
        Ok((ReadingState::UpToDate, "everything wanted is here".to_owned()))
    }
}

fn ask(reader: &Reader, reference: &ChannelReference, join: bool) -> Result<Resolution, account::Error> {
    let client = reader.client();
    reader.tasks().block_on(async {
        if join {
            client.channel_join(reference.clone()).await
        } else {
            client.channel_resolve(reference.clone()).await
        }
    })
}

/// A channel that needs no request, and whether the user follows it already.
fn known_channel(
    tenant: &Tenant,
    membership: MembershipId,
    reference: &ChannelReference,
    now: Timestamp,
) -> Result<Option<(Channel, bool)>, Error> {
    let channel = match reference {
        ChannelReference::Name(name) => tenant.store.channel_by_username(name)?,
        ChannelReference::Id(id) => tenant.store.channel_by_telegram_id(*id)?,
        ChannelReference::Invite(_) => None,
    };
    let Some(channel) = channel else { return Ok(None) };
    if tenant.store.subscription_find(membership, channel.id)?.is_some() {
        return Ok(Some((channel, true)));
    }
    let Some(id) = channel.telegram_id else { return Ok(None) };
    let believed = |at: Timestamp| now.duration_since(at) < NAME_BELIEVED_FOR;
    let own = tenant.store.peer_find(membership, id)?.is_some_and(|peer| believed(peer.resolved_at));
    // Anybody's look-up tells where a public name leads; a private channel is opened by one's own account only.
    let public = matches!(reference, ChannelReference::Name(_));
    let others = public && tenant.store.peer_resolved_at(id)?.is_some_and(believed);
    Ok((own || others).then_some((channel, false)))
}

fn channel_row(tenant: &Tenant, channel: ChannelId) -> Result<Channel, Error> {
    tenant.store.channel_get(channel)?.ok_or_else(|| Error::NotFound(format!("no channel {channel}")))
}

fn over_limit(max: u32, current: u32) -> Error {
    Error::Refused {
        code: ErrorCode::TierLimitExceeded,
        message: format!("your tier follows up to {max} channels and you follow {current}; leave one first"),
        details: Some(json!({ "max": max, "current": current })),
    }
}

/// When a day's quota (UTC) begins anew.
fn next_day(now: Timestamp) -> Timestamp {
    const DAY_S: i64 = 24 * 3600;
    Timestamp::from_second((now.as_second().div_euclid(DAY_S) + 1) * DAY_S).unwrap_or(now)
}

fn limited(now: Timestamp, until: Timestamp, why: &str) -> Error {
    let seconds = until.duration_since(now).as_secs().max(1);
    Error::Refused {
        code: ErrorCode::AccountLimited,
        message: format!("{why}; try again in {seconds} s"),
        details: Some(json!({ "retry_after_s": seconds })),
    }
}

/// Why a channel cannot be read so deep; `None` = everything there is.
fn depth_problem(depth_days: Option<u32>) -> Option<String> {
    let deep = depth_days.filter(|days| *days > DEPTH_DAYS_MAX)?;
    Some(format!("is {deep}; choose from 0 to {DEPTH_DAYS_MAX}, or all"))
}

/// The channel that is meant.
fn followed_checked(reference: &str, depth_days: Option<u32>) -> Result<ChannelReference, Error> {
    let mut wrong = Fields::default();
    let parsed = reference.parse::<ChannelReference>();
    if let Err(error) = &parsed {
        wrong.wrong("channel", error.to_string());
    }
    if let Some(problem) = depth_problem(depth_days) {
        wrong.wrong("depth_days", problem);
    }
    wrong.done()?;
    parsed.map_err(|error| Error::field("channel", error.to_string()))
}
