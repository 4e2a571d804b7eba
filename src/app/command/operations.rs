//! The queue, the indexes, the models, the state of health.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Progress;
use crate::{
    ai::ImportedModel,
    app::{App, Error, audit::Origin},
    model::Provider,
};

/// What an operator looks after.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationsCommand {
    QueueInfo,
    QueueList {
        dead: bool,
        limit: usize,
    },
    QueuePeek {
        id: u64,
    },
    QueueRequeue {
        ids: Vec<u64>,
    },
    QueueDiscard {
        ids: Vec<u64>,
    },
    IndexVerify {
        tenant: Option<String>,
    },
    IndexRebuild {
        tenant: Option<String>,
    },
    ModelList,
    ModelImport {
        path: PathBuf,
    },
    ModelPull {
        url: String,
    },
    ModelUse {
        name: String,
    },
    ModelTest {
        provider: String,
        tenant: Option<String>,
    },
    Doctor,
    RetentionStats,
    RetentionRun {
        dry_run: bool,
    },
    RetentionShow {
        tenant: String,
    },
    /// `days`: `None` is as the installation, or the tenant, has it.
    RetentionSet {
        tenant: String,
        channel: Option<String>,
        days: Option<u32>,
    },
    Status,
}

impl App {
    pub(super) fn execute_operations(
        &self,
        command: OperationsCommand,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Value, Error> {
        Ok(match command {
            OperationsCommand::QueueInfo => json!(self.queue_view()),
            OperationsCommand::QueueList { dead, limit } => json!({ "jobs": self.job_list(dead, limit) }),
            OperationsCommand::QueuePeek { id } => json!(self.job_get(id)?),
            OperationsCommand::QueueRequeue { ids } => {
                json!({ "requeued": self.dead_requeue(&ids, None, &Origin::operator())? })
            }
            OperationsCommand::QueueDiscard { ids } => {
                json!({ "discarded": self.dead_discard(&ids, None, &Origin::operator())? })
            }
            OperationsCommand::IndexVerify { tenant } => self.index_verify(tenant.as_deref())?,
            OperationsCommand::IndexRebuild { tenant } => self.index_rebuild(tenant.as_deref(), progress)?,
            OperationsCommand::ModelList => json!({ "models": self.model_list()? }),
            OperationsCommand::ModelImport { path } => imported(&self.model_import(&path)?),
            OperationsCommand::ModelPull { url } => imported(&self.model_pull(&url)?),
            OperationsCommand::ModelTest { provider, tenant } => {
                let provider = Provider::parse(&provider)
                    .ok_or_else(|| Error::Invalid(format!("no provider is named {provider}")))?;
                let tenant = tenant.map(|name| self.tenant_get(&name)).transpose()?;
                json!(self.provider_test(tenant.as_deref(), provider, None)?)
            }
            OperationsCommand::ModelUse { name } => json!({ "active": self.model_use(&name)? }),
            OperationsCommand::RetentionStats => json!({ "kinds": self.retention_stats()? }),
            OperationsCommand::RetentionRun { dry_run } => {
                json!(self.retention_run(dry_run, &std::sync::atomic::AtomicBool::new(false))?)
            }
            OperationsCommand::RetentionShow { tenant } => {
                let tenant = self.tenant_get(&tenant)?;
                json!(self.retention_view(&tenant)?)
            }
            OperationsCommand::RetentionSet { tenant, channel, days } => {
                let tenant = self.tenant_get(&tenant)?;
                let all = crate::model::ChannelSet::All;
                let channel = channel.map(|channel| tenant.channel_get(&channel, &all)).transpose()?;
                let channel = channel.map(|channel| channel.id);
                json!(self.retention_set(&tenant, channel, days, &Origin::operator())?)
            }
            OperationsCommand::Status => json!(self.status()?),
            OperationsCommand::Doctor => json!({ "findings": self.doctor()? }),
        })
    }

    fn index_verify(&self, tenant: Option<&str>) -> Result<Value, Error> {
        let mut reports = Vec::new();
        for tenant in self.tenants_named(tenant)? {
            let (fulltext, vectors) = tenant.indexes.verify(&tenant.store)?;
            reports.push(json!({
                "tenant": tenant.row.slug,
                "fulltext": { "missing": fulltext.missing.len(), "extra": fulltext.extra.len() },
                "vectors": { "missing": vectors.missing.len(), "extra": vectors.extra.len() },
                "ok": fulltext.is_empty() && vectors.is_empty(),
            }));
        }
        Ok(json!({ "indexes": reports }))
    }

    fn index_rebuild(
        &self,
        tenant: Option<&str>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Value, Error> {
        let mut reports = Vec::new();
        for tenant in self.tenants_named(tenant)? {
            let mut report = |done, total| progress(Progress::Index { done, total });
            let posts = tenant.indexes.rebuild_from_nothing(&tenant.store, &mut report)?;
            reports.push(json!({ "tenant": tenant.row.slug, "posts": posts }));
        }
        Ok(json!({ "rebuilt": reports }))
    }
}

fn imported(model: &ImportedModel) -> Value {
    json!({
        "id": model.id.as_str(),
        "bytes": model.bytes,
        "known": model.known,
        "already_installed": model.already_installed,
        "notice": model.notice(),
    })
}
