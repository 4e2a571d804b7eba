//! Tags: what the local tagger finds in a text, and what people do to the vocabulary.
//!
//! The tagger finds forms, as the text spells them, and a post always shows these. Merges say which forms stand for which tag of
//! the vocabulary; that is applied where tags are stored and asked for, so it holds for every tagger, and the index needs no
//! change. Tagging anew changes tenant.db first; the pipeline does the rest, and what is not queued here is found by the sweep.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{App, Error, Tenant, audit::Origin, tenants::rfc3339};
use crate::{
    model::{AuditAction, ChannelId, ChannelSet, Post, PostId},
    queue::{Cause, Lane},
    store::{MergedTag, ModelTags, NewTagMerge, PostFilter, TagForm, TagMerge},
    text::{self, DocumentFrequency, TAGS_PER_POST_MAX},
};

/// Candidates drawn before the rules are applied.
const CANDIDATES_MAX: usize = TAGS_PER_POST_MAX * 2;
/// Tags one merge takes at most.
pub const MERGED_TAGS_MAX: usize = 100;
/// Posts queued at once after a change of tags; the sweep queues the rest.
const QUEUED_AT_ONCE_MAX: usize = 1000;
/// Posts looked at in one step of tagging anew.
const RETAG_BATCH_POSTS: usize = 500;
/// Changes of tags a report shows.
const EXAMPLES_MAX: usize = 10;

/// How much more a phrase counts that the title or description of a linked page has as well.
const TOLD_BY_PAGE: f32 = 1.5;

/// The tags of a post by the local tagger, best first: words of its text. What was read behind its links only says which of them
/// matter. Those that break a rule are dropped and counted.
pub fn tags_made(post: &Post, frequency: &dyn DocumentFrequency) -> Vec<TagForm> {
    let mut candidates = text::keyphrases(&post.text, frequency, CANDIDATES_MAX);
    if !post.pages.is_empty() {
        let told: HashSet<String> = post
            .pages
            .iter()
            .flat_map(|page| [&page.title, &page.description])
            .flat_map(|line| text::terms(line))
            .map(|term| term.text)
            .collect();
        for phrase in &mut candidates {
            if text::tag_key(&phrase.text).split(' ').all(|stem| told.contains(stem)) {
                phrase.score *= TOLD_BY_PAGE;
            }
        }
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    }
    let (mut tags, rejected) =
        text::tags_checked(&post.text, candidates.into_iter().map(|phrase| phrase.text));
    for rejection in rejected {
        metrics::counter!("tags_rejected_total", "reason" => rejection.reason.name()).increment(1);
    }
    tags.truncate(TAGS_PER_POST_MAX);
    tags.into_iter().map(|form| TagForm { key: text::tag_key(&form), form }).collect()
}

/// What a merge did, or with `dry_run` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MergeView {
    /// For undoing it; none for a dry run.
    pub merge_id: Option<i64>,
    pub into: String,
    pub from: Vec<MergedTag>,
    /// Posts that bore one of the merged tags.
    pub posts: usize,
    pub dry_run: bool,
}

/// A merge of the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MergeRecord {
    pub merge_id: i64,
    pub into: String,
    /// What stands for it; empty once the merge is undone.
    pub from: Vec<String>,
    pub posts: u64,
    pub made_at: String,
    pub made_by: String,
    pub undone_at: Option<String>,
}

impl From<TagMerge> for MergeRecord {
    fn from(merge: TagMerge) -> Self {
        Self {
            merge_id: merge.id,
            into: merge.into,
            from: merge.from,
            posts: merge.posts,
            made_at: rfc3339(merge.made_at),
            made_by: merge.made_by,
            undone_at: merge.undone_at.map(rfc3339),
        }
    }
}

/// A post's tags, and those it would get now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RetagView {
    pub post_id: PostId,
    pub tags: Vec<String>,
    pub proposed: Vec<String>,
    pub changed: bool,
    /// The post is on its way through the pipeline.
    pub queued: bool,
}

/// Which posts are tagged anew; nothing given means all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RetagFilter {
    pub channel: Option<ChannelId>,
    pub tag: Option<String>,
    pub since: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
}

/// What tagging anew did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetagReport {
    pub matched: u64,
    /// Posts whose tags differ from what the tagger finds now.
    pub changed: u64,
    pub queued: u64,
    pub examples: Vec<RetagView>,
    pub dry_run: bool,
}

impl Tenant {
    /// The key under which the vocabulary has a tag, or what it was merged into.
    pub(super) fn tag_key(&self, tag: Option<&str>) -> Result<Option<String>, Error> {
        tag.map(|tag| Ok(self.store.tag_target(&text::tag_key(tag))?)).transpose()
    }

    /// For each tag the keys of all forms that stand for the same, as the index takes them.
    pub(super) fn tags_joined(&self, tags: &[String]) -> Result<Vec<Vec<String>>, Error> {
        tags.iter().map(|tag| Ok(self.store.tag_keys_joined(&text::tag_key(tag))?)).collect()
    }

    /// Merges, the newest first, and how many there are.
    pub fn tag_merge_list(&self, limit: usize, offset: usize) -> Result<(Vec<MergeRecord>, u64), Error> {
        let (merges, total) = self.store.tag_merge_list(limit, offset)?;
        Ok((merges.into_iter().map(MergeRecord::from).collect(), total))
    }

    /// The tags that cannot be merged into others.
    pub fn tag_protected_list(&self) -> Result<Vec<String>, Error> {
        Ok(self.store.tag_protected_list()?)
    }
}

impl RetagView {
    /// `made`: by a model, which tagging prefers.
    fn of(post: &Post, frequency: &dyn DocumentFrequency, made: Option<&ModelTags>) -> Self {
        let proposed: Vec<String> = match made {
            Some(made) => made.tags.iter().map(|tag| tag.form.clone()).collect(),
            None => tags_made(post, frequency).into_iter().map(|tag| tag.form).collect(),
        };
        RetagView {
            post_id: post.id,
            changed: text::tags_hash(&proposed) != text::tags_hash(&post.tags),
            tags: post.tags.clone(),
            proposed,
            queued: false,
        }
    }
}

impl App {
    /// Makes tags one in the vocabulary, for all posts of the tenant and all that come. Posts go on showing their own forms.
    pub fn tags_merge(
        &self,
        tenant: &Tenant,
        from: &[String],
        into: &str,
        dry_run: bool,
        origin: &Origin,
    ) -> Result<MergeView, Error> {
        if from.is_empty() || from.len() > MERGED_TAGS_MAX {
            return Err(Error::field(
                "from",
                format!("has {}; name 1 to {MERGED_TAGS_MAX} tags", from.len()),
            ));
        }
        let merge = NewTagMerge {
            from: from.iter().map(|tag| tag_read("from", tag)).collect::<Result<_, _>>()?,
            into: tag_allowed("into", into)?,
            made_by: origin.actor.to_string(),
            now: self.now(),
            dry_run,
        };
        let merged = tenant.store.tags_merge(merge)?;
        if !dry_run {
            let data = json!({ "merge_id": merged.id, "from": merged.from, "posts": merged.posts });
            let target = merged.into.clone();
            let line = self.audit(origin, Some(tenant.id()), AuditAction::TagsMerged, target, Some(data));
            self.control.audit_add(line)?;
        }
        Ok(MergeView {
            merge_id: merged.id,
            into: merged.into,
            from: merged.from,
            posts: merged.posts,
            dry_run,
        })
    }

    /// Undoes a merge; returns how many posts went back to their former tags.
    pub fn tags_merge_undo(&self, tenant: &Tenant, id: i64, origin: &Origin) -> Result<usize, Error> {
        let changed = tenant
            .store
            .tags_merge_undo(id, self.now())?
            .ok_or_else(|| Error::NotFound(format!("no merge {id}")))?;
        let data = json!({ "posts": changed });
        let target = format!("merge:{id}");
        let line = self.audit(origin, Some(tenant.id()), AuditAction::TagsMergeUndone, target, Some(data));
        self.control.audit_add(line)?;
        Ok(changed)
    }

    /// Keeps a tag from being merged into another, or lets it go.
    pub fn tag_protect(
        &self,
        tenant: &Tenant,
        tag: &str,
        protect: bool,
        origin: &Origin,
    ) -> Result<(), Error> {
        let tag = tag_read("tag", tag)?;
        let target = tag.form.clone();
        if tenant.store.tag_protect(tag, protect, self.now())? {
            let data = json!({ "protected": protect });
            let line = self.audit(origin, Some(tenant.id()), AuditAction::TagProtected, target, Some(data));
            self.control.audit_add(line)?;
        }
        Ok(())
    }

    /// Has a post tagged anew; with `dry_run` only says what would come of it.
    pub fn post_retag(
        &self,
        tenant: &Tenant,
        visible: &ChannelSet,
        id: PostId,
        dry_run: bool,
        origin: &Origin,
    ) -> Result<RetagView, Error> {
        let post =
            tenant.store.post_find(id, visible)?.ok_or_else(|| Error::NotFound(format!("no post {id}")))?;
        let mut view = {
            let fulltext = tenant.indexes.fulltext();
            let made = tenant.store.model_tags_load(&[id])?;
            RetagView::of(&post, &tenant.frequencies.over(&fulltext), made.get(&id))
        };
        if !dry_run {
            // A post that is not tagged yet is on its way already.
            let set_back = tenant.store.posts_retag(vec![id])?;
            self.posts_changed(tenant, &set_back)?;
            let target = format!("post:{id}");
            let line = self.audit(origin, Some(tenant.id()), AuditAction::PostRetagged, target, None);
            self.control.audit_add(line)?;
            view.queued = true;
        }
        Ok(view)
    }

    /// Has every post of a filter tagged anew; with `dry_run` only says what would come of it.
    pub fn posts_retag(
        &self,
        tenant: &Tenant,
        filter: &RetagFilter,
        dry_run: bool,
        origin: &Origin,
    ) -> Result<RetagReport, Error> {
        let tag_key = tenant.tag_key(filter.tag.as_deref())?;
        let wanted = PostFilter {
            channels: filter.channel.map_or(ChannelSet::All, |id| ChannelSet::Only([id].into())),
            tag_key,
            since: filter.since,
            until: filter.until,
        };
        let fulltext = tenant.indexes.fulltext();
        let frequency = tenant.frequencies.over(&fulltext);
        let mut report = RetagReport { matched: 0, changed: 0, queued: 0, examples: Vec::new(), dry_run };
        let mut set_back = Vec::new();
        let mut after = PostId(0);
        loop {
            let ids = tenant.store.post_id_list(&wanted, after, RETAG_BATCH_POSTS)?;
            let Some(last) = ids.last() else { break };
            after = *last;
            report.matched += ids.len() as u64;
            let made = tenant.store.model_tags_load(&ids)?;
            for post in tenant.store.posts_load(&ids)? {
                let view = RetagView::of(&post, &frequency, made.get(&post.id));
                if view.changed {
                    report.changed += 1;
                    if report.examples.len() < EXAMPLES_MAX {
                        report.examples.push(view);
                    }
                }
            }
            if !dry_run {
                set_back.extend(tenant.store.posts_retag(ids)?);
            }
        }
        if !dry_run {
            report.queued = set_back.len() as u64;
            self.posts_changed(tenant, &set_back)?;
            let data = json!({ "matched": report.matched, "queued": report.queued });
            let target = format!("{} posts", report.queued);
            let line = self.audit(origin, Some(tenant.id()), AuditAction::PostRetagged, target, Some(data));
            self.control.audit_add(line)?;
        }
        Ok(report)
    }

    /// Queues posts whose row says that there is work; a long list is left to the sweep.
    pub(super) fn posts_changed(&self, tenant: &Tenant, posts: &[PostId]) -> Result<(), Error> {
        if posts.len() > QUEUED_AT_ONCE_MAX || !self.queue_has_room() {
            self.sweep_want();
            return Ok(());
        }
        self.posts_enqueue(tenant, posts, Lane::Backfill, Cause::News)
    }
}

/// A tag as somebody names it.
fn tag_read(field: &str, tag: &str) -> Result<TagForm, Error> {
    let form = text::normalise(tag);
    let form = form.trim().trim_start_matches('#').trim().to_owned();
    let key = text::tag_key(&form);
    if key.is_empty() || form.chars().count() > text::TAG_CHARS_MAX {
        let max = text::TAG_CHARS_MAX;
        return Err(Error::field(
            field,
            format!("is no tag; a tag has letters or digits and at most {max} characters"),
        ));
    }
    Ok(TagForm { form, key })
}

/// A tag that posts shall bear: it keeps the rules of all tags but the one that it stands in the text.
fn tag_allowed(field: &str, tag: &str) -> Result<TagForm, Error> {
    let tag = tag_read(field, tag)?;
    let (kept, rejected) = text::tags_checked(&tag.form, std::iter::once(tag.form.clone()));
    if kept.is_empty() {
        let reason = rejected.first().map_or("empty", |rejected| rejected.reason.name());
        return Err(Error::field(field, format!("breaks a rule of tags: {reason}")));
    }
    Ok(tag)
}
