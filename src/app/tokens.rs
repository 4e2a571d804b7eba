//! API tokens: made from the system's random source, shown once, kept as a hash, scoped, revocable.

use std::{collections::BTreeSet, fmt::Write as _};

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{App, Error, Tenant, audit::Origin};
use crate::{
    model::{AuditAction, ChannelId, ChannelSet},
    store::{ApiToken, Scope},
};

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;
/// What every token begins with, so that a leaked one is recognised by scanners.
pub(super) const TOKEN_PREFIX: &str = "tga_";
/// Longest name of a token, characters.
pub const TOKEN_NAME_CHARS_MAX: usize = 64;

/// A new token; the only time it is seen.
#[derive(Debug, Serialize)]
pub struct NewToken {
    pub id: i64,
    pub token: String,
    pub scope: Scope,
    pub tenant_id: crate::model::TenantId,
    pub expires_at: Option<Timestamp>,
    /// The only channels it shows; `None` means all.
    pub channels: Option<BTreeSet<ChannelId>>,
}

impl App {
    /// Makes a token for a tenant.
    pub fn token_create(
        &self,
        tenant: &Tenant,
        name: &str,
        scope: Scope,
        expires_at: Option<Timestamp>,
    ) -> Result<NewToken, Error> {
        self.token_create_narrow(tenant, name, scope, expires_at, None)
    }

    /// The channels of a tenant that these references (`@name`, title or id) mean.
    pub fn channels_named(
        &self,
        tenant: &Tenant,
        references: &[String],
    ) -> Result<BTreeSet<ChannelId>, Error> {
        let found = references.iter().map(|reference| tenant.channel_get(reference, &ChannelSet::All));
        found.map(|channel| channel.map(|channel| channel.id)).collect()
    }

    /// Makes a token that shows these channels only.
    pub fn token_create_narrow(
        &self,
        tenant: &Tenant,
        name: &str,
        scope: Scope,
        expires_at: Option<Timestamp>,
        channels: Option<BTreeSet<ChannelId>>,
    ) -> Result<NewToken, Error> {
        if name.is_empty() || name.chars().count() > TOKEN_NAME_CHARS_MAX {
            return Err(Error::field("name", format!("has 1 to {TOKEN_NAME_CHARS_MAX} characters")));
        }
        let token = format!("{TOKEN_PREFIX}{}", random_hex()?);
        let row = ApiToken {
            id: 0,
            tenant_id: tenant.id(),
            name: name.to_owned(),
            scope,
            created_at: self.now(),
            expires_at,
            revoked_at: None,
            channels: channels.clone(),
        };
        let data = serde_json::json!({ "name": name, "scope": scope, "channels": channels, "expires_at": expires_at });
        let audit = self.audit(
            &Origin::operator(),
            Some(tenant.id()),
            AuditAction::TokenCreated,
            String::new(),
            Some(data),
        );
        let id = self.control.token_insert(row, sha256(&token), audit)?;
        Ok(NewToken { id, token, scope, tenant_id: tenant.id(), expires_at, channels })
    }

    pub fn token_list(&self, tenant: Option<&Tenant>) -> Result<Vec<ApiToken>, Error> {
        Ok(self.control.token_list(tenant.map(Tenant::id))?)
    }

    pub fn token_revoke(&self, id: i64) -> Result<(), Error> {
        let audit = self.audit(&Origin::operator(), None, AuditAction::TokenRevoked, id.to_string(), None);
        if self.control.token_revoke(id, self.now(), audit)? {
            return Ok(());
        }
        Err(Error::NotFound(format!(
            "no token {id} that is not revoked already; `tga token list` shows them"
        )))
    }

    /// The row of a token that is good. What is wrong with a bad one is not told to its bearer.
    pub(super) fn token_authenticate(&self, token: &str) -> Result<ApiToken, Error> {
        // Looking up by hash leaves nothing to time: the comparison never sees the token.
        let row = self.control.token_find(&sha256(token))?;
        row.filter(|row| row.revoked_at.is_none() && row.expires_at.is_none_or(|at| at > self.now()))
            .ok_or(Error::Unauthorized("the token is unknown, expired or revoked"))
    }
}

/// What is kept of a secret that only its bearer knows.
pub(super) fn sha256(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// A fresh secret, hex.
pub fn random_hex() -> Result<String, Error> {
    let mut bytes = [0_u8; TOKEN_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Unavailable(format!("the system's random source failed: {error}")))?;
    Ok(hex(&bytes))
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
