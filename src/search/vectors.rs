//! The vectors of one tenant, in memory: a scan, and above its reach a graph.
//!
//! Knows `model` and `hnsw_rs` (in `graph`). Starts no threads: the application calls [`Vectors::graph_build`] on one of its
//! own when [`Vectors::graph_is_due`] says so.
//!
//! Invariants: a result holds a post once, with its best chunk; scores are always computed from the stored rows, sketches and
//! graph only propose; rows added since the graph was built are scanned exactly and merged; a filter that leaves few rows is
//! always answered exactly; a search takes a read lock only and never waits for a build: what takes long happens outside
//! the lock, what changed meanwhile is noted and made good.
//!
//! Crash behaviour: rows are refilled from `tenant.db`; a graph dump is renamed into place when complete and used only when
//! every checksum matches (see `dump`), else it is ignored and built again.

mod cone;
mod dump;
mod encoding;
mod graph;
mod rows;
mod scan;
mod sketch;
mod state;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic::AtomicBool,
    },
};

pub use self::encoding::Encoding;
use self::{
    dump::{GraphKey, Manifest},
    encoding::ScanQuery,
    graph::Graph,
    rows::{BLOCK_ROWS, NewRow, RowFilter, Rows, place},
    scan::Best,
    state::{GraphState, NONE, State},
};
use super::{Drift, Error, Hit, VectorFilter};
use crate::model::{ChannelId, PostId};

/// Most hits one search returns.
pub const VECTOR_HITS_MAX: usize = 1_000;

/// Rows of a dump that are matched under one lock: a millisecond or two.
const MATCH_ROWS: usize = 1_024;

/// How the vectors are searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VectorSettings {
    /// Up to this many rows a search scans all of them; above, it asks the graph.
    pub exact_max_chunks: usize,
    /// From this many rows on a scan looks at their sketches first (where the model has them).
    pub sketch_min_chunks: usize,
    /// A filter that leaves a smaller share of the rows than this is answered by the scan, whatever the number.
    pub graph_share_min: f32,
    /// Breadth of a graph search: more finds more and takes longer.
    pub graph_breadth: usize,
    /// The graph is built anew when more than this share of the rows is not in it.
    pub graph_stale_share: f32,
}

impl Default for VectorSettings {
    fn default() -> VectorSettings {
        VectorSettings {
            exact_max_chunks: 1_000_000,
            sketch_min_chunks: 16_384,
            graph_share_min: 0.05,
            graph_breadth: 400,
            graph_stale_share: 0.1,
        }
    }
}

/// A chunk's row as `tenant.db` holds it.
#[derive(Debug, Clone, Copy)]
pub struct VectorRow<'a> {
    pub post_id: PostId,
    pub channel_id: ChannelId,
    /// Unix seconds.
    pub posted_at: i64,
    /// The chunk's place in its post, from 0.
    pub chunk: u32,
    /// What [`Encoding::encode`] returned.
    pub row: &'a [u8],
}

/// How a graph build ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildOutcome {
    /// The graph is in use.
    Built { count: usize, generation: u64 },
    /// It was told to stop; nothing changed.
    Stopped,
    /// Too few rows for a graph, or the one in use is fresh enough.
    NotDue,
}

/// The vectors of one tenant and one model. All methods take `&self`.
#[derive(Debug)]
pub struct Vectors {
    model: String,
    encoding: Encoding,
    settings: VectorSettings,
    state: RwLock<State>,
    /// Held by the one graph build or load that may go on at a time.
    building: Mutex<()>,
}

impl Vectors {
    /// An empty set for one model's vectors. `model` only names the dump's owner.
    pub fn new(model: &str, encoding: Encoding, settings: VectorSettings) -> Vectors {
        let rows = Rows::new(encoding.dim());
        Vectors {
            model: model.to_owned(),
            encoding,
            settings,
            state: RwLock::new(State { rows, graph: None, watch: None, generation: 0 }),
            building: Mutex::new(()),
        }
    }

    pub fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    /// Adds rows, each replacing the row of the same post and chunk. All or none: a row that cannot be read adds nothing.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::Row`].
    pub fn insert(&self, rows: &[VectorRow<'_>]) -> Result<(), Error> {
        let parsed: Result<Vec<NewRow<'_>>, Error> = rows
            .iter()
            .map(|row| {
                let parts = self.encoding.parts(row.row)?;
                Ok(NewRow {
                    post_id: row.post_id,
                    channel_id: row.channel_id,
                    posted_at: row.posted_at,
                    chunk: row.chunk,
                    parts,
                })
            })
            .collect();
        let parsed = parsed?;
        let mut state = self.write();
        for row in &parsed {
            let gone = state.rows.remove(row.post_id, Some(row.chunk));
            state.forget(&gone);
            let slot = state.rows.add(row);
            state.added(slot);
        }
        Ok(())
    }

    /// Removes all rows of a post; returns how many there were.
    pub fn remove(&self, post_id: PostId) -> usize {
        let mut state = self.write();
        let gone = state.rows.remove(post_id, None);
        state.forget(&gone);
        gone.len()
    }

    /// The `k` posts (at most [`VECTOR_HITS_MAX`]) nearest to the question, scored by likeness (see [`Encoding`]), best first.
    ///
    /// # Errors
    /// [`Error::Dimension`] for a question of another model.
    pub fn search(&self, question: &[f32], filter: &VectorFilter, k: usize) -> Result<Vec<Hit>, Error> {
        let state = self.read();
        let query = ScanQuery::new(&self.encoding, question, state.rows.width())?;
        let passes = state.rows.filter(filter);
        let k = k.min(VECTOR_HITS_MAX);
        let mut best = Best::new(k);
        if let Some(posts) = &filter.posts {
            for slot in posts.iter().flat_map(|post| state.rows.slots_of(*post)) {
                state.score_slot(&query, &passes, *slot, &mut best);
            }
            return Ok(best.into_hits());
        }
        if state.graph.is_some()
            && let Some(share) = self.graph_share(&state, &passes)
            && let Some(hits) = state.graph_search(&query, &passes, k, share, self.settings.graph_breadth)
        {
            return Ok(hits);
        }
        if self.encoding.is_centred() && state.rows.live_count() >= self.settings.sketch_min_chunks {
            state.sketch_scan(&query, &passes, k, &mut best);
        } else {
            state.scan(&query, &passes, &mut best);
        }
        Ok(best.into_hits())
    }

    /// The likeness of each of these posts' best chunk, best first; unknown posts are absent. Always exact.
    ///
    /// # Errors
    /// [`Error::Dimension`] for a question of another model.
    pub fn score(&self, question: &[f32], posts: &[PostId]) -> Result<Vec<Hit>, Error> {
        self.scored(question, posts, State::likeness)
    }

    /// The same by the cosine of the vectors as the model made them: what thresholds are calibrated on.
    ///
    /// # Errors
    /// [`Error::Dimension`] for a question of another model.
    pub fn cosines(&self, question: &[f32], posts: &[PostId]) -> Result<Vec<Hit>, Error> {
        self.scored(question, posts, State::cosine)
    }

    fn scored(
        &self,
        question: &[f32],
        posts: &[PostId],
        measure: impl Fn(&State, &ScanQuery, u32) -> f32,
    ) -> Result<Vec<Hit>, Error> {
        let state = self.read();
        let query = ScanQuery::new(&self.encoding, question, state.rows.width())?;
        let mut best = Best::new(posts.len());
        for slot in posts.iter().flat_map(|post| state.rows.slots_of(*post)) {
            best.push(state.rows.entries()[*slot as usize].post_id, measure(&state, &query, *slot));
        }
        Ok(best.into_hits())
    }

    /// Rows held.
    pub fn chunks(&self) -> usize {
        self.read().rows.live_count()
    }

    /// Posts held.
    pub fn posts(&self) -> usize {
        self.read().rows.post_count()
    }

    pub fn contains(&self, post_id: PostId) -> bool {
        !self.read().rows.slots_of(post_id).is_empty()
    }

    /// Compares with what the database says should be here.
    pub fn verify(&self, expected: impl IntoIterator<Item = PostId>) -> Drift {
        let held: BTreeSet<PostId> = self.read().rows.posts().collect();
        Drift::between(expected, &held)
    }

    /// Bytes held by the rows; a graph comes on top.
    pub fn memory_bytes(&self) -> usize {
        self.read().rows.memory_bytes()
    }

    /// Whether there are more rows than the scan should cover and no graph, or one that misses too many of them.
    pub fn graph_is_due(&self) -> bool {
        let state = self.read();
        let rows = state.rows.live_count();
        rows > self.settings.exact_max_chunks
            && state.graph.as_ref().is_none_or(|graph| {
                let stale = graph.fresh.len() + graph.graph.count() - graph.live_count();
                stale as f32 > self.settings.graph_stale_share * rows as f32
            })
    }

    /// Whether a graph answers.
    pub fn graph_in_use(&self) -> bool {
        self.read().graph.is_some()
    }

    /// Builds a graph if one is due and puts it into use. Takes minutes to hours of one core; searches and changes go on
    /// meanwhile. Call it on a thread of its own; `stop` ends it early.
    pub fn graph_build(&self, stop: &AtomicBool) -> BuildOutcome {
        let _only = self.building();
        if !self.graph_is_due() {
            return BuildOutcome::NotDue;
        }
        let (blocks, rows) = {
            // What changes from here on is noted, also before the snapshot is taken.
            self.write().watch = Some(Vec::new());
            let state = self.read();
            (state.rows.blocks().to_vec(), state.rows.live_rows())
        };
        let dim = self.encoding.dim();
        let row = |slot: u32| {
            let (block, at) = place(slot);
            let block = &blocks[block];
            let width = block.codes.len() / BLOCK_ROWS;
            (block.alongs[at], block.scales[at], &block.codes[at * width..][..dim])
        };
        let points = rows.iter().map(|(slot, _, _)| {
            let (along, scale, codes) = row(*slot);
            graph::point(along, scale, codes.iter().map(|code| *code as u8))
        });
        let Some(graph) = Graph::build(points, stop) else {
            self.write().watch = None;
            return BuildOutcome::Stopped;
        };
        let key = |(slot, post_id, chunk): &(u32, PostId, u32)| {
            let (along, scale, codes) = row(*slot);
            GraphKey::new(*post_id, *chunk, along, scale, codes)
        };
        let keys = rows.iter().map(key).collect();
        let slot_of: Vec<u32> = rows.iter().map(|(slot, _, _)| *slot).collect();
        drop(blocks);
        let count = graph.count();
        let new = GraphState::new(graph, keys, slot_of, std::iter::empty());
        let generation = self.read().generation + 1;
        let old = self.write().graph_replace(new, generation);
        drop(old);
        BuildOutcome::Built { count, generation }
    }

    /// Writes the graph in use below `dir`, replacing an older dump in one step; without a graph does nothing.
    pub fn graph_dump(&self, dir: &Path) -> Result<(), Error> {
        let (graph, keys, generation) = {
            let state = self.read();
            let Some(graph) = &state.graph else { return Ok(()) };
            (Arc::clone(&graph.graph), Arc::clone(&graph.keys), state.generation)
        };
        let manifest = Manifest::new(&self.model, self.encoding.dim(), generation, keys.len());
        dump::write(dir, manifest, &graph, &keys)
    }

    /// Loads the newest dump below `dir` that is whole and of this model. Call it after the rows are in. `false`: there is
    /// none that can be used, and [`Vectors::graph_is_due`] says whether one is needed.
    pub fn graph_load(&self, dir: &Path) -> bool {
        let _only = self.building();
        let Some((manifest, graph, keys)) = dump::read(dir, &self.model, self.encoding.dim()) else {
            return false;
        };
        self.write().watch = Some(Vec::new());
        // A little at a time: a change that waits for a reader makes the searches behind it wait too.
        let mut slot_of = Vec::with_capacity(keys.len());
        for keys in keys.chunks(MATCH_ROWS) {
            let state = self.read();
            slot_of.extend(keys.iter().map(|key| state.slot_of(key).unwrap_or(NONE)));
        }
        let live = self.read().rows.live_rows();
        let new = GraphState::new(graph, keys, slot_of, live.into_iter().map(|(slot, _, _)| slot));
        let old = self.write().graph_replace(new, manifest.generation);
        drop(old);
        true
    }

    /// The share of rows the filter leaves, if the graph is the better way to search them.
    fn graph_share(&self, state: &State, passes: &RowFilter) -> Option<f32> {
        let rows = state.rows.live_count();
        let left = if passes.is_open() {
            rows
        } else {
            state.rows.entries().iter().filter(|entry| passes.passes(entry)).count()
        };
        let share = left as f32 / rows.max(1) as f32;
        (left > self.settings.exact_max_chunks && share >= self.settings.graph_share_min).then_some(share)
    }

    fn building(&self) -> MutexGuard<'_, ()> {
        // The lock guards no data of its own.
        self.building.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // Changes are plain assignments that do not panic half-way.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
