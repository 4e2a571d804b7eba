//! Attention of the tokens of one text to one another, one head at a time, in single precision.
//!
//! The two products inside come as [`Products`]: written out for x86 in `kernel`, because the compiler makes many times
//! slower code of the plain loops, and as the plain loops here for other processors. Keys come in columns of sixteen, the
//! last padded: a padded key gets the weight of e^-87 and a value of zero.
#![expect(
    clippy::inline_always,
    reason = "each function must be compiled anew inside the target-feature function that calls it"
)]

use super::{
    float::{LANES, exp, fma},
    format::HEAD,
};

/// Queries worked on together: as many independent sums as hide the latency of a multiply-add.
pub(super) const QUERIES: usize = 8;

/// `[dimension][key of 16]`, each row on a cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Keys(pub(super) [[f32; LANES]; HEAD]);
/// `[key of 16][dimension]`, each row on two cache lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Values(pub(super) [[f32; HEAD]; LANES]);
/// `[dimension][query]`
pub(super) type Queries = [[f32; QUERIES]; HEAD];
/// `[query][key of 16]`
pub(super) type Scores = [[f32; LANES]; QUERIES];
/// `[query][dimension]`
pub(super) type Mixed = [[f32; HEAD]; QUERIES];

/// The two products of attention for eight queries and all columns of keys.
pub(super) trait Products {
    /// `scores[query][key] = query · key`
    fn scores_fill(queries: &Queries, keys: &[Keys], scores: &mut [Scores]);
    /// `mixed[query] = Σ score[query][key] × value[key]`
    fn values_mix(scores: &[Scores], values: &[Values]) -> Mixed;
}

/// Space for one head; grows to the longest text seen.
#[derive(Default)]
pub(super) struct AttentionScratch {
    keys: Vec<Keys>,
    values: Vec<Values>,
    scores: Vec<Scores>,
}

/// Reads `[token][query | key | value]` of one text from `qkv`, writes `[token][hidden]` to `out`.
#[inline(always)]
pub(super) fn attend<const FMA: bool, P: Products>(
    qkv: &[f32],
    hidden: usize,
    scratch: &mut AttentionScratch,
    out: &mut [f32],
) {
    let tokens = out.len() / hidden;
    let columns = tokens.div_ceil(LANES);
    let AttentionScratch { keys, values, scores } = scratch;
    keys.resize(columns, Keys([[0.0; LANES]; HEAD]));
    values.resize(columns, Values([[0.0; HEAD]; LANES]));
    scores.resize(columns, [[0.0; LANES]; QUERIES]);
    if let Some(last) = values.last_mut() {
        *last = Values([[0.0; HEAD]; LANES]);
    }
    for head in 0..hidden / HEAD {
        gather(qkv, hidden, head, keys, values);
        let rows = qkv.chunks(QUERIES * 3 * hidden).zip(out.chunks_mut(QUERIES * hidden));
        for (qkv, out) in rows {
            let queries = queries_load(qkv, hidden, head);
            P::scores_fill(&queries, keys, scores);
            let inverse = soften::<FMA>(scores, tokens);
            let mixed = P::values_mix(scores, values);
            let rows = out.chunks_exact_mut(hidden).zip(mixed.iter().zip(inverse));
            for (row, (mixed, inverse)) in rows {
                for (to, value) in row[head * HEAD..][..HEAD].iter_mut().zip(mixed) {
                    *to = value * inverse;
                }
            }
        }
    }
}

#[inline(always)]
fn gather(qkv: &[f32], hidden: usize, head: usize, keys: &mut [Keys], values: &mut [Values]) {
    let columns = qkv.chunks(LANES * 3 * hidden).zip(keys.iter_mut().zip(values));
    for (rows, (keys, values)) in columns {
        for (lane, (row, value)) in rows.chunks_exact(3 * hidden).zip(&mut values.0).enumerate() {
            let key = &row[hidden + head * HEAD..][..HEAD];
            for (to, key) in keys.0.iter_mut().zip(key) {
                to[lane] = *key;
            }
            value.copy_from_slice(&row[2 * hidden + head * HEAD..][..HEAD]);
        }
    }
}

/// `[dimension][query]`, scaled by one over the root of the width; missing queries are zero.
#[inline(always)]
fn queries_load(qkv: &[f32], hidden: usize, head: usize) -> Queries {
    let scale = 1.0 / (HEAD as f32).sqrt();
    let mut queries = [[0.0; QUERIES]; HEAD];
    for (query, row) in qkv.chunks_exact(3 * hidden).enumerate().take(QUERIES) {
        for (to, from) in queries.iter_mut().zip(&row[head * HEAD..][..HEAD]) {
            to[query] = from * scale;
        }
    }
    queries
}

/// Scores to unnormalised weights; returns one over each query's sum.
#[inline(always)]
fn soften<const FMA: bool>(scores: &mut [Scores], tokens: usize) -> [f32; QUERIES] {
    let used = tokens % LANES;
    if used != 0
        && let Some(last) = scores.last_mut()
    {
        for lanes in last {
            for padding in &mut lanes[used..] {
                *padding = f32::NEG_INFINITY;
            }
        }
    }
    let mut inverse = [0f32; QUERIES];
    for (query, inverse) in inverse.iter_mut().enumerate() {
        let mut top = [f32::NEG_INFINITY; LANES];
        for column in &*scores {
            for (top, score) in top.iter_mut().zip(&column[query]) {
                *top = if *score > *top { *score } else { *top };
            }
        }
        let top = top.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sums = [0f32; LANES];
        for column in scores.iter_mut() {
            for (sum, score) in sums.iter_mut().zip(&mut column[query]) {
                *score = exp::<FMA>(*score - top);
                *sum += *score;
            }
        }
        *inverse = 1.0 / sums.iter().sum::<f32>();
    }
    inverse
}

/// Plain loops; `FMA` as in [`super::float`].
pub(super) struct PlainProducts<const FMA: bool>;

impl<const FMA: bool> Products for PlainProducts<FMA> {
    fn scores_fill(queries: &Queries, keys: &[Keys], scores: &mut [Scores]) {
        for (keys, scores) in keys.iter().zip(scores) {
            let mut sums = [[0f32; LANES]; QUERIES];
            for (keys, queries) in keys.0.iter().zip(queries) {
                for (sums, query) in sums.iter_mut().zip(queries) {
                    multiply_add::<FMA, LANES>(sums, *query, keys);
                }
            }
            *scores = sums;
        }
    }

    fn values_mix(scores: &[Scores], values: &[Values]) -> Mixed {
        let mut mixed = [[0f32; HEAD]; QUERIES];
        for (scores, values) in scores.iter().zip(values) {
            for (lane, value) in values.0.iter().enumerate() {
                for (mixed, scores) in mixed.iter_mut().zip(scores) {
                    multiply_add::<FMA, HEAD>(mixed, scores[lane], value);
                }
            }
        }
        mixed
    }
}

/// `sums += factor * values`
#[inline(always)]
fn multiply_add<const FMA: bool, const N: usize>(sums: &mut [f32; N], factor: f32, values: &[f32; N]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = fma::<FMA>(factor, *value, *sum);
    }
}
