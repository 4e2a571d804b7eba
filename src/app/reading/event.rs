//! What Telegram tells by itself. Nothing here trusts that it tells everything: each message is one id of the ledger, and what lies
//! between it and the last one is a gap that the next step asks about.

use super::{
    App, Error, REVISIT_AFTER, REVISIT_IDS_MAX, Reader,
    apply::{delete, store},
};
use crate::{
    app::{Tenant, imports::prepare},
    queue::Lane,
    store::{Page, Reading},
    telegram::{ChannelChange, ChannelEvent, MessageContent, ServerMessage, account::AccountEvent},
};

impl Reader {
    pub(super) fn events_apply(&self, app: &App, events: Vec<AccountEvent>) -> Result<(), Error> {
        let tenant = app.reader_tenant(self.tenant)?;
        for event in events {
            match event {
                AccountEvent::Connected => self.connected(app, &tenant)?,
                AccountEvent::Channel(event) => self.event_apply(app, &tenant, event)?,
            }
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Anything may have happened meanwhile: every channel is looked at from the top, and after a longer absence what is known of
    /// it once more.
    fn connected(&self, app: &App, tenant: &Tenant) -> Result<(), Error> {
        let now = app.now();
        let first = {
            let mut state = self.state();
            state.connected_at = now;
            state.pause_until = None;
            std::mem::replace(&mut state.first_connection, false)
        };
        for reading in self.share(app, tenant, now)? {
            let away = reading.checked_at.is_none_or(|at| now.duration_since(at) > REVISIT_AFTER);
            if reading.top_id > 0 && (first || away) {
                revisit(tenant, &reading)?;
            }
        }
        Ok(())
    }

    fn event_apply(&self, app: &App, tenant: &Tenant, event: ChannelEvent) -> Result<(), Error> {
        let Some(channel) = tenant.store.channel_by_telegram_id(event.channel)? else { return Ok(()) };
        let Some(reading) = tenant.store.reading_get(channel.id)?.filter(|reading| reading.is_followed)
        else {
            return Ok(());
        };
        match event.change {
            ChannelChange::Posted(message) => message_apply(app, tenant, &reading, message),
            // An edit of something older than what is wanted is nobody's news.
            ChannelChange::Edited(message)
                if reading.floor_id.is_none_or(|floor| message.message_id >= floor) =>
            {
                message_apply(app, tenant, &reading, message)
            }
            ChannelChange::Edited(_) => Ok(()),
            ChannelChange::Deleted(ids) => delete(app, tenant, channel.id, ids),
            ChannelChange::Pinned { messages, pinned } => {
                Ok(tenant.store.messages_pin(channel.id, messages, pinned)?)
            }
            ChannelChange::Counted { message_id, views, forwards, reactions } => {
                Ok(tenant.store.message_count(channel.id, message_id, views, forwards, reactions)?)
            }
            ChannelChange::TooMuch => {
                tenant.store.reading_recheck(channel.id)?;
                revisit(tenant, &reading)
            }
            ChannelChange::Status => {
                self.state().denied.remove(&channel.id);
                Ok(tenant.store.reading_recheck(channel.id)?)
            }
        }
    }
}

fn revisit(tenant: &Tenant, reading: &Reading) -> Result<(), Error> {
    let until = reading.floor_id.unwrap_or(1).max(reading.top_id - REVISIT_IDS_MAX);
    Ok(tenant.store.reading_revisit(reading.channel, until)?)
}

/// Stores one message: it covers its own id and no other.
fn message_apply(app: &App, tenant: &Tenant, reading: &Reading, message: ServerMessage) -> Result<(), Error> {
    let (channel, id) = (reading.channel, message.message_id);
    let mut page = Page { channel, covered: Some((id, id)), top_id: Some(id), ..Page::default() };
    match message.content {
        MessageContent::Post(post) => page.posts.push(prepare(channel, *post)),
        MessageContent::Service => page.service.push(id),
        MessageContent::Restricted => {
            page.restricted.push(id);
            page.deleted.push(id);
        }
        MessageContent::Absent => page.deleted.push(id),
    }
    store(app, tenant, page, Lane::Live)?;
    Ok(())
}
