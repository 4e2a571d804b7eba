//! Feature flags: what is switched on for whom.
//!
//! The nearest rule decides: the user's, else the tenant's, else the installation's, else the code's default. A rule holds for so
//! many in a hundred, chosen by a stable hash of the flag and the id, so nobody flips to and fro and raising the share keeps
//! those who were in. Rules are read from memory; a change is stored first and then read anew. One process owns the data
//! directory, so nobody else changes them.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use serde::Serialize;
use serde_json::json;

use super::{App, Error, audit::Origin, tenants::rfc3339, tokens::sha256};
use crate::{
    model::{AuditAction, Flag, FlagScope, MembershipId, TenantId},
    store::{Control, FlagChange, FlagPlace, FlagRule},
};

/// The rules as they are asked for.
type Rules = HashMap<(Flag, FlagPlace), FlagRule>;

/// The rules in memory.
#[derive(Debug)]
pub(super) struct Flags(RwLock<Arc<Rules>>);

impl Flags {
    pub(super) fn new(rules: Vec<FlagRule>) -> Self {
        Self(RwLock::new(Arc::new(by_place(rules))))
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the rules anew. The lock is held over the reading, or of two changes the earlier reading could win.
    fn reload(&self, control: &Control) -> Result<(), Error> {
        let mut rules = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *rules = Arc::new(by_place(control.flag_rule_list()?));
        Ok(())
    }
}

fn by_place(rules: Vec<FlagRule>) -> Rules {
    rules.into_iter().map(|rule| ((rule.flag, rule.place), rule)).collect()
}

/// A rule as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FlagRuleView {
    pub scope: FlagScope,
    /// Of scope `user`.
    pub user_id: Option<MembershipId>,
    /// Of how many in a hundred it holds.
    #[schema(minimum = 0, maximum = 100)]
    pub percent: u8,
    pub version: i64,
    pub updated_at: String,
    pub updated_by: String,
}

/// A flag and what is known of it here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FlagView {
    pub flag: Flag,
    pub description: &'static str,
    /// Where it may be set.
    pub scopes: Vec<FlagScope>,
    #[schema(minimum = 0, maximum = 100)]
    pub percent_default: u8,
    /// What holds for those without a rule of their own.
    #[schema(minimum = 0, maximum = 100)]
    pub percent: u8,
    pub rules: Vec<FlagRuleView>,
}

impl App {
    /// Whether a flag is on for somebody of a tenant. Without a member (an API token) the share is one of tenants, without both
    /// one of installations: all or nothing.
    pub fn flag_on(&self, flag: Flag, tenant: Option<TenantId>, member: Option<MembershipId>) -> bool {
        let rules = self.flags.rules();
        let user = tenant.zip(member).map(|(tenant, member)| FlagPlace::User(tenant, member));
        let places = [user, tenant.map(FlagPlace::Tenant), Some(FlagPlace::Installation)];
        let rule = places.into_iter().flatten().find_map(|place| rules.get(&(flag, place)));
        let percent = rule.map_or(flag.percent_default(), |rule| rule.percent);
        let id = match (member, tenant) {
            (Some(member), _) => format!("user:{member}"),
            (None, Some(tenant)) => format!("tenant:{tenant}"),
            (None, None) => "installation".to_owned(),
        };
        share(flag.name(), &id) < u32::from(percent)
    }

    /// Every flag with the rules that concern a tenant; of the installation, its own rules.
    pub fn flag_list(&self, tenant: Option<TenantId>) -> Vec<FlagView> {
        let rules = self.flags.rules();
        Flag::ALL.into_iter().map(|flag| flag_view(flag, tenant, &rules)).collect()
    }

    /// Sets a rule, or with no `percent` removes it, if it is still at `version` (0: there is none yet).
    pub fn flag_put(
        &self,
        flag: Flag,
        place: FlagPlace,
        percent: Option<u8>,
        version: i64,
        origin: &Origin,
    ) -> Result<FlagView, Error> {
        let (scope, tenant) = match place {
            FlagPlace::Installation => (FlagScope::Installation, None),
            FlagPlace::Tenant(tenant) => (FlagScope::Tenant, Some(tenant)),
            FlagPlace::User(tenant, member) => {
                self.member_get(tenant, member)?;
                (FlagScope::User, Some(tenant))
            }
        };
        if !flag.scopes().contains(&scope) {
            return Err(Error::field("flag", format!("{} is not set for {}", flag.name(), scope.name())));
        }
        if percent.is_some_and(|percent| percent > 100) {
            return Err(Error::field("percent", "choose from 0 to 100"));
        }
        let user = match place {
            FlagPlace::User(_, member) => Some(member),
            FlagPlace::Tenant(_) | FlagPlace::Installation => None,
        };
        let data = json!({ "scope": scope, "user_id": user, "percent": percent });
        let audit = self.audit(origin, tenant, AuditAction::FlagChanged, flag.name(), Some(data));
        match self.control.flag_rule_put(flag, place, percent, version, audit)? {
            FlagChange::Done => {}
            FlagChange::Stale(now_at) => {
                return Err(Error::Conflict(format!(
                    "flag {} was changed meanwhile: the rule is at version {now_at}, not {version}; look again and repeat",
                    flag.name()
                )));
            }
        }
        self.flags.reload(&self.control)?;
        Ok(flag_view(flag, tenant, &self.flags.rules()))
    }
}

/// Where in a hundred somebody stands, for this purpose; the same for ever.
pub(super) fn share(purpose: &str, id: &str) -> u32 {
    let hash = sha256(&format!("{purpose}/{id}"));
    let [a, b, c, d, ..] = hash;
    // Of 2^32 to 100 the remainder favours nobody by more than one in forty million.
    u32::from_be_bytes([a, b, c, d]) % 100
}

fn flag_view(flag: Flag, tenant: Option<TenantId>, rules: &Rules) -> FlagView {
    let near = tenant.and_then(|tenant| rules.get(&(flag, FlagPlace::Tenant(tenant))));
    let nearest = near.or_else(|| rules.get(&(flag, FlagPlace::Installation)));
    let mut shown: Vec<FlagRuleView> = rules
        .values()
        .filter(|rule| rule.flag == flag)
        .filter_map(|rule| match rule.place {
            FlagPlace::Installation => Some(rule_view(rule, FlagScope::Installation, None)),
            FlagPlace::Tenant(of) => (Some(of) == tenant).then(|| rule_view(rule, FlagScope::Tenant, None)),
            FlagPlace::User(of, member) => {
                (Some(of) == tenant).then(|| rule_view(rule, FlagScope::User, Some(member)))
            }
        })
        .collect();
    shown.sort_by_key(|rule| (rule.scope as u8, rule.user_id.map(|id| id.0)));
    FlagView {
        flag,
        description: flag.description(),
        scopes: flag.scopes().to_vec(),
        percent_default: flag.percent_default(),
        percent: nearest.map_or(flag.percent_default(), |rule| rule.percent),
        rules: shown,
    }
}

fn rule_view(rule: &FlagRule, scope: FlagScope, user_id: Option<MembershipId>) -> FlagRuleView {
    FlagRuleView {
        scope,
        user_id,
        percent: rule.percent,
        version: rule.version,
        updated_at: rfc3339(rule.updated_at),
        // An operator's name within the installation is none of a tenant's business.
        updated_by: match scope {
            FlagScope::Installation => "operator".to_owned(),
            FlagScope::Tenant | FlagScope::User => rule.updated_by.clone(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_share_is_stable_even_and_its_own_for_each_purpose() {
        assert_eq!(share("streamed_answers", "user:1"), share("streamed_answers", "user:1"));
        let below = |purpose: &str, percent| {
            (0..10_000).filter(|id| share(purpose, &format!("user:{id}")) < percent).count()
        };
        for percent in [0, 1, 25, 50, 99, 100] {
            let found = below("vector_search", percent);
            let wanted = percent as usize * 100;
            assert!(found.abs_diff(wanted) <= 200, "{percent} %: {found}");
        }
        let both = (0..10_000)
            .filter(|id| {
                let id = format!("user:{id}");
                share("a", &id) < 50 && share("b", &id) < 50
            })
            .count();
        assert!(both.abs_diff(2500) < 200, "one flag's people are not another's: {both}");
    }
}
