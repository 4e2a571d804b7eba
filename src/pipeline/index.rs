//! Index: puts posts into the full-text index, in one commit a batch.
//!
//! The index is committed before the posts are marked, so a post that counts as indexed is in the index; a crash between the two
//! indexes them again, which changes nothing. Vectors are made later, by `embed`.

use crate::{
    app::{Error, Tenant},
    fail::{FailPoint, fail_point},
    model::Post,
    store::StageOutput,
};

pub(super) fn index(tenant: &Tenant, posts: &[Post]) -> Result<Vec<StageOutput>, Error> {
    tenant.indexes().fulltext_put(posts)?;
    fail_point(FailPoint::AfterIndexCommit);
    Ok(posts.iter().map(|_| StageOutput::Indexed).collect())
}
