//! Passkeys: signing in by a key that a browser or a phone holds.
//!
//! A passkey belongs to a person; who belongs to several tenants says which when they sign in. It is bound to the host of
//! `server.public_url`. A challenge is good for one answer and a few minutes, and lives in memory only, at most
//! [`CHALLENGES_MAX`] of them, the oldest giving way: a restart loses the ceremonies under way and nothing else. A signature
//! counter that went back means that there may be a copy of the key: the passkey is suspended until its owner removes it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;
use webauthn_rs::{
    Webauthn, WebauthnBuilder,
    prelude::{
        DiscoverableAuthentication, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
        WebauthnError,
    },
};

use super::{
    App, Error, ErrorCode,
    audit::Origin,
    auth_events::AuthStep,
    sessions::{Device, SignedIn},
    tenants::rfc3339,
};
use crate::{
    model::{AuditAction, AuthEventKind, TenantId},
    store::{Member, NewPasskey, Passkey, PasskeyAdded, SignInMethod},
};

/// Passkeys one person may have.
pub const PASSKEYS_PER_PERSON_MAX: usize = 20;
/// Longest name of a passkey, characters.
pub const PASSKEY_NAME_CHARS_MAX: usize = 64;
/// How long a challenge may be answered.
pub const CHALLENGE_TTL: Duration = Duration::from_mins(5);
/// Challenges that may wait for their answers at once.
pub const CHALLENGES_MAX: usize = 4096;

/// What is asked of the authenticator.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PasskeyChallenge {
    /// Names the challenge in the answer.
    pub challenge_id: Uuid,
    /// `publicKey` of `navigator.credentials.create` or `.get`; bytes in base64url.
    #[schema(value_type = Object, example = json!({ "challenge": "q83vASNFZ4mrze8BI0VniavN7wEjRWeJ", "rpId": "tga.example.org" }))]
    pub public_key: Value,
    /// Seconds.
    pub expires_in: u64,
}

/// A passkey as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PasskeyView {
    pub id: i64,
    pub name: String,
    pub created_at: String,
    pub used_at: Option<String>,
    /// There may be a copy of it, so it opens nothing: remove it and add a new one.
    pub suspended: bool,
}

impl From<Passkey> for PasskeyView {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id,
            name: passkey.name,
            created_at: rfc3339(passkey.created_at),
            used_at: passkey.used_at.map(rfc3339),
            suspended: passkey.suspended_at.is_some(),
        }
    }
}

/// A ceremony that waits for its answer.
#[derive(Debug)]
enum Ceremony {
    Register { telegram_id: i64, user_handle: Uuid, state: PasskeyRegistration },
    Login(DiscoverableAuthentication),
}

#[derive(Debug)]
struct Waiting {
    ceremony: Ceremony,
    since: Timestamp,
}

/// The verifier and the ceremonies under way.
#[derive(Debug)]
pub(super) struct Passkeys {
    verifier: Result<Webauthn, &'static str>,
    waiting: Mutex<HashMap<Uuid, Waiting>>,
}

impl Passkeys {
    pub(super) fn new(public_url: Option<&Url>) -> Self {
        Self { verifier: verifier(public_url), waiting: Mutex::default() }
    }

    fn verifier(&self) -> Result<&Webauthn, Error> {
        self.verifier
            .as_ref()
            .map_err(|reason| Error::refused(ErrorCode::PasskeysNotConfigured, (*reason).to_owned()))
    }

    fn put(&self, ceremony: Ceremony, now: Timestamp) -> Uuid {
        let id = Uuid::new_v4();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= CHALLENGES_MAX {
            waiting.retain(|_, one| is_young(one.since, now));
        }
        if waiting.len() >= CHALLENGES_MAX {
            let oldest = waiting.iter().min_by_key(|(_, one)| one.since).map(|(id, _)| *id);
            oldest.and_then(|id| waiting.remove(&id));
        }
        waiting.insert(id, Waiting { ceremony, since: now });
        id
    }

    /// The ceremony of a challenge, once.
    fn take(&self, id: Uuid, now: Timestamp) -> Result<Ceremony, Error> {
        let taken = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        taken.filter(|one| is_young(one.since, now)).map(|one| one.ceremony).ok_or_else(challenge_over)
    }
}

fn is_young(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since) < SignedDuration::try_from(CHALLENGE_TTL).unwrap_or_default()
}

fn challenge_over() -> Error {
    Error::refused(
        ErrorCode::PasskeyChallengeOver,
        "challenge_id: is unknown, was answered already or has expired; start again",
    )
}

fn verifier(public_url: Option<&Url>) -> Result<Webauthn, &'static str> {
    let Some(url) = public_url else {
        return Err(
            "no public address is configured; set server.public_url, for example https://tga.example.org",
        );
    };
    let Some(host) = url.domain() else {
        return Err("server.public_url names no host by its name, and passkeys are not bound to numbers");
    };
    WebauthnBuilder::new(host, url)
        .map(|builder| builder.rp_name("Telegram Assistant").timeout(CHALLENGE_TTL))
        .and_then(WebauthnBuilder::build)
        .map_err(|_| "server.public_url is no address that passkeys can be bound to")
}

impl App {
    /// Begins to add a passkey to whoever is signed in.
    pub fn passkey_register_start(&self, member: &Member) -> Result<PasskeyChallenge, Error> {
        let verifier = self.passkeys.verifier()?;
        let telegram_id = member.profile.telegram_id;
        let known = self.control.passkey_list(telegram_id)?;
        limit_check(known.len())?;
        // An authenticator keeps one passkey a person, by this handle.
        let user_handle = known.first().map_or_else(Uuid::new_v4, |passkey| passkey.user_handle);
        let (name, shown) = names(member);
        let excluded = known.into_iter().map(|passkey| passkey.credential_id).collect();
        let (options, state) = verifier
            .start_passkey_registration(user_handle, &name, &shown, Some(excluded))
            .map_err(|error| Error::Unavailable(format!("passkeys: {error}")))?;
        let mut public_key = json!(options.public_key);
        // Signing in names nobody beforehand, so the authenticator has to remember who it is.
        public_key["authenticatorSelection"]["residentKey"] = json!("required");
        public_key["authenticatorSelection"]["requireResidentKey"] = json!(true);
        let ceremony = Ceremony::Register { telegram_id, user_handle, state };
        Ok(self.passkey_challenge(ceremony, public_key))
    }

    /// Keeps the passkey that the authenticator made.
    pub fn passkey_register_finish(
        &self,
        member: &Member,
        challenge: Uuid,
        name: Option<&str>,
        credential: Value,
        origin: &Origin,
    ) -> Result<PasskeyView, Error> {
        let verifier = self.passkeys.verifier()?;
        let name = name_checked(name)?;
        let Ceremony::Register { telegram_id, user_handle, state } =
            self.passkeys.take(challenge, self.now())?
        else {
            return Err(challenge_over());
        };
        if telegram_id != member.profile.telegram_id {
            return Err(challenge_over());
        }
        let answer: RegisterPublicKeyCredential = credential_read(credential)?;
        let made = verifier
            .finish_passkey_registration(&answer, &state)
            .map_err(|error| Error::Invalid(format!("credential: {error}")))?;
        let new = NewPasskey {
            telegram_id,
            user_handle,
            credential_id: made.cred_id().clone(),
            credential: json!(made).to_string(),
            name,
            created_at: self.now(),
        };
        let audit = self.audit(origin, Some(member.tenant_id), AuditAction::PasskeyAdded, "", None);
        match self.control.passkey_add(new, PASSKEYS_PER_PERSON_MAX, audit)? {
            PasskeyAdded::Added(passkey) => Ok(passkey.into()),
            PasskeyAdded::Known => Err(Error::Conflict("credential: is registered already".to_owned())),
            PasskeyAdded::OverLimit => limit_check(PASSKEYS_PER_PERSON_MAX).and(Err(challenge_over())),
        }
    }

    /// Begins to sign somebody in; who it is comes with the answer.
    pub fn passkey_login_start(&self) -> Result<PasskeyChallenge, Error> {
        let (options, state) = self
            .passkeys
            .verifier()?
            .start_discoverable_authentication()
            .map_err(|error| Error::Unavailable(format!("passkeys: {error}")))?;
        Ok(self.passkey_challenge(Ceremony::Login(state), json!(options.public_key)))
    }

    /// Signs in by a passkey's answer. Who belongs to several tenants names one.
    pub fn passkey_login_finish(
        &self,
        challenge: Uuid,
        credential: Value,
        tenant: Option<TenantId>,
        device: Device,
    ) -> Result<SignedIn, Error> {
        self.passkeys.verifier()?;
        let Ceremony::Login(state) = self.passkeys.take(challenge, self.now())? else {
            return Err(challenge_over());
        };
        let answer: PublicKeyCredential = credential_read(credential)?;
        let step = AuthStep {
            login_id: Some(format!("passkey:{challenge}")),
            ip: device.ip.clone(),
            user_agent: device.user_agent.clone(),
            ..AuthStep::default()
        };
        let passkey = match self.passkey_prove(&answer, state)? {
            Ok(passkey) => passkey,
            Err((known, reason)) => {
                let telegram_id = known.map(|passkey| passkey.telegram_id);
                self.auth_event(
                    AuthEventKind::Failed,
                    AuthStep { telegram_id, reason: Some(reason.to_owned()), ..step },
                )?;
                return Err(Error::refused(ErrorCode::PasskeyRefused, refusal(reason)));
            }
        };
        let member = self.passkey_member(&passkey, tenant)?;
        let step = AuthStep {
            tenant_id: Some(member.tenant_id),
            membership_id: Some(member.id),
            telegram_id: Some(passkey.telegram_id),
            reason: Some("passkey".to_owned()),
            ..step
        };
        self.auth_event(AuthEventKind::Authorized, step)?;
        self.session_open(&member, SignInMethod::Passkey, device, None)
    }

    /// A person's passkeys.
    pub fn passkey_list(&self, member: &Member) -> Result<Vec<PasskeyView>, Error> {
        let passkeys = self.control.passkey_list(member.profile.telegram_id)?;
        Ok(passkeys.into_iter().map(PasskeyView::from).collect())
    }

    /// Forgets one of a person's passkeys. Sessions that it opened go on.
    pub fn passkey_delete(&self, member: &Member, id: i64, origin: &Origin) -> Result<(), Error> {
        let target = format!("passkey:{id}");
        let audit = self.audit(origin, Some(member.tenant_id), AuditAction::PasskeyRemoved, target, None);
        if self.control.passkey_delete(member.profile.telegram_id, id, audit)? {
            return Ok(());
        }
        Err(Error::NotFound(format!("no passkey {id} of yours")))
    }

    fn passkey_challenge(&self, ceremony: Ceremony, public_key: Value) -> PasskeyChallenge {
        let challenge_id = self.passkeys.put(ceremony, self.now());
        PasskeyChallenge { challenge_id, public_key, expires_in: CHALLENGE_TTL.as_secs() }
    }

    /// The passkey that an answer proves, its use noted; or, with what is known of it, the stable reason why not.
    fn passkey_prove(
        &self,
        answer: &PublicKeyCredential,
        state: DiscoverableAuthentication,
    ) -> Result<Result<Passkey, (Option<Passkey>, &'static str)>, Error> {
        let verifier = self.passkeys.verifier()?;
        let Ok((handle, credential_id)) = verifier.identify_discoverable_authentication(answer) else {
            return Ok(Err((None, "passkey_unknown")));
        };
        let Some(passkey) = self.control.passkey_find(credential_id)? else {
            return Ok(Err((None, "passkey_unknown")));
        };
        if passkey.user_handle != handle {
            return Ok(Err((Some(passkey), "passkey_of_another")));
        }
        if passkey.suspended_at.is_some() {
            return Ok(Err((Some(passkey), "passkey_suspended")));
        }
        let stored: serde_json::Result<webauthn_rs::prelude::Passkey> =
            serde_json::from_str(&passkey.credential);
        let Ok(mut kept) = stored else {
            tracing::error!(passkey = passkey.id, "a stored passkey cannot be read");
            return Ok(Err((Some(passkey), "passkey_unreadable")));
        };
        let proved = match verifier.finish_discoverable_authentication_v2(answer, state, &kept) {
            Ok(proved) => proved,
            Err(WebauthnError::CredentialPossibleCompromise) => {
                self.control.passkey_suspend(passkey.id, self.now())?;
                tracing::warn!(passkey = passkey.id, "a passkey's counter went back; it is suspended");
                return Ok(Err((Some(passkey), "passkey_counter_regressed")));
            }
            Err(error) => {
                tracing::info!(passkey = passkey.id, %error, "a passkey's answer proves nothing");
                return Ok(Err((Some(passkey), "passkey_unproved")));
            }
        };
        kept.update_credential(&proved);
        let used =
            self.control.passkey_use(passkey.id, json!(kept).to_string(), proved.counter(), self.now())?;
        // Gone meanwhile, or two answers carried one counter.
        Ok(if used { Ok(passkey) } else { Err((Some(passkey), "passkey_unproved")) })
    }

    /// The membership somebody signs in to.
    fn passkey_member(&self, passkey: &Passkey, tenant: Option<TenantId>) -> Result<Member, Error> {
        let mut members = self.memberships_of(passkey.telegram_id)?;
        if let Some(tenant) = tenant {
            members.retain(|member| member.tenant_id == tenant);
        }
        if members.len() > 1 {
            return Err(Error::Refused {
                code: ErrorCode::TenantRequired,
                message: "tenant_id: you belong to several tenants; say which".to_owned(),
                details: Some(json!({ "tenants": self.tenant_choices(&members)? })),
            });
        }
        members.pop().ok_or_else(|| Error::NotFound("tenant_id: you belong to no such tenant".to_owned()))
    }
}

/// What somebody is told whose passkey was refused. Whether a passkey is known is nobody else's business.
fn refusal(reason: &str) -> &'static str {
    match reason {
        "passkey_counter_regressed" | "passkey_suspended" => {
            "credential: there may be a copy of this passkey, so it is suspended; sign in another way and make a new one"
        }
        _ => "credential: is unknown here, or proves nothing",
    }
}

fn limit_check(count: usize) -> Result<(), Error> {
    if count < PASSKEYS_PER_PERSON_MAX {
        return Ok(());
    }
    Err(Error::Conflict(format!("you have {count} passkeys, which is the most; remove one first")))
}

fn name_checked(name: Option<&str>) -> Result<String, Error> {
    let name = name.map_or("Passkey", str::trim);
    if name.is_empty() || name.chars().count() > PASSKEY_NAME_CHARS_MAX || name.chars().any(char::is_control)
    {
        return Err(Error::Invalid(format!("name: has 1 to {PASSKEY_NAME_CHARS_MAX} characters")));
    }
    Ok(name.to_owned())
}

fn credential_read<T: serde::de::DeserializeOwned>(credential: Value) -> Result<T, Error> {
    serde_json::from_value(credential).map_err(|error| Error::Invalid(format!("credential: {error}")))
}

/// What the authenticator shows of whose passkey it is.
fn names(member: &Member) -> (String, String) {
    let profile = &member.profile;
    let id = profile.telegram_id.to_string();
    let name = profile.username.clone().unwrap_or_else(|| id.clone());
    let parts = [profile.first_name.as_deref(), profile.last_name.as_deref()];
    let shown = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    (name.clone(), if shown.trim().is_empty() { name } else { shown })
}
