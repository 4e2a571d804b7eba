//! Feature flags and experiments: closed sets, because a flag that nothing reads is dead and one that nobody declared is a typo.

use serde::{Deserialize, Serialize};

/// What can be switched without a restart.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Answers come as events where a client asks for that; off: as one document.
    StreamedAnswers,
    /// Searches and answers use meanings beside words; off: words only.
    VectorSearch,
    /// Newcomers get a tenant of their own where `registration.mode` is `open`; off: nobody new comes in that way.
    OpenRegistration,
    /// Takes people into the experiment `answer_weights`.
    ExperimentAnswerWeights,
}

/// Where a flag may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlagScope {
    Installation,
    Tenant,
    User,
}

impl FlagScope {
    pub fn name(self) -> &'static str {
        match self {
            FlagScope::Installation => "installation",
            FlagScope::Tenant => "tenant",
            FlagScope::User => "user",
        }
    }
}

impl Flag {
    pub const ALL: [Flag; 4] =
        [Flag::StreamedAnswers, Flag::VectorSearch, Flag::OpenRegistration, Flag::ExperimentAnswerWeights];

    pub fn name(self) -> &'static str {
        match self {
            Flag::StreamedAnswers => "streamed_answers",
            Flag::VectorSearch => "vector_search",
            Flag::OpenRegistration => "open_registration",
            Flag::ExperimentAnswerWeights => "experiment_answer_weights",
        }
    }

    pub fn parse(name: &str) -> Option<Flag> {
        Flag::ALL.into_iter().find(|flag| flag.name() == name)
    }

    pub fn description(self) -> &'static str {
        match self {
            Flag::StreamedAnswers => "Answers come as events where a client asks for that.",
            Flag::VectorSearch => "Searches and answers use meanings beside words.",
            Flag::OpenRegistration => "Newcomers are let in where registration.mode is open.",
            Flag::ExperimentAnswerWeights => "Takes people into the experiment answer_weights.",
        }
    }

    /// Of how many in a hundred it holds where no rule says anything.
    pub fn percent_default(self) -> u8 {
        match self {
            Flag::StreamedAnswers | Flag::VectorSearch | Flag::OpenRegistration => 100,
            Flag::ExperimentAnswerWeights => 0,
        }
    }

    /// Where it is read, so where a rule can have an effect.
    pub fn scopes(self) -> &'static [FlagScope] {
        match self {
            Flag::StreamedAnswers | Flag::ExperimentAnswerWeights => {
                &[FlagScope::Installation, FlagScope::Tenant, FlagScope::User]
            }
            Flag::VectorSearch => &[FlagScope::Installation, FlagScope::Tenant],
            Flag::OpenRegistration => &[FlagScope::Installation],
        }
    }
}

/// A question asked of practice: two ways of doing something, and what people make of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Experiment {
    /// Whether answers are better when words count more in choosing the posts they are made from.
    AnswerWeights,
}

impl Experiment {
    pub const ALL: [Experiment; 1] = [Experiment::AnswerWeights];

    pub fn name(self) -> &'static str {
        match self {
            Experiment::AnswerWeights => "answer_weights",
        }
    }

    /// The flag that takes people in.
    pub fn flag(self) -> Flag {
        match self {
            Experiment::AnswerWeights => Flag::ExperimentAnswerWeights,
        }
    }
}

/// One of the two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// As it is without the experiment.
    Control,
    Treatment,
}

impl Variant {
    pub const ALL: [Variant; 2] = [Variant::Control, Variant::Treatment];

    pub fn name(self) -> &'static str {
        match self {
            Variant::Control => "control",
            Variant::Treatment => "treatment",
        }
    }
}

/// What people make of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Rated it up.
    FeedbackUp,
    /// Rated it down.
    FeedbackDown,
    /// Asked again within ten minutes.
    FollowUp,
}

impl Outcome {
    pub const ALL: [Outcome; 3] = [Outcome::FeedbackUp, Outcome::FeedbackDown, Outcome::FollowUp];
}

/// What a person may agree to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentPurpose {
    /// Their questions and the posts that answer them may go to a model of somebody else.
    ExternalModels,
}

impl ConsentPurpose {
    pub const ALL: [ConsentPurpose; 1] = [ConsentPurpose::ExternalModels];

    pub fn name(self) -> &'static str {
        match self {
            ConsentPurpose::ExternalModels => "external_models",
        }
    }

    pub fn parse(name: &str) -> Option<ConsentPurpose> {
        ConsentPurpose::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}

/// What somebody thinks of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    Up,
    Down,
}

impl Rating {
    pub const ALL: [Rating; 2] = [Rating::Up, Rating::Down];

    pub fn name(self) -> &'static str {
        match self {
            Rating::Up => "up",
            Rating::Down => "down",
        }
    }

    pub fn parse(name: &str) -> Option<Rating> {
        Rating::ALL.into_iter().find(|rating| rating.name() == name)
    }
}
