//! Asking a model outside the box: whether it may be, by whom, at what cost.
//!
//! The one way there. In this order: the tenant switched it on, the person agreed, a provider has a key, the budget holds. A call
//! takes what it may cost beforehand and settles after. Providers are tried in the configured order; when none answers, the caller
//! does without and says why. Posts are handed to tagging only where all who follow their channel agreed (`store::model_tags`).

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    App, Error, Tenant, Upkeep,
    audit::Origin,
    embedding::VectorsView,
    model_spending::{cost, day_of},
};
use crate::{
    ai::{ChatAnswer, ChatModel as _, ChatRequest, Pieces, Remote, RemoteError, RemoteModel, Usage},
    config::ProviderConfig,
    model::{AuditAction, Caps, ConsentPurpose, MembershipId, ModelFeature, Provider},
    store::{CapHit, ModelTagCounts, SpendTotals},
};

/// The key in tenant.db's facts: [`ModelSettings`] as JSON.
const SETTINGS_META: &str = "models";
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
    /// Whether vectors are made by the model outside that the configuration names, once all who follow a channel agreed. Off at first:
    /// every post goes there, the old ones too.
    #[serde(default)]
    pub embedding: bool,
    /// Lower than the installation's ceilings; 0: those.
    #[serde(default)]
    pub caps: Caps,
}

fn yes() -> bool {
    true
}

impl Default for ModelSettings {
    fn default() -> Self {
        let caps = Caps::default();
        Self { enabled: false, answers: true, tags: true, voice: true, embedding: false, caps }
    }
}

impl ModelSettings {
    fn allows(&self, feature: ModelFeature) -> bool {
        self.enabled
            && match feature {
                ModelFeature::Answers => self.answers,
                ModelFeature::Tags => self.tags,
                ModelFeature::Voice => self.voice,
                ModelFeature::Embedding => self.embedding,
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
    /// Who makes the vectors, and how far they are.
    pub vectors: VectorsView,
}

/// Who is sent something outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    pub provider: Provider,
    pub host: String,
}

impl Recipient {
    /// Who it is for people: a server that speaks `OpenAI`'s protocol is known by its address alone.
    pub fn called(&self) -> String {
        match self.provider {
            Provider::GigaChat => format!("GigaChat ({})", self.host),
            Provider::SaluteSpeech => format!("SaluteSpeech ({})", self.host),
            Provider::OpenAi | Provider::Speech => self.host.clone(),
        }
    }
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
            vectors: self.vectors_view(tenant)?,
        })
    }

    /// Changes the tenant's choice.
    pub fn models_set(
        &self,
        tenant: &Tenant,
        settings: ModelSettings,
        origin: &Origin,
    ) -> Result<ModelsView, Error> {
        let before = tenant.model_settings()?;
        if before != settings {
            let stored = serde_json::to_string(&settings).unwrap_or_default();
            tenant.store.meta_put(SETTINGS_META, stored)?;
            if before.caps != settings.caps {
                // Shares of the caps of before say nothing of these.
                tenant.store.model_warnings_forget()?;
            }
            let target = if settings.enabled { "on" } else { "off" };
            let data = Some(json!(settings));
            let audit = self.audit(origin, Some(tenant.id()), AuditAction::ModelsSwitched, target, data);
            self.control.audit_add(audit)?;
            self.models_stir();
        }
        self.models_view(tenant)
    }

    /// What models may be asked has changed: whoever waited for it looks again.
    pub(super) fn models_stir(&self) {
        for upkeep in [Upkeep::ModelTags, Upkeep::Embed, Upkeep::EmbedOutside] {
            self.tenants.stir(upkeep);
        }
        self.model_wake.signal();
        self.embed_wake.signal();
    }

    /// Why a feature may not be asked of a model, before any money is looked at.
    pub fn model_denied(
        &self,
        tenant: &Tenant,
        feature: ModelFeature,
        member: Option<MembershipId>,
    ) -> Result<Option<Denied>, Error> {
        if self.providers_of(feature).is_empty() || !tenant.model_settings()?.allows(feature) {
            return Ok(Some(Denied::Off));
        }
        let refused = match member {
            Some(member) => !tenant.consent_given(member, ConsentPurpose::ExternalModels)?,
            None => false,
        };
        Ok(refused.then_some(Denied::NoConsent))
    }

    /// What of those who agreed goes outside as the tenant has it now, and to whom, in the order in which they are asked; nothing
    /// where models are off.
    pub fn model_recipients(&self, tenant: &Tenant) -> Result<Vec<(ModelFeature, Vec<Recipient>)>, Error> {
        let settings = tenant.model_settings()?;
        let recipient = |config: &ProviderConfig| Recipient {
            provider: config.provider,
            host: config.base_url.host_str().unwrap_or_default().to_owned(),
        };
        let purposes =
            [ModelFeature::Answers, ModelFeature::Tags, ModelFeature::Voice, ModelFeature::Embedding];
        let sent = purposes.map(|feature| {
            let asked = if settings.allows(feature) { self.providers_of(feature) } else { Vec::new() };
            (feature, asked.into_iter().map(recipient).collect::<Vec<_>>())
        });
        Ok(sent.into_iter().filter(|(_, to)| !to.is_empty()).collect())
    }

    /// Who is configured to do something, in their order.
    fn providers_of(&self, feature: ModelFeature) -> Vec<&ProviderConfig> {
        let ai = &self.config.ai;
        match feature {
            ModelFeature::Answers | ModelFeature::Tags | ModelFeature::Test => {
                ai.chat.iter().filter_map(|provider| ai.provider(*provider)).collect()
            }
            ModelFeature::Voice => ai.voice().into_iter().collect(),
            ModelFeature::Embedding => ai.embedder_outside().into_iter().collect(),
        }
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

    /// How long those that are asked may be silent, one after the other.
    pub fn model_patience(&self) -> Duration {
        let ai = &self.config.ai;
        ai.chat.iter().filter_map(|provider| ai.provider(*provider)).map(|config| config.timeout).sum()
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
                // That somebody refused this question tells more than that the next one is down: it is not asked for ever.
                Err(_) if matches!(&denied, Denied::Failed(error) if !error.is_providers()) => {}
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
        let asked = match self.model_paid(tenant, feature, (config, remote), request, pieces)? {
            Ok(asked) => asked,
            Err(hit) => return Ok(Err(Denied::Budget(hit))),
        };
        Ok(asked
            .map(|answer| Answered { provider, model: model.name().to_owned(), answer })
            .map_err(|error| {
                tracing::warn!(provider = provider.name(), feature = feature.name(), %error, "model did not answer");
                Denied::Failed(error)
            }))
    }

    /// Asks, and pays from the tenant's budget: takes what it may cost beforehand, settles after.
    pub(super) fn model_paid(
        &self,
        tenant: &Tenant,
        feature: ModelFeature,
        (config, remote): (&ProviderConfig, &Remote),
        request: &ChatRequest,
        pieces: Option<&mut Pieces<'_>>,
    ) -> Result<Result<Result<ChatAnswer, RemoteError>, CapHit>, Error> {
        let provider = remote.provider();
        let estimate = request.tokens_estimate();
        let dearest = config.price_in_micros.max(config.price_out_micros);
        let held = (estimate, cost(estimate, dearest));
        let spending = match self.spend_begin(tenant, (feature, provider, &config.model), held)? {
            Ok(spending) => spending,
            Err(hit) => return Ok(Err(hit)),
        };
        let started = Instant::now();
        let asked = remote.chat(&config.model, request, pieces);
        let used = match &asked {
            Ok(answer) => answer.usage,
            // The server may have worked on it and bill it, although nothing came.
            Err(error) if error.spent == Usage::default() && error.fault.may_be_billed() => {
                Usage::estimate(request, "")
            }
            Err(error) => error.spent,
        };
        let spent =
            cost(used.tokens_in, config.price_in_micros) + cost(used.tokens_out, config.price_out_micros);
        self.spend_end(tenant, spending, used, spent)?;
        measured(feature, provider, started, asked.as_ref().err(), used);
        Ok(Ok(asked))
    }
}

pub(super) fn paused(remote: &Remote, until: Timestamp) -> RemoteError {
    RemoteError {
        provider: remote.provider(),
        fault: crate::ai::RemoteFault::Paused { until },
        detail: String::new(),
        spent: Usage::default(),
    }
}

pub(super) fn measured(
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
