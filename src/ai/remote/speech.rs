//! Writing down speech: `OpenAI`'s `/audio/transcriptions`, which whisper servers speak as well.
//!
//! The form is written by hand: a boundary that is random, one file, two fields.

use uuid::Uuid;

use super::{Remote, RemoteError, RemoteFault};

/// Largest recording, bytes: far above a minute of Telegram's voice format.
pub const AUDIO_BYTES_MAX: usize = 4 * 1024 * 1024;

impl Remote {
    /// The words of a recording. `language` is a hint (`ru`).
    pub fn transcribe(
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
        let words = crate::text::normalise(words.trim());
        if words.is_empty() { Err(self.error(RemoteFault::Empty, "")) } else { Ok(words) }
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
