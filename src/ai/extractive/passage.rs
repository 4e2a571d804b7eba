//! A source read: its sentences without advertisement and decoration, and what each holds.

use std::ops::Range;

use super::{
    SOURCE_BYTES_MAX, Source,
    lexicon::{Lexicon, Piece, Script, joined},
};
use crate::text;

/// The longest quotation of one sentence, in bytes; a longer one is cut at a word.
const SENTENCE_BYTES_MAX: usize = 900;

/// How many sentences of one post are read.
const SENTENCES_READ_MAX: usize = 60;

/// The fewest letters of a sentence that says something.
const LETTERS_MIN: usize = 6;

/// A source with its sentences.
#[derive(Debug)]
pub(super) struct Passage<'a> {
    /// The source's number in citations.
    pub n: usize,
    pub source: &'a Source<'a>,
    pub pieces: Vec<Piece>,
    pub sentences: Vec<Sentence>,
    /// The strengths of the question's words in the whole post.
    pub found: Vec<f32>,
    /// How much of the question the post covers, 0 to 1.
    pub coverage: f32,
    pub script: Script,
}

/// A sentence of a passage.
#[derive(Debug)]
pub(super) struct Sentence {
    /// In bytes of the source's text.
    pub range: Range<usize>,
    /// Its words in [`Passage::pieces`].
    pub pieces: Range<usize>,
    pub found: Vec<f32>,
    pub coverage: f32,
    pub has_number: bool,
    pub has_date: bool,
    pub has_name: bool,
    /// Gives a reason: «из-за», "because".
    pub has_reason: bool,
    /// Says «сегодня» or «вчера»: it needs the post's date to be understood.
    pub has_relative_day: bool,
    pub content_words: usize,
    /// An item of a list.
    pub item: bool,
    /// Ends with a question mark.
    pub asks: bool,
    /// Leans on the sentence before: «Он …», «Это …».
    pub leans: bool,
    /// Cut short: shown with an ellipsis.
    pub cut: bool,
    pub score: f32,
}

impl<'a> Passage<'a> {
    pub(super) fn read(n: usize, source: &'a Source<'a>, lexicon: &mut Lexicon) -> Self {
        let text = bounded(source.text);
        let pieces = lexicon.pieces(text);
        let found = lexicon.strengths(&pieces);
        let script = Script::of(text);
        let coverage = lexicon.coverage(&found, script);
        let mut sentences = Vec::new();
        for range in text::sentences(text).into_iter().take(SENTENCES_READ_MAX) {
            if let Some((range, cut)) = cleaned(text, range) {
                sentences.push(Sentence::read(text, (range, cut), &pieces, lexicon, script));
            }
        }
        Self { n, source, pieces, sentences, found, coverage, script }
    }

    pub(super) fn words(&self, sentence: &Sentence) -> &[Piece] {
        &self.pieces[sentence.pieces.clone()]
    }

    pub(super) fn quote(&self, sentence: &Sentence) -> &'a str {
        &self.source.text[sentence.range.clone()]
    }
}

impl Sentence {
    fn read(
        text: &str,
        (range, cut): (Range<usize>, bool),
        pieces: &[Piece],
        lexicon: &Lexicon,
        script: Script,
    ) -> Self {
        let from = pieces.partition_point(|p| p.start < range.start);
        let to = pieces.partition_point(|p| p.start < range.end);
        let words = &pieces[from..to.max(from)];
        let found = lexicon.strengths(words);
        let quote = &text[range.clone()];
        Self {
            coverage: lexicon.coverage(&found, script),
            found,
            pieces: from..to.max(from),
            has_number: words
                .iter()
                .any(|p| p.number && lexicon.matched(p.stem).is_none_or(|m| m.strength < 1.0)),
            has_date: words.iter().any(|p| is_date(&text[p.start..p.end])),
            has_name: words
                .iter()
                .enumerate()
                .any(|(at, p)| at > 0 && p.capital && p.content && lexicon.matched(p.stem).is_none()),
            has_reason: has_reason(quote),
            has_relative_day: words.iter().any(|p| is_relative_day(&text[p.start..p.end])),
            content_words: words.iter().filter(|p| p.content).count(),
            item: is_item(&text[..range.start]),
            asks: quote.ends_with('?'),
            leans: leans(quote),
            cut,
            score: 0.0,
            range,
        }
    }
}

fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(SOURCE_BYTES_MAX)]
}

/// The sentence without emoji and bullets at its ends; `None` for advertisement, tags and what says nothing.
fn cleaned(text: &str, range: Range<usize>) -> Option<(Range<usize>, bool)> {
    let raw = &text[range.clone()];
    let head = without_ordinal(raw.trim_start_matches(|c: char| !opens(c)));
    let start = range.start + (raw.len() - head.len());
    let body = without_tags(head);
    let body = body.trim_end_matches(|c: char| !closes(c));
    let body = body.trim_end();
    if body.chars().filter(|c| c.is_alphanumeric()).count() < LETTERS_MIN || is_boilerplate(body) {
        return None;
    }
    if body.len() <= SENTENCE_BYTES_MAX {
        return Some((start..start + body.len(), false));
    }
    let short = &body[..body.floor_char_boundary(SENTENCE_BYTES_MAX)];
    let end = short.rfind(char::is_whitespace).unwrap_or(short.len());
    Some((start..start + short[..end].trim_end().len(), true))
}

fn opens(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(
            c,
            '«' | '"' | '“' | '„' | '(' | '[' | '<' | '$' | '€' | '₽' | '@' | '\'' | '`' | '/' | '.'
        )
}

fn closes(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(
            c,
            '.' | '!'
                | '?'
                | '…'
                | '»'
                | '"'
                | '”'
                | ')'
                | ']'
                | '>'
                | '%'
                | '+'
                | '#'
                | '$'
                | '€'
                | '₽'
                | '°'
                | '\''
                | '`'
                | ':'
                | ';'
                | '/'
                | '*'
        )
}

/// Without the number of a list item: `1. `, `2) `.
fn without_ordinal(sentence: &str) -> &str {
    let rest = sentence.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = sentence.len() - rest.len();
    match rest.strip_prefix(['.', ')']).and_then(|rest| rest.strip_prefix(' ')) {
        Some(item) if (1..=2).contains(&digits) => item.trim_start_matches(|c: char| !opens(c)),
        Some(_) | None => sentence,
    }
}

/// Without the hashtags that stand at its end.
fn without_tags(sentence: &str) -> &str {
    let mut rest = sentence.trim_end();
    while let Some(at) = rest.rfind(char::is_whitespace) {
        if !rest[at..].trim_start().starts_with('#') {
            break;
        }
        rest = rest[..at].trim_end();
    }
    rest
}

/// Phrases of advertisement and of links that stand alone; compared with the folded beginning of a short sentence.
const BOILERPLATE: &[&str] = &[
    "подпис",
    "читать",
    "читайте",
    "подробнее",
    "подробности",
    "источник",
    "ссылка",
    "смотреть",
    "смотрите",
    "наш канал",
    "реклама",
    "erid",
    "прислать новость",
    "предложить новость",
    "поделиться",
    "поделитесь",
    "переходи",
    "переходите",
    "зеркало",
    "больше новостей",
    "обсудить",
    "обсуждение",
    "в комментари",
    "делитесь в комментари",
    "ставьте",
    "жмите",
    "жми",
    "распространите",
    "фото:",
    "видео:",
    "subscribe",
    "read more",
    "source",
    "link",
    "join",
    "follow us",
    "share",
    "sponsored",
    "watch",
    "via @",
    "more:",
    "ad:",
];

/// The most words of a sentence that is only a call or a label.
const BOILERPLATE_WORDS_MAX: usize = 9;

fn is_boilerplate(sentence: &str) -> bool {
    let words = sentence.split_whitespace().count();
    if sentence.starts_with('#')
        || sentence.split_whitespace().all(|w| w.starts_with(['#', '@']) || is_address(w))
    {
        return true;
    }
    if words > BOILERPLATE_WORDS_MAX {
        return false;
    }
    let folded = text::fold(sentence);
    let folded = folded.trim_start_matches(|c: char| !c.is_alphanumeric());
    BOILERPLATE.iter().any(|phrase| folded.starts_with(phrase)) && !has_fact(sentence)
}

/// «Подписан закон № 5» begins as an advertisement does, but a number or a name further on is a fact.
fn has_fact(sentence: &str) -> bool {
    let told = sentence.split_whitespace().filter(|w| !is_address(w) && !w.starts_with(['@', '#'])).skip(1);
    let mut facts = 0;
    for word in told {
        let first = word.trim_start_matches(|c: char| !c.is_alphanumeric()).chars().next();
        facts += usize::from(first.is_some_and(|c| c.is_ascii_digit()));
    }
    facts > 0
}

fn is_address(word: &str) -> bool {
    word.contains("://")
        || word.starts_with("t.me/")
        || word.starts_with("www.")
        || word.starts_with("bit.ly/")
}

/// A month, a weekday, «вчера», a year or a time of day.
fn is_date(word: &str) -> bool {
    const NAMES: &[&str] = &[
        "январ",
        "феврал",
        "март",
        "апрел",
        "мая",
        "мае",
        "июн",
        "июл",
        "август",
        "сентябр",
        "октябр",
        "ноябр",
        "декабр",
        "понедельник",
        "вторник",
        "сред",
        "четверг",
        "пятниц",
        "суббот",
        "воскресень",
        "вчера",
        "сегодня",
        "завтра",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "yesterday",
        "today",
        "tomorrow",
    ];
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    if digits > 0 {
        let year = word.len() == 4 && (word.starts_with("19") || word.starts_with("20"));
        return digits == word.len() && year || (word.contains([':', '.']) && digits >= 3);
    }
    let folded = text::fold(word);
    NAMES.iter().any(|name| folded.starts_with(name))
}

/// Whether what stands before a sentence on its line is the mark of a list item.
fn is_item(before: &str) -> bool {
    let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    let mark = line.trim();
    let numbered = mark.strip_suffix(['.', ')']).unwrap_or_default();
    mark.starts_with(['•', '-', '–', '—', '▫', '▪', '●', '◾', '✅', '📍', '📌', '▶', '👉', '🔹', '🔸'])
        && mark.chars().count() <= 3
        || (1..=2).contains(&numbered.len()) && numbered.bytes().all(|b| b.is_ascii_digit())
}

fn is_relative_day(word: &str) -> bool {
    const DAYS: &[&str] = &[
        "сегодня",
        "вчера",
        "позавчера",
        "завтра",
        "послезавтра",
        "today",
        "yesterday",
        "tomorrow",
        "tonight",
    ];
    DAYS.contains(&text::fold(word).as_str())
}

fn has_reason(sentence: &str) -> bool {
    const REASONS: &[&str] = &[
        "из-за",
        "потому",
        "поскольку",
        "так как",
        "причина",
        "причиной",
        "причине",
        "вследствие",
        "благодаря",
        "оказал",
        "because",
        "due to",
        "cause",
        "reason",
        "after a",
    ];
    let folded = text::fold(sentence);
    REASONS.iter().any(|reason| folded.contains(reason))
}

fn leans(sentence: &str) -> bool {
    const LEANING: &[&str] = &[
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
        "это",
        "этот",
        "эта",
        "эти",
        "этого",
        "при",
        "также",
        "кроме",
        "однако",
        "но",
        "а",
        "и",
        "поэтому",
        "тогда",
        "там",
        "такой",
        "такая",
        "такие",
        "he",
        "she",
        "it",
        "they",
        "his",
        "her",
        "their",
        "this",
        "these",
        "those",
        "but",
        "and",
        "also",
        "however",
        "there",
        "then",
    ];
    let first = sentence.split(|c: char| !c.is_alphanumeric()).find(|w| !w.is_empty()).map(text::fold);
    first.is_some_and(|word| LEANING.contains(&word.as_str()))
}

/// The coverage of the best sentence together with the post's opening sentence, which often names what the rest is about.
pub(super) fn joined_coverage(passage: &Passage<'_>, lexicon: &Lexicon) -> f32 {
    let Some(opening) = passage.sentences.first() else {
        return 0.0;
    };
    passage
        .sentences
        .iter()
        .map(|sentence| lexicon.coverage(&joined(&opening.found, &sentence.found), passage.script))
        .fold(0.0, f32::max)
}
