//! Enrich: notes which pages a post links to, where the tenant wants them read.
//!
//! Pure: reading them is the work of `links`, beside the pipeline, so no post waits for a stranger's site. Where it is switched
//! off the stage is passed.

use crate::{links::Address, model::Post, store::StageOutput};

/// What may be read.
#[derive(Debug, Clone)]
pub(super) struct EnrichPlan {
    pub(super) ports: Vec<u16>,
    /// 0 where nothing is.
    pub(super) pages_per_post_max: usize,
}

pub(super) fn enrich(post: &Post, plan: &EnrichPlan) -> StageOutput {
    let mut pages: Vec<String> = Vec::new();
    for link in &post.links {
        if pages.len() == plan.pages_per_post_max {
            break;
        }
        if let Ok(address) = Address::parse(&link.url, &plan.ports)
            && !pages.iter().any(|known| known == address.as_str())
        {
            pages.push(address.as_str().to_owned());
        }
    }
    StageOutput::Enriched { pages }
}
