//! Leaving: everything the appliance holds of a member goes, and they get a signed receipt; and taking one's data along first.
//!
//! control.db first: the membership and all that hangs on it, in one transaction that also remembers that the erasure is due.
//! Then tenant.db, the indexes, and both database files cleaned of what deleted rows leave in them, beside their writers. A crash
//! in between leaves the erasure due, and the next start finishes it; so does a backup that reads the files meanwhile, when it is done.

use serde::Serialize;
use serde_json::{Value, json};

use super::{App, Error, Tenant, audit::Origin, history::HistoryView, members::MemberView, tenants::rfc3339};
use crate::{
    model::{AuditAction, MembershipId},
    store::{self, ErasureDue, Member, MemberErased, MemberGone},
};

/// Questions written to an export at once.
const EXPORT_PAGE: usize = 100;

/// What was erased.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ErasureView {
    /// The statement as it was signed: JSON with `receipt_id`, `user_id`, `tenant_id`, `erased_at` and what went.
    pub statement: String,
    /// Ed25519 over the bytes of `statement`, base64.
    pub signature: String,
    /// The installation's key for receipts, base64.
    pub public_key: String,
}

impl App {
    /// Erases a member: their identity (when this was its last membership), sessions, subscriptions, history, and the channels
    /// that nobody else follows.
    pub fn user_erase(
        &self,
        tenant: &Tenant,
        id: MembershipId,
        origin: &Origin,
    ) -> Result<ErasureView, Error> {
        let target = format!("user:{id}");
        // Whoever leaves leaves no address behind.
        let origin = Origin { ip: None, ..origin.clone() };
        let audit = self.audit(&origin, Some(tenant.id()), AuditAction::UserDeleted, target, None);
        let rows = match self.control.member_erase(tenant.id(), id, self.now(), audit)? {
            MemberGone::Gone { rows } => rows,
            MemberGone::Absent => return Err(Error::NotFound(format!("no user {id}"))),
            MemberGone::LastAdmin => {
                return Err(Error::Conflict(format!(
                    "user {id} is the only admin of this tenant; make somebody else admin first"
                )));
            }
        };
        let erased = self.erasure_rows(tenant, id)?;
        let files_rewritten = match self.erasure_files(tenant, id) {
            Ok(()) => true,
            Err(Error::Store(store::Error::Busy(reason))) => {
                // A backup reads the moment before. It stays due, and is done when the backup is.
                self.control.erasure_files_due(tenant.id(), id)?;
                tracing::warn!(%reason, user = %id, tenant = %tenant.id(), "the files of an erasure are cleaned later");
                false
            }
            Err(error) => return Err(error),
        };
        tracing::info!(user = %id, tenant = %tenant.id(), "user erased");
        let statement = json!({
            "receipt_id": uuid::Uuid::new_v4(),
            "user_id": id,
            "tenant_id": tenant.id(),
            "erased_at": rfc3339(self.now()),
            "rows": rows + erased.rows,
            "channels": erased.channels.len(),
            "posts": erased.posts.len(),
            "files_rewritten": files_rewritten,
        });
        self.receipt_sign(statement.to_string())
    }

    /// Finishes what a crash or a reader interrupted. What cannot be finished now is said and stays due.
    pub(super) fn erasures_resume(&self) -> Result<(), Error> {
        for due in self.control.erasure_due_list()? {
            if let Err(error) = self.erasure_resume(due) {
                let (tenant, id) = (due.tenant, due.member);
                tracing::error!(%error, %tenant, user = %id, "an erasure is not finished; it is tried again after the next backup, run of retention or start");
            }
        }
        Ok(())
    }

    fn erasure_resume(&self, due: ErasureDue) -> Result<(), Error> {
        let (tenant, id) = (due.tenant, due.member);
        match self.tenant_by_id(tenant)? {
            Some(open) => {
                if !due.files_only {
                    self.erasure_rows(&open, id)?;
                    // Which posts went with the rows may have been forgotten with the process.
                    open.indexes.forget_deleted(&open.store)?;
                }
                self.erasure_files(&open, id)
            }
            // The tenant went meanwhile, and everything with it.
            None => Ok(self.control.erasure_done(tenant, id)?),
        }
    }

    /// Everything after the membership itself but the files; doing it again does no harm.
    fn erasure_rows(&self, tenant: &Tenant, id: MembershipId) -> Result<MemberErased, Error> {
        self.member_log_out(tenant, id)?;
        let erased = tenant.store.member_erase(id, self.now())?;
        if !erased.posts.is_empty() {
            tenant.indexes.remove(&erased.posts)?;
            tenant.indexes.forget_deleted(&tenant.store)?;
        }
        Ok(erased)
    }

    /// Leaves nothing in the files of what was deleted from them; then nothing is due any more.
    fn erasure_files(&self, tenant: &Tenant, id: MembershipId) -> Result<(), Error> {
        self.damaged_forget(tenant.id())?;
        tenant.store.compact()?;
        self.control.compact()?;
        Ok(self.control.erasure_done(tenant.id(), id)?)
    }

    /// Writes everything that is kept of a member as one JSON document, piece by piece.
    pub fn user_export(
        &self,
        tenant: &Tenant,
        member: &Member,
        write: &mut dyn FnMut(String) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let channels = tenant.channel_map()?;
        let subscriptions: Vec<Value> = tenant
            .store
            .subscription_list(member.id)?
            .iter()
            .map(|subscription| {
                let channel = channels.get(&subscription.channel);
                json!({
                    "channel_id": subscription.channel,
                    "username": channel.and_then(|channel| channel.username.clone()),
                    "title": channel.map(|channel| channel.title.clone()),
                    "depth_days": subscription.depth_days,
                    "since": rfc3339(subscription.created_at),
                })
            })
            .collect();
        let (feedback, consents) = tenant.feedback_of(member.id)?;
        let head = [
            ("exported_at", json!(rfc3339(self.now()))),
            ("user", json!(MemberView::from(member.clone()))),
            ("usage", json!(self.subscription_view(tenant, member)?)),
            ("subscriptions", json!(subscriptions)),
            ("sessions", json!(self.session_list(member.id, None)?)),
            ("feedback", json!(feedback)),
            ("consents", json!(consents)),
            ("saved_posts", json!(tenant.saved_links(member.id)?)),
            ("passkeys", json!(self.passkey_list(member)?)),
            ("auth_events", json!(self.auth_events_of(member)?)),
            ("audit", json!(self.audit_of(member)?)),
            ("bot", self.bot_choices(member)?),
        ];
        let mut separator = '{';
        for (name, value) in head {
            write(format!("{separator}\"{name}\":{value}"))?;
            separator = ',';
        }
        alerts_export(tenant, member.id, write)?;
        write(",\"questions\":[".to_owned())?;
        let (mut offset, mut first) = (0, true);
        loop {
            let (page, _) = tenant.store.history_list(Some(member.id), EXPORT_PAGE, offset)?;
            let Some(count) = Some(page.len()).filter(|count| *count > 0) else { break };
            for entry in page {
                let comma = if std::mem::take(&mut first) { "" } else { "," };
                write(format!("{comma}{}", json!(HistoryView::from(entry))))?;
            }
            offset += count;
        }
        write("]}".to_owned())
    }

    /// What the bot knows of a person beside their memberships.
    fn bot_choices(&self, member: &Member) -> Result<Value, Error> {
        let chat = self.bot_chat(member.profile.telegram_id)?;
        Ok(json!({
            "language": chat.language,
            "space": chat.tenant_id,
            "waits_for": chat.dialogue,
            "stopped_at": chat.stopped_at.map(rfc3339),
        }))
    }
}

/// The alerts, each with all it found.
fn alerts_export(
    tenant: &Tenant,
    member: MembershipId,
    write: &mut dyn FnMut(String) -> Result<(), Error>,
) -> Result<(), Error> {
    write(",\"alerts\":[".to_owned())?;
    for (at, alert) in tenant.alert_list(member)?.into_iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        write(format!("{comma}{{\"alert\":{},\"finds\":[", json!(alert)))?;
        let mut offset = 0;
        loop {
            let page = tenant.alert_finds(alert.id, EXPORT_PAGE, offset)?;
            if page.is_empty() {
                break;
            }
            for (at, find) in page.iter().enumerate() {
                let comma = if offset + at > 0 { "," } else { "" };
                write(format!("{comma}{find}"))?;
            }
            offset += page.len();
        }
        write("]}".to_owned())?;
    }
    write("]".to_owned())
}
