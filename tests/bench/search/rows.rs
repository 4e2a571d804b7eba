//! The vectors of the search benchmark: the real ones, more like them, and the right answers by plain arithmetic.

use std::{collections::BTreeSet, io::Read as _, path::Path};

use crate::noise::Noise;
use tga::{
    model::{ChannelId, PostId},
    search::{Encoding, VectorFilter, VectorRow, VectorSettings, Vectors},
    text,
};

pub(super) const DIM: usize = 384;

pub(super) fn vectors_read(path: &Path) -> Vec<Vec<f32>> {
    let bytes = std::fs::read(path).unwrap();
    let (values, _) = bytes.as_chunks::<4>();
    let values: Vec<f32> = values.iter().map(|b| f32::from_le_bytes(*b)).collect();
    values.chunks_exact(DIM).map(<[f32]>::to_vec).collect()
}

/// The texts of the real posts, in the order of the file.
pub(super) fn posts_real(data: &Path) -> Vec<String> {
    let file = std::fs::File::open(data.join("telegram-posts-ru.jsonl.gz")).unwrap();
    let mut lines = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut lines).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|post| text::normalise(post["text"].as_str().unwrap_or_default()))
        .collect()
}

/// `count` vectors: the real ones first, then repeats moved by a tenth of the distance that separates unrelated posts.
pub(super) fn vectors_grown(real: &[Vec<f32>], count: usize) -> impl Iterator<Item = Vec<f32>> + '_ {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    (0..count).map(move |i| {
        let vector = &real[i % real.len()];
        if i < real.len() { vector.clone() } else { noise.moved(vector) }
    })
}

fn encoding() -> Encoding {
    Encoding::for_model("multilingual-e5-small", DIM)
}

pub(super) fn vectors_of(rows: impl Iterator<Item = Vec<f32>>, settings: VectorSettings) -> Vectors {
    let encoding = encoding();
    let vectors = Vectors::new("multilingual-e5-small", encoding.clone(), settings);
    for (i, vector) in rows.enumerate() {
        let row = encoding.encode(&vector).unwrap();
        let row = VectorRow {
            post_id: PostId(i as i64),
            channel_id: ChannelId(i as i64 % 100),
            posted_at: i as i64,
            chunk: 0,
            row: &row,
        };
        vectors.insert(&[row]).unwrap();
    }
    vectors
}

/// By question: the ten nearest rows by f32 arithmetic over the vectors as they are compared, for each of `filters`.
pub(super) fn truth(rows: &[Vec<f32>], questions: &[Vec<f32>]) -> Vec<Vec<BTreeSet<i64>>> {
    // A row as near as the tenth, within f32's own rounding, is as right as the tenth: reposts are equal vectors.
    const TIE: f32 = 1e-6;
    let kept = [100, 30, 1];
    let encoding = encoding();
    let compared =
        |v: &[Vec<f32>]| -> Vec<Vec<f32>> { v.iter().map(|v| encoding.compared(v).unwrap()).collect() };
    let (rows, questions) = (compared(rows), compared(questions));
    let of = |question: &Vec<f32>, kept: usize| {
        let mut scored: Vec<(f32, i64)> = rows
            .iter()
            .enumerate()
            .filter(|(i, _)| i % 100 < kept)
            .map(|(i, row)| (row.iter().zip(question).map(|(a, b)| a * b).sum::<f32>(), i as i64))
            .collect();
        scored.select_nth_unstable_by(10, |a, b| b.0.total_cmp(&a.0));
        let tenth = scored[..10].iter().map(|(score, _)| *score).fold(f32::INFINITY, f32::min);
        let near = scored.iter().filter(|(score, _)| *score >= tenth - TIE);
        near.map(|(_, id)| *id).collect()
    };
    kept.iter().map(|kept| questions.iter().map(|question| of(question, *kept)).collect()).collect()
}

pub(super) fn recall_of(
    vectors: &Vectors,
    questions: &[Vec<f32>],
    truth: &[BTreeSet<i64>],
    filter: &VectorFilter,
) -> f64 {
    let mut found = 0;
    for (question, truth) in questions.iter().zip(truth) {
        let hits = vectors.search(question, filter, 10).unwrap();
        found += hits.iter().filter(|hit| truth.contains(&hit.post_id.0)).count();
    }
    found as f64 / (questions.len() * 10) as f64
}
