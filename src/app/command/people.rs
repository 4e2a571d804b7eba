//! Tenants and tokens.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    app::{App, Error, audit::Origin},
    model::ChannelSet,
    store::Scope,
};

/// Who exists.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeopleCommand {
    TenantCreate {
        name: String,
    },
    TenantList,
    TenantShow {
        tenant: String,
    },
    TenantDelete {
        tenant: String,
    },
    TenantLinks {
        tenant: String,
        enabled: bool,
    },
    TenantExport {
        tenant: String,
        path: PathBuf,
    },
    TenantImport {
        path: PathBuf,
        /// Instead of the name it had.
        name: Option<String>,
    },
    TokenCreate {
        tenant: String,
        name: String,
        scope: Scope,
        expires_at: Option<Timestamp>,
        /// The only channels it shows; none named means all.
        #[serde(default)]
        channels: Vec<String>,
    },
    TokenList {
        tenant: Option<String>,
    },
    TokenRevoke {
        id: i64,
    },
}

impl App {
    pub(super) fn execute_people(&self, command: PeopleCommand) -> Result<Value, Error> {
        Ok(match command {
            PeopleCommand::TenantCreate { name } => json!(self.tenant_create(&name)?),
            PeopleCommand::TenantList => json!({ "tenants": self.tenant_list()? }),
            PeopleCommand::TenantShow { tenant } => {
                let tenant = self.tenant_get(&tenant)?;
                let status = self.tenant_status(&tenant)?;
                let channels = tenant.channel_views(&ChannelSet::All)?;
                json!({ "tenant": tenant.row(), "status": status, "channels": channels })
            }
            PeopleCommand::TenantLinks { tenant, enabled } => {
                let tenant = self.tenant_get(&tenant)?;
                json!(self.links_set(&tenant, enabled, &Origin::operator())?)
            }
            PeopleCommand::TenantDelete { tenant } => json!({ "deleted": self.tenant_delete(&tenant)? }),
            PeopleCommand::TenantExport { tenant, path } => {
                let manifest = self.tenant_export(&*self.tenant_get(&tenant)?, &path, &Origin::operator())?;
                json!({ "file": path, "manifest": manifest })
            }
            PeopleCommand::TenantImport { path, name } => {
                json!(self.tenant_import(&path, name.as_deref(), &Origin::operator())?)
            }
            PeopleCommand::TokenCreate { tenant, name, scope, expires_at, channels } => {
                let tenant = self.tenant_get(&tenant)?;
                let named = self.channels_named(&tenant, &channels)?;
                let only = (!named.is_empty()).then_some(named);
                json!(self.token_create_narrow(&tenant, &name, scope, expires_at, only)?)
            }
            PeopleCommand::TokenList { tenant } => {
                let tenant = tenant.map(|tenant| self.tenant_get(&tenant)).transpose()?;
                json!({ "tokens": self.token_list(tenant.as_deref())? })
            }
            PeopleCommand::TokenRevoke { id } => {
                self.token_revoke(id)?;
                json!({ "id": id, "status": "revoked" })
            }
        })
    }
}
