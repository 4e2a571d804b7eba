//! Vectors from a provider, behind the same trait as those of the bundled model.
//!
//! The id's version is a digest of address and model's name, so vectors of two providers are never compared. Their length is
//! asked once, when the embedder is made.

use std::{fmt::Write as _, ops::Range, sync::Arc};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Remote, RemoteError, RemoteFault};
use crate::{
    ai::{EmbedKind, Embedder, Error, ModelId},
    text,
};

/// Texts of one call.
const TEXTS_PER_CALL_MAX: usize = 32;
/// Longest piece, characters: below the window of 512 tokens that the smallest of these models have.
const CHUNK_CHARS_MAX: usize = 1000;
/// Longest vectors that are taken.
const DIMENSIONS_MAX: usize = 8192;

/// A model of a provider that makes vectors.
#[derive(Debug)]
pub struct RemoteEmbedder {
    remote: Arc<Remote>,
    model: String,
    id: ModelId,
    dimensions: usize,
}

impl RemoteEmbedder {
    /// Asks for one vector, to learn their length.
    pub fn open(remote: Arc<Remote>, model: &str) -> Result<Self, RemoteError> {
        let first = vectors(&remote, model, &["passage"])?;
        let dimensions = first.first().map_or(0, Vec::len);
        Ok(Self { id: id_of(&remote, model), model: model.to_owned(), dimensions, remote })
    }
}

/// `gigachat-embeddings@0123456789ab`.
fn id_of(remote: &Remote, model: &str) -> ModelId {
    let plain: String = model
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .collect();
    let digest = Sha256::digest(format!("{} {model}", remote.base_url).as_bytes());
    let mut version = String::new();
    for byte in digest.iter().take(ModelId::VERSION_LEN / 2) {
        let _ = write!(version, "{byte:02x}");
    }
    ModelId::parse(&format!("{}-{plain}@{version}", remote.provider.name()))
        .expect("made of what an id may have")
}

fn vectors(remote: &Remote, model: &str, texts: &[&str]) -> Result<Vec<Vec<f32>>, RemoteError> {
    let value = remote.ask(&mut |bearer| {
        let body = json!({ "model": model, "input": texts });
        remote.json(remote.request("POST", "/embeddings", bearer).json(&body))
    })?;
    let wrong = |words: &str| remote.error(RemoteFault::Malformed, words);
    let rows = value["data"].as_array().ok_or_else(|| wrong("no vectors"))?;
    let mut out: Vec<Vec<f32>> = vec![Vec::new(); texts.len()];
    for (place, row) in rows.iter().enumerate() {
        let at = row["index"].as_u64().map_or(place, |index| index as usize);
        let vector = unit(&row["embedding"]).ok_or_else(|| wrong("a vector is none"))?;
        *out.get_mut(at).ok_or_else(|| wrong("more vectors than texts"))? = vector;
    }
    let length = out.first().map_or(0, Vec::len);
    if length == 0 || length > DIMENSIONS_MAX || out.iter().any(|vector| vector.len() != length) {
        return Err(wrong("vectors are missing or of several lengths"));
    }
    Ok(out)
}

/// The numbers as a vector of length 1.
fn unit(value: &Value) -> Option<Vec<f32>> {
    let numbers =
        value.as_array()?.iter().map(|n| n.as_f64().map(|n| n as f32)).collect::<Option<Vec<f32>>>()?;
    let norm = numbers.iter().map(|n| n * n).sum::<f32>().sqrt();
    (norm.is_finite() && norm > 0.0).then(|| numbers.iter().map(|n| n / norm).collect())
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
        for part in texts.chunks(TEXTS_PER_CALL_MAX) {
            let made = vectors(&self.remote, &self.model, part).map_err(Error::Remote)?;
            if made.iter().any(|vector| vector.len() != self.dimensions) {
                return Err(Error::VectorInvalid { model: self.id.to_string() });
            }
            out.extend(made);
        }
        Ok(out)
    }

    fn chunks(&self, text: &str) -> Vec<Range<usize>> {
        let mut out: Vec<Range<usize>> = Vec::new();
        for sentence in text::sentences(text) {
            let joined = out.last().filter(|last| {
                text.get(last.start..sentence.end).is_some_and(|part| part.chars().count() <= CHUNK_CHARS_MAX)
            });
            if joined.is_none() {
                out.extend(cut(text, sentence));
            } else if let Some(last) = out.last_mut() {
                last.end = sentence.end;
            }
        }
        out
    }
}

/// A sentence longer than a piece is cut between characters.
fn cut(text: &str, sentence: Range<usize>) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = sentence.start;
    let part = &text[sentence.clone()];
    for (at, _) in part.char_indices().step_by(CHUNK_CHARS_MAX).skip(1) {
        out.push(start..sentence.start + at);
        start = sentence.start + at;
    }
    out.push(start..sentence.end);
    out
}
