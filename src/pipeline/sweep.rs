//! The sweep: finds what fell between the stores.
//!
//! Runs at start and every `pipeline.sweep_s`. Posts that have not reached the end and have no job get one; a full-text index
//! that lacks posts is filled. This is what makes the queue and the indexes derived data.

use crate::{
    app::{App, Error},
    model::PostId,
    queue::{Cause, Lane},
};

/// Posts queued in one step.
const BATCH_POSTS: usize = 5000;

/// Queues every unfinished post of every tenant and fills indexes that lack posts; returns how many posts were looked at.
pub fn sweep(app: &App) -> Result<u64, Error> {
    let mut found = 0;
    for row in app.tenant_list()? {
        // One tenant that cannot be opened (moved, damaged, newer) must not hold the others; doctor shows it.
        let tenant = match app.tenant_open(&row) {
            Ok(tenant) => tenant,
            Err(error) => {
                tracing::error!(tenant = %row.id, %error, "tenant cannot be opened");
                continue;
            }
        };
        if tenant.indexes().rebuild_due() {
            let posts = tenant.indexes().rebuild(tenant.store(), &mut |_, _| {})?;
            app.log_system(
                "info",
                format!("tenant {}: full-text index rebuilt with {posts} posts", row.slug),
            )?;
        }
        let mut after = PostId(0);
        loop {
            let posts = tenant.store().post_unfinished_list(after, BATCH_POSTS)?;
            let Some(last) = posts.last() else { break };
            after = *last;
            found += posts.len() as u64;
            if !app.queue_has_room() {
                // The next sweep finds the rest; what is queued now keeps the pipeline busy until then.
                return Ok(found);
            }
            app.posts_enqueue(&tenant, &posts, Lane::Backfill, Cause::Sweep)?;
        }
    }
    Ok(found)
}
