//! What Telegram and we allow an account: flood waits, daily quotas, the hashes under which it may name channels.
//!
//! All of it is durable, so a restart asks for nothing earlier than before.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::{
    Error, TenantStore,
    control::{timestamp, timestamp_maybe},
};
use crate::model::MembershipId;

/// Days of usage that are kept.
const USAGE_KEPT_DAYS: i64 = 7;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3600 * 1000;

/// A method that an account may not call yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloodWait {
    pub membership: MembershipId,
    /// As Telegram names it: `messages.getHistory`.
    pub method: String,
    pub until: Timestamp,
}

/// What an account knows of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelPeer {
    /// The `-100…` id.
    pub telegram_id: i64,
    pub access_hash: i64,
    /// The account is a member.
    pub joined: bool,
    pub resolved_at: Timestamp,
}

impl TenantStore {
    /// Notes that a method may not be called before `until`; an earlier note that reaches further stands.
    pub fn flood_wait_put(&self, wait: FloodWait) -> Result<(), Error> {
        self.db.write(move |tx| {
            tx.prepare_cached(
                "INSERT INTO flood_waits (membership_id, method, until) VALUES (?1, ?2, ?3)
                 ON CONFLICT (membership_id, method) DO UPDATE SET until = max(until, ?3)",
            )?
            .execute(params![wait.membership.0, wait.method, wait.until.as_millisecond()])?;
            Ok(())
        })
    }

    /// The waits that are not over.
    pub fn flood_wait_list(&self, now: Timestamp) -> Result<Vec<FloodWait>, Error> {
        self.db.read(|db| {
            let sql = "SELECT membership_id, method, until FROM flood_waits WHERE until > ?1 ORDER BY until";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([now.as_millisecond()], |row| {
                Ok(FloodWait {
                    membership: MembershipId(row.get(0)?),
                    method: row.get(1)?,
                    until: timestamp(row, 2)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Counts one use of a quota unless it is used up today (UTC); whether it was granted.
    pub fn usage_take(
        &self,
        membership: MembershipId,
        kind: &'static str,
        per_day_max: u32,
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.db.write(move |tx| {
            let day = now.as_millisecond().div_euclid(DAY_MS);
            tx.prepare_cached("DELETE FROM account_usage WHERE membership_id = ?1 AND day < ?2")?
                .execute(params![membership.0, day - USAGE_KEPT_DAYS])?;
            let taken = tx
                .prepare_cached(
                    "INSERT INTO account_usage (membership_id, kind, day, count) SELECT ?1, ?2, ?3, 1 WHERE ?4 > 0
                     ON CONFLICT (membership_id, kind, day) DO UPDATE SET count = count + 1 WHERE count < ?4",
                )?
                .execute(params![membership.0, kind, day, per_day_max])?;
            Ok(taken > 0)
        })
    }

    /// Remembers under which hash an account may name a channel.
    pub fn peer_put(&self, membership: MembershipId, peer: ChannelPeer) -> Result<(), Error> {
        self.db.write(move |tx| {
            tx.prepare_cached(
                "INSERT INTO channel_peers (membership_id, telegram_id, access_hash, joined, resolved_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (membership_id, telegram_id) DO UPDATE SET access_hash = ?3, joined = ?4, resolved_at = ?5",
            )?
            .execute(params![
                membership.0,
                peer.telegram_id,
                peer.access_hash,
                peer.joined,
                peer.resolved_at.as_millisecond()
            ])?;
            Ok(())
        })
    }

    pub fn peer_find(
        &self,
        membership: MembershipId,
        telegram_id: i64,
    ) -> Result<Option<ChannelPeer>, Error> {
        self.db.read(|db| {
            let sql = "SELECT telegram_id, access_hash, joined, resolved_at FROM channel_peers
                       WHERE membership_id = ?1 AND telegram_id = ?2";
            let mut statement = db.prepare_cached(sql)?;
            let found = statement.query_row([membership.0, telegram_id], |row| {
                Ok(ChannelPeer {
                    telegram_id: row.get(0)?,
                    access_hash: row.get(1)?,
                    joined: row.get(2)?,
                    resolved_at: timestamp(row, 3)?,
                })
            });
            Ok(found.optional()?)
        })
    }

    /// When any account last looked a channel up.
    pub fn peer_resolved_at(&self, telegram_id: i64) -> Result<Option<Timestamp>, Error> {
        self.db.read(|db| {
            let sql = "SELECT max(resolved_at) FROM channel_peers WHERE telegram_id = ?1";
            Ok(db.prepare_cached(sql)?.query_row([telegram_id], |row| timestamp_maybe(row, 0))?)
        })
    }

    /// Forgets how an account named a channel.
    pub fn peer_delete(&self, membership: MembershipId, telegram_id: i64) -> Result<(), Error> {
        self.db.write(move |tx| {
            tx.prepare_cached("DELETE FROM channel_peers WHERE membership_id = ?1 AND telegram_id = ?2")?
                .execute(params![membership.0, telegram_id])?;
            Ok(())
        })
    }
}
