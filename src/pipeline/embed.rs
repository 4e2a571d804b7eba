//! Vectors: a reconciler, not a stage.
//!
//! Looks for indexed posts without vectors of the wanted model, newest first, and makes them in small batches; the database says
//! what remains, so it can stop anywhere and go on later. Full text never waits for it. When the model changes, the old vectors
//! keep answering until the new ones are complete; then they are dropped.

use std::sync::atomic::AtomicBool;

use crate::{
    ai::{EmbedKind, Embedder},
    app::{App, Error, Indexes, Tenant, Upkeep},
    fail::{FailPoint, fail_point},
    model::{Post, PostId},
    search::{Encoding, VectorRow},
};

/// Posts embedded between two commits: a few seconds of work at most, so that progress is never far behind.
const BATCH_POSTS: usize = 64;
/// Longest text that is embedded of one post, bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedOutcome {
    /// Made vectors for this many posts; there may be more.
    Embedded(usize),
    /// Every post has vectors.
    Idle,
    /// No model is installed, or embedding is off.
    NoModel,
}

/// One batch for every tenant that has work.
pub fn embed_tick(app: &App, stop: &AtomicBool) -> Result<EmbedOutcome, Error> {
    let Some(model) = app.embedder()? else {
        return Ok(EmbedOutcome::NoModel);
    };
    let mut embedded = 0;
    for row in app.tenant_due_list(Upkeep::Embed)? {
        if stop.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
        // A tenant that cannot be opened is the sweep's and doctor's concern.
        let Ok(tenant) = app.tenant_open_due(&row) else {
            continue;
        };
        let writes = tenant.writes();
        match embed_batch(app, &tenant, model.as_ref()) {
            Ok(0) => {
                tenant.upkeep_done(Upkeep::Embed, writes);
                if embedded == 0 {
                    tenant.indexes().graph_build_if_due(stop)?;
                }
            }
            Ok(posts) => embedded += posts,
            Err(error) if error.is_one_tenants() => {
                tracing::error!(tenant = %row.id, %error, "tenant cannot be embedded");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(if embedded == 0 { EmbedOutcome::Idle } else { EmbedOutcome::Embedded(embedded) })
}

fn embed_batch(app: &App, tenant: &Tenant, model: &dyn Embedder) -> Result<usize, Error> {
    let (store, indexes) = (tenant.store(), tenant.indexes());
    let name = model.model().as_str();
    let row = match store.model_find(name)? {
        Some((row, _)) => row,
        None => store.model_upsert(name, model.dimensions())?,
    };
    let ids = store.post_unembedded_list(row, BATCH_POSTS)?;
    let active = Indexes::vector_model(store)?;
    if ids.is_empty() {
        // A crash between storing the last vectors and choosing them leaves them complete and unused.
        if active.is_none() && store.model_coverage(row)?.embedded > 0 {
            indexes.vectors_activate(store, name)?;
        }
        if let Some(old) = active.filter(|active| active != name) {
            indexes.vectors_activate(store, name)?;
            let rows = store.vectors_prune(row)?;
            app.embedder_close(&old);
            app.log_system(
                "info",
                format!("tenant {}: {name} replaces {old}, {rows} old vectors dropped", tenant.row().slug),
            )?;
        }
        return Ok(0);
    }
    let posts = store.posts_load(&ids)?;
    let encoded = encode(model, &posts)?;
    fail_point(FailPoint::BeforeVectorCommit);
    let stored = store.vectors_put(row, encoded.clone())?;
    if active.is_none() {
        indexes.vectors_activate(store, name)?;
    } else {
        let rows = rows_of(&posts, &encoded, &stored);
        indexes.vectors_add(name, &rows)?;
    }
    Ok(stored.len())
}

/// A post's revision and its chunks, encoded.
type Encoded = (PostId, i64, Vec<Vec<u8>>);

fn encode(model: &dyn Embedder, posts: &[Post]) -> Result<Vec<Encoded>, Error> {
    let encoding = Encoding::for_model(model.model().as_str(), model.dimensions());
    let texts: Vec<String> = posts.iter().map(text_of).collect();
    let mut chunks: Vec<&str> = Vec::with_capacity(posts.len());
    let mut owners: Vec<usize> = Vec::with_capacity(posts.len());
    for (owner, text) in texts.iter().enumerate() {
        for range in model.chunks(text) {
            chunks.push(&text[range]);
            owners.push(owner);
        }
    }
    let started = std::time::Instant::now();
    let vectors = model.embed(EmbedKind::Passage, &chunks)?;
    metrics::histogram!("embedding_latency_seconds").record(started.elapsed().as_secs_f64());
    let mut encoded: Vec<Encoded> = posts.iter().map(|post| (post.id, post.revision, Vec::new())).collect();
    for (vector, owner) in vectors.iter().zip(owners) {
        encoded[owner].2.push(encoding.encode(vector)?);
    }
    Ok(encoded)
}

/// What is embedded: the post's words and the titles of its links that are not among them.
fn text_of(post: &Post) -> String {
    let mut text = post.text.clone();
    for link in &post.links {
        if !link.text.is_empty() && !text.contains(&link.text) {
            text.push('\n');
            text.push_str(&link.text);
        }
    }
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    text
}

fn rows_of<'a>(posts: &[Post], encoded: &'a [Encoded], stored: &[PostId]) -> Vec<VectorRow<'a>> {
    let mut rows = Vec::new();
    for (post, (_, _, chunks)) in posts.iter().zip(encoded) {
        if !stored.contains(&post.id) {
            continue;
        }
        rows.extend(chunks.iter().zip(0..).map(|(row, chunk)| VectorRow {
            post_id: post.id,
            channel_id: post.channel_id,
            posted_at: post.posted_at.as_second(),
            chunk,
            row,
        }));
    }
    rows
}
