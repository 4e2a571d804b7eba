//! The only module of this crate with `unsafe` (here and in `x86`): picks the widest instruction set the processor has,
//! and multiplies.
//!
//! [`Isa`] is proof that the processor has what its kind names: it can only be made by asking the processor. Every
//! function here gives the same result on every kind up to the rounding of single-precision sums.
#![expect(unsafe_code, reason = "std::arch intrinsics and calls into target-feature functions")]

#[cfg(target_arch = "x86_64")]
mod x86;

use super::{
    attention::{self, AttentionScratch, PlainProducts},
    float,
    format::BLOCK,
    matrix::{Activations, BLOCK_LINES, GROUP, PackedMatrix},
};

/// An instruction set that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Isa(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Scalar,
}

/// Whether plain code may use fused multiply-add without a library call.
const SCALAR_FMA: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

impl Isa {
    /// The widest this processor has.
    pub(super) fn detect() -> Self {
        Self::all()[0]
    }

    /// Every one this processor has, widest first; the last is plain code.
    pub(super) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vnni");
            if avx512 {
                all.push(Self(Kind::Avx512Vnni));
            }
            if avx2 && is_x86_feature_detected!("avxvnni") {
                all.push(Self(Kind::AvxVnni));
            }
            if avx2 {
                all.push(Self(Kind::Avx2));
            }
        }
        all.push(Self(Kind::Scalar));
        all
    }

    pub(super) fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Vnni => "avx512-vnni",
            #[cfg(target_arch = "x86_64")]
            Kind::AvxVnni => "avx-vnni",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            Kind::Scalar => "scalar",
        }
    }
}

/// Defines a safe function that runs `$body` compiled for the given [`Isa`].
macro_rules! compiled_per_isa {
    ($(#[$doc:meta])* $module:ident::$name:ident, ($($arg:ident: $type:ty),*)) => {
        $(#[$doc])*
        pub(super) fn $name(isa: Isa, $($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
            fn avx512($($arg: $type),*) {
                $module::$name::<true>($($arg),*);
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $type),*) {
                $module::$name::<true>($($arg),*);
            }
            match isa.0 {
                // SAFETY: an `Isa` of this kind exists only where the processor has these features.
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512Vnni => unsafe { avx512($($arg),*) },
                // SAFETY: as above; both kinds include AVX2 and FMA.
                #[cfg(target_arch = "x86_64")]
                Kind::AvxVnni | Kind::Avx2 => unsafe { avx2($($arg),*) },
                Kind::Scalar => $module::$name::<SCALAR_FMA>($($arg),*),
            }
        }
    };
}

compiled_per_isa!(
    /// See [`float::quantise`].
    float::quantise, (values: &[f32], into: &mut Activations));
compiled_per_isa!(
    /// See [`float::gelu`].
    float::gelu, (values: &mut [f32]));
compiled_per_isa!(
    /// See [`float::add_norm`].
    float::add_norm,
    (rows: &mut [f32], added: &[f32], weight: &[f32], bias: &[f32], eps: f32));
/// See [`attention::attend`].
pub(super) fn attend(isa: Isa, qkv: &[f32], hidden: usize, scratch: &mut AttentionScratch, out: &mut [f32]) {
    match isa.0 {
        // SAFETY: an `Isa` of this kind exists only where the processor has these features.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512Vnni => unsafe { x86::attend_avx512(qkv, hidden, scratch, out) },
        // SAFETY: as above; both kinds include AVX2 and FMA.
        #[cfg(target_arch = "x86_64")]
        Kind::AvxVnni | Kind::Avx2 => unsafe { x86::attend_avx2(qkv, hidden, scratch, out) },
        Kind::Scalar => {
            attention::attend::<SCALAR_FMA, PlainProducts<SCALAR_FMA>>(qkv, hidden, scratch, out);
        }
    }
}

/// `out[token][row] = bias[row] + Σ weight[row][column] × activation[token][column]`.
///
/// # Panics
/// If the sizes of the three do not fit together, which would be a mistake of this crate, never of a file.
pub(super) fn multiply(isa: Isa, matrix: &PackedMatrix, input: &Activations, out: &mut [f32]) {
    let (columns, blocks) = (matrix.columns, matrix.blocks());
    let groups = matrix.bias.len();
    assert_eq!(input.columns, columns, "the activations are as wide as the matrix");
    assert_eq!(columns % BLOCK, 0, "whole blocks");
    assert_eq!(matrix.lines.len(), groups * blocks * BLOCK_LINES, "lines");
    assert_eq!(matrix.scales.len(), groups * blocks, "scales");
    assert_eq!(input.quads.len(), input.tokens * blocks * BLOCK_LINES, "quads");
    assert_eq!(input.scales.len(), input.tokens * blocks, "activation scales");
    assert_eq!(input.offsets.len(), input.tokens * blocks, "activation offsets");
    assert_eq!(out.len(), input.tokens * groups * GROUP, "output");
    match isa.0 {
        // SAFETY: the processor has the features, see `Isa`; the sizes were checked just above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512Vnni => unsafe { x86::multiply_avx512(matrix, input, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::AvxVnni => unsafe { x86::multiply_avxvnni(matrix, input, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { x86::multiply_avx2(matrix, input, out) },
        Kind::Scalar => multiply_scalar(matrix, input, out),
    }
}

fn multiply_scalar(matrix: &PackedMatrix, input: &Activations, out: &mut [f32]) {
    let blocks = matrix.blocks();
    let rows = matrix.rows();
    for (token, out) in out.chunks_exact_mut(rows).enumerate() {
        for (group, out) in out.as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
            *out = matrix.bias[group].0;
            for block in 0..blocks {
                let place = token * blocks + block;
                let mut sums = [input.offsets[place]; GROUP];
                let quads = &input.quads[place * BLOCK_LINES..][..BLOCK_LINES];
                let lines = &matrix.lines[(group * blocks + block) * BLOCK_LINES..][..BLOCK_LINES];
                for (quad, line) in quads.iter().zip(lines) {
                    for (sum, weights) in sums.iter_mut().zip(line.0.as_chunks::<4>().0) {
                        for (weight, value) in weights.iter().zip(quad.0) {
                            *sum += i32::from(*weight) * i32::from(value);
                        }
                    }
                }
                let scales = &matrix.scales[group * blocks + block].0;
                for ((out, sum), scale) in out.iter_mut().zip(sums).zip(scales) {
                    *out += sum as f32 * (scale * input.scales[place]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Repeatable numbers in -1..1.
    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect()
    }

    fn matrix(rows: usize, columns: usize) -> PackedMatrix {
        let bytes: Vec<u8> = numbers(rows * columns / BLOCK * 9, 7)
            .chunks(9)
            .flat_map(|block| {
                // Scale near 0.01 in half precision, then any nibbles, the extremes among them.
                let bits = block.iter().flat_map(|value| (value.to_bits() >> 3).to_le_bytes());
                0x2100u16.to_le_bytes().into_iter().chain(bits.take(14)).chain([0xff, 0x00])
            })
            .collect();
        PackedMatrix::new(&[(&bytes, numbers(rows, 3))], columns)
    }

    fn check(expected: &[f32], got: &[f32], isa: Isa, what: &str) {
        assert_eq!(expected.len(), got.len());
        for (at, (expected, got)) in expected.iter().zip(got).enumerate() {
            let error = (expected - got).abs();
            let name = isa.name();
            assert!(
                error <= 1e-4 * (1.0 + expected.abs()),
                "{what} on {name}: {got} at {at}, not {expected}"
            );
        }
    }

    #[test]
    fn every_instruction_set_multiplies_alike() {
        for (rows, columns, tokens) in [(16, 32, 1), (48, 64, 5), (96, 384, 6), (32, 1536, 13), (64, 32, 27)]
        {
            let matrix = matrix(rows, columns);
            let mut values = numbers(tokens * columns, 11);
            values[0] = 50.0;
            let run = |isa| {
                let mut input = Activations::default();
                input.resize(tokens, columns);
                quantise(isa, &values, &mut input);
                let mut out = vec![f32::NAN; tokens * rows];
                multiply(isa, &matrix, &input, &mut out);
                out
            };
            let expected = run(Isa(Kind::Scalar));
            for isa in Isa::all() {
                check(&expected, &run(isa), isa, "multiply");
            }
        }
    }

    #[test]
    fn scalar_products_are_those_of_the_unpacked_numbers() {
        let (rows, columns) = (32, 64);
        let (matrix, values) = (matrix(rows, columns), numbers(columns, 5));
        let mut input = Activations::default();
        input.resize(1, columns);
        quantise(Isa(Kind::Scalar), &values, &mut input);
        let mut out = vec![0.0; rows];
        multiply(Isa(Kind::Scalar), &matrix, &input, &mut out);
        for (row, got) in out.iter().enumerate() {
            let (group, lane) = (row / GROUP, row % GROUP);
            let sum: f64 = values
                .iter()
                .enumerate()
                .map(|(column, value)| {
                    let line = &matrix.lines[(group * columns + column) / 4 - group * columns % 4];
                    let weight = f64::from(line.0[lane * 4 + column % 4]) - 8.0;
                    let scale = matrix.scales[group * columns / BLOCK + column / BLOCK].0[lane];
                    weight * f64::from(scale) * f64::from(*value)
                })
                .sum();
            let expected = sum + f64::from(matrix.bias[group].0[lane]);
            assert!((expected - f64::from(*got)).abs() < 0.02, "row {row}: {got}, not {expected}");
        }
    }

    #[test]
    fn every_instruction_set_attends_alike() {
        let hidden = 64;
        for tokens in [1, 7, 16, 17, 40] {
            let qkv: Vec<f32> = numbers(tokens * 3 * hidden, 9).iter().map(|value| value * 4.0).collect();
            // One scratch for all, longer texts before shorter ones: leftovers must not show.
            let mut scratch = AttentionScratch::default();
            let mut run = |isa, tokens: usize| {
                let mut out = vec![f32::NAN; tokens * hidden];
                attend(isa, &qkv[..tokens * 3 * hidden], hidden, &mut scratch, &mut out);
                out
            };
            let expected = run(Isa(Kind::Scalar), tokens);
            for isa in Isa::all() {
                check(&expected, &run(isa, tokens), isa, "attend");
                let one = run(isa, 1);
                check(&qkv[2 * hidden..3 * hidden], &one, isa, "attend to itself");
            }
        }
    }
}
