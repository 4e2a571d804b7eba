//! The graph on disk: written aside, synced, renamed; read only when every byte is as it was written.
//!
//! Layout below the vectors' directory: `graph-<generation>/` with `hnsw_rs`'s two files, `keys` (which row each graph id
//! is) and `manifest.json` (model, dimensions, generation, count, and size and CRC-32 of each file). `.new-…` is a dump in
//! progress or one a crash cut short.
//!
//! Invariants: a directory without the `.new-` prefix was complete when it was renamed; anything that does not match its
//! manifest is deleted and treated as absent, because a graph is only ever a copy. `hnsw_rs` panics on truncated files, so it
//! is entered only after the checksums and behind `catch_unwind`.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::graph::Graph;
use crate::{model::PostId, search::Error};

const FORMAT: u32 = 1;
const KEYS_FILE: &str = "keys";
const MANIFEST_FILE: &str = "manifest.json";
const PREFIX: &str = "graph-";
const NEW_PREFIX: &str = ".new-";
const KEY_BYTES: usize = 16;
const OBJECT: &str = "vector graph";

/// Which row a graph id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GraphKey {
    pub(super) post_id: i64,
    chunk: u32,
    /// CRC-32 of the row: a re-embedded chunk is another row.
    content: u32,
}

impl GraphKey {
    pub(super) fn new(post_id: PostId, chunk: u32, along: f32, scale: f32, codes: &[i8]) -> GraphKey {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&along.to_le_bytes());
        hasher.update(&scale.to_le_bytes());
        let bytes: Vec<u8> = codes.iter().map(|code| *code as u8).collect();
        hasher.update(&bytes);
        GraphKey { post_id: post_id.0, chunk, content: hasher.finalize() }
    }

    fn to_bytes(self) -> [u8; KEY_BYTES] {
        let mut out = [0; KEY_BYTES];
        out[..8].copy_from_slice(&self.post_id.to_le_bytes());
        out[8..12].copy_from_slice(&self.chunk.to_le_bytes());
        out[12..].copy_from_slice(&self.content.to_le_bytes());
        out
    }

    fn from_bytes(bytes: [u8; KEY_BYTES]) -> GraphKey {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        GraphKey { post_id: i64::from(word(0)) | i64::from(word(4)) << 32, chunk: word(8), content: word(12) }
    }
}

/// What a dump says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: u32,
    model: String,
    dim: usize,
    pub(super) generation: u64,
    count: usize,
    files: Vec<FileSum>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSum {
    name: String,
    bytes: u64,
    crc32: u32,
}

impl Manifest {
    pub(super) fn new(model: &str, dim: usize, generation: u64, count: usize) -> Manifest {
        Manifest { format: FORMAT, model: model.to_owned(), dim, generation, count, files: Vec::new() }
    }
}

/// Writes a dump and removes all others.
pub(super) fn write(
    dir: &Path,
    mut manifest: Manifest,
    graph: &Graph,
    keys: &[GraphKey],
) -> Result<(), Error> {
    let fail = |e: &io::Error| Error::io("write", OBJECT, e);
    let name = format!("{PREFIX}{}", manifest.generation);
    let new = dir.join(format!("{NEW_PREFIX}{name}"));
    remove_dir(&new).map_err(|e| fail(&e))?;
    fs::create_dir_all(&new).map_err(|e| fail(&e))?;
    // hnsw_rs writes into files it has opened itself and panics where it cannot.
    let written = catch_unwind(AssertUnwindSafe(|| graph.write(&new)))
        .unwrap_or_else(|_| Err("write failed".to_owned()));
    let names =
        written.map_err(|reason| Error::Unavailable { operation: format!("write {OBJECT}"), reason })?;
    let mut key_bytes = Vec::with_capacity(keys.len() * KEY_BYTES);
    key_bytes.extend(keys.iter().flat_map(|key| key.to_bytes()));
    fs::write(new.join(KEYS_FILE), key_bytes).map_err(|e| fail(&e))?;
    for file in names.iter().map(String::as_str).chain([KEYS_FILE]) {
        let path = new.join(file);
        File::open(&path).and_then(|file| file.sync_all()).map_err(|e| fail(&e))?;
        manifest.files.push(file_sum(&new, file).map_err(|e| fail(&e))?);
    }
    let text = serde_json::to_vec_pretty(&manifest).expect("plain numbers and strings are always JSON");
    let mut file = File::create(new.join(MANIFEST_FILE)).map_err(|e| fail(&e))?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(|e| fail(&e))?;
    sync_dir(&new).map_err(|e| fail(&e))?;
    let done = dir.join(&name);
    remove_dir(&done).map_err(|e| fail(&e))?;
    fs::rename(&new, &done).and_then(|()| sync_dir(dir)).map_err(|e| fail(&e))?;
    for (_, other) in dumps(dir).into_iter().filter(|(_, path)| *path != done) {
        // An old dump that stays is only disk space, and the next one tries again.
        drop(remove_dir(&other));
    }
    Ok(())
}

/// The newest usable dump of this model; unusable ones are deleted on the way.
pub(super) fn read(dir: &Path, model: &str, dim: usize) -> Option<(Manifest, Graph, Vec<GraphKey>)> {
    let mut found = dumps(dir);
    found.sort_by_key(|(generation, _)| std::cmp::Reverse(*generation));
    for (_, path) in found {
        match read_one(&path, model, dim) {
            Ok(dump) => return Some(dump),
            Err(reason) => {
                tracing::warn!(dump = %path.display(), reason, "vector graph ignored, it will be built again");
                drop(remove_dir(&path));
            }
        }
    }
    None
}

fn read_one(dir: &Path, model: &str, dim: usize) -> Result<(Manifest, Graph, Vec<GraphKey>), String> {
    let text = fs::read(dir.join(MANIFEST_FILE)).map_err(|e| e.to_string())?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| e.to_string())?;
    if manifest.format != FORMAT || manifest.model != model || manifest.dim != dim {
        return Err("it is of another model or format".to_owned());
    }
    let plain = |name: &str| !name.is_empty() && !name.contains(['/', '\\']) && name != "..";
    for file in &manifest.files {
        if !plain(&file.name) || file_sum(dir, &file.name).map_err(|e| e.to_string())? != *file {
            return Err(format!("checksum of {} differs", file.name));
        }
    }
    if !manifest.files.iter().any(|file| file.name == KEYS_FILE) || manifest.files.len() != 3 {
        return Err("its manifest is incomplete".to_owned());
    }
    let bytes = fs::read(dir.join(KEYS_FILE)).map_err(|e| e.to_string())?;
    let (keys, rest) = bytes.as_chunks::<KEY_BYTES>();
    let keys: Vec<GraphKey> = keys.iter().copied().map(GraphKey::from_bytes).collect();
    let graph = catch_unwind(|| Graph::read(dir)).unwrap_or_else(|_| Err("it cannot be read".to_owned()))?;
    if !rest.is_empty() || keys.len() != manifest.count || graph.count() != manifest.count {
        return Err("its parts differ in length".to_owned());
    }
    Ok((manifest, graph, keys))
}

/// Every dump below `dir`, finished or not, by generation (0 for unfinished ones).
fn dumps(dir: &Path) -> Vec<(u64, PathBuf)> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?;
            if name.starts_with(NEW_PREFIX) {
                return Some((0, path.clone()));
            }
            let generation = name.strip_prefix(PREFIX)?.parse().ok()?;
            Some((generation, path))
        })
        .collect()
}

fn file_sum(dir: &Path, name: &str) -> io::Result<FileSum> {
    let mut file = File::open(dir.join(name))?;
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok(FileSum { name: name.to_owned(), bytes, crc32: hasher.finalize() })
}

fn remove_dir(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a dump's manifest agree with its files, however they were changed.
#[cfg(test)]
pub(super) fn reseal(dir: &Path) {
    let path = dir.join(MANIFEST_FILE);
    let mut manifest: Manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for file in &mut manifest.files {
        *file = file_sum(dir, &file.name).unwrap();
    }
    fs::write(path, serde_json::to_vec(&manifest).unwrap()).unwrap();
}
