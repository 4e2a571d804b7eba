//! `SQLite`: the only module with SQL, and the only truth. Everything else on disk can be rebuilt from here.
//!
//! May know `model`, `clock` and `text`; knows nothing of queue, search, pipeline or faces. Functions named after a noun take
//! `&Connection` to read and `&Transaction` to write; the public types [`Control`] and [`TenantStore`] wrap them, so that no
//! `SQLite` type leaves this module.
//!
//! All calls block until done (a write: until durable); async callers go through a blocking thread.

mod account_limits;
mod aged;
mod alerts;
mod archive;
mod audit;
mod auth_events;
mod backups;
mod barrier;
mod bot_chats;
mod bot_messages;
mod bot_updates;
mod channels;
mod checkpoint;
mod control;
mod database;
mod deletions;
mod erasure;
mod error;
mod events;
mod experiments;
mod export;
mod feedback;
mod flags;
mod history;
mod ingest;
mod invites;
mod ledger;
mod links;
mod login_tickets;
mod members;
mod migrate;
mod model_keys;
mod model_spending;
mod model_tags;
mod notices;
mod pages;
mod passkeys;
mod posts;
mod reading;
mod related;
mod retention;
mod saved_posts;
mod scrub;
mod sessions;
mod snapshots;
mod stages;
mod statistics;
mod subscriptions;
mod tag_merges;
mod tags;
mod telegram_sessions;
mod tenant;
mod transcripts;
mod vectors;

pub use account_limits::{ChannelPeer, FloodWait};
pub use aged::{Aged, AgedStats};
pub use alerts::{Alert, AlertAdded, AlertChanged, AlertMatch, AlertSpec, MatchState};
pub use archive::{ArchiveCounts, ArchivedMember, archive_adopt, archive_check, archive_strip};
pub use audit::{AuditEntry, AuditFilter, NewAudit};
pub use auth_events::{AuthEvent, AuthEventFilter, NewAuthEvent};
pub use backups::{BackupRow, BackupVerdict};
pub use bot_chats::{BotChat, BotChatChange};
pub use bot_messages::{BotLane, BotMessage, NewBotMessage};
pub use bot_updates::{BotDead, BotSettled, BotUpdate};
pub use control::{ApiToken, Control, Scope, SystemLogEntry, Tenant};
pub use deletions::Deleted;
pub use erasure::{ErasureDue, MemberErased, MemberGone};
pub use error::Error;
pub use events::StoredEvent;
pub use experiments::VariantCounts;
pub use export::{ExportedEnrichment, ExportedMessage, ExportedQuestion, ExportedSubscription};
pub use feedback::{Consent, Feedback, FeedbackAdded, NewFeedback};
pub use flags::{FlagChange, FlagPlace, FlagRule};
pub use history::HistoryEntry;
pub use ingest::{HashedPost, Ingested};
pub use invites::{Admission, Invite, InviteUse, OpenAdmission, Ticket};
pub use ledger::{IdRange, Ledger, RangeKind};
pub use login_tickets::LoginTicket;
pub use members::{Member, MemberChange, MemberFilter, MemberUpdate, Profile};
pub use migrate::{CONTROL, Schema, TENANT};
pub use model_keys::SealedKey;
pub use model_spending::{CapHit, SpendKey, SpendRow, SpendTotals};
pub use model_tags::{ModelTagCounts, ModelTagOutcome, ModelTags, PlacedTag};
pub use notices::{Notice, NoticeKind};
pub use pages::{DuePage, PageCounts, PageOutcome};
pub use passkeys::{NewPasskey, Passkey, PasskeyAdded};
pub use posts::{PostCounts, PostFilter, PostPage};
pub use reading::{DEPTH_ALL_DAYS, Page, PageApplied, Reading};
pub use related::{LINK_POSTS_MAX, RELATED_LOOKED_AT, Related, Relation};
pub use retention::{ChannelKeep, OldPost, days_before};
pub use saved_posts::PostSaved;
pub use sessions::{Refreshed, Session, SessionMove, SignInMethod};
pub use snapshots::{RowCounts, Snapshot, Snapshots, database_check};
pub use stages::{StageOutput, StageResult};
pub use statistics::{AnswerFigures, QueueSample};
pub use subscriptions::{Subscribed, Subscription};
pub use tag_merges::{MergedTag, NewTagMerge, TagMerge, TagPair, TagUse, TagsMerged};
pub use tags::{TagCount, TagForm};
pub use telegram_sessions::{TelegramSession, TelegramSessionState};
pub use tenant::TenantStore;
pub use vectors::{ModelCoverage, VectorRow};

/// The schema version of a database file, without changing it.
pub fn version_of(path: &std::path::Path) -> Result<i64, Error> {
    database::Database::version_of(path)
}
