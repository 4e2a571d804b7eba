//! Answers over whole corpora, with a small retrieval of its own (BM25 over stems): the share of answerable questions
//! whose answer cites an expected post, the share of unanswerable ones refused, and how far the confidence parts them.
//!
//! Each test prints its figures (`--no-capture` shows them) and skips when its corpus is not there.

use std::{collections::HashMap, path::PathBuf};

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::*;
use crate::{ai::question::analyse, text};

const RETRIEVED: usize = 20;

#[derive(Deserialize)]
struct DemoPost {
    channel: String,
    channel_title: String,
    message_id: i64,
    date: Timestamp,
    text: String,
}

#[derive(Deserialize)]
struct DemoQuestions {
    questions: Vec<DemoQuestion>,
}

#[derive(Deserialize)]
struct DemoQuestion {
    question: String,
    expect_posts: Vec<String>,
    expect_any_words: Vec<String>,
    answerable: bool,
}

#[derive(Deserialize)]
struct BeirRow {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

struct Doc {
    key: String,
    channel: String,
    at: Timestamp,
    text: String,
    length: f32,
}

/// Posts and their inverted index.
#[derive(Default)]
struct Corpus {
    docs: Vec<Doc>,
    index: HashMap<String, Vec<(usize, f32)>>,
    /// Vectors of posts and of questions by text, where a directory of them is given.
    vectors: Vec<Vec<f32>>,
    question_vectors: HashMap<String, Vec<f32>>,
}

impl DocumentFrequency for Corpus {
    fn documents(&self) -> u64 {
        self.docs.len() as u64
    }

    fn frequency(&self, stem: &str) -> u64 {
        self.index.get(stem).map_or(0, |docs| docs.len() as u64)
    }
}

impl Corpus {
    fn add(&mut self, key: String, channel: String, at: Timestamp, text: &str) {
        let text = text::normalise(text);
        let mut counts: HashMap<String, f32> = HashMap::new();
        let terms = text::terms(&text);
        for term in &terms {
            *counts.entry(term.text.clone()).or_default() += 1.0;
        }
        for (stem, count) in counts {
            self.index.entry(stem).or_default().push((self.docs.len(), count));
        }
        self.docs.push(Doc { key, channel, at, length: terms.len() as f32, text });
    }

    /// The best posts with their scores, the best first.
    fn retrieve(&self, question: &Question) -> Vec<(usize, f32)> {
        let average = self.docs.iter().map(|d| d.length).sum::<f32>() / self.docs.len() as f32;
        let allowed = |doc: usize| question.period.is_none_or(|p| p.contains(self.docs[doc].at));
        let mut scores: HashMap<usize, f32> = HashMap::new();
        for term in text::terms(&question.search_text) {
            let Some(postings) = self.index.get(&term.text) else {
                continue;
            };
            let n = postings.len() as f32;
            let idf = (1.0 + (self.docs.len() as f32 - n + 0.5) / (n + 0.5)).ln();
            for (doc, count) in postings.iter().filter(|(doc, _)| allowed(*doc)) {
                let norm = 1.2 * (0.25 + 0.75 * self.docs[*doc].length / average);
                *scores.entry(*doc).or_default() += idf * count * 2.2 / (count + norm);
            }
        }
        if question.search_text.is_empty() {
            scores = (0..self.docs.len()).filter(|d| allowed(*d)).map(|d| (d, 1.0)).collect();
        }
        let mut best: Vec<(usize, f32)> = scores.into_iter().collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
        best.truncate(RETRIEVED);
        best
    }

    /// Reads `<name>.p.f32`, `<name>.q.f32` (rows of little-endian floats) and `<name>.q.json` (the questions) from the
    /// directory in `TGA_ANSWER_VECTORS`, to measure with cosines too.
    fn load_vectors(&mut self, name: &str) {
        let Some(dir) = std::env::var_os("TGA_ANSWER_VECTORS").map(PathBuf::from) else {
            return;
        };
        let rows = |file: String| -> Vec<Vec<f32>> {
            let bytes = std::fs::read(dir.join(file)).unwrap();
            let floats: Vec<f32> =
                bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
            floats.chunks_exact(384).map(<[f32]>::to_vec).collect()
        };
        self.vectors = rows(format!("{name}.p.f32"));
        let questions = std::fs::read_to_string(dir.join(format!("{name}.q.json"))).unwrap();
        let questions: Vec<String> = serde_json::from_str(&questions).unwrap();
        self.question_vectors = questions.into_iter().zip(rows(format!("{name}.q.f32"))).collect();
    }

    /// The mix of both lists that search uses: a quarter words, three quarters cosine, each spread over its candidates.
    fn retrieve_mixed(&self, question: &Question) -> Vec<(usize, f32, Option<f32>)> {
        let words = self.retrieve(question);
        let Some(vector) = self.question_vectors.get(&question.original) else {
            let top = words.first().map_or(1.0, |f| f.1);
            return words.into_iter().map(|(doc, score)| (doc, score / top, None)).collect();
        };
        let allowed = |doc: usize| question.period.is_none_or(|p| p.contains(self.docs[doc].at));
        let mut near: Vec<(usize, f32)> = (0..self.vectors.len())
            .filter(|doc| allowed(*doc))
            .map(|doc| (doc, self.vectors[doc].iter().zip(vector).map(|(a, b)| a * b).sum()))
            .collect();
        near.sort_by(|a, b| b.1.total_cmp(&a.1));
        near.truncate(RETRIEVED);
        let spread = |of: &[(usize, f32)]| -> HashMap<usize, f32> {
            let (low, high) = (of.last().map_or(0.0, |f| f.1), of.first().map_or(1.0, |f| f.1));
            of.iter().map(|(doc, s)| (*doc, (s - low) / (high - low).max(1e-6))).collect()
        };
        let (a, b) = (spread(&words), spread(&near));
        let cosines: HashMap<usize, f32> = near.iter().copied().collect();
        let mut out: Vec<(usize, f32, Option<f32>)> = words
            .iter()
            .chain(&near)
            .map(|(doc, _)| *doc)
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .map(|doc| {
                let mix = 0.25 * a.get(&doc).unwrap_or(&0.0) + 0.75 * b.get(&doc).unwrap_or(&0.0);
                (doc, mix, cosines.get(&doc).copied())
            })
            .collect();
        out.sort_by(|a, b| b.1.total_cmp(&a.1));
        out.truncate(RETRIEVED);
        out
    }

    /// The question as read, the answer, the keys of the cited posts and of all retrieved ones.
    fn answer(&self, text: &str, now: Timestamp) -> (Question, Answer, Vec<String>, Vec<String>) {
        let question = analyse(text, now, &TimeZone::posix("MSK-3").unwrap());
        let found = self.retrieve_mixed(&question);
        let sources: Vec<Source<'_>> = found
            .iter()
            .map(|(doc, score, cosine)| Source {
                post_id: PostId(*doc as i64),
                channel_title: &self.docs[*doc].channel,
                posted_at: self.docs[*doc].at,
                text: &self.docs[*doc].text,
                score: *score,
                cosine: *cosine,
                fulltext: Some(*score),
            })
            .collect();
        let answer = answer(&question, &sources, self, None, &Settings::default());
        tests::assert_invariants(&answer, &sources, &Settings::default());
        let cited = answer
            .used
            .iter()
            .map(|cited| self.docs[usize::try_from(cited.post_id.0).unwrap()].key.clone())
            .collect();
        let retrieved = found.iter().map(|(doc, ..)| self.docs[*doc].key.clone()).collect();
        (question, answer, cited, retrieved)
    }
}

fn lines_of<T: serde::de::DeserializeOwned>(path: &PathBuf) -> Option<Vec<T>> {
    let Ok(content) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    };
    Some(content.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn shared() -> PathBuf {
    let fallback = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    std::env::var_os("TGA_SHARED_DATA").map_or(fallback, PathBuf::from)
}

#[test]
fn demo() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/app/demo");
    let Some(posts) = lines_of::<DemoPost>(&dir.join("posts.jsonl")) else {
        return;
    };
    let golden = std::fs::read_to_string(dir.join("questions.json")).unwrap();
    let golden: DemoQuestions = serde_json::from_str(&golden).unwrap();
    let mut corpus = Corpus::default();
    for post in posts {
        let key = format!("{}/{}", post.channel, post.message_id);
        corpus.add(key, post.channel_title, post.date, &post.text);
    }
    let now = corpus.docs.iter().map(|d| d.at).max().unwrap();
    corpus.load_vectors("demo");
    let (mut cited, mut worded, mut refused, mut answerable) = (0_u32, 0_u32, 0_u32, 0_u32);
    for item in &golden.questions {
        let (question, answer, keys, _) = corpus.answer(&item.question, now);
        let hit = keys.iter().any(|key| item.expect_posts.contains(key));
        let plain = |word: &String| word.replace("[,.]", ",").replace("[–-]", "–").replace('\\', "");
        let words = item.expect_any_words.iter().any(|word| answer.text.contains(&plain(word)));
        if item.answerable {
            answerable += 1;
            cited += u32::from(hit);
            worded += u32::from(words);
        } else {
            refused += u32::from(answer.abstained);
        }
        eprintln!(
            "{} {:.2} {:?} {:?} {}\n    {keys:?}\n    {}",
            match (item.answerable, hit, words, answer.abstained) {
                (true, true, true, _) | (false, _, _, true) => "ok  ",
                (true, true, false, _) => "post",
                (true, false, _, _) | (false, _, _, false) => "BAD ",
            },
            answer.confidence,
            question.intent,
            question.kind,
            item.question,
            answer.text.replace('\n', "\n    ")
        );
    }
    let unanswerable = golden.questions.len() - answerable as usize;
    eprintln!(
        "demo: expected post cited {cited}/{answerable}, expected words {worded}/{answerable}, refused {refused}/{unanswerable}"
    );
    // Words alone cannot find an English post for a Russian question; with vectors nine of ten are asked for.
    let wanted = if corpus.vectors.is_empty() { 0.6 } else { 0.9 };
    assert!(f64::from(cited) >= wanted * f64::from(answerable));
    assert!(f64::from(refused) >= 0.9 * unanswerable as f64);
}

#[test]
fn headlines() {
    let dir = shared().join("retrieval/telegram-headline-ru");
    let Some(docs) = lines_of::<BeirRow>(&dir.join("corpus.jsonl")) else {
        return;
    };
    let Some(queries) = lines_of::<BeirRow>(&dir.join("queries.jsonl")) else {
        return;
    };
    let qrels = std::fs::read_to_string(dir.join("qrels.tsv")).unwrap();
    let wanted: HashMap<&str, &str> = qrels
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(query, rest)| (query, rest.split('\t').next().unwrap()))
        .collect();
    let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let mut corpus = Corpus::default();
    for doc in docs {
        let channel = doc.id.split('/').next().unwrap_or_default().to_owned();
        corpus.add(doc.id, channel, now, &doc.text);
    }
    corpus.load_vectors("headlines");
    let mut answerable = Vec::new();
    let mut hits = 0;
    let mut found = 0;
    // A debug build reads the posts thirty times slower: an eighth of the questions is enough for it.
    let step = if cfg!(debug_assertions) { 8 } else { 1 };
    for query in queries.iter().step_by(step) {
        let (_, answer, keys, retrieved) = corpus.answer(&query.text, now);
        let target = wanted[query.id.as_str()];
        // Only what retrieval found is the answerer's business.
        if retrieved.iter().any(|key| key == target) {
            found += 1;
            hits += usize::from(keys.iter().any(|key| key == target));
            answerable.push(answer.confidence);
        }
    }
    let mut unanswerable = Vec::new();
    for text in TRIVIA {
        let (_, answer, ..) = corpus.answer(text, now);
        if !answer.abstained {
            eprintln!(
                "answered {:.2} {text}\n    {}",
                answer.confidence,
                answer.text.replace('\n', "\n    ")
            );
        }
        unanswerable.push(answer.confidence);
    }
    let above = |of: &[f32], t: f32| of.iter().filter(|c| **c >= t).count() as f32 / of.len() as f32;
    eprintln!(
        "found {found}/{}; target cited {hits}/{found}; AUC {:.3}",
        queries.len().div_ceil(step),
        auc(&answerable, &unanswerable)
    );
    for t in [0.3, 0.4, 0.5, 0.6, 0.7] {
        eprintln!(
            "threshold {t}: answered {:.3}, strangers answered {:.3}",
            above(&answerable, t),
            above(&unanswerable, t)
        );
    }
    // A sample of sixty: one stranger is 0.017.
    assert!(auc(&answerable, &unanswerable) >= 0.9);
    assert!(above(&answerable, CONFIDENCE_MIN) >= 0.8 && above(&unanswerable, CONFIDENCE_MIN) <= 0.12);
}

/// The chance that an answerable question has more confidence than an unanswerable one.
fn auc(positive: &[f32], negative: &[f32]) -> f64 {
    let pairs = positive.iter().flat_map(|p| negative.iter().map(move |n| (p, n)));
    let won: f64 = pairs
        .map(|(p, n)| match p.total_cmp(n) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        })
        .sum();
    won / (positive.len() * negative.len()) as f64
}

/// Questions of general knowledge that posts on news, programming and science of those months do not answer.
const TRIVIA: &[&str] = &[
    "Какой рецепт бананового хлеба самый простой?",
    "В каком году родился Пушкин?",
    "Сколько пингвинов живёт в зоопарке Сиднея?",
    "Кто победил на чемпионате по кёрлингу среди юниоров?",
    "Как вязать крючком детскую шапочку?",
    "Какая столица у Монголии?",
    "Сколько струн у арфы?",
    "Кто написал роман «Мёртвые души»?",
    "Как пересадить орхидею в новый горшок?",
    "Какая температура плавления вольфрама?",
    "Когда отменили крепостное право?",
    "Сколько костей в теле жирафа?",
    "Кто изобрёл паровую машину?",
    "Как приготовить борщ без свёклы?",
    "Какой высоты водопад Анхель?",
    "Где находится могила Моцарта?",
    "Почему фламинго розовые?",
    "Сколько длилась Столетняя война?",
    "Кто сыграл Штирлица в кино?",
    "Какие ноты в аккорде до мажор?",
    "Как отбелить старую скатерть?",
    "Кто был первым императором Рима?",
    "Сколько лепестков у ромашки?",
    "Когда построили Эйфелеву башню?",
    "Как правильно солить огурцы на зиму?",
    "Какая глубина озера Байкал?",
    "Почему опадают листья осенью?",
    "Кто открыл закон всемирного тяготения?",
    "Какой породы была собака у Электроника?",
    "Где родился художник Айвазовский?",
    "Сколько калорий в гречке с молоком?",
    "Как научить попугая разговаривать?",
    "Что такое ямб и хорей?",
    "Кто такой Минотавр?",
    "Какие витамины содержатся в шиповнике?",
    "Как завязать морской узел булинь?",
    "Сколько ступеней в Потёмкинской лестнице?",
    "Кто сочинил оперу «Севильский цирюльник»?",
    "Какая река самая длинная в Африке?",
    "Как избавиться от моли в шкафу?",
    "Когда цветёт сакура в Киото?",
    "Сколько весит слонёнок при рождении?",
    "Как играть в преферанс втроём?",
    "Кто такие гугеноты?",
    "Как настроить гитару по камертону?",
    "Расстояние от Земли до Сатурна",
    "Чем кормить ежа в домашних условиях?",
    "Как сшить шторы с люверсами?",
    "Какой шахматный дебют лучше для начинающих?",
    "Сколько букв в алфавите грузинского языка?",
    "Who painted the ceiling of the Sistine Chapel?",
    "How many legs does a lobster have?",
    "What is the boiling point of ethanol?",
    "When was the Treaty of Westphalia signed?",
    "How do I knit a cable pattern?",
    "Which river flows through Budapest?",
    "Who wrote Pride and Prejudice?",
    "How long should I boil an egg?",
    "What is the capital of Mongolia famous for?",
    "Why do cats purr?",
];
