//! What models outside the box were used for and what it cost, a row a day, feature and model; caps and who was warned.
//!
//! A call takes what it may cost before it is made, and gives back what it did not use: two at once cannot pass a cap together.
//! A crash in between leaves the estimate taken, so the sum is never less than what was spent.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};
use serde::Serialize;

use super::{
    Error, TenantStore,
    notices::{NoticeKind, notice_add},
};
use crate::model::{Caps, MembershipId, ModelFeature, Provider};

/// What a call counts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendKey {
    /// Days since 1970, UTC.
    pub day: i64,
    pub feature: ModelFeature,
    pub provider: Provider,
    pub model: String,
}

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpendRow {
    pub day: i64,
    pub feature: String,
    pub provider: String,
    pub model: String,
    pub calls: u64,
    pub tokens_in: u64,
    pub tokens_out: u64,
    pub money_micros: u64,
}

/// What is used of a day and of its month, calls under way included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SpendTotals {
    pub tokens_day: u64,
    pub tokens_month: u64,
    pub money_micros_day: u64,
    pub money_micros_month: u64,
}

/// The cap a call would pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CapHit {
    TokensDay,
    TokensMonth,
    MoneyDay,
    MoneyMonth,
}

impl CapHit {
    pub fn name(self) -> &'static str {
        match self {
            CapHit::TokensDay => "tokens_day",
            CapHit::TokensMonth => "tokens_month",
            CapHit::MoneyDay => "money_day",
            CapHit::MoneyMonth => "money_month",
        }
    }
}

impl SpendTotals {
    /// The cap that so much more would pass.
    pub fn cap_hit(&self, tokens: u64, money: u64, caps: &Caps) -> Option<CapHit> {
        let over = |used: u64, more: u64, cap: u64| cap > 0 && used.saturating_add(more) > cap;
        if over(self.tokens_day, tokens, caps.tokens_per_day) {
            Some(CapHit::TokensDay)
        } else if over(self.tokens_month, tokens, caps.tokens_per_month) {
            Some(CapHit::TokensMonth)
        } else if over(self.money_micros_day, money, caps.money_micros_per_day) {
            Some(CapHit::MoneyDay)
        } else if over(self.money_micros_month, money, caps.money_micros_per_month) {
            Some(CapHit::MoneyMonth)
        } else {
            None
        }
    }
}

impl TenantStore {
    /// What is used of a day and its month; days since 1970.
    pub fn model_spend_totals(&self, day: i64, month_start: i64) -> Result<SpendTotals, Error> {
        self.db.read(|db| totals(db, day, month_start))
    }

    /// Takes what a call may cost, or says which cap it would pass.
    pub fn model_spend_take(
        &self,
        key: SpendKey,
        month_start: i64,
        (tokens, money): (u64, u64),
        caps: Caps,
    ) -> Result<Option<CapHit>, Error> {
        self.db.write(move |tx| {
            if let Some(hit) = totals(tx, key.day, month_start)?.cap_hit(tokens, money, &caps) {
                return Ok(Some(hit));
            }
            add(tx, &key, [0, 0, 0, 0, tokens as i64, money as i64])?;
            Ok(None)
        })
    }

    /// Counts what a call used and gives the rest of what it took back.
    pub fn model_spend_settle(
        &self,
        key: SpendKey,
        month_start: i64,
        (tokens, money): (u64, u64),
        (tokens_in, tokens_out, spent): (u64, u64, u64),
    ) -> Result<SpendTotals, Error> {
        self.db.write(move |tx| {
            let row =
                [1, tokens_in as i64, tokens_out as i64, spent as i64, -(tokens as i64), -(money as i64)];
            add(tx, &key, row)?;
            totals(tx, key.day, month_start)
        })
    }

    /// What was used since a day, the newest first.
    pub fn model_spend_list(&self, since_day: i64) -> Result<Vec<SpendRow>, Error> {
        self.db.read(|db| {
            let sql = "SELECT day, feature, provider, model, calls, tokens_in, tokens_out, money_micros FROM model_spending
                       WHERE day >= ?1 AND calls > 0 ORDER BY day DESC, feature, provider, model";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([since_day], |row| {
                let count = |column| row.get::<_, i64>(column).map(|n| n as u64);
                Ok(SpendRow {
                    day: row.get(0)?,
                    feature: row.get(1)?,
                    provider: row.get(2)?,
                    model: row.get(3)?,
                    calls: count(4)?,
                    tokens_in: count(5)?,
                    tokens_out: count(6)?,
                    money_micros: count(7)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Forgets who was warned of what: the caps are others.
    pub fn model_warnings_forget(&self) -> Result<(), Error> {
        self.db.write(|tx| {
            tx.execute("DELETE FROM model_warnings", [])?;
            Ok(())
        })
    }

    /// Warns these members of a share of a cap, once a period; `false` if they were before.
    pub fn model_warning_add(
        &self,
        (period, cap, percent): (String, &'static str, u8),
        members: Vec<MembershipId>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.db.write(move |tx| {
            let sql = "INSERT OR IGNORE INTO model_warnings (period, cap, percent, warned_at) VALUES (?1, ?2, ?3, ?4)";
            if tx.prepare_cached(sql)?.execute(params![period, cap, percent, now.as_millisecond()])? == 0 {
                return Ok(false);
            }
            let (subject, reason) = (format!("{period} {cap} {percent}"), format!("budget_{percent}"));
            for member in members {
                notice_add(tx, (member, NoticeKind::ModelBudget, &subject), &reason, (now, now))?;
            }
            Ok(true)
        })
    }
}

fn totals(db: &Connection, day: i64, month_start: i64) -> Result<SpendTotals, Error> {
    let sql = "SELECT coalesce(sum(tokens_in + tokens_out + tokens_held) FILTER (WHERE day = ?1), 0),
                      coalesce(sum(tokens_in + tokens_out + tokens_held), 0),
                      coalesce(sum(money_micros + money_held) FILTER (WHERE day = ?1), 0),
                      coalesce(sum(money_micros + money_held), 0)
               FROM model_spending WHERE day BETWEEN ?2 AND ?1";
    Ok(db.prepare_cached(sql)?.query_row([day, month_start], |row| {
        let count = |column| row.get::<_, i64>(column).map(|n| n.max(0) as u64);
        Ok(SpendTotals {
            tokens_day: count(0)?,
            tokens_month: count(1)?,
            money_micros_day: count(2)?,
            money_micros_month: count(3)?,
        })
    })?)
}

/// Adds to a row: calls, tokens of the question, of the answer, money, held tokens, held money.
fn add(tx: &Transaction<'_>, key: &SpendKey, row: [i64; 6]) -> Result<(), Error> {
    let [calls, tokens_in, tokens_out, money, tokens_held, money_held] = row;
    tx.prepare_cached(
        "INSERT INTO model_spending (day, feature, provider, model, calls, tokens_in, tokens_out, money_micros, tokens_held, money_held)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (day, feature, provider, model) DO UPDATE SET calls = calls + ?5, tokens_in = tokens_in + ?6,
             tokens_out = tokens_out + ?7, money_micros = money_micros + ?8, tokens_held = max(tokens_held + ?9, 0),
             money_held = max(money_held + ?10, 0)",
    )?
    .execute(params![
        key.day,
        key.feature.name(),
        key.provider.name(),
        key.model,
        calls,
        tokens_in,
        tokens_out,
        money,
        tokens_held,
        money_held
    ])?;
    Ok(())
}
