//! Feedback on answers or in general, and what people agreed to.

use jiff::SignedDuration;
use serde::Serialize;

use super::{App, Error, ErrorCode, Tenant, tenants::rfc3339};
use crate::{
    model::{ConsentPurpose, MembershipId, Rating},
    store::{Consent, Feedback, FeedbackAdded, NewFeedback},
};

/// Longest comment, characters.
pub const COMMENT_CHARS_MAX: usize = 2000;
/// Feedback one person may give a day.
pub const FEEDBACK_PER_DAY_MAX: u32 = 200;
/// Rows an export holds at most.
const EXPORTED_MAX: usize = 100_000;

/// What somebody says.
#[derive(Debug, Clone, Default)]
pub struct FeedbackInput {
    /// The answer it is about; none: in general.
    pub query_id: Option<String>,
    pub rating: Option<Rating>,
    pub comment: Option<String>,
}

/// Feedback as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FeedbackView {
    pub id: i64,
    pub user_id: MembershipId,
    pub query_id: Option<String>,
    /// The question it is about, while that is kept.
    pub query: Option<String>,
    pub rating: Option<Rating>,
    pub comment: Option<String>,
    pub created_at: String,
}

impl From<Feedback> for FeedbackView {
    fn from(feedback: Feedback) -> Self {
        Self {
            id: feedback.id,
            user_id: feedback.membership,
            query_id: feedback.query_id,
            query: feedback.query,
            rating: feedback.rating,
            comment: feedback.comment,
            created_at: rfc3339(feedback.created_at),
        }
    }
}

/// A consent as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ConsentView {
    pub user_id: MembershipId,
    pub purpose: ConsentPurpose,
    pub given_at: String,
    /// None: it is in force.
    pub revoked_at: Option<String>,
}

impl From<Consent> for ConsentView {
    fn from(consent: Consent) -> Self {
        Self {
            user_id: consent.membership,
            purpose: consent.purpose,
            given_at: rfc3339(consent.given_at),
            revoked_at: consent.revoked_at.map(rfc3339),
        }
    }
}

impl App {
    /// Keeps what somebody says; saying it again of the same answer replaces it. Returns its id.
    pub fn feedback_add(
        &self,
        tenant: &Tenant,
        member: MembershipId,
        input: FeedbackInput,
    ) -> Result<i64, Error> {
        let comment = input.comment.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if comment.as_ref().is_some_and(|text| text.chars().count() > COMMENT_CHARS_MAX) {
            return Err(Error::field(
                "comment",
                format!("is too long; at most {COMMENT_CHARS_MAX} characters"),
            ));
        }
        if comment.is_none() && input.rating.is_none() {
            return Err(Error::field("comment", "is missing; say something, or rate the answer"));
        }
        if input.rating.is_some() && input.query_id.is_none() {
            return Err(Error::field("query_id", "is missing; a rating is one of an answer"));
        }
        let now = self.now();
        let since = now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now);
        let new =
            NewFeedback { membership: member, query_id: input.query_id, rating: input.rating, comment, now };
        match tenant.store.feedback_add(new, since, FEEDBACK_PER_DAY_MAX)? {
            FeedbackAdded::Kept(id) => Ok(id),
            FeedbackAdded::NoSuchAnswer => Err(Error::NotFound("no such answer in your history".to_owned())),
            FeedbackAdded::TooMuch => Err(Error::refused(
                ErrorCode::RateLimited,
                format!("{FEEDBACK_PER_DAY_MAX} a day are enough; try again tomorrow"),
            )),
        }
    }

    /// Gives or revokes a consent.
    pub fn consent_put(
        &self,
        tenant: &Tenant,
        member: MembershipId,
        purpose: ConsentPurpose,
        given: bool,
    ) -> Result<(), Error> {
        tenant.store.consent_put(member, purpose, given, self.now())?;
        Ok(())
    }
}

impl Tenant {
    /// A page of feedback, newest first, and how much matches.
    pub fn feedback_list(
        &self,
        rating: Option<Rating>,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<FeedbackView>, u64), Error> {
        let (feedback, total) = self.store.feedback_list(None, rating, limit, offset)?;
        Ok((feedback.into_iter().map(FeedbackView::from).collect(), total))
    }

    /// A page of consents, revoked ones included, and how many there are. `member`: only theirs.
    pub fn consent_list(
        &self,
        member: Option<MembershipId>,
        limit: usize,
        offset: usize,
    ) -> Result<(Vec<ConsentView>, u64), Error> {
        let (consents, total) = self.store.consent_list(member, limit, offset)?;
        Ok((consents.into_iter().map(ConsentView::from).collect(), total))
    }

    /// Whether somebody agreed to a purpose and has not taken it back.
    pub fn consent_given(&self, member: MembershipId, purpose: ConsentPurpose) -> Result<bool, Error> {
        Ok(self.store.consent_given(member, purpose)?)
    }

    /// Everything somebody said and agreed to, for their export.
    pub(super) fn feedback_of(
        &self,
        member: MembershipId,
    ) -> Result<(Vec<FeedbackView>, Vec<ConsentView>), Error> {
        let (feedback, _) = self.store.feedback_list(Some(member), None, EXPORTED_MAX, 0)?;
        let (consents, _) = self.consent_list(Some(member), EXPORTED_MAX, 0)?;
        Ok((feedback.into_iter().map(FeedbackView::from).collect(), consents))
    }
}
