//! What a person chooses: language, space (tenant); what they use; what is kept of them.

use super::{Context, Inside, Outcome, admin, models};
use crate::{
    app::Error,
    bot::{
        callback::Callback,
        reply::{Button, Reply},
        rich::Rich,
    },
    i18n::Lang,
    model::TenantId,
    store::BotChatChange,
};

pub(super) fn settings(inside: &Inside<'_>) -> Result<Reply, Error> {
    let used = inside.app.subscription_view(&inside.access.tenant, &inside.member)?;
    let lang = inside.lang;
    let account = if inside.connected() { "settings-account" } else { "settings-no-account" };
    let space = space(inside)?;
    let mut text = Rich::new()
        .bold(inside.t("settings-title"))
        .gap()
        .text(lang.tx("settings-language", &[("language", lang.name().into())]));
    if let Some(space) = &space {
        text = text.line().text(space);
    }
    let text = text
        .line()
        .text(lang.tx(
            "settings-tier",
            &[
                ("tier", used.subscription_type.name().into()),
                ("channels", used.channels_used.into()),
                ("channels_max", used.channels_limit.into()),
                ("questions", used.rag_queries_used.into()),
                ("questions_max", used.rag_queries_limit.into()),
            ],
        ))
        .line()
        .text(inside.t(account))
        .line()
        .text(models::state(inside)?);
    let mut row = vec![inside.button("button-language", Callback::Languages)];
    if space.is_some() {
        row.push(inside.button("button-space", Callback::Tenants));
    }
    let connect = if inside.connected() { None } else { inside.app_button("button-connect") };
    let reply = inside.reply(text).row(row).row(connect.into_iter().collect());
    let browser = inside.app.config().bot.app_url.as_ref();
    let browser = browser.map(|_| inside.button("button-browser", Callback::Browser));
    let reply = reply
        .row(browser.into_iter().collect())
        .row(vec![
            inside.button("button-subscription", Callback::Subscription),
            inside.button("button-feedback", Callback::Feedback),
        ])
        .row(vec![
            inside.button("button-models", Callback::Models),
            inside.button("button-privacy", Callback::Privacy),
        ])
        .row(vec![
            inside.button("button-export", Callback::Export),
            inside.button("button-delete", Callback::DeleteMe),
        ]);
    let admin = admin::is_admin(inside).then(|| inside.button("button-admin", Callback::Admin));
    let last = admin.into_iter().chain([inside.button("button-menu", Callback::Menu)]).collect();
    Ok(reply.row(last))
}

/// The space that is open, for whoever belongs to several.
pub(super) fn space(inside: &Inside<'_>) -> Result<Option<String>, Error> {
    let belongs_to = inside.app.memberships_of(inside.person.telegram_id)?.len();
    let name = &inside.access.tenant.row().name;
    Ok((belongs_to > 1).then(|| inside.lang.tx("settings-space", &[("space", name.into())])))
}

pub(super) fn languages(context: &Context<'_>, is_inside: bool) -> Reply {
    let choose = |lang: Lang| {
        let mark = if lang == context.lang { "✓ " } else { "" };
        Button::call(format!("{mark}{}", lang.name()), Callback::Language(lang))
    };
    let reply = context.reply(Rich::new().text(context.t("language-ask")));
    let reply = reply.row(Lang::ALL.into_iter().map(choose).collect());
    let back = is_inside.then(|| context.button("button-back", Callback::Settings));
    reply.row(back.into_iter().collect())
}

pub(super) fn language(context: &Context<'_>, lang: Lang) -> Outcome {
    let text = Rich::new().text(lang.t("language-done"));
    let menu = Button::call(lang.t("button-menu"), Callback::Menu);
    let mut outcome = Outcome::reply(context.reply(text).row(vec![menu]));
    outcome.chat = Some(BotChatChange { language: Some(lang.code().to_owned()), ..BotChatChange::default() });
    outcome
}

/// Which space to work in, for whoever belongs to several.
pub(super) fn tenants(inside: &Inside<'_>) -> Result<Reply, Error> {
    let mut reply = inside.reply(Rich::new().text(inside.t("space-ask")));
    for member in inside.app.memberships_of(inside.person.telegram_id)? {
        if let Some(tenant) = inside.app.tenant_by_id(member.tenant_id)? {
            reply = reply.row(vec![Button::call(tenant.row().name.clone(), Callback::Tenant(tenant.id()))]);
        }
    }
    Ok(reply.row(vec![inside.button("button-back", Callback::Settings)]))
}

/// A space was chosen; one the person does not belong to is none.
pub(super) fn tenant(inside: &Inside<'_>, id: TenantId) -> Result<Outcome, Error> {
    let theirs =
        inside.app.memberships_of(inside.person.telegram_id)?.iter().any(|member| member.tenant_id == id);
    let Some(tenant) = inside.app.tenant_by_id(id)?.filter(|_| theirs) else {
        return Ok(Outcome::reply(tenants(inside)?).toast(inside.t("button-stale")));
    };
    let words = inside.lang.tx("space-done", &[("space", (&tenant.row().name).into())]);
    let menu = vec![inside.button("button-menu", Callback::Menu)];
    let mut outcome = Outcome::reply(inside.reply(Rich::new().text(words)).row(menu));
    outcome.chat = Some(BotChatChange { tenant_id: Some(id), ..BotChatChange::default() });
    Ok(outcome)
}

pub(super) fn privacy(context: &Context<'_>, is_inside: bool) -> Reply {
    let text = Rich::new()
        .bold(context.t("privacy-title"))
        .gap()
        .text(context.t("privacy-where"))
        .gap()
        .text(context.t("privacy-what"))
        .gap()
        .text(context.t("privacy-how-long"));
    let menu = context.button("button-menu", Callback::Menu);
    if !is_inside {
        return context.reply(text).row(vec![menu]);
    }
    let models = vec![context.button("button-models", Callback::Models)];
    context.reply(text).row(models).row(vec![context.button("button-settings", Callback::Settings), menu])
}
