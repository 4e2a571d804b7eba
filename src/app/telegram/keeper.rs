//! The task beside each account: writes its session when it changed, and notices when it is over.
//!
//! Writes at most every few seconds. When Telegram ends a session its bytes are wiped, the reason is recorded and people are told.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, Error, auth_events::AuthStep},
    lifecycle::Tasks,
    model::{AuthEventKind, TenantId},
    store::{TelegramSession, TelegramSessionState},
    telegram::{
        account::{ConnectionState, EndReason},
        session::AccountSession,
    },
};

/// How long changes of a session are collected before it is written.
const WRITE_AFTER: Duration = Duration::from_secs(3);

pub(super) struct Keeper {
    pub(super) app: Weak<App>,
    pub(super) tasks: Tasks,
    pub(super) stop: CancellationToken,
    pub(super) tenant: TenantId,
    pub(super) session: TelegramSession,
}

impl Keeper {
    /// Keeps one session until its connection is gone.
    pub(super) async fn keep(self, live: Arc<AccountSession>, mut state: watch::Receiver<ConnectionState>) {
        let mut changes = live.changed();
        loop {
            let over = async {
                let over = |state: &ConnectionState| {
                    matches!(state, ConnectionState::Ended(_) | ConnectionState::Closed)
                };
                match state.wait_for(over).await {
                    Ok(state) => *state,
                    Err(_) => ConnectionState::Closed,
                }
            };
            let ended = tokio::select! {
                () = self.stop.cancelled() => return,
                over = over => over,
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    tokio::select! { () = self.stop.cancelled() => return, () = tokio::time::sleep(WRITE_AFTER) => {} }
                    changes.mark_unchanged();
                    let (tenant, id, live) = (self.tenant, self.session.id, Arc::clone(&live));
                    self.blocking(move |app| app.session_save(tenant, id, &live).map(drop)).await;
                    continue;
                }
            };
            if let ConnectionState::Ended(reason) = ended {
                let (tenant, session) = (self.tenant, self.session.clone());
                self.blocking(move |app| app.session_ended(tenant, &session, reason)).await;
            }
            return;
        }
    }

    async fn blocking(&self, work: impl FnOnce(&App) -> Result<(), Error> + Send + 'static) {
        let Some(app) = self.app.upgrade() else { return };
        match self.tasks.spawn_blocking(move || work(&app)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "an account's session could not be kept"),
            Err(_) => tracing::error!("keeping an account's session panicked"),
        }
    }
}

impl App {
    /// Telegram ended a session: its bytes go, the reason stays.
    fn session_ended(
        &self,
        tenant: TenantId,
        session: &TelegramSession,
        reason: EndReason,
    ) -> Result<(), Error> {
        self.account_forget(session.membership_id, session.id);
        let Some(tenant) = self.tenant_by_id(tenant)? else { return Ok(()) };
        let why = Some(reason.code().to_owned());
        let moved = tenant.store().telegram_session_move(
            session.id,
            TelegramSessionState::Revoked,
            why,
            self.now(),
        )?;
        if !moved {
            return Ok(());
        }
        metrics::counter!("telegram_sessions_ended_total", "reason" => reason.code()).increment(1);
        let step = AuthStep {
            login_id: session.login_id.clone(),
            tenant_id: Some(tenant.id()),
            membership_id: Some(session.membership_id),
            telegram_id: Some(session.telegram_id),
            reason: Some(reason.code().to_owned()),
            ..AuthStep::default()
        };
        self.auth_event(AuthEventKind::Revoked, step)?;
        let message =
            format!("the Telegram session of user {} is over: {}", session.membership_id, reason.words());
        self.log_system("warn", message)
    }
}
