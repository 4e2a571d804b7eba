//! What an administrator of a tenant sees at a glance.

use serde::Serialize;

use super::{App, Error, Tenant, doctor::TenantStatus};
use crate::{
    model::{ChannelSet, InviteStatus, Role},
    queue::Page,
    store::MemberFilter,
};

/// Most dead letters counted exactly.
const DEAD_COUNTED_MAX: usize = 10_000;

/// A tenant in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TenantStatistics {
    pub users: u64,
    pub admins: u64,
    pub channels: usize,
    pub content: TenantStatus,
    /// Questions in the history, of everybody.
    pub questions: u64,
    pub invites_active: u64,
    pub dead_letters: usize,
}

impl App {
    /// A tenant in figures.
    pub fn tenant_statistics(&self, tenant: &Tenant) -> Result<TenantStatistics, Error> {
        let count = |role| {
            let filter = MemberFilter { role, ..MemberFilter::default() };
            self.control.member_list(tenant.id(), &filter, 1, 0).map(|(_, total)| total)
        };
        let active = Some(InviteStatus::Active);
        let page = Page { tenant: Some(tenant.id().0.as_u128()), after: None, limit: DEAD_COUNTED_MAX };
        Ok(TenantStatistics {
            users: count(None)?,
            admins: count(Some(Role::Admin))?,
            channels: tenant.channel_views(&ChannelSet::All)?.len(),
            content: self.tenant_status(tenant)?,
            questions: tenant.store.history_count()?,
            invites_active: self.control.invite_list(Some(tenant.id()), active, self.now(), 1, 0)?.1,
            dead_letters: self.queue.dead_list(page).len(),
        })
    }
}
