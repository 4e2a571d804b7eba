//! The model providers of this installation and their keys: configured, or entered and sealed; and trying one out.
//!
//! A key comes from the tenant that entered its own, else from the configuration, else from what the operator entered. A tenant
//! never names an address: that is the configuration's. Keys are opened when a provider is first asked and live in memory only.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    App, Error, Tenant,
    audit::Origin,
    doctor::{Finding, State},
    model_spending::over_budget,
    sealed::SealedKind,
    tenants::rfc3339,
};
use crate::{
    ai::{Remote, RemoteAuth, RemoteError, RemoteFault, RemoteSettings, chat},
    config::ProviderConfig,
    model::{AuditAction, ModelFeature, Provider, TenantId},
    seal::Sealed,
    store::SealedKey,
};

/// Longest key, bytes.
const KEY_BYTES_MAX: usize = 4096;
/// Models a test shows.
const MODELS_SHOWN: usize = 100;
/// Longest answer to the question of a test, tokens.
const TEST_TOKENS_MAX: u32 = 16;

/// Who a key belongs to: a tenant, or the installation.
type Holder = Option<TenantId>;

/// Providers that were asked since the start, with the key they were asked with.
#[derive(Debug, Default)]
pub(super) struct Providers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    remotes: HashMap<(Holder, Provider), Arc<Remote>>,
    /// Raised when keys change: what was made from a key read before is not kept.
    generation: u64,
}

impl Providers {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next question is asked with the key as it is then.
    fn forget(&self, holder: Holder, provider: Provider) {
        let mut known = self.lock();
        known.generation += 1;
        known.remotes.remove(&(holder, provider));
    }

    /// A tenant is gone.
    pub(super) fn forget_tenant(&self, id: TenantId) {
        let mut known = self.lock();
        known.generation += 1;
        known.remotes.retain(|(holder, _), _| *holder != Some(id));
    }
}

/// Where a provider's key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyOrigin {
    /// The tenant entered its own.
    Tenant,
    /// `appliance.toml` or the environment.
    Configuration,
    /// The operator entered it.
    Operator,
    /// The server is on this machine or network and asks for none.
    NotNeeded,
    /// There is none: the provider is not asked.
    Missing,
}

/// A provider as administrators see it. Never its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ProviderView {
    pub provider: Provider,
    /// Whether the configuration has it write answers and tags, or voice down.
    pub used: bool,
    /// The model that is asked.
    pub model: String,
    /// Of the address, its host.
    pub host: String,
    pub key: KeyOrigin,
    /// When and by whom a key was entered.
    pub key_updated_at: Option<String>,
    pub key_updated_by: Option<String>,
    /// Until when it is left alone, because it failed.
    pub paused_until: Option<String>,
}

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
    /// The provider as this tenant asks it; `None`: it has no key.
    pub(super) fn provider_remote(
        &self,
        tenant: &Tenant,
        provider: Provider,
    ) -> Result<Option<Arc<Remote>>, Error> {
        let Some(config) = self.config.ai.provider(provider) else { return Ok(None) };
        let generation = self.providers.lock().generation;
        let own = tenant.store.model_key_list()?.into_iter().find(|key| key.provider == provider);
        let holder = own.as_ref().map(|_| tenant.id());
        if let Some(remote) = self.providers.lock().remotes.get(&(holder, provider)) {
            return Ok(Some(Arc::clone(remote)));
        }
        let key = match own {
            Some(key) => Some(self.key_unseal(&key)?),
            None => self.installation_key(config)?,
        };
        let Some(remote) = self.remote_make(config, key).map_err(crate::ai::Error::Remote)? else {
            return Ok(None);
        };
        let remote = Arc::new(remote);
        let mut known = self.providers.lock();
        if known.generation != generation {
            return Ok(Some(remote));
        }
        Ok(Some(Arc::clone(known.remotes.entry((holder, provider)).or_insert(remote))))
    }

    /// A provider with this key; `None` where it needs one and there is none.
    fn remote_make(
        &self,
        config: &ProviderConfig,
        key: Option<Zeroizing<String>>,
    ) -> Result<Option<Remote>, RemoteError> {
        let auth = match (config.provider, key) {
            (Provider::GigaChat | Provider::SaluteSpeech, Some(credentials)) => {
                let Some(auth_url) = config.auth_url.clone() else { return Ok(None) };
                RemoteAuth::OAuth { auth_url, credentials, scope: config.scope.clone() }
            }
            (Provider::OpenAi | Provider::Speech, Some(key)) => RemoteAuth::Bearer(key),
            (Provider::OpenAi | Provider::Speech, None) if config.keyless() => RemoteAuth::None,
            (_, None) => return Ok(None),
        };
        let settings = RemoteSettings {
            provider: config.provider,
            base_url: config.base_url.clone(),
            auth,
            ca_pem: config.ca_pem.clone(),
            timeout: config.timeout,
            concurrent_max: config.concurrent_max,
            json_schema: config.json_schema,
        };
        Remote::new(settings, Arc::clone(&self.clock)).map(Some)
    }

    fn installation_key(&self, config: &ProviderConfig) -> Result<Option<Zeroizing<String>>, Error> {
        if let Some(key) = &config.key {
            return Ok(Some(Zeroizing::new(key.expose().to_owned())));
        }
        let entered = self.control.model_key_list()?.into_iter().find(|key| key.provider == config.provider);
        entered.map(|key| self.key_unseal(&key)).transpose()
    }

    fn key_unseal(&self, key: &SealedKey) -> Result<Zeroizing<String>, Error> {
        let sealed = Sealed { key_id: key.key_id.clone(), bytes: key.sealed.clone() };
        let plain = self.keyring().open_sealed(&sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| {
            Error::Unavailable(format!("the key of {} is damaged; enter it anew", key.provider.name()))
        })?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// The providers as a tenant (or with `None` the operator) sees them.
    pub fn provider_list(&self, tenant: Option<&Tenant>) -> Result<Vec<ProviderView>, Error> {
        let entered = self.control.model_key_list()?;
        let own = tenant.map_or(Ok(Vec::new()), |tenant| tenant.store.model_key_list())?;
        let find = |keys: &[SealedKey], provider| keys.iter().find(|key| key.provider == provider).cloned();
        let known = self.providers.lock();
        let mut views = Vec::new();
        for provider in Provider::ALL {
            let Some(config) = self.config.ai.provider(provider) else { continue };
            let (origin, key) = match (find(&own, provider), &config.key, find(&entered, provider)) {
                (Some(key), _, _) => (KeyOrigin::Tenant, Some(key)),
                (None, Some(_), _) => (KeyOrigin::Configuration, None),
                (None, None, Some(key)) => (KeyOrigin::Operator, Some(key)),
                (None, None, None) if config.keyless() => (KeyOrigin::NotNeeded, None),
                (None, None, None) => (KeyOrigin::Missing, None),
            };
            let holder = tenant.filter(|_| origin == KeyOrigin::Tenant).map(Tenant::id);
            let paused = known.remotes.get(&(holder, provider)).and_then(|remote| remote.paused_until());
            views.push(ProviderView {
                provider,
                used: self.is_used(provider),
                model: config.model.clone(),
                host: config.base_url.host_str().unwrap_or_default().to_owned(),
                key: origin,
                key_updated_at: key.as_ref().map(|key| rfc3339(key.updated_at)),
                key_updated_by: key.map(|key| key.updated_by),
                paused_until: paused.map(rfc3339),
            });
        }
        Ok(views)
    }

    /// Keeps a key, sealed: the tenant's own, or the installation's.
    pub fn provider_key_put(
        &self,
        tenant: Option<&Tenant>,
        provider: Provider,
        key: &str,
        origin: &Origin,
    ) -> Result<(), Error> {
        let key = key.trim();
        let config = self.provider_config(provider)?;
        if key.is_empty() || key.len() > KEY_BYTES_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::field("key", "is no key: letters, digits and signs without blanks"));
        }
        if tenant.is_none() && config.key.is_some() {
            return Err(Error::Conflict(format!(
                "the configuration has a key for {}; change it there",
                provider.name()
            )));
        }
        let kind = if tenant.is_some() { SealedKind::TenantModelKey } else { SealedKind::OperatorModelKey };
        let sealed = self.seal(kind, key.as_bytes())?;
        let row = SealedKey {
            provider,
            key_id: sealed.key_id,
            sealed: sealed.bytes,
            updated_at: self.now(),
            updated_by: origin.actor.to_string(),
        };
        let holder = tenant.map(Tenant::id);
        let audit = self.audit(origin, holder, AuditAction::ModelKeySet, provider.name(), None);
        match tenant {
            Some(tenant) => {
                tenant.store.model_key_put(row)?;
                self.control.audit_add(audit)?;
            }
            None => self.control.model_key_put(row, audit)?,
        }
        self.providers.forget(holder, provider);
        self.model_wake.signal();
        Ok(())
    }

    /// Forgets an entered key; 404 if there is none.
    pub fn provider_key_delete(
        &self,
        tenant: Option<&Tenant>,
        provider: Provider,
        origin: &Origin,
    ) -> Result<(), Error> {
        let holder = tenant.map(Tenant::id);
        let audit = self.audit(origin, holder, AuditAction::ModelKeyRemoved, provider.name(), None);
        let gone = match tenant {
            Some(tenant) => {
                let gone = tenant.store.model_key_delete(provider)?;
                if gone {
                    self.control.audit_add(audit)?;
                }
                gone
            }
            None => self.control.model_key_delete(provider, audit)?,
        };
        self.providers.forget(holder, provider);
        if gone {
            Ok(())
        } else {
            Err(Error::NotFound(format!("no key for {} was entered", provider.name())))
        }
    }

    fn provider_config(&self, provider: Provider) -> Result<&ProviderConfig, Error> {
        self.config.ai.provider(provider).ok_or_else(|| {
            let name = provider.name();
            let set = match provider {
                Provider::SaluteSpeech => "ai.voice = \"salutespeech\"".to_owned(),
                Provider::GigaChat | Provider::OpenAi | Provider::Speech => format!("ai.{name}.base_url"),
            };
            Error::NotFound(format!("{name} is not configured; set {set}"))
        })
    }

    /// Tries a provider out with the key there is, or with one that is to be entered: what models it has, and whether the
    /// configured one writes a word. Nothing of any post is sent.
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

    /// Whether the configuration has a provider write, or write down.
    fn is_used(&self, provider: Provider) -> bool {
        let voice = self.config.ai.voice().map(|config| config.provider);
        self.config.ai.chat.contains(&provider) || voice == Some(provider)
    }

    /// Asks for the models, then for one word, which a tenant pays for. `SaluteSpeech` has no list and is sent no sound.
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
        if provider == Provider::Speech || config.model.is_empty() {
            let message = format!("{}: the key is taken, {} models", provider.name(), models.len());
            return Ok(ProviderTest { provider, ok: true, problem: None, message, fix: None, models });
        }
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
        Ok(match asked {
            Ok(_) => {
                let message = format!("{}: {} answers", provider.name(), config.model);
                ProviderTest { provider, ok: true, problem: None, message, fix: None, models }
            }
            Err(error) => failed(&error, models),
        })
    }

    /// What doctor says of the providers that are to write, or write down.
    pub(super) fn check_providers(&self) -> Vec<Finding> {
        let wanted = self.config.ai.chat.iter().copied();
        let voice = self.config.ai.voice().map(|config| config.provider);
        wanted.chain(voice).map(|provider| self.check_provider(provider)).collect()
    }

    fn check_provider(&self, provider: Provider) -> Finding {
        let name = format!("model provider {}", provider.name());
        match self.provider_test(None, provider, None) {
            Ok(test) if test.ok => Finding::ok(&name, test.message),
            Ok(test) => {
                let meanwhile = if provider.is_voice() {
                    "voice messages are not written down"
                } else {
                    "answers and tags are made locally"
                };
                let detail = format!("{}; {meanwhile}", test.message);
                Finding::not_ok(&name, State::Reduced, detail, test.fix.unwrap_or_default())
            }
            Err(error) => Finding::not_ok(&name, State::Reduced, error.to_string(), "follow the message"),
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
