//! A reader's words, taken apart: plain words, "quoted phrases", `-excluded`, `#tag`.
//!
//! Pure and total: any string is a query, none is an error. Cutting and stemming happen later, in the index, by
//! `text::terms`; here only the three signs a reader may use are recognised.

use crate::text;

/// Longest query that is read, in characters; the rest is ignored.
pub const QUERY_CHARS_MAX: usize = 2_000;

/// One part of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clause {
    /// Free words: more of them is better, none is required.
    Words(String),
    /// `"…"`: these words in this order; required.
    Phrase(String),
    /// `-word` or `-"…"`: must not occur.
    Without(String),
    /// `#tag`, without the sign: the post carries the tag or the hashtag; required.
    Tag(String),
}

/// A parsed query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    pub clauses: Vec<Clause>,
}

impl Query {
    /// Reads a query as a person typed it. An unclosed quote is no quote; a lone sign is punctuation.
    pub fn parse(raw: &str) -> Query {
        let text = text::normalise(raw);
        let chars: Vec<char> = text.chars().take(QUERY_CHARS_MAX).collect();
        let mut clauses = Vec::new();
        let mut words = String::new();
        let mut at = 0;
        while at < chars.len() {
            let starts = at == 0 || chars[at - 1].is_whitespace() || chars[at - 1] == '(';
            if let Some((clause, next)) = sign_at(&chars, at, starts) {
                clauses.push(clause);
                words.push(' ');
                at = next;
            } else {
                words.push(chars[at]);
                at += 1;
            }
        }
        let words = words.trim();
        if !words.is_empty() {
            clauses.push(Clause::Words(words.to_owned()));
        }
        Query { clauses }
    }

    /// Free words only: a post's own text as a query, where quotes and signs are just text.
    pub fn words(text: &str) -> Query {
        Query { clauses: vec![Clause::Words(text::normalise(text))] }
    }

    /// The same query with the phrases' words made free: what is tried when the phrases match nothing.
    pub(super) fn relaxed(&self) -> Option<Query> {
        let phrase = |clause: &Clause| matches!(clause, Clause::Phrase(_));
        if !self.clauses.iter().any(phrase) {
            return None;
        }
        let loosen = |clause: &Clause| match clause {
            Clause::Phrase(words) | Clause::Words(words) => Clause::Words(words.clone()),
            Clause::Without(words) => Clause::Without(words.clone()),
            Clause::Tag(tag) => Clause::Tag(tag.clone()),
        };
        Some(Query { clauses: self.clauses.iter().map(loosen).collect() })
    }
}

/// The signed clause that starts at `at`, and where it ends.
fn sign_at(chars: &[char], at: usize, starts: bool) -> Option<(Clause, usize)> {
    let quoted = |open: usize| -> Option<(String, usize)> {
        let length = chars.get(open + 1..)?.iter().position(|c| *c == '"')?;
        let inner: String = chars[open + 1..open + 1 + length].iter().collect();
        inner.chars().any(char::is_alphanumeric).then_some((inner, open + length + 2))
    };
    let word = |from: usize| -> Option<(String, usize)> {
        let rest = chars.get(from..)?;
        if !rest.first()?.is_alphanumeric() {
            return None;
        }
        let joins = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '/' | ':');
        let length = rest.iter().position(|c| !joins(*c)).unwrap_or(rest.len());
        Some((rest[..length].iter().collect(), from + length))
    };
    match chars[at] {
        '"' => quoted(at).map(|(inner, next)| (Clause::Phrase(inner), next)),
        '-' if starts => match chars.get(at + 1)? {
            '"' => quoted(at + 1).map(|(inner, next)| (Clause::Without(inner), next)),
            '#' => word(at + 2).map(|(inner, next)| (Clause::Without(format!("#{inner}")), next)),
            // A minus before a digit is a number (-5 %), not an exclusion.
            c if c.is_alphabetic() => word(at + 1).map(|(inner, next)| (Clause::Without(inner), next)),
            _ => None,
        },
        '#' if starts => word(at + 1).map(|(inner, next)| (Clause::Tag(inner), next)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: &[Clause]) {
        assert_eq!(Query::parse(raw).clauses, expected, "{raw:?}");
    }

    #[test]
    fn signs_are_read_and_everything_else_is_words() {
        let words = |s: &str| Clause::Words(s.to_owned());
        let phrase = |s: &str| Clause::Phrase(s.to_owned());
        let without = |s: &str| Clause::Without(s.to_owned());
        let tag = |s: &str| Clause::Tag(s.to_owned());
        check("", &[]);
        check("  \u{200b} ", &[]);
        check("ключевая ставка", &[words("ключевая ставка")]);
        check("\"ключевая ставка\" цб", &[phrase("ключевая ставка"), words("цб")]);
        check("ставка -ипотека", &[without("ипотека"), words("ставка")]);
        check("ставка -\"ипотека под 8\"", &[without("ипотека под 8"), words("ставка")]);
        check("#rust async", &[tag("rust"), words("async")]);
        check("-#реклама курс", &[without("#реклама"), words("курс")]);
        check("рост -5 %", &[words("рост -5 %")]);
        check("кто-то", &[words("кто-то")]);
        check("незакрытая \"кавычка", &[words("незакрытая \"кавычка")]);
        check("\"\" # - --", &[words("\"\" # - --")]);
        check("c# f#", &[words("c# f#")]);
    }

    #[test]
    fn query_is_cut_at_its_limit() {
        let query = Query::parse(&"ы".repeat(QUERY_CHARS_MAX + 5));
        assert_eq!(query.clauses, [Clause::Words("ы".repeat(QUERY_CHARS_MAX))]);
    }

    proptest::proptest! {
        #[test]
        fn any_string_is_a_query(raw in ".*") {
            let _ = Query::parse(&raw).relaxed();
        }
    }
}
