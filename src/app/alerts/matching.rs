//! Finding: the log of indexed posts against the alerts of their tenant; and handing out what is to be told.
//!
//! The log says what is new, so nothing is missed over a crash and an alert never finds a post twice. Old posts that come late (a
//! deeper history) are nobody's news. One story told by several channels is told once.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    sync::{Mutex, PoisonError},
};

use jiff::SignedDuration;
use serde::Serialize;

use super::{super::tenants::Upkeep, AlertInput, AlertView, quiet, spec_of};
use crate::{
    ai::{EmbedKind, extractive::story},
    app::{
        App, Error, Tenant,
        posts::{PostView, post_view},
    },
    model::{AlertId, ChannelId, ChannelSet, Flag, Post, PostId, TenantId},
    search::{Fit, Percolator, PostWords, Query},
    store::{Alert, AlertMatch, MatchState, Member, PostFilter},
};

/// How old a post may be to be news, and how long it may wait to be told.
pub const FOUND_AGE_MAX: SignedDuration = SignedDuration::from_hours(48);
/// Indexed posts looked at in one step.
const POSTS_AT_ONCE: usize = 1_000;
/// What was found before within this time is compared, so that a story is told once.
const STORY_AGE_MAX: SignedDuration = SignedDuration::from_hours(24);
/// How much of that is compared.
const STORY_POSTS_MAX: usize = 20;
/// Alerts handed out at once.
const DUE_AT_ONCE: usize = 100;
/// So near in meaning is a post that an alert by meaning finds. Of 12 topics and the 271 posts of the demo, 1 pair in 200 lies
/// above with the default model, and 13 of those 16 are on the topic; at 0.84 every third is not.
const MEANING_COSINE_MIN: f32 = 0.85;
/// The piece of a post whose meaning is looked at, characters: what it is about stands at its beginning.
const MEANING_CHARS_MAX: usize = 600;
/// Questions whose vectors are kept: 2 KB each.
const MEANINGS_KNOWN_MAX: usize = 2_000;
/// How far a preview looks back, days; how many posts it looks at; how many it shows.
const PREVIEW_DAYS: i64 = 7;
const PREVIEW_POSTS_MAX: usize = 5_000;
const PREVIEW_SHOWN: usize = 3;
const PREVIEW_AT_ONCE: usize = 500;

/// Something to tell.
#[derive(Debug, Clone, Serialize)]
pub struct AlertDue {
    pub tenant_id: TenantId,
    pub alert: AlertView,
    pub post: PostView,
    /// The day has room for no more of this alert.
    pub last_today: bool,
    /// Who is told.
    #[serde(skip)]
    pub member: Member,
}

/// What an alert would have found.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AlertPreview {
    pub days: i64,
    /// Posts by words and tags.
    pub found: usize,
    /// Posts looked at; the newest, where there are very many.
    pub looked_at: usize,
    /// The newest of them.
    pub examples: Vec<PostView>,
}

/// What the alerts of this process ask for, by model and words.
#[derive(Debug, Default)]
pub(in crate::app) struct Meanings(Mutex<HashMap<(String, String), Vec<f32>>>);

impl Meanings {
    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Vec<f32>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An alert with what it compares.
struct Standing {
    alert: Alert,
    query: Percolator,
    /// For each tag the keys that stand for it.
    tags: Vec<Vec<String>>,
    /// The channels whose posts its owner hears of.
    channels: BTreeSet<ChannelId>,
    meaning: Option<Vec<f32>>,
}

impl App {
    /// Looks at the posts that were indexed since the last look; how many finds are new.
    pub fn alerts_match(&self, tenant: &Tenant) -> Result<usize, Error> {
        if !tenant.store.alert_any()? {
            return Ok(0);
        }
        let mut new = 0;
        loop {
            let unseen = tenant.store.alert_unseen_list(POSTS_AT_ONCE)?;
            let Some((last, _, _)) = unseen.last().copied() else { break };
            let ids: BTreeSet<PostId> = unseen.into_iter().map(|(_, post, _)| post).collect();
            let found = self.alerts_found(tenant, &ids)?;
            new += tenant.store.alert_matches_add(found, last)?;
        }
        if new > 0 {
            self.bot_alerts_wake().signal();
        }
        Ok(new)
    }

    fn alerts_found(&self, tenant: &Tenant, ids: &BTreeSet<PostId>) -> Result<Vec<AlertMatch>, Error> {
        let now = self.now();
        let fresh = now.saturating_sub(FOUND_AGE_MAX).unwrap_or(now).as_second();
        let dates = tenant.store.posted_at_list(ids)?;
        let recent: Vec<PostId> =
            dates.into_iter().filter(|(_, at)| *at >= fresh).map(|(post, _)| post).collect();
        if recent.is_empty() {
            return Ok(Vec::new());
        }
        let posts = tenant.store.posts_load(&recent)?;
        let words: Vec<PostWords> = posts.iter().map(|post| PostWords::of(&post.text, &post.tags)).collect();
        let standing = self.alerts_standing(tenant)?;
        let meanings = self.meanings(&posts, &standing);
        let mut found = Vec::new();
        for alert in &standing {
            let hits: Vec<&Post> = (0..posts.len())
                .filter(|at| {
                    posts[*at].posted_at >= alert.alert.created_at
                        && alert.finds(&posts[*at], &words[*at], meanings.get(&posts[*at].id))
                })
                .map(|at| &posts[at])
                .collect();
            if !hits.is_empty() {
                found.extend(self.matches_of(tenant, alert, &hits)?);
            }
        }
        Ok(found)
    }

    fn alerts_standing(&self, tenant: &Tenant) -> Result<Vec<Standing>, Error> {
        let mut follows = HashMap::new();
        let mut standing = Vec::new();
        for alert in tenant.store.alert_list_all()? {
            let followed: &BTreeSet<ChannelId> = match follows.entry(alert.membership) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    unknown.insert(tenant.store.subscription_channels(alert.membership)?)
                }
            };
            let named = &alert.spec.channels;
            let channels = if named.is_empty() { followed.clone() } else { followed & named };
            let tags: Vec<String> = alert.spec.tags.iter().cloned().collect();
            standing.push(Standing {
                query: Percolator::of(&Query::parse(&alert.spec.query)),
                tags: tenant.tags_joined(&tags)?,
                channels,
                meaning: self.meaning_asked(tenant, &alert),
                alert,
            });
        }
        Ok(standing)
    }

    /// What an alert by meaning looks for, as a vector; `None` where there is no model: its words are looked for all the same.
    fn meaning_asked(&self, tenant: &Tenant, alert: &Alert) -> Option<Vec<f32>> {
        if !alert.spec.by_meaning || !self.flag_on(Flag::VectorSearch, Some(tenant.id()), None) {
            return None;
        }
        let model = self.embedder().ok().flatten()?;
        let key = (model.model().as_str().to_owned(), alert.spec.query.clone());
        if let Some(known) = self.alert_meanings.known().get(&key) {
            return Some(known.clone());
        }
        let vector = model.embed(EmbedKind::Query, &[&alert.spec.query]).ok()?.pop()?;
        let mut known = self.alert_meanings.known();
        if known.len() >= MEANINGS_KNOWN_MAX {
            known.clear();
        }
        known.insert(key, vector.clone());
        Some(vector)
    }

    /// The meanings of the posts, where an alert asks for meaning.
    fn meanings(&self, posts: &[Post], standing: &[Standing]) -> HashMap<PostId, Vec<f32>> {
        if standing.iter().all(|alert| alert.meaning.is_none()) {
            return HashMap::new();
        }
        let Ok(Some(model)) = self.embedder() else { return HashMap::new() };
        let told: Vec<(PostId, String)> = posts
            .iter()
            .filter(|post| !post.text.is_empty())
            .map(|post| (post.id, post.text.chars().take(MEANING_CHARS_MAX).collect()))
            .collect();
        let texts: Vec<&str> = told.iter().map(|(_, text)| text.as_str()).collect();
        let vectors = model.embed(EmbedKind::Passage, &texts).unwrap_or_else(|error| {
            tracing::warn!(%error, "alerts by meaning look at words only");
            Vec::new()
        });
        told.iter().map(|(post, _)| *post).zip(vectors).collect()
    }

    /// The finds of one alert as rows: what retells something it found already is held.
    fn matches_of(
        &self,
        tenant: &Tenant,
        alert: &Standing,
        hits: &[&Post],
    ) -> Result<Vec<AlertMatch>, Error> {
        let now = self.now();
        let (before, _) =
            tenant.store.alert_match_list(alert.alert.id, &ChannelSet::All, STORY_POSTS_MAX, 0)?;
        let since = now.saturating_sub(STORY_AGE_MAX).unwrap_or(now);
        let before: Vec<PostId> =
            before.iter().filter(|found| found.matched_at >= since).map(|found| found.post).collect();
        let told = tenant.store.posts_load(&before)?;
        let mut hits = hits.to_vec();
        hits.sort_by_key(|post| (post.posted_at, post.id));
        let items: Vec<story::Item<'_>> = told
            .iter()
            .chain(hits.iter().copied())
            .map(|post| story::Item { text: &post.text, posted_at: post.posted_at })
            .collect();
        let mut first = vec![false; items.len()];
        for group in story::groups(&items) {
            // Of a story known before, nothing is first.
            if let Some(place) = group.first().filter(|place| **place >= told.len()) {
                first[*place] = true;
            }
        }
        let muted = alert.alert.spec.muted_until.is_some_and(|until| until > now);
        let rows = hits.iter().enumerate().map(|(place, post)| AlertMatch {
            alert: alert.alert.id,
            post: post.id,
            matched_at: now,
            state: if muted || !first[told.len() + place] { MatchState::Held } else { MatchState::Due },
            due_at: quiet::due_at(&alert.alert.spec, now),
        });
        Ok(rows.collect())
    }

    /// What an alert would have found lately in the channels of `visible`, by words and tags.
    pub fn alert_preview(
        &self,
        tenant: &Tenant,
        visible: &ChannelSet,
        input: AlertInput,
    ) -> Result<AlertPreview, Error> {
        let spec = spec_of(input)?;
        let query = Percolator::of(&Query::parse(&spec.query));
        let tags: Vec<String> = spec.tags.into_iter().collect();
        let tags = tenant.tags_joined(&tags)?;
        let channels =
            if spec.channels.is_empty() { visible.clone() } else { visible.narrow(&spec.channels) };
        let since = self.now().saturating_sub(SignedDuration::from_hours(24 * PREVIEW_DAYS)).ok();
        let filter = PostFilter { channels, tag_key: None, since, until: None };
        let (mut looked_at, mut found) = (0, 0);
        let (mut examples, named) = (Vec::new(), tenant.channel_map()?);
        while looked_at < PREVIEW_POSTS_MAX {
            let posts = tenant.store.post_list(&filter, PREVIEW_AT_ONCE, looked_at)?.posts;
            if posts.is_empty() {
                break;
            }
            looked_at += posts.len();
            for post in posts {
                let words = PostWords::of(&post.text, &post.tags);
                if tags.iter().all(|keys| words.has_tag(keys)) && query.fit(&words) == Fit::Full {
                    found += 1;
                    if examples.len() < PREVIEW_SHOWN {
                        examples.push(post_view(post, &named));
                    }
                }
            }
        }
        Ok(AlertPreview { days: PREVIEW_DAYS, found, looked_at, examples })
    }

    /// What is to be told now, of all tenants that may have something. What is not told any more (muted, enough for the day, too
    /// old, a channel left) is held and not handed out. Whoever tells says so with [`App::alert_told`].
    pub fn alert_due_list(&self) -> Result<Vec<AlertDue>, Error> {
        let mut due = Vec::new();
        for row in self.tenant_due_list(Upkeep::Alerts)? {
            let room = DUE_AT_ONCE.saturating_sub(due.len());
            if room == 0 {
                break;
            }
            // A tenant that cannot be opened is doctor's matter.
            let Ok(tenant) = self.tenant_open_due(&row) else { continue };
            let writes = tenant.writes();
            let (found, waiting) = tenant.store.alert_match_due(self.now(), room)?;
            if waiting == 0 {
                tenant.upkeep_done(Upkeep::Alerts, writes);
            }
            let mut handed: HashMap<AlertId, u32> = HashMap::new();
            for (alert, hit) in found {
                due.extend(self.alert_due(&tenant, alert, hit, &mut handed)?);
            }
        }
        Ok(due)
    }

    fn alert_due(
        &self,
        tenant: &Tenant,
        alert: Alert,
        hit: AlertMatch,
        handed: &mut HashMap<AlertId, u32>,
    ) -> Result<Option<AlertDue>, Error> {
        let now = self.now();
        let told = match handed.get(&alert.id) {
            Some(told) => *told,
            None => tenant.store.alert_told_count(alert.id, quiet::day_began(&alert.spec, now))?,
        };
        let old = now.duration_since(hit.matched_at) > FOUND_AGE_MAX;
        let muted = alert.spec.muted_until.is_some_and(|until| until > now);
        let member = self.member_find(alert.membership)?;
        let visible = ChannelSet::Only(tenant.store.subscription_channels(alert.membership)?);
        let post = tenant.store.post_find(hit.post, &visible)?;
        let (Some(member), Some(post)) =
            (member.filter(|_| !old && !muted && told < alert.spec.per_day_max), post)
        else {
            tenant.store.alert_match_settle(alert.id, hit.post, MatchState::Held, now)?;
            return Ok(None);
        };
        handed.insert(alert.id, told + 1);
        Ok(Some(AlertDue {
            tenant_id: tenant.id(),
            last_today: told + 1 == alert.spec.per_day_max,
            post: post_view(post, &tenant.channel_map()?),
            alert: alert.into(),
            member,
        }))
    }

    /// An alert was told; `false` if it was before, or is gone.
    pub fn alert_told(&self, tenant: &Tenant, alert: AlertId, post: PostId) -> Result<bool, Error> {
        Ok(tenant.store.alert_match_settle(alert, post, MatchState::Told, self.now())?)
    }
}

impl Standing {
    fn finds(&self, post: &Post, words: &PostWords, meaning: Option<&Vec<f32>>) -> bool {
        if !self.channels.contains(&post.channel_id) || !self.tags.iter().all(|keys| words.has_tag(keys)) {
            return false;
        }
        match self.query.fit(words) {
            Fit::Full => true,
            Fit::No => false,
            Fit::SignsOnly => match (&self.meaning, meaning) {
                (Some(asked), Some(said)) => cosine(asked, said) >= MEANING_COSINE_MIN,
                (None, _) | (_, None) => false,
            },
        }
    }
}

/// Of vectors of length one.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
