//! A tenant's two indexes: opening, repairing, filling, and the hand-over from one embedding model to the next.
//!
//! Derived data: what is damaged or missing is set aside and rebuilt from tenant.db, and meanwhile search stays up on what is
//! there. Vectors are read into memory on first need and belong to one model; while another model makes new ones, the old ones
//! keep answering until the new are complete.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;

use super::Error;
use crate::{
    config,
    model::{Post, PostId},
    search::{
        Document, Drift, Encoding, FullText, FullTextSettings, VectorRow, VectorSettings, Vectors,
        fulltext_link, graphs_link,
    },
    store::{self, TenantStore},
};

/// Posts read and indexed together while rebuilding.
const REBUILD_BATCH_POSTS: usize = 1000;
/// How the name of a full-text index begins that was set aside; the second follows.
pub(super) const DAMAGED: &str = "fulltext.damaged-";
/// The key in tenant.db's `meta` of the model whose vectors answer searches.
const VECTOR_MODEL_META: &str = "vector_model";
/// The same of the model it replaced, whose vectors are still there.
const VECTOR_MODEL_BEFORE_META: &str = "vector_model_before";

/// The vectors that answer searches, and the model that made them.
#[derive(Debug)]
pub struct ActiveVectors {
    pub model: String,
    /// `models.id` in tenant.db.
    pub row: i64,
    pub vectors: Vectors,
}

/// One tenant's indexes.
pub struct Indexes {
    dir: PathBuf,
    fulltext_settings: FullTextSettings,
    vector_settings: VectorSettings,
    fulltext: RwLock<Arc<FullText>>,
    /// The full-text index lacks posts that tenant.db says are in it.
    rebuild_due: AtomicBool,
    active: Mutex<Option<Arc<ActiveVectors>>>,
}

impl Indexes {
    /// Opens the full-text index beside tenant.db. A damaged one is set aside; the second value says what was repaired.
    pub(super) fn open(
        dir: &Path,
        settings: &config::Search,
        store: &TenantStore,
        now: Timestamp,
    ) -> Result<(Self, Option<String>), Error> {
        let fulltext_settings =
            FullTextSettings { writer_heap_bytes: settings.writer_heap_bytes, ..FullTextSettings::default() };
        let vector_settings =
            VectorSettings { exact_max_chunks: settings.exact_max_chunks, ..VectorSettings::default() };
        let path = dir.join("fulltext");
        let mut repaired = None;
        let fulltext = match FullText::open(&path, fulltext_settings) {
            Ok(fulltext) => fulltext,
            Err(error) if error.needs_rebuild() => {
                let aside = set_aside(&path, now)?;
                repaired = Some(format!("{error}; it lies at {} and is rebuilt", aside.display()));
                FullText::open(&path, fulltext_settings)?
            }
            Err(error) => return Err(error.into()),
        };
        let missing = fulltext.documents() < store.post_counts()?.indexed;
        if missing && repaired.is_none() {
            repaired = Some("the full-text index lacks posts and is rebuilt".to_owned());
        }
        let indexes = Self {
            dir: dir.to_owned(),
            fulltext_settings,
            vector_settings,
            fulltext: RwLock::new(Arc::new(fulltext)),
            rebuild_due: AtomicBool::new(missing),
            active: Mutex::new(None),
        };
        Ok((indexes, repaired))
    }

    pub fn fulltext(&self) -> Arc<FullText> {
        Arc::clone(&self.fulltext.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the full-text index must be filled from tenant.db.
    pub fn rebuild_due(&self) -> bool {
        self.rebuild_due.load(Ordering::Relaxed)
    }

    /// Fills the full-text index from tenant.db; returns how many posts are in it. Searches go on meanwhile.
    pub fn rebuild(&self, store: &TenantStore, progress: &mut dyn FnMut(u64, u64)) -> Result<u64, Error> {
        let fulltext = self.fulltext();
        let total = store.post_counts()?.indexed;
        let mut after = PostId(0);
        let mut done = 0;
        let mut expected = Vec::new();
        loop {
            let ids = store.post_indexed_list(after, REBUILD_BATCH_POSTS)?;
            let Some(last) = ids.last() else { break };
            after = *last;
            let posts = store.posts_load(&ids)?;
            fulltext_put(&fulltext, &posts)?;
            fulltext.commit(None)?;
            done += posts.len() as u64;
            expected.extend(ids);
            progress(done, total);
        }
        let extra = Self::absent(store, fulltext.verify(expected)?.extra)?;
        if !extra.is_empty() {
            fulltext.remove(&extra)?;
            fulltext.commit(None)?;
        }
        self.rebuild_due.store(false, Ordering::Relaxed);
        Ok(done)
    }

    /// Those of these posts that the database does not have. A list of what is indexed is old when it is read: what came since is in
    /// the indexes by right.
    pub(super) fn absent(
        store: &TenantStore,
        posts: impl IntoIterator<Item = PostId>,
    ) -> Result<Vec<PostId>, Error> {
        let posts: Vec<PostId> = posts.into_iter().collect();
        let mut absent = Vec::new();
        for chunk in posts.chunks(REBUILD_BATCH_POSTS) {
            let here: BTreeSet<PostId> = store.posts_load(chunk)?.iter().map(|post| post.id).collect();
            absent.extend(chunk.iter().copied().filter(|id| !here.contains(id)));
        }
        Ok(absent)
    }

    /// Sets the full-text index aside and begins an empty one, to be filled by [`Indexes::rebuild`]; returns where the old lies.
    pub(super) fn fulltext_replace(&self, now: Timestamp) -> Result<PathBuf, Error> {
        let path = self.dir.join("fulltext");
        let mut slot = self.fulltext.write().unwrap_or_else(PoisonError::into_inner);
        slot.close_writer();
        let aside = set_aside(&path, now)?;
        *slot = Arc::new(FullText::open(&path, self.fulltext_settings)?);
        self.rebuild_due.store(true, Ordering::Relaxed);
        Ok(aside)
    }

    /// Throws the full-text index away and makes it anew.
    pub fn rebuild_from_nothing(
        &self,
        store: &TenantStore,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<u64, Error> {
        let path = self.dir.join("fulltext");
        let fresh = self.dir.join("fulltext.new");
        remove_dir(&fresh)?;
        {
            // The old one answers until the new one is whole.
            let building = Self {
                dir: self.dir.clone(),
                fulltext_settings: self.fulltext_settings,
                vector_settings: self.vector_settings,
                fulltext: RwLock::new(Arc::new(FullText::open(&fresh, self.fulltext_settings)?)),
                rebuild_due: AtomicBool::new(true),
                active: Mutex::new(None),
            };
            building.rebuild(store, progress)?;
        }
        let mut slot = self.fulltext.write().unwrap_or_else(PoisonError::into_inner);
        slot.close_writer();
        remove_dir(&path)?;
        std::fs::rename(&fresh, &path).map_err(|error| Error::io("rename", &fresh, error))?;
        *slot = Arc::new(FullText::open(&path, self.fulltext_settings)?);
        self.rebuild_due.store(false, Ordering::Relaxed);
        Ok(slot.documents())
    }

    /// Whether a full-text index that was restored beside this database holds its posts; what the database does not have leaves it.
    pub(super) fn restored_fit(&self, store: &TenantStore) -> Result<bool, Error> {
        if self.rebuild_due() {
            return Ok(false);
        }
        let drift = self.fulltext_drift(store)?;
        let extra = Self::absent(store, drift.extra)?;
        if drift.missing.is_empty() && !extra.is_empty() {
            self.remove(&extra)?;
        }
        Ok(drift.missing.is_empty())
    }

    fn fulltext_drift(&self, store: &TenantStore) -> Result<Drift, Error> {
        let mut expected = Vec::new();
        let mut after = PostId(0);
        loop {
            let ids = store.post_indexed_list(after, REBUILD_BATCH_POSTS)?;
            let Some(last) = ids.last() else { break };
            after = *last;
            expected.extend(ids);
        }
        Ok(self.fulltext().verify(expected)?)
    }

    /// How the indexes differ from tenant.db: full text, and the active model's vectors.
    pub fn verify(&self, store: &TenantStore) -> Result<(Drift, Drift), Error> {
        let fulltext = self.fulltext_drift(store)?;
        let vectors = match self.vectors(store)? {
            None => Drift::default(),
            Some(active) => {
                let mut rows = BTreeSet::new();
                store.vectors_each(active.row, &mut |row| {
                    rows.insert(row.post);
                })?;
                active.vectors.verify(rows)
            }
        };
        Ok((fulltext, vectors))
    }

    /// Puts posts into the full-text index, durable and visible on return.
    pub fn fulltext_put(&self, posts: &[Post]) -> Result<(), Error> {
        let fulltext = self.fulltext();
        fulltext_put(&fulltext, posts)?;
        crate::fail::fail_point(crate::fail::FailPoint::MidIndexCommit);
        Ok(fulltext.commit(None)?)
    }

    /// Takes posts out of both indexes.
    pub fn remove(&self, posts: &[PostId]) -> Result<(), Error> {
        let fulltext = self.fulltext();
        fulltext.remove(posts)?;
        fulltext.commit(None)?;
        if let Some(active) = self.active.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            for post in posts {
                active.vectors.remove(*post);
            }
        }
        Ok(())
    }

    /// Leaves nothing in the files of posts that are gone: the graph's dump is made again when it is due, and a deleted document
    /// keeps its words in the full text until its segment is merged.
    pub(super) fn forget_deleted(&self, store: &TenantStore) -> Result<(), Error> {
        remove_dir(&self.dir.join("vectors"))?;
        self.rebuild_from_nothing(store, &mut |_, _| {}).map(|_| ())
    }

    /// The vectors that answer searches, read into memory on first use; `None` while no model has made any.
    pub fn vectors(&self, store: &TenantStore) -> Result<Option<Arc<ActiveVectors>>, Error> {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(active) = active.as_ref() {
            return Ok(Some(Arc::clone(active)));
        }
        let Some(model) = store.meta_find(VECTOR_MODEL_META)? else {
            return Ok(None);
        };
        let loaded = Arc::new(self.vectors_load(store, &model)?);
        *active = Some(Arc::clone(&loaded));
        Ok(Some(loaded))
    }

    fn vectors_load(&self, store: &TenantStore, model: &str) -> Result<ActiveVectors, Error> {
        let (row, dimensions) = store
            .model_find(model)?
            .ok_or_else(|| store::Error::NotFound(format!("model {model} in tenant.db")))?;
        let vectors = Vectors::new(model, Encoding::for_model(model, dimensions), self.vector_settings);
        let mut failed = None;
        store.vectors_each(row, &mut |stored| {
            let inserted = vectors.insert(&[VectorRow {
                post_id: stored.post,
                channel_id: stored.channel,
                posted_at: stored.posted_at_s,
                chunk: stored.chunk,
                row: &stored.data,
            }]);
            failed = failed.take().or(inserted.err());
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        vectors.graph_load(&self.dir.join("vectors"));
        Ok(ActiveVectors { model: model.to_owned(), row, vectors })
    }

    /// Makes `model`'s vectors the ones that answer: at once where there were none that questions can be compared with, else when
    /// they are complete. Those of the model before stay until [`Indexes::vectors_complete`].
    pub fn vectors_activate(&self, store: &TenantStore, model: &str) -> Result<(), Error> {
        if let Some(before) = Self::vector_model(store)?.filter(|before| before != model) {
            store.meta_put(VECTOR_MODEL_BEFORE_META, before)?;
        }
        store.meta_put(VECTOR_MODEL_META, model.to_owned())?;
        let loaded = Arc::new(self.vectors_load(store, model)?);
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
        Ok(())
    }

    /// The model whose vectors answer searches.
    pub fn vector_model(store: &TenantStore) -> Result<Option<String>, Error> {
        Ok(store.meta_find(VECTOR_MODEL_META)?)
    }

    /// The active vectors are complete: drops those of models before. Says which model was replaced and how many rows went.
    pub fn vectors_complete(&self, store: &TenantStore, row: i64) -> Result<Option<(String, usize)>, Error> {
        let Some(before) = store.meta_find(VECTOR_MODEL_BEFORE_META)? else {
            return Ok(None);
        };
        let rows = store.vectors_prune(row)?;
        store.meta_delete(VECTOR_MODEL_BEFORE_META)?;
        Ok(Some((before, rows)))
    }

    /// Adds fresh vectors to the ones in memory, if they are of the active model and in memory at all.
    pub fn vectors_add(&self, model: &str, rows: &[VectorRow<'_>]) -> Result<(), Error> {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(active) = active.filter(|active| active.model == model) {
            for row in rows.iter().filter(|row| row.chunk == 0) {
                active.vectors.remove(row.post_id);
            }
            active.vectors.insert(rows)?;
        }
        Ok(())
    }

    /// Builds and keeps a graph where there are more vectors than an exact search should compare.
    pub fn graph_build_if_due(&self, stop: &AtomicBool) -> Result<(), Error> {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(active) = active.filter(|active| active.vectors.graph_is_due()) else {
            return Ok(());
        };
        active.vectors.graph_build(stop);
        Ok(active.vectors.graph_dump(&self.dir.join("vectors"))?)
    }
}

/// Gives the files of the indexes in a tenant's directory second names in another.
pub(super) fn indexes_link(from: &Path, to: &Path) -> Result<(), Error> {
    fulltext_link(&from.join("fulltext"), &to.join("fulltext"))?;
    Ok(graphs_link(&from.join("vectors"), &to.join("vectors"))?)
}

/// Upserts posts without committing.
fn fulltext_put(fulltext: &FullText, posts: &[Post]) -> Result<(), Error> {
    let documents: Vec<Document<'_>> = posts
        .iter()
        .map(|post| Document {
            post_id: post.id,
            channel_id: post.channel_id,
            posted_at: post.posted_at.as_second(),
            text: &post.text,
            links: &post.links,
            pages: &post.pages,
            tags: &post.tags,
            author: post.author.as_deref(),
            language: post.language.as_deref(),
        })
        .collect();
    Ok(fulltext.upsert(&documents)?)
}

/// Renames a damaged directory, so that nothing is destroyed that somebody may want to look at.
fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, Error> {
    let aside = path.with_file_name(format!("{DAMAGED}{}", now.as_second()));
    remove_dir(&aside)?;
    std::fs::rename(path, &aside).map_err(|error| Error::io("set aside", path, error))?;
    Ok(aside)
}

fn remove_dir(path: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
