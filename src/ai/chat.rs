//! Language models that write: the one trait, what is asked and what comes back.
//!
//! Knows no provider. Text a model writes is not to be trusted: whoever asks checks it (`extractive::citation`, `written`,
//! `text::tags_checked`). Calls block.

use serde_json::Value;

use super::Error;

/// Who speaks in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatRole {
    /// Our instructions.
    System,
    /// The person, and the quoted posts.
    User,
}

impl ChatRole {
    pub fn name(self) -> &'static str {
        match self {
            ChatRole::System => "system",
            ChatRole::User => "user",
        }
    }
}

/// A part of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    pub role: ChatRole,
    pub content: String,
}

/// The form an answer must have, for servers that can be told.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerSchema {
    pub name: &'static str,
    /// JSON Schema.
    pub schema: Value,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    pub messages: Vec<ChatMessage>,
    /// The longest answer, tokens.
    pub tokens_max: u32,
    /// 0 to 1: how freely it is written.
    pub temperature: f32,
    pub schema: Option<AnswerSchema>,
}

impl ChatRequest {
    /// At most so many tokens this will be billed for, question and answer: a token is never less than a byte, and in the
    /// languages of the posts about three characters.
    pub fn tokens_estimate(&self) -> u64 {
        let chars: usize = self.messages.iter().map(|message| message.content.chars().count()).sum();
        chars as u64 / CHARS_PER_TOKEN + u64::from(self.tokens_max)
    }
}

/// Fewest characters a token stands for on average, Russian text with punctuation.
const CHARS_PER_TOKEN: u64 = 2;

/// What was billed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub tokens_in: u64,
    pub tokens_out: u64,
}

impl Usage {
    /// What a text costs at most, where a server does not say.
    pub fn estimate(question: &ChatRequest, answer: &str) -> Self {
        let estimate = |chars: usize| chars as u64 / CHARS_PER_TOKEN + 1;
        let asked = question.messages.iter().map(|message| message.content.chars().count()).sum();
        Self { tokens_in: estimate(asked), tokens_out: estimate(answer.chars().count()) }
    }

    /// What vectors of these texts cost at most, where a server does not say.
    pub fn estimate_texts(texts: &[&str]) -> Self {
        let tokens = |text: &&str| text.chars().count() as u64 / CHARS_PER_TOKEN + 1;
        Self { tokens_in: texts.iter().map(tokens).sum(), tokens_out: 0 }
    }

    pub fn total(self) -> u64 {
        self.tokens_in + self.tokens_out
    }
}

/// What a model wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatAnswer {
    pub text: String,
    pub usage: Usage,
    /// It stopped at `tokens_max` in the midst of a sentence.
    pub cut: bool,
}

/// Takes the pieces of an answer as they come; `false` ends it.
pub type Pieces<'a> = dyn FnMut(&str) -> bool + 'a;

/// A model that writes.
pub trait ChatModel: Send + Sync {
    /// Provider and model as stored with what it made: `gigachat/GigaChat-2`.
    fn name(&self) -> &str;

    /// Asks. With `pieces` the answer is streamed: they join to `text`. Blocks for seconds.
    fn chat(&self, request: &ChatRequest, pieces: Option<&mut Pieces<'_>>) -> Result<ChatAnswer, Error>;
}
