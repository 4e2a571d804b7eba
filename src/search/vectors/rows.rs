//! The matrix in memory: codes in blocks, and what is known of each row.
//!
//! Pure data, no locks. A row lives in a slot; a removed row's slot is given to a later one, so memory follows the largest
//! number of rows ever held and nothing is ever moved.
//!
//! Invariants: blocks are shared with a graph build in progress and copied before they change; every live row is in `slots`
//! of its post, every other slot is in `free`; free slots are skipped by [`Rows::is_live`] alone.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    encoding::RowParts,
    scan::LANES,
    sketch::{self, GROUP_ROWS, WORD_BITS},
};
use crate::model::{ChannelId, ChannelSet, PostId};
use crate::search::VectorFilter;

/// Rows in a block: 1.8 MB at 384 dimensions, the unit that is copied when a build shares it.
pub(super) const BLOCK_ROWS: usize = 4_096;

/// Codes, scales, common parts and sketches of `BLOCK_ROWS` rows.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) codes: Vec<i8>,
    pub(super) scales: Vec<f32>,
    pub(super) alongs: Vec<f32>,
    /// The codes' signs, in groups of rows (see `sketch`).
    pub(super) signs: Vec<u64>,
    pub(super) factors: Vec<f32>,
}

/// What is known of a row besides its codes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Entry {
    pub(super) post_id: PostId,
    pub(super) channel: ChannelIndex,
    /// Unix seconds.
    pub(super) posted_at: i64,
    pub(super) chunk: u32,
    live: bool,
}

/// A channel's place in [`Rows::channels`]: a filter then is one look into a table per row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChannelIndex(u32);

#[derive(Debug, Default)]
pub(super) struct Rows {
    dim: usize,
    width: usize,
    blocks: Vec<Arc<Block>>,
    entries: Vec<Entry>,
    slots: HashMap<PostId, Vec<u32>>,
    free: Vec<u32>,
    channels: Vec<ChannelId>,
    channel_index: BTreeMap<ChannelId, u32>,
}

/// A row on its way in.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewRow<'a> {
    pub(super) post_id: PostId,
    pub(super) channel_id: ChannelId,
    pub(super) posted_at: i64,
    pub(super) chunk: u32,
    pub(super) parts: RowParts<'a>,
}

impl Rows {
    pub(super) fn new(dim: usize) -> Rows {
        Rows { dim, width: dim.next_multiple_of(LANES).max(LANES), ..Rows::default() }
    }

    /// Codes per row without padding.
    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    /// Codes per row in memory, padding included.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Slots in use or free: one past the last slot.
    pub(super) fn slot_count(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn live_count(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    pub(super) fn blocks(&self) -> &[Arc<Block>] {
        &self.blocks
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Slot, post and chunk of every live row.
    pub(super) fn live_rows(&self) -> Vec<(u32, PostId, u32)> {
        let entries = (0u32..).zip(&self.entries).filter(|(_, entry)| entry.live);
        entries.map(|(slot, entry)| (slot, entry.post_id, entry.chunk)).collect()
    }

    pub(super) fn is_live(&self, slot: u32) -> bool {
        self.entries[slot as usize].live
    }

    /// The slots of a post's rows; empty for an unknown post.
    pub(super) fn slots_of(&self, post_id: PostId) -> &[u32] {
        self.slots.get(&post_id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn posts(&self) -> impl Iterator<Item = PostId> + '_ {
        self.slots.keys().copied()
    }

    pub(super) fn post_count(&self) -> usize {
        self.slots.len()
    }

    /// Adds a row and returns its slot. The caller has removed an older row of the same post and chunk.
    pub(super) fn add(&mut self, row: &NewRow<'_>) -> u32 {
        let channel = self.channel(row.channel_id);
        let entry =
            Entry { post_id: row.post_id, channel, posted_at: row.posted_at, chunk: row.chunk, live: true };
        let slot = if let Some(slot) = self.free.pop() {
            self.entries[slot as usize] = entry;
            slot
        } else {
            self.entries.push(entry);
            self.entries.len() as u32 - 1
        };
        let (block, at) = place(slot);
        if block == self.blocks.len() {
            self.blocks.push(Arc::new(Block {
                codes: vec![0; BLOCK_ROWS * self.width],
                scales: vec![0.0; BLOCK_ROWS],
                alongs: vec![0.0; BLOCK_ROWS],
                signs: vec![0; BLOCK_ROWS * self.width / WORD_BITS],
                factors: vec![0.0; BLOCK_ROWS],
            }));
        }
        let block = Arc::make_mut(&mut self.blocks[block]);
        block.scales[at] = row.parts.scale;
        block.alongs[at] = row.parts.along;
        block.factors[at] = sketch::factor(row.parts.scale, row.parts.codes);
        let group = self.width / WORD_BITS * GROUP_ROWS;
        sketch::signs_write(
            &mut block.signs[at / GROUP_ROWS * group..][..group],
            at % GROUP_ROWS,
            row.parts.codes,
        );
        let codes = &mut block.codes[at * self.width..][..self.dim];
        for (to, from) in codes.iter_mut().zip(row.parts.codes) {
            *to = *from as i8;
        }
        self.slots.entry(row.post_id).or_default().push(slot);
        slot
    }

    /// Removes a post's rows (all, or one chunk) and returns their slots.
    pub(super) fn remove(&mut self, post_id: PostId, chunk: Option<u32>) -> Vec<u32> {
        let Some(slots) = self.slots.get_mut(&post_id) else {
            return Vec::new();
        };
        let entries = &self.entries;
        let gone: Vec<u32> =
            slots.extract_if(.., |slot| chunk.is_none_or(|c| entries[*slot as usize].chunk == c)).collect();
        if slots.is_empty() {
            self.slots.remove(&post_id);
        }
        for slot in &gone {
            self.entries[*slot as usize].live = false;
        }
        self.free.extend(&gone);
        gone
    }

    /// A filter made ready for this matrix.
    pub(super) fn filter(&self, filter: &VectorFilter) -> RowFilter {
        let channels = match &filter.channels {
            ChannelSet::All => None,
            ChannelSet::Only(set) => Some(self.channels.iter().map(|id| set.contains(id)).collect()),
        };
        RowFilter { channels, since: filter.since.unwrap_or(i64::MIN), until: filter.until }
    }

    /// Bytes held, counting capacity.
    pub(super) fn memory_bytes(&self) -> usize {
        let block = BLOCK_ROWS * (self.width + self.width / 8 + 3 * size_of::<f32>());
        let slot_lists = self.slots.capacity() * (size_of::<PostId>() + size_of::<Vec<u32>>() + 1)
            + self.entries.len() * size_of::<u32>() * 4;
        self.blocks.len() * block + self.entries.capacity() * size_of::<Entry>() + slot_lists
    }

    fn channel(&mut self, id: ChannelId) -> ChannelIndex {
        let channels = &mut self.channels;
        ChannelIndex(*self.channel_index.entry(id).or_insert_with(|| {
            channels.push(id);
            channels.len() as u32 - 1
        }))
    }
}

/// Block and row within it.
pub(super) fn place(slot: u32) -> (usize, usize) {
    (slot as usize / BLOCK_ROWS, slot as usize % BLOCK_ROWS)
}

/// Which rows may be returned.
#[derive(Debug)]
pub(super) struct RowFilter {
    /// By channel index; `None` permits all.
    channels: Option<Vec<bool>>,
    since: i64,
    until: Option<i64>,
}

impl RowFilter {
    #[inline]
    pub(super) fn passes(&self, entry: &Entry) -> bool {
        entry.live
            && entry.posted_at >= self.since
            && self.until.is_none_or(|until| entry.posted_at < until)
            && self.channels.as_ref().is_none_or(|permitted| permitted[entry.channel.0 as usize])
    }

    /// Whether every live row passes.
    pub(super) fn is_open(&self) -> bool {
        self.channels.is_none() && self.since == i64::MIN && self.until.is_none()
    }
}
