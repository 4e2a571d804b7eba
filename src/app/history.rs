//! Asking as somebody: within the tier's questions, and kept in their history.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    App, Error, Tenant,
    ask::{AskRequest, AskResponse, Asking},
    tenants::rfc3339,
};
use crate::{
    model::{ChannelSet, Experiment, MembershipId},
    store::{HistoryEntry, Member},
};

/// Questions one page of a history shows at most.
pub const HISTORY_LISTED_MAX: usize = 100;

/// A question goes on from those of so long before it, and of so many.
pub const CONVERSATION: SignedDuration = SignedDuration::from_hours(24);
pub const CONVERSATION_QUESTIONS_MAX: usize = 3;

/// A question of the past.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct HistoryView {
    pub query_id: String,
    pub asked_at: String,
    pub query: String,
    pub intent: String,
    pub provider: String,
    /// The answer as it was given, with its sources.
    pub result: Value,
    pub processing_time_ms: u64,
}

impl From<HistoryEntry> for HistoryView {
    fn from(entry: HistoryEntry) -> Self {
        Self {
            query_id: entry.query_id,
            asked_at: rfc3339(entry.asked_at),
            query: entry.query,
            intent: entry.intent,
            provider: entry.provider,
            result: entry.result,
            processing_time_ms: entry.took_ms,
        }
    }
}

impl App {
    /// Answers somebody's question if their tier allows one more today, and keeps question and answer. Without a member (an
    /// API token of the tenant) nothing is counted. A question that could not be worked on is not counted either.
    pub fn ask_as(
        &self,
        tenant: &Tenant,
        visible: &ChannelSet,
        member: Option<&Member>,
        request: &AskRequest,
        zone: &TimeZone,
    ) -> Result<AskResponse, Error> {
        self.ask_told(tenant, visible, member, request, (zone, &mut |_| {}))
    }

    /// The same; `told` hears the answer by pieces as it comes, checked already: joined they are the answer.
    pub fn ask_told(
        &self,
        tenant: &Tenant,
        visible: &ChannelSet,
        member: Option<&Member>,
        request: &AskRequest,
        (zone, told): (&TimeZone, &mut dyn FnMut(&str)),
    ) -> Result<AskResponse, Error> {
        let taken = member.map(|member| self.question_take(tenant, member)).transpose()?;
        let asker = member.map(|member| member.id);
        let variant = self.experiment_variant(Experiment::AnswerWeights, tenant, asker);
        let weight = self.answer_weight(variant);
        let mut request = request.clone();
        if let Some(asker) = asker
            && request.previous.is_empty()
        {
            request.previous = self.asked_before(tenant, asker)?;
        }
        let mut asking = Asking { member: asker, fulltext_weight: Some(weight), writes: true, told };
        let answered = self.ask_by(tenant, visible, &request, zone, &mut asking);
        match &answered {
            Ok(answer) => {
                let entry = HistoryEntry {
                    query_id: answer.query_id.to_string(),
                    membership: member.map(|member| member.id),
                    asked_at: self.now(),
                    query: answer.query.clone(),
                    intent: answer.intent.to_owned(),
                    provider: answer.provider.to_owned(),
                    result: json!(answer.result),
                    took_ms: answer.processing_time_ms,
                };
                let posts = answer.result.sources.iter().map(|source| source.post_id).collect();
                tenant.store.history_add(entry, posts)?;
                if let (Some(member), Some(variant)) = (asker, variant) {
                    let query = answer.query_id.to_string();
                    let experiment = Experiment::AnswerWeights;
                    tenant.store.exposure_add(query, member, experiment, variant, self.now())?;
                }
            }
            Err(_) => {
                if let (Some(member), Some(day)) = (member, taken) {
                    tenant.store.question_return(member.id, day)?;
                }
            }
        }
        answered
    }

    /// Answers the operator's question: a model may write where the tenant wants that; nothing is kept.
    pub fn ask_operator(
        &self,
        tenant: &Tenant,
        request: &AskRequest,
        zone: &TimeZone,
    ) -> Result<AskResponse, Error> {
        let mut asking = Asking { member: None, fulltext_weight: None, writes: true, told: &mut |_| {} };
        self.ask_by(tenant, &ChannelSet::All, request, zone, &mut asking)
    }

    /// What somebody asked lately, oldest first: what a question may go on from.
    pub fn asked_before(&self, tenant: &Tenant, member: MembershipId) -> Result<Vec<String>, Error> {
        let since = self.now().checked_sub(CONVERSATION).unwrap_or(Timestamp::MIN);
        let (entries, _) = tenant.store.history_list(Some(member), CONVERSATION_QUESTIONS_MAX, 0)?;
        let lately = entries.into_iter().filter(|entry| entry.asked_at >= since);
        let mut questions: Vec<String> = lately.map(|entry| entry.query).collect();
        questions.reverse();
        Ok(questions)
    }

    /// A page of somebody's questions, newest first, and how many there are. `None`: those asked with API tokens.
    pub fn history_list(
        &self,
        tenant: &Tenant,
        member: Option<MembershipId>,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<HistoryView>, u64), Error> {
        let (entries, total) = tenant.store.history_list(member, limit.min(HISTORY_LISTED_MAX), offset)?;
        Ok((entries.into_iter().map(HistoryView::from).collect(), total))
    }
}
