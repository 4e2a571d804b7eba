//! The inner loops: integer dot products, and the best posts of a stream of scored rows.
//!
//! Pure and safe. The loops are compiled for several instruction sets and the best one is chosen at run time; written so
//! that the compiler turns them into multiply-add over 16-bit lanes.

use multiversion::multiversion;

use crate::{model::PostId, search::Hit, search::best_first};

/// Rows are padded with zeros to a multiple of this many codes.
pub(super) const LANES: usize = 64;

/// The dot product of the question with each row of `rows` (all as long as the question).
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub(super) fn dots(query: &[i16], rows: &[i8], out: &mut [i32]) {
    for (row, out) in rows.chunks_exact(query.len()).zip(out) {
        let mut sum = 0i32;
        for (a, b) in row.iter().zip(query) {
            sum += i32::from(*a) * i32::from(*b);
        }
        *out = sum;
    }
}

/// The dot product of two rows' codes, given as bytes.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub(super) fn dot_codes(a: &[u8], b: &[u8]) -> i32 {
    let mut sum = 0i32;
    for (a, b) in a.iter().zip(b) {
        sum += i32::from(*a as i8) * i32::from(*b as i8);
    }
    sum
}

/// Keeps the `k` best posts of any number of scored rows; a post counts with its best row. Exact.
pub(super) struct Best {
    k: usize,
    /// Below this no row can enter any more.
    threshold: f32,
    rows: Vec<Hit>,
}

impl Best {
    pub(super) fn new(k: usize) -> Best {
        Best { k, threshold: f32::NEG_INFINITY, rows: Vec::with_capacity(Self::room(k)) }
    }

    fn room(k: usize) -> usize {
        4 * k + 256
    }

    #[inline]
    pub(super) fn push(&mut self, post_id: PostId, score: f32) {
        // Not `<=`: a tie may still win by its id.
        if score < self.threshold || self.k == 0 {
            return;
        }
        self.rows.push(Hit { post_id, score });
        if self.rows.len() >= Self::room(self.k) {
            self.shrink();
        }
    }

    /// How many posts are held; exact only after `shrink`.
    pub(super) fn posts(&mut self) -> usize {
        self.shrink();
        self.rows.len()
    }

    fn shrink(&mut self) {
        self.rows
            .sort_unstable_by(|a, b| a.post_id.cmp(&b.post_id).then_with(|| b.score.total_cmp(&a.score)));
        self.rows.dedup_by_key(|hit| hit.post_id);
        if self.rows.len() > self.k {
            self.rows.select_nth_unstable_by(self.k, best_first);
            self.rows.truncate(self.k);
        }
        if self.rows.len() == self.k {
            self.threshold = self.rows.iter().map(|hit| hit.score).fold(f32::INFINITY, f32::min);
        }
    }

    pub(super) fn into_hits(mut self) -> Vec<Hit> {
        self.shrink();
        self.rows.sort_unstable_by(best_first);
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn dots_are_the_plain_sums(seed in proptest::collection::vec((any::<i8>(), -8_000i16..8_000), LANES * 3)) {
            let rows: Vec<i8> = seed.iter().map(|s| s.0).collect();
            let query: Vec<i16> = seed.iter().take(LANES).map(|s| s.1).collect();
            let mut out = vec![0; 3];
            dots(&query, &rows, &mut out);
            for (row, got) in rows.chunks(LANES).zip(out) {
                let plain: i32 = row.iter().zip(&query).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
                prop_assert_eq!(plain, got);
            }
        }

        #[test]
        fn best_is_the_head_of_the_sorted_list(
            rows in proptest::collection::vec((0i64..60, 0u8..50), 0..2_000),
            k in 0usize..20,
        ) {
            let mut best = Best::new(k);
            let mut model = std::collections::BTreeMap::new();
            for (id, score) in rows {
                let score = f32::from(score);
                best.push(PostId(id), score);
                let kept = model.entry(id).or_insert(score);
                *kept = score.max(*kept);
            }
            let mut expected: Vec<Hit> = model
                .into_iter()
                .map(|(id, score)| Hit { post_id: PostId(id), score })
                .collect();
            expected.sort_by(best_first);
            expected.truncate(k);
            prop_assert_eq!(best.into_hits(), expected);
        }
    }
}
