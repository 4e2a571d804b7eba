//! Who may come in and who is in: invites and users.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    app::{
        App, Error,
        audit::Origin,
        invites::{InviteView, NewInvite},
        members::MemberView,
    },
    model::{InviteStatus, MembershipId, Role, Tier},
    store::{Member, MemberFilter, MemberUpdate},
};

/// Invites and users.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembersCommand {
    InviteCreate { tenant: String, options: InviteOptions },
    InviteRevoke { code: String },
    InviteList { tenant: Option<String>, status: Option<InviteStatus>, limit: usize },
    InviteGet { code: String },
    UserList { tenant: String, role: Option<Role>, tier: Option<Tier>, search: Option<String>, limit: usize },
    UserShow { id: MembershipId },
    UserDelete { id: MembershipId },
    UserSetRole { id: MembershipId, role: Role, version: Option<i64> },
    UserSetTier { id: MembershipId, tier: Tier, version: Option<i64> },
}

/// What an invite shall be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InviteOptions {
    pub role: Role,
    pub uses_limit: u32,
    pub expires_at: Option<Timestamp>,
    pub notes: Option<String>,
}

impl App {
    pub(super) fn execute_members(&self, command: MembersCommand) -> Result<Value, Error> {
        Ok(match command {
            MembersCommand::InviteCreate { tenant, options } => {
                let tenant = self.tenant_get(&tenant)?.id();
                let InviteOptions { role, uses_limit, expires_at, notes } = options;
                let new = NewInvite { role, uses_limit, expires_at, notes };
                invite_made(&self.invite_create(tenant, &new, &Origin::operator())?)
            }
            MembersCommand::InviteRevoke { code } => {
                let invite = self.invite_revoke(&code, None, &Origin::operator())?;
                json!({ "code": invite.code, "status": "revoked", "revoked_at": invite.revoked_at })
            }
            MembersCommand::InviteList { tenant, status, limit } => {
                let tenant = tenant.map(|tenant| self.tenant_get(&tenant)).transpose()?;
                let (invites, total) =
                    self.invite_list(tenant.map(|tenant| tenant.id()), status, limit, 0)?;
                let invites: Vec<Value> = invites.iter().map(invite_seen).collect();
                json!({ "invites": invites, "total": total })
            }
            MembersCommand::InviteGet { code } => invite_seen(&self.invite_get(&code, None)?),
            MembersCommand::UserList { tenant, role, tier, search, limit } => {
                let filter = MemberFilter { role, tier, search };
                let (users, total) = self.member_list(self.tenant_get(&tenant)?.id(), &filter, limit, 0)?;
                json!({ "users": users, "total": total })
            }
            MembersCommand::UserShow { id } => json!(MemberView::from(self.member_named(id)?)),
            MembersCommand::UserDelete { id } => {
                let tenant = self.tenant_get(&self.member_named(id)?.tenant_id.to_string())?;
                json!(self.user_erase(&tenant, id, &Origin::operator())?)
            }
            MembersCommand::UserSetRole { id, role, version } => {
                self.user_update(id, MemberUpdate::Role(role), version)?
            }
            MembersCommand::UserSetTier { id, tier, version } => {
                self.user_update(id, MemberUpdate::Tier(tier), version)?
            }
        })
    }

    fn user_update(
        &self,
        id: MembershipId,
        update: MemberUpdate,
        version: Option<i64>,
    ) -> Result<Value, Error> {
        let tenant = self.member_named(id)?.tenant_id;
        Ok(json!(self.member_update(tenant, id, update, version, &Origin::operator())?))
    }

    fn member_named(&self, id: MembershipId) -> Result<Member, Error> {
        let member = self.member_find(id)?;
        member.ok_or_else(|| Error::NotFound(format!("no user {id}; `tga user list` shows those there are")))
    }
}

/// A new invite, in the fields scripts know.
fn invite_made(invite: &InviteView) -> Value {
    json!({
        "code": invite.code,
        "tenant_id": invite.tenant_id,
        "role": invite.role,
        "uses_limit": invite.uses_limit,
        "uses_count": invite.uses_count,
        "active": invite.active,
        "expires_at": invite.expires_at,
        "created_at": invite.created_at,
        "notes": invite.notes,
    })
}

/// The same with what became of it.
fn invite_seen(invite: &InviteView) -> Value {
    let mut seen = invite_made(invite);
    seen["last_used_at"] = json!(invite.last_used_at);
    seen
}
