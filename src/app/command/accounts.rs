//! Telegram sessions and the keys that seal them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{App, Error};

/// What an operator does with accounts.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountsCommand {
    SessionList {
        tenant: Option<String>,
    },
    SessionPause {
        id: Uuid,
    },
    SessionPauseAll {
        tenant: Option<String>,
    },
    SessionResume {
        id: Uuid,
    },
    SessionRevoke {
        id: Uuid,
    },
    /// `line` is the session itself: a secret.
    SessionImport {
        tenant: String,
        line: String,
    },
    SessionExport {
        id: Uuid,
    },
    KeyList,
    KeyRotate,
    JwtKeyRotate,
}

impl std::fmt::Debug for AccountsCommand {
    /// Commands may be logged; an imported session may not.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccountsCommand")
    }
}

/// Why sessions are paused by this command.
const BY_OPERATOR: &str = "paused_by_operator";

impl App {
    pub(super) fn execute_accounts(&self, command: AccountsCommand) -> Result<Value, Error> {
        Ok(match command {
            AccountsCommand::SessionList { tenant } => {
                json!({ "sessions": self.telegram_session_list(tenant.as_deref())? })
            }
            AccountsCommand::SessionPause { id } => json!(self.telegram_session_pause(id, BY_OPERATOR)?),
            AccountsCommand::SessionPauseAll { tenant } => {
                json!({ "paused": self.telegram_session_pause_all(tenant.as_deref(), BY_OPERATOR)? })
            }
            AccountsCommand::SessionResume { id } => json!(self.telegram_session_resume(id)?),
            AccountsCommand::SessionRevoke { id } => {
                json!(self.telegram_session_revoke(id, "revoked_by_operator")?)
            }
            AccountsCommand::SessionImport { tenant, line } => {
                let tenant = self.tenant_get(&tenant)?;
                json!(self.telegram_session_import(&tenant, &line)?)
            }
            AccountsCommand::SessionExport { id } => {
                json!({ "id": id, "session": self.telegram_session_export(id)?.as_str() })
            }
            AccountsCommand::KeyList => {
                json!({ "keys": self.seal_key_list()? })
            }
            AccountsCommand::KeyRotate => json!(self.seal_key_rotate()?),
            AccountsCommand::JwtKeyRotate => json!({ "id": self.jwt_key_rotate()? }),
        })
    }
}
