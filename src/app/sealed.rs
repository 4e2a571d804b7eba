//! What lies sealed in the installation: one list, by which a rotation seals everything anew and `tga key list` counts.
//!
//! Whatever is sealed goes through [`App::seal`], which asks for its kind, and a kind is known only when [`App::sealed_each`] says where
//! all of it lies: nothing can be forgotten. Backups are no part of it, each opens with the keys of its day; nor is what a restore set
//! aside. A crash while rotating leaves a part under the key before, which opens it still; the next rotation takes it along.

use serde::Serialize;

use super::{App, Error, Tenant};
use crate::{seal::Sealed, store::SealedKey};

/// Rounds of a rotation. Whoever sealed a moment before the new key came may keep it a moment later, so it is looked again.
const ROUNDS_MAX: usize = 5;

/// What is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SealedKind {
    TelegramSession,
    /// Of the operator, to a provider of models.
    OperatorModelKey,
    TenantModelKey,
    /// The listener's, got by ACME, with its key and account.
    Certificate,
}

impl SealedKind {
    const ALL: [SealedKind; 4] = [
        SealedKind::TelegramSession,
        SealedKind::OperatorModelKey,
        SealedKind::TenantModelKey,
        SealedKind::Certificate,
    ];
}

/// Is given something sealed and may return what is to be kept instead: the same under another key.
pub(super) type Visit<'a> = &'a mut dyn FnMut(&Sealed) -> Option<Sealed>;

/// What a walk over sealed things came to.
#[derive(Debug, Clone, Copy, Default)]
struct Walked {
    replaced: usize,
    /// Places that could not be looked into.
    failed: usize,
}

/// A new sealing key, and what it seals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rotated {
    pub id: String,
    /// Things that lie under it now and lay under another key before.
    pub sealed_anew: usize,
    /// Things that no key here opens, and places that could not be looked into: these need the key they had.
    pub left: usize,
}

/// A sealing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealKeyView {
    pub id: String,
    /// Telegram sessions that it seals.
    pub sessions: usize,
    /// Everything that it seals, backups aside; without any an older key is needed for old backups only.
    pub sealed: usize,
    /// It seals what comes.
    pub in_use: bool,
}

impl App {
    /// Seals something of a kind that is in the list.
    pub(super) fn seal(&self, kind: SealedKind, plain: &[u8]) -> Result<Sealed, Error> {
        debug_assert!(SealedKind::ALL.contains(&kind), "what is not in the list would be forgotten");
        Ok(self.keyring().seal(plain)?)
    }

    /// Makes a new sealing key and seals everything anew with it.
    pub fn seal_key_rotate(&self) -> Result<Rotated, Error> {
        let mut rotated = Rotated { id: self.keyring().rotate()?, sealed_anew: 0, left: 0 };
        for _ in 0..ROUNDS_MAX {
            let (mut old, mut unreadable, mut walked) = (0, 0, Walked::default());
            for kind in SealedKind::ALL {
                let done = self.sealed_each(kind, &mut |sealed| {
                    if sealed.key_id == rotated.id {
                        return None;
                    }
                    old += 1;
                    let anew = self.keyring().open_sealed(sealed).map_err(Error::from);
                    let anew = anew.and_then(|plain| self.seal(kind, &plain));
                    // It was lost before; the others go on.
                    anew.inspect_err(|error| {
                        unreadable += 1;
                        tracing::warn!(%error, ?kind, "something keeps its old seal");
                    })
                    .ok()
                })?;
                walked.replaced += done.replaced;
                walked.failed += done.failed;
            }
            rotated.sealed_anew += walked.replaced;
            rotated.left = unreadable + walked.failed;
            if old == unreadable {
                break;
            }
        }
        let Rotated { id, sealed_anew, left } = &rotated;
        let level = if *left == 0 { "info" } else { "warn" };
        let rest = if *left == 0 { String::new() } else { format!("; {left} keep the seal they had") };
        self.log_system(
            level,
            format!(
                "what is sealed is sealed with key {id} from now on; {sealed_anew} were sealed anew{rest}"
            ),
        )?;
        Ok(rotated)
    }

    /// The sealing keys, the one in use last, and what each seals.
    pub fn seal_key_list(&self) -> Result<Vec<SealKeyView>, Error> {
        let view = |id| SealKeyView { id, sessions: 0, sealed: 0, in_use: false };
        let mut keys: Vec<SealKeyView> = self.keyring().ids().into_iter().map(view).collect();
        if let Some(last) = keys.last_mut() {
            last.in_use = true;
        }
        for kind in SealedKind::ALL {
            self.sealed_each(kind, &mut |sealed| {
                if let Some(key) = keys.iter_mut().find(|key| key.id == sealed.key_id) {
                    key.sealed += 1;
                    key.sessions += usize::from(kind == SealedKind::TelegramSession);
                }
                None
            })?;
        }
        Ok(keys)
    }

    /// Hands everything of a kind to `visit`. What was changed meanwhile is left as it is.
    fn sealed_each(&self, kind: SealedKind, visit: Visit<'_>) -> Result<Walked, Error> {
        match kind {
            SealedKind::TelegramSession => {
                self.sealed_in_tenants(&mut |tenant| sessions_each(tenant, &mut *visit))
            }
            SealedKind::TenantModelKey => self.sealed_in_tenants(&mut |tenant| {
                let mut replaced = 0;
                for key in tenant.store.model_key_list()? {
                    if let Some(anew) = visit(&sealed_key(&key)) {
                        let anew = (anew.key_id, anew.bytes);
                        replaced += usize::from(tenant.store.model_key_reseal(key, anew)?);
                    }
                }
                Ok(replaced)
            }),
            SealedKind::OperatorModelKey => {
                let mut walked = Walked::default();
                for key in self.control.model_key_list()? {
                    if let Some(anew) = visit(&sealed_key(&key)) {
                        let anew = (anew.key_id, anew.bytes);
                        walked.replaced += usize::from(self.control.model_key_reseal(key, anew)?);
                    }
                }
                Ok(walked)
            }
            SealedKind::Certificate => Ok(walked("certificate", self.certificate_sealed_each(visit))),
        }
    }

    /// One tenant that cannot be read does not keep the others from their new seal.
    fn sealed_in_tenants(
        &self,
        each: &mut dyn FnMut(&Tenant) -> Result<usize, Error>,
    ) -> Result<Walked, Error> {
        let mut all = Walked::default();
        for row in self.tenant_list()? {
            let done = self.tenant_open_due(&row).and_then(|tenant| each(&tenant));
            let done = walked(&row.slug, done);
            all.replaced += done.replaced;
            all.failed += done.failed;
        }
        Ok(all)
    }
}

fn sessions_each(tenant: &Tenant, visit: Visit<'_>) -> Result<usize, Error> {
    let mut replaced = 0;
    for session in tenant.store.telegram_session_list()? {
        let Some((key_id, bytes)) = tenant.store.telegram_session_sealed(session.id)? else { continue };
        let old = Sealed { key_id, bytes };
        if let Some(anew) = visit(&old) {
            let anew = (anew.key_id, anew.bytes);
            replaced += usize::from(tenant.store.telegram_session_reseal(session.id, old.bytes, anew)?);
        }
    }
    Ok(replaced)
}

fn sealed_key(key: &SealedKey) -> Sealed {
    Sealed { key_id: key.key_id.clone(), bytes: key.sealed.clone() }
}

/// What cannot be looked into is told, and counts.
fn walked(place: &str, done: Result<usize, Error>) -> Walked {
    match done {
        Ok(replaced) => Walked { replaced, failed: 0 },
        Err(error) => {
            tracing::warn!(%error, place, "what is sealed here cannot be looked into");
            Walked { replaced: 0, failed: 1 }
        }
    }
}
