//! Retention as people see it: how much there is of every kind, how long each tenant and channel keeps its posts, what goes next.

use serde::Serialize;

use super::{App, Error, Tenant};
use crate::{
    app::{schedule::Runs, tenants::rfc3339},
    model::ChannelId,
    store::{Aged, AgedStats},
};

/// Figures of one kind of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KindStats {
    pub kind: &'static str,
    /// `None`: the installation's.
    pub tenant: Option<String>,
    /// Days it is kept; absent: for ever.
    pub keep_days: Option<u32>,
    pub total: u64,
    pub last_7d: u64,
    pub last_30d: u64,
    pub last_90d: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pseudonymised: Option<u64>,
    pub oldest: Option<String>,
    pub bytes: u64,
}

/// How long a tenant keeps its posts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RetentionView {
    /// Days posts are kept, by when they were posted; 0: for ever. Pinned and saved ones stay.
    pub posts_days: u32,
    /// What the installation has where the tenant says nothing.
    pub posts_days_default: u32,
    /// Whether the tenant says so itself.
    pub own: bool,
    /// Posts that the next run removes.
    pub posts_due: u64,
    /// When it runs; absent: only when the operator asks.
    pub next_at: Option<String>,
    pub last_at: Option<String>,
    pub channels: Vec<ChannelRetention>,
}

/// How long a channel's posts are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ChannelRetention {
    pub channel_id: ChannelId,
    pub title: String,
    /// The channel's own days; absent: as the tenant has it, 0: for ever.
    pub posts_days: Option<u32>,
    pub posts: u64,
    /// Posts that the next run removes.
    pub posts_due: u64,
}

impl App {
    /// Figures of every kind of data that goes by age.
    pub fn retention_stats(&self) -> Result<Vec<KindStats>, Error> {
        let now = self.now();
        let mut kinds = Vec::new();
        let of = |what: Aged, tenant: Option<&str>, keep_days, stats: AgedStats| KindStats {
            kind: what.name(),
            tenant: tenant.map(str::to_owned),
            keep_days,
            total: stats.total,
            last_7d: stats.last_7d,
            last_30d: stats.last_30d,
            last_90d: stats.last_90d,
            pseudonymised: None,
            oldest: stats.oldest.map(rfc3339),
            bytes: stats.bytes,
        };
        for what in Aged::CONTROL {
            let mut kind = of(what, None, self.keep_days(what), self.control.aged_stats(what, now)?);
            if what == Aged::AuthEvents {
                kind.pseudonymised = Some(self.control.auth_events_pseudonymised_count()?);
            }
            kinds.push(kind);
        }
        for row in self.tenant_list()? {
            let tenant = self.tenant_open_due(&row)?;
            let days = tenant.store.posts_days()?.unwrap_or(self.posts_days_default());
            let days = Some(days).filter(|days| *days > 0);
            kinds.push(of(Aged::Posts, Some(&row.slug), days, tenant.store.aged_stats(Aged::Posts, now)?));
            for what in Aged::TENANT {
                let stats = tenant.store.aged_stats(what, now)?;
                kinds.push(of(what, Some(&row.slug), self.keep_days(what), stats));
            }
        }
        Ok(kinds)
    }

    /// How long a tenant keeps its posts, and what the next run removes.
    pub fn retention_view(&self, tenant: &Tenant) -> Result<RetentionView, Error> {
        let now = self.now();
        let own = tenant.store.posts_days()?;
        let channels: Vec<ChannelRetention> = tenant
            .store
            .channel_keep_list(now)?
            .into_iter()
            .map(|channel| ChannelRetention {
                channel_id: channel.id,
                title: channel.title,
                posts_days: channel.own_days,
                posts: channel.posts,
                posts_due: channel.due,
            })
            .collect();
        let next = self.config.retention.at.map(|at| Runs::next(at, now));
        Ok(RetentionView {
            posts_days: own.unwrap_or(self.posts_days_default()),
            posts_days_default: self.posts_days_default(),
            own: own.is_some(),
            posts_due: channels.iter().map(|channel| channel.posts_due).sum(),
            next_at: next.map(rfc3339),
            last_at: self.retention_done_at()?.map(rfc3339),
            channels,
        })
    }
}
