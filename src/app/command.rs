//! What the CLI can ask of an appliance, as plain data: executed here, or sent to the service that holds the data directory.
//!
//! A closed enum, so that a command works the same beside a running service and alone. Only whoever can reach the socket in the
//! data directory (its owner) can send one; that is the operator's right.

use std::{path::PathBuf, sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    App, Error, Tenant,
    ask::AskRequest,
    imports::{ImportOptions, ImportProgress},
    search::SearchRequest,
};
use crate::{
    model::{ChannelSet, Event},
    store::Scope,
    telegram::export::Format,
};

/// How often a waiting command looks again.
const WAIT_STEP: Duration = Duration::from_millis(100);

/// A command.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
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
    TokenCreate {
        tenant: String,
        name: String,
        scope: Scope,
        expires_at: Option<Timestamp>,
    },
    TokenList {
        tenant: Option<String>,
    },
    TokenRevoke {
        id: i64,
    },
    Import {
        tenant: String,
        path: PathBuf,
        format: Option<String>,
        channel: Option<String>,
        wait: bool,
    },
    Search {
        tenant: String,
        channel: Option<String>,
        request: SearchRequest,
    },
    Ask {
        tenant: String,
        channel: Option<String>,
        request: AskRequest,
    },
    TagsTop {
        tenant: String,
        limit: usize,
    },
    ChannelList {
        tenant: String,
    },
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
    EventsList {
        tenant: String,
        event: Option<String>,
        after: Option<i64>,
        limit: usize,
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
    Doctor,
    Trace {
        tenant: Option<String>,
        link: String,
    },
}

impl Command {
    /// The tenant whose indexes this command reads.
    pub fn index_reader(&self) -> Option<&str> {
        match self {
            Command::Search { tenant, .. } | Command::Ask { tenant, .. } => Some(tenant),
            Command::IndexVerify { tenant } => tenant.as_deref(),
            Command::TenantCreate { .. }
            | Command::TenantList
            | Command::TenantShow { .. }
            | Command::TenantDelete { .. }
            | Command::TokenCreate { .. }
            | Command::TokenList { .. }
            | Command::TokenRevoke { .. }
            | Command::Import { .. }
            | Command::TagsTop { .. }
            | Command::ChannelList { .. }
            | Command::QueueInfo
            | Command::QueueList { .. }
            | Command::QueuePeek { .. }
            | Command::QueueRequeue { .. }
            | Command::QueueDiscard { .. }
            | Command::EventsList { .. }
            | Command::IndexRebuild { .. }
            | Command::ModelList
            | Command::ModelImport { .. }
            | Command::ModelPull { .. }
            | Command::ModelUse { .. }
            | Command::Doctor
            | Command::Trace { .. } => None,
        }
    }
}

/// News from a command that takes a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Progress {
    Import(ImportProgress),
    Index { done: u64, total: u64 },
    Embed { done: u64, total: u64 },
}

impl App {
    /// Executes a command; the answer is the one JSON document the CLI prints.
    pub fn execute(&self, command: Command, progress: &mut dyn FnMut(Progress)) -> Result<Value, Error> {
        match command {
            Command::TenantCreate { .. }
            | Command::TenantList
            | Command::TenantShow { .. }
            | Command::TenantDelete { .. }
            | Command::TokenCreate { .. }
            | Command::TokenList { .. }
            | Command::TokenRevoke { .. } => self.execute_people(command),
            Command::Import { .. }
            | Command::Search { .. }
            | Command::Ask { .. }
            | Command::TagsTop { .. }
            | Command::ChannelList { .. }
            | Command::EventsList { .. }
            | Command::Trace { .. } => self.execute_content(command, progress),
            Command::QueueInfo
            | Command::QueueList { .. }
            | Command::QueuePeek { .. }
            | Command::QueueRequeue { .. }
            | Command::QueueDiscard { .. }
            | Command::IndexVerify { .. }
            | Command::IndexRebuild { .. }
            | Command::ModelList
            | Command::ModelImport { .. }
            | Command::ModelPull { .. }
            | Command::ModelUse { .. }
            | Command::Doctor => self.execute_operations(command, progress),
        }
    }

    fn execute_people(&self, command: Command) -> Result<Value, Error> {
        match command {
            Command::TenantCreate { name } => Ok(json!(self.tenant_create(&name)?)),
            Command::TenantList => Ok(json!({ "tenants": self.tenant_list()? })),
            Command::TenantShow { tenant } => {
                let tenant = self.tenant_get(&tenant)?;
                let status = self.tenant_status(&tenant)?;
                Ok(
                    json!({ "tenant": tenant.row(), "status": status, "channels": tenant.channel_views(&ChannelSet::All)? }),
                )
            }
            Command::TenantDelete { tenant } => Ok(json!({ "deleted": self.tenant_delete(&tenant)? })),
            Command::TokenCreate {
                tenant,
                name,
                scope,
                expires_at,
            } => Ok(json!(self.token_create(
                &*self.tenant_get(&tenant)?,
                &name,
                scope,
                expires_at
            )?)),
            Command::TokenList { tenant } => {
                let tenant = tenant.map(|tenant| self.tenant_get(&tenant)).transpose()?;
                Ok(json!({ "tokens": self.token_list(tenant.as_deref())? }))
            }
            Command::TokenRevoke { id } => {
                self.token_revoke(id)?;
                Ok(json!({ "id": id, "status": "revoked" }))
            }
            other => unreachable_command(&other),
        }
    }

    fn execute_content(&self, command: Command, progress: &mut dyn FnMut(Progress)) -> Result<Value, Error> {
        let all = ChannelSet::All;
        match command {
            Command::Import {
                tenant,
                path,
                format,
                channel,
                wait,
            } => {
                let tenant = self.tenant_get(&tenant)?;
                let options = ImportOptions {
                    format: format.as_deref().map(format_named).transpose()?,
                    channel,
                };
                let mut report =
                    self.import(&tenant, &path, &options, &mut |at| progress(Progress::Import(at)))?;
                if wait {
                    let started = std::time::Instant::now();
                    self.wait_indexed(&tenant, progress)?;
                    self.wait_embedded(&tenant, progress)?;
                    report.elapsed_ms += started.elapsed().as_millis() as u64;
                }
                Ok(json!(report))
            }
            Command::Search {
                tenant,
                channel,
                mut request,
            } => {
                let tenant = self.tenant_get(&tenant)?;
                if let Some(channel) = channel {
                    request.channel_ids.insert(tenant.channel_get(&channel, &all)?.id);
                }
                Ok(json!(self.search(&tenant, &all, &request)?))
            }
            Command::Ask {
                tenant,
                channel,
                mut request,
            } => {
                let tenant = self.tenant_get(&tenant)?;
                if let Some(channel) = channel {
                    request.channel_ids.insert(tenant.channel_get(&channel, &all)?.id);
                }
                Ok(json!(self.ask(&tenant, &all, &request, &TimeZone::system())?))
            }
            Command::TagsTop { tenant, limit } => {
                let tenant = self.tenant_get(&tenant)?;
                let (distinct, once) = tenant.store.tag_totals()?;
                let share = if distinct == 0 {
                    0.0
                } else {
                    once as f64 / distinct as f64
                };
                let tags = tenant.tag_top(&all, limit)?;
                Ok(json!({ "tags": tags, "distinct": distinct, "used_once": once, "used_once_share": share }))
            }
            Command::ChannelList { tenant } => {
                Ok(json!({ "channels": self.tenant_get(&tenant)?.channel_views(&all)? }))
            }
            Command::EventsList {
                tenant,
                event,
                after,
                limit,
            } => {
                let tenant = self.tenant_get(&tenant)?;
                let event = event
                    .map(|name| {
                        Event::parse(&name).ok_or_else(|| Error::Invalid(format!("no event is named {name}")))
                    })
                    .transpose()?;
                let after = match after {
                    Some(after) => after,
                    None => (tenant.event_last()? - limit as i64).max(0),
                };
                let events = tenant.event_list(after, event, limit)?;
                let last = events.last().map_or(after, |event| event.seq);
                Ok(
                    json!({ "tenant": tenant.row.slug, "event": event.map(Event::name), "events": events, "last": last }),
                )
            }
            Command::Trace { tenant, link } => self.trace(tenant.as_deref(), &link),
            other => unreachable_command(&other),
        }
    }

    fn execute_operations(
        &self,
        command: Command,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Value, Error> {
        match command {
            Command::QueueInfo => Ok(json!(self.queue_view())),
            Command::QueueList { dead, limit } => Ok(json!({ "jobs": self.job_list(dead, limit) })),
            Command::QueuePeek { id } => Ok(json!(self.job_get(id)?)),
            Command::QueueRequeue { ids } => Ok(json!({ "requeued": self.dead_requeue(&ids)? })),
            Command::QueueDiscard { ids } => Ok(json!({ "discarded": self.dead_discard(&ids)? })),
            Command::IndexVerify { tenant } => {
                let mut reports = Vec::new();
                for tenant in self.tenants_named(tenant.as_deref())? {
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
            Command::IndexRebuild { tenant } => {
                let mut reports = Vec::new();
                for tenant in self.tenants_named(tenant.as_deref())? {
                    let mut report = |done, total| progress(Progress::Index { done, total });
                    let posts = tenant.indexes.rebuild_from_nothing(&tenant.store, &mut report)?;
                    reports.push(json!({ "tenant": tenant.row.slug, "posts": posts }));
                }
                Ok(json!({ "rebuilt": reports }))
            }
            Command::ModelList => Ok(json!({ "models": self.model_list()? })),
            Command::ModelImport { path } => Ok(imported(&self.model_import(&path)?)),
            Command::ModelPull { url } => Ok(imported(&self.model_pull(&url)?)),
            Command::ModelUse { name } => Ok(json!({ "active": self.model_use(&name)? })),
            Command::Doctor => Ok(json!({ "findings": self.doctor()? })),
            other => unreachable_command(&other),
        }
    }

    /// One tenant, or all of them.
    fn tenants_named(&self, tenant: Option<&str>) -> Result<Vec<Arc<Tenant>>, Error> {
        match tenant {
            Some(tenant) => Ok(vec![self.tenant_get(tenant)?]),
            None => self
                .tenant_list()?
                .iter()
                .map(|row| self.tenant_open(row))
                .collect(),
        }
    }

    fn trace(&self, tenant: Option<&str>, link: &str) -> Result<Value, Error> {
        let mut last = Error::NotFound(format!("no tenant has {link}"));
        for tenant in self.tenants_named(tenant)? {
            match tenant.post_by_link(link, &ChannelSet::All) {
                Ok(post) => return Ok(json!(tenant.post_trace(post, &ChannelSet::All)?)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Blocks until every post of a tenant is indexed.
    pub fn wait_indexed(&self, tenant: &Tenant, progress: &mut dyn FnMut(Progress)) -> Result<(), Error> {
        loop {
            let seen = self.queue.room().seen();
            let counts = tenant.store.post_counts()?;
            progress(Progress::Index {
                done: counts.indexed,
                total: counts.posts,
            });
            if counts.indexed >= counts.posts {
                return Ok(());
            }
            self.wait_step(seen)?;
        }
    }

    /// Blocks until every indexed post of a tenant has its vectors; returns at once where there is no model.
    pub fn wait_embedded(&self, tenant: &Tenant, progress: &mut dyn FnMut(Progress)) -> Result<(), Error> {
        if self.embedder()?.is_none() {
            return Ok(());
        }
        loop {
            let seen = self.queue.room().seen();
            let status = self.tenant_status(tenant)?;
            progress(Progress::Embed {
                done: status.embedded,
                total: status.posts,
            });
            if status.embedded >= status.posts {
                return Ok(());
            }
            self.wait_step(seen)?;
        }
    }

    fn wait_step(&self, seen: u64) -> Result<(), Error> {
        if let Some(reason) = self.halted() {
            return Err(Error::Unavailable(format!("the pipeline has stopped: {reason}")));
        }
        if self.queue.info().dead > 0
            && self.queue_view().ready + self.queue_view().claimed + self.queue_view().scheduled == 0
        {
            return Err(Error::Unavailable(
                "some posts were given up; `tga queue list --dead` says why".to_owned(),
            ));
        }
        self.queue.room().changed_blocking(seen, WAIT_STEP);
        Ok(())
    }
}

fn format_named(name: &str) -> Result<Format, Error> {
    match name {
        "telegram-desktop" => Ok(Format::TelegramDesktop),
        "jsonl" => Ok(Format::Jsonl),
        other => Err(Error::Invalid(format!(
            "no format is named {other}; choose telegram-desktop or jsonl"
        ))),
    }
}

fn imported(model: &crate::ai::ImportedModel) -> Value {
    json!({ "id": model.id.as_str(), "bytes": model.bytes, "known": model.known,
            "already_installed": model.already_installed, "notice": model.notice() })
}

/// The groups above cover every command; a new one that was put into none ends here.
fn unreachable_command(command: &Command) -> Result<Value, Error> {
    Err(Error::Invalid(format!("command {command:?} is not wired")))
}
