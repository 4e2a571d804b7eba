//! Telling people what happened to their accounts, once: which notices are due, and that one was told.
//!
//! A notice is written by the store with the change it tells of. Whoever tells people asks for what is due, tells it, and says
//! so: a crash in between tells one notice twice, none is lost. Knows nothing of how people are told.

use serde::Serialize;

use super::{App, Error, Tenant, tenants::Upkeep, tenants::rfc3339};
use crate::{
    model::{Channel, TenantId},
    store::{Member, Notice, NoticeKind},
};

/// Notices handed out at once.
pub const NOTICES_AT_ONCE_MAX: usize = 100;

/// Something to tell somebody.
#[derive(Debug, Clone, Serialize)]
pub struct NoticeView {
    pub tenant_id: TenantId,
    /// Within the tenant.
    pub id: i64,
    pub kind: NoticeKind,
    /// A stable code: `session_revoked`, `private`, ….
    pub reason: String,
    pub created_at: String,
    /// Who is told.
    #[serde(skip)]
    pub member: Member,
    /// The channel it is about.
    #[serde(skip)]
    pub channel: Option<Channel>,
}

impl App {
    /// What is to be told now, in all tenants that may have something, at most [`NOTICES_AT_ONCE_MAX`].
    pub fn notice_due_list(&self) -> Result<Vec<NoticeView>, Error> {
        let mut due = Vec::new();
        for row in self.tenant_due_list(Upkeep::Notices)? {
            let room = NOTICES_AT_ONCE_MAX - due.len();
            if room == 0 {
                break;
            }
            // A tenant that cannot be opened is doctor's matter.
            let Ok(tenant) = self.tenant_open_due(&row) else { continue };
            let writes = tenant.writes();
            let (notices, waiting) = tenant.store.notice_due(self.now(), room)?;
            if waiting == 0 {
                tenant.upkeep_done(Upkeep::Notices, writes);
            }
            for notice in notices {
                due.extend(self.notice_view(&tenant, notice)?);
            }
        }
        Ok(due)
    }

    /// A notice was told; `false` if it was before, or was taken back meanwhile.
    pub fn notice_sent(&self, tenant: &Tenant, id: i64) -> Result<bool, Error> {
        Ok(tenant.store.notice_sent(id, self.now())?)
    }

    fn notice_view(&self, tenant: &Tenant, notice: Notice) -> Result<Option<NoticeView>, Error> {
        let channel = notice.channel().map(|id| tenant.store.channel_get(id)).transpose()?.flatten();
        // Who has left meanwhile is told nothing; the erasure takes the row.
        let Some(member) = self.member_find(notice.membership)? else { return Ok(None) };
        Ok(Some(NoticeView {
            tenant_id: tenant.id(),
            id: notice.id,
            kind: notice.kind,
            reason: notice.reason,
            created_at: rfc3339(notice.created_at),
            member,
            channel,
        }))
    }
}
