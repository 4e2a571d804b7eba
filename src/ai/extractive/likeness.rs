//! When two stems mean the same: equal, of one beginning, one name in two alphabets, or of one sense.
//!
//! Pure. The lists of senses hold words of the common language only; names and topics are the posts' business.

use crate::text;

/// Words of the same beginning («взлом», «взломщик») count as half found.
const SIMILAR_STRENGTH: f32 = 0.5;

/// A name in the other alphabet («Странник», "Strannik").
const TRANSLITERATED_STRENGTH: f32 = 0.8;

/// Words of one sense that questions and answers seldom share.
const SENSES: &[&[&str]] = &[
    &["стоить", "стоит", "стоимость", "цена", "рублей", "рубля", "долларов", "price", "cost"],
    &[
        "откладывали",
        "отложить",
        "отложили",
        "отложен",
        "перенос",
        "переносится",
        "перенесли",
        "перенести",
        "delay",
        "postpone",
    ],
    &[
        "запуск",
        "запустили",
        "запустить",
        "открытие",
        "открылась",
        "открыли",
        "открыть",
        "открыта",
        "старт",
        "launch",
        "open",
    ],
    &["выиграл", "выиграть", "победил", "победить", "победа", "обыграл", "win", "won", "beat"],
    &["умер", "умереть", "скончался", "погиб", "смерть", "die", "dead", "death"],
    &["купил", "купить", "покупка", "приобрел", "сделка", "buy", "bought", "acquire"],
    &["уволили", "уволен", "отставка", "ушел", "покинул", "resign", "fire", "leave"],
    &[
        "вышел",
        "вышла",
        "выйдет",
        "выпустили",
        "выпуск",
        "релиз",
        "представили",
        "представила",
        "анонсировала",
        "release",
    ],
    &["вырос", "выросла", "рост", "подорожал", "подорожали", "повысили", "rise", "grow", "increase"],
    &[
        "упал",
        "упала",
        "падение",
        "снизился",
        "снизил",
        "снизили",
        "подешевел",
        "подешевеет",
        "fall",
        "drop",
        "decrease",
    ],
    &["сбой", "сломался", "отключение", "авария", "outage", "down", "fail"],
    &["подземка", "метро", "метрополитен", "subway"],
    &["компания", "фирма", "company"],
    &["машина", "автомобиль", "авто", "car"],
    &["лекарства", "таблетки", "препарат", "drug", "medicine"],
    &["нейросеть", "ии", "ai", "искусственный"],
    &["врач", "доктор", "медик", "doctor"],
    &["дерби", "матч", "игра", "match", "game"],
];
/// How surely a word of the same sense stands for another.
pub(super) const SENSE_STRENGTH: f32 = 0.6;

/// The shortest common beginning, in characters, and its least share of the longer stem.
const SIMILAR_CHARS_MIN: usize = 5;
const SIMILAR_SHARE_MIN: f32 = 0.62;

/// How surely one stem stands for another, 0 to 1.
pub(super) fn similarity(a: &str, b: &str) -> f32 {
    if a == b {
        return 1.0;
    }
    if a.starts_with(|c: char| c.is_ascii_digit()) {
        return 0.0;
    }
    if is_cyrillic(a) != is_cyrillic(b) {
        let (russian, other) = if is_cyrillic(a) { (a, b) } else { (b, a) };
        return transliterated(russian, other);
    }
    let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    if common < SIMILAR_CHARS_MIN {
        return 0.0;
    }
    let longer = a.chars().count().max(b.chars().count());
    if common as f32 >= SIMILAR_SHARE_MIN * longer as f32 { SIMILAR_STRENGTH } else { 0.0 }
}

fn transliterated(russian: &str, other: &str) -> f32 {
    if other.len() < 3 || !other.bytes().all(|b| b.is_ascii_lowercase()) {
        return 0.0;
    }
    // Stemmers cut the two differently: what one has more must be an ending.
    let latin: String = russian.chars().map(latin_of).collect();
    let common = latin.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let longer = latin.len().max(other.len());
    let enough = if longer < 5 { common == longer } else { common + 2 >= longer && common >= 4 };
    if enough { TRANSLITERATED_STRENGTH } else { 0.0 }
}

fn latin_of(c: char) -> &'static str {
    const LATIN: [&str; 32] = [
        "a", "b", "v", "g", "d", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u",
        "f", "kh", "ts", "ch", "sh", "shch", "", "y", "", "e", "yu", "ya",
    ];
    let at = (c as usize).wrapping_sub('а' as usize);
    LATIN.get(at).copied().unwrap_or("")
}

/// Whether a folded word has Cyrillic letters.
pub(super) fn is_cyrillic(folded: &str) -> bool {
    folded.chars().any(|c| ('а'..='я').contains(&c))
}

/// The stems of one sense with this one, itself included.
pub(super) fn senses_of(stem: &str) -> Vec<String> {
    SENSES
        .iter()
        .map(|group| group.iter().map(|word| text::stem(word)).collect::<Vec<_>>())
        .filter(|group| group.iter().any(|sense| sense == stem))
        .flatten()
        .collect()
}
