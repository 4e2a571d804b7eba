//! The words a question opens with that are not its topic: «найди мне посты про», "what's new in".
//!
//! A run of such words is cut only when it holds a trigger (a command, «нового», «новости»); «что такое …» stays whole,
//! because a question as it was asked retrieves better than its bare nouns.

use super::word::{Word, is_any};

/// Commands and requests.
const COMMANDS: &[&str] = &[
    "найди",
    "найдите",
    "найти",
    "поищи",
    "поищите",
    "отыщи",
    "покажи",
    "покажите",
    "расскажи",
    "расскажите",
    "скажи",
    "скажите",
    "подскажи",
    "подскажите",
    "объясни",
    "дай",
    "дайте",
    "сделай",
    "собери",
    "составь",
    "хочу",
    "порекомендуй",
    "порекомендуйте",
    "посоветуй",
    "посоветуйте",
    "дайджест*",
    "сводк*",
    "тренд*",
    "обсуждают",
    "find",
    "search",
    "show",
    "tell",
    "give",
    "make",
    "get",
    "recommend",
    "suggest",
    "digest",
    "roundup",
    "recap",
    "summarize",
    "summarise",
    "trends",
    "trending",
    "trend",
    "summary",
];

/// Words that ask for what is new; they make the question one about news.
const NEWS: &[&str] = &[
    "нового",
    "новенького",
    "новое",
    "интересного",
    "важного",
    "слышно",
    "происходит",
    "произошло",
    "случилось",
    "пишут",
    "говорят",
    "новост*",
    "там",
    "new",
    "news",
    "latest",
    "happened",
    "happening",
    "update",
    "updates",
];

/// Words that may stand around them.
const AROUND: &[&str] = &[
    "а",
    "ну",
    "и",
    "же",
    "что",
    "чего",
    "о",
    "чем",
    "мне",
    "нам",
    "пожалуйста",
    "какие",
    "какая",
    "есть",
    "ли",
    "были",
    "было",
    "сейчас",
    "последние",
    "последних",
    "последнее",
    "свежие",
    "свежее",
    "главные",
    "главное",
    "самые",
    "самое",
    "все",
    "всё",
    "недавно",
    "посты",
    "пост",
    "постов",
    "публикации",
    "записи",
    "сообщения",
    "статьи",
    "материалы",
    "похожие",
    "похожее",
    "краткий",
    "короткий",
    "еще",
    "итоги",
    "темы",
    "популярные",
    "what",
    "what's",
    "whats",
    "is",
    "are",
    "was",
    "has",
    "there",
    "any",
    "anything",
    "the",
    "a",
    "an",
    "me",
    "please",
    "can",
    "could",
    "you",
    "some",
    "posts",
    "post",
    "articles",
    "messages",
    "similar",
    "recent",
    "recently",
    "currently",
    "now",
    "going",
    "all",
    "hot",
    "popular",
    "topics",
    "current",
    "short",
    "top",
];

/// Words that join the run to the topic.
const LINKS: &[&str] = &[
    "про",
    "о",
    "об",
    "обо",
    "по",
    "в",
    "во",
    "на",
    "с",
    "со",
    "у",
    "из",
    "из-за",
    "от",
    "насчет",
    "around",
    "about",
    "on",
    "in",
    "of",
    "for",
    "with",
    "regarding",
    "from",
    "to",
    "where",
    "где",
    "том",
];

/// What is left of a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lead {
    /// Byte starts of the words that stay, in order.
    pub kept: Vec<usize>,
    pub news: bool,
}

pub(super) fn strip(words: &[&Word]) -> Lead {
    let mut cut = 0;
    let mut triggered = false;
    let mut news = false;
    for (at, word) in words.iter().enumerate() {
        let text = word.folded.as_str();
        // "New York …" opens with a name, not with a request.
        let is_new = is_any(text, NEWS) && !(at == 0 && text == "new");
        if is_any(text, COMMANDS) || is_new {
            triggered = true;
            news |= is_new;
        } else if !(is_any(text, AROUND) || (triggered && is_any(text, LINKS))) {
            break;
        }
        cut = at + 1;
    }
    let (from, to) = if triggered { (cut, words.len()) } else { trail(words, &mut news) };
    Lead { kept: words[from..to.max(from)].iter().map(|w| w.start).collect(), news }
}

/// `OpenAI новости`, `по OpenAI что нового`: the request stands last.
fn trail(words: &[&Word], news: &mut bool) -> (usize, usize) {
    let mut end = words.len();
    while end > 0 && is_any(&words[end - 1].folded, &["новости", "нового", "новое", "news", "updates"])
    {
        end -= 1;
        *news = true;
    }
    if !*news {
        return (0, words.len());
    }
    while end > 0 && is_any(&words[end - 1].folded, &["что", "какие", "есть", "latest", "последние"])
    {
        end -= 1;
    }
    let from = words.iter().take(end).take_while(|w| is_any(&w.folded, LINKS) || w.folded == "а").count();
    (from, end)
}
