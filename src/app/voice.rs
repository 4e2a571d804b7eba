//! Voice messages: written down by the configured provider, once for each recording.
//!
//! The person must have agreed, as with every model outside, and the tenant's budget holds. The recording is not kept; its words are,
//! by its hash, so that sending it again costs nothing. One in which nothing is said has no words, which is known of it as well.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{App, Error, ErrorCode, Tenant, model_calls::Denied, model_spending::over_budget};
pub use crate::ai::remote::AUDIO_BYTES_MAX;
use crate::{
    ai::{RemoteFault, Usage, remote::audio_bytes_max},
    model::ModelFeature,
    store::Member,
};

/// Longest recording.
pub const VOICE_MAX: Duration = Duration::from_mins(1);

/// A recording as the bot got it.
#[derive(Debug, Clone, Copy)]
pub struct Voice<'a> {
    pub audio: &'a [u8],
    /// `audio/ogg` for Telegram's voice messages.
    pub mime: &'a str,
    pub length: Duration,
    /// A hint: `ru`, `en`.
    pub language: Option<&'a str>,
}

impl App {
    /// Whether voice messages are written down for this person; else why not: ask this before the recording is fetched.
    pub fn voice_denied(&self, tenant: &Tenant, member: &Member) -> Result<Option<Denied>, Error> {
        self.model_denied(tenant, ModelFeature::Voice, Some(member.id))
    }

    /// The words of a recording; empty where nothing is said.
    pub fn voice_transcribe(
        &self,
        tenant: &Tenant,
        member: &Member,
        voice: Voice<'_>,
    ) -> Result<String, Error> {
        let config = self.config.ai.voice();
        let bytes_max = config.map_or(AUDIO_BYTES_MAX, |config| audio_bytes_max(config.provider));
        if voice.length > VOICE_MAX || voice.audio.len() > bytes_max {
            let seconds = VOICE_MAX.as_secs();
            return Err(Error::refused(
                ErrorCode::VoiceTooLong,
                format!("the recording is too long; at most {seconds} s and {bytes_max} bytes"),
            ));
        }
        if let Some(denied) = self.voice_denied(tenant, member)? {
            let words = format!("voice messages are not written down here ({})", denied.name());
            return Err(Error::refused(ErrorCode::VoiceOff, words));
        }
        let hash = Sha256::digest(voice.audio).to_vec();
        if let Some(known) = tenant.store.transcript_find(member.id, &hash)? {
            return Ok(known);
        }
        let off = || Error::refused(ErrorCode::VoiceOff, "the speech provider has no key");
        let config = config.ok_or_else(off)?;
        let provider = config.provider;
        let remote = self.provider_remote(tenant, provider)?.ok_or_else(off)?;
        let minutes = voice.length.as_secs().div_ceil(60).max(1);
        let price = config.price_in_micros.saturating_mul(minutes);
        let spent = (ModelFeature::Voice, provider, config.model.as_str());
        let spending = self.spend_begin(tenant, spent, (0, price))?.map_err(over_budget)?;
        let written = remote.transcribe(&config.model, voice.audio, voice.mime, voice.language);
        let billed = written.as_ref().map_or_else(|error| error.fault.may_be_billed(), |_| true);
        let price = if billed { price } else { 0 };
        self.spend_end(tenant, spending, Usage::default(), price)?;
        let outcome = written.as_ref().map_or_else(|error| error.fault.name(), |_| "success");
        metrics::counter!("ai_requests_total", "provider" => provider.name(), "feature" => "voice", "outcome" => outcome).increment(1);
        let words = match written {
            Err(error) if error.fault == RemoteFault::Empty => String::new(),
            written => written.map_err(crate::ai::Error::Remote)?,
        };
        tenant.store.transcript_put(member.id, hash, words.clone(), self.now())?;
        Ok(words)
    }
}
