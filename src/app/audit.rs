//! Who acts, and the log of what administrators and operators did.

use serde::Serialize;
use serde_json::Value;

use super::{App, Error, tenants::rfc3339};
use crate::{
    model::{Actor, AuditAction, TenantId},
    store::{AuditEntry, AuditFilter, Member, NewAudit},
};

/// Lines an export holds at most, the newest.
const AUDIT_EXPORTED_MAX: usize = 100_000;

/// Whoever does something that is put on record, and by which request.
#[derive(Debug, Clone)]
pub struct Origin {
    pub actor: Actor,
    pub request_id: Option<String>,
    pub ip: Option<String>,
}

impl Origin {
    /// The command line on this machine.
    pub fn operator() -> Self {
        Self { actor: Actor::Operator, request_id: None, ip: None }
    }

    /// The appliance itself.
    pub fn system() -> Self {
        Self { actor: Actor::System, request_id: None, ip: None }
    }
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AuditView {
    pub id: i64,
    pub at: String,
    pub tenant_id: Option<String>,
    pub actor: String,
    pub action: AuditAction,
    pub target: String,
    pub data: Option<Value>,
    pub request_id: Option<String>,
    pub ip: Option<String>,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id,
            at: rfc3339(entry.at),
            tenant_id: entry.tenant_id,
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
            data: entry.data,
            request_id: entry.request_id,
            ip: entry.ip,
        }
    }
}

impl App {
    /// The line an act leaves; store functions write it in the transaction of the act.
    pub(super) fn audit(
        &self,
        origin: &Origin,
        tenant_id: Option<TenantId>,
        action: AuditAction,
        target: impl Into<String>,
        data: Option<Value>,
    ) -> NewAudit {
        NewAudit {
            at: self.now(),
            tenant_id,
            actor: origin.actor,
            action,
            target: target.into(),
            data,
            request_id: origin.request_id.clone(),
            ip: origin.ip.clone(),
        }
    }

    /// The newest lines about what a member did.
    pub(super) fn audit_of(&self, member: &Member) -> Result<Vec<AuditView>, Error> {
        let filter = AuditFilter {
            tenant_id: Some(member.tenant_id),
            actor: Some(Actor::Member(member.id)),
            ..AuditFilter::default()
        };
        Ok(self.audit_list(&filter, AUDIT_EXPORTED_MAX, 0)?.0)
    }

    /// A page of the audit log, newest first, and how many lines match.
    pub fn audit_list(
        &self,
        filter: &AuditFilter,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<AuditView>, u64), Error> {
        let (entries, total) = self.control.audit_list(filter, limit, offset)?;
        Ok((entries.into_iter().map(AuditView::from).collect(), total))
    }
}
