//! A disk in memory that can die at a sync and then shows what a real one might have kept.

use std::{
    io::{Error as IoError, ErrorKind},
    ops::Range,
    sync::{Arc, Mutex},
};

use super::super::StorageBackend;

/// Bytes that a disk writes as a whole.
const SECTOR_BYTES: usize = 512;

/// Shared with the database that runs on it; clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    current: Vec<u8>,
    /// What the last sync made safe.
    durable: Vec<u8>,
    /// What was written since.
    unsynced: Vec<Write>,
    syncs: usize,
    /// Fails from this sync on; `None`: never.
    dies_at: Option<usize>,
    /// How it fails.
    kind: Option<ErrorKind>,
}

#[derive(Debug)]
enum Write {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

impl Disk {
    pub(super) fn holding(bytes: Vec<u8>) -> Disk {
        let disk = Disk::default();
        disk.state(|state| {
            state.durable.clone_from(&bytes);
            state.current = bytes;
        });
        disk
    }

    /// Dies at sync number `n`, counted from the beginning; every operation after that fails.
    pub(super) fn die_at_sync(&self, n: usize, kind: ErrorKind) {
        self.state(|state| (state.dies_at, state.kind) = (Some(n), Some(kind)));
    }

    pub(super) fn syncs(&self) -> usize {
        self.state(|state| state.syncs)
    }

    pub(super) fn durable(&self) -> Vec<u8> {
        self.state(|state| state.durable.clone())
    }

    /// The durable bytes and some of the later sectors, chosen by `seed`: a disk may write what it likes before a sync.
    pub(super) fn survivors(&self, mut seed: u64) -> Vec<u8> {
        let mut kept = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 63 == 1
        };
        self.state(|state| {
            let mut bytes = state.durable.clone();
            for write in &state.unsynced {
                match write {
                    Write::Length(length) => bytes.resize(*length, 0),
                    Write::Bytes(at, data) => {
                        for (n, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                            let at = at + n * SECTOR_BYTES;
                            if kept() && at + sector.len() <= bytes.len() {
                                bytes[at..at + sector.len()].copy_from_slice(sector);
                            }
                        }
                    }
                }
            }
            bytes
        })
    }

    fn state<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap())
    }

    fn alive<T>(&self, f: impl FnOnce(&mut State) -> T) -> Result<T, IoError> {
        self.state(|state| {
            if state.dies_at.is_some_and(|n| state.syncs >= n) {
                return Err(IoError::from(state.kind.unwrap_or(ErrorKind::Other)));
            }
            Ok(f(state))
        })
    }
}

fn span(offset: u64, bytes: usize) -> Range<usize> {
    offset as usize..offset as usize + bytes
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, IoError> {
        self.alive(|state| state.current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), IoError> {
        self.alive(|state| match state.current.get(span(offset, out.len())) {
            Some(bytes) => {
                out.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(IoError::from(ErrorKind::UnexpectedEof)),
        })?
    }

    fn set_len(&self, len: u64) -> Result<(), IoError> {
        self.alive(|state| {
            state.current.resize(len as usize, 0);
            state.unsynced.push(Write::Length(len as usize));
        })
    }

    fn sync_data(&self) -> Result<(), IoError> {
        // The sync it dies at fails like everything after it: what was written before is anybody's guess.
        self.state(|state| state.syncs += 1);
        self.alive(|state| {
            state.durable.clone_from(&state.current);
            state.unsynced.clear();
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), IoError> {
        self.alive(|state| {
            state.current[span(offset, data.len())].copy_from_slice(data);
            state.unsynced.push(Write::Bytes(offset as usize, data.to_vec()));
        })
    }
}
