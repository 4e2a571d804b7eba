//! The sweep: finds what fell between the stores.
//!
//! Runs at start and every `pipeline.sweep_s`. Posts that have not reached the end and have no job get one; a full-text index
//! that lacks posts is filled, one that lies in many pieces is merged. This is what makes the queue and the indexes derived data.
//! Links that an earlier version stored get the keys they lack.

use crate::{
    app::{App, Error, Upkeep},
    model::PostId,
    queue::{Cause, Lane},
    store,
};

/// Posts queued in one step.
const BATCH_POSTS: usize = 5000;
/// Links that get their keys in one step.
const BATCH_LINKS: usize = 2000;

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Unfinished posts looked at.
    pub posts: u64,
    /// `false`: the queue had no room for all of them; another sweep is due when it has.
    pub complete: bool,
}

/// Queues every unfinished post and fills indexes that lack posts, in every tenant that may have some.
pub fn sweep(app: &App) -> Result<Swept, Error> {
    let mut swept = Swept { posts: 0, complete: true };
    for row in app.tenant_due_list(Upkeep::Sweep)? {
        // One tenant that cannot be read (moved, damaged, newer) must not hold the others; doctor shows it.
        if let Err(error) = sweep_tenant(app, &row, &mut swept) {
            tracing::error!(tenant = %row.id, %error, "tenant cannot be swept");
        }
    }
    Ok(swept)
}

fn sweep_tenant(app: &App, row: &store::Tenant, swept: &mut Swept) -> Result<(), Error> {
    let tenant = app.tenant_open_due(row)?;
    while tenant.store().link_keys_fill(BATCH_LINKS)? == BATCH_LINKS {}
    let writes = tenant.writes();
    if tenant.indexes().rebuild_due() {
        let posts = tenant.indexes().rebuild(tenant.store(), &mut |_, _| {})?;
        app.log_system("info", format!("tenant {}: full-text index rebuilt with {posts} posts", row.slug))?;
    }
    app.alerts_match(&tenant)?;
    let mut after = PostId(0);
    loop {
        let posts = tenant.store().post_unfinished_list(after, BATCH_POSTS)?;
        let Some(last) = posts.last() else {
            if after == PostId(0) {
                tenant.upkeep_done(Upkeep::Sweep, writes);
                tenant.indexes().fulltext().merge_if_scattered()?;
            }
            return Ok(());
        };
        after = *last;
        swept.posts += posts.len() as u64;
        if !app.queue_has_room() {
            swept.complete = false;
            return Ok(());
        }
        app.posts_enqueue(&tenant, &posts, Lane::Backfill, Cause::Sweep)?;
    }
}
