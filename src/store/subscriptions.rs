//! Who follows which channel.
//!
//! One row a user and channel, so adding twice changes nothing. The count and the insert are one transaction on the one writer
//! thread: however many adds run at once, none passes the limit. A membership lives in control.db; whoever deletes it there
//! calls [`TenantStore::subscriptions_delete`] here.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{
    Error, TenantStore,
    control::timestamp,
    events::event_insert,
    reading::{DEPTH_ALL_DAYS, reading_want},
};
use crate::model::{ChannelId, Event, MembershipId};

/// One user following one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub membership: MembershipId,
    pub channel: ChannelId,
    /// How many days back the user wants to read; `None` = everything there is.
    pub depth_days: Option<u32>,
    pub created_at: Timestamp,
}

/// What became of an attempt to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribed {
    Added,
    /// Followed before; nothing changed.
    Existing,
    /// The user follows `current` channels already, and may not follow more.
    OverLimit {
        current: u32,
    },
}

impl TenantStore {
    /// Follows a channel unless the user would then follow more than `channels_max`.
    pub fn subscription_add(
        &self,
        subscription: Subscription,
        channels_max: u32,
    ) -> Result<Subscribed, Error> {
        self.db.write(move |tx| subscription_add(tx, &subscription, channels_max))
    }

    /// Stops following. `None` if the user did not follow it, else how many others still do.
    pub fn subscription_delete(
        &self,
        membership: MembershipId,
        channel: ChannelId,
        now: Timestamp,
    ) -> Result<Option<u32>, Error> {
        self.db.write(move |tx| subscription_delete(tx, membership, channel, now))
    }

    /// Ends all subscriptions of a user who leaves; returns the channels nobody follows any more.
    pub fn subscriptions_delete(
        &self,
        membership: MembershipId,
        now: Timestamp,
    ) -> Result<Vec<ChannelId>, Error> {
        self.db.write(move |tx| {
            let mut left = Vec::new();
            for channel in subscription_channels(tx, membership)? {
                if subscription_delete(tx, membership, channel, now)? == Some(0) {
                    left.push(channel);
                }
            }
            Ok(left)
        })
    }

    /// Reads deeper from now on, or remembers less for the next time; what is here stays. `false` if not followed.
    pub fn subscription_depth_put(
        &self,
        membership: MembershipId,
        channel: ChannelId,
        depth_days: Option<u32>,
    ) -> Result<bool, Error> {
        self.db.write(move |tx| subscription_depth_put(tx, membership, channel, depth_days))
    }

    /// The channels a user may see: the content of their `ChannelSet`.
    pub fn subscription_channels(&self, membership: MembershipId) -> Result<BTreeSet<ChannelId>, Error> {
        self.db.read(|db| subscription_channels(db, membership))
    }

    /// A user's subscriptions, oldest first.
    pub fn subscription_list(&self, membership: MembershipId) -> Result<Vec<Subscription>, Error> {
        self.db.read(|db| {
            let sql = format!("{COLUMNS} WHERE membership_id = ?1 ORDER BY created_at, channel_id");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([membership.0], subscription_from_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    pub fn subscription_find(
        &self,
        membership: MembershipId,
        channel: ChannelId,
    ) -> Result<Option<Subscription>, Error> {
        self.db.read(|db| {
            let sql = format!("{COLUMNS} WHERE membership_id = ?1 AND channel_id = ?2");
            let mut statement = db.prepare_cached(&sql)?;
            Ok(statement.query_row(params![membership.0, channel.0], subscription_from_row).optional()?)
        })
    }

    /// A channel's subscriptions, oldest first: its possible readers.
    pub fn subscription_list_of_channel(&self, channel: ChannelId) -> Result<Vec<Subscription>, Error> {
        self.db.read(|db| {
            let sql = format!("{COLUMNS} WHERE channel_id = ?1 ORDER BY created_at, membership_id");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([channel.0], subscription_from_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Who follows what, of all: the oldest followers of each channel first.
    pub fn subscription_pairs(&self) -> Result<Vec<(ChannelId, MembershipId)>, Error> {
        self.db.read(|db| {
            let sql = "SELECT channel_id, membership_id FROM subscriptions ORDER BY channel_id, created_at, membership_id";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| Ok((ChannelId(row.get(0)?), MembershipId(row.get(1)?))))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// How many channels a user follows.
    pub fn subscription_count(&self, membership: MembershipId) -> Result<u32, Error> {
        self.db.read(|db| subscription_count(db, membership))
    }
}

const COLUMNS: &str = "SELECT membership_id, channel_id, depth_days, created_at FROM subscriptions";

fn subscription_add(
    tx: &Transaction<'_>,
    subscription: &Subscription,
    channels_max: u32,
) -> Result<Subscribed, Error> {
    let key = params![subscription.membership.0, subscription.channel.0];
    let known = tx
        .prepare_cached("SELECT 1 FROM subscriptions WHERE membership_id = ?1 AND channel_id = ?2")?
        .query_row(key, |_| Ok(()))
        .optional()?;
    if known.is_some() {
        return Ok(Subscribed::Existing);
    }
    let current = subscription_count(tx, subscription.membership)?;
    if current >= channels_max {
        return Ok(Subscribed::OverLimit { current });
    }
    tx.prepare_cached(
        "INSERT INTO subscriptions (membership_id, channel_id, depth_days, created_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        subscription.membership.0,
        subscription.channel.0,
        subscription.depth_days,
        subscription.created_at.as_millisecond()
    ])?;
    let depth_days = subscription.depth_days.unwrap_or(DEPTH_ALL_DAYS);
    reading_want(tx, subscription.channel, depth_days)?;
    let now = subscription.created_at;
    event(tx, Event::ChannelsSubscribed, subscription.membership, subscription.channel, now)?;
    Ok(Subscribed::Added)
}

fn subscription_delete(
    tx: &Transaction<'_>,
    membership: MembershipId,
    channel: ChannelId,
    now: Timestamp,
) -> Result<Option<u32>, Error> {
    let deleted = tx
        .prepare_cached("DELETE FROM subscriptions WHERE membership_id = ?1 AND channel_id = ?2")?
        .execute(params![membership.0, channel.0])?;
    if deleted == 0 {
        return Ok(None);
    }
    event(tx, Event::ChannelsUnsubscribed, membership, channel, now)?;
    let left = tx
        .prepare_cached("SELECT count(*) FROM subscriptions WHERE channel_id = ?1")?
        .query_row([channel.0], |row| row.get(0))?;
    Ok(Some(left))
}

fn event(
    tx: &Transaction<'_>,
    event: Event,
    membership: MembershipId,
    channel: ChannelId,
    now: Timestamp,
) -> Result<(), Error> {
    let data = serde_json::json!({ "channel_id": channel, "user_id": membership }).to_string();
    event_insert(tx, event, None, Some(&data), now)
}

/// How deep a user wants to read a channel from now on. `false` if the user does not follow it.
fn subscription_depth_put(
    tx: &Transaction<'_>,
    membership: MembershipId,
    channel: ChannelId,
    depth_days: Option<u32>,
) -> Result<bool, Error> {
    let sql = "UPDATE subscriptions SET depth_days = ?3 WHERE membership_id = ?1 AND channel_id = ?2";
    if tx.prepare_cached(sql)?.execute(params![membership.0, channel.0, depth_days])? == 0 {
        return Ok(false);
    }
    reading_want(tx, channel, depth_days.unwrap_or(DEPTH_ALL_DAYS))?;
    Ok(true)
}

fn subscription_channels(db: &Connection, membership: MembershipId) -> Result<BTreeSet<ChannelId>, Error> {
    let mut statement = db.prepare_cached("SELECT channel_id FROM subscriptions WHERE membership_id = ?1")?;
    let rows = statement.query_map([membership.0], |row| row.get(0).map(ChannelId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn subscription_count(db: &Connection, membership: MembershipId) -> Result<u32, Error> {
    let sql = "SELECT count(*) FROM subscriptions WHERE membership_id = ?1";
    Ok(db.prepare_cached(sql)?.query_row([membership.0], |row| row.get(0))?)
}

fn subscription_from_row(row: &Row<'_>) -> rusqlite::Result<Subscription> {
    Ok(Subscription {
        membership: MembershipId(row.get(0)?),
        channel: ChannelId(row.get(1)?),
        depth_days: row.get(2)?,
        created_at: timestamp(row, 3)?,
    })
}
