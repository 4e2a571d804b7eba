//! The model providers of this installation and their keys: configured, or entered and sealed; and trying one out.
//!
//! A key comes from the tenant that entered its own, else from the configuration, else from what the operator entered. A tenant
//! never names an address: that is the configuration's. Keys are opened when a provider is first asked and live in memory only.

mod trial;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use zeroize::Zeroizing;

pub use self::trial::ProviderTest;
use super::{App, Error, Tenant, audit::Origin, sealed::SealedKind, tenants::rfc3339};
use crate::{
    ai::{Remote, RemoteAuth, RemoteError, RemoteSettings},
    config::ProviderConfig,
    model::{AuditAction, Provider, TenantId},
    seal::Sealed,
    store::SealedKey,
};

/// Longest key, bytes.
const KEY_BYTES_MAX: usize = 4096;

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
    /// Whether the configuration has it write answers and tags, or voice down, or make vectors.
    pub used: bool,
    /// The model that is asked.
    pub model: String,
    /// The model that makes vectors, where the configuration has it do so.
    pub embedding_model: Option<String>,
    /// Of the address, its host.
    pub host: String,
    pub key: KeyOrigin,
    /// When and by whom a key was entered.
    pub key_updated_at: Option<String>,
    pub key_updated_by: Option<String>,
    /// Until when it is left alone, because it failed.
    pub paused_until: Option<String>,
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
            let embeds = self.embeds(provider);
            views.push(ProviderView {
                provider,
                used: self.is_used(provider),
                model: config.model.clone(),
                embedding_model: embeds.then(|| config.embedding_model.clone()),
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
        self.models_stir();
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
        self.models_stir();
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
}
