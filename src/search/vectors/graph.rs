//! The approximate index above the exact scan's reach: an `hnsw_rs` graph over a snapshot of the rows.
//!
//! Knows `hnsw_rs`; nothing outside does. The graph keeps its own copy of the codes, so it stays sound while the matrix
//! changes under it; it has no deletion, so its answers are ids that the caller checks against the live rows.
//!
//! Invariant: ids are 0..count in the order of the snapshot. `hnsw_rs` panics on surprises, so every call that reads files
//! is made behind `catch_unwind` by its caller (`dump`).

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use hnsw_rs::{
    api::AnnT as _,
    hnswio::HnswIo,
    prelude::{Distance, Hnsw},
};

use super::scan::dot_codes;

/// Links per node and layer (twice as many on the lowest).
const LINKS_MAX: usize = 32;

/// Most layers of the graph.
const LAYERS_MAX: usize = 16;

/// Breadth of the search for neighbours while building.
const BUILD_BREADTH: usize = 200;

/// Inserts between two looks at the stop sign.
const STOP_CHECK_ROWS: usize = 64;

/// Squared distance between two points `[along][scale][squared length of the codes' part][codes]`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RowDistance;

/// Bytes of a point before its codes.
const POINT_HEADER_BYTES: usize = 12;

impl Distance<u8> for RowDistance {
    fn eval(&self, a: &[u8], b: &[u8]) -> f32 {
        let (Some(([along_a, scale_a, length_a], a)), Some(([along_b, scale_b, length_b], b))) =
            (point_parts(a), point_parts(b))
        else {
            // Points are made by `point` and files are checksummed; a malformed one is merely far away.
            return f32::MAX;
        };
        let rest = length_a + length_b - 2.0 * scale_a * scale_b * dot_codes(a, b) as f32;
        (rest + (along_a - along_b).powi(2)).max(0.0)
    }
}

/// A row as the graph holds it.
pub(super) fn point(along: f32, scale: f32, codes: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut out = vec![0; POINT_HEADER_BYTES];
    out.extend(codes);
    let codes = &out[POINT_HEADER_BYTES..];
    let length = scale * scale * dot_codes(codes, codes) as f32;
    for (to, number) in out.chunks_exact_mut(4).zip([along, scale, length]) {
        to.copy_from_slice(&number.to_le_bytes());
    }
    out
}

fn point_parts(point: &[u8]) -> Option<([f32; 3], &[u8])> {
    let (header, codes) = point.split_first_chunk::<POINT_HEADER_BYTES>()?;
    let number = |at: usize| f32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    Some(([number(0), number(4), number(8)], codes))
}

pub(super) struct Graph {
    inner: Hnsw<'static, u8, RowDistance>,
}

impl Graph {
    /// Inserts the points one by one on the calling thread, `None` when told to stop. About 1–3 ms of one core per point.
    pub(super) fn build(points: impl ExactSizeIterator<Item = Vec<u8>>, stop: &AtomicBool) -> Option<Graph> {
        let inner = Hnsw::new(LINKS_MAX, points.len().max(1), LAYERS_MAX, BUILD_BREADTH, RowDistance);
        for (id, point) in points.enumerate() {
            if id % STOP_CHECK_ROWS == 0 && stop.load(Ordering::Relaxed) {
                return None;
            }
            inner.insert((&point, id));
        }
        Some(Graph { inner })
    }

    pub(super) fn count(&self) -> usize {
        self.inner.get_nb_point()
    }

    /// About the `count` nearest ids, nearest first.
    pub(super) fn search(&self, point: &[u8], count: usize, breadth: usize) -> Vec<u32> {
        let found = self.inner.search(point, count, breadth.max(count));
        found.into_iter().map(|n| n.d_id as u32).collect()
    }

    /// Writes the graph's files into `dir` and returns their names. Not durable until the caller has synced them.
    pub(super) fn write(&self, dir: &Path) -> Result<[String; 2], String> {
        let base = self.inner.file_dump(dir, "rows").map_err(|e| e.to_string())?;
        Ok(file_names(&base))
    }

    /// Reads what [`Graph::write`] wrote. May panic on damaged files.
    pub(super) fn read(dir: &Path) -> Result<Graph, String> {
        // hnsw_rs ties a loaded graph's lifetime to its loader, although nothing is borrowed unless files are mapped. The
        // loader is a path and a few words; one is left behind per load, which happens once per opened tenant.
        let loader: &'static HnswIo = Box::leak(Box::new(HnswIo::new(dir, "rows")));
        let inner = loader.load_hnsw_with_dist::<u8, RowDistance>(RowDistance).map_err(|e| e.to_string())?;
        Ok(Graph { inner })
    }
}

fn file_names(base: &str) -> [String; 2] {
    [format!("{base}.hnsw.graph"), format!("{base}.hnsw.data")]
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph").field("count", &self.count()).finish_non_exhaustive()
    }
}
