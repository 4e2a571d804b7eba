//! The rows and the graph together: which row each graph id is, and the ways to search.
//!
//! Pure data, no locks. Invariants: a live row is either in the graph (`id_of` and `slot_of` point at each other) or in
//! `fresh`, so nothing is searched twice and nothing is missed; while a new graph is on its way, `watch` notes every slot
//! that changes, so that putting it into use takes time by the changes, not by the rows.

use std::{collections::HashSet, sync::Arc};

use super::{
    dump::GraphKey,
    encoding::ScanQuery,
    graph::Graph,
    rows::{BLOCK_ROWS, RowFilter, Rows, place},
    scan::{Best, dots},
    sketch::{GROUP_ROWS, Shortlist, WORD_BITS},
};
use crate::{model::PostId, search::Hit};

/// Marks a graph id without a live row, and a row outside the graph.
pub(super) const NONE: u32 = u32::MAX;

/// Neighbours asked for beyond twice the hits wanted: some are gone, some are further chunks of one post.
const WANTED_SPARE: usize = 96;

/// A filter's posts are not spread evenly; ask for this much more than its share suggests.
const WANTED_MARGIN: f32 = 1.25;

/// Rows kept by their sketches: at least so many,
const SHORTLIST_MIN: usize = 1_000;
/// so many for each post wanted,
const SHORTLIST_PER_HIT: usize = 20;
/// and one of so many rows.
const SHORTLIST_SHARE: usize = 100;

#[derive(Debug)]
pub(super) struct State {
    pub(super) rows: Rows,
    pub(super) graph: Option<GraphState>,
    /// Slots added or emptied since a graph build or load began.
    pub(super) watch: Option<Vec<u32>>,
    /// Of the newest graph built or loaded.
    pub(super) generation: u64,
}

/// A graph and how its ids correspond to slots.
#[derive(Debug)]
pub(super) struct GraphState {
    pub(super) graph: Arc<Graph>,
    pub(super) keys: Arc<Vec<GraphKey>>,
    /// By graph id: the slot, or [`NONE`] once the row is gone.
    slot_of: Vec<u32>,
    /// By slot: the graph id, or [`NONE`].
    id_of: Vec<u32>,
    /// Live slots outside the graph.
    pub(super) fresh: HashSet<u32>,
}

impl State {
    /// The exact scan.
    pub(super) fn scan(&self, query: &ScanQuery, passes: &RowFilter, best: &mut Best) {
        let width = self.rows.width();
        let everything = passes.is_open() && self.rows.live_count() == self.rows.slot_count();
        let mut sums = vec![0i32; BLOCK_ROWS];
        let mut kept = vec![true; BLOCK_ROWS];
        for (block, entries) in self.rows.blocks().iter().zip(self.rows.entries().chunks(BLOCK_ROWS)) {
            let mut passing = entries.len();
            if !everything {
                for (kept, entry) in kept.iter_mut().zip(entries) {
                    *kept = passes.passes(entry);
                }
                passing = kept[..entries.len()].iter().filter(|kept| **kept).count();
            }
            let all_sums = passing * 2 > entries.len();
            if all_sums {
                dots(&query.codes, &block.codes[..entries.len() * width], &mut sums);
            }
            for (at, entry) in entries.iter().enumerate() {
                if kept[at] {
                    if !all_sums {
                        dots(&query.codes, &block.codes[at * width..][..width], &mut sums[at..=at]);
                    }
                    best.push(entry.post_id, query.likeness(block.alongs[at], block.scales[at], sums[at]));
                }
            }
        }
    }

    /// The scan in two steps: the sketches of all rows leave a short list, the codes decide on it. Exact whenever the filter
    /// leaves no more rows than the short list holds.
    pub(super) fn sketch_scan(&self, query: &ScanQuery, passes: &RowFilter, k: usize, best: &mut Best) {
        let kept = SHORTLIST_MIN.max(k * SHORTLIST_PER_HIT).max(self.rows.live_count() / SHORTLIST_SHARE);
        let mut list = Shortlist::new(kept);
        let mut estimates = vec![0.0; BLOCK_ROWS];
        let group = self.rows.width() / WORD_BITS * GROUP_ROWS;
        let blocks = self.rows.blocks().iter().zip(self.rows.entries().chunks(BLOCK_ROWS));
        for ((block, entries), first) in blocks.zip((0u32..).step_by(BLOCK_ROWS)) {
            // Blocks are whole groups; what the last one holds beyond the entries is not looked at.
            let count = entries.len().next_multiple_of(GROUP_ROWS);
            let signs = &block.signs[..count / GROUP_ROWS * group];
            let estimates = &mut estimates[..count];
            query.sketch.estimate(signs, &block.alongs[..count], &block.factors[..count], estimates);
            // The filter looks at the few rows that are near enough: reading every entry would cost as much as the signs.
            for ((slot, entry), estimate) in (first..).zip(entries).zip(estimates) {
                if *estimate >= list.threshold && passes.passes(entry) {
                    list.push(*estimate, slot);
                }
            }
        }
        for slot in list.into_slots() {
            best.push(self.rows.entries()[slot as usize].post_id, self.likeness(query, slot));
        }
    }

    pub(super) fn likeness(&self, query: &ScanQuery, slot: u32) -> f32 {
        let width = self.rows.width();
        let (block, at) = place(slot);
        let block = &self.rows.blocks()[block];
        let mut sum = [0i32];
        dots(&query.codes, &block.codes[at * width..][..width], &mut sum);
        query.likeness(block.alongs[at], block.scales[at], sum[0])
    }

    pub(super) fn cosine(&self, query: &ScanQuery, slot: u32) -> f32 {
        let (block, at) = place(slot);
        query.cosine(self.rows.blocks()[block].alongs[at], self.likeness(query, slot))
    }

    pub(super) fn score_slot(&self, query: &ScanQuery, passes: &RowFilter, slot: u32, best: &mut Best) {
        let entry = &self.rows.entries()[slot as usize];
        if passes.passes(entry) {
            best.push(entry.post_id, self.likeness(query, slot));
        }
    }

    pub(super) fn key(&self, slot: u32) -> GraphKey {
        let entry = &self.rows.entries()[slot as usize];
        let width = self.rows.width();
        let (block, at) = place(slot);
        let block = &self.rows.blocks()[block];
        GraphKey::new(
            entry.post_id,
            entry.chunk,
            block.alongs[at],
            block.scales[at],
            &block.codes[at * width..][..self.rows.dim()],
        )
    }

    pub(super) fn forget(&mut self, slots: &[u32]) {
        for slot in slots {
            if let Some(graph) = &mut self.graph {
                graph.forget(*slot);
            }
        }
        if let Some(watch) = &mut self.watch {
            watch.extend(slots);
        }
    }

    pub(super) fn added(&mut self, slot: u32) {
        if let Some(graph) = &mut self.graph {
            graph.add(slot);
        }
        if let Some(watch) = &mut self.watch {
            watch.push(slot);
        }
    }

    /// Puts a graph into use that was matched while `watch` was on, and returns the one it replaces: dropping that takes
    /// longer than a search should wait.
    pub(super) fn graph_replace(&mut self, mut new: GraphState, generation: u64) -> Option<GraphState> {
        for slot in self.watch.take().unwrap_or_default() {
            new.forget(slot);
            if self.rows.is_live(slot) {
                new.add(slot);
            }
        }
        self.generation = generation;
        self.graph.replace(new)
    }

    /// The slot of the row a key stands for: same post, same chunk, same bytes.
    pub(super) fn slot_of(&self, key: &GraphKey) -> Option<u32> {
        self.rows.slots_of(PostId(key.post_id)).iter().copied().find(|slot| self.key(*slot) == *key)
    }

    /// Asks the graph for as many neighbours as leave `k` after a filter that keeps `share`, checks and rescores them, and
    /// adds the rows outside the graph. `None` when the filter left too few, so that the scan must decide.
    ///
    /// The unfiltered neighbours are a prefix of the true order, so what passes the filter among them is right as it is;
    /// this is why no filter is pushed into the graph, where it would cut the paths.
    pub(super) fn graph_search(
        &self,
        query: &ScanQuery,
        passes: &RowFilter,
        k: usize,
        share: f32,
        breadth: usize,
    ) -> Option<Vec<Hit>> {
        let held = self.graph.as_ref()?;
        let wanted = (k * 2 + WANTED_SPARE) as f32 / share.max(f32::EPSILON) * WANTED_MARGIN;
        let count = (wanted as usize).min(held.graph.count());
        let mut best = Best::new(k);
        for id in held.graph.search(&query.point, count, breadth.max(count)) {
            let slot = held.slot_of.get(id as usize).copied().unwrap_or(NONE);
            if slot != NONE {
                self.score_slot(query, passes, slot, &mut best);
            }
        }
        if best.posts() < k && count < held.graph.count() {
            return None;
        }
        for slot in &held.fresh {
            self.score_slot(query, passes, *slot, &mut best);
        }
        Some(best.into_hits())
    }
}

impl GraphState {
    /// A graph whose ids stand for these slots ([`NONE`] for rows that are gone); `live` are the slots in use.
    pub(super) fn new(
        graph: Graph,
        keys: Vec<GraphKey>,
        mut slot_of: Vec<u32>,
        live: impl Iterator<Item = u32>,
    ) -> GraphState {
        let mut id_of = Vec::new();
        for id in 0..slot_of.len() {
            let slot = slot_of[id] as usize;
            if slot_of[id] == NONE {
                continue;
            }
            if id_of.len() <= slot {
                id_of.resize(slot + 1, NONE);
            }
            // A slot that was given to another row while a dump was matched stands for the later one.
            let earlier = std::mem::replace(&mut id_of[slot], id as u32);
            if let Some(gone) = slot_of.get_mut(earlier as usize) {
                *gone = NONE;
            }
        }
        let outside = |slot: &u32| id_of.get(*slot as usize).is_none_or(|id| *id == NONE);
        let fresh = live.filter(outside).collect();
        GraphState { graph: Arc::new(graph), keys: Arc::new(keys), slot_of, id_of, fresh }
    }

    pub(super) fn add(&mut self, slot: u32) {
        if self.id_of.len() <= slot as usize {
            self.id_of.resize(slot as usize + 1, NONE);
        }
        self.fresh.insert(slot);
    }

    pub(super) fn forget(&mut self, slot: u32) {
        self.fresh.remove(&slot);
        if let Some(id) = self.id_of.get_mut(slot as usize).filter(|id| **id != NONE) {
            self.slot_of[*id as usize] = NONE;
            *id = NONE;
        }
    }

    pub(super) fn live_count(&self) -> usize {
        self.id_of.iter().filter(|id| **id != NONE).count()
    }
}
