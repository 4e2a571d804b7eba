//! Storing a page: tenant.db first, then the queue, then the indexes of what is gone.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    App, ChannelAddress, Error, Failure, HistoryAsk, PAGE_MESSAGES, Reader, Task, Work,
    page::{ReadPage, page_read},
};
use crate::{
    app::{Tenant, imports::prepare},
    fail::{FailPoint, fail_point},
    model::ChannelId,
    queue::{Cause, Lane},
    store::{Page, PageApplied},
    telegram::MessageContent,
};

/// Messages looked up one by one in one request.
const LOOKUPS_MAX: usize = 100;

impl Reader {
    /// Reads one page of history and stores it.
    pub(super) async fn read_page(
        self: &Arc<Self>,
        app: &Arc<App>,
        task: &Task,
        address: ChannelAddress,
        work: Work,
    ) -> Result<(), Failure> {
        let (below, above) = match work {
            Work::Newest | Work::Floor { .. } => (None, 0),
            Work::History { below, above, .. } | Work::Revisit { below, above } => (Some(below), above),
        };
        let ask = HistoryAsk { below, above, before: None, limit: PAGE_MESSAGES };
        let messages = self.client.history(address, ask).await?;
        let mut read = page_read(below, above, messages);
        let deleted = self.confirm(app, task, address, &mut read).await?;
        let channel = task.channel.id;
        let known_before = task.reading.top_id > 0;
        let lane = match work {
            Work::Newest if known_before => Lane::Live,
            Work::History { fresh: true, .. } => Lane::Live,
            Work::Newest | Work::History { .. } | Work::Revisit { .. } | Work::Floor { .. } => Lane::Backfill,
        };
        let revisited_to = match (work, read.covered) {
            (Work::Revisit { .. }, Some((first, _))) => Some(first),
            (Work::Revisit { .. } | Work::Newest | Work::History { .. } | Work::Floor { .. }, _) => None,
        };
        let page = Page {
            channel,
            covered: read.covered,
            posts: read.posts.into_iter().map(|post| prepare(channel, post)).collect(),
            service: read.service,
            restricted: read.restricted,
            deleted,
            top_id: read.highest,
            checked: work == Work::Newest,
            revisited_to,
        };
        let (reader, joined) = (Arc::clone(self), task.reading.joined);
        let changed = task.reading.reader != Some(self.membership) || task.reading.problem.is_some();
        self.blocking(app, move |app| {
            let tenant = app.reader_tenant(reader.tenant)?;
            store(app, &tenant, page, lane)?;
            if changed {
                let peer = tenant.store.peer_find(reader.membership, address.telegram_id)?;
                let joined = peer.map_or(joined, |peer| peer.joined);
                tenant.store.reading_reader_put(channel, reader.membership, joined)?;
            }
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// The posts that are here and that the page leaves out: asked for by name before they count as deleted, because a page that
    /// came short must not empty a channel.
    async fn confirm(
        self: &Arc<Self>,
        app: &Arc<App>,
        task: &Task,
        address: ChannelAddress,
        read: &mut ReadPage,
    ) -> Result<Vec<i64>, Failure> {
        let Some(range) = read.covered else { return Ok(Vec::new()) };
        let (reader, channel) = (Arc::clone(self), task.channel.id);
        let here = self.blocking(app, move |app| {
            Ok(app.reader_tenant(reader.tenant)?.store.messages_here(channel, range)?)
        });
        let listed: BTreeSet<i64> = read.posts.iter().map(|post| post.message_id).collect();
        let missing: Vec<i64> = here.await?.into_iter().filter(|id| !listed.contains(id)).collect();
        let mut deleted = Vec::new();
        for ids in missing.chunks(LOOKUPS_MAX) {
            self.state().budget.spend();
            metrics::counter!("telegram_requests_total", "method" => "channels.getMessages").increment(1);
            for message in self.client.messages(address, ids.to_vec()).await? {
                if !ids.contains(&message.message_id) {
                    continue;
                }
                match message.content {
                    MessageContent::Post(post) => read.posts.push(*post),
                    MessageContent::Service | MessageContent::Restricted | MessageContent::Absent => {
                        deleted.push(message.message_id);
                    }
                }
            }
        }
        Ok(deleted)
    }
}

/// Stores a page and queues what is new in it.
pub(super) fn store(app: &App, tenant: &Tenant, page: Page, lane: Lane) -> Result<PageApplied, Error> {
    let applied = tenant.store.page_apply(page, app.now())?;
    fail_point(FailPoint::AfterStoreCommit);
    let source = if lane == Lane::Live { "live" } else { "history" };
    metrics::counter!("telegram_posts_read_total", "source" => source).increment(applied.ingested.imported);
    app.posts_enqueue(tenant, &applied.ingested.advance, lane, Cause::News)?;
    forget(app, tenant, &applied.deleted)?;
    Ok(applied)
}

/// Takes what is gone out of the indexes, and sends round what is left of its albums.
pub(super) fn forget(app: &App, tenant: &Tenant, deleted: &crate::store::Deleted) -> Result<(), Error> {
    if !deleted.advance.is_empty() {
        app.posts_enqueue(tenant, &deleted.advance, Lane::Live, Cause::News)?;
    }
    if !deleted.gone.is_empty() {
        tenant.indexes.remove(&deleted.gone)?;
    }
    Ok(())
}

/// Messages that the server says are gone.
pub(super) fn delete(app: &App, tenant: &Tenant, channel: ChannelId, ids: Vec<i64>) -> Result<(), Error> {
    let deleted = tenant.store.messages_delete(channel, ids, app.now())?;
    forget(app, tenant, &deleted)
}
