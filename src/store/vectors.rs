//! Vectors of posts and the models that made them.
//!
//! `posts.vector_model` says whose vectors a post has; posts of the wanted model's complement are the work that remains. Several
//! models' rows may lie side by side while one replaces another.

use rusqlite::{OptionalExtension as _, params};

use super::{Error, TenantStore};
use crate::model::{ChannelId, PostId};

/// One stored vector with what a search filters by.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorRow {
    pub post: PostId,
    pub channel: ChannelId,
    /// Unix seconds.
    pub posted_at_s: i64,
    pub chunk: u32,
    /// As `search` encodes it.
    pub data: Vec<u8>,
}

/// How far a model has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct ModelCoverage {
    pub embedded: u64,
    pub waiting: u64,
}

impl TenantStore {
    /// The row of a model, made on first use.
    pub fn model_upsert(&self, name: &str, dimensions: usize) -> Result<i64, Error> {
        let name = name.to_owned();
        self.db.write(move |tx| {
            tx.execute(
                "INSERT OR IGNORE INTO models (name, dimensions) VALUES (?1, ?2)",
                params![name, dimensions as i64],
            )?;
            Ok(tx.query_row("SELECT id FROM models WHERE name = ?1", [name], |row| row.get(0))?)
        })
    }

    /// A model's row and the length of its vectors.
    pub fn model_find(&self, name: &str) -> Result<Option<(i64, usize)>, Error> {
        self.db.read(|db| {
            let sql = "SELECT id, dimensions FROM models WHERE name = ?1";
            let found = db
                .prepare_cached(sql)?
                .query_row([name], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as usize)));
            Ok(found.optional()?)
        })
    }

    /// Indexed posts without vectors of this model, newest first.
    pub fn post_unembedded_list(&self, model: i64, limit: usize) -> Result<Vec<PostId>, Error> {
        self.db.read(|db| {
            // Two ranges, so that the index on (vector_model, posted_at) serves both the fresh posts and those of an old model.
            let sql = "SELECT id FROM (
                           SELECT * FROM (SELECT id, posted_at FROM posts
                               WHERE vector_model = 0 AND lead_id IS NULL AND deleted_at IS NULL AND stage = 4
                               ORDER BY posted_at DESC LIMIT ?2)
                           UNION ALL
                           SELECT * FROM (SELECT id, posted_at FROM posts
                               WHERE vector_model > 0 AND vector_model <> ?1 AND lead_id IS NULL AND deleted_at IS NULL AND stage = 4
                               ORDER BY posted_at DESC LIMIT ?2))
                       ORDER BY posted_at DESC, id DESC LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![model, limit as i64], |row| row.get(0).map(PostId))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Indexed posts with words that have vectors of no model, and none of this one, newest first.
    pub fn post_vectorless_list(&self, model: i64, limit: usize) -> Result<Vec<PostId>, Error> {
        self.db.read(|db| {
            let sql = "SELECT id FROM posts
                       WHERE vector_model = 0 AND lead_id IS NULL AND deleted_at IS NULL AND stage = 4 AND text <> ''
                           AND NOT EXISTS (SELECT 1 FROM post_vectors v WHERE v.post_id = posts.id AND v.model_id = ?1)
                       ORDER BY posted_at DESC LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![model, limit as i64], |row| row.get(0).map(PostId))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    pub fn model_coverage(&self, model: i64) -> Result<ModelCoverage, Error> {
        self.db.read(|db| {
            let sql =
                "SELECT count(*) FILTER (WHERE vector_model = ?1), count(*) FILTER (WHERE vector_model <> ?1)
                       FROM posts WHERE lead_id IS NULL AND deleted_at IS NULL";
            Ok(db.prepare_cached(sql)?.query_row([model], |row| {
                Ok(ModelCoverage {
                    embedded: row.get::<_, i64>(0)? as u64,
                    waiting: row.get::<_, i64>(1)? as u64,
                })
            })?)
        })
    }

    /// Stores the vectors of a batch: `(post, the revision they were made from, chunks)`. A post edited meanwhile is left for the
    /// next round. Returns the posts that were stored.
    pub fn vectors_put(
        &self,
        model: i64,
        posts: Vec<(PostId, i64, Vec<Vec<u8>>)>,
    ) -> Result<Vec<PostId>, Error> {
        self.vectors_store(model, model, posts)
    }

    /// The same beside what another model is to make: the posts wait for that one's as before. Returns those that got a vector.
    pub fn vectors_also(
        &self,
        model: i64,
        mut posts: Vec<(PostId, i64, Vec<Vec<u8>>)>,
    ) -> Result<Vec<PostId>, Error> {
        posts.retain(|(_, _, chunks)| !chunks.is_empty());
        self.vectors_store(model, 0, posts)
    }

    /// `noted`: whose vectors the posts have from now on.
    fn vectors_store(
        &self,
        model: i64,
        noted: i64,
        posts: Vec<(PostId, i64, Vec<Vec<u8>>)>,
    ) -> Result<Vec<PostId>, Error> {
        self.db.write(move |tx| {
            let mut stored = Vec::with_capacity(posts.len());
            for (post, revision, chunks) in &posts {
                let sql = "UPDATE posts SET vector_model = iif(?2 = 0, vector_model, ?2)
                           WHERE id = ?1 AND revision = ?3 AND deleted_at IS NULL";
                if tx.prepare_cached(sql)?.execute(params![post.0, noted, revision])? == 0 {
                    continue;
                }
                tx.prepare_cached("DELETE FROM post_vectors WHERE post_id = ?1 AND model_id = ?2")?
                    .execute(params![post.0, model])?;
                let sql = "INSERT INTO post_vectors (post_id, model_id, chunk, data) VALUES (?1, ?2, ?3, ?4)";
                let mut insert = tx.prepare_cached(sql)?;
                for (chunk, data) in chunks.iter().enumerate() {
                    insert.execute(params![post.0, model, chunk as i64, data])?;
                }
                stored.push(*post);
            }
            Ok(stored)
        })
    }

    /// Hands every vector of a model to `visit`, in post order.
    pub fn vectors_each(&self, model: i64, visit: &mut dyn FnMut(VectorRow)) -> Result<(), Error> {
        self.db.read(|db| {
            let sql = "SELECT post_id, channel_id, posted_at / 1000, chunk, data FROM post_vectors
                       JOIN posts ON posts.id = post_id
                       WHERE model_id = ?1 AND deleted_at IS NULL ORDER BY post_id, chunk";
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query([model])?;
            while let Some(row) = rows.next()? {
                visit(VectorRow {
                    post: PostId(row.get(0)?),
                    channel: ChannelId(row.get(1)?),
                    posted_at_s: row.get(2)?,
                    chunk: row.get::<_, i64>(3)? as u32,
                    data: row.get(4)?,
                });
            }
            Ok(())
        })
    }

    /// Removes the vectors of every model but this one; returns how many rows went.
    pub fn vectors_prune(&self, keep: i64) -> Result<usize, Error> {
        self.db.write(move |tx| Ok(tx.execute("DELETE FROM post_vectors WHERE model_id <> ?1", [keep])?))
    }
}
