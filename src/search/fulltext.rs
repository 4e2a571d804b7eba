//! The full-text index of one tenant: tantivy behind our words.
//!
//! Knows tantivy, `text` and `model`. Threads: tantivy's own, one for indexing and one for merging, and only while a writer
//! is open; with many tenants the application closes idle writers ([`FullText::close_writer`]).
//!
//! Invariants: a post is one document (adding it again replaces it, by its id); nothing is visible before
//! [`FullText::commit`], and everything committed is durable when it returns; a commit carries the caller's watermark, so
//! after a crash the caller knows from where to repeat.
//!
//! Crash behaviour: after kill -9 the directory opens at its last commit; the writer's lock is the kernel's and dies with
//! its process. Every checksum is verified at opening: damage is [`Error::Corrupt`] then, not a wrong answer later.

mod compose;
mod length;
mod schema;
mod terms;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tantivy::{
    Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, Term,
    collector::{Count, DocSetCollector, TopDocs},
    directory::MmapDirectory,
    indexer::{IndexWriterOptions, LogMergePolicy},
    query::{AllQuery, BooleanQuery, Occur, Query as IndexQuery},
};

use self::{
    compose::Composer,
    length::Lenient,
    schema::{FORMAT, Fields, POST_ID, schema},
    terms::{TERMS, TermTokenizer},
};
pub use self::{compose::Weights, schema::Document};
use super::{Drift, Error, Filter, Found, Hit, Query, best_first};
use crate::model::PostId;

/// Most hits one search returns.
pub const HITS_MAX: usize = 1_000;

/// Beside tantivy's files: the version of our documents in decimal.
const FORMAT_FILE: &str = "format";

/// Least heap tantivy accepts for its one indexing thread, bytes.
const WRITER_HEAP_BYTES_MIN: usize = 15_000_000;

/// Segments below this many posts count as equally small and are merged eight at a time. tantivy's own 10,000 merges an import's
/// batches again and again: two fifths of the time of an import went into that.
const MERGE_LAYER_POSTS_MIN: u32 = 1_000;

/// The segments are merged into one when more than one post in this many lies outside the largest, or is removed. A whole index
/// is smaller and faster by a tenth; merging for every few posts would write it again and again.
const SCATTERED_SHARE: u32 = 8;

const OBJECT: &str = "full-text index";

/// How an index is run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FullTextSettings {
    /// Memory for documents not yet written out, bytes; at least 15 MB.
    pub writer_heap_bytes: usize,
    pub weights: Weights,
}

impl Default for FullTextSettings {
    fn default() -> FullTextSettings {
        FullTextSettings { writer_heap_bytes: 32 * 1024 * 1024, weights: Weights::default() }
    }
}

/// An open index. All methods take `&self`; searches run beside writes, writes take turns.
pub struct FullText {
    dir: PathBuf,
    index: Index,
    reader: IndexReader,
    fields: Fields,
    settings: FullTextSettings,
    writer: Mutex<WriterState>,
}

struct WriterState {
    writer: Option<IndexWriter>,
    /// The last committed watermark.
    watermark: Option<String>,
}

impl FullText {
    /// Opens the index in `dir`, creating it where there is none.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for damage or an older format, [`Error::Newer`] for a newer one: in both cases nothing was
    /// changed, and the caller moves the directory aside and opens an empty one. Others are the system's.
    pub fn open(dir: &Path, settings: FullTextSettings) -> Result<FullText, Error> {
        // tantivy trusts what it maps; damage that its checks let through shows as a panic, which is damage all the same.
        catch_unwind(AssertUnwindSafe(|| Self::open_checked(dir, settings)))
            .unwrap_or_else(|_| Err(Error::corrupt(OBJECT, "the files contradict each other")))
    }

    fn open_checked(dir: &Path, settings: FullTextSettings) -> Result<FullText, Error> {
        fs::create_dir_all(dir).map_err(|e| Error::io("create", OBJECT, &e))?;
        let (schema, fields) = schema();
        let fresh = format_check(dir)?;
        let mapped = MmapDirectory::open(dir).map_err(|e| Error::tantivy("open", OBJECT, &e.into()))?;
        let index =
            if fresh { Index::create(mapped, schema, IndexSettings::default()) } else { Index::open(mapped) }
                .map_err(|e| Error::tantivy("open", OBJECT, &e))?;
        index.tokenizers().register(TERMS, TermTokenizer::default());
        if fresh {
            // Last, so that a directory with a format file is a complete index.
            fs::write(dir.join(FORMAT_FILE), FORMAT.to_string())
                .map_err(|e| Error::io("write format of", OBJECT, &e))?;
        } else {
            let damaged = index.validate_checksum().map_err(|e| Error::tantivy("verify", OBJECT, &e))?;
            if let Some(file) = damaged.iter().min() {
                return Err(Error::corrupt(OBJECT, format!("checksum of {} differs", file.display())));
            }
            if index.schema() != self::schema().0 {
                return Err(Error::corrupt(OBJECT, "its fields are not those of this format"));
            }
        }
        let payload = index.load_metas().map_err(|e| Error::tantivy("open", OBJECT, &e))?.payload;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(|e| Error::tantivy("open", OBJECT, &e))?;
        let watermark = payload.filter(|mark| !mark.is_empty());
        Ok(FullText {
            dir: dir.to_path_buf(),
            index,
            reader,
            fields,
            settings,
            writer: Mutex::new(WriterState { writer: None, watermark }),
        })
    }

    /// Adds the posts, each replacing an older document of the same id. Visible after [`FullText::commit`].
    pub fn upsert(&self, posts: &[Document<'_>]) -> Result<(), Error> {
        // Cutting and stemming is most of the work, and needs no lock.
        let documents: Vec<_> = posts.iter().map(|post| (post.post_id, self.fields.document(post))).collect();
        self.write(|writer| {
            for (post_id, document) in documents {
                writer.delete_term(self.id_term(post_id));
                writer.add_document(document)?;
            }
            Ok(())
        })
    }

    /// Removes the posts; unknown ids are no error. Visible after [`FullText::commit`].
    pub fn remove(&self, posts: &[PostId]) -> Result<(), Error> {
        self.write(|writer| {
            for post_id in posts {
                writer.delete_term(self.id_term(*post_id));
            }
            Ok(())
        })
    }

    /// Makes everything since the last commit durable and visible. `watermark` is kept with it, in one atomic step; `None`
    /// keeps the previous one.
    pub fn commit(&self, watermark: Option<&str>) -> Result<(), Error> {
        let mut state = self.writer_lock();
        let mark = watermark.map(str::to_owned).or_else(|| state.watermark.clone());
        self.write_with(&mut state, |writer| {
            let mut prepared = writer.prepare_commit()?;
            prepared.set_payload(mark.as_deref().unwrap_or(""));
            prepared.commit()?;
            Ok(())
        })?;
        state.watermark = mark;
        drop(state);
        self.reader.reload().map_err(|e| Error::tantivy("reload", OBJECT, &e))
    }

    /// The watermark of the last commit, also after a restart.
    pub fn watermark(&self) -> Option<String> {
        self.writer_lock().watermark.clone()
    }

    /// Begins to merge all segments into one where many posts lie outside the largest or are removed; says whether it did.
    /// tantivy does it on a thread of its own, beside searches and writes; a crash leaves the segments as they were.
    pub fn merge_if_scattered(&self) -> Result<bool, Error> {
        let failed = |e| Error::tantivy("merge", OBJECT, &e);
        let segments = self.index.searchable_segment_metas().map_err(failed)?;
        let all: u32 = segments.iter().map(tantivy::SegmentMeta::max_doc).sum();
        let largest = segments.iter().map(tantivy::SegmentMeta::num_docs).max().unwrap_or(0);
        if all - largest <= all / SCATTERED_SHARE {
            return Ok(false);
        }
        let ids: Vec<_> = segments.iter().map(tantivy::SegmentMeta::id).collect();
        self.write(|writer| {
            // Whoever asks again later sees what became of it.
            drop(writer.merge(&ids));
            Ok(())
        })?;
        Ok(true)
    }

    /// How many segments the last commit or merge left.
    pub fn segments(&self) -> Result<usize, Error> {
        let ids = self.index.searchable_segment_ids().map_err(|e| Error::tantivy("read", OBJECT, &e))?;
        Ok(ids.len())
    }

    /// Frees the writer's memory and threads; what was not committed is dropped. The next write opens a new one.
    pub fn close_writer(&self) {
        self.writer_lock().writer = None;
    }

    /// The best `limit` posts (at most [`HITS_MAX`]). A query without words or tags finds nothing. Phrases that match
    /// nothing are tried again as free words.
    pub fn search(&self, query: &Query, filter: &Filter, limit: usize) -> Result<Found, Error> {
        let found = self.search_strictly(query, filter, limit)?;
        match query.relaxed() {
            Some(relaxed) if found.total == 0 => self.search_strictly(&relaxed, filter, limit),
            Some(_) | None => Ok(found),
        }
    }

    fn search_strictly(&self, query: &Query, filter: &Filter, limit: usize) -> Result<Found, Error> {
        let searcher = self.reader.searcher();
        let composer = self.composer(&searcher);
        let Some(composed) = composer.query(query, filter) else {
            return Ok(Found::default());
        };
        let (hits, total) = Self::collect(&searcher, composed.as_ref(), limit)?;
        let best = hits.first().map_or(0.0, |hit| hit.score);
        Ok(Found { hits, total, coverage: composer.coverage(query, best) })
    }

    /// The scores this query gives these posts, best first; a post it does not match at all is absent.
    pub fn score(&self, query: &Query, filter: &Filter, posts: &[PostId]) -> Result<Vec<Hit>, Error> {
        let searcher = self.reader.searcher();
        let composer = self.composer(&searcher);
        let Some(query) = composer.query(query, filter) else {
            return Ok(Vec::new());
        };
        let restricted = BooleanQuery::new(vec![(Occur::Must, query), composer.posts(posts)]);
        Ok(Self::collect(&searcher, &restricted, posts.len())?.0)
    }

    /// The posts a filter lets through: how a tag filter reaches the vectors.
    pub fn posts_matching(&self, filter: &Filter) -> Result<BTreeSet<PostId>, Error> {
        let searcher = self.reader.searcher();
        let Some(mut parts) = self.composer(&searcher).filter(filter) else {
            return Ok(BTreeSet::new());
        };
        parts.push((Occur::Must, Box::new(AllQuery)));
        let documents = searcher
            .search(&BooleanQuery::new(parts), &DocSetCollector)
            .map_err(|e| Error::tantivy("search", OBJECT, &e))?;
        let ids = PostIds::of(&searcher)?;
        Ok(documents.into_iter().filter_map(|at| ids.get(at)).collect())
    }

    /// How many posts contain the stem; an estimate from above while removed posts await their merge.
    pub fn document_frequency(&self, stem: &str) -> Result<u64, Error> {
        self.reader
            .searcher()
            .doc_freq(&Term::from_field_text(self.fields.text, stem))
            .map_err(|e| Error::tantivy("search", OBJECT, &e))
    }

    /// How many posts are committed.
    pub fn documents(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// Whether the post is committed.
    pub fn contains(&self, post_id: PostId) -> Result<bool, Error> {
        let (_, query) = {
            let searcher = self.reader.searcher();
            self.composer(&searcher).posts(&[post_id])
        };
        let count = self
            .reader
            .searcher()
            .search(query.as_ref(), &Count)
            .map_err(|e| Error::tantivy("search", OBJECT, &e))?;
        Ok(count > 0)
    }

    /// Every committed post.
    pub fn post_ids(&self) -> Result<BTreeSet<PostId>, Error> {
        let searcher = self.reader.searcher();
        let ids = PostIds::of(&searcher)?;
        let mut out = BTreeSet::new();
        for (column, segment) in ids.0.iter().zip(searcher.segment_readers()) {
            out.extend(segment.doc_ids_alive().filter_map(|doc| column.first(doc)).map(PostId));
        }
        Ok(out)
    }

    /// Compares with what the database says should be there.
    pub fn verify(&self, expected: impl IntoIterator<Item = PostId>) -> Result<Drift, Error> {
        Ok(Drift::between(expected, &self.post_ids()?))
    }

    /// Size of the directory, bytes.
    pub fn bytes_on_disk(&self) -> Result<u64, Error> {
        let entries = fs::read_dir(&self.dir).map_err(|e| Error::io("list", OBJECT, &e))?;
        // A file that a merge removes between the two calls counts as nothing.
        Ok(entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|file| file.len()).sum())
    }

    fn collect(searcher: &Searcher, query: &dyn IndexQuery, limit: usize) -> Result<(Vec<Hit>, u64), Error> {
        let top = TopDocs::with_limit(limit.clamp(1, HITS_MAX)).order_by_score();
        let found = searcher.search_with_statistics_provider(query, &(top, Count), &Lenient(searcher));
        let (top, total) = found.map_err(|e| Error::tantivy("search", OBJECT, &e))?;
        let ids = PostIds::of(searcher)?;
        let mut hits: Vec<Hit> = top
            .into_iter()
            .filter_map(|(score, at)| Some(Hit { post_id: ids.get(at)?, score }))
            .take(limit)
            .collect();
        hits.sort_by(best_first);
        Ok((hits, total as u64))
    }

    fn composer<'a>(&'a self, searcher: &'a Searcher) -> Composer<'a> {
        Composer { fields: &self.fields, weights: &self.settings.weights, searcher }
    }

    fn id_term(&self, post_id: PostId) -> Term {
        Term::from_field_i64(self.fields.post_id, post_id.0)
    }

    fn writer_lock(&self) -> MutexGuard<'_, WriterState> {
        // A panic while writing left at worst an uncommitted writer, which `write_with` replaces on its first error.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, work: impl FnOnce(&mut IndexWriter) -> tantivy::Result<()>) -> Result<(), Error> {
        self.write_with(&mut self.writer_lock(), work)
    }

    fn write_with(
        &self,
        state: &mut WriterState,
        work: impl FnOnce(&mut IndexWriter) -> tantivy::Result<()>,
    ) -> Result<(), Error> {
        let mut writer = match state.writer.take() {
            Some(writer) => writer,
            None => self.writer_open()?,
        };
        // A writer that failed stays failed: it is dropped, and with it what was not committed; the caller repeats.
        work(&mut writer).map_err(|e| Error::tantivy("write", OBJECT, &e))?;
        state.writer = Some(writer);
        Ok(())
    }

    fn writer_open(&self) -> Result<IndexWriter, Error> {
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(self.settings.writer_heap_bytes.max(WRITER_HEAP_BYTES_MIN))
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer =
            self.index.writer_with_options(options).map_err(|e| Error::tantivy("write", OBJECT, &e))?;
        let mut merging = LogMergePolicy::default();
        merging.set_min_layer_size(MERGE_LAYER_POSTS_MIN);
        writer.set_merge_policy(Box::new(merging));
        // What a writer wrote that died before its commit: the next one would use the same names, and may not.
        writer.garbage_collect_files().wait().map_err(|e| Error::tantivy("write", OBJECT, &e))?;
        Ok(writer)
    }
}

impl std::fmt::Debug for FullText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FullText").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// Reads the format file. `true`: the directory holds no index yet.
fn format_check(dir: &Path) -> Result<bool, Error> {
    let text = match fs::read_to_string(dir.join(FORMAT_FILE)) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let mut entries = fs::read_dir(dir).map_err(|e| Error::io("list", OBJECT, &e))?;
            return if entries.next().is_none() {
                Ok(true)
            } else {
                Err(Error::corrupt(OBJECT, "it has no format file: its creation was interrupted"))
            };
        }
        Err(e) => return Err(Error::io("read format of", OBJECT, &e)),
    };
    match text.trim().parse::<u32>() {
        Ok(FORMAT) => Ok(false),
        Ok(found) if found > FORMAT => {
            Err(Error::Newer { object: OBJECT.to_owned(), found, supported: FORMAT })
        }
        Ok(found) => Err(Error::corrupt(OBJECT, format!("format {found} is older than {FORMAT}"))),
        Err(_) => Err(Error::corrupt(OBJECT, "its format file is not a number")),
    }
}

/// The post id column of every segment.
struct PostIds(Vec<tantivy::columnar::Column<i64>>);

impl PostIds {
    fn of(searcher: &Searcher) -> Result<PostIds, Error> {
        let column = |segment: &tantivy::SegmentReader| segment.fast_fields().i64(POST_ID);
        let columns: tantivy::Result<Vec<_>> = searcher.segment_readers().iter().map(column).collect();
        columns.map(PostIds).map_err(|e| Error::tantivy("search", OBJECT, &e))
    }

    fn get(&self, at: tantivy::DocAddress) -> Option<PostId> {
        self.0.get(at.segment_ord as usize)?.first(at.doc_id).map(PostId)
    }
}
