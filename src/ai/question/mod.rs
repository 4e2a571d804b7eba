//! What a question asks for, read off its words: topic, period, intention, and what an answering sentence must hold.
//!
//! Knows words and the calendar only: no store, no search, no model and no clock (`now` and the time zone are
//! arguments). The same words at the same `now` give the same [`Question`]; nothing is kept between calls and no
//! input panics. Civil dates are turned into instants through the zone, so a day of 23 or 25 hours is a whole day.

mod date;
mod follow;
mod intent;
mod lead;
mod measure;
mod period;
mod word;

#[cfg(test)]
mod tests;

pub use follow::followed;
use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::text::{self, Language};

/// How much of a question is read, in bytes (cut at a character); the rest is ignored.
pub const QUESTION_BYTES_MAX: usize = 2_000;

/// A question, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The words as they came, normalised, at most [`QUESTION_BYTES_MAX`].
    pub original: String,
    /// What retrieval should look for: the question without its date words and filler. Empty when the question names
    /// no topic («что нового за неделю?»): then it asks for whatever the period holds.
    pub search_text: String,
    pub period: Option<Period>,
    pub intent: Intent,
    pub kind: Kind,
    /// The newer, the better: «что нового», «последние», "latest", or a period that reaches today.
    pub wants_news: bool,
    pub language: Language,
    /// When it was asked, in the asker's time zone; dates in the answer are written in this zone.
    pub asked_at: Zoned,
}

/// Instants from `since` (included) to `until` (excluded); `since < until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Period {
    pub fn contains(&self, at: Timestamp) -> bool {
        self.since <= at && at < self.until
    }
}

/// What is to be done with what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// Answer from the posts.
    Ask,
    /// List the posts themselves.
    Search,
    /// Posts like something.
    Recommend,
    /// What many channels speak of.
    Trend,
    /// What happened in a period, story by story.
    Digest,
}

impl Intent {
    /// The name in answers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Intent::Ask => "ask",
            Intent::Search => "search",
            Intent::Recommend => "recommend",
            Intent::Trend => "trend",
            Intent::Digest => "digest",
        }
    }
}

/// What the sentence that answers must contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A name.
    Who,
    /// A date or a time.
    When,
    /// A number.
    HowMuch,
    /// A place: a name.
    Where,
    /// A reason.
    Why,
    /// A way.
    How,
    /// Yes or no: «… ли …», "is …".
    Whether,
    /// Several things.
    List,
    /// What happened: stories, the newest first.
    Events,
    /// Anything.
    What,
}

/// Reads a question. Never fails: words it does not understand are the topic.
pub fn analyse(text: &str, now: Timestamp, tz: &TimeZone) -> Question {
    let asked_at = now.to_zoned(tz.clone());
    let original = bounded(&text::normalise(text)).trim().to_owned();
    let words = word::words(&original);
    let found = period::find(&words, &asked_at);
    let topical: Vec<_> = words
        .iter()
        .enumerate()
        .filter(|(i, _)| !found.as_ref().is_some_and(|f| f.words.contains(i)))
        .map(|(_, word)| word)
        .collect();
    let lead = lead::strip(&topical);
    let intent = intent::intent(&topical);
    let period = found.as_ref().map(|f| f.period);
    let search_text = word::join(&original, &words, &lead.kept);
    Question {
        search_text,
        wants_news: lead.news
            || matches!(intent, Intent::Trend | Intent::Digest)
            || intent::is_news(&topical)
            || period.is_some_and(|p| p.until > now),
        period,
        intent,
        kind: if lead.news { Kind::Events } else { intent::kind(&topical) },
        language: text::language(&original),
        asked_at,
        original,
    }
}

fn bounded(text: &str) -> &str {
    let mut end = text.len().min(QUESTION_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
