//! Tags that a model makes: which posts, what a batch comes to, making them anew and going back.
//!
//! The local tags are there first and stay until better ones come; a model that is down delays, and nothing waits for it. What a
//! model answers is held against the rules of all tags. Equal texts are asked about once a day. The loop is the pipeline's.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    App, Error, Tenant, Upkeep, audit::Origin, model_calls::Denied, model_spending::cost, tags::RetagFilter,
};
use crate::{
    ai::{ChatModel as _, prompt, prompt::TAGGED_CHARS_MAX, tagging::tags_read},
    model::{AuditAction, ChannelSet, ModelFeature, Post, PostId},
    queue::{Cause, Lane},
    store::{ModelTagCounts, ModelTagOutcome, ModelTags, PlacedTag, PostFilter},
    text,
};

/// Posts of one question to a model.
pub const POSTS_PER_CALL: usize = 10;
/// Shorter posts without a picture are not asked about, characters.
pub const TAGGED_CHARS_MIN: usize = 80;
/// How often a post is asked about before it is left to its local tags.
pub const ATTEMPTS_MAX: u32 = 3;
/// How far back posts are whose tags are made without being asked for.
pub const LOOK_BACK: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long the answer for a text holds for equal texts.
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Before a post is asked about again, doubling.
const AGAIN_FIRST: SignedDuration = SignedDuration::from_mins(10);
/// After a failure that does not say for how long.
const FAILED_WAIT: SignedDuration = SignedDuration::from_secs(15);
/// Posts looked at in one step of a filter.
const FILTER_STEP: usize = 500;

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelTagStep {
    /// Asked about so many posts; there may be more.
    Tagged(usize),
    /// Nothing to do.
    Idle,
    /// Nothing can be asked before then; `None`: before something changes.
    Waits { until: Option<Timestamp>, why: Denied },
}

/// What tagging a filter's posts by a model would take, or has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ModelRetagReport {
    pub matched: u64,
    /// Posts that would be asked about: short ones are not.
    pub asked: u64,
    pub tokens_estimate: u64,
    /// Millionths of the currency.
    pub money_micros_estimate: u64,
    pub currency: String,
    /// The model that is asked first; none: nobody would be asked.
    pub model: Option<String>,
    /// How far the tenant's posts are.
    pub progress: ModelTagCounts,
    pub dry_run: bool,
}

/// A post that is asked about.
struct Asked {
    post: Post,
    hash: Vec<u8>,
    attempts: u32,
}

/// What one batch comes to: post, revision, hash of the text, outcome.
type Settled = (PostId, i64, Vec<u8>, ModelTagOutcome);

impl App {
    /// One question about the posts of a tenant that are due, newest first.
    pub fn model_tag_step(&self, tenant: &Tenant) -> Result<ModelTagStep, Error> {
        if let Some(why) = self.model_denied(tenant, ModelFeature::Tags, None)? {
            return Ok(ModelTagStep::Waits { until: None, why });
        }
        let models = self.model_list_of(tenant);
        let Some(first) = models.first() else {
            return Ok(ModelTagStep::Waits { until: None, why: Denied::NoKey });
        };
        let now = self.now();
        let since = now.checked_sub(LOOK_BACK).unwrap_or(Timestamp::MIN);
        let due = tenant.store.model_tag_due_list(since, now, POSTS_PER_CALL)?;
        if due.is_empty() {
            return Ok(match tenant.store.model_tag_next_due()? {
                None => ModelTagStep::Idle,
                // Not their time that is missing, but somebody's consent.
                Some(until) if until <= now => ModelTagStep::Idle,
                Some(until) => ModelTagStep::Waits { until: Some(until), why: Denied::Off },
            });
        }
        // What was not answered well with others is asked about alone.
        let alone = due.iter().any(|(_, attempts)| *attempts > 0);
        let due =
            if alone { due.into_iter().filter(|(_, attempts)| *attempts > 0).take(1).collect() } else { due };
        let attempts: HashMap<PostId, u32> = due.into_iter().collect();
        let ids: Vec<PostId> = attempts.keys().copied().collect();
        let (mut settled, mut asked) = (Vec::new(), Vec::new());
        for post in tenant.store.posts_load(&ids)? {
            let hash = hash_of(&post.text);
            if is_short(&post) {
                settled.push((post.id, post.revision, hash, ModelTagOutcome::Skipped { reason: "short" }));
                continue;
            }
            let known_since = now.checked_sub(KNOWN_FOR).unwrap_or(Timestamp::MIN);
            match tenant.store.model_tags_known(&hash, first.name(), prompt::TAGS.version, known_since)? {
                Some(known) => settled.push((post.id, post.revision, hash, ModelTagOutcome::Done(known))),
                None => asked.push(Asked { attempts: attempts[&post.id], hash, post }),
            }
        }
        let mut waits = None;
        if !asked.is_empty() {
            match self.batch_ask(tenant, &asked)? {
                Ok(outcomes) => settled.extend(outcomes),
                Err(why) => waits = Some(self.wait_of(tenant, why)),
            }
        }
        let count = settled.len();
        self.model_tags_settled(tenant, settled)?;
        Ok(waits.unwrap_or(ModelTagStep::Tagged(count)))
    }

    /// Asks about a batch. `Err`: nobody could be asked, and the posts are as they were.
    fn batch_ask(&self, tenant: &Tenant, asked: &[Asked]) -> Result<Result<Vec<Settled>, Denied>, Error> {
        let mut texts: Vec<&str> = Vec::new();
        let mut places: HashMap<&[u8], usize> = HashMap::new();
        for one in asked {
            places.entry(&one.hash).or_insert_with(|| {
                texts.push(prompt::beginning(&one.post.text, TAGGED_CHARS_MAX));
                texts.len() - 1
            });
        }
        let request = prompt::tags_request(&texts);
        let started = std::time::Instant::now();
        let answered = self.model_chat(tenant, (ModelFeature::Tags, None), &request, None)?;
        metrics::histogram!("tagging_latency_seconds").record(started.elapsed().as_secs_f64());
        let reason = match &answered {
            Ok(_) => "unreadable",
            Err(Denied::Failed(error)) if !error.is_providers() => error.fault.name(),
            Err(why) => return Ok(Err(why.clone())),
        };
        let (read, model) = match &answered {
            Ok(answered) => (tags_read(&answered.answer.text, texts.len()), answered.model.clone()),
            Err(_) => (vec![None; texts.len()], String::new()),
        };
        let provider = answered.as_ref().map_or("none", |answered| answered.provider.name());
        let mut outcomes = Vec::new();
        for one in asked {
            let found = places.get(one.hash.as_slice()).and_then(|place| read.get(*place)).cloned().flatten();
            let success = if found.is_some() { "true" } else { "false" };
            metrics::counter!("tagging_requests_total", "provider" => provider, "success" => success)
                .increment(1);
            let outcome = match found {
                Some(found) => {
                    ModelTagOutcome::Done(ModelTags { model: model.clone(), tags: placed(&one.post, found) })
                }
                None if one.attempts + 1 >= ATTEMPTS_MAX => ModelTagOutcome::Failed { reason },
                None => ModelTagOutcome::Later { reason, due: self.again_at(one.attempts) },
            };
            outcomes.push((one.post.id, one.post.revision, one.hash.clone(), outcome));
        }
        Ok(Ok(outcomes))
    }

    fn again_at(&self, attempts: u32) -> Timestamp {
        let wait = AGAIN_FIRST.checked_mul(1 << attempts.min(8)).unwrap_or(AGAIN_FIRST);
        self.now().checked_add(wait).unwrap_or(self.now())
    }

    /// When it is worth asking again.
    fn wait_of(&self, tenant: &Tenant, why: Denied) -> ModelTagStep {
        let now = self.now();
        let until = match &why {
            Denied::Off | Denied::NoConsent | Denied::NoKey => None,
            Denied::Budget(_) => {
                let tomorrow = now.to_zoned(TimeZone::UTC).tomorrow().and_then(|day| day.start_of_day());
                tomorrow.ok().map(|day| day.timestamp())
            }
            Denied::Failed(_) => {
                let paused =
                    self.model_list_of(tenant).into_iter().map(|model| model.remote().paused_until());
                // Somebody who is not paused can be asked soon.
                let until = paused.map(|until| until.unwrap_or(now)).min().unwrap_or(now);
                Some(until.max(now.checked_add(FAILED_WAIT).unwrap_or(now)))
            }
        };
        ModelTagStep::Waits { until, why }
    }

    fn model_tags_settled(&self, tenant: &Tenant, settled: Vec<Settled>) -> Result<(), Error> {
        if settled.is_empty() {
            return Ok(());
        }
        let advance = tenant.store.model_tags_settle(settled, prompt::TAGS.version, self.now())?;
        self.posts_enqueue(tenant, &advance, Lane::Backfill, Cause::News)
    }

    /// Has a model tag the posts of a filter, also those it did before; with `dry_run` only says what it would cost.
    pub fn model_retag(
        &self,
        tenant: &Tenant,
        filter: &RetagFilter,
        dry_run: bool,
        origin: &Origin,
    ) -> Result<ModelRetagReport, Error> {
        let models = self.model_list_of(tenant);
        let mut report = ModelRetagReport {
            matched: 0,
            asked: 0,
            tokens_estimate: 0,
            money_micros_estimate: 0,
            currency: self.config.ai.currency.clone(),
            model: models.first().map(|model| model.name().to_owned()),
            progress: ModelTagCounts::default(),
            dry_run,
        };
        let mut wanted = Vec::new();
        let mut texts: Vec<String> = Vec::new();
        filtered(tenant, filter, |posts| {
            report.matched += posts.len() as u64;
            for post in posts.into_iter().filter(|post| !is_short(post)) {
                wanted.push(post.id);
                texts.push(prompt::beginning(&post.text, TAGGED_CHARS_MAX).to_owned());
                if texts.len() == POSTS_PER_CALL {
                    report.tokens_estimate += batch_tokens(&texts);
                    texts.clear();
                }
            }
        })?;
        if !texts.is_empty() {
            report.tokens_estimate += batch_tokens(&texts);
        }
        report.asked = wanted.len() as u64;
        if let Some(config) =
            self.config.ai.chat.first().and_then(|provider| self.config.ai.provider(*provider))
        {
            let dearest = config.price_in_micros.max(config.price_out_micros);
            report.money_micros_estimate = cost(report.tokens_estimate, dearest);
        }
        if !dry_run {
            if let Some(denied) = self.model_denied(tenant, ModelFeature::Tags, None)? {
                let name = denied.name();
                return Err(Error::Conflict(format!(
                    "models may not tag this tenant's posts ({name}); switch it on first"
                )));
            }
            tenant.store.model_tags_want(wanted, self.now())?;
            let data = json!({ "matched": report.matched, "asked": report.asked, "by": "model" });
            let target = format!("{} posts", report.asked);
            let line = self.audit(origin, Some(tenant.id()), AuditAction::PostRetagged, target, Some(data));
            self.control.audit_add(line)?;
            self.tenants.stir(Upkeep::ModelTags);
            self.model_wake.signal();
        }
        report.progress = tenant.store.model_tag_counts()?;
        Ok(report)
    }

    /// Goes back to the local tags of the posts of a filter; returns how many.
    pub fn model_retag_undo(
        &self,
        tenant: &Tenant,
        filter: &RetagFilter,
        origin: &Origin,
    ) -> Result<u64, Error> {
        let mut ids = Vec::new();
        filtered(tenant, filter, |posts| ids.extend(posts.into_iter().map(|post| post.id)))?;
        let undone = tenant.store.model_tags_undo(ids)?;
        self.posts_changed(tenant, &undone)?;
        let data = json!({ "undone": undone.len(), "by": "model" });
        let target = format!("{} posts", undone.len());
        let line = self.audit(origin, Some(tenant.id()), AuditAction::PostRetagged, target, Some(data));
        self.control.audit_add(line)?;
        Ok(undone.len() as u64)
    }
}

/// Hands over the posts of a filter, some at a time.
fn filtered(tenant: &Tenant, filter: &RetagFilter, mut each: impl FnMut(Vec<Post>)) -> Result<(), Error> {
    let wanted = PostFilter {
        channels: filter.channel.map_or(ChannelSet::All, |id| ChannelSet::Only([id].into())),
        tag_key: tenant.tag_key(filter.tag.as_deref())?,
        since: filter.since,
        until: filter.until,
    };
    let mut after = PostId(0);
    loop {
        let ids = tenant.store.post_id_list(&wanted, after, FILTER_STEP)?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        each(tenant.store.posts_load(&ids)?);
    }
}

fn batch_tokens(texts: &[String]) -> u64 {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    prompt::tags_request(&texts).tokens_estimate()
}

fn is_short(post: &Post) -> bool {
    let chars = post.text.trim().chars().take(TAGGED_CHARS_MIN).count();
    chars == 0 || (chars < TAGGED_CHARS_MIN && post.media.is_none())
}

fn hash_of(text: &str) -> Vec<u8> {
    Sha256::digest(prompt::beginning(text, TAGGED_CHARS_MAX).as_bytes())[..16].to_vec()
}

/// What of a model's tags keeps the rules, with where it stands.
fn placed(post: &Post, found: Vec<String>) -> Vec<PlacedTag> {
    let (kept, rejected) = text::tags_checked(&post.text, found.into_iter());
    for rejection in rejected {
        metrics::counter!("tags_rejected_total", "reason" => rejection.reason.name()).increment(1);
    }
    kept.into_iter()
        .map(|form| {
            let start = post.text.find(&form).unwrap_or_default();
            PlacedTag { key: text::tag_key(&form), start, end: start + form.len(), form }
        })
        .collect()
}
