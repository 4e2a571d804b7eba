//! The vectors of one tenant, in memory: an exact scan, and above its reach a graph.
//!
//! Knows `model` and `hnsw_rs` (in `graph`). Starts no threads: the application calls [`Vectors::graph_build`] on one of its
//! own when [`Vectors::graph_is_due`] says so.
//!
//! Invariants: a result holds a post once, with its best chunk; scores are always computed from the stored rows, the graph
//! only proposes; rows added since the graph was built are scanned exactly and merged; a filter that leaves few rows is
//! always answered exactly; a search takes a read lock only and never waits for a build.
//!
//! Crash behaviour: rows are refilled from `tenant.db`; a graph dump is renamed into place when complete and used only when
//! every checksum matches (see `dump`), else it is ignored and built again.

mod dump;
mod encoding;
mod graph;
mod rows;
mod scan;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashSet},
    path::Path,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic::AtomicBool},
};

pub use self::encoding::Encoding;
use self::{
    dump::{GraphKey, Manifest},
    encoding::ScanQuery,
    graph::Graph,
    rows::{BLOCK_ROWS, Entry, NewRow, RowFilter, Rows, place},
    scan::{Best, dots},
};
use super::{Drift, Error, Hit, VectorFilter};
use crate::model::{ChannelId, PostId};

/// Most hits one search returns.
pub const VECTOR_HITS_MAX: usize = 1_000;

/// Marks a graph id without a live row, and a row outside the graph.
const NONE: u32 = u32::MAX;

/// How the vectors are searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VectorSettings {
    /// Up to this many rows a search scans all of them; above, it asks the graph.
    pub exact_max_chunks: usize,
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
            exact_max_chunks: 500_000,
            graph_share_min: 0.05,
            graph_breadth: 192,
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
}

#[derive(Debug)]
struct State {
    rows: Rows,
    graph: Option<GraphState>,
    /// Of the newest graph built or loaded.
    generation: u64,
}

/// A graph and how its ids correspond to slots.
#[derive(Debug)]
struct GraphState {
    graph: Arc<Graph>,
    keys: Arc<Vec<GraphKey>>,
    /// By graph id: the slot, or [`NONE`] once the row is gone.
    slot_of: Vec<u32>,
    /// By slot: the graph id, or [`NONE`].
    id_of: Vec<u32>,
    /// Live slots outside the graph.
    fresh: HashSet<u32>,
}

impl Vectors {
    /// An empty set for one model's vectors. `model` only names the dump's owner.
    pub fn new(model: &str, encoding: Encoding, settings: VectorSettings) -> Vectors {
        Vectors {
            model: model.to_owned(),
            encoding,
            settings,
            state: RwLock::new(State {
                rows: Rows::new(encoding.dim()),
                graph: None,
                generation: 0,
            }),
        }
    }

    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Adds rows, each replacing the row of the same post and chunk. All or none: a row that cannot be read adds nothing.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::Row`].
    pub fn insert(&self, rows: &[VectorRow<'_>]) -> Result<(), Error> {
        let parsed: Result<Vec<NewRow<'_>>, Error> = rows
            .iter()
            .map(|row| {
                let (scale, codes) = self.encoding.parts(row.row)?;
                Ok(NewRow {
                    post_id: row.post_id,
                    channel_id: row.channel_id,
                    posted_at: row.posted_at,
                    chunk: row.chunk,
                    scale,
                    codes,
                })
            })
            .collect();
        let parsed = parsed?;
        let mut state = self.write();
        for row in &parsed {
            let gone = state.rows.remove(row.post_id, Some(row.chunk));
            state.forget(&gone);
            let slot = state.rows.add(row);
            if let Some(graph) = &mut state.graph {
                graph.add(slot);
            }
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

    /// The `k` posts (at most [`VECTOR_HITS_MAX`]) nearest to the question, scored by cosine, best first.
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
        if let Some(graph) = &state.graph {
            let share = self.graph_share(&state, &passes);
            if let Some(share) = share
                && let Some(hits) =
                    graph.search(&state, &query, &passes, k, self.settings.graph_breadth, share)
            {
                return Ok(hits);
            }
        }
        state.scan(&query, &passes, &mut best);
        Ok(best.into_hits())
    }

    /// The cosine of each of these posts' best chunk, best first; unknown posts are absent. Always exact.
    ///
    /// # Errors
    /// [`Error::Dimension`] for a question of another model.
    pub fn score(&self, question: &[f32], posts: &[PostId]) -> Result<Vec<Hit>, Error> {
        let state = self.read();
        let query = ScanQuery::new(&self.encoding, question, state.rows.width())?;
        let mut best = Best::new(posts.len());
        for slot in posts.iter().flat_map(|post| state.rows.slots_of(*post)) {
            best.push(
                state.rows.entries()[*slot as usize].post_id,
                state.cosine(&query, *slot),
            );
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
        if !self.graph_is_due() {
            return BuildOutcome::NotDue;
        }
        let (blocks, slots, keys) = {
            let state = self.read();
            let slots: Vec<u32> = (0..state.rows.slot_count() as u32)
                .filter(|slot| state.rows.is_live(*slot))
                .collect();
            let keys: Vec<GraphKey> = slots
                .iter()
                .map(|slot| state.key(self.encoding.dim(), *slot))
                .collect();
            (state.rows.blocks().to_vec(), slots, keys)
        };
        let dim = self.encoding.dim();
        let points = slots.iter().map(|slot| {
            let (block, at) = place(*slot);
            let width = blocks[block].codes.len() / BLOCK_ROWS;
            let codes = &blocks[block].codes[at * width..][..dim];
            graph::point(blocks[block].scales[at], codes.iter().map(|code| *code as u8))
        });
        let Some(graph) = Graph::build(points, stop) else {
            return BuildOutcome::Stopped;
        };
        drop(blocks);
        let generation = self.read().generation + 1;
        let count = graph.count();
        self.graph_install(graph, keys, generation);
        BuildOutcome::Built { count, generation }
    }

    /// Writes the graph in use below `dir`, replacing an older dump in one step; without a graph does nothing.
    pub fn graph_dump(&self, dir: &Path) -> Result<(), Error> {
        let (graph, keys, generation) = {
            let state = self.read();
            let Some(graph) = &state.graph else { return Ok(()) };
            (
                Arc::clone(&graph.graph),
                Arc::clone(&graph.keys),
                state.generation,
            )
        };
        let manifest = Manifest::new(&self.model, self.encoding.dim(), generation, keys.len());
        dump::write(dir, manifest, &graph, &keys)
    }

    /// Loads the newest dump below `dir` that is whole and of this model. Call it after the rows are in. `false`: there is
    /// none that can be used, and [`Vectors::graph_is_due`] says whether one is needed.
    pub fn graph_load(&self, dir: &Path) -> bool {
        let Some((manifest, graph, keys)) = dump::read(dir, &self.model, self.encoding.dim()) else {
            return false;
        };
        self.graph_install(graph, keys, manifest.generation);
        true
    }

    fn graph_install(&self, graph: Graph, keys: Vec<GraphKey>, generation: u64) {
        let dim = self.encoding.dim();
        let mut state = self.write();
        let mut slot_of = vec![NONE; keys.len()];
        let mut id_of = vec![NONE; state.rows.slot_count()];
        for (id, key) in keys.iter().enumerate() {
            let slots = state.rows.slots_of(PostId(key.post_id));
            // Same post, same chunk, same bytes: anything else changed since and is scanned exactly.
            if let Some(slot) = slots.iter().find(|slot| state.key(dim, **slot) == *key) {
                slot_of[id] = *slot;
                id_of[*slot as usize] = id as u32;
            }
        }
        let fresh = (0..state.rows.slot_count() as u32)
            .filter(|slot| state.rows.is_live(*slot) && id_of[*slot as usize] == NONE)
            .collect();
        state.generation = generation;
        state.graph = Some(GraphState {
            graph: Arc::new(graph),
            keys: Arc::new(keys),
            slot_of,
            id_of,
            fresh,
        });
    }

    /// The share of rows the filter leaves, if the graph is the better way to search them.
    fn graph_share(&self, state: &State, passes: &RowFilter) -> Option<f32> {
        let rows = state.rows.live_count();
        let left = if passes.is_open() {
            rows
        } else {
            state
                .rows
                .entries()
                .iter()
                .filter(|entry| passes.passes(entry))
                .count()
        };
        let share = left as f32 / rows.max(1) as f32;
        (left > self.settings.exact_max_chunks && share >= self.settings.graph_share_min).then_some(share)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // Changes are plain assignments that do not panic half-way.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The exact scan.
    fn scan(&self, query: &ScanQuery, passes: &RowFilter, best: &mut Best) {
        let width = self.rows.width();
        let mut sums = vec![0i32; BLOCK_ROWS];
        for (block, entries) in self
            .rows
            .blocks()
            .iter()
            .zip(self.rows.entries().chunks(BLOCK_ROWS))
        {
            let mut take = |at: usize, entry: &Entry, sum: i32| {
                best.push(entry.post_id, query.factor * block.scales[at] * sum as f32);
            };
            let passing = entries.iter().filter(|entry| passes.passes(entry)).count();
            if passing * 2 > entries.len() {
                dots(&query.codes, &block.codes[..entries.len() * width], &mut sums);
                for (at, entry) in entries
                    .iter()
                    .enumerate()
                    .filter(|(_, entry)| passes.passes(entry))
                {
                    take(at, entry, sums[at]);
                }
            } else if passing > 0 {
                for (at, entry) in entries
                    .iter()
                    .enumerate()
                    .filter(|(_, entry)| passes.passes(entry))
                {
                    dots(&query.codes, &block.codes[at * width..][..width], &mut sums[..1]);
                    take(at, entry, sums[0]);
                }
            }
        }
    }

    fn cosine(&self, query: &ScanQuery, slot: u32) -> f32 {
        let width = self.rows.width();
        let (block, at) = place(slot);
        let block = &self.rows.blocks()[block];
        let mut sum = [0i32];
        dots(&query.codes, &block.codes[at * width..][..width], &mut sum);
        query.factor * block.scales[at] * sum[0] as f32
    }

    fn score_slot(&self, query: &ScanQuery, passes: &RowFilter, slot: u32, best: &mut Best) {
        let entry = &self.rows.entries()[slot as usize];
        if passes.passes(entry) {
            best.push(entry.post_id, self.cosine(query, slot));
        }
    }

    fn key(&self, dim: usize, slot: u32) -> GraphKey {
        let entry = &self.rows.entries()[slot as usize];
        let width = self.rows.width();
        let (block, at) = place(slot);
        let block = &self.rows.blocks()[block];
        GraphKey::new(
            entry.post_id,
            entry.chunk,
            block.scales[at],
            &block.codes[at * width..][..dim],
        )
    }

    fn forget(&mut self, slots: &[u32]) {
        if let Some(graph) = &mut self.graph {
            for slot in slots {
                graph.forget(*slot);
            }
        }
    }
}

impl GraphState {
    fn add(&mut self, slot: u32) {
        if self.id_of.len() <= slot as usize {
            self.id_of.resize(slot as usize + 1, NONE);
        }
        self.fresh.insert(slot);
    }

    fn forget(&mut self, slot: u32) {
        self.fresh.remove(&slot);
        if let Some(id) = self.id_of.get_mut(slot as usize).filter(|id| **id != NONE) {
            self.slot_of[*id as usize] = NONE;
            *id = NONE;
        }
    }

    fn live_count(&self) -> usize {
        self.id_of.iter().filter(|id| **id != NONE).count()
    }

    /// Asks for as many neighbours as leave `k` after the filter, checks and rescores them, and adds the rows outside the
    /// graph. `None` when the filter left too few, so that the scan must decide.
    ///
    /// The unfiltered neighbours are a prefix of the true order, so what passes the filter among them is right as it is;
    /// this is why no filter is pushed into the graph, where it would cut the paths.
    fn search(
        &self,
        state: &State,
        query: &ScanQuery,
        passes: &RowFilter,
        k: usize,
        breadth: usize,
        share: f32,
    ) -> Option<Vec<Hit>> {
        let wanted = ((k * 2 + 32) as f32 / share.max(f32::EPSILON) * 1.25) as usize;
        let count = wanted.min(self.graph.count());
        let mut best = Best::new(k);
        for id in self.graph.search(&query.point, count, breadth.max(count)) {
            let slot = self.slot_of.get(id as usize).copied().unwrap_or(NONE);
            if slot != NONE {
                state.score_slot(query, passes, slot, &mut best);
            }
        }
        if best.posts() < k && count < self.graph.count() {
            return None;
        }
        for slot in &self.fresh {
            state.score_slot(query, passes, *slot, &mut best);
        }
        Some(best.into_hits())
    }
}
