//! The vectors against a plain model: same posts, same order, whatever was added, removed and asked.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::ChannelSet;

const DIM: usize = 12;

fn encoding() -> Encoding {
    Encoding::for_model("test", DIM)
}

fn settings(exact_max_chunks: usize) -> VectorSettings {
    VectorSettings { exact_max_chunks, ..VectorSettings::default() }
}

/// Deterministic, spread over all directions.
fn vector(seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..DIM)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u32 << 24) as f32 - 0.5
        })
        .collect()
}

fn insert(vectors: &Vectors, post: i64, chunk: u32, seed: u64) {
    let row = encoding().encode(&vector(seed)).unwrap();
    let row = VectorRow {
        post_id: PostId(post),
        channel_id: ChannelId(post % 3),
        posted_at: post * 10,
        chunk,
        row: &row,
    };
    vectors.insert(&[row]).unwrap();
}

fn everything() -> VectorFilter {
    VectorFilter::channels(ChannelSet::All)
}

fn ids(hits: &[Hit]) -> Vec<i64> {
    hits.iter().map(|hit| hit.post_id.0).collect()
}

/// What `Vectors` should do, without any of its machinery.
#[derive(Default)]
struct Model(BTreeMap<(i64, u32), u64>);

impl Model {
    fn search(&self, question: &[f32], passes: impl Fn(i64) -> bool, k: usize) -> Vec<Hit> {
        let encoding = encoding();
        let unit = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
        let mut best: BTreeMap<i64, f32> = BTreeMap::new();
        for ((post, _), seed) in self.0.iter().filter(|((post, _), _)| passes(*post)) {
            let row = encoding.decode(&encoding.encode(&vector(*seed)).unwrap()).unwrap();
            let dot: f32 = row.iter().zip(question).map(|(a, b)| a * b).sum();
            let score = dot / unit(question);
            let held = best.entry(*post).or_insert(score);
            *held = held.max(score);
        }
        let hit = |(id, score)| Hit { post_id: PostId(id), score };
        let mut hits: Vec<Hit> = best.into_iter().map(hit).collect();
        hits.sort_by(super::super::best_first);
        hits.truncate(k);
        hits
    }
}

/// Equal up to rounding: scores agree place by place, and so do posts unless their scores are that close.
fn check(got: &[Hit], expected: &[Hit]) {
    assert_eq!(got.len(), expected.len(), "{got:?} instead of {expected:?}");
    for (i, (a, b)) in got.iter().zip(expected).enumerate() {
        assert!((a.score - b.score).abs() < 1e-3, "place {i}: {got:?} instead of {expected:?}");
    }
}

#[derive(Debug, Clone)]
enum Change {
    Insert { post: i64, chunk: u32, seed: u64 },
    Remove { post: i64 },
    Graph,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => (0i64..40, 0u32..3, any::<u64>()).prop_map(|(post, chunk, seed)| Change::Insert { post, chunk, seed }),
        3 => (0i64..40).prop_map(|post| Change::Remove { post }),
        1 => Just(Change::Graph),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn vectors_agree_with_the_model(
        changes in proptest::collection::vec(change(), 1..80),
        asked in any::<u64>(),
        k in 1usize..12,
    ) {
        // Every search three ways: scan only, graph whenever one is built, and one of them with a filter.
        let exact = Vectors::new("test", encoding(), settings(usize::MAX));
        let forced = Vectors::new("test", encoding(), settings(0));
        let mut model = Model::default();
        for change in changes {
            match change {
                Change::Insert { post, chunk, seed } => {
                    insert(&exact, post, chunk, seed);
                    insert(&forced, post, chunk, seed);
                    model.0.insert((post, chunk), seed);
                }
                Change::Remove { post } => {
                    let before = model.0.len();
                    model.0.retain(|(held, _), _| *held != post);
                    prop_assert_eq!(exact.remove(PostId(post)), before - model.0.len());
                    forced.remove(PostId(post));
                }
                Change::Graph => {
                    forced.graph_build(&AtomicBool::new(false));
                }
            }
        }
        prop_assert_eq!(exact.chunks(), model.0.len());
        let question = vector(asked);
        let filter = VectorFilter { since: Some(100), until: Some(300), ..VectorFilter::channels(channels(&[0, 2])) };
        let passes = |post: i64| post % 3 != 1 && (100..300).contains(&(post * 10));
        for vectors in [&exact, &forced] {
            check(&vectors.search(&question, &everything(), k).unwrap(), &model.search(&question, |_| true, k));
            check(&vectors.search(&question, &filter, k).unwrap(), &model.search(&question, passes, k));
            let few: BTreeSet<PostId> = (0..50).step_by(5).map(PostId).collect();
            let listed: Vec<PostId> = few.iter().copied().collect();
            let only = VectorFilter { posts: Some(few), ..everything() };
            let expected = model.search(&question, |post| post % 5 == 0, 100);
            check(&vectors.search(&question, &only, 100).unwrap(), &expected);
            check(&vectors.score(&question, &listed).unwrap(), &expected);
        }
    }
}

fn channels(ids: &[i64]) -> ChannelSet {
    ChannelSet::Only(ids.iter().copied().map(ChannelId).collect())
}

/// `count` posts of one chunk each, and a graph over them.
fn with_graph(count: i64) -> Vectors {
    let vectors = Vectors::new("test", encoding(), settings(0));
    for post in 0..count {
        insert(&vectors, post, 0, post as u64 + 1);
    }
    let built = vectors.graph_build(&AtomicBool::new(false));
    assert_eq!(built, BuildOutcome::Built { count: count as usize, generation: 1 });
    vectors
}

#[test]
fn rows_cross_block_borders_and_slots_are_reused() {
    let vectors = Vectors::new("test", encoding(), settings(usize::MAX));
    let count = BLOCK_ROWS as i64 + 10;
    for post in 0..count {
        insert(&vectors, post, 0, post as u64 + 1);
    }
    let bytes = vectors.memory_bytes();
    for post in 0..100 {
        vectors.remove(PostId(post));
        insert(&vectors, count + post, 0, post as u64 + 1);
    }
    assert!(vectors.memory_bytes() <= bytes * 11 / 10, "freed slots are used again");
    for post in [101, count - 1, count + 7] {
        let seed = if post >= count { post - count + 1 } else { post + 1 };
        let hits = vectors.search(&vector(seed as u64), &everything(), 1).unwrap();
        assert_eq!(ids(&hits), [post]);
        assert!(hits[0].score > 0.99);
    }
    let drift = vectors.verify([PostId(99), PostId(100)]);
    assert_eq!(drift.missing, [PostId(99)]);
    assert_eq!(drift.extra.len() as i64, count - 1);
}

#[test]
fn a_graph_is_due_above_the_limit_and_when_stale() {
    let vectors = Vectors::new("test", encoding(), settings(99));
    let build = || vectors.graph_build(&AtomicBool::new(false));
    for post in 0..99 {
        insert(&vectors, post, 0, post as u64 + 1);
    }
    assert_eq!(build(), BuildOutcome::NotDue);
    insert(&vectors, 99, 0, 100);
    assert_eq!(vectors.graph_build(&AtomicBool::new(true)), BuildOutcome::Stopped);
    assert!(!vectors.graph_in_use());
    assert!(matches!(build(), BuildOutcome::Built { generation: 1, .. }));
    assert_eq!(build(), BuildOutcome::NotDue);
    for post in 0..9 {
        insert(&vectors, post, 0, post as u64 + 500);
    }
    assert!(matches!(build(), BuildOutcome::Built { generation: 2, .. }));
}

#[test]
fn a_dump_is_loaded_and_what_changed_since_is_searched_exactly() {
    let dir = tempfile::tempdir().unwrap();
    with_graph(300).graph_dump(dir.path()).unwrap();
    let vectors = Vectors::new("test", encoding(), settings(0));
    for post in 10..310 {
        // Post 20 was embedded anew, 0 to 9 were removed, 300 to 309 are new.
        insert(&vectors, post, 0, if post == 20 { 9_000 } else { post as u64 + 1 });
    }
    assert!(vectors.graph_load(dir.path()));
    assert!(vectors.graph_in_use());
    for (seed, post) in [(9_000, 20), (306, 305), (51, 50)] {
        assert_eq!(ids(&vectors.search(&vector(seed), &everything(), 1).unwrap()), [post]);
    }
    let hits = vectors.search(&vector(5), &everything(), 50).unwrap();
    assert!(hits.iter().all(|hit| hit.post_id.0 >= 10), "{hits:?}");
}

#[test]
fn a_damaged_or_foreign_dump_is_ignored() {
    let halve = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    for name in ["rows.hnsw.graph", "rows.hnsw.data", "keys", "manifest.json"] {
        for damage in [&halve as &dyn Fn(&mut Vec<u8>), &flip] {
            let dir = tempfile::tempdir().unwrap();
            let vectors = with_graph(50);
            vectors.graph_dump(dir.path()).unwrap();
            let path = dir.path().join("graph-1").join(name);
            let mut bytes = std::fs::read(&path).unwrap();
            damage(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
            let again = Vectors::new("test", encoding(), settings(0));
            insert(&again, 1, 0, 2);
            assert!(!again.graph_load(dir.path()), "{name}");
            assert!(again.graph_is_due(), "{name}: to be built again");
            assert!(!dir.path().join("graph-1").exists(), "{name}: removed");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    with_graph(50).graph_dump(dir.path()).unwrap();
    assert!(!Vectors::new("other", encoding(), settings(0)).graph_load(dir.path()));
    assert!(!Vectors::new("test", encoding(), settings(0)).graph_load(&dir.path().join("absent")));
}

#[test]
fn a_truncated_graph_with_a_matching_checksum_is_no_panic() {
    // Only a bug of ours could write this; hnsw_rs panics on it, and the panic must stay inside.
    let dir = tempfile::tempdir().unwrap();
    let vectors = with_graph(50);
    vectors.graph_dump(dir.path()).unwrap();
    let path = dir.path().join("graph-1").join("rows.hnsw.graph");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    dump::reseal(&dir.path().join("graph-1"));
    assert!(!Vectors::new("test", encoding(), settings(0)).graph_load(dir.path()));
}

#[test]
fn dumps_replace_each_other_and_leftovers_go() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".new-graph-7")).unwrap();
    let vectors = with_graph(60);
    vectors.graph_dump(dir.path()).unwrap();
    for post in 0..30 {
        insert(&vectors, post, 0, post as u64 + 900);
    }
    vectors.graph_build(&AtomicBool::new(false));
    vectors.graph_dump(dir.path()).unwrap();
    let names: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["graph-2"]);
}

#[test]
fn a_question_of_another_model_is_refused_and_limits_hold() {
    let vectors = with_graph(20);
    let refused = vectors.search(&[0.0; 3], &everything(), 5);
    assert!(matches!(refused, Err(Error::Dimension { expected: DIM, found: 3 })));
    assert!(vectors.search(&vector(1), &everything(), 0).unwrap().is_empty());
    assert_eq!(vectors.search(&vector(1), &everything(), usize::MAX).unwrap().len(), 20);
    assert_eq!(vectors.search(&[f32::NAN; DIM], &everything(), 5).unwrap().len(), 5);
    let none = VectorFilter::channels(channels(&[]));
    assert!(vectors.search(&vector(1), &none, 5).unwrap().is_empty());
    let bad =
        VectorRow { post_id: PostId(99), channel_id: ChannelId(1), posted_at: 0, chunk: 0, row: &[1, 2] };
    assert!(vectors.insert(&[bad]).is_err());
    assert!(!vectors.contains(PostId(99)));
}

/// Vectors in the shape of the real model's: a common direction, and posts in topics around it.
fn crowded(seed: u64) -> Vec<f32> {
    let spread = |seed: u64, width: f32| {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 40) as f32 / (1u32 << 24) as f32 - 0.5) * width
        }
    };
    let (mut topic, mut own) = (spread(seed % 97 + 1, 60.0), spread(seed + 1_000, 60.0));
    cone::E5_SMALL.iter().map(|c| f32::from(*c) + topic() + own()).collect()
}

#[test]
fn sketches_find_what_the_scan_finds() {
    let encoding = Encoding::for_model("multilingual-e5-small", cone::E5_SMALL.len());
    let sketched = VectorSettings { sketch_min_chunks: 0, ..settings(usize::MAX) };
    let plain = VectorSettings { sketch_min_chunks: usize::MAX, ..settings(usize::MAX) };
    let sides = [sketched, plain].map(|settings| Vectors::new("test", encoding.clone(), settings));
    for post in 0..BLOCK_ROWS as i64 + 900 {
        let row = encoding.encode(&crowded(post as u64)).unwrap();
        for side in &sides {
            let (post_id, channel_id) = (PostId(post), ChannelId(post % 10));
            let row = VectorRow { post_id, channel_id, posted_at: post, chunk: 0, row: &row };
            side.insert(&[row]).unwrap();
        }
    }
    for side in &sides {
        for post in (0..4_000).step_by(7) {
            side.remove(PostId(post));
        }
    }
    let (mut found, mut asked) = (0, 0);
    for seed in 0..40 {
        let question = crowded(50_000 + seed);
        let all = |side: &Vectors| ids(&side.search(&question, &everything(), 10).unwrap());
        let (got, expected) = (all(&sides[0]), all(&sides[1]));
        found += got.iter().filter(|id| expected.contains(id)).count();
        asked += expected.len();
        // Fewer rows than the short list holds: the same list, to the last place.
        let few = VectorFilter::channels(channels(&[3]));
        let [got, expected] = [0, 1].map(|side| sides[side].search(&question, &few, 30).unwrap());
        assert_eq!(got, expected);
    }
    assert!(found * 100 >= asked * 99, "{found} of {asked}");
}

#[test]
fn changes_while_a_graph_is_built_are_searched() {
    let [vectors, exact] = [0, usize::MAX].map(|max| Vectors::new("test", encoding(), settings(max)));
    for post in 0..600 {
        insert(&vectors, post, 0, post as u64 + 1);
        insert(&exact, post, 0, post as u64 + 1);
    }
    std::thread::scope(|threads| {
        let build = threads.spawn(|| vectors.graph_build(&AtomicBool::new(false)));
        for post in 0..600 {
            // Every third goes, every third changes; each search meanwhile sees what is there.
            for side in [&vectors, &exact] {
                match post % 3 {
                    0 => drop(side.remove(PostId(post))),
                    1 => insert(side, post, 0, post as u64 + 5_000),
                    _ => insert(side, post + 1_000, 0, post as u64 + 9_000),
                }
            }
            let asked = vector(post as u64 + 70_000);
            check(
                &vectors.search(&asked, &everything(), 5).unwrap(),
                &exact.search(&asked, &everything(), 5).unwrap(),
            );
        }
        assert!(matches!(build.join().unwrap(), BuildOutcome::Built { .. }));
    });
    for seed in 0..100 {
        let asked = vector(seed + 90_000);
        check(
            &vectors.search(&asked, &everything(), 10).unwrap(),
            &exact.search(&asked, &everything(), 10).unwrap(),
        );
    }
}
