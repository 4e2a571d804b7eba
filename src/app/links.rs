//! Whether a tenant has the pages read that its posts link to, and how far that is.
//!
//! Off until an admin switches it on: a fetched page tells its site that somebody here reads about it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{App, Error, Tenant, Upkeep, audit::Origin};
use crate::{
    model::AuditAction,
    queue::{Cause, Lane},
    store::PageCounts,
};

/// The key in tenant.db's facts; its value is `on` or absent.
const LINKS_META: &str = "links";
/// How far back posts are whose links are read when it is switched on.
const BACK: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Posts sent back at a time.
const BATCH_POSTS: usize = 1_000;

/// Whether pages are read, and how many were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LinksView {
    pub enabled: bool,
    pub pages: PageCounts,
}

impl Tenant {
    pub fn links_enabled(&self) -> Result<bool, Error> {
        Ok(self.store.meta_find(LINKS_META)?.as_deref() == Some("on"))
    }

    pub fn links_view(&self) -> Result<LinksView, Error> {
        Ok(LinksView { enabled: self.links_enabled()?, pages: self.store.page_counts()? })
    }
}

impl App {
    /// Switches the reading of pages on or off. Switched on, it begins with the links of the last 30 days; switched off, what was
    /// read stays.
    pub fn links_set(&self, tenant: &Tenant, enabled: bool, origin: &Origin) -> Result<LinksView, Error> {
        if tenant.links_enabled()? != enabled {
            let value = if enabled { "on" } else { "off" };
            tenant.store.meta_put(LINKS_META, value.to_owned())?;
            let audit =
                self.audit(origin, Some(tenant.id()), AuditAction::LinksSwitched, value.to_owned(), None);
            self.control.audit_add(audit)?;
            if enabled {
                self.links_catch_up(tenant)?;
            }
        }
        tenant.links_view()
    }

    fn links_catch_up(&self, tenant: &Tenant) -> Result<(), Error> {
        let since = self.now().checked_sub(BACK).unwrap_or(Timestamp::UNIX_EPOCH);
        loop {
            let posts = tenant.store.posts_unenriched_reset(since, BATCH_POSTS)?;
            self.posts_enqueue(tenant, &posts, Lane::Backfill, Cause::News)?;
            if posts.len() < BATCH_POSTS {
                break;
            }
        }
        self.tenants.stir(Upkeep::Links);
        self.links_wake.signal();
        Ok(())
    }

    /// Queues posts whose pages were read, to be tagged and indexed again.
    pub fn links_advance(&self, tenant: &Tenant, posts: &[crate::model::PostId]) -> Result<(), Error> {
        self.posts_enqueue(tenant, posts, Lane::Backfill, Cause::News)
    }
}
