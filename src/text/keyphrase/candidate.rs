//! Candidates for key phrases: words, names and short noun phrases, with what the text shows about each.
//!
//! Knows one text. Variants of a phrase (case, inflection) are one candidate, under its key; the spelling kept is the one
//! that occurs most, the earlier of equals.

use std::collections::HashMap;
use std::ops::Range;

use super::shape::{Shape, shape};
use crate::text::{TAG_WORDS_MAX, Token, TokenKind, fold, stem, stop_word, tokens};

/// How many tokens of a text are read for candidates: about 20,000 characters, five times the longest message.
pub(super) const TOKENS_MAX: usize = 3000;

/// The shortest candidate, in characters.
const CHARS_MIN: usize = 2;

/// A phrase and its traces in the text.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Stems joined by a space, as in [`crate::text::tag_key`].
    pub(super) key: String,
    pub(super) words: usize,
    /// Where the chosen spelling stands, in bytes.
    pub(super) place: Range<usize>,
    /// Of the last word of the chosen spelling.
    pub(super) shape: Shape,
    pub(super) count: u32,
    /// Occurrences with a capital letter where no sentence begins.
    pub(super) names: u32,
    /// Occurrences with a capital letter at all.
    pub(super) capitals: u32,
    pub(super) acronyms: u32,
    pub(super) quoted: u32,
    pub(super) hashtags: u32,
    /// Occurrences in the first sentence.
    pub(super) leading: u32,
    /// Occurrences in a longer name: `Тузов` in `Николай Тузов`.
    pub(super) inside: u32,
    /// The token at which it first and last occurs.
    pub(super) first: usize,
    pub(super) last: usize,
    spellings: Vec<(Range<usize>, u32)>,
}

/// One token with what is known of it.
struct Word {
    token: Token,
    stem: String,
    shape: Shape,
    stop: bool,
    capital: bool,
    acronym: bool,
    /// Nothing but one space parts it from the word before.
    follows: bool,
    opens_sentence: bool,
    quoted: bool,
    sentence: u32,
}

/// The candidates of a normalised text, in order of first occurrence, and the number of its tokens.
pub(super) fn candidates(text: &str) -> (Vec<Candidate>, usize) {
    let words = words(text);
    let mut found = Found { text, list: Vec::new(), by_key: HashMap::with_capacity(words.len()) };
    for at in 0..words.len() {
        let word = &words[at];
        if word.stop || !can_be_alone(text, word) {
            continue;
        }
        let (name_start, name_end) = name_around(&words, at);
        found.add(&words[at..=at], at, name_end - name_start > 1);
        for length in 2..=TAG_WORDS_MAX {
            let Some(run) = words.get(at..at + length) else {
                break;
            };
            if is_phrase(text, run) {
                found.add(run, at, false);
            }
        }
    }
    (found.list, words.len())
}

/// Whether words in a row are one noun phrase: a name, or descriptions before a noun.
fn is_phrase(text: &str, run: &[Word]) -> bool {
    let unbroken =
        run[1..].iter().all(|word| word.follows && !word.stop && word.token.kind == TokenKind::Word);
    if !unbroken || run[0].token.kind != TokenKind::Word || !run.iter().all(|word| can_be_alone(text, word)) {
        return false;
    }
    let name = run[1..].iter().all(|word| word.capital) && run[0].capital;
    let Some((head, descriptions)) = run.split_last() else {
        return false;
    };
    let described = descriptions.iter().all(|word| word.shape == Shape::Adjective)
        && matches!(head.shape, Shape::Noun | Shape::Plain);
    let latin = run.iter().all(|word| word.shape == Shape::Latin);
    name || described || (latin && run.len() == 2)
}

fn can_be_alone(text: &str, word: &Word) -> bool {
    let spelling = word.token.of(text);
    match word.token.kind {
        TokenKind::Word => {
            spelling.chars().nth(CHARS_MIN - 1).is_some()
                && !spelling.ends_with('.')
                && !spelling.starts_with(|c: char| c.is_ascii_digit())
        }
        TokenKind::Hashtag => true,
        TokenKind::Number | TokenKind::Mention | TokenKind::Url | TokenKind::Emoji => false,
    }
}

/// The run of capitalised words around one of them, as word indices.
fn name_around(words: &[Word], at: usize) -> (usize, usize) {
    let mut start = at;
    while start > 0
        && words[start].follows
        && words[start].capital
        && words[start - 1].capital
        && at - start < TAG_WORDS_MAX
    {
        start -= 1;
    }
    let mut end = at + 1;
    while end < words.len()
        && words[end - 1].capital
        && words[end].capital
        && words[end].follows
        && end - at < TAG_WORDS_MAX
    {
        end += 1;
    }
    (start, end)
}

fn words(text: &str) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::new();
    let mut end = 0;
    let mut sentence = 0;
    let mut opens_sentence = true;
    let mut quotes = Quotes::default();
    for token in tokens(text).into_iter().take(TOKENS_MAX) {
        let gap = &text[end..token.start];
        if gap.contains(['.', '!', '?', '…', '\n']) && !out.is_empty() {
            opens_sentence = true;
            // A line of emoji or the first line of two words is a heading, but still a sentence.
            sentence += 1;
        } else if gap.contains([':', '•', '—', '–', '|']) {
            opens_sentence = true;
        }
        quotes.read(gap);
        end = token.end;
        if token.kind == TokenKind::Emoji {
            opens_sentence = true;
            continue;
        }
        let first = out.len();
        out.push(Word::new(text, token));
        for part in hyphened_parts(text, token) {
            out.push(Word::new(text, part));
        }
        for word in &mut out[first..] {
            word.opens_sentence = opens_sentence;
            word.quoted = quotes.open();
            word.sentence = sentence;
        }
        out[first].follows = gap == " ";
        opens_sentence = false;
    }
    out
}

/// The parts of a hyphened word that may be a subject of their own: `DIY` and `привод` of `DIY-привод`.
fn hyphened_parts(text: &str, token: Token) -> Vec<Token> {
    let whole = token.of(text);
    if token.kind != TokenKind::Word || !whole.contains('-') {
        return Vec::new();
    }
    let mut start = token.start;
    let mut parts = Vec::new();
    for part in whole.split('-') {
        let end = start + part.len();
        if part.chars().all(char::is_alphabetic) {
            parts.push(Token { start, end, kind: TokenKind::Word });
        }
        start = end + 1;
    }
    parts
}

impl Word {
    fn new(text: &str, token: Token) -> Self {
        let spelling = match token.kind {
            TokenKind::Hashtag => &text[token.start + 1..token.end],
            TokenKind::Word => token.of(text),
            TokenKind::Number | TokenKind::Mention | TokenKind::Url | TokenKind::Emoji => "",
        };
        let folded = fold(spelling);
        let stop = spelling.is_empty() || stop_word(&folded);
        Self {
            token,
            stem: if stop { String::new() } else { stem(&folded) },
            shape: shape(&folded),
            stop,
            capital: spelling.starts_with(char::is_uppercase),
            acronym: spelling.chars().nth(1).is_some_and(|c| c.is_uppercase() || c.is_ascii_digit()),
            follows: false,
            opens_sentence: false,
            quoted: false,
            sentence: 0,
        }
    }
}

/// Whether one stands in quotes.
#[derive(Default)]
struct Quotes {
    depth: u32,
    straight: bool,
}

impl Quotes {
    fn read(&mut self, gap: &str) {
        for c in gap.chars() {
            match c {
                '«' | '“' | '„' => self.depth += 1,
                '»' | '”' => self.depth = self.depth.saturating_sub(1),
                '"' => self.straight = !self.straight,
                '\n' => *self = Self::default(),
                _ => {}
            }
        }
    }

    fn open(&self) -> bool {
        self.depth > 0 || self.straight
    }
}

struct Found<'a> {
    text: &'a str,
    list: Vec<Candidate>,
    by_key: HashMap<String, usize>,
}

impl Found<'_> {
    fn add(&mut self, run: &[Word], at: usize, inside: bool) {
        let (Some(head), Some(tail)) = (run.first(), run.last()) else {
            return;
        };
        let hashtag = head.token.kind == TokenKind::Hashtag;
        let start = head.token.start + usize::from(hashtag);
        let place = start..tail.token.end;
        let key = match run {
            [one] => one.stem.replace('_', " "),
            run => run.iter().map(|word| word.stem.as_str()).collect::<Vec<_>>().join(" "),
        };
        let list = &mut self.list;
        let index = *self.by_key.entry(key).or_insert_with_key(|key| {
            list.push(Candidate {
                key: key.clone(),
                words: run.len(),
                place: place.clone(),
                shape: tail.shape,
                count: 0,
                names: 0,
                capitals: 0,
                acronyms: 0,
                quoted: 0,
                hashtags: 0,
                leading: 0,
                inside: 0,
                first: at,
                last: at,
                spellings: Vec::new(),
            });
            list.len() - 1
        });
        let candidate = &mut self.list[index];
        candidate.count += 1;
        candidate.last = at;
        candidate.names += u32::from(head.capital && !head.opens_sentence);
        candidate.capitals += u32::from(head.capital);
        candidate.acronyms += u32::from(head.acronym && head.capital);
        candidate.quoted += u32::from(head.quoted);
        candidate.hashtags += u32::from(hashtag);
        candidate.leading += u32::from(head.sentence == 0);
        candidate.inside += u32::from(inside);
        candidate.spelled(self.text, place, tail.shape);
    }
}

impl Candidate {
    /// Counts a spelling and keeps the most frequent one.
    fn spelled(&mut self, text: &str, place: Range<usize>, shape: Shape) {
        let known = self.spellings.iter_mut().find(|(at, _)| text[at.clone()] == text[place.clone()]);
        let count = if let Some((_, count)) = known {
            *count += 1;
            *count
        } else {
            self.spellings.push((place.clone(), 1));
            1
        };
        let best = self.spellings.iter().find(|(at, _)| *at == self.place).map_or(0, |(_, count)| *count);
        if count > best {
            let first = self.spellings.iter().find(|(at, _)| text[at.clone()] == text[place.clone()]);
            self.place = first.map_or(place, |(at, _)| at.clone());
            self.shape = shape;
        }
    }
}
