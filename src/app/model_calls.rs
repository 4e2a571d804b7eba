//! Asking a model outside the box: whether it may be, by whom, at what cost.
//!
//! The one way there. In this order: the tenant switched it on, the person agreed, a provider has a key, the budget holds. A call
//! takes what it may cost beforehand and settles after. Providers are tried in the configured order; when none answers, the caller
//! does without and says why. Posts are handed to tagging only where all who follow their channel agreed (`store::model_tags`).

use std::{sync::Arc, time::Instant};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{App, Error, Tenant, audit::Origin};
use crate::{
    ai::{ChatAnswer, ChatModel as _, ChatRequest, Pieces, Remote, RemoteError, RemoteModel, Usage},
    model::{AuditAction, Caps, ConsentPurpose, MembershipId, ModelFeature, Provider, Role},
    store::{CapHit, MemberFilter, ModelTagCounts, SpendKey, SpendRow, SpendTotals},
};

/// The key in tenant.db's facts: [`ModelSettings`] as JSON.
const SETTINGS_META: &str = "models";
/// Shares of a cap that admins are told of, in hundredths.
pub const WARNED_PERCENTS: [u8; 3] = [90, 75, 50];
/// What stands for a cap that is used up.
const USED_UP_PERCENT: u8 = 100;
/// Admins that are told.
const WARNED_ADMINS_MAX: usize = 100;
/// Days one report shows at most.
pub const SPEND_DAYS_MAX: i64 = 366;

/// What a tenant's admins chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// Whether anything goes to models outside at all. Off at first.
    pub enabled: bool,
    /// Whether answers are written by a model, for those who agreed.
    #[serde(default = "yes")]
    pub answers: bool,
    /// Whether posts are tagged by a model, of channels whose followers all agreed.
    #[serde(default = "yes")]
    pub tags: bool,
    /// Whether voice messages are written down, of those who agreed.
    #[serde(default = "yes")]
    pub voice: bool,
    /// Lower than the installation's ceilings; 0: those.
    #[serde(default)]
    pub caps: Caps,
}

fn yes() -> bool {
    true
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self { enabled: false, answers: true, tags: true, voice: true, caps: Caps::default() }
    }
}

impl ModelSettings {
    fn allows(&self, feature: ModelFeature) -> bool {
        self.enabled
            && match feature {
                ModelFeature::Answers => self.answers,
                ModelFeature::Tags => self.tags,
                ModelFeature::Voice => self.voice,
                ModelFeature::Test => true,
            }
    }
}

/// Settings, what is in force, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ModelsView {
    pub settings: ModelSettings,
    /// The lower of the tenant's caps and the installation's; 0: none.
    pub caps: Caps,
    pub used: SpendTotals,
    pub currency: String,
    /// Who tries first; none: everything is made here.
    pub order: Vec<Provider>,
    /// How many members agreed.
    pub consents: u64,
    pub tagged: ModelTagCounts,
}

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

/// Why no model was asked, or none answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// The installation has none, or the tenant did not switch it on.
    Off,
    /// The person did not agree.
    NoConsent,
    /// No provider has a key.
    NoKey,
    Budget(CapHit),
    Failed(RemoteError),
}

impl Denied {
    /// As a label and in answers.
    pub fn name(&self) -> &'static str {
        match self {
            Denied::Off => "off",
            Denied::NoConsent => "no_consent",
            Denied::NoKey => "no_key",
            Denied::Budget(_) => "budget",
            Denied::Failed(error) => error.fault.name(),
        }
    }

    /// What people are told; nothing where nothing is amiss.
    pub fn words(&self) -> Option<String> {
        match self {
            Denied::Off | Denied::NoConsent => None,
            Denied::NoKey => Some("no model provider has a key; the answer quotes your posts".to_owned()),
            Denied::Budget(hit) => Some(format!(
                "the budget for models is used up ({}); the answer quotes your posts",
                hit.name()
            )),
            Denied::Failed(error) => Some(format!(
                "the model does not answer ({}); the answer quotes your posts",
                error.fault.name()
            )),
        }
    }
}

/// What a model wrote, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub provider: Provider,
    /// `provider/model`.
    pub model: String,
    pub answer: ChatAnswer,
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

impl Tenant {
    pub fn model_settings(&self) -> Result<ModelSettings, Error> {
        let stored = self.store.meta_find(SETTINGS_META)?;
        // Settings of another version that cannot be read leave it off.
        Ok(stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }
}

impl App {
    /// The tenant's choice, what is in force and used.
    pub fn models_view(&self, tenant: &Tenant) -> Result<ModelsView, Error> {
        let settings = tenant.model_settings()?;
        let (day, month_start) = day_of(self.now());
        Ok(ModelsView {
            settings,
            caps: self.caps_of(&settings),
            used: tenant.store.model_spend_totals(day, month_start)?,
            currency: self.config.ai.currency.clone(),
            order: self.config.ai.chat.clone(),
            consents: tenant.store.consent_count(ConsentPurpose::ExternalModels)?,
            tagged: tenant.store.model_tag_counts()?,
        })
    }

    /// Changes the tenant's choice.
    pub fn models_set(
        &self,
        tenant: &Tenant,
        settings: ModelSettings,
        origin: &Origin,
    ) -> Result<ModelsView, Error> {
        if tenant.model_settings()? != settings {
            let stored = serde_json::to_string(&settings).unwrap_or_default();
            tenant.store.meta_put(SETTINGS_META, stored)?;
            let target = if settings.enabled { "on" } else { "off" };
            let data = Some(json!(settings));
            let audit = self.audit(origin, Some(tenant.id()), AuditAction::ModelsSwitched, target, data);
            self.control.audit_add(audit)?;
            self.tenants.stir(super::Upkeep::ModelTags);
            self.model_wake.signal();
        }
        self.models_view(tenant)
    }

    /// What was used in the last days, the newest first.
    pub fn model_spend(&self, tenant: &Tenant, days: i64) -> Result<Vec<SpendView>, Error> {
        let (today, _) = day_of(self.now());
        let rows = tenant.store.model_spend_list(today - days.clamp(1, SPEND_DAYS_MAX) + 1)?;
        Ok(rows.into_iter().map(spend_view).collect())
    }

    fn caps_of(&self, settings: &ModelSettings) -> Caps {
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

    /// Why a feature may not be asked of a model, before any money is looked at.
    pub fn model_denied(
        &self,
        tenant: &Tenant,
        feature: ModelFeature,
        member: Option<MembershipId>,
    ) -> Result<Option<Denied>, Error> {
        let none = match feature {
            ModelFeature::Answers | ModelFeature::Tags | ModelFeature::Test => self.config.ai.chat.is_empty(),
            ModelFeature::Voice => self.config.ai.speech.is_none(),
        };
        if none || !tenant.model_settings()?.allows(feature) {
            return Ok(Some(Denied::Off));
        }
        let refused = match member {
            Some(member) => !tenant.consent_given(member, ConsentPurpose::ExternalModels)?,
            None => false,
        };
        Ok(refused.then_some(Denied::NoConsent))
    }

    /// The tenant's models in their order.
    pub(super) fn model_list_of(&self, tenant: &Tenant) -> Vec<RemoteModel> {
        let mut models = Vec::new();
        for provider in &self.config.ai.chat {
            let Some(config) = self.config.ai.provider(*provider) else { continue };
            match self.provider_remote(tenant, *provider) {
                Ok(Some(remote)) => models.push(RemoteModel::new(remote, &config.model)),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(provider = provider.name(), %error, "model provider cannot be used");
                }
            }
        }
        models
    }

    /// Asks the tenant's models in their order. `member`: who asks and must have agreed. With `pieces` the answer is streamed;
    /// once a piece is out no other model is asked.
    pub fn model_chat(
        &self,
        tenant: &Tenant,
        (feature, member): (ModelFeature, Option<MembershipId>),
        request: &ChatRequest,
        mut pieces: Option<&mut Pieces<'_>>,
    ) -> Result<Result<Answered, Denied>, Error> {
        if let Some(denied) = self.model_denied(tenant, feature, member)? {
            return Ok(Err(denied));
        }
        let mut denied = Denied::NoKey;
        for model in self.model_list_of(tenant) {
            let mut begun = false;
            let asked = match pieces.as_deref_mut() {
                Some(out) => {
                    let mut streamed = |piece: &str| {
                        begun = true;
                        out(piece)
                    };
                    self.model_ask(tenant, feature, &model, request, Some(&mut streamed))?
                }
                None => self.model_ask(tenant, feature, &model, request, None)?,
            };
            match asked {
                Ok(answered) => return Ok(Ok(answered)),
                Err(why) => denied = why,
            }
            if begun {
                break;
            }
        }
        Ok(Err(denied))
    }

    /// Asks one model within the budget.
    fn model_ask(
        &self,
        tenant: &Tenant,
        feature: ModelFeature,
        model: &RemoteModel,
        request: &ChatRequest,
        pieces: Option<&mut Pieces<'_>>,
    ) -> Result<Result<Answered, Denied>, Error> {
        let remote = model.remote();
        let provider = remote.provider();
        if let Some(until) = remote.paused_until() {
            return Ok(Err(Denied::Failed(paused(remote, until))));
        }
        let Some(config) = self.config.ai.provider(provider) else { return Ok(Err(Denied::NoKey)) };
        let estimate = request.tokens_estimate();
        let dearest = config.price_in_micros.max(config.price_out_micros);
        let held = (estimate, cost(estimate, dearest));
        let spending = match self.spend_begin(tenant, (feature, provider, model.model()), held)? {
            Ok(spending) => spending,
            Err(hit) => return Ok(Err(Denied::Budget(hit))),
        };
        let started = Instant::now();
        let asked = model.remote().chat(model.model(), request, pieces);
        let used = match &asked {
            Ok(answer) => answer.usage,
            Err(error) => error.spent,
        };
        let spent =
            cost(used.tokens_in, config.price_in_micros) + cost(used.tokens_out, config.price_out_micros);
        self.spend_end(tenant, spending, used, spent)?;
        measured(feature, provider, started, asked.as_ref().err(), used);
        Ok(asked
            .map(|answer| Answered { provider, model: model.name().to_owned(), answer })
            .map_err(|error| {
                tracing::warn!(provider = provider.name(), feature = feature.name(), %error, "model did not answer");
                Denied::Failed(error)
            }))
    }

    /// Takes what a call may cost: tokens and money.
    pub(super) fn spend_begin(
        &self,
        tenant: &Tenant,
        (feature, provider, model): (ModelFeature, Provider, &str),
        held: (u64, u64),
    ) -> Result<Result<Spending, CapHit>, Error> {
        let (day, month_start) = day_of(self.now());
        let key = SpendKey { day, feature, provider, model: model.to_owned() };
        let caps = self.caps_of(&tenant.model_settings()?);
        Ok(match tenant.store.model_spend_take(key.clone(), month_start, held, caps)? {
            None => Ok(Spending { key, month_start, held, caps }),
            Some(hit) => {
                let totals = tenant.store.model_spend_totals(day, month_start)?;
                self.budget_warn(tenant, &totals, &caps, Some(hit))?;
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
        let row = (used.tokens_in, used.tokens_out, spent);
        let totals = tenant.store.model_spend_settle(key, month_start, held, row)?;
        self.budget_warn(tenant, &totals, &caps, None)
    }

    /// Tells the admins, once a period, what share of a cap is used; of several the highest.
    fn budget_warn(
        &self,
        tenant: &Tenant,
        used: &SpendTotals,
        caps: &Caps,
        hit: Option<CapHit>,
    ) -> Result<(), Error> {
        let date = self.now().to_zoned(TimeZone::UTC).date();
        let (day, month) = (date.to_string(), format!("{:04}-{:02}", date.year(), date.month()));
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

/// A call that is under way.
#[derive(Debug)]
pub(super) struct Spending {
    key: SpendKey,
    month_start: i64,
    held: (u64, u64),
    caps: Caps,
}

fn paused(remote: &Arc<Remote>, until: Timestamp) -> RemoteError {
    RemoteError {
        provider: remote.provider(),
        fault: crate::ai::RemoteFault::Paused { until },
        detail: String::new(),
        spent: Usage::default(),
    }
}

/// Price of so many tokens, rounded up; prices are millionths for a million.
pub(super) fn cost(tokens: u64, price_micros: u64) -> u64 {
    tokens.saturating_mul(price_micros).div_ceil(1_000_000)
}

fn measured(
    feature: ModelFeature,
    provider: Provider,
    started: Instant,
    error: Option<&RemoteError>,
    used: Usage,
) {
    let (feature, provider) = (feature.name(), provider.name());
    let outcome = error.map_or("success", |error| error.fault.name());
    metrics::counter!("ai_requests_total", "provider" => provider, "feature" => feature, "outcome" => outcome).increment(1);
    metrics::counter!("ai_tokens_total", "provider" => provider, "feature" => feature, "direction" => "in")
        .increment(used.tokens_in);
    metrics::counter!("ai_tokens_total", "provider" => provider, "feature" => feature, "direction" => "out")
        .increment(used.tokens_out);
    metrics::histogram!("ai_request_duration_seconds", "provider" => provider, "feature" => feature)
        .record(started.elapsed().as_secs_f64());
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
