//! One's own account: tier, feedback, a copy of everything, and leaving for good.

use super::{Dialogue, Inside, Outcome, start};
use crate::{
    app::{Error, ErrorCode, audit::Origin, feedback::FeedbackInput, sign_in_links::LINK_TTL},
    bot::{
        callback::Callback,
        reply::{Document, Place, Reply},
        rich::Rich,
    },
    model::{Actor, MembershipId, Rating},
};

/// What the person's tier holds and how much of it is used.
pub(super) fn subscription(inside: &Inside<'_>) -> Result<Reply, Error> {
    let used = inside.app.subscription_view(&inside.access.tenant, &inside.member)?;
    let lang = inside.lang;
    let pair = |used: u32, max: u32| [("used", used.into()), ("max", max.into())];
    let text = Rich::new()
        .bold(lang.tx("subscription-title", &[("tier", used.subscription_type.name().into())]))
        .gap()
        .text(lang.tx("subscription-channels", &pair(used.channels_used, used.channels_limit)))
        .line()
        .text(lang.tx("subscription-questions", &pair(used.rag_queries_used, used.rag_queries_limit)))
        .line()
        .text(lang.tx("subscription-anew", &[("at", inside.moment(&used.rag_queries_reset_at).into())]))
        .gap()
        .text(inside.t("subscription-more"));
    Ok(inside.reply(text).row(vec![
        inside.button("button-settings", Callback::Settings),
        inside.button("button-menu", Callback::Menu),
    ]))
}

/// A link that opens the Mini App in a browser, signed in; good once, for minutes.
pub(super) fn browser(inside: &Inside<'_>) -> Result<Reply, Error> {
    let menu = vec![inside.button("button-menu", Callback::Menu)];
    let Some(link) = inside.app.sign_in_link(&inside.member)? else {
        return Ok(inside.reply(Rich::new().text(inside.t("button-stale"))).row(menu));
    };
    let minutes = LINK_TTL.as_secs() / 60;
    let text = Rich::new()
        .text(inside.lang.tx("browser-link", &[("minutes", minutes.into())]))
        .gap()
        .link(inside.t("browser-open"), &link);
    Ok(Reply::new(text).row(menu))
}

pub(super) fn feedback_ask(inside: &Inside<'_>) -> Outcome {
    Outcome::reply(start::asking(inside, "feedback-ask")).waiting(Dialogue::Feedback)
}

/// What the person says of the assistant in general.
pub(super) fn feedback(inside: &Inside<'_>, text: &str) -> Result<Outcome, Error> {
    let input = FeedbackInput { comment: Some(text.to_owned()), ..FeedbackInput::default() };
    kept(inside, input, "feedback-kept")
}

/// Whether an answer was good.
pub(super) fn rate(inside: &Inside<'_>, query: uuid::Uuid, good: bool) -> Result<Outcome, Error> {
    let rating = Some(if good { Rating::Up } else { Rating::Down });
    let input = FeedbackInput { query_id: Some(query.to_string()), rating, comment: None };
    match inside.app.feedback_add(&inside.access.tenant, inside.member.id, input) {
        Ok(_) => Ok(Outcome::default().toast(inside.t("feedback-kept"))),
        Err(Error::NotFound(_)) => Ok(Outcome::default().toast(inside.t("ask-forgotten"))),
        Err(error) if error.code() == ErrorCode::RateLimited => {
            Ok(Outcome::default().toast(inside.t("feedback-enough")))
        }
        Err(error) => Err(error),
    }
}

fn kept(inside: &Inside<'_>, input: FeedbackInput, key: &str) -> Result<Outcome, Error> {
    let words = match inside.app.feedback_add(&inside.access.tenant, inside.member.id, input) {
        Ok(_) => inside.t(key),
        Err(error) if error.code() == ErrorCode::RateLimited => inside.t("feedback-enough"),
        Err(error) if error.code() == ErrorCode::InvalidRequest => {
            inside.lang.tx("error-refused", &[("reason", error.to_string().into())])
        }
        Err(error) => return Err(error),
    };
    let menu = vec![inside.button("button-menu", Callback::Menu)];
    Ok(Outcome::reply(Reply::new(Rich::new().text(words)).row(menu)))
}

/// Everything that is kept of the person, as a file. It is written when it is sent.
pub(super) fn export(inside: &Inside<'_>) -> Outcome {
    let document = Document::Export { tenant: inside.access.tenant.id() };
    let mut reply = Reply::new(Rich::new().text(inside.t("export-done")));
    reply.document = Some(document);
    Outcome::reply(reply)
}

/// Whether to leave for good.
pub(super) fn delete_ask(inside: &Inside<'_>) -> Reply {
    let text = Rich::new().bold(inside.t("delete-title")).gap().text(inside.t("delete-what"));
    inside.reply(text).at(Place::New).row(vec![inside.button("button-export", Callback::Export)]).row(vec![
        inside.button("button-delete-sure", Callback::DeleteMeSure(inside.member.id)),
        inside.button("button-cancel", Callback::Cancel),
    ])
}

/// Deletes everything of this membership, and says so with the signed receipt. The words are kept nowhere: they go with the person.
pub(super) fn delete(inside: &Inside<'_>, id: MembershipId) -> Result<Outcome, Error> {
    if id != inside.member.id {
        // The button of a membership that is gone, or of another space.
        return Ok(Outcome::default().toast(inside.t("button-stale")));
    }
    let origin = Origin { actor: Actor::Member(id), request_id: None, ip: None };
    match inside.app.user_erase(&inside.access.tenant, id, &origin) {
        Ok(erased) => {
            let text = Rich::new()
                .text(inside.t("delete-done"))
                .gap()
                .code(erased.statement)
                .line()
                .code(erased.signature);
            Ok(Outcome { farewell: Some(Reply::new(text)), ..Outcome::default() })
        }
        Err(Error::Conflict(_)) => {
            let menu = vec![inside.button("button-menu", Callback::Menu)];
            let text = Rich::new().text(inside.t("delete-last-admin"));
            Ok(Outcome::reply(inside.reply(text).row(menu)))
        }
        Err(error) => Err(error),
    }
}
