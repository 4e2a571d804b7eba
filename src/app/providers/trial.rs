//! Trying a provider out: whether the key is taken, which models there are, whether those that are named answer.
//!
//! No post is sent. What a tenant tries it pays for.

use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    ai::{Remote, RemoteError, RemoteFault, chat, remote::RemoteEmbedder},
    app::{
        App, Error, Tenant,
        doctor::{Finding, State},
        model_calls::Denied,
        model_spending::{WHOLE_PERCENT, over_budget},
    },
    config::ProviderConfig,
    model::{ModelFeature, Provider},
};

/// Models a test shows.
const MODELS_SHOWN: usize = 100;
/// Longest answer to the question of a test, tokens.
const TEST_TOKENS_MAX: u32 = 16;

/// What came of trying a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ProviderTest {
    pub provider: Provider,
    pub ok: bool,
    /// What is wrong: `key_refused`, `scope_refused`, `certificate`, ….
    pub problem: Option<String>,
    pub message: String,
    /// What to do about it.
    pub fix: Option<String>,
    /// The models the key may use.
    pub models: Vec<String>,
}

impl App {
    /// Tries a provider out with the key there is, or with one that is to be entered: what models it has, and whether the
    /// configured ones write a word and make a vector. Nothing of any post is sent.
    pub fn provider_test(
        &self,
        tenant: Option<&Tenant>,
        provider: Provider,
        key: Option<&str>,
    ) -> Result<ProviderTest, Error> {
        let config = self.provider_config(provider)?;
        let key = match (key, tenant) {
            (Some(key), _) => Some(Zeroizing::new(key.trim().to_owned())),
            (None, Some(tenant)) => {
                let own = tenant.store.model_key_list()?.into_iter().find(|key| key.provider == provider);
                match own {
                    Some(key) => Some(self.key_unseal(&key)?),
                    None => self.installation_key(config)?,
                }
            }
            (None, None) => self.installation_key(config)?,
        };
        Ok(match self.remote_make(config, key) {
            Ok(Some(remote)) => self.provider_tried(tenant, &remote, config)?,
            Ok(None) => ProviderTest {
                provider,
                ok: false,
                problem: Some("key_missing".to_owned()),
                message: format!("{}: there is no key", provider.name()),
                fix: Some("enter the provider's key".to_owned()),
                models: Vec::new(),
            },
            Err(error) => failed(&error, Vec::new()),
        })
    }

    /// Asks for the models, then for one word and one vector, which a tenant pays for. `SaluteSpeech` has no list and is sent no sound.
    fn provider_tried(
        &self,
        tenant: Option<&Tenant>,
        remote: &Remote,
        config: &ProviderConfig,
    ) -> Result<ProviderTest, Error> {
        let provider = config.provider;
        if provider == Provider::SaluteSpeech {
            let message = format!("{}: the key is taken, the service answers", provider.name());
            let ok =
                ProviderTest { provider, ok: true, problem: None, message, fix: None, models: Vec::new() };
            let tried = remote.recognition_try(&config.model);
            return Ok(tried.map_or_else(|error| failed(&error, Vec::new()), |()| ok));
        }
        // Some servers have no list of models: what counts is whether the model answers.
        let models = remote.models();
        if let Err(error) = &models
            && !matches!(error.fault, RemoteFault::NotFound | RemoteFault::Malformed)
        {
            return Ok(failed(error, Vec::new()));
        }
        let mut models = models.unwrap_or_default();
        models.truncate(MODELS_SHOWN);
        let embeds = self.embeds(provider);
        let writes = !provider.is_voice()
            && !config.model.is_empty()
            && (!embeds || self.config.ai.chat.contains(&provider));
        let mut words = Vec::new();
        if writes {
            if let Err(error) = self.writing_tried(tenant, remote, config)? {
                return Ok(failed(&error, models));
            }
            words.push(format!("{} answers", config.model));
        }
        if embeds {
            match self.embedding_tried(tenant, remote, config)? {
                Ok(numbers) => {
                    words.push(format!("{} makes vectors of {numbers} numbers", config.embedding_model));
                }
                Err(error) => {
                    let message = format!("vectors by {}: {error}", config.embedding_model);
                    return Ok(ProviderTest { message, ..failed(&error, models) });
                }
            }
        }
        if words.is_empty() {
            words.push(format!("the key is taken, {} models", models.len()));
        }
        let message = format!("{}: {}", provider.name(), words.join(", "));
        Ok(ProviderTest { provider, ok: true, problem: None, message, fix: None, models })
    }

    /// Whether the configuration has a provider write, write down, or make vectors.
    pub(super) fn is_used(&self, provider: Provider) -> bool {
        let voice = self.config.ai.voice().map(|config| config.provider);
        self.config.ai.chat.contains(&provider) || voice == Some(provider) || self.embeds(provider)
    }

    /// Whether the configuration has this provider make vectors.
    pub(super) fn embeds(&self, provider: Provider) -> bool {
        self.config.ai.embedder_outside().is_some_and(|config| config.provider == provider)
    }

    /// Asks for one word.
    fn writing_tried(
        &self,
        tenant: Option<&Tenant>,
        remote: &Remote,
        config: &ProviderConfig,
    ) -> Result<Result<(), RemoteError>, Error> {
        let request = chat::ChatRequest {
            messages: vec![chat::ChatMessage { role: chat::ChatRole::User, content: "Say: yes".to_owned() }],
            tokens_max: TEST_TOKENS_MAX,
            temperature: 0.0,
            schema: None,
        };
        let asked = match tenant {
            Some(tenant) => {
                let paid = self.model_paid(tenant, ModelFeature::Test, (config, remote), &request, None)?;
                paid.map_err(over_budget)?
            }
            None => remote.chat(&config.model, &request, None),
        };
        Ok(asked.map(|_| ()))
    }

    /// Asks for the vector of one word.
    fn embedding_tried(
        &self,
        tenant: Option<&Tenant>,
        remote: &Remote,
        config: &ProviderConfig,
    ) -> Result<Result<usize, RemoteError>, Error> {
        let probe = || RemoteEmbedder::probe(remote, &config.embedding_model);
        let Some(tenant) = tenant else { return Ok(probe().map(|(numbers, _)| numbers)) };
        let cost = (RemoteEmbedder::probe_estimate(), WHOLE_PERCENT);
        match self.outside_paid(tenant, (config, remote), cost, probe)? {
            Ok(numbers) => Ok(Ok(numbers)),
            Err(Denied::Budget(hit)) => Err(over_budget(hit)),
            Err(Denied::Failed(error)) => Ok(Err(error)),
            Err(denied @ (Denied::Off | Denied::NoConsent | Denied::NoKey)) => {
                Err(Error::Unavailable(format!("{}: {}", config.provider.name(), denied.name())))
            }
        }
    }

    /// What doctor says of the providers that are to write, write down, or make vectors.
    pub(in crate::app) fn check_providers(&self) -> Vec<Finding> {
        let ai = &self.config.ai;
        let mut providers = ai.chat.clone();
        providers
            .extend(ai.embedder_outside().map(|config| config.provider).filter(|one| !ai.chat.contains(one)));
        providers.extend(ai.voice().map(|config| config.provider));
        providers.into_iter().map(|provider| self.check_provider(provider)).collect()
    }

    fn check_provider(&self, provider: Provider) -> Finding {
        let name = format!("model provider {}", provider.name());
        match self.provider_test(None, provider, None) {
            Ok(test) if test.ok => Finding::ok(&name, test.message),
            Ok(test) => Finding::not_ok(
                &name,
                State::Reduced,
                format!("{}; {}", test.message, self.without(provider)),
                test.fix.unwrap_or_default(),
            ),
            Err(error) => Finding::not_ok(&name, State::Reduced, error.to_string(), "follow the message"),
        }
    }

    /// What is done without a provider.
    fn without(&self, provider: Provider) -> &'static str {
        if provider.is_voice() {
            return "voice messages are not written down";
        }
        match (self.config.ai.chat.contains(&provider), self.embeds(provider)) {
            (false, true) => "posts wait for their vectors and are found by words",
            (true, true) => {
                "answers and tags are made locally, posts wait for their vectors and are found by words"
            }
            (_, false) => "answers and tags are made locally",
        }
    }
}

fn failed(error: &RemoteError, models: Vec<String>) -> ProviderTest {
    ProviderTest {
        provider: error.provider,
        ok: false,
        problem: Some(error.fault.name().to_owned()),
        message: error.to_string(),
        fix: Some(error.fix().to_owned()),
        models,
    }
}
