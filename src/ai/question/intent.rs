//! What the asker wants done, and what the answering sentence must hold: rules over words, no model.

use super::{
    Intent, Kind,
    word::{Word, is_any},
};

const DIGEST: &[&str] = &["дайджест*", "сводк*", "digest", "roundup", "recap"];
const TREND: &[&str] = &["тренд*", "trend", "trends", "trending", "обсуждают"];
const RECOMMEND: &[&str] = &[
    "порекомендуй*",
    "порекомендовать",
    "посоветуй*",
    "посоветовать",
    "recommend",
    "suggest",
    "recommendations",
];
const SEARCH: &[&str] =
    &["найди", "найдите", "найти", "поищи", "поищите", "отыщи", "поиск", "find", "search"];
const POSTS: &[&str] = &[
    "пост",
    "посты",
    "постов",
    "публикаци*",
    "запись",
    "записи",
    "записей",
    "сообщения",
    "статьи",
    "статью",
    "материалы",
    "post",
    "posts",
    "articles",
    "messages",
    "publications",
];

/// The rules, most specific first.
pub(super) fn intent(words: &[&Word]) -> Intent {
    let has = |forms: &[&str]| words.iter().any(|w| is_any(&w.folded, forms));
    let follow = |first: &[&str], second: &[&str]| {
        words.windows(2).any(|pair| is_any(&pair[0].folded, first) && is_any(&pair[1].folded, second))
    };
    let similar = words.first().is_some_and(|w| is_any(&w.folded, &["похожие", "похожее", "similar"]))
        || follow(&["похожие", "similar"], POSTS)
        || follow(&["что"], &["почитать", "посмотреть"]);
    if has(DIGEST)
        || follow(&["итоги", "главное", "summary"], &["дня", "недели", "месяца", "of", "за", "for"])
        || words.first().is_some_and(|w| is_any(&w.folded, &["итоги", "главное", "summary"]))
        || has(&["summarize", "summarise"])
    {
        Intent::Digest
    } else if has(TREND) || follow(&["популярные", "горячие", "hot", "popular"], &["темы", "topics"])
    {
        Intent::Trend
    } else if has(RECOMMEND) || similar {
        Intent::Recommend
    } else if has(SEARCH)
        || follow(&["покажи", "покажите", "show"], POSTS)
        || follow(&["me"], POSTS)
        || follow(POSTS, &["про", "о", "об", "обо", "about", "on"])
    {
        Intent::Search
    } else {
        Intent::Ask
    }
}

/// Words that ask for the newest.
pub(super) fn is_news(words: &[&Word]) -> bool {
    const NEWS: &[&str] = &[
        "новост*",
        "последние",
        "последних",
        "последняя",
        "последнее",
        "последний",
        "свеж*",
        "недавн*",
        "сейчас",
        "news",
        "latest",
        "recent",
        "recently",
        "lately",
        "now",
        "currently",
    ];
    words.iter().any(|w| is_any(&w.folded, NEWS))
}

/// The first question word decides.
pub(super) fn kind(words: &[&Word]) -> Kind {
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).map_or("", |w| w.folded.as_str());
        if let Some(kind) = kind_of(&word.folded, next, at) {
            return kind;
        }
    }
    Kind::What
}

/// Ask for a name.
const WHO: &[&str] = &["кто", "кого", "кому", "кем", "чей", "чья", "чье", "who", "whom", "whose", "who's"];
/// Ask for a date.
const WHEN: &[&str] = &["когда", "when"];
/// Ask for a number.
const HOW_MUCH: &[&str] = &["сколько", "насколько", "почем", "скольких"];
/// Ask for a place.
const WHERE: &[&str] = &["где", "куда", "откуда", "where"];
/// Ask for a reason.
const WHY: &[&str] = &["почему", "зачем", "отчего", "why"];
/// Ask for several things.
const LISTED: &[&str] = &["какие", "каких", "каким", "какими", "перечисли*", "список", "топ", "list", "top"];
/// Decided by the word after them.
const WHICH: &[&str] = &[
    "какой",
    "какая",
    "какое",
    "каком",
    "какого",
    "какова",
    "каков",
    "какую",
    "каким",
    "what",
    "which",
    "what's",
];
/// After «какой» they ask for a date.
const DATED: &[&str] =
    &["год*", "числ*", "день", "дня", "месяц*", "час*", "врем*", "date", "day", "year", "month", "time"];
/// After «какой» they ask for a number.
const MEASURED: &[&str] = &[
    "цен*",
    "сумм*",
    "стоимост*",
    "процент*",
    "дол*",
    "количеств*",
    "размер*",
    "скорост*",
    "объем*",
    "рост*",
    "зарплат*",
    "возраст*",
    "расстояни*",
    "высот*",
    "длин*",
    "глубин*",
    "температур*",
    "вес*",
    "ставк*",
    "счет*",
    "мощност*",
    "distance",
    "score",
    "rate",
    "price",
    "cost",
    "percentage",
    "amount",
    "number",
    "share",
    "size",
    "population",
];
/// After "how" they ask for a number.
const DEGREE: &[&str] = &["much", "many", "long", "old", "big", "large", "far", "fast", "often", "tall"];
/// Open a question of yes or no.
const VERBS: &[&str] =
    &["is", "are", "was", "were", "does", "do", "did", "has", "have", "can", "will", "правда"];
/// Ask for anything.
const WHAT: &[&str] = &["что", "чего", "чем", "чему"];

fn kind_of(word: &str, next: &str, at: usize) -> Option<Kind> {
    let which = is_any(word, WHICH);
    let kind = if is_any(word, WHO) {
        Kind::Who
    } else if is_any(word, WHEN) || (which && is_any(next, DATED)) {
        Kind::When
    } else if is_any(word, HOW_MUCH)
        || (word == "how" && is_any(next, DEGREE))
        || (which && is_any(next, MEASURED))
    {
        Kind::HowMuch
    } else if is_any(word, WHERE) {
        Kind::Where
    } else if is_any(word, WHY) || (word == "из" && next == "за") {
        Kind::Why
    } else if is_any(word, LISTED) {
        Kind::List
    } else if is_any(word, &["как", "how"]) {
        Kind::How
    } else if word == "ли" || (at == 0 && is_any(word, VERBS)) {
        Kind::Whether
    } else if which || is_any(word, WHAT) {
        Kind::What
    } else {
        return None;
    };
    Some(kind)
}
