//! Tiers: what each holds, what a member has used, and the refusal of more.
//!
//! One table, `[tiers.*]` of the configuration: what is shown here is what is enforced, by [`App::tier_limits`] alone.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::{App, Error, ErrorCode, Tenant, tenants::rfc3339};
use crate::{model::Tier, store::Member};

/// Milliseconds of a day; days begin at midnight UTC.
const DAY_MS: i64 = 86_400_000;

/// What a tier holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierLimits {
    /// Channels a member may follow.
    pub channels_max: u32,
    /// Questions a member may ask a day, UTC.
    pub questions_per_day_max: u32,
}

/// A member's tier and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SubscriptionView {
    pub subscription_type: Tier,
    /// Tiers do not expire.
    pub subscription_expires_at: Option<String>,
    pub is_active: bool,
    pub channels_limit: u32,
    pub channels_used: u32,
    /// Questions a day.
    pub rag_queries_limit: u32,
    pub rag_queries_used: u32,
    /// When the questions are counted from nothing again.
    pub rag_queries_reset_at: String,
    /// Posts are not counted: empty, because nothing is enforced.
    pub posts_limit: Option<u32>,
}

impl App {
    /// What a tier holds.
    pub fn tier_limits(&self, tier: Tier) -> TierLimits {
        let tiers = &self.config.tiers;
        let raw = match tier {
            Tier::Free => tiers.free,
            Tier::Basic => tiers.basic,
            Tier::Premium => tiers.premium,
            Tier::Pro => tiers.pro,
            Tier::Enterprise => tiers.enterprise,
        };
        TierLimits { channels_max: raw.channels, questions_per_day_max: raw.questions_per_day }
    }

    /// What a member may use and has used.
    pub fn subscription_view(&self, tenant: &Tenant, member: &Member) -> Result<SubscriptionView, Error> {
        let limits = self.tier_limits(member.tier);
        let now = self.now();
        Ok(SubscriptionView {
            subscription_type: member.tier,
            subscription_expires_at: None,
            is_active: true,
            channels_limit: limits.channels_max,
            channels_used: tenant.store.subscription_count(member.id)?,
            rag_queries_limit: limits.questions_per_day_max,
            rag_queries_used: tenant.store.question_count(member.id, day_of(now))?,
            rag_queries_reset_at: rfc3339(day_end(now)),
            posts_limit: None,
        })
    }

    /// Counts a question of today, or refuses it. Returns the day it was counted on.
    pub(super) fn question_take(&self, tenant: &Tenant, member: &Member) -> Result<i64, Error> {
        let max = self.tier_limits(member.tier).questions_per_day_max;
        let now = self.now();
        let day = day_of(now);
        if tenant.store.question_take(member.id, day, max)? {
            return Ok(day);
        }
        Err(Error::Refused {
            code: ErrorCode::TierLimitExceeded,
            message: format!(
                "tier {} allows {max} questions a day, and they are used up; ask again after {}",
                member.tier.name(),
                rfc3339(day_end(now))
            ),
            details: Some(json!({
                "limit": "questions_per_day", "max": max, "current": max, "resets_at": rfc3339(day_end(now)),
            })),
        })
    }
}

/// Days since the beginning of 1970, UTC.
fn day_of(now: Timestamp) -> i64 {
    now.as_millisecond().div_euclid(DAY_MS)
}

fn day_end(now: Timestamp) -> Timestamp {
    let left = DAY_MS - now.as_millisecond().rem_euclid(DAY_MS);
    now.checked_add(SignedDuration::from_millis(left)).unwrap_or(Timestamp::MAX)
}
