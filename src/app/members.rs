//! Members: who belongs to a tenant, with what role and tier.
//!
//! Changes name the version they were decided on. A tenant that has an admin keeps one.

use jiff::SignedDuration;
use serde::Serialize;

use super::{App, Error, audit::Origin, tenants::rfc3339};
use crate::{
    model::{AuditAction, MembershipId, Role, TenantId, Tier},
    store::{Member, MemberChange, MemberFilter, MemberUpdate, Profile},
};

/// Members one page shows at most.
pub const MEMBERS_LISTED_MAX: usize = 100;
/// A member who was noted as active this recently is not noted again.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// A member as faces show them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MemberView {
    pub id: MembershipId,
    pub tenant_id: TenantId,
    pub telegram_id: i64,
    pub username: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub language: Option<String>,
    pub role: Role,
    pub tier: Tier,
    pub version: i64,
    pub created_at: String,
    pub last_active_at: Option<String>,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self {
            id: member.id,
            tenant_id: member.tenant_id,
            telegram_id: member.profile.telegram_id,
            username: member.profile.username,
            first_name: member.profile.first_name,
            last_name: member.profile.last_name,
            language: member.profile.language,
            role: member.role,
            tier: member.tier,
            version: member.version,
            created_at: rfc3339(member.created_at),
            last_active_at: member.last_active_at.map(rfc3339),
        }
    }
}

impl App {
    /// The member with this id, whatever their tenant: for whoever has authenticated it.
    pub fn member_find(&self, id: MembershipId) -> Result<Option<Member>, Error> {
        Ok(self.control.member_find(id)?)
    }

    /// The member of this tenant with this id.
    pub fn member_get(&self, tenant: TenantId, id: MembershipId) -> Result<Member, Error> {
        let member = self.control.member_find(id)?.filter(|member| member.tenant_id == tenant);
        member.ok_or_else(|| Error::NotFound(format!("no user {id}")))
    }

    /// The member of this tenant with this Telegram id.
    pub fn member_by_telegram_id(&self, tenant: TenantId, telegram_id: i64) -> Result<Member, Error> {
        let member = self.control.member_of(tenant, telegram_id)?;
        member.ok_or_else(|| Error::NotFound(format!("no user with Telegram id {telegram_id}")))
    }

    /// Every membership of a Telegram user, the oldest first.
    pub fn memberships_of(&self, telegram_id: i64) -> Result<Vec<Member>, Error> {
        Ok(self.control.memberships_of(telegram_id)?)
    }

    /// A page of a tenant's members, newest first, and how many match.
    pub fn member_list(
        &self,
        tenant: TenantId,
        filter: &MemberFilter,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<MemberView>, u64), Error> {
        let limit = limit.min(MEMBERS_LISTED_MAX);
        let (members, total) = self.control.member_list(tenant, filter, limit, offset)?;
        Ok((members.into_iter().map(MemberView::from).collect(), total))
    }

    /// Takes over what Telegram says of somebody who is known; does nothing for a stranger.
    pub fn profile_update(&self, profile: Profile) -> Result<(), Error> {
        self.control.profile_update(profile, self.now())?;
        Ok(())
    }

    /// Notes that a member was there, every few minutes at most.
    pub fn member_touch(&self, member: &Member) -> Result<(), Error> {
        let now = self.now();
        if member.last_active_at.is_some_and(|at| now.duration_since(at) < TOUCH_EVERY) {
            return Ok(());
        }
        Ok(self.control.member_touch(member.id, now)?)
    }

    /// Changes a role or tier. With a `version` only if the member is still at it.
    pub fn member_update(
        &self,
        tenant: TenantId,
        id: MembershipId,
        update: MemberUpdate,
        version: Option<i64>,
        origin: &Origin,
    ) -> Result<MemberView, Error> {
        let action = match update {
            MemberUpdate::Role(_) => AuditAction::RoleChanged,
            MemberUpdate::Tier(_) => AuditAction::TierChanged,
        };
        let audit = self.audit(origin, Some(tenant), action, format!("user:{id}"), None);
        match self.control.member_update(tenant, id, update, version, audit)? {
            MemberChange::Done(member) => Ok(member.into()),
            MemberChange::Absent => Err(Error::NotFound(format!("no user {id}"))),
            MemberChange::Stale(member) => Err(Error::Conflict(format!(
                "user {id} was changed meanwhile: they are at version {}, not {}; look again and repeat",
                member.version,
                version.unwrap_or_default()
            ))),
            MemberChange::LastAdmin => Err(Error::Conflict(format!(
                "user {id} is the only admin of this tenant; make somebody else admin first"
            ))),
        }
    }
}
