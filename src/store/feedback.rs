//! What people say of answers, and what they agreed to.
//!
//! One feedback a person and answer: a second one replaces the first. One consent in force a person and purpose.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::{
    Error, TenantStore,
    control::{timestamp, timestamp_maybe},
    members::named,
};
use crate::model::{ChannelId, ConsentPurpose, MembershipId, Rating};

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    pub id: i64,
    pub membership: MembershipId,
    pub query_id: Option<String>,
    /// The question it is about, while it is kept.
    pub query: Option<String>,
    pub rating: Option<Rating>,
    pub comment: Option<String>,
    pub created_at: Timestamp,
}

/// What somebody says now.
#[derive(Debug, Clone)]
pub struct NewFeedback {
    pub membership: MembershipId,
    pub query_id: Option<String>,
    pub rating: Option<Rating>,
    pub comment: Option<String>,
    pub now: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedbackAdded {
    Kept(i64),
    /// The answer is not theirs, or not kept any more.
    NoSuchAnswer,
    /// They have said enough since then.
    TooMuch,
}

/// A consent that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    pub membership: MembershipId,
    pub purpose: ConsentPurpose,
    pub given_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

impl TenantStore {
    /// Keeps feedback unless its giver has given `max` since `since`.
    pub fn feedback_add(&self, new: NewFeedback, since: Timestamp, max: u32) -> Result<FeedbackAdded, Error> {
        self.db.write(move |tx| {
            let sql = "SELECT count(*) FROM feedback WHERE membership_id = ?1 AND created_at > ?2";
            let given: u32 = tx
                .prepare_cached(sql)?
                .query_row(params![new.membership.0, since.as_millisecond()], |row| row.get(0))?;
            if given >= max {
                return Ok(FeedbackAdded::TooMuch);
            }
            if let Some(query) = &new.query_id {
                let sql = "SELECT count(*) FROM rag_history WHERE query_id = ?1 AND membership_id = ?2";
                let found: i64 =
                    tx.prepare_cached(sql)?.query_row(params![query, new.membership.0], |row| row.get(0))?;
                if found == 0 {
                    return Ok(FeedbackAdded::NoSuchAnswer);
                }
            }
            let sql = "INSERT INTO feedback (membership_id, query_id, rating, comment, created_at)
                VALUES (?1, ?2, ?3, ?4, ?5)
                ON CONFLICT (membership_id, query_id) DO UPDATE SET rating = ?3, comment = ?4, created_at = ?5
                RETURNING id";
            let id = tx.prepare_cached(sql)?.query_row(
                params![
                    new.membership.0,
                    new.query_id,
                    new.rating.map(Rating::name),
                    new.comment,
                    new.now.as_millisecond()
                ],
                |row| row.get(0),
            )?;
            Ok(FeedbackAdded::Kept(id))
        })
    }

    /// A page of feedback, newest first, and how much matches. `member`: only theirs.
    pub fn feedback_list(
        &self,
        member: Option<MembershipId>,
        rating: Option<Rating>,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<Feedback>, u64), Error> {
        self.db.read(|db| {
            let matching = "(?1 IS NULL OR f.rating = ?1) AND (?2 IS NULL OR f.membership_id = ?2)";
            let (rating, member) = (rating.map(Rating::name), member.map(|id| id.0));
            let sql = format!(
                "SELECT f.id, f.membership_id, f.query_id, h.query, f.rating, f.comment, f.created_at
                 FROM feedback f LEFT JOIN rag_history h ON h.query_id = f.query_id
                 WHERE {matching} ORDER BY f.id DESC LIMIT ?3 OFFSET ?4"
            );
            let rows = db
                .prepare_cached(&sql)?
                .query_map(params![rating, member, limit as i64, offset as i64], feedback_from_row)?
                .collect::<rusqlite::Result<_>>()?;
            let sql = format!("SELECT count(*) FROM feedback f WHERE {matching}");
            let total: i64 = db.prepare_cached(&sql)?.query_row(params![rating, member], |row| row.get(0))?;
            Ok((rows, total as u64))
        })
    }

    /// Gives or revokes a consent; `false` if it was so already.
    pub fn consent_put(
        &self,
        member: MembershipId,
        purpose: ConsentPurpose,
        given: bool,
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.db.write(move |tx| {
            let sql = if given {
                "INSERT INTO consents (membership_id, purpose, given_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"
            } else {
                "UPDATE consents SET revoked_at = ?3 WHERE membership_id = ?1 AND purpose = ?2 AND revoked_at IS NULL"
            };
            let at = now.as_millisecond();
            Ok(tx.prepare_cached(sql)?.execute(params![member.0, purpose.name(), at])? > 0)
        })
    }

    /// Whether a consent is in force.
    pub fn consent_given(&self, member: MembershipId, purpose: ConsentPurpose) -> Result<bool, Error> {
        self.db.read(|db| {
            let sql = "SELECT count(*) FROM consents WHERE membership_id = ?1 AND purpose = ?2 AND revoked_at IS NULL";
            let found: i64 =
                db.prepare_cached(sql)?.query_row(params![member.0, purpose.name()], |row| row.get(0))?;
            Ok(found > 0)
        })
    }

    /// Channels that somebody follows who did not agree to a purpose.
    pub fn channels_unagreed(&self, purpose: ConsentPurpose) -> Result<BTreeSet<ChannelId>, Error> {
        self.db.read(|db| {
            let sql =
                "SELECT DISTINCT s.channel_id FROM subscriptions s WHERE NOT EXISTS (SELECT 1 FROM consents c
                       WHERE c.membership_id = s.membership_id AND c.purpose = ?1 AND c.revoked_at IS NULL)";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([purpose.name()], |row| row.get(0).map(ChannelId))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// How many members' consents to a purpose are in force.
    pub fn consent_count(&self, purpose: ConsentPurpose) -> Result<u64, Error> {
        self.db.read(|db| {
            let sql = "SELECT count(*) FROM consents WHERE purpose = ?1 AND revoked_at IS NULL";
            let count: i64 = db.prepare_cached(sql)?.query_row([purpose.name()], |row| row.get(0))?;
            Ok(count as u64)
        })
    }

    /// A page of consents, also revoked ones, newest first, and how many there are. `member`: only theirs.
    pub fn consent_list(
        &self,
        member: Option<MembershipId>,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<Consent>, u64), Error> {
        self.db.read(|db| consent_page(db, member.map(|id| id.0), limit, offset))
    }
}

fn consent_page(
    db: &Connection,
    member: Option<i64>,
    limit: usize,
    offset: usize,
) -> Result<(Vec<Consent>, u64), Error> {
    let sql = "SELECT membership_id, purpose, given_at, revoked_at FROM consents
               WHERE ?1 IS NULL OR membership_id = ?1 ORDER BY id DESC LIMIT ?2 OFFSET ?3";
    let rows = db
        .prepare_cached(sql)?
        .query_map(params![member, limit as i64, offset as i64], |row| {
            Ok(Consent {
                membership: MembershipId(row.get(0)?),
                purpose: named(row, 1, ConsentPurpose::parse)?,
                given_at: timestamp(row, 2)?,
                revoked_at: timestamp_maybe(row, 3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let sql = "SELECT count(*) FROM consents WHERE ?1 IS NULL OR membership_id = ?1";
    let total: i64 = db.prepare_cached(sql)?.query_row([member], |row| row.get(0))?;
    Ok((rows, total as u64))
}

fn feedback_from_row(row: &Row<'_>) -> rusqlite::Result<Feedback> {
    let rating: Option<String> = row.get(4)?;
    Ok(Feedback {
        id: row.get(0)?,
        membership: MembershipId(row.get(1)?),
        query_id: row.get(2)?,
        query: row.get(3)?,
        rating: rating.as_deref().and_then(Rating::parse),
        comment: row.get(5)?,
        created_at: timestamp(row, 6)?,
    })
}
