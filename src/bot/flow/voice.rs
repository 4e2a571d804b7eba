//! Voice messages: written down by the configured server and taken as text, if the person agreed to that.

use std::time::Duration;

use super::{Dialogue, Inside, Outcome, texted};
use crate::{
    app::{
        Error, ErrorCode,
        model_calls::Denied,
        voice::{VOICE_MAX, Voice},
    },
    bot::{callback::Callback, reply::Reply, rich::Rich},
};

/// Whether a recording is longer than is written down.
pub(super) fn is_too_long(seconds: u32) -> bool {
    Duration::from_secs(u64::from(seconds)) > VOICE_MAX
}

/// A voice message: its words are answered like any others.
pub(super) fn heard(
    inside: &Inside<'_>,
    seconds: u32,
    mime: &str,
    waited: Option<Dialogue>,
) -> Result<Outcome, Error> {
    if is_too_long(seconds) {
        let max = [("seconds", VOICE_MAX.as_secs().into())];
        return Ok(said(inside, inside.lang.tx("voice-long", &max)));
    }
    let tenant = &inside.access.tenant;
    match inside.app.voice_denied(tenant, &inside.member)? {
        None => {}
        Some(Denied::NoConsent) => return Ok(consent_ask(inside)),
        Some(Denied::Off | Denied::NoKey | Denied::Budget(_) | Denied::Failed(_)) => {
            return Ok(said(inside, inside.t("voice-off")));
        }
    }
    let Some(audio) = inside.audio else {
        return Err(Error::Unavailable("the recording was not fetched".to_owned()));
    };
    let length = Duration::from_secs(u64::from(seconds));
    let voice = Voice { audio, mime, length, language: Some(inside.lang.code()) };
    let words = match inside.app.voice_transcribe(tenant, &inside.member, voice) {
        Ok(words) => words,
        Err(error) if matches!(error.code(), ErrorCode::VoiceOff | ErrorCode::BudgetExceeded) => {
            return Ok(said(inside, inside.t("voice-off")));
        }
        Err(error) if error.code() == ErrorCode::VoiceTooLong => {
            let max = [("seconds", VOICE_MAX.as_secs().into())];
            return Ok(said(inside, inside.lang.tx("voice-long", &max)));
        }
        Err(error) => return Err(error),
    };
    if words.trim().is_empty() {
        return Ok(said(inside, inside.t("voice-silent")));
    }
    let mut outcome = texted(inside, &words, waited)?;
    outcome.replies.insert(0, Reply::new(Rich::new().text("🎤 ").italic(&words)));
    Ok(outcome)
}

fn said(inside: &Inside<'_>, words: String) -> Outcome {
    let menu = vec![inside.button("button-menu", Callback::Menu)];
    Outcome::reply(Reply::new(Rich::new().text(words)).row(menu))
}

/// Whoever did not agree is led to where they can.
fn consent_ask(inside: &Inside<'_>) -> Outcome {
    let row =
        vec![inside.button("button-models", Callback::Models), inside.button("button-menu", Callback::Menu)];
    Outcome::reply(Reply::new(Rich::new().text(inside.t("voice-consent"))).row(row))
}
