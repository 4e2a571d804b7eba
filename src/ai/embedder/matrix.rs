//! Weights and activations in the order the multiplication reads them. No arithmetic beyond quantising.
//!
//! A weight stays what the file says (0..=15, meaning -8..=7) in a byte of its own; the -8 is paid back once a block
//! through the activations' sums. Sixteen rows stand side by side, four columns each, so that one 64-byte line feeds one
//! 512-bit multiply-add of four columns for sixteen rows.

use super::format::{BLOCK, BLOCK_BYTES, block_unpack};

/// Rows that stand side by side.
pub(super) const GROUP: usize = 16;
/// Columns of one row in a line.
pub(super) const QUAD: usize = 4;
/// Lines of one block of one group.
pub(super) const BLOCK_LINES: usize = BLOCK / QUAD;

/// 16 rows × 4 columns of weights, on a cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [u8; GROUP * QUAD]);

/// One number for each row of a group.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct GroupFloats(pub(super) [f32; GROUP]);

/// Four neighbouring activations of one token, read as one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(4))]
pub(super) struct Quad(pub(super) [i8; QUAD]);

/// A matrix of `groups × 16` rows, ready to be multiplied; `y = W x + bias`.
pub(super) struct PackedMatrix {
    pub(super) columns: usize,
    /// `[group][column / 4]`
    pub(super) lines: Vec<Line>,
    /// `[group][block]`
    pub(super) scales: Vec<GroupFloats>,
    /// `[group]`
    pub(super) bias: Vec<GroupFloats>,
}

impl PackedMatrix {
    /// Packs row-major `Q4_0` rows; `parts` are stacked on one another, each with its bias. Rows of each part are a
    /// multiple of 16 and `columns` of 32: the file's shape was checked for both.
    pub(super) fn new(parts: &[(&[u8], Vec<f32>)], columns: usize) -> Self {
        let blocks = columns / BLOCK;
        let rows: usize = parts.iter().map(|(_, bias)| bias.len()).sum();
        let groups = rows / GROUP;
        let mut packed = Self {
            columns,
            lines: vec![Line([0; GROUP * QUAD]); groups * columns / QUAD],
            scales: vec![GroupFloats([0.0; GROUP]); groups * blocks],
            bias: vec![GroupFloats([0.0; GROUP]); groups],
        };
        let bytes = parts.iter().flat_map(|(bytes, _)| bytes.chunks_exact(blocks * BLOCK_BYTES));
        for (row, bytes) in bytes.enumerate() {
            packed.row_set(row, bytes);
        }
        for (row, bias) in parts.iter().flat_map(|(_, bias)| bias).enumerate() {
            packed.bias[row / GROUP].0[row % GROUP] = *bias;
        }
        packed
    }

    fn row_set(&mut self, row: usize, bytes: &[u8]) {
        let (group, lane) = (row / GROUP, row % GROUP);
        let blocks = self.blocks();
        for (block, bytes) in bytes.chunks_exact(BLOCK_BYTES).enumerate() {
            let (scale, values) = block_unpack(bytes);
            let place = group * blocks + block;
            self.scales[place].0[lane] = scale;
            let lines = &mut self.lines[place * BLOCK_LINES..][..BLOCK_LINES];
            for (line, quad) in lines.iter_mut().zip(values.as_chunks::<QUAD>().0) {
                line.0[lane * QUAD..][..QUAD].copy_from_slice(quad);
            }
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.bias.len() * GROUP
    }

    pub(super) fn blocks(&self) -> usize {
        self.columns / BLOCK
    }
}

/// Activations of several tokens as bytes with one scale for 32 of them.
#[derive(Default)]
pub(super) struct Activations {
    pub(super) columns: usize,
    pub(super) tokens: usize,
    /// `[token][column / 4]`, each in -127..=127.
    pub(super) quads: Vec<Quad>,
    /// `[token][block]`
    pub(super) scales: Vec<f32>,
    /// `[token][block]`: minus eight times the block's sum, what the weights' offset of eight adds too much.
    pub(super) offsets: Vec<i32>,
}

impl Activations {
    /// Makes room for `tokens × columns`; the content is then written by [`super::float::quantise`].
    pub(super) fn resize(&mut self, tokens: usize, columns: usize) {
        self.columns = columns;
        self.tokens = tokens;
        self.quads.resize(tokens * columns / QUAD, Quad([0; QUAD]));
        self.scales.resize(tokens * columns / BLOCK, 0.0);
        self.offsets.resize(tokens * columns / BLOCK, 0);
    }
}
