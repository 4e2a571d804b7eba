//! Answers that a model writes, from the posts that were found, checked sentence by sentence.
//!
//! The quoting answer is made first: it says whether the evidence carries an answer at all, and stands in wherever the model is
//! not asked, does not answer, or says nothing that the posts support. What was told already is not taken back.

use std::collections::BTreeSet;

use crate::{
    ai::{
        extractive::{Answer, month_name},
        prompt::{self, QuotedPost},
        question::{Intent, Question},
        written::{Written, WrittenCheck, WrittenSource},
    },
    app::{
        App, Error, Tenant,
        model_calls::{Answered, Denied},
        posts::ChannelMap,
        snippet,
    },
    model::{ChannelId, ConsentPurpose, MembershipId, ModelFeature, Provider},
    text::Language,
};

use super::{AnswerView, Retrieved, quoted, source_view};

/// Posts a model is given at most.
const SOURCES_GIVEN_MAX: usize = 12;

/// What to write from.
pub(super) struct Writing<'a> {
    pub(super) question: &'a Question,
    pub(super) found: &'a Retrieved,
    pub(super) channels: &'a ChannelMap,
    /// What the person asked before, oldest first.
    pub(super) previous: &'a [String],
    /// Who asks; `None`: a token of the tenant, or the operator.
    pub(super) member: Option<MembershipId>,
}

/// How it went.
pub(super) enum Outcome {
    Written {
        written: Written,
        provider: Provider,
        cut: bool,
    },
    /// The quoting answer stands; `words` say why, where something is amiss.
    Quoted {
        words: Option<String>,
    },
}

impl App {
    /// Has a model write, if it may; tells what is checked as it comes.
    pub(super) fn answer_write(
        &self,
        tenant: &Tenant,
        writing: &Writing<'_>,
        quoting: &Answer,
        told: &mut dyn FnMut(&str),
    ) -> Result<Outcome, Error> {
        let wanted = match writing.question.intent {
            Intent::Ask | Intent::Trend | Intent::Digest => !quoting.abstained,
            // The posts themselves are asked for.
            Intent::Search | Intent::Recommend => false,
        };
        if !wanted {
            return Ok(Outcome::Quoted { words: None });
        }
        if let Some(denied) = self.model_denied(tenant, ModelFeature::Answers, writing.member)? {
            return Ok(Outcome::Quoted { words: denied.words() });
        }
        // A token of the tenant, or the operator, asks over channels of people who did not agree, too: those stay here.
        let withheld = match writing.member {
            Some(_) => BTreeSet::new(),
            None => tenant.store.channels_unagreed(ConsentPurpose::ExternalModels)?,
        };
        let given = given(writing, &withheld);
        if given.is_empty() {
            return Ok(Outcome::Quoted { words: None });
        }
        let about: Vec<String> = given.iter().map(about).collect();
        let sources: Vec<WrittenSource<'_>> = given
            .iter()
            .zip(&about)
            .map(|(post, about)| WrittenSource {
                n: post.n,
                text: prompt::beginning(post.text, prompt::ANSWER_SOURCE_CHARS_MAX),
                about,
            })
            .collect();
        let question = writing.question;
        let today = question.asked_at.date().to_string();
        let request =
            prompt::answer_request(&question.original, question.language, writing.previous, &given, &today);
        let mut check = WrittenCheck::new(&sources, question.language);
        let mut streamed = |piece: &str| {
            let shown = check.take(piece);
            if !shown.is_empty() {
                told(&shown);
            }
            true
        };
        let by = (ModelFeature::Answers, writing.member);
        let asked = self.model_chat(tenant, by, &request, Some(&mut streamed))?;
        let (rest, written) = check.finish();
        if !rest.is_empty() {
            told(&rest);
        }
        Ok(outcome(asked, written))
    }
}

fn outcome(asked: Result<Answered, Denied>, written: Written) -> Outcome {
    metrics::counter!("ai_sentences_dropped_total").increment(written.sentences_dropped as u64);
    metrics::counter!("ai_citations_removed_total").increment(written.citations_removed as u64);
    match asked {
        Ok(answered) if !written.text.is_empty() => {
            Outcome::Written { written, provider: answered.provider, cut: answered.answer.cut }
        }
        Ok(_) => {
            let words = (!written.nothing)
                .then(|| "the model said nothing that your posts support; the answer quotes them".to_owned());
            Outcome::Quoted { words }
        }
        // Some of it is out, and it is right: it stands, and the reply says that it is not whole.
        Err(Denied::Failed(error)) if !written.text.is_empty() => {
            Outcome::Written { written, provider: error.provider, cut: true }
        }
        Err(denied) => Outcome::Quoted { words: denied.words() },
    }
}

/// What a model wrote, with the posts it cites. How sure it is comes from the evidence, as with a quoting answer.
pub(super) fn view_written(
    question: &Question,
    quoting: &Answer,
    written: &Written,
    found: &Retrieved,
    channels: &ChannelMap,
) -> AnswerView {
    let cited = written.cited.iter().enumerate().map(|(place, cited)| {
        let text = &found.posts[cited.n - 1].text;
        let mut quote = quoted(text, &cited.ranges);
        if quote.is_empty() {
            quote = snippet::snippet(text, &question.search_text).text;
        }
        source_view(found, channels, place + 1, cited.n - 1, &quote)
    });
    AnswerView {
        answer: written.text.clone(),
        sources: cited.collect(),
        confidence: quoting.confidence,
        abstained: false,
    }
}

fn given<'a>(writing: &Writing<'a>, withheld: &BTreeSet<ChannelId>) -> Vec<QuotedPost<'a>> {
    let posts = writing.found.posts.iter().enumerate();
    posts
        .filter(|(_, post)| !withheld.contains(&post.channel_id))
        .filter(|(_, post)| writing.question.period.is_none_or(|period| period.contains(post.posted_at)))
        .take(SOURCES_GIVEN_MAX)
        .map(|(place, post)| QuotedPost {
            n: place + 1,
            channel: writing.channels.get(&post.channel_id).map_or("", |channel| channel.title.as_str()),
            posted_at: post.posted_at,
            text: &post.text,
        })
        .collect()
}

/// What an answer may say of a post beside its words: where and when it stood.
fn about(post: &QuotedPost<'_>) -> String {
    let date = post.posted_at.to_zoned(jiff::tz::TimeZone::UTC).date();
    format!(
        "{} {date} {} {} {} {} года",
        post.channel,
        date.day(),
        month_name(Language::Ru, date.month()),
        month_name(Language::En, date.month()),
        date.year()
    )
}
