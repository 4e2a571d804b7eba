//! The vocabulary: merging tags, undoing that, tagging anew.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    app::{App, Error, Tenant, audit::Origin, tags::RetagFilter},
    model::ChannelSet,
};

/// Merges one list shows.
const MERGES_LISTED: usize = 100;

/// What is done to tags.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagsCommand {
    Merge { tenant: String, from: Vec<String>, into: String, dry_run: bool },
    Unmerge { tenant: String, id: i64 },
    Merges { tenant: String },
    Protect { tenant: String, tag: String, protect: bool },
    Retag { tenant: String, filter: TagsFilter, dry_run: bool },
    ModelRetag { tenant: String, filter: TagsFilter, dry_run: bool },
    ModelRetagUndo { tenant: String, filter: TagsFilter },
    Suggest { tenant: String, limit: usize },
}

/// Which posts; the channel as somebody names it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TagsFilter {
    pub channel: Option<String>,
    pub tag: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl TagsFilter {
    fn read(self, tenant: &Tenant) -> Result<RetagFilter, Error> {
        let channel =
            self.channel.map(|name| tenant.channel_get(&name, &ChannelSet::All).map(|channel| channel.id));
        Ok(RetagFilter { channel: channel.transpose()?, tag: self.tag, since: self.since, until: self.until })
    }
}

impl App {
    pub(super) fn execute_tags(&self, command: TagsCommand) -> Result<Value, Error> {
        let origin = Origin::operator();
        Ok(match command {
            TagsCommand::Merge { tenant, from, into, dry_run } => {
                json!(self.tags_merge(&*self.tenant_get(&tenant)?, &from, &into, dry_run, &origin)?)
            }
            TagsCommand::Unmerge { tenant, id } => {
                let posts = self.tags_merge_undo(&*self.tenant_get(&tenant)?, id, &origin)?;
                json!({ "merge_id": id, "posts": posts })
            }
            TagsCommand::Merges { tenant } => {
                let tenant = self.tenant_get(&tenant)?;
                let (merges, total) = tenant.tag_merge_list(MERGES_LISTED, 0)?;
                json!({ "merges": merges, "total": total, "protected": tenant.tag_protected_list()? })
            }
            TagsCommand::Protect { tenant, tag, protect } => {
                self.tag_protect(&*self.tenant_get(&tenant)?, &tag, protect, &origin)?;
                json!({ "tag": tag, "protected": protect })
            }
            TagsCommand::Retag { tenant, filter, dry_run } => {
                let tenant = self.tenant_get(&tenant)?;
                json!(self.posts_retag(&tenant, &filter.read(&tenant)?, dry_run, &origin)?)
            }
            TagsCommand::ModelRetag { tenant, filter, dry_run } => {
                let tenant = self.tenant_get(&tenant)?;
                json!(self.model_retag(&tenant, &filter.read(&tenant)?, dry_run, &origin)?)
            }
            TagsCommand::ModelRetagUndo { tenant, filter } => {
                let tenant = self.tenant_get(&tenant)?;
                json!({ "posts": self.model_retag_undo(&tenant, &filter.read(&tenant)?, &origin)? })
            }
            TagsCommand::Suggest { tenant, limit } => {
                let tenant = self.tenant_get(&tenant)?;
                json!({ "suggestions": self.tag_suggestion_list(&tenant, limit)? })
            }
        })
    }
}
