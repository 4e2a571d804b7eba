//! Questions that go on from the one before: «а в Казани?», «почему?», "and who won?".
//!
//! Pure, by rules: a question follows if it begins like one that goes on, or points back with a pronoun, and names little of its own. It
//! is then looked for together with what the one before was about. What names a topic of its own follows nothing.

use super::{Question, word};
use crate::text;

/// Words of its own from which on a question stands for itself.
const OWN_WORDS_MAX: usize = 2;
/// The same for one that begins like going on: «а что с ценами на нефть?» still may be of its own.
const OWN_WORDS_BEGUN_MAX: usize = 4;
/// Longest question that is taken for one that goes on, words.
const WORDS_MAX: usize = 9;

/// How questions begin that go on, folded.
const BEGINNINGS: &[&str] = &[
    "а ",
    "и ",
    "ну а ",
    "но ",
    "а если",
    "почему",
    "зачем",
    "подробнее",
    "поподробнее",
    "расскажи подробнее",
    "расскажи еще",
    "еще",
    "что еще",
    "кто еще",
    "где еще",
    "когда это",
    "и что",
    "а как",
    "and ",
    "but ",
    "what about",
    "how about",
    "why",
    "tell me more",
    "more",
    "what else",
    "who else",
    "where else",
    "so ",
    "then ",
];

/// Words that point back, folded.
const POINTING: &[&str] = &[
    "он",
    "она",
    "оно",
    "они",
    "его",
    "ее",
    "их",
    "ему",
    "ей",
    "им",
    "него",
    "нее",
    "них",
    "нему",
    "нем",
    "ней",
    "ними",
    "это",
    "этом",
    "этого",
    "этому",
    "там",
    "тогда",
    "it",
    "its",
    "he",
    "him",
    "his",
    "she",
    "her",
    "they",
    "them",
    "their",
    "that",
    "there",
];

/// What to look for, if `question` goes on from what was `asked_before` (the words looked for then); `None`: it stands for itself.
pub fn followed(question: &Question, asked_before: &str) -> Option<String> {
    if asked_before.trim().is_empty() {
        return None;
    }
    let folded = text::fold(&question.original);
    let folded = folded.trim_start();
    let all = word::words(&question.original);
    if all.len() > WORDS_MAX {
        return None;
    }
    let own = own_words(&question.search_text);
    let begins = BEGINNINGS.iter().any(|beginning| folded.starts_with(beginning));
    let points = text::tokens(folded).iter().any(|token| POINTING.contains(&token.of(folded)));
    let follows = (begins && own.len() <= OWN_WORDS_BEGUN_MAX) || (points && own.len() <= OWN_WORDS_MAX);
    if !follows {
        return None;
    }
    let mut parts = vec![asked_before.trim().to_owned()];
    let before: Vec<String> = text::terms(asked_before).into_iter().map(|term| term.text).collect();
    parts.extend(own.into_iter().filter(|word| !before.contains(&text::stem(&text::fold(word)))));
    Some(parts.join(" "))
}

/// The words of a search that say something.
fn own_words(search: &str) -> Vec<String> {
    text::tokens(search)
        .iter()
        .map(|token| token.of(search))
        .filter(|word| {
            let folded = text::fold(word);
            !text::stop_word(&folded) && !POINTING.contains(&folded.as_str())
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::TimeZone};

    use super::*;
    use crate::ai::question::analyse;

    fn after(before: &str, text: &str) -> Option<String> {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let before = analyse(before, now, &TimeZone::UTC).search_text;
        followed(&analyse(text, now, &TimeZone::UTC), &before)
    }

    #[test]
    fn what_goes_on_is_looked_for_with_what_was_before() {
        let before = "Какую ставку установил Центробанк?";
        for text in
            ["А почему?", "Почему?", "а в прошлом году?", "А кто это решил?", "Когда это будет?", "подробнее"]
        {
            let found = after(before, text).unwrap_or_else(|| panic!("{text} follows"));
            assert!(found.to_lowercase().contains("центробанк"), "{text}: {found}");
        }
        let found = after("Кто выиграл матч в Лиссабоне?", "А в Мадриде?").expect("it follows");
        assert!(found.contains("Мадриде") && found.contains("матч"), "{found}");
        assert!(
            after("Who won the match in Lisbon?", "And in Madrid?")
                .is_some_and(|found| found.contains("Madrid"))
        );
        assert!(after("Who is Ivanov?", "Where does he work?").is_some());
    }

    #[test]
    fn what_names_its_own_topic_stands_for_itself() {
        let before = "Какую ставку установил Центробанк?";
        for text in [
            "Кто выиграл матч в Лиссабоне?",
            "Что нового в метро на этой неделе?",
            "Какой фильм получил гран-при?",
            "Is there any news about icebreakers and where do they go?",
            "Сколько стоит проезд в московском метро в 2026 году?",
        ] {
            assert_eq!(after(before, text), None, "{text}");
        }
        assert_eq!(after("", "А почему?"), None);
    }
}
