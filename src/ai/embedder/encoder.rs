//! The transformer: token ids of some windows to one mean vector a window. BERT with the norms after the sums.
//!
//! The tokens of all windows of a call lie behind one another, so that the matrix products see one long input and each
//! weight is fetched once; only attention looks at the windows one by one.

use std::ops::Range;

use super::{
    attention::AttentionScratch,
    format::{BLOCK, BLOCK_BYTES, ModelFile, Parsed, Shape, block_unpack},
    kernel::{self, Isa},
    matrix::{Activations, PackedMatrix},
};

pub(super) struct Encoder {
    shape: Shape,
    isa: Isa,
    /// `Q4_0` rows of the word embedding, as in the file: half the resident memory is here.
    words: Vec<u8>,
    /// `[position][hidden]`, with the (only used) token type added.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

struct Layer {
    qkv: PackedMatrix,
    attention_out: PackedMatrix,
    attention_norm: Norm,
    inner: PackedMatrix,
    out: PackedMatrix,
    norm: Norm,
}

/// Space for one call after another; grows to the largest.
#[derive(Default)]
pub(super) struct Scratch {
    state: Vec<f32>,
    wide: Vec<f32>,
    context: Vec<f32>,
    activations: Activations,
    attention: AttentionScratch,
}

/// Everything of an [`Encoder`] but the word embedding, whose place in the file is given.
pub(super) struct EncoderParts {
    pub(super) words: Range<usize>,
    rest: Encoder,
}

impl EncoderParts {
    pub(super) fn read(file: &ModelFile<'_>, isa: Isa) -> Parsed<Self> {
        let shape = file.shape;
        let words = file.blocks("emb.word", shape.vocabulary, shape.hidden)?;
        let kinds = file.floats("emb.type", shape.types * shape.hidden)?;
        let mut positions = file.floats("emb.pos", shape.positions * shape.hidden)?;
        for row in positions.chunks_exact_mut(shape.hidden) {
            for (value, kind) in row.iter_mut().zip(&kinds) {
                *value += kind;
            }
        }
        let rest = Encoder {
            shape,
            isa,
            words: Vec::new(),
            positions,
            norm: Norm::read(file, "emb.ln")?,
            layers: (0..shape.layers).map(|layer| Layer::read(file, layer)).collect::<Parsed<_>>()?,
        };
        Ok(Self { words, rest })
    }

    /// `words` are the bytes at the range this was read with.
    pub(super) fn finish(self, words: Vec<u8>) -> Encoder {
        Encoder { words, ..self.rest }
    }
}

impl Norm {
    fn read(file: &ModelFile<'_>, name: &str) -> Parsed<Self> {
        Ok(Self {
            weight: file.floats(&format!("{name}.w"), file.shape.hidden)?,
            bias: file.floats(&format!("{name}.b"), file.shape.hidden)?,
        })
    }
}

impl Layer {
    fn read(file: &ModelFile<'_>, layer: usize) -> Parsed<Self> {
        let Shape { hidden, inner, .. } = file.shape;
        let part = |name: &str, rows: usize, columns: usize| -> Parsed<(&[u8], Vec<f32>)> {
            Ok((
                file.matrix(&format!("l{layer}.{name}.w"), rows, columns)?,
                file.floats(&format!("l{layer}.{name}.b"), rows)?,
            ))
        };
        let qkv = [part("q", hidden, hidden)?, part("k", hidden, hidden)?, part("v", hidden, hidden)?];
        Ok(Self {
            qkv: PackedMatrix::new(&qkv, hidden),
            attention_out: PackedMatrix::new(&[part("ao", hidden, hidden)?], hidden),
            attention_norm: Norm::read(file, &format!("l{layer}.aln"))?,
            inner: PackedMatrix::new(&[part("fi", inner, hidden)?], hidden),
            out: PackedMatrix::new(&[part("fo", hidden, inner)?], inner),
            norm: Norm::read(file, &format!("l{layer}.oln"))?,
        })
    }
}

impl Encoder {
    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(super) fn isa(&self) -> Isa {
        self.isa
    }

    /// The mean of each window's token vectors, not normalised. A window is non-empty, at most `positions` long, and
    /// its ids are below the vocabulary: the tokenizer and the caller see to both.
    pub(super) fn means(&self, windows: &[&[u32]], scratch: &mut Scratch) -> Vec<Vec<f32>> {
        let Shape { hidden, eps, .. } = self.shape;
        let tokens: usize = windows.iter().map(|window| window.len()).sum();
        scratch.state.resize(tokens * hidden, 0.0);
        scratch.context.resize(tokens * hidden, 0.0);
        scratch.wide.resize(tokens * (3 * hidden).max(self.shape.inner), 0.0);
        self.words_look_up(windows, &mut scratch.state);
        self.norm.apply(self.isa, &mut scratch.state, &[], eps);
        for layer in &self.layers {
            self.layer_apply(layer, windows, tokens, scratch);
        }
        let mut rows = scratch.state.chunks_exact(hidden);
        windows
            .iter()
            .map(|window| {
                let mut mean = vec![0.0; hidden];
                for row in rows.by_ref().take(window.len()) {
                    for (mean, value) in mean.iter_mut().zip(row) {
                        *mean += value / window.len() as f32;
                    }
                }
                mean
            })
            .collect()
    }

    fn words_look_up(&self, windows: &[&[u32]], state: &mut [f32]) {
        let hidden = self.shape.hidden;
        let row_bytes = hidden / BLOCK * BLOCK_BYTES;
        let ids = windows.iter().flat_map(|window| window.iter().enumerate());
        for ((position, id), row) in ids.zip(state.chunks_exact_mut(hidden)) {
            let bytes = &self.words[*id as usize * row_bytes..][..row_bytes];
            let positions = &self.positions[position * hidden..][..hidden];
            let blocks = bytes.chunks_exact(BLOCK_BYTES).zip(positions.chunks_exact(BLOCK));
            for (row, (block, positions)) in row.chunks_exact_mut(BLOCK).zip(blocks) {
                let (scale, values) = block_unpack(block);
                for ((to, value), position) in row.iter_mut().zip(values).zip(positions) {
                    *to = (f32::from(value) - 8.0) * scale + position;
                }
            }
        }
    }

    fn layer_apply(&self, layer: &Layer, windows: &[&[u32]], tokens: usize, scratch: &mut Scratch) {
        let Shape { hidden, inner, eps, .. } = self.shape;
        let isa = self.isa;
        let Scratch { state, wide, context, activations, attention } = scratch;
        let (state, context) = (&mut state[..tokens * hidden], &mut context[..tokens * hidden]);
        let mut product = |matrix: &PackedMatrix, input: &[f32], out: &mut [f32]| {
            activations.resize(tokens, matrix.columns);
            kernel::quantise(isa, input, activations);
            kernel::multiply(isa, matrix, activations, out);
        };

        let qkv = &mut wide[..tokens * 3 * hidden];
        product(&layer.qkv, state, qkv);
        let mut first = 0;
        for window in windows {
            let end = first + window.len();
            kernel::attend(
                isa,
                &qkv[first * 3 * hidden..end * 3 * hidden],
                hidden,
                attention,
                &mut context[first * hidden..end * hidden],
            );
            first = end;
        }
        let mixed = &mut wide[..tokens * hidden];
        product(&layer.attention_out, context, mixed);
        layer.attention_norm.apply(isa, state, mixed, eps);

        let middle = &mut wide[..tokens * inner];
        product(&layer.inner, state, middle);
        kernel::gelu(isa, middle);
        product(&layer.out, middle, context);
        layer.norm.apply(isa, state, context, eps);
    }
}

impl Norm {
    fn apply(&self, isa: Isa, rows: &mut [f32], added: &[f32], eps: f32) {
        kernel::add_norm(isa, rows, added, &self.weight, &self.bias, eps);
    }
}
