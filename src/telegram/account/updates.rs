//! What an account hears: its updates, in order, turned into events of channels.
//!
//! The library follows Telegram's counters and asks for what it missed; that is not trusted to be everything, so whoever takes
//! the events looks by message ids after every [`AccountEvent::Connected`]. A slow taker slows the reading, and loses nothing it
//! cannot ask for again.

use std::{sync::Arc, time::Duration};

use grammers_mtsender::{SenderPoolHandle, UpdatesConfiguration, UpdatesReceiver};
use grammers_session::{
    Session as _,
    storages::ErasedSession,
    types::{PeerAuth, PeerInfo},
    updates::UpdatesLike,
};
use grammers_tl_types as tl;
use tokio::sync::mpsc;

use super::{Error, connection::Inner, error};
use crate::telegram::{ChannelEvent, PeerNames, event_read};

/// Events that may wait for their taker.
pub(super) const EVENTS_WAITING_MAX: usize = 1024;
/// Failures in a row before the connection counts as broken.
const FAILURES_MAX: u32 = 5;
/// Pause after a failure.
const FAILURE_PAUSE: Duration = Duration::from_millis(200);

/// What an account tells whoever reads with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountEvent {
    /// A connection was made; anything may have happened since the last one.
    Connected,
    Channel(ChannelEvent),
}

/// Reads the updates of one pool.
pub(super) struct Reader {
    pub(super) handle: SenderPoolHandle,
    pub(super) session: Arc<ErasedSession>,
    pub(super) connection: Arc<Inner>,
    pub(super) events: mpsc::Sender<AccountEvent>,
}

impl Reader {
    /// Reads until the pool is of no more use; says why.
    pub(super) async fn read(self, updates: mpsc::Receiver<UpdatesLike>) -> Error {
        let gone = || Error::Disconnected("nobody takes the account's events".to_owned());
        let configuration = UpdatesConfiguration { catch_up: true };
        let receiver =
            UpdatesReceiver::create(self.handle.clone(), Arc::clone(&self.session), updates, configuration)
                .await;
        let mut receiver = match receiver {
            Ok(receiver) => receiver,
            Err(error) => return Error::Disconnected(error.to_string()),
        };
        if self.events.send(AccountEvent::Connected).await.is_err() {
            return gone();
        }
        let mut failures = 0;
        loop {
            match receiver.next().await {
                Ok((updates, users, chats)) => {
                    failures = 0;
                    self.remember(&chats).await;
                    let names = PeerNames::new(&users, &chats);
                    for (update, _) in &updates {
                        let Some(event) = event_read(update, &names) else { continue };
                        if self.events.send(AccountEvent::Channel(event)).await.is_err() {
                            return gone();
                        }
                    }
                }
                Err(error) => {
                    let error = error::read(error, "updates.getDifference");
                    if let Error::FloodWait { method, seconds } = error {
                        tracing::info!(method, seconds, "Telegram asks to wait with updates");
                        tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await;
                    } else if error.is_broken_connection() && failures < FAILURES_MAX {
                        failures += 1;
                        tokio::time::sleep(FAILURE_PAUSE * failures).await;
                    } else {
                        return error;
                    }
                }
            }
            if let Err(error) = receiver.sync_update_state().await {
                return Error::Disconnected(error.to_string());
            }
        }
    }

    /// Keeps the hashes under which this account may name the channels it hears of.
    async fn remember(&self, chats: &[tl::enums::Chat]) {
        for chat in chats {
            if let tl::enums::Chat::Channel(channel) = chat
                && let (Some(hash), false) = (channel.access_hash, channel.min)
            {
                let auth = Some(PeerAuth::from_hash(hash));
                let Ok(()) = self
                    .connection
                    .session
                    .cache_peer(PeerInfo::Channel { id: channel.id, auth, kind: None })
                    .await;
            }
        }
    }
}

/// During a login: waits for the news that the code was scanned.
pub(super) async fn wait_for_scan(connection: Arc<Inner>, mut updates: mpsc::Receiver<UpdatesLike>) -> Error {
    while let Some(update) = updates.recv().await {
        let scanned = match &update {
            UpdatesLike::Updates(tl::enums::Updates::UpdateShort(short)) => is_scan(&short.update),
            UpdatesLike::Updates(tl::enums::Updates::Updates(many)) => many.updates.iter().any(is_scan),
            UpdatesLike::Updates(tl::enums::Updates::Combined(many)) => many.updates.iter().any(is_scan),
            // A connection that breaks may have lost the news: looking once too often does no harm.
            UpdatesLike::ConnectionClosed => true,
            UpdatesLike::Updates(_)
            | UpdatesLike::MalformedUpdates
            | UpdatesLike::ShortSentMessage { .. }
            | UpdatesLike::AffectedMessages(_)
            | UpdatesLike::AffectedChannelMessages { .. }
            | UpdatesLike::InvitedUsers(_)
            | UpdatesLike::ChatInviteJoinResult(_) => false,
        };
        if scanned {
            connection.scanned.notify_one();
        }
    }
    Error::Disconnected("the library stopped".to_owned())
}

fn is_scan(update: &tl::enums::Update) -> bool {
    matches!(update, tl::enums::Update::LoginToken)
}
