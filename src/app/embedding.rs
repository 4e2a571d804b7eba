//! Vectors by a model outside: whether they may be, what they cost, and what is done without.
//!
//! One index holds vectors of one model, so who makes them is decided for a tenant as a whole: the provider that the configuration
//! names, once an admin switched it on, everybody who follows a channel agreed and there is a key; else the model here. A question
//! goes out only for somebody who agreed, and not for long: words alone answer where no vector comes. Posts wait, however long it
//! takes, and are found by words meanwhile. Posts may use a part of each cap only, so that questions and answers are still paid for
//! while a whole history is sent.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::Serialize;

use super::{
    App, Error, Indexes, Tenant,
    model_calls::{Denied, measured, paused},
    model_spending::{WHOLE_PERCENT, cost},
    models::SharedEmbedder,
};
use crate::{
    ai::{
        self, ModelId, Remote, RemoteError, Usage,
        remote::{QUESTION_PATIENCE, RemoteEmbedder},
    },
    config::ProviderConfig,
    model::{ConsentPurpose, MembershipId, ModelFeature, Provider, TenantId},
};

/// Hundredths of each cap that vectors of posts may use.
pub const POSTS_PERCENT: u64 = 75;
/// After a failure that does not keep the provider from being asked, posts wait this long.
const FAILED_WAIT: SignedDuration = SignedDuration::from_secs(15);
/// The same after a refusal.
const REFUSED_WAIT: SignedDuration = SignedDuration::from_mins(5);

/// Who makes a tenant's vectors.
pub enum VectorMaker {
    /// Embedding is off, or no model is installed.
    Nobody,
    Here(SharedEmbedder),
    /// The configured provider, by this id.
    Outside(ModelId),
}

impl VectorMaker {
    /// The model's id.
    pub fn model(&self) -> Option<&str> {
        match self {
            VectorMaker::Nobody => None,
            VectorMaker::Here(model) => Some(model.model().as_str()),
            VectorMaker::Outside(id) => Some(id.as_str()),
        }
    }
}

/// Why vectors of tenants are not made outside at the moment, by the last try.
#[derive(Debug, Default)]
pub(super) struct EmbeddingWaits(Mutex<HashMap<TenantId, Denied>>);

impl EmbeddingWaits {
    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Denied>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forget(&self, tenant: TenantId) {
        self.lock().remove(&tenant);
    }
}

/// Who makes a tenant's vectors, and how far they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct VectorsView {
    /// The provider that the configuration names; none: vectors are made here for everybody.
    pub provider: Option<Provider>,
    /// Why this tenant's are made here all the same: `off`, `no_consent`, `no_key`.
    pub denied: Option<String>,
    /// The model that makes them; none: posts are found by words alone.
    pub model: Option<String>,
    /// Posts that have vectors of it.
    pub embedded: u64,
    /// Posts that have none yet.
    pub waiting: u64,
    /// Why none are made at the moment.
    pub waits: Option<String>,
}

/// A provider that can be asked.
type Provided<'a> = (&'a ProviderConfig, Arc<Remote>);

impl App {
    /// Why this tenant's vectors may not be made outside.
    pub fn embedding_denied(&self, tenant: &Tenant) -> Result<Option<Denied>, Error> {
        if let Some(denied) = self.model_denied(tenant, ModelFeature::Embedding, None)? {
            return Ok(Some(denied));
        }
        if !tenant.store.channels_unagreed(ConsentPurpose::ExternalModels)?.is_empty() {
            return Ok(Some(Denied::NoConsent));
        }
        // What keeps a key from being used now passes; vectors are not made anew for it.
        Ok(match self.outside_remote(tenant)? {
            Err(Denied::NoKey) => Some(Denied::NoKey),
            Ok(_) | Err(_) => None,
        })
    }

    /// Who makes this tenant's vectors now.
    pub fn vectors_maker(&self, tenant: &Tenant) -> Result<VectorMaker, Error> {
        if let Some(id) = self.outside_id()
            && self.embedding_denied(tenant)?.is_none()
        {
            return Ok(VectorMaker::Outside(id));
        }
        Ok(self.embedder()?.map_or(VectorMaker::Nobody, VectorMaker::Here))
    }

    /// Whether a provider makes vectors at all.
    pub fn embeds_outside(&self) -> bool {
        self.config.ai.embedder_outside().is_some()
    }

    /// Whether questions can be compared with vectors of this model: else those that are made in their stead answer from the first on.
    pub fn vectors_askable(&self, tenant: &Tenant, model: &str) -> Result<bool, Error> {
        if self.is_outside(model) {
            return Ok(self.embedding_denied(tenant)?.is_none());
        }
        Ok(self.embedder_open(model).is_ok())
    }

    /// Whether a search in this tenant waits for somebody outside.
    pub fn search_waits(&self, tenant: &Tenant) -> Result<bool, Error> {
        Ok(self.embeds_outside()
            && Indexes::vector_model(&tenant.store)?.is_some_and(|model| self.is_outside(&model)))
    }

    pub(super) fn is_outside(&self, model: &str) -> bool {
        self.outside_id().is_some_and(|id| id.as_str() == model)
    }

    fn outside_id(&self) -> Option<ModelId> {
        let config = self.config.ai.embedder_outside()?;
        Some(RemoteEmbedder::id(config.provider, &config.base_url, &config.embedding_model))
    }

    fn outside_remote(&self, tenant: &Tenant) -> Result<Result<Provided<'_>, Denied>, Error> {
        let Some(config) = self.config.ai.embedder_outside() else { return Ok(Err(Denied::Off)) };
        match self.provider_remote(tenant, config.provider) {
            Ok(Some(remote)) => Ok(Ok((config, remote))),
            Ok(None) => Ok(Err(Denied::NoKey)),
            Err(Error::Ai(ai::Error::Remote(error))) => Ok(Err(Denied::Failed(error))),
            Err(error @ Error::Store(_)) => Err(error),
            // A key that cannot be opened is none, and nobody else's trouble.
            Err(error) => {
                tracing::warn!(provider = config.provider.name(), %error, "model provider cannot be used");
                Ok(Err(Denied::NoKey))
            }
        }
    }

    /// The provider's model as this tenant asks it. The length of its vectors is that of those there are, else it is asked.
    pub fn outside_open(&self, tenant: &Tenant) -> Result<Result<RemoteEmbedder, Denied>, Error> {
        let (config, remote) = match self.outside_remote(tenant)? {
            Ok(found) => found,
            Err(denied) => return Ok(Err(denied)),
        };
        let model = config.embedding_model.as_str();
        let id = RemoteEmbedder::id(config.provider, &config.base_url, model);
        let dimensions = if let Some((_, dimensions)) = tenant.store.model_find(id.as_str())? {
            dimensions
        } else {
            let estimate = RemoteEmbedder::probe_estimate();
            let probe = || RemoteEmbedder::probe(&remote, model);
            match self.outside_paid(tenant, (config, &remote), (estimate, POSTS_PERCENT), probe)? {
                Ok(dimensions) => {
                    tenant.store.model_upsert(id.as_str(), dimensions)?;
                    dimensions
                }
                Err(denied) => return Ok(Err(denied)),
            }
        };
        Ok(Ok(RemoteEmbedder::new(remote, model, dimensions)))
    }

    /// Whether the provider's model answers at all, and with as many numbers as before. No post is sent.
    pub fn outside_answers(
        &self,
        tenant: &Tenant,
        embedder: &RemoteEmbedder,
    ) -> Result<Result<(), Denied>, Error> {
        let Some(config) = self.config.ai.embedder_outside() else { return Ok(Err(Denied::Off)) };
        let estimate = RemoteEmbedder::probe_estimate();
        let asked = (config, embedder.remote().as_ref());
        self.outside_paid(tenant, asked, (estimate, POSTS_PERCENT), || embedder.answers())
    }

    /// Vectors of pieces of posts. Looked at before each call: somebody may just have taken their consent back.
    pub fn outside_posts(
        &self,
        tenant: &Tenant,
        embedder: &RemoteEmbedder,
        texts: &[&str],
    ) -> Result<Result<Vec<Vec<f32>>, Denied>, Error> {
        let mut vectors = Vec::with_capacity(texts.len());
        for call in RemoteEmbedder::calls(texts) {
            if let Some(denied) = self.embedding_denied(tenant)? {
                return Ok(Err(denied));
            }
            match self.outside_call(tenant, embedder, call, (POSTS_PERCENT, None))? {
                Ok(made) => vectors.extend(made),
                Err(denied) => return Ok(Err(denied)),
            }
        }
        Ok(Ok(vectors))
    }

    /// A question as a vector of the provider's model. `asker`: who must have agreed; `None`: a token of the tenant, or the operator.
    pub(super) fn outside_question(
        &self,
        tenant: &Tenant,
        asker: Option<MembershipId>,
        text: &str,
    ) -> Result<Result<Vec<f32>, Denied>, Error> {
        let denied = match self.embedding_denied(tenant)? {
            None => self.model_denied(tenant, ModelFeature::Embedding, asker)?,
            denied => denied,
        };
        if let Some(denied) = denied {
            return Ok(Err(denied));
        }
        let embedder = match self.outside_open(tenant)? {
            Ok(embedder) => embedder,
            Err(denied) => return Ok(Err(denied)),
        };
        let made = self.outside_call(tenant, &embedder, &[text], (WHOLE_PERCENT, Some(QUESTION_PATIENCE)))?;
        Ok(made.map(|vectors| vectors.into_iter().next().unwrap_or_default()))
    }

    /// One call, paid for; so many hundredths of each cap are to be had.
    fn outside_call(
        &self,
        tenant: &Tenant,
        embedder: &RemoteEmbedder,
        texts: &[&str],
        (percent, patience): (u64, Option<Duration>),
    ) -> Result<Result<Vec<Vec<f32>>, Denied>, Error> {
        let Some(config) = self.config.ai.embedder_outside() else { return Ok(Err(Denied::Off)) };
        let estimate = Usage::estimate_texts(texts);
        self.outside_paid(tenant, (config, embedder.remote()), (estimate, percent), || {
            embedder.call(texts, patience).map(|made| (made.vectors, made.usage))
        })
    }

    /// Asks, and pays from the tenant's budget: takes what it may cost beforehand, settles after.
    pub(super) fn outside_paid<T>(
        &self,
        tenant: &Tenant,
        (config, remote): (&ProviderConfig, &Remote),
        (estimate, percent): (Usage, u64),
        ask: impl FnOnce() -> Result<(T, Usage), RemoteError>,
    ) -> Result<Result<T, Denied>, Error> {
        if let Some(until) = remote.paused_until() {
            return Ok(Err(Denied::Failed(paused(remote, until))));
        }
        let (feature, provider) = (ModelFeature::Embedding, config.provider);
        let price = |usage: Usage| cost(usage.total(), config.price_embedding_micros);
        let call = (feature, provider, config.embedding_model.as_str());
        let held = (estimate.total(), price(estimate));
        let spending = match self.spend_begin_within(tenant, call, held, percent)? {
            Ok(spending) => spending,
            Err(hit) => return Ok(Err(Denied::Budget(hit))),
        };
        let started = Instant::now();
        let asked = ask();
        let used = match &asked {
            Ok((_, usage)) => *usage,
            // The server may have worked on it and bill it, although nothing came.
            Err(error) if error.fault.may_be_billed() => estimate,
            Err(_) => Usage::default(),
        };
        self.spend_end(tenant, spending, used, price(used))?;
        measured(feature, provider, started, asked.as_ref().err(), used);
        Ok(asked.map(|(made, _)| made).map_err(|error| {
            tracing::warn!(provider = provider.name(), feature = feature.name(), %error, "model made no vectors");
            Denied::Failed(error)
        }))
    }

    /// Notes how the last try went, for those who look; says when it is worth trying again, `None`: when something changes.
    pub fn outside_settled(
        &self,
        tenant: &Tenant,
        denied: Option<Denied>,
    ) -> Result<Option<Timestamp>, Error> {
        let now = self.now();
        let until = match &denied {
            None | Some(Denied::Off | Denied::NoConsent | Denied::NoKey) => None,
            Some(Denied::Budget(_)) => {
                let tomorrow = now.to_zoned(TimeZone::UTC).tomorrow().and_then(|day| day.start_of_day());
                tomorrow.ok().map(|day| day.timestamp())
            }
            Some(Denied::Failed(error)) => {
                let paused = match self.outside_remote(tenant)? {
                    Ok((_, remote)) => remote.paused_until(),
                    Err(_) => None,
                };
                // A refusal of what is asked of every model needs a person.
                let wait = if error.is_providers() { FAILED_WAIT } else { REFUSED_WAIT };
                Some(paused.unwrap_or_else(|| now.checked_add(wait).unwrap_or(now)))
            }
        };
        let mut waits = self.embedding_waits.lock();
        match denied.filter(|_| until.is_some()) {
            Some(denied) => waits.insert(tenant.id(), denied),
            None => waits.remove(&tenant.id()),
        };
        Ok(until)
    }

    /// Why this tenant's posts get no vectors at the moment, and what to do about it.
    pub(super) fn vectors_wait(&self, tenant: &Tenant) -> Option<(String, &'static str)> {
        match self.embedding_waits.lock().get(&tenant.id())? {
            Denied::Budget(hit) => Some((
                format!("{POSTS_PERCENT} % of the budget for models are used up ({})", hit.name()),
                "wait for the next day or month, or raise the caps; posts are found by words meanwhile",
            )),
            Denied::Failed(error) => Some((error.to_string(), error.fix())),
            Denied::Off | Denied::NoConsent | Denied::NoKey => None,
        }
    }

    /// Who makes this tenant's vectors, and how far they are.
    pub fn vectors_view(&self, tenant: &Tenant) -> Result<VectorsView, Error> {
        let provider = self.config.ai.embedder_outside().map(|config| config.provider);
        let denied = match provider {
            Some(_) => self.embedding_denied(tenant)?,
            None => None,
        };
        let status = self.tenant_status(tenant)?;
        Ok(VectorsView {
            provider,
            denied: denied.map(|denied| denied.name().to_owned()),
            waiting: if status.model.is_some() { status.posts.saturating_sub(status.embedded) } else { 0 },
            model: status.model,
            embedded: status.embedded,
            waits: self.vectors_wait(tenant).map(|(words, _)| words),
        })
    }
}

/// What a search says that has no vector of its question.
pub(super) fn words_only(denied: &Denied) -> String {
    let why = match denied {
        Denied::Off => "models outside are switched off, and vectors are being made here".to_owned(),
        Denied::NoConsent => {
            "a model outside compares meanings here, and there is no consent to ask it".to_owned()
        }
        Denied::NoKey => "the provider that makes vectors has no key".to_owned(),
        Denied::Budget(hit) => format!("the budget for models is used up ({})", hit.name()),
        Denied::Failed(error) => {
            format!("the model that makes vectors does not answer ({})", error.fault.name())
        }
    };
    format!("searched by words only: {why}")
}
