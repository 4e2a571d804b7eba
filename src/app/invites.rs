//! Invites: making, revoking and showing the codes that let people in.
//!
//! A code is 12 characters A–Z 0–9 from the system's random source (62 bits). What a code is worth is decided in the store, in
//! the transaction that admits somebody; see `admissions`.

use jiff::Timestamp;
use serde::Serialize;

use super::{App, Error, Fields, audit::Origin, tenants::rfc3339};
use crate::{
    model::{AuditAction, InviteStatus, MembershipId, Refusal, Role, TenantId},
    store::{Invite, InviteUse, MemberFilter},
};

/// Characters in a code.
pub const INVITE_CODE_CHARS: usize = 12;
/// Longest notes, characters.
pub const INVITE_NOTES_CHARS_MAX: usize = 500;
/// Most uses an invite with a limit may allow.
pub const INVITE_USES_MAX: u32 = 1_000_000;
/// Invites one page shows at most.
pub const INVITES_LISTED_MAX: usize = 100;

const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Bytes at or above this would make the first letters likelier than the last: the largest multiple of 36 in a byte.
const BYTE_FAIR_MAX: u8 = 252;

/// What an invite shall be.
#[derive(Debug, Clone)]
pub struct NewInvite {
    pub role: Role,
    /// 0: no limit.
    pub uses_limit: u32,
    pub expires_at: Option<Timestamp>,
    pub notes: Option<String>,
}

/// An invite as faces show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct InviteView {
    pub code: String,
    pub tenant_id: TenantId,
    pub role: Role,
    pub uses_limit: u32,
    pub uses_count: u32,
    /// Whether it lets somebody in now.
    pub active: bool,
    pub status: InviteStatus,
    pub expires_at: Option<String>,
    pub created_at: String,
    pub created_by: String,
    pub revoked_at: Option<String>,
    pub last_used_at: Option<String>,
    pub notes: Option<String>,
}

/// One use of an invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct InviteUseView {
    /// Empty when the person has left.
    pub user_id: Option<MembershipId>,
    pub telegram_id: Option<i64>,
    pub used_at: String,
    /// `false` while the login it was used for is still under way.
    pub confirmed: bool,
}

impl From<InviteUse> for InviteUseView {
    fn from(used: InviteUse) -> Self {
        Self {
            user_id: used.member.map(|(id, _)| id),
            telegram_id: used.member.map(|(_, telegram_id)| telegram_id),
            used_at: rfc3339(used.used_at),
            confirmed: used.confirmed,
        }
    }
}

impl App {
    /// Makes an invite into a tenant.
    pub fn invite_create(
        &self,
        tenant: TenantId,
        new: &NewInvite,
        origin: &Origin,
    ) -> Result<InviteView, Error> {
        let now = self.now();
        let notes = new.notes.as_deref().map(str::trim).filter(|notes| !notes.is_empty());
        let mut wrong = Fields::default();
        if new.uses_limit > INVITE_USES_MAX {
            let problem = format!("is {}; choose from 0 (no limit) to {INVITE_USES_MAX}", new.uses_limit);
            wrong.wrong("uses_limit", problem);
        }
        if new.expires_at.is_some_and(|at| at <= now) {
            wrong.wrong("expires_at", "lies in the past; choose a later moment");
        }
        if notes.is_some_and(|notes| notes.chars().count() > INVITE_NOTES_CHARS_MAX) {
            wrong.wrong("notes", format!("has more than {INVITE_NOTES_CHARS_MAX} characters"));
        }
        wrong.done()?;
        loop {
            let invite = Invite {
                code: code_random()?,
                tenant_id: tenant,
                role: new.role,
                uses_limit: new.uses_limit,
                uses_count: 0,
                notes: notes.map(str::to_owned),
                created_by: origin.actor.to_string(),
                created_at: now,
                expires_at: new.expires_at,
                revoked_at: None,
                last_used_at: None,
            };
            let data = serde_json::json!({ "role": new.role, "uses_limit": new.uses_limit });
            let audit =
                self.audit(origin, Some(tenant), AuditAction::InviteCreated, invite.code.clone(), Some(data));
            // A code that is taken is drawn again: one in 36^12, so never in practice.
            if self.control.invite_insert(invite.clone(), audit)? {
                return Ok(self.invite_view(invite));
            }
        }
    }

    /// The invite by which a tenant's first admin comes in. `None` where there is a member or an invite already.
    pub fn invite_first(&self, tenant: &str) -> Result<Option<InviteView>, Error> {
        let tenant = self.tenant_get(tenant)?.id();
        let (_, members) = self.control.member_list(tenant, &MemberFilter::default(), 1, 0)?;
        let (_, invites) = self.control.invite_list(Some(tenant), None, self.now(), 1, 0)?;
        if members + invites > 0 {
            return Ok(None);
        }
        let notes = Some("first admin".to_owned());
        let new = NewInvite { role: Role::Admin, uses_limit: 1, expires_at: None, notes };
        self.invite_create(tenant, &new, &Origin::operator()).map(Some)
    }

    /// The address that an invite of this tenant is shared as; `None` where the Mini App has no address.
    pub fn invite_link(&self, code: &str, tenant: TenantId) -> Result<Option<String>, Error> {
        let invite = self.invite_row(code, Some(tenant))?;
        Ok(self.app_address().map(|app| format!("{app}?invite={}", invite.code)))
    }

    /// The invite with this code; of this tenant alone when one is named.
    pub fn invite_get(&self, code: &str, tenant: Option<TenantId>) -> Result<InviteView, Error> {
        self.invite_row(code, tenant).map(|invite| self.invite_view(invite))
    }

    /// A page of invites, newest first, and how many match.
    pub fn invite_list(
        &self,
        tenant: Option<TenantId>,
        status: Option<InviteStatus>,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<InviteView>, u64), Error> {
        let limit = limit.min(INVITES_LISTED_MAX);
        let (invites, total) = self.control.invite_list(tenant, status, self.now(), limit, offset)?;
        Ok((invites.into_iter().map(|invite| self.invite_view(invite)).collect(), total))
    }

    /// Revokes an invite; who is in already stays. A second time is a conflict.
    pub fn invite_revoke(
        &self,
        code: &str,
        tenant: Option<TenantId>,
        origin: &Origin,
    ) -> Result<InviteView, Error> {
        let invite = self.invite_row(code, tenant)?;
        let audit =
            self.audit(origin, Some(invite.tenant_id), AuditAction::InviteRevoked, invite.code.clone(), None);
        if !self.control.invite_revoke(&invite.code, self.now(), audit)? {
            return Err(Error::Conflict(format!("invite {} is revoked already", invite.code)));
        }
        self.invite_get(code, tenant)
    }

    /// Every use of an invite, newest first, and how many there are.
    pub fn invite_usage(
        &self,
        code: &str,
        tenant: Option<TenantId>,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<InviteUseView>, u64), Error> {
        let invite = self.invite_row(code, tenant)?;
        let (uses, total) = self.control.invite_usage(&invite.code, limit.min(INVITES_LISTED_MAX), offset)?;
        Ok((uses.into_iter().map(InviteUseView::from).collect(), total))
    }

    /// Whether this code lets somebody in now. It may not any more a moment later; admitting decides.
    pub fn invite_check(&self, code: &str) -> Result<InviteView, Error> {
        let code = code_read(code).ok_or(Refusal::InviteUnknown)?;
        let invite = self.control.invite_find(&code)?.ok_or(Refusal::InviteUnknown)?;
        match invite.status(self.now()).refusal() {
            Some(refusal) => Err(refusal.into()),
            None => Ok(self.invite_view(invite)),
        }
    }

    fn invite_row(&self, code: &str, tenant: Option<TenantId>) -> Result<Invite, Error> {
        let absent = || Error::NotFound(format!("no invite {}", code.trim()));
        let code = code_read(code).ok_or_else(absent)?;
        let invite = self.control.invite_find(&code)?;
        // Another tenant's invite does not exist for this one.
        invite.filter(|invite| tenant.is_none_or(|tenant| tenant == invite.tenant_id)).ok_or_else(absent)
    }

    fn invite_view(&self, invite: Invite) -> InviteView {
        let status = invite.status(self.now());
        InviteView {
            active: status == InviteStatus::Active,
            status,
            code: invite.code,
            tenant_id: invite.tenant_id,
            role: invite.role,
            uses_limit: invite.uses_limit,
            uses_count: invite.uses_count,
            expires_at: invite.expires_at.map(rfc3339),
            created_at: rfc3339(invite.created_at),
            created_by: invite.created_by,
            revoked_at: invite.revoked_at.map(rfc3339),
            last_used_at: invite.last_used_at.map(rfc3339),
            notes: invite.notes,
        }
    }
}

/// A code as somebody typed it, in the form it is stored; `None` for what can be no code.
pub(super) fn code_read(typed: &str) -> Option<String> {
    let code: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .take(INVITE_CODE_CHARS + 1)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let fits = code.len() == INVITE_CODE_CHARS && code.bytes().all(|byte| ALPHABET.contains(&byte));
    fits.then_some(code)
}

fn code_random() -> Result<String, Error> {
    let mut code = String::with_capacity(INVITE_CODE_CHARS);
    let mut bytes = [0_u8; 2 * INVITE_CODE_CHARS];
    while code.len() < INVITE_CODE_CHARS {
        getrandom::fill(&mut bytes)
            .map_err(|error| Error::Unavailable(format!("the system's random source failed: {error}")))?;
        let fair = bytes.iter().filter(|byte| **byte < BYTE_FAIR_MAX);
        let letters = fair.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        code.extend(letters.take(INVITE_CODE_CHARS - code.len()));
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_twelve_letters_and_digits_all_of_them_in_use() {
        let codes: Vec<String> = (0..400).map(|_| code_random().expect("the source works")).collect();
        let seen: std::collections::BTreeSet<u8> = codes.iter().flat_map(|code| code.bytes()).collect();
        assert_eq!(seen.len(), ALPHABET.len());
        for code in &codes {
            assert_eq!(code_read(code).as_ref(), Some(code));
        }
    }

    #[test]
    fn a_typed_code_may_be_spaced_and_small() {
        assert_eq!(code_read(" abcd-efgh 1234\n").as_deref(), Some("ABCDEFGH1234"));
        for typed in ["", "ABCDEFGH123", "ABCDEFGH12345", "ABCDEFGH123Я", "ABCDEFGH123_", "ſBCDEFGH1234"] {
            assert_eq!(code_read(typed), None, "{typed}");
        }
    }

    proptest::proptest! {
        /// Nothing typed makes the reader fail, and what it takes is always a code.
        #[test]
        fn anything_typed_is_a_code_or_nothing(typed in ".{0,40}") {
            if let Some(code) = code_read(&typed) {
                proptest::prop_assert_eq!(code.len(), INVITE_CODE_CHARS);
                proptest::prop_assert_eq!(code_read(&code), Some(code.clone()));
            }
        }
    }
}
