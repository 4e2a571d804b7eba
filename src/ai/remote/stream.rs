//! An answer as it is written: server-sent events of the chat protocol.
//!
//! The end is `[DONE]` or a reason to finish; a stream that ends without is cut. Lines and the whole are bounded. What was
//! received before a failure counts as spent.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    time::Instant,
};

use reqwest::blocking::Response;
use serde_json::Value;

use super::{
    Remote, RemoteError, RemoteFault, http, usage_of,
    wire::{self, is_filtered},
};
use crate::ai::chat::{ChatAnswer, ChatRequest, Pieces, Usage};

/// Longest line of a stream, bytes.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

pub(super) fn read(
    remote: &Remote,
    response: Response,
    request: &ChatRequest,
    pieces: &mut Pieces<'_>,
) -> Result<ChatAnswer, RemoteError> {
    let deadline = Instant::now() + remote.timeout * http::DEADLINE_TIMEOUTS;
    let mut reader = BufReader::new(response);
    let mut answer = Streamed::default();
    let outcome = answer.run(remote, &mut reader, deadline, pieces);
    let usage = match &answer.usage {
        Some(value) => usage_of(value, request, &answer.text),
        None => Usage::estimate(request, &answer.text),
    };
    let fail = |mut error: RemoteError| {
        if !answer.text.is_empty() {
            error.spent = usage;
            if error.fault == RemoteFault::KeyRefused {
                // Its first words are out already: asking anew would say them twice.
                error.fault = RemoteFault::Cut;
            }
        }
        error
    };
    outcome.map_err(fail)?;
    if is_filtered(&answer.finish) {
        return Err(fail(remote.error(RemoteFault::Filtered, "")));
    }
    if answer.text.trim().is_empty() {
        return Err(fail(remote.error(RemoteFault::Empty, "")));
    }
    Ok(ChatAnswer { cut: answer.finish == "length", text: answer.text, usage })
}

/// What has come so far.
#[derive(Default)]
struct Streamed {
    text: String,
    finish: String,
    usage: Option<Value>,
}

impl Streamed {
    fn run(
        &mut self,
        remote: &Remote,
        reader: &mut BufReader<Response>,
        deadline: Instant,
        pieces: &mut Pieces<'_>,
    ) -> Result<(), RemoteError> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
            let read = read.map_err(|_| remote.error(RemoteFault::Cut, ""))?;
            if read == 0 {
                // Some servers leave out the last word.
                return if self.finish.is_empty() { Err(remote.error(RemoteFault::Cut, "")) } else { Ok(()) };
            }
            if Instant::now() > deadline || self.text.len() > http::ANSWER_BYTES_MAX {
                return Err(remote.error(RemoteFault::Cut, "the answer does not end"));
            }
            let Some(data) =
                std::str::from_utf8(&line).ok().and_then(|line| line.trim().strip_prefix("data:"))
            else {
                continue;
            };
            let data = data.trim();
            if data == "[DONE]" {
                return Ok(());
            }
            let value: Value =
                serde_json::from_str(data).map_err(|_| remote.error(RemoteFault::Malformed, "not JSON"))?;
            if !self.event(remote, value, pieces)? {
                return Ok(());
            }
        }
    }

    /// Takes one event; `false` if nobody wants more.
    fn event(&mut self, remote: &Remote, value: Value, pieces: &mut Pieces<'_>) -> Result<bool, RemoteError> {
        let status = value["status"].as_u64().or(value["error"]["code"].as_u64());
        if value.get("choices").is_none() && (value.get("error").is_some() || status.is_some()) {
            let words = wire::refusal_words(value.to_string().as_bytes());
            let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(500);
            return Err(remote.error(wire::refusal_fault(status, None, &words), &words));
        }
        let choice = &value["choices"][0];
        if let Some(finish) = choice["finish_reason"].as_str() {
            finish.clone_into(&mut self.finish);
        }
        let wanted = match choice["delta"]["content"].as_str() {
            Some(piece) if !piece.is_empty() => {
                self.text.push_str(piece);
                pieces(piece)
            }
            Some(_) | None => true,
        };
        if value["usage"].is_object() {
            self.usage = Some(value);
        }
        Ok(wanted)
    }
}
