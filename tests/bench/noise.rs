//! Repeatable noise: a run can be made again exactly.

/// A small generator (xorshift, Marsaglia 2003).
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Roughly normal, mean 0, deviation 1.
    fn normal(&mut self) -> f32 {
        let sum: f32 = (0..4).map(|_| (self.next() >> 40) as f32 / (1u64 << 24) as f32).sum();
        (sum - 2.0) * 1.732
    }

    /// The vector moved by a tenth of the distance that separates unrelated posts.
    pub(crate) fn moved(&mut self, vector: &[f32]) -> Vec<f32> {
        let step = 0.2 / (vector.len() as f32).sqrt();
        vector.iter().map(|x| x + self.normal() * step).collect()
    }
}
