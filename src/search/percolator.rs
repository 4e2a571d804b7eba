//! A query turned round: it stands still, and posts come by.
//!
//! Pure. Words, phrases and signs mean what they mean in a search (`text::terms` on both sides), with one difference: here every
//! word that says something has to be there, because nothing ranks what is found and nobody wants to be called for half a match.

use std::collections::HashSet;

use super::query::{Clause, Query};
use crate::text::{self, Term};

/// A standing query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Percolator {
    /// For each word the spellings of which one has to be there.
    words: Vec<Vec<String>>,
    signs: Vec<Sign>,
    without: Vec<Sign>,
}

/// What has to be there, or must not, exactly so.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sign {
    /// Stems that are all there.
    Words(Vec<Vec<String>>),
    /// Folded words one after the other; each place knows its spellings.
    Phrase(Vec<Vec<String>>),
    /// A tag's key.
    Tag(String),
}

/// How a post suits a standing query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Everything is there.
    Full,
    /// All but the free words: their meaning may be there in others.
    SignsOnly,
    No,
}

/// A post's words and tags, taken apart once for all queries.
#[derive(Debug, Clone)]
pub struct PostWords {
    stems: HashSet<String>,
    /// For each simple word its spellings.
    places: Vec<Vec<String>>,
    tags: HashSet<String>,
}

impl PostWords {
    /// `text` is normalised; `tags` are those of the post as it shows them.
    pub fn of(text: &str, tags: &[String]) -> Self {
        let terms = text::terms(text);
        let hashtags = terms.iter().filter_map(|term| term.exact.strip_prefix('#')).map(text::tag_key);
        Self {
            tags: tags.iter().map(|tag| text::tag_key(tag)).chain(hashtags).collect(),
            places: places(&terms, |term| &term.exact),
            stems: terms.into_iter().map(|term| term.text).collect(),
        }
    }

    /// Whether the post carries a tag under one of these keys.
    pub fn has_tag(&self, keys: &[String]) -> bool {
        keys.iter().any(|key| self.tags.contains(key))
    }
}

impl Percolator {
    pub fn of(query: &Query) -> Self {
        let mut percolator = Self { words: Vec::new(), signs: Vec::new(), without: Vec::new() };
        for clause in &query.clauses {
            match clause {
                Clause::Words(words) => percolator.words.extend(telling(words)),
                Clause::Phrase(words) => {
                    percolator.signs.push(Sign::Phrase(places(&text::terms(words), |term| &term.exact)));
                }
                Clause::Tag(tag) => percolator.signs.push(Sign::Tag(text::tag_key(tag))),
                Clause::Without(words) => percolator.without.push(match words.strip_prefix('#') {
                    Some(tag) => Sign::Tag(text::tag_key(tag)),
                    None => Sign::Words(places(&text::terms(words), |term| &term.text)),
                }),
            }
        }
        percolator
    }

    /// Whether it asks for nothing: every post would do.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.signs.is_empty()
    }

    /// Whether it has free words, which could be meant in other words.
    pub fn has_words(&self) -> bool {
        !self.words.is_empty()
    }

    pub fn fit(&self, post: &PostWords) -> Fit {
        if self.without.iter().any(|sign| sign.stands_in(post)) {
            return Fit::No;
        }
        if !self.signs.iter().all(|sign| sign.stands_in(post)) {
            return Fit::No;
        }
        if all_there(&self.words, &post.stems) { Fit::Full } else { Fit::SignsOnly }
    }
}

impl Sign {
    fn stands_in(&self, post: &PostWords) -> bool {
        match self {
            Sign::Words(words) => !words.is_empty() && all_there(words, &post.stems),
            Sign::Tag(key) => post.tags.contains(key),
            Sign::Phrase(phrase) => {
                !phrase.is_empty()
                    && post.places.windows(phrase.len()).any(|window| {
                        window.iter().zip(phrase).all(|(place, word)| word.iter().any(|w| place.contains(w)))
                    })
            }
        }
    }
}

fn all_there(words: &[Vec<String>], stems: &HashSet<String>) -> bool {
    words.iter().all(|spellings| spellings.iter().any(|spelling| stems.contains(spelling)))
}

/// The words of a text that say something; all of them where none does.
fn telling(words: &str) -> Vec<Vec<String>> {
    let terms = text::terms(words);
    let telling: Vec<Term> = terms.iter().filter(|term| !text::stop_word(&term.exact)).cloned().collect();
    let kept = if telling.is_empty() { terms } else { telling };
    places(&kept, |term| &term.text).into_iter().filter(|spellings| !spellings.is_empty()).collect()
}

/// The spellings at each place of a text.
fn places<'a>(terms: &'a [Term], spelling: impl Fn(&'a Term) -> &'a str) -> Vec<Vec<String>> {
    let mut places: Vec<Vec<String>> = Vec::new();
    for term in terms {
        let place = term.position as usize;
        if places.len() <= place {
            places.resize(place + 1, Vec::new());
        }
        places[place].push(spelling(term).to_owned());
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(query: &str, post: &str, tags: &[&str]) -> Fit {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Percolator::of(&Query::parse(query)).fit(&PostWords::of(&text::normalise(post), &tags))
    }

    #[test]
    fn every_telling_word_has_to_be_there_in_any_form() {
        let post = "В Казани открыли новую станцию метро — её ждали все.";
        assert_eq!(fit("метро в Казани", post, &[]), Fit::Full);
        assert_eq!(fit("станции казань", post, &[]), Fit::Full);
        assert_eq!(fit("метро в Москве", post, &[]), Fit::SignsOnly);
        assert_eq!(fit("ее", post, &[]), Fit::Full);
        assert_eq!(fit("GPT-5", "Вышла модель gpt-5 mini", &[]), Fit::Full);
    }

    #[test]
    fn phrases_exclusions_and_tags_are_exact() {
        let post = "ЦБ сохранил ключевую ставку. #экономика";
        assert_eq!(fit("\"ключевую ставку\" цб", post, &[]), Fit::Full);
        assert_eq!(fit("\"ставку ключевую\"", post, &[]), Fit::No);
        assert_eq!(fit("ставка -ЦБ", post, &[]), Fit::No);
        assert_eq!(fit("ставка -ипотека", post, &[]), Fit::Full);
        assert_eq!(fit("#экономика", post, &[]), Fit::Full);
        assert_eq!(fit("#банки ставка", post, &["Банки"]), Fit::Full);
        assert_eq!(fit("ставка -#экономика", post, &[]), Fit::No);
        assert_eq!(fit("#спорт", post, &[]), Fit::No);
    }

    #[test]
    fn a_query_without_words_asks_for_nothing() {
        for query in ["", "-ЦБ", "— !"] {
            assert!(Percolator::of(&Query::parse(query)).is_empty(), "{query:?}");
        }
        assert!(!Percolator::of(&Query::parse("#тег")).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_query_meets_any_post(query in ".*", post in ".*") {
            let _ = fit(&query, &post, &[]);
        }

        /// What somebody copies out of a post finds that post.
        #[test]
        fn a_posts_own_words_find_it(words in proptest::collection::vec("[а-яa-z]{2,9}", 1..6)) {
            let text = words.join(" ");
            proptest::prop_assert_eq!(fit(&text, &text, &[]), Fit::Full);
            proptest::prop_assert_eq!(fit(&format!("\"{text}\""), &text, &[]), Fit::Full);
        }
    }
}
