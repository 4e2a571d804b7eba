//! Writing down speech: `OpenAI`'s `/audio/transcriptions`, which whisper servers speak as well, and `SaluteSpeech`'s
//! `/speech:recognize`.
//!
//! The form of the first is written by hand: a boundary that is random, one file, two fields. The second takes the recording itself
//! and is told in the address what it is. Neither keeps anything here.

use reqwest::blocking::RequestBuilder;
use serde_json::Value;
use uuid::Uuid;

use super::{Remote, RemoteError, RemoteFault};
use crate::model::Provider;

/// Largest recording, bytes: far above a minute of Telegram's voice format.
pub const AUDIO_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest recording that `SaluteSpeech` writes down while one waits, bytes; also at most a minute.
const SALUTE_AUDIO_BYTES_MAX: usize = 2_000_000;
/// The format of a recording that nobody told: Telegram's.
const SALUTE_FORMAT: &str = "audio/ogg;codecs=opus";
/// Where it is asked.
const SALUTE_PATH: &str = "/speech:recognize";

/// Largest recording a provider takes, bytes.
pub fn audio_bytes_max(provider: Provider) -> usize {
    match provider {
        Provider::SaluteSpeech => SALUTE_AUDIO_BYTES_MAX,
        Provider::GigaChat | Provider::OpenAi | Provider::Speech => AUDIO_BYTES_MAX,
    }
}

impl Remote {
    /// The words of a recording. `language` is a hint (`ru`).
    pub fn transcribe(
        &self,
        model: &str,
        audio: &[u8],
        mime: &str,
        language: Option<&str>,
    ) -> Result<String, RemoteError> {
        let words = match self.provider {
            Provider::SaluteSpeech => self.recognised(model, audio, mime, language)?,
            Provider::GigaChat | Provider::OpenAi | Provider::Speech => {
                self.transcribed(model, audio, mime, language)?
            }
        };
        let words = crate::text::normalise(words.trim());
        if words.is_empty() { Err(self.error(RemoteFault::Empty, "")) } else { Ok(words) }
    }

    fn transcribed(
        &self,
        model: &str,
        audio: &[u8],
        mime: &str,
        language: Option<&str>,
    ) -> Result<String, RemoteError> {
        let value = self.ask(&mut |bearer| {
            let boundary = format!("tga-{}", Uuid::new_v4().simple());
            let body = form(&boundary, model, audio, mime, language);
            let request = self.request("POST", "/audio/transcriptions", bearer);
            self.json(
                request
                    .header("Content-Type", format!("multipart/form-data; boundary={boundary}"))
                    .body(body),
            )
        })?;
        let words = value["text"].as_str().ok_or_else(|| self.error(RemoteFault::Malformed, "no text"))?;
        Ok(words.to_owned())
    }

    fn recognised(
        &self,
        model: &str,
        audio: &[u8],
        mime: &str,
        language: Option<&str>,
    ) -> Result<String, RemoteError> {
        let Some(format) = salute_format(mime) else {
            let words = "it takes Ogg with Opus, MP3 and FLAC";
            return Err(self.error(RemoteFault::Refused { status: 415 }, words));
        };
        if audio.len() > SALUTE_AUDIO_BYTES_MAX {
            return Err(self.error(RemoteFault::TooLong, ""));
        }
        let value = self.ask(&mut |bearer| {
            self.json(self.recognition(model, format, language, bearer).body(audio.to_vec()))
        })?;
        let sentences = value["result"].as_array().map(|all| all.iter().map(Value::as_str));
        let sentences = sentences.and_then(Iterator::collect::<Option<Vec<&str>>>);
        let sentences =
            sentences.ok_or_else(|| self.error(RemoteFault::Malformed, "no list of sentences"))?;
        Ok(sentences
            .into_iter()
            .map(str::trim)
            .filter(|sentence| !sentence.is_empty())
            .collect::<Vec<_>>()
            .join(" "))
    }

    /// Tries `SaluteSpeech` out: sends no sound, so whoever may ask reads that there is nothing to write down, and pays nothing.
    pub fn recognition_try(&self, model: &str) -> Result<(), RemoteError> {
        let mut reached = false;
        let tried = self.ask(&mut |bearer| {
            let sent = self.send(self.recognition(model, SALUTE_FORMAT, None, bearer).body(Vec::new()));
            let fault = sent.as_ref().err().map(|error| &error.fault);
            reached = matches!(fault, Some(RemoteFault::Refused { status: 400..=499 }));
            sent.map(|_| ())
        });
        if reached { Ok(()) } else { tried }
    }

    fn recognition(
        &self,
        model: &str,
        format: &str,
        language: Option<&str>,
        bearer: Option<&str>,
    ) -> RequestBuilder {
        // Both are from closed sets of plain letters.
        let mut path = format!("{SALUTE_PATH}?model={model}");
        if let Some(language) = language.and_then(salute_language) {
            path.push_str("&language=");
            path.push_str(language);
        }
        let request = self.request("POST", &path, bearer).header("Content-Type", format);
        request.header("X-Request-ID", Uuid::new_v4().to_string())
    }
}

/// What `SaluteSpeech` calls a language it knows; of others it is told nothing.
fn salute_language(language: &str) -> Option<&'static str> {
    match language {
        "ru" => Some("ru-RU"),
        "en" => Some("en-US"),
        "kk" => Some("kk-KZ"),
        _ => None,
    }
}

/// What `SaluteSpeech` calls the format of a recording; `None` for one it does not take.
fn salute_format(mime: &str) -> Option<&'static str> {
    match mime.split(';').next().unwrap_or_default().trim() {
        "audio/ogg" | "audio/opus" | "application/ogg" => Some(SALUTE_FORMAT),
        "audio/mpeg" | "audio/mp3" => Some("audio/mpeg"),
        "audio/flac" | "audio/x-flac" => Some("audio/flac"),
        _ => None,
    }
}

fn form(boundary: &str, model: &str, audio: &[u8], mime: &str, language: Option<&str>) -> Vec<u8> {
    let mut body = Vec::with_capacity(audio.len() + 512);
    let mut field = |name: &str, value: &str| {
        body.extend_from_slice(
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    };
    field("model", model);
    field("response_format", "json");
    if let Some(language) = language {
        field("language", language);
    }
    let extension = match mime {
        "audio/mpeg" => "mp3",
        "audio/mp4" | "audio/m4a" => "m4a",
        "audio/wav" | "audio/x-wav" => "wav",
        _ => "ogg",
    };
    let mime = if mime.bytes().all(|byte| byte.is_ascii_graphic()) { mime } else { "audio/ogg" };
    body.extend_from_slice(
        format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"voice.{extension}\"\r\n\
             content-type: {mime}\r\n\r\n"
        )
        .as_bytes(),
    );
    body.extend_from_slice(audio);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    body
}
