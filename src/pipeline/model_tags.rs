//! Tags by a model: a reconciler beside the pipeline.
//!
//! The database says which posts lack them; a few are asked about at a time, the newest first, and posts that got tags go through
//! tagging and indexing once more. One question after the other, so that a provider that comes back meets no herd. Stops anywhere.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use crate::app::{App, Error, Upkeep, model_tags::ModelTagStep};

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelTagsOutcome {
    /// Asked about so many posts; there may be more.
    Asked(usize),
    /// Nothing can be asked before then.
    Idle { until: Option<Timestamp> },
}

/// One question for every tenant that has posts to ask about.
pub fn model_tags_tick(app: &App, stop: &AtomicBool) -> Result<ModelTagsOutcome, Error> {
    let (mut asked, mut until) = (0, None::<Timestamp>);
    if app.config().ai.chat.is_empty() {
        return Ok(ModelTagsOutcome::Idle { until });
    }
    for row in app.tenant_due_list(Upkeep::ModelTags)? {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        // A tenant that cannot be opened is the sweep's and doctor's concern.
        let Ok(tenant) = app.tenant_open_due(&row) else { continue };
        let writes = tenant.writes();
        let step = match app.model_tag_step(&tenant) {
            Err(error) if error.is_one_tenants() => {
                tracing::error!(tenant = %row.id, %error, "tenant cannot be tagged by a model");
                continue;
            }
            step => step?,
        };
        match step {
            ModelTagStep::Tagged(posts) => asked += posts,
            ModelTagStep::Idle | ModelTagStep::Waits { until: None, .. } => {
                tenant.upkeep_done(Upkeep::ModelTags, writes);
            }
            ModelTagStep::Waits { until: Some(due), .. } => {
                until = Some(until.map_or(due, |before| before.min(due)));
            }
        }
    }
    Ok(if asked == 0 { ModelTagsOutcome::Idle { until } } else { ModelTagsOutcome::Asked(asked) })
}
