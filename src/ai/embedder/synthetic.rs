//! A tiny model file made of chosen random numbers: same layout as the real one, a few hundred kilobytes, no meaning.
//!
//! For tests of anything that needs an [`Embedder`](super::Embedder) without the 72 MB file. Texts that share words get
//! closer vectors than texts that do not, and the same seed always gives the same bytes.

use super::format::{BLOCK, HEAD};

/// Sizes of the model to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntheticShape {
    /// Any number; it decides all weights.
    pub seed: u64,
    /// Heads of 32 dimensions: the vectors are `32 * heads` long.
    pub heads: usize,
    pub layers: usize,
    /// Tokens of a window, the two framing ones included; at least 16.
    pub positions: usize,
}

impl Default for SyntheticShape {
    fn default() -> Self {
        Self { seed: 1, heads: 2, layers: 1, positions: 64 }
    }
}

/// The bytes of a model file of this shape; write them to a `.bin` and open or import that.
pub fn synthetic_model(shape: SyntheticShape) -> Vec<u8> {
    let hidden = shape.heads * HEAD;
    let inner = 2 * hidden;
    let pieces = pieces();
    let mut random = Random(shape.seed);
    let mut tensors = vec![
        random.blocks("emb.word".to_owned(), pieces.len() * hidden),
        random.floats("emb.pos".to_owned(), shape.positions * hidden, 0.0, 0.02),
        random.floats("emb.type".to_owned(), 2 * hidden, 0.0, 0.02),
        random.floats("emb.ln.w".to_owned(), hidden, 1.0, 0.1),
        random.floats("emb.ln.b".to_owned(), hidden, 0.0, 0.02),
    ];
    for layer in 0..shape.layers {
        for (name, rows, columns) in [
            ("q", hidden, hidden),
            ("k", hidden, hidden),
            ("v", hidden, hidden),
            ("ao", hidden, hidden),
            ("fi", inner, hidden),
            ("fo", hidden, inner),
        ] {
            tensors.push(random.blocks(format!("l{layer}.{name}.w"), rows * columns));
            tensors.push(random.floats(format!("l{layer}.{name}.b"), rows, 0.0, 0.02));
        }
        for name in ["aln", "oln"] {
            tensors.push(random.floats(format!("l{layer}.{name}.w"), hidden, 1.0, 0.1));
            tensors.push(random.floats(format!("l{layer}.{name}.b"), hidden, 0.0, 0.02));
        }
    }
    let mut out = b"E5S1".to_vec();
    let header = [1, hidden, shape.layers, shape.heads, inner, pieces.len(), shape.positions, 2];
    for value in header {
        put(&mut out, value as u32);
    }
    out.extend(1e-12f32.to_le_bytes());
    put(&mut out, BLOCK as u32);
    tokenizer_write(&mut out, &pieces);
    tensors_write(&mut out, &tensors);
    out
}

/// The four special pieces, the space mark, and each printable ASCII and Russian letter, alone and after the mark.
fn pieces() -> Vec<String> {
    let letters = (' '..='~').skip(1).chain('а'..='я').chain(['ё', '…', '\n']);
    ["<s>", "<pad>", "</s>", "<unk>", "\u{2581}"]
        .into_iter()
        .map(str::to_owned)
        .chain(letters.flat_map(|letter| [letter.to_string(), format!("\u{2581}{letter}")]))
        .collect()
}

fn tokenizer_write(out: &mut Vec<u8>, pieces: &[String]) {
    // Count, then bos, eos, pad, unk.
    for value in [pieces.len() as u32, 0, 2, 1, 3] {
        put(out, value);
    }
    let blob: String = pieces.concat();
    out.extend((blob.len() as u64).to_le_bytes());
    let mut offset = 0;
    put(out, 0);
    for piece in pieces {
        offset += piece.len() as u32;
        put(out, offset);
    }
    for piece in pieces {
        // Longer pieces are likelier, so that marked letters win over mark and letter.
        out.extend((-2.0 / piece.chars().count() as f32).to_le_bytes());
    }
    out.extend(blob.as_bytes());
    // The character map: upper-case Russian letters to lower case, a tab to a space.
    let map: Vec<(char, char)> = std::iter::once(('\t', ' ')).chain(('А'..='Я').zip('а'..='я')).collect();
    put(out, map.len() as u32);
    put(out, map.len() as u32 * 9);
    for (from, to) in map {
        put(out, from as u32);
        out.push(1);
        put(out, to as u32);
    }
}

struct Tensor {
    name: String,
    quantised: bool,
    elements: usize,
    bytes: Vec<u8>,
}

fn tensors_write(out: &mut Vec<u8>, tensors: &[Tensor]) {
    put(out, tensors.len() as u32);
    let directory: usize = tensors.iter().map(|tensor| 2 + tensor.name.len() + 1 + 4 + 16).sum();
    let mut offset = (out.len() + directory) as u64;
    for tensor in tensors {
        out.extend((tensor.name.len() as u16).to_le_bytes());
        out.extend(tensor.name.as_bytes());
        out.push(u8::from(tensor.quantised));
        put(out, tensor.elements as u32);
        out.extend(offset.to_le_bytes());
        out.extend((tensor.bytes.len() as u64).to_le_bytes());
        offset += tensor.bytes.len() as u64;
    }
    for tensor in tensors {
        out.extend(&tensor.bytes);
    }
}

fn put(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_le_bytes());
}

/// `SplitMix64`: repeatable on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn floats(&mut self, name: String, elements: usize, middle: f32, spread: f32) -> Tensor {
        let value = |random: u64| middle + spread * ((random >> 40) as f32 / 8_388_608.0 - 1.0);
        let bytes = (0..elements).flat_map(|_| value(self.next()).to_le_bytes()).collect();
        Tensor { name, quantised: false, elements, bytes }
    }

    fn blocks(&mut self, name: String, elements: usize) -> Tensor {
        let mut bytes = Vec::new();
        for _ in 0..elements / BLOCK {
            // Half precision 0.0107 to 0.0146: with weights of -8..=7 rows of about unit gain.
            let scale = 0x2180 + (self.next() % 512) as u16;
            bytes.extend(scale.to_le_bytes());
            bytes.extend(self.next().to_le_bytes());
            bytes.extend(self.next().to_le_bytes());
        }
        Tensor { name, quantised: true, elements, bytes }
    }
}
