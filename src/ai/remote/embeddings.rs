//! Vectors from a provider, behind the same trait as those of the bundled model.
//!
//! The id's version is a digest of address and model's name, so vectors of two providers are never compared. Their length is
//! asked once and kept by the caller with the vectors; an answer of another length, with a number that is none, or with more or
//! fewer vectors than texts is refused, whatever else it says. Vectors are brought to length 1 here.

use std::{fmt::Write as _, ops::Range, sync::Arc, time::Duration};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{PLACE_WAIT, Remote, RemoteError, RemoteFault, http};
use crate::{
    ai::{EmbedKind, Embedder, Error, ModelId, chat::Usage},
    model::Provider,
    text,
};

/// Texts of one call.
pub const TEXTS_PER_CALL_MAX: usize = 32;
/// Characters of one call's texts; one text alone may have more.
const CHARS_PER_CALL_MAX: usize = 24_000;
/// Longest piece, characters: below the window of 512 tokens that the smallest of these models have.
const CHUNK_CHARS_MAX: usize = 1000;
/// The same for a text that was found too long: a token of it may be a single character.
const CHUNK_CHARS_SMALL: usize = 250;
/// Longest vectors that are taken.
const DIMENSIONS_MAX: usize = 8192;
/// How long a person who searches waits for the vector of the question, for a place and for the answer each; then words must do.
pub const QUESTION_PATIENCE: Duration = Duration::from_secs(5);
/// What is asked to learn the length, or whether the model answers at all.
const PROBE: &str = "passage";

/// A model of a provider that makes vectors.
#[derive(Debug, Clone)]
pub struct RemoteEmbedder {
    remote: Arc<Remote>,
    model: String,
    id: ModelId,
    dimensions: usize,
    chunk_chars: usize,
}

/// Vectors, one a text, and what they cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    pub vectors: Vec<Vec<f32>>,
    pub usage: Usage,
}

impl RemoteEmbedder {
    /// The model whose vectors have this length; see [`RemoteEmbedder::probe`].
    pub fn new(remote: Arc<Remote>, model: &str, dimensions: usize) -> Self {
        let id = Self::id_of(remote.provider, &remote.base_url, model);
        Self { id, model: model.to_owned(), dimensions, chunk_chars: CHUNK_CHARS_MAX, remote }
    }

    /// The id that vectors of a model at an address are stored under: `gigachat-embeddings@0123456789ab`.
    pub fn id(provider: Provider, base_url: &Url, model: &str) -> ModelId {
        Self::id_of(provider, base_url.as_str().trim_end_matches('/'), model)
    }

    fn id_of(provider: Provider, base_url: &str, model: &str) -> ModelId {
        let plain: String = model
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
            .collect();
        let digest = Sha256::digest(format!("{base_url} {model}").as_bytes());
        let mut version = String::new();
        for byte in digest.iter().take(ModelId::VERSION_LEN / 2) {
            let _ = write!(version, "{byte:02x}");
        }
        ModelId::parse(&format!("{}-{plain}@{version}", provider.name()))
            .expect("made of what an id may have")
    }

    /// Asks for the vector of one word: its length, and whether the model answers.
    pub fn probe(remote: &Remote, model: &str) -> Result<(usize, Usage), RemoteError> {
        let answered = vectors(remote, model, &[PROBE], None)?;
        Ok((answered.vectors.first().map_or(0, Vec::len), answered.usage))
    }

    /// Asks the same as a probe: whether the model answers as it did before.
    pub fn answers(&self) -> Result<((), Usage), RemoteError> {
        self.call(&[PROBE], None).map(|made| ((), made.usage))
    }

    /// What a probe may cost.
    pub fn probe_estimate() -> Usage {
        Usage::estimate_texts(&[PROBE])
    }

    /// The same model with smaller pieces, for what was found too long.
    #[must_use]
    pub fn with_small_pieces(&self) -> Self {
        Self { chunk_chars: CHUNK_CHARS_SMALL, ..self.clone() }
    }

    pub fn remote(&self) -> &Arc<Remote> {
        &self.remote
    }

    /// The texts in the pieces that one call takes each.
    pub fn calls<'a, 't>(texts: &'a [&'t str]) -> Vec<&'a [&'t str]> {
        let (mut calls, mut start, mut chars) = (Vec::new(), 0, 0);
        for (at, text) in texts.iter().enumerate() {
            let more = text.chars().count();
            if at > start && (at - start == TEXTS_PER_CALL_MAX || chars + more > CHARS_PER_CALL_MAX) {
                calls.push(&texts[start..at]);
                (start, chars) = (at, 0);
            }
            chars += more;
        }
        if start < texts.len() {
            calls.push(&texts[start..]);
        }
        calls
    }

    /// One call. With `patience` nobody waits longer than that for a place, nor for the answer.
    pub fn call(&self, texts: &[&str], patience: Option<Duration>) -> Result<Embedded, RemoteError> {
        let made = vectors(&self.remote, &self.model, texts, patience)?;
        let found = made.vectors.iter().map(Vec::len).find(|length| *length != self.dimensions);
        match found {
            None => Ok(made),
            Some(found) => {
                let words = format!(
                    "vectors of {found} numbers, {} before: another model answers by the name {}",
                    self.dimensions, self.model
                );
                Err(self.remote.error(RemoteFault::Malformed, &words))
            }
        }
    }
}

fn vectors(
    remote: &Remote,
    model: &str,
    texts: &[&str],
    patience: Option<Duration>,
) -> Result<Embedded, RemoteError> {
    remote.ask_within(patience.unwrap_or(PLACE_WAIT), &mut |bearer| {
        let body = json!({ "model": model, "input": texts });
        let request = remote.request("POST", "/embeddings", bearer).json(&body);
        let value = match patience {
            None => remote.json(request)?,
            Some(patience) => {
                let response = request.timeout(patience).send().map_err(|error| {
                    let (fault, detail) = http::fault_of(&error, patience);
                    remote.error(fault, &detail)
                })?;
                if !response.status().is_success() {
                    return Err(remote.refusal(response));
                }
                remote.read_json(response)?
            }
        };
        // Read before the gate is told: a server that answers nonsense is one that fails.
        read(&value, texts).map_err(|words| remote.error(RemoteFault::Malformed, &words))
    })
}

/// The vectors of an answer, in the order of the texts; else what is wrong with it.
fn read(value: &Value, texts: &[&str]) -> Result<Embedded, String> {
    let rows = value["data"].as_array().ok_or("no vectors")?;
    if rows.len() != texts.len() {
        return Err(format!("{} vectors for {} texts", rows.len(), texts.len()));
    }
    let mut vectors: Vec<Vec<f32>> = vec![Vec::new(); texts.len()];
    for (place, row) in rows.iter().enumerate() {
        let at = row["index"].as_u64().map_or(place, |index| index as usize);
        let slot = vectors.get_mut(at).filter(|slot| slot.is_empty());
        *slot.ok_or("two vectors for one text")? = unit(&row["embedding"])?;
    }
    let length = vectors.first().map_or(0, Vec::len);
    if length > DIMENSIONS_MAX {
        return Err(format!("vectors of {length} numbers; at most {DIMENSIONS_MAX} are taken"));
    }
    if vectors.iter().any(|vector| vector.len() != length) {
        return Err("vectors of several lengths".to_owned());
    }
    Ok(Embedded { usage: usage(value, rows, texts), vectors })
}

/// The numbers as a vector of length 1.
fn unit(value: &Value) -> Result<Vec<f32>, String> {
    let numbers = value.as_array().filter(|numbers| !numbers.is_empty()).ok_or("a vector is none")?;
    let numbers: Option<Vec<f64>> = numbers.iter().map(Value::as_f64).collect();
    let numbers = numbers.ok_or("a vector holds what is no number")?;
    // Divided by the largest first, so that squares neither overflow nor vanish.
    let largest = numbers.iter().fold(0.0_f64, |max, number| max.max(number.abs()));
    if largest == 0.0 {
        return Err("a vector of zeros".to_owned());
    }
    let length = numbers.iter().map(|number| (number / largest).powi(2)).sum::<f64>().sqrt();
    Ok(numbers.iter().map(|number| (number / largest / length) as f32).collect())
}

/// What was billed: of the whole answer (`OpenAI`), of each row (`GigaChat`), else what it must have been.
fn usage(value: &Value, rows: &[Value], texts: &[&str]) -> Usage {
    let count = |value: &Value| {
        let usage = &value["usage"];
        usage["prompt_tokens"].as_u64().or(usage["total_tokens"].as_u64())
    };
    let tokens = count(value).or_else(|| rows.iter().map(count).sum());
    tokens.map_or_else(|| Usage::estimate_texts(texts), |tokens_in| Usage { tokens_in, tokens_out: 0 })
}

impl Embedder for RemoteEmbedder {
    fn model(&self) -> &ModelId {
        &self.id
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn embed(&self, _: EmbedKind, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let mut out = Vec::with_capacity(texts.len());
        for part in Self::calls(texts) {
            out.extend(self.call(part, None).map_err(Error::Remote)?.vectors);
        }
        Ok(out)
    }

    fn chunks(&self, text: &str) -> Vec<Range<usize>> {
        let fits = |part: &str| part.chars().count() <= self.chunk_chars;
        let mut out: Vec<Range<usize>> = Vec::new();
        for sentence in text::sentences(text) {
            match out.last_mut() {
                Some(last) if text.get(last.start..sentence.end).is_some_and(fits) => last.end = sentence.end,
                Some(_) | None => out.extend(cut(text, sentence, self.chunk_chars)),
            }
        }
        out
    }
}

/// A sentence longer than a piece is cut between characters.
fn cut(text: &str, sentence: Range<usize>, chars: usize) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = sentence.start;
    let part = &text[sentence.clone()];
    for (at, _) in part.char_indices().step_by(chars).skip(1) {
        out.push(start..sentence.start + at);
        start = sentence.start + at;
    }
    out.push(start..sentence.end);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_bounded_by_texts_and_by_characters() {
        let short = vec!["a"; TEXTS_PER_CALL_MAX + 1];
        let sizes =
            |texts: &[&str]| RemoteEmbedder::calls(texts).iter().map(|call| call.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&short), [TEXTS_PER_CALL_MAX, 1]);
        let long = "я".repeat(CHARS_PER_CALL_MAX / 2);
        assert_eq!(sizes(&[&long, &long, "a", &long]), [2, 2]);
        let longest = "я".repeat(CHARS_PER_CALL_MAX + 1);
        assert_eq!(sizes(&["a", &longest, "a"]), [1, 1, 1]);
        assert!(sizes(&[]).is_empty());
    }

    #[test]
    fn an_answer_that_is_not_one_vector_a_text_is_refused() {
        let refused = |data: Value| read(&json!({ "data": data }), &["a", "b"]).expect_err("no answer");
        let row = |index: u64, vector: Value| json!({ "index": index, "embedding": vector });
        assert_eq!(refused(json!([row(0, json!([1.0]))])), "1 vectors for 2 texts");
        assert_eq!(refused(json!([row(1, json!([1])), row(1, json!([1]))])), "two vectors for one text");
        assert_eq!(refused(json!([row(0, json!([1])), row(9, json!([1]))])), "two vectors for one text");
        assert_eq!(refused(json!([row(0, json!([1])), row(1, json!([1, 2]))])), "vectors of several lengths");
        assert_eq!(
            refused(json!([row(0, json!([1])), row(1, json!([null]))])),
            "a vector holds what is no number"
        );
        assert_eq!(refused(json!([row(0, json!([1])), row(1, json!("AACAPw=="))])), "a vector is none");
        assert_eq!(refused(json!([row(0, json!([1])), row(1, json!([0, 0]))])), "a vector of zeros");
        let long = vec![1; DIMENSIONS_MAX + 1];
        assert!(refused(json!([row(0, json!(long)), row(1, json!(long))])).contains("at most 8192"));
    }

    #[test]
    fn what_was_billed_is_read_wherever_it_stands() {
        let rows = |usage: Value| json!([{ "embedding": [3e300, 4e300], "usage": usage }, { "embedding": [1, 0], "usage": usage }]);
        let tokens = |value: &Value| read(value, &["abc", "d"]).expect("an answer").usage.tokens_in;
        assert_eq!(tokens(&json!({ "data": rows(Value::Null), "usage": { "prompt_tokens": 7 } })), 7);
        assert_eq!(tokens(&json!({ "data": rows(json!({ "prompt_tokens": 4 })) })), 8);
        assert_eq!(tokens(&json!({ "data": rows(Value::Null) })), 3, "estimated");
        let made = read(&json!({ "data": rows(Value::Null) }), &["abc", "d"]).expect("an answer").vectors;
        assert!((made[0][0] - 0.6).abs() < 1e-6 && (made[0][1] - 0.8).abs() < 1e-6, "{made:?}");
    }
}
