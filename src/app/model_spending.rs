//! What models outside the box may cost and did: prices, caps, warnings, the report.
//!
//! A call takes what it may cost before it is made and settles after, so two at once cannot pass a cap together; a crash in between
//! leaves the estimate taken.

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::{App, Error, ErrorCode, Tenant, model_calls::ModelSettings};
use crate::{
    ai::Usage,
    model::{Caps, ModelFeature, Provider, Role},
    store::{CapHit, MemberFilter, SpendKey, SpendRow, SpendTotals},
};

/// Shares of a cap that admins are told of, in hundredths.
pub const WARNED_PERCENTS: [u8; 3] = [90, 75, 50];
/// What stands for a cap that is used up.
const USED_UP_PERCENT: u8 = 100;
/// All of a cap.
pub(super) const WHOLE_PERCENT: u64 = 100;
/// Admins that are told.
const WARNED_ADMINS_MAX: usize = 100;
/// Days one report shows at most.
pub const SPEND_DAYS_MAX: i64 = 366;

/// What was used on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SpendView {
    /// `2026-11-21`
    pub day: String,
    pub feature: String,
    pub provider: String,
    pub model: String,
    pub calls: u64,
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// Millionths of the currency.
    pub money_micros: u64,
}

/// Price of so many tokens, rounded up; prices are millionths for a million.
pub(super) fn cost(tokens: u64, price_micros: u64) -> u64 {
    tokens.saturating_mul(price_micros).div_ceil(1_000_000)
}

pub(super) fn over_budget(hit: CapHit) -> Error {
    let words = format!("the budget for models is used up ({})", hit.name());
    Error::refused(ErrorCode::BudgetExceeded, words)
}

/// A call that is under way.
#[derive(Debug)]
pub(super) struct Spending {
    key: SpendKey,
    month_start: i64,
    held: (u64, u64),
    caps: Caps,
}

/// Days since 1970 and the day its month began.
pub(super) fn day_of(now: Timestamp) -> (i64, i64) {
    let date = now.to_zoned(TimeZone::UTC).date();
    let days = |at: Timestamp| at.as_second().div_euclid(86_400);
    let day = days(now);
    (day, day - i64::from(date.day()) + 1)
}

fn day_name(day: i64) -> String {
    Timestamp::from_second(day * 86_400)
        .map_or_else(|_| String::new(), |at| at.to_zoned(TimeZone::UTC).date().to_string())
}

impl App {
    /// What was used in the last days, the newest first.
    pub fn model_spend(&self, tenant: &Tenant, days: i64) -> Result<Vec<SpendView>, Error> {
        let (today, _) = day_of(self.now());
        let rows = tenant.store.model_spend_list(today - days.clamp(1, SPEND_DAYS_MAX) + 1)?;
        Ok(rows.into_iter().map(spend_view).collect())
    }

    pub(super) fn caps_of(&self, settings: &ModelSettings) -> Caps {
        let (own, ceiling) = (settings.caps, self.config.ai.ceilings);
        let lower = |a: u64, b: u64| match (a, b) {
            (0, other) | (other, 0) => other,
            (a, b) => a.min(b),
        };
        Caps {
            tokens_per_day: lower(own.tokens_per_day, ceiling.tokens_per_day),
            tokens_per_month: lower(own.tokens_per_month, ceiling.tokens_per_month),
            money_micros_per_day: lower(own.money_micros_per_day, ceiling.money_micros_per_day),
            money_micros_per_month: lower(own.money_micros_per_month, ceiling.money_micros_per_month),
        }
    }

    /// Takes what a call may cost: tokens and money.
    pub(super) fn spend_begin(
        &self,
        tenant: &Tenant,
        call: (ModelFeature, Provider, &str),
        held: (u64, u64),
    ) -> Result<Result<Spending, CapHit>, Error> {
        self.spend_begin_within(tenant, call, held, WHOLE_PERCENT)
    }

    /// The same for what may take only so many hundredths of each cap, so that it leaves something for the rest.
    pub(super) fn spend_begin_within(
        &self,
        tenant: &Tenant,
        (feature, provider, model): (ModelFeature, Provider, &str),
        held: (u64, u64),
        percent: u64,
    ) -> Result<Result<Spending, CapHit>, Error> {
        let (day, month_start) = day_of(self.now());
        let key = SpendKey { day, feature, provider, model: model.to_owned() };
        let caps = self.caps_of(&tenant.model_settings()?);
        Ok(match tenant.store.model_spend_take(key.clone(), month_start, held, caps.percent(percent))? {
            None => Ok(Spending { key, month_start, held, caps }),
            Some(hit) => {
                let totals = tenant.store.model_spend_totals(day, month_start)?;
                // Of a part that is used up nobody need hear: the cap itself is not.
                let hit_cap = (percent == WHOLE_PERCENT).then_some(hit);
                self.budget_warn(tenant, day, &totals, &caps, hit_cap)?;
                Err(hit)
            }
        })
    }

    /// Counts what a call used, gives the rest back, and warns where a share of a cap is passed.
    pub(super) fn spend_end(
        &self,
        tenant: &Tenant,
        spending: Spending,
        used: Usage,
        spent: u64,
    ) -> Result<(), Error> {
        let Spending { key, month_start, held, caps } = spending;
        let (day, row) = (key.day, (used.tokens_in, used.tokens_out, spent));
        let totals = tenant.store.model_spend_settle(key, month_start, held, row)?;
        self.budget_warn(tenant, day, &totals, &caps, None)
    }

    /// Tells the admins, once a period, what share of a cap is used; of several the highest. `day`: the one that was counted, which
    /// a call that ends after midnight began on.
    fn budget_warn(
        &self,
        tenant: &Tenant,
        day: i64,
        used: &SpendTotals,
        caps: &Caps,
        hit: Option<CapHit>,
    ) -> Result<(), Error> {
        let day = day_name(day);
        let month = day.get(.."2026-11".len()).unwrap_or_default().to_owned();
        let rows = [
            (CapHit::TokensDay, &day, "tokens", used.tokens_day, caps.tokens_per_day),
            (CapHit::TokensMonth, &month, "tokens", used.tokens_month, caps.tokens_per_month),
            (CapHit::MoneyDay, &day, "money", used.money_micros_day, caps.money_micros_per_day),
            (CapHit::MoneyMonth, &month, "money", used.money_micros_month, caps.money_micros_per_month),
        ];
        for (cap, period, unit, used, limit) in rows {
            let percent = if hit == Some(cap) {
                Some(USED_UP_PERCENT)
            } else {
                let passed = |percent: &u8| {
                    limit > 0 && used.saturating_mul(100) >= limit.saturating_mul(u64::from(*percent))
                };
                WARNED_PERCENTS.into_iter().find(passed)
            };
            let Some(percent) = percent else { continue };
            let filter = MemberFilter { role: Some(Role::Admin), ..MemberFilter::default() };
            let (admins, _) = self.control.member_list(tenant.id(), &filter, WARNED_ADMINS_MAX, 0)?;
            let admins = admins.iter().map(|admin| admin.id).collect();
            if tenant.store.model_warning_add((period.clone(), unit, percent), admins, self.now())? {
                tracing::warn!(tenant = %tenant.id(), %period, unit, percent, "budget for models");
            }
        }
        Ok(())
    }
}

fn spend_view(row: SpendRow) -> SpendView {
    SpendView {
        day: day_name(row.day),
        feature: row.feature,
        provider: row.provider,
        model: row.model,
        calls: row.calls,
        tokens_in: row.tokens_in,
        tokens_out: row.tokens_out,
        money_micros: row.money_micros,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_knows_where_its_month_began() {
        let at = |text: &str| day_of(text.parse().expect("a time"));
        let (day, start) = at("2026-11-21T12:00:00Z");
        assert_eq!((day_name(day).as_str(), day_name(start).as_str()), ("2026-11-21", "2026-11-01"));
        let (day, start) = at("2026-11-01T00:00:00Z");
        assert_eq!(day, start);
    }

    #[test]
    fn costs_are_rounded_up() {
        assert_eq!((cost(0, 5), cost(1, 1), cost(1_000_000, 1_500_000)), (0, 1, 1_500_000));
    }
}
