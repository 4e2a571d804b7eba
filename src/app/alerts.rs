//! Alerts: saved searches that tell their owner of new posts.
//!
//! An alert belongs to one member and finds posts of the channels they follow, from its making on. Posts are looked at as they are
//! indexed (`matching`); telling is the bot's, which asks for what is due. Nothing is told twice, and what was not told for a
//! reason (muted, enough for a day) can be looked at.

mod matching;
mod quiet;

use std::collections::{BTreeSet, HashMap};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

pub(super) use self::matching::Meanings;
pub use self::matching::{AlertDue, AlertPreview, FOUND_AGE_MAX};
use super::{
    App, Error, ErrorCode, Fields, Tenant,
    posts::{PostView, post_view},
    search::QUERY_CHARS_MAX,
    snippet,
    tenants::rfc3339,
};
use crate::{
    ai::question,
    model::{AlertId, ChannelId, ChannelSet, MembershipId, PostId},
    search::{Percolator, Query},
    store::{Alert, AlertAdded, AlertChanged, AlertMatch, AlertSpec},
    text,
};

/// Alerts one member may have.
pub const ALERTS_PER_MEMBER_MAX: u32 = 50;
/// Tags one alert may name.
pub const ALERT_TAGS_MAX: usize = 10;
/// Channels one alert may name.
pub const ALERT_CHANNELS_MAX: usize = 100;
/// Told a day unless said, and at most.
pub const ALERTS_PER_DAY_DEFAULT: u32 = 10;
pub const ALERTS_PER_DAY_MAX: u32 = 200;
/// Posts of an alert one page shows at most.
pub const MATCHES_LISTED_MAX: usize = 100;
/// Longest tag, characters.
const TAG_CHARS_MAX: usize = 64;

/// Hours of the day in which nothing is told, `HH:MM`; they may pass midnight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "from": "23:00", "until": "08:00" }))]
pub struct QuietHours {
    pub from: String,
    pub until: String,
}

impl QuietHours {
    /// Hours between two minutes of the day.
    pub fn of(from: u16, until: u16) -> Self {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        Self { from: clock(from), until: clock(until) }
    }
}

/// What somebody wants to hear of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertInput {
    pub query: String,
    pub by_meaning: bool,
    pub tags: Vec<String>,
    pub channel_ids: BTreeSet<ChannelId>,
    pub quiet: Option<QuietHours>,
    /// IANA name; `None`: the appliance's own zone.
    pub zone: Option<String>,
    pub per_day_max: Option<u32>,
    pub muted_until: Option<Timestamp>,
}

/// An alert as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AlertView {
    pub id: AlertId,
    pub query: String,
    /// Also posts that mean the same in other words, where there is a model.
    pub by_meaning: bool,
    pub tags: Vec<String>,
    /// Empty: all channels that the owner follows.
    pub channel_ids: Vec<ChannelId>,
    pub quiet: Option<QuietHours>,
    pub zone: String,
    pub per_day_max: u32,
    pub muted_until: Option<String>,
    pub version: i64,
    pub created_at: String,
    /// Posts it has found.
    pub found: u64,
    pub last_found_at: Option<String>,
}

impl From<Alert> for AlertView {
    fn from(alert: Alert) -> Self {
        let spec = alert.spec;
        Self {
            id: alert.id,
            query: spec.query,
            by_meaning: spec.by_meaning,
            tags: spec.tags.into_iter().collect(),
            channel_ids: spec.channels.into_iter().collect(),
            quiet: spec.quiet.map(|(from, until)| QuietHours::of(from, until)),
            zone: spec.zone,
            per_day_max: spec.per_day_max,
            muted_until: spec.muted_until.map(rfc3339),
            version: alert.version,
            created_at: rfc3339(alert.created_at),
            found: alert.found,
            last_found_at: alert.last_found_at.map(rfc3339),
        }
    }
}

/// A post that an alert found.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AlertMatchView {
    pub matched_at: String,
    /// `due`: waits to be told; `told`; `held`: kept here, not told.
    pub state: &'static str,
    pub post: PostView,
}

impl App {
    /// Keeps an alert; whether it is new. One that is there already stays as it is.
    pub fn alert_add(
        &self,
        tenant: &Tenant,
        member: MembershipId,
        input: AlertInput,
    ) -> Result<(AlertView, bool), Error> {
        let spec = spec_of(input)?;
        match tenant.store.alert_add(member, spec, ALERTS_PER_MEMBER_MAX, self.now())? {
            AlertAdded::Added(alert) => Ok((alert.into(), true)),
            AlertAdded::Known(alert) => Ok((alert.into(), false)),
            AlertAdded::TooMany => Err(Error::refused(
                ErrorCode::TierLimitExceeded,
                format!("{ALERTS_PER_MEMBER_MAX} alerts are as many as one may have; delete one first"),
            )),
        }
    }

    /// Changes an alert that still has `version`; `None`: whatever it has.
    pub fn alert_change(
        &self,
        tenant: &Tenant,
        member: MembershipId,
        id: AlertId,
        input: AlertInput,
        version: Option<i64>,
    ) -> Result<AlertView, Error> {
        let spec = spec_of(input)?;
        let due_at = quiet::due_at(&spec, self.now());
        match tenant.store.alert_change((member, id), spec, version, due_at, self.now())? {
            AlertChanged::Changed(alert) => Ok(alert.into()),
            AlertChanged::Absent => Err(no_such(id)),
            AlertChanged::Stale(version) => Err(Error::Conflict(format!(
                "alert {id} was changed meanwhile and has version {version}; read it again"
            ))),
            AlertChanged::Taken => {
                Err(Error::Conflict("another alert of yours looks for the same already".to_owned()))
            }
        }
    }

    /// Changes some of an alert, leaving the rest as it is.
    pub fn alert_adjust(
        &self,
        tenant: &Tenant,
        member: MembershipId,
        id: AlertId,
        adjust: impl FnOnce(&mut AlertInput),
    ) -> Result<AlertView, Error> {
        let found = tenant.alert_get(member, id)?;
        let mut input = AlertInput {
            query: found.query,
            by_meaning: found.by_meaning,
            tags: found.tags,
            channel_ids: found.channel_ids.into_iter().collect(),
            quiet: found.quiet,
            zone: Some(found.zone),
            per_day_max: Some(found.per_day_max),
            muted_until: found.muted_until.and_then(|at| at.parse().ok()),
        };
        adjust(&mut input);
        self.alert_change(tenant, member, id, input, Some(found.version))
    }

    /// The words of a question that an alert can look for: its topic, else all of it.
    pub fn alert_words(&self, question: &str) -> String {
        let topic = question::analyse(question, self.now(), &TimeZone::system()).search_text;
        if topic.trim().is_empty() { question.to_owned() } else { topic }
    }

    /// The piece of a post that shows an alert's words, and where they stand in it, `[start, end)` in characters.
    pub fn snippet_of(&self, text: &str, query: &str) -> (String, Vec<(usize, usize)>) {
        let shown = snippet::snippet(text, query);
        (shown.text, shown.highlights)
    }

    /// Forgets an alert and what it found.
    pub fn alert_delete(&self, tenant: &Tenant, member: MembershipId, id: AlertId) -> Result<(), Error> {
        if tenant.store.alert_delete(member, id)? { Ok(()) } else { Err(no_such(id)) }
    }
}

impl Tenant {
    /// A member's alerts, oldest first.
    pub fn alert_list(&self, member: MembershipId) -> Result<Vec<AlertView>, Error> {
        Ok(self.store.alert_list(member)?.into_iter().map(AlertView::from).collect())
    }

    pub fn alert_get(&self, member: MembershipId, id: AlertId) -> Result<AlertView, Error> {
        self.store.alert_find(member, id)?.map(AlertView::from).ok_or_else(|| no_such(id))
    }

    /// A page of what an alert found, newest first, and how much that is; posts the caller may not see any more are left out.
    pub fn alert_match_list(
        &self,
        visible: &ChannelSet,
        (member, id): (MembershipId, AlertId),
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<AlertMatchView>, u64), Error> {
        self.alert_get(member, id)?;
        let (matches, total) =
            self.store.alert_match_list(id, visible, limit.min(MATCHES_LISTED_MAX), offset)?;
        let ids: Vec<_> = matches.iter().map(|found| found.post).collect();
        let channels = self.channel_map()?;
        let mut posts = self.store.posts_load(&ids)?;
        let shown = matches.into_iter().filter_map(|found| {
            let at = posts.iter().position(|post| post.id == found.post)?;
            Some(AlertMatchView {
                matched_at: rfc3339(found.matched_at),
                state: found.state.name(),
                post: post_view(posts.swap_remove(at), &channels),
            })
        });
        Ok((shown.collect(), total))
    }

    /// A page of what an alert found, newest first, as ids and links: also where the owner has left the channel since.
    pub(super) fn alert_finds(
        &self,
        id: AlertId,
        limit: usize,
        offset: usize,
    ) -> Result<Vec<serde_json::Value>, Error> {
        let (matches, _) = self.store.alert_match_list(id, &ChannelSet::All, limit, offset)?;
        let ids: Vec<_> = matches.iter().map(|found| found.post).collect();
        let channels = self.channel_map()?;
        let posts: HashMap<PostId, PostView> = self
            .store
            .posts_load(&ids)?
            .into_iter()
            .map(|post| (post.id, post_view(post, &channels)))
            .collect();
        let find = |found: &AlertMatch| {
            serde_json::json!({
                "post_id": found.post,
                "permalink": posts.get(&found.post).and_then(|post| post.permalink.clone()),
                "matched_at": rfc3339(found.matched_at),
                "state": found.state.name(),
            })
        };
        Ok(matches.iter().map(find).collect())
    }
}

fn no_such(id: AlertId) -> Error {
    Error::NotFound(format!("no alert {id}"))
}

/// What is kept of what was said; every wrong field is named.
fn spec_of(input: AlertInput) -> Result<AlertSpec, Error> {
    let mut wrong = Fields::default();
    let query = input.query.split_whitespace().collect::<Vec<_>>().join(" ");
    if query.chars().count() > QUERY_CHARS_MAX {
        wrong.wrong("query", format!("is too long; at most {QUERY_CHARS_MAX} characters"));
    }
    let tags: BTreeSet<String> = input.tags.iter().map(|tag| tag.trim().to_owned()).collect();
    let tag_fits = |tag: &String| !text::tag_key(tag).is_empty() && tag.chars().count() <= TAG_CHARS_MAX;
    if tags.len() > ALERT_TAGS_MAX || !tags.iter().all(tag_fits) {
        wrong.wrong("tags", format!("name at most {ALERT_TAGS_MAX} tags of 1 to {TAG_CHARS_MAX} characters"));
    }
    if input.channel_ids.len() > ALERT_CHANNELS_MAX {
        wrong.wrong("channel_ids", format!("name at most {ALERT_CHANNELS_MAX} channels"));
    }
    if tags.is_empty() && Percolator::of(&Query::parse(&query)).is_empty() {
        wrong.wrong("query", "asks for nothing; name at least a word, a phrase or a tag");
    }
    let per_day_max = input.per_day_max.unwrap_or(ALERTS_PER_DAY_DEFAULT);
    if !(1..=ALERTS_PER_DAY_MAX).contains(&per_day_max) {
        wrong.wrong("per_day_max", format!("is {per_day_max}; choose from 1 to {ALERTS_PER_DAY_MAX}"));
    }
    let zone = input.zone.unwrap_or_else(|| quiet::own_zone().to_owned());
    if TimeZone::get(&zone).is_err() {
        wrong.wrong("zone", "is no time zone; write a name like Europe/Moscow");
    }
    let mut quiet = None;
    if let Some(hours) = &input.quiet {
        match (quiet::minute_of(&hours.from), quiet::minute_of(&hours.until)) {
            (Some(from), Some(until)) if from != until => quiet = Some((from, until)),
            (Some(_), Some(_)) => {
                wrong.wrong("quiet", "begin and end at the same minute; leave them out instead");
            }
            (None, _) | (_, None) => wrong.wrong("quiet", "are not times of a day; write 23:00 and 08:00"),
        }
    }
    wrong.done()?;
    Ok(AlertSpec {
        query,
        by_meaning: input.by_meaning,
        tags,
        channels: input.channel_ids,
        quiet,
        zone,
        per_day_max,
        muted_until: input.muted_until,
    })
}
