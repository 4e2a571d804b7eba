//! Attention of the tokens of one text to one another, one head at a time, in single precision.
//!
//! Plain loops over fixed-size arrays; `kernel` compiles them for every instruction set.

use super::{
    float::{LANES, exp, fma},
    format::HEAD,
};

/// Queries worked on together.
const QUERIES: usize = 4;

/// Space for one head; grows to the longest text seen.
#[derive(Default)]
pub(super) struct AttentionScratch {
    /// `[dimension][key]`, keys padded to 16.
    keys: Vec<[f32; LANES]>,
    /// `[key][dimension]`
    values: Vec<[f32; HEAD]>,
    /// `[query of 4][key]`
    scores: Vec<[f32; LANES]>,
}

/// Reads `[token][query | key | value]` of one text from `qkv`, writes `[token][hidden]` to `out`.
#[inline(always)]
pub(super) fn attend<const FMA: bool>(
    qkv: &[f32],
    hidden: usize,
    scratch: &mut AttentionScratch,
    out: &mut [f32],
) {
    let tokens = out.len() / hidden;
    let columns = tokens.div_ceil(LANES);
    let AttentionScratch { keys, values, scores } = scratch;
    keys.resize(HEAD * columns, [0.0; LANES]);
    values.resize(tokens, [0.0; HEAD]);
    scores.resize(QUERIES * columns, [0.0; LANES]);
    for head in 0..hidden / HEAD {
        gather(qkv, hidden, head, columns, keys, values);
        let mut first = 0;
        while first < tokens {
            let count = QUERIES.min(tokens - first);
            let queries = queries_load::<FMA>(qkv, hidden, head, first, count);
            scores_fill::<FMA>(&queries, &keys[..HEAD * columns], columns, scores);
            let mut inverse = [0f32; QUERIES];
            for (query, inverse) in inverse.iter_mut().enumerate().take(count) {
                *inverse = soften::<FMA>(&mut scores[query * columns..][..columns], tokens);
            }
            let mixed = values_mix::<FMA>(scores, columns, &values[..tokens]);
            for query in 0..count {
                let to = &mut out[(first + query) * hidden + head * HEAD..][..HEAD];
                for (to, value) in to.iter_mut().zip(&mixed[query]) {
                    *to = value * inverse[query];
                }
            }
            first += QUERIES;
        }
    }
}

#[inline(always)]
fn gather(
    qkv: &[f32],
    hidden: usize,
    head: usize,
    columns: usize,
    keys: &mut [[f32; LANES]],
    values: &mut [[f32; HEAD]],
) {
    for (token, (row, value)) in qkv.chunks_exact(3 * hidden).zip(values).enumerate() {
        let key = &row[hidden + head * HEAD..][..HEAD];
        for (dimension, key) in key.iter().enumerate() {
            keys[dimension * columns + token / LANES][token % LANES] = *key;
        }
        value.copy_from_slice(&row[2 * hidden + head * HEAD..][..HEAD]);
    }
}

#[inline(always)]
fn queries_load<const FMA: bool>(
    qkv: &[f32],
    hidden: usize,
    head: usize,
    first: usize,
    count: usize,
) -> [[f32; HEAD]; QUERIES] {
    let scale = 1.0 / (HEAD as f32).sqrt();
    let mut queries = [[0.0; HEAD]; QUERIES];
    for (query, to) in queries.iter_mut().enumerate().take(count) {
        let from = &qkv[(first + query) * 3 * hidden + head * HEAD..][..HEAD];
        for (to, from) in to.iter_mut().zip(from) {
            *to = from * scale;
        }
    }
    queries
}

#[inline(always)]
fn scores_fill<const FMA: bool>(
    queries: &[[f32; HEAD]; QUERIES],
    keys: &[[f32; LANES]],
    columns: usize,
    scores: &mut [[f32; LANES]],
) {
    for column in 0..columns {
        let mut sums = [[0f32; LANES]; QUERIES];
        for dimension in 0..HEAD {
            let keys = keys[dimension * columns + column];
            for (sums, query) in sums.iter_mut().zip(queries) {
                let query = query[dimension];
                for lane in 0..LANES {
                    sums[lane] = fma::<FMA>(query, keys[lane], sums[lane]);
                }
            }
        }
        for (query, sums) in sums.iter().enumerate() {
            scores[query * columns + column] = *sums;
        }
    }
}

/// Scores to unnormalised weights; returns one over their sum. Lanes beyond `tokens` become zero.
#[inline(always)]
fn soften<const FMA: bool>(scores: &mut [[f32; LANES]], tokens: usize) -> f32 {
    if let (Some(tail), true) = (scores.last_mut(), tokens % LANES != 0) {
        for padding in &mut tail[tokens % LANES..] {
            *padding = f32::NEG_INFINITY;
        }
    }
    let mut top = [f32::NEG_INFINITY; LANES];
    for lanes in &*scores {
        for lane in 0..LANES {
            top[lane] = top[lane].max(lanes[lane]);
        }
    }
    let top = top.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0f32; LANES];
    for lanes in scores.iter_mut() {
        for lane in 0..LANES {
            lanes[lane] = exp::<FMA>(lanes[lane] - top);
            sums[lane] += lanes[lane];
        }
    }
    1.0 / sums.iter().sum::<f32>()
}

#[inline(always)]
fn values_mix<const FMA: bool>(
    scores: &[[f32; LANES]],
    columns: usize,
    values: &[[f32; HEAD]],
) -> [[f32; HEAD]; QUERIES] {
    let mut mixed = [[0f32; HEAD]; QUERIES];
    for (column, values) in values.chunks(LANES).enumerate() {
        for (lane, value) in values.iter().enumerate() {
            for (query, mixed) in mixed.iter_mut().enumerate() {
                let weight = scores[query * columns + column][lane];
                for dimension in 0..HEAD {
                    mixed[dimension] = fma::<FMA>(weight, value[dimension], mixed[dimension]);
                }
            }
        }
    }
    mixed
}
