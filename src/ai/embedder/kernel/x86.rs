//! The x86 side of `kernel`: products of bytes, and attention's two products, for three instruction sets.
//!
//! Tiles of some tokens × 16 or 32 rows, whose sums stay in registers. The weights of a tile's rows stay in the first cache
//! while all tokens pass by, so each weight is fetched once a call. Every function is told sizes that were checked.

use std::arch::x86_64::{
    __m256, __m256i, __m512, __m512i, _mm256_add_epi16, _mm256_add_epi32, _mm256_cvtepi32_ps,
    _mm256_dpbusd_avx_epi32, _mm256_fmadd_ps, _mm256_load_ps, _mm256_load_si256, _mm256_loadu_ps,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_mul_ps, _mm256_set1_epi16, _mm256_set1_epi32,
    _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_storeu_ps, _mm512_cvtepi32_ps,
    _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_load_ps, _mm512_load_si512, _mm512_loadu_ps, _mm512_mul_ps,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::super::{
    attention::{self, AttentionScratch, Keys, Mixed, Products, QUERIES, Queries, Scores, Values},
    float::LANES,
    format::HEAD,
    matrix::{Activations, BLOCK_LINES, GROUP, PackedMatrix},
};

/// Runs `$tile::<n>` over all tokens for rows starting at group `$group`.
macro_rules! tokens_tiled {
    ($tile:ident, $most:literal, [$($n:literal),*], $matrix:ident, $input:ident, $out:ident, $group:ident) => {{
        let mut token = 0;
        while token + $most <= $input.tokens {
            $tile::<$most>($matrix, $input, $out, $group, token);
            token += $most;
        }
        match $input.tokens - token {
            $($n => $tile::<$n>($matrix, $input, $out, $group, token),)*
            _ => {}
        }
    }};
}

/// # Safety
/// The processor has the features; sizes were checked by [`super::multiply`].
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) unsafe fn multiply_avx512(matrix: &PackedMatrix, input: &Activations, out: &mut [f32]) {
    let groups = matrix.bias.len();
    let mut group = 0;
    // SAFETY: group + 1 < groups, and each tile ends at or before the last token.
    unsafe {
        while group + 1 < groups {
            tokens_tiled!(pair_avx512, 6, [1, 2, 3, 4, 5], matrix, input, out, group);
            group += 2;
        }
        if group < groups {
            tokens_tiled!(single_avx512, 6, [1, 2, 3, 4, 5], matrix, input, out, group);
        }
    }
}

/// # Safety
/// As [`tile_avx512`] with two groups.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn pair_avx512<const N: usize>(
    matrix: &PackedMatrix,
    input: &Activations,
    out: &mut [f32],
    group: usize,
    token: usize,
) {
    // SAFETY: the caller's promise.
    unsafe { tile_avx512::<N, 2>(matrix, input, out, group, token) }
}

/// # Safety
/// As [`tile_avx512`] with one group.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn single_avx512<const N: usize>(
    matrix: &PackedMatrix,
    input: &Activations,
    out: &mut [f32],
    group: usize,
    token: usize,
) {
    // SAFETY: the caller's promise.
    unsafe { tile_avx512::<N, 1>(matrix, input, out, group, token) }
}

/// Tokens `token..token + N` × groups `group..group + G`.
///
/// # Safety
/// Those tokens and groups exist, and the sizes fit as [`super::multiply`] checks.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn tile_avx512<const N: usize, const G: usize>(
    matrix: &PackedMatrix,
    input: &Activations,
    out: &mut [f32],
    group: usize,
    token: usize,
) {
    let blocks = matrix.blocks();
    // SAFETY: every pointer below is inside the slice it comes from: groups up to group + G, tokens up to
    // token + N, blocks up to `blocks`; `Line` and `GroupFloats` are 64-byte aligned as the aligned loads need.
    unsafe {
        let lines = matrix.lines.as_ptr().add(group * blocks * BLOCK_LINES);
        let scales = matrix.scales.as_ptr().add(group * blocks);
        let quads = input.quads.as_ptr().cast::<i32>().add(token * blocks * BLOCK_LINES);
        let input_scales = input.scales.as_ptr().add(token * blocks);
        let offsets = input.offsets.as_ptr().add(token * blocks);
        let mut totals: [[__m512; G]; N] = std::array::from_fn(|_| {
            std::array::from_fn(|g| _mm512_load_ps(matrix.bias[group + g].0.as_ptr()))
        });
        for block in 0..blocks {
            let mut sums: [[__m512i; G]; N] =
                std::array::from_fn(|n| [_mm512_set1_epi32(*offsets.add(n * blocks + block)); G]);
            for step in 0..BLOCK_LINES {
                let at = block * BLOCK_LINES + step;
                let weights: [__m512i; G] = std::array::from_fn(|g| {
                    _mm512_load_si512(lines.add(g * blocks * BLOCK_LINES + at).cast())
                });
                for (n, sums) in sums.iter_mut().enumerate() {
                    let quad = quads.add(n * blocks * BLOCK_LINES + at).read();
                    let values = _mm512_set1_epi32(quad);
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = _mm512_dpbusd_epi32(*sum, weights, values);
                    }
                }
            }
            let scales: [__m512; G] =
                std::array::from_fn(|g| _mm512_load_ps(scales.add(g * blocks + block).cast()));
            for (n, (totals, sums)) in totals.iter_mut().zip(sums).enumerate() {
                let scale = _mm512_set1_ps(*input_scales.add(n * blocks + block));
                for ((total, sum), weight_scale) in totals.iter_mut().zip(sums).zip(scales) {
                    let scale = _mm512_mul_ps(scale, weight_scale);
                    *total = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, *total);
                }
            }
        }
        let rows = matrix.rows();
        let out = out.as_mut_ptr().add(token * rows + group * GROUP);
        for (n, totals) in totals.iter().enumerate() {
            for (g, total) in totals.iter().enumerate() {
                _mm512_storeu_ps(out.add(n * rows + g * GROUP), *total);
            }
        }
    }
}

/// Four columns of eight rows into 32-bit sums, with AVX-VNNI or with what AVX2 has.
trait Dot256 {
    /// # Safety
    /// The processor has AVX2 and what the implementor needs.
    unsafe fn block(weights: [__m256i; BLOCK_LINES], quads: *const i32, offset: i32) -> __m256i;
}

struct Vnni;
struct Plain;

impl Dot256 for Vnni {
    #[inline]
    #[target_feature(enable = "avx2,fma,avxvnni")]
    unsafe fn block(weights: [__m256i; BLOCK_LINES], quads: *const i32, offset: i32) -> __m256i {
        let mut sum = _mm256_set1_epi32(offset);
        for (step, weights) in weights.into_iter().enumerate() {
            // SAFETY: the caller gives the eight quads of one block.
            let values = _mm256_set1_epi32(unsafe { quads.add(step).read() });
            sum = _mm256_dpbusd_avx_epi32(sum, weights, values);
        }
        sum
    }
}

impl Dot256 for Plain {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn block(weights: [__m256i; BLOCK_LINES], quads: *const i32, offset: i32) -> __m256i {
        // Eight steps of two products each stay below 8 × 2 × 15 × 127 = 30,480: no overflow in 16 bits.
        let mut sum = _mm256_setzero_si256();
        for (step, weights) in weights.into_iter().enumerate() {
            // SAFETY: the caller gives the eight quads of one block.
            let values = _mm256_set1_epi32(unsafe { quads.add(step).read() });
            sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(weights, values));
        }
        _mm256_add_epi32(_mm256_madd_epi16(sum, _mm256_set1_epi16(1)), _mm256_set1_epi32(offset))
    }
}

macro_rules! multiply_256 {
    ($name:ident, $tile:ident, $dot:ty, $features:literal) => {
        /// # Safety
        /// The processor has the features; sizes were checked by [`super::multiply`].
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $name(matrix: &PackedMatrix, input: &Activations, out: &mut [f32]) {
            for group in 0..matrix.bias.len() {
                // SAFETY: the group exists, and each tile ends at or before the last token.
                unsafe {
                    tokens_tiled!($tile, 4, [1, 2, 3], matrix, input, out, group);
                }
            }
        }

        /// Tokens `token..token + N` × one group, in two halves of eight rows.
        ///
        /// # Safety
        /// Those tokens and the group exist, and the sizes fit as [`super::multiply`] checks.
        #[target_feature(enable = $features)]
        unsafe fn $tile<const N: usize>(
            matrix: &PackedMatrix,
            input: &Activations,
            out: &mut [f32],
            group: usize,
            token: usize,
        ) {
            let blocks = matrix.blocks();
            let rows = matrix.rows();
            for half in 0..2 {
                // SAFETY: as in `tile_avx512`; a half line is 32-byte aligned.
                unsafe {
                    let lines = matrix.lines.as_ptr().add(group * blocks * BLOCK_LINES);
                    let quads = input.quads.as_ptr().cast::<i32>().add(token * blocks * BLOCK_LINES);
                    let bias = matrix.bias.as_ptr().add(group).cast::<f32>().add(half * 8);
                    let mut totals: [__m256; N] = [_mm256_load_ps(bias); N];
                    for block in 0..blocks {
                        let weights: [__m256i; BLOCK_LINES] = std::array::from_fn(|step| {
                            let line = lines.add(block * BLOCK_LINES + step).cast::<__m256i>();
                            _mm256_load_si256(line.add(half))
                        });
                        let scales = matrix.scales.as_ptr().add(group * blocks + block);
                        let weight_scale = _mm256_load_ps(scales.cast::<f32>().add(half * 8));
                        for (n, total) in totals.iter_mut().enumerate() {
                            let place = (token + n) * blocks + block;
                            let quads = quads.add((n * blocks + block) * BLOCK_LINES);
                            let sum = <$dot>::block(weights, quads, input.offsets[place]);
                            let scale = _mm256_mul_ps(_mm256_set1_ps(input.scales[place]), weight_scale);
                            *total = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), scale, *total);
                        }
                    }
                    for (n, total) in totals.iter().enumerate() {
                        let at = (token + n) * rows + group * GROUP + half * 8;
                        _mm256_storeu_ps(out.as_mut_ptr().add(at), *total);
                    }
                }
            }
        }
    };
}

multiply_256!(multiply_avxvnni, tile_avxvnni, Vnni, "avx2,fma,avxvnni");
multiply_256!(multiply_avx2, tile_avx2, Plain, "avx2,fma");

macro_rules! attend_wide {
    (
        $attend:ident, $products:ident, $features:literal, $lanes:literal,
        $zero:ident, $set1:ident, $load:ident, $fma:ident, $store:ident
    ) => {
        #[target_feature(enable = $features)]
        pub(super) fn $attend(qkv: &[f32], hidden: usize, scratch: &mut AttentionScratch, out: &mut [f32]) {
            attention::attend::<true, $products>(qkv, hidden, scratch, out);
        }

        /// Named only in the function above, which runs only where the processor has the features.
        struct $products;

        impl Products for $products {
            fn scores_fill(queries: &Queries, keys: &[Keys], scores: &mut [Scores]) {
                #[target_feature(enable = $features)]
                fn run(queries: &Queries, keys: &[Keys], scores: &mut [Scores]) {
                    for (keys, scores) in keys.iter().zip(scores) {
                        for first in (0..LANES).step_by($lanes) {
                            let mut sums = [$zero(); QUERIES];
                            for (keys, queries) in keys.0.iter().zip(queries) {
                                // SAFETY: `first + $lanes` is at most the length of the array.
                                let keys = unsafe { $load(keys.as_ptr().add(first)) };
                                for (sum, query) in sums.iter_mut().zip(queries) {
                                    *sum = $fma($set1(*query), keys, *sum);
                                }
                            }
                            for (sum, scores) in sums.into_iter().zip(scores.iter_mut()) {
                                // SAFETY: as above.
                                unsafe { $store(scores.as_mut_ptr().add(first), sum) };
                            }
                        }
                    }
                }
                // SAFETY: see the type.
                unsafe { run(queries, keys, scores) }
            }

            fn values_mix(scores: &[Scores], values: &[Values]) -> Mixed {
                #[target_feature(enable = $features)]
                fn run(scores: &[Scores], values: &[Values]) -> Mixed {
                    let mut mixed = [[0.0; HEAD]; QUERIES];
                    for first in (0..HEAD).step_by($lanes) {
                        let mut sums = [$zero(); QUERIES];
                        for (scores, values) in scores.iter().zip(values) {
                            for (lane, value) in values.0.iter().enumerate() {
                                // SAFETY: `first + $lanes` is at most the length of the array.
                                let value = unsafe { $load(value.as_ptr().add(first)) };
                                for (sum, scores) in sums.iter_mut().zip(scores) {
                                    *sum = $fma($set1(scores[lane]), value, *sum);
                                }
                            }
                        }
                        for (sum, mixed) in sums.into_iter().zip(&mut mixed) {
                            // SAFETY: as above.
                            unsafe { $store(mixed.as_mut_ptr().add(first), sum) };
                        }
                    }
                    mixed
                }
                // SAFETY: see the type.
                unsafe { run(scores, values) }
            }
        }
    };
}

attend_wide!(
    attend_avx512,
    ProductsAvx512,
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma",
    16,
    _mm512_setzero_ps,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_fmadd_ps,
    _mm512_storeu_ps
);
attend_wide!(
    attend_avx2,
    ProductsAvx2,
    "avx2,fma",
    8,
    _mm256_setzero_ps,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_fmadd_ps,
    _mm256_storeu_ps
);
