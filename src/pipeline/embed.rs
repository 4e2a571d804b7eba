//! Vectors: a reconciler, not a stage.
//!
//! Looks for indexed posts without vectors of the wanted model, newest first, and makes them in small batches; the database says
//! what remains, so it can stop anywhere and go on later. Full text never waits for it. When the model changes, the old vectors
//! keep answering until the new ones are complete; then they are dropped. Where questions can be compared with the old ones no more
//! (the model is gone, or may not be asked), the new ones answer from the first. Which model is wanted is the tenant's: those whose
//! vectors are made outside are `embed_outside`'s.

use std::sync::atomic::AtomicBool;

use crate::{
    ai::{EmbedKind, Embedder},
    app::{App, Error, Indexes, Tenant, Upkeep, embedding::VectorMaker},
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
    if app.embedder()?.is_none() {
        return Ok(EmbedOutcome::NoModel);
    }
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
        match embed_batch(app, &tenant) {
            Ok(Batch::Made(posts)) => embedded += posts,
            Ok(Batch::Outside) => tenant.upkeep_done(Upkeep::Embed, writes),
            Ok(Batch::Complete) => {
                tenant.upkeep_done(Upkeep::Embed, writes);
                if embedded == 0 {
                    tenant.indexes().graph_build_if_due(stop)?;
                }
            }
            Err(error) if error.is_one_tenants() => {
                tracing::error!(tenant = %row.id, %error, "tenant cannot be embedded");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(if embedded == 0 { EmbedOutcome::Idle } else { EmbedOutcome::Embedded(embedded) })
}

/// What became of a tenant's batch.
enum Batch {
    Made(usize),
    Complete,
    /// The rest is made outside.
    Outside,
}

fn embed_batch(app: &App, tenant: &Tenant) -> Result<Batch, Error> {
    let model = match app.vectors_maker(tenant)? {
        VectorMaker::Here(model) => model,
        VectorMaker::Outside(_) => {
            return Ok(match meanwhile(app, tenant)? {
                0 => Batch::Outside,
                posts => Batch::Made(posts),
            });
        }
        VectorMaker::Nobody => return Ok(Batch::Complete),
    };
    let Some(posts) = due(app, tenant, model.model().as_str(), BATCH_POSTS)? else {
        return Ok(Batch::Complete);
    };
    let started = std::time::Instant::now();
    let encoded = encode(model.as_ref(), &posts, &mut |texts| {
        Ok(Ok::<_, Error>(model.embed(EmbedKind::Passage, texts)?))
    })??;
    metrics::histogram!("embedding_latency_seconds").record(started.elapsed().as_secs_f64());
    Ok(Batch::Made(put(app, tenant, model.as_ref(), &posts, &encoded)?))
}

/// While vectors are made outside and those made here still answer, new posts get vectors here as well: the others may take days.
fn meanwhile(app: &App, tenant: &Tenant) -> Result<usize, Error> {
    let (store, indexes) = (tenant.store(), tenant.indexes());
    let Some(active) = Indexes::vector_model(store)? else { return Ok(0) };
    let Some(model) = app.embedder()?.filter(|model| model.model().as_str() == active) else {
        return Ok(0);
    };
    let Some((row, _)) = store.model_find(&active)? else { return Ok(0) };
    let posts = store.posts_load(&store.post_vectorless_list(row, BATCH_POSTS)?)?;
    let encoded = encode(model.as_ref(), &posts, &mut |texts| {
        Ok(Ok::<_, Error>(model.embed(EmbedKind::Passage, texts)?))
    })??;
    let stored = store.vectors_also(row, encoded.clone())?;
    indexes.vectors_add(&active, &rows_of(&posts, &encoded, &stored))?;
    Ok(stored.len())
}

/// The posts that lack vectors of a model, newest first. `None`: there are none, and the model's vectors answer.
pub(super) fn due(
    app: &App,
    tenant: &Tenant,
    model: &str,
    posts_max: usize,
) -> Result<Option<Vec<Post>>, Error> {
    let (store, indexes) = (tenant.store(), tenant.indexes());
    let row = store.model_find(model)?.map(|(row, _)| row);
    let ids = store.post_unembedded_list(row.unwrap_or(NO_MODEL), posts_max)?;
    if !ids.is_empty() {
        return Ok(Some(store.posts_load(&ids)?));
    }
    let Some(row) = row else { return Ok(None) };
    let active = Indexes::vector_model(store)?;
    // A crash between storing the last vectors and choosing them leaves them complete and unused.
    let unused = active.is_none() && store.model_coverage(row)?.embedded > 0;
    if unused || active.is_some_and(|active| active != model) {
        indexes.vectors_activate(store, model)?;
    }
    if let Some((before, rows)) = indexes.vectors_complete(store, row)? {
        app.embedder_close(&before);
        app.log_system(
            "info",
            format!("tenant {}: {model} replaces {before}, {rows} old vectors dropped", tenant.row().slug),
        )?;
    }
    Ok(None)
}

/// No row of a model has this id.
const NO_MODEL: i64 = -1;

/// Stores what was made of posts; how many were as they had been when it was made.
pub(super) fn put(
    app: &App,
    tenant: &Tenant,
    model: &dyn Embedder,
    posts: &[Post],
    encoded: &[Encoded],
) -> Result<usize, Error> {
    let (store, indexes) = (tenant.store(), tenant.indexes());
    let name = model.model().as_str();
    let row = store.model_upsert(name, model.dimensions())?;
    fail_point(FailPoint::BeforeVectorCommit);
    let stored = store.vectors_put(row, encoded.to_vec())?;
    let active = Indexes::vector_model(store)?;
    let answers = match &active {
        Some(active) => active == name || app.vectors_askable(tenant, active)?,
        None => false,
    };
    if answers {
        indexes.vectors_add(name, &rows_of(posts, encoded, &stored))?;
    } else {
        indexes.vectors_activate(store, name)?;
    }
    Ok(stored.len())
}

/// A post's revision and its chunks, encoded.
pub(super) type Encoded = (PostId, i64, Vec<Vec<u8>>);

/// The vectors of pieces, one each; the inner error is what the caller says of it.
type Made<E> = Result<Result<Vec<Vec<f32>>, E>, Error>;

/// Makes the posts' vectors by `embed`, which is asked for all pieces together.
pub(super) fn encode<E>(
    model: &dyn Embedder,
    posts: &[Post],
    embed: &mut dyn FnMut(&[&str]) -> Made<E>,
) -> Result<Result<Vec<Encoded>, E>, Error> {
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
    let vectors = match embed(&chunks)? {
        Ok(vectors) => vectors,
        Err(why) => return Ok(Err(why)),
    };
    let mut encoded: Vec<Encoded> = posts.iter().map(|post| (post.id, post.revision, Vec::new())).collect();
    for (vector, owner) in vectors.iter().zip(owners) {
        encoded[owner].2.push(encoding.encode(vector)?);
    }
    Ok(Ok(encoded))
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
