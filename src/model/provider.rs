//! Who makes what a model makes: the providers outside the box, and what they are asked for.
//!
//! Plain names, closed sets. What a provider needs is configuration; whether it may be asked is the tenant's and its people's
//! choice.

use serde::{Deserialize, Serialize};

/// A provider of models outside this program.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// `GigaChat` by its own protocol.
    #[serde(rename = "gigachat")]
    GigaChat,
    /// Any server that speaks `OpenAI`'s protocol.
    #[serde(rename = "openai")]
    OpenAi,
    /// A server that writes down speech by `OpenAI`'s protocol.
    Speech,
    /// `SaluteSpeech`, which writes down speech by its own protocol.
    #[serde(rename = "salutespeech")]
    SaluteSpeech,
}

impl Provider {
    pub const ALL: [Provider; 4] =
        [Provider::GigaChat, Provider::OpenAi, Provider::Speech, Provider::SaluteSpeech];

    pub fn name(self) -> &'static str {
        match self {
            Provider::GigaChat => "gigachat",
            Provider::OpenAi => "openai",
            Provider::Speech => "speech",
            Provider::SaluteSpeech => "salutespeech",
        }
    }

    /// Whether it writes down speech, and nothing else.
    pub fn is_voice(self) -> bool {
        match self {
            Provider::Speech | Provider::SaluteSpeech => true,
            Provider::GigaChat | Provider::OpenAi => false,
        }
    }

    pub fn parse(name: &str) -> Option<Provider> {
        Provider::ALL.into_iter().find(|provider| provider.name() == name)
    }
}

/// What a model is asked for; spending is counted by it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ModelFeature {
    /// Writing an answer from posts.
    Answers,
    /// Tags of posts.
    Tags,
    /// Writing down a voice message.
    Voice,
    /// Vectors of posts and questions.
    Embedding,
    /// Trying a key out.
    Test,
}

impl ModelFeature {
    pub const ALL: [ModelFeature; 5] = [
        ModelFeature::Answers,
        ModelFeature::Tags,
        ModelFeature::Voice,
        ModelFeature::Embedding,
        ModelFeature::Test,
    ];

    pub fn name(self) -> &'static str {
        match self {
            ModelFeature::Answers => "answers",
            ModelFeature::Tags => "tags",
            ModelFeature::Voice => "voice",
            ModelFeature::Embedding => "embedding",
            ModelFeature::Test => "test",
        }
    }

    pub fn parse(name: &str) -> Option<ModelFeature> {
        ModelFeature::ALL.into_iter().find(|feature| feature.name() == name)
    }
}

/// How much a tenant may use; 0 means as much as it likes. Money in millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Caps {
    pub tokens_per_day: u64,
    pub tokens_per_month: u64,
    pub money_micros_per_day: u64,
    pub money_micros_per_month: u64,
}

impl Caps {
    /// So many hundredths of each cap, at least 1 of what is capped at all.
    #[must_use]
    pub fn percent(self, percent: u64) -> Self {
        let part = |cap: u64| if cap == 0 { 0 } else { (cap.saturating_mul(percent) / 100).max(1) };
        Self {
            tokens_per_day: part(self.tokens_per_day),
            tokens_per_month: part(self.tokens_per_month),
            money_micros_per_day: part(self.money_micros_per_day),
            money_micros_per_month: part(self.money_micros_per_month),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ModelFeature, Provider};

    #[test]
    fn names_are_the_same_everywhere() {
        for provider in Provider::ALL {
            assert_eq!(serde_json::json!(provider), provider.name());
            assert_eq!(Provider::parse(provider.name()), Some(provider));
        }
        for feature in ModelFeature::ALL {
            assert_eq!(serde_json::json!(feature), feature.name());
            assert_eq!(ModelFeature::parse(feature.name()), Some(feature));
        }
    }
}
