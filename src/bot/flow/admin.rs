//! What an administrator of the tenant does in passing: invites, who is here, how it runs. Everything else is in the Mini App.

use super::{Context, Inside, Outcome, command::Command, start};
use crate::{
    app::{Error, audit::Origin, invites::NewInvite},
    bot::{
        callback::Callback,
        reply::{Button, Reply},
        rich::Rich,
    },
    model::{Actor, Role},
    store::MemberFilter,
};

/// People shown at once.
const PEOPLE_SHOWN: usize = 15;
/// Days of the figures.
const DAYS_SHOWN: usize = 7;

/// What who is no admin reads: as if there were no such command.
pub(super) fn only_admins(context: &Context<'_>, command: Command) -> Outcome {
    Outcome::reply(start::unknown(context, command.name()))
}

/// Whether the person is an admin here.
pub(super) fn is_admin(inside: &Inside<'_>) -> bool {
    inside.member.role == Role::Admin
}

pub(super) fn menu(inside: &Inside<'_>) -> Reply {
    let name = &inside.access.tenant.row().name;
    let text = Rich::new().bold(inside.lang.tx("manage-title", &[("space", name.into())]));
    inside
        .reply(text)
        .row(vec![
            inside.button("button-admin-invite", Callback::AdminInvite),
            inside.button("button-admin-users", Callback::AdminUsers(0)),
        ])
        .row(vec![
            inside.button("button-admin-stats", Callback::AdminStats),
            inside.button("button-menu", Callback::Menu),
        ])
        .row(inside.app_button("button-app").into_iter().collect())
}

/// Makes an invite for one person, once for each time it is asked for.
pub(super) fn invite(inside: &Inside<'_>) -> Result<Reply, Error> {
    let tenant = inside.access.tenant.id();
    let notes = format!("bot {}", inside.update_id);
    // An update that is handled again after a crash finds what it made.
    let (latest, _) = inside.app.invite_list(Some(tenant), None, 20, 0)?;
    let made = latest.into_iter().find(|invite| invite.notes.as_ref() == Some(&notes));
    let invite = if let Some(invite) = made {
        invite
    } else {
        let new = NewInvite { role: Role::User, uses_limit: 1, expires_at: None, notes: Some(notes) };
        let origin = Origin { actor: Actor::Member(inside.member.id), request_id: None, ip: None };
        inside.app.invite_create(tenant, &new, &origin)?
    };
    let mut text = Rich::new().text(inside.t("manage-invite")).gap().code(&invite.code);
    if let Some(name) = inside.app.bot_username()? {
        let link = format!("https://t.me/{name}?start={}", invite.code);
        text = text.line().link(link.clone(), &link);
    }
    Ok(Reply::new(text).row(back(inside)))
}

/// A page of the tenant's people.
pub(super) fn users(inside: &Inside<'_>, page: u32) -> Result<Reply, Error> {
    let tenant = inside.access.tenant.id();
    let page = page.min(10_000) as usize;
    let filter = MemberFilter::default();
    let (people, total) = inside.app.member_list(tenant, &filter, PEOPLE_SHOWN, page * PEOPLE_SHOWN)?;
    let mut text = Rich::new().bold(inside.lang.tx("manage-users", &[("n", total.into())])).line();
    for person in &people {
        let name = [person.first_name.as_deref(), person.last_name.as_deref()];
        let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let username = person.username.as_ref().map(|name| format!("@{name}"));
        let shown: Vec<String> =
            [Some(name).filter(|name| !name.is_empty()), username].into_iter().flatten().collect();
        text = text.line().text(format!("• {} — {}", shown.join(" "), person.tier.name()));
        if person.role == Role::Admin {
            text = text.text(format!(", {}", inside.t("manage-role")));
        }
    }
    let mut turn = Vec::new();
    if page > 0 {
        turn.push(Button::call("‹".to_owned(), Callback::AdminUsers(page as u32 - 1)));
    }
    if ((page + 1) * PEOPLE_SHOWN) < total as usize {
        turn.push(Button::call("›".to_owned(), Callback::AdminUsers(page as u32 + 1)));
    }
    Ok(inside.reply(text).row(turn).row(back(inside)))
}

/// The tenant in figures.
pub(super) fn stats(inside: &Inside<'_>) -> Result<Reply, Error> {
    let figures = inside.app.tenant_statistics(&inside.access.tenant, DAYS_SHOWN, 1)?;
    let lang = inside.lang;
    let week_posts: u64 = figures.days.iter().map(|day| day.posts).sum();
    let week_questions: u64 = figures.days.iter().map(|day| day.questions).sum();
    let text = Rich::new()
        .bold(inside.t("manage-stats"))
        .gap()
        .text(
            lang.tx("manage-stats-people", &[("n", figures.users.into()), ("admins", figures.admins.into())]),
        )
        .line()
        .text(lang.tx(
            "manage-stats-posts",
            &[
                ("posts", figures.content.posts.into()),
                ("indexed", figures.content.indexed.into()),
                ("channels", figures.channels.into()),
            ],
        ))
        .line()
        .text(
            lang.tx(
                "manage-stats-week",
                &[("posts", week_posts.into()), ("questions", week_questions.into())],
            ),
        )
        .line()
        .text(lang.tx(
            "manage-stats-queue",
            &[("jobs", figures.jobs.into()), ("dead", figures.dead_letters.into())],
        ))
        .line()
        .text(lang.tx("manage-stats-invites", &[("n", figures.invites_active.into())]));
    Ok(inside.reply(text).row(back(inside)))
}

fn back(inside: &Inside<'_>) -> Vec<Button> {
    vec![inside.button("button-back", Callback::Admin), inside.button("button-menu", Callback::Menu)]
}
