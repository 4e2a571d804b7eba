//! The arithmetic between the matrix products: quantising, layer norm, GELU, softmax's exponential.
//!
//! Plain loops over fixed-size arrays, written so that the compiler vectorises them; `kernel` compiles each for every
//! instruction set. `FMA` says whether a fused multiply-add is one instruction there (else it would be a library call).
#![expect(
    clippy::inline_always,
    reason = "each function must be compiled anew inside the target-feature function that calls it"
)]

use super::{
    format::BLOCK,
    matrix::{Activations, QUAD},
};

/// Lanes the loops are written for.
pub(super) const LANES: usize = 16;

#[inline(always)]
pub(super) fn fma<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Adding it rounds a small number to an integer in the low bits, ties to even.
const ROUNDER: f32 = 12_582_912.0;
/// Below it a block counts as zero: its inverse would not be finite.
const AMPLITUDE_MIN: f32 = 1e-30;

/// Writes `values` (`[token][column]`) as bytes into `into`, which was resized for them.
#[inline(always)]
pub(super) fn quantise<const FMA: bool>(values: &[f32], into: &mut Activations) {
    let blocks = values.as_chunks::<BLOCK>().0;
    let quads = into.quads.as_chunks_mut::<{ BLOCK / QUAD }>().0;
    for (((block, quads), scale), offset) in
        blocks.iter().zip(quads).zip(&mut into.scales).zip(&mut into.offsets)
    {
        let mut amplitude = [0f32; LANES];
        for half in block.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                amplitude[lane] = amplitude[lane].max(half[lane].abs());
            }
        }
        let amplitude = amplitude.iter().copied().fold(0f32, f32::max);
        let inverse = if amplitude > AMPLITUDE_MIN { 127.0 / amplitude } else { 0.0 };
        *scale = amplitude * (1.0 / 127.0);
        let mut rounded = [0i32; BLOCK];
        for (rounded, value) in rounded.iter_mut().zip(block) {
            let shifted = fma::<FMA>(*value, inverse, ROUNDER);
            let steps = (shifted.to_bits() as i32).wrapping_sub(ROUNDER.to_bits() as i32);
            // Binding only for infinities and NaN, which a hostile file can bring about.
            *rounded = steps.clamp(-127, 127);
        }
        *offset = -8 * rounded.iter().sum::<i32>();
        for (quad, rounded) in quads.iter_mut().zip(rounded.as_chunks::<QUAD>().0) {
            quad.0 = rounded.map(|value| value as i8);
        }
    }
}

/// `rows = norm(rows + added)` for each row of `weight.len()`; `added` may be empty.
#[inline(always)]
pub(super) fn add_norm<const FMA: bool>(
    rows: &mut [f32],
    added: &[f32],
    weight: &[f32],
    bias: &[f32],
    eps: f32,
) {
    let width = weight.len();
    for (at, row) in rows.chunks_exact_mut(width).enumerate() {
        if let Some(added) = added.get(at * width..(at + 1) * width) {
            for (value, added) in row.iter_mut().zip(added) {
                *value += added;
            }
        }
        let mut sums = [0f32; LANES];
        for lanes in row.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                sums[lane] += lanes[lane];
            }
        }
        let mean = sums.iter().sum::<f32>() / width as f32;
        let mut squares = [0f32; LANES];
        for lanes in row.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                let off = lanes[lane] - mean;
                squares[lane] = fma::<FMA>(off, off, squares[lane]);
            }
        }
        let inverse = 1.0 / (squares.iter().sum::<f32>() / width as f32 + eps).sqrt();
        for ((value, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
            *value = fma::<FMA>((*value - mean) * inverse, *weight, *bias);
        }
    }
}

/// e^x for x in about -87..=88, relative error below 3e-7; smaller x gives a number near zero.
#[inline(always)]
pub(super) fn exp<const FMA: bool>(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let shifted = fma::<FMA>(x, std::f32::consts::LOG2_E, ROUNDER);
    let power = shifted - ROUNDER;
    // ln 2 in two parts keeps the remainder exact.
    let rest = fma::<FMA>(power, -0.693_145_75, x);
    let rest = fma::<FMA>(power, -1.428_606_8e-6, rest);
    let mut sum = 1.0 / 720.0;
    sum = fma::<FMA>(sum, rest, 1.0 / 120.0);
    sum = fma::<FMA>(sum, rest, 1.0 / 24.0);
    sum = fma::<FMA>(sum, rest, 1.0 / 6.0);
    sum = fma::<FMA>(sum, rest, 0.5);
    sum = fma::<FMA>(sum, rest, 1.0);
    sum = fma::<FMA>(sum, rest, 1.0);
    let power = (shifted.to_bits() as i32).wrapping_sub(ROUNDER.to_bits() as i32);
    let exponent = power.wrapping_add(127) << 23;
    sum * f32::from_bits(exponent as u32)
}

/// The exact GELU, x/2 (1 + erf(x/√2)); absolute error below 1e-6 (1 + |x|).
#[inline(always)]
pub(super) fn gelu<const FMA: bool>(values: &mut [f32]) {
    for value in values {
        let x = *value;
        let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
        // Abramowitz and Stegun 7.1.26.
        let t = 1.0 / fma::<FMA>(0.327_591_1, z, 1.0);
        let mut sum = 1.061_405_4;
        sum = fma::<FMA>(sum, t, -1.453_152);
        sum = fma::<FMA>(sum, t, 1.421_413_7);
        sum = fma::<FMA>(sum, t, -0.284_496_74);
        sum = fma::<FMA>(sum, t, 0.254_829_6);
        let erf = 1.0 - sum * t * exp::<FMA>(-z * z);
        *value = 0.5 * x * (1.0 + erf.copysign(x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error function by Simpson's rule, in double precision.
    fn erf(x: f64) -> f64 {
        let steps = 2000;
        let width = x / f64::from(steps);
        let sum: f64 = (0..=steps)
            .map(|step| {
                let t = f64::from(step) * width;
                let weight = match step {
                    0 => 1.0,
                    last if last == steps => 1.0,
                    odd if odd % 2 == 1 => 4.0,
                    _ => 2.0,
                };
                weight * (-t * t).exp()
            })
            .sum();
        sum * width / 3.0 * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn exp_is_accurate() {
        for step in -8700..8800 {
            let x = step as f32 / 100.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp::<true>(x)) - exact).abs() / exact;
            assert!(error < 3e-7, "exp({x}) is off by {error:e}");
        }
        assert!(exp::<false>(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn gelu_is_accurate() {
        for step in -1000..1000 {
            let x = f64::from(step) / 100.0;
            let exact = x / 2.0 * (1.0 + erf(x / std::f64::consts::SQRT_2));
            let mut value = [x as f32];
            gelu::<true>(&mut value);
            let error = (f64::from(value[0]) - exact).abs();
            assert!(error < 1e-6 * (1.0 + x.abs()), "gelu({x}) is off by {error:e}");
        }
    }

    #[test]
    fn quantising_keeps_each_value_to_half_a_step() {
        let values: Vec<f32> = (0..64).map(|at| ((at * 37) % 64) as f32 - 31.5).chain([0.0; 32]).collect();
        let mut into = Activations::default();
        into.resize(1, values.len());
        quantise::<false>(&values, &mut into);
        for (at, value) in values.iter().enumerate() {
            let (byte, scale) = (into.quads[at / QUAD].0[at % QUAD], into.scales[at / BLOCK]);
            assert!((f32::from(byte) * scale - value).abs() <= scale * 0.501, "value {at}");
        }
        let sums: Vec<i32> = into
            .quads
            .chunks(BLOCK / QUAD)
            .map(|block| -8 * block.iter().flat_map(|quad| quad.0).map(i32::from).sum::<i32>())
            .collect();
        assert_eq!(into.offsets, sums);
        assert_eq!(into.scales[2].to_bits(), 0, "a block of zeros");
    }

    #[test]
    fn numbers_that_are_not_finite_stay_bytes() {
        for wrong in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN, f32::MAX] {
            let mut values = [1.0; BLOCK];
            values[5] = wrong;
            let mut into = Activations::default();
            into.resize(1, BLOCK);
            quantise::<false>(&values, &mut into);
            assert!(into.quads.iter().all(|quad| !quad.0.contains(&i8::MIN)), "{wrong}");
            gelu::<false>(&mut values);
        }
    }

    #[test]
    fn add_norm_gives_mean_zero_and_width_one() {
        let mut row: Vec<f32> = (0..32).map(|at| at as f32).collect();
        add_norm::<false>(&mut row, &[1.0; 32], &[1.0; 32], &[0.0; 32], 1e-12);
        let mean = row.iter().sum::<f32>() / 32.0;
        let width = row.iter().map(|value| value * value).sum::<f32>() / 32.0;
        assert!(mean.abs() < 1e-6 && (width - 1.0).abs() < 1e-5);
    }
}
