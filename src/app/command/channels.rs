//! Channels: following them as a user, their ledger.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    app::{
        App, Error, Tenant,
        channels::{Depth, FollowOptions},
    },
    model::{ChannelSet, MembershipId},
    store::{Member, MemberFilter},
};

/// What is done about channels.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelsCommand {
    Add { tenant: String, user: Option<MembershipId>, channel: String, options: FollowOptions },
    List { tenant: String, user: Option<MembershipId> },
    Remove { tenant: String, user: Option<MembershipId>, channel: String },
    Ledger { tenant: String, channel: String },
    Backfill { tenant: String, channel: String, depth: Option<Depth> },
}

impl App {
    pub(super) fn execute_channels(&self, command: ChannelsCommand) -> Result<Value, Error> {
        let all = ChannelSet::All;
        match command {
            ChannelsCommand::Add { tenant, user, channel, options } => {
                let tenant = self.tenant_get(&tenant)?;
                let member = self.member_meant(&tenant, user)?;
                let (card, added) = self.channel_add(&tenant, &member, &channel, options)?;
                Ok(json!({ "channel": card, "added": added }))
            }
            ChannelsCommand::List { tenant, user: None } => {
                Ok(json!({ "channels": self.tenant_get(&tenant)?.channel_views(&all)? }))
            }
            ChannelsCommand::List { tenant, user: Some(user) } => {
                let tenant = self.tenant_get(&tenant)?;
                let member = self.member_get(tenant.id(), user)?;
                Ok(json!({ "channels": self.channel_cards(&tenant, member.id)? }))
            }
            ChannelsCommand::Remove { tenant, user, channel } => {
                let tenant = self.tenant_get(&tenant)?;
                let member = self.member_meant(&tenant, user)?;
                let id = tenant.channel_get(&channel, &all)?.id;
                self.channel_remove(&tenant, member.id, id)?;
                Ok(json!({ "channel_id": id, "removed": true }))
            }
            ChannelsCommand::Ledger { tenant, channel } => {
                let tenant = self.tenant_get(&tenant)?;
                let id = tenant.channel_get(&channel, &all)?.id;
                Ok(json!(self.channel_ledger(&tenant, id)?))
            }
            ChannelsCommand::Backfill { tenant, channel, depth } => {
                let tenant = self.tenant_get(&tenant)?;
                let id = tenant.channel_get(&channel, &all)?.id;
                Ok(json!(self.channel_backfill(&tenant, id, depth)?))
            }
        }
    }

    /// The user who was named, or the tenant's only one.
    fn member_meant(&self, tenant: &Tenant, user: Option<MembershipId>) -> Result<Member, Error> {
        if let Some(user) = user {
            return self.member_get(tenant.id(), user);
        }
        let (members, total) = self.control.member_list(tenant.id(), &MemberFilter::default(), 1, 0)?;
        match (members.into_iter().next(), total) {
            (Some(member), 1) => Ok(member),
            (_, 0) => Err(Error::Conflict(
                "the tenant has no users yet; `tga invite create` lets one in".to_owned(),
            )),
            _ => Err(Error::Invalid(format!(
                "the tenant has {total} users; say which with --user (`tga user list --tenant {}`)",
                tenant.row.slug
            ))),
        }
    }
}
