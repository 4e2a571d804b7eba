//! What people are told unasked: problems of their accounts, each once, with the next step as a button; and what their alerts
//! found ([`alerts`]).
//!
//! A notice is put as a message whose slot is the notice, and only then marked as told: a crash in between finds the slot taken and
//! tells nothing twice. Who blocked the bot is told nothing, and the notice is over.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{alerts, call, callback::Callback, flow, reply::Reply};
use crate::{
    app::{App, Error, notices::NoticeView},
    store::{BotLane, NewBotMessage, NoticeKind},
};

/// How often it is looked for something to tell.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Tells until stopped.
pub(super) async fn run(app: &Arc<App>, stop: CancellationToken) {
    loop {
        let seen = app.bot_alerts_wake().seen();
        if let Err(error) = call(app, tell).await {
            tracing::warn!(%error, "notices cannot be told now");
        }
        if let Err(error) = call(app, alerts::tell).await {
            tracing::warn!(%error, "alerts cannot be told now");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.bot_alerts_wake().changed(seen) => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Tells what is due; how many notices.
pub(super) fn tell(app: &App) -> Result<usize, Error> {
    let mut told = 0;
    for notice in app.notice_due_list()? {
        let telegram_id = notice.member.profile.telegram_id;
        let reply = flow::notice(app, &notice.member, |context| words(context, &notice))?;
        put(app, telegram_id, format!("notice:{}:{}", notice.tenant_id, notice.id), &reply)?;
        // A tenant that went meanwhile took its notices along.
        if let Some(tenant) = app.tenant_by_id(notice.tenant_id)? {
            told += usize::from(app.notice_sent(&tenant, notice.id)?);
        }
    }
    Ok(told)
}

/// Puts what a person is told unasked, once for each slot; `false` if it was put before, or they blocked the bot.
pub(super) fn put(app: &App, telegram_id: i64, slot: String, reply: &Reply) -> Result<bool, Error> {
    let Some(body) = reply.bodies(telegram_id).into_iter().next() else { return Ok(false) };
    app.bot_notice_put(NewBotMessage {
        telegram_id,
        slot,
        message_id: None,
        body: serde_json::to_string(&body).unwrap_or_default(),
        lane: BotLane::Notice,
    })
}

fn words(context: &flow::Context<'_>, notice: &NoticeView) -> Reply {
    let menu = vec![context.button("button-menu", Callback::Menu)];
    match notice.kind {
        NoticeKind::SessionEnded => {
            let connect = context.app_button("button-connect").into_iter().collect();
            flow::Context::plain(context.t("notice-session-ended")).row(connect).row(menu)
        }
        NoticeKind::SessionPaused => flow::Context::plain(context.t("notice-session-paused")).row(menu),
        NoticeKind::ModelBudget => {
            let percent: u32 =
                notice.reason.rsplit('_').next().and_then(|n| n.parse().ok()).unwrap_or_default();
            let key = if percent >= 100 { "notice-model-budget-over" } else { "notice-model-budget" };
            let text = context.lang.tx(key, &[("percent", percent.into())]);
            flow::Context::plain(text).row(menu)
        }
        NoticeKind::ChannelPaused => {
            let title = notice.channel.as_ref().map(|channel| channel.title.clone()).unwrap_or_default();
            let text = context.lang.tx("notice-channel-paused", &[("title", title.into())]);
            let channel = notice.channel.as_ref().map(|channel| {
                vec![
                    context.button("button-channel", Callback::Channel(channel.id)),
                    context.button("button-remove", Callback::ChannelRemove(channel.id)),
                ]
            });
            flow::Context::plain(text).row(channel.unwrap_or_default()).row(menu)
        }
    }
}
