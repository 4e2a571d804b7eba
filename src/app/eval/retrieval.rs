//! Retrieval quality: a judged set in the BEIR layout, and the measures over ranked lists.
//!
//! Reading touches the file system; the measures are pure and know nothing of how a list was made.
//!
//! Invariants: only judged queries count (a query without a relevant document says nothing); a document listed twice counts
//! at its first place only.

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Depth of nDCG and MRR.
pub const DEPTH: usize = 10;

/// Why a judged set cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("read {path}: {source}; the directory needs corpus.jsonl, queries.jsonl and qrels.tsv", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("read {path} line {line}: {reason}", path = path.display())]
    Line { path: PathBuf, line: usize, reason: String },
}

/// A document of the corpus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JudgedDocument {
    #[serde(rename = "_id")]
    pub id: String,
    #[serde(default)]
    pub title: String,
    pub text: String,
}

impl JudgedDocument {
    /// Title and text as one post would carry them.
    pub fn post_text(&self) -> String {
        if self.title.is_empty() { self.text.clone() } else { format!("{}\n{}", self.title, self.text) }
    }
}

/// A question of the set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JudgedQuery {
    #[serde(rename = "_id")]
    pub id: String,
    pub text: String,
}

/// By query id: the relevant documents and their grades (above 0).
pub type Judgements = BTreeMap<String, BTreeMap<String, u32>>;

/// A set as read from its directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JudgedSet {
    pub corpus: Vec<JudgedDocument>,
    /// Judged ones only, in the file's order.
    pub queries: Vec<JudgedQuery>,
    pub judgements: Judgements,
}

impl JudgedSet {
    /// Reads `corpus.jsonl`, `queries.jsonl` and `qrels.tsv` (also as `qrels/test.tsv`).
    pub fn read(dir: &Path) -> Result<JudgedSet, Error> {
        let flat = dir.join("qrels.tsv");
        let qrels = if flat.exists() { flat } else { dir.join("qrels").join("test.tsv") };
        let judgements = judgements(&qrels)?;
        let mut queries: Vec<JudgedQuery> = jsonl(&dir.join("queries.jsonl"))?;
        queries.retain(|query| judgements.contains_key(&query.id));
        Ok(JudgedSet { corpus: jsonl(&dir.join("corpus.jsonl"))?, queries, judgements })
    }
}

/// The measures, means over the queries; 0 to 1 but for the counts and times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Metrics {
    pub queries: usize,
    pub ndcg_at_10: f64,
    pub recall_at_1: f64,
    pub recall_at_5: f64,
    pub recall_at_10: f64,
    pub mrr_at_10: f64,
    pub ms_per_query_p50: f64,
    pub ms_per_query_p99: f64,
}

/// One query's ranked list and how long it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub query_id: String,
    /// Document ids, best first.
    pub ranked: Vec<String>,
    pub elapsed_ms: f64,
}

impl Metrics {
    /// Measures the runs of judged queries; others are ignored.
    pub fn of(runs: &[Run], judgements: &Judgements) -> Metrics {
        let mut sum = Metrics::default();
        let mut times = Vec::new();
        for run in runs {
            let Some(relevant) = judgements.get(&run.query_id).filter(|r| !r.is_empty()) else {
                continue;
            };
            let mut seen = HashSet::new();
            let grades: Vec<u32> = run
                .ranked
                .iter()
                .filter(|id| seen.insert(id.as_str()))
                .take(DEPTH)
                .map(|id| relevant.get(id).copied().unwrap_or(0))
                .collect();
            let recall = |k: usize| {
                grades.iter().take(k).filter(|grade| **grade > 0).count() as f64 / relevant.len() as f64
            };
            sum.queries += 1;
            sum.ndcg_at_10 += ndcg(&grades, relevant.values().copied());
            sum.recall_at_1 += recall(1);
            sum.recall_at_5 += recall(5);
            sum.recall_at_10 += recall(10);
            let first = grades.iter().position(|grade| *grade > 0);
            sum.mrr_at_10 += first.map_or(0.0, |at| 1.0 / (at + 1) as f64);
            times.push(run.elapsed_ms);
        }
        let count = sum.queries.max(1) as f64;
        Metrics {
            queries: sum.queries,
            ndcg_at_10: sum.ndcg_at_10 / count,
            recall_at_1: sum.recall_at_1 / count,
            recall_at_5: sum.recall_at_5 / count,
            recall_at_10: sum.recall_at_10 / count,
            mrr_at_10: sum.mrr_at_10 / count,
            ms_per_query_p50: percentile(&mut times, 0.50),
            ms_per_query_p99: percentile(&mut times, 0.99),
        }
    }
}

/// The smallest value with at least this share of the values at or below it; 0 for none.
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// nDCG with linear gains, as `trec_eval` computes it.
fn ndcg(grades: &[u32], relevant: impl Iterator<Item = u32>) -> f64 {
    let gain = |(at, grade): (usize, &u32)| f64::from(*grade) / ((at + 2) as f64).log2();
    let mut ideal: Vec<u32> = relevant.collect();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    ideal.truncate(DEPTH);
    let best: f64 = ideal.iter().enumerate().map(gain).sum();
    let got: f64 = grades.iter().enumerate().map(gain).sum();
    if best > 0.0 { got / best } else { 0.0 }
}

fn lines(path: &Path) -> Result<impl Iterator<Item = Result<(usize, String), Error>>, Error> {
    let fail = |source| Error::File { path: path.to_path_buf(), source };
    let reader = BufReader::new(File::open(path).map_err(fail)?);
    let path = path.to_path_buf();
    Ok(reader.lines().enumerate().map(move |(i, line)| match line {
        Ok(line) => Ok((i + 1, line)),
        Err(source) => Err(Error::File { path: path.clone(), source }),
    }))
}

fn jsonl<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>, Error> {
    let mut out = Vec::new();
    for line in lines(path)? {
        let (line, text) = line?;
        if text.trim().is_empty() {
            continue;
        }
        out.push(serde_json::from_str(&text).map_err(|e| Error::Line {
            path: path.to_path_buf(),
            line,
            reason: e.to_string(),
        })?);
    }
    Ok(out)
}

/// `query-id TAB corpus-id TAB grade`, with or without a header line; grade 0 is "not relevant".
fn judgements(path: &Path) -> Result<Judgements, Error> {
    let mut out = Judgements::new();
    for line in lines(path)? {
        let (line, text) = line?;
        if text.trim().is_empty() || (line == 1 && text.starts_with("query-id")) {
            continue;
        }
        let fail = |reason: &str| Error::Line { path: path.to_path_buf(), line, reason: reason.to_owned() };
        let mut cells = text.split('\t').map(str::trim);
        let (Some(query), Some(document), Some(grade), None) =
            (cells.next(), cells.next(), cells.next(), cells.next())
        else {
            return Err(fail("not three columns separated by tabs"));
        };
        let grade: i64 = grade.parse().map_err(|_| fail("the grade is not a whole number"))?;
        if let Ok(grade @ 1..) = u32::try_from(grade) {
            out.entry(query.to_owned()).or_default().insert(document.to_owned(), grade);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(list: &[(&str, u32)]) -> Judgements {
        let relevant = list.iter().map(|(id, grade)| ((*id).to_owned(), *grade)).collect();
        Judgements::from([("q".to_owned(), relevant)])
    }

    fn check(ranked: &[&str], relevant: &[(&str, u32)], ndcg: f64, recalls: [f64; 3], mrr: f64) {
        let run = Run {
            query_id: "q".to_owned(),
            ranked: ranked.iter().map(|id| (*id).to_owned()).collect(),
            elapsed_ms: 2.0,
        };
        let got = Metrics::of(&[run], &judged(relevant));
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} instead of {b}: {got:?}");
        near(got.ndcg_at_10, ndcg);
        near(got.recall_at_1, recalls[0]);
        near(got.recall_at_5, recalls[1]);
        near(got.recall_at_10, recalls[2]);
        near(got.mrr_at_10, mrr);
    }

    #[test]
    fn measures_agree_with_hand_computed_ones() {
        check(&["a", "b"], &[("a", 1)], 1.0, [1.0, 1.0, 1.0], 1.0);
        check(&["b", "a"], &[("a", 1)], 1.0 / 3f64.log2(), [0.0, 1.0, 1.0], 0.5);
        check(&["b", "b", "a"], &[("a", 1)], 1.0 / 3f64.log2(), [0.0, 1.0, 1.0], 0.5);
        check(&["x"; 3], &[("a", 1)], 0.0, [0.0; 3], 0.0);
        check(
            &["x", "a"],
            &[("a", 1), ("b", 1)],
            (1.0 / 3f64.log2()) / (1.0 + 1.0 / 3f64.log2()),
            [0.0, 0.5, 0.5],
            0.5,
        );
        let late = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "a"];
        check(&late, &[("a", 1)], 0.0, [0.0; 3], 0.0);
    }

    #[test]
    fn unjudged_queries_do_not_count() {
        assert_eq!(Metrics::of(&[], &judged(&[("a", 1)])), Metrics::default());
    }

    #[test]
    fn percentiles_are_nearest_rank() {
        assert!((percentile(&mut [3.0, 1.0, 2.0], 0.5) - 2.0).abs() < 1e-12);
        assert!((percentile(&mut [3.0, 1.0, 2.0], 0.99) - 3.0).abs() < 1e-12);
        assert!(percentile(&mut [], 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_set_is_read_with_and_without_header() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        put("corpus.jsonl", "{\"_id\":\"d\",\"title\":\"T\",\"text\":\"x\"}\n\n");
        put("queries.jsonl", "{\"_id\":\"q\",\"text\":\"a\"}\n{\"_id\":\"unjudged\",\"text\":\"b\"}\n");
        for qrels in ["query-id\tcorpus-id\tscore\nq\td\t1\nq\te\t0\n", "q\td\t1\n"] {
            put("qrels.tsv", qrels);
            let set = JudgedSet::read(dir.path()).unwrap();
            assert_eq!(set.corpus[0].post_text(), "T\nx");
            assert_eq!(set.queries.len(), 1);
            assert_eq!(set.judgements, judged(&[("d", 1)]));
        }
        put("qrels.tsv", "q d 1\n");
        assert!(matches!(JudgedSet::read(dir.path()), Err(Error::Line { line: 1, .. })));
    }
}
