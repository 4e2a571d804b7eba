//! The bundled embedder: one model file, read once, run in this process.
//!
//! Immutable after opening, so any number of threads may call it. A call uses up to `threads` threads, each working on
//! texts of its own: nobody waits at a barrier while a core is busy elsewhere. Nothing is written; a crash loses nothing.

use std::{
    num::NonZeroUsize,
    ops::Range,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use sha2::Digest as _;

use super::{
    EmbedKind, Embedder, Error, ModelId, chunk,
    encoder::{Encoder, EncoderParts, Scratch},
    format,
    kernel::Isa,
    tokenizer::Tokenizer,
};

/// A larger file is refused before it is read.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 30;
/// Tokens worked on together: enough that fetching the weights costs little, little enough to stay in the second cache.
const TILE_TOKENS: usize = 128;
/// A text is read to here, at a character's border; eight times the longest Telegram post.
pub(super) const TEXT_BYTES_MAX: usize = 128 * 1024;

/// Files whose content is known: SHA-256 and the name their vectors are stored under.
pub(super) const KNOWN: [(&str, &str); 1] =
    [("1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f", "e5-small-q4")];

/// A model in memory.
pub struct LocalModel {
    id: ModelId,
    tokenizer: Tokenizer,
    encoder: Encoder,
    threads: NonZeroUsize,
}

/// A content hash as 64 hex digits.
pub(super) fn digest_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    sha2::Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string does not fail");
        hex
    })
}

/// The id of a file with this hash: the known name, else one made of `stem`.
pub(super) fn id_of(hex: &str, stem: &str) -> ModelId {
    let known = KNOWN.iter().find(|(known, _)| *known == hex).map(|(_, name)| *name);
    let name = known.map_or_else(
        || {
            let stem = stem.split('@').next().unwrap_or_default();
            let clean: String = stem
                .chars()
                .map(|c| c.to_ascii_lowercase())
                .filter(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '.'))
                .take(64)
                .collect();
            if clean.is_empty() { "model".to_owned() } else { clean }
        },
        str::to_owned,
    );
    let version = &hex[..ModelId::VERSION_LEN];
    ModelId::parse(&format!("{name}@{version}")).expect("the name was cleaned and the version is hex")
}

impl std::fmt::Debug for LocalModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalModel")
            .field("id", &self.id)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

impl LocalModel {
    /// Reads and checks the whole file; `threads` is how many one call may use.
    pub fn open(path: &Path, threads: NonZeroUsize) -> Result<Self, Error> {
        let bytes = file_read(path)?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::from_bytes(bytes, &stem, threads)
            .map_err(|reason| Error::ModelInvalid { path: path.to_owned(), reason })
    }

    /// From a file already in memory; `stem` names it if its content is not known. The error is a plain sentence.
    pub(super) fn from_bytes(bytes: Vec<u8>, stem: &str, threads: NonZeroUsize) -> Result<Self, String> {
        Self::from_bytes_on(bytes, stem, threads, Isa::detect())
    }

    pub(super) fn from_bytes_on(
        mut bytes: Vec<u8>,
        stem: &str,
        threads: NonZeroUsize,
        isa: Isa,
    ) -> Result<Self, String> {
        let (hex, read) = std::thread::scope(|scope| {
            let hex = scope.spawn(|| digest_hex(&bytes));
            let read = format::parse(&bytes)
                .and_then(|(file, tokenizer)| Ok((tokenizer, EncoderParts::read(&file, isa)?)));
            (hex.join(), read)
        });
        let hex = hex.map_err(|_| "its content could not be hashed".to_owned())?;
        let (tokenizer, parts) = read?;
        // The buffer itself becomes the word table: no second copy of its 54 MB, and the rest is given back.
        bytes.truncate(parts.words.end);
        bytes.drain(..parts.words.start);
        bytes.shrink_to_fit();
        Ok(Self { id: id_of(&hex, stem), tokenizer, encoder: parts.finish(bytes), threads })
    }

    /// Which instruction set the arithmetic runs on, for logs and figures.
    pub fn instructions(&self) -> &'static str {
        self.encoder.isa().name()
    }

    /// Tokens of the text as the model sees it, prefix and the two framing tokens included.
    pub fn tokens_count(&self, kind: EmbedKind, text: &str) -> usize {
        self.content(kind, text).len() + 2
    }

    /// Tokens a window holds besides its two framing ones.
    pub(super) fn window_tokens(&self) -> usize {
        self.encoder.shape().positions - 2
    }

    pub(super) fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn content(&self, kind: EmbedKind, text: &str) -> Vec<u32> {
        let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
        let tokens = self.tokenizer.tokens(prefix(kind), text);
        tokens.into_iter().map(|token| token.id).collect()
    }

    /// Runs the tiles on up to `threads` threads; the vectors come in the order of the windows.
    fn means(&self, windows: &[Window]) -> Vec<Vec<f32>> {
        let tiles = tiles(windows, self.threads);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut scratch = Scratch::default();
            let mut done = Vec::new();
            while let Some(tile) = tiles.get(next.fetch_add(1, Ordering::Relaxed)) {
                let ids: Vec<&[u32]> = windows[tile.clone()].iter().map(|w| &*w.ids).collect();
                done.push((tile.start, self.encoder.means(&ids, &mut scratch)));
            }
            done
        };
        let mut done = std::thread::scope(|scope| {
            let helpers = self.threads.get().min(tiles.len()).saturating_sub(1);
            let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
            let mut done = work();
            for helper in helpers {
                done.extend(helper.join().expect("the arithmetic does not panic"));
            }
            done
        });
        done.sort_unstable_by_key(|(start, _)| *start);
        done.into_iter().flat_map(|(_, means)| means).collect()
    }
}

/// What the model was trained to see before each kind of text.
pub(super) fn prefix(kind: EmbedKind) -> &'static str {
    match kind {
        EmbedKind::Query => "query: ",
        EmbedKind::Passage => "passage: ",
    }
}

pub(super) fn file_read(path: &Path) -> Result<Vec<u8>, Error> {
    let len = std::fs::metadata(path).map_err(|source| Error::io("read model file", path, source))?.len();
    if len > FILE_BYTES_MAX {
        return Err(Error::ModelInvalid {
            path: path.to_owned(),
            reason: format!("it has {len} bytes; up to {FILE_BYTES_MAX} are read"),
        });
    }
    std::fs::read(path).map_err(|source| Error::io("read model file", path, source))
}

/// What fits the model at once.
struct Window {
    text: usize,
    /// Content tokens: the weight of this window in its text's mean.
    weight: f32,
    ids: Vec<u32>,
}

/// Neighbouring windows whose tokens are worked on together; with several threads small enough that all have work.
fn tiles(windows: &[Window], threads: NonZeroUsize) -> Vec<Range<usize>> {
    let total: usize = windows.iter().map(|window| window.ids.len()).sum();
    let most = TILE_TOKENS.min(total.div_ceil(threads.get()));
    let mut tiles = Vec::new();
    let (mut start, mut tokens) = (0, 0);
    for (at, window) in windows.iter().enumerate() {
        if at > start && tokens + window.ids.len() > most {
            tiles.push(start..at);
            (start, tokens) = (at, 0);
        }
        tokens += window.ids.len();
    }
    if start < windows.len() {
        tiles.push(start..windows.len());
    }
    tiles
}

impl Embedder for LocalModel {
    fn model(&self) -> &ModelId {
        &self.id
    }

    fn dimensions(&self) -> usize {
        self.encoder.shape().hidden
    }

    fn embed(&self, kind: EmbedKind, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let mut windows = Vec::with_capacity(texts.len());
        for (text, content) in texts.iter().enumerate() {
            let content = self.content(kind, content);
            for part in content.chunks(self.window_tokens()) {
                let frame = |id| std::iter::once(id);
                let ids = frame(self.tokenizer.bos())
                    .chain(part.iter().copied())
                    .chain(frame(self.tokenizer.eos()))
                    .collect();
                windows.push(Window { text, weight: part.len() as f32, ids });
            }
        }
        let mut vectors = vec![vec![0.0; self.dimensions()]; texts.len()];
        for (window, mean) in windows.iter().zip(self.means(&windows)) {
            for (sum, value) in vectors[window.text].iter_mut().zip(mean) {
                *sum += value * window.weight;
            }
        }
        for vector in &mut vectors {
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            if !length.is_finite() || length < f32::MIN_POSITIVE {
                return Err(Error::VectorInvalid { model: self.id.to_string() });
            }
            for value in vector {
                *value /= length;
            }
        }
        Ok(vectors)
    }

    fn chunks(&self, text: &str) -> Vec<Range<usize>> {
        chunk::chunks(self.tokenizer(), self.window_tokens(), text)
    }
}

#[cfg(test)]
#[path = "local/tests.rs"]
mod tests;
