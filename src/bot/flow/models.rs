//! Models outside: what goes there of whoever agrees and to whom, and agreeing or taking it back. The words are the Mini App's.

use super::{Inside, Outcome, settings};
use crate::{
    app::{Error, model_calls::Recipient},
    bot::{callback::Callback, reply::Reply, rich::Rich},
    model::{ConsentPurpose, ModelFeature},
};

/// What would be sent, who gets it now, and whether the person agrees.
pub(super) fn card(inside: &Inside<'_>) -> Result<Reply, Error> {
    let agreed = is_agreed(inside)?;
    let sent = inside.app.model_recipients(&inside.access.tenant)?;
    let mut text = Rich::new().bold(inside.t("app-consent-models"));
    if let Some(space) = settings::space(inside)? {
        text = text.line().text(space);
    }
    let text = text.gap().text(format!("{}.", inside.t("app-consent-models-text"))).gap();
    let mut text = text.text(inside.t(if sent.is_empty() { "app-models-off" } else { "app-models-now" }));
    for (feature, to) in &sent {
        let to: Vec<String> = to.iter().map(Recipient::called).collect();
        let line = inside.lang.tx(key_of(*feature), &[("to", to.join(", ").into())]);
        text = text.line().text(format!("• {line}"));
    }
    let state = inside.t(if agreed { "models-agreed" } else { "models-not-agreed" });
    let text = text.gap().text(inside.t("app-consents-text")).gap().bold(state);
    let change = if agreed { "button-models-withdraw" } else { "button-models-agree" };
    Ok(inside.reply(text).row(vec![inside.button(change, Callback::ModelsAgree(!agreed))]).row(vec![
        inside.button("button-privacy", Callback::Privacy),
        inside.button("button-settings", Callback::Settings),
    ]))
}

/// Keeps that the person agrees, or does not any more.
pub(super) fn agree(inside: &Inside<'_>, given: bool) -> Result<Outcome, Error> {
    let (tenant, purpose) = (&inside.access.tenant, ConsentPurpose::ExternalModels);
    inside.app.consent_put(tenant, inside.member.id, purpose, given)?;
    let toast = inside.t(if given { "models-agreed-toast" } else { "models-withdrawn-toast" });
    Ok(Outcome::reply(card(inside)?).toast(toast))
}

/// How things are, as one line of the settings.
pub(super) fn state(inside: &Inside<'_>) -> Result<String, Error> {
    if inside.app.model_recipients(&inside.access.tenant)?.is_empty() {
        return Ok(inside.t("settings-models-off"));
    }
    Ok(inside.t(if is_agreed(inside)? { "settings-models-agreed" } else { "settings-models-not-agreed" }))
}

fn is_agreed(inside: &Inside<'_>) -> Result<bool, Error> {
    inside.access.tenant.consent_given(inside.member.id, ConsentPurpose::ExternalModels)
}

/// What is sent for a feature, as the key of its words.
fn key_of(feature: ModelFeature) -> &'static str {
    match feature {
        ModelFeature::Answers | ModelFeature::Test => "app-models-sent-answers",
        ModelFeature::Tags => "app-models-sent-tags",
        ModelFeature::Voice => "app-models-sent-voice",
        ModelFeature::Embedding => "app-models-sent-embedding",
    }
}
