//! Who people are to the appliance: roles, tiers, who acts.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::MembershipId;

/// What a member may do in the tenant.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    User,
    Admin,
}

impl Role {
    pub const ALL: [Role; 2] = [Role::User, Role::Admin];

    pub fn name(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Admin => "admin",
        }
    }

    pub fn parse(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// How much a member may use; what each holds stands in `[tiers.*]` of the configuration.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    Free,
    Basic,
    Premium,
    Pro,
    Enterprise,
}

impl Tier {
    pub const ALL: [Tier; 5] = [Tier::Free, Tier::Basic, Tier::Premium, Tier::Pro, Tier::Enterprise];

    pub fn name(self) -> &'static str {
        match self {
            Tier::Free => "free",
            Tier::Basic => "basic",
            Tier::Premium => "premium",
            Tier::Pro => "pro",
            Tier::Enterprise => "enterprise",
        }
    }

    pub fn parse(name: &str) -> Option<Tier> {
        Tier::ALL.into_iter().find(|tier| tier.name() == name)
    }
}

/// Who did something. Stored as text: `operator`, `system`, `member:7`, `token:3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Whoever runs the command line on this machine.
    Operator,
    /// The appliance itself.
    System,
    Member(MembershipId),
    /// An API token, by the id of its row.
    Token(i64),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Operator => f.write_str("operator"),
            Actor::System => f.write_str("system"),
            Actor::Member(id) => write!(f, "member:{id}"),
            Actor::Token(id) => write!(f, "token:{id}"),
        }
    }
}

impl FromStr for Actor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let id = |text: &str| text.parse::<i64>().map_err(|_| ());
        match text.split_once(':') {
            None if text == "operator" => Ok(Actor::Operator),
            None if text == "system" => Ok(Actor::System),
            Some(("member", rest)) => id(rest).map(|id| Actor::Member(MembershipId(id))),
            Some(("token", rest)) => id(rest).map(Actor::Token),
            Some(_) | None => Err(()),
        }
    }
}

/// What administrators and operators do, as the audit log names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    TenantCreated,
    TenantDeleted,
    InviteCreated,
    InviteRevoked,
    RoleChanged,
    TierChanged,
    UserDeleted,
    SessionsEnded,
    TokenCreated,
    TokenRevoked,
    DeadLettersRequeued,
    DeadLettersDiscarded,
    FlagChanged,
    TagsMerged,
    PostRetagged,
    PasskeyAdded,
    PasskeyRemoved,
    TagsMergeUndone,
    TagProtected,
    LinksSwitched,
    TenantExported,
    TenantImported,
    ModelsSwitched,
    ModelKeySet,
    ModelKeyRemoved,
    TenantRestored,
    BackupCreated,
    RetentionChanged,
}

impl AuditAction {
    pub const ALL: [AuditAction; 28] = [
        AuditAction::TenantCreated,
        AuditAction::TenantDeleted,
        AuditAction::InviteCreated,
        AuditAction::InviteRevoked,
        AuditAction::RoleChanged,
        AuditAction::TierChanged,
        AuditAction::UserDeleted,
        AuditAction::SessionsEnded,
        AuditAction::TokenCreated,
        AuditAction::TokenRevoked,
        AuditAction::DeadLettersRequeued,
        AuditAction::DeadLettersDiscarded,
        AuditAction::FlagChanged,
        AuditAction::TagsMerged,
        AuditAction::PostRetagged,
        AuditAction::PasskeyAdded,
        AuditAction::PasskeyRemoved,
        AuditAction::TagsMergeUndone,
        AuditAction::TagProtected,
        AuditAction::LinksSwitched,
        AuditAction::TenantExported,
        AuditAction::TenantImported,
        AuditAction::ModelsSwitched,
        AuditAction::ModelKeySet,
        AuditAction::ModelKeyRemoved,
        AuditAction::TenantRestored,
        AuditAction::BackupCreated,
        AuditAction::RetentionChanged,
    ];

    pub fn name(self) -> &'static str {
        match self {
            AuditAction::TenantCreated => "tenant_created",
            AuditAction::TenantDeleted => "tenant_deleted",
            AuditAction::InviteCreated => "invite_created",
            AuditAction::InviteRevoked => "invite_revoked",
            AuditAction::RoleChanged => "role_changed",
            AuditAction::TierChanged => "tier_changed",
            AuditAction::UserDeleted => "user_deleted",
            AuditAction::SessionsEnded => "sessions_ended",
            AuditAction::TokenCreated => "token_created",
            AuditAction::TokenRevoked => "token_revoked",
            AuditAction::DeadLettersRequeued => "dead_letters_requeued",
            AuditAction::DeadLettersDiscarded => "dead_letters_discarded",
            AuditAction::FlagChanged => "flag_changed",
            AuditAction::TagsMerged => "tags_merged",
            AuditAction::PostRetagged => "post_retagged",
            AuditAction::PasskeyAdded => "passkey_added",
            AuditAction::PasskeyRemoved => "passkey_removed",
            AuditAction::TagsMergeUndone => "tags_merge_undone",
            AuditAction::TagProtected => "tag_protected",
            AuditAction::LinksSwitched => "links_switched",
            AuditAction::TenantExported => "tenant_exported",
            AuditAction::TenantImported => "tenant_imported",
            AuditAction::ModelsSwitched => "models_switched",
            AuditAction::ModelKeySet => "model_key_set",
            AuditAction::ModelKeyRemoved => "model_key_removed",
            AuditAction::TenantRestored => "tenant_restored",
            AuditAction::BackupCreated => "backup_created",
            AuditAction::RetentionChanged => "retention_changed",
        }
    }

    pub fn parse(name: &str) -> Option<AuditAction> {
        AuditAction::ALL.into_iter().find(|action| action.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.name()), Some(role));
        }
        for tier in Tier::ALL {
            assert_eq!(Tier::parse(tier.name()), Some(tier));
        }
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::parse(action.name()), Some(action));
        }
        for actor in [Actor::Operator, Actor::System, Actor::Member(MembershipId(7)), Actor::Token(3)] {
            assert_eq!(actor.to_string().parse(), Ok(actor));
        }
        for text in ["", "member", "member:", "member:x", "operator:1", "root"] {
            assert_eq!(text.parse::<Actor>(), Err(()), "{text}");
        }
    }
}
