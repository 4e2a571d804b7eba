//! Posts: importing them, finding them, what became of them.

use std::{collections::BTreeSet, path::PathBuf, time::Instant};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Progress;
use crate::{
    app::{
        App, Error, Tenant, ask::AskRequest, events::EVENTS_LISTED_MAX, export::ExportFormat,
        imports::ImportOptions, search::SearchRequest,
    },
    model::{ChannelId, ChannelSet, Event},
    telegram::export::Format,
};

/// What is read and written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentCommand {
    Import { tenant: String, path: PathBuf, format: Option<String>, channel: Option<String>, wait: bool },
    Search { tenant: String, channel: Option<String>, request: SearchRequest },
    Ask { tenant: String, channel: Option<String>, request: AskRequest },
    TagsTop { tenant: String, limit: usize },
    EventsList { tenant: String, event: Option<String>, after: Option<i64>, limit: usize },
    Export { tenant: String, format: ExportFormat, path: PathBuf },
    Trace { tenant: Option<String>, link: String },
}

impl App {
    pub(super) fn execute_content(
        &self,
        command: ContentCommand,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Value, Error> {
        let all = ChannelSet::All;
        match command {
            ContentCommand::Import { tenant, path, format, channel, wait } => {
                let tenant = self.tenant_get(&tenant)?;
                let format = format.as_deref().map(format_named).transpose()?;
                let options = ImportOptions { format, channel, keep_archives: true };
                let mut report =
                    self.import(&tenant, &path, &options, &mut |at| progress(Progress::Import(at)))?;
                if wait {
                    let started = Instant::now();
                    self.wait_indexed(&tenant, progress)?;
                    self.wait_embedded(&tenant, progress)?;
                    report.elapsed_ms += started.elapsed().as_millis() as u64;
                }
                Ok(json!(report))
            }
            ContentCommand::Search { tenant, channel, mut request } => {
                let tenant = self.tenant_get(&tenant)?;
                channel_add(&tenant, channel, &mut request.channel_ids)?;
                Ok(json!(self.search(&tenant, &all, None, &request)?))
            }
            ContentCommand::Ask { tenant, channel, mut request } => {
                let tenant = self.tenant_get(&tenant)?;
                channel_add(&tenant, channel, &mut request.channel_ids)?;
                Ok(json!(self.ask_operator(&tenant, &request, &TimeZone::system())?))
            }
            ContentCommand::TagsTop { tenant, limit } => {
                let tenant = self.tenant_get(&tenant)?;
                let (distinct, once) = tenant.store.tag_totals()?;
                let share = if distinct == 0 { 0.0 } else { once as f64 / distinct as f64 };
                let tags = tenant.tag_top(&all, limit)?;
                Ok(json!({ "tags": tags, "distinct": distinct, "used_once": once, "used_once_share": share }))
            }
            ContentCommand::EventsList { tenant, event, after, limit } => {
                events(&*self.tenant_get(&tenant)?, event.as_deref(), after, limit)
            }
            ContentCommand::Export { tenant, format, path } => {
                let tenant = self.tenant_get(&tenant)?;
                Ok(json!(self.export(&tenant, format, &path, progress)?))
            }
            ContentCommand::Trace { tenant, link } => self.trace(tenant.as_deref(), &link),
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
}

fn channel_add(tenant: &Tenant, channel: Option<String>, ids: &mut BTreeSet<ChannelId>) -> Result<(), Error> {
    if let Some(channel) = channel {
        ids.insert(tenant.channel_get(&channel, &ChannelSet::All)?.id);
    }
    Ok(())
}

fn events(tenant: &Tenant, event: Option<&str>, after: Option<i64>, limit: usize) -> Result<Value, Error> {
    let event = event
        .map(|name| Event::parse(name).ok_or_else(|| Error::Invalid(format!("no event is named {name}"))))
        .transpose()?;
    let limit = limit.min(EVENTS_LISTED_MAX);
    let after = match after {
        Some(after) => after,
        None => (tenant.event_last()? - limit as i64).max(0),
    };
    let events = tenant.event_list(after, event, limit)?;
    let last = events.last().map_or(after, |event| event.seq);
    Ok(json!({ "tenant": tenant.row.slug, "event": event.map(Event::name), "events": events, "last": last }))
}

fn format_named(name: &str) -> Result<Format, Error> {
    match name {
        "telegram-desktop" => Ok(Format::TelegramDesktop),
        "jsonl" => Ok(Format::Jsonl),
        other => Err(Error::Invalid(format!("no format is named {other}; choose telegram-desktop or jsonl"))),
    }
}
